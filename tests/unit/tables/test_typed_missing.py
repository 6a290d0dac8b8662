"""`missing_values` of what comes with types: Parquet, Arrow, databases and frames."""

import datetime
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from somscape.tables import read_table, source, table_from_frame

ASKED = ["999", "none", "9999-12-31", "0.1"]
FRAME = {
    "whole": [999, 7, None, -8],
    "real": [0.1, 999.0, 2.5, None],
    "word": ["none", "NA", " None ", "x"],
    "digits": ["999", "999.0", "7", "8"],
    "truth": [True, None, False, True],
    "day": [datetime.date(9999, 12, 31), datetime.date(2026, 1, 31), None, datetime.date(1, 1, 1)],
}
LEFT = {
    "whole": [None, "7", None, "-8"],
    "real": [None, None, "2.5", None],
    "word": [None, "NA", None, "x"],
    "digits": [None, "999.0", "7", "8"],
    "truth": ["True", None, "False", "True"],
    "day": [None, "2026-01-31", None, "0001-01-01"],
}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table])
def test_what_is_named_is_missing_in_frames_of_every_kind(make: Callable[[Any], Any]) -> None:
    table = table_from_frame(make(FRAME), missing_values=ASKED)
    assert {column.name: column.cells.tolist() for column in table.columns} == LEFT
    assert table.notes == ()
    numbers = table.column("real").numbers
    np.testing.assert_array_equal(numbers, [np.nan, np.nan, 2.5, np.nan])
    assert source(make(FRAME), missing_values=ASKED).table().column("word").n_missing == 2


MORE: list[tuple[Any, list[str | None]]] = [
    (pa.array([0.1, 999], pa.float32()), [None, None]),
    (pa.array([np.float16(999), np.float16(2)], pa.float16()), [None, "2"]),
    (pa.array([999, 2**63 + 1], pa.uint64()), [None, str(2**63 + 1)]),
    (pa.array([Decimal("999.00"), Decimal("5.25")]), [None, "5.25"]),
    (pa.array([999, 7]).dictionary_encode(), [None, "7"]),
    (pa.array(["none", "x"]).dictionary_encode(), [None, "x"]),
    (pa.array(["none", "x"], pa.large_string()), [None, "x"]),
    (pa.array([datetime.datetime(9999, 12, 31), None]), [None, None]),
    (pa.array([datetime.time(12, 30), None]), ["12:30:00", None]),
    (pa.nulls(2), [None, None]),
]


@pytest.mark.parametrize(("values", "cells"), MORE, ids=[str(values.type) for values, _ in MORE])
def test_types_of_arrow(values: Any, cells: list[str | None]) -> None:
    table = table_from_frame(pa.table({"x": values}), missing_values=ASKED)
    assert table.columns[0].cells.tolist() == cells
    assert table.columns[0].missing.tolist() == [cell is None for cell in cells]


def test_objects_of_pandas() -> None:
    frame = pd.DataFrame(
        {"x": [999, "none", "NA", None, 7.5, Decimal("999.0"), True]}, dtype=object
    )
    cells = table_from_frame(frame, missing_values=ASKED).columns[0].cells.tolist()
    assert cells == [None, None, "NA", None, "7.5", None, "True"]
    whole = pd.DataFrame({"x": [Decimal(999), 2**60, 7]}, dtype=object)
    column = table_from_frame(whole, missing_values=ASKED).columns[0]
    assert (column.is_number, column.cells.tolist()) == (True, [None, str(2**60), "7"])


def test_infinity_may_mean_missing() -> None:
    frame = pl.DataFrame({"x": [1.5, float("inf")] * 20})
    assert table_from_frame(frame).columns[0].problem
    assert table_from_frame(frame, missing_values=["inf"]).columns[0].n_missing == 20


def test_what_is_given_is_left_as_it_is() -> None:
    values = np.array([1.0, 999.0, 3.0])
    table_from_frame(pd.DataFrame({"x": values}), missing_values=["999"])
    assert values.tolist() == [1.0, 999.0, 3.0]


def test_a_word_that_is_nowhere_is_told(tmp_path: Path) -> None:
    parquet.write_table(pa.table(FRAME), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet", missing_values=["999", "never"])
    assert table.notes == ("no cell contains 'never', given as a missing value",)
    parquet.write_table(pa.table(FRAME), tmp_path / "b.parquet")
    table = read_table(tmp_path, missing_values=["999", "never"])
    assert table.notes[1:] == ("no cell contains 'never', given as a missing value",)
    assert table.column("whole").n_missing == 4


def test_databases(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bank.db")) as connection, connection:
        connection.execute("create table loans (amount integer, job text)")
        connection.executemany("insert into loans values (?, ?)", [(999, "x"), (7, "none")])
    url = f"sqlite:///{tmp_path}/bank.db"
    table = read_table(url, table="loans", missing_values=ASKED)
    assert [column.cells.tolist() for column in table.columns] == [[None, "7"], ["x", None]]


CELLS = {
    "whole": st.sampled_from([999, 7, -8, 12]),
    "real": st.sampled_from([0.5, 999.0, -2.25]),
    "word": st.sampled_from(["none", "NA", "-", "x", "None"]),
}


@given(st.fixed_dictionaries({n: st.lists(c, min_size=9, max_size=9) for n, c in CELLS.items()}))
def test_a_frame_misses_what_its_csv_misses(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[Any]]
) -> None:
    columns["word"][0], columns["whole"][0], columns["real"][0] = "y", 5, 1.5  # a column has some
    path = tmp_path_factory.mktemp("t") / "t.csv"
    frame = pd.DataFrame(columns)
    frame.to_csv(path, index=False)
    for asked in (["999"], ["none"], ["999", "NONE"], [], [""]):
        found = table_from_frame(frame, missing_values=asked)
        expected = read_table(path, missing_values=asked)
        for column, known in zip(found.columns, expected.columns, strict=True):
            assert column.missing.tolist() == known.missing.tolist(), (asked, column.name)
