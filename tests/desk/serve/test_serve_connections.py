"""Idle connections keep nobody out, and a request in progress is answered at the end."""

import contextlib
import http.client
import json
import resource
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flood import HALF_A_HANDSHAKE, HALF_A_REQUEST, flood
from nightly import nightly
from service_client import JSON, serving_map
from team import make_certificate
from web_client import PATIENCE, serving

from somscape.desk.web._servers import most_connections

TOKEN = "0123456789abcdef-secret"
KEY = {"Authorization": f"Bearer {TOKEN}"}

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits and counts open files as Linux does"
)


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


class Trial(NamedTuple):
    """How many connections a server must stand, and how soon it must answer meanwhile."""

    kind: str
    n_files: int
    n_silent: int
    n_half: int
    seconds: float
    limit: float


@dataclass(frozen=True)
class Place:
    """A server, and what a client sends that may come in."""

    process: Any
    connection: Callable[[], http.client.HTTPConnection]
    path: str
    headers: Mapping[str, str]
    upload: str
    pieces: tuple[bytes, bytes, bytes]
    begin: bytes = HALF_A_REQUEST

    def ask(self) -> float:
        """Ask over a new connection; return the seconds until the answer."""
        begin = time.monotonic()
        with contextlib.closing(self.connection()) as connection:
            connection.timeout = 20
            connection.request("GET", self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            answer.read()
        assert answer.status == 200
        return time.monotonic() - begin

    def send_slowly(self, until: threading.Event) -> int:
        """Send a body piece by piece; return the code of the answer."""
        first, more, last = self.pieces

        def pieces() -> Iterator[bytes]:
            yield first
            while not until.wait(0.2):
                yield more
            yield last

        headers = {**self.headers, "Transfer-Encoding": "chunked"}
        with contextlib.closing(self.connection()) as connection:
            connection.request("POST", self.upload, pieces(), headers, encode_chunked=True)
            return connection.getresponse().status


@contextlib.contextmanager
def started(trial: Trial, map_file: Path, row: Any, token: Path, folder: Path) -> Iterator[Place]:
    if trial.kind == "app":
        with serving(folder / "state", n_files=trial.n_files) as app:
            client = app.client.enter()
            headers = {"Host": client.host, "Cookie": client.cookie}
            headers |= {"Origin": f"http://{client.host}", "X-Somscape-CSRF": client.csrf}
            pieces = b"a,b\n", b"1,2\n" * 200, b"3,4\n"
            yield Place(
                app.process,
                lambda: http.client.HTTPConnection("127.0.0.1", client.port),
                *("/api/runs", headers, "/api/uploads?name=a.csv", pieces),
            )
        return
    words, tls, begin = ["--token-file", str(token)], None, HALF_A_REQUEST
    if trial.kind == "serve with TLS":
        cert, key = make_certificate(folder, "IP:127.0.0.1")
        key.chmod(0o600)
        words += ["--tls-cert", str(cert), "--tls-key", str(key)]
        tls, begin = ssl.create_default_context(cafile=str(cert)), HALF_A_HANDSHAKE
    pieces = b"[", b" " * 1000, json.dumps(row).encode() + b"]"
    with serving_map(map_file, *words, tls=tls, n_files=trial.n_files) as service:
        headers = {**KEY, **JSON}
        at = Place(service.process, service.connection, "/health", headers, "/score", pieces, begin)
        yield at


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "trial",
    [
        Trial("serve", 1024, 750, 400, 3, 5),
        *nightly(
            [
                Trial("serve with TLS", 10_240, 750, 400, 20, 5),
                Trial("app", 1024, 750, 400, 20, 5),
            ]
        ),
    ],
    ids=lambda trial: f"{trial.kind}, {trial.n_silent}",
)
def test_who_may_come_in_is_answered_among_many_who_send_nothing(
    map_file: Path, rows: Any, token_file: Path, tmp_path: Path, trial: Trial
) -> None:
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(started(trial, map_file, rows[0], token_file, tmp_path))
        pool, has_ended = stack.enter_context(ThreadPoolExecutor(1)), threading.Event()
        stack.callback(has_ended.set)
        upload = pool.submit(at.send_slowly, has_ended)
        port = int(at.connection().port)
        stack.enter_context(flood(port, trial.n_silent))
        stack.enter_context(flood(port, trial.n_half, at.begin))
        waited, end = [], time.monotonic() + trial.seconds
        while time.monotonic() < end:
            waited.append(at.ask())
            time.sleep(0.05)
        has_ended.set()
        assert upload.result(PATIENCE) == 200
        assert max(waited) < trial.limit, sorted(waited)[-20:]
        at.process.kill()
        assert len(at.process.stdout.read()) < 100_000


@pytest.mark.parametrize(
    ("soft", "hard", "most", "raised"),
    [
        (256, 256, 64, None),
        (128, 1024, 704, 1024),
        (1024, 500_000, 1000, 1320),
        (1024, resource.RLIM_INFINITY, 1000, 1320),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1000, None),
    ],
)
def test_files_are_left_for_other_things(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, raised: int | None
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: asked.append(limits))
    assert most_connections() == most
    assert asked == ([] if raised is None else [(raised, hard)])


# The end


def test_a_request_in_progress_is_answered_after_sigterm(map_file: Path, rows: Any) -> None:
    body = json.dumps(rows[0]).encode()
    with serving_map(map_file) as service, contextlib.closing(service.connection()) as client:
        client.putrequest("POST", "/score")
        client.putheader("Content-Type", "application/json")
        client.putheader("Content-Length", str(len(body)))
        client.endheaders(body[:1])
        service.ask("GET", "/live")  # so the service has read the header
        service.process.terminate()
        while is_listening(service.port):
            time.sleep(0.02)
        client.send(body[1:])
        answer = client.getresponse()
        assert answer.status == 200
        answer.read()
        assert service.end() == 0


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except OSError:
        return False
    return True
