"""The numbers of a column, and what their scale is learned from."""

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._weights import Counted, InOrder, in_order
from somscape.tables import Column, padded_numbers, read_numbers


def as_numbers(column: Column, *, may_be_padded: bool) -> Column:
    """Return a column, read as numbers where it is text that spells them; 007 only if it may."""
    if column.is_number:
        return column
    return read_numbers(column) or (may_be_padded and padded_numbers(column)) or column


def present(column: Column, values: Any, counts: Float64s | None) -> InOrder:
    """Put the values of a column in order whose cells are not missing."""
    is_there = ~column.missing
    return in_order(values[is_there], None if counts is None else counts[is_there])


def usual_range(numbers: InOrder, percent: float) -> Float64s:
    """Return numbers so far from either end, in percent of all, or two equal ones."""
    last = numbers.n - 1
    skipped = int(percent / 100 * last)
    return np.array([float(numbers.at(skipped)), float(numbers.at(last - skipped))])


def mean_distance(numbers: Counted, center: float) -> float:
    """Return how far values lie from one of them on average."""
    distance = np.abs(numbers.values.astype(np.float64) - center)
    return replace(numbers, values=distance).mean()


def is_number(cell: str | None) -> bool:
    """Say whether a cell spells a number, or is missing."""
    try:
        return cell is None or isfinite(float(cell))
    except ValueError:
        return False
