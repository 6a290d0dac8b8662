"""Figures that readers step through are whole pictures, and their recordings fit them."""

import importlib.util
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Each figure as its kind, its elements by tag, and its recording."""
    spec = importlib.util.spec_from_file_location("learn_figures", DOCS / "learn_figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("figures")
    module.draw(folder)
    pages = {}
    for path in folder.glob("*.html"):
        page = ET.fromstring(path.read_text(encoding="utf-8"))
        recording = json.loads(page.find("script").text)
        pages[path.stem] = (page, recording)
    return pages


def units_of(page):
    return [
        [int(circle.get("cx")), int(circle.get("cy"))]
        for circle in page.iter("circle")
        if circle.get("class") == "unit"
    ]


def test_the_page_shows_all_figures(figures):
    page = (DOCS / "concepts" / "map.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"_generated/(\w+)\.html", page)) == sorted(figures)


def test_a_figure_without_a_script_shows_the_end_of_training(figures):
    for name in ("unfolding", "k_means"):
        page, recording = figures[name]
        assert units_of(page) == recording["frames"][-1]
        assert len(list(page.iter("line"))) == len(recording["edges"])
    page, recording = figures["colors"]
    assert [cell.get("fill") for cell in page.iter("polygon")] == recording["frames"][-1]


def test_each_epoch_has_its_radius(figures):
    for name in ("unfolding", "colors"):
        recording = figures[name][1]
        assert len(recording["frames"]) == len(recording["radii"]) + 1
        assert recording["radii"] == sorted(recording["radii"], reverse=True)


def test_the_darkest_cell_is_the_nearest_unit(figures):
    page, recording = figures["winner"]
    row = recording["row"]
    far = [
        sum((a - b) ** 2 for a, b in zip(unit, row, strict=True)) for unit in recording["codebook"]
    ]
    cells = [cell.get("class") for cell in page.iter("polygon")]
    assert cells.index("cell best") == far.index(min(far))
    assert len(cells) == len(recording["places"]) == len(units_of(page))


def test_every_picture_has_a_text(figures):
    for page, _ in figures.values():
        assert all(picture.get("aria-label") for picture in page.iter("svg"))
