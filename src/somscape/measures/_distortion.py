"""The distortion that training lowers, and its parts: fit, bias and stress of the prototypes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_number
from somscape.errors import InputError
from somscape.grid import check_pull, pull_from
from somscape.maps import Map
from somscape.measures._placed import Placed, placed


@dataclass(frozen=True, eq=False, kw_only=True)
class DistortionParts:
    """The parts of the distortion, by unit and feature; all parts add up to `total`.

    Attributes
    ----------
    spread : ndarray of shape (n_units, n_features)
        How far rows lie from the mean of their unit's rows.
    bias : ndarray of shape (n_units, n_features)
        How far that mean lies from the mean of the prototypes around the unit.
    stress : ndarray of shape (n_units, n_features)
        How far the prototypes around the unit lie from their own mean.
    radius : float
        Radius of the neighborhood, grid steps.

    See Also
    --------
    distortion_parts : Makes them.

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
    map: Any,
    X: Any,
    *,
    radius: float | None = None,
    neighborhood: str | None = None,
    sample_weight: Any = None,
) -> float:
    """Return squared distances to all units, weighted by the neighborhood.

    Lower is better, among maps of one size and at one radius only.  If it is high, train for more
    epochs; `distortion_parts` tells whether units or neighborhood are to blame.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`.  Missing values do not count.
    radius : float, optional
        Of the neighborhood, in grid steps.  The default is the last one of the training.
    neighborhood : str, optional
        As for `SOM`.  The default is that of the training, or the Gaussian.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row in the mean.  The default is 1 each.

    Returns
    -------
    float
        Squared feature units, at least 0.

    Raises
    ------
    InputError
        If there are no rows, or none has a value; for a map that does not know its radius.
    ValueError, TypeError
        For a radius that is not above 0, or an unknown neighborhood.

    See Also
    --------
    distortion_parts : What it is made of.
    quantization_error

    Notes
    -----
    ``mean over rows of sum_j h(b, j) |x - w_j|^2``, for the best matching unit b and all units j.
    Costs O(n_samples n_features + n_units^2 n_features), because rows enter by unit.

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
        map, X, radius=radius, neighborhood=neighborhood, sample_weight=sample_weight
    ).total


def distortion_parts(
    map: Any,
    X: Any,
    *,
    radius: float | None = None,
    neighborhood: str | None = None,
    sample_weight: Any = None,
) -> DistortionParts:
    """Return the parts of the distortion, by unit and feature.

    Much spread asks for more units, much bias for more epochs or a smaller radius, much stress
    for a larger map or a smaller radius.

    Parameters
    ----------
    map, X
        As for `distortion`.
    radius, neighborhood, sample_weight : optional
        As for `distortion`.

    Returns
    -------
    DistortionParts

    Raises
    ------
    InputError, ValueError, TypeError
        As for `distortion`.

    See Also
    --------
    distortion : Their sum.

    References
    ----------
    As for `distortion`.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> parts = measures.distortion_parts(SOM(1, 3).fit(X), X)
    >>> parts.stress.shape
    (3, 1)
    """
    return parts_of(placed(map, X, sample_weight), radius, neighborhood)


def parts_of(rows: Placed, radius: float | None, neighborhood: str | None) -> DistortionParts:
    """Return the parts of the distortion of placed rows; see `distortion_parts`."""
    map_, (x, codebook) = rows.map_, rows.space
    radius, neighborhood = radius_of(map_, radius), neighborhood_of(map_, neighborhood)
    check_pull(map_.lattice, neighborhood)
    n, n_features = map_.n_units, x.shape[1]
    # About the mean prototype, so that little is lost where squares are subtracted.
    center = codebook.mean(axis=0)
    x, w = x - center, codebook - center
    counts, means, spread = _by_unit(rows, x)
    bias, stress = np.zeros((n, n_features)), np.zeros((n, n_features))
    for unit in np.flatnonzero(rows.hits > 0):
        h = pull_from(map_.lattice, neighborhood, int(unit), radius)
        total = float(h.sum())
        around = (h @ w) / total
        spread[unit] *= total
        bias[unit] = total * counts[unit] * (means[unit] - around) ** 2
        stress[unit] = counts[unit] * (h @ (w - around) ** 2)
    weight = rows.weights.sum()
    return DistortionParts(
        spread=spread / weight, bias=bias / weight, stress=stress / weight, radius=radius
    )


def row_distortions(rows: Placed) -> Float64s:
    """Return values by row whose weighted mean is the distortion, of shape (n_counted,)."""
    map_, (x, codebook) = rows.map_, rows.space
    radius, neighborhood = _trained_radius(map_), neighborhood_of(map_, None)
    if radius is None:
        return np.full(len(x), np.nan)
    center = codebook.mean(axis=0)
    is_there, x, w = ~np.isnan(x), np.nan_to_num(x - center), codebook - center
    values = np.zeros(len(x))
    order = np.argsort(rows.best, kind="stable")
    ends = np.cumsum(np.bincount(rows.best, minlength=map_.n_units))
    for unit in np.flatnonzero(rows.hits > 0):
        own = order[ends[unit - 1] if unit else 0 : ends[unit]]
        h = pull_from(map_.lattice, neighborhood, int(unit), radius)
        total = float(h.sum())
        around = (h @ w) / total
        about = h @ (w - around) ** 2
        parts = total * (x[own] - around) ** 2 + about
        values[own] = np.where(is_there[own], parts, 0.0).sum(axis=1)
    return values


def _by_unit(rows: Placed, x: Float64s) -> tuple[Float64s, Float64s, Float64s]:
    """Return weights, means and sums of squares about the means, by unit and feature."""
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
    """Return a radius that was given, or the last one of the training."""
    if radius is not None:
        check_number("radius", radius, 0)
        return float(radius)
    known = _trained_radius(map_)
    if known is None:
        raise InputError(
            "this map does not know the radius it was trained with. Pass `radius`, in grid steps."
        )
    return known


def _trained_radius(map_: Map) -> float | None:
    radii = map_.history.get("radius")
    return float(radii[-1]) if radii is not None and len(radii) and radii[-1] > 0 else None


def neighborhood_of(map_: Map, neighborhood: str | None) -> str:
    """Return a neighborhood that was given, or that of the training, or the Gaussian."""
    if neighborhood is not None:
        return neighborhood
    return str(map_.parameters.get("neighborhood") or "gaussian")
