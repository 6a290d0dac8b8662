"""One browser for all tests of a file, and the page with hostile content open in it."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pages import hostile_report, write_page
from webdriver import Browser, chromium, lacking


def missing(reason: str) -> NoReturn:
    """Skip what the developer's machine lacks; where CI lacks it, that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def reach() -> str:
    """Which hosts the browser finds: none, unless a file says more."""
    return "MAP * ~NOTFOUND"


@pytest.fixture(scope="module")
def browser(reach: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if lacks := lacking():
        missing(lacks)
    with chromium(tmp_path_factory.mktemp("browser"), reach) as session:
        yield session


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which make installs."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or not found.submodule_search_locations:
        missing("axe-core is not installed here: remove .env, and `make test` installs it")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


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
