"""Map files, which contain a JSON header and named arrays, and records with their contents."""

import json
import math
import mmap
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from somscape._files import write_whole
from somscape._stored import Budget
from somscape.errors import InputError, MapFileError, ParameterError
from somscape.tables._checked import converted, one_of

T = TypeVar("T")
Arrays: TypeAlias = dict[str, NDArray[Any]]

MAPPED_FROM = 64_000_000
"""Size in bytes above which a file is memory-mapped instead of read.  If another program shortens a
mapped file, the system ends the process (SIGBUS).  Smaller files are fast to read."""

MAX_HEADER_BYTES = 50_000_000
MAX_DIMENSIONS = 8

TYPES = {
    "BOOL": "|b1",
    **{f"U{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    **{f"I{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)},
}
"""NumPy types, by name in the file.  Types that NumPy lacks, such as BF16, are not supported."""

VALUE_BYTES = 64
"""Assumed memory in bytes for each JSON value."""

NAME_BYTES = 90
"""Assumed memory in bytes for each JSON name."""

CONTAINER_BYTES = 72
"""Assumed memory in bytes for each JSON list or object, without its content."""

ARRAY_BYTES = 600
"""Assumed memory in bytes for each array, without its values."""

NOT_A_MAP = "not a somscape map"


def open_arrays(path: Path) -> tuple[dict[str, str], Arrays, Budget]:
    """Return the metadata, arrays and remaining memory budget of a safetensors file."""
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
        raise ParameterError(f"{NOT_A_MAP}. Its header is not UTF-8 text.") from error
    entries = json_of(text, budget, "header")
    if not isinstance(entries, dict):
        raise ParameterError(f"{NOT_A_MAP}. Its header is not a JSON object.")
    metadata = entries.pop("__metadata__", {})
    metadata = _checked(metadata, dict[str, str], "__metadata__", "the part __metadata__")
    budget.take(ARRAY_BYTES * len(entries), f"{len(entries)} arrays")
    places = {name: _check_place(name, entry) for name, entry in entries.items()}
    _check_cover(places, size - 8 - n_header)
    arrays = {
        name: _view(name, np.ndarray(shape, type_, content, 8 + n_header + begin))
        for name, (type_, shape, begin, _) in places.items()
    }
    return metadata, arrays, budget


def _check_start(start: bytes, n_header: int, size: int) -> None:
    if len(start) < 9:
        raise ParameterError(
            f"{NOT_A_MAP}, or is truncated. The file has only {size} bytes. Copy or save the map "
            "again.",
            value=size,
        )
    if start[8:] != b"{" or n_header < 2:
        raise ParameterError(
            f"{NOT_A_MAP}. Give a map from `fit`, `detect` or Map.save, for example map.som. Maps "
            "of other programs have the extensions .cod, .wts, .p, .pkl and .pickle."
        )
    if n_header > MAX_HEADER_BYTES:
        raise ParameterError(
            f"{NOT_A_MAP}. Its header would have {n_header} bytes, but the header of a map has at "
            f"most {MAX_HEADER_BYTES} bytes.",
            value=n_header,
            allowed=MAX_HEADER_BYTES,
        )
    if n_header > size - 8:
        raise ParameterError(
            f"a truncated map. Its header should have {n_header} bytes, but the file contains only "
            f"{size - 8}. Copy or save the map again.",
            value=size - 8,
        )


def json_of(text: str, budget: Budget, what: str) -> Any:
    """Return the data of a JSON text."""
    values = VALUE_BYTES * text.count(",") + NAME_BYTES * text.count(":")
    containers = CONTAINER_BYTES * (text.count("[") + text.count("{"))
    # Twice the text, because the parser copies parts of the text.  One wide character makes all
    # characters of a text wide.
    size = 2 * sys.getsizeof(text) + values + containers
    budget.check(size, f"the {what} with many lists and values")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ParameterError(
            f"a damaged map. The {what} is not JSON ({error}). Save the map again."
        ) from error


def _refuse_constant(word: str) -> NoReturn:
    raise ParameterError(f"{word} is not a number")


