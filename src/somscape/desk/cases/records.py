"""Records of a state, such as watches, runs and decisions, and the lines of its audit."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from somscape.desk.jobs.job import STATES, Job
from somscape.desk.store._connections import Row, StateDatabase, Transaction
from somscape.errors import InputError
from somscape.tables._messages import counted

OPEN, CONFIRMED, CLEARED, LATER = STATES

NEW, STILL, RISEN, RETURNED, FOLDED = "new", "still", "risen", "returned", "folded"
FILLED = "filled"
"""Changes of a listed row since the previous run. "still" means that both runs list the row.
"risen" means that the row is more unusual than before. "returned" means that a cleared case needs
another look. "folded" means that a cleared case is at the end of the list. "filled" means that the
row only fills the list up to ten rows, and does not stand out."""

UNREPORTED = (FOLDED, FILLED)
"""Changes of rows that are in the file of the list, but are not reported."""

UNNAMED = "upload/"
"""Start of the names of the watches of uploads. A name that a person gives has no slash."""

CHECK = "check-"
"""Beginning of the keys of those cases that are checks of columns."""


def is_check(key: str) -> bool:
    """Return whether a case is a check of columns, and not a row."""
    return re.fullmatch(rf"{CHECK}[0-9a-f]{{10}}", key) is not None


CLEAR_FOR = 12
"""Default number of months after which a cleared case is listed again."""


MAX_COMMENT = 2000
"""Maximum number of characters of a comment, with its category."""

CATEGORIES = ("known customer", "data error corrected", "seasonal", "other")
"""Default categories for clearing a case. A comment begins with its category."""

MAX_CATEGORIES, MAX_CATEGORY = 12, 60
"""Maximum number of categories, and of characters in a category."""


def checked_categories(given: Sequence[str]) -> tuple[str, ...]:
    """Return categories without spaces at their ends. Raise InputError for invalid categories."""
    found = tuple(" ".join(text.split()) for text in given)
    for text in found:
        if not 0 < len(text) <= MAX_CATEGORY or ":" in text or not text.isprintable():
            raise InputError(
                f"A category must be a text of 1 to {MAX_CATEGORY} characters without a colon, but "
                f"is {text!r:.80}.",
                parameter="categories",
                value=text,
            )
    if not 0 < len(found) <= MAX_CATEGORIES or len({*map(str.lower, found)}) < len(found):
        raise InputError(
            f"Give 1 to {MAX_CATEGORIES} different categories, and not {len(found)} "
            f"({', '.join(map(repr, found)):.200}).",
            parameter="categories",
            value=found,
        )
    return found


@dataclass(frozen=True)
class Watch:
    """A named task that ranks the rows of a new table in each of its runs.

    Attributes
    ----------
    name : str
    key : tuple of str
        Names of the columns whose values form the key of a case.
    source : str
        The file, folder or database that each run reads; "" if each run needs another table.
    job : Job
        Options for reading the source and for choosing rows.
    map : str
        SHA-256 of the map's file.
    clear_for : int
        Number of months after which a cleared case is listed again.
    made : str
        Time at which the watch was made, in UTC.
    categories : tuple of str
        Categories for clearing a case; () for the default categories.

    See Also
    --------
    run_watch : Run a watch and record the result.
    State.keep_watch : Save a watch and its map.

    Examples
    --------
    >>> from somscape.desk.cases import Watch
    >>> Watch("cards", key=("id",), source="cards.csv").clear_for
    12
    """

    name: str
    key: tuple[str, ...]
    source: str
    job: Job = field(default_factory=Job)
    map: str = ""
    clear_for: int = CLEAR_FOR
    made: str = ""
    categories: tuple[str, ...] = ()

    @property
    def clear_as(self) -> tuple[str, ...]:
        """The categories for clearing a case."""
        return self.categories or CATEGORIES

    def category_of(self, comment: str) -> str:
        """Return the category with which a comment begins, or "" without a category."""
        first = comment.partition(":")[0].strip()
        return first if first in self.clear_as else ""


@dataclass(frozen=True)
class Listed:
    """A row of a run's list, or a check of columns.

    For a check, `score` is its strength, `p_value` is the share of rows that do not obey, and
    `place` counts on after the rows.

    Attributes
    ----------
    key : str
        Key of the case.
    place : int
        Rank of the row, from 1.
    score, p_value : float
    news : str
        Change since the previous run: "new", "still", "risen", "returned", "folded" or "filled".
    reasons : str
        Sentences on why the row has its rank, and on why a cleared case has returned.
    """

    key: str
    place: int
    score: float
    p_value: float
    news: str
    reasons: str


@dataclass(frozen=True)
class WatchRun:
    """One recorded run of a watch.

    Attributes
    ----------
    id : str
    watch : str
    number : int
        Number of the run among the runs of its watch, from 1.
    made, author : str
    source : str
        The file, folder or database that was read in the run.
    data, map : str
        SHA-256 hashes of the table and of the map file.
    facts : dict
        Number of rows and of alerts, the rule in words, the drift, the settings, and versions.  The
        audit keeps these facts forever.  They therefore do not include keys and values of rows.
    """

    id: str
    watch: str
    number: int
    made: str
    author: str
    source: str
    data: str
    map: str
    facts: Mapping[str, Any]

    @property
    def replaced(self) -> Sequence[str]:
        """Ids of the runs that this run replaced."""
        found: Sequence[str] = self.facts.get(INSTEAD_OF, ())
        return found

    @property
    def job(self) -> Job:
        """Options with which the table of the run was read and its rows were chosen."""
        try:
            return Job.from_json(self.facts["options"])
        except UNREADABLE as error:
            raise damaged(f"The run {self.id} is damaged") from error


@dataclass(frozen=True)
class Decision:
    """A decision that a person made on a case.

    Attributes
    ----------
    watch, key : str
    state : str
        One of `STATES`.
    comment, author : str
    run : str or None
        Id of the run in which the author saw the case, else of the last run that listed it.
    score : float or None
        Score of the case in the list of this run, if it was listed.
    cells : mapping or None
        Values of the case's row at the time of the decision, by column.
    number : int
        Number of the audit line that records the decision; 0 until the decision is saved.
    made : str
        Time of the decision, in UTC; "" until the decision is saved.

    See Also
    --------
    State.decide : Save a decision.
    Case

    Examples
    --------
    >>> from somscape.desk.cases import Decision
    >>> from somscape.desk.cases.records import CLEARED
    >>> Decision("cards", "c005", CLEARED, comment="her own card", author="ann").state
    'cleared'
    """

    watch: str
    key: str
    state: str
    comment: str = ""
    author: str = ""
    run: str | None = None
    score: float | None = None
    cells: Mapping[str, Any] | None = None
    number: int = 0
    made: str = ""


@dataclass(frozen=True)
class Case:
    """A case with its last decision and with its row in the last list containing it.

    Attributes
    ----------
    watch, key : str
    state : str
        State of the case, or "open" without a decision.
    decision : Decision or None
        The last decision.
    listed : Listed or None
        Row of the case in the last list that contains the case.
    run : str or None
        Id of the run of this list.

    See Also
    --------
    State.cases : Return the cases of a watch.
    Decision

    Examples
    --------
    >>> from somscape.desk.cases import Case
    >>> Case("cards", "c005").state
    'open'
    """

    watch: str
    key: str
    state: str = OPEN
    decision: Decision | None = None
    listed: Listed | None = None
    run: str | None = None


@dataclass(frozen=True)
class NewRun:
    """A run to be saved.

    Attributes
    ----------
    id : str
        Id of the run, for example a result of `somscape.desk.cases.state.new_id`.
    source, data : str
        The same as in `WatchRun`.
    map : bytes
        Content of the map's file.
    facts : dict
    listed : sequence of Listed
    kept : mapping of str to mapping
        Values of the listed rows and of a sample of the other rows, by key.  The next run is
        compared with them.
    """

    id: str
    source: str
    data: str
    map: bytes
    facts: Mapping[str, Any]
    listed: tuple[Listed, ...] = ()
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Upload(NamedTuple):
    """An upload whose decisions move to the watch that begins with a run on it.

    Attributes
    ----------
    name : str
        Name of the watch of the upload.
    keys : sequence of str
        New key of each row.  Before, the key of a case is the number of its row.
    app_run : str
        Id of the app's run with which the watch begins, or "".
    """

    name: str
    keys: Sequence[str]
    app_run: str


UNREADABLE = (KeyError, TypeError, ValueError)
"""Errors that occur if a column contains values which somscape never writes."""


def damaged(what: str) -> InputError:
    """Return the error for a damaged state."""
    return InputError(
        f"{what}. Find the damage with `somscape audit verify`, or restore a backup with "
        "`somscape restore`."
    )


def mapping_in(text: Any, place: str) -> dict[str, Any]:
    """Return the JSON object in a text that was read from the database."""
    try:
        found = json.loads(text)
    except UNREADABLE as error:
        raise damaged(f"{place} is damaged") from error
    if not isinstance(found, dict):
        raise damaged(f"{place} is damaged")
    return found


def watch_of(row: Row) -> Watch:
    """Return the watch that a row of the database describes."""
    place = f"The watch '{row['name']}'"
    said = mapping_in(row["said"], place)
    try:
        key, job = tuple(said.pop("key")), Job.from_json(said.pop("options"))
        said["categories"] = tuple(said["categories"])
        return Watch(name=row["name"], map=row["map"], made=row["made"], key=key, job=job, **said)
    except UNREADABLE as error:
        raise damaged(f"{place} is damaged") from error


def run_of(row: Row) -> WatchRun:
    """Return the run that a row of the database describes."""
    return WatchRun(**{**row, "facts": mapping_in(row["facts"], f"The run {row['id']}")})


def decision_of(row: Row) -> Decision:
    """Return the decision that a row of the database describes."""
    known: Row = {name: value for name, value in row.items() if name != "token"}
    cells = known.pop("cells")
    is_kept = cells not in (None, "null")
    place = f"The decision {row['number']}"
    return Decision(**known, cells=mapping_in(cells, place) if is_kept else None)


class DecidedMeanwhileError(InputError):
    """Another person has decided the case in the meantime, so the decision was not saved.

    Parameters
    ----------
    last : Decision
        The decision of the other person.
    """

    def __init__(self, last: Decision) -> None:
        said = f" ({last.comment})" if last.comment else ""
        super().__init__(
            f"{last.author or 'Another person'} has changed case {last.key!r} to {last.state!r} "
            f"in the meantime{said}. Look at the case again, then decide.",
            value=last.state,
        )
        self.last = last


INSTEAD_OF = "instead_of"
"""Name of the fact of a run that contains the ids of the runs which it replaced."""


def counting(runs: Sequence[WatchRun]) -> list[WatchRun]:
    """Return those runs that were not replaced by another run."""
    replaced = {id_ for run in runs for id_ in run.replaced}
    return [run for run in runs if run.id not in replaced]


def runs_to_replace(runs: Sequence[WatchRun], first: int) -> list[WatchRun]:
    """Return the run with the number `first` and all later runs that count. Raise InputError if
    this run was replaced, or if it does not exist."""
    left = counting(runs)
    numbers = [run.number for run in left]
    if first not in numbers:
        by = [run for run in runs if any(r.id in run.replaced for r in runs if r.number == first)]
        why = f"run {by[0].number} replaced run {first}" if by else f"there is no run {first}"
        raise InputError(
            f"`instead_of` is {first}, but {why}. Give the number of the run with the wrong table "
            f"({', '.join(map(str, reversed(numbers)))}).",
            value=first,
        )
    return [run for run in left if run.number >= first]


class RunMeanwhileError(Exception):
    """Another run of the watch was added after this run was compared, so this run was not saved."""


KNOWN_TABLE = "This is the table of run "
"""Beginning of the message of `KnownTableError`."""


class KnownTableError(InputError):
    """An earlier run had the same table, so the table was not run again.

    Parameters
    ----------
    run : WatchRun
        The earlier run.
    by : WatchRun or None
        The run that replaced the earlier run.
    """

    def __init__(self, run: WatchRun, by: WatchRun | None) -> None:
        self.said = f"{KNOWN_TABLE}{run.number} of {run.watch}, of {run.made[:10]}"
        self.said += f", which run {by.number} replaced." if by else "."
        super().__init__(
            f"{self.said} Nothing was recorded. Give the table of this month, or record this table "
            "once more.",
            options="--again",
            parameter="again",
            value=run.number,
        )


GONE = "gone"
"""Change of a case that an earlier list contains, but the newest list does not."""


def is_waiting(case: Case, last: WatchRun | None) -> bool:
    """Return whether a case is in the last list and still needs a decision."""
    if last is None or case.listed is None or case.run != last.id or case.listed.news in UNREPORTED:
        return False
    # A case that was cleared before this run is not folded if it returned.
    said = case.decision
    returned = case.state == CLEARED and said is not None and not is_since(said, last)
    return case.state == OPEN or returned


def is_since(decision: Decision, run: WatchRun) -> bool:
    """Return whether a decision was made on the list of a run or at a later time."""
    return decision.run == run.id or decision.made > run.made


def news_now(case: Case, last: str | None) -> str:
    """Return how a case has changed in the newest run, for example "new"."""
    if case.listed is None:
        return ""
    if case.run == last:
        return case.listed.news
    return "" if case.listed.news == FILLED else GONE


COUNTED = ("listed", CONFIRMED, CLEARED, OPEN, LATER)
"""Names of the counts of rows of a run."""


def precision_words(counts: Mapping[str, int]) -> str:
    """Return a phrase on a run, such as "3 listed, 2 confirmed, 0 cleared, 1 open; 1 check, 1
    open"."""
    names = [*COUNTED[:-1], *([LATER] if counts[LATER] else [])]
    rows = ", ".join(f"{counts[name]} {name}" for name in names)
    checks = f"; {counted(counts['checks'], 'check')}, {counts['open_checks']} open"
    return rows + checks * (counts["checks"] > 0)


