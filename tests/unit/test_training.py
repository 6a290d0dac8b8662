"""Training on prepared arrays: size, start, schedules, epochs, the two loops and their ends."""

import itertools
import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape.fit import Progress, merge, partial, prepare, step
from somscape.fit import _train as loops
from somscape.fit._plan import Plan, auto_shape
from somscape.fit._start import Axes, principal_axes, start_codebook
from somscape.fit._train import RunningTraining, train
from somscape.fit.problem import epoch_sums
from somscape.fit.settings import SCHEDULES, Settings, schedule
from somscape.grid import Lattice

FLOATS = [np.float32, np.float64]
LATTICES = [
    (3, 4, "rectangular", "plane"),
    (4, 3, "hexagonal", "plane"),
    (3, 5, "rectangular", "torus"),
    (4, 3, "hexagonal", "torus"),
    (1, 5, "hexagonal", "plane"),
    (5, 1, "rectangular", "plane"),
    (1, 1, "hexagonal", "plane"),
]
NEIGHBORHOODS = ["gaussian", "bubble"]

# Radius of the first epoch.  Not wider: on small maps a wide radius leaves units with the same
# neighborhood of winners, so the same prototype but for rounding, which then elects either.
WIDE = 1.2

# One epoch rounds each row to 2^-61 of the total and smooths in float64.
ONE_EPOCH = {"rtol": 0, "atol": 1e-11}


def rows_of(n=40, d=3, dtype=np.float64, seed=0, offset=0.0):
    """Rows of unequal spread along slanted axes, with negative values."""
    rng = np.random.default_rng(seed)
    spread = rng.normal(size=(n, d)) * np.linspace(3, 0.5, d)
    slant = np.eye(d) + 0.4 * rng.normal(size=(d, d))
    return (spread @ slant + offset).astype(dtype)


def problem_of(rows, kernels, lattice=(3, 4), neighborhood="gaussian", weights=None, start=None):
    """A problem; a start beyond the rows' range must be told, as an estimator does."""
    return prepare(rows, weights, neighborhood=neighborhood, kernels=kernels, reach=start).on(
        Lattice(*lattice)
    )


def plan_of(**changes):
    settings = {
        "algorithm": "batch",
        "init": "given",
        "n_epochs": 5,
        "extra_epochs": 0,
        "radius_start": 2.0,
        "radius_end": 0.7,
        "radius_decay": "geometric",
        "learning_rate": (0.5, 0.05),
        "tol": 0.0,
    }
    return Plan(**(settings | changes))


def trained(problem, codebook, plan, watch=None, seed=0):
    start = codebook.astype(np.float64)
    return train(problem, start, plan, watch or RunningTraining(), np.random.default_rng(seed))


# Schedules


@pytest.mark.parametrize("kind", ["geometric", "linear", "asymptotic", "constant"])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 137])
@pytest.mark.parametrize(("start", "end"), [(8.0, 0.7), (0.3, 0.3), (0.05, 0.5)])
def test_schedules_equal_the_oracle(kind, n, start, end):
    expected = [naive.schedule(kind, start, end, t, n) for t in range(n)]
    # A power and a division or two: 1e-14.
    np.testing.assert_allclose(schedule(kind, start, end, n), expected, rtol=1e-14)


@pytest.mark.parametrize("kind", sorted(set(SCHEDULES) - {"constant"}))
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_last_step_is_at_the_end_to_the_last_bit(kind, n):
    assert schedule(kind, 7.3, 0.1, n)[-1] == 0.1
    assert schedule(kind, 7.3, 0.3, n)[-1] == 0.3


@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_part_of_a_schedule_has_the_values_of_the_whole(kind, n):
    whole = schedule(kind, 7.3, 0.1, n)
    for start in range(n):
        for stop in range(start, n + 1):
            part = schedule(kind, 7.3, 0.1, n, slice(start, stop))
            np.testing.assert_array_equal(part, whole[start:stop])


