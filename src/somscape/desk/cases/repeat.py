"""Compute the outcome of a recorded run again, from its table, its map and earlier decisions."""

from dataclasses import replace

from somscape.desk.cases._run import Place, Subject, compared
from somscape.desk.cases._watch import detector_of, rule_for
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cases.records import WatchRun
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import data_hash
from somscape.desk.jobs._roles import PerOptions, read_as, ready, ready_for, told_table
from somscape.desk.jobs.job import AT_A_RUN
from somscape.outliers.detector import Detector


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
