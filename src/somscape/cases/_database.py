"""One connection to SQLite or PostgreSQL, in the SQL that both know."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from somscape.errors import InputError
from somscape.tables import check_library

SECONDS_TO_WAIT = 30
"""For another process that is writing."""

LOCK = 0x736F6D73
"""PostgreSQL's name of the lock that one process holds while it changes something."""

Row = dict[str, Any]


class Database:
    """A connection that threads may share; changes wait for each other.

    Those of other processes, too.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._lock = threading.RLock()
        self._db: Any = engine.connect()

    @property
    def name(self) -> str:
        """What the database is called, for people."""
        return self._engine.name

    @property
    def bytes_type(self) -> str:
        """What a column of bytes is called."""
        return self._engine.bytes_type

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._db.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return the rows that a query finds, by the names of its columns.

        Parameters
        ----------
        sql : str
            With a ``?`` for each value.
        values : sequence, default=()

        Returns
        -------
        list of dict
        """
        with self._lock:
            return self._asked(lambda: self._rows(sql, values))

    @contextmanager
    def change(self) -> Iterator["Change"]:
        """Make changes that hold together.

        They lie on the disk when the block has ended without an error.

        Yields
        ------
        Change
        """
        with self._lock:
            self._asked(lambda: self._engine.begin(self._db))
            try:
                yield Change(self)
                self._told(lambda: self._db.execute("COMMIT"))
            except BaseException:
                with suppress(Exception):  # the connection may be gone, and the change with it
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Row]:
        cursor = self._db.execute(self._engine.spelled(sql), tuple(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in (cursor.fetchall() if names else ())]

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        cursor = self._db.cursor()
        cursor.executemany(self._engine.spelled(sql), list(map(tuple, rows)))

    def _asked(self, ask: Any) -> Any:
        """Return an answer, by a new connection where the old one has ended meanwhile."""
        try:
            return ask()
        except self._engine.errors as error:
            if not self._engine.has_ended(self._db):
                raise self._problem(error) from error
        self._db = self._told(self._engine.connect)
        return self._told(ask)

    def _told(self, tell: Any) -> Any:
        try:
            return tell()
        except self._engine.errors as error:
            raise self._problem(error) from error

    def _problem(self, error: Exception) -> InputError:
        said = " ".join(str(error).split()).rstrip(".")
        return InputError(
            f"{self.name} did not take this ({said}). It may not have been saved: try again, which "
            "doubles nothing, or name another place with `state`."
        )


class Change:
    """What can be done within one change of a `Database`.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement, and return what it finds."""
        return self._database._told(lambda: self._database._rows(sql, values))

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self._database._told(lambda: self._database._many(sql, rows))


class Engine(Protocol):
    """What differs between databases."""

    name: str
    bytes_type: str
    errors: tuple[type[Exception], ...]

    def connect(self) -> Any:
        """Return a connection whose statements take effect at once."""

    def begin(self, db: Any) -> None:
        """Begin a change, after those of others."""

    def spelled(self, sql: str) -> str:
        """Return a statement as the driver wants it."""

    def has_ended(self, db: Any) -> bool:
        """Say whether a connection is of no more use."""


class SQLite:
    """A file that only its user may read.

    Parameters
    ----------
    path : Path
    """

    bytes_type = "BLOB"
    errors = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def connect(self) -> sqlite3.Connection:
        """Open the file, or make it."""
        db = sqlite3.connect(
            self._path, SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            self._path.chmod(0o600)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # what was answered is on the disk
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")  # what is forgotten does not stay in free pages
        except BaseException:
            db.close()
            raise
        return db

    def begin(self, db: sqlite3.Connection) -> None:
        """Begin as the only one who writes."""
        db.execute("BEGIN IMMEDIATE")

    def spelled(self, sql: str) -> str:
        """Return the statement as it is."""
        return sql

    def has_ended(self, db: sqlite3.Connection) -> bool:
        """Say no: a file stays open."""
        return False


class PostgreSQL:
    """A server, whose password comes from its own settings (PGPASSWORD, ~/.pgpass).

    Parameters
    ----------
    url : str
        ``postgresql://USER@HOST/NAME``, without a password.
    """

    bytes_type = "BYTEA"

    def __init__(self, url: str) -> None:
        check_library("psycopg", "state in PostgreSQL", "team")
        import psycopg

        self.name = url
        self._url = url
        self.errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def connect(self) -> Any:
        """Connect, within ten seconds or not at all."""
        import psycopg

        return psycopg.connect(self._url, autocommit=True, connect_timeout=10)

    def begin(self, db: Any) -> None:
        """Begin when no other process changes anything."""
        db.execute("BEGIN")
        db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))

    def spelled(self, sql: str) -> str:
        """Return the statement with the driver's own sign for a value."""
        return sql.replace("?", "%s")

    def has_ended(self, db: Any) -> bool:
        """Say whether the server has closed the connection."""
        return bool(db.closed)
