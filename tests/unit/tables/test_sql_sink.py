"""Databases as sinks: what stands there afterwards, once and twice, and when writing fails."""

import sqlite3
import string
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from postgresql import SECRET, Server
from texts import rejected

from somscape.errors import InputError
from somscape.tables import Table, read_sql, table_from_columns, write_sql
from somscape.tables import _write as sink_file
from somscape.tables._write import check_sink

ENGINES = ["sqlite", "duckdb", pytest.param("postgresql", marks=pytest.mark.nightly)]


class Place:
    """A database that may be written, and a way to run statements in it."""

    def __init__(self, url: str, run: Callable[[str], Any]) -> None:
        self.url, self.run = url, run

    def rows(self, name: str = "alerts") -> list[dict[str, Any]]:
        rows = read_sql(self.url, table=name)[0].to_pylist()
        return sorted(rows, key=lambda row: (row["run"], row["key"]))


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    file = tmp_path / "sink.db"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        server.run(
            "DROP SCHEMA IF EXISTS sink CASCADE",
            "DROP SCHEMA IF EXISTS audit CASCADE",
            "GRANT ALL ON DATABASE postgres TO sink",
            "CREATE SCHEMA sink AUTHORIZATION sink",  # of its own, first in its search path
        )
        return Place(server.url("sink"), lambda statement: server.run(statement, user="sink"))

    def run(statement: str) -> None:
        if request.param == "duckdb":
            with duckdb.connect(str(file)) as connection:
                connection.execute(statement)
            return
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement)

    return Place(f"{request.param}:///{file}", run)


def alerts(*scores: float) -> Table:
    cities: list[Any] = ["Rome", None, "O'slo"]
    return table_from_columns(
        {
            "rank": np.arange(1.0, len(scores) + 1),
            "score": list(scores),
            "city": cities[: len(scores)],
        }
    )


