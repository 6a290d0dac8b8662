"""Read and write files of SOM_PAK and of the Databionic ESOM Tools."""

import warnings
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError, ParameterError, SomscapeWarning
from somscape.grid.graph import lattice_of
from somscape.kernels.metric import Metric
from somscape.maps.record import Record
from somscape.save.lines import (
    FIELD_BYTES,
    LINE_BYTES,
    MAX_DIGITS,
    TEXT_BYTES,
    CodebookOrigin,
    GrowingCounts,
    GrowingTexts,
    Line,
    Rows,
    Samples,
    TextLines,
    codebook_of,
    feature_names,
    numbered_names,
    numbers_text,
    one_word,
    plain_record,
    record_of,
    samples_of,
    write_lines,
)

LATTICES = {"hexa": "hexagonal", "rect": "rectangular"}
NEIGHBORHOODS = ("bubble", "gaussian")

CUT = "If the file is incomplete, write or copy it again."


def read_cod(path: str | Path) -> Record:
    """Read a codebook of SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        Codebook file, usually with the extension ``.cod``.

    Returns
    -------
    Record
        A record that `Map.from_record` converts to a map on a plane.  All hits are 0, because the
        file does not contain hits.

    Raises
    ------
    InputError
        If the file is not a codebook in the .cod format.  The message names line and field.

    See Also
    --------
    write_cod, read_dat

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cod(f"{folder}/map.cod", som)
    ...     found = save.read_cod(f"{folder}/map.cod")
    >>> found.arrays["codebook"].shape
    (2, 2)
    """
    file = TextLines(path)
    lines = _data_lines(file)
    first, words = next(((line, fields) for line, fields in lines if fields), (None, []))
    if first is None:
        raise InputError(
            f"{Path(path).name} is empty. A codebook starts with a line such as "
            "'4 hexa 12 8 gaussian'.",
            file=file.budget.source,
        )
    if len(words) != 5 or words[1].lower() not in LATTICES or words[4] not in NEIGHBORHOODS:
        raise first.error(
            "this line is not the header of a codebook. Give the dimension, hexa or rect, columns, "
            "rows, and bubble or gaussian, such as '4 hexa 12 8 gaussian'."
        )
    n_features, n_cols, n_rows = (
        first.whole(words[i], 1, i + 1, what)
        for i, what in ((0, "the dimension"), (2, "the columns"), (3, "the rows"))
    )
    budget = first.budget
    rows, labels, names = Rows(n_features, budget), GrowingTexts(budget), None
    for line, fields in lines:
        if line.text.startswith("#n"):
            names = _names(line, line.fields()[1:], n_features, "components")
        elif len(rows) == n_rows * n_cols:
            raise line.error(
                f"line {first.number} announces {n_rows * n_cols} prototypes, but more follow."
            )
        elif fields:
            rows.add(line.numbers(_enough(line, fields, n_features), may_miss=False))
            labels.add(len(rows) - 1, " ".join(fields[n_features:]))
            file.fill(rows, n_rows * n_cols)
    if len(rows) < n_rows * n_cols:
        raise first.error(
            f"the file must contain {n_cols} x {n_rows} prototypes, but contains {len(rows)}. {CUT}"
        )
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": LATTICES[words[1].lower()]}
    origin = CodebookOrigin(budget, "SOM_PAK", {"neighborhood": words[4]})
    lattice["boundary"] = "plane"
    return plain_record(
        rows.to_numpy(), lattice, origin, names=names, unit_labels=labels.texts(len(rows))
    )


def write_cod(path: str | Path, som: Any) -> None:
    """Write a map's codebook for SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    som : Map, fitted estimator or Record
        The map to write.  If the map was trained on a table, the file contains encoded prototypes.
        Spaces in feature names become underscores.

    Raises
    ------
    InputError
        If the lattice of the map is a graph.

    Warns
    -----
    SomscapeWarning
        If the map is a cylinder or torus, because the file cannot store the boundary.

    See Also
    --------
    read_cod, write_dat

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cod(f"{folder}/map.cod", som)
    ...     print(save.read_cod(f"{folder}/map.cod").arrays["codebook"].shape)
    (2, 2)
    """
    record = record_of(som)
    lattice = _lattice_in(record, "SOM_PAK supports")
    if lattice["boundary"] != "plane":
        warnings.warn(
            f"A file of SOM_PAK cannot store that this map is a {lattice['boundary']}. The map "
            "will be read as a plane.",
            SomscapeWarning,
            stacklevel=2,
        )
    topology = next(word for word, kind in LATTICES.items() if kind == lattice["kind"])
    stated = record.header["parameters"].get("neighborhood")
    neighborhood = stated if stated in NEIGHBORHOODS else "gaussian"
    codebook, labels = codebook_of(record), record.header.get("unit_labels", [])
    size = f"{lattice['n_cols']} {lattice['n_rows']}"

    def lines() -> Iterator[str]:
        yield f"{codebook.shape[1]} {topology} {size} {neighborhood}"
        yield "#n " + " ".join(map(one_word, feature_names(record)))
        for unit, prototype in enumerate(codebook):
            label = labels[unit].split() if labels else []
            yield " ".join([numbers_text(prototype, " "), *label])

    write_lines(path, lines())


