"""Who is let in, and what is refused: by a real server, over plain HTTP."""

import http.client
import pickle
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from web_client import Client, Server

from somscape.desk.app._login import KeyDoor
from somscape.desk.app._pages import HEADERS
from somscape.desk.web._addresses import is_address, is_loopback

PAGES = ("/", "/runs/{run}", "/runs/{run}/report", "/runs/{run}/files/alerts.csv")
CALLS = ("/api/runs", "/api/runs/{run}", "/api/runs/{run}/events", "/api/runs/{run}/marks")
POSTS = (
    "/api/uploads?name=a.csv",
    "/api/sample",
    *(
        f"/api/runs/{{run}}/{name}"
        for name in ("start", "read", "retry", "cancel", "again", "mark", "delete")
    ),
)
ALL = [*(("GET", path) for path in (*PAGES, *CALLS)), *(("POST", path) for path in POSTS)]


@pytest.mark.parametrize(("method", "path"), ALL)
@pytest.mark.parametrize("cookie", [None, "somscape-{port}=wrong", "=;=", "somscape-{port}="])
def test_without_the_cookie_nothing_is_answered(
    client: Client, ranked, method: str, path: str, cookie: str | None
) -> None:
    sent = cookie and cookie.format(port=client.port)
    answer = client.ask(method, path.format(run=ranked.run), "{}", {"Cookie": sent})
    assert answer.status == 403
    assert "somscape app" in answer.text
    assert client.get(f"/api/runs/{ranked.run}")["state"] == "done"


@pytest.mark.parametrize("token", ["", "x", "%00", "a" * 5000, "ü"])
def test_a_wrong_token_lets_nobody_in(client: Client, token: str) -> None:
    answer = client.ask("GET", f"/?token={quote(token)}", headers={"Cookie": None})
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_the_token_lets_in_with_a_cookie_that_scripts_and_other_sites_cannot_use(
    client: Client, server: Server
) -> None:
    answer = client.ask("GET", f"/?token={client.token}", headers={"Cookie": None})
    assert answer.status == 200
    attributes = [part.strip() for part in answer.headers["set-cookie"].split(";")[1:]]
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert client.token not in answer.headers["set-cookie"]
    # It is not the address that stays in the browser's history.
    assert 'content="0;url=/"' in answer.text


@pytest.mark.parametrize("other", ['a={"b": [1, 2]}', "x@y[]=1", "a b=c", 'open="1', "=", ""])
def test_cookies_of_other_servers_do_not_lock_anybody_out(client: Client, other: str) -> None:
    assert client.ask("GET", "/", headers={"Cookie": f"{other}; {client.cookie}"}).status == 200
    assert client.ask("GET", "/", headers={"Cookie": f"{client.cookie}; {other}"}).status == 200
    assert client.ask("GET", "/", headers={"Cookie": other}).status == 403


def test_the_key_that_starts_the_browser_opens_once() -> None:
    keys = KeyDoor("somscape-1")
    once = keys.once
    assert keys.opens(once)
    assert not keys.opens(once)
    assert not keys.opens("")
    assert keys.opens(keys.token)
    assert keys.opens(keys.token)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "", "10.0.0.9:{port}"],
)
def test_another_name_for_this_machine_is_refused(client: Client, host: str) -> None:
    for path in ("/", f"/?token={client.token}", "/api/runs"):
        answer = client.ask("GET", path, headers={"Host": host.format(port=client.port)})
        assert answer.status == 421
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"X-Somscape-CSRF": None},
        {"X-Somscape-CSRF": "wrong"},
    ],
    ids=str,
)
def test_other_sites_cannot_post(client: Client, ranked, path: str, headers: dict) -> None:
    sent = {n: v and v.format(port=client.port) for n, v in headers.items()}
    answer = client.ask("POST", path.format(run=ranked.run), "{}", sent)
    assert answer.status == 403
    assert client.get(f"/api/runs/{ranked.run}")["state"] == "done"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(client: Client, ranked, method: str) -> None:
    assert client.ask(method, f"/api/runs/{ranked.run}").status in (403, 405)
    assert client.get(f"/api/runs/{ranked.run}")["state"] == "done"


@pytest.mark.parametrize("path", [*PAGES, *CALLS[:2], "/static/app.css", "/nothing", "/?token=x"])
def test_every_answer_has_the_headers(client: Client, ranked, path: str) -> None:
    for cookie in ({}, {"Cookie": None}):
        answer = client.ask("GET", path.format(run=ranked.run), headers=cookie)
        for name, value in HEADERS.items():
            assert answer.headers[name.lower()] == value
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_the_report_may_run_its_own_script_alone(client: Client, ranked) -> None:
    page = client.ask("GET", f"/runs/{ranked.run}/report").text
    policy = page.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "connect-src 'self'" in policy
    kept = client.ask("GET", f"/runs/{ranked.run}/files/report.html").text
    assert "connect-src 'none'" in kept
    assert client.csrf in page
    assert client.csrf not in kept


