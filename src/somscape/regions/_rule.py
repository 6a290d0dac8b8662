"""A short rule that tells a region's rows from all others, in original units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._shares import wilson
from somscape._types import Float64s, Ints
from somscape.encode import CategoryCode, CycleCode, Encoding, NumberCode

MAX_CONDITIONS = 3
MAX_LEVELS = 3
"""Most levels that a condition names."""

MIN_GAIN = 0.02
"""A condition must add at least this to the score of a rule."""

LEVEL_GAIN = 0.01
"""And a level this to the score of its condition."""

LEEWAY = 0.002
"""Share of the rows on either side of a limit that a shorter number may move."""

EQUAL = 1e-9
"""Numbers as near to a limit, as a share of it, are equal to it: what is decoded is not exact."""

N_RULES = 3
"""Rules that go on to the next condition."""

N_COLUMNS = 12
"""Columns that further conditions choose from: those that tell most by themselves."""

MAX_ROWS = 500
"""Most rows of a region by which conditions are chosen, evenly spaced if it has more."""

MAX_ALL_ROWS = 20_000
"""The same for all regions, which share them equally."""

LEVEL = 0.95
"""Level of the intervals."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a rule asks of one column.

    Attributes
    ----------
    column : str
    above, up_to : float, str, numpy.datetime64 or None
        The value must be larger than the first and at most the second, in original units; None
        sets no limit.
    levels : tuple of str
        For a category, the levels of which the row must have one; for other columns empty.

    See Also
    --------
    Rule : Has some.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> condition = found.describe(X)[0].rule.conditions[0]
    >>> condition.column, condition.levels
    ('x0', ())
    """

    column: str
    above: Any = None
    up_to: Any = None
    levels: tuple[str, ...] = ()

    def __str__(self) -> str:
        column = " ".join(self.column.split())
        if self.levels:
            return f"{column} = {' or '.join(' '.join(level.split()) for level in self.levels)}"
        above, up_to = (
            f"{limit:.15g}" if isinstance(limit, float) else str(limit)
            for limit in (self.above, self.up_to)
        )
        if self.above is None:
            return f"{column} <= {up_to}"
        if self.up_to is None:
            return f"{column} > {above}"
        return f"{above} < {column} <= {up_to}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A few conditions that hold for most of a region's rows and few others.

    Attributes
    ----------
    conditions : tuple of Condition
        All of which must hold, at most three.
    inside, outside : float
        Share of the region's rows, and of all others, for which they hold.
    inside_within, outside_within : (float, float)
        Wilson's 95 % intervals of these shares.  Conditions were chosen by the same rows.

    See Also
    --------
    Condition : A part of it.
    Region : Has one.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> rule = found.describe(X)[0].rule
    >>> rule.inside, rule.outside
    (1.0, 0.0)
    """

    conditions: tuple[Condition, ...]
    inside: float
    outside: float
    inside_within: tuple[float, float]
    outside_within: tuple[float, float]

    @property
    def text(self) -> str:
        """The conditions, such as "A8 = t and A14 > 500"."""
        return " and ".join(map(str, self.conditions))

    def __str__(self) -> str:
        inside, outside = (f"{100 * share:.0f} %" for share in (self.inside, self.outside))
        return f"{self.text}: {inside} of its rows, {outside} elsewhere"


@dataclass(frozen=True)
class _Limits:
    """A condition on the encoded scale: numbers above one and up to another, or some levels."""

    column: int
    above: float = -math.inf
    up_to: float = math.inf
    levels: tuple[int, ...] = ()

    def and_also(self, other: "_Limits") -> "_Limits":
        """Return the limits of both, which are of one column."""
        levels = tuple(i for i in self.levels if i in other.levels)
        above, up_to = max(self.above, other.above), min(self.up_to, other.up_to)
        return _Limits(self.column, above, up_to, levels)

    def hold_for(self, values: Float64s) -> Mask:
        """Say for which rows they hold; for none without a value."""
        if self.levels:
            return np.isin(values, self.levels)
        return (values > self.above) & (values <= self.up_to)


