"""Things made in an order, by threads while those before them are used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")


def made_ahead(makers: Iterable[Callable[[], Thing]], n_threads: int = 1) -> Iterator[Thing]:
    """Call functions in their order, ahead of what is asked for."""
    remaining = deque(makers)
    if len(remaining) < 2:
        yield from (make() for make in remaining)
        return
    with ThreadPoolExecutor(n_threads) as threads:
        coming: deque[Future[Thing]] = deque()
        while remaining:
            coming.append(threads.submit(remaining.popleft()))
            if len(coming) > n_threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
