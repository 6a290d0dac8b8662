"""Templates of the app's pages, the headers of all responses, and the responses to refusals."""

import html
from importlib.resources import files
from string import Template

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from somscape.desk.web._gate import Refusal, problem_of

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content policy of pages. Pages may load only files that the app serves."""

HEADS = ("head_with_scripts", "head")
"""Templates for the heads of pages. The first template contains the second."""


def template(name: str) -> Template:
    """Return a file of the folder `templates`. HTML files get the common head."""
    folder = files("somscape.desk.app") / "templates"
    text = (folder / name).read_text("utf-8")
    if name.endswith(".html"):
        for part in HEADS:
            text = text.replace(f"${part}\n", (folder / f"{part}.html").read_text("utf-8"))
    return Template(text)


def answer_of(request: Request, refused: HTTPException) -> Response:
    """Return the response to a refused request, as JSON for the API and as a page otherwise."""
    if not isinstance(refused, Refusal):  # Starlette refuses unknown paths and methods
        refused.detail = "This page does not exist. Open the home page."
        if refused.status_code == 405:
            allowed = (refused.headers or {}).get("Allow", "another method")
            refused.detail = f"This page does not support {request.method}. Use {allowed}."
    if request.scope["path"].startswith("/api/"):
        return problem_of(request, refused)
    page = template("problem.html").substitute(problem=html.escape(refused.detail))
    return HTMLResponse(page, refused.status_code, refused.headers)


def account_line(request: Request) -> str:
    """Return HTML with the name of the user and a log-out link, or "" for a user without log-in."""
    if not request.user.has_account:
        return ""
    name, role = html.escape(request.user.name), request.user.role
    return f'<p class="account"><bdi>{name}</bdi> ({role}) <a href="/logout">Log out</a></p>'
