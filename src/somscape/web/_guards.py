"""What a request is checked for before anybody reads it."""

import hmac
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from somscape.web._addresses import is_address, is_loopback

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]


def are_same(a: str, b: str) -> bool:
    """Return whether two secrets are the same, in a time that tells nothing.

    Parameters
    ----------
    a, b : str

    Returns
    -------
    bool
    """
    return hmac.compare_digest(a.encode(), b.encode())


@dataclass(frozen=True)
class Hosts:
    """Names that lead to a server; others may be made to (DNS rebinding).

    Attributes
    ----------
    host : str
        That the server listens on, as the user gave it.
    port : int
    """

    host: str
    port: int

    @cached_property
    def _names(self) -> set[str]:
        names = {"localhost", self.host.lower()}
        if not is_loopback(self.host):
            names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        return names

    def leads_here(self, given: str) -> bool:
        """Return whether a request's ``Host`` is this server's.

        Parameters
        ----------
        given : str

        Returns
        -------
        bool
        """
        name, _, port = given.rpartition(":")
        name, port = (given, "80") if not name or given.endswith("]") else (name, port)
        name = name.strip("[]").lower()
        is_number = is_address(name) and (not is_loopback(self.host) or is_loopback(name))
        return port == str(self.port) and (name in self._names or is_number)


def limited(receive: Receive, announced: str | None, limit: int, too_large: Exception) -> Receive:
    """Return `receive` that refuses a body beyond the limit, announced or not.

    Parameters
    ----------
    receive : callable
        Of ASGI.
    announced : str or None
        The ``Content-Length``.
    limit : int
        Bytes.
    too_large : Exception
        Raised at once, or when so much has come.

    Returns
    -------
    callable
    """
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
