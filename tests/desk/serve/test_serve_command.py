"""Who may ask the service, and how it begins and ends."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from service_client import JSON, Service, serving_map
from web_client import PATIENCE

TOKEN = "0123456789abcdef-secret"


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return cert, key


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        ([], "--token-file and --tls-cert with --tls-key"),
        (["--token-file"], "--tls-cert with --tls-key"),
        (["--tls-cert", "--tls-key"], "--token-file"),
    ],
)
def test_others_are_let_in_only_with_token_and_tls(
    map_file: Path,
    token_file: Path,
    certificate: tuple[Path, Path],
    words: list[str],
    lacking: str,
) -> None:
    cert, key = certificate
    files = {"--token-file": token_file, "--tls-cert": cert, "--tls-key": key}
    given = [each for word in words for each in (word, files[word])]
    outcome = run("serve", map_file, "--host", "0.0.0.0", *given)
    assert outcome.code == 2
    assert outcome.err == (
        f"Error: --host 0.0.0.0 gives access to other computers, which requires {lacking}. Add "
        "these, or leave --host out for access only from this computer.\n"
    )


@pytest.mark.nightly
def test_with_token_and_tls_the_token_opens(
    map_file: Path, token_file: Path, certificate: tuple[Path, Path], rows: Any
) -> None:
    cert, key = certificate
    tls = ssl.create_default_context(cafile=str(cert))
    tls.check_hostname = False
    words = ["--token-file", token_file, "--tls-cert", cert, "--tls-key", key]
    with serving_map(map_file, "--host", "0.0.0.0", *map(str, words), tls=tls) as service:
        body = json.dumps(rows[0])
        for given in (None, "Bearer wrong", f"Basic {TOKEN}", "Bearer", "Bearer ä"):
            headers = {} if given is None else {"Authorization": given}
            answer = service.ask("POST", "/score", body, {**JSON, **headers})
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            for path in ("/metrics", "/health", "/openapi.json", "/none", "/static/app.css"):
                assert service.ask("GET", path, headers=headers).status == 401
        in_url = (f"/score?token={TOKEN}", f"/score?access_token={TOKEN}")
        for path in (*in_url, "/%2e/live", "/live/"):
            assert service.ask("POST", path, body, JSON).status == 401
        assert service.ask("GET", "/live").status == 204
        headers = {**JSON, "Authorization": f"Bearer {TOKEN}", "Host": "scores.example"}
        answer = service.ask("POST", "/score", body, headers)
        assert (answer.status, answer.json["rows"][0]["id"]) == (200, "00000")
        old = ssl.create_default_context(cafile=str(cert))
        old.check_hostname = False
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection,
            pytest.raises((ssl.SSLError, OSError)),
        ):
            old.wrap_socket(connection)
        assert service.end() == 0
    assert TOKEN not in "".join(service.said)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("short", "at least 16 characters"),
        ("two words, and long ones", "one word"),
        ("ä" * 20, "ASCII"),
    ],
)
def test_a_token_that_is_none_is_refused(
    map_file: Path, tmp_path: Path, token: str, words: str
) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    file.chmod(0o600)
    outcome = run("serve", map_file, "--token-file", file)
    assert (outcome.code, words in outcome.err) == (2, True)
    assert outcome.err.count("\n") == 1
    assert token not in outcome.err


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_secrets_that_others_can_read_need_an_option(
    map_file: Path, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    token, key = tmp_path / "token", Path(shutil.copy(key, tmp_path / "key.pem"))
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o640)
    key.chmod(0o600)
    words = ("--token-file", token, "--tls-cert", cert, "--tls-key", key)
    outcome = run("serve", map_file, *words)
    assert outcome.code == 2
    assert outcome.err == (
        f"Error: --token-file {token} has mode 0640, so other users of this computer can read the "
        f"file. Run: chmod 600 {token} (to accept the file as it is: --allow-readable-secrets)\n"
    )
    token.chmod(0o600)
    key.chmod(0o644)
    outcome = run("serve", map_file, *words)
    assert (outcome.code, f"--tls-key {key} has mode 0644" in outcome.err) == (2, True)
    token.chmod(0o444)
    with serving_map(map_file, *map(str, words[:2]), "--allow-readable-secrets") as service:
        assert service.ask("GET", "/metrics").status == 401
    token.chmod(0o466)
    outcome = run("serve", map_file, *words, "--allow-readable-secrets")
    assert (outcome.code, "can change the file. Only its owner" in outcome.err) == (2, True)


def test_a_key_that_does_not_fit_is_refused(
    map_file: Path, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, _ = certificate
    key = Path(shutil.copy(map_file, tmp_path / "key.pem"))
    key.chmod(0o600)
    outcome = run("serve", map_file, "--tls-cert", cert, "--tls-key", key)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"--tls-cert {cert} and --tls-key {key} cannot be used" in outcome.err
    outcome = run("serve", map_file, "--tls-cert", cert)
    assert "--tls-cert and --tls-key can only be given together" in outcome.err


def test_no_map_and_no_port_are_refused(map_file: Path, service: Service, tmp_path: Path) -> None:
    outcome = run("serve", tmp_path / "none.som")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    outcome = run("serve", map_file, "--port", service.port)
    assert outcome.code == 2
    assert f"cannot listen on 127.0.0.1, port {service.port}" in outcome.err


def test_what_is_asked_is_answered_before_it_ends(map_file: Path, rows: Any) -> None:
    answers: list[Any] = []
    many = rows * 20
    with serving_map(map_file, is_fork=False) as service:

        def ask() -> None:
            answers.append(service.post("/score?reasons=all", many))

        clients = [threading.Thread(target=ask) for _ in range(2)]
        for client in clients:
            client.start()
        deadline = time.monotonic() + PATIENCE
        while "under_way 3.0" not in service.ask("GET", "/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert service.end() == 0
        for client in clients:
            client.join(PATIENCE)
    assert [len(answer["rows"]) for answer in answers] == [len(many)] * 2
    assert service.said[-1] == "Stopped, after all received requests were answered.\n"
