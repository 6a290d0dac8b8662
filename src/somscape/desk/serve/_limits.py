"""Limits on the size of a request, and functions that read and write JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True)
class RequestLimits:
    """Limits on the size of a request.

    Parameters
    ----------
    max_body : int, default=32_000_000
        Maximum bytes of the body of a request, whose rows need up to 40 times as much memory.
    max_rows : int, default=100_000
    """

    max_body: int = 32_000_000
    max_rows: int = 100_000

    @property
    def in_words(self) -> str:
        """Phrase with both limits, for the response to a request that is too large."""
        return f"{self.max_body / 1e6:g} MB (--max-body) and {self.max_rows:,} rows (--max-rows)"


def from_json(body: bytes, parse_constant: Callable[[str], Any]) -> Any:
    """Return the data in the JSON body of a request."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return json.loads(body, parse_constant=parse_constant)


def to_json(answer: Any) -> bytes:
    """Return a response as JSON in UTF-8. Invalid characters become "?"."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")
