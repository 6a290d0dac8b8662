"""Rarity of the values in a row, and distances of its numbers from common values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any, TypeAlias

import numpy as np

from somscape._elementary import exp, log, log_of
from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_that, is_array
from somscape._weights import Counted, blocks, counts_of, in_order
from somscape.kernels._select import in_threads, select_kernels
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.encoding import Encoding, FeatureCode
from somscape.tables.ordered import CycleCode, DateCode

TAIL_SHARE = 0.05
"""Share of the rows, at each end of a column, to which a smooth tail is fitted."""

MIN_TAIL_ROWS, MIN_TAIL_VALUES = 10, 5
"""Minimum number of rows, and minimum number of distinct values, for fitting a smooth tail."""

TAIL_SHAPE = 0.05
"""Shape of the tail (generalized Pareto).  A value ten times as far out scores about 30 more."""

TAIL_STEPS = (0.25, 0.5, *(2.0**i for i in range(13)))
"""Distances of the knots of a tail from its start, in units of the tail's scale."""

TAIL_RISES = log(1.0 + TAIL_SHAPE * np.array(TAIL_STEPS)) / TAIL_SHAPE
"""For each knot of a tail, how much higher the line is than at the start of the tail."""

BODY_SHARES = (0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Quantiles, counted from both ends, that are knots of a column with many distinct numbers."""

MAX_BODY_VALUES = 2 * len(BODY_SHARES)
"""Maximum number of distinct values between the tails for which each value is a knot."""

BLOCK_VALUES = 1 << 20
"""Maximum number of values that are compared with knots at the same time."""

SHARED_VALUES = 1 << 20
"""Minimum number of values in rows for which several threads are faster than one."""

CONSTANT_WIDTH = 1e-6
"""Relative distance from the value of a constant column at which rarity reaches its maximum."""


Line: TypeAlias = tuple[Float64s, Float64s]
"""Ascending knots of a piecewise linear function (a line), and its heights at the knots."""


@dataclass(frozen=True, eq=False)
class Rarity:
    """Contributions of single values of rows to a score.

    Attributes
    ----------
    features : ndarray of shape (n_lines,), int64
        Ascending numbers of those encoded features whose values contribute to the score.
    x : ndarray of shape (n_lines, n_knots), float64
        For each feature, the ascending values that are the knots of its line.  A line that has
        fewer knots than others repeats its last knot.
    y : ndarray of shape (n_lines, n_knots), float64
        Contributions of these values, which are the heights of each line at its knots.  Each line
        is straight between two knots.  The outer segments continue beyond the ends.

    See Also
    --------
    Scorer : Computes the scores to which the amounts are added.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> rarity = SOMDetector(random_state=0).fit(X).detector_.rarity
    >>> rarity.features.tolist()
    [0, 1]
    """

    features: Ints
    x: Float64s
    y: Float64s

    @classmethod
    def of(cls, lines: Mapping[int, Line]) -> "Rarity":
        """Create a rarity object from the lines of the features.

        Parameters
        ----------
        lines : mapping of int to (ndarray, ndarray)
            For each feature, the ascending knots of its line, and the heights at them.

        Returns
        -------
        Rarity
        """
        x, y = (padded(values) for values in zip(*lines.values(), strict=True))
        return cls(np.array(list(lines), dtype=np.int64), x, y)

    @cached_property
    def lines(self) -> Mapping[int, Line]:
        """Knots of each line and heights at these knots, by number of the feature."""
        each = zip(self.features.tolist(), self.x, self.y, strict=True)
        return {feature: _knots(x, y) for feature, x, y in each}

    def check(self, n_features: int) -> None:
        """Raise ValueError if attributes do not fit together or do not fit `n_features`.

        Parameters
        ----------
        n_features : int
        """
        check_that(
            are_lines(self.features, self.x, self.y, n_features) and (self.y >= 0).all(),
            "`rarity` must have features in ascending order. Each feature must have at least two "
            "values in ascending order, with amounts of at least 0.",
        )

    def scores(self, rows: Floats) -> Float64s:
        """Return, for each row, the sum of the contributions of its values.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        return select_kernels().sum_of_lines(rows, self.features, self.x, self.y)

    def parts(self, rows: Floats) -> Float64s:
        """Return the contribution of each feature of each row to the score.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features)
        """
        out, lines = np.zeros(rows.shape), np.arange(len(self.x))
        # All lines in one call, because for few rows the calls take more time than the search.
        for part in blocks(len(rows), max(1, BLOCK_VALUES // self.x.size)):
            values = rows[part][:, self.features].astype(np.float64)
            n_below = np.count_nonzero(self.x <= values[:, :, None], axis=2)
            at = lines, np.clip(n_below - 1, 0, self._last_steps)
            out[part, self.features] = self.y[at] + (values - self.x[at]) * self._slopes[at]
        return out

    @cached_property
    def _last_steps(self) -> Ints:
        """For each line, the index of the last segment between two different knots."""
        return np.asarray(np.count_nonzero(np.diff(self.x, axis=1), axis=1) - 1)

    @cached_property
    def _slopes(self) -> Float64s:
        """Slopes of each line between its knots.  They are NaN between repeated knots."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.diff(self.y, axis=1) / np.diff(self.x, axis=1))

    def times(self, factor: float) -> "Rarity":
        """Return a copy in which every contribution is multiplied by `factor`."""
        return replace(self, y=factor * self.y)


def padded(lines: Sequence[Float64s]) -> Float64s:
    """Return sequences as rows of equal length.  A shorter sequence repeats its last value."""
    n = max(map(len, lines))
    return np.stack([np.append(line, np.repeat(line[-1], n - len(line))) for line in lines])


def are_lines(features: Any, x: Any, y: Any, n_features: int) -> bool:
    """Return whether the feature numbers ascend and each feature has a valid line."""
    return (
        is_array(features, (-1,), "i")
        and is_array(x, (len(features), -1))
        and is_array(y, x.shape)
        and x.shape[1] > 1
        and bool((np.diff(features) > 0).all())
        and bool(((features >= 0) & (features < n_features)).all())
        and _are_knots(x)
    )


def _are_knots(x: Float64s) -> bool:
    """Return whether the knots of each line ascend and only its last knot is repeated."""
    steps = np.diff(x, axis=1)
    rises = steps > 0
    falls_once = (rises[:, 1:] <= rises[:, :-1]).all()
    return bool((steps >= 0).all() and rises[:, 0].all() and falls_once)


def _knots(x: Float64s, y: Float64s) -> Line:
    """Return the knots of a line without the repetitions of its last knot."""
    n = 1 + int(np.count_nonzero(np.diff(x)))
    return x[:n], y[:n]


def _heights(line: Line, values: Float64s) -> Float64s:
    """Return the heights of a line at some values."""
    x, y = _knots(*line)
    place = np.clip(np.searchsorted(x, values, "right") - 1, 0, len(x) - 2)
    return y[place] + (values - x[place]) * (np.diff(y) / np.diff(x))[place]


def rarity_of(rows: Floats, weights: Float64s | None, encoding: Encoding) -> Rarity | None:
    """Return the contributions of values to scores, or None if all contributions are 0."""
    counts = counts_of(weights)
    lines: dict[int, Line] = {}
    for code, place in zip(encoding.features, encoding.slices, strict=True):
        if isinstance(code, CycleCode):
            continue  # all positions on a circle are equally far out
        if isinstance(code, CategoryCode):
            lines |= _lines_of_levels(code, place.start, rows[:, place], counts)
        else:
            values = rows[:, place.start].astype(np.float64)
            lines[place.start] = _line_of_number(Counted.of(values, counts))
    lines = {feature: (x, y) for feature, (x, y) in lines.items() if max(y) > 0}
    if not lines:
        return None
    return Rarity.of(lines)


def _lines_of_levels(
    code: CategoryCode, start: int, features: Floats, counts: Float64s | None
) -> dict[int, Line]:
    """Return, for each level of a category, a line from 0 to the contribution of the level."""
    level = code.encoded_levels.max()
    each = (features > level / 2).astype(np.float64)
    found = each.sum(axis=0) if counts is None else (each * counts[:, None]).sum(axis=0)
    total = found.sum()
    lines: dict[int, Line] = {}
    for i, n in enumerate(found.tolist()):
        # A level without rows, such as a new level, is as rare as a level can be.
        share = float(found[found <= n].sum()) / total if n > 0 else 1.0 / (total + 1.0)
        lines[start + i] = np.array([0.0, level]), np.array([0.0, -log_of(share) + 0.0])
    return lines


def _line_of_number(counted: Counted) -> Line:
    """Return the line of contributions of a column's numbers.  It falls to the median and then
    rises."""
    values, ends = counted.values.astype(np.float64), counted.ends
    total = ends[-1]
    if len(values) == 1:
        width = CONSTANT_WIDTH * max(1.0, abs(float(values[0])))
        at, rare = float(values[0]), log_of(total + 1.0)
        x_there = np.array([at + width * i for i in (-2, -1, 0, 1, 2)])
        return x_there, np.array([rare, rare, 0.0, rare, rare])
    below, above = ends / total, 1.0 - np.append(0.0, ends[:-1]) / total
    heights = -log(np.minimum(1.0, 2.0 * np.minimum(below, above))) + 0.0
    n_rows = np.diff(ends, prepend=0.0)
    low, low_knots = _tail(-values[::-1], n_rows[::-1], below[::-1], heights[::-1])
    high, high_knots = _tail(values, n_rows, above, heights)
    first, last = len(values) - 1 - low, high
    body = np.arange(first, last + 1)
    if len(body) > MAX_BODY_VALUES:
        shares = np.array(BODY_SHARES)
        chosen = [np.searchsorted(below, shares), np.searchsorted(-above, -shares, "right") - 1]
        body = np.unique(np.clip(np.append([first, last], np.concatenate(chosen)), first, last))
    x = [-x for x, _ in reversed(low_knots)] + values[body].tolist() + [x for x, _ in high_knots]
    y = [y for _, y in reversed(low_knots)] + heights[body].tolist() + [y for _, y in high_knots]
    x_there, places = np.unique(x, return_index=True)  # merges knots that are equal when rounded
    return x_there, np.array(y)[places]


def _scale_of(median: float) -> float:
    """Return the scale of a tail, computed from the median of the tail."""
    return median * TAIL_SHAPE / (2.0**TAIL_SHAPE - 1.0)


def _tail(
    values: Float64s, n_rows: Float64s, share: Float64s, heights: Float64s
) -> tuple[int, list[tuple[float, float]]]:
    """Return two values: index of the last value below the upper tail, and knots of the tail."""
    last = int(np.flatnonzero(share >= TAIL_SHARE)[-1])
    beyond = slice(last + 1, None)
    rows = n_rows[beyond]
    height = float(heights[last])
    if rows.sum() >= MIN_TAIL_ROWS and len(rows) >= MIN_TAIL_VALUES:
        scale = _scale_of(Counted(values[beyond] - values[last], np.cumsum(rows)).median())
        height = max(height, -log_of(2.0 * float(share[last + 1])))
    else:  # too few values for a fit, so the tail has the average slope from the middle
        last = len(values) - 1
        height = float(heights[last])
        middle = values[int(np.argmin(heights))]
        scale = float(values[last] - middle) / max(height, 1.0)
        if not scale > 0:  # most rows have this value, so the other rows define the scale
            others = slice(None, last)
            far, n_far = (values[last] - values[others])[::-1], np.cumsum(n_rows[others][::-1])
            scale = _scale_of(Counted(far, n_far).median())
    if not scale > 0:
        return last, []
    at = values[last] + scale * np.array(TAIL_STEPS)
    return last, list(zip(at.tolist(), (height + TAIL_RISES).tolist(), strict=True))


COMPARED_ROWS = 1 << 12
"""Number of rows that are compared with the outermost values so far at the same time."""


def ends_of(rows: Floats, weights: Float64s | None, known: Float64s | None = None) -> Float64s:
    """Return the two lowest values (with the opposite sign) and the two highest of each column.

    The value of a row of weight 2 or more counts twice.  `known` are the ends of earlier rows.
    """
    counts = counts_of(weights)
    is_whole = counts is not None and (counts == np.rint(counts)).all()
    is_twice = counts >= 2 if counts is not None and is_whole else np.zeros(len(rows), dtype=bool)
    ends = np.full((2, 2, rows.shape[1]), -np.inf) if known is None else known.copy()
    for part in blocks(len(rows), COMPARED_ROWS):
        for end, block in zip(ends, (-rows[part], rows[part]), strict=True):
            for j in np.flatnonzero((block > end[1]).any(axis=0)).tolist():
                is_beyond = block[:, j] > end[1, j]
                found = block[is_beyond, j], block[is_beyond & is_twice[part], j]
                end[:, j] = np.sort(np.concatenate([end[:, j], *found]))[:-3:-1]
    return ends


MIN_OTHER_ROWS = 20
"""Minimum number of rows from which the upper or lower tail of a column is estimated."""

SHAPE = 0.2
"""Shape of the tail.  Student's t distribution with 5 degrees of freedom has tails of this shape.
With lighter tails, rows stood out in twice as many tables of such noise (benchmarks/detection)."""

FREE = 1.0
"""A number does not change a score if its value of ``-log(2 d p)`` is at most this.  Here, d is the
number of columns, and p is the tail probability of the number."""

UNIT_SHARE = 0.99
"""For each unit of ``-log(2 d p)`` beyond `FREE`, a score rises by this quantile of the scores
minus their median."""


@dataclass(frozen=True, eq=False)
class Beyond:
    """Data by which scores rise for numbers beyond all other values of their column.

    Attributes
    ----------
    unit : float
        Contribution of each unit of ``-log(2 d p)`` to a score.
    ends : ndarray of shape (2, 2, n_features)
        The two lowest and two highest values of each column of numbers, as from `ends_of`.
        Entries for other columns are not used.
    """

    unit: float
    ends: Float64s

    @classmethod
    def of(cls, scores: Float64s, counts: Float64s | None, ends: Float64s) -> "Beyond":
        """Create the data from outermost values, and from scores that were not yet raised."""
        ordered = in_order(scores, counts)
        return cls(ordered.quantile(UNIT_SHARE) - ordered.quantile(0.5), ends)

    def after(self, rows: Floats, weights: Float64s | None) -> "Beyond":
        """Return a copy that was updated with the numbers of further rows."""
        return replace(self, ends=ends_of(rows, weights, self.ends))


def with_beyond(
    rarity: Rarity,
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    beyond: Beyond,
    *,
    n_rows: float | None = None,
) -> Rarity:
    """Return a rarity whose lines are steeper beyond all other values of a column."""
    lines = dict(rarity.lines)
    each = zip(encoding.features, encoding.slices, strict=True)
    places = {place.start for code, place in each if isinstance(code, NumberCode)}
    numbers = sorted(places & lines.keys())
    if not beyond.unit > 0 or not numbers:
        return rarity
    free, counts = FREE + log_of(2.0 * len(numbers)), counts_of(weights)
    for j in numbers:
        counted = Counted.of(rows[:, j].astype(np.float64), counts)
        more = 1.0 if n_rows is None else n_rows / counted.n
        for highest, side in zip(
            beyond.ends[:, 1, j], (_mirror_counts(counted), counted), strict=True
        ):
            step = _step_below(float(highest), side, more)
            # Mirrored for the lower side, and mirrored back for the upper side.
            lines[j] = _raise_beyond(
                _mirror_line(lines[j]), float(highest), step, free, beyond.unit
            )
    return Rarity.of(lines)


def _mirror_counts(counted: Counted) -> Counted:
    n_rows = np.diff(counted.ends, prepend=0.0)
    return Counted(-counted.values[::-1], np.cumsum(n_rows[::-1]))


def _mirror_line(line: Line) -> Line:
    return -line[0][::-1], line[1][::-1]


def _raise_beyond(line: Line, highest: float, step: float, free: float, unit: float) -> Line:
    """Return the line of a column, made steeper beyond the highest of all other values."""
    if not step > 0:
        return line
    start = float(exp(np.array([SHAPE * free]))[0] - 1.0) / SHAPE
    steps = start + np.array((0.0, *TAIL_STEPS))
    added = unit * np.maximum(0.0, log(1.0 + SHAPE * steps) / SHAPE - free)
    at = highest + step * steps
    is_before = line[0] < at[0]
    x = np.append(line[0][is_before], at)
    y = np.append(line[1][is_before], _heights(line, at) + added)
    found, places = np.unique(x, return_index=True)  # merges knots that are equal when rounded
    return found, y[places]


def _step_below(highest: float, counted: Counted, more: float) -> float:
    """Return the scale of the tail below the second highest value, or 0 for too few rows."""
    total = counted.n
    if total < MIN_OTHER_ROWS:
        return 0.0
    values, below = counted.values, np.append(0.0, counted.ends[:-1])
    last = int(np.flatnonzero(total - below >= TAIL_SHARE * total)[-1])
    start, n_beyond = float(values[last]), total - float(counted.ends[last])
    if n_beyond < MIN_TAIL_ROWS or len(values) - 1 - last < MIN_TAIL_VALUES:
        start, n_beyond = counted.median(), total / 2.0  # the tail is too short
    return (highest - start) / log_of(n_beyond * more)


MAX_KEPT = 32
"""Maximum number of distinct values of a column for which every value is counted."""

FEW_VALUES = 12
"""Maximum number of distinct numbers of a column for which each number is treated as a level."""


EACH_KEPT, GROWTH = 16, 1.25
"""Number of outermost values that are all stored, and factor by which the gaps between other stored
values grow."""

SIDES = {
    "high": ("highest", "higher"),
    "low": ("lowest", "lower"),
    "late": ("latest", "later"),
    "early": ("earliest", "earlier"),
}
"""Words for the most extreme value of a side, and for a more extreme value."""

HOUR = "hour"
"""Side of an occurrence that counts the rows in one hour of the day."""

Knots: TypeAlias = tuple[Float64s, Float64s, Float64s]
"""Values of a column, number of rows below each value, and number of rows up to each value."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Number of training rows with a value, or with an equally or more extreme value.

    Attributes
    ----------
    n_rows : float
        Number of these training rows.  If `is_exact` is False, the actual number can be lower.
    total : float
        Number of all training rows.
    side : {"", "high", "low", "late", "early", "hour"}
        Side of the column on which more extreme values are also counted.  If the text is empty,
        only rows with exactly this value are counted, and with "hour", rows in the same hour.
    is_exact : bool
        Whether `n_rows` is exact.
    noun : str
        Word for a row, such as "customer".
    is_new : bool
        Whether no training row has exactly this value.

    See Also
    --------
    Reason : Contains the Occurrence of its value.

    Examples
    --------
    >>> from somscape.outliers import Occurrence
    >>> Occurrence(n_rows=1, total=100, side="high").is_exact
    True
    """

    n_rows: float
    total: float
    side: str = ""
    is_exact: bool = True
    noun: str = "row"
    is_new: bool = False

    def __str__(self) -> str:
        if self._is_extreme:
            of_all = f"{_whole(self.total)} {self.noun}s"
            most, more = SIDES[self.side]
            return f"{most} of {of_all}" if self.n_rows else f"{more} than all {of_all}"
        return f"{self._share}{self._where}"

    def clause(self) -> str:
        """Return the number of rows as a clause for a sentence about the value."""
        if self._is_extreme:
            return f"the {self}" if self.n_rows else str(self)
        verb = "is" if self.n_rows <= 1 else "are"
        if self.side:
            return f"{self._share} {verb}{self._where}"
        return f"which {self._share} {'has' if self.n_rows <= 1 else 'have'}"

    @property
    def _is_extreme(self) -> bool:
        return self.side in SIDES and self.n_rows in (0, not self.is_new) and self.is_exact

    @property
    def _where(self) -> str:
        if self.side == HOUR:
            return " in this hour"
        return f" this {self.side}" if self.side else ""

    @property
    def _share(self) -> str:
        bound = "" if self.is_exact else "at most "
        n = _whole(self.n_rows) if self.n_rows else "none"
        return f"{bound}{n} of {_whole(self.total)} {self.noun}s"


def counted_exactly(
    occur: Iterable[Occurrence | None], cells: Floats, column: Floats
) -> list[Occurrence | None]:
    """Count the training rows with equally or more extreme values, instead of a bound."""
    found = [*occur]
    for sign, sides in ((1, ("high", "late")), (-1, ("low", "early"))):
        are_bounds = [one is not None and one.side in sides and not one.is_exact for one in found]
        if not any(are_bounds):
            continue
        places = np.flatnonzero(are_bounds)
        own, beyond = sign * cells[places].astype(column.dtype), sign * column
        # Only values beyond the least extreme cell count. Missing values (NaN) never count.
        tail = np.sort(beyond[beyond >= np.fmin.reduce(own, initial=np.inf)])
        counts = (len(tail) - np.searchsorted(tail, own)).tolist()
        for place, n in zip(places.tolist(), counts, strict=True):
            one = found[place]
            # Another table with as many rows can have more of them.
            if one is not None and 0 < n <= one.n_rows:
                # The function `replace` takes ten times as long.
                found[place] = Occurrence(float(n), one.total, one.side, True, one.noun, one.is_new)
    return found


def _whole(n: float) -> str:
    return f"{ceil(n - 1e-9):,}"


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """For each column, the number of training rows with each value.

    Attributes
    ----------
    starts : ndarray of shape (n_columns + 1,), int64
        Index in `values` at which the values of each column begin.  The last entry is the end of
        the last column's values.
    values : ndarray of shape (n,), float64
        Encoded values of each column in ascending order.  For categories and cycles, the level
        numbers.
    below, upto : ndarray of shape (n,), float64
        Number of rows below each value, and number of rows up to each value.
    """

    starts: Ints
    values: Float64s
    below: Float64s
    upto: Float64s

    def check(self, n_columns: int) -> None:
        """Raise ValueError if the attributes do not fit together or do not fit `n_columns`."""
        n = len(self.values) if is_array(self.values, (-1,), "f") else 0
        fits = (
            is_array(self.starts, (n_columns + 1,), "i")
            and self.starts[0] == 0
            and self.starts[-1] == n
            and bool((np.diff(self.starts) >= 0).all())
            and is_array(self.below, (n,), "f")
            and is_array(self.upto, (n,), "f")
        )
        check_that(
            fits and all(_are_counts(*knots) for knots in self._all_knots()),
            "`counts` must have the values of each column in ascending order, with the numbers of "
            "rows below and up to each value.",
        )

    @property
    def total(self) -> float:
        """Number of all training rows."""
        return float(self.upto.max(initial=0.0))

    def _level_occurrences(self, j: int) -> tuple[dict[float, Occurrence], Occurrence]:
        """Return how often each level of a category occurs, and how often any other level does."""
        if j not in self._occurrence_cache:  # computed once, because a service scores single rows
            values, below, upto = self._knots_of_column(j)
            total = float(upto[-1])
            pairs = zip(values.tolist(), (upto - below).tolist(), strict=True)
            found = {value: Occurrence(n, total) for value, n in pairs}
            self._occurrence_cache[j] = found, Occurrence(0.0, total)
        return self._occurrence_cache[j]

    @cached_property
    def _occurrence_cache(self) -> dict[int, tuple[dict[float, Occurrence], Occurrence]]:
        return {}

    @cached_property
    def _has_no_gap(self) -> list[bool]:
        """For each column, whether all of its distinct values were stored."""
        return [np.array_equal(below[1:], upto[:-1]) for _, below, upto in self._all_knots()]

    def _all_knots(self) -> Iterator[Knots]:
        return (self._knots_of_column(j) for j in range(len(self.starts) - 1))

    def _knots_of_column(self, j: int) -> Knots:
        part = slice(int(self.starts[j]), int(self.starts[j + 1]))
        return self.values[part], self.below[part], self.upto[part]

    def ends(self, j: int, cells: Floats) -> tuple[Float64s, Float64s]:
        """Return, for each row, the lowest and the highest number of column `j` in other rows."""
        values, below, upto = self._knots_of_column(j)
        if len(values) < 2:
            return np.full(len(cells), -np.inf), np.full(len(cells), np.inf)
        is_low = (cells == values[0]) & (upto[0] <= 1.0) & (below[1] == upto[0])
        is_high = (cells == values[-1]) & (upto[-1] - below[-1] <= 1.0) & (below[-1] == upto[-2])
        low = np.where(is_low, values[1], values[0])
        return low, np.where(is_high, values[-2], values[-1])

    def occurrences(self, j: int, code: FeatureCode, rows: Floats) -> list[Occurrence | None]:
        """Return how often each row's value occurs, or None for a value that is not far out."""
        values, below, upto = self._knots_of_column(j)
        if not len(values):
            return [None] * len(rows)
        asked = _values(code, rows).astype(np.float64)
        if isinstance(code, CategoryCode):
            found, of_none = self._level_occurrences(j)
            return [found.get(level, of_none) for level in asked.tolist()]
        total, places = float(upto[-1]), np.searchsorted(values, asked)
        has_levels = isinstance(code, CycleCode)
        is_each = has_levels or (len(values) <= FEW_VALUES and self._has_no_gap[j])
        of_each = HOUR if isinstance(code, CycleCode) and code.part == HOUR else ""
        high, low = ("late", "early") if isinstance(code, DateCode) else ("high", "low")
        inside = np.minimum(places, len(values) - 1)
        keys = (2 * places + (values[inside] == asked)).tolist()

        def made(key: int) -> Occurrence | None:
            i, is_there = divmod(key, 2)
            one = None if has_levels else sided(i, bool(is_there))
            if one is None and is_each:
                return Occurrence(float(upto[i] - below[i]) if is_there else 0.0, total, of_each)
            return one

        def sided(i: int, is_there: bool) -> Occurrence | None:
            under = float(upto[i] if is_there else below[i] if i < len(values) else total)
            over = total - float(below[i] if is_there else upto[i - 1] if i else 0.0)
            is_exact = is_there or under + over == total
            side = high if over <= under else low
            one = Occurrence(min(under, over), total, side, is_exact, is_new=not is_there)
            return one if one.n_rows <= TAIL_SHARE * total else None

        different = {key: made(key) for key in set(keys)}  # equal between the same knots
        return [different[key] for key in keys]


def _are_counts(values: Float64s, below: Float64s, upto: Float64s) -> bool:
    rises = (np.diff(values) > 0).all() and (below[1:] >= upto[:-1]).all()
    return bool(rises and (below <= upto).all() and (not len(below) or below[0] == 0))


def value_counts(rows: Floats, weights: Float64s | None, encoding: Encoding) -> ValueCounts:
    """For each column, count the rows with each value."""
    counts = counts_of(weights)
    columns = list(zip(encoding.features, encoding.slices, strict=True))

    def knots_of(column: tuple[FeatureCode, slice]) -> Knots:
        code, place = column
        values = np.ascontiguousarray(_values(code, rows[:, place]))
        is_there = np.isfinite(values)
        return _knots_of_values(values[is_there], None if counts is None else counts[is_there])

    found = in_threads(knots_of, columns, is_long=rows.size >= SHARED_VALUES)
    starts = np.cumsum([0, *(len(values) for values, _, _ in found)], dtype=np.int64)
    each = zip(*found, strict=True)
    values, below, upto = (np.concatenate([np.empty(0), *parts]) for parts in each)
    return ValueCounts(starts, values.astype(np.float64) + 0.0, below, upto)  # turns -0.0 into 0.0


def _values(code: FeatureCode, rows: Floats) -> Floats:
    """Return one value for each row.  For a category or a cycle, this value is the number of the
    level.  For other columns, this value is the encoded number."""
    if isinstance(code, CategoryCode):
        return rows.argmax(axis=1).astype(np.float64)
    if isinstance(code, CycleCode):
        return code.as_category(rows)[1].argmax(axis=1).astype(np.float64)
    return rows[:, 0]


def _knots_of_values(values: Floats, counts: Float64s | None) -> Knots:
    """Return the stored values, and the numbers of rows below and up to each value."""
    if not len(values):
        return np.empty(0), np.empty(0), np.empty(0)
    counted = Counted.of(values, counts)
    # Sums of weights are rounded, so a sum below a value is taken from the value before.
    upto = np.cumsum(np.diff(counted.ends, prepend=0.0))
    below, x = np.append(0.0, upto[:-1]), counted.values.astype(np.float64)
    if len(x) <= MAX_KEPT:
        return x, below, upto
    most = TAIL_SHARE * counted.n
    n_low = int(np.count_nonzero(upto <= most))
    n_high = int(np.count_nonzero(counted.n - below <= most))
    chosen = np.unique(np.append(_choose_positions(n_low), len(x) - 1 - _choose_positions(n_high)))
    return x[chosen], below[chosen], upto[chosen]


def _choose_positions(n: int) -> Ints:
    """Return positions from 0 to n.  Only the first positions are consecutive."""
    each = np.arange(min(EACH_KEPT, n + 1))
    n_more = max(0, ceil(np.log(max(n, 1) / EACH_KEPT) / np.log(GROWTH)))
    more = np.rint(EACH_KEPT * GROWTH ** np.arange(n_more)).astype(np.intp)
    return np.unique(np.concatenate([each, more[more <= n], [n]]))
