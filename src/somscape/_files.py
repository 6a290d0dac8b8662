"""Replace files and folders in one step, and read files with secrets.

A new file is first written to a temporary folder next to the path that it then replaces in one
step.  The running process locks this folder, so that the next process that writes to the same place
can recognize and delete the temporary folder of a killed process.  Devices and pipes are not
replaced, but receive a copy of the complete new file.
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
"""Prefix of the names of temporary folders, which is short to allow long file names."""

NEW, OLD, LOCK = "new", "old", "lock"
"""Names in a temporary folder of the new file, the replaced file and the locked file."""

LONG_AGO = 86_400.0
"""Age in seconds at which a temporary folder from another computer is deleted, because this
computer may not see the lock of the other computer."""

FOLDERS_OF_CALL, EXCHANGE = -100, 2
"""Linux constants AT_FDCWD and RENAME_EXCHANGE."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""System error numbers for a full disk and for a used-up disk quota."""

STANDARD_OUTPUT = "standard output"
"""Name of the standard output in messages."""

MAX_LINKS = 40
"""Maximum number of symbolic links that Linux follows for one path."""

ROOT = 0
"""User number of the user root, who can read and change all files."""

READABLE, WRITABLE = stat.S_IRGRP | stat.S_IROTH, stat.S_IWGRP | stat.S_IWOTH
"""Bits of a file mode that allow the group or other users to read a file, and bits that allow the
group or other users to change a file."""


