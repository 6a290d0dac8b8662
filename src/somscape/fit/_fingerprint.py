"""A fixed number for some rows, by which a run knows them again.

Each row has a hash of its values, and these are added up, so that rows in any pieces give the same
sums, which pieces anywhere can add.  Python's own `hash` of bytes differs from process to process.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape._weights import ones_or
from somscape.kernels import Rows, SparseRows

BLOCK_VALUES = 1 << 15
"""Values that are hashed at once; they fit a cache."""

GOLDEN, LARGEST = 0x9E3779B97F4A7C15, 1 << 64
"""2^64 over the golden ratio, an odd number without a pattern, and what sums are remainders of."""

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Fingerprint:
    """A fixed number for some rows.

    Attributes
    ----------
    n_rows, n_features : int
    dtype : str
        Name of the values' data type.
    values, weights, order : int
        Sums over the rows, modulo 2^64, of hashes: of a row's values; of its values and weight; of
        its values and its place.
    """

    n_rows: int
    n_features: int
    dtype: str
    values: int
    weights: int
    order: int

    @classmethod
    def of(cls, rows: Rows, weights: Float64s | None, first: int = 0) -> "Fingerprint":
        """Return the fingerprint of rows.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features) or SparseRows
            A value that is not stored is 0, and minus zero is zero.
        weights : ndarray of shape (n_samples,) or None
            None means 1 each.
        first : int, default=0
            Place of the first row among all rows, if these are a piece of them.

        Returns
        -------
        Fingerprint
            O(n_samples * n_features), about 3 ns a value.
        """
        n_rows, n_features = rows.shape
        factors = _mixed(np.arange(1, n_features + 1, dtype=np.uint64)) | np.uint64(1)
        sums = [0, 0, 0]
        for part in blocks(n_rows, max(1, BLOCK_VALUES // n_features)):
            some = rows[part]
            hashes = _of_sparse(some, factors) if isinstance(some, SparseRows) else None
            hashes = _of_dense(np.asarray(some), factors) if hashes is None else hashes
            share = None if weights is None else weights[part]
            weight = ones_or(share, len(hashes)).astype(np.float64).view(np.uint64)
            place = np.arange(first + part.start, first + part.stop, dtype=np.uint64)
            alone = _mixed(hashes)
            for i, with_it in enumerate((np.zeros_like(place), _mixed(weight), _mixed(place))):
                sums[i] += int(_mixed(alone + with_it).sum())
        return cls(n_rows, n_features, str(rows.dtype), *(total % LARGEST for total in sums))

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        """Return the fingerprint of the rows of both."""
        sums = (
            (getattr(self, name) + getattr(other, name)) % LARGEST
            for name in ("values", "weights", "order")
        )
        return Fingerprint(self.n_rows + other.n_rows, self.n_features, self.dtype, *sums)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {k: v if k.startswith("n_") else str(v) for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Fingerprint":
        """Return what `to_json` made JSON data of."""
        numbers = (int(data[name]) for name in ("values", "weights", "order"))
        return cls(int(data["n_rows"]), int(data["n_features"]), str(data["dtype"]), *numbers)

    def difference(self, now: "Fingerprint") -> str:
        """Say how rows differ from these, or return "" if they do not."""
        then = self
        if (then.n_rows, then.n_features) != (now.n_rows, now.n_features):
            shapes = (f"{f.n_rows} x {f.n_features}" for f in (then, now))
            return "other rows: {} then, {} now".format(*shapes)
        if then.values != now.values:
            return f"other rows: the same shape, {now.n_rows} x {now.n_features}, but other values"
        if then.weights != now.weights:
            return "the same rows, but other weights"
        if then.order != now.order:
            return "the same rows, but in another order"
        return "" if then.dtype == now.dtype else f"{then.dtype} then, {now.dtype} now"


def _of_dense(rows: Floats, factors: Words) -> Words:
    """Return a number for each row."""
    return (_of_values(rows) * factors).sum(axis=1, dtype=np.uint64)


def _of_sparse(rows: SparseRows, factors: Words) -> Words:
    values = _of_values(rows.values) * factors[rows.features]
    upto = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    return upto[rows.begin[1:]] - upto[rows.begin[:-1]]


def _of_values(values: Floats) -> Words:
    """Return a number for each value; 0 for 0."""
    numbers = values.astype(np.float64) + 0.0  # minus zero becomes zero
    numbers[np.isnan(numbers)] = np.nan  # of its many forms, one
    return _mixed(numbers.view(np.uint64), is_own=True)


def _mixed(words: Words, *, is_own: bool = False) -> Words:
    """Return words in which every bit depends on all bits of these."""
    mixed = words if is_own else words.copy()
    for _ in range(2):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(GOLDEN)
    mixed ^= mixed >> np.uint64(32)
    return mixed
