"""The detector: exact scores and reasons, thresholds that flag a share, honest p-values."""

import json

import naive
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save
from texts import rejected

from somscape import SOM, Detector, SOMDetector, TableEncoder, load
from somscape.outliers import Calibration
from somscape.outliers.calibration import threshold_for
from somscape.tables import table_from_columns

FLOATS = [np.float32, np.float64]


def rows_of(n=120, d=4, dtype=np.float64, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.linspace(2, 0.5, d) + offset).astype(dtype)


def detector_of(X, **options):
    return SOMDetector(**({"som": SOM(3, 4), "random_state": 0, "n_maps": 1} | options)).fit(X)


# Scores and reasons


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_prototypes", [1, 2, 5, 16])
def test_scores_and_contributions_equal_the_oracle(kernels, dtype, n_prototypes):
    X = rows_of(dtype=dtype, offset=-3)
    alone = {"method": "k_prototype", "decorrelate": False}
    detector = detector_of(X, n_prototypes=n_prototypes, som=SOM(4, 5), **alone)
    new = rows_of(30, dtype=dtype, seed=1) * 2
    map_ = detector.map_
    usual = naive.usual_units(map_.codebook, map_.hits, 0.2)
    np.testing.assert_array_equal(detector.detector_.of_all_rows.usual, usual)
    scores, parts = naive.k_prototype(new, map_.codebook, usual, n_prototypes)
    np.testing.assert_allclose(detector.score_samples(new), -scores, rtol=1e-12)
    np.testing.assert_allclose(detector.contributions(new), parts, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("scale", "offset"), [(1, 1e4), (1e-7, 0), (1e9, -3)])
def test_contributions_add_up_to_the_score(kernels, dtype, scale, offset):
    X = rows_of(dtype=dtype, offset=offset) * dtype(scale)
    detector = detector_of(X)
    parts = detector.contributions(X)
    assert (parts >= 0).all()
    # Distances and shares are both computed in float64 from the same differences.
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(X), rtol=1e-12)


def test_contributions_do_not_depend_on_the_blocks_they_are_computed_in(monkeypatch):
    X = rows_of()
    detector = detector_of(X)
    whole = detector.contributions(X)
    monkeypatch.setattr("somscape.outliers.score.BLOCK_VALUES", 7 * 5 * 4)
    np.testing.assert_array_equal(detector.contributions(X), whole)


def test_scores_by_hand(kernels):
    # One prototype at the mean of (-4, 0) and (2, 0), radius too small to matter: (-1, 0).  From
    # (2, 4): difference (3, 4), distance 5, of which 9/5 and 16/5.
    alone = {"method": "k_prototype", "decorrelate": False}
    detector = detector_of([[-4.0, 0.0], [2.0, 0.0]], som=SOM(1, 1), **alone)
    assert detector.score_samples([[2.0, 4.0]]).tolist() == [-5]
    np.testing.assert_allclose(detector.contributions([[2.0, 4.0]]), [[1.8, 3.2]], rtol=1e-15)


def test_units_that_won_no_row_do_not_score(kernels):
    # Unit 1 lies at the new row but won nothing, so the row is measured from unit 0.
    som = SOM(1, 2, init=[[0.0], [50.0]], radius_start=0.01, radius_end=0.01, n_epochs=1)
    detector = detector_of([[-1.0], [1.0]], som=som, method="k_prototype")
    assert detector.map_.hits.tolist() == [2, 0]
    assert detector.map_.codebook.tolist() == [[0], [50]]
    assert detector.score_samples([[50.0]]).tolist() == [-50]


def test_the_planted_outlier_ranks_first_and_its_column_explains_it(kernels):
    X = rows_of(300)
    X[7, 2] = -40.0
    detector = detector_of(X, som=None)
    assert detector.score_samples(X).argmin() == 7
    assert detector.contributions(X)[7].argmax() == 2
    assert detector.predict(X)[7] == -1


def test_signs_are_scikit_learns():
    X = rows_of()
    detector = detector_of(X)
    scores = detector.score_samples(X)
    np.testing.assert_array_equal(detector.decision_function(X), scores - detector.offset_)
    np.testing.assert_array_equal(detector.predict(X), np.where(scores < detector.offset_, -1, 1))
    np.testing.assert_array_equal(detector.fit_predict(X), detector.predict(X))


