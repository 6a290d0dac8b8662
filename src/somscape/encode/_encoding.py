"""The encoding of a whole table, kept with the map so that answers come in original units."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._ahead import made_ahead
from somscape._blocks import blocks
from somscape._stored import assembled, stored
from somscape._types import Float64s, Floats, Ints
from somscape.encode._codes import CategoryCode, NumberCode, UnusedColumn
from somscape.encode._date_parts import CycleCode, PartCode, encoded_part
from somscape.encode._json import code_from_json, part_from_json
from somscape.encode._kinds import MISSING, Roles
from somscape.encode._names import lacking
from somscape.encode._ordered import DateCode, OrdinalCode
from somscape.encode._refuse import (
    MIN_UNSEEN_CELLS,
    are_near,
    refuse_far,
    refuse_missing,
    refuse_problem,
    warn_of_unseen,
)
from somscape.encode._said import checked_settings, said_by
from somscape.errors import InputError
from somscape.kernels import select_kernels
from somscape.tables import Dates, Source, Table

MAX_THREADS = 4
"""Threads that encode: each holds a block of rows twice, and one writes what they make."""

BLOCK_VALUES, MIN_BLOCK_ROWS = 1 << 18, 1 << 11
"""Values that are encoded at once, few enough to stay in the cache, of as many rows at least."""

MAX_NARROW = 7
"""Features up to which NumPy, too, adds up those of a column one after the other."""

UsedColumn: TypeAlias = NumberCode | CategoryCode | OrdinalCode | DateCode
ColumnCode: TypeAlias = UsedColumn | UnusedColumn
FeatureCode: TypeAlias = UsedColumn | PartCode


@dataclass(frozen=True)
class Encoding:
    """What each column of a table becomes.

    Attributes
    ----------
    columns : tuple of NumberCode, CategoryCode, OrdinalCode, DateCode or UnusedColumn
        One per column of the table, in its order.
    missing : {"fill", "mask", "error"}
        Whether missing cells are filled (numbers, dates and ordered categories by the median,
        other categories by a level of their own), stay missing (NaN in all features of the
        column) or are refused.
    is_named : bool
        Whether the names are the data's; an array's columns are only numbered.
    roles : Roles
        What was said beside the kinds of columns, such as how the table is read.
    parts : tuple of CycleCode or SpanCode
        What else the columns of dates tell: features that are no columns.

    See Also
    --------
    somscape.TableEncoder : Makes one.

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
        """Return the encoding of numbers that are used as they are.

        With `fills`, NaN becomes the value given for its column.
        """
        values = [0.0] * len(names) if fills is None else fills
        codes = (NumberCode.plain(str(n), v) for n, v in zip(names, values, strict=True))
        missing = missing if fills is None else "fill"
        return cls(tuple(codes), missing, list(names) != [f"x{i}" for i in range(len(names))])

    @cached_property
    def used(self) -> tuple[UsedColumn, ...]:
        """The columns that are features."""
        return tuple(c for c in self.columns if not isinstance(c, UnusedColumn))

    @cached_property
    def features(self) -> tuple[FeatureCode, ...]:
        """The columns that are features, then what else their dates tell."""
        return (*self.used, *self.parts)

    @cached_property
    def is_plain(self) -> bool:
        """Whether numbers are used as they are."""
        return all(isinstance(code, NumberCode) and code.is_plain for code in self.columns)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where each feature column stands in an encoded row."""
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
        return max(MIN_BLOCK_ROWS, BLOCK_VALUES // max(1, self.n_features))

    @cached_property
    def feature_names(self) -> list[str]:
        """Name of each encoded feature: the column, or ``column=level``."""
        return [name for code in self.features for name in code.feature_names]

    def named(self, kind: str) -> str | None:
        """Return the name of the column that is the "id" or the "label", or None."""
        return next((c.name for c in self.columns if c.kind == kind), None)

    def encode(self, table: Table | Source) -> Float64s:
        """Encode the rows of a table; columns are found by name, in any order.

        Parameters
        ----------
        table : Table or Source
            With every feature column of this encoding.

        Returns
        -------
        ndarray of shape (n_rows, n_features)

        Raises
        ------
        InputError
            When a column is missing, holds text where numbers or dates are expected or a level
            that an ordered category does not have, or has missing cells under
            ``missing="error"``.
        """
        table = table if isinstance(table, Table) else table.table()
        names = set(table.names)
        absent = [code.name for code in self.used if code.name not in names]
        if absent:
            named = lacking(absent, table.names, {code.name for code in self.columns})
            raise InputError(
                f"{table.source} lacks columns that the map was made from: {named}. Add or rename "
                "them."
            )
        sources: dict[str, Any] = {}
        for code in self.used:
            source: Any = code.read(table.column(code.name))
            refuse_problem(code.name, code.problem(source), table)
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
        """Return some rows encoded, and say which have a level that is new."""
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
        """Refuse rows of which a column is too far; dates' parts, which never are, come later."""
        end = self.slices[len(self.used) - 1].stop if self.used else 0
        if not are_near(rows[:, :end]):
            for code, place in zip(self.used, self.slices, strict=False):
                refuse_far(table, table.column(code.name), rows[:, place], begin)

    def _encode_parts(self, rows: Float64s, sources: dict[str, Any]) -> None:
        """Write what dates tell of some rows, and NaN where cells are to stay missing."""
        dates = {n: each.moments for n, each in sources.items() if isinstance(each, Dates)}
        for part in self.parts:
            rows[:, self._place[part.name]] = encoded_part(part, dates)
        if self.missing == "mask":
            for feature, place in zip(self.features, self.slices, strict=True):
                for name in sources_of(feature):
                    rows[sources[name].missing, place] = np.nan

    def fill(self, rows: Floats) -> Floats:
        """Return plain rows with NaN replaced where missing cells are filled.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The rows themselves unless ``missing="fill"``, or where nothing is missing.
        """
        # A minimum is NaN if any value is.
        if self.missing != "fill" or not np.isnan(rows.min(initial=np.inf)):
            return rows
        fills = [c.fill if isinstance(c, NumberCode) else np.nan for c in self.features]
        if len(fills) != rows.shape[1]:
            return rows  # encoded rows: a table's cells were filled before
        filled = stored(rows.shape, rows.dtype)
        for part in blocks(len(rows), self._block_rows):
            some = rows[part]
            filled[part] = np.where(np.isnan(some), np.array(fills, dtype=rows.dtype), some)
        return filled

    @property
    def has_slips(self) -> bool:
        """Whether a column has numbers that nothing may learn from."""
        return bool(self._slipped)

    @cached_property
    def _slipped(self) -> list[NumberCode]:
        return [c for c in self.features if isinstance(c, NumberCode) and c.reach]

    def to_learn(self, rows: Floats) -> Floats:
        """Return encoded rows to learn from, in which slips are as missing cells.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The rows themselves where no column has slips.
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
        """Return the encoding with what rows show of columns used as they are.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        Encoding
            The same where columns of a table were encoded, which showed themselves then.
        """
        if not self.is_plain:
            return self
        codes = zip(self.used, rows.T, strict=True)
        seen = (c.having_seen(values) for c, values in codes if isinstance(c, NumberCode))
        return replace(self, columns=tuple(seen))

    def n_missing(self, table: Table | Source) -> dict[str, int]:
        """Return the number of missing cells of each feature column that has any."""
        table = table if isinstance(table, Table) else table.table()
        counts = {code.name: table.column(code.name).n_missing for code in self.used}
        return {name: n for name, n in counts.items() if n}

    def n_unseen(self, table: Table | Source) -> dict[str, int]:
        """Return, for each category with any, the cells whose level the map never saw."""
        table = table if isinstance(table, Table) else table.table()
        counts = {
            code.name: int(((code.encode(column)[:, -1] > 0) & ~column.missing).sum())
            for code in self.used
            if isinstance(code, CategoryCode)
            for column in [table.column(code.name)]
        }
        return {name: n for name, n in counts.items() if n}

    def possible(self, prototypes: Float64s, steps: Sequence[float]) -> Float64s:
        """Return rows of possible cells near some prototypes.

        Parameters
        ----------
        prototypes : ndarray of shape (n, n_features)
        steps : sequence of float
            How far rounding may move a number of each column, on the encoded scale.

        Returns
        -------
        ndarray of shape (n, n_features)
            Dates lie on the weekday, and in the hour, of their prototype.
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
        """Return encoded rows in which what changed dates tell is changed, too.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
        is_changed : ndarray of shape (n, n_used), bool
            Which columns were changed.

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
        """Add up encoded features to the columns (n, n_used) that they come from."""
        by_column = self.sum_by_column(by_feature)
        n_used = len(self.used)
        sums = by_column[:, :n_used].copy()
        for part, values in zip(self.parts, by_column.T[n_used:], strict=True):
            for name in part.sources:
                sums[:, self._number[name]] += values
        return sums

    @cached_property
    def _place(self) -> dict[str, slice]:
        """By name of a feature column, where it stands in an encoded row."""
        return {code.name: p for code, p in zip(self.features, self.slices, strict=True)}

    @cached_property
    def _number(self) -> dict[str, int]:
        """By name of a used column, its number among them."""
        return {code.name: j for j, code in enumerate(self.used)}

    def sum_by_column(self, by_feature: Float64s) -> Float64s:
        """Add up encoded features (n, n_features) to original columns (n, n_columns)."""
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
        """The first feature of each column."""
        return np.array([part.start for part in self.slices], dtype=np.intp)

    @cached_property
    def _wide(self) -> list[int]:
        """Columns of many features, whose sums NumPy makes best, in an order of its own."""
        return [j for j, part in enumerate(self.slices) if part.stop - part.start > MAX_NARROW]

    @cached_property
    def _later(self) -> list[tuple[Ints, Ints]]:
        """Columns that have a second feature, a third and so on, and which these are."""
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
        roles = said_by(self.roles)
        return {**data, "roles": roles} if roles else data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Encoding":
        """Return the encoding that `to_json` wrote, or raise ValueError."""
        unknown = set(data) - {"columns", "missing", "is_named", "parts", "roles"}
        if unknown:
            raise ValueError(f"an encoding has no part {min(unknown)!r}")
        codes = tuple(code_from_json(column) for column in data["columns"])
        dates = {code.name for code in codes if isinstance(code, DateCode)}
        parts = tuple(part_from_json(part, dates) for part in data.get("parts", ()))
        if len({code.name for code in (*codes, *parts)}) < len(codes) + len(parts):
            raise ValueError("two columns have the same name")
        if data["missing"] not in MISSING or not isinstance(data["is_named"], bool):
            raise ValueError("the encoding does not say what missing cells and names are")
        roles = Roles(**checked_settings(data.get("roles", {})))
        return cls(codes, data["missing"], data["is_named"], roles, parts)


def _rows_of(source: Any, part: slice) -> Any:
    """Return some rows of a column, or of its dates."""
    if not isinstance(source, Dates):
        return source.take(part)
    moments, has_zone = source.moments[part], source.has_zone[part]
    return replace(source, column=source.column.take(part), moments=moments, has_zone=has_zone)


def _data_of(code: Any) -> dict[str, Any]:
    """Return a code's fields but for those added since the first release that say nothing."""
    data = {}
    for each in fields(code):
        value = getattr(code, each.name)
        if value != each.default:
            data[each.name] = _data_of(value) if isinstance(value, NumberCode) else value
    return data


def sources_of(code: FeatureCode) -> tuple[str, ...]:
    """Return the columns of the table that a feature is made from."""
    return code.sources if isinstance(code, PartCode) else (code.name,)
