"""Relations between columns, and values that do not fit the other values of a row."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from somscape._elementary import asinh, exp, log, log_of
from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import check_that, is_array
from somscape._weights import ALONE_WORK, blocks, in_order, ones_or, product
from somscape.kernels._select import in_threads, select_kernels
from somscape.maps._joins import pieces_after
from somscape.maps.map import Map
from somscape.regions.find import ward_joins
from somscape.tables.codes import CategoryCode, NumberCode
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import CycleCode, DateCode

MIN_LEARNED = 50
"""Minimum number of rows for learning relations."""

MIN_DIFFERENT_ROWS = 20
"""Minimum number of different rows for learning relations."""

MAX_COUNTED = 1e6
"""Maximum sum of the weights of the rows from which relations are learned."""

MAX_LEARNED = 3_000
"""Maximum number of rows from which relations are learned.  From larger tables, rows are drawn."""

MAX_RELATED = 256
"""Maximum number of encoded features for learning relations.  The time grows with its cube."""

N_COMPONENTS = (1, 2, 4, 8)
"""Numbers of components that are tried."""

ROWS_PER_FEATURE = 3
"""Minimum number of rows in half of the rows, for each component and feature."""

MIN_COMPONENT_ROWS = 20
"""Minimum number of rows in half of the rows, for each component."""

MIN_GAIN = 0.02
"""More components are used if both mean log-likelihoods of other rows rise by more than this."""

MAX_EM_STEPS = 30
"""Maximum number of steps of the expectation-maximization (EM) algorithm."""

FIRST_EM_STEPS = 4
"""Number of these steps after which the better one of several starts is chosen."""

STEADY = 1e-4
"""The algorithm stops if the mean log-likelihood changes by less than this share."""

RIDGE_ROWS = 0.01
"""Weight of independent columns in each covariance, in rows for each feature.  If there are more
rows than features, the weight is smaller in proportion."""

GIVEN_ROWS = 5.0
"""Number of added rows for each feature that is only given, such as a level of a category.  Targets
do not depend on the feature in these rows, so a level with few rows hardly changes what is
implied."""

LEFT_OUT = 0.05
"""Maximum share of the rows that do not count if some training rows may be unusual, and share of
the least likely rows that do not count when numbers of components are compared."""

SHARES = (0.9, 0.995)
"""Two quantiles of the absolute residuals of a column.  The Weibull distribution with these
quantiles gives the slope of the evidence at the second quantile."""

RARE_EVIDENCE = -math.log(1.0 - SHARES[1])
"""Evidence of a residual that is equal to the second quantile."""

SHAPES = (0.65, 1.5)
"""Two shapes of the Weibull distribution.  Beyond the second quantile, the evidence grows with the
logarithm of the residual up to the first shape, and with the residual from the second shape on.
With Student's distribution of 3 degrees of freedom, the shape is 0.66."""

MIN_POWER = 1e-3
"""Minimum power of residuals in the evidence.  With such a small power, the evidence grows almost
with the logarithm."""

ROBUST_SHARES = (0.5, 0.9)
"""Two quantiles by which rows are recognized that clearly break a relation."""

BROKEN = 3.0
"""Minimum residual of rows that do not count in the training.  Otherwise, the training would leave
out rows with rare values that obey the relation."""

CLEARLY_BROKEN = 10.0
"""Evidence beyond the highest evidence that is expected by chance.  Rows with more evidence do not
count for `SHARES`."""

MAX_TAIL_SHAPE = 2.0
"""Maximum shape of the Weibull distribution.  The tail of normal residuals has the shape 2."""

MIN_RESIDUAL = 1.0
"""Minimum of the second quantile.  If a relation holds exactly, smaller residuals may be caused by
rounding."""

MAX_EVIDENCE = 100.0
"""Maximum evidence of a residual, as the logarithm of a likelihood ratio."""

BEFORE = 1.645
"""Quantile (95 %) of a normal distribution.  Rows have about this score without relations."""

WEIGHT = 1.5
"""Weight of the evidence of relations, in relation to the distribution of the other scores."""

SQUARE_PER_EVIDENCE = 1.75 * WEIGHT
"""Increase of the square of a normal quantile for each unit of evidence.  With 1.75, a probability
falls by the factor e, to within 7 % of the quantile down to a probability of 1e-40."""

PRIOR = 4.0
"""Evidence that is subtracted, because a row seldom breaks a relation.  The prior probability that
a row breaks a relation is about exp(-4), or 2 %."""

EVIDENCE_BY_CHANCE = 1.5
"""Mean of the evidence above 0 in usual rows, if residuals have normal tails.  With heavy tails,
the mean grows in proportion to the share of rows with an amount."""

NORMAL_SHARES, HEAVY_SHARES = (0.01, math.exp(-PRIOR)), (0.03, 0.05)
"""Limits of the share of usual rows to which relations add an amount by chance, for normal and for
heavy tails of residuals.  Without a maximum, broken rows would hide one another."""

MAX_IMPLIED = 0.8
"""The other columns imply the values of a target in a component if the standard deviation of its
residuals is at most this share of the standard deviation of the target in all rows that count."""

NEARLY_CONSTANT = 0.5
"""Standard deviation of a target in all rows that count, in scaled values, below which the target
is nearly constant.  With rare other values, its standard deviation in all rows is 1."""

MIN_RATIO = 1.02
"""Minimum ratio of the second quantile to the first quantile."""

MAX_RATIO = 1e3
"""Maximum ratio of the second quantile to the first quantile."""

MIN_VALUES = 2
"""A number whose column has at most this many different values is not a target."""

MIN_OTHER = 10
"""If some training rows may be unusual, a number that has the same value in all but fewer rows is
not a target.  Its rare values would seem to break a relation, because the implied value is the
usual value in nearly all rows."""

MIDDLE_SHARES = (0.025, 0.5, 0.975)
"""Quantiles that give the center and the scale of a feature."""

