"""Cases are forgotten: their keys, texts and cells go, and the audit still holds."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from somscape.desk.cases._chain import FORGOTTEN, add_line, kept_hash, row_hash
from somscape.desk.cases._database import Transaction
from somscape.desk.cases.records import Listed
from somscape.desk.cases.state import State
from somscape.errors import InputError

AT_ONCE = 500
"""Keys in a statement."""

OLD = (
    "SELECT t.key FROM ("
    "  SELECT l.key, r.made FROM listed l JOIN runs r ON r.id = l.run WHERE r.watch = ?"
    "  UNION ALL SELECT k.key, r.made FROM kept k JOIN runs r ON r.id = k.run WHERE r.watch = ?"
    "  UNION ALL SELECT d.key, d.made FROM decisions d WHERE d.watch = ?"
    ") t{where} GROUP BY t.key HAVING max(t.made) < ? ORDER BY t.key"
)
UNDECIDED = " WHERE t.key NOT IN (SELECT d.key FROM decisions d WHERE d.watch = ?)"
"""Keys that neither a run nor a decision since some time has."""

OF_OLD_RUNS = (
    "run IN (SELECT id FROM runs WHERE watch = ? AND made < ? AND number <"
    " (SELECT max(number) FROM runs WHERE watch = ?))"
)
"""Of kept rows; the next run is compared with the last one."""


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten.

    Attributes
    ----------
    n_cases, n_decisions, n_rows : int
        Cases, decisions of them, and rows of lists and kept rows.
    is_swept : bool
        Whether the places on the disk where they stood are overwritten; False where another
        program was using the state just then, or another role owns the tables.

    See Also
    --------
    forget, forget_old

    Examples
    --------
    >>> from somscape.desk.cases import Forgotten
    >>> Forgotten(n_cases=1, n_decisions=2, n_rows=3, is_swept=True).n_decisions
    2
    """

    n_cases: int
    n_decisions: int
    n_rows: int
    is_swept: bool


def forget(state: State, watch: str, key: str, *, author: str) -> Forgotten:
    """Delete what is known of a case.

    The audit tells that a case was forgotten, not which one.

    Parameters
    ----------
    state : State
    watch, key : str
    author : str
        Who says so.

    Returns
    -------
    Forgotten

    Raises
    ------
    InputError
        If there is no such watch or case, or lines of the audit have seals and the state was opened
        without the key.

    See Also
    --------
    forget_old : All cases that nobody decided, once they are old.

    Examples
    --------
    >>> from somscape.desk.cases import State, forget
    >>> with State("state") as state:
    ...     print(forget(state, "cards", "c005", author="ann").n_decisions)
    0
    """
    state.watch(watch)
    with state.database.change() as change:
        _check_key(state, change)
        if not change.rows("SELECT key FROM salts WHERE watch = ? AND key = ?", (watch, key)):
            found = change.rows(
                "SELECT k.key FROM kept k JOIN runs r ON r.id = k.run"
                " WHERE r.watch = ? AND k.key = ? LIMIT 1",
                (watch, key),
            )
            if not found:
                raise InputError(
                    f"the watch '{watch}' has no case {key!r}; there is nothing to forget."
                )
        n_decisions, n_rows = _delete(state, change, watch, [key], author)
    return Forgotten(1, n_decisions, n_rows, state.database.swept())


def forget_old(
    state: State, watch: str, months: int, *, author: str, decided: bool = False
) -> Forgotten:
    """Delete the cases that nobody decided, and that no run of the last months has.

    A run has those that it lists, and those whose rows it keeps for comparing: all decided cases
    that are in its table, and a sample of the others.  The rows that older runs but the last one
    keep go, too; nothing needs them any more.

    Parameters
    ----------
    state : State
    watch : str
    months : int
    author : str
    decided : bool, default=False
        Whether decided cases go, too, if their last decision is as old.  What was learned from them
        is then not learned again, and a cleared one that comes back is new.

    Returns
    -------
    Forgotten

    Raises
    ------
    InputError
        If there is no such watch, or lines of the audit have seals and the state was opened without
        the key.

    See Also
    --------
    forget : One case.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, forget_old
    >>> watch = Watch("cards", ("id",), "cards.csv", {}, "")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     print(forget_old(state, "cards", months=24, author="ann").n_cases)
    0
    """
    state.watch(watch)
    since = months_ago(datetime.now(UTC), months)
    with state.database.change() as change:
        _check_key(state, change)
        where = "" if decided else UNDECIDED
        values = (watch,) * (3 if decided else 4)
        found = change.rows(OLD.format(where=where), (*values, since))
        keys = [row["key"] for row in found]
        of_old, values = f"FROM kept WHERE {OF_OLD_RUNS}", (watch, since, watch)
        old = change.rows(f"SELECT run, count(*) AS n {of_old} GROUP BY run ORDER BY run", values)
        if not keys and not old:
            return Forgotten(0, 0, 0, is_swept=True)
        change.rows(f"DELETE {of_old}", values)
        emptied = [row["run"] for row in old]
        n_decisions, n_rows = _delete(state, change, watch, keys, author, emptied)
        n_rows += sum(row["n"] for row in old)
    return Forgotten(len(keys), n_decisions, n_rows, state.database.swept())


