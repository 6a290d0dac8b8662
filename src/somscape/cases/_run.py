"""A run of a watch: read, score by its map, compare with the run before, fold, record."""

import hashlib
import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._version import __version__
from somscape.cases._chain import now
from somscape.cases._compare import gone, news_of
from somscape.cases._drift import drift_of
from somscape.cases._keys import cells_of_rows, keys_of, sampled
from somscape.cases._maps import bytes_of, detector_of
from somscape.cases._moves import UsualMoves, encoded_cells, usual_moves
from somscape.cases._options import options_of_run, rule_for
from somscape.cases._outcome import MAX_KEYS, RunOutcome, Unseen
from somscape.cases._records import CLEARED, FOLDED, Decision, Listed, NewRun, Watch, WatchRun
from somscape.cases._returns import returned
from somscape.cases._state import State
from somscape.encode import CategoryCode, level_texts
from somscape.errors import InputError
from somscape.jobs import Found, Label, agreement_of, data_hash, reading_of, ready_for
from somscape.outliers import AlertRule, Alerts, Detector, ranked
from somscape.tables import Grouped, Table, read_table

RUN_LETTERS = 16
"""Of a run's id, in hexadecimal digits."""


def run_watch(
    state: State,
    name: str,
    *,
    author: str,
    source: str | None = None,
    shown_as: str | None = None,
    reading: Mapping[str, Any] | None = None,
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

    Returns
    -------
    RunOutcome

    Raises
    ------
    InputError
        If there is no such watch, its source is gone, or the table is not one of its map: nothing
        is recorded then.
    """
    watch = state.watch(name)
    path = watch.source if source is None else source
    detector = detector_of(state.map(watch.map))
    options = options_of_run(watch.options)
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
        source=shown_as or path,
        grouped=subject.grouped,
    )


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
) -> RunOutcome:
    """Compare a table with the last run of a watch, and record it as the next one.

    A run of the same table by the same map, after the same decisions, is the same run: it is
    compared with the one before it and added once.

    Parameters
    ----------
    state : State
    watch : Watch
    detector : Detector
        Of the watch.
    table : Table
        Rows, or customers.
    rule : AlertRule
    author, source : str
    grouped : Grouped or None, default=None
        The rows of each customer.
    label : Label or None, default=None
        With which the ranking is compared.
    notes : sequence of str, default=()

    Returns
    -------
    RunOutcome
    """
    subject = _Subject.of(state, watch, detector, table, rule)
    last, run_id = _place_of(state.runs(watch.name), subject.fingerprint)
    is_again = any(run.id == run_id for run in state.runs(watch.name))
    before = _Before.of(state, last, subject)
    cells = subject.cells([k for k, d in subject.decided.items() if d.state == CLEARED])
    why = returned(
        detector,
        subject.decided,
        cells,
        before.usual,
        clear_for=watch.clear_for,
        today=now(),
    )
    alerts, folded = subject.ranked([key for key in cells if key not in why])
    listed = _listed(subject, alerts, folded, before, why)
    runs_by_map = [
        run for run in state.runs(watch.name) if run.map == watch.map and run.id != run_id
    ]
    first_far = runs_by_map[-1].facts["drift"]["far"] if runs_by_map else None
    drift = drift_of(detector, table, subject.rows, subject.scores, first_far)
    keys = {row.key for row in listed}
    kept = keys | subject.decided.keys() | sampled(subject.keys)
    found = Found(table, detector, alerts, rule, label, None, grouped)
    if label is not None:
        found = replace(found, agreement=agreement_of(alerts, label))
    outcome = RunOutcome(
        watch=watch,
        run=WatchRun(run_id, watch.name, 0, "", author, source, subject.data, watch.map, {}),
        last=last,
        is_again=is_again,
        found=found,
        listed=listed,
        gone=gone(before.listed, keys, set(subject.keys)),
        usual=before.usual,
        drift=drift,
        unseen=_unseen(subject),
        decisions=subject.decided,
        why=why,
        notes=tuple(notes),
    )
    new = NewRun(
        run_id,
        source,
        subject.data,
        subject.map,
        _facts(outcome),
        listed,
        subject.cells(kept),
    )
    return replace(outcome, run=state.add_run(watch.name, new, author=author))


@dataclass(frozen=True, eq=False)
class _Subject:
    """A watch's table as this run sees it."""

    watch: Watch
    detector: Detector
    table: Table
    rule: AlertRule
    map: bytes
    data: str
    rows: Float64s
    units: Ints
    scores: Float64s
    keys: list[str]
    row_of: Mapping[str, int]
    decided: Mapping[str, Decision]

    @classmethod
    def of(
        cls, state: State, watch: Watch, detector: Detector, table: Table, rule: AlertRule
    ) -> "_Subject":
        keys = keys_of(table, watch.key)
        rows = np.asarray(detector.map_.rows_of(table), dtype=np.float64)
        units = detector.map_.winners_of_rows(rows)
        return cls(
            watch,
            detector,
            table,
            rule,
            bytes_of(detector) if not watch.map else state.map(watch.map),
            data_hash(table),
            rows,
            units,
            detector.scores_of_rows(rows, units),
            keys,
            {key: row for row, key in enumerate(keys)},
            state.last_decisions(watch.name),
        )

    @property
    def fingerprint(self) -> str:
        """What tells this run from others, but for the one before it."""
        numbers = [decision.number for decision in self.decided.values()]
        said = [
            self.data,
            self.watch.map,
            repr(self.rule),
            self.watch.clear_for,
            max(numbers, default=0),
        ]
        return json.dumps([self.watch.name, *said])

    def cells(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the rows of some keys, by key, as a run keeps them; those that are there."""
        here = sorted(key for key in keys if key in self.row_of)
        names = [code.name for code in self.detector.map_.encoding.used]
        kept = cells_of_rows(self.table, names, [self.row_of[key] for key in here])
        return dict(zip(here, kept, strict=True))

    def ranked(self, put_away: Sequence[str]) -> tuple[Alerts, Ints]:
        """Return the list, and the rows that fold, which are its last ones.

        A row that may be put away folds if the rule would list it.
        """
        everything = np.arange(self.table.n_rows)
        whole = self._ranked(everything)
        candidates = np.array([self.row_of[key] for key in put_away], dtype=np.intp)
        top = whole.rows[: whole.n_alerts]
        folded = top[np.isin(top, candidates)]
        if not len(folded):
            return whole, folded
        rest = np.setdiff1d(everything, folded)
        others = self._ranked(rest)
        place = np.empty(len(everything), dtype=np.intp)
        place[whole.rows] = everything
        order = np.concatenate([rest[others.rows], folded])
        at = place[order]
        stands_out = np.concatenate([others.stands_out, np.zeros(len(folded), dtype=bool)])
        of_whole = {name: getattr(whole, name)[at] for name in ("scores", "p_values", "units")}
        ids = whole.ids.take(at)
        return replace(others, ids=ids, rows=order, stands_out=stands_out, **of_whole), folded

    def _ranked(self, some: Ints) -> Alerts:
        rule, n = self.rule, self.rule.n_alerts
        rule = rule if n is None else replace(rule, n_alerts=min(n, len(some)))
        part = self.table.take(some)
        return ranked(
            self.detector, part, self.rows[some], rule, self.units[some], self.scores[some]
        )


@dataclass(frozen=True, eq=False)
class _Before:
    """The run before, as today's map sees it."""

    listed: Sequence[Listed]
    scores: Mapping[str, float]
    usual: UsualMoves
    decided_since: frozenset[str]

    @classmethod
    def of(cls, state: State, last: WatchRun | None, subject: _Subject) -> "_Before":
        detector = subject.detector
        listed = [] if last is None else state.listed(last.id)
        kept = {} if last is None else state.kept(last.id)
        shared = sorted(key for key in sampled(kept) if key in subject.row_of)
        encoding = detector.map_.encoding
        then = encoded_cells(encoding, [kept[key] for key in shared])
        today = subject.rows[[subject.row_of[key] for key in shared]]
        usual = usual_moves(detector, then, today, subject.rows)
        known = [row.key for row in listed if row.key in kept]
        rows = encoded_cells(encoding, [kept[key] for key in known])
        is_known = ~np.isnan(rows).any(axis=1)
        scores = np.full(len(known), np.inf)  # nothing rises above what is not known
        if is_known.any():
            scores[is_known] = detector.scores_of_rows(np.ascontiguousarray(rows[is_known]))
        since = (
            key
            for key, decision in subject.decided.items()
            if last is not None and (decision.run == last.id or decision.made > last.made)
        )
        return cls(listed, dict(zip(known, scores.tolist(), strict=True)), usual, frozenset(since))


def _place_of(runs: Sequence[WatchRun], fingerprint: str) -> tuple[WatchRun | None, str]:
    """Return the run to compare with, and the id: that of the newest run if this is the same."""

    def id_after(last: WatchRun | None) -> str:
        said = f"{fingerprint}\n{last.id if last else ''}"
        return hashlib.sha256(said.encode()).hexdigest()[:RUN_LETTERS]

    if runs:
        before = runs[1] if len(runs) > 1 else None
        if id_after(before) == runs[0].id:
            return before, runs[0].id
    last = runs[0] if runs else None
    return last, id_after(last)


def _listed(
    subject: _Subject,
    alerts: Alerts,
    folded: Ints,
    before: _Before,
    why: Mapping[str, str],
) -> tuple[Listed, ...]:
    last = {row.key: row for row in before.listed}
    n, n_folded = alerts.n_alerts, len(folded)
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
        said = f"{why[key]} {said}" if key in why else said
        listed.append(Listed(key, rank, score, float(alerts.p_values[place]), news, said))
    return tuple(listed)


def _unseen(subject: _Subject) -> tuple[Unseen, ...]:
    """Return the levels that the map never saw, with keys of their rows."""
    found = []
    encoding = subject.detector.map_.encoding
    for code in encoding.used:
        if not isinstance(code, CategoryCode):
            continue
        column = subject.table.column(code.name)
        rows = np.flatnonzero((code.encode(column)[:, -1] > 0) & ~column.missing)
        levels: dict[str, list[str]] = {}
        for row, level in zip(rows.tolist(), level_texts(column.take(rows)), strict=True):
            levels.setdefault(level, []).append(subject.keys[row])
        found += [
            Unseen(code.name, level, len(keys), tuple(keys[:MAX_KEYS]))
            for level, keys in levels.items()
        ]
    return tuple(found)


def _facts(outcome: RunOutcome) -> dict[str, Any]:
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
        "options": dict(watch.options),
        "key": list(watch.key),
        "clear_for": watch.clear_for,
        "versions": {"somscape": __version__},
    }
