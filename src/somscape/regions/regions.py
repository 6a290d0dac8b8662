"""Regions of a map, and descriptions, names and rules of the regions."""

import hashlib
import json
import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from somscape._files import write_whole
from somscape._types import Bools, Float64s, Ints
from somscape._validate import suggest_names
from somscape._weights import pair_sums, wilson
from somscape.errors import InputError, SomscapeWarning
from somscape.maps._joins import pieces_after
from somscape.maps.map import NO_UNIT, KeptRegions, Map, unit_places
from somscape.tables._checked import converted
from somscape.tables._messages import counted
from somscape.tables._recoded import in_words
from somscape.tables.codes import CategoryCode, NumberCode, number_text
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import CycleCode, DateCode, moment_text
from somscape.tables.table import frame_of, html_of

MAX_CONDITIONS = 3
MAX_LEVELS = 3
"""Maximum number of levels of a category that a condition names."""

MIN_GAIN = 0.02
"""Minimum increase of a rule's score that each further condition must cause."""

LEVEL_GAIN = 0.01
"""Minimum increase of a condition's score that each further level must cause."""

LEEWAY = 0.002
"""Maximum share of rows for which a condition changes if its limit is rounded."""

EQUAL = 1e-9
"""Maximum relative difference at which a decoded number counts as equal to a limit."""

N_RULES = 3
"""Number of best rules to which a further condition is added in each round."""

N_COLUMNS = 12
"""Number of columns from which further conditions are chosen.  These columns have the best single
conditions."""

MAX_ROWS = 500
"""Maximum number of evenly spaced rows of one region from which conditions are chosen."""

MAX_ALL_ROWS = 20_000
"""Maximum number of such rows of all regions together.  Each region has an equal share."""

REASONS = {
    True: ("shape", "Fewer rows are between two simple laws, which explain the rows, than inside."),
    False: ("density", "On every path between both sides, a border has fewer rows than inside."),
}
"""Method and reason of a division, by whether fitted laws are the evidence."""

ASKED = "Both sides are one group by default, and are divided because of the given number."

