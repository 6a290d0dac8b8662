"""Check the lines of the audit, and check that the tables of the state agree with them."""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from somscape.desk.cases._database import (
    TABLES,
    Row,
    StateDatabase,
    Transaction,
    check_format,
    statements,
)
from somscape.desk.cases.records import (
    FORGOTTEN,
    NAMED,
    NOTHING,
    OF_KEPT,
    SEALED,
    UNNAMED,
    decision_line,
    hashes_of_kept,
    hashes_of_listed,
    hidden,
    lines_of,
    mapping_in,
    naming_of,
    namings,
    next_head,
    run_line,
    said_by_line,
    seal_of,
)
from somscape.desk.cases.state import State
from somscape.errors import InputError
from somscape.tables._messages import counted


@dataclass
class Follows:
    """Progress and results of a check of the audit that reads one line after the other.

    Attributes
    ----------
    key : bytes or None
        Key of the seals.
    asked : str or None
        A head, or its first digits, to be found in the audit.
    number, head : int, str
        Number and head of the line that was checked last.
    faults : list of str
    unchecked : list of str
        Sentences on lines that only a person or the owner of the key can confirm.
    found : str or None
        Phrase on where the requested head is in the audit.
    n_found : int
        Number of the line with this head.
    n_sealed : int
        Number of lines with a seal that the key confirms.
    has_seals : bool
        Whether any line has a seal.
    unsealed : int or None
        Number of the first line after the last valid seal, or None.
    is_sealing : bool
        Whether any checked line was sealed.
    doubtful : dict of str to list of int
        Numbers of lines on forgotten cases and on named uploads that only a person or the owner of
        the key can confirm, by the kind of the lines.
    """

    key: bytes | None
    asked: str | None
    number: int = 0
    head: str = NOTHING
    faults: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    found: str | None = None
    n_found: int = 0
    n_sealed: int = 0
    has_seals: bool = False
    unsealed: int | None = None
    is_sealing: bool = False
    doubtful: dict[str, list[int]] = field(default_factory=lambda: {FORGOTTEN: [], NAMED: []})

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
            self.found, self.n_found = f"of line {number}, written {said.get('made')}", number
        self._take_seal(line, said)

    def _take_seal(self, line: Row, said: Row) -> None:
        number, seal = line["number"], line["seal"]
        if SEALED not in said:
            self.faults.append(f"line {number} does not say whether it was sealed.")
        elif said[SEALED] != (seal is not None):
            was = "was sealed when it was written, but its seal was removed"
            was_not = "was not sealed when it was written, but has a seal now"
            self.faults.append(f"line {number} {was if said[SEALED] else was_not}.")
        if said.get("kind") == FORGOTTEN:
            self._take_forgotten(number, said, is_sealed=seal is not None)
        elif said.get("kind") == NAMED and said.get("cases"):
            is_alone = seal is None and self.is_sealing  # the app has no key
            if self.key is None or is_alone:
                self.doubtful[NAMED].append(number)
        self.has_seals = self.has_seals or seal is not None
        self.is_sealing = self.is_sealing or seal is not None or said.get(SEALED) is True
        if self.key is None:
            return
        if seal is None:
            self.unsealed = self.unsealed or number
        elif seal == seal_of(line["head"], self.key):
            self.n_sealed, self.unsealed = self.n_sealed + 1, None
        else:
            self.faults.append(f"line {number} has a seal that this key did not make.")

    def _take_forgotten(self, number: int, said: Row, *, is_sealed: bool) -> None:
        if is_sealed:
            if self.key is None:
                self.doubtful[FORGOTTEN].append(number)
        elif str(said.get("watch")).startswith(UNNAMED):  # the app has no key
            self.doubtful[FORGOTTEN].append(number)
        elif self.is_sealing:
            self.faults.append(
                f"line {number} records forgotten cases without a seal, although earlier lines "
                "have seals. A person without the key may have written this line."
            )
        elif self.key is None:
            self.doubtful[FORGOTTEN].append(number)

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
        for kind, doubtful in self.doubtful.items():
            what, why = DOUBTS[kind]
            later = [number for number in doubtful if number > self.n_found]
            if self.key is None and self.has_seals and doubtful:
                self.unchecked.append(
                    f"{what}, and only the key of the seals can show who wrote "
                    f"{lines_of(doubtful)}. Give the key."
                )
            elif self.key is not None and later:
                self.unchecked.append(
                    f"{what}, and the key cannot show who wrote {lines_of(later)}, because {why} "
                    "such lines without a seal. Ask the authors of these lines. Then note the "
                    "present head of the audit, and give this head in later checks."
                )


