"""Store large arrays in temporary files, limit the memory of readers, and call functions early."""

import errno
import math
import os
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from mmap import mmap
from pathlib import Path
from threading import Lock
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from somscape.errors import InputError

LARGE = 1 << 28
"""Minimum size in bytes (256 MiB) at which a single array is stored in a temporary file."""

LEAST = 1 << 16
"""Minimum size in bytes at which an array is stored in a temporary file if it is one of several
arrays that together are large."""

EXTENT = 1 << 26
"""Size in bytes of a temporary file that small arrays share, so that fewer files are open."""

LINE = 64
"""Arrays in a shared file start at multiples of this number of bytes."""

PIECE = 1 << 20
"""Number of zero bytes that are written at a time if the system cannot reserve space for a file."""


def stored(
    shape: int | tuple[int, ...], dtype: DTypeLike = np.float64, *, among: int = 1
) -> NDArray[Any]:
    """Return a new array, which is stored in a temporary file if it is large."""
    shape, type_ = (shape,) if isinstance(shape, int) else shape, np.dtype(dtype)
    size = math.prod(shape) * type_.itemsize
    if not are_large(size, among):
        return np.empty(shape, type_)
    mapped, begin = (_new(size), 0) if size >= EXTENT else _shared.place(size)
    return np.frombuffer(mapped, type_, math.prod(shape), begin).reshape(shape)


def are_large(size: int, among: int = 1) -> bool:
    """Return whether an array of `size` bytes is stored in a temporary file."""
    return size * among >= LARGE and size >= min(LARGE, LEAST)


def put_away(values: NDArray[Any], *, among: int = 1) -> NDArray[Any]:
    """Return an array of the same values, which is stored in a temporary file if it is large."""
    if not are_large(values.nbytes, among) or isinstance(_owner(values), mmap):
        return values
    if values.nbytes >= EXTENT:  # writing takes half the time of copying to a mapped file
        return gathered([values.reshape(1, -1)], values.size, values.dtype).reshape(values.shape)
    out = stored(values.shape, values.dtype, among=among)
    out[...] = values
    return out


def _owner(values: Any) -> Any:
    """Return the object that owns the memory of an array."""
    while isinstance(values, np.ndarray | memoryview):
        inner = values.base if isinstance(values, np.ndarray) else values.obj
        if inner is None:
            break
        values = inner
    return values


def copied(file: IO[bytes], size: int) -> mmap:
    """Copy a file to a mapped temporary file, which other programs cannot change."""
    mapped = _new(size)
    file.readinto(mapped)  # type: ignore[attr-defined]
    return mapped


