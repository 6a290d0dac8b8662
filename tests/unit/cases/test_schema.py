"""An older state becomes today's once, whole or not at all, whoever comes first."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from some_cases import PLACES, fill, place_for

from somscape.cases import State, _schema, verify
from somscape.cases._opened import FILE
from somscape.errors import InputError

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
        with pytest.raises(InputError, match="already exists"):
            State(old)
    with State(old) as state:
        assert version(state) == 1
        assert "sent" not in state.database.rows("SELECT * FROM kept")[0]
        assert verify(state).faults == ()


MANY = """
import sys
from somscape.cases import State, _schema
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


@pytest.mark.sql
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
        with pytest.raises(InputError, match="permission denied"):
            fill(state)
