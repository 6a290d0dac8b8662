"""A run of a watch: read, score by its map, compare with the run before, fold, record."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from somscape._types import Ints
from somscape.cases._chain import now
from somscape.cases._compare import gone, news_of
from somscape.cases._confirmed import Confirmed
from somscape.cases._digests import LIST, PAGE, digests_of
from somscape.cases._drift import drift_of
from somscape.cases._facts import facts_to_repeat
from somscape.cases._keys import sampled
from somscape.cases._last import INSTEAD_OF, Place, counting
from somscape.cases._maps import detector_of
from somscape.cases._meanwhile import RunMeanwhileError
from somscape.cases._options import kept_options, options_of_run, rule_for, source_of
from somscape.cases._outcome import RunOutcome
from somscape.cases._records import CLEARED, FOLDED, Listed, NewRun, Watch, WatchRun
from somscape.cases._returns import returned
from somscape.cases._state import State
from somscape.cases._subject import Before, Subject
from somscape.cases._unseen import unseen_levels
from somscape.errors import InputError
from somscape.jobs import (
    FROM_DATABASE,
    READING,
    Found,
    Label,
    agreement_of,
    reading_of,
    ready_for,
)
from somscape.outliers import AlertRule, Alerts, Detector
from somscape.tables import Grouped, Table, is_url, read_table

MAX_TRIES = 5
"""Times that a run is compared, where others are recorded meanwhile."""


def run_watch(
    state: State,
    name: str,
    *,
    author: str,
    source: str | None = None,
    shown_as: str | None = None,
    reading: Mapping[str, Any] | None = None,
    instead_of: int | None = None,
    draft: Callable[[RunOutcome], object] | None = None,
) -> RunOutcome:
    """Run a watch on its own source, or on another table, and record what came out.

    Parameters
    ----------
    state : State
    name : str
        Of the watch.
    author : str
    source : str or None, default=None
        A file, folder, pattern or database instead of the watch's own.
    shown_as : str or None, default=None
        What the table is called, such as the name of an upload.
    reading : mapping or None, default=None
        How it is read, by the names of options, where it differs from the watch's table.
    instead_of : int or None, default=None
        Number of a run whose table was wrong.  This one stands in place of it and of later ones:
        it is compared with the run before them, and so are later runs with it.  They stay in the
        audit, and what was decided stays.
    draft : callable or None, default=None
        Told the outcome before it is recorded; where it fails, nothing is.

    Returns
    -------
    RunOutcome

    Raises
    ------
    InputError
        If there is no such watch, its source is gone, or the table is not one of its map: nothing
        is recorded then.

    See Also
    --------
    reproduce : Does a run again, and records nothing.

    Examples
    --------
    >>> from somscape.cases import State, run_watch
    >>> with State("state") as state:
    ...     outcome = run_watch(state, "cards", source="february.csv", author="ann")
    ...     print([row.key for row in outcome.listed if row.news == "new"])
    ['c006']
    """
    watch = state.watch(name)
    path = watch.source if source is None else source
    if source is None and not path:
        raise InputError(
            f"the watch {name} began with an upload, which is not there any more. Run it on a "
            "table.",
            options=f"somscape run {shlex.quote(name)} TABLE",
        )
    detector = detector_of(state.map(watch.map))
    options = options_of_run(watch.options)
    if not is_url(path):  # a file instead of the watch's database
        options |= dict.fromkeys(FROM_DATABASE)
    how = reading_of(path, {**options, **(reading or {})}, detector.map_.encoding.roles)
    named = {} if shown_as is None else {"source": shown_as}
    try:
        table = read_table(path, **how, **named)
    except InputError as error:
        if source is not None:
            raise
        said = f"{error}" if str(error).endswith((".", "?")) else f"{error}."
        raise InputError(
            f"the source of the watch {name} cannot be read: {said} Run it on another table.",
            options=f"somscape run {shlex.quote(name)} TABLE",
        ) from error
    subject = ready_for(detector.map_, table, options)
    rule = rule_for(options, subject.table)
    return record_run(
        state,
        watch,
        detector,
        subject.table,
        rule,
        author=author,
        source=shown_as or (path if path == "-" else source_of(path)),
        grouped=subject.grouped,
        options=_options_for(watch, path, reading or {}),
        instead_of=instead_of,
        draft=draft,
    )


def _options_for(watch: Watch, path: str, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that `reproduce` needs: the watch's, but how this table was read."""
    others = (*READING, "missing_values", *(() if is_url(path) else FROM_DATABASE))
    rest = {name: value for name, value in watch.options.items() if name not in others}
    return {**rest, **kept_options(reading)}


def record_run(
    state: State,
    watch: Watch,
    detector: Detector,
    table: Table,
    rule: AlertRule,
    *,
    author: str,
    source: str,
    grouped: Grouped | None = None,
    label: Label | None = None,
    notes: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    instead_of: int | None = None,
    draft: Callable[[RunOutcome], object] | None = None,
    begins: bytes | None = None,
    then: Callable[[WatchRun], object] | None = None,
) -> RunOutcome:
    """Compare a table with the last run of a watch, and record it as the next one."""
    for _ in range(MAX_TRIES):
        decided = state.last_decisions(watch.name)
        subject = Subject.of(
            *(state, watch, detector, table, rule), map_=begins, today=now(), decided=decided
        )
        runs = state.runs(watch.name)
        outcome = compared(
            *(state, subject, runs),
            author=author,
            source=source,
            grouped=grouped,
            label=label,
            notes=notes,
            instead_of=instead_of,
        )
        newest = runs[0].id if runs else ""
        names = (LIST,) if draft is None and begins is None else (LIST, PAGE)  # what is written
        new = _new(outcome, subject, options, digests_of(outcome, names))
        if draft is not None:
            draft(outcome)
        with suppress(RunMeanwhileError):
            with state.together():
                if begins is not None:
                    state.keep_watch(watch, begins, author=author)
                run = state.add_run(watch.name, new, author=author, after=newest)
                if then is not None:
                    then(run)
                head = state.head()
            return replace(outcome, run=run, audit_head=head)
    raise InputError(
        f"{MAX_TRIES} other runs of the watch {watch.name} were recorded meanwhile. Run it again."
    )


