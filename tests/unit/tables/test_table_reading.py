"""Text files that must read, and what is noted about them."""

import csv
import gzip
import io
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from texts import rejected

from somscape._stored import Budget
from somscape.errors import InputError
from somscape.tables import Column, Table, _split, read_table, table_from_columns, write_table
from somscape.tables._dates import looks_like_dates
from somscape.tables._header import split_header
from somscape.tables._split import SplitRecords
from somscape.tables._text import TextFile


def read(folder: Path, text: str | bytes, name: str = "t.csv", **options: str) -> Table:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, **options)


def one_column(folder: Path, cells: list[str], **options: str) -> Column:
    """A column `x` beside an id, in a file delimited by semicolons."""
    lines = [f"{number};{cell}" for number, cell in enumerate(cells, 1)]
    return read(folder, "\n".join(["id;x", *lines]), **options).column("x")


def test_blocks_of_a_wide_table_have_several_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, parsed = list[int](), _split._parsed

    def counted(letters: Any, *given: Any) -> Any:
        found = parsed(letters, *given)
        sizes.append(len(found[0]))
        return found

    monkeypatch.setattr(_split, "_parsed", counted)
    lines = [",".join(f"{row + column / 10:.1f}" for column in range(3000)) for row in range(60)]
    table = read(tmp_path, "\n".join([",".join(f"c{i}" for i in range(3000)), *lines]))
    assert table.column("c2999").numbers.tolist() == [row + 299.9 for row in range(60)]
    assert len(sizes) < 10


def test_article_file_is_read_whole(article_file: Path) -> None:
    table = read_table(article_file)
    assert table.shape == (690, 16)
    assert table.column("CustomerID").numbers.sum() == 10_826_424_670
    assert table.column("A14").numbers.sum() == 702_686
    assert all(column.is_number and column.n_missing == 0 for column in table.columns)
    assert table.notes == ()


def test_cells_are_stripped_and_numbers_parsed(tmp_path: Path) -> None:
    table = read(tmp_path, "id, name ,x,y\n7, Ann Lee,-1.5e3,a \n8,Bo, 1e300 ,\u00e9\u00a0\n")
    assert table.names == ("id", "name", "x", "y")
    assert table.column("name").cells.tolist() == ["Ann Lee", "Bo"]
    assert table.column("y").cells.tolist() == ["a", "\u00e9"]
    assert table.column("x").numbers.tolist() == [-1500.0, 1e300]
    assert table.column("x").cells.tolist() == ["-1.5e3", "1e300"]
    assert list(table.lines) == [2, 3]


@pytest.mark.parametrize("word", ["", "NA", "n/a", "?", "NULL", "nan", "-", "  NaN "])
def test_missing_words(tmp_path: Path, word: str) -> None:
    table = read(tmp_path, f"x,y\n1,a\n{word},{word}\n2,b\n")
    np.testing.assert_array_equal(table.column("x").numbers, [1, np.nan, 2])
    assert table.column("y").cells.tolist() == ["a", None, "b"]
    form = f"'{word.strip()}'" if word.strip() else "blank"
    assert table.notes == (f"missing cells: 2, written {form}",)


def test_column_without_a_present_cell_is_of_missing_numbers(tmp_path: Path) -> None:
    column = read(tmp_path, "x,y\n1,\n2,?\n").column("y")
    assert column.is_number
    assert not column.is_whole
    assert (column.n_missing, column.n_distinct) == (2, 0)


@pytest.mark.parametrize(
    ("delimiter", "note"), [(";", "delimiter ';'"), ("\t", "delimiter tab"), ("|", "delimiter '|'")]
)
def test_delimiter_is_detected_beside_commas(tmp_path: Path, delimiter: str, note: str) -> None:
    lines = ["id,x|name|rate", "1|Lee, Ann|3,5", '2|"a|b"|4,25']
    table = read(tmp_path, "\n".join(lines).replace("id,x|", "id|").replace("|", delimiter))
    assert table.column("name").cells.tolist() == ["Lee, Ann", f"a{delimiter}b"]
    assert table.column("rate").numbers.tolist() == [3.5, 4.25]
    assert note in table.notes