# Thresholds


@pytest.mark.parametrize("contamination", [0.05, 0.1, 1 / 3, 0.5, 0.001, 1e-9])
@pytest.mark.parametrize("n", [30, 60, 97])
def test_predict_flags_exactly_the_share_asked_for(kernels, contamination, n):
    X = rows_of(n)
    flagged = (detector_of(X, contamination=contamination).predict(X) == -1).sum()
    assert flagged == int(contamination * n + 1e-9)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.floats(1e-6, 0.5))
def test_a_threshold_flags_the_most_rows_that_the_share_allows(scores, contamination):
    scores = np.array(scores, dtype=float)
    threshold = threshold_for(scores, contamination, None)
    allowed = contamination * len(scores) * (1 + 1e-9)
    assert (scores > threshold).sum() <= allowed
    # No lower score would do: those at the threshold are too many to be flagged too.
    assert (scores >= threshold).sum() > allowed
    assert threshold in scores


def test_a_share_that_falls_short_of_a_whole_row_by_rounding_alone_flags_that_row():
    # 0.29 * 100 is 28.999999999999996 in float64.
    assert threshold_for(np.arange(100.0), 0.29, None) == 70.0


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=20),
    st.floats(1e-3, 0.5),
)
def test_a_threshold_with_weights_is_that_of_the_repeated_rows(rows, contamination):
    scores = np.array([s for s, _ in rows], dtype=float)
    weights = np.array([w for _, w in rows])
    repeated = threshold_for(scores.repeat(weights), contamination, None)
    weighted = threshold_for(scores, contamination, weights.astype(float))
    # Equal but where the share ends within a repeated row: it then stays unflagged as a whole,
    # which is what its copies' tie does too.
    assert weighted == repeated


def test_weights_make_the_detector_of_the_repeated_rows(kernels):
    X, weights = rows_of(60), np.arange(60) % 3
    weighted = detector_of(X).fit(X, sample_weight=weights)
    repeated = detector_of(X.repeat(weights, axis=0))
    np.testing.assert_array_equal(weighted.map_.codebook, repeated.map_.codebook)
    assert weighted.offset_ == repeated.offset_
    np.testing.assert_array_equal(weighted.predict(X), repeated.predict(X))


# P-values


def test_p_values_equal_the_oracle(kernels):
    X = rows_of(80)
    detector = detector_of(X, training_is_clean=True)
    calibration = detector.detector_.calibration.scores
    new = np.vstack([rows_of(40, seed=3) * 3, X])
    expected = naive.conformal_p(-detector.score_samples(new), calibration)
    np.testing.assert_allclose(detector.p_values(new), expected, rtol=1e-15)


@pytest.mark.parametrize("n", [49, 50, 80, 300])
def test_p_values_after_training_that_may_not_be_clean_equal_the_oracle(kernels, n):
    X = rows_of(n)
    X[:4] += 6
    detector = detector_of(X)
    calibration = detector.detector_.calibration.scores
    share = detector.detector_.calibration.relations
    assert (share > 0) == (n >= 50)
    new = np.vstack([rows_of(40, seed=3) * 3, X, np.full((1, 4), 1e6)])
    scores = -detector.score_samples(new)
    found, expected = detector.p_values(new), naive.estimated_p(scores, calibration, share)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    counted = naive.conformal_p(scores, calibration)
    assert (found <= counted).all()
    assert ((found < counted / 2).sum() > 10) == (n >= 50)
    np.testing.assert_allclose(found[-1], (0.01 if n >= 50 else 1) / (n + 1), rtol=1e-12)


