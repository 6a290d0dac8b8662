"""Notes on a table, which the command line, the page, the app and `report.json` show."""

import shlex
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from somscape._types import Bools, Float64s
from somscape.checks.check import Check
from somscape.tables._fit_encoding import note_of_negatives, notes_of
from somscape.tables._messages import Note, counted, listed
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.encoding import Encoding
from somscape.tables.kinds import BELOW_ZERO, FREE_TEXT
from somscape.tables.table import Table

MAX_NAMES = 5
"""Maximum number of columns or ids that a note names."""

FEW_ROWS = 20
"""Number of rows below which a table is too small to say what is unusual."""

MISSING_ARE = {"fill": "filled", "mask": "left out", "error": ""}
"""What is done with missing values, in words, by the value of the option `missing`."""


def notes_on_table(
    encoding: Encoding, table: Table, checks: Iterable[Check] = (), *, is_learned: bool = True
) -> list[str]:
    """Return notes on a table, and on learning from it if it was used for learning.

    A check names the rows with numbers below 0, so these rows do not need a note.
    """
    checked = [name for each in checks if each.kind == "negative" for name in each.columns]

    def ids_of(code: NumberCode, is_meant: Callable[[Float64s], Bools]) -> str:
        numbers = code.read(table.column(code.name)).numbers
        is_row = np.zeros(0, dtype=bool) if numbers is None else is_meant(numbers)
        return f" ({_ids(encoding, table, is_row)})" if is_row.any() else ""

    if not is_learned:
        return [*gaps_of(encoding, table), *_negatives(encoding, table, checked)]
    notes = [*gaps_of(encoding, table), *notes_of(encoding, checked, ids_of)]
    ids = _likely_ids(encoding, table)
    if ids:
        verb = "has" if len(ids) == 1 else "have"
        text = (
            f"{listed(ids, MAX_NAMES)} {verb} a different value in each row and could name the rows"
        )
        notes.append(Note(text, f"--id {shlex.quote(ids[0])}"))
    return notes


def _negatives(encoding: Encoding, table: Table, checked: Collection[str]) -> list[Note]:
    """Return notes on the negative numbers of those columns that had few when they were learned."""
    notes = []
    for code in encoding.used:
        if not isinstance(code, NumberCode) or code.name in checked:
            continue
        numbers = code.read(table.column(code.name)).numbers
        if numbers is not None and code.why.endswith(BELOW_ZERO) and (numbers < 0).any():
            few = f"{np.count_nonzero(numbers < 0):,} of {np.count_nonzero(numbers == numbers):,}"
            ids = f" ({_ids(encoding, table, numbers < 0)})"
            notes.append(note_of_negatives(code.name, few, ids))
    return notes


def note_of_few(table: Table, noun: str) -> list[str]:
    """Return a note on a table with too few rows, if any."""
    if table.n_rows >= FEW_ROWS:
        return []
    verb = "is" if table.n_rows == 1 else "are"
    return [Note(f"{counted(table.n_rows, noun)} {verb} too few to say what is unusual")]


def sentence(note: str, *, has_options: bool) -> str:
    """Return a note as a sentence, with its options of the command line if asked."""
    if not isinstance(note, Note):
        return note
    options = f" ({note.options})" if has_options and note.options else ""
    return f"{note[:1].upper()}{note[1:]}{options}."


def gaps_of(encoding: Encoding, table: Table) -> list[str]:
    """Return notes on missing values and on values that are new to the map, with a few ids."""
    missing: dict[str, Bools] = {}
    unseen: dict[str, Bools] = {}
    for code in encoding.used:
        column = table.column(code.name)
        missing[code.name] = column.missing
        if isinstance(code, CategoryCode):
            unseen[code.name] = (code.places(column) == len(code.levels)) & ~column.missing
    found = {
        f"Missing values {MISSING_ARE[encoding.missing]}": missing,
        "Values that the training table does not have": unseen,
    }
    notes = []
    for what, rows in found.items():
        said = [_counted(name, is_row, encoding, table) for name, is_row in rows.items()]
        said = [each for each in said if each]
        notes += [f"{what}: {', '.join(said)}."] if said else []
    return notes


def _counted(name: str, is_row: Bools, encoding: Encoding, table: Table) -> str:
    n = int(np.count_nonzero(is_row))
    if not n:
        return ""
    return f"{name} {n}" + (f" ({_ids(encoding, table, is_row)})" if n <= MAX_NAMES else "")


def _ids(encoding: Encoding, table: Table, is_row: Bools) -> str:
    """Return the ids of the first rows, or their numbers counted from 1 for a table without ids."""
    rows, name = np.flatnonzero(is_row), encoding.named("id")
    shown = [str(row + 1) for row in rows[:MAX_NAMES].tolist()]
    what = "record" if len(rows) == 1 else "records"
    if name in table.names:
        column = table.column(str(name)).take(rows[:MAX_NAMES])
        shown = [cell or row for cell, row in zip(column.each_cell(), shown, strict=True)]
        what = "id" if len(rows) == 1 else "ids"
    return f"{what} {', '.join([*shown, *['...'][: len(rows) - len(shown)]])}"


def short_list(names: Sequence[str]) -> str:
    """Return the first few names as text, with the number of further names."""
    more = [f"{len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return ", ".join([*names[:MAX_NAMES], *more])


def _likely_ids(encoding: Encoding, table: Table) -> list[str]:
    """Return those columns not used in the training that could contain ids."""
    if encoding.named("id") is not None:
        return []
    left_out = {
        code.name
        for code in encoding.columns
        if code.kind == "dropped" and not code.why.endswith(("as asked", FREE_TEXT))
    }
    return [
        column.name
        for column in table.columns
        if column.name in left_out and column.n_distinct == table.n_rows
    ]
