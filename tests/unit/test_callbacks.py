"""Callbacks that follow a training and may end it, and what `verbose` shows."""

import logging
import re
import sys
import time
import warnings
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, SOMDetector
from somscape.callbacks import TimeLimit
from somscape.errors import SomscapeWarning


def rows_of(n=300, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


class Recorder:
    """Notes what it is told, and answers."""

    def __init__(self, answer=None):
        self.answer, self.told = answer, []

    def begin(self):
        self.told.append("begin")

    def __call__(self, progress):
        self.told.append(progress.step)
        return self.answer

    def end(self, reason):
        self.told.append(reason)


# The protocol


def test_a_callback_is_told_of_the_begin_the_steps_and_the_end():
    recorder = Recorder()
    som = SOM(4, 5, n_epochs=3, tol=0, n_init=1, callbacks=[recorder]).fit(rows_of())
    assert recorder.told == ["begin", 1, 2, 3, som.stop_reason_]


def test_several_starts_have_one_begin_and_one_end():
    recorder = Recorder()
    SOM(4, 5, n_epochs=2, tol=0, n_init=3, callbacks=[recorder]).fit(rows_of())
    assert recorder.told == ["begin", 1, 2, 1, 2, 1, 2, "all epochs done"]


def test_a_text_ends_training_and_is_the_reason():
    recorder, other = Recorder("the error\n is low enough"), Recorder(True)
    som = SOM(4, 5, callbacks=[recorder, other]).fit(rows_of())
    assert som.stop_reason_ == "the error is low enough"
    assert som.n_iter_ == 1
    assert recorder.told == other.told == ["begin", 1, "the error is low enough"]


def test_ctrl_c_is_told_as_the_end():
    recorder = Recorder()

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SOM(4, 5, callbacks=[recorder, interrupt]).fit(rows_of())
    assert recorder.told == ["begin", 1, "interrupted"]


# The time limit


def test_each_map_of_a_detector_has_the_time_limit(monkeypatch):
    limit = TimeLimit(0.5)
    began = []

    def begin(self):
        began.append(1)
        self._started = time.monotonic()

    monkeypatch.setattr(TimeLimit, "begin", begin)
    detector = SOMDetector(som=SOM(4, 5, callbacks=[limit]), n_maps=3, random_state=0)
    detector.fit(rows_of())
    assert len(began) == 4  # the map of all rows, and the three that score


def test_a_used_time_limit_starts_anew():
    X, limit = rows_of(), TimeLimit(0.4)
    for _ in range(2):
        time.sleep(0.25)
        assert SOM(3, 3, n_epochs=2, tol=0, callbacks=[limit]).fit(X).n_iter_ == 2


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "long", None])
def test_a_wrong_time_limit_is_named(seconds):
    with rejected((ValueError, TypeError), parameter="seconds"):
        TimeLimit(seconds)


# Verbose


