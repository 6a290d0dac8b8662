"""Callbacks for the estimators' parameter `callbacks`: they follow training and may end it."""

import errno
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from somscape._files import check_room, shown
from somscape._validate import check_number
from somscape.errors import InputError, ParameterTypeError, SomscapeWarning
from somscape.fit.settings import Progress

__all__ = ["Checkpoint", "TimeLimit"]


@dataclass
class Checkpoint:
    """Write a file, each minute or so, from which a killed training can go on.

    Parameters
    ----------
    path : str or Path
        The file, such as ``"run.som"``.  Each writing replaces it in one step, so that it is whole
        whenever the process ends.
    every : float, default=60.0
        Seconds between two writings, at least.  A writing comes after the first epoch, or block of
        online updates, from then on.  0: after each of them.

    Raises
    ------
    ValueError, TypeError
        If `every` is not a number of at least 0, or `path` is not a path.

    Warns
    -----
    SomscapeWarning
        Once for a training, if the file cannot be written, as on a full disk.  Training goes on,
        the last checkpoint stays, and the next writing is tried in time.

    See Also
    --------
    TimeLimit : Ends a training after some time.

    Notes
    -----
    ``SOM.fit(X, resume=path)`` goes on from the file, to the bits of a training that never stopped.
    The last writing comes when training ends, also by Ctrl-C or another callback.
    `somscape.load` reads the file: it gives the map as it was then, on a lattice of fewer units if
    that trained; its ``hits`` are those of the last epoch, and 0 in online training.

    A file takes the space of a few codebooks, the rows that the map keeps, and some hundred bytes
    an epoch.  SIGTERM during a writing waits for its end, if training runs in the main thread; what
    a kill leaves beside the file goes with the next writing.

    Only ``SOM.fit`` supports it; whatever else trains maps refuses it.

    Examples
    --------
    >>> import numpy as np, pathlib, somscape, tempfile
    >>> from somscape import SOM
    >>> from somscape.callbacks import Checkpoint, TimeLimit
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> run = pathlib.Path(tempfile.mkdtemp()) / "run.som"
    >>> SOM(5, 6, callbacks=[Checkpoint(run), TimeLimit(1e-9)]).fit(X).stop_reason_
    'time limit reached'
    >>> som = SOM(5, 6, callbacks=[Checkpoint(run)]).fit(X, resume=run)
    >>> som.stop_reason_, bool((som.codebook_ == SOM(5, 6).fit(X).codebook_).all())
    ('settled: no row moves', True)
    """

    path: str | Path
    every: float = 60.0
    _due: float = field(default=0.0, init=False, repr=False, compare=False)
    _has_warned: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | Path):
            raise ParameterTypeError(
                f"`path` must be the name of a file; got {self.path!r}.",
                parameter="path",
                value=self.path,
            )
        check_number("every", self.every, 0, low_is_allowed=True)

    def begin(self) -> None:
        """Refuse a path that cannot be written, and start the clock."""
        path = Path(self.path)
        if path.exists() and not path.is_file():
            raise InputError(f"Checkpoint's `path` {path} is not a file. Give the name of one.")
        with _until_done(signal.SIGTERM):
            check_room(path, "Checkpoint's `path`")
        self._due, self._has_warned = time.monotonic() + self.every, False

    def __call__(self, progress: Progress) -> None:
        pass  # what it writes comes with `keep`

    def keep(self, save: Callable[[str | Path], None], is_last: bool) -> None:
        """Save the run if it is time.

        Parameters
        ----------
        save : callable
            Writes the run, as it is, to a path.
        is_last : bool
            Whether training has ended, so that it is time in any case.
        """
        if not is_last and time.monotonic() < self._due:
            return
        try:
            with _until_done(signal.SIGTERM):
                save(self.path)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                remedy = "Make room, or give" if error.errno == errno.ENOSPC else "Give"
                warnings.warn(
                    f"{shown(self.path)}: no checkpoint could be written ({error.strerror}). "
                    f"Training goes on; the file is as it was. {remedy} Checkpoint another path.",
                    SomscapeWarning,
                    stacklevel=2,
                )
        self._due = time.monotonic() + self.every


@contextmanager
def _until_done(number: int) -> Iterator[None]:
    """Have a signal wait, where that is possible: in the main thread."""
    before = signal.getsignal(number)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(number, before)
        if came:
            signal.raise_signal(number)


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

    See Also
    --------
    Checkpoint : Lets a training go on later.

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
