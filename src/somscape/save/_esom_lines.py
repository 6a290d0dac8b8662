"""The lines of all files of ESOM Tools: a header, comments, and a fixed number of fields.

Lines that start with # are comments; lines that start with % are the header.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from somscape.errors import InputError
from somscape.save._lines import LINE_BYTES, MAX_DIGITS, Line, Lines


def header_and_lines(path: str | Path, most: int | None) -> tuple[list[Line], Lines]:
    """Return the lines of the header without their %, and the lines after it."""
    lines, head = Lines(path), list[Line]()
    for line in lines:
        if line.text.startswith("#"):
            continue
        if not line.text.startswith("%"):
            lines.back()
            break
        lines.budget.take(LINE_BYTES + len(line.text), "its header")
        head.append(replace(line, text=line.text[1:].strip()))
        if most is not None and len(head) > most:
            raise line.error(f"the header of this kind of file has at most {most} lines with %.")
    if not head:
        raise InputError(
            f"{lines.budget.source} has no header; it must start with lines that begin with %."
        )
    return head, lines


def body(lines: Lines) -> Iterator[Line]:
    """Yield the lines below the header, without comments."""
    for line in lines:
        if line.text.startswith("%"):
            raise line.error("a line of the header comes after the data.")
        if not line.text.startswith("#"):
            yield line


def size_of(line: Line) -> tuple[int, int]:
    words = line.fields()
    if len(words) not in (2, 3):  # some programs add whether it is a toroid
        raise line.error("the size of the map must be rows and columns, such as '% 50 82'.")
    n_rows, n_cols = line.whole(words[0], 1, 1, "rows"), line.whole(words[1], 1, 2, "columns")
    if n_rows * n_cols >= 10**MAX_DIGITS:
        raise line.error(f"a map of {n_rows} x {n_cols} units is larger than any file.")
    return n_rows, n_cols


def count_of(head: list[Line], i: int, what: str, low: int = 1) -> int:
    if len(head) <= i:
        raise head[-1].error(f"the next line must be the number of {what}, such as '% 150'.")
    words = head[i].fields()
    if len(words) != 1:
        raise head[i].error(f"the number of {what} must be one number, such as '% 150'.")
    return head[i].whole(words[0], low, 1, f"the number of {what}")


def fields_of(line: Line, n: int) -> list[str]:
    fields = line.fields(n)
    if len(fields) != n:
        more = "more" if len(fields) > n else len(fields)
        raise line.error(f"{n} fields are needed, but {more} are there.")
    return fields


def check_number(line: Line, wanted: int, found: int, what: str) -> None:
    if found != wanted:
        raise line.error(f"{wanted} {what} are promised, but {found} are there.")
