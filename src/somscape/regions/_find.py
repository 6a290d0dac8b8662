"""Find the regions of a map: where density falls between units, or by Ward's rule alone."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole
from somscape.errors import InputError
from somscape.joins import (
    EMPTY_WEIGHT,
    Joins,
    Kept,
    join_units,
    pieces_after,
    rows_to_keep,
)
from somscape.maps import Map, as_map
from somscape.regions._count import apart_regions
from somscape.regions._merge_small import merge_small_regions
from somscape.regions._regions import Regions
from somscape.regions._ward import ward_joins

METHODS = ("auto", "valleys", "ward")

MIN_REGION_ROWS = 5
"""Fewest rows of a region found by Ward's rule."""


def find_regions(
    map: Map, n_regions: int | str = "auto", *, method: str = "auto", X: Any = None
) -> Regions:
    """Find the regions of a map.

    Two parts of a map are different regions if density falls between them: if fewer rows lie at
    their border than beside it, on the best path from one to the other.  So regions have any shape,
    one long or bent group stays whole, and noise is one region.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    n_regions : int or "auto", default="auto"
        Number of regions.  ``"auto"``: as many as lie apart.  More regions are parts of those,
        fewer are some of those together: regions of different numbers lie inside each other.
    method : {"auto", "valleys", "ward"}, default="auto"
        ``"valleys"`` goes by rows between units, as above.  ``"ward"`` goes by prototypes alone:
        neighbors on the map join by Ward's rule, so that regions are balls in one piece each, and
        lie apart if their means are more than 4 standard deviations from each other.  ``"auto"``:
        valleys where rows are known, else Ward's rule.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows, or a ``scipy.sparse`` array of them, for a map that keeps none: one from another
        program, from a file of somscape 0.2, or one that `partial_fit` went on with.  They should
        not have trained the map if there are fewer rows than columns.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        For more regions than units, or fewer than the unconnected parts of a map; for
        ``method="valleys"`` on a map that keeps no rows, without `X`.
    ValueError, TypeError
        For any other `n_regions` or `method`.

    See Also
    --------
    join, split, rename, recolor : Change what was found.
    keep : Keeps regions with a map.
    order_of_joins : How units join, one after the other.
    stability : Whether the same come back.
    somscape.plots.regions, somscape.plots.dendrogram
    somscape.SOMRegions : The same in a pipeline.

    Notes
    -----
    Training keeps up to 4,000 rows, or 8 for each unit, in memory for this; a saved map holds what
    they told.  Each row is compared with prototypes as they would be without it.  Distances are
    those of the map's metric, but Euclidean for Manhattan and Chebyshev.  Takes about a second for
    5,000 rows on 400 units.

    References
    ----------
    T. Martinetz and K. Schulten (1994), Topology representing networks, Neural Networks 7: units
    that are the two nearest of some row touch.  J. H. Ward (1963), Hierarchical grouping to
    optimize an objective function, Journal of the American Statistical Association 58.
    K. M. Ashman, C. M. Bird and S. E. Zepf (1994), Detecting bimodality in astronomical datasets,
    The Astronomical Journal 108.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> som = SOM(random_state=0).fit(X)
    >>> regions.find_regions(som).n_regions, regions.find_regions(som, 3).n_regions
    (1, 3)
    """
    map = as_map(map)
    check_whole("n_regions", n_regions, 1, or_auto=True)
    check_choice("method", method, METHODS)
    joins = _joins(map, method, X)
    if joins is None:
        return _by_ward(map, n_regions)
    n = joins.n_apart if n_regions == "auto" else int(n_regions)
    _check_number(map, n, map.n_units - len(joins.pairs))
    pairs = joins.pairs[: map.n_units - n]
    return Regions(map, _largest_first(pieces_after(map.n_units, pairs), _hits(map)))


