"""Imputation of missing values by local linear regression on the prototypes nearest to a row."""

import warnings
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import nnls
from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from somscape._types import Bools, Float64s, Floats, Ints, Objects
from somscape._validate import checked_weights
from somscape._weights import blocks, ones_or
from somscape.errors import InputError, SomscapeWarning
from somscape.estimators._intake import checked_array, data_for, take
from somscape.estimators._saved import Saves
from somscape.estimators.som import SOM, own_som
from somscape.kernels._kernels import MAX_BEST
from somscape.maps.map import Map
from somscape.tables.table import Table

MAX_UNITS = 4096
"""Maximum number of units of a map of automatic size."""

MAX_ROWS, MAX_CELLS = 10_000, 1 << 21
"""Maximum numbers of distinct rows and of their cells from which the regression is learned."""

HIDDEN = 0.1
"""Share of the present cells of these rows that are hidden to compare the estimates."""

MORE_EPOCHS = 8
"""Number of epochs that train the map on all cells, after the training without the hidden cells."""

PASSES = 2
"""Number of times that the rows are filled and the regression is computed from the filled rows."""

MAX_FACTORS = 48
"""Maximum number of main axes of all rows that the regression uses."""

RIDGE = 1e-3
"""Share of a feature's variance that the regression regards as noise."""

PRIOR_CELLS = 10
"""Number of cells with the mean error of all features that are added to the cells of a feature."""

BLOCK_VALUES = 1 << 19
"""Maximum number of values of each temporary array (4 MiB)."""


class Linear(NamedTuple):
    """A normal distribution of all rows, with the covariance ``factors.T @ factors + noise``."""

    mean: Float64s
    factors: Float64s
    noise: Float64s

    @classmethod
    def of(cls, rows: Float64s, shares: Float64s, errors: Float64s) -> "Linear":
        """Return the distribution of filled rows.  `errors` are added to the variances."""
        mean = shares @ rows
        apart = (rows - mean) * np.sqrt(shares)[:, None]
        covariance = apart.T @ apart
        covariance[np.diag_indices_from(covariance)] += errors
        n = len(covariance)
        found, axes = eigh(covariance, subset_by_index=(max(0, n - MAX_FACTORS), n - 1))
        factors = np.ascontiguousarray((axes * np.sqrt(np.maximum(found, 0.0))).T)
        variances = np.diag(covariance)
        rest = np.maximum(variances - (factors**2).sum(axis=0), 0.0) + RIDGE * variances
        return cls(mean, factors, np.where(rest > 0, rest, 1.0))

    @property
    def variances(self) -> Float64s:
        """Variance of each feature."""
        total: Float64s = (self.factors**2).sum(axis=0) + self.noise
        return total


GOLDEN = 0x9E3779B97F4A7C15
"""Multiplier for mixing bits of hashes."""

Words = NDArray[np.uint64]


def hash_rows(rows: Floats, factors: Words) -> Words:
    """Return one hash per row, computed from the bits of its values."""
    if rows.dtype == np.float32:
        words = rows.view(np.uint32).astype(np.uint64)
    else:
        words = rows.view(np.uint64)
        words = words ^ (words >> np.uint64(32))
    found: Words = words @ factors
    return found


def mix(words: Words) -> Words:
    """Mix the bits of each 64-bit integer."""
    mixed = words.copy()
    for _ in range(2):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(GOLDEN)
    mixed ^= mixed >> np.uint64(32)
    return mixed


