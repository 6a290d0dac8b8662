"""Small workbooks of each kind, made by hand where no library of the tests writes them."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl

Sheets = Mapping[str, Sequence[Sequence[Any]]]
SECTOR, END, FREE = 512, 0xFFFFFFFE, 0xFFFFFFFF


def xlsx(sheets: Sheets, hidden: Sequence[str] = ()) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name in hidden:
            sheet.sheet_state = "hidden"
    book.save(content)
    return content.getvalue()


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def changed(workbook: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """A workbook with another text in one part."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    new = change(parts[part].decode())
    assert new != parts[part].decode()
    return zipped({**parts, part: new})


NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text", "manifest")
)


def ods_cell(value: Any) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str):
        return (
            f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p>'
            "</table:table-cell>"
        )
    return f'<table:table-cell office:value-type="float" office:value="{value}"/>'


def ods(sheets: Sheets, *, cell: Callable[[Any], str] = ods_cell) -> bytes:
    tables = "".join(
        f"<table:table table:name={quoteattr(name)}>"
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped(
        {
            "mimetype": kind,
            "META-INF/manifest.xml": f"<manifest:manifest {NAMES}><manifest:file-entry "
            f'manifest:full-path="/" manifest:media-type="{kind}"/>'
            "</manifest:manifest>",
            "content.xml": f"<office:document-content {NAMES}><office:body><office:spreadsheet>"
            f"{tables}</office:spreadsheet></office:body></office:document-content>",
        }
    )


def record(kind: int, data: bytes = b"") -> bytes:
    """A record of an old workbook (BIFF8)."""
    return struct.pack("<HH", kind, len(data)) + data


def xls(sheets: Sheets) -> bytes:
    """An old workbook: its stream of records in the sectors of an OLE container."""
    begins = [record(0x809, struct.pack("<HHHHII", 0x600, kind, 0, 0, 0, 6)) for kind in (5, 16)]
    bodies = [
        begins[1]
        + b"".join(
            xls_cell(i, j, value)
            for i, row in enumerate(rows)
            for j, value in enumerate(row)
            if value is not None
        )
        + record(0x0A)
        for rows in sheets.values()
    ]
    head = begins[0] + record(0x0A)
    position = len(head) + sum(12 + len(name) for name in sheets)
    entries = b""
    for name, body in zip(sheets, bodies, strict=True):
        text = struct.pack("<IBBBB", position, 0, 0, len(name), 0) + name.encode("latin-1")
        entries += record(0x85, text)
        position += len(body)
    return ole({"Workbook": head[:-4] + entries + head[-4:] + b"".join(bodies)})


def xls_cell(row: int, col: int, value: Any) -> bytes:
    place = struct.pack("<HHH", row, col, 0)
    if isinstance(value, str):
        text = value.encode("utf-16-le")
        return record(0x204, place + struct.pack("<HB", len(value), 1) + text)
    return record(0x203, place + struct.pack("<d", value))


def ole(streams: Mapping[str, bytes]) -> bytes:
    """A container with streams of at least 4096 bytes, padded."""
    folder = [entry("Root Entry", 5, END, 0)]
    chain, content = [0xFFFFFFFD, END], b""
    for name, stream in streams.items():
        padded = stream.ljust(4096, b"\0")
        padded += b"\0" * (-len(padded) % SECTOR)
        folder.append(entry(name, 2, len(chain), len(padded)))
        n = len(padded) // SECTOR
        chain += [*range(len(chain) + 1, len(chain) + n), END]
        content += padded
    assert len(chain) <= 128
    assert len(folder) <= 4
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, END, 0, END, 0)
    header += struct.pack("<I", 0) + struct.pack("<I", FREE) * 108
    table = b"".join(struct.pack("<I", n) for n in chain).ljust(SECTOR, b"\xff")
    return header + table + b"".join(folder).ljust(SECTOR, b"\0") + content


def entry(name: str, kind: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    data = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
    data += struct.pack("<III", FREE, FREE, 1 if kind == 5 else FREE) + bytes(36)
    return data + struct.pack("<IQ", start, size)


def piece(kind: int, data: bytes = b"") -> bytes:
    """A record of an .xlsb file."""
    number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    assert len(data) < 128
    return number + bytes([len(data)]) + data


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(sheets: Sheets) -> bytes:
    parts: dict[str, str | bytes] = {}
    links, bundle = "", b""
    for i, (name, rows) in enumerate(sheets.items(), 1):
        links += f'<Relationship Id="rId{i}" Type="worksheet" Target="worksheets/sheet{i}.bin"/>'
        bundle += piece(156, struct.pack("<II", 0, i) + wide(f"rId{i}") + wide(name))
        size = struct.pack("<IIII", 0, len(rows), 0, max(map(len, rows), default=0))
        body = piece(129) + piece(148, size) + piece(145)
        for row, values in enumerate(rows):
            body += piece(0, struct.pack("<IIHBBBI", row, 0, 0, 0, 0, 0, 0))
            for col, value in enumerate(values):
                place = struct.pack("<II", col, 0)
                if isinstance(value, str):
                    body += piece(6, place + wide(value))
                elif value is not None:
                    body += piece(5, place + struct.pack("<d", value))
        parts[f"xl/worksheets/sheet{i}.bin"] = body + piece(146) + piece(130)
    book = piece(131) + piece(143) + bundle + piece(144) + piece(132)
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "xl/_rels/workbook.bin.rels": f"<Relationships>{links}</Relationships>",
            "xl/workbook.bin": book,
            **parts,
        }
    )


WRITERS = {".xlsx": xlsx, ".xlsm": xlsx, ".xlsb": xlsb, ".xls": xls, ".ods": ods}
