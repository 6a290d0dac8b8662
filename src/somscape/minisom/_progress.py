"""MiniSom's `verbose`: progress and time left, on one line."""

import sys
import time
from datetime import timedelta

UPDATES = 100
"""How often the line is written; MiniSom writes it at each step, which takes longer than ours."""


class Progress:
    """The line that shows the progress of training; silent without `verbose`.

    Parameters
    ----------
    n_steps : int
    verbose : bool
    """

    def __init__(self, n_steps: int, verbose: bool) -> None:
        self._n_steps, self._verbose = n_steps, verbose
        self._started = time.monotonic()
        self._write(0, "? it/s")

    @property
    def stride(self) -> int:
        """Number of steps between lines."""
        return max(1, self._n_steps // UPDATES) if self._verbose else self._n_steps

    def show(self, done: int) -> None:
        """Write the line after a step."""
        if done % self.stride and done < self._n_steps:
            return
        seconds = (time.monotonic() - self._started) * (self._n_steps - done) / done
        self._write(done, f"{str(timedelta(seconds=seconds))[:7]} left ")

    def _write(self, done: int, rest: str) -> None:
        n = self._n_steps
        if self._verbose:
            sys.stdout.write(f"\r [ {done:{len(str(n))}} / {n} ] {100 * done / n:3.0f}% - {rest}")

    def end(self, text: str) -> None:
        """Write a last line below."""
        if self._verbose:
            sys.stdout.write(f"\n{text}\n")
