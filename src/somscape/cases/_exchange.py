"""Decisions as a table: out to a file for people, and in from one that they filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from somscape.cases._decide import Seen
from somscape.cases._keys import BETWEEN, texts_of
from somscape.cases._records import STATES, Case, Decision
from somscape.cases._state import State
from somscape.errors import InputError
from somscape.tables import (
    Sheet,
    Table,
    counted,
    listed,
    table_bytes,
    unescape_cell,
    workbook_bytes,
)

KEY, DECISION, COMMENT = "key", "decision", "comment"
"""Columns of a table of decisions."""

MAX_LINES = 8
"""Lines that a message names."""


def cases_table(cases: Sequence[Case]) -> dict[str, list[Any]]:
    """Return cases by column, as `import_decisions` takes them again.

    Parameters
    ----------
    cases : sequence of Case

    Returns
    -------
    dict of str to list
    """
    decisions = [case.decision for case in cases]
    rows = [case.listed for case in cases]
    return {
        KEY: [case.key for case in cases],
        DECISION: [case.state for case in cases],
        COMMENT: [said.comment if said else "" for said in decisions],
        "author": [said.author if said else "" for said in decisions],
        "decided": [said.made if said else "" for said in decisions],
        "line": [said.number if said else 0 for said in decisions],
        "news": [row.news if row else "" for row in rows],
        "place": [row.place if row else None for row in rows],
        "score": [row.score if row else None for row in rows],
        "p_value": [row.p_value if row else None for row in rows],
        "run": [case.run or "" for case in cases],
        "reasons": [row.reasons if row else "" for row in rows],
    }


def cases_bytes(cases: Sequence[Case], kind: str) -> bytes:
    """Return cases as the content of a file.

    Parameters
    ----------
    cases : sequence of Case
    kind : {"csv", "xlsx", "parquet"}
        In Excel, decisions have a menu.

    Returns
    -------
    bytes
    """
    columns = cases_table(cases)
    if kind == "xlsx":
        return workbook_bytes([Sheet("cases", columns, {DECISION: STATES})])
    return b"".join(table_bytes(kind, columns))


@dataclass(frozen=True)
class Imported:
    """What became of a table of decisions.

    Attributes
    ----------
    decisions : tuple of Decision
        As they were kept.
    n_same : int
        Lines that say what was decided already.
    n_empty : int
        Lines without a decision.
    unknown : tuple of str
        Keys that no run has met, which were left out.
    """

    decisions: tuple[Decision, ...]
    n_same: int
    n_empty: int
    unknown: tuple[str, ...]


def import_decisions(
    state: State, watch: str, table: Table, *, author: str, skip_unknown: bool = False
) -> Imported:
    """Keep the decisions of a table, all or none.

    Parameters
    ----------
    state : State
    watch : str
        Name of the watch.
    table : Table
        With a column ``key``, those of the watch's key, or ``id``; with ``decision``, where an
        empty cell decides nothing; and ``comment``, if there is one.
    author : str
    skip_unknown : bool, default=False
        Leave out keys that no run has met, instead of refusing the table.

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        If a column is missing, or decisions or keys are unknown; the message names their lines.
    """
    keys = _keys(table, state.watch(watch).key)
    words = [word.strip().lower() for word in _texts(table, DECISION)]
    comments = _texts(table, COMMENT) if COMMENT in table.names else [""] * table.n_rows
    rows = [row for row, word in enumerate(words) if word]
    _refuse(
        table, [row for row in rows if words[row] not in STATES], words,
        "are no decisions", f"Write one of {listed(STATES)}, or leave the cell empty."
    )  # fmt: skip
    seen = Seen.of(state, watch)
    unknown = [row for row in rows if not seen.knows(keys[row])]
    if not skip_unknown:
        _refuse(
            table, unknown, keys,
            f"are no cases that a run of {watch} has listed", "Nothing was saved. Correct "
            "them, or have them left out.", "--skip-unknown"
        )  # fmt: skip
    last = state.last_decisions(watch)
    made, n_same = [], 0
    for row in rows:
        key, word, comment = keys[row], words[row], comments[row]
        if not seen.knows(key):
            continue
        was = last.get(key)
        if was is None and word == STATES[0] and not comment:
            n_same += 1  # open is what a case is without a decision
        elif was is not None and (was.state, was.comment) == (word, comment):
            n_same += 1
        else:
            last[key] = seen.decision(key, word, comment=comment, author=author)
            made.append(last[key])
    return Imported(
        tuple(state.decide_all(made)) if made else (),
        n_same,
        table.n_rows - len(rows),
        tuple(dict.fromkeys(keys[row] for row in unknown)),
    )


def _keys(table: Table, columns: Sequence[str]) -> list[str]:
    joined = BETWEEN.join(columns)
    named = next((name for name in (KEY, joined, "id") if name in table.names), None)
    if named is None and set(columns) <= set(table.names):
        parts = [texts_of(table.column(name)) for name in columns]
        return [BETWEEN.join(each) for each in zip(*parts, strict=True)]
    if named is None:
        raise InputError(
            f"{table.source} does not say which cases it decides. Give it a column 'key', or "
            f"{listed(columns)}; it has {listed(table.names)}."
        )
    return [unescape_cell(text) for text in texts_of(table.column(named))]


def _texts(table: Table, name: str) -> list[str]:
    if name not in table.names:
        raise InputError(
            f"{table.source} has no column '{name}', whose cells are {listed(STATES)} or empty; it "
            f"has {listed(table.names)}."
        )
    return [unescape_cell(cell or "") for cell in table.column(name).each_cell()]


def _refuse(
    table: Table,
    rows: Sequence[int],
    texts: Sequence[str],
    what: str,
    advice: str,
    options: str = "",
) -> None:
    """Raise InputError that names the lines of all rows in question."""
    if rows:
        places = [
            f"{texts[row]!r} ({table.where(row).removeprefix(f'{table.source}, ')})"
            for row in rows[:MAX_LINES]
        ]
        more = [f"and {len(rows) - MAX_LINES} more"] if len(rows) > MAX_LINES else []
        raise InputError(
            f"{counted(len(rows), 'row')} of {table.source} {what}: {', '.join([*places, *more])}. "
            f"{advice}",
            options=options,
        )
