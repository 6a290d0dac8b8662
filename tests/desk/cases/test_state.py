"""A state keeps what it was told, once, each with a line of the audit."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from texts import rejected

from somscape.desk.cases import Decision, State, Watch, verify
from somscape.desk.cases.decide import NewDecision, Seen, decide
from somscape.desk.cases.records import (
    CLEARED,
    CONFIRMED,
    NEW,
    NOTHING,
    OPEN,
    DecidedMeanwhileError,
    Listed,
    NewRun,
    Upload,
    add_line,
    next_head,
    precision_words,
)
from somscape.desk.jobs.job import Job

WATCH = Watch("cards", ("id",), "cards.csv", Job(alerts=10), "")
ROW = Listed("7", 1, 2.5, 0.01, NEW, "amount 9")
RUN = NewRun("r1", "cards.csv", "00", b"a map", {"n": 3}, (ROW,), {"7": {"amount": 9.0}})
SAID = Decision("cards", "7", CONFIRMED, "stolen", "ann", "r1", 2.5, {"amount": 9.0})


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state") as state:
        state.keep_watch(WATCH, b"a map", author="ann")
        state.add_run("cards", RUN, author="ann")
        yield state


def test_what_is_kept_comes_back(state: State, tmp_path: Path) -> None:
    said = state.decide(SAID)
    state.close()
    with State(tmp_path / "state") as again:
        watch = again.watch("cards")
        assert replace(watch, map="", made="") == WATCH
        assert again.map(watch.map) == b"a map"
        assert again.listed("r1") == [ROW]
        assert again.kept("r1") == {"7": {"amount": 9.0}}
        assert again.history("cards", "7") == [said]
        [case] = again.cases("cards")
        assert (case.state, case.decision, case.listed, case.run) == (CONFIRMED, said, ROW, "r1")


CHECK, OTHER = "check-0123456789", "check-abcdefabcd"


def test_precision_counts_the_rows_and_decisions_of_each_run(tmp_path: Path) -> None:
    # By hand: rows of three runs with their news, then decisions with the run that was seen.
    news = {
        "r1": {"a": "new", "b": "new", "c": "new", "d": "new", CHECK: "new", OTHER: "new"},
        "r2": {
            "a": "still",
            "b": "returned",
            "c": "folded",
            "d": "still",
            "e": "new",
            CHECK: "still",
        },
        "r3": {"b": "still", "e": "still", "f": "filled", "g": "filled", CHECK: "folded"},
    }
    said = [
        *(("a", "confirmed", "r1"), ("b", "cleared", "r1"), ("c", "cleared", "r1")),
        ("d", "confirmed", "r2"),  # counts for r1, too
        *(("e", "confirmed", "r2"), ("e", "open", "r2"), ("f", "confirmed", "r3")),
        *(("b", "later", "r3"), ("nobody", "cleared", None), (CHECK, "cleared", "r2")),
    ]
    with State(tmp_path / "other") as state:
        state.keep_watch(WATCH, b"a map", author="ann")
        for run, rows in news.items():
            listed = [Listed(k, i, 1.0, 0.1, n, "") for i, (k, n) in enumerate(rows.items(), 1)]
            new = replace(RUN, id=run, listed=tuple(listed), kept={})
            state.add_run("cards", new, author="ann")
        state.add_run("cards", replace(RUN, id="r4", listed=(), kept={}), author="ann")
        state.decide_all([Decision("cards", key, word, run=run) for key, word, run in said])
        words = {run: precision_words(counts) for run, counts in state.precision("cards").items()}
    assert words == {
        "r1": "4 listed, 2 confirmed, 2 cleared, 0 open; 2 checks, 1 open",
        "r2": "4 listed, 2 confirmed, 0 cleared, 1 open, 1 later; 1 check, 0 open",  # e was undone
        "r3": "3 listed, 1 confirmed, 0 cleared, 1 open, 1 later",  # g only fills the list
        "r4": "0 listed, 0 confirmed, 0 cleared, 0 open",
    }


def test_a_case_that_returned_stays_open_in_later_runs(tmp_path: Path) -> None:
    with State(tmp_path / "other") as state:
        state.keep_watch(WATCH, b"a map", author="ann")
        for i, news in enumerate(("new", "returned", "still"), 1):
            row = Listed("a", 1, 1.0, 0.1, news, "")
            state.add_run("cards", replace(RUN, id=f"r{i}", listed=(row,), kept={}), author="ann")
        state.decide(Decision("cards", "a", CLEARED, run="r1"))
        assert [counts[OPEN] for counts in state.precision("cards").values()] == [0, 1, 1]


def test_categories_do_not_undo_a_training_in_the_meantime(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, in_one_transaction = state.watch, []

    def watch(name: str) -> Watch:
        in_one_transaction.append(state.database._local.is_together)
        return read(name)

    monkeypatch.setattr(state, "watch", watch)
    state.keep_categories("cards", ["moved"], author="ann")
    assert in_one_transaction[0]


def test_a_run_or_decision_that_is_sent_again_is_kept_once(state: State) -> None:
    first, again = (state.decide(SAID, token="t") for _ in range(2))
    assert first == again
    state.add_run("cards", RUN, author="ann")
    assert len(state.runs("cards")) == 1
    assert len(state.history("cards", "7")) == 1


def test_the_second_of_two_people_sees_the_first(state: State) -> None:
    state.decide(SAID, seen=0)
    with rejected(DecidedMeanwhileError, value="confirmed"):
        state.decide(replace(SAID, state=CLEARED, author="bob"), seen=0)
    [only] = state.history("cards", "7")
    assert only.state == CONFIRMED


def second_run(state: State) -> None:
    """A run in which the row is another one, and a case that only this run lists."""
    rows = (replace(ROW, score=9.5), replace(ROW, key="8", place=2))
    kept = {"7": {"amount": 999.0}, "8": {"amount": 3.0}}
    state.add_run("cards", replace(RUN, id="r2", data="01", listed=rows, kept=kept), author="cron")


def test_a_decision_is_about_the_row_of_the_run_that_was_seen(state: State) -> None:
    second_run(state)
    old = Seen.of(state, "cards", key="7", run="r1").decision("7", CLEARED)
    assert (old.run, old.score, old.cells) == ("r1", 2.5, {"amount": 9.0})
    new = Seen.of(state, "cards", key="7").decision("7", CLEARED)
    assert (new.run, new.score, new.cells) == ("r2", 9.5, {"amount": 999.0})
    with rejected(parameter="key", value="8"):
        Seen.of(state, "cards", key="8", run="r1").decision("8", CLEARED)
    with rejected(parameter="run", value="r9"):
        Seen.of(state, "cards", run="r9")
    with rejected(parameter="key", value="77"):
        Seen.of(state, "cards", key="77").decision("77", CLEARED)


def test_one_case_is_read_without_the_others(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    second_run(state)
    state.decide(replace(SAID, key="8"))
    said = state.decide(SAID)
    [case] = state.cases("cards", key="7")
    assert case == next(case for case in state.cases("cards") if case.key == "7")
    assert state.last_decisions("cards", key="7") == {"7": said}
    asked: list[int] = []
    rows = state.database.rows
    monkeypatch.setattr(
        state.database,
        "rows",
        lambda sql, values=(): [asked.append(len(found := rows(sql, values))), found][1],
    )
    assert Seen.of(state, "cards", key="7").knows("7")
    assert max(asked) == 1


def test_every_decision_is_a_new_line_and_the_last_one_holds(state: State) -> None:
    for word in (CONFIRMED, CLEARED, OPEN):
        state.decide(replace(SAID, state=word))
    assert [said.state for said in state.history("cards", "7")] == [CONFIRMED, CLEARED, OPEN]
    assert state.last_decisions("cards")["7"].state == OPEN


def test_each_change_has_a_line_and_each_head_holds_the_lines_before(state: State) -> None:
    state.decide(SAID)
    lines = state.database.rows("SELECT * FROM audit ORDER BY number")
    assert [json.loads(line["said"])["kind"] for line in lines] == ["watch", "run", "decision"]
    head = NOTHING
    for number, line in enumerate(lines, 1):
        head = next_head(head, line["said"])
        assert (line["number"], line["head"]) == (number, head)
    for secret in ("stolen", '"7"'):
        assert secret not in lines[-1]["said"]


def test_time_does_not_go_back_where_the_clock_does(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = state.decide(SAID)
    monkeypatch.setattr("somscape.desk.cases.records.now", lambda: "1999-01-01T00:00:00+00:00")
    assert state.decide(SAID).made == last.made


def test_a_decision_that_fails_leaves_nothing(state: State) -> None:
    n = len(state.database.rows("SELECT * FROM audit"))
    with rejected(parameter="state", value="maybe"):
        state.decide_all([SAID, replace(SAID, state="maybe")])
    with rejected(parameter="watch", value="loans"):
        state.decide(replace(SAID, watch="loans"))
    assert not state.history("cards", "7")
    assert len(state.database.rows("SELECT * FROM audit")) == n


def test_a_place_that_cannot_hold_a_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with rejected():
        State(tmp_path / "file")
    (tmp_path / "cases.sqlite").write_text("no database, but more than a hundred letters" * 9)
    with rejected():
        State(tmp_path)
    with rejected(parameter="state", value="sqlite:///cases.sqlite"):
        State("sqlite:///cases.sqlite")


def name(state: State, watch: str) -> None:
    """Begin a watch with an upload that has two rows."""
    run, upload = replace(RUN, id=f"r-{watch}"), Upload("upload/a", ["x", "y"], "00aa")
    with state.together():
        state.keep_watch(replace(WATCH, name=watch), b"a map", author="ann")
        state.name_upload(upload, watch, run=run, cells_of=lambda _: {}, author="ann")
        state.add_run(watch, run, author="ann")


def test_an_upload_is_named_once(state: State) -> None:
    decide(state, "upload/a", [NewDecision("1", CONFIRMED)], author="bob")
    name(state, "first")
    lines = state.database.rows("SELECT said FROM audit")
    with rejected(value="first"):
        name(state, "second")
    assert state.database.rows("SELECT said FROM audit") == lines
    [(upload, naming)] = state.named().items()
    assert (upload, *naming[1:]) == ("upload/a", "first", "r-first")
    assert [*state.last_decisions("first")] == ["y"]
    assert verify(state).faults == ()


@pytest.mark.parametrize("key", ["2", "-1", "01", "a row"])
def test_a_case_that_is_no_row_of_the_table_is_not_moved(state: State, key: str) -> None:
    for word in (CONFIRMED, OPEN):
        state.decide(Decision("upload/a", key, word, author="bob"))
    lines = state.database.rows("SELECT said FROM audit")
    with rejected(value=key):
        name(state, "first")
    assert state.database.rows("SELECT said FROM audit") == lines


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"watch": "upload/a", "name": "x"},
        {"watch": "upload/a", "name": 7, "run": "r"},
    ],
)
def test_a_damaged_line_names_no_upload(state: State, said: dict[str, Any]) -> None:
    with state.database.change() as change:
        add_line(change, "named", said, author="eve", key=None)
    assert state.named() == {}
