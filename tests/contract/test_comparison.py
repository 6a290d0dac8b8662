"""The first page and the page on peers say what the code and the records say."""

import importlib
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```python\n.*?^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


@pytest.fixture
def script(monkeypatch):
    """Import a script of docs/, which are no part of the package."""
    monkeypatch.syspath_prepend(str(DOCS))
    yield importlib.import_module
    for name in ("charts", "learn_figures", "records", "unfolding"):
        sys.modules.pop(name, None)


def test_the_first_page_and_the_readme_show_the_same_code_and_output():
    # Those of the first page are run, and compared with what they print.
    first = (DOCS / "index.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert BLOCK.findall(readme) == BLOCK.findall(first)
    assert len(BLOCK.findall(first)) == 3


def test_the_moving_picture_is_the_one_that_the_script_draws(script):
    shown = (DOCS / "images" / "unfolding.svg").read_text(encoding="utf-8")
    assert shown == script("unfolding").draw(), "docs/unfolding.py writes it anew"
    assert len(shown) < 150_000
    assert "prefers-reduced-motion" in shown
    assert ET.fromstring(shown).get("aria-label")


def test_the_tables_of_the_comparison_are_those_of_the_records(script):
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    assert page == script("charts").with_tables(page), "docs/charts.py writes them anew"


def test_what_the_text_says_of_one_program_is_in_the_record(script):
    record = script("records").table("defaults/README.md", "mnist")
    ours = [row for row in record.rows if row[0] == "somscape"]
    te, qe = ([float(row[i]) for row in ours] for i in (2, 3))
    said = f"QE of {max(qe):.1f} or {min(qe):.1f}, and a TE of {min(te):.3f} or {max(te):.3f}"
    page = " ".join((DOCS / "comparison.md").read_text(encoding="utf-8").split())
    assert said in page


def test_every_chart_is_a_whole_picture_with_a_text(script, tmp_path):
    script("charts").draw(tmp_path)
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    drawn = sorted(path.stem for path in tmp_path.iterdir())
    assert drawn == sorted(re.findall(r"_generated/(\w+)\.html", page))
    for path in tmp_path.iterdir():
        pictures = list(ET.fromstring(path.read_text(encoding="utf-8")).iter("svg"))
        assert pictures
        assert all(picture.get("aria-label") for picture in pictures)


def test_a_record_that_changed_its_form_is_refused(script, tmp_path, monkeypatch):
    records = script("records")
    (tmp_path / "a.md").write_text("# Goals\n\n| goal | met |\n|---|---|\n| **x** | 1,200 ms |\n")
    (tmp_path / "torn.md").write_text("# Goals\n\n| goal | met |\n|---|---|\n| x |\n")
    monkeypatch.setattr(records, "BENCHMARKS", tmp_path)
    found = records.table("a.md", "Goals")
    assert records.number(found.row("x")["met"]) == 1200
    refused = (
        lambda: records.table("b.md", "Goals"),
        lambda: records.table("a.md", "Aims"),
        lambda: records.table("torn.md", "Goals"),
        lambda: found.column("speed"),
        lambda: found.row("y"),
        lambda: records.number("-"),
    )
    for ask in refused:
        with pytest.raises(records.RecordError):
            ask()
