"""A change is all there or not at all, and none is left open, whatever comes between."""

import os
import re
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from some_cases import KEY, PLACES, fill, new_database, place_for
from texts import rejected

from somscape.desk.cases import Decision, State, verify
from somscape.desk.store._connections import Transaction
from somscape.errors import InputError

ADD = "INSERT INTO salts VALUES (?, ?, ?)"
BUSY = r"Another program has been writing to .* for 0\.1 seconds\. Nothing was saved\. Wait until "
SAID = Decision("cards", "a", "later", "", "ann")


@pytest.fixture(params=PLACES)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    with State(place_for(request.param, request, tmp_path)) as state:
        yield state


def place_of(state: State) -> str | Path:
    name = state.database.name
    return name if state.database.is_server else Path(name).parent


def changing(state: State, *steps: Callable[[Transaction], object]) -> None:
    with state.database.change() as change:
        for step in steps:
            step(change)


def add(change: Transaction) -> None:
    change.rows(ADD, ("w", "k", "s"))


def n_salts(state: State) -> int:
    return state.database.rows("SELECT count(*) AS n FROM salts")[0]["n"]


def test_a_block_that_ends_well_is_saved(state: State) -> None:
    with state.database.change() as change:
        change.rows(ADD, ("w", "50 % ?", "s"))
        assert n_salts(state) == 1  # its own thread sees what it did
    assert state.database.rows("SELECT key FROM salts WHERE key LIKE '50 %'")
    with pytest.raises(RuntimeError, match="this change has ended"):
        change.rows(ADD, ("w", "l", "s"))
    assert n_salts(state) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_block_that_raises_leaves_nothing_and_no_change_open(
    state: State, error: type[BaseException]
) -> None:
    def fail(change: Transaction) -> None:
        raise error

    with pytest.raises(error):
        changing(state, add, fail)
    assert n_salts(state) == 0
    changing(state, add)
    assert n_salts(state) == 1


def test_a_statement_that_failed_fails_the_change_also_where_the_error_is_caught(
    state: State,
) -> None:
    def add_quietly(change: Transaction) -> None:
        with suppress(InputError):
            add(change)

    def ask_nonsense(change: Transaction) -> None:
        with suppress(InputError):
            change.rows("SELECT no such thing")

    for steps in ((add, add_quietly), (ask_nonsense, add_quietly)):
        with rejected():
            changing(state, *steps)
    assert n_salts(state) == 0


def test_a_change_within_a_change_is_refused_and_neither_is_saved(state: State) -> None:
    with pytest.raises(RuntimeError, match="has not ended"):
        changing(state, add, lambda change: changing(state, add))
    assert n_salts(state) == 0


def test_an_interrupt_while_a_change_begins_leaves_none_open(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = state.database._engine.begin

    def interrupted(db: Any, wait: float) -> None:
        begin(db, wait)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(state.database._engine, "begin", interrupted)
        with pytest.raises(KeyboardInterrupt), state.database.change():
            pass
    with state.database.change() as change:
        change.rows(ADD, ("w", "k", "s"))
    assert n_salts(state) == 1


def test_saving_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def refer_to_nothing(change: Transaction) -> None:
        change.rows("PRAGMA defer_foreign_keys = ON")  # so that COMMIT looks
        change.rows("INSERT INTO kept VALUES ('no run', '0', '', '')")

    with State(tmp_path) as state:
        with rejected():
            changing(state, refer_to_nothing)
        assert state.database.rows("SELECT * FROM kept") == []
        fill(state)


def test_a_full_disk_is_one_line_and_what_was_answered_stays(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        fill(state)
        journal = tmp_path / "cases.sqlite-wal"
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 60_000, limits[1]))
        answered: list[int] = []

        def fill_the_disk() -> None:
            for i in range(1000):
                answered.append(state.decide(SAID, token=f"t{i}").number)

        try:
            with pytest.raises(InputError) as raised:
                fill_the_disk()
            with rejected():
                state.decide(SAID, token="t")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        line = str(raised.value)
        assert "\n" not in line
        assert str(raised.value.file).endswith("cases.sqlite")
        assert answered
        again = state.decide(SAID, token=f"t{len(answered)}")
        assert again.number == answered[-1] + 1
        assert verify(state).faults == ()
        assert verify(state).n_lines == 7 + len(answered) + 1


def test_another_process_that_writes_too_long_is_one_line(tmp_path: Path) -> None:
    with State(tmp_path) as state, closing(sqlite3.connect(tmp_path / "cases.sqlite")) as other:
        fill(state)
        state.database.wait = 0.1
        other.execute("BEGIN IMMEDIATE")
        with rejected():
            state.decide(SAID)
        other.execute("ROLLBACK")
        state.decide(SAID)


