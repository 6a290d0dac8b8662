"""The door of an app for one: whoever has the address with the key comes in."""

import secrets
from dataclasses import dataclass, field

from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, Response

from somscape.app._safety import Refused, Visitor, template
from somscape.app._users import RUN
from somscape.cases import user_of_computer
from somscape.web import are_same


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass
class Keys:
    """What the user's browser shows to be let in.

    Attributes
    ----------
    token : str
        In the address that is printed.
    once : str
        In the address that the browser is started with: other users of the machine can see it
        among the running programs, so it opens once.
    cookie, csrf : str
        Of the session; the second is in the pages.
    """

    token: str = field(default_factory=_secret)
    once: str = field(default_factory=_secret)
    cookie: str = field(default_factory=_secret)
    csrf: str = field(default_factory=_secret)

    def opens(self, given: str) -> bool:
        """Return whether a token lets in; one that opens once is used up."""
        if self.once and are_same(given, self.once):
            self.once = ""
            return True
        return are_same(given, self.token)


class KeyDoor:
    """Lets in who comes by the address with the key.

    Parameters
    ----------
    keys : Keys
    cookie : str
        The cookie's name.
    """

    def __init__(self, keys: Keys, cookie: str) -> None:
        self._keys = keys
        self._cookie = cookie
        self._visitor = Visitor(user_of_computer(), RUN, keys.csrf)

    async def answer(self, request: Request, origin: str) -> Response | None:
        """Give the cookie for a right token in the address."""
        token = request.query_params.get("token")
        if request.scope["path"] != "/" or not token or not self._keys.opens(token):
            return None
        # A page, not a redirect: a link from elsewhere would be followed without the cookie,
        # which is for requests that start here.
        cookie = f"{self._cookie}={self._keys.cookie}; Path=/; HttpOnly; SameSite=Strict"
        return HTMLResponse(template("welcome.html").substitute(), headers={"Set-Cookie": cookie})

    def visitor(self, request: Request) -> Visitor:
        """Return the user of this computer, who has the cookie."""
        # Other servers of this machine have their cookies in here, too, and in any form.
        found = cookie_parser(request.headers.get("cookie", "")).get(self._cookie, "")
        if not are_same(found, self._keys.cookie):
            raise Refused(403, "Open the address that `somscape app` printed: it has the key.")
        return self._visitor
