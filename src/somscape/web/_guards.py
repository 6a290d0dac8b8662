"""What a request is checked for before anybody reads it."""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]


def are_same(a: str, b: str) -> bool:
    """Return whether two secrets are the same, in a time that tells nothing."""
    pair = (text.encode("utf-8", "surrogatepass") for text in (a, b))
    return hmac.compare_digest(*pair)


def limited(receive: Receive, announced: str | None, limit: int, too_large: Exception) -> Receive:
    """Return `receive` that refuses a body beyond the limit, announced or not."""
    if announced is not None and not (announced.isdecimal() and int(announced) <= limit):
        raise too_large
    n_bytes = 0

    async def receive_some() -> MutableMapping[str, Any]:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > limit:
            raise too_large
        return message

    return receive_some
