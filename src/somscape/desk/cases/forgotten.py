"""Forget cases: random tokens replace their keys, and their texts and values are deleted."""

import calendar
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from somscape.desk.cases._watch import BETWEEN
from somscape.desk.cases.records import (
    CHECK,
    PRESENT,
    is_check,
)
from somscape.desk.cases.state import State, erase
from somscape.desk.store._connections import Transaction
from somscape.errors import InputError

OLD = (
    "SELECT t.key FROM ("
    "  SELECT l.key, r.made FROM listed l JOIN runs r ON r.id = l.run WHERE r.watch = ?"
    "  UNION ALL SELECT k.key, r.made FROM kept k JOIN runs r ON r.id = k.run WHERE r.watch = ?"
    "  UNION ALL SELECT d.key, d.made FROM decisions d WHERE d.watch = ?"
    f") t WHERE t.{PRESENT}{{where}} GROUP BY t.key HAVING max(t.made) < ? ORDER BY t.key"
)
UNDECIDED = " AND t.key NOT IN (SELECT d.key FROM decisions d WHERE d.watch = ?)"
"""SQL condition for cases without a decision."""

OF_OLD_RUNS = (
    "run IN (SELECT id FROM runs WHERE watch = ? AND made < ? AND number <"
    " (SELECT max(number) FROM runs WHERE watch = ?))"
)
"""SQL condition for the rows of old runs. It excludes the last run of the watch."""


@dataclass(frozen=True)
class Forgotten:
    """Counts of forgotten data.

    Attributes
    ----------
    n_cases : int
        Number of forgotten cases.
    n_checks : int
        Number of forgotten checks of columns that named a row of the cases.
    n_emptied : int
        Number of old runs whose values of rows were deleted.
    is_swept : bool
        Whether the deleted data were also removed from the files of the database.  Another program
        that uses the state can prevent this.  Another PostgreSQL role that owns the tables can also
        prevent this.

    See Also
    --------
    forget, forget_old

    Examples
    --------
    >>> from somscape.desk.cases import Forgotten
    >>> Forgotten(n_cases=1).n_checks
    0
    """

    n_cases: int
    n_checks: int = 0
    n_emptied: int = 0
    is_swept: bool = True


def forget(state: State, watch: str, key: str, *, author: str) -> Forgotten:
    """Delete all data on a case.

    The audit records that a case was forgotten, but not which case.

    Parameters
    ----------
    state : State
    watch, key : str
    author : str
        Name of the person who wants the case to be forgotten.

    Returns
    -------
    Forgotten

    Raises
    ------
    InputError
        If the watch or the case does not exist, or if the audit has seals and their key is missing.

    See Also
    --------
    forget_old : Delete all old cases without decisions.

    Examples
    --------
    >>> from somscape.desk.cases import State, forget
    >>> with State("state") as state:
    ...     print(forget(state, "cards", "c005", author="ann").n_cases)
    1
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
                    f"The watch '{watch}' does not have a case {key!r}, so nothing was forgotten.",
                    parameter="key",
                    value=key,
                )
        checks = _checks_with(change, watch, [key], by=state.watch(watch).key)
        erase(change, watch, [key, *checks], author, state.audit_key)
    return Forgotten(1, len(checks), is_swept=state.database.swept())


def forget_all(state: State, upload: str, *, author: str) -> None:
    """Delete all data on the cases of an upload. Do nothing if there are none.

    The app has no key for seals, so the line of the audit can be without a seal.
    """
    with state.database.change() as change:
        found = change.rows("SELECT key FROM salts WHERE watch = ?", (upload,))
        if found:
            erase(change, upload, [row["key"] for row in found], author, state.audit_key)


def forget_old(
    state: State, watch: str, months: int, *, author: str, decided: bool = False
) -> Forgotten:
    """Delete undecided cases that no run of the last months contains.

    A run contains listed cases, decided cases, and a sample of the other cases in its table.  A run
    also keeps the rows of these cases for the comparison with the next run.  The rows that older
    runs keep are also deleted, except the rows of the last run.

    Parameters
    ----------
    state : State
    watch : str
    months : int
    author : str
    decided : bool, default=False
        Whether cases are also deleted whose last decision is old.  Later trainings cannot learn
        from deleted cases.  If a deleted case is listed later, it counts as new.

    Returns
    -------
    Forgotten

    Raises
    ------
    InputError
        If the watch does not exist, or if the audit has seals and their key is missing.

    See Also
    --------
    forget : Delete one case.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, forget_old
    >>> watch = Watch("cards", ("id",), "cards.csv")
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
        old = change.rows(f"SELECT DISTINCT run {of_old} ORDER BY run", values)
        if not keys and not old:
            return Forgotten(0)
        change.rows(f"DELETE {of_old}", values)
        checks = _checks_with(change, watch, keys, by=state.watch(watch).key)
        emptied = [row["run"] for row in old]
        erase(change, watch, [*keys, *checks], author, state.audit_key, emptied)
    return Forgotten(len(keys), len(checks), len(emptied), is_swept=state.database.swept())


def months_ago(now: datetime, months: int) -> str:
    """Return the time some months earlier. If this month is shorter, use its last day."""
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    return now.replace(year=year, month=month + 1, day=day).isoformat(timespec="seconds")


def _check_key(state: State, change: Transaction) -> None:
    """Raise InputError if the audit has seals, but the key for a new seal is missing."""
    sealed = "SELECT number FROM audit WHERE seal IS NOT NULL LIMIT 1"
    if state.audit_key is None and change.rows(sealed):
        raise InputError(
            f"The audit of {state.database.name} has seals, so cases can only be forgotten with "
            "the key of these seals. Give `audit_key`.",
            parameter="audit_key",
        )


def _checks_with(
    change: Transaction, watch: str, keys: Sequence[str], *, by: Sequence[str]
) -> list[str]:
    """Return the keys of the checks whose sentence names a row with a part of one of these keys.

    The ids of the rows are the end of the sentence.  If they are called "row", but no column of the
    key `by` has this name, then they are numbers of rows.
    """
    sql = (
        "SELECT DISTINCT l.key, l.reasons FROM listed l JOIN runs r ON r.id = l.run"
        " WHERE r.watch = ? AND l.key LIKE ?"
    )
    found = change.rows(sql, (watch, f"{CHECK}%"))
    parts = "|".join({re.escape(part) for key in keys for part in key.split(BETWEEN)})
    is_number = r"(?!rows? \d(?!.* of ))" if "row" not in by else ""
    named = re.compile(rf".*: {is_number}(.*[ ,])?({parts})(, .*| and [\d,]+ more)?", re.DOTALL)
    checks = {
        row["key"] for row in found if is_check(row["key"]) and named.fullmatch(row["reasons"])
    }
    kept = change.rows(
        "SELECT k.key, k.cells FROM kept k JOIN runs r ON r.id = k.run"
        " WHERE r.watch = ? AND k.key LIKE ?",
        (watch, f"{CHECK}%"),
    )
    texts = [json.dumps(key, ensure_ascii=False) for key in keys]  # the rows after the first five
    checks |= {
        row["key"]
        for row in kept
        if is_check(row["key"]) and any(f": {text}" in row["cells"] for text in texts)
    }
    return sorted(checks - {*keys})