def test_reading_waits_for_nobody_who_writes(state: State) -> None:
    fill(state)
    answered: list[int] = []
    with State(place_of(state)) as other:
        other.database.wait = 10.0
        threads = [
            threading.Thread(target=lambda: answered.append(other.decide(SAID).number))
            for _ in range(12)  # more than there are connections
        ]
        with state.database.change() as change:
            add(change)  # the lock is held, by this thread
            for thread in threads:
                thread.start()
            time.sleep(0.1)
            begun = time.monotonic()
            with other.database.snapshot():
                assert len(other.watches()) == 1
                assert other.history("cards", "a")[-1].state == "confirmed"
            assert n_salts(other) == n_salts(state) - 1  # its thread alone sees what is not saved
            assert time.monotonic() - begun < 0.5
            assert answered == []
        for thread in threads:
            thread.join(30)
        assert sorted(answered) == [*range(8, 20)]
        assert other.history("cards", "a")[-1].number == 19


def test_a_thread_reads_what_it_has_decided_and_others_what_was_saved(state: State) -> None:
    fill(state)
    with State(place_of(state)) as other, state.together():
        state.decide(SAID)
        assert state.history("cards", "a")[-1].state == "later"
        seen: list[str] = []
        reading = threading.Thread(
            target=lambda: seen.append(state.history("cards", "a")[-1].state)
        )
        reading.start()
        reading.join(30)
        assert seen == ["confirmed"]
        assert other.history("cards", "a")[-1].state == "confirmed"
    assert state.history("cards", "a")[-1].state == "later"


def test_a_snapshot_does_not_see_what_is_saved_meanwhile(state: State) -> None:
    fill(state)
    with State(place_of(state)) as other:
        with state.database.snapshot():
            assert state.history("cards", "a")[-1].state == "confirmed"
            other.decide(SAID)
            assert state.history("cards", "a")[-1].state == "confirmed"
        assert state.history("cards", "a")[-1].state == "later"


def test_threads_of_one_process_wait_no_longer_than_for_another(state: State) -> None:
    fill(state)
    state.database.wait = 0.1
    refused: list[str] = []

    def decide() -> None:
        try:
            state.decide(SAID)
        except InputError as error:
            refused.append(str(error))

    with state.database.change():
        thread = threading.Thread(target=decide)
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
    assert len(refused) == 1
    assert re.search(BUSY, refused[0])
    state.decide(SAID)


def test_a_state_that_was_closed_is_not_opened_again(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.database.snapshot():
        state.close()
    with rejected():
        state.watches()
    assert not (tmp_path / "cases.sqlite-wal").exists()  # no connection is left


def test_a_server_that_nobody_reaches_is_one_line_without_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "geheim-4711")
    with pytest.raises(InputError) as raised:
        State("postgresql://anna@127.0.0.1:1/cases")
    line = str(raised.value)
    assert line.startswith("The state in postgresql://anna@127.0.0.1:1/cases cannot be opened (")
    assert "\n" not in line
    assert "geheim" not in line


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    for url in ("postgresql://anna:geheim@bank/cases", "postgresql://bank/cases?password=geheim"):
        with rejected(parameter="state") as raised:
            State(url)
        assert "geheim" not in str(raised.value)
        assert raised.value.options == ""  # no command asks for the password of a state


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_texts_that_a_database_does_not_take_are_refused(state: State, text: str) -> None:
    fill(state)
    for name in ("key", "comment", "author"):
        with rejected():
            state.decide(Decision(**{**vars(SAID), name: text}))
    assert verify(state).n_lines == 7


def _cut(server: Any, place: str) -> None:
    name = place.rpartition("/")[2]
    server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


@pytest.mark.nightly
def test_a_connection_that_ended_is_made_anew(postgresql: Any) -> None:
    place = new_database(postgresql)
    with State(place) as state:
        fill(state)
        _cut(postgresql, place)
        assert len(state.history("cards", KEY)) == 2
        _cut(postgresql, place)
        state.decide(SAID)
        assert verify(state).n_lines == 8


@pytest.mark.nightly
def test_a_connection_that_ends_within_a_change_ends_the_change(postgresql: Any) -> None:
    place = new_database(postgresql)
    with State(place) as state:

        def cut(change: Transaction) -> None:
            _cut(postgresql, place)

        def ask(change: Transaction) -> None:
            state.database.rows("SELECT 1")  # a new connection would know nothing of the change

        for steps in ((add, cut, add), (add, cut, ask), (add, cut)):
            with rejected():
                changing(state, *steps)
            assert n_salts(state) == 0


@pytest.mark.nightly
def test_a_server_whose_lock_another_holds_too_long_is_one_line(postgresql: Any) -> None:
    place = new_database(postgresql)
    with State(place) as state, State(place) as other, state.database.change() as change:
        add(change)
        other.database.wait = 0.1
        with rejected():
            changing(other, add)


def test_the_mode_of_another_users_file_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    State(tmp_path).close()
    file = tmp_path / "cases.sqlite"
    file.chmod(0o660)
    with monkeypatch.context() as other:
        other.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
        State(tmp_path).close()
    assert file.stat().st_mode & 0o777 == 0o660
    State(tmp_path).close()
    assert file.stat().st_mode & 0o777 == 0o600
