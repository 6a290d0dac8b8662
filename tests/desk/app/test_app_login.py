"""The door of a team, in this process: log-in, roles, sessions, all that may be tried at it."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from team import PASSWORD, asked, write_team
from web_client import Answer

from somscape.desk.app._context import Context
from somscape.desk.app._login import AT_A_TIME, MAX_IDLE, MAX_WAITING, LoginDoor, NamedDoor
from somscape.desk.app._pages import HEADERS, answer_of
from somscape.desk.app._results import MarkStore
from somscape.desk.app._server import Front, Site, gate_of
from somscape.desk.app._store import Store
from somscape.desk.app._users import ROLES, Users, roles_in
from somscape.desk.web._gate import ANYBODY, Access, Call, Visitor

ORIGIN = "https://somscape.bank.example"
HOST = ORIGIN.removeprefix("https://")
TEAM = {"anna": "look", "bo": "decide", "kim": "run", "Zoë": "look"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Door:
    """An app with a door for a team, behind a proxy; what its routes were asked is written down."""

    def __init__(self, users: Path, site: Callable[[Sequence[Call]], Starlette]) -> None:
        front = Front(users=users, behind_proxy=ORIGIN)
        self.users, self.clock = users, Clock()
        self.origins = front.origins(1, frozenset())
        self.door = LoginDoor(
            Users(users, has_passwords=True),
            self.origins,
            is_behind_proxy=True,
            clock=self.clock,
        )
        self.app = gate_of(site(self.door.calls()), self.door, self.origins)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        sent = {"host": HOST, **{n.replace("_", "-"): v for n, v in headers.items()}}
        return asyncio.run(asked(self.app, method, path, sent, body))

    def form(self, path: str, headers: Mapping[str, str] = {}, **fields: str) -> Answer:
        sent = {"origin": ORIGIN, **headers}
        return self.ask("POST", path, urlencode(fields).encode(), **sent)

    def try_in(self, name: str, password: str = PASSWORD, **headers: str) -> Answer:
        return self.form("/login", headers, name=name, password=password)

    def log_in(self, name: str) -> dict[str, str]:
        """Return the headers with which a user asks for changes."""
        answer = self.try_in(name)
        assert answer.status == 303, answer.text
        cookie = answer.headers["set-cookie"].partition(";")[0]
        known = self.ask("GET", "/who", cookie=cookie).json
        return {"cookie": cookie, "origin": ORIGIN, "x-somscape-csrf": known["csrf"]}


@pytest.fixture
def users(tmp_path: Path) -> Path:
    return write_team(tmp_path / "users.toml", **TEAM)


async def who(request: Any) -> JSONResponse:
    visitor = request.user
    return JSONResponse({"user": visitor.name, "role": visitor.role, "csrf": visitor.csrf})


CALLS = [Call("/who", who, "look"), Call("/api/mark", who, "decide", "POST")]


def site_of(*calls: Call) -> Callable[[Sequence[Call]], Starlette]:
    """Return a site with these calls, and with those of its door."""
    handlers: Any = {HTTPException: answer_of}
    return lambda more: Starlette(routes=[*calls, *more], exception_handlers=handlers)


@pytest.fixture
def door(users: Path) -> Door:
    return Door(users, site_of(*CALLS))


# Log-in


def test_a_right_password_gives_a_cookie_that_scripts_and_other_sites_cannot_use(
    door: Door,
) -> None:
    answer = door.try_in("anna")
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    name, *attributes = (part.strip() for part in answer.headers["set-cookie"].split(";"))
    assert name.startswith("__Host-somscape-443=")
    assert set(attributes) == {"Path=/", "Max-Age=86400", "HttpOnly", "Secure", "SameSite=Strict"}
    assert PASSWORD not in str(answer)
    found = door.ask("GET", "/who", cookie=name).json
    assert (found["user"], found["role"]) == ("anna", "look")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong wrong wrong"),
        ("nobody", PASSWORD),
        ("ANNA", PASSWORD),
        ("", PASSWORD),
        ("anna", ""),
        ("anna", PASSWORD + " "),
        ("anna", "x" * 257),
        ("x" * 5000, PASSWORD),
        ("anna\x00", PASSWORD),
        ("<script>alert(1)</script>", "'\" OR 1=1 --"),
        ("\u202eanna", PASSWORD),
    ],
)
def test_what_is_wrong_is_never_said(door: Door, name: str, password: str) -> None:
    answer = door.try_in(name, password)
    right = door.try_in("anna", "another wrong one")
    assert answer.status == right.status == 403
    assert answer.body == right.body
    assert "The name or the password is wrong." in answer.text
    assert "set-cookie" not in answer.headers


def test_an_unknown_name_takes_the_same_check_of_a_password(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    monkeypatch.setattr(
        "somscape.desk.app._login.is_password", lambda *given: checked.append(given) or True
    )
    assert door.try_in("anna").status == 303
    for _ in range(2):
        assert door.try_in("nobody").status == 403  # though the other one's password is right
    assert len(checked) == 3
    assert checked[1] == checked[2]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"name=anna", b"&" * 1000, b"name=%ff&password=%ff", b"{}", b"a=1&" * 11],
)
def test_what_is_no_form_of_ours_lets_nobody_in(door: Door, body: bytes) -> None:
    answer = door.ask("POST", "/login", body, origin=ORIGIN)
    assert answer.status in (403, 422)
    assert "set-cookie" not in answer.headers


def test_a_password_of_a_megabyte_is_not_read(door: Door) -> None:
    body = b"name=anna&password=" + b"x" * 1_000_000
    for announced in ({}, {"content-length": str(len(body))}):
        assert door.ask("POST", "/login", body, origin=ORIGIN, **announced).status == 413
    assert door.try_in("anna").status == 303


@pytest.mark.parametrize("origin", [None, "null", "http://" + HOST, "https://evil.example"])
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_another_site_can_log_nobody_in_or_out(door: Door, path: str, origin: str | None) -> None:
    own = door.log_in("anna")
    headers = {"origin": origin} if origin else {}
    body = urlencode({"name": "bo", "password": PASSWORD, "csrf": own["x-somscape-csrf"]})
    answer = door.ask("POST", path, body.encode(), cookie=own["cookie"], **headers)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    assert door.ask("GET", "/who", cookie=own["cookie"]).json["user"] == "anna"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost", HOST + ":444", "x." + HOST, ""]
)
def test_no_other_name_is_answered(door: Door, host: str) -> None:
    for method, path in (("GET", "/login"), ("GET", "/who"), ("POST", "/login")):
        answer = asyncio.run(asked(door.app, method, path, {"host": host, "origin": ORIGIN}))
        assert answer.status == 421
    for name in (HOST, HOST.upper(), HOST + ":443"):
        assert asyncio.run(asked(door.app, "GET", "/login", {"host": name})).status == 200


def test_pages_of_the_door_run_no_script_and_have_the_headers(door: Door) -> None:
    own = door.log_in("anna")
    for path, cookie in (("/login", ""), ("/logout", own["cookie"]), ("/who", "")):
        answer = door.ask("GET", path, cookie=cookie)
        assert "<script" not in answer.text
        for name in {*HEADERS} - {"Referrer-Policy"}:
            assert answer.headers[name.lower()] == HEADERS[name]
        if path != "/who":
            assert "script-src" not in answer.headers["content-security-policy"]
            assert "form-action 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("/runs/0123456789abcdef/report?x=1", "/runs/0123456789abcdef/report?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/" + "a" * 600, "/"),
        ("", "/"),
    ],
)
def test_after_the_log_in_it_goes_on_to_a_page_of_ours(door: Door, given: str, place: str) -> None:
    answer = door.form("/login", name="anna", password=PASSWORD, next=given)
    assert answer.headers["location"] == place
    page = door.ask("GET", "/login?" + urlencode({"next": given})).text
    assert f'name="next" value="{place}"' in page


def test_who_is_not_logged_in_is_led_to_the_log_in_and_back(door: Door) -> None:
    answer = door.ask("GET", "/who?a=%22%3E%3Cscript%3E")
    assert answer.status == 403
    found = re.search('content="0;url=([^"]+)"', answer.text)
    assert found
    assert "<script>" not in answer.text
    place = found[1]
    assert door.ask("GET", place).status == 200
    # After a link from elsewhere the cookie comes only with this second request.
    own = door.log_in("anna")
    again = door.ask("GET", place, cookie=own["cookie"])
    assert (again.status, again.headers["location"]) == (303, "/who?a=%22%3E%3Cscript%3E")


# Guessing


def test_guesses_must_wait_whether_the_name_is_known_or_not(door: Door) -> None:
    for name in ("anna", "nobody"):
        statuses = [door.try_in(name, f"wrong wrong {i}").status for i in range(7)]
        assert statuses == [403] * 5 + [429] * 2
    refused, unknown = door.try_in("anna"), door.try_in("nobody")
    assert refused.status == 429  # with the right password, too
    assert refused.body == unknown.body
    assert refused.headers["retry-after"] == "1"
    assert door.try_in("bo").status == 303  # others do not wait
    door.clock.now += 1
    assert door.try_in("anna").status == 303


def test_one_address_must_wait_whatever_names_it_tries(door: Door) -> None:
    def tried(i: int, address: str) -> int:
        forwarded = {"x-forwarded-for": f"10.9.9.{i}, {address}"}  # the first is the browser's word
        return door.try_in(f"name {i}", "wrong wrong wrong", **forwarded).status

    assert [tried(i, "192.0.2.7") for i in range(22)] == [403] * 20 + [429] * 2
    assert tried(30, "192.0.2.8") == 403
    assert tried(31, "::ffff:192.0.2.7") == 429  # the same, as a listener on :: sees it
    assert tried(32, "::ffff:192.0.2.9") == 403
    assert tried(33, "not an address") == 403
    # Whoever has one IPv6 address has 2 ** 64 of them.
    assert [tried(i, f"2001:db8::{i:x}") for i in range(40, 62)] == [403] * 20 + [429] * 2
    assert tried(70, "2001:db8:0:1::1") == 403


def test_what_a_visitor_says_in_a_line_of_its_own_is_no_address(door: Door) -> None:
    def tried(i: int) -> int:
        lines = {"X-Forwarded-For": f"10.9.9.{i}", "x-forwarded-for": "192.0.2.7"}
        return door.try_in(f"name {i}", "wrong wrong wrong", **lines).status

    assert [tried(i) for i in range(21)] == [403] * 20 + [429]


def test_many_log_ins_at_once_are_checked_a_few_at_a_time(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading
    import time

    lock, now, most = threading.Lock(), [0], [0]

    def slow(*given: str) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return False

    monkeypatch.setattr("somscape.desk.app._login.is_password", slow)

    async def all_at_once() -> list[Answer]:
        headers = {"host": HOST, "origin": ORIGIN}
        bodies = [urlencode({"name": f"n{i}", "password": PASSWORD}).encode() for i in range(40)]
        return await asyncio.gather(
            *(asked(door.app, "POST", "/login", headers, body) for body in bodies)
        )

    statuses = sorted(answer.status for answer in asyncio.run(all_at_once()))
    assert most[0] == AT_A_TIME
    assert statuses == [403] * MAX_WAITING + [503] * (40 - MAX_WAITING)


# Sessions


def test_an_idle_session_is_over_for_pages_and_calls(door: Door) -> None:
    own = door.log_in("bo")
    assert door.ask("POST", "/api/mark", **own).status == 200
    door.clock.now += MAX_IDLE
    answer = door.ask("POST", "/api/mark", **own)
    assert answer.status == 403
    assert "Load the page again" in answer.problem
    assert "log in" in door.ask("GET", "/who", cookie=own["cookie"]).text


@pytest.mark.parametrize("csrf", ["", "wrong", "ü", "of another"])
def test_a_change_needs_the_key_of_its_own_session(door: Door, csrf: str) -> None:
    own, other = door.log_in("bo"), door.log_in("bo")
    given = other["x-somscape-csrf"] if csrf == "of another" else csrf
    answer = door.ask("POST", "/api/mark", **{**own, "x-somscape-csrf": given})
    assert answer.status == 403
    assert door.ask("POST", "/api/mark", **own).status == 200


def test_a_visitor_without_a_key_changes_nothing(door: Door) -> None:
    class Keyless(Access):
        async def authenticate(self, conn: Any) -> Any:
            return AuthCredentials(ROLES), Visitor("anna", "run")

    door.app = gate_of(site_of(*CALLS)([]), Keyless(), door.origins)
    assert door.ask("GET", "/who").status == 200
    for headers in ({}, {"x-somscape-csrf": ""}):
        assert door.ask("POST", "/api/mark", origin=ORIGIN, **headers).status == 403


def test_logging_out_ends_all_tabs_and_on_demand_all_browsers(door: Door) -> None:
    first, second, other = door.log_in("bo"), door.log_in("bo"), door.log_in("anna")
    cookie = {"cookie": first["cookie"]}
    page = door.ask("GET", "/logout", **cookie).text
    assert first["x-somscape-csrf"] in page
    assert door.form("/logout", cookie, csrf="wrong").status == 403
    assert door.ask("GET", "/who", **cookie).status == 200
    answer = door.form("/logout", cookie, csrf=first["x-somscape-csrf"])
    assert answer.headers["location"] == "/login"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert door.ask("POST", "/api/mark", **first).status == 403  # the other tab of this browser
    assert door.ask("POST", "/api/mark", **second).status == 200
    third = door.log_in("bo")
    cookie = {"cookie": second["cookie"]}
    door.form("/logout", cookie, csrf=second["x-somscape-csrf"], everywhere="yes")
    assert [door.ask("POST", "/api/mark", **one).status for one in (second, third)] == [403, 403]
    assert door.ask("GET", "/who", cookie=other["cookie"]).status == 200


def test_logging_in_again_ends_the_session_before(door: Door) -> None:
    own = door.log_in("anna")
    assert door.try_in("bo", cookie=own["cookie"]).status == 303
    assert door.ask("GET", "/who", cookie=own["cookie"]).status == 403


def test_a_cookie_that_somebody_else_chose_is_never_a_session(door: Door) -> None:
    chosen = "__Host-somscape-443=" + "a" * 43
    answer = door.try_in("anna", cookie=chosen)
    assert answer.status == 303
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie != chosen
    assert door.ask("GET", "/who", cookie=chosen).status == 403
    assert door.ask("GET", "/who", cookie=cookie).status == 200


def test_who_is_removed_or_changed_in_the_file_is_so_at_once(door: Door) -> None:
    anna, bo, kim = (door.log_in(name) for name in ("anna", "bo", "kim"))
    write_team(door.users, bo="look", kim="run")
    assert door.ask("GET", "/who", cookie=anna["cookie"]).status == 403
    assert door.ask("POST", "/api/mark", **bo).status == 403  # his role is lower now
    assert door.ask("GET", "/who", cookie=bo["cookie"]).json["role"] == "look"
    write_team(door.users, bo="look")
    assert door.ask("GET", "/who", cookie=kim["cookie"]).status == 403
    door.users.write_text("[users")
    assert door.ask("GET", "/who", cookie=bo["cookie"]).status == 503
    assert door.try_in("bo").status == 503


def test_a_new_password_logs_out(door: Door) -> None:
    own = door.log_in("bo")
    write_team(door.users, "another password", **TEAM)
    assert door.ask("GET", "/who", cookie=own["cookie"]).status == 403
    assert door.try_in("bo").status == 403
    assert door.try_in("bo", "another password").status == 303


def test_a_long_answer_ends_with_the_session(users: Path) -> None:
    n_sent = []

    async def events(request: Any) -> StreamingResponse:
        async def lines() -> Any:
            for i in range(10):
                if i == 3:
                    write_team(users, kim="run")  # who listens is removed
                n_sent.append(i)
                yield f"data: {i}\n\n"

        return StreamingResponse(lines())

    door = Door(users, site_of(*CALLS, Call("/events", events, "look")))
    own = door.log_in("anna")
    with pytest.raises(ConnectionAbortedError):
        door.ask("GET", "/events", cookie=own["cookie"])
    assert n_sent == [0, 1, 2, 3]


# Roles, for every route that there is


@pytest.fixture
def site(users: Path, tmp_path: Path) -> Iterator[Door]:
    queue = SimpleNamespace(add=lambda run: None, state_of=lambda run: {})
    with closing(Store(tmp_path / "state")) as store:
        at = Context(store, queue, MarkStore(store), 1000)
        yield Door(users, partial(Site(at).app, lambda: None))


def all_routes() -> list[tuple[str, str, str]]:
    made = Site(Context(None, None, None, 1)).app(lambda: None)
    assert all(isinstance(route, Call) for route in made.routes)
    return [
        (method, route.path, route.needs)
        for route in made.routes
        for method in sorted(route.methods - {"HEAD"})
    ]


def test_each_route_has_a_role(door: Door) -> None:
    assert {needs for _, _, needs in all_routes()} == {ANYBODY, *ROLES}
    for method, path, needs in all_routes():
        if method != "GET":
            assert needs in ("decide", "run"), path  # to look changes nothing
    site = Starlette(routes=[Route("/new", who)])
    with pytest.raises(LookupError, match="Each route must be a Call"):
        gate_of(site, door.door, door.origins)


@pytest.mark.parametrize(("method", "path", "needed"), all_routes())
def test_a_route_answers_those_alone_who_may(
    site: Door, method: str, path: str, needed: str
) -> None:
    name = "app.css" if "static" in path else "alerts.csv"
    place = path.replace("{key:path}", "k").format(run="0" * 16, name=name, watch="none")
    anonymous = site.ask(method, place, b"{}", origin=ORIGIN)
    assert (anonymous.status == 200) == (needed == ANYBODY)
    for name in ("anna", "bo", "kim"):
        answer = site.try_in(name)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        page = site.ask("GET", "/", cookie=cookie).text
        found = re.search('name="csrf" content="([^"]+)"', page)
        assert found
        headers = {"cookie": cookie, "origin": ORIGIN, "x-somscape-csrf": found[1]}
        answer = site.ask(method, place, b"{}", **headers)
        if needed != ANYBODY and needed not in roles_in(TEAM[name]):
            assert answer.status == 403
            assert f"the role {needed}, but your role is {TEAM[name]}" in answer.problem
        else:
            assert answer.status in (200, 404, 415, 422), answer.text  # there is no such run


# Whom a proxy names


@pytest.fixture
def named(users: Path) -> Door:
    made = Door(users, site_of(*CALLS))
    door = NamedDoor(Users(users, has_passwords=False), "X-Remote-User")
    made.app = gate_of(site_of(*CALLS)(door.calls()), door, made.origins)
    return made


@pytest.mark.parametrize("name", ["", "nobody", "ANNA", "anna,bo", "anna\x01", "x" * 9000])
def test_a_proxy_that_names_no_user_is_refused(named: Door, name: str) -> None:
    assert named.ask("GET", "/who", x_remote_user=name).status == 403
    assert named.ask("GET", "/who").status == 403


def test_a_proxy_that_names_two_is_refused(named: Door) -> None:
    class Twice(dict):
        def items(self) -> Any:
            return [("host", HOST), ("x-remote-user", "anna"), ("X-Remote-User", "kim")]

    assert asyncio.run(asked(named.app, "GET", "/who", Twice())).status == 403


def test_whom_a_proxy_names_has_a_role_and_needs_the_key_of_the_pages(named: Door) -> None:
    found = named.ask("GET", "/who", x_remote_user="Zoë".encode().decode("latin-1"))
    assert found.status == 200
    bo = named.ask("GET", "/who", x_remote_user="bo").json
    kim = named.ask("GET", "/who", x_remote_user="kim").json
    assert (bo["user"], bo["role"], kim["role"]) == ("bo", "decide", "run")
    given = {"x_remote_user": "bo", "origin": ORIGIN}
    for csrf, status in ((bo["csrf"], 200), (kim["csrf"], 403), ("", 403)):
        answer = named.ask("POST", "/api/mark", x_somscape_csrf=csrf, **given)
        assert answer.status == status
    other = {**given, "origin": "https://evil.example"}
    assert named.ask("POST", "/api/mark", x_somscape_csrf=bo["csrf"], **other).status == 403
    assert named.try_in("bo").status != 303


def test_a_header_is_nothing_where_people_log_in(door: Door) -> None:
    for header in ("x-remote-user", "remote-user", "x-forwarded-user"):
        assert door.ask("GET", "/who", **{header: "kim"}).status == 403
