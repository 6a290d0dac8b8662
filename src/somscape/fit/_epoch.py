"""An epoch of batch training: ``partial`` sums some rows, ``merge`` adds two sums, and ``step``
turns the sum of all rows into the next codebook.

Sums are integers (fixed point), so they merge exactly, in any order: any number of threads, chunks
or workers gives the same codebook.
"""

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from somscape._types import Float64s, Floats, Ints
from somscape.errors import InputError
from somscape.fit._pairs import Pairs, merged_pairs, pairs_of
from somscape.fit._pieces import RowsElsewhere
from somscape.fit._problem import Problem
from somscape.fit._ranges import range_of
from somscape.kernels import Rows, are_of

DIGEST_BYTES = 16
"""Length of a digest: no two of any number of epochs have the same by chance."""


@dataclass(frozen=True, eq=False)
class EpochSums:
    """What an epoch needs to know about some rows, as exact integers.

    Attributes
    ----------
    counts : ndarray of shape (n_units,), int64
        Weight won by each unit, times ``weight_scale``.
    totals : ndarray of shape (n_units, n_features), int64
        Weighted sums of the rows won, relative to the mean, times ``scale``.
    error : int
        Weighted sum of the rows' distances to their winners, times ``error_scale``.
    seen : ndarray of shape (n_units, n_features), int64, or None
        Weight of the present values, times ``seen_scale``; None if no value is missing.
    pairs : Pairs or None
        What `move` needs, if it was asked for.

    See Also
    --------
    partial : Makes them.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import partial, prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> sums = partial(prepare(rows).on(Lattice(1, 2)), rows, codebook=rows[1:])
    >>> sums.counts.shape, sums.totals.shape
    ((2,), (2, 1))
    """

    counts: Ints
    totals: Ints
    error: int
    seen: Ints | None = None
    pairs: Pairs | None = None

    def digest(self) -> bytes:
        """Return 16 bytes that differ for sums that lead `step` to different codebooks."""
        parts = (self.counts, self.totals, *(() if self.seen is None else (self.seen,)))
        found = blake2b(digest_size=DIGEST_BYTES)
        for part in parts:
            found.update(np.ascontiguousarray(part).data)
        return found.digest()


def partial(
    problem: Problem,
    rows: Rows,
    *,
    codebook: Floats,
    weights: Float64s | None = None,
    has_pairs: bool = False,
) -> EpochSums:
    """Return the sums of some rows under a codebook.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of shape (n, n_features) or SparseRows
        Within the range of the rows that the problem was made from.
    codebook : ndarray of shape (n_units, n_features), float32 or float64
    weights : ndarray of shape (n,) or None, default=None
        None means 1 each.
    has_pairs : bool, default=False
        Whether the sums hold what `move` needs: the losses of rows that would go to their
        second-best units, and each unit's farthest row.  That takes another search.

    Returns
    -------
    EpochSums
        O(n * n_units * n_features) for the search, O(n * n_features) for the sums.

    Raises
    ------
    InputError
        If rows other than the problem's lie outside their range, or, with pairs, the codebook lies
        far outside it: their sums would overflow.

    See Also
    --------
    merge : Adds what it returns.
    step : The next call after that.
    move : Another one, at small radii.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> partial(prepare(rows).on(Lattice(1, 2)), rows[:2], codebook=rows[1:]).totals.shape
    (2, 1)
    """
    own = problem.rows
    if isinstance(own, RowsElsewhere) or not are_of(rows, own):
        _refuse_beyond(problem, rows)
    sums = SumsOfChunks(problem, codebook, len(rows))
    sums.add(rows, weights)
    pairs = pairs_of(problem, codebook, rows, weights) if has_pairs else None
    return replace(sums.total(), pairs=pairs)


class SumsOfChunks:
    """Sums of rows under a codebook, added chunk after chunk to the same arrays.

    The nearest units of each chunk are written over those of the last.  In Dask's workers, for
    one, freed memory returns to the system at once, so that arrays for each chunk would be new
    pages each time.  Rows with missing values still take arrays of their own.

    Parameters
    ----------
    problem : Problem
    codebook : ndarray of shape (n_units, n_features)
    longest : int
        Rows of the longest chunk.
    """

    def __init__(self, problem: Problem, codebook: Floats, longest: int) -> None:
        self._problem, self._codebook = problem, codebook
        shape = len(codebook), codebook.shape[1]
        self._counts = np.zeros(shape[0], dtype=np.int64)
        self._totals = np.zeros(shape, dtype=np.int64)
        self._seen = np.zeros(shape, dtype=np.int64) if problem.has_missing else None
        self._error = 0
        self._room = np.empty((longest, 1), dtype=np.int64), np.empty((longest, 1))

    def add(self, rows: Rows, weights: Float64s | None) -> None:
        """Add rows of the problem, at most the longest chunk."""
        problem = self._problem
        room_for_units, room_for_distances = self._room
        units, distances = problem.metric.search(
            problem.kernels,
            rows,
            self._codebook,
            order=problem.lattice.walk,
            has_missing=problem.has_missing,
            out=(room_for_units[: len(rows)], room_for_distances[: len(rows)]),
        )
        units = units[:, 0]
        if self._seen is not None:
            rows = _without_gaps(problem, rows, units, weights, self._seen)
        self._error += problem.kernels.sums(
            rows,
            units,
            weights,
            problem.center,
            problem.scale,
            problem.weight_scale,
            self._counts,
            self._totals,
            distances[:, 0],
            problem.error_scale,
        )

    def total(self) -> EpochSums:
        """Return the sums of all rows, after the last chunk: the arrays are not copied."""
        return EpochSums(self._counts, self._totals, self._error, self._seen)


