"""Typed functions that call the compiled core, and the number of processors it can use."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

import somscape.kernels._core as _core  # exists if a compiler built it
from somscape._types import Float64s, Floats, Ints
from somscape.grid._neighborhood import NEIGHBORHOODS, NeighborhoodTables, check_pull
from somscape.grid.lattice import Lattice
from somscape.kernels._kernels import (
    METRICS,
    MINISOM_DISTANCES,
    ClassedRows,
    MarginSteps,
    MiniSomSteps,
    OnlineSteps,
)
from somscape.kernels._sparse import Rows, SparseRows


def processors_by_quota(root: Path = Path("/")) -> int | None:
    """Return the number of processors that Linux control groups allow, or None without a limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    shares = [share for line in lines for share in _shares(root / "sys/fs/cgroup", line)]
    return max(1, math.ceil(min(shares))) if shares else None


def _shares(mounted: Path, line: str) -> Iterator[float]:
    """Yield the processor quotas of a Linux control group and of its parent groups."""
    _, controllers, place = line.split(":", 2)
    if controllers and "cpu" not in controllers.split(","):
        return
    top = mounted / "cpu" if controllers else mounted
    group = top / place.lstrip("/")  # in a container, this may be the name of `top` on the host
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):
            quota, period = _quota(folder, is_old=bool(controllers))
            if quota > 0 and period > 0:
                yield quota / period
        if folder == top:
            return


def _quota(folder: Path, *, is_old: bool) -> tuple[int, int]:
    """Return quota and period in microseconds. An unlimited quota is -1 or raises ValueError."""
    if is_old:
        names = "cpu.cfs_quota_us", "cpu.cfs_period_us"
        quota, period = ((folder / name).read_text() for name in names)
    else:
        quota, period = (folder / "cpu.max").read_text().split()
    return int(quota), int(period)


class CoreKernels:
    """The compiled core. `NumpyKernels` documents the functions."""

    def __init__(self) -> None:
        n = processors_by_quota()
        if n is not None:
            _core.allow_processors(n)

    @property
    def name(self) -> str:
        """Name of the kernels, with their instruction set, such as ``"core/avx512"``."""
        return f"core/{_core.instruction_set()}"

    @property
    def n_threads(self) -> int:
        """Maximum number of threads, by OMP_NUM_THREADS, threadpoolctl and the processor quota."""
        return int(_core.n_threads())

    def search(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        feature_weights: Float64s | None = None,
        metric: str = "euclidean",
        has_missing: bool = False,
        out: tuple[Ints, Float64s] | None = None,
    ) -> tuple[Ints, Float64s]:
        """Return two values (n, k): the `k` nearest units of each row, and their distances."""
        shape = (len(rows), k)
        units, distances = out or (np.empty(shape, dtype=np.int64), np.empty(shape))
        which = METRICS.index(metric)
        codebook = codebook.astype(np.float64, copy=False)
        if isinstance(rows, SparseRows):
            stored = (rows.begin, rows.features, rows.values)
            _core.search_sparse(*stored, codebook, which, units, distances)
        else:
            given = (rows, codebook, order, feature_weights, which)
            _core.search(*given, has_missing, False, units, distances)
        return units, distances

    def winners(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        one_thread: bool = False,
    ) -> Ints:
        """Return the `k` nearest units of each row, without their distances."""
        if isinstance(rows, SparseRows):
            return self.search(rows, codebook, k)[0]
        codebook = codebook.astype(np.float64, copy=False)
        units = np.empty((len(rows), k), dtype=np.int64)
        _core.search(rows, codebook, order, None, 0, False, one_thread, units, None)
        return units

    def mean_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> Float64s:
        """Return, for each row, the mean of the distances to its `k` nearest units."""
        means = np.empty(len(rows))
        _core.mean_of_nearest(rows, codebook.astype(np.float64, copy=False), k, means, None)
        return means

    def parts_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> tuple[Float64s, Float64s]:
        """Return the mean distance of rows to their `k` nearest units, and each feature's part."""
        means, parts = np.empty(len(rows)), np.empty(rows.shape)
        _core.mean_of_nearest(rows, codebook.astype(np.float64, copy=False), k, means, parts)
        return means, parts

    def sum_of_lines(self, rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
        """Return, for each row, the sum of piecewise linear functions of its features."""
        sums = np.empty(len(rows))
        _core.sum_of_lines(rows, features, x, y, sums)
        return sums

    def sums(
        self,
        rows: Rows,
        units: Ints,
        weights: Float64s | None,
        center: Float64s,
        scale: Float64s,
        weight_scale: float,
        counts: Ints,
        totals: Ints,
        distances: Float64s | None = None,
        error_scale: float = 1.0,
    ) -> int:
        """Add each row to `totals` and `counts` at its unit. Return the sum of the distances."""
        error: int
        if isinstance(rows, SparseRows):
            error = _core.sums_sparse(
                *(rows.begin, rows.features, rows.values, units, weights, distances),
                *(scale, weight_scale, error_scale, counts, totals),
            )
        else:
            error = _core.sums(
                *(rows, units, weights, distances, center),
                *(scale, weight_scale, error_scale, counts, totals),
            )
        return error

    def smooth(
        self,
        totals: Ints,
        counts: Ints,
        scale: Float64s,
        weight_scale: float,
        center: Float64s,
        tables: NeighborhoodTables,
        codebook: Float64s,
    ) -> tuple[Float64s, float]:
        """Return the next codebook, and the largest distance that a prototype moved."""
        out = np.empty_like(codebook)
        given = totals, counts, scale, weight_scale, center
        step: float = _core.smooth(*given, *tables, codebook, out)
        return out, step

    def stepwise(
        self, rows: Floats, steps: OnlineSteps, lattice: Lattice, pull: str, codebook: Floats
    ) -> float:
        """Train `codebook` by the online rule, with one step for each row in `steps.order`."""
        check_pull(lattice, pull)
        shape = lattice.n_rows, lattice.n_cols, lattice.is_hexagonal
        wraps, table = (lattice.wraps_rows, lattice.wraps_cols), lattice.distance_table
        which = NEIGHBORHOODS.index(pull)
        total: float = _core.stepwise(rows, *steps, *shape, *wraps, table, which, codebook)
        return total

    def margin_steps(
        self, known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats
    ) -> None:
        """Apply the margin rule."""
        _core.margin_steps(*known, *steps, prototypes, axes)

    def minisom_winners(self, rows: Float64s, codebook: Float64s, distance: str) -> Ints:
        """Return, for each row, the unit that MiniSom would choose as the winner."""
        units = np.empty(len(rows), dtype=np.int64)
        _core.minisom_winners(rows, codebook, MINISOM_DISTANCES.index(distance), units)
        return units

    def minisom_steps(
        self,
        rows: Float64s,
        steps: MiniSomSteps,
        codebook: Float64s,
        *,
        given: Ints | None,
        is_hexagonal: bool,
        distance: str,
    ) -> None:
        """Apply MiniSom's online rule."""
        order, *by_step = steps
        which = MINISOM_DISTANCES.index(distance)
        _core.minisom_steps(rows, order, given, *by_step, is_hexagonal, which, codebook)
