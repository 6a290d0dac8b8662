"""A watch begins, or is trained anew: its map, its source and its first run are kept."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from somscape.cases._keys import keys_of
from somscape.cases._maps import bytes_of, detector_of
from somscape.cases._options import kept_options
from somscape.cases._outcome import RunOutcome
from somscape.cases._records import CLEAR_FOR, Watch, WatchRun
from somscape.cases._run import record_run
from somscape.cases._state import State
from somscape.errors import InputError
from somscape.jobs import Found
from somscape.outliers import Detector

MAX_NAME = 100
"""Letters of a watch's name."""


def check_name(name: str) -> None:
    """Raise InputError for a name that no watch can have."""
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
    clear_for: int | None = None,
    notes: Sequence[str] = (),
    then: Callable[[WatchRun], object] | None = None,
) -> RunOutcome:
    """Keep a watch with its map and record its first run: both or neither."""
    check_name(name)
    keys_of(found.table, key)
    if clear_for is None:
        so_far = [watch.clear_for for watch in state.watches() if watch.name == name]
        clear_for = so_far[0] if so_far else CLEAR_FOR
    map_ = bytes_of(found.detector)
    hash_ = hashlib.sha256(map_).hexdigest()
    watch = Watch(name, tuple(key), source, kept_options(options), hash_, clear_for)
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
        begins=map_,
        then=then,
    )


def detector_of_watch(state: State, name: str) -> Detector | None:
    """Return the detector of a watch, or None where there is no watch of that name."""
    found = [watch for watch in state.watches() if watch.name == name]
    return detector_of(state.map(found[0].map)) if found else None