# Size


def shape_of(rows, kernels, **given):
    """Rows and columns for data, as an estimator asks for them."""
    settings = Settings(lattice=given.pop("kind", "hexagonal"), **given)
    variances = principal_axes(problem_of(rows, kernels, (1, 1))).variances
    return auto_shape(settings, float(len(rows)), tuple(variances.tolist()))


@pytest.mark.parametrize("kind", ["rectangular", "hexagonal"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_auto_shape_equals_the_oracle(numpy_kernels, kind, d):
    for seed, n in enumerate([1, 2, 3, 5, 6, 7, 9, 11, 16, 23, 40, 57, 100, 101, 150, 233]):
        rows = rows_of(n, d, seed=seed)
        assert shape_of(rows, numpy_kernels, kind=kind) == naive.auto_size(rows, kind), n


def test_auto_shape_of_constant_rows_equals_the_oracle(numpy_kernels):
    for n in range(1, 40):
        rows = np.full((n, 3), -2.5)
        assert shape_of(rows, numpy_kernels) == naive.auto_size(rows, "hexagonal"), n


VARIANCES = [(1.0, 1.0), (9.0, 1.0), (100.0, 1.0), (1.0, 0.0), (0.0, 0.0)]


@given(
    n=st.integers(1, 400),
    variances=st.sampled_from(VARIANCES),
    fixed=st.sampled_from(["neither", "rows", "columns"]),
    size=st.integers(1, 30),
    is_hexagonal=st.booleans(),
    is_even=st.booleans(),
)
def test_a_map_has_no_more_units_than_rows_and_keeps_the_sides_given(
    n, variances, fixed, size, is_hexagonal, is_even
):
    is_even = is_even and is_hexagonal
    if is_even and fixed == "rows":
        size += size % 2
    settings = Settings(
        size if fixed == "rows" else "auto",
        size if fixed == "columns" else "auto",
        lattice="hexagonal" if is_hexagonal else "rectangular",
        boundary="torus" if is_even else "plane",
    )
    n_rows, n_cols = auto_shape(settings, float(n), variances)
    assert n_rows >= 1
    assert n_cols >= 1
    if fixed == "rows":
        assert n_rows == size
        assert n_rows * n_cols <= max(n, size)  # one column at least
    elif fixed == "columns":
        assert n_cols == size
        assert n_rows * n_cols <= max(n, size * (2 if is_even else 1))
    else:
        assert n_rows * n_cols <= max(n, 2 if is_even else 1)
    assert not (is_even and n_rows % 2)


@pytest.mark.parametrize("n", [4, 6, 10, 25, 40, 77, 100, 250, 1000])
@pytest.mark.parametrize("side", ["n_rows", "n_cols"])
@pytest.mark.parametrize("is_even", [False, True])
def test_with_one_side_given_the_other_comes_as_near_as_it_can(n, side, is_even):
    # As near to min(max(ceil(5 sqrt(n)), 9), n) units as whole (even) numbers allow, not above n.
    wanted = min(max(math.ceil(5 * math.sqrt(n)), 9), n)
    for size in range(2 if is_even else 1, 25, 2 if is_even and side == "n_rows" else 1):
        step = 2 if is_even and side == "n_cols" else 1
        fitting = [other for other in range(step, n + step, step) if other * size <= n] or [step]
        best = min(abs(other * size - wanted) for other in fitting)
        settings = Settings(**{side: size}, boundary="torus" if is_even else "plane")
        shape = auto_shape(settings, float(n), (1.0, 1.0))
        assert abs(shape[0] * shape[1] - wanted) == best, (size, shape)


def test_the_largest_map_has_ten_thousand_units():
    assert auto_shape(Settings(lattice="rectangular"), 1e9, (1.0, 1.0)) == (100, 100)


# Start


def with_rounding(rows):
    """How far a start may lie from the formula: half of 2^-20 of each feature's farthest value."""
    centered = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    return float(np.abs(centered).max()) * 2.0**-21 * 1.01 + 1e-7 * (rows.dtype == np.float32)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("n_rows", "n_cols", "kind"),
    [
        (3, 4, "rectangular"),
        (4, 3, "rectangular"),
        (3, 3, "rectangular"),
        (4, 3, "hexagonal"),
        (3, 3, "hexagonal"),
        (1, 5, "hexagonal"),
        (5, 1, "hexagonal"),
        (1, 1, "rectangular"),
        (2, 1, "hexagonal"),
    ],
)
@pytest.mark.parametrize(("n", "d"), [(40, 3), (30, 2), (20, 1), (4, 7)])
def test_the_pca_start_equals_the_oracle(kernels, n_rows, n_cols, kind, n, d, dtype):
    rows = rows_of(n, d, dtype, seed=d)
    problem = problem_of(rows, kernels, (n_rows, n_cols, kind))
    found = start_codebook(problem, "pca", principal_axes(problem), np.random.default_rng(0))
    expected = naive.pca_start(rows, n_rows, n_cols, kind)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=with_rounding(rows))


