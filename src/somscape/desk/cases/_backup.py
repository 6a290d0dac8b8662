"""A copy of a state in one file, and back, from whatever database to whatever other."""

import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from somscape._files import whole
from somscape.desk.cases._chain import NOTHING, add_line
from somscape.desk.cases._database import TABLES, StateDatabase, Transaction, brought_up_to_date
from somscape.desk.cases._sqlite import SQLite
from somscape.desk.cases.audit import Verdict, changes_of_tables, verdict_on
from somscape.desk.cases.state import State, insert
from somscape.errors import InputError
from somscape.tables._messages import counted

MOST_ROWS = 10_000
"""Rows that are copied at once."""

FEW = {"maps": 1}
"""Of tables whose rows are large."""

WHOLE = [{"integrity_check": "ok"}]
"""What SQLite says of a file without damage."""

HEADER = b"SQLite format 3\0"
"""How a file of SQLite begins."""

WRITES_AT, WITHOUT_JOURNAL = 18, b"\1"
"""The byte that tells a backup from a state's own file, which has a journal beside it."""

OF_A_STATE = "SELECT name FROM sqlite_master WHERE name IN ('audit', 'decisions')"
N_OF_A_STATE = 2
"""Tables that tell a state from other databases."""


def backup(state: State, path: str | Path) -> Verdict:
    """Copy a state as of one moment to a file, whole or not at all.

    Others may decide meanwhile.  The copy is read again, and its audit checked.

    Parameters
    ----------
    state : State
    path : str or Path
        An SQLite file, whatever the state is; an older backup that is there is replaced.

    Returns
    -------
    Verdict
        On the audit.  Its faults are those of the state, which a copy keeps.

    Raises
    ------
    InputError
        If the state has no lines, something else than a backup is there, or the copy does not
        hold what the state holds.
    OSError
        If it cannot be written.

    See Also
    --------
    restore : The way back.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, backup
    >>> watch = Watch("cards", ("id",), "cards.csv", {}, "")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     print(backup(state, f"{folder}/monday.sqlite").n_lines)
    1
    """
    state.check_has_lines()
    _check_target(state, Path(path))
    with whole(path) as making:
        with closing(_new(making, path)) as copy:
            brought_up_to_date(copy)
            with state.database.snapshot() as read, copy.change() as change:
                n_rows = _copy(read, change)
                before = verdict_on(read, state.audit_key)
            with copy.snapshot() as read:
                after = verdict_on(read, state.audit_key)
                is_same = after == before and n_rows == _counts(read)
            # One file, which another program reads without a journal beside it.
            copy.rows("PRAGMA journal_mode = DELETE")
            is_whole = copy.rows("PRAGMA integrity_check") == WHOLE
        if not (is_same and is_whole):
            raise InputError(
                f"{path}: what was written is not what {state.database.name} holds. Write it to "
                "another disk.",
                file=path,
            )
    return after


