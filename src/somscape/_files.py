"""Files and folders that appear whole or not at all, and files of secrets.

A result is written in a temporary folder beside its target, and takes the target's place in one
step.  The temporary folder is locked while its process lives, so that the next process to write
there can tell what a killed one left, and delete it.  A device and a pipe keep their place: the
whole result is sent through them.
"""

import ctypes
import errno
import os
import shlex
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

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a full disk, and of a user's share of a disk."""

STANDARD_OUTPUT = "standard output"
"""What messages call it."""

MAX_LINKS = 40
"""Links in a row that Linux follows."""

ROOT = 0
"""Number of the user who may read and change all files."""

READABLE, WRITABLE = stat.S_IRGRP | stat.S_IROTH, stat.S_IWGRP | stat.S_IWOTH
"""Bits of a file that its group or others may read, and change."""


def write_whole(path: str | Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file so that `path` holds the old content or all of the new."""
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(
            f"{path}: the folder {target.parent} does not exist. Make it first.", file=path
        )
    if target.exists() and not target.is_file() and not is_stream(target):
        raise InputError(f"{path} is not a file that can be replaced. Give the name of a new file.")
    with whole(path) as making, making.open("wb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)


def shown(text: str | Path) -> str:
    r"""Return a file's name, or a line with it, so that it can be shown and saved anywhere."""
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
    if is_stream(Path(path)):
        with naming(path), _sent(Path(path)) as making:
            yield making
        return
    target = _place(Path(path))
    with naming(path), _temporary_folder(target.parent) as temporary:
        making = temporary / NEW / target.name
        yield making
        _flush(making)
        if target.is_symlink() or not target.is_dir():
            making.replace(target)
        elif not _exchange(making, target):
            (temporary / OLD).mkdir()
            target.replace(temporary / OLD / target.name)
            making.replace(target)


def _place(path: Path) -> Path:
    """Return a path whose folder is no link; its last part may be one."""
    return path.parent.resolve() / path.name if path.name else path.resolve()


def is_stream(path: Path) -> bool:
    """Return whether a path leads to a device, a pipe, or an open file such as /dev/stdout."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def is_output(path: Path) -> bool:
    """Return whether a path leads to the standard output of this process."""
    if _descriptor(path) == 1:
        return True
    try:
        found, output = path.stat(), os.fstat(1)
    except OSError:
        return False
    return is_stream(path) and not stat.S_ISCHR(found.st_mode) and os.path.samestat(found, output)


def _descriptor(path: Path) -> int | None:
    """Return the number of the open file of this process that a path leads to, if there is one."""
    own = {"/dev/fd", os.path.realpath("/proc/self/fd")}
    for _ in range(MAX_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in own:
            return int(path.name)
        try:
            path = path.parent / path.readlink()
        except OSError:  # no link, or nothing of that name
            break
    return None


@contextmanager
def _sent(path: Path) -> Iterator[Path]:
    """Return a path for a temporary file, which is sent to a device or a pipe once it is whole."""
    with _temporary_folder(Path(tempfile.gettempdir())) as folder:
        making = folder / NEW / path.name
        with naming(tempfile.gettempdir()):
            yield making
        number = _descriptor(path)
        if number is None:
            number = os.open(path, os.O_WRONLY)
        else:
            sys.stdout.flush()
            number = os.dup(number)  # which shares its place in the file
        with making.open("rb") as made, os.fdopen(number, "wb") as stream:
            shutil.copyfileobj(made, stream)


def full_disk(error: OSError) -> str | None:
    """Return a sentence that names the full disk, or None for another error."""
    if error.errno not in NO_ROOM:
        return None
    name, at = error.filename, ""
    if name not in (None, STANDARD_OUTPUT) and not is_stream(Path(os.fsdecode(name))):
        folder = Path(os.fsdecode(name)).absolute()
        folder = (folder if folder.is_dir() else folder.parent).resolve()
        at = f" at {next(f for f in (folder, *folder.parents) if f.is_mount() or f == f.parent)}"
    what = "is full" if error.errno == errno.ENOSPC else "has no room left in your quota"
    return f"the disk{at} {what}. Free some space there, or write to another disk."


def check_room(path: Path, name: str) -> None:
    """Raise InputError where `path`, which `name` gave, cannot be written."""
    if is_stream(path):
        return
    target = _place(path)
    try:
        with naming(path), _temporary_folder(target.parent) as temporary:
            (temporary / NEW / target.name).touch()
    except OSError as error:
        full = full_disk(error)
        if full is not None:
            raise InputError(f"{name} {path}: {full}") from error
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
    """Lock a file for as long as this process has it open; return False on a disk without locks."""
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


def read_secret(
    path: Path, name: str, *, may_be_readable: bool = False, limit: int = 1 << 20
) -> bytes:
    """Read a file of a secret, such as a token, a key or the users with their passwords."""
    with path.open("rb") as file:
        if os.name == "posix":
            _check(os.fstat(file.fileno()), f"{name} {shown(path)}", path, may_be_readable)
        return file.read(limit)


def _check(found: os.stat_result, what: str, path: Path, may_be_readable: bool) -> None:
    mode = stat.S_IMODE(found.st_mode)
    cure = f"Run: chmod 600 {shlex.quote(shown(path))}"
    if mode & WRITABLE:
        raise InputError(
            f"{what} has mode {mode:04o}, so other users of this computer can change it. Nobody "
            f"but its owner may. {cure}"
        )
    if may_be_readable:
        return
    option = "to accept the file as it is: --allow-readable-secrets"
    if mode & READABLE:
        raise InputError(
            f"{what} has mode {mode:04o}, so other users of this computer can read it. {cure}",
            options=option,
        )
    if found.st_uid not in (ROOT, os.geteuid()):
        raise InputError(
            f"{what} belongs to user {found.st_uid}, who can read and change the file. Only you, "
            f"user {os.geteuid()}, or root may own the file. Run: chown {os.geteuid()} "
            f"{shlex.quote(shown(path))}",
            options=option,
        )
