"""Somebody at a browser who works with the app: goes to pages, waits, chooses, presses keys."""

import base64
import time
from pathlib import Path
from typing import Any

from web_client import Server
from webdriver import Browser

PICTURES = Path(__file__).resolve().parents[1] / "results" / "screenshots"
PATIENCE = 60.0
TAB = "\ue004"


class Person:
    """Somebody at a browser."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser = browser
        self.base = server.address.partition("/?")[0]

    def visit(self, path: str) -> None:
        self.browser.visit(self.base + path)

    def wait(self, condition: str, *arguments: Any) -> Any:
        """Wait until an expression is true; return it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := self.browser.run(f"return {condition}", *arguments):
                return found
            time.sleep(0.03)
        raise AssertionError(f"never: {condition}; {self.words('body')[:600]}")

    def wait_for(self, selector: str) -> None:
        """Wait until an element is shown."""
        self.wait(
            "[...document.querySelectorAll(arguments[0])].some(e => e.checkVisibility())", selector
        )

    def wait_for_words(self, selector: str, words: str) -> None:
        self.wait(
            "(document.querySelector(arguments[0])?.textContent ?? '').includes(arguments[1])",
            selector,
            words,
        )

    def words(self, selector: str) -> str:
        return " ".join(" ".join(self.browser.texts(selector)).split())

    def choose(self, selector: str, value: str) -> None:
        """Choose an option, as a person would with a list."""
        self.browser.run(
            "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
            "s.dispatchEvent(new Event('change', { bubbles: true }))",
            selector,
            value,
        )

    def give(self, path: Path) -> None:
        self.browser.type("#file", str(path))

    def press(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        self.browser.press(*keys)

    def tab_to(self, selector: str) -> None:
        """Reach an element with the Tab key alone."""
        for _ in range(400):
            if self.browser.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.press(TAB)
        raise AssertionError(f"Tab never reaches {selector}")

    def accept(self) -> None:
        self.browser.driver.switch_to.alert.accept()

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        for width in (360, 768, 1920):
            self.browser.emulate(width=width, height=900)
            assert self.browser.run("return document.documentElement.scrollWidth") <= width
            self.photograph(f"{name}-{width}")
        self.browser.emulate(width=1400, height=900, color_scheme="dark")
        self.photograph(f"{name}-dark")
        self.browser.emulate_nothing()

    def photograph(self, name: str) -> None:
        shot = self.browser.command("Page.captureScreenshot")["data"]
        (PICTURES / f"app-{name}.png").write_bytes(base64.b64decode(shot))

    @property
    def run(self) -> str:
        return self.browser.run("return location.pathname").split("/")[2]