def test_delimiter_given_wins(tmp_path: Path) -> None:
    table = read(tmp_path, "a;b,c\n1;2,3\n", delimiter=",")
    assert table.names == ("a;b", "c")
    assert read(tmp_path, "a\tb\n1\t2\n", delimiter="tab").shape == (1, 2)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("x\n3\n4\n", ["3", "4"]),
        ("x\n3,14\n2,71\n", ["3,14", "2,71"]),
        ("note\nhello, world\nplain\n", ["hello, world", "plain"]),
        ('x\n"a,b"\n""\n', ["a,b", None]),
        ("x\n1\n\n2\n\n\n", ["1", "2"]),
    ],
)
def test_one_column(tmp_path: Path, text: str, cells: list[str | None]) -> None:
    table = read(tmp_path, text)
    assert table.columns[0].cells.tolist() == cells


def test_excel_declares_the_delimiter(tmp_path: Path) -> None:
    table = read(tmp_path, "sep=;\r\na,x;b\r\n1;2\r\n")
    assert table.names == ("a,x", "b")
    assert table.where(0) == "t.csv, line 3"
    assert table.notes == ("delimiter ';'",)


def test_names_that_are_numbers_are_noted(tmp_path: Path) -> None:
    table = read(tmp_path, ",2024,2025\na,6,7\n")
    assert table.names == ("column_1", "2024", "2025")
    assert table.notes[0] == "the names on line 1 are numbers"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_blank_lines(tmp_path: Path, end: str) -> None:
    text = end.join(["", "id,note", '1,"two', 'lines"', "", "2,b", "  ", "", ""])
    table = read(tmp_path, text)
    assert table.column("note").cells.tolist() == [f"two{end}lines", "b"]
    assert list(table.lines) == [3, 6]
    assert table.where(1) == "t.csv, line 6"


