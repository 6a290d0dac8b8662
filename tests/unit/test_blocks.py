"""Blocks cover what they divide; products in pieces are products, and start no threads."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from somscape._weights import ALONE_ROWS, ALONE_WORK, blocks, product


def test_blocks_cover_all_places_in_order():
    assert list(blocks(7, 3)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(blocks(0, 3)) == []


@pytest.mark.parametrize(
    ("n", "k", "m"),
    [(2, 3, 4), (1000, 88, 88), (70, 400, 400), (33, 5000, 7), (400, 64, 400), (0, 3, 2)],
)
def test_a_product_in_pieces_is_the_product(n, k, m):
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 10, (n, k)).astype(float)  # whole numbers: exact in any order
    b = rng.integers(-9, 10, (k, m)).astype(float)
    out = np.full((n, m), np.nan)
    found = product(a, b, out)
    assert found is out
    assert_array_equal(found, np.matmul(a, b))
    assert_array_equal(product(a.T.copy().T, b), found)


@pytest.mark.parametrize(("n", "k", "m"), [(1000, 88, 88), (20_000, 20, 20), (70, 400, 400)])
def test_no_piece_has_work_for_threads(n, k, m, monkeypatch):
    work = []

    def multiplied(a, b, out):
        work.append(a.size * b.shape[1])
        out[...] = a @ b

    a, b = np.ones((n, k)), np.ones((k, m))
    with monkeypatch.context() as patch:
        patch.setattr("somscape._weights.np.matmul", multiplied)
        product(a, b)
    assert max(work) <= ALONE_WORK
    assert sum(work) == n * k * m
    assert len(work) <= 4 * n * k * m / ALONE_WORK + n / ALONE_ROWS + 1
