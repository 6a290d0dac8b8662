"""A table -> rows of a database, which replace those of the same run, all of them or none."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from somscape.errors import InputError
from somscape.tables._database import Database, database_at, one_line, quote_name
from somscape.tables._source import Source, collected
from somscape.tables._table import Table
from somscape.tables._words import listed, quoted

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = ("run", "key")

NUMBER, TEXT = "DOUBLE PRECISION", "TEXT"
"""Types of columns that are made; all three engines know them."""

SAME = {"DOUBLE": NUMBER, "VARCHAR": TEXT}
"""What DuckDB calls them afterwards."""

MAX_NAME = 63
"""Bytes of a name in PostgreSQL, which cuts longer ones."""

STAGED = "somscape_rows"
"""The rows to write, as the engine sees them."""

Types: TypeAlias = dict[str, str]


def write_sql(
    table: Table | Source, url: str, name: str, *, run: str, key: Sequence[str] | Sequence[int]
) -> None:
    """Write rows to a table of a database, in one transaction.

    Parameters
    ----------
    table : Table or Source
        Its numbers become ``DOUBLE PRECISION``, other columns ``TEXT``.  A column with the name
        of another, or of `run` and `key`, whatever the case, gets ``_input`` added to its name.
    url : str
        ``sqlite:///FILE``, ``duckdb:///FILE`` or ``postgresql://USER@HOST/NAME``, without a
        password.  A file that is not there is made.
    name : str
        The table, which is made if it is not there; a schema may stand before it and a dot.
    run : str
        What made the rows; it stands in the column ``run``.
    key : sequence of str or int
        What tells the rows of a run apart; the column ``key``, as text.  Rows of the same run and
        key are replaced.

    Raises
    ------
    InputError
        If a key repeats, the table has other columns, or the database cannot be written.

    See Also
    --------
    read_sql, write_table

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from somscape.tables import read_table, table_from_columns
    >>> url = f"sqlite:///{tempfile.mkdtemp()}/bank.db"
    >>> alerts = table_from_columns({"score": [0.9, 0.7], "city": ["Rome", "Oslo"]})
    >>> for _ in range(2):
    ...     write_sql(alerts, url, "alerts", run="a4f1", key=["c7", "c3"])
    >>> print(read_table(url, table="alerts"))
    run   key  score  city
    a4f1  c7     0.9  Rome
    a4f1  c3     0.7  Oslo
    """
    rows = _rows(collected(table), run, [str(k) for k in key])
    types = {field.name: TEXT if str(field.type) == "string" else NUMBER for field in rows.schema}
    with _opened(url, name, keeps=True) as (sink, doing):
        found = sink.columns()
        _compare(found, types, doing)
        if not found:
            columns = ", ".join(f"{quote_name(column)} {type_}" for column, type_ in types.items())
            keys = ", ".join(map(quote_name, KEYS))
            sink.execute(f"CREATE TABLE {sink.target} ({columns}, PRIMARY KEY ({keys}))")
        sink.upsert(rows)


def check_sink(url: str, name: str) -> None:
    """Connect to a database, and look whether its table can take a run's rows."""
    with _opened(url, name, keeps=False) as (sink, doing):
        found = sink.columns()
        _compare(found, {**found, **dict.fromkeys(KEYS, TEXT)}, doing)


def _rows(table: Table, run: str, keys: list[str]) -> "pa.Table":
    import pyarrow as pa  # late: it is slow to import

    if len(keys) != table.n_rows:
        raise InputError(f"`key` has {len(keys)} values for {table.n_rows} rows; give one for each")
    if len(set(keys)) < len(keys):
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise InputError(f"`key` {quoted(twice)} repeats; give each row another")
    names, taken = [], set(KEYS)
    for name in table.names:
        while name.casefold() in taken:
            name += "_input"
        taken.add(name.casefold())
        names.append(name)
    rows = table.to_arrow().rename_columns(names)
    rows = rows.add_column(0, KEYS[1], pa.array(keys, pa.string()))
    return rows.add_column(0, KEYS[0], pa.array([run] * len(keys), pa.string()))


def _compare(found: Types, wanted: Types, doing: str) -> None:
    """Raise InputError if a table that is there has other columns than it would be made with."""
    if not found:
        return
    plain = {name: SAME.get(type_.upper(), type_.upper()) for name, type_ in found.items()}
    differs = [
        f"{what} {listed(names)}"
        for what, names in (
            ("it lacks", [name for name in wanted if name not in plain]),
            ("it also has", [name for name in plain if name not in wanted]),
        )
        if names
    ] or [
        f"{quoted(name)} is {found[name].lower()}, not {type_.lower()}"
        for name, type_ in wanted.items()
        if plain[name] != SAME.get(type_.upper(), type_.upper())
    ]
    if differs:
        raise InputError(
            f"{doing}: the table has other columns: {'; '.join(differs)}. Give another name.",
            options="--to-table NAME",
        )


