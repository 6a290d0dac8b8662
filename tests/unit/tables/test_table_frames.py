"""Data frames, Parquet files and workbooks become tables."""

import datetime
import importlib
import importlib.util
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from texts import rejected

from somscape import _stored
from somscape.tables import _arrow, read_table, table_from_columns, table_from_frame
from somscape.tables._frame import as_frame

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

VALUES = {
    "whole": [7, -8, None],
    "real": [0.1, None, 1e300],
    "word": ["a", " b ", None],
    "digits": ["1", "2", "3"],
    "truth": [True, False, None],
    "day": [datetime.date(2026, 1, 31), None, datetime.date(2026, 2, 1)],
}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table])
def test_frames_of_every_kind(make: Callable[[Any], Any]) -> None:
    table = table_from_frame(make(VALUES))
    assert table.names == tuple(VALUES)
    np.testing.assert_array_equal(table.column("whole").numbers, [7, -8, np.nan])
    np.testing.assert_array_equal(table.column("real").numbers, [0.1, np.nan, 1e300])
    cells = {column.name: column.cells.tolist() for column in table.columns}
    assert cells["whole"] == ["7", "-8", None]
    assert cells["real"] == ["0.1", None, "1e+300"]
    assert cells["word"] == ["a", "b", None]
    assert cells["digits"] == ["1", "2", "3"]
    assert cells["truth"] == ["True", "False", None]
    assert cells["day"] == ["2026-01-31", None, "2026-02-01"]
    assert [c.name for c in table.columns if c.is_number] == ["whole", "real"]
    assert table.where(2) == "data frame, row 2"


def test_float32_cells_are_short_and_numbers_exact() -> None:
    column = table_from_frame(pl.DataFrame({"x": [0.1, None]}, schema={"x": pl.Float32})).columns[0]
    assert column.cells.tolist() == ["0.1", None]
    assert column.numbers[0] == float(np.float32(0.1))


def test_many_float32_are_kept_as_they_came_and_read_as_any_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = {"x": [0.1, None, -7.0, 3.4e38, 2.0], "y": [1.0, 2.0, 3.0, 3.0, None]}
    frame = pl.DataFrame(values, schema=dict.fromkeys("xy", pl.Float32))
    made = list[Any]()

    def assembled(*args: Any, **options: Any) -> Any:
        made.append(_stored.assembled(*args, **options))
        return made[-1]

    monkeypatch.setattr(_arrow, "assembled", assembled)
    in_memory = table_from_frame(frame)
    monkeypatch.setattr(_stored, "LARGE", 1)
    away = table_from_frame(frame)
    # At once, not as float64 first.
    kinds = [numbers.dtype for numbers in made]
    assert kinds == [*2 * [np.float64], *2 * [np.float32]]
    for here, there in zip(in_memory.columns, away.columns, strict=True):
        assert there._numbers.dtype == np.float32
        assert there.numbers.dtype == np.float64
        np.testing.assert_array_equal(there.numbers, here.numbers)
        np.testing.assert_array_equal(there.missing, here.missing)
        assert there.cells.tolist() == here.cells.tolist()
        assert (there.n_distinct, there.is_whole) == (here.n_distinct, here.is_whole)
        np.testing.assert_array_equal(there.values, here.values)
        some, again = there.take([4, 0]), pickle.loads(pickle.dumps(there))
        np.testing.assert_array_equal(some.numbers, here.take([4, 0]).numbers)
        np.testing.assert_array_equal(again.numbers, here.numbers)
    np.testing.assert_array_equal(away.to_numpy(), in_memory.to_numpy())
    wide = table_from_frame(pl.DataFrame({"x": [0.1, None]}))
    assert wide.columns[0]._numbers.dtype == np.float64


