"""Training of recognizers and predictors, on rows with known classes or known numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product, zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_flag
from somscape._weights import blocks
from somscape.fit.settings import Settings
from somscape.grid.lattice import Lattice
from somscape.kernels._kernels import ClassedRows, MarginSteps
from somscape.kernels._select import select_kernels
from somscape.maps.map import Map
from somscape.recognize._answering import (
    MAX_NEAREST,
    MAX_UNITS,
    KnownRows,
    Space,
    centers_of,
    merged,
    on_axes,
    pulls,
    trained_on,
    with_rows,
)
from somscape.recognize.predictor import (
    Bend,
    Predictor,
    TargetSums,
    UnitLines,
    lines_of,
    pulls_on_map,
    steps_apart,
    sums_by_unit,
    together,
)
from somscape.recognize.recognizer import (
    Recognizer,
    Smoothing,
    classes_of_units,
    counts_by_unit,
    mixed,
)
from somscape.tables.encoding import Encoding

BATCH = 64
"""Number of rows in a training step."""

MIN_EPOCHS, MAX_EPOCHS = 5, 60
PRESENTED = 400_000
"""Number of rows presented in all epochs, unless `MIN_EPOCHS` or `MAX_EPOCHS` limits epochs."""

RATE_OF_PROTOTYPES, RATE_OF_AXES = 0.02, 0.01
"""Initial learning rates of prototypes (relative to their standard deviation) and of axes."""

CALL_WORK = 1e8
"""Number of multiply-adds in one call of compiled code (about 10 ms, since Ctrl-C must wait)."""


def sharpened(
    rows: Floats, y: Ints, weights: Floats, prototypes: Floats, classes: Ints, *, seed: int
) -> tuple[Float64s, Float64s]:
    """Train prototypes and axes by the margin rule, and return both."""
    n_axes, by_class = rows.shape[1], np.argsort(classes, kind="stable")
    first_units = np.searchsorted(classes[by_class], np.arange(max(y.max(), classes.max()) + 2))
    n_own = np.diff(first_units)[y]
    is_used = (n_own > 0) & (n_own < len(classes))
    used, own = rows[is_used].astype(np.float32), weights[is_used].astype(np.float64)
    known = ClassedRows(used, y[is_used], own, first_units)
    moving, turning = np.zeros((3, *prototypes.shape), np.float32), np.zeros((3, n_axes, n_axes))
    moving[0], turning[0] = prototypes[by_class], np.eye(n_axes)
    turning = turning.astype(np.float32)
    if is_used.any():
        _take_steps(known, moving, turning, np.random.default_rng(seed))
    length = np.sqrt((turning[0].astype(np.float64) ** 2).sum() / n_axes)
    moved = np.empty(prototypes.shape)
    moved[by_class] = moving[0]
    return moved / length, turning[0] / length


def _take_steps(
    known: ClassedRows, moving: Floats, turning: Floats, rng: np.random.Generator
) -> None:
    """Train on all rows in several epochs, with learning rates that decrease."""
    n = len(known.rows)
    n_epochs = int(np.clip(PRESENTED // n, MIN_EPOCHS, MAX_EPOCHS))
    steps_each = -(-n // BATCH)
    spread = np.sqrt(moving[0].var(axis=0, dtype=np.float64).mean())
    first = np.array([RATE_OF_PROTOTYPES * spread, RATE_OF_AXES])
    left = 1 - np.arange(n_epochs * steps_each) / (n_epochs * steps_each)
    at_once = max(1, int(CALL_WORK / (BATCH * (moving[0].size + 2 * turning[0].size))))
    kernels = select_kernels()
    for epoch in range(n_epochs):
        order = rng.permutation(n)
        for part in blocks(steps_each, at_once):
            done = epoch * steps_each + part.start
            lengths = left[done : done + part.stop - part.start, None] * first
            some = order[part.start * BATCH : part.stop * BATCH]
            kernels.margin_steps(known, MarginSteps(some, BATCH, lengths, done), moving, turning)


N_FOLDS = 5
ALL_FOLDS = 1_000
"""Maximum number of rows for which every fold is left out once.  For more rows, only one is."""

MAX_HELD_OUT = 3_000

MAX_TOLD = 10_000
"""Maximum number of distances (and of errors) of left-out rows that a model stores."""

ROUNDING = 1e-9
"""Relative rounding error that is allowed in sums of row weights."""

POWERS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 48.0)
PRIORS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

SURE = 1e-9
"""Minimum probability in the loss, so that no single row determines the loss."""


class Held(NamedTuple):
    """Rows left out of training, with their nearest units on the map trained without these rows."""

    counts: Float64s
    classes: Ints
    units: Ints
    distances: Float64s
    y: Ints
    weights: Float64s

    def probabilities(self, smoothing: Smoothing) -> Float64s:
        """Return the probability of each class for each left-out row."""
        shares = smoothing.shares(self.counts, self.classes)
        return smoothing.probabilities(shares, self.units, self.distances)


def held_out(y: Ints, weights: Float64s, seed: int) -> Iterator[Float64s]:
    """For each fold, yield the row weights to leave out.  Folds contain equal shares of classes."""
    order = np.random.default_rng(seed).permutation(len(y))
    n_parts = np.ceil(weights * (1 - ROUNDING)).astype(np.int64)
    start = np.full(len(y), -1)
    place = 0
    for k in range(y.max() + 1):
        mine = order[y[order] == k]
        ends = place + np.cumsum(n_parts[mine])
        if len(mine) and ends[-1] - place > 1:
            start[mine] = ends - n_parts[mine]
            place = ends[-1]
    for number in range(N_FOLDS if len(y) <= ALL_FOLDS else 1):
        n_left_out = (n_parts + N_FOLDS - 1 - (number - start) % N_FOLDS) // N_FOLDS
        n_left_out[start < 0] = 0
        found = order[n_left_out[order] > 0][:MAX_HELD_OUT]
        if len(found):
            left_out = np.zeros(len(y))
            left_out[found] = (n_left_out * (weights / n_parts))[found]
            yield left_out


def spread_evenly(parts: Sequence[Float64s], weights_of_parts: Sequence[Float64s]) -> Float64s:
    """Return the values in ascending order, each repeated in proportion to the value's weight."""
    values = np.concatenate([np.empty(0), *parts])
    weights = np.concatenate([np.empty(0), *weights_of_parts])
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    if not len(order):
        return np.empty(0)
    ends = np.cumsum(weights[order])
    n = min(max(round(float(ends[-1])), 1), MAX_TOLD)
    places = (np.arange(n) + 0.5) * (ends[-1] / n)
    return np.asarray(values[order][np.searchsorted(ends, places, side="right")])


