"""The lines of a file that rows stand on."""

from array import array
from collections.abc import Sequence

import numpy as np

from somscape.tables._table import Lines


class LineNumbers:
    """Numbers of lines, which take no memory as long as they follow one another."""

    def __init__(self) -> None:
        self._range = range(0)
        self._others: array[int] | None = None

    def extend(self, lines: Sequence[int]) -> None:
        """Add numbers."""
        if not lines:
            return
        if self._others is None:
            begin = self._range.start if self._range else lines[0]
            longer = range(begin, begin + len(self._range) + len(lines))
            if list(lines) == list(longer[len(self._range) :]):
                self._range = longer
                return
            self._others = array("I", self._range)
        self._others.extend(lines)

    def first(self, n: int) -> Lines:
        """Return those of the first rows."""
        if self._others is None:
            return self._range[:n]
        return np.frombuffer(self._others, np.uintc)[:n]
