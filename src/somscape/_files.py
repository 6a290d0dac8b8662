"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from somscape._errors import InputError


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
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_room(target: Path, name: str = "--out") -> None:
    """Raise InputError where nothing can be made beside `target`, which `name` gave.

    By a trial, for permissions do not tell all.
    """
    try:
        with tempfile.TemporaryFile(dir=target.resolve().parent):
            pass
    except OSError as error:
        raise InputError(
            f"{name} {target}: nothing can be written in that folder ({error.strerror}). Give "
            f"{name} a name in another one."
        ) from error


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill that takes the place of `target` once all is written."""
    making = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield making
        making.chmod(0o777 & ~umask())
        if target.exists():
            old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-old-"))
            target.replace(old / "results")
            try:
                making.replace(target)
            except BaseException:
                (old / "results").replace(target)
                raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        else:
            making.replace(target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def umask() -> int:
    """Return the permissions that new files do not get."""
    current = os.umask(0)
    os.umask(current)
    return current
