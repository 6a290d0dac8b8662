"""Regions edited in the report: joined, split, named, colored, taken back and saved."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import HOSTILE, write_page
from webdriver import Browser

from somscape import SOM, Lattice, Map, regions, report
from somscape.grid import Graph
from somscape.regions import Regions
from somscape.tables import table_from_columns

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

SAVED = (
    "const kept = []; const make = URL.createObjectURL;"
    "URL.createObjectURL = (blob) => { kept.push(blob); return make(blob); };"
    "HTMLAnchorElement.prototype.click = () => {};"
    "document.getElementById(arguments[0]).click();"
    "URL.createObjectURL = make; return kept[0].text()"
)


def plain_map(seed: int, *, size: tuple[int, int] = (7, 9), n_rows: int = 400) -> Map:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 4, n_rows)
    X = rng.normal(size=(n_rows, 3)) + 4 * rng.normal(size=(4, 3))[groups]
    return SOM(*size, random_state=seed).fit(X).map_


def few_hits() -> Map:
    """Many units without rows, and many with as many as others: ties everywhere."""
    return plain_map(3, size=(6, 6), n_rows=40)


def without_rows() -> Map:
    """A map that tells nothing of rows, so that Ward's rule joins its units."""
    codebook = np.random.default_rng(5).normal(size=(30, 2))
    return Map(codebook, Lattice(5, 6), plain_map(0).encoding.plain(["x0", "x1"]), np.zeros(30))


def on_a_graph() -> Map:
    X = np.random.default_rng(2).normal(size=(200, 2))
    ring = [(i, (i + 1) % 12) for i in range(12)]
    lattice = Graph.from_edges(12, pairs=ring, lengths=np.ones(12))
    return SOM(lattice=lattice, random_state=0).fit(X).map_


