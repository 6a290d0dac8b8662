"""Units that move to far rows at the end of training to a small radius."""

import itertools
import pickle
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from texts import rejected

from somscape import SOM, Graph, Lattice, measures
from somscape.fit import _train as _several
from somscape.fit import merge, move, partial, prepare
from somscape.fit._train import moved_units
from somscape.fit.settings import NONE_BETTER, ROUNDS_DONE
from somscape.kernels import Metric
from somscape.kernels._sparse import SparseRows
from somscape.kernels.metric import EUCLIDEAN

CLOSE = {"n_rows": 5, "n_cols": 6, "radius_end": 0.2}


def rows_of(n=300, d=4, seed=0):
    """Two dense groups and a few rows far from both, from which a wide radius pulls units away."""
    rng = np.random.default_rng(seed)
    groups = rng.normal(size=(n, d)) * 0.3 + rng.integers(0, 2, (n, 1)) * 4
    groups[::20] += rng.normal(size=(len(groups[::20]), d)) * 6
    return groups


def moved(rows, codebook, lattice, kernels, weights=None):
    rows, codebook = np.asarray(rows, dtype=float), np.asarray(codebook, dtype=float)
    if weights is not None:
        weights = np.asarray(weights, dtype=float)
    problem = prepare(rows, weights, kernels=kernels, reach=codebook)
    return moved_units(problem.on(lattice), codebook)


def without_moves(monkeypatch, X, **settings):
    with monkeypatch.context() as patched:
        patched.setattr(_several, "with_units_moved", lambda problem, trained, *_: trained)
        return SOM(**settings).fit(X)


def bits(som):
    return [som.codebook_.tobytes(), *(v.tobytes() for v in som.history_.values())]


# One round, by hand


def test_a_unit_that_loses_little_moves_to_its_neighbors_farthest_row(kernels):
    # Rows 0 and 0.1 lose 0.1 each with their units; 12 lies 2 from unit 2, a neighbor of unit 1
    # only, and unit 0 has nothing to win from unit 1.
    rows, codebook = [[0.0], [0.1], [9.0], [12.0]], [[0.0], [0.1], [10.0]]
    error, found = moved(rows, codebook, Lattice(1, 3), kernels)
    assert error == 3.0
    np.testing.assert_array_equal(found, [[0.0], [12.0], [10.0]])


def test_no_unit_moves_that_is_needed_more_where_it_is(kernels):
    rows, codebook = [[0.0], [3.0], [9.0], [12.0]], [[0.0], [3.0], [10.0]]
    error, found = moved(rows, codebook, Lattice(1, 3), kernels)
    assert error == 3.0
    assert found is None


def test_only_neighbors_rows_are_moved_to(kernels):
    # As in the first test, but the unit with far rows has a neighbor that is needed.
    rows, codebook = [[0.0], [0.1], [40.0], [9.0], [12.0]], [[0.0], [0.1], [40.0], [10.0]]
    assert moved(rows, codebook, Lattice(1, 4), kernels)[1] is None
    ring = Graph(np.roll(np.eye(4), 1, axis=0) + np.roll(np.eye(4), -1, axis=0))
    found = moved(rows, codebook, ring, kernels)[1]
    np.testing.assert_array_equal(found, [[12.0], [0.1], [40.0], [10.0]])


def test_two_units_do_not_give_their_rows_to_each_other(kernels):
    # Both lose 0.1 and neighbor the unit of far rows; only one may go.
    rows, codebook = [[0.0], [0.1], [9.0], [12.0]], [[0.0], [10.0], [0.1]]
    found = moved(rows, codebook, Lattice(1, 3), kernels)[1]
    np.testing.assert_array_equal(found, [[12.0], [10.0], [0.1]])


def test_several_units_move_at_once(kernels):
    # Both ends have a far row, and beside it a unit that loses 0.1.
    rows = [[-12.0], [-9.0], [-0.1], [0.0], [10.0], [10.1], [19.0], [22.0]]
    codebook = [[-10.0], [-0.1], [0.0], [10.0], [10.1], [20.0]]
    found = moved(rows, codebook, Lattice(1, 6), kernels)[1]
    np.testing.assert_array_equal(found, [[-10.0], [-12.0], [0.0], [10.0], [22.0], [20.0]])


def test_a_unit_that_takes_over_rows_stays(kernels):
    # Units 1 and 2 lose 0.1 each, to each other, and both could move outwards.
    rows = [[0.0], [0.1], [9.0], [13.0], [-9.0], [-13.0]]
    codebook = [[10.0], [0.0], [0.1], [-10.0]]
    error, found = moved(rows, codebook, Lattice(1, 4), kernels)
    assert error == 8.0
    np.testing.assert_array_equal(found, [[10.0], [13.0], [0.1], [-10.0]])


