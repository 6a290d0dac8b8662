"""Databases as sources: what arrives, that a query can do nothing but read, what is refused."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from postgresql import SECRET, Server

from somscape.errors import InputError
from somscape.tables import read_sql, read_table
from somscape.tables._messages import install_command
from somscape.tables._sql import is_url
from somscape.tables.sources import paths_of

LOANS = [(1, 2.5, "Rome", "2024-02-03"), (2, None, "Oslo", None), (3, 4.25, None, "2024-12-31")]


@pytest.fixture
def bank(tmp_path: Path) -> str:
    """The URL of an SQLite database with a table `loans` and a view `large`."""
    file = tmp_path / "bank.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE loans (id INTEGER, rate REAL, city TEXT, day TEXT)")
        connection.executemany("INSERT INTO loans VALUES (?, ?, ?, ?)", LOANS)
        connection.execute("CREATE VIEW large AS SELECT * FROM loans WHERE rate > 3")
    return f"sqlite:///{file}"


@pytest.fixture
def lake(tmp_path: Path) -> str:
    """The URL of a DuckDB database with the same table."""
    file = tmp_path / "lake.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE TABLE loans (id INTEGER, rate DECIMAL(10, 2), city TEXT, day DATE)"
        )
        connection.executemany("INSERT INTO loans VALUES (?, ?, ?, ?)", LOANS)
        connection.execute("CREATE SEQUENCE counter")
    return f"duckdb:///{file}"


@pytest.fixture(scope="module")
def server(postgresql: Server) -> Server:
    """A server with the same table, which `owner` owns and `reader` may read."""
    postgresql.run(
        "CREATE SCHEMA vault AUTHORIZATION owner",
        "GRANT CREATE ON SCHEMA public TO owner",
        "GRANT ALL ON DATABASE postgres TO owner",
    )
    postgresql.run(
        "CREATE TABLE loans (id INTEGER, rate NUMERIC(10, 2), city TEXT, day DATE)",
        "INSERT INTO loans VALUES (1, 2.5, 'Rome', '2024-02-03'), (2, NULL, 'Oslo', NULL),"
        " (3, 4.25, NULL, '2024-12-31')",
        "GRANT SELECT ON loans TO reader",
        'CREATE TABLE "Odd ""name" (x INTEGER)',
        'INSERT INTO "Odd ""name" VALUES (7)',
        "CREATE TABLE vault.keys AS SELECT 5 AS n",
        "CREATE SEQUENCE counter",
        "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS 'DELETE FROM loans RETURNING 1'",
        user="owner",
    )
    return postgresql


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refusal(*words: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_table(*words, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    assert SECRET not in repr(caught.value.__cause__)
    return message


# What arrives


@pytest.mark.parametrize(
    "which", ["bank", "lake", pytest.param("server", marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize("by", ["table", "query"])
def test_a_table_arrives_with_its_types(
    which: str, by: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    came = request.getfixturevalue(which)
    url = came if isinstance(came, str) else came.url("reader")
    given = {"table": "loans"} if by == "table" else {"query": "-- all\nSELECT * FROM loans; -- x"}
    rows, name = read_sql(url, **given)
    assert rows.column_names == ["id", "rate", "city", "day"]
    assert pa.types.is_integer(rows.schema.field("id").type)
    assert rows.schema.field("rate").type == pa.float64()
    assert rows["rate"].to_pylist() == [2.5, None, 4.25]
    assert rows["city"].to_pylist() == ["Rome", "Oslo", None]
    is_typed = which != "bank"  # SQLite has no dates
    assert pa.types.is_date(rows.schema.field("day").type) == is_typed
    table = read_table(url, **given)
    assert table.column("day").cells.tolist() == ["2024-02-03", None, "2024-12-31"]
    assert table.column("rate").is_number
    assert table.column("id").cells.tolist() == ["1", "2", "3"]
    assert table.source == name
    assert name.startswith("loans of " if by == "table" else "query of ")


@pytest.mark.parametrize(
    "word", ["SELECT 1 AS a", "VALUES (1)", "WITH x AS (SELECT 1 AS a) TABLE x"]
)
@pytest.mark.parametrize("which", ["lake", pytest.param("server", marks=pytest.mark.nightly)])
def test_every_statement_that_reads(
    word: str, which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    came = request.getfixturevalue(which)
    url = came if isinstance(came, str) else came.url("reader")
    rows, _ = read_sql(url, query=f"/* a comment */ {word} ; ")
    assert rows.columns[0].to_pylist() == [1]


def test_a_view_of_sqlite_is_a_table(bank: str) -> None:
    assert read_table(bank, table="large").column("id").cells.tolist() == ["3"]
    assert read_table(bank, table="main.large").n_rows == 1


@pytest.mark.parametrize("late", [10, 70_000])
def test_columns_of_sqlite_have_the_type_that_all_their_cells_have(
    tmp_path: Path, late: int
) -> None:
    """The last cell of each column is another type than all before it, also in a later batch."""
    file = tmp_path / "mixed.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (whole, real, text, deep, none)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?, NULL)",
            [(i, i, i, i + 0.1) for i in range(late)] + [(late, 0.1, "x", "y")],
        )
    rows, _ = read_sql(f"sqlite:///{file}", table="t")
    assert [str(kind) for kind in rows.schema.types] == [
        *("int64", "double", "string", "string", "string")
    ]
    assert rows["real"].to_pylist()[-2:] == [late - 1, 0.1]
    assert rows["text"].to_pylist()[-2:] == [str(late - 1), "x"]
    assert rows["deep"].to_pylist()[-2:] == [str(late - 0.9), "y"]  # with every digit
    assert set(rows["none"].to_pylist()) == {None}


def test_large_integers_keep_every_digit(bank: str) -> None:
    rows, _ = read_sql(bank, query="SELECT 9223372036854775807 AS n")
    assert rows["n"].to_pylist() == [2**63 - 1]
    rows, _ = read_sql(bank, query="SELECT 9223372036854775807 AS n UNION ALL SELECT 0.5")
    assert sorted(rows["n"].to_pylist()) == [0.5, 2.0**63]


def test_a_file_whose_name_looks_like_parameters(tmp_path: Path) -> None:
    file = tmp_path / "a b?mode=rwc#100%.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS x")
    url = f"sqlite:///{tmp_path}/a%20b%3Fmode=rwc%23100%25.db"
    assert read_table(url, table="t").column("x").numbers.tolist() == [7]


def test_values_of_duckdb(lake: str) -> None:
    rows, _ = read_sql(
        lake,
        query="SELECT 5::HUGEINT AS h, sum(id) AS s, 1.25::DECIMAL(18, 2) AS d,"
        " '0c0da2fd-27aa-4a1a-8e84-ec4faff2cd96'::UUID AS u, 'ok'::ENUM('ok', 'bad') AS e,"
        " TIMESTAMP '2024-01-02 03:04:05' AS t, NULL AS n, '{\"a\": 1}'::JSON AS j FROM loans",
    )
    (row,) = rows.to_pylist()
    assert (row["h"], row["s"], row["d"], row["e"], row["n"]) == (5.0, 6.0, 1.25, "ok", None)
    assert row["u"] == "0c0da2fd-27aa-4a1a-8e84-ec4faff2cd96"
    assert row["j"] == '{"a": 1}'
    assert str(rows.schema.field("t").type) == "timestamp[us]"
    assert read_table(lake, query="SELECT 1.5::DECIMAL(4, 1) AS d").column("d").is_number


@pytest.mark.nightly
def test_values_of_postgresql(server: Server) -> None:
    rows, _ = read_sql(
        server.url("owner"),
        query="SELECT 1.50::numeric AS n, 'NaN'::numeric AS nan, '-Infinity'::numeric AS inf,"
        " 123456789012345678901234567890::numeric AS large, 3::int2 AS i, true AS b,"
        " '12345678-1234-5678-1234-567812345678'::uuid AS u, '{\"a\": 1}'::jsonb AS j,"
        " timestamptz '2024-02-03 04:05:06+02' AS t, 'x'::name AS c, NULL AS none,"
        " (SELECT avg(x) FROM generate_series(1, 4) x) AS mean",
    )
    (row,) = rows.to_pylist()
    assert (row["n"], row["inf"], row["large"]) == (1.5, float("-inf"), 1.2345678901234568e29)
    assert row["nan"] != row["nan"]
    assert (row["i"], row["b"], row["c"], row["none"], row["mean"]) == (3, True, "x", None, 2.5)
    assert row["u"] == "12345678-1234-5678-1234-567812345678"
    assert row["j"] == '{"a": 1}'
    assert row["t"].isoformat() == "2024-02-03T02:05:06+00:00"


@pytest.mark.nightly
def test_more_rows_than_one_batch_arrive_in_their_order(server: Server) -> None:
    query = "SELECT i, i * 0.5 AS half FROM generate_series(1, 150000) i ORDER BY i DESC"
    rows, _ = read_sql(server.url("owner"), query=query)
    assert rows["i"].to_pylist() == list(range(150_000, 0, -1))
    assert rows["half"][0].as_py() == 75_000.0


@pytest.mark.nightly
def test_tables_of_schemas_and_with_odd_names(server: Server) -> None:
    url = server.url("owner")
    assert read_table(url, table='Odd "name').column("x").numbers.tolist() == [7]
    assert read_table(url, table="vault.keys").column("n").numbers.tolist() == [5]
    assert read_table(url, table="keys").n_rows == 1
    # The superuser may read a table, by a statement of ours, but give no query.
    assert read_table(server.url(), table="loans").n_rows == 3


@pytest.mark.parametrize(
    ("which", "value", "kind"),
    [
        ("bank", "x'00ff'", "binary"),
        ("lake", "[1, 2]", "list<"),
        ("lake", "'ab'::BLOB", "binary"),
        ("lake", "INTERVAL 2 DAYS", "month_day_nano_interval"),
        pytest.param("server", "'\\xdead'::bytea", "bytea", marks=pytest.mark.nightly),
        pytest.param("server", "interval '2 days'", "interval", marks=pytest.mark.nightly),
        pytest.param("server", "3.5::money", "money", marks=pytest.mark.nightly),
        pytest.param("server", "point(1, 2)", "point", marks=pytest.mark.nightly),
        pytest.param("server", "'10.0.0.1'::inet", "inet", marks=pytest.mark.nightly),
        pytest.param("server", "array[1, 2]", "_int4", marks=pytest.mark.nightly),
    ],
)
def test_what_is_no_number_text_or_date_is_refused(
    which: str, value: str, kind: str, request: pytest.FixtureRequest
) -> None:
    came = request.getfixturevalue(which)
    url = came if isinstance(came, str) else came.url("owner")
    message = refusal(url, query=f"SELECT 1 AS a, {value} AS odd")
    assert f"column 'odd' has type {kind}" in message
    assert "CAST(... AS VARCHAR)" in message


# Nothing but reading

SQLITE_ATTACKS = [
    "SELECT 1; DROP TABLE loans",
    "SELECT 1; SELECT 2",
    "DROP TABLE loans",
    "DELETE FROM loans",
    "DELETE FROM loans RETURNING *",
    "INSERT INTO loans SELECT * FROM loans RETURNING id",
    "WITH x AS (SELECT 9 AS n) INSERT INTO loans (id) SELECT n FROM x RETURNING id",
    "UPDATE loans SET rate = 0",
    "CREATE TABLE more AS SELECT * FROM loans",
    "CREATE TEMP TABLE more AS SELECT * FROM loans",
    "ATTACH 'other.db' AS other",
    "ATTACH ':memory:' AS other",
    "VACUUM",
    "VACUUM INTO 'copy.db'",
    "PRAGMA journal_mode = WAL",
    "PRAGMA writable_schema = 1",
    "PRAGMA user_version = 7",
    "PRAGMA temp_store_directory = '.'",
    "SELECT * FROM pragma_database_list",
    "SELECT load_extension('./evil')",
    "SELECT Load_Extension('./evil', 'start')",
    "SELECT writefile('written', 'x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT fts3_tokenizer('simple')",
    "BEGIN",
    "COMMIT; DROP TABLE loans",
    "ANALYZE",
    "REINDEX",
    "EXPLAIN; DROP TABLE loans",
    "",
    "-- nothing",
    ";",
]
DUCKDB_ATTACKS = [
    "SELECT 1; DROP TABLE loans",
    "SELECT 1; SELECT 2",
    "DROP TABLE loans",
    "DELETE FROM loans RETURNING *",
    "INSERT INTO loans SELECT * FROM loans RETURNING id",
    "CREATE TEMP TABLE more AS SELECT 1",
    "COPY loans TO 'copy.csv'",
    "COPY (SELECT 1) TO 'copy.parquet' (FORMAT parquet)",
    "COPY loans FROM '/etc/passwd'",
    "EXPORT DATABASE 'copy'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('https://localhost/x.parquet')",
    "SELECT getenv('HOME')",
    "SELECT nextval('counter')",
    "ATTACH 'other.duckdb' AS other",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD './evil.duckdb_extension'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET enable_external_access",
    "PRAGMA enable_logging",
    "CALL enable_logging()",
    "CHECKPOINT",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE p AS DROP TABLE loans",
    "BEGIN",
    "",
    "-- nothing",
]
POSTGRESQL_ATTACKS = [
    "SELECT 1; DROP TABLE loans",
    "SELECT 1; SELECT 2",
    "SELECT 1; COMMIT; DROP TABLE loans",
    "DROP TABLE loans",
    "DELETE FROM loans RETURNING *",
    "WITH x AS (DELETE FROM loans RETURNING *) SELECT * FROM x",
    "SELECT * INTO more FROM loans",
    "CREATE TABLE more AS SELECT 1",
    "SELECT * FROM loans FOR UPDATE",
    "SELECT wipe()",
    "SELECT nextval('counter')",
    "SELECT setval('counter', 77)",
    "SELECT set_config('transaction_read_only', 'off', false), wipe()",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('default_transaction_read_only', 'off', false), wipe()",
    "SET transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "COMMIT",
    "END; BEGIN; DROP TABLE loans",
    "COPY loans TO PROGRAM 'touch {file}'",
    "COPY (SELECT 1) TO '{file}'",
    "SELECT 1) TO PROGRAM 'touch {file}' --",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_from_bytea(0, 'x'), '{file}')",
    "SELECT query_to_xml('DROP TABLE loans', true, true, '')",
    "SELECT query_to_xml('SELECT wipe()', true, true, '')",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "DO 'BEGIN DELETE FROM loans; END'",
    "CALL wipe()",
    "EXPLAIN ANALYZE DELETE FROM loans",
    "PREPARE p AS DELETE FROM loans",
    "LISTEN x",
    "LOCK TABLE loans",
    "CREATE EXTENSION dblink",
    "SET ROLE boss",
    "SELECT set_config('role', 'boss', false)",
    "SELECT set_config('session_authorization', 'boss', false)",
    "SELECT $1",
    "",
    "-- nothing",
]


@pytest.mark.parametrize("attack", SQLITE_ATTACKS)
def test_a_query_of_sqlite_changes_nothing(
    attack: str, bank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert "bank.db" in refusal(bank, query=attack)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("attack", DUCKDB_ATTACKS)
def test_a_query_of_duckdb_changes_nothing(
    attack: str, lake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert "lake.duckdb" in refusal(lake, query=attack)
    assert contents(tmp_path) == before


def state(server: Server) -> list[Any]:
    """All that a query could change: rows, sequences, relations, large objects, extensions."""
    return server.run(
        "SELECT (SELECT string_agg(l::text, ' ' ORDER BY id) FROM loans l),"
        " (SELECT last_value FROM counter),"
        " (SELECT string_agg(relname::text, ' ' ORDER BY oid) FROM pg_class),"
        " (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_extension)"
    )


@pytest.mark.nightly
@pytest.mark.parametrize("attack", POSTGRESQL_ATTACKS)
def test_a_query_of_postgresql_changes_nothing(attack: str, server: Server, tmp_path: Path) -> None:
    """Not even one of the tables' owner, who may drop them."""
    before, file = state(server), server.folder / "written"
    message = refusal(server.url("owner"), query=attack.replace("{file}", str(file)))
    assert "query of postgresql database postgres" in message
    assert state(server) == before
    assert not file.exists()


