"""Whether the nearest rows in the data are the nearest on the map, and the other way round."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice, check_whole
from somscape.measures._pairs import MAX_ROWS, PairBlock, Pairs, run, unit_distances
from somscape.measures._placed import placed

ON = ("grid", "prototypes")


def trustworthiness(
    map: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how far rows that are close on the map are close in the data.

    Good is near 1.  If it is low, rows meet on the map that have little in common.  If it is low on
    prototypes, too, take more units; if not, the map is folded: take a larger final radius.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values count as in the map's metric.
    k : int, default=10
        Number of neighbors, at least 1 and below half of the rows.
    on : {"grid", "prototypes"}, default="grid"
        Where rows are neighbors: at their units' places on the map, as Venna and Kaski mean it, or
        at their units' prototypes in the data, as SOMperf has it, which says nothing of the map's
        order.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    max_rows : int, default=5000
        Of more distinct rows, as many are drawn; each is compared with all.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        From 0 to 1, or a little below 0 where many rows share a unit; about 0.5 where all do.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows, and for a row without a
        value in common with any other.
    ValueError, TypeError
        For a `k` that is not below half of the rows, so always for fewer than 3, or another `on`.

    See Also
    --------
    continuity : The other direction.
    neighborhood_preservation

    Notes
    -----
    ``1 - 2 / (N k (2 N - 3 k - 1)) sum_i sum_j (r(i, j) - k)`` over the rows j that are among the
    k nearest of i on the map and not in the data, where j has rank r.  Rows at the same distance
    share a rank; those at the edge of the k nearest on the map share the places that are left, so
    the order of rows changes nothing.  Costs O(max_rows n_samples (n_features + log n_samples)) in
    blocks of 8 MiB, beside one copy of the rows, or three where values are missing.

    References
    ----------
    J. Venna and S. Kaski (2001), Neighborhood preservation in nonlinear projection methods: an
    experimental study, Proceedings of ICANN 2001.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> round(measures.trustworthiness(SOM(1, 20).fit(X), X, k=3), 1)
    1.0
    """
    found = _count(map, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.trustworthiness)


