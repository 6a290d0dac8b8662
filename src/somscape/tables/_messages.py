"""Parts of messages about tables: quoted cells, lists, close names, lines, missing libraries."""

import difflib
import hashlib
import importlib.util
import shlex
from array import array
from collections.abc import Container, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape.errors import InputError


class Note(str):
    """What a reader noticed in a file, and the option that changes it.

    Parameters
    ----------
    text : str
    options : str, default=""
        What to type on the command line, such as "--decimal".
    """

    def __new__(cls, text: str, options: str = "") -> "Note":
        """Return the text."""
        return super().__new__(cls, text)

    def __init__(self, text: str, options: str = "") -> None:
        self.options = options


def table_mark(names: Iterable[str]) -> bytes:
    """Return by what a workbook or a Parquet file of ours with these columns is recognized."""
    hashed = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass"))
    return f"somscape-table {hashed.hexdigest()[:16]}".encode()


def quoted(text: str) -> str:
    """Return a cell or name in quotes, on one line, cut to a readable length."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Give names for a message, in quotes."""
    quotes = [quoted(name) for name in names]
    return ", ".join(quotes[:limit] + ["..."] * (len(quotes) > limit))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the plural where it needs one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def suggestion(name: str, choices: Sequence[str]) -> str:
    """Ask whether one of the choices that are close to a name was meant."""
    # Compared without case, because 'amount' for 'Amount' is the commonest slip.
    by_folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=3)
    return f"did you mean {' or '.join(quoted(by_folded[key]) for key in close)}?" if close else ""


def in_columns(columns: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of columns that stand beside each other."""
    padded = []
    for column in columns:
        width = max(map(len, column), default=0)
        padded.append([cell.ljust(width) for cell in column])
    return ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def free_name(name: str, taken: Container[str], ending: str = "_input") -> str:
    """Give a name for a column that no other one has."""
    while name in taken:
        name += ending
    return name


def category_or_drop(name: str) -> str:
    """Return the options that take a column in another way."""
    return f"--category {shlex.quote(name)} or --drop {shlex.quote(name)}"


def check_library(module: str, doing: str, extra: str = "excel") -> None:
    """Raise InputError where the library of a module is not installed."""
    # Asked before, because an ImportError from within the library is not this one.
    library = module.partition(".")[0]
    if importlib.util.find_spec(library) is None:
        name = library.replace("_", "-")
        raise InputError(f"{doing} needs {name}; run: pip install 'somscape[{extra}]'")


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
        return f"{name}, {'line' if self._has_lines else 'row'} {self._lines[row]}"


def place(source: str, lines: Lines | FileLines | None, row: int) -> str:
    """Say where a row stands, for tables and for their readers."""
    if isinstance(lines, FileLines):
        return lines.where(row)
    return f"{source}, row {row}" if lines is None else f"{source}, line {lines[row]}"


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
