"""Several things done at a time, by as many threads as the core takes, or one beside others."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from somscape.kernels._select import select_kernels

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], *, is_long: bool = True
) -> list[Result]:
    """Apply a function to items, several at a time."""
    n_threads = select_kernels().n_threads if is_long else 1
    if n_threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(function, items))


def meanwhile(work: Callable[[], Result], *, is_long: bool = True) -> Callable[[], Result]:
    """Begin something that is needed later, while other things are done."""
    if not is_long or select_kernels().n_threads == 1:
        return work
    pool = ThreadPoolExecutor(1)
    found = pool.submit(work)
    pool.shutdown(wait=False)
    return found.result
