"""Where most rows share a value, search leaves it out and stays exact."""

from functools import cache

import numpy as np
import pytest
from unit.test_search import by_definition, exact_order

from somscape.grid import Lattice
from somscape.kernels._kernels import METRICS

FLOATS = [np.float32, np.float64]
KINDS = ["zeros", "shared", "pictures", "categories", "constant", "all but one", "not as sampled"]
KINDS += ["units alike"]
N_SAMPLED = 60  # rows that the core looks at, n // 60 apart


def case(kind, n, m, d, dtype, seed=0):
    """Rows of which most have the same value in most features, and a codebook among them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.2)
    if kind == "shared":  # a value of its own for each feature, in some it is hardly shared
        there = rng.random((n, d)) < np.linspace(0.05, 0.7, d)
        rows = np.where(there, rng.normal(size=(n, d)), 1000 / 3 * rng.random(d))
    elif kind == "pictures":  # rows of one prototype have the same features
        prototypes = rng.random((12, d)) * (rng.random((12, d)) < 0.2)
        which = rng.integers(0, 12, n)
        rows = prototypes[which] * rng.normal(1, 0.1, (n, d))
    elif kind == "categories":  # many exact ties
        levels = rng.integers(0, d // 3, (3, n))
        rows = np.concatenate(np.eye(d // 3)[levels], axis=1)
    elif kind == "constant":
        rows = np.full((n, d), 0.1)
    elif kind == "all but one":
        rows[:, 1:] = 0.3
    elif kind == "not as sampled":
        rows = rng.normal(size=(n, d))
        rows[:: n // N_SAMPLED] = 0.0
    codebook = rows[rng.integers(0, n, m)] + 0.1 * rng.normal(size=(m, rows.shape[1]))
    codebook[::3] = rows[rng.integers(0, n, len(codebook[::3]))]
    if kind == "units alike":  # as after an epoch with a wide radius, far from the common value
        codebook = rows.mean(axis=0) + 1e-6 * rng.normal(size=codebook.shape)
    return rows.astype(dtype), codebook.astype(dtype)


@cache  # the same for each instruction set
def exact_case(kind, n, m, d, dtype):
    """A case, some of its rows, and their three nearest units."""
    rows, codebook = case(kind, n, m, d, dtype)
    some = np.arange(0, n, 139)
    return rows, codebook, some, exact_order(rows[some], codebook, 3)


# From few rows on; and from where rows are arranged, for tiles that are not full and more features
# than one block of them.
@pytest.mark.parametrize("shape", [(481, (8, 8), 15), (2051, (9, 17), 140)])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", KINDS)
def test_winners_are_those_of_exact_arithmetic(core, kind, dtype, shape):
    n, sides, d = shape
    lattice = Lattice(*sides, "rectangular")
    rows, codebook, some, expected = exact_case(kind, n, lattice.n_units, d, dtype)
    far, _ = core.search(rows[:3], codebook, 3)  # so few are not prepared
    for order in (None, lattice.walk):
        for k in (1, 3):
            units, distances = core.search(rows, codebook, k, order=order)
            np.testing.assert_array_equal(units[some], expected[:, :k])
            np.testing.assert_array_equal(units[:3], far[:, :k])
            difference = rows[:, None, :].astype(float) - codebook[units].astype(float)
            distance = np.sqrt((difference**2).sum(axis=2))
            np.testing.assert_allclose(distances, distance, rtol=1e-13, atol=1e-300)
        np.testing.assert_array_equal(core.winners(rows, codebook, order=order)[:, 0], units[:, 0])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", METRICS)
def test_each_metric_finds_the_nearest_by_its_definition(core, metric, weighted):
    rows, codebook = case("zeros", 600, 70, 40, np.float64)
    rows[5] = 0.0  # without a direction
    weights = np.random.default_rng(1).choice([0.0, 0.3, 1.0, 4.0], 40) if weighted else None
    expected = by_definition(rows, codebook, metric, weights)
    units, distances = core.search(rows, codebook, 2, metric=metric, feature_weights=weights)
    found = np.take_along_axis(expected, units, axis=1)
    np.testing.assert_allclose(distances, found, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(found, np.sort(expected, axis=1)[:, :2], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_a_row_that_is_not_finite_disturbs_no_other(core, wrong):
    lattice = Lattice(9, 17, "rectangular")
    rows, codebook = case("pictures", 2500, lattice.n_units, 45, np.float64)
    expected = core.search(rows, codebook, 1, order=lattice.walk)[0]
    rows[1000, 7] = wrong
    units = core.search(rows, codebook, 1, order=lattice.walk)[0]
    others = np.arange(2500) != 1000
    np.testing.assert_array_equal(units[others], expected[others])
    assert 0 <= units[1000, 0] < lattice.n_units
