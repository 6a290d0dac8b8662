"""Whether the tables of a state hold what the lines of the audit tell, and nothing else."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from somscape.cases._chain import said_by_line
from somscape.cases._database import Change, Row
from somscape.cases._lines import FORGOTTEN, decision_line, row_hash, run_line
from somscape.cases._records import Listed
from somscape.tables import counted


@dataclass
class Told:
    """The tables, and what lines have told of them so far.

    Attributes
    ----------
    read : Change
    faults : list of str
    decisions, runs : set
        Of which lines told.
    deleted, forgotten : set of int
        Decisions that are not there, and those that may be missing.
    n_forgotten : dict of str to int
        Rows of lists that may lack key and reasons, by watch.
    watches : dict of str to dict
        The last line of each.
    begun : dict of str to str
        When each watch was made, by its first line.
    """

    read: Change
    faults: list[str] = field(default_factory=list)
    decisions: set[int] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)
    n_forgotten: dict[str, int] = field(default_factory=dict)
    watches: dict[str, Row] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)

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
        if kind == "decision":
            self.decisions.add(number)
            self._take_decision(number, said, rows.get(number))
        elif kind == "run":
            self.runs.add(said["run"])
            self._take_run(number, said)
        elif kind in ("watch", "watch changed"):
            self.watches[said["watch"]] = said
            self.begun.setdefault(said["watch"], said["made"])
        elif kind == FORGOTTEN:
            self.forgotten |= set(said["decisions"])
            n = self.n_forgotten.get(said["watch"], 0)
            self.n_forgotten[said["watch"]] = n + said["rows"]

    def _take_decision(self, number: int, said: Row, row: Row | None) -> None:
        what = f"the decision of line {number}"
        if row is None:
            self.deleted.add(number)
        elif row["salt"] is None:
            self.faults.append(f"{what} cannot be compared: the salt of its case was deleted.")
        else:
            self._compare(what, said, row, decision_line(row, row["salt"]))

    def _take_run(self, number: int, said: Row) -> None:
        what = f"the run of line {number}"
        found = self.read.rows("SELECT * FROM runs WHERE id = ?", (said["run"],))
        if not found:
            self.faults.append(f"{what} was deleted.")
            return
        hashes = self._hashes(found[0])
        if None in hashes:
            self.faults.append(f"{what} cannot be compared: the salt of a listed case was deleted.")
        else:
            self._compare(what, said, found[0], run_line(found[0], hashes))

    def _hashes(self, run: Row) -> list[Any]:
        """Return the hashes of a run's listed rows; None for one whose salt is not there."""
        listed = self.read.rows(
            "SELECT l.key, l.place, l.score, l.p_value, l.news, l.reasons, s.salt FROM listed l"
            " LEFT JOIN salts s ON s.watch = ? AND s.key = l.key WHERE l.run = ?",
            (run["watch"], run["id"]),
        )
        salts = [row.pop("salt") for row in listed]
        gone = self.read.rows("SELECT hash FROM forgotten WHERE run = ?", (run["id"],))
        there = (
            None if salt is None else row_hash(Listed(**row), salt)
            for row, salt in zip(listed, salts, strict=True)
        )
        return [*there, *(row["hash"] for row in gone)]

    def _compare(self, what: str, said: Row, row: Row, line: Row) -> None:
        line = {**line, "made": row["made"], "author": row["author"]}
        other = [name for name, value in line.items() if said[name] != value]
        if other:
            self.faults.append(f"{what} is no more what the line says: {', '.join(other)}.")

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
        self._end_forgotten()
        self._end_maps()

    def _end_maps(self) -> None:
        hashes = [row["hash"] for row in self.read.rows("SELECT hash FROM maps ORDER BY hash")]
        named = self.read.rows("SELECT map FROM runs UNION SELECT map FROM watches")
        for hash_ in sorted({row["map"] for row in named} - {*hashes}):
            self.faults.append(f"the map {hash_} was deleted.")
        for hash_ in hashes:  # one in memory at a time
            content = self.read.rows("SELECT content FROM maps WHERE hash = ?", (hash_,))
            found = content[0]["content"]
            is_same = isinstance(found, bytes) and hashlib.sha256(found).hexdigest() == hash_
            if not is_same:
                self.faults.append(f"the map {hash_} was changed.")

    def _end_watches(self) -> None:
        rows = {row["name"]: row for row in self.read.rows("SELECT * FROM watches")}
        for name in sorted({*rows, *self.watches}):
            row, said = rows.get(name), self.watches.get(name)
            if row is None:
                self.faults.append(f"the watch '{name}' was deleted.")
            elif said is None:
                self.faults.append(f"no line tells of the watch '{name}'.")
            elif (row["said"], row["map"]) != (said.get("said"), said.get("map")):
                self.faults.append(f"the watch '{name}' is no more what its last line says.")
            elif row["made"] != self.begun.get(name):
                self.faults.append(f"the watch '{name}' is no more what its first line says: made.")

    def _end_forgotten(self) -> None:
        found = self.read.rows(
            "SELECT r.watch, count(*) AS n FROM forgotten f JOIN runs r ON r.id = f.run"
            " GROUP BY r.watch"
        )
        there = {row["watch"]: row["n"] for row in found}
        for watch in sorted({*there, *self.n_forgotten}):
            n, told = there.get(watch, 0), self.n_forgotten.get(watch, 0)
            if n != told:
                self.faults.append(
                    f"{counted(n, 'listed row')} of the watch '{watch}' without key and reasons, "
                    f"and lines tell of {told}."
                )
