"""What a state keeps: watches, their runs, the rows of their lists, and decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    >>> from somscape.cases import Watch
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
    >>> from somscape.cases import CLEARED, Decision
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
    >>> from somscape.cases import Case
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
        A new one, such as by `somscape.cases.new_id`.
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
