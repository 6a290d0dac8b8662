"""Connections to a database of a state, and transactions, in SQLite or PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeAlias, TypeVar

from somscape.desk.store._postgresql import PostgreSQL
from somscape.desk.store._sqlite import FAILED, READ_ONLY, SECONDS_TO_WAIT, SQLite, TroubleError
from somscape.errors import InputError

MOST_IDLE = 4
"""Maximum number of unused database connections that are kept open."""

Engine: TypeAlias = SQLite | PostgreSQL
"""Type of the objects that connect to SQLite or PostgreSQL, with the same methods."""

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

    def __init__(self, engine: Engine) -> None:
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
    def change(self, wait: float | None = None) -> Iterator["Transaction"]:
        """Make several changes in one transaction. Wait at most `wait` seconds for others."""
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
        wait = self.wait if wait is None else wait
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
    def together(self, wait: float | None = None) -> Iterator["Transaction"]:
        """Combine all changes that this thread makes within the block into one transaction."""
        with self.change(wait) as change:
            was_together = getattr(self._local, "is_together", False)
            self._local.is_together = True
            try:
                yield change
            finally:
                self._local.is_together = was_together

    def snapshot(self) -> AbstractContextManager["Transaction"]:
        """Return a context in which all queries see the database as it was at one moment."""
        self._check_none_open()
        return self._transaction(self._engine.begin_reading, SECONDS_TO_WAIT)

    def busy(self, wait: float) -> TroubleError:
        """Return the error for a database that others have changed for `wait` seconds."""
        return self._engine.busy(wait)

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

    def __init__(self, engine: Engine) -> None:
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

    def _problem(self, error: Exception, wait: float) -> TroubleError:
        trouble = self._engine.trouble(error, wait)
        if trouble:
            return trouble
        said = " ".join(str(error).split()).rstrip(".")
        return TroubleError(
            FAILED,
            f"The database {self._engine.name} failed ({said}). Perhaps the change was not saved. "
            "If the disk is full, free some space. Then try again, or give another place with "
            "`state`. A repeated change is not saved twice.",
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

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows to a table. Each row is a dict of values by column name."""
        if rows:
            names, values = ", ".join(rows[0]), ", ".join("?" * len(rows[0]))
            sql = f"INSERT INTO {table} ({names}) VALUES ({values})"
            self.many(sql, ([*row.values()] for row in rows))

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
