"""What would make an unusual row usual: few columns to change, and to what.

A row is moved towards usual prototypes near it, the column that differs most first, until its score
is no more than the threshold.  Columns that turn out not to be needed are put back.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats
from somscape.encode import cells_of, changes_text, fewest_changes, mark_of, value_shown
from somscape.outliers._feasible_range import Range, ranges_of, steps_of
from somscape.outliers._reasons import both_in_words
from somscape.tables import Table

if TYPE_CHECKING:
    from somscape.outliers._detector import Detector

MARGIN = 1e-9
"""Share of the threshold by which scores stay below it, so that rounding lifts none above it."""

BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Change:
    """One column of a counterfactual.

    Attributes
    ----------
    column : str
    value : str
        The row's value, in original units.
    to : float, str or numpy.datetime64
        The value that it becomes.
    within : Range
        Other values that would do, as long as the other changed columns become their ``to``.

    See Also
    --------
    Counterfactual : All columns.
    Range : Other values that would do.

    Examples
    --------
    >>> from somscape.outliers import Change, Range
    >>> print(Change("income", "90000", to=5400.0, within=Range(1200.0, 5400.0)))
    income 5400 (between 1200 and 5400)
    """

    column: str
    value: str
    to: Any
    within: Range

    def __str__(self) -> str:
        to, within = self.within.text(self.to), str(self.within)
        return f"{self.column} {to}" if to == within else f"{self.column} {to} ({within})"


@dataclass(frozen=True)
class Counterfactual:
    """What would make a row usual.

    Attributes
    ----------
    changes : tuple of Change
        The column that differs most first; empty for a row that is usual.
    score : float
        Score of the row with every changed column at its ``to``; at most the threshold.

    See Also
    --------
    Change : One column of it.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> found = SOMDetector(random_state=0).fit(X).counterfactuals(X[7:8])[0]
    >>> print(found)
    would be usual with x1 between -0.35 and 0.76
    """

    changes: tuple[Change, ...]
    score: float

    def __str__(self) -> str:
        if not self.changes:
            return "is usual"
        if len(self.changes) == 1:
            return f"would be usual with {self.changes[0].column} {self.changes[0].within}"
        return f"would be usual with {changes_text(self.changes)}"


def counterfactuals_of(
    detector: "Detector", table: Table, encoded: Floats
) -> list[Counterfactual | None]:
    """Return what would make each row of a table usual, see `Detector.counterfactuals`."""
    detector, table = both_in_words(detector, table)
    rows = np.asarray(encoded, dtype=np.float64)
    scores = detector.scores_of_rows(rows)
    found: list[Counterfactual | None] = [Counterfactual((), float(score)) for score in scores]
    unusual = np.flatnonzero(scores > detector.threshold)
    limit = detector.threshold * (1 - MARGIN)
    targets = _usual_rows(detector, limit)
    for part in blocks(len(unusual), BLOCK_ROWS):
        block = unusual[part]
        made: list[Counterfactual] | list[None] = [None] * len(block)
        if len(targets):
            made = _made_usual(detector, table.take(block), rows[block], targets, limit)
        for i, one in zip(block, made, strict=True):
            found[i] = one
    return found


def _usual_rows(detector: "Detector", limit: float) -> Float64s:
    """Return the usual prototypes, rounded to possible cells, that score at most a limit."""
    scorer = detector.of_all_rows
    rows = detector.map_.encoding.possible(scorer.usual_codebook, steps_of(scorer))
    return rows[detector.scores_of_rows(rows) <= limit]


def _made_usual(
    detector: "Detector", table: Table, rows: Float64s, targets: Float64s, limit: float
) -> list[Counterfactual]:
    encoding = detector.map_.encoding
    moved, columns = fewest_changes(
        encoding, rows, targets, lambda some: detector.scores_of_rows(some) <= limit
    )
    pairs = [(i, j) for i, changed in enumerate(columns) for j in changed]
    ranges = ranges_of(detector, moved, limit, pairs, unusual=rows)
    cells = cells_of(encoding, moved, pairs, steps_of(detector.of_all_rows))
    changes: list[list[Change]] = [[] for _ in rows]
    for (i, j), to, within in zip(pairs, cells, ranges, strict=True):
        code, place = encoding.features[j], encoding.slices[j]
        value = value_shown(code, table, i, rows[i, place])
        spelled = replace(within, mark=mark_of(table, code))
        changes[i].append(Change(code.name, value, to, spelled))
    scores = detector.scores_of_rows(moved)
    return [Counterfactual(tuple(c), float(s)) for c, s in zip(changes, scores, strict=True)]
