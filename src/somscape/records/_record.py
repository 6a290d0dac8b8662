"""A record: named arrays and a JSON header, read from a file of ours or of another program.

The header is in the file's metadata under the single key "somscape".  Several keys would be written
in any order, and the same map would not give the same bytes.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from somscape._budget import Budget
from somscape._files import write_whole
from somscape._validate import check_whole
from somscape.errors import InputError, MapFileError
from somscape.records._arrays import Arrays, json_of, open_arrays
from somscape.records._packed import packed, unpacked

FORMAT = 1
"""Number of the layout that `maps` writes; a reader is kept for each number."""

FEATURE_BYTES = 300
"""Memory of a feature in a record and a map, besides its numbers."""

UNIT_BYTES = 10
"""Memory of a unit in a record and a map, besides its numbers."""

FREE_FEATURES = 1000
"""Features that a file of any size may have."""

KEY = "somscape"
CLASSES, TARGETS = "classes", "targets"
"""Entries of the header of a map that names classes, and of one that predicts numbers."""

PARTS = ("lattice", "encoding", "parameters", "versions", "detector")
OPTIONAL = ("format", "metric", "unit_labels", "kept_regions", "checkpoint", CLASSES, TARGETS)
GIVEN_TEXTS = ("encoding", "unit_labels", "kept_regions", CLASSES, TARGETS)
"""Parts with names from the data, which may have several lines."""

DECORRELATION = {f"decorrelation.{name}" for name in ("center", "spread", "matrix", "counts")}

STATE = ("prototypes", "counts", "totals", "error", "seen")
"""Arrays of what a step of a training led to, which a checkpoint holds."""

ARRAYS = {
    *("codebook", "hits", "usual", "spread", "lift", "regions", "mean_contributions"),
    *("calibration", "calibration_weights", "calibration_units"),
    *("counts.starts", "counts.values", "counts.below", "counts.upto"),
    *("metric.feature_weights", "metric.center", "metric.whitening"),
    *("lattice.pairs", "lattice.lengths", "lattice.positions"),
    *("joins.pairs", "joins.evidence", "joins.n_apart", "kept_regions"),
    *(f"{CLASSES}.{name}" for name in ("values", "shares", "far", "centers")),
    *(f"{TARGETS}.{name}" for name in ("values", "slopes", "spread", "errors", "limits", "far")),
    *("reach", "rarity.features", "rarity.x", "rarity.y"),
    *("marks.features", "marks.x", "marks.y", "marks.places", "marks.pull"),
    *("marks.rows", "marks.held"),
    *("checkpoint.steps", "checkpoint.digests", "checkpoint.errors"),
    *(f"checkpoint.{name}" for name in STATE),
    *(f"checkpoint.best_{name}" for name in STATE),
    *DECORRELATION,
}

MEMBER_ARRAYS = {"codebook", "hits", "usual", "spread", "reach", *DECORRELATION}
"""Arrays of each map that scores together with others, as ``members.<number>.<name>``."""

MEMBERS = "members"
"""Entry of a detector's header: how many maps score together."""

MAX_MEMBERS = 256
"""Most maps that may score together."""

