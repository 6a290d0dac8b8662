"""Who has no token keeps nobody out who has one, and no client is reset at the end."""

import asyncio
import contextlib
import http.client
import json
import resource
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from flood import HALF_A_HANDSHAKE, HALF_A_REQUEST, flood
from nightly import nightly
from service_client import JSON, Service, serving_map
from team import make_certificate
from web_client import PATIENCE, serving

from somscape.desk.web import _connections
from somscape.desk.web._connections import Door, most_connections
from somscape.desk.web._gate import Exchange
from somscape.desk.web._servers import Server

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
        Trial("serve", 128, 200, 50, 2, 5),
        Trial("app", 128, 200, 50, 2, 5),
        *nightly(
            [
                Trial("serve", 1024, 2000, 400, 120, 1),
                Trial("serve with TLS", 1024, 2000, 400, 120, 1),
                Trial("app", 1024, 2000, 400, 60, 1),
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


def test_a_process_without_files_tells_so_once_and_goes_on(
    map_file: Path, token_file: Path
) -> None:
    with serving_map(map_file, "--token-file", str(token_file)) as service:
        files = Path(f"/proc/{service.process.pid}/fd")
        service.ask("GET", "/health", headers=KEY)  # what it opens once is open
        before = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
        n_files = len(list(files.iterdir()))
        few = max(int(path.name) for path in files.iterdir()) + 4
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (few, before[1]))
        with flood(service.port, 50):
            for _ in range(20):
                assert service.ask("GET", "/live").status == 204
        while len(list(files.iterdir())) > n_files:
            time.sleep(0.02)
        # There is none to close, so a client waits until there are files again.
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(service.ask, "GET", "/live")
            time.sleep(1.5)
            assert not asked.done()
            resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, before)
            assert asked.result(PATIENCE).status == 204
        assert service.end() == 0
    told = [line for line in service.said if "Too many files" in line]
    assert told == [_connections.NO_FILES + "\n"]
    assert len(service.said) == 3


# The door


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Let in who names the path /in, and answer as late as the request says."""
    if scope["type"] == "lifespan":
        return
    exchange = Exchange(scope, receive, send)
    if scope["path"] == "/in":
        exchange.let_in()
    await asyncio.sleep(float(dict(scope["headers"]).get(b"x-wait", b"0")))
    headers = [(b"content-length", b"0")]
    await exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
    await exchange.send({"type": "http.response.body"})


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def port(said: list[str]) -> Iterator[int]:
    """A server that takes eight connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(answer, log_level="critical", lifespan="off")
        server = Server(config, Door(listener, 8, said.append), None)
        number = listener.getsockname()[1]
        thread = threading.Thread(target=server.run)
        thread.start()
        yield number
        server.should_exit = True
        thread.join(PATIENCE)


