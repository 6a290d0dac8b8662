"""From rows with known numbers to a predictor: axes that matter, a map, and how its units answer.

Axes are turned and stretched by how steeply the targets rise along them: the mean of the outer
products of local slopes says it (Trivedi, Wang, Kpotufe and Shakhnarovich 2014, A consistent
estimator of the expected gradient outerproduct).  Each way to train is kept where rows that are
left out are predicted better then.
"""

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from somscape._types import Float64s, Ints
from somscape.encode import Encoding
from somscape.fit import Settings
from somscape.grid import Lattice
from somscape.maps import Map
from somscape.recognize._answering import MAX_NEAREST, pulls
from somscape.recognize._choose import held_out, spread_evenly
from somscape.recognize._known import MAX_UNITS, Known, merged, on_axes, trained_on, with_rows
from somscape.recognize._lines import (
    Bend,
    Lines,
    Sums,
    lines_of,
    pulls_on_map,
    sums_by_unit,
    together,
)
from somscape.recognize._predictor import Predictor
from somscape.recognize._shares import mixed
from somscape.recognize._space import Space

UNITS_FOR_NUMBERS = 0.2
MIN_UNITS = 4

POWERS_OF_NUMBERS = (2.0, 4.0, 8.0, 16.0, 32.0)
RADII = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 1e6)
RIDGES = ((3.0, None), (30.0, None), (3.0, 30.0), (30.0, 30.0), (3.0, 3.0), (3.0, 0.3))

TO_TURN = Bend(1.5, 3.0, 3.0)
"""Smoothing whose slopes say which axes matter."""

RELEVANCE = 0.9
"""Share of what slopes say in the axes; the rest counts all axes alike."""

SPREAD_RADIUS, SPREAD_ROWS = 1.0, 2.0
"""How far rows count in a unit's spread, and how many rows of the mean spread it has in advance."""

MARGIN = 0.1
"""Share of the range of a target by which predictions may lie outside of it."""

SMALLEST = 1e-9


@dataclass(frozen=True)
class Prediction:
    """How to make a predictor; `somscape.SOMRegressor` says what each means."""

    relevance: bool = True
    linear: bool = True


class Laid(NamedTuple):
    """Rows on a map, and what its units have to say of them."""

    map_: Map
    known: Known
    sums: list[Sums]

    @classmethod
    def of(cls, map_: Map, known: Known) -> "Laid":
        """Return rows on a map that trained on them."""
        placed = np.asarray(map_.metric.compared(known.rows))
        units = map_.winners_of_rows(known.rows)
        sums = [sums_by_unit(placed, y, known.weights, units, map_.n_units) for y in known.y.T]
        return cls(map_, known, sums)

    def near(self, rows: Float64s) -> tuple[Float64s, Ints, Float64s]:
        """Return rows on the axes, the units near them, and their distances."""
        units, distances = self.map_.nearest(rows, min(MAX_NEAREST, self.map_.n_units))
        return np.asarray(self.map_.metric.compared(rows)), units, distances

    def spread(self, lines: Lines, power: float) -> Float64s:
        """Return how far targets lie on average from what is said around each unit."""
        placed, units, distances = self.near(self.known.rows)
        said = together(lines.of_rows(placed, units), pulls(distances, power))
        off = np.abs(said - self.known.y)
        weights = self.known.weights[:, None] * ~np.isnan(off)
        shape = (self.map_.n_units, off.shape[1])
        sums, n = np.zeros(shape), np.zeros(shape)
        np.add.at(sums, units[:, 0], weights * np.nan_to_num(off))
        np.add.at(n, units[:, 0], weights)
        mean = sums.sum(axis=0) / np.maximum(n.sum(axis=0), SMALLEST)
        counting = pulls_on_map(self.map_.lattice, SPREAD_RADIUS)
        found = (counting @ sums + SPREAD_ROWS * mean) / (counting @ n + SPREAD_ROWS)
        return np.asarray(found + SMALLEST)


class Fold(NamedTuple):
    """Rows that were left out, as a map that did not see them finds them."""

    laid: Laid
    left_out: Known
    placed: Float64s
    units: Ints
    distances: Float64s

    def predicted(self, lines: Lines, power: float) -> Float64s:
        """Return what the units near the rows say."""
        return together(lines.of_rows(self.placed, self.units), pulls(self.distances, power))


class Chosen(NamedTuple):
    """A map of all rows, maps without some of them, and how they answer best."""

    laid: Laid
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
    tried = [_tried(part, settings, prediction, turns) for part in parts for turns in ways]
    best = min(tried, key=lambda each: each.loss)
    predictor = _predictor(best, scaled, (center, scale))
    map_ = with_rows(predictor.map_, given, encoding)
    return replace(predictor, map_=map_, is_single=is_single)


