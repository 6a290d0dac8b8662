"""Files and folders appear whole, where they may stand, and nothing else is left."""

import errno
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import listing
from texts import rejected

import somscape._files as files
from somscape._files import (
    LOCK,
    OLD,
    PREFIX,
    check_room,
    full_disk,
    read_secret,
    whole,
    write_whole,
)

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    target = tmp_path / "m.som"
    target.write_bytes(b"old")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert listing(tmp_path) == {"m.som"}


def test_what_is_no_file_is_left_alone(tmp_path):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other"))
        with rejected():
            write_whole(tmp_path / "other", b"new")
        assert (tmp_path / "other").is_socket()
    with rejected():
        write_whole(tmp_path, b"new")


@pytest.mark.parametrize("target", ["real", "folder/real", "nothing"])
def test_a_link_is_replaced_and_its_file_stays(tmp_path, target):
    (tmp_path / "folder").mkdir()
    for name in ("real", "folder/real"):
        (tmp_path / name).write_bytes(b"old")
    (tmp_path / "link").symlink_to(target)
    write_whole(tmp_path / "link", b"new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"new"
    assert (tmp_path / "real").read_bytes() == (tmp_path / "folder" / "real").read_bytes() == b"old"
    assert listing(tmp_path) == {"real", "folder", "folder/real", "link"}


def test_a_link_to_a_folder_on_the_way_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "way").symlink_to("folder")
    write_whole(tmp_path / "way" / "m.som", b"new")
    assert (tmp_path / "way").is_symlink()
    assert (tmp_path / "folder" / "m.som").read_bytes() == b"new"


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_pipe_gets_all_and_stays(tmp_path, is_linked):
    pipe = target = tmp_path / "pipe"
    os.mkfifo(pipe)
    if is_linked:
        target = tmp_path / "link"
        target.symlink_to("pipe")
    check_room(target, "--out")
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        write_whole(target, [b"new ", b"content"])
        assert reader.read() == b"new content"
    assert pipe.is_fifo()
    assert target.is_symlink() == is_linked


def test_an_open_file_is_written_where_it_stands(tmp_path):
    with (tmp_path / "log").open("w+b") as log:
        log.write(b"before ")
        log.flush()
        (tmp_path / "link").symlink_to(f"/dev/fd/{log.fileno()}")
        write_whole(tmp_path / "link", b"new ")
        log.write(b"after")
        log.seek(0)
        assert log.read() == b"before new after"
    assert listing(tmp_path) == {"log", "link"}


def test_a_device_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    write_whole(tmp_path / "link", b"new")
    write_whole("/dev/null", b"new")
    assert Path("/dev/null").is_char_device()
    assert (tmp_path / "link").is_symlink()


def test_what_goes_through_a_device_is_cleared_by_no_other_process(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    with whole("/dev/null") as making:
        write_whole(tmp_path / "other", b"x")
        making.write_bytes(b"x")
    assert listing(tmp_path) == {"other"}


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is full")
def test_a_full_device_is_an_error_that_names_the_device(tmp_path):
    (tmp_path / "link").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole(tmp_path / "link", b"new")
    assert caught.value.filename == str(tmp_path / "link")


def test_a_full_disk_is_named_with_its_place(tmp_path):
    place = tmp_path
    while not place.is_mount():
        place = place.parent
    for number, words in (
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "does not have space left in your quota"),
    ):
        said = full_disk(OSError(number, "", str(tmp_path / "m.som")))
        assert said.startswith(f"the disk at {place} {words}. ")
        assert f"the disk {words}" in str(full_disk(OSError(number, "")))
    assert full_disk(OSError(errno.EACCES, "", "m.som")) is None


# Secrets


needs_modes = pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")


@needs_modes
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o646, 0o666])
def test_a_secret_that_others_can_change_is_refused_in_any_case(tmp_path, mode):
    path = secret(tmp_path, mode)
    for may_be_readable in (False, True):
        with rejected() as e:
            read_secret(path, "`token_file`", may_be_readable=may_be_readable)
        assert str(e.value).endswith(f"Run: chmod 600 '{path}'")
        assert e.value.options == ""


@needs_modes
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o444])
def test_a_secret_that_others_can_read_needs_the_option(tmp_path, mode):
    path = secret(tmp_path, mode)
    with rejected() as caught:
        read_secret(path, "`token_file`")
    assert str(caught.value).endswith(f"Run: chmod 600 '{path}'")
    assert caught.value.options.endswith("--allow-readable-secrets")
    assert read_secret(path, "`token_file`", may_be_readable=True) == b"secret"


