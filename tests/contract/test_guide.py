"""The Python blocks of the site's pages, and the cells of the course, run on small data."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from somscape import plots

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LEFT_OUT = {DOCS / "operate" / "devices.md"}  # whose block wants a GPU
FOLDERS = ("tutorials", "howto", "concepts", "coming", "operate", "contribute")
PRINTING = [  # pages that run from top to bottom, and show what they print
    page
    for pattern in ("../README.md", "*.md", *(f"{folder}/*.md" for folder in FOLDERS))
    for page in sorted(DOCS.glob(pattern))
    if BLOCK.search(page.read_text(encoding="utf-8")) and page not in LEFT_OUT
]
LESSONS = {  # what the generated data of a lesson make certain
    "1_map": ["near the bat: owl", "topographic error   0.00"],
    "2_anomalies": [
        "3 standard deviations: [40]",
        "3 of 500 rows stand out",
        "1     40",
        "2     300",
        "3     120",
        "0 rows with fdr=0.1",
        "parcel 77 is on place 1",
        "50 wrong rows: 50 of them",
        "200 wrong rows: 0 of them",
    ],
    "3_clusters": [
        "3 regions of [150 100  80] rows",
        "['big spender', 'regular']",
        "map has 0 wrong rows",
        "3 regions in 100 %",
        "map: 1 region",
        "2 1\n3 2\n",
        "spend  causes 82%",
    ],
}

pytestmark = pytest.mark.all_tries


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


def test_the_course_has_three_lessons():
    assert {path.stem for path in (DOCS / "course").glob("*.ipynb")} == set(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_cells_of_a_lesson_run(lesson, tmp_path, monkeypatch, capsys):
    notebook = json.loads((DOCS / "course" / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    cells = notebook["cells"]
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in cells}) == len(cells)
    text = "".join("".join(cell["source"]) + "\n" for cell in cells)
    exercises = re.findall(r"^### Exercise (\d)$", text, re.MULTILINE)
    assert len(exercises) >= 3
    assert exercises == re.findall(r"^### Solution (\d)$", text, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    n_pictures = 0
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            body = ast.parse("".join(cell["source"])).body
            last = body.pop().value if body and isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), cell["id"], "exec"), names)
            value = last and eval(compile(ast.Expression(last), cell["id"], "eval"), names)
            if hasattr(value, "_repr_png_"):  # a notebook shows the picture
                assert value._repr_png_().startswith(b"\x89PNG")
                n_pictures += 1
            n_pictures += len(plt.get_fignums())
            plt.close("all")
    assert n_pictures >= 4
    printed = capsys.readouterr().out
    assert [words for words in LESSONS[lesson] if words not in printed] == []
    assert not list(tmp_path.iterdir())


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
