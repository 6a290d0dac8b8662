"""Whether the tables of a state hold what the lines of the audit tell, and nothing else."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from somscape.cases._chain import SEALED, hidden, said_by_line
from somscape.cases._database import Change, Row
from somscape.cases._lines import (
    FORGOTTEN,
    OF_KEPT,
    decision_line,
    kept_hash,
    lines_of,
    row_hash,
    run_line,
)
from somscape.cases._records import Listed
from somscape.tables import counted

Case = tuple[str, str]
"""A watch, and the hash of a key that lines of decisions contain."""


@dataclass
class Told:
    """The tables, and what lines have told of them so far.

    Attributes
    ----------
    read : Change
    faults : list of str
    decisions : dict of int to tuple of str
        The decisions of which lines told, and the case of each.
    runs : set of str
        Of which lines told.
    deleted, forgotten : set of int
        Decisions that are not there, and those that may be missing.
    emptied : dict of str to int
        Runs whose kept cells may be missing, and the last line that says so.
    gone : dict of tuple to int
        Cases whose decisions were forgotten, and by which line.
    n_forgotten : dict of str to int
        Rows of lists and kept rows that may lack key and cells, by watch.
    n_cases : int
        Forgotten cases.
    lines : list of str
        A sentence for each line that forgot cases.
    unlike : dict of str to str
        Runs that keep other cells than their lines say, and a sentence on each.
    n_old_runs, n_old_decisions, older : int
        Lines of earlier versions, which have fewer hashes, and the number of the last one.
    maps : set of str
        Which lines name.
    watches : dict of str to dict
        The last line of each.
    begun : dict of str to str
        When each watch was made, by its first line.
    """

    read: Change
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
    n_old_runs: int = 0
    n_old_decisions: int = 0
    older: int = 0
    maps: set[str] = field(default_factory=set)
    watches: dict[str, Row] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What lines of earlier versions cannot tell."""
        if not self.n_old_runs and not self.n_old_decisions:
            return ()
        runs = counted(self.n_old_runs, "run")
        decisions = counted(self.n_old_decisions, "decision")
        return (
            f"an earlier version of somscape wrote the lines of {runs} and {decisions}, up to line "
            f"{self.older}. These lines have no digest of the cells that runs keep and of the "
            "tokens of decisions, so changes of these cells and tokens are not found.",
        )

    def take(self, lines: Sequence[Row]) -> None:
        """Take in the next lines."""
        found = self.read.rows(
            "SELECT d.*, s.salt FROM decisions d LEFT JOIN salts s"
            " ON s.watch = d.watch AND s.key = d.key WHERE d.number BETWEEN ? AND ?",
            (lines[0]["number"], lines[-1]["number"]),
        )
        rows = {row["number"]: row for row in found}
        for line in lines:
            try:
                self._take(line["number"], said_by_line(line), rows)
            except (KeyError, TypeError, ValueError):  # who writes anew may leave something out
                self.faults.append(
                    f"line {line['number']} cannot be compared with what it tells of: one of them "
                    "holds what somscape never writes."
                )

    def _take(self, number: int, said: Row, rows: dict[int, Row]) -> None:
        kind = said["kind"]
        if "map" in said:
            self.maps.add(said["map"])
        if kind in ("decision", "run") and SEALED not in said:
            self.older = number
        if kind == "decision":
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

    def _take_decision(self, number: int, said: Row, row: Row | None) -> None:
        what = f"the decision of line {number}"
        if SEALED not in said:
            self.n_old_decisions += 1
        if row is None:
            self.deleted.add(number)
        elif row["salt"] is None:
            self.faults.append(f"{what} cannot be compared: the salt of its case was deleted.")
        else:
            line = decision_line(row, row["salt"])
            if SEALED not in said:
                del line["token"]
            self._compare(what, said, row, line)

    def _take_run(self, number: int, said: Row) -> None:
        what = f"the run of line {number}"
        found = self.read.rows("SELECT * FROM runs WHERE id = ?", (said["run"],))
        if not found:
            self.faults.append(f"{what} was deleted.")
            return
        listed, kept = self._listed(found[0]), self._kept(found[0])
        if None in listed:
            self.faults.append(f"{what} cannot be compared: the salt of a listed case was deleted.")
            return
        line = run_line(found[0], filter(None, listed), filter(None, kept))
        digest = line.pop("kept")
        self._compare(what, said, found[0], line)
        if SEALED not in said:
            self.n_old_runs += 1
        elif None in kept or digest != said["kept"]:  # unless a later line says that it keeps none
            self.unlike[said["run"]] = f"{what} does not keep the cells of which the line says."

    def _listed(self, run: Row) -> list[str | None]:
        """Return the hashes of a run's listed rows; None for one whose salt is not there."""
        listed = self.read.rows(
            "SELECT l.key, l.place, l.score, l.p_value, l.news, l.reasons, s.salt FROM listed l"
            " LEFT JOIN salts s ON s.watch = ? AND s.key = l.key WHERE l.run = ?",
            (run["watch"], run["id"]),
        )
        salts = [row.pop("salt") for row in listed]
        there = (
            None if salt is None else row_hash(Listed(**row), salt)
            for row, salt in zip(listed, salts, strict=True)
        )
        return [*there, *self._forgotten(run, is_kept=False)]

    def _kept(self, run: Row) -> list[str | None]:
        """Return the hashes of the rows whose cells a run keeps, in the same way."""
        kept = self.read.rows(
            "SELECT k.key, k.cells, s.salt FROM kept k"
            " LEFT JOIN salts s ON s.watch = ? AND s.key = k.key WHERE k.run = ?",
            (run["watch"], run["id"]),
        )
        there = (None if row["salt"] is None else kept_hash(**row) for row in kept)
        return [*there, *self._forgotten(run, is_kept=True)]

    def _forgotten(self, run: Row, *, is_kept: bool) -> Iterable[str]:
        gone = self.read.rows("SELECT hash FROM forgotten WHERE run = ?", (run["id"],))
        return (row["hash"] for row in gone if row["hash"].startswith(OF_KEPT) == is_kept)

    def _compare(self, what: str, said: Row, row: Row, line: Row) -> None:
        line = {**line, "made": row["made"], "author": row["author"]}
        other = [name for name, value in line.items() if said[name] != value]
        if other:
            self.faults.append(f"{what} is no more what the line says: {', '.join(other)}.")

    def _take_forgotten(self, number: int, said: Row) -> None:
        decisions, watch, n_cases = set[int](said["decisions"]), said["watch"], said["cases"]
        is_new = SEALED in said
        n_rows = said["rows"] + (said["kept"] if is_new else 0)
        self.n_forgotten[watch] = self.n_forgotten.get(watch, 0) + n_rows
        self.n_cases += n_cases
        self.emptied |= dict.fromkeys(said["emptied"] if is_new else (), number)
        earlier = decisions & self.decisions.keys()
        cases = {self.decisions[each] for each in earlier}
        is_of_watch = all(name == watch for name, _ in cases)
        if earlier != decisions or not is_of_watch or len(cases) > n_cases:
            self.faults.append(
                f"line {number} records {counted(n_cases, 'forgotten case')} of the watch "
                f"'{watch}', but decisions of more cases, of another watch or of later lines."
            )
        self.forgotten |= decisions
        self.gone |= dict.fromkeys(cases, number)
        named = f" ({lines_of(sorted(decisions))})" if decisions else ""
        emptied = counted(len(said["emptied"]), "older run") if is_new else ""
        cells = f", and the cells of {emptied}" if is_new and said["emptied"] else ""
        self.lines.append(
            f"{said['author']} forgot {counted(n_cases, 'case')} of the watch '{watch}' on "
            f"{said['made']} (line {number}), with {counted(len(decisions), 'decision')}{named} "
            f"and {counted(n_rows, 'row')} of runs{cells}."
        )

    def end(self) -> None:
        """Say what only the end shows."""
        for number in sorted(self.deleted - self.forgotten):
            self.faults.append(f"the decision of line {number} was deleted.")
        for row in self.read.rows("SELECT number FROM decisions ORDER BY number"):
            if row["number"] not in self.decisions:
                self.faults.append(f"no line tells of the decision {row['number']}.")
        for row in self.read.rows("SELECT id FROM runs ORDER BY id"):
            if row["id"] not in self.runs:
                self.faults.append(f"no line tells of the run {row['id']}.")
        self._end_watches()
        self._end_kept()
        self._end_forgotten()
        self._end_maps()

    def _end_maps(self) -> None:
        hashes = [row["hash"] for row in self.read.rows("SELECT hash FROM maps ORDER BY hash")]
        named = self.read.rows("SELECT map FROM runs UNION SELECT map FROM watches")
        gone = ({row["map"] for row in named} | self.maps) - {*hashes}
        for hash_ in sorted(gone, key=str):
            self.faults.append(f"the map {hash_} was deleted.")
        for hash_ in hashes:  # one in memory at a time
            content = self.read.rows("SELECT content FROM maps WHERE hash = ?", (hash_,))
            found = content[0]["content"]
            is_same = isinstance(found, bytes) and hashlib.sha256(found).hexdigest() == hash_
            if not is_same:
                self.faults.append(f"the map {hash_} was changed.")
            if hash_ not in self.maps:
                self.faults.append(f"no line names the map {hash_}.")

    def _end_watches(self) -> None:
        rows = {row["name"]: row for row in self.read.rows("SELECT * FROM watches")}
        for name in sorted({*rows, *self.watches}, key=str):
            row, said = rows.get(name), self.watches.get(name)
            if row is None:
                self.faults.append(f"the watch '{name}' was deleted.")
            elif said is None:
                self.faults.append(f"no line tells of the watch '{name}'.")
            elif (row["said"], row["map"]) != (said.get("said"), said.get("map")):
                self.faults.append(f"the watch '{name}' is no more what its last line says.")
            elif row["made"] != self.begun.get(name):
                self.faults.append(f"the watch '{name}' is no more what its first line says: made.")

    def _end_kept(self) -> None:
        for run, what in self.unlike.items():
            if run not in self.emptied:
                self.faults.append(what)
        for row in self.read.rows("SELECT DISTINCT run FROM kept ORDER BY run"):
            if row["run"] in self.emptied:
                line = self.emptied[row["run"]]
                self.faults.append(
                    f"the run {row['run']} keeps cells, although line {line} records them as "
                    "deleted."
                )
        for table in ("listed", "kept", "forgotten"):
            sql = f"SELECT DISTINCT run FROM {table} WHERE run NOT IN (SELECT id FROM runs)"
            for row in self.read.rows(f"{sql} ORDER BY run"):
                self.faults.append(f"'{table}' has rows of the run {row['run']}, which is gone.")

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
                    f"{counted(n, 'row')} of the watch '{watch}' without key and cells, "
                    f"and lines tell of {told}."
                )
        for row in self.read.rows("SELECT * FROM salts ORDER BY watch, key") if self.gone else ():
            line = self.gone.get((row["watch"], hidden(row["key"], row["salt"])))
            if line is not None:
                self.faults.append(
                    f"line {line} records a case as forgotten, although the case has its salt."
                )
