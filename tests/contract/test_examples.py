"""Every example runs and leaves its picture; a page of the gallery names picture and source."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
GALLERY = sorted((ROOT / "examples" / "gallery").glob("*/*.py"))
MAX_PAGES = 24


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_leaves_its_picture(example, tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    pictures = list(tmp_path.glob("*.png"))
    assert pictures
    assert all(picture.stat().st_size > 5_000 for picture in pictures)


@pytest.mark.parametrize("page", GALLERY, ids=lambda path: path.stem)
def test_page_of_the_gallery_begins_with_its_picture_and_names_its_source(page):
    # The site's build runs the page, and looks whether it printed and drew (docs/gallery_pages.py).
    text = page.read_text(encoding="utf-8")
    title, line, *below = ast.get_docstring(ast.parse(text)).splitlines()
    assert len(line) >= len(title)
    assert set(line) == {"="}
    picture = f"/gallery/{page.parent.name}/images/sphx_glr_{page.stem}_001.png"
    assert below[1] == f".. image:: {picture}"
    assert below[2].strip().startswith(":alt:")
    assert re.search(r"\((19|20)\d\d\),\s|https://doi\.org/10\.", text), (
        "names no article or data set"
    )
    assert "print(" in text
    assert text.endswith("plt.show()\n")


def test_gallery_is_short_and_each_part_is_in_order():
    assert len(GALLERY) <= MAX_PAGES
    for part in sorted({page.parent for page in GALLERY}):
        numbers = [int(page.stem[:2]) for page in GALLERY if page.parent == part]
        assert numbers == list(range(1, len(numbers) + 1))
        assert (part / "README.rst").exists()