def in_parts() -> Map:
    """A graph of five parts, each of three units in a row."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    pairs = [(3 * part + i, 3 * part + i + 1) for part in range(5) for i in (0, 1)]
    lattice = Graph.from_edges(15, pairs=pairs, lengths=np.ones(10))
    map_ = SOM(lattice=lattice, random_state=0).fit(X).map_
    return Map(map_.codebook, lattice, map_.encoding, map_.hits)  # which keeps no rows


MAPS = {
    "groups": lambda: plain_map(0),
    "other groups": lambda: plain_map(1, size=(5, 12)),
    "few rows": few_hits,
    "no rows": without_rows,
    "graph": on_a_graph,
    "graph in parts": in_parts,
}


def opened(browser: Browser, map_: Map, found: Regions, folder: Path) -> Browser:
    names = map_.encoding.feature_names
    X = np.random.default_rng(9).normal(size=(60, len(names)))
    table = table_from_columns(dict(zip(names, X.T, strict=True)))
    browser.resize(1400, 1000)
    browser.complaints()
    browser.open(write_page(report.build(map_, table, regions=found), folder))
    browser.click("#edit")
    return browser


def pick(browser: Browser, *numbers: int) -> None:
    for number in numbers:
        browser.click(f"#pick-{number}")


def saved(browser: Browser, map_: Map) -> Regions:
    return regions.from_json(json.loads(browser.run(SAVED, "save-regions")), map_)


def as_json(found: Regions) -> dict[str, Any]:
    return found.to_json()


def enter(browser: Browser, selector: str, value: str) -> None:
    browser.run(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('change'))",
        selector,
        value,
    )


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("n", [1, 3])
def test_the_page_splits_as_python_does(
    browser: Browser, tmp_path: Path, name: str, n: int
) -> None:
    map_ = MAPS[name]()
    n = max(n, map_.n_units - len(regions.order_of_joins(map_)))
    found = regions.recolor(regions.find_regions(map_, n), {0: "#aa3300"})
    opened(browser, map_, found, tmp_path)
    for number in range(n):
        if (found.labels == number).sum() < 2:
            continue
        pick(browser, number)
        browser.click("#split")
        once = regions.split(found, number)
        assert as_json(saved(browser, map_)) == as_json(once), number
        pick(browser, 0)
        browser.click("#split")
        assert as_json(saved(browser, map_)) == as_json(regions.split(once, 0)), number
        browser.click("#undo")
        browser.click("#undo")
        assert as_json(saved(browser, map_)) == as_json(found)
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ["groups", "few rows", "no rows", "graph in parts"])
def test_the_page_joins_as_python_does(browser: Browser, tmp_path: Path, name: str) -> None:
    map_ = MAPS[name]()
    found = regions.find_regions(map_, 6)
    found = regions.rename(regions.recolor(found, {4: "#00ff00"}), {2: "two", 5: "five"})
    opened(browser, map_, found, tmp_path)
    for which in ([0, 5], [4, 2, 1], [3, 4]):
        pick(browser, *which)
        browser.click("#join")
        expected = regions.join(found, which)
        assert as_json(saved(browser, map_)) == as_json(expected), which
        # Parts that do not touch, and were joined by hand, are cut as in Python, too.
        pick(browser, 0)
        browser.click("#split")
        assert as_json(saved(browser, map_)) == as_json(regions.split(expected, 0)), which
        browser.click("#undo")
        browser.click("#undo")
    assert browser.complaints() == []


@pytest.fixture
def edited(browser: Browser, tmp_path: Path) -> Iterator[tuple[Browser, Map, Regions]]:
    map_ = plain_map(0)
    found = regions.find_regions(map_, 4)
    yield opened(browser, map_, found, tmp_path), map_, found
    assert browser.complaints() == []


def touching(found: Regions) -> list[int]:
    """Return two regions with a common border."""
    a, b = np.triu_indices(len(found.labels), 1)
    is_border = found.map_.lattice.are_neighbors(a, b) & (found.labels[a] != found.labels[b])
    first = int(np.flatnonzero(is_border)[0])
    return sorted([int(found.labels[a[first]]), int(found.labels[b[first]])])


def fills(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('#map .cell')].map(c => c.getAttribute('fill'))"
    )


def test_all_that_shows_regions_follows(edited: tuple[Browser, Map, Regions]) -> None:
    browser, _, found = edited
    enter(browser, "#plane", "regions")
    borders = "return document.querySelector('#border-layer .over').getAttribute('d').length"
    before = browser.run(borders)
    which = touching(found)
    pick(browser, *which)
    browser.click("#join")
    joined = regions.join(found, which)
    assert browser.run(borders) < before
    assert browser.texts("#number-layer text") == ["0", "1", "2"]
    colors = fills(browser)
    assert len(set(zip(colors, joined.labels.tolist(), strict=True))) == len(set(colors)) == 3
    assert len(browser.texts("#legend .levels li")) == 3
    assert len(browser.texts("#region option")) == 4
    assert browser.run("return document.querySelectorAll('#regions .region').length") == 3
    for number in range(3):
        enter(browser, "#region", str(number))
        n = int(browser.texts("#count")[0].split(" ")[0])
        assert n == len(browser.texts("#rows tbody .id"))
        lines = list(csv.DictReader(io.StringIO(browser.run(SAVED, "save-csv"))))
        assert {line["region"] for line in lines} == {str(number)}
        assert {int(line["unit"]) for line in lines} <= set(
            np.flatnonzero(joined.labels == number).tolist()
        )
        words = browser.texts(f"#card-{number} p")[0]
        assert words.startswith(f"{n} row")
        assert f"in {joined.n_units[number]} units" in words
    # What needs the rows is left to the next page; regions that did not change keep it.
    said = "To describe how this region differs from all other rows, make the page again."
    changed = [said in " ".join(browser.texts(f"#card-{i} p")) for i in range(3)]
    assert sum(changed) == 1
    browser.click("#undo")
    assert browser.run(borders) == before
    assert said not in browser.run("return document.body.innerText")


def test_names_and_colors_are_given_and_taken_back(edited: tuple[Browser, Map, Regions]) -> None:
    browser, map_, found = edited
    enter(browser, "#plane", "regions")
    browser.type("#name-1", "  usual ")
    browser.run("document.getElementById('color-1').focus()")
    enter(browser, "#color-2", "#aa3300")
    kept = saved(browser, map_)
    assert (kept.names, kept.colors) == (("", "usual", "", ""), ("", "", "#aa3300", ""))
    assert browser.texts("#region option")[2] == "1 \u00b7 usual"
    assert browser.texts("#legend .levels li")[1] == "1 \u00b7 usual"
    assert {fills(browser)[u] for u in np.flatnonzero(found.labels == 2)} == {"#aa3300"}
    style = (
        "return getComputedStyle(document.getElementById('card-2')).getPropertyValue('--region')"
    )
    assert browser.run(style) == "#aa3300"
    enter(browser, "#name-2", "usual")
    assert browser.texts("#edited") == [
        "Another region has the name \u201cusual\u201d. Give each region its own name."
    ]
    assert saved(browser, map_).names == ("", "usual", "", "")
    browser.click("#undo")
    assert saved(browser, map_).colors == ()
    browser.click("#undo")
    assert as_json(saved(browser, map_)) == as_json(found)
    assert browser.run("return document.activeElement.id") == "edit"


def test_hostile_names_stay_text(edited: tuple[Browser, Map, Regions]) -> None:
    browser, map_, _ = edited
    names = [name[:80].strip() for name in HOSTILE[:3]]
    for number, name in enumerate(names):
        enter(browser, f"#name-{number}", name)
    browser.click("#edit")
    assert browser.texts("#regions h3 .text")[:3] == names
    assert browser.run("return document.querySelectorAll('#regions img, #region img').length") == 0
    assert saved(browser, map_).names[:3] == tuple(names)
