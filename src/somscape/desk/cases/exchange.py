"""Export the cases of a watch to a table, and import decisions from a table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from somscape.desk.cases import records
from somscape.desk.cases._watch import BETWEEN, detector_of, texts_of
from somscape.desk.cases.decide import Seen, check_has_name
from somscape.desk.cases.records import (
    CLEARED,
    OPEN,
    Case,
    Decision,
    Watch,
    is_check,
    is_waiting,
    news_now,
)
from somscape.desk.cases.state import State
from somscape.desk.jobs.job import STATES
from somscape.errors import InputError
from somscape.outliers.alerts import FINDING
from somscape.tables._messages import counted, listed
from somscape.tables._write import Sheet, table_bytes, unescape_cell, workbook_bytes
from somscape.tables.table import Table, table_from_columns

KEY, DECISION, COMMENT, LINE, RUN, ID = "key", "decision", "comment", "line", "run", "id"
STATE, CATEGORY = "state", "category"
OWN = {KEY, ID, DECISION, COMMENT, FINDING, STATE, RUN}
"""Names of the columns that a table of decisions can contain, and of columns that are no data."""

MAX_LINES = 8
"""Maximum number of lines of a file that an error message names."""


@dataclass(frozen=True)
class FilledIn:
    """A row with a decision.

    Attributes
    ----------
    row : int
        Index of the row in the table.
    key, state, comment : str
    line : int or None
        Number of the audit line with the last decision before the export; 0 without such a
        decision, None if the table lacks the number.
    """

    row: int
    key: str
    state: str
    comment: str
    line: int | None


def filled_in(
    table: Table, columns: Sequence[str], id_name: str | None, watch: Watch | None = None
) -> list[FilledIn]:
    """Return those rows of a table that contain a decision, one row for each case.

    In an export of cases of `watch`, and in a table of keys, decisions, comments and categories,
    a comment on clearing begins with the category of its row.
    """
    keys = _keys(table, columns, id_name)
    words = [word.strip().lower() for word in _texts(table, DECISION)]
    nothing = [""] * table.n_rows
    comments = _texts(table, COMMENT) if COMMENT in table.names else nothing
    names = {*table.names}
    is_export = {KEY, LINE} <= names
    # In a table with data, the column 'category' can be data, too.
    has_categories = is_export or names - OWN - {*columns, BETWEEN.join(columns)} == {CATEGORY}
    lines = [text.removesuffix(".0") for text in _keyed(table, LINE)] if is_export else nothing
    rows = [row for row, word in enumerate(words) if word]
    if watch and has_categories and CATEGORY in names:
        of = {row: text for row, text in enumerate(_texts(table, CATEGORY)) if text.strip()}
        of = {row: of[row].strip() for row in rows if row in of and words[row] == CLEARED}
        refuse(
            table, {row: text for row, text in of.items() if text not in watch.clear_as},
            ("has an unknown category", "have unknown categories"),
            f"Write one of {listed(watch.clear_as)}, or leave the value empty."
        )  # fmt: skip
        for row, text in of.items():
            if not watch.category_of(comments[row]):
                comments[row] = f"{text}: {comments[row]}" if comments[row] else text
    refuse(
        table, {row: words[row] for row in rows if words[row] not in STATES},
        ("has an unknown decision", "have unknown decisions"),
        f"Write one of {listed(STATES)}, or leave the value empty."
    )  # fmt: skip
    refuse(
        table, {row: words[row] for row in rows if not keys[row]},
        ("has a decision but no key", "have a decision but no key"),
        "Fill in the key of the case in each row."
    )  # fmt: skip
    refuse(
        table, {row: lines[row] for row in rows if lines[row] and not lines[row].isdecimal()},
        (f"has a wrong number in '{LINE}'", f"have wrong numbers in '{LINE}'"),
        f"Leave the column '{LINE}' as it was exported."
    )  # fmt: skip
    long = {row: n for row in rows if (n := len(comments[row])) > records.MAX_COMMENT}
    refuse(
        table, {row: f"{n:,} characters" for row, n in long.items()},
        ("has a comment that is too long", "have comments that are too long"),
        f"Shorten the text in the column '{COMMENT}' to at most {records.MAX_COMMENT:,} "
        "characters, with the category."
    )  # fmt: skip
    found: dict[str, FilledIn] = {}
    for row in rows:
        line = int(lines[row]) if lines[row] else None
        new = FilledIn(row, keys[row], words[row], comments[row], line)
        first = found.setdefault(new.key, new)
        if (first.state, first.comment) != (new.state, new.comment):
            raise InputError(
                f"{table.where(first.row)} and {where(table, row)} have different decisions or "
                f"comments on the case {new.key!r} ({first.state} and {new.state}). Leave one of "
                "these rows out.",
                file=table.source,
                row=row,
                value=new.key,
            )
    return list(found.values())


def n_entered(state: State, watch: Watch, table: Table) -> int:
    """Return how many decisions an exported table contains that were not imported."""
    last, waiting = state.last_decisions(watch.name), waiting_in(state, watch.name)
    rows = filled_in(table, watch.key, None, watch) if {KEY, LINE} <= {*table.names} else []
    return sum(_is_new(state, watch.name, each, last, waiting) for each in rows)


def waiting_in(state: State, watch: str) -> set[str]:
    """Return the keys of the cases that wait for a decision."""
    last = next(iter(state.runs(watch)), None)
    return {case.key for case in state.cases(watch) if is_waiting(case, last)}


def spread_over_findings(table: Table) -> tuple[Table, list[int]]:
    """Return two values: a table in which each decision covers its whole finding, and the rows that
    received a decision in this way."""
    findings = [text.removesuffix(".0") for text in _texts(table, FINDING)]
    words = [word.strip() for word in _texts(table, DECISION)]
    comments = _texts(table, COMMENT) if COMMENT in table.names else [""] * table.n_rows
    said: dict[str, dict[tuple[str, str], int]] = {}
    for row, (finding, word) in enumerate(zip(findings, words, strict=True)):
        if finding and word:
            said.setdefault(finding, {}).setdefault((word, comments[row]), row)
    # A case that was decided keeps its decision.
    states = _texts(table, STATE) if STATE in table.names else [OPEN] * table.n_rows
    free = [not word and state in ("", OPEN) for word, state in zip(words, states, strict=True)]
    rows = [row for row, is_free in enumerate(free) if is_free and findings[row] in said]
    unclear = {findings[row]: row for row in rows if len(said[findings[row]]) > 1}
    refuse(
        table, {row: finding for finding, row in unclear.items()},
        ("has different decisions or comments", "have different decisions or comments"),
        "Fill in the decision in each row of these findings, or leave the option out.",
        noun="finding", options="--findings",
    )  # fmt: skip
    for row in rows:
        words[row], comments[row] = next(iter(said[findings[row]]))
    filled = table_from_columns({DECISION: words, COMMENT: comments}).columns
    others = [column for column in table.columns if column.name not in (DECISION, COMMENT)]
    return replace(table, columns=(*others, *filled)), rows


def where(table: Table, row: int) -> str:
    """Return a phrase that gives the line of a row in its file."""
    return table.where(row).removeprefix(f"{table.source}, ")


def refuse(
    table: Table,
    texts: Mapping[int, str],
    what: tuple[str, str],
    advice: str,
    *,
    notes: Mapping[int, str] | None = None,
    noun: str = "row",
    options: str = "",
) -> None:
    """Raise InputError for the rows with these texts, unless there are none.

    `what` contains a text for one row and a text for several rows.  `notes` are shown after the
    lines of the rows.
    """
    if texts:
        notes, n, more = notes or {}, len(texts), len(texts) - MAX_LINES
        shown = [
            f"{text!r} ({where(table, row)}{notes.get(row, '')})"
            for row, text in islice(texts.items(), MAX_LINES)
        ]
        shown += [f"and {more} more"] if more > 0 else []
        row, text = next(iter(texts.items()))
        raise InputError(
            f"{counted(n, noun)} of {table.source} {what[n > 1]}: {', '.join(shown)}. {advice}",
            options=options,
            file=table.source,
            row=row,
            value=text,
        )


def _keys(table: Table, columns: Sequence[str], id_name: str | None) -> list[str]:
    """Return the key in each row of a table, or "" if a part of the key is missing."""
    names, joined = set(table.names), BETWEEN.join(columns)
    if {KEY, LINE, RUN} <= names and KEY not in columns:  # an exported list of cases
        return _keyed(table, KEY)
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
    no_id = f" (the keys of this watch are not in '{ID}')" if ID in names else ""
    raise InputError(
        f"{table.source} lacks a column with the keys of the cases{no_id}. Add a column '{KEY}', "
        f"or {listed(columns)}. The table has {listed(table.names)}.",
        file=table.source,
        column=KEY,
    )


def _keyed(table: Table, name: str) -> list[str]:
    column = table.column(name)
    pairs = zip(texts_of(column), column.missing, strict=True)
    return ["" if is_missing else unescape_cell(text) for text, is_missing in pairs]


def _texts(table: Table, name: str) -> list[str]:
    if name not in table.names:
        add = f"Add this column, with the values {listed(STATES)} or empty values."
        if name == FINDING:
            add = "Give the alerts.csv of a run, or leave --findings out."
        raise InputError(
            f"{table.source} does not have a column '{name}'. {add} The table has "
            f"{listed(table.names)}.",
            file=table.source,
            column=name,
        )
    return [unescape_cell(cell or "") for cell in table.column(name).each_cell()]


def cases_table(
    cases: Sequence[Case],
    *,
    last: str | None,
    amounts: Mapping[str, float] | None = None,
    watch: Watch | None = None,
    empty: Collection[str] = (),
) -> dict[str, list[Any]]:
    """Return cases as columns for `import_decisions`. Without amounts, leave their column out.

    The decisions on the cases in `empty` are left out.
    """
    comments = [case.decision.comment if case.decision else "" for case in cases]
    decisions = [case.decision for case in cases]
    rows = [None if is_check(case.key) else case.listed for case in cases]
    reasons = [case.listed.reasons if case.listed else "" for case in cases]
    return {
        KEY: [case.key for case in cases],
        DECISION: [case.state if case.key not in empty else "" for case in cases],
        COMMENT: comments,
        **({CATEGORY: [*map(watch.category_of, comments)]} if watch else {}),
        "author": [said.author if said else "" for said in decisions],
        "decided": [said.made if said else "" for said in decisions],
        LINE: [said.number if said else 0 for said in decisions],
        "news": [news_now(case, last) for case in cases],
        **({"amount": [amounts.get(case.key) for case in cases]} if amounts else {}),
        "place": [row.place if row else None for row in rows],
        "score": [row.score if row else None for row in rows],
        "p_value": [row.p_value if row else None for row in rows],
        RUN: [case.run or "" for case in cases],
        "reasons": reasons,
    }


def cases_bytes(columns: Mapping[str, list[Any]], kind: str) -> bytes:
    """Return the content of a file with the columns of `cases_table`."""
    if kind == "xlsx":
        return workbook_bytes([Sheet("cases", columns, {DECISION: STATES})])
    return b"".join(table_bytes(kind, columns))


@dataclass(frozen=True)
class Imported:
    """Result of importing a table of decisions.

    Attributes
    ----------
    decisions : tuple of Decision
        The saved decisions.
    n_same : int
        Number of rows whose decision is the same as the saved decision.
    n_empty : int
        Number of rows without a decision.
    unknown : tuple of str
        Keys of those rows that were left out because no run contains these keys.

    See Also
    --------
    import_decisions : Save the decisions of a table.

    Examples
    --------
    >>> from somscape.desk.cases import Imported
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
    """Save all decisions in a table. If the table has an error, save no decision.

    Parameters
    ----------
    state : State
    watch : str
        Name of the watch.
    table : Table
        A table whose rows contain a key, a ``decision`` and optionally a ``comment``.  The decision
        can be empty.  The key is in the key columns of the watch or in ``key``, or in ``id`` if the
        keys of the watch are the ids of the rows.  If the table has the exported column ``line``,
        only rows that people changed after the export are saved.
    author : str
    skip_unknown : bool, default=False
        Whether rows with unknown keys are left out. If false, such rows raise an error.

    Returns
    -------
    Imported

    Raises
    ------
    InputError
        If a column is missing, if a decision or key is unknown, or if other people have decided the
        same cases since the export.  The message names the lines.

    See Also
    --------
    State.decide : Save one decision.

    Examples
    --------
    >>> from somscape.desk.cases import State, import_decisions
    >>> from somscape.tables import read_table
    >>> with State("state") as state:
    ...     table = read_table("decided.csv")
    ...     print(len(import_decisions(state, "cards", table, author="ann").decisions))
    1
    """
    check_has_name(watch)
    of_watch, id_name = state.watch(watch), None
    if ID in table.names:
        id_name = detector_of(state.map(of_watch.map)).map_.encoding.named("id")
    rows = filled_in(table, of_watch.key, id_name, of_watch)
    seen, last = Seen.of(state, watch), state.last_decisions(watch)
    unknown = [each for each in rows if not seen.knows(each.key)]
    if not skip_unknown:
        has = f"that no run of {watch} has listed"
        refuse(
            table, {each.row: each.key for each in unknown},
            (f"has a key {has}", f"have keys {has}"),
            "Nothing was saved. Correct the keys, or leave these rows out.",
            options="--skip-unknown"
        )  # fmt: skip
    known = [each for each in rows if seen.knows(each.key)]
    waiting = waiting_in(state, watch)
    new = [each for each in known if _is_new(state, watch, each, last, waiting)]
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


