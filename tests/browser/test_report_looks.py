"""How the report looks and reads: accessible by axe-core, on paper, on narrow and wide screens.

Pictures of every look go to results/screenshots, for people to see.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import write_page
from PIL import Image
from webdriver import Browser

from somscape import SOM, SOMDetector, TableEncoder, report
from somscape.datasets import load_german_credit
from somscape.tables import table_from_columns

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

SCREENSHOTS = Path(__file__).resolve().parents[2] / "results" / "screenshots"
SIZES = {360: 780, 768: 1024, 1920: 1080}
SCHEMES = ("light", "dark")
LOOKS = [(width, scheme) for width in SIZES for scheme in SCHEMES]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def credit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the German credit applications, with their known outcome."""
    table = load_german_credit()
    encoder = TableEncoder(label="class", missing="fill")
    detector = SOMDetector(encoder=encoder, random_state=0).fit(table)
    alerts = detector.alerts(table)
    told = {"label": "class", "value": "2", "auroc": 0.56, "precision": 0.44, "lift": 1.47}
    counts = {"n_labelled": 300, "n_rows": 1000, "n_alerts": alerts.n_alerts}
    agreement = {**told, **counts}
    data = report.build(
        detector, table, alerts, agreement=agreement, command="somscape detect german_credit.csv"
    )
    return write_page(data, tmp_path_factory.mktemp("credit"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 400 rows of 200 columns, some with long names."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 400)
    names = [f"column {i} " + "with a long name " * (i % 7 == 0) for i in range(200)]
    rows = rng.normal(size=(400, 200)) + 5 * group[:, None] * (np.arange(200) < 9)
    table = table_from_columns(dict(zip(names, rows.T, strict=True)))
    detector = SOMDetector(som=SOM(8, 10), random_state=0).fit(table)
    return write_page(report.build(detector, table), tmp_path_factory.mktemp("wide"))


@pytest.fixture
def window(browser: Browser) -> Iterator[Browser]:
    browser.complaints()
    yield browser
    assert browser.complaints() == []
    browser.emulate_nothing()


OPENED = "#color=regions&second=hits&case=1&region=2"
RUN_AXE = """
return axe.run(document, {runOnly: arguments[0]}).then(found => found.violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, nodes.map(node => node.html.slice(0, 200) + node.failureSummary)]))
"""


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_serious_violation(
    window: Browser, page: tuple[Path, dict[str, Any]], axe: str, width: int, scheme: str
) -> None:
    window.emulate(width=width, height=SIZES[width], color_scheme=scheme)
    window.open(page[0], OPENED)
    window.run(axe + "; window.axe = axe;")  # which the page's policy forbids to all but a driver
    assert window.run(RUN_AXE, RULES) == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_serious_violation_where_regions_are_edited(
    window: Browser, page: tuple[Path, dict[str, Any]], axe: str, width: int, scheme: str
) -> None:
    window.emulate(width=width, height=SIZES[width], color_scheme=scheme)
    window.open(page[0])
    window.run("for (const id of ['edit', 'pick-0', 'split']) document.getElementById(id).click()")
    window.run(axe + "; window.axe = axe;")
    assert window.run(RUN_AXE, RULES) == []
    assert window.run("return document.documentElement.scrollWidth") <= width
    window.run("document.getElementById('save-regions').click()")  # or leaving would be asked about


@pytest.fixture
def lined(page: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """The hostile page with a line after the third of its alerts."""
    return write_page(report.Report({**page[1], "n_before_line": 3}), tmp_path)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_no_serious_violation_in_a_list_with_a_line(
    window: Browser, lined: Path, axe: str, width: int, scheme: str
) -> None:
    window.emulate(width=width, height=SIZES[width], color_scheme=scheme)
    window.open(lined, "#case=3")
    assert len(window.texts("#rows tr.boundary")) == 1
    window.run(axe + "; window.axe = axe;")
    assert window.run(RUN_AXE, RULES) == []


@pytest.mark.parametrize("width", SIZES)
def test_the_line_is_as_wide_as_the_list_and_is_printed(
    window: Browser, lined: Path, width: int
) -> None:
    window.emulate(width=width, height=SIZES[width], color_scheme="light")
    window.open(lined)
    style = "const all = ['#rows tbody', '#rows tr.boundary > td', '#rows tr[data-rank=\"3\"]',"
    boxes = window.run(
        style + "'#rows tr[data-rank=\"4\"]'].map(s => document.querySelector(s)"
        ".getBoundingClientRect()); return all.map(b => [b.left, b.right, b.top, b.bottom])"
    )
    whole, line, before, after = boxes
    assert line[:2] == pytest.approx(whole[:2], abs=2)
    assert before[3] <= line[2] + 1
    assert line[3] <= after[2] + 1
    assert window.run("return document.documentElement.scrollWidth") <= width
    window.emulate(width=1000, media="print")
    shown = "return document.querySelector('#rows tr.boundary').checkVisibility()"
    assert window.run(shown)


def test_axe_sees_what_is_wrong(
    window: Browser, page: tuple[Path, dict[str, Any]], axe: str
) -> None:
    window.open(page[0])
    window.run("document.querySelector('label[for=plane]').remove()")
    window.run(
        "[...document.querySelectorAll('.hint')].find((hint) => hint.checkVisibility() &&"
        " hint.textContent.trim()).style.color = '#aaaaaa'"
    )
    window.run(axe + "; window.axe = axe;")
    found = [name for name, _ in window.run(RUN_AXE, RULES)]
    assert sorted(found) == ["color-contrast", "select-name"]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_look_has_a_picture(window: Browser, credit: Path, width: int, scheme: str) -> None:
    window.emulate(width=width, height=SIZES[width], color_scheme=scheme)
    window.open(credit, "#color=regions&case=1")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    picture = SCREENSHOTS / f"report-{width}-{scheme}.png"
    window.screenshot(picture)
    with Image.open(picture) as image:
        assert image.width == width
        corner = np.asarray(image.convert("L"))[:4, :4].mean()
    assert (corner > 128) == (scheme == "light")


@pytest.mark.parametrize("width", SIZES)
def test_names_of_the_small_maps_stand_in_one_line(
    window: Browser, credit: Path, width: int
) -> None:
    window.emulate(width=width, height=SIZES[width])
    window.open(credit)
    script = (
        "return [...document.querySelectorAll('#gallery .card .text')].map(e => e.offsetHeight)"
    )
    heights = window.run(script)
    assert len(heights) == 20
    assert len(set(heights)) == 1


WIDTHS_OF_CHOICE = """
const select = document.getElementById("plane"), copy = select.cloneNode();
copy.append(select.selectedOptions[0].cloneNode(true));
copy.style.cssText = "position: absolute; flex: none; width: auto";
select.after(copy);
const width = copy.offsetWidth;
copy.remove();
return [select.selectedOptions[0].textContent, width, select.offsetWidth];
"""
"""The chosen plane, the width that its name needs, and the width of the menu."""
EDGES_OF_MENUS = """return [...document.querySelectorAll(".menu")].map((menu) => {
  menu.open = true;
  menu.lastElementChild.style.width = "100vw"; // as wide as long names make a menu
  const { left, right } = menu.lastElementChild.getBoundingClientRect();
  return [left, right];
})"""


@pytest.mark.parametrize("width", [360, 390, 768, 1000, 1280, 1440, 1920])
def test_the_name_of_the_first_plane_and_menus_are_not_cut(
    window: Browser, credit: Path, width: int
) -> None:
    window.emulate(width=width, height=900)
    window.open(credit)
    name, needed, available = window.run(WIDTHS_OF_CHOICE)
    assert name == "Group borders"
    assert needed <= available
    edges = window.run(EDGES_OF_MENUS)
    assert len(edges) == 2
    assert all(0 <= left < right <= width for left, right in edges)


IN_WINDOW = """
const inside = (part) => { const box = part.getBoundingClientRect();
  return box.height > 0 && box.top >= -1 && box.bottom <= innerHeight + 1; };
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
return [all("[data-fill=headline]:not(:empty), #map").filter(inside).length,
  all("#rows tr[data-rank]").map((row) =>
    [inside(row), all(".reasons > li", row).filter(inside).length])];
"""
"""Which of the headline, the map, the rows and their reasons are completely in the window."""


def test_a_window_shows_the_map_and_four_alerts_or_six_of_the_list(
    window: Browser, credit: Path
) -> None:
    window.emulate(width=1440, height=900)
    window.open(credit)
    n_parts, rows = window.run(IN_WINDOW)
    assert n_parts == 2
    assert sum(n_reasons >= 2 for _, n_reasons in rows) >= 4
    window.run("document.getElementById('list').scrollIntoView()")
    complete = [n_reasons for is_complete, n_reasons in window.run(IN_WINDOW)[1] if is_complete]
    assert len(complete) >= 6
    assert set(complete) == {3}
    # The page does not need the window for controls that few people use.
    assert not window.run("return document.getElementById('ramp').checkVisibility()")
    window.click("#maps .menu summary")
    assert window.run("return document.getElementById('ramp').checkVisibility()")
    window.click("#count")
    assert not window.run("return document.getElementById('ramp').checkVisibility()")


def test_dates_and_numbers_do_not_break(window: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cells = {
        f"when{i}": [f"2026-07-{d:02}T13:03:00" for d in rng.integers(1, 29, 60)] for i in (0, 1)
    }
    table = table_from_columns({**cells, **{f"x{i}": rng.normal(size=60) for i in range(3)}})
    detector = SOMDetector(som=SOM(4, 4), random_state=0).fit(table)
    data = report.build(detector, table)
    window.open(write_page(data, tmp_path), "#case=1")
    lines = window.run(
        "return [...document.querySelectorAll('#rows .values td')].filter(e => e.textContent"
        ".startsWith('2026-')).map(e => { const r = document.createRange();"
        " r.selectNodeContents(e); return r.getClientRects().length })"
    )
    assert len(lines) == 2 * (1 + len(data["cases"][0]["usual"])) > 2
    assert set(lines) == {1}
    aligned = "return ['rank', 'score', 'p'].map(name => getComputedStyle(document.querySelector("
    assert window.run(aligned + "'#rows td.' + name)).textAlign)") == ["right"] * 3


def test_a_page_states_which_rows_it_contains(window: Browser, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(700, 130))
    table = table_from_columns(
        {"id": [f"k{i}" for i in range(700)], **{f"x{i}": x for i, x in enumerate(X.T)}}
    )
    detector = SOMDetector(som=SOM(4, 4), n_maps=1, random_state=0).fit(table)
    data = report.build(detector, table)
    window.open(write_page(data, tmp_path))
    covered = "This page contains, and searches, the 500 most unusual of 700 rows."
    assert window.texts("#count")[0].endswith(covered)
    left_out = (set(table.column("id").cells) - set(data["rows"]["ids"])).pop()
    window.type("#search", left_out + "x")
    assert window.texts("#nothing") == [f"No row matches. {covered}"]


@pytest.mark.parametrize("width", SIZES)
def test_two_hundred_columns_fit(window: Browser, wide: Path, width: int) -> None:
    window.emulate(width=width, height=SIZES[width], color_scheme="light")
    window.open(wide, "#case=1&color=regions")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    window.screenshot(SCREENSHOTS / f"wide-table-{width}.png")
    assert window.run("return document.documentElement.scrollWidth") <= width
    assert len(window.texts("#plane option")) > 200
    assert len(window.texts("#gallery .card")) == 200
    window.type("#find-column", "column 19 ")
    seen = window.run(
        "return [...document.querySelectorAll('#gallery .card')].filter(c => !c.hidden).length"
    )
    assert seen == 1


def test_paper_has_everything_open_and_no_controls(window: Browser, credit: Path) -> None:
    window.emulate(width=1000, color_scheme="dark", media="print")
    window.open(credit, "#color=regions&case=1")
    # Heads of columns, names and cells stay as what they say, without the look of a button.
    shown = window.run(
        "return [...document.querySelectorAll('button, input, select, nav a')]"
        ".filter(e => e.checkVisibility()).map(e => [getComputedStyle(e).borderTopWidth, "
        "e.closest('th, .where, .card, .region h3, .other') !== null])"
    )
    assert shown
    assert all(each == ["0px", True] for each in shown)
    boxes = window.run(
        "return [...document.querySelectorAll('.scroll')]"
        ".map(e => [e.scrollHeight, e.clientHeight, e.scrollWidth, e.clientWidth])"
    )
    assert len(boxes) == 2
    assert all(inside <= outside for box in boxes for inside, outside in (box[:2], box[2:]))
    style = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    assert window.run(style) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]


def test_printed_page_is_a_pdf_with_the_whole_list(window: Browser, credit: Path) -> None:
    window.open(credit, "#color=regions&case=1")
    pdf = window.printed()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (SCREENSHOTS / "report.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF-")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 20
    # Small maps of columns below the first screen are drawn for paper, too.
    drawn = window.run(
        "return [...document.querySelectorAll('#gallery canvas')].filter(c => c.width > 100).length"
    )
    assert drawn == len(window.texts("#gallery .card"))
