"""The interface of all kernels, and their common types."""

from typing import NamedTuple, Protocol

from somscape._types import Float64s, Floats, Ints
from somscape.grid._neighborhood import NeighborhoodTables
from somscape.grid.lattice import Lattice
from somscape.kernels._sparse import Rows

METRICS = ("euclidean", "manhattan", "chebyshev", "cosine")
MAX_BEST = 16


class ClassedRows(NamedTuple):
    """Rows with their classes, and the units of each class.

    Attributes
    ----------
    rows : ndarray of shape (n, d), float32
        Rows with at most 128 features.
    classes : ndarray of shape (n,)
        Class of each row, from 0.
    weights : ndarray of shape (n,), float64
        Weight of each row, above 0.
    first_units : ndarray of shape (n_classes + 1,)
        The units of class `c` are ``first_units[c]`` to ``first_units[c + 1] - 1``.
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
        Number of rows of a step, at most 128.  The last step may have fewer rows.
    lengths : ndarray of shape (n_steps, 2), float64
        Length of each step if slopes are constant.  Column 0 is for prototypes, and column 1 is for
        axes (as a share of their largest entry).
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
    """Kernels for C-contiguous arrays of one float type.

    The codebook can be float32 or float64.  A float64 codebook is not rounded for float32 rows.
    For `search`, `winners` and `sums`, rows can also be sparse or on a device.  Results for rows on
    a device are a `DeviceArray`.
    """

    @property
    def name(self) -> str:
        """Name of the kernels, such as ``"core/avx512"`` or ``"numpy"``."""

    @property
    def n_threads(self) -> int:
        """Maximum number of threads, which is 1 for the NumPy twin."""

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
        """Return the same units as a Euclidean `search`, without distances."""

    def mean_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> Float64s:
        """Return the mean Euclidean distance of each row to its `k` nearest units."""

    def parts_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> tuple[Float64s, Float64s]:
        """Return the mean distance to the `k` nearest units, and the part of each feature."""

    def sum_of_lines(self, rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
        """Return the sum of piecewise linear functions of the features, for each row."""

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
        """Add rows to the totals of their units. Return the sum of distances."""

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
        """Return the next codebook, and the largest move of a prototype."""

    def stepwise(
        self, rows: Floats, steps: OnlineSteps, lattice: Lattice, pull: str, codebook: Floats
    ) -> float:
        """Apply the online rule, step by step."""

    def margin_steps(
        self, known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats
    ) -> None:
        """Move prototypes and axes by the margin rule."""


MINISOM_DISTANCES = ("euclidean", "cosine", "manhattan", "chebyshev", "signed_chebyshev")
"""Distances in the order of `MiniSomDistance` in core/kernels.hpp."""


class MiniSomSteps(NamedTuple):
    """Steps of MiniSom's online rule, with the strength of each step.

    The unit at (x, y) moves towards the row by the share ``rate * h`` of the difference.  The
    factor ``h`` is a sum of ``along_x[x offset] * along_y[y offset]`` over terms.  Offsets are from
    the winner.

    Attributes
    ----------
    order : ndarray of shape (n_steps,)
        Rows to present.
    rates : ndarray of shape (n_steps,), float64
    windows : ndarray of shape (n_steps,), float64, or None
        Units at this offset along an axis, or a larger offset, do not move.
    along_x : ndarray of shape (n_steps, n_terms, n_x or 2 * n_x), float64
        Factors by offset along x.  On hexagonal maps, offsets are in half units.
    along_y : ndarray of shape (n_steps, n_terms, n_y), float64
    """

    order: Ints
    rates: Float64s
    windows: Float64s | None
    along_x: Float64s
    along_y: Float64s
