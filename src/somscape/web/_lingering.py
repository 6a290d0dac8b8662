"""How a request is read and answered, and what its connection is told of it.

A short body is read before it is refused, or a proxy may lose the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, TypeAlias

from somscape.web._guards import Receive

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

CONNECTION = "somscape.connection"
"""Where the state of a request has its connection."""

CLOSE = (b"connection", b"close")
"""Header of the last answer of a connection."""

MAX_LEFT = 64 << 10
"""Bytes of a body that is read before it is refused."""

PATIENCE = 1.0
"""Seconds that it may take."""

REFUSED = 400
"""Status from which an answer is a refusal."""


class Lingering:
    """How a request is read and answered.

    Parameters
    ----------
    scope : mapping
    receive, send : callable
        Of ASGI.
    """

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        self._has_more = announced.isdigit() and 0 < int(announced) <= MAX_LEFT
        self._connection = scope.get("state", {}).get(CONNECTION)
        self._receive = receive
        self._send = send

    def let_in(self) -> None:
        """Note that a valid token or session came: the connection is closed after others."""
        if self._connection is not None:
            self._connection.let_in()

    async def receive(self) -> Message:
        """Return what comes next."""
        message = await self._receive()
        self._has_more = self._has_more and bool(message.get("more_body"))
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; before a refusal, read what is left of a short body."""
        if message["type"] == "http.response.start":
            if message["status"] >= REFUSED:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        while self._has_more:
                            await self.receive()
            # If the server ends, the client would ask again and find nobody.
            if self._connection is not None and self._connection.is_ending:
                message["headers"] = [*message.get("headers", ()), CLOSE]
        await self._send(message)
