"""Regions in the report: on the map, in the list, in the case, in what is saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import KINDS, N_ALERTS
from webdriver import Browser

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

Page = tuple[Path, dict[str, Any]]

PAGE_SIZE = 50  # rows listed at once


def labels_of(data: dict[str, Any]) -> list[int]:
    return next(plane["values"] for plane in data["planes"] if plane["key"] == "regions")


def ids_in(data: dict[str, Any], region: int) -> list[str]:
    rows, labels = data["rows"], labels_of(data)
    return [i for i, at in zip(rows["ids"], rows["units"], strict=True) if labels[at] == region]


def choose(browser: Browser, selector: str, value: str) -> None:
    browser.run(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('change'))",
        selector,
        value,
    )


def test_choosing_a_region_lists_exactly_its_rows(opened: Browser, page: Page) -> None:
    for region in range(3):
        opened.click(f'#regions [data-region="{region}"]')
        expected = ids_in(page[1], region)
        assert opened.texts("#rows tbody .id") == expected[:PAGE_SIZE]
        assert opened.texts("#count")[0].startswith(f"{len(expected)} rows, ")
        pressed = opened.run(
            "return [...document.querySelectorAll('#map .cell')].map(c => c.ariaPressed === 'true')"
        )
        assert pressed == [label == region for label in labels_of(page[1])]
        assert opened.run("return document.getElementById('region').value") == str(region)
        assert opened.texts("#clear-cell") == [f"\u2715 Region {region}"]
        assert opened.run("return location.hash") == f"#region={region}"
    opened.click('#regions [data-region="2"]')
    assert len(opened.texts("#rows tbody .id")) == N_ALERTS
    assert opened.run("return location.hash") == ""


def test_list_is_filtered_by_region_and_the_address_keeps_it(opened: Browser, page: Page) -> None:
    choose(opened, "#region", "1")
    listed = opened.texts("#rows tbody .id")
    assert listed == ids_in(page[1], 1)[:PAGE_SIZE]
    opened.open(page[0], "#region=1")
    assert opened.texts("#rows tbody .id") == listed
    assert opened.run("return document.querySelector('#regions [aria-pressed=true]').textContent")
    # Another cell beside it is no region any more.
    other = next(unit for unit, label in enumerate(labels_of(page[1])) if label == 0)
    opened.shift_click(f'#map .cell[data-unit="{other}"]')
    assert opened.run("return document.getElementById('region').value") == ""
    assert "cells=" in opened.run("return location.hash")
    choose(opened, "#region", "0")
    assert opened.texts("#rows tbody .id") == ids_in(page[1], 0)[:PAGE_SIZE]
    choose(opened, "#region", "")
    assert len(opened.texts("#rows tbody .id")) == N_ALERTS
    opened.open(page[0], "#region=9&color=regions")
    assert len(opened.texts("#rows tbody .id")) == N_ALERTS


def test_regions_color_the_map_with_names_numbers_and_borders(opened: Browser, page: Page) -> None:
    choose(opened, "#plane", "regions")
    fills = opened.run(
        "return [...document.querySelectorAll('#map .cell')].map(c => c.getAttribute('fill'))"
    )
    labels = labels_of(page[1])
    assert len(set(fills)) == len(set(zip(fills, labels, strict=True))) == 3
    names = [f"{i} \u00b7 {region['name']}" for i, region in enumerate(page[1]["regions"])]
    assert opened.texts("#legend .levels li") == names
    assert opened.texts("#number-layer:not([hidden]) text") == ["0", "1", "2"]
    choose(opened, "#plane", "hits")
    assert opened.texts("#number-layer:not([hidden]) text") == []


def test_borders_run_where_cells_of_two_regions_touch(opened: Browser, page: Page) -> None:
    d = opened.run("return document.querySelector('#border-layer .over').getAttribute('d')")
    pieces = [part.split("L") for part in d.split("M")[1:]]
    ends = np.array([[end.split(",") for end in piece] for piece in pieces], dtype=float)
    middles = ends.mean(axis=1)
    places = np.array(page[1]["map"]["positions"])
    labels = np.array(labels_of(page[1]))
    # By hand from the positions: centers of touching hexagons lie 1 apart, the side between them.
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    a, b = np.nonzero(np.triu(np.abs(apart - 1) < 0.01))
    is_border = labels[a] != labels[b]
    expected = (places[a] + places[b])[is_border] / 2
    assert len(middles) == len(expected) > 0
    far = np.linalg.norm(middles[:, None] - expected[None], axis=2)
    assert far.min(axis=1).max() < 0.01
    assert far.min(axis=0).max() < 0.01
    assert np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) == pytest.approx(3**-0.5, abs=0.01)
    opened.click("#maps .menu summary")
    opened.click("#borders")
    assert opened.run("return document.getElementById('border-layer').hasAttribute('hidden')")
    assert opened.run("return location.hash") == "#hide=borders"
    opened.open(page[0], "#hide=borders.dots")
    assert len(opened.texts("#border-layer[hidden], #dot-layer[hidden]")) == 2


def test_hostile_names_of_regions_are_shown_as_text(opened: Browser, page: Page) -> None:
    names = [region["name"] for region in page[1]["regions"]]
    assert any(KINDS[1][:20] in name for name in names)  # or this shows nothing
    assert opened.texts("#regions h3 .text") == names
    numbered = [f"{i} \u00b7 {name}" for i, name in enumerate(names)]
    assert opened.texts("#region option")[1:] == numbered
    choose(opened, "#plane", "regions")
    opened.click("#rows .open button")
    bad = "#regions img, #legend img, #region img, #rows img, #tip img, #regions b"
    assert opened.run("return document.querySelectorAll(arguments[0]).length", bad) == 0
