"""Functions that make parts of messages about tables, such as quoted values and line numbers."""

import difflib
import hashlib
import importlib.util
import re
import shlex
from array import array
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import requires
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._stored import put_away
from somscape.errors import InputError


class Note(str):
    """A note about a file, and the command-line options to which the note refers.

    Parameters
    ----------
    text : str
        Text of the note.
    options : str, default=""
        Options of the command line, such as "--decimal".
    """

    def __new__(cls, text: str, options: str = "") -> "Note":
        """Return the text."""
        return super().__new__(cls, text)

    def __init__(self, text: str, options: str = "") -> None:
        self.options = options


def table_mark(names: Iterable[str]) -> bytes:
    """Return the text that identifies workbooks and Parquet files written by somscape."""
    hashed = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass"))
    return f"somscape-table {hashed.hexdigest()[:16]}".encode()


def quoted(text: str) -> str:
    """Return a value or name in quotes, shortened and on one line."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Return names in quotes as a list for a message, with at most `limit` names."""
    quotes = [quoted(name) for name in names]
    return ", ".join(quotes[:limit] + ["..."] * (len(quotes) > limit))


def joined(parts: Sequence[str]) -> str:
    """Return parts as text, for example "a, b and c"."""
    *most, last = parts or ("",)
    return f"{', '.join(most)} and {last}" if most else last


def counted(number: int, noun: str) -> str:
    """Return a number and a noun as text, with the noun in singular or plural."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def suggestion(name: str, choices: Iterable[str]) -> str:
    """Return a question that suggests those choices that are similar to `name`, or ""."""
    close = _similar(name, choices, 3)
    return f"did you mean {' or '.join(map(quoted, close))}?" if close else ""


def likely(name: str, choices: Iterable[str]) -> str:
    """Return a question in parentheses that suggests the choice most similar to `name`, or ""."""
    return "".join(f" (is it '{choice}'?)" for choice in _similar(name, choices, 1))


def _similar(name: str, choices: Iterable[str], n: int) -> list[str]:
    # Case is ignored, because 'amount' instead of 'Amount' is the most common mistake.
    by_folded = {choice.casefold(): choice for choice in choices}
    return [by_folded[key] for key in difflib.get_close_matches(name.casefold(), by_folded, n)]


def in_columns(columns: Iterable[Sequence[str]]) -> list[str]:
    """Return columns of texts as the lines of a printed table, in which the columns are aligned."""
    padded = []
    for column in columns:
        width = max(map(len, column), default=0)
        padded.append([cell.ljust(width) for cell in column])
    return ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def free_name(name: str, taken: Container[str], ending: str = "_input") -> str:
    """Return `name`, with `ending` appended as often as necessary if `taken` contains the name."""
    while name in taken:
        name += ending
    return name


def category_or_drop(name: str) -> str:
    """Return the command-line options that make a column a category or leave the column out."""
    return f"--category {shlex.quote(name)} or --drop {shlex.quote(name)}"


def install_command(*extras: str) -> str:
    """Return the shell command that installs the libraries of the given extras."""
    libraries = [
        library.strip()
        for library, _, marker in map(str.partition, requires("somscape") or (), repeat(";"))
        if any(re.search(rf"extra == .{extra}\W", marker) for extra in extras)
    ]
    return f"pip install {shlex.join(dict.fromkeys(libraries))}"


def check_libraries(action: str, extras: Sequence[str], *modules: str) -> None:
    """Raise InputError if the libraries of the given extras are not installed."""
    # Checked before the import, because an ImportError can also come from within a library.
    missing = [
        module.replace("_", "-") for module in modules if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise InputError(
            f"{action[:1].upper()}{action[1:]} needs {joined(missing)}. Run "
            f"{install_command(*extras)}.",
            value=missing[0],
        )


Lines: TypeAlias = range | NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False, slots=True)
class FileLines:
    """For a table that was read from several files, the file and the line of each row.

    Attributes
    ----------
    names : sequence of str
        Name of each file, for messages.
    files : ndarray of shape (n_rows,), int
        Index of the file of each row.
    lines : ndarray of shape (n_rows,), int
        Number of each row's line (or of the row itself) in its file.
    has_lines : bool
        Whether `lines` contains line numbers (from 1) and not row numbers (from 0).
    """

    names: Sequence[str]
    files: NDArray[np.integer[Any]]
    lines: NDArray[np.integer[Any]]
    has_lines: bool

    @classmethod
    def of(cls, names: Sequence[str], lines: Sequence[Lines], *, has_lines: bool) -> "FileLines":
        """Join the lines of several files."""
        files = np.repeat(np.arange(len(names), dtype=np.uint32), list(map(len, lines)))
        each = [np.arange(of.start, of.stop) if isinstance(of, range) else of for of in lines]
        joined = np.concatenate(each, dtype=np.uint32, casting="unsafe")
        return cls(names, put_away(files), put_away(joined), has_lines)

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, chosen: NDArray[Any]) -> "FileLines":
        """Return the file and line of those rows that are chosen."""
        return FileLines(self.names, self.files[chosen], self.lines[chosen], self.has_lines)

    def where(self, row: int) -> str:
        """Return the file and line of a row as text, such as "part-03.csv, line 17"."""
        name = self.names[self.files[row]]
        return f"{name}, {'line' if self.has_lines else 'row'} {self.lines[row]}"


def place(source: str, lines: Lines | FileLines | None, row: int) -> str:
    """Return the file and line of a row as text for a message."""
    if isinstance(lines, FileLines):
        return lines.where(row)
    return f"{source}, row {row}" if lines is None else f"{source}, line {lines[row]}"


class LineNumbers:
    """Line numbers in ascending order.

    Consecutive numbers are stored as a range.  This saves memory.
    """

    def __init__(self) -> None:
        self._range = range(0)
        self._others: array[int] | None = None

    def extend(self, lines: Sequence[int]) -> None:
        """Add line numbers."""
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
        """Return the line number at which each of the first `n` rows starts."""
        if self._others is None:
            return self._range[:n]
        return np.frombuffer(self._others, np.uintc)[:n]
