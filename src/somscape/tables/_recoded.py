"""Convert encoded rows to another encoding or to words, show values, and find minimal changes."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._weights import blocks
from somscape.errors import InputError, ParameterTypeError
from somscape.kernels._select import select_kernels
from somscape.tables._messages import joined, listed
from somscape.tables.codes import (
    MAX_DECIMALS,
    UNSEEN_LEVEL,
    CategoryCode,
    NumberCode,
    decimal_text,
    level_texts,
    number_text,
)
from somscape.tables.column import MONEY_DECIMALS, Column, spelled, spelling_of
from somscape.tables.encoding import ColumnCode, Encoding, FeatureCode, sources_of
from somscape.tables.ordered import (
    DAY_MICROSECONDS,
    MICROSECONDS,
    CycleCode,
    DateCode,
    LeveledCode,
    OrdinalCode,
    PartCode,
    SpanCode,
    moment_text,
)
from somscape.tables.sources import read_table
from somscape.tables.table import Table


def recoded(rows: Float64s, was: Encoding, now: Encoding) -> Float64s:
    """Convert encoded rows (or prototypes) from the encoding `was` to the encoding `now`."""
    if was.is_plain and now.is_plain and not (was.is_named and now.is_named):
        if was.n_features != now.n_features:
            raise InputError(
                f"The maps have {was.n_features} and {now.n_features} columns. Train both maps on "
                "the same columns.",
                value=now.n_features,
                allowed=was.n_features,
            )
        return rows
    _check_columns(was, now)
    parts = {
        code.name: (code, rows[:, part])
        for code, part in zip(was.features, was.slices, strict=True)
    }
    made = [_feature(parts, code) for code in now.features]
    return np.ascontiguousarray(np.concatenate(made, axis=1))


def _check_columns(was: Encoding, now: Encoding) -> None:
    """Raise InputError if two encodings differ in their columns, kinds or ordered levels."""
    a, b = ({code.name: code for code in each.used} for each in (was, now))
    alone = [listed(_not_in(other, own)) for own, other in ((a, now), (b, was))]
    if any(alone):
        said = "one has {}, the other has {}" if all(alone) else "only one map has {}{}"
        raise InputError(
            f"The maps differ in their columns ({said.format(*alone)}). Train both maps on the "
            "same columns, with the same roles."
        )
    for name, code in a.items():
        if code.kind != b[name].kind:
            raise InputError(
                f"The maps differ in column {name!r}, which is {code.kind} in one map and "
                f"{b[name].kind} in the other. Train both maps with the same roles.",
                column=name,
                value=b[name].kind,
                allowed=code.kind,
            )
        if isinstance(code, OrdinalCode) and code.levels != getattr(b[name], "levels", None):
            raise InputError(
                f"The maps differ in the ordered levels of column {name!r}. Train both maps with "
                "the same roles.",
                column=name,
            )


def _not_in(encoding: Encoding, names: Iterable[str]) -> list[str]:
    """Return the names that the encoding does not use as features, each with the reason."""
    used, why = {code.name for code in encoding.used}, {c.name: c.why for c in encoding.columns}
    return [
        name + (f" (in the other {why[name]})" if name in why else "")
        for name in names
        if name not in used
    ]


def _feature(parts: dict[str, tuple[FeatureCode, Float64s]], now: FeatureCode) -> Float64s:
    """Return the encoded values of one feature, converted to its code in the new encoding."""
    was, features = parts.get(now.name, (None, np.empty(0)))
    if was == now:
        return features
    if isinstance(now, NumberCode) and isinstance(was, NumberCode):
        return now.place(was.decode(features))[:, None]
    if isinstance(now, DateCode) and isinstance(was, DateCode):
        return now.number.place(_microseconds(was, features) / MICROSECONDS[now.unit])[:, None]
    if isinstance(now, CategoryCode) and isinstance(was, CategoryCode):
        return _levels(features, was, now)
    if was is None and isinstance(now, SpanCode):
        start, end = (_microseconds(*parts[name]) for name in now.sources)
        return now.place((end - start) / DAY_MICROSECONDS)[:, None]
    if was is None:
        n_rows = len(next(iter(parts.values()))[1])
        return np.zeros((n_rows, now.n_features))
    return features * (now.factor / was.factor)


def _microseconds(code: Any, features: Float64s) -> Float64s:
    """Convert encoded dates to microseconds since 1970, without rounding to the code's unit."""
    return np.asarray(code.number.decode(features) * MICROSECONDS[code.unit])


