"""Scores of rows, and contributions of columns to these scores."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import check_choice, check_is, check_that, check_whole, is_array
from somscape._weights import Counted, blocks, counted_rows, counts_of, product
from somscape.fit._start import mean_and_covariance
from somscape.kernels._select import in_threads, select_kernels
from somscape.kernels.metric import EUCLIDEAN
from somscape.maps.map import Map
from somscape.outliers.rarity import Rarity
from somscape.outliers.relation import Relation
from somscape.tables.codes import CategoryCode
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import CycleCode

ENDLESS = float(np.finfo(np.float64).max)

END_BITS = 20
"""Limits are rounded to this number of bits of their distance from the mean.  Further bits would
depend on numerical libraries."""


def reach_of(
    rows: Floats, weights: Float64s | None, encoding: Encoding, deviations: float
) -> Float64s | None:
    """Return the limits for clipping each feature's values, or None without clipping."""
    if np.isinf(deviations):
        return None
    counts = counts_of(weights)
    out = np.repeat([[-ENDLESS], [ENDLESS]], rows.shape[1], axis=1)
    for code, place in zip(encoding.features, encoding.slices, strict=True):
        if isinstance(code, CategoryCode | CycleCode):
            continue
        counted = Counted.of(rows[:, place.start].astype(np.float64), counts)
        mean, n_rows = counted.mean(), np.diff(counted.ends, prepend=0.0)
        spread = float(np.sqrt(np.average((counted.values - mean) ** 2, weights=n_rows)))
        if spread > 0:
            far = deviations * spread
            step = int(np.frexp(far)[1]) - END_BITS  # as a power of 2
            ends = np.array([mean - far, mean + far])
            out[:, place.start] = np.ldexp(np.rint(np.ldexp(ends, -step)), step)
    return out


def within_reach(rows: Floats, reach: Float64s | None) -> Floats:
    """Return rows whose values are clipped to the limits of their features."""
    if reach is None:
        return rows
    with np.errstate(over="ignore"):  # a limit that overflows becomes infinite
        low, high = reach.astype(rows.dtype)
    return np.clip(rows, low, high) if ((rows < low) | (rows > high)).any() else rows


MATRIX_BITS = 14
"""Number of binary digits after the point in the decorrelation matrix.  Each entry is at most 4."""

ROW_BITS = 26
"""Number of binary digits after the point in the scaled values of rows.  The unit is one standard
deviation.  Products of these values and the matrix are then exact in float64.  This holds up to
about 100 standard deviations.  Sums of the products are therefore always equal to the last bit.
They do not depend on the order, the linear algebra library or the number of threads."""

CACHED_VALUES = 1 << 16
"""Number of values in a block of rows that fits into the processor's cache.  In blocks, the
transform of 100,000 rows of 30 features took a third of the time."""

SHARED_WORK = 1e7
"""Minimum number of multiply-adds for which several threads are faster (about two milliseconds)."""

RIDGE = 0.1
"""Number that is added to the diagonal of the correlation matrix before its inversion."""

NOISE_RIDGE = 1.0
"""This number times the ratio of features to rows is also added to the diagonal of the matrix.
Correlations from few rows are noisy."""

MEMBER_NOISE_RIDGE = 0.3
"""Value that replaces `NOISE_RIDGE` if several maps score rows.  This reduces the noise."""

MAX_OWN = 256
"""Maximum number of features at which each of several maps gets its own matrix.  With more
features, computing several matrices would take too much time."""

MIN_DEVIATION = 1e-9
"""Minimum standard deviation of a column that is scaled and decorrelated, as a share of the largest
standard deviation.  Columns that vary less are not scaled."""

