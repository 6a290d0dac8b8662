"""Where the app listens, and who may come: what is given for it, checked as a whole.

There are two ways. Alone: on the loopback, whoever has the key. As a team: users, who come by TLS,
through a proxy, or on the loopback. Everything between is refused before anything starts.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from somscape.errors import InputError
from somscape.web import PORTS, Origins, is_address, is_loopback

LOOPBACK = "127.0.0.1"
PROXY = re.compile(r"https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
NEEDS_TEAM = (
    "`host` {host} lets other computers in. That needs `users` with their passwords, and "
    "`tls_cert` with `tls_key`. Or leave `host` out, and give `users` and `behind_proxy`, or make "
    "an SSH tunnel."
)


@dataclass(frozen=True)
class Front:
    """Where the app listens, and who may come.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        Address to listen on; any but this machine's own needs `users` and TLS.
    port : int, default=0
        0: a free one.
    users : Path or None, default=None
        File of users; None: whoever has the key.
    tls_cert, tls_key : Path or None, default=None
        Of the server, in PEM.
    behind_proxy : str or None, default=None
        ``https://NAME``, as browsers call the proxy.
    socket : Path or None, default=None
        Unix socket to listen on for the proxy, instead of a port.
    socket_group : str or None, default=None
        Group that may use the socket, too.
    user_header : str or None, default=None
        In which the proxy says who it is.
    allow_readable_secrets : bool, default=False
        Whether others of the computer may read `users` and `tls_key`.

    Raises
    ------
    InputError
        Where that does not fit together.
    """

    host: str = LOOPBACK
    port: int = 0
    users: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: str | None = None
    socket: Path | None = None
    socket_group: str | None = None
    user_header: str | None = None
    allow_readable_secrets: bool = False

    def __post_init__(self) -> None:
        team = ("tls_cert", "tls_key", "behind_proxy", "socket", "socket_group", "user_header")
        given = [name for name in team if getattr(self, name) is not None]
        if given and self.users is None:
            raise InputError(
                f"`{given[0]}` is for a team, whose names and passwords a file has. Give it with "
                "`users`; `somscape app-user` makes one."
            )
        if self.behind_proxy is None:
            self._check_without_proxy()
        else:
            self._check_proxy(self.behind_proxy)

    def _check_without_proxy(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_cert"
            raise InputError(f"`tls_cert` and `tls_key` belong together. Give `{missing}`, too.")
        if not is_loopback(self.host) and self.tls_cert is None:
            raise InputError(NEEDS_TEAM.format(host=self.host or "''"))
        for name in ("socket", "socket_group", "user_header"):
            if getattr(self, name) is not None:
                raise InputError(f"`{name}` is for a proxy. Give its name with `behind_proxy`.")

    def _check_proxy(self, proxy: str) -> None:
        if self.tls_cert is not None or self.tls_key is not None:
            raise InputError(
                "`behind_proxy` leaves TLS to the proxy: leave `tls_cert` and `tls_key` out, or "
                "leave `behind_proxy` out."
            )
        found = PROXY.fullmatch(proxy)
        if found is None or not 0 < int(found[2] or 1) < 65536:
            raise InputError(
                "`behind_proxy` must be what browsers ask for, without a path, such as "
                f"https://somscape.bank.example; got {proxy!r:.100}."
            )
        if not is_loopback(self.host):
            raise InputError(
                "`behind_proxy` is for a proxy on this computer, as what it sends is not "
                f"encrypted: leave `host` {self.host} out."
            )
        if self.socket is not None and (self.port or self.host != LOOPBACK):
            raise InputError("`socket` stands instead of `host` and `port`. Leave those out.")
        for name in ("socket_group", "user_header"):
            if getattr(self, name) is not None and self.socket is None:
                raise InputError(
                    f"`{name}` needs `socket`: a port can be reached by every program of this "
                    "computer, which could give any name."
                )
        if self.user_header is not None and not HEADER.fullmatch(self.user_header):
            raise InputError(
                f"`user_header` must be a header's name, such as X-Remote-User; got "
                f"{self.user_header!r:.100}."
            )

    def origins(self, port: int, certified: frozenset[str]) -> Origins:
        """Return where browsers find the app."""
        if self.behind_proxy is not None:
            found = PROXY.fullmatch(self.behind_proxy)
            assert found
            name = found[1].strip("[]").lower()
            return Origins("https", int(found[2] or PORTS["https"]), frozenset({name}))
        if self.tls_cert is not None:
            return Origins("https", port, certified)
        return Origins.of_loopback(self.host, port)

    def address(self, origins: Origins) -> str:
        """Return what people type into the browser."""
        name = self.host
        if self.behind_proxy is not None or (self.tls_cert and name not in origins.names):
            # Of a certificate's names the one that reads best.
            name = min(origins.names, key=lambda one: ("*" in one, is_address(one), one))
        shown = f"[{name}]" if ":" in name else name
        port = "" if origins.port == PORTS[origins.scheme] else f":{origins.port}"
        return f"{origins.scheme}://{shown}{port}/"
