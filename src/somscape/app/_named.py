"""The door behind a proxy that has asked who it is: it says so in a header of each request."""

import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from somscape.app._safety import Refused, Visitor
from somscape.app._users import Users, plain_name


class NamedDoor:
    """Lets in whom the proxy names; nobody else can reach the socket, so it is believed.

    Parameters
    ----------
    users : Users
        Who may come in, for what.
    header : str
    """

    def __init__(self, users: Users, header: str) -> None:
        self._users = users
        self._header = header.lower()
        self._key = secrets.token_bytes(32)

    async def answer(self, request: Request, origin: str) -> Response | None:
        """Answer nothing: the proxy has its own way to log in and out."""
        return None

    def visitor(self, request: Request) -> Visitor:
        """Return the user that the proxy names, or refuse."""
        users = self._users.now()
        if users is None:
            raise Refused(503, "The list of users cannot be used just now. Its keeper sees why.")
        given = request.headers.getlist(self._header)
        if len(given) != 1:  # a second one would be the visitor's own
            raise Refused(403, "The proxy does not say, once, who you are.")
        try:
            name = plain_name(given[0].encode("latin-1").decode())
        except UnicodeDecodeError:
            name = ""
        user = users.get(name)
        if user is None:
            raise Refused(403, "You are no user of this app. Ask whoever keeps its users.")
        csrf = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        return Visitor(name, user.role, csrf)
