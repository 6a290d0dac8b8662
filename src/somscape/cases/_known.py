"""What the decisions on a watch's cases teach the next training of its map."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from somscape._types import Ints
from somscape.cases._chain import now
from somscape.cases._keys import cells_of_rows, keys_of
from somscape.cases._moves import encoded_cells, usual_moves
from somscape.cases._records import CLEARED, CONFIRMED
from somscape.cases._returns import returned
from somscape.cases._state import State
from somscape.errors import InputError
from somscape.outliers import UNKNOWN, Detector
from somscape.tables import Table


def known_cases(
    state: State, name: str, table: Table, key: Sequence[str], before: Detector | None
) -> Ints | None:
    """Return what decisions say of the rows of a table that trains a watch anew."""
    decided = state.last_decisions(name)
    rows = {k: row for row, k in enumerate(keys_of(table, key)) if k in decided}
    known = np.full(table.n_rows, UNKNOWN)
    moved = _moved(table, rows, decided, before)
    for each, row in rows.items():
        if decided[each].state == CONFIRMED:
            known[row] = 1
        elif decided[each].state == CLEARED and each not in moved:
            known[row] = 0
    return known if (known != UNKNOWN).any() else None


def _moved(
    table: Table, rows: Mapping[str, int], decided: Mapping[str, Any], before: Detector | None
) -> Mapping[str, str]:
    """Return the cleared cases that moved far, by the map so far."""
    if before is None or not rows:
        return {}
    encoding = before.map_.encoding
    names = [code.name for code in encoding.used]
    try:
        encoded = np.asarray(before.map_.rows_of(table), dtype=np.float64)
    except InputError:  # other columns: nothing compares
        return {}
    none = encoded_cells(encoding, [])
    usual = usual_moves(before, none, none, encoded)
    cells = dict(zip(rows, cells_of_rows(table, names, list(rows.values())), strict=True))
    return returned(before, decided, cells, usual, clear_for=10**6, today=now())
