"""How many connections a server has open, and which one it closes for a new one."""

import asyncio
import errno
import os
import socket
import struct
import sys
import time
from array import array
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from functools import lru_cache, partial
from itertools import count
from typing import Any, Protocol

from somscape.web._addresses import is_loopback, network_of

MAX_CONNECTIONS = 1000
"""Open at a time.  Under TLS, each takes some 300 kB of memory from its first byte on."""

MAX_FILES = 8192
"""Open files that a server asks for if the system allows more."""

FREE_FILES = 64
"""Open files that are left for tables, databases and jobs; of many files, an eighth is."""

SHARE = 4
"""One address may have a fourth of the connections, as long as they have no token or session."""

QUEUE = 2048
"""Clients that may wait until they are accepted."""

FIRST = 30.0
"""Seconds in which the first byte must come."""

PAUSE = 1.0
"""Seconds in which nobody is accepted after the system could open no file."""

QUIET = 60.0
"""Seconds in which the same trouble is told of once."""

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Errors of a system that has no more files or memory for a connection."""

NO_FILES = "No more files can be opened, so clients wait. Raise the limit of open files: ulimit -n."
FULL = (
    "{} connections are open, which is the limit. For each new one, the oldest one without a valid "
    "token or session is closed."
)

NO_NEW_CLIENT = [
    (0x30, 0, 0, 13),  # Take the byte of flags of a TCP header,
    (0x54, 0, 0, 0x12),  # of them SYN and ACK.
    (0x15, 0, 1, 0x02),  # If there is SYN alone,
    (0x06, 0, 0, 0),  # drop the packet,
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep it.
]
"""A packet filter of Linux."""

ATTACH_FILTER = 26
"""Linux's SO_ATTACH_FILTER."""


