"""Open SQLite files. A file on a read-only disk is only opened for reading."""

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
"""Seconds to wait until another program has finished its change of the database."""

PROBE = 1 << 16
"""Number of bytes that are written to test whether the disk is full."""

PRIVATE = 0o600

LOCKED, READ_ONLY, FULL, FAILED = "locked", "read-only", "full", "failed"
"""Reasons why a database cannot be used at present."""

NOTHING_SAVED = "Nothing was saved."

Stamp = tuple[tuple[int, int, int] | None, ...] | None


class TroubleError(InputError):
    """Error for a database that cannot be changed at present.

    Parameters
    ----------
    why : str
        `LOCKED`, `READ_ONLY`, `FULL` or `FAILED`.
    line : str
    file : object
        Name of the database.
    """

    def __init__(self, why: str, line: str, *, file: object) -> None:
        super().__init__(line, file=file)
        self.why = why


class SQLite:
    """Connects to an SQLite file that only its owner can access.

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
        """Open the SQLite file, or create a new file."""
        if self.is_read_only:
            return connect_reading(self._path)
        db = sqlite3.connect(
            self._path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            _keep_private(self._path)
            _keep_journal(db)
            db.execute("PRAGMA synchronous = FULL")  # a confirmed change is on the disk
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA temp_store = MEMORY")  # no texts in temporary files
            db.execute("PRAGMA secure_delete = ON")  # no forgotten texts in free pages
        except BaseException:
            db.close()
            raise
        return db

    def begin(self, db: sqlite3.Connection, wait: float) -> None:
        """Begin a change. Until it ends, no other connection can begin a change."""
        with _waiting(db, wait):
            db.execute("BEGIN IMMEDIATE")

    def begin_reading(self, db: sqlite3.Connection) -> None:
        """Begin a transaction that only reads. Other programs can write at the same time."""
        db.execute("BEGIN")

    def undo(self, db: sqlite3.Connection) -> None:
        """Roll back a change, unless SQLite itself has done this after an error."""
        if db.in_transaction:
            db.execute("ROLLBACK")

    def sweep(self, db: sqlite3.Connection, wait: float) -> bool:
        """Rewrite the file without the deleted rows. Return False if it is in use."""
        with _waiting(db, wait):
            try:
                db.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                return False
            return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def spelled(self, sql: str) -> str:
        """Return the statement unchanged."""
        return sql

    def has_ended(self, db: sqlite3.Connection) -> bool:
        """Return whether a file that was opened for reading has changed since then."""
        return isinstance(db, Reading) and db.has_changed()

    def busy(self, wait: float) -> TroubleError:
        """Return the error for a file that another program has locked for `wait` seconds."""
        return busy(self._path, wait)

    def trouble(self, error: Exception, wait: float) -> TroubleError | None:
        """Return an error with advice if the file is locked or the disk is full or read-only."""
        return trouble_of(error, self._path, wait)


def lock_folder(folder: Path) -> sqlite3.Connection:
    """Lock a folder for one app until this process ends."""
    lock = sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if not is_busy(error):
            raise trouble_of(error, folder / "lock.sqlite", 0) or InputError(
                f"The app cannot use the folder {folder} ({error}). Give another folder with "
                "--state.",
                file=folder,
            ) from error
        raise InputError(
            f"Another somscape app uses the folder {folder}. Use or end that app, or give another "
            "folder with --state.",
            file=folder,
        ) from error
    return lock


class Reading(sqlite3.Connection):
    """Connection that only reads a database, on a disk or in a folder that cannot be written."""

    path = Path()
    stamp: Stamp = None

    def has_changed(self) -> bool:
        """Return whether the file has changed. SQLite cannot notice such a change."""
        return self.stamp is not None and self.stamp != _stamp(self.path)


def is_read_only(path: Path) -> bool:
    """Return whether a database file, its folder or its disk is read-only."""
    # SQLite creates files in the folder of a database.
    needed = (path.parent, path, _with_suffix(path, "-wal"), _with_suffix(path, "-shm"))
    return any(part.exists() and not _may_write(part) for part in needed)


def connect_reading(path: Path) -> Reading:
    """Open a database for reading without changing any file in its folder."""
    stamp: Stamp = _stamp(path)
    journal, index = _with_suffix(path, "-wal"), _with_suffix(path, "-shm")
    how, exclusively = "mode=ro", False
    if journal.exists() and index.exists() and not _may_write(index):
        stamp = None  # SQLite can read both files, so it sees later changes
    elif journal.exists() and journal.stat().st_size:
        # The last changes are only in the journal.  SQLite would create an index of the journal in
        # the folder.  With exclusive access to the file, it keeps the index in memory instead.
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
    """Return whether an error occurred because the file was locked."""
    return _code(error) == sqlite3.SQLITE_BUSY


def busy(path: Path, wait: float) -> TroubleError:
    """Return the error for a file that another program has locked for `wait` seconds."""
    return TroubleError(
        LOCKED,
        f"Another program has been writing to {path} for {wait:.3g} seconds. {NOTHING_SAVED} "
        f"Wait until that program has ended, or end it (`lsof {shlex.quote(str(path))}` lists the "
        "programs that have the file open). Then try again.",
        file=path,
    )


def trouble_of(error: Exception, path: Path, wait: float) -> TroubleError | None:
    """Return an error with advice if a file is locked or read-only, or if the disk is full."""
    saved, code, number = NOTHING_SAVED, _code(error), getattr(error, "errno", None)
    if is_busy(error):
        return busy(path, wait)
    if code == sqlite3.SQLITE_READONLY or number == errno.EROFS:
        return TroubleError(
            READ_ONLY,
            f"{path} cannot be changed, because its disk or its folder is read-only. "
            f"{NOTHING_SAVED} Make the folder writable, and try again.",
            file=path,
        )
    if code == sqlite3.SQLITE_FULL:
        error = OSError(errno.ENOSPC, "", str(path))
    elif code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):  # perhaps a full disk: try it
        error, saved = _error_of_writing(path) or error, ""
    full = full_disk(error) if isinstance(error, OSError) else None
    return TroubleError(FULL, f"{path}: {full} {saved}".rstrip(), file=path) if full else None


def _code(error: Exception) -> int:
    """Return SQLite's primary code of an error."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _error_of_writing(path: Path) -> OSError | None:
    """Write some bytes as a test. If this fails, return the error, else None."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
    except OSError as error:
        error.filename = str(path)
        return error
    return None


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _stamp(path: Path) -> Stamp:
    return tuple(map(_stamp_of, (path, _with_suffix(path, "-wal"), _with_suffix(path, "-shm"))))


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
    """Within the block, let a connection wait at most `wait` seconds for a lock."""
    db.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
    try:
        yield
    finally:
        db.execute(f"PRAGMA busy_timeout = {int(SECONDS_TO_WAIT * 1000)}")


def _keep_journal(db: sqlite3.Connection) -> None:
    """Turn on write-ahead logging. Then other programs can read during a change."""
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
    """Make a file of the current user unreadable for other users."""
    found = path.stat()
    is_ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if is_ours and stat.S_IMODE(found.st_mode) != PRIVATE:
        path.chmod(PRIVATE)
