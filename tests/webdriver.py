"""Chromium through its own WebDriver server over plain HTTP: real clicks and keys."""

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SWITCHES = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of the WebDriver standard, section 12
ENTER, ARROW_RIGHT, SHIFT, ESCAPE = "\ue007", "\ue014", "\ue008", "\ue00c"


class RedrawnError(AssertionError):
    """An element that was found is no longer in the page; nothing was done to it."""


class Browser:
    """One WebDriver session."""

    def __init__(self, server: str, capabilities: dict[str, Any]) -> None:
        self._server = server
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._server = f"{server}/session/{made['sessionId']}"
        self._ask("POST", "/timeouts", {"implicit": 5000})  # a busy machine draws late

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._server + path, data, method=method)
        # Straight to this machine, also where a proxy is set for everything else.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            said = json.load(error)["value"]
            kind = RedrawnError if said["error"] == "stale element reference" else AssertionError
            raise kind(said["message"]) from error

    def open(self, path: Path, place: str = "") -> None:
        # By way of an empty page: another place in the same page would not load it anew.
        self._ask("POST", "/url", {"url": "about:blank"})
        self._ask("POST", "/url", {"url": path.as_uri() + place})

    def enter_frame(self, selector: str) -> None:
        self._ask("POST", "/frame", {"id": {ELEMENT: self._find(selector)}})

    def resize(self, width: int, height: int) -> None:
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def click(self, selector: str) -> None:
        self._tell(selector, "click", {})

    def type(self, selector: str, text: str) -> None:
        self._tell(selector, "value", {"text": text})

    def _tell(self, selector: str, action: str, body: Any) -> None:
        """Act on an element; find it again where the page draws it anew just then."""
        for _ in range(10):
            try:
                self._ask("POST", f"/element/{self._find(selector)}/{action}", body)
            except RedrawnError:
                continue
            return
        raise AssertionError(f"the page draws {selector!r} anew again and again")

    def shift_click(self, selector: str) -> None:
        self._act(self._pointer(selector), [{"type": "keyDown", "value": SHIFT}])

    def drag(self, start: str, end: str) -> None:
        moves = [
            *self._pointer(start)[:2],
            self._pointer(end)[0],
            {"type": "pointerUp", "button": 0},
        ]
        self._act(moves, [])

    def hover(self, selector: str) -> None:
        self._act(self._pointer(selector)[:1], [])

    def _pointer(self, selector: str) -> list[dict[str, Any]]:
        """Moves of a click: there, down, up."""
        origin = {ELEMENT: self._find(selector)}
        move = {"type": "pointerMove", "origin": origin, "x": 0, "y": 0, "duration": 20}
        return [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]

    def _act(self, moves: list[dict[str, Any]], keys: list[dict[str, Any]]) -> None:
        sources = [{"type": "pointer", "id": "mouse", "actions": moves}]
        if keys:  # the server does not survive a source without actions
            sources.insert(0, {"type": "key", "id": "keys", "actions": keys})
        self._ask("POST", "/actions", {"actions": sources})
        self._ask("DELETE", "/actions")

    def _find(self, selector: str) -> str:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def command(self, name: str, **parameters: Any) -> Any:
        """Carry out a command of Chromium's own protocol."""
        body = {"cmd": name, "params": parameters}
        return self._ask("POST", "/goog/cdp/execute", body)

    def emulate(self, *, width: int = 1400, height: int = 1000, **media: str) -> None:
        """Show pages as on a screen of some width; media are such as color_scheme or media."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": media.get("color_scheme", "")}
        kind = media.get("media", "")
        self.command("Emulation.setEmulatedMedia", media=kind, features=[scheme])

    def emulate_nothing(self) -> None:
        self.command("Emulation.clearDeviceMetricsOverride")
        self.command("Emulation.setEmulatedMedia", media="", features=[])

    def screenshot(self, path: Path) -> None:
        """Write a picture of the page, of a long one the first 5000 pixels."""
        style = "const page = document.documentElement; "
        width, height = self.run(style + "return [page.clientWidth, page.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 5000), "scale": 1}
        picture = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(picture["data"]))

    def printed(self) -> bytes:
        """Return the page as a PDF."""
        return base64.b64decode(self._ask("POST", "/print", {}))

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return list(self.run(script, selector))

    def complaints(self) -> list[str]:
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def close(self) -> None:
        self._ask("DELETE", "")


@contextmanager
def webdriver(folder: Path) -> Iterator[str]:
    """Run Chromium's WebDriver server on a free port; give its address."""
    with (folder / "driver.log").open("w+") as log:
        server = subprocess.Popen(["chromedriver", "--port=0"], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            port = None
            while port is None and time.monotonic() < deadline and server.poll() is None:
                time.sleep(0.05)
                port = re.search(r"successfully on port (\d+)", (folder / "driver.log").read_text())
            assert port, f"chromedriver did not start: {(folder / 'driver.log').read_text()}"
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            server.terminate()
            server.wait(30)


def lacking() -> str:
    """Return what is not installed of what a browser needs, "" where nothing is missing."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if not missing:
        return ""
    return f"{' and '.join(missing)} not installed (Debian: chromium, chromium-driver)"


@contextmanager
def chromium(folder: Path, reach: str) -> Iterator[Browser]:
    """Run headless Chromium, 1400 x 1000.

    Parameters
    ----------
    folder : Path
        Where its profile, its log, and what it downloads go.
    reach : str
        Which hosts it finds, such as "MAP * ~NOTFOUND" for none.
    """
    options = {
        "binary": shutil.which("chromium"),
        "args": [
            *SWITCHES,
            f"--host-resolver-rules={reach}",
            f"--user-data-dir={folder / 'profile'}",
        ],
        "prefs": {"download.default_directory": str(folder)},
    }
    with webdriver(folder) as address:
        session = Browser(
            address, {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        )
        session.resize(1400, 1000)
        yield session
        session.close()
