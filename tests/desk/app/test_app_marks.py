"""Rows are marked, decisions leave, and a ranking learns from them."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest
from web_client import Client

from somscape import SOMDetector
from somscape.tables import Table, table_from_columns, write_csv
from somscape.tables._write import unescape_cell

HOSTILE = ["<script>alert(1)</script>", "=1+1", "@SUM(A1)", '"quoted"', "\u202eflip", "-x\ty"]


def decisions(client: Client, run: str) -> list[dict[str, str]]:
    text = client.ask("GET", f"/runs/{run}/files/decisions.csv").text
    return list(csv.DictReader(io.StringIO(text, newline="")))


def marks_of(client: Client, run: str) -> dict[str, str]:
    """Return what was decided of each marked row; one that was taken back has no mark."""
    marks = client.get(f"/api/runs/{run}/marks").items()
    return {n: m["decision"] for n, m in marks if m["decision"] != "open" or m["comment"]}


def mark(client: Client, run: str, row: Any, decision: Any) -> Any:
    return client.post(f"/api/runs/{run}/mark", {"row": row, "decision": decision})


def test_marks_are_saved_and_taken_back(client: Client, ranked) -> None:
    rows = ranked.report["rows"]
    for number, decision in zip(rows["numbers"], ("confirmed", "cleared", "cleared"), strict=False):
        mark(client, ranked.run, number, decision)
    assert mark(client, ranked.run, rows["numbers"][2], None)["decision"] == "open"
    assert client.get(f"/api/runs/{ranked.run}")["n_decisions"] == 2
    first, second = rows["numbers"][:2]
    marks = marks_of(client, ranked.run)
    assert marks == {str(first): "confirmed", str(second): "cleared"}
    lines = {int(line["record"]) - 1: line for line in decisions(client, ranked.run)}
    assert {n: line["decision"] for n, line in lines.items()} == {
        first: "confirmed",
        second: "cleared",
    }
    assert lines[first]["id"] == rows["ids"][0]
    assert float(lines[first]["score"]) == rows["scores"][0]
    assert float(lines[first]["p_value"]) == rows["p_values"][0]
    assert lines[first]["time"].endswith("+00:00")
    for number in (first, second):
        mark(client, ranked.run, number, None)
    assert decisions(client, ranked.run) == []


def test_several_rows_are_marked_together_or_not_at_all(client: Client, ranked) -> None:
    first, second, third = ranked.report["rows"]["numbers"][:3]

    def several(*rows: int, decision: str = "cleared", seen: int | None = None) -> str:
        said = [{"row": row, "decision": decision, "comment": "x", "seen": seen} for row in rows]
        return json.dumps({"several": said})

    url = f"/api/runs/{ranked.run}/mark"
    answer = client.ask("POST", url, several(first, second))
    assert [said["number"] for said in answer.json] == [first, second]
    assert marks_of(client, ranked.run) == {str(first): "cleared", str(second): "cleared"}
    seen = answer.json[1]["seen"] - 1
    late = client.ask("POST", url, several(third, second, decision="confirmed", seen=seen))
    assert (late.status, f"case '{ranked.report['rows']['ids'][1]}'" in late.problem) == (409, True)
    assert client.ask("POST", url, several(third, 10**6)).status == 422
    assert marks_of(client, ranked.run) == {str(first): "cleared", str(second): "cleared"}
    client.post(url, {"several": [{"row": row} for row in (first, second)]})
    assert marks_of(client, ranked.run) == {}


def test_a_mark_has_a_comment_and_may_say_later(client: Client, ranked) -> None:
    number = ranked.report["rows"]["numbers"][0]
    body = {"row": number, "decision": "later", "comment": "  ask Jane, =1+1 "}
    client.post(f"/api/runs/{ranked.run}/mark", body)
    found = client.get(f"/api/runs/{ranked.run}/marks")[str(number)]
    assert (found["decision"], found["comment"]) == ("later", "ask Jane, =1+1")
    (line,) = decisions(client, ranked.run)
    assert (line["decision"], line["comment"]) == ("later", "ask Jane, =1+1")
    # Nothing can be learned from it.
    again = client.ask("POST", f"/api/runs/{ranked.run}/again", '{"with_marks": true}')
    assert (again.status, again.problem) == (409, "No row is confirmed or cleared yet.")
    # A comment may stand alone, and goes with an empty one.
    client.post(f"/api/runs/{ranked.run}/mark", {**body, "decision": None})
    assert marks_of(client, ranked.run) == {str(number): "open"}
    assert decisions(client, ranked.run) == []
    client.post(f"/api/runs/{ranked.run}/mark", {"row": number, "decision": None})
    assert marks_of(client, ranked.run) == {}


def test_an_author_in_the_body_is_not_the_author(client: Client, ranked) -> None:
    number = ranked.report["rows"]["numbers"][0]
    body = {"row": number, "decision": "confirmed", "author": "mallory", "user": "mallory"}
    client.post(f"/api/runs/{ranked.run}/mark", body)
    found = client.get(f"/api/runs/{ranked.run}/marks")[str(number)]
    assert found["decision"] == "confirmed"
    assert found["author"] not in ("", "mallory")
    mark(client, ranked.run, number, None)


@pytest.mark.parametrize(
    "body",
    [
        {"row": 60, "decision": "confirmed"},
        {"row": -1, "decision": "confirmed"},
        {"row": True, "decision": "confirmed"},
        {"row": "0", "decision": "confirmed"},
        {"row": 0.0, "decision": "confirmed"},
        {"decision": "confirmed"},
        {"row": 0, "decision": "guilty"},
        {"row": 0, "decision": ["confirmed"]},
        {"row": 0, "decision": "cleared", "comment": 7},
        {"row": 0, "decision": "cleared", "comment": "x" * 2001},
        [],
    ],
    ids=str,
)
def test_marks_that_cannot_be_are_refused(client: Client, ranked, body: Any) -> None:
    assert client.ask("POST", f"/api/runs/{ranked.run}/mark", json.dumps(body)).status == 422
    assert marks_of(client, ranked.run) == {}


def test_a_table_is_not_read_in_another_way_under_its_marks(client: Client) -> None:
    run = client.upload(
        "table.csv", b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i % 17) for i in range(30))
    )
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"alerts": 6})
    client.wait(run)
    read = json.dumps({"delimiter": ";"})
    assert client.ask("POST", f"/api/runs/{run}/read", read).status == 409
    number = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][0]
    mark(client, run, number, "confirmed")
    again = client.post(f"/api/runs/{run}/again")["run"]
    client.post(f"/api/runs/{run}/delete")
    answer = client.ask("POST", f"/api/runs/{again}/read", read)
    assert (answer.status, "already has runs or marks" in answer.problem) == (409, True)
    assert marks_of(client, again) == {str(number): "confirmed"}
    client.post(f"/api/runs/{again}/delete")


def test_ids_in_the_decisions_are_safe_in_a_spreadsheet(client: Client) -> None:
    ids = [*HOSTILE, *(f"k{i}" for i in range(34))]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["who", "a", "b"])
    writer.writerows([who, i, i * i % 23] for i, who in enumerate(ids))
    run = client.upload("ids.csv", text.getvalue().encode())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"id": 0, "alerts": 40})
    assert client.wait(run)["state"] == "done"
    for number in range(40):
        mark(client, run, number, "cleared")
    lines = decisions(client, run)
    assert [unescape_cell(line["id"]) for line in lines] == ids
    assert lines[1]["id"] == "'=1+1"
    client.post(f"/api/runs/{run}/delete")


def groups() -> tuple[bytes, Table]:
    """Rows of which one kind is told apart by a column that the ranking thinks little of."""
    rng = np.random.default_rng(0)
    spread, kind = rng.standard_t(2, 240).round(3), rng.integers(0, 6, 240)
    table = table_from_columns({"a": spread, "b": rng.normal(size=240).round(3), "kind": kind})
    text = io.StringIO()
    write_csv(text, table)
    return text.getvalue().encode(), table


def test_ranking_again_learns_from_the_marks(client: Client) -> None:
    content, table = groups()
    run = client.upload("groups.csv", content)
    client.wait(run)
    client.post(f"/api/runs/{run}/start")
    assert client.wait(run)["state"] == "done"
    numbers = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"]
    y = np.full(240, -1)
    y[numbers[:60]] = np.asarray(table.column("kind").numbers)[numbers[:60]] == 3
    for number in np.flatnonzero(y >= 0).tolist():
        mark(client, run, number, "confirmed" if y[number] else "cleared")
    other = client.post(f"/api/runs/{run}/again", {"with_marks": True})["run"]
    assert client.wait(other)["facts"]["n_known"] == 60
    report = client.get(f"/runs/{other}/files/report.json")
    n = int((y == 1).sum())
    assert any(f"{n} confirmed, {60 - n} cleared" in note for note in report["notes"])
    effect = client.get(f"/api/runs/{other}")["facts"]["effect"]
    assert effect.startswith(f"60 marks ({n} confirmed, {60 - n} cleared) raised the scores of")

    detector = SOMDetector(missing="fill", random_state=0).fit(table, known=y)
    scores = -detector.score_samples(table)
    order = np.argsort(-scores, kind="stable")
    assert report["rows"]["numbers"] == order.tolist()
    np.testing.assert_allclose(report["rows"]["scores"], scores[order], rtol=1e-5)
    assert report["rows"]["numbers"] != numbers
    # The marks are the table's: they stand in both runs, and outlive the first.
    client.post(f"/api/runs/{run}/delete")
    assert len(client.get(f"/api/runs/{other}/marks")) == 60
    client.post(f"/api/runs/{other}/delete")
