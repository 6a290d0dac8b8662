"""Functions that workers import by name and run as tasks, and the errors of tasks."""

import re
from collections.abc import Callable, Collection
from functools import reduce
from typing import Any, TypeVar

from somscape.errors import EngineError, InputError

T = TypeVar("T")

FAN_IN = 8
"""Maximum number of task results that one process merges at a time."""


def apply(function: Callable[[int, Any], T], number: int, data: Any) -> T:
    """Call the function on one piece of the data, and return the result."""
    return function(number, data)


def apply_to_some(
    merge: Callable[[T, T], T], function: Callable[[int, Any], T], numbers: list[int], *some: Any
) -> T:
    """Call the function on several pieces of the data, and return the merged result."""
    return reduce(merge, map(function, numbers, some))


def merged(merge: Callable[[T, T], T], *results: T) -> T:
    """Merge results into one result."""
    return reduce(merge, results)


def groups(tasks: list[Any]) -> list[list[Any]]:
    """Divide tasks into groups. An additional task merges the results of each group."""
    return [tasks[i : i + FAN_IN] for i in range(0, len(tasks), FAN_IN)]


def check_new_column(name: str, names: Collection[str]) -> None:
    """Raise InputError if a collection already has the column that is to be added."""
    if name in names:
        raise InputError(
            f"X already has a column '{name}'. Rename or drop it.", parameter="X", column=name
        )


CAUSE = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception): .*", re.MULTILINE)
"""Pattern that finds the first line with an exception in a long error text of an engine."""

MAX_LETTERS = 500
"""Maximum number of characters of an engine's error text that an error of somscape quotes."""


def gave_up(what: str, error: object) -> EngineError:
    """Return an EngineError about work that a cluster could not complete."""
    text = str(error)
    cause = CAUSE.search(text)
    kind = f"{type(error).__name__}: " if isinstance(error, Exception) else ""
    said = kind + text if cause is None else cause[0]
    return EngineError(f"{what} ({' '.join(said.split())[:MAX_LETTERS]})")
