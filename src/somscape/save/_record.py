"""A record: named arrays and a JSON header, as one file and as what other formats become.

The header stands in the file's metadata under the single key "somscape" (several keys would
be written in any order, and the same map would not give the same bytes).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._errors import MapFileError
from somscape._files import write_whole
from somscape.save._arrays import Arrays, json_of, open_arrays

FORMAT = 1
"""Number of the layout that `maps` writes; a reader is kept for each number."""

KEY = "somscape"
PARTS = ("lattice", "encoding", "parameters", "versions", "detector")

Header: TypeAlias = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Record:
    """What a file holds.

    Attributes
    ----------
    header : dict
        Plain JSON data; ``format`` is the layout's number.
    arrays : dict of str to ndarray
    """

    header: Header
    arrays: dict[str, NDArray[Any]]


def record_of(map_: Any) -> Record:
    """Return the record of a map.

    Parameters
    ----------
    map_ : Map, fitted estimator or Record

    Returns
    -------
    Record

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(map_, Record):
        return map_
    to_record = getattr(getattr(map_, "map_", map_), "to_record", None)
    if to_record is None:
        raise TypeError(f"a Map is needed, such as `som.map_`; got {type(map_).__name__}.")
    return to_record()


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
    write_whole(path, save(arrays, metadata={KEY: text}))


def read_record(path: str | Path) -> Record:
    """Read a record.

    Parameters
    ----------
    path : str or Path
        A file that `write_record` wrote.

    Returns
    -------
    Record
        Its arrays are read-only and lie in the mapped file.  They stay whole when another map
        is saved under the same name, which makes a new file.

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
    try:
        metadata, arrays, size = open_arrays(target)
        if KEY not in metadata:
            raise MapFileError(f"{path}: a safetensors file, but not a somscape map.")
        header = json_of(metadata[KEY], size, "the map's header")
    except ValueError as error:
        if isinstance(error, MapFileError):
            raise
        raise MapFileError(f"{path}: {error}") from error
    number = header.get("format") if isinstance(header, dict) else None
    if type(number) is not int or number not in READERS:
        known = " and ".join(map(str, READERS))
        raise MapFileError(
            f"{path}: written in format {number!r}; this version of somscape reads format "
            f"{known}. Install a newer somscape."
        )
    lacking = [name for name in PARTS if name not in header]
    if lacking:
        raise MapFileError(f"{path}: the map's header lacks {', '.join(lacking)}. Save it again.")
    return READERS[number](header, arrays)


def _read_format_1(header: Header, arrays: Arrays) -> Record:
    return Record({"metric": "euclidean", **header}, arrays)


READERS: dict[int, Callable[[Header, Arrays], Record]] = {1: _read_format_1}
"""By format number, what turns header and arrays into today's record.

A new format gets the next number, its own line here, an example in ``tests/golden`` and a section
in ``docs/map_file.md``; the older lines stay.
"""
