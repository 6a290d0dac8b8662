"""Encode one column as a scaled number or as category levels, or leave the column out."""

import math
import re
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from math import floor, isfinite, log10
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from somscape._elementary import asinh
from somscape._types import Float64s, Floats, Ints, Objects
from somscape._weights import Ascending, Counted, blocks, in_order
from somscape.errors import InputError
from somscape.tables._checked import LARGEST, Finite, NotNegative, Positive
from somscape.tables._numbers import padded_numbers, read_numbers
from somscape.tables.column import Column
from somscape.tables.table import Table

LEAST_WRITTEN, MOST_WRITTEN = 1e-4, 1e15
"""Smallest and largest size of a number that is written without an exponent."""

MAX_DECIMALS, ANY_DECIMALS = 6, 15
"""Maximum number of decimals that is detected, and the result for numbers with more decimals."""

FIRST_LOOK = 1000
"""Number of values that are checked first, before all values are checked if necessary."""


def number_text(value: float, is_whole: bool = False, digits: int = 4) -> str:
    """Return a number in short decimal form."""
    size = abs(value)
    if is_whole and size < MOST_WRITTEN:
        return str(round(value))
    if size != 0 and not LEAST_WRITTEN <= size < MOST_WRITTEN:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
    return decimal_text(value, decimals)


def decimal_text(value: float, decimals: int) -> str:
    """Return a rounded number without trailing zeros."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def decimals_of(values: Floats, dtype: type[np.floating] | None = None) -> int:
    """Return the smallest number of decimals with which all given numbers can be written."""
    type_ = np.dtype(dtype or values.dtype)
    close = 4 * float(np.finfo(type_).eps)
    for decimals in range(MAX_DECIMALS + 1):
        for part in (values[:FIRST_LOOK], values):
            some = part.astype(type_, copy=False)
            with np.errstate(over="ignore", invalid="ignore"):
                apart = np.abs(some - np.round(some, decimals))
            if (apart > close * np.abs(some)).any():
                break
        else:
            return decimals
    return ANY_DECIMALS


PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
"""Pattern of texts that are certainly numbers and not codes. The text 007 does not match, because
it is probably a code."""

MISSING_LEVEL = "(missing)"


def level_texts(column: Column) -> list[str]:
    """Return the level of each cell. 1 and 1.0 are the same level."""
    codes, levels = level_codes(column)
    return [levels[code] for code in codes.tolist()]


def level_codes(column: Column) -> tuple[NDArray[np.integer[Any]], list[str]]:
    """Return the index of each cell's level, and the list of levels, which is not sorted."""
    if column.numbers is None:
        codes, texts = column.coded()
        return codes, [*map(text_level, texts), MISSING_LEVEL]
    values, places = np.unique(column.numbers, return_inverse=True)
    levels = [MISSING_LEVEL if v != v else _number_level(v) for v in values.tolist()]
    return places, [*levels, MISSING_LEVEL]


def text_level(cell: str | None) -> str:
    """Return the level of a text cell, in which a number has one standard spelling."""
    if cell is None:
        return MISSING_LEVEL
    return _number_level(float(cell)) if PLAIN_NUMBER.fullmatch(cell) else cell


def _number_level(value: float) -> str:
    return number_text(value, value == int(value), 15)


def as_numbers(column: Column, *, may_be_padded: bool) -> Column:
    """Convert a column of text to numbers if possible. Texts like 007 need `may_be_padded`."""
    if column.is_number:
        return column
    return read_numbers(column) or (may_be_padded and padded_numbers(column)) or column


def present(column: Column, values: Any, counts: Float64s | None) -> Ascending:
    """Return the values of those cells that are not missing, in ascending order."""
    is_there = ~column.missing
    return in_order(values[is_there], None if counts is None else counts[is_there])


def usual_range(numbers: Ascending, percent: float) -> Float64s:
    """Return two limits. `percent` % of rows are below the first, and as many above the second."""
    last = numbers.n - 1
    skipped = int(percent / 100 * last)
    return np.array([float(numbers.at(skipped)), float(numbers.at(last - skipped))])


