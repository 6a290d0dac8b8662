"""The report on narrow and wide screens and on paper, and its accessibility by axe-core."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import write_page
from webdriver import Browser

from somscape import SOMDetector, TableEncoder, report
from somscape.datasets import load_german_credit

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

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