def restore(state: State, path: str | Path, *, force: bool = False, author: str = "") -> Verdict:
    """Bring a state to what a backup holds, all or nothing.

    Where something is lost, a line more in the audit holds the head that was there before.

    Parameters
    ----------
    state : State
        An empty one.
    path : str or Path
        A file that `backup` wrote, with this or an earlier version of somscape.
    force : bool, default=False
        Whether what the state holds may be lost.
    author : str, default=""
        Who says so.

    Returns
    -------
    Verdict
        On the audit of the backup.

    Raises
    ------
    InputError
        If the file is no backup, or its audit does not hold, or the state holds something.

    See Also
    --------
    backup : Writes the file.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, backup, restore
    >>> watch = Watch("cards", ("id",), "cards.csv", {}, "")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     verdict = backup(state, f"{folder}/monday.sqlite")
    ...     with State(f"{folder}/elsewhere") as other:
    ...         verdict = restore(other, f"{folder}/monday.sqlite")
    ...         print([each.name for each in other.watches()])
    ['cards']
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{path} is not there. Give a file that `somscape backup` wrote.")
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(_opened(file, Path(folder))) as copy,
        copy.snapshot() as read,
        state.database.change() as change,
    ):
        verdict = verdict_on(read, state.audit_key)
        faults = (*verdict.faults, *changes_of_tables(copy, read))
        if faults:
            raise InputError(f"{path} is not as it was written: {faults[0]} Nothing was changed.")
        lost = _make_room(change, state.database.name, force=force)
        if _copy(read, change) != _counts(change):
            raise InputError(f"{path} was not copied whole. Nothing was changed.")
        if lost is not None:
            add_line(change, "restored", lost, author=author, key=state.audit_key)
    return verdict


def _check_target(state: State, target: Path) -> None:
    """Raise InputError where a backup would take the place of something else."""
    if not target.exists():
        return
    own = Path(state.database.name)
    if not state.database.is_server and own.exists() and target.samefile(own):
        raise InputError(f"{target} is the state itself. Give the name of a new file.")
    file = target.resolve()
    if file.with_name(f"{file.name}-wal").exists():
        raise InputError(f"{target} is a database in use. Give the name of a new file.")
    if not file.is_file() or not _is_backup(file):
        raise InputError(
            f"{target} is there and is no backup, so it is not replaced. Give the name of a new "
            "file."
        )


def _is_backup(file: Path) -> bool:
    with file.open("rb") as opened:
        first = opened.read(WRITES_AT + 1)
    if not first.startswith(HEADER) or first[WRITES_AT:] != WITHOUT_JOURNAL:
        return False
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
        try:
            return len(db.execute(OF_A_STATE).fetchall()) == N_OF_A_STATE
        except sqlite3.Error:
            return False


def _new(making: Path, path: str | Path) -> StateDatabase:
    engine = SQLite(making)
    engine.name = str(path)
    try:
        return StateDatabase(engine)
    except sqlite3.Error as error:
        raise InputError(f"{path} cannot be written ({error}). Write it elsewhere.") from error


def _opened(file: Path, folder: Path) -> StateDatabase:
    """Open a copy of a backup, which may be of an earlier version or on a disk that is read
    only.
    """
    copy = folder / "copy"
    for ending in ("", "-wal"):
        part = file.with_name(file.name + ending)
        if part.exists():
            shutil.copyfile(part, copy.with_name(copy.name + ending))
    copied, is_backup = None, False
    with suppress(sqlite3.Error, InputError):
        copied = StateDatabase(SQLite(copy))
        is_whole = copied.rows("PRAGMA integrity_check") == WHOLE
        is_backup = is_whole and len(copied.rows(OF_A_STATE)) == N_OF_A_STATE
    if copied is not None and is_backup:
        brought_up_to_date(copied)
        return copied
    if copied is not None:
        copied.close()
    raise InputError(f"{file} is not a whole backup. Give a file that `somscape backup` wrote.")


def _make_room(change: Transaction, name: str, *, force: bool) -> dict[str, Any] | None:
    """Delete all that a state holds, and return what a line says of it; None for an empty one."""
    n = sum(_counts(change).values())
    if n and not force:
        lines = counted(_counts(change)["audit"], "line")
        raise InputError(
            f"{name} is not empty: its audit has {lines}, which would be lost.",
            options="--state NEW names another place, --force replaces this one",
        )
    last = change.rows("SELECT number, head FROM audit ORDER BY number DESC LIMIT 1")
    for table in reversed(TABLES):
        change.rows(f"DELETE FROM {table}")
    if not n:
        return None
    number, head = last[0].values() if last else (0, NOTHING)
    return {"lines_before": number, "head_before": head}


def _copy(read: Transaction, change: Transaction) -> dict[str, int]:
    """Copy all rows, and return how many of each table."""
    n_rows = {}
    for table, key in TABLES.items():
        n, size = 0, FEW.get(table, MOST_ROWS)
        while rows := read.rows(f"SELECT * FROM {table} ORDER BY {key} LIMIT {size} OFFSET {n}"):
            insert(change, table, rows)
            n += len(rows)
        n_rows[table] = n
    return n_rows


def _counts(read: Transaction) -> dict[str, int]:
    return {table: read.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES}
