"""A training run under way: where it is, what it has done, and its callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from somscape._types import Float64s, Floats
from somscape.fit._journal import Journal, State
from somscape.fit._place import placed
from somscape.fit._plan import Plan
from somscape.fit._progress import STOPPED_BY_CALLBACK, Callback, Progress
from somscape.grid import Lattice

Work: TypeAlias = Callable[[State], tuple[State, Progress]]
"""What a step does: from where the run is to where it leads."""


class OtherStepsError(Exception):
    """The steps of an earlier run are not those of this one."""


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
    past : Journal or None
        What an earlier run has done, which this one does again without the work.
    save : callable or None
        What callbacks that keep checkpoints get.
    """

    callbacks: Sequence[Callback] = ()
    entries: list[Progress] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    past: Journal | None = None
    save: Callable[[str | Path], None] | None = None
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
        """Tell callbacks that training has ended, and why."""
        for end in self._methods("end"):
            end(reason)

    def keep(self, *, is_last: bool = False) -> None:
        """Let callbacks save the run as it is."""
        for keep in self._methods("keep") if self.save is not None else ():
            keep(self.save, is_last)

    @property
    def keeps(self) -> bool:
        """Whether a callback may save the run."""
        return bool(self._methods("keep"))

    def _methods(self, name: str) -> list[Callable[..., Any]]:
        found = (getattr(callback, name, None) for callback in self.callbacks)
        return [method for method in found if callable(method)]

    def start(self, codebook: Floats, lattice: Lattice, plan: Plan, spread: float) -> None:
        """Start anew from a codebook, with an empty history.

        Parameters
        ----------
        codebook : ndarray of shape (n_units, n_features)
        lattice : Lattice
            The lattice of the codebook.
        plan : Plan
        spread : float
            Mean distance of the rows to their mean, the unit of movements.
        """
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
    def repeats(self) -> bool:
        """Whether the next step is one that an earlier run has done."""
        return self.past is not None and len(self.journal.steps) < len(self.past.steps)

    def step(self, work: Work) -> str:
        """Do a step, or take it from an earlier run; return why to stop now, or ""."""
        journal, past, n = self.journal, self.past, len(self.journal.steps)
        if past is None or not self.repeats:
            self.state, progress = work(self.state)
        else:
            progress = past.steps[n]
            if n + 1 == len(past.steps):
                self._catch_up(past)
        journal.steps.append(progress)
        journal.state = self.state
        self.entries.append(progress)
        # All are called, even if the first already wants to stop.
        reasons = [_reason(callback(progress)) for callback in self.callbacks]
        if self.repeats:
            return ""
        self.keep()
        return next(filter(None, reasons), "")

    def digest(self) -> bytes:
        """Return the digest of the sums of the last step."""
        known = () if self.past is None else self.past.digests
        digests, sums = self.journal.digests, self.state.sums
        if len(digests) < len(known):
            digests.append(known[len(digests)])
        else:
            assert sums is not None
            digests.append(sums.digest())
        return digests[-1]

    def judge(self, work: Callable[[], tuple[float, Floats | None]]) -> tuple[float, Floats | None]:
        """Return an error by which codebooks are compared, and the codebook to go on from.

        Where the steps of an earlier run follow, that codebook is any of the same shape.
        """
        if self.past is not None and self.repeats:
            error = self.past.errors[len(self.journal.errors)]
            found: tuple[float, Floats | None] = error, self.state.codebook
        else:
            found = work()
        self.journal.errors.append(found[0])
        return found

    def _catch_up(self, past: Journal) -> None:
        """Take over where an earlier run was after its last step."""
        assert past.state is not None
        if past.state.codebook.shape != self.state.codebook.shape:
            raise OtherStepsError
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