def mean_distance(numbers: Counted, center: float) -> float:
    """Return the mean distance of numbers from a given center, such as their median."""
    distance = np.abs(numbers.values.astype(np.float64) - center)
    return replace(numbers, values=distance).mean()


def is_number(cell: str | None) -> bool:
    """Return whether a cell is missing or its text is a finite number."""
    try:
        return cell is None or isfinite(float(cell))
    except ValueError:
        return False


SLIP = 1e6
"""Minimum ratio of the distance of slips from the median to the distance of any other number. Slips
are a few numbers that are probably data errors. Scales and maps do not learn from them."""

MIN_SLIP_ROWS, SLIP_SHARE, HANDFUL = 30, 0.01, 5
"""Minimum number of rows for the detection of slips, maximum share of slips among the rows, and
number of slips that is allowed even if their share is larger."""


def without_slips(numbers: Ascending) -> tuple[Ascending, float, str]:
    """Remove slips (probable data errors) from numbers.

    Return the other numbers, their largest distance from the median, and the slips as text.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        low, center, high = (numbers.quantile(share) for share in (0.25, 0.5, 0.75))
        farthest = max(center - float(numbers.values[0]), float(numbers.values[-1]) - center)
    if numbers.n < MIN_SLIP_ROWS or not farthest > SLIP / 2 * (high - low):
        return numbers, 0.0, ""
    numbers = numbers.counted()
    with np.errstate(over="ignore"):
        distance = np.abs(np.asarray(numbers.values, dtype=np.float64) - center)
    order = np.argsort(distance)
    counts = np.diff(numbers.ends, prepend=0.0)
    most = max(HANDFUL, SLIP_SHARE * numbers.n)
    is_rare = np.cumsum(counts[order][::-1])[::-1][1:] <= most
    nearer, farther = distance[order[:-1]], distance[order[1:]]
    gaps = np.flatnonzero(is_rare & (nearer > 0) & (farther / SLIP > nearer))
    if not len(gaps):
        return numbers, 0.0, ""
    reach = float(nearer[gaps[0]])
    is_kept = distance <= reach
    slips = [f"{value:g}" for value in numbers.values[~is_kept].tolist()]
    more = f" and {len(slips) - HANDFUL} more" if len(slips) > HANDFUL else ""
    kept = Counted(numbers.values[is_kept], np.cumsum(counts[is_kept]))
    return kept, reach, ", ".join(slips[:HANDFUL]) + more


MISMATCH_WEIGHT = 0.5**0.5
"""Value of the one feature of an encoded category that is not 0, the feature of the row's level.
With this value, two rows with different levels have distance 1."""

TAIL_LIMIT = 10.0
"""Distance from the median, in half interquartile ranges, above which a value is extreme. If a
column has an extreme value, its tails are compressed (tamed). Of 1000 values, the farthest has a
distance of about 5 in a normal distribution, 12 in an exponential distribution, and 50 among
amounts of money."""

TAIL_PERCENT = 2.0
"""Percentage of a column's values that are below its usual range, as many as are above it. The
usual range is scaled to [0, 1]. Thus, a few extreme values do not compress the scale of all other
rows. In tables of up to 50 rows, no values are outside the range. In benchmarks/detection, the 40
rows with the highest scores included 9.9 of 12 planted outliers. With the full range they included
8.4, and without compressed tails 8.9."""

SLIP_RANGE = 1000.0
"""Distance from the median at which slips are encoded, in multiples of the largest distance of all
other numbers."""

NOISE = 1e-9
"""Largest size, as a share of the column's spread, of a number that is printed as 0."""

RANGE_DIGITS = 3
"""Number of significant digits that the ends of a printed range show of the range's width."""

UNSEEN_LEVEL = "(unseen)"

FEW_ROWS = 16
"""Maximum number of rows for which the levels of cells are looked up one by one, to save time."""

ENCODED_AT_ONCE = 1 << 18
"""Number of values of prototypes that are processed at a time."""

