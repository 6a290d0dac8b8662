"""Folders and patterns: many files, one table, and rows that know their file."""

import gzip
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet
from texts import rejected
from workbooks import WRITERS

from somscape import _stored
from somscape.errors import InputError
from somscape.tables import Table, _arrow_files, read_table
from somscape.tables.sources import kind_at, paths_of

N_FILES = 40


def refusal(path: Any, **reading: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path, **reading)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def same(one: Table, other: Table) -> None:
    """Check that two tables hold the same columns, to the letter."""
    assert one.names == other.names
    for column, known in zip(one.columns, other.columns, strict=True):
        assert column.cells.tolist() == known.cells.tolist()
        assert (column.style, column.is_number) == (known.style, known.is_number)
        if known.numbers is not None:
            np.testing.assert_array_equal(column.numbers, known.numbers)


def month(number: int) -> pa.Table:
    return pa.table(
        {"id": [3 * number + i for i in range(3)], "amount": [0.5, None, 1.25], "city": ["Ulm"] * 3}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """40 Parquet files, and what Spark leaves beside them."""
    found = tmp_path / "months"
    found.mkdir()
    for number in range(N_FILES):
        parquet.write_table(month(number), found / f"part-{number:02}.parquet")
    (found / "_SUCCESS").touch()
    (found / ".part-00.parquet.crc").write_bytes(b"crc")
    return found


def test_a_folder_of_forty_files(folder: Path) -> None:
    table = read_table(folder)
    assert table.source == "months"
    assert table.shape == (120, 3)
    assert table.column("id").numbers.tolist() == list(range(120))
    assert table.where(112) == "part-37.parquet, row 1"
    assert table.take([5, 112]).where(1) == "part-37.parquet, row 1"
    assert table.take(np.arange(120) == 112).where(0) == "part-37.parquet, row 1"
    assert table.notes == ("40 files, part-00.parquet to part-39.parquet",)
    assert len(paths_of(folder)) == N_FILES
    assert kind_at(folder) == "arrow"


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "lacks": (
        lambda p: parquet.write_table(month(37).drop_columns("city"), p),
        "part-36.parquet lacks column 'city', which part-00.parquet has. Give all files the same",
    ),
    "more": (
        lambda p: parquet.write_table(month(37).append_column("x", pa.array([1, 2, 3])), p),
        "part-36.parquet has column 'x', which part-00.parquet lacks. Give all files the same",
    ),
    "other name": (
        lambda p: parquet.write_table(month(37).rename_columns(["id", "Amount", "city"]), p),
        "part-36.parquet lacks column 'amount', which part-00.parquet has, and has",
    ),
    "twice": (
        lambda p: parquet.write_table(month(37).append_column("id", pa.array([1, 2, 3])), p),
        "part-36.parquet: columns 1 and 4 have the same name 'id'",
    ),
    "type": (
        lambda p: parquet.write_table(
            month(37).set_column(1, "amount", pa.array(["0.5", None, "x"])), p
        ),
        "part-36.parquet: column 'amount' has type string, but type double in part-00.parquet. ",
    ),
    "damage": (
        lambda p: p.write_bytes(p.read_bytes()[:-20]),
        "part-36.parquet cannot be read as a Parquet file. Write the file again",
    ),
    "empty": (lambda p: p.write_bytes(b""), "part-36.parquet cannot be read as a Parquet file"),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_37th_file_is_wrong(folder: Path, what: str) -> None:
    spoil, message = WRONG[what]
    spoil(folder / "part-36.parquet")
    assert refusal(folder).startswith(message)


def test_a_type_is_told_with_the_file_that_has_it(folder: Path) -> None:
    for number in range(N_FILES):  # a column that is empty in the first files
        cells = pa.nulls(3) if number < 20 else pa.array([1, 2, 3])
        path = folder / f"part-{number:02}.parquet"
        parquet.write_table(month(number).set_column(1, "amount", cells), path)
    numbers = read_table(folder).column("amount").numbers
    assert numbers is not None
    assert numbers[60:].tolist() == [1, 2, 3] * 20
    WRONG["type"][0](folder / "part-36.parquet")
    assert "'amount' has type string, but type int64 in part-20.parquet" in refusal(folder)


SECONDS = ["1970-01-01T00:00:00", "1970-01-01T00:00:01"]
TYPES: list[tuple[Any, Any, list[str] | None]] = [
    (pa.array([1]), pa.array([0.5]), ["1.0", "0.5"]),
    (pa.array([2**63 + 1], pa.uint64()), pa.array([-1]), ["9.223372036854776e+18", "-1"]),
    (pa.array([1], pa.int8()), pa.array([2**40]), ["1", str(2**40)]),
    (pa.array(["a"]), pa.array(["b"], pa.large_string()), ["a", "b"]),
    (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), ["a", "b"]),
    (pa.array(["a"]).dictionary_encode(), pa.array(["b"]).dictionary_encode(), ["a", "b"]),
    (pa.array([0], pa.date32()), pa.array([10**9], pa.timestamp("ns")), SECONDS),
    (pa.array([0], pa.timestamp("s")), pa.array([10**9], pa.timestamp("ns")), SECONDS),
    (pa.nulls(1), pa.array(["x"]), [None, "x"]),
    (pa.array(["x"]), pa.nulls(1), ["x", None]),
]


