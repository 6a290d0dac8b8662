"""From a table to a ranking, by the calls that the pages make, on a real server."""

import csv
import importlib.util
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from command_line import customers, customers_csv, run, write
from web_client import Client, serving
from workbooks import xlsx

from somscape.desk.app import _context
from somscape.desk.web._gate import Refusal
from somscape.errors import InputError

HOSTILE = ["<script>alert(1)</script>", "=1+1", "a=b", '"quoted"', "\u202eflip", "x" * 3000]


def start(client: Client, run_id: str, **settings: Any) -> dict[str, Any]:
    client.post(f"/api/runs/{run_id}/start", settings)
    return client.wait(run_id)


def test_the_app_finds_what_detect_finds(
    client: Client, ranked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = write(Path("customers.csv"), *customers())
    words = ["--id", "cust_id", "--label", "answer=yes", "--alerts", "6", "--out", "found"]
    assert run("detect", table, *words).code == 0
    for name in ("alerts.csv", "map.som"):
        kept = client.ask("GET", f"/runs/{ranked.run}/files/{name}")
        assert kept.body == Path("found", name).read_bytes()
        assert kept.headers["content-disposition"] == f'attachment; filename="{name}"'
    command = ranked.report["method"]["command"]
    assert command.startswith("somscape detect customers.csv --id cust_id --label answer=yes")
    assert ranked.report["agreement"]["value"] == "yes"
    assert ranked.report["title"] == "Unusual rows of customers.csv"


def test_the_page_of_a_run_leads_to_what_there_is(client: Client, ready: str, ranked) -> None:
    assert client.ask("GET", f"/runs/{ranked.run}/report").status == 200
    early = client.ask("GET", f"/runs/{ready}/report")
    assert (early.status, early.headers["location"]) == (303, f"/runs/{ready}")
    assert client.ask("GET", f"/runs/{ready}/files/alerts.csv").status == 404


def test_columns_are_shown_with_what_they_are_taken_for(client: Client, ready: str) -> None:
    found = client.get(f"/api/runs/{ready}")
    columns = {column["name"]: column for column in found["table"]["columns"]}
    assert found["table"]["n_rows"] == 60
    assert {name: column["kind"] for name, column in columns.items()} == {
        "cust_id": "id",
        "amount": "number",
        "age": "number",
        "job": "category",
        "answer": "category",
    }
    assert columns["answer"]["may_be"] == ["category", "ordinal"]
    assert columns["amount"]["may_be"] == ["number", "category", "ordinal"]
    assert columns["cust_id"]["examples"] == [f"{i:05d}" for i in range(5)]
    assert [level for level, _ in columns["job"]["levels"]] == ["clerk", "nurse", "smith"]
    assert sum(count for _, count in columns["job"]["levels"]) == 60
    assert (found["settings"]["id"], found["settings"]["contamination"]) == (0, None)


def test_corrections_are_followed(client: Client, ready: str) -> None:
    other = client.post(f"/api/runs/{ready}/again", {"with_marks": False})["run"]
    kinds = {"1": "drop", "2": "category", "3": "ordinal"}
    orders = {"3": "smith<clerk<nurse"}
    found = start(
        client, other, id=None, kinds=kinds, orders=orders, contamination=0.2, missing="error"
    )
    assert found["state"] == "done", found["problem"]
    report = client.get(f"/runs/{other}/files/report.json")
    assert {c["name"]: c["kind"] for c in report["columns"]} == {
        "cust_id": "dropped",  # no id was wanted, and the rules may not find it again
        "amount": "dropped",
        "age": "category",
        "job": "ordinal",
        "answer": "category",
    }
    assert "--contamination 0.2" in report["method"]["command"]
    assert report["rule"] == f"a score above {report['score']['threshold']:.4g}, " + (
        "the threshold of the map"
    )
    assert report["n_alerts"] == found["facts"]["n_alerts"] == 12
    client.post(f"/api/runs/{other}/delete")


def test_features_of_customers_are_shown_before_the_run(client: Client, ready: str) -> None:
    other = client.post(f"/api/runs/{ready}/again", {"with_marks": False})["run"]
    names = client.post(f"/api/runs/{other}/features", {"per": [3]})
    assert {"number of rows", "total amount", "repeated rows"} < {*names}
    left_out = ["total amount", "mean amount"]
    client.post(f"/api/runs/{other}/settings", {"per": [3], "left_out": left_out})
    assert client.get(f"/api/runs/{other}")["settings"]["left_out"] == left_out
    assert client.post(f"/api/runs/{other}/features", {"kinds": {"1": "drop"}}) < names
    client.post(f"/api/runs/{other}/delete")


@pytest.mark.parametrize("settings", [{}, {"contamination": None, "alerts": None}], ids=str)
def test_rows_that_stand_out_are_listed_where_nothing_says_how_many(
    client: Client, ready: str, settings: dict[str, Any]
) -> None:
    other = client.post(f"/api/runs/{ready}/again", {"with_marks": False})["run"]
    found = start(client, other, **settings)
    assert found["state"] == "done", found["problem"]
    assert (found["settings"]["alerts"], found["settings"]["contamination"]) == (None, None)
    report = client.get(f"/runs/{other}/files/report.json")
    assert (
        report["rule"] == "those that stand out, at most 50 findings, or 10 rows if none stands out"
    )
    assert report["n_alerts"] == found["facts"]["n_alerts"] == (report["n_stand_out"] or 10)
    assert re.fullmatch(
        r"No row of 60 stands out|\d+ of 60 rows stands? out \(.* of them by chance\)",
        report["headline"],
    )
    assert found["facts"]["headline"] == report["headline"]
    assert "--contamination" not in report["method"]["command"]
    assert "--alerts" not in report["method"]["command"]
    client.post(f"/api/runs/{other}/delete")


def large_csv(n: int = 15_000) -> bytes:
    """A table of numbers, which take a while to train on."""
    rng = np.random.default_rng(0)
    text = io.StringIO()
    header = "a,b,c,d,e,f,g,h"
    np.savetxt(text, rng.integers(0, 1000, (n, 8)), "%d", ",", header=header, comments="")
    return text.getvalue().encode()


def test_progress_is_told_by_epoch_and_ends(client: Client) -> None:
    # As many rows as several maps are trained on: fewer may be done between two looks.
    other = client.upload("long.csv", large_csv(2_000))
    client.wait(other)
    client.post(f"/api/runs/{other}/start")
    states = list(client.events(other))
    assert [state["task"] for state in states] == ["rank"] * len(states)
    assert states[-1]["state"] == "done"
    assert {state["state"] for state in states[:-1]} <= {"waiting", "running"}
    told = [s["progress"] for s in states if s.get("progress", {}).get("stage") == "training"]
    assert told
    places = [(t["map"], t["step"]) for t in told]
    assert places == sorted(set(places))
    assert {t["n_maps"] for t in told} == {5}
    assert all(len(t["errors"]) == t["step"] <= t["n_steps"] for t in told)
    # Who comes late is told the end.
    assert list(client.events(other)) == states[-1:]
    client.post(f"/api/runs/{other}/delete")


def test_a_line_has_places_and_what_is_cancelled_ends_at_once(state: Path) -> None:
    with serving(state, "--jobs", "1") as server:
        client = server.client.enter()
        first = client.upload("large.csv", large_csv())
        client.wait(first)
        runs = [first, *(client.post(f"/api/runs/{first}/again")["run"] for _ in range(2))]
        for run_id in runs:
            client.post(f"/api/runs/{run_id}/start")
        client.wait(first, "running")
        found = [client.get(f"/api/runs/{run_id}") for run_id in runs]
        assert [f.get("place") for f in found] == [None, 1, 2]
        # A look at columns does not wait for two rankings.
        quick = client.upload("quick.csv", b"a,b\n1,2\n3,5\n4,4\n")
        assert client.get(f"/api/runs/{quick}")["place"] == 1
        assert client.post(f"/api/runs/{runs[1]}/cancel")["state"] == "cancelled"
        next(s for s in client.events(first) if s.get("progress", {}).get("stage") == "training")
        began = time.monotonic()
        assert client.post(f"/api/runs/{first}/cancel")["state"] == "cancelled"
        assert time.monotonic() - began < 5
        assert client.wait(quick)["state"] == "done"
        client.wait(runs[2], "running")
        assert client.post(f"/api/runs/{runs[2]}/cancel")["state"] == "cancelled"
        # Nothing half-written is left, and it can be run again.
        assert not [*(state / "runs" / first).glob("*results*")]
        client.post(f"/api/runs/{first}/retry")
        assert client.get(f"/api/runs/{first}")["state"] in ("waiting", "running")
        client.post(f"/api/runs/{first}/delete")
        assert not (state / "runs" / first).exists()
        assert client.ask("GET", f"/api/runs/{first}").status == 404


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ragged.csv", b"a,b\n1,2,3\n4\n", "ragged.csv, line 2"),
        ("one.csv", b"a,b\n1,2\n", "at least two"),
        ("nothing.csv", b"a,b\n1,2\n1,2\n", "a usable column"),
        ("broken.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0", "damaged or incomplete gzip"),
        ("wide.csv", b"x," * 6000 + b"x\n", "wide.csv"),
    ],
)
def test_a_bad_file_is_one_line_of_error(
    client: Client, name: str, content: bytes, said: str
) -> None:
    run_id = client.upload(name, content)
    found = client.wait(run_id)
    assert (found["state"], found["table"]) == ("failed", None)
    assert said in found["problem"]
    assert "\n" not in found["problem"]
    assert "--" not in found["problem"]  # a page has no options
    assert client.ask("POST", f"/api/runs/{run_id}/start", "{}").status == 409
    assert client.ask("POST", f"/api/runs/{run_id}/again", "{}").status == 409
    if name == "one.csv":
        client.post(f"/api/runs/{run_id}/retry")
        assert client.wait(run_id)["problem"] == found["problem"]
    client.post(f"/api/runs/{run_id}/delete")


