"""A state with a watch, two runs and some decisions, in a folder or on a server."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from somscape.desk.cases import Decision, State, Watch
from somscape.desk.cases.records import CLEARED, CONFIRMED, LATER, NEW, STILL, Listed, NewRun
from somscape.desk.jobs.job import Job

WATCH = Watch("cards", ("id",), "cards.csv", Job(alerts=10), "")

SECRETS = ("anna.meier@example.org", "stolen in Lugano", "Via Nassa 7", "amount 9,999 of Meier")
"""A key, a comment, a cell and reasons of one person, which a search for bytes finds."""

KEY = SECRETS[0]

PLACES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.nightly)]


def place_for(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Return a new place for a state: a folder, or a database of the tests' server."""
    if kind == "sqlite":
        return tmp_path / f"state-{secrets.token_hex(4)}"
    return new_database(request.getfixturevalue("postgresql"))


def new_database(server: Any) -> str:
    """Make a database on a server, and return its URL."""
    name = f"cases_{secrets.token_hex(4)}"
    server.run(f"CREATE DATABASE {name}")
    return str(server.url(database=name))


def fill(state: State) -> None:
    """Keep a watch, two runs of three rows, and four decisions, the last two of one person."""
    state.keep_watch(WATCH, b"a map", author="ann")
    for number, news in ((1, NEW), (2, STILL)):
        rows = tuple(
            Listed(key, place, 5.0 - place / 3, 0.01 * place, news, reasons)
            for place, (key, reasons) in enumerate(
                [("a", "age 3"), (KEY, SECRETS[3]), ("c", "amount 2")], 1
            )
        )
        kept = {"a": {"age": 3}, KEY: {"street": SECRETS[2]}, "unlisted": {"age": 4}}
        run = NewRun(f"r{number}", "cards.csv", "00", b"a map", {"n_rows": 9}, rows, kept)
        state.add_run("cards", run, author="cron")
    state.decide(Decision("cards", "a", CONFIRMED, "known", "ann", "r1", 4.5, {"age": 3}))
    state.decide(Decision("cards", "c", LATER, "", "bob", "r1", 4.0))
    cells = {"street": SECRETS[2]}
    state.decide(Decision("cards", KEY, CLEARED, "her own card", "bob", "r1", 4.25, cells))
    state.decide(Decision("cards", KEY, CONFIRMED, SECRETS[1], "ann", "r2", 4.25, cells))
