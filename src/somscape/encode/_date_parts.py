"""What else a date tells: weekday, time of day, and the days to the next date of its row."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise, product
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints, Objects
from somscape.encode._codes import CategoryCode, NumberCode, SaysUsual, Scaling
from somscape.encode._ordered import OrdinalCode, date_zone
from somscape.encode._text import number_text
from somscape.tables import Dates, Moments, free_name, table_from_columns

RADIUS = 0.5
"""Of the circles, so that what is half a turn apart lies at distance 1, like two levels."""

CIRCLE_BITS = 30
"""Bits of a place on a circle, the same on every processor."""

MAX_SPANS = 3
"""Most differences of dates: of neighboring pairs of date columns, the first ones."""

MIN_UNEVEN, MAX_CHANCE, MIN_ROWS_A_LEVEL = 0.05, 4.0, 10
"""A weekday or hour is left out where rows are spread evenly over all: it would only add noise.
The squared differences from even shares, as a part of these, are below the first number (0.4 for
working days, 0.01 for births), or by how many standard deviations chance may exceed its mean."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"{hour:02}:00" for hour in range(24))
LEVELS = {"weekday": WEEKDAYS, "hour": HOURS}
STEPS = {"weekday": 7, "hour": 1440}
"""Places on the circle: days of a week, minutes of a day."""

DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True)
class CycleCode(SaysUsual):
    """The weekday or the time of day of a date, as a place on a circle: two features.

    Sunday and Monday, or 23:59 and 00:00, are neighbors; what is half a turn apart lies at
    distance 1, like two levels of a category.

    Attributes
    ----------
    name, why : str
        What it is called, and what it was made from.
    source : str
        The column of dates.
    part : {"weekday", "hour"}
    fill : int
        The weekday from 0 or the minute of the day that stands in for missing dates.
    factor : float
        What the layer of the column multiplies its features by.
    """

    kind: ClassVar[str] = "circle"
    name: str
    why: str
    source: str
    part: str
    fill: int
    factor: float = 1.0

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns it is made from."""
        return (self.source,)

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the weekdays, or of the hours of a day."""
        return LEVELS[self.part]

    @property
    def n_features(self) -> int:
        """Encoded features: the two coordinates on the circle."""
        return 2

    @property
    def feature_names(self) -> list[str]:
        """Names of the encoded features."""
        return [f"{self.name} (cos)", f"{self.name} (sin)"]

    @classmethod
    def fit(cls, name: str, part: str, dates: Dates, counts: Float64s | None) -> "CycleCode | None":
        """Learn the most frequent weekday or hour; None where it tells nothing."""
        steps = _steps(part, dates.moments)
        is_there = steps >= 0
        if len(np.unique(steps[is_there])) < 2:
            return None
        n, a_level = STEPS[part], STEPS[part] // len(LEVELS[part])
        weights = None if counts is None else counts[is_there]
        levels = steps[is_there] // a_level
        found = np.bincount(levels, weights, minlength=n // a_level).astype(np.float64)
        if _are_even(found):
            return None
        source = dates.column.name
        return cls(name, f"of the dates in {source}", source, part, int(found.argmax()) * a_level)

    def encode(self, moments: Moments) -> Float64s:
        """Return the features of dates, NaT where missing, of shape (n_rows, 2)."""
        steps = _steps(self.part, moments)
        return self.circle[np.where(steps < 0, self.fill, steps)]

    @property
    def circle(self) -> Float64s:
        """All weekdays, or all minutes of a day, encoded, of shape (n, 2)."""
        return self.factor * _circle(STEPS[self.part])

    @property
    def encoded_levels(self) -> Float64s:
        """All levels, encoded, of shape (n_levels, 2)."""
        return self.circle[:: self._steps_of_level]

    def decode(self, features: Floats) -> Objects:
        """Return the weekday or hour of each row of encoded features."""
        return np.array(self.levels, dtype=object)[self._places(features)]

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return the levels nearest to some prototypes (n, 2), encoded."""
        return self.encoded_levels[self._places(prototypes)]

    def moved(self, dates: Moments, prototypes: Float64s) -> Moments:
        """Return dates moved to the weekday, or the hour, of prototypes."""
        here, there = _steps(self.part, dates), self._steps(prototypes)
        if self.part == "weekday":
            return dates + ((there - here + 3) % 7 - 3) * np.timedelta64(1, "D")
        return dates + (there // 60 - here // 60) * np.timedelta64(1, "h")

    def text(self, features: Floats) -> str:
        """Return the weekday, or the time of day, of one encoded row of shape (2,)."""
        step = int(self._steps(features[None])[0])
        return WEEKDAYS[step] if self.part == "weekday" else f"{step // 60:02}:{step % 60:02}"

    def usual(self, prototypes: Float64s) -> str:
        """Return the weekdays or hours that some prototypes (n, 2) span, in words."""
        covered = self._covered(prototypes)
        n = len(covered)
        if covered.all():
            return f"any {self.part}"
        # The arc begins after the longest gap.
        begin = max(np.flatnonzero(covered).tolist(), key=lambda i: _n_before(covered, i))
        end = (begin - _n_before(covered, begin) - 1) % n
        if self.part == "hour":
            return f"{begin:02}:00 to {end + 1:02}:00"
        return WEEKDAYS[begin] if begin == end else f"{WEEKDAYS[begin]} to {WEEKDAYS[end]}"

    def is_usual(self, features: Floats, prototypes: Float64s) -> bool:
        """Return whether one row (2,) is on a weekday or hour that some prototypes span."""
        return bool(self._covered(prototypes)[self._places(features[None])[0]])

    def as_ordinal(self, features: Floats) -> tuple[OrdinalCode, Float64s]:
        """Return levels in a row, and features (n, 1) on them: for bars."""
        code = OrdinalCode(self.name, self.why, self.levels, 0)
        is_missing = np.asarray(np.isnan(features).any(axis=1))
        rows = code.encoded_levels[self._places(np.nan_to_num(features))]
        return code, np.where(is_missing[:, None], np.nan, rows)

    def as_category(self, features: Floats) -> tuple[CategoryCode, Float64s]:
        """Return levels without order, and features of them: for shares."""
        code = CategoryCode(self.name, self.why, self.levels)
        is_missing = np.asarray(np.isnan(features).any(axis=1))
        rows = code.encoded_levels[self._places(np.nan_to_num(features))]
        return code, np.where(is_missing[:, None], np.nan, rows)

    @property
    def _steps_of_level(self) -> int:
        return STEPS[self.part] // len(self.levels)

    def _steps(self, features: Floats) -> Ints:
        n = STEPS[self.part]
        turns = np.arctan2(features[:, 1], features[:, 0]) / (2 * np.pi)
        return np.rint(turns * n).astype(np.intp) % n

    def _places(self, features: Floats) -> Ints:
        return np.asarray(self._steps(features) // self._steps_of_level)

    def _covered(self, prototypes: Float64s) -> NDArray[np.bool_]:
        """Return for each level whether a prototype stands for it."""
        n = len(self.levels)
        half = 0.0 if self._steps_of_level == 1 else 0.5  # a minute belongs to its hour's middle
        widths = np.arange(1, n + 1)
        lengths = np.sin(widths * np.pi / n) / (widths * np.sin(np.pi / n))
        covered: NDArray[np.bool_] = np.zeros(n, dtype=np.bool_)
        radius = RADIUS * self.factor
        for x, y in prototypes.tolist():
            n_levels = int(widths[np.abs(lengths - math.hypot(x, y) / radius).argmin()])
            middle = math.atan2(y, x) / (2 * math.pi) * n - half
            first = math.floor(middle - (n_levels - 1) / 2 + 0.5)
            covered[np.arange(first, first + n_levels) % n] = True
        return covered


@dataclass(frozen=True)
class SpanCode(NumberCode):
    """The days from one date of a row to another, as a number.

    Attributes
    ----------
    name, why, center, width, low, span, fill, is_whole, is_padded, reach
        As of a `NumberCode`.
    least, most, decimals, factor
        As of a `NumberCode`.
    start, end : str
        The two columns of dates.
    """

    kind: ClassVar[str] = "days"
    start: str = ""
    end: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns it is made from."""
        return (self.start, self.end)

    @classmethod
    def between(
        cls, name: str, dates: Sequence[Dates], scaling: Scaling, counts: Float64s | None
    ) -> "SpanCode | None":
        """Learn the scale of the days between two columns; None where they never differ."""
        days = _days_between(*(each.moments for each in dates))
        column = table_from_columns({name: days}).columns[0]
        if column.numbers is None or column.n_distinct < 2:
            return None
        start, end = (each.column.name for each in dates)
        number = NumberCode.fit(column, f"{start} and {end} are dates", scaling, counts)
        return cls(**asdict(number), start=start, end=end)

    def encode_dates(self, start: Moments, end: Moments) -> Float64s:
        """Return the feature of dates, NaT where missing, of shape (n_rows, 1)."""
        return self.encode_numbers(_days_between(start, end))

    def text(self, features: Floats) -> str:
        """Return the days of one encoded row of shape (1,)."""
        return number_text(float(self.decode(features[None].astype(np.float64))[0]), self.is_whole)


PartCode: TypeAlias = CycleCode | SpanCode
LeveledCode: TypeAlias = CategoryCode | OrdinalCode | CycleCode


def parts_of(
    dates: Sequence[Dates], taken: Iterable[str], scaling: Scaling, counts: Float64s | None
) -> tuple[PartCode, ...]:
    """Return what else the dates of a table tell."""
    found: list[PartCode | None] = []
    columns = set(taken)
    for each in dates:
        for part in LEVELS:
            name = free_name(f"{each.column.name}: {part}", columns, "_")
            found.append(CycleCode.fit(name, part, each, counts))
    for pair in list(pairwise(dates))[:MAX_SPANS]:
        if date_zone(pair[0]) == date_zone(pair[1]):
            start, end = (each.column.name for each in pair)
            name = free_name(f"days from {start} to {end}", columns, "_")
            found.append(SpanCode.between(name, pair, scaling, counts))
    return tuple(code for code in found if code is not None)


def part_names(dates: Mapping[str, bool], taken: Iterable[str]) -> list[str]:
    """Return the names of all that the dates of a table may tell."""
    parts = product(dates.items(), LEVELS)
    names = [f"{name}: {part}" for (name, has_time), part in parts if has_time or part != "hour"]
    names += [f"days from {a} to {b}" for a, b in list(pairwise(dates))[:MAX_SPANS]]
    columns = set(taken)
    return [free_name(name, columns, "_") for name in names]


def has_time(dates: Moments) -> bool:
    """Return whether dates have a time of day."""
    moments = dates[~np.isnat(dates)].astype("datetime64[us]").astype(np.int64)
    return bool((moments % DAY).any())


def encoded_part(code: PartCode, dates: Mapping[str, Moments]) -> Float64s:
    """Return the features of what dates tell, from the dates by column."""
    if isinstance(code, CycleCode):
        return code.encode(dates[code.source])
    return code.encode_dates(dates[code.start], dates[code.end])


def _steps(part: str, dates: Moments) -> Ints:
    """Return weekdays from 0, Monday, or minutes of the day; -1 where there is no date."""
    days, time = np.divmod(dates.astype("datetime64[us]").astype(np.int64), DAY)
    # 1970 began on a Thursday.
    steps = (days + 3) % 7 if part == "weekday" else time // 60_000_000
    return np.where(np.isnat(dates), -1, steps).astype(np.intp)


def _days_between(start: Moments, end: Moments) -> Float64s:
    start, end = (each.astype("datetime64[us]") for each in (start, end))
    apart = end.astype(np.int64) - start.astype(np.int64)
    return np.where(np.isnat(start) | np.isnat(end), np.nan, apart / DAY)


def _are_even(counts: Float64s) -> bool:
    """Return whether counts of levels are even, as far as enough rows can show it."""
    k, n = len(counts), counts.sum()
    uneven = k * ((counts / n - 1 / k) ** 2).sum()
    chance = (k - 1 + MAX_CHANCE * math.sqrt(2 * (k - 1))) / n
    return bool(n >= MIN_ROWS_A_LEVEL * k and uneven <= max(MIN_UNEVEN, chance))


def _n_before(covered: NDArray[np.bool_], place: int) -> int:
    """Return how many levels before a place, around the circle, are not covered."""
    n = len(covered)
    return next(k for k in range(n) if covered[(place - 1 - k) % n])


@cache
def _circle(n: int) -> Float64s:
    """Return n places on a circle, in even steps, rounded to what every processor gives."""
    turns = [2 * math.pi * i / n for i in range(n)]
    places = RADIUS * np.array([[math.cos(turn), math.sin(turn)] for turn in turns])
    return np.rint(places * 2.0**CIRCLE_BITS) * 2.0**-CIRCLE_BITS