def best_smoothing(held: Sequence[Held], *, is_smooth: bool) -> tuple[Smoothing, float]:
    """Return the `Smoothing` with the smallest mean of ``-log(probability)``, and this mean."""
    powers = POWERS if is_smooth else (8.0,)
    losses = dict.fromkeys((Smoothing(*each) for each in product(powers, PRIORS)), 0.0)
    for part in held:
        for smoothing in losses:
            p = part.probabilities(smoothing)
            of_own = np.maximum(p[np.arange(len(p)), part.y], SURE)
            losses[smoothing] -= float(part.weights @ np.log(of_own))
    if not held:
        return Smoothing(), 0.0
    best = min(losses, key=losses.__getitem__)
    return best, losses[best] / sum(float(part.weights.sum()) for part in held)


def accuracy_of(held: Sequence[Held], smoothing: Smoothing) -> float | None:
    """Return the share of left-out rows whose predicted class is correct, or None if none exist."""
    right = total = 0.0
    for part in held:
        named = part.probabilities(smoothing).argmax(axis=1)
        right += float(part.weights @ (named == part.y))
        total += float(part.weights.sum())
    return right / total if held else None


UNITS_PER_ROW = 0.09
"""Automatic number of units per row.  After rounding of the map's sides, it is at most 0.1."""

