"""No decision that was answered is lost or doubled, whatever dies and whenever."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from some_cases import PLACES, WATCH, new_database, place_for

from somscape.desk.cases import Decision, State, verify

DECIDING = Path(__file__).parents[2] / "deciding.py"
N_KILLS = 30


class Deciding:
    """A process that decides until it is killed, and the tokens of what was answered."""

    def __init__(self, place: str | Path, name: str) -> None:
        words = [sys.executable, str(DECIDING), str(place), name]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.kept: list[str] = []
        self.again: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            if line.endswith("\n"):  # a line that was cut is no answer
                (self.kept if word == "kept" else self.again).append(rest)

    def wait_for(self, n: int) -> None:
        until = time.monotonic() + 60
        n += len(self.kept)
        while len(self.kept) < n:
            assert time.monotonic() < until, self.again[-1:]
            assert self.process.poll() is None
            time.sleep(0.002)

    def kill(self) -> list[str]:
        self.process.kill()
        self.process.wait(30)
        self._reader.join(30)
        self.process.stdout.close()
        return [line.split()[0] for line in self.kept]


@contextmanager
def deciding(place: str | Path, *names: str) -> Iterator[list[Deciding]]:
    started = [Deciding(place, name) for name in names]
    try:
        yield started
    finally:
        for each in started:
            each.kill()


def new_state(place: str | Path) -> None:
    with State(place) as state:
        state.keep_watch(WATCH, b"a map", author="ann")


def check(place: str | Path, answered: list[str], *, n_unanswered: int) -> None:
    """Every answered decision is there once; others at most as many as processes were killed."""
    with State(place) as state:
        found = verify(state)
        assert found.faults == ()
        tokens = [row["token"] for row in state.database.rows("SELECT token FROM decisions")]
    assert len(tokens) == len(set(tokens)) == found.n_lines - 1
    assert set(answered) <= set(tokens)
    assert len(answered) == len(set(answered))
    assert len(tokens) - len(answered) <= n_unanswered


@pytest.mark.nightly
def test_a_process_is_killed_at_any_moment(tmp_path: Path) -> None:
    killed_at_any_moment(tmp_path, random.Random(1))


@pytest.mark.nightly
def test_a_process_is_killed_at_any_moment_on_a_server(postgresql: Any) -> None:
    killed_at_any_moment(new_database(postgresql), random.Random(2))


def killed_at_any_moment(place: str | Path, rng: random.Random) -> None:
    new_state(place)
    answered: list[str] = []
    for i in range(N_KILLS // 3):
        with deciding(place, f"a{i}", f"b{i}", f"c{i}") as processes:
            for process in processes:
                process.wait_for(1)
            for process in processes:
                time.sleep(rng.uniform(0, 0.05))
                answered += process.kill()
        check(place, answered, n_unanswered=3 * i + 3)
    assert len(answered) > N_KILLS


@pytest.mark.nightly
def test_a_server_is_killed_at_any_moment() -> None:
    from postgresql import NO_SERVER, Server, programs

    bin_ = programs()
    if bin_ is None:
        pytest.skip(NO_SERVER)
    server, rng = Server(bin_), random.Random(3)
    try:
        server.run(  # somscape asks for what it needs
            "ALTER SYSTEM SET synchronous_commit = off",
            "ALTER SYSTEM SET default_transaction_isolation = 'repeatable read'",
        )
        server.die()
        server.start()
        place = new_database(server)
        new_state(place)
        with deciding(place, "one", "two") as processes:
            for _ in range(N_KILLS):
                for process in processes:
                    process.wait_for(1)
                time.sleep(rng.uniform(0, 0.05))
                server.die()
                server.start()
            for process in processes:
                process.wait_for(1)
            answered = [token for process in processes for token in process.kill()]
        check(place, answered, n_unanswered=2)
        assert all(process.again for process in processes)
    finally:
        server.close()


@pytest.mark.parametrize("kind", PLACES)
def test_two_processes_on_one_database_lose_and_double_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = place_for(kind, request, tmp_path)
    new_state(place)
    with deciding(place, "one", "two") as processes:
        for process in processes:
            process.wait_for(15)
        answered = [token for process in processes for token in process.kill()]
        assert not any(process.again for process in processes)
    check(place, answered, n_unanswered=2)


def test_threads_share_a_state(tmp_path: Path) -> None:
    new_state(tmp_path)
    with State(tmp_path) as state:

        def decide(name: str) -> None:
            for i in range(10):
                state.decide(Decision("cards", "a", "later"), token=f"{name}{i}")

        threads = [threading.Thread(target=decide, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(tmp_path, [f"{name}{i}" for name in "abcd" for i in range(10)], n_unanswered=0)
