"""Choose the encoding of a table from its values and roles."""

import shlex
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Bools, Float64s, Floats
from somscape._validate import check_choice, checked_weights
from somscape._weights import counts_of
from somscape.errors import InputError, SomscapeWarning
from somscape.kernels._select import in_threads
from somscape.tables._dates import FIRST, GUESS, note_of_guess
from somscape.tables._messages import Note, listed
from somscape.tables._numbers import read_numbers
from somscape.tables.codes import (
    CategoryCode,
    NumberCode,
    Scaling,
    UnusedColumn,
    as_numbers,
    refuse_problem,
)
from somscape.tables.column import Column
from somscape.tables.encoding import (
    ColumnCode,
    Encoding,
    FeatureCode,
    lacking,
    refuse_missing,
    sources_of,
)
from somscape.tables.kinds import (
    BELOW_ZERO,
    CODE,
    COUNTER,
    FREE_TEXT,
    MAY_BE_ORDERED,
    MISSING_CHOICES,
    OUTCOME,
    SLIP_AMONG_DATES,
    TEXT_AMONG_NUMBERS,
    KindDecision,
    Roles,
    decider,
    few_below_zero,
    find_dates,
    is_called_personal,
    numbers_as_text,
)
from somscape.tables.ordered import (
    DateCode,
    OrdinalCode,
    has_time,
    ordinal_levels,
    part_names,
    parts_of,
)
from somscape.tables.sources import Source
from somscape.tables.table import Table

FLAT = 1e-18
"""Mean squared difference of rows that rounding can cause. Features have the usual range [0, 1]."""

NOT_ASKED = "in a layer that was not asked for"
"""Reason for leaving out a column whose layer was not chosen."""


def with_layers(encoding: Encoding, table: Table, counts: Float64s | None) -> Encoding:
    """Scale the features of each layer so that their mean squared differences sum to its weight."""
    roles = encoding.roles
    _check_weights(roles)
    if not roles.layers:
        return encoding
    layer = _layer_by_column(encoding, roles.layers)
    parts = (p for p in encoding.parts if len({layer[name] for name in p.sources}) == 1)
    encoding = replace(encoding, parts=tuple(parts))
    squares = _mean_squares(encoding.to_learn(encoding.encode(table)), counts)
    by_code = encoding.sum_by_column(squares[None])[0].tolist()
    totals = dict.fromkeys(roles.layers, 0.0)
    for code, square in zip(encoding.features, by_code, strict=True):
        totals[layer[sources_of(code)[0]]] += square
    for name, total in totals.items():
        if not FLAT < total < np.inf:
            said = "varies more than a float can represent" if total > FLAT else "does not vary"
            raise InputError(
                f"Layer '{name}' of {table.source} {said} ({listed(roles.layers[name])}). Leave "
                "out the layer and its columns, or correct the columns.",
                parameter="layers",
                file=table.source,
                value=name,
            )
    weights = {name: roles.layer_weights.get(name, 1.0) for name in totals}
    # Rounded to float32, because the last bits of a sum depend on the order of the rows.
    factors = {n: float(np.float32(np.sqrt(weights[n] / total))) for n, total in totals.items()}
    return replace(
        encoding,
        columns=tuple(
            c if isinstance(c, UnusedColumn) else _multiply(c, factors[layer[c.name]])
            for c in encoding.columns
        ),
        parts=tuple(_multiply(c, factors[layer[c.sources[0]]]) for c in encoding.parts),
    )


def _check_weights(roles: Roles) -> None:
    unknown = [name for name in roles.layer_weights if name not in roles.layers]
    if unknown:
        there = f"the layers are {listed(roles.layers)}" if roles.layers else "there are no layers"
        raise InputError(
            f"`layer_weights` has a weight for '{unknown[0]}', but {there}. Use names of `layers`.",
            value=unknown[0],
            allowed=list(roles.layers),
        )