STARTS_FOR_CLASSES = 2e7
"""Maximum number of multiply-adds per epoch of all starts."""

UNITS_PER_CLASS = 2
"""Automatic minimum of units for each class, even if this is more than a tenth of the rows."""


@dataclass(frozen=True)
class Recognition:
    """Settings for training a recognizer, as described by `somscape.SOMClassifier`."""

    sharpen: bool = True
    smooth: bool = True

    def __post_init__(self) -> None:
        check_flag("sharpen", self.sharpen)
        check_flag("smooth", self.smooth)


def train_recognizer(
    known: tuple[Float64s, Ints, Float64s | None],
    classes: NDArray[Any],
    encoding: Encoding,
    settings: Settings,
    recognition: Recognition,
) -> Recognizer:
    """Train a recognizer on prepared rows."""
    rows, y, weights = known
    given = merged(rows, y, weights)
    with_classes = np.flatnonzero(given.y >= 0)
    tried = [_try_recognition(given, settings, recognition)]
    if len(with_classes) < len(given.y):
        tried.append(_try_recognition(given.part(with_classes), settings, recognition))
    best = min(tried, key=lambda each: each[1])[0]
    return replace(best, map_=with_rows(best.map_, given, encoding), classes=classes)


def _try_recognition(
    given: KnownRows, settings: Settings, recognition: Recognition
) -> tuple[Recognizer, float]:
    """Train a recognizer of class numbers, and return it and its mean loss on left-out rows."""
    total, n_classes = float(given.weights.sum()), int(given.y.max()) + 1
    n_units = max(min(UNITS_PER_ROW * total, MAX_UNITS), UNITS_PER_CLASS * n_classes)
    settings = given.sized(settings, n_units, STARTS_FOR_CLASSES)
    map_, classes = _train_for_classes(given, settings, recognition)
    lattice, quiet = map_.lattice, replace(settings, callbacks=())
    n_nearest = min(MAX_NEAREST, lattice.n_units) if recognition.smooth else 1
    held, shape = [], (lattice.n_units, n_classes)
    for left_out in held_out(given.y, given.weights, settings.seed):
        others = given.weighing(given.weights - left_out)
        fold, of_units = _train_for_classes(others, quiet, recognition, lattice)
        rows, y, weights = given.weighing(left_out)
        units, distances = fold.nearest(rows, n_nearest)
        won = fold._winners_of_rows(others.rows)
        counts = counts_by_unit(won, others.y, others.weights, shape)
        held.append(Held(counts, of_units, units, distances, y, weights))
    smoothing, loss = best_smoothing(held, is_smooth=recognition.smooth)
    units = map_._winners_of_rows(given.rows)
    counts = counts_by_unit(units, given.y, given.weights, shape)
    shares, totals = smoothing.shares(counts, classes), counts.sum(axis=0)
    far = spread_evenly([part.distances[:, 0] for part in held], [part.weights for part in held])
    recognizer = Recognizer(
        map_,
        n_nearest,
        smoothing.power,
        far,
        classes=np.arange(n_classes),
        shares=shares,
        prior=smoothing.prior,
        centers=centers_of(units, given, lattice),
        accuracy=accuracy_of(held, smoothing),
        most_frequent=float(totals.max() / totals.sum()),
    )
    return recognizer, loss


def _train_for_classes(
    known: KnownRows, settings: Settings, recognition: Recognition, lattice: Lattice | None = None
) -> tuple[Map, Ints]:
    """Train a map, then apply the margin rule."""
    n_classes = int(known.y.max()) + 1
    space = Space.of(known.rows, known.weights)
    placed = space.place(known.rows)
    trained, units = trained_on(placed, known.weights, settings, lattice)
    lattice, prototypes = trained.lattice, trained.codebook
    counts = counts_by_unit(units, known.y, known.weights, (lattice.n_units, n_classes))
    classes = classes_of_units(counts, lattice, recognition.sharpen)
    axes = space.axes
    if recognition.sharpen:
        is_known = known.y >= 0
        some = known._replace(rows=placed).part(np.flatnonzero(is_known))
        moved, turn = sharpened(*some, prototypes, classes, seed=settings.seed)
        prototypes, axes = moved.astype(np.float64), axes @ turn
    return on_axes(trained, prototypes, axes, space.center), classes


