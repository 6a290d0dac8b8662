"""The report on narrow and wide screens and on paper, and its accessibility by axe-core."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import write_page
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
