"""Which rows become alerts: by number, p-value, false discoveries and cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import Lattice, Map, SOMDetector
from somscape.outliers import AlertRule, Calibration, Detector, Scorer
from somscape.outliers.calibration import adjusted, usual_share
from somscape.tables import Encoding, table_from_columns

SHARES = st.lists(st.floats(1e-3, 1), min_size=1, max_size=12)


def detector_with(calibration, threshold=0.5):
    """A detector whose only prototype is 0, so that a row's score is its distance from 0."""
    map_ = Map(np.zeros((1, 1)), Lattice(1, 1), Encoding.plain(["x"]), np.ones(1))
    return Detector(Scorer(map_, "k_prototype", 1), threshold, Calibration(np.array(calibration)))


@given(SHARES, st.floats(0.01, 1))
def test_adjusted_values_choose_what_benjamini_and_hochberg_choose(p, q):
    # The largest k with p_(k) <= q k / n; all rows up to there are taken.
    ascending = sorted(p)
    k = max((k for k, v in enumerate(ascending, 1) if v * len(p) / k <= q), default=0)
    chosen = adjusted(np.array(p)) <= q
    assert chosen.sum() == k
    assert sorted(np.array(p)[chosen]) == ascending[:k]


def test_adjusted_values_by_hand():
    np.testing.assert_allclose(
        adjusted(np.array([0.04, 0.01, 0.9, 0.02])), [0.16 / 3, 0.04, 0.9, 0.04]
    )


def test_the_share_of_usual_rows_by_hand():
    assert usual_share(np.array([0.01, 0.02, 0.03, 0.7, 0.5, 0.4, 0.01, 0.02])) == 4 / 8
    assert usual_share(np.array([0.9])) == 1.0
    assert usual_share(np.empty(0)) == 1.0
    # Where none is above one half, the highest takes its place: 11 / (10 * 0.99), 2 / (10 * 0.98).
    assert usual_share(np.full(10, 0.01)) == 1.0
    assert usual_share(np.append(np.full(9, 0.01), 0.02)) == pytest.approx(2 / 9.8)


def test_rules_by_hand():
    # Of 99 calibration scores 1..99, a score of 98.5 has p = 2/100.
    detector = detector_with(np.arange(1.0, 100.0))
    table = table_from_columns({"x": [200.0, 98.5, 98.5, 50.5, 0.0]})  # p: .01 .02 .02 .5 1

    def n(rule):
        return detector._alerts_by(rule, table).n_alerts

    assert n(AlertRule()) == 5  # at least 10, but there are no more
    assert n(AlertRule(above_threshold=True)) == 4
    assert n(AlertRule(n_alerts=2)) == 2
    assert n(AlertRule(p_value=0.01)) == 1
    assert n(AlertRule(p_value=0.02)) == 3
    # One p-value is above 1/2, so that 4 of the 5 may be usual.  Adjusted: 4 x .02 / 3, thrice.
    assert n(AlertRule(fdr=0.02)) == 0
    assert n(AlertRule(fdr=0.0267)) == 3


@pytest.mark.parametrize(
    ("n_far", "n_usual", "n_listed"),
    [
        *((0, 90, 10), (0, 9, 9), (0, 0, 0), (3, 90, 10), (9, 1, 10)),
        *((10, 90, 10), (11, 90, 11), (50, 150, 50)),
        # The far rows are one finding, so others have room.
        *((51, 150, 51), (80, 150, 80), (600, 2000, 500)),
    ],
)
def test_without_a_rule_10_rows_to_50_findings_are_listed(n_far, n_usual, n_listed):
    # Of 999 calibration scores 1..999 a far row has p = 1/1000, and usual rows .5 or more.  Far
    # ones adjust to at most .001 * 93 / 3 = .031; to usual ones belong more than 0.2.
    detector = detector_with(np.arange(1.0, 1000.0), threshold=0.0)
    usual = np.linspace(1, 499, n_usual)
    table = table_from_columns({"x": np.append(usual, np.full(n_far, 2000.0))})
    alerts = detector._alerts_by(AlertRule(), table)
    assert (alerts.n_alerts, len(alerts.reasons)) == (n_listed, n_listed)
    assert alerts.n_stand_out == n_far
    np.testing.assert_array_equal(alerts.stands_out, np.arange(n_far + n_usual) < n_far)
    assert alerts.n_before_line == (n_far if 0 < n_far < n_listed else None)
    np.testing.assert_array_equal(alerts.p_values, np.sort(alerts.p_values))


