"""Read Ray datasets block by block. Each block is an Arrow table."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from somscape.engines._tasks import FAN_IN, apply, check_new_column, gave_up, groups, merged
from somscape.errors import SomscapeError
from somscape.fit.pieces import Pieces

T = TypeVar("T")

MAX_DEATHS = 4
"""Maximum number of retries of a task whose worker died. By default, Ray retries forever."""


class Partitions(Pieces):
    """The blocks of a dataset.  Ray computes and stores them once.

    Parameters
    ----------
    dataset : ray.data.Dataset
    """

    def __init__(self, dataset: Any) -> None:
        with _in_order(dataset):
            self._blocks = _run("a piece of X could not be computed by Ray", dataset.to_arrow_refs)

    def each(self, function: Callable[[int, Any], T]) -> Iterator[T]:
        """Call a function on each piece of the data, and yield the results in order."""
        yield from _results(self._refs(function), "piece {} of X".format)

    def total(self, function: Callable[[int, Any], T], merge: Callable[[T, T], T]) -> T:
        """Call a function on each piece, merge the results in the cluster, and return the total."""
        import ray  # late: it is slow to import

        refs = self._refs(function)
        task: Any = ray.remote(merged)
        while len(refs) > FAN_IN:
            refs = [task.remote(merge, *group) for group in groups(refs)]
        return reduce(merge, _results(refs, lambda _: "a piece of X"))

    def _refs(self, function: Callable[[int, Any], Any]) -> list[Any]:
        import ray  # late: it is slow to import

        task: Any = ray.remote(_apply)
        sent = ray.put(function)
        return [task.remote(sent, number, ref) for number, ref in enumerate(self._blocks)]


def answer(dataset: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a lazy Ray dataset with a new column that contains the results of a function."""

    def task(table: Any) -> Any:
        import pyarrow as pa

        return table.append_column(name, pa.array(np.asarray(function(_rows(table)), dtype=dtype)))

    check_new_column(name, dataset.columns() or ())
    return dataset.map_batches(task, batch_format="pyarrow")


@contextmanager
def _in_order(dataset: Any) -> Iterator[None]:
    """While this context is active, keep the blocks in order and limit the retries of tasks."""
    options = dataset.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    endless = [asked for asked in _task_options(dataset) if "max_retries" not in asked]
    for asked in endless:
        asked["max_retries"] = MAX_DEATHS
    try:
        yield
    finally:
        options.preserve_order = before
        for asked in endless:
            del asked["max_retries"]


def _task_options(dataset: Any) -> list[dict[str, Any]]:
    """Return the options of the tasks that make a dataset, or [] if Ray does not provide them."""
    from ray.data import ActorPoolStrategy

    try:
        steps = list(dataset._logical_plan.dag.post_order_iter())
    except AttributeError:
        return []
    of_tasks = [
        step for step in steps if not isinstance(getattr(step, "compute", None), ActorPoolStrategy)
    ]
    asked = [getattr(step, "ray_remote_args", None) for step in of_tasks]
    return [some for some in asked if isinstance(some, dict)]


def _apply(function: Callable[[int, Any], T], number: int, table: Any) -> T:
    return apply(function, number, _rows(table))


def _rows(table: Any) -> Any:
    """Convert a block to a NumPy array if its only column contains arrays."""
    if table.num_columns != 1 or not hasattr(table.schema[0].type, "shape"):
        return table
    from ray.data.block import BlockAccessor  # in a process of Ray

    return BlockAccessor.for_block(table).to_numpy(table.column_names[0])


def _results(refs: list[Any], named: Callable[[int], str]) -> Iterator[Any]:
    """Yield results in the order of tasks.  Cancel the remaining tasks after an error or a stop."""
    import ray  # late: it is slow to import

    refs.reverse()
    n = len(refs)
    try:
        while refs:
            what = f"{named(n - len(refs))} could not be computed by Ray"
            yield _run(what, lambda: ray.get(refs[-1]))
            refs.pop()  # frees its result in the cluster
    finally:
        with suppress(Exception):  # a cluster that is gone has nothing to cancel
            for ref in refs:
                ray.cancel(ref)


def _run(what: str, job: Callable[[], T]) -> T:
    """Run a job of Ray. If the job fails, raise an EngineError with a short message."""
    from ray.exceptions import RayError, RayTaskError

    try:
        return job()
    except RayTaskError as error:
        if isinstance(error.cause, SomscapeError):
            raise error.cause from None
        raise gave_up(what, error) from error
    except RayError as error:
        raise gave_up(
            f"{what}, most often because it does not fit into a worker's memory. Cut X into "
            "smaller blocks (repartition), or give workers more memory",
            error,
        ) from error
