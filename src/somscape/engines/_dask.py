"""Collections of Dask: a partition of a data frame, or a block of rows of an array, is a piece."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property, reduce
from typing import Any, TypeVar

import numpy as np

from somscape.engines._dask_kept import Kept
from somscape.engines._dask_results import client_of_this_process, computed
from somscape.engines._tasks import FAN_IN, apply, apply_to_some, groups, merged
from somscape.errors import InputError
from somscape.fit import Pieces

T = TypeVar("T")


class Partitions(Pieces):
    """The partitions of a data frame, or the blocks of rows of an array.

    Parameters
    ----------
    collection : dask.dataframe.DataFrame or dask.array.Array
    """

    def __init__(self, collection: Any) -> None:
        _check_is_table(collection)
        if hasattr(collection, "chunks"):
            collection = collection.rechunk({1: -1})  # whole rows
        self._parts = list(np.ravel(collection.to_delayed()))
        self._collection = collection  # or its workers would forget it

    def each(self, function: Callable[[int, Any], T]) -> Iterator[T]:
        """Apply a function to each piece, and yield the results in order."""
        from dask.delayed import delayed  # late: it is slow to import

        sent, task = _sent(function, len(self._parts)), delayed(apply, pure=False)
        tasks = [task(sent, number, part) for number, part in enumerate(self._parts)]
        yield from computed(tasks, "piece {} of X".format, at_once=1)  # it may be large

    def total(self, function: Callable[[int, Any], T], merge: Callable[[T, T], T]) -> T:
        """Apply a function to each piece and merge the results on the workers."""
        from dask.delayed import delayed  # late: it is slow to import

        together = self._together()
        sent, task = _sent(function, len(together)), delayed(apply_to_some, pure=False)
        tasks = [
            task(merge, sent, numbers, *(self._parts[number] for number in numbers))
            for numbers in together
        ]
        while len(tasks) > FAN_IN:
            tasks = [delayed(merged)(merge, *group) for group in groups(tasks)]
        return reduce(merge, computed(tasks, lambda _: "a piece of X", at_once=FAN_IN))

    @cached_property
    def _kept(self) -> Kept:
        return Kept(self._collection, self._parts)

    def _together(self) -> list[list[int]]:
        """Return numbers of pieces in groups, of which each makes a task."""
        client = client_of_this_process()
        if client is not None:
            with suppress(Exception):  # which the tasks then tell
                return self._kept.together(client)
        return [[number] for number in range(len(self._parts))]


def answer(collection: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a function's answers to the rows of a collection, computed when asked for."""
    _check_is_table(collection)
    if hasattr(collection, "chunks"):
        rows = collection.rechunk({1: -1})
        return rows.map_blocks(function, dtype=dtype, drop_axis=1, meta=np.empty(0, dtype=dtype))
    import pandas as pd  # what Dask's frames are made of

    meta = pd.Series([], dtype=dtype, name=name)
    return collection.map_partitions(_series, function, name, dtype, meta=meta)


def _sent(function: Any, n_tasks: int) -> Any:
    """Return a function to go out with few tasks, or by itself, so that each worker gets it
    once.
    """
    from dask.delayed import delayed  # late: it is slow to import

    return function if n_tasks <= FAN_IN else delayed(function, pure=False)


def _check_is_table(collection: Any) -> None:
    if collection.ndim != 2:
        raise InputError(
            f"X must have rows and columns; got a {type(collection).__name__} of Dask with "
            f"{collection.ndim} dimension(s). Pass a data frame, or an array of shape (n_rows, "
            "n_columns)."
        )


def _series(frame: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    import pandas as pd  # what Dask's frames are made of

    return pd.Series(function(frame), index=frame.index, name=name, dtype=dtype)
