"""The order of many numbers, equal ones in the order in which they come."""

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.kernels._select import select_kernels
from somscape.kernels._threads import in_threads

MANY_VALUES, SHARED_VALUES = 1 << 12, 1 << 18
"""Numbers from which their bits are put in order, and from which threads pay."""

BITS = 64
"""Bits of a number and its place together: as one whole number, they are in order at once."""


def stable_order(values: Float64s) -> Ints:
    """Return the places of numbers in ascending order, the first of equal ones first."""
    if len(values) < MANY_VALUES or np.isnan(values).any():
        return np.argsort(values, kind="stable")
    keys, place_bits = _ascending_bits(values), (len(values) - 1).bit_length()
    keys -= keys.min()
    n_dropped = max(0, int(keys.max()).bit_length() + place_bits - BITS)
    keys >>= np.uint64(n_dropped)
    keys <<= np.uint64(place_bits)
    keys |= np.arange(len(values), dtype=np.uint64)
    _sort(keys)
    is_alike = _have_equal_heads(keys, place_bits) if n_dropped else np.empty(0, dtype=bool)
    keys &= np.uint64((1 << place_bits) - 1)
    order = keys.view(np.int64).astype(np.intp, copy=False)
    if is_alike.any():
        _order_alike(order, is_alike, values)
    return order


def _ascending_bits(values: Float64s) -> NDArray[np.uint64]:
    """Return whole numbers, uint64, in the order of numbers: the bits, turned for those below 0."""
    bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.int64)  # -0.0 is 0.0
    flipped = bits >> 63
    flipped &= np.int64(np.iinfo(np.int64).max)
    bits ^= flipped
    keys = bits.view(np.uint64)
    keys ^= np.uint64(1 << 63)
    return keys


def _sort(keys: NDArray[np.uint64]) -> None:
    n_parts = select_kernels().n_threads if len(keys) >= SHARED_VALUES else 1
    ends = [len(keys) * i // n_parts for i in range(1, n_parts)]
    if ends:
        keys.partition(ends)
    in_threads(np.ndarray.sort, np.split(keys, ends), is_long=n_parts > 1)


def _have_equal_heads(keys: NDArray[np.uint64], place_bits: int) -> NDArray[np.bool_]:
    """Say of each key but the first whether only its place differs from the one before it."""
    heads = keys >> np.uint64(place_bits)
    return np.asarray(heads[1:] == heads[:-1])


def _order_alike(order: Ints, is_alike: NDArray[np.bool_], values: Float64s) -> None:
    """Put in order what is alike in the bits that were compared, each like the one before it."""
    goes_on = np.append(False, is_alike)
    is_in_run = goes_on | np.append(is_alike, False)
    places, run = order[is_in_run], np.cumsum(~goes_on[is_in_run])
    order[is_in_run] = places[np.lexsort((values[places], run))]
