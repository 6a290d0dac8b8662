"""Search for the regions of a map, by the density between units or by Ward's rule."""

from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole
from somscape._weights import pair_sums
from somscape.errors import InputError
from somscape.fit._map import kept_rows
from somscape.grid.lattice import Lattice
from somscape.maps._joins import JoinedUnits, Joins, KeptRows, pieces_after, weights_of
from somscape.maps.map import Map, as_map
from somscape.regions.regions import Regions
from somscape.tables._messages import counted

FAR = 4.0
"""Minimum distance between the means of two separate parts of a map, in standard deviations."""

FEW = 2.0
"""For parts with few rows, `FAR` is multiplied by ``1 + FEW / sqrt(rows of the smaller part)``."""


def apart_regions(
    joins: list[tuple[int, int]], places: Float64s, weights: Float64s, within: float
) -> Ints:
    """Return the regions that result from joining all parts of the map that are not separate."""
    region = np.arange(len(places))
    members = {unit: np.array([unit]) for unit in range(len(places))}
    holds_apart: set[int] = set()
    for into, other in joins:
        a, b = members[into], members.pop(other)
        needed = FAR * (1 + FEW / np.sqrt(min(weights[a].sum(), weights[b].sum())))
        is_held = into in holds_apart or other in holds_apart
        if is_held or separation(places, weights, a, b, within) > needed:
            holds_apart.add(into)
        else:
            region[b] = region[a[0]]
        members[into] = np.concatenate([a, b])
    return region


def separation(places: Float64s, weights: Float64s, a: Ints, b: Ints, within: float) -> float:
    """Return the distance between two sets of units, in standard deviations of their rows."""
    means = [np.average(places[units], axis=0, weights=weights[units]) for units in (a, b)]
    line = means[1] - means[0]
    square = float(line @ line)
    if square == 0:
        return 0.0
    variances = [
        np.average(((places[units] - mean) @ line) ** 2, weights=weights[units])
        for units, mean in zip((a, b), means, strict=True)
    ]
    variance = (variances[0] + variances[1]) / 2 / square + within
    return float(np.sqrt(square / variance)) if variance > 0 else np.inf


def merge_small_regions(
    map_: Map, counts: Float64s | Ints, *, min_rows: float, start: Ints | None = None
) -> Ints:
    """Return a region for each unit.  Each region has at least `min_rows` rows."""
    pieces = JoinedUnits.on(map_.lattice, map_.codebook, np.ones(map_.n_units))
    may_leap, start = start is None, np.arange(map_.n_units) if start is None else start
    for unit in np.flatnonzero(start != np.arange(map_.n_units)):
        pieces.join(int(start[unit]), int(unit))
    totals = np.bincount(start, counts, minlength=map_.n_units).tolist()
    is_live = np.bincount(start, minlength=map_.n_units) > 0
    heap = [(totals[unit], unit) for unit in np.flatnonzero(is_live).tolist()]
    heapify(heap)
    while heap and heap[0][0] < min_rows:
        total, region = heappop(heap)
        if not is_live[region] or total != totals[region]:
            continue
        is_live[region] = False
        touching = sorted(pieces.neighbors[region])
        others = np.array(touching) if touching or not may_leap else is_live.nonzero()[0]
        if not len(others):
            continue
        into = int(others[pieces.apart(region, others).argmin()])
        pieces.join(into, region)
        totals[into] += total
        heappush(heap, (totals[into], into))
    return pieces.labels


def ward_joins(lattice: Lattice, places: Float64s, weights: Float64s) -> list[tuple[int, int]]:
    """Return pairs of map parts in the order of joining.  At first, each unit is a part."""
    pieces = JoinedUnits.on(lattice, places, weights)
    unit, slot = np.nonzero(lattice.neighbors > np.arange(len(places))[:, None])
    other = lattice.neighbors[unit, slot]
    apart = ((places[unit] - places[other]) ** 2).sum(axis=1)
    costs = weights[unit] * weights[other] / (weights[unit] + weights[other]) * apart
    # A changed piece has new costs.  Its `age` shows which entries of the heap are old.
    age = [0] * len(places)
    pairs = zip(costs.tolist(), unit.tolist(), other.tolist(), strict=True)
    heap = [(*pair, 0, 0) for pair in pairs]
    heapify(heap)
    joins = []
    while heap:
        _, low, high, age_low, age_high = heappop(heap)
        if age[low] != age_low or age[high] != age_high:
            continue
        pieces.join(low, high)
        joins.append((low, high))
        age[low] += 1
        age[high] = -1
        around = np.array(sorted(pieces.neighbors[low]), dtype=np.intp)
        total, others = pieces.weights[low], pieces.weights[around]
        costs = total * others / (total + others) * pieces.apart(low, around)
        for piece, cost in zip(around.tolist(), costs.tolist(), strict=True):
            a, b = (piece, low) if piece < low else (low, piece)
            heappush(heap, (cost, a, b, age[a], age[b]))
    return joins


