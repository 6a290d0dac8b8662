"""One column of many files: pieces -> the whole, types -> the type that holds both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from somscape.errors import InputError
from somscape.tables._arrow import is_text
from somscape.tables._texts import PlainTexts
from somscape.tables._words import listed, quoted

if TYPE_CHECKING:
    import pyarrow as pa


def joined_raw(
    parts: Sequence[PlainTexts | pa.ChunkedArray], among: int
) -> PlainTexts | pa.ChunkedArray:
    """Return raw cells of one of several columns, one file after the other."""
    import pyarrow as pa

    plain = [part for part in parts if isinstance(part, PlainTexts)]
    if len(plain) == len(parts):
        return PlainTexts.joined(plain, among)
    texts = (p.as_written() if isinstance(p, PlainTexts) else p for p in parts)
    return pa.chunked_array([chunk for text in texts for chunk in text.chunks], pa.string())


def joined_values(parts: Sequence[Sequence[Any]], _: int) -> list[Any]:
    """Return the values of one of several columns, one sheet after the other."""
    return [value for part in parts for value in part]


def join_types(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the type that holds the values of both, None where there is none."""
    import pyarrow as pa
    from pyarrow import types

    if one == other:
        return one
    one, other = (t.value_type if types.is_dictionary(t) else t for t in (one, other))
    pair = (one, other)
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if all(map(is_text, pair)):
        return pa.string()
    if all(map(_is_number, pair)) and not all(map(_fits_int64, pair)):
        return pa.float64()
    if all(types.is_date(t) or types.is_timestamp(t) for t in pair):
        zones = {t.tz for t in pair if types.is_timestamp(t)}
        return pa.timestamp("us", *zones) if len(zones) == 1 else None
    try:
        schemas = [pa.schema([("x", type_)]) for type_ in pair]
        return pa.unify_schemas(schemas, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None


def _is_number(type_: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_))


def _may_be_rounded(type_: pa.DataType) -> bool:
    """Return whether the last digits of values get lost anyway: numbers, and nanoseconds."""
    return _is_number(type_) or getattr(type_, "unit", "") == "ns"


def _fits_int64(type_: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_integer(type_) and not types.is_uint64(type_))


def check_names_of(
    part: str,
    names: Sequence[str],
    first: str,
    expected: Sequence[str],
    are_called: str = "files",
) -> None:
    """Raise InputError if the columns of a part have other names than those of the first one."""
    missing = [name for name in expected if name not in names]
    more = [name for name in names if name not in expected]
    if not (missing or more):
        return
    what = [f"no column {listed(missing, 3)}, which {first} has"] if missing else []
    what += [f"a column {listed(more, 3)}, which {first} has not"] if more else []
    more_cure = ", or leave it out by a pattern" if are_called == "files" else ""
    raise InputError(
        f"{part} has {', and '.join(what)}; give all {are_called} the same columns{more_cure}"
    )


def joined_column(
    name: str, type_: pa.DataType, parts: Sequence[Any], sources: Sequence[str]
) -> pa.ChunkedArray:
    """Return a column of parts, one after the other, as values of this type."""
    import pyarrow as pa

    chunks: list[pa.Array] = []
    for part, source in zip(parts, sources, strict=True):
        column = part.column(name)
        try:
            chunks += column.cast(type_, safe=not _may_be_rounded(column.type)).chunks
        except pa.ArrowException as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise InputError(
                f"{source}: column {quoted(name)} cannot be read as {type_} like the others"
                f" ({reason}); correct it, or leave {source} out"
            ) from error
    return pa.chunked_array(chunks, type_)
