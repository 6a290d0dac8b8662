"""Checks of connections and requests: addresses, names of hosts, sizes, and open connections."""

import asyncio
import errno
import hmac
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
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Send


def is_address(host: str) -> bool:
    """Return whether a host is a number, which no name server turns elsewhere."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine and no other can reach it."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def network_of(host: str) -> str:
    """Return what an address counts as, if somebody may have many of them."""
    host = host.partition("%")[0]  # the interface
    if not is_address(host):
        return ""
    number = ipaddress.ip_address(host)
    number = getattr(number, "ipv4_mapped", None) or number
    if number.version == 6:
        number = ipaddress.ip_network((number, 64), strict=False).network_address
    return str(number)


MAX_CONNECTIONS = 1000
"""Open at a time.  Under TLS, each takes some 300 kB of memory from its first byte on."""

MANY_FILES = 10_240
"""Open files that a server asks for if the system sets no limit.  macOS allows no more."""

FREE_FILES = 64
"""Open files that are left for tables, databases and jobs; of many files, an eighth is."""

SHARE = 4
"""If too many connections are open, those of an address that has a fourth of them, all without a
token or session, are closed first."""

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

NO_FILES = "No more files can be opened, so clients wait. Raise their hard limit: ulimit -Hn."
FULL = (
    "{} connections are open, which is the limit. For each new one, a connection without a "
    "valid token or session is closed."
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

    If too many are open, the oldest connection without a valid token or session goes.  It is of the
    address that has a fourth of all connections, if there is one.  It is one that has sent nothing,
    or one that has sent something, whichever kind is more frequent.  So neither kind displaces a
    client that is about to show its token.  If all have shown one, the oldest idle connection goes.
    If all are busy, the new one goes.  A connection costs next to nothing before its first byte.

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
        self._strangers: Counter[str] = Counter()  # connections without a token, by network
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
            self._strangers[connection.network] -= 1
            self._known[connection] = None

    def forget(self, connection: Connection) -> None:
        """Drop a connection that closes."""
        if connection in self._silent or connection in self._begun:
            self._strangers[connection.network] -= 1
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
        """Return the connection to close for a new one, or None if all are busy."""
        self._strangers = +self._strangers  # without networks that have gone
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
            with suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
        return True

    def _tell(self, line: str) -> None:
        now = time.monotonic()
        if now - self._told.get(line, -QUIET) >= QUIET:
            self._told[line] = now
            with suppress(OSError):  # nobody reads it
                self._say(line)


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
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return min(MAX_CONNECTIONS, max(soft // 4, soft - max(FREE_FILES, soft // 8)))


class Refusal(HTTPException):
    """A request that is answered with a status and one line, which quotes no cell."""


def are_same(a: str, b: str) -> bool:
    """Return whether two secrets are the same, in a time that tells nothing."""
    return hmac.compare_digest(*(text.encode("utf-8", "surrogatepass") for text in (a, b)))


def limited(scope: Message, receive: Receive, limit: int, too_large: Refusal) -> Receive:
    """Return `receive` that refuses a body beyond the limit, announced or not."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if not (announced.isdigit() and int(announced) <= limit):
        raise too_large
    n_bytes = 0

    async def receive_some() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > limit:
            raise too_large
        return message

    return receive_some


CONNECTION = "somscape.connection"
"""Where the state of a request has its connection."""

CLOSE = (b"connection", b"close")
"""Header of the last answer of a connection."""

MAX_LEFT = 64 << 10
"""Bytes of a body that is read before it is refused."""

PATIENCE = 1.0
"""Seconds that it may take."""

REFUSED = 400
"""Status from which an answer is a refusal."""


class Lingering:
    """How a request is read and answered.

    Parameters
    ----------
    scope : mapping
    receive, send : callable
        Of ASGI.

    Attributes
    ----------
    status : int
        Of the answer; 0 until it begins.
    """

    status = 0

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        self._has_more = announced.isdigit() and 0 < int(announced) <= MAX_LEFT
        self._connection = scope.get("state", {}).get(CONNECTION)
        self._receive = receive
        self._send = send

    def let_in(self) -> None:
        """Note that a valid token or session came: the connection is closed after others."""
        if self._connection is not None:
            self._connection.let_in()

    async def receive(self) -> Message:
        """Return what comes next."""
        message = await self._receive()
        self._has_more = self._has_more and bool(message.get("more_body"))
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; before a refusal, read what is left of a short body."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= REFUSED:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        while self._has_more:
                            await self.receive()
            # If the server ends, the client would ask again and find nobody.
            if self._connection is not None and self._connection.is_ending:
                message["headers"] = [*message.get("headers", ()), CLOSE]
        await self._send(message)


PORTS = {"http": 80, "https": 443}
"""Those that an address leaves out."""


@dataclass(frozen=True)
class Origins:
    """What browsers may have before the path of an address.

    Attributes
    ----------
    scheme : "http" or "https"
    port : int
    names : frozenset of str
        Names and numbers in lower case; ``*.bank.example`` is any one name before that.
    has_loopback : bool, default=False
        Whether all numbers of the loopback are ours, too.
    """

    scheme: str
    port: int
    names: frozenset[str]
    has_loopback: bool = False

    @classmethod
    def of_loopback(cls, host: str, port: int) -> "Origins":
        """Return those of a server that only this machine reaches."""
        return cls("http", port, frozenset({"localhost", host.lower()}), has_loopback=True)

    def has(self, host: str) -> bool:
        """Return whether a ``Host`` is ours: other names may be made to lead here."""
        name, port = self._parts(host)
        return port == str(self.port) and (
            name in self.names
            or f"*.{name.partition('.')[2]}" in self.names
            or (self.has_loopback and is_address(name) and is_loopback(name))
        )

    def origin(self, host: str) -> str:
        """Return the ``Origin`` of our pages for a request's ``Host``."""
        given = host.removesuffix(f":{PORTS[self.scheme]}")
        return f"{self.scheme}://{given}".lower()

    @property
    def cookie(self) -> str:
        """The cookie's name, as cookies are not kept apart by port."""
        return f"{'__Host-' if self.is_secure else ''}somscape-{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS."""
        return self.scheme == "https"

    def _parts(self, host: str) -> tuple[str, str]:
        name, _, port = host.rpartition(":")
        if not name or host.endswith("]"):
            name, port = host, str(PORTS[self.scheme])
        name = name.removeprefix("[").removesuffix("]").lower()
        return (str(ipaddress.ip_address(name)) if is_address(name) else name), port
