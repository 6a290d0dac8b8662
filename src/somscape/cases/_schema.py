"""The tables of a state, and the numbered steps by which an older one becomes today's."""

from somscape.cases._database import Database
from somscape.errors import InputError

STEPS = (
    """
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
        news TEXT NOT NULL, reasons TEXT NOT NULL,
        PRIMARY KEY (run, key)
    );
    CREATE TABLE forgotten (
        run TEXT NOT NULL REFERENCES runs, hash TEXT NOT NULL, PRIMARY KEY (run, hash)
    );
    CREATE TABLE kept (
        run TEXT NOT NULL REFERENCES runs, key TEXT NOT NULL, cells TEXT NOT NULL,
        PRIMARY KEY (run, key)
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
    """,
)
"""What each version adds, the first one to an empty database; statements end with a semicolon."""

VERSIONS = "CREATE TABLE IF NOT EXISTS somscape_schema (version INTEGER NOT NULL)"

TABLES = {
    "maps": "hash",
    "watches": "name",
    "runs": "id",
    "listed": "run, key",
    "forgotten": "run, hash",
    "kept": "run, key",
    "decisions": "number",
    "salts": "watch, key",
    "audit": "number",
}
"""All tables, those that others refer to first, each with the columns that tell its rows apart."""


def brought_up_to_date(database: Database) -> None:
    """Make the tables of a new state, or bring those of an older one to today's."""
    version = _version(database)
    if version == len(STEPS):  # most often; and all that a role that only reads may do
        return
    _check_not_later(database, version)
    if database.is_read_only:
        raise InputError(
            f"{database.name} was written by an earlier version of somscape, and its tables cannot "
            "be brought up to date, because its disk or its folder is read-only. Copy the folder "
            "to a disk that can be written, and name it with `state`."
        )
    with database.change() as change:
        change.rows(VERSIONS)
        found = change.rows("SELECT version FROM somscape_schema")
        version = found[0]["version"] if found else 0
        _check_not_later(database, version)
        for statement in statements(database.bytes_type, version):
            change.rows(statement)
        if version < len(STEPS):
            change.rows("DELETE FROM somscape_schema")
            change.rows("INSERT INTO somscape_schema VALUES (?)", (len(STEPS),))


def _check_not_later(database: Database, version: int) -> None:
    if version > len(STEPS):
        raise InputError(
            f"{database.name} was written by a later version of somscape. Update somscape, or "
            "name another place with `state`."
        )


def _version(database: Database) -> int:
    try:
        found = database.rows("SELECT version FROM somscape_schema")
    except InputError:  # there is no such table yet; another problem comes up again
        if database.is_read_only:
            raise
        return 0
    return int(found[0]["version"]) if found else 0


def statements(bytes_type: str, first: int = 0, last: int | None = None) -> list[str]:
    """Return the statements that make the tables, or that bring those of a version to a later
    one.
    """
    parts = ";".join(STEPS[first:last]).replace("{bytes}", bytes_type).split(";")
    return [part for part in parts if part.strip()]
