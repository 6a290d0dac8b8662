"""The command that repeats a job, and the time when it was done."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from somscape._files import shown
from somscape.jobs._roles import KINDS, READING
from somscape.jobs._rule import RULES


def command_line(words: Sequence[str], options: Mapping[str, Any], out: str) -> str:
    """Return the command that makes the same files again, in any folder.

    Parameters
    ----------
    words : sequence of str
        The command and its arguments, such as "detect" and the name of a file.
    options : mapping
        By their names on the command line; None for options that are not given.
    out : str
        Name of the results, such as "DIR".

    Returns
    -------
    str
        Quoted for a shell.

    Examples
    --------
    >>> command_line(["detect", "my table.csv"], {"label": "class=2", "drop": ("a",)}, "DIR")
    "somscape detect 'my table.csv' --label class=2 --drop a --out DIR"
    """
    as_they_are = (
        "label",
        *KINDS,
        "date_format",
        "missing",
        *READING,
        *RULES,
        "contamination",
        "calibration",
    )
    flags = {
        "id_column": "--id",
        **{name: f"--{name.replace('_', '-')}" for name in (*as_they_are, "seed")},
        "n_regions": "--regions",
    }
    words = ["somscape", *words]
    for name, flag in flags.items():
        given = options.get(name)
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None:
                words += [flag, str(value)]
    return f"{' '.join(map(_quoted, words))} --out {out}"


def _quoted(word: str) -> str:
    name = shown(word)
    if word.isprintable() or "\\" not in name:
        return shlex.quote(name)
    plain = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{shown(plain)}'"  # a shell turns it into the same bytes


def now() -> str:
    """Return the date and time for the footer of a page.

    Returns
    -------
    str
    """
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
