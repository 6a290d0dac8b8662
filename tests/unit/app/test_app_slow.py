"""Connections whose request does not arrive are closed; slow ones that go on are not."""

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from team import make_certificate

from somscape.web import _patience, server_context
from somscape.web._patience import Protocol

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


@pytest.fixture(scope="module", params=["plain", "tls"])
def place(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as listener:
        patch.setattr(_patience, "PERIOD", PERIOD)
        patch.setattr(_patience, "MIN_BYTES", MIN_BYTES)
        config = uvicorn.Config(answer, http=Protocol, log_level="critical", lifespan="off")
        config.load()
        certificate = None
        if request.param == "tls":
            folder = tmp_path_factory.mktemp("slow")
            certificate, key = make_certificate(folder, "DNS:localhost")
            config.ssl = server_context(certificate, key)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Place(listener.getsockname()[1], certificate)
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
    return False


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n", b"a"),
        (HEAD % (b"", 10**6), b""),
        (HEAD % (b"", 10**6), b"a"),
    ],
    ids=["nothing", "a slow header", "no body", "a slow body"],
)
def test_who_sends_next_to_nothing_is_cut_off(place: Place, begin: bytes, piece: bytes) -> None:
    with connected(place) as connection:
        assert is_cut_off(connection, begin, piece)


def test_who_goes_on_after_an_answer_is_cut_off_too(place: Place) -> None:
    with connected(place) as connection:
        connection.sendall(HEAD % (b"", 3) + b"abc")
        assert answer_of(connection) == b"3"
        assert is_cut_off(connection, b"GET / HTTP/1.1\r\n", b"a")


def test_a_slow_upload_that_goes_on_is_taken(place: Place) -> None:
    with connected(place) as connection:
        connection.sendall(HEAD % (b"", 40 * MIN_BYTES))
        for _ in range(40):  # four periods
            connection.sendall(b"a" * MIN_BYTES)
            time.sleep(PERIOD / 10)
        assert answer_of(connection) == b"40000"


def test_who_waits_for_an_answer_is_left_alone(place: Place) -> None:
    with connected(place) as connection:
        for _ in range(2):  # the second request over the same connection, too
            connection.sendall(HEAD % (b"2.5", 3) + b"abc")
            assert answer_of(connection) == b"3"


def test_who_must_wait_until_the_server_reads_is_left_alone(place: Place) -> None:
    n = 4_000_000  # more than fits in between
    with connected(place) as connection:
        connection.sendall(HEAD % (b"0.3", n))
        connection.sendall(b"a" * n)
        assert answer_of(connection) == str(n).encode()
