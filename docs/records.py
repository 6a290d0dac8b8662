"""Tables of the benchmarks' records, read strictly: what is not there is an error, never a gap."""

from pathlib import Path
from typing import NamedTuple

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


class RecordError(Exception):
    """A record that is not as a page needs it."""


class Record(NamedTuple):
    """A table: its columns, and its rows as the record has them."""

    columns: list[str]
    rows: list[list[str]]
    place: str

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        if name not in self.columns:
            raise RecordError(f"{self.place} has no column {name!r}; it has {self.columns}")
        return [row[self.columns.index(name)] for row in self.rows]

    def by(self, name: str, key: str | None = None) -> dict[str, str]:
        """Return the cells of a column by those of another, or of the first."""
        keys = self.column(self.columns[0] if key is None else key)
        return dict(zip(keys, self.column(name), strict=True))

    def row(self, first: str) -> dict[str, str]:
        """Return a row by its first cell."""
        found = [row for row in self.rows if plain(row[0]) == first]
        if len(found) != 1:
            raise RecordError(f"{self.place} has {len(found)} rows {first!r}, where one is needed")
        return dict(zip(self.columns, found[0], strict=True))


def plain(cell: str) -> str:
    """Return a cell without the marks of the best."""
    return cell.replace("**", "").strip()


def number(cell: str) -> float:
    """Return a cell's number."""
    try:
        return float(plain(cell).replace(",", "").split()[0])
    except (ValueError, IndexError):
        raise RecordError(f"a number was expected; got {cell!r}") from None


def cells(line: str) -> list[str]:
    """Return the cells of a line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables(name: str) -> dict[str, list[Record]]:
    """Return the tables of a record by the heading above them."""
    path = BENCHMARKS / name
    if not path.is_file():
        raise RecordError(f"benchmarks/{name} is gone")
    found: dict[str, list[Record]] = {}
    heading, lines = "", path.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        is_rule = line.startswith("|") and not line.strip("|-: ")
        if is_rule:
            body = [lines[i - 1]]
            for below in lines[i + 1 :]:
                if not below.startswith("|"):
                    break
                body.append(below)
            columns, *rows = map(cells, body)
            place = f"benchmarks/{name}, {heading!r}"
            if not rows or any(len(row) != len(columns) for row in rows):
                raise RecordError(f"{place}: a table without rows, or with rows of other lengths")
            found.setdefault(heading, []).append(Record(columns, rows, place))
    return found


def table(name: str, heading: str, nth: int = 0) -> Record:
    """Return one table of a record."""
    below = tables(name).get(heading, [])
    if len(below) <= nth:
        raise RecordError(f"benchmarks/{name} has no table {nth + 1} below {heading!r}")
    return below[nth]
