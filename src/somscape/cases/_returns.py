"""When a cleared case returns, and why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from somscape.cases._moves import UsualMoves, encoded_cells, what_moved
from somscape.cases._records import CLEARED, Decision
from somscape.outliers import Detector
from somscape.tables import counted

OTHER = "it cannot be compared with what it was"
"""Where nothing can be named."""

MONTHS = 12
"""Of a year."""


def returned(
    detector: Detector,
    decided: Mapping[str, Decision],
    cells: Mapping[str, Mapping[str, Any]],
    usual: UsualMoves,
    *,
    clear_for: int,
    today: str,
) -> dict[str, str]:
    """Return the cleared cases that are to be looked at again, and why."""
    cleared = {k: d for k, d in decided.items() if d.state == CLEARED and k in cells}
    why = {
        key: f"{_said(decision)}, {counted(clear_for, 'month')} ago or more."
        for key, decision in cleared.items()
        if months_between(decision.made, today) >= clear_for
    }
    known = [key for key, decision in cleared.items() if decision.cells and key not in why]
    encoding = detector.map_.encoding
    before = encoded_cells(encoding, [cleared[key].cells or {} for key in known])
    now = encoded_cells(encoding, [cells[key] for key in known])
    moved = detector.map_.metric.between(before, now) if known else ()
    for key, far in zip(known, moved, strict=True):
        if not far <= usual.far:  # or the map cannot take the row as it was
            what = what_moved(encoding, cleared[key].cells or {}, cells[key])
            why[key] = f"{_said(cleared[key])}; since then {', '.join(what) or OTHER}."
    return why


def _said(decision: Decision) -> str:
    by = f" by {decision.author}" if decision.author else ""
    return f"Cleared on {decision.made[:10]}{by}"


def months_between(before: str, after: str) -> int:
    """Return the whole months between two moments."""
    a, b = (_moment(text) for text in (before, after))
    months = MONTHS * (b.year - a.year) + b.month - a.month
    is_short = (b.day, b.time()) < (a.day, a.time())
    return max(0, months - is_short)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
