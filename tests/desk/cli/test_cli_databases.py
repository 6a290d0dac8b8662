"""Commands on databases: the same results as from files, rows sent, and no secret anywhere."""

import json
import os
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line import Outcome, customers, listing, run, run_process, write
from postgresql import SECRET, Server

from somscape import load
from somscape.desk.jobs._detect import run_of
from somscape.outliers import AlertRule, Detector
from somscape.tables import read_sql, read_table

FROM_BANK = ["sqlite:///bank.db", "--table", "customers"]


@pytest.fixture
def bank(here: Path) -> Path:
    """The 60 customers, as a table of an SQLite database in the working folder."""
    header, rows = customers()
    with closing(sqlite3.connect("bank.db")) as connection, connection:
        connection.execute(
            "CREATE TABLE customers (cust_id TEXT, amount REAL, age REAL, job TEXT, answer TEXT)"
        )
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?)", [row.split(",") for row in rows]
        )
    write(Path("customers.csv"), header, rows)
    return here / "bank.db"


def refused(*words: Any) -> str:
    outcome = run(*words)
    check_refused(outcome)
    return outcome.err


def check_refused(outcome: Outcome) -> None:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    assert SECRET not in outcome.err


def alerts_of(url: str, table: str = "alerts") -> list[dict[str, Any]]:
    return read_sql(url, table=table)[0].to_pylist()


def test_detect_ranks_a_database_as_it_ranks_a_file(bank: Path) -> None:
    roles = ["--id", "cust_id", "--label", "answer"]
    for words, out in ((["customers.csv"], "one"), (FROM_BANK, "two")):
        outcome = run("detect", *words, *roles, "--out", out)
        assert (outcome.code, outcome.err) == (0, "")
    assert "60 rows of customers of sqlite database bank.db" in outcome.out

    def ranks(folder: str) -> list[str]:
        return read_table(f"{folder}/alerts.csv").column("cust_id").cells.tolist()

    assert ranks("one") == ranks("two")


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_run_that_is_repeated_doubles_nothing(engine: str, bank: Path) -> None:
    url = f"{engine}:///sink.db"
    words = ["detect", *FROM_BANK, "--id", "cust_id", "--to", url, "--to-table", "alerts"]
    for out in ("one", "two"):
        outcome = run(*words, "--alerts", "7", "--out", out)
        assert (outcome.code, outcome.err) == (0, "")
    found = alerts_of(url)
    listed = read_table("one/alerts.csv")
    (name,) = {row["run"] for row in found}
    assert f"Wrote 7 rows to the table alerts, run {name}" in outcome.out
    by_rank = sorted(found, key=lambda row: row["rank"])
    assert [row["key"] for row in by_rank] == listed.column("cust_id").cells.tolist()
    names = [name for name in listed.names if name != "finding"]  # earlier tables lack this column
    assert list(found[0]) == ["run", "key", *names]
    # Another rule is another run.
    assert run(*words, "--alerts", "3", "--out", "three").code == 0
    assert len(alerts_of(url)) == 10
    assert len({row["run"] for row in alerts_of(url)}) == 2


def test_the_command_of_a_report_makes_it_again(bank: Path) -> None:
    query = "SELECT * FROM customers WHERE age > 20 -- all of them"
    sink = ["--to", "sqlite:///sink.db", "--to-table", "alerts"]
    outcome = run("detect", "sqlite:///bank.db", "--query", query, *sink, "--out", "one")
    assert (outcome.code, outcome.err) == (0, "")
    page = command_of("one")
    words = shlex.split(page)
    assert words[:5] == ["somscape", "detect", "sqlite:///bank.db", "--missing", "fill"]
    assert words[words.index("--query") + 1] == query
    before = alerts_of("sqlite:///sink.db")
    assert run(*words[1:-1], "two").code == 0
    assert alerts_of("sqlite:///sink.db") == before
    assert Path("one/alerts.csv").read_bytes() == Path("two/alerts.csv").read_bytes()
    assert Path("one/map.som").read_bytes() == Path("two/map.som").read_bytes()


def command_of(folder: str) -> str:
    data = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    return str(data["method"]["command"])


