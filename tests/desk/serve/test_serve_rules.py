"""The service lists and hides rows by the rules of its map, and needs the columns of the rules."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from service_client import JSON, serving_map


@pytest.fixture(scope="module")
def ruled_map(table_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map with rules, of which one needs a column that the map does not use."""
    folder = tmp_path_factory.mktemp("ruled") / "found"
    words = ("--id", "cust_id", "--label", "answer", "--protect", "job", "--direction", "age=high")
    rules = ("--always", "big: amount > 1000000", "--never", "job = 'smith'", "--floor", "age=20")
    outcome = run("detect", table_file, *words, *rules, "--out", folder)
    assert outcome.code == 0, outcome.err
    return folder / "map.som"


def test_the_service_flags_by_rules_as_score_does(
    ruled_map: Path, table_file: Path, rows: list[dict[str, Any]]
) -> None:
    outcome = run("score", ruled_map, table_file)
    assert outcome.code == 0, outcome.err
    scored = list(csv.DictReader(io.StringIO(outcome.out)))
    with serving_map(ruled_map) as service:
        found = service.post("/score?reasons=all", rows)["rows"]
        one = service.post("/score", rows[7])["rows"]
        described = service.get("/openapi.json")["components"]["schemas"]["Row"]
        empty = service.post("/score", dict.fromkeys(["amount", "age", "job"]))["rows"]
        odd = service.ask("POST", "/score", '{"amount": 1, "age": 2}', JSON)
        table = service.ask(
            "POST",
            "/score",
            table_file.read_bytes(),
            {"Content-Type": "text/csv", "Accept": "text/csv"},
        )
    for ours, theirs in zip(found, scored, strict=True):
        assert ours["rule"] == theirs["rule"]
        assert ours["flagged"] == (theirs["flagged"] == "yes")
        assert float(f"{ours['score']:.6g}") == float(theirs["score"])
    assert {row["rule"] for row in found} >= {"always big", "never job = 'smith'", ""}
    assert found[7]["flagged"]
    assert one[0]["reasons"][0]["sentence"] == "Rule big: amount > 1000000."
    assert "job" in described["required"]
    assert described["properties"]["job"]["description"] == "Used only by rules (protected)."
    assert empty[0]["rule"] == ""
    assert (odd.status, "job" in odd.text) == (422, True)
    assert [row["rule"] for row in csv.DictReader(io.StringIO(table.text))] == [
        row["rule"] for row in scored
    ]


def test_a_rule_that_does_not_fit_a_request_is_named(
    table_file: Path, tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    words = ("--id", "cust_id", "--label", "answer", "--drop", "age", "--always", "age > 90")
    assert run("detect", table_file, *words, "--out", tmp_path / "found").code == 0
    with serving_map(tmp_path / "found" / "map.som") as service:
        body = '{"amount": 1, "age": "old", "job": "smith"}'
        refused = service.ask("POST", "/score", body, JSON)
        assert service.post("/score", rows[:2])["rows"][0]["rule"] == ""
    assert refused.status == 422
    assert "A rule of this map (--always) cannot be applied to column 'age'" in refused.text
