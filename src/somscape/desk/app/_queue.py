"""The jobs of the app. Each job runs in its own process."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from somscape._files import shown
from somscape.desk.app._results import MarkStore
from somscape.desk.app._settings import (
    JobRequest,
    RunSettings,
    default_settings,
    job_of,
    settings_of,
)
from somscape.desk.app._store import (
    BEGIN,
    CANCELLED,
    DONE,
    FAILED,
    GOES_ON,
    INTERRUPTED,
    RANK,
    READ,
    REGIONS,
    RUNNING,
    Run,
    Store,
)
from somscape.desk.app._work import one_line
from somscape.desk.store._sqlite import TroubleError
from somscape.desk.web._gate import Refusal
from somscape.errors import InputError

COMMAND = (
    *(sys.executable, "-P", "-X", "faulthandler"),
    *("-c", "from somscape.desk.app._work import work; work()"),
)
"""Command of the process of a job. -P ignores modules in the working folder. faulthandler logs
where the process crashed."""

LONGEST_LINE = 64 << 20
"""Maximum size in bytes of one line of output from the process of a job."""

KILLED = -9
"""Exit code of a process that was killed."""

MAX_ERRORS = 500
"""Maximum number of latest epochs whose errors are reported as progress of a run."""

LOG = "log.txt"
HEARTBEAT = 15.0
"""Seconds without a change of a run after which the server sends a page an empty message."""

PATIENCE = 1.0
"""Seconds to wait before another attempt to save the state of a run."""

NO_MEMORY = re.compile(
    rb"MemoryError|bad_alloc|[Cc]annot allocate|[Mm]emory allocation|[Oo]ut of memory"
    rb"|failed to map|start new thread|[Tt]hread creation failed|temporarily unavailable"
)
"""Pattern of the error messages that Python and libraries print if memory is full."""

MAYBE_RECORDED = (
    "The run was cancelled late and may be recorded in the watch. Try again to complete it."
)

PAUSE = 0.05
"""Minimum number of seconds between two progress messages to a page."""


class Queue:
    """The runs that wait for a process, and the processes of the runs in progress.

    Only code in the event loop of the server may use the queue.

    Parameters
    ----------
    store : Store
    n_at_once : int
        Maximum number of processes at a time.
    memory : int or None
        Maximum memory in bytes of each process.  If None, the system sets the limit.
    marks : MarkStore
        Marks for training.
    """

    def __init__(self, store: Store, n_at_once: int, memory: int | None, marks: MarkStore) -> None:
        self._store = store
        self._marks = marks
        self._n_at_once = n_at_once
        self._memory = memory
        self._waiting: list[str] = []
        self._processes: dict[str, Process] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._cancelled: set[str] = set()
        self._progress: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._one_outside = asyncio.Lock()
        self._naming: set[str] = set()
        self._is_closed = False

    def add(self, run: Run) -> None:
        """Add a run to the queue. Runs that only read columns go first."""
        self._progress.pop(run.id, None)
        if run.task == READ:
            ahead = [self._task_of(other) for other in self._waiting]
            self._waiting.insert(ahead.count(READ), run.id)
        else:
            self._waiting.append(run.id)
        self._go_on()

    async def cancel(self, run: str) -> None:
        """End the process of a run in progress, or remove a waiting run from the queue."""
        if run in self._waiting:
            await self._store.change(lambda: self._remove_waiting(run))
        task = self._tasks.get(run)
        if task is not None:
            self._cancelled.add(run)
            self._kill(run)
            await asyncio.wait([task])
        self._announce()

    def _remove_waiting(self, run: str) -> None:
        if run in self._waiting:  # it may have begun in the meantime
            self._say_cancelled(run)
            self._waiting.remove(run)

    async def keep_regions(self, run: Run, regions: Any) -> str:
        """Save edited regions of a run outside the queue. Return an error message or ""."""
        what = "its regions were being saved"
        return await self._run_outside_queue(run, what, task=REGIONS, regions=regions)

    async def begin_watch(self, run: Run, watch: str, key: tuple[str, ...], author: str) -> str:
        """Begin a watch with a run outside the queue. Return an error message or ""."""
        if run.upload in self._naming:
            raise Refusal(409, "This table is becoming a watch. Wait, then load the page again.")
        self._naming.add(run.upload)
        try:
            others = tuple(
                str(self._store.folder_of(other.id))
                for other in self._store.runs()
                if other.upload == run.upload and other.is_ranked and other.id != run.id
                if other.settings.per == run.settings.per
            )
            settings = replace(run.settings, author=author)
            asked = {"watch": watch, "key": key, "settings": settings, "others": others}
            what = "the watch was being made"
            problem = await self._run_outside_queue(run, what, task=BEGIN, **asked)
            now = self._store.run(run.id)
            is_named = now is not None and now.watch == watch  # even if the job ended late
            return "" if is_named else problem
        finally:
            self._naming.discard(run.upload)

    async def _run_outside_queue(self, run: Run, what: str, **changes: Any) -> str:
        """Run a task outside the queue. Return an error message or ""."""
        if run.id in self._tasks:
            raise Refusal(409, "This run is being saved. Wait, then try again.")

        async def go() -> dict[str, Any]:
            async with self._one_outside:
                return await self._run_process(run, replace(await self._request(run), **changes))

        task = asyncio.create_task(go())
        self._tasks[run.id] = task  # so that the end of the run or of the server ends the task
        try:
            await asyncio.wait([task])
            outcome = task.result()  # or raise its error
            is_cancelled = run.id in self._cancelled
        finally:
            self._forget(run.id)
        if is_cancelled:
            return f"The run was deleted while {what}."
        if "result" in outcome:
            return ""
        return str(outcome.get("problem") or self._ended_badly(run, outcome))

    async def close(self) -> None:
        """End all processes. The next server finds their runs interrupted."""
        self._is_closed = True
        for run in self._tasks:
            self._kill(run)
        await asyncio.gather(*self._tasks.values())
        self._announce()

    def state_of(self, run: str) -> dict[str, Any] | None:
        """Return the state of a run as JSON data, or None if the run does not exist."""
        found = self._store.run(run)
        if found is None:
            return None
        state: dict[str, Any] = {"task": found.task, "state": found.state, "problem": found.problem}
        if run in self._waiting:
            state["place"] = self._waiting.index(run) + 1
        if run in self._progress and found.state in GOES_ON:
            state["progress"] = self._progress[run]
        return state

    async def listen(self, run: str) -> AsyncIterator[dict[str, Any] | None]:
        """Yield the current state of a run, and again after each change. None: no change yet."""
        last = None
        while True:
            changed = self._changed
            state = self.state_of(run)
            if state is None:
                return
            if state != last:
                last = json.loads(json.dumps(state))  # a copy, because its lists grow
                yield state
                await asyncio.sleep(PAUSE)
            if state["state"] not in GOES_ON or self._is_closed:
                return
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT)
            except TimeoutError:
                yield None

    def _task_of(self, run: str) -> str:
        found = self._store.run(run)
        return READ if found is None else found.task

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _go_on(self) -> None:
        while self._waiting and len(self._tasks) < self._n_at_once and not self._is_closed:
            run = self._store.run(self._waiting.pop(0))
            if run is not None:
                self._tasks[run.id] = asyncio.create_task(self._do(run))
        self._announce()

    async def _do(self, run: Run) -> None:
        """Run the process of a run to its end, and save the state of the run before and after."""
        try:
            await self._saved(run.id, lambda: self._store.say_run(run.id, RUNNING))
            outcome = await self._run_process(run, await self._request(run))
            await self._saved(run.id, lambda: self._settle(run, outcome))
        finally:
            self._forget(run.id)

    def _forget(self, run: str) -> None:
        """Remove a finished run from the queue, so that the next waiting run can start."""
        self._kill(run)
        for kept in (self._processes, self._tasks, self._progress):
            kept.pop(run, None)
        self._cancelled.discard(run)
        self._go_on()

    async def _saved(self, run: str, save: Callable[[], None]) -> None:
        """Save the state of a run. If the database cannot be written, try again later."""
        while not self._is_closed:
            try:
                await self._store.change(save)
            except TroubleError:
                self._note(run, {"stage": "saving"})
                await asyncio.sleep(PATIENCE)
            else:
                self._announce()
                return

    async def _run_process(self, run: Run, request: JobRequest) -> dict[str, Any]:
        """Run the process of a run to its end. Return its result, error and exit code."""
        folder = self._store.folder_of(run.id)
        try:
            with (folder / LOG).open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *COMMAND,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=log,
                    cwd=folder,
                    limit=LONGEST_LINE,
                    start_new_session=True,  # Ctrl-C ends the server, and the server ends its jobs
                )
            self._processes[run.id] = process
            if run.id in self._cancelled or self._is_closed:
                self._kill(run.id)
            return await self._follow(run.id, process, request)
        except OSError as error:
            name = f"{shown(error.filename)}: " if error.filename else ""
            return {"problem": f"The job could not be started ({name}{error.strerror or error})."}

    async def _follow(self, run: str, process: Process, request: JobRequest) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        outcome: dict[str, Any] = {}
        try:
            process.stdin.write(json.dumps(request, default=vars).encode() + b"\n")
            await process.stdin.drain()
            async for line in process.stdout:
                if not line.startswith(b"{"):
                    continue  # output of a library
                said = json.loads(line)
                if "progress" in said:
                    self._note(run, said["progress"])
                else:
                    outcome |= said
        except ConnectionError:
            pass  # the process has ended; its exit code shows how
        except ValueError:  # the line exceeds the limit
            outcome["problem"] = (
                "The table has too many columns or names that are too long. Use `somscape detect`."
            )
            process.kill()
        return outcome | {"code": await process.wait()}

    async def _request(self, run: Run) -> JobRequest:
        request = JobRequest(
            task=run.task,
            name=run.name,
            file=str(self._store.upload_file(run)),
            folder=str(self._store.folder_of(run.id)),
            state=self._store.cases_at,
            memory=self._memory,
            settings=run.settings,
            watch=run.watch or "",
            cases_of=run.cases_of,
        )
        if run.task != RANK:
            return request
        table = self._store.table(run.upload)
        assert table is not None
        return replace(
            request,
            job=job_of(run.settings, table),
            marks=await self._marks.known(run) if run.settings.uses_marks else {},
            key=await self._marks.key(run),
            before=self._folder_before(run),
        )

    def _folder_before(self, run: Run) -> str | None:
        """Return the folder of the earlier run whose edited regions are reused, or None."""
        before = self._store.run(run.settings.regions_of or "")
        is_of_table = before is not None and before.upload == run.upload
        return str(self._store.folder_of(before.id)) if before and is_of_table else None

    def _note(self, run: str, progress: dict[str, Any]) -> None:
        last = self._progress.get(run, {})
        errors = last.get("errors", []) if last.get("map") == progress.get("map") else []
        if "error" in progress:
            errors.append(progress.pop("error"))
        self._progress[run] = {**progress, "errors": errors[-MAX_ERRORS:]}
        self._announce()

    def _settle(self, run: Run, outcome: dict[str, Any]) -> None:
        """Save in the database whether the process of a run succeeded or failed."""
        ended = INTERRUPTED if self._store.is_drafted(run) else FAILED
        if run.id in self._cancelled:
            self._say_cancelled(run.id)
        elif "problem" in outcome:
            self._store.say_ended(run.id, ended, problem=outcome["problem"])
        elif "result" not in outcome:
            self._store.say_ended(run.id, ended, problem=self._ended_badly(run, outcome))
        elif run.task == READ:
            table = outcome["result"]
            settings, problem = _first_settings(run, table)
            self._store.say_read(run, table, settings, problem)
        else:
            self._store.say_run(run.id, DONE, facts=outcome["result"])

    def _say_cancelled(self, run: str) -> None:
        found = self._store.run(run)
        if found is not None and self._store.is_drafted(found):
            self._store.say_ended(run, INTERRUPTED, problem=MAYBE_RECORDED)
        else:
            self._store.say_ended(run, CANCELLED)

    def _ended_badly(self, run: Run, outcome: dict[str, Any]) -> str:
        path, code = self._store.folder_of(run.id) / LOG, outcome.get("code", 0)
        limit = ""
        if self._memory is not None:
            limit = f" Each job may use {self._memory / 1e9:.3g} GB (`somscape app --memory`)."
        cure = "Use fewer rows or columns, or run `somscape detect` on a larger machine."
        if code == KILLED:
            return f"The system ended this job, probably because memory ran out.{limit} {cure}"
        log = path.read_bytes()
        if NO_MEMORY.search(log) or (code > 0 and not log):
            return f"There is not enough memory for this table and its map.{limit} {cure}"
        report = f"Please report the error. The details are in {shown(path)}."
        if code < 0:  # some libraries crash without enough memory
            return (
                f"Signal {-code} ended this job, probably because memory ran out.{limit} {cure} "
                f"If there was enough memory, this is an error of somscape. {report}"
            )
        return f"This is an error of somscape. {report}"

    def _kill(self, run: str) -> None:
        process = self._processes.get(run)
        if process is not None and process.returncode is None:
            process.kill()


def _first_settings(run: Run, table: dict[str, Any]) -> tuple[RunSettings, str]:
    """Return two values: the settings of a first run on a table, and an error message (or "")."""
    settings = default_settings(table, replace(run.settings, before=None, roles=None))
    if run.settings.roles is None:
        return settings, ""
    try:
        return settings_of(*run.settings.roles, settings, table), ""
    except InputError as error:
        return settings, one_line(str(error))