def test_the_smallest_p_value_is_one_over_n_plus_one_and_the_largest_is_one(kernels):
    X = rows_of(99)
    detector = detector_of(X, training_is_clean=True)
    assert detector.p_values(np.full((1, 4), 1e6)).tolist() == [0.01]
    assert len(detector.detector_.calibration.scores) == 99
    everything = detector.p_values(X)
    assert everything.min() >= 0.01
    assert everything.max() <= 1
    lowest = detector.detector_.calibration.scores[0]
    assert detector.detector_.calibration.p_values(np.array([lowest])).tolist() == [1.0]
    # In steps of 1/100.
    np.testing.assert_allclose(np.round(everything * 100), everything * 100, rtol=1e-12)
    # A hundredth of it where training rows may be unusual; the largest stays.
    estimating = detector_of(X)
    assert estimating.p_values(np.full((1, 4), 1e6)).tolist() == [0.01 * 0.01]
    assert estimating.detector_.calibration.p_values(np.array([lowest])).tolist() == [1.0]


def test_calibration_scores_come_from_maps_that_did_not_see_the_row():
    # Done again by hand: split the same order in five, train on four, score the fifth.
    X = rows_of(53)
    som = SOM(3, 4, random_state=7)
    options = {"method": "k_prototype", "n_prototypes": 3, "trim": 0, "decorrelate": False}
    options["n_maps"] = 1
    detector = SOMDetector(som=som, **options).fit(X)
    order = np.random.default_rng(7).permutation(53)
    expected = []
    for fold in np.array_split(order, 5):
        others = np.sort(np.setdiff1d(order, fold))
        map_ = SOM(3, 4, n_init=1).fit(X[others]).map_
        expected += naive.k_prototype(X[fold], map_.codebook, map_.hits > 0, 3)[0].tolist()
    found = detector.detector_.calibration.scores
    np.testing.assert_allclose(found, np.sort(expected), rtol=1e-12)
    assert (np.diff(found) >= 0).all()


def test_a_row_that_shaped_its_own_prototype_is_unusual_to_the_calibration():
    # A lone far row has a unit to itself: in sample it scores 0 with one prototype, but no other
    # row tells where it lies, so its calibration score is large and its p-value is not 1/(n + 1)
    # by rank in sample.
    X = np.vstack([rows_of(60), [[500.0, 0, 0, 0]]])
    som = SOM(3, 4, radius_end=0.1)
    detector = detector_of(X, method="k_prototype", n_prototypes=1, trim=0, som=som)
    assert -detector.score_samples(X)[60] < 1e-9
    assert detector.detector_.calibration.scores[-1] > 100


def test_the_folds_keep_the_shape_of_the_full_map():
    # An automatic size would differ with a fifth of the rows gone; the scores would not compare.
    X = rows_of(100)
    seen = []
    som = SOM(callbacks=[seen.append])
    detector = SOMDetector(som=som, random_state=0).fit(X)
    shape = detector.map_.lattice
    again = SOM(shape.n_rows, shape.n_cols, random_state=detector.map_.parameters["seed"])
    fixed = SOMDetector(som=again, random_state=0).fit(X)
    np.testing.assert_array_equal(
        detector.detector_.calibration.scores, fixed.detector_.calibration.scores
    )


@pytest.mark.parametrize("seed", range(3))
def test_p_values_of_new_rows_are_nearly_uniform(seed):
    # 300 new rows from the same population: the share below a is a to 4 standard errors of
    # sqrt(.25 / 300) = .029 and of the calibration's own, about as large.
    rng = np.random.default_rng(seed)
    X, new = rng.normal(size=(300, 3)), rng.normal(size=(300, 3))
    p = SOMDetector(random_state=seed).fit(X).p_values(new)
    for a in (0.05, 0.2, 0.5, 0.8):
        assert abs((p <= a).mean() - a) < 4 * np.sqrt(a * (1 - a) * 2 / 300) + 0.02


def test_two_rows_are_enough_and_one_is_not():
    detector = detector_of([[0.0, 1.0], [2.0, -1.0]], som=None)
    assert len(detector.detector_.calibration.scores) == 2
    assert detector.p_values([[100.0, 100.0]])[0] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        SOMDetector().fit([[0.0, 1.0]])


def test_two_rows_of_which_one_weighs_nothing_are_too_few():
    with rejected(ValueError, parameter="sample_weight", value=1):
        SOMDetector().fit([[0.0, 1.0], [2.0, 3.0], [5.0, 5.0]], sample_weight=[1, 0, 0])


