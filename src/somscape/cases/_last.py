"""Which earlier run a run is compared with, and the id that it gets."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from somscape.cases._records import WatchRun
from somscape.cases._state import State
from somscape.cases._subject import Subject

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
    """

    id: str
    last: WatchRun | None
    doubt: str

    @classmethod
    def of(cls, state: State, runs: Sequence[WatchRun], subject: Subject) -> "Place":
        """Return the place of a table after some runs, the newest first."""
        if runs:
            again = cls._after(state, runs[1:], subject)
            if again.id == runs[0].id:
                return again
        return cls._after(state, runs, subject)

    @classmethod
    def _after(cls, state: State, runs: Sequence[WatchRun], subject: Subject) -> "Place":
        last, doubt = _compared(state, runs, subject)
        said = f"{subject.fingerprint}\n{last.id if last else ''}"
        return cls(hashlib.sha256(said.encode()).hexdigest()[:RUN_LETTERS], last, doubt)


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
