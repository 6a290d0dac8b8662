"""Processes of jobs: forked from one that has loaded what jobs need, where that can be done.

Loading takes most of the time of a job on a small table.  The process that forks starts with the
first job and ends with the server; it sees no data.
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import IO

from somscape.app._work import load, work
from somscape.tables import import_reader

FORKS = sys.platform == "linux"
"""Elsewhere there are no forks, or libraries of the system fail in them."""

PYTHON = (sys.executable, "-P", "-X", "faulthandler", "-c")
"""Python does not look for modules in the working folder (-P), and logs where it was ended."""

COMMAND = (*PYTHON, "from somscape.app import work; work()")
FORKING = (*PYTHON, "from somscape.app import fork_jobs; fork_jobs()")

LONGEST_LINE = 64 << 20
"""Bytes that a job says at once: what it found in the columns."""

LONGEST_MESSAGE = 1 << 16
"""Bytes that the server and the process that forks say at once; the longest is a job's folder."""

KILLED = -9
"""How a job is said to have ended that was killed, or of which nobody can say how."""

LONGEST_START = 30.0
"""Seconds to wait for a fork; the process that forks loads what jobs need meanwhile."""

End = asyncio.Future[int | None]
"""How a process ended; None where nobody can say."""


class Processes:
    """Starts processes of jobs.  All of it lives in the server's one event loop."""

    def __init__(self) -> None:
        self._parent: _Parent | None = None
        self._one_at_a_time = asyncio.Lock()
        self._is_closed = False

    async def start(self, folder: Path, log: IO[bytes]) -> "Process | ForkedJob":
        """Start a process that takes the request of a job on standard input."""
        if FORKS:
            with suppress(OSError):  # that it has no memory, a job started anew says better
                return await self._fork(folder, log)
        if self._is_closed:
            raise ConnectionAbortedError("the app is being ended")
        return await asyncio.create_subprocess_exec(
            *COMMAND, stdin=PIPE, stdout=PIPE, stderr=log, cwd=folder, limit=LONGEST_LINE
        )

    async def _fork(self, folder: Path, log: IO[bytes]) -> "ForkedJob":
        async with self._one_at_a_time:
            if self._is_closed:
                raise ConnectionAbortedError
            if self._parent is None or self._parent.is_gone:
                self._parent = await _Parent.start()
            return await self._parent.fork(folder, log)

    async def close(self) -> None:
        """End the process that forks, and start no more; jobs go on."""
        self._is_closed = True
        if self._parent is not None:
            self._parent.give_up()  # so that nobody waits for a fork
        async with self._one_at_a_time:
            if self._parent is not None:
                await self._parent.close()


class ForkedJob:
    """A job's process that another one forked, to be used as one that asyncio started."""

    def __init__(
        self, pid: int, end: End, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> None:
        self.pid = pid
        self.stdout, self.stdin = streams
        self._end = end
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        """How it ended, as of any process; None while it runs, or may run."""
        return self._end.result() if self._code is None and self._end.done() else self._code

    def kill(self) -> None:
        """End it, whatever it does."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def wait(self) -> int:
        """Return how it ended, once it has; to be asked when it says no more."""
        code = await asyncio.shield(self._end)
        self.stdin.close()
        self._code = KILLED if code is None else code
        return self._code


class _Parent:
    """The process that forks, as the server sees it."""

    def __init__(self, process: Process, channel: socket.socket) -> None:
        self.is_gone = False
        self._process = process
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._forked: asyncio.Future[tuple[int, End]] = self._loop.create_future()
        self._ends: dict[int, End] = {}
        self._loop.add_reader(channel, self._hear)

    @classmethod
    async def start(cls) -> "_Parent":
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.setblocking(False)
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *FORKING, stdin=theirs.fileno(), stdout=DEVNULL, stderr=DEVNULL
                )
            except BaseException:
                channel.close()
                raise
        return cls(process, channel)

    async def fork(self, folder: Path, log: IO[bytes]) -> ForkedJob:
        self._forked = self._loop.create_future()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                files = [theirs.fileno(), log.fileno()]
                socket.send_fds(self._channel, [os.fsencode(folder)], files)
            async with asyncio.timeout(LONGEST_START):
                pid, end = await self._forked
            streams = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        except BaseException:
            ours.close()
            self._forked.cancel()
            self.give_up()  # or its answer would be taken for the next one's
            raise
        return ForkedJob(pid, end, streams)

    async def close(self) -> None:
        self.give_up()
        await self._process.wait()

    def _hear(self) -> None:
        try:
            said = self._channel.recv(LONGEST_MESSAGE)
        except ConnectionError:
            said = b""
        match [*map(int, said.split())]:
            case [pid] if not self._forked.done():
                self._ends[pid] = self._loop.create_future()
                self._forked.set_result((pid, self._ends[pid]))
            case [pid, code] if pid in self._ends:
                self._ends.pop(pid).set_result(code)
            case _:
                self.give_up()

    def give_up(self) -> None:
        """End it, and leave nobody waiting for what it will not say."""
        if self.is_gone:
            return
        self.is_gone = True
        self._loop.remove_reader(self._channel)
        self._channel.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        if not self._forked.done():
            self._forked.set_exception(ConnectionResetError())
        for end in self._ends.values():
            end.set_result(None)


def fork_jobs() -> None:
    """Fork for each request on standard input; each fork does one job."""
    channel = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends its jobs
    while True:
        folder, files, _, _ = socket.recv_fds(channel, LONGEST_MESSAGE, 2)
        if not folder:
            return
        # As a fork needs it; and so one that ends at once is said to have begun before.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        pid = os.fork()
        if pid == 0:
            channel.close()
            for file, number in zip((files[0], *files), (0, 1, 2), strict=True):
                os.dup2(file, number)
        for file in files:
            os.close(file)
        if pid == 0:
            os.chdir(folder)
            work()
            os._exit(0)  # Python would first take apart all that was loaded, for half a second
        channel.send(b"%d" % pid)
        signal.signal(signal.SIGCHLD, lambda *_: _say_ended(channel))
        _say_ended(channel)
        with suppress(Exception):  # a job says itself what it lacks
            import_reader(".parquet")
            load()


def _say_ended(channel: socket.socket) -> None:
    with suppress(ChildProcessError):  # there are no more
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            channel.send(b"%d %d" % (found[0], os.waitstatus_to_exitcode(found[1])))