def test_more_folds_than_rows_leave_one_row_out_at_a_time():
    assert len(detector_of(rows_of(4), som=None).detector_.calibration.scores) == 4


def test_rows_of_zero_weight_neither_train_nor_calibrate(kernels):
    X, weights = rows_of(60), np.ones(60)
    weights[10:20] = 0
    X[12] = 1e6
    weighted = detector_of(X).fit(X, sample_weight=weights)
    absent = detector_of(X[weights > 0])
    np.testing.assert_array_equal(weighted.map_.codebook, absent.map_.codebook)
    np.testing.assert_array_equal(
        weighted.detector_.calibration.scores, absent.detector_.calibration.scores
    )
    assert weighted.units_.shape == (60,)


# Parameters and state


def test_the_same_seed_gives_the_same_detector_and_its_map_draws_from_it():
    X = rows_of()
    som = SOM(3, 4, init="sample", n_epochs=3)
    a, b, c = (SOMDetector(som=som, random_state=s).fit(X) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.map_.codebook, b.map_.codebook)
    np.testing.assert_array_equal(a.detector_.calibration.scores, b.detector_.calibration.scores)
    assert not np.array_equal(a.map_.codebook, c.map_.codebook)
    assert som.random_state is None
    assert not hasattr(som, "map_")


WRONG = [
    ({"method": "iforest"}, ValueError),
    ({"contamination": 0}, ValueError),
    ({"contamination": 0.6}, ValueError),
    ({"contamination": "most"}, TypeError),
    ({"n_prototypes": 0}, ValueError),
    ({"n_prototypes": 65}, ValueError),
    ({"n_prototypes": 2.5}, TypeError),
    ({"trim": 0.6}, ValueError),
    ({"trim": -0.1}, ValueError),
    ({"training_is_clean": "yes"}, TypeError),
    ({"missing": "drop"}, ValueError),
    ({"som": SOM(tol=-1)}, ValueError),
    ({"missing": "mask"}, ValueError),
    ({"som": SOM(metric="cosine")}, ValueError),
    ({"som": SOM(feature_weight=[1, 2, 3])}, ValueError),
    ({"som": "hexagonal"}, TypeError),
    ({"som": SOMDetector()}, TypeError),
]


@pytest.mark.parametrize(("wrong", "kind"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_a_wrong_parameter_is_named_with_what_is_allowed(wrong, kind):
    with rejected(kind):
        SOMDetector(**wrong).fit(rows_of(30))


def test_missing_values_are_filled_on_request_and_else_refused_with_counts():
    X = rows_of(60)
    X[3, 1] = X[5, 1] = np.nan
    with rejected(parameter="X", row=3):
        SOMDetector().fit(X)
    detector = detector_of(X, missing="fill")
    filled = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    np.testing.assert_array_equal(detector.score_samples(X), detector.score_samples(filled))


# Saving


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_saved_detector_scores_as_before(tmp_path, dtype):
    X = rows_of(dtype=dtype)
    detector = detector_of(X)
    detector.detector_.save(tmp_path / "d.som")
    before, after = detector.detector_, load(tmp_path / "d.som")
    assert isinstance(after, Detector)
    np.testing.assert_array_equal(after.scores(X), -detector.score_samples(X))
    np.testing.assert_array_equal(after.contributions(X), detector.contributions(X))
    np.testing.assert_array_equal(after.p_values(X), detector.p_values(X))
    np.testing.assert_array_equal(after.flags(X), detector.predict(X) == -1)
    assert (before.score, before.threshold) == (after.score, after.threshold)
    assert before.of_all_rows.n_prototypes == after.of_all_rows.n_prototypes
    np.testing.assert_array_equal(before.calibration.scores, after.calibration.scores)


@pytest.mark.parametrize("ask", ["reasons", "counterfactuals"])
def test_estimator_and_detector_give_the_same_answers(ask):
    X = rows_of()
    detector = detector_of(X)
    few = X[detector.score_samples(X).argsort()[:5]]
    answers = getattr(detector.detector_, ask)(few)
    assert len(answers) == 5
    assert all(map(str, answers))
    assert list(map(str, answers)) == list(map(str, getattr(detector, ask)(few)))


def test_the_same_seed_gives_byte_identical_files(tmp_path):
    for name in ("a", "b"):
        detector_of(rows_of()).detector_.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def rewritten(folder, settings, **arrays):
    """A saved detector with other settings or arrays."""
    path = folder / "d.som"
    detector_of(rows_of()).detector_.save(path)
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["somscape"])
        parts = {name: file.get_tensor(name) for name in list(file.keys())}
    header["detector"] |= settings
    path.write_bytes(save(parts | arrays, metadata={"somscape": json.dumps(header)}))
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"n_prototypes": 0},
        {"n_prototypes": 65},
        {"n_prototypes": "five"},
        {"n_prototypes": 2.5},
        {"threshold": "high"},
        {"threshold": None},
        {"score": "iforest"},
        {"score": 3},
        {"p_values_by_bulk": False},
        {"p_values_by_bulk": None},
        {"p_values_by_bulk": 1},
        {"p_values_by_bulk": "true"},
        {"calibration_is_unusual": True},
    ],
    ids=str,
)
def test_a_saved_detector_with_settings_that_cannot_be_is_refused(tmp_path, change):
    rejected(rewritten(tmp_path, change))