def _without_gaps(
    problem: Problem, rows: Rows, units: Ints, weights: Float64s | None, seen: Ints
) -> Floats:
    """Return rows whose missing values add nothing; add the weight of present values to `seen`."""
    assert isinstance(rows, np.ndarray)
    is_there = ~np.isnan(rows)
    counts, nothing = np.zeros(len(seen), dtype=np.int64), np.zeros(rows.shape[1])
    present = is_there.astype(np.float64)
    problem.kernels.sums(present, units, weights, nothing, problem.seen_scale, 1.0, counts, seen)
    return np.where(is_there, rows, problem.center)


def _refuse_beyond(problem: Problem, rows: Rows) -> None:
    if not len(rows):
        return
    low, high, _ = range_of(rows)
    far = np.maximum(high - problem.center, problem.center - low)
    is_beyond = far > problem.far  # not where a piece has no value
    if is_beyond.any():
        column = int(is_beyond.argmax())
        raise InputError(
            f"feature {column} lies up to {far[column]:.6g} from the center, beyond the "
            f"{problem.far[column]:.6g} that the problem was made for. Make it from all rows."
        )


def merge(a: EpochSums, b: EpochSums) -> EpochSums:
    """Add two sums; associative, commutative and exact.

    Parameters
    ----------
    a, b : EpochSums
        Sums of different rows under the same codebook.

    Returns
    -------
    EpochSums
        The sums of all of these rows; with pairs, if both have them.

    See Also
    --------
    partial : Makes what it adds.
    step : The next call.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> a, b = (partial(problem, part, codebook=rows[1:]) for part in (rows[:1], rows[1:]))
    >>> merge(a, b).digest() == partial(problem, rows, codebook=rows[1:]).digest()
    True
    """
    seen = None if a.seen is None or b.seen is None else a.seen + b.seen
    pairs = None if a.pairs is None or b.pairs is None else merged_pairs(a.pairs, b.pairs)
    return EpochSums(a.counts + b.counts, a.totals + b.totals, a.error + b.error, seen, pairs)


def step(
    problem: Problem, sums: EpochSums, *, radius: float, codebook: Float64s
) -> tuple[Float64s, float]:
    """Return the next codebook and how far it moved.

    It holds the neighborhood means of the rows won: the batch rule (Kohonen 2013, section 4).  A
    unit keeps its prototype if its entire neighborhood won nothing.

    Parameters
    ----------
    problem : Problem
    sums : EpochSums
        Sums of all rows.
    radius : float
        In grid steps.
    codebook : ndarray of shape (n_units, n_features), float64
        The current one.

    Returns
    -------
    codebook : ndarray of shape (n_units, n_features), float64
    step : float
        Largest distance that a unit moved.
        O(n_units * (n_rows + n_cols) * n_features) for a Gaussian.

    See Also
    --------
    prepare, partial, merge : The calls before.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.fit import prepare
    >>> from somscape.grid import Lattice
    >>> rows = np.array([[0.0], [1.0], [9.0]])
    >>> problem = prepare(rows).on(Lattice(1, 2))
    >>> sums = partial(problem, rows, codebook=rows[1:])
    >>> step(problem, sums, radius=0.1, codebook=rows[1:])[0].round(3).tolist()
    [[0.5], [9.0]]
    """
    tables = problem.pulls.tables(radius)
    updated, step = problem.kernels.smooth(
        sums.totals,
        sums.counts,
        problem.scale,
        problem.weight_scale,
        problem.center,
        tables,
        codebook,
    )
    if sums.seen is None:
        return updated, step
    # Both are means over all rows won; their ratio is the mean over the rows with a value.
    share, _ = problem.kernels.smooth(
        sums.seen,
        sums.counts,
        problem.seen_scale,
        problem.weight_scale,
        np.zeros(codebook.shape[1]),
        tables,
        np.ones(codebook.shape),
    )
    is_seen = share > 0
    means = problem.center + (updated - problem.center) / np.where(is_seen, share, 1.0)
    updated = np.where(is_seen, means, codebook)
    return updated, float(np.sqrt(((updated - codebook) ** 2).sum(axis=1)).max())
