"""Storage of uploads, runs and marks in an SQLite database and in folders."""

import asyncio
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from somscape.desk.app._settings import RunSettings
from somscape.desk.cases._database import state_folder
from somscape.desk.cases._sqlite import (
    LOCKED,
    NOTHING_SAVED,
    TroubleError,
    connect_reading,
    is_read_only,
    trouble_of,
)
from somscape.desk.cases.decide import NewDecision, decide
from somscape.desk.cases.forgotten import forget_all
from somscape.desk.cases.records import UNNAMED, Decision, Naming, now
from somscape.desk.cases.state import State
from somscape.desk.web._gate import Refusal
from somscape.errors import InputError
from somscape.tables._checked import converted
from somscape.tables._sql import is_url

FORMAT = 1
"""Number of the format of the database, which SQLite stores as its `user_version`."""

TABLES = """
CREATE TABLE uploads (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, ending TEXT NOT NULL, facts TEXT, watch TEXT
);
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
    made TEXT NOT NULL, task TEXT NOT NULL, state TEXT NOT NULL,
    problem TEXT NOT NULL DEFAULT '', settings TEXT, facts TEXT, title TEXT NOT NULL DEFAULT ''
);
CREATE TABLE forgetting (upload TEXT PRIMARY KEY, author TEXT NOT NULL);
"""


def opened(path: Path, *, is_read_only: bool) -> sqlite3.Connection:
    """Open the SQLite database of the app, and create its tables if it is new."""
    db = sqlite3.connect(":memory:" if is_read_only else path, timeout=SECONDS_TO_WAIT)
    with ExitStack() as opening:
        opening.enter_context(closing(db))
        if not is_read_only:
            path.chmod(0o600)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # an answered request is on the disk
        elif path.exists():
            with closing(connect_reading(path)) as there:
                there.backup(db)
        db.execute("PRAGMA foreign_keys = ON")
        found = db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise InputError(
                f"{path} has the format {found}, but this version of somscape reads only format "
                f"{FORMAT}. Open it with the version of somscape that wrote it, or give another "
                "folder with --state.",
                file=path,
                value=found,
                allowed=(FORMAT,),
            )
        if found != FORMAT:
            db.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
        opening.pop_all()
    return db


READ, RANK, WATCH, REGIONS, BEGIN = "read", "rank", "watch", "regions", "begin"
"""Tasks of a job. A new run has one of the first three tasks. BEGIN begins a watch with a run."""

TOP = "top.json"
"""File with the first records of a table, in the folder of a run."""

WAITING, RUNNING, DONE = "waiting", "running", "done"
FAILED, CANCELLED, INTERRUPTED = "failed", "cancelled", "interrupted"
GOES_ON = (WAITING, RUNNING)

SHOWN = ("id", "p_value")
"""Values of a row that are saved with a decision on an upload, because its run can be deleted."""

OWN_FILE = "app.sqlite"

SECONDS_TO_WAIT = 10.0
"""Seconds to wait for another program that changes a database, before a request is refused."""

A_MOMENT = 0.05
"""Seconds to wait between two attempts to change a locked database."""

MOST_AT_ONCE = 64
"""Maximum number of threads that save decisions on cases at the same time."""

NOT_RUN = "This app can only show the state, so it did not continue this run."

FOLDER_PATTERN = "[0-9a-f]" * 16
"""Pattern for the names of the folders that the app creates. Other folders are never deleted."""

RESULTS, REPORT = "results", "report.json"
"""Name of the folder with the results of a run, and name of the report's file in this folder."""

FACTS_OF_RUN = ("n_rows", "counts")
"""Facts about a run of a watch that the app keeps."""

TAKEN_UP = "taken up"
"""Name of a file whose presence shows that a run was restarted after an interruption."""


@dataclass(frozen=True)
class Run:
    """A run of the app on an upload, for example a waiting, running or finished ranking."""

    id: str  # a random name, also that of its folder
    upload: str  # the random name of the upload, also that of its folder
    name: str  # of the file that the user uploaded, which is never used as a path
    ending: str  # extension of the stored file
    made: str  # time at which the run was added, in UTC and in ISO format
    task: str  # "read" until a ranking is requested
    state: str
    problem: str  # error message in one line, or ""
    settings: RunSettings
    facts: dict[str, Any] | None  # about a finished ranking
    title: str  # given by the user, or else the name of the uploaded file
    watch: str | None  # to which the upload belongs

    @property
    def is_ranked(self) -> bool:
        """Whether the run has finished and has ranked the rows of its table."""
        return self.task in (RANK, WATCH) and self.state == DONE

    @property
    def cases_of(self) -> str:
        """Name under which the state contains the decisions on the rows of the upload."""
        return self.watch or f"{UNNAMED}{self.upload}"


