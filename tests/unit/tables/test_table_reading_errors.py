"""Files that cannot be read: one line with place, cause and cure."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest
from texts import rejected

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
    with rejected(file="t.csv"):
        read_table(path)
    assert len(states) == 3  # the second for its size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n \n\r\n",
        b",,\n",
        b"\na,b\n\n",
        b"a,b\n1,2\n3,4,5\n",
        b'a,b\n"1\n1",2\n3\n',
        b"Report 2026\na,b,c\nx,y,z\n",
        b'a,b\n1,2\n3,"four\n5,6\n',
        b'a,b\n1,"x"y\n',
        b"a,b,a\n1,2,3\n",
        b"1,22.08,0\n0,22.67,1\n",
        b"a,b\n1,\0\n",
        "a,b\n1,2\n".encode("utf-16-le"),
        PNG,
        b"%PDF-1.7 a,b\n1,2\n",
        b"\n <!DOCTYPE html><p>",
        b"PAR1....",
        b"\xd0\xcf\x11\xe0..",
        b"a,b\n1,2\n\x81,3\n",
        b"\xef\xbb\xbfa,b\n\xff,3\n",
        b"\xff\xfea",
        gzip.compress(HEADER_AND_ROW, mtime=0)[:-9],
        gzip.compress(b"x" * 99, mtime=0)[:12] + b"\xff" * 30,
    ],
    ids=lambda data: f"{len(data)} bytes",  # compressed bytes differ between versions of Python
)
def test_bad_content(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with rejected() as caught:
        read_table(path)
    assert len(str(caught.value).splitlines()) == 1


def test_zip_archive_named_csv(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.csv", "w") as archive:
        archive.writestr("inside.csv", "a,b\n1,2\n")
    with rejected(file="t.csv"):
        read_table(tmp_path / "t.csv")


def test_not_gzip(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(HEADER_AND_ROW)
    with rejected(file="t.csv.gz"):
        read_table(path)


def test_missing_file_proposes_a_close_name(tmp_path: Path) -> None:
    (tmp_path / "Applications.csv").write_bytes(HEADER_AND_ROW)
    with rejected():
        read_table(tmp_path / "aplications.csv")
    with rejected():
        read_table("no/such/x.csv")


def test_folder(tmp_path: Path) -> None:
    with rejected():
        read_table(tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"decimal": ";"},
        {"delimiter": ""},
        {"delimiter": "||"},
        {"delimiter": '"'},
        {"encoding": "utf-99"},
        {"encoding": "hex"},
        {"encoding": "ascii"},
    ],
)
def test_bad_options(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a,b\nü,22\n".encode())
    with rejected():
        read_table(path, **options)