DOUBTS = {
    FORGOTTEN: ("cases were forgotten", "the app writes"),
    NAMED: ("decisions on uploads were moved to watches", "the app writes"),
}
"""Phrases on changes that a forged line can hide, and on why the key cannot confirm such lines."""


def _missing_lines(first: int, last: int) -> str:
    if last < first:
        return f"line {last + 1} is in the position of line {first}."
    return f"line {first} is missing." if first == last else f"lines {first} to {last} are missing."


Case = tuple[str, str]
"""Name of the watch and salted hash of the key of a case, as lines on decisions contain them."""


@dataclass
class TableComparison:
    """Progress and results of comparing the tables of the state with the lines of the audit.

    Attributes
    ----------
    read : Transaction
    faults : list of str
    decisions : dict of int to tuple of str
        Case of each decision that the audit records, by the number of the decision.
    runs : set of str
        Ids of the runs in the audit.
    deleted, forgotten : set of int
        Numbers of the decisions that are missing, and of those deleted with forgotten cases.
    emptied : dict of str to int
        Number of the last line that records deleted rows of a run, by the id of the run.
    gone : dict of tuple to int
        Number of the line that records that a case was forgotten, by the case.
    n_forgotten : dict of str to int
        Number of forgotten rows by watch.  Only their hashes remain.
    n_cases : int
        Number of forgotten cases.
    lines : list of str
        A sentence for each line that records forgotten cases.
    unlike : dict of str to str
        A sentence for each run whose rows differ from the hashes in its audit line.
    maps : set of str
        Hashes of all maps in the audit.
    watches : dict of str to dict
        Fields of the last line that records a change of a watch, by the name of the watch.
    begun : dict of str to str
        Time of the first line on a watch, by the name of the watch.
    named : dict of tuple to dict
        For each case of an upload that was named as a watch, those fields of the lines of its
        decisions that have changed since.
    of_uploads : dict of str to set of str
        Cases of each upload that earlier lines on decisions contain.
    namings : dict of str to int
        Number of the line that names an upload, by the upload.
    moved : list of str
        A sentence for each line that moves decisions on an upload to a watch.
    """

    read: Transaction
    faults: list[str] = field(default_factory=list)
    decisions: dict[int, Case] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)
    emptied: dict[str, int] = field(default_factory=dict)
    gone: dict[Case, int] = field(default_factory=dict)
    n_forgotten: dict[str, int] = field(default_factory=dict)
    n_cases: int = 0
    lines: list[str] = field(default_factory=list)
    unlike: dict[str, str] = field(default_factory=dict)
    maps: set[str] = field(default_factory=set)
    watches: dict[str, Row] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    named: dict[Case, Row] = field(default_factory=dict)
    of_uploads: dict[str, set[str]] = field(default_factory=dict)
    namings: dict[str, int] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for upload, naming in namings(self.read).items():  # without forged lines
            for case, new in naming.cases.items():
                self.named[upload, case] = {"watch": naming.watch, "run": naming.run, **new}

    def take(self, lines: Sequence[Row]) -> None:
        """Compare the next lines of the audit with the tables."""
        found = self.read.rows(
            "SELECT d.*, s.salt FROM decisions d LEFT JOIN salts s"
            " ON s.watch = d.watch AND s.key = d.key WHERE d.number BETWEEN ? AND ?",
            (lines[0]["number"], lines[-1]["number"]),
        )
        rows = {row["number"]: row for row in found}
        for line in lines:
            try:
                self._take(line["number"], said_by_line(line), rows)
            except (KeyError, TypeError, ValueError):  # a forged line may lack fields
                self.faults.append(
                    f"line {line['number']} cannot be compared with the tables, because the line "
                    "or a table contains values that somscape never writes."
                )

    def _take(self, number: int, said: Row, rows: dict[int, Row]) -> None:
        kind = said["kind"]
        if "map" in said:
            self.maps.add(said["map"])
        if kind == "decision":
            if _text(said["watch"]).startswith(UNNAMED):
                self.of_uploads.setdefault(said["watch"], set()).add(said["case"])
            said = {**said, **self.named.get((said["watch"], said["case"]), {})}
            self.decisions[number] = said["watch"], said["case"]
            self._take_decision(number, said, rows.get(number))
        elif kind == "run":
            self.runs.add(said["run"])
            self._take_run(number, said)
        elif kind in ("watch", "watch changed"):
            self.watches[said["watch"]] = said
            self.begun.setdefault(said["watch"], said["made"])
        elif kind == FORGOTTEN:
            self._take_forgotten(number, said)
        elif kind == NAMED:
            self._take_named(number, said)
        elif kind == "restored":
            _count(said["lines_before"])
            _text(said["head_before"])
        else:
            raise ValueError

    def _take_named(self, number: int, said: Row) -> None:
        naming = naming_of(said)
        first = self.namings.setdefault(naming.upload, number)
        if first != number:
            self.faults.append(
                f"line {number} names an upload as a watch, although line {first} has named it."
            )
        elif not naming.cases.keys() <= self.of_uploads.get(naming.upload, set()):
            self.faults.append(
                f"line {number} moves decisions on an upload that no earlier line records."
            )
        self.watches.pop(naming.upload, None)
        if naming.cases:
            self.moved.append(
                f"{said['author']} moved the decisions on {counted(len(naming.cases), 'case')} of "
                f"an upload to the watch '{naming.watch}' on {said['made']} (line {number})."
            )

    def _take_decision(self, number: int, said: Row, row: Row | None) -> None:
        what = f"the decision of line {number}"
        if row is None:
            self.deleted.add(number)
        elif row["salt"] is None:
            self.faults.append(
                f"{what} cannot be compared, because the salt of its case was deleted."
            )
        else:
            self._compare(what, said, row, decision_line(row, row["salt"]))

    def _take_run(self, number: int, said: Row) -> None:
        what = f"the run of line {number}"
        found = self.read.rows("SELECT * FROM runs WHERE id = ?", (said["run"],))
        if not found:
            self.faults.append(f"{what} was deleted.")
            return
        of_run = (self.read, "t.run = ?", (said["run"],))
        listed, kept = (
            [*(hash_ for _, hash_ in find(*of_run)), *self._forgotten(found[0], is_kept=is_kept)]
            for find, is_kept in ((hashes_of_listed, False), (hashes_of_kept, True))
        )
        if None in listed:
            self.faults.append(
                f"{what} cannot be compared, because the salt of a listed case was deleted."
            )
            return
        line = run_line(found[0], filter(None, listed), filter(None, kept))
        digest = line.pop("kept")
        self._compare(what, said, found[0], line)
        if None in kept or digest != said["kept"]:  # a later line may record a deletion
            self.unlike[said["run"]] = f"{what} keeps values that differ from the line."

    def _forgotten(self, run: Row, *, is_kept: bool) -> Iterable[str]:
        gone = self.read.rows("SELECT hash FROM forgotten WHERE run = ?", (run["id"],))
        return (row["hash"] for row in gone if row["hash"].startswith(OF_KEPT) == is_kept)

    def _compare(self, what: str, said: Row, row: Row, line: Row) -> None:
        line = {**line, "made": row["made"], "author": row["author"]}
        other = [name for name, value in line.items() if said[name] != value]
        if other:
            self.faults.append(f"{what} differs from the line ({', '.join(other)}).")

    def _take_forgotten(self, number: int, said: Row) -> None:
        watch, n_cases = _text(said["watch"]), _count(said["cases"])
        decisions = {_count(each) for each in _list(said["decisions"])}
        n_rows = _count(said["rows"]) + _count(said["kept"])
        runs = [_text(each) for each in _list(said["emptied"])]
        self.n_forgotten[watch] = self.n_forgotten.get(watch, 0) + n_rows
        self.n_cases += n_cases
        self.emptied |= dict.fromkeys(runs, number)
        earlier = decisions & self.decisions.keys()
        cases = {self.decisions[each] for each in earlier}
        is_of_watch = all(name == watch for name, _ in cases)
        if earlier != decisions or not is_of_watch or len(cases) > n_cases:
            self.faults.append(
                f"line {number} records forgotten decisions that cannot belong to its forgotten "
                "cases."
            )
        self.forgotten |= decisions
        self.gone |= dict.fromkeys(cases, number)
        named = f" ({lines_of(sorted(decisions))})" if decisions else ""
        cells = f", and the values of {counted(len(runs), 'older run')}" if runs else ""
        self.lines.append(
            f"{said['author']} forgot {counted(n_cases, 'case')} of the watch '{watch}' on "
            f"{said['made']} (line {number}), with {counted(len(decisions), 'decision')}{named} "
            f"and {counted(n_rows, 'row')} of runs{cells}."
        )

    def end(self) -> None:
        """Add those faults that can only be found after the last line was read."""
        deleted = sorted(self.deleted - self.forgotten)
        self.faults += [f"the decision of line {number} was deleted." for number in deleted]
        for row in self.read.rows("SELECT number FROM decisions ORDER BY number"):
            if row["number"] not in self.decisions:
                self.faults.append(f"no line records the decision {row['number']}.")
        for row in self.read.rows("SELECT id FROM runs ORDER BY id"):
            if row["id"] not in self.runs:
                self.faults.append(f"no line records the run {row['id']}.")
        self._end_watches()
        self._end_kept()
        self._end_forgotten()
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
        for table in ("listed", "kept", "forgotten"):
            sql = f"SELECT DISTINCT run FROM {table} WHERE run NOT IN (SELECT id FROM runs)"
            for row in self.read.rows(f"{sql} ORDER BY run"):
                self.faults.append(f"the table '{table}' has rows of the deleted run {row['run']}.")

    def _end_forgotten(self) -> None:
        found = self.read.rows(
            "SELECT r.watch, count(*) AS n FROM forgotten f JOIN runs r ON r.id = f.run"
            " GROUP BY r.watch"
        )
        there = {row["watch"]: row["n"] for row in found}
        for watch in sorted({*there, *self.n_forgotten}, key=str):
            n, told = there.get(watch, 0), self.n_forgotten.get(watch, 0)
            if n != told:
                self.faults.append(
                    f"the watch '{watch}' has {counted(n, 'forgotten row')}, but its lines record "
                    f"{told}."
                )
        for row in self.read.rows("SELECT * FROM salts ORDER BY watch, key") if self.gone else ():
            line = self.gone.get((row["watch"], hidden(row["key"], row["salt"])))
            if line is not None:
                self.faults.append(
                    f"line {line} records a case as forgotten, but the case still has its salt."
                )