@pytest.mark.parametrize("last", ["", "\n", "\r\n", "\r\n\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_plain_numbers_keep_no_text(tmp_path: Path, end: str, last: str) -> None:
    table = read(tmp_path, end.join(["id,x", "7,-0.50", "8,12"]) + last)
    assert [column.has_plain_numbers for column in table.columns] == [True, True]
    assert table.column("x").cells.tolist() == ["-0.50", "12"]


def test_arrow_splits_rows_that_are_longer_than_a_block(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_split, "_any_block", None)
    rows = [",".join(f"{name}{i}" for i in range(5000)) for name in "xab"]
    table = read(tmp_path, "\n".join(rows))
    assert table.shape == (2, 5000)
    assert table.column("x4999").cells.tolist() == ["a4999", "b4999"]


CELL = st.text('a1 "\n\r', max_size=5) | st.sampled_from(
    ['"a, ""b"" c"', '"a, "', ' "a"', 'a""b', '""']
)


@given(st.lists(st.tuples(CELL, CELL), min_size=1), st.sampled_from(["\n", "\r\n"]))
@example([("1", "2\r3,4\n"), ("5", "6")], "\n")
def test_quotes_and_line_ends_mean_what_they_mean_to_the_csv_module(
    tmp_path_factory, rows, end
) -> None:
    folder = tmp_path_factory.mktemp("quotes")
    lines = [",".join(cells).replace("\n", end) for cells in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_split, "PART", 5)
        found = rows_or_none(folder, end.join(["x,y", *lines]))
    # A blank line is left to the csv module.
    assert found == rows_or_none(folder, end.join(["x,y", "", *lines]), n_blank=1)


def rows_or_none(folder: Path, text: str, n_blank: int = 0) -> list[list[object]] | None:
    """The cells of each column and the lines of the rows, None where the text is refused."""
    try:
        table = read(folder, text)
    except InputError:
        return None
    lines = [int(line) - n_blank for line in table.lines]
    return [*(column.cells.tolist() for column in table.columns), lines]


def test_trailing_delimiters_are_left_out(tmp_path: Path) -> None:
    table = read(tmp_path, "id;x;;\n1;2;;\n3;4;;\n;;;\n")
    assert table.names == ("id", "x")
    assert table.to_numpy().tolist() == [[1, 2], [3, 4]]
    assert "empty cells at the end of the lines left out" in table.notes
    assert "1 empty row at the end left out" in table.notes


def test_unnamed_columns_get_names(tmp_path: Path) -> None:
    table = read(tmp_path, ",x,,column_3\n0,5,a,b\n1,6,c,d\n")
    assert table.names == ("column_1", "x", "column_3_", "column_3")
    assert table.notes[0] == "column 1 without a name, called 'column_1'"


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", "byte order mark, encoding utf-8"),
        ("utf-16", "byte order mark, encoding utf-16-le"),
        ("cp1252", "encoding cp1252, because it is not UTF-8"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, note: str | None) -> None:
    table = read(tmp_path, "größe,b\n5 €,ü\n".encode(encoding))
    assert table.names == ("größe", "b")
    assert table.column("größe").numbers.tolist() == [5]
    assert note is None or note in table.notes


def test_encoding_given_wins(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\nж,1\n".encode("koi8-r"), encoding="koi8-r")
    assert table.column("a").cells.tolist() == ["ж"]
    assert read(tmp_path, "\ufeffa,b\n1,2\n", encoding="utf-8").names == ("a", "b")


def test_gzip_by_ending_and_by_content(tmp_path: Path) -> None:
    data = gzip.compress(b"a,b\n1,2\n", mtime=0)
    assert read(tmp_path, data, "t.csv.gz").shape == (1, 2)
    assert read(tmp_path, data, "t.csv").shape == (1, 2)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    table = read_table("-")
    assert table.where(0) == "<stdin>, line 2"


@pytest.fixture
def cell_limit() -> Iterator[int]:
    """The csv module's limit, one for the process, put back."""
    limit = csv.field_size_limit(10_000)
    yield 10_000
    csv.field_size_limit(limit)


def test_long_cells_are_read_while_another_thread_ends_reading(cell_limit: int) -> None:
    data = b"a,b\n1,2\n" + b"x" * 200_000 + b",3\n"
    budget = Budget("t.csv", len(data))
    first, second = (iter(SplitRecords(TextFile(data), ",", budget)) for _ in range(2))
    assert next(first) == next(second)
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(list, first).result()) == 2
    assert [len(cells[0]) for _, cells in second] == [1, 200_000]


# Worked by hand from the rule; the file is delimited by semicolons.
@pytest.mark.parametrize(
    ("cells", "numbers", "style"),
    [
        (["3,14", "-2,5", "7"], [3.14, -2.5, 7], "decimal comma"),
        (["$1,234.50", "$-3.00", "12"], [1234.5, -3, 12], "currency $, thousands separators"),
        (["-$5", "$2"], [-5, 2], "currency $"),
        (
            ["71,22-", "5,5", "1.007,25-"],
            [-71.22, 5.5, -1007.25],
            "thousands separators, decimal comma",
        ),
        (["1 234,50 €", "2,00 €"], [1234.5, 2], None),
        (["1\u202f234,50\u00a0€", "2,00 €"], [1234.5, 2], None),
        (["1.234,56", "-12,3"], [1234.56, -12.3], "thousands separators, decimal comma"),
        (["1'234.5", "1\u2019000", "12"], [1234.5, 1000, 12], "thousands separators"),
        (["1,234,567", "12"], [1234567, 12], "thousands separators"),
        (["1.234.567", "12"], [1234567, 12], "thousands separators"),
        (["EUR 12", "EUR 7.5"], [12, 7.5], "currency EUR"),
        (["12 %", "3%", "7"], [12, 3, 7], "percent"),
        (["(123.45)", "7"], [-123.45, 7], "negatives in parentheses"),
        (["\u22125", "3"], [-5, 3], ""),
        (["0", "0.5", ".5", "5.", "+3.2e1"], [0, 0.5, 0.5, 5, 32], ""),
        (["0,123", "1,234"], [0.123, 1.234], "decimal comma"),
        (["1,234", "12.5"], [1234, 12.5], "thousands separators"),
    ],
)
def test_number_styles(
    tmp_path: Path, cells: list[str], numbers: list[float], style: str | None
) -> None:
    column = one_column(tmp_path, cells)
    assert column.numbers is not None
    assert column.numbers.tolist() == numbers
    assert column.cells.tolist() == cells
    assert style is None or column.style == style


@pytest.mark.parametrize(
    "cells",
    [
        ["$5", "€6"],
        ["1,23,456", "7"],
        ["12,34.5", "7"],
        ["0,123,456", "7"],
        ["1_000", "2"],
        ["-nan", "2"],
        ["BOX 12", "BOX 13"],
        ["--5", "1"],
        ["(-5)", "1"],
        ["(5", "1"],
        ["$5 EUR", "1"],
        ["١٢", "1"],
        ["10.0.0.1", "10.0.0.2"],
        ["1 2", "1"],
        ["12:30", "11"],
        ["true", "false"],
    ],
)
def test_what_is_no_number_stays_text(tmp_path: Path, cells: list[str]) -> None:
    column = one_column(tmp_path, cells)
    assert not column.is_number
    assert column.problem is None
    assert column.style == ""
    assert column.cells.tolist() == cells


@pytest.mark.parametrize("cells", [["00123", "00007"], ["007", "12"], ["000", "1.5"]])
def test_ids_with_leading_zeros_stay_text(tmp_path: Path, cells: list[str]) -> None:
    table = read(tmp_path, "id,x\n" + "\n".join(f"{cell},1" for cell in cells))
    assert table.column("id").cells.tolist() == cells
    assert table.column("id").numbers is None
    assert table.notes == ("leading zeros, kept as text, in 'id'",)


def test_lone_comma_is_thousands_in_a_comma_file(tmp_path: Path) -> None:
    table = read(tmp_path, 'id,x\n1,"1,234"\n2,"5,678"\n')
    assert table.column("x").numbers.tolist() == [1234, 5678]
    assert table.notes == (
        "thousands separators in 'x'",
        "'1,234' read as 1234 in 'x'",
    )


def test_lone_comma_is_decimal_in_a_semicolon_file(tmp_path: Path) -> None:
    table = read(tmp_path, "id;x\n1;1,234\n2;5,678\n")
    assert table.column("x").numbers.tolist() == [1.234, 5.678]
    assert "'1,234' read as 1.234 in 'x'" in table.notes


@pytest.mark.parametrize(
    ("other", "x", "expected"),
    [
        ("3,5", "1,234", 1.234),
        ("3.5", "1,234", 1234),
        ("3,5", "1.234", 1234),
        ("3,5", "0.234", 0.234),
        ("3.5", "1.234", 1.234),
        ("3", "1.234", 1.234),
    ],
)
def test_other_columns_settle_the_decimal_mark(
    tmp_path: Path, other: str, x: str, expected: float
) -> None:
    table = read(tmp_path, f"other;x\n{other};{x}\n{other};{x}\n")
    assert table.column("x").numbers.tolist() == [expected, expected]


def test_plain_dots_stay_decimal_in_a_comma_file(tmp_path: Path) -> None:
    table = read(tmp_path, 'other,x\n"3,5",1.234\n"2,75",5.678\n')
    assert table.column("other").numbers.tolist() == [3.5, 2.75]
    assert table.column("x").numbers.tolist() == [1.234, 5.678]


@pytest.mark.parametrize(
    ("decimal", "x", "expected"), [(".", "1,234", 1234), (",", "1.234", 1234), (",", "1,2", 1.2)]
)
def test_decimal_given_wins(tmp_path: Path, decimal: str, x: str, expected: float) -> None:
    assert one_column(tmp_path, [x], decimal=decimal).numbers.tolist() == [expected]


def test_nearly_numbers_are_text_with_a_problem(tmp_path: Path) -> None:
    cells = ["1"] * 9 + ["abc"]
    column = one_column(tmp_path, cells)
    assert column.numbers is None
    assert column.problem == (
        "t.csv, line 11, column 'x': 'abc' is not a number, but 9 of 10 values are. Correct or"
        " remove the value, name it as a missing value, drop the column, or use it as a category."
    )
    assert one_column(tmp_path, cells[1:]).problem is None  # nine cells
    assert one_column(tmp_path, [*cells, "abc"]).problem is None  # 9 of 11


@pytest.mark.parametrize("cell", ["inf", "-inf", "Infinity", "1e400", "∞"])
@pytest.mark.parametrize("other", ["2", "2,5"])
def test_infinity_among_numbers_is_a_problem(tmp_path: Path, cell: str, other: str) -> None:
    column = one_column(tmp_path, [other, cell])
    assert column.numbers is None
    assert column.problem == (
        f"t.csv, line 3, column 'x': {cell!r} is not a finite number, but 1 of 2 values are."
        " Correct or remove the value, drop the column, or use it as a category."
    )


def test_infinity_among_words_is_a_word(tmp_path: Path) -> None:
    assert one_column(tmp_path, ["inf", "sup", "max"]).problem is None


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2026-01-31", "2025-12-01"], True),
        (["2026-01-31T10:00:00Z", "2026-01-31 10:00:00.5", "2026-01-31"], True),
        (["31.01.2026", "1.2.26", "?"], True),
        (["12/31/2025", "1/2/2026 11:59 PM"], True),
        (["31/12/2025", "1/2/2026"], True),
        (["31 Jan 2026", "1-Feb-26"], True),
        (["Jan 31, 2026", "February 1, 2026"], True),
        (["2026-01-31", "31.01.2026"], False),
        (["2026-13-31", "2026-01-01"], False),
        (["Ulm", "Bonn"], False),
        (["20260131", "20260201"], False),
        (["", ""], False),
    ],
)
def test_dates_are_text_and_recognised(tmp_path: Path, cells: list[str], expected: bool) -> None:
    column = one_column(tmp_path, cells)
    assert looks_like_dates(column) is expected
    assert column.is_number is (cells[0] in ("", "20260131"))


