"""The encoding of a table, with which a map can show results in the units of the table."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._stored import assembled, made_ahead, stored
from somscape._types import Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError, ParameterError, SomscapeWarning
from somscape.kernels._select import select_kernels
from somscape.tables._checked import converted
from somscape.tables._dates import Dates
from somscape.tables._messages import likely, listed
from somscape.tables.codes import (
    CategoryCode,
    NumberCode,
    UnusedColumn,
    level_texts,
    refuse_problem,
)
from somscape.tables.column import Column
from somscape.tables.kinds import MISSING_CHOICES, Roles, checked_setting
from somscape.tables.ordered import (
    STEPS,
    CycleCode,
    DateCode,
    OrdinalCode,
    PartCode,
    SpanCode,
    encoded_part,
)
from somscape.tables.sources import Source
from somscape.tables.table import Table

ColumnCode: TypeAlias = NumberCode | CategoryCode | OrdinalCode | DateCode | UnusedColumn

UNUSED_KINDS = ("id", "label", "dropped", "protected", "constant")
CODES: dict[str, type] = {
    **{code.kind: code for code in (NumberCode, CategoryCode, OrdinalCode, DateCode)},
    **dict.fromkeys(UNUSED_KINDS, UnusedColumn),
}


PARTS: dict[str, type] = {code.kind: code for code in (CycleCode, SpanCode)}
"""Class of the code of each kind of feature that is derived from dates."""


def _code_of(data: Any, classes: Mapping[str, type], what: str) -> Any:
    """Return a code from its JSON data, which contains its kind, or raise ParameterError."""
    if isinstance(data, str) and classes is CODES:
        return NumberCode.plain(data)
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in classes:
        raise ParameterError(
            f"{kind!r} is not a kind of {what}",
            parameter="kind",
            value=kind,
            allowed=tuple(classes),
        )
    cls, name = classes[kind], data.get("name")
    of_number = data.get("number") if cls is DateCode else None
    for each, found in ((cls, data), (NumberCode, of_number or {})):
        names = {"kind", *(field.name for field in fields(each))}
        if isinstance(found, dict) and not found.keys() <= names:  # a part of a later version
            raise ParameterError(
                f"{each.__name__} must have the fields {', '.join(sorted(names))}",
                allowed=sorted(names),
            )
    code: Any = converted(data, cls, f"the code of column {name!r:.40}", column=name)
    if not _is_sound(code):
        raise ParameterError(f"the code of column '{name}' has impossible values", column=name)
    return code


def _is_sound(code: ColumnCode | PartCode) -> bool:
    if isinstance(code, DateCode):
        return _is_sound(code.number)
    if isinstance(code, NumberCode):
        return code.least <= code.most
    if isinstance(code, CycleCode):
        return code.fill < STEPS[code.part]
    if isinstance(code, UnusedColumn):
        return True
    n = len(code.levels)
    return n == len(set(code.levels)) and (isinstance(code, CategoryCode) or code.fill < n)


FARTHEST = 1e100
"""Largest value of an encoded row. For larger values, the sum of squares would overflow."""

MIN_UNSEEN_CELLS = 10
"""Minimum number of cells in a category column for a warning that most cells have a new level."""


def warn_of_unseen(table: Table, column: Column, is_unseen: NDArray[np.bool_]) -> None:
    """Warn if most cells of a category column have a level that was not in the training table."""
    if np.count_nonzero(is_unseen) < MIN_UNSEEN_CELLS / 2:
        return  # faster than the exact test below
    is_unseen = is_unseen & ~column.missing
    n_unseen, n_present = int(is_unseen.sum()), len(column) - column.n_missing
    if n_present < MIN_UNSEEN_CELLS or n_unseen <= n_present / 2:
        return
    levels = listed(dict.fromkeys(level_texts(column.take(is_unseen))), 3)
    warnings.warn(
        f"{table.source}: {n_unseen} of {n_present} cells of '{column.name}' have a level that was "
        f"not in the training table ({levels}). Such rows are far from all other rows. Write the "
        "levels as in the training table.",
        SomscapeWarning,
        stacklevel=3,
    )


def refuse_missing(table: Table, sources: Mapping[str, Column | Dates]) -> None:
    columns, counts, first = [], [], len(table)
    for name, source in sources.items():
        is_missing = source.missing
        if is_missing.any():
            columns.append(name)
            counts.append(f"{is_missing.sum()} in '{name}'")
            first = min(first, int(is_missing.argmax()))
    if counts:
        raise InputError(
            f"{table.source} has missing cells ({', '.join(counts)}). The first missing cell is in"
            f" {table.where(first)}. Fill the cells, leave out the columns, or let somscape fill"
            " them (missing='fill') with the median of numbers and a separate level of categories.",
            options="--missing fill",
            python=" (missing='fill')",
            parameter="missing",
            file=table.source,
            row=first,
            column=columns[0],
        )


MAX_NAMED = 5
"""Largest number of missing columns that a message names."""


def lacking(names: Sequence[str], there: Sequence[str], known: Collection[str]) -> str:
    """Return the names of missing columns for a message, with similar names in the table."""
    spare = [other for other in there if other not in known]
    first = [f"'{name}'{likely(name, spare)}" for name in names[:MAX_NAMED]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


MAX_THREADS = 4
"""Maximum number of threads that encode a table. Each stores two copies of a block of rows."""

ENCODED_AT_ONCE, MIN_BLOCK_ROWS = 1 << 18, 1 << 11
"""Number of values that are encoded at a time, and minimum number of rows in a block. So many
values fit into the processor's cache."""

