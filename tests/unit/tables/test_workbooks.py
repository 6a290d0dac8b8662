"""Workbooks of each kind: which sheet is read, what its cells become, and what is refused."""

import io
import re
import struct
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import workbooks
from texts import rejected
from workbooks import WRITERS, changed, ods, xls, xlsb, xlsx, zipped

from somscape.errors import InputError
from somscape.tables import Table, read_table

LOANS = [["id", "rate", "job"], ["a1", 1.5, "clerk"], ["a2", None, "nurse"], [None, 7, "7"]]
PEOPLE = [["name", "age"], ["Ann", 41]]
COVER = [["Loans of 2026"], ["made by"], ["Ann"]]


def read(folder: Path, data: bytes, name: str = "t.xlsx", **options: Any) -> Table:
    (folder / name).write_bytes(data)
    return read_table(folder / name, **options)


@pytest.mark.parametrize("ending", WRITERS)
def test_every_kind_reads_to_the_same(tmp_path: Path, ending: str) -> None:
    table = read(tmp_path, WRITERS[ending]({"Loans": LOANS}), f"t{ending}")
    assert table.names == ("id", "rate", "job")
    assert table.column("id").cells.tolist() == ["a1", "a2", None]
    np.testing.assert_array_equal(table.to_numpy(["rate"]).ravel(), [1.5, np.nan, 7])
    assert table.column("rate").cells.tolist() == ["1.5", None, "7"]
    assert table.column("job").cells.tolist() == ["clerk", "nurse", "7"]
    assert table.where(2) == f"t{ending}, line 4"
    assert table.notes == ()


def test_what_a_file_is_counts_and_not_its_ending(tmp_path: Path) -> None:
    assert read(tmp_path, xlsx({"Loans": LOANS}), "t.xls").n_rows == 3
    assert read(tmp_path, ods({"Loans": LOANS}), "t.xlsx").n_rows == 3


@pytest.mark.parametrize("ending", WRITERS)
def test_the_sheet_with_a_table_is_read(tmp_path: Path, ending: str) -> None:
    data = WRITERS[ending]({"Cover": COVER, "Loans": LOANS, "Empty": []})
    table = read(tmp_path, data, f"t{ending}")
    assert table.names == ("id", "rate", "job")
    assert table.notes == ("sheet 'Loans', the only one of 3 sheets with a table",)


def test_of_several_tables_the_first_is_read_and_all_are_said(tmp_path: Path) -> None:
    data = xlsx({"Cover": COVER, "Loans": LOANS, "People": PEOPLE})
    table = read(tmp_path, data)
    assert table.names[0] == "id"
    (note,) = table.notes
    assert note == "sheet 'Loans', the first of the sheets with a table ('Loans', 'People')"
    assert vars(note)["options"] == "--sheet NAME"


TITLED = [["Sales"], [], ["", "2025", "", "2026", ""], ["id", "net", "tax", "net", "tax"]]
VALUES = [["a", 1, 2, 3, 4], ["b", 5, 6, 7, 8]]


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("header", [None, 4])
def test_names_below_a_title_and_merged_cells(
    tmp_path: Path, ending: str, header: int | None
) -> None:
    data = WRITERS[ending]({"Cover": COVER, "Sales": TITLED + VALUES})
    table = read(tmp_path, data, f"t{ending}", header=header)
    assert table.names == ("id", "2025 net", "2025 tax", "2026 net", "2026 tax")
    assert table.to_numpy(["2026 tax"]).ravel().tolist() == [4, 8]
    assert table.where(0).endswith("line 5")
    assert "column names from lines 3 and 4, such as '2026 tax'" in table.notes
    title = "1 title line above the column names left out: 'Sales'"
    assert (title in table.notes) is (header is None)


@pytest.mark.parametrize(("header", "names"), [(1, ("id", "rate", "job")), (2, ("1", "3.5", "x"))])
def test_a_row_of_a_sheet_contains_the_names(
    tmp_path: Path, header: int, names: tuple[str, ...]
) -> None:
    rows = [["id", "rate", "job"], [1, 3.5, "x"], [2, 4.5, "y"]]
    assert read(tmp_path, xlsx({"S": rows}), header=header).names == names


@pytest.mark.parametrize("header", [2, 7, 8, 10**30])
def test_a_row_of_names_that_is_not_there(tmp_path: Path, header: int) -> None:
    with rejected(file="t.xlsx"):
        read(
            tmp_path,
            xlsx({"Cover": COVER, "S": [["Title"], [], *VALUES, [], ["x", 1]]}),
            header=header,
            sheet="S",
        )


