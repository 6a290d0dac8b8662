"""Read Dask data frames partition by partition, and Dask arrays by blocks of rows."""

import time
from asyncio import run_coroutine_threadsafe
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import cached_property, reduce
from itertools import chain
from math import ceil
from typing import Any, NoReturn, TypeVar

import numpy as np

from somscape.engines._tasks import FAN_IN, apply, apply_to_some, gave_up, groups, merged
from somscape.errors import EngineError, InputError, SomscapeError
from somscape.fit.pieces import Pieces

MAX_TOGETHER = 1 << 28
"""Maximum number of bytes of data that one task reads. All these data are in memory at once."""


class KeptPieces:
    """Pieces of a collection that a cluster stores in memory, and the workers that store them.

    Parameters
    ----------
    collection : dask.dataframe.DataFrame or dask.array.Array
    parts : list of dask.delayed.Delayed
        Tasks that return the pieces of the collection.
    """

    def __init__(self, collection: Any, parts: list[Any]) -> None:
        from distributed import futures_of

        futures = {future.key: future for future in futures_of(collection)}
        graph = dict(parts[0].dask) if futures else {}
        # In the graph of a frame, a piece is an alias of the stored result.
        keys = (getattr(graph.get(part.key), "target", part.key) for part in parts)
        self._n_pieces = len(parts)
        self._futures = {number: futures[key] for number, key in enumerate(keys) if key in futures}
        self._bytes: dict[Any, int] = {}
        self._threads: dict[str, int] = {}

    def together(self, client: Any) -> list[list[int]]:
        """Return the numbers of the pieces in groups. One task reads the pieces of a group."""
        if not self._futures:
            return [[number] for number in range(self._n_pieces)]
        where = client.who_has(list(self._futures.values()))
        self._request_sizes(client, where)
        by_worker: dict[str, list[int]] = {}
        sizes: dict[str, int] = {}
        for number, future in self._futures.items():
            for worker in where.get(future.key, ())[:1]:
                by_worker.setdefault(worker, []).append(number)
                sizes[worker] = sizes.get(worker, 0) + self._bytes[future.key]
        found = []
        for worker, numbers in by_worker.items():
            n = max(self._threads.get(worker, 1), ceil(sizes[worker] / MAX_TOGETHER))
            found += [part.tolist() for part in np.array_split(numbers, min(n, len(numbers)))]
        placed = set(chain.from_iterable(found))
        return found + [[number] for number in range(self._n_pieces) if number not in placed]

    def _request_sizes(self, client: Any, where: dict[Any, Any]) -> None:
        """Ask the cluster for the sizes of new pieces and the numbers of threads of new workers."""
        pieces = [key for key, workers in where.items() if workers and key not in self._bytes]
        if pieces:
            self._bytes |= client.nbytes(pieces, summary=False)
        if not self._threads.keys() >= set(chain.from_iterable(where.values())):
            self._threads = client.nthreads()


MAX_ALONE = 30.0
"""Maximum number of seconds to wait for a worker if the cluster is without workers."""

POLL = 1.0
"""Number of seconds between two checks whether the cluster has workers."""


def client_of_this_process() -> Any:
    """Return Dask's client of the current cluster, or None without a cluster."""
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
            "Dask's client is asynchronous, so only code that awaits it gets results. Call this in "
            "a thread, such as `await asyncio.to_thread(som.fit, X)`, or create a Client without "
            "asynchronous=True.",
            parameter="asynchronous",
            value=True,
        )
    return client


def computed(tasks: list[Any], named: Callable[[int], str], at_once: int) -> Iterator[Any]:
    """Run tasks, on a cluster if there is one, and yield their results in order."""
    client = client_of_this_process()
    if client is None:
        from dask.base import compute  # late: it is slow to import

        yield from compute(*tasks)
        return
    futures = client.compute(tasks, optimize_graph=False)  # the graph of pieces already is
    try:
        while futures:
            yield from _results(client, futures[:at_once], named(len(tasks) - len(futures)))
            del futures[:at_once]  # frees their results in the cluster
    finally:
        if futures:  # an empty request would delay the next pass by 10 ms
            with suppress(Exception):  # a cluster that is gone has nothing to cancel
                client.cancel(futures)


