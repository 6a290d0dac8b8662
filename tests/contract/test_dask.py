"""Dask gives the map of one machine, whatever becomes of its workers: `make others` installs it."""

import asyncio
import itertools
import os
import time
from contextlib import suppress
from threading import Event, Thread
from unittest.mock import Mock

import numpy as np
import pytest
from clusters import (
    KilledAt,
    assert_same,
    cut,
    dask_frame,
    frame_of,
    rows_of,
    som_of,
    uneven,
)

from somscape import SOMDetector, TableEncoder
from somscape.engines._which import pieces_of
from somscape.errors import EngineError

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

LATER = (26, 38)
"""Calls for four pieces that are in two epochs, after six passes."""


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    """Small data stay where they are."""
    monkeypatch.setattr("somscape.fit._map.MAX_FETCHED", 0)


def test_dask_frames(dask_client):
    frame = frame_of(rows_of())
    whole = som_of().fit(frame)
    for parts in (cut(frame, 3), uneven(frame)):
        collection = dask_frame(parts)
        assert_same(som_of().fit(collection), whole)
    units = whole.predict(collection)
    assert type(units) is type(collection["a"])
    assert np.array_equal(units.compute().to_numpy(), whole.labels_)


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
    together = pieces._groups_of_pieces()
    assert len(together) == len(set(itertools.chain(*dask_client.who_has(kept).values())))
    assert sorted(itertools.chain(*together)) == list(range(8))
    assert pieces.total(lengths, tuple.__add__) == (75,) * 8
    assert np.array_equal(som_of().fit(kept).codebook_, whole.codebook_)
    assert len(pieces_of(lazy)._groups_of_pieces()) == 8
    monkeypatch.setattr("somscape.engines._dask.MAX_TOGETHER", 1)
    assert len(pieces._groups_of_pieces()) == 8


@pytest.mark.parametrize(("n_pieces", "expected"), [(8, [8]), (11, [2])])
def test_dask_results_of_a_pass_come_together(dask_client, monkeypatch, n_pieces, expected):
    fetched = asked(dask_client, "gather", monkeypatch)
    parts = cut(frame_of(rows_of()), n_pieces)
    pieces = pieces_of(dask_frame(parts))
    assert pieces.total(lengths, tuple.__add__) == tuple(map(len, parts))
    assert [len(call.args[0]) for call in fetched.call_args_list] == expected
    assert [*pieces.each(numbered)] == [(i, len(part)) for i, part in enumerate(parts)]
    assert [len(call.args[0]) for call in fetched.call_args_list[1:]] == [1] * n_pieces


def test_dask_is_told_to_cancel_only_what_is_left(dask_client, monkeypatch):
    cancelled = asked(dask_client, "cancel", monkeypatch)
    pieces = pieces_of(dask_frame(cut(frame_of(rows_of()), 3)))
    assert pieces.total(lengths, tuple.__add__) == (200, 200, 200)
    assert [*pieces.each(numbered)] == [(0, 200), (1, 200), (2, 200)]
    assert not cancelled.called
    some = pieces.each(numbered)
    assert next(some) == (0, 200)
    some.close()
    assert [len(call.args[0]) for call in cancelled.call_args_list] == [3]


def numbered(number, data):
    return number, len(data)


def asked(client, name, monkeypatch):
    """Return a function of a client, which counts its calls from now on."""
    function = Mock(wraps=getattr(client, name))
    monkeypatch.setattr(client, name, function)
    return function


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
    pytest.importorskip("distributed", reason="Dask is not installed: make others")
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
    pytest.importorskip("dask", reason="Dask is not installed: make others")
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
    with pytest.raises(EngineError, match="died repeatedly"):
        som_of().fit(collection)
    assert time.monotonic() - began < 60


def test_dask_tells_of_the_first_piece_that_cannot_be_read(dask_client):
    pieces = pieces_of(dask_frame(cut(frame_of(rows_of()), 5)))
    with pytest.raises(EngineError, match=r"^piece 2 of X .*OSError: 2 is damaged"):
        list(pieces.each(damaged))
    with pytest.raises(EngineError, match=r"^a piece of X .*OSError: [234] is damaged"):
        pieces.total(damaged, int.__add__)


def test_dask_tells_of_the_time_limit_of_a_piece(dask_client):
    """It is not taken for our own, after which somebody looks at the cluster."""
    pieces = pieces_of(dask_frame([frame_of(rows_of(100))]))
    with pytest.raises(EngineError, match=r"^a piece of X .*TimeoutError: no answer in 5 s"):
        pieces.total(late, int.__add__)


def late(number, data):
    raise TimeoutError("no answer in 5 s")


def damaged(number, data):
    if number > 1:
        raise OSError(f"{number} is damaged")
    return len(data)


@pytest.mark.parametrize("nothing_known", [False, True])
def test_dask_pieces_may_take_longer_than_a_look_at_the_cluster(
    dask_client, monkeypatch, nothing_known
):
    monkeypatch.setattr("somscape.engines._dask.POLL", 0.02)
    if nothing_known:
        monkeypatch.setattr(dask_client, "scheduler_info", dict)  # as from a client that closes
    pieces = pieces_of(dask_frame(cut(frame_of(rows_of()), 3)))
    assert pieces.total(slowly, int.__add__) == 600


def slowly(_, data):
    time.sleep(0.3)
    return len(data)


BEGUN, CLOSED = Event(), Event()


def test_a_dask_client_that_is_closed_in_a_pass_is_one_error():
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: make others")
    BEGUN.clear()
    CLOSED.clear()
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        pieces = pieces_of(dask_frame([frame_of(rows_of(50))]))
        closing = Thread(target=lambda: (BEGUN.wait(), client.close()), daemon=True)
        closing.start()
        try:
            with pytest.raises(EngineError, match="connection to Dask's scheduler was lost"):
                pieces.total(until_closed, int.__add__)
        finally:
            CLOSED.set()
        closing.join()


def until_closed(_, data):
    BEGUN.set()
    CLOSED.wait()
    return len(data)


def test_dask_without_workers_does_not_hang(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: make others")
    from somscape.engines import _dask as _dask_results

    monkeypatch.setattr(_dask_results, "MAX_ALONE", 2.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
        pytest.raises(EngineError, match="was without workers"),
    ):
        som_of().fit(dask_frame([frame_of(rows_of(50))]))
