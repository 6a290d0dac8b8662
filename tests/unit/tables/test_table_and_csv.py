"""The table itself, and writing it so that it reads back equal."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape.tables import Table, read_table, table_from_columns, write_csv
from somscape.tables._cells import MISSING_WORDS
from somscape.tables._write import escape_cell, unescape_cell


@pytest.fixture
def table() -> Table:
    return table_from_columns(
        {"id": [7, 8, 9], "Amount": [-1.5, None, 3.0], "word": ["b", "a", "b"]}, "t"
    )


def test_counts(table: Table) -> None:
    assert (len(table), table.shape) == (3, (3, 3))
    assert [c.n_distinct for c in table.columns] == [3, 2, 2]
    assert [c.n_missing for c in table.columns] == [0, 1, 0]
    assert [c.is_whole for c in table.columns] == [True, False, False]
    assert repr(table) == "Table('t', 3 rows, 3 columns)"
    assert repr(table.column("id")) == "Column('id', 3 numbers)"


def test_unknown_column_proposes_close_names(table: Table) -> None:
    with rejected(file="t", column="amount"):
        table.column("amount")
    with rejected(file="t", column="zzz"):
        table.without(["zzz"])


def test_select_without_take(table: Table) -> None:
    assert table.select(["word", "id"]).names == ("word", "id")
    assert table.without(["id"]).names == ("Amount", "word")
    assert table.take([2, 0]).column("id").numbers.tolist() == [9, 7]
    assert table.take(np.array([False, True, False])).column("word").cells.tolist() == ["a"]
    assert table.take([]).shape == (0, 3)


def test_numbers_as_one_array(table: Table) -> None:
    values = table.to_numpy(["Amount", "id"])
    np.testing.assert_array_equal(values, [[-1.5, 7], [np.nan, 8], [3, 9]])
    assert values.flags.c_contiguous
    assert values.dtype == np.float64


def test_text_as_numbers_is_refused(table: Table) -> None:
    with rejected(file="t", row=0, column="word", value="b"):
        table.to_numpy()
    odd = table_from_columns({"x": [1.0, np.inf]})
    with rejected(file="table", column="x"):
        odd.to_numpy()


def test_columns_must_agree() -> None:
    with rejected(file="table", column="b", value=2):
        table_from_columns({"a": [1], "b": [1, 2]})
    with rejected(file="table", column="1"):
        table_from_columns({1: [1], "1": [1]})


@given(st.text())
def test_escape_is_undone_for_every_text(text: str) -> None:
    escaped = escape_cell(text)
    assert unescape_cell(escaped) == text
    try:
        is_number = np.isfinite(float(escaped))
    except ValueError:
        is_number = False
    assert is_number or not escaped.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("=1+1", "'=1+1"),
        ("+x", "'+x"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'x", "''x"),
        ("-inf", "'-inf"),
        ("-5", "-5"),
        ("+3.2e1", "+3.2e1"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_escape_by_hand(text: str, escaped: str) -> None:
    assert escape_cell(text) == escaped


def test_written_values_by_hand() -> None:
    file = io.StringIO()
    columns = {
        "rank": np.array([1, 2]),
        "=x": np.array([0.1, 2.5], dtype=np.float32),
        "y": [3.0, float("nan")],
        "z": [None, 'a "b"\r'],
    }
    write_csv(file, columns)
    assert file.getvalue() == 'rank,\'=x,y,z\n1,0.1,3.0,\n2,2.5,,"a ""b""\r"\n'


def test_one_empty_column_keeps_its_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", {"a": [None, "x"]})
    assert read_table(tmp_path / "t.csv").columns[0].cells.tolist() == [None, "x"]


Content = tuple[list[str], list[list[str]]]
FOLDED = {word.casefold() for word in MISSING_WORDS}
# Text without ambiguity: stripped, not missing, not read as a name or number by accident.
WORDS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\r\t"), min_size=1)
    .map(lambda text: "w" + text.strip())
    .filter(lambda text: text.casefold() not in FOLDED)
)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(WORDS, min_size=width, max_size=width, unique=True),
        st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1, max_size=8),
    )
)


@given(TABLES, st.sampled_from([",", ";", "\t", "|"]))
def test_what_csv_writes_reads_back_equal(content: Content, delimiter: str) -> None:
    names, rows = content
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *rows])
    table = _read_from_stdin(file.getvalue(), delimiter)
    assert list(table.names) == names
    assert [list(row) for row in zip(*(c.cells for c in table.columns), strict=True)] == rows


@given(TABLES)
def test_what_we_write_reads_back_equal(content: Content) -> None:
    names, rows = content
    file = io.StringIO()
    write_csv(file, dict(zip(names, zip(*rows, strict=True), strict=True)))
    table = _read_from_stdin(file.getvalue(), None)
    assert list(table.names) == names
    assert [list(row) for row in zip(*(c.cells for c in table.columns), strict=True)] == rows


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_written_floats_read_back_equal(values: list[float]) -> None:
    file = io.StringIO()
    write_csv(file, {"x": values, "y": ["w"] * len(values)})
    assert _read_from_stdin(file.getvalue(), None).column("x").numbers.tolist() == values


def _read_from_stdin(text: str, delimiter: str | None) -> Table:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return read_table("-", delimiter=delimiter)


def test_import_is_light() -> None:
    code = (
        "import sys, somscape.tables\n"
        "heavy = {'pandas', 'polars', 'pyarrow', 'narwhals', 'openpyxl', 'sklearn', 'scipy'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
