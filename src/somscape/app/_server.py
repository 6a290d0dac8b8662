"""What `somscape app` starts."""

import os
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from somscape.app._front import Front
from somscape.app._listening import listening
from somscape.cases import state_folder
from somscape.tables import Table
from somscape.web import answer_requests, check_libraries

MIN_MEMORY = 2 << 30
"""Bytes that a job should have, which limits how many jobs run at a time."""

SHARE = 0.8
"""Of the machine's memory, for all jobs together."""

LIBRARIES = ("starlette", "uvicorn")
TEAM_LIBRARIES = (*LIBRARIES, "argon2")

GRACE = 2
"""Seconds in which requests may be finished when the app ends."""


@dataclass(frozen=True)
class Limits:
    """How much the app takes.

    Parameters
    ----------
    max_upload : int
        Bytes of a file.
    n_jobs : int
        Processes at a time.
    memory : int
        Bytes that each may use, where the system can hold it to that.
    """

    max_upload: int
    n_jobs: int
    memory: int

    @classmethod
    def of_machine(
        cls, max_upload: int, n_jobs: int | None = None, memory: int | None = None
    ) -> "Limits":
        """Return what is given, and the rest as the machine allows."""
        # Late, because a job's process has no use for it.
        from somscape.fit import machine_memory

        all_jobs = int(SHARE * machine_memory())
        if n_jobs is None:
            n_jobs = max(1, min(_n_cores(), all_jobs // (memory or MIN_MEMORY)))
        return cls(max_upload, n_jobs, memory or all_jobs // n_jobs)


def serve(
    state: Path | str | None = None,
    *,
    front: Front,
    limits: Limits,
    opens_browser: bool = True,
    tables: Sequence[Table] = (),
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the app until it is interrupted."""
    is_team = front.users is not None
    names, extras = (TEAM_LIBRARIES, "app,team") if is_team else (LIBRARIES, "app")
    check_libraries("the app", names, extras)
    # Late, because only the app needs them.
    from somscape.app._context import ONLY_SHOWN, Context
    from somscape.app._entrance import open_entrance
    from somscape.app._marks import Marks
    from somscape.app._queue import Queue
    from somscape.app._routes import Site
    from somscape.app._safety import Safety
    from somscape.app._store import Store
    from somscape.app._uploads import keep_table

    try:
        # The address first: one that is taken leaves no folder behind.
        with listening(front) as listener:
            entrance = open_entrance(front, listener, say)
            with closing(Store(state or state_folder())) as store:
                if store.is_read_only:
                    say(f"{store.folder} {ONLY_SHOWN}")
                for table in tables:
                    keep_table(store, table)  # read when the others are that wait
                marks = Marks(store)
                queue = Queue(store, limits.n_jobs, limits.memory, marks)
                at = Context(store, queue, marks, limits.max_upload)

                def started() -> None:
                    say(entrance.said)
                    if opens_browser and entrance.to_open:
                        # In a thread: one that runs in the terminal would keep the server waiting.
                        threading.Thread(
                            target=webbrowser.open, args=(entrance.to_open,), daemon=True
                        ).start()

                site = Site(at).app(started)
                app = Safety(site, entrance.door, entrance.origins, limits.max_upload)
                answer_requests(app, listener, grace=GRACE, tls=entrance.tls, say=say)
    except KeyboardInterrupt:
        pass  # how it is ended


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
