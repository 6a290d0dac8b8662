"""Files and streams of Arrow: the same table as from Parquet, and nothing that fills the memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from texts import rejected

from somscape.errors import InputError
from somscape.tables import _arrow_files, read_table, table_from_frame

ROWS = pa.table(
    {
        "n": pa.array([1, None, 3] * 50),
        "x": pa.array([0.5, float("nan"), 1e300] * 50, pa.float64()),
        "word": pa.array(["a", " b ", None] * 50),
        "kind": pa.array(["u", "u", None] * 50).dictionary_encode(),
        "day": pa.array([0, 1, None] * 50, pa.date32()),
        "truth": pa.array([True, None, False] * 50),
    }
)


def write_stream(path: Path, rows: Any, codec: str | None = None, each: int = 1 << 24) -> None:
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with pa.ipc.new_stream(path, rows.schema, options=options) as stream:
        stream.write_table(rows, max_chunksize=each)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("packed", ["uncompressed", "lz4", "zstd"])
@pytest.mark.parametrize("ending", ["feather", "arrow", "ipc"])
@pytest.mark.parametrize("is_stream", [False, True])
def test_files_and_streams(tmp_path: Path, packed: str, ending: str, is_stream: bool) -> None:
    path = tmp_path / f"t.{ending}"
    if is_stream:
        write_stream(path, ROWS, None if packed == "uncompressed" else packed, each=40)
    else:
        feather.write_feather(ROWS, path, compression=packed, chunksize=40)
    table = read_table(path)
    assert table.where(7) == f"t.{ending}, row 7"
    for column, known in zip(table.columns, table_from_frame(ROWS).columns, strict=True):
        assert column.name == known.name
        assert column.cells.tolist() == known.cells.tolist()
        if known.numbers is not None:
            np.testing.assert_array_equal(column.numbers, known.numbers)


@pytest.mark.parametrize("n_less", [1, 10, 200])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, n_less: int) -> None:
    path = tmp_path / "t.arrow"
    feather.write_feather(ROWS, path, chunksize=40)
    path.write_bytes(path.read_bytes()[:-n_less])
    assert refusal(path) == (
        "t.arrow cannot be read as an Arrow file. Write the file again, or give a .csv file."
    )


def test_a_file_whose_list_says_other_batches_is_refused(tmp_path: Path) -> None:
    one, many = tmp_path / "one.arrow", tmp_path / "many.arrow"
    feather.write_feather(ROWS, one, chunksize=1000)
    feather.write_feather(ROWS, many, chunksize=10)
    end = many.read_bytes()
    n_end = int.from_bytes(end[-10:-6], "little") + 10
    start = one.read_bytes()
    n_start = len(start) - int.from_bytes(start[-10:-6], "little") - 10
    one.write_bytes(start[:n_start] + end[-n_end:])
    assert "one.arrow cannot be read as an Arrow file" in refusal(one)


@pytest.mark.parametrize(("name", "kind"), [("t.parquet", "a Parquet"), ("t.arrow", "an Arrow")])
def test_text_under_the_name_of_another_kind_is_named_as_text(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / name
    for text in ("a,b\n1,2\n", "größe;betrag\n1;2,5\n", "[1, 2]"):
        path.write_text(text, encoding="cp1252")
        assert refusal(path) == f"{name} is text and not {kind} file. Name the file .csv."
    for content in (b"", b"a,b\n1\0", np.random.default_rng(0).bytes(2000)):
        path.write_bytes(content)
        assert f"{name} cannot be read as {kind} file" in refusal(path)


LARGE = 1 << 27
BOMBS: dict[str, Callable[[], Any]] = {
    "zeros": lambda: np.zeros(LARGE // 8),
    "text": lambda: pa.array(["x" * LARGE]),
    "category": lambda: pa.array(["x" * LARGE]).dictionary_encode(),
}


@pytest.fixture(scope="module", params=BOMBS)
def bomb(request: pytest.FixtureRequest) -> pa.Table:
    """A table of many bytes that compress to a few."""
    return pa.table({"x": BOMBS[request.param]()})


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_nothing_is_unpacked_that_fills_the_memory(
    tmp_path: Path, bomb: pa.Table, codec: str
) -> None:
    path, usual = tmp_path / "t.arrow", pa.default_memory_pool()
    write_stream(path, bomb, codec)
    counting = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(counting)
    try:
        message = refusal(path)
    finally:
        pa.set_memory_pool(usual)
    assert "bytes of cells, so the file could be designed to fill the memory" in message
    assert counting.max_memory() < LARGE / 50


def test_rows_and_categories_that_take_no_room_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    with pa.ipc.new_file(path, pa.schema([("x", pa.null())])) as file:
        file.write_batch(pa.record_batch([pa.nulls(LARGE // 8)], ["x"]))
    assert f"contains {LARGE} bytes of cells, so the file could be designed" in refusal(path)
    text = pa.DictionaryArray.from_arrays(np.zeros(1 << 12, np.int8), ["x" * (1 << 16)])
    write_stream(path, pa.table({"x": text}))
    assert f"contains {1 << 28} bytes of cells" in refusal(path)


def test_places_outside_of_the_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.arrow"
    feather.write_feather(pa.table({"x": ["abc", "def"]}), path, compression="uncompressed")
    content = path.read_bytes()
    ends = np.array([0, 3, 6], np.int32).tobytes()
    assert content.count(ends) == 1
    path.write_bytes(content.replace(ends, np.array([0, 1 << 30, 6], np.int32).tobytes()))
    assert "cannot be read as an Arrow file" in refusal(path)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_parquet_file_of_one_long_text_is_refused_in_little_memory(
    is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_arrow_files, "LONG", 1 << 17 if is_whole else 0)
    texts = pa.array(["x" * 50_000]).take(pa.array([0] * 5_000))
    parquet.write_table(pa.table({"note": texts, "x": range(5_000)}), tmp_path / "t.parquet")
    before = pa.default_memory_pool().max_memory()
    with rejected(file="t.parquet", value=250000000):
        read_table(tmp_path / "t.parquet")
    assert pa.default_memory_pool().max_memory() <= max(before, 400_000_000)