def test_rows_that_stand_out_by_hand():
    rule, p = AlertRule(), np.array([0.9, 0.01, 0.04, 0.3, 0.02, 0.4, 0.9, 0.3, 0.8, 0.5])
    # Three of ten are above 1/2: 4 of the 5 in that half, .8, may be usual.  Adjusted:
    # .02 * 10 / 2 = .1, twice, .04 * 10 / 3 = .133, .3 * 10 / 5 = .6, twice;
    # times .8: .08, .107, .48.
    none = np.zeros(10, dtype=bool)
    stands_out, n_by_chance = rule.outstanding(p, none)
    assert np.flatnonzero(stands_out).tolist() == [1, 2, 4]
    assert n_by_chance == pytest.approx(0.04 * 0.8 * 10)
    for rate, rows in ((0.07, []), (0.09, [1, 4]), (0.11, [1, 2, 4]), (0.49, [1, 2, 3, 4, 7])):
        assert np.flatnonzero(AlertRule(fdr=rate).outstanding(p, none)[0]).tolist() == rows
    # Other rules do not say which rows stand out.
    for other in (AlertRule(n_alerts=1), AlertRule(p_value=0.01), AlertRule(above_threshold=True)):
        np.testing.assert_array_equal(other.outstanding(p, none)[0], stands_out)
    assert AlertRule(fdr=0.07).outstanding(p, none)[1] == 0.0
    # Marked rows do not count: of the other eight, adjusted: .02 * 8 = .16, .04 * 8 / 2 = .16.
    marked = np.arange(10) < 2
    stands_out, n_by_chance = rule.outstanding(p, marked)
    assert np.flatnonzero(stands_out).tolist() == [2, 4]
    assert n_by_chance == pytest.approx(0.04 * usual_share(p[2:]) * 8)
    assert rule.outstanding(np.empty(0), np.empty(0, dtype=bool))[1] == 0.0


@given(st.lists(st.sampled_from([0.001, 0.004, 0.03, 0.2, 0.5, 0.9]), max_size=40), st.data())
def test_rows_that_stand_out_are_those_of_small_adjusted_values(p, data):
    p = np.array(p)
    is_marked = np.array(data.draw(st.lists(st.booleans(), min_size=len(p), max_size=len(p))), bool)
    others = p[~is_marked]
    expected = np.zeros(len(p), dtype=bool)
    expected[~is_marked] = adjusted(others) * usual_share(others) <= 0.2
    stands_out, n_by_chance = AlertRule().outstanding(p, is_marked)
    np.testing.assert_array_equal(stands_out, expected)
    highest = p[expected].max(initial=0.0)
    assert n_by_chance == highest * usual_share(others) * len(others)


@given(st.lists(st.sampled_from([0.0, 1.0, 50.5, 98.5, 98.6, 200.0]), min_size=1, max_size=30))
def test_lists_are_in_order_and_equal_rows_as_in_the_table(x):
    detector = detector_with(np.arange(1.0, 100.0))
    amounts = np.arange(len(x)) % 3 * 10.0
    table = table_from_columns({"x": x, "sum": amounts})
    scores, p = np.array(x), detector.calibration.p_values(np.array(x))
    by_gain = np.maximum((1 - adjusted(p)) * amounts - 2.0, 0.0)
    for rule, keys in (
        (AlertRule(), (-scores, p)),
        (AlertRule(p_value=0.5), (-scores, p)),
        (AlertRule(n_alerts=1), (-scores,)),
        (AlertRule(amount="sum", cost=2.0), (-scores, -by_gain)),
    ):
        order = np.lexsort(keys)
        alerts = detector._alerts_by(rule, table)
        assert alerts.rows.tolist() == order.tolist()
        np.testing.assert_array_equal(alerts.scores, scores[order])
        np.testing.assert_array_equal(alerts.p_values, p[order])
        assert list(alerts.ids) == [str(row + 1) for row in order]


