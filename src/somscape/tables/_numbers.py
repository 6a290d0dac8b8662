"""Clean text cells of a whole table -> columns of numbers and columns of text.

Where the cells of a column fit both decimal marks ("1,234"), the mark that the other
columns of the file show decides.  If they show none or both, a comma in a file delimited
by commas separates thousands (its cells had to be quoted), in other files it is the
decimal mark, and a dot is the decimal mark everywhere.  "1.234" in a file delimited by
commas is a plain number whatever the other columns show.
"""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from somscape._types import Float64s
from somscape.tables._cells import object_array
from somscape.tables._spelling import spell
from somscape.tables._table import Column
from somscape.tables._words import listed, quoted

# A column with at least this share of numbers among this many present cells was meant
# as numbers; a word in it is a slip to report, not a category.
_NUMBER_SHARE = 0.9
_NUMBER_CELLS = 10

Cells = Sequence[str | None]
Where = Callable[[int], str]


def text_columns(
    columns: Mapping[str, Cells], where: Where, delimiter: str = ",", decimal: str | None = None
) -> tuple[list[Column], list[str]]:
    """Make a column of each list of clean cells, of numbers where they can be read so.

    Parameters
    ----------
    columns : mapping of name to cells
        Cells without blanks around them, None where missing.
    where : callable
        Says where a row stands, for messages.
    delimiter : str
        The file's delimiter, see the module's rule.
    decimal : "." or ",", optional
        The decimal mark in all columns; default: found as the module says.

    Returns
    -------
    columns : list of Column
    notes : list of str
        One for each way of writing that is not plain, with the columns that use it.
    """
    spellings = {
        name: spell([cell for cell in dict.fromkeys(cells) if cell is not None])
        for name, cells in columns.items()
    }
    marks = {spelling.mark for spelling in spellings.values()} - {""}
    shown = decimal or ("".join(marks) if len(marks) == 1 else "")
    made: list[Column] = []
    noted: dict[str, list[str]] = {}
    for name, cells in columns.items():
        spelling = spellings[name]
        mark = decimal or spelling.mark or _likely_mark(spelling.plain_mark, shown, delimiter)
        values, styles = spelling.values(mark)
        numbers = np.array([values.get(cell, math.nan) if cell else math.nan for cell in cells])
        settled, problem = settle(name, cells, numbers, where)
        if spelling.has_leading_zeros:
            settled, styles = None, ["leading zeros, kept as text,"]
        elif settled is None:
            styles = []
        style = "" if settled is None else ", ".join(styles)
        made.append(Column(name, object_array(cells), settled, style, problem))
        if styles and spelling.example and not shown:
            example = spelling.example
            styles = [*styles, f"{quoted(example)} read as {values[example]:.12g} (see --decimal)"]
        for note in styles:
            noted.setdefault(note, []).append(name)
    return made, [f"{note} in {listed(names)}" for note, names in noted.items()]


def _likely_mark(plain_mark: str, shown: str, delimiter: str) -> str:
    if plain_mark == "." and delimiter == ",":
        return "."
    return shown or ("." if plain_mark == "." or delimiter == "," else ",")


def settle(
    name: str, cells: Cells, values: Float64s, where: Where
) -> tuple[Float64s | None, str | None]:
    """Decide whether a column holds numbers, given what its cells say.

    Parameters
    ----------
    name, cells
        The column's name and its cells, None where missing.
    values : ndarray of shape (n_rows,), float64
        The cells' values; NaN where a cell is missing or no number.
    where : callable
        Says where a row stands, for messages.

    Returns
    -------
    numbers : ndarray of shape (n_rows,), float64, or None
        `values` if every present cell is a finite number.
    problem : str or None
        The message for a column of text that was meant as numbers.
    """
    present = np.fromiter((cell is not None for cell in cells), dtype=bool, count=len(cells))
    bad = np.flatnonzero(present & ~np.isfinite(values))
    if bad.size == 0:
        return values, None
    n_present = int(present.sum())
    n_good = n_present - bad.size
    is_infinite_only = n_good > 0 and bool(np.isinf(values[bad]).all())
    is_slip = n_present >= _NUMBER_CELLS and n_good >= _NUMBER_SHARE * n_present
    if not (is_infinite_only or is_slip):
        return None, None
    row = int(bad[0])
    kind = "not a finite number" if math.isinf(values[row]) else "not a number"
    word = shlex.quote(name)
    return None, (
        f"{where(row)}, column {quoted(name)}: {quoted(str(cells[row]))} is {kind}, but {n_good} of"
        f" the {n_present} cells are; correct the cell, leave it empty, or take the column as a"
        f" category or drop it (on the command line --category {word} / --drop {word})"
    )