def _layer_by_column(encoding: Encoding, layers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the layer of each column, or raise InputError for invalid layers."""
    layer: dict[str, str] = {}
    why = {code.name: code.why for code in encoding.columns}
    used = {code.name for code in encoding.used}
    for name, columns in layers.items():
        absent = [column for column in columns if column not in why]
        if absent:
            raise InputError(
                f"Layer '{name}' contains columns that the data does not have "
                f"({lacking(absent, list(why), columns)}). Use only columns of the data.",
                parameter="layers",
                column=absent[0],
                value=name,
            )
        for column in columns:
            if layer.setdefault(column, name) != name:
                raise InputError(
                    f"Column '{column}' is in two layers, '{layer[column]}' and '{name}'. Keep the "
                    "column in one layer.",
                    parameter="layers",
                    column=column,
                )
        if not used.intersection(columns):
            left = "".join(f" ('{column}': {why[column]})" for column in columns[:1])
            raise InputError(
                f"Layer '{name}' does not have a usable column{left}. Add a column, or leave out "
                "the layer.",
                parameter="layers",
                value=name,
            )
    outside = [code.name for code in encoding.used if code.name not in layer]
    if outside:
        raise InputError(
            f"Some columns are not in a layer ({listed(outside)}). Add them to a layer or to "
            "`drop`.",
            options=f"--drop {shlex.quote(outside[0])}",
            parameter="layers",
            column=outside[0],
        )
    return layer


def _mean_squares(rows: Floats, counts: Float64s | None) -> Float64s:
    """Return, for each feature, the mean squared difference of two random rows."""
    squares = np.zeros(rows.shape[1])
    for j in range(rows.shape[1]):
        is_there = ~np.isnan(rows[:, j])
        values, own = rows[is_there, j], None if counts is None else counts[is_there]
        if len(values):
            with np.errstate(over="ignore", invalid="ignore"):
                apart = values - np.average(values, weights=own)
                squares[j] = 2 * np.average(apart**2, weights=own)
    return squares


def _multiply(code: Any, factor: float) -> Any:
    """Return a copy of a column's code whose encoded features are multiplied by a factor."""
    if isinstance(code, DateCode):
        return replace(code, number=replace(code.number, factor=factor))
    return replace(code, factor=factor)


def checked_layers(encoding: Encoding, names: str | Iterable[str]) -> list[str]:
    """Return the given names of layers without repetition, or raise InputError."""
    layers = encoding.roles.layers
    if not isinstance(names, str | Iterable) or isinstance(names, bytes):
        raise InputError(
            f"`layers` must be a name or a list of names, but is {names!r:.60}.", value=names
        )
    found = list(dict.fromkeys([names] if isinstance(names, str) else names))
    if not layers:
        raise InputError(
            "The map does not have layers. Train the map with an `encoder` that has layers, such "
            "as TableEncoder(layers={'name': ['column']}).",
            parameter="layers",
            value=found,
        )
    unknown = [name for name in found if name not in layers]
    if unknown or not found:
        said = f"The map does not have a layer {unknown[0]!r}" if unknown else "No layer was given"
        raise InputError(
            f"{said}. Give one or more of its layers {listed(layers)}.",
            parameter="layers",
            value=unknown[0] if unknown else None,
            allowed=list(layers),
        )
    _layer_by_column(encoding, layers)  # an encoding from a file can be invalid
    return found


def in_layers(encoding: Encoding, names: Iterable[str]) -> NDArray[np.bool_]:
    """Return a mask of the encoded features in the given layers."""
    columns = {column for name in names for column in encoding.roles.layers[name]}
    is_in = [sources_of(code)[0] in columns for code in encoding.features]
    return np.repeat(is_in, [code.n_features for code in encoding.features])


def of_layers(encoding: Encoding, names: Iterable[str]) -> Encoding:
    """Return an encoding for only the given layers. Columns of other layers are not needed."""
    roles, names = encoding.roles, set(names)
    columns = {column for name in names for column in roles.layers[name]}

    def is_in(code: ColumnCode | FeatureCode) -> bool:
        return isinstance(code, UnusedColumn) or columns.issuperset(sources_of(code))

    return replace(
        encoding,
        columns=tuple(
            c if is_in(c) else UnusedColumn(c.name, NOT_ASKED, "dropped") for c in encoding.columns
        ),
        parts=tuple(part for part in encoding.parts if is_in(part)),
        roles=replace(
            roles,
            layers={n: found for n, found in roles.layers.items() if n in names},
            layer_weights={n: w for n, w in roles.layer_weights.items() if n in names},
        ),
    )


SHARED_ROWS = 1 << 16
"""Minimum number of rows for which columns are processed in parallel."""

SCALES = ("robust", "range")
"""Choices of `scale`. "robust" maps the usual range to [0, 1], and "range" maps the entire range to
[0, 1]."""


def fit_encoding(
    table: Table | Source,
    roles: Roles | None = None,
    missing: str = "error",
    *,
    scale: str = "robust",
    tame: bool = True,
    max_levels: int | None = None,
    sample_weight: Any = None,
) -> Encoding:
    """Choose the kind of each column, and learn its scale or levels."""
    check_choice("missing", missing, MISSING_CHOICES)
    check_choice("scale", scale, SCALES)
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
    decisions, numbers = _decisions(given, table, roles, decided, scaling, counts)
    if table.n_rows < 2:
        raise InputError(
            f"{table.source} has one row of data, but a map needs at least two. Add rows.",
            file=table.source,
            value=table.n_rows,
        )
    asked = numbers_as_text(table, roles, dates, n_rows)
    _warn_of_spelled(table, [name for name in asked if decisions[name].kind != "id"])
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
        table.column(name)  # raises InputError if the column is not in the table
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
    decided: Callable[[Column], KindDecision],
    scaling: Scaling,
    counts: Float64s | None,
) -> tuple[dict[str, KindDecision], dict[str, ColumnCode]]:
    """Return the kind of each column by name, and the codes of the numeric columns."""
    may_be_numbers = _may_be_numbers(table, roles)

    def look(pair: tuple[Column, Column]) -> tuple[KindDecision, ColumnCode | None]:
        as_given, column = pair
        # Sorted once, for the number of different values and for the scale.  Text is not sorted
        # here, because its scale is learned from a column that is converted and sorted later.
        is_same = as_given is column
        held = column.ascending() if is_same and column.name in may_be_numbers else None
        decision = decided(column)
        is_number = held is not None and decision.kind == "number"
        code = _code_for(as_given, decision, table, roles, scaling, counts) if is_number else None
        return decision, code

    pairs = zip(given.columns, table.columns, strict=True)
    found = in_threads(look, pairs, is_long=table.n_rows >= SHARED_ROWS)
    named = zip(table.names, found, strict=True)
    codes = {name: code for name, (_, code) in named if code is not None}
    decisions = (decision for decision, _ in found)
    return dict(zip(table.names, decisions, strict=True)), codes


