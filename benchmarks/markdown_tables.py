"""Tables of the report, as aligned Markdown."""

from __future__ import annotations

from statistics import median
from typing import Any

OURS = "somscape"

Result = dict[str, Any]
Rounds = dict[str, list[Result]]  # results of a problem by library, one per round


def markdown(header: list[str], rows: list[list[str]], n_left: int = 1) -> str:
    """Return an aligned table, the first columns to the left, without columns that are empty."""
    columns = [c for c in zip(header, *rows, strict=True) if any(c[1:])]
    widths = [max(map(len, column)) for column in columns]
    rules = ["-" * w if i < n_left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    first, *others = zip(*columns, strict=True)
    aligned = [
        [*map(str.ljust, row[:n_left], widths), *map(str.rjust, row[n_left:], widths[n_left:])]
        for row in (first, rules, *others)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in aligned)


def ratios(rounds: Rounds, library: str, base: str = OURS) -> list[float]:
    """Return by round how many times the base's time a library takes; empty if one is missing."""
    pairs = zip(rounds.get(library, []), rounds.get(base, []), strict=False)
    return [float(one["later"] / other["later"]) for one, other in pairs]


def middle(results: list[Result], key: str) -> float | None:
    """Return the median of a figure over the rounds, None where there is none."""
    values = [result[key] for result in results if result[key] is not None]
    return median(values) if values else None


def training_table(rounds: Rounds) -> str:
    """Return the table of one problem, medians over the rounds, the fastest library first."""
    header = ["library", "how", "time, ms", "fastest and slowest round", "x somscape"]
    header += ["share timed", "first call, ms", "import, ms", "QE", "TE", "agreement"]
    header += ["peak MiB", "own MiB"]
    rows = []
    for name, results in sorted(rounds.items(), key=lambda item: median(_later(item[1]))):
        later = [1e3 * seconds for seconds in _later(results)]
        of_ours = ratios(rounds, name)
        share = results[0]["share"]
        row = [results[0]["name"], results[0]["note"], _time(median(later))]
        row += [f"{_time(min(later))}, {_time(max(later))}" if len(later) > 1 else ""]
        row += [f"{median(of_ours):.3g}" if of_ours else ""]
        row += ["" if share == 1 else f"{100 * share:.3g} %"]
        row += [_time(1e3 * median(r["first"] for r in results))]
        row += [f"{1e3 * median(r['import'] for r in results):.0f}"]
        row += [_number(middle(results, key)) for key in ("qe", "te", "agreement")]
        row += [f"{median(r[key] for r in results):.0f}" for key in ("peak", "own")]
        rows.append(row)
    return markdown(header, rows, n_left=2)


def search_table(rounds: list[Result]) -> str:
    """Return the speed of the search by features and units, with its percent of the peak."""
    names = [name.split(" x ") for name in rounds[0]["search"]]
    units = list(dict.fromkeys(unit for _, unit in names))
    header = ["features", *(f"{unit} units" for unit in units)]
    rows = []
    for features in dict.fromkeys(feature for feature, _ in names):
        cells = []
        for unit in units:
            name = f"{features} x {unit}"
            speed = median(r["search"][name] for r in rounds)
            cells.append(f"{speed:.0f} ({search_percent(rounds, name):.0f} %)")
        rows.append([features, *cells])
    return markdown(header, rows)


def search_percent(rounds: list[Result], name: str) -> float:
    """Return the search's percent of the matrix multiply's peak in the same process, median."""
    return float(median(100 * r["search"][name] / r["matmul"] for r in rounds))


def _later(results: list[Result]) -> list[float]:
    return [result["later"] for result in results]


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.2f}" if milliseconds < 100 else f"{milliseconds:,.0f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
