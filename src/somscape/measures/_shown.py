"""A report of measures as text and as HTML, with held-out rows beside the training rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from somscape.measures._by_row import SEARCHED

if TYPE_CHECKING:
    from somscape.measures._report import Measure, MeasuresReport

MUCH = 0.05
"""Of measures from 0 to 1."""

MUCH_LONGER = 1.1
"""Of distances and ranks, as a ratio."""

MAX_NAMED = 3

STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}"
    "th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #bbb}"
    "caption{text-align:left}"
)


def comparison(report: "MeasuresReport") -> str:
    """Return how held-out rows do beside the training rows; "" without any."""
    if report.held_out is None:
        return ""
    held_out = {each.name: each for each in report.held_out}
    worse = [
        f"{each.name} ({_number(held_out[each.name].value)}, not {_number(each.value)})"
        for each in report
        if each.name in SEARCHED and _is_much_worse(held_out[each.name], each)
    ]
    if not worse:
        return "Held-out rows do about as well as the training rows."
    more = f" and {len(worse) - MAX_NAMED} more" if len(worse) > MAX_NAMED else ""
    return (
        f"Held-out rows do much worse than the training rows in {', '.join(worse[:MAX_NAMED])}"
        f"{more}: the map follows its own rows closely. Judge it by the held-out rows; fewer "
        "units, a larger final radius or more rows bring both together."
    )


def _is_much_worse(held_out: "Measure", trained: "Measure") -> bool:
    if trained.good == "near 1":
        return held_out.high < trained.low and trained.value - held_out.value > MUCH
    is_apart = held_out.low > trained.high
    if trained.good == "near 0":
        return is_apart and held_out.value - trained.value > MUCH
    return is_apart and held_out.value > MUCH_LONGER * trained.value


def text_of(report: "MeasuresReport") -> str:
    """Return a line for each measure, and one that compares the rows."""
    lines = [[each.name, *_cells(report, each)] for each in report]
    if report.held_out is not None:
        lines.insert(0, ["", "value", "interval", "held out", "good"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    widths[-1] = 0
    # Numbers stand to the right.
    sides = ["<", ">", "<", *[">"] * (len(widths) - 4), "<"]
    looks = list(zip(sides, widths, strict=True))
    texts = [
        "  ".join(f"{cell:{side}{width}}" for cell, (side, width) in zip(line, looks, strict=True))
        for line in lines
    ]
    return "\n".join([*texts, *([report.comparison] if report.comparison else [])])


def table_of(report: "MeasuresReport") -> str:
    """Return a table of HTML."""
    return ET.tostring(_table(report), encoding="unicode", method="html")


def page_of(report: "MeasuresReport") -> str:
    """Return a page of HTML that needs nothing else."""
    page = ET.Element("html", lang="en")
    head = ET.SubElement(page, "head")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "title").text = "Measures of a map"
    ET.SubElement(head, "style").text = STYLE
    body = ET.SubElement(page, "body")
    ET.SubElement(body, "h1").text = "Measures of a map"
    body.append(_table(report))
    return "<!DOCTYPE html>\n" + ET.tostring(page, encoding="unicode", method="html")


def _table(report: "MeasuresReport") -> ET.Element:
    table = ET.Element("table")
    held_out = report.held_out
    beside = "" if held_out is None else f"; {held_out.n_rows} held-out rows beside them"
    ET.SubElement(table, "caption").text = " ".join(
        [
            f"{report.n_rows} rows on {report.n_units} units{beside}; intervals: "
            f"{100 * report.level:g} % of means over rows drawn again.",
            report.comparison,
        ]
    ).strip()
    titles = ["measure", "value", "interval", "held out", "good", "what it says"]
    if held_out is None:
        titles.remove("held out")
    head = ET.SubElement(ET.SubElement(table, "thead"), "tr")
    for title in titles:
        ET.SubElement(head, "th", scope="col").text = title
    body = ET.SubElement(table, "tbody")
    for each in report:
        line = ET.SubElement(body, "tr")
        ET.SubElement(line, "th", scope="row").text = each.name.replace("_", " ")
        for text in (*_cells(report, each), each.says):
            ET.SubElement(line, "td").text = text
    return table


def _cells(report: "MeasuresReport", each: "Measure") -> Sequence[str]:
    """Return value, interval, value of held-out rows if there are any, and what is good."""
    between = "" if each.low != each.low else f"{each.low:.4g} to {each.high:.4g}"
    cells = [_number(each.value), between, each.good]
    held_out = report.held_out
    if held_out is not None:
        cells.insert(2, _number(held_out[each.name]) if each.name in held_out else "-")
    return cells


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4g}"