def rules_of(
    encoding: Encoding, rows: Float64s, regions: Ints, n_regions: int
) -> list[Rule | None]:
    """Return a rule for each region."""
    counts = np.bincount(regions[regions >= 0], minlength=n_regions)
    chosen = _spaced(regions, n_regions)
    weights = (counts / np.maximum(np.bincount(regions[chosen], minlength=n_regions), 1))[
        regions[chosen]
    ]
    columns = [
        _Column(j, _values(code, rows[chosen, place]), isinstance(code, CategoryCode | CycleCode))
        for j, (code, place) in enumerate(zip(encoding.features, encoding.slices, strict=True))
    ]
    found: list[Rule | None] = []
    for region in range(n_regions):
        is_in = regions[chosen] == region
        limits = _search(columns, is_in, weights) if 0 < counts[region] < counts.sum() else ()
        found.append(_measured(encoding, rows, regions, region, limits) if limits else None)
    return found


class _Column:
    """The values of a column by which conditions are chosen."""

    def __init__(self, number: int, values: Float64s, has_levels: bool) -> None:
        self.number, self.values, self.has_levels = number, values, has_levels
        order = np.argsort(values, kind="stable")
        self.order = order[: len(values) - int(np.isnan(values).sum())]

    def best(self, is_in: Mask, weights: Float64s, holds: Mask | None) -> tuple[float, _Limits]:
        """Return the best condition among the rows for which others hold, and its score."""
        order = self.order if holds is None else self.order[holds[self.order]]
        if not len(order):
            return 0.0, _Limits(self.number)
        hits, total = np.cumsum(weights[order] * is_in[order]), np.cumsum(weights[order])
        n_in = float(weights[is_in].sum())
        ascending = self.values[order]
        ends = np.append(np.flatnonzero(ascending[1:] > ascending[:-1]), len(order) - 1)
        if self.has_levels:
            return self._best_levels(ascending[ends], hits[ends], total[ends], n_in)
        ends = ends[:-1]
        if not len(ends):
            return 0.0, _Limits(self.number)
        up_to = 2 * hits[ends] / (total[ends] + n_in)
        above = 2 * (hits[-1] - hits[ends]) / (total[-1] - total[ends] + n_in)
        low, high = int(np.argmax(up_to)), int(np.argmax(above))
        if up_to[low] >= above[high]:
            return float(up_to[low]), _Limits(self.number, up_to=float(ascending[ends[low]]))
        return float(above[high]), _Limits(self.number, above=float(ascending[ends[high]]))

    def _best_levels(
        self, levels: Float64s, hits: Float64s, total: Float64s, n_in: float
    ) -> tuple[float, _Limits]:
        """Return the levels that tell most: some of those with the largest shares."""
        hits, total = np.diff(hits, prepend=0.0), np.diff(total, prepend=0.0)
        first = np.argsort(-hits / total, kind="stable")[:MAX_LEVELS]
        scores = 2 * np.cumsum(hits[first]) / (np.cumsum(total[first]) + n_in)
        n = int(np.argmax(scores >= scores.max() - LEVEL_GAIN)) + 1
        if n == len(levels):
            return 0.0, _Limits(self.number)
        named = tuple(sorted(levels[first[:n]].astype(int).tolist()))
        return float(scores[n - 1]), _Limits(self.number, levels=named)


def _search(columns: Sequence[_Column], is_in: Mask, weights: Float64s) -> tuple[_Limits, ...]:
    """Return the conditions of the best rule, or none."""
    n_in = float(weights[is_in].sum())
    best: tuple[float, tuple[_Limits, ...]] = (2 * n_in / (weights.sum() + n_in), ())
    rules: list[tuple[float, tuple[_Limits, ...], Mask | None]] = [(*best, None)]
    for n in range(MAX_CONDITIONS):
        longer = []
        for _, limits, holds in rules:
            for column in columns:
                score, more = column.best(is_in, weights, holds)
                longer.append((score, limits, more, holds))
        longer.sort(key=lambda each: -each[0])
        if n == 0:
            columns = [columns[more.column] for _, _, more, _ in longer[:N_COLUMNS]]
        by_number = {column.number: column for column in columns}
        rules = []
        for score, limits, more, holds in longer[:N_RULES]:
            also = more.hold_for(by_number[more.column].values)
            rules.append((score, _joined(limits, more), also if holds is None else holds & also))
        if rules[0][0] < best[0] + MIN_GAIN:
            break
        best = rules[0][:2]
    return best[1]


