"""The result of a run of a watch."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from somscape.desk.cases._compare import NEWS, Drift, Gone, Unseen, UsualMoves, sentences
from somscape.desk.cases._watch import command_anew
from somscape.desk.cases.records import (
    FOLDED,
    NEW,
    OPEN,
    RETURNED,
    RISEN,
    STILL,
    Decision,
    Listed,
    Watch,
    WatchRun,
)
from somscape.desk.jobs._detect import Found
from somscape.errors import InputError
from somscape.outliers.detector import AlertRule
from somscape.tables._messages import free_name
from somscape.tables.table import Table, table_from_columns

BY_ROW = ("rows", "scores", "p_values", "units", "stands_out")
"""Arrays of `Alerts`."""


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """A run of a watch, as it was recorded, and what it was made of.

    Attributes
    ----------
    watch : Watch
    run : WatchRun
    last : WatchRun or None
        The run that it was compared with.
    is_again : bool
        Whether the same run had been recorded before, so that nothing was added.
    found : Found
        Table, detector and alerts; folded rows are the last of the order, behind all others.
    listed : tuple of Listed
        The alerts, then the folded rows.
    gone : tuple of Gone
    usual : UsualMoves
    drift : Drift
    unseen : tuple of Unseen
    decisions : mapping of str to Decision
        The last one of each case that has one.
    why : mapping of str to str
        Why cleared cases returned, by key.
    notes : tuple of str
        Sentences for the page.
    replaced : tuple of WatchRun
        Those in whose place it stands: later runs are not compared with them.
    audit_head : str
        Of the audit, once the run is in it.

    See Also
    --------
    run_watch : Makes one.

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
    drift: Drift
    unseen: tuple[Unseen, ...] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replaced: tuple[WatchRun, ...] = ()
    audit_head: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are new, returned, risen, still there, folded and gone."""
        counts = dict.fromkeys((NEW, RETURNED, RISEN, STILL, FOLDED), 0)
        for row in self.listed:
            counts[row.news] += 1
        return {**counts, "gone": len(self.gone)}

    @property
    def news(self) -> list[Listed]:
        """What nobody has looked at: the new, returned and risen rows."""
        return [row for row in self.listed if row.news in NEWS]

    @property
    def n_outstanding(self) -> int:
        """How many of these stand out, were asked for by a rule, or returned.

        A list without a rule has ten rows even where fewer stand out.
        """
        if self.found.rule != AlertRule():
            return len(self.news)
        stands_out = self.found.alerts.stands_out
        return sum(row.news == RETURNED or bool(stands_out[row.place - 1]) for row in self.news)

    @property
    def has_news(self) -> bool:
        """Whether somebody should look at the list."""
        return self.n_outstanding > 0

    @property
    def command_anew(self) -> str:
        """The command that trains the watch anew on this run's table."""
        return command_anew(self.watch, self.run.source)

    def state_of(self, key: str) -> str:
        """Return the state of a case."""
        return self.decisions[key].state if key in self.decisions else OPEN

    def comment_of(self, key: str) -> str:
        """Return the last comment on a case, "" without one."""
        return self.decisions[key].comment if key in self.decisions else ""

    def lines(self) -> list[str]:
        """Return what is to be said, in sentences, the most important first."""
        counts = self.counts
        than = f"compared with run {self.last.number}" if self.last else "nothing to compare with"
        shown = ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "nothing listed"
        said = [f"Run {self.run.number} of {self.watch.name}, {than}: {shown}."]
        if self.is_again:
            said += ["It is the same table as then, so this is that run again; nothing was added."]
        elif self.replaced:
            numbers = ", ".join(str(run.number) for run in reversed(self.replaced))
            said.append(f"It stands in place of run {numbers}.")
        if self.news and self.n_outstanding < len(self.news):
            said.append(f"Of {len(self.news)} to look at, {self.n_outstanding} stand out.")
        said += [self.drift.sentence] if self.drift.sentence else []
        said += sentences(self.unseen)
        if self.drift.train_anew:
            said += [f"Train anew? {self.drift.train_anew}", f"  {self.command_anew}"]
        return [*said, *self.notes]

    def table(self) -> Table:
        """Return the list: as that of `detect`, with news, state and comment.

        Returns
        -------
        Table
            Folded rows stand at its end.
        """
        found, alerts = self.found, self.found.alerts
        n, n_all = alerts.n_alerts, len(alerts.rows)
        n_before_folded = n_all - (len(self.listed) - n)
        order = np.r_[:n, n_before_folded:n_all, n:n_before_folded]
        folded = found.table.take(alerts.rows[n_before_folded:])
        listed = replace(
            alerts,
            ids=alerts.ids.take(order),
            **{name: getattr(alerts, name)[order] for name in BY_ROW},
            reasons=[*alerts.reasons, *(found.detector.reasons(folded) if len(folded) else ())],
            n_alerts=len(self.listed),
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
        """Return the run as JSON data, with keys and reasons.

        Returns
        -------
        dict
        """
        drift = self.drift
        return {
            "watch": self.watch.name,
            "run": self.run.id,
            "number": self.run.number,
            "made": self.run.made,
            "author": self.run.author,
            "audit_head": self.audit_head,
            "source": self.run.source,
            "compared_with": None if self.last is None else self.last.number,
            "instead_of": [run.number for run in reversed(self.replaced)],
            "compared_with_made": None if self.last is None else self.last.made,
            "n_rows": self.found.table.n_rows,
            "rule": self.found.rule.words(self.found.detector),
            "headline": self.found.alerts.headline,
            "has_news": self.has_news,
            "n_outstanding": self.n_outstanding,
            "counts": self.counts,
            "cases": [
                {
                    "key": row.key,
                    "place": row.place,
                    "score": row.score,
                    "p_value": row.p_value,
                    "news": row.news,
                    "state": self.state_of(row.key),
                    "comment": self.comment_of(row.key),
                    "why": self.why.get(row.key),
                    "reasons": row.reasons,
                }
                for row in self.listed
            ],
            "gone": [{"key": row.key, "place": row.place, "why": row.why} for row in self.gone],
            "drift": {**drift.facts(), "changes": list(drift.changes), "sentence": drift.sentence},
            "unseen": [
                {**vars(each), "levels": [*each.levels], "keys": [*each.keys], "what": each.what}
                for each in self.unseen
            ],
            "train_anew": drift.train_anew or None,
            "command_anew": self.command_anew if drift.train_anew else None,
            "usual_moves": vars(self.usual),
            "notes": list(self.notes),
        }


LIST, PAGE = "alerts.csv", "report.json"

NOT_OF_INPUTS = ("run", "number", "made", "author", "audit_head", "notes", "command_anew")
"""What the page says of a run that does not follow from table, map, rule and decisions."""


def digests_of(outcome: RunOutcome, names: Sequence[str] = (LIST, PAGE)) -> dict[str, str]:
    """Return the SHA-256 of files of a run, by name."""
    make = {LIST: _list, PAGE: _page}
    return {name: hashlib.sha256(make[name](outcome)).hexdigest() for name in names}


def _list(outcome: RunOutcome) -> bytes:
    return b"".join(outcome.found.content(alerts=outcome.table()))


def _page(outcome: RunOutcome) -> bytes:
    table = replace(outcome.found.table, source=outcome.run.source)  # the upload of a name, too
    found = replace(outcome.found, table=table, label=None, agreement=None)
    changed = {n: value for n, value in outcome.to_json().items() if n not in NOT_OF_INPUTS}
    return json.dumps(dict(found.report("", changed=changed)), sort_keys=True).encode()


@contextmanager
def recording(out: str | Path) -> Iterator[list[RunOutcome]]:
    """Give a list for a run once it is recorded; later failures say that it stands."""
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
            f"run {run.number} of the watch {run.watch} is recorded, and {out} is not written "
            f"({said}). Mend that, then run it again; it is not recorded twice, unless a case was "
            "decided since.",
            options=f"somscape {shlex.join([*words, '--out', str(out)])}",
        ) from error
