"""Files and folders that appear whole or not at all, whatever ends the process that writes them.

A result is written in a temporary folder beside its target, and takes the target's place in one
step.  The temporary folder is locked while its process lives, so that the next process to write
there can tell what a killed one left, and delete it.
"""

import ctypes
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from typing import IO

from somscape.errors import InputError

PREFIX = ".somscape-"
"""Of temporary folders, so short that any name fits in."""

NEW, OLD, LOCK = "new", "old", "lock"
"""In a temporary folder: what is written, what it replaces, and the file that is locked."""

LONG_AGO = 86_400.0
"""Seconds after which what another computer left is deleted: its locks may not be seen here."""

FOLDERS_OF_CALL, EXCHANGE = -100, 2
"""Linux's AT_FDCWD and RENAME_EXCHANGE."""


def write_whole(path: str | Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file so that `path` holds the old content or all of the new.

    Parameters
    ----------
    path : str or Path
        Replaced if it exists, after everything is written and flushed; where it is a link,
        the file that it points to is.
    data : bytes or iterable of bytes
        Pieces are written one by one.

    Raises
    ------
    InputError
        When something else than a file is there.
    OSError
        When the folder cannot be written.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise InputError(f"{path} is not a file that can be replaced. Give the name of a new file.")
    if not target.parent.is_dir():
        raise InputError(f"{path}: the folder {target.parent} does not exist. Make it first.")
    with whole(path) as making, making.open("wb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)


def shown(text: str | Path) -> str:
    r"""Return a file's name, or a line with it, so that it can be shown and saved anywhere.

    Parameters
    ----------
    text : str or Path

    Returns
    -------
    str
        Bytes that are not UTF-8 are ``\xfe``, and control characters ``\n`` or ``\u202e``.

    Examples
    --------
    >>> print(shown("bad\udcfe\x1b.csv"))
    bad\xfe\x1b.csv
    """
    text = str(text)
    with suppress(UnicodeEncodeError):  # half a letter that is no byte of a name
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(letter: str) -> str:
    if letter.isascii():
        return letter.encode("unicode_escape").decode()
    return f"\\u{ord(letter):04x}" if letter < "\U00010000" else f"\\U{ord(letter):08x}"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Return a path for a file or folder that takes the place of `path` once all is written."""
    target = Path(path).resolve()
    with naming(path), _temporary_folder(target.parent) as temporary:
        making = temporary / NEW / target.name
        yield making
        _flush(making)
        if not target.is_dir():
            making.replace(target)
        elif not _exchange(making, target):
            (temporary / OLD).mkdir()
            target.replace(temporary / OLD / target.name)
            making.replace(target)


def check_room(path: Path, name: str) -> None:
    """Raise InputError where `path`, which `name` gave, cannot be written.

    It tries to write, as permissions alone do not tell.
    """
    target = path.resolve()
    try:
        with _temporary_folder(target.parent) as temporary:
            (temporary / NEW / target.name).touch()
    except OSError as error:
        raise InputError(
            f"{name} {path}: nothing of that name can be written in that folder "
            f"({error.strerror}). Give {name} another name, or one in another folder."
        ) from error


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Have errors of the system say what was written: `path`, and no temporary file."""
    try:
        yield
    except OSError as error:
        if error.filename is None or PREFIX in str(error.filename):
            error.filename = str(path)
        raise


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    """Make a folder, locked, that is gone afterwards; clear what killed processes left there."""
    temporary, lock = _make_locked(parent)
    try:
        with lock:
            lock.write(gethostname())
            lock.flush()
            for left in parent.glob(f"{PREFIX}*"):
                with suppress(OSError):  # a living process has it, or another user
                    _clear_if_left(left, temporary.stat().st_uid)
            (temporary / NEW).mkdir()
            yield temporary
    finally:
        try:
            _clear(temporary)
        except KeyboardInterrupt:
            _clear(temporary)
            raise


def _make_locked(parent: Path) -> tuple[Path, IO[str]]:
    while True:
        temporary = Path(tempfile.mkdtemp(dir=parent, prefix=PREFIX))
        try:
            lock = (temporary / LOCK).open("a+", encoding="utf-8")
            with suppress(BlockingIOError):
                _lock(lock)
                if _is_of(lock, temporary):
                    return temporary, lock
            lock.close()
        except FileNotFoundError:
            continue
        except BaseException:
            _clear(temporary)
            raise
        # Another process took it for one that was left.


def _is_of(lock: IO[str], temporary: Path) -> bool:
    """Return whether this is still the folder's lock, which whoever clears a folder deletes."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (temporary / LOCK).stat())
    except FileNotFoundError:
        return False


def _clear_if_left(temporary: Path, user: int) -> None:
    found = temporary.lstat()
    if found.st_uid != user or not stat.S_ISDIR(found.st_mode):
        return
    with (temporary / LOCK).open("a+", encoding="utf-8") as lock:
        if not _lock(lock) or not _is_of(lock, temporary):
            return
        lock.seek(0)
        age = time.time() - temporary.stat().st_mtime
        if lock.read() not in ("", gethostname()) and age < LONG_AGO:
            return
        _clear(temporary)
    if sys.platform == "win32":  # which deletes no file that is open
        _clear(temporary)


def _clear(temporary: Path) -> None:
    """Delete a temporary folder; what was to be replaced, and was not, goes back to its place."""
    for old in (temporary / OLD).glob("*"):
        target = temporary.parent / old.name
        if not os.path.lexists(target):
            with suppress(FileNotFoundError):  # another process was quicker
                old.replace(target)
    shutil.rmtree(temporary, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    """Lock a file for as long as this process has it open; return False on a disk without locks.

    Raises BlockingIOError where another process has locked it.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _flush(making: Path) -> None:
    """Wait until all of it is on the disk, for what it replaces is deleted then."""
    for path in (making, *making.rglob("*")):
        if path.is_file():
            with path.open("r+b") as file:
                os.fsync(file.fileno())


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step, where system and disk can; return whether they could."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)  # the C library may be older
    names = os.fsencode(one), os.fsencode(other)
    return rename is not None and not rename(
        FOLDERS_OF_CALL, names[0], FOLDERS_OF_CALL, names[1], EXCHANGE
    )