MIDDLE_WIDTH = 3.92
"""Distance between the outer quantiles of a normal distribution, in standard deviations."""

MIN_MIDDLE = 1e-6
"""Minimum distance between the outer quantiles, in standard deviations.  If it is smaller, the mean
and the standard deviation are used."""

USUAL = 2.5
"""Limit of usual scaled values.  Values farther out are extreme."""

FAR = 64.0
"""Maximum difference of a scaled value from a mean.  Larger differences are made smaller."""

LIMIT = 2.0**40
"""Maximum scaled value."""

SCALED_BITS = 16
"""Number of binary digits after the point in scaled values."""

TRANSFORM_BITS = 21
"""Number of binary digits of matrix entries, counted from the largest entry of a column.  Sums of
products are then exact in float64, so that they do not depend on the order or on the library."""

MIN_VARIATION = 1e-12
"""Minimum standard deviation of a feature, as a share of the largest absolute value."""

PART_VALUES = 1 << 18
"""Number of values in a block of rows that fits into the processor's cache."""

ALONE_FEATURES = 64
"""Maximum number of rows of a matrix that LAPACK inverts without additional threads."""

SHARED_WORK = 1e7
"""Minimum number of multiply-adds for which several threads are faster."""


@dataclass(frozen=True, eq=False)
class Relation:
    """Relations between columns, and contributions of broken relations to scores.

    A mixture of normal distributions (components) describes the numbers of a row if its categories
    are known.  In the component that fits a row best, each number has a value that the other
    columns imply.  The residual is the distance of the row's value from the implied value, in
    standard deviations.  A row gets a contribution for the column whose residual is the strongest
    evidence against the relation.

    Attributes
    ----------
    features : ndarray of shape (n_used,), int64
        Ascending numbers of the encoded features that take part.
    targets : ndarray of shape (n_targets,), int64
        Ascending positions in `features` of numbers.  Only their residuals count.
    fills : ndarray of shape (2, n_used), float64
        For each feature, 1 or 0 and a value.  If the first number is 1, this value of the feature
        replaces a missing cell.  A row with a missing cell does not get a contribution.
    curves : ndarray of shape (2, n_used), float64
        Step s and start a of each feature whose encoding limits values far out.  Relations hold
        for ``sinh(s * value + a)``.  The step is 0 if relations hold for the encoded value.
    center, deviations : ndarray of shape (n_used,), float64
        Median of each feature, and its standard deviation without extreme values.  A scaled value
        is the difference from the median, divided by the standard deviation.
    means : ndarray of shape (n_components, n_used), float64
        Means of the components in scaled values.
    heights : ndarray of shape (n_components,), float64
        Logarithm of the likelihood of the targets of a row that is equal to the mean of the
        component.
    transforms : ndarray of shape (n_components, n_used, 2 * n_targets), float64
        Matrix for the difference between a scaled row and the mean of the component.  The squares
        of the first half of the results add up to the squared Mahalanobis distance of the targets.
        The other results are the residuals of the targets.  They are 0 for a target that is nearly
        constant and hardly depends on the other features.
    scales : ndarray of shape (n_components, n_targets), float64
        Standard deviation of each target if the other columns are known, in scaled values.
    tails : ndarray of shape (3, n_targets), float64
        For each target, an absolute residual h, a slope s, and a power p.  The evidence of an
        absolute residual r is ``s * (r / h - 1)``, or ``s * ((r / h) ** p - 1) / p`` if r is larger
        than h.
    offsets : ndarray of shape (n_components, n_targets), float64
        Amounts that are added to this evidence.  Only evidence above 0 counts.
    roots : ndarray of shape (2,), float64
        Median and standard deviation of the square roots of usual scores.  See `amounts_of`.

    See Also
    --------
    Rarity : Contributions of single values.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> X = np.column_stack([X, X.sum(axis=1)])
    >>> relation = SOMDetector(random_state=0).fit(X).detector_.relation
    >>> relation.scores(np.array([[1.0, 1.0, 2.0], [1.0, 1.0, 0.0]])).round(2) > 0
    array([False,  True])
    """

    features: Ints
    targets: Ints
    fills: Float64s
    curves: Float64s
    center: Float64s
    deviations: Float64s
    means: Float64s
    heights: Float64s
    transforms: Float64s
    scales: Float64s
    tails: Float64s
    offsets: Float64s
    roots: Float64s

    def check(self, n_features: int) -> None:
        """Raise ValueError if attributes do not fit together or do not fit `n_features`.

        Parameters
        ----------
        n_features : int
        """
        n, n_targets, k = len(self.features), len(self.targets), len(self.heights)
        check_that(
            _are_places(self.features, n_features)
            and _are_places(self.targets, n)
            and is_array(self.fills, (2, n))
            and is_array(self.curves, (2, n))
            and is_array(self.center, (n,))
            and is_array(self.deviations, (n,))
            and (self.deviations > 0).all()
            and is_array(self.heights, (k,))
            and is_array(self.means, (k, n))
            and is_array(self.transforms, (k, n, 2 * n_targets))
            and is_array(self.scales, (k, n_targets))
            and (self.scales > 0).all()
            and is_array(self.tails, (3, n_targets))
            and (self.tails > 0).all()
            and is_array(self.offsets, (k, n_targets))
            and is_array(self.roots, (2,))
            and (self.roots >= 0).all(),
            "`relation` must have features and targets in ascending order, and finite numbers for "
            "each component and each target.",
        )

    def scores(self, rows: Floats) -> Float64s:
        """Return the contribution of broken relations to the score of each row.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,)
            Contributions of at least 0.  Cost: O(n_rows * n_components * n_features^2).
        """
        return self._amounts(self._found(rows)[0])

    def parts(self, rows: Floats) -> Float64s:
        """Return the contribution of each feature of each row to the score.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            At most one feature of a row has a contribution above 0.
        """
        evidence, worst = self._found(rows)
        out = np.zeros(rows.shape)
        out[np.arange(len(rows)), self.features[self.targets[worst]]] = self._amounts(evidence)
        return out

    def implied(self, rows: Floats) -> tuple[Ints, Float64s, Float64s]:
        """Return, for each row, the value that would fit the other columns best.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)

        Returns
        -------
        features : ndarray of shape (n_rows,)
            Feature with the strongest evidence against the relation.
        values : ndarray of shape (n_rows,)
            Encoded value of this feature that the other columns imply, or NaN if this feature
            hardly depends on the other columns.
        contributions : ndarray of shape (n_rows,)
            Contribution of this feature to the score.
        """
        all_rows, scaled = np.arange(len(rows)), self._scale.scaled(rows)
        which = self._best(scaled)
        evidence, worst = self._strongest(rows, self._residuals(scaled, which)[0], which)
        place = self.targets[worst]
        # The component with the largest likelihood of the other values, because the value that
        # breaks the relation can fit another component.
        others = scaled.copy()
        others[all_rows, place] = 0.0
        logs = self._logs(others)
        for k in range(len(self.heights)):
            own = self._plain_residuals(others, np.full(len(rows), k))[all_rows, worst]
            logs[:, k] += own**2 / 2.0 + log(self.scales[k, worst])
        which = logs.argmax(axis=1)
        residuals, is_limited = self._residuals(scaled, which)
        # The residuals of a row with an extreme value were made smaller.
        steps = residuals[all_rows, worst] * self.scales[which, worst]
        nearness = _nearness(scaled - self.means[which])
        steps /= np.where(is_limited[all_rows, worst], 1.0, nearness)
        expected = self.center[place] + (scaled[all_rows, place] - steps) * self.deviations[place]
        expected[self.scales[which, worst] > MAX_IMPLIED] = np.nan
        expected = _encoded(expected, self.curves[:, place])
        return self.features[place], expected, self._amounts(evidence)

    @property
    def _scale(self) -> "_Scale":
        parts = self.features, self.targets, self.fills, self.curves
        return _Scale(*parts, self.center, self.deviations)

    def _amounts(self, evidence: Float64s) -> Float64s:
        return amounts_of(evidence, *self.roots.tolist())

    @cached_property
    def turning(self) -> tuple[Float64s, Float64s]:
        """The transforms, divided into those for distances and those for residuals."""
        n = len(self.targets)
        turning = self.transforms[:, :, :n], self.transforms[:, :, n:]
        return np.ascontiguousarray(turning[0]), np.ascontiguousarray(turning[1])

    @cached_property
    def own(self) -> Float64s:
        """Increase of each residual if its own scaled value increases by 1, by component."""
        n = len(self.targets)
        return self.transforms[:, self.targets, n + np.arange(n)]

    @cached_property
    def limits(self) -> Float64s:
        """Absolute residuals with evidence of at most 0, by component and target."""
        highs, slopes, powers = self.tails
        wanted = -self.offsets / slopes
        far = (1.0 + powers * np.maximum(wanted, 0.0)) ** (1.0 / powers)
        # Slightly less, because the evidence is rounded.
        return np.asarray(highs * (far + np.minimum(wanted, 0.0)) * (1.0 - 1e-9))

    def _found(self, rows: Floats) -> tuple[Float64s, Ints]:
        """Return the evidence in each row, and the target with the strongest evidence above 0."""
        n = len(rows)
        found = np.zeros(n), np.zeros(n, dtype=np.intp)

        def fill(part: slice) -> None:
            some = rows[part]
            scaled = self._scale.scaled(some)
            which = self._best(scaled)
            at = self._may_break(scaled, which)
            residuals = self._residuals(scaled[at], which[at])[0]
            strongest = self._strongest(some[at], residuals, which[at])
            for values, into in zip(strongest, found, strict=True):
                into[part][at] = values

        parts = blocks(n, max(1, PART_VALUES // self.transforms.shape[2]))
        in_threads(fill, parts, is_long=n * self.transforms.size >= SHARED_WORK)
        return found

    def _may_break(self, scaled: Float64s, which: Ints) -> Ints:
        """Return the rows that have evidence above 0 if no values are limited."""
        # Limited values can only make the evidence of a row weaker.
        found = np.empty(len(scaled), dtype=bool)
        for k, here, residuals in self._residuals_of_each(scaled, which):
            found[here] = (np.abs(residuals, out=residuals) > self.limits[k]).any(axis=1)
        return np.flatnonzero(found)

    def _strongest(self, rows: Floats, residuals: Float64s, which: Ints) -> tuple[Float64s, Ints]:
        """Return the strongest evidence in each row, and its target."""
        evidence = _evidence(np.abs(residuals), self.tails)
        evidence += self.offsets[which if which.any() else 0]
        worst = evidence.argmax(axis=1)
        strongest = np.clip(evidence[np.arange(len(worst)), worst], 0.0, MAX_EVIDENCE)
        strongest[_has_filled(rows[:, self.features], self.fills)] = 0.0
        return strongest, worst

    def _best(self, scaled: Float64s) -> Ints:
        """Return the number of the component that fits each row best."""
        if len(self.heights) == 1:
            return np.zeros(len(scaled), dtype=np.intp)
        return self._logs(scaled).argmax(axis=1)

    def _logs(self, scaled: Float64s) -> Float64s:
        """Return the logarithm of the likelihood of each row in each component."""
        return _logs(scaled, self.means, self.turning[0], self.heights)

    def _residuals(self, scaled: Float64s, which: Ints) -> tuple[Float64s, Bools]:
        """Return two values: the residuals of the targets in the given components, and whether each
        residual was computed with limited values.

        If a row contains extreme values, each residual is also computed with limited values of the
        other features, and the smaller residual counts.  Otherwise, an extreme value would imply
        absurd values of other columns.
        """
        found = self._plain_residuals(scaled, which)
        limited = np.clip(scaled, -USUAL, USUAL)
        far = np.flatnonzero((limited != scaled).any(axis=1))
        is_limited = np.zeros(found.shape, dtype=bool)
        if len(far):
            own = (scaled[far] - limited[far])[:, self.targets] * self.own[which[far]]
            others = self._plain_residuals(limited[far], which[far]) + own
            is_limited[far] = np.abs(others) < np.abs(found[far])
            found[far] = np.where(is_limited[far], others, found[far])
        return found, is_limited

    def _plain_residuals(self, scaled: Float64s, which: Ints) -> Float64s:
        out = np.empty((len(scaled), len(self.targets)))
        for _, here, residuals in self._residuals_of_each(scaled, which):
            out[here] = residuals
        return out

    def _residuals_of_each(
        self, scaled: Float64s, which: Ints
    ) -> Iterator[tuple[int, Ints | slice, Float64s]]:
        """Yield the number of each component, its rows, and their residuals."""
        for k, (mean, matrix) in enumerate(zip(self.means, self.turning[1], strict=True)):
            here = np.flatnonzero(which == k) if len(self.means) > 1 else slice(None)
            yield k, here, product(_apart(scaled[here], mean), matrix)


def _are_places(places: Ints, n: int) -> bool:
    """Return whether numbers are ascending positions among `n` values."""
    return (
        is_array(places, (-1,), "i")
        and len(places) > 0
        and bool((np.diff(places) > 0).all())
        and bool(((places >= 0) & (places < n)).all())
    )


@dataclass(frozen=True, eq=False)
class Learned:
    """Relations, and the contributions to the rows from which they were learned.

    Attributes
    ----------
    relation : Relation
    which : ndarray of shape (n,)
        Numbers of the rows from which the relations were learned.
    left_out : ndarray of shape (n,)
        Contribution to each of these rows, by relations that were learned without this row.
    """

    relation: Relation
    which: Ints
    left_out: Float64s

    def in_scores(self, middle: float, spread: float) -> "Learned":
        """Return a copy whose contributions fit usual scores with these square roots."""
        relation = replace(self.relation, roots=np.array([middle, spread]))
        return Learned(relation, self.which, amounts_of(self.left_out, middle, spread))

    def share(self, weights: Float64s | None) -> float:
        """Return the share of usual rows with a contribution."""
        counts = ones_or(None if weights is None else weights[self.which], len(self.which))
        found = (1.0 + counts[self.left_out > 0].sum()) / (1.0 + counts.sum())
        heavy = 1.0 - float(self.relation.tails[2].mean())
        pairs = zip(NORMAL_SHARES, HEAVY_SHARES, strict=True)
        least, most = (a + heavy * (b - a) for a, b in pairs)
        return min(max(float(found), least), most)

    def without_own(self, amounts: Float64s) -> Float64s:
        """Return the contributions to all rows, with `left_out` for the learned rows."""
        amounts = amounts.copy()
        amounts[self.which] = self.left_out
        return amounts


def learned_from(
    rows: Floats, weights: Float64s | None, map_: Map, order: Ints, *, is_clean: bool, seed: int
) -> Learned | None:
    """Learn the relations between columns, or return None if there are too few rows or columns.

    The components start as regions of the map or around rows drawn at random.  A larger number of
    components is used if rows that were left out become clearly more likely.
    """
    encoding = map_.encoding
    which = order[:MAX_LEARNED] if weights is None else order[weights[order] > 0][:MAX_LEARNED]
    sample = rows[which], ones_or(weights, len(rows))[which]
    which = which[~_has_filled(sample[0], _fills(*sample, encoding))]
    # Equal rows are counted, so that neither their order nor their repetition changes the result.
    some, place = np.unique(rows[which], axis=0, return_inverse=True)
    place, all_counts = place.reshape(-1), ones_or(weights, len(rows))[which]
    counts = np.bincount(place, all_counts).astype(np.float64)
    if all_counts.sum() < MIN_LEARNED or len(some) < MIN_DIFFERENT_ROWS:
        return None
    # With larger weights, a covariance of columns that depend on each other would be singular.
    counts *= min(1.0, MAX_COUNTED / counts.sum())
    scale = _Scale.of(some, counts, encoding, 0 if is_clean else MIN_OTHER)
    if scale is None:
        return None
    scaled, units = scale.scaled(some), map_._winners_of_rows(some)
    rng, targets = np.random.default_rng(seed), scale.targets
    drawn = rng.permutation(len(some))
    parts = np.sort(drawn[::2]), np.sort(drawn[1::2])
    trim = 0.0 if is_clean else LEFT_OUT
    best, chosen = np.full((2, 2), -np.inf), None
    values = np.ascontiguousarray(scaled[:, targets])

    def half_of(
        start: Ints | _Mixture, at: Ints, others: Ints, n_steps: int = MAX_EM_STEPS
    ) -> tuple[_Mixture, Float64s]:
        one = start if isinstance(start, _Mixture) else start[at]
        one = _fitted(scaled[at], counts[at], one, targets, trim, n_steps)
        return one, one.fit(scaled[others], counts[others])

    for starts in _starts(map_, units, values, counts, len(parts[1]), rng):
        # The second half is slow, so it is left out if the first half does not gain.
        n_steps = FIRST_EM_STEPS if len(starts) > 1 else MAX_EM_STEPS
        tried = [half_of(labels, *parts, n_steps) for labels in starts]
        labels, first = max(zip(starts, tried, strict=True), key=lambda one: float(one[1][1].sum()))
        if len(starts) > 1:
            first = half_of(first[0], *parts)
        if (first[1] <= best[0] + MIN_GAIN).any():
            break
        second = half_of(labels, *parts[::-1])  # without information of the first half
        if (first[1] + second[1] <= best.sum(axis=0) + 2 * MIN_GAIN).any():
            break
        best, chosen = np.array([first[1], second[1]]), (first[0], second[0])
    if chosen is None:
        return None
    halves = [scale.relation(one) for one in chosen]
    residuals, left_out = np.empty((len(some), len(scale.targets))), np.empty(len(some))
    for half, part in zip(halves, parts[::-1], strict=True):
        residuals[part] = half._residuals(scaled[part], half._best(scaled[part]))[0]
    tails = _tails(np.abs(residuals), counts)
    for half, part in zip(halves, parts[::-1], strict=True):
        left_out[part] = replace(half, tails=tails)._found(some[part])[0]
    # The components of one half are a better start for all rows than the regions of the map.
    start = chosen[0] if len(chosen[0].means) > 1 else np.zeros(len(some), dtype=np.intp)
    whole = scale.relation(_fitted(scaled, counts, start, targets, trim))
    return Learned(replace(whole, tails=tails), which, left_out[place])


def renewed(
    relation: Relation, rows: Float64s, weights: Float64s | None, *, is_clean: bool
) -> Relation:
    """Return the relations after one more step of training on a sample of rows."""
    counts = ones_or(weights, len(rows))
    if counts.sum() < MIN_LEARNED:
        return relation
    counts = counts * min(1.0, MAX_COUNTED / counts.sum())
    counts[_has_filled(rows[:, relation.features], relation.fills)] = 0.0
    scale = relation._scale
    scaled = scale.scaled(rows)
    logs = relation._logs(scaled)
    which = logs.argmax(axis=1)
    if not is_clean:
        counts = _kept(relation._plain_residuals(scaled, which), counts, LEFT_OUT)
    shares = np.exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None]) * counts[:, None]
    found = scale.relation(_maximized(scaled, shares, scale.targets))
    # The tails of rows that were not used for learning are longer, so the earlier tails remain.
    return replace(found, tails=relation.tails, roots=relation.roots)


