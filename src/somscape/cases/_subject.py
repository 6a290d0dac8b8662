"""A watch's table as a run sees it, and the run before as today's map sees it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.cases._keys import cells_of_rows, keys_of, sampled
from somscape.cases._moves import UsualMoves, encoded_cells, usual_moves
from somscape.cases._records import CLEARED, Decision, Listed, Watch, WatchRun
from somscape.cases._returns import months_between
from somscape.cases._state import State
from somscape.cases._waiting import is_since
from somscape.jobs import data_hash
from somscape.outliers import AlertRule, Alerts, Detector, ids_of, ranked
from somscape.tables import Table


@dataclass(frozen=True, eq=False)
class Subject:
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
    today: str

    @classmethod
    def of(
        cls,
        state: State,
        watch: Watch,
        detector: Detector,
        table: Table,
        rule: AlertRule,
        *,
        map_: bytes | None = None,
        today: str,
        decided: Mapping[str, Decision],
    ) -> "Subject":
        keys = keys_of(table, watch.key)
        rows = np.asarray(detector.map_.rows_of(table), dtype=np.float64)
        units = detector.map_.winners_of_rows(rows)
        return cls(
            watch,
            detector,
            table,
            rule,
            state.map(watch.map) if map_ is None else map_,
            data_hash(table),
            rows,
            units,
            detector.scores_of_rows(rows, units),
            keys,
            {key: row for row, key in enumerate(keys)},
            decided,
            today,
        )

    @property
    def fingerprint(self) -> str:
        """What tells this run from others, but for the one before it."""
        said = [
            self.data,
            self.watch.map,
            repr(self.rule),
            self.watch.clear_for,
            self.last_decision,
            *sorted(self.expired),  # none: as long as nothing expires, ids stay what they were
        ]
        return json.dumps([self.watch.name, *said])

    @property
    def last_decision(self) -> int:
        """Number of the last decision that the run knows, 0 without one."""
        return max((decision.number for decision in self.decided.values()), default=0)

    @property
    def expired(self) -> list[str]:
        """Cases of this table that were cleared so long ago that they return."""
        return [
            key
            for key, decision in self.decided.items()
            if key in self.row_of
            and decision.state == CLEARED
            and months_between(decision.made, self.today) >= self.watch.clear_for
        ]

    def cells(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the rows of some keys, by key, as a run keeps them; those that are there."""
        here = sorted(key for key in keys if key in self.row_of)
        names = [code.name for code in self.detector.map_.encoding.used]
        kept = cells_of_rows(self.table, names, [self.row_of[key] for key in here])
        return dict(zip(here, kept, strict=True))

    def ranked(self, put_away: Sequence[str]) -> tuple[Alerts, Ints]:
        """Return the list, and the rows that fold, which are its last ones."""
        everything = np.arange(self.table.n_rows)
        candidates = np.array([self.row_of[key] for key in put_away], dtype=np.intp)
        folded, rest = candidates[:0], everything
        found = self._ranked(rest)
        while len(more := np.intersect1d(rest[found.rows[: found.n_alerts]], candidates)):
            if not len(folded):
                more = np.union1d(more, self._above_others(candidates))
            folded = np.concatenate([folded, more])
            rest = np.setdiff1d(rest, more)
            found = self._ranked(rest)
        if not len(folded):
            return found, folded
        folded = folded[np.argsort(-self.scores[folded], kind="stable")]
        rows = np.concatenate([rest[found.rows], folded])
        none = np.zeros(len(folded), dtype=bool)
        return (
            replace(
                found,
                ids=ids_of(self.detector.map_, self.table)[1].take(rows),
                rows=rows,
                scores=self.scores[rows],
                units=self.units[rows],
                p_values=self.detector.calibration.p_values(self.scores, self.units)[rows],
                stands_out=np.concatenate([found.stands_out, none]),
            ),
            folded,
        )

    def _above_others(self, candidates: Ints) -> Ints:
        """Return candidates above the last row that is listed where none of them is there."""
        others = np.setdiff1d(np.arange(self.table.n_rows), candidates)
        found = self._ranked(others)
        if not found.n_alerts:
            return candidates[:0]
        return candidates[self.scores[candidates] > found.scores[found.n_alerts - 1]]

    def _ranked(self, some: Ints) -> Alerts:
        rule, n = self.rule, self.rule.n_alerts
        rule = rule if n is None else replace(rule, n_alerts=min(n, len(some)))
        part = self.table.take(some)
        return ranked(
            self.detector, part, self.rows[some], rule, self.units[some], self.scores[some]
        )


@dataclass(frozen=True, eq=False)
class Before:
    """The run before, as today's map sees it."""

    listed: Sequence[Listed]
    scores: Mapping[str, float]
    usual: UsualMoves
    decided_since: frozenset[str]

    @classmethod
    def of(cls, state: State, last: WatchRun | None, subject: Subject) -> "Before":
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
            if last is not None and is_since(decision, last)
        )
        return cls(listed, dict(zip(known, scores.tolist(), strict=True)), usual, frozenset(since))
