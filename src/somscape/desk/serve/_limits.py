"""Limits of a request, and JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True)
class RequestLimits:
    """How much a request may ask for.

    Parameters
    ----------
    max_body : int, default=32_000_000
        Bytes of a body.  What becomes of them in memory is up to some forty times as large.
    max_rows : int, default=100_000
    """

    max_body: int = 32_000_000
    max_rows: int = 100_000

    @property
    def in_words(self) -> str:
        """Return the limits as the answer to a request beyond them."""
        return f"{self.max_body / 1e6:g} MB (--max-body) and {self.max_rows:,} rows (--max-rows)"


def from_json(body: bytes, parse_constant: Callable[[str], Any]) -> Any:
    """Return what a body holds."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return json.loads(body, parse_constant=parse_constant)


def to_json(answer: Any) -> bytes:
    """Return an answer as text in UTF-8; "?" for half a letter."""
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")
