"""Ctrl-C during training: felt soon, and what was trained is kept."""

import gc
import signal
import threading
import time

import numpy as np
import pytest

from somscape import SOM
from somscape.fit import _train


@pytest.mark.parametrize(("algorithm", "at"), [("batch", 3), ("online", 2)])
def test_ctrl_c_keeps_the_map_of_the_last_whole_step(monkeypatch, algorithm, at):
    monkeypatch.setattr(_train, "BLOCK_WORK", 2e3)  # a few updates a block

    def interrupt(progress):
        if len(seen) == at - 1:
            raise KeyboardInterrupt
        seen.append(progress)

    seen = []
    rows = np.random.default_rng(0).normal(size=(60, 3))
    settings = {"n_rows": 3, "n_cols": 4, "algorithm": algorithm, "random_state": 0}
    som = SOM(**settings, callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        som.fit(rows)
    assert som.stop_reason_ == "interrupted"
    assert len(som.history_["step"]) == at
    counted = iter(range(1, 100))
    stopped = SOM(**settings, callbacks=[lambda progress: next(counted) == at]).fit(rows)
    np.testing.assert_array_equal(som.codebook_, stopped.codebook_)
    np.testing.assert_array_equal(som.labels_, som.predict(rows))


@pytest.fixture
def listens_to_ctrl_c():
    """Processes of a test runner may ignore Ctrl-C.

    Python drops an exception that is raised while it collects garbage, so none is collected here.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    signal.signal(signal.SIGINT, before)


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("listens_to_ctrl_c")
@pytest.mark.parametrize("algorithm", ["batch", "online"])
def test_a_real_interrupt_ends_a_long_training(algorithm):
    rows = np.random.default_rng(0).normal(size=(20_000, 30))
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    def interrupt_soon(progress):  # once training goes on: a busy machine may take long to begin
        if not timer.is_alive() and not sent:
            timer.start()

    timer = threading.Timer(0.5, interrupt)
    som = SOM(
        30,
        30,
        algorithm=algorithm,
        n_epochs=100_000,
        tol=0,
        random_state=0,
        callbacks=[interrupt_soon],
    )
    with pytest.raises(KeyboardInterrupt):
        som.fit(rows)
    assert time.perf_counter() - sent[0] < 2  # about 0.1 s where nothing else runs
    assert som.stop_reason_ == "interrupted"
    done = int(som.history_["step"][-1])
    again = SOM(**som.get_params()).set_params(callbacks=[lambda progress: progress.step == done])
    np.testing.assert_array_equal(som.codebook_, again.fit(rows).codebook_)