def _is_new(
    state: State, watch: str, row: FilledIn, last: Mapping[str, Decision], waiting: Collection[str]
) -> bool:
    """Return whether the decision in a row differs from the last and the exported decision.

    The same decision on a case that waits, such as a returned case, is also new.
    """
    said = (row.state, row.comment)
    now = last.get(row.key)
    if said == _state_and_comment(now):
        return row.key in waiting and row.state != OPEN
    if row.line is None or row.line == (now.number if now else 0):
        return True
    then = (each for each in state.history(watch, row.key) if each.number == row.line)
    return said != _state_and_comment(next(then, None))


def _state_and_comment(decision: Decision | None) -> tuple[str, str]:
    """Return the state and the comment of a decision. Without a decision, return "open" and ""."""
    return (OPEN, "") if decision is None else (decision.state, decision.comment)


def _refuse_conflicts(table: Table, rows: Sequence[FilledIn], last: Mapping[str, Decision]) -> None:
    """Raise InputError if other people have decided the cases in these rows since the export."""
    keys, notes = {}, {}
    for each in rows:
        now = last.get(each.key)
        if each.line is not None and now is not None and now.number > each.line:
            keys[each.row] = each.key
            notes[each.row] = f", now {now.state} by {now.author or 'another person'}"
    refuse(
        table, keys, ("was decided after the export", "were decided after the export"),
        "Nothing was saved. Look at these cases again. Then leave "
        f"'{DECISION}' empty in their rows, or export again.",
        notes=notes, noun="case"
    )  # fmt: skip
