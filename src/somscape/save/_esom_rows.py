"""Files of ESOM Tools and Somoclu about rows: .lrn .bm .cls.

Rows and columns of a map count from 0.

A. Ultsch and F. Moerchen (2005), ESOM-Maps: tools for clustering, visualization, and classification
with Emergent SOM, report 46, University of Marburg; ESOM Tools' user manual, "File formats".
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.save._best_matches import BestMatches, Classes
from somscape.save._esom_lines import (
    body,
    check_number,
    count_of,
    fields_of,
    header_and_lines,
    size_of,
)
from somscape.save._lines import (
    FIELD_BYTES,
    TEXT_BYTES,
    Counts,
    Labels,
    Line,
    Rows,
    numbered_names,
    numbers_text,
    one_word,
    write_lines,
)
from somscape.save._samples import Samples, samples_of

IGNORED, DATA, CLASS, KEY = "0", "1", "3", "9"
"""Kinds of columns of a .lrn file."""


def read_lrn(path: str | Path) -> Samples:
    """Read rows of numbers of ESOM Tools.

    Parameters
    ----------
    path : str or Path
        A ``.lrn`` file; ``NaN`` and ``x`` stand for a missing value.

    Returns
    -------
    Samples
        With the key of each row, and labels from a column of classes.  Ignored columns are left
        out.

    Raises
    ------
    InputError
        If the file is not of this form; the message names line and field.

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
    data: Sequence[int] = range(1, n_columns)  # of any length: nothing has been read yet
    key: int | None = 0
    label: int | None = None
    if len(head) > 2:
        kinds = _kinds(head[2], n_columns)
        data = [i for i, kind in enumerate(kinds) if kind == DATA]
        key, label = (kinds.index(k) if k in kinds else None for k in (KEY, CLASS))
    if not data:
        raise head[-1].error("no column is data (1).")
    names = _column_names(head[3], n_columns) if len(head) > 3 else None
    budget = lines.budget
    rows, keys, labels = Rows(len(data), budget), Counts(budget), Labels(budget)
    for line in body(lines):
        if len(rows) == n_rows:
            raise line.error(f"more rows than the {n_rows} of line {head[0].number}.")
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


def write_lrn(path: str | Path, data: Any) -> None:
    """Write rows of numbers for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Written completely or not at all; an existing file is replaced.
    data : Samples, Table, Source or array-like of shape (n, d)
        Numbers; NaN for a missing value.  Rows without keys are numbered from 1.  The file does not
        hold labels and weights; write labels with `write_cls`.

    Raises
    ------
    InputError
        If values are not finite numbers or NaN.

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
    samples = samples_of(data)
    n, d = samples.values.shape
    keys = np.arange(1, n + 1) if samples.keys is None else samples.keys

    def lines() -> Iterator[str]:
        yield from (f"% {n}", f"% {d + 1}", "% " + "\t".join([KEY, *[DATA] * d]))
        yield "% " + "\t".join(["Key", *map(one_word, samples.names)])
        for key, row in zip(keys.tolist(), samples.values, strict=True):
            yield "\t".join([str(key), numbers_text(row, "\t")])

    write_lines(path, lines())


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
        If the file is not of this form, or a unit is outside the map; the message names line and
        field.

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
    keys, units = Counts(lines.budget), Counts(lines.budget)
    for line in body(lines):
        key, row, col = (
            line.whole(field, 0, i, what)
            for i, (field, what) in enumerate(
                zip(fields_of(line, 3), ("a key", "a row", "a column"), strict=True), 1
            )
        )
        if row >= n_rows or col >= n_cols:
            raise line.error(f"unit ({row}, {col}) is not on a map of {n_rows} x {n_cols} units.")
        keys.add(key)
        units.add(row * n_cols + col)
    check_number(head[1], n, len(keys), "rows")
    return BestMatches(units.to_numpy(), n_rows, n_cols, keys.to_numpy())


def write_bm(path: str | Path, matches: BestMatches) -> None:
    """Write best matches for ESOM Tools or Somoclu.

    Parameters
    ----------
    path : str or Path
        Written completely or not at all; an existing file is replaced.
    matches : BestMatches
        From `best_matches`.  Rows without keys are numbered from 1.

    Raises
    ------
    InputError
        For a row without a unit, because it has no value at all.

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
        A ``.cls`` file: key and class number of each row.

    Returns
    -------
    Classes
        With the names of classes, if the header has them.

    Raises
    ------
    InputError
        If the file is not of this form; the message names line and field.

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
            raise line.error("a class has a number and a name.")
        names[line.whole(words[0], 0, 1, "a class")] = words[1]
    keys, classes = Counts(lines.budget), Counts(lines.budget)
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
        Written completely or not at all; an existing file is replaced.
    classes : Classes
        From `classes_of`, or read from a file.

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
    for field, kind in enumerate(kinds, 1):
        if kind not in known:
            raise line.error(
                f"a column must be one of {', '.join(known)}; got {kind[:20]!r}.", field
            )
    if len(kinds) != n_columns:
        raise line.error(f"{len(kinds)} kinds for {n_columns} columns.")
    if kinds.count(KEY) > 1 or kinds.count(CLASS) > 1:
        raise line.error("at most one column may be the key (9), and at most one the class (3).")
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
