"""How a detector weighs columns: those that go together count once, those that vary little a bit.

Distances take columns as if they had nothing to do with each other.  A row whose values are usual
one by one, but not together, then lies no farther from the prototypes than others do; and where
five columns say the same, it counts five times.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape._weights import counted_rows
from somscape.fit import mean_and_covariance
from somscape.kernels import select_kernels

MATRIX_BITS = 14
"""Bits after the point of the matrix, whose entries are 4 at most."""

ROW_BITS = 26
"""Bits after the point of rows, in standard deviations.  Products with the matrix then fit a
float64 while rows lie within some 100 deviations of the center, and add up to the same bits in any
order: by any linear algebra library, with any number of threads."""

MAX_UNTHREADED_WORK = 1 << 18
"""Multiply-adds of a product for which linear algebra libraries start no threads."""

MIN_BLOCK_ROWS = 64
MAX_BLOCK_ROWS = 2048
"""Rows in a block, few enough to stay in the cache: 100,000 rows of 30 features took a third of the
time of all at once."""

SHARED_WORK = 1e7
"""Multiply-adds, some two milliseconds of them, that are worth threads of our own."""

RIDGE = 0.1
"""Added to each column's correlation with itself."""

NOISE_RIDGE = 1.0
"""Added, too, times the number of columns per row: correlations of few rows are largely noise."""

MEMBER_NOISE_RIDGE = 0.3
"""The same where several maps of different rows score together, so that much of the noise goes."""

MIN_DEVIATION = 1e-9
"""Columns that vary less than this share of the widest are left as they are."""

MAX_FEATURES = 1000
"""Beyond, the matrix would cost more than it says: a second, and as much as the search."""


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """What is made of rows and prototypes before they are compared.

    Attributes
    ----------
    center : ndarray of shape (n_features,), float64
        Taken off first, which changes no difference between rows.
    deviations : ndarray of shape (n_features,), float64
        What is left is divided by it.
    matrix : ndarray of shape (n_features, n_features), float64
        And multiplied by this: each feature then stands for the one in its place, less most of what
        others tell.
    counts : ndarray of shape (n_features,), float64
        What each of those counts.
    """

    center: Float64s
    deviations: Float64s
    matrix: Float64s
    counts: Float64s

    def compared(self, rows: Floats) -> Float64s:
        """Return rows as they are compared.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
            Rows or prototypes.

        Returns
        -------
        ndarray of shape (n, n_features)
            Rounded to some 2^-26 of each feature's deviation.  O(n * n_features^2).
        """
        out = np.empty(rows.shape)
        work = len(rows) * len(self.center) ** 2
        n_threads = select_kernels().n_threads if work >= SHARED_WORK else 1
        if n_threads == 1:
            self._fill(out, rows)
        else:  # NumPy lets others work while it does
            ends = [len(rows) * i // n_threads for i in range(n_threads + 1)]
            parts = [slice(*pair) for pair in pairwise(ends)]
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(lambda part: self._fill(out[part], rows[part]), parts))
        return out

    def _fill(self, out: Float64s, rows: Floats) -> None:
        n_rows = min(
            max(MAX_UNTHREADED_WORK // len(self.center) ** 2, MIN_BLOCK_ROWS), MAX_BLOCK_ROWS
        )
        for part in blocks(len(rows), n_rows):
            steps = rows[part].astype(np.float64, copy=False) - self.center
            steps *= self._steps_of_one
            np.matmul(np.rint(steps, out=steps), self.matrix, out=out[part])
            out[part] *= self._count_of_step

    @cached_property
    def _steps_of_one(self) -> Float64s:
        return 2.0**ROW_BITS / self.deviations

    @cached_property
    def _count_of_step(self) -> Float64s:
        return self.counts * 2.0**-ROW_BITS


def decorrelation_of(
    rows: Floats,
    weights: Float64s | None,
    is_usual: NDArray[np.bool_],
    share: float,
    *,
    whole: Decorrelation | None = None,
) -> Decorrelation | None:
    """Return what rows are multiplied by so that columns that go together are not counted twice.

    Rows are divided by their columns' deviations d, multiplied by the square root of
    ``s R^-1 + (1 - s) I``, where R are the correlations of the usual rows with a ridge, and by
    d^(5/8).  With s = 1 and the power 1 that is ZCA-cor (Kessy, Lewin and
    Strimmer 2018, Optimal whitening and decorrelation, section 3), of all whitenings the one
    whose columns stay most like the original ones.  A power of 1 would leave what each column
    counts alone; less gives columns of rare values, such as a rare category, more.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    weights : ndarray of shape (n_samples,) or None
    is_usual : ndarray of shape (n_samples,), bool
        Rows whose correlations count: outliers that lie together would make up their own.
    share : float
        s, the share of a squared distance that is measured between decorrelated rows; the rest is
        between rows as they are, or outliers that follow the correlations would vanish.
    whole : Decorrelation or None, default=None
        Of all rows, where these are some of them and several such maps score together: the
        correlations are then theirs, and deviations those of all rows, for a rare value may be
        absent.

    Returns
    -------
    Decorrelation or None
        None for one feature, more than 1,000, missing values, or fewer than two usual rows.
        O(n_samples * n_features^2 + n_features^3), from at most 100,000 rows.
    """
    n_features = rows.shape[1]
    n_usual = int(is_usual.sum())
    if not 1 < n_features <= MAX_FEATURES or n_usual < 2 or np.isnan(rows).any():
        return None
    center, of_all = mean_and_covariance(rows, weights)
    deviation = np.sqrt(np.diag(of_all))
    varies = deviation > MIN_DEVIATION * deviation.max()
    if not varies.any():
        return None
    usual_weights = None if weights is None else weights[is_usual]
    _, covariance = mean_and_covariance(rows[is_usual], usual_weights)
    correlation = _correlation(covariance)
    total = float(n_usual) if usual_weights is None else math.fsum(usual_weights)
    noise = n_features / counted_rows(n_usual, total)
    ridge = RIDGE + (NOISE_RIDGE if whole is None else MEMBER_NOISE_RIDGE) * noise
    variances, axes = np.linalg.eigh((correlation + ridge * np.eye(n_features)) / (1 + ridge))
    matrix = (axes * np.sqrt(share / variances + (1 - share))) @ axes.T
    if whole is not None:
        return replace(whole, matrix=_rounded(matrix))
    counts = np.sqrt(deviation) * np.sqrt(np.sqrt(np.sqrt(deviation)))
    counts *= math.sqrt(math.fsum(deviation[varies] ** 2) / math.fsum(counts[varies] ** 2))
    deviation, counts = (np.where(varies, values, 1.0) for values in (deviation, counts))
    return Decorrelation(center, deviation, _rounded(matrix), counts)


def _correlation(covariance: Float64s) -> Float64s:
    """Return the correlations of a covariance; columns that do not vary have none."""
    deviation = np.sqrt(np.diag(covariance))
    varies = deviation > MIN_DEVIATION * deviation.max()
    scale = np.where(varies, deviation, 1.0)
    correlation = np.where(np.outer(varies, varies), covariance / np.outer(scale, scale), 0.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _rounded(matrix: Float64s) -> Float64s:
    """Return a matrix in so few bits that products with rows are exact.

    Last digits, in which linear algebra libraries differ, are gone.
    """
    return np.asarray(np.rint(matrix * 2.0**MATRIX_BITS) * 2.0**-MATRIX_BITS)
