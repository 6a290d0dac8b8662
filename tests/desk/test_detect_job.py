"""The main job: many rows are put in order while other things are done, and none is kept."""

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from texts import rejected

from somscape.desk.jobs import _detect
from somscape.desk.jobs._detect import Found, detect
from somscape.desk.jobs.job import Job
from somscape.kernels._select import select_kernels
from somscape.outliers import AlertRule, Alerts
from somscape.tables import Table, table_from_columns
from somscape.tables._fit_encoding import fit_encoding

JOB = Job(seed=0)


@pytest.fixture(scope="module")
def table() -> Table:
    rng = np.random.default_rng(0)
    return table_from_columns({name: rng.normal(size=80) for name in "ab"})


def found(table: Table, rule: AlertRule | None = None) -> Found:
    return detect(table, fit_encoding(table), rule or AlertRule(5), JOB)


def test_many_rows_are_put_in_order_meanwhile(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, ranked, may_begin = found(table).alerts, _detect.ranked, threading.Event()

    def ranked_later(*given: Any, **options: Any) -> Alerts:
        assert threading.current_thread() is not threading.main_thread()
        assert may_begin.wait(20)
        return ranked(*given, **options)

    monkeypatch.setattr(_detect, "MANY_ROWS", 80)
    monkeypatch.setattr(type(select_kernels()), "n_threads", 2)
    monkeypatch.setattr(_detect, "ranked", ranked_later)
    meanwhile = found(table)
    may_begin.set()
    np.testing.assert_array_equal(meanwhile.alerts.rows, whole.rows)
    np.testing.assert_array_equal(meanwhile.alerts.p_values, whole.p_values)
    assert meanwhile.alerts is meanwhile.alerts


def test_a_rule_that_cannot_be_used_is_refused_at_once_or_with_many_rows_later(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = AlertRule(p_value=1e-9)
    with rejected(parameter="p_value", value=1e-09):
        found(table, rule)
    monkeypatch.setattr(_detect, "MANY_ROWS", 80)
    monkeypatch.setattr(type(select_kernels()), "n_threads", 2)
    later = found(table, rule)
    for _ in range(2):
        with rejected(parameter="p_value", value=1e-09):
            _ = later.alerts


@pytest.mark.parametrize(("many", "n_threads"), [(81, 2), (80, 1), (80, 2)])
def test_encoded_rows_are_not_kept(
    table: Table, monkeypatch: pytest.MonkeyPatch, many: int, n_threads: int
) -> None:
    seen, ranked = list[Any](), _detect.ranked

    def ranked_and_seen(*given: Any, **options: Any) -> Alerts:
        seen.append(weakref.ref(given[2]))
        return ranked(*given, **options)

    monkeypatch.setattr(_detect, "MANY_ROWS", many)
    monkeypatch.setattr(type(select_kernels()), "n_threads", n_threads)
    monkeypatch.setattr(_detect, "ranked", ranked_and_seen)
    held = found(table)
    assert held.alerts.n_alerts == 5
    gc.collect()
    assert seen[0]() is None
