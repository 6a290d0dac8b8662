"""Compute the tables of neighborhood weights that the training kernels use."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._elementary import exp
from somscape._types import Bools, Float64s
from somscape._validate import check_choice, check_number
from somscape.errors import ParameterError
from somscape.grid.lattice import Lattice

NEIGHBORHOODS = ("gaussian", "bubble", "cut_gaussian", "epanechnikov", "triangle")
"""Names of the neighborhoods, in the order of the C++ enumeration `Pulls` in core/kernels.hpp."""

SEPARABLE = ("gaussian", "triangle")
"""Neighborhoods whose weight is a product of a function of the row and one of the column."""

RADIUS_TOLERANCE = 1e-9
"""Relative tolerance for rounding errors, so that a bubble contains units at exactly its radius."""

MAX_TABLED = 1 << 20
"""Maximum number of weights that `Neighborhood.tabulate` stores (8 MiB)."""


class NeighborhoodTables(NamedTuple):
    """Tables from which the kernels compute the neighborhood weights at one radius.

    Attributes
    ----------
    row_weight : ndarray of shape (n_rows, n_rows)
        First factor of the neighborhood weight, for each target row and source row of the map.
    kernel : ndarray of shape (n_rows, n_rows), int32
        Number of the column kernel (row of `col_kernel`) for each target row and source row.
    col_kernel : ndarray of shape (n_kernels, 2 * n_cols - 1)
        Second factor of the weight, for each column offset from ``-(n_cols - 1)`` upward.
    """

    row_weight: Float64s
    kernel: NDArray[np.int32]
    col_kernel: Float64s


class _Offsets(NamedTuple):
    """Squared distances and shifts between the rows of a lattice, for any radius."""

    place: NDArray[np.intp]
    """Index of the row offset for each pair of rows, of shape (n_rows, n_rows).  The offset
    -(n_rows - 1) has the index 0."""
    row_sq: Float64s
    """Squared distance between two rows, for each row offset, of shape (2 n_rows - 1,)."""
    shift: NDArray[np.intp]
    """Shift of the target row against the source row in half steps, for each pair of rows."""
    squares: Float64s
    """The values of `row_sq`, followed by the squared column offsets for each shift."""


class Neighborhood:
    """Compute the neighborhood weights of a lattice for any radius.

    Parameters
    ----------
    lattice : Lattice
        The grid of units.
    kind : {"gaussian", "bubble", "cut_gaussian", "epanechnikov", "triangle"}
        Function of the map distance d.  The gaussian is ``exp(-d^2 / (2 radius^2))``.  The bubble
        is 1 if ``d <= radius`` and otherwise 0.  The cut gaussian equals the gaussian if
        ``d <= radius`` and otherwise 0.  Epanechnikov is ``max(0, 1 - d^2 / radius^2)``.  The
        triangle is ``max(0, radius - abs(dx)) * max(0, radius - abs(dy))`` for the distances dx and
        dy along the axes.  It needs a rectangular lattice.

    Raises
    ------
    ValueError
        If `kind` is "triangle" and the lattice is not rectangular.
    """

    def __init__(self, lattice: Lattice, kind: str) -> None:
        check_pull(lattice, kind)
        self._lattice, self._kind = lattice, kind
        self._known: dict[float, NeighborhoodTables] = {}

    def tabulate(self, radii: Sequence[float]) -> None:
        """Compute the gaussian weights for many radii, in little more time than for one radius."""
        if self._kind != "gaussian" or self._lattice.distance_table is not None:
            return
        rows = self._offsets
        n_values = len(rows.squares) + rows.place.size
        distinct = list(dict.fromkeys(radii))
        if len(distinct) * n_values <= MAX_TABLED:
            weights = _gaussian(rows.squares, np.array(distinct)[:, None])
            n = len(rows.row_sq)
            row_weight = np.take(weights, rows.place, axis=1)
            col_kernel = self._columns(np.ascontiguousarray(weights[:, n:]))
            self._known = {
                radius: NeighborhoodTables(by_row, self._kernel, by_column)
                for radius, by_row, by_column in zip(distinct, row_weight, col_kernel, strict=True)
            }

    def tables(self, radius: float) -> NeighborhoodTables:
        """Return the tables for one radius."""
        radius = float(radius)
        table = self._lattice.distance_table
        if table is not None:
            weights = PROFILES[self._kind](table**2, radius)
            return NeighborhoodTables(weights, np.zeros(table.shape, np.int32), np.ones((1, 1)))
        if radius in self._known:
            return self._known[radius]
        if self._kind not in SEPARABLE:
            return self._by_row_offset(radius)
        weights = PROFILES[self._kind](self._offsets.squares, radius)
        n = len(self._offsets.row_sq)
        row_weight = weights[:n][self._offsets.place]
        return NeighborhoodTables(row_weight, self._kernel, self._columns(weights[n:]))

    @cached_property
    def _offsets(self) -> _Offsets:
        lattice, n_rows = self._lattice, self._lattice.n_rows
        rows = np.arange(n_rows)
        by_offset = np.arange(-(n_rows - 1), n_rows)
        row_sq = (lattice.row_pitch * _wrap(by_offset, n_rows, lattice.wraps_rows)) ** 2
        place = rows[:, None] - rows[None, :] + n_rows - 1
        shift: NDArray[np.intp] = 0 * place
        if lattice.is_hexagonal:
            shift = (rows % 2)[:, None] - (rows % 2)[None, :]
        shifts = (0, 1, -1) if lattice.is_hexagonal else (0,)
        squares = np.concatenate([row_sq, *(self._column_sq(s) for s in shifts)])
        return _Offsets(place, row_sq, shift, squares)

    @cached_property
    def _kernel(self) -> NDArray[np.int32]:
        """Number of the column kernel for each pair of rows. Each shift of rows has one kernel."""
        return (self._offsets.shift % 3).astype(np.int32)

    def _columns(self, weights: Float64s) -> Float64s:
        """Return the column kernels, with a row of weights by column offset for each kernel."""
        return weights.reshape(*weights.shape[:-1], -1, 2 * self._lattice.n_cols - 1)

    def _by_row_offset(self, radius: float) -> NeighborhoodTables:
        """Return tables with a column kernel for each row offset (and shift) up to the radius."""
        rows, profile = self._offsets, PROFILES[self._kind]
        is_within = profile(rows.row_sq, radius) > 0
        # Kernels are stored by row offset and shift, because there are fewer than pairs of rows.
        is_hexagonal = self._lattice.is_hexagonal
        shift = np.array([0, 1, -1] if is_hexagonal else [0])
        offset = np.arange(len(rows.row_sq)) - (self._lattice.n_rows - 1)
        half_steps = offset % 2 if is_hexagonal else np.zeros_like(offset)
        occurs = is_within[:, None] & (half_steps[:, None] == abs(shift))
        pairs = np.stack(np.broadcast_arrays(rows.row_sq[:, None], shift), axis=-1)
        pairs[~occurs] = 0  # these pairs have weight 0, so any kernel is right
        distinct, kernel = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
        squares = [sq + self._column_sq(int(shift)) for sq, shift in distinct]
        by_offset = kernel.reshape(occurs.shape).astype(np.int32)
        return NeighborhoodTables(
            is_within[rows.place].astype(np.float64),
            by_offset[rows.place, rows.shift % len(shift)],
            np.array([profile(each, radius) for each in squares]),
        )

    def _column_sq(self, half_steps: int) -> Float64s:
        n_cols = self._lattice.n_cols
        columns = np.arange(-(n_cols - 1), n_cols)
        return _wrap(columns + 0.5 * half_steps, n_cols, self._lattice.wraps_cols) ** 2


def pull_from(lattice: Lattice, neighborhood: str, unit: int, radius: float) -> Float64s:
    """Return the neighborhood weight of every unit if `unit` is the winner."""
    check_pull(lattice, neighborhood)
    profile = PROFILES[neighborhood]
    if neighborhood == "triangle":
        by_axis = profile(lattice.offsets_from(unit) ** 2, radius)
        return np.asarray(by_axis[:, 0] * by_axis[:, 1])
    return profile(lattice.distances_from(unit) ** 2, radius)


def check_pull(lattice: Lattice, neighborhood: str) -> None:
    """Raise ValueError if the neighborhood function cannot be used on the lattice."""
    check_choice("neighborhood", neighborhood, NEIGHBORHOODS)
    if neighborhood == "triangle" and lattice.kind != "rectangular":
        raise ParameterError(
            f"The neighborhood {neighborhood!r} needs a rectangular lattice, but the lattice is "
            f"{lattice.kind}. Pass lattice='rectangular' or neighborhood='epanechnikov'.",
            parameter="neighborhood",
            value=neighborhood,
        )


def _wrap(offset: NDArray[np.generic], period: int, is_wrapped: bool) -> Float64s:
    length = np.abs(offset).astype(np.float64)
    return np.abs(np.minimum(length, period - length)) if is_wrapped else length


def _gaussian(distance_sq: Float64s, radius: Float64s | float) -> Float64s:
    with np.errstate(over="ignore"):  # divide twice, because the squared radius may underflow
        return exp(-0.5 * (distance_sq / radius) / radius)


def _is_within(distance_sq: Float64s, radius: float) -> Bools:
    return np.asarray(distance_sq <= radius * radius + RADIUS_TOLERANCE)


def _bubble(distance_sq: Float64s, radius: float) -> Float64s:
    return _is_within(distance_sq, radius).astype(np.float64)


def _cut_gaussian(distance_sq: Float64s, radius: float) -> Float64s:
    return np.where(_is_within(distance_sq, radius), _gaussian(distance_sq, radius), 0.0)


def _epanechnikov(distance_sq: Float64s, radius: float) -> Float64s:
    with np.errstate(over="ignore"):
        return np.maximum(0.0, 1.0 - (distance_sq / radius) / radius)


def _triangle(distance_sq: Float64s, radius: float) -> Float64s:
    return np.maximum(0.0, radius - np.sqrt(distance_sq))


PROFILES = {
    "gaussian": _gaussian,
    "bubble": _bubble,
    "cut_gaussian": _cut_gaussian,
    "epanechnikov": _epanechnikov,
    "triangle": _triangle,
}
"""Functions that compute a weight from the squared map distance and the radius.  The triangle uses
the squared distance along one axis."""


CONVENTIONS = (
    "minisom", "som_toolbox", "somoclu", "xpysom", "kohonen", "gigasom", "somperf",
)  # fmt: skip

WINNER_ONLY = 0.5
"""Radius of a bubble that contains only the winner, because its neighbors are at distance 1."""


def radius_from(value: float, convention: str) -> float:
    """Convert the radius of another program to the radius of somscape.

    Parameters
    ----------
    value : float
        Radius or sigma in grid steps, as passed to the other program, above 0.  For ``"kohonen"``,
        0 is also allowed.
    convention : str
        Name of the other program (see Notes).

    Returns
    -------
    float
        Radius in grid steps, for parameters of somscape such as ``radius_start``.

    See Also
    --------
    somscape.Lattice : Definition of grid steps.

    Notes
    -----
    In somscape, the gaussian weight at map distance d is ``exp(-d^2 / (2 radius^2))``.

    ================= ======================================= ==================== ==============
    convention        its weight for value v                  our neighborhood     our radius
    ================= ======================================= ==================== ==============
    ``"minisom"``     ``exp(-d^2 / (2 v^2))``                 gaussian             v
    ``"som_toolbox"`` ``exp(-d^2 / (2 v^2))``, cut or whole;  gaussian,            v
                      1 up to v; ``max(0, 1 - d^2 / v^2)``    cut_gaussian,
                                                              bubble, epanechnikov
    ``"somoclu"``     ``exp(-d^2 / (2 (v/2)^2))``             gaussian             v / 2
    ``"xpysom"``      ``exp(-d^2 / (2 (v/2)^2))``             gaussian             v / 2
    ``"kohonen"``     1 up to v, and for v below 1 the        bubble               v, or 1/2 for v
                      winner only                                                  below 1
    ``"gigasom"``     normal density with deviation v of the  gaussian             v
                      Chebyshev distance
    ``"somperf"``     ``exp(-d^2 / v^2)``                     gaussian             v / sqrt(2)
    ================= ======================================= ==================== ==============

    If all weights are multiplied by a constant, as in a normal density, the result of batch
    training is the same.  The Chebyshev distance of GigaSOM equals the distance of somscape along
    rows and columns, but is shorter in other directions.  For XPySom and Somoclu, the radius v / 2
    is correct if their parameter ``std_coeff`` has the default value of 0.5.

    Examples
    --------
    >>> from somscape.grid import radius_from
    >>> radius_from(4.0, "somoclu"), radius_from(0.3, "kohonen")
    (2.0, 0.5)
    """
    check_choice("convention", convention, CONVENTIONS)
    check_number("value", value, 0, low_is_allowed=convention == "kohonen")
    radius = float(value)
    if convention in ("somoclu", "xpysom"):
        return 0.5 * radius
    if convention == "kohonen":
        return radius if radius >= 1 else WINNER_ONLY
    if convention == "somperf":
        return radius / math.sqrt(2)
    return radius
