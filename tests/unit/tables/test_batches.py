"""Batches of rows from a function, arrays and their files: what is read, and what is refused."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet
from texts import rejected

from somscape import SOM
from somscape.errors import InputError
from somscape.tables import Table, _arrow_files, read_table, source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that TMPDIR names."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def frames(n: int = 3, **changes: Any) -> Callable[[], Iterator[Any]]:
    """Return a function that gives frames, of which the last one but one has other columns."""

    def make() -> Iterator[Any]:
        for number in range(n):
            frame = pd.DataFrame({"a": [number, 0.5], "kind": ["x", "y"]})
            yield frame.assign(**changes) if number == n - 2 else frame

    return make


def test_batches_of_any_library_are_one_table() -> None:
    frame = pd.DataFrame({"a": [1, 2], "kind": ["x", None]})
    given = [
        frame,
        pl.from_pandas(frame),
        pa.Table.from_pandas(frame),
        *pa.Table.from_pandas(frame).to_batches(),
        frame[:0],
        pl.DataFrame({"kind": ["late"], "a": [0.5]}),
    ]
    table = source(lambda: iter(given)).table()
    assert table.column("a").numbers.tolist() == [1, 2] * 4 + [0.5]
    assert table.column("kind").cells.tolist() == ["x", None] * 4 + ["late"]
    assert table.where(8) == "batch 6, row 0"


def test_the_function_is_called_once_and_passes_are_alike() -> None:
    calls = []

    def make() -> Iterator[Any]:
        calls.append(1)
        return frames()()

    rows = source(make)
    passes = [pa.Table.from_batches(rows.batches(4)) for _ in range(2)]
    assert passes[0].equals(passes[1])
    assert passes[0].num_rows == 6
    assert len(calls) == 1


def refusal(data: Any, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        source(data, **more)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_cannot_be_started_again_is_refused() -> None:
    with rejected(parameter="data", value="generator"):
        source(frames()())
    with rejected(parameter="data", value="list_iterator"):
        source(iter([1]))
    used = frames()()
    list(used)
    with rejected(file="batches", value=None):
        source(lambda: used)


WRONG: dict[str, tuple[Any, dict[str, Any]]] = {
    "a column is missing": (
        lambda: iter([pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"a": [1]})]),
        {"file": "batch 2", "column": "b"},
    ),
    "a column more": (
        frames(9, b=1),
        {"file": "batch 8", "column": "b"},
    ),
    "types differ": (
        frames(900, a="x"),
        {"column": "a", "allowed": "double"},
    ),
    "names repeat": (
        lambda: iter([pa.table([[1], [2]], names=["a", "a"])]),
        {"file": "batch 1"},
    ),
    "no frames": (lambda: iter([[1, 2]]), {"file": "batch 1", "value": "list"}),
    "frames, then an array": (
        lambda: iter([pd.DataFrame({"a": [1]}), np.ones((2, 1))]),
        {"file": "batch 2", "value": "ndarray"},
    ),
    "an array, then frames": (
        lambda: iter([np.ones((2, 1)), pd.DataFrame({"a": [1]})]),
        {"file": "batch 2", "value": "DataFrame"},
    ),
    "a frame": (lambda: pd.DataFrame({"a": [1]}), {"file": "batches", "value": "DataFrame"}),
    "a number": (lambda: 7, {"file": "batches", "value": "int"}),
    "no rows": (lambda: iter([pd.DataFrame({"a": []})]), {"file": "batches"}),
    "widths differ": (
        lambda: iter([np.ones((2, 3)), np.ones((2, 4))]),
        {"file": "batch 2", "value": 4, "allowed": 3},
    ),
    "float types differ": (
        lambda: iter([np.ones((2, 3), np.float32), np.ones((2, 3))]),
        {"file": "batch 2", "value": "float64", "allowed": "float32"},
    ),
    "one dimension": (lambda: iter([np.ones(3)]), {"file": "batch 1", "value": (3,)}),
    "text": (lambda: iter([np.array([["x"]])]), {"file": "batch 1", "value": "<U1"}),
    "arrays without rows": (
        lambda: iter([np.ones((0, 2)), np.ones((0, 2))]),
        {"file": "batches"},
    ),
    "an empty array first": (
        lambda: iter([np.ones((0, 2)), np.ones((1, 2)), np.ones((1, 3))]),
        {"file": "batch 3", "value": 3, "allowed": 2},
    ),
    "a masked batch": (
        lambda: iter([np.ones((2, 1)), np.ma.masked_less([[1.0], [-9.0]], 0)]),
        {"parameter": "batch"},
    ),
    "a masked array": (np.ma.masked_less([[1.0], [-9.0]], 0), {"parameter": "data"}),
    "a lazy frame without rows": (
        pl.LazyFrame({"a": [1.0]}).filter(pl.col("a") > 2),
        {"parameter": "data"},
    ),
    "an array of text": (np.array([["x"]]), {"file": "the array", "value": "<U1"}),
    "an array of one dimension": (np.ones(3), {"file": "the array", "value": (3,)}),
}


@pytest.mark.parametrize("what", WRONG)
def test_batches_that_do_not_fit_are_named(what: str, folder: Path) -> None:
    data, facts = WRONG[what]
    with rejected(**facts) as caught:
        source(data)
    assert len(str(caught.value).splitlines()) == 1
    assert not list(folder.iterdir())


def test_what_the_function_raises_comes_through(folder: Path) -> None:
    def make() -> Iterator[Any]:
        yield pd.DataFrame({"a": [1]})
        raise OSError("the server went away")

    with pytest.raises(OSError, match=r"^the server went away$"):
        source(make)
    assert not list(folder.iterdir())


def test_array_batches_without_rows_are_left_out() -> None:
    X = np.arange(6.0).reshape(3, 2)
    rows = source(lambda: iter([X[:0], X[:2], X[:0], X[2:], X[:0]])).rows()
    np.testing.assert_array_equal(rows, X)


def test_parameters_of_reading_are_not_dropped(tmp_path: Path) -> None:
    X = np.ones((3, 2))
    np.save(tmp_path / "x.npy", X)
    table = source(pd.DataFrame({"a": [1, 2]})).table()
    for data in (X, tmp_path / "x.npy", table, source(X), lambda: iter([X])):
        with rejected(parameter="missing_values"):
            source(data, missing_values=["-"])


def test_a_missing_cell_is_told_with_file_and_row(tmp_path: Path) -> None:
    for number in range(4):
        cells = [1.0, 2.0, float("nan") if number == 2 else 3.0]
        parquet.write_table(pa.table({"a": cells, "b": [3, 1, 2]}), tmp_path / f"{number}.parquet")
    with rejected(parameter="missing", file="test_a_missing_cell_is_told_wi0", row=8, column="a"):
        SOM(2, 2).fit(source(tmp_path))
    batches = frames(900, a=[0.5, None])
    with rejected(parameter="missing", file="batches", row=1797, column="a"):
        SOM(2, 2).fit(source(batches))
    X = np.ones((50, 2))
    X[37, 1] = np.nan
    with rejected(parameter="X", row=37):
        SOM(2, 2).fit(source(lambda: iter([X[:20], X[20:]])))


def test_files_of_arrays_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with rejected():
        source(path)
    np.save(path, np.ones((50, 2)))
    whole = path.read_bytes()
    shapes = (b"(99, 2)", b"(5., 2)", b"(50, 2 ")
    claims = [whole.replace(b"(50, 2)", shape) for shape in shapes]
    for content in (b"", b"a,b\n1,2\n", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x07\x00", *claims):
        path.write_bytes(content)
        assert refusal(path).startswith("x.npy does not contain an array of numbers")
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    assert refusal(path).startswith("x.npy does not contain an array of numbers")
    path.write_bytes(whole.replace(b"(50, 2)", b"(-5, 2)"))
    assert refusal(path).startswith("x.npy does not contain an array of numbers")
    np.save(path, np.zeros((2, 3, 4)))
    with rejected(file="x.npy", value=(2, 3, 4)):
        source(path)


@pytest.mark.parametrize("type_", [np.int8, np.uint64, bool, np.float16, ">f8", np.float32])
def test_arrays_of_any_numbers(type_: Any) -> None:
    rows = source(np.arange(12).reshape(6, 2).astype(type_))
    assert rows.names == ("x0", "x1")
    expected = np.arange(12.0).reshape(6, 2).astype(type_).astype(float)
    np.testing.assert_array_equal(rows.table().to_numpy(), expected)
    kept = rows.rows()
    assert type(kept) is np.ndarray
    assert kept.dtype == (np.float32 if type_ is np.float32 else np.float64)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("type_", [np.float32, np.float64, ">f8", np.int16, bool])
def test_files_of_arrays(type_: Any, order: Any, version: Any, tmp_path: Path) -> None:
    X = np.asarray(np.random.default_rng(0).integers(0, 2, (103, 7)), type_, order=order)
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, X, version)
    rows = source(tmp_path / "x.npy").rows()
    assert not isinstance(rows, Table)
    assert rows.dtype == (np.float32 if type_ is np.float32 else np.float64)
    assert rows.flags.c_contiguous
    np.testing.assert_array_equal(rows, X)


def test_who_cuts_a_file_of_an_array_ends_no_process_and_changes_no_row(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(500, 4)))
    known = SOM(3, 3, random_state=0).fit(np.load(path)).codebook_
    rows = source(path)
    with path.open("r+b") as file:
        file.truncate(200)  # of a mapped file, the pages beyond that would end the process
    assert SOM(3, 3, random_state=0).fit(rows).codebook_.tobytes() == known.tobytes()


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize("name", ["a.b", "", "ä ö", "a", "a.b.c", "list.element"])
def test_columns_of_parquet_with_any_name(
    name: str, is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_arrow_files, "LONG", 1 << 17 if is_whole else 0)
    rows = pa.table({name: [1.5, 2.5], "a.x": [3, 4], "t": ["u", "v"]})
    parquet.write_table(rows, tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.names == (name, "a.x", "t")
    assert table.to_numpy([name, "a.x"]).tolist() == [[1.5, 3], [2.5, 4]]


def test_a_parquet_file_that_changes_between_columns_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_arrow_files, "LONG", 2)
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": [1, 4], "b": [2, 5]}), path)
    rows = _arrow_files.open_arrow(path, "t.parquet")
    assert rows.column("a").to_pylist() == [1, 4]
    parquet.write_table(pa.table({"a": [1, 2, 3], "b": [2, 3, 4]}), path)
    with rejected(file="t.parquet"):
        rows.column("b")
