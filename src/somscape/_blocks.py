"""Long arrays in blocks that fit a cache or a limit of memory, and products in pieces."""

from collections.abc import Iterator

import numpy as np

from somscape._types import Float64s

ALONE_WORK = 1 << 18
"""Multiply-adds of a product up to which OpenBLAS starts no threads.  Its threads wait busily, for
each other and for more to do: 20,000 rows of 400 features took a detector 16 s alone and 50 s with
them, on two processors that others used as well."""

ALONE_ROWS = 32
"""Rows of a piece at least, as far as there are."""


def blocks(n: int, step: int) -> Iterator[slice]:
    """Yield slices of at most `step` places that cover 0 to `n` in order."""
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def product(a: Float64s, b: Float64s, out: Float64s | None = None) -> Float64s:
    """Return ``a @ b``, made in pieces for which OpenBLAS starts no threads."""
    out = np.empty((len(a), b.shape[1])) if out is None else out
    n_rows = max(ALONE_ROWS, ALONE_WORK // max(b.size, 1))
    n_columns = max(1, ALONE_WORK // (n_rows * max(len(b), 1)))
    if len(a) <= n_rows and b.shape[1] <= n_columns:
        return np.matmul(a, b, out=out)
    for row in blocks(len(a), n_rows):
        for column in blocks(b.shape[1], n_columns):
            np.matmul(a[row], b[:, column], out=out[row, column])
    return out
