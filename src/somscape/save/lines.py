"""Read text files that other SOM programs wrote, and convert codebooks to records."""

import codecs
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import shown, write_whole
from somscape._stored import Budget
from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.grid.lattice import Lattice
from somscape.maps.map import as_map
from somscape.maps.record import FORMAT, Record, pay_for_map
from somscape.tables._messages import LineNumbers, free_name
from somscape.tables._text import read_bytes
from somscape.tables.encoding import Encoding
from somscape.tables.sources import Source
from somscape.tables.table import Table, table_from_columns

MISSING = frozenset(("x", "nan"))
"""Texts that mean a missing value: x in files of SOM_PAK, nan in files of other programs."""

SPELLED = MISSING | {"X", "NaN", "NAN"}

MAX_DIGITS = 12
"""Maximum number of digits of a count or key in a file."""

FIELD_BYTES = 66
"""Number of bytes of memory that a field of a line needs while the line is read."""

LINE_BYTES, TEXT_BYTES = 200, 180
"""Number of bytes of memory that a stored line or text needs in addition to its characters."""

BLOCK, ROWS_BLOCK = 1 << 16, 1 << 12
_FIELD = re.compile(r"\S+")


@dataclass(slots=True)  # a frozen class would double the time per line
class Line:
    """One line of a file.

    Attributes
    ----------
    budget : Budget
        Limit of the memory that reading the file may use, with the name of the file.
    number : int
        Line number, from 1.
    text : str
        Text of the line without leading and trailing spaces.
    """

    budget: Budget
    number: int
    text: str

    def error(self, what: str, field: int | None = None, value: Any = None) -> InputError:
        """Return an InputError about this line, or about the field with this number (from 1)."""
        source, number = self.budget.source, self.number
        place = f"{source}, line {number}" + ("" if field is None else f", field {field}")
        return InputError(f"{place}: {what}", file=source, line=number, value=value)

    def whole(self, token: str, low: int, field: int, what: str) -> int:
        """Convert a field to a whole number of at least `low`, or raise InputError."""
        if token.isascii() and token.isdigit() and len(token) <= MAX_DIGITS and int(token) >= low:
            return int(token)
        message = f"{what} must be a whole number of at least {low}, but is {_shown(token)}."
        raise self.error(message, field, token)

    def fields(self, most: int = -1) -> list[str]:
        """Split the line at spaces into fields. After `most` fields, the rest is one field."""
        n = len(self.text)
        if not self.budget.has(FIELD_BYTES * (n // 2 + 1) + n):  # there may be too many fields
            n_fields = sum(1 for _ in _FIELD.finditer(self.text))
            what = f"line {self.number} with {n_fields} fields"
            self.budget.check(FIELD_BYTES * n_fields + n, what)
        return self.text.split(None, most)

    def numbers(
        self, tokens: Sequence[str], *, may_miss: bool, places: Sequence[int] | None = None
    ) -> "array[float]":
        """Convert fields to numbers. A missing value becomes NaN, or an error without
        `may_miss`."""
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
            message = f"{token} means a missing value, which is not allowed here. Give a number."
            raise self.error(message, field, token)
        try:
            value = nan if "_" in token else float(token)
        except ValueError:
            value = nan
        if not isfinite(value):
            message = f"{_shown(token)} is not a finite number. Give a number such as 2.5."
            raise self.error(message, field, token)
        return value


class Rows:
    """Collects rows of numbers from a file."""

    def __init__(self, n_columns: int, budget: Budget) -> None:
        self.n_columns = n_columns
        self.budget = budget
        self.lines = LineNumbers()
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values) // self.n_columns

    def add(self, values: "array[float]", lines: Sequence[int] = ()) -> None:
        """Add rows and their line numbers."""
        self.budget.take(values.itemsize * len(values), "its numbers")
        self._values.extend(values)
        self.lines.extend(lines)

    def to_numpy(self) -> Float64s:
        """Return the collected rows as an array of shape (n, n_columns) without copying them."""
        return np.frombuffer(self._values, np.float64).reshape(-1, self.n_columns)


class GrowingCounts:
    """Collects whole numbers from a file."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._values = array("q")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: int) -> None:
        """Add a number."""
        self._budget.take(self._values.itemsize, "its numbers")
        self._values.append(value)

    def to_numpy(self) -> Ints:
        """Return the numbers (n,) without a copy."""
        return np.frombuffer(self._values, np.int64)


class GrowingTexts:
    """Texts of rows, in little memory. Each distinct text is stored once."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[str, str] = {}
        self._texts: list[str] = []

    def add(self, row: int, label: str) -> None:
        """Store the label of a row. The label "" means a row without a label."""
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
        """Return one label for each row, or an empty list if no labels were added."""
        return self._texts and self._texts + [""] * (n_rows - len(self._texts))


class TextLines:
    """Reads a text file by lines that are not blank, or by blocks of rows of numbers.

    Parameters
    ----------
    path : str or Path
        A file in UTF-8 or Latin-1.

    Raises
    ------
    InputError
        If the file does not exist, or if it is not a text file.
    """

    def __init__(self, path: str | Path) -> None:
        self._data = data = read_file(path)
        self.budget = Budget(shown(Path(path).name), len(data))
        if b"\0" in data:
            raise InputError(
                f"{self.budget.source} is not a text file, because it contains NUL bytes. Give a "
                "file in UTF-8 or Latin-1.",
                file=self.budget.source,
            )
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
            if len(text) > ROWS_BLOCK:  # copying may need more memory per character
                what = f"line {self._number} with {len(text)} characters"
                self.budget.check(3 * sys.getsizeof(text), what)
            if text:
                return Line(self.budget, self._number, text)
        raise StopIteration

    def _take(self, n: int) -> str:
        """Return the unread text up to the first line end at or after byte `n` of the file."""
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
        """Add the next lines to `rows`, up to `most` rows or to a line that contains other text."""
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


def read_file(path: str | Path) -> bytes:
    """Return the content of a file, but not of a device or pipe, which may never end."""
    place = Path(path)
    if not place.is_file() and not place.is_dir() and (place.exists() or "\0" in str(place)):
        raise InputError(f"'{shown(path)}' is not a regular file. Give a file.", file=path)
    return read_bytes(path, shown(place.name))


def numbered_names(n: int, budget: Budget) -> tuple[str, ...]:
    """Return default names for columns without names."""
    budget.take(TEXT_BYTES * n, "names of its columns")
    return tuple(f"x{i}" for i in range(n))


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write lines to a file. If writing fails, the existing file is unchanged."""
    write_whole(path, (f"{line}\n".encode() for line in lines))


def numbers_text(values: Iterable[float], between: str, missing: str = "NaN") -> str:
    """Return numbers as the shortest exact texts."""
    return between.join(missing if v != v else repr(float(v)) for v in values)


def one_word(text: str) -> str:
    """Replace the spaces in a text by underscores."""
    return "_".join(text.split()) or "_"


def _shown(token: str) -> str:
    return repr(token if len(token) <= 20 else f"{token[:20]}...")


@dataclass(frozen=True)
class CodebookOrigin:
    """The source of a codebook.

    Attributes
    ----------
    budget : Budget
        Limit of the memory that reading the file may use, with the name of the file.
    program : str
        Name of the program that wrote the file.
    parameters : dict of str to JSON data
        Training parameters from the file.
    metric : str
        Name of the metric with which the program trained the map.
    """

    budget: Budget
    program: str
    parameters: dict[str, Any]
    metric: str = "euclidean"


def plain_record(
    codebook: Float64s,
    lattice: dict[str, Any],
    origin: CodebookOrigin,
    *,
    names: Sequence[str] | None = None,
    hits: Float64s | None = None,
    unit_labels: Sequence[str] = (),
) -> Record:
    """Return a record for a codebook whose features are the original columns, without encoding."""
    n_units, n_features = codebook.shape
    pay_for_map(origin.budget, n_features, n_units + 2 * len(unit_labels))
    try:
        Lattice(**lattice)
    except (ValueError, TypeError) as error:
        raise InputError(f"{origin.budget.source}: {error}", file=origin.budget.source) from error
    numbered = [f"x{i}" for i in range(n_features)]
    columns = list(names or numbered)
    if len(set(columns)) < len(columns):
        raise InputError(
            f"{origin.budget.source} has two components with the same name. Give each component a "
            "different name.",
            file=origin.budget.source,
        )
    header: dict[str, Any] = {
        "format": FORMAT,
        "lattice": lattice,
        "encoding": {"columns": columns, "missing": "error", "is_named": columns != numbered},
        "metric": origin.metric,
        "parameters": {"program": origin.program, **origin.parameters},
        "versions": {},
        "detector": None,
    }
    if any(unit_labels):
        header["unit_labels"] = list(unit_labels)
    hits = np.zeros(n_units) if hits is None else hits
    return Record(header, {"codebook": codebook, "hits": hits})


def feature_names(record: Record) -> list[str]:
    """Return the names of a record's encoded features. A category has a feature for each level."""
    return Encoding.from_json(record.header["encoding"]).feature_names


def codebook_of(record: Record) -> Float64s:
    """Return the codebook of a record as a float64 array."""
    return np.asarray(record.arrays["codebook"], np.float64)


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of numbers from files of SOM_PAK, the SOM Toolbox or ESOM Tools.

    Attributes
    ----------
    values : ndarray of shape (n, d), float64
        Values of the rows, with NaN for a missing value.
    names : tuple of str
        Names of the columns (x0, x1, ... if the file does not contain names).
    labels : tuple of str or None
        Label of each row, or "" for a row without a label.  None if the file is without labels.
    keys : ndarray of shape (n,) or None
        Key of each row.  Only files of ESOM Tools contain keys.
    weights : ndarray of shape (n,) or None
        Weight of each row.  Only files of SOM_PAK contain weights.
    source : str
        Name of the file, which error messages contain.
    lines : range or ndarray of shape (n,), or None
        Number of the line in the file from which each row was read.

    See Also
    --------
    read_dat, read_lrn

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.save import Samples
    >>> rows = Samples(np.array([[1.0, 2.0], [3.0, 4.0]]), ("age", "income"), labels=("good", ""))
    >>> rows.names
    ('age', 'income')
    """

    values: Float64s
    names: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    keys: Ints | None = None
    weights: Float64s | None = None
    source: str = "rows"
    lines: Any = None

    def to_table(self) -> Table:
        """Return the columns as a table.

        Returns
        -------
        Table
            A table of `values`, with the columns ``key``, ``label`` and ``weight`` if the file
            contains these values.  A repeated column name gets an underscore.
        """
        columns: dict[str, Any] = {} if self.keys is None else {"key": self.keys}
        for name, values in zip(self.names, self.values.T, strict=True):
            columns[free_name(name, columns, "_")] = values
        if self.labels is not None:
            columns[free_name("label", columns, "_")] = [label or None for label in self.labels]
        if self.weights is not None:
            columns[free_name("weight", columns, "_")] = self.weights
        return replace(table_from_columns(columns, self.source), lines=self.lines)


def samples_of(data: Any) -> Samples:
    """Convert a table, or an array of numbers of shape (n, d), to `Samples`."""
    if isinstance(data, Samples):
        return data
    if isinstance(data, Source):
        data = data.table()
    names = data.names if isinstance(data, Table) else None
    try:
        values = data.to_numpy() if isinstance(data, Table) else np.asarray(data, np.float64)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"The rows cannot be converted to numbers ({error}).") from error
    if values.ndim != 2 or not values.shape[1] or np.isinf(values).any():
        raise InputError(
            "The rows must be finite numbers or NaN in an array of shape (n, d). Got an array of "
            f"shape {values.shape}.",
            value=values.shape,
        )
    return Samples(values, names or tuple(f"x{i}" for i in range(values.shape[1])))


def record_of(map_: Any) -> Record:
    """Return the record of a map."""
    if isinstance(map_, Record):
        return map_
    return as_map(map_).to_record()
