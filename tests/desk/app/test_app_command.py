"""The command line of the app: what it says, and what it refuses in one line."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import run
from team import write_team
from web_client import serving

from somscape.desk.app._server import AppLimits
from somscape.desk.store._places import state_folder
from somscape.tables._messages import install_command

# Python without a library.
LACKING = """
import importlib.util, sys
library = sys.argv.pop(1)
sys.modules[library] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == library else find(name, *more)
from somscape.desk.cli._commands import main
main()
"""


@pytest.mark.parametrize(
    ("library", "asked", "words"),
    [
        (
            "starlette",
            "app --no-browser",
            f"The app needs starlette. Run {install_command('app')}.",
        ),
        (
            "prometheus_client",
            "serve map.som",
            f"The service needs prometheus-client. Run {install_command('serve')}.",
        ),
    ],
)
def test_no_library_of_an_extra_is_imported_before_it_is_looked_for(
    tmp_path: Path, library: str, asked: str, words: str
) -> None:
    command = [sys.executable, "-c", LACKING, library, *asked.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"Error: {words}")


def test_without_the_extra_of_a_team_it_says_what_to_install(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = write_team(tmp_path / "users.toml", anna="look")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *m: None if name == "argon2" else find(name, *m)
    )
    outcome = run("app", "--no-browser", "--state", state, "--users", users)
    assert outcome.code == 2
    assert outcome.err == (f"Error: The app needs argon2. Run {install_command('app', 'team')}.\n")
    outcome = run(
        "app", "--add-user", "bo", "--role", "look", "--users", users, stdin=b"long " * 4 + b"\n"
    )
    assert outcome.code != 0
    assert not state.exists()


def test_a_port_that_is_taken_is_one_line(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run("app", "--no-browser", "--state", state, "--port", port)
    assert outcome.code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in outcome.err
    assert "Give another --port" in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not state.exists()


def test_nothing_is_warned_of_by_default(state: Path) -> None:
    with serving(state, is_fork=False) as server:
        assert len(server.said) == 1
        assert server.address.startswith("http://127.0.0.1:")


@pytest.mark.skipif(os.name != "posix", reason="the browser is a script")
def test_the_browser_is_opened_with_a_key_that_opens_once(state: Path, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    say = f'echo "$1" > {opened}.part; mv {opened}.part {opened}'
    # Like a browser in the terminal, it does not end before the server does.
    stay = "while kill -0 $PPID; do sleep 0.1; done"
    browser.write_text(f"#!/bin/sh\n{say}\n{stay}\n")
    browser.chmod(0o700)
    with serving(state, "--browser", BROWSER=f"{browser} %s") as server:
        deadline = time.monotonic() + 20
        while not opened.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        path = opened.read_text().strip().removeprefix(server.address.partition("/?")[0])
        client = server.client
        assert path.startswith("/?token=")
        assert client.token not in path
        assert [client.ask("GET", path).status for _ in range(2)] == [200, 403]
        client.enter()


def test_limits_share_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("somscape.fit._plan.machine_memory", lambda: 10 << 30)
    monkeypatch.setattr("somscape.desk.app._server._n_cores", lambda: 16)
    assert AppLimits.of_machine(1) == AppLimits(1, 4, 2 << 30)  # of 8 GiB, 2 each
    assert AppLimits.of_machine(1, 2) == AppLimits(1, 2, 4 << 30)
    assert AppLimits.of_machine(1, memory=8 << 30).n_jobs == 1
    monkeypatch.setattr("somscape.desk.app._server._n_cores", lambda: 2)
    assert AppLimits.of_machine(1).n_jobs == 2


def test_the_state_is_kept_where_the_system_has_such_things(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "somscape"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "somscape"
    monkeypatch.setattr("sys.platform", "darwin")
    assert state_folder() == tmp_path / "Library" / "Application Support" / "somscape"
