"""Storage of uploads and runs in the database of the state and in folders."""

import asyncio
import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from somscape._files import write_whole
from somscape.desk.app._settings import RunSettings
from somscape.desk.cases.decide import NewDecision, decide
from somscape.desk.cases.forgotten import forget_all
from somscape.desk.cases.records import UNNAMED, Decision, now
from somscape.desk.cases.state import State
from somscape.desk.store import _app_runs
from somscape.desk.store._connections import Row
from somscape.desk.store._places import FILE, state_folder
from somscape.desk.store._sqlite import (
    LOCKED,
    TroubleError,
    is_read_only,
    lock_folder,
    trouble_of,
)
from somscape.desk.web._gate import Refusal
from somscape.errors import InputError
from somscape.tables._checked import converted
from somscape.tables._sql import is_url

READ, RANK, WATCH, REGIONS, BEGIN = "read", "rank", "watch", "regions", "begin"
"""Tasks of a job. A new run has one of the first three tasks. BEGIN begins a watch with a run."""

TOP = "top.json"
"""File with the first records of a table, in the folder of a run."""

WAITING, RUNNING, DONE = "waiting", "running", "done"
FAILED, CANCELLED, INTERRUPTED = "failed", "cancelled", "interrupted"
GOES_ON = (WAITING, RUNNING)

SHOWN = ("id", "p_value")
"""Values of a row that are saved with a decision on an upload, because its run can be deleted."""

PLACE = "app-id"
"""File with the random name under which a database on a server has the runs of a folder."""

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


