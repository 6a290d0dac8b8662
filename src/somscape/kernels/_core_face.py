"""The typed face of the compiled core: makes the outputs, passes arrays on."""

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.grid import Lattice, NeighborhoodTables
from somscape.kernels import _core  # type: ignore[attr-defined]  # built, where it is


class CoreKernels:
    """The compiled core; see ``Kernels`` for what each function promises."""

    @property
    def name(self) -> str:
        """Which instruction set runs, such as ``"core/avx512"``."""
        return f"core/{_core.instruction_set()}"

    def search(self, rows: Floats, codebook: Floats, k: int = 1) -> tuple[Ints, Float64s]:
        """Return the `k` nearest units of each row and their distances."""
        units = np.empty((len(rows), k), dtype=np.int64)
        distances = np.empty((len(rows), k))
        _core.search(rows, codebook, units, distances)
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
        _core.sums(rows, units, weights, center, scale, weight_scale, counts, totals)

    def smooth(self, sums: Float64s, tables: NeighborhoodTables) -> Float64s:
        """Return the neighborhood-weighted sums of every unit."""
        out = np.empty_like(sums)
        _core.smooth(sums, tables.row_weight, tables.kernel, tables.col_kernel, out)
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
        total: float = _core.stepwise(
            rows,
            order,
            rates,
            radii,
            lattice.n_rows,
            lattice.n_cols,
            lattice.is_hexagonal,
            lattice.is_torus,
            neighborhood == "bubble",
            codebook,
        )
        return total
