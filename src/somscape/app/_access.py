"""What each route needs: one table, without whose line no route is served."""

import html
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from somscape.app._safety import Refused
from somscape.app._users import DECIDE, LOOK, RUN, may

ANYBODY = "anybody"
"""Needs no user: style, script and icon, which are the same everywhere."""

OF_RUN, CASES_OF = "/api/runs/{run}", "/watches/{watch}/cases"
NEEDS = {
    "/static/{name}": ANYBODY,
    "/favicon.ico": ANYBODY,
    "/": LOOK,
    "/runs/{run}": LOOK,
    "/runs/{run}/report": LOOK,
    "/runs/{run}/files/{name}": LOOK,
    "/watches/{watch}": LOOK,
    f"{CASES_OF}/{{key:path}}": LOOK,
    "/api/watches": LOOK,
    "/api/watches/{watch}": LOOK,
    f"/api{CASES_OF}/{{key:path}}": LOOK,
    "/api/watches/{watch}/decide": DECIDE,
    "/api/runs": LOOK,
    OF_RUN: LOOK,
    f"{OF_RUN}/events": LOOK,
    f"{OF_RUN}/marks": LOOK,
    f"{OF_RUN}/mark": DECIDE,
    "/api/uploads": RUN,
    "/api/sample": RUN,
    f"{OF_RUN}/start": RUN,
    f"{OF_RUN}/settings": RUN,
    f"{OF_RUN}/roles": RUN,
    f"{OF_RUN}/retry": RUN,
    f"{OF_RUN}/read": RUN,
    f"{OF_RUN}/cancel": RUN,
    f"{OF_RUN}/again": RUN,
    f"{OF_RUN}/name": RUN,
    f"{OF_RUN}/delete": RUN,
    f"{OF_RUN}/regions": RUN,
    f"{OF_RUN}/watch": RUN,
}
"""By the route's path: the role that it needs, for all of its methods."""

MAY = {DECIDE: "mark rows", RUN: "add, run, change or delete"}


def guarded(
    routes: Sequence[BaseRoute], before_change: Callable[[], Awaitable[None]] | None = None
) -> list[BaseRoute]:
    """Return the routes, each of which refuses who may not use it."""
    return [_guarded(route, before_change) for route in routes]


def _guarded(route: BaseRoute, before_change: Callable[[], Awaitable[None]] | None) -> Route:
    if not isinstance(route, Route) or route.path not in NEEDS:
        raise LookupError(f"{route}: say in NEEDS of app/_access.py which role it needs")
    needed = NEEDS[route.path]
    answer: Callable[[Request], Awaitable[Response]] = route.endpoint

    async def answer_those_who_may(request: Request) -> Response:
        check(request, needed)
        if before_change is not None and request.method == "POST":
            await before_change()
        return await answer(request)

    methods = None if route.methods is None else [*route.methods]
    return Route(route.path, answer_those_who_may, methods=methods, name=route.name)


def account_line(request: Request) -> str:
    """Return, as markup, who is logged in and the way out; "" where nobody logs in."""
    if not request.state.has_account:
        return ""
    name, role = html.escape(request.state.user), request.state.role
    return f'<p class="account"><bdi>{name}</bdi> ({role}) <a href="/logout">Log out</a></p>'


def check(request: Request, needed: str) -> None:
    """Refuse a request whose user may not do what needs a role."""
    if needed == ANYBODY:
        return
    role = getattr(request.state, "role", None)
    if role is None:
        raise Refused(403, "Log in first.")
    if not may(role, needed):
        raise Refused(
            403,
            f"{request.state.user} may not {MAY[needed]} here: that needs the role {needed}, and "
            f"yours is {role}. Whoever keeps the app's users can change it.",
        )