MAX_FEATURES = 1000
"""Maximum number of features for decorrelation.  With more features, transforming rows would take
as long as the search for prototypes."""


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """A transform that is applied to rows and prototypes before their comparison.

    Attributes
    ----------
    center : ndarray of shape (n_features,), float64
        Value subtracted from each feature first.  Differences between rows stay the same.
    deviations : ndarray of shape (n_features,), float64
        Divisor of each centered feature.
    matrix : ndarray of shape (n_features, n_features), float64
        Matrix by which the scaled features are multiplied.  Each feature keeps its own information.
        Most information that is also contained in other features is lost.
    counts : ndarray of shape (n_features,), float64
        Weight of each feature in distances.  The transformed feature is multiplied by it.

    See Also
    --------
    Scorer : Applies the transform.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> scorer = SOMDetector(random_state=0).fit(X).detector_.of_all_rows
    >>> scorer.decorrelation.matrix.shape
    (2, 2)
    """

    center: Float64s
    deviations: Float64s
    matrix: Float64s
    counts: Float64s

    def compared(self, rows: Floats) -> Float64s:
        """Return rows in the form for comparing rows with prototypes.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
            Rows or prototypes.

        Returns
        -------
        ndarray of shape (n, n_features)
            Transformed rows, rounded to about 2^-26 of the standard deviation of each feature.
            Cost: O(n * n_features^2).
        """
        return compared_by_each([self], rows)[0]

    def _scales_as(self, other: "Decorrelation") -> bool:
        return self.center is other.center and self.deviations is other.deviations

    @cached_property
    def _steps_of_one(self) -> Float64s:
        return 2.0**ROW_BITS / self.deviations

    @cached_property
    def _count_of_step(self) -> Float64s:
        return self.counts * 2.0**-ROW_BITS


