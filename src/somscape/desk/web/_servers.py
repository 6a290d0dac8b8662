"""Where a server listens, its certificate, and how uvicorn runs it."""

import errno
import importlib.util
import ipaddress
import os
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from somscape._files import read_secret, shown
from somscape.errors import InputError

UVICORN: dict[str, Any] = {
    "log_level": "critical",
    "access_log": False,  # addresses may hold a key
    "server_header": False,
    "ws": "none",
    "proxy_headers": False,  # or anybody on this machine could say to come from elsewhere
}


def check_libraries(what: str, names: Sequence[str], extra: str) -> None:
    """Raise InputError without the libraries of an extra."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"{what} needs {' and '.join(missing)}; run: pip install 'somscape[{extra}]'"
        )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket on which clients wait from now on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its name: asyncio sends small pieces at once only where it reads TCP there.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # a client that comes before the server is ready waits
    except OSError as error:
        listener.close()
        cure = "Give another --port, or --port 0 for a free one."
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            cure = "Give --host an address of this machine, or leave it out for this machine alone."
        raise InputError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}). {cure}"
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
    """Answer requests until Ctrl-C, SIGTERM or SIGHUP, and finish those that came."""
    # Late, because `check_libraries` comes first.
    import uvicorn

    from somscape.desk.web._connections import Door, most_connections
    from somscape.desk.web._http import Server

    config = uvicorn.Config(app, timeout_graceful_shutdown=grace, **UVICORN)
    server = Server(config, Door(listener, most_connections(), say), tls)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, server.handle_exit)  # as uvicorn does with others
    server.run()


def server_context(
    certificate: Path, key: Path, *, may_be_readable: bool = False
) -> ssl.SSLContext:
    """Return how a server speaks TLS, in versions 1.2 and 1.3."""
    for name, path in (("tls_cert", certificate), ("tls_key", key)):
        try:
            if path is key:
                read_secret(key, "`tls_key`", may_be_readable=may_be_readable)
            else:
                path.open("rb").close()
        except OSError as error:
            raise InputError(
                f"`{name}` {shown(path)} cannot be read ({error.strerror}). Give a file in PEM.",
                parameter=name,
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except InputError as error:
        raise InputError(
            f"`tls_key` {shown(key)} needs a passphrase, which nobody could type at a restart. "
            "Give a key without one, which only you can read.",
            parameter="tls_key",
        ) from error
    except (ssl.SSLError, OSError, ValueError) as error:
        raise InputError(
            f"`tls_cert` {shown(certificate)} and `tls_key` {shown(key)} cannot be used "
            f"({_reason(error)}). Give a certificate in PEM and the key that belongs to it.",
            parameter="tls_cert",
        ) from error
    return context


def names_of(context: ssl.SSLContext, certificate: Path) -> frozenset[str]:
    """Return the names and numbers that a certificate is for, in lower case."""
    try:
        found = _handshake(context, certificate)
    except ssl.SSLError as error:
        raise InputError(
            f"`tls_cert` {shown(certificate)} is one that browsers refuse ({_reason(error)}). Have "
            "it made anew.",
            parameter="tls_cert",
        ) from error
    names = set()
    for kind, name in found.get("subjectAltName", ()):
        if kind == "DNS":
            names.add(str(name).lower())
        elif kind == "IP Address":
            names.add(str(ipaddress.ip_address(str(name).strip())))
    if not names:
        raise InputError(
            f"`tls_cert` {shown(certificate)} names no host (subjectAltName), so browsers refuse "
            "it. Have it made for the name by which people call this computer.",
            parameter="tls_cert",
        )
    return frozenset(names)


def _handshake(server: ssl.SSLContext, certificate: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return what a client is told of the server, which it believes for this once."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is enough
    client.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(10):  # messages go back and forth twice
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
