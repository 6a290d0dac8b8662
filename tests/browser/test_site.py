"""The site, once it is built: links lead somewhere, search works from a file, all can read it.

Pictures of these pages go to results/site, for people to see; links that leave the site to
docs/_build/external.txt.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from webdriver import Browser

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "_build" / "html"
PICTURES = ROOT / "results" / "site"
PAGES = (
    "index",
    "concepts/map",
    "concepts/scores",
    "tutorials/anomalies",
    "tutorials/classes",
    "tutorials/clusters",
    "howto/which",
    "limits",
    "howto/how_many_groups",
    "coming/r",
    "howto/choosing",
    "howto/files",
    "reference",
    "api/somscape.plots.umatrix",
    "api/somscape.SOMDetector",
    "commands/detect",
)
LOOKS = ((360, 800, "dark"), (1400, 1000, "light"))
LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN_AXE = """
return axe.run(document, {runOnly: arguments[0]}).then(found => found.violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, nodes.map(node => node.html.slice(0, 200) + node.failureSummary)]))
"""
WIDER = """
const scrolls = each => each && (getComputedStyle(each).overflowX === "auto"
  || scrolls(each.parentElement));
return [...document.querySelectorAll(".bd-article *")].filter(each =>
  each.getBoundingClientRect().right > arguments[0] + 1
  && !each.closest(".headerlink, svg") && !scrolls(each))
  .map(each => each.outerHTML.slice(0, 150)).slice(0, 5)
"""


class Page(HTMLParser):
    """The places of a page, where it leads, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = {""}
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.descriptions: list[str] = []
        self.without_text: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "meta" and given.get("name") == "description":
            self.descriptions.append(given["content"])
        if tag == "img" and not given.get("alt", "").strip():
            self.without_text.add(given["src"])
        if tag in LOADED and LOADED[tag] in given:
            self.loaded.add(given[LOADED[tag]])
        elif tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.add(given["href"])
        elif tag == "a" and "href" in given:
            self.links.add(given["href"])


@pytest.fixture(scope="module")
def pages() -> dict[Path, Page]:
    assert (SITE / "index.html").exists(), "`make docs` builds the site before it is looked at"
    return {path: Page(path) for path in SITE.rglob("*.html") if "_static" not in path.parts}


def test_every_link_within_the_site_leads_somewhere(pages: dict[Path, Page]) -> None:
    broken, outside = [], set()
    for path, page in pages.items():
        for link in page.links | page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                outside.add(link)
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            if not there.exists() or (there in pages and place not in pages[there].places):
                broken.append(f"{path.relative_to(SITE)}: {link}")
    (SITE.parent / "external.txt").write_text("\n".join(sorted(outside)) + "\n", encoding="utf-8")
    assert len(pages) > 100
    assert broken == []


def test_a_page_has_a_description_for_search_engines(pages: dict[Path, Page]) -> None:
    own = {path: page for path, page in pages.items() if not path.name.startswith("tumors")}
    wrong = {str(path.relative_to(SITE)): page.descriptions for path, page in own.items()}
    assert {k: v for k, v in wrong.items() if len(v) != 1 or not 20 < len(v[0]) <= 160} == {}


def test_a_picture_has_a_text_for_people_who_do_not_see_it(pages: dict[Path, Page]) -> None:
    # A small picture of the gallery is next to its title.
    lacks = {
        str(path.relative_to(SITE)): {s for s in page.without_text if not s.endswith("_thumb.png")}
        for path, page in pages.items()
    }
    assert {path: pictures for path, pictures in lacks.items() if pictures} == {}


def test_a_page_loads_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    loaded = {what: path for path, page in pages.items() for what in page.loaded}
    assert [what for what in loaded if urlsplit(what).scheme not in ("", "data")] == []
    assert [what for what in loaded if what.startswith("//")] == []


@pytest.fixture
def window(browser: Browser) -> Iterator[Browser]:
    browser.complaints()
    yield browser
    browser.emulate_nothing()
    # No host is found: whatever asks for one says so.
    assert [said for said in browser.complaints() if "ERR_NAME_NOT_RESOLVED" in said] == []


def test_search_works_without_a_server(window: Browser) -> None:
    window.open(SITE / "search.html", "?q=umatrix")
    found = window.texts("#search-results li a")
    assert any("umatrix" in each for each in found), found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_all_eyes_and_screens(window: Browser, axe: str, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width, height, scheme in LOOKS:
        window.emulate(width=width, height=height, color_scheme=scheme)
        window.open(SITE / f"{name}.html")
        window.screenshot(PICTURES / f"{name.replace('/', '-')}-{width}.png")
        assert window.run("return document.documentElement.scrollWidth") <= width
        assert window.run(WIDER, width) == []  # a theme may hide what is too wide
        window.run(f"{axe}; window.axe = axe;")
        assert window.run(RUN_AXE, RULES) == [], scheme
