"""A decision with what was seen of its case: the run, the score there, and the row as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    watch : str
    cases : mapping of str to Case
        By key: all that were listed or decided.
    kept : mapping of str to mapping
        By key, the cells of rows of the last run, and of earlier ones where a case was listed.
    run : str or None
        The last run.
    """

    watch: str
    cases: Mapping[str, Case]
    kept: Mapping[str, Mapping[str, Any]]
    run: str | None

    @classmethod
    def of(cls, state: State, watch: str) -> "Seen":
        """Return what is known of the cases of a watch.

        Parameters
        ----------
        state : State
        watch : str

        Returns
        -------
        Seen

        Raises
        ------
        InputError
            If there is no such watch.
        """
        name = state.watch(watch).name
        runs = state.runs(name)
        cases = {case.key: case for case in state.cases(name)}
        last = runs[0].id if runs else None
        kept: dict[str, Mapping[str, Any]] = {} if last is None else {**state.kept(last)}
        for run in dict.fromkeys(case.run for case in cases.values()):
            if run is not None and run != last:
                of_run = state.kept(run)
                kept |= {k: cells for k, cells in of_run.items() if k not in kept and k in cases}
        return cls(name, cases, kept, last)

    def knows(self, key: str) -> bool:
        """Return whether a run has met a case: listed, decided, or in its sample."""
        return key in self.cases or key in self.kept

    def decision(self, key: str, state: str, *, comment: str = "", author: str = "") -> Decision:
        """Return a decision on a case, to be given to `State.decide`.

        Parameters
        ----------
        key : str
        state : str
            One of "open", "confirmed", "cleared" and "later".
        comment, author : str, default=""

        Returns
        -------
        Decision

        Raises
        ------
        InputError
            For a key that no run has met.
        """
        if not self.knows(key):
            raise InputError(f"no run of {self.watch} has listed a case {key!r}{self._close(key)}.")
        case = self.cases.get(key)
        listed = None if case is None else case.listed
        run = self.run if case is None or case.run is None else case.run
        score = None if listed is None else listed.score
        last = None if case is None else case.decision
        cells = self.kept.get(key) or (None if last is None else last.cells)
        return Decision(self.watch, key, state, comment, author, run, score, cells)

    def _close(self, key: str) -> str:
        close = suggestion(key, list(self.cases))
        return f"; {close}" if close else ""
