"""From a table and what the user says of it to its encoding."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from somscape._types import Float64s, Floats
from somscape._validate import checked_weights
from somscape._weights import counts_of
from somscape.encode._codes import CategoryCode, NumberCode, Scaling, UnusedColumn
from somscape.encode._date_parts import has_time, part_names, parts_of
from somscape.encode._encoding import ColumnCode, Encoding
from somscape.encode._kinds import (
    MISSING,
    Decision,
    Roles,
    decider,
    find_dates,
    numbers_as_text,
)
from somscape.encode._layers import with_layers
from somscape.encode._numbers import as_numbers
from somscape.encode._ordered import DateCode, OrdinalCode, ordinal_levels
from somscape.encode._refuse import refuse_missing, refuse_problem
from somscape.encode._signs import few_below_zero
from somscape.errors import InputError, SomscapeWarning
from somscape.kernels import in_threads
from somscape.tables import Column, Source, Table, listed, read_numbers

SHARED_ROWS = 1 << 16
"""Rows from which columns are looked at several at a time."""

SCALES = ("robust", "range")
"""Which numbers may become 0 and 1; see `fit_encoding`."""


def fit_encoding(
    table: Table | Source,
    roles: Roles | None = None,
    missing: str = "error",
    *,
    scale: str = "robust",
    tame: bool = True,
    max_levels: int | None = None,
    sample_weight: Any = None,
    on_number: Callable[[NumberCode, Floats], object] | None = None,
) -> Encoding:
    """Decide what each column of a table becomes, and learn its scale or levels."""
    for name, value, choices in (("missing", missing, MISSING), ("scale", scale, SCALES)):
        if value not in choices:
            raise ValueError(f"`{name}` must be one of {choices}; got {value!r}.")
    if isinstance(table, Source):
        table = table.table()
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
    decided, scaling = decider(table, roles, dates, max_levels, n_rows), Scaling(scale, tame)
    decisions, numbers = _decisions(given, table, roles, decided, scaling, counts, on_number)
    if table.n_rows < 2:
        raise InputError(f"{table.source} has one row of data; a map needs at least two. Add rows.")
    asked = numbers_as_text(table, roles, dates, n_rows)
    spelled = [name for name in asked if decisions[name].kind != "id"]
    _warn_of_spelled(table, spelled)
    used_dates = {n: found for n, found in dates.items() if decisions[n].kind == "date"}

    def code_of(c: Column) -> ColumnCode:
        if c.name in numbers:
            return numbers[c.name]
        if c.name in used_dates:
            return DateCode.fit(used_dates[c.name], decisions[c.name].why, scaling, counts)
        return _code_for(c, decisions[c.name], table, roles, scaling, counts)

    codes = tuple(in_threads(code_of, given.columns, is_long=table.n_rows >= SHARED_ROWS))
    parts = parts_of(list(used_dates.values()), table.names, scaling, counts)
    times = {name: has_time(found.moments) for name, found in used_dates.items()}
    for name in {*roles.drop} - {*part_names(times, table.names)}:
        table.column(name)  # or says that there is none
    parts = tuple(code for code in parts if code.name not in roles.drop)
    encoding = Encoding(codes, missing, roles=roles.beside_columns(), parts=parts)
    if not encoding.features:
        raise _no_features(table, codes)
    if missing == "error":
        refuse_missing(
            table, {c.name: dates.get(c.name, table.column(c.name)) for c in encoding.used}
        )
    return with_layers(encoding, table, counts)


def _decisions(
    given: Table,
    table: Table,
    roles: Roles,
    decided: Callable[[Column], Decision],
    scaling: Scaling,
    counts: Float64s | None,
    on_number: Callable[[NumberCode, Floats], object] | None,
) -> tuple[dict[str, Decision], dict[str, ColumnCode]]:
    """Return what each column is, and the codes of those that are numbers."""
    may_be_numbers = _may_be_numbers(table, roles)

    def look(pair: tuple[Column, Column]) -> tuple[Decision, ColumnCode | None]:
        as_given, column = pair
        # Put in order once: for how many of its values differ, and for its scale.  Not where it
        # was text: its scale is learned from another column, which puts its own in order.
        is_same = as_given is column
        held = column.ascending() if is_same and column.name in may_be_numbers else None
        decision = decided(column)
        is_number = held is not None and decision.kind == "number"
        code = _code_for(as_given, decision, table, roles, scaling, counts) if is_number else None
        if on_number is not None and held is not None and isinstance(code, NumberCode):
            on_number(code, held)
        return decision, code

    pairs = zip(given.columns, table.columns, strict=True)
    found = in_threads(look, pairs, is_long=table.n_rows >= SHARED_ROWS)
    named = zip(table.names, found, strict=True)
    codes = {name: code for name, (_, code) in named if code is not None}
    decisions = (decision for decision, _ in found)
    return dict(zip(table.names, decisions, strict=True)), codes


def _may_be_numbers(table: Table, roles: Roles) -> set[str]:
    """Return the columns of numbers that the rules, or the user, may take as numbers."""
    has_role, by_rule = roles.by_column(), roles.others != "drop"
    roles_of = {c.name: has_role.get(c.name) for c in table.columns if c.is_number}
    return {n for n, role in roles_of.items() if role == "numbers" or (role is None and by_rule)}


def _warn_of_spelled(table: Table, names: Sequence[str]) -> None:
    if names:
        warnings.warn(
            f"{table.source} has numbers that are written as text, and so are taken as text: "
            f"{listed(names)}. If they are numbers, convert them first, such as with "
            "pandas.to_numeric, or name them in `numbers`; if not, name them in `categories` or "
            "`drop`.",
            SomscapeWarning,
            stacklevel=5,
        )


def _no_features(table: Table, codes: Sequence[ColumnCode]) -> InputError:
    kinds = ", ".join(f"{c.name}: {c.kind}, {c.why}" for c in codes)
    cut = _likely_delimiter(table)
    return InputError(
        f"{table.source} has no column to use ({kinds}). A map needs numbers or categories "
        "that differ from row to row; say which columns are some."
        + (f" If {cut} separates its columns, name that delimiter." if cut else ""),
        options=f"--delimiter {cut}" if cut else "--number COL or --category COL",
    )


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
        code = replace(NumberCode.fit(numbers, why, scaling, counts), is_padded=is_padded)
        values = numbers.numbers
        assert values is not None  # or there is no code
        few = "" if code.reach else few_below_zero(values)  # slips are told of
        return replace(code, why=f"{code.why}; {few}") if few else code
    if kind == "category":
        return CategoryCode.fit(column, why)
    if kind == "ordinal":
        levels = ordinal_levels(column.name, roles.ordinals[column.name])
        ordinal = OrdinalCode.fit(column, why, levels, counts)
        cure = "It is not among the levels given: add it, or correct the cell."
        refuse_problem(column.name, ordinal.problem(column), table, cure)
        return ordinal
    return UnusedColumn(column.name, why, kind)


def _likely_delimiter(table: Table) -> str:
    """Return what cuts the name of the only column into several, quoted; "" for nothing."""
    name = table.names[0]
    delimiter = max(",;|\t", key=name.count)
    if len(table.names) > 1 or delimiter not in name:
        return ""
    return "tab" if delimiter == "\t" else f"'{delimiter}'"