MAX_COUNT = 10**12
"""Maximum count of cases or rows that a valid line can contain."""


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COUNT:  # type() excludes True
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


COLUMNS = (
    "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type, attnotnull, atthasdef"
    " FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
"""Query that returns the columns of a PostgreSQL table with their default values."""

BESIDE = (
    "SELECT 'trigger' AS kind, tgname::text AS name FROM pg_trigger"
    " WHERE tgrelid = {oid} AND NOT tgisinternal"
    " UNION ALL SELECT 'rule', rulename::text FROM pg_rewrite WHERE ev_class = {oid}"
    " UNION ALL SELECT 'policy', polname::text FROM pg_policy WHERE polrelid = {oid}"
    " UNION ALL SELECT 'row security', relname::text FROM pg_class"
    " WHERE oid = {oid} AND relrowsecurity"
    " UNION ALL SELECT 'child table', inhrelid::regclass::text FROM pg_inherits"
    " WHERE inhparent = {oid}"
    " UNION ALL SELECT 'check', conname::text FROM pg_constraint"
    " WHERE conrelid = {oid} AND contype IN ('c', 't', 'x')"
    " UNION ALL SELECT 'index', c.relname::text FROM pg_index"
    " JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = {oid}"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
    " ORDER BY 1, 2"
)
"""Query that returns triggers and similar objects of a PostgreSQL table."""


def changes_of_tables(database: StateDatabase, read: Transaction) -> list[str]:
    """Return a sentence for each table or column whose definition was changed."""
    check_format(read, database.name)
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in statements("BLOB"):
            made.execute(statement)
        made.row_factory = sqlite3.Row
        find = _changes_on_a_server if database.is_server else _changes_in_a_file
        return [*find(read, made)]


def _changes_in_a_file(read: Transaction, made: sqlite3.Connection) -> Iterator[str]:
    sql = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))"  # from ANALYZE
    )
    there, ours = (
        {(row["type"], row["name"]): (row["tbl_name"], _words(row["sql"])) for row in rows}
        for rows in (read.rows(sql), made.execute(sql))
    )
    for kind, name in sorted(there.keys() | ours.keys()):
        if (kind, name) not in ours:
            table = there[kind, name][0]
            on = f" on '{table}'" if table != name else ""
            yield f"the database has the {kind} '{name}'{on}, which somscape did not make."
        elif (kind, name) not in there:
            yield f"the {kind} '{name}' of the database was deleted."
        elif there[kind, name] != ours[kind, name]:
            yield f"the {kind} '{name}' of the database was replaced by a different one."