class HeldCells(NamedTuple):
    """Distinct training rows with hidden cells, and all training rows without the hidden cells."""

    rows: Float64s
    weights: Float64s
    is_hidden: Bools
    gappy: Floats

    @classmethod
    def of(cls, rows: Floats, weights: Float64s) -> "HeldCells":
        """Choose rows and cells by a hash of the values, so weights and repeated rows agree."""
        is_gap = np.isnan(rows)
        used = np.flatnonzero((weights > 0) & ~is_gap.all(axis=1))
        keys = mix(np.arange(1, rows.shape[1] + 1, dtype=np.uint64))
        alike = np.where(is_gap[used], np.nan, rows[used] + 0.0)
        words = mix(hash_rows(np.ascontiguousarray(alike), keys | np.uint64(1)))
        words, first, place = np.unique(words, return_index=True, return_inverse=True)
        most = min(MAX_ROWS, max(1, MAX_CELLS // rows.shape[1]))
        words, first = words[:most], first[:most]
        is_hidden = mix(words[:, None] + keys) < np.uint64(HIDDEN * 2.0**64)
        is_hidden &= ~is_gap[used[first]]
        is_hidden[(is_hidden | is_gap[used[first]]).all(axis=1)] = False
        gappy, is_sampled = rows.copy(), place < len(words)
        places = used[is_sampled]
        gappy[places] = np.where(is_hidden[place[is_sampled]], np.nan, rows[places])
        is_lost = np.isnan(gappy[used]).all(axis=0)
        gappy[:, is_lost], is_hidden[:, is_lost] = rows[:, is_lost], False
        totals = np.bincount(place, weights[used]).astype(np.float64)[: len(words)]
        return cls(rows[used[first]].astype(np.float64), totals, is_hidden, gappy)


@dataclass(eq=False, repr=False, match_args=False)
class SOMImputer(OneToOneFeatureMixin, TransformerMixin, Saves):
    """Fill missing values by linear regression on the prototypes nearest to a row.

    Parameters
    ----------
    som : SOM or None, default=None
        The map to train, unfitted.  None means ``SOM()``.  The map is trained with
        ``missing="mask"`` and ``encoder=None``, so missing values are ignored.  If `n_rows` and
        `n_cols` are ``"auto"``, the map has about as many units as rows, but at most 4,096.
        Features should be on the same scale.
    random_state : int, RandomState or None, default=None
        Random state for the training of the map, unless `som` has a ``random_state``.

    Attributes
    ----------
    map_ : Map
        The trained map of the kept features.
    kept_ : ndarray of shape (n_kept,)
        Numbers of the features that have a value.
    weights_ : ndarray of shape (4,)
        Weights of four estimates, with the sum 1: the mean of the nearest quarter of the
        prototypes, the mean of all of them, their local regression, and the regression on all rows.
    mean_, noise_ : ndarray of shape (n_kept,)
        Mean of the filled training rows, and the variance that `factors_` do not contain.
    factors_ : ndarray of shape (n_factors, n_kept)
        Main axes of the filled training rows, at most 48, multiplied by their standard deviations.
    error_, spread_ : ndarray of shape (n_kept,)
        Root mean square error of hidden cells, and mean variance of the prototypes around them.
    n_features_in_ : int
        Number of features of the data passed to `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the data passed to `fit` contained names.

    See Also
    --------
    SOM : With ``missing="mask"``, it trains on rows with gaps and does not fill the gaps.

    Notes
    -----
    Distances between a row and prototypes use only the present features of the row.  `fit` hides
    10 % of the cells of at most 10,000 distinct rows, trains the map, and chooses the weights of
    the four estimates that give the least squared error of the hidden cells (stacking).  Then the
    map is trained on all cells.  The regressions are conditional means of normal distributions.
    Their covariance is that of the nearest prototypes plus that of all filled rows, or only the
    latter.  For n rows with gaps, d features and m units, `transform` takes O(n (m d + q^2 d))
    operations, with q at most 64, and a few MiB of memory in addition to the result.

    References
    ----------
    M. Cottrell and P. Letremy (2005), Missing values: processing with the Kohonen algorithm.
    L. Breiman (1996), Stacked regressions.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMImputer
    >>> X = np.array([[0.0, 0.0], [0.1, 0.1], [5.0, 5.0], [5.1, 5.1]] * 5)
    >>> SOMImputer().fit(X).transform([[5.05, np.nan]]).round().tolist()
    [[5.0, 5.0]]
    """

    _MODEL = "map_"
    _ARRAYS = ("kept_", "weights_", "mean_", "noise_", "factors_", "error_", "spread_")

    _: KW_ONLY
    som: SOM | None = None
    random_state: Any = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "SOMImputer":
        """Train the map, ignoring missing values, and learn the regression.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Missing values are NaN.  At least one value must be present.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        SOMImputer
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or a value of the data is not allowed.  The message names it.
        """
        som = own_som(self.som)
        som.set_params(missing="mask", encoder=None)
        if som.random_state is None:
            som.set_params(random_state=self.random_state)
        data = take(X, type(self).__name__).data
        if isinstance(data, Table):
            raise InputError(
                "SOMImputer supports only numbers, but X is a `Table`. Pass X.to_numpy(), or "
                "encode X with somscape.TableEncoder(missing='mask').",
                parameter="X",
            )
        rows = checked_array(self, data, reset=True)
        given = checked_weights(sample_weight, len(rows))
        weights = ones_or(given, len(rows))
        is_kept = ~np.isnan(rows[weights > 0]).all(axis=0)
        self.kept_ = np.flatnonzero(is_kept | ~is_kept.any())
        rows = np.ascontiguousarray(rows[:, self.kept_])
        _set_size(som, float(weights.sum()))
        sample = HeldCells.of(rows, weights)
        self.map_ = som.fit(sample.gappy, sample_weight=given).map_
        self._learn(sample, self.map_)
        if sample.is_hidden.any():
            kept = (
                "callbacks",
                "feature_weight",
                "metric",
                "neighborhood",
                "random_state",
                "verbose",
            )
            more = SOM(init=self.map_, n_epochs=MORE_EPOCHS, missing="mask", encoder=None)
            more.set_params(**{name: getattr(som, name) for name in kept})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SomscapeWarning)  # they were shown above
                self.map_ = more.fit(rows, sample_weight=given).map_
        return self

    def _learn(self, sample: HeldCells, map_: Map) -> None:
        """Compute the regression and the weights of the estimates from rows with hidden cells."""
        rows, is_hidden = sample.rows, sample.is_hidden
        is_gap, shares = np.isnan(rows), sample.weights / sample.weights.sum()
        counts = shares @ ~is_gap
        mean = shares @ np.where(is_gap, 0.0, rows) / counts
        variances = shares @ np.where(is_gap, 0.0, (rows - mean) ** 2) / counts
        variances[variances == 0] = 1.0
        linear = Linear(mean, np.zeros((0, len(mean))), variances)
        weights, errors = np.array([0.0, 1.0, 0.0, 0.0]), variances
        at, share = np.nonzero(is_hidden)[1], np.repeat(shares, is_hidden.sum(axis=1))
        for number in range(PASSES + 1):
            gappy = np.where(is_hidden, np.nan, rows)
            estimates, spread = _estimates(map_, gappy, linear)
            off = (estimates[:, is_hidden] - rows[is_hidden]) / np.sqrt(variances[at])
            if number > 0 and len(at):
                weights = _stacked(off * np.sqrt(share))
            errors = _means(share * (weights @ off) ** 2, share, at, 1.0, len(mean)) * variances
            filled = np.where(np.isnan(gappy), np.tensordot(weights, estimates, 1), gappy)
            if number == PASSES:
                filled[is_hidden] = rows[is_hidden]
            lost = shares @ (is_gap | (is_hidden & (number < PASSES)))
            linear = Linear.of(filled, shares, lost * errors)
        spreads = _means(share * spread[is_hidden] / variances[at], share, at, 1.0, len(mean))
        self.mean_, self.factors_, self.noise_ = linear
        self.weights_, self.error_ = weights, np.sqrt(errors)
        self.spread_ = np.where(spreads > 0, spreads, 1.0) * variances

    def transform(self, X: Any) -> Floats:
        """Return the data, with each missing value replaced by an estimate.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), with the data type of X
            The filled data.  Values that were present are unchanged.
        """
        return self.impute(X)[0]

    def impute(self, X: Any) -> tuple[Floats, Float64s]:
        """Return the filled data and a standard deviation for each filled value.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        filled : ndarray of shape (n_samples, n_features_out), of the data's type
            The data without missing values.  A row without any value becomes `mean_`.
        deviation : ndarray of shape (n_samples, n_features_out), float64
            For each filled value, the expected root mean square error.  It is larger if the nearest
            prototypes differ more.  0 for a value that was present.
        """
        map_, data = self.map_, data_for(self, X)
        rows = np.asarray(data.to_numpy() if isinstance(data, Table) else data)
        is_all = rows.ndim != 2 or rows.shape[1] != self.n_features_in_
        rows = map_.rows_of(rows if is_all else rows[:, self.kept_])
        filled, deviation = rows.copy(), np.zeros(rows.shape)
        is_gap = np.isnan(rows)
        gappy = np.flatnonzero(is_gap.any(axis=1))
        linear = Linear(self.mean_, self.factors_, self.noise_)
        for part in blocks(len(gappy), max(1, BLOCK_VALUES // rows.shape[1])):
            some = gappy[part]
            estimates, spread = _estimates(map_, rows[some], linear)
            values = np.tensordot(self.weights_, estimates, 1)
            around = self.error_ * np.sqrt((1.0 + spread / self.spread_) / 2)
            is_empty = is_gap[some].all(axis=1)
            values[is_empty], around[is_empty] = self.mean_, np.sqrt(linear.variances)
            filled[some] = np.where(is_gap[some], values, rows[some])
            deviation[some] = np.where(is_gap[some], around, 0.0)
        return filled, deviation

    def get_feature_names_out(self, input_features: Any = None) -> Objects:
        """Return the names of the features that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, optional
            As for the imputers of scikit-learn.

        Returns
        -------
        ndarray of shape (n_features_out,)
        """
        names: Objects = super().get_feature_names_out(input_features)
        return names[self.kept_]

    def _fits(self, name: str, values: Any) -> bool:
        n = self.map_.codebook.shape[1]
        if name == "kept_":
            is_right = values.dtype == np.int64 and values.shape == (n,)
            steps = np.diff(values, prepend=-1, append=self.n_features_in_) if is_right else [0]
            return bool(np.all(np.asarray(steps) > 0))
        shape = {"weights_": (4,), "factors_": (values.shape[0] if values.ndim else 0, n)}.get(
            name, (n,)
        )
        is_right = values.dtype == np.float64 and values.shape == shape
        is_any = name in ("mean_", "factors_")
        least = np.finfo(np.float64).tiny if name in ("noise_", "spread_") else 0.0
        return is_right and bool(np.isfinite(values).all() and (is_any or (values >= least).all()))


def _set_size(som: SOM, n: float) -> None:
    """Set the size of a map to about `n` units, unless the user chose a size."""
    if isinstance(som.lattice, str) and (som.n_rows, som.n_cols) == ("auto", "auto"):
        side = max(1, int(np.sqrt(min(n, MAX_UNITS))))
        is_even = som.lattice == "hexagonal" and som.boundary == "torus"
        som.set_params(n_rows=max(2, side - side % 2) if is_even else side, n_cols=side)
    if som.n_init == "auto":
        som.set_params(n_init=1)


def _estimates(map_: Map, rows: Floats, linear: Linear) -> tuple[Float64s, Float64s]:
    """Return the four estimates of each value of rows, and the variance of the prototypes.

    The shapes are (4, n, n_features) and (n, n_features).
    """
    k = min(MAX_BEST, map_.n_units)
    units, distances = map_.nearest(rows, k)
    squares = np.nan_to_num(distances) ** 2
    narrow, wide = (_nearness(squares, n)[:, None] for n in (max(1, k // 4), max(1, k // 2)))
    estimates, spread = np.empty((4, *rows.shape)), np.empty(rows.shape)
    n_factors = k + len(linear.factors)
    for part in blocks(
        len(rows), max(1, BLOCK_VALUES // (n_factors * max(n_factors, rows.shape[1])))
    ):
        some, values = rows[part].astype(np.float64), map_.codebook[units[part]]
        is_there = ~np.isnan(some)
        mean = (wide[part] @ values)[:, 0]
        apart = (values - mean[:, None]) * np.sqrt(wide[part].transpose(0, 2, 1))
        every = np.broadcast_to(linear.factors, (len(some), *linear.factors.shape))
        factors = np.concatenate([apart, every], axis=1)
        estimates[0, part], estimates[1, part] = (narrow[part] @ values)[:, 0], mean
        estimates[2, part] = mean + _regress(some - mean, is_there, factors, linear.noise)
        estimates[3, part] = linear.mean + _regress(
            some - linear.mean, is_there, linear.factors[None], linear.noise
        )
        spread[part] = (apart**2).sum(axis=1)
    return estimates, spread


def _nearness(squares: Float64s, n: int) -> Float64s:
    """Return weights that fall with the squared distance, on the scale of the nth distance."""
    scale = np.maximum(squares[:, n - 1 : n], np.finfo(np.float64).tiny)
    found = np.exp(np.maximum((squares[:, :1] - squares) / scale, -700.0))
    total: Float64s = found / found.sum(axis=1, keepdims=True)
    return total


def _regress(apart: Float64s, is_there: Bools, factors: Float64s, noise: Float64s) -> Float64s:
    """Return the mean of differences of a normal distribution, given the present differences."""
    scaled = factors * (is_there / noise)[:, None]
    inner = scaled @ factors.transpose(0, 2, 1)
    n = inner.shape[1]
    inner[:, np.arange(n), np.arange(n)] += 1.0
    right = scaled @ np.where(is_there, apart, 0.0)[:, :, None]
    found: Float64s = np.linalg.solve(inner, right).transpose(0, 2, 1) @ factors
    return found[:, 0]


def _stacked(off: Float64s) -> Float64s:
    """Return weights of at least 0, with the sum 1, that give the least squared error."""
    big = max(1.0, 1e3 * float(np.linalg.norm(off)))
    system = np.vstack([off.T, np.full(len(off), big)])
    found: Float64s = nnls(system, np.append(np.zeros(off.shape[1]), big))[0]
    return found / found.sum()


def _means(values: Float64s, share: Float64s, at: Ints, empty: float, n: int) -> Float64s:
    """Return a mean of each feature, drawn to the mean of all cells by `PRIOR_CELLS` cells."""
    if not len(at):
        return np.full(n, empty)
    prior = PRIOR_CELLS * share.sum() / len(at)
    sums, totals = np.bincount(at, values, n), np.bincount(at, share, n)
    return (sums + prior * values.sum() / share.sum()) / (totals + prior)
