"""How a detector weighs columns: correlated ones count once, those that vary little count less.

A Euclidean distance treats columns as if they were unrelated.  A row whose values are usual one by
one, but not together, then lies no farther from the prototypes than other rows do; and what five
correlated columns say counts five times.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks, product
from somscape._types import Float64s, Floats
from somscape._weights import counted_rows
from somscape.fit import mean_and_covariance
from somscape.kernels import in_threads, select_kernels

MATRIX_BITS = 14
"""Bits after the point of the matrix, whose entries are at most 4."""

ROW_BITS = 26
"""Bits after the point of rows, in standard deviations.  Products with the matrix then fit a
float64 as long as rows lie within some 100 deviations of the center.  They add up to the same bits
in any order: with any linear algebra library and any number of threads."""

CACHED_VALUES = 1 << 16
"""Values in a block, few enough to stay in the cache: 100,000 rows of 30 features in blocks took a
third of the time that they took at once."""

SHARED_WORK = 1e7
"""Multiply-adds, some two milliseconds of work, from which threads of our own pay."""

RIDGE = 0.1
"""Added to each column's correlation with itself."""

NOISE_RIDGE = 1.0
"""Also added, times the number of features per row: correlations of few rows are largely noise."""

MEMBER_NOISE_RIDGE = 0.3
"""The same if several maps of different rows score together, which averages out much noise."""

MAX_OWN = 256
"""Features up to which maps that score together have a matrix each; of more, it would cost more
than it tells."""

MIN_DEVIATION = 1e-9
"""Columns that vary less than this share of the widest are left as they are."""

MAX_FEATURES = 1000
"""With more features the matrix costs more than it gains: a second, and as much as the search."""


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """A transform of rows and prototypes that is applied before they are compared.

    Attributes
    ----------
    center : ndarray of shape (n_features,), float64
        Subtracted first; this changes no difference between rows.
    deviations : ndarray of shape (n_features,), float64
        Divisor of each centered feature.
    matrix : ndarray of shape (n_features, n_features), float64
        Multiplied with the result: each feature then keeps what it says by itself, and loses most
        of what other features say as well.
    counts : ndarray of shape (n_features,), float64
        Factor of each transformed feature, its weight in a distance.

    See Also
    --------
    Scorer : Has one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> scorer = SOMDetector(random_state=0).fit(X).detector_.of_all_rows
    >>> scorer.decorrelation.matrix.shape
    (2, 2)
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
        return compared_by_each([self], rows)[0]

    def _scales_as(self, other: "Decorrelation") -> bool:
        return self.center is other.center and self.deviations is other.deviations

    @cached_property
    def _steps_of_one(self) -> Float64s:
        return 2.0**ROW_BITS / self.deviations

    @cached_property
    def _count_of_step(self) -> Float64s:
        return self.counts * 2.0**-ROW_BITS


def compared_by_each(decorrelations: Sequence[Decorrelation], rows: Floats) -> list[Float64s]:
    """Return rows as each of some transforms has them compared."""
    out = [np.empty(rows.shape) for _ in decorrelations]
    work = len(rows) * rows.shape[1] ** 2 * len(decorrelations)
    is_long = work >= SHARED_WORK
    n_parts = select_kernels().n_threads if is_long else 1
    ends = [len(rows) * i // n_parts for i in range(n_parts + 1)]

    def fill(at: slice) -> None:
        _fill([to[at] for to in out], decorrelations, rows[at])

    in_threads(fill, [slice(*pair) for pair in pairwise(ends)], is_long=is_long)
    return out


def _fill(out: Sequence[Float64s], decorrelations: Sequence[Decorrelation], rows: Floats) -> None:
    for part in blocks(len(rows), max(1, CACHED_VALUES // rows.shape[1])):
        scaled: Decorrelation | None = None
        for one, to in zip(decorrelations, out, strict=True):
            if scaled is None or not one._scales_as(scaled):
                steps = rows[part].astype(np.float64, copy=False) - one.center
                steps *= one._steps_of_one
                np.rint(steps, out=steps)
                scaled = one
            product(steps, one.matrix, to[part])
            to[part] *= one._count_of_step


def decorrelation_of(
    rows: Floats,
    weights: Float64s | None,
    is_usual: NDArray[np.bool_],
    share: float,
    *,
    whole: Decorrelation | None = None,
) -> Decorrelation | None:
    """Return the transform with which correlated columns are not counted twice."""
    n_features = rows.shape[1]
    n_usual = int(is_usual.sum())
    if not 1 < n_features <= MAX_FEATURES or n_usual < 2 or np.isnan(rows).any():
        return None
    if whole is not None and n_features > MAX_OWN:
        return whole
    center, of_all = mean_and_covariance(rows, weights)
    deviation = np.sqrt(np.diag(of_all))
    varies = deviation > MIN_DEVIATION * deviation.max()
    if not varies.any():
        return None
    _, covariance = mean_and_covariance(rows, weights, np.flatnonzero(is_usual))
    correlation = _correlation(covariance)
    total = float(n_usual) if weights is None else math.fsum(weights[is_usual])
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
    """Return the correlations of a covariance; 0 for columns that do not vary."""
    deviation = np.sqrt(np.diag(covariance))
    varies = deviation > MIN_DEVIATION * deviation.max()
    scale = np.where(varies, deviation, 1.0)
    correlation = np.where(np.outer(varies, varies), covariance / np.outer(scale, scale), 0.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _rounded(matrix: Float64s) -> Float64s:
    """Return a matrix rounded to few enough bits that products with rows are exact."""
    return np.asarray(np.rint(matrix * 2.0**MATRIX_BITS) * 2.0**-MATRIX_BITS + 0.0)
