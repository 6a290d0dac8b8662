"""Checks of addresses, and a limit on open connections."""

import asyncio
import errno
import ipaddress
import os
import socket
import struct
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from functools import lru_cache
from itertools import chain, count
from typing import Any, Protocol


def is_address(host: str) -> bool:
    """Return whether the name of a host is an IP address. Such a host needs no name server."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address belongs to the loopback of this machine."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def network_of(host: str) -> str:
    """Return the network to which an IP address belongs, or "" for another text."""
    host = host.partition("%")[0]  # without the interface
    if not is_address(host):
        return ""
    number = ipaddress.ip_address(host)
    number = getattr(number, "ipv4_mapped", None) or number
    if number.version == 6:
        number = ipaddress.ip_network((number, 64), strict=False).network_address
    return str(number)


MAX_CONNECTIONS = 1000
"""Maximum number of open connections. With TLS, each connection needs about 300 kB of memory."""

MANY_FILES = 10_240
"""Limit on open files that is used if the system does not set one. macOS allows at most this."""

FREE_FILES = 64
"""Minimum number of open files that are kept free for tables, databases and jobs. If an eighth of
the limit on open files is more, that number is kept free."""

SHARE = 4
"""Divisor of the limit on connections. The quotient limits the connections of one network without a
token or session. If a network reaches it, the oldest of these connections is closed first."""

QUEUE = 2048
"""Maximum number of clients whose connections wait to be accepted."""

FIRST = 30.0
"""Seconds within which a client must send the first byte on a new connection."""

PAUSE = 1.0
"""Seconds in which no connection is accepted after the system ran out of files."""

QUIET = 60.0
"""Minimum number of seconds between two messages about the same problem."""

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Error numbers that report that the system is out of files or memory for a connection."""

NO_FILES = "Too many files are open, so clients wait. Raise the hard limit with ulimit -Hn."
FULL = (
    "{} connections are open, which is the limit. For each new connection, a connection without "
    "a valid token or session is closed."
)

NO_NEW_CLIENT = [
    (0x30, 0, 0, 13),  # Load the byte of flags of a TCP header,
    (0x54, 0, 0, 0x12),  # keep the bits SYN and ACK.
    (0x15, 0, 1, 0x02),  # If only SYN is set,
    (0x06, 0, 0, 0),  # drop the packet,
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep it.
]
"""Packet filter for Linux that drops the packets with which new clients try to connect."""

ATTACH_FILTER = 26
"""Linux's SO_ATTACH_FILTER."""


class Talk(Protocol):
    """Interface of the protocol on a connection."""

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""

    def abort(self) -> None:
        """End the connection immediately."""


