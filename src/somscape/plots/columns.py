"""Compute the values of units for pictures, from columns, functions or arrays."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, is_missing
from somscape.errors import InputError
from somscape.maps.map import Map, as_map, feature_named
from somscape.tables._frame import as_frame
from somscape.tables._recoded import words_of_column, words_of_level
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.ordered import DateCode
from somscape.tables.sources import collected

YEAR = 365.2425 * 86_400e6
"""Number of microseconds in an average year."""


@dataclass(frozen=True, eq=False)
class ColumnPlane:
    """A value for each unit of a map, computed from a column or given by the user.

    Attributes
    ----------
    name : str
        Name of the column, or the description of the column if the data dictionary contains one.
    kind : {"number", "share", "level"}
        ``"number"``: the values are numbers in original units, or dates as decimal years.
        ``"share"``: the share of rows with one of the two levels of a category.  ``"level"``: the
        most common level.
    values : ndarray of shape (n_units,), float64
        Numbers, shares from 0 to 1, or positions in `levels`.  For a unit without a value, a number
        or share is NaN, and a position is -1.
    levels : tuple of str
        If `kind` is ``"share"``, the level whose shares are in `values`.  If `kind` is ``"level"``,
        the levels that occur in `values`, in descending order of their number of units.

    See Also
    --------
    column_plane : Returns the plane of a column.

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


def column_plane(som: Map, column: str | int) -> ColumnPlane:
    """Return the plane of a column, which contains a value for each unit.

    Parameters
    ----------
    som : Map
        Map with the column.
    column : str or int
        Name or number of a feature column.

    Returns
    -------
    ColumnPlane

    Raises
    ------
    InputError
        If the column is not on the map.  The message contains the most similar name.

    See Also
    --------
    values : Draws the plane.
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
    som = as_map(som)
    column, encoding = column_name(som, column), som.encoding
    plane = _plane(som, column)
    if not encoding.roles.dictionary:
        return plane
    levels = tuple(words_of_level(encoding, column, level) for level in plane.levels)
    return replace(plane, name=words_of_column(encoding, column), levels=levels)


def _plane(som: Map, column: str) -> ColumnPlane:
    shown = som.plane(column)
    code, part = feature_named(som.encoding, column)
    if isinstance(code, DateCode):
        microseconds = shown.astype("datetime64[us]").astype(np.float64)
        return ColumnPlane(column, "number", 1970 + microseconds / YEAR)
    if isinstance(code, NumberCode):
        return ColumnPlane(column, "number", np.asarray(shown, dtype=np.float64))
    if isinstance(code, CategoryCode) and len(code.levels) == 2:
        # After online training from a PCA start, a level can be slightly below 0.
        amounts = np.clip(som.codebook[:, part].astype(np.float64), 0.0, None)
        total = amounts.sum(axis=1)
        share = np.divide(amounts[:, 1], total, out=np.zeros_like(total), where=total > 0)
        return ColumnPlane(column, "share", share, (code.levels[1],))
    return levels_of(column, [str(level) for level in shown])


def column_name(map_: Map, column: str | int) -> str:
    """Return the name of a feature column that is given by its name or number."""
    if isinstance(column, str):
        return feature_named(map_.encoding, column)[0].name
    names = [code.name for code in map_.encoding.features]
    if not is_number(column):
        raise InputError(
            f"a column must be a name or a number, but is {column!r:.40} "
            f"({type(column).__name__}).",
            parameter="columns",
            value=column,
        )
    if not 0 <= column < len(names):
        raise InputError(
            f"this map has the feature columns 0 to {len(names) - 1}, but no column {column}. "
            "Pass one of these numbers, or a name.",
            parameter="columns",
            value=column,
        )
    return names[column]


def chosen_columns(map_: Map, columns: Any) -> list[str]:
    """Return the names of the given columns, or the names of all feature columns by default."""
    if columns is None:
        return [code.name for code in map_.encoding.features]
    is_one = isinstance(columns, str) or not isinstance(columns, Iterable)
    given = [columns] if is_one else list(columns)
    if not given:
        raise InputError(
            "`columns` is empty. Give at least one column, or leave out `columns` for all columns."
        )
    return [column_name(map_, column) for column in given]


def is_number(value: Any) -> bool:
    """Return whether a value is an integer of Python or NumPy."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


