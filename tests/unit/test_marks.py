"""Marks: what they teach, by hand and by what must always hold, and what is said of it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import rejected

from somscape import SOM, SOMDetector, TableEncoder, load
from somscape.outliers import marks as teach
from somscape.outliers.marks import Marks, alike, marks_of, same_rows
from somscape.tables import Encoding, table_from_columns
from somscape.tables._fit_encoding import fit_encoding


def taught(rows, labels, weights=None, scores=None):
    """Marks of rows of plain numbers."""
    rows = np.asarray(rows, dtype=np.float64)
    encoding = Encoding.plain([f"x{j}" for j in range(rows.shape[1])])
    scores = np.ones(len(rows)) if scores is None else np.asarray(scores, dtype=np.float64)
    return marks_of(rows, weights, encoding, np.asarray(labels), scores)


def table(seed=0, n=300):
    """Rows that stand out by `a` or by `b`; only those by `a` are wanted."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    X[:40, 0] += 5
    X[40:80, 1] += 5
    return X, np.arange(n) < 40


def first_marked(k, seed=0, **parameters):
    """A detector, its rows, their truth, and the true labels of the first k of the list."""
    X, y = table(seed)
    alone = SOMDetector(random_state=0, **parameters).fit(X)
    known = np.full(len(X), -1)
    first = alone.detector_.alerts(X, k).rows[:k]
    known[first] = y[first]
    return SOMDetector(random_state=0, **parameters).fit(X, known=known), alone, X, y, known


def test_two_marks_by_hand(monkeypatch):
    # Two values, three rows each: their normal scores are those of shares 1/4 and 3/4.
    monkeypatch.setattr(teach, "UNMARKED_WEIGHT", 1e-12)
    rows, labels = [[0.0]] * 3 + [[1.0]] * 3, [0, -1, -1, 1, -1, -1]
    marks = taught(rows, labels)
    apart = 2 * 0.6744897501960817
    alike = math.exp(-apart / 3)
    # A surprise of half a mark each way; K + 0.3 turns (-1, 1) into (1.3 - alike) (-1, 1).
    height = 6 * 0.5 / (1.3 - alike) * (1 - alike)
    assert marks.trust == 1.0  # one of each kind: no other mark tells of it
    factors = marks.factors(np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(np.log(factors), [-height, height], rtol=1e-6)


def test_factors_are_level_beyond_the_rows():
    marks = taught([[0.0], [1.0], [2.0], [3.0]], [0, -1, -1, 1])
    ends = marks.factors(np.array([[-1e9], [0.0], [3.0], [1e9]]))
    np.testing.assert_array_equal(ends[[0, 3]], ends[[1, 2]])
    assert ends[0] < 1 < ends[3]


def test_agreement_is_the_correlation_with_what_the_other_marks_tell():
    rng = np.random.default_rng(0)
    apart = np.abs(np.subtract.outer(*[rng.normal(size=43)] * 2))
    likeness, n = alike(apart), 40
    is_anomaly = rng.random(n) < 0.4
    weights = np.ones(n)
    noise = np.append(np.full(n, 0.3), np.full(3, 0.9))
    surprise = np.append(is_anomaly, np.zeros(3)) - 0.4
    told = []
    for i in range(n):  # learn from all others, one after the other
        others = np.delete(np.arange(n + 3), i)
        matrix = likeness[np.ix_(others, others)] + np.diag(noise[others])
        told.append(likeness[i, others] @ np.linalg.solve(matrix, surprise[others]))
    kinds = is_anomaly.sum(), n - is_anomaly.sum()
    wanted = np.corrcoef(told, is_anomaly)[0, 1] + 1 / kinds[0] + 1 / kinds[1]
    trust = teach._trust(likeness, noise, surprise, is_anomaly, weights)
    assert trust == pytest.approx(np.clip(wanted, 0, 1), rel=1e-9)


def test_columns_that_tell_nothing_of_the_marks_count_less():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 4))
    labels = np.full(400, -1)
    labels[:40] = rows[:40, 2] > 0
    marks = taught(rows, labels)
    spans = np.ptp(marks.y, axis=1)
    assert spans.argmax() == 2
    assert spans[2] > 2 * np.delete(spans, 2).max()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whole_weights_are_repeated_rows(data):
    n = data.draw(st.integers(2, 12))
    cells = st.lists(st.integers(-3, 3), min_size=2, max_size=2)
    rows = np.array(data.draw(st.lists(cells, min_size=n, max_size=n)), float)
    labels = np.array(data.draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n)))
    weights = np.array(data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))
    labels[0] = data.draw(st.integers(0, 1))
    by_weight = taught(rows, labels, weights.astype(float))
    repeated = taught(rows.repeat(weights, axis=0), labels.repeat(weights))
    assert by_weight.trust == pytest.approx(repeated.trust, abs=1e-6)
    np.testing.assert_allclose(by_weight.factors(rows), repeated.factors(rows), rtol=1e-4)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_marks_on_any_rows_give_finite_factors(data):
    n, d = data.draw(st.integers(2, 15)), data.draw(st.integers(1, 3))
    values = st.one_of(st.sampled_from([0.0, 1.0, -1e-300, 1e18]), st.floats(-1e6, 1e6))
    rows = np.array(data.draw(st.lists(values, min_size=n * d, max_size=n * d))).reshape(n, d)
    labels = np.array(data.draw(st.lists(st.integers(-1, 1), min_size=n, max_size=n)))
    labels[0] = data.draw(st.integers(0, 1))
    scores = np.array(data.draw(st.lists(st.floats(0, 1e6), min_size=n, max_size=n)))
    marks = taught(rows, labels, scores=scores)
    marks.check(d)
    factors = marks.factors(rows)
    assert (factors > 0).all()
    assert np.isfinite(factors).all()
    assert 0 <= marks.trust <= 1
    listed = marks.with_held(rows, scores * factors)
    same = same_rows(rows)
    free = ~np.isin(same, same[labels >= 0])
    for kind, contrary in ((1, 0), (0, 1)):
        clear = np.isin(same, same[labels == kind]) & ~np.isin(same, same[labels == contrary])
        if clear.any() and free.any() and (labels == -1).any():
            other = listed[free]
            assert (
                listed[clear].min() >= other.max() if kind else listed[clear].max() <= other.min()
            )


