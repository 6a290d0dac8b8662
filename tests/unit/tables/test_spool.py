"""Tables in a temporary file: what comes back, what memory it takes, and nothing that is left."""

import gc
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import _stored
from somscape.errors import InputError
from somscape.tables import _cells, read_sql

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc or limits of files")

COLUMNS = st.one_of(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.none() | st.floats(allow_nan=False)),
    st.lists(st.none() | st.text(st.characters(codec="utf-8"))),
    st.lists(st.none() | st.datetimes()),
    st.lists(st.none()),
    st.lists(st.none() | st.sampled_from("ab"), min_size=1).map(
        lambda cells: pa.array(cells, pa.string()).dictionary_encode()
    ),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that TMPDIR names."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert tempfile.gettempdir() == str(tmp_path)
    monkeypatch.setattr(_stored, "LARGE", 1)
    return tmp_path


@given(parts=st.lists(st.lists(COLUMNS.map(lambda cells: pa.table({"x": cells})), max_size=3)))
def test_tables_come_back_as_they_were(parts: list[list[pa.Table]]) -> None:
    given_ = [
        pa.Table.from_arrays([part["x"][: len(some[0])] for part in some], list("abc")[: len(some)])
        for some in parts
        if some and len({len(part) for part in some}) == 1
    ]
    for large in (1, 64, 1 << 28):  # in a file, some first in memory, in memory
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_stored, "LARGE", large)
            found = _cells.spooled(iter(given_))
        assert [part.schema for part in found] == [part.schema for part in given_]
        assert all(part.equals(known) for part, known in zip(found, given_, strict=True))


@needs_linux
def test_the_file_is_in_the_folder_of_tmpdir_without_a_name(folder: Path) -> None:
    def maps() -> str:
        return Path("/proc/self/maps").read_text()

    def parts() -> Iterator[pa.Table]:
        yield pa.table({"a": np.arange(10_000.0)})
        assert not list(folder.iterdir())

    found = _cells.spooled(parts())
    assert f"{folder}/" in maps()
    assert not list(folder.iterdir())
    column = found.pop().column("a")
    assert column.to_pylist() == list(range(10_000))
    del column
    gc.collect()
    assert f"{folder}/" not in maps()


def test_few_rows_need_no_folder_and_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    values = np.arange(3.0)

    def parts() -> Iterator[pa.Table]:
        for begin in (0, 3):
            values[:] = np.arange(begin, begin + 3)  # in the same place each time
            yield pa.table({"a": pa.array(values)})

    found = pa.concat_tables(_cells.spooled(parts()))
    assert found["a"].to_pylist() == [0, 1, 2, 3, 4, 5]
    monkeypatch.setattr(_stored, "LARGE", 1)
    with rejected(value="/nowhere"):
        _cells.spooled(parts())


@needs_linux
def test_rows_take_no_memory_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stored, "LARGE", 1 << 20)

    def anonymous() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) << 10

    rng, n, times = np.random.default_rng(0), 1 << 20, 16
    _cells.spooled([pa.table({"a": rng.random(n)})])
    before = anonymous()
    found = _cells.spooled(pa.table({"a": rng.random(n)}) for _ in range(times))
    assert all(0.49 < np.asarray(part["a"].chunk(0)).mean() < 0.51 for part in found)
    assert anonymous() - before < 8 * n * times / 4


@needs_linux
def test_a_full_disk_is_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    import resource

    file = tmp_path / "bank.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(2000)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(InputError) as caught:
            read_sql(f"sqlite:///{file}", table="t")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.file == str(folder)
    assert [path.name for path in folder.iterdir()] == ["bank.db"]


def test_no_folder_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> list[str]:
        return ["/nowhere"]

    monkeypatch.setattr(_stored, "LARGE", 1)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", none)
    with rejected():
        _cells.spooled([pa.table({"a": [1]})])


def test_texts_are_read_from_any_part_of_an_array() -> None:
    cells = ["é", None, "", "b", None, "a longer text"]
    whole = pa.array(cells)
    for array in (whole, pa.chunked_array([whole[:2], whole[:0], whole[2:]])):
        for start in range(len(cells)):
            assert _cells._texts_of(array[start:]) == cells[start:]
            assert _cells._texts_of(array[:start]) == cells[:start]
    assert _cells._texts_of(pa.nulls(2, pa.string())) == [None, None]
    offsets, content = (pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, content])
    with pytest.raises(UnicodeDecodeError):
        _cells._texts_of(broken)
