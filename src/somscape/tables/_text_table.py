"""Bytes of a text table -> its columns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._budget import Budget
from somscape.errors import InputError
from somscape.tables._cells import notes_of_unused
from somscape.tables._delimited import (
    NO_DELIMITER,
    NotPlainError,
    detect_delimiter,
    split_blocks,
    split_records,
)
from somscape.tables._growing import Cells, Letters
from somscape.tables._line_numbers import lines_from
from somscape.tables._lines import place
from somscape.tables._numbers import text_columns
from somscape.tables._records import Records, arrange, column_names, is_blank, width_of
from somscape.tables._table import Table
from somscape.tables._text import TextFile
from somscape.tables._words import quoted

FREE_COLUMNS, COLUMN_BYTES = 10_000, 600
"""Columns that a file of any size may have, and what one costs in memory besides its cells."""


def table_from_text(
    decoded: tuple[TextFile, list[str]],
    source: str,
    delimiter: str | None = None,
    decimal: str | None = None,
    missing_values: Sequence[str] | None = None,
) -> Table:
    """Return the table in a text."""
    raw, delimiter = text_records(decoded, source, delimiter, missing_values)
    del decoded  # its bytes
    return table_from_records(raw, source, delimiter, decimal, missing_values)


def text_records(
    decoded: tuple[TextFile, list[str]],
    source: str,
    delimiter: str | None,
    missing_values: Sequence[str] | None = None,
    n_files: int = 1,
) -> tuple[Records[Any], str]:
    """Return the raw cells of one of `n_files` texts, and its delimiter."""
    file, notes = decoded
    if delimiter is None:
        delimiter, file = detect_delimiter(file)
        if delimiter not in (",", NO_DELIMITER):
            notes.append("delimiter tab" if delimiter == "\t" else f"delimiter {delimiter!r}")
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"delimiter must be one character other than a quote or line end, or 'tab'; got"
            f" {quoted(delimiter)}",
            options="--delimiter CHAR",
        )
    raw: Records[Any] | None = None
    with suppress(NotPlainError):  # and with what was read in vain
        raw = _plain_records(file, source, delimiter, missing_values, n_files)
    raw = _any_records(file, source, delimiter) if raw is None else raw
    return replace(raw, notes=notes + raw.notes), delimiter


def table_from_records(
    raw: Records[Any],
    source: str,
    delimiter: str,
    decimal: str | None = None,
    asked: Sequence[str] | None = None,
) -> Table:
    """Return the table of raw cells, of which each whole column decides what it holds."""

    def where(row: int) -> str:
        return place(source, raw.lines, row)

    made = text_columns(raw.columns, where, delimiter, decimal, asked)
    notes = raw.notes + made.notes
    if made.words:
        written = ", ".join(sorted(quoted(word) if word else "blank" for word in made.words))
        n_missing = sum(column.n_missing for column in made.columns)
        notes.append(f"missing cells: {n_missing}, written {written}")
    notes += notes_of_unused(made.words, asked)
    return Table(tuple(made.columns), source, raw.lines, tuple(notes))


def _plain_records(
    file: TextFile, source: str, delimiter: str, asked: Sequence[str] | None, n_files: int
) -> Records[Any]:
    """Return the raw cells of a file that Arrow splits as we do, or raise NotPlainError."""
    budget = Budget(source, len(file.data))
    records = split_records(file, delimiter, budget)
    line, header = next(((n, r) for n, r in records if not is_blank(r)), (0, [""]))
    if is_blank(header):
        raise NotPlainError
    begin = file.begin
    for _ in range(line):
        begin = file.data.find(b"\n", begin) + 1
        if not begin:
            raise NotPlainError
    header, width = [name.strip() for name in header], width_of(header)
    start = file.data[file.begin : begin]
    if len(header) > FREE_COLUMNS or start.count(b"\r") > start.count(b"\r\n"):
        raise NotPlainError
    columns: list[Cells] = []
    taken: list[NDArray[np.integer[Any]] | int] = []
    last: list[Any] = []
    for block in split_blocks(file, begin, len(header), delimiter):
        if not columns:
            n_expected = 1 + int(
                1.001 * len(block.cells[0]) * (len(file.data) - begin) / block.size
            )
            columns = [Cells(n_expected, asked, n_files * len(header)) for _ in header]
        for column, cells in zip(columns, block.cells, strict=True):
            column.add(cells)
        taken.append(block.lines)
        last = block.cells
    if is_blank([cells[-1].as_py() for cells in last]):
        raise NotPlainError  # no rows, or empty ones at the end
    names, notes = column_names(header[:width], source, line)
    if width < len(header):
        if not all(column.is_blank for column in columns[width:]):
            raise NotPlainError  # more cells than names
        notes = ["empty cells at the end of the lines left out", *notes]
    raw = [column.finish() for column in columns[:width]]
    return Records(dict(zip(names, raw, strict=True)), lines_from(line + 1, taken), notes)


def _any_records(file: TextFile, source: str, delimiter: str) -> Records[Any]:
    """Return the raw cells of any file, or raise InputError."""
    import pyarrow as pa

    budget = Budget(source, len(file.data))

    def make(n: int) -> list[Letters]:
        if n > FREE_COLUMNS:
            budget.take(COLUMN_BYTES * n, f"{n} columns")
        return [Letters() for _ in range(n)]

    found = arrange(split_records(file, delimiter, budget), source, make, delimiter)
    columns = {name: pa.chunked_array([c.to_arrow()]) for name, c in found.columns.items()}
    return replace(found, columns=columns)
