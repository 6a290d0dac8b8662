"""A decision with what was seen of its case: the run, the score there, and the row as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from somscape.cases._records import Case, Decision
from somscape.cases._state import State
from somscape.errors import InputError
from somscape.tables import suggestion


@dataclass(frozen=True, eq=False)
class Seen:
    """The cases of a watch, as people have seen them.

    Attributes
    ----------
    state : State
    watch : str
    cases : mapping of str to Case
        By key: all that were listed or decided.
    kept : mapping of str to mapping
        By key, the cells of rows of the last run, and of earlier ones where a case was listed.
    run : str or None
        The run that was seen, or the last one.
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
        """Return what is known of the cases of a watch."""
        name = state.watch(watch).name
        cases = {case.key: case for case in state.cases(name, key=key)}
        if run is not None:
            if state.run(run).watch != name:
                raise InputError(f"`run` {run} is not one of {name}.")
            kept = state.kept(run, key=key)
            rows = {row.key: row for row in state.listed(run, key=key)}
            cases = {
                each: replace(case, listed=rows.get(each), run=run)
                for each, case in cases.items()
                if each in rows or each in kept
            }
            return cls(state, name, cases, kept, run)
        last = state.last_run(name)
        found: dict[str, Mapping[str, Any]] = {}
        if last is not None:
            found |= state.kept(last, key=key)
        for other in dict.fromkeys(case.run for case in cases.values()):
            if other is not None and other != last:
                of_run = state.kept(other, key=key)
                found |= {k: cells for k, cells in of_run.items() if k not in found and k in cases}
        return cls(state, name, cases, found, last)

    def knows(self, key: str) -> bool:
        """Return whether a run, or the one that was seen, has met a case."""
        return key in self.cases or key in self.kept

    def decision(self, key: str, state: str, *, comment: str = "", author: str = "") -> Decision:
        """Return a decision on a case, to be given to `State.decide`."""
        if not self.knows(key):
            raise InputError(self._unknown(key))
        case = self.cases.get(key)
        listed = None if case is None else case.listed
        run = self.run if case is None or case.run is None else case.run
        score = None if listed is None else listed.score
        last = None if case is None else case.decision
        cells = self.kept.get(key) or (None if last is None else last.cells)
        return Decision(self.watch, key, state, comment, author, run, score, cells)

    def _unknown(self, key: str) -> str:
        known = [case.key for case in self.state.cases(self.watch)]
        if key in known:
            return f"`run` {self.run} of {self.watch} does not know the case {key!r}; name another."
        close = suggestion(key, known)
        return f"no run of {self.watch} has listed a case {key!r}{f'; {close}' if close else '.'}"
