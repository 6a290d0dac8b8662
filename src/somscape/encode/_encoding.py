"""The encoding of a whole table, kept with the map so that answers come in original units."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats
from somscape._validate import checked_weights
from somscape._weights import counts_of
from somscape.encode._codes import (
    CategoryCode,
    NumberCode,
    Problem,
    Scaling,
    UnusedColumn,
    as_numbers,
    level_texts,
)
from somscape.encode._date_parts import CycleCode, PartCode, encoded_part, parts_of
from somscape.encode._json import code_from_json, part_from_json
from somscape.encode._kinds import Decision, Roles, decide, find_dates, numbers_as_text
from somscape.encode._ordered import DateCode, OrdinalCode, ordinal_levels
from somscape.errors import InputError, SomscapeWarning
from somscape.tables import Column, Dates, Table, listed, read_numbers

FARTHEST = 1e100
"""Encoded values beyond this would overflow when squared and summed."""

MISSING = ("error", "fill", "mask")
"""What may happen to missing cells."""

SCALES = ("robust", "range")
"""Which numbers may become 0 and 1; see `fit_encoding`."""

UsedColumn: TypeAlias = NumberCode | CategoryCode | OrdinalCode | DateCode
ColumnCode: TypeAlias = UsedColumn | UnusedColumn
FeatureCode: TypeAlias = UsedColumn | PartCode

MIN_UNSEEN_CELLS = 10
"""Fewest cells of a category for a warning that the map never saw the levels of most."""

MAX_NAMED = 5
"""Missing columns that a message names."""


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
    parts : tuple of CycleCode or SpanCode
        What else the columns of dates tell: features that are no columns.
    """

    columns: tuple[ColumnCode, ...]
    missing: str = "error"
    is_named: bool = True
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
        return all(
            isinstance(code, NumberCode) and code == NumberCode.plain(code.name, code.fill)
            for code in self.columns
        )

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

    @cached_property
    def feature_names(self) -> list[str]:
        """Name of each encoded feature: the column, or ``column=level``."""
        return [name for code in self.features for name in code.feature_names]

    def named(self, kind: str) -> str | None:
        """Return the name of the column that is the "id" or the "label", or None."""
        return next((c.name for c in self.columns if c.kind == kind), None)

    def encode(self, table: Table) -> Float64s:
        """Encode the rows of a table; columns are found by name, in any order.

        Parameters
        ----------
        table : Table
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
        lacking = [code.name for code in self.used if code.name not in table.names]
        if lacking:
            first = [self._with_likely_name(name, table) for name in lacking[:MAX_NAMED]]
            more = len(lacking) - len(first)
            raise InputError(
                f"{table.source} lacks columns that the map was made from: {', '.join(first)}"
                f"{f' and {more} more' if more else ''}. Add or rename them."
            )
        sources: dict[str, Any] = {}
        for code in self.used:
            source: Any = code.read(table.column(code.name))
            _refuse_problem(code.name, code.problem(source), table)
            sources[code.name] = source
        if self.missing == "error":
            _refuse_missing(table, sources)
        parts = [code.encode(sources[code.name]) for code in self.used]
        for code, part in zip(self.used, parts, strict=True):
            column = table.column(code.name)
            _refuse_far(table, column, part)
            if isinstance(code, CategoryCode):
                _warn_of_unseen(table, column, part)
        dates = {n: each.moments for n, each in sources.items() if isinstance(each, Dates)}
        parts += [encoded_part(code, dates) for code in self.parts]
        if self.missing == "mask":
            for feature, part in zip(self.features, parts, strict=True):
                for name in sources_of(feature):
                    part[sources[name].missing] = np.nan
        return np.hstack(parts)

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
        if self.missing != "fill" or not np.isnan(rows).any():
            return rows
        fills = [c.fill if isinstance(c, NumberCode) else np.nan for c in self.features]
        if len(fills) != rows.shape[1]:
            return rows  # encoded rows: a table's cells were filled before
        return np.where(np.isnan(rows), np.array(fills, dtype=rows.dtype), rows)

    def _with_likely_name(self, name: str, table: Table) -> str:
        """Return a column's name, with the table's column that it may be."""
        known = {code.name for code in self.columns}
        spare = {other.casefold(): other for other in table.names if other not in known}
        near = get_close_matches(name.casefold(), spare, n=1)
        return f"'{name}' (is it '{spare[near[0]]}'?)" if near else f"'{name}'"

    def n_missing(self, table: Table) -> dict[str, int]:
        """Return the number of missing cells of each feature column that has any."""
        counts = {code.name: table.column(code.name).n_missing for code in self.used}
        return {name: n for name, n in counts.items() if n}

    def n_unseen(self, table: Table) -> dict[str, int]:
        """Return, for each category with any, the cells whose level the map never saw."""
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
        """Return encoded rows in which what dates tell follows from dates that were changed.

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
        """Add up encoded features to the columns (n, n_used) that must change to change them."""
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
        return np.stack([by_feature[:, part].sum(axis=1) for part in self.slices], axis=1)

    def to_json(self) -> dict[str, Any]:
        """Return the encoding as plain JSON data."""
        data: dict[str, Any] = {"missing": self.missing, "is_named": self.is_named}
        for what, codes in (("columns", self.columns), ("parts", self.parts)):
            if codes or what == "columns":
                data[what] = [{"kind": code.kind, **_data_of(code)} for code in codes]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Encoding":
        """Return the encoding that `to_json` wrote, or raise ValueError."""
        unknown = set(data) - {"columns", "missing", "is_named", "parts"}
        if unknown:
            raise ValueError(f"an encoding has no part {min(unknown)!r}")
        codes = tuple(code_from_json(column) for column in data["columns"])
        dates = {code.name for code in codes if isinstance(code, DateCode)}
        parts = tuple(part_from_json(part, dates) for part in data.get("parts", ()))
        if len({code.name for code in (*codes, *parts)}) < len(codes) + len(parts):
            raise ValueError("two columns have the same name")
        if data["missing"] not in MISSING or not isinstance(data["is_named"], bool):
            raise ValueError("the encoding does not say what missing cells and names are")
        return cls(codes, data["missing"], data["is_named"], parts)


