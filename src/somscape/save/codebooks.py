"""Read codebooks of SOM_PAK, ESOM Tools and Somoclu, and rows of ESOM Tools."""

import codecs
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from math import inf, isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import shown
from somscape._stored import Budget
from somscape._types import Float64s
from somscape.errors import InputError
from somscape.grid.lattice import Lattice
from somscape.kernels.metric import EUCLIDEAN, Metric
from somscape.maps.map import Map
from somscape.maps.record import pay_for_map
from somscape.tables._messages import free_name
from somscape.tables._text import read_bytes
from somscape.tables.encoding import Encoding
from somscape.tables.table import Table, table_from_columns

KINDS = {"hexa": "hexagonal", "rect": "rectangular"}
NEIGHBORHOODS = ("bubble", "gaussian")

MISSING = ("x", "nan")
"""Texts that mean a missing value: x in files of SOM_PAK, nan in files of other programs."""

MAX_DIGITS = 12
"""Maximum number of digits of a count or key in a file."""

TEXT_BYTES = 180
"""Number of bytes of memory that a stored text needs in addition to its characters."""

FIELD_BYTES = 66
"""Number of bytes of memory that a field of a line needs while the line is split."""

COLUMN_BYTES = 500
"""Number of bytes of memory that a column of a table needs in addition to its values."""

LABEL_BYTES = 60
"""Number of bytes of memory that the label of a row needs in addition to its text."""

MAX_LETTERS = 10_000
"""Maximum number of bytes of a line with other characters than those of ASCII."""

IGNORED, DATA, CLASS, KEY = "0", "1", "3", "9"
"""Numbers by which a .lrn file gives the kind of each column."""

_FIELD = re.compile(r"\S+")