@pytest.mark.parametrize(("one", "other", "cells"), TYPES)
def test_types_that_go_together(tmp_path: Path, one: Any, other: Any, cells: Any) -> None:
    feather.write_feather(pa.table({"x": one}), tmp_path / "1.feather")
    feather.write_feather(pa.table({"x": other}), tmp_path / "2.feather")
    assert read_table(tmp_path).columns[0].cells.tolist() == cells


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1]), pa.array([True])),
        (pa.array(["x"]), pa.array([0], pa.date32())),
        (pa.array([0], pa.timestamp("s")), pa.array([0], pa.timestamp("s", "UTC"))),
        (pa.array(["1"]).dictionary_encode(), pa.array([1])),
    ],
)
def test_types_that_do_not(tmp_path: Path, one: Any, other: Any) -> None:
    feather.write_feather(pa.table({"x": one}), tmp_path / "1.feather")
    feather.write_feather(pa.table({"x": other}), tmp_path / "2.feather")
    with rejected(file="2.feather", column="x", value=other.type, allowed=one.type):
        read_table(tmp_path)


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_long_and_short_files_keep_their_order(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_arrow_files, "LONG", 5)
    monkeypatch.setattr(_stored, "LARGE", 1)
    sizes = [3, 7, 5, 1, 9, 2]
    write = parquet.write_table if ending == "parquet" else feather.write_feather
    for number, size in enumerate(sizes):
        rows = {"n": [number] * size, "row": range(size), "word": [f"w{number % 2}"] * size}
        write(pa.table(rows), tmp_path / f"{number}.{ending}")
    table = read_table(tmp_path)
    numbers = np.repeat(np.arange(6), sizes)
    np.testing.assert_array_equal(table.to_numpy(["n"]).ravel(), numbers)
    assert table.column("word").cells.tolist() == [f"w{n % 2}" for n in numbers]
    rows = table.to_numpy(["row"]).ravel().astype(int)
    named = zip(numbers, rows, strict=True)
    assert [table.where(r) for r in range(27)] == [f"{n}.{ending}, row {r}" for n, r in named]


def test_columns_come_in_any_order(folder: Path) -> None:
    parquet.write_table(month(7).select(["city", "id", "amount"]), folder / "part-07.parquet")
    assert read_table(folder).column("id").numbers.tolist() == list(range(120))


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_the_last_file_decides_with_the_others(tmp_path: Path) -> None:
    parts = {f"part_{i}": "id;rate;code\n7;3;12\n8;4;13\n" for i in range(5)}
    table = read_table(
        write(tmp_path / "d", **parts, part_9="rate;id;code\n3,5;7;x\n1.000,5;8;y\n")
    )
    assert table.column("rate").numbers.tolist() == [3, 4] * 5 + [3.5, 1000.5]
    assert table.column("code").cells.tolist() == ["12", "13"] * 5 + ["x", "y"]
    assert not table.column("code").is_number
    assert table.where(11) == "part_9.csv, line 3"
    assert table.notes[1:] == (
        "delimiter ';'",
        "thousands separators in 'rate'",
        "decimal comma in 'rate'",
    )


def test_what_only_some_files_show_is_told_with_them(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "d", a="x\n1\n", b="x,\n?,\n", c="x,\n-,\n"))
    assert table.notes == (
        "3 files, a.csv to c.csv",
        "empty cells at the end of the lines left out (b.csv and 1 more)",
        "missing cells: 2, written '-', '?'",
    )


