"""Whether rows that lie far apart in the data lie far apart on the map."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape.measures._pairs import MAX_ROWS, PairBlock, Pairs, RowDistances, run, unit_distances
from somscape.measures._placed import placed

MAX_RANKED = 1_000
"""Beyond this many rows a sample is ranked, as time and memory grow with their square."""


def c_measure(
    map: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return the sum of distances in the data times distances on the map.

    Higher is better, for the same rows and lattice only; `rank_correlation` says the same on a
    scale.  If another map of these rows has more, take more epochs, or a larger first radius.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values count as in the map's metric.
    sample_weight : array-like of shape (n_samples,), optional
        How many rows each row stands for.  The default is 1 each.
    max_rows : int, default=5000
        Of more distinct rows, as many are drawn; each is compared with all.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        Over all pairs of rows, estimated where rows are drawn; in feature units times grid steps.
        0 if all rows are equal or share a unit; NaN where rows lie in parts of a graph that no
        path joins.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for sparse rows, and for a row without a
        value in common with any other.
    ValueError, TypeError
        For `max_rows` or `random_state` that are no such numbers.

    See Also
    --------
    rank_correlation, kruskal_stress

    Notes
    -----
    Costs O(max_rows n_samples n_features) in blocks of 8 MiB.

    References
    ----------
    G. J. Goodhill and T. J. Sejnowski (1996), Quantifying neighbourhood preservation in
    topographic mappings, Proceedings of the 3rd Joint Symposium on Neural Computation.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]]
    >>> measures.c_measure(SOM(1, 3, radius_end=0.1).fit(X), X)
    6.0
    """
    return _compare(map, X, sample_weight, max_rows, random_state).c_measure