def _levels(features: Float64s, was: CategoryCode, now: CategoryCode) -> Float64s:
    place = {level: i for i, level in enumerate(now.levels)}
    out = np.zeros((len(features), now.n_features))
    for level, values in zip((*was.levels, UNSEEN_LEVEL), features.T, strict=True):
        out[:, place.get(level, len(now.levels))] += values
    return out * (now.factor / was.factor)


NO_CELL = "missing"
"""Text for a missing value."""

DIGITS, MOST_DIGITS = 6, 9
"""Number of digits of a long number in a column whose numbers have many decimals, and maximum
number of digits of a number that is always shown in full."""


def mark_of(table: Table, code: FeatureCode) -> str:
    """Return the decimal mark and the thousands separator of a column, or "." without numbers."""
    is_number = isinstance(code, NumberCode) and not isinstance(code, PartCode)
    return spelling_of(table.column(code.name)) if is_number else "."


def value_shown(code: FeatureCode, table: Table, row: int, encoded: Floats) -> str:
    """Return, as text, the value of a feature in one row of the table."""
    return values_shown(code, table, np.array([row]), encoded[None, :])[0]


def values_shown(code: FeatureCode, table: Table, rows: Ints, encoded: Floats) -> list[str]:
    """Return, as texts, the values of a feature in the given rows of the table."""
    columns = [table.column(name).take(rows) for name in sources_of(code)]
    if isinstance(code, DateCode | PartCode):
        pairs = zip(encoded, np.any([column.missing for column in columns], axis=0), strict=True)
        return [NO_CELL if gone else code.text(row) for row, gone in pairs]
    column = columns[0]
    texts = [NO_CELL if cell is None else cell for cell in column.each_cell()]
    if not isinstance(code, NumberCode) or column.numbers is None:
        return texts
    mark = "," if "decimal comma" in column.style else "."
    both = zip(texts, column.numbers.tolist(), strict=True)
    return [
        text if text == NO_CELL else _shortened(text, number, code.decimals, mark)
        for text, number in both
    ]


def _shortened(text: str, number: float, decimals: int, mark: str) -> str:
    """Return the text, or a shorter text if the number has more decimals than the column."""
    given = text.lower().partition("e")[0].rpartition(mark)[2] if mark in text else ""
    is_decimal = decimals <= MAX_DECIMALS
    few = max(decimals if is_decimal else 0, MONEY_DECIMALS)
    if sum(map(str.isdigit, text)) <= MOST_DIGITS or len(given) <= few:
        return text
    short = decimal_text(number, decimals)
    is_close = is_decimal and math.isclose(float(short), number, rel_tol=1e-15)
    return short.replace(".", mark) if is_close else cell_text(number, mark, DIGITS)


def cell_text(value: Any, mark: str, digits: int = 12) -> str:
    """Return a decoded value (a number, a date or a level) as text."""
    if isinstance(value, np.datetime64):
        return moment_text(value)
    if not isinstance(value, float):
        return str(value)
    number, is_small, power = number_text(value, digits=digits).partition("e")
    if is_small and "." in number:
        number = number.rstrip("0").rstrip(".")
    return spelled(f"{number}{is_small}{power}", mark)


MAX_CHANGES = 4
"""Maximum number of changed values that a text about a row mentions."""

N_TARGETS = 8
"""Number of nearest targets (rows that could be reached) that are tried for each row."""

RESOLUTION = 0.01
"""Largest rounding error of a changed number, as a share of the prototypes' range in the column."""


def rounding_steps(encoding: Encoding, prototypes: Float64s) -> list[float]:
    """Return, for each feature column, the largest error from rounding its encoded values."""
    return [
        RESOLUTION * float(np.ptp(prototypes[:, place])) if code.n_features == 1 else 0.0
        for code, place in zip(encoding.features, encoding.slices, strict=True)
    ]


