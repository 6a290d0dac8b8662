"""A run beside the one before it: what is new, still there, risen, returned, folded and gone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from somscape.cases._moves import UsualMoves
from somscape.cases._records import FOLDED, NEW, RETURNED, RISEN, STILL, Listed

NEWS = (NEW, RETURNED, RISEN)
"""What somebody should look at."""

LEAST_RISE = 0.01
"""No score rises or falls much by less than this share of it, even if no other row's moves."""


@dataclass(frozen=True)
class Gone:
    """A case that was listed in the run before, and is not any more.

    Attributes
    ----------
    key : str
    place : int
        Its rank then.
    is_there : bool
        Whether it is in the data; if not, nothing is known of it.
    why : str
        What became of it, in words.
    """

    key: str
    place: int
    is_there: bool
    why: str


def news_of(
    key: str,
    score: float,
    last: Mapping[str, Listed],
    before: Mapping[str, float],
    usual: UsualMoves,
    back: Collection[str],
    put_away: Collection[str],
) -> str:
    """Return what a listed row is beside the run before."""
    was = last.get(key)
    if key in back and (was is None or was.news == FOLDED or key in put_away):
        return RETURNED
    if was is None or was.news == FOLDED:
        return NEW
    if key in before and score - before[key] > max(usual.rise, LEAST_RISE * abs(before[key])):
        return RISEN
    return STILL


def gone(
    last: Sequence[Listed],
    listed: set[str],
    today: Mapping[str, float],
    before: Mapping[str, float],
    *,
    is_by_number: bool,
) -> tuple[Gone, ...]:
    """Return what the run before listed and this one does not."""

    def why(key: str) -> str:
        if key not in today:
            return "not in the data any more"
        was = before.get(key, np.inf)  # of some, nothing is known
        if not today[key] >= was - LEAST_RISE * abs(was):
            return "not unusual enough any more"
        if is_by_number:
            return "as unusual as before, but others are more so now"
        return "about as unusual as before, but below the rule's line now"

    return tuple(
        Gone(row.key, row.place, row.key in today, why(row.key))
        for row in last
        if row.news != FOLDED and row.key not in listed
    )