METHODS = ("auto", "valleys", "ward")

MIN_REGION_ROWS = 5
"""Minimum number of rows in each region that is found by Ward's rule."""


def find_regions(
    som: Map, n_regions: int | str = "auto", *, method: str = "auto", X: Any = None
) -> Regions:
    """Find the regions of a map.

    Two parts of a map are different regions if the density of rows is lower between them.  Even on
    the best path between the parts, some border has fewer rows than both sides.  Regions can
    therefore have any shape.  For example, a long or bent group of rows is one region.  Evenly
    distributed noise is also one region.

    Between groups that touch, the number of rows may hardly fall.  A region is therefore split
    further if a mixture of normal laws, or of laws with a sharp edge, explains its rows better than
    one law, and if fewer rows are between two laws than inside them, along the line that separates
    the laws best.  Laws without such a fall belong to one region, so a ring or a group with heavy
    tails stays whole.

    Parameters
    ----------
    som : Map
        Map, or fitted estimator with a map.
    n_regions : int or "auto", default="auto"
        Number of regions.  With ``"auto"``, all separate regions are found.  If the number is
        higher than by default, these regions are divided.  If the number is lower, some of these
        regions are joined.  Regions for different numbers are therefore nested.
    method : {"auto", "valleys", "ward"}, default="auto"
        The method ``"valleys"`` uses rows, as described above.  ``"ward"`` uses only prototypes.
        Neighboring units are joined by Ward's rule, so that each region is compact and connected.
        Regions are separate if their means are more than 4 standard deviations apart.  The method
        ``"auto"`` uses valleys if rows are known, and otherwise Ward's rule.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows, or a ``scipy.sparse`` array of encoded rows, for a map that does not keep rows.  Such
        a map is from another program, from an old file without joins, or trained by `partial_fit`.
        If a table has fewer rows than columns, do not pass the rows on which the map was trained.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        If `n_regions` is more than the number of units with rows or less than the number of
        unconnected parts of the map.  With ``method="valleys"``, if rows are missing.
    ValueError, TypeError
        If `n_regions` or `method` is not allowed.

    See Also
    --------
    join, split, rename, recolor : Change regions.
    keep : Keeps regions with a map.
    order_of_joins : Returns the order in which units join.
    stability : Measures whether regions are found again.
    somscape.plots.regions, somscape.plots.dendrogram
    somscape.SOMClusterer : Trains a map and finds its regions.

    Notes
    -----
    After training, a map keeps up to 4,000 rows, or 8 rows for each unit, in memory to find
    regions.  A saved map contains only the results of comparing these rows with the prototypes.
    Each row is compared with the prototypes that training without this row would give.  Distances
    are measured by the metric of the map, or by the Euclidean metric instead of Manhattan and
    Chebyshev metrics.  Finding regions from 5,000 rows on 400 units takes a second.

    References
    ----------
    T. Martinetz and K. Schulten (1994), Topology representing networks, Neural Networks 7: two
    units touch if they are the two units nearest to some row.  J. H. Ward (1963), Hierarchical
    grouping to optimize an objective function, Journal of the American Statistical Association 58.
    K. M. Ashman, C. M. Bird and S. E. Zepf (1994), Detecting bimodality in astronomical
    datasets, The Astronomical Journal 108.  C. Hennig (2010), Methods for merging Gaussian mixture
    components, Advances in Data Analysis and Classification 4.  S. Ray and B. G. Lindsay (2005),
    The topography of multivariate normal mixtures, The Annals of Statistics 33.  E. Gomez, M. A.
    Gomez-Villegas and J. M. Marin (1998), A multivariate generalization of the power exponential
    family of distributions, Communications in Statistics 27: laws with a sharp edge.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> som = SOM(random_state=0).fit(X)
    >>> regions.find_regions(som).n_regions, regions.find_regions(som, 3).n_regions
    (1, 3)
    """
    som = as_map(som)
    check_whole("n_regions", n_regions, 1, or_auto=True)
    check_choice("method", method, METHODS)
    joins = _joins(som, method, X)
    if joins is None:
        return _find_by_ward(som, n_regions)
    n = joins.n_apart if n_regions == "auto" else int(n_regions)
    _check_number(som, n, som.n_units - len(joins.pairs), int((_hits(som) > 0).sum()))
    pairs = joins.pairs[: som.n_units - n]
    return Regions(som, _largest_first(pieces_after(som.n_units, pairs), _hits(som)))


