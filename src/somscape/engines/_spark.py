"""Read Spark data frames partition by partition. Each partition consists of Arrow batches."""

import pickle
import re
from collections.abc import Callable, Iterator
from functools import partial, reduce
from typing import Any, TypeVar

import numpy as np

from somscape.engines._tasks import check_new_column, gave_up
from somscape.errors import SomscapeError
from somscape.fit.pieces import Pieces

T = TypeVar("T")

MAX_COLLECTED = 32
"""Maximum number of task results that one process merges at a time."""

TASK = re.compile(r"Task (\d+) in stage")
"""Pattern that finds the number of the partition in an error message of Spark."""

RESULT = "number int, result binary"
"""Columns of a data frame of task results: number of the partition, and pickled result."""


class Partitions(Pieces):
    """The partitions of a Spark data frame, in the order of their numbers.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._n_pieces = frame.rdd.getNumPartitions()

    def each(self, function: Callable[[int, Any], T]) -> Iterator[T]:
        """Call a function on each piece of the data, and yield the results in order."""
        rows = _run(self._tasks(function).collect)
        found = {row.number: row.result for row in rows}
        for number in range(self._n_pieces):
            # Spark skips partitions without rows.
            result = found.pop(number, None)
            yield function(number, self._empty_piece) if result is None else _outcome(result)

    def total(self, function: Callable[[int, Any], T], merge: Callable[[T, T], T]) -> T:
        """Call a function on each piece, merge the results on executors, and return the total."""
        tasks, n_tasks = self._tasks(function), self._n_pieces
        while n_tasks > MAX_COLLECTED:
            n_tasks = -(-n_tasks // MAX_COLLECTED)
            tasks = tasks.repartition(n_tasks).mapInArrow(_merging_task(merge), RESULT)
        results = [_outcome(row.result) for row in _run(tasks.collect)]
        return reduce(merge, results) if results else function(0, self._empty_piece)

    @property
    def _empty_piece(self) -> Any:
        import pyarrow as pa  # late: it is slow to import

        return pa.table({name: [] for name in self._frame.columns})

    def _tasks(self, function: Callable[[int, Any], Any]) -> Any:
        def task(batches: Iterator[Any]) -> Iterator[Any]:
            import pyarrow as pa  # in a process of Spark
            from pyspark import TaskContext

            context = TaskContext.get()
            assert context is not None  # because this runs in a task
            number = context.partitionId()
            there = list(batches)
            if there:
                what = f"piece {number} of X could not be computed by Spark"
                job = partial(function, number, pa.Table.from_batches(there))
                yield _row(number, _run_in_task(job, what))

        return self._frame.mapInArrow(task, RESULT)


def answer(frame: Any, function: Callable[[Any], Any], name: str, dtype: Any) -> Any:
    """Return a lazy Spark data frame with a new column that contains the results of a function."""
    from pyspark.sql import types  # late: it is slow to import

    check_new_column(name, frame.columns)
    kind = types.LongType() if np.issubdtype(dtype, np.integer) else types.DoubleType()

    def task(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in batches:
            table = pa.Table.from_batches([batch])
            values = pa.array(np.asarray(function(table), dtype=dtype))
            yield from table.append_column(name, values).to_batches()

    added = types.StructField(name, kind, nullable=True)
    return frame.mapInArrow(task, types.StructType([*frame.schema.fields, added]))


def _merging_task(merge: Callable[[T, T], T]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return a function that merges the results of other tasks in a task of Spark."""

    def task(batches: Iterator[Any]) -> Iterator[Any]:
        pickled = [value for batch in batches for value in batch.column("result").to_pylist()]
        if pickled:
            job = partial(reduce, merge, map(_outcome, pickled))
            yield _row(0, _run_in_task(job, "results could not be merged by Spark"))

    return task


def _run_in_task(job: Callable[[], Any], what: str) -> tuple[bool, Any]:
    """Run a job inside a task. Return whether it succeeded, and its result or exception.

    The exception is returned because Spark reports only a part of exceptions that tasks raise.
    """
    try:
        try:
            return True, job()
        except SomscapeError:
            raise
        except Exception as error:
            raise gave_up(what, error) from error
    except SomscapeError as error:
        return False, error


def _row(number: int, result: tuple[bool, Any]) -> Any:
    import pyarrow as pa  # in a process of Spark

    columns = {"number": pa.array([number], pa.int32()), "result": [pickle.dumps(result)]}
    return pa.RecordBatch.from_pydict(columns)


def _outcome(pickled: bytes) -> Any:
    is_well, result = pickle.loads(pickled)
    if not is_well:
        raise result
    return result


def _run(job: Callable[[], T]) -> T:
    """Run a job of Spark. If the job fails, raise an EngineError with a short message."""
    from py4j.protocol import Py4JError

    try:
        return job()
    except SomscapeError:
        raise
    except Exception as error:
        said = getattr(error, "java_exception", error) if isinstance(error, Py4JError) else error
        task = TASK.search(str(said))
        what = "X" if task is None else f"piece {task[1]} of X"
        raise gave_up(f"{what} could not be computed by Spark", said) from error