@pytest.mark.parametrize("sheet", ["People", 3, "3", np.int64(3)])
def test_a_sheet_is_named_or_numbered(tmp_path: Path, sheet: Any) -> None:
    data = xlsx({"Cover": COVER, "Loans": LOANS, "People": PEOPLE})
    table = read(tmp_path, data, sheet=sheet)
    assert (table.names, table.notes) == (("name", "age"), ())


def test_a_name_goes_before_a_number(tmp_path: Path) -> None:
    assert read(tmp_path, xlsx({"2": LOANS, "People": PEOPLE}), sheet="2").names[0] == "id"


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        ("Laons", "t.xlsx has no sheet 'Laons'; did you mean 'Loans'?"),
        ("x", "t.xlsx has no sheet 'x'; its sheets are 'Cover', 'Loans'"),
        (3, "t.xlsx has no sheet '3'; its sheets are 'Cover', 'Loans'"),
        (0, "t.xlsx has no sheet '0'"),
        (-1, "t.xlsx has no sheet '-1'"),
    ],
)
def test_a_sheet_that_is_not_there(tmp_path: Path, sheet: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, xlsx({"Cover": COVER, "Loans": LOANS}), sheet=sheet)
    assert str(caught.value).startswith(says)
    assert "ts sheets are 'Cover', 'Loans'. Give one of these names." in str(caught.value)
    assert caught.value.options == "--sheet NAME"


def test_hidden_sheets_are_read_if_they_are_named(tmp_path: Path) -> None:
    sheets = {"Lists": PEOPLE, "Loans": LOANS, "More": PEOPLE}
    data = xlsx(sheets, hidden=["Lists", "More"])
    table = read(tmp_path, data)
    assert table.notes == ("sheet 'Loans', the only one of 3 sheets with a table",)
    assert read(tmp_path, data, sheet="Lists").names == ("name", "age")
    data = xlsx({"Cover": COVER, "Lists": PEOPLE}, hidden=["Lists"])
    with rejected(parameter="sheet", file="t.xlsx"):
        read(tmp_path, data)


def test_no_sheet_with_a_table_names_the_sheets(tmp_path: Path) -> None:
    with rejected(parameter="sheet", file="t.xlsx") as caught:
        read(tmp_path, xlsx({"Cover": COVER, "Empty": []}))
    assert caught.value.options == "--sheet NAME"
    # The only sheet is read whatever it is: a table of one column is a table.
    assert read(tmp_path, xlsx({"Cover": COVER})).names == ("Loans of 2026",)


