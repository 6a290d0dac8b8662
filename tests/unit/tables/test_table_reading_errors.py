"""Files that cannot be read: one line with place, cause and cure."""

import gzip
import os
import re
import zipfile
from pathlib import Path

import pytest

from somscape.errors import InputError
from somscape.tables import read_table

HEADER_AND_ROW = b"a,b\n1,2\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize("change", ["1,2\n", ""])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    os.utime(path, ns=(0, 0))
    states = []

    def fstat(number: int) -> os.stat_result:
        if states:  # somebody writes before the second look
            path.write_text(f"a,b\n3,4\n{change}")
        states.append(number)
        return os.stat(number)

    monkeypatch.setattr("somscape.tables._text.os.fstat", fstat)
    with pytest.raises(InputError, match=r"^t\.csv changed while it was read; read it again when"):
        read_table(path)
    assert len(states) == 3  # the second for its size


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "t.csv is empty; a table needs a line with column names and a row below it"),
        (b"\n \n\r\n", "t.csv is empty; a table needs"),
        (b",,\n", "t.csv is empty; a table needs"),
        (
            b"\na,b\n\n",
            "t.csv has a header on line 2 but no rows; add rows, or, if that line is a row",
        ),
        (
            b"a,b\n1,2\n3,4,5\n",
            "t.csv, line 3: 3 cells, but line 1 names 2 columns; put cells that contain the"
            " delimiter ',' in quotes (\"), or name another delimiter",
        ),
        (b'a,b\n"1\n1",2\n3\n', "t.csv, line 4: 1 cell, but line 1 names 2 columns; put"),
        (b"Report 2026\na,b,c\n1,2,3\n", "t.csv, line 2: 3 cells, but line 1 names 1 column;"),
        (
            b'a,b\n1,2\n3,"four\n5,6\n',
            't.csv, line 3: a quoted cell has no closing quote; add the quote (") that is'
            ' missing, or double each quote that belongs to the text ("")',
        ),
        (b'a,b\n1,"x"y\n', "t.csv, line 2: text after a closing quote; add the quote"),
        (
            b"a,b,a\n1,2,3\n",
            "t.csv, line 1: columns 1 and 3 are both named 'a'; give every column a name",
        ),
        (
            b"1,22.08,0\n0,22.67,1\n",
            "t.csv, line 1: the first line should name the columns, but holds numbers"
            " ('1', '22.08', '0'); add a line with column names above it",
        ),
        (b"a,b\n1,\0\n", "t.csv is not a text table (it holds NUL bytes); save"),
        ("a,b\n1,2\n".encode("utf-16-le"), "(it holds NUL bytes); save the table as .csv, or name"),
        (PNG, "t.csv is a picture, not a text table; save the table as .csv"),
        (b"%PDF-1.7 a,b\n1,2\n", "t.csv is a PDF, not a text table; save"),
        (b"\n <!DOCTYPE html><p>", "t.csv is a web page, not a table; give the table that it was"),
        (b"PAR1....", "t.csv is a Parquet file, not a text table; save"),
        (b"\xd0\xcf\x11\xe0..", "t.csv is an old Excel workbook, not a text table; save"),
        (b"a,b\n1,2\n\x81,3\n", "t.csv, line 3: not cp1252 text; save the file as UTF-8 or name"),
        (b"\xef\xbb\xbfa,b\n\xff,3\n", "t.csv, line 2: not utf-8 text; save the file as UTF-8"),
        (b"\xff\xfea", "t.csv, line 1: not utf-16-le text; save the file as UTF-8"),
        (
            gzip.compress(HEADER_AND_ROW, mtime=0)[:-9],
            "t.csv is a damaged or incomplete gzip file (",
        ),
        (
            gzip.compress(b"x" * 99, mtime=0)[:12] + b"\xff" * 30,
            "t.csv is a damaged or incomplete gzip",
        ),
    ],
)
def test_bad_content(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_table(path)
    assert len(str(caught.value).splitlines()) == 1


def test_zip_archive_named_csv(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.csv", "w") as archive:
        archive.writestr("inside.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"t\.csv is an Excel workbook or a zip archive, not a"):
        read_table(tmp_path / "t.csv")


def test_not_gzip(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(HEADER_AND_ROW)
    with pytest.raises(InputError, match=r"t\.csv\.gz is not a gzip file; remove \.gz from its"):
        read_table(path)


def test_missing_file_proposes_a_close_name(tmp_path: Path) -> None:
    (tmp_path / "Applications.csv").write_bytes(HEADER_AND_ROW)
    with pytest.raises(InputError, match=r"there is no file '.*aplications\.csv'; did you mean 'A"):
        read_table(tmp_path / "aplications.csv")
    with pytest.raises(InputError, match=r"there is no file 'no/such/x\.csv'; check the name"):
        read_table("no/such/x.csv")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder without tables \(.csv, .parquet, .xlsx, "):
        read_table(tmp_path)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); check that you"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, "decimal must be '.' or ','; got ';'"),
        ({"delimiter": ""}, "delimiter must be one character other than a quote or line end"),
        ({"delimiter": "||"}, "or 'tab'; got '||'"),
        ({"delimiter": '"'}, "delimiter must be one character"),
        ({"encoding": "utf-99"}, "'utf-99' is not a text encoding; name one such as utf-8"),
        ({"encoding": "hex"}, "'hex' is not a text encoding"),
        ({"encoding": "ascii"}, "t.csv, line 2: not ascii text; save the file as UTF-8 or name"),
    ],
)
def test_bad_options(tmp_path: Path, options: dict[str, str], message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\nü,22\n".encode())
    with pytest.raises(InputError, match=re.escape(message)):
        read_table(path, **options)


@pytest.mark.parametrize("place", ['<row r="1048576"><c t="n"><v>1</v></c></row>', "XFD"])
def test_a_sheet_that_ends_far_away_is_refused(tmp_path: Path, place: str) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    for row in (("a", "b"), *((i, i) for i in range(500))):
        workbook.active.append(row)
    workbook.save(tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    far = re.sub(r'r="B(\d+)"', r'r="XFD\1"', sheet)
    changed = far if place == "XFD" else sheet.replace("</sheetData>", f"{place}</sheetData>")
    assert changed != sheet
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        for name, content in {**parts, "xl/worksheets/sheet1.xml": changed.encode()}.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match="up to its last cell would take more memory"):
        read_table(tmp_path / "t.xlsx")
