"""What `somscape app` starts."""

import os
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from somscape.cases import state_folder
from somscape.tables import Table
from somscape.web import check_libraries, listening, server_of

MIN_MEMORY = 2 << 30
"""Bytes that a job should have, which limits how many jobs run at a time."""

SHARE = 0.8
"""Of the machine's memory, for all jobs together."""

LIBRARIES = ("starlette", "uvicorn")

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
    host: str = "127.0.0.1",
    port: int = 0,
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
    host : str, default="127.0.0.1"
        Address to listen on; any but this machine's own lets others in.
    port : int, default=0
        0: a free one.
    limits : Limits
    opens_browser : bool, default=True
        Whether the user's browser is started.
    tables : sequence of Table, default=()
        Shown from the start, as if somebody had dropped them in.
    say : callable, optional
        Told the address.

    Raises
    ------
    InputError
        Without the extra ``app``, or where the folder or the address is taken.
    """
    check_libraries("the app", LIBRARIES, "app")
    # Late, because only the app needs them.
    from somscape.app._queue import Queue
    from somscape.app._routes import Site
    from somscape.app._safety import Keys, Safety
    from somscape.app._store import Store
    from somscape.app._uploads import keep_table

    try:
        # The address first: one that is taken leaves no folder behind.
        with listening(host, port) as listener, closing(Store(state or state_folder())) as store:
            port = listener.getsockname()[1]
            for table in tables:
                keep_table(store, table)  # read when the others are that wait
            keys = Keys()
            queue = Queue(store, limits.n_jobs, limits.memory)
            site = Site(store, queue, keys.csrf, limits.max_upload)
            address = f"http://{_named(host)}:{port}/?token="

            def started() -> None:
                say(f"The app is at {address}{keys.token}")
                if opens_browser:
                    # In a thread: one that runs in the terminal would keep the server waiting.
                    threading.Thread(
                        target=webbrowser.open, args=(address + keys.once,), daemon=True
                    ).start()

            app = Safety(site.app(started), keys, host, port, limits.max_upload)
            server_of(app, GRACE).run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # how it is ended


def _named(host: str) -> str:
    """Return the name of a host for an address: where it listens everywhere, this machine."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
