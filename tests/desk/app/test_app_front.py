"""Beyond the loopback: what is refused before anything starts, TLS, a proxy, a Unix socket."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run
from team import PASSWORD, Member, make_certificate, write_team
from web_client import Server, serving

from somscape.desk.web._gate import Origins

PROXY = "https://somscape.bank.example"
needs_unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("front")
    certificate, _ = make_certificate(
        made, "DNS:localhost", "DNS:*.bank.example", "IP:127.0.0.1", "IP:::1"
    )
    write_team(made / "users.toml", anna="look", kim="run")
    (made / "open.toml").write_text("")
    (made / "open.toml").chmod(0o644)
    certificate.chmod(0o600)  # some tests give the certificate as a key
    shutil.copy(made / "key.pem", made / "open.pem")
    (made / "open.pem").chmod(0o644)
    write_team(made / "named.toml", "", anna="look")
    return made


# What is refused


USERS, TLS = "--users {}/users.toml", "--tls-cert {}/cert.pem --tls-key {}/key.pem"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--host 0.0.0.0", "--host 0.0.0.0"),
        ("--host evil.example", "--users"),
        (f"--host 0.0.0.0 {USERS}", "--tls-cert and --tls-key"),
        (f"--host 0.0.0.0 {TLS}", "--tls-cert is for a team"),
        (TLS, "--tls-cert is for a team"),
        (f"--behind-proxy {PROXY}", "--behind-proxy is for a team"),
        ("--socket {}/s", "--socket is for a team"),
        ("--user-header X-Remote-User", "--user-header is for a team"),
        (f"{USERS} --tls-cert {{}}/cert.pem", "Also give --tls-key"),
        (f"{USERS} --tls-key {{}}/key.pem", "Also give --tls-cert"),
        (f"{USERS} {TLS} --behind-proxy {PROXY}", "Leave out --tls-cert and --tls-key"),
        (f"{USERS} --host 0.0.0.0 --behind-proxy {PROXY}", "Leave out --host 0.0.0.0"),
        (f"{USERS} --socket {{}}/s", "--socket is for a proxy"),
        (f"{USERS} --user-header X-Remote-User", "--user-header is for a proxy"),
        (f"{USERS} --behind-proxy {PROXY} --user-header X-Remote-User", "needs --socket"),
        (
            f"{USERS} --behind-proxy {PROXY} --socket {{}}/s --port 80",
            "Leave out --host",
        ),
        (
            f"{USERS} --behind-proxy {PROXY} --socket {{}}/s --user-header X:Y",
            "--user-header must be",
        ),
        *(
            (f"{USERS} --behind-proxy {name}", "--behind-proxy must be")
            for name in ("http://a.example", "a.example", f"{PROXY}/x", f"{PROXY}:0", "https://")
        ),
        ("--users {}/open.toml", "--users {}/open.toml has mode 0644, so other users of"),
        ("--users {}/open.toml", "chmod 600 {}/open.toml (to accept the file as it is: --allow"),
        ("--users {}/open.toml --allow-readable-secrets", "somscape app --add-user NAME"),
        (f"{USERS} --tls-cert {{}}/cert.pem --tls-key {{}}/open.pem", "open.pem has mode 0644"),
        ("--users {}/named.toml", "line 5: this user needs a password"),
        (
            f"{USERS} --tls-cert {{}}/none.pem --tls-key {{}}/key.pem",
            "--tls-cert {}/none.pem cannot",
        ),
        (f"{USERS} --tls-cert {{}}/key.pem --tls-key {{}}/cert.pem", "cannot be used"),
        (f"{USERS} {TLS} --host 192.0.2.1", "cannot listen on 192.0.2.1"),
    ],
)
def test_everything_between_is_refused_in_one_line_before_anything_starts(
    folder: Path, state: Path, words: str, said: str
) -> None:
    given = words.replace("{}", str(folder)).split()
    outcome = run("app", "--no-browser", "--state", state, *given)
    assert outcome.code == 2
    assert said.replace("{}", str(folder)) in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not state.exists()


def test_certificates_that_browsers_refuse_are_refused(folder: Path, tmp_path: Path) -> None:
    def refused(certificate: Path, key: Path) -> str:
        words = ("--users", folder / "users.toml", "--tls-cert", certificate, "--tls-key", key)
        outcome = run("app", "--no-browser", "--state", tmp_path / "state", *words)
        assert outcome.code == 2
        assert len(outcome.err.splitlines()) == 1
        assert not (tmp_path / "state").exists()
        return outcome.err

    assert "subjectAltName" in refused(*make_certificate(tmp_path))
    other, _ = make_certificate(tmp_path, "DNS:localhost")
    assert "cannot be used" in refused(other, folder / "key.pem")
    locked = tmp_path / "locked.pem"
    subprocess.run(
        [
            *("openssl", "rsa", "-aes128", "-passout", "pass:secret"),
            *("-in", tmp_path / "key.pem", "-out", locked),
        ],
        check=True,
        capture_output=True,
    )
    assert "needs a passphrase" in refused(other, locked)


OLD = """
[ca]
default_ca = old
[old]
database = {0}/index
serial = {0}/serial
new_certs_dir = {0}
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def test_a_certificate_whose_time_is_over_is_refused(folder: Path, tmp_path: Path) -> None:
    key, request, old = folder / "key.pem", tmp_path / "request.pem", tmp_path / "old.pem"
    (tmp_path / "index").touch()
    (tmp_path / "serial").write_text("01")
    (tmp_path / "ca.cnf").write_text(OLD.format(tmp_path))
    of_key = ("openssl", "req", "-new", "-key", key, "-subj", "/CN=a", "-out", request)
    of_2020 = ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z")
    signed = (
        "openssl",
        "ca",
        "-batch",
        "-selfsign",
        "-config",
        tmp_path / "ca.cnf",
        "-in",
        request,
    )
    for words in (of_key, (*signed, "-keyfile", key, "-out", old, *of_2020)):
        subprocess.run(words, check=True, capture_output=True)
    given = ("--users", folder / "users.toml", "--tls-cert", old, "--tls-key", key)
    outcome = run("app", "--no-browser", "--state", tmp_path / "state", *given)
    assert outcome.code == 2
    assert "certificate has expired" in outcome.err