class Lines:
    """Yields the lines of a text file that are not blank, and makes messages that name the line.

    Fields of a line are read one after the other, because a list of all fields can need far more
    memory than the file.

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
        data = read_file(path)
        self.source, self.number = shown(Path(path).name), 0
        self.budget = Budget(self.source, len(data))
        if b"\0" in data:
            raise InputError(
                f"{self.source} is not a text file, because it contains NUL bytes. Give a file in "
                "UTF-8 or Latin-1.",
                file=self.source,
            )
        self._encoding = "utf-8"
        try:
            data.decode()
        except UnicodeDecodeError:
            self._encoding = "latin-1"
        data = data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._lines = BytesIO(data)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            content = line.strip()
            if len(content) > MAX_LETTERS and not content.isascii():  # needs four times the memory
                raise self.error(
                    f"a line of more than {MAX_LETTERS} bytes must contain only ASCII characters."
                )
            if content:
                yield content.decode(self._encoding)

    def error(self, what: str, field: int | None = None, value: Any = None) -> InputError:
        """Return an InputError about the current line, or about one of its fields (from 1)."""
        place = f", line {self.number}" * (self.number > 0) + f", field {field}" * bool(field)
        line = self.number or None
        return InputError(f"{self.source}{place}: {what}", file=self.source, line=line, value=value)

    def fields(self, text: str, n: int) -> Iterator[tuple[int, str, int]]:
        """Yield number, text and end of the first `n` fields, or raise InputError for fewer."""
        number = 0
        for number, found in enumerate(islice(_FIELD.finditer(text), n), 1):
            yield number, found[0], found.end()
        if number < n:
            raise self.error(
                f"the line needs {n} fields, but has {number}. If the file is incomplete, write or "
                "copy it again."
            )

    def words(self, text: str) -> list[str]:
        """Split a line at spaces, within the memory budget."""
        n = 1 + text.count(" ") + text.count("\t")
        self.budget.check(FIELD_BYTES * n, f"line {self.number} with {n} fields")
        return text.split()

    def numbers(self, text: str, n: int, values: "array[float]") -> str:
        """Add the numbers in the first `n` fields of a line to `values`. Return the other text."""
        begin = 0
        for number, token, end in self.fields(text, n):
            values.append(self.value(token, number))
            begin = end
        return text[begin:].strip()

    def value(self, token: str, field: int, *, may_miss: bool = False) -> float:
        """Convert a field to a finite number, or to NaN if it is missing and `may_miss`."""
        if may_miss and token.lower() in MISSING:
            return nan
        try:
            found = inf if "_" in token else float(token)
        except ValueError:
            found = inf
        if not isfinite(found):
            message = f"{_shortened(token)} is not a finite number. Give a number such as 2.5."
            raise self.error(message, field, token)
        return found

    def whole(self, token: str, low: int, field: int = 1) -> int:
        """Convert a field to a whole number of at least `low`, or raise InputError."""
        if token.isascii() and token.isdigit() and len(token) <= MAX_DIGITS and int(token) >= low:
            return int(token)
        message = f"{_shortened(token)} must be a whole number of at least {low}."
        raise self.error(message, field, token)

    def header(self, texts: Iterable[str], example: str) -> list[int]:
        """Return the whole numbers of the next line, which must begin with %."""
        text = next((text for text in texts if not text.startswith("#")), "")
        fields = text[1:].split(None, 3)
        if not text.startswith("%") or len(fields) < len(example.split()) - 1:
            raise self.error(f"a line of the header, such as '{example}', must be here.")
        return [self.whole(token, 1, field) for field, token in enumerate(fields[:2], 1)]

    def names(self, names: Sequence[str], n: int) -> list[str]:
        """Return the names of `n` columns, or raise InputError for wrong names."""
        self.budget.take(TEXT_BYTES * len(names), "the names of its columns")
        if len(names) != n or len(set(names)) < n:
            raise self.error(
                f"{n} columns need {n} different names, but the line has {len(names)}."
            )
        return list(names)


def read_file(path: str | Path) -> bytes:
    """Return the content of a file, but not of a device or pipe, which may never end."""
    place = Path(path)
    if not place.is_file() and not place.is_dir() and (place.exists() or "\0" in str(place)):
        raise InputError(f"'{shown(path)}' is not a regular file. Give a file.", file=path)
    return read_bytes(path, shown(place.name))


def _shortened(token: str) -> str:
    return repr(token if len(token) <= 20 else f"{token[:20]}...")


def map_of_codebook(
    codebook: Float64s,
    lattice: dict[str, Any],
    budget: Budget,
    parameters: dict[str, Any],
    *,
    names: Sequence[str] | None = None,
    unit_labels: Sequence[str] = (),
    metric: Metric = EUCLIDEAN,
) -> Map:
    """Return a map for a codebook whose features are the original columns, without encoding."""
    n_units, n_features = codebook.shape
    pay_for_map(budget, n_features, n_units + 2 * len(unit_labels))
    try:
        grid = Lattice(**lattice)
    except (ValueError, TypeError) as error:
        raise InputError(f"{budget.source}: {error}", file=budget.source) from error
    return Map(
        codebook,
        grid,
        Encoding.plain(names or [f"x{i}" for i in range(n_features)]),
        np.zeros(n_units),
        parameters=parameters,
        metric=metric,
        unit_labels=tuple(unit_labels),
    )


def read_cod(path: str | Path) -> Map:
    """Read a codebook of SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        Codebook file, usually with the extension ``.cod``.

    Returns
    -------
    Map
        A map on a plane.  All hits are 0, because the file does not contain hits.

    Raises
    ------
    InputError
        If the file is not a codebook in the .cod format.  The message names line and field.

    See Also
    --------
    read_wts, somscape.load

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "map.cod")
    ...     _ = path.write_text("2 hexa 2 1 gaussian\\n0 1\\n2 3\\n")
    ...     save.read_cod(path)
    Map(1 x 2 hexagonal, 2 features)
    """
    lines = Lines(path)
    texts = (text for text in lines if text[:1] != "#" or text[:3] in ("#n ", "#n\t"))
    words = next((text for text in texts if text[0] != "#"), "").split(None, 5)
    if len(words) != 5 or words[1].lower() not in KINDS or words[4] not in NEIGHBORHOODS:
        raise lines.error(
            "a codebook starts with the dimension, hexa or rect, columns, rows, and bubble or "
            "gaussian, such as '4 hexa 12 8 gaussian'."
        )
    n_features, n_cols, n_rows = (lines.whole(words[i], 1, i + 1) for i in (0, 2, 3))
    values, labels, names = array("d"), _Texts(lines.budget), None
    for text in texts:
        if text[0] == "#":
            names = lines.names(lines.words(text)[1:], n_features)
            continue
        if len(labels) == n_rows * n_cols:
            raise lines.error(f"more than {n_cols} x {n_rows} prototypes are in the file.")
        labels.add(" ".join(lines.words(lines.numbers(text, n_features, values))))
    _check_count(lines, len(labels), n_rows * n_cols)
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": KINDS[words[1].lower()]}
    return map_of_codebook(
        np.frombuffer(values).reshape(-1, n_features),
        lattice | {"boundary": "plane"},
        lines.budget,
        {"program": "SOM_PAK", "neighborhood": words[4]},
        names=names,
        unit_labels=labels if any(labels) else (),
    )


class _Texts(list[str]):
    """Texts of rows, each distinct text of which is stored once, within a memory budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._known = budget, {"": ""}

    def add(self, text: str) -> None:
        n_bytes = 0 if text in self._known else TEXT_BYTES + len(text)
        self._budget.take(n_bytes + LABEL_BYTES * bool(text), "its labels")
        self.append(self._known.setdefault(text, text))


def _check_count(lines: Lines, found: int, announced: int) -> None:
    if found != announced:
        raise InputError(
            f"{lines.source}: the header announces {announced} rows, but {found} follow. If the "
            "file is incomplete, write or copy it again.",
            file=lines.source,
            value=found,
            allowed=announced,
        )


