"""The report in a real browser with the network off: it opens, lists, filters and stays silent.

Chromium is driven through its own WebDriver server over plain HTTP: real clicks and keys, and the
console's log, without a new dependency.
"""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from somscape import SOM, SOMDetector, report
from somscape.outliers import rank_alerts
from somscape.tables import Table, table_from_columns

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

N_ROWS, N_ALERTS = 150, 12
HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)",
    "\U0001f4b3 ünï\u2028códe",
    "\u202eright to left \u05d0\u05d1\u05d2",
    "long " + "x" * 4000,
]
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of the WebDriver standard, section 12
ENTER, ARROW_RIGHT = "\ue007", "\ue014"


class Browser:
    """One WebDriver session."""

    def __init__(self, server: str, capabilities: dict[str, Any]) -> None:
        self._server = server
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._server = f"{server}/session/{made['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._server + path, data, method=method)
        # Straight to this machine, also where a proxy is set for everything else.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, path: Path) -> None:
        self._ask("POST", "/url", {"url": path.as_uri()})

    def resize(self, width: int, height: int) -> None:
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def click(self, selector: str) -> None:
        self._ask("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self._ask("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def _find(self, selector: str) -> str:
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

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


def hostile_table() -> Table:
    rng = np.random.default_rng(0)
    notes = [HOSTILE[i] if i < len(HOSTILE) else "plain" for i in range(N_ROWS)]
    return table_from_columns(
        {
            "id": [f"<b>{i}</b>" + "y" * 300 * (i == 0) for i in range(N_ROWS)],
            "amount": np.where(np.arange(N_ROWS) < len(HOSTILE), 9e4, rng.normal(100, 20, N_ROWS)),
            "<i>age</i>": rng.integers(18, 90, N_ROWS),
            "note": notes,
        }
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    table = hostile_table()
    # Odd rows are shifted: 5 rows and 4 columns have both parities and are not square.
    map_ = SOMDetector(som=SOM(5, 4), random_state=0).fit(table).map_
    data = report.build(map_, table, rank_alerts(map_, table, N_ALERTS), title="<u>Title</u>")
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report.render(data), encoding="utf-8")
    return path, data


@pytest.fixture
def opened(browser: Browser, page: tuple[Path, dict[str, Any]]) -> Iterator[Browser]:
    browser.resize(1400, 1000)
    browser.complaints()
    browser.open(page[0])
    yield browser
    assert browser.complaints() == []


def shown_ids(browser: Browser) -> list[str]:
    return browser.texts("#rows tbody .id")


def test_page_lists_every_alert_in_order(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    assert shown_ids(opened) == page[1]["rows"]["ids"][:N_ALERTS]
    assert opened.texts("#count") == [f"{N_ALERTS} alerts."]
    assert len(opened.texts("#map .cell")) == 20


def test_clicking_a_cell_lists_exactly_its_rows(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    rows = page[1]["rows"]
    unit = rows["units"][0]
    expected = [i for i, at in zip(rows["ids"], rows["units"], strict=True) if at == unit]
    opened.click(f'#map .cell[data-unit="{unit}"]')
    assert shown_ids(opened) == expected
    opened.click("#clear-cell")
    assert len(shown_ids(opened)) == N_ALERTS


def test_keyboard_alone_chooses_a_cell(opened: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    rows = page[1]["rows"]
    opened.run("document.querySelector('#map .cell').focus()")
    opened.type('#map .cell[data-unit="0"]', ARROW_RIGHT)
    opened.type('#map .cell[data-unit="1"]', ENTER)
    expected = [i for i, at in zip(rows["ids"], rows["units"], strict=True) if at == 1]
    assert shown_ids(opened) == expected
    assert opened.run("return document.activeElement.dataset.unit") == "1"


def test_hostile_text_is_shown_as_text(opened: Browser) -> None:
    opened.click('input[value="all"]')
    opened.click("#rows tbody .open button")
    opened.run("document.querySelectorAll('#rows .open button').forEach((b, i) => i && b.click())")
    # textContent of every cell is the very text that went in, and no markup came of it.
    values = opened.texts("#rows .values dd")
    assert set(HOSTILE) <= set(values)
    assert (
        opened.run("return document.querySelectorAll('#rows script, img, #rows b, i b').length")
        == 0
    )
    assert opened.run("return document.title") == "<u>Title</u>"
    assert opened.texts("h1") == ["<u>Title</u>"]


def test_opened_alerts_say_what_would_make_them_usual(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.run("document.querySelectorAll('#rows .open button').forEach(b => b.click())")
    said = [f"This row {text}." for text in page[1]["counterfactuals"] if text]
    assert opened.texts("#rows .would") == said
    assert said


def test_search_and_sort_change_the_list(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click('input[value="all"]')
    opened.type("#search", "ÜNÏ")
    assert len(shown_ids(opened)) == 1
    opened.run(
        "const s = document.getElementById('search'); s.value = '';"
        "s.dispatchEvent(new Event('input'))"
    )
    opened.click('th[data-key="score"] button')
    opened.click('th[data-key="score"] button')
    # Ascending now: the least unusual row first.
    assert shown_ids(opened)[0] == page[1]["rows"]["ids"][-1]
    assert opened.run("return document.querySelector('th[data-key=score]').ariaSort") == "ascending"


def test_every_plane_colors_every_cell(opened: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    for plane in page[1]["planes"]:
        colored = opened.run(
            "const s = document.getElementById('plane'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('change'));"
            "return [...document.querySelectorAll('#map .cell')].map(c => c.getAttribute('fill'))",
            plane["key"],
        )
        has_color = [value is not None for value in plane["values"]]
        assert [color is not None for color in colored] == has_color


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_page_never_scrolls_sideways(opened: Browser, width: int) -> None:
    opened.resize(width, 900)
    opened.click("#rows tbody .open button")
    assert opened.run("return window.innerWidth") == width
    assert opened.run("return document.documentElement.scrollWidth") <= width


def test_page_asks_the_network_for_nothing(opened: Browser) -> None:
    loaded = opened.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert loaded == []
