"""Dask, Spark and Ray give the map of one machine: `make engines` has them installed."""

import asyncio
import itertools
import os
import re
import signal
import sys
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from somscape import SOM, SOMDetector, TableEncoder
from somscape.engines import pieces_of
from somscape.errors import EngineError, InputError

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

NAMES = list("abcd")


LATER = (26, 38)
"""Calls for four pieces that are in two epochs, after six passes."""


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    """Small data stay where they are."""
    monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", 0)


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
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: make engines")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def dask_client():
    with two_workers() as client:
        yield client


@pytest.fixture(scope="module")
def spark():
    pytest.importorskip("pyspark", reason="Spark is not installed: make engines")
    from pyspark import cloudpickle
    from pyspark.sql import SparkSession

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="Ray is not installed: make engines")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield ray
    ray.shutdown()


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


def ray_dataset(ray, parts):
    import pyarrow as pa

    tables = [pa.Table.from_pandas(part, preserve_index=False) for part in parts]
    return ray.data.from_arrow(tables)


def test_dask_frames(dask_client):
    frame = frame_of(rows_of())
    whole = som_of().fit(frame)
    for parts in (cut(frame, 3), uneven(frame)):
        collection = dask_frame(parts)
        assert_same(som_of().fit(collection), whole)
    units = whole.predict(collection)
    assert type(units) is type(collection["a"])
    assert np.array_equal(units.compute().to_numpy(), whole.labels_)


def test_a_detector_scores_where_rows_lie(dask_client):
    frame = frame_of(rows_of(200))
    detector = SOMDetector(som=som_of(), random_state=0).fit(frame)
    scores = detector.score_samples(dask_frame(cut(frame, 3)))
    assert scores.name == "score"
    assert np.array_equal(scores.compute().to_numpy(), detector.score_samples(frame))


def test_dask_arrays(dask_client):
    import dask.array as da

    rows = rows_of().astype(np.float32)
    whole = som_of().fit(rows)
    collection = da.from_array(rows, chunks=(77, 3))
    apart = som_of().fit(collection)
    assert_same(apart, whole)
    units = apart.predict(collection)
    assert isinstance(units, da.Array)
    assert np.array_equal(units.compute(), whole.labels_)


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_dask_pieces_of_one_worker_make_one_task(dask_client, kind, monkeypatch):
    import dask.array as da

    frame = frame_of(rows_of())
    whole = som_of().fit(frame)
    lazy = dask_frame(cut(frame, 8)) if kind == "frame" else da.from_array(frame.values, (75, 4))
    kept = dask_client.persist(lazy)
    wait_for(kept)
    pieces = pieces_of(kept)
    together = pieces._together()
    assert len(together) == len(set(itertools.chain(*dask_client.who_has(kept).values())))
    assert sorted(itertools.chain(*together)) == list(range(8))
    assert pieces.total(lengths, tuple.__add__) == (75,) * 8
    assert np.array_equal(som_of().fit(kept).codebook_, whole.codebook_)
    assert len(pieces_of(lazy)._together()) == 8
    monkeypatch.setattr("somscape.engines._dask_kept.MAX_TOGETHER", 1)
    assert len(pieces._together()) == 8


def wait_for(kept):
    from distributed import wait

    wait(kept)


def lengths(_, data):
    return (len(data),)


class EndsAWorker:
    """A callback that kills a worker that keeps pieces, after the second epoch."""

    def __init__(self, client, collection):
        self.client, self.collection, self.n_calls = client, collection, 0

    def __call__(self, _):
        self.n_calls += 1
        if self.n_calls == 2:
            (worker, *_), *_ = filter(None, self.client.who_has(self.collection).values())
            with suppress(Exception):  # nobody is left to answer
                self.client.run(os._exit, 1, workers=[worker])


def test_dask_workers_that_die_with_pieces_change_nothing(fragile_client):
    frame = frame_of(rows_of())
    kept = dask_frame(cut(frame, 6)).persist()
    wait_for(kept)
    ends = EndsAWorker(fragile_client, kept)
    assert_same(som_of(callbacks=[ends]).fit(kept), som_of().fit(frame))
    assert ends.n_calls > 2


def test_an_asynchronous_dask_client_is_one_error_and_works_in_a_thread():
    pytest.importorskip("distributed", reason="Dask is not installed: make engines")
    rows = rows_of(200)

    async def main():
        import dask.array as da
        from distributed import Client

        collection = da.from_array(rows, chunks=(60, 4))
        async with Client(processes=False, asynchronous=True, dashboard_address=":0"):
            with pytest.raises(EngineError, match=r"asynchronous.*to_thread"):
                som_of().fit(collection)
            return await asyncio.to_thread(som_of().fit, collection)

    assert_same(asyncio.run(main()), som_of().fit(rows))


def test_dask_without_a_cluster():
    pytest.importorskip("dask", reason="Dask is not installed: make engines")
    import dask.array as da

    rows = rows_of(200)
    assert_same(som_of().fit(da.from_array(rows, chunks=(60, 4))), som_of().fit(rows))


def test_dask_frames_with_words_are_encoded(dask_client):
    frame = frame_of(rows_of(300))
    frame["kind"] = np.where(frame["a"] > 0, "x", "y")
    encoder = TableEncoder().fit(frame)
    collection = dask_frame(cut(frame, 3))
    assert_same(som_of(encoder=encoder).fit(collection), som_of(encoder=encoder).fit(frame))
    assert_same(som_of().fit(collection), som_of().fit(frame))
    detector = SOMDetector(som=som_of(), random_state=0).fit(collection)
    whole = SOMDetector(som=som_of(), random_state=0).fit(frame)
    assert np.array_equal(detector.score_samples(frame), whole.score_samples(frame))


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


