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
    in_words,
    mark_of,
    table_in_words,
    value_shown,
)
from somscape.errors import InputError
from somscape.kernels import Metric
from somscape.recognize._answering import pulls
from somscape.tables import Table

if TYPE_CHECKING:
    from somscape.recognize._recognizer import Recognizer

MAX_REASONS = 4
MIN_SHARE = 0.05
"""A column with less than this share of all that speaks for or against is no reason."""

MEASURED_ROWS = 1024
"""Rows whose distances from all units are in memory at once."""


@dataclass(frozen=True, slots=True)
class ClassReason:
    """A column that speaks for the class of a row, or against it.

    Attributes
    ----------
    column : str
    value : str
        The row's value, in original units.
    side : str
        For example "below 2.9": on which side of the border between the two classes the value
        lies; "" for a category and for a missing cell.
    part : float
        What the column adds to the margin; below 0 if it speaks for the runner-up.
    share : float
        The part as a share of the sizes of all parts, from -1 to 1.
    """

    column: str
    value: str
    side: str
    part: float
    share: float

    def __str__(self) -> str:
        return f"{self.column} {self.value}" + (f" ({self.side})" if self.side else "")

    def clause(self) -> str:
        """Return the reason as a part of a sentence.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.recognize import ClassReason
        >>> ClassReason("petal length", "1.4", "below 2.9", 3.6, 0.5).clause()
        'petal length is 1.4, below 2.9'
        """
        return f"{self.column} is {self.value}" + (f", {self.side}" if self.side else "")


@dataclass(frozen=True, slots=True)
class UnitReason:
    """A unit near a row, and what it says of the row's class.

    Attributes
    ----------
    unit : int
    weight : float
        How much the unit counts in the answer; all units near the row have the sum 1.
    share : float
        Share of the class around the unit.
    """

    unit: int
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class ClassReasons:
    """Why a row is of its class, rather than of the runner-up.

    Attributes
    ----------
    named, other : text, number or truth value
        The most probable class, and the second one.
    probability, of_other : float
        Of both.
    margin : float
        Squared distance to the nearest prototype of `other`, less that of `named`.  Below 0 where
        the units near the row name another class than the nearest one.
    columns : tuple of ClassReason
        Those with the largest parts, largest first; the parts of all columns, which
        `Recognizer.contributions` gives, have the sum `margin`.
    units : tuple of UnitReason
        The units that answer, nearest first: weights times shares have the sum `probability`.
    """

    named: Any
    other: Any
    probability: float
    of_other: float
    margin: float
    columns: tuple[ClassReason, ...]
    units: tuple[UnitReason, ...]

    @property
    def reasons_for(self) -> tuple[ClassReason, ...]:
        """The columns that speak for the class."""
        return tuple(reason for reason in self.columns if reason.part > 0)

    @property
    def reasons_against(self) -> tuple[ClassReason, ...]:
        """The columns that speak for the runner-up."""
        return tuple(reason for reason in self.columns if reason.part < 0)

    def __str__(self) -> str:
        for_it, against = (
            ", ".join(map(str, reasons)) for reasons in (self.reasons_for, self.reasons_against)
        )
        parts = [for_it, against and f"against it {against}"]
        why = "; ".join(part for part in parts if part)
        named = f"{self.named} {percent(self.probability)}, rather than {self.other}"
        return f"{named}: {why}" if why else named

    def sentence(self) -> str:
        """Return the reasons as sentences.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.recognize import ClassReason, ClassReasons
        >>> length = ClassReason("petal length", "1.4", "below 2.9", 3.6, 0.7)
        >>> why = ClassReasons("setosa", "virginica", 0.98, 0.01, 2.1, (length,), ())
        >>> why.sentence()
        'setosa (98 %), rather than virginica: petal length is 1.4, below 2.9.'
        """
        for_it, against = (
            "; ".join(reason.clause() for reason in reasons)
            for reasons in (self.reasons_for, self.reasons_against)
        )
        said = f"{self.named} ({percent(self.probability)}), rather than {self.other}"
        said = f"{said}: {for_it}." if for_it else f"{said}."
        said += f" Against it: {against}." if against else ""
        if self.margin < 0:
            said += f" The nearest prototype of the two is that of {self.other}."
        return said


def percent(share: float) -> str:
    """Return a probability in words; one just below 1 is none of 100 %."""
    is_nearly_all = 0.995 <= share < 1 - 1e-9
    return "> 99 %" if is_nearly_all else f"{100 * share:.0f} %"


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
    """Return which classes and prototypes speak of rows.

    A unit stands for the class that has the largest share around it.  A class that has none is
    stood for by the unit around which its share is largest.

    Parameters
    ----------
    recognizer : Recognizer
    rows : ndarray of shape (n, n_features)

    Returns
    -------
    Compared
    """
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
    """Return the parts of the columns; see `Recognizer.contributions`.

    Parameters
    ----------
    recognizer : Recognizer
    rows : ndarray of shape (n, n_features)
    found : Compared

    Returns
    -------
    parts : ndarray of shape (n, n_columns)
    border : ndarray of shape (n, n_features)
        The place to which each row is compared.
    """
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
    """Return why each row is of its class; see `Recognizer.reasons`.

    Parameters
    ----------
    recognizer : Recognizer
    table : Table
    rows : ndarray of shape (n_rows, n_features)
        The same rows, encoded.

    Returns
    -------
    list of ClassReasons
    """
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
    """Return the classes, in words where a dictionary has some.

    Parameters
    ----------
    recognizer : Recognizer

    Returns
    -------
    list
    """
    encoding = recognizer.map_.encoding
    words = encoding.roles.dictionary.get(encoding.named("label") or "", {})
    return [words.get(str(one), one) for one in recognizer.classes.tolist()]


def in_words_both(recognizer: "Recognizer", table: Table) -> "tuple[Recognizer, Table]":
    """Return both with the words of a dictionary for columns and codes."""
    map_, encoding = recognizer.map_, recognizer.map_.encoding
    if not encoding.roles.dictionary:
        return recognizer, table
    map_ = replace(map_, encoding=in_words(encoding), told=map_.joins)
    return replace(recognizer, map_=map_), table_in_words(encoding, table)
