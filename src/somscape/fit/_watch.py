"""Progress out, and requests to stop in."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s


class Progress(NamedTuple):
    """What a callback is told.

    Attributes
    ----------
    step, n_steps : int
        Epochs done and planned (updates for online training).
    radius : float
        Grid steps of the whole map, of the step just done.
    quantization_error : float
        Mean distance of the rows to their winners before the step's update.
    movement : float
        Farthest way a unit moved, as a share of the data's spread; NaN online.
    n_units, n_samples : int
        Size of the map that was trained in the step, and the rows it took.
    """

    step: int
    n_steps: int
    radius: float
    quantization_error: float
    movement: float
    n_units: int
    n_samples: int


INTERRUPTED = "interrupted"
"""The reason of a training that Ctrl-C ended: the codebook is that of the last whole step."""

STOPPED_BY_CALLBACK = "a callback asked to stop"
OUT_OF_TIME = "time limit reached"

Callback = Callable[[Progress], bool | None]
"""Called after each epoch, or block of updates; returns True to stop training."""


@dataclass
class Watch:
    """Keep the history and ask the callbacks.

    Attributes
    ----------
    callbacks : sequence of callable
        Each is told of every entry.
    max_time : float or None
        Seconds, from when the watch is made, after which training is to end.
    entries : list of Progress
        What happened so far.
    """

    callbacks: Sequence[Callback] = ()
    max_time: float | None = None
    entries: list[Progress] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic, init=False)

    def note(self, progress: Progress) -> str:
        """Record progress; return why to stop now, or nothing."""
        self.entries.append(progress)
        # All are told, even when the first already wants to stop.
        answers = [callback(progress) for callback in self.callbacks]
        if any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers):
            return STOPPED_BY_CALLBACK
        if self.max_time is not None and time.monotonic() - self.started >= self.max_time:
            return OUT_OF_TIME
        return ""

    @property
    def history(self) -> dict[str, Float64s]:
        """The recorded values by name, each of shape (n_entries,)."""
        shape = (len(self.entries), len(Progress._fields))
        columns = np.array(self.entries, dtype=np.float64).reshape(shape)
        history = dict(zip(Progress._fields, np.ascontiguousarray(columns.T), strict=True))
        del history["n_steps"]
        return history
