"""What a job's own process does: one request on standard input, lines of JSON on standard output.

It ends when the server ends: standard input stays open until then.
"""

import errno
import json
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

from somscape._errors import InputError
from somscape._files import shown
from somscape.app._columns import describe
from somscape.app._store import READ
from somscape.app._words import for_page
from somscape.tables import Table, import_reader, read_table


def work() -> None:
    """Do the job that standard input asks for.

    What goes wrong with the input is said in one line; what goes wrong with somscape, or for want
    of memory, ends the process with a traceback on standard error, which the server keeps in a
    file.
    """
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    _import_for(request)
    _limit_memory(request["memory"])
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            is_read = request["task"] == READ
            _say("result", describe(_table(request)) if is_read else _rank(request, caught))
    except OSError as error:
        if error.errno in (errno.ENOMEM, errno.EAGAIN):
            raise
        name = f" {shown(error.filename)}" if error.filename else ""
        _say("problem", f"The computer refused the file{name} ({error.strerror or error}).")
    except InputError as error:
        _say("problem", for_page(str(error)))


def _table(request: dict[str, Any]) -> Table:
    _say("progress", {"stage": "reading"})
    return read_table(request["file"], source=request["name"], **request["reading"])


def _import_for(request: dict[str, Any]) -> None:
    """Import what a job needs, for an import under the limit can end in any error."""
    import_reader(request["file"])
    if request["task"] != READ:  # so that columns are shown without waiting for what trains
        import somscape.app._rank
        from somscape.kernels import select_kernels

        select_kernels()


def _rank(request: dict[str, Any], caught: list[warnings.WarningMessage]) -> dict[str, Any]:
    from somscape.app._rank import rank

    table = _table(request)
    options = {n: tuple(v) if isinstance(v, list) else v for n, v in request["options"].items()}
    marks = {int(number): known for number, known in request["marks"].items()}
    return rank(
        table,
        options,
        marks,
        Path(request["folder"]),
        lambda progress: _say("progress", progress),
        lambda: [str(warning.message) for warning in caught],
    )


def _say(what: str, value: Any) -> None:
    os.write(1, json.dumps({what: value}).encode() + b"\n")


def _end_with_the_server() -> None:
    while os.read(0, 1):  # ends when nobody holds the other end
        pass
    os._exit(1)


def _limit_memory(n_bytes: int | None) -> None:
    """Let this process have so many bytes more than it has, where the system can see to that."""
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
