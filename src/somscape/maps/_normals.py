"""Groups that touch.  A part of a map is split if simple laws explain its rows, and if the rows are
fewer between the laws than inside."""

import math
from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid.lattice import Lattice
from somscape.kernels._select import select_kernels
from somscape.maps._joins import (
    ALPHA,
    ALPHA_LARGE,
    ALPHA_ROWS,
    ALPHA_UNITS,
    SUSPECT,
    Borders,
    Join,
    JoinedParts,
    Joins,
    KeptRows,
    Near,
    Pull,
    held_apart,
    narrowest_window,
    near_units,
    touching_units,
    valley,
    weakest_first,
)

MIN_ROWS = 40
"""Minimum number of rows in a part that is examined."""

ROWS_PER_COLUMN, MAX_COLUMNS = 15, 8
"""A part with n rows is examined in its n / 15 main directions (at least 2 and at most 8)."""

ROWS_PER_LAW, MAX_LAWS = 8, 40
"""Number of rows for each law at the start, and maximum number of laws."""

COVARIANCE_COST = 0.35
"""Share of the parameters of a covariance matrix that counts, because covariances are shrunk."""

GAIN = 12.0
"""Minimum advantage of several laws over one law, on the scale of Schwarz's criterion."""

STRAY = 1e-3
"""Share of rows that are expected anywhere between the limits of the part."""

FLAT, FLAT_AT_BORDER = 3.0, 2.0
"""Power of the squared distance in laws with an even density and a sharp edge.  The smaller power
replaces the larger power between groups, because the place of an edge is uncertain."""

N_ROUNDS, FIRST_ROUNDS, N_BEGUN, N_TRIED = 12, 3, 3, 6
"""Number of rounds in which laws are fitted.  After the first rounds, only the given number of best
fits continue, because the other fits seldom become better."""


class UnitMoments:
    """The rows of each unit (from 0), as weighted numbers, means and sums of squares."""

    def __init__(self, rows: Float64s, unit: Ints, weights: Float64s) -> None:
        n_units, (_, d) = int(unit.max()) + 1, rows.shape
        self._rows, self._weights = rows, weights
        self.counts = np.bincount(unit, weights, n_units)
        sums = [np.bincount(unit, weights * column, n_units) for column in rows.T]
        self.means = np.stack(sums, axis=1) / self.counts[:, None]
        left = rows - self.means[unit]
        self.squares = np.empty((n_units, d, d))
        for i in range(d):
            for j in range(i, d):
                both = np.bincount(unit, weights * left[:, i] * left[:, j], n_units)
                self.squares[:, i, j] = self.squares[:, j, i] = both
        center = np.average(self.means, axis=0, weights=self.counts)
        width = np.ptp(self.means, axis=0) * 1.2
        usual = np.sqrt(np.average((self.means - center) ** 2, axis=0, weights=self.counts))
        far = np.log(np.maximum(np.maximum(width, usual), 1e-12)).sum()
        self.stray = float(np.log(STRAY) - far)

    def criterion(self, laws: "NormalLaws") -> float:
        """Return Schwarz's criterion of laws for single rows instead of units."""
        whole = np.logaddexp(laws.density(self._rows), self.stray)
        cost = np.log(self.counts.sum()) * _parameters(*laws.means.shape)
        return 2 * float(whole @ self._weights) - cost

    def moments(self, shares: Float64s) -> tuple[Float64s, Float64s, Float64s, Float64s]:
        """Return numbers, means and sums of squares of groups with these shares of the units.

        The last result contains the steps from the mean of each group to the mean of each unit.
        """
        weights = shares.T * self.counts
        counts = weights.sum(axis=1)
        means = weights @ self.means / counts[:, None]
        left = self.means - means[:, None]
        squares = np.tensordot(weights / self.counts, self.squares, 1)
        squares += (left * weights[:, :, None]).transpose(0, 2, 1) @ left
        return counts, means, squares, left


