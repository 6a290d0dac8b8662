"""From rows with known classes to a recognizer: a map, sharpened, and how its units answer.

Rows of unknown class train the map if rows that are left out are named better then: they help where
they show groups, and hurt where classes are no groups.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape.encode import Encoding
from somscape.fit import Settings
from somscape.grid import Lattice
from somscape.maps import Map
from somscape.recognize._answering import MAX_NEAREST
from somscape.recognize._choose import Held, accuracy_of, best_smoothing, held_out, spread_evenly
from somscape.recognize._known import (
    MAX_UNITS,
    Known,
    centers_of,
    merged,
    on_axes,
    trained_on,
    with_rows,
)
from somscape.recognize._margin import sharpened
from somscape.recognize._recognizer import Recognizer
from somscape.recognize._shares import classes_of_units, counts_by_unit
from somscape.recognize._space import Space

UNITS_PER_ROW = 0.09
"""Units of an automatic map, by rows; a tenth at most, since sides are whole."""

UNITS_PER_CLASS = 2
"""At least, in an automatic map, also where that is more than a tenth of the rows."""


@dataclass(frozen=True)
class Recognition:
    """How to make a recognizer; `somscape.SOMClassifier` says what each means."""

    layer_weight: float = 0.0
    sharpen: bool = True
    smooth: bool = True


class Learned(NamedTuple):
    """A map, and the class of each unit."""

    map_: Map
    classes: Ints


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
    tried = [_tried(given, settings, recognition)]
    if len(with_classes) < len(given.y):
        tried.append(_tried(given.part(with_classes), settings, recognition))
    best = min(tried, key=lambda each: each[1])[0]
    return replace(best, map_=with_rows(best.map_, given, encoding), classes=classes)


def _tried(given: Known, settings: Settings, recognition: Recognition) -> tuple[Recognizer, float]:
    """Return a recognizer of classes by number, and its mean loss on rows that were left out."""
    total, n_classes = float(given.weights.sum()), int(given.y.max()) + 1
    n_units = max(min(UNITS_PER_ROW * total, MAX_UNITS), UNITS_PER_CLASS * n_classes)
    settings = given.sized(settings, n_units)
    learned = _learned(given, settings, recognition)
    lattice, quiet = learned.map_.lattice, replace(settings, callbacks=())
    n_nearest = min(MAX_NEAREST, lattice.n_units) if recognition.smooth else 1
    held, shape = [], (lattice.n_units, n_classes)
    for left_out in held_out(given.y, given.weights, settings.seed):
        others = given.weighing(given.weights - left_out)
        fold = _learned(others, quiet, recognition, lattice)
        rows, y, weights = given.weighing(left_out)
        units, distances = fold.map_.nearest(rows, n_nearest)
        won = fold.map_.winners_of_rows(others.rows)
        counts = counts_by_unit(won, others.y, others.weights, shape)
        held.append(Held(counts, fold.classes, units, distances, y, weights))
    smoothing, loss = best_smoothing(held, is_smooth=recognition.smooth)
    units = learned.map_.winners_of_rows(given.rows)
    counts = counts_by_unit(units, given.y, given.weights, shape)
    shares, totals = smoothing.shares(counts, learned.classes), counts.sum(axis=0)
    far = spread_evenly([part.distances[:, 0] for part in held], [part.weights for part in held])
    recognizer = Recognizer(
        learned.map_,
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


def _learned(
    known: Known, settings: Settings, recognition: Recognition, lattice: Lattice | None = None
) -> Learned:
    """Train a map, with classes as a layer if they have a weight, and sharpen it."""
    n_classes = int(known.y.max()) + 1
    space = Space.of(known.rows, known.weights)
    placed = space.place(known.rows)
    layered = np.hstack([placed, _layer(placed, known, recognition.layer_weight)])
    trained, units = trained_on(layered, known.weights, settings, lattice)
    lattice, prototypes = trained.lattice, trained.codebook[:, : placed.shape[1]]
    counts = counts_by_unit(units, known.y, known.weights, (lattice.n_units, n_classes))
    classes = classes_of_units(counts, lattice, recognition.sharpen)
    axes = space.axes
    if recognition.sharpen:
        is_known = known.y >= 0
        moved, turn = sharpened(
            placed[is_known],
            known.y[is_known],
            known.weights[is_known],
            prototypes,
            classes,
            seed=settings.seed,
        )
        prototypes, axes = moved.astype(np.float64), axes @ turn
    return Learned(on_axes(trained, prototypes, axes, space.center), classes)


def _layer(placed: Float64s, known: Known, weight: float) -> Float64s:
    """Return one column for each class, of `weight` times the variance of all other columns."""
    is_known = known.y >= 0
    layer = np.zeros((len(placed), int(known.y.max()) + 1))
    layer[np.flatnonzero(is_known), known.y[is_known]] = 1.0
    shares = known.weights[is_known] @ layer[is_known] / known.weights[is_known].sum()
    layer[~is_known] = shares
    of_layer = float(shares @ (1 - shares))
    of_rows = float(known.weights @ (placed**2).sum(axis=1) / known.weights.sum())
    return layer * np.sqrt(weight * of_rows / of_layer) if of_layer > 0 else layer * 0.0
