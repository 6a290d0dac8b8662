"""What tests of Dask and Spark share: rows, their pieces, and what goes wrong in workers."""

import itertools
import os
import signal
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from somscape import SOM

NAMES = list("abcd")


def som_of(**parameters):
    """A map of few passes."""
    return SOM(5, 6, n_epochs=4, **parameters)


def rows_of(n=600, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 4)) * [1, 2, 3, 4]


def frame_of(rows):
    return pd.DataFrame(rows, columns=NAMES)


def assert_same(apart, whole):
    assert np.array_equal(apart.codebook_, whole.codebook_)
    assert np.array_equal(apart.map_.hits, whole.map_.hits)
    assert np.array_equal(apart.map_.told.rows, whole.map_.told.rows)
    assert apart.history_.keys() == whole.history_.keys()
    assert all(np.array_equal(apart.history_[k], whole.history_[k]) for k in whole.history_)


def cut(frame, n):
    """A frame in parts of about the same length."""
    ends = np.linspace(0, len(frame), n + 1).astype(int).tolist()
    return [frame[a:b] for a, b in pairwise(ends)]


def uneven(rows):
    """Pieces of 0, 1, 9 and all other rows."""
    return [rows[:0], rows[:1], rows[1:10], rows[10:]]


@contextmanager
def two_workers():
    """Start a cluster of two processes, or skip the test."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: make others")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def dask_frame(parts):
    import dask.dataframe as dd
    from dask import delayed

    return dd.from_delayed([delayed(part) for part in parts], meta=parts[0], verify_meta=False)


def spark_frame(session, parts):
    """A frame with one partition for each part, even for an empty one."""
    context = session.sparkContext
    records = [part.to_numpy().tolist() for part in parts]
    numbered = context.parallelize(list(enumerate(records)), len(parts))
    rows = numbered.flatMap(lambda pair: pair[1])
    schema = ", ".join(f"{name} double" for name in parts[0].columns)
    return session.createDataFrame(rows, schema)


class KilledAt:
    """Gives the rows of a piece, but ends its worker at some of the calls, counted over all."""

    def __init__(self, folder, calls):
        self.folder, self.calls = folder, calls

    def __call__(self, part):
        if next(filter(self._is_free, itertools.count())) in self.calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    def _is_free(self, number):
        try:
            (self.folder / str(number)).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True