@contextmanager
def nothing_configured():
    """Have logging as in a program that configured nothing: pytest gives loggers handlers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("somscape", None):
            patch.setattr(logging.getLogger(name), "handlers", [])
        yield


def test_verbose_writes_to_standard_error_where_nothing_is_configured(capsys):
    with nothing_configured():
        som = SOM(4, 5, n_epochs=7, tol=0, n_init=1, verbose=1).fit(rows_of())
    out, err = capsys.readouterr()
    lines = err.splitlines()
    # Seven epochs take milliseconds: the first and the last are shown, and why training ended.
    assert out == ""
    assert lines[0].startswith("somscape: step 1 of 7: radius 2, quantization error ")
    assert lines[-2].startswith("somscape: step 7 of 7: radius 0.7, quantization error ")
    assert lines[-1] == f"somscape: training ended: {som.stop_reason_}"
    assert len(lines) < 7


def test_verbose_in_a_notebook_replaces_its_line_and_estimates_the_time_left(capsys, monkeypatch):
    class ZMQInteractiveShell:
        pass

    def slow(progress):
        time.sleep(0.4)

    shell = SimpleNamespace(get_ipython=ZMQInteractiveShell)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    with nothing_configured():
        som = SOM(3, 3, n_epochs=4, tol=0, n_init=1, callbacks=[slow], verbose=1).fit(rows_of())
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert err.endswith("\n")
        lines = [line.rstrip() for line in err.split("\r")[1:]]
        # Four epochs of 0.4 s each: 3 x 0.4 s are left after the first epoch.
        left = [re.fullmatch(r"somscape: step (\d) of 4: .*, about (\d) s left", each)
                for each in lines[:-1]]  # fmt: skip
        steps = {int(found[1]): int(found[2]) for found in left}
        assert steps[1] in (1, 2)
        assert steps[4] == 0
        assert lines[-1] == f"somscape: training ended: {som.stop_reason_}"
        shell.get_ipython = lambda: None  # IPython is imported, but the code is a script
        SOM(3, 3, n_epochs=4, tol=0, n_init=1, verbose=1).fit(rows_of())
        err = capsys.readouterr().err
    assert "\r" not in err
    assert " left" not in err


def test_verbose_is_silent_by_default_and_a_detector_has_it_too(capsys):
    X = rows_of()
    with nothing_configured():
        SOM(4, 5).fit(X)
        SOMDetector(som=SOM(4, 5), n_maps=1, random_state=0).fit(X)
        assert capsys.readouterr().err == ""
        SOMDetector(som=SOM(4, 5), n_maps=2, random_state=0, verbose=1).fit(X)
        assert capsys.readouterr().err.count("training ended: ") == 3
        SOMDetector(som=SOM(4, 5, verbose=1), n_maps=2, random_state=0).fit(X)
        assert capsys.readouterr().err.count("training ended: ") == 3
    with rejected(TypeError, parameter="verbose", value="yes"):
        SOMDetector(verbose="yes").fit(X)


def test_verbose_logs_every_step_where_logging_is_configured(capsys, caplog):
    with caplog.at_level(logging.INFO, logger="somscape"):
        som = SOM(4, 5, n_epochs=7, tol=0, n_init=1, verbose=1).fit(rows_of())
    assert [record.levelname for record in caplog.records] == ["INFO"] * 8
    message = caplog.records[6].getMessage()
    assert message.startswith("step 7 of 7: radius 0.7, quantization error ")
    assert caplog.records[7].getMessage() == f"training ended: {som.stop_reason_}"
    assert capsys.readouterr().err == ""


def test_a_handler_that_shows_warnings_only_does_not_silence_verbose(capsys, caplog):
    """As after a plain `logging.warning("x")`, which adds a handler to the root."""
    with nothing_configured(), caplog.at_level(logging.WARNING):
        logging.getLogger().addHandler(logging.StreamHandler())
        SOM(3, 3, verbose=1).fit(rows_of())
    assert "somscape: step 1 of " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "n_rows", "weight", "n_maps"),
    [
        ({"n_maps": 2}, 60, 1, 3),  # the map itself and two of halves
        ({"n_maps": 1}, 60, 1, 6),  # the map itself and five folds
        ({"n_maps": 1}, 3, 1, 4),  # as many folds as rows
        ({}, 60, 1, 5),
        ({}, 60, 50, 6),  # 3,000 rows by weight: one map is enough
    ],
)
def test_verbose_says_which_of_a_detectors_maps_it_shows(capsys, options, n_rows, weight, n_maps):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    detector = SOMDetector(som=SOM(2, 2), random_state=0, verbose=1, **options)
    with nothing_configured(), warnings.catch_warnings():
        warnings.simplefilter("ignore", SomscapeWarning)
        detector.fit(X, sample_weight=np.full(n_rows, float(weight)))
    lines = capsys.readouterr().err.splitlines()
    ends = [line for line in lines if "training ended" in line]
    expected = [f"somscape: map {i} of {n_maps}: training ended: " for i in range(1, n_maps + 1)]
    assert [end[: len(start)] for end, start in zip(ends, expected, strict=True)] == expected
    assert lines[0].startswith(f"somscape: map 1 of {n_maps}: step 1 of ")
