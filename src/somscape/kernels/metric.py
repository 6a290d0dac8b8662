"""How far apart rows and prototypes are: the metric that training, winners and U-matrix share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError, ParameterError
from somscape.kernels._array_api import distances_on_device
from somscape.kernels._kernels import METRICS as KERNEL_METRICS
from somscape.kernels._kernels import Kernels
from somscape.kernels._sparse import DeviceArray, Rows, SparseRows, near_one

METRIC_NAMES = (*KERNEL_METRICS, "correlation", "mahalanobis")
BY_ANGLE = ("cosine", "correlation")

FEWEST = 64
"""Rows of which libraries multiply each like those of a larger matrix."""

BLOCK_VALUES = 1 << 16
"""Values of rows that stay in the cache while all prototypes pass: half a MiB.  All 20,000 rows
of 100 features at once took twice as long against 900 units."""

MIN_VARIANCE = 1e-12
"""Directions with less than this share of the largest variance are left out."""


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric, ready for rows.

    Attributes
    ----------
    name : {"euclidean", "manhattan", "chebyshev", "cosine", "correlation", "mahalanobis"}
    feature_weights : ndarray of shape (n_features,), float64, or None
        What each feature counts, at least 0; None means 1 each.
    whitening : ndarray of shape (n_features, n_axes), float64, or None
        For the Mahalanobis distance: rows less their mean, times this, have unit variance in every
        direction.  A classifier learns it instead.
    center : ndarray of shape (n_features,), float64, or None
        That mean.

    See Also
    --------
    somscape.SOM : Its ``metric`` names one.

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
        """Return the metric of a name and of arrays that `to_arrays` gave.

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
            For a name or arrays that no metric has.
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
                raise ParameterError(f"metric.{part} must hold finite numbers by feature")
        weights = parts["feature_weights"]
        if weights is not None and not ((weights >= 0).all() and weights.any()):
            raise ParameterError("metric.feature_weights must be at least 0, and one of them above")
        given = tuple(parts[part] is not None for part in ("whitening", "center"))
        if given != (name == "mahalanobis",) * 2:
            raise ParameterError("a whitening and a center belong to the metric 'mahalanobis'")
        return cls(name, **parts)

    def to_arrays(self) -> dict[str, Any]:
        """Return the arrays that the metric has, by name.

        Returns
        -------
        dict of str to ndarray
        """
        parts = {f"metric.{name}": getattr(self, name) for name in self.ARRAYS}
        return {name: values for name, values in parts.items() if values is not None}

    @property
    def is_plain(self) -> bool:
        """Whether this is the Euclidean distance, all features alike."""
        return self.name == "euclidean" and self.feature_weights is None

    @property
    def kernel(self) -> str:
        """Name of the kernels' metric for compared rows."""
        return {"correlation": "cosine", "mahalanobis": "euclidean"}.get(self.name, self.name)

    def check_sparse(self) -> None:
        """Raise InputError unless sparse rows can be measured."""
        if self.name not in self.SPARSE or self.feature_weights is not None:
            raise InputError(
                "sparse rows support only the metrics 'euclidean' and 'cosine', without "
                f"`feature_weight`; got metric={self.name!r}. Pass X.toarray(), or another metric."
            )

    def compared(self, rows: Rows) -> Rows:
        """Return rows in the form in which the kernels compare them.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features), or SparseRows
            Rows or prototypes.

        Returns
        -------
        ndarray of shape (n, n_features), of the same type, or SparseRows
            The rows themselves, except for correlation and Mahalanobis, which copy, and for tiny
            and huge rows whose angle is asked for.
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
        """Return `compared` rows for training: by angle, each of length 1.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features), or SparseRows

        Returns
        -------
        ndarray of shape (n, n_features), of the same type, or SparseRows
            A row without a direction stays 0.
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
        """Return rows whose Euclidean distances order them as the metric does.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, n_features), of the same type
            Weighted, whitened, or of length one.  Manhattan and Chebyshev distances have no such
            form: rows are only weighted.
        """
        rows = np.asarray(self.compared(rows))
        if self.feature_weights is not None:
            rows = rows * np.sqrt(self.feature_weights).astype(rows.dtype)
        if self.name in BY_ANGLE:
            lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
            rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
        return np.ascontiguousarray(rows)

    def restored(self, codebook: Float64s) -> Float64s:
        """Return prototypes in feature units from compared ones."""
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
        """Return the `k` nearest units of compared rows, and their distances.

        Parameters
        ----------
        kernels : Kernels
        rows : ndarray of shape (n, n_features), or SparseRows
            Compared.
        codebook : ndarray of shape (n_units, n_features)
            Compared.
        k, order, has_missing, out
            As for `Kernels.search`.

        Returns
        -------
        units, distances : ndarray of shape (n, k)
            With missing features the distance is scaled up to all of them, so that rows with
            many and with few can be told apart: by the root of all over present ones for the
            Euclidean metric, by their ratio for Manhattan.
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
        """Return the distances of prototypes in `a` from those in the same row of `b`.

        Parameters
        ----------
        a, b : ndarray of shape (n, n_features)
            In feature units.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self._apart(np.asarray(self.compared(a)), np.asarray(self.compared(b)))

    def mean_to_neighbors(self, codebook: Float64s, neighbors: Ints) -> Float64s:
        """Return the mean distance of each prototype to its neighbors'.

        Parameters
        ----------
        codebook : ndarray of shape (n_units, n_features)
            In feature units.
        neighbors : ndarray of shape (n_units, n_slots)
            Units; -1 for a slot without one.

        Returns
        -------
        ndarray of shape (n_units,)
            0 for a unit without neighbors.
        """
        is_neighbor = neighbors >= 0
        total = np.zeros(len(codebook))
        for column, present in zip(neighbors.T, is_neighbor.T, strict=True):
            total += np.where(present, self.between(codebook, codebook[column]), 0.0)
        return total / np.maximum(is_neighbor.sum(axis=1), 1)

    def _apart(self, x: Floats, y: Float64s) -> Float64s:
        """Distance of compared rows along the last axis; the others broadcast."""
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
            In feature units; NaN for a missing value.
        codebook : ndarray of shape (n_units, n_features)
            In feature units.

        Returns
        -------
        ndarray of shape (n, n_units), of the rows' type
            Or float64, where that could not hold the distances.  NaN for a row without any value.
            Of rows on a device, a `DeviceArray`.
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
    """Return what rows are multiplied by to have unit variance in every direction."""
    variances, directions = np.linalg.eigh(covariance)
    least = MIN_VARIANCE * max(float(variances[-1]), 0.0)
    scale = np.where(variances > least, 1 / np.sqrt(np.maximum(variances, least or 1.0)), 0.0)
    whitening: Float64s = (directions * scale) @ directions.T
    return (whitening + whitening.T) / 2


def _product(rows: Floats, matrix: Float64s) -> Floats:
    """Return a product of matrices, with the same bits for a row that stands alone."""
    n = len(rows)
    if n < FEWEST:
        rows = np.concatenate([rows, np.zeros((FEWEST - n, rows.shape[1]))])
    product: Floats = (rows @ matrix)[:n]
    return product
