"""What is said of cells that cannot be encoded, or that the map never saw."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s
from somscape.encode._codes import Problem
from somscape.encode._levels import level_texts
from somscape.errors import InputError, SomscapeWarning
from somscape.tables import Column, Dates, Table, listed

FARTHEST = 1e100
"""Encoded values beyond this would overflow when squared and summed."""

MIN_UNSEEN_CELLS = 10
"""Fewest cells of a category for a warning that the map never saw the levels of most."""


def refuse_problem(
    name: str, problem: Problem, table: Table, cure: str = "Correct the column."
) -> None:
    if problem:
        row, needed = problem
        cell = cell_of(table.column(name), row)
        raise InputError(f"{table.where(row)}: column '{name}' {needed}; got '{cell}'. {cure}")


def cell_of(column: Column, row: int) -> str | None:
    cell: str | None = column.take([row]).cells[0]
    return cell


def are_near(rows: Float64s) -> bool:
    """Say whether nothing in encoded rows is too far."""
    return bool((np.abs(rows) <= FARTHEST).all())


def refuse_far(table: Table, column: Column, part: Float64s, begin: int) -> None:
    """Refuse what is too far in the encoded rows of a column from row `begin` on."""
    is_near = np.abs(part) <= FARTHEST
    if not is_near.all():
        row = begin + int(is_near.all(axis=1).argmin())
        cell = cell_of(column, row)
        raise InputError(
            f"{table.where(row)}, column '{column.name}': {cell} is too far from the numbers the "
            "scale was made from. Correct or leave out the row."
        )


def warn_of_unseen(table: Table, column: Column, is_unseen: NDArray[np.bool_]) -> None:
    """Warn where most cells of a category have a level that the map never saw."""
    if np.count_nonzero(is_unseen) < MIN_UNSEEN_CELLS / 2:
        return  # before anybody looks at the cells
    is_unseen = is_unseen & ~column.missing
    n_unseen, n_present = int(is_unseen.sum()), len(column) - column.n_missing
    if n_present < MIN_UNSEEN_CELLS or n_unseen <= n_present / 2:
        return
    levels = listed(dict.fromkeys(level_texts(column.take(is_unseen))), 3)
    warnings.warn(
        f"{table.source}: {n_unseen} of {n_present} cells of '{column.name}' have a level the map "
        f"never saw ({levels}). Such rows are far from all others; write the levels as in the "
        "table the map was made from.",
        SomscapeWarning,
        stacklevel=3,
    )


def refuse_missing(table: Table, sources: Mapping[str, Column | Dates]) -> None:
    by_name, first = {}, len(table)
    for name, source in sources.items():
        is_missing = source.missing
        by_name[name] = int(is_missing.sum())
        if by_name[name]:
            first = min(first, int(is_missing.argmax()))
    counts = [f"{name} {n}" for name, n in by_name.items() if n]
    if counts:
        raise InputError(
            f"{table.source} has missing cells ({', '.join(counts)}), the first in"
            f" {table.where(first)}. Fill them, leave those "
            "columns out, or have them filled (missing='fill'): numbers by the median, categories "
            "as a level of their own.",
            options="--missing fill",
            python=" (missing='fill')",
        )
