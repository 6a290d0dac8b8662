"""Pictures of the app on the site's pages: all are taken, and pages do without missing ones."""

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def screenshots():
    """The script, which is no part of the package."""
    sys.path.insert(0, str(DOCS))
    try:
        import screenshots
    finally:
        sys.path.remove(str(DOCS))
    return screenshots


def test_what_pages_show_is_taken():
    script = (DOCS / "screenshots.py").read_text(encoding="utf-8")
    taken = set(re.findall(r'(?:camera\.take\(|say\(folder, )"(\w+)"', script))
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("*/*.md")]
    shown = {name for page in pages for name in re.findall(r"_generated/monday/(\w+)", page)}
    assert shown == taken


def test_a_page_does_without_pictures_that_were_not_taken(screenshots, tmp_path):
    (tmp_path / "_generated" / "monday").mkdir(parents=True)
    (tmp_path / "_generated" / "monday" / "home.png").touch()
    page = "A\n\n![Home](../_generated/monday/home.png)\n\n![No](../_generated/monday/no.png)\n\nB"
    (tmp_path / "learn").mkdir()
    found = screenshots.without_missing(page, tmp_path / "learn")
    assert found == "A\n\n![Home](../_generated/monday/home.png)\n\n\n\nB"


def test_each_month_is_what_the_page_says(screenshots):
    made = screenshots.months.make()
    by_key = {month: {row["customer"]: row for row in rows} for month, rows in made.items()}
    january, february, march = (by_key[name] for name in ("january", "february", "march"))
    assert (len(january), len(february), len(march)) == (700, 740, 880)
    builder = screenshots.IN_MIND
    assert (january[builder]["amount"], february[builder]["amount"]) == (61_000, 182_000)
    assert "heat pump" not in {row["purpose"] for row in january.values()}
    assert sum(row["purpose"] == "heat pump" for row in february.values()) == 3
    for customer, row in march.items():
        assert row["amount"] == 100 * int(by_key["mended"][customer]["amount"])
