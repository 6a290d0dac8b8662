"""Run commands of tests as forks of a process that has already loaded somscape and its libraries.

A new process needs more than half a second of CPU time to start, and a fork needs milliseconds.
Tests of the start and the end of processes pass `is_fork=False`.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import somscape
import somscape.desk

TESTS = Path(__file__).resolve().parent
PACKAGE_HOME = Path(somscape.__file__).resolve().parents[1]
IN_A_PROCESS = "from somscape.desk.cli._commands import main; main(prog_name='somscape')"
SERVE = f"import sys; sys.path.insert(1, {str(TESTS)!r}); import forked; forked.serve()"
LIBRARIES = ("matplotlib.backends.backend_agg", "pyarrow.compute", "pyarrow.csv")
READ_AT_START = ("PYTHON", "LANG", "LC_", "OPENBLAS_", "OMP_")
"""Beginnings of the names of variables that Python and libraries read only at their start."""
LONGEST_MESSAGE = 1 << 17


def environment(**given: str) -> dict[str, str]:
    """Return variables with which a process in any folder imports the same package."""
    path = os.pathsep.join([str(PACKAGE_HOME), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **given}


def _at_start(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: v for name, v in variables.items() if name.startswith(READ_AT_START)}


HERE_AT_START = _at_start(environment())


def start(
    *words: Any,
    code: str = IN_A_PROCESS,
    n_files: int | None = None,
    variables: Mapping[str, str] = {},
    is_fork: bool = True,
    **streams: Any,
) -> "subprocess.Popen[Any]":
    """Start a process that runs `code` with the arguments `words`, and may open `n_files` files.

    The process is a fork on Linux, unless it needs other variables at its start.
    """
    command, env = [sys.executable, "-c", code, *map(str, words)], environment(**variables)
    if is_fork and sys.platform == "linux" and _at_start(env) == HERE_AT_START:
        return Fork(command, n_files, env=env, **streams)
    if n_files is not None:
        command = ["sh", "-c", f'ulimit -n {n_files}; exec "$0" "$@"', *command]
    return subprocess.Popen(command, env=env, **streams)


class Fork(subprocess.Popen[Any]):
    """A fork, with the interface of a process that was started.

    The class replaces private methods of `Popen`.  Types for these methods are not published, so
    the type checker ignores three lines.
    """

    def __init__(self, command: list[str], n_files: int | None, **options: Any) -> None:
        self._n_files = n_files
        self._channel, self._theirs = _channel()
        super().__init__(command, **options)

    def _execute_child(self, args: Any, *given: Any) -> None:
        env, (in_, to_in, of_out, out, of_err, err) = given[5], given[9:15]
        files = [own if file < 0 else file for own, file in enumerate((in_, out, err))]
        with self._theirs:
            socket.send_fds(_parent(), [b"."], [self._theirs.fileno(), *files])
        asked = {"words": args[2:], "env": env, "cwd": str(Path.cwd()), "n_files": self._n_files}
        self._channel.send(json.dumps(asked).encode())
        self._close_pipe_fds(in_, to_in, of_out, out, of_err, err)  # type: ignore[attr-defined]
        self.pid = int(self._channel.recv(LONGEST_MESSAGE))
        self._child_created = True

    def _try_wait(self, flags: int) -> tuple[int, int]:
        self._channel.setblocking(not flags & os.WNOHANG)
        try:
            status = int(self._channel.recv(LONGEST_MESSAGE))
        except BlockingIOError:
            return 0, 0
        self._channel.close()
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


def _channel() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@cache
def _parent() -> socket.socket:
    """Start the process that forks, and return a channel to it.  It ends with this process."""
    ours, theirs = _channel()
    with theirs:
        command = [sys.executable, "-c", SERVE]
        streams = {"stdin": theirs.fileno(), "stdout": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=environment(), **streams)
    atexit.register(process.wait)
    atexit.register(ours.close)  # before
    return ours


def serve() -> None:
    """Fork for each request.  A fork returns after its code has run, or raises its error."""
    requests = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.remove(str(TESTS))
    _load()
    gc.collect()
    gc.freeze()
    while files := socket.recv_fds(requests, 1, 4)[1]:
        if os.fork() == 0:
            requests.close()
            _fork(socket.socket(fileno=files[0]), files[1:])
            return
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _load() -> None:
    """Import the application, and the libraries that most commands import while they run."""
    for module in pkgutil.walk_packages(somscape.desk.__path__, "somscape.desk."):
        importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    from somscape.desk.app._work import load_libraries

    load_libraries()


def _fork(channel: socket.socket, files: list[int]) -> None:
    """Fork again to run the code, and send the number and the exit status of the second fork."""
    asked = json.loads(channel.recv(LONGEST_MESSAGE))
    pid = os.fork()
    if pid:
        for file in (*range(3), *files):
            os.close(file)
        channel.send(b"%d" % pid)
        channel.send(b"%d" % os.waitpid(pid, 0)[1])
        os._exit(0)
    channel.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for own, file in enumerate(files):
        os.dup2(file, own)
        os.close(file)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        old = getattr(sys, name)
        text = {"encoding": old.encoding, "errors": old.errors}
        new = os.fdopen(old.fileno(), mode, **text, closefd=False)
        new.reconfigure(line_buffering=old.line_buffering, write_through=old.write_through)
        setattr(sys, name, new)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    tempfile.tempdir = None
    if asked["n_files"] is not None:
        import resource  # Windows has none

        resource.setrlimit(resource.RLIMIT_NOFILE, (asked["n_files"],) * 2)
    code, *words = asked["words"]
    sys.argv = ["-c", *words]
    exec(code, {"__name__": "__main__"})
