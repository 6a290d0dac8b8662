"""One connection to SQLite or PostgreSQL, in the SQL that both know."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from somscape.errors import InputError
from somscape.tables import check_library

SECONDS_TO_WAIT = 30
"""For another process that is writing."""

LOCK = 0x736F6D73
"""PostgreSQL's name of the lock that one process holds while it changes something."""

OF_PEOPLE = ("decisions", "listed", "kept", "salts")
"""Tables with keys and texts of people."""

MAY_SWEEP = (
    "SELECT pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE') FROM pg_class c,"
    " pg_database d WHERE c.oid = %s::regclass AND d.datname = current_database()"
)
"""Asks PostgreSQL whether a table, or the database, belongs to the role."""

Row = dict[str, Any]

Answer = TypeVar("Answer")


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
        self._open: Change | None = None
        self._is_together = False
        self._db: Any = engine.connect()

    @property
    def name(self) -> str:
        """What the database is called, for people."""
        return self._engine.name

    @property
    def is_server(self) -> bool:
        """Whether it is a server, and not a file."""
        return self._engine.is_server

    @property
    def bytes_type(self) -> str:
        """What a column of bytes is called."""
        return self._engine.bytes_type

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._db is not None:
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
            if self._open is not None:  # this thread's own change: no new connection under it
                return self._open.rows(sql, values)
            return self._asked(lambda: self._rows(sql, values))

    @contextmanager
    def change(self) -> Iterator["Change"]:
        """Make changes that hold together.

        They lie on the disk when the block has ended without an error; otherwise none of them
        does.  Where the server fails just while it saves, nobody knows.

        Yields
        ------
        Change
        """
        with self._lock:
            if self._is_together and self._open is not None:
                yield self._open
                return
            with self._transaction(self._engine.begin) as change:
                yield change

    @contextmanager
    def together(self) -> Iterator[None]:
        """Have all changes of this thread in a block be one, which is made at its end."""
        with self.change():
            self._is_together = True
            try:
                yield
            finally:
                self._is_together = False

    def snapshot(self) -> AbstractContextManager["Change"]:
        """Read as of one moment, whatever others write meanwhile.

        Returns
        -------
        context manager of Change
        """
        return self._transaction(self._engine.begin_reading)

    def swept(self) -> bool:
        """Overwrite what was deleted, as far as the database can; say whether it could.

        Returns
        -------
        bool
            False where somebody else is using the state just now, or owns its tables.
        """
        with self._lock:
            return bool(self._asked(lambda: self._engine.sweep(self._db)))

    @contextmanager
    def _transaction(self, begin: Callable[[Any], None]) -> Iterator["Change"]:
        with self._lock:
            if self._open is not None:
                raise RuntimeError("a change of this thread has not ended")
            try:
                self._asked(lambda: begin(self._db))
                self._open = change = Change(self)
                yield change
                change.check()
                self._told(lambda: self._db.execute("COMMIT"))
            except BaseException:
                self._undo()
                raise
            finally:
                self._open = None

    def _undo(self) -> None:
        """Leave no change open, also where the connection can no more be asked to."""
        is_open = True
        with suppress(Exception):  # whatever it is: a new connection has no change open
            self._engine.undo(self._db)
            is_open = False
        if is_open:
            with suppress(Exception):
                self._db.close()
            self._db = None

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Row]:
        cursor = self._db.execute(self._engine.spelled(sql), tuple(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in (cursor.fetchall() if names else ())]

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        cursor = self._db.cursor()
        cursor.executemany(self._engine.spelled(sql), list(map(tuple, rows)))

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        """Return an answer, by a new connection where the old one has ended meanwhile."""
        if self._db is not None:
            try:
                return ask()
            except self._engine.errors as error:
                if not self._engine.has_ended(self._db):
                    raise self._problem(error) from error
        self._db = self._told(self._engine.connect)
        return self._told(ask)

    def _told(self, tell: Callable[[], Answer]) -> Answer:
        try:
            return tell()
        except self._engine.errors as error:
            raise self._problem(error) from error

    def _problem(self, error: Exception) -> InputError:
        if self._engine.is_busy(error):
            return InputError(
                f"{self.name}: somebody else has been writing there for {SECONDS_TO_WAIT} seconds. "
                "Nothing was saved; try again."
            )
        said = " ".join(str(error).split()).rstrip(".")
        return InputError(
            f"{self.name} did not take this ({said}). It may not have been saved: try again, which "
            "doubles nothing, or name another place with `state`."
        )


class Change:
    """What can be done within one change of a `Database`.

    After a statement that failed there are no others: databases differ in what they then undo.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failed: BaseException | None = None

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement, and return what it finds."""
        return self._do(lambda: self._database._rows(sql, values))

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        self._do(lambda: self._database._many(sql, rows))

    def check(self) -> None:
        """Raise what a statement raised, if one did: this change cannot be saved."""
        if self._failed is not None:
            raise self._failed

    def _do(self, tell: Callable[[], Answer]) -> Answer:
        self.check()
        if self._database._open is not self:
            raise RuntimeError("this change has ended")
        try:
            return self._database._told(tell)
        except BaseException as error:
            self._failed = error
            raise


class Engine(Protocol):
    """What differs between databases."""

    name: str
    is_server: bool
    bytes_type: str
    errors: tuple[type[Exception], ...]

    def connect(self) -> Any:
        """Return a connection whose statements take effect at once."""

    def begin(self, db: Any) -> None:
        """Begin a change, after those of others."""

    def begin_reading(self, db: Any) -> None:
        """Begin to read as of one moment."""

    def undo(self, db: Any) -> None:
        """Undo what has begun and not ended, if anything has."""

    def sweep(self, db: Any) -> bool:
        """Overwrite what was deleted, and say whether that could be done."""

    def spelled(self, sql: str) -> str:
        """Return a statement as the driver wants it."""

    def has_ended(self, db: Any) -> bool:
        """Say whether a connection is of no more use."""

    def is_busy(self, error: Exception) -> bool:
        """Say whether an error is that somebody else writes too long."""


class SQLite:
    """A file that only its user may read.

    Parameters
    ----------
    path : Path
    """

    is_server, bytes_type = False, "BLOB"
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def connect(self) -> sqlite3.Connection:
        """Open the file, or make it."""
        db = sqlite3.connect(
            self._path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            if _is_ours(self._path):
                self._path.chmod(0o600)
            _keep_journal(db)
            db.execute("PRAGMA synchronous = FULL")  # what was answered is on the disk
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA temp_store = MEMORY")  # no copy of people's texts elsewhere
            db.execute("PRAGMA secure_delete = ON")  # what is forgotten does not stay in free pages
        except BaseException:
            db.close()
            raise
        return db

    def begin(self, db: sqlite3.Connection) -> None:
        """Begin as the only one who writes."""
        db.execute("BEGIN IMMEDIATE")

    def begin_reading(self, db: sqlite3.Connection) -> None:
        """Begin to read, while others may write."""
        db.execute("BEGIN")

    def undo(self, db: sqlite3.Connection) -> None:
        """Roll back, unless SQLite has done so itself, as where the disk is full."""
        if db.in_transaction:
            db.execute("ROLLBACK")

    def sweep(self, db: sqlite3.Connection) -> bool:
        """Write the file anew without what was deleted, and empty its journal."""
        try:
            db.execute("VACUUM")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            return False
        return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def spelled(self, sql: str) -> str:
        """Return the statement as it is."""
        return sql

    def has_ended(self, db: sqlite3.Connection) -> bool:
        """Say no: a file stays open."""
        return False

    def is_busy(self, error: Exception) -> bool:
        """Say whether the file stayed locked."""
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


def _keep_journal(db: sqlite3.Connection) -> None:
    """Have what is written go to a journal first, so that others may read meanwhile.

    Where two programs make the file at the same moment, SQLite refuses one of them at once.
    """
    end = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _is_ours(path: Path) -> bool:
    return not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()


class PostgreSQL:
    """A server, whose password comes from its own settings (PGPASSWORD, ~/.pgpass).

    Parameters
    ----------
    url : str
        ``postgresql://USER@HOST/NAME``, without a password.
    """

    is_server, bytes_type = True, "BYTEA"

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
        """Begin when no other process changes anything.

        Whatever the server's settings: each statement sees what was saved before it, and what is
        saved lies on the disk.
        """
        db.execute(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
            f"SET LOCAL lock_timeout = '{SECONDS_TO_WAIT}s'; SET LOCAL synchronous_commit = on;"
            f"SELECT pg_advisory_xact_lock({LOCK})"
        )

    def begin_reading(self, db: Any) -> None:
        """Begin to read, while others may write."""
        db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def undo(self, db: Any) -> None:
        """Roll back, unless the connection has none open."""
        if db.info.transaction_status.name != "IDLE":
            db.execute("ROLLBACK")

    def sweep(self, db: Any) -> bool:
        """Have the server write anew the tables of people, without what was deleted.

        It skips those of another role, and only warns.
        """
        import psycopg

        db.execute(f"SET lock_timeout = '{SECONDS_TO_WAIT}s'")
        ours = [table for table in OF_PEOPLE if db.execute(MAY_SWEEP, (table,)).fetchone()[0]]
        try:
            for table in ours:
                db.execute(f"VACUUM FULL {table}")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
            return False
        return len(ours) == len(OF_PEOPLE)

    def spelled(self, sql: str) -> str:
        """Return the statement with the driver's own sign for a value."""
        return sql.replace("%", "%%").replace("?", "%s")

    def has_ended(self, db: Any) -> bool:
        """Say whether the server has closed the connection."""
        return bool(db.closed)

    def is_busy(self, error: Exception) -> bool:
        """Say whether the server's lock was not free in time."""
        import psycopg

        return isinstance(error, psycopg.errors.LockNotAvailable)
