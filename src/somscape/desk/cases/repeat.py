"""Repeat a run. Confirm that the results have the same bytes, or report the changed input."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from somscape.desk.cases._run import Place, Subject, compared
from somscape.desk.cases._watch import detector_of, rule_for, scores_hash, versions
from somscape.desk.cases.outcome import LIST, PAGE, RunOutcome, digests_of
from somscape.desk.cases.records import FORGOTTEN, Listed, WatchRun, damaged, is_check, said_by_line
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import data_hash
from somscape.desk.jobs._roles import PerOptions, read_as, ready, ready_for, told_table
from somscape.desk.jobs.job import AT_A_RUN
from somscape.errors import InputError
from somscape.outliers.detector import Detector
from somscape.tables._messages import counted
from somscape.tables._sql import is_url


def recorded_again(state: State, run: WatchRun, path: str) -> RunOutcome:
    """Return the outcome of a recorded run, without the decisions that were made later."""
    detector = detector_of(state.map(run.map))
    seen = table_of(run, detector, path)
    outcome = outcome_of(state, run, subject_of(state, run, detector, seen))
    return replace(outcome, run=run, is_again=True, audit_head=state.head())


def table_of(old: WatchRun, detector: Detector, path: str) -> PerOptions:
    """Read the table of a run with the options that the run used."""
    job = old.job
    source = None if path == old.source else old.source
    read = read_as(path, job, detector.map_.encoding.roles, source)
    found = ready_for(detector.map_, read, job.only(*AT_A_RUN))
    if found.grouped is None or data_hash(found.table) == old.data:
        return found
    # The first run of a map has all columns of customers, also columns that the map does not use.
    table, roles, _ = told_table(path, job)
    return ready(table, roles)


def subject_of(state: State, old: WatchRun, detector: Detector, seen: PerOptions) -> Subject:
    """Return the table of a recorded run with those decisions that were made before the run."""
    facts, as_of = old.facts, old.facts.get("as_of", {"today": old.made, "decision": 0})
    watch = replace(state.watch(old.watch), map=old.map, key=tuple(facts["key"]))
    watch = replace(watch, clear_for=facts.get("clear_for", watch.clear_for))
    return Subject(
        *(watch, detector, seen.table, rule_for(old.job, seen.table)),
        *(old.author, old.source, seen.grouped),
        decided=state.last_decisions(old.watch, until=as_of["decision"]),
        today=as_of["today"],
        new_ids=facts.get("new_ids", False),
    )


def outcome_of(state: State, old: WatchRun, subject: Subject) -> RunOutcome:
    """Return the outcome of repeating a run, compared with the runs before it."""
    runs = state.runs(old.watch)
    replaced = [run.number for run in runs if run.id in old.replaced]
    earlier = [run for run in runs if run.number < old.number]
    # Even a run on the table of the newest earlier run was recorded.
    place = Place.of(state, earlier, subject, min(replaced, default=None), again=True)
    return compared(state, subject, earlier, place)


NEEDED = {"options", "n_rows", "rule", "key"}
"""Names of the facts about a run that are needed to repeat the run."""

IN_WORDS = {LIST: LIST, PAGE: f"{PAGE} except command, run number and audit head"}
"""Names of the compared files in words."""

NOT_KEPT = "The run cannot be repeated, because its table was uploaded or piped in and not kept."


@dataclass(frozen=True)
class Repeated:
    """Result of repeating a run.

    Attributes
    ----------
    run : WatchRun
        The recorded run.
    is_same : bool
        Whether all scores, the listed p-values, and the files whose hashes the run has recorded are
        the same to the last bit.  Files of another version of somscape can have other text.
    said : tuple of str
        Sentences on which results are identical, or on which input has changed.

    See Also
    --------
    reproduce : Repeat a run.

    Examples
    --------
    >>> from somscape.desk.cases import State, reproduce
    >>> with State("state") as state:
    ...     print(reproduce(state, state.last_run("cards")).said[0].partition(";")[0])
    The same bytes: the scores of 60 rows, 3 of them listed
    """

    run: WatchRun
    is_same: bool
    said: tuple[str, ...]


def reproduce(state: State, run: str) -> Repeated:
    """Read the table of a run again, and score its rows with the same map and rule.

    Nothing is recorded.

    Parameters
    ----------
    state : State
    run : str
        Id of the run.

    Returns
    -------
    Repeated

    Raises
    ------
    InputError
        If the run does not exist, or if its record is damaged.

    See Also
    --------
    run_watch : Run a watch and record the result.

    Examples
    --------
    >>> from somscape.desk.cases import State, reproduce
    >>> with State("state") as state:
    ...     last = state.last_run("cards")
    ...     print(reproduce(state, last).is_same)
    True
    """
    old = state.run(run)
    if not old.facts.keys() >= NEEDED:
        raise damaged(f"The run {run} is damaged")
    if not (is_url(old.source) or Path(old.source).is_absolute()):  # the form of `source_of`
        return Repeated(old, False, (NOT_KEPT,))
    content = state.map(old.map)
    if hashlib.sha256(content).hexdigest() != old.map:
        return Repeated(old, False, ("The map of the run was changed in the state.",))
    others = _other_versions(old)
    detector = detector_of(content)
    try:
        seen = table_of(old, detector, old.source)
    except (InputError, OSError) as error:
        problem = " ".join(str(error).split()).rstrip(".")
        return Repeated(old, False, (f"The table cannot be read again ({problem}).", *others))
    table = seen.table
    if data_hash(table) != old.data:
        then, now = old.facts["n_rows"], table.n_rows
        rows = (
            f"{counted(then, 'row')} then, {now:,} now"
            if then != now
            else "the same number of rows"
        )
        return Repeated(old, False, (f"The values of the table changed ({rows}).", *others))
    subject = subject_of(state, old, detector, seen)
    differ = _differences(state, old, subject)
    files, other = list[str](), ""
    if old.facts.get("files"):
        outcome = outcome_of(state, old, subject)
        files, other = _files(old, outcome)
    is_other = old.facts["versions"].get("somscape") != versions()["somscape"]
    if other and not differ and is_other and _has_same_list(state, old, outcome):
        note = "Scores, p-values and the order of the listed rows are the same. Another version of "
        return Repeated(old, True, (f"{note}somscape wrote other text in {other}.", *others))
    if other:
        differ.append(f"{other} does not have the same bytes.")
    if differ:
        why = (*others, *(_forgotten_since(state, old) if other else ()))
        no_input = "Table, map, rule and versions are the same. Perhaps the computer was different."
        return Repeated(old, False, (*differ, *(why or (no_input,))))
    n = len(_rows_listed(state, old))
    same = [f"the scores of {counted(table.n_rows, 'row')}, {n} of them listed", *files]
    said = [f"The same bytes: {'; '.join(same)}."]
    return Repeated(old, True, (*said, *others))


def _files(old: WatchRun, outcome: RunOutcome) -> tuple[list[str], str]:
    """Return two values: a phrase with the identical files, and the first file that differs."""
    then = old.facts["files"]
    now = digests_of(outcome, [name for name in (LIST, PAGE) if name in then])
    other = [name for name in now if now[name] != then[name]]
    return [IN_WORDS[name] for name in now], other[0] if other else ""


def _has_same_list(state: State, old: WatchRun, outcome: RunOutcome) -> bool:
    """Return whether the list of a run has the same rows, apart from the reasons in words."""
    then = [replace(row, reasons="") for row in _rows_listed(state, old)]
    return then == [replace(row, reasons="") for row in outcome.listed]


def _forgotten_since(state: State, old: WatchRun) -> list[str]:
    sql = "SELECT said FROM audit WHERE said LIKE ? OR said LIKE ? ORDER BY number DESC"
    found = state.database.rows(sql, (f'%"{FORGOTTEN}"%', f'%"{old.id}"%'))
    for line in map(said_by_line, found):  # from the newest line to the line of the run
        if (line["kind"], line.get("run")) == ("run", old.id):
            break
        if (line["kind"], line.get("watch")) == (FORGOTTEN, old.watch):
            return ["Cases of the watch were forgotten, so the list lacks their rows."]
    return []


def _differences(state: State, old: WatchRun, subject: Subject) -> list[str]:
    """Return sentences on how scores, p-values and list differ from those that were recorded."""
    detector, rule, scores = subject.detector, subject.rule, subject.scores
    p_values, place = detector.calibration.p_values(scores, subject.units), subject.row_of
    said = []
    if scores_hash(scores) != old.facts.get("scores"):
        said.append("The scores do not have the same bytes.")
    if rule.words(detector) != old.facts["rule"]:
        said.append(f"The rule was {old.facts['rule']}, but now is {rule.words(detector)}.")
    other = [
        row.key
        for row in _rows_listed(state, old)
        if row.key not in place
        or (scores[place[row.key]], p_values[place[row.key]]) != (row.score, row.p_value)
    ]
    if other:
        said.append(f"The score or p-value of {counted(len(other), 'listed case')} is different.")
    return said


def _rows_listed(state: State, run: WatchRun) -> list[Listed]:
    return [row for row in state.listed(run.id) if not is_check(row.key)]


def _other_versions(old: WatchRun) -> tuple[str, ...]:
    then, now = old.facts.get("versions", {}), versions()
    other = [f"{n} {then[n]} then, {now.get(n)} now" for n in then if then[n] != now.get(n)]
    return (f"Other versions: {'; '.join(other)}.",) if other else ()
