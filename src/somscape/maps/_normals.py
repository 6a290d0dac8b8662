"""Groups that touch.  A part of a map is split if normal laws explain its rows, and if the rows are
fewer between the laws than inside."""

from dataclasses import dataclass

import numpy as np

from somscape._types import Float64s, Ints

MIN_ROWS = 40
"""Minimum number of rows in a part that is examined."""

ROWS_PER_COLUMN, MAX_COLUMNS = 15, 8
"""A part with n rows is examined in its n / 15 main directions, but in at least 2 and at most 8
directions."""

ROWS_PER_LAW, MAX_LAWS = 8, 40
"""Number of rows for each law at the start, and maximum number of laws."""

COVARIANCE_COST = 0.35
"""Share of the parameters of a covariance matrix that counts, because covariances are shrunk."""

GAIN = 12.0
"""Minimum advantage of several laws over one law, on the scale of Schwarz's criterion."""

STRAY = 1e-3
"""Share of rows that are expected anywhere between the limits of the part."""

N_ROUNDS = 12
"""Number of rounds in which laws are fitted."""


class Blocks:
    """The rows of each unit, as numbers, means and sums of squares.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    unit : ndarray of shape (n,)
        Number of the unit of each row, from 0.
    weights : ndarray of shape (n,)
    """

    def __init__(self, rows: Float64s, unit: Ints, weights: Float64s) -> None:
        n_units, (_, d) = int(unit.max()) + 1, rows.shape
        self.counts = np.bincount(unit, weights, n_units)
        sums = [np.bincount(unit, weights * column, n_units) for column in rows.T]
        self.means = np.stack(sums, axis=1) / self.counts[:, None]
        left = rows - self.means[unit]
        self.squares = np.empty((n_units, d, d))
        for i in range(d):
            for j in range(i, d):
                both = np.bincount(unit, weights * left[:, i] * left[:, j], n_units)
                self.squares[:, i, j] = self.squares[:, j, i] = both

    def moments(self, shares: Float64s) -> tuple[Float64s, Float64s, Float64s]:
        """Return numbers, means and sums of squares of groups with these shares of the units."""
        weights = shares * self.counts[:, None]
        counts = weights.sum(axis=0)
        means = weights.T @ self.means / counts[:, None]
        squares = np.tensordot(shares.T, self.squares, 1)
        for k, mean in enumerate(means):
            left = self.means - mean
            squares[k] += (left * weights[:, k, None]).T @ left
        return counts, means, squares


def _covariances(counts: Float64s, squares: Float64s, pooled: Float64s) -> Float64s:
    """Return covariances that are shrunk to the pooled covariance, as if by d + 1 more rows."""
    more = pooled.shape[0] + 1
    return np.asarray((squares + more * pooled) / (counts + more)[:, None, None])


def _pooled(counts: Float64s, squares: Float64s) -> Float64s:
    pooled = squares.sum(axis=0) / counts.sum()
    size = max(float(np.trace(pooled)) / len(pooled), np.finfo(float).tiny)
    return np.asarray(pooled + 1e-6 * size * np.eye(len(pooled)))


def partitions(blocks: Blocks, label: Ints) -> dict[int, Ints]:
    """Return partitions of the units into fewer and fewer groups by the likelihood of the rows."""
    counts, means, squares = blocks.moments(np.eye(int(label.max()) + 1)[label])
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
    for n in range(k - 1, 0, -1):
        i, j = divmod(int(rise.argmin()), k)
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
    return found


@dataclass(frozen=True, eq=False)
class Laws:
    """Normal laws of some groups.

    Attributes
    ----------
    means : ndarray of shape (k, d)
    inverses : ndarray of shape (k, d, d)
        Inverse covariances.
    heights : ndarray of shape (k,)
        Logarithm of each law's share times its density at the mean.
    label : ndarray of shape (n_units,)
        Best law of each unit.
    criterion : float
        Schwarz's criterion, higher is better.
    """

    means: Float64s
    inverses: Float64s
    heights: Float64s
    label: Ints
    criterion: float

    def density(self, places: Float64s) -> Float64s:
        """Return the logarithm of the density at some places."""
        logs = []
        for mean, inverse, height in zip(self.means, self.inverses, self.heights, strict=True):
            left = places - mean
            logs.append(height - ((left @ inverse) * left).sum(axis=-1) / 2)
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


def fit_laws(blocks: Blocks, label: Ints) -> Laws | None:
    """Fit normal laws by expectation and maximization, from a partition of the units.

    All rows of a unit have the same shares (Verbeek, Nunnink and Vlassis 2006).
    """
    shares, (n_units, d) = np.eye(int(label.max()) + 1)[label], blocks.means.shape
    center = np.average(blocks.means, axis=0, weights=blocks.counts)
    width = np.ptp(blocks.means, axis=0) * 1.2
    usual = np.sqrt(np.average((blocks.means - center) ** 2, axis=0, weights=blocks.counts))
    stray = np.log(STRAY) - np.log(np.maximum(np.maximum(width, usual), 1e-12)).sum()
    total, flat = blocks.counts.sum(), blocks.squares.reshape(n_units, -1)
    for _ in range(N_ROUNDS):
        shares = shares[:, shares.T @ blocks.counts > max(4.0, d / 2)]
        if not shares.shape[1]:
            return None
        counts, means, squares = blocks.moments(shares)
        inverses = np.linalg.inv(_covariances(counts, squares, _pooled(counts, squares)))
        sizes = np.linalg.slogdet(inverses)[1]
        heights = np.log(counts / total) + (sizes - d * np.log(2 * np.pi)) / 2
        left = blocks.means[None] - means[:, None]
        far = ((left @ inverses) * left).sum(axis=2).T
        far += flat @ inverses.reshape(len(means), -1).T / blocks.counts[:, None]
        fits = heights - far / 2
        whole = np.logaddexp(np.logaddexp.reduce(fits, axis=1), stray)[:, None]
        shares = np.exp(fits - whole)
    cost = len(means) * (1 + d + COVARIANCE_COST * d * (d + 1) / 2)
    criterion = 2 * float(whole[:, 0] @ blocks.counts) - np.log(total) * cost
    used, label = np.unique(fits.argmax(axis=1), return_inverse=True)
    return Laws(means[used], inverses[used], heights[used], label, float(criterion))


def best_laws(blocks: Blocks) -> Laws | None:
    """Return the laws with the best criterion, or None if one law is about as good."""
    from scipy.cluster.hierarchy import fcluster, linkage

    n = int(min(len(blocks.counts) / 2, blocks.counts.sum() / ROWS_PER_LAW, MAX_LAWS))
    if n < 2:
        return None
    found = partitions(blocks, fcluster(linkage(blocks.means, "ward"), n, "maxclust") - 1)
    fitted = [
        fit_laws(blocks, found[k])
        for k in found
        if k <= 8 or k % (k // 8 + 1) == 0 or k == max(found)
    ]
    laws = [each for each in fitted if each is not None]
    if not laws:
        return None
    best = max(laws, key=lambda each: each.criterion)
    one = max((each.criterion for each in laws if len(each.means) == 1), default=-np.inf)
    return best if len(best.means) > 1 and best.criterion > one + GAIN else None


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
    unit = WIDTH * float(min(widths) or max(widths))
    return (
        [border - every[is_low], every[is_high] - border],
        [weight[is_low], weight[is_high]],
        unit,
    )


MIN_SIDE = 5
"""Minimum number of rows on each side of a border."""

WIDTH = 0.6
"""Width of a window for counting rows, as a share of the standard deviation of the narrower group
(estimated from its quartiles)."""
