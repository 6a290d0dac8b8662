"""Data classes for the records in a state, such as watches, runs, listed rows and decisions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from somscape.desk.cases._database import Row
from somscape.desk.jobs.job import Job
from somscape.errors import InputError

OPEN, CONFIRMED, CLEARED, LATER = "open", "confirmed", "cleared", "later"
STATES = (OPEN, CONFIRMED, CLEARED, LATER)
"""States of a case. A case is undecided, an anomaly, usual, or postponed, in this order."""

NEW, STILL, RISEN, RETURNED, FOLDED = "new", "still", "risen", "returned", "folded"
"""Changes of a listed row since the previous run. "still" means that both runs list the row.
"risen" means that the row is more unusual than before. "returned" means that a cleared case needs
another look. "folded" means that a cleared case is at the end of the list."""

UNNAMED = "upload/"
"""Start of the names of the watches of uploads. A name that a person gives has no slash."""

CLEAR_FOR = 12
"""Default number of months after which a cleared case is listed again."""


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


@dataclass(frozen=True)
class Listed:
    """A row of a run's list.

    Attributes
    ----------
    key : str
        Key of the case.
    place : int
        Rank of the row, from 1.
    score, p_value : float
    news : str
        Change since the previous run: "new", "still", "risen", "returned" or "folded".
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
        Time of the decision, in UTC.  Only a decision that an earlier version of the app saved has
        a time before it is saved here.

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


class RunMeanwhileError(Exception):
    """Another run of the watch was added after this run was compared, so this run was not saved."""


GONE = "gone"
"""Change of a case that an earlier list contains, but the newest list does not."""


def is_waiting(case: Case, last: WatchRun | None) -> bool:
    """Return whether a case is in the last list and still needs a decision."""
    if last is None or case.listed is None or case.run != last.id or case.listed.news == FOLDED:
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
    return case.listed.news if case.run == last else GONE
