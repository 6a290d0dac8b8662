"""Text with delimiters -> records, with the line on which each starts."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from somscape._errors import InputError

if TYPE_CHECKING:
    from _csv import Reader

# In a tie the rarer mark wins: commas occur in texts and as decimal marks.
_DELIMITERS = ("\t", ";", "|", ",")
_N_SAMPLED = 100
_SAMPLE_SIZE = 200_000  # characters
NO_DELIMITER = "\x1f"  # the unit separator of ASCII: in no text table


def split_records(text: str, delimiter: str, source: str) -> tuple[list[list[str]], list[int]]:
    """Split text into records.

    Parameters
    ----------
    text : str
        The whole file; lines may end in CR, LF or both, also within quoted cells.
    delimiter : str
        One character.
    source : str
        For messages.

    Returns
    -------
    records : list of list of str
        An empty list for a blank line.
    lines : list of int
        The line on which each record starts, from 1.

    Raises
    ------
    InputError
        If a quoted cell does not end, or goes on after its closing quote.
    """
    records: list[list[str]] = []
    lines: list[int] = []
    line = 1
    with _no_size_limit():
        reader = _reader(text, delimiter, strict=True)
        try:
            for record in reader:
                records.append(record)
                lines.append(line)
                line = reader.line_num + 1
        except csv.Error as error:
            is_open = "unexpected end" in str(error)
            what = "a quoted cell has no closing quote" if is_open else "text after a closing quote"
            raise InputError(
                f'{source}, line {line}: {what}; add the quote (") that is missing, or double'
                ' each quote that belongs to the text ("")'
            ) from error
    return records, lines


def detect_delimiter(text: str) -> tuple[str, str]:
    """Find the delimiter: the one that cuts most of the first lines as it cuts the header.

    Quoted cells are respected.  Where none cuts the header, the text is one column, and
    the answer is a character that it does not contain.  Also gives the text, without the
    ``sep=;`` with which Excel may declare the delimiter on the first line.
    """
    if text.startswith("sep=") and text[5:6] in ("\r", "\n"):
        return text[4], text[5:]  # the line end stays, so that lines keep their numbers
    return _likely_delimiter(text), text


def _likely_delimiter(text: str) -> str:
    counts = {delimiter: _cell_counts(text, delimiter) for delimiter in _DELIMITERS}
    scores = {
        delimiter: (n_cells.count(n_cells[0]), n_cells[0])
        for delimiter, n_cells in counts.items()
        if n_cells and n_cells[0] > 1
    }
    if scores:
        return max(scores, key=scores.__getitem__)
    for delimiter, n_cells in counts.items():
        # A title above the table: let the ragged lines be reported, not one column of text.
        if len(set(n_cells[1:])) == 1 and n_cells[1] > 2:
            return delimiter
    return "," if set(counts[","]) <= {1} else NO_DELIMITER


def _cell_counts(text: str, delimiter: str) -> list[int]:
    counts: list[int] = []
    with _no_size_limit():
        for record in _reader(text[:_SAMPLE_SIZE], delimiter, strict=False):
            if any(cell.strip() for cell in record):
                counts.append(len(record))
            if len(counts) == _N_SAMPLED:
                return counts
    # The sample may end within a record.
    return counts[:-1] if len(text) > _SAMPLE_SIZE and len(counts) > 1 else counts


def _reader(text: str, delimiter: str, strict: bool) -> "Reader":
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, strict=strict, skipinitialspace=True)


@contextmanager
def _no_size_limit() -> Iterator[None]:
    # The limit is one for the process, so it is put back.
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
