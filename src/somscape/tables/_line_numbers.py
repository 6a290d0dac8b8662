"""The lines of a file that rows stand on."""

from array import array
from collections.abc import Sequence

import numpy as np

from somscape.tables._table import Lines


class LineNumbers:
    """Ascending numbers of lines.

    They take no memory as long as they follow one another.
    """

    def __init__(self) -> None:
        self._range = range(0)
        self._others: array[int] | None = None

    def extend(self, lines: Sequence[int]) -> None:
        """Add numbers."""
        if not lines:
            return
        if self._others is None:
            before = self._range or range(lines[0], lines[0])
            if lines[0] == before.stop and lines[-1] - lines[0] == len(lines) - 1:
                self._range = range(before.start, lines[-1] + 1)
                return
            self._others = array("I", before)
        self._others.extend(lines)

    def first(self, n: int) -> Lines:
        """Return those of the first rows."""
        if self._others is None:
            return self._range[:n]
        return np.frombuffer(self._others, np.uintc)[:n]
