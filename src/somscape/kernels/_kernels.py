"""The interface of all kernels (core, NumPy and devices), and the types they share."""

from typing import NamedTuple, Protocol

from somscape._types import Float64s, Floats, Ints
from somscape.grid._neighborhood import NeighborhoodTables
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import Rows

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
MAX_BEST = 16


class ClassedRows(NamedTuple):
    """Training rows with their classes, and the range of units that belong to each class.

    Attributes
    ----------
    rows : ndarray of shape (n, d), float32
        Rows with at most 128 features.
    classes : ndarray of shape (n,)
        Class of each row, from 0.
    weights : ndarray of shape (n,), float64
        Weight of each row, above 0.
    first_units : ndarray of shape (n_classes + 1,)
        The units ``first_units[c]`` to ``first_units[c + 1] - 1`` belong to class `c`.
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
        Numbers of the rows, in the order in which the steps use them.
    batch : int
        Number of rows that one step uses, at most 128.  The last step can use fewer rows.
    lengths : ndarray of shape (n_steps, 2), float64
        Distance that each step moves a value if its slope is constant.  Column 0 is for prototypes,
        and column 1 is for axes (as a share of their largest entry).
    n_before : int
        Number of earlier steps.
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
    """Kernels, which take C-contiguous arrays of one float type.

    The codebook can be float32 or float64.  If the codebook is float64 and the rows are float32,
    the codebook is not rounded.  For `search`, `winners` and `sums`, rows can also be sparse or on
    a device.  If rows are on a device, results are a `DeviceArray`.
    """

    @property
    def name(self) -> str:
        """Name of the kernels, such as ``"core/avx512"`` or ``"numpy"``."""

    @property
    def n_threads(self) -> int:
        """Maximum number of threads that the kernels use, which is 1 for the NumPy kernels."""

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

    def winners(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        one_thread: bool = False,
    ) -> Ints:
        """Return the `k` nearest units of each row by Euclidean distance, without the distances."""

    def mean_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> Float64s:
        """Return, for each row, the mean of the Euclidean distances to its `k` nearest units."""

    def parts_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> tuple[Float64s, Float64s]:
        """Return the mean distance of rows to their `k` nearest units, and each feature's part."""

    def sum_of_lines(self, rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
        """Return, for each row, the sum of piecewise linear functions of its features."""

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

    def stepwise(
        self, rows: Floats, steps: OnlineSteps, lattice: Lattice, pull: str, codebook: Floats
    ) -> float:
        """Apply the online rule, step by step."""

    def margin_steps(
        self, known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats
    ) -> None:
        """Change the prototypes and axes of a classifier by steps of the margin rule."""


MINISOM_DISTANCES = ("euclidean", "cosine", "manhattan", "chebyshev", "signed_chebyshev")
"""Names of MiniSom's distances, in the order of the C++ enumeration in core/kernels.hpp."""


class MiniSomSteps(NamedTuple):
    """Steps of online training by MiniSom's rule, with the learning rate of each step.

    In a step, the unit at (x, y) moves towards the row by the share ``rate * h`` of their
    difference.  The factor ``h`` is the sum over terms of
    ``along_x[x offset] * along_y[y offset]``, with the offsets of the unit from the winner.

    Attributes
    ----------
    order : ndarray of shape (n_steps,)
        Numbers of the rows, in the order in which the steps use them.
    rates : ndarray of shape (n_steps,), float64
    windows : ndarray of shape (n_steps,), float64, or None
        Units whose offset from the winner along an axis is at least this large do not move.
    along_x : ndarray of shape (n_steps, n_terms, n_x or 2 * n_x), float64
        Factors of `h` by offset along x.  On hexagonal maps, offsets count half grid steps.
    along_y : ndarray of shape (n_steps, n_terms, n_y), float64
    """

    order: Ints
    rates: Float64s
    windows: Float64s | None
    along_x: Float64s
    along_y: Float64s
