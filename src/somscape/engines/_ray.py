"""Datasets of Ray: a block is a piece, which reaches Python as an Arrow table."""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from somscape.engines._errors import gave_up
from somscape.engines._tasks import FAN_IN, apply, groups, merged
from somscape.errors import InputError, SomscapeError
from somscape.fit import Pieces

T = TypeVar("T")


class Partitions(Pieces):
    """The blocks of a dataset, computed once and kept in Ray's memory, or on its disk.

    Parameters
    ----------
    dataset : ray.data.Dataset
    """

    def __init__(self, dataset: Any) -> None:
        options = dataset.context.execution_options
        before, options.preserve_order = options.preserve_order, True
        try:
            self._blocks = _told(dataset.to_arrow_refs)
        finally:
            options.preserve_order = before

    def each(self, function: Callable[[int, Any], T]) -> Iterator[T]:
        """Apply a function to each piece, and yield the results in order."""
        refs = self._refs(function)
        refs.reverse()
        while refs:
            ref = refs.pop()
            yield _got(ref)

    def total(self, function: Callable[[int, Any], T], merge: Callable[[T, T], T]) -> T:
        """Apply a function to each piece and merge the results in the cluster."""
        import ray  # late: it is slow to import

        refs = self._refs(function)
        task: Any = ray.remote(merged)
        while len(refs) > FAN_IN:
            refs = [task.remote(merge, *group) for group in groups(refs)]
        return reduce(merge, map(_got, refs))

    def _refs(self, function: Callable[[int, Any], Any]) -> list[Any]:
        import ray  # late: it is slow to import

        task: Any = ray.remote(apply)
        sent = ray.put(function)
        return [task.remote(sent, number, ref) for number, ref in enumerate(self._blocks)]


def answer(dataset: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a dataset with one more column: a function's answers, computed when asked for.

    Parameters
    ----------
    dataset : ray.data.Dataset
    function : callable
        From an Arrow table to an array of as many values.
    name : str
        Of the new column.
    dtype : numpy dtype

    Returns
    -------
    ray.data.Dataset
    """

    def task(table: Any) -> Any:
        import pyarrow as pa

        return table.append_column(name, pa.array(np.asarray(function(table), dtype=dtype)))

    if name in (dataset.columns() or ()):
        raise InputError(f"X has a column '{name}' already. Rename or drop it.")
    return dataset.map_batches(task, batch_format="pyarrow")


def _got(ref: Any) -> Any:
    import ray  # late: it is slow to import

    return _told(lambda: ray.get(ref))


def _told(job: Callable[[], T]) -> T:
    """Run a job; EngineError in one line where Ray gives it up."""
    from ray.exceptions import RayError, RayTaskError

    try:
        return job()
    except RayTaskError as error:
        if isinstance(error.cause, SomscapeError):
            raise error.cause from None
        raise gave_up("a piece of X could not be computed", error) from error
    except RayError as error:
        raise gave_up("Ray gave up", error) from error
