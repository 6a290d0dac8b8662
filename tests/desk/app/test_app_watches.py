"""A finished run becomes a watch, which is run on the next file; two people decide about cases."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import customers, customers_csv, transactions
from texts import rejected
from web_client import Client

from somscape.desk.app import _calls, _results
from somscape.desk.app._calls import MAX_CASES
from somscape.desk.app._queue import Queue
from somscape.desk.app._results import MarkStore, read_report
from somscape.desk.app._settings import JobRequest, RunSettings
from somscape.desk.app._store import Run, Store
from somscape.desk.cases import (
    Case,
    Decision,
    audit_lines,
    forget,
    verify,
)
from somscape.desk.cases.decide import NewDecision
from somscape.desk.cases.records import Listed, WatchRun, is_waiting
from somscape.desk.jobs._detect import Found, detect, rule_of
from somscape.desk.jobs._roles import ready, roles_from
from somscape.desk.jobs.job import Job
from somscape.tables import read_table


def upload(client: Client, name: str, content: bytes, watch: str) -> dict[str, Any]:
    answer = client.ask("POST", f"/api/uploads?name={name}&watch={watch}", content)
    assert answer.status == 200, answer.text
    return {**client.wait(answer.json["run"]), "run": answer.json["run"]}


def february() -> bytes:
    """The customers of January, of whom one earns a thousand times as much."""
    header, rows = customers(60)
    cells = rows[30].split(",")
    cells[1] = str(1000 * float(cells[1]))
    return "\n".join([header, *rows[:30], ",".join(cells), *rows[31:], ""]).encode()


@pytest.fixture(scope="module")
def january(client: Client) -> str:
    """A ranked run with two marks that was kept as the watch "cards"."""
    run = client.upload("january.csv", customers_csv())
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"alerts": 6, "id": 0, "label": 4, "value": "yes"})
    assert client.wait(run)["state"] == "done"
    first, second = client.get(f"/runs/{run}/files/report.json")["rows"]["numbers"][:2]
    for number, decision, comment in ((first, "confirmed", "a theft"), (second, "cleared", "")):
        body = {"row": number, "decision": decision, "comment": comment}
        client.post(f"/api/runs/{run}/mark", body)
    assert client.post(f"/api/runs/{run}/watch", {"name": "cards", "key": [0]}) == {
        "watch": "cards"
    }
    return run


def test_a_run_kept_as_a_watch_keeps_its_marks_as_decisions(client: Client, january: str) -> None:
    (watch,) = client.get("/api/watches")
    assert (watch["name"], watch["n_runs"], watch["report"]) == ("cards", 1, january)
    assert (watch["last"]["source"], watch["last"]["n_rows"]) == ("january.csv", 60)
    assert (watch["n_open"], watch["n_new"], watch["n_decided"]) == (4, 6, 2)  # as in the run
    assert (watch["n_new_checks"], watch["numbers"]) == (0, {"amount": 2, "age": 1})
    shown = client.get("/api/watches/cards")
    assert shown["key"] == ["cust_id"]
    assert shown["source"] == ""
    decided = {case["key"]: case for case in shown["cases"] if case["seen"]}
    assert sorted(case["state"] for case in decided.values()) == ["cleared", "confirmed"]
    confirmed = next(case for case in decided.values() if case["state"] == "confirmed")
    assert (confirmed["comment"], confirmed["place"]) == ("a theft", 1)
    # The page of the run shows them.
    marks = client.get(f"/api/runs/{january}/marks")
    assert sorted(mark["decision"] for mark in marks.values()) == ["cleared", "confirmed"]
    assert all(mark["author"] and mark["seen"] for mark in marks.values())
    again = client.ask("POST", f"/api/runs/{january}/watch", '{"name": "b", "key": [0]}')
    assert (again.status, "already belongs to the watch 'cards'" in again.problem) == (409, True)


def test_a_watch_is_run_on_a_new_file(client: Client, january: str) -> None:
    found = upload(client, "february.csv", february(), "cards")
    assert found["state"] == "done", found["problem"]
    assert found["task"] == "watch"
    (watch,) = client.get("/api/watches")
    assert (watch["n_runs"], watch["last"]["source"]) == (2, "february.csv")
    assert watch["report"] == found["run"]
    report = client.get(f"/runs/{found['run']}/files/report.json")
    assert report["changed"]["number"] == 2
    assert report["rows"]["ids"][0] == "00030"
    # What was cleared is folded, and comes out in the list with its state.
    assert found["facts"]["counts"]["folded"] == 1
    lines = client.ask("GET", f"/runs/{found['run']}/files/alerts.csv").text.splitlines()
    assert "cleared" in lines[-1]
    page = client.ask("GET", f"/runs/{found['run']}/report")
    assert page.status == 200
    # A file of other columns leaves a line, and no run of the watch.
    other = upload(client, "other.csv", b"a,b\n1,2\n3,4\n", "cards")
    assert other["state"] == "failed"
    assert "cust_id" in other["problem"]
    assert client.get("/api/watches")[0]["n_runs"] == 2
    client.post(f"/api/runs/{other['run']}/delete")


def test_the_table_of_an_earlier_run_waits_for_an_answer(client: Client, january: str) -> None:
    data = customers_csv(33)
    first = upload(client, "april.csv", data, "cards")
    upload(client, "may.csv", customers_csv(34), "cards")
    before = client.get("/api/watches")[0]["n_runs"]
    known = upload(client, "april2.csv", data, "cards")
    assert (first["state"], known["state"]) == ("done", "failed")
    assert known["problem"].startswith("This is the table of run ")
    assert (first["is_known_table"], known["is_known_table"]) == (False, True)
    assert client.get("/api/watches")[0]["n_runs"] == before
    client.post(f"/api/runs/{known['run']}/retry", {"again": True})
    now = client.wait(known["run"])
    assert (now["state"], now["is_known_table"]) == ("done", False)
    for name in ("april3.csv", "april4.csv"):  # also the table of the newest run
        assert upload(client, name, data, "cards&again=true")["state"] == "done"
    assert client.get("/api/watches")[0]["n_runs"] == before + 3
    wrong = upload(client, "other.csv", b"a,b\n1,2\n3,4\n", "cards")
    assert (wrong["state"], wrong["is_known_table"]) == ("failed", False)


def test_new_ids_are_a_choice_that_replaces_a_run(client: Client, january: str) -> None:
    header, rows = customers(60)
    table = "\n".join([header, *(f"n{row}" for row in rows), ""]).encode()
    asked = upload(client, "n.csv", table, "cards")
    number = client.get("/api/watches/cards")["last"]["number"]
    changed = client.get(f"/runs/{asked['run']}/files/report.json")["changed"]
    assert changed["question"]
    assert changed["counts"]["gone"] > 0
    right = upload(client, "n.csv", table, f"cards&instead_of={number}&new_ids=true")
    changed = client.get(f"/runs/{right['run']}/files/report.json")["changed"]
    assert (changed["question"], changed["counts"]["gone"]) == (None, 0)
    assert changed["instead_of"] == [number]
    last = client.get("/api/watches/cards")["last"]["number"]  # the other tests keep their ids
    back = upload(client, "back.csv", customers_csv(35), f"cards&instead_of={last}")
    assert back["state"] == "done"


def test_a_run_whose_table_was_wrong_is_replaced(client: Client, january: str) -> None:
    wrong = upload(client, "march.csv", customers_csv(40), "cards")
    number = client.get("/api/watches/cards")["last"]["number"]
    for given in ("watch=cards&instead_of=99", "watch=cards&instead_of=x", "instead_of=1"):
        answer = client.ask("POST", f"/api/uploads?name=m.csv&{given}", customers_csv())
        words = "there is no run 99" if "99" in given else "'instead_of' must be"
        assert (answer.status, words in answer.problem) == (422, True)
    right = upload(client, "right.csv", customers_csv(55), f"cards&instead_of={number}")
    assert right["state"] == "done", right["problem"]
    last, replaced = client.get("/api/watches/cards")["runs"][:2]
    assert (last["report"], replaced["report"]) == (right["run"], wrong["run"])
    assert (replaced["replaced_by"], last["replaced_by"]) == (last["number"], None)
    report = client.get(f"/runs/{right['run']}/files/report.json")["changed"]
    assert (report["instead_of"], report["compared_with"] != number) == ([number], True)
    # A run in whose place another stands counts no more.
    again = f"/api/uploads?name=m.csv&watch=cards&instead_of={number}"
    answer = client.ask("POST", again, customers_csv())
    words = f"run {last['number']} replaced run {number}. Give "
    assert (answer.status, words in answer.problem) == (422, True)


def test_the_second_of_two_people_sees_what_the_first_one_decided(
    client: Client, january: str
) -> None:
    case = next(c for c in client.get("/api/watches/cards")["cases"] if c["waits"])
    assert client.get(f"/api/watches/cards/cases/{case['key']}")["waits"]
    body = {"key": case["key"], "seen": case["seen"], "decision": "cleared", "comment": "moved"}
    once = client.post("/api/watches/cards/decide", {**body, "token": "t1"})
    # The answer was lost, and the page sends it again.
    assert client.post("/api/watches/cards/decide", {**body, "token": "t1"}) == once
    late = {**body, "decision": "confirmed", "token": "t2"}
    answer = client.ask("POST", "/api/watches/cards/decide", json.dumps(late))
    assert answer.status == 409
    assert "(moved). Look" in answer.problem
    last = answer.json["last"]
    assert (last["decision"], last["comment"], last["seen"]) == ("cleared", "moved", once["seen"])
    client.post("/api/watches/cards/decide", {**late, "seen": last["seen"]})
    found = client.get(f"/api/watches/cards/cases/{case['key']}")
    assert [said["decision"] for said in found["history"]] == ["cleared", "confirmed"]
    assert (found["state"], found["waits"]) == ("confirmed", False)
    assert [*found["cells"]] == ["amount", "age", "job"]
    assert len(found["usual"]) == 3
    assert found["map"]["unit"] < len(found["map"]["positions"])
    assert found["listed"][-1]["reasons"]
    assert case["run"] == found["of_run"]["run"]
    body = {"key": case["key"], "run": "r0", "decision": "cleared"}
    assert client.ask("POST", "/api/watches/cards/decide", json.dumps(body)).status == 422
    for path in ("/watches/cards", f"/watches/cards/cases/{case['key']}"):
        assert client.ask("GET", path).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/watches/none/decide", {"key": "00001", "decision": "cleared"}, 404),
        ("/api/watches/cards/decide", {"key": "nobody", "decision": "cleared"}, 422),
        ("/api/watches/cards/decide", {"key": 7, "decision": "cleared"}, 422),
        ("/api/watches/cards/decide", {"key": "00001", "decision": "guilty"}, 422),
        ("/api/watches/cards/decide", {"key": "00001", "decision": "cleared", "seen": "1"}, 422),
        ("/api/watches/cards/decide", {"key": "00001", "decision": "cleared", "token": ""}, 422),
        ("/api/watches/cards/decide", {"several": [{"decision": "cleared"}]}, 422),
        ("/api/watches/cards/decide", {"several": [{"key": "00001"}, {"key": "nobody"}]}, 422),
        ("/api/watches/cards/categories", {"categories": []}, 422),
        ("/api/watches/cards/categories", {"categories": ["a", "a"]}, 422),
        ("/api/watches/none/categories", {"categories": ["a"]}, 404),
        ("/api/uploads?name=a.csv&watch=none", {}, 422),
    ],
)
def test_what_is_no_decision_is_refused(
    client: Client, january: str, path: str, body: dict[str, Any], status: int
) -> None:
    answer = client.ask("POST", path, json.dumps(body))
    assert (answer.status, "sqlite" in answer.text) == (status, False)


@pytest.mark.parametrize("path", ["/watches/none", "/watches/cards/cases/nobody"])
def test_what_is_unknown_has_a_page_that_says_so(client: Client, january: str, path: str) -> None:
    for place, kind in ((path, "text/html"), (f"/api{path}", "application/json")):
        answer = client.ask("GET", place)
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (404, kind)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "a/b", "key": [0]}, "contain /"),
        ({"name": 7, "key": [0]}, "'name' of the request must be a text, but is 7"),
        ({"name": "-x", "key": [0]}, "start with -"),
        ({"name": "", "key": [0]}, "one line"),
        ({"name": "cards", "key": [0]}, "'cards' already exists"),
        ({"name": "other", "key": [9]}, "'key' must be"),
        ({"name": "other", "key": [3]}, "have the same key 'smith' in 'job'"),
    ],
)
def test_what_cannot_be_a_watch_is_refused(
    client: Client, january: str, ranked: Any, given: dict[str, Any], words: str
) -> None:
    answer = client.ask("POST", f"/api/runs/{ranked.run}/watch", json.dumps(given))
    assert (answer.status in (409, 422), words in answer.problem) == (True, True), answer.problem
    assert client.get(f"/api/runs/{ranked.run}")["watch"] is None


def test_a_run_has_a_name(client: Client, ready: str) -> None:
    assert client.post(f"/api/runs/{ready}/name", {"name": " Q1 / all "}) == {"name": "Q1 / all"}
    assert client.get(f"/api/runs/{ready}")["name"] == "Q1 / all"
    assert client.post(f"/api/runs/{ready}/name", {"name": ""}) == {"name": "customers.csv"}
    for name in ("a\nb", "x" * 300, 7):
        answer = client.ask("POST", f"/api/runs/{ready}/name", json.dumps({"name": name}))
        assert answer.status == 422


def test_a_check_is_a_case_of_the_watch(client: Client) -> None:
    header, rows = customers()
    cells = rows[7].split(",")
    rows[7] = ",".join([*cells[:2], "127", *cells[3:]])
    content = "\n".join([header, *rows, ""]).encode()
    run = client.upload("checked.csv", content)
    client.wait(run)
    client.post(f"/api/runs/{run}/start", {"id": 0, "label": 4, "value": "yes"})
    assert client.wait(run)["state"] == "done"
    client.post(f"/api/runs/{run}/watch", {"name": "checked", "key": [0]})
    shown = client.get("/api/watches/checked")["cases"]
    (check,) = (case for case in shown if case["is_check"])
    assert (check["waits"], check["news"], check["state"]) == (True, "new", "open")
    home = next(each for each in client.get("/api/watches") if each["name"] == "checked")
    assert (home["n_new"], home["n_new_checks"]) == (1, 1)  # the other rows fill the list
    assert check["reasons"] == "age 127 (next 53.4): cust_id 00007. Case of the same row: 00007"
    body = {"key": check["key"], "decision": "cleared", "run": check["run"], "seen": 0}
    client.post("/api/watches/checked/decide", {**body, "token": "check"})
    case = client.get(f"/api/watches/checked/cases/{check['key']}")
    assert (case["is_check"], case["state"], case["cells"]) == (True, "cleared", None)
    again = upload(client, "again.csv", content, "checked&again=true")
    assert client.get(f"/runs/{again['run']}/files/report.json")["checks"] == []


def test_what_waits_is_listed_and_not_decided_since() -> None:
    run = WatchRun("r2", "w", 2, "2026-02-02T00:00:00", "", "", "", "", {})
    row = Listed("k", 1, 1.0, 0.1, "returned", "")

    def case(
        state: str, made: str, news: str = "returned", of: str = "r2", seen: str | None = None
    ) -> Case:
        listed = Listed("k", 1, 1.0, 0.1, news, "")
        return Case("w", "k", state, Decision("w", "k", state, made=made, run=seen), listed, of)

    assert is_waiting(Case("w", "k", "open", None, row, "r2"), run)
    assert is_waiting(case("cleared", "2026-01-01T00:00:00"), run)
    assert not is_waiting(case("cleared", "2026-03-01T00:00:00"), run)
    assert is_waiting(case("cleared", run.made, seen="r1"), run)  # in the same second
    assert not is_waiting(case("cleared", run.made, seen="r2"), run)
    assert not is_waiting(case("cleared", "2026-01-01T00:00:00", "folded"), run)
    assert not is_waiting(case("open", "2026-01-01T00:00:00", of="r1"), run)
    assert not is_waiting(case("confirmed", "2026-01-01T00:00:00"), run)
    assert not is_waiting(case("later", "2026-01-01T00:00:00"), run)
    assert MAX_CASES >= 1000


def test_numbers_have_separators_but_years_and_categories_do_not() -> None:
    rows = {
        "a": {"year": 1999.0, "sum": 1234.5, "code": 4103.0, "gap": None, "id": "1,234,568"},
        "b": {"year": 2024, "sum": 2000, "code": 90210.0, "gap": 3000.0, "id": "9,007"},
        "c": {"year": None, "sum": None, "code": None, "gap": None, "id": None},
    }
    state: Any = SimpleNamespace(kept=lambda run: rows if run == "r2" else {})
    facts = {"roles": {"category": ["code"], "number": ["year", "sum", "gap", "id"]}}
    runs = [WatchRun(run, "w", 1, "", "", "", "", "", facts) for run in ("r2", "r1")]
    assert _calls.numbers_of(state, runs) == {"sum": 1, "gap": 0, "id": 15}
    assert _calls.numbers_of(state, []) == {}


TABLE = Job(id_column="cust_id", drop=("answer",), missing="fill", alerts=6, seed=0)


def ranked_run(store: Store, found: Found) -> Run:
    """A finished run of a new upload, with a decision on the fourth row."""
    run = store.keep_upload(store.new_upload(".csv")[0], "january.csv", ".csv")
    keep_results(store, run, found)
    said = NewDecision("3", "confirmed", "a theft", run.id, score=1.0)
    asyncio.run(store.decide(run.cases_of, [said], "bob"))
    return run


def keep_results(store: Store, run: Run, found: Found) -> None:
    results = store.folder_of(run.id) / "results"
    results.mkdir()
    found.write(results, found.result_list())
    (results / "report.json").write_text(found.report("").to_json(), encoding="utf-8")
    store.say_run(run.id, "done", task="rank", facts={"n_alerts": 6})


def begin(store: Store, run: Run, found: Found, name: str = "cards") -> None:
    """Begin a watch with a run as a job does."""
    request = JobRequest(
        **{"task": "begin", "watch": name, "name": "january.csv", "file": ""},
        **{"state": "", "folder": str(store.folder_of(run.id))},
        settings=RunSettings(author="ann"),
        job=TABLE,
        key=("cust_id",),
        cases_of=f"upload/{run.upload}",
    )
    _results.begun(store.cases, found.table, request)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    file = tmp_path_factory.mktemp("found") / "january.csv"
    file.write_bytes(customers_csv())
    table = read_table(file)
    subject = ready(table, roles_from(table, TABLE))
    return detect(subject.table, subject.encoding(), rule_of(TABLE, subject.table), TABLE)


@pytest.fixture
def named(tmp_path: Path, found: Found) -> Iterator[Store]:
    """An app in which a run began a watch."""
    with closing(Store(tmp_path / "app")) as store:
        begin(store, ranked_run(store, found), found)
        yield store


def test_a_watch_and_the_run_that_began_it_are_saved_together(named: Store) -> None:
    (run,) = named.runs()
    (first,) = named.cases.runs("cards")
    assert (run.watch, run.facts["watch_run"], run.facts["n_alerts"]) == ("cards", first.id, 6)
    (mark,) = asyncio.run(MarkStore(named).of(run))
    assert (mark["number"], mark["author"], mark["comment"]) == (3, "bob", "a theft")


def test_the_run_that_began_the_watch_is_found_and_not_a_later_one(named: Store) -> None:
    (first,) = named.runs()
    later = named.new_run(first.upload, "rank", None, "done")
    for run, is_first in ((first, True), (later, False)):
        now = named.run(run.id)
        assert (now.watch, "watch_run" in (now.facts or {})) == ("cards", is_first)


def test_an_upload_does_not_begin_a_second_watch(named: Store, found: Found) -> None:
    (run,) = named.runs()
    other = named.new_run(run.upload, "rank", None)
    keep_results(named, other, found)
    with rejected(value="cards"):
        begin(named, other, found, "theft")
    assert [watch.name for watch in named.cases.watches()] == ["cards"]
    assert "keys" not in read_report(named.folder_of(other.id))["rows"]
    assert verify(named.cases).faults == ()


def test_a_job_that_ended_late_has_begun_the_watch(
    named: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(named, 1, None, MarkStore(named))
    (run,) = named.runs()

    async def job(*_: object, **_asked: object) -> str:
        return "The system ended this job."

    monkeypatch.setattr(queue, "_run_outside_queue", job)
    for name, problem in (("theft", "The system ended this job."), ("cards", "")):
        assert asyncio.run(queue.begin_watch(run, name, ("id",), "ann")) == problem
        assert named.run(run.id).watch == "cards"


def test_two_runs_of_an_upload_do_not_begin_watches_at_the_same_time(
    named: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(named, 1, None, MarkStore(named))
    (run,) = named.runs()
    other = named.new_run(run.upload, "rank", None, "done")
    begun = []

    async def job(run: Run, *_: object, **_asked: object) -> str:
        begun.append(run.id)
        await asyncio.sleep(0.01)
        return "The system ended this job."

    async def both() -> list[Any]:
        asked = [queue.begin_watch(each, each.id, (), "ann") for each in (run, other)]
        return await asyncio.gather(*asked, return_exceptions=True)

    monkeypatch.setattr(queue, "_run_outside_queue", job)
    problem, refusal = asyncio.run(both())
    assert (problem, refusal.status_code, begun) == ("The system ended this job.", 409, [run.id])


def test_a_decision_on_an_upload_becomes_a_decision_of_its_watch(named: Store) -> None:
    state = named.cases
    (said,) = state.history("cards", "00003")
    (first,) = state.runs("cards")
    assert (said.number, said.author, said.run, said.score) == (5, "bob", first.id, 1.0)
    assert said.cells == state.kept(first.id)["00003"]
    assert [watch.name for watch in state.watches()] == ["cards"]
    assert [line["kind"] for line in audit_lines(state)] == [
        *("watch", "decision", "watch", "named", "decision", "forgotten", "run")
    ]
    assert verify(state).faults == ()
    assert forget(state, "cards", "00003", author="eve").n_cases == 1
    assert verify(state).faults == ()


def test_the_page_of_a_case_has_the_original_rows_of_a_customer(client: Client) -> None:
    header, rows = transactions()
    run = client.upload("sales.csv", "\n".join([header, *rows, ""]).encode())
    names = [column["name"] for column in client.wait(run)["table"]["columns"]]
    at = names.index("client")
    client.post(f"/api/runs/{run}/start", {"per": [at], "alerts": 3})
    assert client.wait(run)["state"] == "done"
    client.post(f"/api/runs/{run}/watch", {"name": "sales", "key": [at]})
    key = client.get("/api/watches/sales")["cases"][0]["key"]
    found = client.get(f"/api/watches/sales/cases/{key}")
    own, units = found["own_rows"], found["units"]
    assert (units["longest gap"], units["share at weekends"]) == ("days", "share")
    assert (units["mean amount"], units["number of rows"]) == ("", "")
    assert units["days since last date"] == ""  # the name has the unit
    mine = [row.split(",") for row in rows if row.split(",")[at] == key]
    assert own["n_rows"] == len(mine) > 0
    for name, values in ((cell["name"], cell["values"]) for cell in own["cells"]):
        assert sorted(values) == sorted(row[names.index(name)] for row in mine)
