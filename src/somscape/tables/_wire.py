"""Tables that come and go as bytes, and columns whose values somebody has checked already."""

from collections.abc import Sequence

import numpy as np

from somscape.errors import InputError
from somscape.tables._column import Column
from somscape.tables._frame import table_from_frame
from somscape.tables._table import Table
from somscape.tables._text import N_MAGIC, PACKED, decode
from somscape.tables._text_table import table_from_text
from somscape.tables._texts import GivenTexts, NumberTexts
from somscape.tables._write import table_bytes


def table_from_wire(
    kind: str, content: bytes, source: str, missing_values: Sequence[str] | None = None
) -> Table:
    r"""Return the table that bytes hold, in memory alone."""
    if kind == "arrow":
        # Late: it is slow to import.
        from somscape.tables._arrow_files import arrow_from_bytes

        rows = arrow_from_bytes(content, source)
        return table_from_frame(rows, source, missing_values=missing_values)
    if any(content[:N_MAGIC].startswith(magic) for magic, _ in PACKED.values()):
        raise InputError(f"{source} is packed; send the text as it is.")
    return table_from_text(decode(content, source, "utf-8"), source, None, None, missing_values)


def bytes_for_wire(kind: str, table: Table) -> bytes:
    r"""Return a table as bytes that `table_from_wire` reads."""
    if kind == "arrow":
        from somscape.tables._arrow_files import arrow_bytes

        return arrow_bytes(table.to_arrow())
    return b"".join(table_bytes(kind, table))


def column_of_numbers(name: str, values: Sequence[float | None]) -> Column:
    """Make a column of numbers that are finite, or None where missing."""
    numbers = np.array(values, dtype=np.float64)
    return Column(name, NumberTexts(numbers, True), numbers=numbers)


def column_of_texts(name: str, values: Sequence[str | None]) -> Column:
    """Make a column of texts without blanks around them, or None where missing."""
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return Column(name, GivenTexts(cells))
