"""The Python blocks of the site's pages run, one after the other, on small data."""

import importlib.util
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from somscape import plots

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OF_DEVICES = DOCS / "guide" / "devices.md"  # whose block wants a GPU
GUIDE = set((DOCS / "guide").glob("*.md")) - {DOCS / "guide" / "index.md"}
PAGES = [DOCS / "guide" / "watching.md"]  # whose blocks print nothing before the first command
PARTS = [f"{part}/*.md" for part in ("tutorials", "concepts", "howto", "coming")]
# The other pages show their printed output.
STANDALONE = sorted({DOCS / "start.md", *GUIDE} - {OF_DEVICES, *PAGES})
PRINTING = STANDALONE + [  # pages that stand alone, and show what they print
    page
    for pattern in ("../README.md", "index.md", *PARTS)
    for page in sorted(DOCS.glob(pattern))
    if BLOCK.search(page.read_text(encoding="utf-8"))
]

pytestmark = [pytest.mark.check, pytest.mark.all_tries]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    plt.close("all")


@pytest.fixture(scope="module")
def printed():
    """What runs pages, from docs/printed.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("printed", DOCS / "printed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shades(picture):
    """The colors of a picture, in the order in which it draws them."""
    return re.findall(r"fill: (#[0-9a-f]{6})", picture.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PRINTING, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_shows_what_its_blocks_print(page, printed, tmp_path):
    for block in printed.run(page, tmp_path):
        assert block.printed == block.shown, f"docs/printed.py {page} writes it anew"
    plt.close("all")
    for picture in tmp_path.glob("*.svg"):
        assert shades(picture) == shades(DOCS / "images" / picture.name)


def test_what_a_block_prints_stands_below_it(printed, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```python\nx = 1\nprint(x)\n```\n\n```python\nx += 1\n```\n\nB\n")
    blocks = list(printed.run(page, tmp_path))
    assert [block.printed for block in blocks] == ["1\n", ""]
    text = printed.with_what_it_prints(page.read_text(), blocks)
    assert text.count("```text\n1\n```") == 1
    page.write_text(text)
    assert all(block.printed == block.shown for block in printed.run(page, tmp_path))
    assert printed.with_what_it_prints(text, list(printed.run(page, tmp_path))) == text


def test_a_page_shows_each_picture_in_light_and_dark_colors(printed, tmp_path):
    page = tmp_path / "page.md"
    code = "from somscape import SOM, plots\nsom = SOM(1, 2).fit([[0.0, 1], [1, 0], [2, 2]])\n"
    image = "```{image} ../_generated/a.png\n:alt: A map\n```\n"
    other = image.replace("a.png", "b.png")
    page.write_text(f'```python\n{code}plots.hits(som).save("a.png")\n```\n\n{image}\n{other}')
    before = plots.hits, plots.Display.save
    printed.draw(page, tmp_path)
    assert (plots.hits, plots.Display.save) == before
    corners = [plt.imread(tmp_path / name)[0, 0, :3].mean() for name in ("a.png", "dark/a.png")]
    assert corners[0] == 1
    assert corners[1] < 0.2
    shown = printed.with_dark(page.read_text(), tmp_path)
    assert shown.count(":class: only-light") == shown.count(":class: only-dark") == 1
    assert "../_generated/dark/a.png\n:class: only-dark\n:alt: A map\n" in shown
    assert other in shown
