"""Levels that the map never saw, by column."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from somscape.encode import CategoryCode, Encoding, level_texts
from somscape.tables import Table, counted

MAX_KEYS, MAX_LEVELS, MAX_COLUMNS = 20, 2, 20
"""Rows and levels of a column that are named, and columns that are told of."""


@dataclass(frozen=True)
class Unseen:
    """Levels of a column that the map never saw.

    Attributes
    ----------
    column : str
    levels : tuple of str
        The first two of them.
    n_levels : int
        All of them.
    n : int
        Rows that have one.
    keys : tuple of str
        Some of these rows, at most twenty.
    """

    column: str
    levels: tuple[str, ...]
    n_levels: int
    n: int
    keys: tuple[str, ...]

    @property
    def what(self) -> str:
        """What is to be said of the levels."""
        levels = ", ".join(self.levels)
        if self.n_levels == 1:
            return f"{self.column} has a level that the map never saw, {levels}"
        these = levels if self.n_levels == len(self.levels) else f"such as {levels}"
        return f"{self.column} has {self.n_levels:,} levels that the map never saw, {these}"

    @property
    def sentence(self) -> str:
        """What is to be said of the levels and their rows."""
        if self.n_levels > 1:
            return f"{self.what} ({counted(self.n, 'row')})."
        more = f" and {self.n - len(self.keys)} more" if self.n > len(self.keys) else ""
        return f"{self.what}: {', '.join(self.keys)}{more}."


def sentences(unseen: Sequence[Unseen]) -> list[str]:
    """Return a sentence for each column, and how many columns are left."""
    more = len(unseen) - MAX_COLUMNS
    rest = [f"And {counted(more, 'column')} more with such levels."] if more > 0 else []
    return [*(each.sentence for each in unseen[:MAX_COLUMNS]), *rest]


def unseen_levels(encoding: Encoding, table: Table, keys: Sequence[str]) -> tuple[Unseen, ...]:
    """Return the levels that the map never saw, with keys of their rows."""
    found = []
    for code in encoding.used:
        if not isinstance(code, CategoryCode):
            continue
        column = table.column(code.name)
        cells = column.coded()[0] if column.numbers is None else column.numbers
        _, firsts, places = np.unique(cells, return_index=True, return_inverse=True)
        different, seen = column.take(firsts), {*code.levels}
        levels = level_texts(different)
        is_new = np.array([level not in seen for level in levels], dtype=bool) & ~different.missing
        rows = np.flatnonzero(is_new[places])
        if not len(rows):
            continue
        new = [*dict.fromkeys(levels[i] for i in np.flatnonzero(is_new))]
        some = tuple(keys[row] for row in rows[:MAX_KEYS])
        found.append(Unseen(code.name, tuple(new[:MAX_LEVELS]), len(new), len(rows), some))
    return tuple(found)
