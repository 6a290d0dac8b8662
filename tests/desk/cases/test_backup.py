"""A backup holds all of a state, goes into any other database, and is never half there."""

import json
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from some_cases import KEY, PLACES, fill, place_for
from texts import rejected

from somscape.desk.cases import Decision, State, backup, restore, verify
from somscape.desk.store._schema import TABLES
from somscape.errors import InputError


def everything(state: State) -> dict[str, list[dict]]:
    return {
        table: state.database.rows(f"SELECT * FROM {table} ORDER BY {key}")
        for table, key in TABLES.items()
    }


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    with State(tmp_path / "first") as state:
        fill(state)
        backup(state, tmp_path / "saved.sqlite")
    return tmp_path / "saved.sqlite"


@pytest.mark.parametrize("target", PLACES)
@pytest.mark.parametrize("source", PLACES)
def test_what_is_saved_comes_back_in_any_database(
    source: str, target: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = tmp_path / "saved.sqlite"
    with (
        State(place_for(source, request, tmp_path), b"k" * 16) as first,
        State(place_for(target, request, tmp_path), b"k" * 16) as second,
    ):
        fill(first)
        assert backup(first, file) == verify(first)
        assert restore(second, file) == verify(second) == verify(first)
        assert everything(second) == everything(first)
        second.decide(Decision("cards", KEY, "open"))  # it goes on
        assert verify(second, first.head()).faults == ()
    assert sorted(path.name for path in tmp_path.glob("saved*")) == ["saved.sqlite"]
    assert file.stat().st_mode & 0o777 == 0o600


NOT_COPIED = {"somscape_schema", "app_uploads", "app_runs"}
"""Tables that a backup does not contain. The files of the app are not in a backup either."""


def test_all_tables_are_copied(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        found = state.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {row["name"] for row in found} - NOT_COPIED == set(TABLES)


def test_only_an_empty_state_is_replaced_unless_forced(saved: Path, tmp_path: Path) -> None:
    with State(tmp_path / "second") as state:
        fill(state)
        state.decide(Decision("cards", "c", "open"))
        before = everything(state)
        with rejected():
            restore(state, saved)
        assert everything(state) == before
        head = state.head()
        assert restore(state, saved, force=True, author="eve").n_lines == 7
        with State(tmp_path / "first") as first:
            after = everything(state)
            line = json.loads(after["audit"].pop()["said"])
            assert after == everything(first)
        assert {k: v for k, v in line.items() if k != "made"} == {
            "number": 8,
            "author": "eve",
            "kind": "restored",
            "sealed": False,
            "lines_before": 8,
            "head_before": head,
        }
        assert (verify(state).n_lines, verify(state).faults) == (8, ())


def test_a_backup_that_somebody_changed_is_refused(saved: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(saved)) as db, db:
        db.execute("UPDATE decisions SET comment = 'x' WHERE number = 4")
    with State(tmp_path / "second") as state:
        with rejected():
            restore(state, saved)
        assert verify(state).n_lines == 0


def test_a_backup_with_a_trigger_is_refused(saved: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(saved)) as db, db:
        db.execute("CREATE TRIGGER t AFTER INSERT ON audit BEGIN SELECT 1; END")
    with State(tmp_path / "second") as state:
        with rejected():
            restore(state, saved)
        assert verify(state).n_lines == 0


def test_what_is_no_backup_is_refused(saved: Path, tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.sqlite"
    text.write_text("no database " * 100)
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE mine (x)")
    half = tmp_path / "half"
    half.write_bytes(saved.read_bytes()[: saved.stat().st_size // 2])
    with State(tmp_path / "second") as state:
        for file in (text, other, half, tmp_path / "nothing", tmp_path):
            with rejected():
                restore(state, file)
        assert verify(state).n_lines == 0
    assert not (tmp_path / "nothing").exists()


def test_a_running_states_own_file_is_taken_with_its_journal(tmp_path: Path) -> None:
    with State(tmp_path / "first") as first, State(tmp_path / "second") as second:
        fill(first)
        restore(second, tmp_path / "first" / "cases.sqlite")
        assert everything(second) == everything(first)


def test_a_copy_that_fails_leaves_the_older_one(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()
    monkeypatch.setattr("somscape.desk.cases._backup.counts_of", lambda read: {})
    with State(tmp_path / "first") as state:
        with rejected():
            backup(state, saved)
        with pytest.raises(FileNotFoundError):
            backup(state, tmp_path / "no folder" / "saved")
    assert saved.read_bytes() == before
    assert not list(tmp_path.glob(".somscape-*"))


def test_a_full_disk_is_one_line_and_leaves_the_older_backup(saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with State(tmp_path / "first") as state:
        for n_bytes in (0, 4096, len(before) // 2):
            resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
            try:
                with pytest.raises((InputError, OSError)) as raised:
                    backup(state, saved)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert "\n" not in str(raised.value)
            assert ".somscape-" not in str(raised.value)
        assert saved.read_bytes() == before
        backup(state, saved)
    assert not list(tmp_path.glob(".somscape-*"))


def test_others_may_decide_while_a_backup_is_made(tmp_path: Path) -> None:
    with State(tmp_path / "first") as state, State(tmp_path / "first") as other:
        fill(state)
        with state.database.snapshot() as read:
            read.rows("SELECT * FROM audit")
            other.decide(Decision("cards", KEY, "open"))
            assert len(read.rows("SELECT * FROM audit")) == 7
        assert verify(state).n_lines == 8


def test_nothing_but_an_older_backup_is_replaced(saved: Path, tmp_path: Path) -> None:
    table, other, link = (tmp_path / name for name in ("m3.csv", "other.sqlite", "link"))
    table.write_text("id,age\n1,30\n")
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE audit (number INTEGER)")
    link.symlink_to(tmp_path / "first" / "cases.sqlite")
    with State(tmp_path / "first") as state:
        head = state.head()
        for target in (table, other, tmp_path, link, tmp_path / "first" / "cases.sqlite"):
            with rejected() as said:
                backup(state, target)
            assert str(target) in str(said.value)
        with (
            State(tmp_path / "second") as second,
            rejected(),
        ):
            backup(state, Path(second.database.name))
        with rejected():
            backup(state, Path(second.database.name))
        assert backup(state, saved).head == head == state.head()
    assert table.read_text() == "id,age\n1,30\n"


def test_an_empty_state_does_not_take_the_place_of_a_good_backup(
    saved: Path, tmp_path: Path
) -> None:
    before = saved.read_bytes()
    with State(tmp_path / "mistyped") as state, rejected(parameter="state"):
        backup(state, saved)
    assert saved.read_bytes() == before