NOTHING = "0" * 64
"""Head of an audit without lines."""

SEALED = "sealed"
"""Name of the field that states whether a line was written with a seal."""


def next_head(head: str, said: str) -> str:
    """Return the new head of the audit after a line with the text `said` is added."""
    return hashlib.sha256(f"{head}\n{said}".encode()).hexdigest()


def seal_of(head: str, key: bytes | None) -> str | None:
    """Return the seal that the key gives a head, or None if there is no key."""
    return None if key is None else hmac.new(key, head.encode(), "sha256").hexdigest()


def hidden(text: str, salt: str) -> str:
    """Return a hash of a text. The salt protects the text from guessing."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def add_line(
    change: Transaction, kind: str, said: Mapping[str, Any], *, author: str, key: bytes | None
) -> tuple[int, str]:
    """Add a line to the audit. Return two values: the number and the time of the new line."""
    number, made, head = 1, now(), NOTHING
    for last in change.rows("SELECT number, said, head FROM audit ORDER BY number DESC LIMIT 1"):
        number, head, before = last["number"] + 1, last["head"], said_by_line(last).get("made")
        if not isinstance(before, str):
            raise damaged(f"The audit is damaged at line {last['number']}")
        made = max(made, before)
    line = {"number": number, "made": made, "author": author, "kind": kind, **said}
    line[SEALED] = key is not None  # so a seal cannot be removed without a change of the line
    text = json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    head = next_head(head, text)
    values = (number, text, head, seal_of(head, key))
    change.rows("INSERT INTO audit VALUES (?, ?, ?, ?)", values)
    return number, made


def said_by_line(line: Row) -> dict[str, Any]:
    """Return the fields in the text of a line, or an empty dict if the text is unreadable."""
    try:
        said = json.loads(line["said"])
    except UNREADABLE:
        return {}
    return said if isinstance(said, dict) else {}


class Naming(NamedTuple):
    """Content of a line on an upload that was named as a watch.

    Attributes
    ----------
    upload, watch : str
    run : str
        Id of the first run of the watch.
    """

    upload: str
    watch: str
    run: str


def namings(read: StateDatabase | Transaction, upload: str = UNNAMED) -> dict[str, Naming]:
    """Return the first readable line on each upload that was named, or on one upload."""
    sql = "SELECT said FROM audit WHERE said LIKE ? ORDER BY number"
    found: dict[str, Naming] = {}
    for line in read.rows(sql, (f'%"kind":"{NAMED}"%"watch":"{upload}%',)):
        said = said_by_line(line)
        values = (said.get(name) for name in ("watch", "name", "run"))
        texts = [text for text in values if isinstance(text, str)]
        if len(texts) == len(Naming._fields):
            found.setdefault(texts[0], Naming(*texts))
    return found


def now() -> str:
    """Return the current time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