Problem: TypeAlias = tuple[int, str] | None
"""First row that cannot be encoded and a description of valid cells, or None if all rows can."""


def refuse_problem(name: str, problem: Problem, table: Table, cure: str, options: str = "") -> None:
    """Raise InputError if a column of a table has a problem."""
    if problem:
        row, needed = problem
        cell = table.column(name).cell(row)
        raise InputError(
            f"{table.where(row)}: column '{name}' {needed}, but contains '{cell}'. {cure}",
            options=options,
            file=table.source,
            row=row,
            column=name,
            value=cell,
        )


@dataclass(frozen=True)
class Scaling:
    """Parameters for scaling numbers.

    Attributes
    ----------
    scale : {"robust", "range"}
        Which two values of a column are scaled to 0 and 1.  With "robust", they are the limits of
        the usual range.  With "range", they are the smallest and the largest value.
    tame : bool
        Whether the long tails of a column are compressed (tamed) before scaling.
    """

    scale: str = "robust"
    tame: bool = True


ROBUST = Scaling()


class SaysUsual:
    """A code that describes usual values. A subclass defines `usual` or `usual_of`."""

    def usual(self, prototypes: Float64s) -> str:
        """Describe, as text, the values of a column that the given prototypes represent."""
        return self.usual_of(prototypes, np.arange(len(prototypes))[None, :])[0]

    def usual_of(self, prototypes: Float64s, near: Ints) -> list[str]:
        """Return, for each row, a text on the values of the prototypes near the row."""
        return [self.usual(prototypes[units]) for units in near]


class OneFeature(SaysUsual):
    """Base class of codes that encode a column as one feature with the column's name."""

    name: str

    @property
    def n_features(self) -> int:
        """Number of encoded features of the column."""
        return 1

    @property
    def feature_names(self) -> list[str]:
        """Names of the encoded features."""
        return [self.name]


