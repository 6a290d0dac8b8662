"""A fixed number for some rows, by which a run knows them again.

Each row has a hash of its values, and these are added up, so that rows in any pieces give the same
sums, which pieces anywhere can add.  Python's own `hash` of bytes differs from process to process.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape._weights import ones_or
from somscape.fit._pieces import AnyRows, RowsElsewhere
from somscape.kernels import DeviceArray, Rows, SparseRows

HASHED_VALUES = 1 << 15
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
        """Return the fingerprint of rows."""
        n_rows, n_features = rows.shape
        factors = _mixed(np.arange(1, n_features + 1, dtype=np.uint64)) | np.uint64(1)
        sums = [0, 0, 0]
        for part in blocks(n_rows, max(1, HASHED_VALUES // n_features)):
            some = rows[part]
            if isinstance(some, DeviceArray):
                some = np.asarray(some)
            of_rows = _of_sparse if isinstance(some, SparseRows) else _of_dense
            hashes = _mixed(of_rows(some, factors))
            share = ones_or(None if weights is None else weights[part], len(hashes))
            place = np.arange(first + part.start, first + part.stop, dtype=np.uint64)
            weighted = hashes + _mixed(share.view(np.uint64))
            for i, words in enumerate((hashes, _mixed(weighted), _mixed(hashes + _mixed(place)))):
                sums[i] += int(words.sum())
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


def fingerprint_of(rows: AnyRows, weights: Float64s | None) -> Fingerprint:
    """Return the fingerprint of rows, wherever they lie."""
    if not isinstance(rows, RowsElsewhere):
        return Fingerprint.of(rows, weights)
    return rows.total(partial(_of_piece, rows.begins), add)


def _of_piece(begins: Sequence[int], number: int, rows: Floats) -> Fingerprint:
    return Fingerprint.of(rows, None, begins[number])


def _of_dense(rows: Any, factors: Words) -> Words:
    """Return a number for each row, which a change of one value always changes."""
    found: Words = _words_of(rows) @ factors
    return found


def _of_sparse(rows: Any, factors: Words) -> Words:
    values = _words_of(rows.values) * factors[rows.features]
    upto = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    return upto[rows.begin[1:]] - upto[rows.begin[:-1]]


def _words_of(values: Floats) -> Words:
    """Return a number for each value, 0 for 0, with bits that differ at its low end."""
    if values.dtype == np.float32:
        return values.view(np.uint32).astype(np.uint64)
    words = values.view(np.uint64)
    return words ^ (words >> np.uint64(32))


def _mixed(words: Words) -> Words:
    """Return words in which every bit depends on all bits of these."""
    mixed = words.copy()
    for _ in range(2):
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(GOLDEN)
    mixed ^= mixed >> np.uint64(32)
    return mixed
