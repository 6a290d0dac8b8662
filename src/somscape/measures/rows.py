"""The distortion, and measures for each row or each unit."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_number, check_whole
from somscape.errors import InputError
from somscape.grid._neighborhood import check_pull, pull_from
from somscape.maps.map import Map
from somscape.measures._quality import Placed, placed, row_ranks, row_shares, row_ways
from somscape.measures.chance import are_torn, intervals
from somscape.measures.distances import MAX_ROWS, ON, Neighbors, Pass, RowPairs, run
from somscape.measures.labels import LabelClasses, Silhouettes, classes_of
from somscape.tables._messages import listed, suggestion


@dataclass(frozen=True, eq=False, kw_only=True)
class DistortionParts:
    """Three parts of the distortion by unit and feature.  Their sum is `total`.

    Squared distances are weighted by the neighborhood and averaged over all rows of the data.

    Attributes
    ----------
    spread : ndarray of shape (n_units, n_features)
        Squared distances from the rows of the unit to their mean.
    bias : ndarray of shape (n_units, n_features)
        Squared distance between the mean row of the unit and the mean prototype in its
        neighborhood.
    stress : ndarray of shape (n_units, n_features)
        Squared distances between the prototypes in the neighborhood of the unit and their mean.
    radius : float
        Radius of the neighborhood in grid steps.

    See Also
    --------
    distortion_parts : Computes the parts.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> som = SOM(1, 3).fit(X)
    >>> parts = measures.distortion_parts(som, X)
    >>> round(parts.total / measures.distortion(som, X), 6)
    1.0
    """

    spread: Float64s
    bias: Float64s
    stress: Float64s
    radius: float

    @property
    def total(self) -> float:
        """The distortion."""
        return float(self.spread.sum() + self.bias.sum() + self.stress.sum())


def distortion(
    som: Any,
    X: Any,
    *,
    radius: float | None = None,
    neighborhood: str | None = None,
    sample_weight: Any = None,
) -> float:
    """Return the distortion, with squared distances weighted by the neighborhood.

    Lower values are better if maps of the same size are compared at the same radius.  If the value
    is high, train for more epochs.  `distortion_parts` shows the causes of a high value.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.  Missing values do not count.
    radius : float, optional
        Radius of the neighborhood in grid steps.  The default is the last radius of the training.
    neighborhood : str, optional
        See `SOM`.  The default is the neighborhood of the training, or ``"gaussian"`` if the
        neighborhood is unknown.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        The distortion in squared feature units, at least 0.

    Raises
    ------
    InputError
        If `X` is empty, if no row has a value, or if the radius of the map is unknown.
    ValueError, TypeError
        If the radius is not above 0, or if the neighborhood is unknown.

    See Also
    --------
    distortion_parts : Returns the parts of the sum.
    quantization_error

    Notes
    -----
    ``mean over rows of sum_j h(b, j) |x - w_j|^2``, for the best matching unit b and all units j.
    The cost is O(n_samples n_features + n_units^2 n_features), because rows are first summed by
    unit.

    References
    ----------
    J. Vesanto, M. Sulkava and J. Hollmen (2003), On the decomposition of the self-organizing map
    distortion measure, Proceedings of WSOM'03.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> som = SOM(1, 3).fit(X)
    >>> measures.distortion(som, X) < measures.distortion(som, X, radius=2.0)
    True
    """
    return distortion_parts(
        som, X, radius=radius, neighborhood=neighborhood, sample_weight=sample_weight
    ).total


def distortion_parts(
    som: Any,
    X: Any,
    *,
    radius: float | None = None,
    neighborhood: str | None = None,
    sample_weight: Any = None,
) -> DistortionParts:
    """Return three parts of the distortion for each unit and feature.

    If the spread is large, use more units.  If the bias is large, use more epochs or a smaller
    radius.  If the stress is large, use a larger map or a smaller radius.

    Parameters
    ----------
    som, X
        See `distortion`.
    radius, neighborhood, sample_weight : optional
        See `distortion`.

    Returns
    -------
    DistortionParts

    Raises
    ------
    InputError, ValueError, TypeError
        See `distortion`.

    See Also
    --------
    distortion : Returns the sum of the parts.

    References
    ----------
    See `distortion`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> parts = measures.distortion_parts(SOM(1, 3).fit(X), X)
    >>> parts.stress.shape
    (3, 1)
    """
    return parts_of(placed(som, X, sample_weight), radius, neighborhood)


def parts_of(rows: Placed, radius: float | None, neighborhood: str | None) -> DistortionParts:
    """Return the result of `distortion_parts` for rows whose units are known."""
    map_, (x, codebook) = rows.map_, rows.space
    radius, neighborhood = radius_of(map_, radius), neighborhood_of(map_, neighborhood)
    check_pull(map_.lattice, neighborhood)
    n, n_features = map_.n_units, x.shape[1]
    # Values are centered at the mean prototype, so that differences of squares lose few digits.
    center = codebook.mean(axis=0)
    x, w = x - center, codebook - center
    counts, means, spread = _unit_moments(rows, x)
    bias, stress = np.zeros((n, n_features)), np.zeros((n, n_features))
    for unit, total, around, about in _neighborhoods(rows, w, radius, neighborhood):
        spread[unit] *= total
        bias[unit] = total * counts[unit] * (means[unit] - around) ** 2
        stress[unit] = counts[unit] * about
    weight = rows.weights.sum()
    return DistortionParts(
        spread=spread / weight, bias=bias / weight, stress=stress / weight, radius=radius
    )


def row_distortions(rows: Placed) -> Float64s:
    """Return one value per row.  The weighted mean of these values is the distortion."""
    map_, (x, codebook) = rows.map_, rows.space
    radius, neighborhood = _trained_radius(map_), neighborhood_of(map_, None)
    if radius is None:
        return np.full(len(x), np.nan)
    center = codebook.mean(axis=0)
    is_there, x, w = ~np.isnan(x), np.nan_to_num(x - center), codebook - center
    values = np.zeros(len(x))
    order = np.argsort(rows.best, kind="stable")
    ends = np.cumsum(np.bincount(rows.best, minlength=map_.n_units))
    for unit, total, around, about in _neighborhoods(rows, w, radius, neighborhood):
        own = order[ends[unit - 1] if unit else 0 : ends[unit]]
        parts = total * (x[own] - around) ** 2 + about
        values[own] = np.where(is_there[own], parts, 0.0).sum(axis=1)
    return values


def _neighborhoods(
    rows: Placed, w: Float64s, radius: float, neighborhood: str
) -> Iterator[tuple[int, float, Float64s, Float64s]]:
    """For each unit with rows, yield unit, total pull, and mean and spread of pulled prototypes."""
    for unit in np.flatnonzero(rows.hits > 0).tolist():
        h = pull_from(rows.map_.lattice, neighborhood, unit, radius)
        total = float(h.sum())
        around = (h @ w) / total
        yield unit, total, around, h @ (w - around) ** 2


def _unit_moments(rows: Placed, x: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """For each unit and feature, return weight, mean and sum of squares of its rows."""
    n, n_features = rows.map_.n_units, x.shape[1]
    counts, means, spread = (np.zeros((n, n_features)) for _ in range(3))
    is_there = ~np.isnan(x)
    for j in range(n_features):
        weights = np.where(is_there[:, j], rows.weights, 0.0)
        values = np.where(is_there[:, j], x[:, j], 0.0)
        counts[:, j] = np.bincount(rows.best, weights, minlength=n)
        sums = np.bincount(rows.best, weights * values, minlength=n)
        means[:, j] = sums / np.where(counts[:, j] > 0, counts[:, j], 1.0)
        apart = weights * (values - means[rows.best, j]) ** 2
        spread[:, j] = np.bincount(rows.best, apart, minlength=n)
    return counts, means, spread


def radius_of(map_: Map, radius: float | None) -> float:
    """Return the given radius, or the last radius of the training."""
    if radius is not None:
        check_number("radius", radius, 0)
        return float(radius)
    known = _trained_radius(map_)
    if known is None:
        raise InputError(
            "The radius of the training of this map is unknown. Pass `radius` in grid steps, for "
            "example radius=1.0.",
            parameter="radius",
        )
    return known


def _trained_radius(map_: Map) -> float | None:
    radii = map_.history.get("radius")
    return float(radii[-1]) if radii is not None and len(radii) and radii[-1] > 0 else None


def neighborhood_of(map_: Map, neighborhood: str | None) -> str:
    """Return the given neighborhood, or else the neighborhood of the training, or "gaussian"."""
    if neighborhood is not None:
        return neighborhood
    return str(map_.parameters.get("neighborhood") or "gaussian")


@dataclass(frozen=True, eq=False)
class ByRow:
    """A measure that is the weighted mean of one value per row, or the root of this mean.

    Attributes
    ----------
    values, weights : ndarray of shape (n,)
        Value and weight of each counted row, or of each row in a sample.
    units : ndarray of shape (n,)
        Best matching units of these rows.
    is_root : bool, default=False
        Whether the measure is the root of the mean.
    """

    values: Float64s
    weights: Float64s
    units: Ints
    is_root: bool = False

    @property
    def mean(self) -> float:
        """The measure over all rows."""
        return float(self.shown(np.average(self.values, weights=self.weights)))

    def by_unit(self, n_units: int) -> Float64s:
        """Return the measure for the rows of each unit, or NaN for a unit without rows."""
        weight, total = (
            np.bincount(self.units, each, minlength=n_units)
            for each in (self.weights, self.weights * self.values)
        )
        means = np.full(n_units, np.nan)
        np.divide(total, weight, out=means, where=weight > 0)
        return self.shown(means)

    def shown(self, means: Any) -> Any:
        """Convert means over rows to the measure (by a root if the measure is a root)."""
        return np.sqrt(means) if self.is_root else means


SEARCHED: Mapping[str, Callable[[Placed], Float64s]] = {
    "quantization_error": lambda rows: rows.distances[:, 0],
    "root_mean_squared_error": lambda rows: rows.distances[:, 0] ** 2,
    "explained_variance": row_shares,
    "distortion": row_distortions,
    "topographic_error": are_torn,
    "mean_tied_rank": row_ranks,
    "combined_error": row_ways,
}
"""For each measure of nearest units, function that returns one value per row."""

_ROOTS = ("root_mean_squared_error",)

PAIRED: Mapping[str, tuple[str, str]] = {
    f"{name}{suffix}": (on, name)
    for on, suffix in zip(ON, ("", "_on_prototypes"), strict=True)
    for name in ("trustworthiness", "continuity", "neighborhood_preservation")
}
"""For each measure of nearest rows, its value of `ON` and its attribute of `Neighbors`."""


def searched(rows: Placed, names: Iterable[str] = tuple(SEARCHED)) -> dict[str, ByRow]:
    """Return those measures that depend only on the nearest units of each row."""
    return {
        name: ByRow(SEARCHED[name](rows), rows.weights, rows.best, name in _ROOTS) for name in names
    }


def paired(
    rows: Placed, pairs: RowPairs, k: int, regions: Any, more: Sequence[Pass] = ()
) -> dict[str, ByRow]:
    """Return those measures that compare pairs of rows, from one pass over all pairs."""
    k = min(k, int(np.ceil(pairs.n_rows / 2)) - 1)
    neighbors = {on: Neighbors(pairs, k, on) for on in ON} if k > 0 else {}
    silhouettes = {} if regions is None else {"silhouette": Silhouettes(pairs, regions)}
    run(pairs, [*neighbors.values(), *more, *silhouettes.values()])
    unknown = np.full(len(pairs.anchors), np.nan)
    by_anchor = {
        name: getattr(neighbors[on], attribute) if k > 0 else unknown
        for name, (on, attribute) in PAIRED.items()
    }
    by_anchor |= {name: each.values for name, each in silhouettes.items()}
    if not pairs.is_whole:
        units = pairs.units[pairs.anchors]
        return {name: ByRow(each, pairs.weights, units) for name, each in by_anchor.items()}
    # Equal rows share one anchor, whose weight counts all of these rows.
    weights = (pairs.counts / np.bincount(pairs.inverse))[pairs.inverse]
    return {
        name: ByRow(each[pairs.inverse], weights, rows.best) for name, each in by_anchor.items()
    }


def purity_of(classes: LabelClasses) -> ByRow:
    """For each row, return 1 if its class is the most frequent class of its unit, otherwise 0."""
    place = np.searchsorted(classes.live, classes.units)
    is_most = classes.counts(None).argmax(axis=1)[place] == classes.classes
    return ByRow(is_most.astype(np.float64), classes.weights, classes.units)


def intervals_of(
    found: Mapping[str, ByRow], level: float, n_resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the bootstrap interval of each measure."""
    ends: dict[str, tuple[float, float]] = {}
    # All measures of the same rows share one draw.
    for weights in {id(each.weights): each.weights for each in found.values()}.values():
        those = {name: each for name, each in found.items() if each.weights is weights}
        values = np.column_stack([each.values for each in those.values()])
        drawn = intervals(values, weights, level, n_resamples, seed)
        for (name, each), pair in zip(those.items(), drawn, strict=True):
            low, high = each.shown(pair).tolist()
            ends[name] = low, high
    return ends