_MEMBER = re.compile(rf"{MEMBERS}\.([0-9]{{1,3}})\.(.+)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

Header: TypeAlias = dict[str, Any]
Built = TypeVar("Built", bound="HasRecord")


@dataclass(frozen=True, eq=False)
class Record:
    """The contents of a file.

    Attributes
    ----------
    header : dict
        Plain JSON data; ``format`` is the number of the layout.
    arrays : dict of str to ndarray

    See Also
    --------
    read_record, write_record

    Examples
    --------
    >>> from somscape import SOM
    >>> X = [[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]]
    >>> record = SOM(1, 2, random_state=0).fit(X).map_.to_record()
    >>> record.arrays["codebook"].shape
    (2, 2)
    """

    header: Header
    arrays: dict[str, NDArray[Any]]


class HasRecord(Protocol):
    """An object with a record."""

    def to_record(self) -> Record:
        """Return its record."""
        ...


def write_record(path: str | Path, record: Record) -> None:
    """Write a record to a file, completely or not at all.

    Parameters
    ----------
    path : str or Path
        If the file exists, it is replaced after everything is written and flushed.
    record : Record

    Raises
    ------
    InputError
        For text that is not valid Unicode (half of a surrogate pair).
    OSError
        If the folder cannot be written.

    See Also
    --------
    read_record, somscape.Map.save

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.write_record(f"{folder}/map.som", som.map_.to_record())
    ...     print(save.read_record(f"{folder}/map.som").arrays["codebook"].shape)
    (2, 2)
    """
    header = {**record.header, "format": FORMAT}
    problem = next(_bad_texts(header), None)
    if problem:
        raise InputError(f"the map cannot be saved: {problem}. Correct it.")
    text = json.dumps(header, sort_keys=True, allow_nan=False, separators=(",", ":"))
    arrays = {name: np.ascontiguousarray(a) for name, a in packed(record.arrays).items()}
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
        Its arrays are read-only.  The arrays of a file above 64 MB lie in the mapped file.  They
        stay valid when another map is saved under the same name, which makes a new file.

    Raises
    ------
    MapFileError
        If the file is missing, is not a somscape map, is damaged, or has a format number that this
        version does not support.

    See Also
    --------
    write_record, read_map, somscape.load

    Examples
    --------
    >>> import tempfile
    >>> from somscape import SOM, save
    >>> som = SOM(1, 2, random_state=0).fit([[0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     som.save(f"{folder}/map.som")
    ...     record = save.read_record(f"{folder}/map.som")
    >>> record.arrays["codebook"].shape
    (2, 2)
    """
    target = Path(path)
    if target.is_dir():
        raise MapFileError(f"{path} is a folder. Give the map inside it, such as {path}/map.som.")
    if not target.is_file():
        raise MapFileError(f"{path}: no such file. Give the path of a map saved by somscape.")
    try:
        metadata, arrays, budget = open_arrays(target)
        if KEY not in metadata:
            raise MapFileError(f"{path}: a safetensors file, but not a somscape map.")
        header = json_of(metadata[KEY], budget, "the map's header")
        codebook = arrays.get("codebook", np.empty(()))
        if codebook.ndim == 2:
            pay_for_map(budget, codebook.shape[1], codebook.shape[0])
    except MapFileError:
        raise
    except InputError as error:  # the budget's, which names the file
        raise MapFileError(str(error)) from error
    except ValueError as error:
        raise MapFileError(f"{path}: {error}") from error
    number = header.get("format") if isinstance(header, dict) else None
    if type(number) is not int or number not in READERS:
        known = " and ".join(map(str, READERS))
        raise MapFileError(
            f"{path}: written in format {number!r}; this version of somscape reads format "
            f"{known}. Install a newer somscape."
        )
    problem = _problem(header, arrays, metadata)
    if problem:
        raise MapFileError(f"{path}: {problem}.")
    return READERS[number](header, arrays)


def _problem(header: Header, arrays: Arrays, metadata: dict[str, str]) -> str | None:
    """Return what is wrong with the parts of a map, or None."""
    lacking = [name for name in PARTS if name not in header]
    if lacking:
        return f"the map's header lacks {', '.join(lacking)}. Save it again"
    unknown = [
        *(name for name in header if name not in (*PARTS, *OPTIONAL)),
        *(name for name in arrays if not _is_known(name)),
        *(name for name in metadata if name != KEY),
    ]
    if unknown:
        versions = header["versions"]
        by = versions.get("somscape") if isinstance(versions, dict) else None
        return (
            f"it has a part {unknown[0][:40]!r}, which this version of somscape does not know and "
            f"must not ignore; it was written by somscape {str(by)[:20]!r}. Install that version "
            "or a newer one"
        )
    return next(_bad_texts(header), None)


def built_from(record: Record, build: Callable[[Record], Built], what: str) -> Built:
    """Return the object that is built from a record and uses all of its arrays."""
    try:
        built = build(record)
        unread = sorted(record.arrays.keys() - built.to_record().arrays.keys())
        if unread:  # to ignore them might change answers
            raise ValueError(f"the header has nothing that {unread[0][:40]!r} belongs to")
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f"the {what}'s parts do not fit together ({error}).") from error
    return built


def arrays_of_members(arrays: Mapping[str, Any], n_members: Any) -> list[dict[str, Any]]:
    """Return the arrays of each of the maps that score together."""
    try:
        check_whole(f"detector.{MEMBERS}", n_members, 0, high=MAX_MEMBERS)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    members: dict[str, dict[str, Any]] = {str(i): {} for i in range(n_members)}
    for name, values in arrays.items():
        if not name.startswith(f"{MEMBERS}."):
            continue
        found = _MEMBER.fullmatch(name)
        if found is None or found[1] not in members:
            raise InputError(f"{name[:40]!r} belongs to none of the {n_members} maps that score")
        members[found[1]][found[2]] = values
    for number, parts in members.items():
        needed = {"codebook", "hits"}
        if not DECORRELATION.isdisjoint(parts):
            needed |= DECORRELATION
        if not needed <= parts.keys():
            lacking = ", ".join(sorted(needed - parts.keys()))
            raise InputError(f"{MEMBERS}.{number} lacks {lacking}")
    return list(members.values())


def _is_known(name: str) -> bool:
    member = _MEMBER.fullmatch(name)
    if member:
        return member[2] in MEMBER_ARRAYS
    return name in ARRAYS or name.startswith("history.")


def _bad_texts(header: Header) -> Iterator[str]:
    """Yield what is wrong with each text of a header that is not allowed there."""
    for part, value in header.items():
        pattern = _SURROGATE if part in GIVEN_TEXTS else _CONTROL
        for text in _texts({part: value}):
            if pattern.search(text):
                yield f"{text[:40]!r} in '{part}' holds a control character or half a letter"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def pay_for_map(budget: Budget, n_features: int, n_units: int) -> None:
    """Count the memory that a map takes, or raise InputError."""
    n_bytes = FEATURE_BYTES * max(0, n_features - FREE_FEATURES) + UNIT_BYTES * n_units
    budget.take(n_bytes, f"a map of {n_features} features")


def _read_format_1(header: Header, arrays: Arrays) -> Record:
    return Record({"metric": "euclidean", **header}, unpacked(arrays))


READERS: dict[int, Callable[[Header, Arrays], Record]] = {1: _read_format_1}
"""By format number, the function that turns header and arrays into today's record."""
