"""The lines of a file that rows stand on."""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape.tables._lines import Lines


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


def lines_from(start: int, taken: Sequence[NDArray[np.integer[Any]] | int]) -> Lines:
    """Return the lines on which rows start, of which each takes one or more."""
    if all(isinstance(rows, int) for rows in taken):
        return range(start, start + sum(map(int, taken)))
    each = [np.ones(rows, np.uint32) if isinstance(rows, int) else rows for rows in taken]
    ends = np.cumsum(np.concatenate(each), dtype=np.uint32)
    return start + np.concatenate([[0], ends[:-1]]).astype(np.uint32)