class Talk(Protocol):
    """What is spoken over a connection."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""

    def abort(self) -> None:
        """End the connection at once."""


class Connection(socket.socket):
    """A connection from its acceptance to its end, so also during a TLS handshake.

    Parameters
    ----------
    door : Door
    accepted : socket.socket
        Taken over.
    network : str
        Address from which it comes; "" for this computer.

    Attributes
    ----------
    talk : Talk or None
        None before the first byte, and until a TLS handshake is done.
    """

    def __init__(self, door: "Door", accepted: socket.socket, network: str) -> None:
        family, kind, proto = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, proto, fileno=accepted.detach())
        self.setblocking(False)
        self.network = network
        self.talk: Talk | None = None
        self._door = door

    @property
    def is_ending(self) -> bool:
        """Whether the next answer is the last one."""
        return self._door.is_ending

    def let_in(self) -> None:
        """Note that a valid token or session came: others are closed before this one."""
        self._door.let_in(self)

    def close(self) -> None:
        """Close it, and let go of what is spoken over it."""
        self._door.forget(self)
        self.talk = None
        super().close()


class Door:
    """Takes connections, and closes others for them.

    If too many are open, the oldest one goes that has shown no valid token or session, of the same
    address if that has too many.  It goes from those that have sent nothing, or from those that
    have sent something, whichever are more: so neither displace a client that is about to show its
    token.  If all have shown one, the oldest one goes that is idle.  If all are busy, the new one
    goes.  A connection costs next to nothing before its first byte.

    Parameters
    ----------
    listener : socket.socket
    most : int
        Connections.
    say : callable
        Told of trouble, once a minute.

    Attributes
    ----------
    is_ending : bool
        Whether answers are the last ones of their connections.
    """

    def __init__(self, listener: socket.socket, most: int, say: Callable[[str], None]) -> None:
        self._listener, self._most, self._say = listener, most, say
        self._at_once = max(1, most // 16)  # then others get their turn
        self._told: dict[str, float] = {}
        # In the order of their age: who has sent nothing, something, a valid token or session.
        self._silent: dict[Connection, asyncio.TimerHandle] = {}
        self._begun: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}
        self._cut: set[Connection] = set()  # until the event loop closes them
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_ending = False

    def open_to(self, take: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
        """Accept connections from now on."""
        self._loop, self._take = asyncio.get_running_loop(), take
        self._listener.setblocking(False)
        self._listener.listen(QUEUE)
        self._accepting = self._loop.create_task(self._accept())

    def refuse(self) -> None:
        """Let nobody new come, but take those that wait."""
        if self._listener.family == getattr(socket, "AF_UNIX", None):
            self._listener.shutdown(socket.SHUT_RD)
        elif sys.platform == "linux":
            steps = array("B", b"".join(struct.pack("HBBI", *step) for step in NO_NEW_CLIENT))
            program = struct.pack("HP", len(NO_NEW_CLIENT), steps.buffer_info()[0])
            with suppress(OSError):  # a client may be reset
                self._listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)

    async def close(self) -> None:
        """Accept nobody any more, and let those go that have sent nothing."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listener.close()
        for each in list(self._silent):
            each.close()

    def let_in(self, connection: Connection) -> None:
        """Note that a valid token or session came over a connection."""
        if connection in self._begun:
            del self._begun[connection]
            self._known[connection] = None

    def forget(self, connection: Connection) -> None:
        """Drop a connection that closes."""
        self._hear(connection)
        self._begun.pop(connection, None)
        self._known.pop(connection, None)
        self._cut.discard(connection)

    async def _accept(self) -> None:
        for n in count(1):
            if n % self._at_once == 0:
                await asyncio.sleep(0)  # others have their turn
            while len(self._cut) >= self._at_once:
                await asyncio.sleep(0)  # they still have their files
            try:
                accepted, address = await self._loop.sock_accept(self._listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._tell(NO_FILES)
                    if self._cut_one(self._to_spare()):
                        await asyncio.sleep(0)  # until its file is free
                        continue
                await asyncio.sleep(PAUSE)
            else:
                host = address[0] if isinstance(address, tuple) else ""  # of a Unix socket
                self._admit(Connection(self, accepted, _network(host)))

    def _admit(self, new: Connection) -> None:
        if new.network:
            of_network = partial(_of_network, new.network)
            same = [list(filter(of_network, group)) for group in (self._silent, self._begun)]
            if sum(map(len, same)) >= self._most // SHARE:
                self._cut_one(max(same, key=len)[0])
        if len(self._silent) + len(self._begun) + len(self._known) >= self._most:
            self._tell(FULL.format(self._most))
            if not self._cut_one(self._to_spare()):
                new.close()
                return
        try:
            self._loop.add_reader(new.fileno(), self._hand_over, new)
        except NotImplementedError:  # on Windows
            self._hand_over(new)
        else:
            self._silent[new] = self._loop.call_later(FIRST, new.close)

    def _hand_over(self, connection: Connection) -> None:
        self._hear(connection)
        self._begun[connection] = None
        task = self._loop.create_task(self._take(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self, connection: Connection) -> None:
        """Wait no more for the first byte."""
        timer = self._silent.pop(connection, None)
        if timer is not None:
            timer.cancel()
            self._loop.remove_reader(connection.fileno())

    def _to_spare(self) -> Connection | None:
        idle = (each for each in self._known if not (each.talk and each.talk.is_busy))
        strangers: tuple[Collection[Connection], ...] = (self._silent, self._begun)
        larger: Collection[Connection] = max(strangers, key=len)
        return next(iter(larger), None) or next(idle, None)

    def _cut_one(self, connection: Connection | None) -> bool:
        if connection is None:
            return False
        if connection in self._silent:
            connection.close()
            return True
        self.forget(connection)
        self._cut.add(connection)
        if connection.talk is not None:
            connection.talk.abort()
        else:
            with suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
        return True

    def _tell(self, line: str) -> None:
        now = time.monotonic()
        if now - self._told.get(line, -QUIET) >= QUIET:
            self._told[line] = now
            with suppress(OSError):  # nobody reads it
                self._say(line)


def _of_network(network: str, connection: Connection) -> bool:
    return connection.network == network


@lru_cache
def _network(host: str) -> str:
    """Return the address by which a client counts; "" on this computer, where a proxy may be."""
    network = network_of(host)
    return "" if is_loopback(host) or is_loopback(network) else network


def most_connections() -> int:
    """Ask for all the open files that the system allows."""
    if os.name != "posix":
        return MAX_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft == resource.RLIM_INFINITY:
        soft = wanted
    elif soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return min(MAX_CONNECTIONS, max(soft // 4, soft - max(FREE_FILES, soft // 8)))
