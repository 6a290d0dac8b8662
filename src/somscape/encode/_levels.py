"""Cells as levels of a category."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape.encode._text import number_text
from somscape.tables import Column

PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""Text that stands for one number and nothing else; 007 is a name."""

MISSING_LEVEL = "(missing)"


def level_texts(column: Column) -> list[str]:
    """Return each cell as a level; 1 and 1.0 are the same one."""
    if column.numbers is not None:
        return [MISSING_LEVEL if v != v else _number_level(v) for v in column.numbers]
    cells = column.cells.tolist()
    level_of = {cell: text_level(cell) for cell in set(cells)}
    return [level_of[cell] for cell in cells]


def level_codes(column: Column) -> tuple[NDArray[np.integer[Any]], list[str]]:
    """Return the cells as places in a list of different levels, in any order."""
    if column.numbers is None:
        codes, texts = column.coded()
        return codes, [*map(text_level, texts), MISSING_LEVEL]
    values, places = np.unique(column.numbers, return_inverse=True)
    levels = [MISSING_LEVEL if v != v else _number_level(v) for v in values.tolist()]
    return places, [*levels, MISSING_LEVEL]


def text_level(cell: str | None) -> str:
    """Return the level that a cell of text spells."""
    if cell is None:
        return MISSING_LEVEL
    return _number_level(float(cell)) if PLAIN_NUMBER.fullmatch(cell) else cell


def _number_level(value: float) -> str:
    return number_text(value, value == int(value), 15)
