"""Which files are served, and which take the place of the one that is."""

import dataclasses
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import run, transactions, write
from service_client import JSON, Service, serving_map
from texts import rejected
from web_client import PATIENCE

from somscape import SOM, SOMClassifier, SOMDetector, TableEncoder, load
from somscape.desk.jobs._target import predictions_of
from somscape.desk.serve import _served
from somscape.desk.serve._served import Keeper
from somscape.outliers import Detector
from somscape.tables import read_table
from somscape.tables.codes import NumberCode


def validate(described: dict[str, Any]) -> None:
    """Judge what the service says of itself."""
    from openapi_spec_validator import validate  # takes a second, in each worker

    validate(described)


def detector_file(path: Path, table_file: Path, seed: int, **roles: Any) -> Path:
    encoder = TableEncoder(id="cust_id", label="answer", missing="fill", **roles)
    model = SOMDetector(encoder=encoder, random_state=seed).fit(read_table(table_file))
    model.detector_.save(path)
    return path


@pytest.fixture(scope="module")
def newer(table_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of the same columns."""
    return detector_file(tmp_path_factory.mktemp("newer") / "map.som", table_file, 1)


@pytest.fixture(scope="module")
def other(table_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of other columns."""
    path = tmp_path_factory.mktemp("other") / "map.som"
    return detector_file(path, table_file, 1, drop=["age"])


@pytest.fixture
def served(map_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(map_file, tmp_path / "served.som"))


def replace(served: Path, by: Path | bytes) -> None:
    """Replace a file in one step."""
    new = served.with_suffix(".new")
    new.write_bytes(by if isinstance(by, bytes) else by.read_bytes())
    new.replace(served)


def test_a_map_of_the_same_columns_is_taken_over(served: Path, newer: Path) -> None:
    keeper = Keeper(served)
    old = keeper.current
    assert keeper.look() is None
    replace(served, newer)
    assert keeper.look() is True
    assert keeper.current.sha256 != old.sha256
    assert (keeper.look(), keeper.refused) == (None, None)


def test_other_files_are_refused_and_the_map_stays(
    served: Path, newer: Path, other: Path, map_file: Path
) -> None:
    keeper = Keeper(served)
    old = keeper.current
    damaged = map_file.read_bytes()[:-100]
    for by, words in ((other, "of different kinds ('age')"), (damaged, "served.som")):
        replace(served, by)
        assert keeper.look() is False
        assert keeper.refused is not None
        assert words in keeper.refused["why"]
        assert keeper.look() is None
        assert keeper.current is old
    served.unlink()
    assert (keeper.look(), keeper.look(), keeper.current) == (False, None, old)
    replace(served, newer)
    assert keeper.look() is True
    assert keeper.refused is None


def test_a_map_that_refuses_every_row_does_not_end_the_watch(
    served: Path, newer: Path, map_file: Path, tmp_path: Path
) -> None:
    detector = load(map_file)
    assert isinstance(detector, Detector)
    odd = tmp_path / "odd.som"
    whole, map_ = detector.of_all_rows, detector.map_
    columns = tuple(
        dataclasses.replace(code, low=1e308) if isinstance(code, NumberCode) else code
        for code in map_.encoding.columns
    )
    encoding = dataclasses.replace(map_.encoding, columns=columns)
    whole = dataclasses.replace(whole, map_=dataclasses.replace(map_, encoding=encoding))
    dataclasses.replace(detector, of_all_rows=whole).save(odd)
    with rejected():
        Keeper(odd)
    keeper = Keeper(served)
    replace(served, odd)
    assert (keeper.look(), keeper.look()) == (False, None)
    replace(served, newer)
    assert keeper.look() is True


def test_a_fault_at_a_file_does_not_end_the_watch(
    served: Path, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(served: Any) -> None:
        raise ZeroDivisionError

    keeper = Keeper(served)
    replace(served, newer)
    with monkeypatch.context() as patch:
        patch.setattr(_served, "_warm_up", fails)
        assert (keeper.look(), keeper.look()) == (False, None)
    assert keeper.refused is not None
    assert "cannot be used (ZeroDivisionError)" in keeper.refused["why"]
    replace(served, newer)
    assert keeper.look() is True


def test_a_running_service_takes_maps_over_and_refuses_others(
    served: Path, newer: Path, other: Path
) -> None:
    def wait(service: Service, is_refused: bool) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found: dict[str, Any] = service.get("/health")
            if (found["refused"] is not None) == is_refused:
                return found
            time.sleep(0.05)
        raise AssertionError(is_refused)

    with serving_map(served) as service:
        replace(served, other)
        refused = wait(service, True)
        assert "'age'" in refused["refused"]["why"]
        replace(served, newer)
        assert wait(service, False)["map"]["sha256"] != refused["map"]["sha256"]
        text = service.ask("GET", "/metrics").text
        assert 'somscape_map_reloads_total{outcome="taken"} 1.0' in text
        assert 'somscape_map_reloads_total{outcome="refused"} 1.0' in text
        assert service.end() == 0
    assert len(service.said) == 4


def test_a_model_predicts(table_file: Path, tmp_path: Path, rows: Any) -> None:
    encoder = TableEncoder(id="cust_id", label="answer", missing="fill")
    table = read_table(table_file)
    labels = table.column("answer").cells.tolist()
    path = tmp_path / "model.som"
    SOMClassifier(encoder=encoder, random_state=0).fit(table, labels).recognizer_.save(path)
    with serving_map(path) as service:
        found = service.post("/predict", rows[:50])["rows"]
        assert found == list(predictions_of(load(path), table.take(range(50))))
        refused = service.ask("POST", "/score", json.dumps(rows[0]), JSON)
        assert (refused.status, refused.problem) == (
            404,
            "This model predicts a column. Use /predict instead of /score.",
        )
        bad = service.ask("POST", "/predict", json.dumps({**rows[0], "age": 1e300}), JSON)
        assert (bad.status, "too far" in bad.problem) == (422, True)
        described = service.get("/openapi.json")
        validate(described)
        assert "/predict" in described["paths"]
        assert "/score" not in described["paths"]


def test_a_map_alone_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "map.som"
    SOM(2, 3, random_state=0).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]] * 3).map_.save(path)
    with rejected():
        Keeper(path)


@pytest.mark.parametrize("words", [(), ("--drop", "number of rows")], ids=["counted", "dropped"])
def test_a_map_of_customers_is_not_served(tmp_path: Path, words: tuple[str, ...]) -> None:
    sales = write(tmp_path / "sales.csv", *transactions(n_clients=20))
    found = run("detect", sales, "--per", "client", *words, "--out", tmp_path / "found")
    assert found.code == 0, found.err
    with rejected():
        Keeper(tmp_path / "found" / "map.som")


def test_the_service_describes_the_columns_of_its_map(service: Service) -> None:
    described = service.get("/openapi.json")
    validate(described)
    (reasons,) = described["paths"]["/score"]["post"]["parameters"]
    assert reasons["schema"] == {"enum": list(_served.EXPLAINED), "default": _served.EXPLAINED[0]}
    row = described["components"]["schemas"]["Row"]
    assert row["required"] == ["amount", "age", "job"]
    assert row["properties"]["age"] == {"type": ["number", "null"]}
    assert (
        row["properties"]["job"]["description"]
        == "A category. Its levels in training are clerk, nurse, smith."
    )
    assert set(row["properties"]) == {"cust_id", "amount", "age", "job", "answer"}
