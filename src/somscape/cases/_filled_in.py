"""A table of decisions as people filled it in: of which case, what, and after which line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from somscape.cases._keys import BETWEEN, texts_of
from somscape.cases._records import STATES
from somscape.errors import InputError
from somscape.tables import Table, counted, listed, unescape_cell

KEY, DECISION, COMMENT, LINE, RUN, ID = "key", "decision", "comment", "line", "run", "id"
"""Columns of a table of decisions."""

MAX_LINES = 8
"""Lines that a message names."""


@dataclass(frozen=True)
class FilledIn:
    """A row that decides something.

    Attributes
    ----------
    row : int
        In the table.
    key, state, comment : str
    line : int or None
        Line of the audit whose decision its author has seen, 0 for none; None if not said.
    """

    row: int
    key: str
    state: str
    comment: str
    line: int | None


def filled_in(table: Table, columns: Sequence[str], id_name: str | None) -> list[FilledIn]:
    """Return the rows of a table that decide something, each case once."""
    keys = _keys(table, columns, id_name)
    words = [word.strip().lower() for word in _texts(table, DECISION)]
    nothing = [""] * table.n_rows
    comments = _texts(table, COMMENT) if COMMENT in table.names else nothing
    is_export = {KEY, LINE} <= set(table.names)
    lines = [text.removesuffix(".0") for text in _keyed(table, LINE)] if is_export else nothing
    rows = [row for row, word in enumerate(words) if word]
    refuse(
        table, [row for row in rows if words[row] not in STATES], words,
        ("is no decision", "are no decisions"),
        f"Write one of {listed(STATES)}, or leave the cell empty."
    )  # fmt: skip
    refuse(
        table, [row for row in rows if not keys[row]], words,
        ("has a decision and no key", "have a decision and no key"),
        "Fill in which case each of them decides."
    )  # fmt: skip
    refuse(
        table, [row for row in rows if lines[row] and not lines[row].isdecimal()], lines,
        ("is no line of the audit", "are no lines of the audit"),
        f"Leave the column '{LINE}' as it was exported."
    )  # fmt: skip
    found: dict[str, FilledIn] = {}
    for row in rows:
        line = int(lines[row]) if lines[row] else None
        new = FilledIn(row, keys[row], words[row], comments[row], line)
        first = found.setdefault(new.key, new)
        if (first.state, first.comment) != (new.state, new.comment):
            raise InputError(
                f"{table.where(first.row)} and {where(table, row)} decide the case {new.key!r} in "
                f"two ways: {first.state} and {new.state}, or with two comments. Leave one of them."
            )
    return list(found.values())


def where(table: Table, row: int) -> str:
    """Return the place of a row, without the table's name."""
    return table.where(row).removeprefix(f"{table.source}, ")


def refuse(
    table: Table,
    rows: Sequence[int],
    texts: Sequence[str] | Mapping[int, str],
    what: tuple[str, str],
    advice: str,
    options: str = "",
) -> None:
    """Raise InputError that names the lines of all rows in question; `what` of one and of many."""
    if rows:
        places = [f"{texts[row]!r} ({where(table, row)})" for row in rows[:MAX_LINES]]
        more = [f"and {len(rows) - MAX_LINES} more"] if len(rows) > MAX_LINES else []
        raise InputError(
            f"{counted(len(rows), 'row')} of {table.source} {what[len(rows) > 1]}: "
            f"{', '.join([*places, *more])}. {advice}",
            options=options,
        )


def _keys(table: Table, columns: Sequence[str], id_name: str | None) -> list[str]:
    """Return the key of each row; "" where a part of it is missing."""
    names, joined = set(table.names), BETWEEN.join(columns)
    if set(columns) <= names:
        parts = [_keyed(table, name) for name in columns]
        return [BETWEEN.join(each) if all(each) else "" for each in zip(*parts, strict=True)]
    if joined in names:
        return _keyed(table, joined)
    has_ids = ID in names and id_name == joined
    if KEY in names and (not has_ids or names & {LINE, RUN}):
        return _keyed(table, KEY)
    if has_ids:
        return _keyed(table, ID)
    no_id = f" (its '{ID}' is not the key of this watch)" if ID in names else ""
    raise InputError(
        f"{table.source} does not say which cases it decides{no_id}. Give it a column '{KEY}', or "
        f"{listed(columns)}; it has {listed(table.names)}."
    )


def _keyed(table: Table, name: str) -> list[str]:
    column = table.column(name)
    pairs = zip(texts_of(column), column.missing, strict=True)
    return ["" if is_missing else unescape_cell(text) for text, is_missing in pairs]


def _texts(table: Table, name: str) -> list[str]:
    if name not in table.names:
        raise InputError(
            f"{table.source} has no column '{name}', whose cells are {listed(STATES)} or empty; it "
            f"has {listed(table.names)}."
        )
    return [unescape_cell(cell or "") for cell in table.column(name).each_cell()]
