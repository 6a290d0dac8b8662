"""Bars of one column's values, on the encoded scale, which tames long tails."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.encode import CategoryCode, NumberCode
from somscape.report._values import DIGITS_BACK, numbers

N_BARS = 24
"""Bars of a histogram; a column with at most this many distinct values has a bar for each."""

N_LEVEL_BARS = 12
"""Bars of a category; its rarer levels share the last one."""

OTHER_LEVELS = "(others)"
NO_BAR = " "


@dataclass(frozen=True, eq=False)
class Histogram:
    """How a column's values fall into bars.

    Attributes
    ----------
    levels : list or None
        Value of each bar, in original units; None if a bar is a range.
    edges : list or None
        Ends of the bars in original units, one more than bars; None for levels.
    cuts : ndarray or None
        Between bars, on the encoded scale; None for a category.
    bar_of_level : ndarray or None
        For a category, the bar of each encoded level.
    axis : (float, float) or None
        Ends of the values on the encoded scale; None for a category.
    """

    levels: list[Any] | None
    edges: list[Any] | None
    cuts: Float64s | None
    bar_of_level: Ints | None
    axis: tuple[float, float] | None

    @classmethod
    def fit(cls, code: Any, features: Float64s) -> "Histogram":
        """Choose bars for encoded values of shape (n_rows, width of the code)."""
        if isinstance(code, CategoryCode):
            return cls._of_levels(code, features)
        values = features[~np.isnan(features[:, 0]), 0]
        distinct = np.unique(values)
        if not len(distinct):
            return cls([], None, np.empty(0), None, (0.0, 0.0))
        axis = float(distinct[0]), float(distinct[-1])
        if len(distinct) <= N_BARS:
            cuts = (distinct[1:] + distinct[:-1]) / 2
            return cls(_originals(code, distinct), None, cuts, None, axis)
        edges = np.linspace(*axis, N_BARS + 1)
        return cls(None, _originals(code, edges), edges[1:-1], None, axis)

    @classmethod
    def _of_levels(cls, code: CategoryCode, features: Float64s) -> "Histogram":
        n = code.n_features
        counts = np.bincount(_level(features), minlength=n + 1)[:n]
        names = [*code.levels, "(unseen)"]
        shown = np.flatnonzero(counts)
        if len(shown) > N_LEVEL_BARS:
            shown = np.argsort(-counts, kind="stable")[: N_LEVEL_BARS - 1]
        bars = np.full(n + 1, len(shown), dtype=np.intp)
        bars[shown] = np.arange(len(shown))
        bars[n] = -1
        levels = [names[i] for i in shown]
        if (bars == len(shown)).any() and counts.sum() > counts[shown].sum():
            levels.append(OTHER_LEVELS)
        return cls(levels, None, None, bars, None)

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return len(self.levels) if self.levels is not None else len(self.edges or [None]) - 1

    def bars(self, features: Float64s) -> Ints:
        """Return the bar of each row, or -1 for a row without a bar."""
        if self.bar_of_level is not None:
            found = self.bar_of_level[_level(features)]
            return np.asarray(np.where(found < self.n_bars, found, -1))
        assert self.cuts is not None
        bars = np.searchsorted(self.cuts, features[:, 0], side="right")
        return np.asarray(np.where(np.isnan(features[:, 0]), -1, bars))

    def counts(self, features: Float64s) -> list[int]:
        """Return the number of rows in each bar."""
        bars = self.bars(features)
        return np.bincount(bars[bars >= 0], minlength=self.n_bars).tolist()

    def letters(self, features: Float64s) -> str:
        """Return the bar of each row as one letter, a for the first, a blank for none."""
        return "".join(NO_BAR if bar < 0 else chr(97 + bar) for bar in self.bars(features))


def _level(features: Float64s) -> Ints:
    """Return the level of each row of a category; one past the last if it is missing."""
    is_missing = np.isnan(features).any(axis=1)
    return np.where(is_missing, features.shape[1], np.nan_to_num(features).argmax(axis=1))


def _originals(code: Any, places: Float64s) -> list[Any]:
    values = code.decode(places[:, None])
    if isinstance(code, NumberCode):
        return numbers(values, DIGITS_BACK)
    return [str(v) for v in values]