@pytest.mark.nightly
@pytest.mark.parametrize(
    "query", ["SELECT lo_from_bytea(0, 'x')", "SELECT set_config('work_mem', '1MB', false)"]
)
def test_what_a_server_allows_ends_with_the_transaction(query: str, server: Server) -> None:
    before = state(server)
    read_sql(server.url("owner"), query=query)
    assert state(server) == before


@pytest.mark.nightly
@pytest.mark.parametrize(
    "grant", ["superuser", "pg_read_server_files", "pg_execute_server_program"]
)
def test_who_may_read_the_servers_files_may_give_no_query(grant: str, server: Server) -> None:
    if grant == "superuser":
        url = server.url()
    else:
        role = f"has_{grant}"
        server.run(f"CREATE ROLE {role} LOGIN", f"GRANT {grant} TO {role}")
        url = server.url(role)
    message = refusal(url, query="SELECT pg_read_file('/etc/passwd')")
    assert "can read and write files of the server" in message


# Passwords

SECRET_URLS = [
    f"postgresql://anna:{SECRET}@db.bank/loans",
    f"postgres://anna:{SECRET}@db.bank/loans",
    f"POSTGRESQL://anna:{SECRET}@db.bank/loans",
    f"postgresql://:{SECRET}@db.bank/loans",
    f"postgresql://anna:{SECRET}@one,two/loans",
    f"postgresql://anna@db.bank/loans?password={SECRET}",
    f"postgresql://anna@db.bank/loans?sslmode=require&password={SECRET}",
    f"postgresql://anna@db.bank/loans?p%61ssword={SECRET}",
    f"postgresql://anna@db.bank/loans?sslpassword={SECRET}",
    f"postgresql://anna@db.bank/loans?PASSWORD={SECRET}",
    f"postgresql://anna:a/{SECRET}@db.bank/loans",
    f"postgresql://anna:a?{SECRET}@db.bank/loans",
    f"postgresql://anna:1/{SECRET}@db.bank/loans",
    f"postgresql://anna:1#{SECRET}@db.bank/loans",
    f"postgresql://anna:1?{SECRET}=@db.bank/loans",
    f"postgresql://[{SECRET}@db.bank/loans",
    f"sqlite://anna:{SECRET}@/bank.db",
    f"sqlite:///bank.db?password={SECRET}",
    f"duckdb://{SECRET}",
    f"mysql://anna:{SECRET}@db.bank/loans",
    f"postgresql+psycopg2://anna:{SECRET}@db.bank/loans",
]


