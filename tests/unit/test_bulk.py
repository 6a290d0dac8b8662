"""P-values where rows that calibrate may be unusual: an estimate by the bulk of their scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from texts import rejected

from somscape import SOMDetector, load
from somscape.outliers import AlertRule, Calibration
from somscape.outliers import calibration as _calibration
from somscape.outliers.calibration import adjusted, bulk_of, usual_share
from somscape.outliers.score import SCORES as METHODS

SCORES = st.lists(st.floats(0, 1e6), min_size=50, max_size=80)


def by_definition(calibration, scores):
    """The upper half of a normal law of square roots, through the median and four fifths."""
    middle, end = np.sqrt(np.quantile(calibration, [0.5, 0.8]))
    spread = (end - middle) / norm.ppf(0.8) * (1 + 1 / np.sqrt(len(calibration)))
    roots = np.sqrt(scores)
    return np.where(roots > end, norm.sf((roots - middle) / spread), 1.0)


def bulk_shares(calibration, weights, scores):
    bulk = bulk_of(calibration, weights)
    return np.ones(len(scores)) if bulk is None else bulk.shares(scores)


def test_shares_by_hand():
    # Square roots 0, 1, ..., 100: median 50, and 80 at four fifths, which a normal law has 0.8416
    # standard deviations above.  One such is 30 / 0.8416 * (1 + 1 / sqrt(101)) = 39.19.
    shares = bulk_shares(np.arange(101.0) ** 2, None, np.array([49.0, 80.0, 128.39]) ** 2)
    assert shares[:2].tolist() == [1.0, 1.0]
    assert shares[2] == pytest.approx(norm.sf(2.0), rel=1e-3)


@given(SCORES, st.lists(st.floats(0, 1e7), max_size=5))
def test_shares_are_those_of_the_definition(calibration, scores):
    calibration, scores = np.array(calibration), np.array(scores)
    if np.ptp(np.sqrt(np.quantile(calibration, [0.5, 0.8]))) > 1e-6:
        found = bulk_shares(calibration, None, scores)
        np.testing.assert_allclose(
            found, by_definition(calibration, scores), rtol=1e-6, atol=1e-300
        )


def test_shares_are_exact_where_hardly_anything_is_left():
    calibration = np.arange(101.0) ** 2
    step = 30 / norm.ppf(0.8) * (1 + 1 / np.sqrt(101))
    shares = bulk_shares(calibration, None, (50 + step * np.array([7.0, 10.0])) ** 2)
    # The upper tail of a normal law, as tables print it (Abramowitz and Stegun 26.2).
    np.testing.assert_allclose(shares, [1.279812544e-12, 7.619853024e-24], rtol=1e-8)


@pytest.mark.parametrize(
    "calibration", [[], np.arange(49.0), np.ones(500), np.append(np.zeros(900), np.arange(100.0))]
)
def test_few_or_equal_scores_say_nothing(calibration):
    assert bulk_shares(np.array(calibration), None, np.array([0.0, 5.0, 1e9])).tolist() == [1] * 3


def test_a_weight_is_the_row_so_often():
    rng = np.random.default_rng(0)
    calibration, weights = np.sort(rng.exponential(size=200)), rng.integers(1, 4, 200)
    scores = np.linspace(0, 10, 30)
    np.testing.assert_allclose(
        bulk_shares(calibration, weights.astype(float), scores),
        bulk_shares(calibration.repeat(weights), None, scores),
        rtol=1e-12,
    )


def test_unusual_rows_hardly_move_what_is_estimated():
    usual = np.random.default_rng(0).normal(10, 1, size=5000) ** 2
    mixed = np.append(usual, np.full(250, 400.0))
    clean, found = (bulk_shares(rows, None, np.array([169.0]))[0] for rows in (usual, mixed))
    assert clean == pytest.approx(norm.sf(3), rel=0.6)
    assert clean < found < 3 * clean


def test_an_estimate_takes_the_place_of_the_count_where_it_is_less():
    scores = np.sort(np.random.default_rng(0).normal(10, 1, size=999) ** 2)
    counted, estimated = (Calibration(scores, by_bulk=by_bulk) for by_bulk in (False, True))
    asked = np.array([0.0, 100.0, 110.0, 196.0, 1e4])
    p = estimated.p_values(asked)
    assert p[0] == 1.0
    np.testing.assert_array_equal(p[:2], counted.p_values(asked)[:2])  # within the bulk
    assert p[3] == pytest.approx(by_definition(scores, asked)[3])
    assert p[4] == estimated.smallest_p_value == pytest.approx(1e-5)
    assert (np.diff(p) < 0).all()


def rows_with(n_planted, n_rows=600, seed=0, far=9.0):
    rng = np.random.default_rng(seed)
    rows = rng.standard_t(5, size=(n_rows, 6))
    rows[:n_planted, :3] += far
    return rows


@pytest.fixture
def no_relations(monkeypatch):
    monkeypatch.setattr("somscape.outliers.relation.MIN_LEARNED", np.inf)


def test_unusual_training_rows_stand_out_together(no_relations):
    detector, alerts = a_group_that_stands_out(far=9.0)
    # Counted, the thirty hide each other.
    conformal = Calibration(detector.detector_.calibration.scores)
    p = conformal.p_values(alerts.scores)
    assert (adjusted(p) * usual_share(p) > 0.2).all()


def test_a_group_with_relations_of_its_own_stands_out_too():
    detector, alerts = a_group_that_stands_out(far=9.0)
    assert detector.detector_.relation is not None
    assert alerts.n_stand_out <= 36


def a_group_that_stands_out(far):
    rows = rows_with(30, far=far)
    detector = SOMDetector(random_state=0).fit(rows)
    alerts = detector.alerts(rows)
    assert (alerts.rows[alerts.stands_out] < 30).sum() >= 24
    assert alerts.n_stand_out <= 36
    assert alerts.n_alerts == alerts.n_stand_out
    return detector, alerts


@pytest.mark.nightly
@pytest.mark.all_tries
def test_where_nothing_is_unusual_lists_are_mostly_empty():
    n_lists = 0
    for seed in range(12):
        rows = rows_with(0, 200, seed)
        n_lists += SOMDetector(random_state=seed, n_maps=1).fit(rows).alerts(rows).n_stand_out > 0
    assert n_lists <= 4


def test_clean_training_keeps_the_count_and_files_keep_which(tmp_path):
    rows = rows_with(0)
    for is_clean in (True, False):
        fitted = SOMDetector(random_state=0, training_is_clean=is_clean).fit(rows)
        assert fitted.detector_.calibration.by_bulk is not is_clean
        fitted.detector_.save(tmp_path / "map.som")
        loaded = load(tmp_path / "map.som")
        assert loaded.calibration.by_bulk is not is_clean
        np.testing.assert_array_equal(loaded.p_values(rows), fitted.p_values(rows))
    fitted.partial_fit(rows[:50])
    assert fitted.detector_.calibration.by_bulk


@pytest.mark.parametrize("has_relations", [False, True])
def test_regions_have_estimates_of_their_own(monkeypatch, has_relations):
    if not has_relations:
        monkeypatch.setattr("somscape.outliers.relation.MIN_LEARNED", np.inf)
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(0, 3, size=(400, 3)), rng.normal(40, 0.3, size=(400, 3))
    narrow[:8] += 4.0 if has_relations else 2.0  # one unit of evidence is that of both regions
    rows = np.concatenate([wide, narrow])
    regional = SOMDetector(calibration="regional", random_state=0).fit(rows)
    assert regional.detector_.calibration.regions.max() > 0
    assert set(regional.alerts(rows).rows[:8]) == set(range(400, 408))


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((80, 3)),
        np.random.default_rng(0).integers(2, size=(80, 3)).astype(float),
        np.random.default_rng(0).normal(size=(80, 1)),
        np.random.default_rng(0).integers(3, size=(300, 2)).astype(float),
        np.random.default_rng(0).poisson(0.01, size=(500, 4)).astype(float),
    ],
    ids=["equal rows", "two-valued", "one column", "ties", "counts, 99 % zeros"],
)
@pytest.mark.parametrize("is_clean", [True, False])
@pytest.mark.filterwarnings("error")
def test_odd_tables_have_p_values_and_a_list(rows, is_clean):
    detector = SOMDetector(random_state=0, training_is_clean=is_clean).fit(rows)
    p = detector.p_values(rows)
    assert ((p > 0) & (p <= 1)).all()
    alerts = detector.alerts(rows)
    assert 10 <= alerts.n_alerts <= 50
    assert alerts.stands_out.sum() == alerts.n_stand_out <= len(rows) // 2
    assert "stand" in alerts.headline
    assert len(alerts.reasons) == alerts.n_alerts
    same = detector.p_values(np.repeat(rows[:1], 3, axis=0))
    assert (same == same[0]).all()


def test_few_rows_have_no_estimate():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    alerts = SOMDetector(random_state=0).fit(rows).alerts(rows)
    assert (alerts.n_stand_out, alerts.n_alerts) == (0, 10)
    assert alerts.headline == "No row of 20 stands out"


def test_the_rate_asked_for_is_that_of_what_stands_out(no_relations):
    check_the_rate((0.1, 0.2), far=9.0)


def test_the_rate_asked_for_is_that_of_what_stands_out_by_relations_too():
    check_the_rate((0.2, 0.5), far=20.0)


def check_the_rate(rates, far):
    rows = rows_with(20, far=far)
    detector = SOMDetector(random_state=0).fit(rows).detector_
    ns = [detector._alerts_by(AlertRule(fdr=q), rows).n_stand_out for q in (0.01, 0.1, 0.2, 0.5)]
    assert ns == sorted(ns)
    assert ns[0] < ns[-1]
    for q in rates:
        alerts = detector.alerts(rows, fdr=q)
        assert alerts.n_alerts == alerts.n_stand_out
        assert 0 < alerts.n_by_chance <= q * alerts.n_stand_out * (1 + 1e-9)


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize("method", sorted(METHODS))
def test_noise_has_nothing_that_stands_out_by_any_score(method):
    rows = np.random.default_rng(0).normal(size=(1000, 2))
    detector = SOMDetector(random_state=0, method=method).fit(rows)
    assert detector.alerts(rows).n_stand_out == 0
    # The law of the bulk is that of the default score; others count.
    assert detector.detector_.calibration.by_bulk is (method == "combined")


def test_marked_rows_lead_the_list_and_are_not_what_stands_out():
    rows = rows_with(12)
    top = SOMDetector(random_state=0).fit(rows).alerts(rows).rows[:20]
    known = np.full(len(rows), -1)
    known[top] = top < 12
    detector = SOMDetector(random_state=0).fit(rows, known=known)
    alerts = detector.alerts(rows)
    n_confirmed = int((known == 1).sum())
    assert n_confirmed >= 8
    assert set(alerts.rows[:n_confirmed]) == set(np.flatnonzero(known == 1))
    assert not alerts.stands_out[known[alerts.rows] >= 0].any()
    assert alerts.n_alerts == n_confirmed + max(10, min(alerts.n_stand_out, 50))
    calibration = detector.detector_.calibration
    assert calibration.by_bulk
    detector.partial_fit(rows[20:50])  # a stream does not contain scores without marks
    assert not detector.detector_.calibration.by_bulk


@given(SCORES, st.integers(0, 2**32 - 1))
def test_with_marks_a_score_has_the_p_value_of_the_same_rank_among_lowered_scores(lowered, seed):
    lowered, rng = np.array(lowered), np.random.default_rng(seed)
    scores = np.arange(1.0, len(lowered) + 1)
    mixed = rng.permutation(lowered)
    found = Calibration(scores, by_bulk=True, lowered=mixed).p_values(scores)
    ascending = np.sort(lowered)
    shares = bulk_shares(ascending, None, ascending)
    counted = np.arange(len(lowered) + 1, 1, -1) / (len(lowered) + 1)
    least = 0.01 / (len(lowered) + 1)
    np.testing.assert_allclose(found, np.minimum(counted, np.maximum(shares, least)), rtol=1e-9)
    weights = rng.integers(1, 4, len(lowered))
    by_weight = Calibration(scores, weights.astype(float), by_bulk=True, lowered=mixed)
    repeated = Calibration(scores.repeat(weights), by_bulk=True, lowered=mixed.repeat(weights))
    beyond = np.append(scores, [0.5, 3.5, 2.0 * len(lowered)])
    np.testing.assert_allclose(by_weight.p_values(beyond), repeated.p_values(beyond), rtol=1e-9)


def test_a_score_above_all_others_counts_by_its_ratio_to_the_highest():
    # The highest score is 100, with the highest lowered score 81.  So 200 counts as 162.
    scores, lowered = np.arange(1.0, 101.0), 0.81 * np.arange(1.0, 101.0)
    found = Calibration(scores, by_bulk=True, lowered=lowered).p_values(np.array([200.0]))
    share = by_definition(lowered, np.array([162.0]))
    assert found == pytest.approx(share, rel=1e-6)


def test_lowered_scores_that_cannot_be_are_refused():
    for lowered in (np.ones(2), np.array([1.0, np.nan, 1.0]), [1.0, 1.0, 1.0]):
        with rejected(ValueError, parameter="lowered"):
            Calibration(np.arange(3.0), by_bulk=True, lowered=lowered)


def test_random_marks_on_noise_make_no_unmarked_row_stand_out():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 6))
    top = SOMDetector(random_state=0).fit(rows).alerts(rows).rows[:20]
    known = np.full(len(rows), -1)
    known[top] = rng.integers(2, size=20)
    alerts = SOMDetector(random_state=0).fit(rows, known=known).alerts(rows)
    assert alerts.n_stand_out == 0


@pytest.mark.parametrize("by_bulk", [True, False])
@pytest.mark.parametrize("is_weighted", [True, False])
def test_p_values_of_many_scores_are_those_of_each_part(by_bulk, is_weighted, monkeypatch):
    rng = np.random.default_rng(0)
    calibration, scores = np.sort(rng.exponential(size=300)), rng.exponential(size=1000)
    weights = rng.uniform(0.5, 2, size=300) if is_weighted else None
    whole = Calibration(calibration, weights, by_bulk=by_bulk).p_values(scores)
    monkeypatch.setattr(_calibration, "SHARED_SCORES", 64)
    in_parts = Calibration(calibration, weights, by_bulk=by_bulk)
    np.testing.assert_array_equal(in_parts.p_values(scores), whole)
    ascending = np.sort(scores)
    np.testing.assert_array_equal(in_parts.p_values(ascending[::-1]), np.sort(whole))
