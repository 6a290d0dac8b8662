"""The headline, the list, `predict` and the threshold have one number of anomalies by default."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somscape import SOM, SOMDetector, load
from somscape.desk.jobs._detect import detect
from somscape.desk.jobs._roles import ready, roles_from
from somscape.desk.jobs.job import Job
from somscape.desk.serve._served import answers_of
from somscape.outliers import AlertRule, Calibration, Detector
from somscape.outliers.alert_rule import STANDING_OUT, auto_threshold
from somscape.tables import table_from_columns


def planted(n: int = 400, n_far: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    X[:n_far] = rng.choice([-9.0, 9.0], size=(n_far, 3)) + rng.normal(size=(n_far, 3))
    return X


def different(n: int = 1200, n_far: int = 80) -> np.ndarray:
    """Rows with 14 columns.  The far rows are far in two columns, which differ between rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 14))
    pairs = [(i, j) for i in range(14) for j in range(i)][:n_far]
    for row, pair in enumerate(pairs):
        X[row, pair] = rng.choice([-12.0, 12.0], size=2)
    return X


def test_the_threshold_is_the_highest_score_that_does_not_stand_out() -> None:
    calibration = Calibration(np.arange(1.0, 100.0))
    units = np.zeros(6, dtype=int)
    # p-values: 0.01, 0.01, 0.11, 0.5, 0.9 and 0.95; the share of usual rows is at most 1, and
    # 0.01 * 6 / 2 = 0.03 is at most 0.2, but 0.11 * 6 / 3 = 0.22 is not.
    scores = np.array([200.0, 5.5, 300.0, 50.5, 89.5, 10.5])
    assert auto_threshold(calibration, scores, units, None) == 89.5
    # With the weight 2, 0.11 * 7 / 4 = 0.1925 is at most 0.2.
    weights = np.array([2.0, 1, 1, 1, 1, 1])
    assert auto_threshold(calibration, scores, units, weights) == 50.5
    # A row of weight 0 does not count.
    assert auto_threshold(calibration, scores, units, np.array([1.0, 1, 0, 1, 1, 1])) == 89.5


@pytest.mark.parametrize(
    ("scores", "threshold"), [([3.0, 1.0, 2.0], 2.0), ([3.0, 3.0, 2.0], 2.0), ([2.0, 2.0], 2.0)]
)
def test_the_highest_score_is_flagged_if_no_row_stands_out(
    scores: list[float], threshold: float
) -> None:
    found = auto_threshold(
        Calibration(np.arange(1.0, 100.0)), np.array(scores), np.zeros(len(scores), int), None
    )
    assert found == threshold


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 130), st.integers(1, 3)), min_size=1, max_size=30),
)
def test_a_weight_is_a_number_of_equal_rows(rows: list[tuple[int, int]]) -> None:
    scores, weights = (np.array(each, dtype=float) for each in zip(*rows, strict=True))
    repeated = np.repeat(scores, weights.astype(int))
    calibration = Calibration(np.arange(1.0, 100.0))
    alone = auto_threshold(calibration, repeated, np.zeros(len(repeated), int), None)
    assert auto_threshold(calibration, scores, np.zeros(len(scores), int), weights) == alone


@pytest.mark.parametrize("options", [{}, {"n_maps": 1}], ids=str)
def test_predict_flags_the_rows_of_the_headline(options: dict, tmp_path: Path) -> None:
    X = planted()
    detector = SOMDetector(som=SOM(6, 6), random_state=0, **options).fit(X)
    alerts = detector.alerts(X)
    n = alerts.n_stand_out
    assert n >= 12
    found = set(np.flatnonzero(detector.predict(X) == -1))
    assert found == set(alerts.rows[alerts.stands_out])
    assert alerts.headline.startswith(f"{n} of 400 rows stand out")
    assert alerts.shown.n_alerts == n
    assert detector.detector_._alerts_by(STANDING_OUT, X).n_alerts == n
    detector.detector_.save(tmp_path / "map.som")
    loaded = load(tmp_path / "map.som")
    assert isinstance(loaded, Detector)
    assert loaded.is_threshold_auto
    assert (loaded.flags(X) == (detector.predict(X) == -1)).all()


def test_a_share_that_is_given_stays_the_rule_of_predict() -> None:
    X = planted()
    detector = SOMDetector(contamination=0.1, random_state=0).fit(X)
    assert (detector.predict(X) == -1).sum() == 40
    assert not detector.detector_.is_threshold_auto


def test_marked_rows_do_not_change_the_number() -> None:
    X = planted()
    known = np.full(400, -1)
    known[:2] = 1
    detector = SOMDetector(random_state=0).fit(X, known=known)
    alerts = detector.alerts(X)
    flagged = np.flatnonzero(detector.predict(X) == -1)
    assert set(flagged) - {0, 1} == set(alerts.rows[alerts.stands_out])


def test_by_region_as_many_rows_are_flagged_as_stand_out() -> None:
    X = planted(900, 12)
    detector = SOMDetector(calibration="regional", random_state=0).fit(X)
    n = detector.alerts(X).n_stand_out
    assert n > 0
    assert (detector.predict(X) == -1).sum() == n


def test_the_list_names_the_rule_that_lists_all_rows() -> None:
    X = different()
    alerts = SOMDetector(random_state=0).fit(X).alerts(X)
    n, n_listed = alerts.n_stand_out, alerts.n_alerts
    assert 50 <= n_listed < n
    assert len(alerts.findings) == 50
    more = n - n_listed
    assert str(alerts).endswith(f"{more} more rows stand out; n_alerts={n} lists all of them.")


@pytest.mark.parametrize(
    "rules",
    [
        {"never": ["x2 > 2"]},
        {"floor": ["x1=0"]},
        {"direction": ["x3=high"]},
        {"direction": ["x1=low"], "never": ["x2 > 2"], "always": ["x3 < -2.5"]},
    ],
    ids=str,
)
def test_rules_do_not_change_that_it_is_one_number(rules: dict[str, list[str]]) -> None:
    X = planted(900, 30)
    table = table_from_columns({f"x{j}": column for j, column in enumerate(X.T, 1)})
    job = Job(**{kind: tuple(texts) for kind, texts in rules.items()})
    encoding = ready(table, roles_from(table, job)).encoding()
    found = detect(table, encoding, AlertRule(), job)
    detector, alerts = found.detector, found.alerts
    is_always = np.zeros(len(X), dtype=bool)
    if "always" in rules:
        is_always = X[:, 2] < -2.5
    stands_out = np.zeros(len(X), dtype=bool)
    stands_out[alerts.rows] = alerts.stands_out
    assert alerts.n_stand_out > 0
    assert (detector.flags(table) == (stands_out | is_always)).all()
    served = answers_of(detector, table, ["none"] * len(X))
    assert (served.is_flagged == detector.flags(table)).all()


def test_the_number_that_lists_all_rows_counts_confirmed_rows() -> None:
    X = different()
    known = np.full(len(X), -1)
    known[:3] = 1
    detector = SOMDetector(random_state=0).fit(X, known=known)
    alerts = detector.alerts(X)
    n = int(str(alerts).rsplit("n_alerts=")[1].split()[0])
    assert n > alerts.n_stand_out
    assert (detector.alerts(X, n).n_left_out, detector.alerts(X, n - 1).n_left_out) == (0, 1)