def test_fit_score_and_report_read_databases(bank: Path) -> None:
    assert run("fit", *FROM_BANK, "--out", "m.som").code == 0
    assert run("detect", *FROM_BANK, "--out", "found").code == 0
    outcome = run("report", "found/map.som", *FROM_BANK, "--out", "page.html")
    assert (outcome.code, outcome.err) == (0, "")
    assert "60 rows of customers of sqlite database bank.db" in outcome.out
    sink = ["--to", "sqlite:///sink.db", "--to-table", "flagged"]
    few = ["sqlite:///bank.db", "--query", "SELECT * FROM customers LIMIT 20"]
    for _ in range(2):
        outcome = run("score", "found/map.som", *few, "--alerts", "4", *sink, "--out", "s.csv")
        assert outcome.code == 0
        assert "20 rows scored, 4 flagged: the 4 highest scores, as asked for." in outcome.err
    assert len(Path("s.csv").read_text().splitlines()) == 21
    found = alerts_of("sqlite:///sink.db", "flagged")
    assert len(found) == 4
    assert all(row["key"] == row["cust_id"] for row in found)
    assert {row["stands_out"] for row in found} <= {"yes", "no"}


def test_ids_that_repeat_make_no_keys(bank: Path) -> None:
    """Of two rows with one id, both are written."""
    sink = ["--to", "sqlite:///sink.db", "--to-table", "flagged"]
    assert run("detect", *FROM_BANK, "--id", "cust_id", "--out", "found").code == 0
    twice = "SELECT * FROM customers UNION ALL SELECT * FROM customers"
    words = ["score", "found/map.som", "sqlite:///bank.db", "--query", twice, *sink]
    outcome = run(*words, "--alerts", "6")
    assert outcome.code == 0, outcome.err
    found = alerts_of("sqlite:///sink.db", "flagged")
    assert (len(found), len({row["cust_id"] for row in found})) == (6, 3)


def test_what_a_run_is_called(bank: Path) -> None:
    words = ["--id", "cust_id", "--out", "found"]
    assert run("detect", *FROM_BANK, *words).code == 0
    table = read_table("sqlite:///bank.db", table="customers")
    detector, rule = load("found/map.som"), AlertRule(n_alerts=3)
    assert isinstance(detector, Detector)
    name = run_of(table, detector, rule)
    assert len(name) == 16
    assert run_of(table, detector, AlertRule(n_alerts=4)) != name
    default, above = AlertRule(), AlertRule(above_threshold=True)
    assert len({name, *(run_of(table, detector, rule) for rule in (default, above))}) == 3
    assert run_of(table.take(range(59)), detector, rule) != name
    assert run_of(table.without("age"), detector, rule) != name
    for other in (["--seed", "1"], ["--drop", "job"]):
        assert run("detect", *FROM_BANK, *other, "--id", "cust_id", "--out", "other").code == 0
        again = load("other/map.som")
        assert isinstance(again, Detector)
        assert run_of(table, again, rule) != name


# Refusals


@pytest.mark.parametrize(
    "words",
    [
        ["detect", "URL", "--table", "t", "--out", "found"],
        ["fit", "URL", "--table", "t", "--out", "m.som"],
        ["score", "found/map.som", "URL", "--table", "t"],
        ["score", "URL", "customers.csv"],
        ["report", "found/map.som", "URL", "--table", "t", "--out", "page.html"],
        ["report", "URL", "customers.csv", "--out", "page.html"],
        ["detect", "customers.csv", "--to", "URL", "--to-table", "t", "--out", "found"],
        ["score", "found/map.som", "customers.csv", "--to", "URL", "--to-table", "t"],
        ["convert", "URL", "rows.parquet"],
        ["convert", "m.som", "URL"],
        ["info", "URL"],
        ["info", "m.som", "URL"],
        ["detect", "customers.csv", "--id", "URL", "--out", "found"],
    ],
)
@pytest.mark.parametrize(
    "url", [f"postgresql://anna:{SECRET}@h/d", f"postgresql://anna@h/d?password={SECRET}"]
)
def test_a_password_in_a_url_is_never_shown(words: list[str], url: str, bank: Path) -> None:
    before = listing(bank.parent)
    refused(*[url if word == "URL" else word for word in words])
    assert listing(bank.parent) == before


