"""The database of watches, cases and audit, in SQLite or PostgreSQL, and its table definitions."""

import getpass
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from somscape.desk.cases._sqlite import LOCKED, READ_ONLY, SECONDS_TO_WAIT, SQLite, TroubleError
from somscape.errors import InputError
from somscape.tables._messages import check_libraries
from somscape.tables._sql import database_at, is_url

MOST_IDLE = 4
"""Maximum number of unused database connections that are kept open."""

LOCK = 0x736F6D73
"""Number of PostgreSQL's advisory lock for changes."""

OF_PEOPLE = ("decisions", "listed", "kept", "salts")
"""Tables with keys and texts about people."""

MAY_SWEEP = (
    "SELECT pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE') FROM pg_class c,"
    " pg_database d WHERE c.oid = %s::regclass AND d.datname = current_database()"
)
"""Query that returns whether the current PostgreSQL role owns a table or the database."""

Row = dict[str, Any]

Answer = TypeVar("Answer")


class StateDatabase:
    """A database for several threads.  Only changes wait for other changes.

    A change waits until earlier changes by all threads and processes have ended.  Each query uses
    its own connection, and therefore does not wait for changes.

    Parameters
    ----------
    engine : Engine

    Attributes
    ----------
    wait : float
        Maximum number of seconds that a change waits for other changes.
    name : str
        Name of the database in messages.
    is_server : bool
        Whether the database is on a server instead of in a file.
    is_read_only : bool
        Whether the database is in a file that cannot be written.
    bytes_type : str
        SQL name of the type of a column that contains bytes.
    """

    def __init__(self, engine: "Engine") -> None:
        self.wait = SECONDS_TO_WAIT
        self.name, self.is_server = engine.name, engine.is_server
        self.is_read_only, self.bytes_type = engine.is_read_only, engine.bytes_type
        self._engine = engine
        self._change_lock = threading.Lock()
        self._pool_lock = threading.Lock()
        self._is_closed = False
        self._local = threading.local()
        first = Connection(engine)
        first.connect()
        self._idle = [first]

    def close(self) -> None:
        """Close the connections."""
        with self._pool_lock:
            self._is_closed = True
            while self._idle:
                self._idle.pop().close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a query and return the resulting rows as dicts by column name."""
        change = self._open_change()
        if change is not None:  # this thread's own change, which other threads cannot see yet
            return change.rows(sql, values)
        with self._connection() as connection:
            return connection.asked(lambda db: connection.rows(db, sql, values))

    @contextmanager
    def change(self) -> Iterator["Transaction"]:
        """Make several changes in one transaction."""
        mine = self._open_change()
        if mine is not None and getattr(self._local, "is_together", False):
            yield mine
            return
        self._check_none_open()
        if self.is_read_only:
            raise TroubleError(
                READ_ONLY,
                f"{self.name} cannot be changed, because its disk or its folder is read-only. "
                "Nothing was saved. Copy the folder to a writable disk, and give the copy with "
                "`state`.",
                file=self.name,
            )
        wait = self.wait
        end = time.monotonic() + wait
        if not self._change_lock.acquire(timeout=wait):
            raise self._engine.busy(wait)
        try:

            def begin(db: Any) -> None:
                self._engine.begin(db, max(0, end - time.monotonic()))

            with self._transaction(begin, wait) as change:
                yield change
        finally:
            self._change_lock.release()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Combine all changes that this thread makes within the block into one transaction."""
        with self.change():
            was_together = getattr(self._local, "is_together", False)
            self._local.is_together = True
            try:
                yield
            finally:
                self._local.is_together = was_together

    def snapshot(self) -> AbstractContextManager["Transaction"]:
        """Return a context in which all queries see the database as it was at one moment."""
        self._check_none_open()
        return self._transaction(self._engine.begin_reading, SECONDS_TO_WAIT)

    def swept(self) -> bool:
        """Overwrite deleted data on the disk. Return whether this was possible."""
        with self._change_lock, self._connection() as connection:
            return connection.asked(lambda db: self._engine.sweep(db, self.wait))

    def _open_change(self) -> "Transaction | None":
        return getattr(self._local, "change", None)

    def _check_none_open(self) -> None:
        if self._open_change() is not None:
            raise RuntimeError("a change of this thread has not ended")

    @contextmanager
    def _connection(self) -> Iterator["Connection"]:
        """Lend a connection to one thread."""
        with self._pool_lock:
            if self._is_closed:
                raise InputError(f"{self.name} was closed.", file=self.name)
            connection = self._idle.pop() if self._idle else Connection(self._engine)
        try:
            yield connection
        finally:
            with self._pool_lock:
                if self._is_closed or len(self._idle) >= MOST_IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)

    @contextmanager
    def _transaction(self, begin: Callable[[Any], None], wait: float) -> Iterator["Transaction"]:
        with self._connection() as connection:
            change = Transaction(connection)
            try:
                connection.asked(begin, wait)
                self._local.change = change
                yield change
                change.check()
                connection.told(lambda db: db.execute("COMMIT"))
            except BaseException:
                connection.undo()
                raise
            finally:
                change.has_ended = True
                self._local.change = None


