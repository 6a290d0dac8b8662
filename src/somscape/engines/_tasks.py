"""Tasks for workers, under names that workers can import, and the error if a cluster gives up."""

import re
from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

from somscape.errors import EngineError

T = TypeVar("T")

FAN_IN = 8
"""Results that one task merges; as many are merged on this machine."""


def apply(function: Callable[[int, Any], T], number: int, data: Any) -> T:
    """Return what a function makes of a piece."""
    return function(number, data)


def apply_to_some(
    merge: Callable[[T, T], T], function: Callable[[int, Any], T], numbers: list[int], *some: Any
) -> T:
    """Return what a function makes of several pieces, merged."""
    return reduce(merge, map(function, numbers, some))


def merged(merge: Callable[[T, T], T], *results: T) -> T:
    """Return results as one."""
    return reduce(merge, results)


def groups(tasks: list[Any]) -> list[list[Any]]:
    """Return tasks in groups, each of which one task merges."""
    return [tasks[i : i + FAN_IN] for i in range(0, len(tasks), FAN_IN)]


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
