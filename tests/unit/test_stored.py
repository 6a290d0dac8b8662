"""Large arrays in temporary files: the same bits as in memory, and nothing that is left."""

import gc
import gzip
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from somscape import SOM, SOMDetector, TableEncoder, _stored
from somscape.errors import InputError
from somscape.tables import read_table, source, table_from_frame

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

RNG = np.random.default_rng(0)
N = 600
NUMBERS = pd.DataFrame(RNG.normal(size=(N, 4)), columns=list("abcd")).astype({"d": np.float32})
MIXED = NUMBERS.assign(
    whole=RNG.integers(0, 90, N),
    kind=RNG.choice(["x", "y", "z"], N),
    day=pd.date_range("2025-01-01", periods=N, freq="7h").astype("datetime64[us]"),
    slip=np.where(np.arange(N) == 7, 1e12, RNG.normal(size=N)),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that TMPDIR names."""
    folder = tmp_path / "waiting"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[int]:
    """Have every array in a file; gives the sizes of these files."""
    sizes: list[int] = []
    monkeypatch.setattr(_stored, "LARGE", 1)
    set_aside = _stored._set_aside
    monkeypatch.setattr(_stored, "_set_aside", lambda f, n: (sizes.append(n), set_aside(f, n)))
    return sizes


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def mapped(folder: Path) -> bool:
    return f"{folder}/" in Path("/proc/self/maps").read_text()


@needs_linux
def test_large_arrays_are_in_a_file_without_a_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stored, "LARGE", 1 << 20)
    rows = _stored.stored((1 << 15, 4))
    assert type(rows) is np.ndarray
    assert rows.flags.c_contiguous
    assert rows.flags.aligned
    assert rows.flags.writeable
    assert mapped(folder)
    assert not list(folder.iterdir())
    rows[:] = np.arange(rows.size).reshape(rows.shape)
    again = pickle.loads(pickle.dumps(rows[5:]))
    np.testing.assert_array_equal(again, np.arange(20, rows.size).reshape(-1, 4))
    part = rows[7:9]
    del rows
    assert part[0, 0] == 28
    del part
    gc.collect()
    assert not mapped(folder)


@needs_linux
def test_arrays_that_are_large_together_are_in_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stored, "LARGE", 1 << 20)
    assert not (_stored.stored(1 << 14), mapped(folder))[1]
    held = _stored.stored(1 << 14, among=100)
    assert mapped(folder)
    del held
    tiny = _stored.stored(8, among=1 << 20)  # or there would be a file for each of a million
    assert tiny.flags.owndata


@needs_linux
def test_many_arrays_share_few_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stored, "LARGE", 1 << 20)
    monkeypatch.setattr(_stored, "EXTENT", 1 << 20)
    before = open_files()
    held = [_stored.stored(9001, among=100) for _ in range(100)]
    for number, array in enumerate(held):
        array[:] = number
    assert all((array == number).all() for number, array in enumerate(held))
    assert all(array.ctypes.data % 64 == 0 for array in held)
    assert open_files() - before == 8  # 14 arrays of 72,008 bytes in each
    del held, array
    gc.collect()
    assert open_files() == before


@needs_linux
def test_a_forked_process_writes_to_places_of_its_own() -> None:
    work = """if True:
        import os
        from somscape import _stored
        _stored.LARGE = 1 << 16
        first = _stored.stored(9000)
        first[:] = 1
        child = os.fork()
        own = _stored.stored(9000)
        own[:] = 2 if child else 3
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        assert (first == 1).all() and (own == 2).all()
    """
    subprocess.run([sys.executable, "-c", work], check=True)


@needs_linux
def test_too_many_open_files_are_told(folder: Path) -> None:
    work = (
        "import resource; from somscape import _stored; _stored.LARGE = _stored.EXTENT = 1 << 16\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "held = []\n"
        "try:\n"
        "    while True: held.append(_stored.stored(1 << 13))\n"
        "except _stored.InputError as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", work], text=True)
    assert "(Too many open files)" in said
    assert "`ulimit -n 4096`" in said


@needs_linux
@pytest.mark.parametrize("way", ["files", "batches", "record batches", "frame", "array", "npy"])
def test_a_disk_that_is_full_is_told_for_all_that_comes(
    way: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    ways: dict[str, Callable[[], Any]] = {
        **{name: partial(make, MIXED, tmp_path) for name, make in WAYS.items()},
        "array": lambda: source(lambda: iter([np.ones((5000, 3)), np.ones((5000, 3))])),
        "npy": lambda: source(tmp_path / "x.npy"),
    }
    np.save(tmp_path / "x.npy", np.ones((5000, 3)))
    rows = ways[way]() if way in ("files", "frame") else None
    monkeypatch.setattr(_stored, "LARGE", 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(InputError) as caught:
            SOM(2, 2).fit(ways[way]() if rows is None else rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.file == str(folder)
    assert not list(folder.iterdir())


def test_systems_that_cannot_set_space_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(_stored, "LARGE", 1)
    monkeypatch.setattr(_stored, "PIECE", 1000)
    assert not _stored.stored(12_345, np.uint8).any()


@needs_linux
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_a_process_that_is_ended(folder: Path, end: signal.Signals) -> None:
    work = (
        "import time, numpy as np; from somscape import _stored; _stored.LARGE = 1\n"
        "rows = _stored.stored((1000, 1000)); rows[:] = 1; print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", work],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert f"{folder}/" in Path(f"/proc/{process.pid}/maps").read_text()
        process.send_signal(end)
    assert not list(folder.iterdir())


def in_parquet(frame: pd.DataFrame, folder: Path) -> Any:
    parquet.write_table(pa.Table.from_pandas(frame), folder / "t.parquet", row_group_size=70)
    return source(folder / "t.parquet")


def in_files(frame: pd.DataFrame, folder: Path) -> Any:
    for number in range(3):
        part = pa.Table.from_pandas(frame.iloc[number * 200 : number * 200 + 200])
        parquet.write_table(part, folder / f"p{number}.parquet")
    return source(folder / "p*.parquet")


def in_feather(frame: pd.DataFrame, folder: Path) -> Any:
    feather.write_feather(frame, folder / "t.feather", compression="lz4", chunksize=70)
    return source(folder / "t.feather")


def in_batches(frame: pd.DataFrame, _: Path) -> Any:
    return source(lambda: (frame.iloc[i : i + 77] for i in range(0, N, 77)))


def in_record_batches(frame: pd.DataFrame, _: Path) -> Any:
    return source(lambda: pa.Table.from_pandas(frame).to_reader(max_chunksize=77))


def read(frame: pd.DataFrame, folder: Path) -> Any:
    return read_table(in_parquet(frame, folder)._data)


WAYS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "parquet": in_parquet,
    "files": in_files,
    "feather": in_feather,
    "batches": in_batches,
    "record batches": in_record_batches,
    "read_table": read,
    "frame": lambda frame, _: frame,
    "source of a frame": lambda frame, _: source(frame),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_map_of_a_table_has_the_same_bits(
    way: str, tmp_path: Path, all_are_large: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    X = WAYS[way](MIXED, tmp_path)
    som = SOM(5, 6, encoder=TableEncoder(), random_state=0).fit(X)
    found = som.codebook_, som.labels_, som.transform(X)
    assert max(all_are_large) >= 8 * N * len(MIXED.columns)
    monkeypatch.setattr(_stored, "LARGE", 1 << 28)
    known = SOM(5, 6, encoder=TableEncoder(), random_state=0).fit(MIXED)
    for one, other in zip(
        found, (known.codebook_, known.labels_, known.transform(MIXED)), strict=True
    ):
        assert one.tobytes() == other.tobytes()


ARRAYS: dict[str, Callable[[np.ndarray[Any, Any], Path], Any]] = {
    "array": lambda X, _: source(X),
    "columns": lambda X, _: source(np.asfortranarray(X)),
    "file": lambda X, folder: (np.save(folder / "x.npy", X), source(folder / "x.npy"))[1],
    "memmap": lambda X, folder: source(memmap_of(X, folder / "x.bin")),
    "batches": lambda X, _: source(lambda: iter([X[:100], X[100:101], X[101:]])),
    "parquet": lambda X, folder: in_parquet(pd.DataFrame(X, columns=list("abcd")), folder),
    "table": lambda X, _: table_from_frame(pd.DataFrame(X, columns=list("abcd"))),
    "frame": lambda X, _: pd.DataFrame(X, columns=list("abcd")),
}


def memmap_of(X: np.ndarray[Any, Any], path: Path) -> Any:
    file = np.memmap(path, X.dtype, "w+", shape=X.shape)
    file[:] = X
    return file


@pytest.mark.parametrize("type_", [np.float32, np.float64])
@pytest.mark.parametrize("way", ARRAYS)
def test_a_map_of_numbers_has_the_same_bits(
    way: str, type_: Any, tmp_path: Path, all_are_large: list[int]
) -> None:
    values = NUMBERS.to_numpy(type_)
    X = ARRAYS[way](values, tmp_path)
    found = SOM(5, 6, encoder=None, random_state=0).fit(X)
    known = SOM(5, 6, encoder=None, random_state=0).fit(values)
    assert found.codebook_.tobytes() == known.codebook_.tobytes()
    assert found.labels_.tobytes() == known.labels_.tobytes()


@pytest.mark.parametrize("missing", ["fill", "mask"])
@pytest.mark.parametrize("encoder", ["auto", None])
def test_missing_cells_and_rows_without_weight(
    missing: str, encoder: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = (MIXED if encoder else NUMBERS).copy()
    frame.iloc[::9, 1] = np.nan
    weights = np.where(np.arange(N) % 5, 1.0, 0.0)

    def trained() -> SOM:
        som = SOM(4, 4, missing=missing, encoder=encoder, random_state=0)
        return som.fit(in_parquet(frame, tmp_path), sample_weight=weights)

    known = trained()
    monkeypatch.setattr(_stored, "LARGE", 1)
    assert trained().codebook_.tobytes() == known.codebook_.tobytes()


@pytest.mark.parametrize("way", ["parquet", "files", "batches", "frame"])
def test_a_detector_says_the_same(
    way: str, tmp_path: Path, all_are_large: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    X = WAYS[way](MIXED, tmp_path)

    def found(X: Any) -> Any:
        detector = SOMDetector(encoder=TableEncoder(), random_state=0).fit(X)
        alerts = detector.alerts(X, fdr=0.2)
        words = str(alerts), [str(reasons) for reasons in alerts.reasons]
        return detector.score_samples(X).tobytes(), alerts.p_values.tobytes(), words

    stored_ = found(X)
    monkeypatch.setattr(_stored, "LARGE", 1 << 28)
    assert stored_ == found(MIXED)


WATCHED = """
        import threading, time

        def anonymous():
            with open("/proc/self/status") as file:
                return int(file.read().partition("RssAnon:")[2].split()[0]) >> 10

        def watch():
            while True:
                seen.append(anonymous())
                time.sleep(0.002)

        seen = []
"""
"""Has `watch` collect how much memory the process has that is no file."""

ROWS = "".join(f"{i},{i / 8},{-i % 7}.50,w{i % 5},{i}%\n" for i in range(2500))
TEXT = f"a,b,c,word,share\n{ROWS}"
TEXTS: dict[str, bytes] = {
    "plain": TEXT.encode(),
    "a mark of the order of bytes": f"\ufeff{TEXT}".encode(),
    "CRLF": TEXT.replace("\n", "\r\n").encode(),
    "CR": TEXT.replace("\n", "\r").encode(),
    "semicolons and commas": TEXT.replace(",", ";").replace(".", ",").encode(),
    "sep=": ("sep=,\n" + TEXT).encode(),
    "quotes": TEXT.replace("w3", '"w\n3, ""x"""').encode(),
    "blank lines": TEXT.replace("\n700,", "\n\n700,").encode(),
    "cp1252": TEXT.replace("w3", "\xe4\xdf").encode("cp1252"),
    "letters": TEXT.replace("w3", "\u03b1\u03b2\U0001f41d").encode(),
    "utf-16": TEXT.encode("utf-16"),
    "packed": gzip.compress(TEXT.encode()),
    "missing": TEXT.replace("\n1500,", "\n,").replace("\n1501,", "\nn/a,").encode(),
    "missing first": TEXT.replace("\n0,0.0,", "\n,,").encode(),
    "text at the end": TEXT.replace("\n2400,", "\nabc,").encode(),
    "a slip": TEXT.replace("\n2400,", "\n1e999,").encode(),
    "one column": TEXT.replace(",", " ").encode(),
    "longer at the end": (TEXT + "1234567,1,1,w1,1%\n" * 400).encode(),
    "more cells": TEXT.replace("\n1700,", "\n1,1700,").encode(),
    "an open quote": TEXT.replace("w3", '"w3', 1).encode(),
    "NUL": TEXT.encode() + b"\0",
    "no text": b"\x89PNG\r\n\x1a\n\0\0",
    "no UTF-8": TEXT.encode() + b"\x81\x8d,1,1,w1,1%\n",
    "empty": b"",
    "no rows": b"a,b\n",
}