@dataclass(frozen=True)
class NumberCode(OneFeature):
    """The encoding of a column of numbers, with the usual range scaled to [0, 1].

    Attributes
    ----------
    name, why : str
        Name of the column, and the reason for its kind.
    center, width : float
        Parameters of the formula ``asinh((x - center) / width)``, which compresses long tails.  The
        compression is linear near the median and logarithmic far from the median.  Width 0 means no
        compression.
    low, span : float
        Lower limit and width of the usual range after the compression.  The range is scaled to [0,
        1].
    fill : float
        Median, which replaces missing cells.
    is_whole : bool
        Whether all training values are whole numbers.
    is_padded : bool
        Whether texts such as 01 are numbers.
    reach : float
        Largest distance from the median, without slips.  0 means a column without slips.
    least, most : float
        Smallest and largest training value.
    decimals : int
        Number of decimals of the training values.
    factor : float
        Factor of the column's layer.  Features are multiplied by this factor.
    has_gaps : bool
        Whether cells of the training table were missing.
    """

    kind: ClassVar[str] = "number"
    name: str
    why: str
    center: Finite
    width: NotNegative
    low: Finite
    span: Positive
    fill: Finite
    is_whole: bool
    is_padded: bool = False
    reach: NotNegative = 0.0
    least: Finite = -LARGEST
    most: Finite = LARGEST
    decimals: Annotated[int, msgspec.Meta(ge=0, le=ANY_DECIMALS)] = ANY_DECIMALS
    factor: Positive = 1.0
    has_gaps: bool = False

    @classmethod
    def plain(cls, name: str, fill: float = 0.0) -> "NumberCode":
        """Return a code with which numbers are used as a feature without scaling."""
        return cls(name, "used as given", 0.0, 0.0, 0.0, 1.0, fill, False)

    @property
    def is_plain(self) -> bool:
        """Whether numbers are used without scaling."""
        plain = NumberCode.plain(self.name, self.fill)
        return self == replace(plain, least=self.least, most=self.most, decimals=self.decimals)

    def having_seen(self, values: Floats) -> "NumberCode":
        """Return the code, updated with the range and the decimals of the given numbers."""
        values = np.ascontiguousarray(values)
        if np.isnan(values.min(initial=0.0)):  # the minimum is NaN if a value is NaN
            values = values[~np.isnan(values)]
        if not len(values):
            return self
        least, most = float(values.min()), float(values.max())
        return replace(self, least=least, most=most, decimals=decimals_of(values))

    @classmethod
    def fit(
        cls, column: Column, why: str, scaling: Scaling = ROBUST, counts: Float64s | None = None
    ) -> "NumberCode":
        """Learn the code's parameters (such as the usual range) from a column's numbers."""
        numbers: Ascending = (
            Ascending(column.ascending())
            if counts is None
            else present(column, column.numbers, counts)
        )
        numbers, reach, slips = without_slips(numbers)
        if slips:
            why = f"{why}; nothing learned from {slips}"
        ends = numbers.values[[0, -1]].astype(np.float64)
        least, most = ends.tolist()
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            low, center, high = (numbers.quantile(share) for share in (0.25, 0.5, 0.75))
            width = (high - low) / 2 or mean_distance(numbers.counted(), center)
            is_tamed = scaling.tame and bool(np.abs(ends - center).max() > TAIL_LIMIT * width)
            usual = usual_range(numbers, 0.0 if scaling.scale == "range" else TAIL_PERCENT)
            if is_tamed:
                ends, usual = (asinh((each - center) / width) for each in (ends, usual))
            lowest, highest = (usual if usual[0] < usual[1] else ends).tolist()
            farthest = (ends - lowest) / (highest - lowest)
        if not np.isfinite(farthest).all():
            raise InputError(
                f"The range of column '{column.name}' is too large for floating-point numbers. "
                "Correct its largest value, or leave out the column.",
                options=f"--drop {shlex.quote(column.name)}",
                column=column.name,
            )
        return cls(
            column.name,
            f"{why}; long tail, tamed" if is_tamed else why,
            center,
            width if is_tamed else 0.0,
            lowest,
            highest - lowest,
            center,
            column.is_whole,
            reach=reach,
            least=least,
            most=most,
            decimals=decimals_of(numbers.values, np.float64),
            has_gaps=column.n_missing > 0,
        )

    def read(self, column: Column) -> Column:
        """Return the column as numbers, also if the numbers are written as text."""
        return as_numbers(column, may_be_padded=self.is_padded)

    def problem(self, column: Column) -> Problem:
        """Return the first row that cannot be encoded, and which cells are valid, or None."""
        if column.is_number:
            return None
        wrong = (i for i, cell in enumerate(column.each_cell()) if not is_number(cell))
        # A column of text can consist of numbers, such as "007", or "1,5" and "1.5".
        row = next(wrong, int(np.argmin(column.missing)))
        return row, "must contain numbers, as in the training table"

    def encode(self, column: Column) -> Float64s:
        """Encode a column, and return an array of shape (n_rows, 1)."""
        assert column.numbers is not None
        return self.encode_numbers(column.numbers)

    def encode_numbers(self, numbers: Float64s) -> Float64s:
        """Encode numbers as an array of shape (n_rows, 1). The median replaces NaN."""
        values = np.where(np.isnan(numbers), self.fill, numbers)
        return self.place(np.clip(values, *self.ends) if self.reach else values)[:, None]

    @property
    def ends(self) -> tuple[float, float]:
        """The two numbers that replace slips below the median and slips above the median."""
        return self.fill - SLIP_RANGE * self.reach, self.fill + SLIP_RANGE * self.reach

    def place(self, values: Float64s) -> Float64s:
        """Return the encoded value of each number. The array keeps its shape."""
        with np.errstate(over="ignore"):  # the encoding rejects values that are too far
            if self.width:
                values = asinh((values - self.center) / self.width)
            return (values - self.low) / (self.span / self.factor)

    def decode(self, features: Float64s) -> Float64s:
        """Decode the values of this feature to numbers in the units of the column."""
        values = features[:, 0] * (self.span / self.factor) + self.low
        with np.errstate(over="ignore"):  # infinite if the row is not an encoded row
            return self.center + self.width * np.sinh(values) if self.width else values

    def short(self, features: Float64s, step: float, side: int = 0) -> Float64s:
        """Decode the values of this feature, and round the numbers to few digits."""
        values, decimals = self.decode(features), self._decimals
        if not step and decimals == ANY_DECIMALS:
            return np.clip(values, *self.bounds)
        rounded = (np.floor, np.rint, np.ceil)[side + 1]
        with np.errstate(over="ignore", invalid="ignore"):
            width = np.maximum(self.decode(features + step) - values, np.finfo(np.float64).tiny)
            power = np.maximum(np.floor(np.log10(width)), -decimals)
            # Powers of ten below 1 are not exact floats, so divide: 0.3 is 3 / 10.
            up, down = 10.0 ** np.maximum(power, 0.0), 10.0 ** np.maximum(-power, 0.0)
            short = rounded(values / up * down) * up / down
        return np.clip(np.where(np.isfinite(short), short, values), *self.bounds)

    def without_noise(self, values: Float64s) -> Float64s:
        """Return numbers with 0 in place of numbers that differ from 0 only by rounding."""
        return np.where(np.abs(values) <= NOISE * (self.width or self.span), 0.0, values)

    @property
    def _decimals(self) -> int:
        return 0 if self.is_whole else self.decimals

    def without_bounds(self) -> "NumberCode":
        """Return the code without limits. Then decoded dates can exceed the training values."""
        return replace(self, least=-LARGEST, most=LARGEST)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper limit of decoded numbers.

        Without negative training values, the lower limit is the smallest training value.  Without
        positive training values, the upper limit is the largest one.  Other limits are infinite.
        """
        return (self.least if self.least >= 0 else -np.inf, self.most if self.most <= 0 else np.inf)

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Round prototypes to numbers with few digits. Return the encoded numbers."""
        return self.place(self.short(prototypes, step))[:, None]

    def usual_of(self, prototypes: Float64s, near: Ints) -> list[str]:
        """Return, for each row, the range of values of the prototypes near the row as text."""
        values = self.without_noise(np.clip(self.decode(prototypes), *self.bounds))[near]
        ends = np.column_stack([values.min(axis=1), values.max(axis=1)])
        words = {
            (low, high): self._range_text(low, high) for low, high in set(map(tuple, ends.tolist()))
        }
        return [words[low, high] for low, high in map(tuple, ends.tolist())]

    def _range_text(self, low: float, high: float) -> str:
        """Return a range as text, with enough digits to show how wide the range is."""
        far, width = max(abs(low), abs(high)), high - low
        if width <= NOISE * far or not LEAST_WRITTEN <= far < MOST_WRITTEN:
            texts = [number_text(end, self.is_whole, RANGE_DIGITS) for end in (low, high)]
        else:
            decimals = max(0, min(RANGE_DIGITS - 1 - floor(log10(width)), self._decimals))
            least, most = self.bounds
            texts = [
                decimal_text(end, decimals)
                if least <= round(end, decimals) <= most
                else number_text(end, self.is_whole, RANGE_DIGITS)
                for end in (low, high)
            ]
        return " to ".join(dict.fromkeys(texts))


