"""A team logs in and out in a real browser, over TLS: by keyboard, on pages without script.

Pictures of the pages go to results/screenshots, to be looked at.
"""

import re
from collections.abc import Iterator

import pytest
from person import PICTURES, Person
from team import PASSWORD, make_certificate, write_team
from test_app import RULES, RUN_AXE
from web_client import Server, serving
from webdriver import ENTER, Browser

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def reach() -> str:
    return "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("team")
    certificate, key = make_certificate(folder, "IP:127.0.0.1")
    users = write_team(folder / "users.toml", anna="look", kim="run")
    words = ("--users", users, "--tls-cert", certificate, "--tls-key", key)
    with serving(folder / "state", *map(str, words)) as running:
        yield running


@pytest.fixture
def person(browser: Browser, server: Server) -> Person:
    browser.command("Security.setIgnoreCertificateErrors", ignore=True)
    browser.command("Network.clearBrowserCookies")
    found = re.match(r"(https://127\.0\.0\.1:\d+)/ ", server.address)
    assert found
    somebody = Person(browser, server)
    somebody.base = found[1]
    browser.complaints()
    return somebody


def log_in(person: Person, name: str, password: str = PASSWORD) -> None:
    person.browser.type("#name", name)
    person.browser.type("#password", password + ENTER)


def where(person: Person) -> str:
    return str(person.browser.run("return location.pathname + location.search"))


def test_in_and_out_by_keyboard_and_without_script(person: Person) -> None:
    person.visit("/runs/0123456789abcdef")
    person.wait_for("#name")  # by way of a page that leads here
    assert where(person) == "/login?next=%2Fruns%2F0123456789abcdef"
    assert person.browser.run("return document.scripts.length") == 0
    person.wait("document.activeElement.id === 'name'")  # once the page is painted
    log_in(person, "kim", "wrong wrong wrong")
    person.wait_for_words("#problem", "is wrong")
    log_in(person, "kim")
    person.wait("location.pathname === '/runs/0123456789abcdef'")
    person.wait_for_words("body", "This run does not exist")
    person.visit("/")
    person.wait_for_words(".account", "kim (run)")
    assert person.browser.run("return document.cookie") == ""
    person.browser.click(".account a")
    person.wait_for("form[action='/logout']")
    person.browser.click("button.primary")
    person.wait_for("#name")
    person.visit("/")
    person.wait_for("#name")
    complaints = person.browser.complaints()  # of the answers 403 and 404 alone
    assert all("status of 40" in one for one in complaints), complaints


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark"), (1440, "light")])
def test_axe_finds_no_serious_violation(person: Person, axe: str, width: int, scheme: str) -> None:
    try:
        person.browser.emulate(width=width, height=900, color_scheme=scheme)
        for name in ("log-in", "log-in-wrong", "log-out", "start-of-team"):
            if name == "log-out":
                log_in(person, "kim")
                person.wait_for("#sample")
                person.visit("/logout")
                person.wait_for("form[action='/logout']")
            elif name == "start-of-team":
                person.visit("/")
                person.wait_for("#sample")
            else:
                person.visit("/login")
                person.wait_for("#name")
            if name == "log-in-wrong":
                log_in(person, "kim", "wrong wrong wrong")
                person.wait_for_words("#problem", "wrong")
            assert person.browser.run("return document.documentElement.scrollWidth") <= width
            PICTURES.mkdir(parents=True, exist_ok=True)
            person.photograph(f"{name}-{width}-{scheme}")
            person.browser.run(axe + "; window.axe = axe;")
            assert person.browser.run(RUN_AXE, RULES) == [], name
    finally:
        person.browser.emulate_nothing()
