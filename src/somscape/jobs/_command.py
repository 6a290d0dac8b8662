"""The command that repeats a job, and the time when it was done."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from somscape._files import shown
from somscape._version import __version__
from somscape.jobs._roles import FROM_DATABASE, KINDS, READING
from somscape.jobs._rule import RULES


def command_line(words: Sequence[str], options: Mapping[str, Any], out: str) -> str:
    """Return the command that makes the same files again, in any folder."""
    reading = (
        "per",
        "label",
        *KINDS,
        "date_format",
        "roles",
        "dictionary",
        "missing",
        "missing_values",
        *READING,
        *FROM_DATABASE,
    )
    ranking = (*RULES, "contamination", "calibration", "seed", "to", "to_table")
    of_watches = ("watch", "key", "clear_for")
    of_results = ("format", "bom", "sort", "columns")
    flags = {
        "id_column": "--id",
        **{name: f"--{name.replace('_', '-')}" for name in (*reading, *ranking, *of_watches)},
        "n_regions": "--regions",
        **{name: f"--{name}" for name in of_results},
    }
    words = ["somscape", *words]
    for name, flag in flags.items():
        given = options.get(name)
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None and value is not False:
                words += [flag] if value is True else [flag, str(value)]
    words += ["--ask-password"] if options.get("ask_password") else []
    return f"{' '.join(map(_quoted, words))} --out {out}"


def _quoted(word: str) -> str:
    name = shown(word)
    if word.isprintable() or "\\" not in name:
        return shlex.quote(name)
    plain = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{shown(plain)}'"  # a shell turns it into the same bytes


def roles_heading(source: str, name: str, found: Sequence[str]) -> list[str]:
    """Return the first lines of a roles file: what it is of, and how to use it."""
    again = command_line(["detect", "TABLE"], {"roles": name}, "DIR")
    return [
        f"What the columns of {source} were taken for, by somscape {__version__}.",
        f"To use it again, edited or not: {again}",
        *([f"Found: {'; '.join(found)}."] if found else []),
    ]


def now() -> str:
    """Return the date and time for the footer of a page."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