LEVEL = 0.95
"""Confidence level of the intervals."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Condition of a rule on one column.

    Attributes
    ----------
    column : str
    above, up_to : float, str, numpy.datetime64 or None
        Limits in original units.  The value must be larger than `above` and at most `up_to`.
        None means unlimited.
    levels : tuple of str
        For a category, the levels for which the condition is true.  Empty for other columns.

    See Also
    --------
    Rule : Contains conditions.

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
        limits = (self.above, self.up_to)
        above, up_to = (f"{each:.15g}" if isinstance(each, float) else str(each) for each in limits)
        if self.above is None:
            return f"{column} <= {up_to}"
        if self.up_to is None:
            return f"{column} > {above}"
        return f"{above} < {column} <= {up_to}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A few conditions that are true for most rows of a region and for few others.

    Attributes
    ----------
    conditions : tuple of Condition
        At most three conditions, which must all be true.
    inside, outside : float
        Share of the region's rows, and share of all other rows, for which all conditions are true.
    inside_within, outside_within : (float, float)
        Wilson's 95 % intervals of these shares.  The conditions were chosen on the same rows.

    See Also
    --------
    Condition : Part of a rule.
    Region : Contains a rule.

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
        """The conditions as text, such as "A8 = t and A14 > 500"."""
        return " and ".join(map(str, self.conditions))

    def __str__(self) -> str:
        inside, outside = (f"{100 * share:.0f} %" for share in (self.inside, self.outside))
        return f"{self.text}: {inside} of its rows, {outside} elsewhere"


@dataclass(frozen=True)
class _Limits:
    """A condition on the encoded scale.  It is an interval or some levels."""

    column: int
    above: float = -math.inf
    up_to: float = math.inf
    levels: tuple[int, ...] = ()

    def and_also(self, other: "_Limits") -> "_Limits":
        """Return the limits that satisfy both of two conditions on the same column."""
        levels = tuple(i for i in self.levels if i in other.levels)
        above, up_to = max(self.above, other.above), min(self.up_to, other.up_to)
        return _Limits(self.column, above, up_to, levels)

    def hold_for(self, values: Float64s) -> Bools:
        """Return for which rows the condition is true.  For missing values, the result is False."""
        if self.levels:
            return np.isin(values, self.levels)
        return (values > self.above) & (values <= self.up_to)


def rules_of(
    encoding: Encoding, rows: Float64s, regions: Ints, n_regions: int
) -> list[Rule | None]:
    """Return a rule for each region, or None for each region for which no rule was found."""
    counts = np.bincount(regions[regions >= 0], minlength=n_regions)
    chosen = _choose_rows(regions, n_regions)
    taken = np.bincount(regions[chosen], minlength=n_regions)
    weights = (counts / np.maximum(taken, 1))[regions[chosen]]
    columns = [
        _Column(j, _values(code, rows[chosen, place]), isinstance(code, CategoryCode | CycleCode))
        for j, (code, place) in enumerate(zip(encoding.features, encoding.slices, strict=True))
    ]
    found: list[Rule | None] = []
    for region in range(n_regions):
        is_in = regions[chosen] == region
        limits = _search(columns, is_in, weights) if 0 < counts[region] < counts.sum() else ()
        found.append(_measure_rule(encoding, rows, regions, region, limits) if limits else None)
    return found


class _Column:
    """The values of one column, from which conditions on the column are chosen."""

    def __init__(self, number: int, values: Float64s, has_levels: bool) -> None:
        self.number, self.values, self.has_levels = number, values, has_levels
        order = np.argsort(values, kind="stable")
        self.order = order[: len(values) - int(np.isnan(values).sum())]

    def best(self, is_in: Bools, weights: Float64s, holds: Bools | None) -> tuple[float, _Limits]:
        """Return the best score of a condition among the rows in `holds`, and its limits."""
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
        """Return the best score of a condition on a few levels, and its limits."""
        hits, total = np.diff(hits, prepend=0.0), np.diff(total, prepend=0.0)
        first = np.argsort(-hits / total, kind="stable")[:MAX_LEVELS]
        scores = 2 * np.cumsum(hits[first]) / (np.cumsum(total[first]) + n_in)
        n = int(np.argmax(scores >= scores.max() - LEVEL_GAIN)) + 1
        if n == len(levels):
            return 0.0, _Limits(self.number)
        named = tuple(sorted(levels[first[:n]].astype(int).tolist()))
        return float(scores[n - 1]), _Limits(self.number, levels=named)


def _search(columns: Sequence[_Column], is_in: Bools, weights: Float64s) -> tuple[_Limits, ...]:
    """Return the conditions of the best rule for a region, or an empty tuple without a rule."""
    n_in = float(weights[is_in].sum())
    best: tuple[float, tuple[_Limits, ...]] = (2 * n_in / (weights.sum() + n_in), ())
    rules: list[tuple[float, tuple[_Limits, ...], Bools | None]] = [(*best, None)]
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
            rules.append(
                (score, _add_condition(limits, more), also if holds is None else holds & also)
            )
        if rules[0][0] < best[0] + MIN_GAIN:
            break
        best = rules[0][:2]
    return best[1]


def _add_condition(limits: tuple[_Limits, ...], more: _Limits) -> tuple[_Limits, ...]:
    """Add a condition.  Each column keeps at most one condition."""
    if all(each.column != more.column for each in limits):
        return (*limits, more)
    return tuple(each.and_also(more) if each.column == more.column else each for each in limits)


def _measure_rule(
    encoding: Encoding, rows: Float64s, regions: Ints, region: int, limits: Sequence[_Limits]
) -> Rule:
    """Return a rule with the shares of rows that satisfy it, computed from all rows."""
    holds = np.ones(len(rows), dtype=bool)
    conditions = []
    for each in limits:
        code, place = encoding.features[each.column], encoding.slices[each.column]
        condition, also = _condition_in_units(code, _values(code, rows[:, place]), each)
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


def _condition_in_units(code: Any, values: Float64s, limits: _Limits) -> tuple[Condition, Bools]:
    """Return two values: a condition in original units, and which rows satisfy the condition."""
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
    """Return the shortest number in original units that separates almost the same rows."""
    ascending = np.sort(shown[~np.isnan(shown)])
    n_below, most = int((values <= limit).sum()), int(LEEWAY * len(ascending))
    low = ascending[max(0, n_below - 1 - most)]
    high = ascending[min(len(ascending) - 1, n_below + most)]
    return _shortest(float(low), float(high))


def _shortest(low: float, high: float) -> float:
    """Return the number with the fewest digits that is between `low` and almost `high`."""
    # A decoded number may differ from the original value in its last digits.
    top = low + 0.99 * (high - low)
    if low <= 0 <= top:
        return 0.0
    size = math.floor(math.log10(max(abs(low), abs(top))))
    for decimals in range(-size, min(17 - size, sys.float_info.max_10_exp)):
        found = float(f"{math.floor(top * 10.0**decimals)}e{-decimals}")
        if low <= found <= top:
            return found
    return low


def _values(code: Any, features: Float64s) -> Float64s:
    """Return one number for each row of a column, either its encoded value or its level number."""
    code, features = _as_category(code, features)
    if not isinstance(code, CategoryCode):
        return features[:, 0]
    is_missing = np.isnan(features).any(axis=1)
    return np.where(is_missing, np.nan, features.argmax(axis=1).astype(np.float64))


def _level_names(code: Any, levels: Sequence[int]) -> list[str]:
    if isinstance(code, CycleCode):
        return [code.levels[i] for i in levels]
    return [str(level) for level in code.decode(np.eye(code.n_features)[list(levels)])]


def _choose_rows(regions: Ints, n_regions: int) -> Ints:
    """Return, in ascending order, the numbers of evenly spaced rows of each region."""
    most = max(1, min(MAX_ROWS, MAX_ALL_ROWS // n_regions))
    parts = [np.flatnonzero(regions == region) for region in range(n_regions)]
    return np.sort(np.concatenate([part[:: max(1, -(-len(part) // most))] for part in parts]))


MIN_EFFECT = 0.147
"""Effects below this size are negligible (Romano, Kromrey, Coraggio and Skowronek 2006)."""

MAX_DIFFERENCES = 8
"""Maximum number of columns that the description of a region names."""

QUARTILES = (0.25, 0.5, 0.75)

N_IN_NAME = 2
"""Number of differences that the automatic name of a region contains."""

MAX_IN_NAME = 4
"""Maximum number of differences in a name.  More differences than `N_IN_NAME` are used only if
names would be equal."""

NAME_LENGTH = 24
"""Maximum number of characters of a column or a level in a name."""


@dataclass(frozen=True, kw_only=True)
class Quartiles:
    """Quartiles of a column for some rows.

    Attributes
    ----------
    low, median, high : float, str or numpy.datetime64
        Quartiles in original units.  Each quartile is the value of one of the rows.
    at : (float, float, float)
        The quartiles on the encoded scale of the column.

    See Also
    --------
    Difference : Contains quartiles.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> inside = found.describe(X)[0].differences[0].inside
    >>> bool(inside.low < inside.median < inside.high)
    True
    """

    low: Any
    median: Any
    high: Any
    at: tuple[float, float, float]

    def __str__(self) -> str:
        low, median, high = (
            number_text(value, value == round(value), 3)
            if isinstance(value, float)
            else moment_text(value)
            for value in (self.low, self.median, self.high)
        )
        return low if low == high else f"{low} to {high}, median {median}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Difference in one column between the rows of a region and all other rows.

    Attributes
    ----------
    column : str
    effect : float
        Cliff's delta, from -1 to 1.  The delta is computed from all pairs of a row inside and a row
        outside of the region.  It is the share of pairs in which the row inside has the higher
        value, minus the share in which it has the lower value.  For a category, the share of
        `level` inside minus its share outside.
    level : str or None
        For a category, the level whose share differs most between inside and outside.  None for
        other columns.
    inside, outside : Quartiles or float
        Quartiles of the rows of the region and of other rows.  For a category, shares of `level`.
    inside_within, outside_within : (float, float) or None
        For a category, Wilson's 95 % confidence intervals of the shares.  None for other columns.
    words : str
        The difference as a few words, such as "high income" or "married = yes".

    See Also
    --------
    Region : Contains differences.
    Quartiles

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> difference = found.describe(X)[0].differences[0]
    >>> difference.column, difference.words
    ('x0', 'low x0')
    """

    column: str
    effect: float
    level: str | None
    inside: Any
    outside: Any
    inside_within: tuple[float, float] | None = None
    outside_within: tuple[float, float] | None = None
    words: str

    def __str__(self) -> str:
        if self.level is None:
            return f"{self.column} {self.inside} (elsewhere {self.outside})"
        inside, outside = (f"{100 * share:.0f} %" for share in (self.inside, self.outside))
        return f"{self.column} = {self.level} in {inside} (elsewhere in {outside})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Region:
    """Description of a region by its differences from all other rows.

    Attributes
    ----------
    name : str
        Name made from the two largest differences.  Up to four differences are used if names would
        otherwise be equal.  The name is "between the others" if all differences are negligible, and
        "all rows" if there is only one region.
    n_rows : int
        Number of rows of the region from which the description was computed.
    share : float
        Share of these rows among the rows in all regions.
    share_within : (float, float)
        Wilson's 95 % interval of the share.
    differences : tuple of Difference
        Differences in at most eight columns, by descending effect, without negligible effects.
    rule : Rule or None
        A few conditions that separate the rows of the region from other rows.  None without a rule.

    See Also
    --------
    Regions.describe : Describes regions.
    Difference, Rule

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> found = regions.find_regions(SOM(4, 5, random_state=0).fit(X))
    >>> for region in found.describe(X):
    ...     print(region.name, region.n_rows)
    low x0, low x1 30
    high x0, high x1 30
    """

    name: str
    n_rows: int
    share: float
    share_within: tuple[float, float]
    differences: tuple[Difference, ...]
    rule: Rule | None

    def __repr__(self) -> str:
        return f"Region({self.name!r}, {self.n_rows} rows, {100 * self.share:.0f} %)"

    @property
    def sentence(self) -> str:
        """One or two sentences about the number of rows, the differences and the rule."""
        said = [f"{self.name}: {self.n_rows} {'row' if self.n_rows == 1 else 'rows'}"]
        if self.share < 1:
            low, high = (f"{100 * end:.0f}" for end in self.share_within)
            said += [f", {100 * self.share:.0f} % of all"]
            said += [f" ({low} to {high} %)"] * (low != high)
        said += [f"; {each}" for each in self.differences[:N_IN_NAME]]
        said += [f". {self.rule}"] * (self.rule is not None)
        return " ".join(f"{''.join(said)}.".split())


