"""Things that are made ahead: in their order, one at a time, errors in their turn."""

import threading
from functools import partial

import pytest

from somscape._stored import made_ahead


def test_one_is_made_while_the_one_before_is_used() -> None:
    begun, made = [threading.Event() for _ in range(4)], []

    def make(i: int) -> int:
        begun[i].set()
        made.append(i)
        return 10 * i

    for i, thing in enumerate(made_ahead(partial(make, i) for i in range(4))):
        assert thing == 10 * i
        if i < 3:
            assert begun[i + 1].wait(10)
        assert made[: i + 1] == list(range(i + 1))
        assert len(made) <= i + 2  # no more than one ahead


def test_several_are_made_at_a_time_and_come_in_their_order() -> None:
    both, made = threading.Barrier(2, timeout=10), []

    def make(i: int) -> int:
        if i < 2:
            both.wait()  # for the other one, which is made at the same time
        made.append(i)
        return i

    for i, thing in enumerate(made_ahead((partial(make, i) for i in range(6)), 2)):
        assert thing == i
        assert len(made) <= i + 3


@pytest.mark.parametrize("n", [1, 2, 5])
def test_an_error_comes_in_its_turn(n: int) -> None:
    def fail() -> int:
        raise OSError("the last one")

    makers = [partial(int, i) for i in range(n - 1)] + [fail]
    found = made_ahead(makers)
    assert [next(found) for _ in range(n - 1)] == list(range(n - 1))
    with pytest.raises(OSError, match="the last one"):
        next(found)


def test_nothing_is_made_of_nothing_and_one_thing_without_a_thread() -> None:
    assert list(made_ahead([])) == []
    assert list(made_ahead([threading.current_thread])) == [threading.current_thread()]


def test_who_stops_early_leaves_no_thread() -> None:
    things = made_ahead(threading.current_thread for _ in range(100))
    thread = next(things)
    assert thread != threading.current_thread()
    things.close()
    assert not thread.is_alive()
