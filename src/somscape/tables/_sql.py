"""Read a table of a database, or the result of a query, as an Arrow table."""

import errno
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from somscape._files import full_disk, shown
from somscape.errors import InputError
from somscape.tables._cells import as_text, spooled
from somscape.tables._late import pa
from somscape.tables._messages import install_command, listed, quoted, suggestion

SCHEME = re.compile("([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
NOT_DATABASES = ("file", "http", "https", "s3", "gs", "gcs", "abfs", "abfss", "hdfs")
FORMS = "sqlite:///FILE, duckdb:///FILE or postgresql://USER@HOST/NAME"

CONNECT_SECONDS = 20
"""Maximum time in seconds to wait for an answer when connecting to a PostgreSQL server."""

NAME = re.compile("[a-z_]+")
PASSWORD_IN_URL = (
    "The URL contains a password, which other people could see in lists of processes and in"
    " reports. Leave the password out of the URL, and put it into ~/.pgpass, a service file or the"
    " environment variable PGPASSWORD."
)


@dataclass(frozen=True)
class DatabaseAddress:
    """The address of a database.

    Attributes
    ----------
    engine : "sqlite", "duckdb" or "postgresql"
    url : str
        URL for the driver of PostgreSQL.
    file : Path or None
        File of a SQLite or DuckDB database, or None for a PostgreSQL server.
    name : str
        Name of the database in messages, such as "sqlite database bank.db".
    """

    engine: str
    url: str
    file: Path | None
    name: str


def is_url(text: object) -> bool:
    """Return whether a text is the URL of a database, such as ``sqlite:///bank.db``."""
    match = SCHEME.match(text) if isinstance(text, str) else None
    return match is not None and match[1].lower() not in NOT_DATABASES


def database_at(url: str) -> DatabaseAddress:
    """Parse a database URL. Error messages never repeat a part that may be a password."""
    match = SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    if scheme in ("sqlite", "duckdb"):
        return _file_database(scheme, url)
    if scheme in ("postgresql", "postgres"):
        return _server_database(url)
    raise InputError(
        f"{quoted(scheme)} is not a supported database. Give {FORMS}.",
        value=scheme,
        allowed=("sqlite", "duckdb", "postgresql"),
    )


def _file_database(engine: str, url: str) -> DatabaseAddress:
    place = url[len(engine) + 3 :]
    if not place.startswith("/") or len(place) == 1 or "?" in place:
        raise InputError(
            f"This URL cannot be read. Give {engine}:///FILE, with three slashes before a relative"
            " path or four slashes before an absolute path, and without further parameters.",
            allowed=f"{engine}:///FILE",
        )
    file = Path(unquote(place[1:]))
    return DatabaseAddress(engine, url, file, f"{engine} database {shown(file.name)}")


def _server_database(url: str) -> DatabaseAddress:
    bad = InputError(
        f"This URL cannot be read. Give {FORMS}, and write %40 instead of @ in a name.",
        allowed=FORMS,
    )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise bad from None  # the message of urlsplit may contain a part of a password
    user, _, hosts = parts.netloc.rpartition("@")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if ":" in user or any("password" in name.lower() for name in parameters):
        raise InputError(PASSWORD_IN_URL, options="or pass --ask-password")
    # A password with a slash or a question mark fails one of these checks.
    ports = [re.sub(r"^(\[.*\]|[^:]*)", "", host) for host in hosts.split(",")]
    is_clean = (
        all(re.fullmatch("(:[0-9]*)?", port) for port in ports)
        and "@" not in parts.path + parts.fragment
        and not parts.fragment
        and parts.query.count("&") + bool(parts.query) == len(parameters)
        and all(NAME.fullmatch(name) for name in parameters)
    )
    if not is_clean:
        raise bad
    if "connect_timeout" not in parameters:
        url += f"{'&' if parts.query else '?'}connect_timeout={CONNECT_SECONDS}"
    name = unquote(parts.path[1:]) or parameters.get("dbname") or parameters.get("service") or ""
    return DatabaseAddress(
        "postgresql", url, None, " ".join(["postgresql database", shown(name)]).strip()
    )


def quote_name(name: str) -> str:
    """Return a table or column name in the quotes that all supported databases use."""
    if not name or "\0" in name:
        raise InputError(
            f"{quoted(name)} cannot be the name of a table or column. Give another name.",
            value=name,
        )
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def one_line(doing: str, database: DatabaseAddress) -> Iterator[None]:
    """Convert a driver's errors, or its absence, to an InputError of one line without secrets."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise InputError(
            f"{doing} needs {package}. Run {install_command('sql')}.", value=package
        ) from error
    except InputError:
        raise
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        # Not `from error`: a log of the cause could show the connection string.
        raise InputError(f"{doing}: {_reason(error, database)}", file=database.name) from None


def _is_of_a_driver(error: Exception) -> bool:
    # Compare module names, because the drivers may not be installed.
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"sqlite3", "duckdb", "_duckdb", "adbc_driver_manager", "pyarrow"}) or (
        isinstance(error, OSError | UnicodeError)
    )


def _reason(error: Exception, database: DatabaseAddress) -> str:
    """Return the first line of a database driver's error message, without passwords."""
    said = re.search(r"(?:ERROR|FATAL):\s+(.*)", str(error))
    text = said[1] if said else re.sub(r"^[A-Z_]+: (\[\w+\] )?", "", str(error)).strip()
    text = re.sub(r"\.? SQLSTATE: \w+$", "", text.partition("\n")[0])
    if text == "not authorized":  # message of SQLite for everything that `read_sql` forbids
        return "a query can only read tables of its database"
    if database.file is not None and re.search("disk is full|No space left on device", text):
        return str(full_disk(OSError(errno.ENOSPC, text, database.file)))
    for secret in (database.url, os.environ.get("PGPASSWORD")):
        if secret:
            text = text.replace(secret, "...")
    return shown(text.strip().rstrip(".")) or type(error).__name__


Rows: TypeAlias = Generator["pa.Table", None, None]
"""Rows of a query, in batches."""

BATCH_ROWS = 1 << 16

DUCKDB_LOCKED: Any = {"enable_external_access": "false", "lock_configuration": "true"}
"""Settings with which DuckDB cannot open other files, load extensions or change its settings."""

SQLITE_TABLES = (
    "SELECT 'main', name FROM sqlite_master WHERE type IN ('table', 'view')"
    " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
)
DUCKDB_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_catalog = current_database() ORDER BY table_schema <> current_schema(), 1, 2"
)
# Not information_schema, which hides tables without read permission. The server reports these.
POSTGRESQL_TABLES = (
    "SELECT nspname::text, relname::text FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE relkind IN ('r', 'v', 'm', 'p', 'f')"
    " AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
    " ORDER BY NOT pg_catalog.pg_table_is_visible(c.oid), 1, 2"
)
# These roles can use files and programs of the server, even in a read-only transaction.
POSTGRESQL_POWERS = (
    "SELECT current_setting('is_superuser') = 'on' OR EXISTS (SELECT FROM pg_catalog.pg_roles"
    " WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files',"
    " 'pg_execute_server_program') AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER'))"
)