class Descriptions(list[Region]):
    """Descriptions of all regions, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        heads = ["region", "name", "rows", "share", "differences", "rule"]
        lines = [
            [
                str(i), each.name, str(each.n_rows), f"{100 * each.share:.0f} %",
                "; ".join(map(str, each.differences[:N_IN_NAME])), str(each.rule or ""),
            ]
            for i, each in enumerate(self)
        ]  # fmt: skip
        return html_of(heads, lines, f"{len(self)} regions")


def describe_regions(map_: Map, labels: Ints, rows: Float64s, regions: Ints) -> list[Region]:
    """Return a description of each region."""
    n_regions, encoding = int(labels.max()) + 1, in_words(map_.encoding)
    found: list[list[tuple[float, int, int]]] = [[] for _ in range(n_regions)]
    pairs = zip(map_.encoding.features, map_.encoding.slices, strict=True)
    for j, (code, place) in enumerate(pairs):
        effects, levels = _effects(code, rows[:, place], regions, n_regions)
        for region in range(n_regions):
            if abs(effects[region]) >= MIN_EFFECT:
                found[region].append((float(effects[region]), j, int(levels[region])))
    counts = np.bincount(regions[regions >= 0], minlength=n_regions)
    ends = _intervals(counts, np.full(n_regions, counts.sum()))
    rules = rules_of(encoding, rows, regions, n_regions)
    described = []
    for region, largest in enumerate(found):
        largest.sort(key=lambda difference: -abs(difference[0]))
        differences = tuple(
            _difference(encoding, rows, regions == region, *each)
            for each in largest[:MAX_DIFFERENCES]
        )
        n_rows = int(counts[region])
        described.append(
            Region(
                name=_name(differences, n_rows, int(counts.sum())),
                n_rows=n_rows,
                share=n_rows / max(1, int(counts.sum())),
                share_within=ends[region],
                differences=differences,
                rule=rules[region],
            )
        )
    return _distinguish_names(described)


def _intervals(hits: Ints, n: Ints) -> list[tuple[float, float]]:
    """Return Wilson's intervals of shares."""
    low, high = wilson(hits, n, LEVEL)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _effects(code: Any, values: Float64s, regions: Ints, n_regions: int) -> tuple[Float64s, Ints]:
    """Return, for each region, Cliff's delta of a column, and the level of a category."""
    code, values = _as_category(code, values)
    there = np.flatnonzero((regions >= 0) & ~np.isnan(values).any(axis=1))
    values, regions = values[there], regions[there]
    inside = np.bincount(regions, minlength=n_regions).astype(np.float64)
    outside = len(there) - inside
    pairs = inside * outside
    if isinstance(code, CategoryCode):
        counts = pair_sums(regions, values.argmax(axis=1), (n_regions, values.shape[1]))
        # Shares inside minus shares outside, over a common denominator.
        apart = counts * outside[:, None] - (counts.sum(axis=0) - counts) * inside[:, None]
        # If two levels differ equally, the level with the larger share inside is named.
        levels = np.argmax(2 * np.abs(apart) + (apart > 0), axis=1)
        above = apart[np.arange(n_regions), levels]
    else:
        ranks = np.bincount(regions, _ranks(values[:, 0]), minlength=n_regions)
        levels = np.zeros(n_regions, dtype=np.intp)
        above = 2 * (ranks - inside * (inside + 1) / 2) - pairs
    return np.divide(above, pairs, out=np.zeros(n_regions), where=pairs > 0), levels


