"""A state: watches, runs and decisions in one database, each change with its line of the audit."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from somscape.cases._chain import NOTHING, add_line
from somscape.cases._database import Change, Database, PostgreSQL, Row, SQLite
from somscape.cases._lines import as_text, decision_line, row_hash, run_line
from somscape.cases._records import OPEN, STATES, Case, Decision, Listed, NewRun, Watch, WatchRun
from somscape.cases._schema import brought_up_to_date
from somscape.errors import InputError
from somscape.tables import database_at, is_url, listed

FILE = "cases.sqlite"
"""Of a state in a folder."""


class DecidedMeanwhileError(InputError):
    """Somebody decided a case since it was seen; nothing was saved.

    Parameters
    ----------
    last : Decision
        What the other person said.
    """

    def __init__(self, last: Decision) -> None:
        said = f" ({last.comment})" if last.comment else ""
        super().__init__(
            f"{last.author or 'somebody'} has decided {last.state!r} of case {last.key!r} "
            f"meanwhile{said}. Look at it again, then decide."
        )
        self.last = last


class State:
    """What somscape remembers from run to run.

    Use it in a ``with`` statement, or `close` it.  Threads may share one, and processes one place.

    Parameters
    ----------
    where : str or Path
        A folder, made if it is not there, for its user alone; or ``postgresql://USER@HOST/NAME``,
        which needs the extra ``team``.
    audit_key : bytes or None, default=None
        Seals the lines of the audit, so that whoever lacks it cannot write others in their place.

    Raises
    ------
    InputError
        If the place cannot be used, or is of a later somscape.
    """

    def __init__(self, where: str | Path, audit_key: bytes | None = None) -> None:
        self.audit_key = audit_key
        self.database = _opened(where)
        try:
            brought_up_to_date(self.database)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def head(self) -> str:
        """Return the head of the audit, 64 hexadecimal digits for all of its lines."""
        last = self.database.rows("SELECT head FROM audit ORDER BY number DESC LIMIT 1")
        return str(last[0]["head"]) if last else NOTHING

    # Watches

    def watches(self) -> list[Watch]:
        """Return all watches, by name."""
        return [*map(_watch, self.database.rows("SELECT * FROM watches ORDER BY name"))]

    def watch(self, name: str) -> Watch:
        """Return a watch.

        Parameters
        ----------
        name : str

        Returns
        -------
        Watch

        Raises
        ------
        InputError
            If there is none of that name.
        """
        found = self.database.rows("SELECT * FROM watches WHERE name = ?", (name,))
        if not found:
            names = listed(watch.name for watch in self.watches())
            there = f"There are {names}." if names else "There is none yet."
            raise InputError(
                f"there is no watch '{name}' in {self.database.name}. {there}",
                options="`somscape detect TABLE --watch NAME` begins one",
            )
        return _watch(found[0])

    def keep_watch(self, watch: Watch, map_: bytes, *, author: str) -> Watch:
        """Keep a watch and its map, in the place of an older one of that name.

        Parameters
        ----------
        watch : Watch
            Without `map` and `made`.
        map_ : bytes
            The map's file.
        author : str
            Who says so.

        Returns
        -------
        Watch
        """
        with self.database.change() as change:
            hash_ = _keep_map(change, map_)
            said = as_text(_said(watch))
            old = change.rows("SELECT made FROM watches WHERE name = ?", (watch.name,))
            line = {"watch": watch.name, "map": hash_, "said": said}
            kind = "watch changed" if old else "watch"
            _, made = add_line(change, kind, line, author=author, key=self.audit_key)
            if old:
                change.rows(
                    "UPDATE watches SET said = ?, map = ? WHERE name = ?",
                    (said, hash_, watch.name),
                )
            else:
                change.rows(
                    "INSERT INTO watches VALUES (?, ?, ?, ?)", (watch.name, made, said, hash_)
                )
        return replace(watch, map=hash_, made=old[0]["made"] if old else made)

    def map(self, hash_: str) -> bytes:
        """Return the file of a map.

        Parameters
        ----------
        hash_ : str
            Its SHA-256.

        Returns
        -------
        bytes
        """
        return bytes(
            self.database.rows("SELECT content FROM maps WHERE hash = ?", (hash_,))[0]["content"]
        )

    # Runs

    def runs(self, watch: str) -> list[WatchRun]:
        """Return the runs of a watch, the newest first."""
        found = self.database.rows(
            "SELECT * FROM runs WHERE watch = ? ORDER BY number DESC", (watch,)
        )
        return [*map(_run, found)]

    def run(self, run: str) -> WatchRun:
        """Return a run.

        Parameters
        ----------
        run : str

        Returns
        -------
        WatchRun

        Raises
        ------
        InputError
            If there is none of that id.
        """
        found = self.database.rows("SELECT * FROM runs WHERE id = ?", (run,))
        if not found:
            raise InputError(f"there is no run {run} in {self.database.name}.")
        return _run(found[0])

    def add_run(self, watch: str, run: NewRun, *, author: str) -> WatchRun:
        """Keep a run with its list.

        Parameters
        ----------
        watch : str
            The name of one that is kept.
        run : NewRun
            One of an id that is there already adds nothing.
        author : str

        Returns
        -------
        WatchRun
        """
        with self.database.change() as change:
            again = change.rows("SELECT * FROM runs WHERE id = ?", (run.id,))
            if again:
                return _run(again[0])
            hash_ = _keep_map(change, run.map)
            last = change.rows("SELECT max(number) AS n FROM runs WHERE watch = ?", (watch,))
            number = (last[0]["n"] or 0) + 1
            row = {
                "id": run.id,
                "watch": watch,
                "source": run.source,
                "data": run.data,
                "map": hash_,
                "facts": as_text(run.facts),
            }
            salts = _salts(change, watch, [listed.key for listed in run.listed])
            hashes = [row_hash(listed, salts[listed.key]) for listed in run.listed]
            line = run_line(row, hashes)
            _, made = add_line(change, "run", line, author=author, key=self.audit_key)
            head = (run.id, watch, number, made, author)
            values = (*head, run.source, run.data, hash_, row["facts"])
            change.rows("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            change.many(
                "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (run.id, row.key, row.place, row.score, row.p_value, row.news, row.reasons)
                    for row in run.listed
                ),
            )
            change.many(
                "INSERT INTO kept VALUES (?, ?, ?)",
                ((run.id, key, as_text(cells)) for key, cells in run.kept.items()),
            )
        return _run(self.database.rows("SELECT * FROM runs WHERE id = ?", (run.id,))[0])

    def listed(self, run: str) -> list[Listed]:
        """Return the rows of a run's list, in its order."""
        found = self.database.rows(
            "SELECT key, place, score, p_value, news, reasons FROM listed WHERE run = ?"
            " ORDER BY place",
            (run,),
        )
        return [Listed(**row) for row in found]

    def kept(self, run: str) -> dict[str, dict[str, Any]]:
        """Return the cells of the rows that a run keeps, by key."""
        found = self.database.rows("SELECT key, cells FROM kept WHERE run = ?", (run,))
        return {row["key"]: json.loads(row["cells"]) for row in found}

    # Decisions

    def decide(
        self, decision: Decision, *, token: str | None = None, seen: int | None = None
    ) -> Decision:
        """Keep a decision: a new line, whatever was said before.

        Parameters
        ----------
        decision : Decision
        token : str or None, default=None
            Names this decision, so that one that is sent again is kept once.
        seen : int or None, default=None
            Number of the decision that its author has seen, 0 for none; None does not ask.

        Returns
        -------
        Decision
            With its number and time.

        Raises
        ------
        DecidedMeanwhileError
            If somebody decided since.
        InputError
            For a state or a watch that does not exist.
        """
        return self.decide_all([decision], tokens=[token], seen=[seen])[0]

    def decide_all(
        self,
        decisions: Sequence[Decision],
        *,
        tokens: Sequence[str | None] | None = None,
        seen: Sequence[int | None] | None = None,
    ) -> list[Decision]:
        """Keep decisions, all or none; see `decide`."""
        n = len(decisions)
        for decision in decisions:
            if decision.state not in STATES:
                raise InputError(
                    f"`state` of case {decision.key!r} must be one of {listed(STATES)}; got "
                    f"{decision.state!r}."
                )
            _check_texts(decision)
        for name in {decision.watch for decision in decisions}:
            self.watch(name)
        told = zip(decisions, tokens or [None] * n, seen or [None] * n, strict=True)
        with self.database.change() as change:
            return [self._decide(change, *each) for each in told]

    def _decide(
        self, change: Change, decision: Decision, token: str | None, seen: int | None
    ) -> Decision:
        token = token or new_id()
        again = change.rows("SELECT * FROM decisions WHERE token = ?", (token,))
        if again:
            return _decision(again[0])
        about = (decision.watch, decision.key)
        if seen is not None:
            last = change.rows(f"{LAST} WHERE d.watch = ? AND d.key = ?", about)
            if last and last[0]["number"] > seen:
                raise DecidedMeanwhileError(_decision(last[0]))
        salt = _salts(change, decision.watch, [decision.key])[decision.key]
        row = {**vars(decision), "cells": as_text(decision.cells)}
        number, made = add_line(
            change,
            "decision",
            decision_line(row, salt),
            author=decision.author,
            key=self.audit_key,
        )
        said = (decision.state, decision.comment, decision.author, made)
        seen_as = (decision.run, decision.score, row["cells"])
        change.rows(
            "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, token, *about, *said, *seen_as),
        )
        return replace(decision, number=number, made=made)

    def history(self, watch: str, key: str) -> list[Decision]:
        """Return all that was decided of a case, the first one first."""
        found = self.database.rows(
            "SELECT * FROM decisions WHERE watch = ? AND key = ? ORDER BY number", (watch, key)
        )
        return [*map(_decision, found)]

    def last_decisions(self, watch: str) -> dict[str, Decision]:
        """Return the last decision of each case of a watch that has one, by key."""
        found = self.database.rows(f"{LAST} WHERE d.watch = ? ORDER BY d.number", (watch,))
        return {row["key"]: _decision(row) for row in found}

    def cases(self, watch: str) -> list[Case]:
        """Return the cases of a watch: all that were listed or decided.

        Parameters
        ----------
        watch : str

        Returns
        -------
        list of Case
            Those of the newest run first, in its order.
        """
        decided = self.last_decisions(watch)
        found = self.database.rows(
            "SELECT l.key, l.place, l.score, l.p_value, l.news, l.reasons, l.run FROM listed l"
            " JOIN runs r ON r.id = l.run WHERE r.watch = ? AND r.number ="
            " (SELECT max(s.number) FROM listed m JOIN runs s ON s.id = m.run"
            "  WHERE s.watch = r.watch AND m.key = l.key)"
            " ORDER BY r.number DESC, l.place",
            (watch,),
        )
        cases = []
        for row in found:
            run, key = row.pop("run"), row["key"]
            decision = decided.pop(key, None)
            state = decision.state if decision else OPEN
            cases.append(Case(watch, key, state, decision, Listed(**row), run))
        rest = (Case(watch, key, said.state, said) for key, said in decided.items())
        return [*cases, *rest]


