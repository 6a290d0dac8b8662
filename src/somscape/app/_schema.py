"""The tables of the app's database, and the numbered steps that bring an older one up to date."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from somscape._sqlite import connect_reading
from somscape.errors import InputError

STEPS = (
    """
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, ending TEXT NOT NULL, facts TEXT
    );
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
        made TEXT NOT NULL, task TEXT NOT NULL, state TEXT NOT NULL,
        problem TEXT NOT NULL DEFAULT '', settings TEXT, facts TEXT
    );
    CREATE TABLE decisions (
        upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
        number INTEGER NOT NULL, id TEXT NOT NULL, decision TEXT NOT NULL, made TEXT NOT NULL,
        score REAL, p_value REAL, run TEXT NOT NULL,
        PRIMARY KEY (upload, number)
    );
    """,
    """
    ALTER TABLE uploads ADD COLUMN watch TEXT;
    ALTER TABLE runs ADD COLUMN title TEXT NOT NULL DEFAULT '';
    ALTER TABLE decisions ADD COLUMN comment TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE decisions ADD COLUMN author TEXT NOT NULL DEFAULT '';
    ALTER TABLE decisions ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
    """,
)
"""What each version adds: the first is that of 0.2.0."""


def opened(path: Path, *, is_read_only: bool, wait: float) -> sqlite3.Connection:
    """Return a connection to a database that is made, or brought up to date, if need be."""
    db = sqlite3.connect(":memory:" if is_read_only else path, timeout=wait)
    with ExitStack() as opening:
        opening.enter_context(closing(db))
        if not is_read_only:
            path.chmod(0o600)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # a mark that was answered is on the disk
        elif path.exists():
            with closing(connect_reading(path)) as there:
                there.backup(db)
        db.execute("PRAGMA foreign_keys = ON")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise InputError(
                f"{path} was written by another version of somscape. Give another folder with "
                "--state."
            )
        for number, step in enumerate(STEPS[version:], version + 1):
            # Each step is taken whole or not at all.
            db.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
        opening.pop_all()
    return db