def _scale(known: Known) -> tuple[Float64s, Float64s]:
    """Return mean and standard deviation of each target, 1 where it does not vary."""
    weights = known.weights[:, None] * ~np.isnan(known.y)
    n = weights.sum(axis=0)
    center = (weights * np.nan_to_num(known.y)).sum(axis=0) / n
    apart = np.nan_to_num(known.y - center)
    scale = np.sqrt((weights * apart**2).sum(axis=0) / n)
    varies = np.nanmax(known.y, axis=0) > np.nanmin(known.y, axis=0)
    return center, np.where(varies & (scale > 0), scale, 1.0)


def _tried(known: Known, settings: Settings, prediction: Prediction, turns: bool) -> Chosen:
    """Return how rows that are left out are predicted best by one way to train."""
    n_units = max(min(UNITS_FOR_NUMBERS * float(known.weights.sum()), MAX_UNITS), MIN_UNITS)
    settings = known.sized(settings, n_units)
    laid = _laid(known, settings, turns)
    quiet, folds = replace(settings, callbacks=()), []
    groups = np.where(np.isnan(known.y).all(axis=1), -1, 0)
    for weights in held_out(groups, known.weights, settings.seed):
        fold = _laid(known.weighing(known.weights - weights), quiet, turns, laid.map_.lattice)
        left_out = known.weighing(weights)
        folds.append(Fold(fold, left_out, *fold.near(left_out.rows)))
    return Chosen(laid, folds, *_best(folds, laid.map_.lattice, prediction.linear))


def _laid(known: Known, settings: Settings, turns: bool, lattice: Lattice | None = None) -> Laid:
    """Train a map, a second time on turned axes if they are to be turned."""
    space = Space.of(known.rows, known.weights)
    placed = space.place(known.rows)
    map_, _ = trained_on(placed, known.weights, settings, lattice)
    laid = Laid.of(on_axes(map_, map_.codebook, space.axes, space.center), known)
    if not turns:
        return laid
    turn = _turn(laid)
    map_, _ = trained_on(placed @ turn, known.weights, settings, map_.lattice)
    return Laid.of(on_axes(map_, map_.codebook, space.axes @ turn, space.center), known)


def _turn(laid: Laid) -> Float64s:
    """Return what stretches axes by how steeply targets rise along them."""
    slopes = lines_of(laid.sums, pulls_on_map(laid.map_.lattice, TO_TURN.radius), TO_TURN).slopes
    n_axes = laid.sums[0].firsts.shape[1] - 2
    if slopes is None:
        return np.eye(n_axes)
    n = sum((each.firsts[:, 0] for each in laid.sums), start=np.zeros(laid.map_.n_units))
    rise = np.einsum("u,uta,utb->ab", n / n.sum(), slopes, slopes)
    size = float(np.trace(rise))
    if not size > 0:
        return np.eye(n_axes)
    sizes, main = np.linalg.eigh(
        (1 - RELEVANCE) * np.eye(n_axes) + RELEVANCE * n_axes / size * rise
    )
    return np.asarray((main * np.sqrt(np.maximum(sizes, 0))) @ main.T)


def _best(folds: list[Fold], lattice: Lattice, is_linear: bool) -> tuple[Bend, float, float]:
    """Return the smoothing and power with the least mean squared error, and that error."""
    if not folds:
        return Bend(), 8.0, 0.0
    ridges = ((None, None), *RIDGES) if is_linear else ((None, None),)
    losses: dict[tuple[Bend, float], float] = {}
    n = sum(float((f.left_out.weights[:, None] * ~np.isnan(f.left_out.y)).sum()) for f in folds)
    for radius in RADII:
        counting = pulls_on_map(lattice, radius)
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


def _predictor(chosen: Chosen, known: Known, scale: tuple[Float64s, Float64s]) -> Predictor:
    """Return what answers in the targets' own units."""
    (center, size), (laid, folds, bend, power, loss) = scale, chosen
    counting = pulls_on_map(laid.map_.lattice, bend.radius)
    lines = lines_of(laid.sums, counting, bend)
    errors = []
    for fold in folds:
        told = lines_of(fold.laid.sums, counting, bend)
        spread = mixed(fold.laid.spread(told, power), fold.units, pulls(fold.distances, power))
        errors.append(np.abs(fold.predicted(told, power) - fold.left_out.y) / spread)
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