def write_whole(path: str | Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file in one step, so that `path` never contains an incomplete file."""
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(
            f"{path} cannot be written, because the folder {target.parent} does not exist. Create "
            "the folder first.",
            file=path,
        )
    if target.exists() and not target.is_file() and not is_stream(target):
        raise InputError(
            f"{path} is not a file, so it cannot be replaced. Give the name of a new file.",
            file=path,
        )
    with whole(path) as making, making.open("wb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)


def shown(text: str | Path) -> str:
    r"""Escape unprintable characters in a file name or text."""
    text = str(text)
    with suppress(UnicodeEncodeError):  # a surrogate that is not a byte of a file name
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(letter: str) -> str:
    if letter.isascii():
        return letter.encode("unicode_escape").decode()
    return f"\\u{ord(letter):04x}" if letter < "\U00010000" else f"\\U{ord(letter):08x}"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a path for a new file or folder.  At the end of the block, it replaces `path`."""
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
    """Resolve the symbolic links in the folder of a path.  The file itself may still be a link."""
    return path.parent.resolve() / path.name if path.name else path.resolve()


def is_stream(path: Path) -> bool:
    """Return whether a path is a device, a pipe, or a path such as /dev/stdout for an open file."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def is_output(path: Path) -> bool:
    """Return whether a path refers to the standard output of this process."""
    if _descriptor(path) == 1:
        return True
    try:
        found, output = path.stat(), os.fstat(1)
    except OSError:
        return False
    return is_stream(path) and not stat.S_ISCHR(found.st_mode) and os.path.samestat(found, output)


def _descriptor(path: Path) -> int | None:
    """Return the file descriptor for a path such as /dev/stdout, or None for other paths."""
    own = {"/dev/fd", os.path.realpath("/proc/self/fd")}
    for _ in range(MAX_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in own:
            return int(path.name)
        try:
            path = path.parent / path.readlink()
        except OSError:  # not a link, or the name does not exist
            break
    return None


@contextmanager
def _sent(path: Path) -> Iterator[Path]:
    """Yield a path for a temporary file.  At the end of the block, copy it to a device or pipe."""
    with _temporary_folder(Path(tempfile.gettempdir())) as folder:
        making = folder / NEW / path.name
        with naming(tempfile.gettempdir()):
            yield making
        number = _descriptor(path)
        if number is None:
            number = os.open(path, os.O_WRONLY)
        else:
            sys.stdout.flush()
            number = os.dup(number)  # the copy has the same position in the file
        with making.open("rb") as made, os.fdopen(number, "wb") as stream:
            shutil.copyfileobj(made, stream)


def full_disk(error: OSError) -> str | None:
    """Return a sentence if the cause of an error is a full disk, or None for another cause."""
    if error.errno not in NO_ROOM:
        return None
    name, at = error.filename, ""
    if name not in (None, STANDARD_OUTPUT) and not is_stream(Path(os.fsdecode(name))):
        folder = Path(os.fsdecode(name)).absolute()
        folder = (folder if folder.is_dir() else folder.parent).resolve()
        at = f" at {next(f for f in (folder, *folder.parents) if f.is_mount() or f == f.parent)}"
    what = "is full" if error.errno == errno.ENOSPC else "does not have space left in your quota"
    return f"the disk{at} {what}. Free some space on this disk, or write to another disk."


def check_room(path: Path, name: str) -> None:
    """Raise InputError if `path` cannot be written.  The message contains the option `name`."""
    if is_stream(path):
        return
    target = _place(path)
    try:
        with naming(path), _temporary_folder(target.parent) as temporary:
            (temporary / NEW / target.name).touch()
    except OSError as error:
        full = full_disk(error)
        if full is not None:
            raise InputError(f"{name} {path}: {full}", parameter=name, file=path) from error
        raise InputError(
            f"{name} {path}: the file cannot be written ({error.strerror}). Give another file name "
            "or another folder.",
            parameter=name,
            file=path,
        ) from error


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """In system errors of the block, replace the name of the temporary file by `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None or PREFIX in str(error.filename):
            error.filename = str(path)
        raise


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    """Make a locked temporary folder for the block.  Also delete folders of killed processes."""
    temporary, lock = _make_locked(parent)
    try:
        with lock:
            lock.write(gethostname())
            lock.flush()
            for left in parent.glob(f"{PREFIX}*"):
                with suppress(OSError):  # a running process or another user has it
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
        # Another process took the new folder for the folder of a killed process.


def _is_of(lock: IO[str], temporary: Path) -> bool:
    """Return whether the temporary folder still contains this lock file."""
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
    if sys.platform == "win32":  # Windows does not delete open files
        _clear(temporary)


def _clear(temporary: Path) -> None:
    """Delete a temporary folder.  If the old file was not replaced, move it back first."""
    for old in (temporary / OLD).glob("*"):
        target = temporary.parent / old.name
        if not os.path.lexists(target):
            with suppress(FileNotFoundError):  # another process was faster
                old.replace(target)
    shutil.rmtree(temporary, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    """Lock a file until it is closed.  Return False if the disk does not support locks."""
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
    """Wait until the new file is stored on the disk, before the old file is deleted."""
    for path in (making, *making.rglob("*")):
        if path.is_file():
            with path.open("r+b") as file:
                os.fsync(file.fileno())


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files or folders in one step, and return whether this succeeded."""
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
    """Return the content of a file that contains secrets such as a token, a key or passwords."""
    with path.open("rb") as file:
        if os.name == "posix":
            _check(os.fstat(file.fileno()), f"{name} {shown(path)}", path, may_be_readable)
        return file.read(limit)


def _check(found: os.stat_result, what: str, path: Path, may_be_readable: bool) -> None:
    mode = stat.S_IMODE(found.st_mode)
    cure = f"Run: chmod 600 {shlex.quote(shown(path))}"
    if mode & WRITABLE:
        raise InputError(
            f"{what} has mode {mode:04o}, so other users of this computer can change the file. "
            f"Only its owner may change the file. {cure}",
            file=path,
            value=f"{mode:04o}",
        )
    if may_be_readable:
        return
    option = "to accept the file as it is: --allow-readable-secrets"
    if mode & READABLE:
        raise InputError(
            f"{what} has mode {mode:04o}, so other users of this computer can read the file. "
            f"{cure}",
            options=option,
            file=path,
            value=f"{mode:04o}",
        )
    if found.st_uid not in (ROOT, os.geteuid()):
        raise InputError(
            f"{what} belongs to user {found.st_uid}. That user can read and change the file. Only "
            f"you, user {os.geteuid()}, or root may own the file. Run: chown {os.geteuid()} "
            f"{shlex.quote(shown(path))}",
            options=option,
            file=path,
            value=found.st_uid,
        )