UNITS_FOR_NUMBERS = 0.2
STARTS_FOR_NUMBERS = 1e6
"""Maximum number of multiply-adds per epoch of all starts, because folds train many maps."""

MIN_UNITS = 4

POWERS_OF_NUMBERS = (2.0, 4.0, 8.0, 16.0, 32.0)
RADII = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 1e6)
RIDGES = ((3.0, None), (30.0, None), (3.0, 30.0), (30.0, 30.0), (3.0, 3.0), (3.0, 0.3))

TO_TURN = Bend(1.5, 3.0, 3.0)
"""Settings for the slopes from which the relevance of axes is computed."""

RELEVANCE = 0.9
"""Share of an axis's relevance that depends on slopes.  The rest is the same for all axes."""

SPREAD_RADIUS, SPREAD_ROWS = 1.0, 2.0
"""Smoothing of each unit's mean error: radius of the Gaussian, and weight of the overall mean."""

MARGIN = 0.1
"""Maximum distance of a prediction from the range of a target, as a share of the range."""

SMALLEST = 1e-9


@dataclass(frozen=True)
class Prediction:
    """Settings for training a predictor, as described by `somscape.SOMRegressor`."""

    relevance: bool = True
    linear: bool = True

    def __post_init__(self) -> None:
        check_flag("relevance", self.relevance)
        check_flag("linear", self.linear)


class PlacedRows(NamedTuple):
    """A map, its training rows, and sums over the rows of each unit that determine predictions."""

    map_: Map
    known: KnownRows
    sums: list[TargetSums]

    @classmethod
    def of(cls, map_: Map, known: KnownRows) -> "PlacedRows":
        """Compute the sums from a map and its training rows."""
        placed = np.asarray(map_.metric.compared(known.rows))
        units = map_._winners_of_rows(known.rows)
        sums = [sums_by_unit(placed, y, known.weights, units, map_.n_units) for y in known.y.T]
        return cls(map_, known, sums)

    def near(self, rows: Float64s) -> tuple[Float64s, Ints, Float64s]:
        """Return coordinates of rows on the axes, their nearest units, and the distances."""
        units, distances = self.map_.nearest(rows, min(MAX_NEAREST, self.map_.n_units))
        return np.asarray(self.map_.metric.compared(rows)), units, distances

    def spread(self, lines: UnitLines, power: float) -> Float64s:
        """For each unit, return the mean absolute error of predictions for rows around it."""
        placed, units, distances = self.near(self.known.rows)
        said = together(lines.of_rows(placed, units), pulls(distances, power))
        off = np.abs(said - self.known.y)
        weights = self.known.weights[:, None] * ~np.isnan(off)
        shape = (self.map_.n_units, off.shape[1])
        sums, n = np.zeros(shape), np.zeros(shape)
        np.add.at(sums, units[:, 0], weights * np.nan_to_num(off))
        np.add.at(n, units[:, 0], weights)
        mean = sums.sum(axis=0) / np.maximum(n.sum(axis=0), SMALLEST)
        counting = pulls_on_map(steps_apart(self.map_.lattice), SPREAD_RADIUS)
        found = (counting @ sums + SPREAD_ROWS * mean) / (counting @ n + SPREAD_ROWS)
        return np.asarray(found + SMALLEST)


class Fold(NamedTuple):
    """Rows left out of training, with their nearest units on the map trained without these rows."""

    laid: PlacedRows
    left_out: KnownRows
    placed: Float64s
    units: Ints
    distances: Float64s