class Store:
    """The state folder of the app, which contains folders for uploads and runs.

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
        Whether the folder cannot be changed. The app then only shows its contents.
    """

    def __init__(self, place: Path | str) -> None:
        is_database = isinstance(place, str) and is_url(place)
        folder = state_folder() if is_database else Path(place)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder = folder.resolve()
            with ExitStack() as opening:
                self._open(opening, place if is_database else self.folder)
                self._opened = opening.pop_all()  # without an error, they stay open
        except OSError as error:
            raise self.trouble(error) or InputError(
                f"The app cannot use the folder {folder} ({error}). Give another folder with "
                "--state.",
                file=folder,
            ) from error

    def _open(self, opening: ExitStack, at: Path | str) -> None:
        self.is_read_only = is_read_only(self.folder / FILE)
        if not self.is_read_only:
            opening.enter_context(closing(lock_folder(self.folder)))
        self.cases_at = str(at)
        self.cases = opening.enter_context(closing(State(at)))
        self._database = self.cases.database
        self._database.wait = SECONDS_TO_WAIT
        self._place = self._own_place() if self._database.is_server else ""
        if not self.is_read_only:
            with self._database.change():
                pass  # fails now if another program is writing
        self._deciding = ThreadPoolExecutor(MOST_AT_ONCE, "decision")
        opening.callback(self._deciding.shutdown, wait=False)

    def _own_place(self) -> str:
        """Return the name of this folder in a database that several folders can share."""
        file = self.folder / PLACE
        if not file.exists() and not self.is_read_only:
            write_whole(file, secrets.token_hex(8).encode())
        return file.read_text(encoding="ascii") if file.exists() else ""

    def close(self) -> None:
        """Close the database, and release the folder."""
        self._opened.close()

    def trouble(self, error: OSError) -> TroubleError | None:
        """Return an error with advice for a full or read-only disk."""
        place = getattr(error, "filename", None) or self.folder / FILE
        return trouble_of(error, Path(place), SECONDS_TO_WAIT)

    async def change(self, make: Callable[[], Answer]) -> Answer:
        """Call `make` in one transaction, and wait while the database is locked.

        `make` must check again values that could have changed.
        """
        end = time.monotonic() + SECONDS_TO_WAIT
        while True:
            try:
                with self._database.together(wait=0):
                    return make()
            except TroubleError as error:
                if error.why != LOCKED:
                    raise
                if time.monotonic() > end:
                    raise self._database.busy(SECONDS_TO_WAIT) from error
            await asyncio.sleep(A_MOMENT)

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
        values = {"name": name, "ending": ending, "watch": watch}
        with self._database.together() as change:
            change.insert("app_uploads", [{"id": upload, "folder": self._place, **values}])
            return self.new_run(upload, READ if watch is None else WATCH, settings)

    def drop_file(self, upload: str) -> None:
        """Delete the folder of an upload. The database must not contain the upload."""
        shutil.rmtree(self.folder / "uploads" / upload, ignore_errors=True)

    def say_read(
        self, run: Run, table: Mapping[str, Any], settings: RunSettings, problem: str = ""
    ) -> None:
        """Save the facts about a table that was read, and the first settings of its run."""
        with self._database.together() as change:
            _app_runs.say_upload(change, run.upload, {"facts": _text(table)})
            self.say_run(run.id, DONE, problem=problem, settings=settings)

    def table(self, upload: str) -> dict[str, Any] | None:
        """Return the facts about the table in an uploaded file, or None before it was read."""
        facts = _app_runs.facts_of_upload(self._database, upload)
        return None if facts is None else dict(json.loads(facts))

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
        values = {"task": task, "state": state, "settings": _text(settings)}
        with self._database.together() as change:
            of = {"id": run, "upload": upload, "made": now(), "problem": "", "title": ""}
            _app_runs.add_run(change, {**of, **values})
        found = self.run(run)
        assert found is not None
        return found

    def folder_of(self, run: str) -> Path:
        """Return the folder that belongs to the run with this id."""
        return self.folder / "runs" / run

    def run(self, run: str) -> Run | None:
        """Return the run with this id, or None if it does not exist."""
        return next(map(self._run, _app_runs.runs_of_app(self._database, self._place, run)), None)

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        return [*map(self._run, _app_runs.runs_of_app(self._database, self._place))]

    def _run(self, row: Row) -> Run:
        known = {**row, "facts": None if row["facts"] is None else json.loads(row["facts"])}
        if self.is_read_only and row["state"] in GOES_ON:
            known |= {"state": INTERRUPTED, "problem": NOT_RUN}
        try:
            given = json.loads(known.pop("settings") or "{}")
            settings = converted(given, RunSettings, "the settings of this run")
        except (InputError, ValueError) as error:  # the app shows all other runs
            problem = f"Its settings are damaged ({error}). Delete this run and upload the file "
            known |= {"state": FAILED, "problem": f"{problem}again."}
            settings = RunSettings()
        return Run(**known, settings=settings)

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
        given = {"task": task, "settings": _text(settings), "facts": _text(facts)}
        known = {name: value for name, value in given.items() if value is not None}
        with self._database.together() as change:
            _app_runs.say_run(change, run, {"state": state, "problem": problem, **known})

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
        with self._database.together() as change:
            _app_runs.say_run(change, run, {"title": title})

    def is_drafted(self, run: Run) -> bool:
        """Return whether a run of a watch has already written its result files."""
        return run.task == WATCH and (self.folder_of(run.id) / RESULTS).is_dir()

    def n_runs(self, upload: str) -> int:
        """Return the number of runs on an upload."""
        return _app_runs.n_runs_of(self._database, upload)

    async def drop_run(self, run: Run, author: str = "") -> None:
        """Delete a run and its files. Also delete an upload without runs, and its decisions."""

        def drop() -> int:
            with self._database.together() as change:
                _app_runs.drop_run(change, run.id)
                n_left = self.n_runs(run.upload)
                if not n_left:
                    _app_runs.drop_upload(change, run.upload)
                    forget_all(self.cases, f"{UNNAMED}{run.upload}", author=author)
            return n_left

        n_left = await self.change(drop)
        shutil.rmtree(self.folder_of(run.id), ignore_errors=True)
        if not n_left:
            self.drop_file(run.upload)

    def after_start(self) -> list[Run]:
        """Clean up what the previous server process left, and return the runs that still wait."""
        if self.is_read_only:
            return []
        with self._database.together() as change:
            uploads, runs = _app_runs.uploads_of_app(self._database, self._place), self.runs()
            for run in runs:
                is_unread = run.task in (READ, WATCH) and uploads[run.upload] is None
                if is_unread and run.state == FAILED:
                    _app_runs.drop_run(change, run.id)
                elif run.state == RUNNING:
                    self._take_up(run)
            runs = self.runs()
            for upload in uploads.keys() - {run.upload for run in runs}:
                _app_runs.drop_upload(change, upload)
        known = {run.id for run in runs} | {run.upload for run in runs}
        for kind in ("uploads", "runs"):
            for folder in (self.folder / kind).glob(FOLDER_PATTERN):
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        return [run for run in reversed(runs) if run.state == WAITING]

    def _take_up(self, run: Run) -> None:
        """Let a run that the end of the server interrupted wait again if it has files already."""
        taken_up = self.folder_of(run.id) / TAKEN_UP
        if self.is_drafted(run) and not taken_up.exists():
            taken_up.touch(mode=0o600)  # only once, because the run may have caused the end
            self.say_run(run.id, WAITING)
        else:
            problem = "The server ended during this run. Start the run again."
            self.say_ended(run.id, INTERRUPTED, problem=problem)

    # Decisions

    async def decide(self, watch: str, asked: Sequence[NewDecision], author: str) -> list[Decision]:
        """Save decisions (see `cases.decide.decide`), without a thread that pages need."""

        def save() -> list[Decision]:
            if not watch.startswith(UNNAMED):
                return decide(self.cases, watch, asked, author=author)
            with self.cases.together():  # so that a deletion comes before or after it
                if not self.n_runs(watch.removeprefix(UNNAMED)):
                    self.cases.check_unnamed(watch)
                    raise Refusal(404, "This run does not exist. It was deleted in the meantime.")
                return decide(self.cases, watch, asked, author=author)

        return await asyncio.get_running_loop().run_in_executor(self._deciding, save)


def _text(value: RunSettings | Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, default=RunSettings.to_json)
