"""What a person is shown of a table's columns, to correct what they were taken for."""

from collections import Counter
from typing import Any

import numpy as np

from somscape.encode import MAX_LEVELS, Roles, fit_encoding, level_texts
from somscape.errors import InputError
from somscape.tables import Column, Table, looks_like_dates

N_EXAMPLES = 5
MAX_EXAMPLE = 60
"""Characters of a cell."""

MAX_LISTED_LEVELS = 50
"""A column with more different values has no list of them to choose a label's value from."""

MAX_LEVEL = 1000
"""Characters of a level; a column with a longer one has no list either."""

MAX_COLUMNS, MAX_NAMES, MAX_LISTED = 5000, 5_000_000, 3_000_000
"""Columns, and characters of all their names, and of all their levels, that a page shows."""


def describe(table: Table) -> dict[str, Any]:
    """Return a table's size and what its columns would be taken for, as JSON data."""
    if len(table.columns) > MAX_COLUMNS or sum(map(len, table.names)) > MAX_NAMES:
        raise InputError(
            f"{table.source} has {len(table.columns)} columns, or names so long that no page can "
            f"show them; the app takes up to {MAX_COLUMNS}. Use `somscape detect`."
        )
    # A column with a problem is left out until the user says what it is.
    problems = {column.name: column.problem for column in table.columns if column.problem}
    encoding = fit_encoding(table, Roles(drop=tuple(problems)), "fill")
    columns = [
        _described(column, code.kind, one_line(problems.get(column.name) or code.why))
        | {"is_problem": column.name in problems}
        for column, code in zip(table.columns, encoding.columns, strict=True)
    ]
    n_characters = 0
    for column in columns:
        n_characters += sum(len(level) for level, _ in column["levels"])
        if n_characters > MAX_LISTED:
            column["levels"] = []
    return {
        "n_rows": table.n_rows,
        "notes": [one_line(note) for note in table.notes],
        "columns": columns,
    }


def one_line(text: str) -> str:
    """Return a text in one line, as a page shows it."""
    return " ".join(text.split())


def _described(column: Column, kind: str, why: str) -> dict[str, Any]:
    n_distinct = column.n_distinct
    levels = _levels(column) if n_distinct <= MAX_LISTED_LEVELS else []
    return {
        "name": column.name,
        "kind": kind,
        "why": why,
        "may_be": _may_be(column, n_distinct),
        "n_missing": column.n_missing,
        "n_distinct": n_distinct,
        "examples": _examples(column),
        "levels": levels,
    }


def _may_be(column: Column, n_distinct: int) -> list[str]:
    kinds = ["number"] if column.is_number and n_distinct > 1 else []
    if 1 < n_distinct <= MAX_LEVELS:
        kinds.append("category")
        if column.is_number or n_distinct <= MAX_LISTED_LEVELS:
            kinds.append("ordinal")
    return [*kinds, "date"] if looks_like_dates(column) else kinds


def _examples(column: Column) -> list[str]:
    """Return the first different cells."""
    found: dict[str, None] = {}
    for cell in column.each_cell():
        if cell is not None:
            found[cell] = None
        if len(found) == N_EXAMPLES:
            break
    return [cell if len(cell) <= MAX_EXAMPLE else f"{cell[:MAX_EXAMPLE]}…" for cell in found]


def _levels(column: Column) -> list[list[Any]]:
    present = np.array(level_texts(column), dtype=object)[~column.missing]
    counts = Counter(present.tolist())
    if any(len(level) > MAX_LEVEL for level in counts):
        return []
    if column.is_number:
        return [[level, counts[level]] for level in sorted(counts, key=float)]
    return [[level, counts[level]] for level in sorted(counts)]