def months_ago(now: datetime, months: int) -> str:
    """Return the same time of an earlier month, on its last day if it has no such day."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    return now.replace(year=year, month=month + 1, day=day).isoformat(timespec="seconds")


def _check_key(state: State, change: Transaction) -> None:
    """Raise InputError if lines have seals and the next line would have none."""
    sealed = "SELECT number FROM audit WHERE seal IS NOT NULL LIMIT 1"
    if state.audit_key is None and change.rows(sealed):
        raise InputError(
            f"lines of the audit of {state.database.name} have seals, so cases are forgotten only "
            "with the key of these seals. Give `audit_key`."
        )


def _delete(
    state: State,
    change: Transaction,
    watch: str,
    keys: Sequence[str],
    author: str,
    emptied: Sequence[str] = (),
) -> tuple[int, int]:
    """Delete cases, and return the numbers of decisions and rows that were deleted with them."""
    decisions: list[int] = []
    n_listed = n_kept = n_hashed = 0
    for first in range(0, len(keys), AT_ONCE):
        some = keys[first : first + AT_ONCE]
        of_cases = f"key IN ({', '.join('?' * len(some))})"
        of_runs = f"run IN (SELECT id FROM runs WHERE watch = ?) AND {of_cases}"
        values = (watch, *some)
        n_listed += _keep_listed(change, of_cases, values)
        n_hashed += _keep_kept(change, of_cases, values)
        n_kept += change.rows(f"SELECT count(*) AS n FROM kept WHERE {of_runs}", values)[0]["n"]
        said = change.rows(f"SELECT number FROM decisions WHERE watch = ? AND {of_cases}", values)
        decisions += [row["number"] for row in said]
        for table in ("listed", "kept"):
            change.rows(f"DELETE FROM {table} WHERE {of_runs}", values)
        for table in ("decisions", "salts"):
            change.rows(f"DELETE FROM {table} WHERE watch = ? AND {of_cases}", values)
    line = {
        "watch": watch,
        "cases": len(keys),
        "decisions": sorted(decisions),
        "rows": n_listed,
        "kept": n_hashed,
        "emptied": list(emptied),
    }
    add_line(change, FORGOTTEN, line, author=author, key=state.audit_key)
    return len(decisions), n_listed + n_kept


def _keep_listed(change: Transaction, of_cases: str, values: Sequence[str]) -> int:
    """Keep the hashes of listed rows, which say nothing more once their salts are deleted."""
    found = change.rows(
        "SELECT l.run, l.key, l.place, l.score, l.p_value, l.news, l.reasons, s.salt FROM listed l"
        " JOIN runs r ON r.id = l.run JOIN salts s ON s.watch = r.watch AND s.key = l.key"
        f" WHERE r.watch = ? AND l.{of_cases}",
        values,
    )
    hashes = [(row.pop("run"), row_hash(salt=row.pop("salt"), row=Listed(**row))) for row in found]
    change.many("INSERT INTO forgotten VALUES (?, ?)", hashes)
    return len(hashes)


def _keep_kept(change: Transaction, of_cases: str, values: Sequence[str]) -> int:
    """Keep the hashes of kept rows in the same way."""
    found = change.rows(
        "SELECT k.run, k.key, k.cells, s.salt FROM kept k JOIN runs r ON r.id = k.run"
        f" JOIN salts s ON s.watch = r.watch AND s.key = k.key WHERE r.watch = ? AND k.{of_cases}",
        values,
    )
    hashes = [(row["run"], kept_hash(row["key"], row["cells"], row["salt"])) for row in found]
    change.many("INSERT INTO forgotten VALUES (?, ?)", hashes)
    return len(hashes)