class Connection:
    """A connection to a database that only one thread uses at a time.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._db: Any = None

    def connect(self) -> None:
        """Connect to the database. Errors of its driver are passed on as they are."""
        self.close()
        self._db = self._engine.connect()

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._db is not None:
            with suppress(Exception):
                self._db.close()
        self._db = None

    def asked(self, ask: Callable[[Any], Answer], wait: float = SECONDS_TO_WAIT) -> Answer:
        """Return the result of `ask`. If the connection has ended, open another one first."""
        if self._db is not None and not self._engine.has_ended(self._db):
            try:
                return ask(self._db)
            except self._engine.errors as error:
                if not self._engine.has_ended(self._db):
                    raise self._problem(error, wait) from error
        self.told(lambda _: self.connect(), wait)
        return self.told(ask, wait)

    def told(self, tell: Callable[[Any], Answer], wait: float = SECONDS_TO_WAIT) -> Answer:
        """Call `tell` with the open database, and return its result."""
        try:
            return tell(self._db)
        except self._engine.errors as error:
            raise self._problem(error, wait) from error

    def undo(self) -> None:
        """Discard an unfinished change, even if the connection is broken."""
        is_undone = False
        with suppress(Exception):  # after any error, a new connection has no open change
            self._engine.undo(self._db)
            is_undone = True
        if not is_undone:
            self.close()

    def rows(self, db: Any, sql: str, values: Sequence[Any]) -> list[Row]:
        """Run an SQL statement and return the resulting rows."""
        cursor = db.execute(self._engine.spelled(sql), tuple(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in (cursor.fetchall() if names else ())]

    def many(self, db: Any, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run an SQL statement once for each row of values."""
        db.cursor().executemany(self._engine.spelled(sql), list(map(tuple, rows)))

    def _problem(self, error: Exception, wait: float) -> InputError:
        trouble = self._engine.trouble(error, wait)
        if trouble:
            return trouble
        said = " ".join(str(error).split()).rstrip(".")
        return InputError(
            f"The database {self._engine.name} failed ({said}). Perhaps the change was not saved. "
            "Try again, or give another place with `state`. A repeated change is not saved twice.",
            file=self._engine.name,
        )


