"""How rare a row's single values are, as one piecewise linear function for each feature.

A map tells rows that lie far from the others.  A value that few rows reach can lie near a
prototype all the same: where columns have nothing to do with each other, or where prototypes follow
the outliers.  A number adds ``-log(2 p)``, p the share of rows at least as far out on its side (as
in ECOD: Li, Zhao, Hu, Botta, Ionescu and Chen 2022, IEEE TKDE 35, section 3), and nothing in the
middle.  Beyond the outer 5 % a smooth tail takes over, so that a value a hundred times as far out
counts more.  A level of a category adds ``-log p``, p the share of rows with a level as rare.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from somscape._blocks import blocks
from somscape._elementary import log, log_of
from somscape._types import Float64s, Floats, Ints
from somscape._weights import Counted, counts_of
from somscape.encode import CategoryCode, CycleCode, Encoding
from somscape.kernels import select_kernels
from somscape.outliers._arrays import is_array

TAIL_SHARE = 0.05
"""Share of the rows on each side beyond which values follow a smooth tail."""

MIN_TAIL_ROWS, MIN_TAIL_VALUES = 10, 5
"""Rows and different values that a smooth tail needs; fewer are taken as they are."""

TAIL_SHAPE = 0.05
"""Shape of the tail, a generalized Pareto: a value ten times as far out adds some 30 more."""

TAIL_STEPS = (0.25, 0.5, *(2.0**i for i in range(13)))
"""Where the tail has knots, in units of its scale."""

TAIL_RISES = log(1.0 + TAIL_SHAPE * np.array(TAIL_STEPS)) / TAIL_SHAPE
"""How much more a value there adds than where the tail begins."""

BODY_SHARES = (0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Shares of the rows, from either side, where numbers of many values have knots."""

MAX_BODY_VALUES = 2 * len(BODY_SHARES)
"""Different values between the tails up to which a line has a knot at each of them."""

BLOCK_VALUES = 1 << 20
"""Knots that values are compared with at once."""

CONSTANT_WIDTH = 1e-6
"""Width, in parts of the value, within which another value than a column's only one is as rare
as a value can be."""


Line: TypeAlias = tuple[Float64s, Float64s]
"""Where a line has knots, ascending, and its heights there."""