@dataclass(frozen=True)
class CategoryCode(SaysUsual):
    """The encoding of a category, with one feature per level.

    The last feature is for levels that were not in the training table.  Therefore, a new level has
    distance 1 from every known level.

    Attributes
    ----------
    name, why : str
        Name of the column, and the reason for its kind.
    levels : tuple of str
        Levels in ascending order.  If the training table had missing cells in this column,
        "(missing)" is the last level.
    factor : float
        Factor of the column's layer.  Features are multiplied by this factor.
    """

    kind: ClassVar[str] = "category"
    name: str
    why: str
    levels: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    factor: Positive = 1.0

    @cached_property
    def _feature_of(self) -> dict[str, int]:
        return {level: i for i, level in enumerate(self.levels)}

    @cached_property
    def _feature_of_cell(self) -> dict[str | None, int]:
        """Index of the feature of each text that is spelled exactly like its level."""
        return {level: i for level, i in self._feature_of.items() if text_level(level) == level}

    @cached_property
    def applies(self) -> float:
        """Value of the one feature that is not 0, the feature of a row's level."""
        return MISMATCH_WEIGHT * self.factor

    @property
    def n_features(self) -> int:
        """Number of encoded features of the column."""
        return len(self.levels) + 1

    @property
    def feature_names(self) -> list[str]:
        """Names of the encoded features."""
        return [f"{self.name}={level}" for level in (*self.levels, UNSEEN_LEVEL)]

    @classmethod
    def fit(cls, column: Column, why: str) -> "CategoryCode":
        """Learn the levels of a column."""
        present = set(level_texts(column))
        key = None if column.numbers is None else float
        ordered = sorted(present - {MISSING_LEVEL}, key=key)
        if MISSING_LEVEL in present:
            ordered.append(MISSING_LEVEL)
        return cls(column.name, why, tuple(ordered))

    def read(self, column: Column) -> Column:
        """Return the column unchanged, because its levels are its texts."""
        return column

    def problem(self, column: Column) -> Problem:
        """Return None, because every cell of a category can be encoded."""
        return None

    def encode(self, column: Column) -> Float64s:
        """Encode a column, and return an array of shape (n_rows, n_features)."""
        which = self.places(column)
        features = np.zeros((len(which), self.n_features))
        features[np.arange(len(which)), which] = self.applies
        return features

    def places(self, column: Column) -> Ints:
        """Return the feature index of each row. A new level has index `len(levels)`."""
        if len(column) <= FEW_ROWS and column.numbers is None:
            known, cells = self._feature_of_cell, column.each_cell()
            try:
                return np.array([known[cell] for cell in cells], dtype=np.intp)
            except KeyError:  # a missing cell, another spelling, or a new level
                pass
        codes, levels = level_codes(column)
        places = [self._feature_of.get(level, len(self.levels)) for level in levels]
        return np.array(places, dtype=np.intp)[codes]

    def decode(self, features: Floats) -> Objects:
        """Return, for each encoded row, the level with the largest share."""
        names = np.array([*self.levels, UNSEEN_LEVEL], dtype=object)
        return names[features.argmax(axis=1)]

    @property
    def encoded_levels(self) -> Float64s:
        """The encoded values of each level, as an array of shape (n_levels, n_features)."""
        return self.applies * np.eye(len(self.levels), self.n_features)

    def possible(self, prototypes: Float64s, step: float) -> Float64s:
        """Return, for each prototype, the encoded values of the level with the largest share."""
        return self.encoded_levels[prototypes[:, :-1].argmax(axis=1)]

    def level(self, features: Floats) -> str:
        """Decode one encoded value (an array of shape (n_features,)) to its level."""
        return str(self.decode(features[None, :])[0])

    def usual_of(self, prototypes: Float64s, near: Ints) -> list[str]:
        """Return, for each row, the main level of the near prototypes and its share as text."""
        found, names = [], (*self.levels, UNSEEN_LEVEL)
        for part in blocks(len(near), max(1, ENCODED_AT_ONCE // (near.shape[1] * len(names)))):
            means = prototypes[near[part]].sum(axis=1) / near.shape[1]
            shares = (means.max(axis=1) / self.applies).tolist()
            for place, share in zip(means.argmax(axis=1).tolist(), shares, strict=True):
                percent = round(100 * share)
                found.append(names[place] if percent >= 100 else f"{names[place]} ({percent} %)")
        return found


@dataclass(frozen=True)
class UnusedColumn:
    """A column that is not used as a feature.

    Attributes
    ----------
    name, why : str
        Name of the column, and the reason why the column is not used.
    kind : {"id", "label", "dropped", "protected", "constant"}
        Kind of the column.
    """

    name: str
    why: str
    kind: str
