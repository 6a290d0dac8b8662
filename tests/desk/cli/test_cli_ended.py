"""What ends a command in the middle: one message, and nothing left."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from forked import IN_A_PROCESS
from pyarrow import parquet

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals, and sets limits"),
]

SETTING = """
import os, resource, signal
from somscape import _stored
from somscape.fit import _train
from somscape.tables import _cells
_stored.LARGE = _stored.EXTENT = 1  # each array is in a file of its own

def at(number, module, name, happens):
    original, calls = getattr(module, name), []
    def call(*words, **more):
        calls.append(1)
        if len(calls) == number:
            happens()
        return original(*words, **more)
    setattr(module, name, call)

def ended():
    os.kill(os.getpid(), signal.SIGTERM)

def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
"""
N_TOLD = 2000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the same rows in several kinds, and with one for temporary files."""
    (tmp_path / "waiting").mkdir()
    rng = np.random.default_rng(0)
    rows = pa.table({name: rng.normal(size=N_TOLD) for name in "abc"})
    (tmp_path / "parts").mkdir()
    for number in range(4):
        parquet.write_table(rows[500 * number :][:500], tmp_path / "parts" / f"{number}.parquet")
    parquet.write_table(rows, tmp_path / "t.parquet")
    rows.to_pandas().to_csv(tmp_path / "t.csv", index=False)
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection, connection:
        connection.execute("CREATE TABLE t (a, b, c)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows.to_pandas().to_numpy())
    return tmp_path


def run(folder: Path, happens: str, *words: Any) -> tuple[int, list[str]]:
    """Run a command to which something happens; return its code and its last message."""
    done = subprocess.run(
        [sys.executable, "-c", f"{SETTING}\n{happens}\n{IN_A_PROCESS}", *map(str, words)],
        capture_output=True,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "waiting")},
        timeout=120,
        check=False,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.split("\n\n")[-1].splitlines()


TABLES = {
    "files": ("parts",),
    "file": ("t.parquet",),
    "text": ("t.csv",),
    "database": ("sqlite:///t.db", "--table", "t"),
}
STEPS: dict[str, str] = {
    "a table is kept": "at(1, _cells, '_write', {})",
    "an array is made": "at(2, _stored, 'temporary', {})",
    "the map trains": "at(2, _train, 'step', {})",
}


def left(folder: Path) -> list[str]:
    """Return the files that a command left, and their places."""
    given = {"parts", "t.parquet", "t.csv", "t.db", "waiting"}
    found = {path.name for path in folder.iterdir()} - given
    return [*sorted(found), *(path.name for path in (folder / "waiting").iterdir())]


@pytest.mark.parametrize(
    ("command", "table", "step"),
    [
        ("fit", "files", "a table is kept"),
        ("fit", "file", "an array is made"),
        ("detect", "text", "an array is made"),
        ("detect", "database", "a table is kept"),
        ("detect", "files", "the map trains"),
    ],
)
def test_sigterm(folder: Path, command: str, table: str, step: str) -> None:
    happens = STEPS[step].format("ended")
    code, told = run(folder, happens, command, *TABLES[table], "--out", "out.som")
    assert (code, told[-1:]) == (1, ["Aborted!"])
    assert left(folder) == []


@pytest.mark.parametrize(
    ("command", "table", "step"),
    [
        ("fit", "files", "a table is kept"),
        ("detect", "database", "a table is kept"),
        ("detect", "file", "an array is made"),
        ("fit", "text", "an array is made"),
    ],
)
def test_a_full_disk(folder: Path, command: str, table: str, step: str) -> None:
    happens = STEPS[step].format("full")
    code, told = run(folder, happens, command, *TABLES[table], "--out", "out.som")
    assert (code, told) == (2, [no_room(folder)])
    assert left(folder) == []


def no_room(folder: Path) -> str:
    return (
        f"Error: a temporary file for rows in {folder / 'waiting'} cannot be written (File too"
        " large). Free some space there, or set the environment variable TMPDIR to another folder."
    )