LAST = (
    "SELECT d.* FROM decisions d JOIN (SELECT watch, key, max(number) AS number FROM decisions"
    " GROUP BY watch, key) last ON last.number = d.number"
)


def new_id() -> str:
    """Return a name that nothing has yet.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return secrets.token_hex(8)


def _opened(where: str | Path) -> Database:
    if isinstance(where, str) and is_url(where):
        if not where.lower().startswith(("postgresql://", "postgres://")):
            raise InputError(
                f"`state` must be a folder or postgresql://USER@HOST/NAME; got {where}."
            )
        database_at(where)  # refuses a password, which messages would show
        engine: Any = PostgreSQL(where)
    else:
        folder = Path(where)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder} cannot hold the state ({error.strerror}). Name another folder with "
                "`state`."
            ) from error
        engine = SQLite(folder / FILE)
    try:
        return Database(engine)
    except engine.errors as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"the state in {engine.name} cannot be opened ({said}). Name another place with "
            "`state`."
        ) from error


def _keep_map(change: Change, content: bytes) -> str:
    hash_ = hashlib.sha256(content).hexdigest()
    if not change.rows("SELECT hash FROM maps WHERE hash = ?", (hash_,)):
        change.rows("INSERT INTO maps VALUES (?, ?)", (hash_, content))
    return hash_


def _salts(change: Change, watch: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the salts of cases, by key; new ones for those that have none."""
    sql, values = "SELECT key, salt FROM salts WHERE watch = ?", [watch]
    if len(keys) == 1:
        sql, values = f"{sql} AND key = ?", [watch, *keys]
    salts = {row["key"]: row["salt"] for row in change.rows(sql, values)}
    new = {key: secrets.token_hex(16) for key in keys if key not in salts}
    change.many("INSERT INTO salts VALUES (?, ?, ?)", ((watch, *each) for each in new.items()))
    return salts | new


def _check_texts(decision: Decision) -> None:
    for name in ("key", "comment", "author"):
        text = getattr(decision, name)
        if "\0" in text or text != text.encode(errors="replace").decode():
            raise InputError(
                f"`{name}` {text!r} holds letters that no database takes. Write it without them."
            )


def _said(watch: Watch) -> dict[str, Any]:
    return {
        "key": list(watch.key),
        "source": watch.source,
        "options": dict(watch.options),
        "clear_for": watch.clear_for,
    }


def _watch(row: Row) -> Watch:
    said = json.loads(row["said"])
    said["key"] = tuple(said["key"])
    return Watch(name=row["name"], map=row["map"], made=row["made"], **said)


def _run(row: Row) -> WatchRun:
    return WatchRun(**{**row, "facts": json.loads(row["facts"])})


def _decision(row: Row) -> Decision:
    cells = row["cells"]
    known = {name: value for name, value in row.items() if name != "token"}
    return Decision(**{**known, "cells": None if cells is None else json.loads(cells)})
