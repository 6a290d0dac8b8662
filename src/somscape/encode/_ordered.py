"""Columns whose order is told: levels from low to high, and dates, each as one feature."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints, Objects
from somscape.encode._codes import ROBUST, NumberCode, OneFeature, Problem, Scaling
from somscape.encode._levels import MISSING_LEVEL, level_texts
from somscape.encode._numbers import present
from somscape.errors import InputError
from somscape.tables import Column, Dates, dates_of, table_from_columns

MICROSECONDS = {"D": 86_400_000_000, "s": 1_000_000, "us": 1}
"""Length of a date's unit: whole days, whole seconds, or less."""

FIRST, LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31", "us")
"""The dates that Python, and so a data frame, can hold."""

EXAMPLES = {
    "dmy": "31.01.2026 (the day first)",
    "mdy": "01/31/2026 (the month first)",
    "ymd": "26-01-31 (the year first)",
}

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
    factor : float
        What the layer of the column multiplies its features by.
    """

    kind: ClassVar[str] = "ordinal"
    name: str
    why: str
    levels: tuple[str, ...]
    fill: int
    factor: float = 1.0

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

    def read(self, column: Column) -> Column:
        """Return the column: its levels are its texts."""
        return column

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
        return self.factor * (np.arange(len(self.levels)) / (len(self.levels) - 1))[:, None]

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
        return np.rint(np.clip(features[:, 0] / self.factor * last, 0, last)).astype(np.intp)


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
    order : {"dmy", "mdy", "ymd"}
        How a cell is read that does not show the order of its day and month.
    """

    kind: ClassVar[str] = "date"
    name: str
    why: str
    unit: str
    has_zone: bool
    number: NumberCode
    order: str = "dmy"

    @property
    def factor(self) -> float:
        """What the layer of the column multiplies its feature by."""
        return self.number.factor

    @classmethod
    def fit(
        cls, dates: Dates, why: str, scaling: Scaling = ROBUST, counts: Float64s | None = None
    ) -> "DateCode":
        """Learn unit and scale from a column of at least two different dates."""
        moments = dates.moments[~dates.missing].astype(np.int64)
        unit = next(u for u, length in MICROSECONDS.items() if not (moments % length).any())
        column = table_from_columns({dates.column.name: _counts(dates, unit)}).columns[0]
        number = NumberCode.fit(column, why, scaling, counts).without_bounds()
        return cls(column.name, number.why, unit, date_zone(dates), number, dates.order)

    def read(self, column: Column) -> Dates:
        """Return the dates of a column."""
        return dates_of(column, self.order)

    def problem(self, source: Dates) -> Problem:
        """Return the first row that cannot be encoded and what it must hold, or None."""
        return date_problem(source, self.has_zone)

    def encode(self, source: Dates) -> Float64s:
        """Return the encoded column, of shape (n_rows, 1)."""
        return self.number.encode_numbers(_counts(source, self.unit))

    def decode(self, features: Floats) -> NDArray[np.datetime64]:
        """Return dates of the code's unit from encoded features of shape (n, 1)."""
        return self._dates(self.number.decode(features.astype(np.float64)))

    def text(self, features: Floats) -> str:
        """Return the date of one encoded row of shape (1,)."""
        return str(self.decode(features[None])[0])

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
    """Return the levels of an ordered category as its cells spell them."""
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


def date_zone(dates: Dates) -> bool:
    """Return whether the first date of a column names a time zone."""
    is_there = ~dates.missing
    return bool(is_there.any() and dates.has_zone[is_there.argmax()])


def date_problem(dates: Dates, has_zone: bool) -> Problem:
    """Return the first row that holds no date of this kind and what it must hold, or None."""
    is_wrong = np.where(dates.missing, ~dates.column.missing, dates.has_zone != has_zone)
    if not is_wrong.any():
        return None
    zone = "with a time zone" if has_zone else "without a time zone"
    examples = f"2026-01-31T10:30{'+01:00' if has_zone else ''} or {EXAMPLES[dates.order]}"
    return int(is_wrong.argmax()), f"must hold dates {zone}, such as {examples}"


def _counts(dates: Dates, unit: str) -> Float64s:
    counts = dates.moments.astype(np.int64) / MICROSECONDS[unit]
    return np.where(dates.missing, np.nan, counts)
