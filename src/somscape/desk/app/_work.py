"""The process of a job. It reads a request from standard input and writes lines of JSON."""

import errno
import json
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from somscape._files import shown
from somscape.desk.app._settings import JobRequest
from somscape.desk.app._store import RANK, READ, REGIONS, TOP, WATCH
from somscape.errors import InputError
from somscape.tables._dates import looks_like_dates
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.codes import level_texts
from somscape.tables.column import Column
from somscape.tables.customers import traits_of
from somscape.tables.kinds import MAX_LEVELS, Roles
from somscape.tables.sources import Reading, first_records, import_reader, read_table
from somscape.tables.table import Table

N_EXAMPLES = 5
MAX_EXAMPLE = 60
"""Maximum number of characters of a value that is shown as an example."""

MAX_CELLS = 8
"""Maximum number of cells of a record that is shown to choose the names of the columns."""

MAX_LISTED_LEVELS = 50
"""Maximum number of levels of a column that are listed."""

MAX_LEVEL = 1000
"""Maximum number of characters of a level. Columns with a longer level do not list their levels."""

MAX_COLUMNS, MAX_NAMES, MAX_LISTED = 5000, 5_000_000, 3_000_000
"""Maximum number of columns of a table, of characters in all names, and in all listed levels."""


def describe(table: Table) -> dict[str, Any]:
    """Return the number of rows of a table, and the kinds and examples of its columns."""
    if len(table.columns) > MAX_COLUMNS or sum(map(len, table.names)) > MAX_NAMES:
        raise InputError(
            f"{table.source} has {len(table.columns)} columns or very long names, but the app can "
            f"show at most {MAX_COLUMNS} columns. Use `somscape detect`.",
            file=table.source,
        )
    # A column with a problem is left out until the user chooses its kind.
    problems = {column.name: column.problem for column in table.columns if column.problem}
    encoding = fit_encoding(table, Roles(drop=tuple(problems)), "fill")
    columns = [
        _described(column, code.kind, one_line(problems.get(column.name) or code.why))
        | {"is_problem": column.name in problems}
        for column, code in zip(table.columns, encoding.columns, strict=True)
    ]
    n_characters = 0
    for column in columns:
        n_characters += sum(len(level) for level, _ in column["levels"])
        if n_characters > MAX_LISTED:
            column["levels"] = []
    return {
        "n_rows": table.n_rows,
        "notes": [one_line(note) for note in table.notes],
        "columns": columns,
    }


def save_top(request: JobRequest) -> None:
    """Save the start of the first records of a table for the page on which columns are named."""
    reading = Reading(**request.settings.reading)
    records, line = first_records(request.file, request.name, reading)
    rows = [[n, [_short(str(cell)) for cell in cells[:MAX_CELLS]]] for n, cells in records]
    top = json.dumps({"rows": rows, "line": line})
    Path(request.folder, TOP).write_text(top, encoding="utf-8")


def _short(cell: str) -> str:
    return cell if len(cell) <= MAX_EXAMPLE else f"{cell[:MAX_EXAMPLE]}…"


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())


def _described(column: Column, kind: str, why: str) -> dict[str, Any]:
    n_distinct = column.n_distinct
    return {
        "name": column.name,
        "kind": kind,
        "why": why,
        "may_be": _may_be(column, n_distinct),
        "n_missing": column.n_missing,
        "n_distinct": n_distinct,
        "examples": _examples(column),
        "levels": _levels(column) if n_distinct <= MAX_LISTED_LEVELS else [],
        "traits": _traits(column),
    }


def _traits(column: Column) -> dict[str, Any]:
    traits = traits_of(column)
    is_long = any(len(level) > MAX_LEVEL for level in traits["frequent"])
    return traits | {"frequent": []} if is_long else traits


def _may_be(column: Column, n_distinct: int) -> list[str]:
    kinds = ["number"] if column.is_number and n_distinct > 1 else []
    if 1 < n_distinct <= MAX_LEVELS:
        kinds.append("category")
        if column.is_number or n_distinct <= MAX_LISTED_LEVELS:
            kinds.append("ordinal")
    return [*kinds, "date"] if looks_like_dates(column) else kinds


def _examples(column: Column) -> list[str]:
    """Return the first few different values of a column as examples."""
    found: dict[str, None] = {}
    for cell in column.each_cell():
        if cell is not None:
            found[cell] = None
        if len(found) == N_EXAMPLES:
            break
    return [*map(_short, found)]


def _levels(column: Column) -> list[list[Any]]:
    present = np.array(level_texts(column), dtype=object)[~column.missing]
    counts = Counter(present.tolist())
    if any(len(level) > MAX_LEVEL for level in counts):
        return []
    ordered = sorted(counts, key=float) if column.is_number else sorted(counts)
    return [[level, counts[level]] for level in ordered]


def work() -> None:
    """Read a request from standard input, and do the job that the request describes."""
    line = sys.stdin.buffer.readline()
    request = msgspec.convert(json.loads(line), JobRequest, str_keys=True)
    threading.Thread(target=_exit_with_server, daemon=True).start()
    do = _work_of(request)
    _limit_memory(request.memory)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _say("progress", {"stage": "reading"})
            _say("result", do(lambda: [str(warning.message) for warning in caught]))
    except OSError as error:
        if error.errno in (errno.ENOMEM, errno.EAGAIN):
            raise
        name = f" {shown(error.filename)}" if error.filename else ""
        _say("problem", f"The computer cannot open the file{name} ({error.strerror or error}).")
    except InputError as error:
        _say("problem", one_line(str(error)))


def load_libraries() -> None:
    """Load the libraries for training. Jobs that only show columns are faster without them."""
    from somscape.desk.app import _results
    from somscape.kernels._select import select_kernels
    from somscape.maps._joins import import_solvers

    import_reader(_results.RANKING)
    import_solvers()
    select_kernels()


def _work_of(request: JobRequest) -> Callable[[Callable[[], list[str]]], dict[str, Any]]:
    """Return a function that does the requested job. Its argument returns the warnings so far."""
    import_reader(request.file)

    def table() -> Table:
        return read_table(request.file, source=request.name, **request.settings.reading)

    if request.task == READ:

        def read() -> dict[str, Any]:
            with suppress(InputError):  # `table` reports the error
                save_top(request)
            return describe(table())

        return lambda warned: read()
    load_libraries()
    from somscape.desk.app._results import begun, keep_regions, rank, watched
    from somscape.desk.cases.state import State

    if request.task == REGIONS:
        return lambda warned: keep_regions(table(), request)
    if request.task == RANK:
        return lambda warned: rank(table(), request, partial(_say, "progress"), warned)
    state = State(request.state)
    if request.task == WATCH:
        return lambda warned: watched(state, request)
    return lambda warned: begun(state, table(), request)


def _say(what: str, value: Any) -> None:
    os.write(1, json.dumps({what: value}).encode() + b"\n")


def _exit_with_server() -> None:
    while os.read(0, 1):  # ends when the server has ended
        pass
    os._exit(1)


def _limit_memory(n_bytes: int | None) -> None:
    """Limit the memory that this process may allocate in addition, if the system supports this."""
    if n_bytes is None or sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = n_bytes + _used_addresses()
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    with suppress(ValueError, OSError):  # macOS has this limit but refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (allowed, most))


def _used_addresses() -> int:
    """Return the number of bytes in the address space of this process."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
