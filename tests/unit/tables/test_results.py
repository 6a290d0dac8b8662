"""What is written for people and for programs: Excel that stays text, CSV, Parquet."""

import io
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow.parquet
import pytest
import python_calamine
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape.tables import read_table, table_from_columns, write_table
from somscape.tables._write import Sheet, check_sheet, rounded, table_bytes, workbook_bytes

FORMULAS = ["=1+1", "+1", "-x", "@SUM(A1)", "'=1", "\t=1", "{=1}", "http://a.b", "mailto:a@b.c"]


def opened(*sheets: Sheet) -> Any:
    return openpyxl.load_workbook(io.BytesIO(workbook_bytes(sheets)))


def cells_of(page: Any) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in page.iter_rows()]


def test_a_sheet_to_work_in() -> None:
    columns = {
        "id": ["a", "b"],
        "score": np.array([2.5, 0.25]),
        "a long name of a column": [1, None],
        "reasons": ["x" * 300, ""],
        "decision": ["", ""],
    }
    choices = {"decision": ("confirmed", "cleared")}
    page = opened(Sheet("alerts", columns, choices, {"score": "0.000"}))["alerts"]
    assert cells_of(page) == [
        ["id", "score", "a long name of a column", "reasons", "decision"],
        ["a", 2.5, 1, "x" * 300, None],
        ["b", 0.25, None, None, None],
    ]
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == "A1:E3"
    assert page["A1"].font.bold
    assert page["B2"].number_format == "0.000"
    widths = {name: round(found.width) for name, found in page.column_dimensions.items()}
    assert (widths["C"], widths["D"]) == (27, 61)  # the name with room for a button; the most
    (menu,) = page.data_validations.dataValidation
    assert (menu.type, str(menu.sqref)) == ("list", "E2:E3")
    assert menu.formula1 == '"confirmed,cleared"'


def test_dates_are_dates_unless_excel_or_a_program_would_read_them_wrongly() -> None:
    table = table_from_columns(
        {
            "day": ["2026-07-01", None, "2026-07-31"],
            "moment": ["2026-07-01T10:48:00", "2026-07-01T00:00:00", None],
            "part": ["2026-07-01T10:48:00.250", "2026-07-02T10:48:00", None],
            "swiss": ["31.12.2026", "1.2.2026", None],
            "open": ["1/2/2026", "3/4/2026", None],  # January or February
            "old": ["1899-12-31", "2026-07-01", None],
            "zone": ["2026-07-01T10:48:00Z", "2026-07-02T10:48:00Z", None],
            "words": ["2026-07-01", "soon", None],
            "number": [20260701, 20260702, None],
            "key": ["2026-07-01", "2026-07-02", None],
        }
    )
    page = opened(Sheet("s", {c.name: c for c in table.columns}, keys=("key",)))["s"]
    day, moment = datetime(2026, 7, 1), datetime(2026, 7, 1, 10, 48)
    assert cells_of(page)[1] == [
        *(day, moment, moment.replace(microsecond=250_000), datetime(2026, 12, 31)),
        *("1/2/2026", "1899-12-31", "2026-07-01T10:48:00Z", "2026-07-01", 20260701, "2026-07-01"),
    ]
    assert cells_of(page)[2][:4] == [None, day, datetime(2026, 7, 2, 10, 48), datetime(2026, 2, 1)]
    assert [page.cell(2, i).number_format for i in (1, 2, 3)] == [
        *("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd hh:mm:ss.000")
    ]


def test_text_stays_text_whatever_it_looks_like() -> None:
    page = opened(Sheet("s", {"=name": FORMULAS}))["s"]
    found = [cell for (cell,) in page.iter_rows()]
    assert [cell.value for cell in found] == ["=name", *FORMULAS]
    assert {cell.data_type for cell in found} == {"s"}
    assert all(cell.hyperlink is None for cell in found)
    assert page["A2"].quotePrefix  # so that it stays text if somebody edits it
    data = workbook_bytes([Sheet("s", {"=name": FORMULAS})])
    book = python_calamine.load_workbook(io.BytesIO(data))
    assert [row[0] for row in book.get_sheet_by_index(0).iter_rows()] == ["=name", *FORMULAS]


