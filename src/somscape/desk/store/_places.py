"""Open the database of a state, in a folder or on a server."""

import getpass
import os
import sys
from pathlib import Path

from somscape.desk.store._connections import Engine, StateDatabase
from somscape.desk.store._postgresql import PostgreSQL
from somscape.desk.store._sqlite import SECONDS_TO_WAIT, SQLite
from somscape.errors import InputError
from somscape.tables._sql import database_at, is_url

FILE = "cases.sqlite"
"""Name of the database file in the folder of a state."""


def opened(where: str | Path) -> StateDatabase:
    """Return the database of a state. Create a missing database."""
    if isinstance(where, str) and is_url(where):
        if not where.lower().startswith(("postgresql://", "postgres://")):
            raise InputError(
                f"`state` must be a folder or postgresql://USER@HOST/NAME, but is {where}.",
                value=where,
            )
        try:
            database_at(where)  # refuses a password, because messages would show it
        except InputError as error:  # without options, because no command asks for this password
            raise InputError(f"`state`: {error}") from error
        engine: Engine = PostgreSQL(where)
    else:
        folder = Path(where)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be used for the state ({error.strerror}). Give another folder "
                "with `state`.",
                file=folder,
            ) from error
        engine = SQLite(folder / FILE)
        if engine.is_read_only and not (folder / FILE).exists():
            raise InputError(
                f"{folder} does not contain a state, and is read-only. Give another folder with "
                "`state`.",
                file=folder,
            )
    try:
        return StateDatabase(engine)
    except engine.errors as error:
        trouble = engine.trouble(error, SECONDS_TO_WAIT)
        if trouble:
            raise trouble from error
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"The state in {engine.name} cannot be opened ({said}). Give another place with "
            "`state`.",
            file=engine.name,
        ) from error


def state_folder() -> Path:
    """Return the default folder of the current user for the state of somscape."""
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Application Support"
    else:
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "somscape"


def user_of_computer() -> str:
    """Return the user name on this computer."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # for example in a container
        return "unknown"