def order_of_joins(map: Map, *, method: str = "auto") -> Ints:
    """Return the order in which the units of a map join to regions.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    method : {"auto", "valleys", "ward"}, default="auto"
        As for `find_regions`.

    Returns
    -------
    ndarray of shape (n_joins, 2)
        Two pieces, each named by its lowest unit.  The first ``n_units - n`` joins leave the
        regions of ``find_regions(map, n, method=method)``.

    Raises
    ------
    InputError, ValueError
        As for `find_regions`.

    See Also
    --------
    find_regions, somscape.plots.dendrogram

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> regions.order_of_joins(SOM(3, 4, random_state=0).fit(X)).shape
    (11, 2)
    """
    map = as_map(map)
    check_choice("method", method, METHODS)
    joins = _joins(map, method, None)
    return _ward_pairs(map) if joins is None else joins.pairs


def _joins(map_: Map, method: str, X: Any) -> Joins | None:
    """Return how the units of a map join by its own rows, or by others; None for Ward's rule."""
    if method == "ward":
        return None
    joins = map_.joins if X is None else _joins_by(map_, X)
    if joins is None and method == "valleys":
        raise InputError(
            "this map keeps no rows that tell where density falls. Pass rows as `X` of "
            "find_regions, or method='ward'."
        )
    return joins


def _joins_by(map_: Map, X: Any) -> Joins:
    rows = map_.any_rows_of(X)
    some = rows_to_keep(rows.shape, map_.n_units)
    taken = rows[some] if isinstance(rows, np.ndarray) else rows.take(some).dense()
    kept = Kept.of(map_.metric.as_euclidean(taken), None)
    if not len(kept.rows):
        raise InputError("`X` has no row with a value; pass rows that do, or leave it out.")
    return join_units(kept, map_.places, map_.hits, map_.lattice)


def _by_ward(map_: Map, n_regions: int | str) -> Regions:
    """Return regions by prototypes and hits alone."""
    hits, joins = _hits(map_), _ward_pairs(map_)
    if n_regions == "auto":
        found = apart_regions(joins.tolist(), map_.places, _weights(map_), _within(map_))
        if (np.bincount(found, hits)[found] < MIN_REGION_ROWS).any():
            found = merge_small_regions(
                map_, hits, min_rows=MIN_REGION_ROWS, start=found, may_leap=False
            )
    else:
        _check_number(map_, int(n_regions), map_.n_units - len(joins))
        found = pieces_after(map_.n_units, joins[: map_.n_units - int(n_regions)])
    return Regions(map_, _largest_first(found, hits))


def _ward_pairs(map_: Map) -> Ints:
    joins = ward_joins(map_.lattice, map_.places, _weights(map_))
    return np.array(joins, dtype=np.intp).reshape(-1, 2)


def _weights(map_: Map) -> Float64s:
    hits = _hits(map_)
    return np.maximum(hits, EMPTY_WEIGHT * hits.mean())


def _check_number(map_: Map, n: int, n_parts: int) -> None:
    if not n_parts <= n <= map_.n_units:
        ends = f"`n_regions` must be from {n_parts} to {map_.n_units}"
        if n_parts == 1:
            raise InputError(f"{ends}, the number of units; got {n}.")
        raise InputError(
            f"{ends}: the map has {map_.n_units} units in {n_parts} parts that no edge of its "
            f"graph joins; got {n}. regions.join puts regions of several parts together."
        )


def _hits(map_: Map) -> Float64s:
    return map_.hits if map_.hits.any() else np.ones(map_.n_units)


def _within(map_: Map) -> float:
    """Return the variance of rows around their prototypes in one direction, or 0 if unknown."""
    errors = map_.history.get("quantization_error")
    if errors is None or not len(errors) or map_.metric.kernel != "euclidean":
        return 0.0
    return float(np.nan_to_num(errors[-1])) ** 2 / map_.codebook.shape[1]


def _largest_first(regions: Ints, hits: Float64s) -> Ints:
    """Number regions by their rows, most first; with equal numbers, by their first units."""
    _, first, numbers = np.unique(regions, return_index=True, return_inverse=True)
    order = np.lexsort([first, -np.bincount(numbers, hits)])
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return place[numbers]