MAX_NARROW = 7
"""Maximum number of features of a column at which NumPy adds the features in their order."""

UsedColumn: TypeAlias = NumberCode | CategoryCode | OrdinalCode | DateCode
FeatureCode: TypeAlias = UsedColumn | PartCode


@dataclass(frozen=True)
class Encoding:
    """The encoding of a table as numeric features.

    Attributes
    ----------
    columns : tuple of NumberCode, CategoryCode, OrdinalCode, DateCode or UnusedColumn
        Code (the encoding) of each column, in the column order of the table.
    missing : {"fill", "mask", "error"}
        Treatment of missing cells.  "fill" replaces missing numbers, dates and ordered levels by
        the median of the column, and other missing levels by a separate level.  "mask" encodes
        missing cells as NaN.  "error" raises an error for a missing cell.
    is_named : bool
        Whether the training data has column names.  The columns of an array are only numbered.
    roles : Roles
        Those settings of the user that do not decide the kinds of columns, such as parameters for
        reading files.
    parts : tuple of CycleCode or SpanCode
        Additional features that are derived from dates, such as the weekday.

    See Also
    --------
    somscape.TableEncoder : Learn the encoding of a table.

    Examples
    --------
    >>> from somscape import TableEncoder
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"age": [34, 61, 45], "job": ["cook", "clerk", "cook"]})
    >>> encoding = TableEncoder().fit(table).encoding_
    >>> [feature.name for feature in encoding.features]
    ['age', 'job']
    """

    columns: tuple[ColumnCode, ...]
    missing: str = "error"
    is_named: bool = True
    roles: Roles = field(default=Roles(), hash=False)
    parts: tuple[PartCode, ...] = ()

    def __repr__(self) -> str:
        return f"Encoding({len(self.features)} of {len(self.columns)} columns)"

    @classmethod
    def plain(
        cls, names: Sequence[str], fills: Sequence[float] | None = None, missing: str = "error"
    ) -> "Encoding":
        """Return an encoding that uses numbers as features without scaling.

        If `fills` is given, it contains for each column the value that replaces NaN.
        """
        values = [0.0] * len(names) if fills is None else fills
        codes = (NumberCode.plain(str(n), v) for n, v in zip(names, values, strict=True))
        missing = missing if fills is None else "fill"
        return cls(tuple(codes), missing, list(names) != [f"x{i}" for i in range(len(names))])

    @cached_property
    def used(self) -> tuple[UsedColumn, ...]:
        """Codes of the columns that are used as features."""
        return tuple(c for c in self.columns if not isinstance(c, UnusedColumn))

    @cached_property
    def features(self) -> tuple[FeatureCode, ...]:
        """Codes of the columns that are features, and then of those derived from dates."""
        return (*self.used, *self.parts)

    @cached_property
    def is_plain(self) -> bool:
        """Whether all columns are numbers without scaling."""
        return all(isinstance(code, NumberCode) and code.is_plain for code in self.columns)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Slice of an encoded row that contains each feature column."""
        ends = np.cumsum([code.n_features for code in self.features])
        return tuple(
            slice(int(end) - code.n_features, int(end))
            for code, end in zip(self.features, ends, strict=True)
        )

    @cached_property
    def n_features(self) -> int:
        """Length of an encoded row."""
        return sum(code.n_features for code in self.features)

    @property
    def _block_rows(self) -> int:
        return max(MIN_BLOCK_ROWS, ENCODED_AT_ONCE // max(1, self.n_features))

    @cached_property
    def feature_names(self) -> list[str]:
        """Name of each encoded feature, such as the column name or ``column=level``."""
        return [name for code in self.features for name in code.feature_names]

    def named(self, kind: str) -> str | None:
        """Return the name of the column whose kind is "id" or "label", or None."""
        return next((c.name for c in self.columns if c.kind == kind), None)

    def encode(self, table: Table | Source) -> Float64s:
        """Encode all rows of a table.  Columns are matched by name, not by order.

        Parameters
        ----------
        table : Table or Source
            Table that contains every column that this encoding uses as a feature.

        Returns
        -------
        ndarray of shape (n_rows, n_features)

        Raises
        ------
        InputError
            If a column does not exist, contains text instead of numbers or dates, contains an
            unknown level of an ordered category, or (with ``missing="error"``) has missing cells.
        """
        table = table if isinstance(table, Table) else table.table()
        names = set(table.names)
        absent = [code.name for code in self.used if code.name not in names]
        if absent:
            named = lacking(absent, table.names, {code.name for code in self.columns})
            raise InputError(
                f"{table.source} lacks these columns of the training table: {named}. Add or rename "
                "the columns.",
                file=table.source,
                column=absent[0],
            )
        sources: dict[str, Any] = {}
        for code in self.used:
            source: Any = code.read(table.column(code.name))
            refuse_problem(code.name, code.problem(source), table, "Correct the column.")
            sources[code.name] = source
        if self.missing == "error":
            refuse_missing(table, sources)
        categories = [code.name for code in self.used if isinstance(code, CategoryCode)]
        is_unseen = {name: np.empty(table.n_rows, dtype=bool) for name in categories}
        encoded = partial(self._part, table, sources, is_unseen)
        parts = (partial(encoded, part) for part in blocks(table.n_rows, self._block_rows))
        made = made_ahead(parts, min(select_kernels().n_threads, MAX_THREADS))
        rows = assembled(made, (table.n_rows, self.n_features))
        if table.n_rows >= MIN_UNSEEN_CELLS:
            for name in categories:
                warn_of_unseen(table, table.column(name), is_unseen[name])
        return rows

    def _part(
        self,
        table: Table,
        sources: dict[str, Any],
        is_unseen: dict[str, NDArray[np.bool_]],
        part: slice,
    ) -> Float64s:
        """Encode some rows of a table, and mark cells with new levels in `is_unseen`."""
        n_rows = part.stop - part.start
        some = sources
        if n_rows < table.n_rows:
            some = {name: _rows_of(source, part) for name, source in sources.items()}
        rows, places, applies = np.zeros((n_rows, self.n_features), order="F"), [], []
        for code, place in zip(self.used, self.slices, strict=False):
            if isinstance(code, CategoryCode):
                which = code.places(some[code.name])
                is_unseen[code.name][part] = which == len(code.levels)
                places.append(place.start + which)
                applies.append(code.applies)
            else:
                rows[:, place] = code.encode(some[code.name])
        if places:
            rows[np.arange(n_rows), np.array(places)] = np.array(applies)[:, None]
        self._refuse_far(table, rows, part.start)
        self._encode_parts(rows, some)
        return np.ascontiguousarray(rows)

    def _refuse_far(self, table: Table, rows: Float64s, begin: int) -> None:
        """Raise InputError if an encoded value is too large, except in features from dates."""
        end = self.slices[len(self.used) - 1].stop if self.used else 0
        is_near = np.abs(rows[:, :end]) <= FARTHEST
        if is_near.all():
            return
        places = zip(self.used, self.slices, strict=False)
        code, near = next((c, n) for c, p in places if not (n := is_near[:, p].all(axis=1)).all())
        row = begin + int(near.argmin())
        cell = table.column(code.name).cell(row)
        raise InputError(
            f"{table.where(row)}, column '{code.name}': {cell} is too far from the training "
            "numbers of this column. Correct the number, or leave out the row.",
            file=table.source,
            row=row,
            column=code.name,
            value=cell,
        )

    def _encode_parts(self, rows: Float64s, sources: dict[str, Any]) -> None:
        """Write features from dates to encoded rows. If missing="mask", missing becomes NaN."""
        dates = {n: each.moments for n, each in sources.items() if isinstance(each, Dates)}
        for part in self.parts:
            rows[:, self._place[part.name]] = encoded_part(part, dates)
        if self.missing == "mask":
            for feature, place in zip(self.features, self.slices, strict=True):
                for name in sources_of(feature):
                    rows[sources[name].missing, place] = np.nan

    def fill(self, rows: Floats) -> Floats:
        """Return rows of unscaled numbers, with NaN replaced if `missing` is "fill".

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Copy of the rows, with the fill value of the column in place of each NaN.  If no value
            is NaN, or if `missing` is not "fill", the given rows are returned without a copy.
        """
        # The minimum is NaN if a value is NaN.
        if self.missing != "fill" or not np.isnan(rows.min(initial=np.inf)):
            return rows
        fills = [c.fill if isinstance(c, NumberCode) else np.nan for c in self.features]
        if len(fills) != rows.shape[1]:
            return rows  # encoded rows, in which missing cells were filled before
        filled = stored(rows.shape, rows.dtype)
        for part in blocks(len(rows), self._block_rows):
            some = rows[part]
            filled[part] = np.where(np.isnan(some), np.array(fills, dtype=rows.dtype), some)
        return filled

    @property
    def has_slips(self) -> bool:
        """Whether a column has slips (probable data errors) that training ignores."""
        return bool(self._slipped)

    @cached_property
    def _slipped(self) -> list[NumberCode]:
        return [c for c in self.features if isinstance(c, NumberCode) and c.reach]

    def to_learn(self, rows: Floats) -> Floats:
        """Return encoded rows for training, in which probable typing errors are missing.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Changed copy of the rows.  If no column has slips, the given rows are returned.
        """
        if self.has_slips:
            given, rows = rows, stored(rows.shape, rows.dtype)
            rows[...] = given
        for code in self._slipped:
            place = self._place[code.name].start
            low, fill, high = code.place(np.array([code.ends[0], code.fill, code.ends[1]]))
            is_slip = (rows[:, place] <= low) | (rows[:, place] >= high)
            rows[is_slip, place] = np.nan if self.missing == "mask" else fill
        return rows

    def having_seen(self, rows: Floats) -> "Encoding":
        """Return the encoding with the ranges and the decimals of unscaled columns.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        Encoding
            Updated encoding.  If this encoding was learned from a table, it is returned unchanged.
        """
        if not self.is_plain:
            return self
        codes = zip(self.used, rows.T, strict=True)
        seen = (c.having_seen(values) for c, values in codes if isinstance(c, NumberCode))
        return replace(self, columns=tuple(seen))

    def n_missing(self, table: Table | Source) -> dict[str, int]:
        """Count the missing cells of each feature column that has missing cells."""
        table = table if isinstance(table, Table) else table.table()
        counts = {code.name: table.column(code.name).n_missing for code in self.used}
        return {name: n for name, n in counts.items() if n}

    def possible(self, prototypes: Float64s, steps: Sequence[float]) -> Float64s:
        """Round prototypes to encoded rows whose values can occur in a table.

        Parameters
        ----------
        prototypes : ndarray of shape (n, n_features)
        steps : sequence of float
            Largest rounding error for each column of numbers, in units of encoded values.

        Returns
        -------
        ndarray of shape (n, n_features)
            Encoded rows.  The weekday and the hour of a date are those of the prototype.
        """
        rows, place = prototypes.copy(), self._place
        for code, step in zip(self.used, steps, strict=False):
            part = place[code.name]
            rows[:, part] = code.possible(prototypes[:, part], step)
        for cycle in self.parts:
            date = self.used[self._number[cycle.sources[0]]]
            if isinstance(cycle, CycleCode) and isinstance(date, DateCode):
                moments = date.decode(rows[:, place[date.name]])
                moved = cycle.moved(moments, prototypes[:, place[cycle.name]])
                rows[:, place[date.name]] = date.place(moved)[:, None]
        return self.with_parts(rows, np.ones((len(rows), len(self.used)), dtype=bool))

    def with_parts(self, rows: Float64s, is_changed: NDArray[np.bool_]) -> Float64s:
        """Update the features that are derived from dates in rows with changed dates.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
        is_changed : ndarray of shape (n, n_used), bool
            Whether a column (of those used) was changed in a row.

        Returns
        -------
        ndarray of shape (n, n_features)
        """
        rows = rows.copy() if self.parts else rows
        for part in self.parts:
            sources = [self._number[name] for name in part.sources]
            which = is_changed[:, sources].any(axis=1)
            dates: dict[str, Any] = {
                code.name: code.decode(rows[which, self._place[code.name]])
                for code in (self.used[j] for j in sources)
            }
            rows[which, self._place[part.name]] = encoded_part(part, dates)
        return rows

    def sum_by_used(self, by_feature: Float64s) -> Float64s:
        """Sum the features of each column used, into an array of shape (n, n_used)."""
        by_column = self.sum_by_column(by_feature)
        n_used = len(self.used)
        sums = by_column[:, :n_used].copy()
        for part, values in zip(self.parts, by_column.T[n_used:], strict=True):
            for name in part.sources:
                sums[:, self._number[name]] += values
        return sums

    @cached_property
    def _place(self) -> dict[str, slice]:
        """Slice of an encoded row that contains each feature column, by column name."""
        return {code.name: p for code, p in zip(self.features, self.slices, strict=True)}

    @cached_property
    def _number(self) -> dict[str, int]:
        """Index of each used column by name."""
        return {code.name: j for j, code in enumerate(self.used)}

    def sum_by_column(self, by_feature: Float64s) -> Float64s:
        """Sum the features of each feature column, into shape (n, n_columns)."""
        if len(self.slices) == self.n_features:
            return by_feature.copy()
        sums = by_feature[:, self._first]
        for columns, features in self._later:
            sums[:, columns] += by_feature[:, features]
        for j in self._wide:
            sums[:, j] = by_feature[:, self.slices[j]].sum(axis=1)
        return sums

    @cached_property
    def _first(self) -> Ints:
        """For each feature column, the index of its first feature in an encoded row."""
        return np.array([part.start for part in self.slices], dtype=np.intp)

    @cached_property
    def _wide(self) -> list[int]:
        """Indices of columns with many features, which NumPy adds faster but in another order."""
        return [j for j, part in enumerate(self.slices) if part.stop - part.start > MAX_NARROW]

    @cached_property
    def _later(self) -> list[tuple[Ints, Ints]]:
        """Pairs of column indices and indices of their second (third, ...) features."""
        wide, found = {*self._wide}, []
        for i in range(1, MAX_NARROW):
            columns = [
                j
                for j, part in enumerate(self.slices)
                if part.start + i < part.stop and j not in wide
            ]
            if columns:
                which = np.array(columns, dtype=np.intp)
                found.append((which, self._first[which] + i))
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the encoding as plain JSON data."""
        data: dict[str, Any] = {"missing": self.missing, "is_named": self.is_named}
        for what, codes in (("columns", self.columns), ("parts", self.parts)):
            if codes or what == "columns":
                data[what] = [{"kind": code.kind, **_data_of(code)} for code in codes]
        roles = self.roles.settings()
        return {**data, "roles": roles} if roles else data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Encoding":
        """Return the encoding in the data that `to_json` returned, or raise ValueError."""
        unknown = set(data) - {"columns", "missing", "is_named", "parts", "roles"}
        if unknown:
            raise ParameterError(
                f"{min(unknown)!r} is not a part of an encoding", parameter=min(unknown)
            )
        codes = tuple(_code_of(column, CODES, "column") for column in data["columns"])
        parts = tuple(_code_of(part, PARTS, "date feature") for part in data.get("parts", ()))
        dates = {code.name for code in codes if isinstance(code, DateCode)}
        for part in parts:
            if not dates.issuperset(part.sources):
                raise ParameterError(
                    f"'{part.name}' is not made from columns of dates", column=part.name
                )
        if len({code.name for code in (*codes, *parts)}) < len(codes) + len(parts):
            raise ParameterError("two columns have the same name")
        if data["missing"] not in MISSING_CHOICES or not isinstance(data["is_named"], bool):
            raise ParameterError("the encoding needs valid values for missing and is_named")
        roles = data.get("roles", {})
        if not isinstance(roles, dict):
            raise ParameterError(f"{str(roles)[:40]!r} is not a dictionary of roles", value=roles)
        roles = Roles(**{name: checked_setting(name, value) for name, value in roles.items()})
        return cls(codes, data["missing"], data["is_named"], roles, parts)


def _rows_of(source: Any, part: slice) -> Any:
    """Return the given rows of a column or of `Dates`."""
    if not isinstance(source, Dates):
        return source.take(part)
    moments, has_zone = source.moments[part], source.has_zone[part]
    return replace(source, column=source.column.take(part), moments=moments, has_zone=has_zone)


def _data_of(code: Any) -> dict[str, Any]:
    """Return those fields of a code that differ from their default values."""
    data = {}
    for each in fields(code):
        value = getattr(code, each.name)
        if value != each.default:
            data[each.name] = _data_of(value) if isinstance(value, NumberCode) else value
    return data


def sources_of(code: FeatureCode) -> tuple[str, ...]:
    """Return the names of the columns that a feature is made from."""
    return code.sources if isinstance(code, PartCode) else (code.name,)
