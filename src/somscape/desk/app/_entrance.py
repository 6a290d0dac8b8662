"""The network address of the app, its TLS settings, and the check of who may send requests."""

import errno
import re
import shutil
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from somscape._files import shown
from somscape.desk.app._login import KeyDoor, LoginDoor, NamedDoor
from somscape.desk.app._users import Users
from somscape.desk.web._connections import is_address, is_loopback
from somscape.desk.web._gate import PORTS, Origins
from somscape.desk.web._servers import listening as listening_on
from somscape.desk.web._servers import names_of, server_context
from somscape.errors import InputError
from somscape.tables._messages import counted

LOOPBACK = "127.0.0.1"
PROXY = re.compile(r"https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?")
HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
FOR_PROXIES = ("socket", "socket_group", "user_header")
FOR_TEAMS = ("tls_cert", "tls_key", "behind_proxy", *FOR_PROXIES)
NEEDS_TEAM = (
    "`host` {host} lets other computers connect, so it needs `users`, `tls_cert` and `tls_key`. "
    "Give these three, or leave `host` out and use `users` with `behind_proxy`, or an SSH tunnel."
)


@dataclass(frozen=True)
class Front:
    """Settings for the address on which the app listens, and for who may use the app.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        Address to listen on.  Every address except loopback needs `users` and TLS.
    port : int, default=0
        Port to listen on. 0 selects a free port.
    users : Path or None, default=None
        File of users.  If None, everyone who knows the address that the app prints can use the app.
    tls_cert, tls_key : Path or None, default=None
        Files of the server's TLS certificate and of its private key, in PEM format.
    behind_proxy : str or None, default=None
        Address that browsers use to reach the proxy, ``https://NAME``.
    socket : Path or None, default=None
        Path of the Unix socket on which the app listens for the proxy. No port is used then.
    socket_group : str or None, default=None
        Group of the operating system whose members may also connect to the Unix socket.
    user_header : str or None, default=None
        Name of the HTTP header in which the proxy sends the name of the user.
    allow_readable_secrets : bool, default=False
        Whether the files `users` and `tls_key` may be readable by other users of the computer.

    Raises
    ------
    InputError
        If these settings contradict each other, or if a required setting is missing.
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
        for parameter, problem in self._problems():
            raise InputError(problem, parameter=parameter, value=getattr(self, parameter))

    def _problems(self) -> Iterator[tuple[str, str]]:
        """Yield the parameters that contradict others or lack others, with messages."""
        given = [name for name in FOR_TEAMS if getattr(self, name) is not None]
        if given and self.users is None:
            yield (
                given[0],
                f"`{given[0]}` is for a team, so it needs a file of users. Make the file with "
                "`somscape app-user NAME --role run`, and give it with `users`.",
            )
        if self.behind_proxy is not None:
            yield from self._problems_of_proxy(self.behind_proxy, given)
            return
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "tls_key" if self.tls_key is None else "tls_cert"
            yield (
                missing,
                f"`tls_cert` and `tls_key` must be given together. Also give `{missing}`.",
            )
        if not is_loopback(self.host) and self.tls_cert is None:
            yield "host", NEEDS_TEAM.format(host=self.host or "''")
        for name in given:
            if name in FOR_PROXIES:
                said = "is for a proxy. Also give the address of the proxy with `behind_proxy`."
                yield name, f"`{name}` {said}"

    def _problems_of_proxy(self, proxy: str, given: list[str]) -> Iterator[tuple[str, str]]:
        if given[0] in ("tls_cert", "tls_key"):
            yield (
                "behind_proxy",
                "With `behind_proxy`, the proxy handles TLS. Leave out `tls_cert` and `tls_key`, "
                "or leave out `behind_proxy`.",
            )
        found = PROXY.fullmatch(proxy)
        if found is None or not 0 < int(found[2] or 1) < 65536:
            yield (
                "behind_proxy",
                "`behind_proxy` must be the address of the proxy in browsers, without a path, such "
                f"as https://somscape.bank.example, but is {proxy!r:.100}.",
            )
        if not is_loopback(self.host):
            yield (
                "behind_proxy",
                "`behind_proxy` needs a proxy on this computer, because the connection to the "
                f"proxy is not encrypted. Leave out `host` {self.host}.",
            )
        if self.socket is not None and (self.port or self.host != LOOPBACK):
            yield "socket", "`socket` replaces `host` and `port`. Leave out `host` and `port`."
        for name in given:
            if name in ("socket_group", "user_header") and self.socket is None:
                yield (
                    name,
                    f"`{name}` needs `socket`, because every program on this computer can connect "
                    "to a port and give any name.",
                )
        if self.user_header is not None and not HEADER.fullmatch(self.user_header):
            yield (
                "user_header",
                "`user_header` must be the name of a header, such as X-Remote-User, but is "
                f"{self.user_header!r:.100}.",
            )

    def origins(self, port: int, certified: frozenset[str]) -> Origins:
        """Return the origins (scheme, port and host names) at which browsers may reach the app."""
        if self.behind_proxy is not None:
            found = PROXY.fullmatch(self.behind_proxy)
            assert found
            name = found[1].strip("[]").lower()
            return Origins("https", int(found[2] or PORTS["https"]), frozenset({name}))
        if self.tls_cert is not None:
            return Origins("https", port, certified)
        return Origins.of_loopback(self.host, port)

    def address(self, origins: Origins) -> str:
        """Return the address of the app that a user types into the browser."""
        name = self.host
        if self.behind_proxy is not None or (self.tls_cert and name not in origins.names):
            # Take the most readable name of the certificate.
            name = min(origins.names, key=lambda one: ("*" in one, is_address(one), one))
        shown = f"[{name}]" if ":" in name else name
        port = "" if origins.port == PORTS[origins.scheme] else f":{origins.port}"
        return f"{origins.scheme}://{shown}{port}/"


@dataclass(frozen=True)
class Entrance:
    """How browsers reach the app.

    Attributes
    ----------
    door : KeyDoor, NamedDoor or LoginDoor
        Decides who may use the app.
    origins : Origins
        Origins (scheme, port and host names) at which browsers may reach the app.
    greeting : str
        Line for the terminal that contains the address of the app.
    to_open : str
        Address that the app opens in the browser at the start, or "" if no browser is started.
    tls : ssl.SSLContext or None
    """

    door: KeyDoor | NamedDoor | LoginDoor
    origins: Origins
    greeting: str
    to_open: str = ""
    tls: ssl.SSLContext | None = None


def open_entrance(front: Front, listener: socket.socket, say: Callable[[str], None]) -> Entrance:
    """Return the entrance for these settings."""
    tls, certified = None, frozenset[str]()
    if front.tls_cert is not None and front.tls_key is not None:
        tls = server_context(
            front.tls_cert, front.tls_key, may_be_readable=front.allow_readable_secrets
        )
        certified = names_of(tls, front.tls_cert)
    port = 0 if front.socket is not None else int(listener.getsockname()[1])
    origins = front.origins(port, certified)
    address = front.address(origins)
    if front.users is None:
        door = KeyDoor(origins.cookie)
        said = f"The app is at {address}?token={door.token}"
        return Entrance(door, origins, said, f"{address}?token={door.once}")
    users = Users(
        front.users,
        has_passwords=front.user_header is None,
        may_be_readable=front.allow_readable_secrets,
        say=say,
    )
    known = counted(len(users.now() or ()), "user")
    said = f"The app is at {address} for the {known} in {shown(front.users)}"
    if front.behind_proxy is not None:
        place = f"port {port} of {front.host}" if front.socket is None else shown(front.socket)
        said += f", through a proxy that connects to {place}"
    if front.user_header is not None:
        return Entrance(NamedDoor(users, front.user_header), origins, said)
    team = LoginDoor(users, origins, is_behind_proxy=front.behind_proxy is not None)
    return Entrance(team, origins, said, tls=tls)


def listening(front: Front) -> AbstractContextManager[socket.socket]:
    """Return a context manager that opens the configured port or Unix socket for connections."""
    if front.socket is None:
        return listening_on(front.host, front.port)
    return _on_socket(front.socket, front.socket_group)


@contextmanager
def _on_socket(path: Path, group: str | None) -> Iterator[socket.socket]:
    if not hasattr(socket, "AF_UNIX"):
        raise InputError(
            "This system does not support Unix sockets. Leave `socket` out.", parameter="socket"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            _clear_left(path)
            listener.bind(str(path))
            try:
                # Set the mode before listening, because nobody can connect before then.
                path.chmod(0o600 if group is None else 0o660)
                if group is not None:
                    shutil.chown(path, group=group)
                listener.listen()
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except (OSError, LookupError) as error:
            said = getattr(error, "strerror", None) or error
            raise InputError(
                f"The app cannot listen on `socket` {shown(path)} ({said}). Give a path of at most "
                "100 bytes in your own folder, and a group to which you belong.",
                parameter="socket",
                file=path,
            ) from error
        own = path.stat().st_ino
        try:
            yield listener
        finally:
            listener.close()
            with suppress(FileNotFoundError):
                if path.stat().st_ino == own:
                    path.unlink()


def _clear_left(path: Path) -> None:
    """Delete the file of a Unix socket if the server that created it was killed."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_socket:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
    raise FileExistsError(errno.EEXIST, "the path already exists")
