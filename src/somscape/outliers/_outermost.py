"""What columns of numbers show while they are in order: their outermost values.

To put millions of numbers in order takes longer than most that is asked of them.  An encoding is
learned from columns in order, and so is told here what a detector would put them in order for
again: the two lowest and the two highest values, and how many rows lie beyond those of the outer
5 % (`ValueCounts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from somscape._types import Float64s, Floats
from somscape.encode import Encoding, NumberCode
from somscape.outliers._counts import FIRST_LOOK, LOOSE_SHARE, Knots, knots_of_ends
from somscape.outliers._ends import ends_of


@dataclass(frozen=True, eq=False)
class OfColumn:
    """The outermost values of a column, encoded.

    Attributes
    ----------
    code : NumberCode
        By which they are encoded.
    n_rows : int
        Of the column; none is missing where it is as long as its table.
    ends : ndarray of shape (2, 2)
        As those of `ends_of`.
    knots : tuple of ndarray
        Values, and how many rows are below and up to each.
    """

    code: NumberCode
    n_rows: int
    ends: Float64s
    knots: Knots


class Outermost:
    """The outermost values of the columns of a table, by its encoding.

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
        """Keep what a column shows, if it has many rows and values.

        Parameters
        ----------
        code : NumberCode
        ascending : ndarray of shape (n_present,)
            Its numbers.
        """
        n, n_loose = len(ascending), int(LOOSE_SHARE * len(ascending))
        if n <= FIRST_LOOK or code.reach:  # a map learns from other values than the slips
            return
        low, high = (
            code.place(part.astype(np.float64))
            for part in (ascending[:n_loose], ascending[-n_loose:])
        )
        # Of the innermost value there may be more.
        outer = (
            low[: np.searchsorted(low, low[-1])],
            high[np.searchsorted(high, high[0], "right") :],
        )
        knots = knots_of_ends(*outer, n)
        if knots is not None:
            ends = np.array([-low[:2], high[:-3:-1]])
            self._found[code.name] = OfColumn(replace(code, why=""), n, ends, knots)

    def of(self, encoding: Encoding, n_rows: int) -> dict[int, OfColumn]:
        """Return what was found of columns that have no gap, by the number of the column.

        Parameters
        ----------
        encoding : Encoding
            Columns that it encodes in another way are left out.
        n_rows : int
            Of the table.

        Returns
        -------
        dict of int to OfColumn
        """
        found = {}
        for j, code in enumerate(encoding.features):
            one = self._found.get(code.name)
            if one is not None and one.n_rows == n_rows and one.code == replace(code, why=""):
                found[j] = one
        return found


def ends_of_numbers(
    rows: Floats, weights: Float64s | None, encoding: Encoding, known: Mapping[int, OfColumn]
) -> Float64s:
    """Return the outermost values of the columns of numbers; of others, infinite ones.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Encoded.
    weights : ndarray of shape (n_rows,) or None
    encoding : Encoding
    known : mapping of int to OfColumn
        What is known, by the number of the column.

    Returns
    -------
    ndarray of shape (2, 2, n_features)
        As `ends_of`.
    """
    ends, asked = np.full((2, 2, rows.shape[1]), -np.inf), []
    for j, (code, place) in enumerate(zip(encoding.features, encoding.slices, strict=True)):
        if j in known:
            ends[:, :, place.start] = known[j].ends
        elif isinstance(code, NumberCode):
            asked.append(place.start)
    if asked:
        ends[:, :, asked] = ends_of(rows, weights, columns=asked)
    return ends
