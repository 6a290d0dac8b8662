"""What a set of kernels offers: the contract of the core and of its NumPy twin."""

from typing import NamedTuple, Protocol

from somscape._types import Float64s, Floats, Ints
from somscape.grid import Lattice, NeighborhoodTables
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
        """Return the `k` nearest units of each row and their distances.

        Parameters
        ----------
        rows : ndarray of shape (n, d), or SparseRows
            IN, finite but for missing values.  Sparse rows support only the Euclidean and the
            cosine metric, without weights.
        codebook : ndarray of shape (m, d), float32 or float64
            IN, finite.
        k : int, default=1
            At most 16 and at most m.
        order : ndarray of shape (m,), optional
            IN, all units in an order in which neighbors on the map lie close, such as
            ``Lattice.walk``: lets the core skip groups of units.
        feature_weights : ndarray of shape (d,), float64, optional
            IN, at least 0: what each feature counts.
        metric : {"euclidean", "manhattan", "chebyshev", "cosine"}, default="euclidean"
            Root of the weighted sum of squared differences; weighted sum, or maximum, of absolute
            differences; 1 minus the cosine of the angle, which is 1 for a row of zeros.
        has_missing : bool, default=False
            Whether rows may hold NaN.  Missing features then add nothing; not for "cosine".
        out : tuple of ndarray of shape (n, k), int64 and float64, optional
            Arrays for the answer.  The core writes into them, other kernels need not: use what is
            returned.

        Returns
        -------
        units : ndarray of shape (n, k)
            Nearest first; of equally near units the lowest.  The core's Euclidean choice,
            without feature weights, is that of exact arithmetic on the given numbers, as
            long as they lie within a factor of 2^480.
        distances : ndarray of shape (n, k), float64
            Good to a few roundings; for sparse rows to 1e-8 of the rows' and units' length.
        """

    def winners(
        self,
        rows: Rows,
        codebook: Floats,
        k: int = 1,
        *,
        order: Ints | None = None,
        one_thread: bool = False,
    ) -> Ints:
        """Return the units of a Euclidean `search`, faster, as no distances are computed.

        Parameters
        ----------
        rows, codebook, k, order
            IN, as for `search`.
        one_thread : bool, default=False
            IN, for small searches one after the other: on a busy machine each wait for a second
            thread may take a hundred times as long as the search.

        Returns
        -------
        ndarray of shape (n, k)
        """

    def mean_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> Float64s:
        """Return the mean Euclidean distance of each row to its `k` nearest units.

        Faster than a `search` for more than a few units, as nobody asks which they are.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            IN, finite.
        codebook : ndarray of shape (m, d), float32 or float64
            IN, finite.
        k : int
            At most m.

        Returns
        -------
        ndarray of shape (n,), float64
            The same bits from the core and its twin.
        """

    def parts_of_nearest(self, rows: Floats, codebook: Floats, k: int) -> tuple[Float64s, Float64s]:
        """Return that mean distance, and what each feature adds to the distances.

        Parameters
        ----------
        rows, codebook, k
            IN, as for `mean_of_nearest`.

        Returns
        -------
        means : ndarray of shape (n,), float64
            Those of `mean_of_nearest`.
        parts : ndarray of shape (n, d), float64
            Sum over the `k` units, of equally near ones the first, of each feature's squared
            difference, divided by the distance; 0 for a unit at the row.  The same bits from the
            core and its twin.
        """

    def sum_of_lines(self, rows: Floats, features: Ints, x: Float64s, y: Float64s) -> Float64s:
        """Return the sum of a piecewise linear function of each feature.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            IN, without NaN.
        features : ndarray of shape (c,)
            IN, of which feature each is a function.
        x, y : ndarray of shape (c, n_knots), float64
            IN, at least two knots.  ``x`` ascends; its last knot alone may be repeated, as
            padding.  Beyond both ends the end segments go on.

        Returns
        -------
        ndarray of shape (n,), float64
            The same bits from the core and its twin.  `lines` returns the terms.
        """

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
        """Add each row to its unit, in fixed point, and return the sum of the distances.

        ``counts[u] += w * weight_scale`` and ``totals[u] += w * (row - center) * scale``,
        each term rounded to an integer (a whole weight repeats the row exactly).

        Parameters
        ----------
        rows : ndarray of shape (n, d), or SparseRows
            IN; sparse rows need a center of 0.
        units : ndarray of shape (n,)
            IN, the unit of each row.
        weights : ndarray of shape (n,) or None
            IN, float64; None means 1 each.
        center, scale : ndarray of shape (d,)
            IN, float64; scales are powers of two that keep every term, before it is repeated
            by a whole weight, below 2^51, and every total below 2^62.
        weight_scale : float
            IN, a power of two.
        counts : ndarray of shape (m,), int64
            INOUT.
        totals : ndarray of shape (m, d), int64
            INOUT.
        distances : ndarray of shape (n,), float64, optional
            IN, of the rows to their units.
        error_scale : float, default=1.0
            IN, a power of two.

        Returns
        -------
        int
            Sum of ``distance * w * error_scale``, each term cut to an integer; 0 without
            distances.
        """

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
        """Return the neighborhood mean of the rows won: the next codebook.

        Parameters
        ----------
        totals : ndarray of shape (m, d), int64
            IN, as `sums` leaves them.
        counts : ndarray of shape (m,), int64
            IN.
        scale : ndarray of shape (d,), float64
            IN, what the sums were taken with.
        weight_scale : float
            IN.
        center : ndarray of shape (d,), float64
            IN.
        tables : NeighborhoodTables
            IN.
        codebook : ndarray of shape (m, d), float64
            IN.  A unit whose whole neighborhood won nothing keeps its prototype.

        Returns
        -------
        codebook : ndarray of shape (m, d), float64
        step : float
            How far the unit that moved furthest moved.
        """

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
        """Apply the online rule for each row in `order`.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            IN.
        order : ndarray of shape (n_steps,)
            IN, which row to present at each step.
        rates, radii : ndarray of shape (n_steps,), float64
            IN, learning rate and radius (grid steps) of each step.
        lattice : Lattice
            IN.
        neighborhood : str
            IN, as for `somscape.grid.Neighborhood`.
        codebook : ndarray of shape (m, d)
            INOUT.

        Returns
        -------
        float
            Sum of the rows' distances to their winners, before each update.
        """

    def margin_steps(
        self, known: ClassedRows, steps: MarginSteps, prototypes: Floats, axes: Floats
    ) -> None:
        """Apply the margin rule: steps of prototypes and axes down its cost.

        For a row, ``own`` is its squared distance, on the axes, to the nearest prototype of its
        class and ``other`` that to the nearest of any other class; of equally near ones to the
        first.  The cost of a step is the weighted mean over its rows of
        ``sigmoid(8 (own - other) / (own + other))``.  Steps are Adam's, which forgets a tenth of
        the mean slope and a hundredth of the mean square in each.

        Parameters
        ----------
        known : ClassedRows
            IN; each row that is presented needs a unit of its class and one of another.
        steps : MarginSteps
            IN.
        prototypes : ndarray of shape (3, m, d), float32
            INOUT, first the prototypes, as rows are on the axes; then the means of their slopes
            and of the squares of these, 0 before the first step.
        axes : ndarray of shape (3, d, d), float32
            INOUT, the same of axes.  Rows are compared as ``rows @ axes[0]``.  The same bits from
            the core and its twin.
        """


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


class MiniSomKernels(Protocol):
    """MiniSom's rule, rounded as NumPy rounds it: only the compiled core has it.

    Its twin in NumPy is `somscape.minisom.MiniSom` itself, row by row.
    """

    def minisom_winners(self, rows: Float64s, codebook: Float64s, distance: str) -> Ints:
        """Return the unit that MiniSom gives each row to.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            IN.
        codebook : ndarray of shape (m, d)
            IN.
        distance : str
            One of `MINISOM_DISTANCES`.

        Returns
        -------
        ndarray of shape (n,)
            The lowest of those whose distances round to the same.
        """

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
        """Apply MiniSom's online rule.

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            IN, finite.
        steps : MiniSomSteps
            IN.
        codebook : ndarray of shape (n_x, n_y, d)
            INOUT.
        given : ndarray of shape (n,) or None
            IN, the unit that each row pulls at, ``x * n_y + y``; -1 for the nearest.
        is_hexagonal : bool
            IN, whether every other y lies half a step to the left, counted from the last.
        distance : str
            IN, as for `minisom_winners`.
        """