def test_results_never_go_over_a_database(bank: Path) -> None:
    before = bank.read_bytes()
    assert "--out is bank.db" in refused("fit", *FROM_BANK, "--out", "bank.db")
    Path("old").mkdir()
    bank.rename("old/bank.db")
    for words in (
        ["sqlite:///old/bank.db", "--table", "customers"],
        ["customers.csv", "--to", "sqlite:///old/bank.db", "--to-table", "x"],
    ):
        assert "--out is old, which contains old/bank.db" in refused(
            "detect", *words, "--out", "old", "--force"
        )
    assert Path("old/bank.db").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sqlite:///bank.db"], "--table"),
        (["sqlite:///bank.db", "--table", "customer"], "did you mean 'customers'?"),
        (["sqlite:///bank.db", "--query", "DROP TABLE customers"], "bank.db"),
        (["sqlite:///bank.db", "--query", "SELECT 1; SELECT 2"], "one statement"),
        (["customers.csv", "--table", "customers"], "customers.csv"),
        (["mysql://h/d", "--table", "t"], "'mysql'"),
        (["customers.csv", "--to", "sqlite:///s.db"], "--to-table"),
        (["customers.csv", "--to-table", "alerts"], "--to"),
        (["customers.csv", "--to", "s.db", "--to-table", "a"], "--to must be the URL"),
        (["customers.csv", "--to", "sqlite:///bank.db", "--to-table", "customers"], "lacks 'run'"),
        (["customers.csv", "--to", "sqlite:///no/s.db", "--to-table", "a"], "unable to open"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    words: list[str], message: str, bank: Path
) -> None:
    before = listing(bank.parent)
    assert message in refused("detect", *words, "--out", "found")
    assert listing(bank.parent) == before


def test_a_sink_that_fails_at_the_end_leaves_no_results(bank: Path) -> None:
    """The table takes the run's columns, but not its rows."""
    url = "sqlite:///sink.db"
    words = ["detect", *FROM_BANK, "--id", "cust_id", "--to", url, "--to-table", "alerts"]
    assert run(*words, "--alerts", "2", "--out", "one").code == 0
    with closing(sqlite3.connect("sink.db")) as connection, connection:
        connection.execute("ALTER TABLE alerts RENAME COLUMN job TO work")
    before = listing(bank.parent), alerts_of(url)
    outcome = run(*words, "--alerts", "5", "--out", "two")
    assert outcome.code == 2
    assert "'job'" in outcome.err
    assert "'work'" in outcome.err
    assert (listing(bank.parent), alerts_of(url)) == before


# PostgreSQL


@pytest.fixture
def server(postgresql: Server) -> Server:
    postgresql.run(
        "DROP SCHEMA IF EXISTS shop CASCADE",
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.customers AS SELECT i::text AS id, (i * i % 97)::numeric AS amount,"
        " (i * 7 % 41)::int AS age FROM generate_series(1, 60) i",
        "GRANT ALL ON SCHEMA shop TO reader",
        "GRANT SELECT ON shop.customers TO reader",
    )
    return postgresql


@pytest.mark.nightly
def test_detect_from_a_server_to_a_server(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url("reader")
    sink = ["--to", url, "--to-table", "shop.alerts"]
    words = ["detect", url, "--table", "shop.customers", "--id", "id", *sink, "--alerts", "5"]
    monkeypatch.setenv("PGPASSFILE", str(here / "none"))
    for out in ("one", "two"):
        outcome = run_process(*words, "--out", out, PGPASSWORD=SECRET)
        assert (outcome.code, outcome.err) == (0, "")
    assert server.run("SELECT count(*), count(DISTINCT run) FROM shop.alerts") == [(5, 1)]
    assert f"detect {url} " in command_of("one")
    for path in Path("one").iterdir():
        assert SECRET.encode() not in path.read_bytes()
    assert SECRET not in outcome.out
    check_refused(run_process(*words, "--out", "three", PGPASSWORD=f"no-{SECRET}"))
    check_refused(run_process(*words, "--out", "three"))


@pytest.mark.nightly
def test_the_password_is_asked_for(
    server: Server, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "")  # and taken back after the test
    monkeypatch.setenv("PGPASSFILE", str(here / "none"))
    words = ["detect", server.url("reader"), "--table", "shop.customers", "--ask-password"]
    outcome = run(*words, "--out", "found", stdin=f"{SECRET}\n".encode())
    assert outcome.code == 0, outcome.err
    assert "Password" in outcome.err
    assert SECRET not in outcome.out + outcome.err
    command = command_of("found")
    assert "--ask-password" in command
    assert SECRET not in command
    assert os.environ["PGPASSWORD"] == SECRET