# Tables longer than a block


CELLS = ("1", "-2.5", "", "NA", " x ", "\u00e4", "\U0001f600", 'a "b"', "two\nlines", "c,d", "007")


@pytest.mark.parametrize("n_columns", [1, 3, 40])
def test_every_cell_of_a_long_table_is_where_it_was(tmp_path: Path, n_columns: int) -> None:
    rng = np.random.default_rng(n_columns)
    rows = [[CELLS[i] for i in rng.integers(len(CELLS), size=n_columns)] for _ in range(6000)]
    rows[-1] = ["x"] * n_columns  # no empty row at the end
    numbers = rng.normal(size=len(rows)).round(3)
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"c{i}" for i in range(n_columns)), "number"])
        writer.writerows([*row, str(v)] for row, v in zip(rows, numbers.tolist(), strict=True))
    table = read_table(tmp_path / "t.csv")
    assert table.n_rows == len(rows)
    for i in range(n_columns):
        expected = [None if row[i] in ("", "NA") else row[i].strip() for row in rows]
        column = table.column(f"c{i}")
        assert list(column.each_cell()) == expected
        assert column.cells.tolist() == expected
        assert column.missing.tolist() == [cell is None for cell in expected]
        assert not column.is_number
    np.testing.assert_array_equal(table.column("number").numbers, numbers)
    starts = np.cumsum([2, *(1 + sum("\n" in cell for cell in row) for row in rows[:-1])])
    np.testing.assert_array_equal(np.asarray(table.lines), starts)