def read_dat(path: str | Path) -> Samples:
    """Read rows of numbers of SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        Data file, usually with the extension ``.dat`` or ``.data``.  In the file, ``x`` and ``NaN``
        mean a missing value.  If the first line is not the number of values per row, it is read as
        a row.

    Returns
    -------
    Samples
        Rows with labels and weights.  Several labels of a row are joined by spaces.  A field
        ``weight=...`` is the weight of its row.  A field ``fixed=...`` is read as a label.

    Raises
    ------
    InputError
        If the file is not in the .dat format.  The message names line and field.

    See Also
    --------
    write_dat, read_cod

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_dat(f"{folder}/rows.dat", [[1.0, 2.0], [3.0, float("nan")]])
    ...     rows = save.read_dat(f"{folder}/rows.dat")
    >>> rows.values.tolist()
    [[1.0, 2.0], [3.0, nan]]
    """
    file = TextLines(path)
    budget, labels = file.budget, GrowingTexts(file.budget)
    rows: Rows | None = None
    weights = Rows(1, budget)
    pending, names = None, None
    for line, fields in _data_lines(file):
        if line.text.startswith("#n"):
            pending = line
            continue
        if rows is None:
            rows = Rows(_dimension(line, fields), budget)
            if len(fields) == 1 or fields[1].lower() in LATTICES:
                continue
        values = line.numbers(_enough(line, fields, rows.n_columns), may_miss=True)
        rows.add(values, [line.number])
        label, weight = _label_and_weight(line, fields, rows.n_columns)
        labels.add(len(rows) - 1, label)
        if weight != 1:
            weights.add(array("d", [1.0]) * (len(rows) - 1 - len(weights)))
            weights.add(array("d", [weight]))
        file.fill(rows, may_miss=True)
    if rows is None or not len(rows):
        raise InputError(
            f"{budget.source} is empty. Give a file with at least one row of numbers.",
            file=budget.source,
        )
    if pending is not None:
        names = _names(pending, pending.fields()[1:], rows.n_columns, "components")
    if len(weights):
        weights.add(array("d", [1.0]) * (len(rows) - len(weights)))
    return Samples(
        rows.to_numpy(),
        names or numbered_names(rows.n_columns, budget),
        tuple(labels.texts(len(rows))) or None,
        None,
        weights.to_numpy().ravel() if len(weights) else None,
        budget.source,
        rows.lines.first(len(rows)),
    )


def write_dat(path: str | Path, X: Any, *, missing: str = "x") -> None:
    """Write rows of numbers for SOM_PAK or the SOM Toolbox.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    X : Samples, Table, Source or array-like of shape (n, d)
        Rows of numbers, with NaN for a missing value.
    missing : {"x", "NaN"}, default="x"
        Text for a missing value.  SOM_PAK expects x, and the SOM Toolbox expects NaN.

    Raises
    ------
    InputError
        If a value is neither a finite number nor NaN.

    See Also
    --------
    read_dat, write_cod

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_dat(f"{folder}/rows.dat", [[1.0, 2.0], [3.0, float("nan")]])
    ...     print(Path(folder, "rows.dat").read_text())
    2
    #n x0 x1
    1.0 2.0
    3.0 x
    """
    if missing not in ("x", "NaN"):
        raise ParameterError(
            f"`missing` must be 'x' or 'NaN', but is {missing!r}.",
            value=missing,
            allowed=("x", "NaN"),
        )
    samples = samples_of(X)
    labels, weights = samples.labels, samples.weights

    def lines() -> Iterator[str]:
        yield str(samples.values.shape[1])
        yield "#n " + " ".join(map(one_word, samples.names))
        for i, row in enumerate(samples.values):
            words = [numbers_text(row, " ", missing)]
            if labels is not None:
                words += labels[i].split()
            if weights is not None and weights[i] != 1:
                words.append(f"weight={float(weights[i])!r}")
            yield " ".join(words)

    write_lines(path, lines())


