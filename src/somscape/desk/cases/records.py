"""Records of a state: watches, runs, rows of lists, and decisions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from somscape.desk.cases._database import Row
from somscape.errors import InputError

OPEN, CONFIRMED, CLEARED, LATER = "open", "confirmed", "cleared", "later"
STATES = (OPEN, CONFIRMED, CLEARED, LATER)
"""What a case can be: to be looked at, an anomaly, usual, to be looked at another time."""

NEW, STILL, RISEN, RETURNED, FOLDED = "new", "still", "risen", "returned", "folded"
"""What a row of a list is beside the run before: not listed then, listed then, listed then and
more unusual now, cleared once and here again, cleared and put away."""

CLEAR_FOR = 12
"""Months after which a cleared case returns, if nobody says how many."""


@dataclass(frozen=True)
class Watch:
    """A named job that is done again and again.

    Attributes
    ----------
    name : str
    key : tuple of str
        Columns that tell cases apart.
    source : str
        The file, folder or database that the next run reads; "" if each run is given a table.
    options : dict
        By their names on the command line: how the source is read, and the rule.
    map : str
        SHA-256 of the map's file.
    clear_for : int
        Months after which a cleared case returns.
    made : str
        When, in UTC.

    See Also
    --------
    run_watch : Runs one.
    State.keep_watch : Keeps one.

    Examples
    --------
    >>> from somscape.desk.cases import Watch
    >>> Watch("cards", key=("id",), source="cards.csv", options={"alerts": 10}, map="").clear_for
    12
    """

    name: str
    key: tuple[str, ...]
    source: str
    options: Mapping[str, Any]
    map: str
    clear_for: int = CLEAR_FOR
    made: str = ""


@dataclass(frozen=True)
class Listed:
    """A row of a run's list.

    Attributes
    ----------
    key : str
        The case.
    place : int
        Its rank, from 1.
    score, p_value : float
    news : str
        One of "new", "still", "risen", "returned" and "folded".
    reasons : str
        Sentences; of a returned case also why it returned.
    """

    key: str
    place: int
    score: float
    p_value: float
    news: str
    reasons: str


@dataclass(frozen=True)
class WatchRun:
    """A watch's table, ranked once.

    Attributes
    ----------
    id : str
    watch : str
    number : int
        From 1.
    made, author : str
    source : str
        What was read.
    data, map : str
        SHA-256 of the table and of the map's file.
    facts : dict
        Numbers of rows and alerts, the rule in words, drift, settings, versions; the audit holds
        them for good, so no keys and no cells are among them.
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


@dataclass(frozen=True)
class Decision:
    """What a person said of a case.

    Attributes
    ----------
    watch, key : str
    state : str
        One of `STATES`.
    comment, author : str
    run : str or None
        The run in which the case was seen.
    score : float or None
        Its score there.
    cells : mapping or None
        The row as it was then, by column.
    number : int
        Of the audit's line; 0 before it is saved.
    made : str
        When, in UTC.

    See Also
    --------
    State.decide : Keeps one.
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
    """A case with its last decision and its last place on a list.

    Attributes
    ----------
    watch, key : str
    state : str
        "open" where nobody has decided.
    decision : Decision or None
        The last one.
    listed : Listed or None
        In the last run that lists it.
    run : str or None
        That run.

    See Also
    --------
    State.cases : Gives them.
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
        A new one, such as by `somscape.desk.cases.state.new_id`.
    source, data : str
        As of `WatchRun`.
    map : bytes
        The map's file.
    facts : dict
    listed : sequence of Listed
    kept : mapping of str to mapping
        Cells of some rows by key, with which the next run compares: those that are listed, and a
        sample of the others.
    """

    id: str
    source: str
    data: str
    map: bytes
    facts: Mapping[str, Any]
    listed: tuple[Listed, ...] = ()
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


UNREADABLE = (KeyError, TypeError, ValueError)
"""What comes of a column that holds what somscape never writes."""


def damaged(what: str) -> InputError:
    """Return the error for a state that was changed by something else than somscape."""
    return InputError(
        f"{what}; `somscape audit verify` says more, `somscape restore` brings a backup back."
    )


def mapping_in(text: Any, place: str) -> dict[str, Any]:
    """Return the values that a column of JSON holds."""
    try:
        found = json.loads(text)
    except UNREADABLE as error:
        raise damaged(f"{place} is damaged") from error
    if not isinstance(found, dict):
        raise damaged(f"{place} is damaged")
    return found


def watch_of(row: Row) -> Watch:
    """Return the watch of a row."""
    place = f"the watch '{row['name']}'"
    said = mapping_in(row["said"], place)
    try:
        key = tuple(said.pop("key"))
        return Watch(name=row["name"], map=row["map"], made=row["made"], key=key, **said)
    except UNREADABLE as error:
        raise damaged(f"{place} is damaged") from error


def run_of(row: Row) -> WatchRun:
    """Return the run of a row."""
    return WatchRun(**{**row, "facts": mapping_in(row["facts"], f"the run {row['id']}")})


def decision_of(row: Row) -> Decision:
    """Return the decision of a row."""
    known: Row = {name: value for name, value in row.items() if name != "token"}
    cells = known.pop("cells")
    is_kept = cells not in (None, "null")
    place = f"the decision {row['number']}"
    return Decision(**known, cells=mapping_in(cells, place) if is_kept else None)


class DecidedMeanwhileError(InputError):
    """Somebody decided a case since it was seen; nothing was saved.

    Parameters
    ----------
    last : Decision
        What the other person said.
    """

    def __init__(self, last: Decision) -> None:
        said = f" ({last.comment})" if last.comment else ""
        super().__init__(
            f"{last.author or 'somebody'} has decided {last.state!r} of case {last.key!r} "
            f"meanwhile{said}. Look at it again, then decide."
        )
        self.last = last


class RunMeanwhileError(Exception):
    """Another run was added since this one was compared; nothing was saved."""


GONE = "gone"
"""News of a case that the newest run does not list."""


def is_waiting(case: Case, last: WatchRun | None) -> bool:
    """Return whether a case waits: it is listed, and nobody decided since."""
    if last is None or case.listed is None or case.run != last.id or case.listed.news == FOLDED:
        return False
    # One that was cleared before this run is not folded because it returned.
    said = case.decision
    returned = case.state == CLEARED and said is not None and not is_since(said, last)
    return case.state == OPEN or returned


def is_since(decision: Decision, run: WatchRun) -> bool:
    """Return whether a decision is of what a run lists, or later; times are known to the second."""
    return decision.run == run.id or decision.made > run.made


def news_now(case: Case, last: str | None) -> str:
    """Return what a case is in the newest run."""
    if case.listed is None:
        return ""
    return case.listed.news if case.run == last else GONE
