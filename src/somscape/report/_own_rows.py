"""The original rows of a case that is a customer."""

from typing import Any

import numpy as np

from somscape.outliers import Alerts, Reasons
from somscape.tables import Column, Grouped

MAX_ROWS = 50
"""Most rows that a case shows."""

MIN_ROWS = 5
"""Rows that it shows of any table, if it has that many."""

MAX_CELLS = 60_000
"""Most cells of all cases together, so that wide tables show fewer rows."""


def with_own_rows(
    cases: list[dict[str, Any]], grouped: Grouped, alerts: Alerts
) -> list[dict[str, Any]]:
    """Return cases with their original rows."""
    n_cells = max(1, len(cases) * len(grouped.rows.columns))
    n_shown = min(MAX_ROWS, max(MIN_ROWS, MAX_CELLS // n_cells))
    rows, orders = [], []
    for customer, reasons in zip(alerts.rows[: len(cases)], alerts.reasons, strict=False):
        own, by = grouped.rows_of(customer), _column_of(grouped, reasons)
        values = None if by is None else by.take(own).numbers
        if values is not None:
            sizes = np.nan_to_num(np.abs(values), nan=-1.0)
            own = own[np.argsort(-sizes, kind="stable")]
        rows.append(own)
        orders.append(None if by is None else by.name)
    shown = [own[:n_shown] for own in rows]
    ends = np.cumsum([0, *map(len, shown)]).tolist()
    # Taken at once, for each `take` goes through all lines of the table.
    # Columns that name customers would say the same in each row of a case.
    table = grouped.rows.without(grouped.by).take(
        np.concatenate([np.empty(0, dtype=np.intp), *shown])
    )
    cells = [(column.name, column.cells.tolist()) for column in table.columns]
    return [
        {
            **case,
            "rows": {
                "n_rows": len(own),
                "by": order,
                "cells": [{"name": name, "values": values[begin:end]} for name, values in cells],
            },
        }
        for case, own, order, begin, end in zip(
            cases, rows, orders, ends[:-1], ends[1:], strict=True
        )
    ]


def _column_of(grouped: Grouped, reasons: Reasons) -> Column | None:
    """Return the column of numbers that the first such reason was made of."""
    made = [grouped.made[reason.column] for reason in reasons if reason.column in grouped.made]
    columns = [grouped.rows.column(one.column) for one in made if one.column]
    return next((column for column in columns if column.is_number), None)