def assembled(
    parts: Iterable[NDArray[Any]],
    shape: tuple[int, int],
    dtype: DTypeLike = np.float64,
    *,
    among: int = 1,
) -> NDArray[Any]:
    """Join arrays of rows into one array, which is stored in a temporary file if it is large."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size >= EXTENT and are_large(size, among):
        return gathered(parts, shape[1], dtype)
    out, begin = stored(shape, dtype, among=among), 0
    for part in parts:
        out[begin : begin + len(part)] = part
        begin += len(part)
    return out


def gathered(parts: Iterable[NDArray[Any]], n_columns: int, dtype: DTypeLike) -> NDArray[Any]:
    """Join arrays of rows into one array, which is stored in a temporary file."""
    with temporary() as file:
        for part in parts:
            with told():
                file.write(np.ascontiguousarray(part).data)
        with told():
            file.flush()
        mapped = _mapped(file, 0)
    return np.frombuffer(mapped, dtype).reshape(-1, n_columns)


class _Shared:
    """A temporary file in which several small arrays are stored."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = Lock()
        self._mapped: Callable[[], mmap | None] = lambda: None
        self._folder: str | None = None
        self._used = 0

    def place(self, size: int) -> tuple[mmap, int]:
        """Return two values: a mapped file with `size` free bytes, and their position."""
        with self._lock:
            mapped = self._mapped()
            begin = -(-self._used // LINE) * LINE
            if mapped is None or begin + size > len(mapped) or self._folder != tempfile.tempdir:
                mapped, begin = _new(EXTENT), 0
                self._mapped, self._folder = weakref.ref(mapped), tempfile.tempdir
            self._used = begin + size
            return mapped, begin


_shared = _Shared()
if hasattr(os, "register_at_fork"):  # otherwise two processes would write to the same positions
    os.register_at_fork(after_in_child=_shared.forget)


def _new(size: int) -> mmap:
    with temporary() as file:
        with told():
            _set_aside(file, size)  # otherwise writing to the array on a full disk ends the process
        return _mapped(file, size)


@contextmanager
def temporary() -> Iterator[IO[bytes]]:
    """Open a temporary file that exists while it is open or mapped, or raise InputError."""
    folder = os.environ.get("TMPDIR")
    if folder and not Path(folder).is_dir():  # tempfile would use another folder
        raise InputError(
            f"the environment variable TMPDIR is {folder!r}, which is not a folder. Create the "
            "folder, or set TMPDIR to an existing folder, such as /tmp.",
            parameter="TMPDIR",
            value=folder,
        )
    with told():
        file = tempfile.TemporaryFile(prefix="somscape-")  # noqa: SIM115 - closing it may fail
    try:
        yield file
    finally:
        with suppress(OSError):  # closing tries to write again after a failure
            file.close()


@contextmanager
def told() -> Iterator[None]:
    """If the block cannot write a temporary file, raise InputError with the cause."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise InputError(
                "a temporary file for rows cannot be opened, because too many files are open "
                f"({error.strerror}). Raise the limit, for example by `ulimit -n 4096`, or close "
                "files."
            ) from error
        place = os.fsencode(tempfile.tempdir or b"").decode("utf-8", "backslashreplace")
        folder = f" in {place}" if place else ""
        raise InputError(
            f"a temporary file for rows{folder} cannot be written ({error.strerror or error}). Free"
            " some space there, or set the environment variable TMPDIR to another folder.",
            file=place or None,
        ) from error


def _set_aside(file: IO[bytes], size: int) -> None:
    """Reserve `size` bytes on the disk for a file, if necessary by writing zeros."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for begin in range(0, size, PIECE):
        file.write(bytes(min(PIECE, size - begin)))
    file.flush()


def _mapped(file: IO[bytes], size: int) -> mmap:
    with told():
        try:
            return mmap(file.fileno(), size)
        except OSError as error:  # a limit of the process that also counts mapped files
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            raise MemoryError(f"there is no memory to map {size} bytes") from error


Thing = TypeVar("Thing")


def made_ahead(makers: Iterable[Callable[[], Thing]], n_threads: int = 1) -> Iterator[Thing]:
    """Yield the results of functions in order.  Threads already call the next functions."""
    remaining = deque(makers)
    if len(remaining) < 2:
        yield from (make() for make in remaining)
        return
    with ThreadPoolExecutor(n_threads) as threads:
        coming: deque[Future[Thing]] = deque()
        while remaining:
            coming.append(threads.submit(remaining.popleft()))
            if len(coming) > n_threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


TIMES = 10
"""Maximum memory for reading a file, as a multiple of the uncompressed size of the file."""

FLOOR = 65_536
"""Number of bytes that are added to the memory limit of every file."""


class Budget:
    """Number of bytes of memory that reading a file may still use.

    A Python object needs more memory than its text in a file.  For example, a list needs 64 bytes
    of memory, but its text can be a single byte.  A function that reads a file therefore counts the
    bytes of objects before it creates them, and uses at most ten times the file size and `FLOOR`.
    This limit also protects against files with repeated values or false sizes.

    Parameters
    ----------
    source : str
        Name of the file, for messages.
    size : int
        Size of the file in bytes.  These bytes count as memory that is already used.
    """

    def __init__(self, source: str, size: int) -> None:
        self.source = source
        self.size = size
        self._left = (TIMES - 1) * size + FLOOR

    def has(self, n_bytes: int) -> bool:
        """Return whether reading may still use `n_bytes` bytes of memory."""
        return n_bytes <= self._left

    def check(self, n_bytes: int, what: str) -> None:
        """Raise InputError if too few bytes are left for temporary objects of `n_bytes` bytes."""
        if n_bytes > self._left:
            raise InputError(
                f"{self.source}: {what} would need more memory than {TIMES} times the size of the "
                f"file ({self.size} bytes). Check whether the file is damaged or has a wrong "
                "extension.",
                file=self.source,
            )

    def take(self, n_bytes: int, what: str) -> None:
        """Count bytes of permanent objects as used, or raise InputError if too few are left."""
        self.check(n_bytes, what)
        self._left -= n_bytes
