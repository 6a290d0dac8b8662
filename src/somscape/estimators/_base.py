"""The base of all estimators, and `verbose`."""

import logging
import sys
import time
from collections.abc import Iterable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from somscape.fit.settings import Progress


class Base(BaseEstimator):
    """An estimator; what `fit` makes is missed by name before `fit`."""

    def __getattr__(self, name: str) -> Any:
        # Python comes here for what is not there only.
        shown = type(self).__name__
        if _is_of_fit(name) and not any(map(_is_of_fit, vars(self))):
            raise NotFittedError(f"this {shown} is not fitted yet; call `fit` first.")
        raise AttributeError(f"{shown!r} object has no attribute {name!r}")


def _is_of_fit(name: str) -> bool:
    """Return whether an attribute of this name is made by `fit`."""
    return name.endswith("_") and not name.startswith("_")


logger = logging.getLogger("somscape")

SECONDS_BETWEEN_LINES = 0.3
"""Seconds between lines on standard error; the log gets every step."""


class Verbose:
    """A callback that shows how far training is, and why it ended.

    Attributes
    ----------
    n_maps : int
        Maps that will be trained one after the other; of several each line says which.
    """

    n_maps = 1
    _n_begun = 0

    def begin(self) -> None:
        """Have the first step shown at once."""
        self._n_begun += 1
        self._next = 0.0
        self._waiting = ""

    def __call__(self, progress: Progress) -> None:
        line = self._named(
            f"step {progress.step} of {progress.n_steps}: radius {progress.radius:.3g}, "
            f"quantization error {progress.quantization_error:.4g}"
        )
        if _is_logged():
            logger.info(line)
        elif time.monotonic() < self._next:
            self._waiting = line
        else:
            self._write(line)

    def end(self, reason: str) -> None:
        """Show the last step, if it was left out, and why training ended."""
        line = self._named(f"training ended: {reason}")
        if _is_logged():
            logger.info(line)
            return
        if self._waiting:
            self._write(self._waiting)
        self._write(line)

    def _named(self, line: str) -> str:
        return f"map {self._n_begun} of {self.n_maps}: {line}" if self.n_maps > 1 else line

    def _write(self, line: str) -> None:
        if sys.stderr is not None:  # as in a program without a console
            sys.stderr.write(f"somscape: {line}\n")
        self._next, self._waiting = time.monotonic() + SECONDS_BETWEEN_LINES, ""


def expect_maps(callbacks: Iterable[Any], n_maps: int) -> None:
    """Have `verbose` number the maps that are trained from now on."""
    for callback in callbacks:
        if isinstance(callback, Verbose):
            callback.n_maps = n_maps


def _is_logged() -> bool:
    """Return whether somebody reads such lines in the log."""
    return logger.hasHandlers() and logger.isEnabledFor(logging.INFO)
