"""Training data that are stored in pieces outside memory, and exact sums and ranges of features."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, reduce
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.errors import InputError
from somscape.kernels._select import kernels_for
from somscape.kernels._sparse import Rows, SparseRows, column_range

T = TypeVar("T")

Extremes = tuple[Floats, Floats, bool]
"""Minimum and maximum of each feature (NaN without values), and whether any value is missing."""


class Pieces(ABC):
    """A table for training, in pieces that are stored outside memory.

    Write a subclass to train with `somscape.SOM.fit` on data in any storage.  The order of the
    pieces and the rows of each piece must be the same in every pass.  Then the map is, bit for bit,
    the same as the map that is trained on all rows in one array, for any division into pieces.

    See Also
    --------
    prepare, partial, merge, step : Functions for your own loop over the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM
    >>> from somscape.fit import Pieces
    >>> class InTurn(Pieces):
    ...     def __init__(self, blocks):
    ...         self.blocks = blocks
    ...
    ...     def each(self, function):
    ...         return map(function, range(len(self.blocks)), self.blocks)
    >>> rows = np.random.default_rng(0).normal(size=(300, 4))
    >>> apart = SOM(5, 6).fit(InTurn([rows[:100], rows[100:]]))
    >>> bool((apart.codebook_ == SOM(5, 6).fit(rows).codebook_).all())
    True
    """

    @abstractmethod
    def each(self, function: Callable[[int, Any], T]) -> Iterator[T]:
        """Call a function on each piece, and yield the results in the same order.

        Parameters
        ----------
        function : callable
            Function of the piece number (from 0) and the data of the piece (an array or data
            frame).  The function can be pickled.  The pickled function can have several megabytes,
            so send it only once to each worker.  The function does not have side effects, so you
            can call it again if a worker was lost.

        Yields
        ------
        object
            Result for each piece.  Errors in the function are raised here.
        """

    def total(self, function: Callable[[int, Any], T], merge: Callable[[T, T], T]) -> T:
        """Call a function on each piece, and merge all results into one result.

        Parameters
        ----------
        function : callable
            As for `each`.
        merge : callable
            Function that combines two results.  A subclass for a cluster can merge results in any
            order, on the machines that store the pieces.

        Returns
        -------
        object
        """
        return reduce(merge, self.each(function))


@dataclass(frozen=True)
class Chain:
    """A function that converts a piece to rows and then computes a result from the rows."""

    forms: tuple[Callable[[Any], Any], ...]
    lengths: tuple[int, ...]
    no_rows: Floats
    last: Callable[[int, Any], Any]

    def __call__(self, number: int, data: Any) -> Any:
        """Convert a piece to rows, call the last function on the rows, and return the result."""
        if len(data) != self.lengths[number]:
            raise InputError(
                f"Piece {number} of X had {self.lengths[number]} rows in the first pass, but "
                f"has {len(data)} rows in a later pass. The source of X must give the same "
                "rows in each pass. Store the rows in files or in the cluster's memory, and pass "
                "the stored rows.",
                parameter="X",
                value=len(data),
                allowed=self.lengths[number],
            )
        if not len(data):  # because forms do not accept empty data
            return self.last(number, self.no_rows)
        for form in self.forms:
            data = form(data)
        return self.last(number, data)


@dataclass(frozen=True, eq=False)
class RowsElsewhere:
    """Rows that are prepared for training and stored in pieces outside memory.

    Attributes
    ----------
    pieces : Pieces
    forms : tuple of callable
        Functions that are applied to a piece one after the other to convert it to rows.
    lengths : tuple of int
        Number of rows of each piece.
    n_features : int
    dtype : numpy dtype
    known : tuple or None
        The `extremes` of the rows, or None before the first pass over the pieces.
    sums : list of ndarray
        Sums of each feature over all rows, from the first full pass over the pieces.
    """

    pieces: Pieces
    forms: tuple[Callable[[Any], Any], ...]
    lengths: tuple[int, ...]
    n_features: int
    dtype: Any
    known: Extremes | None = None
    sums: list[Ints] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(self.lengths)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of features."""
        return len(self), self.n_features

    @property
    def begins(self) -> tuple[int, ...]:
        """Number of the first row of each piece, and then the total number of rows."""
        return (0, *accumulate(self.lengths))

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self) * self.n_features

    def each(self, function: Callable[[int, Floats], T]) -> Iterator[T]:
        """Call a function on the rows of each piece, and yield the results in the same order."""
        n_found = 0
        for found in self.pieces.each(self._chain(function)):
            n_found += 1
            yield found
        if n_found != len(self.lengths):
            raise InputError(
                f"X had {len(self.lengths)} pieces in the first pass, but has {n_found} pieces in "
                "a later pass. The source of X must give the same pieces in each pass.",
                value=n_found,
                allowed=len(self.lengths),
            )

    def total(self, function: Callable[[int, Floats], T], merge: Callable[[T, T], T]) -> T:
        """Call a function on the rows of each piece, and merge the results into one result."""
        return self.pieces.total(self._chain(function), merge)

    def _chain(self, function: Callable[[int, Floats], Any]) -> Chain:
        no_rows = np.empty((0, self.n_features), dtype=self.dtype)
        return Chain(self.forms, self.lengths, no_rows, function)

    def mapped(self, form: Callable[[Any], Any]) -> "RowsElsewhere":
        """Return the same rows in another form.  The conversion is repeated in every pass."""
        return replace(self, forms=(*self.forms, form), known=None, sums=[])

    def take(self, numbers: Ints) -> Floats:
        """Return the rows with the given row numbers, in one pass over the pieces."""
        order = np.argsort(numbers, kind="stable")
        begins = self.begins
        ends = np.searchsorted(numbers[order], begins)
        wanted = [
            numbers[order[a:b]] - begin
            for a, b, begin in zip(ends[:-1], ends[1:], begins[:-1], strict=True)
        ]
        found = np.empty((len(numbers), self.n_features), dtype=self.dtype)
        found[order] = np.concatenate(list(self.each(partial(_take_wanted, wanted))))
        return found

    def check_same(self, found: Ints, most: Float64s) -> None:
        """Raise InputError if the rows changed after an earlier pass."""
        first = not self.sums
        if first:
            self.sums.append(found)
        if not np.array_equal(self.sums[0], found) or (first and (np.abs(found) > most).any()):
            raise InputError(
                "X has different values in different passes, but the source of X must give the "
                "same rows in each pass. Store the rows in files or in the cluster's memory, and "
                "pass the stored rows."
            )

    @cached_property
    def extremes(self) -> Extremes:
        """Smallest and largest value of each feature, and whether values are missing."""
        return self.total(extremes_of, widest) if self.known is None else self.known


