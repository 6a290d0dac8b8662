"""Columns of a table to encoded rows, in an ONNX graph.

The graph does what `somscape.encode` does to clean cells.  It cannot refuse a row: values that a
map would refuse become NaN.
"""

from typing import Any

import numpy as np

from somscape.encode import CycleCode
from somscape.errors import InputError
from somscape.save._onnx_graph import ML, OnnxGraph

MISMATCH_WEIGHT = 0.5**0.5
"""Value of the level that applies, as in `encode`."""

SLIP_RANGE = 1000.0
"""How far slips count, as in `encode`."""

MISSING_LEVEL = "(missing)"
DAY = 86_400_000_000
UNITS = {"D": DAY, "s": 1_000_000, "us": 1}
"""Microseconds of a day, and of a date's units."""

NO_DATE = -(2**63)
"""NumPy's NaT as a whole number."""


def encoded_rows(graph: OnnxGraph, encoding: dict[str, Any]) -> str:
    """Add inputs and their encoding, and return the encoded rows, of shape (n, n_features)."""
    if encoding["missing"] == "mask":
        raise InputError(
            "ONNX does not support a map with missing='mask', whose distances leave missing values "
            "out. Train with missing='fill'."
        )
    is_filled = encoding["missing"] == "fill"
    columns: list[dict[str, Any]] = [
        {"kind": "plain", "name": column, "fill": 0.0} if isinstance(column, str) else column
        for column in encoding["columns"]
    ]
    if all(_is_plain(column) for column in columns):
        rows = graph.matrix("X", len(columns))
        fills = np.array([column["fill"] for column in columns])
        return _filled(graph, rows, fills) if is_filled else rows
    dates: dict[str, tuple[str, int]] = {}
    parts = []
    for column in columns:
        if column["kind"] == "date":
            counts = graph.column(column["name"], "int64")
            dates[column["name"]] = counts, DAY // UNITS[column["unit"]]
            parts.append(_date(graph, counts, column, is_filled))
        elif column["kind"] in _ADD:
            parts.append(_ADD[column["kind"]](graph, column, is_filled))
    for part in encoding.get("parts", ()):
        add = _cycle if part["kind"] == "circle" else _span
        parts.append(add(graph, dates, part, is_filled))
    return graph.op("Concat", *parts, axis=1)


def _is_plain(column: dict[str, Any]) -> bool:
    return column["kind"] == "plain" or (
        column["kind"] == "number"
        and (column["width"], column["low"], column["span"]) == (0.0, 0.0, 1.0)
        and column["why"] == "used as given"
    )


def _number(graph: OnnxGraph, column: dict[str, Any], is_filled: bool) -> str:
    values = graph.as_double(graph.column(column["name"], graph.number))
    return _scaled(graph, values, column, is_filled)


def _date(graph: OnnxGraph, counts: str, column: dict[str, Any], is_filled: bool) -> str:
    return _scaled(
        graph, _or_nan(graph, graph.as_double(counts), counts), column["number"], is_filled
    )


def _or_nan(graph: OnnxGraph, values: str, counts: str) -> str:
    """Return values, NaN where a date is missing."""
    is_missing = graph.op("Equal", counts, graph.constant(NO_DATE))
    return graph.op("Where", is_missing, graph.constant(np.nan), values)


def _cycle(
    graph: OnnxGraph, dates: dict[str, tuple[str, int]], part: dict[str, Any], is_filled: bool
) -> str:
    """Look up the weekday, or the minute of the day, on its circle."""
    code = CycleCode(**{name: value for name, value in part.items() if name != "kind"})
    counts, per_day = dates[code.source]
    since_midnight = graph.op("Mod", counts, graph.constant(per_day))
    if code.part == "weekday":  # 1970 began on a Thursday
        days = graph.op("Sub", counts, since_midnight)
        days = graph.op("Div", days, graph.constant(per_day))
        step = graph.op("Mod", graph.op("Add", days, graph.constant(3)), graph.constant(7))
    else:
        minutes = graph.op("Mul", since_midnight, graph.constant(1440))
        step = graph.op("Div", minutes, graph.constant(per_day))
    table = np.vstack([code.circle, code.circle[code.fill] if is_filled else [np.nan, np.nan]])
    is_missing = graph.op("Equal", counts, graph.constant(NO_DATE))
    step = graph.op("Where", is_missing, graph.constant(len(code.circle)), step)
    flat = graph.op("Reshape", step, graph.constant([-1]))
    return graph.op("Gather", graph.constant(table), flat, axis=0)


