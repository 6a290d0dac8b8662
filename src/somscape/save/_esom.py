"""Files of ESOM Tools, of which Somoclu writes the same ones: .lrn .wts .bm .umx .cls.

Lines that start with # are comments, lines that start with % the header.  Units go row by row, rows
and columns count from 0.  ESOM Tools' maps are rectangular and, by default, toroids; neither
program writes which.

A. Ultsch and F. Moerchen (2005), ESOM-Maps: tools for clustering, visualization, and classification
with Emergent SOM, report 46, University of Marburg; ESOM Tools' user manual, "File formats".
P. Wittek, S. C. Gao, I. S. Lim and L. Zhao (2017), Somoclu, Journal of Statistical Software 78(9).
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from somscape._errors import InputError, SomscapeWarning
from somscape._types import Float64s
from somscape.grid import lattice_of
from somscape.kernels import Metric
from somscape.save._best_matches import BestMatches, Classes
from somscape.save._lines import (
    FIELD_BYTES,
    LINE_BYTES,
    MAX_DIGITS,
    TEXT_BYTES,
    Counts,
    Labels,
    Line,
    Lines,
    Rows,
    numbered_names,
    numbers_text,
    one_word,
    write_lines,
)
from somscape.save._plain import Origin, codebook_of, plain_record
from somscape.save._record import Record, record_of
from somscape.save._samples import Samples, samples_of

IGNORED, DATA, CLASS, KEY = "0", "1", "3", "9"
"""What a column of a .lrn file is."""


def read_lrn(path: str | Path) -> Samples:
    """Read rows of numbers of ESOM Tools.

    Parameters
    ----------
    path : str or Path
        A ``.lrn`` file; ``NaN`` and ``x`` stand for a missing value.

    Returns
    -------
    Samples
        With the key of each row; labels from a column of classes; ignored columns are left out.

    Raises
    ------
    InputError
        For anything else; the message names line and field.
    """
    head, lines = _parts(path, 4)
    n_rows, n_columns = (_count(head, i, what) for i, what in ((0, "rows"), (1, "columns")))
    data: Sequence[int] = range(1, n_columns)  # of any length: nothing has been read yet
    key: int | None = 0
    label: int | None = None
    if len(head) > 2:
        kinds = _kinds(head[2], n_columns)
        data = [i for i, kind in enumerate(kinds) if kind == DATA]
        key, label = (kinds.index(k) if k in kinds else None for k in (KEY, CLASS))
    if not data:
        raise head[-1].error("no column of data (1) among the columns.")
    names = _column_names(head[3], n_columns) if len(head) > 3 else None
    budget = lines.budget
    rows, keys, labels = Rows(len(data), budget), Counts(budget), Labels(budget)
    for line in _body(lines):
        if len(rows) == n_rows:
            raise line.error(f"more rows than the {n_rows} of line {head[0].number}.")
        fields = _fields(line, n_columns)
        if key is not None:
            keys.add(line.whole(fields[key], 0, key + 1, "a key"))
        values = line.numbers([fields[i] for i in data], may_miss=True, places=data)
        rows.add(values, [line.number])
        if label is not None:
            labels.add(len(rows) - 1, fields[label])
    _check_number(head[0], n_rows, len(rows), "rows")
    return Samples(
        rows.to_numpy(),
        tuple(names[i] for i in data) if names else numbered_names(len(data), budget),
        tuple(labels.texts(len(rows))) or None,
        keys.to_numpy() if len(keys) else None,
        source=budget.source,
        lines=rows.lines.first(len(rows)),
    )


def write_lrn(path: str | Path, data: Any) -> None:
    """Write rows of numbers for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, whole or not at all.
    data : Samples, Table or array-like of shape (n, d)
        Numbers; NaN for a missing value.  Rows without keys are numbered from 1.  Labels and
        weights have no place here; write labels with `write_cls`.

    Raises
    ------
    InputError
        For anything but finite numbers and NaN.
    """
    samples = samples_of(data)
    n, d = samples.values.shape
    keys = np.arange(1, n + 1) if samples.keys is None else samples.keys

    def lines() -> Iterator[str]:
        yield from (f"% {n}", f"% {d + 1}", "% " + "\t".join([KEY, *[DATA] * d]))
        yield "% " + "\t".join(["Key", *map(one_word, samples.names)])
        for key, row in zip(keys.tolist(), samples.values, strict=True):
            yield "\t".join([str(key), numbers_text(row, "\t")])

    write_lines(path, lines())


def read_wts(
    path: str | Path,
    *,
    boundary: str = "torus",
    kind: str = "rectangular",
    winners: str | Path | None = None,
) -> Record:
    """Read the weights of a map of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.wts`` file.
    boundary : {"torus", "plane", "cylinder"}, default="torus"
        The file does not say; ESOM Tools' default is a torus, Somoclu's a plane.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        The file does not say; Somoclu has hexagonal maps, too.
    winners : str or Path, optional
        The ``.bm`` file of the same map: its rows become the hits.

    Returns
    -------
    Record
        For `Map.from_record`.  Its hits are 0 without `winners`.

    Raises
    ------
    InputError
        For anything else; the message names line and field.
    """
    head, lines = _parts(path, 3)
    n_rows, n_cols = _size(head[0])
    n_features = _count(head, 1, "weights")
    rows = Rows(n_features, lines.budget)
    for line in _body(lines):
        if len(rows) == n_rows * n_cols:
            raise line.error(f"more units than the {n_rows} x {n_cols} of line {head[0].number}.")
        rows.add(line.numbers(_fields(line, n_features), may_miss=False))
        lines.fill(rows, n_rows * n_cols)
    _check_number(head[0], n_rows * n_cols, len(rows), "units")
    hits = None if winners is None else _hits(winners, n_rows, n_cols)
    lattice = {"n_rows": n_rows, "n_cols": n_cols, "kind": kind, "boundary": boundary}
    origin = Origin(lines.budget, "ESOM Tools or Somoclu", {})
    return plain_record(rows.to_numpy(), lattice, origin, hits=hits)


def read_somoclu(
    prefix: str | Path, *, boundary: str = "plane", kind: str = "rectangular"
) -> Record:
    """Read a map that Somoclu wrote: PREFIX.wts, and PREFIX.bm where it is there.

    Parameters
    ----------
    prefix : str or Path
        What Somoclu was told to write to.
    boundary : {"plane", "torus", "cylinder"}, default="plane"
        Somoclu's ``-m``, which its files do not keep.
    kind : {"rectangular", "hexagonal"}, default="rectangular"
        Somoclu's ``-g``, which its files do not keep.

    Returns
    -------
    Record
        As from `read_wts`.

    Raises
    ------
    InputError
        As `read_wts`.
    """
    weights, winners = Path(f"{prefix}.wts"), Path(f"{prefix}.bm")
    found = winners if winners.is_file() else None
    return read_wts(weights, boundary=boundary, kind=kind, winners=found)


def write_wts(path: str | Path, map_: Any) -> None:
    """Write a map's codebook for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, whole or not at all.
    map_ : Map, fitted estimator or Record
        Of a table, its prototypes are written as encoded.

    Raises
    ------
    InputError
        For a map on a graph.

    Warns
    -----
    SomscapeWarning
        For a hexagonal map, which the file cannot tell from a rectangular one.
    """
    record = record_of(map_)
    n_rows, n_cols = _rectangle(record)
    codebook = codebook_of(record)
    if record.header["lattice"]["kind"] == "hexagonal":
        warnings.warn(
            "a .wts file cannot say that this map is hexagonal; ESOM Tools will take it as "
            "rectangular.",
            SomscapeWarning,
            stacklevel=2,
        )
    header = [f"% {n_rows} {n_cols}", f"% {codebook.shape[1]}"]
    write_lines(path, [*header, *(numbers_text(prototype, "\t") for prototype in codebook)])


def read_umx(path: str | Path) -> Float64s:
    """Read the heights of a map of ESOM Tools or Somoclu.

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
        For anything else; the message names line and field.
    """
    head, lines = _parts(path, 1)
    n_rows, n_cols = _size(head[0])
    rows = Rows(n_cols, lines.budget)
    for line in _body(lines):
        if len(rows) == n_rows:
            raise line.error(f"more rows than the {n_rows} of line {head[0].number}.")
        rows.add(line.numbers(_fields(line, n_cols), may_miss=False))
        lines.fill(rows, n_rows)
    _check_number(head[0], n_rows, len(rows), "rows")
    return rows.to_numpy()


def write_umx(path: str | Path, map_: Any) -> None:
    """Write the U-matrix of a map for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, whole or not at all.
    map_ : Map, fitted estimator, Record or array-like of shape (n_rows, n_cols)
        Of a map, the mean distance of each prototype to its neighbors', as `Map.u_heights`.

    Raises
    ------
    InputError
        For a map on a graph, and heights that are not finite.
    """
    if hasattr(map_, "to_record") or hasattr(map_, "map_") or isinstance(map_, Record):
        heights = _heights(record_of(map_))
    else:
        heights = np.asarray(map_, np.float64)
    if heights.ndim != 2 or not np.isfinite(heights).all():
        raise InputError("heights must be finite numbers, of shape (n_rows, n_cols).")
    size = f"% {heights.shape[0]} {heights.shape[1]}"
    write_lines(path, [size, *(numbers_text(row, "\t") for row in heights)])


def read_bm(path: str | Path) -> BestMatches:
    """Read the best matches of ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        A ``.bm`` file: key, row and column of each row of the data.

    Returns
    -------
    BestMatches

    Raises
    ------
    InputError
        For anything else, and for units outside the map; the message names line and field.
    """
    head, lines = _parts(path, 2)
    n_rows, n_cols = _size(head[0])
    n = _count(head, 1, "rows", low=0)
    keys, units = Counts(lines.budget), Counts(lines.budget)
    for line in _body(lines):
        key, row, col = (
            line.whole(field, 0, i, what)
            for i, (field, what) in enumerate(
                zip(_fields(line, 3), ("a key", "a row", "a column"), strict=True), 1
            )
        )
        if row >= n_rows or col >= n_cols:
            raise line.error(f"unit ({row}, {col}) is not on a map of {n_rows} x {n_cols} units.")
        keys.add(key)
        units.add(row * n_cols + col)
    _check_number(head[1], n, len(keys), "rows")
    return BestMatches(units.to_numpy(), n_rows, n_cols, keys.to_numpy())


def write_bm(path: str | Path, matches: BestMatches) -> None:
    """Write best matches for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, whole or not at all.
    matches : BestMatches
        From `best_matches`.  Rows without keys are numbered from 1.

    Raises
    ------
    InputError
        For a row without a unit, which had no value at all.
    """
    if (matches.units < 0).any():
        raise InputError("a row without any value has no best match; leave it out.")
    n = len(matches.units)
    keys = np.arange(1, n + 1) if matches.keys is None else matches.keys
    rows, cols = np.divmod(matches.units, matches.n_cols)
    places = zip(keys.tolist(), rows.tolist(), cols.tolist(), strict=True)
    header = [f"% {matches.n_rows} {matches.n_cols}", f"% {n}"]
    write_lines(path, [*header, *(f"{key}\t{row}\t{col}" for key, row, col in places)])


def read_cls(path: str | Path) -> Classes:
    """Read the classes of rows of ESOM Tools.

    Parameters
    ----------
    path : str or Path
        A ``.cls`` file: key and number of the class of each row.

    Returns
    -------
    Classes
        With the names of classes where the header has them.

    Raises
    ------
    InputError
        For anything else; the message names line and field.
    """
    head, lines = _parts(path, None)
    n = _count(head, 0, "rows", low=0)
    names: dict[int, str] = {}
    lines.budget.take((TEXT_BYTES + 40) * (len(head) - 1), "the names of its classes")
    for line in head[1:]:
        words = line.fields()
        if len(words) < 2:
            raise line.error("a class has a number and a name.")
        names[line.whole(words[0], 0, 1, "a class")] = words[1]
    keys, classes = Counts(lines.budget), Counts(lines.budget)
    for line in _body(lines):
        key, number = _fields(line, 2)
        keys.add(line.whole(key, 0, 1, "a key"))
        classes.add(line.whole(number, 0, 2, "a class"))
    _check_number(head[0], n, len(keys), "rows")
    return Classes(classes.to_numpy(), keys.to_numpy(), names)


def write_cls(path: str | Path, classes: Classes) -> None:
    """Write classes of rows for ESOM Tools.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, whole or not at all.
    classes : Classes
        From `classes_of`, or read from a file.
    """
    pairs = zip(classes.keys.tolist(), classes.numbers.tolist(), strict=True)
    header = [f"% {len(classes.keys)}"]
    header += [f"% {number}\t{one_word(name)}" for number, name in sorted(classes.names.items())]
    write_lines(path, [*header, *(f"{key}\t{number}" for key, number in pairs)])


def _parts(path: str | Path, most: int | None) -> tuple[list[Line], Lines]:
    """Return the lines of the header without their %, and the lines after it."""
    lines, head = Lines(path), list[Line]()
    for line in lines:
        if line.text.startswith("#"):
            continue
        if not line.text.startswith("%"):
            lines.back()
            break
        lines.budget.take(LINE_BYTES + len(line.text), "its header")
        head.append(replace(line, text=line.text[1:].strip()))
        if most is not None and len(head) > most:
            raise line.error(f"a header of this kind of file has at most {most} lines with %.")
    if not head:
        raise InputError(
            f"{lines.budget.source} has no header: it starts with lines that begin with %."
        )
    return head, lines


def _body(lines: Lines) -> Iterator[Line]:
    """Give the lines below the header, comments left out."""
    for line in lines:
        if line.text.startswith("%"):
            raise line.error("a line of the header stands below the data.")
        if not line.text.startswith("#"):
            yield line


def _size(line: Line) -> tuple[int, int]:
    words = line.fields()
    if len(words) not in (2, 3):  # some programs add whether it is a toroid
        raise line.error("the size of the map is rows and columns, such as '% 50 82'.")
    n_rows, n_cols = line.whole(words[0], 1, 1, "rows"), line.whole(words[1], 1, 2, "columns")
    if n_rows * n_cols >= 10**MAX_DIGITS:
        raise line.error(f"a map of {n_rows} x {n_cols} units is larger than any file.")
    return n_rows, n_cols


def _count(head: list[Line], i: int, what: str, low: int = 1) -> int:
    if len(head) <= i:
        raise head[-1].error(f"the next line must be the number of {what}, such as '% 150'.")
    words = head[i].fields()
    if len(words) != 1:
        raise head[i].error(f"the number of {what} is one number, such as '% 150'.")
    return head[i].whole(words[0], low, 1, f"the number of {what}")


def _kinds(line: Line, n_columns: int) -> list[str]:
    kinds = line.fields()
    known = (IGNORED, DATA, CLASS, KEY)
    for field, kind in enumerate(kinds, 1):
        if kind not in known:
            raise line.error(f"a column is {', '.join(known)}; got {kind[:20]!r}.", field)
    if len(kinds) != n_columns:
        raise line.error(f"{len(kinds)} kinds for {n_columns} columns.")
    if kinds.count(KEY) > 1 or kinds.count(CLASS) > 1:
        raise line.error("at most one column may be the key (9), and one the class (3).")
    return kinds


def _column_names(line: Line, n_columns: int) -> list[str]:
    if line.text.count("\t") + 1 == n_columns:  # names may hold blanks
        line.budget.check(FIELD_BYTES * n_columns, "the names of its columns")
        names = [name.strip() for name in line.text.split("\t")]
    else:
        names = line.fields()
    if len(names) != n_columns:
        raise line.error(f"{len(names)} names for {n_columns} columns.")
    line.budget.take(TEXT_BYTES * n_columns, "the names of its columns")
    if len(set(names)) < n_columns:
        raise line.error("two columns have the same name.")
    return names


def _fields(line: Line, n: int) -> list[str]:
    fields = line.fields(n)
    if len(fields) != n:
        more = "more" if len(fields) > n else len(fields)
        raise line.error(f"{n} fields are needed, and {more} are there.")
    return fields


def _check_number(line: Line, wanted: int, found: int, what: str) -> None:
    if found != wanted:
        raise line.error(f"{wanted} {what} are promised, and {found} are there.")


def _hits(path: str | Path, n_rows: int, n_cols: int) -> Float64s:
    matches = read_bm(path)
    if (matches.n_rows, matches.n_cols) != (n_rows, n_cols):
        raise InputError(
            f"{Path(path).name} is of a map of {matches.n_rows} x {matches.n_cols} units, and the "
            f"weights are of {n_rows} x {n_cols}."
        )
    return np.bincount(matches.units, minlength=n_rows * n_cols).astype(np.float64)


def _rectangle(record: Record) -> tuple[int, int]:
    lattice = record.header["lattice"]
    if lattice["kind"] == "graph":
        raise InputError("ESOM Tools know maps of rows and columns only; this one is a graph.")
    return lattice["n_rows"], lattice["n_cols"]


def _heights(record: Record) -> Float64s:
    size = _rectangle(record)
    codebook = codebook_of(record)
    neighbors = lattice_of(record.header["lattice"], record.arrays, len(codebook)).neighbors
    metric = Metric.from_arrays(record.header["metric"], record.arrays, codebook.shape[1])
    return metric.mean_to_neighbors(codebook, neighbors).reshape(size)
