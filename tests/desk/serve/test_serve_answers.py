"""What the service says of rows is what `somscape score` says, alone, together and in any form."""

import asyncio
import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import run
from service_client import JSON, Service
from web_client import Answer

from somscape.desk.serve._served import Answers, Served, Together, load_served
from somscape.outliers import Detector
from somscape.tables import Table, read_table

ARROW = "application/vnd.apache.arrow.stream"


def as_arrow(path: Path) -> bytes:
    sink = pa.BufferOutputStream()
    table = read_table(path).to_arrow()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def scored(map_file: Path, table_file: Path) -> list[dict[str, str]]:
    """What `somscape score` says."""
    outcome = run("score", map_file, table_file)
    assert outcome.code == 0, outcome.err
    return read_csv(outcome.out)


@pytest.mark.parametrize("kind", ["application/json", "text/csv", ARROW])
def test_the_service_says_what_score_says(
    service: Service, table_file: Path, scored: list[dict[str, str]], rows: Any, kind: str
) -> None:
    body = {
        "application/json": json.dumps({"rows": rows}).encode(),
        "text/csv": table_file.read_bytes(),
        ARROW: as_arrow(table_file),
    }[kind]
    headers = {"Content-Type": kind, "Accept": "text/csv"}
    answer = service.ask("POST", "/score", body, headers)
    assert answer.status == 200, answer.text
    found = read_csv(answer.text)
    assert 0 < sum(row["flagged"] == "yes" for row in found) < len(found)
    for ours, theirs in zip(found, scored, strict=True):
        assert ours["cust_id"] == theirs["cust_id"]
        for name in ("score", "p_value"):  # which `score` rounds for people
            assert float(f"{float(ours[name]):.6g}") == float(theirs[name])
        assert [ours[name] for name in ("flagged", "unit")] == [theirs["flagged"], theirs["unit"]]
        if kind != "text/csv":  # in a file 12.50 keeps its zero
            continue
        assert ours["reasons"] == theirs["reasons"]


def test_json_has_numbers_and_reasons(service: Service, rows: Any, detector: Detector) -> None:
    found = service.post("/score?reasons=all", rows[7])
    (row,) = found["rows"]
    assert (row["row"], row["id"], row["flagged"]) == (1, "00007", True)
    assert found["threshold"] == detector.threshold
    reasons = {reason["column"]: reason for reason in row["reasons"]}
    assert reasons["amount"]["value"] == "9999999"
    assert 0 < reasons["amount"]["share"] <= 1
    assert reasons["amount"]["sentence"].startswith("amount is 9999999, ")
    assert row["why"] == " ".join(reason["sentence"] for reason in row["reasons"])


def test_reasons_are_of_flagged_rows_unless_asked_for(service: Service, rows: Any) -> None:
    for asked, n_explained in (("", None), ("?reasons=none", 0), ("?reasons=all", len(rows))):
        found = service.post(f"/score{asked}", rows)["rows"]
        n_flagged = sum(row["flagged"] for row in found)
        assert sum("reasons" in row for row in found) == (
            n_flagged if n_explained is None else n_explained
        )


def test_rows_that_come_together_are_answered_as_each_alone(service: Service, rows: Any) -> None:
    whole = service.post("/score?reasons=all", rows[:40])["rows"]

    def one(row: Any) -> Any:
        return service.post("/score?reasons=all", row)["rows"][0]

    with ThreadPoolExecutor(8) as threads:
        each = list(threads.map(one, rows[:40]))
    assert [{**row, "row": 0} for row in each] == [{**row, "row": 0} for row in whole]


def test_one_bad_row_does_not_spoil_those_that_come_with_it(service: Service, rows: Any) -> None:
    def one(i: int) -> Answer:
        row = {**rows[i], "age": 1e300} if i % 3 == 0 else rows[i]
        return service.ask("POST", "/score", json.dumps(row), JSON)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(one, range(24)))
    assert {answer.status for answer in found[::3]} == {422}
    assert "In row 1, the number in column 'age' is too far" in found[0].problem
    assert {answer.status for answer in found[1::3] + found[2::3]} == {200}
    assert [answer.json["rows"][0]["id"] for answer in found[1::3]] == [
        row["cust_id"] for row in rows[1:24:3]
    ]


@pytest.mark.parametrize("most", [0, 1])
def test_a_fault_keeps_nobody_waiting(
    map_file: Path, rows: Any, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, together = load_served(map_file), Together()
    score = Served.score

    def short(self: Served, table: Table, explained: list[str]) -> Answers:
        if table.n_rows > most:
            raise MemoryError
        return score(self, table, explained)

    monkeypatch.setattr(Served, "score", short)

    async def ask() -> list[Any]:
        asked = (together.score(served, served.columns.cells([row]), ["all"]) for row in rows[:3])
        return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)

    expected = Answers if most else MemoryError
    assert [type(answer) for answer in asyncio.run(ask())] == [expected] * 3


def test_arrow_comes_back_as_arrow(service: Service, rows: Any, detector: Detector) -> None:
    headers = {**JSON, "Accept": ARROW}
    answer = service.ask("POST", "/score", json.dumps(rows), headers)
    found = pa.ipc.open_stream(answer.body).read_all()
    table = pa.Table.from_pylist(rows).drop_columns(["answer"])
    scores = detector.scores(table)
    np.testing.assert_array_equal(found["score"].to_numpy(), scores)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv;q=0.5, application/json", "text/csv"),
        ("text/*", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/html", "none"),
    ],
)
def test_the_first_accepted_type_that_is_known_comes(
    service: Service, rows: Any, accept: str, kind: str
) -> None:
    answer = service.ask("POST", "/score", json.dumps(rows[0]), {**JSON, "Accept": accept})
    found = answer.headers["content-type"].partition(";")[0] if answer.status == 200 else "none"
    assert (found, answer.status) == (kind, 406 if kind == "none" else 200)


def test_a_row_alone_has_the_answer_that_it_has_among_many(map_file: Path, rows: Any) -> None:
    served = load_served(map_file)

    def said(some: list[Any]) -> list[dict[str, Any]]:
        table = served.columns.table(served.columns.cells(some))
        return served.score(table, ["all"] * len(some)).to_json(None)

    among = said(rows)
    assert len(among) > 20  # more than are looked up one by one
    for row, answer in zip(rows[:12], among, strict=False):
        assert said([row]) == [{**answer, "row": 1}]