def _starts(
    map_: Map,
    units: Ints,
    values: Float64s,
    counts: Float64s,
    n_half: int,
    rng: np.random.Generator,
) -> Iterator[list[Ints]]:
    """Yield the components in which rows may start, for each number of components."""
    yield [np.zeros(len(units), dtype=np.intp)]
    hits = np.maximum(np.bincount(units, counts, minlength=map_.n_units), 1e-9)
    pairs = np.array(ward_joins(map_.lattice, map_.codebook, hits)).reshape(-1, 2)
    fewest = max(ROWS_PER_FEATURE * values.shape[1], MIN_COMPONENT_ROWS)
    for n in N_COMPONENTS[1:]:
        if n_half < n * fewest or n > map_.n_units:
            return
        pieces = pieces_after(map_.n_units, pairs[: map_.n_units - n])
        drawn = values[rng.choice(len(values), n, replace=False)]
        nearest = select_kernels().search(values, drawn, 1)[0][:, 0]
        starts = pieces[units], nearest
        yield [np.unique(one, return_inverse=True)[1].reshape(-1) for one in starts]


@dataclass(frozen=True, eq=False)
class _Scale:
    """The features and targets of a `Relation`, and the scale of their values."""

    features: Ints
    targets: Ints
    fills: Float64s
    curves: Float64s
    center: Float64s
    deviations: Float64s

    @classmethod
    def of(
        cls, rows: Floats, counts: Float64s, encoding: Encoding, n_other: float
    ) -> "_Scale | None":
        """Return the scale of features that vary, or None without a relation between features.

        A target has values other than its most common value in at least `n_other` rows.
        """
        curves = curves_of(encoding, rows.shape[1])
        given, rows = rows, uncurved(rows.astype(np.float64), curves)
        largest = np.abs(rows).max(axis=0)
        unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)  # squares in this unit do not overflow
        center = np.average(rows / unit, axis=0, weights=counts)
        square = np.average((rows / unit - center) ** 2, axis=0, weights=counts)
        center, deviations = center * unit, np.sqrt(square) * unit
        varies = deviations > np.maximum(MIN_VARIATION * largest, np.finfo(np.float64).tiny)
        is_number = np.zeros(rows.shape[1], dtype=bool)
        for code, place in zip(encoding.features, encoding.slices, strict=True):
            is_number[place] = not isinstance(code, CategoryCode | CycleCode)
        features = np.flatnonzero(varies)
        for j in features.tolist():  # extreme values would make usual values look equal
            ordered = in_order(rows[:, j], counts)
            low, middle, high = (ordered.quantile(share) for share in MIDDLE_SHARES)
            if high - low > MIN_MIDDLE * deviations[j]:
                center[j], deviations[j] = middle, min(deviations[j], (high - low) / MIDDLE_WIDTH)
        varied = np.array([_varies_in(rows[:, j], counts) >= n_other for j in features], dtype=bool)
        targets = np.flatnonzero(is_number[features] & varied)
        if not (1 < len(features) <= MAX_RELATED and len(targets)):
            return None
        fills = _fills(given, counts, encoding)[:, features]
        of_features = fills, curves[:, features], center[features], deviations[features]
        return cls(features, targets, *of_features)

    def relation(self, mixture: "_Mixture") -> Relation:
        """Return the relation of a mixture.  Its tails and its roots are not known yet."""
        roots = np.sqrt(np.diagonal(mixture.precisions, axis1=1, axis2=2)[:, self.targets])
        residuals = mixture.precisions[:, :, self.targets] / roots[:, None]
        spreads = mixture.spreads[self.targets]
        # A rare value of a column that is nearly constant does not break a relation.
        is_free = (1.0 / roots > MAX_IMPLIED * spreads) & (spreads < NEARLY_CONSTANT)
        residuals = np.where(is_free[:, None], 0.0, residuals)
        transforms = np.concatenate([mixture.distances, residuals], axis=2)
        offsets = np.minimum(-log(roots), 0.0) - log_of(float(len(self.targets))) - PRIOR
        offsets += RARE_EVIDENCE  # the evidence at the first value of a tail
        # Other processors add in another order, so the last bits are left out.
        offsets = _short(offsets, SCALED_BITS)
        means, heights = (_short(each, SCALED_BITS) for each in (mixture.means, mixture.heights))
        parts = means, heights, _rounded(transforms)
        scale = self.features, self.targets, self.fills, self.curves, self.center, self.deviations
        blank, roots_of_scores = np.ones((3, len(self.targets))), np.ones(2)
        return Relation(*scale, *parts, 1.0 / roots, blank, offsets, roots_of_scores)

    def scaled(self, rows: Floats) -> Float64s:
        """Return the scaled features of rows, rounded so that sums of products are exact."""
        return _scaled(rows, self.features, self.curves, self.center, self.deviations)


