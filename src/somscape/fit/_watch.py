"""Progress reports to callbacks, and their requests to stop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s


class Progress(NamedTuple):
    """What a callback is told after a step.

    Attributes
    ----------
    step, n_steps : int
        Number of epochs done and planned (updates for online training).
    radius : float
        Radius of the step, in grid steps of the full map.
    quantization_error : float
        Mean distance of the rows to their winners, before the step's update.
    movement : float
        Largest distance that a unit moved, as a share of the rows' mean distance to their mean; NaN
        online.
    n_units, n_samples : int
        Units of the map that the step trained, and rows that it used.
    """

    step: int
    n_steps: int
    radius: float
    quantization_error: float
    movement: float
    n_units: int
    n_samples: int


EPOCHS_DONE = "all epochs done"
UPDATES_DONE = "all updates done"
NO_ROW_MOVES = "settled: no row moves"
WITHIN_TOL = "settled: within tol"
REPEATS = "cycle: an epoch repeats"
NONE_BETTER = "settled: no unit is better placed elsewhere"
ROUNDS_DONE = "all rounds of moves done"

FINISHED = (
    EPOCHS_DONE,
    UPDATES_DONE,
    NO_ROW_MOVES,
    WITHIN_TOL,
    REPEATS,
    NONE_BETTER,
    ROUNDS_DONE,
)
"""Reasons of a training run that finished."""

INTERRUPTED = "interrupted"
"""Reason of a training run that Ctrl-C ended; the codebook is that of the last completed step."""

STOPPED_BY_CALLBACK = "a callback asked to stop"

Callback = Callable[[Progress], bool | str | None]
"""Called after each epoch or block of updates; True, or a text that says why, ends training.

A callback may have two methods: ``begin()`` is called before training starts, and ``end(reason)``
after it has ended.
"""


def was_cut(reason: str) -> bool:
    """Return whether a training run ended before it was finished."""
    return bool(reason) and reason not in FINISHED


@dataclass
class Watch:
    """Keep the history and ask the callbacks.

    Attributes
    ----------
    callbacks : sequence of callable
        Each is called with every entry.
    entries : list of Progress
        All entries so far.
    """

    callbacks: Sequence[Callback] = ()
    entries: list[Progress] = field(default_factory=list)

    def begin(self) -> "Watch":
        """Tell callbacks that training starts; return this watch."""
        for callback in self.callbacks:
            if callable(begin := getattr(callback, "begin", None)):
                begin()
        return self

    def end(self, reason: str) -> None:
        """Tell callbacks that training has ended, and why."""
        for callback in self.callbacks:
            if callable(end := getattr(callback, "end", None)):
                end(reason)

    def note(self, progress: Progress) -> str:
        """Record progress; return why to stop now, or ""."""
        self.entries.append(progress)
        # All are called, even if the first already wants to stop.
        reasons = [_reason(callback(progress)) for callback in self.callbacks]
        return next(filter(None, reasons), "")

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
