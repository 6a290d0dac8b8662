"""What a cluster says when it gives up, in one line."""

from somscape.errors import EngineError

MAX_LETTERS = 500
"""Most letters that are told of an engine's own message."""


def gave_up(what: str, error: object) -> EngineError:
    """Return the error of a cluster that gave up.

    Parameters
    ----------
    what : str
        What happened.
    error : object
        What the engine says of it, on any number of lines.

    Returns
    -------
    EngineError
    """
    cause = _first_cause(str(error))
    if not cause:
        kind = f"{type(error).__name__}: " if isinstance(error, Exception) else ""
        cause = kind + str(error)
    return EngineError(f"{what} ({' '.join(cause.split())[:MAX_LETTERS]})")


def _first_cause(text: str) -> str:
    """Return what the first traceback in a text ends with, or "" if there is none."""
    _, _, told = text.partition("Traceback (most recent call last):\n")
    lines = iter(told.splitlines())
    return next((line for line in lines if line and not line[0].isspace()), "")
