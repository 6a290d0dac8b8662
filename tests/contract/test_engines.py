"""Spark gives the map of one machine, and all engines the same answers of a detector."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from clusters import (
    NAMES,
    KilledAt,
    assert_same,
    cut,
    dask_frame,
    frame_of,
    rows_of,
    som_of,
    spark_frame,
    uneven,
)

from somscape import SOMDetector
from somscape.engines._which import pieces_of
from somscape.errors import EngineError, InputError
from somscape.fit import Pieces

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    """Small data stay where they are."""
    monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", 0)


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
    with pytest.raises(InputError, match=r"1 in 'c'. .* in row 10 of piece 1 ") as caught:
        som_of().fit(collection)
    assert (caught.value.parameter, caught.value.row) == ("X", 30)
    from pyspark.sql import functions

    broken = collection.withColumn("e", functions.expr("raise_error('damaged')").cast("double"))
    with pytest.raises(EngineError, match="damaged"):
        som_of().fit(broken)


def test_spark_pieces_that_cannot_be_read_are_one_error(spark, tmp_path):
    frame = frame_of(rows_of(50)).assign(a=np.arange(50.0))

    def damaged(batches):
        for batch in batches:
            if max(batch.column("a").to_pylist()) > 20:
                raise OSError("part-7.parquet: damaged")
            yield batch

    collection = spark_frame(spark, [frame[:20], frame[20:]])
    with pytest.raises(EngineError, match=r"^X could not .*OSError: part-7\.parquet: damaged"):
        som_of().fit(collection.mapInArrow(damaged, collection.schema))
    with pytest.raises(EngineError, match=r"^piece 0 of X .*OSError: damaged"):
        list(pieces_of(collection).each(FirstIsDamaged(tmp_path)))


def test_spark_workers_that_die_change_nothing(spark, tmp_path):
    frame = frame_of(rows_of(200))
    dies = KilledAt(tmp_path, [9])

    def task(batches):
        return map(dies, batches)

    collection = spark_frame(spark, [frame[:80], frame[80:]])
    with pytest.raises(EngineError):  # Spark's local mode tries a task only once
        som_of().fit(collection.mapInArrow(task, collection.schema))
    assert_same(som_of().fit(collection.mapInArrow(task, collection.schema)), som_of().fit(frame))


class FirstIsDamaged:
    """Raises for the first piece."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, number, _):
        if number == 0:
            raise OSError("damaged")
        (self.folder / str(number)).touch()


class InTurn(Pieces):
    def __init__(self, parts):
        self.parts = parts

    def each(self, function):
        return map(function, range(len(self.parts)), self.parts)


def collection_of(engine, parts, request):
    if engine == "spark":
        return spark_frame(request.getfixturevalue("spark"), parts)
    if engine == "dask":
        request.getfixturevalue("dask_client")
        return dask_frame(parts)
    return InTurn(parts)


@pytest.mark.parametrize("engine", ["pieces", "dask", "spark"])
def test_a_detector_does_all_that_it_does_for_a_frame(engine, request):
    frame = frame_of(rows_of(200))
    collection = collection_of(engine, cut(frame, 3), request)
    whole = SOMDetector(som=som_of(), random_state=0).fit(frame)
    apart = SOMDetector(som=som_of(), random_state=0).fit(collection)
    for method in ("score_samples", "decision_function", "predict", "p_values"):
        found = values_of(getattr(apart, method)(collection))
        assert np.array_equal(found, getattr(whole, method)(frame))
    found, expected = apart.alerts(collection, 5), whole.alerts(frame, 5)
    assert np.array_equal(found.rows, expected.rows)
    assert np.array_equal(found.p_values, expected.p_values)
    assert str(found) == str(expected)
    assert np.array_equal(apart.contributions(collection), whole.contributions(frame))
    assert list(map(str, apart.reasons(collection))) == list(map(str, whole.reasons(frame)))
    similar = apart.similar_rows(collection, among=collection)
    assert np.array_equal(similar.rows, whole.similar_rows(frame, among=frame).rows)
    is_known = np.arange(200) % 2
    shares = apart.label_share(collection, among=collection, y=is_known).share
    assert np.array_equal(shares, whole.label_share(frame, among=frame, y=is_known).share)
    few = collection_of(engine, [frame[:2]], request)
    assert str(apart.counterfactuals(few)) == str(whole.counterfactuals(frame[:2]))


def values_of(answered):
    """The values of one column, wherever they lie."""
    for fetch in ("compute", "toPandas"):
        if hasattr(answered, fetch):
            answered = getattr(answered, fetch)()
            return answered.iloc[:, -1] if answered.ndim == 2 else answered
    return answered


@pytest.mark.parametrize("engine", ["dask.distributed", "pyspark"])
def test_the_guide_runs(engine, tmp_path, monkeypatch):
    pytest.importorskip(engine, reason=f"{engine} is not installed: make others")
    monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", 1000)  # as users have it
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.chdir(tmp_path)
    frame_of(rows_of(100)).to_parquet("rows.parquet")
    page = Path(__file__).parents[2] / "docs/operate/machines.md"
    blocks = re.findall(r"^```{code-block} python\n(.*?)^```", page.read_text(), re.M | re.S)
    (block,) = [
        block for block in blocks if f"import {engine}" in block or f"from {engine}" in block
    ]
    # Workers need not run in this folder.
    exec(block.replace("rows.parquet", str(tmp_path / "rows.parquet")), {"__name__": "__main__"})