def _span(
    graph: OnnxGraph, dates: dict[str, tuple[str, int]], part: dict[str, Any], is_filled: bool
) -> str:
    """Subtract dates, in days."""
    ends = [dates[part[which]] for which in ("start", "end")]
    moments = [graph.op("Mul", counts, graph.constant(DAY // per_day)) for counts, per_day in ends]
    apart = graph.as_double(graph.op("Sub", moments[1], moments[0]))
    days = graph.op("Div", apart, graph.constant(float(DAY)))
    for counts, _ in ends:
        days = _or_nan(graph, days, counts)
    return _scaled(graph, days, part, is_filled)


def _scaled(graph: OnnxGraph, values: str, number: dict[str, Any], is_filled: bool) -> str:
    if is_filled:
        values = _filled(graph, values, number["fill"])
    if number.get("reach"):
        far = SLIP_RANGE * number["reach"]
        values = graph.op("Max", values, graph.constant(number["fill"] - far))
        values = graph.op("Min", values, graph.constant(number["fill"] + far))
    if number["width"]:
        shifted = graph.op("Sub", values, graph.constant(number["center"]))
        values = _asinh(graph, graph.op("Div", shifted, graph.constant(number["width"])))
    above = graph.op("Sub", values, graph.constant(number["low"]))
    return graph.op("Div", above, graph.constant(number["span"] / number.get("factor", 1.0)))


def _asinh(graph: OnnxGraph, values: str) -> str:
    # Runtimes support Asinh only for float32.
    size, one = graph.op("Abs", values), graph.constant(1.0)
    root = graph.op("Sqrt", graph.op("Add", graph.op("Mul", size, size), one))
    return graph.op("Mul", graph.op("Sign", values), graph.op("Log", graph.op("Add", size, root)))


def _filled(graph: OnnxGraph, values: str, fill: Any) -> str:
    return graph.op("Where", graph.op("IsNaN", values), graph.constant(fill), values)


def _category(graph: OnnxGraph, column: dict[str, Any], is_filled: bool) -> str:
    levels = column["levels"]
    table = column.get("factor", 1.0) * MISMATCH_WEIGHT * np.eye(len(levels) + 1)
    missing = levels.index(MISSING_LEVEL) if MISSING_LEVEL in levels else len(levels)
    return _looked_up(graph, column["name"], levels, table, table[missing] if is_filled else np.nan)


def _ordinal(graph: OnnxGraph, column: dict[str, Any], is_filled: bool) -> str:
    levels = column["levels"]
    steps = column.get("factor", 1.0) * np.arange(len(levels)) / (len(levels) - 1)
    places = np.append(steps, np.nan)[:, None]
    missing = places[column["fill"]] if is_filled else np.nan
    return _looked_up(graph, column["name"], levels, places, missing)


def _looked_up(graph: OnnxGraph, name: str, levels: list[str], table: Any, missing: Any) -> str:
    """Return the table's line for each text: the last for other texts, `missing` for no text."""
    table = np.vstack([table, np.broadcast_to(missing, (1, table.shape[1]))])
    of_level = {"": len(levels) + 1, **{level: i for i, level in enumerate(levels)}}
    place = graph.op(
        "LabelEncoder",
        graph.column(name, "string"),
        domain=ML,
        keys_strings=list(of_level),
        values_int64s=list(of_level.values()),
        default_int64=len(levels),
    )
    flat = graph.op("Reshape", place, graph.constant([-1]))
    return graph.op("Gather", graph.constant(table), flat, axis=0)


_ADD = {"number": _number, "category": _category, "ordinal": _ordinal}