class Connection(socket.socket):
    """A client's connection, from the time it is accepted until it is closed.

    Parameters
    ----------
    door : Door
    accepted : socket.socket
        Accepted socket.  This connection takes over its file descriptor.
    network : str
        Network of the client; "" for this computer.

    Attributes
    ----------
    talk : Talk or None
        Protocol object of the connection; None before the first byte and during a TLS handshake.
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
        """Whether the connection is closed after the next response."""
        return self._door.is_ending

    def let_in(self) -> None:
        """Note a valid token or session. Other connections are then closed first."""
        self._door.let_in(self)

    def close(self) -> None:
        """Close the connection and end its protocol."""
        self._door.forget(self)
        self.talk = None
        super().close()


class Door:
    """Acceptor of connections.  If too many connections are open, it closes an old connection.

    If too many connections are open, the oldest connection without a valid token or session is
    closed.  A network with a quarter of the allowed connections loses its oldest connection first.
    Connections with and without received bytes form two groups.  The larger group loses a
    connection first, so that clients in the smaller group have time to send a token.  If all
    clients have sent a token, the oldest connection without a request in progress is closed.  If
    each connection has a request in progress, the new connection is closed.

    Parameters
    ----------
    listener : socket.socket
    most : int
        Largest number of open connections.
    say : callable
        Function that receives messages on problems.  The same message is sent at most once a
        minute.

    Attributes
    ----------
    is_ending : bool
        Whether the server is shutting down.  Then each connection is closed after its next
        response.
    """

    def __init__(self, listener: socket.socket, most: int, say: Callable[[str], None]) -> None:
        self._listener, self._most, self._say = listener, most, say
        self._burst = max(1, most // 16)  # then other tasks run
        self._last_reports: dict[str, float] = {}
        # Connections by age: without any byte, with some bytes, with a valid token or session.
        self._silent: dict[Connection, asyncio.TimerHandle] = {}
        self._begun: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}
        self._strangers: Counter[str] = Counter()  # connections without a token, by network
        self._cut: set[Connection] = set()  # until the event loop closes them
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_ending = False

    def open_to(self, take: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
        """Start to accept connections."""
        self._loop, self._take = asyncio.get_running_loop(), take
        self._listener.setblocking(False)
        self._listener.listen(QUEUE)
        self._accepting = self._loop.create_task(self._accept())

    def refuse(self) -> None:
        """Refuse new clients, but accept waiting clients."""
        if self._listener.family == getattr(socket, "AF_UNIX", None):
            self._listener.shutdown(socket.SHUT_RD)
        elif sys.platform == "linux":
            steps = array("B", b"".join(struct.pack("HBBI", *step) for step in NO_NEW_CLIENT))
            program = struct.pack("HP", len(NO_NEW_CLIENT), steps.buffer_info()[0])
            with suppress(OSError):  # a client may be reset
                self._listener.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)

    async def close(self) -> None:
        """Stop accepting connections, and close those connections on which no byte was received."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listener.close()
        for each in list(self._silent):
            each.close()

    def let_in(self, connection: Connection) -> None:
        """Note that a request on a connection had a valid token or session."""
        if connection in self._begun:
            del self._begun[connection]
            self._strangers[connection.network] -= 1
            self._known[connection] = None

    def forget(self, connection: Connection) -> None:
        """Remove a closing connection."""
        if connection in self._silent or connection in self._begun:
            self._strangers[connection.network] -= 1
        self._stop_waiting(connection)
        self._begun.pop(connection, None)
        self._known.pop(connection, None)
        self._cut.discard(connection)

    async def _accept(self) -> None:
        for n in count(1):
            if n % self._burst == 0:
                await asyncio.sleep(0)  # let other tasks run
            while len(self._cut) >= self._burst:
                await asyncio.sleep(0)  # their files are still open
            try:
                accepted, address = await self._loop.sock_accept(self._listener)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._tell(NO_FILES)
                    if self._cut_one(self._to_spare()):
                        await asyncio.sleep(0)  # wait until its file is free
                        continue
                await asyncio.sleep(PAUSE)
            else:
                host = address[0] if isinstance(address, tuple) else ""  # of a Unix socket
                self._admit(Connection(self, accepted, _network(host)))

    def _admit(self, new: Connection) -> None:
        if len(self._silent) + len(self._begun) + len(self._known) >= self._most:
            self._tell(FULL.format(self._most))
            if not self._cut_one(self._to_spare()):
                new.close()
                return
        self._strangers[new.network] += 1
        try:
            self._loop.add_reader(new.fileno(), self._hand_over, new)
        except NotImplementedError:  # on Windows
            self._hand_over(new)
        else:
            self._silent[new] = self._loop.call_later(FIRST, new.close)

    def _hand_over(self, connection: Connection) -> None:
        self._stop_waiting(connection)
        self._begun[connection] = None
        task = self._loop.create_task(self._take(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop_waiting(self, connection: Connection) -> None:
        """No longer wait for the first byte on a connection."""
        timer = self._silent.pop(connection, None)
        if timer is not None:
            timer.cancel()
            self._loop.remove_reader(connection.fileno())

    def _to_spare(self) -> Connection | None:
        """Return an open connection to close for a new one. If all are busy, return None."""
        self._strangers = +self._strangers  # removes networks with a count of 0
        crowd = max(filter(None, self._strangers), key=self._strangers.__getitem__, default="")
        is_crowd = self._strangers[crowd] >= self._most // SHARE and crowd != ""
        groups: tuple[Collection[Connection], ...] = self._silent, self._begun
        larger_first = chain(*sorted(groups, key=len, reverse=True))
        strangers = (each for each in larger_first if not is_crowd or each.network == crowd)
        idle = (each for each in self._known if not (each.talk and each.talk.is_busy))
        return next(strangers, None) or next(idle, None)

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
            with suppress(OSError):  # already closed
                connection.shutdown(socket.SHUT_RDWR)
        return True

    def _tell(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last_reports.get(line, -QUIET) >= QUIET:
            self._last_reports[line] = now
            with suppress(OSError):  # the output is closed
                self._say(line)


@lru_cache
def _network(host: str) -> str:
    """Return the network of a client, or "" for this computer, where a proxy may run."""
    network = network_of(host)
    return "" if is_loopback(host) or is_loopback(network) else network


def most_connections() -> int:
    """Raise the limit on open files. Return the largest allowed number of connections."""
    if os.name != "posix":
        return MAX_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return min(MAX_CONNECTIONS, max(soft // 4, soft - max(FREE_FILES, soft // 8)))


CONNECTION = "somscape.connection"
"""Key in the state of an ASGI request under which its connection is stored."""
