"""Numbers that are slips: so far out that nothing may learn from them."""

import numpy as np

from somscape._weights import Counted, InOrder

SLIP = 1e6
"""A few numbers that all lie this many times as far from the median as the rest are slips, from
which neither a scale nor a map learns."""

MIN_SLIP_ROWS, SLIP_SHARE, HANDFUL = 30, 0.01, 5
"""Fewest numbers among which some may be slips, the largest share of these, and how many there may
be in any case.  Of heavy tails the outermost number stands apart before several do."""


def without_slips(numbers: InOrder) -> tuple[InOrder, float, str]:
    """Return numbers without those that are slips, how far the others reach, and the slips."""
    with np.errstate(over="ignore", invalid="ignore"):
        low, center, high = (numbers.quantile(share) for share in (0.25, 0.5, 0.75))
        farthest = max(center - float(numbers.values[0]), float(numbers.values[-1]) - center)
    if numbers.n < MIN_SLIP_ROWS or not farthest > SLIP / 2 * (high - low):
        return numbers, 0.0, ""
    numbers = numbers.counted()
    with np.errstate(over="ignore"):
        distance = np.abs(np.asarray(numbers.values, dtype=np.float64) - center)
    order = np.argsort(distance)
    counts = np.diff(numbers.ends, prepend=0.0)
    most = max(HANDFUL, SLIP_SHARE * numbers.n)
    is_rare = np.cumsum(counts[order][::-1])[::-1][1:] <= most
    nearer, farther = distance[order[:-1]], distance[order[1:]]
    gaps = np.flatnonzero(is_rare & (nearer > 0) & (farther / SLIP > nearer))
    if not len(gaps):
        return numbers, 0.0, ""
    reach = float(nearer[gaps[0]])
    is_kept = distance <= reach
    slips = [f"{value:g}" for value in numbers.values[~is_kept].tolist()]
    more = f" and {len(slips) - HANDFUL} more" if len(slips) > HANDFUL else ""
    kept = Counted(numbers.values[is_kept], np.cumsum(counts[is_kept]))
    return kept, reach, ", ".join(slips[:HANDFUL]) + more
