"""What columns of numbers show while they are in order: their outermost values.

An encoding is learned from columns in order.  Their outermost values are kept here, so that a
detector need not look for them in all rows: the two lowest and the two highest ones, and how many
rows lie beyond those of the outer 5 % (`ValueCounts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats
from somscape.encode import Encoding, NumberCode
from somscape.outliers._counts import FIRST_LOOK, TAIL_SHARE, Knots, knots_of_ends
from somscape.outliers._ends import ends_of

SHARE = 1.1 * TAIL_SHARE
"""Share of the values that is looked at from each end: somewhat more than is counted."""

ROUNDING = 1e-12
"""Encoded values that lie so close, in parts of the farthest one or of 1, may have changed places:
`asinh` rounds."""


@dataclass(frozen=True, eq=False)
class OfColumn:
    """The outermost values of a column, encoded.

    Attributes
    ----------
    code : NumberCode
        By which they are encoded.
    n_present : int
        Numbers that are not missing.
    ends : ndarray of shape (2, 2)
        As those of `ends_of`.
    knots : tuple of ndarray
        Values, and how many rows are below and up to each.
    """

    code: NumberCode
    n_present: int
    ends: Float64s
    knots: Knots


class Outermost:
    """The outermost values of the columns of a table, by its encoding.

    See Also
    --------
    train_detector : Takes it.
    ValueCounts : What is made of it.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape.encode import fit_encoding
    >>> from somscape.tables import table_from_columns
    >>> table = table_from_columns({"size": np.random.default_rng(0).normal(size=100_000)})
    >>> outermost = Outermost()
    >>> encoding = fit_encoding(table, on_number=outermost.look)
    >>> list(outermost.of(encoding, table.n_rows))
    [0]
    """

    def __init__(self) -> None:
        self._found = dict[str, OfColumn]()

    def look(self, code: NumberCode, ascending: Floats) -> None:
        """Keep what a column shows, if it has many rows and values."""
        n, n_loose = len(ascending), int(SHARE * len(ascending))
        if n <= FIRST_LOOK or code.reach:  # slips are encoded in another way, and not learned from
            return
        low, high = (
            np.sort(code.place(part.astype(np.float64, copy=False)))
            for part in (ascending[:n_loose], ascending[-n_loose:])
        )
        # Of the innermost value there may be more.
        margin = ROUNDING * max(1.0, abs(low[0]), abs(high[-1]))
        outer = (
            low[: np.searchsorted(low, low[-1] - margin)],
            high[np.searchsorted(high, high[0] + margin, "right") :],
        )
        knots = knots_of_ends(*outer, n)
        if knots is not None:
            ends = np.array([-low[:2], high[:-3:-1]])
            self._found[code.name] = OfColumn(replace(code, why=""), n, ends, knots)

    def of(self, encoding: Encoding, n_rows: int) -> dict[int, OfColumn]:
        """Return what was found of columns that have no gap, by the number of the column."""
        found = {}
        for j, code in enumerate(encoding.features):
            one = self._found.get(code.name)
            if one is not None and one.n_present == n_rows and one.code == replace(code, why=""):
                found[j] = one
        return found


def ends_of_numbers(
    rows: Floats, weights: Float64s | None, encoding: Encoding, known: Mapping[int, OfColumn]
) -> Float64s:
    """Return the outermost values of the columns of numbers; of others, infinite ones."""
    ends, asked = np.full((2, 2, rows.shape[1]), -np.inf), []
    for j, (code, place) in enumerate(zip(encoding.features, encoding.slices, strict=True)):
        if j in known:
            ends[:, :, place.start] = known[j].ends
        elif isinstance(code, NumberCode):
            asked.append(place.start)
    if asked:
        ends[:, :, asked] = ends_of(rows, weights, columns=asked)
    return ends
