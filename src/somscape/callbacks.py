"""Callbacks for the estimators' parameter `callbacks`: they follow training and may end it."""

import time
from dataclasses import dataclass, field

from somscape._validate import check_number
from somscape.fit import Progress

__all__ = ["TimeLimit"]


@dataclass
class TimeLimit:
    """End training after a given time and keep the map trained so far.

    Parameters
    ----------
    seconds : float
        Above 0.  The clock starts when training starts: choosing the first codebook counts,
        checking and encoding the data does not.  Each map of a detector gets this much time.

    Raises
    ------
    ValueError, TypeError
        If `seconds` is not a number above 0.

    Notes
    -----
    The clock is checked after each epoch or block of online updates, so at least one is done.
    When time runs out, ``stop_reason_`` is "time limit reached".

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
