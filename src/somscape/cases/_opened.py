"""The database of a state, in a folder or on a server, opened."""

from pathlib import Path
from typing import Any

from somscape._sqlite import SECONDS_TO_WAIT, SQLite
from somscape.cases._database import Database, PostgreSQL
from somscape.errors import InputError
from somscape.tables import database_at, is_url

FILE = "cases.sqlite"
"""Of a state in a folder."""


def opened(where: str | Path) -> Database:
    """Return the database of a state, which is made if it is not there; see `State`."""
    if isinstance(where, str) and is_url(where):
        if not where.lower().startswith(("postgresql://", "postgres://")):
            raise InputError(
                f"`state` must be a folder or postgresql://USER@HOST/NAME; got {where}."
            )
        try:
            database_at(where)  # refuses a password, which messages would show
        except InputError as error:  # without its options: no command asks for this password
            raise InputError(f"`state`: {error}") from error
        engine: Any = PostgreSQL(where)
    else:
        folder = Path(where)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder} cannot hold the state ({error.strerror}). Name another folder with "
                "`state`."
            ) from error
        engine = SQLite(folder / FILE)
        if engine.is_read_only and not (folder / FILE).exists():
            raise InputError(
                f"{folder} has no state, and nothing can be written there. Name another folder "
                "with `state`."
            )
    try:
        return Database(engine)
    except engine.errors as error:
        trouble = engine.trouble(error, SECONDS_TO_WAIT)
        if trouble:
            raise InputError(trouble) from error
        said = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"the state in {engine.name} cannot be opened ({said}). Name another place with "
            "`state`."
        ) from error
