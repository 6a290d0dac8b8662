"""Compare the definitions of the tables in a database with those that somscape makes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from somscape.desk.store._connections import StateDatabase, Transaction
from somscape.desk.store._schema import TABLES, check_format, statements

COLUMNS = (
    "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type, attnotnull, atthasdef"
    " FROM pg_attribute WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
)
"""Query that returns the columns of a PostgreSQL table with their default values."""

BESIDE = (
    "SELECT 'trigger' AS kind, tgname::text AS name FROM pg_trigger"
    " WHERE tgrelid = {oid} AND NOT tgisinternal"
    " UNION ALL SELECT 'rule', rulename::text FROM pg_rewrite WHERE ev_class = {oid}"
    " UNION ALL SELECT 'policy', polname::text FROM pg_policy WHERE polrelid = {oid}"
    " UNION ALL SELECT 'row security', relname::text FROM pg_class"
    " WHERE oid = {oid} AND relrowsecurity"
    " UNION ALL SELECT 'child table', inhrelid::regclass::text FROM pg_inherits"
    " WHERE inhparent = {oid}"
    " UNION ALL SELECT 'check', conname::text FROM pg_constraint"
    " WHERE conrelid = {oid} AND contype IN ('c', 't', 'x')"
    " UNION ALL SELECT 'index', c.relname::text FROM pg_index"
    " JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = {oid}"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
    " ORDER BY 1, 2"
)
"""Query that returns triggers and similar objects of a PostgreSQL table."""


def changes_of_tables(database: StateDatabase, read: Transaction) -> list[str]:
    """Return a sentence for each table or column whose definition was changed."""
    check_format(read, database.name)
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in statements("BLOB"):
            made.execute(statement)
        made.row_factory = sqlite3.Row
        find = _changes_on_a_server if database.is_server else _changes_in_a_file
        return [*find(read, made)]


def _changes_in_a_file(read: Transaction, made: sqlite3.Connection) -> Iterator[str]:
    sql = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))"  # from ANALYZE
    )
    there, ours = (
        {(row["type"], row["name"]): (row["tbl_name"], _words(row["sql"])) for row in rows}
        for rows in (read.rows(sql), made.execute(sql))
    )
    for kind, name in sorted(there.keys() | ours.keys()):
        if (kind, name) not in ours:
            table = there[kind, name][0]
            on = f" on '{table}'" if table != name else ""
            yield f"the database has the {kind} '{name}'{on}, which somscape did not make."
        elif (kind, name) not in there:
            yield f"the {kind} '{name}' of the database was deleted."
        elif there[kind, name] != ours[kind, name]:
            yield f"the {kind} '{name}' of the database was replaced by a different one."


def _changes_on_a_server(read: Transaction, made: sqlite3.Connection) -> Iterator[str]:
    for table in ("somscape_schema", *TABLES):
        oid = f"to_regclass('{table}')"
        [is_table] = read.rows(
            f"SELECT count(*) AS n FROM pg_class WHERE oid = {oid} AND relkind = 'r'"
        )
        if not is_table["n"]:
            yield f"the database does not have the table '{table}' any more."
            continue
        columns = [
            (row["name"], _type_on_server(row["type"]), bool(row["notnull"] or row["pk"]), False)
            for row in made.execute(f"PRAGMA table_info({table})")
        ]
        if columns != [tuple(row.values()) for row in read.rows(COLUMNS.format(oid=oid))]:
            yield f"the columns of the table '{table}' of the database were changed."
        sql = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
        names = {row["name"] for row in made.execute(sql, (table,))}
        for row in read.rows(BESIDE.format(oid=oid)):
            if row["kind"] != "index" or row["name"] not in names:
                what = f"{row['kind']} '{row['name']}' on '{table}'"
                yield f"the database has the {what}, which somscape did not make."


def _type_on_server(name: str) -> str:
    """Return PostgreSQL's name of a column type from its name in SQLite."""
    return "bytea" if name == "BLOB" else name.lower()


def _words(sql: str | None) -> str:
    return " ".join((sql or "").split())