def _covariances(counts: Float64s, squares: Float64s, pooled: Float64s) -> Float64s:
    """Return covariances that are shrunk to the pooled covariance, as if by d + 1 more rows."""
    more = pooled.shape[0] + 1
    return np.asarray((squares + more * pooled) / (counts + more)[:, None, None])


def _pooled(counts: Float64s, squares: Float64s) -> Float64s:
    pooled = squares.sum(axis=0) / counts.sum()
    size = max(float(np.trace(pooled)) / len(pooled), np.finfo(float).tiny)
    return np.asarray(pooled + 1e-6 * size * np.eye(len(pooled)))


def partitions(
    blocks: UnitMoments, label: Ints
) -> tuple[dict[int, Ints], list[tuple[float, int, int]]]:
    """Join groups of units (label -1: no group) by the likelihood of the rows.

    Returns the partition for each number of groups, and the joins (loss, kept group, other group).
    """
    counts, means, squares, _ = blocks.moments(np.eye(int(label.max()) + 2)[label][:, :-1])
    pooled = _pooled(counts, squares)

    def cost(counts: Float64s, squares: Float64s) -> Float64s:
        return counts * np.linalg.slogdet(_covariances(counts, squares, pooled))[1]

    def joined(i: int, others: Ints) -> tuple[Float64s, Float64s]:
        total, step = counts[i] + counts[others], means[others] - means[i]
        shared = (counts[i] * counts[others] / total)[:, None, None]
        return total, squares[i] + squares[others] + shared * step[:, :, None] * step[:, None, :]

    own, k = cost(counts, squares), len(counts)
    rise = np.full((k, k), np.inf)
    for i in range(k - 1):
        others = np.arange(i + 1, k)
        rise[i, others] = cost(*joined(i, others)) - own[i] - own[others]
    found, label, live = {k: label}, label.copy(), np.ones(k, dtype=bool)
    joins: list[tuple[float, int, int]] = []
    for n in range(k - 1, 0, -1):
        i, j = divmod(int(rise.argmin()), k)
        joins.append((float(rise[i, j]), i, j))
        (total,), (inner,) = joined(i, np.array([j]))
        means[i] += (means[j] - means[i]) * (counts[j] / total)
        counts[i], squares[i] = total, inner
        label[label == j], live[j] = i, False
        rise[j], rise[:, j] = np.inf, np.inf
        own[i] = cost(counts[[i]], squares[[i]])[0]
        others = np.flatnonzero(live & (np.arange(k) != i))
        rises = cost(*joined(i, others)) - own[i] - own[others]
        rise[np.minimum(i, others), np.maximum(i, others)] = rises
        found[n] = np.unique(label, return_inverse=True)[1]
    return found, joins


@dataclass(frozen=True, eq=False)
class NormalLaws:
    """Means, inverse covariances and heights (logarithms of shares times densities at the means) of
    laws, the best law of each unit, and Schwarz's criterion (higher is better).  The laws are
    normal, or have a higher power of the squared distance (see `law_shape`)."""

    means: Float64s
    inverses: Float64s
    heights: Float64s
    label: Ints
    criterion: float
    power: float = 1.0

    def density(self, places: Float64s) -> Float64s:
        """Return the logarithm of the density at some places."""
        logs, factor = [], law_shape(places.shape[-1], self.power)[0]
        for mean, inverse, height in zip(self.means, self.inverses, self.heights, strict=True):
            left = places - mean
            far = factor * ((left @ inverse) * left).sum(axis=-1)
            logs.append(height - far**self.power / 2)
        return np.asarray(np.logaddexp.reduce(logs, axis=0))

    def saddles(self) -> tuple[Float64s, Float64s]:
        """Return log densities at the means, and the lowest on the ridge between two means."""
        k, steps = len(self.means), np.linspace(0, 1, 13)[1:-1, None, None]
        tops, lowest = self.density(self.means), np.full((k, k), -np.inf)
        pulls = (self.inverses @ self.means[:, :, None])[:, :, 0]
        for i in range(k - 1):
            j = np.arange(i + 1, k)
            both = (1 - steps[..., None]) * self.inverses[i] + steps[..., None] * self.inverses[j]
            pull = (1 - steps) * pulls[i] + steps * pulls[j]
            ridge = np.linalg.solve(both, pull[..., None])[..., 0]
            low = np.minimum(self.density(ridge).min(axis=0), np.minimum(tops[i], tops[j]))
            lowest[i, j] = lowest[j, i] = low
        return tops, lowest


