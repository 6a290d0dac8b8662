"""From marks to what they teach: lines by feature, how far to trust them, the places of rows.

The model is a Gaussian process (Rasmussen and Williams 2006, Gaussian Processes for Machine
Learning, section 2.2) of a sum of one function for each column.  A function depends on the normal
score of a value, the quantile of the normal law at the value's rank, and two of its values differ
the more the farther these lie apart, as the places of a random walk do.  What is learned is how
far each mark is from what was expected of a row high in the list.  Between a few knots each
function is a line, so that it can be stored, explained and written as ONNX.

Marks may mislead.  Each is told by the others alone: the less this succeeds, the less they count,
unless they are very few.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._weights import Counted, counts_of, ones_or
from somscape.encode import Encoding
from somscape.outliers._labels import ANOMALY, UNKNOWN, USUAL
from somscape.outliers._marks import Marks, same_rows

KNOTS = tuple(0.5 * i for i in range(-6, 7))
"""Normal scores at which a function of many values has knots, beside the lowest and the highest."""

REACH = 10.0
"""Normal scores apart at which two values of a function would have nothing in common."""

NOISE = 0.3
"""Variance of a mark beside what its row's values tell, for each unit that these vary by."""

STRENGTH = 6.0
"""How much the log of a score moves for each unit of what the marks tell."""

EXPECTED, EXPECTED_MARKS = 0.5, 16.0
"""Share of confirmed rows that is expected, and of how many marks that is worth."""

MAX_MARKS = 2000
"""Most marks that teach; of more, every k-th of each kind does."""

MAX_HELD = 1000
"""Most marks with which their rows hold their places: more are labels to learn from, not a list."""

NOTICED = 1.1
"""Factor of a score from which a row counts as raised; lowered ones are divided by as much."""

LEAST_GAP = 1e-100
"""Least distance between knots, absolute and as a share of their range."""

HEIGHT_BITS = 20
"""Bits after the point that heights keep: libraries may differ in the others."""


def marks_of(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    labels: Ints,
    scores: Float64s,
) -> Marks:
    """Return what marks teach.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Encoded training rows.
    weights : ndarray of shape (n_rows,) or None
    encoding : Encoding
    labels : ndarray of shape (n_rows,)
        1 for confirmed rows, 0 for cleared ones, -1 for the others; at least one is marked.
    scores : ndarray of shape (n_rows,)
        Without marks.

    Returns
    -------
    Marks
        O(n_marks^2 * n_features) beside sorting each feature.
    """
    counts = counts_of(weights)
    n_confirmed, n_cleared = (int((labels == kind).sum()) for kind in (ANOMALY, USUAL))
    functions: list[_Function] = []
    heights: list[Float64s] = []
    trust = 1.0
    if n_cleared:  # else nothing tells confirmed rows from others of the list
        chosen = _teaching(labels)
        functions = _functions(rows, counts, encoding, rows[chosen].astype(np.float64))
        each = ones_or(counts, len(rows))[chosen]
        heights, trust = _learned(functions, labels[chosen] == ANOMALY, each)
    lines = _lines(functions, heights, rows, counts)
    none = np.empty((0, rows.shape[1])), np.empty(0)
    marks = Marks(n_confirmed, n_cleared, trust, 0, 0, *lines, *none)
    factors = marks.factors(rows)
    of_others = factors[labels == UNKNOWN]
    held_rows, held = _held(rows, labels, scores * factors)
    return replace(
        marks,
        n_raised=int((of_others >= NOTICED).sum()),
        n_lowered=int((of_others <= 1 / NOTICED).sum()),
        rows=held_rows,
        held=held,
    )


@dataclass(frozen=True, eq=False)
class _Function:
    """A function of one feature: its knots, and normal scores of knots and of marked rows.

    `share`: that of the feature among those of its column.
    """

    feature: int
    share: float
    x: Float64s
    normal: Float64s
    of_marked: Float64s


def _alike(some: Float64s, others: Float64s) -> Float64s:
    return 1.0 - np.abs(some[:, None] - others) / REACH