@pytest.fixture
def fragile_client():
    with two_workers() as client:
        yield client


def test_dask_workers_that_die_change_nothing(fragile_client, tmp_path):
    frame = frame_of(rows_of())
    whole = som_of().fit(frame)
    dies = KilledAt(tmp_path, LATER)
    collection = dask_frame(cut(frame, 4)).map_partitions(dies, meta=frame.iloc[:0])
    assert_same(som_of().fit(collection), whole)
    assert len(list(tmp_path.iterdir())) > max(LATER)


def test_dask_workers_that_die_again_and_again_are_one_error(fragile_client, tmp_path):
    frame = frame_of(rows_of(100))
    dies = KilledAt(tmp_path, range(1000))
    collection = dask_frame([frame]).map_partitions(dies, meta=frame.iloc[:0])
    began = time.monotonic()
    with pytest.raises(EngineError, match="died again and again"):
        som_of().fit(collection)
    assert time.monotonic() - began < 60


def unreadable(part):
    if len(part):
        raise OSError("part-7.parquet: damaged")
    return part


def test_dask_pieces_that_cannot_be_read_are_one_error(dask_client):
    frame = frame_of(rows_of(100))
    collection = dask_frame([frame]).map_partitions(unreadable, meta=frame.iloc[:0])
    with pytest.raises(EngineError, match=r"OSError: part-7\.parquet: damaged"):
        som_of().fit(collection)


def test_dask_without_workers_does_not_hang(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: make engines")
    from somscape.engines import _dask

    monkeypatch.setattr(_dask, "MAX_ALONE", 2.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
        pytest.raises(EngineError, match="has had no worker"),
    ):
        som_of().fit(dask_frame([frame_of(rows_of(50))]))


def test_spark_frames(spark):
    frame = frame_of(rows_of())
    whole = som_of().fit(frame)
    for parts in (cut(frame, 3), uneven(frame)):
        collection = spark_frame(spark, parts)
        assert_same(som_of().fit(collection), whole)
    answered = whole.predict(collection).toPandas()
    assert answered.columns.tolist() == [*NAMES, "unit"]
    assert np.array_equal(answered["unit"], whole.labels_)


def test_spark_says_what_is_wrong_in_one_line(spark):
    frame = frame_of(rows_of(50))
    frame.loc[30, "c"] = np.nan
    collection = spark_frame(spark, [frame[:20], frame[20:]])
    with pytest.raises(InputError, match=r"1 in 'c'; the first in row 10 of piece 1"):
        som_of().fit(collection)
    from pyspark.sql import functions

    broken = collection.withColumn("e", functions.expr("raise_error('damaged')").cast("double"))
    with pytest.raises(EngineError, match="damaged"):
        som_of().fit(broken)


def test_spark_workers_that_die_change_nothing(spark, tmp_path):
    frame = frame_of(rows_of(200))
    dies = KilledAt(tmp_path, [9])

    def task(batches):
        return map(dies, batches)

    collection = spark_frame(spark, [frame[:80], frame[80:]])
    with pytest.raises(EngineError):  # Spark's local mode tries a task only once
        som_of().fit(collection.mapInArrow(task, collection.schema))
    assert_same(som_of().fit(collection.mapInArrow(task, collection.schema)), som_of().fit(frame))


def test_ray_datasets(ray):
    frame = frame_of(rows_of())
    whole = som_of().fit(frame)
    for parts in (cut(frame, 3), uneven(frame)):
        collection = ray_dataset(ray, parts)
        assert_same(som_of().fit(collection), whole)
    answered = whole.predict(ray_dataset(ray, [frame])).to_pandas()
    assert answered.columns.tolist() == [*NAMES, "unit"]
    assert np.array_equal(answered["unit"], whole.labels_)


def test_ray_workers_that_die_change_nothing(ray, tmp_path):
    frame = frame_of(rows_of(200))
    dies = KilledAt(tmp_path, [0, 1])
    collection = ray_dataset(ray, [frame[:80], frame[80:]]).map_batches(
        dies, batch_format="pyarrow", batch_size=None
    )
    assert_same(som_of().fit(collection), som_of().fit(frame))


@pytest.mark.parametrize("engine", ["dask.distributed", "pyspark", "ray"])
def test_the_guide_runs(engine, tmp_path, monkeypatch):
    pytest.importorskip(engine, reason=f"{engine} is not installed: make engines")
    monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", 1000)  # as users have it
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.chdir(tmp_path)
    frame_of(rows_of(100)).to_parquet("rows.parquet")
    page = Path(__file__).parents[2] / "docs/guide/clusters.md"
    blocks = re.findall(r"^```{code-block} python\n(.*?)^```", page.read_text(), re.M | re.S)
    (block,) = [
        block for block in blocks if f"import {engine}" in block or f"from {engine}" in block
    ]
    # Workers need not run in this folder.
    exec(block.replace("rows.parquet", str(tmp_path / "rows.parquet")), {"__name__": "__main__"})


def test_ray_pieces_that_cannot_be_read_are_one_error(ray):
    frame = frame_of(rows_of(100))
    collection = ray_dataset(ray, [frame]).map_batches(unreadable, batch_format="pandas")
    with pytest.raises(EngineError, match=r"part-7\.parquet: damaged"):
        som_of().fit(collection)