def test_a_column_with_a_slip_is_left_out_until_it_is_said_what_it_is(client: Client) -> None:
    rows = "".join(f"{i % 7},{i},{'?x' if i == 9 else i * 3}\n" for i in range(40))
    run_id = client.upload("slip.csv", f"a,b,c\n{rows}".encode())
    found = client.wait(run_id)
    column = found["table"]["columns"][2]
    assert column["is_problem"]
    assert "line 11" in column["why"]
    assert found["settings"]["kinds"] == {"2": "drop"}
    assert "number" not in column["may_be"]
    assert start(client, run_id)["state"] == "done"
    client.post(f"/api/runs/{run_id}/delete")


def test_the_report_of_the_app_has_notes_on_the_table(client: Client) -> None:
    rows = "".join(
        f"{'' if i == 4 else 1.5 * i % 7},{'mf'[i % 2]},called on day {i} about the fee\n"
        for i in range(19)
    )
    run_id = client.upload("notes.csv", f"amount,sex,comment\n{rows}".encode())
    client.wait(run_id)
    assert start(client, run_id)["state"] == "done"
    assert client.get(f"/runs/{run_id}/files/report.json")["notes"][-4:] == [
        "Missing values filled: amount 1 (record 5).",
        "Left out 'comment' (text with 19 different values, free text).",
        "'sex' may be personal data. Consider protecting this column.",
        "19 rows are too few to say what is unusual.",
    ]
    client.post(f"/api/runs/{run_id}/delete")


