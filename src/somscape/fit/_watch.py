"""Progress out, and requests to stop in."""

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
        Grid steps, of the step just done.
    quantization_error : float
        Mean distance of the rows to their winners before the step's update.
    movement : float
        Farthest way a unit moved, as a share of the data's spread; NaN online.
    """

    step: int
    n_steps: int
    radius: float
    quantization_error: float
    movement: float


Callback = Callable[[Progress], bool | None]
"""Called after each epoch, or block of updates; returns True to stop training."""


@dataclass
class Watch:
    """Keep the history and ask the callbacks.

    Attributes
    ----------
    callbacks : sequence of callable
        Each is told of every entry.
    entries : list of Progress
        What happened so far.
    """

    callbacks: Sequence[Callback] = ()
    entries: list[Progress] = field(default_factory=list)

    def note(self, progress: Progress) -> bool:
        """Record progress; return whether a callback wants to stop."""
        self.entries.append(progress)
        if not self.callbacks:
            return False
        # All are told, even when the first already wants to stop.
        answers = [callback(progress) for callback in self.callbacks]
        return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)

    @property
    def history(self) -> dict[str, Float64s]:
        """The recorded values by name, each of shape (n_entries,)."""
        names = ("step", "radius", "quantization_error", "movement")
        return {n: np.array([float(getattr(e, n)) for e in self.entries]) for n in names}
