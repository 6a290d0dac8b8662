"""Check the lines of the audit, and check that the tables of the state agree with them."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from somscape.desk.cases.records import (
    FORGOTTEN,
    NAMED,
    NOTHING,
    SEALED,
    UNNAMED,
    Listed,
    decision_line,
    is_forgotten,
    kept_hash,
    mapping_in,
    next_head,
    row_hash,
    run_line,
    said_by_line,
    seal_of,
)
from somscape.desk.cases.state import State
from somscape.desk.store._connections import Row, Transaction
from somscape.desk.store._definitions import changes_of_tables
from somscape.errors import InputError
from somscape.tables._messages import counted


@dataclass
class Chain:
    """A check of heads and seals that reads one line after the other.

    Attributes
    ----------
    key : bytes or None
        Key of the seals.
    asked : str or None
        A head, or its first digits, to be found in the audit.
    number, head : int, str
        Number and head of the line that was checked last.
    faults : list of str
    found : str or None
        Phrase on where the requested head is in the audit.
    n_sealed : int
        Number of lines with a seal that the key confirms.
    has_seals : bool
        Whether any line has a seal.
    unsealed : int or None
        Number of the first line after the last valid seal, or None.
    """

    key: bytes | None
    asked: str | None
    number: int = 0
    head: str = NOTHING
    faults: list[str] = field(default_factory=list)
    found: str | None = None
    n_sealed: int = 0
    has_seals: bool = False
    unsealed: int | None = None

    def __post_init__(self) -> None:
        if self.asked is not None and NOTHING.startswith(self.asked):
            self.found = "before the first line"

    def take(self, line: Row) -> None:
        """Check the next line."""
        number, said = line["number"], said_by_line(line)
        if number != self.number + 1:
            self.faults.append(_missing_lines(self.number + 1, number - 1))
        elif next_head(self.head, line["said"]) != line["head"]:
            self.faults.append(f"line {number} or its head was changed, because they do not match.")
        if said.get("number") != number:
            self.faults.append(f"line {number} contains the text of line {said.get('number')}.")
        self.number, self.head = number, line["head"]
        if self.asked is not None and line["head"].startswith(self.asked):
            self.found = f"of line {number}, written {said.get('made')}"
        self._take_seal(line, said)

    def _take_seal(self, line: Row, said: Row) -> None:
        number, seal = line["number"], line["seal"]
        if SEALED not in said:
            self.faults.append(f"line {number} does not say whether it was sealed.")
        elif said[SEALED] != (seal is not None):
            was = "was sealed when it was written, but its seal was removed"
            was_not = "was not sealed when it was written, but has a seal now"
            self.faults.append(f"line {number} {was_not if seal else was}.")
        # The app forgets uploads without a key.
        is_of_app = str(said.get("watch")).startswith(UNNAMED)
        if said.get("kind") == FORGOTTEN and self.has_seals and seal is None and not is_of_app:
            self.faults.append(
                f"line {number} records forgotten cases without a seal, although earlier lines "
                "have seals. A person without the key may have written this line."
            )
        self.has_seals = self.has_seals or seal is not None
        if self.key is None:
            return
        if seal is None:
            self.unsealed = self.unsealed or number
        elif seal == seal_of(line["head"], self.key):
            self.n_sealed, self.unsealed = self.n_sealed + 1, None
        else:
            self.faults.append(f"line {number} has a seal that this key did not make.")

    def end(self) -> None:
        """Add those faults that can only be found after the last line was read."""
        if self.unsealed is not None:  # a seal confirms all lines before it
            self.faults.append(
                f"no line from {self.unsealed} on has a seal of this key. A person without the key "
                "may have written these lines."
            )
        if self.asked is not None and self.found is None:
            self.faults.append(
                f"no line has the head {self.asked}. Earlier lines were changed or deleted after "
                "this head was noted."
            )


def _missing_lines(first: int, last: int) -> str:
    if last < first:
        return f"line {last + 1} is in the position of line {first}."
    return f"line {first} is missing." if first == last else f"lines {first} to {last} are missing."


UNKNOWN_AFTER = {"case", "comment", "cells", "token"}
"""Fields of the line of a decision that cannot be compared after the case was forgotten."""


@dataclass
class TableComparison:
    """Progress and results of comparing the tables of the state with the lines of the audit.

    Attributes
    ----------
    read : Transaction
    faults : list of str
    decisions, runs : set
        Numbers of the decisions and ids of the runs in the audit.
    replaced : dict of tuple to int
        Number of the last line whose rows contain a token instead of a key, by watch and token.
    forgotten : dict of tuple to int
        Number of the line that names a token, by watch and token.
    emptied : dict of str to int
        Number of the last line that records deleted rows of a run, by the id of the run.
    unlike : dict of str to str
        A sentence for each run whose kept rows differ from its line.
    lines : list of str
        A sentence for each line that records forgotten cases.
    maps : set of str
        Hashes of all maps in the audit.
    watches : dict of str to dict
        Fields of the last line that records a change of a watch, by the name of the watch.
    begun : dict of str to str
        Time of the first line on a watch, by the name of the watch.
    """

    read: Transaction
    faults: list[str] = field(default_factory=list)
    decisions: set[int] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    replaced: dict[tuple[str, str], int] = field(default_factory=dict)
    forgotten: dict[tuple[str, str], int] = field(default_factory=dict)
    emptied: dict[str, int] = field(default_factory=dict)
    unlike: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    maps: set[str] = field(default_factory=set)
    watches: dict[str, Row] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)

    def take(self, lines: Sequence[Row]) -> None:
        """Compare the next lines of the audit with the tables."""
        found = self.read.rows(
            "SELECT d.*, s.salt FROM decisions d LEFT JOIN salts s"
            " ON s.watch = d.watch AND s.key = d.key WHERE d.number BETWEEN ? AND ?",
            (lines[0]["number"], lines[-1]["number"]),
        )
        rows = {row["number"]: row for row in found}
        for line in lines:
            number = line["number"]
            try:
                self._take(number, said_by_line(line), rows.get(number))
            except (KeyError, TypeError, ValueError):  # a forged line may lack fields
                self.faults.append(
                    f"line {number} cannot be compared with the tables, because the line or a "
                    "table contains values that somscape never writes."
                )

    def _take(self, number: int, said: Row, decision: Row | None) -> None:
        kind = said["kind"]
        if "map" in said:
            self.maps.add(said["map"])
        if kind == "decision":
            self._take_decision(number, said, decision)
        elif kind == "run":
            self._take_run(number, said)
        elif kind in ("watch", "watch changed"):
            self.watches[said["watch"]] = said
            self.begun.setdefault(said["watch"], said["made"])
        elif kind == FORGOTTEN:
            self._take_forgotten(number, said)
        elif kind not in (NAMED, "restored"):
            raise ValueError

    def _take_decision(self, number: int, said: Row, row: Row | None) -> None:
        self.decisions.add(number)
        what = f"the decision of line {number}"
        if row is None:
            self.faults.append(f"{what} was deleted.")
        elif is_forgotten(row["key"]):
            self.replaced[row["watch"], row["key"]] = number
            line = {n: v for n, v in decision_line(row, "").items() if n not in UNKNOWN_AFTER}
            if (row["comment"], row["cells"]) != ("", "null"):
                self.faults.append(f"{what} contains texts, although its case was forgotten.")
            self._compare(what, said, row, line)
        elif row["salt"] is None:
            self.faults.append(
                f"{what} cannot be compared, because the salt of its case was deleted."
            )
        else:
            self._compare(what, said, row, decision_line(row, row["salt"]))

    def _take_run(self, number: int, said: Row) -> None:
        self.runs.add(said["run"])
        what = f"the run of line {number}"
        found = self.read.rows("SELECT * FROM runs WHERE id = ?", (said["run"],))
        if not found:
            self.faults.append(f"{what} was deleted.")
            return
        rows = {table: self._rows(number, found[0], table) for table in ("listed", "kept")}
        line = run_line(found[0], **rows)
        digest = line.pop("kept")
        self._compare(what, said, found[0], line)
        if digest != said["kept"]:  # a later line may record a deletion
            self.unlike[said["run"]] = f"{what} keeps values that differ from the line."

    def _rows(self, number: int, run: Row, table: str) -> list[Row]:
        """Return the rows of a run, and compare each row with its own hash."""
        columns = {"listed": "place, score, p_value, news, reasons", "kept": "cells"}[table]
        rows = self.read.rows(
            f"SELECT t.key, {columns}, hash, s.salt FROM {table} t LEFT JOIN salts s ON s.watch = ?"
            " AND s.key = t.key WHERE t.run = ?",
            (run["watch"], run["id"]),
        )
        what = f"the run of line {number}"
        for row in rows:
            hash_, salt = row.pop("hash"), row.pop("salt")
            if is_forgotten(row["key"]):
                self.replaced[run["watch"], row["key"]] = number
                if row.get("reasons", "") or row.get("cells", "{}") != "{}":
                    self.faults.append(f"{what} contains texts on a forgotten case ({table}).")
            elif salt is None:
                self.faults.append(
                    f"{what} cannot be compared, because the salt of a case was deleted ({table})."
                )
            elif hash_ != (
                row_hash(Listed(**row), salt) if table == "listed" else kept_hash(**row, salt=salt)
            ):
                self.faults.append(f"{what} has a row that differs from its hash ({table}).")
            row["hash"] = hash_
        return rows

    def _compare(self, what: str, said: Row, row: Row, line: Row) -> None:
        said = {**said, "made": said.get("decided", said["made"])}
        line = {**line, "made": row["made"], "author": row["author"]}
        other = [name for name, value in line.items() if said[name] != value]
        if other:
            self.faults.append(f"{what} differs from the line ({', '.join(other)}).")

    def _take_forgotten(self, number: int, said: Row) -> None:
        watch, tokens, runs = said["watch"], said["cases"], said["emptied"]
        are_lists = isinstance(tokens, list) and isinstance(runs, list)
        if not are_lists or not all(isinstance(each, str) for each in (watch, *tokens, *runs)):
            raise TypeError
        self.forgotten |= {(watch, token): number for token in tokens}
        self.emptied |= dict.fromkeys(runs, number)
        cells = f", and the values of {counted(len(runs), 'older run')}" if runs else ""
        self.lines.append(
            f"{said['author']} forgot {counted(len(tokens), 'case')} of the watch '{watch}' on "
            f"{said['made']} (line {number}){cells}."
        )

    def end(self) -> None:
        """Add those faults that can only be found after the last line was read."""
        for row in self.read.rows("SELECT number FROM decisions ORDER BY number"):
            if row["number"] not in self.decisions:
                self.faults.append(f"no line records the decision {row['number']}.")
        for row in self.read.rows("SELECT id FROM runs ORDER BY id"):
            if row["id"] not in self.runs:
                self.faults.append(f"no line records the run {row['id']}.")
        for (watch, token), number in self.replaced.items():
            if self.forgotten.get((watch, token), 0) < number:
                self.faults.append(
                    f"no line after line {number} records that the case {token} was forgotten."
                )
        self._end_watches()
        self._end_kept()
        self._end_maps()

    def _end_maps(self) -> None:
        hashes = [row["hash"] for row in self.read.rows("SELECT hash FROM maps ORDER BY hash")]
        named = self.read.rows("SELECT map FROM runs UNION SELECT map FROM watches")
        gone = ({row["map"] for row in named} | self.maps) - {*hashes}
        self.faults += [f"the map {hash_} was deleted." for hash_ in sorted(gone, key=str)]
        for hash_ in hashes:  # keep one map in memory at a time
            content = self.read.rows("SELECT content FROM maps WHERE hash = ?", (hash_,))
            found = content[0]["content"]
            if not isinstance(found, bytes) or hashlib.sha256(found).hexdigest() != hash_:
                self.faults.append(f"the map {hash_} was changed.")
            if hash_ not in self.maps:
                self.faults.append(f"no line records the map {hash_}.")

    def _end_watches(self) -> None:
        rows = {row["name"]: row for row in self.read.rows("SELECT * FROM watches")}
        for name in sorted({*rows, *self.watches}, key=str):
            row, said = rows.get(name), self.watches.get(name)
            if row is None:
                self.faults.append(f"the watch '{name}' was deleted.")
            elif said is None:
                self.faults.append(f"no line records the watch '{name}'.")
            elif (row["said"], row["map"]) != (said.get("said"), said.get("map")):
                self.faults.append(f"the watch '{name}' differs from its last line in the audit.")
            elif row["made"] != self.begun.get(name):
                self.faults.append(
                    f"the watch '{name}' differs from its first line in the audit (made)."
                )

    def _end_kept(self) -> None:
        self.faults += [what for run, what in self.unlike.items() if run not in self.emptied]
        for row in self.read.rows("SELECT DISTINCT run FROM kept ORDER BY run"):
            if row["run"] in self.emptied:
                line = self.emptied[row["run"]]
                self.faults.append(
                    f"the run {row['run']} keeps values, although line {line} records that they "
                    "were deleted."
                )
        for table in ("listed", "kept"):
            sql = f"SELECT DISTINCT run FROM {table} WHERE run NOT IN (SELECT id FROM runs)"
            for row in self.read.rows(f"{sql} ORDER BY run"):
                self.faults.append(f"the table '{table}' has rows of the deleted run {row['run']}.")


SLICE = 10_000
"""Number of lines to read at once."""

MIN_HEAD = 16
"""Minimum number of first digits by which a head can be given."""


@dataclass(frozen=True)
class Verdict:
    """Result of a check of the audit.

    Attributes
    ----------
    n_lines : int
    head : str
        Head of the last line.
    faults : tuple of str
        A sentence for each fault.
    forgotten : tuple of str
        A sentence on each line on forgotten cases, with author, time and counts.
    n_forgotten : int
        Number of forgotten cases.
    found : str or None
        Phrase on where the given head is in the audit.
    n_sealed : int
        Number of lines with a seal that the key confirms, or 0 without a key.
    has_seals : bool
        Whether any line has a seal.
    last : str
        Recorded time of the last line.

    See Also
    --------
    verify : Check the audit of a state.

    Examples
    --------
    >>> from somscape.desk.cases import Verdict
    >>> Verdict(n_lines=12, head="c86a").faults
    ()
    """

    n_lines: int
    head: str
    faults: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    n_forgotten: int = 0
    found: str | None = None
    n_sealed: int = 0
    has_seals: bool = False
    last: str = ""

    @property
    def is_ahead(self) -> bool:
        """Whether the last line is more than a day in the future.

        A clock was then wrong.  Later lines also get this time, because time never decreases in
        the audit.
        """
        return self.last > (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


def verify(state: State, head: str | None = None) -> Verdict:
    """Check the audit of a state, and check that its tables agree with the audit.

    Parameters
    ----------
    state : State
        The seals are checked with `state.audit_key`.
    head : str or None, default=None
        An earlier head of the audit, or at least the first 16 digits of this head.  If it is not
        found, lines were changed or deleted.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        If `head` does not consist of 16 to 64 hexadecimal digits.

    See Also
    --------
    audit_lines : Return the lines of the audit.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, verify
    >>> watch = Watch("cards", ("id",), "cards.csv")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     print(verify(state).faults)
    ()
    """
    if head is not None and not re.fullmatch(f"[0-9a-f]{{{MIN_HEAD},64}}", head.lower()):
        raise InputError(
            f"`head` must be 64 hexadecimal digits, or at least the first {MIN_HEAD}, but is "
            f"{head!r}.",
            value=head,
        )
    with state.database.snapshot() as read:
        verdict = verdict_on(read, state.audit_key, head)
        return replace(verdict, faults=(*verdict.faults, *changes_of_tables(state.database, read)))


def verdict_on(read: Transaction, key: bytes | None = None, head: str | None = None) -> Verdict:
    """Check the audit and the rows of a database, but not its table definitions. See `verify`."""
    last = ""
    chain, told = Chain(key, None if head is None else head.lower()), TableComparison(read)
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
        forgotten=tuple(told.lines),
        n_forgotten=len(told.forgotten),
        found=chain.found,
        n_sealed=chain.n_sealed,
        has_seals=chain.has_seals,
        last=last,
    )


def audit_lines(state: State) -> Iterator[dict[str, Any]]:
    """Yield each line of a state's audit as a readable dict.

    Parameters
    ----------
    state : State

    Yields
    ------
    dict
        The fields ``number``, ``made``, ``author``, ``kind`` and ``head``, and further fields that
        depend on the kind of the line.  The line of a decision also has the key and the comment.  A
        random token replaces the key of a forgotten case.

    See Also
    --------
    verify : Check whether lines were changed.

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch, audit_lines
    >>> watch = Watch("cards", ("id",), "cards.csv")
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
                    said[name] = mapping_in(said[name], f"Line {line['number']} of the audit")
                if said.get("kind") == "decision":
                    said |= decisions.get(line["number"], {"key": None, "comment": None})
                yield {**said, "head": line["head"]}


def _slices(read: Transaction) -> Iterator[list[Row]]:
    lines = read.rows(f"SELECT * FROM audit ORDER BY number LIMIT {SLICE}")
    while lines:
        yield lines
        later = f"SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT {SLICE}"
        lines = read.rows(later, (lines[-1]["number"],))
