"""Changes of a few columns that would make an unusual row usual (counterfactuals)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape.outliers.relation import Relation
from somscape.outliers.score import Scorer
from somscape.outliers.scoring import Scoring
from somscape.tables._recoded import cell_text, changed_rows, changes_text, rounding_steps
from somscape.tables.codes import NumberCode
from somscape.tables.encoding import FeatureCode
from somscape.tables.ordered import LeveledCode
from somscape.tables.table import Table

N_STEPS = 256
"""Number of steps of equal length from a row to the farthest usual prototype."""

MAX_STEPS = 1000
"""Maximum number of steps in the search for one end of a column's range of usual values."""

MIN_STEP = 1e-7
"""Precision of the ends of a range of values, as a share of the range of usual prototypes."""

ENDLESS_WIDTHS = 1e6
"""The range of a column is unlimited if it extends this far beyond the farthest usual prototype.
The unit is the column's usual range."""


@dataclass(frozen=True)
class Range:
    """Values of one column, which are either an interval or some levels.

    Attributes
    ----------
    low, high : float, numpy.datetime64 or None
        Lowest and highest value of the interval, which are both included.  The end of an unlimited
        interval is infinite.  Both ends are None for a category.  If the weekday or hour of a date
        is also compared, both ends are equal to the date.
    levels : tuple of str
        Levels of a category.
    mark : str
        Decimal mark of numbers, followed by their thousands separator, if any.

    See Also
    --------
    Change : Contains a range.

    Examples
    --------
    >>> from somscape.outliers import Range
    >>> print(Range(1200.0, 5400.0), Range(levels=("cook", "clerk")), sep="; ")
    between 1200 and 5400; cook or clerk
    """

    low: Any = None
    high: Any = None
    levels: tuple[str, ...] = ()
    mark: str = "."

    def __str__(self) -> str:
        if self.low is None:
            return " or ".join(self.levels)
        if self.low == self.high:
            return self.text(self.low)
        if self.low == -np.inf:
            return f"at most {self.text(self.high)}"
        if self.high == np.inf:
            return f"at least {self.text(self.low)}"
        return f"between {self.text(self.low)} and {self.text(self.high)}"

    def text(self, value: Any) -> str:
        """Return a number, a date or a level of the column as text."""
        return cell_text(value, self.mark)


def steps_of(scorer: Scorer) -> list[float]:
    """Return, for each column, how much its encoded value can change if a number is rounded."""
    return rounding_steps(scorer.map_.encoding, scorer.usual_codebook)


def ranges_of(
    detector: Scoring,
    rows: Float64s,
    limit: float,
    pairs: Sequence[tuple[int, int]],
    *,
    unusual: Float64s,
) -> list[Range]:
    """Return, for each pair of a row and a column, the values at which the row is still usual."""
    encoding = detector.map_.encoding
    codes, slices = encoding.features, encoding.slices
    has_levels = [isinstance(codes[j], LeveledCode) for _, j in pairs]
    has_parts = [any(codes[j].name in part.sources for part in encoding.parts) for _, j in pairs]
    lines = [pair for pair in range(len(pairs)) if not (has_levels[pair] or has_parts[pair])]
    leveled = {n: pairs[n] for n in np.flatnonzero(has_levels).tolist()}
    found = _levels(detector, rows, limit, leveled)
    for n in np.flatnonzero(has_parts).tolist():  # another date would also change the weekday
        i, j = pairs[n]
        date = codes[j].decode(rows[i : i + 1, slices[j]])[0]
        found[n] = Range(date, date)
    chosen = [pairs[pair] for pair in lines]
    places = np.array([slices[j].start for _, j in chosen], dtype=np.intp)
    base = rows[[i for i, _ in chosen]]
    low = _ends(_Lines(detector, limit, base, places, -1.0))
    high = _ends(_Lines(detector, limit, base, places, 1.0))
    value, other = base[np.arange(len(base)), places], unusual[[i for i, _ in chosen], places]
    low, high = (
        np.where((other < value) & (low <= other), value, low),
        np.where((other > value) & (other <= high), value, high),
    )
    steps = steps_of(detector.of_all_rows)
    for line, pair in enumerate(lines):
        code, step = codes[chosen[line][1]], steps[chosen[line][1]]
        assert not isinstance(code, LeveledCode)
        own = code.short(base[line : line + 1, places[line], None], step)[0]
        bounds = code.bounds if isinstance(code, NumberCode) else (-np.inf, np.inf)
        ends = [
            bound if np.isinf(end) else code.short(np.array([[end]]), step, side)[0]
            for end, side, bound in zip((low[line], high[line]), (1, -1), bounds, strict=True)
        ]
        at = [
            end if end in (-np.inf, np.inf) else float(code.place(np.array([end]))[0])
            for end in ends
        ]
        # A rounded end may be in a gap that the scan missed.
        stays = [_stays_usual(detector, base[line], places[line], there, limit) for there in at]
        ends = [end if stay else own for end, stay in zip(ends, stays, strict=True)]
        # Rounding may move an end past the value of the row, so the rounded value is included.
        found[pair] = Range(min(own, ends[0]), max(own, ends[1]))
    return [found[pair] for pair in range(len(pairs))]