@needs_modes
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_secret_of_its_owner_is_read(tmp_path, mode):
    assert read_secret(secret(tmp_path, mode), "`token_file`") == b"secret"


@needs_modes
def test_of_a_link_to_a_secret_the_file_at_its_end_counts(tmp_path):
    """Kubernetes mounts a secret as a link to a link."""
    (tmp_path / "..data").mkdir()
    path, link = secret(tmp_path / "..data", 0o640), tmp_path / "token"
    link.symlink_to("..data/a secret")
    with rejected(value="0640"):
        read_secret(link, "`token_file`")
    path.chmod(0o600)
    assert read_secret(link, "`token_file`") == b"secret"


@needs_modes
def test_a_secret_of_another_user_needs_the_option(tmp_path, monkeypatch):
    path = secret(tmp_path, 0o600)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(files, "ROOT", path.stat().st_uid + 2)
    with rejected(value=0) as caught:
        read_secret(path, "`token_file`")
    assert "--allow-readable-secrets" in caught.value.options
    assert read_secret(path, "`token_file`", may_be_readable=True) == b"secret"
    monkeypatch.setattr(files, "ROOT", path.stat().st_uid)
    assert read_secret(path, "`token_file`") == b"secret"


def secret(folder, mode):
    path = folder / "a secret"
    path.write_text("secret")
    path.chmod(mode)
    return path


def fill(target, name="a", content="new"):
    with whole(target) as making:
        making.mkdir()
        (making / name).write_text(content)


@pytest.fixture(params=["in one step", "in two steps"])
def found(request, tmp_path, monkeypatch):
    """A folder of results, and a system that can, or cannot, exchange two names."""
    if request.param == "in two steps":
        monkeypatch.setattr(files, "_exchange", lambda *_: False)
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "old").write_text("old")
    return tmp_path / "found"


def test_a_folder_is_replaced_and_nothing_else_is_left(found):
    fill(found)
    assert listing(found.parent) == {"found", "found/a"}


def test_a_folder_stays_where_the_new_one_cannot_be_made(found):
    def fail():
        with whole(found) as making:
            making.mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert listing(found.parent) == {"found", "found/old"}


