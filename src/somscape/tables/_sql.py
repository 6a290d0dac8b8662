"""A table or a query of a database -> an Arrow table, with nothing but reading allowed."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from somscape.errors import InputError
from somscape.tables._database import Database, database_at, one_line, quote_name
from somscape.tables._spool import spooled
from somscape.tables._values import as_text
from somscape.tables._words import listed, quoted, suggestion

if TYPE_CHECKING:
    import pyarrow as pa

Rows: TypeAlias = Generator["pa.Table", None, None]
"""The rows of a query, some at a time."""

BATCH_ROWS = 1 << 16

DUCKDB_LOCKED: Any = {
    "enable_external_access": "false",
    "lock_configuration": "true",
}
"""No file but the database, no extension, and no statement that changes this."""

SQLITE_TABLES = (
    "SELECT 'main', name FROM sqlite_master WHERE type IN ('table', 'view')"
    " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
)
DUCKDB_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_catalog = current_database() ORDER BY table_schema <> current_schema(), 1, 2"
)
# Not information_schema, which hides tables that may not be read: of those the server says so.
POSTGRESQL_TABLES = (
    "SELECT nspname::text, relname::text FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE relkind IN ('r', 'v', 'm', 'p', 'f')"
    " AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
    " ORDER BY NOT pg_catalog.pg_table_is_visible(c.oid), 1, 2"
)
# The server's files and programs are open to these whatever a transaction may do.
POSTGRESQL_POWERS = (
    "SELECT current_setting('is_superuser') = 'on' OR EXISTS (SELECT FROM pg_catalog.pg_roles"
    " WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files',"
    " 'pg_execute_server_program') AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER'))"
)


def read_sql(
    url: str, *, table: str | None = None, query: str | None = None
) -> tuple["pa.Table", str]:
    """Read a table or the result of a query, which can do nothing but read.

    Parameters
    ----------
    url : str
        ``sqlite:///FILE``, ``duckdb:///FILE`` or ``postgresql://USER@HOST/NAME``, without a
        password.
    table : str, optional
        A table or view; its schema may stand before it and a dot.
    query : str, optional
        One statement; give either this or `table`.

    Returns
    -------
    pyarrow.Table
        Decimal numbers are float64; what is neither number, text nor date is refused.  Its rows
        stand in a temporary file, in the folder that ``TMPDIR`` names, and take hardly any memory.
    str
        What messages call it, such as "loans of sqlite database bank.db".

    Raises
    ------
    InputError
        If there is nothing to read, or it cannot be read.

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
            f"{database.name}: give either `table`, a table's name, or `query`, one statement"
        )
    name = f"{'query' if table is None else table} of {database.name}"
    if database.file is not None and not database.file.is_file():
        raise InputError(f"{name}: there is no file {quoted(str(database.file))}. Correct the URL.")
    with (
        one_line(f"reading {name}", database),
        closing(READERS[database.engine](database, table, query)) as parts,
    ):
        found = spooled(_plain(rows, name) for rows in parts if rows.num_rows)
    if not found:
        raise InputError(f"{name} has no rows; give at least one")
    return _joined(found), name


def _read_sqlite(database: Database, table: str | None, query: str | None) -> Rows:
    # Not by ADBC, whose driver leaves a second statement out in silence, lets ATTACH make files,
    # and takes the types of the first 1,024 rows for those of all.
    import sqlite3

    import pyarrow as pa  # late: it is slow to import

    assert database.file is not None
    place = f"{database.file.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as connection:
        if table is not None:
            query = _all_of(table, connection.execute(SQLITE_TABLES).fetchall(), database)
        connection.set_authorizer(_only_reading)
        cursor = connection.execute(query or "")
        if cursor.description is None:
            raise InputError(f"{database.name}: a query must give rows, as SELECT does")
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(BATCH_ROWS):
            columns = zip(*rows, strict=True)
            yield pa.Table.from_arrays([_array_of(values) for values in columns], names)