@contextmanager
def _opened(url: str, name: str, *, keeps: bool) -> Iterator[tuple["_Sink", str]]:
    """Return a table in a transaction, which ends with the block, and what is being done."""
    database = database_at(url)
    doing = f"writing {name} of {database.name}"
    made = database.file if database.file is not None and not database.file.exists() else None
    try:
        with one_line(doing, database), SINKS[database.engine](database, name) as sink:
            yield sink, doing
    except BaseException:
        keeps = False
        raise
    finally:
        if made is not None and not keeps:
            made.unlink(missing_ok=True)


class _Sink(ABC):
    """A table of a database, in a transaction."""

    @abstractmethod
    def __init__(self, database: Database, name: str) -> None:
        """Connect and begin."""
        self.connection: Any
        self.target: str

    def __enter__(self) -> Self:
        """Go on in the transaction."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End the transaction; what is not committed is gone when the connection closes."""
        try:
            if kind is None:
                self.execute("COMMIT")
        finally:
            self.close()

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def execute(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement and return its rows."""
        return list(self.connection.execute(statement, values).fetchall())

    @abstractmethod
    def columns(self) -> Types:
        """Return names and types of the columns; none if the table is not there."""

    @abstractmethod
    def upsert(self, rows: "pa.Table") -> None:
        """Write rows over those of the same key."""


class _SQLite(_Sink):
    def __init__(self, database: Database, name: str) -> None:
        import sqlite3

        assert database.file is not None
        place = f"{database.file.resolve().as_uri()}?mode=rwc"
        self.connection = sqlite3.connect(place, uri=True, isolation_level=None)
        self.name, self.target = name, quote_name(name)
        try:
            self.execute("BEGIN IMMEDIATE")
        except BaseException:
            self.close()
            raise

    def columns(self) -> Types:
        return dict(self.execute("SELECT name, type FROM pragma_table_info(?)", self.name))

    def upsert(self, rows: "pa.Table") -> None:
        places = ", ".join("?" * rows.num_columns)
        values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        self.connection.executemany(
            _insert(self.target, rows.column_names, f"VALUES ({places})"), values
        )


class _DuckDB(_Sink):
    def __init__(self, database: Database, name: str) -> None:
        import duckdb  # late: an extra

        self.connection = duckdb.connect(str(database.file))
        self.schema, self.name = _schema_and_name(name)
        self.target = _qualified(self.schema, self.name)
        self.execute("BEGIN")

    def columns(self) -> Types:
        return dict(
            self.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_catalog = current_database() AND lower(table_name) = lower(?)"
                " AND lower(table_schema) = lower(coalesce(?, current_schema()))"
                " ORDER BY ordinal_position",
                *(self.name, self.schema),
            )
        )

    def upsert(self, rows: "pa.Table") -> None:
        self.connection.register(STAGED, rows)
        columns = ", ".join(map(quote_name, rows.column_names))
        select = f"SELECT {columns} FROM {STAGED}"
        self.execute(_insert(self.target, rows.column_names, select))


class _PostgreSQL(_Sink):
    def __init__(self, database: Database, name: str) -> None:
        import adbc_driver_postgresql.dbapi as driver  # late: an extra

        self.target = _qualified(*_schema_and_name(name))
        self.connection = driver.connect(database.url, autocommit=True)
        try:
            self.execute("BEGIN")
        except BaseException:
            self.close()
            raise

    def execute(self, statement: str, *values: Any) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def columns(self) -> Types:
        return dict(
            self.execute(
                "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
                " ORDER BY attnum",
                self.target,
            )
        )

    def upsert(self, rows: "pa.Table") -> None:
        for name in rows.column_names:
            if len(name.encode()) > MAX_NAME:
                raise InputError(
                    f"the name of column {quoted(name)} is longer than the {MAX_NAME} bytes that"
                    " PostgreSQL keeps; give it a shorter one"
                )
        # At once, not row by row, each of which would take the way to the server and back.
        with self.connection.cursor() as cursor:
            cursor.adbc_ingest(STAGED, rows, mode="create", temporary=True)
        columns = ", ".join(map(quote_name, rows.column_names))
        select = f"SELECT {columns} FROM pg_temp.{STAGED}"
        self.execute(_insert(self.target, rows.column_names, select))


SINKS: dict[str, type[_Sink]] = {
    "sqlite": _SQLite,
    "duckdb": _DuckDB,
    "postgresql": _PostgreSQL,
}


def _schema_and_name(name: str) -> tuple[str | None, str]:
    schema, dot, table = name.partition(".")
    return (schema, table) if dot else (None, name)


def _qualified(schema: str | None, name: str) -> str:
    return ".".join(quote_name(part) for part in (schema, name) if part is not None)


def _insert(target: str, names: Sequence[str], rows: str) -> str:
    """Return the statement that writes rows over those of the same key."""
    columns = [quote_name(name) for name in names]
    keys = ", ".join(map(quote_name, KEYS))
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns[len(KEYS) :])
    return (
        f"INSERT INTO {target} ({', '.join(columns)}) {rows}"
        f" ON CONFLICT ({keys}) DO UPDATE SET {changes}"
    )
