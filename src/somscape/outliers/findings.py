"""Findings, which are groups of alerts with the same reasons at the same place of the map."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np

from somscape._types import Bools, Float64s, Ints
from somscape.tables._messages import joined

TIMES_SMALLER = 10.0
"""A row is a finding of its own if its p-value is this many times smaller than the median."""

MAX_VALUES = 3
"""Maximum number of different values that a description lists for a column."""

MIN_SERIES = 3
"""Minimum number of columns that a description joins, as in "X8 to X11"."""


class _Reason(Protocol):
    @property
    def column(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def at(self) -> float | None: ...
    @property
    def is_rule(self) -> bool: ...


@dataclass(frozen=True)
class Finding:
    """Alerts with the same best matching unit and the same columns in their reasons.

    An alert is a finding of its own if its p-value is at most a tenth of the median p-value of the
    alerts with the same unit and columns.

    Attributes
    ----------
    number : int
        Number of the finding, counted from 1.  Findings are in the order of their first alerts.
    places : tuple of int
        Positions of the alerts in the list, counted from 0, in ascending order.
    what : str
        Columns of the reasons with the values of the alerts, such as "X8 to X11 = 7".  It is empty
        if no single column stands out.

    See Also
    --------
    Alerts : Contains the findings of a list.

    Examples
    --------
    >>> from somscape.outliers import Finding
    >>> Finding(1, (0, 2, 3), "X8 to X11 = 7").what
    'X8 to X11 = 7'
    """

    number: int
    places: tuple[int, ...]
    what: str


def findings_of(
    units: Ints, p_values: Float64s, stands_out: Bools, reasons: Sequence[Sequence[_Reason]]
) -> tuple[Finding, ...]:
    """Group the first alerts of a ranking, one for each entry of `reasons`, to findings.

    Rows that stand out are not in one finding with other rows.
    """
    alike: dict[tuple[int, bool, frozenset[str]], list[int]] = {}
    for place, of_row in enumerate(reasons):
        columns = frozenset(each.value if each.is_rule else each.column for each in of_row)
        key = int(units[place]), bool(stands_out[place]), columns
        alike.setdefault(key, []).append(place)
    groups = []
    for places in alike.values():
        middle = median(p_values[places].tolist())
        is_alone = (TIMES_SMALLER * p_values[places] <= middle).tolist()
        alone = [[place] for place, is_one in zip(places, is_alone, strict=True) if is_one]
        others = [place for place, is_one in zip(places, is_alone, strict=True) if not is_one]
        groups += [*alone, *([others] if others else [])]
    return tuple(
        Finding(number, tuple(places), _what([reasons[place] for place in places]))
        for number, places in enumerate(sorted(groups), 1)
    )


def numbers_of(findings: Sequence[Finding]) -> Ints:
    """Return the number of the finding of each alert."""
    numbers = np.zeros(sum(len(finding.places) for finding in findings), dtype=np.int64)
    for finding in findings:
        numbers[list(finding.places)] = finding.number
    return numbers


def _what(reasons: Sequence[Sequence[_Reason]]) -> str:
    """Describe the values of rows in the columns of their reasons, in the order of the first row.

    Columns in which all rows have the same value are joined if their names are a series.
    """
    by_column: dict[str, list[_Reason]] = {}
    for of_row in reasons:
        for reason in of_row:
            by_column.setdefault(reason.column, []).append(reason)
    columns_with: dict[str, list[str]] = {}
    for column, of_column in by_column.items():
        columns_with.setdefault(_values(of_column), []).append(column)
    return "; ".join(f"{_joined(columns)}{said}" for said, columns in columns_with.items())


def _values(reasons: Sequence[_Reason]) -> str:
    """Return a phrase with the values in a column, such as " = 7" or " from 5 to 9"."""
    values = list(dict.fromkeys(reason.value for reason in reasons))
    if reasons[0].is_rule:
        return f": {values[0]}"
    if len(values) == 1:
        return f" = {values[0]}"
    placed = [(reason.at, reason.value) for reason in reasons if reason.at is not None]
    if len(placed) == len(reasons):
        return f" from {min(placed)[1]} to {max(placed)[1]}"
    if len(values) <= MAX_VALUES:
        return f" = {', '.join(values[:-1])} or {values[-1]}"
    return f" = {', '.join(values[:MAX_VALUES])} or another of {len(values)} values"


def _joined(columns: Sequence[str]) -> str:
    """Return the names of columns as text, with the first and last name of a series."""
    if len(columns) == 1:
        return columns[0]
    parts = {name: re.fullmatch(r"(.*?)(\d+)", name) for name in columns}
    numbered = sorted((found[1], int(found[2]), name) for name, found in parts.items() if found)
    runs: list[list[str]] = []
    for i, (stem, number, name) in enumerate(numbered):
        if runs and numbered[i - 1][:2] == (stem, number - 1):
            runs[-1].append(name)
        else:
            runs.append([name])
    series = {run[0]: run for run in runs if len(run) >= MIN_SERIES}
    inside = {name for run in series.values() for name in run}
    said = [f"{run[0]} to {run[-1]}" for run in series.values()]
    said += [name for name in columns if name not in inside]
    return joined(said)
