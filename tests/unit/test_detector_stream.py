"""A detector that goes on with a stream: it moves and stays calibrated, in constant memory."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import SOM, SOMDetector, load
from somscape.outliers._stream import Reservoir
from somscape.tables import table_from_columns


def rows_of(n=300, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(2, 0.5, d) - 3


def shifted(n, seed, by):
    X = rows_of(n, seed=seed)
    X[:, 0] += by
    return X


def started(X=None, som=None, **options):
    som = som or SOM(4, 5)
    return SOMDetector(som=som, random_state=0, **options).partial_fit(
        rows_of() if X is None else X
    )


# The reservoir


def test_a_reservoir_with_room_keeps_all_rows_and_their_weights():
    kept = Reservoir.empty(2, 0).plus(np.arange(6.0).reshape(3, 2), np.array([1.0, 2, 0.5]))
    kept = kept.plus(np.ones((2, 2)), None)
    np.testing.assert_array_equal(kept.values[:3], np.arange(6.0).reshape(3, 2))
    np.testing.assert_allclose(kept.weights, [1, 2, 0.5, 1, 1], rtol=1e-12)
    assert Reservoir.empty(1, 0).plus(np.ones((4, 1)), None).weights is None


def test_a_full_reservoir_is_a_uniform_sample_of_rows_that_count_alike():
    # 200 of 2,000 rows, 300 times: each row is kept 30 times on average, with a standard deviation
    # of 5.2.
    times = np.zeros(2000)
    for seed in range(300):
        kept = Reservoir.empty(1, seed, size=200)
        for piece in np.arange(2000.0).reshape(8, 250, 1):
            kept = kept.plus(piece, None)
        assert len(kept.values) == 200
        assert kept.weights is None
        times[kept.values[:, 0].astype(int)] += 1
    assert np.abs(times.reshape(8, 250).mean(axis=1) - 30).max() < 5 * 5.2 / np.sqrt(250)
    assert np.abs(times - 30).max() < 6 * 5.2


def test_weights_and_fading_are_right_on_average():
    # The share of the weight at or above 1,500 of rows 0..1,999 that weigh 1, 2 or 3 and fade by
    # half every 400 rows, with room for 300.
    values = np.arange(2000.0)
    weights = 1.0 + values % 3
    age = 4 - values // 400
    true = weights * 0.5**age
    expected = true[values >= 1500].sum() / true.sum()
    found = []
    for seed in range(200):
        kept = Reservoir.empty(1, seed, size=300)
        for part in range(5):
            piece = slice(400 * part, 400 * part + 400)
            kept = kept.plus(values[piece, None], weights[piece], 0.5)
        is_high = kept.values[:, 0] >= 1500
        counts = np.ones(300) if kept.weights is None else kept.weights
        found.append(counts[is_high].sum() / counts.sum())
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(200))
    assert np.std(found) < 0.03


def test_kept_rows_count_no_more_than_themselves():
    kept = Reservoir.empty(1, 0, size=50).plus(np.ones((5000, 1)), np.full(5000, 2.0), 1.0)
    assert kept.weights is None
    kept = (
        Reservoir.empty(1, 0, size=50).plus(np.ones((40, 1)), None).plus(np.ones((9, 1)), None, 0.5)
    )
    np.testing.assert_allclose(kept.weights, [0.5] * 40 + [1] * 9, rtol=1e-12)


def test_rows_that_have_faded_to_nothing_are_dropped():
    kept = Reservoir.empty(1, 0).plus(np.ones((40, 1)), None)
    for _ in range(3):
        kept = kept.plus(np.zeros((2, 1)), None, 0.0)
    assert kept.values.tolist() == [[0], [0]]
    assert kept.weights is None


# partial_fit


def test_the_first_call_is_a_fit():
    X = rows_of()
    first, fitted = started(X), SOMDetector(som=SOM(4, 5), n_maps=1, random_state=0).fit(X)
    np.testing.assert_array_equal(first.map_.codebook, fitted.map_.codebook)
    np.testing.assert_array_equal(first.p_values(X), fitted.p_values(X))
    assert first.offset_ == fitted.offset_


def test_the_map_moves_as_a_map_alone_does():
    X, more = rows_of(), rows_of(200, seed=1) + 0.5
    som = SOM(4, 5, n_init=1, random_state=0)
    detector = started(X, som=som, method="k_prototype").partial_fit(more, half_life=300)
    alone = som.partial_fit(X).partial_fit(more, half_life=300)
    np.testing.assert_array_equal(detector.map_.codebook, alone.map_.codebook)
    np.testing.assert_array_equal(detector.map_.hits, alone.map_.hits)
    np.testing.assert_array_equal(detector.units_, alone.labels_)


def test_rows_that_are_scored_before_they_train_calibrate():
    X, more = rows_of(), rows_of(80, seed=1)
    detector = started(X, contamination=0.05)
    first = detector.detector_.calibration.scores
    coming = detector.detector_.scores(more)
    detector.partial_fit(more)
    found = detector.detector_.calibration.scores
    np.testing.assert_array_equal(found, np.sort(np.concatenate([first, coming])))
    # The threshold is the score that 5 % of all 380 exceed: 19 rows.
    scores = np.sort(np.concatenate([started(X).detector_.scores(X), coming]))
    assert detector.offset_ == -scores[-20]


def test_usual_units_and_their_distances_follow_the_map():
    detector = started(trim=0.2)
    far = shifted(3000, 2, 40)
    assert (detector.predict(far) == -1).all()
    for piece in np.array_split(far, 6):
        detector.partial_fit(piece)
    assert (detector.predict(far) == -1).mean() < 0.1
    assert (detector.detector_.of_all_rows.rms_distances > 0).all()


def test_with_a_half_life_old_rows_are_forgotten():
    X = rows_of(1000)
    detector = started(X, som=SOM(5, 6), contamination=0.05)
    for seed in range(12):
        detector.partial_fit(shifted(500, seed + 1, 30), half_life=300)
    new = shifted(500, 99, 30)
    assert abs((detector.predict(new) == -1).mean() - 0.05) < 0.04
    assert (detector.predict(X) == -1).mean() > 0.9
    weights = detector.detector_.calibration.weights
    assert weights.max() == 1
    # Pieces of 500 rows, each of which counts 2^(-5/3) of the next one.
    assert weights.sum() == pytest.approx(500 / (1 - 0.5 ** (5 / 3)), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_p_values_of_a_stream_stay_nearly_uniform(seed):
    rng = np.random.default_rng(seed)
    detector = SOMDetector(random_state=seed)
    for _ in range(8):
        detector.partial_fit(rng.normal(size=(500, 3)))
    p = detector.p_values(rng.normal(size=(3000, 3)))
    # Standard errors of sqrt(.25 / 3000) and of the calibration's own 4,000 rows; and 0.02 for
    # scores of the map as it was.
    for a in (0.05, 0.2, 0.5, 0.8):
        assert abs((p <= a).mean() - a) < 4 * np.sqrt(a * (1 - a) * 2 / 3000) + 0.02


def test_known_anomalies_do_not_calibrate():
    X, more = rows_of(), rows_of(50, seed=1)
    known = np.where(np.arange(50) < 10, 1, -1)
    detector = started(X).partial_fit(more, known=known)
    assert len(detector.detector_.calibration.scores) == 340


def test_rows_of_zero_weight_change_nothing():
    X, more = rows_of(), rows_of(50, seed=1)
    weights = np.ones(50)
    weights[7] = 0
    more[7] = 1e6
    weighted = started(X).partial_fit(more, sample_weight=weights)
    absent = started(X).partial_fit(np.delete(more, 7, axis=0))
    np.testing.assert_allclose(weighted.map_.codebook, absent.map_.codebook, rtol=1e-12)
    before, after = weighted.detector_, absent.detector_
    np.testing.assert_allclose(before.calibration.scores, after.calibration.scores, rtol=1e-12)
    np.testing.assert_allclose(before.mean_contributions, after.mean_contributions, rtol=1e-12)
    assert weighted.units_.shape == (50,)


def test_a_fitted_detector_goes_on_and_a_new_fit_starts_anew():
    X, more = rows_of(), rows_of(100, seed=1)
    detector = SOMDetector(som=SOM(4, 5), random_state=0).fit(X).partial_fit(more)
    np.testing.assert_array_equal(
        detector.map_.codebook, started(X).partial_fit(more).map_.codebook
    )
    assert len(detector.fit(X).detector_.calibration.scores) == 300


def test_what_is_kept_has_a_limit():
    detector = started(rows_of(3000), som=SOM(3, 3))
    sizes = []
    for seed in range(12):
        detector.partial_fit(rows_of(3000, seed=seed))
        sizes.append(len(pickle.dumps(detector)))
    assert len(detector.detector_.calibration.scores) == 10_000
    assert max(sizes[4:]) < 1.05 * min(sizes[4:])


def test_more_rows_than_train_a_map_stream_as_well():
    X = rows_of(21_000, d=2)
    detector = SOMDetector(som=SOM(3, 3), random_state=0).partial_fit(X)
    assert len(detector.detector_.calibration.scores) == 1000
    detector.partial_fit(rows_of(500, d=2, seed=1))
    # 10,000 of 21,500 scores are kept, of which about 1,500 in 21,500 calibrate.
    assert 500 < len(detector.detector_.calibration.scores) < 900
    assert detector.map_.hits.sum() == 21_500


def test_a_stream_goes_on_from_a_pickle_and_a_saved_map_scores_as_it(tmp_path):
    X, more = rows_of(), rows_of(100, seed=1)
    detector = started(X)
    again = pickle.loads(pickle.dumps(detector))
    for each in (detector, again):
        each.partial_fit(more)
    np.testing.assert_array_equal(again.p_values(X), detector.p_values(X))
    detector.detector_.save(tmp_path / "d.som")
    np.testing.assert_array_equal(load(tmp_path / "d.som").scores(X), -detector.score_samples(X))


def test_pieces_that_do_not_fit_are_refused():
    detector = started()
    with pytest.raises(ValueError, match="4 features"):
        detector.partial_fit(rows_of(d=3))
    with rejected(parameter="X", row=0, column="x0"):
        detector.partial_fit([[np.nan] * 4])
    with rejected(parameter="known"):
        detector.partial_fit(rows_of(20), known=[1, 0, -1])
    with rejected(ValueError, parameter="half_life", value=-1):
        detector.partial_fit(rows_of(20), half_life=-1)
    with rejected(TypeError, parameter="half_life", value="x"):
        SOMDetector().partial_fit(rows_of(20), half_life="x")


@given(st.integers(1, 40), st.integers(0, 1000))
def test_pieces_of_any_size_leave_a_detector_that_works(n, seed):
    detector = started(som=SOM(3, 4, n_epochs=2))
    detector.partial_fit(rows_of(n, seed=seed))
    p = detector.p_values(rows_of(20))
    assert ((p > 0) & (p <= 1)).all()
    assert (detector.predict(np.full((1, 4), 1e5)) == -1).all()


# score_stream


def test_pieces_and_rows_are_scored_as_by_the_methods():
    X = rows_of()
    detector = started(X)
    items = [X[:40], X[40].tolist(), X[41:42], X[42]]
    found = list(detector.score_stream(items))
    scores, p = detector.score_samples(X[:43]), detector.p_values(X[:43])
    np.testing.assert_array_equal(found[0][0], scores[:40])
    np.testing.assert_array_equal(found[0][1], p[:40])
    assert found[1] == (scores[40], p[40])
    assert found[2][0].shape == (1,)
    assert found[3] == (scores[42], p[42])
    assert isinstance(found[3][0], float)


def test_rows_of_a_table_are_scored_by_name():
    rng = np.random.default_rng(0)
    columns = {"age": rng.normal(40, 9, 60).tolist(), "job": rng.choice(["a", "b"], 60).tolist()}
    table = table_from_columns(columns)
    detector = SOMDetector(random_state=0).fit(table)
    rows = [{"job": j, "age": a} for a, j in zip(columns["age"], columns["job"], strict=True)]
    scores = [score for score, _ in detector.score_stream(rows)]
    np.testing.assert_allclose(scores, detector.score_samples(table), rtol=1e-12)
    ((of_piece, _),) = detector.score_stream([table])
    np.testing.assert_array_equal(of_piece, detector.score_samples(table))


def test_a_stream_is_read_one_item_at_a_time_and_kept_nowhere():
    detector = started()
    piece = rows_of(2000)
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield piece + 0.0

    stream = detector.score_stream(endless())
    next(stream)
    assert len(taken) == 1
    tracemalloc.start()
    for _ in range(20):
        next(stream)
    first = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    for _ in range(100):
        next(stream)
    assert tracemalloc.get_traced_memory()[1] < first + 100_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "item",
    [
        7.0,
        np.zeros((2, 2, 4)),
        [1.0, 2.0],
        [1.0, 2.0, 3.0, np.nan],
        ["a", "b", "c", "d"],
    ],
)
def test_what_is_no_piece_is_refused_by_its_number(item):
    stream = started().score_stream([rows_of(3), item])
    next(stream)
    with rejected(parameter="stream"):
        next(stream)


def test_an_unfitted_detector_says_so_at_once():
    with pytest.raises(ValueError, match="not fitted"):
        SOMDetector().score_stream([])