def kruskal_stress(
    map: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how far distances on the map are from those in the data, both up to 1.

    Good is near 0, which only data that are as flat as the map reach.  Compare maps of one lattice
    by it: units in no order may have less than 0.1.  Whether to read distances across the map,
    `rank_correlation` tells.

    Parameters
    ----------
    map, X
        As for `c_measure`.
    sample_weight, max_rows, random_state : optional
        As for `c_measure`.

    Returns
    -------
    float
        From 0 to 1: the mean over pairs of rows of the squared difference of both distances, each
        divided by its largest.  NaN if all rows are equal or share a unit, and where rows lie in
        parts of a graph that no path joins.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `c_measure`.

    See Also
    --------
    rank_correlation, c_measure

    References
    ----------
    J. B. Kruskal (1964), Multidimensional scaling by optimizing goodness of fit to a nonmetric
    hypothesis, Psychometrika 29; L. Elend and O. Kramer (2019), Self-organizing maps with
    convolutional layers, Proceedings of WSOM+ 2019, for this form.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]]
    >>> measures.kruskal_stress(SOM(1, 3, radius_end=0.1).fit(X), X)
    0.0
    """
    return _compare(map, X, sample_weight, max_rows, random_state).kruskal_stress


def rank_correlation(
    map: Any,
    X: Any,
    *,
    sample_weight: Any = None,
    max_rows: int = MAX_RANKED,
    random_state: int = 0,
) -> float:
    """Return Spearman's correlation of distances in the data with those on the map.

    Good is near 1, bad is near 0.  If it is low, the map is folded: take a larger first radius, or
    a lattice of another shape.

    Parameters
    ----------
    map, X
        As for `c_measure`.
    sample_weight : optional
        As for `c_measure`.
    max_rows : int, default=1000
        Of more distinct rows, as many are drawn, and the pairs among them are compared.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        From -1 to 1; NaN if all rows are equal or share a unit.

    Raises
    ------
    InputError, ValueError, TypeError
        As for `c_measure`.

    See Also
    --------
    kruskal_stress, c_measure

    Notes
    -----
    Equal distances share their ranks; pairs without a path on a graph share the highest.  Costs
    O(max_rows^2 (n_features + log max_rows)), in memory for all pairs at once: about 32 MiB for
    1,000 rows, 120 MiB for 2,000.

    References
    ----------
    C. Spearman (1904), The proof and measurement of association between two things; Goodhill and
    Sejnowski (1996) for maps.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]]
    >>> round(measures.rank_correlation(SOM(1, 3, radius_end=0.1).fit(X), X), 6)
    1.0
    """
    check_whole("max_rows", max_rows, 2)
    check_whole("random_state", random_state, 0)
    return correlation_of(Pairs.of(placed(map, X, sample_weight), max_rows, random_state))


def _compare(map: Any, X: Any, sample_weight: Any, max_rows: int, seed: int) -> "Distances":
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", seed, 0)
    pairs = Pairs.of(placed(map, X, sample_weight), max_rows, seed)
    found = Distances(pairs)
    run(pairs, [found])
    return found


class Distances:
    """A pass that adds up distances in the data and on the map.

    Parameters
    ----------
    pairs : Pairs
    """

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._sums = np.zeros(3)
        """Of squares in the data, products, squares on the map, over anchors and all rows."""
        self._most = np.zeros(2)

    def add(self, block: PairBlock) -> None:
        """Take in the pairs of some anchors."""
        pairs = self._pairs
        on_map = unit_distances(pairs, block.place, "grid")
        weights, apart = pairs.weights[block.own], block.distances
        if not np.isfinite(on_map).all():
            self._sums += np.nan
            return
        squares = (
            np.einsum("ij,ij->i", apart, apart) if pairs.is_plain else (apart**2) @ pairs.counts
        )
        self._sums += (
            weights @ squares,
            weights @ (block.by_unit @ on_map),
            weights.sum() * (pairs.unit_counts @ on_map**2),
        )
        self._most = np.maximum(self._most, (apart.max(), on_map.max()))

    @property
    def c_measure(self) -> float:
        """Sum over pairs of rows, each once."""
        return float(self._sums[1] / 2 * (self._pairs.n_rows / self._pairs.weights.sum()))

    @property
    def kruskal_stress(self) -> float:
        """Mean over pairs of rows."""
        n, (in_data, on_map) = self._pairs.n_rows, self._most
        n_pairs = float(self._pairs.weights @ (n - self._pairs.own_counts))
        if not n_pairs > 0 or not in_data > 0 or not on_map > 0:
            return float("nan")
        scales = np.array([in_data**2, in_data * on_map, on_map**2])
        total = float((self._sums / scales) @ (1, -2, 1))
        if total != total:
            return total
        return max(total, 0.0) / n_pairs


def correlation_of(pairs: Pairs) -> float:
    """Return Spearman's correlation over the pairs of the anchors."""
    own, counts = pairs.anchors, pairs.weights
    is_pair = np.triu(np.ones((len(own), len(own)), dtype=bool), 1)
    every = RowDistances(pairs.map_.metric, pairs.rows[own], counts)
    apart = every.of(np.arange(len(own)))[is_pair]
    place, which = np.unique(pairs.unit_place[own], return_inverse=True)
    table = np.stack([unit_distances(pairs, int(p), "grid")[place] for p in place])
    # Few distances on the map differ, so that these are put in order, and not pairs of rows.
    distinct, order = np.unique(np.append(table, 0.0), return_inverse=True)
    on_map = order[:-1].reshape(table.shape)[which][:, which][is_pair]
    weights = np.outer(counts, counts)[is_pair]
    copies = float((counts * (counts - pairs.own_counts) / 2).sum())
    if copies > 0:  # rows that are equal are pairs, too, at no distance
        apart, on_map = np.append(apart, 0.0), np.append(on_map, order[-1])
        weights = np.append(weights, copies)
    if not len(weights):
        return float("nan")
    a = _centered_ranks(*_in_order(apart), weights)
    b = _centered_ranks(on_map, len(distinct), weights)
    norm = np.sqrt((weights @ a**2) * (weights @ b**2))
    return float((weights * a) @ b / norm) if norm > 0 else float("nan")


def _in_order(values: Float64s) -> tuple[Ints, int]:
    """Return the place of each value among the different ones in order, and their number."""
    order: Ints = np.argsort(values)
    ordered = values[order]
    group = np.cumsum(np.append(False, ordered[1:] != ordered[:-1]))
    places = np.empty_like(order)
    places[order] = group
    return places, int(group[-1]) + 1


def _centered_ranks(places: Ints, n_places: int, weights: Float64s) -> Float64s:
    """Return ranks less their mean; values at one place share theirs."""
    held = np.bincount(places, weights, minlength=n_places)
    ranks = (np.cumsum(held) - held / 2)[places]
    return np.asarray(ranks - np.average(ranks, weights=weights))
