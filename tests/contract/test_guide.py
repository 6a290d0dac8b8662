"""The Python blocks of the site's pages run, one after the other, on small data."""

import importlib.util
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LEFT_OUT = {DOCS / "operate" / "devices.md"}  # whose block wants a GPU
FOLDERS = ("tutorials", "learn", "howto", "concepts", "coming", "operate", "contribute")
PRINTING = [  # pages that run from top to bottom, and show what they print
    page
    for pattern in ("../README.md", "*.md", *(f"{folder}/*.md" for folder in FOLDERS))
    for page in sorted(DOCS.glob(pattern))
    if BLOCK.search(page.read_text(encoding="utf-8")) and page not in LEFT_OUT
]

pytestmark = [pytest.mark.check, pytest.mark.all_tries]


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
