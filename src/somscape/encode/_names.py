"""Columns that a table lacks, with those of its own that they may be."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

MAX_NAMED = 5
"""Columns that a message names."""


def lacking(names: Sequence[str], there: Sequence[str], known: Collection[str]) -> str:
    """Name columns that a table lacks."""
    spare = {other.casefold(): other for other in there if other not in known}
    first = [_with_likely_name(name, spare) for name in names[:MAX_NAMED]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def _with_likely_name(name: str, spare: dict[str, str]) -> str:
    near = get_close_matches(name.casefold(), spare, n=1)
    return f"'{name}' (is it '{spare[near[0]]}'?)" if near else f"'{name}'"