@dataclass(frozen=True, eq=False)
class Rarity:
    """How much single values of rows add to a score.

    Attributes
    ----------
    features : ndarray of shape (n_lines,), int64
        The encoded features that add something, ascending.
    x : ndarray of shape (n_lines, n_knots), float64
        Values of each feature, ascending; where a line has fewer knots, the last one repeats.
    y : ndarray of shape (n_lines, n_knots), float64
        What they add.  In between and beyond the ends lines are straight.

    See Also
    --------
    Scorer : What it adds to.

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
        """Return the rarity of some features.

        Parameters
        ----------
        lines : mapping of int to (ndarray, ndarray)
            The knots of each feature, by its number, ascending.

        Returns
        -------
        Rarity
        """
        n_knots = max(len(x) for x, _ in lines.values())
        padded = [
            [np.append(v, np.repeat(v[-1], n_knots - len(v))) for v in line]
            for line in lines.values()
        ]
        x, y = np.array(padded).transpose(1, 0, 2)
        features = np.array(list(lines), dtype=np.int64)
        return cls(features, np.ascontiguousarray(x), np.ascontiguousarray(y))

    @cached_property
    def lines(self) -> Mapping[int, Line]:
        """The knots of each feature, by its number."""
        each = zip(self.features.tolist(), self.x, self.y, strict=True)
        return {feature: _knots(x, y) for feature, x, y in each}

    def check(self, n_features: int) -> None:
        """Raise ValueError if the parts do not fit together, or rows of some features.

        Parameters
        ----------
        n_features : int
        """
        features, x, y = self.features, self.x, self.y
        are_lines = (
            is_array(features, (-1,), "i")
            and is_array(x, (len(features), -1))
            and is_array(y, x.shape)
            and x.shape[1] > 1
        )
        if not are_lines or not (
            (np.diff(features) > 0).all()
            and ((features >= 0) & (features < n_features)).all()
            and (y >= 0).all()
            and are_knots(x)
        ):
            raise ValueError(
                "`rarity` must have ascending features, and for each at least two values in "
                "ascending order, with what they add, from 0."
            )

    def scores(self, rows: Floats) -> Float64s:
        """Return what the values of each row add together.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        return select_kernels().sum_of_lines(rows, self.features, self.x, self.y)

    def parts(self, rows: Floats) -> Float64s:
        """Return what each feature adds.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features)
        """
        out, lines = np.zeros(rows.shape), np.arange(len(self.x))
        # All lines at once: for few rows the calls, not the search, take the time.
        for part in blocks(len(rows), max(1, BLOCK_VALUES // self.x.size)):
            values = rows[part][:, self.features].astype(np.float64)
            n_below = np.count_nonzero(self.x <= values[:, :, None], axis=2)
            at = lines, np.clip(n_below - 1, 0, self._last_steps)
            out[part, self.features] = self.y[at] + (values - self.x[at]) * self._slopes[at]
        return out

    @cached_property
    def _last_steps(self) -> Ints:
        """The last step between two knots of each line."""
        return np.asarray(np.count_nonzero(np.diff(self.x, axis=1), axis=1) - 1)

    @cached_property
    def _slopes(self) -> Float64s:
        """Of each line between its knots; not a number where the last one repeats."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.diff(self.y, axis=1) / np.diff(self.x, axis=1))

    def times(self, factor: float) -> "Rarity":
        """Return a rarity whose values add this many times as much."""
        return replace(self, y=factor * self.y)


def are_knots(x: Float64s) -> bool:
    """Say whether the knots of each line ascend, and only its last one repeats."""
    steps = np.diff(x, axis=1)
    rises = steps > 0
    falls_once = (rises[:, 1:] <= rises[:, :-1]).all()
    return bool((steps >= 0).all() and rises[:, 0].all() and falls_once)


def _knots(x: Float64s, y: Float64s) -> Line:
    """Return the knots of a line, without the last one's repetitions."""
    n = 1 + int(np.count_nonzero(np.diff(x)))
    return x[:n], y[:n]


def on_line(
    x: Float64s, y: Float64s, values: Float64s, *, up: bool = True
) -> tuple[Float64s, Float64s, Float64s]:
    """Return where values lie on a line, its slope there, and the next knot."""
    x, y = _knots(x, y)
    n = len(x)
    side = np.searchsorted(x, values, "right" if up else "left")
    place = np.clip(side - 1, 0, n - 2)
    slopes = (np.diff(y) / np.diff(x))[place]
    ends = np.concatenate([[-np.inf], x, [np.inf]])
    return y[place] + (values - x[place]) * slopes, slopes, ends[side + 1 if up else side]


def rarity_of(rows: Floats, weights: Float64s | None, encoding: Encoding) -> Rarity | None:
    """Learn how rare values are."""
    counts = counts_of(weights)
    lines: dict[int, Line] = {}
    for code, place in zip(encoding.features, encoding.slices, strict=True):
        if isinstance(code, CycleCode):
            continue  # no place on a circle is further out than another
        if isinstance(code, CategoryCode):
            lines |= _of_levels(code, place.start, rows[:, place], counts)
        else:
            values = rows[:, place.start].astype(np.float64)
            lines[place.start] = _of_numbers(Counted.of(values, counts))
    lines = {feature: (x, y) for feature, (x, y) in lines.items() if max(y) > 0}
    if not lines:
        return None
    return Rarity.of(lines)


def _of_levels(
    code: CategoryCode, start: int, features: Floats, counts: Float64s | None
) -> dict[int, Line]:
    """Return the lines of a category's levels: from 0 for other levels to what the level adds."""
    level = code.encoded_levels.max()
    each = (features > level / 2).astype(np.float64)
    found = each.sum(axis=0) if counts is None else (each * counts[:, None]).sum(axis=0)
    total = found.sum()
    lines: dict[int, Line] = {}
    for i, n in enumerate(found.tolist()):
        # A level that no row has, such as a new one, is as rare as can be.
        share = float(found[found <= n].sum()) / total if n > 0 else 1.0 / (total + 1.0)
        lines[start + i] = np.array([0.0, level]), np.array([0.0, -log_of(share) + 0.0])
    return lines


def _of_numbers(counted: Counted) -> Line:
    """Return the line of a number: falling towards the middle, then rising."""
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
    x_there, places = np.unique(x, return_index=True)  # knots too close to tell apart
    return x_there, np.array(y)[places]


def _scale_of(median: float) -> float:
    """Return the scale of a tail with a median."""
    return median * TAIL_SHAPE / (2.0**TAIL_SHAPE - 1.0)


def _tail(
    values: Float64s, n_rows: Float64s, share: Float64s, heights: Float64s
) -> tuple[int, list[tuple[float, float]]]:
    """Return the last value before the upper tail, and the knots of the tail."""
    last = int(np.flatnonzero(share >= TAIL_SHARE)[-1])
    beyond = slice(last + 1, None)
    rows = n_rows[beyond]
    height = float(heights[last])
    if rows.sum() >= MIN_TAIL_ROWS and len(rows) >= MIN_TAIL_VALUES:
        scale = _scale_of(Counted(values[beyond] - values[last], np.cumsum(rows)).median())
        height = max(height, -log_of(2.0 * float(share[last + 1])))
    else:  # too few to fit: as they are, and beyond as steep as from the middle on average
        last = len(values) - 1
        height = float(heights[last])
        middle = values[int(np.argmin(heights))]
        scale = float(values[last] - middle) / max(height, 1.0)
        if not scale > 0:  # most rows have this value: far is what is far for the others
            others = slice(None, last)
            far, n_far = (values[last] - values[others])[::-1], np.cumsum(n_rows[others][::-1])
            scale = _scale_of(Counted(far, n_far).median())
    if not scale > 0:
        return last, []
    at = values[last] + scale * np.array(TAIL_STEPS)
    return last, list(zip(at.tolist(), (height + TAIL_RISES).tolist(), strict=True))