def test_an_infinity_among_many_float32_is_told_as_among_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = pa.table({"x": pa.array([0.1, None, np.inf, 2.5], pa.float32())})
    here = table_from_frame(frame).columns[0]
    monkeypatch.setattr(_stored, "LARGE", 1)
    there = table_from_frame(frame).columns[0]
    assert not there.is_number
    assert there.problem == here.problem
    assert there.cells.tolist() == here.cells.tolist() == ["0.1", None, "inf", "2.5"]
    sizes = pa.table({"x": pa.array([0.5, 999, 2.5], pa.float32())})
    asked = table_from_frame(sizes, missing_values=["999"]).columns[0]
    np.testing.assert_array_equal(asked.numbers, [0.5, np.nan, 2.5])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, table_from_columns])
def test_the_first_integers_that_a_float_merges_stay_apart(make: Callable[[Any], Any]) -> None:
    made = make({"id": np.array([2**53, 2**53 + 1, 2**53])})
    column = (made if make is table_from_columns else table_from_frame(made)).column("id")
    assert (column.is_exact, column.n_distinct) == (False, 2)
    assert column.cells.tolist() == [str(2**53), str(2**53 + 1), str(2**53)]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_long_integers_are_rounded_as_features(make: Callable[[Any], Any]) -> None:
    found = as_frame(make({"x": [2**53 + 1, 7], "y": [0.5, 1.5]})).numbers()
    np.testing.assert_array_equal(found, [[2.0**53, 0.5], [7, 1.5]])
    holed = as_frame(pa.table({"x": pa.array([2**53 + 1, None])})).numbers()
    np.testing.assert_array_equal(holed, [[2.0**53], [np.nan]])


def test_nan_and_null_and_nat_are_missing() -> None:
    frame = pd.DataFrame(
        {
            "x": pd.array([1, None], dtype="Int64"),
            "t": [pd.Timestamp("2026-01-31 10:00"), pd.NaT],
            "o": np.array([Decimal("1.50"), None], dtype=object),
        }
    )
    table = table_from_frame(frame)
    assert [c.cells.tolist() for c in table.columns] == [
        ["1", None],
        ["2026-01-31T10:00:00", None],
        ["1.50", None],
    ]
    assert table.column("o").numbers[0] == 1.5
    assert table_from_frame(pl.DataFrame({"x": [1.0, float("nan")]})).columns[0].n_missing == 1


@pytest.mark.parametrize(
    "frame",
    [
        3,
        pd.DataFrame({"a": []}),
        pd.DataFrame(),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pl.DataFrame({"a": [[1], [2]]}),
    ],
)
def test_bad_frames(frame: Any) -> None:
    with rejected(file="data frame") as caught:
        table_from_frame(frame)
    assert len(str(caught.value).splitlines()) == 1


def test_columns_of_numpy_and_python_values() -> None:
    table = table_from_columns(
        {"a": np.array([1.5, np.nan]), "b": np.array([True, False]), "c": range(2), "d": ["x", "?"]}
    )
    assert table.column("a").cells.tolist() == ["1.5", None]
    assert table.column("b").cells.tolist() == ["True", "False"]
    assert table.column("c").numbers.tolist() == [0, 1]
    assert table.column("d").cells.tolist() == ["x", None]
    assert table_from_columns({"a": [10**400, 1]}).columns[0].problem is not None
    assert table_from_columns({}).shape == (0, 0)


OUT_OF_RANGE = [
    ("date32", [], 10_000_000),
    ("date32", [], -719_163),
    ("date64", [], 253_402_300_800_000),
    ("time64", ["us"], 2**62),
    ("duration", ["ms"], 2**62),
    *(("timestamp", [unit], sign * 2**61) for unit in ("ms", "us") for sign in (1, -1)),
    *(("timestamp", ["us", zone], 2**61) for zone in ("UTC", "Europe/Berlin", "+05:30")),
    ("timestamp", ["ms", "Nowhere/Land"], 1),
]