def _checked(data: Any, type_: type[T], name: str, what: str) -> T:
    try:
        return converted(data, type_, what, "Save the map again.")
    except InputError as error:
        raise ParameterError(f"not a valid map. {error}", parameter=name) from error


Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class _Place(msgspec.Struct, forbid_unknown_fields=True):
    """The type, the shape, the first and the last byte of an array in a file."""

    dtype: Annotated[str, one_of(TYPES)]
    shape: Annotated[tuple[Count, ...], msgspec.Meta(max_length=MAX_DIMENSIONS)]
    data_offsets: tuple[Count, Count]


def _check_place(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Check the header entry of an array, and return its type, shape, first and last byte."""
    place = _checked(entry, _Place, name, f"array '{name}'")
    type_, (begin, end) = TYPES[place.dtype], place.data_offsets
    n_bytes = math.prod(place.shape) * np.dtype(type_).itemsize
    if n_bytes != end - begin:
        raise ParameterError(
            f"a damaged map. Array '{name}' of shape {place.shape} needs {n_bytes} bytes, but has "
            f"{end - begin}.",
            parameter=name,
            value=end - begin,
            allowed=n_bytes,
        )
    return type_, place.shape, begin, end


def _check_cover(places: dict[str, tuple[str, tuple[int, ...], int, int]], n_bytes: int) -> None:
    """Raise ValueError if the arrays of a file overlap, leave a gap or are cut off."""
    here = 0
    for name, (_, _, begin, end) in sorted(places.items(), key=lambda place: place[1][2:]):
        if begin != here:
            raise ParameterError(
                f"a damaged map. Array '{name}' overlaps another array or leaves a gap.",
                parameter=name,
            )
        here = end
    if here > n_bytes:
        raise ParameterError(
            f"a truncated map. Its arrays need {here} bytes, but the file contains only {n_bytes}. "
            "Copy or save the map again.",
            value=n_bytes,
            allowed=here,
        )
    if here < n_bytes:
        raise ParameterError(
            f"a damaged map. {n_bytes - here} bytes follow its last array.", value=n_bytes - here
        )


def _view(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == bool and array.size and array.view(np.uint8).max() > 1:
        raise ParameterError(
            f"a damaged map. Array '{name}' contains truth values other than 0 and 1.",
            parameter=name,
        )
    return array if array.flags.aligned else array.copy()  # kernels need aligned arrays


PACKED = (
    *("counts.values", "counts.below", "counts.upto", "rarity.x", "rarity.y"),
    "relation.transforms",
)
"""Names of the arrays that a file stores as float32 if this does not change any value."""

MATRIX = "decorrelation.matrix"
MEMBER_CODEBOOK = ".codebook"
"""End of the array name for the codebook of an additional map of a detector.  The codebook of the
map itself is stored unchanged."""


def packed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays in the compact form in which files store them."""
    return {name: _packed(a, name) if _is_packed(name) else a for name, a in arrays.items()}


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Undo `packed`, and return the original arrays, which are at most four times as large."""
    return {name: _unpacked(a, name) if _is_packed(name) else a for name, a in arrays.items()}


def _is_packed(name: str) -> bool:
    return name in PACKED or name.endswith((MATRIX, MEMBER_CODEBOOK))


def _packed(array: NDArray[Any], name: str) -> NDArray[Any]:
    if name.endswith(MATRIX) and array.ndim == 2 and np.array_equal(array, array.T):
        array = array[np.triu_indices(len(array))]
    if array.dtype != np.float64:
        return array
    with np.errstate(over="ignore"):
        short = array.astype(np.float32)
    return short if np.array_equal(short, array) else array


def _unpacked(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.dtype == np.float32:
        array = array.astype(np.float64)
    if not name.endswith(MATRIX) or array.ndim != 1:
        return array
    n = (isqrt(8 * len(array) + 1) - 1) // 2
    if n * (n + 1) // 2 != len(array):
        return array  # not a triangle, so the later check of the shape raises an error
    square = np.empty((n, n), dtype=array.dtype)
    upper = np.triu_indices(n)
    square[upper] = array
    square.T[upper] = array
    return square


FORMAT = 1
"""Number of the layout of files."""

FEATURE_BYTES = 300
"""Assumed memory in bytes for each feature of a map, without its numbers."""

UNIT_BYTES = 10
"""Assumed memory in bytes for each unit of a map, without its numbers."""

FREE_FEATURES = 1000
"""Number of features of a map that are not subtracted from the memory budget of its file."""

KEY = "somscape"
CLASSES, TARGETS = "classes", "targets"
"""Header entries of classifiers and regressors."""

ESTIMATOR = "estimator"
"""Header entry for the parameters of the estimator that was saved, and prefix of its arrays."""

PARTS = ("lattice", "encoding", "metric", "parameters", "versions", "detector")
OPTIONAL = (
    "format",
    "unit_labels",
    "kept_regions",
    CLASSES,
    TARGETS,
    ESTIMATOR,
)
GIVEN_TEXTS = ("encoding", "unit_labels", "kept_regions", CLASSES, TARGETS, ESTIMATOR)
"""Header parts with names from the data.  Line breaks are allowed."""

DECORRELATION = {f"decorrelation.{name}" for name in ("center", "spread", "matrix", "counts")}

RELATION = (
    *("features", "targets", "fills", "curves", "center", "spread"),
    *("means", "heights", "transforms", "scales", "tails", "offsets", "roots"),
)
"""Names of the arrays of a `Relation` in a detector."""

ARRAYS = {
    *("codebook", "hits", "usual", "spread", "regions", "mean_contributions"),
    *("calibration", "calibration_weights", "calibration_units", "calibration_lowered"),
    *("counts.starts", "counts.values", "counts.below", "counts.upto"),
    *("metric.feature_weights", "metric.center", "metric.whitening"),
    *("lattice.pairs", "lattice.lengths", "lattice.positions"),
    *("joins.pairs", "joins.evidence", "joins.n_apart", "joins.by_shape", "kept_regions"),
    *(f"{CLASSES}.{name}" for name in ("values", "shares", "far", "centers")),
    *(f"{TARGETS}.{name}" for name in ("values", "slopes", "spread", "errors", "limits", "far")),
    *("reach", "rarity.features", "rarity.x", "rarity.y"),
    *(f"relation.{name}" for name in RELATION),
    *("marks.features", "marks.x", "marks.y", "marks.places", "marks.pull"),
    *("marks.rows", "marks.held"),
    *DECORRELATION,
}

MEMBER_ARRAYS = {"codebook", "hits", "usual", "spread", "reach", *DECORRELATION}
"""Names of the arrays for an additional map of a detector, stored as
``members.<number>.<name>``."""

MEMBERS = "members"
"""Header entry for the number of additional maps whose scores a detector combines."""

MAX_MEMBERS = 256
"""Largest number of additional maps of a detector."""

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
        Plain JSON data.  Its entry ``format`` is the number of the layout.
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
    """An object that can be converted to a record for a file."""

    def to_record(self) -> Record:
        """Return the record of the object."""


def write_record(path: str | Path, record: Record) -> None:
    """Write a record to a file, completely or not at all.

    Parameters
    ----------
    path : str or Path
        Path of the file.  An existing file is replaced only after the new file is completely
        written.
    record : Record

    Raises
    ------
    InputError
        If a text is not valid Unicode, because it contains half of a surrogate pair.
    OSError
        If the file cannot be written to its folder.

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
    if problem := next(_bad_texts(header), None):
        raise InputError(f"The map cannot be saved. {problem}. Correct the text.")
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
        A record with read-only arrays.  If the file is larger than 64 MB, the arrays are read from
        the mapped file when needed.  The arrays stay valid if another map is saved under the same
        name.  Saving creates a new file.

    Raises
    ------
    MapFileError
        If the file is missing, damaged, not a somscape map, or in an unsupported format.

    See Also
    --------
    write_record, somscape.load

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
        raise MapFileError(
            f"{path} is a folder. Give the map in this folder, for example {path}/map.som.",
            file=path,
        )
    if not target.is_file():
        raise MapFileError(
            f"{path} does not exist. Give a map that somscape saved, for example map.som.",
            file=path,
        )
    try:
        metadata, arrays, budget = open_arrays(target)
        if KEY not in metadata:
            raise MapFileError(
                f"{path} is {NOT_A_MAP}. It is a safetensors file without a map. Give a map from "
                "`fit`, `detect` or Map.save.",
                file=path,
            )
        header = json_of(metadata[KEY], budget, "map's header")
        codebook = arrays.get("codebook", np.empty(()))
        if codebook.ndim == 2:
            pay_for_map(budget, codebook.shape[1], codebook.shape[0])
    except MapFileError:
        raise
    except InputError as error:  # raised by the budget, with the name of the file
        raise MapFileError(str(error), file=path) from error
    except ValueError as error:
        fact = getattr(error, "parameter", None)
        raise MapFileError(f"{path} is {error}", file=path, parameter=fact) from error
    number = header.get("format") if isinstance(header, dict) else None
    if type(number) is not int or number != FORMAT:
        raise MapFileError(
            f"{path} has format {number!r}, but this version of somscape reads only format "
            f"{FORMAT}. Install the version of somscape that wrote the file.",
            file=path,
            value=number,
            allowed=[FORMAT],
        )
    if problem := _problem(header, arrays, metadata):
        raise MapFileError(f"{path} is not a valid map. {problem}.", file=path)
    return Record(header, unpacked(arrays))


def _problem(header: Header, arrays: Arrays, metadata: dict[str, str]) -> str | None:
    """Return a description of the first invalid part of a map file, or None."""
    lacking = [name for name in PARTS if name not in header]
    if lacking:
        return f"Its header does not contain {', '.join(lacking)}. Save the map again"
    unknown = [
        *(name for name in header if name not in (*PARTS, *OPTIONAL)),
        *(name for name in arrays if not _is_known(name)),
        *(name for name in metadata if name != KEY),
    ]
    if unknown:
        versions = header["versions"]
        by = versions.get("somscape") if isinstance(versions, dict) else None
        return (
            f"This version of somscape does not support its part {unknown[0][:40]!r}. The map was "
            f"written by somscape {str(by)[:20]!r}. Install this version or a newer version"
        )
    return next(_bad_texts(header), None)


def built_from(record: Record, build: Callable[[Record], Built], what: str) -> Built:
    """Build an object from a record.  Raise InputError if the object does not use all arrays."""
    try:
        built = build(record)
        unread = sorted(record.arrays.keys() - built.to_record().arrays.keys())
        unread = [name for name in unread if not name.startswith(f"{ESTIMATOR}.")]
        if unread:  # ignoring an array could change results
            raise ParameterError(
                f"the header does not have an entry for array {unread[0][:40]!r}",
                parameter=unread[0],
            )
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(
            f"The parts of the {what} do not fit together ({error}).",
            parameter=getattr(error, "parameter", None),
        ) from error
    return built


def arrays_within(arrays: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Return the arrays of a part of a file, such as "history", by their names in this part."""
    return {k.removeprefix(f"{part}."): v for k, v in arrays.items() if k.startswith(f"{part}.")}


def arrays_of_members(arrays: Mapping[str, Any], n_members: int) -> list[dict[str, Any]]:
    """Return the arrays of each additional map of a detector."""
    members: dict[str, dict[str, Any]] = {str(i): {} for i in range(n_members)}
    for name, values in arrays.items():
        if not name.startswith(f"{MEMBERS}."):
            continue
        found = _MEMBER.fullmatch(name)
        if found is None or found[1] not in members:
            raise InputError(
                f"array {name[:40]!r} does not belong to any of the {n_members} maps that score "
                "together",
                parameter=name,
            )
        members[found[1]][found[2]] = values
    for number, parts in members.items():
        also = set() if DECORRELATION.isdisjoint(parts) else DECORRELATION
        if lacking := sorted(({"codebook", "hits"} | also) - parts.keys()):
            raise InputError(
                f"{MEMBERS}.{number} does not contain {', '.join(lacking)}", parameter=lacking[0]
            )
    return list(members.values())


def _is_known(name: str) -> bool:
    if member := _MEMBER.fullmatch(name):
        return member[2] in MEMBER_ARRAYS
    return name in ARRAYS or name.startswith(("history.", f"{ESTIMATOR}."))


def _bad_texts(header: Header) -> Iterator[str]:
    """Yield a description of each header text with forbidden characters."""
    for part, value in header.items():
        pattern = _SURROGATE if part in GIVEN_TEXTS else _CONTROL
        for text in _texts({part: value}):
            if pattern.search(text):
                yield (
                    f"Text {text[:40]!r} in '{part}' contains a control character or an incomplete "
                    "character"
                )


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
    """Subtract the memory that a map needs from the budget, or raise InputError."""
    n_bytes = FEATURE_BYTES * max(0, n_features - FREE_FEATURES) + UNIT_BYTES * n_units
    budget.take(n_bytes, f"a map of {n_features} features")