@pytest.mark.parametrize(
    ("late", "is_number", "style", "problem"),
    [
        ("12.5", True, "", None),
        ("1,234", True, "thousands separators", None),
        ("word", False, "", "'word' is not a number, but 20000 of 20001 values are"),
        ("inf", False, "", "'inf' is not a finite number"),
        ("nan", True, "", None),
        ("007", False, "", None),
        ("1_0", False, "", "'1_0' is not a number"),
        (".5", True, "", None),
        ("5.", True, "", None),
        ("-07", True, "", None),
        ("+7", True, "", None),
    ],
)
def test_the_last_of_many_different_cells_counts(tmp_path, late, is_number, style, problem) -> None:
    cells = [str(i) for i in range(20_000)]
    text = "id;x\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate([*cells, late]))
    column = read(tmp_path, text).column("x")
    assert (column.is_number, column.style) == (is_number, style)
    assert (column.problem is None) == (problem is None)
    assert problem is None or problem in str(column.problem)
    if is_number:
        assert column.numbers[:3].tolist() == [0, 1, 2]
        assert column.cell(20_000) == (None if late == "nan" else late)


@pytest.mark.parametrize(
    "odd", ["\n", '5" disk,1,x\n', '1, "a, b",x\n', "1,2\r3,4,y\r\n", '"two\nlines",2,z\n', "  \n"]
)
def test_an_odd_line_changes_nothing_but_itself(tmp_path: Path, odd: str) -> None:
    rows = [f"{i},{i / 8},{'abc'[i % 3]}\n" for i in range(20_000)]
    text = "".join(["n,x,kind\n", *rows[:9000], odd, *rows[9000:], ",,\n,,\n"])
    if "\r" in odd:
        with rejected(line=9002):
            read(tmp_path, text)
        return
    table = read(tmp_path, text)
    records = [r for r in csv.reader(io.StringIO(text, newline=""), skipinitialspace=True) if r]
    records = [r for r in records[1:] if any(cell.strip() for cell in r)]
    expected = [list(column) for column in zip(*records, strict=True)]
    assert [column.cells.tolist() for column in table.columns] == expected
    end = text.count("\n") - 1
    assert list(table.lines)[:9000] == [*range(2, 9002)]
    assert list(table.lines)[-11_000:] == [*range(end - 11_000, end)]
    assert "2 empty rows at the end left out" in table.notes