def _stays_usual(detector: Scoring, row: Float64s, place: int, value: float, limit: float) -> bool:
    """Return whether the row changed in one feature scores at most `limit` (True for infinity)."""
    trial = row[None].copy()
    trial[0, place] = value
    return bool(np.isinf(value) or detector._scores_of_rows(trial)[0] <= limit)


def _levels(
    detector: Scoring, rows: Float64s, limit: float, pairs: dict[int, tuple[int, int]]
) -> dict[int, Range]:
    """Return, for each pair of a row and a column, the levels at which the row is still usual."""
    codes, slices = detector.map_.encoding.features, detector.map_.encoding.slices
    trials = [rows[:0]]
    for i, j in pairs.values():
        code = codes[j]
        assert isinstance(code, LeveledCode)
        trials.append(np.tile(rows[i], (len(code.levels), 1)))
        trials[-1][:, slices[j]] = code.encoded_levels
    is_usual = detector._scores_of_rows(np.vstack(trials)) <= limit
    found, start = {}, 0
    for (pair, (_, j)), trial in zip(pairs.items(), trials[1:], strict=True):
        code, end = codes[j], start + len(trial)
        assert isinstance(code, LeveledCode)
        levels = np.array(code.levels, dtype=object)[is_usual[start:end]]
        found[pair], start = Range(levels=tuple(levels.tolist())), end
    return found


@dataclass(frozen=True, eq=False)
class _Lines:
    """Lines in the space of rows.  On each line, one feature of a usual row increases or decreases.

    Attributes
    ----------
    detector : Scoring
    limit : float
        Highest score of a usual row.
    rows : ndarray of shape (n_lines, n_features)
    places : ndarray of shape (n_lines,)
        Number of the feature that changes along each line.
    direction : float
        1 or -1.
    """

    detector: Scoring
    limit: float
    rows: Float64s
    places: Ints
    direction: float

    def at(self, which: Ints, values: Float64s) -> Float64s:
        """Return the rows of some lines with these values of the changing feature."""
        rows = self.rows[which]
        rows[np.arange(len(which)), self.places[which]] = values
        return rows


def _ends(lines: _Lines) -> Float64s:
    """Return the last value at which a row is usual on each line, or infinity without a limit.

    The score is computed in equal steps, which double beyond the usual prototypes.  A step to an
    unusual row is undone and halved.  Unusual values between two steps are missed.
    """
    everywhere, sign = np.arange(len(lines.rows)), lines.direction
    place = lines.rows[everywhere, lines.places]
    usual = lines.detector.of_all_rows.usual_codebook[:, lines.places]
    spans = np.ptp(usual, axis=0)
    width = np.where(spans > 0, spans, 1.0)
    edge = np.maximum((sign * usual).max(axis=0), sign * place)
    step, end = (edge + width - sign * place) / N_STEPS, edge + ENDLESS_WIDTHS * width
    going = everywhere
    for _ in range(MAX_STEPS):
        is_done = (step[going] <= MIN_STEP * width[going]) | (sign * place[going] > end[going])
        going = going[~is_done]
        if not len(going):
            break
        there = place[going] + sign * step[going]
        is_usual = lines.detector._scores_of_rows(lines.at(going, there)) <= lines.limit
        is_outside = sign * there > edge[going] + width[going]
        step[going] *= np.where(is_usual, np.where(is_outside, 2.0, 1.0), 0.5)
        place[going[is_usual]] = there[is_usual]
    return np.where(sign * place > end, sign * np.inf, place)


MARGIN = 1e-9
"""A changed row must score below the threshold by at least this share of the threshold.  This
allows for rounding."""


