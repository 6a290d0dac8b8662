"""The place at which the app listens: a port, or a Unix socket for a proxy."""

import errno
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from somscape._files import shown
from somscape.app._front import Front
from somscape.errors import InputError
from somscape.web import listening as listening_on


@contextmanager
def listening(front: Front) -> Iterator[socket.socket]:
    """Listen where it is said, until the block ends."""
    if front.socket is not None:
        with _on_socket(front.socket, front.socket_group) as listener:
            yield listener
    else:
        with listening_on(front.host, front.port) as listener:
            yield listener


@contextmanager
def _on_socket(path: Path, group: str | None) -> Iterator[socket.socket]:
    if not hasattr(socket, "AF_UNIX"):
        raise InputError("`socket` is for systems that have Unix sockets. Leave it out.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear_left(path)
        listener.bind(str(path))
        try:
            # Nobody can connect before it listens, so nobody comes before its mode is set.
            path.chmod(0o600 if group is None else 0o660)
            if group is not None:
                shutil.chown(path, group=group)
            listener.listen()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except (OSError, LookupError) as error:
        listener.close()
        said = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen on `socket` {shown(path)} ({said}). Give another path, of at most 100 "
            "bytes, in a folder of yours, and a group that you are in."
        ) from error
    except BaseException:
        listener.close()
        raise
    own = path.stat().st_ino
    try:
        with listener:
            yield listener
    finally:
        with suppress(FileNotFoundError):
            if path.stat().st_ino == own:
                path.unlink()


def _clear_left(path: Path) -> None:
    """Delete a socket that a killed server left."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_socket:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
    raise FileExistsError(errno.EEXIST, "something is there")