def fewest_changes(
    encoding: Encoding, rows: Float64s, targets: Float64s, is_reached: Callable[[Float64s], Bools]
) -> tuple[Float64s, list[list[int]]]:
    """Replace as few columns of each row as possible by a target's, so that `is_reached` is true.

    Return the changed rows, and the indices of the changed columns of each row.
    """
    k = min(N_TARGETS, len(targets))
    near, _ = select_kernels().search(rows, targets, k)
    start, target = rows.repeat(k, axis=0), targets[near.ravel()]  # ways of a row are adjacent
    apart = encoding.sum_by_used((start - target) ** 2)
    order = np.argsort(-apart, axis=1, kind="stable")
    is_changed = np.zeros(apart.shape, dtype=bool)
    n_changed = np.zeros(len(start), dtype=np.intp)
    widths = [code.n_features for code in encoding.used]
    end = sum(widths)

    def at(ways: Ints) -> Float64s:
        rows = start[ways].copy()
        which = is_changed[ways].repeat(widths, axis=1)
        rows[:, :end] = np.where(which, target[ways, :end], rows[:, :end])
        return encoding.with_parts(rows, is_changed[ways])

    ways = np.arange(len(start))
    for n in range(apart.shape[1]):
        is_changed[ways, order[ways, n]] = True
        n_changed[ways[is_reached(at(ways))]] = n + 1
        # The first way that succeeds needs the fewest columns, so other ways of the row stop.
        ways = np.flatnonzero(~(n_changed > 0).reshape(-1, k).any(axis=1).repeat(k))
        if not len(ways):
            break
    for n in range(n_changed.max() - 2, -1, -1):
        ways = np.flatnonzero(n_changed > n + 1)
        columns = order[ways, n]
        is_changed[ways, columns] = False
        is_changed[ways, columns] = ~is_reached(at(ways))
    # The fewest columns, and for equal numbers the least distance (less than one column).
    moved = (apart * is_changed).sum(axis=1)
    cost = np.where(n_changed > 0, is_changed.sum(axis=1) + moved / (1 + moved), np.inf)
    best = cost.reshape(-1, k).argmin(axis=1) + k * np.arange(len(rows))
    return at(best), [[j for j in order[way] if is_changed[way, j]] for way in best]


def cells_of(
    encoding: Encoding, rows: Float64s, pairs: Sequence[tuple[int, int]], steps: Sequence[float]
) -> list[Any]:
    """Decode the chosen values of rows to original units, rounded to values that can occur."""
    values: list[Any] = []
    for i, j in pairs:
        code, part = encoding.features[j], rows[i : i + 1, encoding.slices[j]]
        if isinstance(code, LeveledCode):
            values.append(code.decode(part)[0])
        else:
            values.append(code.short(part, steps[j])[0])
    return values


CHANGED_ROWS = 1024
"""Number of rows for which changes are searched at a time, to limit memory."""

N_HALVINGS = 12
"""Number of steps of the binary search for the smallest changes that suffice."""


