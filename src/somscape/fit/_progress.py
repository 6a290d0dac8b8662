"""Progress reports to callbacks, and why training ended."""

from collections.abc import Callable
from typing import NamedTuple


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

    See Also
    --------
    somscape.callbacks.Checkpoint, somscape.callbacks.TimeLimit

    Examples
    --------
    >>> from somscape import SOM
    >>> told = []
    >>> som = SOM(1, 2, n_epochs=5, callbacks=[told.append], random_state=0)
    >>> som = som.fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> told[0].step, told[0].n_steps, told[0].n_units
    (1, 5, 2)
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

AT_CHECKPOINT = "not ended: a checkpoint"
"""Reason in a file that was written while training went on."""

Callback = Callable[[Progress], bool | str | None]
"""Called after each epoch or block of updates; True, or a text that says why, ends training."""


def was_cut(reason: str) -> bool:
    """Return whether a training run ended before it was finished."""
    return bool(reason) and reason not in FINISHED
