"""Copy the tables of a state to a file, and from a file."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from somscape.desk.store._connections import Row, StateDatabase, Transaction
from somscape.desk.store._schema import TABLES, prepare
from somscape.desk.store._sqlite import SQLite
from somscape.errors import InputError

MOST_ROWS = 10_000
"""Number of rows to copy at once."""

FEW = {"maps": 1}
"""Number of rows to copy at a time, for the tables whose rows are large."""

WHOLE = [{"integrity_check": "ok"}]
"""Rows that SQLite's integrity check returns for an undamaged file."""

HEADER = b"SQLite format 3\0"
"""First bytes of an SQLite file."""

WRITES_AT, WITHOUT_JOURNAL = 18, b"\1"
"""Position of the byte for the journal mode in an SQLite file, and its value in a backup."""

OF_A_STATE = "SELECT name FROM sqlite_master WHERE name IN ('audit', 'decisions')"
N_OF_A_STATE = 2
"""Query that finds two tables which every state contains, and the number of these tables."""


def is_backup(file: Path) -> bool:
    """Return whether a file is a backup, and not a state in use."""
    with file.open("rb") as opened:
        first = opened.read(WRITES_AT + 1)
    if not first.startswith(HEADER) or first[WRITES_AT:] != WITHOUT_JOURNAL:
        return False
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
        try:
            return len(db.execute(OF_A_STATE).fetchall()) == N_OF_A_STATE
        except sqlite3.Error:
            return False


def new_file(making: Path, path: str | Path) -> StateDatabase:
    """Open a new file for a backup, which messages call `path`."""
    engine = SQLite(making)
    engine.name = str(path)
    try:
        return StateDatabase(engine)
    except sqlite3.Error as error:
        raise InputError(
            f"{path} cannot be written ({error}). Write the backup to another place.", file=path
        ) from error


def open_copy(file: Path, folder: Path) -> StateDatabase:
    """Open a temporary copy of a backup. The backup itself may be read-only."""
    copy = folder / "copy"
    for suffix in ("", "-wal"):
        part = file.with_name(file.name + suffix)
        if part.exists():
            shutil.copyfile(part, copy.with_name(copy.name + suffix))
    copied, is_backup = None, False
    with suppress(sqlite3.Error, InputError):
        copied = StateDatabase(SQLite(copy))
        is_whole = copied.rows("PRAGMA integrity_check") == WHOLE
        is_backup = is_whole and len(copied.rows(OF_A_STATE)) == N_OF_A_STATE
    if copied is not None and is_backup:
        prepare(copied)
        return copied
    if copied is not None:
        copied.close()
    raise InputError(
        f"{file} is not a complete backup. Give a file that `somscape backup` wrote.", file=file
    )


def copy_tables(read: Transaction, change: Transaction) -> dict[str, int]:
    """Copy the rows of all tables to another database, and return their numbers by table."""
    n_rows = {}
    for table, key in TABLES.items():
        n, size = 0, FEW.get(table, MOST_ROWS)
        while rows := read.rows(f"SELECT * FROM {table} ORDER BY {key} LIMIT {size} OFFSET {n}"):
            change.insert(table, rows)
            n += len(rows)
        n_rows[table] = n
    return n_rows


def counts_of(read: Transaction) -> dict[str, int]:
    """Return the numbers of rows by table."""
    return {table: read.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES}


def cleared(change: Transaction) -> list[Row]:
    """Delete the rows of all tables, and return the last line of the audit if there was one."""
    last = change.rows("SELECT number, head FROM audit ORDER BY number DESC LIMIT 1")
    for table in reversed(TABLES):
        change.rows(f"DELETE FROM {table}")
    return last


def is_finished(copy: StateDatabase) -> bool:
    """Make a backup a single file without a journal. Return whether it is undamaged."""
    copy.rows("PRAGMA journal_mode = DELETE")
    return copy.rows("PRAGMA integrity_check") == WHOLE
