"""Whether the audit holds: each line follows from those before it, and the tables say the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from somscape.cases._chain import said_by_line
from somscape.cases._database import Change, Row
from somscape.cases._follows import Follows
from somscape.cases._rows import mapping_in
from somscape.cases._shape import changes_of_tables
from somscape.cases._state import State
from somscape.cases._told import Told
from somscape.errors import InputError

SLICE = 10_000
"""Lines that are read at once."""

MIN_HEAD = 16
"""Digits of a head that name it."""


@dataclass(frozen=True)
class Verdict:
    """What was found when the audit was checked.

    Attributes
    ----------
    n_lines : int
    head : str
        Of the last line.
    faults : tuple of str
        A sentence each; empty if nothing is wrong.
    unchecked : tuple of str
        What only the key, or a person, can check: a sentence each.
    forgotten : tuple of str
        A sentence on each line that records forgotten cases: who, when, how many, which decisions.
    n_forgotten : int
        The cases of these lines.
    notes : tuple of str
        What lines of earlier versions cannot show: a sentence each.
    found : str or None
        Of the head that was asked for: which line's it is.
    n_sealed : int
        Lines with a seal that the key made; 0 without a key.
    has_seals : bool
        Whether any line has a seal.
    last : str
        When the last line was written, as it says.

    See Also
    --------
    verify : Gives one.

    Examples
    --------
    >>> from somscape.cases import Verdict
    >>> Verdict(n_lines=12, head="c86a").faults
    ()
    """

    n_lines: int
    head: str
    faults: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    n_forgotten: int = 0
    notes: tuple[str, ...] = ()
    found: str | None = None
    n_sealed: int = 0
    has_seals: bool = False
    last: str = ""

    @property
    def is_ahead(self) -> bool:
        """Whether the last line is of tomorrow or later: a clock was wrong.

        No line is earlier than the one before it, so all that follow have that time, too.
        """
        return self.last > (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


def verify(state: State, head: str | None = None) -> Verdict:
    """Check the audit of a state, and its tables, as of one moment.

    Parameters
    ----------
    state : State
        Its `audit_key` checks the seals.  If lines have seals and no key is given, `unchecked` of
        the verdict names the lines that record forgotten cases, because a forged one hides a
        deletion.
    head : str or None, default=None
        One that was written down earlier, at least its first 16 digits: the lines up to it were
        rewritten or deleted unless it is among the heads.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        If `head` is none.

    See Also
    --------
    audit_lines : The lines themselves.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.cases import State, Watch, verify
    >>> watch = Watch("cards", ("id",), "cards.csv", {}, "")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     print(verify(state).faults)
    ()
    """
    if head is not None and not re.fullmatch(f"[0-9a-f]{{{MIN_HEAD},64}}", head.lower()):
        raise InputError(
            f"`head` must be 64 hexadecimal digits, or at least the first {MIN_HEAD}; got {head!r}."
        )
    with state.database.snapshot() as read:
        verdict = verdict_on(read, state.audit_key, head)
        return replace(verdict, faults=(*verdict.faults, *changes_of_tables(state.database, read)))


def verdict_on(read: Change, key: bytes | None = None, head: str | None = None) -> Verdict:
    """Check the audit of a database, but not which tables it has; see `verify`."""
    last = ""
    chain, told = Follows(key, None if head is None else head.lower()), Told(read)
    for lines in _slices(read):
        for line in lines:
            chain.take(line)
        told.take(lines)
        last = str(said_by_line(lines[-1]).get("made", ""))
    chain.end()
    told.end()
    return Verdict(
        n_lines=chain.number,
        head=chain.head,
        faults=(*chain.faults, *told.faults),
        unchecked=tuple(chain.unchecked),
        forgotten=tuple(told.lines),
        n_forgotten=told.n_cases,
        notes=told.notes,
        found=chain.found,
        n_sealed=chain.n_sealed,
        has_seals=chain.has_seals,
        last=last,
    )


def audit_lines(state: State) -> Iterator[dict[str, Any]]:
    """Yield the lines of a state's audit for people.

    Parameters
    ----------
    state : State

    Yields
    ------
    dict
        By name: ``number``, ``made``, ``author``, ``kind``, what a line of its kind says, and
        ``head``; of a decision key and comment themselves, unless its case was forgotten.

    See Also
    --------
    verify : Whether anybody has changed them.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.cases import State, Watch, audit_lines
    >>> watch = Watch("cards", ("id",), "cards.csv", {}, "")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     for line in audit_lines(state):
    ...         print(line["number"], line["author"], line["kind"])
    1 ann watch
    """
    with state.database.snapshot() as read:
        for lines in _slices(read):
            found = read.rows(
                "SELECT number, key, comment FROM decisions WHERE number BETWEEN ? AND ?",
                (lines[0]["number"], lines[-1]["number"]),
            )
            decisions = {row.pop("number"): row for row in found}
            for line in lines:
                said = said_by_line(line)
                for name in {"said", "facts"} & said.keys():
                    said[name] = mapping_in(said[name], f"line {line['number']} of the audit")
                if said.get("kind") == "decision":
                    said |= decisions.get(line["number"], {"key": None, "comment": None})
                yield {**said, "head": line["head"]}


def _slices(read: Change) -> Iterator[list[Row]]:
    last = None
    while True:
        where, values = ("", ()) if last is None else ("WHERE number > ?", (last,))
        lines = read.rows(f"SELECT * FROM audit {where} ORDER BY number LIMIT {SLICE}", values)
        if not lines:
            return
        yield lines
        last = lines[-1]["number"]
