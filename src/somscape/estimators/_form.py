"""The form of the data that a table encoder was fitted to, in which encoded rows come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s
from somscape.encode import (
    CategoryCode,
    DateCode,
    Encoding,
    NumberCode,
    OrdinalCode,
    UnusedColumn,
    level_texts,
)
from somscape.errors import InputError
from somscape.tables import Column, Table, frame_like, frame_values, table_from_columns


@dataclass(frozen=True, eq=False)
class Form:
    """The form of the data of a `fit`, in which encoded rows are returned.

    Attributes
    ----------
    names : tuple of str
        All columns.
    example : Table, data frame or ndarray
        The data without its rows.
    types : dict of str to type
        Type of the first present value of each column that has one.
    values : dict of str to dict
        By column, what each level was before it became text.
    constants : dict of str to object
        The only value of each constant column.
    """

    names: tuple[str, ...]
    example: Any
    types: Mapping[str, type]
    values: Mapping[str, Mapping[str, Any]]
    constants: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        data: Any,
        table: Table,
        encoding: Encoding,
        ordinals: Mapping[str, Sequence[Any]],
        is_counted: NDArray[np.bool_],
    ) -> "Form":
        """Return the form of data that was read as a table and encoded."""
        raws = _raw_values(data)
        types: dict[str, type] = {}
        constants: dict[str, Any] = {}
        values: dict[str, dict[str, Any]] = {}
        for code in encoding.columns:
            column, raw = table.column(code.name), raws[code.name]
            present = np.flatnonzero(is_counted & ~column.missing)
            if present.size:
                types[code.name] = type(raw[present[0]])
            if code.kind == "constant":
                constants[code.name] = raw[present[0]]
            if isinstance(code, CategoryCode | OrdinalCode):
                texts = level_texts(column)
                # From the last row to the first: the first occurrence of a level decides.
                values[code.name] = {texts[i]: raw[i] for i in present[::-1]}
            if isinstance(code, OrdinalCode):
                given = dict(zip(code.levels, ordinals[code.name], strict=True))
                values[code.name] = given | values[code.name]
        example = data.take([]) if isinstance(data, Table) else data[:0]
        return cls(table.names, example, types, values, constants)

    def restore(self, rows: Float64s, encoding: Encoding) -> Any:
        """Return encoded rows in this form, with the columns that can be recovered."""
        part_of = {c.name: part for c, part in zip(encoding.features, encoding.slices, strict=True)}
        columns: dict[str, list[Any]] = {}
        for code in encoding.columns:
            if not isinstance(code, UnusedColumn):
                columns[code.name] = self._decoded(code, rows[:, part_of[code.name]])
            elif code.name in self.constants:
                columns[code.name] = [self.constants[code.name]] * len(rows)
        if isinstance(self.example, Table):
            return table_from_columns(columns, self.example.source)
        if isinstance(self.example, np.ndarray):
            return self._array(columns, len(rows))
        return frame_like(self.example, columns)

    def _decoded(self, code: Any, features: Float64s) -> list[Any]:
        decoded = code.decode(features)
        type_ = self.types[code.name]
        if isinstance(code, DateCode):
            return _dates(decoded, code.has_zone, type_)
        if isinstance(code, NumberCode):
            _refuse_overflow(decoded, code.name)
            is_text = issubclass(type_, str)
            is_whole = issubclass(type_, Integral) or (is_text and code.is_whole)
            numbers = [int(v) for v in np.rint(decoded)] if is_whole else decoded.tolist()
            return [str(v) for v in numbers] if is_text else numbers
        return [self.values[code.name].get(level) for level in decoded]

    def _array(self, columns: Mapping[str, list[Any]], n_rows: int) -> Any:
        type_ = self.example.dtype
        is_numeric = type_.kind in "biuf"
        # None becomes NaN among numbers.
        out = np.full((n_rows, len(self.names)), None, dtype=np.float64 if is_numeric else object)
        for j, name in enumerate(self.names):
            if name in columns:
                out[:, j] = columns[name]
        if type_.kind == "f":
            return out.astype(type_)
        return np.rint(out).astype(type_) if is_numeric and not np.isnan(out).any() else out


def _refuse_overflow(decoded: Float64s, name: str) -> None:
    is_finite = np.isfinite(decoded)
    if not is_finite.all():
        raise InputError(
            f"row {is_finite.argmin()} of X is too large for a float in column '{name}'. Pass "
            "encoded rows, whose numbers lie near 0 to 1."
        )


def _dates(decoded: Any, has_zone: bool, type_: type) -> list[Any]:
    if issubclass(type_, str):
        return [f"{text}+00:00" if has_zone else text for text in decoded.astype(str)]
    if issubclass(type_, date) and not issubclass(type_, datetime):
        return decoded.astype("datetime64[D]").tolist()
    moments = decoded.astype("datetime64[us]").tolist()
    return [moment.replace(tzinfo=UTC) for moment in moments] if has_zone else moments


def _raw_values(data: Any) -> dict[str, list[Any]]:
    """Return the values of each column as Python objects."""
    if isinstance(data, np.ndarray):
        return {f"x{j}": column for j, column in enumerate(data.T.tolist())}
    if not isinstance(data, Table):
        return frame_values(data)
    return {column.name: _raw_cells(column) for column in data.columns}


def _raw_cells(column: Column) -> list[Any]:
    if column.numbers is None:
        return column.cells.tolist()
    values = column.numbers.tolist()
    return [int(v) if v == v else v for v in values] if column.is_whole else values
