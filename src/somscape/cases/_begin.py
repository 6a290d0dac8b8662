"""A watch begins, or is trained anew: its map, its source and its first run are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.cases._chain import now
from somscape.cases._keys import cells_of_rows, keys_of
from somscape.cases._maps import bytes_of, detector_of
from somscape.cases._moves import encoded_cells, usual_moves
from somscape.cases._options import kept_options
from somscape.cases._outcome import RunOutcome
from somscape.cases._records import CLEARED, CONFIRMED, Watch
from somscape.cases._returns import returned
from somscape.cases._run import record_run
from somscape.cases._state import State
from somscape.errors import InputError
from somscape.jobs import Found
from somscape.outliers import UNKNOWN, Detector
from somscape.tables import Table

MAX_NAME = 100
"""Letters of a watch's name."""


def check_name(name: str) -> None:
    """Raise InputError for a name that no watch can have.

    Parameters
    ----------
    name : str
    """
    is_line = name.strip() == name and name.isprintable() and 0 < len(name) <= MAX_NAME
    if not is_line or "/" in name or name in (".", "..") or name.startswith("-"):
        raise InputError(
            f"`watch` must be a name of 1 to {MAX_NAME} letters in one line, without / or spaces "
            f"around it, and not begin with - or be . or ..; got {name!r}."
        )


def begin_watch(
    state: State,
    name: str,
    found: Found,
    *,
    key: Sequence[str],
    source: str,
    options: Mapping[str, Any],
    author: str,
    shown_as: str | None = None,
    clear_for: int = 12,
    notes: Sequence[str] = (),
) -> RunOutcome:
    """Keep a watch with its map, and record its first run by that map.

    Parameters
    ----------
    state : State
    name : str
        Of the watch, which may be there already.
    found : Found
        A detection on its table.
    key : sequence of str
        From `key_columns`.
    source : str
        From `source_of`; "" where nothing can be read again, as of an upload.
    options : mapping
        By their names on the command line.
    author : str
    shown_as : str or None, default=None
        What the table of the first run is called, if not by its source.
    clear_for : int, default=12
        Months after which a cleared case returns.
    notes : sequence of str, default=()

    Returns
    -------
    RunOutcome
    """
    check_name(name)
    keys_of(found.table, key)
    said = Watch(name, tuple(key), source, kept_options(options), "", clear_for)
    watch = state.keep_watch(said, bytes_of(found.detector), author=author)
    return record_run(
        state,
        watch,
        found.detector,
        found.table,
        found.rule,
        author=author,
        source=source if shown_as is None else shown_as,
        grouped=found.grouped,
        label=found.label,
        notes=notes,
    )


def detector_of_watch(state: State, name: str) -> Detector | None:
    """Return the detector of a watch, or None where there is no watch of that name.

    Parameters
    ----------
    state : State
    name : str

    Returns
    -------
    Detector or None
    """
    found = [watch for watch in state.watches() if watch.name == name]
    return detector_of(state.map(found[0].map)) if found else None


def known_cases(
    state: State, name: str, table: Table, key: Sequence[str], before: Detector | None
) -> Ints | None:
    """Return what decisions say of the rows of a table that trains a watch anew.

    Parameters
    ----------
    state : State
    name : str
    table : Table
    key : sequence of str
    before : Detector or None
        The detector so far, by whose map a cleared row may have moved so far that it counts no
        more.

    Returns
    -------
    ndarray of shape (n_rows,) or None
        1 for confirmed cases, 0 for cleared ones, -1 for the others; None without decisions.
    """
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
    """Return the cleared cases that moved far, by the map so far."""
    if before is None or not rows:
        return {}
    encoding = before.map_.encoding
    names = [code.name for code in encoding.used]
    try:
        encoded = np.asarray(before.map_.rows_of(table), dtype=np.float64)
    except InputError:  # other columns: nothing compares
        return {}
    none = encoded_cells(encoding, [])
    usual = usual_moves(before, none, none, encoded)
    cells = dict(zip(rows, cells_of_rows(table, names, list(rows.values())), strict=True))
    return returned(before, decided, cells, usual, clear_for=10**6, today=now())