def _varies_in(values: Float64s, counts: Float64s) -> float:
    """Return in how many rows a number differs from its most common value, or -1 if the number has
    at most `MIN_VALUES` different values."""
    different, place = np.unique(values, return_inverse=True)
    by_value = np.bincount(place.reshape(-1), counts)
    return float(by_value.sum() - by_value.max()) if len(different) > MIN_VALUES else -1.0


def amounts_of(evidence: Float64s, middle: float, spread: float) -> Float64s:
    """Return the contributions of evidence to scores, which are 0 up to an evidence of 0.

    The square roots of usual scores have about a normal distribution.  A row at its `BEFORE`
    quantile that gets the contribution of an evidence x is then about as unusual as usual rows with
    a probability that is lower by the factor ``exp(-WEIGHT * x)``.
    """
    evidence = np.clip(evidence, 0.0, MAX_EVIDENCE)
    far = middle + spread * np.sqrt(BEFORE**2 + SQUARE_PER_EVIDENCE * evidence)
    return np.asarray(far**2 - (middle + spread * BEFORE) ** 2)


def share_with_amounts(scores: Float64s, middle: float, spread: float, share: float) -> Float64s:
    """Return the share of usual rows that score at least as high because of a contribution."""
    far = np.maximum((np.sqrt(np.maximum(scores, 0.0)) - middle) / spread, BEFORE)
    evidence = (far**2 - BEFORE**2) / SQUARE_PER_EVIDENCE
    mean = EVIDENCE_BY_CHANCE * max(1.0, share / NORMAL_SHARES[1])
    return np.asarray(share * np.exp(-evidence / mean))


