"""An app for a team, and its members: over TLS, a port of the loopback, or a Unix socket."""

import http.client
import os
import re
import socket
import ssl
import subprocess
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from argon2 import PasswordHasher
from web_client import PATIENCE, Answer

from somscape.desk.app._users import User, write_users

PASSWORD = "correct horse battery ü"


@cache
def quick_hash(password: str) -> str:
    """The weakest hash that is taken, as it is the quickest."""
    hasher = PasswordHasher(time_cost=5, memory_cost=7168, parallelism=1)
    return hasher.hash(unicodedata.normalize("NFC", password))


def write_team(path: Path, password: str = PASSWORD, **roles: str) -> Path:
    """Write a file of users, by role."""
    hashed = quick_hash(password) if password else ""
    write_users(path, {name: User(name, role, hashed) for name, role in roles.items()})
    return path


def make_certificate(folder: Path, *names: str, days: int = 2) -> tuple[Path, Path]:
    """Make a certificate and its key by the program `openssl`."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    more = ["-addext", "subjectAltName=" + ",".join(names)] if names else []
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"),
            *("-days", str(days), "-keyout", key, "-out", certificate, *more),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(os.fspath(self._path))


@dataclass
class Member:
    """A browser, as far as the server can tell; `more` are headers that go with each request."""

    origin: str
    port: int = 0
    certificate: Path | None = None
    socket: Path | None = None
    more: dict[str, str] = field(default_factory=dict)
    cookie: str = ""
    csrf: str = ""

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2]

    def connection(self) -> http.client.HTTPConnection:
        if self.socket is not None:
            return _OverSocket(self.socket)
        if self.certificate is not None:
            context = ssl.create_default_context(cafile=str(self.certificate))
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=PATIENCE, context=context
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] = {}
    ) -> Answer:
        """Send a request as the pages do; headers given replace theirs, None leaves one out."""
        own = {
            "Host": self.host,
            "Cookie": self.cookie or None,
            "Origin": self.origin if method == "POST" else None,
            "X-Somscape-CSRF": self.csrf or None if method == "POST" else None,
        }
        sent = {n: v for n, v in {**own, **self.more, **headers}.items() if v is not None}
        connection = self.connection()
        try:
            connection.request(method, path, body, sent)
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, names, found.read())
        finally:
            connection.close()

    def form(self, path: str, headers: Mapping[str, str | None] = {}, **fields: str) -> Answer:
        """Send a form as browsers do."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields), {**kind, **headers})

    def log_in(self, name: str, password: str = PASSWORD, **more: str) -> "Member":
        answer = self.form("/login", name=name, password=password, **more)
        assert answer.status == 303, answer.text
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self.enter()

    def enter(self) -> "Member":
        """Take the key from a page."""
        found = re.search(r'name="csrf" content="([^"]+)"', self.ask("GET", "/").text)
        assert found
        self.csrf = found[1]
        return self


async def asked(
    app: Any,
    method: str,
    path: str,
    headers: Mapping[str, str] = {},
    body: bytes = b"",
    address: str = "192.0.2.1",
) -> Answer:
    """Ask an ASGI app in this process, as if from another address."""
    place, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": place,
        "query_string": query.encode(),
        "headers": [(n.lower().encode(), _raw(v)) for n, v in headers.items()],
        "client": (address, 1),
        "state": {},
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(m.get("body", b"") for m in sent[1:]))


def _raw(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
