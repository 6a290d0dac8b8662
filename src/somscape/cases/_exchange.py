"""Decisions as a table: out to a file for people, and in from one that they filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from somscape.cases._decide import Seen
from somscape.cases._filled_in import (
    COMMENT,
    DECISION,
    ID,
    KEY,
    LINE,
    MAX_LINES,
    RUN,
    FilledIn,
    filled_in,
    refuse,
    where,
)
from somscape.cases._maps import detector_of
from somscape.cases._records import OPEN, STATES, Case, Decision, Watch
from somscape.cases._state import State
from somscape.cases._waiting import news_now
from somscape.errors import InputError
from somscape.tables import Sheet, Table, counted, table_bytes, workbook_bytes


def cases_table(cases: Sequence[Case], *, last: str | None) -> dict[str, list[Any]]:
    """Return cases by column, as `import_decisions` takes them again."""
    decisions = [case.decision for case in cases]
    rows = [case.listed for case in cases]
    return {
        KEY: [case.key for case in cases],
        DECISION: [case.state for case in cases],
        COMMENT: [said.comment if said else "" for said in decisions],
        "author": [said.author if said else "" for said in decisions],
        "decided": [said.made if said else "" for said in decisions],
        LINE: [said.number if said else 0 for said in decisions],
        "news": [news_now(case, last) for case in cases],
        "place": [row.place if row else None for row in rows],
        "score": [row.score if row else None for row in rows],
        "p_value": [row.p_value if row else None for row in rows],
        RUN: [case.run or "" for case in cases],
        "reasons": [row.reasons if row else "" for row in rows],
    }


def cases_bytes(cases: Sequence[Case], kind: str, *, last: str | None) -> bytes:
    """Return cases as the content of a file."""
    columns = cases_table(cases, last=last)
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

    See Also
    --------
    import_decisions : Gives one.

    Examples
    --------
    >>> from somscape.cases import Imported
    >>> Imported((), n_same=3, n_empty=40, unknown=("c999",)).unknown
    ('c999',)
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
        With the columns of the watch's key, or ``key``, or ``id`` where that is the key; with
        ``decision``, where an empty cell decides nothing; and ``comment``, if there is one.  Where
        ``line`` says which decision was exported, only what people changed since is taken.
    author : str
    skip_unknown : bool, default=False
        Leave out keys that no run has met, instead of refusing the table.

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        If a column is missing, decisions or keys are unknown, or others decided since the table
        was exported; the message names lines.

    See Also
    --------
    State.decide : One decision.

    Examples
    --------
    >>> from somscape.cases import State, import_decisions
    >>> from somscape.tables import read_table
    >>> with State("state") as state:
    ...     table = read_table("decided.csv")
    ...     print(len(import_decisions(state, "cards", table, author="ann").decisions))
    1
    """
    of_watch = state.watch(watch)
    id_name = _id_name(state, of_watch) if ID in table.names else None
    rows = filled_in(table, of_watch.key, id_name)
    keys = {each.row: each.key for each in rows}
    seen, last = Seen.of(state, watch), state.last_decisions(watch)
    unknown = [each for each in rows if not seen.knows(each.key)]
    if not skip_unknown:
        refuse(
            table, [each.row for each in unknown], keys,
            (f"is no case that a run of {watch} has listed",
             f"are no cases that a run of {watch} has listed"),
            "Nothing was saved. Correct them, or have them left out.", "--skip-unknown"
        )  # fmt: skip
    new = [each for each in rows if seen.knows(each.key) and _is_new(state, watch, each, last)]
    _refuse_conflicts(table, new, last)
    made = [
        seen.decision(each.key, each.state, comment=each.comment, author=author) for each in new
    ]
    decided = state.decide_all(made, seen=[each.line for each in new]) if made else ()
    return Imported(
        tuple(decided),
        len(rows) - len(unknown) - len(new),
        sum(not (cell or "").strip() for cell in table.column(DECISION).each_cell()),
        tuple(each.key for each in unknown),
    )


def _id_name(state: State, watch: Watch) -> str | None:
    return detector_of(state.map(watch.map)).map_.encoding.named("id")


def _is_new(state: State, watch: str, row: FilledIn, last: Mapping[str, Decision]) -> bool:
    """Return whether a row says what neither the last decision nor the one it has seen says."""
    said = (row.state, row.comment)
    now = last.get(row.key)
    if said == _said(now):
        return False
    if row.line is None or row.line == (now.number if now else 0):
        return True
    then = [each for each in state.history(watch, row.key) if each.number == row.line]
    return said != _said(then[0] if then else None)


def _said(decision: Decision | None) -> tuple[str, str]:
    """Return state and comment; open is what a case is without a decision."""
    return (OPEN, "") if decision is None else (decision.state, decision.comment)


def _refuse_conflicts(table: Table, rows: Sequence[FilledIn], last: Mapping[str, Decision]) -> None:
    """Raise InputError that names all that others decided since the table was exported."""
    late = [
        (each, last[each.key])
        for each in rows
        if each.line is not None and each.key in last and last[each.key].number > each.line
    ]
    if late:
        said = [
            f"{each.key!r} ({where(table, each.row)}), of which {now.author or 'somebody'} has "
            f"said {now.state}"
            for each, now in late[:MAX_LINES]
        ]
        more = [f"and {len(late) - MAX_LINES} more"] if len(late) > MAX_LINES else []
        raise InputError(
            f"{counted(len(late), 'case')} of {table.source} {'was' if len(late) == 1 else 'were'} "
            f"decided since it was exported: {'; '.join([*said, *more])}. Nothing was saved. Look "
            f"at them again, and leave their cells '{DECISION}' empty, or export anew."
        )