def _may_be_numbers(table: Table, roles: Roles) -> set[str]:
    """Return the names of those numeric columns that have the role of numbers.

    If rules decide the kinds of columns, also return numeric columns without a role.
    """
    has_role, by_rule = roles.by_column(), roles.others != "drop"
    roles_of = {c.name: has_role.get(c.name) for c in table.columns if c.is_number}
    return {n for n, role in roles_of.items() if role == "numbers" or (role is None and by_rule)}


def _warn_of_spelled(table: Table, names: Sequence[str]) -> None:
    if names:
        warnings.warn(
            f"{table.source} has columns of numbers that are stored as text and used as text "
            f"({listed(names)}). If they are numbers, name them in `numbers`, or convert them "
            "first (for example with pandas.to_numeric). If not, name them in `categories` "
            "or `drop`.",
            SomscapeWarning,
            stacklevel=5,
        )


def _no_features(table: Table, codes: Sequence[ColumnCode]) -> InputError:
    kinds = ", ".join(f"{c.name}: {c.kind}, {c.why}" for c in codes)
    cut, cure, options = _likely_delimiter(table), "", "--number COL or --category COL"
    if cut:
        cure, options = (
            f" If {cut} separates the columns, give this delimiter.",
            f"--delimiter {cut}",
        )
    elif table.lines is not None and "column_2" in table.names:  # line 1 can be a title
        cure, options = " If another line contains the column names, give this line.", "--header N"
    return InputError(
        f"{table.source} does not have a usable column ({kinds}). A map needs numbers or "
        "categories that differ from row to row. Choose columns as numbers or categories."
        f"{cure}",
        options=options,
        file=table.source,
    )


