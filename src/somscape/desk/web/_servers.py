"""HTTP server of uvicorn with a time limit for receiving a request, its socket and its TLS."""

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import ssl
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from somscape._files import read_secret, shown
from somscape.desk.web._connections import CONNECTION, Connection, Door, most_connections
from somscape.errors import InputError

PERIOD, MIN_BYTES = 30.0, 16 << 10
"""Length of a period in seconds, and minimum number of request bytes to arrive in a period."""

DRAIN = 2.0
"""Seconds for accepting new clients after SIGTERM."""

SETTLE = 0.5
"""Additional seconds in which clients are accepted that have connected during `DRAIN`."""


class Protocol(H11Protocol):
    """HTTP protocol that closes the connection if a request arrives too slowly.

    The time limit does not apply while the client waits for a response, or while the server does
    not read from the connection.

    Parameters
    ----------
    connection : Connection
    **settings
        Settings of uvicorn.
    """

    _timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def __init__(self, connection: Connection, **settings: Any) -> None:
        super().__init__(**settings)
        self._connection = connection
        self.app_state = {**self.app_state, CONNECTION: connection}

    @property
    def is_busy(self) -> bool:
        """Whether a request is in progress."""
        return self.cycle is not None and not self.cycle.response_complete

    def abort(self) -> None:
        """End the connection immediately."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._connection.talk = self
        self._start()

    def data_received(self, data: bytes) -> None:
        """Count the received bytes of a request until the request is complete."""
        self._n_bytes += len(data)
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete:
            if self._timer is None:
                self._start()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting for a request."""
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._n_bytes = 0
        self._timer = self.loop.call_later(PERIOD, self._check)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        if self._n_bytes >= MIN_BYTES or self.flow.read_paused:
            self._start()
        else:
            self.transport.abort()


class Server(uvicorn.Server):
    """A uvicorn server that accepts its connections through a `Door`.

    Parameters
    ----------
    config : uvicorn.Config
    door : Door
    tls : SSLContext or None
    """

    def __init__(self, config: uvicorn.Config, door: Door, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._door, self._tls = door, tls

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer requests until Ctrl-C, SIGTERM or SIGHUP. Then finish those in progress."""
        asyncio.run(self.serve())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then accept connections."""
        await super().startup(sockets=[])
        self._door.open_to(self._take)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting connections, and wait until the requests in progress have finished."""
        await self._door.close()
        await super().shutdown(sockets=[])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the server. After SIGTERM, clients have `DRAIN` seconds for one last request."""
        if sig != signal.SIGTERM or self._door.is_ending:
            super().handle_exit(sig, frame)
            return
        self._door.is_ending = True
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, DRAIN, self._door.refuse)
        loop.call_soon_threadsafe(loop.call_later, DRAIN + SETTLE, super().handle_exit, sig, frame)

    async def _take(self, connection: Connection) -> None:
        protocol = partial(
            Protocol,
            connection,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(protocol, connection, ssl=self._tls)
        except OSError as error:  # the TLS handshake failed
            traceback.clear_frames(error.__traceback__)  # otherwise 300 kB stay in use for a while


UVICORN: dict[str, Any] = {
    "log_level": "critical",
    "access_log": False,  # addresses may contain a key
    "server_header": False,
    "ws": "none",
    "proxy_headers": False,  # otherwise any local program could fake its address
}


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Clients can connect, but wait for the server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the explicit protocol TCP, asyncio sends small pieces immediately.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # on Windows, this would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # clients wait until the server is ready
    except OSError as error:
        listener.close()
        parameter, cure = "port", "Give another --port, or --port 0 for a free port."
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            parameter = "host"
            cure = "Give --host an address of this computer, or leave --host out."
        raise InputError(
            f"The server cannot listen on {host}, port {port} ({error.strerror or error}). {cure}",
            parameter=parameter,
            value=host if parameter == "host" else port,
        ) from error
    return listener


def answer_requests(
    app: Any,
    listener: socket.socket,
    *,
    grace: int,
    tls: ssl.SSLContext | None = None,
    say: Callable[[str], None],
) -> None:
    """Answer requests until Ctrl-C, SIGTERM or SIGHUP. Requests in progress can finish."""
    config = uvicorn.Config(app, timeout_graceful_shutdown=grace, **UVICORN)
    server = Server(config, Door(listener, most_connections(), say), tls)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, server.handle_exit)  # as uvicorn does for other signals
    server.run()


def server_context(
    certificate: Path, key: Path, *, may_be_readable: bool = False
) -> ssl.SSLContext:
    """Return the TLS settings of a server, which allow TLS 1.2 and 1.3."""
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            if path is key:
                read_secret(key, "`tls_key`", may_be_readable=may_be_readable)
            else:
                path.open("rb").close()
        except OSError as error:
            raise InputError(
                f"`{name}` {shown(path)} cannot be read ({error.strerror}). Give a file in PEM "
                "format.",
                file=path,
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except InputError as error:
        raise InputError(
            f"`tls_key` {shown(key)} needs a passphrase, which cannot be typed when the server "
            "restarts. Give a key without a passphrase in a file that only you can read.",
            file=key,
        ) from error
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InputError(
            f"`tls_cert` {shown(certificate)} and `tls_key` {shown(key)} cannot be used "
            f"({_reason(error)}). Give a certificate in PEM format and its key.",
            file=certificate,
        ) from error
    return context


def names_of(context: ssl.SSLContext, certificate: Path) -> frozenset[str]:
    """Return the host names and IP addresses that a certificate contains, in lower case."""
    try:
        found = _handshake(context, certificate)
    except ssl.SSLError as error:
        raise InputError(
            f"`tls_cert` {shown(certificate)} is refused by browsers ({_reason(error)}). Give a "
            "new certificate.",
            file=certificate,
        ) from error
    names = set()
    for kind, name in found.get("subjectAltName", ()):
        if kind == "DNS":
            names.add(str(name).lower())
        elif kind == "IP Address":
            names.add(str(ipaddress.ip_address(str(name).strip())))
    if not names:
        raise InputError(
            f"`tls_cert` {shown(certificate)} does not contain a host name (subjectAltName), so "
            "browsers refuse it. Give a certificate for the host name of this computer.",
            file=certificate,
        )
    return frozenset(names)


def _handshake(server: ssl.SSLContext, certificate: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the server's certificate as a client receives it in a test handshake."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # trust the certificate without its issuer
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(10):  # two round trips are enough
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0].getpeercert() or {}  # type: ignore[return-value]


def _no_passphrase() -> NoReturn:
    raise InputError("a passphrase")


def _reason(error: Exception) -> str:
    said = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
    return said.replace("_", " ").lower()
