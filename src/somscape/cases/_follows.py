"""Whether each line of the audit follows from those before it, and has the seal that it should."""

from dataclasses import dataclass, field

from somscape.cases._chain import NOTHING, SEALED, next_head, said_by_line, seal_of
from somscape.cases._database import Row
from somscape.cases._lines import FORGOTTEN, lines_of


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
    unchecked : list of str
        What only the key or a person can tell, a sentence each.
    found : str or None
        Whose the head is that is looked for.
    n_found : int
        Number of the line whose head it is.
    n_sealed : int
        Lines with a seal of the key.
    has_seals : bool
        Whether any line has a seal.
    unsealed : int or None
        The first of the lines at the end that have none of the key.
    older : int
        Number of the last line of an earlier version; 0 if there is none.
    is_sealing, is_new : bool
        Whether a line so far was sealed, and whether one is of this version.
    doubtful : list of int
        Lines that forgot cases, of which nothing but the key can tell whether they are forged.
    """

    key: bytes | None
    asked: str | None
    number: int = 0
    head: str = NOTHING
    faults: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    found: str | None = None
    n_found: int = 0
    n_sealed: int = 0
    has_seals: bool = False
    unsealed: int | None = None
    older: int = 0
    is_sealing: bool = False
    is_new: bool = False
    doubtful: list[int] = field(default_factory=list)

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
            self.found, self.n_found = f"of line {number}, written {said.get('made')}", number
        self._take_seal(line, said)

    def _take_seal(self, line: Row, said: Row) -> None:
        number, seal = line["number"], line["seal"]
        if SEALED in said:
            self.is_new = True
            if said[SEALED] != (seal is not None):
                was = "was sealed when it was written, and its seal is gone"
                was_not = "was not sealed when it was written, and has a seal now"
                self.faults.append(f"line {number} {was if said[SEALED] else was_not}.")
        else:
            self.older = number
        if said.get("kind") == FORGOTTEN:
            self._take_forgotten(number, is_sealed=seal is not None)
        self.has_seals = self.has_seals or seal is not None
        self.is_sealing = self.is_sealing or seal is not None or said.get(SEALED) is True
        if self.key is None:
            return
        if seal is None:
            self.unsealed = self.unsealed or number
        elif seal == seal_of(line["head"], self.key):
            self.n_sealed, self.unsealed = self.n_sealed + 1, None
        else:
            self.faults.append(f"line {number} has a seal that this key did not make.")

    def _take_forgotten(self, number: int, *, is_sealed: bool) -> None:
        if is_sealed:
            if self.key is None:
                self.doubtful.append(number)
        elif self.is_sealing and self.is_new:
            self.faults.append(
                f"line {number} says that cases were forgotten and has no seal, although lines "
                "before it have one: who lacks the key may have written it."
            )
        elif self.key is None or self.older:  # whose seals can be removed without a trace
            self.doubtful.append(number)

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
        if self.key is None and self.has_seals and self.doubtful:
            self.unchecked.append(
                "cases were forgotten, and only the key of the seals can show who wrote "
                f"{lines_of(self.doubtful)}. Give the key."
            )
        later = [number for number in self.doubtful if number > self.n_found]
        if self.key is not None and later:
            self.unchecked.append(
                f"cases were forgotten, and the key cannot show who wrote {lines_of(later)}, "
                "because earlier versions of somscape wrote such lines without a seal, too. Ask "
                "the people who are named there. Then note the head of today, and give it from "
                "then on."
            )


def _gap(first: int, last: int) -> str:
    if last < first:
        return f"line {last + 1} stands where line {first} belongs."
    return f"line {first} is missing." if first == last else f"lines {first} to {last} are missing."