def order_of_joins(som: Map, *, method: str = "auto") -> Ints:
    """Return the order in which units of a map are joined to form regions.

    Parameters
    ----------
    som : Map
        Map, or fitted estimator with a map.
    method : {"auto", "valleys", "ward"}, default="auto"
        Method as for `find_regions`.

    Returns
    -------
    ndarray of shape (n_joins, 2)
        Pairs of parts that are joined.  A part is identified by its lowest unit number.  The first
        ``n_units - n`` joins give the regions of ``find_regions(map, n, method=method)``.

    Raises
    ------
    InputError, ValueError
        For the same reasons as in `find_regions`.

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
    som = as_map(som)
    check_choice("method", method, METHODS)
    joins = _joins(som, method, None)
    return _ward_pairs(som) if joins is None else joins.pairs


def _joins(map_: Map, method: str, X: Any) -> Joins | None:
    """Return how units are joined by the rows of the map or by `X`, or None for Ward's rule."""
    if method == "ward":
        return None
    joins = map_.joins if X is None else _joins_from_rows(map_, X)
    if joins is None and method == "valleys":
        raise InputError(
            "This map does not keep rows, so the density between its units is unknown. Pass rows "
            "as `X` of find_regions, or pass method='ward'.",
            parameter="method",
            value=method,
        )
    return joins


def _joins_from_rows(map_: Map, X: Any) -> Joins:
    from somscape.maps._normals import join_units

    kept = kept_rows(map_.any_rows_of(X), None, map_.n_units, map_.metric)
    if not len(kept.rows):
        raise InputError(
            "`X` does not contain a row with a value. Pass rows with values, or leave out `X`."
        )
    return join_units(kept, map_.places, map_.hits, map_.lattice)


def _find_by_ward(map_: Map, n_regions: int | str) -> Regions:
    """Find regions from prototypes and hits."""
    hits, joins = _hits(map_), _ward_pairs(map_)
    if n_regions == "auto":
        found = apart_regions(
            joins.tolist(), map_.places, weights_of(map_.hits), _variance_within(map_)
        )
        if (np.bincount(found, hits)[found] < MIN_REGION_ROWS).any():
            found = merge_small_regions(map_, hits, min_rows=MIN_REGION_ROWS, start=found)
    else:
        _check_number(map_, int(n_regions), map_.n_units - len(joins), map_.n_units)
        found = pieces_after(map_.n_units, joins[: map_.n_units - int(n_regions)])
    return Regions(map_, _largest_first(found, hits))


def _ward_pairs(map_: Map) -> Ints:
    joins = ward_joins(map_.lattice, map_.places, weights_of(map_.hits))
    return np.array(joins, dtype=np.intp).reshape(-1, 2)


def _check_number(map_: Map, n: int, n_parts: int, n_full: int) -> None:
    if not n_parts <= n <= n_full:
        ends = f"`n_regions` must be from {n_parts} to {n_full}"
        if n_parts == 1:
            units = "units" if n_full == map_.n_units else "units that contain rows"
            raise InputError(
                f"{ends}, the number of {units}, but is {n}.", parameter="n_regions", value=n
            )
        raise InputError(
            f"{ends}, but is {n}. The map has {map_.n_units} units in {n_parts} parts that are not "
            "connected to each other. Use regions.join to join regions of different parts.",
            parameter="n_regions",
            value=n,
        )


def _hits(map_: Map) -> Float64s:
    return map_.hits if map_.hits.any() else np.ones(map_.n_units)


def _variance_within(map_: Map) -> float:
    """Return the variance of rows around their prototypes along one direction, or 0 if unknown."""
    errors = map_.history.get("quantization_error")
    if errors is None or not len(errors) or map_.metric.kernel != "euclidean":
        return 0.0
    return float(np.nan_to_num(errors[-1])) ** 2 / map_.codebook.shape[1]


def _largest_first(regions: Ints, hits: Float64s) -> Ints:
    """Number regions in descending order of their rows, and then by their first unit."""
    _, first, numbers = np.unique(regions, return_index=True, return_inverse=True)
    order = np.lexsort([first, -np.bincount(numbers, hits)])
    return np.argsort(order)[numbers]


SHARE = 0.9
"""Share of the rows in each sample, and of the samples from which a number is sure."""