def test_a_file_that_does_not_say_what_calibrates_has_conformal_p_values(tmp_path):
    X = rows_of()
    X[:5] += 9
    path = tmp_path / "d.som"
    detector_of(X).detector_.save(path)
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["somscape"])
        parts = {name: file.get_tensor(name) for name in list(file.keys())}
    estimated = load(path)
    assert header["detector"].pop("p_values_by_bulk") is True
    path.write_bytes(save(parts, metadata={"somscape": json.dumps(header)}))
    counted = load(path)
    assert (estimated.calibration.by_bulk, counted.calibration.by_bulk) == (True, False)
    expected = Calibration(counted.calibration.scores).p_values(counted.scores(X))
    np.testing.assert_array_equal(counted.p_values(X), expected)
    np.testing.assert_array_equal(counted.scores(X), estimated.scores(X))
    assert (estimated.p_values(X)[:5] < counted.p_values(X)[:5] / 2).all()
    detector_of(X, training_is_clean=True).detector_.save(path)
    with safe_open(path, framework="numpy") as file:
        assert "p_values_by_bulk" not in file.metadata()["somscape"]


@pytest.mark.parametrize(
    "calibration",
    [np.array([2.0, 1.0, 3.0]), np.array([1.0, np.nan]), np.zeros((2, 2))],
    ids=["not ascending", "NaN", "two dimensions"],
)
def test_a_saved_detector_whose_calibration_cannot_be_is_refused(tmp_path, calibration):
    # Searching it would give wrong p-values, and no error.
    rejected(rewritten(tmp_path, {}, calibration=calibration))


def test_an_encoder_with_gaps_is_refused_by_name():
    table = table_from_columns({"a": [1.0, None, 3.0, 4.5] * 20, "b": list("xyzx") * 20})
    with rejected(parameter="encoder", value="mask"):
        SOMDetector(encoder=TableEncoder(missing="mask"), random_state=0).fit(table)


# How reasons are written


def test_a_reason_writes_a_float32_in_its_own_digits():
    X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    X[7, 1] = 7.304  # as a float64 7.304000377655029
    detector = SOMDetector(som=SOM(3, 3), n_maps=1, random_state=0).fit(X)
    (reason,) = [r for r in detector.reasons(X[7:8])[0] if r.column == "x1"]
    assert reason.value == "7.304"


def test_a_reason_writes_a_day_without_midnight():
    days = pd.date_range("2020-01-01", periods=60).to_series(index=range(60))
    days[7] = pd.Timestamp("2022-04-01")
    frame = pd.DataFrame({"since": days, "x": np.arange(60.0)})
    encoder = TableEncoder(dates=["since"])
    detector = SOMDetector(som=SOM(3, 3), n_maps=1, encoder=encoder, random_state=0).fit(frame)
    (reason,) = [r for r in detector.reasons(frame[7:8])[0] if r.column == "since"]
    assert reason.value == "2022-04-01"