def continuity(
    map: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how far rows that are close in the data stay close on the map.

    Good is near 1.  If it is low, groups are torn apart: take a larger final radius, more epochs,
    or a torus for data that close in a circle.

    Parameters
    ----------
    map, X
        As for `trustworthiness`.
    k, on, sample_weight, max_rows, random_state : optional
        As for `trustworthiness`.

    Returns
    -------
    float
        From 0 to 1, or a little below 0 where many rows share a unit; 1 where all do.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `trustworthiness`.

    See Also
    --------
    trustworthiness : The other direction.
    neighborhood_preservation

    Notes
    -----
    As trustworthiness, with the map and the data changing places.  SOMperf calls it neighborhood
    preservation.

    References
    ----------
    As for `trustworthiness`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> round(measures.continuity(SOM(1, 20).fit(X), X, k=3), 1)
    1.0
    """
    found = _count(map, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.continuity)


def neighborhood_preservation(
    map: Any,
    X: Any,
    *,
    k: int = 10,
    on: str = "grid",
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the share of a row's nearest rows that are its nearest on the map, too.

    Good is near 1, which needs about as many units as rows: rows of one unit cannot be told apart.
    Compare maps of one size; what to turn is said at `trustworthiness` and `continuity`.

    Parameters
    ----------
    map, X
        As for `trustworthiness`.
    k, on, sample_weight, max_rows, random_state : optional
        As for `trustworthiness`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `trustworthiness`.

    See Also
    --------
    trustworthiness, continuity

    Notes
    -----
    Rows at the edge of the k nearest share the places that are left, on the map and in the data;
    the smaller share counts.

    References
    ----------
    J. A. Lee and M. Verleysen (2009), Quality assessment of dimensionality reduction: rank-based
    criteria, Neurocomputing 72, where it is Q_NX.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[float(i)] for i in range(40)]
    >>> measures.neighborhood_preservation(SOM(1, 20).fit(X), X, k=3) > 0.5
    True
    """
    found = _count(map, X, sample_weight, k, on, max_rows, random_state)
    return found.pairs.mean(found.preservation)


def _count(
    map: Any, X: Any, sample_weight: Any, k: int, on: str, max_rows: int, seed: int
) -> "Neighbors":
    check_choice("on", on, ON)
    check_whole("k", k, 1)
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", seed, 0)
    pairs = Pairs.of(placed(map, X, sample_weight), max_rows, seed)
    if 2 * k >= pairs.n_rows:
        raise ValueError(
            f"`k` must be below half of the rows, of which there are {pairs.n_rows:g}; got {k}."
        )
    found = Neighbors(pairs, k, on)
    run(pairs, [found])
    return found


@dataclass(frozen=True, eq=False)
class _UnitRanks:
    """How some rows of one unit see the rows of each unit.

    Attributes
    ----------
    share : ndarray of shape (n, n_live)
        Part of each unit's rows among the k nearest.
    rank : ndarray of shape (n, n_live)
        Rank that the rows of each unit share.
    """

    share: Float64s
    rank: Float64s


class Neighbors:
    """A pass that compares each row's nearest on the map with its nearest in the data.

    Parameters
    ----------
    pairs : Pairs
    k : int
    on : {"grid", "prototypes"}
    """

    def __init__(self, pairs: Pairs, k: int, on: str) -> None:
        self.pairs, self._k, self._on = pairs, k, on
        n = len(pairs.anchors)
        self._far, self._torn, self._common = np.zeros(n), np.zeros(n), np.zeros(n)
        self._known: tuple[int, Float64s] | None = None

    @property
    def trustworthiness(self) -> Float64s:
        """By anchor; the mean is the measure."""
        return self._one_less(self._far)

    @property
    def continuity(self) -> Float64s:
        """By anchor."""
        return self._one_less(self._torn)

    @property
    def preservation(self) -> Float64s:
        """By anchor."""
        return self._common / self._k

    def _one_less(self, excess: Float64s) -> Float64s:
        n, k = self.pairs.n_rows, self._k
        return 1 - excess * (2 / (k * (2 * n - 3 * k - 1)))

    def add(self, block: PairBlock) -> None:
        """Take in the pairs of some anchors."""
        unit = self._unit_ranks(block)
        limit = self._add_nearest(block, unit)
        self._add_strangers(block, unit, limit)

    def _unit_ranks(self, block: PairBlock) -> _UnitRanks:
        if self._known is None or self._known[0] != block.place:
            self._known = (block.place, unit_distances(self.pairs, block.place, self._on))
        return _ranks_of(self._known[1], self.pairs.unit_counts, block.own_counts, self._k)

    def _add_nearest(self, block: PairBlock, unit: _UnitRanks) -> Float64s:
        """Add how the k nearest in the data lie on the map; return how far they reach."""
        pairs, k, n = self.pairs, self._k, len(block.distances)
        ordered, upto = block.ordered
        reach = (upto >= k).argmax(axis=1)
        limit: Float64s = ordered[np.arange(n), np.broadcast_to(reach, n)]
        row, other = np.nonzero(block.from_others <= limit[:, None])
        counts = pairs.counts[other]
        is_inside = block.from_others[row, other] < limit[row]
        # The row itself, at -1, is none of its neighbors.
        is_far = limit > -1
        inside = np.bincount(row, counts * is_inside, minlength=n) - block.own_counts * is_far
        edge = np.bincount(row, counts * ~is_inside, minlength=n) - block.own_counts * ~is_far
        at_edge = (k - inside) / edge
        share = np.where(is_inside, 1.0, at_edge[row])
        place = pairs.unit_place[other]
        rank, there = unit.rank[row, place], unit.share[row, place]
        excess = np.where(there > 0, 0.0, rank - k)
        self._torn[block.own] = np.bincount(row, counts * share * excess, minlength=n)
        common = np.bincount(row, counts * np.minimum(share, there), minlength=n)
        own = np.minimum(np.where(is_far, 1.0, at_edge), unit.share[:, block.place])
        self._common[block.own] = common - block.own_counts * own
        return limit

    def _add_strangers(self, block: PairBlock, unit: _UnitRanks, limit: Float64s) -> None:
        """Add how far the k nearest on the map lie in the data."""
        pairs, k = self.pairs, self._k
        members = _rows_of(pairs, np.flatnonzero((unit.share > 0).any(axis=0)))
        apart = block.from_others[:, members]
        is_strange = apart > limit[:, None]
        place, counts = pairs.unit_place[members], pairs.counts[members]
        ordered, upto = block.ordered
        excess = np.zeros(len(apart))
        for row in np.flatnonzero(is_strange.any(axis=1)):
            found, line = apart[row, is_strange[row]], ordered[row]
            closer = np.searchsorted(line, found, side="left") - 1
            last = np.searchsorted(line, found, side="right") - 1
            counted = upto[row if len(upto) > 1 else 0]
            # Ranks closer + 1 to last, shared.
            rank = (counted[closer] + counted[last] + 1) / 2
            weights = (unit.share[row, place] * counts)[is_strange[row]]
            excess[row] = ((rank - k) * weights).sum()
        self._far[block.own] = excess


def _ranks_of(apart: Float64s, counts: Float64s, own: Float64s, k: int) -> _UnitRanks:
    """Return shares and ranks of units, from rows of which `own` does not count."""
    alike = own[:1] if (own == own[0]).all() else own
    order = np.argsort(apart, kind="stable")
    ordered, upto = apart[order], np.cumsum(counts[order]) - alike[:, None]
    first = np.searchsorted(ordered, apart, side="left")
    closer = np.where(first > 0, upto[:, first - 1], 0.0)
    last = upto[:, np.searchsorted(ordered, apart, side="right") - 1]
    reach = order[(upto >= k).argmax(axis=1)][:, None]
    limit, low = apart[reach], np.take_along_axis(closer, reach, axis=1)
    edge = (k - low) / (np.take_along_axis(last, reach, axis=1) - low)
    share = np.where(apart < limit, 1.0, np.where(apart == limit, edge, 0.0))
    shape = (len(own), len(apart))
    return _UnitRanks(
        np.broadcast_to(share, shape), np.broadcast_to((closer + last + 1) / 2, shape)
    )


def _rows_of(pairs: Pairs, places: Ints) -> Ints:
    """Return the rows of some units."""
    ends = np.append(pairs.starts[1:], len(pairs.units))
    return np.concatenate([np.arange(pairs.starts[p], ends[p]) for p in places])
