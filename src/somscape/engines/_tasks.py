"""What an engine's workers run, by a name that they can import."""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

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
