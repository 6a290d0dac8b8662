"""Things made one after the other, each by a thread while the one before it is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")


def one_ahead(makers: Iterable[Callable[[], Thing]]) -> Iterator[Thing]:
    """Call functions in their order, one at a time, and one ahead of what is asked for.

    Parameters
    ----------
    makers : iterable of callable
        Called by one thread, which does not see the caller's ``numpy.errstate``; a single one is
        called without.

    Yields
    ------
    object
        What each function returned.  An error comes in its turn.
    """
    remaining = deque(makers)
    if len(remaining) < 2:
        yield from (make() for make in remaining)
        return
    with ThreadPoolExecutor(1) as thread:
        coming: deque[Future[Thing]] = deque()
        while remaining:
            coming.append(thread.submit(remaining.popleft()))
            if len(coming) > 1:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
