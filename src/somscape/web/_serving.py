"""Where a server listens, and how uvicorn runs it."""

import errno
import importlib.util
import os
import signal
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from somscape.errors import InputError
from somscape.web._connections import Door, most_connections

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


def answer_requests(
    app: Any,
    listener: socket.socket,
    *,
    grace: int,
    tls: ssl.SSLContext | None = None,
    say: Callable[[str], None],
) -> None:
    """Answer requests until Ctrl-C, SIGTERM or SIGHUP, and finish those that came."""
    import uvicorn

    from somscape.web._http import Server

    config = uvicorn.Config(app, timeout_graceful_shutdown=grace, **UVICORN)
    server = Server(config, Door(listener, most_connections(), say), tls)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, server.handle_exit)  # as uvicorn does with others
    server.run()