def _data_of(code: Any) -> dict[str, Any]:
    """Return a code's fields but for those added since the first release that say nothing."""
    data = {}
    for each in fields(code):
        value = getattr(code, each.name)
        if value != each.default:
            data[each.name] = _data_of(value) if isinstance(value, NumberCode) else value
    return data


def sources_of(code: FeatureCode) -> tuple[str, ...]:
    """Return the columns of the table that a feature is made from.

    Parameters
    ----------
    code : FeatureCode

    Returns
    -------
    tuple of str
    """
    return code.sources if isinstance(code, PartCode) else (code.name,)


def _refuse_problem(
    name: str, problem: Problem, table: Table, cure: str = "Correct the column."
) -> None:
    if problem:
        row, needed = problem
        cell = _cell(table.column(name), row)
        raise InputError(f"{table.where(row)}: column '{name}' {needed}; got '{cell}'. {cure}")


def _cell(column: Column, row: int) -> str | None:
    cell: str | None = column.take([row]).cells[0]
    return cell


def fit_encoding(
    table: Table,
    roles: Roles | None = None,
    missing: str = "error",
    *,
    scale: str = "robust",
    tame: bool = True,
    max_levels: int | None = None,
    sample_weight: Any = None,
) -> Encoding:
    """Decide what each column of a table becomes, and learn its scale or levels.

    Parameters
    ----------
    table : Table
        The table as read.
    roles : Roles, optional
        What the user says about columns.
    missing : {"error", "fill", "mask"}, default="error"
        What happens to missing cells; ``"fill"`` takes the median of a number, a date or an
        ordered category, and a level of its own for another category; ``"mask"`` leaves them out
        of all distances and means.
    scale : {"robust", "range"}, default="robust"
        Which numbers become 0 and 1: the ends of the range that 96 % of the rows span (of all
        rows in tables of up to 50), or the least and the largest.
    tame : bool, default=True
        Whether a long tail is tamed by ``asinh`` around the median first.
    max_levels : int or None, default=None
        Text columns with more different values are refused.  None: text columns with more than
        50 are left out.
    sample_weight : array-like of shape (n_rows,), number or None, default=None
        A row of weight 2 counts as two rows, though an id names it once; a row of weight 0 counts
        as absent.  Weights that are not whole numbers, or above 1000 on average, count as shares
        of the rows.

    Returns
    -------
    Encoding
        With the kind of each column and why.

    Raises
    ------
    InputError
        When no column can be used, the table has fewer than two rows, cells are missing
        under ``missing="error"``, a role does not fit, text has more than `max_levels`
        values, or weights cannot be used.

    Examples
    --------
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"age": [31, 45.5, 60], "job": ["a", "b", "a"]})
    >>> encoding = fit_encoding(table)
    >>> [(c.name, c.kind) for c in encoding.columns]
    [('age', 'number'), ('job', 'category')]
    >>> encoding.encode(table)[:, 0].tolist()
    [0.0, 0.5, 1.0]
    """
    for name, value, choices in (("missing", missing, MISSING), ("scale", scale, SCALES)):
        if value not in choices:
            raise ValueError(f"`{name}` must be one of {choices}; got {value!r}.")
    weights = checked_weights(sample_weight, table.n_rows)
    if weights is not None and not weights.all():
        table, weights = table.take(weights > 0), weights[weights > 0]
    counts = counts_of(weights)
    roles = roles or Roles()
    n_rows = table.n_rows if counts is None else counts.sum()
    columns = tuple(
        as_numbers(c, may_be_padded=True) if c.name in roles.numbers else c for c in table.columns
    )
    given, table = table, replace(table, columns=columns)
    dates = find_dates(table, roles)
    decisions = decide(table, roles, dates, max_levels, n_rows)
    if table.n_rows < 2:
        raise InputError(f"{table.source} has one row of data; a map needs at least two. Add rows.")
    asked = numbers_as_text(table, roles, dates, n_rows)
    spelled = [name for name in asked if decisions[name].kind != "id"]
    if spelled:
        warnings.warn(
            f"{table.source} has numbers that are written as text, and so are taken as text: "
            f"{listed(spelled)}. If they are numbers, convert them first, such as with "
            "pandas.to_numeric, or name them in `numbers`; if not, name them in `categories` or "
            "`drop`.",
            SomscapeWarning,
            stacklevel=4,
        )
    scaling = Scaling(scale, tame)
    used_dates = {n: found for n, found in dates.items() if decisions[n].kind == "date"}
    codes = tuple(
        DateCode.fit(used_dates[c.name], decisions[c.name].why, scaling, counts)
        if c.name in used_dates
        else _code_for(c, decisions[c.name], table, roles, scaling, counts)
        for c in given.columns
    )
    parts = parts_of(list(used_dates.values()), table.names, scaling, counts)
    encoding = Encoding(codes, missing, parts=parts)
    if not encoding.features:
        kinds = ", ".join(f"{c.name}: {c.kind}, {c.why}" for c in codes)
        cut = _likely_delimiter(table)
        raise InputError(
            f"{table.source} has no column to use ({kinds}). A map needs numbers or categories "
            "that differ from row to row; say which columns are some."
            + (f" If {cut} separates its columns, name that delimiter." if cut else ""),
            options=f"--delimiter {cut}" if cut else "--number COL or --category COL",
        )
    if missing == "error":
        _refuse_missing(
            table, {c.name: dates.get(c.name, table.column(c.name)) for c in encoding.used}
        )
    return encoding