@pytest.mark.parametrize("n_maps", [1, 4])
def test_marks_lead_sink_and_teach(tmp_path, n_maps):
    detector, alone, X, y, known = first_marked(20, n_maps=n_maps)
    assert {0, 1} <= set(known[known >= 0])
    scores, before = -detector.score_samples(X), -alone.score_samples(X)
    others = known == -1
    assert scores[known == 1].min() > scores[others].max()
    assert scores[known == 0].max() < scores[others].min()
    first = np.argsort(-np.where(others, scores, 0))[: (y & others).sum()]
    first_before = np.argsort(-np.where(others, before, 0))[: (y & others).sum()]
    assert y[first].mean() > y[first_before].mean() + 0.2
    np.testing.assert_allclose(detector.contributions(X).sum(axis=1), scores, rtol=1e-9)
    detector.detector_.save(tmp_path / "d.som")
    back = load(tmp_path / "d.som")
    np.testing.assert_array_equal(back.scores(X), scores)
    assert back.effect_of_marks == detector.effect_of_marks_
    np.testing.assert_array_equal(back.p_values(X), detector.p_values(X))
    assert back.alerts(X, 20).rows.tolist() == np.argsort(-scores, kind="stable").tolist()


def test_parts_of_a_row_that_is_not_marked_keep_their_shares():
    detector, alone, X, _, known = first_marked(20)
    others = known == -1
    shares, before = (d.contributions(X)[others] for d in (detector, alone))
    shares, before = (each / each.sum(axis=1, keepdims=True) for each in (shares, before))
    np.testing.assert_allclose(shares, before, rtol=1e-9)


def test_marked_rows_do_not_calibrate():
    detector, _, X, _, _ = first_marked(20)
    assert len(detector.detector_.calibration.scores) == len(X) - 20
    # Where most rows are known, usual ones must calibrate.
    most = np.where(np.arange(len(X)) < 80, 1, 0)
    detector = SOMDetector(som=SOM(4, 5), random_state=0).fit(X, known=most)
    assert len(detector.detector_.calibration.scores) == len(X) - 80


def test_the_threshold_takes_marked_rows_by_their_values():
    X, y = table()
    known = np.where(y, 1, np.where(np.arange(len(X)) < 80, 0, -1))
    detector = SOMDetector(random_state=0).fit(X, known=known)
    new, _ = table(seed=1)
    flagged = detector.predict(new) == -1
    assert flagged[:40].mean() > 0.2  # more confirmed rows than are flagged do not end that


