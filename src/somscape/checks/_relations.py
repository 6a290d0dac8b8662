"""Facts about several columns: sums, ratios, orders, groups and dependencies that nearly hold."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._stored import put_away
from somscape._types import Bools, Float64s, Ints
from somscape.checks._columns import (
    BEYOND,
    FEW_ROWS,
    LIKELY,
    MIN_ROWS,
    Fact,
    Values,
    apart_score,
    few_of,
    number_text,
    strength_of,
)
from somscape.tables._messages import counted

MAX_COLUMNS = 60
"""Maximum number of columns between which relations are searched."""

SAMPLE, TRIED = 4000, 60
"""Numbers of rows on which relations are searched, and on which most are rejected."""

MIN_VARIED, MAX_TRIED = 10, 4
"""Minimum number of distinct values of a sum, product or ratio, and most sums that are tried for a
column."""

NEARLY = 0.98
"""Minimum share of rows in which a sum or ratio holds."""

MAX_GROUPS, GROUP_ROWS = 1000, 4
"""Maximum number of groups of a column, and minimum mean number of rows in a group."""


@dataclass(frozen=True, eq=False)
class Groups:
    """A column whose values divide the rows into groups.

    Attributes
    ----------
    name : str
    codes : ndarray of shape (n_rows,), int
        Group of each row, or -1 for a missing value.
    shown : sequence of str
        Value of each group as text.
    are_names : bool
        Whether the values are texts or whole numbers.
    """

    name: str
    codes: NDArray[Any]
    shown: Sequence[str]
    are_names: bool = True


def decimals_of(numbers: Float64s) -> int:
    """Return the number of decimals of numbers, at most 6."""
    present = numbers[~np.isnan(numbers)]
    for places in range(6):
        scaled = present * 10.0**places
        if (np.abs(scaled - np.rint(scaled)) <= 1e-6 * np.maximum(1, np.abs(scaled))).mean() > 0.98:
            return places
    return 6


def sums_and_ratios(numbers: Sequence[Values], sample: Ints) -> Iterator[Fact]:
    """Yield the rows that break a sum, product or ratio that holds in nearly all rows."""
    able = [values for values in numbers if not values.is_date and len(values.counts[0]) >= 3]
    able = able[:MAX_COLUMNS]
    if len(able) < 2 or len(able[0].numbers) < MIN_ROWS:
        return
    matrix = np.stack([values.numbers[sample] for values in able])
    places = np.array([decimals_of(row) for row in matrix])
    n_tried: Counter[tuple[str, int]] = Counter()
    for shape, parts, goal in _candidates(matrix, places):
        n_tried[shape, goal] += 1
        if len(able[goal].counts[0]) < MIN_VARIED or n_tried[shape, goal] > MAX_TRIED:
            continue
        terms, a = [able[i] for i in parts], able[goal]
        fact = _broken(shape, terms, a, places[goal], [places[i] for i in parts])
        if fact is not None:
            n_tried[shape, goal] = MAX_TRIED
            yield fact


def _candidates(matrix: Float64s, places: Ints) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Yield sums, products and ratios that hold in nearly all rows of a sample."""
    d = len(matrix)
    complete = np.flatnonzero(~np.isnan(matrix).any(axis=0))
    if len(complete) < MIN_ROWS:
        complete = np.arange(matrix.shape[1])
    few = matrix[:, complete[:: max(1, len(complete) // TRIED)][:TRIED]]
    error: Float64s = np.asarray(0.5 * 10.0**-places, dtype=np.float64)
    centers = [_center(x) for x in few]
    pairs = np.array(list(combinations(range(d), 2)))
    first, second = few[pairs[:, 0]], few[pairs[:, 1]]
    rounded = np.abs(first) * error[pairs[:, 1], None] + np.abs(second) * error[pairs[:, 0], None]
    for goal in range(d):
        a = few[goal]
        is_other = (pairs != goal).all(axis=1)
        tolerance = error[goal] * 1.02 + error[pairs].sum(axis=1)[:, None] + 1e-9 * np.abs(a)
        # Terms that rounding hides do not count.
        smaller = np.minimum(np.abs(first), np.abs(second))
        held = _share(np.abs(first + second - a) <= tolerance, smaller > 2 * tolerance)
        for i in np.flatnonzero(is_other & (held >= 0.9)):
            yield "+", tuple(pairs[i].tolist()), goal
        slack = np.minimum(rounded, 0.02 * np.abs(a)) * 1.02 + error[goal]
        is_used = (smaller > 1) & (np.abs(a) > 20 * error[goal])
        held = _share(np.abs(first * second - a) <= slack, is_used)
        for i in np.flatnonzero(is_other & (held >= 0.9)):
            yield "x", tuple(pairs[i].tolist()), goal
        for other in range(d):
            # Of the two ratios of a pair, the smaller one is used.
            if (centers[goal], -goal) < (centers[other], -other):
                yield from _ratio(few, error, goal, other)
    yield from _long_sums(few, error)


def _long_sums(few: Float64s, error: Float64s) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Yield sums of three or more columns that lie next to each other."""
    d = len(few)
    ends = np.cumsum(np.vstack([np.zeros(few.shape[1]), np.nan_to_num(few)]), axis=0)
    for i, j in combinations(range(d + 1), 2):
        if j - i < 3:
            continue
        least = 2 * (error[i:j].sum() + error.max())
        total, n_used = ends[j] - ends[i], (np.abs(few[i:j]) > least).sum(axis=0)
        near = np.abs(total - few) <= (error[i:j].sum() + error)[:, None] + 1e-9 * np.abs(few)
        held = _share(near, np.broadcast_to(n_used >= 2, near.shape))
        for goal in np.flatnonzero(held >= 0.9):
            if not i <= goal < j:
                yield "+", tuple(range(i, j)), int(goal)


def _center(x: Float64s) -> float:
    return float(np.nanmedian(np.abs(x))) if not np.isnan(x).all() else 0.0


def _share(holds: Bools, counts: Bools) -> Float64s:
    """Return the share of counted rows in which something holds (0 if too few rows count)."""
    n = counts.sum(axis=-1)
    return np.asarray(np.where(n >= 15, (holds & counts).sum(axis=-1) / np.maximum(n, 1), 0.0))


def _ratio(
    few: Float64s, error: Float64s, goal: int, other: int
) -> Iterator[tuple[str, tuple[int, ...], int]]:
    a, b = few[goal], few[other]
    is_used = (np.abs(a) > 10 * error[goal]) & (np.abs(b) > 10 * error[other])
    if is_used.sum() < 15:
        return
    factor = float(np.median(a[is_used] / b[is_used]))
    near = np.abs(a - factor * b) <= 1.05 * error[goal] + abs(factor) * error[
        other
    ] + 2e-4 * np.abs(a)
    if (near & is_used).sum() >= 0.9 * is_used.sum() and len(np.unique(a[is_used])) >= 8:
        yield "=", (other,), goal


def _broken(
    shape: str, terms: list[Values], a: Values, places: int, of_terms: Sequence[int]
) -> Fact | None:
    """Check a sum, product or ratio in all rows, and return the rows that break it."""
    parts = np.stack([term.numbers for term in terms])
    error, each = 0.5 * 10.0 ** -float(places), 0.5 * 10.0 ** -np.asarray(of_terms, dtype=float)
    factor = 1.0
    if shape == "x":
        wanted = parts[0] * parts[1]
        slack = np.abs(parts[0]) * each[1] + np.abs(parts[1]) * each[0]
        slack = np.minimum(slack, 0.02 * np.abs(a.numbers))
    elif shape == "+":
        wanted, slack = parts.sum(axis=0), np.full(len(a.numbers), each.sum())
    else:
        is_used = (np.abs(a.numbers) > 10 * error) & (np.abs(parts[0]) > 10 * each[0])
        factor = float(np.median((a.numbers[is_used] / parts[0][is_used])[:SAMPLE]))
        nice = float(f"{factor:.3g}")
        factor = nice if abs(nice / factor - 1) < 1e-3 else factor
        wanted, slack = factor * parts[0], abs(factor) * each[0] + 2e-4 * np.abs(a.numbers)
    apart = np.abs(wanted - a.numbers)
    known = ~np.isnan(wanted) & ~np.isnan(a.numbers)
    is_used = known & ((parts != 0).sum(axis=0) >= min(2, len(terms)))
    n = int(known.sum())
    # First as if the parts were exact, and then as if they were rounded.
    for scale in (1.0,) if shape == "=" else (0.0, 1.0):
        holds = apart <= 1.1 * (error + scale * slack) + 1e-9 * np.abs(a.numbers)
        n_broken = int((known & ~holds).sum())
        if n_broken <= (1 - NEARLY) * n and (is_used & holds).sum() >= NEARLY * is_used.sum():
            break
    else:
        return None
    if n_broken == 0:
        return None
    rows = a.rows_at(known & ~holds, apart)
    names = [term.name for term in terms]
    if len(names) > 3:
        names = [names[0], "...", names[-1]]
    right = f" {'x' if shape == 'x' else '+'} ".join(names)
    if shape == "=" and factor != 1:
        right = f"{factor:.6g} x {right}"
    is_equal = shape == "=" and factor == 1
    what = right if is_equal else f"the {'sum' if shape == '+' else 'product'}"
    shown, instead = a.show(a.numbers[rows[0]]), number_text(float(f"{wanted[rows[0]]:.10g}"))
    if shown == instead:
        return None
    text = f"{a.name} is not {right} ({a.name} is {shown}, {what} is {instead})"
    columns = (a.name, *(term.name for term in terms))
    kind = "ratio" if shape == "=" else "sum"
    return Fact(kind, columns, text, rows, n, 3 + strength_of(n_broken, n))


def orders(numbers: Sequence[Values], sample: Ints) -> Iterator[Fact]:
    """Yield the few rows in which one column is above another that is else never below it."""
    for kind in (False, True):
        able = [v for v in numbers if v.is_date == kind and len(v.counts[0]) >= 10][:MAX_COLUMNS]
        some = [values.numbers[sample] for values in able]
        for i, j in ((i, j) for i in range(len(able)) for j in range(len(able)) if i != j):
            apart = some[j] - some[i]
            apart = apart[~np.isnan(apart)]
            n_over = int((apart < 0).sum())
            if len(apart) < MIN_ROWS or n_over > max(2, 0.005 * len(apart)):
                continue
            fact = _above(able[i], able[j], float(np.median(apart)))
            if fact is not None:
                yield fact


def _above(low: Values, high: Values, middle: float) -> Fact | None:
    apart = high.numbers - low.numbers
    is_over = apart < 0
    n, n_over = int((~np.isnan(apart)).sum()), int(is_over.sum())
    if not 0 < n_over <= few_of(n) or middle <= 0:
        return None
    # Values next to the bound show that the order is a rule, and not only a distance.
    n_close = int(((apart >= 0) & (apart <= 0.25 * middle)).sum())
    n_different = int((apart > 0).sum())
    overlap = np.percentile(high.ascending, 25) < np.percentile(low.ascending, 75)
    deepest = float(-apart[is_over].max())
    if n_close < BEYOND * n_over + 10 or n_different < n / 4 or not overlap or deepest < 0:
        return None
    rows = low.rows_at(is_over, -apart)
    row = rows[0]
    shown = f"{low.show(low.numbers[row])} and {high.show(high.numbers[row])}"
    text = f"{low.name} is above {high.name} ({shown})"
    return Fact("order", (low.name, high.name), text, rows, n, 1 + strength_of(n_over, n))


TRIED_ROWS = 300
"""Number of rows by which most dependencies are rejected."""


def dependencies(groups: Sequence[Groups], sample: Ints) -> Iterator[Fact]:
    """Yield the rows that break "each value of one column has one value of another column"."""
    able = [each for each in groups if each.are_names][:MAX_COLUMNS]
    some = [each.codes[sample] for each in able]
    for i, j in ((i, j) for i in range(len(able)) for j in range(len(able)) if i != j):
        a, b = able[i], able[j]
        if len(a.shown) < len(b.shown) or len(a.shown) < 3:
            continue
        first = slice(TRIED_ROWS)
        if _n_against(some[i][first], some[j][first], len(b.shown))[0] > 0.02 * TRIED_ROWS + 4:
            continue
        if _n_against(some[i], some[j], len(b.shown))[0] > 0.02 * len(sample):
            continue
        n_against, is_against, usual = _n_against(a.codes, b.codes, len(b.shown), detailed=True)
        known = (a.codes >= 0) & (b.codes >= 0)
        n, counts = int(known.sum()), np.bincount(b.codes[known], minlength=len(b.shown))
        varied = n - int(counts.max())
        if not 0 < n_against <= min(0.02 * varied, max(FEW_ROWS, 0.005 * n)) or varied < MIN_ROWS:
            continue
        rows = np.flatnonzero(is_against)
        sizes = np.bincount(a.codes[known], minlength=len(a.shown))
        rows = rows[np.argsort(-sizes[a.codes[rows]], kind="stable")]
        row = rows[0]
        shown = f"{a.name} {a.shown[a.codes[row]]} has {b.name} {b.shown[usual[a.codes[row]]]}"
        text = f"{shown}, but here {b.shown[b.codes[row]]}"
        yield Fact("dependency", (a.name, b.name), text, rows, n, 2 + strength_of(n_against, n))


def _n_against(
    a: NDArray[Any], b: NDArray[Any], n_b: int, *, detailed: bool = False
) -> tuple[int, Bools, Ints]:
    """Return how many rows differ from the most frequent value of their group, and which."""
    known = (a >= 0) & (b >= 0)
    none, no_usual = np.zeros(0, bool), np.zeros(0, int)
    if not known.any():
        return len(a), none, no_usual
    both = a[known].astype(np.int64) * n_b + b[known]
    cells, counts = np.unique(both, return_counts=True)
    n_groups = int(a.max()) + 1
    most = np.zeros(n_groups, int)
    np.maximum.at(most, cells // n_b, counts)
    n_against = int(known.sum() - most.sum())
    if not detailed:
        return n_against, none, no_usual
    usual = np.zeros(n_groups, int)
    is_most = counts == most[cells // n_b]
    usual[(cells // n_b)[is_most]] = (cells % n_b)[is_most]
    sizes = np.bincount(a[known], minlength=n_groups)
    is_clear = (most >= 2) & (sizes >= 3) & (2 * most > sizes)
    at = np.where(known, a, 0)
    against = known & (b != usual[at]) & is_clear[at]
    return int(against.sum()), against, usual


MIN_IF, MAX_ELSE = 100, 0.8
"""Minimum number of rows of a condition, and maximum share of its consequence in other rows."""


def implications(
    groups: Sequence[Groups], numbers: Sequence[Values], sample: Ints
) -> Iterator[Fact]:
    """Yield the rows that break "if a column has one value, another has (or has not) one value"."""
    tests = [(each.name, each.codes, each.shown) for each in groups if len(each.shown) <= 50]
    results = [(name, codes, [f"not {text}" for text in shown]) for name, codes, shown in tests]
    for values in numbers:
        distinct, counts = values.counts
        most = int(counts.argmax())
        if len(distinct) > 50 and 0.02 * values.n <= counts[most] <= 0.9 * values.n:
            mode = float(distinct[most])
            codes = (values.numbers != mode).astype(np.int32)
            codes[np.isnan(values.numbers)] = -1
            words = [f"not {values.show(mode)}", values.show(mode)]
            results.append((values.name, codes, words))
    found: dict[tuple[int, ...], list[Fact]] = {}
    for name, codes, shown in tests[:MAX_COLUMNS]:
        for other, result, texts in results[:MAX_COLUMNS]:
            sizes = len(shown), len(texts)
            if other == name or not _may_imply(codes[sample], result[sample], *sizes):
                continue
            for v, w, rows, n_v in _implied(codes, result, *sizes):
                text = f"{other} is {texts[w]} although {name} is {shown[v]}"
                strength = strength_of(len(rows), n_v)
                fact = Fact("implication", (other, name), text, rows, n_v, strength)
                found.setdefault(tuple(rows.tolist()), []).append(fact)
    yield from _without_repeats(found)


MANY_RULES, MAX_ALONE = 3, 3
"""Number of broken rules that make the same rows a check of their own, and most such checks."""


def _without_repeats(found: dict[tuple[int, ...], list[Fact]]) -> Iterator[Fact]:
    """Yield one fact for the rules that the same rows break, and one for all other rules."""
    others = []
    for i, facts in enumerate(sorted(found.values(), key=len, reverse=True)):
        best = max(facts, key=lambda fact: fact.strength)
        if len(facts) >= MANY_RULES and i < MAX_ALONE:
            text = f"{best.text}, and {len(facts) - 1} rules like this"
            yield replace(best, text=text, strength=best.strength + log(len(facts)))
        else:
            others.append(best)
    others.sort(key=lambda fact: -fact.strength)
    if len(others) == 1:
        yield others[0]
    elif others:
        rows = np.array(list(dict.fromkeys(row for fact in others for row in fact.rows.tolist())))
        text = f"{others[0].text}, and {counted(len(others) - 1, 'rule')} like this"
        n = max(fact.n_rows for fact in others)
        yield replace(others[0], text=text, rows=rows, n_rows=n)


def _table(a: NDArray[Any], b: NDArray[Any], n_a: int, n_b: int) -> Ints:
    cells = a * n_b + b
    if min(a.min(initial=0), b.min(initial=0)) < 0:
        cells = cells[(a >= 0) & (b >= 0)]
    return np.bincount(cells, minlength=n_a * n_b).reshape(n_a, n_b)


def _may_imply(a: NDArray[Any], b: NDArray[Any], n_a: int, n_b: int) -> bool:
    """Return whether a rule holds in nearly all rows of a sample."""
    counts = _table(a, b, n_a, n_b)
    sizes, most = counts.sum(axis=1), counts.argmax(axis=1)
    n_most, total = counts.max(axis=1), counts.sum(axis=0)
    n_else = np.maximum(1, sizes.sum() - sizes)
    is_rule = (sizes - n_most <= 0.002 * sizes + 1) & (sizes >= MIN_IF / 20)
    return bool((is_rule & (total[most] - n_most <= 1.1 * MAX_ELSE * n_else)).any())


def _implied(
    a: NDArray[Any], b: NDArray[Any], n_a: int, n_b: int
) -> Iterator[tuple[int, int, Ints, int]]:
    """Yield conditions, their consequences, the rows against them, and the number of their rows."""
    counts = _table(a, b, n_a, n_b)
    sizes, most, n_most = counts.sum(axis=1), counts.argmax(axis=1), counts.max(axis=1)
    n_broken, n_else = sizes - n_most, np.maximum(1, sizes.sum() - sizes)
    share = (counts.sum(axis=0)[most] - n_most) / n_else
    is_rule = (sizes >= MIN_IF) & (n_broken > 0) & (share <= MAX_ELSE)
    is_rule &= n_broken <= np.minimum(FEW_ROWS, 0.002 * sizes)
    for v in np.flatnonzero(is_rule & (n_broken * BEYOND <= (1 - share) * sizes)).tolist():
        w = int(most[v])
        yield v, w, np.flatnonzero((a == v) & (b >= 0) & (b != w)), int(sizes[v])


def factors_in_groups(
    numbers: Sequence[Values], groups: Sequence[Groups], sample: Ints
) -> Iterator[Fact]:
    """Yield amounts that are 10, 100 or 1000 times too large or too small for their group."""
    for values in numbers:
        if values.is_date or len(values.counts[0]) < 10 or values.counts[0][0] < 0:
            continue
        sizes = _logs(values.numbers[sample])
        best: tuple[float, Groups] | None = None
        overall = _spread(sizes, np.zeros(len(sample), int))
        for group in groups:
            if group.name == values.name or len(group.shown) < 3 or not group.are_names:
                continue
            if not _may_group(sizes, group.codes[sample], len(group.shown)):
                continue
            spread = _spread(sizes, group.codes[sample])
            if spread < min(0.35, 0.5 * overall) and (best is None or spread < best[0]):
                best = spread, group
        if best is not None:
            yield from _off_by(values, _logs(values.numbers), best[1])


def _may_group(sizes: Float64s, codes: NDArray[Any], n: int) -> bool:
    """Return whether amounts vary much less within groups than in the whole column."""
    known = ~np.isnan(sizes) & (codes >= 0)
    x, of = sizes[known], codes[known]
    if len(x) < MIN_ROWS:
        return False
    n_in = np.bincount(of, minlength=n)
    means = np.bincount(of, x, minlength=n) / np.maximum(1, n_in)
    within = float(((x - means[of]) ** 2).mean())
    return within <= 0.6 * float(x.var()) and float(n_in.max()) >= GROUP_ROWS


def _medians(sizes: Float64s, codes: NDArray[Any], n: int) -> Float64s:
    """Return the median of each group (NaN for groups without values)."""
    known = ~np.isnan(sizes) & (codes >= 0)
    order = np.lexsort((sizes[known], codes[known]))
    ordered, of = sizes[known][order], codes[known][order]
    begins = np.searchsorted(of, np.arange(n + 1))
    n_in = np.diff(begins)
    middle = np.minimum(begins[:-1] + n_in // 2, max(0, len(ordered) - 1))
    if not len(ordered):
        return np.full(n, np.nan)
    return np.where(n_in >= GROUP_ROWS, ordered[middle], np.nan)


def _spread(sizes: Float64s, codes: NDArray[Any]) -> float:
    """Return the 99th percentile of distances of amounts to the median of their group."""
    medians = np.append(_medians(sizes, codes, int(codes.max(initial=-1)) + 1), np.nan)
    apart = np.abs(sizes - medians[codes])
    apart = apart[~np.isnan(apart)]
    return (
        float(np.percentile(apart, 99))
        if len(apart) >= 0.5 * len(sizes) and len(apart) >= MIN_ROWS
        else np.inf
    )


def _off_by(values: Values, sizes: Float64s, group: Groups) -> Iterator[Fact]:
    medians = np.append(_medians(sizes, group.codes, len(group.shown)), np.nan)
    apart = sizes - medians[group.codes]
    power = np.rint(apart)
    is_off = (np.abs(power) >= 1) & (np.abs(power) <= 3) & (np.abs(apart - power) < 0.35)
    # Small whole numbers differ by a factor of ten without an error.
    least = 1 - decimals_of(values.numbers[:SAMPLE])
    is_off &= (sizes >= least) & (medians[group.codes] >= least)
    n, n_off = int((~np.isnan(apart)).sum()), int(is_off.sum())
    if not 0 < n_off <= few_of(n) or (np.abs(apart) > 0.5).sum() > 2 * few_of(n):
        return
    rows = values.rows_at(is_off, np.abs(apart))
    row = rows[0]
    usual = number_text(float(f"{10 ** medians[group.codes[row]]:.4g}"))
    times = f"{10 ** abs(power[row]):.0f} times {'more' if power[row] > 0 else 'less'}"
    text = f"{values.name} {values.show(values.numbers[row])} is about {times} than usual for "
    text += f"{group.name} {group.shown[group.codes[row]]} ({usual})"
    yield Fact("factor", (values.name, group.name), text, rows, n, 2 + strength_of(n_off, n))


MIN_LIKENESS, MAX_PARTNERS = 0.8, 3
"""Minimum correlation of columns that follow each other, and most columns that a column follows."""

TIGHT, NEAR, FAR = 0.05, 0.08, 0.3
"""Largest distances between logarithms of two numbers that agree, and of a number to a power of ten
times (or the negative of) both."""


MAX_UNLIKE = 25
"""Largest number of values at which a factor or a sign is an error, and not usual in a table."""


def factors_among_columns(numbers: Sequence[Values], sample: Ints) -> Iterator[Fact]:
    """Yield numbers that differ by a factor or a sign from two columns that they usually follow."""
    able = [v for v in numbers if not v.is_date and len(v.counts[0]) >= 50][:MAX_COLUMNS]
    if len(able) < 3 or len(sample) < 4 * MIN_ROWS:
        return
    some = np.stack([np.nan_to_num(values.numbers[sample]) for values in able])
    likeness = np.asarray(np.corrcoef(np.argsort(np.argsort(some, axis=1), axis=1)))
    np.fill_diagonal(likeness, 0)
    found: dict[str, list[tuple[float, int, str, Values]]] = {"factor": [], "sign": []}
    for j, values in enumerate(able):
        partners = np.argsort(-likeness[j], kind="stable")[:MAX_PARTNERS]
        alike = [able[i] for i in partners if likeness[j][i] >= MIN_LIKENESS]
        cells: dict[tuple[str, int], tuple[float, str]] = {}
        for i, (first, second) in enumerate(combinations(alike, 2)):
            others = [v for v in alike if v is not first and v is not second]
            for kind, apart, row, text in _unlike(values, first, second, others):
                # A tenth is more often a usual value than a negative number of the same size.
                if kind == "sign" or i == 0:
                    cells[kind, row] = min(cells.get((kind, row), (np.inf, "")), (apart, text))
        for (kind, row), (apart, text) in cells.items():
            found[kind].append((apart, row, text, values))
    n = len(able[0].numbers)
    for kind, odd in found.items():
        odd.sort(key=lambda cell: cell[:2])
        if not 0 < len(odd) <= min(few_of(n), MAX_UNLIKE):
            continue
        names = tuple(dict.fromkeys(values.name for *_, values in odd))
        text = odd[0][2] + (f", and {len(odd) - 1} like this" if odd[1:] else "")
        rows = np.array(list(dict.fromkeys(row for _, row, *_ in odd)))
        yield Fact(kind, names, text, rows, n, 2 + strength_of(len(odd), n))


def _logs(x: Float64s) -> Float64s:
    with np.errstate(divide="ignore"):
        logs = np.log10(np.abs(x))
    logs[~np.isfinite(logs)] = np.nan
    return logs


def _unlike(
    values: Values, first: Values, second: Values, others: Sequence[Values]
) -> Iterator[tuple[str, float, int, str]]:
    """Yield the values that are a power of ten times, or the negative of, two equal columns.

    A value comes first if the two columns and the other columns agree.
    """
    x, a, b = values.numbers, first.numbers, second.numbers
    agree = np.flatnonzero(
        (a * b > 0) & (np.abs(_logs(a) - _logs(b)) <= TIGHT) & (x != 0) & ~np.isnan(x)
    )
    if len(agree) < 10 * MIN_ROWS:
        return
    x, a, b = x[agree], a[agree], b[agree]
    suggested, spread = (a + b) / 2, np.abs(_logs(a) - _logs(b))
    apart = _logs(x) - _logs(suggested)
    power = np.rint(apart)
    off = np.abs(apart - power) + spread
    support = np.zeros(len(agree))
    for other in others:
        distance = np.abs(_logs(other.numbers[agree]) - _logs(suggested))
        support += np.nan_to_num(np.minimum(distance, FAR), nan=FAR)
    # Small numbers are often alike by chance.
    size = np.minimum(np.abs(a), np.abs(b))
    some, large = np.percentile(np.abs(a), (20, 35))
    is_power = (x * a > 0) & (np.abs(power) >= 1) & (np.abs(power) <= 3) & (off <= NEAR)
    is_power &= size >= large
    is_sign = (x * a < 0) & (power == 0) & (off <= 2 * NEAR) & (size >= some)
    both = f"{first.name} and {second.name}"
    for i in np.flatnonzero(is_power | is_sign).tolist():
        like = number_text(float(f"{suggested[i]:.3g}"))
        text = f"{values.name} {values.show(float(x[i]))} does not fit {both} (both about {like})"
        yield "sign" if is_sign[i] else "factor", float(off[i] + support[i]), int(agree[i]), text


MAX_RATIO_TAIL, OUTER = 4.0, 30
"""Largest ratio of the quantiles 0.998 and 0.95 of a ratio that has a bound, and number of largest
ratios from which a lone extreme is judged."""


def bounded_ratios(numbers: Sequence[Values], sample: Ints) -> Iterator[Fact]:
    """Yield lone extremes of ratios of two columns that else stay below a clear bound."""
    able = [v for v in numbers if not v.is_date and len(v.counts[0]) >= 30 and v.counts[0][-1] > 0]
    able = able[:MAX_COLUMNS]
    if len(able) < 2 or len(sample) < 4 * MIN_ROWS:
        return
    some_logs = [_logs_of_positive(values.numbers[sample]) for values in able]

    @cache
    def logs(k: int) -> NDArray[np.float32]:
        return put_away(_logs_of_positive(able[k].numbers), among=len(able))

    # A ratio to a small number says little, unless such ratios have the same bound.
    least = [np.log(np.percentile(v.ascending[v.ascending > 0], (10, 50))) for v in able]
    limit = 1 + log(2 * max(2, len(able)) ** 2 / LIKELY)
    for i, j in ((i, j) for i in range(len(able)) for j in range(len(able)) if i != j):
        of = some_logs[j]
        found = some_logs[i] - of
        whole: NDArray[np.float32] | None = None
        for part in least[j]:
            is_small = of < part
            some = np.sort(found[~is_small & ~np.isnan(found)])
            if len(some) < 0.4 * (~is_small).sum() or len(some) < 4 * MIN_ROWS:
                continue
            high, higher = some[int(0.95 * len(some))], some[int(0.998 * len(some))]
            if higher > log(MAX_RATIO_TAIL) + high:
                continue
            whole = logs(i) - logs(j) if whole is None else whole
            if np.fmax.reduce(whole) < higher + log(MIN_RATIO):
                continue
            small = np.sort(found[is_small & ~np.isnan(found)])
            is_bound = len(small) < 2 or bool(small[-2] <= higher + log(MIN_RATIO))
            rows = np.flatnonzero(whole > (higher if len(whole) > MANY_ROWS else -np.inf))
            rows = rows[logs(j)[rows] >= part - is_bound * log(10)]
            fact = _beyond_bound(able[i], able[j], rows, whole[rows], limit)
            if fact is not None:
                yield fact
                break


MANY_ROWS = 1 << 16
"""Number of rows from which on only rows above the bound are sorted."""

MIN_RATIO = 1.5
"""Minimum factor by which a lone extreme of a ratio exceeds the next ratio."""


def _logs_of_positive(x: Float64s) -> NDArray[np.float32]:
    """Return logarithms of the positive numbers, and NaN for all other numbers."""
    logs = x.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.log(logs, out=logs)
    logs[np.isneginf(logs)] = np.nan
    return logs


def _beyond_bound(
    over: Values, under: Values, rows: Ints, apart: NDArray[np.float32], limit: float
) -> Fact | None:
    if len(rows) <= OUTER:
        return None
    order = np.argsort(-apart, kind="stable")[:OUTER]
    outer = apart[order].astype(np.float64)
    score, k = max((apart_score(outer, k, 0.0, may_be_log=False), k) for k in range(1, 4))
    if score < limit or outer[k - 1] < outer[k] + log(MIN_RATIO):
        return None
    first = rows[order[:k]]
    ratio, following = (number_text(float(f"{np.exp(x):.3g}")) for x in (outer[0], outer[k]))
    shown = over.show(over.numbers[first[0]])
    text = f"{over.name} {shown} is {ratio} times {under.name} (next {following})"
    n = int((over.numbers * under.numbers > 0).sum())
    return Fact("ratio", (over.name, under.name), text, first, n, score - 1)