def _code_for(
    column: Column,
    decision: KindDecision,
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
        assert values is not None  # because it has a code
        few = "" if code.reach else few_below_zero(values)  # mistakes have another note
        return replace(code, why=f"{code.why}; {few}") if few else code
    if kind == "category":
        return CategoryCode.fit(column, why)
    if kind == "ordinal":
        levels = ordinal_levels(column.name, roles.ordinals[column.name])
        ordinal = OrdinalCode.fit(column, why, levels, counts)
        cure = "The given levels do not contain this value. Add the value, or correct the cell."
        refuse_problem(column.name, ordinal.problem(column), table, cure)
        return ordinal
    return UnusedColumn(column.name, why, kind)


def _likely_delimiter(table: Table) -> str:
    """Return, in quotes, a delimiter that is in the name of the only column, or ""."""
    name = table.names[0]
    delimiter = max(",;|\t", key=name.count)
    if len(table.names) > 1 or delimiter not in name:
        return ""
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


def _without_ids(code: NumberCode, is_meant: Callable[[Float64s], Bools]) -> str:
    return ""


def notes_of(
    encoding: Encoding,
    checked: Collection[str] = (),
    ids_of: Callable[[NumberCode, Callable[[Float64s], Bools]], str] = _without_ids,
) -> list[Note]:
    """Return notes on columns that the user should check, with options that change the encoding.

    A check names the negative numbers of the columns in `checked`, so they need no note.  `ids_of`
    returns the ids of those rows whose numbers are meant, as text in parentheses.
    """
    notes = notes_of_unfit(encoding.columns)
    for order in FIRST:
        guessed = [
            code.name
            for code in encoding.columns
            if isinstance(code, DateCode) and code.order == order and GUESS in code.why
        ]
        if guessed:
            notes.append(note_of_guess(guessed, order))
    for code in encoding.used:
        if isinstance(code, NumberCode) and code.reach:
            slips = code.why.partition("; nothing learned from ")[2].partition(";")[0]
            ids = ids_of(code, partial(_is_slip, code))
            text = (
                f"'{code.name}' contains {slips}{ids}, over a million times farther from the usual "
                "values than any other number"
            )
            notes.append(Note(f"{text}. Such numbers are not used for learning"))
        is_told = code.name in checked or not code.why.endswith(BELOW_ZERO)
        if isinstance(code, NumberCode) and not is_told:
            few = code.why.rpartition("; ")[2].removesuffix(BELOW_ZERO)
            notes.append(note_of_negatives(code.name, few, ids_of(code, _is_below_zero)))
    ordered = [code.name for code in encoding.used if code.why.endswith(MAY_BE_ORDERED)]
    if ordered:
        text = f"{listed(ordered)} may have an order. Consider ordered categories or numbers"
        options = " ".join(f"--ordinal {shlex.quote(name)}" for name in ordered)
        notes.append(Note(text, options))
    personal = [code.name for code in encoding.used if is_called_personal(code.name)]
    if personal:
        these = "this column" if len(personal) == 1 else "these columns"
        text = f"{listed(personal)} may be personal data. Consider protecting {these}"
        options = " ".join(f"--protect {shlex.quote(name)}" for name in personal)
        notes.append(Note(text, options))
    return notes


def _is_slip(code: NumberCode, numbers: Float64s) -> Bools:
    return np.abs(numbers - code.fill) > 2 * code.reach


def _is_below_zero(numbers: Float64s) -> Bools:
    return numbers < 0


def note_of_negatives(name: str, few: str, ids: str) -> Note:
    """Return a note on the few rows with a negative number in a column."""
    text = f"'{name}' is below 0 in {few} rows{ids}. Check these rows, because a wrong sign does"
    return Note(f"{text} not always cause a high score")


def notes_of_unfit(columns: Iterable[ColumnCode], *, has_advice: bool = True) -> list[Note]:
    """Return notes on columns that are left out as outcomes, row counters, codes or free text."""
    left_out = [code for code in columns if code.kind == "dropped"]
    notes = [
        Note(
            f"'{code.name}' looks like an outcome and is left out. Name it as the label, or as a "
            "category to use it",
            f"--label {shlex.quote(code.name)} or --category {shlex.quote(code.name)}",
        )
        for code in left_out
        if code.why == OUTCOME
    ]
    unused = [c for c in left_out if c.why == COUNTER or c.why.endswith(CODE)]
    if unused:
        named = ", ".join(f"'{code.name}' ({code.why})" for code in unused)
        text, options = f"left out {named}", ""
        if has_advice:
            text += ". To use a column, name it as the id, a number or a category"
            options = "--id, --number or --category, or --per to rank repeated values"
        notes.append(Note(text, options))
    for code in left_out:
        if code.why.startswith(TEXT_AMONG_NUMBERS):
            cure = "Correct the cells, or name the text as a code for missing values"
            text = f"left out '{code.name}' ({code.why}). {cure}"
            notes.append(Note(text, "--missing-values" * has_advice))
        elif code.why.startswith(SLIP_AMONG_DATES) or code.why.endswith(FREE_TEXT):
            notes.append(Note(f"left out '{code.name}' ({code.why})"))
    return notes