def test_other_files_have_no_sheets(tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        with rejected(parameter="sheet", value=1):
            read(tmp_path, b"a,b\n1,2\n", name, sheet=1)


def test_a_sheet_of_a_chart_is_no_sheet(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book, content = openpyxl.load_workbook(io.BytesIO(xlsx({"Loans": LOANS}))), io.BytesIO()
    book.create_chartsheet("Chart", 0)
    book.save(content)
    assert read(tmp_path, content.getvalue()).names[0] == "id"
    assert read(tmp_path, content.getvalue(), sheet=1).names[0] == "id"


def test_a_table_that_stands_apart(tmp_path: Path) -> None:
    rows = [[], [], [None, "x", 2020], [None, "a", 10**16], [None, "b", 0.25], [None, " "]]
    table = read(tmp_path, xlsx({"S": rows}))
    assert table.names == ("x", "2020")  # columns that are empty before it are no columns
    assert table.column("2020").cells.tolist() == ["1e+16", "0.25"]
    assert table.where(0) == "t.xlsx, line 4"


def test_dates_and_times(tmp_path: Path) -> None:
    rows = [["day", "moment", "hour", "span", "is_new"]]
    rows.append(
        [date(2026, 1, 31), datetime(2026, 1, 31, 12, 5), time(10, 5), timedelta(hours=30), True]
    )
    table = read(tmp_path, xlsx({"S": rows}))
    cells = [column.cells[0] for column in table.columns]
    assert cells == [
        "2026-01-31T00:00:00",
        "2026-01-31T12:05:00",
        "10:05:00",
        "1 day, 6:00:00",
        "True",
    ]
    day = '<table:table-cell office:value-type="date" office:date-value="2026-01-31"/>'
    mixed = ods({"S": [["day"], [0]]}, cell=lambda v: workbooks.ods_cell(v) if v else day)
    assert read(tmp_path, mixed, "t.ods").column("day").cells.tolist() == [cells[0]]


def with_results(workbook: bytes, result: str) -> bytes:
    """The same with a result for each formula, as Excel saves it."""

    def fill(text: str) -> str:
        return re.sub(r"<v></v>|<v ?/>", f"<v>{result}</v>", text)

    return changed(workbook, "xl/worksheets/sheet1.xml", fill)


def test_formulas_without_results_are_refused(tmp_path: Path) -> None:
    data = xlsx({"S": [["x", "twice"], [1, "=A2*2"], [3, "=A3*2"]]})  # nothing is computed
    with rejected(file="t.xlsx"):
        read(tmp_path, data)
    with rejected(file="t.xlsx"):
        read(tmp_path, xlsx({"S": [["=1", "=2"], ["=3", "=4"]]}))
    table = read(tmp_path, with_results(data, "7"))
    np.testing.assert_array_equal(table.to_numpy(["twice"]).ravel(), [7, 7])
    formula = '<table:table-cell table:formula="of:=[.A1]"/>'
    rows = [["x", "y"], [1, None]]
    data = ods({"S": rows}, cell=lambda v: workbooks.ods_cell(v) if v else formula)
    with rejected(file="t.ods"):
        read(tmp_path, data, "t.ods")


def test_an_empty_column_beside_formulas_with_results_is_one(tmp_path: Path) -> None:
    data = xlsx({"S": [["x", "note"], [1, None], ["=1+1", None]]})
    table = read(tmp_path, with_results(data, "2"))
    assert table.column("note").n_missing == 2


def far_away() -> dict[str, bytes]:
    """Workbooks of a few cells, the last of which stands far from the others."""
    sheet = {"S": [["a", "b"], [1, 2]]}
    far = xlsx(sheet)
    part = "xl/worksheets/sheet1.xml"
    old = xls(sheet).replace(workbooks.xls_cell(1, 1, 2), workbooks.xls_cell(65_535, 65_535, 2))
    place = struct.pack("<IId", 1, 0, 2)
    with zipfile.ZipFile(io.BytesIO(xlsb(sheet))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    body = parts["xl/worksheets/sheet1.bin"]
    moved = body.replace(place, struct.pack("<IId", 16_383, 0, 2))
    row = struct.pack("<IIH", 1, 0, 0)
    moved = moved.replace(row, struct.pack("<IIH", 1_048_575, 0, 0))
    assert moved != body
    times = 'table:number-columns-repeated="16000" office:value-type="float"'
    return {
        "corner.xlsx": changed(far, part, lambda text: text.replace('r="B2"', 'r="XFD1048576"')),
        "wide.xlsx": changed(far, part, lambda text: text.replace('r="B2"', 'r="XFD3000"')),
        "corner.xls": old,
        "corner.xlsb": zipped({**parts, "xl/worksheets/sheet1.bin": moved}),
        "rows.ods": changed(
            ods(sheet),
            "content.xml",
            lambda text: text.replace(
                "<table:table-row>", '<table:table-row table:number-rows-repeated="1000000">'
            ),
        ),
        "corner.ods": changed(
            ods(sheet),
            "content.xml",
            lambda text: text.replace(
                "<table:table-row>", '<table:table-row table:number-rows-repeated="1000000">'
            ).replace('office:value-type="float"', times),
        ),
    }


@pytest.mark.parametrize("name", far_away())
def test_a_cell_far_away_is_refused(tmp_path: Path, name: str) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with rejected():
        read(tmp_path, far_away()[name], name)
    if sys.platform == "linux":  # of the largest process so far
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # which a child begins with
        assert after <= max(before, own, 200_000)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    data = zipped({"xl/worksheets/sheet1.xml": b"0" * 70_000_000})
    with rejected(file="t.xlsx", value=70000000):
        read(tmp_path, data)


@pytest.mark.parametrize("kind", ["of a file", "of entities"])
def test_entities_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_text("Xyzzy-4711")
    entities = f'<!ENTITY e0 SYSTEM "file://{tmp_path}/secret">'
    if kind == "of entities":  # the last one would be a text of a billion letters
        entities = '<!ENTITY e0 "a">'
        entities += "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9))
    last = entities.count("ENTITY") - 1

    def change(sheet: str) -> str:
        return f"<!DOCTYPE worksheet [{entities}]>" + sheet.replace("clerk", f"&e{last};")

    data = changed(xlsx({"Loans": LOANS}), "xl/worksheets/sheet1.xml", change)
    with pytest.raises(InputError, match="is not a workbook"):
        read(tmp_path, data)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_that_is_cut_short(tmp_path: Path, ending: str) -> None:
    data = WRITERS[ending]({"Loans": LOANS})
    with rejected():
        read(tmp_path, data[: len(data) // 3], f"t{ending}")


def test_where_somebody_limits_the_memory_there_is_too_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("somscape.tables._workbook._is_limited", lambda: True)
    with pytest.raises(MemoryError):
        read(tmp_path, far_away()["corner.xlsx"])
