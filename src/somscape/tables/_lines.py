"""Where the rows of a table stand in its file, or in its files."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Lines: TypeAlias = range | NDArray[np.integer[Any]]


class FileLines:
    """Where the rows of several files stand.

    Parameters
    ----------
    names : sequence of str
        Of the files, as messages call them.
    files : ndarray of shape (n_rows,), int
        The number of each row's file, from 0.
    lines : ndarray of shape (n_rows,), int
        Its line in that file, or its row.
    has_lines : bool
        Whether these are lines, from 1, and not rows, from 0.
    """

    __slots__ = ("_files", "_has_lines", "_lines", "_names")

    def __init__(
        self,
        names: Sequence[str],
        files: NDArray[np.integer[Any]],
        lines: NDArray[np.integer[Any]],
        has_lines: bool,
    ) -> None:
        self._names, self._has_lines = tuple(names), has_lines
        self._files, self._lines = files, lines

    def __len__(self) -> int:
        return len(self._lines)

    def take(self, chosen: NDArray[Any]) -> "FileLines":
        """Return the places of some of the rows."""
        return FileLines(self._names, self._files[chosen], self._lines[chosen], self._has_lines)

    def where(self, row: int) -> str:
        """Say where a row stands: "part-03.csv, line 17"."""
        name = self._names[self._files[row]]
        return (
            place(name, self._lines, row)
            if self._has_lines
            else place(name, None, self._lines[row])
        )


def place(source: str, lines: Lines | FileLines | None, row: int) -> str:
    """Say where a row stands, for tables and for their readers."""
    if isinstance(lines, FileLines):
        return lines.where(row)
    return f"{source}, row {row}" if lines is None else f"{source}, line {lines[row]}"
