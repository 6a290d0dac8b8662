"""Whether each line of the audit follows from those before it."""

from dataclasses import dataclass, field

from somscape.cases._chain import NOTHING, next_head, said_by_line, seal_of
from somscape.cases._database import Row


@dataclass
class Follows:
    """The lines of an audit, one after the other.

    Attributes
    ----------
    key : bytes or None
        With which lines were sealed.
    asked : str or None
        The beginning of a head that is looked for.
    number, head : int, str
        Of the last line.
    faults : list of str
    found : str or None
        Whose the head is that is looked for.
    n_sealed : int
        Lines with a seal of the key.
    has_seals : bool
        Whether any line has a seal.
    unsealed : int or None
        The first of the lines at the end that have none of the key.
    """

    key: bytes | None
    asked: str | None
    number: int = 0
    head: str = NOTHING
    faults: list[str] = field(default_factory=list)
    found: str | None = None
    n_sealed: int = 0
    has_seals: bool = False
    unsealed: int | None = None

    def __post_init__(self) -> None:
        if self.asked is not None and NOTHING.startswith(self.asked):
            self.found = "before the first line"

    def take(self, line: Row) -> None:
        """Take in the next line."""
        number, said = line["number"], said_by_line(line)
        if number != self.number + 1:
            self.faults.append(_gap(self.number + 1, number - 1))
        elif next_head(self.head, line["said"]) != line["head"]:
            self.faults.append(f"line {number} or its head was changed: they do not go together.")
        if said.get("number") != number:
            self.faults.append(f"line {number} holds what line {said.get('number')} said.")
        self.number, self.head = number, line["head"]
        if self.asked is not None and line["head"].startswith(self.asked):
            self.found = f"of line {number}, written {said.get('made')}"
        self._take_seal(line)

    def _take_seal(self, line: Row) -> None:
        self.has_seals = self.has_seals or line["seal"] is not None
        if self.key is None:
            return
        if line["seal"] is None:
            self.unsealed = self.unsealed or line["number"]
        elif line["seal"] == seal_of(line["head"], self.key):
            self.n_sealed, self.unsealed = self.n_sealed + 1, None
        else:
            self.faults.append(f"line {line['number']} has a seal that this key did not make.")

    def end(self) -> None:
        """Say what only the end shows."""
        if self.unsealed is not None:  # a seal vouches for all lines before it
            self.faults.append(
                f"no line from {self.unsealed} on has a seal of this key: who lacks it may have "
                "written them."
            )
        if self.asked is not None and self.found is None:
            self.faults.append(
                f"no line has the head {self.asked}: lines that were there when it was written "
                "down were changed or deleted."
            )


def _gap(first: int, last: int) -> str:
    if last < first:
        return f"line {last + 1} stands where line {first} belongs."
    return f"line {first} is missing." if first == last else f"lines {first} to {last} are missing."
