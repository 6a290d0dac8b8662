"""Open the socket of a server, load its TLS certificate, and run the server."""

import errno
import ipaddress
import os
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from somscape._files import read_secret, shown
from somscape.errors import InputError

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
    # Imported late, because `check_libraries` must run first.
    import uvicorn

    from somscape.desk.web._connections import Door, most_connections
    from somscape.desk.web._http import Server

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
