"""Uploads, runs and decisions in SQLite, so that they outlive a killed server."""

import asyncio
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from somscape.desk.cases._chain import now
from somscape.desk.cases._database import state_folder
from somscape.desk.cases._sqlite import (
    LOCKED,
    NOTHING_SAVED,
    TroubleError,
    connect_reading,
    is_read_only,
    trouble_of,
)
from somscape.desk.cases.records import OPEN, DecidedMeanwhileError, Decision
from somscape.desk.cases.state import State
from somscape.errors import InputError
from somscape.tables._sql import is_url

STEPS = (
    """
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, ending TEXT NOT NULL, facts TEXT
    );
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
        made TEXT NOT NULL, task TEXT NOT NULL, state TEXT NOT NULL,
        problem TEXT NOT NULL DEFAULT '', settings TEXT, facts TEXT
    );
    CREATE TABLE decisions (
        upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
        number INTEGER NOT NULL, id TEXT NOT NULL, decision TEXT NOT NULL, made TEXT NOT NULL,
        score REAL, p_value REAL, run TEXT NOT NULL,
        PRIMARY KEY (upload, number)
    );
    """,
    """
    ALTER TABLE uploads ADD COLUMN watch TEXT;
    ALTER TABLE runs ADD COLUMN title TEXT NOT NULL DEFAULT '';
    ALTER TABLE decisions ADD COLUMN comment TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE decisions ADD COLUMN author TEXT NOT NULL DEFAULT '';
    ALTER TABLE decisions ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
    """,
)
"""What each version adds: the first is that of 0.2.0."""


def opened(path: Path, *, is_read_only: bool) -> sqlite3.Connection:
    """Return a connection to a database that is made, or brought up to date, if need be."""
    db = sqlite3.connect(":memory:" if is_read_only else path, timeout=SECONDS_TO_WAIT)
    with ExitStack() as opening:
        opening.enter_context(closing(db))
        if not is_read_only:
            path.chmod(0o600)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # a mark that was answered is on the disk
        elif path.exists():
            with closing(connect_reading(path)) as there:
                there.backup(db)
        db.execute("PRAGMA foreign_keys = ON")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise InputError(
                f"{path} was written by another version of somscape. Give another folder with "
                "--state."
            )
        for number, step in enumerate(STEPS[version:], version + 1):
            # Each step is taken whole or not at all.
            db.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
        opening.pop_all()
    return db


READ, RANK, WATCH, REGIONS, KEEP = "read", "rank", "watch", "regions", "keep"
"""What a job does: say what the columns are, rank the rows, run a watch on them, tell a ranked
run's edited regions, or keep it as a watch; a run's own task is one of the first three."""

WAITING, RUNNING, DONE = "waiting", "running", "done"
FAILED, CANCELLED, INTERRUPTED = "failed", "cancelled", "interrupted"
GOES_ON = (WAITING, RUNNING)

BEFORE = "before"
"""Among the settings of a run whose table is read again: the settings as they were."""

OWN_FILE = "app.sqlite"

SECONDS_TO_WAIT = 10.0
"""For another program that writes to a database of ours, before a user is refused."""

A_MOMENT = 0.05
"""Seconds after which a change is tried again."""

MOST_AT_ONCE = 64
"""Decisions that wait for such a program in threads of their own."""

NOT_RUN = "This app only shows the state, so it did not go on with this run."

OURS = "[0-9a-f]" * 16
"""Names of the folders that we make; no other is ever deleted."""

RESULTS, REPORT = "results", "report.json"
"""In a run's folder: its results, which appear whole, and the report's data among them."""

TAKEN_UP = "taken up"
"""In the folder of a run that a server did again by itself, as the one before ended in it."""


@dataclass(frozen=True)
class Run:
    """A ranking of an upload, or what will become one.

    Attributes
    ----------
    id, upload : str
        Made by us; folders are called after them.
    name : str
        What the user's file is called: text, never a path.
    ending : str
        Of the stored file.
    made : str
        When, in UTC, ISO form.
    task : str
        "read" until it was asked to rank.
    state : str
    problem : str
        One line; "" unless it failed.
    settings : dict or None
        As `somscape.desk.app._settings` checks them.
    facts : dict or None
        What a finished ranking says of itself.
    n_decisions : int
        Rows of the upload that are marked.
    title : str
        What the user calls the run; by itself the name of the file.
    watch : str or None
        The watch that the upload belongs to.
    """

    id: str
    upload: str
    name: str
    ending: str
    made: str
    task: str
    state: str
    problem: str
    settings: dict[str, Any] | None
    facts: dict[str, Any] | None
    n_decisions: int
    title: str
    watch: str | None

    @property
    def is_ranked(self) -> bool:
        """Whether there is a list to look at."""
        return self.task in (RANK, WATCH) and self.state == DONE


