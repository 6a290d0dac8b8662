"""Make decisions on the cases of a watch, with the amounts at stake in the cases."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from somscape.desk.cases._watch import table_name
from somscape.desk.cases.records import UNNAMED, Case, Decision, Watch, WatchRun
from somscape.desk.cases.state import State
from somscape.errors import InputError
from somscape.report._parts import amount_column
from somscape.tables._messages import suggestion


@dataclass(frozen=True, eq=False)
class Seen:
    """The cases of a watch, with the values of their rows that people have seen.

    Attributes
    ----------
    state : State
    watch : str
    cases : mapping of str to Case
        All listed or decided cases, by key.
    kept : mapping of str to mapping
        Values of each case's row, by key, from the last run or from an earlier list.
    run : str or None
        Id of the given run, or else of the last run.
    """

    state: State
    watch: str
    cases: Mapping[str, Case]
    kept: Mapping[str, Mapping[str, Any]]
    run: str | None

    @classmethod
    def of(
        cls, state: State, watch: str, *, key: str | None = None, run: str | None = None
    ) -> "Seen":
        """Read all cases of a watch, or with `run` or `key` the cases of a run or one case."""
        name = state.watch(watch).name
        cases = {case.key: case for case in state.cases(name, key=key)}
        if run is not None:
            if state.run(run).watch != name:
                raise InputError(
                    f"{run} is not a run of the watch {name}.", parameter="run", value=run
                )
            kept = state.kept(run, key=key)
            rows = {row.key: row for row in state.listed(run, key=key)}
            cases = {
                each: replace(cases.get(each, Case(name, each)), listed=rows.get(each), run=run)
                for each in rows.keys() | (kept.keys() & cases.keys())
            }
            return cls(state, name, cases, kept, run)
        last = state.last_run(name)
        found = {} if last is None else state.kept(last, key=key)
        for other in dict.fromkeys(case.run for case in cases.values()):
            if other is not None and other != last:
                of_run = state.kept(other, key=key)
                found |= {k: cells for k, cells in of_run.items() if k not in found and k in cases}
        return cls(state, name, cases, found, last)

    def knows(self, key: str) -> bool:
        """Return whether a case is in the given run. Without a given run, search all runs."""
        return key in self.cases or key in self.kept

    def decision(self, key: str, state: str, *, comment: str = "", author: str = "") -> Decision:
        """Return a decision on a case in the form that `State.decide` saves."""
        if not self.knows(key):
            command = f"somscape cases list {shlex.quote(self.watch)}"
            raise InputError(self._unknown(key), options=command, parameter="key", value=key)
        case = self.cases.get(key, Case(self.watch, key))
        score = None if case.listed is None else case.listed.score
        cells = self.kept.get(key) or (None if case.decision is None else case.decision.cells)
        run = self.run if case.run is None else case.run
        return Decision(self.watch, key, state, comment, author, run, score, cells)

    def _unknown(self, key: str) -> str:
        known = [case.key for case in self.state.cases(self.watch)]
        if key in known:
            return (
                f"Run {self.run} of {self.watch} does not have the case {key!r}. Give another run."
            )
        said, close = f"No run of {self.watch} has listed a case {key!r}", suggestion(key, known)
        return f"{said}{f' ({close})' if close else ''}. Give the key of a listed case."


class NewDecision(NamedTuple):
    """A decision on a case that is not saved yet.

    `seen` and `token` have the meaning as in `State.decide`, and `run` is the run in which the
    author saw the case.  A row without a saved case can only be decided with its `score`.  Only a
    decision on an upload needs `cells`.
    """

    key: str
    state: str
    comment: str = ""
    run: str | None = None
    score: float | None = None
    cells: Mapping[str, Any] | None = None
    token: str | None = None
    seen: int | None = None


def decide(
    state: State, watch: str, asked: Sequence[NewDecision], *, author: str = ""
) -> list[Decision]:
    """Save decisions on one or more cases of a watch. If one of them fails, save nothing."""
    new, known = [], dict[str | None, Seen]()
    for each in asked:
        key, word, comment, run, score, cells, *_ = each
        if watch.startswith(UNNAMED):
            if not (key.isascii() and key.isdecimal()):
                raise InputError(
                    f"`key` of a case of an upload must be the number of its row, but is {key!r}.",
                    value=key,
                )
            new.append(Decision(watch, key, word, comment, author, run, score, cells))
            continue
        if run not in known:  # without other cases, read only this one
            known[run] = Seen.of(state, watch, key=key if len(asked) == 1 else None, run=run)
        seen = known[run]
        decision = Decision(watch, key, word, comment, author, seen.run, score)
        if score is None or seen.knows(key):
            decision = seen.decision(key, word, comment=comment, author=author)
        new.append(decision)
    tokens, seen_lines = [each.token for each in asked], [each.seen for each in asked]
    return state.decide_all(new, tokens=tokens, seen=seen_lines)


def check_has_name(watch: str) -> None:
    """Raise InputError if a watch is only the internal watch of an upload."""
    if watch.startswith(UNNAMED):
        raise InputError(
            f"`watch` must be the name of a watch, but {watch!r} is an upload of the app. Mark its "
            "rows in the app.",
            value=watch,
        )


def amounts_of(
    state: State, watch: Watch, cases: Sequence[Case]
) -> tuple[str | None, dict[str, float]]:
    """Return the name of the column with the amount at stake, if any, and its values by case."""
    runs = dict.fromkeys(case.run for case in cases if case.run is not None)
    kept = {run: state.kept(run, only_listed=True) for run in runs}
    cells = {case.key: kept[case.run].get(case.key, {}) for case in cases if case.run is not None}
    found = {
        key: {name: value for name, value in row.items() if isinstance(value, int | float)}
        for key, row in cells.items()
    }
    names = dict.fromkeys(chain(*found.values()))  # in the order of the alphabet
    last = next(iter(state.runs(watch.name)), None)
    roles = {} if last is None else last.facts.get("roles", {})
    of_map = [name for name in roles.get("number", ()) if name in names]  # as in the table
    name = amount_column(of_map or names, watch.job.amount)
    return name, {key: row[name] for key, row in found.items() if name is not None and name in row}


def by_run(state: State, name: str, runs: Sequence[WatchRun]) -> list[dict[str, Any]]:
    """Return the table, number, time and counts of runs. See `State.precision`."""
    counts = state.precision(name)
    return [
        {"table": table_name(r.source), "number": r.number, "made": r.made, **counts[r.id]}
        for r in runs
    ]