def test_a_table_of_many_columns_is_read_and_one_of_nothing_else_refused(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(3000))
    table = read(tmp_path, f"{names}\n{','.join(['1.5'] * 3000)}\n")
    assert table.shape == (1, 3000)
    names = ",".join(f"column {i}" for i in range(20_000))
    with rejected(file="t.csv"):
        read(tmp_path, f"{names}\n{','.join(['1.5'] * 20_000)}\n")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n" + b"1\n" * 500_000)
    with rejected(file="t.csv.gz"):
        read(tmp_path, packed, "t.csv.gz")
    two = gzip.compress(b"a\n1\n") + gzip.compress(b"2\n")
    assert read(tmp_path, two, "t.csv.gz").n_rows == 2
    pq = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    pq.write_table(pa.table({"a": np.ones(10_000_000)}), tmp_path / "t.parquet")
    with rejected(file="t.parquet", value=80000000):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("late", "value"), [("1,5", 1.5), ("$ 5", 5), ("7-", -7), ("12 %", 12), ("+3", 3)]
)
def test_what_only_the_last_cell_shows_is_followed(tmp_path: Path, late: str, value: float) -> None:
    cells = [str(i) for i in range(20_000)]
    text = "id;x\n" + "".join(f"k;{cell}\n" for cell in [*cells, late])
    column = read(tmp_path, text).column("x")
    assert column.numbers is not None
    assert column.numbers[-1] == value
    assert column.numbers[:3].tolist() == [0, 1, 2]


def test_whole_numbers_beyond_floats_stay_apart(tmp_path: Path) -> None:
    ids = [10**18 + i for i in range(50)]
    table = read(tmp_path, "id,x\n" + "".join(f"{i},{i % 7}\n" for i in ids))
    column = table.column("id")
    assert (column.is_exact, column.n_distinct) == (False, 50)
    assert table.to_arrow().column("id").to_pylist() == [str(i) for i in ids]
    write_table(tmp_path / "t.parquet", table)
    assert read_table(tmp_path / "t.parquet").column("id").cells.tolist() == [str(i) for i in ids]


@pytest.mark.parametrize("cell", [' ""', ' "q"', ' "a, b"'])
def test_quotes_after_a_blank_are_quotes(tmp_path: Path, cell: str) -> None:
    table = read(tmp_path, f"a,b,c\n1,{cell},x\n{cell},2,y\n")
    inner = cell.strip().strip('"') or None
    assert table.column("b").cells.tolist() == [inner, "2"]
    assert table.column("a").cells.tolist() == ["1", inner]


@pytest.mark.parametrize("word", ["vide", "VIDE", "\u00e9teint", "\u00c9TEINT"])
def test_a_word_for_missing_cells_may_have_any_case(tmp_path: Path, word: str) -> None:
    table = read(tmp_path, "a,b\n\u00c9teint,Vide\nbon,x\n", missing_values=[word])
    n_missing = [column.n_missing for column in table.columns]
    assert n_missing == ([0, 1] if word.lower() == "vide" else [1, 0])


def test_a_number_may_mean_missing_however_it_is_written(tmp_path: Path) -> None:
    text = "a;b;c\n1;999,00;999\n999;5,5;x\n3;7,25;y\n"
    table = read(tmp_path, text, missing_values=["999", "never"])
    assert table.column("b").cells.tolist() == [None, "5,5", "7,25"]
    assert [column.n_missing for column in table.columns] == [1, 1, 1]
    assert "no cell contains 'never', given as a missing value" in table.notes


TITLED = "a,b,c\n1,2,x\n3,4,y\n5,6,z\n"