Answer = TypeVar("Answer")

RUN = """
SELECT runs.id, upload, name, ending, made, task, state, problem, settings, runs.facts,
    coalesce(nullif(title, ''), name), watch
FROM runs JOIN uploads ON uploads.id = upload
"""


class Store:
    """The state folder of the app, which contains a database and folders for uploads and runs.

    Only one process at a time may use the state folder. Watches and cases are in `cases`. `cases`
    is a `State` in the folder or in another database. Several threads may use it.

    Parameters
    ----------
    place : Path or str
        The state folder, or the URL of a database that contains the watches and cases. A new folder
        is private. With a URL, all files of the app are in the user's default state folder.

    Attributes
    ----------
    folder : Path
        The state folder.
    is_read_only : bool
        Whether the folder cannot be changed. The app then shows the contents that the folder had
        when the app started.
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
                self._opened = opening.pop_all()  # without an error, they stay open
        except (OSError, sqlite3.Error) as error:
            raise trouble_of(error, folder / OWN_FILE, SECONDS_TO_WAIT) or InputError(
                f"The app cannot use the folder {folder} ({error}). Give another folder with "
                "--state.",
                file=folder,
            ) from error
        self.cases_at = str(at)

    def _open(self, opening: ExitStack, at: Path | str) -> None:
        file = self.folder / OWN_FILE
        self.is_read_only = is_read_only(file)
        if not self.is_read_only:
            opening.enter_context(closing(_lock(self.folder)))
        self._db = opened(file, is_read_only=self.is_read_only)
        opening.enter_context(closing(self._db))
        self.cases = opening.enter_context(closing(State(at)))
        if self.is_read_only:  # the database is a copy in memory
            self._change(
                "UPDATE runs SET state = ?, problem = ? WHERE state IN (?, ?)",
                *(INTERRUPTED, NOT_RUN, *GOES_ON),
            )
            self._db.execute("PRAGMA query_only = ON")
        else:
            self._db.execute("BEGIN IMMEDIATE")  # fails now if another program is writing
            self._db.execute("ROLLBACK")
        self.cases.database.wait = SECONDS_TO_WAIT
        self._forgotten: set[str] = set()
        self._deciding = ThreadPoolExecutor(MOST_AT_ONCE, "decision")
        opening.callback(self._deciding.shutdown, wait=False)

    def close(self) -> None:
        """Close the databases, and release the folder."""
        self._opened.close()

    def trouble(self, error: OSError | sqlite3.Error) -> TroubleError | None:
        """Return an error with advice for a locked database, full disk or read-only disk."""
        place = getattr(error, "filename", None) or self.folder / OWN_FILE
        return trouble_of(error, Path(place), SECONDS_TO_WAIT)

    async def change(self, make: Callable[[], Answer], saved: str = NOTHING_SAVED) -> Answer:
        """Call `make` in one transaction, and wait while the database is locked.

        `make` may be called several times. Each call of `make` must check again values that could
        have changed. `saved` is a sentence for error messages that names what was saved before the
        error.
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
        """Execute a statement. Inside `change`, its effect is saved when `change` ends."""
        if self._db.in_transaction:
            self._db.execute(statement, values)
            return
        with self._db:
            self._db.execute(statement, values)

    # Uploads

    def new_upload(self, ending: str) -> tuple[str, Path]:
        """Return the id of a new upload, and the path at which to store the uploaded file."""
        upload = secrets.token_hex(8)
        folder = self.folder / "uploads" / upload
        folder.mkdir(mode=0o700, parents=True)
        return upload, folder / f"table{ending}"

    def keep_upload(
        self,
        upload: str,
        name: str,
        ending: str,
        settings: RunSettings | None = None,
        watch: str | None = None,
    ) -> Run:
        """Save an upload and its first run."""
        self._change(
            "INSERT INTO uploads (id, name, ending, watch) VALUES (?, ?, ?, ?)",
            *(upload, name, ending, watch),
        )
        return self.new_run(upload, READ if watch is None else WATCH, settings)

    def say_watch(self, upload: str, watch: str) -> None:
        """Save the name of the watch to which an upload belongs."""
        self._change("UPDATE uploads SET watch = ? WHERE id = ?", watch, upload)

    def say_named(self, run: Run, watch: str, facts: Mapping[str, Any]) -> None:
        """Save that a watch begins with a run, and the facts about the first run of the watch."""
        self.say_watch(run.upload, watch)
        self.say_run(run.id, DONE, facts={**(run.facts or {}), **facts})

    async def say_if_named(self, upload: str) -> str | None:
        """Save and return the watch that the state has for an upload, or return None."""
        naming = (await asyncio.to_thread(self.cases.named, upload)).get(upload)
        if naming is None:
            return None
        await self.change(lambda: self._say_naming(naming))
        return naming.watch

    def _say_naming(self, naming: Naming) -> None:
        """Save that an upload was named, if a job or server ended before it saved this."""
        runs = [run for run in self.runs() if run.cases_of == naming.upload]
        if not runs:  # the upload was deleted, or this was saved
            return
        with suppress(InputError):  # a damaged state can lack the run
            facts = self.cases.run(naming.run).facts
            known = {name: facts[name] for name in FACTS_OF_RUN if name in facts}
            ranked = (run for run in runs if run.is_ranked and naming.app_run in ("", run.id))
            for run in (*ranked,)[:1]:
                facts = {**(run.facts or {}), "watch_run": naming.run, **known}
                self.say_run(run.id, DONE, facts=facts)
            self.say_watch(runs[0].upload, naming.watch)

    def drop_file(self, upload: str) -> None:
        """Delete the folder of an upload. The database must not contain the upload."""
        shutil.rmtree(self.folder / "uploads" / upload, ignore_errors=True)

    def say_read(
        self, run: Run, table: Mapping[str, Any], settings: RunSettings, problem: str = ""
    ) -> None:
        """Save the facts about a table that was read, and the first settings of its run."""
        with self._db:
            facts = (_text(table), run.upload)
            self._db.execute("UPDATE uploads SET facts = ? WHERE id = ?", facts)
            self.say_run(run.id, DONE, problem=problem, settings=settings)

    def table(self, upload: str) -> dict[str, Any] | None:
        """Return the facts about the table in an uploaded file, or None before it was read."""
        found = self._db.execute("SELECT facts FROM uploads WHERE id = ?", (upload,)).fetchone()
        return None if found is None or found[0] is None else dict(json.loads(found[0]))

    def top(self, run: str) -> Any:
        """Return the first records of the table of a run, or None if they were not saved."""
        try:
            return json.loads((self.folder_of(run) / TOP).read_bytes())
        except (OSError, ValueError):
            return None

    def upload_file(self, run: Run) -> Path:
        """Return the uploaded file of a run."""
        return self.folder / "uploads" / run.upload / f"table{run.ending}"

    # Runs

    def new_run(
        self, upload: str, task: str, settings: RunSettings | None, state: str = WAITING
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
        """Return the folder that belongs to the run with this id."""
        return self.folder / "runs" / run

    def run(self, run: str) -> Run | None:
        """Return the run with this id, or None if it does not exist."""
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
        settings: RunSettings | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Save the state of a run. None keeps the saved value."""
        self._change(
            "UPDATE runs SET state = ?, problem = ?, task = coalesce(?, task),"
            " settings = coalesce(?, settings), facts = coalesce(?, facts) WHERE id = ?",
            *(state, problem, task, _text(settings), _text(facts), run),
        )

    def say_ended(self, run: str, state: str, *, problem: str = "") -> None:
        """Save that a run ended early. Restore its settings from before reading again."""
        found = self.run(run)
        before = found.settings.before if found else None
        if before is None:
            self.say_run(run, state, problem=problem)
        else:
            problem = problem or "The table was not read again and has not changed."
            self.say_run(run, DONE, problem=problem, settings=before)

    def say_title(self, run: str, title: str) -> None:
        """Save a new title of a run. With "", the title is the name of the uploaded file."""
        self._change("UPDATE runs SET title = ? WHERE id = ?", title, run)

    def is_drafted(self, run: Run) -> bool:
        """Return whether a run of a watch has already written its result files."""
        return run.task == WATCH and (self.folder_of(run.id) / RESULTS).is_dir()

    def n_runs(self, upload: str) -> int:
        """Return the number of runs on an upload."""
        found = self._db.execute("SELECT count(*) FROM runs WHERE upload = ?", (upload,))
        return int(found.fetchone()[0])

    async def drop_run(self, run: Run, author: str = "") -> None:
        """Delete a run and its files. Also delete an upload without runs, and its decisions.

        The decisions are deleted last. If this fails, the next start of the app deletes them.
        """

        def drop() -> int:
            self._change("DELETE FROM runs WHERE id = ?", run.id)
            if not (n_left := self.n_runs(run.upload)):
                self._change(
                    "INSERT INTO forgetting SELECT id, ? FROM uploads WHERE id = ?"
                    " AND watch IS NULL",
                    *(author, run.upload),
                )
                self._change("DELETE FROM uploads WHERE id = ?", run.upload)
            return n_left

        n_left = await self.change(drop)
        shutil.rmtree(self.folder_of(run.id), ignore_errors=True)
        if n_left:
            return
        self.drop_file(run.upload)
        self._forgotten.add(f"{UNNAMED}{run.upload}")  # a decision that still waits is not saved
        try:
            await asyncio.to_thread(self._forget, run.upload, author)
        except TroubleError as error:
            reason = str(error).replace(f"{NOTHING_SAVED} ", "")
            raise TroubleError(
                error.why,
                "The run was deleted, but the app could not delete its marks. The app tries again "
                f"when it starts. {reason}",
                file=self.cases_at,
            ) from error

    def _forget(self, upload: str, author: str) -> None:
        """Delete the decisions on a deleted upload."""
        cases_of = f"{UNNAMED}{upload}"
        if not self.cases.database.is_read_only or self.cases.is_decided(cases_of):
            forget_all(self.cases, cases_of, author=author)

    def after_start(self) -> list[Run]:
        """Clean up what the previous server process left, and return the runs that still wait."""
        if self.is_read_only:
            return []
        with self._db:
            self._db.execute(
                "DELETE FROM runs WHERE task IN (?, ?) AND state = ? AND upload IN"
                " (SELECT id FROM uploads WHERE facts IS NULL)",
                (READ, WATCH, FAILED),
            )
            self._db.execute("DELETE FROM uploads WHERE id NOT IN (SELECT upload FROM runs)")
        rows = self._db.execute("SELECT upload, author FROM forgetting").fetchall()
        with suppress(InputError):  # a later start tries again
            for row in rows:
                self._forget(*row)
            with self._db:
                self._db.execute("DELETE FROM forgetting")
        named = self.cases.named()
        for upload in {run.cases_of for run in self.runs()} & named.keys():
            self._say_naming(named[upload])
        for run in self.runs():
            if run.state != RUNNING:
                continue
            taken_up = self.folder_of(run.id) / TAKEN_UP
            if self.is_drafted(run) and not taken_up.exists():
                taken_up.touch(mode=0o600)  # only once, because the run may have caused the end
                self.say_run(run.id, WAITING)
            else:
                problem = "The server ended during this run. Start the run again."
                self.say_ended(run.id, INTERRUPTED, problem=problem)
        for kind in ("uploads", "runs"):
            known = {name for (name,) in self._db.execute(f"SELECT id FROM {kind}")}
            for folder in (self.folder / kind).glob(FOLDER_PATTERN):
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        self._db.execute("PRAGMA busy_timeout = 0")  # from now on, `change` waits
        return [run for run in reversed(self.runs()) if run.state == WAITING]

    # Decisions

    async def decide(self, watch: str, asked: Sequence[NewDecision], author: str) -> list[Decision]:
        """Save decisions (see `cases.decide.decide`), without a thread that pages need."""

        def save() -> list[Decision]:
            if not watch.startswith(UNNAMED):
                return decide(self.cases, watch, asked, author=author)
            with self.cases.together():  # so that a deletion comes before or after it
                if watch in self._forgotten:
                    raise Refusal(404, "This run does not exist. It was deleted in the meantime.")
                return decide(self.cases, watch, asked, author=author)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._deciding, save)
        except InputError:
            if watch.startswith(UNNAMED):  # so that the page is right after it is loaded again
                await self.say_if_named(watch)
            raise


def _lock(folder: Path) -> sqlite3.Connection:
    """Lock the folder until this process ends."""
    lock = sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise InputError(
            f"Another somscape app uses the folder {folder}. Use or end that app, or give another "
            "folder with --state.",
            file=folder,
        ) from error
    return lock


def _run(values: tuple[Any, ...]) -> Run:
    known = dict(zip((field.name for field in fields(Run)), values, strict=True))
    text = known.pop("settings") or "{}"
    known["facts"] = None if known["facts"] is None else json.loads(known["facts"])
    try:
        settings = converted(json.loads(text), RunSettings, "the settings of this run")
    except (InputError, ValueError) as error:  # the app shows all other runs
        problem = f"Its settings are damaged ({error}). Delete this run and upload the file again."
        return Run(**known | {"state": FAILED, "problem": problem}, settings=RunSettings())
    return Run(**known, settings=settings)


def _text(value: RunSettings | Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, default=RunSettings.to_json)