def read_wts(path: str | Path, *, boundary: str = "torus", kind: str = "rectangular") -> Map:
    """Read the codebook of a map of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.wts`` file.
    boundary : {"torus", "plane", "cylinder"}, default="torus"
        Boundary of the map, which the file does not contain.  ESOM Tools trains on a torus by
        default, and Somoclu on a plane.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        Kind of lattice, which the file does not contain.  Only Somoclu supports hexagonal maps.

    Returns
    -------
    Map
        All hits are 0, because the file does not contain hits.

    Raises
    ------
    InputError
        If the file is not in the format of ESOM Tools.  The message names line and field.

    See Also
    --------
    read_lrn, somscape.load

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "map.wts")
    ...     _ = path.write_text("% 1 2\\n% 2\\n0 1\\n2 3\\n")
    ...     save.read_wts(path, boundary="plane")
    Map(1 x 2 rectangular, 2 features)
    """
    lines = Lines(path)
    texts = iter(lines)
    n_rows, n_cols = lines.header(texts, "% 50 82")
    n_features, *_ = lines.header(texts, "% 4")
    values, n = array("d"), 0
    for text in texts:
        if text[0] not in "%#":
            if lines.numbers(text, n_features, values):
                raise lines.error(f"the line needs {n_features} fields, but has more.")
            n += 1
    _check_count(lines, n, n_rows * n_cols)
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": kind, "boundary": boundary}
    codebook = np.frombuffer(values).reshape(-1, n_features)
    return map_of_codebook(codebook, lattice, lines.budget, {"program": "ESOM Tools or Somoclu"})


def read_lrn(path: str | Path) -> Table:
    """Read rows of numbers from a ``.lrn`` file of ESOM Tools.

    Parameters
    ----------
    path : str or Path
        A ``.lrn`` file.  ``NaN`` and ``x`` mean a missing value.

    Returns
    -------
    Table
        The columns of numbers, after a column ``key`` and before a column ``label`` with the
        classes, if the file contains them.  Columns that the header marks as ignored are left out.

    Raises
    ------
    InputError
        If the file is not in the format of ESOM Tools.  The message names line and field.

    See Also
    --------
    read_wts, somscape.tables.read_table

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "rows.lrn")
    ...     _ = path.write_text("% 2\\n% 3\\n% 9 1 1\\n% Key age income\\n1 30 2000\\n2 NaN 900\\n")
    ...     save.read_lrn(path).names
    ('key', 'age', 'income')
    """
    lines = Lines(path)
    texts = iter(lines)
    (n_rows, *_), (n_columns, *_) = (lines.header(texts, example) for example in ("% 150", "% 5"))
    lines.budget.take(COLUMN_BYTES * n_columns, f"{n_columns} columns")
    kinds: Sequence[str] = ()
    names: Sequence[str] = ()
    values, keys, labels = array("d"), array("q"), _Texts(lines.budget)
    n = 0
    for text in texts:
        if text.startswith("%") and not kinds:
            kinds = _kinds(lines, lines.words(text[1:]), n_columns)
        elif text.startswith("%"):
            names = _column_names(lines, text[1:].strip(), n_columns)
        elif not text.startswith("#"):
            for number, token, _ in lines.fields(text, n_columns):
                kind = kinds[number - 1] if kinds else DATA if number > 1 else KEY
                if kind == DATA:
                    values.append(lines.value(token, number, may_miss=True))
                elif kind == KEY:
                    keys.append(lines.whole(token, 0, number))
                elif kind == CLASS:
                    labels.add(token)
            n += 1
    _check_count(lines, n, n_rows)
    if not values:
        raise lines.error("no column contains data. Mark at least one column with 1.")
    used = [i for i in range(n_columns) if (kinds[i] == DATA if kinds else i > 0)]
    columns: dict[str, Any] = {"key": np.frombuffer(keys, np.int64)} if keys else {}
    for i, column in enumerate(np.frombuffer(values).reshape(n, -1).T):
        columns[free_name(names[used[i]] if names else f"x{i}", columns, "_")] = column
    if labels:
        columns[free_name("label", columns, "_")] = labels
    return table_from_columns(columns, lines.source)


def _kinds(lines: Lines, kinds: list[str], n_columns: int) -> list[str]:
    is_known = set(kinds) <= {IGNORED, DATA, CLASS, KEY} and DATA in kinds
    if len(kinds) != n_columns or not is_known or max(map(kinds.count, (KEY, CLASS))) > 1:
        raise lines.error(
            f"this line must give the kinds of {n_columns} columns: 1 for data (at least once), 9 "
            "for the key and 3 for the class (at most once), and 0 for ignored columns."
        )
    return kinds


def _column_names(lines: Lines, text: str, n_columns: int) -> list[str]:
    is_tabbed = text.count("\t") + 1 == n_columns  # names between tabs may contain spaces
    words = lines.words(text)
    names = [name.strip() for name in text.split("\t")] if is_tabbed else words
    return lines.names(names, n_columns)
