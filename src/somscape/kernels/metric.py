"""Metrics for distances between rows and prototypes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError, ParameterError
from somscape.kernels._kernels import METRICS as KERNEL_METRICS
from somscape.kernels._select import Kernels, distances_on_device
from somscape.kernels._sparse import DeviceArray, Rows, SparseRows, near_one

METRIC_NAMES = (*KERNEL_METRICS, "correlation", "mahalanobis")
BY_ANGLE = ("cosine", "correlation")

FEWEST = 64
"""Minimum number of rows in a matrix product. Smaller products can be rounded differently."""

BLOCK_VALUES = 1 << 16
"""Number of values in a block of rows (0.5 MiB). A block stays in the processor cache while its
rows are compared with all prototypes."""

MIN_VARIANCE = 1e-12
"""Minimum variance of a direction that is whitened, as a share of the largest variance."""


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric with its weights and transformation.

    Attributes
    ----------
    name : {"euclidean", "manhattan", "chebyshev", "cosine", "correlation", "mahalanobis"}
    feature_weights : ndarray of shape (n_features,), float64, or None
        Weight of each feature, at least 0.  None means equal weights of 1.
    whitening : ndarray of shape (n_features, n_axes), float64, or None
        Matrix of the Mahalanobis distance.  Rows minus their mean, multiplied by this matrix, have
        unit variance in every direction.  In a classifier, training learns the matrix.
    center : ndarray of shape (n_features,), float64, or None
        Mean of the rows for the Mahalanobis distance.

    See Also
    --------
    somscape.SOM : Its parameter ``metric`` is the name of a metric.

    Examples
    --------
    >>> from somscape import SOM
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, metric="manhattan", random_state=0).fit(X)
    >>> som.map_.metric.name
    'manhattan'
    """

    name: str = "euclidean"
    feature_weights: Float64s | None = None
    whitening: Float64s | None = None
    center: Float64s | None = None

    SPARSE: ClassVar[tuple[str, ...]] = ("euclidean", "cosine")
    MASKED: ClassVar[tuple[str, ...]] = ("euclidean", "manhattan", "chebyshev")
    ARRAYS: ClassVar[tuple[str, ...]] = ("feature_weights", "whitening", "center")

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, Any], n_features: int) -> "Metric":
        """Make a metric from its name and the arrays that `to_arrays` returned.

        Parameters
        ----------
        name : str
        arrays : mapping of str to ndarray
        n_features : int

        Returns
        -------
        Metric

        Raises
        ------
        ValueError
            If `name` is unknown, or if `arrays` is not valid for this metric.
        """
        if name not in METRIC_NAMES:
            raise ParameterError(f"unknown metric {name!r}")
        parts = {part: arrays.get(f"metric.{part}") for part in cls.ARRAYS}
        for part, values in parts.items():
            if values is not None and not (
                values.dtype == np.float64
                and values.shape[:1] == (n_features,)
                and values.ndim == (2 if part == "whitening" else 1)
                and 1 <= values.size <= n_features**values.ndim
                and np.isfinite(values).all()
            ):
                raise ParameterError(
                    f"metric.{part} must contain finite numbers for each feature",
                    parameter=f"metric.{part}",
                )
        weights = parts["feature_weights"]
        if weights is not None and not ((weights >= 0).all() and weights.any()):
            raise ParameterError(
                "metric.feature_weights must be at least 0, with at least one weight above 0",
                parameter="metric.feature_weights",
            )
        given = tuple(parts[part] is not None for part in ("whitening", "center"))
        if given != (name == "mahalanobis",) * 2:
            raise ParameterError(
                "only the metric 'mahalanobis' has a whitening and a center, and must have both",
                parameter="metric.whitening",
            )
        return cls(name, **parts)

    def to_arrays(self) -> dict[str, Any]:
        """Return the arrays that define the metric, by name.

        Returns
        -------
        dict of str to ndarray
        """
        parts = {f"metric.{name}": getattr(self, name) for name in self.ARRAYS}
        return {name: values for name, values in parts.items() if values is not None}

    @property
    def is_plain(self) -> bool:
        """Whether the metric is the Euclidean distance with equal feature weights."""
        return self.name == "euclidean" and self.feature_weights is None

    @property
    def kernel(self) -> str:
        """Name of the metric that the kernels use to compare rows from `compared`."""
        return {"correlation": "cosine", "mahalanobis": "euclidean"}.get(self.name, self.name)

    def check_sparse(self) -> None:
        """Raise InputError if the metric does not support sparse rows."""
        if self.name not in self.SPARSE or self.feature_weights is not None:
            raise InputError(
                "Sparse rows support only the metrics 'euclidean' and 'cosine' without "
                f"`feature_weight`, but `metric` is {self.name!r}. Pass X.toarray(), or use "
                "another metric.",
                parameter="metric",
                value=self.name,
                allowed=self.SPARSE,
            )

    def compared(self, rows: Rows) -> Rows:
        """Convert rows to the form in which the kernels compare them.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features), or SparseRows
            Rows or prototypes.

        Returns
        -------
        ndarray of shape (n, n_features), of the same type, or SparseRows
            The same rows, or a changed copy.  The metrics correlation and Mahalanobis change all
            rows.  For a metric that compares angles, a row is rescaled only if its length is
            extremely small or large.
        """
        if isinstance(rows, SparseRows):
            self.check_sparse()
        elif self.name == "correlation":
            wide = rows.astype(np.float64)
            means = np.average(wide, axis=1, weights=self.feature_weights)
            rows = np.ascontiguousarray(rows - means[:, None], dtype=rows.dtype)
        if self.name in BY_ANGLE:
            return near_one(rows)
        if isinstance(rows, SparseRows):
            return rows
        if self.whitening is not None and self.center is not None:
            away = rows.astype(np.float64, copy=False) - self.center
            return np.ascontiguousarray(_product(away, self.whitening), dtype=rows.dtype)
        return rows

    def trained_on(self, rows: Rows) -> Rows:
        """Return the rows as `compared` for training.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features), or SparseRows

        Returns
        -------
        ndarray of shape (n, n_features), of the same type, or SparseRows
            Rows from `compared`.  If the metric compares angles, each row is also scaled to norm 1,
            but a row of zeros stays unchanged.
        """
        rows = self.compared(rows)
        if self.name not in BY_ANGLE:
            return rows
        if isinstance(rows, SparseRows):
            return rows.of_length_one()
        wide = rows.astype(np.float64, copy=False)
        weights = 1.0 if self.feature_weights is None else self.feature_weights
        length = np.sqrt((wide * wide * weights).sum(axis=1, keepdims=True))
        return np.ascontiguousarray(wide / np.where(length > 0, length, 1.0), dtype=rows.dtype)

    def as_euclidean(self, rows: Floats) -> Floats:
        """Convert rows so that Euclidean distances sort like the metric's distances.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, n_features), of the same type
            The rows after weighting, whitening or scaling to norm 1.  For Manhattan and Chebyshev,
            rows are only weighted, and their Euclidean distances can sort in another order.
        """
        rows = np.asarray(self.compared(rows))
        if self.feature_weights is not None:
            rows = rows * np.sqrt(self.feature_weights).astype(rows.dtype)
        if self.name in BY_ANGLE:
            lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
            rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
        return np.ascontiguousarray(rows)

    def restored(self, codebook: Float64s) -> Float64s:
        """Convert prototypes from `compared` back to the scale of the features."""
        if self.whitening is None or self.center is None:
            return codebook
        return np.ascontiguousarray(codebook @ np.linalg.pinv(self.whitening) + self.center)

    def search(
        self,
        kernels: Kernels,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        has_missing: bool = False,
        out: tuple[Ints, Float64s] | None = None,
    ) -> tuple[Ints, Float64s]:
        """Return the `k` nearest units of rows from `compared`, and their distances.

        Parameters
        ----------
        kernels : Kernels
        rows : ndarray of shape (n, n_features), or SparseRows
            Rows from `compared`.
        codebook : ndarray of shape (n_units, n_features)
            Prototypes from `compared`.
        k, order, has_missing, out
            As for `NumpyKernels.search`.

        Returns
        -------
        units, distances : ndarray of shape (n, k)
            If a row has missing values, its Manhattan distances are multiplied by the total weight
            of all features divided by that of the present features, and its Euclidean distances by
            the root of this ratio.  So rows with many and with few missing values are comparable.
            Chebyshev distances are not changed.
        """
        units, distances = kernels.search(
            rows,
            codebook,
            k,
            order=order,
            feature_weights=self.feature_weights,
            metric=self.kernel,
            has_missing=has_missing,
            out=out,
        )
        if has_missing and self.name != "chebyshev" and not isinstance(rows, SparseRows):
            distances *= self._scale_up(rows)[:, None]
        return units, distances

    def between(self, a: Float64s, b: Float64s) -> Float64s:
        """Return the distance between `a[i]` and `b[i]` for each row i.

        Parameters
        ----------
        a, b : ndarray of shape (n, n_features)
            Prototypes in feature units.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._apart(np.asarray(self.compared(a)), np.asarray(self.compared(b)))

    def mean_to_neighbors(self, codebook: Float64s, neighbors: Ints) -> Float64s:
        """Return each unit's mean distance to the prototypes of its neighbors.

        Parameters
        ----------
        codebook : ndarray of shape (n_units, n_features)
            Prototypes in feature units.
        neighbors : ndarray of shape (n_units, n_slots)
            Neighbors of each unit.  Units with fewer neighbors are padded with -1.

        Returns
        -------
        ndarray of shape (n_units,)
            Mean distance for each unit, which is 0 for a unit without neighbors.
        """
        is_neighbor = neighbors >= 0
        total = np.zeros(len(codebook))
        for column, present in zip(neighbors.T, is_neighbor.T, strict=True):
            total += np.where(present, self.between(codebook, codebook[column]), 0.0)
        return total / np.maximum(is_neighbor.sum(axis=1), 1)

    def _apart(self, x: Floats, y: Float64s) -> Float64s:
        """Return distances between compared rows. The last axis contains the features."""
        weights = 1.0 if self.feature_weights is None else self.feature_weights
        if self.kernel == "manhattan":
            return np.asarray((np.abs(x - y) * weights).sum(axis=-1))
        if self.kernel == "chebyshev":
            return np.asarray((np.abs(x - y) * weights).max(axis=-1))
        if self.kernel == "cosine":
            norms = np.sqrt((x * x * weights).sum(axis=-1) * (y * y * weights).sum(axis=-1))
            product = (x * y * weights).sum(axis=-1)
            return 1.0 - np.divide(product, norms, out=np.zeros_like(norms), where=norms > 0)
        difference = x - y
        if self.feature_weights is None:
            return np.sqrt(np.einsum("...j,...j->...", difference, difference))
        return np.asarray(np.sqrt((difference**2 * weights).sum(axis=-1)))

    def distances(self, rows: Rows, codebook: Float64s) -> Floats:
        """Return the distance of each row to every prototype.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features), or SparseRows
            Rows in feature units, with NaN for missing values.
        codebook : ndarray of shape (n_units, n_features)
            Prototypes in feature units.

        Returns
        -------
        ndarray of shape (n, n_units), of the rows' type
            Distances (NaN for a row without any value).  They are float64 if the type of the rows
            would overflow.  If the rows are on a device, the distances are a `DeviceArray`.
        """
        if isinstance(rows, DeviceArray):
            return distances_on_device(rows, codebook)
        if isinstance(rows, SparseRows):
            dense = rows.dense_blocks(BLOCK_VALUES)
            return np.concatenate([self.distances(block, codebook) for _, block in dense])
        rows, codebook = np.asarray(self.compared(rows)), np.asarray(self.compared(codebook))
        is_there = ~np.isnan(rows)
        has_missing = not is_there.all()
        largest = np.abs(codebook).max(initial=0.0) * codebook.shape[1]
        fits = largest < np.finfo(rows.dtype).max / 4
        out = np.empty((len(rows), len(codebook)), dtype=rows.dtype if fits else np.float64)
        step = max(1, BLOCK_VALUES // max(1, rows.shape[1]))
        for part in blocks(len(rows), step):
            some, are_there = rows[part, None], is_there[part, None]
            for units in blocks(len(codebook), max(1, BLOCK_VALUES // max(1, some.size))):
                near = codebook[None, units]
                filled = np.where(are_there, some, near) if has_missing else some
                out[part, units] = self._apart(filled, near)
        if has_missing and self.name != "chebyshev":
            out *= self._scale_up(rows)[:, None]
        out[~is_there.any(axis=1)] = np.nan
        return out

    def _scale_up(self, rows: Floats) -> Float64s:
        is_there = ~np.isnan(rows)
        if self.feature_weights is None:
            present, every = is_there.sum(axis=1), float(rows.shape[1])
        else:
            present, every = is_there @ self.feature_weights, float(self.feature_weights.sum())
        ratio: Float64s = every / np.where(present > 0, present, every)
        return np.sqrt(ratio) if self.name == "euclidean" else ratio


EUCLIDEAN = Metric()


def whitening_of(covariance: Float64s) -> Float64s:
    """Return a matrix that, multiplied with rows, gives them unit variance in every direction."""
    variances, directions = np.linalg.eigh(covariance)
    least = MIN_VARIANCE * max(float(variances[-1]), 0.0)
    scale = np.where(variances > least, 1 / np.sqrt(np.maximum(variances, least or 1.0)), 0.0)
    whitening: Float64s = (directions * scale) @ directions.T
    return (whitening + whitening.T) / 2


def _product(rows: Floats, matrix: Float64s) -> Floats:
    """Multiply matrices. The bits of a result row do not depend on the number of rows."""
    n = len(rows)
    if n < FEWEST:
        rows = np.concatenate([rows, np.zeros((FEWEST - n, rows.shape[1]))])
    product: Floats = (rows @ matrix)[:n]
    return product
