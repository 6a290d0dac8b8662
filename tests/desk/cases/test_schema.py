"""The tables of a state are created once, whoever comes first."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from some_cases import PLACES, fill, place_for
from texts import rejected

from somscape.desk.cases import State, verify
from somscape.desk.store._places import FILE


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    return place_for(request.param, request, tmp_path)


def version(state: State) -> int:
    return state.database.rows("SELECT version FROM somscape_schema")[0]["version"]


MANY = """
import sys
from somscape.desk.cases import State
print("ready", flush=True)
sys.stdin.readline()
with State(sys.argv[1]) as state:
    print(state.database.rows("SELECT version FROM somscape_schema"))
"""


def test_processes_that_start_at_once_create_the_tables_once(place: str | Path) -> None:
    words = [sys.executable, "-c", MANY, str(place)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:  # all wait for this line, and go on within a moment
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "[{'version': 1}]\n")


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