def what_is_read(path: Path) -> Any:
    try:
        table = read_table(path)
    except InputError as error:
        return str(error)
    cells = [(c.name, c.style, c.problem, c.cells.tolist()) for c in table.columns]
    numbers = [None if c.numbers is None else c.numbers.tobytes() for c in table.columns]
    return cells, numbers, table.notes, [table.where(row) for row in range(table.n_rows)]


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_table_is_the_same(
    what: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ("t.csv.gz" if what == "packed" else "t.csv")
    path.write_bytes(TEXTS[what])
    known = what_is_read(path)
    monkeypatch.setattr(_stored, "LARGE", 1)
    assert what_is_read(path) == known
    assert not list(folder.iterdir())


def test_text_tables_of_a_folder_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parts").mkdir()
    for number, what in enumerate(("plain", "CRLF", "missing", "missing first", "blank lines")):
        (tmp_path / "parts" / f"{number}.csv").write_bytes(TEXTS[what])
    known = what_is_read(tmp_path / "parts")
    monkeypatch.setattr(_stored, "LARGE", 1)
    assert what_is_read(tmp_path / "parts") == known


def test_what_is_in_a_file_is_not_copied_to_another(all_are_large: list[int]) -> None:
    rows = _stored.stored((500, 3))
    for part in (rows, rows[7:], rows.T, rows.reshape(-1)[::2]):
        assert _stored.put_away(part) is part
    assert _stored.put_away(np.ones(5)).base is not None
    assert len(all_are_large) == 1


def test_the_units_of_all_rows_are_in_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stored, "LARGE", 8 * N)
    labels = SOM(3, 3, n_epochs=1).fit(NUMBERS.to_numpy()).labels_
    assert isinstance(_stored._owner(labels), mmap)


