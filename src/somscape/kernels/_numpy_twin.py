"""The kernels in NumPy: where no core is built, and a second opinion in tests.

`search` and `sums` do the core's arithmetic in the core's order and agree with it bit for bit;
`smooth` and `stepwise` agree to rounding, 1e-12 relative in float64 and 1e-4 in float32.
"""

import numpy as np

from somscape._elementary import exp
from somscape._types import Float64s, Floats, Ints
from somscape.grid import Lattice, NeighborhoodTables

MAX_BEST = 16

BLOCK_VALUES = 1 << 16
"""Distances held at once: 512 KiB in float64, so that they stay in the processor's cache."""


class NumpyKernels:
    """The NumPy twin; see ``Kernels`` for what each function promises."""

    name = "numpy"

    def search(self, rows: Floats, codebook: Floats, k: int = 1) -> tuple[Ints, Float64s]:
        """Return the `k` nearest units of each row and their distances."""
        if not 1 <= k <= min(MAX_BEST, len(codebook)):
            raise ValueError(f"k must be in 1..min({MAX_BEST}, units); got {k}")
        units = np.empty((len(rows), k), dtype=np.int64)
        distances = np.empty((len(rows), k))
        step = max(1, BLOCK_VALUES // len(codebook))
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            with np.errstate(over="ignore"):
                sq = _distances_sq(block[:, None, :], codebook[None, :, :])
            if k == 1:
                found = sq.argmin(axis=1)[:, None]
            else:
                found = np.argsort(sq, axis=1, kind="stable")[:, :k]
            # Float's choice, but distances in double: the order among the k may change.
            exact = _distances_sq(
                block.astype(np.float64)[:, None, :], codebook[found].astype(np.float64)
            )
            order = np.argsort(exact, axis=1, kind="stable")
            units[start : start + step] = np.take_along_axis(found, order, axis=1)
            distances[start : start + step] = np.sqrt(np.take_along_axis(exact, order, axis=1))
        return units, distances

    def sums(
        self,
        rows: Floats,
        units: Ints,
        weights: Float64s | None,
        center: Float64s,
        scale: Float64s,
        weight_scale: float,
        counts: Ints,
        totals: Ints,
    ) -> None:
        """Add each row to its unit, in fixed point."""
        values = (rows.astype(np.float64) - center) * scale
        if weights is None:
            np.add.at(counts, units, int(weight_scale))
            np.add.at(totals, units, np.rint(values).astype(np.int64))
            return
        np.add.at(counts, units, np.rint(weights * weight_scale).astype(np.int64))
        times = np.rint(weights)
        is_whole = (times == weights)[:, None]
        # Values that only their weight makes small enough for an integer are left out of the cast.
        whole_values = np.rint(np.where(is_whole, values, 0.0)).astype(np.int64)
        scaled = np.rint(np.where(is_whole, 0.0, weights[:, None] * values)).astype(np.int64)
        np.add.at(totals, units, times.astype(np.int64)[:, None] * whole_values + scaled)

    def smooth(self, sums: Float64s, tables: NeighborhoodTables) -> Float64s:
        """Return the neighborhood-weighted sums of every unit."""
        n_cols = sums.shape[1]
        offset = np.arange(n_cols)[:, None] - np.arange(n_cols)[None, :] + n_cols - 1
        out = np.zeros_like(sums)
        for which, taps in enumerate(tables.col_kernel):
            along_columns = np.einsum("ab,rbf->raf", taps[offset], sums)
            row_weight = np.where(tables.kernel == which, tables.row_weight, 0.0)
            out += np.einsum("rs,scf->rcf", row_weight, along_columns)
        return out

    def stepwise(
        self,
        rows: Floats,
        order: Ints,
        rates: Float64s,
        radii: Float64s,
        lattice: Lattice,
        neighborhood: str,
        codebook: Floats,
    ) -> float:
        """Apply the online rule for each row in `order`."""
        total = 0.0
        for row, rate, radius in zip(order, rates, radii, strict=True):
            sq = ((rows[row] - codebook) ** 2).sum(axis=1)
            winner = int(sq.argmin())
            total += float(np.sqrt(sq[winner]))
            distance = lattice.distances_from(winner)
            if neighborhood == "bubble":
                pull = (distance**2 <= float(radius) * float(radius) + 1e-9).astype(np.float64)
            else:
                with np.errstate(over="ignore"):
                    pull = exp(-0.5 * (distance / radius) ** 2)
            codebook += (rate * pull).astype(codebook.dtype)[:, None] * (rows[row] - codebook)
        return total


def _distances_sq(a: Floats, b: Floats) -> Floats:
    """Sum squared differences over the last axis, feature after feature."""
    total = np.zeros(np.broadcast_shapes(a.shape[:-1], b.shape[:-1]), dtype=a.dtype)
    for f in range(a.shape[-1]):
        difference = a[..., f] - b[..., f]
        total += difference * difference
    return total