def compared(
    state: State,
    subject: Subject,
    runs: Sequence[WatchRun],
    *,
    author: str,
    source: str,
    grouped: Grouped | None,
    label: Label | None,
    notes: Sequence[str],
    instead_of: int | None,
) -> RunOutcome:
    """Compare a table with the last one of some runs; nothing is recorded."""
    watch, detector, table, rule = subject.watch, subject.detector, subject.table, subject.rule
    place = Place.of(state, runs, subject, instead_of)
    others = [
        run
        for run in counting(runs)
        if run.map == watch.map and run.id != place.id and run not in place.replaced
    ]
    before = Before.of(state, place.last, subject)
    cells = subject.cells([k for k, d in subject.decided.items() if d.state == CLEARED])
    why = returned(
        *(detector, subject.decided, cells, before.usual),
        clear_for=watch.clear_for,
        today=subject.today,
    )
    alerts, folded = subject.ranked([key for key in cells if key not in why])
    listed = _listed(subject, alerts, folded, before, why)
    agreement = None if label is None else agreement_of(alerts, label)
    first_far = others[-1].facts["drift"]["far"] if others else None
    unseen = unseen_levels(detector.map_.encoding, table, subject.keys)
    return RunOutcome(
        watch=watch,
        run=WatchRun(place.id, watch.name, 0, "", author, source, subject.data, watch.map, {}),
        last=place.last,
        is_again=any(run.id == place.id for run in runs),
        replaced=place.replaced,
        found=Found(table, detector, lambda: alerts, rule, label, agreement, grouped),
        listed=listed,
        gone=gone(
            before.listed,
            {row.key for row in listed},
            dict(zip(subject.keys, subject.scores.tolist(), strict=True)),
            before.scores,
            is_by_number=_is_by_number(rule, alerts),
        ),
        usual=before.usual,
        drift=drift_of(detector, table, subject.rows, subject.scores, first_far, unseen),
        unseen=unseen,
        decisions=subject.decided,
        why=why,
        notes=(*([place.doubt] if place.doubt else ()), *notes),
    )


def _is_by_number(rule: AlertRule, alerts: Alerts) -> bool:
    """Return whether a list has a given number of rows, and not those beyond some line."""
    is_bounded = rule == AlertRule() and alerts.n_alerts != alerts.n_stand_out
    return rule.n_alerts is not None or is_bounded


def _new(
    outcome: RunOutcome,
    subject: Subject,
    options: Mapping[str, Any] | None,
    digests: Mapping[str, str],
) -> NewRun:
    """Return what is kept of a run: its list, and rows for the next run to compare with."""
    run = outcome.run
    keys = {row.key for row in outcome.listed} | subject.decided.keys() | sampled(subject.keys)
    kept = subject.cells(keys)
    facts = {
        **_facts(outcome, outcome.watch.options if options is None else options),
        "as_of": {"today": subject.today, "decision": subject.last_decision},
        "files": dict(digests),
    }
    return NewRun(run.id, run.source, run.data, subject.map, facts, outcome.listed, kept)


def _listed(
    subject: Subject,
    alerts: Alerts,
    folded: Ints,
    before: Before,
    why: Mapping[str, str],
) -> tuple[Listed, ...]:
    last = {row.key: row for row in before.listed}
    n, n_folded = alerts.n_alerts, len(folded)
    confirmed = Confirmed.of(subject.detector, subject.decided)
    reasons = [each.sentence() for each in alerts.reasons]
    if n_folded:
        table = subject.table.take(folded)
        reasons += [each.sentence() for each in subject.detector.reasons(table)]
    places = [*range(n), *range(len(alerts.rows) - n_folded, len(alerts.rows))]
    listed = []
    for rank, (place, said) in enumerate(zip(places, reasons, strict=True), 1):
        key, score = subject.keys[alerts.rows[place]], float(alerts.scores[place])
        news = FOLDED
        if rank <= n:
            news = news_of(key, score, last, before.scores, before.usual, why, before.decided_since)
        near = confirmed.said_of(key, int(alerts.units[place]))
        said = " ".join(part for part in (why.get(key), said, near) if part)
        listed.append(Listed(key, rank, score, float(alerts.p_values[place]), news, said))
    return tuple(listed)


def _facts(outcome: RunOutcome, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the audit holds of a run for good: no keys and no cells."""
    found, watch = outcome.found, outcome.watch
    return {
        "n_rows": found.table.n_rows,
        "n_alerts": found.alerts.n_alerts,
        "n_stand_out": found.alerts.n_stand_out,
        "counts": outcome.counts,
        "n_outstanding": outcome.n_outstanding,
        "rule": found.rule.words(found.detector),
        "drift": outcome.drift.facts(),
        "usual_moves": vars(outcome.usual),
        "train_anew": outcome.drift.train_anew,
        "options": dict(options),
        "key": list(watch.key),
        "clear_for": watch.clear_for,
        **({INSTEAD_OF: [run.id for run in outcome.replaced]} if outcome.replaced else {}),
        **facts_to_repeat(found.detector, found.alerts),
    }
