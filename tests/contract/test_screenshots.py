"""Pictures of the app on the site's pages: all are taken, and pages do without missing ones."""

import inspect
import re
import sys
from pathlib import Path
from statistics import median

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
    taken = set(re.findall(r'camera\.take\("(\w+)"', script))
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("*/*.md")]
    shown = {name for page in pages for name in re.findall(r"_generated/monday/(\w+)", page)}
    assert shown == taken


def test_a_page_does_without_pictures_that_were_not_taken(screenshots, tmp_path):
    (tmp_path / "_generated" / "monday").mkdir(parents=True)
    (tmp_path / "_generated" / "monday" / "home.png").touch()
    page = "A\n\n![Home](../_generated/monday/home.png)\n\n![No](../_generated/monday/no.png)\n\nB"
    (tmp_path / "tutorials").mkdir()
    found = screenshots.without_missing(page, tmp_path / "tutorials")
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
    middle = [median(int(row["amount"]) for row in month.values()) for month in (february, march)]
    assert middle[1] == pytest.approx(100 * middle[0], rel=0.1)


def test_what_the_page_says_of_february_and_march_is_looked_for(screenshots):
    page = (DOCS / "tutorials" / "anomalies.md").read_text(encoding="utf-8")
    assert screenshots.FEBRUARY == ("3 new", "1 returned")
    assert "three new cases, one case that returned" in page
    screenshots.expect("Drift: amount is 100\ntimes larger", screenshots.DRIFT)
    with pytest.raises(RuntimeError, match="100 times larger"):
        screenshots.expect("Drift: amount is 10 times larger", screenshots.DRIFT)


def test_the_months_are_run_and_decided_by_commands(screenshots, monkeypatch, tmp_path):
    done = []

    def run(command):
        done.append(command.split()[1:5])
        words = (*screenshots.FEBRUARY, screenshots.DRIFT)
        return screenshots.Outcome(0, ", ".join(words), "")

    (tmp_path / "january").mkdir()
    (tmp_path / "january" / "alerts.csv").write_text("rank,customer\n1,K1010\n2,K1200\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screenshots, "run", run)
    screenshots.three_months()
    assert done == [
        ["detect", "january.csv", "--id", "customer"],
        *(["cases", "mark", "cards", key] for key in ("K1010", "K1200")),
        ["run", "cards", "february.csv", "--out"],
        ["run", "cards", "march.csv"],
    ]


@pytest.mark.parametrize(("lacks", "code"), [("", None), ("no browser", "no browser")])
def test_the_script_ends_well_where_nothing_is_lacking(screenshots, monkeypatch, lacks, code):
    monkeypatch.setattr(screenshots, "take", lambda folder: lacks)
    assert screenshots.main("somewhere") == code


def test_the_report_is_that_of_february_in_which_something_changed(screenshots):
    reports = inspect.getsource(screenshots.reports)
    february = reports.split('desk / "february" / "report.html"')[1]
    assert 'camera.take("report", height=2000)' in february