def test_a_weight_is_that_many_rows(kernels):
    rows, codebook = [[0.0], [0.5], [9.0], [12.0]], [[0.0], [0.5], [10.0]]
    for weights, goes in [([1, 1, 1, 1], True), ([1, 5, 1, 1], False), ([1, 5, 1, 2], True)]:
        error, found = moved(rows, codebook, Lattice(1, 3), kernels, weights)
        again, same = moved(np.repeat(rows, weights, axis=0), codebook, Lattice(1, 3), kernels)
        assert error == again == weights[2] + 2 * weights[3]
        assert (found is not None) == (same is not None) == goes
        if goes:
            np.testing.assert_array_equal(found, same)


def test_equally_far_rows_are_chosen_by_their_values_in_any_order(kernels):
    rows = [[0.0, 0.0], [0.0, 0.1], [10.0, 8.0], [8.0, 10.0], [10.0, 12.0], [12.0, 10.0]]
    codebook = [[0.0, 0.0], [0.0, 0.1], [10.0, 10.0]]
    for order in itertools.permutations(rows):
        error, found = moved(order, codebook, Lattice(1, 3), kernels)
        assert error == 8.0
        np.testing.assert_array_equal(found, [[0.0, 0.0], [8.0, 10.0], [10.0, 10.0]])


def test_a_missing_value_is_the_prototypes(kernels):
    rows = [[0.0, 0.0], [0.0, 0.1], [10.0, 8.0], [15.0, np.nan]]
    codebook = [[0.0, 0.0], [0.0, 0.1], [10.0, 9.0]]
    found = moved(rows, codebook, Lattice(1, 3), kernels)[1]
    np.testing.assert_array_equal(found, [[0.0, 0.0], [15.0, 9.0], [10.0, 9.0]])


def test_rows_at_their_units_and_units_without_neighbors_stay(kernels):
    rows = [[0.0], [5.0]]
    assert moved(rows, rows, Lattice(1, 2), kernels) == (0.0, None)
    alone = Graph(np.zeros((2, 2)))
    assert moved([[0.0], [5.0], [9.0]], rows, alone, kernels) == (4.0, None)


# What some rows tell


def some_rows(n, seed=0):
    """Rows of which some are equal, a codebook, and its lattice."""
    rng = np.random.default_rng(seed)
    codebook = rng.normal(size=(12, 3))
    rows = rng.normal(size=(n, 3)).round(1)
    return rows[rng.integers(0, n, n)], codebook, Lattice(3, 4)


@pytest.mark.parametrize("weighted", [False, True])
def test_pairs_by_their_definition(kernels, weighted):
    rows, codebook, lattice = some_rows(400)
    weights = np.random.default_rng(1).integers(1, 4, len(rows)).astype(float)
    problem = prepare(rows, weights if weighted else None, kernels=kernels, reach=codebook)
    problem = problem.on(lattice)
    some = weights if weighted else None
    pairs = partial(problem, rows, codebook=codebook, weights=some, has_pairs=True).pairs
    distances = np.sqrt(((rows[:, None] - codebook) ** 2).sum(axis=2))
    first, second = np.argsort(distances, axis=1)[:, :2].T
    near, further = np.sort(distances, axis=1)[:, :2].T
    w = weights if weighted else np.ones(len(rows))
    scale = problem.distance_scale
    assert pairs.weight / problem.weight_scale == w.sum()
    assert pairs.error / problem.error_scale == pytest.approx((near * w).sum())
    steps = np.abs(lattice.positions[first] - lattice.positions[second])
    apart = np.sqrt((steps**2).sum(axis=1)) > 1.01
    assert 0 < pairs.apart / problem.weight_scale == w[apart].sum()
    assert {divmod(int(code), 12) for code in pairs.heirs} == {*zip(first, second, strict=True)}
    assert np.array_equal(pairs.heirs, np.unique(pairs.heirs))
    for unit in range(12):
        of = first == unit
        far = near[of].max()
        at = of & np.isclose(near, far, rtol=1e-12)
        assert pairs.losses[unit] / scale == pytest.approx(((further - near) * w)[of].sum())
        assert pairs.far[unit] == pytest.approx(far)
        assert pairs.gains[unit] / scale == pytest.approx((near * w)[at].sum())
        assert pairs.farthest[unit].tolist() == min(rows[at].tolist())


