"""Uploads and runs of the app. Each folder of an app has its own, also in a shared database."""

from collections.abc import Mapping
from typing import Any

from somscape.desk.store._connections import Row, StateDatabase, Transaction

RUNS = (
    "SELECT r.id, upload, name, ending, made, task, state, problem, settings, r.facts,"
    " coalesce(nullif(title, ''), name) AS title, watch"
    " FROM app_runs r JOIN app_uploads u ON u.id = upload WHERE folder = ?"
)


def runs_of_app(database: StateDatabase, folder: str, run: str | None = None) -> list[Row]:
    """Return the runs in the folder of an app, the newest first. With `run`, return this run."""
    if run is not None:
        return database.rows(f"{RUNS} AND r.id = ?", (folder, run))
    return database.rows(f"{RUNS} ORDER BY number DESC", (folder,))


def uploads_of_app(database: StateDatabase, folder: str) -> dict[str, str | None]:
    """Return the facts about the tables that were uploaded into the folder of an app, by id."""
    found = database.rows("SELECT id, facts FROM app_uploads WHERE folder = ?", (folder,))
    return {row["id"]: row["facts"] for row in found}


def facts_of_upload(database: StateDatabase, upload: str) -> str | None:
    """Return the facts about an uploaded table, or None before it was read."""
    found = database.rows("SELECT facts FROM app_uploads WHERE id = ?", (upload,))
    return found[0]["facts"] if found else None


def add_run(change: Transaction, run: Row) -> None:
    """Add a run of an upload as the newest run."""
    [last] = change.rows("SELECT max(number) AS number FROM app_runs")
    change.insert("app_runs", [{**run, "number": (last["number"] or 0) + 1}])


def say_upload(change: Transaction, upload: str, values: Mapping[str, Any]) -> None:
    """Save values of an upload by column name."""
    _say(change, "app_uploads", upload, values)


def say_run(change: Transaction, run: str, values: Mapping[str, Any]) -> None:
    """Save values of a run by column name."""
    _say(change, "app_runs", run, values)


def _say(change: Transaction, table: str, id_: str, values: Mapping[str, Any]) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    change.rows(f"UPDATE {table} SET {columns} WHERE id = ?", (*values.values(), id_))


def facts_of_run(change: Transaction, run: str) -> str | None:
    """Return the facts about a run, or None before it has finished."""
    found = change.rows("SELECT facts FROM app_runs WHERE id = ?", (run,))
    return found[0]["facts"] if found else None


def n_runs_of(database: StateDatabase, upload: str) -> int:
    """Return the number of runs on an upload."""
    sql = "SELECT count(*) AS n FROM app_runs WHERE upload = ?"
    return int(database.rows(sql, (upload,))[0]["n"])


def drop_run(change: Transaction, run: str) -> None:
    """Delete a run."""
    change.rows("DELETE FROM app_runs WHERE id = ?", (run,))


def drop_upload(change: Transaction, upload: str) -> None:
    """Delete an upload and its runs."""
    change.rows("DELETE FROM app_uploads WHERE id = ?", (upload,))