@pytest.mark.parametrize("url", SECRET_URLS)
def test_a_password_in_a_url_is_refused_before_anything_connects(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)  # so nothing can connect
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert "pip install" not in refusal(url, table="loans")
    with pytest.raises(InputError) as caught:
        paths_of(url)
    assert SECRET not in str(caught.value)


# Bad input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((url, True) for url in ("sqlite:///f.db", "duckdb:////f", "postgres://h", "mysql://h/d")),
        *((text, False) for text in ("f.db", "-", "C:\\f.db", "C://f.db", "s3://b/k", "a/b://c")),
        (Path("f.db"), False),
    ],
)
def test_what_is_a_url(text: object, expected: bool) -> None:
    assert is_url(text) is expected


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///a%20b.db", "a b.db"),
        ("sqlite:////tmp/a.db", "/tmp/a.db"),
        ("duckdb:///folder/a.duckdb", "folder/a.duckdb"),
        ("a b%20c.csv", "a b%20c.csv"),
    ],
)
def test_the_file_of_a_url(url: str, file: str) -> None:
    assert paths_of(url) == [Path(file)]


@pytest.mark.parametrize(
    "which", ["bank", "lake", pytest.param("server", marks=pytest.mark.nightly)]
)
def test_a_close_name_is_proposed(which: str, request: pytest.FixtureRequest) -> None:
    came = request.getfixturevalue(which)
    url = came if isinstance(came, str) else came.url("owner")
    assert refusal(url, table="Loan").endswith("has no table 'Loan'; did you mean 'loans'?")
    assert "it has '" in refusal(url, table="quite different")
    assert "has no table" in refusal(url, table='loans"; DROP TABLE loans; --')


