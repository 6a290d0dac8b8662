"""What a job's own process does: one request on standard input, lines of JSON on standard output.

It ends when the server ends: standard input stays open until then.
"""

import errno
import json
import os
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from somscape._files import shown
from somscape.app._columns import describe, one_line
from somscape.app._store import KEEP, READ, REGIONS, WATCH
from somscape.errors import InputError
from somscape.tables import Table, import_reader, read_table


def work() -> None:
    """Do the job that standard input asks for."""
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    job = _job_of(request)
    _limit_memory(request["memory"])
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _say("progress", {"stage": "reading"})
            _say("result", job(lambda: [str(warning.message) for warning in caught]))
    except OSError as error:
        if error.errno in (errno.ENOMEM, errno.EAGAIN):
            raise
        name = f" {shown(error.filename)}" if error.filename else ""
        _say("problem", f"The computer refused the file{name} ({error.strerror or error}).")
    except InputError as error:
        _say("problem", one_line(str(error)))


def load() -> None:
    """Load what jobs need that train; late, so that columns are shown without waiting for it."""
    from somscape.app import _edited, _rank, _watched  # noqa: F401
    from somscape.joins import import_solvers
    from somscape.kernels import select_kernels

    import_solvers()
    select_kernels()


def _job_of(request: dict[str, Any]) -> Callable[[Callable[[], list[str]]], dict[str, Any]]:
    """Return what is done, given what tells the warnings so far."""
    import_reader(request["file"])

    def table() -> Table:
        return read_table(request["file"], source=request["name"], **request["reading"])

    if request["task"] == READ:
        return lambda warned: describe(table())
    load()
    from somscape.app._edited import keep_regions
    from somscape.app._rank import Known, rank
    from somscape.app._watched import kept, watched
    from somscape.cases import State

    folder = Path(request["folder"])
    options = {
        n: tuple(v) if isinstance(v, list) else v for n, v in request.get("options", {}).items()
    }
    if request["task"] in (WATCH, KEEP):
        state = State(request["state"])
        if request["task"] == WATCH:
            return lambda warned: watched(state, request, folder)
        return lambda warned: kept(state, table(), options, request, folder)
    if request["task"] == REGIONS:
        return lambda warned: keep_regions(table(), options, request["regions"], folder)
    marks = {int(number): known for number, known in request["marks"].items()}
    before = None if request["before"] is None else Path(request["before"])
    known = Known(marks, before, tuple(request.get("key", ())))
    return lambda warned: rank(
        table(), options, known, folder, lambda progress: _say("progress", progress), warned
    )


def _say(what: str, value: Any) -> None:
    os.write(1, json.dumps({what: value}).encode() + b"\n")


def _end_with_the_server() -> None:
    while os.read(0, 1):  # ends when nobody holds the other end
        pass
    os._exit(1)


def _limit_memory(n_bytes: int | None) -> None:
    """Limit this process to `n_bytes` more than it has, where the system supports that."""
    if n_bytes is None or sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = n_bytes + _addresses()
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (allowed, most))
    except (ValueError, OSError):
        return  # macOS has the limit and does not take it


def _addresses() -> int:
    """Return the bytes of addresses that Python and its libraries have taken already."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