def test_hosts_of_an_origin() -> None:
    of_certificate = Origins("https", 8443, frozenset({"a.example", "*.b.example", "::1"}))
    for host in ("a.example:8443", "A.EXAMPLE:8443", "x.b.example:8443", "[::1]:8443"):
        assert of_certificate.has(host), host
    for host in (
        "a.example",
        "b.example:8443",
        "x.y.b.example:8443",
        "127.0.0.1:8443",
        "",
        ":8443",
    ):
        assert not of_certificate.has(host), host
    assert of_certificate.origin("A.example:8443") == "https://a.example:8443"
    standard = Origins("https", 443, frozenset({"a.example"}))
    assert standard.has("a.example")
    assert standard.has("a.example:443")
    assert standard.origin("a.example:443") == standard.origin("a.example") == "https://a.example"


# TLS


@pytest.fixture(scope="module")
def over_tls(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    words = [w.replace("{}", str(folder)) for w in f"{USERS} {TLS} --host 0.0.0.0".split()]
    with serving(tmp_path_factory.mktemp("tls") / "state", *words) as server:
        yield server


def port_of(server: Server) -> int:
    found = re.match(r"https?://[^ ]+:(\d+)/", server.address)
    assert found, server.address
    return int(found[1])


@pytest.fixture
def member(over_tls: Server, folder: Path) -> Member:
    port = port_of(over_tls)
    return Member(f"https://127.0.0.1:{port}", port, folder / "cert.pem")


def test_beyond_the_loopback_people_log_in_over_tls(member: Member, over_tls: Server) -> None:
    assert len(over_tls.said) == 1
    assert over_tls.address.endswith(f"/ for the 2 users in {member.certificate.parent}/users.toml")
    assert "token" not in over_tls.address
    assert member.ask("GET", "/api/runs").status == 403
    assert member.ask("GET", "/?token=x").status == 403
    member.log_in("kim")
    assert member.cookie.startswith(f"__Host-somscape-{member.port}=")
    assert member.ask("GET", "/api/runs").json == []
    run_id = member.ask("POST", "/api/sample", "{}").json["run"]
    assert member.ask("POST", f"/api/runs/{run_id}/delete", "{}").status == 200
    low = Member(member.origin, member.port, member.certificate).log_in("anna")
    answer = low.ask("POST", "/api/sample", "{}")
    assert answer.status == 403
    assert answer.problem.startswith("anna may not add")


def test_who_speaks_no_tls_or_an_old_one_gets_nothing(member: Member) -> None:
    with socket.create_connection(("127.0.0.1", member.port), 10) as connection:
        connection.sendall(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"HTTP" not in connection.recv(1000)
    context = ssl.create_default_context(cafile=str(member.certificate))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", member.port), 10) as connection,
        pytest.raises((ssl.SSLError, OSError)),
    ):
        context.wrap_socket(connection, server_hostname="localhost")


def test_nothing_secret_is_printed(folder: Path, state: Path) -> None:
    words = [w.replace("{}", str(folder)) for w in f"{USERS} {TLS}".split()]
    with serving(state, *words, is_fork=False) as server:
        port = port_of(server)
        member = Member(f"https://127.0.0.1:{port}", port, folder / "cert.pem").log_in("kim")
        member.form("/login", name="kim", password="wrong wrong wrong")
        member.ask("GET", "/runs/%ff", headers={"Cookie": member.cookie + "x"})
        if Path("/proc").exists():
            line = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
            assert b"argon2" not in line
        server.process.terminate()
        assert server.process.stdout
        said = "".join(server.said) + server.process.stdout.read()
    for secret in (PASSWORD, "wrong wrong", member.cookie.partition("=")[2], member.csrf, "argon2"):
        assert secret not in said


# Without TLS: on the loopback, and behind a proxy


def test_on_the_loopback_users_log_in_without_tls(folder: Path, state: Path) -> None:
    with serving(state, "--users", str(folder / "users.toml")) as server:
        port = port_of(server)
        member = Member(f"http://127.0.0.1:{port}", port)
        answer = member.form("/login", name="kim", password=PASSWORD)
        assert "Secure" not in answer.headers["set-cookie"]  # browsers would not send it back
        member.log_in("kim")
        assert member.ask("GET", "/api/runs").json == []
        # A changed file takes effect, and one that is broken is told of in the terminal.
        path = folder / "users.toml"
        before = path.read_text()
        try:
            path.write_text("[users.kim\n")
            assert member.ask("GET", "/api/runs").status == 503
        finally:
            path.write_text(before)
        assert member.ask("GET", "/api/runs").status == 200
        assert server.process.stdout
        assert server.process.stdout.readline().startswith("All users are locked out. ")


def test_behind_a_proxy_its_name_alone_is_taken(folder: Path, state: Path) -> None:
    words = ("--users", str(folder / "users.toml"), "--behind-proxy", PROXY)
    with serving(state, *words) as server:
        found = re.fullmatch(
            rf"{PROXY}/ for .*, through a proxy that connects to port (\d+) of 127.0.0.1",
            server.address,
        )
        assert found
        member = Member(PROXY, int(found[1]))
        answer = member.form("/login", name="kim", password=PASSWORD)
        assert "; Secure" in answer.headers["set-cookie"]
        assert answer.headers["set-cookie"].startswith("__Host-somscape-443=")
        member.log_in("kim")
        assert member.ask("GET", "/api/runs").json == []
        for host in (f"127.0.0.1:{member.port}", "localhost", "evil.example"):
            assert member.ask("GET", "/api/runs", headers={"Host": host}).status == 421
        for origin in (f"http://127.0.0.1:{member.port}", PROXY.replace("https", "http")):
            answer = member.ask("POST", "/api/sample", "{}", {"Origin": origin})
            assert answer.status == 403
        for header in ("X-Remote-User", "X-Forwarded-User"):
            answer = member.ask("GET", "/api/runs", headers={"Cookie": None, header: "kim"})
            assert answer.status == 403


@needs_unix
def test_over_a_socket_the_proxy_says_who_it_is(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "app.sock"
    words = ["--users", str(folder / "named.toml"), "--behind-proxy", PROXY]
    words += ["--socket", str(place), "--user-header", "X-Remote-User"]
    with serving(tmp_path / "state", *words) as server:
        assert server.address.endswith(f"connects to {place}")
        assert " for the 1 user in " in server.address
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        anna = Member(PROXY, socket=place, more={"X-Remote-User": "anna"}).enter()
        assert anna.ask("GET", "/api/runs").json == []
        assert anna.ask("POST", "/api/sample", "{}").status == 403  # she may look
        assert anna.ask("GET", "/api/runs", headers={"X-Remote-User": None}).status == 403
        assert anna.ask("GET", "/api/runs", headers={"X-Remote-User": "kim"}).status == 403
        assert anna.ask("GET", "/api/runs", headers={"Host": "localhost"}).status == 421
        outcome = run("app", "--no-browser", "--state", tmp_path / "other", *words)
        assert outcome.code == 2
        assert "already exists" in outcome.err
    assert not place.exists()


@pytest.mark.nightly
@needs_unix
def test_a_socket_that_a_killed_server_left_is_taken_and_another_file_is_not(
    folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "app.sock"
    words = ["--users", str(folder / "users.toml"), "--behind-proxy", PROXY]
    grp = pytest.importorskip("grp")
    words += ["--socket", str(place), "--socket-group", grp.getgrgid(os.getgid()).gr_name]
    with serving(tmp_path / "state", *words) as server:
        assert stat.S_IMODE(place.stat().st_mode) == 0o660
        server.process.kill()
        server.process.wait(30)
    assert place.exists()
    with serving(tmp_path / "state", *words):
        member = Member(PROXY, socket=place).log_in("kim")
        assert member.ask("GET", "/api/runs").json == []
    place.write_text("mine")
    for path in (place, tmp_path / ("x" * 200), tmp_path / "no" / "folder"):
        words[5] = str(path)
        outcome = run("app", "--no-browser", "--state", tmp_path / "other", *words)
        assert outcome.code == 2
        assert "cannot listen on --socket" in outcome.err
        assert len(outcome.err.splitlines()) == 1
    assert place.read_text() == "mine"
