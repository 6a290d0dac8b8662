"""What a component plane shows, as plain arrays, for a picture and for a page."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.encode import CategoryCode, DateCode, NumberCode, words_of_column, words_of_level
from somscape.errors import InputError
from somscape.maps import Map
from somscape.tables import listed, suggestion

YEAR = 365.2425 * 86_400e6
"""Microseconds of a mean year."""


@dataclass(frozen=True, eq=False)
class ColumnPlane:
    """One column of the data, or another value, unit by unit.

    Attributes
    ----------
    name : str
        The column, by its words if it has some.
    kind : {"number", "share", "level"}
        Numbers in original units, with dates as decimal years; the share of one level of a category
        with two levels; or the most common level.
    values : ndarray of shape (n_units,), float64
        Numbers, shares from 0 to 1, or positions in `levels`.  Where a unit has none, NaN or -1.
    levels : tuple of str
        For a share, its level; for levels, those that `values` point to, the most frequent first.

    See Also
    --------
    column_plane : Makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> plane = plots.column_plane(SOM(3, 4, random_state=0).fit(X).map_, "x1")
    >>> plane.name, plane.kind
    ('x1', 'number')
    """

    name: str
    kind: str
    values: Float64s
    levels: tuple[str, ...] = ()


def column_plane(map: Map, column: str | int) -> ColumnPlane:
    """Return what the plane of one column shows.

    Parameters
    ----------
    map : Map
        A map with the column.
    column : str or int
        A feature column of the encoding, by name or number.

    Returns
    -------
    ColumnPlane

    Raises
    ------
    InputError
        If the map has no such column; the nearest name is given.

    See Also
    --------
    values : Draws it.
    planes

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> plane = plots.column_plane(som.map_, som.map_.encoding.features[0].name)
    >>> plane.kind, plane.values.shape
    ('number', (12,))
    """
    column, encoding = column_name(map, column), map.encoding
    plane = _plane(map, column)
    if not encoding.roles.dictionary:
        return plane
    levels = tuple(words_of_level(encoding, column, level) for level in plane.levels)
    return replace(plane, name=words_of_column(encoding, column), levels=levels)


def _plane(map: Map, column: str) -> ColumnPlane:
    shown = map.plane(column)
    code, part = _code_and_part(map, column)
    if isinstance(code, DateCode):
        microseconds = shown.astype("datetime64[us]").astype(np.float64)
        return ColumnPlane(column, "number", 1970 + microseconds / YEAR)
    if isinstance(code, NumberCode):
        return ColumnPlane(column, "number", np.asarray(shown, dtype=np.float64))
    if isinstance(code, CategoryCode) and len(code.levels) == 2:
        # Online training from a PCA start can leave a level slightly below 0.
        amounts = np.clip(map.codebook[:, part].astype(np.float64), 0.0, None)
        total = amounts.sum(axis=1)
        share = np.divide(amounts[:, 1], total, out=np.zeros_like(total), where=total > 0)
        return ColumnPlane(column, "share", share, (code.levels[1],))
    names, counts = np.unique(shown.astype(str), return_counts=True)
    levels = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    place = {level: i for i, level in enumerate(levels)}
    values = np.array([place[str(level)] for level in shown], dtype=np.float64)
    return ColumnPlane(column, "level", values, tuple(levels))


def column_name(map_: Map, column: str | int) -> str:
    """Return the name of a feature column, given by name or number."""
    names = [code.name for code in map_.encoding.features]
    if isinstance(column, str):
        if column in names:
            return column
        cure = suggestion(column, names) or f"it has {listed(names)}"
        raise InputError(f"this map has no feature column {listed([column])}; {cure}")
    if not is_number(column):
        raise InputError(
            f"a column is given by its name or number; got {column!r:.40} "
            f"({type(column).__name__})."
        )
    if not 0 <= column < len(names):
        raise InputError(
            f"this map has the feature columns 0 to {len(names) - 1}; got {column}. Pass one of "
            "these, or a name."
        )
    return names[column]


def chosen_columns(map_: Map, columns: Any) -> list[str]:
    """Return the columns asked for, or all feature columns; InputError if there is none."""
    if columns is None:
        return [code.name for code in map_.encoding.features]
    is_one = isinstance(columns, str) or not isinstance(columns, Iterable)
    given = [columns] if is_one else list(columns)
    if not given:
        raise InputError("`columns` must name at least one column; leave it out for all.")
    return [column_name(map_, column) for column in given]


def is_number(value: Any) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _code_and_part(map_: Map, column: str) -> tuple[Any, slice]:
    pairs = zip(map_.encoding.features, map_.encoding.slices, strict=True)
    return next((code, part) for code, part in pairs if code.name == column)
