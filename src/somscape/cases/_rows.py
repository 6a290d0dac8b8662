"""Rows of the database as records, and one line where somebody damaged them."""

import json
from typing import Any

from somscape.cases._database import Row
from somscape.cases._records import Decision, Watch, WatchRun
from somscape.errors import InputError

UNREADABLE = (KeyError, TypeError, ValueError)
"""What comes of a column that holds what somscape never writes."""


def damaged(what: str) -> InputError:
    """Return the error for a state that was changed by something else than somscape."""
    return InputError(
        f"{what}; `somscape audit verify` says more, `somscape restore` brings a backup back."
    )


def mapping_in(text: Any, place: str) -> dict[str, Any]:
    """Return the values that a column of JSON holds."""
    try:
        found = json.loads(text)
    except UNREADABLE as error:
        raise damaged(f"{place} is damaged") from error
    if not isinstance(found, dict):
        raise damaged(f"{place} is damaged")
    return found


def watch_of(row: Row) -> Watch:
    """Return the watch of a row."""
    place = f"the watch '{row['name']}'"
    said = mapping_in(row["said"], place)
    try:
        key = tuple(said.pop("key"))
        return Watch(name=row["name"], map=row["map"], made=row["made"], key=key, **said)
    except UNREADABLE as error:
        raise damaged(f"{place} is damaged") from error


def run_of(row: Row) -> WatchRun:
    """Return the run of a row."""
    return WatchRun(**{**row, "facts": mapping_in(row["facts"], f"the run {row['id']}")})


def decision_of(row: Row) -> Decision:
    """Return the decision of a row."""
    known = {name: value for name, value in row.items() if name != "token"}
    if known["cells"] not in (None, "null"):
        known["cells"] = mapping_in(known["cells"], f"the decision {row['number']}")
    else:
        known["cells"] = None
    return Decision(**known)
