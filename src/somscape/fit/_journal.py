"""What a training run has done, so that another run can do it again without the work.

A run follows from its rows and settings.  Its loops, draws and decisions take no time; the passes
over the rows do.  So a journal holds no place in the loops.  It holds what each pass gave to decide
by, and the codebook after the last one.  A run that goes on goes through the same loops and draws,
and takes the answers from the journal, until its last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Floats
from somscape.fit._epoch import DIGEST_BYTES, EpochSums
from somscape.fit._progress import Progress

OPTIONAL = ("counts", "totals", "error", "seen")
"""Arrays of a state that it may lack."""


class State(NamedTuple):
    """What a step led to.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features)
        In the form that the metric compares; online training keeps the data type of the rows.
    sums : EpochSums or None
        The sums that it follows from; None for a start and for online training.
    """

    codebook: Floats
    sums: EpochSums | None = None

    def to_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays."""
        arrays: dict[str, NDArray[Any]] = {f"{prefix}prototypes": self.codebook}
        if self.sums is not None:
            counts, totals, error, seen = (getattr(self.sums, name) for name in OPTIONAL)
            whole = np.array([error], dtype=np.int64)
            found = {"counts": counts, "totals": totals, "error": whole, "seen": seen}
            arrays |= {f"{prefix}{name}": a for name, a in found.items() if a is not None}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "State":
        """Return the state of named arrays."""
        codebook = arrays[f"{prefix}prototypes"].copy()
        counts, totals, error, seen = (arrays.get(f"{prefix}{name}") for name in OPTIONAL)
        if counts is None or totals is None or error is None:
            return cls(codebook)
        seen = None if seen is None else seen.copy()
        return cls(codebook, EpochSums(counts.copy(), totals.copy(), int(error[0]), seen))


@dataclass
class Journal:
    """What a run has done.

    Attributes
    ----------
    steps : list of Progress
        All epochs, of all starts, or blocks of online updates.
    digests : list of bytes
        Of the sums of some steps, by which a run settles.
    errors : list of float
        By which starts, and rounds of moves, were compared.
    state : State or None
        What the last step led to; None before the first.
    best : State or None
        Where the best start ended, or the best round of moves; None before the first has ended.
    """

    steps: list[Progress] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    state: State | None = None
    best: State | None = None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the journal as named arrays."""
        digests = np.frombuffer(b"".join(self.digests), dtype=np.uint8)
        arrays: dict[str, NDArray[Any]] = {
            "steps": np.array(self.steps, dtype=np.float64).reshape(-1, len(Progress._fields)),
            "digests": digests.reshape(-1, DIGEST_BYTES),
            "errors": np.array(self.errors, dtype=np.float64),
        }
        for prefix, state in (("", self.state), ("best_", self.best)):
            arrays |= {} if state is None else state.to_arrays(prefix)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Journal":
        """Return the journal of named arrays, at least one step long."""
        steps = [_progress_of(values) for values in arrays["steps"].tolist()]
        digests = [bytes(values) for values in arrays["digests"].tolist()]
        if not steps:
            raise ValueError("no step")
        best = State.from_arrays(arrays, "best_") if "best_prototypes" in arrays else None
        state = State.from_arrays(arrays, "")
        return cls(steps, digests, arrays["errors"].tolist(), state, best)


def _progress_of(values: list[float]) -> Progress:
    step, n_steps, radius, error, movement, n_units, n_samples = values
    done, sizes = (int(step), int(n_steps)), (int(n_units), int(n_samples))
    return Progress(*done, radius, error, movement, *sizes)