def test_axes_point_so_that_their_largest_entry_is_positive(kernels):
    line = np.array([[3.0, -4.0], [-3.0, 4.0], [6.0, -8.0], [-6.0, 8.0]])
    axes = principal_axes(problem_of(line, kernels))
    np.testing.assert_allclose(axes.directions[0], [-0.6, 0.8], rtol=1e-9)
    # Of equal entries the first decides, also where rounding makes the other one larger.
    line = np.array([[1.0, -1.0], [-1.0, 1.0], [3.0, -3.0], [-3.0, 3.0]])
    axes = principal_axes(problem_of(line, kernels))
    np.testing.assert_allclose(axes.directions[0], [0.5**0.5, -(0.5**0.5)], rtol=1e-9)


@pytest.mark.parametrize("n", range(5, 25))
def test_axes_of_two_standardized_features_point_by_the_first(numpy_kernels, n):
    # Equal variances and a negative covariance: the axis is (1, -1) / sqrt 2, and rounding alone
    # says which entry is the larger.
    rows = np.random.default_rng(n).normal(size=(n, 2)) @ [[1, -2], [0, 1]]
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    axes = principal_axes(problem_of(rows, numpy_kernels))
    np.testing.assert_allclose(axes.directions[0], [0.5**0.5, -(0.5**0.5)], rtol=1e-6)


def test_last_digits_of_the_axes_do_not_reach_the_start(numpy_kernels):
    # Linear algebra libraries differ there; a start is rounded to 2^-20 of each feature's range.
    problem = problem_of(rows_of(50, 4, offset=7), numpy_kernels)
    axes = principal_axes(problem)
    other = Axes(axes.variances * (1 + 1e-14), axes.directions - 1e-15)
    a, b = (start_codebook(problem, "pca", x, np.random.default_rng(0)) for x in (axes, other))
    np.testing.assert_array_equal(a, b)


def test_the_sample_start_takes_rows_without_repeats_while_there_are_enough(kernels):
    rows = rows_of(12, 2)
    problem = problem_of(rows, kernels)
    found = start_codebook(problem, "sample", None, np.random.default_rng(3))
    assert sorted(found.tolist()) == sorted(rows.tolist())
    few = problem_of(rows[:5], kernels)
    found = start_codebook(few, "sample", None, np.random.default_rng(3))
    assert {tuple(w) for w in found.tolist()} == {tuple(x) for x in rows[:5].tolist()}


def test_the_sample_start_draws_heavy_rows_first(kernels):
    rows, weights = rows_of(500, 2), np.ones(500)
    weights[:12] = 1e9
    problem = problem_of(rows, kernels, weights=weights)
    found = start_codebook(problem, "sample", None, np.random.default_rng(0))
    assert sorted(found.tolist()) == sorted(rows[:12].tolist())


