"""Copy a state to a backup file, and copy the contents of a backup file into a state."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from somscape._files import whole
from somscape.desk.cases.audit import Verdict, verdict_on
from somscape.desk.cases.records import NOTHING, add_line
from somscape.desk.cases.state import State
from somscape.desk.store._connections import Transaction
from somscape.desk.store._copies import (
    cleared,
    copy_tables,
    counts_of,
    is_backup,
    is_finished,
    new_file,
    open_copy,
)
from somscape.desk.store._definitions import changes_of_tables
from somscape.desk.store._schema import prepare
from somscape.errors import InputError
from somscape.tables._messages import counted


def backup(state: State, path: str | Path) -> Verdict:
    """Copy a state to one file, completely or not at all.

    The copy contains the state as it was at one moment.  During the copying, other users can make
    decisions.  At the end, the audit in the backup file is checked.

    Parameters
    ----------
    state : State
    path : str or Path
        Path of the backup, which is an SQLite file even if the state is in PostgreSQL.  An older
        backup is replaced.

    Returns
    -------
    Verdict
        The result of checking the audit.  Faults in the audit are copied too.

    Raises
    ------
    InputError
        If the audit of the state is empty, if `path` is an existing file that is not a backup, or
        if the backup differs from the state.
    OSError
        If the file cannot be written.

    See Also
    --------
    restore : Copy a backup into a state.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, backup
    >>> watch = Watch("cards", ("id",), "cards.csv")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     print(backup(state, f"{folder}/monday.sqlite").n_lines)
    1
    """
    state.check_has_lines()
    _check_target(state, Path(path))
    with whole(path) as making:
        with closing(new_file(making, path)) as copy:
            prepare(copy)
            with state.database.snapshot() as read, copy.change() as change:
                n_rows = copy_tables(read, change)
                before = verdict_on(read, state.audit_key)
            with copy.snapshot() as read:
                after = verdict_on(read, state.audit_key)
                is_same = after == before and n_rows == counts_of(read)
            is_whole = is_finished(copy)
        if not (is_same and is_whole):
            raise InputError(
                f"The backup in {path} differs from {state.database.name}. Write the backup to "
                "another disk.",
                file=path,
            )
    return after


def restore(state: State, path: str | Path, *, force: bool = False, author: str = "") -> Verdict:
    """Replace the contents of a state with a backup, completely or not at all.

    If the replaced state had an audit, a new line in the restored audit records its head.

    Parameters
    ----------
    state : State
        The state to replace.  Without `force`, it must be empty.
    path : str or Path
        A file that `backup` wrote.
    force : bool, default=False
        Whether to replace a state with contents.  These contents are lost.
    author : str, default=""
        Name of the person who restores the backup.

    Returns
    -------
    Verdict
        The result of checking the audit in the backup.

    Raises
    ------
    InputError
        If the file is not a backup, if the audit in the backup has faults, or if the state is not
        empty and `force` is false.

    See Also
    --------
    backup : Copy a state to a file.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, backup, restore
    >>> watch = Watch("cards", ("id",), "cards.csv")
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
        raise InputError(
            f"{path} does not exist. Give a file that `somscape backup` wrote.", file=path
        )
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_copy(file, Path(folder))) as copy,
        copy.snapshot() as read,
        state.database.change() as change,
    ):
        verdict = verdict_on(read, state.audit_key)
        faults = (*verdict.faults, *changes_of_tables(copy, read))
        if faults:
            fault = faults[0].rstrip(".")
            raise InputError(
                f"{path} was changed after it was written ({fault}). Nothing was restored.",
                file=path,
            )
        lost = _make_room(change, state.database.name, force=force)
        if copy_tables(read, change) != counts_of(change):
            raise InputError(
                f"{path} could not be copied completely. Nothing was restored.", file=path
            )
        if lost is not None:
            add_line(change, "restored", lost, author=author, key=state.audit_key)
    return verdict


def _check_target(state: State, target: Path) -> None:
    """Raise InputError if the file that a backup would replace is not itself a backup."""
    if not target.exists():
        return
    own = Path(state.database.name)
    if not state.database.is_server and own.exists() and target.samefile(own):
        raise InputError(
            f"{target} is the file of the state itself. Give the name of a new file.", file=target
        )
    file = target.resolve()
    if file.with_name(f"{file.name}-wal").exists():
        raise InputError(
            f"{target} is a database in use. Give the name of a new file.", file=target
        )
    if not file.is_file() or not is_backup(file):
        raise InputError(
            f"{target} exists and is not a backup, so it was not replaced. Give the name of a new "
            "file.",
            file=target,
        )


def _make_room(change: Transaction, name: str, *, force: bool) -> dict[str, Any] | None:
    """Delete all rows of a state. Return facts about its audit, or None for an empty state."""
    n = sum(counts_of(change).values())
    if n and not force:
        lines = counted(counts_of(change)["audit"], "line")
        raise InputError(
            f"{name} is not empty. Its audit has {lines}, which would be lost.",
            options="--state NEW restores to another place, --force replaces this state",
            file=name,
        )
    last = cleared(change)
    if not n:
        return None
    number, head = last[0].values() if last else (0, NOTHING)
    return {"lines_before": number, "head_before": head}