def _as_category(code: Any, values: Float64s) -> tuple[Any, Float64s]:
    """Return a code and its features.  Weekdays and hours become a category."""
    return code.as_category(values) if isinstance(code, CycleCode) else (code, values)


def _ranks(values: Float64s) -> Float64s:
    """Return ranks from 1.  Equal values have the mean rank."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[position])


def _difference(
    encoding: Encoding, rows: Float64s, is_inside: Any, effect: float, column: int, level: int
) -> Difference:
    code, place = encoding.features[column], encoding.slices[column]
    code, values = _as_category(code, rows[:, place])
    is_there = ~np.isnan(values).any(axis=1)
    parts = values[is_there & is_inside], values[is_there & ~is_inside]
    name = _shorten(code.name)
    if isinstance(code, CategoryCode):
        text = str(code.decode(np.eye(code.n_features)[[level]])[0])
        hits = np.array([(part.argmax(axis=1) == level).sum() for part in parts])
        n = np.array([len(part) for part in parts])
        shares, ends = (hits / n).tolist(), _intervals(hits, n)
        return Difference(
            column=code.name,
            effect=effect,
            level=text,
            inside=shares[0],
            outside=shares[1],
            inside_within=ends[0],
            outside_within=ends[1],
            words=f"{name} {_comparison_words(*shares)} {_shorten(text)}",
        )
    more, less = ("late", "early") if isinstance(code, DateCode) else ("high", "low")
    return Difference(
        column=code.name,
        effect=effect,
        level=None,
        inside=_quartiles(code, parts[0]),
        outside=_quartiles(code, parts[1]),
        words=f"{more if effect > 0 else less} {name}",
    )


def _comparison_words(inside: float, outside: float) -> str:
    """Return the words between the name of a category and the level in a region name."""
    if inside >= 0.5:
        return "=" if inside > outside else "less often"
    return "more often" if inside > outside else "seldom"


def _quartiles(code: Any, values: Float64s) -> Quartiles:
    at = np.quantile(values[:, 0], QUARTILES, method="inverted_cdf")
    decoded = code.decode(at[:, None])
    low, median, high = code.without_noise(decoded) if isinstance(code, NumberCode) else decoded
    return Quartiles(low=low, median=median, high=high, at=(at[0], at[1], at[2]))


def _distinguish_names(described: list[Region]) -> list[Region]:
    """Return the descriptions of regions, with longer names in place of equal names."""
    for n in range(N_IN_NAME + 1, MAX_IN_NAME + 1):
        said = [frozenset(region.name.split(", ")) for region in described]
        described = [
            replace(region, name=_join_words(region.differences[:n]))
            if said.count(words) > 1 and len(region.differences) >= n
            else region
            for region, words in zip(described, said, strict=True)
        ]
    seen: list[frozenset[str]] = []
    for i, region in enumerate(described):
        seen.append(frozenset(region.name.split(", ")))
        n = seen.count(seen[-1])
        described[i] = replace(region, name=f"{region.name} ({n})") if n > 1 else region
    return described


def _join_words(differences: Sequence[Difference]) -> str:
    return ", ".join(each.words for each in differences)


def _name(differences: Sequence[Difference], n_rows: int, n_all: int) -> str:
    if not n_rows:
        return "no rows"
    if not differences:
        return "between the others" if n_rows < n_all else "all rows"
    return _join_words(differences[:N_IN_NAME])


def _shorten(text: str) -> str:
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"


SCHEMA = "somscape-regions"
VERSION = 1


def fingerprint(map_: Map) -> str:
    """Return a text by which the prototypes of a map are identified."""
    return hashlib.sha256(map_.codebook.tobytes()).hexdigest()[:16]


class _Saved(msgspec.Struct):
    """The JSON data of regions."""

    labels: Annotated[
        list[Annotated[int, msgspec.Meta(gt=-(2**31), lt=2**31)]], msgspec.Meta(min_length=1)
    ]
    names: tuple[Any, ...] = ()
    colors: tuple[Any, ...] = ()


def of_json(data: Any, map_: Map) -> KeptRegions:
    """Return the regions in JSON data.  Warn if they belong to another map."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(
            f'The data are not regions, because "schema" is not "{SCHEMA}".', parameter="schema"
        )
    if data.get("schema_version") != VERSION:
        raise InputError(
            f"The regions have schema version {data.get('schema_version')!r}, but this version of "
            f"somscape reads schema version {VERSION}. Install a newer somscape.",
            parameter="schema_version",
            value=data.get("schema_version"),
            allowed=VERSION,
        )
    found = converted(data, _Saved, "the regions", "Save the regions again.")
    kept = KeptRegions(np.array(found.labels), found.names, found.colors)
    kept.check(map_.n_units)
    if data.get("map") not in (None, fingerprint(map_)):
        warnings.warn(
            "These regions were found on another map, or before further training of this map, so "
            "their rows can differ on this map. Use `regions.carry_names` to carry names from one "
            "map to another.",
            SomscapeWarning,
            stacklevel=4,
        )
    return kept


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of a map, usually in descending order of their numbers of rows.

    Attributes
    ----------
    map_ : Map
    labels : ndarray of shape (n_units,), int
        Region of each unit, from 0.
    names : tuple of str
        Name of each region, or "" for a region without a name.  Empty if no region has a name.
    colors : tuple of str
        Color of each region in pictures and pages, such as "#aa3300".  With "", the region has the
        usual color for its number.  The tuple is empty if all regions have their usual colors.

    Raises
    ------
    InputError
        If the numbers in `labels` have gaps, or if `labels` does not match the number of units.
        Also if the number of names or colors differs from the number of regions.

    See Also
    --------
    find_regions : Finds regions.
    Region : Describes a region.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 2)) + np.repeat([[0, 0], [9, 0], [0, 9]], [70, 50, 30], axis=0)
    >>> found = regions.find_regions(SOM(random_state=0).fit(X))
    >>> found.sizes.tolist()
    [70.0, 50.0, 30.0]
    >>> print(found.describe(X)[1].name)
    high x0, low x1
    """

    map_: Map
    labels: Ints
    names: tuple[str, ...] = field(default=(), kw_only=True)
    colors: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        checked = KeptRegions(self.labels, self.names, self.colors)
        checked.check(self.map_.n_units)
        object.__setattr__(self, "labels", checked.labels.astype(np.intp, copy=False))

    def __repr__(self) -> str:
        return f"Regions({counted(self.n_regions, 'region')} of {self.map_.n_units} units)"

    def _repr_html_(self) -> str:
        total = float(self.sizes.sum()) or 1.0
        names = [[name] for name in self.names] or [[]] * self.n_regions
        parts = enumerate(zip(names, self.n_units, self.sizes, strict=True))
        lines = [
            [str(i), *name, str(n_units), f"{rows:g}", f"{100 * rows / total:.1f} %"]
            for i, (name, n_units, rows) in parts
        ]
        heads = ["region", *["name"][: len(self.names)], "units", "rows", "share of rows"]
        return html_of(heads, lines, repr(self))

    def to_frame(self, X: Any = None, *, library: str | None = None) -> Any:
        """Return the region of each unit or each row as a data frame.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features), optional
            Rows in any form that `of` accepts.  By default, there is one row for each unit.
        library : {"pandas", "polars", "pyarrow"}, optional
            Library of the data frame.  By default, the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            For units, the columns ``unit``, ``row``, ``col``, ``hits`` and ``region``.  For rows,
            ``unit`` and ``region``.  If any region has a name, there is also the column ``name``.
        """
        if X is not None:
            units = self.map_.winners(X)
            of_rows = self._of_units(units)
            names = np.array([*self.names, ""], dtype=object)  # the last name is for -1
            named = {"name": names[of_rows]} if self.names else {}
            return frame_of({"unit": units, "region": of_rows, **named}, library)
        places = {**unit_places(self.map_), "hits": self.map_.hits}
        named = {"name": np.array(self.names, dtype=object)[self.labels]} if self.names else {}
        return frame_of({**places, "region": self.labels, **named}, library)

    def to_json(self) -> dict[str, Any]:
        """Return regions, names and colors as JSON data, which `regions.from_json` reads.

        Returns
        -------
        dict
            ``schema`` ("somscape-regions"), ``schema_version``, ``map`` (a text that identifies
            the prototypes of the map), ``labels`` by unit, and ``names`` and ``colors`` by region.
        """
        return {
            "schema": SCHEMA,
            "schema_version": VERSION,
            "map": fingerprint(self.map_),
            "labels": self.labels.tolist(),
            "names": list(self.names),
            "colors": list(self.colors),
        }

    def save(self, path: str | Path) -> None:
        """Save the regions with their names and colors to a JSON file.

        The file can be read by `regions.read` for the same map.  To store regions in the file of a
        map, use `regions.keep`.

        Parameters
        ----------
        path : str or Path
        """
        write_whole(path, f"{json.dumps(self.to_json())}\n".encode())

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return int(self.labels.max()) + 1

    @cached_property
    def sizes(self) -> Float64s:
        """Number of training rows of each region (sum of weights), of shape (n_regions,)."""
        return np.bincount(self.labels, self.map_.hits).astype(np.float64)

    @cached_property
    def n_units(self) -> Ints:
        """Number of units of each region, of shape (n_regions,)."""
        return np.bincount(self.labels)

    def of(self, X: Any) -> Ints:
        """Return the region of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Rows in any form that `Map.rows_of` accepts, or a ``scipy.sparse`` array of encoded
            rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Number of each row's region, from 0, or -1 for a row without any value.
        """
        return self._of_units(self.map_.winners(X))

    def _of_units(self, units: Ints) -> Ints:
        return np.where(units == NO_UNIT, NO_UNIT, self.labels[units])

    def explain(self) -> list[str]:
        """Explain each division of the map into regions.

        Returns
        -------
        list of str
            For each division, with the strongest first, both sides, the method (density or shape),
            the p-value and the reason.  Empty for one region.

        Examples
        --------
        >>> import numpy as np
        >>> from somscape import SOM, regions
        >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
        >>> print(regions.find_regions(SOM(4, 5, random_state=0).fit(X)).explain()[0][:30])
        Region 0 and region 1: density
        """
        joins, n = self.map_.joins, self.n_regions
        shown = [name or f"region {i}" for i, name in enumerate(self.names or ("",) * n)]
        if joins is None:
            return [f"{n} regions by Ward's rule, because the map does not keep rows."] * (n > 1)
        first = self.map_.n_units - n
        pieces, lines = pieces_after(self.map_.n_units, joins.pairs[:first]), []
        if len(set(zip(pieces.tolist(), self.labels.tolist(), strict=True))) != n:
            return ["The regions were changed, so their borders have no p-values."]
        inside = {int(pieces[self.labels == i][0]): [shown[i]] for i in range(n)}
        for at, (into, other) in enumerate(joins.pairs[first:].tolist(), first):
            sides = " and ".join(
                first + f" (with {', '.join(more)})" * bool(more)
                for first, *more in (inside[into], inside[other])
            )
            is_asked = at < self.map_.n_units - joins.n_apart
            kind, why = ("number given", ASKED) if is_asked else REASONS[bool(joins.by_shape[at])]
            lines.append(
                f"{sides[:1].upper()}{sides[1:]}: {kind} (p = {joins.evidence[at]:.2g}). {why}"
            )
            inside[into] += inside.pop(other)
        return lines[::-1]

    def describe(self, X: Any, *, units: Ints | None = None) -> list[Region]:
        """Describe how the rows of each region differ from all other rows.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Rows in any form that `Map.rows_of` accepts.
        units : ndarray of shape (n_samples,), optional
            Best matching unit of each row, if already known.

        Returns
        -------
        list of Region
            For each region, a description with a short name and the columns that differ most.  For
            each column, the cost is O(n_samples log n_samples).
        """
        rows = np.asarray(self.map_.rows_of(X), dtype=np.float64)
        regions = self.of(rows) if units is None else self._of_units(units)
        found = describe_regions(self.map_, self.labels, rows, regions)
        names = self.names or ("",) * len(found)
        named = zip(found, names, strict=True)
        return Descriptions(replace(each, name=name or each.name) for each, name in named)


suggest_names("somscape.regions")