@pytest.mark.parametrize(
    "which", ["bank", "lake", pytest.param("server", marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT nothing FROM loans", "nothing"),
        ("SELECT * FROM loans WHERE id > 7", "is empty"),
        ("SELECT id, id FROM loans", "same name|repeats|unique|twice|share"),
    ],
)
def test_a_query_that_fails(
    which: str, query: str, words: str, request: pytest.FixtureRequest
) -> None:
    came = request.getfixturevalue(which)
    url = came if isinstance(came, str) else came.url("owner")
    message = refusal(url, query=query)
    assert any(word in message for word in words.split("|")), message


@pytest.mark.parametrize("given", [{}, {"table": "loans", "query": "SELECT 1"}])
def test_exactly_one_of_table_and_query(bank: str, given: dict[str, str]) -> None:
    assert "needs either `table`" in refusal(bank, **given)


def test_a_file_takes_no_query(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert "is a file" in refusal(tmp_path / "a.csv", query="SELECT 1")
    assert "Leave out `delimiter`" in refusal("sqlite:///a.db", table="a", delimiter=";")


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_files_that_are_no_database(engine: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("id,rate\n" * 1000)
    (tmp_path / "folder").mkdir()
    assert "database" in refusal(f"{engine}:///{tmp_path}/text.db", table="a").lower()
    for name in ("none.db", "folder"):
        assert "does not exist" in refusal(f"{engine}:///{tmp_path}/{name}", table="a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "text.db"]
    for url in (f"{engine}://bank.db", f"{engine}:///", f"{engine}:///a.db?mode=rwc"):
        assert "three slashes" in refusal(url, table="a")


def test_a_damaged_database(bank: str, tmp_path: Path) -> None:
    file = tmp_path / "bank.db"
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" * 4096)
    assert "malformed" in refusal(bank, table="loans")


@pytest.mark.parametrize(
    ("url", "driver"),
    [("duckdb:///{}", "duckdb"), ("postgresql://h/d", "adbc_driver_postgresql")],
)
def test_a_driver_that_is_missing(
    url: str, driver: str, monkeypatch: pytest.MonkeyPatch, lake: str
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    message = refusal(url.format(lake.removeprefix("duckdb:///")), table="loans")
    assert message.endswith(f"needs {driver}. Run {install_command('sql')}.")


def test_a_database_that_another_connection_writes(lake: str) -> None:
    with duckdb.connect(lake.removeprefix("duckdb:///")):
        assert "lake.duckdb" in refusal(lake, table="loans")


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/bank", "postgresql://no.invalid/bank"])
def test_a_server_that_is_not_there(url: str) -> None:
    assert "reading loans of postgresql database bank: " in refusal(url, table="loans")


@pytest.mark.nightly
def test_no_permission(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    url = server.url("reader")
    assert "permission denied" in refusal(url, table="keys")
    assert "permission denied" in refusal(url, query="SELECT * FROM vault.keys")
    assert "nowhere" in refusal(server.url("owner", "nowhere"), table="loans")
    assert "nobody" in refusal(server.url("nobody"), table="loans")