def _teaching(labels: Ints) -> Ints:
    """Return the marked rows that teach."""
    kinds = [np.flatnonzero(labels == kind) for kind in (ANOMALY, USUAL)]
    step = -(-sum(map(len, kinds)) // MAX_MARKS)
    return np.sort(np.concatenate([kind[::step] for kind in kinds]))


def _functions(
    rows: Floats, counts: Float64s | None, encoding: Encoding, marked: Float64s
) -> list[_Function]:
    """Return a function without heights for each feature that varies."""
    found = []
    for place in encoding.slices:
        for feature in range(place.start, place.stop):
            counted = Counted.of(rows[:, feature].astype(np.float64), counts)
            x, normal = _knots(counted)
            if len(x) > 1:
                of_marked = np.interp(marked[:, feature], x, normal)
                share = 1.0 / (place.stop - place.start)
                found.append(_Function(feature, share, x, normal, of_marked))
    return found


def _knots(counted: Counted) -> tuple[Float64s, Float64s]:
    """Return some of the values of a feature, and their normal scores."""
    law, values = NormalDist(), counted.values
    middle = (counted.ends - np.diff(counted.ends, prepend=0.0) / 2) / counted.n
    at = np.arange(len(values))
    if len(values) > len(KNOTS):
        shares = np.array([law.cdf(knot) for knot in KNOTS])
        at = np.append(np.minimum(np.searchsorted(middle, shares), len(values) - 1), 0)
        at = np.unique(np.append(at, len(values) - 1))
    x = values[at].astype(np.float64)
    normal = np.array([law.inv_cdf(share) for share in middle[at].tolist()])
    is_apart = np.diff(x, prepend=-np.inf) > LEAST_GAP * max(1.0, float(np.ptp(x)))
    return x[is_apart], normal[is_apart]


def _learned(
    functions: list[_Function], is_anomaly: NDArray[np.bool_], weights: Float64s
) -> tuple[list[Float64s], float]:
    """Return the heights of the functions at their knots, and how far the marks are trusted."""
    n = float(sum(function.share for function in functions))
    alike = np.zeros((len(weights), len(weights)))
    for function in functions:
        alike += function.share / n * _alike(function.of_marked, function.of_marked)
    total, confirmed = weights.sum(), weights[is_anomaly].sum()
    expected = (confirmed + EXPECTED * EXPECTED_MARKS) / (total + EXPECTED_MARKS)
    surprise = is_anomaly - expected
    pull = np.linalg.solve(alike + np.diag(NOISE / weights), surprise)
    trust = _trust(alike, surprise, is_anomaly, weights)
    heights = [
        STRENGTH * trust * function.share / n * (_alike(function.normal, function.of_marked) @ pull)
        for function in functions
    ]
    return heights, trust


def _trust(
    alike: Float64s, surprise: Float64s, is_anomaly: NDArray[np.bool_], weights: Float64s
) -> float:
    """Return from 0 to 1 how far the marks are trusted.

    The correlation of the marks with what the others tell of each, plus the benefit of the doubt:
    one mark of its kind cannot be told by others, and many can.
    """
    kinds = [weights[is_anomaly].sum(), weights[~is_anomaly].sum()]
    if not all(kinds):
        return 1.0
    # A row of weight 2 is two rows: only one of them is left out.
    once = np.minimum(weights, 1.0)
    hat = np.linalg.solve(alike + np.diag(NOISE / weights), alike).T
    leverage = np.diag(hat)
    told = (weights * (hat @ surprise) - once * leverage * surprise) / (weights - once * leverage)
    apart = surprise - np.average(surprise, weights=weights)
    told = told - np.average(told, weights=weights)
    spread = np.sqrt(np.average(told**2, weights=weights) * np.average(apart**2, weights=weights))
    agreement = np.average(told * apart, weights=weights) / spread if spread > 1e-12 else 0.0
    return float(np.clip(agreement + 1 / kinds[0] + 1 / kinds[1], 0.0, 1.0))


def _lines(
    functions: list[_Function], heights: list[Float64s], rows: Floats, counts: Float64s | None
) -> tuple[Ints, Float64s, Float64s]:
    """Return features and knots of lines with level ends, 0 on average over the rows."""
    lines = []
    for function, y in zip(functions, heights, strict=True):
        x = function.x
        mean = np.average(np.interp(rows[:, function.feature], x, y), weights=counts)
        y = np.ldexp(np.rint(np.ldexp(y - mean, HEIGHT_BITS)), -HEIGHT_BITS)
        if np.ptp(y) == 0:
            continue
        wide = np.diff(x)[[0, -1]] + np.spacing(np.abs(x[[0, -1]]))
        x = np.concatenate([[x[0] - wide[0]], x, [x[-1] + wide[1]]])
        lines.append((function.feature, x, np.concatenate([y[:1], y, y[-1:]])))
    n_knots = max((len(x) for _, x, _ in lines), default=2)
    padded = [[np.append(v, np.full(n_knots - len(v), v[-1])) for v in line] for _, *line in lines]
    knots = np.array(padded).reshape(len(lines), 2, n_knots).transpose(1, 0, 2)
    x, y = (np.ascontiguousarray(part) for part in knots)
    return np.array([feature for feature, _, _ in lines], dtype=np.int64), x, y


def _held(rows: Floats, labels: Ints, scores: Float64s) -> tuple[Float64s, Float64s]:
    """Return the marked rows that hold a place, and scores that are above or below all others.

    Equal rows with contradictory marks hold none.
    """
    marked = np.flatnonzero(labels != UNKNOWN)
    others = np.flatnonzero(labels == UNKNOWN)
    if len(marked) > MAX_HELD or not len(others):
        return np.empty((0, rows.shape[1])), np.empty(0)
    same = same_rows(rows[marked])
    confirmed, cleared = (np.unique(same[labels[marked] == kind]) for kind in (ANOMALY, USUAL))
    numbers, first = np.unique(same, return_index=True)
    marked = marked[first[~np.isin(numbers, np.intersect1d(confirmed, cleared))]]
    own, lowest, highest = scores[marked], scores[others].min(), scores[others].max()
    shares = own / max(own.max(initial=0.0), np.finfo(np.float64).tiny)
    up = highest * (1 + 1e-9) + own
    held = np.where(labels[marked] == ANOMALY, up, lowest * shares / 2)
    return rows[marked].astype(np.float64), held