def _fills(rows: Floats, counts: Float64s, encoding: Encoding) -> Float64s:
    """Return the value that replaces missing cells of each feature.  See `Relation.fills`.

    A value that more than half of the rows have is usual, so it does not count as missing.
    """
    fills = np.zeros((2, rows.shape[1]))
    for code, place in zip(encoding.features, encoding.slices, strict=True):
        number = code.number if isinstance(code, DateCode) else code
        if isinstance(number, NumberCode) and (number.has_gaps or number.reach):
            value = number.place(np.array([number.fill])).astype(rows.dtype)[0]
            is_rare = counts[rows[:, place.start] == value].sum() <= counts.sum() / 2
            fills[:, place.start] = float(is_rare), value
    return fills


def _has_filled(rows: Floats, fills: Float64s) -> Bools:
    """Return whether each row has a cell that was missing."""
    which = np.flatnonzero(fills[0])
    return (rows[:, which] == fills[1, which].astype(rows.dtype)).any(axis=1)


def curves_of(encoding: Encoding, n_features: int) -> Float64s:
    """Return the formulas of features with compressed tails, as in `Relation.curves`."""
    curves = np.zeros((2, n_features))
    for code, place in zip(encoding.features, encoding.slices, strict=True):
        if isinstance(code, NumberCode) and code.width:
            curves[:, place.start] = code.span / code.factor, code.low
    return curves


