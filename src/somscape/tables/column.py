"""A column of a table with the texts and the numbers of its cells."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, NDArray

from somscape._stored import are_large, put_away
from somscape._types import Float64s, Floats, Objects
from somscape._weights import blocks
from somscape.tables._cells import BLOCK, ArrowTexts, NumberTexts, PlainTexts, Texts
from somscape.tables._late import pa

STYLED = ("name", "problem", "style")
STATE = ("cells", "numbers", *STYLED)
"""Names of the values that a pickled column contains (STATE), and of plain attributes (STYLED)."""

MONEY_DECIMALS = 2
"""Number of decimals that are always shown, because numbers with so few decimals may be money."""

SEPARATORS = ".,'\u2019\u00a0\u202f "
"""Characters between groups of three digits."""

GROUPED = re.compile(rf"\d([{SEPARATORS}])\d{{3}}(?:[{SEPARATORS}]\d{{3}})*(?!\d)")
INTEGER_PART = re.compile(r"(?<![\d.e-])-?\d{4,}")

EXACT = 2.0**53
"""Number below which float64 can represent every whole number exactly."""


class Column:
    """One column of a table, with the text of every cell and any numeric values.

    Parameters
    ----------
    name : str
        Name of the column.
    cells : ndarray of shape (n_rows,), object, or Texts
        Text of each cell in the source of the table, without leading and trailing spaces.  None
        means a missing cell.
    numbers : ndarray of shape (n_rows,), float64, or None
        Finite values, with NaN for missing cells.  None means a column of text.  A large float32
        array is stored as float32, and is converted to float64 each time `numbers` is read.
    style : str
        Special spellings of the numbers, joined by ", ".  Possible spellings are "decimal comma",
        "thousands separators", "currency $", "percent" and "negatives in parentheses".  The text
        12% becomes 12.
    problem : str or None
        Error message for a column that is text only because a few cells are not finite numbers.
        When the column is used as numbers, an `InputError` with this message is raised.

    See Also
    --------
    Table : Columns of equal length.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> table_from_columns({"age": [41, None]}).columns[0].numbers
    array([41., nan])
    """

    __slots__ = ("_in_order", "_n_distinct", "_n_missing", "_numbers", "_texts", *STYLED)

    def __init__(
        self,
        name: str,
        cells: Objects | Texts,
        *,
        numbers: Floats | None = None,
        style: str = "",
        problem: str | None = None,
    ) -> None:
        self.name = name
        self._numbers = numbers
        self.style = style
        self.problem = problem
        self._texts = ArrowTexts.of(cells) if isinstance(cells, np.ndarray) else cells
        self._n_distinct: int | None = None
        self._n_missing: int | None = None
        self._in_order: Callable[[], Floats | None] = lambda: None

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in STATE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Column.__init__(self, **state)

    @property
    def cells(self) -> Objects:
        """Texts of all cells, as a new array. For a few cells, call `take` before."""
        cells = np.empty(len(self), dtype=object)
        known: dict[str | None, str | None] = {}  # equal cells share one object
        for part in blocks(len(self), BLOCK):
            cells[part] = [known.setdefault(cell, cell) for cell in self._texts.to_list(part)]
        return cells

    def cell(self, row: int) -> str | None:
        """Return the text of the cell in a row, or None if the cell is missing."""
        return self._texts.to_list(slice(row, row + 1))[0]

    def each_cell(self) -> Iterator[str | None]:
        """Yield the text of each cell (None if missing), using little memory."""
        for part in blocks(len(self), BLOCK):
            yield from self._texts.to_list(part)

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        """Return each cell as an index into the list of distinct texts.

        Returns
        -------
        codes : ndarray of shape (n_rows,), int32
            For each cell, the index of its text in `texts`, or -1 for a missing cell.
        texts : list of str
            Distinct texts of the cells, in the order of first occurrence.
        """
        return self._texts.coded()

    def to_arrow(self) -> "pa.ChunkedArray":
        """Return the texts of the cells as a pyarrow array, with null for missing cells.

        Returns
        -------
        pyarrow.ChunkedArray of string
        """
        return self._texts.to_arrow()

    def __repr__(self) -> str:
        return f"Column({self.name!r}, {len(self)} {'numbers' if self.is_number else 'texts'})"

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def numbers(self) -> Float64s | None:
        """Numbers of the cells as float64, NaN if missing. None in a column of text."""
        held = self._numbers
        return None if held is None else held.astype(np.float64, copy=False)

    @property
    def is_number(self) -> bool:
        """Whether the column is numeric (also true if all its cells are missing)."""
        return self._numbers is not None

    @property
    def is_float32(self) -> bool:
        """Whether the numbers are stored as float32 instead of float64."""
        return self._numbers is not None and self._numbers.dtype == np.float32

    @property
    def has_plain_numbers(self) -> bool:
        """Whether all numbers are written with only digits, signs and points."""
        return self._numbers is not None and isinstance(self._texts, NumberTexts | PlainTexts)

    @property
    def is_exact(self) -> bool:
        """Whether different numbers always have different floats (not so for long ids)."""
        if self._numbers is None or isinstance(self._texts, NumberTexts):
            return True  # in the last case, the source had only floats
        # Missing cells are NaN, so both comparisons are false.
        return not bool((self._numbers >= EXACT).any() or (self._numbers <= -EXACT).any())

    @property
    def is_whole(self) -> bool:
        """Whether the column contains at least one number, and all are whole numbers."""
        if self._numbers is None:
            return False
        n_present = 0
        for part in blocks(len(self), BLOCK):
            numbers = self._numbers[part]
            present = numbers[~np.isnan(numbers)]
            if not np.array_equal(present, np.rint(present)):
                return False
            n_present += present.size
        return n_present > 0

    @property
    def values(self) -> NDArray[Any]:
        """Values of the cells as int64 (whole numbers, none missing), float64, or text."""
        numbers = self.numbers
        if numbers is None or not self.is_exact:
            return self.cells
        return numbers.astype(np.int64) if self.is_whole and not self.n_missing else numbers

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Boolean array of shape (n_rows,) that is true for missing cells."""
        return self._texts.missing() if self._numbers is None else np.isnan(self._numbers)

    @property
    def n_missing(self) -> int:
        """Number of missing cells."""
        if self._n_missing is None:
            self._n_missing = int(self.missing.sum())
        return self._n_missing

    @property
    def n_distinct(self) -> int:
        """Number of distinct values without missing cells. "7" and "7.0" are equal."""
        if self._n_distinct is None:
            if self._numbers is None or not self.is_exact:
                self._n_distinct = len(self.coded()[1])
            else:
                ascending = self.ascending()  # np.unique takes twice as long
                is_new = ascending[1:] != ascending[:-1]
                self._n_distinct = min(1, len(ascending)) + int(np.count_nonzero(is_new))
        return self._n_distinct

    def ascending(self) -> Floats:
        """Return the numbers that are not missing, in ascending order.

        Returns
        -------
        ndarray of shape (n_present,)
            Sorted numbers.  The type is float32 if the source of the table contains float32,
            because sorting is then faster.  Do not change this array, because later calls can
            return the same array.
        """
        assert self._numbers is not None
        found = self._in_order()
        if found is None:
            numbers: Floats = self._numbers.astype(np.float32 if self._is_narrow else np.float64)
            numbers.sort()
            found = numbers[: np.searchsorted(numbers, np.nan)]  # NaN comes last
            self._in_order = ref(found)
        return found

    @property
    def _is_narrow(self) -> bool:
        return isinstance(self._texts, NumberTexts) and self._texts.are_narrow

    def put_away(self, among: int) -> "Column":
        """Return the column, with large arrays in temporary files.

        Parameters
        ----------
        among : int
            Number of columns in the table.  The size of the array times this number decides whether
            the array is large.
        """
        numbers = self._numbers
        if numbers is not None:
            if self._is_narrow and stay_narrow(len(numbers), among):
                numbers = numbers.astype(np.float32, copy=False)
            numbers = put_away(numbers, among=among)
        return self._with(self._texts.put_away(numbers, among), numbers)

    def take(self, rows: ArrayLike | slice) -> "Column":
        """Return those rows that are given by row numbers, by a mask or by a slice."""
        chosen = row_index(rows)
        numbers = None if self._numbers is None else self._numbers[chosen]
        return self._with(self._texts.take(chosen), numbers)

    def _with(self, texts: Texts, numbers: Floats | None, name: str | None = None) -> "Column":
        name = self.name if name is None else name
        return Column(name, texts, numbers=numbers, style=self.style, problem=self.problem)

    def renamed(self, name: str) -> "Column":
        """Return the column under another name."""
        return self._with(self._texts, self._numbers, name)


def stay_narrow(n: int, among: int) -> bool:
    """Return whether `n` float32 numbers are stored as float32, which only large tables need."""
    return are_large(4 * n, among)


def spelling_of(column: Column) -> str:
    """Return the decimal mark of a column, followed by its thousands separator."""
    mark = "," if "decimal comma" in column.style else "."
    if "thousands separators" not in column.style:
        return mark
    found = (GROUPED.search(cell) for cell in column.each_cell() if cell is not None)
    return mark + next((each[1] for each in found if each and each[1] != mark), "")


def spelled(text: str, mark: str) -> str:
    """Return a text whose numbers have the decimal mark and the thousands separator of a column."""
    if mark == ".":
        return text
    if mark[1:]:
        text = INTEGER_PART.sub(lambda each: f"{int(each[0]):,}", text)
    return text.translate({ord("."): mark[0], ord(","): mark[1:]})


def row_index(rows: ArrayLike | slice) -> Any:
    """Convert row numbers, a mask or a slice to an index with which an array is indexed."""
    if isinstance(rows, slice):
        return rows
    index = np.asarray(rows)
    # np.asarray([]) has the type float64, which cannot be an index.
    return index.astype(np.intp) if index.size == 0 and index.dtype != bool else index
