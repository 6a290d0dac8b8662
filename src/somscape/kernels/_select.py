"""Choose between the compiled core and the NumPy kernels, and run functions in threads."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.kernels._array_api import DeviceKernels
from somscape.kernels._sparse import DeviceArray

if TYPE_CHECKING:
    from somscape.kernels._core_face import CoreKernels
    from somscape.kernels._numpy_twin import NumpyKernels

Kernels: TypeAlias = "CoreKernels | NumpyKernels"
VARIABLE = "SOMSCAPE_KERNELS"


@cache
def is_core_built() -> bool:
    """Return whether this installation has the compiled core."""
    return find_spec("somscape.kernels._core") is not None


def select_kernels(name: str | None = None) -> Kernels:
    """Return the kernels with the given name, or the default kernels if the name is None."""
    name = name or os.environ.get(VARIABLE) or ("core" if is_core_built() else "numpy")
    if name not in ("core", "numpy"):
        raise InputError(
            f"{VARIABLE} must be 'core' or 'numpy', but is {name!r}.",
            parameter=VARIABLE,
            value=name,
            allowed=("core", "numpy"),
        )
    if name == "core" and not is_core_built():
        raise InputError(
            "The compiled core is not installed. Install somscape with a C++ compiler, or leave "
            f"{VARIABLE} unset to use NumPy.",
            parameter=VARIABLE,
            value=name,
        )
    return _load(name)


def kernels_for(rows: object) -> Kernels:
    """Return the kernels that run where the rows are (on the host or on a device)."""
    if isinstance(rows, DeviceArray):
        return cast(Kernels, DeviceKernels(rows.device, rows.dtype, select_kernels()))
    return select_kernels()


def minisom_kernels() -> "CoreKernels | None":
    """Return the core's kernels for MiniSom's rule, or None if the core is not installed."""
    kernels = select_kernels()
    return None if kernels.name == "numpy" else cast("CoreKernels", kernels)


@cache
def _load(name: str) -> Kernels:
    if name == "core":
        from somscape.kernels._core_face import CoreKernels

        return CoreKernels()
    from somscape.kernels._numpy_twin import NumpyKernels

    return NumpyKernels()


Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], *, is_long: bool = True
) -> list[Result]:
    """Call a function on each of the items, in several threads."""
    n_threads = select_kernels().n_threads if is_long else 1
    if n_threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(function, items))


def meanwhile(work: Callable[[], Result], *, is_long: bool = True) -> Callable[[], Result]:
    """Run a function in another thread. Return a function that waits for the result."""
    if not is_long or select_kernels().n_threads == 1:
        return work
    pool = ThreadPoolExecutor(1)
    found = pool.submit(work)
    pool.shutdown(wait=False)
    return found.result


MANY_VALUES, SHARED_VALUES = 1 << 12, 1 << 18
"""Minimum number of values for which sorting integer keys is faster than sorting floats, and
minimum number for which several threads sort faster."""

BITS = 64
"""Number of bits of a sort key, which consists of the bits of a number and its index."""


def stable_order(values: Float64s) -> Ints:
    """Return the order that sorts the numbers. Equal numbers keep their order."""
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
        _sort_equal_runs(order, is_alike, values)
    return order


def _ascending_bits(values: Float64s) -> NDArray[np.uint64]:
    """Convert floats to integers that sort in the same order."""
    bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.int64)  # -0.0 becomes 0.0
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
    """Return whether the value of each key after the first equals the previous key's value."""
    heads = keys >> np.uint64(place_bits)
    return np.asarray(heads[1:] == heads[:-1])


def _sort_equal_runs(order: Ints, is_alike: NDArray[np.bool_], values: Float64s) -> None:
    """Sort those parts of `order` again whose keys are equal, now by the full values."""
    goes_on = np.append(False, is_alike)
    is_in_run = goes_on | np.append(is_alike, False)
    places, run = order[is_in_run], np.cumsum(~goes_on[is_in_run])
    order[is_in_run] = places[np.lexsort((values[places], run))]
