"""Text files of other programs: numbered lines, numbers in fields, and one form of complaint.

Nothing that a file claims about itself is believed before so much has been read: arrays grow with
the lines, and memory with the file.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path

import numpy as np

from somscape._errors import InputError
from somscape._files import write_whole
from somscape._types import Float64s

MISSING = frozenset(("x", "nan"))
"""What SOM_PAK, and what the SOM Toolbox and ESOM Tools write for a missing value."""

MAX_DIGITS = 12
"""Of a count or a key; twelve digits are more rows than any file holds."""


@dataclass(frozen=True)
class Line:
    """One line of a file.

    Attributes
    ----------
    source : str
        Name of the file, for messages.
    number : int
        From 1.
    text : str
        Without blanks around it.
    """

    source: str
    number: int
    text: str

    def error(self, what: str, field: int | None = None) -> InputError:
        """Return the error that something is wrong here, or in a field, from 1."""
        place = f"{self.source}, line {self.number}"
        return InputError(
            f"{place}: {what}" if field is None else f"{place}, field {field}: {what}"
        )

    def whole(self, token: str, low: int, field: int, what: str) -> int:
        """Return a whole number of at least `low`."""
        if token.isascii() and token.isdigit() and len(token) <= MAX_DIGITS and int(token) >= low:
            return int(token)
        raise self.error(f"{what} must be a whole number from {low}; got {_shown(token)}.", field)

    def numbers(self, tokens: Sequence[str], *, may_miss: bool, first: int = 1) -> list[float]:
        """Return the numbers of some fields, of which the first has the number `first`.

        NaN where a value is missing, if it may be.
        """
        try:
            values = [float(token) for token in tokens]
            if all(map(isfinite, values)) and not any("_" in token for token in tokens):
                return values
        except ValueError:
            pass
        return [self._number(t, may_miss, field) for field, t in enumerate(tokens, first)]

    def _number(self, token: str, may_miss: bool, field: int) -> float:
        if token.lower() in MISSING:
            if may_miss:
                return nan
            raise self.error(f"{token} is a missing value, which cannot stand here.", field)
        try:
            value = nan if "_" in token else float(token)
        except ValueError:
            value = nan
        if not isfinite(value):
            raise self.error(f"{_shown(token)} is no finite number.", field)
        return value


class Rows:
    """Rows of numbers that grow line by line."""

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values) // self.n_columns

    def add(self, values: Iterable[float]) -> None:
        """Add one row."""
        self._values.extend(values)

    def to_numpy(self) -> Float64s:
        """Return the rows, of shape (n, n_columns), without a copy."""
        return np.frombuffer(self._values, np.float64).reshape(-1, self.n_columns)


def read_lines(path: str | Path) -> Iterator[Line]:
    """Give the lines of a text file that are not blank.

    Parameters
    ----------
    path : str or Path
        A file in UTF-8, or else Latin-1.

    Raises
    ------
    InputError
        When there is no such file, or it is no text.
    """
    text, source = _text_of(Path(path)), Path(path).name
    begin = number = 0
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        number += 1
        line = text[begin:end].strip()
        if line:
            yield Line(source, number, line)
        begin = end + 1


def _text_of(path: Path) -> str:
    data = read_file(path)
    if b"\0" in data:
        raise InputError(f"{path.name} is no text file: it holds NUL bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text if "\n" in text else text.replace("\r", "\n")


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


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write lines to a file, whole or not at all."""
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def numbers_text(values: Iterable[float], between: str, missing: str = "NaN") -> str:
    """Return numbers in the shortest form that reads back equal."""
    return between.join(missing if v != v else repr(float(v)) for v in values)


def one_word(text: str) -> str:
    """Return a text that stands as one field: blanks become underscores."""
    return "_".join(text.split()) or "_"


def _shown(token: str) -> str:
    return repr(token if len(token) <= 20 else f"{token[:20]}...")
