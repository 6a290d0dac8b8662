"""The report in a real browser with the network off: it opens, lists, filters and stays silent.

Chromium is driven through its own WebDriver server over plain HTTP: real clicks and keys, and the
console's log, without a new dependency.
"""

import csv
import io
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
from somscape.encode import Roles, fit_encoding
from somscape.outliers import rank_alerts
from somscape.tables import Table, table_from_columns, unescape_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

N_ROWS, N_ALERTS = 150, 12
HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)",
    "=1+1",
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
ENTER, ARROW_RIGHT, SHIFT, ESCAPE = "\ue007", "\ue014", "\ue008", "\ue00c"


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
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

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
        self._ask("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self._ask("POST", f"/element/{self._find(selector)}/value", {"text": text})

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
            "label": ["bad" if i % 7 == 0 else "good" for i in range(N_ROWS)],
        }
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    table = hostile_table()
    # Odd rows are shifted: 5 rows and 4 columns have both parities and are not square.
    encoding = fit_encoding(table, Roles(label="label"))
    map_ = SOMDetector(som=SOM(5, 4), encoding=encoding, random_state=0).fit(table).map_
    agreement = {"label": "label", "value": "bad", "auroc": 0.5, "precision": 0.25, "lift": 2.0}
    data = report.build(
        map_,
        table,
        rank_alerts(map_, table, N_ALERTS),
        title="<u>Title</u>",
        agreement={**agreement, "n_labelled": 22, "n_rows": N_ROWS, "n_alerts": N_ALERTS},
    )
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


def ids_in(data: dict[str, Any], units: list[int]) -> list[str]:
    rows = data["rows"]
    return [i for i, at in zip(rows["ids"], rows["units"], strict=True) if at in units]


def cell(unit: int) -> str:
    return f'#map .cell[data-unit="{unit}"]'


