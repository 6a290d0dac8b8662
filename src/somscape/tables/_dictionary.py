"""Read words for the names and codes of columns, and replace names and codes by the words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from somscape.errors import InputError, ParameterTypeError
from somscape.tables.codes import CategoryCode, level_texts
from somscape.tables.column import Column
from somscape.tables.encoding import ColumnCode, Encoding
from somscape.tables.ordered import CycleCode, OrdinalCode, PartCode
from somscape.tables.sources import read_table
from somscape.tables.table import Table

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
            parameter="dictionary",
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