def law_shape(d: int, power: float) -> tuple[float, float]:
    """Return the factor f and the logarithm of the integral of exp(-(f r^2)^power / 2).

    The covariance is 1.  Power 1 is the normal law (Gomez, Gomez-Villegas and Marin 1998).
    """
    half = d / (2 * power)
    gamma = math.lgamma(half)
    factor = math.exp(math.log(2) / power + math.lgamma(half + 1 / power) - gamma) / d
    ball = d / 2 * math.log(math.pi / factor) - math.lgamma(d / 2)
    return factor, ball + half * math.log(2) + gamma - math.log(power)


def fit_laws(
    blocks: UnitMoments, shares: Float64s, n_rounds: int, power: float = 1.0
) -> tuple[NormalLaws, Float64s] | None:
    """Fit laws by expectation and maximization, from the laws' shares of the units.

    All rows of a unit have the same shares (Verbeek, Nunnink and Vlassis 2006).  The second result
    contains the shares of the units after the last round.
    """
    n_units, d = blocks.means.shape
    factor, integral = law_shape(d, power)
    total, flat = blocks.counts.sum(), blocks.squares.reshape(n_units, -1)
    for _ in range(n_rounds):
        shares = shares[:, shares.T @ blocks.counts > max(4.0, d / 2)]
        if not shares.shape[1]:
            return None
        counts, means, squares, left = blocks.moments(shares)
        inverses = np.linalg.inv(_covariances(counts, squares, _pooled(counts, squares)))
        sizes = np.linalg.slogdet(inverses)[1]
        heights = np.log(counts / total) + sizes / 2 - integral
        far = ((left @ inverses) * left).sum(axis=2).T
        far += flat @ inverses.reshape(len(means), -1).T / blocks.counts[:, None]
        fits = heights - (factor * far) ** power / 2
        whole = np.logaddexp(np.logaddexp.reduce(fits, axis=1), blocks.stray)[:, None]
        shares = np.exp(fits - whole)
    cost = np.log(total) * _parameters(len(means), d)
    criterion = 2 * float(whole[:, 0] @ blocks.counts) - cost
    used, label = np.unique(fits.argmax(axis=1), return_inverse=True)
    laws = NormalLaws(means[used], inverses[used], heights[used], label, float(criterion), power)
    return laws, shares


def _parameters(k: int, d: int) -> float:
    """Return the number of parameters of k laws."""
    return k * (1 + d + COVARIANCE_COST * d * (d + 1) / 2)


def _cost_of_partition(blocks: UnitMoments, label: Ints) -> float:
    """Return the part of Schwarz's criterion (lower is better) that depends only on sizes."""
    counts, total = np.bincount(label, blocks.counts), blocks.counts.sum()
    n_parameters = _parameters(len(counts), blocks.means.shape[1])
    return float(np.log(total) * n_parameters - 2 * counts @ np.log(counts / total))