def read_sql(
    url: str, *, table: str | None = None, query: str | None = None
) -> tuple["pa.Table", str]:
    """Read a table or the result of a query from a database, without changing it.

    Parameters
    ----------
    url : str
        ``sqlite:///FILE``, ``duckdb:///FILE`` or ``postgresql://USER@HOST/NAME``, without a
        password.
    table : str, optional
        Name of a table or view, with or without the schema name before it (``schema.table``).
    query : str, optional
        One SQL statement that reads rows.  Pass either `query` or `table`.

    Returns
    -------
    pyarrow.Table
        Rows of the table or query, with decimal numbers as float64.  A large number of rows is
        stored in a temporary file (in the folder ``TMPDIR``) and uses hardly any memory.
    str
        Name of the rows in messages, such as "loans of sqlite database bank.db".

    Raises
    ------
    InputError
        If the table or query does not return rows, if reading fails, or if a column contains values
        other than numbers, text and dates.

    See Also
    --------
    write_sql, read_table

    Examples
    --------
    >>> import pathlib, sqlite3, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "bank.db")
    >>> with sqlite3.connect(file) as bank:
    ...     _ = bank.execute("CREATE TABLE loans AS SELECT 7 AS id, 3.5 AS rate")
    >>> bank.close()
    >>> rows, name = read_sql(f"sqlite:///{file}", query="SELECT id, rate * 2 AS rate FROM loans")
    >>> rows.to_pylist(), name
    ([{'id': 7, 'rate': 7.0}], 'query of sqlite database bank.db')
    """
    database = database_at(url)
    if (table is None) == (query is None):
        raise InputError(
            f"{database.name} needs either `table` with the name of a table or `query` with one"
            " statement.",
            parameter="table",
            file=database.name,
        )
    name = f"{'query' if table is None else table} of {database.name}"
    if database.file is not None and not database.file.is_file():
        raise InputError(
            f"{name}: the file {quoted(str(database.file))} does not exist. Correct the URL.",
            file=database.file,
        )
    with (
        one_line(f"reading {name}", database),
        closing(READERS[database.engine](database, table, query)) as parts,
    ):
        found = spooled(_plain_rows(rows, name) for rows in parts if rows.num_rows)
    if not found:
        raise InputError(f"{name} is empty. At least one row is needed.", file=name)
    return _joined(found), name


