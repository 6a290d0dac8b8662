"""Define callbacks that observe the training of a map, and that can end the training."""

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
    """Save the training state to a file regularly, so that training can be resumed.

    Parameters
    ----------
    path : str or Path
        Name of the file, such as ``"run.som"``.  Each save replaces the file in one step.  The file
        is therefore complete even if the process is killed during a save.
    every : float, default=60.0
        Minimum number of seconds between two saves.  After this time, the file is saved at the end
        of the current epoch or block of online updates.  0 means a save after each epoch or block.

    Raises
    ------
    ValueError, TypeError
        If `every` is not a number of at least 0, or if `path` is neither a str nor a path.

    Warns
    -----
    SomscapeWarning
        If the file cannot be written, for example because the disk is full.  This warning is issued
        once per training.  Training continues, the previously saved file is kept, and the next save
        is tried after the usual interval.

    See Also
    --------
    TimeLimit : Ends a training after a given time.

    Notes
    -----
    ``SOM.fit(X, resume=path)`` continues training from the file and gives the same map, bit for
    bit, as training without interruption.  The file is also saved at the end of training, even if
    Ctrl-C or another callback ends training.  `somscape.load` returns the map at the time of the
    save, which has fewer units if training used a coarser lattice at that time.  The ``hits`` of
    this map are from the last epoch, or 0 in online training.

    The file contains a few codebooks, the rows that are stored with the map, and a few hundred
    bytes per epoch.  If training runs in the main thread, the signal SIGTERM takes effect after a
    running save.  The next save deletes temporary files of killed processes.

    Only ``SOM.fit`` supports checkpoints.  Other functions that train maps raise an error.

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
                f"`path` must be a file name, such as 'run.som', but is {self.path!r}.",
                value=self.path,
            )
        check_number("every", self.every, 0, low_is_allowed=True)

    def begin(self) -> None:
        """Check that the file can be written, and start to measure the time."""
        path = Path(self.path)
        if path.exists() and not path.is_file():
            raise InputError(
                f"the `path` of Checkpoint, {path}, is not a file. Give a file name, such as "
                "'run.som'.",
                parameter="path",
                file=path,
            )
        with _delay_signal(signal.SIGTERM):
            check_room(path, "path")
        self._due, self._has_warned = time.monotonic() + self.every, False

    def __call__(self, progress: Progress) -> None:
        pass  # `keep` writes the file

    def keep(self, save: Callable[[str | Path], None], is_last: bool) -> None:
        """Save the training state if the last save was long enough ago.

        Parameters
        ----------
        save : callable
            Function that writes the current state of training to a path.
        is_last : bool
            Whether training has ended.  If so, the file is saved regardless of the time.
        """
        if not is_last and time.monotonic() < self._due:
            return
        try:
            with _delay_signal(signal.SIGTERM):
                save(self.path)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                remedy = "Free some space, or pass" if error.errno == errno.ENOSPC else "Pass"
                warnings.warn(
                    f"{shown(self.path)}: the checkpoint cannot be written ({error.strerror}). "
                    f"Training continues, and the file does not change. {remedy} another path to "
                    "Checkpoint.",
                    SomscapeWarning,
                    stacklevel=2,
                )
        self._due = time.monotonic() + self.every


@contextmanager
def _delay_signal(number: int) -> Iterator[None]:
    """In the main thread, delay the effect of a signal until the end of the ``with`` block."""
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
    Checkpoint : Saves a training, so that it can resume later.

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