def test_packed_and_other_text_tables(tmp_path: Path) -> None:
    write(tmp_path, a="x,y\n1,a\n")
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress(b"x\ty\n2\tb\n"))
    (tmp_path / "c.txt").write_text("x;y\n3;c\n")
    table = read_table(tmp_path)
    assert table.column("x").numbers.tolist() == [1, 2, 3]
    assert "delimiter tab (b.tsv.gz)" in table.notes
    assert kind_at(tmp_path) == "text"


def test_names_of_folders_become_columns(tmp_path: Path) -> None:
    for year, month, kind in [(2025, "12", "a%20b"), (2026, "01", "__HIVE_DEFAULT_PARTITION__")]:
        place = tmp_path / "d" / f"year={year}" / f"month={month}" / f"kind={kind}"
        place.mkdir(parents=True)
        write(place, part="x\n1\n2\n")
        write(tmp_path / "d" / f"year={year}" / "_temporary", part="y\n1\n")
    table = read_table(tmp_path / "d")
    assert table.names == ("x", "year", "month", "kind")
    assert table.column("year").numbers.tolist() == [2025, 2025, 2026, 2026]
    assert table.column("month").numbers.tolist() == [12, 12, 1, 1]
    assert table.column("kind").cells.tolist() == ["a b", "a b", None, None]
    assert table.where(3) == "year=2026/month=01/kind=__HIVE_DEFAULT_PARTITION__/part.csv, line 3"
    same(read_table(str(tmp_path / "d" / "year=*" / "**" / "*.csv")), table)
    one = read_table(str(tmp_path / "d" / "year=2026" / "m*" / "*" / "*.csv"))
    assert one.names == ("x", "month", "kind")
    shutil.move(tmp_path / "d" / "year=2025", tmp_path / "d" / "jahr=2025")
    assert "part.csv contain 'year', 'month', 'kind', but" in refusal(tmp_path / "d")
    assert "part.csv contain 'jahr', 'month', 'kind'." in refusal(tmp_path / "d")


def test_a_column_of_the_files_goes_before_the_name_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "year=2026", part="x,year\n1,26\n2,26\n")
    table = read_table(tmp_path)
    assert table.column("year").numbers.tolist() == [26, 26]
    assert "folder names for 'year' ignored, because the files have the column" in table.notes


def test_patterns(folder: Path) -> None:
    assert read_table(folder / "part-1?.parquet").n_rows == 30
    assert read_table(f"{folder}/part-[01]*.parquet").source == "part-[01]*.parquet"
    assert read_table(f"{folder.parent}/*/part-00.*").where(1) == "months/part-00.parquet, row 1"
    assert read_table(f"{folder}/**.parquet").n_rows == 120
    assert read_table(f"{folder.parent}/**/*.parquet").n_rows == 120
    message = refusal(f"{folder}/prt-*.parquet")
    assert message.startswith("No file matches the pattern '")
    assert "(did you mean 'part-" in message
    assert "(the folder contains 'part-00.parquet'" in refusal(f"{folder}/*.xyz")
    assert "check the name of the folder" in refusal(f"{folder}/none/*.csv")
    assert "such as 'months'. Add /*.csv" in refusal(f"{folder.parent}/mon*")


def test_names_that_hold_signs_of_patterns(tmp_path: Path) -> None:
    odd = write(tmp_path / "d[1]", a="x\n1\n")
    (odd / "b[2]*.csv").write_text("x\n2\n")
    (odd / "b2.csv").write_text("x\n3\n")
    assert read_table(odd / "b[2]*.csv").column("x").numbers.tolist() == [2]
    assert read_table(odd).column("x").numbers.tolist() == [1, 3, 2]
    assert read_table(odd / "*.csv").column("x").numbers.tolist() == [1, 3, 2]
    assert read_table(odd / "b?.csv").column("x").numbers.tolist() == [3]


def test_what_is_no_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("https://example.com/*.csv", "s3://bucket/*.parquet"):
        assert "pattern" not in refusal(url)
    assert paths_of("-") == [Path("-")]


