"""A running app, and finished runs to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import customers_csv
from web_client import Client, Server, serving


@dataclass(frozen=True)
class Ranked:
    """A finished run."""

    run: str
    report: dict[str, Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("app"), "--max-upload", "1") as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Client:
    return server.client.enter()


@pytest.fixture(scope="session")
def ready(client: Client) -> str:
    """A run of 60 customers that was read and not ranked."""
    run = client.upload("customers.csv", customers_csv())
    assert client.wait(run)["state"] == "done"
    return run


@pytest.fixture(scope="session")
def ranked(client: Client) -> Ranked:
    """A ranked run of 60 customers."""
    run = client.upload("customers.csv", customers_csv())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"alerts": 6, "id": 0, "label": 4, "value": "yes"})
    found = client.wait(run)
    assert found["state"] == "done", found["problem"]
    return Ranked(run, client.get(f"/runs/{run}/files/report.json"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"
