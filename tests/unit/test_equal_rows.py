"""Tables of flags and codes: few different rows, fewer than units, each searched once."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from unit.test_search import by_definition, exact_order

from somscape import SOM
from somscape.grid import Lattice
from somscape.kernels._kernels import METRICS
from somscape.kernels._sparse import SparseRows

N = 2051
LATTICES = [Lattice(9, 17, "rectangular"), Lattice(18, 18, "rectangular")]
TABLES = {
    "one flag": lambda rng: rng.integers(0, 2, (N, 1)),
    "three flags": lambda rng: rng.random((N, 3)) < 0.05,
    "codes": lambda rng: np.c_[rng.integers(0, 9, N), np.eye(4)[rng.integers(0, 4, N)]],
    "five rows": lambda rng: rng.normal(size=(5, 10))[rng.integers(0, 5, N)],
    "all equal": lambda rng: np.full((N, 3), 0.1),
    "equal but for a few": lambda rng: np.where(rng.random((N, 1)) < 0.3, rng.random((N, 1)), 0.1),
    # Not equal, but nearly.
    "flag and noise": lambda rng: (rng.random((N, 1)) < 0.5) + 1e-9 * rng.normal(size=(N, 1)),
    "far clusters": lambda rng: 1e6 * (rng.random((N, 3)) < 0.5) + rng.normal(size=(N, 3)),
}
FEW = ["one flag", "three flags", "codes", "five rows", "all equal"]


def case(table, lattice, dtype=np.float64, spread=1e-15):
    """A table, and a codebook whose units are its rows or as good as equal to them."""
    rng = np.random.default_rng(7)
    rows = TABLES[table](rng).astype(dtype)
    codebook = rows[rng.integers(0, N, lattice.n_units)].astype(np.float64)
    codebook[::2] *= 1 + spread * rng.normal(size=codebook[::2].shape)
    return rows, codebook


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [0.0, 1e-15, 1e-3])
@pytest.mark.parametrize("lattice", LATTICES, ids=["153 units", "324 units"])
@pytest.mark.parametrize("table", TABLES)
def test_winners_are_those_of_exact_arithmetic(core, table, lattice, spread, dtype):
    rows, codebook = case(table, lattice, dtype, spread)
    some = np.arange(0, N, 97)
    expected = exact_order(rows[some], codebook, 3)
    for order in (None, lattice.walk):
        for k in (1, 3):
            units, distances = core.search(rows, codebook, k, order=order)
            np.testing.assert_array_equal(units[some], expected[:, :k])
            difference = rows[:, None, :].astype(float) - codebook[units]
            distance = np.sqrt((difference**2).sum(axis=2))
            np.testing.assert_allclose(distances, distance, rtol=1e-13, atol=1e-300)
            np.testing.assert_array_equal(core.winners(rows, codebook, k, order=order), units)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("table", ["codes", "five rows", "far clusters"])
def test_each_metric_finds_the_nearest_by_its_definition(core, table, metric, weighted):
    rows, codebook = case(table, LATTICES[1])
    weights = np.random.default_rng(1).random(rows.shape[1]) if weighted else None
    expected = by_definition(rows, codebook, metric, weights)
    units, distances = core.search(rows, codebook, 2, metric=metric, feature_weights=weights)
    found = np.take_along_axis(expected, units, axis=1)
    np.testing.assert_allclose(distances, found, rtol=1e-12, atol=2e-14)
    np.testing.assert_allclose(found, np.sort(expected, axis=1)[:, :2], rtol=1e-12, atol=2e-14)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev"])
@pytest.mark.parametrize("table", ["codes", "far clusters"])
def test_rows_with_gaps_have_the_winners_of_the_same_rows_alone(core, table, metric):
    # Three rows are judged without scores.
    rows, codebook = case(table, LATTICES[1])
    rows[np.random.default_rng(2).random(rows.shape) < 0.2] = np.nan
    units, distances = core.search(rows, codebook, 2, metric=metric, has_missing=True)
    for begin in range(0, N - 3, 200):
        some = slice(begin, begin + 3)
        alone = core.search(rows[some], codebook, 2, metric=metric, has_missing=True)
        np.testing.assert_array_equal(units[some], alone[0])
        np.testing.assert_array_equal(distances[some], alone[1])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("table", TABLES)
def test_sparse_rows_have_the_winners_of_the_same_rows_in_full(core, table, metric):
    rows, codebook = case(table, LATTICES[1], spread=1e-3)
    sparse = SparseRows.from_csr(csr_array(rows))
    units, distances = core.search(sparse, codebook, 2, metric=metric)
    full, far = core.search(rows, codebook, 2, metric=metric)
    if metric == "euclidean":
        np.testing.assert_array_equal(units, full)
    if table != "far clusters":  # whose distances cancel where nothing is centered
        np.testing.assert_allclose(distances, far, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("table", TABLES)
def test_few_rows_meet_all_units_in_double(core, table):
    from somscape.kernels import _core

    rows, codebook = case(table, LATTICES[1])
    units, n_kinds = np.empty((N, 1), dtype=np.int64), len(np.unique(rows, axis=0))
    n_undecided = _core.search(rows, codebook, None, None, 0, False, False, units, None)
    assert n_undecided <= n_kinds
    if table == "far clusters":  # float scores cannot tell, and the count is one
        assert n_undecided > N / 2


@pytest.fixture
def undecided(core, monkeypatch):
    """A list of how many rows of each search the scores left undecided."""
    from somscape.kernels import _core, _core_face

    class Counting:
        def __init__(self):
            self.counts = []

        def __getattr__(self, name):
            return getattr(_core, name)

        def search(self, *arguments):
            self.counts.append(_core.search(*arguments))
            return self.counts[-1]

    counting = Counting()
    monkeypatch.setattr(_core_face, "_core", counting)
    return counting.counts


@pytest.mark.parametrize("table", FEW)
def test_training_judges_each_kind_of_row_at_most_once_an_epoch(undecided, table):
    rows = TABLES[table](np.random.default_rng(7)).astype(np.float64)
    SOM(18, 18, random_state=0).fit(rows)
    assert len(undecided) > 10
    assert max(undecided) <= len(np.unique(rows, axis=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_epoch_after_one_unit_won_all_rows_is_decided_by_scores(undecided, dtype):
    # Units are then the same but for rounding; it took the judge a hundred times an epoch's time.
    rng = np.random.default_rng(0)
    rows = (rng.random((3000, 60)) + 0.1) * (rng.random((3000, 60)) < 0.5)
    rows = (rows - rows.mean(axis=0)).astype(dtype)
    SOM(20, 20, init=1e3 + rng.random((400, 60)), algorithm="batch", n_epochs=3).fit(rows)
    assert undecided[1:]
    assert sum(undecided) <= 30


@pytest.mark.parametrize("size", [1e-7, 1.0, 1e3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_tell_units_apart_that_are_nearly_one_point(core, dtype, size):
    # Nearer to each other than to any number of the rows' type.
    from somscape.kernels import _core

    rng = np.random.default_rng(0)
    point, direction = rng.normal(size=(2, 60))
    codebook = size * (point + 1e-13 * np.linspace(-1, 1, 400)[:, None] * direction)
    rows = (20 * rng.normal(size=(300, 60))).astype(dtype)
    units = np.empty((300, 1), dtype=np.int64)
    assert _core.search(rows, codebook, None, None, 0, False, False, units, None) == 0
    np.testing.assert_array_equal(units[::150], exact_order(rows[::150], codebook, 1))


def test_the_order_of_equal_rows_changes_no_map():
    rows = TABLES["codes"](np.random.default_rng(7)).astype(np.float64)
    found = SOM(18, 18, random_state=0).fit(rows)
    shuffled = SOM(18, 18, random_state=0).fit(rows[np.random.default_rng(0).permutation(N)])
    np.testing.assert_array_equal(found.codebook_, shuffled.codebook_)


def test_weights_whose_products_overflow_leave_the_nearest_unit(core):
    rows = np.full((8, 1), 1e160)
    codebook = np.array([[1e150], [1e160], [-1e3], *[[0.0]] * 40])
    units, _ = core.search(rows, codebook, feature_weights=np.array([1e300]))
    assert set(units[:, 0]) == {1}
