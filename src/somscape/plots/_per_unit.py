"""One value for each unit: from an array, a column, a measure or a function of a unit's rows."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._shown import YEAR, ColumnPlane, column_plane, is_number
from somscape.tables import as_frame, collected

NO_LEVEL = -1


def plane_of(map_: Map, values: Any, X: Any = None, name: str | None = None) -> ColumnPlane:
    """Return one value for each unit."""
    if isinstance(values, str) or is_number(values):
        plane = column_plane(map_, values)
        name = plane.name if name is None else name
        return ColumnPlane(name, plane.kind, plane.values, plane.levels)
    if callable(values):
        own = getattr(values, "__name__", "")
        name = own.replace("_", " ") * own.isidentifier() if name is None else name
        values = _of_rows(map_, values, X)
    elif name is None and isinstance(getattr(values, "name", None), str):
        name = values.name  # of a series
    return _of_array(map_, values, name or "")


def rows_by_unit(map_: Map, X: Any) -> tuple[Any, list[Ints]]:
    """Return rows that can be taken by number, and the numbers of those that each unit won."""
    X = collected(X)
    units = map_.winners(X)
    order = np.argsort(units, kind="stable")
    ends = np.searchsorted(units[order], np.arange(map_.n_units + 1))
    parts = [order[a:b] for a, b in itertools.pairwise(ends)]
    return (np.asarray(X) if isinstance(X, list | tuple) else X), parts


def _take(rows: Any, chosen: Ints) -> Any:
    """Return some rows of what the user passed, of the same type."""
    if hasattr(rows, "iloc"):
        return rows.iloc[chosen]
    if hasattr(rows, "take") and not isinstance(rows, np.ndarray):
        return rows.take(chosen)
    return rows[chosen] if as_frame(rows, "X") is None else rows[chosen.tolist()]


def _of_rows(map_: Map, function: Callable[..., Any], X: Any) -> list[Any]:
    """Call a function on the rows of each unit that won any; None for the others."""
    if X is None:
        raise InputError(
            "`values` is a function of a unit's rows, and there are none. Pass the rows, as X=..."
        )
    rows, parts = rows_by_unit(map_, X)
    is_measure = str(getattr(function, "__module__", "")).startswith("somscape.measures")
    found: list[Any] = []
    for part in parts:
        if not len(part):
            found.append(None)
            continue
        own = _take(rows, part)
        value = function(map_, own) if is_measure else function(own)
        if np.ndim(value):
            raise InputError(
                "`values` must return one value for a unit's rows; got an array of shape "
                f"{np.shape(value)}."
            )
        found.append(value.item() if isinstance(value, np.generic) else value)
    return found


def _of_array(map_: Map, values: Any, name: str) -> ColumnPlane:
    try:
        given = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InputError(f"`values` must hold one value for each unit; {error}.") from error
    lattice = map_.lattice
    if given.shape == (lattice.n_rows, lattice.n_cols):
        given = given.ravel()
    if given.shape != (map_.n_units,):
        raise InputError(
            f"`values` must hold one value for each of the {map_.n_units} units, shape "
            f"({map_.n_units},) or ({lattice.n_rows}, {lattice.n_cols}); got {given.shape}. For a "
            "value of each row, pass a function of a unit's rows, and X."
        )
    if given.dtype.kind == "M":
        moments = given.astype("datetime64[us]")
        years = np.where(np.isnat(moments), np.nan, 1970 + moments.astype(np.int64) / YEAR)
        return ColumnPlane(name, "number", years)
    if given.dtype.kind in "iuf":
        return ColumnPlane(name, "number", given.astype(np.float64))
    if given.dtype.kind == "O" and all(is_missing(v) or _is_real(v) for v in given):
        numbers = np.array([np.nan if is_missing(v) else float(v) for v in given])
        return ColumnPlane(name, "number", numbers)
    if given.dtype.kind not in "bUSO":
        raise InputError(f"`values` must hold numbers, texts or truth values; got {given.dtype}.")
    return levels_of(name, [None if is_missing(v) else str(v) for v in given])


def levels_of(name: str, texts: "list[str | None]") -> ColumnPlane:
    """Return the plane of a text for each unit, the most frequent level first."""
    levels, counts = np.unique([t for t in texts if t is not None], return_counts=True)
    ordered = [str(level) for level in levels[np.argsort(-counts, kind="stable")]]
    place = {level: i for i, level in enumerate(ordered)}
    numbers = np.array([NO_LEVEL if t is None else place[t] for t in texts], dtype=np.float64)
    return ColumnPlane(name, "level", numbers, tuple(ordered))


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