def compared_by_each(decorrelations: Sequence[Decorrelation], rows: Floats) -> list[Float64s]:
    """Return the rows transformed by each transform."""
    out = [np.empty(rows.shape) for _ in decorrelations]
    work = len(rows) * rows.shape[1] ** 2 * len(decorrelations)
    is_long = work >= SHARED_WORK
    n_parts = select_kernels().n_threads if is_long else 1
    ends = [len(rows) * i // n_parts for i in range(n_parts + 1)]

    def fill(at: slice) -> None:
        _fill([to[at] for to in out], decorrelations, rows[at])

    in_threads(fill, [slice(*pair) for pair in pairwise(ends)], is_long=is_long)
    return out


def _fill(out: Sequence[Float64s], decorrelations: Sequence[Decorrelation], rows: Floats) -> None:
    for part in blocks(len(rows), max(1, CACHED_VALUES // rows.shape[1])):
        scaled: Decorrelation | None = None
        for one, to in zip(decorrelations, out, strict=True):
            if scaled is None or not one._scales_as(scaled):
                steps = rows[part].astype(np.float64, copy=False) - one.center
                steps *= one._steps_of_one
                np.rint(steps, out=steps)
                scaled = one
            product(steps, one.matrix, to[part])
            to[part] *= one._count_of_step


def decorrelation_of(
    rows: Floats,
    weights: Float64s | None,
    is_usual: Bools,
    share: float,
    *,
    whole: Decorrelation | None = None,
) -> Decorrelation | None:
    """Return the transform by which information in correlated columns does not count twice."""
    n_features = rows.shape[1]
    n_usual = int(is_usual.sum())
    if share == 0 or not 1 < n_features <= MAX_FEATURES or n_usual < 2 or np.isnan(rows).any():
        return None
    if whole is not None and n_features > MAX_OWN:
        return whole
    center, of_all = mean_and_covariance(rows, weights)
    deviation = np.sqrt(np.diag(of_all))
    varies = deviation > MIN_DEVIATION * deviation.max()
    if not varies.any():
        return None
    _, covariance = mean_and_covariance(rows, weights, np.flatnonzero(is_usual))
    correlation = _correlation(covariance)
    total = float(n_usual) if weights is None else math.fsum(weights[is_usual])
    noise = n_features / counted_rows(n_usual, total)
    ridge = RIDGE + (NOISE_RIDGE if whole is None else MEMBER_NOISE_RIDGE) * noise
    variances, axes = np.linalg.eigh((correlation + ridge * np.eye(n_features)) / (1 + ridge))
    matrix = (axes * np.sqrt(share / variances + (1 - share))) @ axes.T
    if whole is not None:
        return replace(whole, matrix=_round_matrix(matrix))
    counts = np.sqrt(deviation) * np.sqrt(np.sqrt(np.sqrt(deviation)))
    counts *= math.sqrt(math.fsum(deviation[varies] ** 2) / math.fsum(counts[varies] ** 2))
    deviation, counts = (np.where(varies, values, 1.0) for values in (deviation, counts))
    return Decorrelation(center, deviation, _round_matrix(matrix), counts)


def _correlation(covariance: Float64s) -> Float64s:
    """Return the correlation matrix of a covariance matrix, with 0 for constant columns."""
    deviation = np.sqrt(np.diag(covariance))
    varies = deviation > MIN_DEVIATION * deviation.max()
    scale = np.where(varies, deviation, 1.0)
    correlation = np.where(np.outer(varies, varies), covariance / np.outer(scale, scale), 0.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _round_matrix(matrix: Float64s) -> Float64s:
    """Return the matrix, rounded to so few bits that its products with rows are exact."""
    return np.asarray(np.rint(matrix * 2.0**MATRIX_BITS) * 2.0**-MATRIX_BITS + 0.0)


SCORES = ("combined", "k_prototype", "quantization_error")
"""Names of all scores.  The setting "auto" chooses the first score."""

MAX_PROTOTYPES = 64


@dataclass(frozen=True, eq=False)
class Scorer:
    """A map, and the settings by which the map scores rows.

    Attributes
    ----------
    map_ : Map
    score : str
        Name of the score, such as ``"combined"``.
    n_prototypes : int
        Number of nearest prototypes over which a score averages distances, from 1 to 64.
    usual : ndarray of shape (n_units,), bool, or None, default=None
        Units whose prototypes represent usual rows.  None means all units with training rows.
    rms_distances : ndarray of shape (n_units,) or None, default=None
        For each unit, the root mean square distance from its rows to its prototype.  Rows of
        neighboring units are pooled.  At most 20,000 rows are used.  None means unknown.
    decorrelation : Decorrelation or None, default=None
        Transform of rows and prototypes before the comparison.  None means unchanged.
    reach : ndarray of shape (2, n_features) or None, default=None
        Lowest and highest value of each feature, to which rows are clipped before their comparison.
        None means unlimited.

    Raises
    ------
    ValueError, TypeError
        If the attributes do not fit together.  The message names the attribute.

    See Also
    --------
    Calibration : Compares the scores with scores of other rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> scorer = SOMDetector(random_state=0).fit(X).detector_.of_all_rows
    >>> scorer.score, scorer.n_prototypes
    ('combined', 32)
    """

    map_: Map
    score: str
    n_prototypes: int
    usual: Bools | None = None
    rms_distances: Float64s | None = None
    decorrelation: Decorrelation | None = None
    reach: Float64s | None = None

    def __post_init__(self) -> None:
        check_is("map_", self.map_, Map, "a Map")
        check_that(
            self.map_.metric.name == "euclidean" and self.map_.encoding.missing != "mask",
            "`map_` must have metric='euclidean' and a `missing` other than 'mask', but has "
            f"metric={self.map_.metric.name!r} and missing={self.map_.encoding.missing!r}.",
        )
        check_choice("score", self.score, SCORES)
        check_whole("n_prototypes", self.n_prototypes, 1, high=MAX_PROTOTYPES)
        n_units, far, reach = self.map_.n_units, self.rms_distances, self.reach
        check_that(
            self.usual is None or is_array(self.usual, (n_units,), "b"),
            "`usual` must contain True or False for each unit.",
        )
        check_that(
            len(self.usual_units),
            "`usual` must contain at least one unit that represents usual rows.",
        )
        check_that(
            far is None or (is_array(far, (n_units,)) and (far >= 0).all()),
            "`rms_distances` must contain one finite number of at least 0 for each unit.",
        )
        words = "a Decorrelation or None"
        check_is("decorrelation", self.decorrelation, Decorrelation | None, words)
        shape = (2, self.map_.codebook.shape[1])
        check_that(
            reach is None or (is_array(reach, shape) and (reach[0] <= reach[1]).all()),
            "`reach` must contain the lowest and the highest value of each feature.",
        )

    @property
    def _n_nearest(self) -> int:
        """Number of prototypes over whose distances a score is the mean."""
        k = 1 if self.score == "quantization_error" else self.n_prototypes
        return min(k, len(self.usual_units))

    @cached_property
    def usual_units(self) -> Ints:
        """Units whose prototypes represent usual rows."""
        return np.flatnonzero(self.map_.hits > 0 if self.usual is None else self.usual)

    @cached_property
    def usual_walk(self) -> Ints:
        """Positions in `usual_units`.  In this order, map neighbors are close together."""
        places = np.full(self.map_.n_units, -1)
        places[self.usual_units] = np.arange(len(self.usual_units))
        walked = places[self.map_.lattice.walk]
        return np.ascontiguousarray(walked[walked >= 0])

    @cached_property
    def usual_codebook(self) -> Float64s:
        """Prototypes of `usual_units`."""
        return np.ascontiguousarray(self.map_.codebook[self.usual_units])

    @cached_property
    def compared_codebook(self) -> Float64s:
        """All prototypes, in the form for comparing rows with prototypes."""
        return np.asarray(self.compared(self.map_.codebook))

    @cached_property
    def usual_compared_codebook(self) -> Float64s:
        """Prototypes in `compared_codebook` for `usual_units`."""
        return np.ascontiguousarray(self.compared_codebook[self.usual_units])

    def compared(self, rows: Floats) -> Floats:
        """Return encoded rows in the form for comparison with `compared_codebook`.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows are unchanged if `reach` and `decorrelation` are None.
        """
        return compared(rows, self.decorrelation, self.reach)


def compared_by(scorers: Sequence[Scorer], rows: Floats) -> list[Floats]:
    """Return, for each scorer, the rows in the form to compare.  Common steps run once."""
    reach, matrices = scorers[0].reach, [scorer.decorrelation for scorer in scorers]
    if len(scorers) == 1 or any(scorer.reach is not reach for scorer in scorers):
        return [scorer.compared(rows) for scorer in scorers]
    rows = within_reach(rows, reach)
    different = {id(one): one for one in matrices if one is not None}
    found = dict(zip(different, compared_by_each(list(different.values()), rows), strict=True))
    return [rows if one is None else found[id(one)] for one in matrices]


def compared(
    rows: Floats, decorrelation: Decorrelation | None, reach: Float64s | None = None
) -> Floats:
    """Return rows or prototypes in the form for comparison, clipped and then decorrelated."""
    rows = within_reach(rows, reach)
    return rows if decorrelation is None else decorrelation.compared(rows)


BLOCK_VALUES = 1 << 20
"""Maximum number of differences or distances in memory at the same time (8 MiB)."""

MAX_SEARCHED = 16
"""Maximum number of nearest prototypes that the search kernel can find."""

MIN_AT_ONCE = 3
"""Minimum number of nearest prototypes for which the kernel without unit numbers is faster."""


def scores_by(
    scorers: Sequence[Scorer], rows: Floats, *added: Rarity | Relation | None
) -> Float64s:
    """Return the score of each row.  Unusual rows have higher scores."""
    found = joint(scores_of_each(scorers, rows))
    for one in added:
        if one is not None:
            found = found + one.scores(rows)
    return found


def scores_of_each(scorers: Sequence[Scorer], rows: Floats) -> Float64s:
    """Return the score of each row, separately for each map."""
    scores = np.empty((len(scorers), len(rows)))
    held = rows.shape[1] * len({id(scorer.decorrelation) for scorer in scorers})
    for part in _blocks(len(rows), held):
        each = compared_by(scorers, rows[part])
        for i, (scorer, compared) in enumerate(zip(scorers, each, strict=True)):
            scores[i, part] = _scores_of_one(scorer, compared)
    return scores


def joint(each: Float64s) -> Float64s:
    """Return, for each row, the root mean square of the scores by several maps."""
    if len(each) == 1:
        return each[0]
    total = each[0] ** 2
    for one in each[1:]:  # the same order for one row and for many rows gives the same bits
        total += one**2
    return np.asarray(np.sqrt(total / len(each)))


def _scores_of_one(scorer: Scorer, compared: Floats) -> Float64s:
    k = scorer._n_nearest
    if k < MIN_AT_ONCE:
        return np.asarray(_nearest(scorer, compared, k)[1].mean(axis=1))
    return select_kernels().mean_of_nearest(compared, scorer.usual_compared_codebook, k)


def explained_by(
    scorers: Sequence[Scorer], rows: Floats, *added: Rarity | Relation | None
) -> tuple[Float64s, Float64s]:
    """Return two values: the score of each row, and the contributions of columns to this score."""
    rows = np.ascontiguousarray(rows)
    each, found = _parts_by_maps(scorers, rows)
    scores = joint(each)
    for one in added:
        if one is not None:
            parts = one.parts(rows)
            # A relation contributes to one feature of a row, so the sum has the same bits.
            scores = scores + (parts.sum(axis=1) if isinstance(one, Relation) else one.scores(rows))
            found += scorers[0].map_.encoding.sum_by_column(parts)
    return scores, found


def _parts_by_maps(scorers: Sequence[Scorer], rows: Floats) -> tuple[Float64s, Float64s]:
    """Return the scores by each map, and the contributions of columns to the combined scores."""
    encoding = scorers[0].map_.encoding
    out = np.empty((len(rows), len(encoding.features)))
    each_scores = np.empty((len(scorers), len(rows)))
    for part in _blocks(len(rows), rows.shape[1] * scorers[0].n_prototypes):
        each = zip(scorers, compared_by(scorers, rows[part]), strict=True)
        found = [_parts_by_one(scorer, compared) for scorer, compared in each]
        scores = np.concatenate([scores for scores, _ in found])
        each_scores[:, part] = scores.reshape(len(scorers), -1)
        # One call for all maps, because for few rows the calls take more time than the sums.
        by_column = encoding.sum_by_column(np.concatenate([parts for _, parts in found]))
        by_column[by_column.sum(axis=1) == 0] = 1.0
        by_column *= (scores / by_column.sum(axis=1))[:, None]
        by_map = by_column.reshape(len(scorers), -1, by_column.shape[1])
        out[part] = by_map[0] if len(by_map) == 1 else _joint_parts(by_map)
    return each_scores, out


def _joint_parts(by_map: Float64s) -> Float64s:
    out, squares = np.zeros(by_map[0].shape), np.zeros(len(by_map[0]))
    for parts, scores in zip(by_map, by_map.sum(axis=2), strict=True):
        out += parts * scores[:, None]
        squares += scores**2
    scores = np.sqrt(squares / len(by_map))
    return out / np.where(scores > 0, len(by_map) * scores, 1.0)[:, None]


def _parts_by_one(scorer: Scorer, compared: Floats) -> tuple[Float64s, Float64s]:
    """Return the scores of rows, and numbers proportional to the contributions of features."""
    k, codebook = scorer._n_nearest, scorer.compared_codebook
    if k >= MIN_AT_ONCE:
        return select_kernels().parts_of_nearest(compared, scorer.usual_compared_codebook, k)
    units, distances = _nearest(scorer, compared, k)
    # d = (sum over columns of (x_j - w_j)^2) / d, so each prototype pulls by 1 / d.
    pull = 1.0 / np.where(distances > 0, distances, np.inf)
    by_feature = np.zeros(compared.shape)
    for i in range(k):
        by_feature += pull[:, i, None] * (compared - codebook[units[:, i]]) ** 2
    return distances.mean(axis=1), by_feature


def nearest_usual(scorer: Scorer, compared: Floats) -> tuple[Ints, Float64s]:
    """Return the units of the nearest usual prototypes of each row, and the distances to them."""
    k = min(scorer.n_prototypes, len(scorer.usual_units))
    if k <= MAX_SEARCHED:
        return _nearest(scorer, compared, k)
    units, distances = np.empty((len(compared), k), dtype=np.intp), np.empty((len(compared), k))
    for part in _blocks(len(compared), len(scorer.usual_units)):
        units[part], distances[part] = _nearest(scorer, compared[part], k)
    return units, distances


def _nearest(scorer: Scorer, compared: Floats, k: int) -> tuple[Ints, Float64s]:
    usual = scorer.usual_compared_codebook
    if k <= MAX_SEARCHED:
        found, distances = select_kernels().search(compared, usual, k, order=scorer.usual_walk)
    else:
        exact = compared.astype(np.float64, copy=False)
        far: Float64s = np.asarray(EUCLIDEAN.distances(exact, usual))
        found = np.argsort(far, axis=1, kind="stable")[:, :k]
        distances = np.take_along_axis(far, found, axis=1)
    return scorer.usual_units[found], distances


def _blocks(n_rows: int, values_per_row: int) -> Iterator[slice]:
    return blocks(n_rows, max(1, BLOCK_VALUES // values_per_row))


SURROUNDING_SHARE = 0.05
"""Share of all rows that belong to the surroundings of a prototype (a ball around it)."""

MIN_SURROUNDING_ROWS = 10.0
"""Minimum number of rows that belong to the surroundings of a prototype."""

DISTANCES_AT_ONCE = 1 << 21
"""Maximum number of distances in memory at the same time (16 MiB)."""

SHARED_VALUES = 1 << 20
"""Minimum number of values for which several threads are faster than one thread."""

MIN_LEVEL_SHARE = 0.03
"""Minimum share of the rows that have a level of a category, for trimming the level's own units.
Rows of a sparse level would otherwise score as anomalies only because they have the level."""

NEIGHBORS_COUNT = 0.5
"""Weight of the rows of neighboring units when they are pooled with the rows of a unit."""


def usual_units(map_: Map, trim: float) -> Bools:
    """Return which units represent usual rows.  The sparsest units are left out, with at most the
    share `trim` of all rows, and at most this share of each common level of a category."""
    live = np.flatnonzero(map_.hits > 0)
    if trim == 0:
        return map_.hits > 0
    live = live[np.argsort(_radii(map_.codebook[live], map_.hits[live]), kind="stable")]
    is_usual = np.zeros(map_.n_units, dtype=bool)
    for group in (live, *_units_of_levels(map_, live)):
        cumulative = np.cumsum(map_.hits[group])
        n_kept = np.searchsorted(cumulative, (1 - trim) * cumulative[-1] * (1 + 1e-12), "right")
        is_usual[group[: max(1, n_kept)]] = True
    return is_usual


def _units_of_levels(map_: Map, live: Ints) -> Iterator[Ints]:
    """Yield those of the units `live` that mostly contain one common level of a category."""
    for code, place in zip(map_.encoding.features, map_.encoding.slices, strict=True):
        if isinstance(code, CategoryCode):
            is_mostly = map_.codebook[live, place] > code.encoded_levels.max() / 2
            for group in (live[of_level] for of_level in is_mostly.T):
                if map_.hits[group].sum() >= MIN_LEVEL_SHARE * map_.hits.sum():
                    yield group


def _radii(codebook: Float64s, hits: Float64s) -> Float64s:
    """Return the radius of the surroundings of each prototype.  See `SURROUNDING_SHARE`."""
    wanted = min(max(SURROUNDING_SHARE * hits.sum(), MIN_SURROUNDING_ROWS), hits.sum())
    radii = np.empty(len(hits))
    step = max(1, DISTANCES_AT_ONCE // len(hits))
    for part in blocks(len(hits), step):
        apart = EUCLIDEAN.distances(codebook[part], codebook)
        order = np.argsort(apart, axis=1, kind="stable")
        cumulative = np.cumsum(hits[order], axis=1)
        place = (cumulative >= wanted * (1 - 1e-12)).argmax(axis=1)
        rows = np.arange(len(apart))
        radii[part] = apart[rows, order[rows, place]]
    return radii


def squares_of(
    map_: Map,
    rows: Floats,
    units: Ints,
    weights: Float64s | None,
    decorrelation: Decorrelation | None,
    reach: Float64s | None = None,
) -> Float64s:
    """Return, for each unit, the sum of squared distances from its rows to its prototype.  Rows are
    clipped and decorrelated."""
    codebook = compared(map_.codebook, decorrelation, reach)
    squares = np.empty(len(rows))

    def fill(part: slice) -> None:
        apart = compared(rows[part], decorrelation, reach) - codebook[units[part]]
        squares[part] = (apart**2).sum(axis=1)

    parts = blocks(len(rows), max(1, CACHED_VALUES // rows.shape[1]))
    in_threads(fill, parts, is_long=rows.size >= SHARED_VALUES)
    if weights is not None:
        squares *= weights
    return np.bincount(units, squares, minlength=map_.n_units).astype(np.float64)


def rms_distances_of(map_: Map, squares: Float64s) -> Float64s:
    """Return, for each unit, the root mean square distance from its rows to its prototype.  Rows of
    neighboring units are pooled."""
    total, count = pooled(map_, squares), pooled(map_, map_.hits)
    overall = squares.sum() / map_.hits.sum()
    return np.sqrt(np.where(count > 0, total / np.where(count > 0, count, 1.0), overall))


def pooled(map_: Map, values: Float64s) -> Float64s:
    """Return, for each unit, its value plus half of the sum of its neighbors' values."""
    neighbors = map_.lattice.neighbors
    around = np.where(neighbors >= 0, values[neighbors], 0.0).sum(axis=1)
    return np.asarray(values + NEIGHBORS_COUNT * around)
