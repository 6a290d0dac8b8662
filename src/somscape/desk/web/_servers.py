"""The server, uvicorn with a guard against clients that send nothing, its socket and its TLS."""

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from somscape._files import read_secret, shown
from somscape.errors import InputError

PATIENCE = 5.0
"""Seconds within which a new client must send the header of its first request."""

PERIOD, MIN_BYTES = 30.0, 16 << 10
"""Length of a period in seconds, and minimum number of request bytes to arrive in a period."""

DRAIN = 1.0
"""Maximum number of seconds in which connections can send one more request after SIGTERM."""

MAX_CONNECTIONS = 1000
"""Maximum number of open connections. With TLS, each connection needs about 300 kB of memory."""

BACKLOG = 256
"""Maximum number of clients whose connections wait to be accepted, and are accepted together."""

FREE_FILES = 64
"""Number of open files that are kept free for tables, databases and jobs."""


class GuardedProtocol(H11Protocol):
    """HTTP protocol of uvicorn that closes connections on which requests arrive too slowly.

    While too many connections are open, a new client takes the place of the client that has waited
    the longest without a complete header.  So idle connections cannot keep out other clients.

    Parameters
    ----------
    strangers : dict
        The server's connections without a complete header of a request, from old to new.
    most : int
        Largest number of open connections.
    **settings
        Settings of uvicorn.
    """

    _timer: asyncio.TimerHandle | None = None
    _n_bytes = 0

    def __init__(
        self, strangers: "dict[GuardedProtocol, None]", most: int, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._strangers, self._most = strangers, most

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request, and make room for this connection."""
        super().connection_made(transport)
        self._strangers[self] = None
        self._timer = self.loop.call_later(PATIENCE, transport.abort)
        if len(self.connections) > self._most:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Count the received bytes of a request until the request is complete."""
        self._n_bytes += len(data)
        super().data_received(data)
        if self.cycle is None:
            return
        if self in self._strangers:
            del self._strangers[self]
            self._stop()
        if self.cycle.more_body or self.cycle.response_complete:
            if self._timer is None:
                self._start()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting for a request."""
        self._strangers.pop(self, None)
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


UVICORN: dict[str, Any] = {
    "log_level": "critical",
    "access_log": False,  # addresses may contain a key
    "server_header": False,
    "ws": "none",
    "backlog": BACKLOG,
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


class DrainingServer(uvicorn.Server):
    """Server that answers requests on their way before it ends.

    uvicorn alone closes a connection without a request at once, although a request may be on its
    way there.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no connection any more, and close each connection after its next response."""
        self.server_state.default_headers = [
            *self.server_state.default_headers,
            (b"connection", b"close"),
        ]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN
        while self.server_state.connections and loop.time() < end and not self.force_exit:
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def answer_requests(
    app: Any, listener: socket.socket, *, grace: int, tls: ssl.SSLContext | None = None
) -> None:
    """Answer requests until Ctrl-C, SIGTERM or SIGHUP. Requests in progress can finish."""
    server = guarded_server(app, grace, tls)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, server.handle_exit)  # as uvicorn does for other signals
    asyncio.run(server.serve([listener]))


def guarded_server(app: Any, grace: int, tls: ssl.SSLContext | None) -> uvicorn.Server:
    """Return a server that closes slow connections, and may have many connections."""
    guarded: Any = partial(GuardedProtocol, {}, most_connections())
    config = uvicorn.Config(app, http=guarded, timeout_graceful_shutdown=grace, **UVICORN)
    config.load()
    config.ssl = tls
    return DrainingServer(config)


def most_connections() -> int:
    """Raise the limit on open files. Return the largest allowed number of connections."""
    if os.name != "posix":
        return MAX_CONNECTIONS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + BACKLOG + FREE_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files // 4, files - BACKLOG - FREE_FILES)


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