KINDS = {
    "plain": {},
    "in small blocks": {"block": 4},
    "gaps": {"gaps": True},
    "whole weights": {"weights": [1.0, 3.0, 2.0]},
    "shares as weights": {"weights": [0.3, 0.25, 1.7]},
    "float32": {"dtype": np.float32},
    "sparse": {"sparse": True},
    "manhattan": {"metric": Metric("manhattan")},
    "one unit": {"n_units": 1},
    "rows at their prototypes": {"at_prototypes": True},
}


@pytest.mark.parametrize("kind", KINDS)
@given(cuts=st.lists(st.integers(0, 60), max_size=5), seed=st.integers(0, 5))
def test_pairs_of_parts_in_any_order_are_those_of_all_rows(kind, cuts, seed):
    kind = KINDS[kind]
    rows, codebook, lattice = some_rows(60, seed)
    rows = rows.astype(kind.get("dtype", np.float64))
    rows[:2], rows[1, 0] = rows[0], -rows[0, 0]  # a tie, where that is a zero
    rows[:2, 0] *= seed % 2
    codebook, lattice = (codebook[:1], Lattice(1, 1)) if "n_units" in kind else (codebook, lattice)
    if "at_prototypes" in kind:
        codebook[:6] = rows[:6]
        rows = rows[:6][np.random.default_rng(seed).integers(0, 6, 60)]
    if "gaps" in kind:
        rows[seed::7, seed % 3] = np.nan
    weights = np.resize(kind["weights"], 60) if "weights" in kind else None
    order = np.random.default_rng(seed).permutation(60)
    if "sparse" in kind:
        rows = np.where(np.abs(rows) < 0.5, 0.0, rows)

    def as_rows(some):
        return SparseRows.from_csr(csr_array(some)) if "sparse" in kind else some

    metric = kind.get("metric", EUCLIDEAN)
    problem = prepare(as_rows(rows), weights, reach=codebook, metric=metric).on(lattice)

    def told(numbers):
        some = None if weights is None else weights[numbers]
        part = as_rows(rows[numbers])
        return partial(problem, part, codebook=codebook, weights=some, has_pairs=True)

    whole = told(np.arange(60))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("somscape.fit.problem.BLOCK_VALUES", kind.get("block", 1 << 20))
        parts = [told(numbers) for numbers in np.split(order, sorted(cuts))]
    for some in (parts, parts[::-1]):
        total = reduce(merge, some)
        for name, expected in vars(whole.pairs).items():
            found = getattr(total.pairs, name)
            assert np.asarray(found).tobytes() == np.asarray(expected).tobytes(), name
        again, n_moved = move(problem, total, codebook=codebook)
        expected = move(problem, whole, codebook=codebook)
        assert again.tobytes() == expected[0].tobytes()
        assert n_moved == expected[1]


def test_pairs_are_as_large_as_the_map_however_many_rows_there_are():
    for n in (1_000, 20_000):
        rows, codebook, lattice = some_rows(n)
        problem = prepare(rows, reach=codebook).on(lattice)
        found = partial(problem, rows, codebook=codebook, has_pairs=True)
        assert len(pickle.dumps(found)) < 4_000


def test_a_codebook_far_from_the_rows_is_refused():
    rows, codebook, lattice = some_rows(60)
    with rejected(parameter="codebook"):
        partial(prepare(rows).on(lattice), rows, codebook=codebook * 1e9, has_pairs=True)


def test_sums_without_pairs_move_no_unit():
    rows, codebook, lattice = some_rows(60)
    problem = prepare(rows, reach=codebook).on(lattice)
    sums = partial(problem, rows, codebook=codebook)
    both = merge(sums, partial(problem, rows, codebook=codebook, has_pairs=True))
    for some in (sums, both):
        with rejected(parameter="sums"):
            move(problem, some, codebook=codebook)


# Training


@pytest.mark.parametrize("lattice", ["hexagonal", "rectangular"])
@pytest.mark.parametrize("radius_end", [0.1, 0.3])
def test_a_close_map_is_closer_and_keeps_some_order(monkeypatch, lattice, radius_end):
    X = rows_of()
    settings = CLOSE | {"lattice": lattice, "radius_end": radius_end}
    som, plain = SOM(**settings).fit(X), without_moves(monkeypatch, X, **settings)
    assert som.stop_reason_ == NONE_BETTER
    error, before = (measures.quantization_error(s.map_, X) for s in (som, plain))
    assert error < 0.93 * before
    apart, before = (measures.topographic_error(s.map_, X) for s in (som, plain))
    assert apart < before + 0.2
    assert len(som.history_["radius"]) == som.n_iter_ > plain.n_iter_
    assert set(som.history_["radius"][plain.n_iter_ :]) == {radius_end}
    assert "units moved to rows far from all units" in som.explain_defaults_["n_epochs"]


