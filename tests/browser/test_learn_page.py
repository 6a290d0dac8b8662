"""Figures of the page on self-organizing maps, stepped by keyboard, mouse and button."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

DOCS = Path(__file__).resolve().parents[2] / "docs"
RIGHT, END = "\ue014", "\ue010"


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    spec = importlib.util.spec_from_file_location("learn_figures", DOCS / "learn_figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("learn")
    module.draw(folder)
    figures = [path.read_text() for path in sorted(folder.glob("*.html"))]
    head = "".join((DOCS / "_static" / name).read_text() for name in ("learn.js",))
    style = (DOCS / "_static" / "learn.css").read_text()
    path = folder / "page.html"
    path.write_text(
        f"<!doctype html><html lang='en'><title>Figures</title><meta charset='utf-8'>"
        f"<style>{style}</style><script>{head}</script><main>{''.join(figures)}</main>"
    )
    browser.open(path)
    yield browser
    assert browser.complaints() == []


def test_a_key_goes_to_the_next_epoch(page):
    first, *_ = page.texts("[data-kind=colors] output")
    before = page.run("return document.querySelector('[data-kind=colors] polygon').outerHTML")
    page.type("[data-kind=colors] input", RIGHT)
    after = page.run("return document.querySelector('[data-kind=colors] polygon').outerHTML")
    assert first == "before training"
    assert page.texts("[data-kind=colors] output") == ["1 of 24, radius 6.0"]
    assert before != after


def test_a_row_that_is_dragged_has_another_winner(page):
    def best():
        return page.run(
            "return document.querySelector('[data-kind=winner] .cell.best').getAttribute('points')"
        )

    before = best()
    page.drag("[data-kind=winner] .moved", "[data-kind=winner] .unit")
    assert best() != before
    assert page.run("return document.querySelectorAll('[data-kind=winner] .cell.best').length") == 1


def test_it_fits_a_telephone(page):
    page.emulate(width=360, height=800)
    try:
        wide = "return document.documentElement.scrollWidth"
        assert page.run(wide) <= 360
    finally:
        page.emulate_nothing()