def client(port: int, path: str = "", wait: float = 0, address: str = "127.0.0.1") -> socket.socket:
    """Connect; with a path, ask, and read the answer unless it takes a while."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE, (address, 0))
    if path:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Wait: {wait}\r\n\r\n".encode())
        if not wait:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    return connection


def are_open(connections: Sequence[socket.socket]) -> list[bool]:
    """Return for each connection whether the server has not closed it, after a moment for all."""
    time.sleep(0.3)
    return [*map(_is_open_now, connections)]


def is_open(connection: socket.socket) -> bool:
    return are_open([connection])[0]


def _is_open_now(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1000))
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_the_oldest_goes_that_has_shown_nothing(port: int, said: list[str]) -> None:
    with contextlib.ExitStack() as stack:

        def come(path: str = "", wait: float = 0) -> socket.socket:
            return stack.enter_context(client(port, path, wait))

        def half() -> socket.socket:
            connection = come()
            connection.sendall(b"GET /in HTTP/1.1\r\n")
            time.sleep(0.05)
            return connection

        known, silent, begun = come("/in"), [come() for _ in range(3)], [half() for _ in range(4)]
        assert not said
        begun.append(half())  # takes the place of the first that had begun, as they are more
        begun[1].close()
        time.sleep(0.05)
        silent += [come(), come()]  # the second one takes the place of the first
        begun.append(come("/live"))
        expected = [True, *[False, False, True, True, True], *[True] * 4, False]
        assert are_open([known, *silent, *begun[2:], begun[0]]) == expected
        assert said == [_connections.FULL.format(8)]


def test_who_is_known_goes_last_and_who_is_busy_never(port: int) -> None:
    with contextlib.ExitStack() as stack:

        def come(path: str = "", wait: float = 0) -> socket.socket:
            return stack.enter_context(client(port, path, wait))

        busy = [come("/in", 2.5)]
        idle = [come("/in") for _ in range(2)]
        busy += [come("/in", 2.5) for _ in range(5)]
        time.sleep(0.2)
        come()
        assert are_open(idle) == [False, True]
        come("/in", 2.5)
        time.sleep(0.2)
        come("/in", 2.5)
        time.sleep(0.2)
        assert not is_open(idle[1])
        assert not is_open(come())  # all are busy
        for each in busy:
            each.settimeout(PATIENCE)
            assert each.recv(1000).startswith(b"HTTP/1.1 200")


def test_an_address_has_a_share(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connections, "_network", lambda host: host.replace("127.0.0.1", ""))
    with contextlib.ExitStack() as stack:

        def come(address: str, path: str = "") -> socket.socket:
            return stack.enter_context(client(port, path, address=address))

        near, known = come("127.0.0.1"), come("127.0.0.2", "/in")
        far = [come("127.0.0.2") for _ in range(20)]
        # The server is full, so the oldest ones of the address go that has the most.
        assert are_open([near, known, *far]) == [True, True, *[False] * 14, *[True] * 6]
        other = [come("127.0.0.1") for _ in range(4)]
        assert all(are_open([near, known, *other, *far[-2:]]))
        assert not any(are_open(far[:-2]))


def test_an_address_may_have_all_connections_until_the_server_is_full(
    port: int, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connections, "_network", lambda host: host)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(port, "", address="127.0.0.2")) for _ in range(8)]
        assert all(are_open(clients))
        assert not said


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3:4", "2001:db8::"),
        ("fe80::1%eth0", "fe80::"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("", ""),
    ],
)
def test_proxies_and_unix_sockets_do_not_count_by_address(host: str, counts_as: str) -> None:
    assert _connections._network(host) == counts_as


@pytest.mark.parametrize(
    ("soft", "hard", "most", "is_raised"),
    [
        (256, 256, 192, False),
        (128, 1024, 896, True),
        (1024, 500_000, 1000, True),
        (1024, resource.RLIM_INFINITY, 1000, True),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1000, False),
        (40, 40, 10, False),
    ],
)
def test_files_are_left_for_other_things(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int, is_raised: bool
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: asked.append(limits))
    assert most_connections() == most
    wanted = 10_240 if hard == resource.RLIM_INFINITY else hard
    assert asked == ([(wanted, hard)] if is_raised else [])


# The end


def ask_on_and_on(service: Service, row: Any, is_kept: bool, seen: "Counter[str]") -> None:
    """Ask until nobody listens; count how each request went."""
    body = json.dumps(row)
    while True:
        with contextlib.closing(service.connection()) as connection:
            is_last = False
            while not is_last:
                try:
                    connection.request("POST", "/score?reasons=none", body, JSON)
                    answer = connection.getresponse()
                    answer.read()
                except ConnectionRefusedError:
                    seen["refused"] += 1
                    return
                except Exception as error:
                    seen[repr(error)] += 1
                    return
                seen[f"{answer.status} {'last' if answer.will_close else ''}"] += 1
                is_last = answer.will_close or not is_kept


@pytest.mark.parametrize("n_trials", [1, *nightly([10])])
def test_no_client_is_reset_at_the_end(map_file: Path, rows: Any, n_trials: int) -> None:
    for _ in range(n_trials):
        seen: Counter[str] = Counter()
        with serving_map(map_file) as service, ThreadPoolExecutor(16) as pool:
            clients = [
                pool.submit(ask_on_and_on, service, rows[0], n % 2 == 0, seen) for n in range(16)
            ]
            time.sleep(1)
            begin = time.monotonic()
            service.process.terminate()
            time.sleep(1.5)
            assert service.ask("GET", "/live").headers["connection"] == "close"
            assert service.process.wait(PATIENCE) == 0
            assert time.monotonic() - begin < 10
            for each in clients:
                each.result(PATIENCE)
        assert set(seen) == {"200 ", "200 last", "refused"}, seen
        assert seen["refused"] == 16


def test_a_second_signal_ends_at_once(map_file: Path) -> None:
    with serving_map(map_file) as service:
        begin = time.monotonic()
        service.process.terminate()
        time.sleep(0.1)
        assert service.end() == 0
        assert time.monotonic() - begin < 1.5


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_who_came_is_accepted_before_the_door_closes_and_who_is_late_refused(
    family: socket.AddressFamily, tmp_path: Path
) -> None:
    with socket.socket(family) as listener, socket.socket(family) as late:
        listener.bind(str(tmp_path / "socket") if family == socket.AF_UNIX else ("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()
        with socket.socket(family) as early:
            early.connect(address)
            Door(listener, 8, print).refuse()
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"answer")
                timer = threading.Timer(0.3, listener.close)
                timer.start()
                late.settimeout(PATIENCE)
                with pytest.raises(ConnectionRefusedError):
                    late.connect(address)
                timer.join()
                assert early.recv(10) == b"answer"
