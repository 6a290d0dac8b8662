"""A run once more gives the same files, after the decisions of then; or it is said why not."""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_line import customers, run, transactions, write

from somscape.desk.cases import State, forget, reproduce, run_watch
from somscape.desk.cases.decide import Seen
from somscape.desk.cases.records import CLEARED, CONFIRMED

SAME = "; alerts.csv; report.json except command, run number and audit head."


def decide(state: State, place: int, word: str) -> str:
    """Decide the case at a place of the last run's list, and return its key."""
    last = state.last_run("w")
    assert last is not None
    key = state.listed(last)[place].key
    state.decide(Seen.of(state, "w").decision(key, word, comment="seen", author="bob"))
    return key


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs with decisions between them; the last one stands in place of the third."""
    folder = tmp_path_factory.mktemp("reproduce")
    tables = [write(folder / f"{n}.csv", *customers(n)) for n in (60, 50, 40, 55)]
    words = ("--state", folder / "state", "--author", "ann")
    begin = ("detect", tables[0], "--id", "cust_id", "--label", "answer=yes", "--alerts", 6)
    assert run(*begin, "--watch", "w", "--out", folder / "out1", *words).code == 0
    for number, (table, more) in enumerate(
        ((tables[1], ()), (tables[2], ()), (tables[3], ("--instead-of", 3))), 2
    ):
        with State(folder / "state") as state:
            decide(state, 0, CLEARED if number < 4 else CONFIRMED)
        out = folder / f"out{number}"
        assert run("run", "w", table, *more, "--out", out, *words).code in (0, 3)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "state", tmp_path / "state")
    return tmp_path / "state"


def said_of(place: Path, number: int) -> tuple[bool, tuple[str, ...]]:
    with State(place) as state:
        found = reproduce(state, next(r.id for r in state.runs("w") if r.number == number))
    return found.is_same, found.said


def test_each_run_gives_its_files_again_whatever_was_decided_since(made: Path, place: Path) -> None:
    with State(place) as state:
        decide(state, 1, CLEARED)
        runs = {each.number: each for each in state.runs("w")}
    for number, each in runs.items():
        is_same, said = said_of(place, number)
        assert (is_same, len(said)) == (True, 1), said
        assert said[0].endswith(SAME)
        # The digest is that of the file.
        content = (made / f"out{number}" / "alerts.csv").read_bytes()
        assert each.facts["files"]["alerts.csv"] == hashlib.sha256(content).hexdigest()


def test_a_run_without_files_has_the_digest_of_its_list(made: Path, place: Path) -> None:
    with State(place) as state:
        new = run_watch(state, "w", author="ann", source=str(made / "50.csv"), again=True)
        assert [*new.run.facts["files"]] == ["alerts.csv"]
        assert reproduce(state, new.run.id).said[0].endswith(" listed; alerts.csv.")


def test_customers_give_their_files_again(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", *transactions(n_clients=40))
    words = ("--per", "client", "--alerts", 3, "--watch", "w", "--state", tmp_path / "state")
    outcome = run("detect", table, *words, "--drop", "note", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert said_of(tmp_path / "state", 1)[1][0].endswith(SAME)


@pytest.mark.parametrize(
    ("name", "other"), [("report.json", "report.json"), ("alerts.csv", "alerts.csv")]
)
def test_the_first_file_that_differs_is_named(place: Path, name: str, other: str) -> None:
    with closing(sqlite3.connect(place / "cases.sqlite")) as db, db:
        old = f'\'"{name}": "\''
        db.execute(f"UPDATE runs SET facts = replace(facts, {old}, {old} || 'x') WHERE number = 2")
    is_same, said = said_of(place, 2)
    assert (is_same, said[0]) == (False, f"{other} does not have the same bytes.")
    assert said[1].startswith("Table, map, rule and versions are the same")


@pytest.mark.parametrize("name", ["report.json", "alerts.csv"])
def test_other_sentences_of_an_earlier_version_are_only_a_note(place: Path, name: str) -> None:
    old = f'\'"{name}": "\''
    version = """replace(facts, '"somscape": "', '"somscape": "0.0.')"""
    with closing(sqlite3.connect(place / "cases.sqlite")) as db, db:
        db.execute(f"UPDATE runs SET facts = replace({version}, {old}, {old} || 'x')")
    is_same, said = said_of(place, 2)
    assert (is_same, len(said)) == (True, 2)
    assert said[0].endswith(f"Another version of somscape wrote other text in {name}.")
    assert said[1].startswith("Other versions: somscape 0.0.")
    with closing(sqlite3.connect(place / "cases.sqlite")) as db, db:
        db.execute("UPDATE listed SET news = 'risen' WHERE place = 2")
    is_same, said = said_of(place, 2)
    assert (is_same, said[0]) == (False, f"{name} does not have the same bytes.")


def test_what_was_forgotten_is_the_reason(place: Path) -> None:
    with State(place) as state:
        runs = {each.number: each for each in state.runs("w")}
        forget(state, "w", state.listed(runs[1].id)[0].key, author="ann")
    is_same, said = said_of(place, 2)
    assert (is_same, said[0]) == (False, "alerts.csv does not have the same bytes.")
    assert said[1].startswith("Cases of the watch were forgotten")


def test_what_was_forgotten_before_the_run_is_no_reason(made: Path, place: Path) -> None:
    with State(place) as state:
        first = next(each for each in state.runs("w") if each.number == 1)
        forget(state, "w", state.listed(first.id)[0].key, author="ann")
        new = run_watch(state, "w", author="ann", source=str(made / "50.csv"), again=True)
    with closing(sqlite3.connect(place / "cases.sqlite")) as db, db:
        old = '\'"alerts.csv": "\''
        change = f"UPDATE runs SET facts = replace(facts, {old}, {old} || 'x') WHERE number = ?"
        db.execute(change, (new.run.number,))
    _, said = said_of(place, new.run.number)
    assert said[1].startswith("Table, map, rule and versions are the same")
