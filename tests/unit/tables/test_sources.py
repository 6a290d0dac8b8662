"""Sources: each pass has the rows of the table, and a file that changes is noticed."""

import datetime as dt
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nightly import nightly
from pyarrow import feather, parquet
from texts import rejected
from workbooks import xlsx

from somscape import SOM, SOMDetector, TableEncoder
from somscape.measures import quantization_error, topographic_error
from somscape.tables import (
    Source,
    Table,
    per,
    read_table,
    source,
    table_from_frame,
    write_csv,
    write_sql,
    write_table,
)
from somscape.tables._fit_encoding import fit_encoding

COLUMNS: list[list[Any]] = [
    [0.5, None, -1e300, 7.0],
    [1, 2, 3],
    [2**53 + 1, None],  # text in batches, as no float holds it
    [1.0, float("inf")],  # so is this, where it is a float
    ["-", "x", "", None],
    ["-", "+"],  # no missing cell here
    ["a", " b ", "NA"],
    ["1,5", "2,5"],
    ["007", "12"],
    [pd.Timestamp("2026-01-31"), None],
    [None],
]
"""Cells of columns, over and over: what they hold is decided by all of them."""


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    n = draw(st.integers(1, 40))
    chosen = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4))
    columns = {f"c{i}": (draw(st.permutations(cells)) * n)[:n] for i, cells in enumerate(chosen)}
    return pa.table({"key": [f"k{i}" for i in range(n)], **columns})


def in_csv(table: pa.Table, folder: Path) -> Source:
    path = folder / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, table.to_pydict())
    return source(path)


def in_workbook(table: pa.Table, folder: Path) -> Source:
    rows = [table.column_names, *(row.values() for row in table.to_pylist())]
    cells = [[str(v) if isinstance(v, pd.Timestamp) else v for v in row] for row in rows]
    (folder / "t.xlsx").write_bytes(xlsx({"s": [list(row) for row in cells]}))
    return source(folder / "t.xlsx")


def in_parquet(table: pa.Table, folder: Path) -> Source:
    parquet.write_table(table, folder / "t.parquet", row_group_size=7)
    return source(folder / "t.parquet")


def in_feather(table: pa.Table, folder: Path) -> Source:
    feather.write_feather(table, folder / "t.feather", chunksize=7)
    return source(folder / "t.feather")


def in_folder(table: pa.Table, folder: Path) -> Source:
    half = table.num_rows // 2
    (folder / "parts").mkdir(exist_ok=True)
    for number, part in enumerate((table[:half], table[half:])):
        parquet.write_table(part, folder / "parts" / f"{number}.parquet")
    return source(folder / "parts")


def in_sqlite(table: pa.Table, folder: Path) -> Source:
    file = folder / "t.db"
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"CREATE TABLE t ({', '.join(table.column_names)})")
        rows = [[_plain(v) for v in row.values()] for row in table.to_pylist()]
        marks = ", ".join("?" * table.num_columns)
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
    return source(f"sqlite:///{file}", table="t")


def in_duckdb(table: pa.Table, folder: Path) -> Source:
    file = folder / "t.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE t AS SELECT * FROM given")
    return source(f"duckdb:///{file}", query="SELECT * FROM t ORDER BY rowid")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, dt.date) else value  # a time, too, is a date


KINDS: dict[str, Callable[[pa.Table, Path], Source]] = {
    "csv": in_csv,
    "workbook": in_workbook,
    "parquet": in_parquet,
    "feather": in_feather,
    "folder": in_folder,
    "sqlite": in_sqlite,
    "duckdb": in_duckdb,
    "pyarrow": lambda table, _: source(table),
    "pandas": lambda table, _: source(table.to_pandas()),
    "polars": lambda table, _: source(pl.from_arrow(table)),
    "lazy": lambda table, _: source(pl.from_arrow(table).lazy()),  # type: ignore[union-attr]
    "reader": lambda table, _: source(table.to_reader(max_chunksize=7)),
    "table": lambda table, _: source(table_from_frame(table)),
}


SLOW = ("workbook", "sqlite", "duckdb")


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in SLOW] + nightly(SLOW))
@settings(max_examples=25)
@given(table=tables(), n_rows=st.integers(1, 50))
def test_each_pass_has_the_rows_of_the_table(
    kind: str, table: pa.Table, n_rows: int, tmp_path: Path
) -> None:
    rows = KINDS[kind](table, tmp_path)
    expected = rows.table().to_arrow()
    for size in (n_rows, n_rows, 65_536):
        batches = list(rows.batches(size))
        assert all(0 < batch.num_rows <= size for batch in batches)
        found = pa.Table.from_batches(batches)
        assert found.schema == expected.schema
        assert found.equals(expected)


def saved(path: Path, n: int = 3) -> Path:
    path.write_text("a,b\n" + "".join(f"{i},x{i}\n" for i in range(n)))
    return path