def _lattice_in(record: Record, program: str) -> dict[str, Any]:
    """Return the lattice of a record, which must not be a graph."""
    lattice: dict[str, Any] = record.header["lattice"]
    if lattice["kind"] == "graph":
        raise InputError(
            f"{program} only maps of rows and columns, but this map is on a graph.", value="graph"
        )
    return lattice


def _data_lines(lines: TextLines) -> Iterator[tuple[Line, list[str]]]:
    """Yield each data line with its fields, and the comment that contains the column names."""
    for line in lines:
        if line.text.startswith("#"):
            if line.text[:3] in ("#n ", "#n\t"):
                yield line, []
        else:
            yield line, line.fields()


def _names(line: Line, names: Sequence[str], n: int, what: str) -> tuple[str, ...]:
    """Return the names of components or columns, or raise InputError for wrong names."""
    if len(names) != n:
        raise line.error(f"{n} {what} need {n} names, but the line has {len(names)}.")
    line.budget.take(TEXT_BYTES * n, f"the names of its {what}")
    if len(set(names)) < n:
        raise line.error(f"two {what} have the same name. Give different names.")
    return tuple(names)


def _enough(line: Line, fields: list[str], n_features: int) -> list[str]:
    if len(fields) < n_features:
        raise line.error(
            f"the dimension is {n_features}, but the line has {len(fields)} fields. {CUT}"
        )
    return fields[:n_features]


def _dimension(line: Line, fields: list[str]) -> int:
    """Return the number of values per row, from the first line, which can also be a row."""
    if len(fields) == 1 or fields[1].lower() in LATTICES:
        return line.whole(fields[0], 1, 1, "the dimension")
    n_numbers = next((i for i, f in enumerate(fields) if not _is_value(f)), len(fields))
    if n_numbers == 0:
        raise line.error(
            f"{fields[0]!r} is neither the dimension nor a number. Start with the dimension, such "
            "as 4.",
            1,
            fields[0],
        )
    return n_numbers


def _is_value(text: str) -> bool:
    try:
        return text.lower() in ("x", "nan") or isfinite(float(text))
    except ValueError:
        return False


def _label_and_weight(line: Line, fields: list[str], n_features: int) -> tuple[str, float]:
    weight, words = 1.0, []
    for number, word in enumerate(fields[n_features:], n_features + 1):
        if word.startswith("weight="):
            text = word.removeprefix("weight=")
            (weight,) = line.numbers([text], may_miss=False, places=[number - 1])
            if weight < 0:
                raise line.error(f"a weight must be at least 0, but is {weight}.", number, weight)
        else:
            words.append(word)
    return " ".join(words), weight


def header_and_lines(path: str | Path, most: int | None) -> tuple[list[Line], TextLines]:
    """Return two values: the header lines of a file without the leading %, and all other lines."""
    lines, head = TextLines(path), list[Line]()
    for line in lines:
        if line.text.startswith("#"):
            continue
        if not line.text.startswith("%"):
            lines.back()
            break
        lines.budget.take(LINE_BYTES + len(line.text), "its header")
        head.append(replace(line, text=line.text[1:].strip()))
        if most is not None and len(head) > most:
            raise line.error(f"the header has more than {most} lines with %. Remove this line.")
    if not head:
        raise InputError(
            f"{lines.budget.source} does not have a header. Start the file with lines that begin "
            "with %.",
            file=lines.budget.source,
        )
    return head, lines


def body(lines: TextLines) -> Iterator[Line]:
    """Yield the lines of a file that follow the header, without comments."""
    for line in lines:
        if line.text.startswith("%"):
            raise line.error("a line with % comes after the data. Move this line to the header.")
        if not line.text.startswith("#"):
            yield line


def size_of(line: Line) -> tuple[int, int]:
    words = line.fields()
    if len(words) not in (2, 3):  # some programs add a field for the torus
        raise line.error("the size of the map must be rows and columns, such as '% 50 82'.")
    n_rows, n_cols = line.whole(words[0], 1, 1, "rows"), line.whole(words[1], 1, 2, "columns")
    if n_rows * n_cols >= 10**MAX_DIGITS:
        raise line.error(
            f"a map of {n_rows} x {n_cols} units is too large for a file. Correct the size."
        )
    return n_rows, n_cols


def count_of(head: list[Line], i: int, what: str, low: int = 1) -> int:
    if len(head) <= i:
        raise head[-1].error(f"the next line must be the number of {what}, such as '% 150'.")
    words = head[i].fields()
    if len(words) != 1:
        raise head[i].error(f"the number of {what} must be one number, such as '% 150'.")
    return head[i].whole(words[0], low, 1, f"the number of {what}")


