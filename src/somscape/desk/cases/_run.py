"""Begin a watch, run it on a table, compare the run with the previous run, and save the run."""

import hashlib
import json
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.checks.check import Check
from somscape.desk.cases._compare import (
    UsualMoves,
    alike_note,
    confirmed_before,
    confirmed_by_unit,
    decision_text,
    encoded_cells,
    gone,
    is_same,
    jumped,
    like_cleared,
    months_between,
    near_confirmed,
    news_of,
    returned,
    run_to_compare,
    usual_moves,
)
from somscape.desk.cases._drift import drift_of, unseen_levels
from somscape.desk.cases._watch import (
    MAX_ADDED,
    RowsOfCheck,
    bytes_of,
    cells_of_rows,
    check_key,
    check_name,
    content_of,
    detector_of,
    keys_of,
    rule_for,
    sampled,
    source_of,
)
from somscape.desk.cases.decide import by_run
from somscape.desk.cases.outcome import LIST, RunOutcome, digest_of, facts_of
from somscape.desk.cases.records import (
    CLEAR_FOR,
    CLEARED,
    CONFIRMED,
    FILLED,
    FOLDED,
    OPEN,
    RETURNED,
    RISEN,
    STILL,
    Decision,
    KnownTableError,
    Listed,
    NewRun,
    RunMeanwhileError,
    Upload,
    Watch,
    WatchRun,
    counting,
    is_check,
    is_since,
    now,
    runs_to_replace,
)
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import Found, agreement_of, checks_of, data_hash, of_customers
from somscape.desk.jobs._roles import Label, read_as, ready_for
from somscape.desk.jobs.job import AT_A_RUN, IN_ROLES_FILE, KEPT, READ, READING, Job
from somscape.errors import InputError
from somscape.outliers import AlertRule, Alerts, Detector
from somscape.outliers.alerts import ids_of, ranked
from somscape.outliers.marks import UNKNOWN
from somscape.tables._sql import is_url
from somscape.tables.customers import Grouped
from somscape.tables.rules import rules_of
from somscape.tables.table import Table