def _only_reading(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Allow what reads, also functions, none of which reaches a file but this one."""
    import sqlite3

    if action == sqlite3.SQLITE_FUNCTION:
        may = (second or "").lower() not in ("load_extension", "fts3_tokenizer")
    else:
        reading = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
        may = action in reading
    return sqlite3.SQLITE_OK if may else sqlite3.SQLITE_DENY


def _array_of(values: Sequence[Any]) -> "pa.Array":
    """Return values of SQLite, each of which has a type of its own, as one array."""
    import pyarrow as pa  # late: it is slow to import

    kinds = {type(value) for value in values} - {type(None)}
    if str in kinds and bytes not in kinds and len(kinds) > 1:
        values = [None if value is None else as_text(value) for value in values]
    elif bytes in kinds:
        return pa.array([None] * (len(values) - 1) + [b""], pa.binary())  # which is refused
    elif kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    return pa.array(values)


def _read_duckdb(database: Database, table: str | None, query: str | None) -> Rows:
    import duckdb  # late: an extra
    import pyarrow as pa

    with duckdb.connect(str(database.file), read_only=True, config=DUCKDB_LOCKED) as connection:
        if table is not None:
            query = _all_of(table, connection.execute(DUCKDB_TABLES).fetchall(), database)
        statements = connection.extract_statements(query or "")
        kinds = [statement.type.name for statement in statements]
        if kinds != ["SELECT"]:
            raise InputError(
                f"{database.name}: a query must be one statement that reads, such as SELECT; got"
                f" {' and '.join(kinds) or 'none'}"
            )
        for batch in pa.RecordBatchReader.from_stream(connection.sql(statements[0])):
            yield pa.Table.from_batches([batch])


def _read_postgresql(database: Database, table: str | None, query: str | None) -> Rows:
    import adbc_driver_postgresql.dbapi as driver  # late: an extra

    with driver.connect(database.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        cursor.execute("BEGIN READ ONLY")
        if table is not None:
            cursor.execute(POSTGRESQL_TABLES)
            query = _all_of(table, cursor.fetchall(), database)
        else:
            cursor.execute(POSTGRESQL_POWERS)
            if cursor.fetchone() == (True,):
                raise InputError(
                    f"{database.name}: this role may read and write the server's files, and a query"
                    " would, too. Connect as a role that can only read, or give `table`."
                )
        cursor.execute("SET LOCAL synchronize_seqscans = off")  # the same order each time
        # The server takes one SELECT here and nothing else, and has a snapshot from here on, after
        # which no transaction that reads can be made one that writes.
        cursor.execute(f"DECLARE somscape NO SCROLL CURSOR FOR\n{query}")
        n_rows = 1
        while n_rows:
            cursor.execute(f"FETCH FORWARD {BATCH_ROWS} FROM somscape")
            rows = cursor.fetch_arrow_table()
            n_rows = rows.num_rows
            yield rows


READERS = {"sqlite": _read_sqlite, "duckdb": _read_duckdb, "postgresql": _read_postgresql}


def _all_of(name: str, found: Sequence[tuple[str, str]], database: Database) -> str:
    """Return the query of all rows of a table, among those found, the default schema's first."""
    for schema, table in found:
        if name in (table, f"{schema}.{table}"):
            return f"SELECT * FROM {quote_name(schema)}.{quote_name(table)}"
    names = [f"{schema}.{table}" if "." in name else table for schema, table in found]
    close = suggestion(name, names)
    hint = close or f"it has {listed(names) or 'no tables'}"
    raise InputError(f"{database.name} has no table {quoted(name)}; {hint}", options="--table NAME")


def _joined(parts: list["pa.Table"]) -> "pa.Table":
    """Return the rows of all parts, each column of the type that holds all: SQLite has none."""
    import pyarrow as pa  # late: it is slow to import

    columns = [_one_type([part.column(i) for part in parts]) for i in range(parts[0].num_columns)]
    return pa.Table.from_arrays(columns, parts[0].column_names)


def _one_type(columns: list["pa.ChunkedArray"]) -> "pa.ChunkedArray":
    import pyarrow as pa  # late: it is slow to import

    kinds = {column.type for column in columns} - {pa.null()}
    wide = (pa.string(), pa.float64(), pa.int64())
    kind = kinds.pop() if len(kinds) == 1 else next(k for k in wide if not kinds or k in kinds)
    chunks = [chunk for column in columns for chunk in column.cast(kind, safe=False).chunks]
    return pa.chunked_array(chunks, kind)


def _plain(rows: "pa.Table", name: str) -> "pa.Table":
    """Return a table of numbers, text, dates and times only."""
    for i, field in enumerate(rows.schema):
        rows = rows.set_column(i, field.name, _plain_column(field, rows.column(i), name))
    return rows


def _plain_column(field: "pa.Field", column: "pa.ChunkedArray", name: str) -> "pa.ChunkedArray":
    import pyarrow as pa  # late: it is slow to import

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
    if is_other or kind == "money":  # whose unit only the server knows
        raise InputError(
            f"{name}: column {quoted(field.name)} holds {kind}, which is no number, text or date."
            " Leave it out of a query, or convert it there, such as by CAST(... AS VARCHAR).",
            options="--query SQL",
        )
    return column