def _read_sqlite(database: DatabaseAddress, table: str | None, query: str | None) -> Rows:
    # Not by ADBC, because its driver silently ignores a second statement, lets ATTACH create
    # files, and uses the types of the first 1,024 rows for all rows.
    import sqlite3

    assert database.file is not None
    place = f"{database.file.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as connection:
        if table is not None:
            query = _select_all(table, connection.execute(SQLITE_TABLES).fetchall(), database)
        connection.set_authorizer(_only_reading)
        cursor = connection.execute(query or "")
        if cursor.description is None:
            raise InputError(
                f"{database.name}: the query returns no rows. Give a SELECT statement.",
                parameter="query",
                file=database.name,
            )
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(BATCH_ROWS):
            columns = zip(*rows, strict=True)
            yield pa.Table.from_arrays([_array_of(values) for values in columns], names)


def _only_reading(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Allow only statements that read. Functions cannot access other files."""
    import sqlite3

    if action == sqlite3.SQLITE_FUNCTION:
        may = (second or "").lower() not in ("load_extension", "fts3_tokenizer")
    else:
        may = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if may else sqlite3.SQLITE_DENY


def _array_of(values: Sequence[Any]) -> "pa.Array":
    """Return values of a SQLite column, which can have different types, as one Arrow array."""
    kinds = {type(value) for value in values} - {type(None)}
    if str in kinds and bytes not in kinds and len(kinds) > 1:
        values = [None if value is None else as_text(value) for value in values]
    elif bytes in kinds:
        return pa.array([None] * (len(values) - 1) + [b""], pa.binary())  # InputError follows
    elif kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    return pa.array(values)


def _read_duckdb(database: DatabaseAddress, table: str | None, query: str | None) -> Rows:
    import duckdb  # late: an extra

    with duckdb.connect(str(database.file), read_only=True, config=DUCKDB_LOCKED) as connection:
        if table is not None:
            query = _select_all(table, connection.execute(DUCKDB_TABLES).fetchall(), database)
        statements = connection.extract_statements(query or "")
        kinds = [statement.type.name for statement in statements]
        if kinds != ["SELECT"]:
            raise InputError(
                f"{database.name}: the query must be one statement that reads rows, such as SELECT,"
                f" but is {' and '.join(kinds) or 'empty'}.",
                parameter="query",
                file=database.name,
                value=kinds,
            )
        for batch in pa.RecordBatchReader.from_stream(connection.sql(statements[0])):
            yield pa.Table.from_batches([batch])


def _read_postgresql(database: DatabaseAddress, table: str | None, query: str | None) -> Rows:
    import adbc_driver_postgresql.dbapi as driver  # late: an extra

    with driver.connect(database.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        cursor.execute("BEGIN READ ONLY")
        if table is not None:
            cursor.execute(POSTGRESQL_TABLES)
            query = _select_all(table, cursor.fetchall(), database)
        else:
            cursor.execute(POSTGRESQL_POWERS)
            if cursor.fetchone() == (True,):
                raise InputError(
                    f"{database.name}: this role can read and write files of the server, so a query"
                    " could do the same. Connect with a role that can only read tables, or pass"
                    " `table` instead of `query`.",
                    parameter="query",
                    file=database.name,
                )
        cursor.execute("SET LOCAL synchronize_seqscans = off")  # keep the order of rows
        # A cursor accepts only one SELECT. From here on, the transaction has a snapshot, and cannot
        # be changed from reading to writing.
        cursor.execute(f"DECLARE somscape NO SCROLL CURSOR FOR\n{query}")
        rows = None
        while rows is None or rows.num_rows:
            cursor.execute(f"FETCH FORWARD {BATCH_ROWS} FROM somscape")
            rows = cursor.fetch_arrow_table()
            yield rows


READERS = {"sqlite": _read_sqlite, "duckdb": _read_duckdb, "postgresql": _read_postgresql}


def _select_all(name: str, found: Sequence[tuple[str, str]], database: DatabaseAddress) -> str:
    """Return an SQL query for all rows of a table. The default schema is searched first."""
    for schema, table in found:
        if name in (table, f"{schema}.{table}"):
            return f"SELECT * FROM {quote_name(schema)}.{quote_name(table)}"
    names = [f"{schema}.{table}" if "." in name else table for schema, table in found]
    hint = suggestion(name, names) or f"it has {listed(names) or 'no tables'}"
    raise InputError(
        f"{database.name} has no table {quoted(name)}; {hint}",
        options="--table NAME",
        parameter="table",
        file=database.name,
        value=name,
    )


def _joined(parts: list["pa.Table"]) -> "pa.Table":
    """Join parts of a query's result. Each column gets one type, because SQLite can mix types."""
    columns = [_one_type([part.column(i) for part in parts]) for i in range(parts[0].num_columns)]
    return pa.Table.from_arrays(columns, parts[0].column_names)


def _one_type(columns: list["pa.ChunkedArray"]) -> "pa.ChunkedArray":
    kinds = {column.type for column in columns} - {pa.null()}
    wide = (pa.string(), pa.float64(), pa.int64())
    kind = kinds.pop() if len(kinds) == 1 else next(k for k in wide if not kinds or k in kinds)
    chunks = [chunk for column in columns for chunk in column.cast(kind, safe=False).chunks]
    return pa.chunked_array(chunks, kind)


def _plain_rows(rows: "pa.Table", name: str) -> "pa.Table":
    """Return rows of a database. Raise InputError for values other than numbers, text and dates."""
    for i, field in enumerate(rows.schema):
        rows = rows.set_column(i, field.name, _plain_column(field, rows.column(i), name))
    return rows


def _plain_column(field: "pa.Field", column: "pa.ChunkedArray", name: str) -> "pa.ChunkedArray":
    kind = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() or str(field.type)
    if isinstance(column.type, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.storage_type)
    of = column.type
    if kind == "numeric" or pa.types.is_decimal(of):
        return column.cast(pa.float64())
    if kind == "uuid":
        texts = [None if v is None else str(UUID(bytes=v)) for v in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    is_other = pa.types.is_nested(of) or pa.types.is_interval(of) or "binary" in str(of)
    if is_other or kind == "money":  # only the server knows the currency
        raise InputError(
            f"{name}: column {quoted(field.name)} has type {kind}, but only numbers, text and dates"
            " can be read. Give a query without this column, or with CAST(... AS VARCHAR).",
            options="--query SQL",
            file=name,
            column=field.name,
            value=kind,
        )
    return column