@dataclass(frozen=True, eq=False)
class RegionStability:
    """How often the same regions are found in random samples of the rows.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples,)
        Number of separate regions in each sample.
    of_regions : ndarray of shape (n_regions,)
        For each region, the share of rows in common with the most similar region of a sample,
        averaged over samples.  If the tested number of regions is not the number that is found by
        default, each sample is cut into the tested number too.  A region whose value is 1 is found
        in every sample.  A region whose value is below 0.6 is hardly ever found (Hennig 2007).
    found : Regions or None
        The tested regions.

    See Also
    --------
    stability : Measures the stability of regions.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> regions.stability(found, n_samples=3).of_regions.tolist()
    [1.0, 1.0]
    """

    numbers: Ints
    of_regions: Float64s
    found: Regions | None = field(default=None, kw_only=True, repr=False)

    @property
    def usual_number(self) -> int:
        """Most frequent number of regions in samples, or the lowest if several tie."""
        return int(np.bincount(self.numbers).argmax())

    @property
    def share(self) -> float:
        """Share of the samples that have the most frequent number of regions."""
        return float((self.numbers == self.usual_number).mean())

    @property
    def number(self) -> int:
        """Number of regions to report, unless the number is known for another reason.

        The most frequent number if more than half of the samples have this number, and otherwise
        the number that `find_regions` finds in all rows.  Another map of the rows can have another
        number if less than nine tenths of the samples have this number.
        """
        if self.found is None or self.share > 0.5:
            return self.usual_number
        return find_regions(self.found.map_).n_regions

    def __str__(self) -> str:
        found, n, is_sure = self.found, self.number, self.share >= SHARE
        counts = np.bincount(self.numbers)
        first, *others = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
        percent = 100 * counts / len(self.numbers)
        text = f"{counted(first, 'region')} in {percent[first]:.0f} % of samples"
        text += "".join(f", {other} in {percent[other]:.0f} %" for other in others)
        if found is None or (is_sure and found.n_regions == n):
            return text
        if not is_sure:
            text += ". Another map of the rows can also have another of these numbers"
        if found.n_regions not in (1, n):
            least = f"{100 * float(self.of_regions.min()):.0f} % of its rows"
            text += f". Of {counted(found.n_regions, 'region')}, the least stable keeps {least}"
        text += f". Report {counted(n, 'region')}{'' if self.share > 0.5 else ', as in all rows'}"
        return f"{text}, unless the number is known for another reason"


def stability(found: Regions, *, n_samples: int = 20, random_state: int = 0) -> RegionStability:
    """Find regions in random samples of nine tenths of the rows, on the same map.

    Parameters
    ----------
    found : Regions
        Regions of a map that keeps rows (trained in this session or loaded from a pickle).
    n_samples : int, default=20
    random_state : int, default=0
        Seed of the samples.

    Returns
    -------
    RegionStability
        Stability of the regions.  The computation finds regions `n_samples` times.

    Raises
    ------
    InputError
        If the map does not keep rows, for example because it was read from a file.

    See Also
    --------
    find_regions

    References
    ----------
    C. Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics and
    Data Analysis 52.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0], [9]], 150, axis=0)
    >>> found = regions.find_regions(SOM(random_state=0).fit(X))
    >>> print(regions.stability(found, n_samples=5))
    2 regions in 100 % of samples
    """
    map_ = found.map_
    check_whole("n_samples", n_samples, 1)
    check_whole("random_state", random_state, 0)
    if not isinstance(map_.told, KeptRows):
        raise InputError(
            "`found` must be regions of a map that keeps rows. A map from a file does not keep "
            "rows. Find regions on a map trained in this session."
        )
    kept, rng = map_.told, np.random.default_rng(random_state)
    numbers, shares = [], []
    is_asked = found.n_regions != find_regions(map_).n_regions
    for _ in range(n_samples):
        drawn = rng.random(len(kept.rows)) < SHARE
        some = replace(map_, told=KeptRows(kept.rows[drawn], kept.weights[drawn]))
        auto = find_regions(some)
        numbers.append(auto.n_regions)
        same = find_regions(some, found.n_regions) if is_asked else auto
        shares.append(_shares(found, same))
    return RegionStability(np.array(numbers), np.mean(shares, axis=0), found=found)


def _shares(found: Regions, other: Regions) -> Float64s:
    """Return, for each region, Jaccard's index with the most similar region of `other`."""
    shape = found.n_regions, other.n_regions
    both = pair_sums(found.labels, other.labels, shape, found.map_.hits)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0).max(axis=1)