def uncurved(values: Float64s, curves: Float64s) -> Float64s:
    """Return values of features for which relations hold.  `values` are overwritten."""
    steps, starts = curves
    is_curved = steps > 0
    if is_curved.any():
        at = values[:, is_curved] * steps[is_curved] + starts[is_curved]
        values[:, is_curved] = (exp(at) - exp(-at)) / 2.0  # sinh
    return values


def _encoded(values: Float64s, curves: Float64s) -> Float64s:
    """Return the encoded value for each value of a feature."""
    steps, starts = curves
    is_curved = steps > 0
    return np.where(is_curved, (asinh(values) - starts) / np.where(is_curved, steps, 1.0), values)


def _scaled(
    rows: Floats, features: Ints, curves: Float64s, center: Float64s, deviations: Float64s
) -> Float64s:
    """Return the scaled features of rows, rounded so that sums of products are exact."""
    used = uncurved(rows[:, features].astype(np.float64, copy=False), curves)
    used -= center
    used /= deviations
    return _short(np.clip(used, -LIMIT, LIMIT, out=used), SCALED_BITS)


def _apart(scaled: Float64s, mean: Float64s) -> Float64s:
    """Return the differences of scaled rows from a mean."""
    # The differences of a row that contains an extreme value are divided by the same number.  The
    # row then obeys the same relations.
    apart = scaled - mean
    if _is_near(apart):
        return apart
    nearness = _nearness(apart)
    far = np.flatnonzero(nearness < 1.0)
    apart[far] = _short(apart[far] * nearness[far, None], SCALED_BITS)
    return apart


def _nearness(apart: Float64s) -> Float64s:
    """Return the factor for each row that limits the largest difference to `FAR`."""
    if _is_near(apart):
        return np.ones(len(apart))
    return FAR / np.maximum(np.abs(apart).max(axis=1), FAR)