@pytest.mark.skipif(sys.platform != "linux", reason="a call of Linux")
def test_a_folder_is_replaced_in_one_step_where_there_is_one(found, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(Path, "replace", lambda *_: pytest.fail("this would be a second step"))
    fill(found)
    assert listing(found.parent) == {"found", "found/a"}


def test_what_stood_there_comes_back_where_the_second_step_fails(found, monkeypatch):
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    replace = Path.replace

    def fail_second(self, target):
        if "new" in self.parts:
            raise OSError(5, "Input/output error", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_second)
    with pytest.raises(OSError, match=re.escape(f"'{found}'")):
        fill(found)
    assert listing(found.parent) == {"found", "found/old"}


def left_by_a_killed_process(folder, host=None):
    """Make what a process leaves that is killed between the two steps."""
    temporary = folder / f"{PREFIX}1"
    (temporary / OLD / "found").mkdir(parents=True)
    (temporary / OLD / "found" / "map.som").write_text("old")
    (temporary / LOCK).write_text(socket.gethostname() if host is None else host)
    return temporary


@needs_locks
@pytest.mark.parametrize("host", [None, ""])
def test_what_a_killed_process_left_goes_back_to_its_place(tmp_path, host):
    left_by_a_killed_process(tmp_path, host)
    check_room(tmp_path / "other", "--out")
    assert listing(tmp_path) == {"found", "found/map.som"}


@needs_locks
def test_what_a_killed_process_left_goes_over_nothing(tmp_path):
    left_by_a_killed_process(tmp_path)
    (tmp_path / "found").write_text("newer")
    check_room(tmp_path / "found", "--out")
    assert listing(tmp_path) == {"found"}
    assert (tmp_path / "found").read_text() == "newer"


@needs_locks
def test_what_another_computer_left_is_taken_for_its_own_for_a_day(tmp_path):
    temporary = left_by_a_killed_process(tmp_path, host="elsewhere")
    check_room(tmp_path / "found", "--out")
    assert temporary.is_dir()
    os.utime(temporary, (1, 1))
    check_room(tmp_path / "found", "--out")
    assert listing(tmp_path) == {"found", "found/map.som"}


def write_until_told(target, begun, told):
    with whole(target) as making:
        making.write_text("whole")
        begun.set()
        told.wait(60)


@needs_locks
def test_nothing_of_a_living_process_is_cleared(tmp_path):
    context = multiprocessing.get_context("spawn")
    begun, told = context.Event(), context.Event()
    process = context.Process(target=write_until_told, args=(tmp_path / "a", begun, told))
    process.start()
    try:
        assert begun.wait(60)
        with whole(tmp_path / "a") as making:  # nor of another place in this process
            check_room(tmp_path / "a", "--out")
            making.write_text("mine")
        assert (tmp_path / "a").read_text() == "mine"
        told.set()
        process.join(60)
        assert process.exitcode == 0
    finally:
        process.kill()
    assert (tmp_path / "a").read_text() == "whole"
    assert listing(tmp_path) == {"a"}


@needs_locks
def test_what_others_put_there_is_not_followed(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").write_text("kept")
    (tmp_path / f"{PREFIX}link").symlink_to(theirs)
    (tmp_path / f"{PREFIX}file").write_text("a file of this name")
    check_room(tmp_path / "found", "--out")
    assert {"theirs/kept", f"{PREFIX}file"} <= listing(tmp_path)


def test_a_disk_without_locks_is_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_lock", lambda file: False)
    left = left_by_a_killed_process(tmp_path)
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert left.is_dir()  # who can tell whether it is another's?


def test_a_folder_that_another_process_clears_too_early_is_made_again(tmp_path, monkeypatch):
    make, made = files.tempfile.mkdtemp, []

    def make_and_lose(**options):
        made.append(Path(make(**options)))
        if len(made) == 1:
            made[0].rmdir()
        return str(made[-1])

    monkeypatch.setattr(files.tempfile, "mkdtemp", make_and_lose)
    write_whole(tmp_path / "a", b"new")
    assert len(made) == 2
    assert listing(tmp_path) == {"a"}


@needs_locks
def test_a_folder_that_another_clears_before_the_lock_is_made_again(tmp_path, monkeypatch):
    lock, locked = files._lock, []

    def lock_too_late(file):
        locked.append(Path(file.name).parent)
        if len(locked) == 1:
            shutil.rmtree(locked[0])
        return lock(file)

    monkeypatch.setattr(files, "_lock", lock_too_late)
    write_whole(tmp_path / "a", b"new")
    assert len(set(locked)) == 2
    assert listing(tmp_path) == {"a"}


@needs_locks
def test_who_locks_what_was_deleted_clears_nothing_of_the_next(tmp_path, monkeypatch):
    lock, left = files._lock, left_by_a_killed_process(tmp_path)

    def lock_too_late(file):
        if Path(file.name).parent == left:
            (left / LOCK).unlink()
            (left / LOCK).touch()
        return lock(file)

    monkeypatch.setattr(files, "_lock", lock_too_late)
    check_room(tmp_path / "other", "--out")
    assert left.is_dir()


@pytest.mark.nightly
def test_many_write_into_one_folder_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", lambda file: None)

    def write_often(name):
        for n in range(200):
            write_whole(tmp_path / name, str(n).encode())

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(write_often, ["c0", "c1", "c2"])) == [None] * 3
    assert listing(tmp_path) == {"c0", "c1", "c2"}
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"199"}


@pytest.mark.parametrize("make", [lambda path: write_whole(path, b"new"), fill])
def test_any_name_that_a_file_can_have_will_do(tmp_path, make):
    longest = tmp_path / ("x" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    check_room(longest, "--out")
    make(longest)
    make(longest)
    with rejected(parameter="--out"):
        check_room(tmp_path / f"{longest.name}x", "--out")


def on_a_full_disk(*words):
    """Run Python where no file may be longer than 1,000 bytes."""
    code = (
        "import resource, sys; limit = resource.RLIMIT_FSIZE;"
        "resource.setrlimit(limit, (1000, resource.getrlimit(limit)[1]));"
        "from test_files import *; globals()[sys.argv[1]](Path(sys.argv[2]))"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def write_much(path):
    write_whole(path, b"x" * 100_000)


def fill_much(path):
    fill(path, content="x" * 100_000)


def fill_nested(path):
    with whole(path) as making:
        making.mkdir()
        write_much(making / "inside")


@pytest.mark.skipif(sys.platform == "win32", reason="limits a process as POSIX does")
@pytest.mark.parametrize("how", ["write_much", "fill_much", "fill_nested"])
def test_a_full_disk_is_told_with_the_file_that_was_written(tmp_path, how):
    target = tmp_path / "found"
    done = on_a_full_disk(how, str(target))
    assert done.stderr.splitlines()[-1] == f"OSError: [Errno 27] File too large: '{target}'"
    assert listing(tmp_path) == set()