def fields_of(line: Line, n: int) -> list[str]:
    fields = line.fields(n)
    if len(fields) != n:
        more = "larger" if len(fields) > n else len(fields)
        raise line.error(f"the number of fields must be {n}, but is {more}.")
    return fields


def _rows_below(first: Line, lines: TextLines, n_columns: int, most: int, announced: str) -> Rows:
    """Return the rows of numbers below the header, which are at most `most` rows."""
    rows = Rows(n_columns, lines.budget)
    for line in body(lines):
        if len(rows) == most:
            raise line.error(f"line {first.number} announces {announced}, but more follow.")
        rows.add(line.numbers(fields_of(line, n_columns), may_miss=False))
        lines.fill(rows, most)
    return rows


def check_number(line: Line, wanted: int, found: int, what: str) -> None:
    if found != wanted:
        raise line.error(
            f"the header announces {wanted} {what}, but the file contains {found}.", value=found
        )


@dataclass(frozen=True, eq=False)
class BestMatches:
    """The best matching unit of each row.

    Attributes
    ----------
    units : ndarray of shape (n,)
        Number of the best matching unit of each row, which is ``row * n_cols + col``.
    n_rows, n_cols : int
        Size of the map.
    keys : ndarray of shape (n,) or None
        Key of each row.  None if the rows do not have keys.
    distances : ndarray of shape (n,) or None
        Distance of each row to the prototype of its unit in encoded features.  None if unknown.

    See Also
    --------
    best_matches, read_bm

    Examples
    --------
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> found = save.best_matches(SOM(1, 2, random_state=0).fit(X), X)
    >>> found.units.shape, found.n_rows, found.n_cols
    ((3,), 1, 2)
    """

    units: Ints
    n_rows: int
    n_cols: int
    keys: Ints | None = None
    distances: Float64s | None = None


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of each row.

    Attributes
    ----------
    numbers : ndarray of shape (n,)
        Class of each row, from 0.
    keys : ndarray of shape (n,)
        Key of each row.
    names : dict of int to str
        Name of each class by class number.  Classes without a name are left out.

    See Also
    --------
    classes_of, read_cls

    Examples
    --------
    >>> from somscape import save
    >>> save.classes_of(["good", "bad", "good"]).names
    {1: 'bad', 2: 'good'}
    """

    numbers: Ints
    keys: Ints
    names: dict[int, str] = field(default_factory=dict)


def best_matches(som: Any, X: Any, *, keys: Sequence[int] | None = None) -> BestMatches:
    """Find the best matching unit of each row, for `write_bm` and `write_winners`.

    Parameters
    ----------
    som : Map or fitted estimator
    X : Table, data frame or array-like of shape (n_samples, n_features)
        Rows, as for `Map.rows_of`.
    keys : sequence of int, optional
        Key of each row, for example from a ``.lrn`` file.  By default, the rows are numbered from 1
        in files that need keys.

    Returns
    -------
    BestMatches
        The best matching unit of each row, and the distance to it.

    Raises
    ------
    InputError
        If the rows do not fit the map, if `keys` has another length, or if the lattice is a graph.

    See Also
    --------
    write_bm, write_winners

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, save
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> bool((save.best_matches(som, X).units == som.labels_).all())
    True
    """
    som = getattr(som, "map_", som)
    units, distances = som.nearest(X)
    size = som.lattice.n_rows, som.lattice.n_cols
    return BestMatches(units[:, 0], *size, _checked_keys(keys, len(units)), distances[:, 0])


def _checked_keys(keys: Sequence[int] | None, n_rows: int) -> Ints | None:
    """Return the keys as an array, or raise InputError if the number of keys is not `n_rows`."""
    if keys is not None and len(keys) != n_rows:
        raise InputError(
            f"There are {len(keys)} keys for {n_rows} rows. Give one key for each row.",
            parameter="keys",
            value=len(keys),
        )
    return None if keys is None else np.asarray(keys, np.intp)


def classes_of(labels: Sequence[Any], *, keys: Sequence[int] | None = None) -> Classes:
    """Number the classes of rows, for `write_cls`.

    Parameters
    ----------
    labels : sequence
        Class of each row.  A class can be text or a number.
    keys : sequence of int, optional
        Key of each row.  By default, rows are numbered from 1.

    Returns
    -------
    Classes
        Class numbers and keys of the rows.  Numbers follow the order of the class names.

    Raises
    ------
    InputError
        If the number of keys is not the number of rows.

    See Also
    --------
    write_cls

    Examples
    --------
    >>> from somscape import save
    >>> found = save.classes_of(["good", "bad", "good"])
    >>> found.numbers.tolist(), found.names
    ([2, 1, 2], {1: 'bad', 2: 'good'})
    """
    texts = [str(label) for label in labels]
    given = _checked_keys(keys, len(texts))
    names = dict(enumerate(sorted(set(texts)), 1))
    number_of = {text: number for number, text in names.items()}
    numbers = np.array([number_of[text] for text in texts], np.intp)
    return Classes(numbers, np.arange(1, len(texts) + 1) if given is None else given, names)


IGNORED, DATA, CLASS, KEY = "0", "1", "3", "9"
"""Numbers by which a .lrn file gives the kind of each column."""


def read_lrn(path: str | Path) -> Samples:
    """Read rows of numbers from a ``.lrn`` file of ESOM Tools.

    Parameters
    ----------
    path : str or Path
        A ``.lrn`` file.  ``NaN`` and ``x`` mean a missing value.

    Returns
    -------
    Samples
        Rows of numbers with their keys.  If the file contains a column of classes, the classes are
        the labels of the rows.  Columns that the header of the file marks as ignored are not read.

    Raises
    ------
    InputError
        If the file is not in the format of ESOM Tools.  The message names line and field.

    See Also
    --------
    write_lrn, read_cls, read_wts

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_lrn(f"{folder}/rows.lrn", [[1.0, 2.0], [3.0, 4.0]])
    ...     rows = save.read_lrn(f"{folder}/rows.lrn")
    >>> rows.keys.tolist(), rows.values.tolist()
    ([1, 2], [[1.0, 2.0], [3.0, 4.0]])
    """
    head, lines = header_and_lines(path, 4)
    n_rows, n_columns = (count_of(head, i, what) for i, what in ((0, "rows"), (1, "columns")))
    data: Sequence[int] = range(
        1, n_columns
    )  # a range, because the stated number of columns may be wrong
    key: int | None = 0
    label: int | None = None
    if len(head) > 2:
        kinds = _kinds(head[2], n_columns)
        data = [i for i, kind in enumerate(kinds) if kind == DATA]
        key, label = (kinds.index(k) if k in kinds else None for k in (KEY, CLASS))
    if not data:
        raise head[-1].error("no column is marked as data. Write 1 for at least one column.")
    names = _column_names(head[3], n_columns) if len(head) > 3 else None
    budget = lines.budget
    rows, keys, labels = Rows(len(data), budget), GrowingCounts(budget), GrowingTexts(budget)
    for line in body(lines):
        if len(rows) == n_rows:
            raise line.error(f"line {head[0].number} announces {n_rows} rows, but more follow.")
        fields = fields_of(line, n_columns)
        if key is not None:
            keys.add(line.whole(fields[key], 0, key + 1, "a key"))
        values = line.numbers([fields[i] for i in data], may_miss=True, places=data)
        rows.add(values, [line.number])
        if label is not None:
            labels.add(len(rows) - 1, fields[label])
    check_number(head[0], n_rows, len(rows), "rows")
    return Samples(
        rows.to_numpy(),
        tuple(names[i] for i in data) if names else numbered_names(len(data), budget),
        tuple(labels.texts(len(rows))) or None,
        keys.to_numpy() if len(keys) else None,
        source=budget.source,
        lines=rows.lines.first(len(rows)),
    )


def write_lrn(path: str | Path, X: Any) -> None:
    """Write rows of numbers to a ``.lrn`` file for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    X : Samples, Table, Source or array-like of shape (n, d)
        Rows of numbers, with NaN for a missing value.  Rows without keys are numbered from 1.
        Labels and weights are not written.  To write labels, use `write_cls`.

    Raises
    ------
    InputError
        If a value is neither a finite number nor NaN.

    See Also
    --------
    read_lrn, write_cls

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_lrn(f"{folder}/rows.lrn", [[1.0, 2.0], [3.0, 4.0]])
    ...     print(save.read_lrn(f"{folder}/rows.lrn").names)
    ('x0', 'x1')
    """
    samples = samples_of(X)
    n, d = samples.values.shape
    keys = np.arange(1, n + 1) if samples.keys is None else samples.keys

    def lines() -> Iterator[str]:
        yield from (f"% {n}", f"% {d + 1}", "% " + "\t".join([KEY, *[DATA] * d]))
        yield "% " + "\t".join(["Key", *map(one_word, samples.names)])
        for key, row in zip(keys.tolist(), samples.values, strict=True):
            yield "\t".join([str(key), numbers_text(row, "\t")])

    write_lines(path, lines())


def read_bm(path: str | Path) -> BestMatches:
    """Read best matching units from a file of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.bm`` file, which contains the key of each data row and the row and column of its unit.

    Returns
    -------
    BestMatches

    Raises
    ------
    InputError
        If the file is not in the .bm format, or if a unit is outside the map.  The message names
        line and field.

    See Also
    --------
    write_bm, best_matches

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> matches = save.best_matches(som, [[0.0, 1.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_bm(f"{folder}/map.bm", matches)
    ...     found = save.read_bm(f"{folder}/map.bm")
    >>> bool((found.units == matches.units).all()), found.keys.tolist()
    (True, [1, 2])
    """
    head, lines = header_and_lines(path, 2)
    n_rows, n_cols = size_of(head[0])
    n = count_of(head, 1, "rows", low=0)
    keys, units = GrowingCounts(lines.budget), GrowingCounts(lines.budget)
    for line in body(lines):
        fields = fields_of(line, 3)
        key = line.whole(fields[0], 0, 1, "a key")
        row, col = line.whole(fields[1], 0, 2, "a row"), line.whole(fields[2], 0, 3, "a column")
        if row >= n_rows or col >= n_cols:
            raise line.error(f"unit ({row}, {col}) is not on a map of {n_rows} x {n_cols} units.")
        keys.add(key)
        units.add(row * n_cols + col)
    check_number(head[1], n, len(keys), "rows")
    return BestMatches(units.to_numpy(), n_rows, n_cols, keys.to_numpy())


def write_bm(path: str | Path, matches: BestMatches) -> None:
    """Write best matching units to a file for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    matches : BestMatches
        Result of `best_matches`.  Rows without keys are numbered from 1.

    Raises
    ------
    InputError
        If a row is without a best matching unit because all its values are missing.

    See Also
    --------
    read_bm, best_matches

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_bm(f"{folder}/map.bm", save.best_matches(som, [[0.0, 1.0], [5.0, 4.0]]))
    ...     print(save.read_bm(f"{folder}/map.bm").keys)
    [1 2]
    """
    if (matches.units < 0).any():
        raise InputError(
            "A row without any value has no best matching unit. Leave out such rows.",
            parameter="matches",
        )
    n = len(matches.units)
    keys = np.arange(1, n + 1) if matches.keys is None else matches.keys
    rows, cols = np.divmod(matches.units, matches.n_cols)
    places = zip(keys.tolist(), rows.tolist(), cols.tolist(), strict=True)
    header = [f"% {matches.n_rows} {matches.n_cols}", f"% {n}"]
    write_lines(path, [*header, *(f"{key}\t{row}\t{col}" for key, row, col in places)])


def read_cls(path: str | Path) -> Classes:
    """Read the classes of rows from a ``.cls`` file of ESOM Tools.

    Parameters
    ----------
    path : str or Path
        A ``.cls`` file, which contains the key and the class number of each row.

    Returns
    -------
    Classes
        Class numbers and keys of the rows, with class names if the header contains them.

    Raises
    ------
    InputError
        If the file is not in the format of ESOM Tools.  The message names line and field.

    See Also
    --------
    write_cls, classes_of

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cls(f"{folder}/rows.cls", save.classes_of(["good", "bad", "good"]))
    ...     classes = save.read_cls(f"{folder}/rows.cls")
    >>> classes.numbers.tolist()
    [2, 1, 2]
    """
    head, lines = header_and_lines(path, None)
    n = count_of(head, 0, "rows", low=0)
    names: dict[int, str] = {}
    lines.budget.take((TEXT_BYTES + 40) * (len(head) - 1), "the names of its classes")
    for line in head[1:]:
        words = line.fields()
        if len(words) < 2:
            raise line.error("a class must have a number and a name, such as '% 1 good'.")
        names[line.whole(words[0], 0, 1, "a class")] = words[1]
    keys, classes = GrowingCounts(lines.budget), GrowingCounts(lines.budget)
    for line in body(lines):
        key, number = fields_of(line, 2)
        keys.add(line.whole(key, 0, 1, "a key"))
        classes.add(line.whole(number, 0, 2, "a class"))
    check_number(head[0], n, len(keys), "rows")
    return Classes(classes.to_numpy(), keys.to_numpy(), names)


def write_cls(path: str | Path, classes: Classes) -> None:
    """Write classes of rows for ESOM Tools.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    classes : Classes
        Result of `classes_of` or `read_cls`.

    See Also
    --------
    read_cls, classes_of

    Examples
    --------
    >>> import tempfile
    >>> from somscape import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_cls(f"{folder}/rows.cls", save.classes_of(["good", "bad", "good"]))
    ...     print(save.read_cls(f"{folder}/rows.cls").names)
    {1: 'bad', 2: 'good'}
    """
    pairs = zip(classes.keys.tolist(), classes.numbers.tolist(), strict=True)
    header = [f"% {len(classes.keys)}"]
    header += [f"% {number}\t{one_word(name)}" for number, name in sorted(classes.names.items())]
    write_lines(path, [*header, *(f"{key}\t{number}" for key, number in pairs)])


def _kinds(line: Line, n_columns: int) -> list[str]:
    kinds = line.fields()
    known = (IGNORED, DATA, CLASS, KEY)
    for number, kind in enumerate(kinds, 1):
        if kind not in known:
            raise line.error(
                f"{kind[:20]!r} is not a kind of column. Give one of {', '.join(known)}.",
                number,
                kind,
            )
    if len(kinds) != n_columns:
        raise line.error(
            f"{n_columns} columns need {n_columns} kinds, but the line has {len(kinds)}."
        )
    if kinds.count(KEY) > 1 or kinds.count(CLASS) > 1:
        raise line.error("only one column can be the key (9), and only one can be the class (3).")
    return kinds


def _column_names(line: Line, n_columns: int) -> tuple[str, ...]:
    if line.text.count("\t") + 1 != n_columns:
        return _names(line, line.fields(), n_columns, "columns")
    # Names between tabs may contain spaces.
    line.budget.check(FIELD_BYTES * n_columns, "the names of its columns")
    return _names(line, [name.strip() for name in line.text.split("\t")], n_columns, "columns")


def read_wts(
    path: str | Path,
    *,
    boundary: str = "torus",
    kind: str = "rectangular",
    winners: str | Path | None = None,
) -> Record:
    """Read the weights of a map from a file of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.wts`` file.
    boundary : {"torus", "plane", "cylinder"}, default="torus"
        Boundary of the map, which the file does not contain.  ESOM Tools trains on a torus by
        default, and Somoclu on a plane.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        Kind of lattice, which the file does not contain.  Only Somoclu supports hexagonal maps.
    winners : str or Path, optional
        A ``.bm`` file of the same map, from which the hits of each unit are counted.

    Returns
    -------
    Record
        A record that `Map.from_record` converts to a map.  Without `winners`, all hits are 0.

    Raises
    ------
    InputError
        If the file is not in the format of ESOM Tools.  The message names line and field.

    See Also
    --------
    write_wts, read_somoclu, read_bm

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, lattice="rectangular", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_wts(f"{folder}/map.wts", som)
    ...     found = save.read_wts(f"{folder}/map.wts")
    >>> found.arrays["codebook"].shape
    (2, 2)
    """
    head, lines = header_and_lines(path, 3)
    n_rows, n_cols = size_of(head[0])
    n_features = count_of(head, 1, "weights")
    announced = f"{n_rows} x {n_cols} units"
    rows = _rows_below(head[0], lines, n_features, n_rows * n_cols, announced)
    check_number(head[0], n_rows * n_cols, len(rows), "units")
    hits = None if winners is None else _hits(winners, n_rows, n_cols)
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": kind, "boundary": boundary}
    origin = CodebookOrigin(lines.budget, "ESOM Tools or Somoclu", {})
    return plain_record(rows.to_numpy(), lattice, origin, hits=hits)


def read_somoclu(
    prefix: str | Path, *, boundary: str = "plane", kind: str = "rectangular"
) -> Record:
    """Read a map of Somoclu from PREFIX.wts and an optional PREFIX.bm.

    Parameters
    ----------
    prefix : str or Path
        The output prefix (path without extension) that was passed to Somoclu.
    boundary : {"plane", "torus", "cylinder"}, default="plane"
        Boundary of the map (option ``-m`` of Somoclu), which the files do not contain.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        Kind of lattice (option ``-g`` of Somoclu), which the files do not contain.

    Returns
    -------
    Record
        A record that `Map.from_record` converts to a map, as from `read_wts`.

    Raises
    ------
    InputError
        If PREFIX.wts or PREFIX.bm is not in the format of Somoclu.

    See Also
    --------
    read_wts : Read only the weights.

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, lattice="rectangular", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_wts(f"{folder}/run.wts", som)
    ...     record = save.read_somoclu(f"{folder}/run")
    >>> record.arrays["codebook"].shape
    (2, 2)
    """
    weights, winners = Path(f"{prefix}.wts"), Path(f"{prefix}.bm")
    found = winners if winners.is_file() else None
    return read_wts(weights, boundary=boundary, kind=kind, winners=found)


def write_wts(path: str | Path, som: Any) -> None:
    """Write the codebook of a map to a ``.wts`` file for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    som : Map, fitted estimator or Record
        The map to write.  If the map was trained on a table, the file contains encoded prototypes.

    Raises
    ------
    InputError
        If the lattice of the map is a graph.

    Warns
    -----
    SomscapeWarning
        If the map is hexagonal, because the file cannot store the kind of lattice.

    See Also
    --------
    read_wts, write_umx, write_bm

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> som = SOM(1, 2, lattice="rectangular", random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_wts(f"{folder}/map.wts", som)
    ...     found = save.read_wts(f"{folder}/map.wts")
    >>> found.header["lattice"]
    {'n_rows': 1, 'n_cols': 2, 'kind': 'rectangular', 'boundary': 'torus'}
    """
    record = record_of(som)
    lattice = _lattice_in(record, "ESOM Tools support")
    codebook = codebook_of(record)
    if lattice["kind"] == "hexagonal":
        warnings.warn(
            "A .wts file cannot store that this map is hexagonal. ESOM Tools will read the map as "
            "rectangular.",
            SomscapeWarning,
            stacklevel=2,
        )
    header = [f"% {lattice['n_rows']} {lattice['n_cols']}", f"% {codebook.shape[1]}"]
    write_lines(path, [*header, *(numbers_text(prototype, "\t") for prototype in codebook)])


def read_umx(path: str | Path) -> Float64s:
    """Read a U-matrix from a ``.umx`` file of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.umx`` file.

    Returns
    -------
    ndarray of shape (n_rows, n_cols)

    Raises
    ------
    InputError
        If the file is not in the format of ESOM Tools.  The message names line and field.

    See Also
    --------
    write_umx, somscape.Map.u_heights

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_umx(f"{folder}/map.umx", som)
    ...     heights = save.read_umx(f"{folder}/map.umx")
    >>> heights.shape
    (1, 2)
    """
    head, lines = header_and_lines(path, 1)
    n_rows, n_cols = size_of(head[0])
    rows = _rows_below(head[0], lines, n_cols, n_rows, f"{n_rows} rows")
    check_number(head[0], n_rows, len(rows), "rows")
    return rows.to_numpy()


def write_umx(path: str | Path, som: Any) -> None:
    """Write the U-matrix of a map to a ``.umx`` file for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        File to write.  An existing file is replaced only if writing succeeds.
    som : Map, fitted estimator, Record or array-like of shape (n_rows, n_cols)
        A map, or the heights of its units.  If a map is given, the height of a unit is the mean
        distance of its prototype to the prototypes of the neighboring units, as in `Map.u_heights`.

    Raises
    ------
    InputError
        If the lattice of the map is a graph, or if a height is not finite.

    See Also
    --------
    read_umx, somscape.Map.u_heights

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_umx(f"{folder}/map.umx", [[1.0, 2.0], [3.0, 4.0]])
    ...     print(save.read_umx(f"{folder}/map.umx"))
    [[1. 2.]
     [3. 4.]]
    """
    is_map = hasattr(som, "to_record") or hasattr(som, "map_") or isinstance(som, Record)
    heights = _heights(record_of(som)) if is_map else np.asarray(som, np.float64)
    if heights.ndim != 2 or not np.isfinite(heights).all():
        raise InputError(
            "Heights must be finite numbers in an array of shape (n_rows, n_cols). Got an array of "
            f"shape {heights.shape}.",
            parameter="som",
            value=heights.shape,
        )
    size = f"% {heights.shape[0]} {heights.shape[1]}"
    write_lines(path, [size, *(numbers_text(row, "\t") for row in heights)])


def _hits(path: str | Path, n_rows: int, n_cols: int) -> Float64s:
    matches = read_bm(path)
    if (matches.n_rows, matches.n_cols) != (n_rows, n_cols):
        raise InputError(
            f"{Path(path).name} belongs to a map of {matches.n_rows} x {matches.n_cols} units, but "
            f"the weights belong to a map of {n_rows} x {n_cols} units. Give files of one map.",
            parameter="winners",
            file=path,
        )
    return np.bincount(matches.units, minlength=n_rows * n_cols).astype(np.float64)


def _heights(record: Record) -> Float64s:
    lattice = _lattice_in(record, "ESOM Tools support")
    codebook = codebook_of(record)
    neighbors = lattice_of(lattice, record.arrays, len(codebook)).neighbors
    metric = Metric.from_arrays(record.header["metric"], record.arrays, codebook.shape[1])
    heights = metric.mean_to_neighbors(codebook, neighbors)
    return heights.reshape(lattice["n_rows"], lattice["n_cols"])