def _is_near(apart: Float64s, limit: float = FAR) -> bool:
    """Return whether no absolute value is larger than a limit."""
    return max(apart.max(initial=0.0), -apart.min(initial=0.0)) <= limit


def _short(values: Float64s, bits: int) -> Float64s:
    """Return values, rounded to a number of binary digits after the point."""
    out = values * 2.0**bits
    np.rint(out, out=out)
    out *= 2.0**-bits
    out += 0.0  # no negative zeros
    return out


def _rounded(matrices: Float64s) -> Float64s:
    """Return matrices with columns rounded to `TRANSFORM_BITS` digits of the largest entry."""
    largest = np.frexp(np.abs(matrices).max(axis=1, keepdims=True))[1]
    shift = TRANSFORM_BITS - largest
    return np.asarray(np.ldexp(np.rint(np.ldexp(matrices, shift)), -shift) + 0.0)


@dataclass(frozen=True, eq=False)
class _Mixture:
    """A mixture of normal distributions of targets, given the other features of a row.

    `spreads` are the standard deviations of all features in all components together.
    """

    means: Float64s
    precisions: Float64s
    distances: Float64s
    heights: Float64s
    targets: Ints
    spreads: Float64s

    @classmethod
    def of(
        cls, shares: Float64s, means: Float64s, covariances: Float64s, targets: Ints
    ) -> "_Mixture":
        """Return the mixture of components with these shares of the rows."""
        precisions = np.stack([product(root.T, root) for root in _inverse_roots(covariances)])
        # The precision of targets, given other features, is their part of the whole precision.
        turned = _inverse_roots(precisions[:, targets[:, None], targets])
        heights = log(shares) - 0.5 * len(targets) * math.log(2.0 * math.pi)
        heights -= log(np.diagonal(turned, axis1=1, axis2=2)).sum(axis=1)
        pairs = zip(precisions, turned, strict=True)
        distances = np.stack([product(each[:, targets], root.T) for each, root in pairs])
        variances = np.diagonal(covariances, axis1=1, axis2=2) + (means - shares @ means) ** 2
        return cls(means, precisions, distances, heights, targets, np.sqrt(shares @ variances))

    def logs(self, scaled: Float64s) -> Float64s:
        """Return the logarithm of the likelihood of each row's targets in each component."""
        return _logs(scaled, self.means, self.distances, self.heights)

    def residuals(self, scaled: Float64s, which: Ints) -> Float64s:
        """Return the residuals of each row's targets in the given component."""
        roots = np.sqrt(np.diagonal(self.precisions, axis1=1, axis2=2))[:, self.targets]
        out = np.empty((len(scaled), len(self.targets)))
        for k, (mean, each) in enumerate(zip(self.means, self.precisions, strict=True)):
            here = np.flatnonzero(which == k)
            out[here] = product(_apart(scaled[here], mean), each[:, self.targets] / roots[k])
        return out

    def fit(self, scaled: Float64s, counts: Float64s) -> Float64s:
        """Return two mean log-likelihoods of rows: of all targets together, and of each target if
        the other features are known (the pseudo-likelihood of Besag, 1975).

        The least likely rows do not count.
        """
        logs = self.logs(scaled)
        which = logs.argmax(axis=1)
        roots = log(np.diagonal(self.precisions, axis1=1, axis2=2)[:, self.targets]).sum(axis=1)
        alone = (roots[which] - (self.residuals(scaled, which) ** 2).sum(axis=1)) / 2.0
        both = np.logaddexp.reduce(logs, axis=1), alone
        limits = [in_order(each, counts).quantile(LEFT_OUT) for each in both]
        are_in = [each >= limit for each, limit in zip(both, limits, strict=True)]
        pairs = zip(both, are_in, strict=True)
        return np.array([np.average(each[is_in], weights=counts[is_in]) for each, is_in in pairs])


def _inverse_roots(matrices: Float64s) -> Float64s:
    """Return the inverse root of each matrix.  See `_inverse_root`."""
    if matrices.shape[1] <= ALONE_FEATURES:
        return np.asarray(np.linalg.inv(np.linalg.cholesky(matrices)))
    return np.stack([_inverse_root(matrix) for matrix in matrices])


def _inverse_root(matrix: Float64s) -> Float64s:
    """Return the lower triangular matrix W for which ``W @ matrix @ W.T`` is the identity matrix.

    Large matrices are divided, because LAPACK's result would depend on the number of threads.
    """
    n, half = len(matrix), len(matrix) // 2
    if n <= ALONE_FEATURES:
        return _inverse_roots(matrix[None])[0]
    first = _inverse_root(matrix[:half, :half])
    across = product(first, matrix[:half, half:])
    second = _inverse_root(matrix[half:, half:] - product(across.T, across))
    out = np.zeros((n, n))
    out[:half, :half], out[half:, half:] = first, second
    out[half:, :half] = -product(product(second, across.T), first)
    return out


def _logs(scaled: Float64s, means: Float64s, matrices: Float64s, heights: Float64s) -> Float64s:
    """Return the logarithm of the likelihood of each row in each component."""
    out = np.empty((len(scaled), len(heights)))
    apart, turned = np.empty(scaled.shape), np.empty((len(scaled), matrices.shape[2]))
    are_near = _is_near(scaled, FAR - float(np.abs(means).max()))  # all differences
    for k, (mean, matrix, height) in enumerate(zip(means, matrices, heights, strict=True)):
        away = np.subtract(scaled, mean, out=apart) if are_near else _apart(scaled, mean)
        product(away, matrix, turned)
        out[:, k] = height - 0.5 * np.einsum("ij,ij->i", turned, turned)
    return out