def test_shift_and_drag_choose_several_cells(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click(cell(0))
    opened.shift_click(cell(6))
    assert shown_ids(opened) == ids_in(page[1], [0, 6])
    opened.shift_click(cell(6))
    assert shown_ids(opened) == ids_in(page[1], [0])
    # Units 1 and 10 span a box two wide and three high; of its middle row, which is shifted by
    # half a cell, one center lies inside.
    opened.drag(cell(1), cell(10))
    assert shown_ids(opened) == ids_in(page[1], [1, 2, 5, 9, 10])


def test_keyboard_alone_chooses_several_cells_and_none(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.run("document.querySelector('#map .cell').focus()")
    opened.type(cell(0), SHIFT + ARROW_RIGHT + ARROW_RIGHT)
    assert shown_ids(opened) == ids_in(page[1], [0, 1, 2])
    opened.type(cell(2), ESCAPE)
    assert len(shown_ids(opened)) == N_ALERTS


def test_pointer_over_a_cell_shows_its_values(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.hover(cell(7))
    hits = next(p for p in page[1]["planes"] if p["key"] == "hits")["values"][7]
    words = " ".join(opened.texts("#tip"))
    assert f"row 1, column 3: {hits} row" in words
    assert "mean distance to neighbors: " in words


def test_clicking_a_row_opens_its_case_and_lights_its_cell(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click('#rows tr[data-rank="2"] .score')
    assert opened.texts("#rows tr.opened .id") == [page[1]["rows"]["ids"][1]]
    outline = opened.run(
        "return [...document.querySelectorAll('#map .ring.case')].map(r => r.points.length)"
    )
    assert outline == [6]
    beside = page[1]["cases"][1]
    ids = page[1]["rows"]["ids"]
    named = [ids[rank] for rank, _ in (*beside["usual"], *beside["labelled"])]
    assert opened.texts("#rows .other .text:not(.other > .text)") == named
    words = " ".join(opened.texts("#rows .facts"))
    assert f"{beside['around']['n_with']} of {beside['around']['n_known']} labelled rows" in words
    opened.click('#rows tr[data-rank="2"] .score')
    assert opened.texts("#rows .case") == []


def test_a_row_beside_a_case_opens_in_turn(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click("#rows .open button")
    opened.click("#rows .other button")
    rank = page[1]["cases"][0]["usual"][0][0]
    assert opened.texts("#rows tr.opened .id") == [page[1]["rows"]["ids"][rank]]


def test_address_keeps_the_view(opened: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    view = "#color=column_0&ramp=cividis&cells=1.2&find=plain&sort=-score"
    opened.open(page[0], view)
    assert opened.run("return location.hash") == view
    look = "return ['map', 'rows'].map(id => document.getElementById(id).outerHTML)"
    before = opened.run(look)
    opened.open(page[0])
    assert opened.run(look) != before
    opened.run("location.hash = arguments[0]; return new Promise(r => setTimeout(r, 50))", view)
    assert opened.run(look) == before
    opened.click("#clear-cell")
    opened.click("#rows .open button")
    assert "cells" not in opened.run("return location.hash")
    case = opened.texts("#rows .case")
    opened.open(page[0], opened.run("return location.hash"))
    assert opened.texts("#rows .case") == case


def test_address_of_nonsense_shows_the_plain_page(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.open(page[0], "#color=no&ramp=x&cells=99.a.-1&case=9999&sort=%22%5D&show=y")
    assert shown_ids(opened) == page[1]["rows"]["ids"][:N_ALERTS]


def test_list_is_saved_as_csv_that_no_spreadsheet_runs(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    script = (
        "const kept = []; const make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { kept.push(blob); return make(blob); };"
        "HTMLAnchorElement.prototype.click = () => {};"
        "document.querySelector(arguments[0]).click();"
        "URL.createObjectURL = make; return kept[0].text()"
    )
    data = page[1]
    lines = list(csv.DictReader(io.StringIO(opened.run(script, "#save-csv"))))
    assert [line["id"] for line in lines] == data["rows"]["ids"][:N_ALERTS]
    notes = next(c for c in data["rows"]["cells"] if c["name"] == "note")["values"][:N_ALERTS]
    assert [unescape_cell(line["note"]) for line in lines] == notes
    assert any(line["note"] == "'=1+1" for line in lines)
    assert json.loads(opened.run(script, "#save-json")) == data


def test_choosing_a_column_shows_its_spread_and_colors_the_map(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    name, key = next((p["name"], p["key"]) for p in page[1]["planes"] if p["name"] == "amount")
    opened.click(f'#gallery [data-key="{key}"]')
    assert opened.texts("#column h3") == [name]
    assert opened.run("return document.getElementById('plane').value") == key
    column = next(c for c in page[1]["columns"] if c["name"] == name)
    count = "return document.querySelectorAll(arguments[0]).length"
    assert opened.run(count, "#column .bar.all") == len(column["counts"])
    assert opened.run(count, "#column .bar.chosen") == 0
    opened.click(cell(0))
    said = " ".join(opened.texts("#column .key"))
    assert f"listed rows of the chosen cells ({len(ids_in(page[1], [0]))})" in said


def test_hostile_text_is_shown_as_text(opened: Browser) -> None:
    opened.click('input[value="all"]')
    for i, shown in enumerate(HOSTILE):
        opened.run(
            "const s = document.getElementById('search'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('input'))",
            shown[:30],
        )
        opened.run("document.querySelector('#rows .open button').click()")
        # textContent of the cell is the very text that went in, and no markup came of it.
        assert shown in opened.texts("#rows .values td"), i
    bad = "#rows script, img, #rows b, i b"
    assert opened.run("return document.querySelectorAll(arguments[0]).length", bad) == 0
    assert opened.run("return document.title") == "<u>Title</u>"
    assert opened.texts("h1") == ["<u>Title</u>"]


def test_opened_alert_says_what_would_make_it_usual(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    rank, said = next(
        (i + 1, case["counterfactual"])
        for i, case in enumerate(page[1]["cases"])
        if case["counterfactual"]
    )
    opened.click(f'#rows tr[data-rank="{rank}"] .open button')
    assert opened.texts("#rows .would") == [f"This row {said}."]


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


def test_colors_can_be_chosen(opened: Browser) -> None:
    fills = "return [...document.querySelectorAll('#map .cell')].map(c => c.getAttribute('fill'))"
    choose = (
        "const s = document.getElementById('ramp'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('change'));"
    )
    seen = {tuple(opened.run(choose + fills, name)) for name in ("viridis", "cividis", "gray")}
    assert len(seen) == 3
    # The U-matrix is gray unless another choice is made.
    assert tuple(opened.run(choose + fills, "auto")) in seen
    assert opened.run("return location.hash") == ""


def test_hexagons_of_odd_rows_lie_half_a_cell_to_the_right(opened: Browser) -> None:
    boxes = opened.run(
        "return [...document.querySelectorAll('#map .cell')].map(c => {"
        "const b = c.getBBox(); return [b.x + b.width / 2, b.y + b.height / 2, b.width] })"
    )
    for unit, (x, y, width) in enumerate(boxes):
        row, col = divmod(unit, 4)
        expected = (col + row % 2 / 2, row * 3**0.5 / 2, 1)
        assert (x, y, width) == pytest.approx(expected, abs=2e-3)


def test_notebook_frame_shows_the_page_and_cannot_reach_out(
    opened: Browser, page: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    notebook = tmp_path / "notebook.html"
    notebook.write_text(report.Report(page[1])._repr_html_(), encoding="utf-8")
    opened.open(notebook)
    assert opened.run("return document.querySelector('iframe').contentDocument") is None
    opened.enter_frame("iframe")
    assert shown_ids(opened) == page[1]["rows"]["ids"][:N_ALERTS]
    opened.click(cell(0))
    assert shown_ids(opened) == ids_in(page[1], [0])


def test_narrow_list_shows_reasons_in_full_width(opened: Browser) -> None:
    # Also beside the map, where the window is wide and the list is not.
    opened.resize(1024, 900)
    widths = opened.run(
        "return ['#rows', '#rows .why'].map(s => document.querySelector(s).offsetWidth)"
    )
    assert widths[1] > 0.8 * widths[0]


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_page_never_scrolls_sideways(opened: Browser, width: int) -> None:
    opened.resize(width, 900)
    opened.click("#rows tbody .open button")
    assert opened.run("return window.innerWidth") == width
    assert opened.run("return document.documentElement.scrollWidth") <= width


def test_page_asks_the_network_for_nothing(opened: Browser) -> None:
    loaded = opened.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert loaded == []
