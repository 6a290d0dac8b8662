"""What `somscape app` starts."""

import errno
import importlib.util
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somscape.cases import state_folder
from somscape.errors import InputError
from somscape.tables import Table

MIN_MEMORY = 2 << 30
"""Bytes that a job should have, which limits how many jobs run at a time."""

SHARE = 0.8
"""Of the machine's memory, for all jobs together."""

LIBRARIES = ("starlette", "uvicorn")

UVICORN: dict[str, Any] = {
    "log_level": "critical",
    "access_log": False,  # addresses hold the token
    "server_header": False,
    "timeout_graceful_shutdown": 2,
    "ws": "none",
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
    state: Path | str | None = None,
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
    state : Path, str or None, default=None
        Folder of uploads, results and decisions, or the URL of a database that holds the watches;
        None: the user's own folder for such things.
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
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"the app needs {' and '.join(missing)}; run: pip install 'somscape[app]'")
    # Late, because only the app needs them.
    import uvicorn

    from somscape.app._protocol import Protocol
    from somscape.app._queue import Queue
    from somscape.app._routes import Site
    from somscape.app._safety import Keys, Safety
    from somscape.app._store import Store
    from somscape.app._uploads import keep_table

    try:
        # The address first: one that is taken leaves no folder behind.
        with _listening(host, port) as listener, closing(Store(state or state_folder())) as store:
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
            server = uvicorn.Server(uvicorn.Config(app, http=Protocol, **UVICORN))
            if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
                signal.signal(signal.SIGHUP, server.handle_exit)  # as uvicorn does with others
            server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # how it is ended


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # a browser that comes before the server is ready waits
    except OSError as error:
        listener.close()
        is_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        cure = (
            "Give --host an address of this machine, or leave it out for this machine alone."
            if is_host
            else "Give another --port, or leave it out for a free one."
        )
        raise InputError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}). {cure}"
        ) from error
    return listener


def _named(host: str) -> str:
    """Return the name of a host for an address: where it listens everywhere, this machine."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
