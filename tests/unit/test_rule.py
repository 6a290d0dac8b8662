"""Which rows become alerts: by number, p-value, false discoveries and cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape import Lattice, Map, SOMDetector
from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.outliers import AlertRule, Calibration, Detector, Scorer, adjusted, usual_share
from somscape.tables import table_from_columns

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
    assert usual_share(np.full(10, 0.01)) == 2 / 10


def test_rules_by_hand():
    # Of 99 calibration scores 1..99, a score of 98.5 has p = 2/100.
    detector = detector_with(np.arange(1.0, 100.0))
    table = table_from_columns({"x": [200.0, 98.5, 98.5, 50.5, 0.0]})  # p: .01 .02 .02 .5 1

    def n(rule):
        return detector.alerts_by(rule, table).n_alerts

    assert n(AlertRule()) == 4
    assert n(AlertRule(n_alerts=2)) == 2
    assert n(AlertRule(p_value=0.01)) == 1
    assert n(AlertRule(p_value=0.02)) == 3
    # One p-value is above 1/2, so that 4 of the 5 may be usual.  Adjusted: 4 x .02 / 3, thrice.
    assert n(AlertRule(fdr=0.02)) == 0
    assert n(AlertRule(fdr=0.0267)) == 3


def test_rows_are_reviewed_where_it_pays_the_most_worth_first():
    detector = detector_with(np.arange(1.0, 100.0))
    table = table_from_columns(
        {"x": [0.0, 200.0, 98.5, 98.5, 50.5], "sum": [9e9, 50.0, 1000.0, 9.0, 100.0]}
    )
    alerts = detector.alerts_by(AlertRule(amount="sum", cost=10.0), table)
    # Adjusted: 1, .0333, .0333, .0333, .625.  Gain: none, 38, 957, -1, 27.
    assert alerts.rows.tolist() == [2, 1, 4, 3, 0]
    assert alerts.n_alerts == 3


@pytest.mark.parametrize("rule", [{}, {"p_value": 0.1}, {"fdr": 0.1}, {"n_alerts": 0}])
def test_no_rows_make_no_alerts(rule):
    detector = SOMDetector(random_state=0).fit(np.random.default_rng(0).normal(size=(60, 2)))
    assert detector.alerts(np.empty((0, 2)), **rule).n_alerts == 0


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
    ("options", "message"),
    [
        ({"n_alerts": 3, "fdr": 0.1}, "only one rule is allowed; got n_alerts and fdr"),
        ({"fdr": 0}, "`fdr` must be .*above 0"),
        ({"p_value": 1.5}, "`p_value` must be .*at most 1"),
        ({"cost": 3.0}, "`amount` and `cost` go together"),
        ({"amount": "x"}, "`amount` and `cost` go together"),
        ({"amount": "x", "cost": -1.0}, "`cost` must be finite and above 0"),
        ({"n_alerts": -1}, "`n_alerts` must be at least 0"),
    ],
)
def test_a_wrong_rule_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        AlertRule(**options)


def test_what_the_data_cannot_give_is_refused():
    detector = detector_with([1.0, 2.0, 3.0])
    table = table_from_columns({"x": [1.0, 2.0], "sum": [1.0, -1.0]})
    for rule, message in (
        (AlertRule(fdr=0.1), "calibrated on 3 rows can be at most 0.1: the smallest is 0.25"),
        (AlertRule(p_value=0.01), "the smallest is 0.25. Ask for that or more"),
        (AlertRule(n_alerts=3), "3 alerts are more than the 2 rows"),
        (AlertRule(amount="y", cost=1.0), "no column 'y' with amounts"),
        (AlertRule(amount="sum", cost=1.0), "must be numbers of at least 0"),
    ):
        with pytest.raises(InputError, match=message):
            detector.alerts_by(rule, table)


def test_an_amount_is_the_name_of_a_column():
    with pytest.raises(TypeError, match="`amount` must be a column name; got a ndarray"):
        AlertRule(amount=np.ones(3), cost=2)


def test_amounts_that_cannot_be_used_are_counted_and_the_first_is_named():
    rule = AlertRule(amount="v", cost=2)
    gaps = table_from_columns({"v": [1.0, None, -3.0, None]}, "t")
    with pytest.raises(InputError, match=r"3 cells of 4 .* the first at t, row 1: missing"):
        rule.check(gaps)
    with pytest.raises(InputError, match=r"1 cell of 2 .* the first at t, row 1: '-3'"):
        rule.check(table_from_columns({"v": [1.0, -3.0]}, "t"))
