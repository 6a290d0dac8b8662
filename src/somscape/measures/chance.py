"""Bootstrap intervals of measures, and the agreement of several maps of the same data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_number, check_whole
from somscape._weights import blocks
from somscape.errors import InputError, ParameterError
from somscape.maps.map import Map, as_map
from somscape.measures._quality import Placed, placed

BLOCK_DRAWS = 1 << 20


def check_draws(level: float, n_resamples: int, random_state: int) -> None:
    """Raise an error if an argument of a bootstrap is out of range."""
    check_number("level", level, 0)
    if level >= 1:
        raise ParameterError(
            f"`level` must be below 1, but is {level!r}. Give for example 0.95.", value=level
        )
    check_whole("n_resamples", n_resamples, 1)
    check_whole("random_state", random_state, 0)


def intervals(
    values: Float64s, weights: Float64s, level: float, n_resamples: int, seed: int
) -> Float64s:
    """Return a bootstrap interval for the mean of each column, from the same resamples."""
    n, rng = len(values), np.random.default_rng(seed)
    is_finite = np.asarray(np.isfinite(values).all(axis=0))
    held = np.column_stack([weights[:, None] * np.where(is_finite, values, 0.0), weights])
    sums = np.empty((n_resamples, held.shape[1]))
    for part in blocks(n_resamples, max(1, BLOCK_DRAWS // n)):
        size = part.stop - part.start
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        sums[part] = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n) @ held
    total = sums[:, -1:]
    is_drawn = total[:, 0] > 0
    means = sums[is_drawn, :-1] / total[is_drawn]
    edges = ((1 - level) / 2, (1 + level) / 2)
    return np.where(is_finite[:, None], np.quantile(means, edges, axis=0).T, np.nan)


@dataclass(frozen=True, eq=False, kw_only=True)
class Stability:
    """Agreement and errors of several maps of the same data.

    Attributes
    ----------
    agreement : float
        Correlation between the distances of row pairs on one map and on another, averaged over all
        pairs of maps.  The value is 1 if all maps arrange the rows alike, except for rotation and
        reflection.
    quantization_errors, topographic_errors : ndarray of shape (n_maps,)
        Error of each map.

    See Also
    --------
    stability : Computes the agreement.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, measures
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> maps = [SOM(4, 5, init="sample", random_state=seed).fit(X) for seed in range(3)]
    >>> measures.stability(maps, X).quantization_errors.shape
    (3,)
    """

    agreement: float
    quantization_errors: Float64s
    topographic_errors: Float64s

    def __str__(self) -> str:
        errors = (self.quantization_errors, self.topographic_errors)
        qe, te = (f"{each.mean():.4g} +- {each.std():.2g}" for each in errors)
        return (
            f"{len(self.quantization_errors)} maps: agreement {self.agreement:.3f}, quantization "
            f"error {qe}, topographic error {te}"
        )


def stability(
    maps: Sequence[Any],
    X: Any,
    *,
    sample_weight: Any = None,
    n_pairs: int = 2000,
    random_state: int = 0,
) -> Stability:
    """Return how similarly maps from different seeds arrange the same rows.

    An agreement near 1 and nearly equal errors of all maps are good.  Otherwise, do not trust a
    single map.  Train again with PCA initialization, more epochs, a larger final radius or fewer
    units.

    Parameters
    ----------
    maps : sequence of Map
        At least two maps or fitted estimators, for example from different seeds or samples.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` of each map accepts them.  A row counts only if, for every map, it
        has a value in at least one column of this map.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.
    n_pairs : int, default=2000
        Number of pairs of rows to compare, drawn at random.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    Stability

    Raises
    ------
    InputError
        If `maps` is not a list or has fewer than two maps, if `X` is empty, or if no row
        counts.

    See Also
    --------
    somscape.regions.stability : Measures the stability of regions.

    References
    ----------
    E. de Bodt, M. Cottrell and M. Verleysen (2002), Statistical tools to assess the reliability of
    self-organizing maps, Neural Networks 15.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, measures
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> maps = [SOM(4, 5, init="sample", random_state=seed).fit(X) for seed in range(3)]
    >>> measures.stability(maps, X).agreement <= 1
    True
    """
    if not isinstance(maps, Iterable):
        raise InputError(
            f"`maps` must be a list of at least two maps, but is of type {type(maps).__name__}. "
            "Pass for example [map_1, map_2].",
            value=type(maps).__name__,
        )
    found = [as_map(each, f"maps[{i}]") for i, each in enumerate(maps)]
    if len(found) < 2:
        raise InputError(
            f"`maps` must contain at least two maps, but contains {len(found)}. Pass for example "
            "[map_1, map_2].",
            value=len(found),
        )
    check_whole("n_pairs", n_pairs, 1)
    check_whole("random_state", random_state, 0)
    on_maps = [placed(each, X, sample_weight) for each in found]
    if any(each.counts.shape != on_maps[0].counts.shape for each in on_maps):
        raise InputError(
            "X contained a different number of rows when it was read again. Pass a table that does "
            "not change."
        )
    counted = np.logical_and.reduce([each.counts for each in on_maps])
    if not counted.any():
        raise InputError(
            "No row of X has a value in the columns of every map. Leave out maps, or fill missing "
            "values.",
            parameter="X",
        )
    on_maps = [each.only(counted) for each in on_maps]
    weights = on_maps[0].weights
    rng = np.random.default_rng(random_state)
    pairs = rng.choice(len(weights), (2, n_pairs), p=weights / weights.sum())
    return Stability(
        agreement=agreement(found, [each.best for each in on_maps], pairs),
        quantization_errors=np.array([each.mean(each.distances[:, 0]) for each in on_maps]),
        topographic_errors=np.array([each.mean(are_torn(each)) for each in on_maps]),
    )


def agreement(maps: Sequence[Map], units: Sequence[Ints], pairs: Ints) -> float:
    """Return the correlation of distances on two maps, averaged over all pairs of maps."""
    apart = [_pair_distances(*each, pairs) for each in zip(maps, units, strict=True)]
    if any(a.std() == 0 for a in apart):
        return 1.0 if all(a.std() == 0 for a in apart) else 0.0
    correlation = np.atleast_2d(np.corrcoef(apart))
    return float(correlation[np.triu_indices(len(maps), 1)].mean())


def _pair_distances(map_: Map, units: Ints, pairs: Ints) -> Float64s:
    lattice = map_.lattice
    distinct, which = np.unique(units[pairs[0]], return_inverse=True)
    from_unit = np.stack([lattice.distances_from(int(unit)) for unit in distinct])
    apart = np.asarray(from_unit[which.ravel(), units[pairs[1]]])
    # Units without a path between them count as one step farther apart than all other units.
    is_near = np.isfinite(apart)
    farthest = apart[is_near].max(initial=0.0) + lattice.step
    return np.where(is_near, apart, farthest)


def are_torn(rows: Placed) -> Float64s:
    """For each row, return whether its two nearest units are not neighbors.  NaN for one unit."""
    if rows.map_.n_units < 2:
        return np.full(len(rows.units), np.nan)
    are_neighbors = rows.map_.lattice.are_neighbors(rows.units[:, 0], rows.units[:, 1])
    return np.asarray(~are_neighbors, dtype=np.float64)