def test_folders_without_a_table(tmp_path: Path) -> None:
    assert "does not contain tables (.csv, .parquet, .xlsx, ...). " in refusal(tmp_path)
    (tmp_path / "_SUCCESS").touch()
    assert "...). Check the name." in refusal(tmp_path)
    write(tmp_path / "2026-01", a="x\n1\n")
    (tmp_path / "notes.md").touch()
    assert ", only '2026-01/', 'notes.md'. Give a pattern" in refusal(tmp_path)
    write(tmp_path, a="x\n1\n2\n")
    assert "left out of the folder: '2026-01/', 'notes.md'" in read_table(tmp_path).notes


def test_folders_of_several_kinds(folder: Path) -> None:
    write(folder, a="id,amount,city\n1,2,Ulm\n")
    message = refusal(folder)
    assert message.startswith(
        "months contains files of several kinds, such as 'a.csv', 'part-00.parquet'"
    )
    assert read_table(folder / "*.parquet").n_rows == 120


def test_workbooks(tmp_path: Path) -> None:
    parts = ([["n", "c"], [1, "x"], [2.5, "y"]], [["c", "n"], ["z", 3], ["7", 4]])
    for number, rows in enumerate(parts):
        (tmp_path / f"{number}.xlsx").write_bytes(WRITERS[".xlsx"]({"S": rows}))
    table = read_table(tmp_path)
    assert table.column("n").numbers.tolist() == [1, 2.5, 3, 4]
    assert table.column("c").cells.tolist() == ["x", "y", "z", "7"]
    assert table.where(2) == "1.xlsx, line 2"
    (tmp_path / "2.xlsx").write_bytes(
        WRITERS[".xlsx"]({"S": [["n", "c"], ["many", "x"], [5, "y"]]})
    )
    assert not read_table(tmp_path, sheet="S").column("n").is_number
    assert "0.xlsx has no sheet 'T'" in refusal(tmp_path, sheet="T")


PARTS_OF_SHEETS: dict[str, list[list[Any]]] = {
    "marks": [["-", "?"], ["+"], ["-"]],
    "words": [["-", 5], ["7,5", None], [2.25]],
    "numbers": [[1, 2], [2.5], ["NA", 4]],
    "asked": [[999, "none"], [7, 8], ["999.0"]],
    "days": [["2026-01-31"], ["-"], [None, "2026-02-01"]],
}


@pytest.mark.parametrize("missing_values", [None, ["999", "none"]])
@pytest.mark.parametrize("what", PARTS_OF_SHEETS)
def test_workbooks_in_parts_are_the_workbook(
    tmp_path: Path, what: str, missing_values: list[str] | None
) -> None:
    parts = [[["k", cell] for cell in part] for part in PARTS_OF_SHEETS[what]]
    (tmp_path / "parts").mkdir()
    for number, rows in enumerate(parts):
        path = tmp_path / "parts" / f"{number}.xlsx"
        path.write_bytes(WRITERS[".xlsx"]({"S": [["key", "x"], *rows]}))
    whole = WRITERS[".xlsx"]({"S": [["key", "x"], *(row for part in parts for row in part)]})
    (tmp_path / "whole.xlsx").write_bytes(whole)
    expected = read_table(tmp_path / "whole.xlsx", missing_values=missing_values)
    found = read_table(tmp_path / "parts", missing_values=missing_values)
    same(found, expected)
    assert found.notes[1:] == expected.notes
    assert found.where(found.n_rows - 1) == f"{len(parts) - 1}.xlsx, line {len(parts[-1]) + 1}"


CELLS = st.sampled_from(
    (
        "1",
        "-2.50",
        "3,5",
        "1,234",
        "1.234",
        "007",
        "",
        "NA",
        "?",
        "x",
        " y ",
        "$5",
        "7%",
        "a,b",
        "1e5",
    )
)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=2, max_size=9),
    st.sets(st.integers(1, 8)),
)
def test_a_table_in_parts_is_the_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], cuts: set[int]
) -> None:
    rows = [["k", *row] for row in rows]
    folder = tmp_path_factory.mktemp("parts")
    lines = ["key;a;b", *(";".join(row) for row in rows)]
    (folder / "whole.csv").write_text("\n".join(lines))
    ends = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    (folder / "parts").mkdir()
    for number, (begin, end) in enumerate(pairwise(ends)):
        part = [lines[0], *lines[1 + begin : 1 + end]]
        (folder / "parts" / f"{number:02}.csv").write_text("\n".join(part))
    whole, parts = read_table(folder / "whole.csv"), read_table(folder / "parts")
    same(parts, whole)
    assert parts.notes[1:] == whole.notes