def _results(client: Any, futures: list[Any], what: str) -> list[Any]:
    """Fetch the results of tasks from the cluster in one request, or raise EngineError."""
    lost = EngineError("The connection to Dask's scheduler was lost. Connect and try again.")
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
            with suppress(Exception):  # from a closing client, as the next check shows
                seen = now if client.scheduler_info()["workers"] else seen
            if now - seen > MAX_ALONE:
                raise EngineError(
                    f"Dask's cluster was without workers for {MAX_ALONE:g} seconds. Workers were "
                    f"not started, or died, perhaps because of {what}. Start workers and fit again."
                ) from None
        else:
            if error is None:
                return coming.result()
            if client.status != "running":
                raise lost from error
            _raise_task_error(error, what)


def _raise_task_error(error: BaseException, what: str) -> NoReturn:
    """Raise an exception of somscape for an exception that a task of Dask raised."""
    from distributed import KilledWorker

    if isinstance(error, SomscapeError):
        raise error
    if isinstance(error, KilledWorker):
        raise gave_up(
            f"Workers of Dask died repeatedly on {what}, most often because it does not fit into "
            "their memory. Cut X into smaller partitions (repartition, rechunk), or give "
            "workers more memory",
            error,
        ) from error
    raise gave_up(f"{what} could not be computed by Dask", error) from error


T = TypeVar("T")


class Partitions(Pieces):
    """The partitions of a Dask data frame, or the blocks of rows of a Dask array.

    Parameters
    ----------
    collection : dask.dataframe.DataFrame or dask.array.Array
    """

    def __init__(self, collection: Any) -> None:
        _check_is_table(collection)
        if hasattr(collection, "chunks"):
            collection = collection.rechunk({1: -1})  # whole rows
        self._parts = list(np.ravel(collection.to_delayed()))
        self._collection = collection  # otherwise its workers would drop the results

    def each(self, function: Callable[[int, Any], T]) -> Iterator[T]:
        """Call a function on each piece of the data, and yield the results in order."""
        from dask.delayed import delayed  # late: it is slow to import

        sent, task = _as_argument(function, len(self._parts)), delayed(apply, pure=False)
        tasks = [task(sent, number, part) for number, part in enumerate(self._parts)]
        yield from computed(tasks, "piece {} of X".format, at_once=1)  # may be large

    def total(self, function: Callable[[int, Any], T], merge: Callable[[T, T], T]) -> T:
        """Call a function on each piece, merge the results on the workers, and return the total."""
        from dask.delayed import delayed  # late: it is slow to import

        together = self._groups_of_pieces()
        sent, task = _as_argument(function, len(together)), delayed(apply_to_some, pure=False)
        tasks = [
            task(merge, sent, numbers, *(self._parts[number] for number in numbers))
            for numbers in together
        ]
        while len(tasks) > FAN_IN:
            tasks = [delayed(merged)(merge, *group) for group in groups(tasks)]
        return reduce(merge, computed(tasks, lambda _: "a piece of X", at_once=FAN_IN))

    @cached_property
    def _kept_pieces(self) -> KeptPieces:
        return KeptPieces(self._collection, self._parts)

    def _groups_of_pieces(self) -> list[list[int]]:
        """Return the numbers of the pieces in groups. One task reads the pieces of a group."""
        client = client_of_this_process()
        if client is not None:
            with suppress(Exception):  # the tasks will raise the error
                return self._kept_pieces.together(client)
        return [[number] for number in range(len(self._parts))]


def answer(collection: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a lazy Dask collection with the result of a function for each row of a collection."""
    _check_is_table(collection)
    if hasattr(collection, "chunks"):
        rows = collection.rechunk({1: -1})
        return rows.map_blocks(function, dtype=dtype, drop_axis=1, meta=np.empty(0, dtype=dtype))
    import pandas as pd  # Dask frames consist of pandas frames

    meta = pd.Series([], dtype=dtype, name=name)
    return collection.map_partitions(_series, function, name, dtype, meta=meta)


def _as_argument(function: Any, n_tasks: int) -> Any:
    """Return the function, wrapped for many tasks so that it is sent only once to each worker."""
    from dask.delayed import delayed  # late: it is slow to import

    return function if n_tasks <= FAN_IN else delayed(function, pure=False)


def _check_is_table(collection: Any) -> None:
    if collection.ndim != 2:
        raise InputError(
            f"X must have rows and columns, but is a {type(collection).__name__} of Dask with "
            f"{collection.ndim} dimension(s). Pass a data frame, or an array of shape (n_rows, "
            "n_columns).",
            parameter="X",
            value=type(collection).__name__,
        )


def _series(frame: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    import pandas as pd  # Dask frames consist of pandas frames

    return pd.Series(function(frame), index=frame.index, name=name, dtype=dtype)
