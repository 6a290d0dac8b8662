"""The tables of a state, and the number of their format."""

from somscape.desk.store._connections import StateDatabase, Transaction
from somscape.errors import InputError

FORMAT = 1
"""Number of the format of a state, which the table `somscape_schema` contains."""

SCHEMA = """
CREATE TABLE maps (hash TEXT PRIMARY KEY, content {bytes} NOT NULL);
CREATE TABLE watches (
    name TEXT PRIMARY KEY, made TEXT NOT NULL, said TEXT NOT NULL,
    map TEXT NOT NULL REFERENCES maps
);
CREATE TABLE runs (
    id TEXT PRIMARY KEY, watch TEXT NOT NULL REFERENCES watches, number INTEGER NOT NULL,
    made TEXT NOT NULL, author TEXT NOT NULL, source TEXT NOT NULL, data TEXT NOT NULL,
    map TEXT NOT NULL REFERENCES maps, facts TEXT NOT NULL,
    UNIQUE (watch, number)
);
CREATE TABLE listed (
    run TEXT NOT NULL REFERENCES runs, key TEXT NOT NULL, place INTEGER NOT NULL,
    score DOUBLE PRECISION NOT NULL, p_value DOUBLE PRECISION NOT NULL,
    news TEXT NOT NULL, reasons TEXT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (run, key)
);
CREATE TABLE kept (
    run TEXT NOT NULL REFERENCES runs, key TEXT NOT NULL, cells TEXT NOT NULL,
    hash TEXT NOT NULL, PRIMARY KEY (run, key)
);
CREATE TABLE decisions (
    number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE,
    watch TEXT NOT NULL REFERENCES watches, key TEXT NOT NULL,
    state TEXT NOT NULL, comment TEXT NOT NULL, author TEXT NOT NULL, made TEXT NOT NULL,
    run TEXT, score DOUBLE PRECISION, cells TEXT
);
CREATE INDEX decisions_of ON decisions (watch, key, number);
CREATE TABLE salts (
    watch TEXT NOT NULL, key TEXT NOT NULL, salt TEXT NOT NULL, PRIMARY KEY (watch, key)
);
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, said TEXT NOT NULL, head TEXT NOT NULL, seal TEXT
);
CREATE TABLE app_uploads (
    id TEXT PRIMARY KEY, folder TEXT NOT NULL, name TEXT NOT NULL, ending TEXT NOT NULL,
    facts TEXT, watch TEXT
);
CREATE TABLE app_runs (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL,
    upload TEXT NOT NULL REFERENCES app_uploads ON DELETE CASCADE,
    made TEXT NOT NULL, task TEXT NOT NULL, state TEXT NOT NULL, problem TEXT NOT NULL,
    settings TEXT, facts TEXT, title TEXT NOT NULL
);
CREATE TABLE somscape_schema (version INTEGER NOT NULL);
INSERT INTO somscape_schema VALUES (1);
"""
"""Statements that create the tables of a state. A semicolon ends each statement."""

TABLES = {
    "maps": "hash",
    "watches": "name",
    "runs": "id",
    "listed": "run, key",
    "kept": "run, key",
    "decisions": "number",
    "salts": "watch, key",
    "audit": "number",
}
"""All tables of a backup with their key columns. A table refers only to earlier tables.

The uploads and runs of the app are not in a backup, because their files are not.
"""


def prepare(database: StateDatabase) -> None:
    """Create the tables of a new state, and check the format of an existing one."""
    is_there = HAS_FORMAT[database.is_server]
    if not database.is_read_only and not database.rows(is_there):
        with database.change() as change:  # another process may have created them meanwhile
            if not change.rows(is_there):
                for statement in statements(database.bytes_type):
                    change.rows(statement)
    check_format(database, database.name)


HAS_FORMAT = {
    False: "SELECT 1 AS n FROM sqlite_master WHERE name = 'somscape_schema'",
    # Not to_regclass, which can answer from a cache of before the wait for another process.
    True: "SELECT 1 AS n FROM pg_tables WHERE tablename = 'somscape_schema'"
    " AND schemaname = ANY (current_schemas(false))",
}
"""Query that finds the table of the format, by whether the database is on a server."""


def check_format(database: StateDatabase | Transaction, name: str) -> None:
    """Raise InputError if a state has another format than this version of somscape reads."""
    found = [row["version"] for row in database.rows("SELECT version FROM somscape_schema LIMIT 3")]
    if found == [FORMAT]:
        return
    formats = ", ".join(map(repr, found)) or "no number"
    raise InputError(
        f"{name} has {formats} as its format, but this version of somscape reads only format "
        f"{FORMAT}. Open it with the version of somscape that wrote it, restore a backup with "
        "`somscape restore`, or give another place with `state`.",
        file=name,
        value=formats,
        allowed=(FORMAT,),
    )


def statements(bytes_type: str) -> list[str]:
    """Return the SQL statements that create the tables."""
    return [each for each in SCHEMA.replace("{bytes}", bytes_type).split(";") if each.strip()]