class ChosenPrediction(NamedTuple):
    """A map trained on all rows, one map trained without each fold, and the best settings."""

    laid: PlacedRows
    folds: list[Fold]
    bend: Bend
    power: float
    loss: float


def train_predictor(
    known: tuple[Float64s, Float64s, Float64s | None],
    encoding: Encoding,
    settings: Settings,
    prediction: Prediction,
    *,
    is_single: bool = True,
) -> Predictor:
    """Train a predictor on prepared rows."""
    rows, y, weights = known
    given = merged(rows, y, weights)
    center, scale = _scale(given)
    scaled = given._replace(y=(given.y - center) / scale)
    is_known = ~np.isnan(given.y).all(axis=1)
    parts = [scaled] if is_known.all() else [scaled, scaled.part(np.flatnonzero(is_known))]
    ways = (False, True) if prediction.relevance else (False,)
    tried = [each for part in parts for each in _try_prediction(part, settings, prediction, ways)]
    best = min(tried, key=lambda each: each.loss)
    predictor = _predictor(best, scaled, (center, scale))
    map_ = with_rows(predictor.map_, given, encoding)
    return replace(predictor, map_=map_, is_single=is_single)


def _scale(known: KnownRows) -> tuple[Float64s, Float64s]:
    """Return two values for each target: the mean and the standard deviation (1 for a constant)."""
    weights = known.weights[:, None] * ~np.isnan(known.y)
    n = weights.sum(axis=0)
    center = (weights * np.nan_to_num(known.y)).sum(axis=0) / n
    apart = np.nan_to_num(known.y - center)
    scale = np.sqrt((weights * apart**2).sum(axis=0) / n)
    varies = np.nanmax(known.y, axis=0) > np.nanmin(known.y, axis=0)
    return center, np.where(varies & (scale > 0), scale, 1.0)


def _try_prediction(
    known: KnownRows, settings: Settings, prediction: Prediction, ways: Sequence[bool]
) -> list[ChosenPrediction]:
    """Train maps, without and with rescaled axes, and choose the settings that predict best."""
    n_units = max(min(UNITS_FOR_NUMBERS * float(known.weights.sum()), MAX_UNITS), MIN_UNITS)
    settings = known.sized(settings, n_units, STARTS_FOR_NUMBERS)
    laid = _train_for_numbers(known, settings, ways)
    lattice, quiet = laid[0].map_.lattice, replace(settings, callbacks=())
    folds: list[list[Fold]] = [[] for _ in ways]
    groups = np.where(np.isnan(known.y).all(axis=1), -1, 0)
    for weights in held_out(groups, known.weights, settings.seed):
        others, left_out = known.weighing(known.weights - weights), known.weighing(weights)
        for found, fold in zip(
            folds, _train_for_numbers(others, quiet, ways, lattice), strict=True
        ):
            found.append(Fold(fold, left_out, *fold.near(left_out.rows)))
    return [
        ChosenPrediction(each, found, *_best_settings(found, lattice, prediction.linear))
        for each, found in zip(laid, folds, strict=True)
    ]


def _train_for_numbers(
    known: KnownRows, settings: Settings, ways: Sequence[bool], lattice: Lattice | None = None
) -> list[PlacedRows]:
    """Train a map.  If `ways` contains True, also train a map on axes rescaled by relevance."""
    space = Space.of(known.rows, known.weights)
    placed = space.place(known.rows)
    map_, _ = trained_on(placed, known.weights, settings, lattice)
    laid = PlacedRows.of(on_axes(map_, map_.codebook, space.axes, space.center), known)
    if True not in ways:
        return [laid]
    turn = _turn(laid)
    map_, _ = trained_on(placed @ turn, known.weights, settings, map_.lattice)
    turned = on_axes(map_, map_.codebook, space.axes @ turn, space.center)
    return [laid, PlacedRows.of(turned, known)]


