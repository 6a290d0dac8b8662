"""SQLite's files: opened to be changed, or only to be read if nothing can be written there."""

import errno
import os
import shlex
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from somscape._files import full_disk
from somscape.errors import InputError

SECONDS_TO_WAIT = 30.0
"""For another program that is writing."""

PROBE = 1 << 16
"""Bytes that a disk with room takes: more than SQLite's index of a journal."""

PRIVATE = 0o600

LOCKED, READ_ONLY, FULL = "locked", "read-only", "full"
"""Why a database cannot be changed now."""

NOTHING_SAVED = "Nothing was saved."

Stamp = tuple[tuple[int, int, int] | None, ...] | None


class TroubleError(InputError):
    """A database that cannot be changed now.

    Parameters
    ----------
    why : str
        `LOCKED`, `READ_ONLY` or `FULL`.
    line : str
    """

    def __init__(self, why: str, line: str) -> None:
        super().__init__(line)
        self.why = why


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
        self.is_read_only = is_read_only(path)

    def connect(self) -> sqlite3.Connection:
        """Open the file, or make it."""
        if self.is_read_only:
            return connect_reading(self._path)
        db = sqlite3.connect(
            self._path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            _keep_private(self._path)
            _keep_journal(db)
            db.execute("PRAGMA synchronous = FULL")  # what was answered is on the disk
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA temp_store = MEMORY")  # no copy of people's texts elsewhere
            db.execute("PRAGMA secure_delete = ON")  # what is forgotten does not stay in free pages
        except BaseException:
            db.close()
            raise
        return db

    def begin(self, db: sqlite3.Connection, wait: float) -> None:
        """Begin as the only one who writes."""
        with _waiting(db, wait):
            db.execute("BEGIN IMMEDIATE")

    def begin_reading(self, db: sqlite3.Connection) -> None:
        """Begin to read, while others may write."""
        db.execute("BEGIN")

    def undo(self, db: sqlite3.Connection) -> None:
        """Roll back, unless SQLite has done so itself, as where the disk is full."""
        if db.in_transaction:
            db.execute("ROLLBACK")

    def sweep(self, db: sqlite3.Connection, wait: float) -> bool:
        """Write the file anew without what was deleted, and empty its journal."""
        with _waiting(db, wait):
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
        """Say whether a file that is only read has changed since it was opened."""
        return isinstance(db, Reading) and db.has_changed()

    def busy(self, wait: float) -> TroubleError:
        """Return an error on a file that stayed locked for so many seconds."""
        return busy(self._path, wait)

    def trouble(self, error: Exception, wait: float) -> TroubleError | None:
        """Return an error on a file that stayed locked, or on a disk that is full or read-only."""
        return trouble_of(error, self._path, wait)


class Reading(sqlite3.Connection):
    """A connection that only reads a file on a disk, or in a folder, that takes no changes."""

    path = Path()
    stamp: Stamp = None

    def has_changed(self) -> bool:
        """Say whether somebody who may write there has changed the file, unknown to SQLite."""
        return self.stamp is not None and self.stamp != _stamp(self.path)


def is_read_only(path: Path) -> bool:
    """Return whether a database cannot be changed: its disk, its folder or its file is
    read-only.
    """
    # SQLite makes files beside a database.
    needed = (path.parent, path, _beside(path, "-wal"), _beside(path, "-shm"))
    return any(part.exists() and not _may_write(part) for part in needed)


def connect_reading(path: Path) -> Reading:
    """Open a database without changing its folder, in any way."""
    stamp: Stamp = _stamp(path)
    journal, index = _beside(path, "-wal"), _beside(path, "-shm")
    how, exclusively = "mode=ro", False
    if journal.exists() and index.exists() and not _may_write(index):
        stamp = None  # SQLite can read both, and sees what others write meanwhile
    elif journal.exists() and journal.stat().st_size:
        # The last changes are in the journal alone.  SQLite would make an index of the journal
        # beside the file, unless it has the file for itself; then the index is in memory.
        system = "win32" if sys.platform == "win32" else "unix"
        how, exclusively = f"mode=ro&vfs={system}-none", True
    else:
        how = "mode=ro&immutable=1"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        timeout=SECONDS_TO_WAIT,
        isolation_level=None,
        check_same_thread=False,
        uri=True,
        factory=Reading,
    )
    db.path, db.stamp = path, stamp
    try:
        if exclusively:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def is_busy(error: Exception) -> bool:
    """Return whether an error is that the file stayed locked."""
    return _code(error) == sqlite3.SQLITE_BUSY


def busy(path: Path, wait: float, saved: str = NOTHING_SAVED) -> TroubleError:
    """Return what to do about a database in which another program writes for too long."""
    return TroubleError(
        LOCKED,
        f"{path}: another program has been writing there for {wait:.3g} seconds. {saved} Wait "
        "until that program has ended, or end it "
        f"(`lsof {shlex.quote(str(path))}` lists the programs that have the file open), then try "
        "again.",
    )


def trouble_of(
    error: Exception, path: Path, wait: float, saved: str = NOTHING_SAVED
) -> TroubleError | None:
    """Return what keeps a database from being used, and what to do, in one line."""
    code, number = _code(error), getattr(error, "errno", None)
    if is_busy(error):
        return busy(path, wait, saved)
    if code == sqlite3.SQLITE_READONLY or number == errno.EROFS:
        return TroubleError(
            READ_ONLY,
            f"{path} cannot be changed: its disk or its folder is read-only. {saved} Make it "
            "writable, and try again.",
        )
    if code == sqlite3.SQLITE_FULL:
        error = OSError(errno.ENOSPC, "", str(path))
    elif code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):  # it does not always tell: try it
        error, saved = _refusal(path) or error, ""
    full = full_disk(error) if isinstance(error, OSError) else None
    return TroubleError(FULL, f"{path}: {full} {saved}".rstrip()) if full else None


def _code(error: Exception) -> int:
    """Return what kind of error SQLite met, without what it did just then."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _refusal(path: Path) -> OSError | None:
    """Return with what error the disk of a file refuses more bytes, if it does."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
    except OSError as error:
        error.filename = str(path)
        return error
    return None


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _stamp(path: Path) -> Stamp:
    return tuple(map(_stamp_of, (path, _beside(path, "-wal"), _beside(path, "-shm"))))


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def _waiting(db: sqlite3.Connection, wait: float) -> Iterator[None]:
    """Have a connection wait so many seconds for a lock."""
    db.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
    try:
        yield
    finally:
        db.execute(f"PRAGMA busy_timeout = {int(SECONDS_TO_WAIT * 1000)}")


def _keep_journal(db: sqlite3.Connection) -> None:
    """Have what is written go to a journal first, so that others may read meanwhile."""
    end = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _keep_private(path: Path) -> None:
    """Let nobody else read or write a file of ours."""
    found = path.stat()
    is_ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if is_ours and stat.S_IMODE(found.st_mode) != PRIVATE:
        path.chmod(PRIVATE)
