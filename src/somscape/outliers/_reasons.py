"""Why a row is unusual, in original units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Floats
from somscape.encode import CategoryCode, CycleCode, DateCode, FeatureCode, PartCode, sources_of
from somscape.errors import InputError
from somscape.maps import Map
from somscape.outliers._score import nearest_usual
from somscape.tables import Table, table_from_columns, table_from_frame

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

RECORD = "record"
"""Name of the id if the table has no id column: the number of the row, from 1."""

MISSING = "missing"
"""Stands for a cell without a value."""

MAX_REASONS = 4
MIN_SHARE = 0.05
"""A column that adds less than this share of the score is not a reason."""


@dataclass(frozen=True)
class Reason:
    """A column with a large share of a score, the row's value, and what is usual.

    Attributes
    ----------
    column : str
    value : str
        The row's value, in original units.
    usual : str
        Values of the prototypes near the row: a range, or a level with its share.
    share : float
        Share of the score, from 0 to 1.
    at : float or None
        The value on the column's encoded scale; None for a category or a missing value.
    usual_at : (float, float) or None
        Ends of the usual range on that scale; None for a category.
    is_usual_alone : bool
        Whether the value lies in that range, and is unusual only with the other columns.
    """

    column: str
    value: str
    usual: str
    share: float
    at: float | None = None
    usual_at: tuple[float, float] | None = None
    is_usual_alone: bool = False

    def __str__(self) -> str:
        but = ", but not with the other columns" if self.is_usual_alone else ""
        return f"{self.column} {self.value} (usual {self.usual}{but})"


def reasons_of(detector: "Detector", table: Table, rows: Floats) -> list[tuple[Reason, ...]]:
    """Return the reasons of all rows of a table; see `Detector.reasons`.

    Parameters
    ----------
    detector : Detector
    table : Table
    rows : ndarray of shape (n_rows, n_features)
        The same rows, encoded.

    Returns
    -------
    list of tuple of Reason
    """
    by_column = detector.contributions_of_rows(rows)
    found, _ = nearest_usual(detector.of_all_rows, rows)
    near = detector.map_.codebook[found]
    return [_of_row(detector, table, i, rows[i], by_column[i], near[i]) for i in range(len(rows))]


def _of_row(
    detector: "Detector",
    table: Table,
    row: int,
    encoded: Floats,
    by_column: Float64s,
    prototypes: Float64s,
) -> tuple[Reason, ...]:
    score, encoding = by_column.sum(), detector.map_.encoding
    if score == 0:
        return ()
    share = by_column / score
    is_decorrelated = detector.of_all_rows.decorrelation is not None
    found: list[Reason] = []
    for j in np.argsort(-share, kind="stable"):
        if share[j] < MIN_SHARE or len(found) == MAX_REASONS:
            break
        code, place = encoding.features[j], encoding.slices[j]
        near = prototypes[:, place]
        if isinstance(code, CategoryCode) and code.prevailing(near) == code.level(encoded[place]):
            continue
        value = value_shown(code, table, row, encoded[place])
        at, usual_at, is_usual = None, None, False
        if isinstance(code, CycleCode):
            is_usual = is_decorrelated and code.is_usual(encoded[place], near)
        elif not isinstance(code, CategoryCode):
            at = None if value == MISSING else float(encoded[place][0])
            low, high = usual_at = float(near.min()), float(near.max())
            is_usual = is_decorrelated and at is not None and low <= at <= high
        part_of_score = float(share[j])
        found.append(
            Reason(code.name, value, code.usual(near), part_of_score, at, usual_at, is_usual)
        )
    return tuple(found)


def table_and_rows(map_: Map, X: Any) -> tuple[Table, Floats]:
    """Return data as a table with the columns of a map's encoding, and as encoded rows.

    Parameters
    ----------
    map_ : Map
    X : Table, data frame or array-like of shape (n_rows, n_features)
        An array's columns are taken in order.

    Returns
    -------
    table : Table
    rows : ndarray of shape (n_rows, n_features)
        Checked.

    Raises
    ------
    InputError
        For an array where columns are encoded by name, and as `Map.rows_of`.
    """
    if isinstance(X, Table) or hasattr(X, "columns"):
        table = X if isinstance(X, Table) else table_from_frame(X)
        return table, map_.rows_of(table)
    if not map_.encoding.is_plain:
        raise InputError(
            "this detector encodes columns, which it finds by name; got X without names "
            f"({type(X).__name__}). Pass a table or a data frame."
        )
    rows = map_.rows_of(X)
    return table_from_columns(dict(zip(map_.encoding.feature_names, rows.T, strict=True))), rows


def ids_of(map_: Map, table: Table) -> tuple[str, list[str]]:
    """Return the name of the id column and the ids of all rows.

    Parameters
    ----------
    map_ : Map
    table : Table

    Returns
    -------
    name : str
        `RECORD` if the table has no id column.
    ids : list of str
        Without an id column, the numbers of the rows, from 1; where an id is missing, "record 3".
    """
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        cells = table.column(name).cells
        return name, [f"{RECORD} {i + 1}" if c is None else str(c) for i, c in enumerate(cells)]
    return RECORD, [str(i + 1) for i in range(table.n_rows)]


def value_shown(code: FeatureCode, table: Table, row: int, encoded: Floats) -> str:
    """Return what a row has in a feature column: its cell, or what its dates tell.

    Parameters
    ----------
    code : FeatureCode
    table : Table
    row : int
    encoded : ndarray of shape (n_features of the code,)
        The same, encoded.

    Returns
    -------
    str
        Dates in ISO form, as the usual ones are shown.
    """
    cells = [table.column(name).cells[row] for name in sources_of(code)]
    if any(cell is None for cell in cells):
        return MISSING
    return code.text(encoded) if isinstance(code, DateCode | PartCode) else str(cells[0])