class ChangedRows(NamedTuple):
    """Rows in which a few columns changed.

    Attributes
    ----------
    which : ndarray of shape (n,)
        Number of each row among all rows.
    rows : ndarray of shape (n, n_features)
        The rows after the changes.
    pairs : list of (int, int)
        Position of the row and number of the column, for each change.
    told : list of (str, str, object, str)
        For each change, the column, the value of the row as text, the new value and the decimal
        mark.
    """

    which: Ints
    rows: Float64s
    pairs: list[tuple[int, int]]
    told: list[tuple[str, str, Any, str]]

    def by_row(self, changes: Iterable[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield the number of each row, and those of the given changes that belong to the row."""
        found: list[list[Any]] = [[] for _ in self.which]
        for (i, _), change in zip(self.pairs, changes, strict=True):
            found[i].append(change)
        return zip(self.which.tolist(), map(tuple, found), strict=True)


def changed_rows(
    encoding: Encoding,
    table: Table,
    rows: Float64s,
    which: Ints,
    targets: Float64s,
    is_reached: Callable[[Float64s], Bools],
    steps: list[float],
    *,
    is_smallest: bool = False,
) -> Iterator[ChangedRows]:
    """For blocks of rows, yield changes of few columns after which `is_reached` is true.

    Rows change to the values of targets.  If `is_smallest`, the changes are then reduced.
    """
    for part in blocks(len(which) if len(targets) else 0, CHANGED_ROWS):
        some, lines = rows[which[part]], table.take(which[part])
        moved, columns = fewest_changes(encoding, some, targets, is_reached)
        pairs = [(i, j) for i, changed in enumerate(columns) for j in changed]
        if is_smallest:
            moved = _moved_back(encoding, some, moved, columns, steps, is_reached)
            pairs = [(i, j) for i, j in pairs if (moved != some)[i, encoding.slices[j]].any()]
        told = []
        for (i, j), to in zip(pairs, cells_of(encoding, moved, pairs, steps), strict=True):
            code = encoding.features[j]
            value = value_shown(code, lines, i, some[i, encoding.slices[j]])
            told.append((code.name, value, to, mark_of(lines, code)))
        yield ChangedRows(which[part], moved, pairs, told)


def _moved_back(
    encoding: Encoding,
    rows: Float64s,
    moved: Float64s,
    columns: list[list[int]],
    steps: list[float],
    is_reached: Callable[[Float64s], Bools],
) -> Float64s:
    """Move changed rows back towards the original rows as far as `is_reached` stays true."""
    is_changed = np.zeros((len(rows), len(encoding.used)), dtype=bool)
    for i, changed in enumerate(columns):
        is_changed[i, changed] = True
    widths = [code.n_features for code in encoding.used]
    may_differ = np.zeros(rows.shape, dtype=bool)
    may_differ[:, : sum(widths)] = is_changed.repeat(widths, axis=1)
    best, low, high = moved.copy(), np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        between = encoding.possible(rows + middle[:, None] * (moved - rows), steps)
        between = encoding.with_parts(np.where(may_differ, between, rows), is_changed)
        is_enough = is_reached(between)
        best[is_enough] = between[is_enough]
        low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
    return best


def changes_text(changes: Sequence[Any]) -> str:
    """Return changes as text. Only the first changes are named."""
    parts = [str(change) for change in changes[:MAX_CHANGES]]
    n_more = len(changes) - len(parts)
    if n_more:
        parts.append(f"{n_more} more {'column' if n_more == 1 else 'columns'}")
    return joined(parts)


Dictionary: TypeAlias = dict[str, dict[str, str]]
"""For each column, a mapping from its codes to words. The words for the empty code "" are a name
for the column itself."""

COLUMNS = ("column", "code", "words")
"""Names of the columns in a file that contains a dictionary."""

OF_COLUMN = ""
"""Code whose words name the column itself."""


def read_dictionary(path: str | Path) -> Dictionary:
    """Read a file that contains words for the codes and the names of columns."""
    table = read_table(path, missing_values=[])
    absent = [name for name in COLUMNS if name not in table.names]
    if absent:
        raise InputError(
            f"{table.source} must have the columns {', '.join(COLUMNS)}, but lacks "
            f"{', '.join(absent)}. In a row with an empty code, the words name the column itself.",
            file=table.source,
            column=absent[0],
            allowed=COLUMNS,
        )
    columns, words = (table.column(name).cells.tolist() for name in ("column", "words"))
    codes = _codes(table.column("code"))
    found: Dictionary = {}
    for row, (column, code, said) in enumerate(zip(columns, codes, words, strict=True)):
        if column is None or said is None:
            raise InputError(
                f"{table.where(row)}: The column or its words are missing. Give both.",
                file=table.source,
                row=row,
            )
        if code in found.setdefault(column, {}):
            raise InputError(
                f"{table.where(row)}: The code '{code}' of '{column}' occurs twice. Remove a row.",
                file=table.source,
                row=row,
                column=column,
                value=code,
            )
        found[column][code] = said
    return found


def checked_dictionary(given: Any) -> Dictionary:
    """Check a dictionary (a file or a mapping), and convert its codes and words to texts."""
    if given is None:
        return {}
    if isinstance(given, str | Path):
        return read_dictionary(given)
    if not (isinstance(given, Mapping) and all(isinstance(w, Mapping) for w in given.values())):
        raise ParameterTypeError(
            "`dictionary` must be a file, or a mapping of each column to a mapping of codes to "
            f"words, but is {given!r:.60}. Give, for example, {{'job': {{'A171': 'unskilled'}}}}.",
            value=given,
        )
    return {
        str(column): dict(zip(_as_levels(words), map(str, words.values()), strict=True))
        for column, words in given.items()
    }


def _as_levels(codes: Mapping[Any, Any]) -> list[str]:
    """Convert codes to the texts with which a column of these codes has its levels."""
    texts = [str(code) or None for code in codes]
    return _codes(Column("code", np.array(texts, dtype=object)))


def _codes(column: Column) -> list[str]:
    """Return a column's values as texts of levels. An empty cell becomes `OF_COLUMN`."""
    levels = zip(level_texts(column), column.missing, strict=True)
    return [OF_COLUMN if is_empty else level for level, is_empty in levels]


def in_words(encoding: Encoding) -> Encoding:
    """Return an encoding in which words replace the names of columns and the codes of levels."""
    if not encoding.roles.dictionary:
        return encoding
    names = _words_by_name(encoding)
    columns = tuple(_code_in_words(code, names, encoding) for code in encoding.columns)
    parts = tuple(_part_in_words(part, names) for part in encoding.parts)
    roles = replace(encoding.roles, dictionary={})
    return replace(encoding, columns=columns, parts=parts, roles=roles)


def table_in_words(encoding: Encoding, table: Table) -> Table:
    """Return a table in which words replace the names of columns and the codes in cells."""
    if not encoding.roles.dictionary:
        return table
    names, codes = _words_by_name(encoding), {code.name: code for code in encoding.columns}
    columns = tuple(
        _cells_in_words(column, codes[column.name], encoding).renamed(names[column.name])
        if column.name in names
        else column
        for column in table.columns
    )
    return replace(table, columns=columns)


def words_of_level(encoding: Encoding, column: str, level: str) -> str:
    """Return the words for a code in a column, or the code if the dictionary lacks it."""
    return encoding.roles.dictionary.get(column, {}).get(level, level)


def words_of_column(encoding: Encoding, column: str) -> str:
    """Return the words for a column. If the dictionary lacks the column, return its name."""
    return _words_by_name(encoding).get(column, column)


def _words_by_name(encoding: Encoding) -> dict[str, str]:
    """Return, for each column of a table, the words for its name. The id column keeps its name."""
    dictionary = encoding.roles.dictionary
    names = [code.name for code in encoding.columns]
    said = [
        code.name if code.kind == "id" else dictionary.get(code.name, {}).get(OF_COLUMN, code.name)
        for code in encoding.columns
    ]
    return dict(zip(names, _make_unique(said, names), strict=True))


def _make_unique(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return words for columns. If several columns share words, their names are added."""
    return [
        word if words.count(word) == 1 or word == name else f"{word} ({name})"
        for word, name in zip(words, names, strict=True)
    ]


def _words_of_levels(encoding: Encoding, column: str, levels: Sequence[str]) -> tuple[str, ...]:
    said = [words_of_level(encoding, column, level) for level in levels]
    return tuple(_make_unique(said, levels))


def _code_in_words(code: ColumnCode, names: dict[str, str], encoding: Encoding) -> ColumnCode:
    named: ColumnCode = replace(code, name=names[code.name])
    if isinstance(named, CategoryCode | OrdinalCode):
        return replace(named, levels=_words_of_levels(encoding, code.name, named.levels))
    return named


def _part_in_words(part: PartCode, names: dict[str, str]) -> PartCode:
    name = part.name
    for source in part.sources:
        name = name.replace(source, names[source], 1)
    if isinstance(part, CycleCode):
        return replace(part, name=name, source=names[part.source])
    return replace(part, name=name, start=names[part.start], end=names[part.end])


def _cells_in_words(column: Column, code: ColumnCode, encoding: Encoding) -> Column:
    """Return a column in which each code is replaced by its words in the dictionary."""
    said = encoding.roles.dictionary.get(code.name, {})
    words = [level for level in said if level != OF_COLUMN]
    if not words or code.kind in ("id", "number", "date"):
        return column
    places, texts = column.coded()
    used, first = np.unique(places, return_index=True)
    levels = level_texts(column.take(first))
    known = code.levels if isinstance(code, CategoryCode | OrdinalCode) else words
    said = dict(zip(known, _words_of_levels(encoding, code.name, known), strict=True))
    cells = np.array([*texts, None], dtype=object)  # None for missing values, whose code is -1
    for place, level in zip(used.tolist(), levels, strict=True):
        if place >= 0 and level in said:
            cells[place] = said[level]
    return Column(column.name, cells[places])
