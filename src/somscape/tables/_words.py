"""Words that this folder shares: quoted cells, lists, close names, columns, a mark of files."""

import difflib
import hashlib
from collections.abc import Container, Iterable, Sequence


class Note(str):
    """What a reader noticed in a file, and the option that changes it.

    Parameters
    ----------
    text : str
    options : str, default=""
        What to type on the command line, such as "--decimal".
    """

    def __new__(cls, text: str, options: str = "") -> "Note":
        """Return the text."""
        return super().__new__(cls, text)

    def __init__(self, text: str, options: str = "") -> None:
        self.options = options


def table_mark(names: Iterable[str]) -> bytes:
    """Return by what a workbook or a Parquet file of ours with these columns is recognized."""
    hashed = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass"))
    return f"somscape-table {hashed.hexdigest()[:16]}".encode()


def quoted(text: str) -> str:
    """Return a cell or name in quotes, on one line, cut to a readable length."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Give names for a message, in quotes."""
    quotes = [quoted(name) for name in names]
    return ", ".join(quotes[:limit] + ["..."] * (len(quotes) > limit))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the plural where it needs one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def suggestion(name: str, choices: Sequence[str]) -> str:
    """Ask whether one of the choices that are close to a name was meant."""
    # Compared without case, because 'amount' for 'Amount' is the commonest slip.
    by_folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=3)
    return f"did you mean {' or '.join(quoted(by_folded[key]) for key in close)}?" if close else ""


def in_columns(columns: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of columns that stand beside each other."""
    padded = []
    for column in columns:
        width = max(map(len, column), default=0)
        padded.append([cell.ljust(width) for cell in column])
    return ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def free_name(name: str, taken: Container[str], ending: str = "_input") -> str:
    """Give a name for a column that no other one has."""
    while name in taken:
        name += ending
    return name
