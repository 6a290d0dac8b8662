"""One browser for all tests of a file, and the page with hostile content open in it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import hostile_report, write_page
from webdriver import SWITCHES, Browser, webdriver


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if missing:
        reason = f"{' and '.join(missing)} not installed (Debian: chromium, chromium-driver)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("browser")
    options = {
        "binary": shutil.which("chromium"),
        "args": [*SWITCHES, f"--user-data-dir={folder / 'profile'}"],
    }
    with webdriver(folder) as address:
        session = Browser(
            address, {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        )
        yield session
        session.close()


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    data = hostile_report()
    return write_page(data, tmp_path_factory.mktemp("page")), data


@pytest.fixture
def opened(browser: Browser, page: tuple[Path, dict[str, Any]]) -> Iterator[Browser]:
    browser.resize(1400, 1000)
    browser.complaints()
    browser.open(page[0])
    yield browser
    assert browser.complaints() == []