def _changes_on_a_server(read: Transaction, made: sqlite3.Connection) -> Iterator[str]:
    for table in ("somscape_schema", *TABLES):
        oid = f"to_regclass('{table}')"
        [is_table] = read.rows(
            f"SELECT count(*) AS n FROM pg_class WHERE oid = {oid} AND relkind = 'r'"
        )
        if not is_table["n"]:
            yield f"the database does not have the table '{table}' any more."
            continue
        columns = [
            (row["name"], _type_on_server(row["type"]), bool(row["notnull"] or row["pk"]), False)
            for row in made.execute(f"PRAGMA table_info({table})")
        ]
        if columns != [tuple(row.values()) for row in read.rows(COLUMNS.format(oid=oid))]:
            yield f"the columns of the table '{table}' of the database were changed."
        sql = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
        names = {row["name"] for row in made.execute(sql, (table,))}
        for row in read.rows(BESIDE.format(oid=oid)):
            if row["kind"] != "index" or row["name"] not in names:
                what = f"{row['kind']} '{row['name']}' on '{table}'"
                yield f"the database has the {what}, which somscape did not make."


def _type_on_server(name: str) -> str:
    """Return PostgreSQL's name of a column type from its name in SQLite."""
    return "bytea" if name == "BLOB" else name.lower()


def _words(sql: str | None) -> str:
    return " ".join((sql or "").split())


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
    unchecked : tuple of str
        A sentence for each line that only a person or the owner of the key can confirm.
    forgotten : tuple of str
        A sentence on each line on forgotten cases, with author, time, counts and decisions.
    n_forgotten : int
        Number of forgotten cases.
    notes : tuple of str
        Sentences on decisions that were moved from uploads to watches.
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
        The seals are checked with `state.audit_key`.  Without the key, a forged line can hide that
        data were deleted or moved.  In this case, `unchecked` names the lines on forgotten cases
        and on moved decisions.
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
    chain, told = Follows(key, None if head is None else head.lower()), TableComparison(read)
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
        notes=tuple(told.moved),
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
        depend on the kind of the line.  The line of a decision also has the key and the comment,
        until the case is forgotten.

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