@needs_linux
def test_numbers_of_a_text_table_take_no_memory(tmp_path: Path) -> None:
    n, d = 200_000, 20
    rows = pa.table({f"x{j}": np.round(RNG.normal(size=n) * 100, 4) for j in range(d)})
    csv.write_csv(rows, tmp_path / "t.csv")  # 34 MB, and 34 MiB of numbers and their decimals
    work = f"""if True:
        import pyarrow.csv
        from somscape import _stored
        from somscape.tables import read_table
        _stored.LARGE = 1 << 20
{WATCHED}
        with open({str(tmp_path / "s.csv")!r}, "w") as file:
            file.write("a,b\\n1,2.5\\n")
        read_table({str(tmp_path / "s.csv")!r})
        threading.Thread(target=watch, daemon=True).start()
        before = anonymous()
        table = read_table({str(tmp_path / "t.csv")!r})
        print(max(seen) - before)
    """
    grown = int(subprocess.check_output([sys.executable, "-c", work], text=True))
    assert grown < 30  # in memory 72


@pytest.mark.nightly
@needs_linux
@pytest.mark.parametrize(
    ("call", "most"),
    [
        ("SOM(4, 4, n_epochs=1).fit", 1.0),
        ("SOMDetector(som=SOM(4, 4)).fit", 1.75),
        ("check", 1.0),
    ],
)
def test_what_grows_with_the_rows_takes_no_memory(call: str, most: float, tmp_path: Path) -> None:
    n, d = 400_000, 20
    values = RNG.normal(size=(n, d)).astype(np.float32)
    rows = pa.table({f"x{j}": column for j, column in enumerate(values.T)})
    parquet.write_table(rows, tmp_path / "t.parquet", row_group_size=100_000)
    work = f"""if True:
        import pandas, pyarrow.parquet
        from somscape import SOM, SOMDetector, _stored
        from somscape.checks import check
        from somscape.tables import read_table, source
        _stored.LARGE = 1 << 20
{WATCHED}
        SOM(3, 3).fit(source(lambda: iter([pandas.DataFrame({{"a": [1.0, 2], "b": [3.0, 4]}})])))
        threading.Thread(target=watch, daemon=True).start()
        before = anonymous()
        {call}(source({str(tmp_path / "t.parquet")!r}))
        print(max(seen) - before)
    """
    # 61 MiB, or 107: in files it takes 24, 83 to 96, and 31 to 37, in memory 135, 191 and 146.
    # Of 14 processes, three took 107 to 109 MiB, so the least of three processes counts.
    command = [sys.executable, "-c", work]
    grown = (int(subprocess.check_output(command, text=True)) for _ in range(3))
    assert any(each < most * 8 * n * d / (1 << 20) for each in grown)
