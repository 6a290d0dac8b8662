"""What sets the rows of a region apart, in original units, and a name from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from somscape._shares import wilson
from somscape._types import Float64s, Ints
from somscape.encode import CategoryCode, CycleCode, DateCode, Encoding, in_words, number_text
from somscape.maps import Map
from somscape.regions._rule import LEVEL, Rule, rules_of

MIN_EFFECT = 0.147
"""Effects below are negligible (Romano, Kromrey, Coraggio and Skowronek 2006)."""

MAX_DIFFERENCES = 8
"""Most columns that a description names."""

QUARTILES = (0.25, 0.5, 0.75)

N_IN_NAME = 2
"""Differences in the name of a region."""

MAX_IN_NAME = 4
"""The same where several would have one name."""

NAME_LENGTH = 24
"""Most letters of a column or level in a name."""


@dataclass(frozen=True, kw_only=True)
class Quartiles:
    """Quartiles of some rows in a column.

    Attributes
    ----------
    low, median, high : float, str or numpy.datetime64
        In original units; each is the value of a row.
    at : (float, float, float)
        The same on the column's encoded scale.

    See Also
    --------
    Difference : Has some.

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
            number_text(value, value == round(value), 3) if isinstance(value, float) else str(value)
            for value in (self.low, self.median, self.high)
        )
        return low if low == high else f"{low} to {high}, median {median}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How a region's rows differ from all others in one column.

    Attributes
    ----------
    column : str
    effect : float
        Cliff's delta, from -1 to 1: how much more often a row of the region has a higher than a
        lower value, compared with a row from elsewhere.  For a category, the difference between the
        shares of `level`, which is the same.
    level : str or None
        For a category, the level with the largest difference between shares; None for other
        columns.
    inside, outside : Quartiles or float
        Quartiles of the region's rows and of all others; for a category, the shares of `level`.
    inside_within, outside_within : (float, float) or None
        For a category, Wilson's 95 % intervals of the shares; None for other columns.
    words : str
        The difference in a word or two, such as "high income" or "married = yes".

    See Also
    --------
    Region : Has some.
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


@dataclass(frozen=True, kw_only=True)
class Region:
    """What sets a region apart.

    Attributes
    ----------
    name : str
        Made from the two largest differences, or up to four where other regions have the same two;
        "between the others" if no difference is large
        enough, "all rows" for the only region.
    n_rows : int
        Number of rows by which it was described.
    share : float
        Share of all rows described.
    share_within : (float, float)
        Wilson's 95 % interval of the share.
    differences : tuple of Difference
        At most eight columns, the largest effect first, without negligible effects.
    rule : Rule or None
        A few conditions that tell the region's rows from all others; None where none do.

    See Also
    --------
    Regions.describe : Makes it.
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

    @property
    def sentence(self) -> str:
        """The region in a sentence or two: its rows, what sets them apart, its rule."""
        said = [f"{self.name}: {self.n_rows} {'row' if self.n_rows == 1 else 'rows'}"]
        if self.share < 1:
            low, high = (f"{100 * end:.0f}" for end in self.share_within)
            said += [f", {100 * self.share:.0f} % of all"]
            said += [f" ({low} to {high} %)"] * (low != high)
        said += [f"; {each}" for each in self.differences[:N_IN_NAME]]
        said += [f". {self.rule}"] * (self.rule is not None)
        return " ".join(f"{''.join(said)}.".split())


def describe_regions(map_: Map, labels: Ints, rows: Float64s, regions: Ints) -> list[Region]:
    """Return what sets each region apart."""
    n_regions, encoding = int(labels.max()) + 1, in_words(map_.encoding)
    found: list[list[tuple[float, int, int]]] = [[] for _ in range(n_regions)]
    for j, (code, place) in enumerate(
        zip(map_.encoding.features, map_.encoding.slices, strict=True)
    ):
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
    return _told_apart(described)


def _intervals(hits: Ints, n: Ints) -> list[tuple[float, float]]:
    """Return Wilson's intervals of shares."""
    low, high = wilson(hits, n, LEVEL)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _effects(code: Any, values: Float64s, regions: Ints, n_regions: int) -> tuple[Float64s, Ints]:
    """Return for each region Cliff's delta of a column, and for a category its level."""
    code, values = _as_category(code, values)
    there = np.flatnonzero((regions >= 0) & ~np.isnan(values).any(axis=1))
    values, regions = values[there], regions[there]
    inside = np.bincount(regions, minlength=n_regions).astype(np.float64)
    outside = len(there) - inside
    pairs = inside * outside
    if isinstance(code, CategoryCode):
        counts = np.zeros((n_regions, values.shape[1]))
        np.add.at(counts, (regions, values.argmax(axis=1)), 1.0)
        # Shares inside minus shares outside, over a common denominator.
        apart = counts * outside[:, None] - (counts.sum(axis=0) - counts) * inside[:, None]
        # One of two levels gains what the other loses: name the one that gains.
        levels = np.argmax(2 * np.abs(apart) + (apart > 0), axis=1)
        above = apart[np.arange(n_regions), levels]
    else:
        ranks = np.bincount(regions, _ranks(values[:, 0]), minlength=n_regions)
        levels = np.zeros(n_regions, dtype=np.intp)
        above = 2 * (ranks - inside * (inside + 1) / 2) - pairs
    return np.divide(above, pairs, out=np.zeros(n_regions), where=pairs > 0), levels


def _as_category(code: Any, values: Float64s) -> tuple[Any, Float64s]:
    """Return a code and its features; weekdays and hours as a category."""
    return code.as_category(values) if isinstance(code, CycleCode) else (code, values)


def _ranks(values: Float64s) -> Float64s:
    """Return ranks from 1; equal values share their ranks."""
    _, position, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[position])


def _difference(
    encoding: Encoding, rows: Float64s, is_inside: Any, effect: float, column: int, level: int
) -> Difference:
    code, place = encoding.features[column], encoding.slices[column]
    code, values = _as_category(code, rows[:, place])
    is_there = ~np.isnan(values).any(axis=1)
    parts = values[is_there & is_inside], values[is_there & ~is_inside]
    name = _cut(code.name)
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
            words=f"{name} {_how(*shares)} {_cut(text)}",
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


def _how(inside: float, outside: float) -> str:
    """Return the words between a category and a level in a region."""
    if inside >= 0.5:
        return "=" if inside > outside else "less often"
    return "more often" if inside > outside else "seldom"


def _quartiles(code: Any, values: Float64s) -> Quartiles:
    at = np.quantile(values[:, 0], QUARTILES, method="inverted_cdf")
    low, median, high = code.decode(at[:, None])
    return Quartiles(low=low, median=median, high=high, at=(at[0], at[1], at[2]))


def _told_apart(described: list[Region]) -> list[Region]:
    """Return regions of which those with the same name have longer ones."""
    for n in range(N_IN_NAME + 1, MAX_IN_NAME + 1):
        said = [frozenset(region.name.split(", ")) for region in described]
        described = [
            replace(region, name=_joined(region.differences[:n]))
            if said.count(words) > 1 and len(region.differences) >= n
            else region
            for region, words in zip(described, said, strict=True)
        ]
    return described


def _joined(differences: Sequence[Difference]) -> str:
    return ", ".join(each.words for each in differences)


def _name(differences: Sequence[Difference], n_rows: int, n_all: int) -> str:
    if not n_rows:
        return "no rows"
    if not differences:
        return "between the others" if n_rows < n_all else "all rows"
    return _joined(differences[:N_IN_NAME])


def _cut(text: str) -> str:
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 1] + "…"
