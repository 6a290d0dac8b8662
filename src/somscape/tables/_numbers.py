"""Clean text cells of a whole table -> columns of numbers and columns of text.

Where the cells of a column fit both decimal marks ("1,234"), the mark that the other
columns of the file show decides.  If they show none or both, a comma in a file delimited
by commas separates thousands (its cells had to be quoted), in other files it is the
decimal mark, and a dot is the decimal mark everywhere.  "1.234" in a file delimited by
commas is a plain number whatever the other columns show.
"""

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s
from somscape.tables._spelling import Spelling, spell
from somscape.tables._table import Column
from somscape.tables._texts import Texts
from somscape.tables._words import Note, listed, quoted

# A column with at least this share of numbers among this many present cells was meant
# as numbers; a word in it is a slip to report, not a category.
_NUMBER_SHARE = 0.9
_NUMBER_CELLS = 10

_SOME_CELLS = 1000, 10_000
"""Different cells that show how a column writes its numbers: at least, and at most."""

Where = Callable[[int], str]


def text_columns(
    columns: Mapping[str, Texts], where: Where, delimiter: str = ",", decimal: str | None = None
) -> tuple[list[Column], list[str]]:
    """Make columns of clean cells, of numbers where all cells can be read as numbers.

    Parameters
    ----------
    columns : mapping of name to Texts
        Cells without blanks around them.
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
        name: Spelling() if texts.have_leading_zeros() else spell(texts.some(*_SOME_CELLS))
        for name, texts in columns.items()
    }
    marks = {spelling.mark for spelling in spellings.values()} - {""}
    shown = decimal or ("".join(marks) if len(marks) == 1 else "")
    made: list[Column] = []
    noted: dict[Note, list[str]] = {}
    for name, texts in columns.items():
        spelling = spellings[name]
        mark = decimal or spelling.mark or _likely_mark(spelling.plain_mark, shown, delimiter)
        if texts.have_leading_zeros():
            numbers, problem, styles = None, None, ["leading zeros, kept as text,"]
        else:
            numbers, problem, styles = _read(name, texts, where, spelling, mark)
        style = "" if numbers is None else ", ".join(styles)
        made.append(Column(name, texts, numbers=numbers, style=style, problem=problem))
        notes = [Note(style) for style in styles]
        if styles and spelling.example and not shown:
            value = spelling.read([spelling.example], mark, {})[spelling.example]
            example = f"{quoted(spelling.example)} read as {value:.12g}"
            notes.append(Note(example, "--decimal MARK"))
        for note in notes:
            noted.setdefault(note, []).append(name)
    return made, [Note(f"{note} in {listed(of)}", note.options) for note, of in noted.items()]


def read_numbers(column: Column) -> Column | None:
    """Read a column of text as numbers.

    Parameters
    ----------
    column : Column
        Of text, such as of a data frame in which nobody looked for numbers.

    Returns
    -------
    Column or None
        With the same cells.  None where a present cell is no finite number, is written like "007",
        or fits both decimal marks, as "1,234" does.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"age": ["41", None], "sex": ["f", "m"]})
    >>> read_numbers(table.column("age")).numbers, read_numbers(table.column("sex"))
    (array([41., nan]), None)
    """
    texts = Texts(column.each_cell())
    spelling = spell(texts.some(*_SOME_CELLS))
    is_unclear = bool(spelling.example) and spelling.plain_mark != "."
    if texts.have_leading_zeros() or is_unclear:
        return None
    numbers, _, styles = _read(column.name, texts, str, spelling, spelling.mark or ".")
    if numbers is None:
        return None
    return Column(column.name, texts, numbers=numbers, style=", ".join(styles))


def _likely_mark(plain_mark: str | None, shown: str, delimiter: str) -> str:
    if plain_mark == "." and delimiter == ",":
        return "."
    return shown or ("." if plain_mark == "." or delimiter == "," else ",")


def _read(
    name: str, texts: Texts, where: Where, spelling: Spelling, mark: str
) -> tuple[Float64s | None, str | None, list[str]]:
    """Return the numbers of a column, or None; its problem; how they are written."""
    styles: dict[str, None] = {}
    verdict = Verdict()
    shows_no_mark = not (spelling.mark or spelling.example)
    is_plain = spelling.plain_mark == "." and (mark == "." or shows_no_mark)
    numbers = np.empty(len(texts))
    begin = 0
    for cells in texts.blocks():
        values = _plain_numbers(cells) if is_plain else None
        if values is None:
            by_cell = spelling.read([c for c in dict.fromkeys(cells) if c], mark, styles)
            values = array("d", (by_cell.get(cell, math.nan) for cell in cells))
        end = begin + len(cells)
        numbers[begin:end] = values
        verdict.look(begin, cells, numbers[begin:end])
        if verdict.is_text(len(texts)):
            return None, None, []
        begin = end
    is_number, problem = verdict.settle(name, where)
    return (numbers, None, list(styles)) if is_number else (None, problem, [])


def _plain_numbers(cells: list[str]) -> "array[float] | None":
    """Read cells that all are plain numbers; float() also takes 1_000 and other scripts' digits."""
    joined = "".join(cells)
    if "_" in joined or not joined.isascii():
        return None
    try:
        values = array("d", map(float, cells))
    except ValueError:
        return None
    return None if any(map(math.isnan, values)) else values


@dataclass
class Verdict:
    """Whether a column holds numbers, given what its cells say, block by block."""

    n_present: int = 0
    n_bad: int = 0
    first: int = -1  # bad cell
    cell: str = ""
    is_infinite: bool = True  # the first one is
    are_infinite: bool = True  # all bad ones are

    def look(self, begin: int, cells: Sequence[str | None], values: Float64s) -> None:
        """Take in cells from row `begin` on, and their values: NaN where missing or no number."""
        finite = np.isfinite(values)
        n_finite = int(finite.sum())
        self.n_present += n_finite
        if n_finite == len(values):
            return
        bad = [i for i in np.flatnonzero(~finite).tolist() if cells[i]]
        if not bad:
            return
        if self.first < 0:
            self.first, self.cell = begin + bad[0], str(cells[bad[0]])
            self.is_infinite = math.isinf(values[bad[0]])
        self.n_present += len(bad)
        self.n_bad += len(bad)
        self.are_infinite = self.are_infinite and bool(np.isinf(values[bad]).all())

    def is_text(self, n_cells: int) -> bool:
        """Return whether `n` cells in all cannot make it a column that was meant as numbers."""
        return not self.are_infinite and self.n_bad > (1 - _NUMBER_SHARE) * n_cells + 1

    def settle(self, name: str, where: Where) -> tuple[bool, str | None]:
        """Decide: whether it holds numbers, else the message if it was meant to.

        Parameters
        ----------
        name : str
            Of the column.
        where : callable
            Says where a row stands, for messages.
        """
        if not self.n_bad:
            return True, None
        n_good = self.n_present - self.n_bad
        is_slip = self.n_present >= _NUMBER_CELLS and n_good >= _NUMBER_SHARE * self.n_present
        if not (is_slip or (n_good > 0 and self.are_infinite)):
            return False, None
        kind = "not a finite number" if self.is_infinite else "not a number"
        return False, (
            f"{where(self.first)}, column {quoted(name)}: {quoted(self.cell)} is {kind}, but"
            f" {n_good} of the {self.n_present} cells are; correct the cell, leave it empty, or"
            " take the column as a category or drop it"
        )
