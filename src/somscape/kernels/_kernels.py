"""The contract of all kernels, and what the kernels share."""

from typing import NamedTuple, Protocol

from somscape._types import Float64s, Floats, Ints
from somscape.grid._neighborhood import NeighborhoodTables
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import Rows

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
MAX_BEST = 16


class ClassedRows(NamedTuple):
    """Rows of known class, and which units are of a class.

    Attributes
    ----------
    rows : ndarray of shape (n, d), float32
        At most 128 features.
    classes : ndarray of shape (n,)
        From 0.
    weights : ndarray of shape (n,), float64
        Above 0.
    first_units : ndarray of shape (n_classes + 1,)
        Class `c` has the units from ``first_units[c]`` up to ``first_units[c + 1]``.
    """

    rows: Floats
    classes: Ints
    weights: Float64s
    first_units: Ints


class MarginSteps(NamedTuple):
    """Steps of the margin rule.

    Attributes
    ----------
    order : ndarray of shape (n,)
        Rows to present.
    batch : int
        Rows of a step, at most 128; the last may have fewer.
    lengths : ndarray of shape (n_steps, 2), float64
        How far a value moves where its slope is steady: of prototypes, and of axes as a share of
        their largest entry.
    n_before : int
        Steps that were taken before.
    """

    order: Ints
    batch: int
    lengths: Float64s
    n_before: int


class OnlineSteps(NamedTuple):
    """Steps of online training.

    Attributes
    ----------
    order : ndarray of shape (n_steps,), int64
        Row of each step.
    rates, radii : ndarray of shape (n_steps,), float64
        Learning rate and radius of each step.
    """

    order: Ints
    rates: Float64s
    radii: Float64s


class Kernels(Protocol):
    """Kernels over C-contiguous arrays of one float type.

    A search takes a codebook of either type: float64 prototypes are not rounded for float32 rows.
    Rows may also be sparse for `search`, `winners` and `sums`, or lie on a device: what is found
    for each of them then lies there, too, as a `DeviceArray`.
    """

    @property
    def name(self) -> str:
        """Which path runs, such as ``"core/avx512"`` or ``"numpy"``."""

    @property
    def n_threads(self) -> int:
        """How many threads may work at once; 1 for the twin."""

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
        """Return the `k` nearest units of each row and their distances."""

    def winners(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        one_thread: bool = False,
    ) -> Ints:
        """Return the units of a Euclidean `search`, faster, as no distances are computed."""

    def mean_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> Float64s:
        """Return the mean Euclidean distance of each row to its `k` nearest units."""

    def parts_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> tuple[Float64s, Float64s]:
        """Return that mean distance, and what each feature adds to the distances."""

    def sum_of_lines(self, rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
        """Return the sum of a piecewise linear function of each feature."""

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
        """Add each row to its unit, in fixed point, and return the sum of the distances."""

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
        """Return the neighborhood mean of the rows won: the next codebook."""

    def stepwise(
        self, rows: Floats, steps: OnlineSteps, lattice: Lattice, pull: str, codebook: Floats
    ) -> float:
        """Apply the online rule, step by step."""

    def margin_steps(
        self, known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats
    ) -> None:
        """Apply the margin rule: steps of prototypes and axes down its cost."""


MINISOM_DISTANCES = ("euclidean", "cosine", "manhattan", "chebyshev", "signed_chebyshev")
"""In the order of `MiniSomDistance` in core/kernels.hpp."""


class MiniSomSteps(NamedTuple):
    """Steps of MiniSom's online rule, and how strongly each pulls.

    The unit at (x, y) moves by ``rate * h`` of its difference to the row, where ``h`` is the sum
    over terms of ``along_x[x offset] * along_y[y offset]`` from the winner.

    Attributes
    ----------
    order : ndarray of shape (n_steps,)
        Rows to present.
    rates : ndarray of shape (n_steps,), float64
    windows : ndarray of shape (n_steps,), float64, or None
        Units this far or further along an axis are not pulled.
    along_x : ndarray of shape (n_steps, n_terms, n_x or 2 * n_x), float64
        By offset, on hexagons in half steps.
    along_y : ndarray of shape (n_steps, n_terms, n_y), float64
    """

    order: Ints
    rates: Float64s
    windows: Float64s | None
    along_x: Float64s
    along_y: Float64s
