"""Sessions end, attempts wait, and both stay small: with a clock of our own."""

import pytest

from somscape.desk.app import _login as _throttle
from somscape.desk.app._login import MAX_AGE, MAX_IDLE, MAX_SESSIONS, Sessions, Throttle

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_after_hours_without_a_request_and_in_any_case() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookie = sessions.begin("anna", "hash")
    clock.now += MAX_IDLE - 1
    found = sessions.of(cookie)
    assert found
    assert found.name == "anna"
    clock.now += MAX_IDLE
    assert sessions.of(cookie) is None
    assert found.is_over
    cookie = sessions.begin("anna", "hash")
    begun = clock.now
    while clock.now + HOUR < begun + MAX_AGE:
        clock.now += HOUR
        assert sessions.of(cookie)
    clock.now = begun + MAX_AGE
    assert sessions.of(cookie) is None
    assert (MAX_IDLE, MAX_AGE) == (8 * HOUR, 24 * HOUR)


def test_cookies_are_long_and_no_two_are_the_same() -> None:
    sessions = Sessions()
    cookies = {sessions.begin(name, "hash") for name in ("anna", "bo") for _ in range(5)}
    keys = {session.csrf for session in map(sessions.of, cookies) if session}
    assert len(cookies) == len(keys) == 10
    assert not cookies & keys
    assert min(map(len, cookies | keys)) == 43  # 256 bits
    assert not any(cookie in repr(vars(sessions)) for cookie in cookies)


@pytest.mark.parametrize("cookie", ["", "x", "a" * 10_000, "ü", "\ud800"])
def test_what_was_never_given_is_nobody(cookie: str) -> None:
    sessions = Sessions()
    sessions.begin("anna", "hash")
    assert sessions.of(cookie) is None


def test_a_user_has_a_number_of_sessions_and_the_one_not_used_ends() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    cookies = []
    for _ in range(MAX_SESSIONS):
        clock.now += 1
        cookies.append(sessions.begin("anna", "hash"))
    clock.now += 1
    assert sessions.of(cookies[0])
    sessions.begin("anna", "hash")
    assert sessions.of(cookies[0])
    assert sessions.of(cookies[1]) is None
    assert sessions.of(cookies[2])


def test_after_free_failures_each_attempt_waits_twice_as_long() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(10):
        wait = throttle.wait({"name": 5})
        while wait > 0:
            waits.append(wait)
            clock.now += wait
            wait = throttle.wait({"name": 5})
    assert len(waits) == 5
    # One failure is forgotten a minute, so that they are a little less than powers of two.
    assert waits == sorted(waits)
    for found, power in zip(waits, (1, 2, 4, 8, 16), strict=True):
        assert 0.5 * power < found <= power


def test_attempts_at_once_are_counted_before_they_fail() -> None:
    throttle = Throttle(Clock())
    assert [throttle.wait({"name": 3}) > 0 for _ in range(5)] == [False] * 3 + [True] * 2


def test_guessing_for_a_day_gives_some_thousand_guesses() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    n_guesses = 0
    while clock.now < 1000 + 24 * HOUR:
        wait = throttle.wait({"name": 5})
        n_guesses += wait == 0
        clock.now += wait
    assert 1000 < n_guesses < 1600


def test_a_success_takes_back_its_own_attempt_alone() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    keys = {"name": 5, "address": 3}
    for _ in range(50):  # who logs in again and again is left alone
        assert throttle.wait(keys) == 0
        throttle.succeeded(keys)
    for _ in range(3):
        throttle.wait(keys)
    throttle.succeeded({"address": 3})
    assert throttle.wait({"address": 3}) == 0
    assert throttle.wait({"address": 3}) > 0
    assert throttle.wait({"other": 3}) == 0


def test_failures_are_forgotten_and_so_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_throttle, "MAX_KNOWN", 10)
    clock = Clock()
    throttle = Throttle(clock)
    for i in range(100):
        throttle.wait({f"name {i}": 1})
    assert len(throttle._known) == 10
    assert throttle.wait({"name 99": 1}) > 0
    assert throttle.wait({"name 0": 1}) == 0
    clock.now += HOUR
    assert throttle.wait({"name 99": 1}) == 0
