"""The first part of a watch's page says what changed, and leads to the rows."""

from pathlib import Path
from typing import Any

import pytest
from pages import HOSTILE, hostile_report, write_page
from webdriver import Browser

from somscape import report

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]

RUN_AXE = """
return axe.run(document, {runOnly: ["wcag2a", "wcag2aa"]}).then(found => found.violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => [id, nodes.map(node => node.html.slice(0, 200))]))
"""

COUNTS = {"new": 1, "returned": 1, "risen": 0, "still": 10, "folded": 1, "confirmed": 3, "gone": 2}


DRIFT = (
    "Drift, compared with 2 earlier tables: amount is 99 times larger (median 192322, 1948 in the "
    "training table), most in 20001, 20002; 55 % of the rows are above the threshold."
)


def changed(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a run might say, with texts that a page must survive."""
    ids = data["rows"]["ids"]
    news = ["returned", "new", *["still"] * 10, "folded"]
    told = {"state": "cleared", "comment": HOSTILE[1], "reasons": HOSTILE[0], "why": None}
    bare = {"state": "confirmed", "comment": ""}
    back = {"why": f"Cleared on 2026-01-06 by {HOSTILE[0]}; since then amount {MOVED}."}
    months = [
        {"number": 3 - n, "made": f"2026-0{3 - n}-05T10:00:00+00:00", "listed": 12, "confirmed": 5}
        | {"cleared": 7 - n, "open": n}
        # An earlier version had no checks and no names.
        | ({"checks": 2, "open_checks": 1, "table": FEBRUARY} if n == 1 else {})
        for n in (1, 2)
    ]
    return {
        **{
            "watch": HOSTILE[2],
            "precision": months,
            "number": 2,
            "compared_with": 1,
            "counts": COUNTS,
        },
        "compared_with_made": "2026-01-05T10:00:00+00:00",
        "compared_with_table": FEBRUARY,
        "trained_on": HOSTILE[1],
        "cases": [
            {
                "key": ids[i],
                "place": i + 1,
                "news": n,
                **told,
                **{"new": bare, "returned": back}.get(n, {}),
            }
            for i, n in enumerate(news)
        ],
        "gone": [{"key": HOSTILE[3], "why": "not in the data any more"}] * 2,
        "drift": {"sentence": DRIFT, "is_found": True, "n_months": 2, "columns": ["amount", ""]},
        "unseen": [{"column": "job", "what": HOSTILE[0], "n": 30, "keys": ["a", "b"]}],
        "if_wrong": f"Run {HOSTILE[2]}.",
        "train_anew": "24 % of the rows are flagged.",
        "command_anew": f"somscape detect '{HOSTILE[1]}'",
        **more,
    }


FEBRUARY = f"{HOSTILE[0]}.csv"
MOVED = "moved from 4450.07 to 433951"


def is_shown(browser: Browser, selector: str) -> bool:
    return bool(
        browser.run("return document.querySelector(arguments[0]).checkVisibility()", selector)
    )


def test_the_page_begins_with_what_changed(browser: Browser, axe: str, tmp_path: Path) -> None:
    data = hostile_report()
    data["changed"] = changed(data)
    browser.complaints()
    browser.resize(1400, 1000)
    browser.open(write_page(data, tmp_path))
    assert browser.texts("#changed-counts li") == [
        *("1 new", "1 returned", "10 still", "1 folded", "3 still listed, confirmed", "2 gone")
    ]
    # Drift is the headline, in which ids stay as in the file, and the page has each fact once.
    grouped = DRIFT.replace("192322, 1948", "192,322, 1,948")
    first, rest = grouped.split(", most in")
    assert browser.texts("#drift strong") == [first]
    assert browser.texts("#drift") == [f"{first}Most in{rest} Run {HOSTILE[2]}."]
    assert not is_shown(browser, ".lead.of-detector")
    assert not is_shown(browser, "#changed-drift")
    assert not is_shown(browser, "#changed-command")
    browser.click("#changed-anew summary")
    assert is_shown(browser, "#changed-command")
    compared = f"Run 2 of {HOSTILE[2]}. Compared with {FEBRUARY} (run 1 of 2026-01-05)."
    assert browser.texts("#changed-lead") == [compared]
    trained = f"Counts and usual ranges refer to the training table {HOSTILE[1]}."
    assert browser.texts("#list #trained-on") == [f" {trained}"]
    assert len(browser.texts("#changed-lists summary")) == 4
    assert browser.texts("#changed-precision summary, #changed-precision li") == [
        f"{FEBRUARY} (run 2 of 2026-02-05): 12 listed, 5 confirmed, 6 cleared, 1 open; "
        "2 checks, 1 open",
        "Run 1 of 2026-01-05: 12 listed, 5 confirmed, 5 cleared, 2 open",
    ]
    finding = {"number": 1, "ranks": [1, 2, 3], "what": "alike"}
    data["findings"] = [finding]
    browser.open(write_page(data, tmp_path))
    # A finding has a tag for each kind of news, with the number of its rows.
    assert browser.texts("#rows .finding .news") == ["1 new, confirmed", "2 still, cleared"]
    data["findings"] = []
    browser.open(write_page(data, tmp_path))
    assert browser.texts("#rows .news")[:3] == [
        "returned, cleared",
        "new, confirmed",
        "still, cleared",
    ]
    # The list shows the earlier decision on a row, so no other part of the page repeats the row.
    why = data["changed"]["cases"][0]["why"].replace(MOVED, "moved from 4,450.07 to 433,951")
    earlier = [why, f"Comment: {HOSTILE[1]}"]
    assert browser.texts('#rows tr[data-rank="1"] .earlier') == earlier
    assert browser.texts('#rows tr[data-rank="2"] .earlier') == []
    # A count lists its rows, and a second press lists all rows again.
    returned = "#changed-counts li:nth-child(2) button"
    browser.click(returned)
    assert browser.texts("#rows tbody .id .text, #rows tbody .id") == browser.texts(
        '#rows tr[data-rank="1"] .id'
    )
    assert (
        browser.run("return document.querySelector(arguments[0]).ariaPressed", returned) == "true"
    )
    browser.click(returned)
    assert len(browser.texts("#rows tr[data-rank]")) == data["n_alerts"]
    browser.click("#rows .open button")
    assert browser.complaints() == []
    browser.emulate(width=390, height=900)
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    browser.run(axe + "; window.axe = axe;")
    assert browser.run(RUN_AXE) == []
    browser.emulate_nothing()


def test_in_the_app_a_link_leads_to_the_right_table(browser: Browser, tmp_path: Path) -> None:
    data = hostile_report()
    data["changed"] = changed(data, if_wrong="Run `somscape run cards TABLE --instead-of 3`.")
    bar = (
        'document.querySelector(".skip").after(make("nav", { class: "bar" },'
        ' make("a", { href: "/watches/cards" }, "cards")));'
    )
    path = tmp_path / "page.html"
    path.write_text(report.render(data, script=bar), encoding="utf-8")
    browser.open(path)
    [words] = browser.texts("#drift")
    assert words.endswith("If the table is wrong, click Wrong table? on the page of the watch.")
    assert "--instead-of" not in words
    assert browser.run("return document.querySelector('#drift a').pathname") == "/watches/cards"


def test_the_first_run_compares_with_nothing(browser: Browser, tmp_path: Path) -> None:
    data = hostile_report()
    nothing = {"compared_with": None, "compared_with_made": None, "train_anew": None}
    drift = {"sentence": "", "is_found": False}  # as in an earlier version
    data["changed"] = changed(data, **nothing, number=1, drift=drift, command_anew=None)
    del data["changed"]["trained_on"]  # the map was trained on this table
    browser.open(write_page(data, tmp_path))
    assert browser.texts("#trained-on") == [""]
    assert "This is the first run." in browser.texts("#changed-lead")[0]
    assert browser.texts("#changed-counts button, #rows .earlier") == []
    assert browser.texts("#rows .news") == []
    assert not is_shown(browser, "#drift")
    assert is_shown(browser, ".lead.of-detector")
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("n_months", "is_known", "sentence", "shown"),
    [
        (2, False, "No drift: no column differs.", "No drift, compared with 2 earlier tables."),
        (1, False, "No drift: no column differs.", "No drift, compared with 1 earlier table."),
        (2, True, *["No drift: an earlier run had the same table."] * 2),
        (0, False, *["Drift cannot be judged yet."] * 2),
        (None, False, *["No drift."] * 2),  # a run of an earlier version
    ],
)
def test_no_drift_is_one_short_line(
    browser: Browser, tmp_path: Path, n_months: Any, is_known: bool, sentence: str, shown: str
) -> None:
    data = hostile_report()
    drift = {"sentence": sentence, "is_found": False, "n_months": n_months, "is_known": is_known}
    data["changed"] = changed(data, drift=drift, if_wrong=None, train_anew=None)
    browser.open(write_page(data, tmp_path))
    assert browser.texts("#changed-drift") == [shown]
    assert is_shown(browser, ".lead.of-detector")
    assert not is_shown(browser, "#drift")


def test_separators_are_only_in_numbers_after_names(browser: Browser, tmp_path: Path) -> None:
    browser.open(write_page(hostile_report(), tmp_path))
    functions = (Path(report.__file__).parent / "templates/elements.js").read_text("utf-8")
    words, numbers = "max 10001 of x 10001, d 20000 and id 10007", "new Map([['x', 2], ['d', 0]])"
    assert (
        browser.run(f"{functions}\nreturn afterNames(arguments[0], {numbers})", words)
        == "max 10001 of x 10,001, d 20,000 and id 10007"
    )
    words = "customer 10001 stands out, as 20000 rows and 30000 customers stand out"
    assert (
        browser.run(f"{functions}\nreturn withGroups(arguments[0])", words)
        == "customer 10001 stands out, as 20,000 rows and 30,000 customers stand out"
    )


def test_other_pages_do_not_have_it(browser: Browser, tmp_path: Path) -> None:
    browser.open(write_page(hostile_report(), tmp_path))
    assert browser.run("return document.getElementById('changed-box').hidden")


def test_numbers_are_in_one_line_and_short_cases_do_not_scroll(
    browser: Browser, tmp_path: Path
) -> None:
    data = hostile_report()
    data["rows"]["p_values"][0] = 2.5e-5  # a line may break after the hyphen
    one = data["rows"]["cells"][0]
    heights = (
        "const box = document.querySelector('.case .scroll');"
        "return box.scrollHeight - box.clientHeight"
    )
    n_lines = (
        "const cell = document.querySelector('#rows .p'), range = document.createRange();"
        "cell.style.width = '3em'; range.selectNodeContents(cell);"
        "return range.getClientRects().length"
    )
    for n_columns in (29, 40):
        data["rows"]["cells"] = [{**one, "name": f"{one['name']}{n}"} for n in range(n_columns)]
        browser.open(write_page(data, tmp_path))
        browser.emulate(width=390, height=844)
        browser.click("#rows .open button")
        assert (browser.run(heights) <= 0) == (n_columns == 29)
        assert browser.texts("#rows .p")[0] == "2.5e-5"
        assert browser.run(n_lines) == 1
    browser.emulate_nothing()
