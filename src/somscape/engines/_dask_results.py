"""What tasks of Dask give, and what is said where they give nothing."""

import time
from asyncio import run_coroutine_threadsafe
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, NoReturn

from somscape.engines._errors import gave_up
from somscape.errors import EngineError, SomscapeError

MAX_ALONE = 30.0
"""Seconds that a cluster may be without workers."""

POLL = 1.0
"""Seconds after which somebody looks whether there are workers."""


def client_of_this_process() -> Any:
    """Return the client of this process's cluster, or None."""
    try:
        from distributed import default_client
    except ImportError:
        return None
    try:
        client = default_client()
    except ValueError:
        return None
    if client.asynchronous:
        raise EngineError(
            "Dask's client is asynchronous, and answers only to code that awaits it. Call this "
            "in a thread, such as `await asyncio.to_thread(som.fit, X)`, or make a Client without "
            "asynchronous=True."
        )
    return client


def computed(tasks: list[Any], named: Callable[[int], str], at_once: int) -> Iterator[Any]:
    """Yield the results of tasks in order, from the cluster if there is one."""
    client = client_of_this_process()
    if client is None:
        from dask.base import compute  # late: it is slow to import

        yield from compute(*tasks)
        return
    futures = client.compute(tasks, optimize_graph=False)  # the pieces' graph already is
    try:
        while futures:
            yield from _results(client, futures[:at_once], named(len(tasks) - len(futures)))
            del futures[:at_once]  # and with them their results in the cluster
    finally:
        if futures:  # to cancel nothing is a message, too, behind which the next pass waits 10 ms
            with suppress(Exception):  # a cluster that is gone has nothing to cancel
                client.cancel(futures)


def _results(client: Any, futures: list[Any], what: str) -> list[Any]:
    """Return results, fetched together; EngineError where the cluster cannot give one."""
    lost = EngineError("the connection to Dask's scheduler was lost.")
    if client.status != "running":
        raise lost

    async def fetch() -> Any:
        return await client.gather(futures, asynchronous=True)

    coming = run_coroutine_threadsafe(fetch(), client.loop.asyncio_loop)
    seen = time.monotonic()
    while True:
        try:
            error = coming.exception(timeout=POLL)
        except CancelledError:
            raise lost from None
        except TimeoutError:
            if client.status != "running":
                raise lost from None
            now = time.monotonic()
            with suppress(Exception):  # of a client that is closing, as the next look shows
                seen = now if client.scheduler_info()["workers"] else seen
            if now - seen > MAX_ALONE:
                raise EngineError(
                    f"Dask's cluster has had no worker for {MAX_ALONE:g} seconds: none was "
                    f"started, or they died, perhaps of {what}. Start some and fit again."
                ) from None
        else:
            if error is None:
                return coming.result()
            if client.status != "running":
                raise lost from error
            _tell(error, what)


def _tell(error: BaseException, what: str) -> NoReturn:
    """Raise what came of a task as an error of ours."""
    from distributed import KilledWorker

    if isinstance(error, SomscapeError):
        raise error
    if isinstance(error, KilledWorker):
        raise gave_up(
            f"workers of Dask died again and again on {what}, most often because it does not fit "
            "into their memory. Cut X into smaller partitions (repartition, rechunk), or give "
            "workers more memory",
            error,
        ) from error
    raise gave_up(f"{what} could not be computed by Dask", error) from error
