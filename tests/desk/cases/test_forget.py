"""What is forgotten is nowhere in the files, and the audit still holds."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from some_cases import KEY, PLACES, SECRETS, fill, new_database, place_for
from texts import rejected

from somscape.desk.cases import Decision, State, forget, forget_old, verify
from somscape.desk.cases.decide import NewDecision, decide
from somscape.desk.cases.forgotten import forget_all, months_ago
from somscape.desk.cases.records import UNNAMED, Listed, NewRun, is_forgotten, kept_hash

C = "check-0123456789"


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    return place_for(request.param, request, tmp_path)


def test_nothing_of_a_forgotten_case_is_left(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        fill(state)
        state.database.swept()
        salt = state.database.rows("SELECT salt FROM salts WHERE key = ?", (KEY,))[0]["salt"]
        for secret in (*SECRETS, salt):
            assert secret.encode() in bytes_in(tmp_path)
        found = forget(state, "cards", KEY, author="eve")
        assert (found.n_cases, found.is_swept) == (1, True)
        for secret in (*SECRETS, salt):  # also while the state is open
            assert secret.encode() not in bytes_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cases.sqlite"]


def test_the_audit_tells_that_and_not_whom(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        head = state.head()
        forget(state, "cards", KEY, author="eve")
        found = verify(state, head)
        assert (found.faults, found.n_lines) == ((), 8)
        assert "of line 7," in str(found.found)
        said = json.loads(state.database.rows("SELECT said FROM audit WHERE number = 8")[0]["said"])
        [token] = said.pop("cases")
        assert is_forgotten(token)
        assert said | {"made": ""} == {
            "number": 8,
            "made": "",
            "author": "eve",
            "kind": "forgotten",
            "sealed": False,
            "watch": "cards",
            "emptied": [],
        }
        decided = [
            (each.state, each.author, each.comment) for each in state.history("cards", token)
        ]
        assert decided == [("cleared", "bob", ""), ("confirmed", "ann", "")]
        assert {case.key for case in state.cases("cards")} == {"a", "c"}
        assert not state.history("cards", KEY)
        assert KEY not in state.kept("r1")


def test_a_forgotten_case_may_come_again_and_be_forgotten_again(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        for _ in range(2):
            assert forget(state, "cards", KEY, author="eve").n_cases == 1
            assert verify(state).faults == ()
            state.decide(Decision("cards", KEY, "later", "here again", "ann"))
        assert verify(state).faults == ()


def test_what_nobody_told_of_as_forgotten_is_missed(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        forget(state, "cards", KEY, author="eve")
        with state.database.change() as change:
            change.rows("DELETE FROM decisions WHERE number = 4")
            change.rows("DELETE FROM listed WHERE run = 'r1' AND key LIKE 'forgotten-%'")
        faults = "\n".join(verify(state).faults)
        for words in ("the decision of line 4 was deleted.", "line 2 differs"):
            assert words in faults


def test_what_is_not_there_cannot_be_forgotten(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        with rejected(parameter="watch", value="loans"):
            forget(state, "loans", KEY, author="eve")
        with rejected(parameter="key", value="nobody"):
            forget(state, "cards", "nobody", author="eve")
        assert verify(state).n_lines == 7


def test_a_key_that_is_only_kept_is_forgotten_too(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        assert forget(state, "cards", "unlisted", author="eve").n_cases == 1
        assert "unlisted" not in state.kept("r2")


def test_old_cases_that_nobody_decided_are_forgotten(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        with state.database.change() as change:
            change.rows("DELETE FROM decisions WHERE key = 'c'")
        assert forget_old(state, "cards", 6, author="cron").n_cases == 0
        assert len(state.database.rows("SELECT * FROM audit")) == 7  # nothing done, nothing said
        with state.database.change() as change:
            change.rows("UPDATE runs SET made = '2020-01-01T00:00:00+00:00'")
        found = forget_old(state, "cards", 6, author="cron")
        assert (found.n_cases, found.n_emptied) == (2, 1)  # "c" and "unlisted"
        assert {case.key for case in state.cases("cards")} == {"a", KEY}
        assert state.kept("r1") == {}
        assert set(state.kept("r2")) == {"a", KEY}  # with which the next run compares


def test_decided_cases_expire_where_that_is_asked_for(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        with state.database.change() as change:
            change.rows("UPDATE runs SET made = '2020-01-01T00:00:00+00:00'")
            old = "UPDATE decisions SET made = '2020-02-01T00:00:00+00:00' WHERE key"
            change.rows(f"{old} IN ('a', 'c')")
        assert forget_old(state, "cards", 6, author="cron").n_cases == 1  # "unlisted"
        found = forget_old(state, "cards", 6, author="cron", decided=True)
        assert found.n_cases == 2
        assert {case.key for case in state.cases("cards")} == {KEY}  # whose decision is new
        with state.database.change() as change:
            change.rows("UPDATE runs SET made = '2999-01-01T00:00:00+00:00' WHERE id = 'r2'")
            change.rows("UPDATE decisions SET made = '2020-02-01T00:00:00+00:00'")
        assert forget_old(state, "cards", 6, author="cron", decided=True).n_cases == 0  # in a run


def test_kept_rows_of_old_runs_go_where_their_cases_stay(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        n_lines = verify(state).n_lines
        with state.database.change() as change:
            change.rows("UPDATE runs SET made = '2020-01-01T00:00:00+00:00' WHERE id = 'r1'")
        found = forget_old(state, "cards", 6, author="cron")
        assert (found.n_cases, found.n_emptied) == (0, 1)
        assert (state.kept("r1"), len(state.listed("r1"))) == ({}, 3)
        assert len(state.kept("r2")) == 3
        verdict = verify(state)
        assert verdict.n_lines == n_lines + 1
        assert "and the values of 1 older run." in verdict.forgotten[0]
        assert forget_old(state, "cards", 6, author="cron").n_emptied == 0


@pytest.mark.parametrize(
    ("months", "then"),
    [(1, "2024-02-29"), (12, "2023-03-31"), (15, "2022-12-31"), (4, "2023-11-30")],
)
def test_months_ago_by_hand(months: int, then: str) -> None:
    assert months_ago(datetime(2024, 3, 31, tzinfo=UTC), months)[:10] == then


def test_who_reads_meanwhile_keeps_the_journal_and_that_is_said(tmp_path: Path) -> None:
    with State(tmp_path) as state, State(tmp_path) as other:
        fill(state)
        with other.database.snapshot() as read:
            read.rows("SELECT * FROM decisions")
            state.database.wait = 0.1
            assert not forget(state, "cards", KEY, author="eve").is_swept
        assert state.database.swept()
        assert SECRETS[1].encode() not in bytes_in(tmp_path)


def test_whoever_forgets_in_a_state_with_seals_gives_the_key(place: str | Path) -> None:
    with State(place, b"k" * 32) as state:
        fill(state)
    with State(place) as state:
        for ask in (
            lambda: forget(state, "cards", KEY, author="eve"),
            lambda: forget_old(state, "cards", 6, author="cron"),
        ):
            with rejected(parameter="audit_key"):
                ask()
        assert verify(state).n_lines == 7
    with State(place, b"k" * 32) as state:
        assert forget(state, "cards", KEY, author="eve").n_cases == 1
        assert verify(state).faults == ()


def test_the_app_forgets_an_upload_in_a_state_with_seals(place: str | Path) -> None:
    upload = f"{UNNAMED}a"
    with State(place, b"k" * 32) as state:
        fill(state)
        decide(state, upload, [NewDecision("3", "confirmed", SECRETS[1])], author="ann")
    with State(place) as state:
        forget_all(state, upload, author="ann")
        assert (state.history(upload, "3"), state.n_decided([upload])) == ([], {})
        verdict = verify(state)
        assert (verdict.faults, verdict.n_forgotten) == ((), 1)
    with State(place, b"k" * 32) as state:
        decide(
            state, "cards", [NewDecision("a", "later")], author="ann"
        )  # a seal confirms the lines before
        assert verify(state).faults == ()


def test_hashes_that_stay_say_nothing_of_a_forgotten_case(place: str | Path) -> None:
    with State(place) as state:
        fill(state)
        salts = state.database.rows("SELECT key, salt FROM salts")
        assert {row["key"] for row in salts} == {"a", "c", KEY, "unlisted"}
        forget(state, "cards", "unlisted", author="eve")
        [gone] = [row["salt"] for row in salts if row["key"] == "unlisted"]
        cells = '{"age": 4}'
        sql = "SELECT hash FROM kept WHERE run = 'r1' AND key LIKE 'forgotten-%'"
        [stays] = state.database.rows(sql)
        assert stays["hash"] == kept_hash("unlisted", cells, gone)  # which needs the salt
        assert gone not in {row["salt"] for row in state.database.rows("SELECT salt FROM salts")}
        others = ("", *(row["salt"] for row in salts if row["salt"] != gone))
        assert stays["hash"] not in {kept_hash("unlisted", cells, salt) for salt in others}
        assert verify(state).faults == ()


@pytest.mark.nightly
def test_tables_of_another_role_are_not_swept_and_that_is_said(postgresql: Any) -> None:
    place = new_database(postgresql)
    with State(place) as state:
        fill(state)
        with state.database.change() as change:
            change.rows("GRANT ALL ON ALL TABLES IN SCHEMA public TO writer")
        with State(place.replace("boss@", "writer@")) as other:
            assert not forget(other, "cards", KEY, author="eve").is_swept
        assert state.database.swept()


@pytest.mark.parametrize(
    ("said", "is_gone"),
    [
        (f"age 127 (next 69): id {KEY}", True),
        (f"age 127 (next 69): id a, {KEY} and 1,003 more", True),
        (f"age {KEY} (next 69): id a", False),
        (f"{KEY} is below 0: id a, x-{KEY}", False),
        (f"age 127 (next 69): row {KEY}", False),
    ],
)
def test_a_check_is_forgotten_with_its_rows_only(tmp_path: Path, said: str, is_gone: bool) -> None:
    said, key = said.replace(KEY, "7"), "7"
    with State(tmp_path) as state:
        fill(state)
        listed = [Listed(each, 1, 1.0, 0.1, "new", text) for each, text in ((key, ""), (C, said))]
        state.add_run("cards", NewRun("r9", "", "", b"map", {}, listed, {}), author="ann")
        found = forget(state, "cards", key, author="eve")
        assert (found.n_cases, found.n_checks) == (1, int(is_gone))
        assert len(state.listed("r9", key=C)) == 1 - is_gone
        assert verify(state).faults == ()


def test_a_check_is_forgotten_with_a_row_that_its_sentence_does_not_name(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        fill(state)
        listed = [Listed(C, 1, 1.0, 0.1, "new", "age is below 0: id a, b, c, d, e and 1 more")]
        kept = {C: {"now": {"ab12": KEY}, "decided": {"ab12": KEY}}}
        state.add_run("cards", NewRun("r9", "", "", b"map", {}, listed, kept), author="ann")
        assert C not in state.kept("r9")
        assert forget(state, "cards", KEY, author="eve").n_checks == 1
        assert state.kept_checks("r9") == {}
        assert KEY.encode() not in bytes_in(tmp_path)
