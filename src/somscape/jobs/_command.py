"""The command that does a job again, and when it was done."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from somscape._files import shown
from somscape.jobs._roles import KINDS, READING
from somscape.jobs._rule import RULES


def command_line(words: Sequence[str], options: Mapping[str, Any], out: str) -> str:
    """Return the command that makes the same files again, in whatever folder.

    Parameters
    ----------
    words : sequence of str
        The command and its arguments, such as "detect" and the name of a file.
    options : mapping
        As the command line names them; those that are not given are None.
    out : str
        What the results are called, such as "DIR".

    Returns
    -------
    str
        For a shell.

    Examples
    --------
    >>> command_line(["detect", "my table.csv"], {"label": "class=2", "drop": ("a",)}, "DIR")
    "somscape detect 'my table.csv' --label class=2 --drop a --out DIR"
    """
    as_they_are = ("label", *KINDS, "missing", *READING, *RULES, "contamination", "calibration")
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
    return f"$'{shown(plain)}'"  # a shell makes the same bytes of it


def now() -> str:
    """Return the date and time, for the foot of a page.

    Returns
    -------
    str
    """
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