@pytest.mark.parametrize(
    ("above", "note"),
    [
        ("", None),
        ("Report of January\n\n", "1 title line above the column names left out: 'Report of"),
        ("Report of January,,\nmade,,\n", "2 title lines above the column names left out: "),
        ('"Sales, in EUR"\nRegion North\n\n', "2 title lines above the column names left out: "),
    ],
)
def test_lines_above_the_names_are_left_out(tmp_path: Path, above: str, note: str | None) -> None:
    for mark, encoding in ((",", "utf-8"), (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8-sig")):
        text = above.replace(",,", mark * 2) + TITLED.replace(",", mark).replace("z", "Zoë")
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        table = read_table(tmp_path / "t.csv")
        assert [column.name for column in table.columns] == ["a", "b", "c"]
        assert table.column("c").cells.tolist() == ["x", "y", "Zoë"]
        assert table.where(0).endswith(f"line {above.count(chr(10)) + 2}")
        assert sum("title" in each for each in table.notes) == (note is not None)
        assert note is None or any(each.startswith(note) for each in table.notes)


def test_cells_that_repeat_below_are_not_names(tmp_path: Path) -> None:
    table = read(tmp_path, "Report\n2024,,2025,\na,b,c,d\n1,,3,\n4,5,6,7\n")
    assert table.names == ("2024 a", "2024 b", "2025 c", "2025 d")  # empty cells are not names


@pytest.mark.parametrize("title", ["Orders\n", "Orders\nDecember\n"])
def test_a_cell_below_a_title_can_repeat_the_name_of_its_column(tmp_path: Path, title: str) -> None:
    lines = [f"k{i},{['unit', 'kg', 'box'][i % 3]},{i * 3},{i}\n" for i in range(20)]
    table = read(tmp_path, title + "kind,unit,EUR,n\n" + "".join(lines))
    assert (table.names, table.n_rows) == (("kind", "unit", "EUR", "n"), 20)


def test_a_title_with_the_delimiter_is_left_out(tmp_path: Path) -> None:
    table = read(tmp_path, "Sales, January 2026\n\nid;a;b\n1;2;x\n2;3;y\n")
    assert table.names == ("id", "a", "b")
    table = read(tmp_path, "Sales, January 2026\n\nid,a,b,c\n1,2,x,z\n2,3,y,z\n")
    assert table.names == ("id", "a", "b", "c")


MERGED = "region,2024,,2025,\n,sales,costs,sales,costs\nN,1,2,3,4\nS,5,6,7,8\n"


@pytest.mark.parametrize("title", ["", "Report\n\n"])
def test_merged_cells_become_a_part_of_each_name(tmp_path: Path, title: str) -> None:
    table = read(tmp_path, title + MERGED)
    names = ["region", "2024 sales", "2024 costs", "2025 sales", "2025 costs"]
    assert [column.name for column in table.columns] == names
    assert table.to_numpy(["2025 sales"]).ravel().tolist() == [3, 7]
    first = 1 + title.count("\n")
    note = f"column names from lines {first} and {first + 1}, such as '2025 costs'"
    assert note in table.notes
    assert sum("header" in getattr(each, "options", "") for each in table.notes) == 1
    assert read_table(tmp_path / "t.csv", header=first + 1).names == tuple(names)
    assert read_table(tmp_path / "t.csv", header=first).names[:3] == ("region", "2024", "column_3")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (",x,y\nr1,ann,rome\nr2,bob,pisa\n", ["column_1", "x", "y"]),  # names of rows from R
        (",x,y\nr1,NA,NA\nr2,1,2\n", ["column_1", "x", "y"]),
        (",x,y\nr1,,\nr2,1,2\n", ["column_1", "x", "y"]),
        ("id,a,,b\nu,ann,smith,rome\nv,bob,jones,7\n", ["id", "a", "column_3", "b"]),
        ("a,,b\nx,y,z\n1,2,3\n", ["a", "column_2", "b"]),
        ("1,2,3\n4,5,6\n7,8,9\n", ["1", "2", "3"]),
        ("id,2023,2024\nx,1,2\ny,3,4\n", ["id", "2023", "2024"]),
        ("name,city,job\nann,rome,nurse\nbob,pisa,cook\n", ["name", "city", "job"]),
        ("comment\nyes, good\nno, bad\nwell, fine, ok\n", ["comment"]),
        ("address\nunknown\n1 Main St, Bath, UK\n2 Oak Rd, Bath, UK\n", ["address"]),
        ("a,b,c\nx,,\ny,,\nz,1,\n", ["a", "b", "c"]),
        ("a,b,,\nann,hr,tbd,x\nbob,it,3,4\ncy,hr,5,6\n", ["a", "b", "column_3", "column_4"]),
    ],
)
def test_the_first_line_stays_the_header(tmp_path: Path, text: str, names: list[str]) -> None:
    table = read(tmp_path, text)
    assert [column.name for column in table.columns] == names
    assert not any("title" in note or "names from" in note for note in table.notes)


