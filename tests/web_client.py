"""The app's server as a process of its own, and a client that speaks plain HTTP to it."""

import http.client
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forked import IN_A_PROCESS, start

PATIENCE = 60.0
"""Seconds: a busy machine is slow."""


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        return str(self.json["problem"])

    @property
    def text(self) -> str:
        return self.body.decode()


HANGUP_ENDS = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
"""Also where the tests were started by nohup."""


@dataclass
class Client:
    """A tab, as far as the server can tell: it keeps the cookie and sends the CSRF key."""

    port: int
    token: str
    cookie: str = ""
    csrf: str = ""
    host: str = ""

    def __post_init__(self) -> None:
        self.host = f"127.0.0.1:{self.port}"

    def enter(self) -> "Client":
        """Open the address that was printed."""
        welcome = self.ask("GET", f"/?token={self.token}")
        assert welcome.status == 200, welcome.text
        self.cookie = welcome.headers["set-cookie"].partition(";")[0]
        page = self.ask("GET", "/").text
        found = re.search(r'name="csrf" content="([^"]+)"', page)
        assert found
        self.csrf = found[1]
        return self

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] = {}
    ) -> Answer:
        """Send a request as the pages do; headers given replace theirs, None leaves one out."""
        own = {
            "Host": self.host,
            "Cookie": self.cookie or None,
            "Origin": f"http://{self.host}" if method == "POST" else None,
            "X-Somscape-CSRF": self.csrf or None if method == "POST" else None,
        }
        sent = {name: value for name, value in {**own, **headers}.items() if value is not None}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, names, found.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer.text)
        return answer.json

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.ask("POST", path, json.dumps({} if body is None else body))
        assert answer.status == 200, (path, answer.text)
        return answer.json

    def send(self, name: str, content: bytes) -> Answer:
        """Upload a file."""
        return self.ask("POST", f"/api/uploads?name={quote(name, safe='')}", content)

    def upload(self, name: str, content: bytes) -> str:
        answer = self.send(name, content)
        assert answer.status == 200, answer.text
        return str(answer.json["run"])

    def wait(self, run: str, *states: str) -> dict[str, Any]:
        """Return a run once it goes on no more, or is in one of some states."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.get(f"/api/runs/{run}")
            if found["state"] in states or (
                not states and found["state"] not in ("waiting", "running")
            ):
                return dict(found)
            time.sleep(0.02)
        raise AssertionError(f"still {found['state']} after {PATIENCE} s: {found}")

    def events(self, run: str) -> Iterator[dict[str, Any]]:
        """Give what the server says of a run, until it says no more."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(
                "GET", f"/api/runs/{run}/events", headers={"Host": self.host, "Cookie": self.cookie}
            )
            answer = connection.getresponse()
            assert answer.getheader("content-type", "").startswith("text/event-stream")
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        finally:
            connection.close()


@dataclass
class Server:
    """A running app."""

    process: subprocess.Popen[str]
    address: str
    said: list[str] = field(default_factory=list)

    @property
    def client(self) -> Client:
        found = re.fullmatch(r"http://[^:/]+:(\d+)/\?token=(.+)", self.address)
        assert found, self.address
        return Client(int(found[1]), found[2])

    @property
    def jobs(self) -> list[int]:
        """Processes of jobs, as Linux lists them."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(pid) for t in threads for pid in (t / "children").read_text().split()]


@contextmanager
def serving(
    state: Path,
    *words: str,
    n_files: int | None = None,
    is_fork: bool = True,
    **environment: str,
) -> Iterator[Server]:
    """Run `somscape app` in a process of its own, which is a fork or was started."""
    process = start(
        *("app", "--no-browser", "--state", state, *words),
        code=HANGUP_ENDS + IN_A_PROCESS,
        n_files=n_files,
        variables=environment,
        is_fork=is_fork,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("The app is at "):
                break
        assert said, "it said nothing"
        assert said[-1].startswith("The app is at "), "".join(said)
        yield Server(process, said[-1].removeprefix("The app is at ").strip(), said)
    finally:
        process.send_signal(signal.SIGINT)  # after SIGTERM, clients may come for some seconds
        process.wait(PATIENCE)
        process.stdout.close()