def _joined(limits: tuple[_Limits, ...], more: _Limits) -> tuple[_Limits, ...]:
    """Return conditions with one more, one for each column."""
    if all(each.column != more.column for each in limits):
        return (*limits, more)
    return tuple(each.and_also(more) if each.column == more.column else each for each in limits)


def _measured(
    encoding: Encoding, rows: Float64s, regions: Ints, region: int, limits: Sequence[_Limits]
) -> Rule:
    """Return a rule with its shares among all rows."""
    holds = np.ones(len(rows), dtype=bool)
    conditions = []
    for each in limits:
        code, place = encoding.features[each.column], encoding.slices[each.column]
        condition, also = _in_words(code, _values(code, rows[:, place]), each)
        holds &= also
        conditions.append(condition)
    is_in, is_out = regions == region, (regions >= 0) & (regions != region)
    n = np.array([is_in.sum(), is_out.sum()])
    hits = np.array([(holds & is_in).sum(), (holds & is_out).sum()])
    inside, outside = (hits / n).tolist()
    low, high = wilson(hits, n, LEVEL)
    return Rule(
        conditions=tuple(conditions),
        inside=inside,
        outside=outside,
        inside_within=(float(low[0]), float(high[0])),
        outside_within=(float(low[1]), float(high[1])),
    )


def _in_words(code: Any, values: Float64s, limits: _Limits) -> tuple[Condition, Mask]:
    """Return a condition in original units, and for which rows it holds."""
    name = code.name
    if limits.levels:
        levels = tuple(_level_names(code, limits.levels))
        return Condition(column=name, levels=levels), limits.hold_for(values)
    if isinstance(code, NumberCode):
        shown = np.asarray(code.decode(values[:, None]))
        above, up_to = (
            _short_limit(shown, values, limit) if math.isfinite(limit) else None
            for limit in (limits.above, limits.up_to)
        )
        holds = ~np.isnan(shown)
        holds &= True if above is None else shown > above + EQUAL * abs(above)
        holds &= True if up_to is None else shown <= up_to + EQUAL * abs(up_to)
        return Condition(column=name, above=above, up_to=up_to), holds
    above, up_to = (
        code.decode(np.array([[limit]]))[0] if math.isfinite(limit) else None
        for limit in (limits.above, limits.up_to)
    )
    return Condition(column=name, above=above, up_to=up_to), limits.hold_for(values)


def _short_limit(shown: Float64s, values: Float64s, limit: float) -> float:
    """Return the shortest number that parts rows, in original units, nearly where a limit does."""
    ascending = np.sort(shown[~np.isnan(shown)])
    n_below, most = int((values <= limit).sum()), int(LEEWAY * len(ascending))
    low = ascending[max(0, n_below - 1 - most)]
    high = ascending[min(len(ascending) - 1, n_below + most)]
    return _shortest(float(low), float(high))


def _shortest(low: float, high: float) -> float:
    """Return the number with the fewest digits from `low` up to nearly `high`."""
    # What is decoded may differ from a cell in its last digits.
    top = low + 0.99 * (high - low)
    if low <= 0 <= top:
        return 0.0
    size = math.floor(math.log10(max(abs(low), abs(top))))
    for decimals in range(-size, 17 - size):
        found = float(f"{math.floor(top * 10.0**decimals)}e{-decimals}")
        if low <= found <= top:
            return found
    return low


def _values(code: Any, features: Float64s) -> Float64s:
    """Return one number for each row: the encoded value, or the number of its level."""
    if isinstance(code, CycleCode):
        code, features = code.as_category(features)
    if not isinstance(code, CategoryCode):
        return features[:, 0]
    is_missing = np.isnan(features).any(axis=1)
    return np.where(is_missing, np.nan, features.argmax(axis=1).astype(np.float64))


def _level_names(code: Any, levels: Sequence[int]) -> list[str]:
    if isinstance(code, CycleCode):
        return [code.levels[i] for i in levels]
    return [str(level) for level in code.decode(np.eye(code.n_features)[list(levels)])]


def _spaced(regions: Ints, n_regions: int) -> Ints:
    """Return some rows of each region, evenly spaced, in their order."""
    most = max(1, min(MAX_ROWS, MAX_ALL_ROWS // n_regions))
    parts = [np.flatnonzero(regions == region) for region in range(n_regions)]
    return np.sort(np.concatenate([part[:: max(1, -(-len(part) // most))] for part in parts]))