def test_a_table_is_read_again_as_it_is_said_to_be_written(client: Client) -> None:
    run_id = client.upload("odd.csv", b"k|v,w\n1|2,5\n3|4,7\n6|8,5\n")

    def names() -> list[str]:
        return [column["name"] for column in client.wait(run_id)["table"]["columns"]]

    client.wait(run_id)
    for delimiter, found in (("|", ["k", "v,w"]), (",", ["k|v", "w"])):
        client.post(f"/api/runs/{run_id}/read", {"delimiter": delimiter})
        assert names() == found
    client.post(f"/api/runs/{run_id}/read", {"delimiter": "|", "decimal": ","})
    client.wait(run_id)
    found = start(client, run_id)
    assert found["state"] == "done", found["problem"]
    report = client.get(f"/runs/{run_id}/files/report.json")
    assert [c["kind"] for c in report["columns"]] == ["number", "number"]
    assert "--delimiter '|' --decimal ," in report["method"]["command"]
    again = client.post(f"/api/runs/{run_id}/again")["run"]
    answer = client.ask("POST", f"/api/runs/{again}/read", "{}")
    assert (answer.status, client.get(f"/api/runs/{again}")["state"]) == (409, "done")
    for reading in ({"delimiter": "x"}, {"decimal": 1}, {"encoding": ["utf-8"]}):
        assert client.ask("POST", f"/api/runs/{again}/read", json.dumps(reading)).status == 422
    for each in (again, run_id):
        client.post(f"/api/runs/{each}/delete")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_line_becomes_the_line_of_the_names(client: Client, kind: str) -> None:
    rows = [["id", "unit", "price"], ["key", 7, 8], ["u", 1, 2], ["v", 2, 5], ["w", 3, 4]]
    lines = [["Sales of May", "", ""], [], *rows]
    text = "\n".join(",".join(map(str, row)) for row in lines)
    run_id = client.upload(f"t.{kind}", text.encode() if kind == "csv" else xlsx({"May": lines}))
    found = client.wait(run_id)
    assert found["table"]["notes"][0] == (
        "1 title line above the column names left out: 'Sales of May'"
    )
    top = found["top"]
    assert [line for line, _ in top["rows"]] == [1, 3, 4, 5, 6, 7]
    assert (top["rows"][1], top["line"]) == ([3, rows[0]], 3)
    for line, names in ((4, ["key", "7", "8"]), (3, rows[0])):
        client.post(f"/api/runs/{run_id}/read", {"header": line})
        found = client.wait(run_id)
        assert [column["name"] for column in found["table"]["columns"]] == names
        assert (found["reading"]["header"], found["top"]["rows"]) == (line, top["rows"])
    client.post(f"/api/runs/{run_id}/read", {"header": 70})
    found = client.wait(run_id)
    assert "`header` must be from 1 to 6" in found["problem"]
    assert (found["reading"]["header"], len(found["table"]["columns"])) == (3, 3)
    for wrong in (0, -1, "3", 1.5, True, [3]):
        answer = client.ask("POST", f"/api/runs/{run_id}/read", json.dumps({"header": wrong}))
        assert answer.status == 422
    assert start(client, run_id)["state"] == "done"
    report = client.get(f"/runs/{run_id}/files/report.json")
    assert "--header 3" in report["method"]["command"]
    client.post(f"/api/runs/{run_id}/delete")


