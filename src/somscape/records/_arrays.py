"""Arrays in a safetensors file, which is checked before anything is built from it.

The file holds eight bytes with the length of the header (little-endian), the header (JSON with the
type, shape and place of each array), and the arrays' bytes without gaps.  Every claim of the header
is compared with the size of the file, and arrays are views of its bytes.  So no file makes us
allocate more than a few times its own size.
"""

import json
import math
import mmap
import os
import sys
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._budget import Budget

Arrays: TypeAlias = dict[str, NDArray[Any]]

MAPPED_FROM = 64_000_000
"""Larger files are mapped, smaller ones read.  The system ends a process (SIGBUS) that accesses a
mapped file after another program cut it short; reading this much takes hundredths of a second."""

MAX_HEADER_BYTES = 50_000_000
MAX_DIMENSIONS = 8

TYPES = {
    "BOOL": "|b1",
    **{f"U{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    **{f"I{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)},
}
"""Names of types in the file; NumPy does not have BF16 and the like."""

VALUE_BYTES = 64
"""Memory of a value of a JSON text."""

NAME_BYTES = 90
"""Memory of a name of a JSON text."""

CONTAINER_BYTES = 72
"""Memory of an empty list or object of a JSON text."""

ARRAY_BYTES = 600
"""Memory of an array without its values."""

NOT_A_MAP = "not a somscape map"


def open_arrays(path: Path) -> tuple[dict[str, str], Arrays, Budget]:
    """Return the metadata and arrays of a safetensors file, and the memory it may still take."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MAPPED_FROM:
            content: bytes | mmap.mmap = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        else:
            content = file.read()
    size, n_header = len(content), int.from_bytes(content[:8], "little")
    _check_start(content[:9], n_header, size)
    budget = Budget(str(path), size)
    try:
        text = content[8 : 8 + n_header].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{NOT_A_MAP}: its header is not UTF-8 text.") from error
    entries = json_of(text, budget, "its header")
    if not isinstance(entries, dict):
        raise ValueError(f"{NOT_A_MAP}: its header is not a JSON object.")
    metadata = entries.pop("__metadata__", {})
    if not (isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())):
        raise ValueError("a damaged map: its metadata must be names and texts. Save it again.")
    budget.take(ARRAY_BYTES * len(entries), f"{len(entries)} arrays")
    places = {name: _place(name, entry) for name, entry in entries.items()}
    _check_cover(places, size - 8 - n_header)
    arrays = {
        name: _view(name, np.ndarray(shape, type_, content, 8 + n_header + begin))
        for name, (type_, shape, begin, _) in places.items()
    }
    return metadata, arrays, budget


def _check_start(start: bytes, n_header: int, size: int) -> None:
    if len(start) < 9:
        raise ValueError(f"{NOT_A_MAP}, or a truncated one: it has {size} bytes.")
    if start[8:] != b"{" or n_header < 2:
        raise ValueError(
            f"{NOT_A_MAP}. Give a map that `fit`, `detect` or Map.save wrote, such as map.som. "
            "Other programs' maps are known by their endings: .cod, .wts, .p, .pkl, .pickle."
        )
    if n_header > MAX_HEADER_BYTES:
        raise ValueError(
            f"{NOT_A_MAP}: its header would have {n_header} bytes, and a map's has at most "
            f"{MAX_HEADER_BYTES}."
        )
    if n_header > size - 8:
        raise ValueError(
            f"a truncated map: its header should have {n_header} bytes, and {size - 8} are there. "
            "Copy or save it again."
        )


def json_of(text: str, budget: Budget, what: str) -> Any:
    """Return the data of a JSON text."""
    values = VALUE_BYTES * text.count(",") + NAME_BYTES * text.count(":")
    containers = CONTAINER_BYTES * (text.count("[") + text.count("{"))
    # The text and the parts cut from it; one wide letter makes a text wide throughout.
    budget.check(2 * sys.getsizeof(text) + values + containers, f"{what} of many lists and values")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a damaged map: {what} is not JSON ({error}). Save it again.") from error


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _place(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Return type, shape, begin and end of an array, all checked."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"a damaged map: array '{name}' lacks its type, shape or place.")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in TYPES:
        raise ValueError(f"not a map that NumPy can read: array '{name}' is of type {kind!r}.")
    if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"a damaged map: the shape of array '{name}' is not a list of sizes.")
    if not _are_counts(offsets) or len(offsets) != 2:
        raise ValueError(f"a damaged map: the place of array '{name}' is not a begin and an end.")
    n_bytes, (begin, end) = math.prod(shape) * np.dtype(TYPES[kind]).itemsize, offsets
    if n_bytes != end - begin:
        raise ValueError(
            f"a damaged map: array '{name}' of shape {tuple(shape)} needs {n_bytes} bytes and has "
            f"{end - begin}."
        )
    return TYPES[kind], tuple(shape), begin, end


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(n) is int and n >= 0 for n in values)


def _check_cover(places: dict[str, tuple[str, tuple[int, ...], int, int]], n_bytes: int) -> None:
    """Raise unless the arrays lie side by side, without gaps, to the end of the file."""
    here = 0
    for name, (_, _, begin, end) in sorted(places.items(), key=lambda place: place[1][2:]):
        if begin != here:
            raise ValueError(f"a damaged map: array '{name}' overlaps another or leaves a gap.")
        here = end
    if here > n_bytes:
        raise ValueError(
            f"a truncated map: its arrays need {here} bytes, and {n_bytes} are there. Copy or save "
            "it again."
        )
    if here < n_bytes:
        raise ValueError(f"a damaged map: {n_bytes - here} bytes follow its last array.")


def _view(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == bool and array.size and array.view(np.uint8).max() > 1:
        raise ValueError(f"a damaged map: array '{name}' holds truth values other than 0 and 1.")
    return array if array.flags.aligned else array.copy()  # kernels need aligned arrays
