"""Measures that compare units, regions or a ranking with class labels of rows."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Bools, Float64s, Ints
from somscape._validate import is_missing
from somscape._weights import counts_of, ones_or, pair_sums
from somscape.errors import InputError
from somscape.grid.graph import connected_groups
from somscape.measures._quality import Placed, entropy, placed
from somscape.measures.distances import MAX_ROWS, PairBlock, RowPairs, pairs_of, run


def purity(
    som: Any, X: Any, *, labels: Any, regions: Any = None, sample_weight: Any = None
) -> float:
    """Return the share of rows whose class is the most frequent class of their unit.

    Values near 1 are good.  A value near the share of the largest class in all rows is bad.  Purity
    increases with the number of units, and is 1 if each row has its own unit.  So compare maps of
    the same size, or pass `regions`.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them, or a ``scipy.sparse`` array.
    labels : array-like of shape (n_samples,)
        Class of each row.  Rows without a class (None or NaN) do not count.
    regions : Regions or array-like of shape (n_units,), optional
        Regions that are compared with the classes instead of units.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        The share, above 0 and at most 1.

    Raises
    ------
    InputError
        If no row has both a value and a label, or if `labels` or `regions` has a wrong length.

    See Also
    --------
    normalized_mutual_information, adjusted_rand_index, class_entropy
    somscape.plots.majority : Draws the most frequent class of each unit.

    References
    ----------
    C. D. Manning, P. Raghavan and H. Schuetze (2008), Introduction to information retrieval,
    section 16.3.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> measures.purity(SOM(1, 2).fit(X), X, labels=["a", "a", "b", "a"] * 5)
    0.75
    """
    counts = classes_of(placed(som, X, sample_weight), labels).counts(regions)
    return float(counts.max(axis=1).sum() / counts.sum())


def normalized_mutual_information(
    som: Any, X: Any, *, labels: Any, regions: Any = None, sample_weight: Any = None
) -> float:
    """Return the normalized mutual information between units and classes.

    Values near 1 are good.  Values near 0 are bad.  The value is lower if the rows of a class are
    spread over many units.  In this case, pass `regions` or use fewer units.

    Parameters
    ----------
    som, X, labels
        See `purity`.
    regions, sample_weight : optional
        See `purity`.

    Returns
    -------
    float
        A value from 0 to 1, which is the mutual information divided by the mean of both entropies.
        It is computed as in scikit-learn's
        ``normalized_mutual_info_score``.  The value is 1 if there is only one class and one unit.

    Raises
    ------
    InputError
        See `purity`.

    See Also
    --------
    adjusted_rand_index, purity

    References
    ----------
    A. Strehl and J. Ghosh (2002), Cluster ensembles, Journal of Machine Learning Research 3.
    This function uses the arithmetic mean of the entropies.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> som = SOM(1, 2).fit(X)
    >>> round(measures.normalized_mutual_information(som, X, labels=[0, 0, 1, 1] * 5), 6)
    1.0
    """
    return mutual_of(classes_of(placed(som, X, sample_weight), labels).counts(regions))


def mutual_of(counts: Float64s) -> float:
    """Return the normalized mutual information from a table of weights by group and class."""
    by_unit, by_class = entropy(counts.sum(axis=1)), entropy(counts.sum(axis=0))
    if by_unit + by_class == 0:
        return 1.0
    mutual = by_unit + by_class - entropy(counts.ravel())
    return float(min(max(2 * mutual / (by_unit + by_class), 0.0), 1.0))


def adjusted_rand_index(
    som: Any, X: Any, *, labels: Any, regions: Any = None, sample_weight: Any = None
) -> float:
    """Return the adjusted Rand index of two groupings of rows, units and classes.

    Values near 1 are good.  Random units have a value of about 0.  The value is lower if the rows
    of a class are spread over many units.  In this case, pass `regions` or use fewer units.

    Parameters
    ----------
    som, X, labels
        See `purity`.
    regions : optional
        See `purity`.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.

    Returns
    -------
    float
        The index from -0.5 to 1, as in scikit-learn's ``adjusted_rand_score``.  The index is 1 if
        there is only one class and one unit.

    Raises
    ------
    InputError
        See `purity`.

    See Also
    --------
    normalized_mutual_information, purity

    References
    ----------
    L. Hubert and P. Arabie (1985), Comparing partitions, Journal of Classification 2.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> measures.adjusted_rand_index(SOM(1, 2).fit(X), X, labels=[0, 0, 1, 1] * 5)
    1.0
    """
    return rand_of(classes_of(placed(som, X, sample_weight), labels, counted=True), regions)


def rand_of(found: "LabelClasses", regions: Any = None) -> float:
    """Return the adjusted Rand index of rows with classes.  Weights are numbers of rows."""
    counts = found.counts(regions)
    own = float(found.weights @ np.minimum(found.weights, 1))
    both = _pairs_in(counts, own)
    units, classes = _pairs_in(counts.sum(axis=1), own), _pairs_in(counts.sum(axis=0), own)
    every = _pairs_in(counts.sum(keepdims=True), own)
    chance = units * classes / every if every > 0 else 0.0
    most = (units + classes) / 2
    return float((both - chance) / (most - chance)) if most != chance else 1.0


def class_entropy(
    som: Any, X: Any, *, labels: Any, regions: Any = None, sample_weight: Any = None
) -> float:
    """Return the entropy of classes in a unit (in nats), averaged over rows.

    Values near 0 are good.  Then most units contain a single class.  A value near the entropy of
    the classes of all rows is bad.  If the value is high, use more units or columns that separate
    the classes.

    Parameters
    ----------
    som, X, labels
        See `purity`.
    regions, sample_weight : optional
        See `purity`.

    Returns
    -------
    float
        The conditional entropy of the class, given the unit.  It is from 0 to the logarithm of the
        number of classes.

    Raises
    ------
    InputError
        See `purity`.

    See Also
    --------
    majority_entropy, purity

    References
    ----------
    T. M. Cover and J. A. Thomas (2006), Elements of information theory, section 2.2.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> measures.class_entropy(SOM(1, 2).fit(X), X, labels=[0, 0, 1, 1] * 5)
    0.0
    """
    return mixture_of(classes_of(placed(som, X, sample_weight), labels).counts(regions))


def mixture_of(counts: Float64s) -> float:
    """Return the class entropy from a table of weights by group and class."""
    return float(max(entropy(counts.ravel()) - entropy(counts.sum(axis=1)), 0.0))


def majority_entropy(
    som: Any, X: Any, *, labels: Any, regions: Any = None, sample_weight: Any = None
) -> float:
    """Return -log of the share of the largest class in a unit, summed over units.

    Values near 0 are good.  Then most units contain a single class.  Every unit with rows has the
    same weight in the sum, so compare only maps of the same size.  If the value is high, use more
    units or columns that separate the classes.

    Parameters
    ----------
    som, X, labels
        See `purity`.
    regions, sample_weight : optional
        See `purity`.

    Returns
    -------
    float
        The sum in nats, at least 0.  Elend and Kramer, and the package SOMperf, call this measure
        entropy.

    Raises
    ------
    InputError
        See `purity`.

    See Also
    --------
    class_entropy, purity, somscape.plots.majority

    References
    ----------
    L. Elend and O. Kramer (2019), Self-organizing maps with convolutional layers, Proceedings of
    WSOM+ 2019.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> som = SOM(1, 2).fit(X)
    >>> round(measures.majority_entropy(som, X, labels=["a", "a", "b", "a"] * 5), 6)
    0.693147
    """
    return majority_of(classes_of(placed(som, X, sample_weight), labels).counts(regions))


def majority_of(counts: Float64s) -> float:
    """Return the majority entropy from a table of weights by group and class."""
    return float(-np.log(counts.max(axis=1) / counts.sum(axis=1)).sum() + 0.0)


def class_scatter(som: Any, X: Any, *, labels: Any, sample_weight: Any = None) -> float:
    """Return the mean number of separate groups of units that a class occupies.

    Values near 1 are good.  Then each class is one connected part of the map.  Otherwise the map
    splits classes, or a class consists of several clusters.  To distinguish these two causes, train
    with a larger final radius.

    Parameters
    ----------
    som, X, labels
        See `purity`.
    sample_weight : array-like of shape (n_samples,), optional
        Rows of weight 0 do not count.

    Returns
    -------
    float
        The mean number of groups, at least 1.

    Raises
    ------
    InputError
        See `purity`.

    See Also
    --------
    continuity, purity

    Notes
    -----
    A class occupies each unit that is the best matching unit of at least one of its rows.  Two
    neighboring units of a class belong to the same group.

    References
    ----------
    See `majority_entropy`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0], [3.0]] * 5
    >>> som = SOM(1, 4, radius_end=0.1).fit(X)
    >>> measures.class_scatter(som, X, labels=["a", "b", "b", "a"] * 5)
    1.5
    """
    return scatter_of(classes_of(placed(som, X, sample_weight), labels))


def scatter_of(found: "LabelClasses") -> float:
    """Return the class scatter from rows with classes and known units."""
    has = found.counts(None).T > 0
    groups = (connected_groups(found.map_.lattice, found.live[here]) for here in has)
    return float(sum(len(np.unique(each)) for each in groups) / len(has))


@dataclass(frozen=True, eq=False)
class LabelClasses:
    """Units, classes and weights of the rows with a class.

    Attributes
    ----------
    map_ : Map
    units, classes : ndarray of shape (n_labelled,)
        Classes are numbered from 0.
    weights : ndarray of shape (n_labelled,), float64
    is_labelled : ndarray of shape (n_counted,), bool
        Whether each counted row has a class.
    """

    map_: Any
    units: Ints
    classes: Ints
    weights: Float64s
    is_labelled: Bools

    @property
    def live(self) -> Ints:
        """Numbers of those units that have rows with a class, in ascending order."""
        return np.unique(self.units)

    def groups(self, regions: Any) -> Ints:
        """Return the unit of each row, or its region if regions are given."""
        return self.units if regions is None else region_of_units(self.map_, regions)[self.units]

    def counts(self, regions: Any) -> Float64s:
        """For each group and class, return the total weight of rows."""
        groups, place = np.unique(self.groups(regions), return_inverse=True)
        shape = len(groups), int(self.classes.max()) + 1
        return pair_sums(place, self.classes, shape, self.weights)


def classes_of(rows: Placed, labels: Any, counted: bool = False) -> LabelClasses:
    """Check `labels`, and return the units, classes and weights of rows with a label."""
    if isinstance(labels, str):
        raise InputError(
            f"`labels` must contain the class of each row of X, but is the name {labels!r}. Pass "
            f"the values, for example X[{labels!r}] of a data frame.",
            value=labels,
        )
    values = _as_given(labels)
    if values.shape != rows.counts.shape:
        raise InputError(
            f"`labels` must have shape ({len(rows.counts)},), with a class for each row of X, but "
            f"has shape {values.shape}.",
            value=values.shape,
        )
    values = values[rows.counts]
    if values.dtype == object:
        is_there = np.array([not is_missing(value) for value in values], dtype=bool)
        classes = _number_values(values[is_there].tolist())
    else:
        is_there = np.asarray(values == values)
        classes = np.unique(values[is_there], return_inverse=True)[1]
    if not is_there.any():
        raise InputError(
            "`labels` does not contain a class for any row with a value. Pass at least one class."
        )
    weights = rows.weights[is_there]
    if counted:
        weights = ones_or(counts_of(weights), len(weights))
    return LabelClasses(rows.map_, rows.best[is_there], classes, weights, is_there)


def _as_given(values: Any) -> NDArray[Any]:
    """Return values as an array in which numbers stay numbers."""
    return np.asarray(values, dtype=None if isinstance(values, np.ndarray) else object)


def _number_values(values: list[Any]) -> Ints:
    """Return a class number for each value.  All values except numbers are compared as text."""
    named = [value if isinstance(value, Real) else str(value) for value in values]
    # Numbers come first, because numbers and texts cannot be compared.
    ordered = sorted(set(named), key=lambda name: (isinstance(name, str), name))
    place = {name: number for number, name in enumerate(ordered)}
    return np.array([place[name] for name in named], dtype=np.intp)


def region_of_units(map_: Any, regions: Any) -> Ints:
    """Return the region of each unit, numbered from 0."""
    given = _as_given(getattr(regions, "labels", regions))
    if given.shape != (map_.n_units,):
        raise InputError(
            f"`regions` must contain a region for each of {map_.n_units} units, but has shape "
            f"{given.shape}. Pass for example somscape.regions.find_regions(map).",
            value=given.shape,
        )
    if any(is_missing(value) for value in given.tolist()):
        raise InputError(
            "`regions` contains a unit without a region (None or NaN). Give each unit a whole "
            "number or a name, for example -1 for all units without a region."
        )
    if given.dtype == object and len({isinstance(value, str) for value in given}) > 1:
        raise InputError(
            "`regions` contains both numbers and names. Give numbers to all units, or names to all "
            "units."
        )
    _, found = np.unique(given, return_inverse=True)
    return found


def _pairs_in(counts: Float64s, own: float) -> float:
    """Return the number of pairs of rows that are in the same group."""
    return float(((counts**2).sum() - own) / 2)


@dataclass(frozen=True)
class Agreement:
    """Agreement of a ranking with labels.

    Attributes
    ----------
    auroc : float
        Probability that a labelled row ranks above a row without a label.  0.5 means no agreement.
    precision : float
        Share of labelled rows among the first ``n_alerts`` rows of the ranking.
    lift : float
        `precision` divided by the share of labelled rows among all rows.
    n_labelled, n_rows, n_alerts : int

    See Also
    --------
    label_agreement : Computes the agreement.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.measures import label_agreement
    >>> label_agreement(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 1).precision
    1.0
    """

    auroc: float
    precision: float
    lift: float
    n_labelled: int
    n_rows: int
    n_alerts: int


def label_agreement(scores: Float64s, is_labelled: Bools, n_alerts: int) -> Agreement:
    """Return the agreement of scores with labels.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Scores of the rows.  Higher scores mean more unusual rows.
    is_labelled : ndarray of shape (n_rows,), bool
        Whether each row is labelled, with at least one True and one False.
    n_alerts : int
        Number of alerts, which are the rows with the highest scores.  Rows with equal scores keep
        their order.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If `is_labelled` is not True or False for each score, or if all its values are equal.

    See Also
    --------
    Agreement : The returned object.

    Examples
    --------
    >>> import numpy as np
    >>> label_agreement(np.array([3.0, 2.0, 1.0]), np.array([True, False, False]), 1).auroc
    1.0
    """
    scores, is_labelled = np.asarray(scores, np.float64), np.asarray(is_labelled)
    if scores.ndim != 1 or is_labelled.shape != scores.shape or is_labelled.dtype != bool:
        raise InputError(
            f"`is_labelled` must be True or False for each of `scores` (shape {scores.shape}), but "
            f"is {is_labelled.dtype} of shape {is_labelled.shape}.",
            value=is_labelled.dtype,
        )
    n_labelled = int(is_labelled.sum())
    n_others = len(scores) - n_labelled
    if not n_labelled or not n_others:
        raise InputError(
            f"`is_labelled` must contain both True and False, but contains {n_labelled} True and "
            f"{n_others} False.",
            value=n_labelled,
        )
    # Equal scores share their ranks, as in the test of Mann and Whitney.
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[position]
    wins = rank[is_labelled].sum() - n_labelled * (n_labelled + 1) / 2
    first = np.argsort(-scores, kind="stable")[:n_alerts]
    precision = float(is_labelled[first].mean()) if n_alerts else float("nan")
    auroc, lift = float(wins / (n_labelled * n_others)), precision / (n_labelled / len(scores))
    return Agreement(auroc, precision, lift, n_labelled, len(scores), n_alerts)


def silhouette(
    som: Any,
    X: Any,
    *,
    regions: Any,
    sample_weight: Any = None,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> float:
    """Return how much closer rows are to their own region than to the next region.

    Values near 1 are good.  Near 0, regions touch.  Below 0, many rows are in the wrong region.  If
    the value is low, request fewer regions or leave out uninformative columns.

    Parameters
    ----------
    som, X
        See `c_measure`.
    regions : Regions or array-like of shape (n_units,)
        Regions from `regions.find_regions`, or the region of each unit.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.
    max_rows : int, default=5000
        If there are more distinct rows, this number of rows is drawn.  Drawn rows are compared with
        all rows.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    float
        The mean over rows, from -1 to 1, as in scikit-learn's ``silhouette_score``.  A row that is
        alone in its region counts as 0.  NaN if all rows are in one region.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, if rows are sparse, if a row does not have any value
        in a column in which another row also has a value, or if the length of `regions` is wrong.

    See Also
    --------
    davies_bouldin, somscape.regions.find_regions

    Notes
    -----
    Distances use the metric of the map.  The cost is O(max_rows n_samples n_features), in
    blocks of 8 MiB.

    References
    ----------
    P. J. Rousseeuw (1987), Silhouettes, Journal of Computational and Applied Mathematics 20.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> round(measures.silhouette(SOM(1, 2).fit(X), X, regions=[0, 1]), 2)
    0.99
    """
    pairs = pairs_of(som, X, sample_weight, max_rows, random_state)
    found = Silhouettes(pairs, regions)
    run(pairs, [found])
    return pairs.mean(found.values)


def davies_bouldin(som: Any, X: Any, *, regions: Any, sample_weight: Any = None) -> float:
    """Return the width of regions relative to the distance between region means.

    Values near 0 are good.  Above 1, regions overlap.  If the value is high, request more or fewer
    regions.

    Parameters
    ----------
    som, X
        See `explained_variance`.
    regions : Regions or array-like of shape (n_units,)
        Regions from `regions.find_regions`, or the region of each unit.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        The index, at least 0, as in scikit-learn's ``davies_bouldin_score``.  NaN if all rows are
        in one region.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, if rows are sparse, or if the number of units in
        `regions` is wrong.

    See Also
    --------
    silhouette, somscape.regions.find_regions

    Notes
    -----
    The width of a region is the mean distance of its rows to their mean.  For two regions, the sum
    of their widths is divided by the distance between their means.  For each region, only its
    largest ratio to another region counts.  The index is the mean over regions.  Distances are
    Euclidean, after the features are transformed by the metric.  If values are missing, distances
    over the other features are scaled up to all features.

    References
    ----------
    D. L. Davies and D. W. Bouldin (1979), A cluster separation measure, IEEE Transactions on
    Pattern Analysis and Machine Intelligence 1.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.1], [5.0], [5.1]] * 5
    >>> round(measures.davies_bouldin(SOM(1, 2).fit(X), X, regions=[0, 1]), 6)
    0.02
    """
    return davies_bouldin_of(placed(som, X, sample_weight), regions)


def davies_bouldin_of(rows: Placed, regions: Any) -> float:
    """Return the Davies-Bouldin index from rows whose units are known."""
    x, _ = rows.space
    _, own = np.unique(region_of_units(rows.map_, regions)[rows.best], return_inverse=True)
    n = int(own.max()) + 1
    if n < 2:
        return float("nan")
    is_there, weights = ~np.isnan(x), rows.weights
    means = np.full((n, x.shape[1]), np.nan)
    for region in range(n):
        here = own == region
        held = (weights[here, None] * is_there[here]).sum(axis=0)
        sums = (weights[here, None] * np.nan_to_num(x[here])).sum(axis=0)
        np.divide(sums, held, out=means[region], where=held > 0)
    given = rows.map_.metric.feature_weights
    stretch = np.ones(x.shape[1]) if given is None else given
    apart = _scaled_up(x - means[own], stretch)
    width = np.bincount(own, weights * apart) / np.bincount(own, weights)
    between = np.stack([_scaled_up(means - mean, stretch) for mean in means])
    between[between == 0] = np.inf  # same region, equal means, or no common feature
    return float(((width[:, None] + width) / between).max(axis=1).mean())


def _scaled_up(apart: Float64s, weights: Float64s) -> Float64s:
    """Return the norm of each row over its present values, scaled up to all features."""
    is_there = ~np.isnan(apart)
    present, squares = is_there @ weights, (np.nan_to_num(apart) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(squares * weights.sum() / np.where(present > 0, present, np.inf)))


class Silhouettes:
    """Computes the silhouette of each anchor.

    Parameters
    ----------
    pairs : Pairs
    regions : Regions or array-like of shape (n_units,)
    """

    def __init__(self, pairs: RowPairs, regions: Any) -> None:
        own = region_of_units(pairs.map_, regions)[pairs.live]
        _, self._own = np.unique(own, return_inverse=True)
        self._belongs = np.eye(int(self._own.max()) + 1)[self._own]
        self._counts = pairs.unit_counts @ self._belongs
        self.values: Float64s = np.full(len(pairs.anchors), np.nan)

    def add(self, block: PairBlock) -> None:
        """Compute the silhouettes of the anchors in one block of pairs of rows."""
        if len(self._counts) < 2:
            return
        sums, own = block.by_unit @ self._belongs, self._own[block.place]
        n_others = self._counts[own] - block.own_counts
        has_others = n_others > 0
        inside = sums[:, own] / np.where(has_others, n_others, 1.0)
        outside = np.delete(sums / self._counts, own, axis=1).min(axis=1)
        largest = np.maximum(inside, outside)
        values = (outside - inside) / np.where(largest > 0, largest, 1.0)
        self.values[block.own] = np.where(has_others & (largest > 0), values, 0.0)
