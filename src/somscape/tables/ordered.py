"""Encode ordered categories and dates."""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise, product
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints, Objects
from somscape.errors import InputError
from somscape.tables._checked import Positive, one_of
from somscape.tables._dates import ORDERS, Dates, Moments, dates_of
from somscape.tables._messages import free_name
from somscape.tables.codes import (
    MISSING_LEVEL,
    ROBUST,
    CategoryCode,
    NumberCode,
    OneFeature,
    Problem,
    SaysUsual,
    Scaling,
    level_texts,
    number_text,
    present,
)
from somscape.tables.column import Column
from somscape.tables.table import table_from_columns

Leveled = TypeVar("Leveled", "OrdinalCode", CategoryCode)

MICROSECONDS = {"D": 86_400_000_000, "s": 1_000_000, "us": 1}
"""Number of microseconds in each unit in which dates are encoded (day, second, microsecond)."""

FIRST, LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31", "us")
"""First and last date that both Python and the libraries for data frames can represent."""

EXAMPLES = {
    "dmy": "31.01.2026 (the day first)",
    "mdy": "01/31/2026 (the month first)",
    "ymd": "26-01-31 (the year first)",
}

LEVELS_SHOWN = 8


@dataclass(frozen=True)
class OrdinalCode(OneFeature):
    """The encoding of an ordered category as a number. Levels have equal distances from 0 to 1.

    If the text of a cell is not one of the levels, encoding raises an error.

    Attributes
    ----------
    name, why : str
        Name of the column, and the reason for its kind.
    levels : tuple of str
        Levels from the lowest to the highest.
    fill : int
        Index of the (lower) median level.  This level replaces missing cells.
    factor : float
        Factor of the column's layer.  Features are multiplied by this factor.
    """

    kind: ClassVar[str] = "ordinal"
    name: str
    why: str
    levels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    fill: Annotated[int, msgspec.Meta(ge=0)]
    factor: Positive = 1.0

    @classmethod
    def fit(
        cls, column: Column, why: str, levels: tuple[str, ...], counts: Float64s | None = None
    ) -> "OrdinalCode":
        """Learn the level that replaces missing cells from a column with at least one cell."""
        place = {level: i for i, level in enumerate(levels)}
        # A cell that is not a level is rejected before its index is used.
        places = np.array([place.get(text, 0) for text in level_texts(column)])
        found = present(column, places, counts)
        return cls(column.name, why, levels, int(found.at((found.n - 1) // 2)))

    def read(self, column: Column) -> Column:
        """Return the column unchanged, because its levels are its texts."""
        return column

    def problem(self, column: Column) -> Problem:
        """Return the first row that cannot be encoded, and which cells are valid, or None."""
        known = {*self.levels, MISSING_LEVEL}
        texts = level_texts(column)
        if known.issuperset(texts):
            return None
        shown = ", ".join(self.levels[:LEVELS_SHOWN])
        more = ", ..." if len(self.levels) > LEVELS_SHOWN else ""
        row = next(i for i, text in enumerate(texts) if text not in known)
        return row, f"must contain one of its levels {shown}{more}"

    def encode(self, column: Column) -> Float64s:
        """Encode a column, and return an array of shape (n_rows, 1)."""
        place = {level: i for i, level in enumerate(self.levels)} | {MISSING_LEVEL: self.fill}
        return self.encoded_levels[[place[text] for text in level_texts(column)]]

    def decode(self, features: Floats) -> Objects:
        """Return, for each encoded row, the nearest level. `features` has the shape (n, 1)."""
        return np.array(self.levels, dtype=object)[self._places(features)]

    @property
    def encoded_levels(self) -> Float64s:
        """Encoded levels, of shape (n_levels, 1)."""
        return self.factor * (np.arange(len(self.levels)) / (len(self.levels) - 1))[:, None]

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return, for each prototype, the encoded value of the nearest level."""
        return self.encoded_levels[self._places(prototypes)]

    def usual(self, prototypes: Float64s) -> str:
        """Return the range from the lowest to the highest level of the prototypes, as text."""
        places = self._places(prototypes)
        low, high = self.levels[places.min()], self.levels[places.max()]
        return low if low == high else f"{low} to {high}"

    def _places(self, features: Floats) -> Ints:
        last = len(self.levels) - 1
        return np.rint(np.clip(features[:, 0] / self.factor * last, 0, last)).astype(np.intp)


@dataclass(frozen=True)
class DateCode(OneFeature):
    """The encoding of a date (and time) as the number of units since 1970.

    Attributes
    ----------
    name, why : str
        Name of the column, and the reason for its kind.
    unit : {"D", "s", "us"}
        Longest unit (day, second or microsecond) of which all training dates are whole multiples.
        Decoded dates are rounded to this unit.
    has_zone : bool
        Whether cells have a time zone.  If so, decoded dates are in UTC.
    number : NumberCode
        Scaling of the number of units.
    order : {"dmy", "mdy", "ymd"}
        Order of day, month and year with which ambiguous cells are read.
    """

    kind: ClassVar[str] = "date"
    name: str
    why: str
    unit: Annotated[str, one_of(MICROSECONDS)]
    has_zone: bool
    number: NumberCode
    order: Annotated[str, one_of(ORDERS)] = "dmy"

    @property
    def factor(self) -> float:
        """Factor of the column's layer. The feature is multiplied by this factor."""
        return self.number.factor

    @classmethod
    def fit(
        cls, dates: Dates, why: str, scaling: Scaling = ROBUST, counts: Float64s | None = None
    ) -> "DateCode":
        """Learn the unit and the scale from a column with two or more distinct dates."""
        moments = dates.moments[~dates.missing].astype(np.int64)
        unit = next(u for u, length in MICROSECONDS.items() if not (moments % length).any())
        column = table_from_columns({dates.column.name: _counts(dates, unit)}).columns[0]
        number = NumberCode.fit(column, why, scaling, counts).without_bounds()
        return cls(column.name, number.why, unit, date_zone(dates), number, dates.order)

    def read(self, column: Column) -> Dates:
        """Return the dates of a column."""
        return dates_of(column, self.order)

    def problem(self, source: Dates) -> Problem:
        """Return the first row that cannot be encoded, and which dates are valid, or None."""
        return date_problem(source, self.has_zone)

    def encode(self, source: Dates) -> Float64s:
        """Encode a column of dates, and return an array of shape (n_rows, 1)."""
        return self.number.encode_numbers(_counts(source, self.unit))

    def decode(self, features: Floats) -> NDArray[np.datetime64]:
        """Decode the values of this feature to dates in the unit of the code."""
        return self._dates(self.number.decode(features.astype(np.float64)))

    def text(self, features: Floats) -> str:
        """Decode one encoded value (an array of shape (1,)) to a date, and return it as text."""
        return moment_text(self.decode(features[None])[0])

    def short(self, features: Float64s, step: float, side: int = 0) -> NDArray[np.datetime64]:
        """Decode the values of this feature to dates, rounded as in `NumberCode.short`."""
        return self._dates(self.number.short(features, 0.0, side))

    def place(self, dates: NDArray[np.datetime64]) -> Float64s:
        """Return the encoded value of each date. The array keeps its shape."""
        counts = dates.astype(f"datetime64[{self.unit}]").astype(np.int64)
        return self.number.place(counts.astype(np.float64))

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Round prototypes to dates in whole units, and return the encoded dates."""
        return self.place(self.short(prototypes, step))[:, None]

    def _dates(self, counts: Float64s) -> NDArray[np.datetime64]:
        type_ = f"datetime64[{self.unit}]"
        ends = [end.astype(type_).astype(np.float64) for end in (FIRST, LAST)]
        return np.rint(np.clip(counts, *ends)).astype(np.int64).astype(type_)

    def usual(self, prototypes: Float64s) -> str:
        """Return the range from the first to the last date of the prototypes, as text."""
        dates = self.decode(prototypes)
        if self.unit != "D" and np.ptp(dates) >= np.timedelta64(1, "h"):
            dates = dates.astype("datetime64[m]")
        return " to ".join(dict.fromkeys(moment_text(end) for end in (dates.min(), dates.max())))


def moment_text(moment: np.datetime64) -> str:
    """Return a date, or a date and time such as 2026-07-21 15:31, without seconds of 0."""
    day, is_time, time = str(moment).partition("T")
    time = time.rstrip("0").rstrip(".") if "." in time else time
    return f"{day} {time.removesuffix(':00') if time.count(':') == 2 else time}" if is_time else day


def ordinal_levels(name: str, given: Sequence[Any]) -> tuple[str, ...]:
    """Return the levels of an ordered category, spelled as they are in a column's cells."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputError(
            f"The levels of column '{name}' must be a list from the lowest to the highest level, "
            f"but are {given!r}. Give for example ['low', 'middle', 'high'].",
            parameter="ordinals",
            value=given,
            column=name,
        )
    levels = [level_texts(table_from_columns({name: [level]}).columns[0])[0] for level in given]
    repeated = [level for i, level in enumerate(levels) if level in levels[:i]]
    if len(levels) < 2 or repeated or MISSING_LEVEL in levels:
        fault = f"{repeated[0]!r} is repeated" if repeated else "there are fewer than two levels"
        if MISSING_LEVEL in levels:
            fault = f"{given[levels.index(MISSING_LEVEL)]!r} means a missing cell"
        raise InputError(
            f"{list(given)} cannot be the levels of column '{name}', because {fault}. Give at "
            "least two different levels from the lowest to the highest.",
            options=f"--ordinal {shlex.quote(f'{name}=LOW<MIDDLE<HIGH')}",
            parameter="ordinals",
            value=list(given),
            column=name,
        )
    return tuple(levels)


def date_zone(dates: Dates) -> bool:
    """Return whether a column of dates has a time zone, judging by its first date."""
    is_there = ~dates.missing
    return bool(is_there.any() and dates.has_zone[is_there.argmax()])


def date_problem(dates: Dates, has_zone: bool) -> Problem:
    """Return the first row whose date cannot be encoded, and which dates are valid, or None."""
    is_wrong = np.where(dates.missing, ~dates.column.missing, dates.has_zone != has_zone)
    if not is_wrong.any():
        return None
    zone = "with a time zone" if has_zone else "without a time zone"
    examples = f"2026-01-31T10:30{'+01:00' if has_zone else ''} or {EXAMPLES[dates.order]}"
    return int(is_wrong.argmax()), f"must contain dates {zone}, such as {examples}"


def _counts(dates: Dates, unit: str) -> Float64s:
    counts = dates.moments.astype(np.int64) / MICROSECONDS[unit]
    return np.where(dates.missing, np.nan, counts)


RADIUS = 0.5
"""Radius of a circle on which opposite points have distance 1, like two levels of a category."""

CIRCLE_BITS = 30
"""Number of bits to which coordinates of points on a circle are rounded. Because of the rounding,
the coordinates are the same on all processors."""

MAX_SPANS = 3
"""Maximum number of features that contain the days between two neighboring columns of dates. The
first pairs are used."""

MIN_UNEVEN, MAX_CHANCE, MIN_ROWS_A_LEVEL = 0.05, 4.0, 10
"""Limits at which weekdays (or hours) are evenly distributed. Such a feature is left out, because
it only adds noise. The first number is the maximum relative squared difference from equal shares.
For weekdays, this difference is 0.4 if only working days occur, and 0.01 for births. The second
number is the maximum difference that can occur by chance, in standard deviations above its mean.
The third number is the minimum mean number of rows for each weekday or hour."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"{hour:02}:00" for hour in range(24))
LEVELS = {"weekday": WEEKDAYS, "hour": HOURS}
STEPS = {"weekday": 7, "hour": 1440}
"""Number of points on the circle: days of a week, or minutes of a day."""

DAY_MICROSECONDS = 86_400_000_000
"""Number of microseconds in a day."""


@dataclass(frozen=True)
class CycleCode(SaysUsual):
    """The encoding of a date's weekday, or of its time, as a point on a circle.

    Sunday and Monday, or 23:59 and 00:00, are neighbors.  Opposite points on the circle have
    distance 1, like two levels of a category.

    Attributes
    ----------
    name, why : str
        Name of the feature, and a text that names its source column.
    source : str
        Name of the column of dates.
    part : {"weekday", "hour"}
    fill : int
        Weekday (0 is Monday) or minute of the day that replaces missing dates.
    factor : float
        Factor of the column's layer.  Features are multiplied by this factor.
    """

    kind: ClassVar[str] = "circle"
    name: str
    why: str
    source: str
    part: Annotated[str, one_of(STEPS)]
    fill: Annotated[int, msgspec.Meta(ge=0)]
    factor: Positive = 1.0

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the source columns."""
        return (self.source,)

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the weekdays, or of the hours of a day."""
        return LEVELS[self.part]

    @property
    def n_features(self) -> int:
        """Number of values that encode a weekday or time: two coordinates on the circle."""
        return 2

    @property
    def feature_names(self) -> list[str]:
        """Names of the encoded features."""
        return [f"{self.name} (cos)", f"{self.name} (sin)"]

    @classmethod
    def fit(cls, name: str, part: str, dates: Dates, counts: Float64s | None) -> "CycleCode | None":
        """Learn the most frequent weekday or hour. If the feature is useless, return None."""
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
        """Encode the weekdays or times of dates as points, in an array of shape (n_rows, 2)."""
        steps = _steps(self.part, moments)
        return self.circle[np.where(steps < 0, self.fill, steps)]

    @property
    def circle(self) -> Float64s:
        """The points for all weekdays or all minutes of a day, in an array of shape (n, 2)."""
        return self.factor * _circle(STEPS[self.part])

    @property
    def encoded_levels(self) -> Float64s:
        """Encoded levels, of shape (n_levels, 2)."""
        return self.circle[:: self._steps_of_level]

    def decode(self, features: Floats) -> Objects:
        """Return, for each encoded row, the nearest weekday or hour as text."""
        return np.array(self.levels, dtype=object)[self._places(features)]

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return, for each prototype, the encoded point of the nearest weekday or hour."""
        return self.encoded_levels[self._places(prototypes)]

    def moved(self, dates: Moments, prototypes: Float64s) -> Moments:
        """Shift dates to the nearest day with a prototype's weekday, or to its hour that day."""
        here, there = _steps(self.part, dates), self._steps(prototypes)
        if self.part == "weekday":
            return dates + ((there - here + 3) % 7 - 3) * np.timedelta64(1, "D")
        return dates + (there // 60 - here // 60) * np.timedelta64(1, "h")

    def text(self, features: Floats) -> str:
        """Decode one encoded point (an array of shape (2,)) to a weekday or time, as text."""
        step = int(self._steps(features[None])[0])
        return WEEKDAYS[step] if self.part == "weekday" else f"{step // 60:02}:{step % 60:02}"

    def usual(self, prototypes: Float64s) -> str:
        """Return the range of weekdays or hours that the prototypes represent, as text."""
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
        """Return whether the prototypes represent the weekday or hour of an encoded row."""
        return bool(self._covered(prototypes)[self._places(features[None])[0]])

    def as_ordinal(self, features: Floats) -> tuple[OrdinalCode, Float64s]:
        """Return the weekday or hour as an ordered category with features, for bar charts."""
        return self._convert_to(OrdinalCode(self.name, self.why, self.levels, 0), features)

    def as_category(self, features: Floats) -> tuple[CategoryCode, Float64s]:
        """Return the weekday or hour as a category with features, for shares of levels."""
        return self._convert_to(CategoryCode(self.name, self.why, self.levels), features)

    def _convert_to(self, code: Leveled, features: Floats) -> tuple[Leveled, Float64s]:
        """Return the given code, and points converted to the features of this code."""
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
        """Return a mask of those weekdays or hours that the prototypes represent."""
        n = len(self.levels)
        half = 0.0 if self._steps_of_level == 1 else 0.5  # minutes are centered in their hour
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
    """The encoding of the number of days between two dates in the same row.

    Attributes
    ----------
    name, why, center, width, low, span, fill, is_whole, is_padded, reach
        Same attributes as in `NumberCode`.
    least, most, decimals, factor
        Same attributes as in `NumberCode`.
    start, end : str
        Names of the two columns of dates.
    """

    kind: ClassVar[str] = "days"
    start: str = ""
    end: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the source columns."""
        return (self.start, self.end)

    @classmethod
    def between(
        cls, name: str, dates: Sequence[Dates], scaling: Scaling, counts: Float64s | None
    ) -> "SpanCode | None":
        """Learn the scale of the days between two columns, or return None if all are equal."""
        days = _days_between(*(each.moments for each in dates))
        column = table_from_columns({name: days}).columns[0]
        if column.numbers is None or column.n_distinct < 2:
            return None
        start, end = (each.column.name for each in dates)
        number = NumberCode.fit(column, f"{start} and {end} are dates", scaling, counts)
        return cls(**asdict(number), start=start, end=end)

    def encode_dates(self, start: Moments, end: Moments) -> Float64s:
        """Encode the days between pairs of dates, and return an array of shape (n_rows, 1)."""
        return self.encode_numbers(_days_between(start, end))

    def text(self, features: Floats) -> str:
        """Decode one encoded value (an array of shape (1,)) to a number of days, as text."""
        return number_text(float(self.decode(features[None].astype(np.float64))[0]), self.is_whole)


PartCode: TypeAlias = CycleCode | SpanCode
LeveledCode: TypeAlias = CategoryCode | OrdinalCode | CycleCode


def parts_of(
    dates: Sequence[Dates], taken: Iterable[str], scaling: Scaling, counts: Float64s | None
) -> tuple[PartCode, ...]:
    """Return the codes of all features that are derived from a table's columns of dates."""
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
    """Return the names that features derived from a table's dates can have."""
    parts = product(dates.items(), LEVELS)
    names = [f"{name}: {part}" for (name, has_time), part in parts if has_time or part != "hour"]
    names += [f"days from {a} to {b}" for a, b in list(pairwise(dates))[:MAX_SPANS]]
    columns = set(taken)
    return [free_name(name, columns, "_") for name in names]


def has_time(dates: Moments) -> bool:
    """Return whether at least one date has a time of day other than midnight."""
    moments = dates[~np.isnat(dates)].astype("datetime64[us]").astype(np.int64)
    return bool((moments % DAY_MICROSECONDS).any())


def encoded_part(code: PartCode, dates: Mapping[str, Moments]) -> Float64s:
    """Return the encoded feature that a code derives from columns of dates."""
    if isinstance(code, CycleCode):
        return code.encode(dates[code.source])
    return code.encode_dates(dates[code.start], dates[code.end])


def _steps(part: str, dates: Moments) -> Ints:
    """Return the weekday (0 is Monday) or the minute of the day for each date (-1 if missing)."""
    days, time = np.divmod(dates.astype("datetime64[us]").astype(np.int64), DAY_MICROSECONDS)
    # 1970 began on a Thursday.
    steps = (days + 3) % 7 if part == "weekday" else time // 60_000_000
    return np.where(np.isnat(dates), -1, steps).astype(np.intp)


def _days_between(start: Moments, end: Moments) -> Float64s:
    start, end = (each.astype("datetime64[us]") for each in (start, end))
    apart = end.astype(np.int64) - start.astype(np.int64)
    return np.where(np.isnat(start) | np.isnat(end), np.nan, apart / DAY_MICROSECONDS)


def _are_even(counts: Float64s) -> bool:
    """Return whether weekdays or hours are evenly distributed, with enough rows to decide."""
    k, n = len(counts), counts.sum()
    uneven = k * ((counts / n - 1 / k) ** 2).sum()
    chance = (k - 1 + MAX_CHANCE * math.sqrt(2 * (k - 1))) / n
    return bool(n >= MIN_ROWS_A_LEVEL * k and uneven <= max(MIN_UNEVEN, chance))


def _n_before(covered: NDArray[np.bool_], place: int) -> int:
    """Return how many levels directly before a level on the circle are not covered."""
    n = len(covered)
    return next(k for k in range(n) if covered[(place - 1 - k) % n])


@cache
def _circle(n: int) -> Float64s:
    """Return n evenly spaced points on a circle, rounded to be equal on all processors."""
    turns = [2 * math.pi * i / n for i in range(n)]
    places = RADIUS * np.array([[math.cos(turn), math.sin(turn)] for turn in turns])
    return np.rint(places * 2.0**CIRCLE_BITS) * 2.0**-CIRCLE_BITS
