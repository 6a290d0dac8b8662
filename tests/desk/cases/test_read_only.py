"""A state on a disk that takes no changes is read as it is; a full disk is named."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pytest
from command_line import run
from disks import fill_up, held, read_only, small_disk
from some_cases import KEY, fill
from texts import rejected

from somscape.desk.cases import Decision, State, backup, verify
from somscape.desk.store import _sqlite
from somscape.desk.store._places import FILE
from somscape.errors import InputError

SAID = Decision("cards", "a", "later", "", "ann")
KILLED = """
import os, sys
from some_cases import fill
from somscape.desk.cases import State
fill(State(sys.argv[1]))
os._exit(0)
"""
COMMANDS = (
    *(("audit", "verify"), ("audit", "list"), ("audit", "head")),
    *(("cases", "watches"), ("cases", "watches", "--json"), ("cases", "list", "cards")),
    ("cases", "list", "cards", "--format", "csv"),
)


@pytest.fixture(params=["closed", "killed", "killed and copied without the index"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state whose last changes are in its file, or in the journal alone."""
    folder = tmp_path / "state"
    if request.param == "closed":
        with State(folder) as state:
            fill(state)
        assert not (folder / f"{FILE}-wal").exists()
        return folder
    here = [str(Path(__file__).parents[2]), *sys.path]
    subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(here)},
        check=True,
    )
    assert (folder / f"{FILE}-wal").stat().st_size
    if request.param != "killed":
        (folder / f"{FILE}-shm").unlink()
    return folder


def test_reading_commands_answer_as_of_a_copy_and_change_nothing(
    folder: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    with read_only(folder):
        before = held(folder)
        for words in COMMANDS:
            found = run(*words, "--state", folder)
            assert found.code == 0, found.err
            there = run(*words, "--state", copy)
            assert found.out.replace(str(folder), str(copy)) == there.out
        assert held(folder) == before


def test_whatever_changes_something_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    with read_only(folder), State(folder) as state:
        before = held(folder)
        assert verify(state).n_lines == 7
        with rejected():
            state.decide(SAID)
        assert state.history("cards", "a")[-1].state == "confirmed"
        assert backup(state, tmp_path / "monday.sqlite").n_lines == 7
        marked = run("cases", "mark", "cards", "a", "later", "--state", folder)
        assert marked.code == 2
        assert marked.err.count("\n") == 1
        assert "read-only" in marked.err
        assert "give the copy with --state" in marked.err
        assert held(folder) == before
    with State(folder) as state:
        state.decide(SAID)


def test_threads_read_at_once_as_of_one_moment(folder: Path) -> None:
    with read_only(folder), State(folder) as state, state.database.snapshot() as read:
        n = read.rows("SELECT count(*) AS n FROM audit")
        with State(folder) as other:
            assert other.database.rows("SELECT count(*) AS n FROM audit") == n == [{"n": 7}]


def decide_often(state: State) -> None:
    for i in range(1000):
        state.decide(SAID, token=f"t{i}")


def may_not_write(path: Path) -> bool:
    """Say that the one who asks may not write; others can, as outside of a container."""
    return False


def written_by_another(folder: Path, key: str) -> sqlite3.Connection:
    db = sqlite3.connect(folder / FILE, isolation_level=None)
    db.execute("INSERT INTO salts VALUES ('cards', ?, 's')", (key,))
    return db


def test_what_others_write_meanwhile_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sqlite, "_may_write", may_not_write)

    def keys(state: State) -> set[str]:
        return {row["key"] for row in state.database.rows("SELECT key FROM salts")}

    with State(folder) as state:
        before = keys(state)
        with closing(written_by_another(folder, "first")):
            assert keys(state) == before | {"first"}
            with closing(written_by_another(folder, "second")):
                assert keys(state) == before | {"first", "second"}
        assert keys(state) == before | {"first", "second"}  # the last one has emptied the journal


def test_a_folder_without_a_state_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with read_only(folder), rejected():
        State(folder)


def test_a_state_of_another_version_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sqlite, "_may_write", may_not_write)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("CREATE TABLE somscape_schema (version INTEGER NOT NULL)")
        db.execute("INSERT INTO somscape_schema VALUES (99)")
        db.commit()
    before = held(tmp_path)
    with rejected(value="99", allowed=(1,)):
        State(tmp_path)
    assert held(tmp_path) == before


def test_a_file_that_reached_its_limit_names_the_full_disk(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        fill(state)
        [size] = state.database.rows("PRAGMA page_count")
        state.database.rows(f"PRAGMA max_page_count = {size['page_count']}")  # an error 13, too
        with rejected():
            decide_often(state)
        state.database.rows("PRAGMA max_page_count = 1000000")
        state.decide(SAID)
        assert verify(state).faults == ()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, " is full. "),
        (errno.EDQUOT, " left in your quota. "),
        (errno.EFBIG, ""),
    ],
)
def test_an_error_of_the_disk_is_looked_into(
    number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    found = str(_sqlite.trouble_of(error, tmp_path / FILE, 1) or "")
    assert found.startswith(f"{tmp_path / FILE}: the disk at ") if said else found == ""
    assert said in found


def test_a_full_disk_is_named_whether_one_reads_or_writes(tmp_path: Path) -> None:
    with State(tmp_path / "state") as state:
        fill(state)
    disk = tmp_path / "disk"
    with small_disk(disk, 300_000):
        shutil.copy(tmp_path / "state" / FILE, disk)
        full = fill_up(disk)
        for words in (*COMMANDS, ("cases", "mark", "cards", "a", "later")):
            found = run(*words, "--state", disk)
            assert found.code == 2
            line = f"Error: {disk / FILE}: the disk at {disk} is full. "
            assert found.err.startswith(line), found.err
            assert found.err.count("\n") == 1
        full.unlink()
        assert run("audit", "verify", "--state", disk).code == 0
        with State(disk) as state:
            fill_up(disk)
            with suppress(InputError):
                decide_often(state)
            with rejected():
                state.decide(SAID)
            assert state.history("cards", KEY)
            full.unlink()
            state.decide(SAID)
            assert verify(state).faults == ()