def _take_wanted(wanted: list[Ints], number: int, rows: Floats) -> Floats:
    return rows[wanted[number]]


def extremes_of(_: int, rows: Rows) -> Extremes:
    """Return the extremes of a piece's rows."""
    if not len(rows):
        nothing = np.full(rows.shape[1], np.nan, dtype=rows.dtype)
        return nothing, nothing, False
    low, high = column_range(rows)
    has_missing = bool(np.isnan(low).any())
    if has_missing:
        assert isinstance(rows, np.ndarray)
        low, high = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)
    return low, high, has_missing


def widest(a: Extremes, b: Extremes) -> Extremes:
    """Return the extremes of all rows of two pieces."""
    return np.fmin(a[0], b[0]), np.fmax(a[1], b[1]), a[2] or b[2]


AnyRows = Rows | RowsElsewhere
"""Rows in memory or in pieces."""


def taken(rows: AnyRows, numbers: Ints) -> Rows:
    """Return the rows with the given row numbers as an array in memory."""
    return rows[numbers] if isinstance(rows, np.ndarray) else rows.take(numbers)


def every(rows: AnyRows, step: int) -> Rows:
    """Return every `step`-th row, in memory."""
    if not isinstance(rows, SparseRows | RowsElsewhere):
        return rows[::step]
    return taken(rows, np.arange(0, len(rows), step))


SUM_BITS = 61
"""Integer sums stay below 2^61.  The other bits are for the sign and for rounding."""

