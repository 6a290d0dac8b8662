"""A number far beyond all others of its column adds to a score, however little rarity weighs.

Scales of tables tame tails, and the rarity of single values has a small weight there, or rare
categories would fill the list.  A lone slip, such as an age of 127, then hardly counts.  So the
rarity of a number rises faster from where chance explains it no longer.  In steps of the tail, in
each of which it has lost all but 1 / e of its rows on average, a value g steps beyond the others
occurs with a probability p of ``(1 + 0.2 g) ** -5`` (a generalized Pareto tail), and somewhere in d
columns with two sides with one of at most ``2 d p`` (Bonferroni).
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from somscape._blocks import blocks
from somscape._elementary import exp, log, log_of
from somscape._types import Float64s, Floats, Ints
from somscape._weights import Counted, counts_of, in_order
from somscape.encode import Encoding, NumberCode
from somscape.kernels import in_threads
from somscape.outliers._rarity import (
    BLOCK_VALUES,
    MIN_TAIL_ROWS,
    MIN_TAIL_VALUES,
    TAIL_SHARE,
    TAIL_STEPS,
    Rarity,
    on_line,
)

MIN_OTHER_ROWS = 20
"""Rows from which they tell how values thin out."""

SHAPE = 0.2
"""Shape of the tail, that of Student's t with 5 degrees of freedom.  With lighter ones, tables of
such noise gave lists of rows that stand out in twice as many runs (benchmarks/detection)."""

FREE = 1.0
"""Of ``-log(2 d p)``, what adds nothing yet."""

UNIT_SHARE = 0.99
"""Each 1 more adds as much as the scores spread from the median to this share of the rows."""

_Line: TypeAlias = tuple[Float64s, Float64s]


def unit_of(scores: Float64s, weights: Float64s | None) -> float:
    """Return what each 1 more of ``-log(2 d p)`` adds to a score.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Scores without what is added here.
    weights : ndarray of shape (n_rows,) or None

    Returns
    -------
    float
    """
    ordered = in_order(scores, counts_of(weights))
    return ordered.quantile(UNIT_SHARE) - ordered.quantile(0.5)


def with_beyond(
    rarity: Rarity,
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    unit: float,
    *,
    drawn: Ints | None = None,
) -> Rarity:
    """Return a rarity that rises faster beyond all others of a column.

    Parameters
    ----------
    rarity : Rarity
        On the scale of the scores.
    rows : ndarray of shape (n_rows, n_features)
        Encoded.  The highest value of a column is compared with the second highest.
    weights : ndarray of shape (n_rows,) or None
        A row of weight 2 is two rows, and so none of them lies beyond all others.
    encoding : Encoding
    unit : float
        From `unit_of`.
    drawn : ndarray of shape (n_drawn,) or None, default=None
        Rows that tell how values thin out; None: all.

    Returns
    -------
    Rarity
        The same for values that are not beyond.  O(n_drawn * log(n_drawn) * n_features), and one
        pass over all rows.
    """
    features = rarity.features.tolist()
    each = zip(encoding.features, encoding.slices, strict=True)
    places = {place.start for code, place in each if isinstance(code, NumberCode)}
    numbers = sorted(places & set(features))
    if not unit > 0 or not numbers:
        return rarity
    free, counts = FREE + log_of(2.0 * len(numbers)), counts_of(weights)
    n_rows = float(len(rows)) if counts is None else float(counts.sum())
    own = rows if drawn is None else rows[drawn]
    of_own = counts if drawn is None or counts is None else counts[drawn]
    counted = {j: Counted.of(own[:, j].astype(np.float64), of_own) for j in numbers}
    ends = {j: (-_second(_mirrored(each)), _second(each)) for j, each in counted.items()}
    if drawn is not None:
        ends = _ends_of_all(ends, rows, counts)
    lines = [_without_padding(x, y) for x, y in zip(rarity.x, rarity.y, strict=True)]
    for j in numbers:
        (low, high), line = ends[j], features.index(j)
        above, below = (
            _Tail(*one, n_rows) for one in ((high, counted[j]), (-low, _mirrored(counted[j])))
        )
        raised = above.raised(lines[line], free, unit)
        lines[line] = _turned(below.raised(_turned(raised), free, unit))
    n_knots = max(len(x) for x, _ in lines)
    padded = [[np.append(v, np.repeat(v[-1], n_knots - len(v))) for v in line] for line in lines]
    x, y = np.array(padded).transpose(1, 0, 2)
    return replace(rarity, x=np.ascontiguousarray(x), y=np.ascontiguousarray(y))


def _second(counted: Counted) -> float:
    return float(counted.at(counted.n - 2.0))


def _mirrored(counted: Counted) -> Counted:
    n_rows = np.diff(counted.ends, prepend=0.0)
    return Counted(-counted.values[::-1], np.cumsum(n_rows[::-1]))


def _turned(line: _Line) -> _Line:
    return -line[0][::-1], line[1][::-1]


def _ends_of_all(
    ends: dict[int, tuple[float, float]], rows: Floats, counts: Float64s | None
) -> dict[int, tuple[float, float]]:
    """Return the second lowest and highest values among all rows, from those among some of them."""
    # Of the type of the rows, which compares faster.
    low, high = (np.full(rows.shape[1], end, dtype=rows.dtype) for end in (-np.inf, np.inf))
    for j, (lowest, highest) in ends.items():
        low[j], high[j] = lowest, highest

    def found(part: slice) -> list[Ints]:
        block, first = rows[part], part.start * rows.shape[1]
        return [first + np.flatnonzero(beyond) for beyond in (block < low, block > high)]

    each = in_threads(found, blocks(len(rows), max(1, BLOCK_VALUES // rows.shape[1])))
    sides = [divmod(np.concatenate(side), rows.shape[1]) for side in zip(*each, strict=True)]

    def second(j: int, end: float, beyond: tuple[Ints, Ints], sign: float) -> float:
        which = beyond[0][beyond[1] == j]
        n = np.ones(len(which)) if counts is None else counts[which]
        values = np.append(sign * rows[which, j].astype(np.float64), np.repeat(sign * end, 2))
        return sign * _second(Counted.of(values, np.append(n, (1.0, 1.0))))

    return {
        j: (second(j, lowest, sides[0], -1.0), second(j, highest, sides[1], 1.0))
        for j, (lowest, highest) in ends.items()
    }


def _without_padding(x: Float64s, y: Float64s) -> _Line:
    n = 1 + int(np.count_nonzero(np.diff(x)))
    return x[:n], y[:n]


@dataclass(frozen=True, eq=False)
class _Tail:
    """How the highest values of a column thin out.

    Attributes
    ----------
    highest : float
        The second highest value of all rows.
    counted : Counted
        Values of these rows, or of some of them.
    n_rows : float
    """

    highest: float
    counted: Counted
    n_rows: float

    def raised(self, line: _Line, free: float, unit: float) -> _Line:
        """Return a line with other knots from where a number is beyond all others."""
        step = self._step()
        if not step > 0:
            return line
        start = float(exp(np.array([SHAPE * free]))[0] - 1.0) / SHAPE
        steps = start + np.array((0.0, *TAIL_STEPS))
        added = unit * np.maximum(0.0, log(1.0 + SHAPE * steps) / SHAPE - free)
        at = self.highest + step * steps
        is_before = line[0] < at[0]
        x = np.append(line[0][is_before], at)
        y = np.append(line[1][is_before], on_line(*line, at)[0] + added)
        found, places = np.unique(x, return_index=True)  # knots too close to tell apart
        return found, y[places]

    def _step(self) -> float:
        """Return the step of the tail up to the second highest value, 0 where it is unknown."""
        counted, total = self.counted, self.counted.n
        if total < MIN_OTHER_ROWS:
            return 0.0
        values, below = counted.values, np.append(0.0, counted.ends[:-1])
        last = int(np.flatnonzero(total - below >= TAIL_SHARE * total)[-1])
        start, n_beyond = float(values[last]), total - float(counted.ends[last])
        if n_beyond < MIN_TAIL_ROWS or len(values) - 1 - last < MIN_TAIL_VALUES:
            start, n_beyond = counted.median(), total / 2.0  # too few: from the middle
        return (self.highest - start) / log_of(n_beyond * self.n_rows / total)