Answer = TypeVar("Answer")

RUN = """
SELECT runs.id, upload, name, ending, made, task, state, problem, settings, runs.facts,
    (SELECT count(*) FROM decisions d WHERE d.upload = runs.upload AND decision != 'open'),
    coalesce(nullif(title, ''), name), watch
FROM runs JOIN uploads ON uploads.id = upload
"""


class Store:
    """The state folder: one database, a folder of each upload, a folder of each run.

    One process may use it at a time.  What is remembered of watches is `cases`, a `State` there or
    in a database, which threads ask.

    Parameters
    ----------
    place : Path or str
        A folder, made if it is not there, for the user alone; or the URL of a database that holds
        the watches, whose app keeps its files in the user's own folder.

    Attributes
    ----------
    folder : Path
        The state folder.
    is_read_only : bool
        Whether the folder takes no changes: it is only shown, as it was at the start.
    """

    def __init__(self, place: Path | str) -> None:
        is_database = isinstance(place, str) and is_url(place)
        folder = state_folder() if is_database else Path(place)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder = folder.resolve()
            at = place if is_database else self.folder
            with ExitStack() as opening:
                self._open(opening, at)
                self._opened = opening.pop_all()  # all went well: they stay open
        except (OSError, sqlite3.Error) as error:
            raise trouble_of(error, folder / OWN_FILE, SECONDS_TO_WAIT) or InputError(
                f"{folder} cannot hold the app's state ({error}). Give another folder with --state."
            ) from error
        self.cases_at = str(at)

    def _open(self, opening: ExitStack, at: Path | str) -> None:
        file = self.folder / OWN_FILE
        self.is_read_only = is_read_only(file)
        if not self.is_read_only:
            opening.enter_context(closing(_lock(self.folder)))
        self._db = opening.enter_context(closing(opened(file, is_read_only=self.is_read_only)))
        if self.is_read_only:  # it is a copy in memory
            self._change(
                "UPDATE runs SET state = ?, problem = ? WHERE state IN (?, ?)",
                *(INTERRUPTED, NOT_RUN, *GOES_ON),
            )
            self._db.execute("PRAGMA query_only = ON")
        else:
            self._db.execute("BEGIN IMMEDIATE")  # or say now that another program writes
            self._db.execute("ROLLBACK")
        self.cases = opening.enter_context(closing(State(at)))
        self.cases.database.wait = SECONDS_TO_WAIT
        self._deciding = ThreadPoolExecutor(MOST_AT_ONCE, "decision")
        opening.callback(self._deciding.shutdown, wait=False)

    def close(self) -> None:
        """Let another process use the folder."""
        self._opened.close()

    def trouble(self, error: OSError | sqlite3.Error) -> TroubleError | None:
        """Return what to say of an error: a lock, or a disk that is full or read-only."""
        place = getattr(error, "filename", None) or self.folder / OWN_FILE
        return trouble_of(error, Path(place), SECONDS_TO_WAIT)

    async def change(self, make: Callable[[], Answer], saved: str = NOTHING_SAVED) -> Answer:
        """Make changes that hold together, once no other program writes to the app's database.

        `make` looks again at what may have changed meanwhile, and `saved` says what an error
        leaves.
        """
        file, end = self.folder / OWN_FILE, time.monotonic() + SECONDS_TO_WAIT
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                with self._db:
                    return make()
            except sqlite3.Error as error:
                trouble = trouble_of(error, file, SECONDS_TO_WAIT, saved)
                if trouble is None:
                    raise
                if trouble.why != LOCKED or time.monotonic() > end:
                    raise trouble from error
            await asyncio.sleep(A_MOMENT)

    def _change(self, statement: str, *values: Any) -> None:
        """Change the database; what is changed is on the disk after that, or after `change`."""
        if self._db.in_transaction:
            self._db.execute(statement, values)
            return
        with self._db:
            self._db.execute(statement, values)

    # Uploads

    def new_upload(self, ending: str) -> tuple[str, Path]:
        """Return the id of an upload, and the file to write it to."""
        upload = secrets.token_hex(8)
        folder = self.folder / "uploads" / upload
        folder.mkdir(mode=0o700, parents=True)
        return upload, folder / f"table{ending}"

    def keep_upload(
        self,
        upload: str,
        name: str,
        ending: str,
        settings: Mapping[str, Any] | None = None,
        watch: str | None = None,
    ) -> Run:
        """Keep an upload that is written, with a first run: of its watch, or one that reads it."""
        self._change(
            "INSERT INTO uploads (id, name, ending, watch) VALUES (?, ?, ?, ?)",
            *(upload, name, ending, watch),
        )
        return self.new_run(upload, READ if watch is None else WATCH, settings)

    def say_watch(self, upload: str, watch: str) -> None:
        """Say which watch an upload belongs to from now on."""
        self._change("UPDATE uploads SET watch = ? WHERE id = ?", watch, upload)

    def drop_file(self, upload: str) -> None:
        """Delete the file of an upload that the database does not contain."""
        shutil.rmtree(self.folder / "uploads" / upload, ignore_errors=True)

    def say_table(self, upload: str, facts: Mapping[str, Any] | None) -> None:
        """Keep what an upload holds; None until it is read."""
        self._change("UPDATE uploads SET facts = ? WHERE id = ?", _text(facts), upload)

    def table(self, upload: str) -> dict[str, Any] | None:
        """Return what an upload holds, or None before it was read."""
        found = self._db.execute("SELECT facts FROM uploads WHERE id = ?", (upload,)).fetchone()
        return None if found is None or found[0] is None else dict(json.loads(found[0]))

    def upload_file(self, run: Run) -> Path:
        """Return the file that a run is of."""
        return self.folder / "uploads" / run.upload / f"table{run.ending}"

    # Runs

    def new_run(
        self, upload: str, task: str, settings: Mapping[str, Any] | None, state: str = WAITING
    ) -> Run:
        """Add a run of an upload."""
        run = secrets.token_hex(8)
        self.folder_of(run).mkdir(mode=0o700, parents=True)
        self._change(
            "INSERT INTO runs (id, upload, made, task, state, settings) VALUES (?, ?, ?, ?, ?, ?)",
            *(run, upload, now(), task, state, _text(settings)),
        )
        found = self.run(run)
        assert found is not None
        return found

    def folder_of(self, run: str) -> Path:
        """Return the folder of a run's files; `run` is the id of one that exists."""
        return self.folder / "runs" / run

    def run(self, run: str) -> Run | None:
        """Return a run, or None."""
        return next(map(_run, self._db.execute(f"{RUN} WHERE runs.id = ?", (run,))), None)

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        return [*map(_run, self._db.execute(f"{RUN} ORDER BY made DESC, runs.rowid DESC"))]

    def say_run(
        self,
        run: str,
        state: str,
        *,
        problem: str = "",
        task: str | None = None,
        settings: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Say how a run stands; what is None stays as it was."""
        self._change(
            "UPDATE runs SET state = ?, problem = ?, task = coalesce(?, task),"
            " settings = coalesce(?, settings), facts = coalesce(?, facts) WHERE id = ?",
            *(state, problem, task, _text(settings), _text(facts), run),
        )

    def say_ended(self, run: str, state: str, *, problem: str = "") -> None:
        """Say how a run ended early; a table that was read before is then as it was."""
        found = self.run(run)
        before = (found.settings or {}).get(BEFORE) if found else None
        if before is None:
            self.say_run(run, state, problem=problem)
        else:
            problem = problem or "It was not read again; the table is as it was."
            self.say_run(run, DONE, problem=problem, settings=before)

    def say_title(self, run: str, title: str) -> None:
        """Say what a run is called; "" calls it after its file."""
        self._change("UPDATE runs SET title = ? WHERE id = ?", title, run)

    def is_drafted(self, run: Run) -> bool:
        """Return whether a watch may have recorded a run: its files come first."""
        return run.task == WATCH and (self.folder_of(run.id) / RESULTS).is_dir()

    def n_runs(self, upload: str) -> int:
        """Return how many runs an upload has."""
        found = self._db.execute("SELECT count(*) FROM runs WHERE upload = ?", (upload,))
        return int(found.fetchone()[0])

    async def drop_run(self, run: Run) -> None:
        """Delete a run and its files, and with an upload's last run the upload."""

        def drop() -> int:
            self._change("DELETE FROM runs WHERE id = ?", run.id)
            if not (n_left := self.n_runs(run.upload)):
                self._change("DELETE FROM uploads WHERE id = ?", run.upload)
            return n_left

        n_left = await self.change(drop)
        shutil.rmtree(self.folder_of(run.id), ignore_errors=True)
        if not n_left:
            self.drop_file(run.upload)

    def after_start(self) -> list[Run]:
        """Tidy up after the last server, however it ended; return what still waits."""
        if self.is_read_only:
            return []
        with self._db:
            self._db.execute(
                "DELETE FROM runs WHERE task IN (?, ?) AND state = ? AND upload IN"
                " (SELECT id FROM uploads WHERE facts IS NULL)",
                (READ, WATCH, FAILED),
            )
            self._db.execute("DELETE FROM uploads WHERE id NOT IN (SELECT upload FROM runs)")
        for run in self.runs():
            if run.state != RUNNING:
                continue
            taken_up = self.folder_of(run.id) / TAKEN_UP
            if self.is_drafted(run) and not taken_up.exists():
                taken_up.touch(mode=0o600)  # once: what ends the server would do so for ever
                self.say_run(run.id, WAITING)
            else:
                problem = "The server ended while this ran. Run it again."
                self.say_ended(run.id, INTERRUPTED, problem=problem)
        for kind in ("uploads", "runs"):
            known = {name for (name,) in self._db.execute(f"SELECT id FROM {kind}")}
            for folder in (self.folder / kind).glob(OURS):
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        self._db.execute("PRAGMA busy_timeout = 0")  # from now on, `change` waits
        return [run for run in reversed(self.runs()) if run.state == WAITING]

    # Decisions

    async def decide_case(
        self, decision: Decision, *, token: str | None, seen: int | None
    ) -> Decision:
        """Keep a decision on a case of a watch; see `State.decide`."""
        decide = partial(self.cases.decide, decision, token=token, seen=seen)
        return await asyncio.get_running_loop().run_in_executor(self._deciding, decide)

    def decide(
        self,
        run: Run,
        number: int,
        row: Mapping[str, Any],
        decision: str | None,
        comment: str = "",
        *,
        author: str = "",
        seen: int | None = None,
    ) -> dict[str, Any]:
        """Mark a row of a run's upload, or take the mark back, and return the mark."""
        last = next((d for d in self.decisions(run.upload) if d["number"] == number), None)
        version = 0 if last is None else last["seen"]
        said = (decision or OPEN, comment, author)
        if last is not None and seen not in (None, version):
            said_last = (last["decision"], last["comment"], last["author"])
            if said == said_last:
                return last  # sent again
            raise DecidedMeanwhileError(
                Decision("", str(last["id"]), *said_last, number=version, made=last["made"])
            )
        values = (row["id"], said[0], now(), row["score"], row["p_value"], run.id, *said[1:])
        self._change(
            "INSERT OR REPLACE INTO decisions (upload, number, id, decision, made, score,"
            " p_value, run, comment, author, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(run.upload, number, *values, version + 1),
        )
        return next(d for d in self.decisions(run.upload) if d["number"] == number)

    def decisions(self, upload: str) -> list[dict[str, Any]]:
        """Return the marks of an upload's rows, in the order of the table."""
        found = self._db.execute(
            "SELECT id, number, decision, made, score, p_value, comment, author, version AS seen"
            " FROM decisions WHERE upload = ? ORDER BY number",
            (upload,),
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, values, strict=True)) for values in found]


def _lock(folder: Path) -> sqlite3.Connection:
    """Take the folder for this process: the system lets go of it however the process ends."""
    lock = sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise InputError(
            f"another somscape app uses the folder {folder}. Use that one, end it, or give another "
            "folder with --state."
        ) from error
    return lock


def _run(values: tuple[Any, ...]) -> Run:
    known = dict(zip((field.name for field in fields(Run)), values, strict=True))
    for name in ("settings", "facts"):
        known[name] = None if known[name] is None else json.loads(known[name])
    return Run(**known)


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)
