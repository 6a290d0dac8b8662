"""Pieces that Dask's workers keep: those of one worker make one task, which takes milliseconds."""

from itertools import chain
from math import ceil
from typing import Any

import numpy as np

MAX_TOGETHER = 1 << 28
"""Most bytes of the pieces of one task: a worker holds them all at once."""


class Kept:
    """Which pieces are kept, and where.

    Parameters
    ----------
    collection : dask.dataframe.DataFrame or dask.array.Array
    parts : list of dask.delayed.Delayed
        Its pieces.
    """

    def __init__(self, collection: Any, parts: list[Any]) -> None:
        from distributed import futures_of

        futures = {future.key: future for future in futures_of(collection)}
        graph = dict(parts[0].dask) if futures else {}
        # In the graph of a frame, a piece is another name of what is kept.
        keys = (getattr(graph.get(part.key), "target", part.key) for part in parts)
        self._n_pieces = len(parts)
        self._futures = {number: futures[key] for number, key in enumerate(keys) if key in futures}
        self._bytes: dict[Any, int] = {}
        self._threads: dict[str, int] = {}

    def together(self, client: Any) -> list[list[int]]:
        """Return the numbers of all pieces, in groups of which each makes a task."""
        if not self._futures:
            return [[number] for number in range(self._n_pieces)]
        where = client.who_has(list(self._futures.values()))
        self._learn(client, where)
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

    def _learn(self, client: Any, where: dict[Any, Any]) -> None:
        """Ask for what is new: the sizes of pieces, and the threads of workers."""
        pieces = [key for key, workers in where.items() if workers and key not in self._bytes]
        if pieces:
            self._bytes |= client.nbytes(pieces, summary=False)
        if not self._threads.keys() >= set(chain.from_iterable(where.values())):
            self._threads = client.nthreads()