def _fitted(
    scaled: Float64s,
    counts: Float64s,
    start: "_Mixture | Ints",
    targets: Ints,
    trim: float,
    n_steps: int = MAX_EM_STEPS,
) -> _Mixture:
    """Return a mixture fitted by expectation maximization (EM)."""
    # The algorithm starts from a mixture or from the component of each row.  In each step, at most
    # the share `trim` of the rows does not count.
    mixture, last = start, -np.inf
    if not isinstance(mixture, _Mixture):
        shares = np.eye(int(mixture.max()) + 1)[mixture]
        mixture = _maximized(scaled, shares * counts[:, None], targets)
    for step in range(n_steps):
        logs, kept = mixture.logs(scaled), counts
        shares, likely = _shares_of(logs)
        if trim > 0:
            kept = _kept(mixture.residuals(scaled, logs.argmax(axis=1)), counts, trim)
        shares *= kept[:, None]
        found = float(likely @ kept / kept.sum())
        if step == n_steps - 1 or abs(found - last) < STEADY * max(1.0, abs(found)):
            break
        last, mixture = found, _maximized(scaled, shares, targets)
    n_rows = shares.sum(axis=0)
    is_small = n_rows < trim * n_rows.sum()
    if not is_small.any():
        return mixture
    # A component with fewer rows than may be unusual could consist of unusual rows.
    labels = np.unique(logs[:, ~is_small].argmax(axis=1), return_inverse=True)[1].reshape(-1)
    return _fitted(scaled, counts, labels, targets, trim, n_steps)


def _shares_of(logs: Float64s) -> tuple[Float64s, Float64s]:
    """Return the share of each component in each row, and the logarithm of the row's likelihood."""
    highest = logs.max(axis=1)
    shares = np.exp(logs - highest[:, None])
    total = shares.sum(axis=1)
    shares /= total[:, None]
    return shares, highest + np.log(total)


def _kept(residuals: Float64s, counts: Float64s, trim: float) -> Float64s:
    """Return the counts of rows, with 0 for the rows with the largest residuals."""
    worst, are_equal = np.abs(residuals).max(axis=1), counts.min() == counts.max()
    ordered = in_order(worst, None if are_equal else counts)
    return np.where(worst <= max(ordered.quantile(1 - trim), BROKEN), counts, 0.0)


def _maximized(scaled: Float64s, shares: Float64s, targets: Ints) -> _Mixture:
    """Return the mixture whose components have these shares of the rows."""
    n_features = scaled.shape[1]
    n_rows = shares.sum(axis=0) + 1e-9
    near = shares * _nearness(scaled)[:, None]  # a weighted mean obeys the relations of its rows
    means = _crossed(near, scaled) / (near.sum(axis=0)[:, None] + 1e-9)
    scatters = np.empty((len(means), n_features, n_features))
    for k, mean in enumerate(means):
        apart = _apart(scaled, mean)
        scatters[k] = _crossed(apart * shares[:, k, None], apart)
    # Without the diagonal, a component with few rows would have an arbitrarily small width.
    pooled = np.diagonal(scatters.sum(axis=0)) / n_rows.sum() + 1e-9
    ridge = RIDGE_ROWS * n_features * min(1.0, n_features / n_rows.sum())
    added = ridge * pooled
    given = np.ones(n_features, dtype=bool)
    given[targets] = False
    added[given] += GIVEN_ROWS * np.square(scaled[:, given]).max(axis=0)
    covariances = (scatters + np.diag(added)) / (n_rows + ridge)[:, None, None]
    return _Mixture.of(n_rows / n_rows.sum(), means, covariances, targets)


def _crossed(a: Float64s, b: Float64s) -> Float64s:
    """Return ``a.T @ b``, computed in parts for which OpenBLAS does not use threads."""
    out = np.zeros((a.shape[1], b.shape[1]))
    for part in blocks(len(a), max(16, ALONE_WORK // out.size)):
        out += a[part].T @ b[part]
    return out


def _evidence(apart: Float64s, tails: Float64s) -> Float64s:
    """Return the evidence of absolute residuals, without offsets.  `apart` is overwritten."""
    highs, slopes, powers = tails
    apart /= highs
    is_far = apart > 1.0
    target = np.nonzero(is_far)[1]
    far = exp(powers[target] * log(apart[is_far]))
    apart -= 1.0
    apart *= slopes
    apart[is_far] = slopes[target] * (far - 1.0) / powers[target]
    return apart


def _tails(apart: Float64s, counts: Float64s) -> Float64s:
    """Return the tails of absolute residuals by target.  See `Relation.tails`.

    Rows that clearly break a relation do not count, because they would make the tails longer.
    """
    highs, slopes, _ = _weibull(apart, counts, ROBUST_SHARES)
    rare = -math.log(1.0 - ROBUST_SHARES[1])
    # The evidence of the Weibull distribution itself, so that normal residuals are not too mild.
    evidence = (rare * (apart / highs) ** (slopes / rare)).max(axis=1)
    is_in = evidence <= CLEARLY_BROKEN + math.log(counts.sum() * apart.shape[1])
    return _weibull(apart[is_in], counts[is_in], SHARES)


def _weibull(apart: Float64s, counts: Float64s, shares: tuple[float, float]) -> Float64s:
    """Return the tails that start at the second of two quantiles."""
    rare = [-math.log(1.0 - share) for share in shares]
    highs, shapes = np.empty(apart.shape[1]), np.empty(apart.shape[1])
    for j, values in enumerate(apart.T):
        is_in = values > 0 if values.any() else values == 0  # 0 if nearly constant
        ordered = in_order(values[is_in], counts[is_in])
        low, high = (ordered.quantile(share) for share in shares)
        highs[j] = max(high, MIN_RESIDUAL)
        ratio = min(max(high / max(low, 1e-300), MIN_RATIO), MAX_RATIO)
        shapes[j] = min(math.log(rare[1] / rare[0]) / math.log(ratio), MAX_TAIL_SHAPE)
    heavy, light = SHAPES
    powers = np.clip((shapes - heavy) / (light - heavy), MIN_POWER, 1.0)
    return np.stack([highs, rare[1] * shapes, powers])
