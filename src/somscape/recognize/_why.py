"""Why a row is of its class: the columns and the units that speak for it, in exact parts.

Two prototypes are compared: the nearest one of the class named, w, and the nearest one of the
runner-up, v.  The metric (x - w)' M (x - w) is the same for both, so that the difference of the
squared distances is linear in the row x, and 0 at each place b of the border between the two:

    d(x, v)^2 - d(x, w)^2 = 2 (x - b)' M (w - v)

A column's part is its term of this sum.  The border is taken where it passes nearest to the mean
of the training rows, in standard deviations of the columns: halfway between the prototypes it may
be far from all rows, as a sharpened metric tells nothing of directions in which rows hardly vary.
Means and deviations are those of the units' means of rows.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Floats, Ints
from somscape.encode import (
    NO_CELL,
    DateCode,
    FeatureCode,
    NumberCode,
    OrdinalCode,
    mark_of,
    table_in_words,
    value_shown,
)
from somscape.errors import InputError
from somscape.kernels import Metric
from somscape.maps import map_in_words
from somscape.recognize._answering import pulls
from somscape.recognize._class_reasons import ClassReason, ClassReasons, UnitReason
from somscape.tables import Table

if TYPE_CHECKING:
    from somscape.recognize._recognizer import Recognizer

MAX_REASONS = 4
MIN_SHARE = 0.05
"""A column with less than this share of all that speaks for or against is no reason."""

MEASURED_ROWS = 1024
"""Rows whose distances from all units are in memory at once."""


@dataclass(frozen=True, eq=False)
class Compared:
    """Rows, the two most probable classes of each, and their nearest prototypes.

    Attributes
    ----------
    classes : ndarray of shape (n, 2)
        Numbers of the class named and of the runner-up.
    probabilities : ndarray of shape (n, 2)
    prototypes : ndarray of shape (n, 2)
        The nearest units that stand for them.
    """

    classes: Ints
    probabilities: Float64s
    prototypes: Ints


def compared(recognizer: "Recognizer", rows: Floats) -> Compared:
    """Return which classes and prototypes speak of rows."""
    shares, map_ = recognizer.shares, recognizer.map_
    rows = np.asarray(rows, dtype=np.float64)
    probabilities, _ = recognizer.probabilities_of_rows(rows)
    classes = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    stands_for = shares.argmax(axis=1) == np.arange(shares.shape[1])[:, None]
    for k in np.flatnonzero(~stands_for.any(axis=1)):
        stands_for[k, shares[:, k].argmax()] = True
    prototypes = np.empty(classes.shape, dtype=np.intp)
    for part in blocks(len(rows), MEASURED_ROWS):
        distances = np.asarray(map_.metric.distances(rows[part], map_.codebook))
        for side in (0, 1):
            is_of = stands_for[classes[part, side]]
            prototypes[part, side] = np.where(is_of, distances, np.inf).argmin(axis=1)
    return Compared(classes, np.take_along_axis(probabilities, classes, axis=1), prototypes)


def contributions_of(
    recognizer: "Recognizer", rows: Floats, found: Compared
) -> tuple[Float64s, Float64s]:
    """Return the parts of the columns; see `Recognizer.contributions`."""
    map_, centers = recognizer.map_, recognizer.centers
    mean = np.average(centers, axis=0, weights=map_.hits)
    variance = np.average((centers - mean) ** 2, axis=0, weights=map_.hits)
    own, other = (map_.codebook[units] for units in found.prototypes.T)
    slopes, border = 2 * _stretched(map_.metric, own - other), (own + other) / 2
    ways = slopes * variance
    steepness = (slopes * ways).sum(axis=1, keepdims=True)
    beyond = (slopes * (border - mean)).sum(axis=1, keepdims=True)
    is_near = steepness > 0  # or nothing that varies tells the two apart
    border = np.where(is_near, mean + beyond / np.where(is_near, steepness, 1.0) * ways, border)
    parts = map_.encoding.sum_by_column(np.asarray(slopes * (rows - border), dtype=np.float64))
    return parts, border


def _stretched(metric: Metric, steps: Float64s) -> Float64s:
    """Return steps between places, times the matrix of a metric."""
    if metric.whitening is not None:
        return np.asarray((steps @ metric.whitening) @ metric.whitening.T)
    if metric.name != "euclidean":
        raise InputError(
            "columns have parts of a squared distance only by the metrics 'euclidean' and "
            f"'mahalanobis'; the map of this classifier has {metric.name!r}."
        )
    return steps if metric.feature_weights is None else steps * metric.feature_weights


def reasons_of_classes(recognizer: "Recognizer", table: Table, rows: Floats) -> list[ClassReasons]:
    """Return why each row is of its class; see `Recognizer.reasons`."""
    classes = classes_in_words(recognizer)
    recognizer, table = in_words_both(recognizer, table)
    found = compared(recognizer, rows)
    parts, border = contributions_of(recognizer, rows, found)
    sizes = np.abs(parts)
    total = sizes.sum(axis=1, keepdims=True)
    shares = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :MAX_REASONS]
    encoding = recognizer.map_.encoding
    near = [(units, apart) for _, units, apart in recognizer.near(rows)]
    units = np.concatenate([units for units, _ in near])
    weights = np.concatenate([pulls(apart, recognizer.power) for _, apart in near])
    reasons = []
    for i, row in enumerate(np.asarray(rows, dtype=np.float64)):
        columns = []
        for j in order[i][np.abs(shares[i, order[i]]) >= MIN_SHARE]:
            code, place = encoding.features[j], encoding.slices[j]
            value = value_shown(code, table, i, row[place])
            side = ""
            if value != NO_CELL:
                side = _side(code, row[place], border[i : i + 1, place], mark_of(table, code))
            columns.append(
                ClassReason(code.name, value, side, float(parts[i, j]), float(shares[i, j]))
            )
        own, other = found.classes[i].tolist()
        of_units = zip(units[i], weights[i], recognizer.shares[units[i], own], strict=True)
        reasons.append(
            ClassReasons(
                named=classes[own],
                other=classes[other],
                probability=float(found.probabilities[i, 0]),
                of_other=float(found.probabilities[i, 1]),
                margin=float(parts[i].sum()),
                columns=tuple(columns),
                units=tuple(UnitReason(int(u), float(w), float(s)) for u, w, s in of_units),
            )
        )
    return reasons


def _side(code: FeatureCode, row: Float64s, border: Float64s, mark: str) -> str:
    """Return on which side of a border a value lies."""
    if not isinstance(code, NumberCode | OrdinalCode | DateCode):
        return ""
    is_date, is_less = isinstance(code, DateCode), row[0] < border[0, 0]
    word = ("before" if is_less else "after") if is_date else ("below" if is_less else "above")
    (at,) = code.usual_of(border, np.array([[0]]))
    return f"{word} {at if mark == '.' else at.replace('.', mark)}"


def classes_in_words(recognizer: "Recognizer") -> list[Any]:
    """Return the classes, in words where a dictionary has some."""
    encoding = recognizer.map_.encoding
    words = encoding.roles.dictionary.get(encoding.named("label") or "", {})
    return [words.get(str(one), one) for one in recognizer.classes.tolist()]


def in_words_both(recognizer: "Recognizer", table: Table) -> "tuple[Recognizer, Table]":
    """Return both with the words of a dictionary for columns and codes."""
    encoding, map_ = recognizer.map_.encoding, map_in_words(recognizer.map_)
    if map_ is recognizer.map_:
        return recognizer, table
    return replace(recognizer, map_=map_), table_in_words(encoding, table)