TERM_BITS = 50
"""Terms stay below 2^50.  This allows rounding with two additions."""

MAX_EXPONENT = 1000
"""Scales stay between 2^-1000 and 2^1000.  This keeps products from overflowing."""


def power_of_two(bits: int | Ints, largest: float | Float64s) -> Float64s:
    """Return the power of two that scales values up to `largest` below 2^bits."""
    _, exponent = np.frexp(largest)
    return np.ldexp(1.0, np.clip(bits - exponent, -MAX_EXPONENT, MAX_EXPONENT))


def value_scale(far: Float64s, weights: Float64s | None, total_weight: float) -> Float64s:
    """For each feature, return the scale to integers that keeps sums from overflowing."""
    # A whole-number weight repeats the rounded term, so it matters only for the total.
    largest = 1.0
    if weights is not None:
        parts = weights[weights != np.rint(weights)]
        largest = max(largest, float(parts.max(initial=0.0)))
    limits = np.array([[total_weight], [largest]]) * far
    scale: Float64s = power_of_two(np.array([[SUM_BITS], [TERM_BITS]]), limits).min(axis=0)
    return scale


class Origin(NamedTuple):
    """Origin and scale of sums.

    Attributes
    ----------
    middle : ndarray of shape (n_features,), float64
        Value that is subtracted from each value.
    scale : ndarray of shape (n_features,), float64
        Power of two by which values are multiplied before rounding to integers.
    has_missing : bool
        Whether rows can contain NaN.
    """

    middle: Float64s
    scale: Float64s
    has_missing: bool


class Sums(NamedTuple):
    """Integer sums of values minus the origin, and of the weights of present values."""

    values: Ints
    present: Ints | None

    def plus(self, other: "Sums") -> "Sums":
        """Return the sums over the rows of both objects."""
        if self.present is None or other.present is None:
            return Sums(self.values + other.values, None)
        return Sums(self.values + other.values, self.present + other.present)


def range_of(rows: AnyRows) -> tuple[Float64s, Float64s, bool]:
    """Return the smallest and largest value of each feature, and whether values are missing."""
    found = rows.extremes if isinstance(rows, RowsElsewhere) else extremes_of(0, rows)
    low, high, has_missing = found
    return low.astype(np.float64), high.astype(np.float64), has_missing


def mean_of(
    rows: AnyRows, weights: Float64s | None, total_weight: float, origin: Origin
) -> Float64s:
    """Return the weighted mean of each feature, which does not depend on the row order."""
    ones_scale = value_scale(np.ones_like(origin.middle), weights, total_weight)
    if isinstance(rows, RowsElsewhere):
        sums = rows.total(partial(_sums, None, origin, ones_scale), Sums.plus)
    else:
        sums = _sums(weights, origin, ones_scale, 0, rows)
    offset = sums.values / origin.scale / total_weight
    if sums.present is not None:
        share = sums.present / ones_scale / total_weight
        offset = offset / np.where(share > 0, share, 1.0)
    return origin.middle + offset


def _sums(
    weights: Float64s | None, origin: Origin, ones_scale: Float64s, _: int, rows: Rows
) -> Sums:
    if not origin.has_missing:
        return Sums(_add_rows(rows, weights, origin.middle, origin.scale), None)
    assert isinstance(rows, np.ndarray)
    is_there = ~np.isnan(rows)
    filled = np.where(is_there, rows, origin.middle)
    present = np.ascontiguousarray(is_there, dtype=np.float64)
    return Sums(
        _add_rows(filled, weights, origin.middle, origin.scale),
        _add_rows(present, weights, np.zeros_like(origin.middle), ones_scale),
    )


def _add_rows(rows: Rows, weights: Float64s | None, middle: Float64s, scale: Float64s) -> Ints:
    """Subtract `middle` from each row, and return the weighted sum of the rows as integers."""
    counts = np.zeros(1, dtype=np.int64)
    totals = np.zeros((1, rows.shape[1]), dtype=np.int64)
    everything = np.zeros(len(rows), dtype=np.int64)
    kernels_for(rows).sums(rows, everything, weights, middle, scale, 1.0, counts, totals)
    return totals[0]