def test_an_empty_upload_is_refused(client: Client) -> None:
    answer = client.send("empty.csv", b"")
    assert (answer.status, answer.problem.split(".csv")[0]) == (422, "empty")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"id": 99}, "'id' must be a whole number from 0 to 4"),
        ({"id": "0"}, "'id'"),
        ({"label": -1}, "'label'"),
        ({"id": 4, "label": 4}, "both"),
        ({"label": 4, "value": "maybe"}, "'maybe'"),
        ({"kinds": {"9": "drop"}}, "'kinds'"),
        ({"kinds": {"1": 7}}, "'kinds[...]'"),
        ({"kinds": []}, "'kinds'"),
        ({"kinds": {"3": "number"}}, "cannot be 'number'"),
        ({"kinds": {"3": "__proto__"}}, "cannot be '__proto__'"),
        ({"alerts": 0}, "'alerts' of the settings must be a whole number at least 1, but is 0"),
        ({"alerts": 61}, "'alerts'"),
        ({"alerts": True}, "'alerts'"),
        ({"alerts": 1.5}, "'alerts'"),
        ({"contamination": 0}, "above 0"),
        ({"contamination": 0.6}, "above 0"),
        ({"contamination": "5"}, "above 0"),
        ({"contamination": True}, "above 0"),
        ({"contamination": False}, "above 0"),
        ({"seed": -1}, "'seed'"),
        ({"missing": "mask"}, "'missing'"),
        ({"uses_marks": 1}, "uses_marks"),
        ({"file": "/etc/passwd"}, "some of"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(
    client: Client, ready: str, settings: dict[str, Any], said: str
) -> None:
    answer = client.ask("POST", f"/api/runs/{ready}/start", json.dumps(settings))
    assert answer.status == 422
    assert said in answer.problem
    assert client.get(f"/api/runs/{ready}")["task"] == "read"


@pytest.mark.parametrize(
    "body",
    [
        *("[]", "{", "7", "[" * 100_000, "\0"),
        *('{"contamination": NaN}', '{"seed": 1e400}', r'{"orders": {"1": "\ud800"}}'),
    ],
)
def test_bodies_that_are_no_settings_are_refused(client: Client, ready: str, body: str) -> None:
    assert client.ask("POST", f"/api/runs/{ready}/start", body).status == 422
    assert client.get(f"/api/runs/{ready}")["task"] == "read"


def test_names_of_columns_may_be_any_text(client: Client) -> None:
    names = [*HOSTILE, "outcome=yes"]
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {name: rng.integers(0, 90, 50).tolist() for name in names}
    table["outcome=yes"] = ["yes" if i % 5 else "no=never" for i in range(50)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    run_id = client.upload("names.csv", text.getvalue().encode())
    found = client.wait(run_id)
    assert [column["name"] for column in found["table"]["columns"]] == names
    kinds = {"1": "ordinal", "2": "category", "3": "drop"}
    found = start(client, run_id, label=6, value="no=never", kinds=kinds)
    assert found["state"] == "done", found["problem"]
    report = client.get(f"/runs/{run_id}/files/report.json")
    assert report["agreement"]["value"] == "no=never"
    assert [c["kind"] for c in report["columns"]][1:4] == ["ordinal", "category", "dropped"]
    assert "<script>alert" not in client.ask("GET", f"/runs/{run_id}/report").text
    client.post(f"/api/runs/{run_id}/delete")


def test_every_row_is_found_by_its_id_also_one_that_the_page_does_not_contain(
    client: Client,
) -> None:
    names = [f"x{i}" for i in range(130)]  # the page of a table so wide contains 500 rows
    cells = np.random.default_rng(0).normal(size=(620, len(names))).round(2)
    rows = [",".join([f"K{i:03}", *map(str, row)]) for i, row in enumerate(cells)]
    run = client.upload("wide.csv", "\n".join([",".join(["id", *names]), *rows, ""]).encode())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"id": 0, "alerts": 5})
    assert client.wait(run)["state"] == "done"
    data = client.get(f"/runs/{run}/files/report.json")["rows"]
    ids = [f"K{i:03}" for i in range(620)]
    assert len(set(ids) - set(data["ids"])) > 20
    found = {id_: client.get(f"/api/runs/{run}/find?id={id_.lower()}") for id_ in ids[:60]}
    for id_, answer in found.items():
        assert answer["n"] == 1
        ((place, same, score, p_value, unit),) = answer["rows"]
        assert same == id_
        if id_ in data["ids"]:
            at = data["ids"].index(id_)
            shown = [data[name][at] for name in ("ranks", "scores", "p_values", "units")]
            assert shown == [place, score, p_value, unit]
    every = client.get(f"/api/runs/{run}/find?id=K")
    assert (every["n"], len(every["rows"])) == (620, 50)
    assert [row[0] for row in every["rows"]] == list(range(50))
    assert client.get(f"/api/runs/{run}/find?id=%25_.*") == {"n": 0, "rows": []}


def test_a_run_has_a_workbook_with_its_checks_if_the_extra_is_installed(client: Client) -> None:
    run = client.upload("customers.csv", customers_csv())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"id": 0, "alerts": 6})
    assert client.wait(run)["state"] == "done"
    answer = client.ask("GET", f"/runs/{run}/files/alerts.xlsx")
    book = openpyxl.load_workbook(io.BytesIO(answer.body))
    assert book.sheetnames[0] == "alerts"
    ids = client.get(f"/runs/{run}/files/report.json")["rows"]["ids"][:6]
    assert [row[1].value for row in book["alerts"].iter_rows(min_row=2)] == ids


def test_workbooks_are_offered_with_the_extra_only(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "calamine" in name else find(name)
    )
    monkeypatch.setattr(_context, "ENDINGS", (".csv", ".parquet"))
    with pytest.raises(InputError, match=r"needs python-calamine\. Run pip install"):
        _context.ending_of("book.XLSX")
    with pytest.raises(Refusal, match=r"Give a \.csv or \.parquet file"):
        _context.ending_of("book.pdf")