@pytest.mark.parametrize("n_maps", [1, "auto"])
@pytest.mark.parametrize("seed", [0, 6])
def test_rows_that_are_like_most_others_do_not_stand_out(seed, n_maps):
    # Half of the rows and more are zeros in all columns: equal, and as usual as rows can be.
    rng = np.random.default_rng(seed)
    X = (rng.random((500, rng.integers(2, 6))) < 0.12).astype(float) * rng.integers(1, 4)
    is_zero = (X == 0).all(axis=1)
    assert is_zero.mean() > 0.5
    alerts = SOMDetector(random_state=0, n_maps=n_maps).fit(X).alerts(X)
    assert not alerts.stands_out[is_zero[alerts.rows]].any()
    assert alerts.n_stand_out < 250


def test_a_list_is_of_the_rows_that_stand_out_whatever_the_threshold():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    X[:20] += 9.0
    fitted = [
        SOMDetector(random_state=0, contamination=share).fit(X).detector_ for share in (0.01, 0.5)
    ]
    assert fitted[0].threshold > fitted[1].threshold
    one, other = (detector.alerts(X) for detector in fitted)
    np.testing.assert_array_equal(one.rows, other.rows)
    assert one.n_alerts == other.n_alerts == one.n_stand_out
    assert [d.alerts(X, above_threshold=True).n_alerts for d in fitted] == [3, 150]


def test_rows_are_reviewed_where_it_pays_the_most_worth_first():
    detector = detector_with(np.arange(1.0, 100.0))
    table = table_from_columns(
        {"x": [0.0, 200.0, 98.5, 98.5, 50.5], "sum": [9e9, 50.0, 1000.0, 9.0, 100.0]}
    )
    alerts = detector._alerts_by(AlertRule(amount="sum", cost=10.0), table)
    # Adjusted: 1, .0333, .0333, .0333, .625.  Gain: none, 38, 957, -1, 27.
    assert alerts.rows.tolist() == [2, 1, 4, 3, 0]
    assert alerts.n_alerts == 3


@pytest.mark.parametrize(
    "rule", [{}, {"p_value": 0.1}, {"fdr": 0.1}, {"n_alerts": 0}, {"above_threshold": True}]
)
def test_no_rows_make_no_alerts(rule):
    detector = SOMDetector(random_state=0).fit(np.random.default_rng(0).normal(size=(60, 2)))
    assert detector.alerts(np.empty((0, 2)), **rule).n_alerts == 0


@pytest.mark.nightly
@pytest.mark.all_tries
def test_the_false_discovery_rate_is_kept():
    rates = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        detector = SOMDetector(training_is_clean=True, random_state=0).fit(
            rng.normal(size=(400, 2))
        )
        new = rng.normal(size=(200, 2))
        new[:20] += 6
        alerts = detector.alerts(new, fdr=0.2)
        chosen = alerts.rows[: alerts.n_alerts]
        rates.append((chosen >= 20).mean() if len(chosen) else 0.0)
        assert np.isin(np.arange(20), chosen).mean() > 0.8
    assert np.mean(rates) <= 0.2 + 2 * np.std(rates) / np.sqrt(20)


@pytest.mark.parametrize(
    "options",
    [
        {"n_alerts": 3, "fdr": 0.1},
        {"p_value": 0.1, "above_threshold": True},
        {"fdr": 0},
        {"p_value": 1.5},
        {"cost": 3.0},
        {"amount": "x"},
        {"amount": "x", "cost": -1.0},
        {"n_alerts": -1},
    ],
)
def test_a_wrong_rule_is_named(options):
    with rejected(ValueError):
        AlertRule(**options)


def test_what_the_data_cannot_give_is_refused():
    detector = detector_with([1.0, 2.0, 3.0])
    table = table_from_columns({"x": [1.0, 2.0], "sum": [1.0, -1.0]})
    for rule in (
        AlertRule(fdr=0.1),
        AlertRule(p_value=0.01),
        AlertRule(n_alerts=3),
        AlertRule(amount="y", cost=1.0),
        AlertRule(amount="sum", cost=1.0),
    ):
        with rejected():
            detector._alerts_by(rule, table)


def test_an_amount_is_the_name_of_a_column():
    with rejected(TypeError, parameter="amount", value="ndarray"):
        AlertRule(amount=np.ones(3), cost=2)


def test_amounts_that_cannot_be_used_are_counted_and_the_first_is_named():
    rule = AlertRule(amount="v", cost=2)
    gaps = table_from_columns({"v": [1.0, None, -3.0, None]}, "t")
    with rejected(file="t", row=1, column="v"):
        rule.check(gaps)
    with rejected(file="t", row=1, column="v", value="-3"):
        rule.check(table_from_columns({"v": [1.0, -3.0]}, "t"))