def refusal(*words: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        write_sql(*words, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rows_stand_there_once(place: Place) -> None:
    expected = [
        {"run": "r1", "key": "c3", "rank": 2.0, "score": 0.25, "city": None},
        {"run": "r1", "key": "c7", "rank": 1.0, "score": 0.5, "city": "Rome"},
    ]
    for _ in range(2):
        write_sql(alerts(0.5, 0.25), place.url, "alerts", run="r1", key=["c7", "c3"])
        assert place.rows() == expected


def test_a_row_of_the_same_run_and_key_is_replaced(place: Place) -> None:
    write_sql(alerts(0.5, 0.25), place.url, "alerts", run="r1", key=[1, 2])
    write_sql(alerts(0.75), place.url, "alerts", run="r1", key=[2])
    write_sql(alerts(0.125), place.url, "alerts", run="r2", key=[2])
    found = [(row["run"], row["key"], row["score"]) for row in place.rows()]
    assert found == [("r1", "1", 0.5), ("r1", "2", 0.75), ("r2", "2", 0.125)]


def test_no_rows_make_the_table(place: Place) -> None:
    none = alerts(0.5).take([])
    write_sql(none, place.url, "alerts", run="r1", key=[])
    write_sql(alerts(0.5), place.url, "alerts", run="r1", key=[1])
    assert len(place.rows()) == 1


def test_names_that_need_quotes(place: Place) -> None:
    odd = table_from_columns(
        {'a "b"': ["x"], "größe": [2.5], "select": ["y"], "Run": ["z"], "A b": [1.0], "a B": ["w"]}
    )
    name = 'Odd "name"; DROP TABLE x; --'
    for _ in range(2):
        write_sql(odd, place.url, name, run="r", key=["k"])
    assert place.rows(name) == [
        {
            **{"run": "r", "key": "k", 'a "b"': "x", "größe": 2.5, "select": "y"},
            **{"Run_input": "z", "A b": 1.0, "a B_input": "w"},
        }
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("run TEXT, key TEXT, rank DOUBLE PRECISION, city TEXT", "it lacks 'score'"),
        (
            "run TEXT, key TEXT, rank DOUBLE PRECISION, score DOUBLE PRECISION, city TEXT,"
            " more TEXT",
            "it also has 'more'",
        ),
        (
            "run TEXT, key TEXT, rank INTEGER, score DOUBLE PRECISION, city TEXT",
            "'rank' is integer, not double precision",
        ),
        (
            "run TEXT, key TEXT, rank DOUBLE PRECISION, score DOUBLE PRECISION, city INTEGER",
            "'city' is integer, not text",
        ),
        ("x TEXT", "it lacks 'run', 'key', 'rank', 'score', 'city', it also has 'x'"),
        (
            "run TEXT, key TEXT, rank DOUBLE PRECISION, score DOUBLE PRECISION, city TEXT",
            "conflict",  # no primary key: each engine says so in its own words
        ),
    ],
)
def test_a_table_with_other_columns_is_refused(place: Place, columns: str, words: str) -> None:
    place.run(f"CREATE TABLE alerts ({columns})")
    assert words in refusal(alerts(0.5), place.url, "alerts", run="r", key=[1]).replace(
        "CONFLICT", "conflict"
    )
    with rejected():
        read_sql(place.url, table="alerts")


def test_all_rows_are_written_or_none(place: Place) -> None:
    """The second row breaks a rule of the table, after the first was written."""
    place.run(
        "CREATE TABLE alerts (run TEXT, key TEXT, rank DOUBLE PRECISION, score DOUBLE PRECISION"
        " CHECK (score < 1), city TEXT, PRIMARY KEY (run, key))"
    )
    write_sql(alerts(0.5), place.url, "alerts", run="r", key=[1])
    before = place.rows()
    message = refusal(alerts(0.75, 2.0), place.url, "alerts", run="r", key=[1, 2])
    assert "writing alerts of " in message
    assert place.rows() == before


def test_a_table_that_cannot_be_filled_is_not_made(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kind = sink_file.SINKS[place.url.partition(":")[0]]
    whole = kind.upsert

    def half(self: Any, rows: Any) -> None:
        whole(self, rows)
        raise MemoryError

    monkeypatch.setattr(kind, "upsert", half)
    with pytest.raises(MemoryError):
        write_sql(alerts(0.5), place.url, "alerts", run="r", key=[1])
    assert not list(tmp_path.iterdir())  # nor a file that was not there
    if place.url.startswith("postgresql"):
        # The end of the message contains the tables of other tests.
        with pytest.raises(InputError, match="'alerts'"):
            read_sql(place.url, table="alerts")


def test_looking_changes_nothing(place: Place, tmp_path: Path) -> None:
    check_sink(place.url, "alerts")
    assert not list(tmp_path.iterdir())
    write_sql(alerts(0.5), place.url, "alerts", run="r", key=[1])
    before = place.rows()
    check_sink(place.url, "alerts")
    assert place.rows() == before
    place.run("CREATE TABLE others (x TEXT)")
    with rejected(parameter="name"):
        check_sink(place.url, "others")


@pytest.mark.parametrize(("keys", "value"), [(["a", "a"], "a"), ([1, "1"], "1"), (["a"], 1)])
def test_keys_that_do_not_tell_rows_apart(keys: list[Any], value: Any, tmp_path: Path) -> None:
    with rejected(parameter="key", value=value):
        write_sql(alerts(0.5, 0.25), f"sqlite:///{tmp_path}/a.db", "alerts", run="r", key=keys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_files_that_cannot_be_written(engine: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("id,rate\n" * 1000)
    for name in ("text", "none/a.db", "."):
        message = refusal(alerts(0.5), f"{engine}:///{tmp_path}/{name}", "a", run="r", key=[1])
        assert "writing a of " in message
    assert [p.name for p in tmp_path.iterdir()] == ["text"]
    assert (tmp_path / "text").read_text() == "id,rate\n" * 1000


def test_a_database_that_another_connection_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))  # not 5 s
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE x (a)")
        connection.execute("BEGIN IMMEDIATE")
        assert "locked" in refusal(alerts(0.5), f"sqlite:///{file}", "a", run="r", key=[1])


def test_a_password_in_the_url_is_refused() -> None:
    url = f"postgresql://anna:{SECRET}@db.bank/loans"
    message = refusal(alerts(0.5), url, "alerts", run="r", key=[1])
    assert "PGPASSWORD" in message
    assert SECRET not in message


@pytest.mark.nightly
def test_a_schema_of_a_server(postgresql: Server) -> None:
    postgresql.run(
        "DROP SCHEMA IF EXISTS audit CASCADE",
        "CREATE SCHEMA audit",
        "REVOKE CREATE ON SCHEMA public FROM public",
    )
    url = postgresql.url("auditor")
    message = refusal(alerts(0.5), url, "audit.alerts", run="r", key=[1])
    assert "permission denied for schema audit" in message
    assert "audit.nowhere" in refusal(alerts(0.5), url, "audit.nowhere", run="r", key=[1])
    postgresql.run("GRANT ALL ON SCHEMA audit TO auditor")
    for _ in range(2):
        write_sql(alerts(0.5), url, "audit.alerts", run="r", key=[1])
    assert postgresql.run("SELECT count(*) FROM audit.alerts") == [(1,)]
    # The rights of docs/operate/databases.md are sufficient.
    postgresql.run(
        "GRANT USAGE ON SCHEMA audit TO writer",
        "GRANT SELECT, INSERT, UPDATE ON audit.alerts TO writer",
    )
    for _ in range(2):
        write_sql(alerts(0.25), postgresql.url("writer"), "audit.alerts", run="r", key=[2])
    assert postgresql.run("SELECT count(*) FROM audit.alerts") == [(2,)]


@pytest.mark.nightly
def test_a_name_that_postgresql_would_cut(postgresql: Server) -> None:
    long = table_from_columns({"x" * 64: [1.0]})
    assert "longer than 63 bytes" in refusal(long, postgresql.url(), "cut", run="r", key=[1])


@pytest.mark.nightly
def test_many_rows_reach_a_server(postgresql: Server) -> None:
    n = 20_000
    many = table_from_columns({"score": np.arange(n) / 7, "note": [f"row {i}" for i in range(n)]})
    for _ in range(2):
        write_sql(many, postgresql.url(), "many", run="r", key=range(n))
    (found,) = postgresql.run("SELECT count(*), sum(score), max(note) FROM many")
    assert found == (n, pytest.approx((np.arange(n) / 7).sum()), "row 9999")


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8
) | st.sampled_from(["run", "key", "Key", "KEY_input", *string.punctuation])
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9).map(lambda s: f"<{s}>")


@given(
    st.dictionaries(NAMES, st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=4),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
)
def test_text_and_numbers_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[str]], numbers: list[float]
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('any')}/a.db"
    table = table_from_columns({**columns, "the numbers": np.array(numbers)})
    write_sql(table, url, "any", run="r", key=["a", "b", "c"])
    back, _ = read_sql(url, table="any")
    assert back["the numbers"].to_pylist() == numbers
    values = [column.to_pylist() for column in back.columns[2:-1]]
    assert values == [table.column(name).cells.tolist() for name in columns]