@pytest.mark.parametrize(("kind", "unit_and_zone", "value"), OUT_OF_RANGE)
def test_dates_and_times_that_python_cannot_hold_are_refused_with_their_row(
    tmp_path: Path, kind: str, unit_and_zone: list[str], value: int
) -> None:
    type_ = getattr(pa, kind)(*unit_and_zone)
    whole = pa.int32() if type_.bit_width == 32 else pa.int64()
    values = [None] * 5000 + [value, 0]
    frame = pa.table({"id": range(5002), "due": pa.array(values, whole).view(type_)})
    importlib.import_module("pyarrow.parquet").write_table(frame, tmp_path / "t.parquet")
    with rejected(row=5000, column="due") as caught:
        read_table(tmp_path / "t.parquet")
    assert "\n" not in str(caught.value)
    with rejected(row=5000, column="due"):
        as_frame(frame).values()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "+05:30"])
def test_dates_of_every_unit_and_zone_are_read(tmp_path: Path, unit: str, zone: str | None) -> None:
    zero = pa.array([0, None]).view(pa.timestamp(unit, zone))
    days = pa.array(["0001-01-01", "9999-12-31"]).cast(pa.date32())
    span = pa.array([0, None]).view(pa.duration(unit))
    frame = pa.table({"zero": zero, "day": days, "days": days.cast(pa.date64()), "span": span})
    importlib.import_module("pyarrow.parquet").write_table(frame, tmp_path / "t.parquet")
    cells = [c.cells.tolist() for c in read_table(tmp_path / "t.parquet").columns]
    hour, shown = {"Europe/Berlin": ("01:00", "+01:00"), "+05:30": ("05:30", "+05:30")}.get(
        str(zone), ("00:00", "+00:00" if zone else "")
    )
    assert cells[0] == [f"1970-01-01T{hour}:00{shown}", None]
    assert cells[1] == cells[2] == ["0001-01-01", "9999-12-31"]
    assert cells[3][1] is None


def test_old_timestamps_keep_their_year(tmp_path: Path) -> None:
    # INT96, as Spark writes them: in nanoseconds the last year is 2262.
    last = datetime.datetime(9999, 12, 31, 12)
    importlib.import_module("pyarrow.parquet").write_table(
        pa.table({"end": [last], "note": ["x"]}),
        tmp_path / "t.parquet",
        use_deprecated_int96_timestamps=True,
    )
    table = read_table(tmp_path / "t.parquet")
    assert table.column("note").cells.tolist() == ["x"]
    cells = table.column("end").cells
    assert cells.tolist() == ["9999-12-31T12:00:00"]


def test_durations_of_numpy_are_text() -> None:
    spans = np.array([90, "NaT"], dtype="m8[s]")
    assert table_from_columns({"x": spans}).columns[0].cells.tolist() == ["90 seconds", None]


def test_a_printed_table_shows_its_first_rows():
    table = table_from_columns({"city": ["Ulm", None, "Rome"], "n": [1.0, 2.5, np.nan]})
    assert str(table).splitlines() == ["city  n", "Ulm   1.0", "      2.5", "Rome"]
    many = table_from_columns({"i": range(100)})
    assert str(many).splitlines()[-1] == "... 70 more rows"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("values", [[0.1, np.nan, -2e300], [7.0, np.nan, 1e22], [np.nan] * 3, []])
def test_arrays_of_numbers_become_what_their_values_become(values, dtype):
    with np.errstate(over="ignore"):
        given = np.array(values, dtype=dtype)
    given = given[~np.isinf(given)]
    fast = table_from_columns({"x": given}).column("x")
    slow = table_from_columns({"x": list(given)}).column("x")
    assert fast.cells.tolist() == slow.cells.tolist()
    np.testing.assert_array_equal(fast.numbers, slow.numbers)
    assert (fast.is_whole, fast.n_missing) == (slow.is_whole, slow.n_missing)
    assert list(fast.each_cell()) == list(slow.each_cell())
    some = np.arange(len(given))[::-1]
    assert fast.take(some).cells.tolist() == slow.take(some).cells.tolist()
    assert pickle.loads(pickle.dumps(fast)).cells.tolist() == slow.cells.tolist()


def test_a_table_keeps_its_numbers_when_the_array_changes():
    given = np.array([1.5, 2.5])
    column = table_from_columns({"x": given}).column("x")
    given[0] = 9
    assert (column.numbers[0], column.cells[0]) == (1.5, "1.5")
