"""A state stores watches, runs and decisions, and an audit that records all changes."""

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from somscape.desk.cases.records import (
    CLEARED,
    CONFIRMED,
    COUNTED,
    FILLED,
    FOLDED,
    FORGOTTEN,
    INSTEAD_OF,
    LATER,
    MAX_COMMENT,
    NAMED,
    NOTHING,
    OPEN,
    PRESENT,
    RETURNED,
    UNNAMED,
    Case,
    DecidedMeanwhileError,
    Decision,
    Listed,
    Naming,
    NewRun,
    RunMeanwhileError,
    Upload,
    Watch,
    WatchRun,
    add_line,
    as_text,
    checked_categories,
    damaged,
    decision_line,
    decision_of,
    is_check,
    kept_hash,
    mapping_in,
    namings,
    row_hash,
    run_line,
    run_of,
    watch_of,
)
from somscape.desk.jobs.job import STATES
from somscape.desk.store import _app_runs
from somscape.desk.store._connections import Transaction
from somscape.desk.store._places import opened
from somscape.desk.store._schema import prepare
from somscape.errors import InputError
from somscape.tables._messages import counted, listed

SHOWN_IN_APP = ("n_rows", "counts")
"""Facts about the first run of a watch that the app shows for the run with which it began."""


class State:
    """Storage of watches, runs and decisions in a folder or a PostgreSQL database.

    Use a State object in a ``with`` statement, or call its method `close` at the end.  Several
    threads can share a State object, and several processes can share its folder or database.

    Parameters
    ----------
    where : str or Path
        A folder, or ``postgresql://USER@HOST/NAME`` (extra ``team``).  A missing folder is created,
        and only its owner can read it.
    audit_key : bytes or None, default=None
        Key with which each new line of the audit is sealed.  The seals reveal replaced lines.

    Raises
    ------
    InputError
        If the folder or database cannot be used, or if it has an unknown format.

    See Also
    --------
    run_watch, verify, backup

    Examples
    --------
    >>> import tempfile
    >>> from somscape.desk.cases import State, Watch
    >>> watch = Watch("cards", ("id",), "cards.csv")
    >>> with tempfile.TemporaryDirectory() as folder, State(folder) as state:
    ...     kept = state.keep_watch(watch, b"a map", author="ann")
    ...     print([each.name for each in state.watches()])
    ['cards']
    """

    def __init__(self, where: str | Path, audit_key: bytes | None = None) -> None:
        self.audit_key = audit_key
        self.database = opened(where)
        try:
            prepare(self.database)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def head(self) -> str:
        """Return the head of the audit, 64 hexadecimal digits that hash all lines."""
        last = self.database.rows("SELECT head FROM audit ORDER BY number DESC LIMIT 1")
        return str(last[0]["head"]) if last else NOTHING

    def check_has_lines(self) -> None:
        """Raise InputError if the audit is empty, because the name may be misspelled."""
        if not self.database.rows("SELECT number FROM audit LIMIT 1"):
            raise InputError(
                f"{self.database.name} does not have an audit yet, because nothing was run or "
                "decided there. Give another place with `state`.",
                parameter="state",
                value=self.database.name,
            )

    def together(self) -> AbstractContextManager[Transaction]:
        """Save all changes that are made within a block in one transaction."""
        return self.database.together()

    # Watches

    def watches(self) -> list[Watch]:
        """Return all watches that have a name, sorted by name."""
        sql = "SELECT * FROM watches WHERE name NOT LIKE ? ORDER BY name"
        return [*map(watch_of, self.database.rows(sql, (f"{UNNAMED}%",)))]

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
            If no watch has this name.
        """
        found = self.database.rows("SELECT * FROM watches WHERE name = ?", (name,))
        if not found:
            names = listed(watch.name for watch in self.watches())
            there = f"The watches are {names}." if names else "There are no watches yet."
            raise InputError(
                f"There is no watch '{name}' in {self.database.name}. {there}",
                options="`somscape detect TABLE --out DIR --watch NAME` begins a watch",
                parameter="watch",
                value=name,
            )
        return watch_of(found[0])

    def keep_watch(self, watch: Watch, map_: bytes, *, author: str) -> Watch:
        """Save a watch and its map. An older watch with the same name is replaced.

        Parameters
        ----------
        watch : Watch
            The watch. Its `map` and `made` are ignored.
        map_ : bytes
            Content of the map's file.
        author : str
            Name of the person who saves the watch.

        Returns
        -------
        Watch
        """
        with self.database.change() as change:
            hash_ = _keep_map(change, map_)
            old = change.rows("SELECT * FROM watches WHERE name = ?", (watch.name,))
            kept = watch.categories or (watch_of(old[0]).categories if old else ())
            said = as_text(
                {
                    "key": list(watch.key),
                    "source": watch.source,
                    "options": watch.job.to_json(),
                    "clear_for": watch.clear_for,
                    "categories": list(kept),
                }
            )
            line = {"watch": watch.name, "map": hash_, "said": said}
            kind = "watch changed" if old else "watch"
            _, made = add_line(change, kind, line, author=author, key=self.audit_key)
            sql = (
                "INSERT INTO watches VALUES (?, ?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET said = excluded.said, map = excluded.map"
            )
            change.rows(sql, (watch.name, made, said, hash_))
        made = old[0]["made"] if old else made
        return replace(watch, map=hash_, made=made, categories=kept)

    def keep_categories(self, name: str, categories: Sequence[str], *, author: str) -> Watch:
        """Save the categories for clearing cases of a watch, and return the watch."""
        with self.together():
            watch = replace(self.watch(name), categories=checked_categories(categories))
            return self.keep_watch(watch, self.map(watch.map), author=author)

    def name_upload(
        self,
        upload: Upload,
        watch: str,
        *,
        run: NewRun,
        cells_of: Callable[[Collection[str]], Mapping[str, Mapping[str, Any]]],
        author: str,
    ) -> None:
        """Move the decisions on an upload to the watch that begins with this upload.

        Parameters
        ----------
        upload : Upload
        watch : str
            Name of the saved watch.
        run : NewRun
            First run of the watch.  The decisions then belong to this run.
        cells_of : callable
            Function that returns the values of rows by key.
        author : str

        Raises
        ------
        InputError
            If the upload was already named, or if a case is not a row of the table.
        """
        name, keys, app_run = upload
        with self.together() as change:
            self.check_unnamed(name)
            key_of = {str(number): key for number, key in enumerate(keys)}
            found = change.rows(
                f"SELECT * FROM decisions WHERE watch = ? AND {PRESENT} ORDER BY number", (name,)
            )
            decisions = [*map(decision_of, found)]
            for old in sorted({each.key for each in decisions} - key_of.keys()):
                raise InputError(
                    f"The decided case {old!r} is not a row of this table, which has "
                    f"{counted(len(keys), 'row')}. Upload the file again, and begin the watch with "
                    "the new upload.",
                    value=old,
                )
            line = {"watch": name, "name": watch, "run": run.id}
            add_line(change, NAMED, line, author=author, key=self.audit_key)
            cells = cells_of([key_of[each.key] for each in decisions])
            for each in decisions:
                key = key_of[each.key]
                moved = replace(each, watch=watch, key=key, run=run.id, cells=cells.get(key))
                self._decide(change, moved, None, None)
            if decisions:
                erase(change, name, [each.key for each in decisions], author, self.audit_key)
            _app_runs.say_upload(change, name.removeprefix(UNNAMED), {"watch": watch})
            shown = json.loads(_app_runs.facts_of_run(change, app_run) or "{}")
            shown |= {name: run.facts[name] for name in SHOWN_IN_APP if name in run.facts}
            facts = as_text({**shown, "watch_run": run.id})
            _app_runs.say_run(change, app_run, {"facts": facts})

    def named(self, upload: str = UNNAMED) -> dict[str, Naming]:
        """Return how uploads were named, by upload. `upload` limits the search."""
        return namings(self.database, upload)

    def check_unnamed(self, upload: str) -> None:
        """Raise InputError if an upload was already named as a watch."""
        naming = self.named(upload).get(upload)
        if naming is not None:
            raise InputError(
                f"This table now belongs to the watch '{naming.watch}'. Load the page again.",
                value=naming.watch,
            )

    def map(self, hash_: str) -> bytes:
        """Return the content of a map's file.

        Parameters
        ----------
        hash_ : str
            SHA-256 of the file.

        Returns
        -------
        bytes

        Raises
        ------
        InputError
            If the state does not contain a map with this hash.
        """
        found = self.database.rows("SELECT content FROM maps WHERE hash = ?", (hash_,))
        if not found:
            raise damaged(f"The map {hash_} is missing")
        return bytes(found[0]["content"])

    # Runs

    def runs(self, watch: str) -> list[WatchRun]:
        """Return the runs of a watch, the newest run first."""
        sql = "SELECT * FROM runs WHERE watch = ? ORDER BY number DESC"
        return [*map(run_of, self.database.rows(sql, (watch,)))]

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
            If no run has this id.
        """
        found = self.database.rows("SELECT * FROM runs WHERE id = ?", (run,))
        if not found:
            raise InputError(
                f"There is no run {run} in {self.database.name}.", parameter="run", value=run
            )
        return run_of(found[0])

    def add_run(
        self, watch: str, run: NewRun, *, author: str, after: str | None = None
    ) -> WatchRun:
        """Save a run with its list.

        Parameters
        ----------
        watch : str
            Name of a saved watch.
        run : NewRun
            The run.  If a run with the same id was already saved, nothing is added.
        author : str
        after : str or None, default=None
            Id of the newest run that the author has seen, or "" if the author has seen no run.
            With None, later runs are not checked.

        Returns
        -------
        WatchRun

        Raises
        ------
        RunMeanwhileError
            If another run was added after the run `after`.
        """
        with self.database.change() as change:
            again = change.rows("SELECT * FROM runs WHERE id = ?", (run.id,))
            if again:
                return run_of(again[0])
            last = change.rows(
                "SELECT id, number FROM runs WHERE watch = ? ORDER BY number DESC LIMIT 1", (watch,)
            )
            if after is not None and after != (last[0]["id"] if last else ""):
                raise RunMeanwhileError
            number = (last[0]["number"] if last else 0) + 1
            row = {
                "id": run.id,
                "watch": watch,
                "number": number,
                "source": run.source,
                "data": run.data,
                "map": _keep_map(change, run.map),
                "facts": as_text(run.facts),
            }
            kept = {key: as_text(cells) for key, cells in run.kept.items()}
            keys = dict.fromkeys([*(listed.key for listed in run.listed), *kept])
            salts = _salts(change, watch, [*keys])
            of_list = [
                {"run": run.id, **vars(each), "hash": row_hash(each, salts[each.key])}
                for each in run.listed
            ]
            of_kept = [
                {"run": run.id, "key": k, "cells": text, "hash": kept_hash(k, text, salts[k])}
                for k, text in kept.items()
            ]
            line = run_line(row, of_list, of_kept)
            _, made = add_line(change, "run", line, author=author, key=self.audit_key)
            change.insert("runs", [{**row, "made": made, "author": author}])
            change.insert("listed", of_list)
            change.insert("kept", of_kept)
        return run_of(self.database.rows("SELECT * FROM runs WHERE id = ?", (run.id,))[0])

    def last_run(self, watch: str) -> str | None:
        """Return the id of the newest run of a watch, or None without a run."""
        sql = "SELECT id FROM runs WHERE watch = ? ORDER BY number DESC LIMIT 1"
        found = self.database.rows(sql, (watch,))
        return found[0]["id"] if found else None

    def listed(self, run: str, *, key: str | None = None) -> list[Listed]:
        """Return the listed rows of a run by rank. With `key`, return only one row."""
        where, values = _where("key", key)
        sql = f"SELECT {ROW} FROM listed WHERE run = ? AND {PRESENT}{where} ORDER BY place"
        return [Listed(**row) for row in self.database.rows(sql, (run, *values))]

    def kept(
        self, run: str, *, key: str | None = None, only_listed: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Return the row values that a run keeps, by key. With `key`, return one row."""
        found = self._kept(run, key, OF_LISTED if only_listed else "")
        return {k: cells for k, cells in found.items() if not is_check(k)}

    def kept_checks(self, run: str) -> dict[str, dict[str, Any]]:
        """Return the rows of checks that a run keeps, by key."""
        return {k: rows for k, rows in self._kept(run).items() if is_check(k)}

    def _kept(self, run: str, key: str | None = None, more: str = "") -> dict[str, dict[str, Any]]:
        where, values = _where("key", key)
        sql = f"SELECT key, cells FROM kept WHERE run = ? AND {PRESENT}{where}{more}"
        found = self.database.rows(sql, (run, *values))
        return {
            row["key"]: mapping_in(row["cells"], f"The case {row['key']!r} of the run {run}")
            for row in found
        }

    # Decisions

    def decide(
        self, decision: Decision, *, token: str | None = None, seen: int | None = None
    ) -> Decision:
        """Save a decision in a new line of the audit. Earlier decisions are not changed.

        Parameters
        ----------
        decision : Decision
        token : str or None, default=None
            Identifier of this decision.  If a decision with the same token was already saved,
            nothing is saved.
        seen : int or None, default=None
            Number of the last decision on the case that the author has seen, or 0 for no decision.
            With None, later decisions are not checked.

        Returns
        -------
        Decision
            The saved decision with its number and time.

        Raises
        ------
        DecidedMeanwhileError
            If a decision on the case was made after the decision `seen`.
        InputError
            If the watch does not exist, or if the state of the decision is not one of `STATES`.
        """
        return self.decide_all([decision], tokens=[token], seen=[seen])[0]

    def decide_all(
        self,
        decisions: Sequence[Decision],
        *,
        tokens: Sequence[str | None] | None = None,
        seen: Sequence[int | None] | None = None,
    ) -> list[Decision]:
        """Save all decisions. If a decision fails, save nothing. See `decide`."""
        n = len(decisions)
        for decision in decisions:
            if decision.state not in STATES:
                raise InputError(
                    f"`state` of case {decision.key!r} must be one of {listed(STATES)}, but is "
                    f"{decision.state!r}.",
                    value=decision.state,
                    allowed=STATES,
                )
            _check_texts(decision)
        authors = {decision.watch: decision.author for decision in decisions}
        for name in authors:
            if not name.startswith(UNNAMED):
                self.watch(name)
        told = zip(decisions, tokens or [None] * n, seen or [None] * n, strict=True)
        with self.together() as change:
            for name, author in authors.items():
                if name.startswith(UNNAMED):
                    self._begin_upload(name, author)
            return [self._decide(change, *each) for each in told]

    def _begin_upload(self, name: str, author: str) -> None:
        """Save the watch of an upload, which has no map, unless the upload has one already."""
        self.check_unnamed(name)
        if not self.database.rows("SELECT name FROM watches WHERE name = ?", (name,)):
            self.keep_watch(Watch(name, (), ""), b"", author=author)

    def _decide(
        self, change: Transaction, decision: Decision, token: str | None, seen: int | None
    ) -> Decision:
        token = token or new_id()
        again = change.rows("SELECT * FROM decisions WHERE token = ?", (token,))
        if again:
            return decision_of(again[0])
        if seen is not None:
            last = change.rows(LAST_OF_KEY, (decision.watch, decision.key))
            if last and last[0]["number"] > seen:
                raise DecidedMeanwhileError(decision_of(last[0]))
        salt = _salts(change, decision.watch, [decision.key])[decision.key]
        row = {**vars(decision), "cells": as_text(decision.cells), "token": token}
        line, author = decision_line(row, salt), decision.author
        if decision.made:  # it moved from an upload; its line has the time of the move
            line["decided"] = decision.made
        number, made = add_line(change, "decision", line, author=author, key=self.audit_key)
        made = decision.made or made
        change.insert("decisions", [{**row, "number": number, "made": made}])
        return replace(decision, number=number, made=made)

    def history(self, watch: str, key: str) -> list[Decision]:
        """Return all decisions on a case, the oldest decision first."""
        sql = "SELECT * FROM decisions WHERE watch = ? AND key = ? ORDER BY number"
        return [*map(decision_of, self.database.rows(sql, (watch, key)))]

    def last_decisions(
        self, watch: str, *, key: str | None = None, until: int | None = None
    ) -> dict[str, Decision]:
        """Return the last decision on each decided case of a watch, by key.

        Without `key`, decisions whose number is above `until` are ignored.
        """
        last = MOST if until is None else until
        sql, values = (LAST, (watch, last)) if key is None else (LAST_OF_KEY, (watch, key))
        return {row["key"]: decision_of(row) for row in self.database.rows(sql, values)}

    def n_decided(self, watches: Collection[str]) -> dict[str, int]:
        """Return the number of cases that are not open, by the name of the watch."""
        if not watches:
            return {}
        found = self.database.rows(
            "SELECT watch, count(*) AS n FROM decisions WHERE number IN (SELECT max(number)"
            f" FROM decisions WHERE {PRESENT} AND watch IN ({', '.join('?' * len(watches))})"
            " GROUP BY watch, key) AND state <> ? GROUP BY watch",
            (*watches, OPEN),
        )
        return {row["watch"]: row["n"] for row in found}

    def precision(self, watch: str) -> dict[str, dict[str, int]]:
        """Return the numbers of listed, decided, open and postponed rows by run.

        All checks and the open checks are counted separately.  Folded cases, and undecided rows
        that only fill a list, are not counted.  A decision counts for the run in which its author
        saw the case, for later runs, unless the case returned, and for earlier runs that lack a
        decision.
        """
        said: dict[str, dict[int, str]] = {}
        for row in self.database.rows(
            "SELECT d.key, d.state, r.number FROM decisions d LEFT JOIN runs r ON r.id = d.run"
            " WHERE d.watch = ? ORDER BY d.number",
            (watch,),
        ):
            said.setdefault(row["key"], {})[row["number"] or 0] = row["state"]
        nothing = dict.fromkeys((*COUNTED, "checks", "open_checks"), 0)
        of_watch = self.database.rows("SELECT id FROM runs WHERE watch = ?", (watch,))
        found = {row["id"]: dict(nothing) for row in of_watch}
        since: dict[str, int] = {}  # the last run in which a cleared case returned
        for row in self.database.rows(
            "SELECT l.run, l.key, l.news, r.number FROM listed l JOIN runs r ON r.id = l.run"
            f" WHERE r.watch = ? AND l.{PRESENT} ORDER BY r.number",
            (watch,),
        ):
            if row["news"] == RETURNED:
                since[row["key"]] = row["number"]
            state = _state_in(row["number"], since.get(row["key"], 0), said.get(row["key"], {}))
            is_undecided = state in (OPEN, LATER)
            if row["news"] == FOLDED or (row["news"] == FILLED and is_undecided):
                continue
            counts = found[row["run"]]
            if is_check(row["key"]):
                counts["checks"] += 1
                counts["open_checks"] += is_undecided
            else:
                counts["listed"] += 1
                counts[state] += 1
        return found

    def is_decided(self, watch: str) -> bool:
        """Return whether a watch has a decision, including decisions that were undone."""
        sql = "SELECT number FROM decisions WHERE watch = ? LIMIT 1"
        return bool(self.database.rows(sql, (watch,)))

    def cases(self, watch: str, *, key: str | None = None) -> list[Case]:
        """Return those cases of a watch that were listed or decided.

        Open cases that only replaced runs list are left out.

        Parameters
        ----------
        watch : str
        key : str or None, default=None
            Key of the only case to return.

        Returns
        -------
        list of Case
            The cases of the newest list come first, in the order of this list.
        """
        decided = self.last_decisions(watch, key=key)
        where, values = _where("l.key", key)
        replaced = ["", *self._replaced(watch)]
        is_replaced = f"CASE WHEN r.id IN ({', '.join('?' * len(replaced))}) THEN 1 ELSE 0 END"
        found = self.database.rows(
            f"SELECT {ROW}, run FROM (SELECT l.*, r.number,"
            f" row_number() OVER (PARTITION BY l.key ORDER BY {is_replaced}, r.number DESC) AS nth"
            f" FROM listed l JOIN runs r ON r.id = l.run WHERE r.watch = ?"
            f" AND l.{PRESENT}{where}) newest"
            " WHERE nth = 1 ORDER BY number DESC, place",
            (*replaced, watch, *values),
        )
        cases = []
        for row in found:
            run = row.pop("run")
            decision = decided.pop(row["key"], None)
            state = decision.state if decision else OPEN
            if state != OPEN or run not in replaced:
                cases.append(Case(watch, row["key"], state, decision, Listed(**row), run))
        rest = (Case(watch, each, said.state, said) for each, said in decided.items())
        return [*cases, *rest]

    def _replaced(self, watch: str) -> set[str]:
        """Return the ids of the replaced runs of a watch."""
        sql = "SELECT * FROM runs WHERE watch = ? AND facts LIKE ?"
        found = map(run_of, self.database.rows(sql, (watch, f'%"{INSTEAD_OF}"%')))
        return {id_ for run in found for id_ in run.replaced}


MOST = 2**31 - 1
"""Maximum number of an audit line, and thereby of a decision."""

LAST = (
    "SELECT * FROM decisions WHERE number IN (SELECT max(number) FROM decisions"
    f" WHERE watch = ? AND number <= ? AND {PRESENT} GROUP BY key)"
    " ORDER BY number"
)
LAST_OF_KEY = "SELECT * FROM decisions WHERE watch = ? AND key = ? ORDER BY number DESC LIMIT 1"

OF_LISTED = " AND key IN (SELECT key FROM listed WHERE run = kept.run)"

ROW = "key, place, score, p_value, news, reasons"
"""Columns of a listed row."""


def _state_in(run: int, since: int, said: Mapping[int, str]) -> str:
    """Return the state of a row in a run, from the last decisions by the number of their runs.

    Decisions before the run `since`, in which the case returned, do not count.
    """
    now = [said[run]] if run in said else []
    before = [said[n] for n in sorted(said) if since <= n < run][-1:]
    later = [said[n] for n in sorted(said) if n > run]
    found = [*(now or before), *later]
    last = LATER if found[-1:] == [LATER] else OPEN
    return next((state for state in found if state in (CONFIRMED, CLEARED)), last)


def new_id() -> str:
    """Return a new random id."""
    return secrets.token_hex(8)


def _where(column: str, key: str | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if key is None else (f" AND {column} = ?", (key,))


def _keep_map(change: Transaction, content: bytes) -> str:
    hash_ = hashlib.sha256(content).hexdigest()
    if not change.rows("SELECT hash FROM maps WHERE hash = ?", (hash_,)):
        change.rows("INSERT INTO maps VALUES (?, ?)", (hash_, content))
    return hash_


def _salts(change: Transaction, watch: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the salts of cases by key. Cases without a salt receive one."""
    sql, values = "SELECT key, salt FROM salts WHERE watch = ?", [watch]
    if len(keys) == 1:
        sql, values = f"{sql} AND key = ?", [watch, *keys]
    salts = {row["key"]: row["salt"] for row in change.rows(sql, values)}
    new = {key: secrets.token_hex(16) for key in keys if key not in salts}
    change.many("INSERT INTO salts VALUES (?, ?, ?)", ((watch, *each) for each in new.items()))
    return salts | new


def erase(
    change: Transaction,
    watch: str,
    keys: Sequence[str],
    author: str,
    audit_key: bytes | None,
    emptied: Sequence[str] = (),
) -> None:
    """Replace the keys of cases by random tokens, and delete their texts and values.

    The salts are deleted, so the hashes that remain reveal nothing.  The audit names the tokens,
    and the runs whose kept rows were deleted.
    """
    tokens = {key: f"{FORGOTTEN}-{new_id()}" for key in dict.fromkeys(keys)}
    of_cases = [(token, watch, key) for key, token in tokens.items()]
    of_runs = "run IN (SELECT id FROM runs WHERE watch = ?) AND key = ?"
    for what in (
        "decisions SET key = ?, comment = '', cells = 'null' WHERE watch = ? AND key = ?",
        f"listed SET key = ?, reasons = '' WHERE {of_runs}",
        f"kept SET key = ?, cells = '{{}}' WHERE {of_runs}",
    ):
        change.many(f"UPDATE {what}", of_cases)
    sql = "DELETE FROM salts WHERE watch = ? AND key = ?"
    change.many(sql, [(watch, key) for key in tokens])
    line = {"watch": watch, "cases": sorted(tokens.values()), "emptied": list(emptied)}
    add_line(change, FORGOTTEN, line, author=author, key=audit_key)


def _check_texts(decision: Decision) -> None:
    if (n := len(decision.comment)) > MAX_COMMENT:
        raise InputError(
            f"`comment` on case {decision.key!r} must have at most {MAX_COMMENT:,} characters with "
            f"its category, but has {n:,}. Shorten the comment.",
            value=n,
        )
    for name in ("key", "comment", "author"):
        text = getattr(decision, name)
        if "\0" in text or text != text.encode(errors="replace").decode():
            raise InputError(
                f"`{name}` contains characters that cannot be stored. Leave them out of {text!r}.",
                value=text,
            )
