"""When a cleared case returns: by distances worked out by hand, and by the calendar."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somscape import SOMDetector, TableEncoder
from somscape.desk.cases import Decision
from somscape.desk.cases._compare import (
    UsualMoves,
    encoded_cells,
    gone,
    is_same,
    jumped,
    months_between,
    news_of,
    returned,
    usual_moves,
    what_moved,
)
from somscape.desk.cases.records import (
    CLEARED,
    CONFIRMED,
    FOLDED,
    NEW,
    RETURNED,
    RISEN,
    STILL,
    Listed,
)
from somscape.outliers import Detector
from somscape.tables import table_from_columns

TODAY = "2026-03-01T08:00:00+00:00"
USUAL = UsualMoves(0.2, 0.1, 30, "keys")
CELLS = {"income": 10.0, "job": "cook"}
SAID = Decision("cards", "a", CLEARED, "a doctor", "ann", "r1", 2.0, CELLS, 3, TODAY)


LAST = {key: Listed(key, 1, 1.0, 0.1, news, "") for key, news in {"a": NEW, "f": FOLDED}.items()}


@pytest.fixture(scope="module")
def detector() -> Detector:
    """Of at most fifty rows, numbers are encoded so that their range, here 0 to 100, becomes 1."""
    rng = np.random.default_rng(0)
    columns = {"income": np.linspace(0, 100, 41), "job": rng.choice(["cook", "clerk"], 41)}
    encoder = TableEncoder(categories=["job"])
    table = table_from_columns(columns)
    return SOMDetector(encoder=encoder, random_state=0, n_maps=1).fit(table).detector_


def why(detector: Detector, said: Decision, **now: object) -> dict[str, str]:
    cells = {"a": {**CELLS, **now}}
    return returned(detector, {"a": said}, cells, USUAL, {}, clear_for=12, today=TODAY)


def test_a_case_returns_that_moved_farther_than_rows_usually_do(detector: Detector) -> None:
    assert why(detector, SAID, income=10.0 + 19) == {}
    assert why(detector, SAID, income=10.0 + 21) == {
        "a": "Cleared on 2026-03-01 by ann; since then income moved from 10 to 31."
    }


def has_jumped(
    detector: Detector, old: object, new: object, others: list[tuple[float, float]]
) -> bool:
    """Return whether a case returns whose move on the map is usual, if others changed so."""
    then = {str(i): {**CELLS, "income": a} for i, (a, _) in enumerate(others)}
    now = {str(i): {**CELLS, "income": b} for i, (_, b) in enumerate(others)}
    said, far = replace(SAID, cells={**CELLS, "income": old}), replace(USUAL, far=99.0)
    case, cells = {"a": said}, {"a": {**CELLS, "income": new}}
    rows_of = {"r1": then}.__getitem__, lambda keys: {key: now[key] for key in keys}
    jumps = jumped(detector.map_.encoding, case, cells, *rows_of)
    why = returned(detector, case, cells, far, jumps, clear_for=12, today=TODAY)
    assert [*why.values()] == [
        f"Cleared on 2026-03-01 by ann; since then income moved from {old:g} to {new:g}."
    ][: len(why)]
    return bool(why)


def test_a_case_returns_if_one_number_jumped_since_the_run_of_its_decision(
    detector: Detector,
) -> None:
    # By hand: 95 % of 40 changes are at most 1 / 4, so a jump is more than 1 / 2.
    others = [(100.0, 100.0 - i * 25 / 38) for i in range(40)]
    assert not has_jumped(detector, 60.0, 30.0, others)
    assert has_jumped(detector, 60.0, 29.9, others)
    # If all numbers fell since the decision, the case does not return.
    assert not has_jumped(detector, 60.0, 29.9, [(100.0, 60.0)] * 40)
    # A change of at most 10 % of the number, or of less than 10 % of its usual range, is no jump.
    still = [(50.0, 50.0)] * 40
    assert not has_jumped(detector, 100.0, 90.0, still)
    assert has_jumped(detector, 100.0, 89.0, still)
    assert not has_jumped(detector, 0.0, 9.0, still)
    assert has_jumped(detector, 0.0, 11.0, still)
    # With few other rows, nothing is known about usual changes.
    assert not has_jumped(detector, 100.0, 50.0, still[:19])
    assert has_jumped(detector, 100.0, 50.0, still[:20])


def test_another_level_is_one_apart_and_all_that_moved_is_named(detector: Detector) -> None:
    before, now = encoded_cells(detector.map_.encoding, [CELLS, {**CELLS, "job": "clerk"}])
    assert np.linalg.norm(before - now) == pytest.approx(1.0)
    [said] = why(detector, SAID, income=70.0, job=None).values()
    assert said.endswith("job moved from cook to (missing), income moved from 10 to 70.")
    encoding = detector.map_.encoding
    assert what_moved(encoding, CELLS, {**CELLS, "income": 11.0, "job": "clerk"}) == [
        "job moved from cook to clerk"
    ]


def test_a_case_returns_when_its_time_is_over(detector: Detector) -> None:
    old = replace(SAID, made="2025-03-01T08:00:00+00:00")
    assert why(detector, old) == {"a": "Cleared on 2025-03-01 by ann, 12 months ago or more."}
    assert why(detector, replace(old, made="2025-03-01T08:00:01+00:00")) == {}


def test_only_cleared_cases_that_are_there_return(detector: Detector) -> None:
    assert why(detector, replace(SAID, state=CONFIRMED), income=90.0) == {}
    assert returned(detector, {"a": SAID}, {}, USUAL, {}, clear_for=12, today=TODAY) == {}
    unseen = replace(SAID, cells=None)  # nobody knows how it was
    assert why(detector, unseen, income=90.0) == {}


def test_what_is_usual_is_the_95th_percentile_of_shared_keys(detector: Detector) -> None:
    rows = encoded_cells(detector.map_.encoding, [CELLS] * 40)
    now = rows.copy()
    now[:, 0] += np.arange(40) / 100
    usual = usual_moves(detector, rows, now, rows)
    # Of 0 to 39 hundredths the 95th percentile lies between the 38th and the 39th, the higher one.
    assert (usual.far, usual.n, usual.by) == (pytest.approx(0.38), 40, "keys")


def test_with_few_shared_keys_rows_of_one_unit_tell(detector: Detector) -> None:
    incomes = [*np.linspace(0, 100, 11)] * 2
    cells = [{"income": income, "job": "cook"} for income in incomes]
    rows = encoded_cells(detector.map_.encoding, cells)
    usual = usual_moves(detector, rows[:19], rows[:19], rows)
    units = detector.map_._winners_of_rows(rows)
    assert (usual.by, usual.n) == ("units", len(rows) - len(set(units.tolist())))
    assert 0 < usual.far < 0.5


def test_what_is_usual_without_any_rows_is_nothing(detector: Detector) -> None:
    none = encoded_cells(detector.map_.encoding, [])
    usual = usual_moves(detector, none, none, none)
    assert (usual.far, usual.rise, usual.n) == (0.01, 0.0, 0)  # a hundredth is nothing to tell of


def test_where_no_other_row_moves_a_little_is_not_far(detector: Detector) -> None:
    rows = encoded_cells(detector.map_.encoding, [CELLS] * 40)
    usual = usual_moves(detector, rows, rows, rows)
    assert (usual.far, usual.by) == (0.01, "keys")
    assert news_of("a", 1.005, LAST, {"a": 1.0}, usual, (), ()) == STILL
    assert news_of("a", 1.015, LAST, {"a": 1.0}, usual, (), ()) == RISEN


@pytest.mark.parametrize(
    ("key", "score", "back", "put_away", "news"),
    [
        ("b", 1.0, (), (), NEW),
        ("a", 1.05, (), (), STILL),
        ("a", 1.15, (), (), RISEN),
        ("f", 1.0, ("f",), (), RETURNED),
        ("b", 1.0, ("b",), (), RETURNED),
        ("f", 1.0, (), (), NEW),  # reopened by a person
        ("a", 1.0, ("a",), ("a",), RETURNED),  # cleared since, and moved since
        ("a", 1.0, ("a",), (), STILL),  # it returned a run ago
    ],
)
def test_news_beside_the_run_before(
    key: str, score: float, back: tuple[str, ...], put_away: tuple[str, ...], news: str
) -> None:
    before = {"a": 1.0, "f": 1.0}
    assert news_of(key, score, LAST, before, USUAL, back, put_away) == news


@pytest.mark.parametrize(
    ("is_by_number", "why"),
    [
        (True, "about as unusual as before, but other rows are more unusual now"),
        (False, "about as unusual as before, but below the rule's threshold now"),
    ],
)
def test_what_is_gone_is_there_or_not_and_less_unusual_or_not(is_by_number: bool, why: str) -> None:
    rows = [Listed(key, i, 1.0, 0.1, NEW, "") for i, key in enumerate("abcdeg", 1)]
    before = {**dict.fromkeys("abcd", 1.0), "g": -5.0}  # of e, no cells were kept
    today = {"a": 1.0, "b": 0.9, "d": 0.995, "e": 1.0, "g": -5.0}
    found = gone(
        [*rows, LAST["f"]], {"a"}, today, before, is_by_number=is_by_number, hidden={"b": "never x"}
    )
    assert [(each.key, each.place, each.why) for each in found] == [
        ("b", 2, "hidden by a rule (never x)"),
        ("c", 3, "not in the data any more"),
        ("d", 4, why),
        ("e", 5, "not unusual enough any more"),
        ("g", 6, why),
    ]
    found = gone(
        rows,
        {"a", "b", "c", "g"},
        today,
        before,
        is_by_number=is_by_number,
        hidden={},
        unchanged={"d", "e"},
    )
    assert {each.why for each in found} == {why}
    found = gone(
        rows,
        {"a"},
        today,
        before,
        is_by_number=is_by_number,
        hidden={},
        is_new_map=True,
        unchanged={"e"},
    )
    whys = {each.key: each.why for each in found}
    assert whys["e"] == "its row did not change, but the map was trained again"
    assert "trained again" not in whys["d"]


def test_a_row_is_the_same_if_its_common_columns_are() -> None:
    assert is_same({"a": 1.0, "b": None}, {"a": 1, "b": None, "c": "x"})
    assert not is_same({"a": 1.0}, {"a": 1.5})
    assert not is_same({"a": 1.0}, {"b": 1.0})


def test_scores_below_0_rise_by_more_than_a_hundredth_too() -> None:
    still = UsualMoves(0.2, 0.0, 30, "keys")
    for score, news in ((-4.96, STILL), (-4.94, RISEN)):
        assert news_of("a", score, LAST, {"a": -5.0}, still, (), ()) == news


@given(st.integers(0, 100), st.integers(0, 27))
def test_months_are_whole(months: int, days: int) -> None:
    year, month = divmod(2000 * 12 + months, 12)
    then = "2000-01-01T00:00:00+00:00"
    after = f"{year}-{month + 1:02d}-{1 + days:02d}T00:00:00+00:00"
    assert months_between(then, after) == months