def test_words_say_what_changed():
    detector, _, _, _, known = first_marked(20)
    said, n = detector.effect_of_marks_, int((known == 1).sum())
    assert said.startswith(f"20 marks ({n} confirmed, {20 - n} cleared) raised the scores of ")
    assert "or more, mostly because of x0 and x1. The list contains confirmed rows first" in said
    assert said.endswith("P-values are estimates.")
    assert SOMDetector(random_state=0).fit(table()[0]).effect_of_marks_ == ""


def test_words_name_the_columns_of_a_table():
    X, _ = table()
    columns = {"amount": X[:, 0].tolist(), "age": X[:, 1].tolist(), "kind": ["a", "b", "c"] * 100}
    known = np.full(len(X), -1)
    known[:10], known[40:50] = 1, 0
    frame = table_from_columns(columns)
    detector = SOMDetector(encoder=TableEncoder(), random_state=0).fit(frame, known=known)
    assert "because of age and amount" in detector.effect_of_marks_ or (
        "because of amount and age" in detector.effect_of_marks_
    )
    parts = detector.contributions(frame)
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(frame), rtol=1e-9)


def test_confirmed_rows_alone_change_no_other_score():
    X, _ = table()
    alone = SOMDetector(random_state=0).fit(X)
    known = np.where(np.arange(len(X)) < 5, 1, -1)
    detector = SOMDetector(random_state=0).fit(X, known=known)
    others = known == -1
    np.testing.assert_array_equal(detector.score_samples(X)[others], alone.score_samples(X)[others])
    assert detector.score_samples(X)[:5].max() < detector.score_samples(X)[others].min()
    assert (
        "did not change the scores of other rows, because no row is cleared"
        in detector.effect_of_marks_
    )
    assert detector.effect_of_marks_.startswith("5 marks (5 confirmed, 0 cleared)")


def test_cleared_rows_alone_lower_rows_like_them():
    X, _ = table()
    alone = SOMDetector(random_state=0).fit(X)
    known = np.where((np.arange(len(X)) >= 40) & (np.arange(len(X)) < 60), 0, -1)
    detector = SOMDetector(random_state=0).fit(X, known=known)
    change = detector.score_samples(X) / alone.score_samples(X)
    assert change[60:80].mean() < 0.95 < change[80:].mean()
    assert "0 confirmed, 20 cleared" in detector.effect_of_marks_
    assert "The list contains cleared rows last." in detector.effect_of_marks_


def test_contradictory_marks_on_equal_rows_hold_no_place_and_teach_nothing():
    X = np.tile([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [1.0, 3.0]], (10, 1))
    known = np.full(40, -1)
    known[[0, 4, 8, 12]] = [1, 0, 1, 0]  # equal rows
    alone = SOMDetector(random_state=0).fit(X)
    detector = SOMDetector(random_state=0).fit(X, known=known)
    assert len(detector.detector_.marks.held) == 0
    order = np.argsort(alone.score_samples(X), kind="stable")
    np.testing.assert_array_equal(np.argsort(detector.score_samples(X), kind="stable"), order)
    assert "confirmed rows first" not in detector.effect_of_marks_


@pytest.mark.parametrize("known", [1, 0])
def test_marks_on_rows_that_are_all_equal(known):
    X = np.ones((20, 2))
    detector = SOMDetector(random_state=0).fit(X, known=[known] + [-1] * 19)
    np.testing.assert_array_equal(detector.score_samples(X), detector.score_samples(X)[0])
    assert "did not change the scores of other rows" in detector.effect_of_marks_


def test_marks_of_all_rows_hold_no_place():
    X, y = table()
    detector = SOMDetector(random_state=0).fit(X, known=y.astype(int))
    assert len(detector.detector_.marks.held) == 0
    n_raised = int((detector.detector_.marks.factors(X) >= 1.1).sum())
    said = f"300 marks (40 confirmed, 260 cleared) raised the scores of {n_raised} rows and lower"
    assert detector.effect_of_marks_.startswith(said)
    assert "The list" not in detector.effect_of_marks_


