"""Callbacks for the estimators' parameter `callbacks`, which follow a training and may end it."""

import time
from dataclasses import dataclass, field

from somscape._validate import check_number
from somscape.fit import Progress

__all__ = ["TimeLimit"]


@dataclass
class TimeLimit:
    """End a training after some time, with the map that it has then.

    Parameters
    ----------
    seconds : float
        Above 0.  The clock starts when training starts: choosing the first codebook counts,
        checking and encoding the data does not.  Each map of a detector has this time.

    Raises
    ------
    ValueError, TypeError
        For `seconds` that are no number above 0.

    Notes
    -----
    The time is looked at after each epoch, or block of online updates: at least one is done.
    ``stop_reason_`` is then "time limit reached".

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM
    >>> from somscape.callbacks import TimeLimit
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> SOM(5, 6, callbacks=[TimeLimit(60)]).fit(X).stop_reason_
    'settled: no row moves'
    >>> SOM(5, 6, callbacks=[TimeLimit(1e-9)]).fit(X).stop_reason_
    'time limit reached'
    """

    seconds: float
    _started: float | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_number("seconds", self.seconds, 0)

    def begin(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def __call__(self, progress: Progress) -> str | None:
        if self._started is None:
            self.begin()
        assert self._started is not None
        is_over = time.monotonic() - self._started >= self.seconds
        return "time limit reached" if is_over else None