def test_letters_that_excel_refuses() -> None:
    texts = ["a\0b", "\x1b[0m", "\ud800", "\ufffe", "a\r\nb", "é😀", "x" * 40_000]
    page = opened(Sheet("s", {"x\x07": texts}))["s"]
    name, *found = [row[0] for row in cells_of(page)]
    assert name == "x\ufffd"
    assert found[:6] == ["a\ufffdb", "\ufffd[0m", "\ufffd", "\ufffd", "a\nb", "é😀"]
    assert found[6] == "x" * 32_766 + "…"
    data = workbook_bytes([Sheet("s", {"x": ["_x0041_"]})])  # an A, to Excel, if it is not escaped
    book = python_calamine.load_workbook(io.BytesIO(data))
    assert list(book.get_sheet_by_index(0).iter_rows()) == [["x"], ["_x0041_"]]


def test_numbers_and_what_is_none() -> None:
    table = table_from_columns(
        {
            "n": [1, 2.5, None],
            "card": [4111_1111_1111_1111, 7, None],  # Excel would show ...1110
            "code": ["007", None, "1e5"],
            "is_new": [True, False, None],
        }
    )
    page = opened(Sheet("s", {c.name: c for c in table.columns}))["s"]
    assert cells_of(page)[1:] == [
        [1, "4111111111111111", "007", "True"],
        [2.5, "7", None, "False"],
        [None, None, "1e5", None],
    ]
    values = [math.nan, math.inf, 1e300, True, None, np.float32(0.5)]
    page = opened(Sheet("s", {"x": values}))["s"]
    assert [row[0] for row in cells_of(page)[1:]] == [None, "inf", 1e300, True, None, 0.5]


def test_more_than_a_sheet_holds_is_refused() -> None:
    check_sheet(1_048_575, 16_384)
    with rejected():
        check_sheet(1_048_576, 1)
    with rejected():
        check_sheet(1, 16_385)
    with rejected():
        workbook_bytes([Sheet("s", {"x": np.zeros(1_048_576)})])


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1).filter(
                lambda text: text == text.strip()
            ),
            st.floats(-1e14, 1e14, allow_subnormal=False),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_can_be_read(rows: list[tuple[str, float]]) -> None:
    texts, numbers = map(list, zip(*rows, strict=True))
    data = workbook_bytes([Sheet("s", {"x": texts, "y": numbers})])
    book = python_calamine.load_workbook(io.BytesIO(data))
    found = list(book.get_sheet_by_index(0).iter_rows())[1:]
    assert [row[0] for row in found] == texts
    np.testing.assert_allclose([row[1] for row in found], numbers, rtol=1e-15)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_a_table_is_written_by_its_ending(tmp_path: Path, ending: str) -> None:
    columns = {"id": ["=1+1", "b"], "x": [0.1, None], "n": [7, 8]}
    path = tmp_path / f"t.{ending}"
    write_table(path, columns)
    table = read_table(path)
    assert table.names == ("id", "x", "n")
    assert table.column("id").cells[0] == ("'=1+1" if ending == "csv" else "=1+1")
    np.testing.assert_array_equal(table.to_numpy(["x", "n"]), [[0.1, 7], [np.nan, 8]])
    write_table(path, table_from_columns(columns))  # replaces it
    assert read_table(path).n_rows == 2
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    table = table_from_columns({"n": [7, None], "x": [0.1, 1], "t": ["a", None]})
    write_table(tmp_path / "t.parquet", table)
    found = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert found.to_pylist() == [{"n": 7, "x": 0.1, "t": "a"}, {"n": None, "x": 1, "t": None}]


def test_a_byte_order_mark_on_request(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", {"é": ["ü"]}, bom=True)
    assert (tmp_path / "t.csv").read_bytes() == b"\xef\xbb\xbf\xc3\xa9\n\xc3\xbc\n"
    assert read_table(tmp_path / "t.csv").names == ("é",)
    assert b"".join(table_bytes("csv", {"x": [1]})) == b"x\n1\n"


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_columns_of_different_lengths(tmp_path: Path, ending: str) -> None:
    with rejected(column="b", value=2):
        write_table(tmp_path / f"t.{ending}", {"a": [1], "b": [1, 2]})
    assert not list(tmp_path.iterdir())


@given(st.lists(st.floats(1e-300, 1e300), max_size=30))
def test_rounding_keeps_the_order(numbers: list[float]) -> None:
    found = rounded(np.array(sorted(numbers)))
    assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(found, sorted(numbers), rtol=5e-6)
    assert found.tolist() == [float(f"{number:.5e}") for number in sorted(numbers)]