@dataclass(eq=False)
class Subject:
    """The table on which a watch is run, with the scores of its rows.

    `decided` are the decisions before the run, whose time is `today`.  With `new_ids`, the ids of
    each table are new.  The other fields are as in `RunOutcome` and its run.
    """

    watch: Watch
    detector: Detector
    table: Table
    rule: AlertRule
    author: str
    source: str
    grouped: Grouped | None = None
    label: Label | None = None
    notes: Sequence[str] = ()
    decided: Mapping[str, Decision] = field(default_factory=dict)
    today: str = ""
    known_checks: Sequence[Check] | None = None
    new_ids: bool = False

    def __post_init__(self) -> None:
        self.keys = keys_of(self.table, self.watch.key, self.watch.name)
        self.row_of = {key: row for row, key in enumerate(self.keys)}
        self.rows: Float64s = np.asarray(self.detector.map_.rows_of(self.table), dtype=np.float64)
        self.units = self.detector.map_._winners_of_rows(self.rows)
        self.scores = self.detector._scores_of_rows(self.rows)
        self.data = data_hash(self.table)

    @cached_property
    def content(self) -> str:
        """Hash of the key and of the used columns, which does not depend on the order of rows."""
        names = [code.name for code in self.detector.map_.encoding.used]
        return content_of(self.table, names, self.keys)

    def known_in(self, runs: Sequence[WatchRun]) -> WatchRun | None:
        """Return the last of the runs that had the same table, or None."""
        same, map_ = (r for r in runs if r.data == self.data), self.watch.map
        alike = (r for r in runs if r.map == map_ and r.facts.get("content") == self.content)
        return next(same, None) or next(alike, None)

    def like_cleared(self) -> dict[str, str]:
        """Return sentences on rows like cleared cases, by key. Without `new_ids`, return none."""
        if not self.new_ids:
            return {}
        rows = (self.detector, self.table, self.keys, self.units, self.scores, self.decided)
        return like_cleared(*rows, clear_for=self.watch.clear_for, today=self.today)

    @property
    def fingerprint(self) -> str:
        """Text with all facts that determine the run's id, except the id of the previous run."""
        rule = (repr(self.rule), self.watch.clear_for, self.last_decision)
        said = [self.watch.name, self.data, self.watch.map, *rule]
        rules = self.detector.map_.encoding.roles.rules
        ended = [each.text for each in rules_of(rules) if each.has_ended(self.today)]
        # Without expired cases and rules, the ids of earlier runs stay the same.
        return json.dumps([*said, *sorted(self.expired), *ended, *([True] * self.new_ids)])

    @cached_property
    def checks(self) -> dict[str, Check]:
        """Checks of the columns, by the key of a new case."""
        found = self.known_checks
        if found is None:
            found = checks_of(self.detector.map_, self.table, self.grouped)
        of, new_ids = self._rows_to_check, self.new_ids
        return {check_key(each, *of, new_ids=new_ids): each for each in found}

    @cached_property
    def rows_of_checks(self) -> dict[str, RowsOfCheck]:
        """Rows of each check, by the key of a new case."""
        of, new_ids = self._rows_to_check, self.new_ids
        return {k: RowsOfCheck.of(each, *of, new_ids=new_ids) for k, each in self.checks.items()}

    @property
    def _rows_to_check(self) -> tuple[Table, Sequence[str]]:
        return (self.table, self.keys) if self.grouped is None else (self.grouped.rows, [])

    @property
    def last_decision(self) -> int:
        """Audit line number of the last decision before the run, or 0 without a decision."""
        return max((decision.number for decision in self.decided.values()), default=0)

    @property
    def expired(self) -> list[str]:
        """Keys of those cases in this table that return because they were cleared long ago."""
        return [
            key
            for key, decision in self.decided.items()
            if key in self.row_of
            and decision.state == CLEARED
            and months_between(decision.made, self.today) >= self.watch.clear_for
        ]

    def cells(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the values of rows by key. Keys without a row are left out."""
        here = sorted(key for key in keys if key in self.row_of)
        names = [code.name for code in self.detector.map_.encoding.used]
        kept = cells_of_rows(self.table, names, [self.row_of[key] for key in here])
        return dict(zip(here, kept, strict=True))

    def ranked(self, put_away: Sequence[str]) -> tuple[Alerts, Ints]:
        """Return two values: the ranked rows, and the indices of the folded rows at their end."""
        candidates = np.array([self.row_of[key] for key in put_away], dtype=np.intp)
        folded, rest = candidates[:0], np.arange(self.table.n_rows)
        found = self._ranked(rest)
        while len(more := np.intersect1d(rest[found.rows[: found.n_alerts]], candidates)):
            if not len(folded):
                more = np.union1d(more, self._above_others(candidates))
            folded = np.concatenate([folded, more])
            rest = np.setdiff1d(rest, more)
            found = self._ranked(rest)
        found = of_customers(found, self.grouped)
        if not len(folded):
            return found, folded
        folded = folded[np.argsort(-self.scores[folded], kind="stable")]
        rows = np.concatenate([rest[found.rows], folded])
        alerts = replace(
            found,
            ids=ids_of(self.detector.map_, self.table)[1].take(rows),
            rows=rows,
            scores=self.scores[rows],
            units=self.units[rows],
            p_values=self.detector.calibration.p_values(self.scores, self.units)[rows],
            stands_out=np.concatenate([found.stands_out, np.zeros(len(folded), dtype=bool)]),
            by_rule=None
            if found.by_rule is None
            else np.append(found.by_rule, -np.ones_like(folded)),
        )
        return alerts, folded

    def _above_others(self, candidates: Ints) -> Ints:
        """Return the candidates that score above the last alert among the other rows."""
        others = np.setdiff1d(np.arange(self.table.n_rows), candidates)
        found = self._ranked(others)
        lowest = found.scores[found.n_alerts - 1] if found.n_alerts else np.inf
        return candidates[self.scores[candidates] > lowest]

    def _ranked(self, some: Ints) -> Alerts:
        rule, n = self.rule, self.rule.n_alerts
        rule = rule if n is None else replace(rule, n_alerts=min(n, len(some)))
        part = self.table.take(some)
        known = self.rows[some], rule, self.units[some], self.scores[some]
        are_customers = self.grouped is not None
        return ranked(self.detector, part, *known, self.today, are_customers=are_customers)


GROWTH = 1.2
"""Maximum change of the usual moves from one run to the next, if a table cannot be judged."""


@dataclass(frozen=True, eq=False)
class Before:
    """The rows that the previous run kept, scored with the current map, and its checks.

    `usual` contains the moves that count as usual, and `moves` the moves for the next run.
    `rows_of_checks` contains the rows of each check in the previous run and at its decision.
    """

    listed: Sequence[Listed]
    checks: Mapping[str, Listed]
    rows_of_checks: Mapping[str, tuple[RowsOfCheck, RowsOfCheck]]
    scores: Mapping[str, float]
    usual: UsualMoves
    moves: UsualMoves
    decided_since: frozenset[str]
    unchanged: frozenset[str]

    @classmethod
    def of(
        cls, state: State, last: WatchRun | None, subject: Subject, *, is_usual: bool
    ) -> "Before":
        """Compare a table with a run. Without `is_usual`, only moves of the size of earlier moves
        count as usual, so a wrong table does not hide cleared cases."""
        detector = subject.detector
        of_last = [] if last is None else state.listed(last.id)
        listed = [row for row in of_last if not is_check(row.key)]
        checks = {row.key: row for row in of_last if is_check(row.key)}
        kept = {} if last is None else state.kept(last.id)
        shared = sorted(key for key in sampled(kept) if key in subject.row_of)
        encoding = detector.map_.encoding
        then = encoded_cells(encoding, [kept[key] for key in shared])
        today = subject.rows[[subject.row_of[key] for key in shared]]
        usual = moves = usual_moves(detector, then, today, subject.rows)
        if last is not None:
            earlier = UsualMoves(**last.facts["usual_moves"])
            is_usual = is_usual and not last.facts["drift"]["is_found"]
            if subject.known_in([last]):  # no row moves
                usual = moves = earlier
            elif last.map == subject.watch.map and not is_usual:
                usual = min(moves, earlier, key=lambda each: each.far)
                # A wrong table moves all rows, so the moves for the next run change slowly.
                limits = earlier.times(1 / GROWTH), moves, earlier.times(GROWTH)
                moves = sorted(limits, key=lambda each: each.far)[1]
        known = [row.key for row in listed if row.key in kept]
        rows = encoded_cells(encoding, [kept[key] for key in known])
        is_known = ~np.isnan(rows).any(axis=1)
        scores = np.full(len(known), np.inf)  # no score rises above an unknown score
        if is_known.any():
            scores[is_known] = detector._scores_of_rows(np.ascontiguousarray(rows[is_known]))
        since = frozenset(k for k, d in subject.decided.items() if last and is_since(d, last))
        by_key = dict(zip(known, scores.tolist(), strict=True))
        # The hashes of rows with new ids do not depend on the ids.
        is_alike = last is not None and bool(last.facts.get("new_ids")) == subject.new_ids
        of_checks = state.kept_checks(last.id) if last is not None and is_alike else {}
        # A decision is about the rows of the check at that time.
        rows_of_checks = {k: RowsOfCheck.before(of, k in since) for k, of in of_checks.items()}
        same = frozenset(k for k, cells in subject.cells(known).items() if is_same(kept[k], cells))
        return cls(listed, checks, rows_of_checks, by_key, usual, moves, since, same)


RUN_LETTERS = 16
"""Number of hexadecimal digits in the id of a run."""


@dataclass(frozen=True)
class Place:
    """The id of a run, and its relation to the earlier runs of its watch.

    Attributes
    ----------
    id : str
        Id of the run.  If a run repeats the newest run, it receives the id of that run.
    last : WatchRun or None
        The earlier run for the comparison.
    doubt : str
        A warning if the run is compared with an earlier run than the previous one, else "".
    question : str
        Question whether the table is the right one, with the next step, or "".
    replaced : tuple of WatchRun
        The runs that this run replaces.
    """

    id: str
    last: WatchRun | None
    doubt: str
    question: str
    replaced: tuple[WatchRun, ...] = ()

    @classmethod
    def of(
        cls,
        state: State,
        runs: Sequence[WatchRun],
        subject: Subject,
        instead_of: int | None,
        *,
        again: bool,
    ) -> "Place":
        """Return the position of a new run. The newest of the `runs` comes first.

        With `again`, the new run never repeats the newest run.
        """
        left = counting(runs)
        if left and not again:
            same = cls._after(state, left[1:], subject, left[0].number)
            asked = {None, *(run.number for run in runs if run.id in left[0].replaced)}
            ids = same.id, _id_of(same.id, left[0].number)
            if left[0].id in ids and instead_of in asked:
                return replace(same, id=left[0].id)
        number = runs[0].number + 1 if runs else 1
        later = () if instead_of is None else tuple(runs_to_replace(runs, instead_of))
        before = [run for run in left if run not in later]
        found = replace(cls._after(state, before, subject, number), replaced=later)
        is_replaced = any(run.id == found.id for run in runs if run not in left)
        return replace(found, id=_id_of(found.id, number)) if is_replaced else found

    @classmethod
    def _after(
        cls, state: State, runs: Sequence[WatchRun], subject: Subject, number: int
    ) -> "Place":
        last, doubt, question = run_to_compare(
            state, runs, subject.row_of, number, new_ids=subject.new_ids
        )
        id_ = _id_of(subject.fingerprint, last.id if last else "")
        return cls(id_, last, doubt, question)


def _id_of(*parts: object) -> str:
    """Return the id of a run from a text and a part that distinguishes the run from others."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:RUN_LETTERS]


MAX_TRIES = 5
"""Maximum number of attempts to save a run while other processes also save runs of the watch."""


def run_watch(
    state: State,
    name: str,
    *,
    author: str,
    source: str | None = None,
    shown_as: str | None = None,
    reading: Job | None = None,
    instead_of: int | None = None,
    draft: Callable[[RunOutcome], object] | None = None,
    again: bool = False,
    new_ids: bool = False,
) -> RunOutcome:
    """Run a watch on its own source or on another table, and record the result.

    Parameters
    ----------
    state : State
    name : str
        Name of the watch.
    author : str
    source : str or None, default=None
        A file, folder, file pattern or database to read instead of the watch's own source.
    shown_as : str or None, default=None
        Name of the table that the results show, for example the name of an uploaded file.
    reading : Job or None, default=None
        Options for reading the table.  They replace the watch's options.
    instead_of : int or None, default=None
        Number of an earlier run that read the wrong table.  The new run replaces that run and all
        runs after it.  It is compared with the last run before them, and later runs are compared
        with it.  The audit still contains the replaced runs, and decisions remain valid.
    draft : callable or None, default=None
        Function that is called with the outcome before the run is recorded.  If the function fails,
        nothing is recorded.
    again : bool, default=False
        Whether the table of an earlier run is recorded once more.  If false, the table of the
        newest run adds no run, unless a case was decided since.
    new_ids : bool, default=False
        Whether the ids of each table are new.  Later runs of the watch keep this setting.  Then no
        row is gone, and a row that is like a cleared case is folded.

    Returns
    -------
    RunOutcome

    Raises
    ------
    InputError
        If the watch or its source does not exist, if the table does not fit the watch's map, or if
        an earlier run had this table and `again` is false (`KnownTableError` in
        `somscape.desk.cases.records`).  Then nothing is recorded.

    See Also
    --------
    verify : Check the audit of a state.

    Examples
    --------
    >>> from somscape.desk.cases import State, run_watch
    >>> with State("state") as state:
    ...     outcome = run_watch(state, "cards", source="february.csv", author="ann")
    ...     print([row.key for row in outcome.listed if row.news == "new"])
    ['c006']
    """
    watch = state.watch(name)
    path = watch.source if source is None else source
    if source is None and not path:
        raise InputError(
            f"The watch {name} began with an uploaded file, which was not kept. Run the watch on a "
            "table.",
            options=f"somscape run {shlex.quote(name)} TABLE",
        )
    detector = detector_of(state.map(watch.map))
    reading = (reading or Job()).only(*READ)
    # A file replaces the watch's database.
    kept = watch.job if is_url(path) else watch.job.without(*READING["database"])
    job = kept.only(*AT_A_RUN)
    try:
        table = read_as(path, job.then(reading), detector.map_.encoding.roles, shown_as)
    except InputError as error:
        if source is not None:
            raise
        said = str(error) if str(error).endswith((".", "?")) else f"{error}."
        raise InputError(
            f"The source of the watch {name} cannot be read. {said} Run the watch on another "
            "table.",
            options=f"somscape run {shlex.quote(name)} TABLE",
            file=path,
        ) from error
    subject = ready_for(detector.map_, table, job)
    read_from = shown_as or (path if path == "-" else source_of(path))
    rule = rule_for(job, subject.table)
    return record_run(
        state,
        Subject(
            *(watch, detector, subject.table, rule, author, read_from, subject.grouped),
            new_ids=new_ids or any(r.facts.get("new_ids") for r in counting(state.runs(name))[:1]),
        ),
        # With these options, the app can read and rank the table of this run again.
        job=kept.without(*IN_ROLES_FILE, "missing_values").then(reading),
        instead_of=instead_of,
        draft=draft,
        again=again or (None if instead_of is not None else False),
    )


def _check_is_new(state: State, name: str) -> None:
    """Raise InputError if another person has begun a watch with this name in the meantime."""
    if name in {watch.name for watch in state.watches()}:
        raise InputError(
            f"The watch '{name}' already exists. Give this watch another name.",
            parameter="watch",
            value=name,
        )


def record_run(
    state: State,
    subject: Subject,
    *,
    job: Job | None = None,
    instead_of: int | None = None,
    draft: Callable[[RunOutcome], object] | None = None,
    begins: bytes | None = None,
    of_upload: Upload | None = None,
    again: bool | None = None,
) -> RunOutcome:
    """Compare a table with the last run of a watch, and record this comparison as the next run.

    If an earlier run had the table, `again` selects whether to record the table once more.  With
    None, only the table of the newest run is not recorded.
    """
    watch, author = subject.watch, subject.author
    for _ in range(MAX_TRIES):
        subject.decided, subject.today = state.last_decisions(watch.name), now()
        map_ = state.map(watch.map) if begins is None else begins
        runs = state.runs(watch.name)
        place = Place.of(state, runs, subject, instead_of, again=again is True)
        outcome = compared(state, subject, runs, place)
        known = subject.known_in(counting(runs)) or subject.known_in(runs)
        if again is False and known and not outcome.is_again:
            raise KnownTableError(known, next((r for r in runs if known.id in r.replaced), None))
        newest = runs[0].id if runs else ""
        new = _new_run(outcome, subject, map_, job or watch.job)
        if draft is not None:
            draft(outcome)
        with suppress(RunMeanwhileError):
            with state.together():
                if of_upload is not None:
                    _check_is_new(state, watch.name)
                if begins is not None:
                    state.keep_watch(watch, begins, author=author)
                if of_upload is not None:
                    state.name_upload(
                        of_upload, watch.name, run=new, cells_of=subject.cells, author=author
                    )
                run = state.add_run(watch.name, new, author=author, after=newest)
                head = state.head()
            return replace(outcome, run=run, audit_head=head)
    raise InputError(
        f"{MAX_TRIES} other runs of the watch {watch.name} were recorded at the same time. Run the "
        "watch again."
    )


def compared(state: State, subject: Subject, runs: Sequence[WatchRun], place: Place) -> RunOutcome:
    """Compare a table with the newest of the given runs that fits it. No run is recorded."""
    watch, detector, table, rule = subject.watch, subject.detector, subject.table, subject.rule
    earlier = [r for r in counting(runs) if r.id != place.id and r not in place.replaced]
    others = [run for run in earlier if run.map == watch.map]
    unseen = unseen_levels(detector.map_.encoding, table, subject.keys)
    trained = [run for run in runs if run.map == watch.map][-1:]  # the map learned its table
    drift = drift_of(
        *(detector, table, subject.rows, subject.scores),
        [run.facts["drift"] for run in _different(others)],
        unseen,
        keys=subject.keys,
        is_known=subject.known_in(others) is not None,
        is_trained=not trained or subject.known_in(trained) is not None,
    )
    before = Before.of(state, place.last, subject, is_usual=drift.is_usual and not place.question)
    cells = subject.cells([k for k, d in subject.decided.items() if d.state == CLEARED])
    jumps = jumped(detector.map_.encoding, subject.decided, cells, state.kept, subject.cells)
    given = detector, subject.decided, cells, before.usual, jumps
    why = returned(*given, clear_for=watch.clear_for, today=subject.today)
    alike = subject.like_cleared()
    alerts, folded = subject.ranked([*(key for key in cells if key not in why), *alike])
    why_listed = why | {k: alike[k] for row in folded if (k := subject.keys[row]) in alike}
    listed = _listed(subject, alerts, folded, before, why_listed)
    of, label = (subject.author, subject.source), subject.label
    agreement = None if label is None else agreement_of(alerts, label)
    checks, shown, kept_checks = _checks(subject, before, listed)
    is_learned = not trained or trained[0].data == subject.data
    about = rule, label, agreement, subject.grouped, shown, is_learned
    return RunOutcome(
        watch=watch,
        run=WatchRun(place.id, watch.name, 0, "", *of, subject.data, watch.map, {}),
        last=place.last,
        is_again=any(run.id == place.id for run in runs),
        replaced=place.replaced,
        precision=tuple(by_run(state, watch.name, earlier)),
        trained=None if is_learned else trained[0],
        found=Found(table, detector, lambda: alerts, *about),
        listed=listed,
        checks=checks,
        kept_checks=kept_checks,
        checks_before=before.checks if before.rows_of_checks else {},
        gone=gone(
            [] if subject.new_ids else before.listed,
            {row.key for row in listed if row.news != FILLED},
            dict(zip(subject.keys, subject.scores.tolist(), strict=True)),
            before.scores,
            is_by_number=rule.n_alerts is not None,
            hidden=_hidden(subject, alerts),
            left_out=_left_out(subject, rule, alerts),
            unchanged=before.unchanged,
            is_new_map=place.last is not None and place.last.map != watch.map,
        ),
        usual=before.moves,
        drift=drift,
        unseen=unseen,
        decisions=subject.decided,
        why=why_listed | confirmed_before(listed, subject.decided),
        notes=(*filter(None, [place.doubt, alike_note(why_listed.keys() - why)]), *subject.notes),
        question=place.question,
    )


def _different(runs: Sequence[WatchRun]) -> list[WatchRun]:
    """Return the runs, the newest first, but of the runs with the same table only the earliest."""
    first = {run.data: run for run in runs}
    return [run for run in runs if first[run.data] is run]


def _hidden(subject: Subject, alerts: Alerts) -> dict[str, str]:
    """Return the rules that hide rows, by the key of the row."""
    n = alerts.n_alerts
    names = alerts.rule_names(slice(n, None)).get("rule", ())
    return {subject.keys[r]: name for r, name in zip(alerts.rows[n:], names, strict=False) if name}


def _left_out(subject: Subject, rule: AlertRule, alerts: Alerts) -> set[str]:
    """Return the keys of the rows that stand out, and that the list leaves out."""
    if replace(rule, n_alerts=None) != AlertRule():  # other lists have a place for each row
        return set()
    n = alerts.n_alerts
    return {subject.keys[row] for row in alerts.rows[n:][alerts.stands_out[n:]]}


def _new_run(outcome: RunOutcome, subject: Subject, map_: bytes, job: Job) -> NewRun:
    """Return the data of the run to be saved, with its list and the rows for the next run."""
    run = outcome.run
    keys = {row.key for row in outcome.listed} | subject.decided.keys() | sampled(subject.keys)
    facts = {
        **facts_of(outcome, job),
        "content": subject.content,
        **({"new_ids": True} if subject.new_ids else {}),
        "as_of": {"today": subject.today, "decision": subject.last_decision},
        "files": {LIST: digest_of(outcome)},
    }
    kept = {**subject.cells(keys), **outcome.kept_checks}
    listed = (*outcome.listed, *outcome.checks)
    return NewRun(run.id, run.source, run.data, map_, facts, listed, kept)


def _listed(
    subject: Subject, alerts: Alerts, folded: Ints, before: Before, why: Mapping[str, str]
) -> tuple[Listed, ...]:
    last = {row.key: row for row in before.listed}
    n, n_rows = alerts.n_alerts, len(alerts.rows)
    confirmed = confirmed_by_unit(subject.detector, subject.decided)
    of_folded = subject.detector.reasons(subject.table.take(folded)) if len(folded) else ()
    reasons = [each.sentence() for each in (*alerts.reasons, *of_folded)]
    places = [*range(n), *range(n_rows - len(folded), n_rows)]
    listed = []
    for rank, (place, said) in enumerate(zip(places, reasons, strict=True), 1):
        key, score = subject.keys[alerts.rows[place]], float(alerts.scores[place])
        news = FOLDED
        if rank <= n:
            news = news_of(key, score, last, before.scores, before.usual, why, before.decided_since)
            if rank > n - alerts.n_filled and news != RETURNED:
                news = FILLED
        near = near_confirmed(key, confirmed.get(int(alerts.units[place]), ()))
        said = " ".join(part for part in (why.get(key), said, near) if part)
        listed.append(Listed(key, rank, score, float(alerts.p_values[place]), news, said))
    known = confirmed_before(listed, subject.decided)
    return tuple(replace(r, reasons=f"{known.get(r.key, '')} {r.reasons}".strip()) for r in listed)


def _checks(
    subject: Subject, before: Before, listed: Sequence[Listed]
) -> tuple[tuple[Listed, ...], list[Check], dict[str, dict[str, Any]]]:
    """Return the checks of the columns as cases, those to show, and rows for the next run.

    A check keeps its case while some of its rows remain.  A cleared check is folded, but returns if
    rows are new or have other values.  With new rows, a confirmed check is a new case, and any
    other check rises.
    """
    rows_of, decided = subject.rows_of_checks, subject.decided
    gone = {key: of for key, of in before.rows_of_checks.items() if key not in rows_of}
    state_of = {key: said.state for key, said in decided.items()}
    found, shown, kept, cases = [], [], {}, {row.key for row in listed}
    for place, (key, each) in enumerate(subject.checks.items(), len(listed) + 1):
        rows = rows_of[key]
        if key not in before.rows_of_checks and key not in decided:
            same = {
                k: (last, then)
                for k, (last, then) in gone.items()
                if state_of.get(k) != CONFIRMED or not rows.rows_from(then)
            }
            key = rows.best(same) or key
        gone.pop(key, None)
        last, then = before.rows_of_checks.get(key, (rows, rows))
        said, risen = decided.get(key), rows.rows_from(last) if key in before.checks else ""
        changes, about = [risen], "Changed since the earlier run"
        if said is None or said.state == OPEN:
            then = rows
        else:
            changes, about = [rows.values_from(then), rows.rows_from(then)], decision_text(said)
        if what := ", ".join(filter(None, changes)):
            each = replace(each, text=f"{about}; {what}. {each.text}")
        is_cleared, is_back = said is not None and said.state == CLEARED, bool(what)
        if said is not None and is_cleared:
            is_back |= months_between(said.made, subject.today) >= subject.watch.clear_for
        news, back = FOLDED, {key} if is_cleared and is_back else set()
        if back or not is_cleared:
            news = news_of(key, 0.0, before.checks, {}, before.usual, back, before.decided_since)
            news = RISEN if news == STILL and risen else news
            shown.append(each)
        strength = min(float(each.strength), MAX_STRENGTH)
        share = 1 - each.n_obey / max(1, each.n_rows)
        own = sorted(cases.intersection(rows.rows.values()))[:MAX_ADDED]
        of = "Cases of the same rows" if len(own) > 1 else "Case of the same row"
        text = f"{each}. {of}: {', '.join(own)}" if own else str(each)
        found.append(Listed(key, place, strength, share, news, text))
        kept[key] = rows.kept(then)
    for key, (last, then) in gone.items():
        if state_of.get(key, OPEN) != OPEN:
            kept[key] = last.kept(then)
    return tuple(found), shown, kept


MAX_STRENGTH = 1e9
"""Largest recorded strength of a check."""


def begin_watch(
    state: State,
    name: str,
    found: Found,
    *,
    key: Sequence[str],
    source: str,
    job: Job,
    author: str,
    shown_as: str | None = None,
    notes: Sequence[str] = (),
    of_upload: Upload | None = None,
) -> RunOutcome:
    """Save a new watch, its map and its first run. If an error occurs, save nothing.

    The decisions on `of_upload` move to the watch, which must then be new.
    """
    check_name(name)
    keys_of(found.table, key)
    so_far = (watch.clear_for for watch in state.watches() if watch.name == name)
    clear_for = job.clear_for or next(so_far, CLEAR_FOR)
    map_ = bytes_of(found.detector)
    hash_ = hashlib.sha256(map_).hexdigest()
    watch = Watch(name, tuple(key), source, job.only(*KEPT), hash_, clear_for)
    ranked_with = (watch, found.detector, found.table, found.rule)
    subject = Subject(*ranked_with, author, shown_as or source, found.grouped, found.label, notes)
    subject.known_checks = found.checks
    return record_run(state, subject, begins=map_, of_upload=of_upload)


def detector_of_watch(state: State, name: str) -> Detector | None:
    """Return the detector of the watch with this name, or None if the watch does not exist."""
    found = [watch for watch in state.watches() if watch.name == name]
    return detector_of(state.map(found[0].map)) if found else None


SURE, CORRECTED = (CONFIRMED, CLEARED), 0.05
"""States from which a detector learns, and the p-value above which a changed row is usual."""


def known_cases(
    state: State, name: str, table: Table, key: Sequence[str], before: Detector | None
) -> Ints | None:
    """Return a mark for each row from the decision on its case, or None without any mark.

    A cleared row that moved has no mark.  A confirmed row has no mark if the row moved and is now
    usual, for example because its error was corrected.
    """
    decided = state.last_decisions(name)
    rows = {k: row for row, k in enumerate(keys_of(table, key)) if k in decided}
    known = np.full(table.n_rows, UNKNOWN)
    runs, names = state.runs(name), [c.name for c in before.map_.encoding.used] if before else []
    moved: Mapping[str, str] = {}
    cells: Mapping[str, Mapping[str, Any]] = {}
    if before and rows and runs and set(names) <= {*table.names}:
        cells = dict(zip(rows, cells_of_rows(table, names, [*rows.values()]), strict=True))
        usual = UsualMoves(**counting(runs)[0].facts["usual_moves"])
        said = {k: replace(d, state=CLEARED) for k, d in decided.items() if d.state in SURE}
        moved = returned(before, said, cells, usual, {}, clear_for=10**6, today=now())
    again = [each for each in moved if decided[each].state == CONFIRMED]
    corrected = set[str]()
    encoded = np.zeros((0, 1))
    if before and again:
        encoded = encoded_cells(before.map_.encoding, [cells[each] for each in again])
    is_known = ~np.isnan(encoded).any(axis=1)
    if before and is_known.any():  # other rows cannot be compared
        own = np.ascontiguousarray(encoded[is_known])
        units = before.map_._winners_of_rows(own)
        p_values = before.calibration.p_values(before._scores_of_rows(own), units)
        corrected = {*np.array(again)[is_known][p_values > CORRECTED].tolist()}
    for each, row in rows.items():
        if decided[each].state == CONFIRMED and each not in corrected:
            known[row] = 1
        elif decided[each].state == CLEARED and each not in moved:
            known[row] = 0
    return known if (known != UNKNOWN).any() else None
