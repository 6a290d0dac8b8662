"""Choose between the compiled core, NumPy and a device, and run functions in threads."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.kernels._sparse import Device, DeviceArray

if TYPE_CHECKING:
    from somscape.kernels._core_face import CoreKernels
    from somscape.kernels._numpy_twin import NumpyKernels

MAX_VALUES = 1 << 25
"""Maximum number of values in a temporary array on the device (256 MB in float64).  Up to seven
such arrays are in memory at a time."""


class DeviceKernels:
    """Search and sums for rows on a device. All other work runs on the kernels of the host.

    Rows on a device have no missing values and are compared by plain Euclidean distances, so all
    other arguments of a search are ignored.

    Parameters
    ----------
    device : Device
    dtype : numpy dtype
        Type of the rows.
    host : CoreKernels or NumpyKernels
    """

    def __init__(self, device: Device, dtype: Any, host: Any) -> None:
        self.device, self.host = device, host
        self.name = f"{device.name} {dtype}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    def search(self, rows: Any, codebook: Floats, k: int = 1, **_: Any) -> tuple[Any, Any]:
        """Return the `k` nearest units of each row and their distances, as arrays on the device."""
        xp, device = self.device.library, self.device
        scored, prototypes = _Scores(codebook, rows), device.sent(codebook, xp.float64)
        units, distances = [], []
        for part in scored.tiles(len(rows)):
            tile = rows.array[part, :]
            units.append(scored.least(tile, k))
            wide = xp.astype(tile, xp.float64)
            near = [wide - xp.take(prototypes, units[-1][:, i], axis=0) for i in range(k)]
            distances.append(xp.stack([xp.sqrt(xp.sum(x * x, axis=1)) for x in near], axis=1))
        return _join(units, device), _join(distances, device)

    def winners(self, rows: Any, codebook: Floats, k: int = 1, **_: Any) -> Any:
        """Return the `k` nearest units of each row, as an array on the device."""
        scored = _Scores(codebook, rows)
        tiles = (rows.array[part, :] for part in scored.tiles(len(rows)))
        return _join([scored.least(tile, k) for tile in tiles], self.device)

    def sums(
        self,
        rows: Any,
        units: Any,
        weights: Float64s | None,
        center: Float64s,
        scale: Float64s,
        weight_scale: float,
        counts: Ints,
        totals: Ints,
        distances: Any = None,
        error_scale: float = 1.0,
    ) -> int:
        """Add each row to `totals` and `counts` at its unit. Return the sum of the distances."""
        fixed = (center, scale, weight_scale)
        if not isinstance(rows, DeviceArray):
            given = (units, weights, *fixed, counts, totals, distances, error_scale)
            return self.host.sums(rows, *given)
        xp, error = self.device.library, 0
        middle, factor = self.device.sent(center), self.device.sent(scale)
        for part in blocks(len(rows), _step(rows.shape[1] + 2)):
            values = (xp.astype(rows.array[part, :], xp.float64) - middle) * factor
            times = self._column(weights, part)
            ones = xp.ones((values.shape[0], 1), dtype=xp.float64, device=self.device.place)
            far = 0.0 * ones if distances is None else self._column(distances, part)
            weight = ones if times is None else times
            terms = [
                _round(xp, values, times),
                xp.astype(xp.round(weight * weight_scale), xp.int64),
                xp.astype(far * weight * error_scale, xp.int64),  # truncated, as in the core
            ]
            of_rows = self._column(units, part)[:, 0]
            found = self._sums_by_unit(xp.concat(terms, axis=1), of_rows, len(counts))
            totals += found[:, :-2]
            counts += found[:, -2]
            error += int(found[:, -1].sum())
        return error

    def _column(self, values: Any, part: slice) -> Any:
        """Return a slice of `values` on the device, as an array with one column."""
        if values is None:
            return None
        some = values[part]
        there = some.array if isinstance(some, DeviceArray) else self.device.sent(some)
        return there[:, None]

    def _sums_by_unit(self, terms: Any, units: Any, n_units: int) -> Ints:
        """Return, for each unit, the exact sum of the integer terms of its rows."""
        xp, place = self.device.library, self.device.place
        order = xp.argsort(units)
        running = xp.cumulative_sum(xp.take(terms, order, axis=0), axis=0, include_initial=True)
        numbers = xp.arange(n_units + 1, dtype=units.dtype, device=place)
        ends = xp.searchsorted(xp.take(units, order), numbers)
        at_ends = self.device.fetched(xp.take(running, ends, axis=0))
        return np.diff(at_ends, axis=0)


class _Scores:
    """Scores of units for rows. A score is the squared distance minus the row's squared norm.

    Rows and prototypes are centered on the mean of the prototypes and scaled to about 1, so that
    scores are precise even for values that are tiny, huge or far from 0.
    """

    def __init__(self, codebook: Floats, rows: DeviceArray) -> None:
        device, dtype = rows.device, rows.array.dtype
        # Rounded once, because rows and prototypes must be moved by the same amount.
        center = codebook.mean(axis=0).astype(rows.dtype).astype(np.float64)
        moved = codebook.astype(np.float64, copy=False) - center
        _, exponent = np.frexp(np.abs(moved).max())
        moved = np.ldexp(moved, -exponent)
        factors = np.column_stack([-2.0 * moved, (moved**2).sum(axis=1)])
        self.device, self.n_units = device, len(codebook)
        self.center = device.sent(center, dtype)
        self.scale = float(np.ldexp(1.0, -exponent))
        self.factors = device.sent(np.ascontiguousarray(factors.T), dtype)

    def tiles(self, n: int) -> Iterator[slice]:
        """Yield slices that divide `n` rows into blocks that fit into memory."""
        return blocks(n, _step(max(self.factors.shape)))

    def least(self, tile: Any, k: int) -> Any:
        """Return, for each row, the `k` units with the lowest scores, by score and then number."""
        xp, place = self.device.library, self.device.place
        ones = xp.ones((tile.shape[0], 1), dtype=tile.dtype, device=place)
        moved = xp.concat([(tile - self.center) * self.scale, ones], axis=1)
        scores = self.device.product(moved, self.factors)
        numbers = xp.arange(self.n_units, dtype=xp.int64, device=place)
        found: list[Any] = []
        while len(found) < k:
            if found:
                scores = xp.where(numbers[None, :] == found[-1][:, None], xp.inf, scores)
            found.append(xp.astype(xp.argmin(scores, axis=1), xp.int64))
        return xp.stack(found, axis=1)


def distances_on_device(rows: DeviceArray, codebook: Float64s) -> DeviceArray:
    """Return the Euclidean distance of each row on a device to every prototype."""
    xp, device = rows.device.library, rows.device
    prototypes, found = device.sent(codebook, xp.float64), []
    for part in blocks(len(rows), _step(codebook.size)):
        wide = xp.astype(rows.array[part, :], xp.float64)
        apart = wide[:, None, :] - prototypes[None, :, :]
        far = xp.sqrt(xp.sum(apart * apart, axis=2))
        found.append(xp.astype(far, rows.array.dtype))
    return _join(found, device)


def _step(width: int) -> int:
    return max(1, MAX_VALUES // width)


def _join(parts: list[Any], device: Device) -> DeviceArray:
    return DeviceArray(parts[0] if len(parts) == 1 else device.library.concat(parts), device)


def _round(xp: Any, values: Any, times: Any) -> Any:
    """Return weighted values as integers. A whole weight multiplies the rounded value."""
    if times is None:
        return xp.astype(xp.round(values), xp.int64)
    is_whole = xp.round(times) == times
    # Values that fit into an integer only because of their weight are excluded from the cast.
    whole = xp.astype(xp.round(xp.where(is_whole, values, 0.0)), xp.int64)
    repeated = whole * xp.astype(xp.where(is_whole, times, 0.0), xp.int64)
    return repeated + xp.astype(xp.round(xp.where(is_whole, 0.0, values * times)), xp.int64)


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
    is_alike = np.empty(0, dtype=bool)
    if n_dropped:  # then keys of different values may have equal heads
        heads = keys >> np.uint64(place_bits)
        is_alike = heads[1:] == heads[:-1]
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


def _sort_equal_runs(order: Ints, is_alike: Bools, values: Float64s) -> None:
    """Sort those parts of `order` again whose keys are equal, now by the full values."""
    goes_on = np.append(False, is_alike)
    is_in_run = goes_on | np.append(is_alike, False)
    places, run = order[is_in_run], np.cumsum(~goes_on[is_in_run])
    order[is_in_run] = places[np.lexsort((values[places], run))]
