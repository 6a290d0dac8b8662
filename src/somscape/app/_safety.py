"""Who may ask for what: a layer around the app that refuses everything else.

What it stops, in order: pages of other names that lead to this machine (DNS rebinding), people and
programs without the token, pages of other sites that post here (CSRF), bodies beyond the limit.
docs/guide/app.md says what is not stopped.
"""

import html
import json
import secrets
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from somscape.web import Hosts, are_same, limited

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the app's own pages may load: their own files."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
CSRF_HEADER = "x-somscape-csrf"
UPLOAD_PATH = "/api/uploads"
MAX_BODY = 4 << 20
"""Bytes of a request that is no upload."""


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


class Refused(HTTPException):
    """A request that is answered with a status and one line."""


class Safety:
    """The layer.

    Parameters
    ----------
    app : ASGI app
    keys : Keys
    host : str
        That the server listens on, as the user gave it.
    port : int
    max_upload : int
        Bytes.
    """

    def __init__(self, app: ASGIApp, keys: Keys, host: str, port: int, max_upload: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = Hosts(host, port)
        self._max_upload = max_upload
        self._cookie = f"somscape-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here: the server closes it

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check_host(headers.get("host", ""))
            token = parse_qs(scope["query_string"].decode("latin-1")).get("token")
            if scope["path"] == "/" and token and self._keys.opens(token[0]):
                await self._let_in(send_safely)
                return
            self._check_cookie(headers)
            if scope["method"] not in ("GET", "HEAD"):
                self._check_origin(headers)
            limit = self._max_upload if scope["path"] == UPLOAD_PATH else MAX_BODY
            announced = headers.get("content-length")
            body = limited(receive, announced, limit, _too_large(limit))
            await self._app(scope, body, send_safely)
        except Refused as refused:
            await _refuse(scope, send_safely, refused)

    def _check_host(self, given: str) -> None:
        """Refuse names that are not this machine's: they may be made to lead here."""
        if not self._hosts.leads_here(given):
            raise Refused(421, "This is not the address of this server.")

    def _check_cookie(self, headers: Headers) -> None:
        # Other servers of this machine have their cookies in here, too, and in any form.
        found = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if not are_same(found, self._keys.cookie):
            raise Refused(403, "Open the address that `somscape app` printed: it has the key.")

    def _check_origin(self, headers: Headers) -> None:
        if headers.get("origin") != f"http://{headers.get('host')}":
            raise Refused(403, "Only pages of this server may ask for this.")
        if not are_same(headers.get(CSRF_HEADER, ""), self._keys.csrf):
            raise Refused(403, "The page is from before the server's last start; load it again.")

    async def _let_in(self, send: Send) -> None:
        # A page, not a redirect: a link from elsewhere would be followed without the cookie,
        # which is for requests that start here.
        text = (files("somscape.app") / "templates" / "welcome.html").read_bytes()
        cookie = f"{self._cookie}={self._keys.cookie}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 200, "text/html; charset=utf-8", text, {"Set-Cookie": cookie})


def _too_large(limit: int) -> Refused:
    return Refused(
        413, f"This is larger than the {limit / 1e6:.0f} MB that this server takes (--max-upload)."
    )


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    close = {"Connection": "close"}  # what is left of the body is not read
    if scope["path"].startswith("/api/"):
        body = json.dumps({"problem": refused.detail}).encode()
        await _answer(send, refused.status_code, "application/json", body, close)
        return
    page = Template((files("somscape.app") / "templates" / "problem.html").read_text("utf-8"))
    body = page.substitute(problem=html.escape(refused.detail)).encode()
    await _answer(send, refused.status_code, "text/html; charset=utf-8", body, close)


async def _answer(send: Send, status: int, kind: str, body: bytes, headers: dict[str, str]) -> None:
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
