"""Text files of other programs: numbered lines, numbers in fields, and one form of message.

What a file claims about itself is not trusted before that much has been read: arrays grow with the
lines, and memory with the file.
"""

import codecs
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

import numpy as np

from somscape._budget import Budget
from somscape._files import shown, write_whole
from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.tables import LineNumbers

MISSING = frozenset(("x", "nan"))
"""What SOM_PAK (x), and the SOM Toolbox and ESOM Tools (nan), write for a missing value."""

SPELLED = MISSING | {"X", "NaN", "NAN"}

MAX_DIGITS = 12
"""Most digits of a count or a key; no file holds that many rows."""

FIELD_BYTES = 66
"""Memory of a field while its line is read."""

LINE_BYTES = 200
"""Memory of a line that is kept, besides its characters."""

TEXT_BYTES = 180
"""Memory of a text that is kept, besides its characters."""

BLOCK, ROWS_BLOCK = 1 << 16, 1 << 12
_FIELD = re.compile(r"\S+")


@dataclass(slots=True)  # not frozen: that would double what a line costs
class Line:
    """One line of a file.

    Attributes
    ----------
    budget : Budget
        Budget of the file, with its name.
    number : int
        From 1.
    text : str
        Without blanks around it.
    """

    budget: Budget
    number: int
    text: str

    def error(self, what: str, field: int | None = None) -> InputError:
        """Return an error about this line, or about one of its fields, from 1."""
        place = f"{self.budget.source}, line {self.number}"
        return InputError(
            f"{place}: {what}" if field is None else f"{place}, field {field}: {what}"
        )

    def whole(self, token: str, low: int, field: int, what: str) -> int:
        """Return a whole number of at least `low`."""
        if token.isascii() and token.isdigit() and len(token) <= MAX_DIGITS and int(token) >= low:
            return int(token)
        raise self.error(f"{what} must be a whole number from {low}; got {_shown(token)}.", field)

    def fields(self, most: int = -1) -> list[str]:
        """Return the parts between blanks; everything after the first `most` is one part."""
        n = len(self.text)
        if not self.budget.has(FIELD_BYTES * (n // 2 + 1) + n):  # there may be too many
            n_fields = sum(1 for _ in _FIELD.finditer(self.text))
            self.budget.check(
                FIELD_BYTES * n_fields + n, f"line {self.number} of {n_fields} fields"
            )
        return self.text.split(None, most)

    def numbers(
        self, tokens: Sequence[str], *, may_miss: bool, places: Sequence[int] | None = None
    ) -> "array[float]":
        """Return the numbers of some fields; NaN for a missing value, if that is allowed."""
        try:
            values = array("d", map(float, tokens))
            if all(map(isfinite, values)) and not ("_" in self.text and "_" in "".join(tokens)):
                return values
        except ValueError:
            pass
        pairs = zip(tokens, places or range(len(tokens)), strict=True)
        return array("d", (self._number(token, may_miss, at + 1) for token, at in pairs))

    def _number(self, token: str, may_miss: bool, field: int) -> float:
        if token.lower() in MISSING:
            if may_miss:
                return nan
            raise self.error(f"{token} is a missing value, which is not allowed here.", field)
        try:
            value = nan if "_" in token else float(token)
        except ValueError:
            value = nan
        if not isfinite(value):
            raise self.error(f"{_shown(token)} is not a finite number.", field)
        return value


class Rows:
    """Rows of numbers that grow line by line."""

    def __init__(self, n_columns: int, budget: Budget) -> None:
        self.n_columns = n_columns
        self.budget = budget
        self.lines = LineNumbers()
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values) // self.n_columns

    def add(self, values: "array[float]", lines: Sequence[int] = ()) -> None:
        """Add rows, and the lines that hold them."""
        self.budget.take(values.itemsize * len(values), "its numbers")
        self._values.extend(values)
        self.lines.extend(lines)

    def to_numpy(self) -> Float64s:
        """Return the rows, of shape (n, n_columns), without a copy."""
        return np.frombuffer(self._values, np.float64).reshape(-1, self.n_columns)


class Counts:
    """Whole numbers that grow line by line."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._values = array("q")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: int) -> None:
        """Add one."""
        self._budget.take(self._values.itemsize, "its numbers")
        self._values.append(value)

    def to_numpy(self) -> Ints:
        """Return them, of shape (n,), without a copy."""
        return np.frombuffer(self._values, np.int64)


class Labels:
    """Texts of rows; each distinct text is kept once, and nothing before the first."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[str, str] = {}
        self._texts: list[str] = []

    def add(self, row: int, label: str) -> None:
        """Add the label of a row, "" if it has none."""
        if not label:
            return
        n_new = row + 1 - len(self._texts)
        self._budget.take(20 * n_new, "its labels")
        if label not in self._known:
            self._budget.take(TEXT_BYTES + len(label), "its labels")
            self._known[label] = label
        self._texts += [""] * (n_new - 1)
        self._texts.append(self._known[label])

    def texts(self, n_rows: int) -> list[str]:
        """Return one label for each row, or an empty list if no row has any."""
        return self._texts and self._texts + [""] * (n_rows - len(self._texts))


class Lines:
    """The lines of a text file that are not blank, one by one, or rows of numbers in blocks.

    Parameters
    ----------
    path : str or Path
        A file in UTF-8, or else Latin-1.

    Raises
    ------
    InputError
        If the file does not exist or is not text.
    """

    def __init__(self, path: str | Path) -> None:
        self._data = data = read_file(Path(path))
        self.budget = Budget(shown(Path(path).name), len(data))
        if b"\0" in data:
            raise InputError(f"{self.budget.source} is not a text file: it holds NUL bytes.")
        self._encoding = _encoding_of(data)
        self._end = b"\n" if b"\n" in data else b"\r"
        self._begin = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        self._previous = self._tried = self._begin
        self._number = 0

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        while self._begin < len(self._data):
            text = self._take(self._begin).strip()
            self._number += 1
            if len(text) > ROWS_BLOCK:  # it is copied; one wide letter makes all of it wide
                what = f"line {self._number} of {len(text)} letters"
                self.budget.check(3 * sys.getsizeof(text), what)
            if text:
                return Line(self.budget, self._number, text)
        raise StopIteration

    def _take(self, n: int) -> str:
        """Return the lines up to the end of the one with byte `n`."""
        end = self._data.find(self._end, n)
        end = len(self._data) if end < 0 else end
        text = self._data[self._begin : end].decode(self._encoding)
        self._previous, self._begin = self._begin, end + 1
        return text

    def back(self) -> None:
        """Go back by one line."""
        self._begin = self._previous
        self._number -= 1

    def fill(self, rows: "Rows", most: int | None = None, *, may_miss: bool = False) -> None:
        """Add the next rows, up to `most`, as long as they hold only numbers."""
        while self._tried <= self._begin < len(self._data):
            place = self._previous, self._begin
            lines = self._take(self._begin + ROWS_BLOCK).split(self._end.decode())
            values = _plain_rows(lines, rows.n_columns, may_miss)
            if values is None or (
                most is not None and len(rows) + len(values) // rows.n_columns > most
            ):
                self._tried = self._begin
                self._previous, self._begin = place
                return
            numbers: Sequence[int] = range(self._number + 1, self._number + len(lines) + 1)
            if len(lines) * rows.n_columns > len(values):
                numbers = [n for n, line in zip(numbers, lines, strict=True) if line.strip()]
            rows.add(values, numbers)
            self._number += len(lines)


def _plain_rows(lines: list[str], n_columns: int, may_miss: bool) -> "array[float] | None":
    tokens: list[str] = []
    for line in lines:
        fields = line.split()
        if len(fields) != n_columns and fields:
            return None
        tokens += fields
    if any("_" in line for line in lines):
        return None
    if may_miss:
        tokens = ["nan" if token in SPELLED else token for token in tokens]
    n_missing = tokens.count("nan") if may_miss else 0
    try:
        values = array("d", map(float, tokens))
    except ValueError:
        return None
    return values if int(np.isfinite(values).sum()) == len(values) - n_missing else None


def _encoding_of(data: bytes) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for begin in range(0, len(data), BLOCK):
            decoder.decode(data[begin : begin + BLOCK], begin + BLOCK >= len(data))
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def read_file(path: Path) -> bytes:
    """Return the bytes of a file, or raise InputError."""
    if path.is_dir():
        raise InputError(f"{path} is a folder. Give the file in it.")
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the name and the folder.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error


def numbered_names(n: int, budget: Budget) -> tuple[str, ...]:
    """Return the names of columns that have none."""
    budget.take(TEXT_BYTES * n, "names of its columns")
    return tuple(f"x{i}" for i in range(n))


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write lines to a file, completely or not at all."""
    write_whole(path, (f"{line}\n".encode() for line in lines))


def numbers_text(values: Iterable[float], between: str, missing: str = "NaN") -> str:
    """Return numbers in the shortest form that reads back equal."""
    return between.join(missing if v != v else repr(float(v)) for v in values)


def one_word(text: str) -> str:
    """Return a text as one field: blanks become underscores."""
    return "_".join(text.split()) or "_"


def _shown(token: str) -> str:
    return repr(token if len(token) <= 20 else f"{token[:20]}...")
