"""What is said where a run is recorded, and its files are not written after all."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from somscape.cases._outcome import RunOutcome
from somscape.errors import InputError


@contextmanager
def recording(out: str | Path) -> Iterator[list[RunOutcome]]:
    """Give a list for a run once it is recorded; later failures say that it stands."""
    recorded: list[RunOutcome] = []
    try:
        yield recorded
    except (OSError, InputError) as error:
        if not recorded:
            raise
        said = getattr(error, "strerror", None) or str(error).rstrip(".")
        run = recorded[-1].run
        words = ["run", run.watch, *([run.source] if run.source not in ("", "-") else [])]
        raise InputError(
            f"run {run.number} of the watch {run.watch} is recorded, and {out} is not written "
            f"({said}). Mend that, then run it again; it is not recorded twice, unless a case was "
            "decided since.",
            options=f"somscape {shlex.join([*words, '--out', str(out)])}",
        ) from error