@pytest.mark.parametrize(
    "settings",
    [
        {"radius_end": 0.31},
        {"n_epochs": 40},
        {"radius_decay": np.geomspace(2, 0.2, 20), "radius_end": "auto"},
        {"radius_decay": "constant", "radius_start": 0.2, "radius_end": "auto"},
        {"algorithm": "online"},
        {"init": rows_of()[:30]},
        {"n_rows": 1, "n_cols": 1},
    ],
)
def test_units_move_only_at_small_radii_and_where_nothing_says_how_long(monkeypatch, settings):
    X = rows_of()
    settings = CLOSE | {"random_state": 0} | settings
    som, plain = SOM(**settings).fit(X), without_moves(monkeypatch, X, **settings)
    assert bits(som) == bits(plain)
    assert som.stop_reason_ not in (NONE_BETTER, ROUNDS_DONE)


def test_the_order_of_rows_their_weights_and_their_storage_change_no_bit():
    X = rows_of().round(1)  # with equal distances
    weights = np.random.default_rng(1).integers(1, 4, len(X))
    som = SOM(**CLOSE).fit(X, sample_weight=weights)
    assert som.stop_reason_ == NONE_BETTER
    order = np.random.default_rng(2).permutation(len(X))
    frozen = np.asfortranarray(X)
    frozen.setflags(write=False)
    for other in (
        SOM(**CLOSE).fit(X[order], sample_weight=weights[order]),
        SOM(**CLOSE).fit(np.repeat(X, weights, axis=0)[::-1]),
        SOM(**CLOSE).fit(frozen, sample_weight=weights),
    ):
        np.testing.assert_array_equal(other.codebook_, som.codebook_)
        assert other.n_iter_ == som.n_iter_


@pytest.mark.parametrize(
    "settings",
    [
        {"metric": "manhattan"},
        {"metric": "cosine"},
        {"neighborhood": "bubble"},
        {"boundary": "torus", "n_rows": 6},
        {"n_rows": 1, "n_cols": 12},
    ],
)
def test_other_metrics_neighborhoods_and_shapes_are_closer_too(monkeypatch, settings):
    X = rows_of() + 3
    settings = CLOSE | settings
    som, plain = SOM(**settings).fit(X), without_moves(monkeypatch, X, **settings)
    error, before = (s.transform(X).min(axis=1).mean() for s in (som, plain))
    assert error < before


@pytest.mark.parametrize("X", [np.ones((1, 2)), np.ones((50, 3)), rows_of(7), rows_of(40, 1)])
@pytest.mark.filterwarnings("ignore:the map has 20 units")
def test_few_and_equal_rows_train_a_finite_map(X):
    som = SOM(4, 5, radius_end=0.2).fit(X)
    assert np.isfinite(som.codebook_).all()
    low, high = X.min(axis=0) - 1e-9, X.max(axis=0) + 1e-9
    assert ((som.codebook_ >= low) & (som.codebook_ <= high)).all()


# Its end


def test_rounds_end(monkeypatch):
    X = rows_of()
    monkeypatch.setattr("somscape.fit._plan.MOVE_ROUNDS", 1)
    som = SOM(**CLOSE).fit(X)
    assert som.stop_reason_ == ROUNDS_DONE
    assert "units moved" in som.explain_defaults_["n_epochs"]


@pytest.mark.parametrize("interrupts", [False, True])
def test_who_stops_in_a_round_has_the_best_map_so_far(monkeypatch, interrupts):
    X = rows_of()
    plain = without_moves(monkeypatch, X, **CLOSE, n_init=1)
    finished = SOM(**CLOSE, n_init=1).fit(X)

    def stop(progress):
        if progress.step == plain.n_iter_ + 1:
            if interrupts:
                raise KeyboardInterrupt
            return True
        return False

    som = SOM(**CLOSE, n_init=1, callbacks=[stop])
    if interrupts:
        with pytest.raises(KeyboardInterrupt):
            som.fit(X)
    else:
        som.fit(X)
    assert som.stop_reason_ == ("interrupted" if interrupts else "a callback asked to stop")
    assert som.n_iter_ == plain.n_iter_ + 1 < finished.n_iter_
    np.testing.assert_array_equal(som.codebook_, plain.codebook_)


def test_a_callback_is_told_of_no_step_beyond_those_planned():
    steps = []
    som = SOM(**CLOSE, n_init=1, callbacks=[steps.append]).fit(rows_of())
    assert [p.step for p in steps] == list(range(1, som.n_iter_ + 1))
    assert all(p.step <= p.n_steps for p in steps)