def best_laws(blocks: UnitMoments) -> NormalLaws | None:
    """Return the laws with the best criterion, or None if one law is about as good."""
    from scipy.cluster.hierarchy import fcluster, linkage

    n = int(min(len(blocks.counts) / 2, blocks.counts.sum() / ROWS_PER_LAW, MAX_LAWS))
    if n < 2:
        return None
    found, joins = partitions(blocks, fcluster(linkage(blocks.means, "ward"), n, "maxclust") - 1)
    gains = np.cumsum([0.0, *(loss for loss, *_ in joins[::-1])])
    tried = [k for k in found if k <= 8 or k % (k // 8 + 1) == 0 or k == len(gains)]
    tried.sort(key=lambda k: _cost_of_partition(blocks, found[k]) - gains[k - 1])
    begins = {k: np.eye(k)[found[k]] for k in tried}
    normal = _fitted(blocks, [begins[k] for k in sorted({*tried[:N_TRIED], 1})])
    best = _better_than_one(normal, [laws.criterion for laws in normal])
    k = 0 if best is None else len(best.means)
    sharp = fit_laws(blocks, np.eye(k)[best.label], 1, FLAT) if best else None
    if best is None or sharp is None or sharp[0].criterion <= best.criterion:
        return best
    every = [best, *_fitted(blocks, [begins[n] for n in begins if n <= k], FLAT)]
    best = _better_than_one(every, [blocks.criterion(laws) for laws in every])
    return best and replace(best, power=min(best.power, FLAT_AT_BORDER))


def _fitted(blocks: UnitMoments, begins: list[Float64s], power: float = 1.0) -> list[NormalLaws]:
    """Return the best laws from some first shares of the units."""
    begun = [fit for each in begins if (fit := fit_laws(blocks, each, FIRST_ROUNDS, power))]
    begun.sort(key=lambda fit: -fit[0].criterion)
    begun[N_BEGUN:] = [fit for fit in begun[N_BEGUN:] if len(fit[0].means) == 1][:1]
    more = N_ROUNDS - FIRST_ROUNDS
    return [fit[0] for _, shares in begun if (fit := fit_laws(blocks, shares, more, power))]


def _better_than_one(fits: list[NormalLaws], criteria: list[float]) -> NormalLaws | None:
    """Return the laws with the best criterion, or None if one law is about as good."""
    ones = [value for laws, value in zip(fits, criteria, strict=True) if len(laws.means) == 1]
    best = int(np.argmax(criteria)) if fits else -1
    return fits[best] if fits and criteria[best] > max(ones, default=-np.inf) + GAIN else None


def main_directions(rows: Float64s, weights: Float64s) -> Float64s:
    """Return rows along their main directions.

    Prototypes have other main directions.  If a table has more columns than rows, their directions
    separate the rows of different units even in noise.
    """
    from scipy.linalg import eigh

    (n, n_columns), total = rows.shape, weights.sum()
    k = int(np.clip(total / ROWS_PER_COLUMN, 2, MAX_COLUMNS))
    if n_columns <= k:
        return rows
    left = rows - np.average(rows, axis=0, weights=weights)
    scaled = left * np.sqrt(weights)[:, None]
    products = scaled.T @ scaled if n_columns <= n else scaled @ scaled.T
    size = len(products)
    directions = eigh(products, subset_by_index=[max(size - k, 0), size - 1])[1]
    if n_columns > n:
        directions = scaled.T @ directions
        directions /= np.maximum(np.linalg.norm(directions, axis=0), np.finfo(float).tiny)
    return np.asarray(left @ directions)


def along_line(
    rows: tuple[Float64s, Float64s], weights: tuple[Float64s, Float64s]
) -> tuple[list[Float64s], list[Float64s], float] | None:
    """Return the distances of two groups' rows from the border between them, along a line.

    The line is Fisher's discriminant of the groups, and the border is the place with the fewest
    rows on the wrong side.  The third result is a width for `valley`.  Returns None for few rows.
    """
    if min(map(len, rows)) < MIN_SIDE:
        return None
    pairs = list(zip(rows, weights, strict=True))
    means = [np.average(each, axis=0, weights=weight) for each, weight in pairs]
    spreads = [np.cov(each.T, aweights=weight, ddof=0) for each, weight in pairs]
    within = np.atleast_2d(sum(spreads)) / 2
    scales = np.diag(within)
    few = min(1.0, (len(within) + 1) / min(weight.sum() for weight in weights))
    within = within + np.diag(few * scales + 1e-6 * scales.mean() + np.finfo(float).tiny)
    line = np.linalg.solve(within, means[1] - means[0])
    values = [each @ line for each in rows]
    every, weight = np.concatenate(values), np.concatenate(weights)
    signs = np.repeat([-1.0, 1.0], [len(each) for each in rows])
    order = np.argsort(every, kind="stable")
    every, weight, signs = every[order], weight[order], signs[order]
    wrong = np.cumsum(weight * signs)
    least = np.flatnonzero(wrong <= wrong.min() + 1e-9)
    middle = int(least[len(least) // 2])
    border = (every[middle] + every[min(middle + 1, len(every) - 1)]) / 2
    is_low, is_high = every < border, every > border
    if min(is_low.sum(), is_high.sum()) < MIN_SIDE:
        return None
    widths = [np.subtract(*np.percentile(each, [75, 25])) / 1.35 for each in values]
    unit = WINDOW * float(min(widths) or max(widths))
    far = [border - every[is_low], every[is_high] - border]
    return far, [weight[is_low], weight[is_high]], unit


MIN_SIDE = 5
"""Minimum number of rows on each side of a border."""

WINDOW = 0.6
"""Width of a window for counting rows, as a share of the standard deviation of the narrower group
(estimated from its quartiles)."""


FLAG_NOISE = 0.9
"""Width of the noise in columns with two values, as a multiple of their standard deviation."""


def spread_flags(kept: KeptRows) -> KeptRows:
    """Add noise to columns with two values, as wide as the columns, because each such column alone
    separates rows.  Rows with only two combinations of these values remain as they are."""
    rows = kept.rows
    low, high = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)
    is_high = rows == high
    is_flag = (low < high) & (is_high | (rows == low) | np.isnan(rows)).all(axis=0)
    if len(np.unique(rows[:, is_flag], axis=0)) <= 2:
        return kept
    share = is_high[:, is_flag].sum(axis=0) / (~np.isnan(rows[:, is_flag])).sum(axis=0)
    width = (high - low)[is_flag] * FLAG_NOISE * np.sqrt(share * (1 - share))
    noise = np.random.default_rng(0).normal(size=(len(rows), len(width))) * width
    spread = rows.copy()  # noise follows the sorted rows, so the order of the rows has no effect
    spread[np.ix_(np.lexsort(rows.T), is_flag)] += noise.astype(rows.dtype)
    return KeptRows(spread, kept.weights)


def join_units(
    kept: KeptRows, places: Float64s, hits: Float64s, lattice: Lattice, pull: Pull | None = None
) -> Joins:
    """Compute the order in which the units of a map are joined to regions."""
    kept = spread_flags(kept).distinct
    near = near_units(kept.rows, kept.weights, places, pull)
    touching, closest = touching_units(near, places, lattice)
    narrowest = narrowest_window(len(places), hits.sum() or len(kept.rows))
    borders = Borders(near, touching, narrowest=narrowest)
    first = JoinedParts(borders, closest, near, places, hits).join_all()
    alpha = min(ALPHA, ALPHA_ROWS / near.weights.sum(), ALPHA_UNITS / len(places))
    alpha *= ALPHA_LARGE if narrowest else 1.0
    piece_of = held_apart(len(places), first, alpha)
    inside = [join for join in first if piece_of[join[0]] == piece_of[join[1]]]
    parts = JoinedParts(borders, closest, near, places, hits)
    for into, other, _ in inside:
        parts.join(into, other)
    n_pieces = len(places) - len(inside)
    between = parts.join_all(by_evidence=True)
    n_joined = next((i for i, join in enumerate(between) if join[2] < alpha), len(between))
    split = _Split()
    for name in np.unique(piece_of):
        split.add(np.flatnonzero(piece_of == name), kept, near, places)
    inside = [join for join in inside if piece_of[join[0]] not in split.pieces]
    inside += [(a, b, 1.0) for *_, a, b in sorted(split.within, key=lambda join: join[:2])]
    ordered = [*weakest_first([*inside, *split.joined]), *between[:n_joined]]
    ordered += _by_evidence(split.apart, between[n_joined:])
    pairs = _named(ordered, hits)
    order = [place for _, _, place in pairs]
    evidence = np.array([join[2] for join in ordered])[order]
    shaped = {join[:2] for join in [*split.joined, *split.apart]}
    by_shape = np.array([join[:2] in shaped for join in ordered], dtype=bool)[order]
    names = np.array([pair[:2] for pair in pairs], dtype=np.intp).reshape(-1, 2)
    return Joins(names, evidence, n_pieces - n_joined + len(split.apart), by_shape)


def _by_evidence(apart: list[Join], between: list[Join]) -> list[Join]:
    """Return the joins of separate groups, with the weakest evidence first."""
    lowest = np.minimum.accumulate([join[2] for join in between] or [1.0])
    keys = [*(join[2] for join in apart), *lowest.tolist()]
    joins = [*apart, *between]
    return [joins[i] for i in sorted(range(len(joins)), key=lambda i: -keys[i])]


def _named(joins: list[Join], hits: Float64s) -> list[tuple[int, int, int]]:
    """Name the two pieces of each join by their lowest units, and add the place of the join.

    Pieces without rows join first, so that each later join reduces the number of regions with rows.
    """
    n_units = len(hits)
    is_full, order = (hits > 0) if hits.any() else np.ones(n_units, dtype=bool), []
    piece, full = _Pieces(n_units), is_full.tolist()
    for i, (a, b, _) in enumerate(joins):
        low, high = piece.join(a, b)
        order.append((full[low] and full[high], i))
        full[low] = full[low] or full[high]
    piece = _Pieces(n_units)
    return [(*piece.join(*joins[i][:2]), i) for _, i in sorted(order)]


class _Pieces:
    """The name of each unit's piece, while pieces join."""

    def __init__(self, n_units: int) -> None:
        self.name = list(range(n_units))

    def join(self, a: int, b: int) -> tuple[int, int]:
        """Join the pieces of two units, and return the kept name and the other name."""
        low, high = sorted((self.of(a), self.of(b)))
        self.name[high] = low
        return low, high

    def of(self, unit: int) -> int:
        """Return the name of a unit's piece."""
        while self.name[unit] != unit:
            self.name[unit] = self.name[self.name[unit]]
            unit = self.name[unit]
        return unit


ALIKE = 0.85
"""Two groups can be separate only if the density between them is at most this share of the
density in the lower one of their middles."""

ALIKE_CHAIN, ALIKE_BENT, ALIKE_ARC = 0.3, 0.13, 0.03
"""These shares replace `ALIKE` for two laws that can be parts of an arc, for a group of several
laws, because the group can be bent, and for joined parts of an arc."""

MAIN_SHARE = 0.8
"""A group of several laws is not bent if one of its laws has at least this share of its rows."""

SLIM, ENDS, STRAIGHT = 3.0, 0.6, 0.95
"""Two laws can be parts of an arc if the variances along their longest axes are this many times the
next variances, if the cosines between these axes and the line between the laws are above the second
number, and if the cosine between the axes is below the third number.  The rows of an arc seem fewer
in the middle of such a line, because the line crosses its ends."""

ALPHA_LAWS = 0.02
"""Result of `valley` along a line below which two groups are separate."""

ALPHA_BENT, ALPHA_CHAIN = 2e-3, 1e-5
"""These numbers replace `ALPHA_LAWS` for a group of several laws, and for parts of an arc."""


class _Split:
    """Splits pieces of a map into groups that touch.

    `pieces` are fitted by several laws.  `within` contains joins in parts without a suspect border,
    after their stage and height.  `joined` and `apart` contain joins of groups.
    """

    def __init__(self) -> None:
        self.pieces: set[int] = set()
        self.within: list[tuple[int, float, int, int]] = []
        self.joined: list[Join] = []
        self.apart: list[Join] = []

    def add(self, units: Ints, kept: KeptRows, near: Near, places: Float64s) -> None:
        """Fit laws to the rows of a piece.  Its first unit is the name of the piece."""
        winners = near.units[:, 0]
        own = np.flatnonzero(np.isin(winners, units))
        weights = near.weights[own]
        if weights.sum() < MIN_ROWS:
            return
        used, unit = np.unique(winners[own], return_inverse=True)
        rows = kept.rows[own].astype(np.float64)
        rows = main_directions(np.where(np.isnan(rows), places[winners[own]], rows), weights)
        blocks = UnitMoments(rows, unit, weights)
        laws = best_laws(blocks)
        if laws is None:
            return
        self.pieces.add(int(units[0]))
        rows_of = [np.flatnonzero(laws.label[unit] == k) for k in range(len(laws.means))]
        groups = _Groups(laws, rows, weights, rows_of)
        groups.join_all()
        core_of = held_apart(len(rows_of), groups.joined, SUSPECT)
        empty = np.setdiff1d(units, used)
        if len(empty):  # join each unit without rows to the nearest unit with rows
            nearest = select_kernels().search(places[empty], places[used], 1)[0][:, 0]
            pairs = zip(used[nearest].tolist(), empty.tolist(), strict=True)
            self.within += [(0, -1.0, full, unit) for full, unit in pairs]
        lead = {}
        for core in np.unique(core_of).tolist():
            own, label = core_of[laws.label] == core, np.full(len(used), -1)
            label[own] = np.unique(laws.label[own], return_inverse=True)[1]
            lead[core] = self._join_laws(used, blocks, label)
        lead = {law: lead[core] for law, core in enumerate(core_of.tolist())}
        between = [join for join in groups.joined if core_of[join[0]] != core_of[join[1]]]
        self.joined += [(lead[a], lead[b], p) for a, b, p in between]
        self.apart += [(lead[a], lead[b], p) for a, b, p in groups.tree_of_apart()]

    def _join_laws(self, units: Ints, blocks: UnitMoments, law: Ints) -> int:
        """Join the units of each law, and then the laws, and return the name of the joined piece.

        The units of a law are joined by Ward's rule, and laws by likelihood.
        """
        from scipy.cluster.hierarchy import linkage

        name = []
        for k in range(int(law.max()) + 1):
            first, means = units[law == k].tolist(), blocks.means[law == k]
            for a, b, height, _ in linkage(means, "ward") if len(first) > 1 else ():
                self.within.append((0, height, first[int(a)], first[int(b)]))
                first.append(first[int(a)])
            name.append(first[-1])
        most = 0.0
        for loss, a, b in partitions(blocks, law)[1]:
            most = max(most, loss)
            self.within.append((1, most, name[a], name[b]))
        return int(name[0])


class _Groups:
    """Joins laws to groups, in descending order of the density between them."""

    def __init__(
        self, laws: NormalLaws, rows: Float64s, weights: Float64s, rows_of: list[Ints]
    ) -> None:
        self._rows, self._weights, self._rows_of = rows, weights, rows_of
        self._tops, self._saddles = laws.saddles()
        widths, axes = np.linalg.eigh(laws.inverses)  # the first axis is the longest
        self._means, self._axes = laws.means, axes[:, :, 0]
        self._slim = widths[:, 1] / widths[:, 0] if widths.shape[1] > 1 else np.zeros(len(widths))
        self._sizes = [float(weights[own].sum()) for own in rows_of]
        self._laws = {k: [k] for k in range(len(rows_of))}
        self._dips = {(a, b): self._dip(a, b) for a in self._laws for b in self._laws if a < b}
        self._apart: dict[tuple[int, int], float] = {}
        self._arcs: set[int] = set()
        self.joined: list[Join] = []

    def join_all(self) -> None:
        """Join groups until all groups are separate."""
        while len(self._apart) < len(self._dips):
            pair = max(self._dips.keys() - self._apart.keys(), key=lambda each: self._dips[each])
            a, b = pair
            evidence, (alike, alpha) = self._evidence(a, b), self._limits(a, b)
            if self._dips[pair] < np.log(alike) and evidence < alpha:
                self._apart[pair] = evidence
                continue
            self.joined.append((a, b, evidence if self._dips[pair] < np.log(ALIKE) else 1.0))
            if self._is_chain(a, b) or b in self._arcs:
                self._arcs.add(a)
            self._laws[a] += self._laws.pop(b)
            self._rows_of[a] = np.concatenate([self._rows_of[a], self._rows_of[b]])
            changed = [each for each in self._dips if a in each or b in each]
            for each in changed:
                del self._dips[each]
                self._apart.pop(each, None)
            for c in self._laws.keys() - {a}:
                low, high = sorted((a, c))
                self._dips[low, high] = self._dip(low, high)

    def tree_of_apart(self) -> list[Join]:
        """Return the joins of all separate groups, with the weakest evidence first."""
        piece, joins = _Pieces(len(self._rows_of)), []
        for (a, b), evidence in sorted(
            self._apart.items(), key=lambda each: (-each[1], -self._dips[each[0]])
        ):
            low, high = piece.join(a, b)
            if low != high:
                joins.append((a, b, evidence))
        return joins

    def _limits(self, a: int, b: int) -> tuple[float, float]:
        """Return the limits of the density and of `valley` below which two groups are separate."""
        if not self._arcs.isdisjoint((a, b)):
            return ALIKE_ARC, ALPHA_BENT
        if self._is_bent(a) or self._is_bent(b):
            return ALIKE_BENT, ALPHA_BENT
        return (ALIKE_CHAIN, ALPHA_CHAIN) if self._is_chain(a, b) else (ALIKE, ALPHA_LAWS)

    def _is_bent(self, group: int) -> bool:
        """Return whether a group has several laws, and none of them has most rows of the group."""
        most = self._sizes[self._main(group)]
        return most < MAIN_SHARE * self._weights[self._rows_of[group]].sum()

    def _main(self, group: int) -> int:
        """Return the law of a group with the most rows."""
        return max(self._laws[group], key=lambda law: self._sizes[law])

    def _is_chain(self, a: int, b: int) -> bool:
        """Return whether two long laws meet at their ends, at an angle, as two parts of an arc."""
        a, b = self._main(a), self._main(b)
        line = self._means[b] - self._means[a]
        far = max(float(np.linalg.norm(line)), np.finfo(float).tiny)
        are_long = min(self._slim[a], self._slim[b]) > SLIM
        are_ends = np.abs(self._axes[[a, b]] @ line).min() > ENDS * far
        is_bend = abs(self._axes[a] @ self._axes[b]) < STRAIGHT
        return bool(are_long and are_ends and is_bend)

    def _dip(self, a: int, b: int) -> float:
        """Return the logarithm of the density between two groups, relative to their middles."""
        a_laws, b_laws = self._laws[a], self._laws[b]
        lower = min(self._tops[a_laws].max(), self._tops[b_laws].max())
        return float(self._saddles[np.ix_(a_laws, b_laws)].max() - lower)

    def _evidence(self, a: int, b: int) -> float:
        """Return the result of `valley` along a line between two groups."""
        own = self._rows_of[a], self._rows_of[b]
        found = along_line(
            (self._rows[own[0]], self._rows[own[1]]), (self._weights[own[0]], self._weights[own[1]])
        )
        if found is None:
            return 1.0
        (low, high), (low_weights, high_weights), unit = found
        return valley(low, low_weights, high, high_weights, unit, shallow=1.0)