@dataclass(frozen=True)
class Change:
    """Change of one column in a counterfactual.

    Attributes
    ----------
    column : str
    value : str
        Value of the row, in original units.
    to : float, str or numpy.datetime64
        New value of the column.
    within : Range
        Values of the column that, together with the other changes, make the row usual.

    See Also
    --------
    Counterfactual : Contains the changes of all columns.
    Range : Values that also suffice.

    Examples
    --------
    >>> from somscape.outliers import Change, Range
    >>> print(Change("income", "90000", to=5400.0, within=Range(1200.0, 5400.0)))
    income 5400 (between 1200 and 5400)
    """

    column: str
    value: str
    to: Any
    within: Range

    def __str__(self) -> str:
        to, within = self.within.text(self.to), str(self.within)
        return f"{self.column} {to}" if to == within else f"{self.column} {to} ({within})"


@dataclass(frozen=True)
class Counterfactual:
    """Changes of columns that would together make a row usual.

    Attributes
    ----------
    changes : tuple of Change
        Changes, with the largest change first.  Empty if the row is usual.
    score : float
        Score of the row after all changes, which is at most the threshold.

    See Also
    --------
    Change : Change of one column.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> found = SOMDetector(random_state=0).fit(X).counterfactuals(X[7:8])[0]
    >>> print(found)
    would be usual with x1 -0.61 (between -2.35 and 2.23) and x0 1.17 (between -2.62 and 2.9)
    """

    changes: tuple[Change, ...]
    score: float

    def __str__(self) -> str:
        if not self.changes:
            return "is usual"
        if len(self.changes) == 1:
            return f"would be usual with {self.changes[0].column} {self.changes[0].within}"
        return f"would be usual with {changes_text(self.changes)}"


def counterfactuals_of(
    detector: Scoring, table: Table, encoded: Floats
) -> list[Counterfactual | None]:
    """Return changes that would make each row usual, as `Detector.counterfactuals` does."""
    rows = np.asarray(encoded, dtype=np.float64)
    scores = detector._scores_of_rows(rows)
    found: list[Counterfactual | None] = [
        Counterfactual((), float(score)) if score <= detector.threshold else None
        for score in scores
    ]
    limit = detector.threshold * (1 - MARGIN)
    encoding, steps = detector.map_.encoding, steps_of(detector.of_all_rows)

    def is_usual(some: Float64s) -> Bools:
        return detector._scores_of_rows(some) <= limit

    unusual = np.flatnonzero(scores > detector.threshold)
    goals = (
        detector.of_all_rows.usual_codebook,
        _with_implied_values(detector.relation, rows[unusual]),
    )
    targets = encoding.possible(np.vstack(goals), steps)
    targets = targets[is_usual(targets)]  # usual rows to move towards
    for block in changed_rows(encoding, table, rows, unusual, targets, is_usual, steps):
        ranges = ranges_of(detector, block.rows, limit, block.pairs, unusual=rows[block.which])
        changes = block.by_row(
            Change(column, value, to, replace(within, mark=mark))
            for (column, value, to, mark), within in zip(block.told, ranges, strict=True)
        )
        for (i, some), score in zip(changes, detector._scores_of_rows(block.rows), strict=True):
            found[i] = Counterfactual(some, float(score))
    return found


def _with_implied_values(relation: Relation | None, rows: Float64s) -> Float64s:
    """Return the rows that break a relation, with the value that the other columns imply."""
    if relation is None:
        return rows[:0]
    features, values, amounts = relation.implied(rows)
    some = np.flatnonzero((amounts > 0) & ~np.isnan(values))
    moved = rows[some]
    moved[np.arange(len(some)), features[some]] = values[some]
    return moved


def fitting_values(
    relation: Relation | None, code: FeatureCode, place: slice, implied: Float64s, mark: str
) -> tuple[list[str | None], Float64s]:
    """Return, for each row, the value of a column that would fit the other columns, as text and on
    the encoded scale.  If no value would fit, return None and NaN.
    """
    places = np.full(len(implied), np.nan)
    if relation is None or isinstance(code, LeveledCode):
        return [None] * len(implied), places
    used = relation.features[relation.targets] == place.start
    if not used.any():
        return [None] * len(implied), places
    deviations = relation.deviations[relation.targets] * relation.scales.min(axis=0)
    step, (bend, start) = deviations[used][0], relation.curves[:, relation.targets[used][0]]

    def text(row: int, value: float) -> str | None:
        encoded = np.array([[value]])
        if isinstance(code, NumberCode):
            low, high = code.bounds
            if not low <= code.decode(encoded)[0] <= high:
                return None  # a value that the column cannot have does not fit
        own = step / (bend * math.cosh(bend * value + start)) if bend > 0 else step
        short: Any = code.short(encoded, float(own))
        places[row] = code.place(short)[0]
        return cell_text(short[0], mark)

    fits = enumerate(implied.tolist())
    return [text(i, v) if feature == place.start else None for i, (feature, v) in fits], places