# Size

LIMIT = 1_000_000


@pytest.mark.parametrize(
    ("path", "n_bytes"),
    [("/api/uploads?name=a.csv", LIMIT + 1), ("/api/runs/{run}/start", (4 << 20) + 1)],
)
def test_a_body_that_says_it_is_too_large_is_not_read(
    client: Client, ready: str, path: str, n_bytes: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.putrequest("POST", path.format(run=ready), skip_host=True)
    for name, value in {
        "Host": client.host,
        "Cookie": client.cookie,
        "Origin": f"http://{client.host}",
        "X-Somscape-CSRF": client.csrf,
        "Content-Length": str(n_bytes),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()  # though nothing of the body was sent
    assert answer.status == 413
    assert b"--max-upload" in answer.read()
    connection.close()


def test_a_refusal_waits_for_a_short_body(client: Client) -> None:
    # Else the connection ends while the body comes, and a proxy throws the answer away.
    head = (
        f"POST /api/sample HTTP/1.1\r\nHost: {client.host}\r\nCookie: {client.cookie}\r\n"
        "Origin: https://evil.example\r\nContent-Length: 2\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(30)
        connection.sendall(b"{}")
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Only pages of this server may send this request." in answer


def pieces(n_bytes: int) -> Iterator[bytes]:
    for start in range(0, n_bytes, 50_000):
        yield b"1,2\n" * (min(50_000, n_bytes - start) // 4)


def test_a_body_that_does_not_say_its_size_is_cut_off(client: Client, server: Server) -> None:
    before = client.get("/api/runs")
    try:
        # http.client sends pieces without a length as chunks.
        answer = client.ask("POST", "/api/uploads?name=a.csv", pieces(40 * LIMIT))
    except (TimeoutError, ConnectionError):
        pass  # it hung up while the rest was sent
    else:
        assert answer.status == 413
    assert client.get("/api/runs") == before
    answer = client.ask("POST", "/api/uploads?name=a.csv", pieces(LIMIT))
    assert answer.status == 200
    client.post(f"/api/runs/{answer.json['run']}/delete")


# Paths and pickles


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..%2f..%2fcases.sqlite",
        "results%2f..%2f..%2f..%2fcases.sqlite",
        "%2e%2e/%2e%2e/cases.sqlite",
        "log.txt",
        "table.csv",
        "",
        "%00",
    ],
)
def test_no_other_file_is_given_out(client: Client, ranked, name: str) -> None:
    for path in (f"/runs/{ranked.run}/files/{name}", f"/static/{name}", f"/runs/{name}/report"):
        answer = client.ask("GET", path)
        assert answer.status in (303, 307, 404), path
        assert b"SQLite" not in answer.body
        assert b"root:" not in answer.body


@pytest.mark.parametrize("run", ["0" * 16, "x", "..", "%2e%2e", "' OR 1=1 --".replace(" ", "%20")])
def test_unknown_runs_are_not_found(client: Client, run: str) -> None:
    paths = (("GET", path) for path in (*PAGES[1:], *CALLS[1:]))
    for method, path in (*paths, *(("POST", path) for path in POSTS[2:])):
        answer = client.ask(method, path.format(run=run), "{}" if method == "POST" else None)
        assert answer.status in (307, 404, 405), (path, answer.status)


def test_a_name_with_a_path_in_it_is_only_text(client: Client) -> None:
    run = client.upload("../../<b>..\\evil\x00\n.csv", b"a,b\n1,2\n3,5\n4,4\n")
    found = client.wait(run)
    assert found["name"] == "evil  .csv"
    client.post(f"/api/runs/{run}/delete")


@pytest.mark.parametrize("name", ["map.pkl", "model.pickle", "a.som", "a.html", "a", ""])
def test_files_of_other_kinds_are_refused_by_name(client: Client, name: str) -> None:
    answer = client.send(name, b"a,b\n1,2\n")
    assert answer.status == 415
    assert ".csv" in answer.problem


class Trap:
    def __reduce__(self):
        return (open, ("/tmp/somscape-was-run", "w"))


@pytest.mark.parametrize("name", ["trap.csv", "trap.xlsx"])
def test_a_pickle_under_another_name_is_one_line_of_error(client: Client, name: str) -> None:
    run = client.upload(name, pickle.dumps(Trap()))
    found = client.wait(run)
    assert found["state"] == "failed"
    assert found["problem"].startswith(name)
    assert "Traceback" not in found["problem"]
    client.post(f"/api/runs/{run}/delete")


def test_hosts_are_told_apart() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.2", "::", "localhost.evil.example", "")))
    assert all(map(is_address, ("1.2.3.4", "::", "fe80::1")))
    assert not any(map(is_address, ("evil.example", "1.2.3", "")))
