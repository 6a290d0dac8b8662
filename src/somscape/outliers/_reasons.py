"""Why a row is unusual, in original units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from somscape._types import Floats, Ints
from somscape.encode import CategoryCode, DateCode
from somscape.errors import InputError
from somscape.maps import Map
from somscape.outliers._score import nearest_usual
from somscape.tables import Column, Table, table_from_columns, table_from_frame

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
    near, place = _usual_units(detector, rows)
    described = [
        _Described(detector, table, j, near, place, rows) for j in range(by_column.shape[1])
    ]
    scores = by_column.sum(axis=1)
    share = np.divide(by_column.T, scores, out=np.zeros(by_column.T.shape), where=scores > 0).T
    for j, column in enumerate(described):
        share[column.is_as_usual, j] = 0.0  # the level that prevails is no reason
    order = np.argsort(-share, axis=1, kind="stable")[:, :MAX_REASONS]
    found: list[tuple[Reason, ...]] = []
    for i, (columns, shares) in enumerate(
        zip(order.tolist(), np.take_along_axis(share, order, axis=1).tolist(), strict=True)
    ):
        pairs = zip(columns, shares, strict=True)
        found.append(tuple(described[j].reason(i, part) for j, part in pairs if part >= MIN_SHARE))
    return found


def _usual_units(detector: "Detector", rows: Floats) -> tuple[Ints, Ints]:
    """Return the different sets of usual units near rows, and the number of each row's set."""
    found, _ = nearest_usual(detector.of_all_rows, rows)
    near, place = np.unique(found, axis=0, return_inverse=True)
    return near, place.reshape(-1)


class _Described:
    """What is said of one column: values of rows, and what is usual near them."""

    def __init__(
        self,
        detector: "Detector",
        table: Table,
        j: int,
        near: Ints,
        place: Ints,
        rows: Floats,
    ) -> None:
        encoding = detector.map_.encoding
        self._code, part = encoding.features[j], encoding.slices[j]
        self._column = table.column(self._code.name)
        self._is_decorrelated = detector.of_all_rows.decorrelation is not None
        self._near, self._place = detector.map_.codebook[:, part][near], place
        self._usual: dict[int, tuple[str, float, float]] = {}
        self._rows = rows[:, part]
        self.is_as_usual = np.zeros(len(rows), dtype=bool)
        if isinstance(self._code, CategoryCode):
            prevailing = self._near.mean(axis=1).argmax(axis=1)
            self.is_as_usual = prevailing[place] == self._rows.argmax(axis=1)

    @cached_property
    def _values(self) -> list[str]:
        cells = [MISSING if cell is None else cell for cell in self._column.each_cell()]
        if isinstance(self._code, DateCode) and self._code.unit == "D":
            return [cell.removesuffix("T00:00:00") for cell in cells]
        return cells

    def _usual_of(self, number: int) -> tuple[str, float, float]:
        """Return what is usual, in words and as ends on the encoded scale."""
        if number not in self._usual:
            near = self._near[number]
            self._usual[number] = self._code.usual(near), float(near.min()), float(near.max())
        return self._usual[number]

    def reason(self, row: int, share: float) -> Reason:
        """Return the column as a reason of a row."""
        usual, low, high = self._usual_of(int(self._place[row]))
        value = self._values[row]
        if isinstance(self._code, CategoryCode):
            return Reason(self._code.name, value, usual, share)
        at = None if value == MISSING else float(self._rows[row, 0])
        is_usual = self._is_decorrelated and at is not None and low <= at <= high
        return Reason(self._code.name, value, usual, share, at, (low, high), is_usual)


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


class Ids(Sequence[str]):
    """The ids of some rows, made as they are asked for: few of a million are shown.

    Parameters
    ----------
    column : Column or None
        The id column; None: the numbers of the rows, from 1.
    rows : ndarray of shape (n_ids,)
        Numbers of the rows in the table, from 0.
    """

    def __init__(self, column: Column | None, rows: Ints) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(list(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(Ids(self._column, self._rows[place]))
        if self._column is None:
            return str(self._rows[place] + 1)
        return self._column.cell(int(self._rows[place])) or ""

    def __iter__(self) -> Iterator[str]:
        if self._column is None:
            return map(str, (self._rows + 1).tolist())
        return (cell or "" for cell in self._column.take(self._rows).each_cell())

    def take(self, places: Ints) -> "Ids":
        """Return the ids at some places."""
        return Ids(self._column, self._rows[places])


def ids_of(map_: Map, table: Table) -> tuple[str, Ids]:
    """Return the name of the id column and the ids of all rows.

    Parameters
    ----------
    map_ : Map
    table : Table

    Returns
    -------
    name : str
        `RECORD` if the table has no id column.
    ids : Ids
        Without an id column, the numbers of the rows, from 1.
    """
    name, rows = map_.encoding.named("id"), np.arange(table.n_rows)
    if name is not None and name in table.names:
        return name, Ids(table.column(name), rows)
    return RECORD, Ids(None, rows)


def cell_text(table: Table, row: int, name: str) -> str:
    """Return a cell as text.

    Parameters
    ----------
    table : Table
    row : int
    name : str
        Name of the column.

    Returns
    -------
    str
    """
    return table.column(name).cell(row) or MISSING
