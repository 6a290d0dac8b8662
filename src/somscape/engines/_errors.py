"""What a cluster says when it gives up, in one line."""

import re

from somscape.errors import EngineError

CAUSE = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception): .*", re.MULTILINE)
"""The first error that a text of many lines names."""

MAX_LETTERS = 500
"""Most letters that are told of an engine's own message."""


def gave_up(what: str, error: object) -> EngineError:
    """Return the error of a cluster that gave up."""
    text = str(error)
    cause = CAUSE.search(text)
    kind = f"{type(error).__name__}: " if isinstance(error, Exception) else ""
    said = kind + text if cause is None else cause[0]
    return EngineError(f"{what} ({' '.join(said.split())[:MAX_LETTERS]})")
