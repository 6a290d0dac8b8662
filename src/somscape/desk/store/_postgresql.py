"""Connect to PostgreSQL."""

from typing import Any

from somscape.desk.store._sqlite import LOCKED, TroubleError
from somscape.tables._messages import check_libraries

LOCK = 0x736F6D73
"""Number of PostgreSQL's advisory lock for changes."""

OF_PEOPLE = ("decisions", "listed", "kept", "salts")
"""Tables with keys and texts about people."""

MAY_SWEEP = (
    "SELECT pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE') FROM pg_class c,"
    " pg_database d WHERE c.oid = %s::regclass AND d.datname = current_database()"
)
"""Query that returns whether the current PostgreSQL role owns a table or the database."""


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


def _milliseconds(wait: float) -> int:
    return max(1, int(wait * 1000))  # for the server, 0 means no limit
