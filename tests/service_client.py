"""The scoring service as a process of its own, and what asks it."""

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forked import start
from web_client import PATIENCE, Answer

JSON = {"Content-Type": "application/json"}


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    port: int
    tls: ssl.SSLContext | None = None
    said: list[str] = field(default_factory=list)

    def connection(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, context=self.tls
        )

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        connection = self.connection()
        try:
            connection.request(method, path, body, dict(headers))
            found = connection.getresponse()
            names = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, names, found.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.text
        return answer.json

    def post(self, path: str, rows: Any) -> Any:
        answer = self.ask("POST", path, json.dumps(rows), JSON)
        assert answer.status == 200, answer.text
        return answer.json

    def end(self) -> int:
        """End the service as systemd does; return its exit code."""
        self.process.terminate()
        assert self.process.stdout is not None
        self.said += self.process.stdout.readlines()
        return self.process.wait(PATIENCE)


@contextmanager
def serving_map(
    path: Path,
    *words: str,
    tls: ssl.SSLContext | None = None,
    n_files: int | None = None,
    is_fork: bool = True,
) -> Iterator[Service]:
    """Run `somscape serve` in a process of its own, which is a fork or was started."""
    process = start(
        *("serve", path, "--port", "0", *words),
        n_files=n_files,
        is_fork=is_fork,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("Serving "), first + process.stdout.read()
        yield Service(process, int(first.rpartition(":")[2]), tls, [first])
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()
