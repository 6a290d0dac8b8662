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
        | {"checks": 2 * (n == 1), "open_checks": 1, "table": FEBRUARY}
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
        "instead_of": [],
        "audit_head": "",
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
        f"{FEBRUARY} (run 1 of 2026-01-05): 12 listed, 5 confirmed, 5 cleared, 2 open",
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