FORGOTTEN = "forgotten"
"""Kind of a line on forgotten cases."""

PRESENT = f"key NOT LIKE '{FORGOTTEN}-{16 * '_'}'"
"""SQL condition for the rows of cases that were not forgotten."""


def is_forgotten(key: str) -> bool:
    """Return whether a random token replaced the key of a case."""
    return re.fullmatch(rf"{FORGOTTEN}-[0-9a-f]{{16}}", key) is not None


NAMED = "named"
"""Kind of a line on an upload that was named as a watch."""

MAX_NAMED = 10
"""Maximum number of lines that a sentence names by their numbers."""


def lines_of(numbers: Sequence[int]) -> str:
    """Return line numbers as a phrase, for example "lines 3, 7"."""
    some = ", ".join(map(str, numbers[:MAX_NAMED]))
    more = f" and {len(numbers) - MAX_NAMED} more" if len(numbers) > MAX_NAMED else ""
    return f"line {some}" if len(numbers) == 1 else f"lines {some}{more}"


def as_text(value: Mapping[str, Any] | None) -> str:
    """Return JSON data as text that is saved in the database."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def decision_line(row: Row, salt: str) -> dict[str, Any]:
    """Return the fields of the audit line that records a decision."""
    return {
        "watch": row["watch"],
        "case": hidden(row["key"], salt),
        "state": row["state"],
        "comment": hidden(row["comment"], salt),
        "run": row["run"],
        "score": row["score"],
        "cells": hidden(row["cells"], salt),
        "token": hidden(row["token"], salt),
    }


def run_line(row: Row, listed: Sequence[Row], kept: Sequence[Row]) -> dict[str, Any]:
    """Return the fields of the audit line that records a run, with the hashes of its rows."""
    said = {name: row[name] for name in ("watch", "source", "data", "map", "facts")}
    rows = {"listed": _joint_hash(listed), "kept": _joint_hash(kept)}
    # `number` is the number of the line.
    return {"run": row["id"], "run_number": row["number"], **said, **rows}


def _joint_hash(rows: Sequence[Row]) -> str:
    return hashlib.sha256("\n".join(sorted(row["hash"] for row in rows)).encode()).hexdigest()


def row_hash(row: Listed, salt: str) -> str:
    """Return the hash of a listed row."""
    numbers = [int(row.place), float(row.score) + 0.0, float(row.p_value) + 0.0]  # no -0.0
    return hidden(json.dumps([row.key, *numbers, row.news, row.reasons]), salt)


def kept_hash(key: str, cells: str, salt: str) -> str:
    """Return the salted hash of a row that a run keeps for comparison with the next run."""
    return hidden(f"{json.dumps(key)}\n{cells}", salt)  # JSON escapes line breaks
