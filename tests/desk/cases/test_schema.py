"""An older state becomes today's once, whole or not at all, whoever comes first."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from golden.make import HERE
from golden.make import KEY as KEY_OF_SEALED
from some_cases import PLACES, fill, place_for
from texts import rejected

from somscape.desk.cases import Decision, State, Verdict, forget, forget_old, restore, verify
from somscape.desk.cases import _database as _schema
from somscape.desk.cases._database import FILE
from somscape.desk.cases.records import NewRun

SECOND = "ALTER TABLE kept ADD COLUMN sent TEXT; CREATE TABLE later (x {bytes});"
HALF = "ALTER TABLE kept ADD COLUMN sent TEXT; CREATE TABLE audit (x INTEGER);"


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    return place_for(request.param, request, tmp_path)


@pytest.fixture
def old(place: str | Path) -> str | Path:
    """A state of step 1."""
    with State(place) as state:
        fill(state)
    return place


def version(state: State) -> int:
    return state.database.rows("SELECT version FROM somscape_schema")[0]["version"]


def test_a_state_of_the_first_step_is_brought_to_later_ones(
    old: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_schema, "STEPS", (*_schema.STEPS, SECOND))
    with State(old) as state:
        assert version(state) == 2
        assert state.database.rows("SELECT * FROM later") == []
        assert {row["sent"] for row in state.database.rows("SELECT sent FROM kept")} == {None}
        assert len(state.history("cards", "a")) == 1
        assert verify(state).faults == ()
    with State(old) as state:
        assert version(state) == 2


def test_a_step_that_fails_leaves_the_older_state(
    old: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_schema, "STEPS", (*_schema.STEPS, HALF))
        with rejected():
            State(old)
    with State(old) as state:
        assert version(state) == 1
        assert "sent" not in state.database.rows("SELECT * FROM kept")[0]
        assert verify(state).faults == ()


MANY = """
import sys
from somscape.desk.cases import State, _database as _schema
_schema.STEPS = (*_schema.STEPS, sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
with State(sys.argv[1]) as state:
    print(state.database.rows("SELECT version FROM somscape_schema"))
"""


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "old"])
def test_processes_that_start_at_once_take_each_step_once(is_new: bool, place: str | Path) -> None:
    if not is_new:
        with State(place) as state:
            fill(state)
    words = [sys.executable, "-c", MANY, str(place), SECOND]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:  # all wait for this line, and go on within a moment
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "[{'version': 2}]\n")


def test_a_new_file_that_somebody_else_writes_to_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, other.rollback).start()
    with State(tmp_path) as state:
        assert version(state) == 1
    other.close()


@pytest.mark.nightly
def test_who_may_only_read_can_check_the_audit(
    postgresql: object, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = str(place_for("postgresql", request, tmp_path))
    with State(place) as state:
        fill(state)
        with state.database.change() as change:
            change.rows("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor")
    with State(place.replace("//boss@", "//auditor@")) as state:
        assert verify(state).n_lines == 7
        with rejected():
            fill(state)


def do(state: State, sql: str) -> None:
    with state.database.change() as change:
        change.rows(sql)


def verdict_on(place: Path, *head: str, key: bytes | None = None) -> Verdict:
    with State(place, key) as state:
        return verify(state, *head)


@pytest.fixture(params=sorted(HERE.glob("*/*.sqlite")), ids=lambda path: f"{path.parent.name}")
def older(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, bytes | None]:
    """A state of an earlier version, copied, and the key of its seals."""
    shutil.copy(request.param, tmp_path / "cases.sqlite")
    return tmp_path, KEY_OF_SEALED if request.param.stem == "sealed" else None


def test_an_audit_of_an_earlier_version_holds_with_a_note(older: tuple[Path, bytes | None]) -> None:
    place, key = older
    found = verdict_on(place, key=key)
    assert (found.faults, found.unchecked, found.n_lines) == ((), (), 14)
    assert found.n_sealed == (14 if key else 0)
    assert found.forgotten == (
        "eve forgot 1 case of the watch 'cards' on 2023-04-05T08:00:00+00:00 (line 13), with "
        "1 decision (line 6) and 4 rows of runs.",
        "cron forgot 39 cases of the watch 'loans' on 2023-04-05T08:00:00+00:00 (line 14), with "
        "0 decisions and 8 rows of runs.",
    )
    assert found.n_forgotten == 40
    [note] = found.notes
    assert "the lines of 6 runs and 4 decisions, up to line 12." in note
    if key is not None:
        [said] = verdict_on(place).unchecked
        assert said.endswith("the key of the seals can show who wrote lines 13, 14. Give the key.")


def test_an_earlier_version_did_not_cover_kept_cells_and_tokens(
    older: tuple[Path, bytes | None],
) -> None:
    place, key = older
    with State(place, key) as state:
        do(state, "UPDATE kept SET cells = '{}'")
        do(state, "UPDATE decisions SET token = 'x' || number")
        assert verify(state).faults == ()  # as the note says
        do(state, "UPDATE decisions SET comment = 'x' WHERE number = 5")
        assert verify(state).faults == ("the decision of line 5 differs from the line (comment).",)


def test_an_audit_of_an_earlier_version_goes_on(older: tuple[Path, bytes | None]) -> None:
    place, key = older
    with State(place, key) as state:
        state.decide(Decision("cards", "c005", "open", "again", "ann"), token="t")
        forget(state, "cards", "c005", author="eve")
        forget_old(state, "cards", 24, author="cron")
        state.add_run(
            "cards", NewRun("r1", "x", "0", b"m", {}, (), {"c1": {"age": 3}}), author="ann"
        )
        verdict = verify(state)
        assert (verdict.faults, verdict.unchecked, verdict.n_lines) == ((), (), 18)
        assert verdict.forgotten[3].endswith("and the values of 3 older runs.")
        do(state, "UPDATE kept SET cells = '{}' WHERE run = 'r1'")
        assert verify(state).faults == (
            "the run of line 18 keeps values that differ from the line.",
        )


def test_an_earlier_version_forgot_without_a_seal(tmp_path: Path) -> None:
    """Nobody refused this, so a person has to check the line once and note a head."""
    [file] = HERE.glob("*/sealed.sqlite")
    shutil.copy(file, tmp_path / "cases.sqlite")
    with State(tmp_path, KEY_OF_SEALED) as state:
        do(state, "UPDATE audit SET seal = NULL WHERE number > 12")
        noted = state.head()
        state.decide(Decision("cards", "c005", "open"))
        verdict = verify(state)
        assert (verdict.faults, len(verdict.unchecked)) == ((), 1)
        assert "the key cannot show who wrote lines 13, 14, because the app" in verdict.unchecked[0]
        before = state.database.rows("SELECT head FROM audit WHERE number = 13")[0]["head"]
        assert "who wrote line 14," in verify(state, before).unchecked[0]
        assert verify(state, noted).unchecked == ()
        assert verdict_on(tmp_path, noted).unchecked  # the key is needed all the same


def test_a_backup_of_an_earlier_version_is_restored(
    older: tuple[Path, bytes | None], tmp_path: Path
) -> None:
    place, key = older
    with State(tmp_path / "new", key) as state:
        verdict = restore(state, place / "cases.sqlite")
        assert verdict == verify(state)
        assert verdict.notes
