"""Columns whose order is told: levels from low to high, and dates, each as one feature."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints, Objects
from somscape.encode._codes import (
    MISSING_LEVEL,
    ROBUST,
    NumberCode,
    OneFeature,
    Problem,
    Scaling,
    level_texts,
    present,
)
from somscape.errors import InputError
from somscape.tables import Column, read_date, table_from_columns

MICROSECONDS = {"D": 86_400_000_000, "s": 1_000_000, "us": 1}
"""Length of a date's unit: whole days, whole seconds, or less."""

FIRST, LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31", "us")
"""The dates that Python, and so a data frame, can hold."""

LEVELS_SHOWN = 8


@dataclass(frozen=True)
class OrdinalCode(OneFeature):
    """An ordered category as one number: its levels at equal steps from 0 to 1.

    The lowest level and the highest lie one full range apart.  A cell that is none of the
    levels has no place among them and is refused.

    Attributes
    ----------
    name, why : str
        The column, and why it is taken as an ordered category.
    levels : tuple of str
        From the lowest to the highest.
    fill : int
        Position of the median level (the lower of two), which stands in for missing cells.
    """

    kind: ClassVar[str] = "ordinal"
    name: str
    why: str
    levels: tuple[str, ...]
    fill: int

    @classmethod
    def fit(
        cls, column: Column, why: str, levels: tuple[str, ...], counts: Float64s | None = None
    ) -> "OrdinalCode":
        """Learn the median level of a column with at least one cell."""
        place = {level: i for i, level in enumerate(levels)}
        # A cell that is no level is refused before its place is used.
        places = np.array([place.get(text, 0) for text in level_texts(column)])
        found = present(column, places, counts)
        return cls(column.name, why, levels, int(found.at((found.n - 1) // 2)))

    def problem(self, column: Column) -> Problem:
        """Return the first row that cannot be encoded and what it must hold, or None."""
        known = {*self.levels, MISSING_LEVEL}
        texts = level_texts(column)
        if known.issuperset(texts):
            return None
        shown = ", ".join(self.levels[:LEVELS_SHOWN])
        more = ", ..." if len(self.levels) > LEVELS_SHOWN else ""
        row = next(i for i, text in enumerate(texts) if text not in known)
        return row, f"must hold one of its levels {shown}{more}"

    def encode(self, column: Column) -> Float64s:
        """Return the encoded column, of shape (n_rows, 1)."""
        place = {level: i for i, level in enumerate(self.levels)} | {MISSING_LEVEL: self.fill}
        return self.encoded_levels[[place[text] for text in level_texts(column)]]

    def decode(self, features: Floats) -> Objects:
        """Return the nearest level of each row of encoded features of shape (n, 1)."""
        return np.array(self.levels, dtype=object)[self._places(features)]

    @property
    def encoded_levels(self) -> Float64s:
        """All levels, encoded, of shape (n_levels, 1)."""
        return (np.arange(len(self.levels)) / (len(self.levels) - 1))[:, None]

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return the levels nearest to some prototypes (n, 1), encoded."""
        return self.encoded_levels[self._places(prototypes)]

    def usual(self, prototypes: Float64s) -> str:
        """Return the levels that some prototypes (n, 1) span, in words."""
        places = self._places(prototypes)
        low, high = self.levels[places.min()], self.levels[places.max()]
        return low if low == high else f"{low} to {high}"

    def _places(self, features: Floats) -> Ints:
        last = len(self.levels) - 1
        return np.rint(np.clip(features[:, 0] * last, 0, last)).astype(np.intp)


@dataclass(frozen=True)
class DateCode(OneFeature):
    """A date, with or without a time of day, as the number of its units since 1970.

    Attributes
    ----------
    name, why : str
        The column, and why it is taken as a date.
    unit : {"D", "s", "us"}
        The longest of day, second and microsecond that all dates seen are whole numbers of;
        decoded dates are rounded to it.
    has_zone : bool
        Whether the cells name a time zone; decoded dates are then in UTC.
    number : NumberCode
        How the number of units is scaled.
    """

    kind: ClassVar[str] = "date"
    name: str
    why: str
    unit: str
    has_zone: bool
    number: NumberCode

    @classmethod
    def fit(
        cls, column: Column, why: str, scaling: Scaling = ROBUST, counts: Float64s | None = None
    ) -> "DateCode":
        """Learn unit and scale from a column of at least two different dates."""
        times = date_values(column)
        moments = times[~np.isnat(times)].astype(np.int64)
        unit = next(u for u, length in MICROSECONDS.items() if not (moments % length).any())
        number = NumberCode.fit(_counted(column, unit), why, scaling, counts)
        return cls(column.name, number.why, unit, date_zone(column), number)

    def problem(self, column: Column) -> Problem:
        """Return the first row that cannot be encoded and what it must hold, or None."""
        return date_problem(column, self.has_zone)

    def encode(self, column: Column) -> Float64s:
        """Return the encoded column, of shape (n_rows, 1)."""
        return self.number.encode(_counted(column, self.unit))

    def decode(self, features: Floats) -> NDArray[np.datetime64]:
        """Return dates of the code's unit from encoded features of shape (n, 1)."""
        return self._dates(self.number.decode(features.astype(np.float64)))

    def short(self, features: Float64s, step: float, side: int = 0) -> NDArray[np.datetime64]:
        """Return dates of whole units near encoded ones; see `NumberCode.short`."""
        return self._dates(self.number.short(features, 0.0, side))

    def place(self, dates: NDArray[np.datetime64]) -> Float64s:
        """Return dates on the encoded scale, of the same shape."""
        counts = dates.astype(f"datetime64[{self.unit}]").astype(np.int64)
        return self.number.place(counts.astype(np.float64))

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return cells near some prototypes (n, 1), encoded: dates of whole units."""
        return self.place(self.short(prototypes, step))[:, None]

    def _dates(self, counts: Float64s) -> NDArray[np.datetime64]:
        type_ = f"datetime64[{self.unit}]"
        ends = [end.astype(type_).astype(np.float64) for end in (FIRST, LAST)]
        return np.rint(np.clip(counts, *ends)).astype(np.int64).astype(type_)

    def usual(self, prototypes: Float64s) -> str:
        """Return the dates that some prototypes (n, 1) span, in words."""
        dates = self.decode(prototypes)
        low, high = str(dates.min()), str(dates.max())
        return low if low == high else f"{low} to {high}"


def ordinal_levels(name: str, given: Sequence[Any]) -> tuple[str, ...]:
    """Return the levels of an ordered category as its cells spell them.

    Parameters
    ----------
    name : str
        The column, for messages.
    given : sequence
        Levels from the lowest to the highest: texts, numbers or booleans.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        For fewer than two levels, a level given twice, or one that is a word for a missing cell.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputError(
            f"the levels of column '{name}' must be a list from the lowest to the highest; got "
            f"{given!r}."
        )
    levels = [level_texts(table_from_columns({name: [level]}).columns[0])[0] for level in given]
    repeated = [level for i, level in enumerate(levels) if level in levels[:i]]
    if len(levels) < 2 or repeated or MISSING_LEVEL in levels:
        fault = f"'{repeated[0]}' stands there twice" if repeated else "they are fewer than two"
        if MISSING_LEVEL in levels:
            fault = f"{given[levels.index(MISSING_LEVEL)]!r} stands for a missing cell"
        raise InputError(
            f"the levels of column '{name}' must be at least two different ones from the lowest "
            f"to the highest, but {fault}; got {list(given)}.",
            options=f"--ordinal {shlex.quote(f'{name}=LOW<MIDDLE<HIGH')}",
        )
    return tuple(levels)


def date_values(column: Column) -> NDArray[np.datetime64]:
    """Return the dates of a column without a problem, NaT where a cell is missing."""
    moment_of = {cell: _moment(cell) for cell in set(column.cells)}
    return np.array([moment_of[cell] for cell in column.cells], dtype="datetime64[us]")


def date_zone(column: Column) -> bool:
    """Return whether the first date of a column names a time zone."""
    first = next((cell for cell in column.cells if cell is not None), "")
    read = read_date(first)
    return read is not None and read[1]


def date_problem(column: Column, has_zone: bool) -> Problem:
    """Return the first row that holds no date of this kind and what it must hold, or None."""
    zone = "with a time zone" if has_zone else "without a time zone"
    # Each distinct text is read once; numbers such as 20240131 are no dates.
    reads = {
        cell: None if column.is_number else read_date(cell) for cell in {*column.cells} - {None}
    }
    wrong = {cell for cell, read in reads.items() if read is None or read[1] != has_zone}
    if not wrong:
        return None
    row = next(i for i, cell in enumerate(column.cells) if cell in wrong)
    return row, f"must hold dates {zone} in ISO form, such as 2026-01-31 or 2026-01-31T10:30"


def _moment(cell: str | None) -> Any:
    read = None if cell is None else read_date(cell)
    return None if read is None else read[0]


def _counted(column: Column, unit: str) -> Column:
    times = date_values(column)
    counts = times.astype(np.int64) / MICROSECONDS[unit]
    return Column(column.name, column.cells, numbers=np.where(np.isnat(times), np.nan, counts))
