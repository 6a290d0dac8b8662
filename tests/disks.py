"""Folders on a disk that takes no changes, or that is full, and what a folder holds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
HOLDING = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have a folder take no changes: mounted so, or by its modes for a user who is not root."""
    if IS_ROOT:
        _mount("--bind", str(folder), str(folder))
        try:
            _mount("-o", "remount,bind,ro", str(folder))
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in reversed(paths):
        path.chmod(modes[path] & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(modes[path])


@contextmanager
def small_disk(folder: Path, n_bytes: int) -> Iterator[None]:
    """Have a folder be a disk of its own."""
    if not IS_ROOT:
        pytest.skip("only root can mount a disk")
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={n_bytes}", "none", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(folder: Path) -> Path:
    """Write until a disk is full, and return the file."""
    path = folder / "full"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return path


def _mount(*words: str) -> None:
    try:
        done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("root may write everywhere, and there is no mount here")
    if done.returncode:
        pytest.skip(f"root may write everywhere, and nothing can be mounted here ({done.stderr})")


def held(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what a folder holds: of each file the mode, the time of its last change, the bytes."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode & 0o555,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *sorted(folder.rglob("*")))
    }


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Have another process hold the lock of those who write to a database."""
    words = [sys.executable, "-c", HOLDING, str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield
        finally:
            process.communicate("\n", timeout=30)
