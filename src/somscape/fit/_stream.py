"""Running sums, for data that arrives in pieces.

Stochastic EM (Cappe and Moulines 2009): running sums fade, the sums of a batch are added, and the
codebook is their neighborhood mean.  Without fading and with one batch of all rows, this is the
batch rule.  Sums are floats here, relative to a fixed center, as the range of a stream is not known
in advance.
"""

from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Ints
from somscape.fit._epoch import EpochSums
from somscape.fit._fixed_point import power_of_two
from somscape.fit._passes import epoch_sums
from somscape.fit._problem import Problem, prepare
from somscape.fit._radii import last_radius
from somscape.grid import NeighborhoodTables
from somscape.kernels import Kernels, Rows, SparseRows, select_kernels
from somscape.maps import Map

TOTAL_BITS = 60
"""Running sums of a feature stay below 2^60 over all units when the next codebook is computed."""

MAX_HISTORY = 10_000
"""Most entries of a stream's history."""


@dataclass(frozen=True, eq=False)
class RunningSums:
    """Sums of the rows won by each unit, possibly faded.

    Attributes
    ----------
    counts : ndarray of shape (n_units,)
        Weight won.
    totals : ndarray of shape (n_units, n_features)
        Weighted sums of the rows minus `center`.
    center : ndarray of shape (n_features,)
    seen : ndarray of shape (n_units, n_features) or None
        Weight of the present values, if some were missing.
    """

    counts: Float64s
    totals: Float64s
    center: Float64s
    seen: Float64s | None = None

    @classmethod
    def of(cls, problem: Problem, sums: EpochSums, center: Float64s | None = None) -> "RunningSums":
        """Return the sums of an epoch or a batch."""
        counts = sums.counts / problem.weight_scale
        totals = sums.totals / problem.scale
        seen = None if sums.seen is None else sums.seen / problem.seen_scale
        if center is None:
            return cls(counts, totals, problem.center, seen)
        weight = counts[:, None] if seen is None else seen
        return cls(counts, totals + weight * (problem.center - center), center, seen)

    @classmethod
    def at(cls, map_: Map) -> "RunningSums":
        """Return sums for a map that kept none: its hits, at their prototypes."""
        codebook = np.asarray(map_.metric.compared(map_.codebook))
        center = codebook.mean(axis=0)
        return cls(map_.hits, map_.hits[:, None] * (codebook - center), center)

    def faded(self, share: float) -> "RunningSums":
        """Return the sums multiplied by a share."""
        seen = None if self.seen is None else share * self.seen
        return RunningSums(share * self.counts, share * self.totals, self.center, seen)

    def plus(self, other: "RunningSums") -> "RunningSums":
        """Return the sum with others around the same center."""
        seen = None
        if self.seen is not None or other.seen is not None:
            seen = self.weight_by_feature() + other.weight_by_feature()
        counts, totals = self.counts + other.counts, self.totals + other.totals
        return RunningSums(counts, totals, self.center, seen)

    def weight_by_feature(self) -> Float64s:
        """Return the weight of present values, of shape (n_units, n_features)."""
        if self.seen is not None:
            return self.seen
        return np.broadcast_to(self.counts[:, None], self.totals.shape)

    def means(self, kernels: Kernels, tables: NeighborhoodTables, codebook: Float64s) -> Float64s:
        """Return the neighborhood means: the next codebook."""
        whole, scale = _whole(self.totals)
        counts, count_scale = _whole(self.counts[:, None])
        updated, _ = kernels.smooth(
            whole, counts[:, 0].copy(), scale, float(count_scale[0]), self.center, tables, codebook
        )
        if self.seen is None:
            return updated
        seen, seen_scale = _whole(self.seen)
        nothing, ones = np.zeros(len(self.center)), np.ones(codebook.shape)
        share, _ = kernels.smooth(
            seen, counts[:, 0].copy(), seen_scale, float(count_scale[0]), nothing, tables, ones
        )
        means = self.center + (updated - self.center) / np.where(share > 0, share, 1.0)
        return np.where(share > 0, means, codebook)


def _whole(values: Float64s) -> tuple[np.ndarray, Float64s]:
    """Return values as integers, whose sum by column stays below 2^60, and their scale."""
    scale = power_of_two(TOTAL_BITS, np.abs(values).sum(axis=0))
    return np.rint(values * scale).astype(np.int64), scale


@dataclass(frozen=True, eq=False)
class Step:
    """A map after an update with more rows.

    Attributes
    ----------
    map_ : Map
    sums : RunningSums
        Sums of all rows so far.
    units : ndarray of shape (n_samples,)
        Best matching unit of each new row, before the step.
    share : float
        Factor by which the weight of earlier rows fell.
    """

    map_: Map
    sums: RunningSums
    units: Ints
    share: float


def go_on(
    map_: Map,
    rows: Rows,
    weights: Float64s | None,
    sums: RunningSums | None,
    half_life: float | None,
) -> Step:
    """Update a map with more rows, at the last radius of its training."""
    metric, kernels, parameters = map_.metric, select_kernels(), map_.parameters
    units = map_.winners_of_rows(rows)
    is_used = units >= 0 if weights is None else (units >= 0) & (weights > 0)
    if not is_used.all():
        kept = np.flatnonzero(is_used)
        rows = rows.take(kept) if isinstance(rows, SparseRows) else rows[kept]
        weights = None if weights is None else weights[kept]
    if not len(rows):
        empty = RunningSums.at(map_) if sums is None else sums
        return Step(map_, empty, units, 1.0)
    codebook = np.asarray(metric.compared(map_.codebook))
    problem = prepare(
        metric.trained_on(rows),
        weights,
        neighborhood=parameters.get("neighborhood", "gaussian"),
        kernels=kernels,
        reach=codebook,
        metric=metric,
    ).on(map_.lattice)
    before = RunningSums.at(map_) if sums is None else sums
    share = 1.0 if half_life is None else 0.5 ** (problem.total_weight / half_life)
    batch = epoch_sums(problem, codebook)
    now = before.faded(share).plus(RunningSums.of(problem, batch, before.center))
    radius = last_radius(map_)
    updated = now.means(kernels, problem.pulls.tables(radius), codebook)
    moved = float(np.sqrt(((updated - codebook) ** 2).sum(axis=1)).max())
    error = batch.error / problem.error_scale / problem.total_weight
    steps = map_.history.get("step", np.zeros(1))
    entry = {
        "step": float(steps[-1]) + 1.0,
        "radius": radius,
        "quantization_error": error,
        "movement": moved / parameters.get("spread", 1.0),
        "n_units": float(map_.n_units),
        "n_samples": float(len(problem.rows)),
    }
    history = {n: np.append(map_.history.get(n, []), value) for n, value in entry.items()}
    hits = share * map_.hits + np.bincount(
        units[is_used], None if weights is None else weights, minlength=map_.n_units
    )
    gone_on = replace(
        map_,
        codebook=metric.restored(updated),
        hits=hits,
        history={n: values[-MAX_HISTORY:] for n, values in history.items()},
        told=None,
    )
    return Step(gone_on, now, units, share)
