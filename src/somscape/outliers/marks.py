"""Changes of scores, learned from rows that a person marked as anomalies or as usual."""

from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._elementary import exp
from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import check_number, check_that, check_whole, is_array
from somscape._weights import Counted, blocks, counts_of, in_order, ones_or
from somscape.errors import InputError, ParameterError
from somscape.kernels.metric import Metric
from somscape.outliers.rarity import are_lines, padded
from somscape.outliers.relation import curves_of, uncurved
from somscape.tables.encoding import Encoding

CITY_BLOCK = Metric("manhattan")

MAX_SAID = 3
"""Maximum number of columns that a sentence names as the reason for changed scores."""

NAMED_SHARE = 0.5
"""Minimum effect of a column that a sentence names, as a share of the largest effect."""

LIKE_WITHIN = 3.0
"""Distance between two rows at which their similarity is 1 / e."""

BLOCK_VALUES = 1 << 20
"""Maximum number of distances in memory at the same time (8 MiB)."""

CLEAR_TRUST = 0.5
"""If the trust in the marks is lower, a sentence reports that the marks hardly agree."""


@dataclass(frozen=True, eq=False)
class Marks:
    """Changes of scores that a detector learned from marked rows.

    Attributes
    ----------
    n_confirmed, n_cleared : int
        Number of rows marked as anomalies (confirmed), and number marked as usual (cleared).
    trust : float
        Weight of the marks, from 0 to 1.  The weight is high if similar rows have similar marks.
    n_raised, n_lowered : int
        Number of training rows whose scores the marks raise by a factor of at least 1.1, and number
        whose scores they lower as much.  Rows with fixed scores do not count.
    center : float
        Mean logarithm of the factors by which the scores of training rows change.  It is subtracted
        from the logarithm of each factor.  This keeps the scores' average logarithm.
    features : ndarray of shape (n_used,), int64
        Ascending numbers of the encoded features that determine the distance between rows.  The
        array is empty if the detector did not learn anything.
    x, y : ndarray of shape (n_used, n_knots), float64
        Some values of each feature (the knots), and their coordinates on the axis of the feature.
        Coordinates are interpolated linearly between knots.  They are constant beyond the outermost
        knots.  If a feature has fewer knots than others, its last knot is repeated.
    places : ndarray of shape (n_taught, n_used), float64
        Coordinates of the rows from which the detector learned, on the axes of the features.
    pull : ndarray of shape (n_taught,), float64
        Amount by which each of these rows raises the logarithm of the factor of an equal row.
    n_leading : int
        Number of confirmed rows with a fixed score.  These rows come first in `rows`.
    rows : ndarray of shape (n_held, n_features), float64
        Encoded rows with a fixed score.
    held : ndarray of shape (n_held,), float64
        Fixed score of each of these rows.
    n_alone : int
        Number of confirmed rows from which the detector did not learn, because they are far from
        all other rows.
    """

    n_confirmed: int
    n_cleared: int
    trust: float
    n_raised: int
    n_lowered: int
    center: float
    features: Ints
    x: Float64s
    y: Float64s
    places: Float64s
    pull: Float64s
    n_leading: int
    rows: Float64s
    held: Float64s
    n_alone: int = 0

    @classmethod
    def none(cls, n_confirmed: int, n_cleared: int, n_features: int) -> "Marks":
        """Return marks that neither change scores by learning nor fix any scores."""
        empty = np.empty((0, 2))
        nothing = np.empty(0, dtype=np.int64), empty, empty, empty[:, :0], empty[:, 0]
        held = 0, np.empty((0, n_features)), np.empty(0)
        return cls(n_confirmed, n_cleared, 1.0, 0, 0, 0.0, *nothing, *held)

    def check(self, n_features: int) -> None:
        """Raise ValueError or TypeError if the attributes do not fit together."""
        for name in ("n_confirmed", "n_cleared", "n_raised", "n_lowered", "n_leading", "n_alone"):
            check_whole(f"marks.{name}", getattr(self, name), 0)
        check_number("marks.trust", self.trust, 0, 1, low_is_allowed=True)
        check_number("marks.center", self.center, -np.inf)
        check_that(
            are_lines(self.features, self.x, self.y, n_features),
            "`marks` must have features, and knots of each feature, in ascending order.",
        )
        if not is_array(self.pull, (-1,)) or not is_array(
            self.places, (len(self.pull), len(self.features))
        ):
            raise ParameterError(
                "`marks.places` must have a row for each value of `pull`, and a column for each "
                "feature.",
                parameter="marks",
            )
        n_held = len(self.held)
        are_scores = is_array(self.held, (-1,)) and bool((self.held >= 0).all())
        are_rows = is_array(self.rows, (n_held, n_features)) and self.n_leading <= n_held
        check_that(
            are_scores and are_rows,
            "`marks` must have one finite score of at least 0 for each row with a fixed score.",
        )

    @property
    def teach(self) -> bool:
        """Whether the marks also change the scores of rows without a mark."""
        return len(self.features) > 0

    def factors(self, rows: Floats) -> Float64s:
        """Return, for each row, the factor by which its score is multiplied."""
        return exp(self.moves(rows) - self.center)

    def moves(self, rows: Floats) -> Float64s:
        """Return the logarithm of each factor.  The caller subtracts `center`."""
        out = np.zeros(len(rows))
        if not self.teach:
            return out
        for part in blocks(len(rows), max(1, BLOCK_VALUES // len(self.pull))):
            apart = np.asarray(CITY_BLOCK.distances(self._coordinates(rows[part]), self.places))
            out[part] = (alike(apart.astype(np.float64)) * self.pull).sum(axis=1)
        return out

    def _coordinates(self, rows: Floats) -> Float64s:
        """Return the coordinates of rows on the axes of the features in `features`."""
        placed = np.empty((len(rows), len(self.features)))
        for j, feature in enumerate(self.features.tolist()):
            n = 1 + int(np.count_nonzero(np.diff(self.x[j])))
            placed[:, j] = np.interp(rows[:, feature], self.x[j, :n], self.y[j, :n])
        return placed

    def are_held(self, rows: Floats) -> tuple[Bools, Bools]:
        """Return which rows are equal to a row with a fixed score, and which to a confirmed row."""
        which = self._numbers_of_equal(rows)
        return which >= 0, (which >= 0) & (which < self.n_leading)

    def with_held(self, rows: Floats, scores: Float64s) -> Float64s:
        """Return the scores.  A row that equals a row with a fixed score gets this fixed score."""
        which = self._numbers_of_equal(rows)
        is_held = which >= 0
        if not is_held.any():
            return scores
        out = scores.copy()
        out[is_held] = self.held[which[is_held]]
        return out

    def _numbers_of_equal(self, rows: Floats) -> Ints:
        """Return, for each row, the number of the equal row in `self.rows`, or -1 without one."""
        found = np.full(len(rows), -1, dtype=np.intp)
        left = np.arange(len(rows))
        with np.errstate(over="ignore"):
            for feature in range(self.rows.shape[1]):  # the first features exclude most rows
                own = self.rows[:, feature].astype(np.float32)
                left = left[np.isin(rows[left, feature].astype(np.float32), own)]
        for i, key in zip(left.tolist(), _keys(rows[left]), strict=True):
            found[i] = self._number_by_row.get(key, -1)
        return found

    def parts_with_held(self, rows: Floats, parts: Float64s) -> Float64s:
        """Return the contributions to scores.  For marked rows, they add up to fixed scores."""
        scores = parts.sum(axis=1)
        held = self.with_held(rows, scores)
        moved = np.flatnonzero(held != scores)
        shares = np.full((len(moved), parts.shape[1]), 1.0 / parts.shape[1])
        own = scores[moved, None]
        np.divide(parts[moved], own, out=shares, where=own > 0)
        out = parts.copy()
        out[moved] = held[moved, None] * shares
        return out

    @cached_property
    def _number_by_row(self) -> dict[bytes, int]:
        numbered = list(enumerate(_keys(self.rows)))
        return {key: i for i, key in reversed(numbered)}  # keeps the first of equal rows

    def in_words(self, encoding: Encoding) -> str:
        """Return sentences about how the marks changed scores, or why they did not change any."""
        n = self.n_confirmed + self.n_cleared
        marks = f"{n:,} {'mark' if n == 1 else 'marks'} ({self.n_confirmed:,} confirmed, "
        marks += f"{self.n_cleared:,} cleared)"
        parts = [f"{marks} {self._describe_change(encoding)}."]
        if self.teach and self.trust < CLEAR_TRUST:
            parts.append(
                "The marks agree little with each other, so their weight is "
                f"{100 * self.trust:.0f} %."
            )
        if len(self.held):
            n_ending = len(self.held) - self.n_leading
            kinds = (self.n_leading, "confirmed rows first"), (n_ending, "cleared rows last")
            places = " and ".join(words for n, words in kinds if n)
            parts.append(f"The list contains {places}.")
        return " ".join([*parts, "P-values are estimates."])

    def _describe_change(self, encoding: Encoding) -> str:
        other = "other " if len(self.held) else ""
        if not self.teach:
            rows = "other rows" if other else "any rows"
            return f"did not change the scores of {rows}, because {self._why_nothing()}"
        if not self.n_raised + self.n_lowered:
            return f"changed the scores of all {other}rows by less than a tenth"
        rows = f"{other}row" if self.n_raised == 1 else f"{other}rows"
        changed = f"raised the scores of {self.n_raised:,} {rows} and lowered the scores of "
        changed += f"{self.n_lowered:,} by a tenth or more"
        if self.n_confirmed > self.n_alone:
            changed += f", mostly because of {_join_names(self._columns(encoding))}"
        if not self.n_alone:
            return changed
        alone = "the confirmed" if self.n_confirmed == self.n_alone else f"{self.n_alone} confirmed"
        are, they = ("row is", "it") if self.n_alone == 1 else ("rows are", "they")
        return f"{changed}; {alone} {are} far from all other rows, so {they} did not change scores"

    def _why_nothing(self) -> str:
        if not self.n_cleared:
            return "no row is cleared"
        if self.trust == 0:
            return "the marks contradict each other"
        return "the marked rows do not differ in any column"

    def _columns(self, encoding: Encoding) -> list[str]:
        """Return the columns that have the largest effect on the distance between rows."""
        change = np.zeros(encoding.n_features)
        change[self.features] = np.ptp(self.y, axis=1)
        by_column = encoding.sum_by_column(change[None])[0]
        order = np.argsort(-by_column, kind="stable")[:MAX_SAID]
        least = NAMED_SHARE * by_column[order[0]]
        return [encoding.features[j].name for j in order if by_column[j] >= least]


def alike(distances: Float64s) -> Float64s:
    """Return the similarity of rows.  It is 1 for equal rows and decreases with their distance."""
    return exp(distances / -LIKE_WITHIN)


def same_rows(rows: Floats) -> Ints:
    """Return one number for each row.  Equal rows have equal numbers."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in _keys(rows)], dtype=np.intp)


def _keys(rows: Floats) -> list[bytes]:
    """Return the bytes of each row as float32, after replacing -0.0 with 0.0."""
    with np.errstate(over="ignore"):
        short = np.ascontiguousarray(rows, dtype=np.float32) + np.float32(0)
    return [row.tobytes() for row in short]


def _join_names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


UNKNOWN, USUAL, ANOMALY = -1, 0, 1
NOT_LEARNED = -2
"""Label of a marked row from which a detector does not learn."""


def known_labels(known: Any, n_rows: int, name: str = "known") -> Ints | None:
    """Return labels as 1 (anomaly), 0 (usual) and -1 (unknown), or None if no label is known."""
    if known is None:
        return None
    values = np.asarray(known)
    try:
        numbers = np.array([np.nan if v is None else float(v) for v in values.ravel().tolist()])
    except (TypeError, ValueError):
        numbers = np.full(values.size, np.inf)
    numbers[np.isnan(numbers)] = UNKNOWN
    are_labels = bool(np.isin(numbers, (UNKNOWN, USUAL, ANOMALY)).all())
    if values.shape != (n_rows,) or not are_labels:
        raise InputError(
            f"`{name}` must contain 1 (anomaly), 0 (usual) or -1 (unknown) for each of the "
            f"{n_rows} rows, but has shape {values.shape} and values such as "
            f"{_first_values(values)}. Pass None if no label is known.",
            allowed=(ANOMALY, USUAL, UNKNOWN),
        )
    labels = numbers.astype(np.intp)
    return labels if (labels != UNKNOWN).any() else None


def _first_values(values: NDArray[Any]) -> str:
    """Return a text with the first few distinct values."""
    return ", ".join(np.unique(values.astype(str))[:4].tolist())


KNOTS = tuple(0.5 * i for i in range(-6, 7))
"""Normal scores of the knots of features with many values.  The lowest and the highest value are
also knots.  `KNOTS` to `EQUAL_SHARE` were tuned on half of the tables of `benchmarks/detection`."""

NOISE = 0.3
"""Variance of the marks that values of rows do not explain, divided by the variance that they
explain."""

STRENGTH = 6.0
"""Factor by which a prediction from the marks is multiplied to change the logarithm of a score."""

EXPECTED, EXPECTED_MARKS = 0.5, 8.0
"""Share of confirmed rows that is assumed before any marks, and the number of marks whose weight
this assumption has."""

N_UNMARKED, UNMARKED_WEIGHT = 30, 1.0
"""Number of unmarked rows that are treated as cleared rows, and the number of marks whose weight
they have in total."""

EQUAL_SHARE = 0.2
"""Share of the total relevance that is divided equally among columns.  The marks determine the
remaining relevance."""

MAX_MARKS = 500
"""Maximum number of marks to learn from.  If there are more marks, a detector learns only from some
evenly spaced marked rows."""

ALONE = 2.0
"""A confirmed row does not change scores of other rows if its score is more than this many times
every other score.  The row resembles no other row, but each knot has only the rank of a value."""

FAR, END_SHARE = 100.0, 0.005
"""A confirmed row also does not change other scores if a number is farther beyond the numbers of
all unmarked rows than `FAR` times the width of the unmarked numbers.  The share `END_SHARE` of
these numbers at each end does not count for the width.  A factor of 40 made rankings worse."""

MAX_HELD = 1000
"""Maximum number of marks at which marked rows get fixed scores.  More marks are not from a
review."""

NOTICED = 1.1
"""Factor from which a score counts as raised, and divisor from which a score counts as lowered."""

LEAST_SHARE = 1e-12
"""Minimum share of rows below a knot, and minimum share of rows above a knot.  The normal score of
a share of 0 would be infinite."""

LEAST_GAP = 1e-100
"""Minimum distance between knots, as a share of the knots' range.  A range below 1 counts as 1."""

BITS = 30
"""Number of binary digits after the point to which learned values are rounded.  Later digits can
differ between versions of numerical libraries."""


def marks_of(
    rows: Floats, weights: Float64s | None, encoding: Encoding, labels: Ints, scores: Float64s
) -> Marks:
    """Return the changes of scores that a detector learns from marked rows."""
    n_confirmed, n_cleared = (int((labels == kind).sum()) for kind in (ANOMALY, USUAL))
    marks = Marks.none(n_confirmed, n_cleared, rows.shape[1])
    counts = counts_of(weights)
    if n_cleared:  # otherwise, confirmed rows cannot be compared with cleared rows
        learned = _without_alone(rows, counts, encoding, labels, scores)
        marks = _learn(marks, rows, counts, encoding, learned)
        marks = replace(marks, n_alone=int((learned == NOT_LEARNED).sum()))
    moves = marks.moves(rows)
    marks = replace(marks, center=float(_round(np.average(moves, weights=counts))))
    factors = exp(moves - marks.center)
    n_leading, held_rows, held = _fix_scores(rows, labels, scores * factors)
    of_others = factors[labels == UNKNOWN] if len(held) else factors
    return replace(
        marks,
        n_raised=int((of_others >= NOTICED).sum()),
        n_lowered=int((of_others <= 1 / NOTICED).sum()),
        n_leading=n_leading,
        rows=held_rows,
        held=held,
    )


def _without_alone(
    rows: Floats, counts: Float64s | None, encoding: Encoding, labels: Ints, scores: Float64s
) -> Ints:
    """Return the labels without the marks of confirmed rows that are far from all other rows."""
    highest = scores.max()
    next_ = scores.max(initial=0.0, where=scores < highest)
    is_alone = (scores == highest) & bool(0 < ALONE * next_ < highest)
    others, confirmed = (np.flatnonzero(labels == kind) for kind in (UNKNOWN, ANOMALY))
    curves = curves_of(encoding, rows.shape[1])
    for j in range(rows.shape[1] if len(others) and len(confirmed) else 0):
        values = uncurved(rows[:, [j]].astype(np.float64), curves[:, [j]])[:, 0]
        own, of_others = values[confirmed], values[others]
        beyond = np.maximum(of_others.min() - own, own - of_others.max())
        if (beyond > 0).any():
            ordered = in_order(of_others, None if counts is None else counts[others])
            width = ordered.quantile(1 - END_SHARE) - ordered.quantile(END_SHARE)
            is_alone[confirmed] |= (beyond > FAR * width) & (width > 0)
    return np.where(is_alone & (labels == ANOMALY), NOT_LEARNED, labels)


@dataclass(frozen=True, eq=False)
class _Feature:
    """Knots of a feature, normal scores of these knots, and normal scores of the rows.

    If all columns are equally relevant, `share` is the relevance of the feature.
    """

    number: int
    share: float
    x: Float64s
    normal: Float64s
    of_rows: Float64s

    @property
    def apart(self) -> Float64s:
        """Distances in this feature between the rows from which a detector learns."""
        return np.abs(self.of_rows[:, None] - self.of_rows)


def _learn(
    marks: Marks, rows: Floats, counts: Float64s | None, encoding: Encoding, labels: Ints
) -> Marks:
    """Return the marks, with the changes of scores that were learned from them, if any."""
    chosen, unmarked = _choose_marked(labels), _choose_unmarked(labels, counts)
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
    if is_anomaly.any():  # otherwise, all columns are equally informative
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
        places=_round(np.stack([f.of_rows for f in features], axis=1) * relevance),
        pull=_round(STRENGTH * trust * pull),
    )


def _relevance(
    features: list[_Feature], relevance: Float64s, pull: Float64s, weights: Float64s
) -> Float64s:
    """Return the relevance of each feature.  It rises with the feature's effect on marked rows."""
    pulled = ((feature.apart @ pull)[: len(weights)] for feature in features)
    moves = np.array([_spread(each, weights) for each in pulled])
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
    """Return the weighted standard deviation of values."""
    apart = values - np.average(values, weights=weights)
    return float(np.sqrt(np.average(apart**2, weights=weights)))


def _choose_marked(labels: Ints) -> Ints:
    """Return the numbers of the marked rows from which a detector learns."""
    kinds = [np.flatnonzero(labels == kind) for kind in (ANOMALY, USUAL)]
    step = -(-sum(map(len, kinds)) // MAX_MARKS)
    return np.sort(np.concatenate([kind[::step] for kind in kinds]))


def _choose_unmarked(labels: Ints, counts: Float64s | None) -> Ints:
    """Return the numbers of some unmarked rows at even distances."""
    others = np.flatnonzero(labels == UNKNOWN)
    ends = np.cumsum(ones_or(counts, len(labels))[others])
    if not len(others):
        return others
    steps = (np.arange(N_UNMARKED) + 0.5) / N_UNMARKED
    return others[np.searchsorted(ends, steps * ends[-1])]


def _features(
    rows: Floats, counts: Float64s | None, encoding: Encoding, chosen: Ints
) -> list[_Feature]:
    """Return the features that vary.  Their shares add up to 1."""
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
    """Return two values: the knots of a feature, and the normal scores of the knots."""
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
    likeness: Float64s, noise: Float64s, surprise: Float64s, is_anomaly: Bools, weights: Float64s
) -> float:
    """Return how far the marks can be trusted, from 0 to 1.  See `Marks.trust`."""
    kinds = [weights[is_anomaly].sum(), weights[~is_anomaly].sum()]
    if not all(kinds):
        return 1.0
    n = len(weights)
    # A row of weight 2 counts as two rows, of which only one is left out.
    once = np.minimum(weights, 1.0)
    hat = np.linalg.solve(likeness + np.diag(noise), likeness).T[:n]
    own, by_all = np.diag(hat), hat @ surprise
    told = (weights * by_all - once * own * surprise[:n]) / (weights - once * own)
    apart = surprise[:n] - np.average(surprise[:n], weights=weights)
    spreads = _spread(told, weights) * _spread(surprise[:n], weights)
    agreement = np.average(told * apart, weights=weights) / spreads if spreads > 1e-12 else 0.0
    return float(np.clip(agreement + 1 / kinds[0] + 1 / kinds[1], 0.0, 1.0))


def _lines(features: list[_Feature], relevance: Float64s) -> tuple[Float64s, Float64s]:
    """Return the padded knots of all features, and the knots' normal scores times the relevance."""
    x, y = (padded(lines) for lines in ([f.x for f in features], [f.normal for f in features]))
    return x, _round(y * relevance[:, None])


def _round(values: Float64s | float) -> Float64s:
    return np.asarray(np.ldexp(np.rint(np.ldexp(values, BITS)), -BITS))


def _fix_scores(rows: Floats, labels: Ints, scores: Float64s) -> tuple[int, Float64s, Float64s]:
    """Return three values for rows with a fixed score: number of confirmed rows, all rows, and
    scores.  Confirmed rows score above all unmarked rows, and cleared rows score below."""
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