ORDERS = ("auto", "columns", "likeness", "relevance")


def ordered_columns(som: Map, columns: Any = None, *, order: str = "likeness") -> list[str]:
    """Return column names in an order in which planes are easy to compare.

    Parameters
    ----------
    som : Map
        Map, or a detector or fitted estimator that has a map.
    columns : sequence of str or int, optional
        Columns to use.  By default all feature columns.
    order : {"likeness", "relevance", "columns"}, default="likeness"
        ``"likeness"``: columns with similar or opposite planes are next to each other.
        ``"relevance"``: columns with the largest relevance are first.  ``"columns"``: the given
        order.

    Returns
    -------
    list of str

    Raises
    ------
    InputError, ValueError
        If a given column is not on the map, or if `order` is invalid.

    See Also
    --------
    planes, relevance

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(100, 3)) * [1, 9, 3]
    >>> plots.ordered_columns(SOM(random_state=0).fit(X), order="relevance")
    ['x1', 'x2', 'x0']
    """
    check_choice("order", order, ORDERS[1:])
    map_ = as_map(som)
    names = chosen_columns(map_, columns)
    if order == "columns" or len(names) < 2:
        return names
    if order == "relevance":
        return [names[i] for i in np.argsort(-relevance(map_, names), kind="stable")]
    return [names[i] for i in by_likeness(plane_correlations(map_, names))]


def relevance(som: Map, columns: Any = None) -> Float64s:
    """Return the share of each column in the total variance of the prototypes.

    Parameters
    ----------
    som : Map
        Map, or a detector or fitted estimator that has a map.
    columns : sequence of str or int, optional
        Columns to use.  By default all feature columns.

    Returns
    -------
    ndarray of shape (n_columns,)
        Share of each column in the variance of the prototypes.  The variance is weighted by hits.
        The shares of all columns of the map add up to 1.

    Raises
    ------
    InputError
        If a given column is not on the map.

    See Also
    --------
    ordered_columns, somscape.measures.explained_variance_by_feature

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(100, 2)) * [1, 3]
    >>> plots.relevance(SOM(random_state=0).fit(X)).round(1)
    array([0.1, 0.9])
    """
    map_ = as_map(som)
    names = chosen_columns(map_, columns)
    hits = map_.hits if map_.hits.any() else np.ones(map_.n_units)
    middle = np.average(map_.codebook, axis=0, weights=hits)
    spread = np.average((map_.codebook - middle) ** 2, axis=0, weights=hits)
    if map_.metric.feature_weights is not None:
        spread = spread * map_.metric.feature_weights
    parts = {
        code.name: float(spread[part].sum())
        for code, part in zip(map_.encoding.features, map_.encoding.slices, strict=True)
    }
    total = sum(parts.values()) or 1.0
    return np.array([parts[name] / total for name in names])


