"""What a person should know of how a table's columns were taken, a sentence each."""

import shlex
from collections.abc import Iterable

from somscape.encode._codes import NumberCode
from somscape.encode._encoding import ColumnCode, Encoding
from somscape.encode._evidence import CODE, COUNTER, OUTCOME, SLIP_AMONG_DATES, is_called_personal
from somscape.encode._kinds import GUESS
from somscape.encode._ordered import DateCode
from somscape.encode._signs import BELOW_ZERO
from somscape.tables import FIRST, Note, listed


def notes_of(encoding: Encoding) -> list[Note]:
    """Return what to look at in an encoding, each with the options that change it."""
    notes = notes_of_unfit(encoding.columns)
    for order, first in FIRST.items():
        guessed = [
            code.name
            for code in encoding.columns
            if isinstance(code, DateCode) and code.order == order and GUESS in code.why
        ]
        if guessed:
            other = "mdy" if order == "dmy" else "dmy"
            notes.append(
                Note(
                    f"dates in {listed(guessed)} are read {first}{GUESS}",
                    f"--date-format {other}",
                )
            )
    for code in encoding.used:
        if isinstance(code, NumberCode) and code.reach:
            _, _, slips = code.why.partition("; nothing learned from ")
            notes.append(
                Note(
                    f"'{code.name}' holds {slips.partition(';')[0]}, over a million times as far "
                    "out as any other number; nothing is learned from that"
                )
            )
        if isinstance(code, NumberCode) and code.why.endswith(BELOW_ZERO):
            few = code.why.rpartition("; ")[2].removesuffix(BELOW_ZERO)
            notes.append(
                Note(
                    f"'{code.name}' is below 0 in {few} rows; a wrong sign may not score high, so "
                    "look at these"
                )
            )
    personal = [code.name for code in encoding.used if is_called_personal(code.name)]
    if personal:
        says, them = ("says", "it") if len(personal) == 1 else ("say", "them")
        text = f"{listed(personal)} {says} who somebody is; consider to protect {them}"
        notes.append(Note(text, _each("--protect", personal)))
    return notes


def notes_of_unfit(columns: Iterable[ColumnCode]) -> list[Note]:
    """Return what to know of outcomes, of row counters and of codes."""
    left_out = [code for code in columns if code.kind == "dropped"]
    notes = [
        Note(
            f"'{code.name}' looks like an outcome and is left out; name it as the label, or as a "
            "category to use it",
            f"--label {shlex.quote(code.name)} or --category {shlex.quote(code.name)}",
        )
        for code in left_out
        if code.why == OUTCOME
    ]
    unused = [c for c in left_out if c.why == COUNTER or c.why.endswith(CODE)]
    if unused:
        named = ", ".join(f"'{code.name}' ({code.why})" for code in unused)
        text = f"left out {named}; one is used if named as the id, a number or a category"
        notes.append(Note(text, "--id, --number or --category; --per ranks what repeats"))
    slips = [
        f"'{code.name}' ({code.why})" for code in left_out if code.why.startswith(SLIP_AMONG_DATES)
    ]
    notes += [Note(f"left out {each}") for each in slips]
    return notes


def _each(option: str, names: Iterable[str]) -> str:
    return " ".join(f"{option} {shlex.quote(name)}" for name in names)
