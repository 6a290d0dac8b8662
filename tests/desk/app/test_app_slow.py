"""Connections whose request does not arrive are closed; slow ones that go on are not.

All are begun at once, since each takes its seconds; the tests ask how each went.
"""

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from team import make_certificate

from somscape.desk.web import _servers
from somscape.desk.web._servers import guarded_server, server_context

PERIOD, MIN_BYTES = 1.0, 1000
PATIENCE = 30.0


@dataclass(frozen=True)
class Place:
    port: int
    certificate: Path | None


async def answer(scope, receive, send):
    """Read all of a request; take as long as it asks for, and say how much came."""
    if scope["type"] == "lifespan":
        return
    n, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        n, more = n + len(message["body"]), message["more_body"]
        await asyncio.sleep(float(scope["path"][1:] or 0))
    body = str(n).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def serving(folder: Path | None) -> Iterator[Place]:
    """Serve with short periods; over TLS where there is a folder for the certificate."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        certificate, tls, port = None, None, listener.getsockname()[1]
        if folder is not None:
            certificate, key = make_certificate(folder, "DNS:localhost")
            tls = server_context(certificate, key)
        server = guarded_server(answer, 1, tls)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield Place(port, certificate)
        server.should_exit = True
        thread.join(PATIENCE)


@contextlib.contextmanager
def connected(place: Place) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", place.port), PATIENCE) as connection:
        if place.certificate is None:
            yield connection
            return
        context = ssl.create_default_context(cafile=str(place.certificate))
        with context.wrap_socket(connection, server_hostname="localhost") as wrapped:
            yield wrapped


def answer_of(connection: socket.socket) -> bytes:
    """Return the body of an answer."""
    found = http.client.HTTPResponse(connection, method="POST")
    found.begin()
    return found.read()


CUT_OFF = (ssl.SSL_ERROR_EOF, ssl.SSL_ERROR_ZERO_RETURN, ssl.SSL_ERROR_SYSCALL)
"""What TLS says of a connection that was closed; the last one, where it was reset.  An error of the
system may say it, too; its library is "SYS"."""
HEAD = b"POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


def is_cut_off(connection: socket.socket, begin: bytes, piece: bytes) -> bool:
    """Return whether a server closes a connection over which a piece comes now and then."""
    connection.sendall(begin)
    deadline = time.monotonic() + PATIENCE
    connection.settimeout(PERIOD / 10)
    while time.monotonic() < deadline:
        try:
            connection.sendall(piece)
            if not connection.recv(1):
                return True
        except TimeoutError:
            pass
        except ConnectionError:
            return True
        except ssl.SSLError as error:
            if error.errno not in CUT_OFF and error.library != "SYS":
                raise
            return True
    return False


def cut_off(begin: bytes, piece: bytes) -> Callable[[socket.socket], bool]:
    return lambda connection: is_cut_off(connection, begin, piece)


def cut_off_after_an_answer(connection: socket.socket) -> tuple[bytes, bool]:
    connection.sendall(HEAD % (b"", 3) + b"abc")
    return answer_of(connection), is_cut_off(connection, b"GET / HTTP/1.1\r\n", b"a")


def slow_upload(connection: socket.socket) -> bytes:
    connection.sendall(HEAD % (b"", 40 * MIN_BYTES))
    for _ in range(40):  # four periods
        connection.sendall(b"a" * MIN_BYTES)
        time.sleep(PERIOD / 10)
    return answer_of(connection)


def two_slow_answers(connection: socket.socket) -> list[bytes]:
    answers = []
    for _ in range(2):  # the second request over the same connection, too
        connection.sendall(HEAD % (b"2.5", 3) + b"abc")
        answers.append(answer_of(connection))
    return answers


N_LARGE = 4_000_000
"""Bytes: more than fits in between."""


def upload_to_a_slow_reader(connection: socket.socket) -> bytes:
    connection.sendall(HEAD % (b"0.3", N_LARGE))
    connection.sendall(b"a" * N_LARGE)
    return answer_of(connection)


CONNECTIONS: dict[str, tuple[Callable[[socket.socket], Any], Any]] = {
    "nothing is sent": (cut_off(b"", b""), True),
    "a slow header": (cut_off(b"GET / HTTP/1.1\r\n", b"a"), True),
    "no body": (cut_off(HEAD % (b"", 10**6), b""), True),
    "a slow body": (cut_off(HEAD % (b"", 10**6), b"a"), True),
    "a slow header after an answer": (cut_off_after_an_answer, (b"3", True)),
    "a slow upload that goes on": (slow_upload, b"40000"),
    "waiting for answers": (two_slow_answers, [b"3", b"3"]),
    "waiting until the server reads": (upload_to_a_slow_reader, str(N_LARGE).encode()),
}
"""What is done with a connection, and how it goes."""


@pytest.fixture(scope="module")
def going(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Future[Any]]]:
    """Every connection to each server, begun."""

    def on(place: Place, use: Callable[[socket.socket], Any]) -> Any:
        with connected(place) as connection:
            return use(connection)

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(_servers, "PATIENCE", PERIOD)
        patch.setattr(_servers, "PERIOD", PERIOD)
        patch.setattr(_servers, "MIN_BYTES", MIN_BYTES)
        plain = stack.enter_context(serving(None))
        tls = stack.enter_context(serving(tmp_path_factory.mktemp("slow")))
        pool = stack.enter_context(ThreadPoolExecutor(2 * len(CONNECTIONS)))
        yield {
            (server, name): pool.submit(on, place, use)
            for server, place in (("plain", plain), ("tls", tls))
            for name, (use, _) in CONNECTIONS.items()
        }


@pytest.mark.parametrize("server", ["plain", "tls"])
@pytest.mark.parametrize("name", CONNECTIONS)
def test_who_sends_next_to_nothing_is_cut_off_and_nobody_else(
    going: dict[tuple[str, str], Future[Any]], server: str, name: str
) -> None:
    assert going[server, name].result() == CONNECTIONS[name][1]