NAMES = (*SEARCHED, *PAIRED, "purity", "silhouette")


def by_unit(
    som: Any,
    X: Any,
    *,
    which: str | Sequence[str] | None = None,
    labels: Any = None,
    regions: Any = None,
    sample_weight: Any = None,
    k: int = 10,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> dict[str, Float64s]:
    """Return measures for each unit, computed from the rows of the unit.

    `plots.values` draws the result.  If a unit is much worse than the rest of the map, do not trust
    the map at this unit.  For advice on settings, see the function with the name of the measure.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.
    which : str or sequence of str, optional
        Measures that are means over rows.  The names are quantization_error,
        root_mean_squared_error, explained_variance, distortion, topographic_error, mean_tied_rank,
        combined_error, trustworthiness, continuity, neighborhood_preservation, purity and
        silhouette.  The names trustworthiness, continuity and neighborhood_preservation can have
        ``_on_prototypes`` at their end.  The default is all measures.
    labels : array-like of shape (n_samples,), optional
        Class of each row, needed only for purity.
    regions : Regions or array-like of shape (n_units,), optional
        Region of each unit, needed only for the silhouette.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.
    k, max_rows, random_state : int, optional
        See `report`.  If only a random sample of the rows is compared, measures of pairs of
        rows are NaN for units without a sampled row.

    Returns
    -------
    dict of str to ndarray of shape (n_units,)
        NaN for a unit without rows.  The mean over units, weighted by the hits of X, is the measure
        of all rows.  For the root mean squared error, this applies to the squared values.

    Raises
    ------
    InputError
        If a name is unknown, `labels` or `regions` are missing, or the function of a measure raises
        this error.
    ValueError, TypeError
        If `k`, `max_rows` or `random_state` is out of range.

    See Also
    --------
    bootstrap_interval : Returns an interval for the whole map.

    Notes
    -----
    All measures share one search of nearest units and one pass over pairs of rows.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.2], [5.0], [5.4]]
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> found = measures.by_unit(som, X, which=["quantization_error", "topographic_error"])
    >>> {name: values.round(6).tolist() for name, values in found.items()}
    {'quantization_error': [0.1, 0.2], 'topographic_error': [0.0, 0.0]}
    """
    check_whole("k", k, 1)
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", random_state, 0)
    names = _check_measure_names(which, labels, regions)
    rows = placed(som, X, sample_weight)
    found: dict[str, ByRow] = searched(rows, [name for name in names if name in SEARCHED])
    if any(name in PAIRED or name == "silhouette" for name in names):
        found |= paired(rows, RowPairs.of(rows, max_rows, random_state), k, regions)
    if "purity" in names:
        found["purity"] = purity_of(classes_of(rows, labels))
    return {name: found[name].by_unit(rows.map_.n_units) for name in names}


def _check_measure_names(which: str | Sequence[str] | None, labels: Any, regions: Any) -> list[str]:
    """Check the names of measures and their labels and regions.  Return the names."""
    lacking = {"purity": labels is None, "silhouette": regions is None}
    if which is None:
        return [name for name in NAMES if not lacking.get(name)]
    names = [which] if isinstance(which, str) else list(which)
    for name in names:
        if name not in NAMES:
            every = listed(NAMES, len(NAMES))
            cure = suggestion(str(name), list(NAMES)) or f"the measures are {every}"
            raise InputError(
                f"`which` contains {name!r}, which is not a measure of units ({cure}).",
                value=name,
                allowed=NAMES,
            )
        if lacking.get(name):
            needed = "labels" if name == "purity" else "regions"
            raise InputError(
                f"{name} needs `{needed}`. Pass `{needed}`, or leave out {name} in `which`.",
                parameter=needed,
            )
    return names
