"""Idle connections keep nobody out, and a request in progress is answered at the end."""

import contextlib
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flood import HALF_A_REQUEST, flood
from service_client import JSON, Service, serving_map
from web_client import PATIENCE

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


def send_slowly(service: Service, row: Any, until: threading.Event) -> int:
    """Send a body piece by piece; return the code of the answer."""

    def pieces() -> Iterator[bytes]:
        yield b"["
        while not until.wait(0.2):
            yield b" " * 1000
        yield json.dumps(row).encode() + b"]"

    headers = {**KEY, **JSON, "Transfer-Encoding": "chunked"}
    with contextlib.closing(service.connection()) as connection:
        connection.request("POST", "/score", pieces(), headers, encode_chunked=True)
        return connection.getresponse().status


@pytest.mark.timeout(400)
def test_who_may_come_in_is_answered_among_many_who_send_nothing(
    map_file: Path, rows: Any, token_file: Path
) -> None:
    with contextlib.ExitStack() as stack:
        words = ("--token-file", str(token_file))
        service = stack.enter_context(serving_map(map_file, *words, n_files=1024))
        pool, has_ended = stack.enter_context(ThreadPoolExecutor(1)), threading.Event()
        stack.callback(has_ended.set)
        upload = pool.submit(send_slowly, service, rows[0], has_ended)
        stack.enter_context(flood(service.port, 750))
        stack.enter_context(flood(service.port, 400, HALF_A_REQUEST))
        waited, end = [], time.monotonic() + 3
        while time.monotonic() < end:
            begin = time.monotonic()
            assert service.ask("GET", "/health", headers=KEY).status == 200
            waited.append(time.monotonic() - begin)
            time.sleep(0.05)
        has_ended.set()
        assert upload.result(PATIENCE) == 200
        assert max(waited) < 5, sorted(waited)[-20:]
        service.process.kill()
        assert len(service.process.stdout.read()) < 100_000


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
