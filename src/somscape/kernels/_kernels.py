"""The types that all kernels (core, NumPy and devices) share."""

from typing import NamedTuple

from somscape._types import Float64s, Floats, Ints

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
