"""Work on threads: results in order, errors, and one thread where one is asked for."""

import threading

import pytest

from somscape.kernels._select import in_threads, meanwhile, select_kernels


def set_threads(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    monkeypatch.setattr(type(select_kernels()), "n_threads", n)


def test_results_are_in_the_order_of_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    set_threads(monkeypatch, 3)
    assert in_threads(lambda i: i * i, range(20)) == [i * i for i in range(20)]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda i: 1 // i, range(2))


def test_it_is_done_while_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    set_threads(monkeypatch, 2)
    begun = threading.Event()

    def work() -> int:
        begun.set()
        return threading.get_ident()

    found = meanwhile(work)
    assert begun.wait(30)
    assert found() == found() != threading.get_ident()


def test_an_error_comes_when_the_result_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    set_threads(monkeypatch, 2)
    found = meanwhile(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        found()


@pytest.mark.parametrize(("n_threads", "is_long"), [(1, True), (2, False)])
def test_without_a_thread_it_is_done_when_it_is_asked_for(
    n_threads: int, is_long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_threads(monkeypatch, n_threads)
    found = meanwhile(threading.get_ident, is_long=is_long)
    assert found() == threading.get_ident()
