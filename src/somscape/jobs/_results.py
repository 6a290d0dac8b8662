"""A list of rows as a file: for people as CSV or in Excel, with all digits as Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass

from somscape._version import __version__
from somscape.errors import InputError
from somscape.jobs._command import now
from somscape.outliers import AlertRule, Detector
from somscape.tables import (
    Column,
    Sheet,
    Table,
    check_library,
    counted,
    free_name,
    rounded,
    table_bytes,
    table_from_columns,
    workbook_bytes,
)

FORMATS = ("csv", "xlsx", "parquet")

DECISIONS = ("confirmed", "cleared", "later")
"""What a person may decide of a row, in Excel's menu."""

NUMBERS = ("score", "p_value")
"""Columns of long numbers, which people are shown rounded."""

SHOWN = "[<0.001]0.0E+00;0.000"
"""How Excel shows these numbers."""


def check_format(kind: str, *, bom: bool = False) -> None:
    """Raise InputError for a format that cannot be written, before any work."""
    if kind == "xlsx":
        check_library("xlsxwriter", "writing a .xlsx file")
    if bom and kind != "csv":
        raise InputError(f"`bom` is for CSV files, and this one is .{kind}; leave it out.")


def score_words(detector: Detector) -> str:
    """Say by what a detector scores."""
    n = len(detector.members)
    by = f", by {n} maps" if n else ""
    return f"{detector.score}, {detector.of_all_rows.n_prototypes} prototypes{by}"


@dataclass(frozen=True, eq=False)
class Results:
    """A list of rows, and how it came about.

    Attributes
    ----------
    name : str
        Of the list, such as "alerts".
    rows : Table
        With the columns ``score``, ``p_value`` and ``reasons``.
    detector : Detector
    rule : AlertRule
        The rule that chose the rows, or flagged some.
    table : Table
        What was ranked.
    command : str
        The command that makes the list again.
    """

    name: str
    rows: Table
    detector: Detector
    rule: AlertRule
    table: Table
    command: str

    def content(self, kind: str, *, bom: bool = False) -> Iterator[bytes]:
        """Yield the content of a file, piece by piece."""
        if kind == "parquet":
            yield from table_bytes(kind, self.rows)
        elif kind == "csv":
            yield from table_bytes(kind, _for_people(self.rows), bom=bom)
        else:
            yield workbook_bytes([self._list(), self._columns(), self._method()])

    def _list(self) -> Sheet:
        """Return the rows, with columns for what a person decides."""
        rows = _for_people(self.rows)
        own = ("decision", "comment")
        columns: dict[str, Column | list[str]] = {}
        for column in rows.columns:
            taken = (*own, *rows.names) if column.name in own else ()
            columns[free_name(column.name, taken)] = column
            if column.name == "reasons":
                columns |= {name: [""] * rows.n_rows for name in own}
        return Sheet(self.name, columns, {"decision": DECISIONS}, dict.fromkeys(NUMBERS, SHOWN))

    def _columns(self) -> Sheet:
        codes = self.detector.map_.encoding.columns
        return Sheet(
            "columns",
            {
                "column": [code.name for code in codes],
                "taken as": [code.kind for code in codes],
                "because": [code.why for code in codes],
            },
        )

    def _method(self) -> Sheet:
        detector, lattice = self.detector, self.detector.map_.lattice
        facts = {
            "table": f"{self.table.source}, {counted(self.table.n_rows, 'row')}",
            "read": "; ".join(self.table.notes) or "as it is",
            "map": f"{lattice.size_text}, {lattice.kind}, {lattice.boundary}",
            "score": score_words(detector),
            "threshold": f"{detector.threshold:.4g}",
            "rule": self.rule.words(detector),
            "p-values": f"compare with {counted(len(detector.calibration.scores), 'row')}",
            "date": now(),
            "command": self.command,
            "program": f"somscape {__version__}",
        }
        return Sheet("method", {"what": list(facts), "how": list(facts.values())})


def _for_people(rows: Table) -> Table:
    """Return the list with scores and p-values rounded."""
    return Table(tuple(map(_rounded, rows.columns)), rows.source)


def _rounded(column: Column) -> Column:
    if column.name not in NUMBERS or column.numbers is None:
        return column
    return table_from_columns({column.name: rounded(column.numbers)}).columns[0]
