"""The report in a real browser with the network off: it opens, lists, filters and stays silent."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import HOSTILE, N_ALERTS, folded_report, write_page
from webdriver import ARROW_RIGHT, ENTER, Browser

from somscape import SOMDetector, report
from somscape.outliers import AlertRule
from somscape.tables import table_from_columns
from somscape.tables._write import unescape_cell

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(180)]


def shown_ids(browser: Browser) -> list[str]:
    return browser.texts("#rows tbody .id")


def test_clicking_a_cell_lists_exactly_its_rows(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    rows = page[1]["rows"]
    unit = rows["units"][0]
    expected = [i for i, at in zip(rows["ids"], rows["units"], strict=True) if at == unit]
    opened.click(f'#map .cell[data-unit="{unit}"]')
    assert shown_ids(opened) == expected
    opened.click("#clear-cell")
    assert len(shown_ids(opened)) == N_ALERTS


def test_keyboard_alone_chooses_a_cell(opened: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    rows = page[1]["rows"]
    opened.run("document.querySelector('#map .cell').focus()")
    opened.type('#map .cell[data-unit="0"]', ARROW_RIGHT)
    opened.type('#map .cell[data-unit="1"]', ENTER)
    expected = [i for i, at in zip(rows["ids"], rows["units"], strict=True) if at == 1]
    assert shown_ids(opened) == expected
    assert opened.run("return document.activeElement.dataset.unit") == "1"


def ids_in(data: dict[str, Any], units: list[int]) -> list[str]:
    rows = data["rows"]
    return [i for i, at in zip(rows["ids"], rows["units"], strict=True) if at in units]


def cell(unit: int) -> str:
    return f'#map .cell[data-unit="{unit}"]'


def test_shift_and_drag_choose_several_cells(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click(cell(0))
    opened.shift_click(cell(6))
    assert shown_ids(opened) == ids_in(page[1], [0, 6])
    opened.shift_click(cell(6))
    assert shown_ids(opened) == ids_in(page[1], [0])
    # Units 1 and 10 span a box two wide and three high; of its middle row, which is shifted by
    # half a cell, one center lies inside.
    opened.drag(cell(1), cell(10))
    assert shown_ids(opened) == ids_in(page[1], [1, 2, 5, 9, 10])


def test_clicking_a_row_opens_its_case_and_lights_its_cell(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click('#rows tr[data-rank="2"] .score')
    assert opened.texts("#rows tr.opened .id") == [page[1]["rows"]["ids"][1]]
    outline = opened.run(
        "return [...document.querySelectorAll('#map .ring.case')].map(r => r.points.length)"
    )
    assert outline == [6]
    beside = page[1]["cases"][1]
    ids = page[1]["rows"]["ids"]
    named = [ids[rank] for rank, _ in (*beside["usual"], *beside["labelled"])]
    assert opened.texts("#rows .other .text:not(.other > .text)") == named
    words = " ".join(opened.texts("#rows .facts"))
    assert f"{beside['around']['n_with']} of {beside['around']['n_known']} labelled rows" in words
    opened.click('#rows tr[data-rank="2"] .score')
    assert opened.texts("#rows .case") == []


def test_address_keeps_the_view(opened: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    view = "#color=column_0&ramp=cividis&cells=1.2&find=plain&sort=-score"
    opened.open(page[0], view)
    assert opened.run("return location.hash") == view
    look = "return ['map', 'rows'].map(id => document.getElementById(id).outerHTML)"
    before = opened.run(look)
    opened.open(page[0])
    assert opened.run(look) != before
    opened.run("location.hash = arguments[0]; return new Promise(r => setTimeout(r, 50))", view)
    assert opened.run(look) == before
    opened.click("#clear-cell")
    opened.click("#rows .open button")
    assert "cells" not in opened.run("return location.hash")
    case = opened.texts("#rows .case")
    opened.open(page[0], opened.run("return location.hash"))
    assert opened.texts("#rows .case") == case


def test_address_of_nonsense_shows_the_plain_page(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.open(page[0], "#color=no&ramp=x&cells=99.a.-1&case=9999&sort=%22%5D&show=y")
    assert shown_ids(opened) == page[1]["rows"]["ids"][:N_ALERTS]


def test_list_is_saved_as_csv_that_no_spreadsheet_runs(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    script = (
        "const kept = []; const make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { kept.push(blob); return make(blob); };"
        "HTMLAnchorElement.prototype.click = () => {};"
        "document.querySelector(arguments[0]).click();"
        "URL.createObjectURL = make; return kept[0].text()"
    )
    data = page[1]
    lines = list(csv.DictReader(io.StringIO(opened.run(script, "#save-csv"))))
    assert [line["id"] for line in lines] == data["rows"]["ids"][:N_ALERTS]
    notes = next(c for c in data["rows"]["cells"] if c["name"] == "note")["values"][:N_ALERTS]
    assert [unescape_cell(line["note"]) for line in lines] == notes
    assert any(line["note"] == "'=1+1" for line in lines)
    assert json.loads(opened.run(script, "#save-json")) == data


def test_choosing_a_column_shows_its_spread_and_colors_the_map(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    name, key = next((p["name"], p["key"]) for p in page[1]["planes"] if p["name"] == "amount")
    opened.click(f'#gallery [data-key="{key}"]')
    assert opened.texts("#column h3") == [name]
    assert opened.run("return document.getElementById('plane').value") == key
    column = next(c for c in page[1]["columns"] if c["name"] == name)
    count = "return document.querySelectorAll(arguments[0]).length"
    assert opened.run(count, "#column .bar.all") == len(column["counts"])
    assert opened.run(count, "#column .bar.chosen") == 0
    opened.click(cell(0))
    said = " ".join(opened.texts("#column .key"))
    assert f"listed rows of the chosen units ({len(ids_in(page[1], [0]))})" in said


def test_hostile_text_is_shown_as_text(opened: Browser) -> None:
    opened.click('input[value="all"]')
    for i, shown in enumerate(HOSTILE):
        opened.run(
            "const s = document.getElementById('search'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('input'))",
            shown[:30],
        )
        opened.run("document.querySelector('#rows .open button').click()")
        # textContent of the cell is the very text that went in, and no markup came of it.
        assert shown in opened.texts("#rows .values td"), i
    bad = "#rows script, img, #rows b, i b"
    assert opened.run("return document.querySelectorAll(arguments[0]).length", bad) == 0
    assert opened.run("return document.title") == "<u>Title</u>"
    assert opened.texts("h1") == ["<u>Title</u>"]


def test_a_finding_is_one_line_that_opens_to_its_rows(browser: Browser, tmp_path: Path) -> None:
    data = folded_report()
    finding = max(data["findings"], key=lambda each: len(each["ranks"]))
    n, first = len(finding["ranks"]), finding["ranks"][0] + 1
    assert n >= 3
    browser.complaints()
    browser.open(write_page(data, tmp_path))
    inside = {str(rank + 1) for rank in finding["ranks"]}
    assert not inside & set(list_of(browser))
    place = f'#rows tr[data-finding="{finding["number"]}"]'
    [said] = browser.texts(f"{place} summary")
    ids = ", ".join(data["rows"]["ids"][rank] for rank in finding["ranks"][:3])
    more = ", ..." if n > 3 else ""
    assert said == f"{n} rows like this"
    assert browser.texts(f"{place} .why > .tag") == [ids + more]
    # The finding has the score, p-value and unit of its first row.
    scores, p_values = data["rows"]["scores"], data["rows"]["p_values"]
    assert browser.texts(f"{place} .score") == [f"{scores[first - 1]:#.4g}"]
    assert float(browser.texts(f"{place} .p")[0]) == float(f"{p_values[first - 1]:.2g}")
    assert len(browser.texts(f"{place} .where button")) == 1
    browser.click(f"{place} summary")
    assert inside <= set(list_of(browser))
    browser.click(f'#rows tr[data-rank="{first}"] .open button')
    assert "case" in list_of(browser)
    browser.click(f"{place} summary")
    assert not inside & set(list_of(browser))
    # The number of alerts counts rows, and a search finds each of them.
    assert browser.texts("#count") == [f"{data['n_alerts']} alerts."]
    browser.type("#search", data["rows"]["ids"][finding["ranks"][-1]])
    assert list_of(browser)[0] == str(finding["ranks"][-1] + 1)
    assert browser.complaints() == []


LINE = "The following rows do not stand out."


def list_of(browser: Browser) -> list[str]:
    """What the list shows in order: ranks, "case" and "line"."""
    return browser.run(
        "return [...document.querySelectorAll('#rows > tbody > tr')].map(row => row.dataset.rank"
        " ?? ({ boundary: 'line', details: 'case' })[row.className] ?? row.className)"
    )


def ranks(*numbers: int) -> list[str]:
    return [str(rank) for rank in numbers]


def planted(n_far: int) -> dict[str, Any]:
    """The report of 150 rows, some of them far from the others."""
    rng = np.random.default_rng(n_far)
    X = rng.normal(size=(150, 3))
    X[:n_far] += rng.choice([-9.0, 9.0], size=(n_far, 3))
    ids = [f"k{i * 37 % 150:03}" for i in range(150)]
    table = table_from_columns({"id": ids, **{f"x{i}": x for i, x in enumerate(X.T)}})
    detector = SOMDetector(n_maps=1, random_state=0).fit(table)
    alerts = replace(detector.alerts(table), n_filled=0)
    data = report.build(detector, table, alerts, rule=AlertRule())
    return report.Report({**data, "findings": []})


def test_a_line_follows_the_rows_that_stand_out(browser: Browser, tmp_path: Path) -> None:
    data = planted(4)
    n = data["n_stand_out"]
    assert 4 <= n < data["n_alerts"] == 10
    assert data["n_before_line"] == n
    before, after = ranks(*range(1, n + 1)), ranks(*range(n + 1, 11))
    browser.complaints()
    browser.open(write_page(data, tmp_path))
    assert list_of(browser) == [*before, "line", *after]
    assert browser.texts("#rows tr.boundary") == [LINE]
    assert browser.texts("#count") == ["10 alerts."]  # it is no row
    # A case opens above it, of the row before, and below it, of the row after.
    browser.click(f'#rows tr[data-rank="{n}"] .open button')
    assert list_of(browser) == [*before, "case", "line", *after]
    browser.click(f'#rows tr[data-rank="{n}"] .open button')
    browser.click(f'#rows tr[data-rank="{n + 1}"] .open button')
    assert list_of(browser) == [*before, "line", after[0], "case", *after[1:]]
    browser.click(f'#rows tr[data-rank="{n + 1}"] .open button')
    # By id it vanishes, in either direction, as it does from the last rank to the first.
    by_id = sorted(range(1, 11), key=lambda rank: data["rows"]["ids"][rank - 1])
    browser.click('th[data-key="id"] button')
    assert list_of(browser) in (ranks(*by_id), ranks(*by_id[::-1]))
    browser.click('th[data-key="id"] button')
    assert list_of(browser) in (ranks(*by_id), ranks(*by_id[::-1]))
    browser.click('th[data-key="rank"] button')
    assert list_of(browser) == [*before, "line", *after]
    browser.click('th[data-key="rank"] button')
    assert list_of(browser) == [*after[::-1], *before[::-1]]
    browser.click('th[data-key="rank"] button')
    # It stays among all rows, and goes with the row that it follows.
    browser.click('input[value="all"]')
    assert list_of(browser)[: n + 2] == [*before, "line", after[0]]
    assert list_of(browser).count("line") == 1
    browser.type("#search", data["rows"]["ids"][n])
    assert list_of(browser) == after[:1]
    assert browser.complaints() == []


COLUMNS: dict[str, tuple[str, list[str | None], list[str]]] = {
    "balance": ("number", ["-88000.0", "8544.33"], ["-88,000.00", "8,544.33"]),
    "income": ("number", ["48508", "1000000"], ["48,508", "1,000,000"]),
    "share": ("number", ["1.0", "0.986"], ["1", "0.986"]),
    "year": ("number", ["1999", "2016"], ["1999", "2016"]),
    "with comma": ("number", ["1234,5", "48508"], ["1234,5", "48508"]),
    "code": ("category", ["10115", "20095"], ["10115", "20095"]),
    "number code": ("number", ["00715", "20095"], ["00715", "20095"]),
    "power": ("number", ["1e-05", "20095"], ["1e-05", "20095"]),
    "long": ("number", ["12345678901234567890.5", "1"], ["12,345,678,901,234,567,890.5", "1.0"]),
    "empty": ("number", [None, "1500.5"], ["missing", "1,500.5"]),
}
"""For each column, its kind, the values of the file, and the values on the page."""


def test_a_column_has_one_format_of_numbers(browser: Browser, tmp_path: Path) -> None:
    data = planted(4)
    n = len(data["rows"]["ids"])
    cells = {name: [two[0], *[two[1]] * (n - 1)] for name, (_, two, _) in COLUMNS.items()}
    data["rows"]["cells"] = [{"name": k, "values": values} for k, values in cells.items()]
    data["columns"] += [
        {"name": name, "kind": kind, "why": "1967 different values", "n_missing": 0}
        for name, (kind, _, _) in COLUMNS.items()
    ]
    about = {"share": 0.1, "at": None, "usual_at": None}
    reasons = [
        {"column": name, "value": values[0], "usual": "6771 to 19817.5", **about}
        for name, (_, values, _) in COLUMNS.items()
        if values[0]
    ]
    data["reasons"][0] = reasons
    data["headline"] = "1998 of 2000 customers stand out (about 3 of them by chance)"
    data["cases"][0]["counterfactual"] = (
        "would be usual with balance between 983.55 and 136000, code 10115 and income 20095"
    )
    what = "balance from -88000.0 to 8544.33; code = 10115; income = 48508, 52000 or 1000000"
    data["findings"] = [{"number": 1, "ranks": [0, 1], "what": what}]
    browser.open(write_page(report.Report(data), tmp_path))
    words = browser.texts("p.lead.of-detector strong") + browser.texts("#columns td:nth-child(3)")
    assert words[0].startswith("1,998 of 2,000 customers stand out")
    assert words[-1] == "1,967 different values"
    assert browser.texts("#rows .finding .reasons .value") == [
        *(" from -88,000.00 to 8,544.33", " = 10115", " = 48,508, 52,000 or 1,000,000")
    ]
    browser.click("#rows .finding summary")
    row = '#rows tr[data-rank="1"]'
    assert browser.texts(f"{row} .reasons .value") == [
        shown[0] for _, values, shown in COLUMNS.values() if values[0]
    ]
    usual = dict(zip([r["column"] for r in reasons], browser.texts(f"{row} .usual"), strict=True))
    assert usual["balance"] == ": usual 6,771 to 19,817.5"
    assert usual["year"] == usual["with comma"] == ": usual 6771 to 19817.5"
    browser.click(f"{row} .open button")
    assert browser.texts("#rows .would") == [
        "This row would no longer stand out with balance between 983.55 and 136,000, code 10115 "
        "and income 20,095."
    ]
    own, other = (
        dict(zip(browser.texts("#rows .values tbody th"), browser.texts(place), strict=True))
        for place in ("#rows .values td:nth-child(2)", "#rows .values td:nth-child(3)")
    )
    assert {name: [own[name], other[name]] for name in COLUMNS} == {
        name: shown for name, (_, _, shown) in COLUMNS.items()
    }
    # The facts do not repeat the p-value and the place of the line above.
    assert "p-value" not in browser.texts("#rows .facts dt")


def test_search_and_sort_change_the_list(
    opened: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    opened.click('input[value="all"]')
    opened.type("#search", "ÜNÏ")
    assert len(shown_ids(opened)) == 1
    opened.run(
        "const s = document.getElementById('search'); s.value = '';"
        "s.dispatchEvent(new Event('input'))"
    )
    opened.click('th[data-key="score"] button')
    opened.click('th[data-key="score"] button')
    # Ascending now: the least unusual row first.
    assert shown_ids(opened)[0] == page[1]["rows"]["ids"][-1]
    assert opened.run("return document.querySelector('th[data-key=score]').ariaSort") == "ascending"


def test_every_plane_colors_every_cell(opened: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    assert page[1]["planes"]
    for plane in page[1]["planes"]:
        colored = opened.run(
            "const s = document.getElementById('plane'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('change'));"
            "return [...document.querySelectorAll('#map .cell')].map(c => c.getAttribute('fill'))",
            plane["key"],
        )
        has_color = [value is not None for value in plane["values"]]
        assert [color is not None for color in colored] == has_color


def test_notebook_frame_shows_the_page_and_cannot_reach_out(
    opened: Browser, page: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    notebook = tmp_path / "notebook.html"
    notebook.write_text(report.Report(page[1])._repr_html_(), encoding="utf-8")
    opened.open(notebook)
    assert opened.run("return document.querySelector('iframe').contentDocument") is None
    opened.enter_frame("iframe")
    assert shown_ids(opened) == page[1]["rows"]["ids"][:N_ALERTS]
    opened.click(cell(0))
    assert shown_ids(opened) == ids_in(page[1], [0])


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_page_never_scrolls_sideways(opened: Browser, width: int) -> None:
    opened.resize(width, 900)
    opened.click("#rows tbody .open button")
    assert opened.run("return window.innerWidth") == width
    assert opened.run("return document.documentElement.scrollWidth") <= width
