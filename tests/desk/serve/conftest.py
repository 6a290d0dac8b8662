"""Two small models, and a running service of one of them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import customers, write
from service_client import Service, serving_map

from somscape import SOMDetector, TableEncoder, load
from somscape.outliers import Detector
from somscape.tables import read_table

NUMBERS = ("amount", "age")


def json_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file as a program would send them."""
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return [{n: float(v) if n in NUMBERS else v for n, v in row.items()} for row in rows]


@pytest.fixture(scope="session")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 customers, one of them odd."""
    header, rows = customers(300)
    rows[7] = "00007,9999999.00,20.0,smith,no"
    return write(tmp_path_factory.mktemp("table") / "customers.csv", header, rows)


@pytest.fixture(scope="session")
def map_file(table_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoder = TableEncoder(id="cust_id", label="answer", missing="fill")
    model = SOMDetector(encoder=encoder, random_state=0).fit(read_table(table_file))
    path = tmp_path_factory.mktemp("map") / "map.som"
    model.detector_.save(path)
    return path


@pytest.fixture(scope="session")
def detector(map_file: Path) -> Detector:
    found = load(map_file)
    assert isinstance(found, Detector)
    return found


@pytest.fixture(scope="session")
def rows(table_file: Path) -> list[dict[str, Any]]:
    return json_rows(table_file)


@pytest.fixture(scope="session")
def service(map_file: Path) -> Iterator[Service]:
    limits = ("--max-body", "0.5", "--max-rows", "1000")
    with serving_map(map_file, *limits) as running:
        yield running