def test_the_random_start_fills_each_features_range(kernels):
    rows = rows_of(30, 3, offset=-50)
    problem = problem_of(rows, kernels, (20, 25))
    found = start_codebook(problem, "random", None, np.random.default_rng(0))
    assert (found >= rows.min(axis=0)).all()
    assert (found <= rows.max(axis=0)).all()
    # 500 uniform draws: the ends of the range are reached to a fiftieth.
    reached = np.ptp(found, axis=0) / np.ptp(rows, axis=0)
    assert (reached > 0.95).all()


@pytest.mark.parametrize("init", ["sample", "random"])
def test_a_start_is_drawn_anew_for_another_seed_and_the_same_for_the_same(kernels, init):
    problem = problem_of(rows_of(50), kernels)
    a, b, c = (
        start_codebook(problem, init, None, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


# The three verbs


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_mean_and_error_of_an_epoch_equal_exact_arithmetic(kernels, dtype, weighted):
    rows = rows_of(50, 3, dtype, offset=1e4)
    weights = np.random.default_rng(1).random(50) if weighted else None
    problem = problem_of(rows, kernels, weights=weights)
    # rtol 1e-15 of the offset, 1e-14 of the spread after fixed point.
    expected = [
        math.fsum(
            (
                v * x
                for v, x in zip(np.ones(50) if weights is None else weights, column, strict=True)
            )
        )
        / math.fsum(np.ones(50) if weights is None else weights)
        for column in rows.T.astype(np.float64)
    ]
    np.testing.assert_allclose(problem.mean, expected, rtol=1e-15)
    codebook = rows[:12]
    sums = epoch_sums(problem, codebook)
    distances = naive.best_units(rows, codebook)[1][:, 0]
    error = math.fsum(distances * (1 if weights is None else weights)) / problem.total_weight
    assert sums.error / problem.error_scale / problem.total_weight == pytest.approx(
        error, rel=1e-13
    )


def test_counts_and_totals_stay_below_their_bits_for_huge_and_many_rows(kernels):
    for size, n in ((1e150, 3), (1e-150, 3), (1.0, 5000), (1e150, 5000)):
        rows = np.full((n, 1), -size)
        rows[0] = size
        problem = problem_of(rows, kernels, (1, 1))
        sums = epoch_sums(problem, problem.mean[None, :])
        assert abs(int(sums.counts[0])) < 2**62
        assert abs(sums.error) < 2**62
        # Relative to the mean the rows add up to nothing: to the mean's own rounding, 2^-53 of
        # 2^61, and half a step for each row.
        assert abs(int(sums.totals[0, 0])) <= 2**8 + n


def test_combining_is_exact_associative_and_commutative(kernels):
    rows, weights = rows_of(60), np.random.default_rng(0).random(60)
    problem = problem_of(rows, kernels, weights=weights)
    codebook = rows[:12].copy()
    parts = [
        partial(problem, rows[p], weights=weights[p], codebook=codebook)
        for p in np.split(np.arange(60), [7, 8, 31])
    ]
    whole = partial(problem, rows, weights=weights, codebook=codebook)
    a, b, c, d = parts
    for sums in (
        merge(merge(merge(a, b), c), d),
        merge(merge(d, c), merge(b, a)),
    ):
        assert sums.error == whole.error
        assert sums.digest() == whole.digest()


# Batch training


@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
@pytest.mark.parametrize("lattice", LATTICES)
@pytest.mark.parametrize("weighted", [False, True])
def test_one_epoch_equals_the_oracle(kernels, lattice, neighborhood, weighted):
    rows = rows_of(40, 3)
    weights = np.random.default_rng(1).choice([0.5, 1.0, 2.0, 3.3], 40) if weighted else None
    codebook = rows_of(Lattice(*lattice).n_units, 3, seed=5)
    problem = problem_of(rows, kernels, lattice, neighborhood, weights, codebook)
    distances = naive.map_distances(*lattice)
    for radius in (0.3, 1.0, 2.2):
        found, _ = step(problem, epoch_sums(problem, codebook), radius=radius, codebook=codebook)
        expected = naive.batch_epoch(rows, codebook, distances, radius, neighborhood, weights)
        np.testing.assert_allclose(found, expected, **ONE_EPOCH)


@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
@pytest.mark.parametrize("lattice", LATTICES)
@pytest.mark.parametrize("decay", ["geometric", "linear", "asymptotic", "constant"])
def test_batch_training_equals_the_oracles_epochs(numpy_kernels, lattice, neighborhood, decay):
    rows, start = rows_of(40, 2), rows_of(Lattice(*lattice).n_units, 2, seed=5)
    problem = problem_of(rows, numpy_kernels, lattice, neighborhood, start=start)
    found = trained(problem, start, plan_of(n_epochs=4, radius_start=WIDE, radius_decay=decay))
    check_epochs(found, rows, start, lattice, neighborhood, decay, n=4)


def check_epochs(found, rows, start, lattice, neighborhood, decay, n):
    """Compare training from radius WIDE to 0.7 with the oracle, epoch by epoch."""
    distances = naive.map_distances(*lattice)
    spread = np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean()
    codebook = start
    for t in range(n):
        radius = naive.schedule(decay, WIDE, 0.7, t, n)
        nearest = naive.best_units(rows, codebook)[1][:, 0]
        updated = naive.batch_epoch(rows, codebook, distances, radius, neighborhood)
        step = np.sqrt(((updated - codebook) ** 2).sum(axis=1)).max()
        codebook = updated
        if t >= found.n_iter:  # settled, so that these epochs must change nothing
            assert found.stop_reason == "settled: no row moves"
            continue
        assert found.history["radius"][t] == pytest.approx(radius, rel=1e-14)
        assert found.history["quantization_error"][t] == pytest.approx(nearest.mean(), rel=1e-9)
        assert found.history["movement"][t] == pytest.approx(step / spread, abs=1e-9)
    np.testing.assert_allclose(found.codebook, codebook, rtol=0, atol=1e-10)
    assert found.history["step"].tolist() == list(range(1, found.n_iter + 1))
    assert found.codebook.dtype == np.float64


@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_a_tiny_radius_gives_lloyds_step_and_leaves_empty_units_alone(kernels, neighborhood):
    # k-means by hand: unit means of the rows won; unit 4, far away, wins nothing and stays.
    rows = rows_of(30, 2)
    codebook = np.vstack([rows_of(5, 2, seed=9), [[1e3, 1e3]]])
    problem = problem_of(rows, kernels, (2, 3), neighborhood, start=codebook)
    found, _ = step(problem, epoch_sums(problem, codebook), radius=1e-3, codebook=codebook)
    won = ((rows[:, None] - codebook) ** 2).sum(axis=2).argmin(axis=1)
    for unit in range(6):
        mine = rows[won == unit]
        expected = mine.mean(axis=0) if len(mine) else codebook[unit]
        np.testing.assert_allclose(found[unit], expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(found[5], [1e3, 1e3])


@pytest.mark.parametrize("radius", [1e-160, 1e-200, 1e-320])
@pytest.mark.parametrize("neighborhood", NEIGHBORHOODS)
def test_a_radius_whose_square_vanishes_still_gives_lloyds_step(
    numpy_kernels, neighborhood, radius
):
    rows = rows_of(30, 2)
    codebook = rows_of(6, 2, seed=9)
    problem = problem_of(rows, numpy_kernels, (2, 3), neighborhood, start=codebook)
    sums = epoch_sums(problem, codebook)
    tiny, small = (step(problem, sums, radius=r, codebook=codebook)[0] for r in (radius, 1e-3))
    np.testing.assert_allclose(tiny, small, rtol=0, atol=1e-13)


def test_batch_training_of_float32_rows_is_that_of_the_same_rows_in_float64(kernels):
    rows = rows_of(300, 5, np.float32)
    plan = plan_of(n_epochs=8, radius_start=WIDE)
    maps = [
        trained(problem_of(r, kernels, (6, 5)), rows[:30], plan)
        for r in (rows, rows.astype(np.float64))
    ]
    np.testing.assert_array_equal(maps[0].codebook, maps[1].codebook)
    np.testing.assert_array_equal(maps[0].history["movement"], maps[1].history["movement"])


# The online loop


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_epochs", [1.0, 2.5, 0.3])
def test_online_training_equals_the_oracle_for_the_order_that_the_seed_gives(
    kernels, n_epochs, weighted
):
    rows, start = rows_of(20, 3), rows_of(12, 3, seed=4)
    weights = np.random.default_rng(1).random(20) if weighted else None
    problem = problem_of(rows, kernels, weights=weights)
    found = trained(problem, start, plan_of(algorithm="online", n_epochs=n_epochs), seed=7)
    # Whole passes of the same generator, cut to the number of steps.
    rng, n = np.random.default_rng(7), round(n_epochs * 20)
    share = None if weights is None else weights / weights.sum()
    passes = [
        rng.permutation(20) if weights is None else rng.choice(20, size=20, p=share)
        for _ in range(math.ceil(n_epochs))
    ]
    order = np.concatenate(passes)[:n]
    radii = [naive.schedule("geometric", 2.0, 0.7, t, n) for t in range(n)]
    rates = [naive.schedule("geometric", 0.5, 0.05, t, n) for t in range(n)]
    distances = naive.map_distances(3, 4, "hexagonal", "plane")
    expected = naive.online(rows, order, start, distances, radii, rates, "gaussian")
    np.testing.assert_allclose(found.codebook, expected, rtol=0, atol=1e-11)
    assert found.n_iter == math.ceil(n / 20)
    assert found.stop_reason == "all updates done"


def test_blocks_of_online_updates_change_nothing(kernels, monkeypatch):
    problem, start = problem_of(rows_of(30), kernels), rows_of(12, seed=4)
    plan = plan_of(algorithm="online", n_epochs=3)
    whole = trained(problem, start, plan)
    monkeypatch.setattr(loops, "BLOCK_WORK", 2 * start.size * 7)  # seven updates at a time
    parts = trained(problem, start, plan)
    np.testing.assert_array_equal(whole.codebook, parts.codebook)
    assert parts.history["step"].tolist() == [*range(7, 90, 7), 90]
    error = np.average(parts.history["quantization_error"], weights=[7] * 12 + [6])
    assert whole.history["quantization_error"][0] == pytest.approx(error, rel=1e-12)


# Ends


def test_training_settles_when_no_row_moves(kernels):
    # Two far groups, one unit each, radius too small to mix: settled in the third epoch at most.
    rows = np.array([[0.0], [0.5], [100.0], [100.5]])
    problem = problem_of(rows, kernels, (1, 2), "bubble")
    plan = plan_of(n_epochs=50, radius_start=0.5, radius_end=0.5, radius_decay="constant")
    found = trained(problem, np.array([[-1.0], [90.0]]), plan)
    assert found.stop_reason == "settled: no row moves"
    assert found.n_iter == 2
    assert found.codebook[:, 0].tolist() == [0.25, 100.25]


def test_training_settles_within_tol(kernels):
    rows = rows_of(200, 2)
    plan = plan_of(n_epochs=200, radius_start=0.7, radius_decay="constant", tol=0.05)
    found = trained(problem_of(rows, kernels), rows[:12], plan)
    assert found.stop_reason == "settled: within tol"
    assert found.history["movement"][-1] <= 0.05
    assert (found.history["movement"][1:-1] > 0.05).all()
    never = trained(
        problem_of(rows, kernels), rows[:12], plan_of(n_epochs=3, radius_start=0.7, tol=0.0)
    )
    assert never.stop_reason == "all epochs done"


def test_training_never_settles_while_the_radius_shrinks(kernels):
    rows = np.array([[0.0], [100.0]])
    problem = problem_of(rows, kernels, (1, 2), "bubble")
    plan = plan_of(n_epochs=8, radius_start=0.9, radius_end=0.5, tol=1.0)
    found = trained(problem, np.array([[0.0], [100.0]]), plan)
    assert found.n_iter == 8
    assert found.stop_reason == "all epochs done"


def test_extra_epochs_are_at_the_final_radius_and_end_when_settled(kernels):
    rows = rows_of(80, 2)
    plan = plan_of(n_epochs=40, extra_epochs=10, tol=1e-3)
    found = trained(problem_of(rows, kernels), rows[:12], plan)
    assert 40 < found.n_iter < 50
    assert found.history["radius"][39:].tolist() == [0.7] * (found.n_iter - 39)
    assert (found.history["radius"][:39] > 0.7).all()
    assert found.stop_reason.startswith("settled")


def test_a_cycle_of_epochs_is_noticed(kernels, monkeypatch):
    # Real data hardly cycles, so the sums are made to: those of two codebooks, in turn.
    rows = rows_of(20)
    problem = problem_of(rows, kernels)
    two = [epoch_sums(problem, w) for w in (rows[:12].copy(), rows[8:].copy())]
    turns = itertools.chain([two[0]], itertools.cycle(two))
    monkeypatch.setattr(loops, "epoch_sums", lambda *_: next(turns))
    plan = plan_of(n_epochs=50, radius_start=0.7, radius_decay="constant")
    found = trained(problem, rows[:12].copy(), plan)
    assert found.stop_reason == "cycle: an epoch repeats"
    # The first is spent on the data's spread; then 0, 1 and 0 again.
    assert found.n_iter == 3


@pytest.mark.parametrize("algorithm", ["batch", "online"])
def test_a_callback_that_returns_true_stops_training_and_others_are_still_told(
    kernels, monkeypatch, algorithm
):
    monkeypatch.setattr(loops, "BLOCK_WORK", 1)
    told, others = [], []

    def stop_at_three(progress):
        told.append(progress)
        return progress.step == 3

    watch = RunningTraining((stop_at_three, lambda p: others.append(p.step)))
    start = rows_of(30)[:12]
    problem = problem_of(rows_of(30), kernels)
    found = trained(problem, start, plan_of(algorithm=algorithm, n_epochs=9), watch)
    assert found.stop_reason == "a callback asked to stop"
    assert [p.step for p in told] == others == [1, 2, 3]
    assert found.history["step"].tolist() == [1, 2, 3]
    assert found.n_iter == (3 if algorithm == "batch" else 1)
    assert told[0].n_steps == (9 if algorithm == "batch" else 270)


def test_only_true_or_a_text_stops_training(kernels):
    watch = RunningTraining(
        (lambda p: 1, lambda p: 2.5, lambda p: "", lambda p: [True], lambda p: None)
    )
    rows = rows_of(30)
    found = trained(problem_of(rows, kernels), rows[:12], plan_of(), watch)
    assert found.n_iter == 5


def test_history_holds_one_value_an_epoch_and_none_for_online_movement(kernels):
    start = rows_of(30)[:12]
    problem = problem_of(rows_of(30), kernels)
    found = trained(problem, start, plan_of(algorithm="online", n_epochs=1))
    kept = {"step", "radius", "quantization_error", "movement", "n_units", "n_samples"}
    assert set(found.history) == kept
    assert {len(v) for v in found.history.values()} == {1}
    assert np.isnan(found.history["movement"][0])
    assert isinstance(Progress(1, 2, 0.5, 0.1, 0.0, 4, 30), Progress)
