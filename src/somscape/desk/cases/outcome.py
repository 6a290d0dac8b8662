"""The result of one run of a watch."""

import hashlib
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from somscape.desk.cases._compare import NEWS, Gone, UsualMoves
from somscape.desk.cases._drift import RunDrift, Unseen, sentences
from somscape.desk.cases._watch import command_anew, scores_hash, table_name, versions
from somscape.desk.cases.records import (
    CLEARED,
    CONFIRMED,
    FOLDED,
    INSTEAD_OF,
    NEW,
    OPEN,
    RETURNED,
    RISEN,
    STILL,
    UNREPORTED,
    Decision,
    Listed,
    Watch,
    WatchRun,
)
from somscape.desk.jobs._detect import Found, ResultList
from somscape.desk.jobs.job import Job
from somscape.errors import InputError
from somscape.outliers.alert_rule import AlertRule
from somscape.tables._messages import counted, free_name, joined
from somscape.tables.table import Table, table_from_columns

BY_ROW = ("rows", "scores", "p_values", "units", "stands_out")
"""Names of those arrays of `Alerts` that contain one value for each row."""


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """A recorded run of a watch, with its table and comparison with earlier runs.

    Attributes
    ----------
    watch : Watch
    run : WatchRun
    last : WatchRun or None
        The earlier run for the comparison.
    is_again : bool
        Whether the same run was recorded before.  Then no run is added.
    found : Found
        Table, detector and alerts.  Folded rows come after all other rows.
    listed : tuple of Listed
        The alerts, followed by the folded rows.
    checks : tuple of Listed
        The checks of columns.  A cleared check is folded, and is not in `found`.
    kept_checks : mapping of str to mapping
        The rows of checks that the run keeps, by key.
    checks_before : mapping of str to Listed
        The checks of the previous run, by key.
    gone : tuple of Gone
    usual : UsualMoves
    drift : RunDrift
    unseen : tuple of Unseen
    decisions : mapping of str to Decision
        The last decision on each decided case.
    why : mapping of str to str
        Reasons why cleared cases returned, and earlier confirmations of rows to look at, by key.
    notes : tuple of str
        Sentences for the page.
    question : str
        Question whether the table is the right one, with the next step, or "".
    replaced : tuple of WatchRun
        The earlier runs that this run replaces.
    precision : tuple of dict
        Table, numbers of rows and decisions of each earlier run, the newest run first.
    trained : WatchRun or None
        The run whose table trained the map, or None if the map was trained on this table.
    audit_head : str
        Head of the audit after this run was recorded.

    See Also
    --------
    run_watch : Run a watch and record the result.

    Examples
    --------
    >>> from somscape.desk.cases import State, run_watch
    >>> with State("state") as state:
    ...     outcome = run_watch(state, "cards", source="february.csv", author="ann")
    ...     print(len(outcome.listed), len(outcome.gone))
    3 1
    """

    watch: Watch
    run: WatchRun
    last: WatchRun | None
    is_again: bool
    found: Found
    listed: tuple[Listed, ...]
    gone: tuple[Gone, ...]
    usual: UsualMoves
    drift: RunDrift
    unseen: tuple[Unseen, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    question: str = ""
    replaced: tuple[WatchRun, ...] = ()
    precision: tuple[Mapping[str, Any], ...] = ()
    trained: WatchRun | None = None
    checks: tuple[Listed, ...] = ()
    kept_checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks_before: Mapping[str, Listed] = field(default_factory=dict)
    audit_head: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of new, returned, risen, still listed, folded and no longer listed rows.

        Rows that were confirmed before and are still listed are counted separately.
        """
        kinds = (NEW, RETURNED, RISEN, STILL, FOLDED)
        is_known = {row.key for row in self.listed if self.state_of(row.key) == CONFIRMED}
        found = Counter(
            CONFIRMED if row.news == STILL and row.key in is_known else row.news
            for row in self.listed
        )
        known = {CONFIRMED: found[CONFIRMED]} if found[CONFIRMED] else {}
        return {**{kind: found[kind] for kind in kinds}, **known, "gone": len(self.gone)}

    @property
    def news(self) -> list[Listed]:
        """The new, returned and risen rows."""
        return [row for row in self.listed if row.news in NEWS]

    @property
    def n_outstanding(self) -> int:
        """Number of rows in `news` that stand out, that returned, or that a rule chose.

        Without a rule, the list has ten rows even if fewer rows stand out.
        """
        if self.found.rule != AlertRule():
            return len(self.news)
        alerts = self.found.alerts
        is_clear = alerts.stands_out
        if alerts.by_rule is not None:
            is_clear = is_clear | (alerts.by_rule >= 0)
        return sum(row.news == RETURNED or bool(is_clear[row.place - 1]) for row in self.news)

    @property
    def has_news(self) -> bool:
        """Whether the list or the checks contain changes that a person should look at."""
        return self.n_outstanding > 0 or any(check.news in NEWS for check in self.checks)

    @property
    def n_waiting(self) -> int:
        """Number of listed cases and checks that wait for a decision."""
        cases = [row for row in (*self.listed, *self.checks) if row.news not in UNREPORTED]
        return sum(self.state_of(case.key) in (OPEN, CLEARED) for case in cases)

    @property
    def command_anew(self) -> str:
        """The command that trains a new map for the watch on the table of this run."""
        return command_anew(self.watch, self.run.source)

    @property
    def if_wrong(self) -> str:
        """Sentence with the next step if the table of a run with drift is wrong, or ""."""
        if not self.drift.is_found:
            return ""
        words = f"somscape run {shlex.quote(self.watch.name)} TABLE --instead-of {self.run.number}"
        return (
            f"If the table is wrong, correct the table and run `{words}`, or click 'Wrong table?' "
            "in the app."
        )

    def state_of(self, key: str) -> str:
        """Return the state of a case."""
        return self.decisions[key].state if key in self.decisions else OPEN

    def comment_of(self, key: str) -> str:
        """Return the comment of the last decision on a case, or "" without a comment."""
        return self.decisions[key].comment if key in self.decisions else ""

    def _decided(self, key: str) -> dict[str, str]:
        return {"state": self.state_of(key), "comment": self.comment_of(key)}

    def lines(self) -> list[str]:
        """Return sentences that summarize the run, the most important sentence first."""
        known = Counter(r.news for r in self.news if self.state_of(r.key) == CONFIRMED)
        counts = [
            f"{n} {what}{f' ({known[what]} confirmed before)' if known[what] else ''}"
            for what, n in self.counts.items()
            if n
        ]
        than = f"compared with run {self.last.number}" if self.last else "nothing to compare with"
        shown = ", ".join(counts) or "nothing listed"
        of_checks = Counter(check.news for check in self.checks)
        before = {key for key, check in self.checks_before.items() if check.news != FOLDED}
        of_checks += Counter(gone=len(before - {check.key for check in self.checks}))
        checks = ", ".join(f"{n} {news}" for news, n in of_checks.items())
        also = f"; checks of columns: {checks}" if checks else ""
        waiting = f"{counted(self.n_waiting, 'case')} {'waits' if self.n_waiting == 1 else 'wait'}"
        said = [f"Run {self.run.number} of {self.watch.name}, {than}: {shown}{also}."]
        if self.is_again:
            said += [f"This table was already run on {self.run.made[:10]}, so no run was added."]
        elif self.replaced:
            said.append(f"It replaces {runs_of(run.number for run in self.replaced)}.")
        said += [self.question] if self.question else []
        if self.news and self.n_outstanding < len(self.news):
            said.append(f"{self.n_outstanding} of {len(self.news)} rows to look at stand out.")
        said.append(f"{waiting} for a decision.")
        said += filter(None, [self.drift.sentence, self.if_wrong])
        said += sentences(self.unseen)
        if self.drift.train_anew:
            said += [f"Train again? {self.drift.train_anew}", f"  {self.command_anew}"]
        return [*said, *map(str, self.found.alerts.effects), *self.notes]

    def result_list(self, command: str = "") -> ResultList:
        """Return the list for a file, with the keys of the rows and of the checks."""
        shown = [row for row in self.checks if row.news != FOLDED]
        cases = [{"key": r.key, "news": r.news, **self._decided(r.key)} for r in shown]
        return self.found.result_list(self.table(), command, self.watch.key, cases)

    def table(self) -> Table:
        """Return the list with the change, state and comment of each row.

        Returns
        -------
        Table
            The rows of the list. Folded rows are at the end.
        """
        found, alerts = self.found, self.found.alerts
        n, n_all = alerts.n_alerts, len(alerts.rows)
        n_before_folded = n_all - (len(self.listed) - n)
        order = np.r_[:n, n_before_folded:n_all, n:n_before_folded]
        folded = found.table.take(alerts.rows[n_before_folded:])
        by_rule = None if alerts.by_rule is None else alerts.by_rule[order]
        listed = replace(
            alerts,
            ids=alerts.ids.take(order),
            by_rule=by_rule,
            **{name: getattr(alerts, name)[order] for name in BY_ROW},
            reasons=[*alerts.reasons, *(found.detector.reasons(folded) if len(folded) else ())],
            n_alerts=len(self.listed),
            n_filled=0,
        )
        whole = listed.to_table(found.detector.map_, found.table)
        told = {
            "news": [row.news for row in self.listed],
            "why": [self.why.get(row.key, "") for row in self.listed],
            "state": [self.state_of(row.key) for row in self.listed],
            "comment": [self.comment_of(row.key) for row in self.listed],
        }
        rank, *others = whole.columns
        others = [column.renamed(free_name(column.name, told)) for column in others]
        return Table((rank, *table_from_columns(told).columns, *others), source="alerts")

    def to_json(self) -> dict[str, Any]:
        """Return the results of the run as JSON data, with the keys and reasons of rows.

        Returns
        -------
        dict
        """
        drift, effects, trained = self.drift, self.found.alerts.effects, self.trained
        return {
            "watch": self.watch.name,
            "run": self.run.id,
            **{n: getattr(self.run, n) for n in ("number", "made", "author", "source")},
            "audit_head": self.audit_head,
            "compared_with": None if self.last is None else self.last.number,
            "instead_of": [run.number for run in reversed(self.replaced)],
            "compared_with_made": None if self.last is None else self.last.made,
            "compared_with_table": None if self.last is None else table_name(self.last.source),
            **({} if trained is None else {"trained_on": table_name(trained.source)}),
            **({} if trained is None else {"trained_made": trained.made}),
            "precision": [*self.precision],
            "n_rows": self.found.table.n_rows,
            "rule": self.found.rule.words(self.found.detector),
            "headline": self.found.alerts.headline,
            **({"rules": [e.to_json() for e in effects]} if effects else {}),
            "question": self.question or None,
            "has_news": self.has_news,
            "n_outstanding": self.n_outstanding,
            "n_waiting": self.n_waiting,
            "counts": self.counts,
            "cases": [
                {**vars(row), **self._decided(row.key), "why": self.why.get(row.key)}
                for row in self.listed
            ],
            "checks": [
                self._decided(row.key) | {"key": row.key, "news": row.news, "sentence": row.reasons}
                for row in self.checks
            ],
            "gone": [{"key": row.key, "place": row.place, "why": row.why} for row in self.gone],
            "drift": {**drift.facts(), "changes": list(drift.changes), "sentence": drift.sentence},
            "unseen": [
                {**vars(each), "levels": [*each.levels], "keys": [*each.keys], "what": each.what}
                for each in self.unseen
            ],
            "if_wrong": self.if_wrong or None,
            "train_anew": drift.train_anew or None,
            "command_anew": self.command_anew if drift.train_anew else None,
            "usual_moves": vars(self.usual),
            "notes": list(self.notes),
        }


def runs_of(numbers: Iterable[int]) -> str:
    """Return the numbers of runs as text, for example "runs 1, 2 and 5"."""
    parts = [*map(str, sorted(numbers))]
    return f"run{'s' * (len(parts) > 1)} {joined(parts)}"


LIST = "alerts.csv"


def digest_of(outcome: RunOutcome) -> str:
    """Return the SHA-256 hash of the list of a run as a CSV file."""
    return hashlib.sha256(b"".join(outcome.result_list().content("csv"))).hexdigest()


def facts_of(outcome: RunOutcome, job: Job) -> dict[str, Any]:
    """Return the facts about a run that the audit records, without keys and values of rows."""
    found, watch, map_ = outcome.found, outcome.watch, outcome.found.detector.map_
    month, roles = outcome.drift.month, dict[str, list[str]]()
    for code in map_.encoding.columns:
        roles.setdefault(code.kind, []).append(code.name)
    scores = np.empty(len(found.alerts.rows))
    scores[found.alerts.rows] = found.alerts.scores
    return {
        "n_rows": found.table.n_rows,
        "n_alerts": found.alerts.n_alerts,
        "n_stand_out": found.alerts.n_stand_out,
        "counts": outcome.counts,
        "n_outstanding": outcome.n_outstanding,
        "rule": found.rule.words(found.detector),
        "drift": {**outcome.drift.facts(), "month": month and month.to_json()},
        "usual_moves": vars(outcome.usual),
        "train_anew": outcome.drift.train_anew,
        "options": job.to_json(),
        "key": list(watch.key),
        "clear_for": watch.clear_for,
        **({INSTEAD_OF: [run.id for run in outcome.replaced]} if outcome.replaced else {}),
        "scores": scores_hash(scores),
        "roles": roles,
        "settings": dict(map_.parameters),
        "versions": versions(),
    }


@contextmanager
def recording(out: str | Path) -> Iterator[list[RunOutcome]]:
    """Yield a list for the recorded run. Later errors in the block name this run."""
    recorded: list[RunOutcome] = []
    try:
        yield recorded
    except (OSError, InputError) as error:
        if not recorded:
            raise
        said = getattr(error, "strerror", None) or str(error).rstrip(".")
        run = recorded[-1].run
        words = ["run", run.watch, *([run.source] if run.source not in ("", "-") else [])]
        raise InputError(
            f"Run {run.number} of the watch {run.watch} is recorded, but {out} was not written "
            f"({said}). Solve this problem, then run the watch again. The run is not recorded "
            "twice, unless a case was decided in the meantime.",
            options=f"somscape {shlex.join([*words, '--out', str(out)])}",
            file=out,
        ) from error
