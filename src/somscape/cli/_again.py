"""The command that makes the same results again, and when it was run."""

import shlex
from datetime import UTC, datetime
from typing import Any

from somscape.cli._roles import KINDS, READING
from somscape.cli._rule import FLAGS

_FLAGS = {
    "id_column": "--id",
    **{n: f"--{n}" for n in ("label", *KINDS, "missing", *READING)},
    **FLAGS,
    **{n: f"--{n}" for n in ("contamination", "seed")},
    "n_regions": "--regions",
}


def command_line(words: list[str], options: dict[str, Any], out: str) -> str:
    """Return the command that makes the same files again, in whatever folder."""
    words = ["somscape", *words]
    for name, flag in _FLAGS.items():
        given = options.get(name)
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None:
                words += [flag, str(value)]
    return f"{shlex.join(words)} --out {out}"


def now() -> str:
    """Return the date and time, for the foot of a page."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
