"""Which earlier run a run is compared with, and the id that it gets."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from somscape.cases._records import WatchRun
from somscape.cases._state import State
from somscape.cases._subject import Subject
from somscape.errors import InputError

INSTEAD_OF = "instead_of"
"""Fact of a run: the ids of those in whose place it stands."""

RUN_LETTERS = 16
"""Of a run's id, in hexadecimal digits."""

LEAST_SHARED = 5
"""A run resembles another if at least every fifth of the cases that it keeps is in the table."""


@dataclass(frozen=True)
class Place:
    """Where a run stands among those of its watch.

    Attributes
    ----------
    id : str
        That of the newest run, if this is the same one.
    last : WatchRun or None
        The run that it is compared with.
    doubt : str
        A sentence, where the run before has hardly any case of this table; else "".
    replaced : tuple of WatchRun
        Those in whose place it stands.
    """

    id: str
    last: WatchRun | None
    doubt: str
    replaced: tuple[WatchRun, ...] = ()

    @classmethod
    def of(
        cls,
        state: State,
        runs: Sequence[WatchRun],
        subject: Subject,
        instead_of: int | None = None,
    ) -> "Place":
        """Return the place of a table after some runs, the newest first."""
        left = counting(runs)
        if left:
            again = cls._after(state, left[1:], subject)
            took = left[0].facts.get(INSTEAD_OF, ())
            asked = {None, *(run.number for run in runs if run.id in took)}
            if again.id == left[0].id and instead_of in asked:
                return again
        if instead_of is None:
            return cls._after(state, left, subject)
        if instead_of not in {run.number for run in left}:
            numbers = ", ".join(str(run.number) for run in reversed(left)) or "none"
            raise InputError(
                f"`instead_of` must be the number of a run that still counts: {numbers}; got "
                f"{instead_of}."
            )
        before = [run for run in left if run.number < instead_of]
        later = tuple(run for run in left if run.number >= instead_of)
        return replace(cls._after(state, before, subject), replaced=later)

    @classmethod
    def _after(cls, state: State, runs: Sequence[WatchRun], subject: Subject) -> "Place":
        last, doubt = _compared(state, runs, subject)
        said = f"{subject.fingerprint}\n{last.id if last else ''}"
        return cls(hashlib.sha256(said.encode()).hexdigest()[:RUN_LETTERS], last, doubt)


def counting(runs: Sequence[WatchRun]) -> list[WatchRun]:
    """Return the runs in whose place no other one stands."""
    replaced = {id_ for run in runs for id_ in run.facts.get(INSTEAD_OF, ())}
    return [run for run in runs if run.id not in replaced]


def _compared(
    state: State, runs: Sequence[WatchRun], subject: Subject
) -> tuple[WatchRun | None, str]:
    if not runs:
        return None, ""
    doubt = ""
    for run in runs:
        keys = state.kept(run.id).keys()
        n = len(keys & subject.row_of.keys())
        if LEAST_SHARED * n >= len(keys):
            return run, f"{doubt}, so it is compared with run {run.number}." if doubt else ""
        doubt = doubt or f"{_few(n, len(keys))} of run {run.number} {_are(n)} in this table"
    if len(runs) > 1 and runs[0].facts["usual_moves"]["by"] == "units":
        return runs[0], ""  # nothing new: the run before shared no cases with earlier ones either
    return runs[0], f"{doubt}: is it the right file?"


def _few(n: int, n_all: int) -> str:
    return f"Only {n} of {n_all:,} cases" if n else f"None of the {n_all:,} cases"


def _are(n: int) -> str:
    return "are" if n > 1 else "is"
