"""Chromium, driven by Selenium: real clicks and keys, with elements named by CSS selectors."""

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

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
ENTER, ARROW_RIGHT, SHIFT, ESCAPE = Keys.ENTER, Keys.ARROW_RIGHT, Keys.SHIFT, Keys.ESCAPE


class Browser:
    """One window of Chromium."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        driver.implicitly_wait(5)  # a busy machine draws late

    def visit(self, address: str) -> None:
        self.driver.get(address)

    def open(self, path: Path, place: str = "") -> None:
        # An empty page first, because another place in the same page would not load it again.
        self.visit("about:blank")
        self.visit(path.as_uri() + place)

    def enter_frame(self, selector: str) -> None:
        self.driver.switch_to.frame(self._find(selector))

    def resize(self, width: int, height: int) -> None:
        self.driver.set_window_rect(width=width, height=height)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str) -> None:
        self._try(selector, WebElement.click)

    def type(self, selector: str, text: str) -> None:
        self._try(selector, lambda element: element.send_keys(text))

    def _try(self, selector: str, action: Any) -> None:
        """Act on an element, and find it again if the page draws it again in that moment."""
        for _ in range(10):
            try:
                action(self._find(selector))
            except StaleElementReferenceException:
                continue
            return
        raise AssertionError(f"the page draws {selector!r} again and again")

    def shift_click(self, selector: str) -> None:
        chain = ActionChains(self.driver).key_down(SHIFT).click(self._find(selector))
        chain.key_up(SHIFT).perform()

    def drag(self, start: str, end: str) -> None:
        ActionChains(self.driver).drag_and_drop(self._find(start), self._find(end)).perform()

    def hover(self, selector: str) -> None:
        ActionChains(self.driver).move_to_element(self._find(selector)).perform()

    def press(self, *keys: str) -> None:
        """Press keys wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def _find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def command(self, name: str, **parameters: Any) -> Any:
        """Carry out a command of Chromium's own protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

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
        return base64.b64decode(self.driver.print_page())

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return list(self.run(script, selector))

    def complaints(self) -> list[str]:
        entries = self.driver.get_log("browser")
        return [f"{entry['level']}: {entry['message']}" for entry in entries]


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
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for switch in (
        *SWITCHES,
        f"--host-resolver-rules={reach}",
        f"--user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(switch)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Straight to this machine, also if there is a proxy for everything else.
    os.environ["no_proxy"] = "localhost,127.0.0.1"
    service = ChromeService(shutil.which("chromedriver"), log_output=str(folder / "driver.log"))
    driver = Chrome(options, service)
    try:
        browser = Browser(driver)
        browser.resize(1400, 1000)
        yield browser
    finally:
        driver.quit()