def test_marks_last_on_a_stream():
    X, y = table()
    known = np.where(y, 1, np.where(np.arange(len(X)) < 80, 0, -1))
    detector = SOMDetector(random_state=0, n_maps=2).fit(X, known=known)
    before = detector.effect_of_marks_
    detector.partial_fit(table(seed=1)[0])
    scores = -detector.score_samples(X)
    assert detector.effect_of_marks_ == before
    assert scores[known == 0].max() < scores[known == -1].min()
    np.testing.assert_allclose(detector.contributions(X).sum(axis=1), scores, rtol=1e-9)
    new = table(seed=2)[0]
    scores = -detector.score_samples(new)
    assert scores[:40].mean() > 1.5 * scores[40:80].mean()
    np.testing.assert_allclose(detector.contributions(new).sum(axis=1), scores, rtol=1e-9)


def test_rows_score_alike_alone_and_together():
    detector, _, X, _, _ = first_marked(20)
    together = detector.score_samples(X)
    np.testing.assert_array_equal([detector.score_samples(x[None])[0] for x in X], together)


def test_many_marks_teach_by_a_part_of_them():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5000, 1))
    labels = (rows[:, 0] > 0).astype(int)
    marks = taught(rows, labels)
    assert marks.n_confirmed + marks.n_cleared == 5000
    assert len(marks.held) == 0
    assert marks.factors(np.array([[2.0]])) > 10 * marks.factors(np.array([[-2.0]]))


def held(**changes):
    parts = {
        "n_confirmed": 1,
        "n_cleared": 0,
        "trust": 1.0,
        "n_raised": 0,
        "n_lowered": 0,
        "center": 0.0,
        "features": np.array([0]),
        "x": np.array([[0.0, 1.0]]),
        "y": np.array([[0.0, -1.0]]),
        "places": np.zeros((1, 1)),
        "pull": np.ones(1),
        "n_leading": 1,
        "rows": np.zeros((1, 2)),
        "held": np.ones(1),
    }
    return Marks(**{**parts, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"n_cleared": -1},
        {"trust": 1.5},
        {"features": np.array([2])},
        {"x": np.array([[1.0, 1.0]])},
        {"y": np.array([[np.nan, 0.0]])},
        {"pull": np.ones(2)},
        {"center": np.nan},
        {"held": np.array([-1.0])},
        {"rows": np.zeros((1, 3))},
    ],
)
def test_parts_that_do_not_fit_are_refused(changes):
    held().check(2)
    with rejected((ValueError, TypeError)):
        held(**changes).check(2)


def test_marks_that_are_none_are_refused():
    detector = SOMDetector(random_state=0).fit(np.eye(3)).detector_
    with rejected(TypeError, parameter="marks", value="list"):
        replace(detector, marks=[1, 0])


def test_a_row_of_minus_zero_equals_one_of_zero():
    marks = held(rows=np.array([[0.0, 1.0]]), held=np.array([7.0]))
    found = marks.with_held(np.array([[-0.0, 1.0], [0.0, 2.0], [1.0, 1.0]]), np.ones(3))
    np.testing.assert_array_equal(found, [7, 1, 1])
    parts = marks.parts_with_held(np.array([[0.0, 1.0], [5.0, 5.0]]), np.zeros((2, 4)))
    np.testing.assert_array_equal(parts, [[1.75] * 4, [0.0] * 4])


def test_rows_hold_their_places_with_fewer_digits_too():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 4))
    labels = np.full(300, -1)
    labels[:5], labels[5:12] = 1, 0
    detector = SOMDetector(random_state=0).fit(rows, known=labels)
    exact, short = (detector.score_samples(each) for each in (rows, rows.astype(np.float32)))
    np.testing.assert_array_equal(short[:12], exact[:12])
    again = SOMDetector(random_state=0).fit(rows.astype(np.float32), known=labels)
    assert set(np.argsort(again.score_samples(rows))[:5]) == set(range(5))


def with_an_extreme_row():
    """Rows with one extreme value, eight cleared rows, and scores."""
    rows = np.random.default_rng(0).normal(size=(2000, 3))
    rows[0] = [100.0, 0.0, 0.0]
    labels = np.full(len(rows), -1)
    scores = np.abs(rows[:, 1]) + np.minimum(np.abs(rows[:, 0]), 20)
    labels[np.argsort(-scores)[1:9]] = 0
    return rows, labels, scores


