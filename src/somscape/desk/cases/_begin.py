"""Begin a new watch, or train a new map for a watch that uses the decisions on its cases."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.desk.cases._chain import now
from somscape.desk.cases._compare import encoded_cells, returned, usual_moves
from somscape.desk.cases._run import record_run
from somscape.desk.cases._watch import bytes_of, cells_of_rows, detector_of, keys_of
from somscape.desk.cases.outcome import RunOutcome
from somscape.desk.cases.records import CLEAR_FOR, CLEARED, CONFIRMED, Upload, Watch
from somscape.desk.cases.state import State
from somscape.desk.jobs._detect import Found
from somscape.desk.jobs.job import KEPT, Job
from somscape.errors import InputError
from somscape.outliers.detector import Detector
from somscape.outliers.marks import UNKNOWN
from somscape.tables.table import Table

MAX_NAME = 100
"""Maximum number of characters in the name of a watch."""


def check_name(name: str) -> None:
    """Raise InputError if a text is not a valid name for a watch."""
    is_line = name.strip() == name and name.isprintable() and 0 < len(name) <= MAX_NAME
    if not is_line or "/" in name or name in (".", "..") or name.startswith("-"):
        raise InputError(
            f"`watch` must be a name of 1 to {MAX_NAME} characters in one line, for example "
            f"'cards', but is {name!r}. The name cannot be . or .., contain /, start with -, or "
            "start or end with a space.",
            value=name,
        )


def begin_watch(
    state: State,
    name: str,
    found: Found,
    *,
    key: Sequence[str],
    source: str,
    job: Job,
    author: str,
    shown_as: str | None = None,
    clear_for: int | None = None,
    notes: Sequence[str] = (),
    of_upload: Upload | None = None,
) -> RunOutcome:
    """Save a new watch, its map and its first run. If an error occurs, save nothing.

    The decisions on `of_upload` move to the watch, which must then be new.
    """
    check_name(name)
    keys_of(found.table, key)
    if clear_for is None:
        so_far = (watch.clear_for for watch in state.watches() if watch.name == name)
        clear_for = next(so_far, CLEAR_FOR)
    map_ = bytes_of(found.detector)
    hash_ = hashlib.sha256(map_).hexdigest()
    watch = Watch(name, tuple(key), source, job.only(*KEPT), hash_, clear_for)
    return record_run(
        *(state, watch, found.detector, found.table, found.rule),
        author=author,
        source=source if shown_as is None else shown_as,
        grouped=found.grouped,
        label=found.label,
        notes=notes,
        begins=map_,
        of_upload=of_upload,
    )


def detector_of_watch(state: State, name: str) -> Detector | None:
    """Return the detector of the watch with this name, or None if the watch does not exist."""
    found = [watch for watch in state.watches() if watch.name == name]
    return detector_of(state.map(found[0].map)) if found else None


def known_cases(
    state: State, name: str, table: Table, key: Sequence[str], before: Detector | None
) -> Ints | None:
    """Return a mark for each row from the decision on its case, or None without any mark."""
    decided = state.last_decisions(name)
    rows = {k: row for row, k in enumerate(keys_of(table, key)) if k in decided}
    known = np.full(table.n_rows, UNKNOWN)
    moved = _moved(table, rows, decided, before)
    for each, row in rows.items():
        if decided[each].state == CONFIRMED:
            known[row] = 1
        elif decided[each].state == CLEARED and each not in moved:
            known[row] = 0
    return known if (known != UNKNOWN).any() else None


def _moved(
    table: Table, rows: Mapping[str, int], decided: Mapping[str, Any], before: Detector | None
) -> Mapping[str, str]:
    """Return a reason for each cleared case, by key, if its row has changed much since then."""
    if before is None or not rows:
        return {}
    encoding = before.map_.encoding
    try:
        encoded = np.asarray(before.map_.rows_of(table), dtype=np.float64)
    except InputError:  # the columns differ, so the rows cannot be compared
        return {}
    none = encoded_cells(encoding, [])
    usual = usual_moves(before, none, none, encoded)
    names = [code.name for code in encoding.used]
    cells = dict(zip(rows, cells_of_rows(table, names, [*rows.values()]), strict=True))
    return returned(before, decided, cells, usual, clear_for=10**6, today=now())