def _code_for(
    column: Column,
    decision: Decision,
    table: Table,
    roles: Roles,
    scaling: Scaling,
    counts: Float64s | None,
) -> ColumnCode:
    kind, why = decision.kind, decision.why
    if kind == "number":
        numbers = as_numbers(column, may_be_padded=True)
        is_padded = not (column.is_number or read_numbers(column))
        return replace(NumberCode.fit(numbers, why, scaling, counts), is_padded=is_padded)
    if kind == "category":
        return CategoryCode.fit(column, why)
    if kind == "ordinal":
        levels = ordinal_levels(column.name, roles.ordinals[column.name])
        ordinal = OrdinalCode.fit(column, why, levels, counts)
        cure = "It is not among the levels given: add it, or correct the cell."
        _refuse_problem(column.name, ordinal.problem(column), table, cure)
        return ordinal
    return UnusedColumn(column.name, why, kind)


def _refuse_far(table: Table, column: Column, part: Float64s) -> None:
    is_far = ~(np.abs(part) <= FARTHEST).all(axis=1)
    if is_far.any():
        row = int(is_far.argmax())
        raise InputError(
            f"{table.where(row)}, column '{column.name}': {_cell(column, row)} is too far from the "
            "numbers the scale was made from. Correct or leave out the row."
        )


def _warn_of_unseen(table: Table, column: Column, part: Float64s) -> None:
    """Warn where most cells of a category have a level that the map never saw."""
    is_unseen = (part[:, -1] > 0) & ~column.missing
    n_unseen, n_present = int(is_unseen.sum()), len(column) - column.n_missing
    if n_present < MIN_UNSEEN_CELLS or n_unseen <= n_present / 2:
        return
    levels = listed(dict.fromkeys(level_texts(column.take(is_unseen))), 3)
    warnings.warn(
        f"{table.source}: {n_unseen} of {n_present} cells of '{column.name}' have a level the map "
        f"never saw ({levels}). Such rows are far from all others; write the levels as in the "
        "table the map was made from.",
        SomscapeWarning,
        stacklevel=5,
    )


def _refuse_missing(table: Table, sources: Mapping[str, Column | Dates]) -> None:
    by_name = {name: int(source.missing.sum()) for name, source in sources.items()}
    counts = [f"{name} {n}" for name, n in by_name.items() if n]
    if counts:
        raise InputError(
            f"{table.source} has missing cells ({', '.join(counts)}). Fill them, leave those "
            "columns out, or have them filled (missing='fill'): numbers by the median, categories "
            "as a level of their own.",
            options="--missing fill",
            python=" (missing='fill')",
        )


def _likely_delimiter(table: Table) -> str:
    """Return what cuts the name of the only column into several, quoted; "" for nothing."""
    name = table.names[0]
    delimiter = max(",;|\t", key=name.count)
    if len(table.names) > 1 or delimiter not in name:
        return ""
    return "tab" if delimiter == "\t" else f"'{delimiter}'"
