"""A recorded run once more: its table, with the decisions that it knew."""

from dataclasses import replace

from somscape.cases._last import INSTEAD_OF
from somscape.cases._maps import detector_of
from somscape.cases._options import KEPT, options_of_run, rule_for
from somscape.cases._outcome import RunOutcome
from somscape.cases._records import WatchRun
from somscape.cases._run import compared
from somscape.cases._state import State
from somscape.cases._subject import Subject
from somscape.jobs import KINDS, Ready, data_hash, reading_of, ready, ready_for, told_table
from somscape.outliers import Detector
from somscape.tables import Grouped, Table, read_table


def recorded_again(state: State, run: WatchRun, path: str) -> RunOutcome:
    """Return what a run found, as it was recorded, whatever was decided since."""
    detector = detector_of(state.map(run.map))
    seen = table_of(run, detector, path)
    subject = subject_of(state, run, detector, seen.table)
    outcome = outcome_of(state, run, subject, seen.grouped)
    return replace(outcome, run=run, is_again=True, audit_head=state.head())


def table_of(old: WatchRun, detector: Detector, path: str) -> Ready:
    """Read the table of a run as it was read."""
    options = options_of_run(old.facts["options"])
    how = reading_of(path, old.facts["options"] | options, detector.map_.encoding.roles)
    named = {} if path == old.source else {"source": old.source}
    found = ready_for(detector.map_, read_table(path, **how, **named), options)
    if found.grouped is None or data_hash(found.table) == old.data:
        return found
    # A map's first run has all columns that were made of customers, also those that it left out.
    told = {n: tuple(v) if isinstance(v, list) else v for n, v in old.facts["options"].items()}
    options = {**dict.fromkeys(KEPT), **dict.fromkeys(KINDS, ()), **told}
    table, roles, _ = told_table(path, options)
    return ready(table, roles)


def subject_of(state: State, old: WatchRun, detector: Detector, table: Table) -> Subject:
    """Return the table as the run saw it, with the decisions that it knew."""
    facts, as_of = old.facts, old.facts.get("as_of", {"today": old.made, "decision": 0})
    watch = replace(state.watch(old.watch), map=old.map, key=tuple(facts["key"]))
    watch = replace(watch, clear_for=facts.get("clear_for", watch.clear_for))
    return Subject.of(
        *(state, watch, detector, table, rule_for(options_of_run(facts["options"]), table)),
        today=as_of["today"],
        decided=state.last_decisions(old.watch, until=as_of["decision"]),
    )


def outcome_of(
    state: State, old: WatchRun, subject: Subject, grouped: Grouped | None
) -> RunOutcome:
    """Return what the run found, compared with the runs before it."""
    runs = state.runs(old.watch)
    replaced = [run.number for run in runs if run.id in old.facts.get(INSTEAD_OF, ())]
    return compared(
        *(state, subject, [run for run in runs if run.number < old.number]),
        author=old.author,
        source=old.source,
        grouped=grouped,
        label=None,
        notes=(),
        instead_of=min(replaced, default=None),
    )
