"""Define callbacks that observe the training of a map, and that can end the training."""

import time
from dataclasses import dataclass, field

from somscape._validate import check_number
from somscape.fit.settings import Progress

__all__ = ["TimeLimit"]


@dataclass
class TimeLimit:
    """End the training of a map after a given time, and keep the map.

    Parameters
    ----------
    seconds : float
        Number of seconds, above 0.  The time limit includes the choice of the first codebook, but
        does not include checking and encoding the data.  If a detector trains several maps, the
        limit applies to each of these maps.

    Raises
    ------
    ValueError, TypeError
        If `seconds` is not a number above 0.

    See Also
    --------
    somscape.fit.Progress : The report that a callback receives.

    Notes
    -----
    The elapsed time is checked after each epoch or block of online updates.  At least one epoch or
    block is therefore completed.  If the time limit ends training, ``stop_reason_`` is "time limit
    reached".

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
