"""From marks to what they teach: how a row's values move its score, and the places of marked rows.

The model is a Gaussian process (Rasmussen and Williams 2006, Gaussian Processes for Machine
Learning, sections 2.2 and 5.1).  It learns how far each mark is from what was expected of a row
high in the list.  Two rows are alike by ``exp(-distance / 3)``, where a column adds to the distance
how far the normal scores of the rows' values lie apart, times its relevance; the normal score of a
value is the quantile of the normal law at the value's rank.  All columns are as relevant at first,
and then by how much they alone would move the marked rows.  A few unmarked rows count as cleared,
all together as one mark, as most of them are usual.

Marks may mislead.  Each is told by the others alone: the less this succeeds, the less they count,
unless they are very few.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from somscape._elementary import exp
from somscape._types import Float64s, Floats, Ints
from somscape._weights import Counted, counts_of, ones_or
from somscape.encode import Encoding
from somscape.outliers._labels import ANOMALY, UNKNOWN, USUAL
from somscape.outliers._marks import Marks, alike, same_rows

KNOTS = tuple(0.5 * i for i in range(-6, 7))
"""Normal scores at which features of many values have knots, beside the lowest and the highest;
chosen on the choosing half of the tables of `benchmarks/detection`."""

NOISE = 0.3
"""Variance of a mark beside what its row's values tell, for each unit that these vary by; chosen on
the choosing half of the tables of `benchmarks/detection`."""

STRENGTH = 6.0
"""How much the log of a score moves for each unit of what the marks tell; chosen on the choosing
half of the tables of `benchmarks/detection`."""

EXPECTED, EXPECTED_MARKS = 0.5, 8.0
"""Share of confirmed rows that is expected, and of how many marks that is worth; chosen on the
choosing half of the tables of `benchmarks/detection`."""

N_UNMARKED, UNMARKED_WEIGHT = 30, 1.0
"""Unmarked rows that count as cleared, and how many marks they are worth together; chosen on the
choosing half of the tables of `benchmarks/detection`."""

EQUAL_SHARE = 0.2
"""Share of all relevance that columns have alike; the other goes by what they tell; chosen on
the choosing half of the tables of `benchmarks/detection`."""

MAX_MARKS = 500
"""Most marks that teach; of more, every k-th of each kind does."""

MAX_HELD = 1000
"""Most marks with which their rows hold their places: more are labels to learn from, not a list."""

NOTICED = 1.1
"""Factor of a score from which a row counts as raised; lowered ones are divided by as much."""

LEAST_SHARE = 1e-12
"""Least share of the rows below and above a knot: of 0 there is no normal score."""

LEAST_GAP = 1e-100
"""Least distance between knots, absolute and as a share of their range."""

BITS = 30
"""Bits after the point that what is learned keeps: libraries may differ in the others."""


def marks_of(
    rows: Floats,
    weights: Float64s | None,
    encoding: Encoding,
    labels: Ints,
    scores: Float64s,
) -> Marks:
    """Return what marks teach."""
    n_confirmed, n_cleared = (int((labels == kind).sum()) for kind in (ANOMALY, USUAL))
    marks = Marks.none(n_confirmed, n_cleared, rows.shape[1])
    counts = counts_of(weights)
    if n_cleared:  # else nothing tells confirmed rows from others of the list
        marks = _learned(marks, rows, counts, encoding, labels)
    moves = marks.moves(rows)
    marks = replace(marks, center=float(_rounded(np.average(moves, weights=counts))))
    factors = exp(moves - marks.center)
    n_leading, held_rows, held = _held(rows, labels, scores * factors)
    of_others = factors[labels == UNKNOWN] if len(held) else factors
    return replace(
        marks,
        n_raised=int((of_others >= NOTICED).sum()),
        n_lowered=int((of_others <= 1 / NOTICED).sum()),
        n_leading=n_leading,
        rows=held_rows,
        held=held,
    )


@dataclass(frozen=True, eq=False)
class _Feature:
    """Knots of a feature and their normal scores, and those of the rows that teach.

    `share`: of the relevance of all columns, if they are alike.
    """

    number: int
    share: float
    x: Float64s
    normal: Float64s
    of_rows: Float64s

    @property
    def apart(self) -> Float64s:
        """How far the rows that teach lie apart."""
        return np.abs(self.of_rows[:, None] - self.of_rows)


def _learned(
    marks: Marks, rows: Floats, counts: Float64s | None, encoding: Encoding, labels: Ints
) -> Marks:
    """Return marks with what they teach, or as they were if that is nothing."""
    chosen, unmarked = _teaching(labels), _unmarked(labels, counts)
    features = _features(rows, counts, encoding, np.append(chosen, unmarked))
    weights = ones_or(counts, len(rows))[chosen]
    is_anomaly = labels[chosen] == ANOMALY
    total, confirmed = weights.sum(), weights[is_anomaly].sum()
    expected = (confirmed + EXPECTED * EXPECTED_MARKS) / (total + EXPECTED_MARKS)
    surprise = np.append(is_anomaly, np.zeros(len(unmarked))) - expected
    of_unmarked = np.full(len(unmarked), UNMARKED_WEIGHT / max(1, len(unmarked)))
    noise = NOISE / np.append(weights, of_unmarked)
    relevance = np.array([feature.share for feature in features])
    if not len(relevance):
        return marks
    if is_anomaly.any():  # else all columns of marked rows tell the same
        pull = np.linalg.solve(_likeness(features, relevance) + np.diag(noise), surprise)
        relevance = _relevance(features, relevance, pull, weights)
    likeness = _likeness(features, relevance)
    pull = np.linalg.solve(likeness + np.diag(noise), surprise)
    trust = _trust(likeness, noise, surprise, is_anomaly, weights)
    if trust == 0:
        return replace(marks, trust=trust)
    x, y = _lines(features, relevance)
    return replace(
        marks,
        trust=trust,
        features=np.array([feature.number for feature in features], dtype=np.int64),
        x=x,
        y=y,
        places=_rounded(np.stack([f.of_rows for f in features], axis=1) * relevance),
        pull=_rounded(STRENGTH * trust * pull),
    )


def _relevance(
    features: list[_Feature], relevance: Float64s, pull: Float64s, weights: Float64s
) -> Float64s:
    """Return relevance by how much each feature alone would move the marked rows."""
    moves = np.array(
        [_spread((feature.apart @ pull)[: len(weights)], weights) for feature in features]
    )
    told = relevance * moves
    if not told.sum() > 0:
        return relevance
    return np.asarray(EQUAL_SHARE * relevance + (1 - EQUAL_SHARE) * told / told.sum())


def _likeness(features: list[_Feature], relevance: Float64s) -> Float64s:
    apart = np.zeros((len(features[0].of_rows), len(features[0].of_rows)))
    for feature, each in zip(features, relevance, strict=True):
        apart += each * feature.apart
    return alike(apart)


def _spread(values: Float64s, weights: Float64s) -> float:
    """Return the standard deviation of some values."""
    apart = values - np.average(values, weights=weights)
    return float(np.sqrt(np.average(apart**2, weights=weights)))


def _teaching(labels: Ints) -> Ints:
    """Return the marked rows that teach."""
    kinds = [np.flatnonzero(labels == kind) for kind in (ANOMALY, USUAL)]
    step = -(-sum(map(len, kinds)) // MAX_MARKS)
    return np.sort(np.concatenate([kind[::step] for kind in kinds]))


def _unmarked(labels: Ints, counts: Float64s | None) -> Ints:
    """Return some unmarked rows, evenly from first to last."""
    others = np.flatnonzero(labels == UNKNOWN)
    ends = np.cumsum(ones_or(counts, len(labels))[others])
    if not len(others):
        return others
    steps = (np.arange(N_UNMARKED) + 0.5) / N_UNMARKED
    return others[np.searchsorted(ends, steps * ends[-1])]


def _features(
    rows: Floats, counts: Float64s | None, encoding: Encoding, chosen: Ints
) -> list[_Feature]:
    """Return the features that vary; the shares of all are 1 together."""
    found: list[_Feature] = []
    for place in encoding.slices:
        for number in range(place.start, place.stop):
            values = rows[:, number].astype(np.float64)
            x, normal = _knots(Counted.of(values, counts))
            if len(x) > 1:
                share = 1.0 / (place.stop - place.start)
                of_rows = np.interp(values[chosen], x, normal)
                found.append(_Feature(number, share, x, normal, of_rows))
    total = sum(feature.share for feature in found)
    return [replace(feature, share=feature.share / total) for feature in found]


def _knots(counted: Counted) -> tuple[Float64s, Float64s]:
    """Return some of the values of a feature, and their normal scores."""
    law, values = NormalDist(), counted.values
    middle = (counted.ends - np.diff(counted.ends, prepend=0.0) / 2) / counted.n
    at = np.arange(len(values))
    if len(values) > len(KNOTS):
        below = np.array([law.cdf(knot) for knot in KNOTS])
        at = np.append(np.minimum(np.searchsorted(middle, below), len(values) - 1), 0)
        at = np.unique(np.append(at, len(values) - 1))
    x = values[at].astype(np.float64)
    shares = np.clip(middle[at], LEAST_SHARE, 1 - LEAST_SHARE)
    normal = np.array([law.inv_cdf(share) for share in shares.tolist()])
    is_apart = np.diff(x, prepend=-np.inf) > LEAST_GAP * max(1.0, float(np.ptp(x)))
    return x[is_apart], normal[is_apart]


def _trust(
    likeness: Float64s,
    noise: Float64s,
    surprise: Float64s,
    is_anomaly: NDArray[np.bool_],
    weights: Float64s,
) -> float:
    """Return from 0 to 1 how far the marks are trusted."""
    kinds = [weights[is_anomaly].sum(), weights[~is_anomaly].sum()]
    if not all(kinds):
        return 1.0
    n = len(weights)
    # A row of weight 2 is two rows: only one of them is left out.
    once = np.minimum(weights, 1.0)
    hat = np.linalg.solve(likeness + np.diag(noise), likeness).T[:n]
    own, by_all = np.diag(hat), hat @ surprise
    told = (weights * by_all - once * own * surprise[:n]) / (weights - once * own)
    apart = surprise[:n] - np.average(surprise[:n], weights=weights)
    spreads = _spread(told, weights) * _spread(surprise[:n], weights)
    agreement = np.average(told * apart, weights=weights) / spreads if spreads > 1e-12 else 0.0
    return float(np.clip(agreement + 1 / kinds[0] + 1 / kinds[1], 0.0, 1.0))


def _lines(features: list[_Feature], relevance: Float64s) -> tuple[Float64s, Float64s]:
    """Return knots of all features, and their normal scores times relevance; the last repeat."""
    n_knots = max(len(feature.x) for feature in features)
    x, y = (
        np.stack([np.append(v, np.full(n_knots - len(v), v[-1])) for v in lines])
        for lines in ([f.x for f in features], [f.normal for f in features])
    )
    return x, _rounded(y * relevance[:, None])


def _rounded(values: Float64s | float) -> Float64s:
    return np.asarray(np.ldexp(np.rint(np.ldexp(values, BITS)), -BITS))


def _held(rows: Floats, labels: Ints, scores: Float64s) -> tuple[int, Float64s, Float64s]:
    """Return the marked rows that hold a place, and scores that are above or below all others."""
    marked = np.flatnonzero(labels != UNKNOWN)
    others = np.flatnonzero(labels == UNKNOWN)
    if len(marked) > MAX_HELD or not len(others):
        return 0, np.empty((0, rows.shape[1])), np.empty(0)
    same = same_rows(rows[marked])
    confirmed, cleared = (np.unique(same[labels[marked] == kind]) for kind in (ANOMALY, USUAL))
    numbers, first = np.unique(same, return_index=True)
    marked = marked[first[~np.isin(numbers, np.intersect1d(confirmed, cleared))]]
    is_confirmed = labels[marked] == ANOMALY
    marked = np.concatenate([marked[is_confirmed], marked[~is_confirmed]])
    own, lowest, highest = scores[marked], scores[others].min(), scores[others].max()
    shares = own / max(own.max(initial=0.0), np.finfo(np.float64).tiny)
    up = highest * (1 + 1e-9) + own
    held = np.where(labels[marked] == ANOMALY, up, lowest * shares / 2)
    return int(is_confirmed.sum()), rows[marked].astype(np.float64), held
