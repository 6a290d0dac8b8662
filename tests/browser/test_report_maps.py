"""What colors the map in the report: planes in an order, columns beside those that trained it, and
a second map beside the first."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import write_page
from webdriver import Browser

from somscape import SOM, report
from somscape.tables import table_from_columns

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

Page = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a map of five columns, with two that did not train it."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 200))
    features = {"b": b, "a": 4 * a, "c": c, "-b": -b, "a+": 4 * a + 0.1 * c}
    kinds = rng.choice(["x", "y", "z"], 200)
    others = {"score": np.where(kinds == "x", np.nan, a), "kind": kinds}
    map_ = SOM(6, 7, random_state=0).fit(table_from_columns(features)).map_
    data = report.build(map_, table_from_columns({**features, **others}))
    return write_page(data, tmp_path_factory.mktemp("many")), data


def names_in_list(browser: Browser, label: str) -> list[str]:
    return browser.texts(f'#plane optgroup[label="{label}"] option')


def choose(browser: Browser, selector: str, value: str) -> None:
    browser.run(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('change'))",
        selector,
        value,
    )


def test_the_order_of_columns_is_chosen(browser: Browser, many: Page) -> None:
    planes = [plane for plane in many[1]["planes"] if plane["group"] == "column"]
    names = {
        "table": [plane["name"] for plane in planes],
        "likeness": [p["name"] for p in sorted(planes, key=lambda plane: plane["likeness"])],
        "relevance": [p["name"] for p in sorted(planes, key=lambda plane: -plane["relevance"])],
    }
    assert abs(names["likeness"].index("b") - names["likeness"].index("-b")) == 1
    assert {*names["relevance"][:2]} == {"a", "a+"}
    browser.complaints()
    browser.open(many[0])
    for order in ("likeness", "relevance", "table"):
        choose(browser, "#order", order)
        assert names_in_list(browser, "Columns") == names[order]
        assert browser.texts("#gallery .card .text") == names[order]
    choose(browser, "#order", "likeness")
    choose(browser, "#plane", "column_0")
    assert browser.run("return location.hash") == "#color=column_0&order=likeness"
    browser.open(many[0], "#color=column_0&order=likeness")
    assert names_in_list(browser, "Columns") == names["likeness"]
    selected = "return ['order', 'plane'].map(id => document.getElementById(id).value)"
    assert browser.run(selected) == ["likeness", "column_0"]
    assert browser.complaints() == []


def test_columns_that_did_not_train_the_map_color_it(browser: Browser, many: Page) -> None:
    browser.open(many[0])
    assert names_in_list(browser, "Columns that did not train the map") == ["score", "kind"]
    score = next(plane for plane in many[1]["planes"] if plane["name"] == "score")
    choose(browser, "#plane", score["key"])
    unit = next(unit for unit, value in enumerate(score["values"]) if value is not None)
    browser.click(f'#map .cell[data-unit="{unit}"]')
    assert "mean score of a unit's rows: " in browser.texts("#readout")[0]
    fills = "return [...document.querySelectorAll('#map .cell')].map(c => c.hasAttribute('fill'))"
    assert browser.run(fills) == [value is not None for value in score["values"]]
    kind = next(plane for plane in many[1]["planes"] if plane["name"] == "kind")
    choose(browser, "#plane", kind["key"])
    assert browser.texts("#legend .levels li") == kind["levels"]
    assert browser.run(fills) == [value is not None for value in kind["values"]]
    assert browser.texts("#gallery .card .text") == ["b", "a", "c", "-b", "a+"]


def test_a_second_map_has_its_own_color(browser: Browser, many: Page) -> None:
    browser.resize(1400, 1000)
    browser.complaints()
    browser.open(many[0])
    shown = "return document.getElementById('map-2').checkVisibility()"
    assert not browser.run(shown)
    browser.click("#maps .menu summary")
    browser.click("#second")
    assert browser.run(shown)
    choose(browser, "#plane-2", "column_1")
    fills = (
        "return [...document.querySelectorAll(arguments[0] + ' .cell')]"
        ".map(c => c.getAttribute('fill'))"
    )
    first, second = browser.run(fills, "#map"), browser.run(fills, "#map-2")
    assert first != second
    assert browser.run("return location.hash") == "#second=column_1"
    choose(browser, "#plane", "column_1")
    assert browser.run(fills, "#map") == second
    browser.open(many[0], "#second=column_1&color=hits")
    assert browser.run(fills, "#map-2") == second
    assert len(browser.texts("#legend-2 .ramp")) == 1
    browser.click("#maps .menu summary")
    browser.click("#second")
    assert not browser.run(shown)
    assert browser.run("return location.hash") == "#color=hits"
    assert browser.complaints() == []


def pressed(browser: Browser, which: str) -> list[int]:
    return browser.run(
        "return [...document.querySelectorAll(arguments[0] + ' .cell[aria-pressed=true]')]"
        ".map(c => Number(c.dataset.unit))",
        which,
    )


def test_what_is_chosen_or_pointed_at_is_marked_in_both(browser: Browser, many: Page) -> None:
    browser.resize(1400, 1000)
    browser.open(many[0], "#second=hits&cells=3")
    assert pressed(browser, "#map") == pressed(browser, "#map-2") == [3]
    browser.click('#map-2 .cell[data-unit="8"]')
    assert pressed(browser, "#map") == pressed(browser, "#map-2") == [8]
    rings = "return [...document.querySelectorAll(arguments[0])].map(r => r.getAttribute('points'))"
    own = [browser.run(rings, f"#ring-layer{end} .over") for end in ("", "-2")]
    assert own[0] == own[1]
    assert len(own[0]) == 1
    for pointed, other in (("", "-2"), ("-2", "")):
        browser.hover(f'#map{pointed} .cell[data-unit="20"]')
        hints = [browser.run(rings, f"#hint-layer{end} .hint") for end in (pointed, other)]
        assert hints[0] == []
        assert len(hints[1]) == 1
    words = " ".join(browser.texts("#tip div"))
    assert "mean distance to neighbors: " in words
    # The list points at a cell in both.
    browser.hover("#rows tr[data-rank] .score")
    assert [len(browser.run(rings, f"#hint-layer{end} .hint")) for end in ("", "-2")] == [1, 1]