def plane_correlations(map_: Map, names: list[str]) -> Float64s:
    """Return the correlation of each pair of planes over all units.  In a plane of levels, units
    with the most common level count as 1 and other units as 0."""
    planes = np.column_stack([_as_numbers(map_, name) for name in names])
    planes = planes - planes.mean(axis=0)
    length = np.sqrt((planes**2).sum(axis=0))
    planes = np.divide(planes, length, out=np.zeros_like(planes), where=length > 1e-12)
    found = np.clip(planes.T @ planes, -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def by_likeness(correlations: Float64s) -> Ints:
    """Return an order of the planes in which similar or opposite planes follow each other."""
    alike = np.round(np.abs(correlations), 9)  # rounding keeps equal values equal on every machine
    np.fill_diagonal(alike, -1.0)
    first, second = np.unravel_index(int(alike.argmax()), alike.shape)
    chain = [int(first), int(second)]
    is_left = np.ones(len(alike), dtype=bool)
    is_left[chain] = False
    while is_left.any():
        ends = alike[[chain[0], chain[-1]]].copy()
        ends[:, ~is_left] = -2.0
        at_end, plane = np.unravel_index(int(ends.argmax()), ends.shape)
        chain.insert(len(chain) if at_end else 0, int(plane))
        is_left[plane] = False
    # Begin at the end with the lower number, because a mirrored chain is the same order.
    return np.array(chain if chain[0] <= chain[-1] else chain[::-1], dtype=np.intp)


def _as_numbers(map_: Map, name: str) -> Any:
    plane = column_plane(map_, name)
    if plane.kind != "level":
        return plane.values
    return np.asarray(plane.values == 0, dtype=np.float64)  # most common level or not


NO_LEVEL = -1


def plane_of(map_: Map, values: Any, X: Any = None, name: str | None = None) -> ColumnPlane:
    """Return a plane whose values are from a column, from a function or from an array."""
    if isinstance(values, str) or is_number(values):
        plane = column_plane(map_, values)
        return plane if name is None else replace(plane, name=name)
    if callable(values):
        own = getattr(values, "__name__", "")
        name = own.replace("_", " ") * own.isidentifier() if name is None else name
        values = _results_of_rows(map_, values, X)
    elif name is None and isinstance(getattr(values, "name", None), str):
        name = values.name  # the name of a series
    return _plane_of_array(map_, values, name or "")


def rows_by_unit(map_: Map, X: Any) -> tuple[Any, list[Ints]]:
    """Return two values: rows that allow selection by number, and the row numbers of each unit."""
    X = collected(X)
    units = map_.winners(X)
    order = np.argsort(units, kind="stable")
    ends = np.searchsorted(units[order], np.arange(map_.n_units + 1))
    parts = [order[a:b] for a, b in itertools.pairwise(ends)]
    return (np.asarray(X) if isinstance(X, list | tuple) else X), parts


def _take(rows: Any, chosen: Ints) -> Any:
    """Return the rows with the chosen numbers, in the type of `rows`."""
    if hasattr(rows, "iloc"):
        return rows.iloc[chosen]
    if hasattr(rows, "take") and not isinstance(rows, np.ndarray):
        return rows.take(chosen)
    return rows[chosen] if as_frame(rows, "X") is None else rows[chosen.tolist()]


def _results_of_rows(map_: Map, function: Callable[..., Any], X: Any) -> list[Any]:
    """Apply a function to the rows of each unit.  For a unit without rows, the result is None."""
    if X is None:
        raise InputError(
            "`values` is a function of rows, but `X` is not given. Pass the rows as `X`.",
            parameter="X",
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
                "the function `values` must return a single value, but returned an array of "
                f"shape {np.shape(value)}.",
                parameter="values",
                value=np.shape(value),
            )
        found.append(value.item() if isinstance(value, np.generic) else value)
    return found


def _plane_of_array(map_: Map, values: Any, name: str) -> ColumnPlane:
    try:
        given = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InputError(f"`values` must have one value for each unit ({error}).") from error
    lattice = map_.lattice
    if given.shape == (lattice.n_rows, lattice.n_cols):
        given = given.ravel()
    if given.shape != (map_.n_units,):
        raise InputError(
            f"`values` must have a value for each unit, with the shape ({map_.n_units},) or "
            f"({lattice.n_rows}, {lattice.n_cols}), but has the shape {given.shape}. For values "
            "of rows, pass a function of the rows of a unit, and the rows as `X`.",
            value=given.shape,
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
        raise InputError(
            "`values` must contain numbers, texts or truth values, but has the type "
            f"{given.dtype}.",
            value=given.dtype,
        )
    return levels_of(name, [None if is_missing(v) else str(v) for v in given])


def levels_of(name: str, texts: Sequence[str | None]) -> ColumnPlane:
    """Return a plane whose levels are the distinct texts in descending order of frequency."""
    levels, counts = np.unique([t for t in texts if t is not None], return_counts=True)
    ordered = levels[np.argsort(-counts, kind="stable")].tolist()
    place = {level: i for i, level in enumerate(ordered)}
    numbers = np.array([NO_LEVEL if t is None else place[t] for t in texts], dtype=np.float64)
    return ColumnPlane(name, "level", numbers, tuple(ordered))


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