def test_an_extreme_confirmed_row_leads_the_list_but_does_not_change_other_scores():
    rows, labels, scores = with_an_extreme_row()
    cleared = taught(rows, labels, scores=scores)
    labels[0] = 1
    both = taught(rows, labels, scores=scores)
    changes = both.factors(rows[1:]) / cleared.factors(rows[1:])  # other unmarked rows are drawn
    assert 1 / teach.NOTICED < changes.min() < changes.max() < teach.NOTICED
    assert both.n_leading == 1
    assert both.held[0] > (scores * both.factors(rows))[labels < 0].max()
    said = both.in_words(Encoding.plain(["a", "b", "c"]))
    assert "the confirmed row is far from all other rows, so it did not change scores." in said


def test_a_confirmed_row_with_a_similar_score_changes_other_scores():
    rows, labels, scores = with_an_extreme_row()
    cleared = taught(rows, labels, scores=scores)
    labels[0] = 1
    scores[1] = scores[0] / 1.9
    both = taught(rows, labels, scores=scores)
    changes = both.factors(rows[1:]) / cleared.factors(rows[1:])
    assert changes.max() > teach.NOTICED
    assert "far from all other rows" not in both.in_words(Encoding.plain(["a", "b", "c"]))


@pytest.mark.parametrize("is_table", [False, True])
@pytest.mark.parametrize("n_extreme", [1, 2, 3])
def test_extreme_confirmed_rows_change_scores_no_more_than_the_cleared_rows(n_extreme, is_table):
    X = np.random.default_rng(0).lognormal(size=(1500, 4))
    X[:n_extreme, 0] = X[:, 0].std() * 1000 * (1 + 0.1 * np.arange(n_extreme))
    labels = np.full(len(X), -1)
    labels[[10, 20, 30, 40, 50]] = 0
    columns = table_from_columns({f"x{j}": X[:, j].tolist() for j in range(4)})
    encoding, rows = fit_encoding(columns), X
    if is_table:
        rows = encoding.encode(columns)
    else:
        encoding = Encoding.plain(["x0", "x1", "x2", "x3"])
    cleared = marks_of(rows, None, encoding, labels, np.ones(len(X)))
    labels[:n_extreme] = 1
    both = marks_of(rows, None, encoding, labels, np.ones(len(X)))
    assert both.n_alone == n_extreme
    changes = both.factors(rows[60:]) / cleared.factors(rows[60:])
    assert 1 / teach.NOTICED < changes.min() < changes.max() < teach.NOTICED
    rows_are = "row is" if n_extreme == 1 else "rows are"
    assert f"the confirmed {rows_are} far from all other rows" in both.in_words(encoding)
    labels[100] = 1
    some = marks_of(rows, None, encoding, labels, np.ones(len(X))).in_words(encoding)
    assert f"; {n_extreme} confirmed {rows_are} far from all other rows, so" in some


def test_rows_that_stand_out_still_stand_out_after_marks():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 6))
    X[:30, :3] += 6 * rng.choice([-1, 1], (30, 3))
    X[30, 0] = 1000
    alone = SOMDetector(random_state=0).fit(X)
    usual = [row for row in np.argsort(alone.score_samples(X)) if row > 30][:5]
    known = np.full(len(X), -1)
    known[30], known[usual] = 1, 0
    alerts = SOMDetector(random_state=0).fit(X, known=known).alerts(X)
    found = set(alerts.rows[alerts.stands_out[: len(alerts.rows)]])
    assert set(range(30)) <= found
    assert len(found) <= 33
    assert alerts.headline.startswith(f"6 rows are marked; {len(found)} of the other 2,994 rows")


def test_rows_like_cleared_rows_no_longer_stand_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 6))
    X[:40, :2] += [15, -15]
    X[40:60, 2:4] += [-15, 15]
    before = SOMDetector(random_state=0).fit(X).alerts(X)
    assert set(before.rows[before.stands_out[: len(before.rows)]]) >= set(range(60))
    known = np.full(len(X), -1)
    known[:8], known[40:46] = 0, 1
    alerts = SOMDetector(random_state=0).fit(X, known=known).alerts(X)
    found = set(alerts.rows[alerts.stands_out[: len(alerts.rows)]])
    assert set(range(46, 60)) <= found
    assert len(found) <= 14 + 7  # at a rate of 0.2, a third of these
