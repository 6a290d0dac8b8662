"""Rules next to scores: which rows are listed, in which order, and what the rules did."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import rejected

from somscape import SOMDetector, report, save
from somscape.maps.map import Map
from somscape.outliers import AlertRule, Alerts, Detector
from somscape.outliers import alerts as _alerts
from somscape.outliers._listing import MAX_FIRST, check_rules_of
from somscape.outliers.alerts import ranked
from somscape.report._build import _rule_words
from somscape.tables import Table, table_from_columns
from somscape.tables.column import Column

N = 120


@pytest.fixture(scope="module")
def table() -> Table:
    rng = np.random.default_rng(0)
    amount = np.exp(rng.normal(3, 0.5, N)).round(2)
    amount[3], amount[4] = 9000.0, 0.01
    channel = ["online" if i % 3 else "branch" for i in range(N)]
    other = rng.normal(size=N).round(3)
    other[7] = 12.0
    return table_from_columns({"amount": amount, "other": other, "channel": channel})


@pytest.fixture(scope="module")
def plain(table: Table) -> Detector:
    return SOMDetector(random_state=0).fit(table).detector_


def ruled(detector: Detector, **rules: list[str]) -> Detector:
    """The detector with rules, which a detection stores in the encoding of its map."""
    whole = detector.of_all_rows
    encoding = whole.map_.encoding
    roles = replace(encoding.roles, rules={kind: tuple(texts) for kind, texts in rules.items()})
    map_ = replace(whole.map_, encoding=replace(encoding, roles=roles))
    return replace(detector, of_all_rows=replace(whole, map_=map_), members=())


@pytest.fixture(scope="module")
def single(plain: Detector) -> Detector:
    return replace(plain, members=())


def test_always_comes_first_and_never_is_not_listed(single: Detector, table: Table) -> None:
    before = single.alerts(table, 5)
    assert {3, 7} <= set(before.rows[:5].tolist())
    found = ruled(single, always=["tiny: amount < 1"], never=["other > 10"]).alerts(table, 5)
    assert found.rows[0] == 4
    assert 7 not in found.rows[: found.n_alerts]
    assert found.n_alerts == 5 + (4 not in found.rows[1:5])
    assert sorted(found.rows.tolist()) == list(range(N))
    assert np.array_equal(np.sort(found.scores), np.sort(before.scores))
    assert str(found.reasons[0]).startswith("rule tiny: amount < 1")
    assert found.reasons[0].sentence().startswith("Rule tiny: amount < 1.")
    assert [str(effect) for effect in found.effects] == [
        "rule tiny: amount < 1 (always): 1 row listed only because of this rule",
        "rule: other > 10 (never): 1 row hidden, 1 of them from the list",
    ]
    names = found.rule_names()["rule"]
    assert (names[0], names[-1]) == ("always tiny", "never other > 10")
    assert found.rows[-1] == 7


def test_a_rule_for_many_rows_leaves_room_for_the_rows_that_stand_out(
    single: Detector, table: Table
) -> None:
    before = single.alerts(table)
    outstanding = before.rows[: before.n_stand_out].tolist()
    assert set(outstanding) == {3, 7}
    found = ruled(single, always=["other < 10"]).alerts(table)  # all rows but row 7
    assert (found.n_alerts, found.n_filled) == (N, 0)
    first, rest = found.rows[:10].tolist(), found.rows[11:]
    assert first == [row for row in before.rows.tolist() if row != 7][:10]
    assert found.rows[10] == 7
    scores = [found.scores[np.flatnonzero(found.rows == row)[0]] for row in rest]
    assert scores == sorted(scores, reverse=True)
    two = ruled(single, always=["a: other < 0", "b: other < 10"]).alerts(table)
    names = two.rule_names()["rule"]
    assert sorted(names[:10]) == 5 * ["always a"] + 5 * ["always b"]
    assert (names[10], two.rows[10]) == ("", 7)


def test_the_reasons_of_a_row_are_found_once(
    single: Detector, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, reasons_of = list[int](), _alerts.reasons_of

    def counted(detector: Detector, part: Table, *given: Any) -> Any:
        rows.extend(part.column("amount").numbers.tolist())
        return reasons_of(detector, part, *given)

    monkeypatch.setattr(_alerts, "reasons_of", counted)
    for module in ("alerts", "alert_rule"):  # two rows stand out, so findings decide
        monkeypatch.setattr(f"somscape.outliers.{module}.MAX_LISTED", 1)
    found = ruled(single, always=["amount > 30"]).alerts(table)
    assert sorted(rows) == sorted(table.column("amount").numbers[found.rows[: found.n_alerts]])


def test_always_is_stronger_than_never_and_never_than_floor(single: Detector, table: Table) -> None:
    rules = {
        "floor": ["amount=10000"],
        "never": ["channel in ('online', 'branch')"],
        "always": ["high: other > 10"],
    }
    found = ruled(single, **rules).alerts(table)
    assert (found.n_alerts, found.rows[0]) == (1, 7)
    assert [effect.n_rows for effect in found.effects] == [1, N - 1, 0]
    found = ruled(single, floor=rules["floor"]).alerts(table)
    assert found.n_alerts == found.n_stand_out == 0
    assert found.headline == f"No row of {N} stands out"


@pytest.mark.parametrize("rules", [{"floor": ["other=0"]}, {"never": ["other < 0"]}])
def test_a_rule_that_hides_rows_does_not_change_which_other_rows_stand_out(
    single: Detector, table: Table, rules: dict[str, list[str]]
) -> None:
    before, found = single.alerts(table), ruled(single, **rules).alerts(table)
    outstanding = set(before.rows[before.stands_out].tolist())
    assert outstanding
    visible = {row for row in outstanding if table.column("other").numbers[row] >= 0}
    assert set(found.rows[found.stands_out].tolist()) == visible
    assert found.n_by_chance <= before.n_by_chance


def test_a_rule_that_lists_nearly_all_rows_is_named_so(single: Detector, table: Table) -> None:
    found = ruled(single, always=["other > -100"]).alerts(table)
    said = f"{N} rows of {N} listed, so check the condition of this rule"
    assert str(found.effects[0]).endswith(f": {said}")


def test_a_rule_that_decides_on_no_row_is_named_so(single: Detector, table: Table) -> None:
    rules = {"always": ["other > 10", "other > 11"], "never": ["other / 0 > 1"]}
    found = ruled(single, **rules).alerts(table)
    told = [str(effect).split(": ", 1)[1] for effect in found.effects]
    assert told[0].endswith("this rule")
    assert told[1:] == [
        "other > 11 (always): no row matches this rule (rows of a stronger rule do not count)",
        "other / 0 > 1 (never): no row matches this rule (rows of a stronger rule do not count)",
    ]


def test_a_rule_that_has_ended_changes_nothing(single: Detector, table: Table) -> None:
    found = ruled(single, never=["amount > 0 until 2020-01-01"]).alerts(table, 5)
    before = single.alerts(table, 5)
    assert found.rows.tolist() == before.rows.tolist()
    assert "it has ended" in str(found.effects[0])


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"n_alerts": N},
        {"p_value": 0.2},
        {"fdr": 0.5},
        {"above_threshold": True},
        {"amount": "amount", "cost": 5.0},
    ],
)
def test_every_alert_rule_works_with_rules(
    single: Detector, table: Table, how: dict[str, Any]
) -> None:
    texts = {"always": ["amount < 10"], "never": ["channel = 'branch'"], "floor": ["other=-1"]}
    before = single.alerts(table, **how)
    found = ruled(single, **texts).alerts(table, **how)
    listed = set(found.rows[: found.n_alerts].tolist())
    always, never, floor = (_rows(found, kind) for kind in ("always", "never", "floor"))
    assert always <= listed
    assert not listed & (never | floor)
    assert len(found.reasons) == found.n_alerts
    assert {e.rule.kind: e.n_changed for e in found.effects} == {
        "always": len(always - set(before.rows[: before.shown.n_alerts].tolist())),
        "never": len(never & set(before.rows[: before.shown.n_alerts].tolist())),
        "floor": len(floor & set(before.rows[: before.shown.n_alerts].tolist())),
    }


def _rows(found: Alerts, kind: str) -> set[int]:
    names = found.rule_names()["rule"]
    return {int(row) for row, name in zip(found.rows, names, strict=True) if name.startswith(kind)}


@settings(max_examples=40)
@given(st.lists(st.sampled_from([-1, 0, 1, 2]), min_size=N, max_size=N), st.integers(0, N))
def test_any_rows_can_be_listed_or_hidden(
    single: Detector, table: Table, which: list[int], n: int
) -> None:
    named = replace(table, columns=(*table.columns, *table_from_columns({"k": which}).columns))
    rules = {"always": ["k = 0"], "never": ["k = 1"], "floor": ["k=-1", "other=-99"]}
    found = ruled(single, **rules)._alerts_by(AlertRule(n), named)
    kinds = np.array(which)[found.rows]
    n_always, n_hidden = which.count(0), which.count(1)
    assert (kinds[: min(n_always, MAX_FIRST)] == 0).all()
    assert np.count_nonzero(kinds[: found.n_alerts] == 0) == n_always
    assert (kinds[len(which) - n_hidden :] == 1).all()
    assert found.n_alerts >= max(n_always, min(n, N - n_hidden))
    assert not (kinds[: found.n_alerts] == 1).any()
    shown = found.to_table(single.map_, named)
    names = "rank", "record", "score", "p_value", "stands_out", "finding", "rule"
    assert shown.names[:7] == names


def test_a_direction_takes_one_side_out_of_the_score(single: Detector, table: Table) -> None:
    high = ruled(single, direction=["amount=high"])
    rows = single.map_.rows_of(table)
    before, after = single.scores(table), high.scores(table)
    by_column = single._contributions_of_rows(rows)
    j = [code.name for code in single.map_.encoding.features].index("amount")
    is_lower = after < before - 1e-12
    assert 0 < is_lower.sum() < N
    np.testing.assert_allclose(after[is_lower], (before - by_column[:, j])[is_lower], atol=1e-9)
    assert np.array_equal(after[~is_lower], before[~is_lower])
    assert is_lower[4]
    assert after[3] == before[3]
    np.testing.assert_allclose(high.contributions(table).sum(axis=1), after, atol=1e-9)
    assert all(r.column != "amount" for r in high.reasons(table.take([4]))[0])
    found = high.alerts(table)
    assert found.effects[0].n_rows == is_lower.sum()
    low = ruled(single, direction=["amount=low"]).scores(table)
    assert (low[3] < before[3], low[4] == before[4]) == (True, True)


def test_a_row_stays_usual_on_the_side_that_does_not_count() -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    X[:20, 0] -= np.linspace(5, 60, 20)  # a tail, so the column becomes an asinh
    X[0, 1] = 40.0
    table = table_from_columns({f"x{j}": column for j, column in enumerate(X.T)})
    detector = ruled(SOMDetector(random_state=0).fit(table).detector_, direction=["x0=low"])
    assert detector.relation is not None
    with np.errstate(all="raise"):
        found = detector.counterfactuals(table.take(range(20)))
    assert any("x0 at least" in str(each) for each in found), [*map(str, found)]


def test_a_direction_needs_a_column_of_numbers(single: Detector, table: Table) -> None:
    for text, column in (("channel=high", "channel"), ("amont=low", "amont")):
        detector = ruled(single, direction=[text])
        with rejected(parameter="direction", column=column):
            check_rules_of(detector.map_.encoding, table)


def test_rules_stay_with_the_map_and_show_on_the_page(
    single: Detector, table: Table, tmp_path: Any
) -> None:
    detector = ruled(single, always=["tiny: amount < 1"], direction=["amount=high"])
    again = Detector.from_record(detector.to_record())
    assert again.map_.encoding.roles.rules == detector.map_.encoding.roles.rules
    assert isinstance(again.map_, Map)
    data = report.build(again, table)
    assert data["rules"][0]["name"] == "tiny"
    effects = [str(effect) for effect in again.alerts(table).effects]
    assert [rule["sentence"] for rule in data["rules"]] == effects
    assert not {*effects} & {*data["notes"]}
    first = data["reasons"][0][0]
    assert (first["column"], first["value"], first["rule"]) == ("rule tiny", "amount < 1", True)
    assert "rules" not in report.build(single, table)
    with rejected(parameter="direction"):
        save.to_onnx(again, tmp_path / "map.onnx")


def test_the_line_is_after_rows_that_rules_list(single: Detector, table: Table) -> None:
    detector = ruled(single, always=["tiny: amount < 1"])
    n = detector.alerts(table).n_stand_out
    assert 0 < n < 9
    whole = table, detector.map_.rows_of(table), AlertRule()
    found = ranked(detector, *whole, is_filled=True)
    assert not found.stands_out[0]
    assert (found.n_filled, found.shown.n_alerts, found.n_before_line) == (0, 11, n + 1)
    assert ranked(detector, *whole).shown.n_before_line is None


def test_effects_count_rows_of_the_printed_list(single: Detector, table: Table) -> None:
    rows, rule = single.map_.rows_of(table), AlertRule()
    before = single.alerts(table)
    assert 0 < before.shown.n_alerts < before.n_alerts == 10
    score = before.scores[9] - 1e-9
    named = replace(table, columns=(*table.columns, *_columns(score=single.scores(table))))
    first = ruled(single, always=[f"score > {score}"])
    found = ranked(first, named, rows, rule)
    assert found.effects[0].n_changed == 10 - before.shown.n_alerts
    assert ranked(first, named, rows, rule, is_filled=True).effects[0].n_changed == 0
    hidden = ruled(single, never=[f"score > {score}"])
    assert ranked(hidden, named, rows, rule).effects[0].n_changed == before.shown.n_alerts


def _columns(**values: Any) -> tuple[Column, ...]:
    return table_from_columns(values).columns


def test_the_page_says_how_many_listed_rows_stand_out() -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    X[:4] += 40
    detector = SOMDetector(random_state=0).fit(X).detector_
    alerts = detector.alerts(X)
    rule, words = AlertRule(), AlertRule().words(detector)
    assert (alerts.n_alerts, alerts.n_stand_out) == (10, 6)
    assert _rule_words(rule, alerts, detector) == "6 stand out, and 4 more fill the list"
    assert _rule_words(rule, alerts.shown, detector) == words
    by_rule = np.full(300, -1)
    by_rule[6:8] = 0
    listed = replace(alerts, n_alerts=8, by_rule=by_rule, reasons=alerts.reasons[:8], n_filled=0)
    assert _rule_words(rule, listed, detector) == "6 stand out, and 2 by your rules"
    assert _rule_words(AlertRule(10), alerts, detector) == "the 10 highest scores, as asked for"