def test_a_source_can_be_gone_through_again(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,city\n7,Ulm\n8,\n9,Bonn\n")
    rows = source(path, delimiter=",")
    assert rows.names == ("id", "city")
    for _ in range(2):
        batches = list(rows.batches(2))
        assert [batch.num_rows for batch in batches] == [2, 1]
        found = pa.Table.from_batches(batches)
        assert found.schema.types == [pa.float64(), pa.string()]
        assert found.to_pydict() == {"id": [7, 8, 9], "city": ["Ulm", None, "Bonn"]}
    path.write_text("id\n7\n8\n")
    assert rows.table().n_rows == 2  # files are read anew
    assert rows.names == ("id",)
    assert source(rows) is rows
    with rejected():
        next(source(tmp_path / "none.csv").batches())
    for wrong, kind in ((0, ValueError), (2.5, TypeError)):
        with rejected(kind, parameter="n_rows"):
            next(rows.batches(wrong))  # type: ignore[arg-type]


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with saved(tmp_path / "t.csv").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        rows = source("-")
        assert [[b.num_rows for b in rows.batches()] for _ in range(2)] == [[3], [3]]


def longer(path: Path) -> None:
    saved(path, 4)


def newer(path: Path) -> None:
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


@pytest.mark.parametrize("change", [longer, newer, Path.unlink])
def test_a_file_that_changes_between_passes_is_refused(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    path = saved(tmp_path / "t.csv")
    rows = source(path)
    assert sum(batch.num_rows for batch in rows.batches()) == 3
    change(path)
    with rejected() as caught:
        next(rows.batches())
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_joins_a_folder_is_noticed(tmp_path: Path) -> None:
    saved(tmp_path / "1.csv")
    rows = source(tmp_path)
    assert sum(batch.num_rows for batch in rows.batches()) == 3
    saved(tmp_path / "2.csv")
    with rejected():
        next(rows.batches())


def test_a_database_may_change_between_passes(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS x")
        rows = source(f"sqlite:///{tmp_path}/t.db", table="t")
        assert next(rows.batches()).to_pylist() == [{"x": 7}]
        connection.execute("INSERT INTO t VALUES (8)")
        connection.commit()
        assert [b.to_pylist() for b in rows.batches()] == [[{"x": 7}]]
    assert rows.table().n_rows == 2


# test_streams.py has the methods of estimators.
TAKERS: dict[str, Callable[[Any, Path], Any]] = {
    "fit_encoding": lambda X, _: fit_encoding(X).encode(X),
    "n_missing": lambda X, _: MAP.encoding.n_missing(X),
    "rows_of": lambda X, _: MAP.rows_of(X),
    "nearest": lambda X, _: MAP.nearest(X)[1],
    "suggest": lambda X, _: str(SOM.suggest(X, n_samples=20, n_seeds=2, random_state=0)),
    "fitted encoder": lambda X, _: SOM(3, 4, encoder=TableEncoder().fit(X)).fit(X).codebook_,
    "scores": lambda X, _: DETECTOR.scores(X),
    "p_values": lambda X, _: DETECTOR.p_values(X),
    "flags": lambda X, _: DETECTOR.flags(X),
    "contributions": lambda X, _: DETECTOR.contributions(X),
    "reasons": lambda X, _: str(DETECTOR.reasons(X)),
    "counterfactuals": lambda X, _: str(DETECTOR.counterfactuals(X)),
    "label_share": lambda X, _: DETECTOR.label_share(X, among=X, y=[0, 1] * 30).share,
    "alerts": lambda X, _: cells(DETECTOR.alerts(X, 5).to_table(DETECTOR.map_, X)),
    "drift": lambda X, _: str(DETECTOR.drift(X, X)),
    "quantization_error": lambda X, _: quantization_error(MAP, X),
    "topographic_error": lambda X, _: topographic_error(MAP, X),
    "per": lambda X, _: cells(per(X, "kind").table),
    "write_csv": lambda X, folder: written(folder / "x.csv", lambda path: write_csv(path, X)),
    "write_table": lambda X, folder: written(folder / "x.csv", lambda path: write_table(path, X)),
    "write_sql": lambda X, folder: in_database(X, f"sqlite:///{folder}/x.db"),
}

RNG = np.random.default_rng(0)
TABLE = table_from_frame(
    pd.DataFrame({"a": RNG.random(60), "b": RNG.random(60), "kind": ["x", "y", "z"] * 20})
)
MAP = SOM(3, 4, random_state=0).fit(TABLE).map_
DETECTOR = SOMDetector(random_state=0).fit(TABLE).detector_


def cells(table: Table) -> dict[str, list[str | None]]:
    return {column.name: column.cells.tolist() for column in table.columns}


def written(path: Path, write: Callable[[Path], None]) -> bytes:
    write(path)
    return path.read_bytes()


def in_database(X: Any, url: str) -> dict[str, list[str | None]]:
    write_sql(X, url, "t", run="r", key=range(60))
    return cells(read_table(url, table="t"))


@pytest.mark.parametrize("name", TAKERS)
def test_whatever_takes_a_table_takes_a_source(name: str, tmp_path: Path) -> None:
    path, table = tmp_path / "t.parquet", TABLE
    write_table(path, table)
    take = TAKERS[name]
    np.testing.assert_equal(take(source(path), tmp_path), take(table, tmp_path))


def test_readers_are_imported_before_a_job_limits_its_memory():
    code = (
        "import sys; from somscape.tables.sources import import_reader; "
        "import_reader('x.parquet'); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needed = {f"pyarrow.{name}" for name in ("compute", "csv", "feather", "parquet")}
    assert needed <= set(run.stdout.split())
