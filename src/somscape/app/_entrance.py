"""The entrance to the app, as it is said to be: the door, the address, and TLS if it is ours."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket

from somscape._files import shown
from somscape.app._front import Front
from somscape.app._keys import KeyDoor, Keys
from somscape.app._safety import Door
from somscape.app._users import Users
from somscape.tables import counted
from somscape.web import Origins, names_of, server_context


@dataclass(frozen=True)
class Entrance:
    """How people come to the app.

    Attributes
    ----------
    door : Door
        Who is let in.
    origins : Origins
        Where browsers find the app.
    said : str
        Where, in a line for the terminal.
    to_open : str
        Address with which the browser is started; "" for none.
    tls : ssl.SSLContext or None
    """

    door: Door
    origins: Origins
    said: str
    to_open: str = ""
    tls: ssl.SSLContext | None = None


def open_entrance(front: Front, listener: socket, say: Callable[[str], None]) -> Entrance:
    """Return the entrance that is asked for."""
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
        keys = Keys()
        door = KeyDoor(keys, origins.cookie)
        said = f"The app is at {address}?token={keys.token}"
        return Entrance(door, origins, said, f"{address}?token={keys.once}")
    users = Users(
        front.users,
        has_passwords=front.user_header is None,
        may_be_readable=front.allow_readable_secrets,
        say=say,
    )
    known = counted(len(users.now() or ()), "user")
    said = f"The app is at {address} for the {known} of {shown(front.users)}"
    if front.behind_proxy is not None:
        place = f"port {port} of {front.host}" if front.socket is None else shown(front.socket)
        said += f", through a proxy that sends to {place}"
    return Entrance(_team_door(front, users, origins), origins, said, tls=tls)


def _team_door(front: Front, users: Users, origins: Origins) -> Door:
    if front.user_header is not None:
        from somscape.app._named import NamedDoor

        return NamedDoor(users, front.user_header)
    from somscape.app._login import LoginDoor  # late, because it needs the extra `team`

    return LoginDoor(users, origins, is_behind_proxy=front.behind_proxy is not None)
