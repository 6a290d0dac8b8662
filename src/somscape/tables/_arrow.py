"""Convert Arrow arrays to columns. Numbers stay numbers, and values of other types become text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from somscape._stored import assembled
from somscape._types import Floats
from somscape._weights import blocks
from somscape.errors import InputError
from somscape.tables._cells import (
    ArrowTexts,
    NumberTexts,
    ValueTexts,
    are_asked,
    clean,
    clean_values,
    without,
)
from somscape.tables._cells import numbers as numbers_of
from somscape.tables._late import pa, pc
from somscape.tables._messages import quoted
from somscape.tables._numbers import ColumnVerdict, Where
from somscape.tables.column import EXACT, Column, stay_narrow

PIECE = 1 << 17
"""Number of values that are converted at a time. So many values fit into the processor's cache."""


def column_from_arrow(
    name: str,
    array: pa.ChunkedArray,
    where: Where,
    asked: Sequence[str] | None,
    words: set[str],
    *,
    among: int,
) -> Column:
    """Return an Arrow array as a column."""
    type_ = array.type
    is_coded = pa.types.is_dictionary(type_)
    if is_coded:
        array, type_ = array.cast(type_.value_type), type_.value_type
    if is_text(type_):
        cells, found, _ = clean(array.cast(pa.string()), asked)
        words.update(found)
        return Column(name, ArrowTexts(cells))
    if not is_coded and pa.types.is_integer(type_):
        return _whole_numbers(name, array, asked, words, among)
    if not is_coded and (pa.types.is_floating(type_) or pa.types.is_null(type_)):
        are_narrow = type_ in (pa.float16(), pa.float32())
        read_as = pa.float32() if are_narrow else pa.float64()
        kept_as = np.float32 if are_narrow and stay_narrow(len(array), among) else np.float64
        numbers = _numbers_of(array, read_as, asked, words, among, kept_as)
        return _column_of_numbers(name, numbers, where, are_narrow)
    if not is_coded and pa.types.is_decimal(type_):
        return _decimals(name, array, asked, words)
    if not is_coded and pa.types.is_temporal(type_):
        array = _in_microseconds(array)
        refuse_unreadable(name, array, where)
    if asked:
        array = clean_values(array, asked, words)
    return Column(name, ValueTexts(array))


def column_of_floats(name: str, values: Any, where: Where) -> Column:
    """Return a float array as a column, with NaN as missing. The array must not change later."""
    numbers = values.astype(np.float64, copy=False)
    return _column_of_numbers(name, numbers, where, values.dtype == np.float32)


def _column_of_numbers(name: str, numbers: Floats, where: Where, are_narrow: bool) -> Column:
    is_number, problem = True, None
    if not all(np.isfinite(numbers[part]).all() for part in blocks(len(numbers), PIECE)):
        verdict = ColumnVerdict()
        for part in blocks(len(numbers), PIECE):
            wide = numbers[part].astype(np.float64, copy=False)
            verdict.look(part.start, numbers_of(wide, np.isnan(wide)), wide)
        is_number, problem = verdict.settle(name, where)
    texts = NumberTexts(numbers, False, are_narrow)
    column = Column(name, texts, numbers=numbers if is_number else None, problem=problem)
    if column.is_whole:
        return Column(name, NumberTexts(numbers, True, are_narrow), numbers=numbers)
    return column


def is_text(type_: Any) -> bool:
    """Return whether an Arrow type is text."""
    views = getattr(pa.types, "is_string_view", lambda _: False)
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or views(type_))


def _whole_numbers(
    name: str, array: pa.ChunkedArray, asked: Sequence[str] | None, words: set[str], among: int
) -> Column:
    numbers = _numbers_of(array, pa.float64(), asked, words, among)
    # fmax and fmin ignore missing values.
    farthest = max(np.fmax.reduce(numbers, initial=0.0), -np.fmin.reduce(numbers, initial=0.0))
    if farthest < EXACT:
        return Column(name, NumberTexts(numbers, True), numbers=numbers)
    if asked:
        array = without(array, np.isnan(numbers), set())
    return Column(name, ValueTexts(array), numbers=numbers)


def _numbers_of(
    array: pa.ChunkedArray,
    type_: pa.DataType,
    asked: Sequence[str] | None,
    words: set[str],
    among: int,
    kept_as: DTypeLike = np.float64,
) -> Floats:
    """Convert an Arrow array to a NumPy array of floats, with NaN for missing values."""

    def pieces() -> Iterator[Floats]:
        for part in blocks(len(array), PIECE):
            values = array[part].cast(type_, safe=False).to_numpy()
            if asked and (is_asked := are_asked(values, asked)).any():
                without(array[part], is_asked, words)
                values = np.where(is_asked, np.nan, values)
            yield values.astype(kept_as, copy=False)[:, None]

    return assembled(pieces(), (len(array), 1), kept_as, among=among)[:, 0]


def _decimals(
    name: str, array: pa.ChunkedArray, asked: Sequence[str] | None, words: set[str]
) -> Column:
    texts = array.cast(pa.string())
    numbers = texts.cast(pa.float64()).to_numpy()
    if asked and (is_asked := are_asked(numbers, asked)).any():
        numbers, texts = np.where(is_asked, np.nan, numbers), without(texts, is_asked, words)
    return without_zeros(Column(name, ArrowTexts(texts), numbers=numbers))


def without_zeros(column: Column) -> Column:
    """Return a numeric column. If all its numbers are whole, its texts are "7" and not "7.0"."""
    # pandas stores whole numbers next to a null as floats, so "7.0" was 7.
    if not column.is_whole:
        return column
    shorter = ArrowTexts(pc.replace_substring_regex(column.to_arrow(), r"\.0+$", ""))
    return Column(column.name, shorter, numbers=column.numbers)


def _in_microseconds(array: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert times in nanoseconds to microseconds, Python's smallest unit of dates and times."""
    type_ = array.type
    if getattr(type_, "unit", "") != "ns":
        return array
    if pa.types.is_timestamp(type_):
        return array.cast(pa.timestamp("us", type_.tz), safe=False)
    shorter = pa.duration("us") if pa.types.is_duration(type_) else pa.time64("us")
    return array.cast(shorter, safe=False)


def refuse_unreadable(name: str, array: pa.ChunkedArray, where: Where, begin: int = 0) -> None:
    """Raise InputError if a column contains a date, time or duration that Python cannot store."""
    try:
        whole = pa.int32() if array.type.bit_width == 32 else pa.int64()
        for end in pc.min_max(array.cast(whole)).as_py().values():
            pa.scalar(end, whole).cast(array.type).as_py()
    except (OverflowError, ValueError, LookupError) as error:
        if middle := len(array) // 2:
            refuse_unreadable(name, array[:middle], where, begin)
            return refuse_unreadable(name, array[middle:], where, begin + middle)
        kind = str(array.type).partition("[")[0]
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"{where(begin)}: The {kind} in column {quoted(name)} cannot be read ({reason}). Dates"
            " must be in the years 1 to 9999. Remove the value, or write the column as plain text"
            " or numbers.",
            row=begin,
            column=name,
        ) from error