def _turn(laid: PlacedRows) -> Float64s:
    """Return a matrix that stretches rows along directions in which targets change steeply."""
    counting = pulls_on_map(steps_apart(laid.map_.lattice), TO_TURN.radius)
    slopes = lines_of(laid.sums, counting, TO_TURN).slopes
    n_axes = laid.sums[0].firsts.shape[1] - 2
    if slopes is None:
        return np.eye(n_axes)
    n = sum((each.firsts[:, 0] for each in laid.sums), start=np.zeros(laid.map_.n_units))
    rise = np.einsum("u,uta,utb->ab", n / n.sum(), slopes, slopes)
    size = float(np.trace(rise))
    if not size > 0:
        return np.eye(n_axes)
    relevance = (1 - RELEVANCE) * np.eye(n_axes) + RELEVANCE * n_axes / size * rise
    sizes, main = np.linalg.eigh(relevance)
    return np.asarray((main * np.sqrt(np.maximum(sizes, 0))) @ main.T)


def _best_settings(
    folds: list[Fold], lattice: Lattice, is_linear: bool
) -> tuple[Bend, float, float]:
    """Return the `Bend` and the power with the smallest mean squared error, and this error."""
    if not folds:
        return Bend(), 8.0, 0.0
    ridges = ((None, None), *RIDGES) if is_linear else ((None, None),)
    losses: dict[tuple[Bend, float], float] = {}
    n = sum(float((f.left_out.weights[:, None] * ~np.isnan(f.left_out.y)).sum()) for f in folds)
    apart = steps_apart(lattice)
    for radius in RADII:
        counting = pulls_on_map(apart, radius)
        for fold in folds:
            near = [(power, pulls(fold.distances, power)) for power in POWERS_OF_NUMBERS]
            for ridge, local in ridges:
                bend = Bend(radius, ridge, local)
                said = lines_of(fold.laid.sums, counting, bend).of_rows(fold.placed, fold.units)
                for power, pulling in near:
                    off = np.nan_to_num(together(said, pulling) - fold.left_out.y)
                    loss = float(fold.left_out.weights @ (off**2).sum(axis=1)) / n
                    losses[bend, power] = losses.get((bend, power), 0.0) + loss
    best = min(losses, key=losses.__getitem__)
    return *best, losses[best]


def _predictor(
    chosen: ChosenPrediction, known: KnownRows, scale: tuple[Float64s, Float64s]
) -> Predictor:
    """Convert a trained map to a predictor whose predictions are in the targets' original units."""
    (center, size), (laid, folds, bend, power, loss) = scale, chosen
    counting = pulls_on_map(steps_apart(laid.map_.lattice), bend.radius)
    lines = lines_of(laid.sums, counting, bend)
    errors = []
    for fold in folds:
        told = lines_of(fold.laid.sums, counting, bend)
        near = pulls(fold.distances, power)
        spread = mixed(fold.laid.spread(told, power), fold.units, near)
        said = together(told.of_rows(fold.placed, fold.units), near)
        errors.append(np.abs(said - fold.left_out.y) / spread)
    weights = [fold.left_out.weights for fold in folds]
    told_errors = [spread_evenly([e[:, j] for e in errors], weights) for j in range(len(size))]
    ends = np.stack([np.nanmin(known.y, axis=0), np.nanmax(known.y, axis=0)])
    ends += MARGIN * np.diff(ends, axis=0) * [[-1], [1]]
    return Predictor(
        laid.map_,
        min(MAX_NEAREST, laid.map_.n_units),
        power,
        spread_evenly([fold.distances[:, 0] for fold in folds], weights),
        values=lines.values * size + center,
        spread=laid.spread(lines, power) * size,
        errors=np.array(list(zip_longest(*told_errors, fillvalue=np.nan))).reshape(-1, len(size)),
        limits=ends * size + center,
        slopes=None if lines.slopes is None else lines.slopes * size[:, None],
        r2=1 - loss if folds else None,
        is_single=False,
    )
