"""Keeps the map that answers, and takes over one that takes its file's place."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from somscape.errors import InputError
from somscape.serve._served import Served, load_served, state_of
from somscape.tables import listed

PERIOD = 1.0
"""Seconds between two looks at the file."""

MAX_NAMED = 5


class Keeper:
    """Keeps the map that answers.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    current : Served
    refused : dict or None
        When and why the last file that came was not taken over; None once one was.

    Raises
    ------
    InputError
        If the file cannot be served.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state: tuple[int, int, int] | None = state_of(path)
        self.current = load_served(path)
        self.refused: dict[str, str] | None = None

    def look(self) -> bool | None:
        """Look at the file once."""
        state: tuple[int, int, int] | None = None
        try:
            state = state_of(self.path)
            if state == self._state:
                return None
            found = load_served(self.path)
            _check_columns(self.current, found)
        except InputError as error:
            if state == self._state and state is None:
                return None  # it is still gone
            self._state = state
            self.refused = {
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
                "why": str(error),
            }
            return False
        except MemoryError:
            return None  # again at the next look
        self._state, self.current, self.refused = state, found, None
        return True

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Look at the file for ever; requests go on meanwhile, and each has one map to its end."""
        while True:
            await asyncio.sleep(PERIOD)
            is_taken = await asyncio.to_thread(self.look)
            if is_taken is not None:
                tell(is_taken)


def _check_columns(old: Served, new: Served) -> None:
    if new.kind != old.kind:
        raise InputError(f"the new file holds a {new.kind}, and a {old.kind} is served.")
    names = {*old.fields, *new.fields}
    different = sorted(name for name in names if old.fields.get(name) != new.fields.get(name))
    if different:
        raise InputError(
            f"the new file has other columns, or other kinds of them ("
            f"{listed(different, MAX_NAMED)}). Start the service anew for it."
        )