class Transaction:
    """Runs the SQL statements of one change in a `StateDatabase`.

    After one statement has failed, no further statement is run.  SQLite and PostgreSQL would handle
    further statements differently.

    Parameters
    ----------
    connection : Connection
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed: BaseException | None = None
        self.has_ended = False

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run an SQL statement and return the resulting rows."""
        return self._do(lambda db: self._connection.rows(db, sql, values))

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run an SQL statement once for each row of values."""
        self._do(lambda db: self._connection.many(db, sql, rows))

    def check(self) -> None:
        """If a statement has failed, raise its error, so that the change is not saved."""
        if self._failed is not None:
            raise self._failed

    def _do(self, tell: Callable[[Any], Answer]) -> Answer:
        self.check()
        if self.has_ended:
            raise RuntimeError("this change has ended")
        try:
            return self._connection.told(tell)
        except BaseException as error:
            self._failed = error
            raise


class PostgreSQL:
    """A PostgreSQL server. The password comes from PGPASSWORD or ~/.pgpass.

    Parameters
    ----------
    url : str
        ``postgresql://USER@HOST/NAME``, without a password.
    """

    is_server, is_read_only, bytes_type = True, False, "BYTEA"

    def __init__(self, url: str) -> None:
        check_libraries("state in PostgreSQL", ("team",), "psycopg")
        import psycopg

        self.name = url
        self._url = url
        self.errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def connect(self) -> Any:
        """Connect to the server. After ten seconds without a connection, raise an error."""
        import psycopg

        return psycopg.connect(self._url, autocommit=True, connect_timeout=10)

    def begin(self, db: Any, wait: float) -> None:
        """Wait until the changes of other processes have ended, then begin a change."""
        db.execute(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
            f"SET LOCAL lock_timeout = '{_milliseconds(wait)}ms';"
            "SET LOCAL synchronous_commit = on;"
            f"SELECT pg_advisory_xact_lock({LOCK})"
        )

    def begin_reading(self, db: Any) -> None:
        """Begin a transaction that only reads. Other programs can write at the same time."""
        db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def undo(self, db: Any) -> None:
        """Roll back the unfinished transaction, if any."""
        if db.info.transaction_status.name != "IDLE":
            db.execute("ROLLBACK")

    def sweep(self, db: Any, wait: float) -> bool:
        """Let the server rewrite the tables with data on people, without deleted rows."""
        import psycopg

        db.execute(f"SET lock_timeout = '{_milliseconds(wait)}ms'")
        ours = [table for table in OF_PEOPLE if db.execute(MAY_SWEEP, (table,)).fetchone()[0]]
        try:
            for table in ours:
                db.execute(f"VACUUM FULL {table}")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
            return False
        return len(ours) == len(OF_PEOPLE)

    def spelled(self, sql: str) -> str:
        """Return an SQL statement with the placeholders that the PostgreSQL driver expects."""
        return sql.replace("%", "%%").replace("?", "%s")

    def has_ended(self, db: Any) -> bool:
        """Return whether the connection to the server is closed."""
        return bool(db.closed)

    def busy(self, wait: float) -> TroubleError:
        """Return the error for a database that another program has locked for `wait` seconds."""
        return TroubleError(
            LOCKED,
            f"Another program has been writing to {self.name} for {wait:.3g} seconds. Nothing was "
            "saved. Wait until that program has ended, or end it (the server's view pg_locks lists "
            "its pid with the locktype 'advisory'). Then try again.",
            file=self.name,
        )

    def trouble(self, error: Exception, wait: float) -> TroubleError | None:
        """Return an error with advice if the database is locked by another program, else None."""
        import psycopg

        return self.busy(wait) if isinstance(error, psycopg.errors.LockNotAvailable) else None


Engine: TypeAlias = SQLite | PostgreSQL
"""Type of the objects that connect to SQLite or PostgreSQL, with the same methods."""


def _milliseconds(wait: float) -> int:
    return max(1, int(wait * 1000))  # for the server, 0 means no limit


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
"""All tables with their key columns. A table refers only to earlier tables."""


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
    True: "SELECT 1 AS n WHERE to_regclass('somscape_schema') IS NOT NULL",
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


FILE = "cases.sqlite"
"""Name of the database file in the folder of a state."""


def opened(where: str | Path) -> StateDatabase:
    """Return the database of a state. Create a missing database."""
    if isinstance(where, str) and is_url(where):
        if not where.lower().startswith(("postgresql://", "postgres://")):
            raise InputError(
                f"`state` must be a folder or postgresql://USER@HOST/NAME, but is {where}.",
                value=where,
            )
        try:
            database_at(where)  # refuses a password, because messages would show it
        except InputError as error:  # without options, because no command asks for this password
            raise InputError(f"`state`: {error}") from error
        engine: Engine = PostgreSQL(where)
    else:
        folder = Path(where)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be used for the state ({error.strerror}). Give another folder "
                "with `state`.",
                file=folder,
            ) from error
        engine = SQLite(folder / FILE)
        if engine.is_read_only and not (folder / FILE).exists():
            raise InputError(
                f"{folder} does not contain a state, and is read-only. Give another folder with "
                "`state`.",
                file=folder,
            )
    try:
        return StateDatabase(engine)
    except engine.errors as error:
        trouble = engine.trouble(error, SECONDS_TO_WAIT)
        if trouble:
            raise trouble from error
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"The state in {engine.name} cannot be opened ({said}). Give another place with "
            "`state`.",
            file=engine.name,
        ) from error


def state_folder() -> Path:
    """Return the default folder of the current user for the state of somscape."""
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Application Support"
    else:
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "somscape"


def user_of_computer() -> str:
    """Return the user name on this computer."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # for example in a container
        return "unknown"
