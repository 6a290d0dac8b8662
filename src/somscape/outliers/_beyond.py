"""A number far beyond all others of its column adds to a score, however little rarity weighs.

Scales of tables tame tails, and the rarity of single values has a small weight there, or rare
categories would fill the list.  A lone slip, such as an age of 127, then hardly counts.  So the
rarity of a number rises faster from where chance explains it no longer.  A *step* is the distance
in which a tail loses all but 1 / e of its rows.  A value g steps beyond all others has the
probability p = ``(1 + 0.2 g) ** -5`` (a generalized Pareto tail); that one of d columns has such a
value, on either side, has at most 2 d p (Bonferroni).
"""

from dataclasses import dataclass, replace

import numpy as np

from somscape._elementary import exp, log, log_of
from somscape._types import Float64s, Floats
from somscape._weights import Counted, counts_of, in_order
from somscape.encode import Encoding, NumberCode
from somscape.outliers._ends import ends_of
from somscape.outliers._rarity import (
    MIN_TAIL_ROWS,
    MIN_TAIL_VALUES,
    TAIL_SHARE,
    TAIL_STEPS,
    Line,
    Rarity,
    on_line,
)

MIN_OTHER_ROWS = 20
"""Rows from which they tell how values thin out."""

SHAPE = 0.2
"""Shape of the tail, that of Student's t with 5 degrees of freedom.  With lighter ones, tables of
such noise gave lists of rows that stand out in twice as many runs (benchmarks/detection)."""

FREE = 1.0
"""The part of ``-log(2 d p)`` that adds nothing."""

UNIT_SHARE = 0.99
"""Each 1 more adds as much as the scores spread from the median to this share of the rows."""


@dataclass(frozen=True, eq=False)
class Beyond:
    """What is needed to tell which numbers lie beyond all others, and what they add.

    Attributes
    ----------
    unit : float
        What each 1 more of ``-log(2 d p)`` adds to a score.
    ends : ndarray of shape (2, 2, n_features)
        The outermost values of all rows, as `ends_of` returns them, in columns of numbers; what
        stands there for others means nothing.
    """

    unit: float
    ends: Float64s

    @classmethod
    def of(cls, scores: Float64s, counts: Float64s | None, ends: Float64s) -> "Beyond":
        """Return what scores tell that have nothing added yet, of all rows or of some."""
        ordered = in_order(scores, counts)
        return cls(ordered.quantile(UNIT_SHARE) - ordered.quantile(0.5), ends)

    def after(self, rows: Floats, weights: Float64s | None) -> "Beyond":
        """Return the same after more rows."""
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
    """Return a rarity that rises faster beyond all others of a column."""
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
        for highest, side in zip(beyond.ends[:, 1, j], (_mirrored(counted), counted), strict=True):
            step = _step_below(float(highest), side, more)
            # Turned for the lower side, and turned back for the upper one.
            lines[j] = _raised(_turned(lines[j]), float(highest), step, free, beyond.unit)
    return Rarity.of(lines)


def _mirrored(counted: Counted) -> Counted:
    n_rows = np.diff(counted.ends, prepend=0.0)
    return Counted(-counted.values[::-1], np.cumsum(n_rows[::-1]))


def _turned(line: Line) -> Line:
    return -line[0][::-1], line[1][::-1]


def _raised(line: Line, highest: float, step: float, free: float, unit: float) -> Line:
    """Return a line with other knots from where a number is beyond all others."""
    if not step > 0:
        return line
    start = float(exp(np.array([SHAPE * free]))[0] - 1.0) / SHAPE
    steps = start + np.array((0.0, *TAIL_STEPS))
    added = unit * np.maximum(0.0, log(1.0 + SHAPE * steps) / SHAPE - free)
    at = highest + step * steps
    is_before = line[0] < at[0]
    x = np.append(line[0][is_before], at)
    y = np.append(line[1][is_before], on_line(*line, at)[0] + added)
    found, places = np.unique(x, return_index=True)  # knots too close to tell apart
    return found, y[places]


def _step_below(highest: float, counted: Counted, more: float) -> float:
    """Return the step of the tail up to the second highest value, 0 where it is unknown."""
    total = counted.n
    if total < MIN_OTHER_ROWS:
        return 0.0
    values, below = counted.values, np.append(0.0, counted.ends[:-1])
    last = int(np.flatnonzero(total - below >= TAIL_SHARE * total)[-1])
    start, n_beyond = float(values[last]), total - float(counted.ends[last])
    if n_beyond < MIN_TAIL_ROWS or len(values) - 1 - last < MIN_TAIL_VALUES:
        start, n_beyond = counted.median(), total / 2.0  # too few: from the middle
    return (highest - start) / log_of(n_beyond * more)
