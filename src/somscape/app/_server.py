"""What `somscape app` starts."""

import importlib.util
import os
import signal
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somscape.app._front import Front
from somscape.app._listening import listening
from somscape.cases import state_folder
from somscape.errors import InputError
from somscape.tables import Table

MIN_MEMORY = 2 << 30
"""Bytes that a job should have, which limits how many jobs run at a time."""

SHARE = 0.8
"""Of the machine's memory, for all jobs together."""

LIBRARIES = {"starlette": "app", "uvicorn": "app", "argon2": "team"}
"""What the app needs, and the extra that brings it."""

UVICORN: dict[str, Any] = {
    "log_level": "critical",
    "access_log": False,  # addresses hold the token
    "server_header": False,
    "timeout_graceful_shutdown": 2,
    "ws": "none",
    "proxy_headers": False,  # or anybody on this machine could say to come from elsewhere
}


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
        """Return what is given, and the rest as the machine allows.

        Parameters
        ----------
        max_upload : int
        n_jobs, memory : int or None, default=None
            None: a job per core, as long as each gets 2 GiB; all get 80 % of the machine's memory.

        Returns
        -------
        Limits
        """
        # Late, because a job's process has no use for it.
        from somscape.fit import machine_memory

        all_jobs = int(SHARE * machine_memory())
        if n_jobs is None:
            n_jobs = max(1, min(_n_cores(), all_jobs // (memory or MIN_MEMORY)))
        return cls(max_upload, n_jobs, memory or all_jobs // n_jobs)


def serve(
    state: Path | None = None,
    *,
    front: Front,
    limits: Limits,
    opens_browser: bool = True,
    tables: Sequence[Table] = (),
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the app until it is interrupted.

    Parameters
    ----------
    state : Path or None, default=None
        Folder of uploads, results and decisions; None: the user's own for such things.
    front : Front
        Where it listens, and who may come.
    limits : Limits
    opens_browser : bool, default=True
        Whether the user's browser is started; not for a team.
    tables : sequence of Table, default=()
        Shown from the start, as if somebody had dropped them in.
    say : callable, optional
        Told the address.

    Raises
    ------
    InputError
        Without the extra ``app``, or ``team`` for users; where the folder, the address, the users
        or the certificate cannot be used.
    """
    _check_libraries(is_team=front.users is not None)
    # Late, because only the app needs them.
    import uvicorn

    from somscape.app._entrance import open_entrance
    from somscape.app._protocol import Protocol
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
                for table in tables:
                    keep_table(store, table)  # read when the others are that wait
                queue = Queue(store, limits.n_jobs, limits.memory)

                def started() -> None:
                    say(entrance.said)
                    if opens_browser and entrance.to_open:
                        # In a thread: one that runs in the terminal would keep the server waiting.
                        threading.Thread(
                            target=webbrowser.open, args=(entrance.to_open,), daemon=True
                        ).start()

                site = Site(store, queue, limits.max_upload).app(started)
                app = Safety(site, entrance.door, entrance.origins, limits.max_upload)
                config = uvicorn.Config(app, http=Protocol, **UVICORN)
                config.load()
                config.ssl = entrance.tls
                server = uvicorn.Server(config)
                if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
                    signal.signal(signal.SIGHUP, server.handle_exit)  # as uvicorn does with others
                server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # how it is ended


def _check_libraries(*, is_team: bool) -> None:
    missing = [
        name
        for name, extra in LIBRARIES.items()
        if (is_team or extra == "app") and importlib.util.find_spec(name) is None
    ]
    if missing:
        extras = "app,team" if is_team else "app"
        raise InputError(
            f"the app needs {' and '.join(missing)}; run: pip install 'somscape[{extras}]'"
        )


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
