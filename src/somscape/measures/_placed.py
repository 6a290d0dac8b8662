"""The search of the two nearest units of each row.  All measures use its result."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._validate import checked_weights
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.kernels._sparse import SparseRows
from somscape.maps._as_map import as_map
from somscape.maps.map import NO_UNIT, Map

ANGLES = ("cosine", "correlation")

NO_COUNTED_ROW = "No row of X has a value and a weight above 0. Pass at least one row with both."


@dataclass(frozen=True, eq=False)
class Placed:
    """Rows that measures count (with a value and a weight above 0), and their nearest units.

    Attributes
    ----------
    map_ : Map
    encoded : ndarray of shape (n_counted, n_features), or None
        None for sparse rows.
    units : ndarray of shape (n_counted, 2), or (n_counted, 1) on a map of one unit
        Nearest unit first.
    distances : ndarray of the same shape, float64
    given : ndarray of shape (n_counted,), float64, or None
        Weight of each row.  None if every row has weight 1.
    counts : ndarray of shape (n_samples,), bool
        Whether measures use each row of X.
    """

    map_: Map
    encoded: Floats | None
    units: Ints
    distances: Float64s
    given: Float64s | None
    counts: NDArray[np.bool_]

    @property
    def best(self) -> Ints:
        """Best matching unit of each counted row."""
        return self.units[:, 0]

    @cached_property
    def weights(self) -> Float64s:
        """Weight of each row (n_counted,)."""
        return ones_or(self.given, len(self.units))

    @cached_property
    def hits(self) -> Float64s:
        """For each unit, the total weight of the rows whose best matching unit it is."""
        hits = np.bincount(self.best, self.weights, minlength=self.map_.n_units)
        return hits.astype(np.float64, copy=False)

    @property
    def rows(self) -> Float64s:
        """Encoded rows, with NaN for missing values."""
        if self.encoded is None:
            raise InputError(
                "X is sparse, but this measure needs dense rows. Pass X.toarray().", parameter="X"
            )
        return self.encoded.astype(np.float64, copy=False)

    @cached_property
    def space(self) -> tuple[Float64s, Float64s]:
        """Rows and prototypes after the transformation by the metric."""
        metric = self.map_.metric
        rows, codebook = (
            np.asarray(
                metric.trained_on(each) if metric.name in ANGLES else metric.compared(each),
                dtype=np.float64,
            )
            for each in (self.rows, np.asarray(self.map_.codebook))
        )
        if metric.feature_weights is None:
            return rows, codebook
        stretch = np.sqrt(metric.feature_weights)
        return rows * stretch, codebook * stretch

    def only(self, keep: NDArray[np.bool_]) -> "Placed":
        """Return those counted rows for which `keep` is True (one value per row of X)."""
        own = keep[self.counts]
        return Placed(
            self.map_,
            None if self.encoded is None else self.encoded[own],
            self.units[own],
            self.distances[own],
            None if self.given is None else self.given[own],
            self.counts & keep,
        )

    def mean(self, values: Float64s) -> float:
        """Return the weighted mean of `values`, which contains one value per counted row."""
        return float(np.average(values, weights=self.given))


def placed(map_: Any, X: Any, sample_weight: Any = None) -> Placed:
    """Find the nearest units of rows, and return those rows that measures count."""
    map_ = as_map(map_)
    rows = map_.any_rows_of(X)
    units, distances = map_.nearest(rows, min(2, map_.n_units))
    if not len(units):
        raise InputError("X does not contain rows. Pass at least one row.", parameter="X")
    weights = checked_weights(sample_weight, len(units))
    counts = units[:, 0] != NO_UNIT
    if weights is not None:
        counts &= weights > 0
    if not counts.any():
        raise InputError(NO_COUNTED_ROW, parameter="X")
    encoded = None if isinstance(rows, SparseRows) else np.asarray(rows)
    every = Placed(map_, encoded, units, distances, weights, np.ones(len(units), dtype=bool))
    return every if counts.all() else every.only(counts)


BITS = 20
"""Number of lowest bits of a float64 that rounding sets to 0.  About ten digits remain."""


def rounded(distances: Float64s) -> Float64s:
    """Return distances rounded to about ten significant digits."""
    bits = np.ascontiguousarray(distances).view(np.int64)
    # Half of the lowest kept bit is added, and all lower bits are cleared.  A carry out of the
    # fraction increases the exponent, as it should.
    found: Float64s = ((bits + (1 << (BITS - 1))) & -(1 << BITS)).view(np.float64)
    return found
