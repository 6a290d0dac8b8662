"""Orders of component planes: which are alike, and which the map is about."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps import Map, as_map
from somscape.plots._shown import chosen_columns, column_plane

ORDERS = ("auto", "columns", "likeness", "relevance")


def ordered_columns(map: Map, columns: Any = None, *, order: str = "likeness") -> list[str]:
    """Return columns in an order in which their planes are well looked at.

    Parameters
    ----------
    map : Map
        Or a detector or a fitted estimator with one.
    columns : sequence of str or int, optional
        By default all feature columns.
    order : {"likeness", "relevance", "columns"}, default="likeness"
        Columns whose planes are alike, or opposite, side by side; those first that the map is
        about; or as they come.

    Returns
    -------
    list of str

    Raises
    ------
    InputError, ValueError
        For a column that is not there, or another order.

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
    map_ = as_map(map)
    names = chosen_columns(map_, columns)
    if order == "columns" or len(names) < 2:
        return names
    if order == "relevance":
        return [names[i] for i in np.argsort(-relevance(map_, names), kind="stable")]
    return [names[i] for i in by_likeness(plane_correlations(map_, names))]


def relevance(map: Map, columns: Any = None) -> Float64s:
    """Return how much of what the map shows is in each column.

    Parameters
    ----------
    map : Map
        Or a detector or a fitted estimator with one.
    columns : sequence of str or int, optional
        By default all feature columns.

    Returns
    -------
    ndarray of shape (n_columns,)
        Each column's share of the spread of the prototypes, weighted by hits.  Those of all columns
        of the map add up to 1.

    Raises
    ------
    InputError
        For a column that is not there.

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
    map_ = as_map(map)
    names = chosen_columns(map_, columns)
    hits = map_.hits if map_.hits.any() else np.ones(map_.n_units)
    spread = np.average(
        (map_.codebook - np.average(map_.codebook, axis=0, weights=hits)) ** 2,
        axis=0,
        weights=hits,
    )
    if map_.metric.feature_weights is not None:
        spread = spread * map_.metric.feature_weights
    parts = {
        code.name: float(spread[part].sum())
        for code, part in zip(map_.encoding.features, map_.encoding.slices, strict=True)
    }
    total = sum(parts.values()) or 1.0
    return np.array([parts[name] / total for name in names])


def plane_correlations(map_: Map, names: list[str]) -> Float64s:
    """Return the correlations of planes over the units, with levels as shares."""
    planes = np.column_stack([_as_numbers(map_, name) for name in names])
    planes = planes - planes.mean(axis=0)
    length = np.sqrt((planes**2).sum(axis=0))
    planes = np.divide(planes, length, out=np.zeros_like(planes), where=length > 1e-12)
    found = np.clip(planes.T @ planes, -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def by_likeness(correlations: Float64s) -> Ints:
    """Return an order in which planes that are alike, or opposite, stand side by side."""
    alike = np.round(np.abs(correlations), 9)  # equal ones must stay equal on every machine
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
    # From the end with the lower number: a mirrored chain is the same order.
    return np.array(chain if chain[0] <= chain[-1] else chain[::-1], dtype=np.intp)


def numeric_planes(map_: Map, names: list[str]) -> Float64s:
    """Return the planes of numbers and shares, of shape (n_units, n_names)."""
    planes = [column_plane(map_, name) for name in names]
    if wrong := [p.name for p in planes if p.kind == "level"]:
        raise InputError(
            f"`columns` must be numbers, dates or categories of two levels; {wrong[0]!r} has more. "
            "Leave it out, or draw it with plots.values."
        )
    return np.column_stack([plane.values for plane in planes])


def _as_numbers(map_: Map, name: str) -> Any:
    plane = column_plane(map_, name)
    if plane.kind != "level":
        return plane.values
    return np.asarray(plane.values == 0, dtype=np.float64)  # the most common level, or another
