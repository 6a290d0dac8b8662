"""One column of a table: the text of its cells, and their numbers."""

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import ArrayLike, NDArray

from somscape._stored import are_large, put_away
from somscape._types import Float64s, Floats, Objects
from somscape._weights import blocks
from somscape.tables._late import pa
from somscape.tables._texts import BLOCK, ArrowTexts, NumberTexts, PlainTexts, Texts

STYLED = ("name", "problem", "style")
STATE = ("cells", "numbers", *STYLED)
"""What a pickled column holds, and what of it is a plain attribute."""

EXACT = 2.0**53
"""Below this every whole number has a float64 of its own."""


class Column:
    """One column: the text of every cell and, for a column of numbers, their values.

    Parameters
    ----------
    name : str
        The column's name.
    cells : ndarray of shape (n_rows,), object, or Texts
        The text as in the source, without blanks around it; None where the cell is missing.
    numbers : ndarray of shape (n_rows,), float64, or None
        The finite values, NaN where the cell is missing; None in a column of text.  Many that came
        as float32 are kept so, and made float64 each time.
    style : str
        How the numbers were written when not plainly: any of "decimal comma", "thousands
        separators", "currency $", "percent" and "negatives in parentheses", joined by ", ".  A
        percentage keeps its size: 12% is 12.
    problem : str or None
        Set on a column that is text because one cell is no number (a word, an infinity): the
        message of the `InputError` to raise when the column is used as numbers.

    See Also
    --------
    Table : Has some.

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
        """The cells as an array of objects, made anew each time: `take` rows first."""
        cells = np.empty(len(self), dtype=object)
        known: dict[str | None, str | None] = {}  # cells that repeat are one object
        for part in blocks(len(self), BLOCK):
            cells[part] = [known.setdefault(cell, cell) for cell in self._texts.to_list(part)]
        return cells

    def cell(self, row: int) -> str | None:
        """Return the text of one cell, None where missing."""
        return self._texts.to_list(slice(row, row + 1))[0]

    def each_cell(self) -> Iterator[str | None]:
        """Yield the cells, None where missing, few of them as objects at a time."""
        for part in blocks(len(self), BLOCK):
            yield from self._texts.to_list(part)

    def coded(self) -> tuple[NDArray[np.int32], list[str]]:
        """Return the cells as numbers of their different texts.

        Returns
        -------
        codes : ndarray of shape (n_rows,), int32
            -1 where the cell is missing.
        texts : list of str
            Different ones, as they first come.
        """
        return self._texts.coded()

    def to_arrow(self) -> "pa.ChunkedArray":
        """Return the text of the cells as pyarrow holds it, null where missing.

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
        """The numbers as float64, NaN where missing; None in a column of text."""
        held = self._numbers
        return None if held is None else held.astype(np.float64, copy=False)

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers (true too where every cell is missing)."""
        return self._numbers is not None

    @property
    def has_plain_numbers(self) -> bool:
        """Whether the column holds numbers, and their text is digits, signs and points."""
        return self._numbers is not None and isinstance(self._texts, NumberTexts | PlainTexts)

    @property
    def is_without_text(self) -> bool:
        """Whether numbers have no text of their own, as in a data frame."""
        return self._numbers is not None and isinstance(self._texts, NumberTexts)

    @property
    def is_exact(self) -> bool:
        """Whether different numbers are different floats: not so for long ids."""
        if self._numbers is None or isinstance(self._texts, NumberTexts):
            return True  # or the floats are all there was
        # What is missing is no number: neither comparison holds for it.
        return not bool((self._numbers >= EXACT).any() or (self._numbers <= -EXACT).any())

    @property
    def is_whole(self) -> bool:
        """Whether the column holds numbers, at least one, and all of them whole."""
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
        """The cells as values: int64 for whole numbers without a gap, float64, or text."""
        numbers = self.numbers
        if numbers is None or not self.is_exact:
            return self.cells
        return numbers.astype(np.int64) if self.is_whole and not self.n_missing else numbers

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are missing, ndarray of shape (n_rows,)."""
        return self._texts.missing() if self._numbers is None else np.isnan(self._numbers)

    @property
    def n_missing(self) -> int:
        """Number of missing cells."""
        if self._n_missing is None:
            self._n_missing = int(self.missing.sum())
        return self._n_missing

    @property
    def n_distinct(self) -> int:
        """Number of different values, missing cells left out ("7" and "7.0" are one)."""
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
            As float32 where they came so, which sorts in half the time; the same array again, not
            to be changed, while somebody has it.
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
        """Return the column with what is large of it in temporary files.

        Parameters
        ----------
        among : int
            How many columns its table has; together they are large or not.
        """
        numbers = self._numbers
        if numbers is not None:
            if self._is_narrow and stay_narrow(len(numbers), among):
                numbers = numbers.astype(np.float32, copy=False)
            numbers = put_away(numbers, among=among)
        texts = self._texts.put_away(numbers, among)
        return Column(self.name, texts, numbers=numbers, style=self.style, problem=self.problem)

    def take(self, rows: ArrayLike | slice) -> "Column":
        """Return the column with some rows: numbers, a boolean mask or a slice."""
        chosen = row_index(rows)
        numbers = None if self._numbers is None else self._numbers[chosen]
        texts = self._texts.take(chosen)
        return Column(self.name, texts, numbers=numbers, style=self.style, problem=self.problem)

    def renamed(self, name: str) -> "Column":
        """Return the column under another name."""
        return Column(
            name, self._texts, numbers=self._numbers, style=self.style, problem=self.problem
        )


def stay_narrow(n: int, among: int) -> bool:
    """Say whether as many numbers that came as float32 are kept so."""
    return are_large(4 * n, among)


def row_index(rows: ArrayLike | slice) -> Any:
    """Return numbers of rows, a mask or a slice as what an array takes."""
    if isinstance(rows, slice):
        return rows
    index = np.asarray(rows)
    # np.asarray([]) is float64, which does not index.
    return index.astype(np.intp) if index.size == 0 and index.dtype != bool else index
