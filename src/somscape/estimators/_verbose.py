"""`verbose`: progress in the log if logging is set up, else on standard error."""

import logging
import sys
import time

from somscape.fit import Progress

logger = logging.getLogger("somscape")

SECONDS_BETWEEN_LINES = 0.3
"""Seconds between lines on standard error; the log gets every step."""


class Verbose:
    """A callback that shows how far training is, and why it ended."""

    def begin(self) -> None:
        """Make the first step show at once."""
        self._next = 0.0
        self._waiting = ""

    def __call__(self, progress: Progress) -> None:
        line = (
            f"step {progress.step} of {progress.n_steps}: radius {progress.radius:.3g}, "
            f"quantization error {progress.quantization_error:.4g}"
        )
        if logger.hasHandlers():
            logger.info(line)
        elif time.monotonic() < self._next:
            self._waiting = line
        else:
            self._write(line)

    def end(self, reason: str) -> None:
        """Show the last step, if it was left out, and why training ended."""
        if logger.hasHandlers():
            return
        if self._waiting:
            self._write(self._waiting)
        self._write(f"training ended: {reason}")

    def _write(self, line: str) -> None:
        if sys.stderr is not None:  # as in a program without a console
            sys.stderr.write(f"somscape: {line}\n")
        self._next, self._waiting = time.monotonic() + SECONDS_BETWEEN_LINES, ""
