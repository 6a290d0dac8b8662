"""Under which names, and at which port, browsers know the app."""

import ipaddress
from dataclasses import dataclass

from somscape.web._addresses import is_address, is_loopback

PORTS = {"http": 80, "https": 443}
"""Those that an address leaves out."""


@dataclass(frozen=True)
class Origins:
    """What browsers may have before the path of an address.

    Attributes
    ----------
    scheme : "http" or "https"
    port : int
    names : frozenset of str
        Names and numbers in lower case; ``*.bank.example`` is any one name before that.
    has_loopback : bool, default=False
        Whether all numbers of the loopback are ours, too.
    """

    scheme: str
    port: int
    names: frozenset[str]
    has_loopback: bool = False

    @classmethod
    def of_loopback(cls, host: str, port: int) -> "Origins":
        """Return those of a server that only this machine reaches."""
        return cls("http", port, frozenset({"localhost", host.lower()}), has_loopback=True)

    def has(self, host: str) -> bool:
        """Return whether a ``Host`` is ours: other names may be made to lead here."""
        name, port = self._parts(host)
        return port == str(self.port) and (
            name in self.names
            or f"*.{name.partition('.')[2]}" in self.names
            or (self.has_loopback and is_address(name) and is_loopback(name))
        )

    def origin(self, host: str) -> str:
        """Return the ``Origin`` of our pages for a request's ``Host``."""
        given = host.removesuffix(f":{PORTS[self.scheme]}")
        return f"{self.scheme}://{given}".lower()

    @property
    def cookie(self) -> str:
        """The cookie's name, as cookies are not kept apart by port."""
        return f"{'__Host-' if self.is_secure else ''}somscape-{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS."""
        return self.scheme == "https"

    def _parts(self, host: str) -> tuple[str, str]:
        name, _, port = host.rpartition(":")
        if not name or host.endswith("]"):
            name, port = host, str(PORTS[self.scheme])
        name = name.removeprefix("[").removesuffix("]").lower()
        return (str(ipaddress.ip_address(name)) if is_address(name) else name), port
