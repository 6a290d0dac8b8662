"""A training run under way: where it is, what it has done, and its callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from somscape._types import Float64s, Floats
from somscape.fit._checkpoint import Identity, PastRun, damaged, write_checkpoint
from somscape.fit._journal import Journal, State
from somscape.fit._place import placed
from somscape.fit._plan import Plan
from somscape.fit._progress import STOPPED_BY_CALLBACK, Callback, Progress
from somscape.grid import Lattice
from somscape.maps import Map

Work: TypeAlias = Callable[[State], tuple[State, Progress]]
"""What a step does: from where the run is to where it leads."""


Judged: TypeAlias = tuple[float, Floats | None]
"""An error by which codebooks are compared, and a codebook to go on from."""

NOTHING = Journal()
"""What a run that starts anew does again."""


@dataclass
class Watch:
    """A training run under way: where it is, its history, and its callbacks.

    Attributes
    ----------
    callbacks : sequence of callable
        Each is called with every entry.
    entries : list of Progress
        All entries so far, of this start.
    journal : Journal
        What the run has done, over all starts.
    past : PastRun or None
        An earlier run, whose steps this one does again without the work.
    identity : Identity or None
        What the run follows from, where callbacks keep checkpoints.
    as_map : callable or None
        Returns the map that the run has reached.
    """

    callbacks: Sequence[Callback] = ()
    entries: list[Progress] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    past: PastRun | None = None
    identity: Identity | None = None
    as_map: Callable[[], Map] | None = None
    state: State = field(init=False)
    lattice: Lattice = field(init=False)
    plan: Plan = field(init=False)
    spread: float = field(init=False)

    def begin(self) -> "Watch":
        """Tell callbacks that training starts; return this watch."""
        for begin in self._methods("begin"):
            begin()
        return self

    def end(self, reason: str) -> None:
        """Tell callbacks that training has ended, and why, and let them save it."""
        self._keep(is_last=True)
        for end in self._methods("end"):
            end(reason)

    def save(self, path: str | Path) -> None:
        """Write the run as it is after the last step."""
        assert self.as_map is not None
        assert self.identity is not None
        write_checkpoint(path, self.as_map(), self.journal, self.identity)

    def go_on_from(self, past: PastRun) -> None:
        """Do the steps of an earlier run again; refuse one of other rows or settings."""
        assert self.identity is not None
        past.check(self.identity)
        self.past = past

    def _keep(self, *, is_last: bool = False) -> None:
        for keep in self._methods("keep") if self.identity is not None else ():
            keep(self.save, is_last)

    @property
    def keeps(self) -> bool:
        """Whether a callback may save the run."""
        return bool(self._methods("keep"))

    def _methods(self, name: str) -> list[Callable[..., Any]]:
        found = (getattr(callback, name, None) for callback in self.callbacks)
        return [method for method in found if callable(method)]

    def start(self, codebook: Floats, lattice: Lattice, plan: Plan, spread: float) -> None:
        """Start anew from a codebook, with an empty history."""
        self.entries = []
        self.state, self.lattice = State(codebook), lattice
        self.plan, self.spread = plan, spread

    def place(self, lattice: Lattice) -> None:
        """Go on on another lattice of the same kind."""
        before = self.state.codebook
        if lattice is not self.lattice:
            before = placed(before.astype(np.float64, copy=False), self.lattice, lattice)
        self.state, self.lattice = self.state._replace(codebook=before), lattice

    @property
    def _known(self) -> Journal:
        """What an earlier run has done."""
        return NOTHING if self.past is None else self.past.journal

    @property
    def repeats(self) -> bool:
        """Whether the next step is one that an earlier run has done."""
        return len(self.journal.steps) < len(self._known.steps)

    def step(self, work: Work) -> str:
        """Do a step, or take it from an earlier run; return why to stop now, or ""."""
        journal = self.journal
        if self.repeats:
            journal.steps.append(self._known.steps[len(journal.steps)])
            if not self.repeats:
                self._catch_up()
        else:
            self.state, progress = work(self.state)
            journal.steps.append(progress)
        journal.state, progress = self.state, journal.steps[-1]
        self.entries.append(progress)
        # All are called, even if the first already wants to stop.
        reasons = [_reason(callback(progress)) for callback in self.callbacks]
        if self.repeats:
            return ""
        self._keep()
        return next(filter(None, reasons), "")

    def digest(self) -> bytes:
        """Return the digest of the sums of the last step."""
        known, digests, sums = self._known.digests, self.journal.digests, self.state.sums
        if len(digests) < len(known):
            digests.append(known[len(digests)])
        else:
            assert sums is not None
            digests.append(sums.digest())
        return digests[-1]

    def judge(self, work: Callable[[], Judged]) -> Judged:
        """Return an error by which codebooks are compared, and one to go on from."""
        errors = self.journal.errors
        known, here = self._known.errors, self.state.codebook
        found: Judged = (known[len(errors)], here) if self.repeats else work()
        errors.append(found[0])
        return found

    def _catch_up(self) -> None:
        """Take over where an earlier run was after its last step."""
        assert self.past is not None
        past, here = self.past.journal, self.state.codebook
        if past.state is None or past.state.codebook.shape != here.shape:
            raise damaged(self.past.path)
        self.state, self.journal.best = past.state, past.best

    @property
    def history(self) -> dict[str, Float64s]:
        """The recorded values by name, each of shape (n_entries,)."""
        shape = (len(self.entries), len(Progress._fields))
        columns = np.array(self.entries, dtype=np.float64).reshape(shape)
        history = dict(zip(Progress._fields, np.ascontiguousarray(columns.T), strict=True))
        del history["n_steps"]
        return history


def _reason(answer: object) -> str:
    """Return why a callback wants training to end, on one line, or ""."""
    if isinstance(answer, str):
        return " ".join(answer.split())
    return STOPPED_BY_CALLBACK if isinstance(answer, bool | np.bool_) and bool(answer) else ""
