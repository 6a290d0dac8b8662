"""A record: named arrays and a JSON header in one safetensors file.

The header stands in the file's metadata under the single key "somscape" (several keys would
be written in any order, and the same map would not give the same bytes).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._errors import MapFileError
from somscape._files import write_whole

FORMAT = 1
"""Number of the layout that `maps` writes; a reader is kept for each number."""

KEY = "somscape"
MAX_HEADER_BYTES = 50_000_000


@dataclass(frozen=True, eq=False)
class Record:
    """What a file holds.

    Attributes
    ----------
    header : dict
        Plain JSON data; ``format`` is the layout's number.
    arrays : dict of str to ndarray
    """

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def write_record(path: str | Path, record: Record) -> None:
    """Write a record whole or not at all.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, after everything is written and flushed.
    record : Record

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    from safetensors.numpy import save

    header = {**record.header, "format": FORMAT}
    text = json.dumps(header, sort_keys=True, allow_nan=False, separators=(",", ":"))
    arrays = {name: np.ascontiguousarray(a) for name, a in record.arrays.items()}
    data = save(arrays, metadata={KEY: text})
    write_whole(path, data)


def read_record(path: str | Path) -> Record:
    """Read a record.

    Parameters
    ----------
    path : str or Path
        A file that `write_record` wrote.

    Returns
    -------
    Record

    Raises
    ------
    MapFileError
        When the file is missing, is no somscape map, is damaged, or has a format number
        that this version does not know.
    """
    target = Path(path)
    if target.is_dir():
        raise MapFileError(f"{path} is a folder. Give the map inside it, such as {path}/map.som.")
    if not target.is_file():
        raise MapFileError(f"{path}: no such file. Give the path of a map saved by somscape.")
    _check_magic(target)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(target, framework="numpy") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise MapFileError(f"{path}: a safetensors file, but not a somscape map.")
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (SafetensorError, TypeError) as error:  # TypeError: a number type that NumPy lacks
        raise MapFileError(
            f"{path}: not a somscape map, or a damaged one ({error}). Save the map again."
        ) from error
    header = _read_header(path, metadata[KEY])
    return Record(header, arrays)


def _read_header(path: str | Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MapFileError(f"{path}: the map's header is no JSON ({error}).") from error
    number = header.get("format") if isinstance(header, dict) else None
    if number != FORMAT:
        raise MapFileError(
            f"{path}: written in format {number!r}; this version of somscape reads format "
            f"{FORMAT}. Install a newer somscape."
        )
    return dict(header)


def _check_magic(path: Path) -> None:
    """Refuse other files before their first eight bytes are taken for a header's length."""
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    room = path.stat().st_size - 8
    if len(start) < 9 or start[8:9] != b"{" or not 2 <= length <= min(room, MAX_HEADER_BYTES):
        raise MapFileError(
            f"{path}: not a somscape map, or a truncated one. Give a file saved by somscape."
        )
