"""Rows as a detector compares them: columns that go together hardly count twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from somscape._types import Float64s, Floats
from somscape.kernels import select_kernels

MATRIX_BITS, ROW_BITS = 14, 26
"""Bits after the point of the matrix, whose entries are 4 at most, and of rows in spreads.
Products then fit a float64 while rows lie within some 100 spreads of the center, and add up to the
same bits in any order: by any linear algebra library, with any number of threads."""

ALONE_WORK, LEAST_ROWS, MOST_ROWS = 1 << 18, 64, 2048
"""Multiply-adds of a product for which no threads are started, and rows in a block: few enough to
stay in the cache: 100,000 rows of 30 features took a third of the time of all at once."""

SHARED_WORK = 1e7
"""Multiply-adds, some two milliseconds of them, that are worth threads of our own."""


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """What is made of rows and prototypes before they are compared.

    Attributes
    ----------
    center : ndarray of shape (n_features,), float64
        Taken off first, which changes no difference between rows.
    spread : ndarray of shape (n_features,), float64
        What is left is divided by it.
    matrix : ndarray of shape (n_features, n_features), float64
        And multiplied by this: each feature then stands for the one in its place, less most of what
        others tell.
    counts : ndarray of shape (n_features,), float64
        What each of those counts.
    """

    center: Float64s
    spread: Float64s
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
            Rounded to some 2^-26 of each feature's spread.  O(n * n_features^2).
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
        n_rows = min(max(ALONE_WORK // len(self.center) ** 2, LEAST_ROWS), MOST_ROWS)
        for start in range(0, len(rows), n_rows):
            part = slice(start, start + n_rows)
            steps = rows[part].astype(np.float64, copy=False) - self.center
            steps *= self._steps_of_one
            np.matmul(np.rint(steps, out=steps), self.matrix, out=out[part])
            out[part] *= self._count_of_step

    @cached_property
    def _steps_of_one(self) -> Float64s:
        return 2.0**ROW_BITS / self.spread

    @cached_property
    def _count_of_step(self) -> Float64s:
        return self.counts * 2.0**-ROW_BITS


def rounded(matrix: Float64s) -> Float64s:
    """Return a matrix in so few bits that products with rows are exact.

    Parameters
    ----------
    matrix : ndarray of shape (n_features, n_features)

    Returns
    -------
    ndarray of shape (n_features, n_features)
        Last digits, in which linear algebra libraries differ, are gone.
    """
    return np.asarray(np.rint(matrix * 2.0**MATRIX_BITS) * 2.0**-MATRIX_BITS)