ORDINARY_CELLS = st.sampled_from(
    ["", "NA", "?", "1", "2024", "3,5", "-7.25", "ann", "Rome", "x y", "é"]
)
ORDINARY_NAMES = st.sampled_from([*"abcde", "2023", "2024", "unit price", "sales EUR", "é"])


@pytest.mark.nightly
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_an_ordinary_table_is_read_from_its_first_line(tmp_path_factory, data) -> None:
    n = data.draw(st.integers(1, 7))
    names = data.draw(st.lists(ORDINARY_NAMES, min_size=n, max_size=n, unique=True))
    row = st.lists(ORDINARY_CELLS, min_size=n, max_size=n)
    rows = data.draw(st.lists(row.filter(any), min_size=1, max_size=12))
    mark = data.draw(st.sampled_from(",;\t|"))
    path = tmp_path_factory.getbasetemp() / "ordinary.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=mark).writerows([names, *rows])
    for delimiter in (mark, None):
        table = read_table(path, delimiter=delimiter, missing_values=[])
        assert (table.names, table.n_rows) == (tuple(names), len(rows))
        assert table.where(0).endswith("line 2")


def test_a_name_in_a_later_line_suggests_the_line(tmp_path: Path) -> None:
    text = "Report,,\nregion,stock,price\nRegion name,Stock (pcs),Price (EUR)\nN,1,2\nS,3,4\n"
    with pytest.raises(InputError) as caught:
        read(tmp_path, text).column("Price (EUR)")
    assert caught.value.options == "--header 3"
    assert "line 3 contains this text" in str(caught.value)
    assert "`header=3`" in str(caught.value)
    assert read_table(tmp_path / "t.csv", header=3).names[2] == "Price (EUR)"
    for other in (read_table(tmp_path / "t.csv"), table_from_columns({"a": ["Price", "c"]})):
        with pytest.raises(InputError) as caught:
            other.column("Price")
        assert caught.value.options == ""


def test_the_header_is_in_the_given_line(tmp_path: Path) -> None:
    text = 'A "broken" title, with "quotes\nof;two lines\n\nid;a;b\n1;"x\ny";2\n3;z;4\n'
    for ends in ("\n", "\r\n", "\r"):
        (tmp_path / "t.csv").write_bytes(text.replace("\n", ends).encode())
        table = read_table(tmp_path / "t.csv", header=np.int64(4))
        assert (table.names, table.n_rows) == (("id", "a", "b"), 2)
        assert [table.where(i) for i in (0, 1)] == ["t.csv, line 5", "t.csv, line 7"]
    assert read(tmp_path, "sep=;\nt,x\na;b\n1;2\n", header=3).names == ("a", "b")
    assert read(tmp_path, "a;b\nc;d\n1;2\n", header=2).names == ("c", "d")
    assert read(tmp_path, "a;b\nc;d\n1;2\n", header=2, delimiter=",").names == ("c;d",)


@pytest.mark.parametrize("header", [0, -1, 2, 4, 5, 10**30, "3", 1.5, True])
def test_a_wrong_line_for_the_header(tmp_path: Path, header: object) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n\n1,2\n3,4\n")
    with rejected((InputError, TypeError, ValueError)) as caught:
        read_table(path, header=header)
    assert "header" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_header_line_does_not_exist_in_other_sources(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": [2]}), tmp_path / "t.parquet")
    for path in (tmp_path / "t.parquet", "sqlite:///t.db"):
        with rejected(parameter="header", value=3):
            read_table(path, header=3)


@pytest.mark.parametrize("above", [[], ["", ""]])
def test_lines_without_values_above_the_names_are_not_kept(above: list[str]) -> None:
    records = chain(((i, above) for i in range(200_000)), [(200_000, ["a", "b"])])
    tracemalloc.start()
    header, rest = split_header(records)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header is not None
    assert header.names == ["a", "b"]
    assert not [*rest]
    assert peak < 100_000
