"""Tasks that workers import by name, and their errors."""

import re
from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

from somscape.errors import EngineError

T = TypeVar("T")

FAN_IN = 8
"""Maximum number of results that one process merges at a time."""


def apply(function: Callable[[int, Any], T], number: int, data: Any) -> T:
    """Return the result of a function for a piece."""
    return function(number, data)


def apply_to_some(
    merge: Callable[[T, T], T], function: Callable[[int, Any], T], numbers: list[int], *some: Any
) -> T:
    """Return the merged results of a function for several pieces."""
    return reduce(merge, map(function, numbers, some))


def merged(merge: Callable[[T, T], T], *results: T) -> T:
    """Merge results into one result."""
    return reduce(merge, results)


def groups(tasks: list[Any]) -> list[list[Any]]:
    """Return tasks in groups.  One additional task merges the results of each group."""
    return [tasks[i : i + FAN_IN] for i in range(0, len(tasks), FAN_IN)]


CAUSE = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception): .*", re.MULTILINE)
"""Pattern for the first error in a long text."""

MAX_LETTERS = 500
"""Maximum number of characters that are quoted from an error message."""


def gave_up(what: str, error: object) -> EngineError:
    """Return the error for work that a cluster could not complete."""
    text = str(error)
    cause = CAUSE.search(text)
    kind = f"{type(error).__name__}: " if isinstance(error, Exception) else ""
    said = kind + text if cause is None else cause[0]
    return EngineError(f"{what} ({' '.join(said.split())[:MAX_LETTERS]})")
