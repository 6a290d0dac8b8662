"""Values that Arrow holds -> a column: numbers as numbers, everything else as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Floats
from somscape.errors import InputError
from somscape.tables._cells import are_asked, clean, clean_values, without
from somscape.tables._made import numbers as numbers_of
from somscape.tables._numbers import Verdict, Where
from somscape.tables._table import EXACT, Column
from somscape.tables._texts import ArrowTexts, NumberTexts, Texts, ValueTexts
from somscape.tables._words import quoted

if TYPE_CHECKING:
    import pyarrow as pa


def column_from_arrow(
    name: str,
    array: pa.ChunkedArray,
    where: Where,
    asked: Sequence[str] | None = None,
    words: set[str] | None = None,
) -> Column:
    """Make a column of the values that Arrow holds.

    Parameters
    ----------
    name : str
    array : pyarrow.ChunkedArray
        Of any type that is not nested.
    where : callable
        Says where a row stands, for messages.
    asked : sequence of str, optional
        Words and numbers that mean a missing cell; default: null, NaN and `MISSING_WORDS`.
    words : set of str, optional
        Those that stand for missing cells are added.

    Returns
    -------
    Column
    """
    from pyarrow import types

    words = set() if words is None else words
    type_ = array.type
    is_coded = types.is_dictionary(type_)
    if is_coded:
        array, type_ = array.cast(type_.value_type), type_.value_type
    if is_text(type_):
        import pyarrow as pa

        cells, found, _ = clean(array.cast(pa.string()), asked)
        words.update(found)
        return Column(name, ArrowTexts(cells))
    if not is_coded and types.is_integer(type_):
        return _whole(name, array, asked, words)
    if not is_coded and (types.is_floating(type_) or types.is_null(type_)):
        return _floats(name, array, where, asked, words)
    if not is_coded and types.is_decimal(type_):
        return _decimals(name, array, asked, words)
    if not is_coded and types.is_temporal(type_):
        array = _in_microseconds(array)
        refuse_unreadable(name, array, where)
    if asked:
        array = clean_values(array, asked, words)
    return Column(name, ValueTexts(array))


def column_of_floats(name: str, values: Any, where: Where) -> Column:
    """Make a column of an array of float32 or float64 that nobody changes, NaN where missing."""
    numbers, are_narrow = values.astype(np.float64, copy=False), values.dtype == np.float32
    is_number, problem = True, None
    if not np.isfinite(numbers).all():
        verdict = Verdict()
        verdict.look(0, numbers_of(numbers, np.isnan(numbers)), numbers)
        is_number, problem = verdict.settle(name, where)
    texts = NumberTexts(numbers, False, are_narrow)
    column = Column(name, texts, numbers=numbers if is_number else None)
    column.problem = problem
    if column.is_whole:
        return Column(name, NumberTexts(numbers, True, are_narrow), numbers=numbers)
    return column


def is_text(type_: Any) -> bool:
    """Return whether a type of Arrow is text."""
    from pyarrow import types

    views = getattr(types, "is_string_view", lambda _: False)
    return bool(types.is_string(type_) or types.is_large_string(type_) or views(type_))


def _without(
    numbers: Floats, array: pa.ChunkedArray, asked: Sequence[str] | None, words: set[str]
) -> tuple[Any, pa.ChunkedArray]:
    """Return numbers, and the values that they were made of, without those that are missing."""
    if not asked or not (is_asked := are_asked(numbers, asked)).any():
        return numbers, array
    return np.where(is_asked, numbers.dtype.type(np.nan), numbers), without(array, is_asked, words)


def _whole(
    name: str, array: pa.ChunkedArray, asked: Sequence[str] | None, words: set[str]
) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = _as_numpy(pc.cast(array, pa.float64(), safe=False))
    numbers, array = _without(numbers, array, asked, words)
    is_exact = not len(numbers) or not np.nanmax(np.abs(numbers), initial=0.0) >= EXACT
    texts: Texts = NumberTexts(numbers, True) if is_exact else ValueTexts(array)
    return Column(name, texts, numbers=numbers)


def _floats(
    name: str,
    array: pa.ChunkedArray,
    where: Where,
    asked: Sequence[str] | None,
    words: set[str],
) -> Column:
    import pyarrow as pa

    narrow = array.type in (pa.float16(), pa.float32())
    array = array.cast(pa.float32() if narrow else pa.float64())
    values, _ = _without(_as_numpy(array), array, asked, words)
    return column_of_floats(name, values, where)


def _decimals(
    name: str, array: pa.ChunkedArray, asked: Sequence[str] | None, words: set[str]
) -> Column:
    import pyarrow as pa

    texts = array.cast(pa.string())
    numbers, texts = _without(_as_numpy(texts.cast(pa.float64())), texts, asked, words)
    return without_zeros(Column(name, ArrowTexts(texts), numbers=numbers))


def without_zeros(column: Column) -> Column:
    """Return a column of numbers, with 7.0 written "7" where all are whole."""
    # Whole numbers beside a null come as floats from pandas: "7.0" was 7.
    import pyarrow.compute as pc

    if not column.is_whole:
        return column
    shorter = ArrowTexts(pc.replace_substring_regex(column.to_arrow(), r"\.0+$", ""))
    return Column(column.name, shorter, numbers=column.numbers)


def _in_microseconds(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dates, times and durations in units that Python has."""
    import pyarrow as pa
    from pyarrow import types

    type_ = array.type
    if getattr(type_, "unit", "") != "ns":
        return array
    if types.is_timestamp(type_):
        return array.cast(pa.timestamp("us", type_.tz), safe=False)
    shorter = pa.duration("us") if types.is_duration(type_) else pa.time64("us")
    return array.cast(shorter, safe=False)


def refuse_unreadable(name: str, array: pa.ChunkedArray, where: Where, begin: int = 0) -> None:
    """Raise InputError for the first value that Python cannot hold."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        whole = pa.int32() if array.type.bit_width == 32 else pa.int64()
        ends = pc.min_max(array.cast(whole)).as_py()
        for end in ends.values():
            pa.scalar(end, whole).cast(array.type).as_py()
    except (OverflowError, ValueError, LookupError) as error:
        if middle := len(array) // 2:
            refuse_unreadable(name, array[:middle], where, begin)
            return refuse_unreadable(name, array[middle:], where, begin + middle)
        kind = str(array.type).partition("[")[0]
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"{where(begin)}: the {kind} in column {quoted(name)} cannot be read ({reason}). Make"
            " it missing, or write the column as plain text or numbers; dates go from the year 1 to"
            " 9999."
        ) from error


def _as_numpy(numbers: pa.ChunkedArray) -> Floats:
    """Return numbers as an array of its own memory, NaN where null."""
    found = numbers.to_numpy()
    return found if found.flags.writeable else found.copy()
