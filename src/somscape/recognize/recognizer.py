"""The fitted recognizer, which returns the classes of rows, probabilities and reasons."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from somscape._types import Bools, Float64s, Floats, Ints, Objects
from somscape._validate import check_number, check_that
from somscape._weights import blocks, pair_sums
from somscape.errors import InputError, ParameterError, ParameterTypeError
from somscape.grid.lattice import Lattice
from somscape.kernels.metric import Metric
from somscape.maps.map import Map, map_in_words, table_and_rows
from somscape.maps.record import CLASSES, Record
from somscape.recognize._answering import Answering, check_numbers, pulls
from somscape.tables._messages import free_name
from somscape.tables._recoded import (
    NO_CELL,
    cell_text,
    changed_rows,
    changes_text,
    mark_of,
    rounding_steps,
    table_in_words,
    value_shown,
)
from somscape.tables.codes import NumberCode, level_texts
from somscape.tables.column import Column, spelled
from somscape.tables.encoding import FeatureCode
from somscape.tables.ordered import DateCode, OrdinalCode
from somscape.tables.table import Table


@dataclass(frozen=True, slots=True)
class ClassReason:
    """A column that supports the class of a row or the second most probable class.

    Attributes
    ----------
    column : str
    value : str
        Value of the row, in original units.
    side : str
        Side of the class border on which the row's value is, such as "below 2.9".  The side is ""
        for a category and for a missing value.
    part : float
        Amount by which the column changes the margin of the row's class.  The amount is below 0 if
        the column supports the second most probable class.
    share : float
        `part` divided by the sum of the absolute parts of all columns, from -1 to 1.

    See Also
    --------
    ClassReasons : All reasons of a row.

    Examples
    --------
    >>> from somscape.recognize import ClassReason
    >>> reason = ClassReason("alcohol", "11.2", "below 12.8", part=0.9, share=0.6)
    >>> print(reason)
    alcohol 11.2 (below 12.8)
    """

    column: str
    value: str
    side: str
    part: float
    share: float

    def __str__(self) -> str:
        return f"{self.column} {self.value}" + (f" ({self.side})" if self.side else "")

    def clause(self) -> str:
        """Return the reason as a clause of a sentence.

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
    """A unit near a row, with the unit's contribution to the class of the row.

    Attributes
    ----------
    unit : int
    weight : float
        Weight of the unit in the prediction.  The weights of all units near the row add up to 1.
    share : float
        Share of rows of the class among the training rows around the unit.

    See Also
    --------
    ClassReasons : All reasons of a row.

    Examples
    --------
    >>> from somscape.recognize import UnitReason
    >>> near = [UnitReason(14, weight=0.75, share=1.0), UnitReason(15, weight=0.25, share=0.6)]
    >>> round(sum(each.weight * each.share for each in near), 2)
    0.9
    """

    unit: int
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class ClassReasons:
    """Reasons why a row belongs to its class and not to the runner-up.

    Attributes
    ----------
    named, other : text, number or truth value
        Most probable class, and second most probable class.
    probability, of_other : float
        Probabilities of both classes.
    margin : float
        Squared distance of the row to the nearest prototype of `other`, minus its squared distance
        to the nearest prototype of `named`.  The margin is negative if `other` is nearer.
    columns : tuple of ClassReason
        Columns with the largest contributions, in descending order.  `Recognizer.contributions`
        returns the contributions of all columns, which add up to `margin`.
    units : tuple of UnitReason
        Units near the row, with the nearest first.  The sum of weight times share over these units
        is `probability`.

    See Also
    --------
    ClassReason, UnitReason : Parts of the reasons.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClassifier
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> classifier = SOMClassifier(random_state=0).fit(X, np.where(X[:, 0] > 0, "high", "low"))
    >>> reasons = classifier.reasons([[0.4, 0.0]])[0]
    >>> print(reasons)
    class high (probability 97 %, next class low). For: x0 0.4 (above -0.0425).
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
        """Columns that support the class."""
        return tuple(reason for reason in self.columns if reason.part > 0)

    @property
    def reasons_against(self) -> tuple[ClassReason, ...]:
        """Columns that support the runner-up."""
        return tuple(reason for reason in self.columns if reason.part < 0)

    def __str__(self) -> str:
        return self._text(", ", str)

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
        'class setosa (probability 98 %, next class virginica). For: petal length is 1.4...'
        """
        text = self._text("; ", ClassReason.clause)
        if self.margin < 0:
            text += f" However, the row is nearer to a prototype of class {self.other}."
        return text

    def _text(self, between: str, show: Callable[[ClassReason], str]) -> str:
        likely = f"probability {percent(self.probability)}, next class {self.other}"
        text = f"class {self.named} ({likely})."
        for word, reasons in (("For", self.reasons_for), ("Against", self.reasons_against)):
            if reasons:
                text += f" {word}: {between.join(map(show, reasons))}."
        return text


def percent(share: float) -> str:
    """Return a probability as a percentage.  Just below 1, it is "over 99 %"."""
    is_nearly_all = 0.995 <= share < 1 - 1e-9
    return "over 99 %" if is_nearly_all else f"{100 * share:.0f} %"


MAX_REASONS = 4
MIN_SHARE = 0.05
"""Minimum `share` of a column that is given as a reason."""

MEASURED_ROWS = 1024
"""Number of rows for which distances to all units are computed at a time, to limit memory."""


@dataclass(frozen=True, eq=False)
class Compared:
    """For each row, the two most probable classes and the nearest prototype of each class.

    Attributes
    ----------
    classes : ndarray of shape (n, 2)
        Number of the most probable class and number of the second most probable class.
    probabilities : ndarray of shape (n, 2)
    prototypes : ndarray of shape (n, 2)
        For each of the two classes, the nearest unit that represents the class.
    """

    classes: Ints
    probabilities: Float64s
    prototypes: Ints


def compared(recognizer: "Recognizer", rows: Floats) -> Compared:
    """For each row, return the two most probable classes and the nearest prototype of each."""
    shares, map_ = recognizer.shares, recognizer.map_
    rows = np.asarray(rows, dtype=np.float64)
    probabilities, _ = recognizer._probabilities_of_rows(rows)
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
    """Return the contributions of columns, as `Recognizer.contributions` does, and the border."""
    map_, centers = recognizer.map_, recognizer.centers
    mean = np.average(centers, axis=0, weights=map_.hits)
    variance = np.average((centers - mean) ** 2, axis=0, weights=map_.hits)
    own, other = (map_.codebook[units] for units in found.prototypes.T)
    slopes, border = 2 * _apply_metric(map_.metric, own - other), (own + other) / 2
    ways = slopes * variance
    steepness = (slopes * ways).sum(axis=1, keepdims=True)
    beyond = (slopes * (border - mean)).sum(axis=1, keepdims=True)
    is_near = steepness > 0  # otherwise, no feature that varies separates the two
    border = np.where(is_near, mean + beyond / np.where(is_near, steepness, 1.0) * ways, border)
    parts = map_.encoding.sum_by_column(np.asarray(slopes * (rows - border), dtype=np.float64))
    return parts, border


def _apply_metric(metric: Metric, steps: Float64s) -> Float64s:
    """Multiply differences between points by the matrix of a metric."""
    if metric.whitening is not None:
        return np.asarray((steps @ metric.whitening) @ metric.whitening.T)
    if metric.name != "euclidean":
        raise InputError(
            "Contributions of columns require the metric 'euclidean' or 'mahalanobis', but the map "
            f"of this classifier has the metric {metric.name!r}.",
            parameter="metric",
            value=metric.name,
            allowed=("euclidean", "mahalanobis"),
        )
    return steps if metric.feature_weights is None else steps * metric.feature_weights


def reasons_of_classes(recognizer: "Recognizer", table: Table, rows: Floats) -> list[ClassReasons]:
    """Return the reasons for the class of each row, as `Recognizer.reasons` does."""
    classes, recognizer, table = _both_in_words(recognizer, table)
    found = compared(recognizer, rows)
    parts, border = contributions_of(recognizer, rows, found)
    sizes = np.abs(parts)
    total = sizes.sum(axis=1, keepdims=True)
    shares = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :MAX_REASONS]
    encoding = recognizer.map_.encoding
    near = [(units, apart) for _, units, apart in recognizer._near(rows)]
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
    """Describe in words on which side of the class border a value is, such as "below 2.9"."""
    if not isinstance(code, NumberCode | OrdinalCode | DateCode):
        return ""
    is_date, is_less = isinstance(code, DateCode), row[0] < border[0, 0]
    word = ("before" if is_less else "after") if is_date else ("below" if is_less else "above")
    (at,) = code.usual_of(border, np.array([[0]]))
    return f"{word} {spelled(at, mark)}"


def _both_in_words(recognizer: "Recognizer", table: Table) -> "tuple[list[Any], Recognizer, Table]":
    """Replace codes by readable names in the classes, the recognizer and the table."""
    encoding, map_ = recognizer.map_.encoding, map_in_words(recognizer.map_)
    words = encoding.roles.dictionary.get(encoding.named("label") or "", {})
    classes = [words.get(str(one), one) for one in recognizer.classes.tolist()]
    if map_ is not recognizer.map_:
        recognizer, table = replace(recognizer, map_=map_), table_in_words(encoding, table)
    return classes, recognizer, table


REFUSED = -1


@dataclass(frozen=True, slots=True)
class ClassChange:
    """Change of one column.

    Attributes
    ----------
    column : str
    value : str
        Value of the row, in original units.
    to : float, str or numpy.datetime64
        New value of the column.
    mark : str, default="."
        Decimal mark of numbers, followed by their thousands separator, if any.

    See Also
    --------
    OtherClass : Contains the changes of all columns.

    Examples
    --------
    >>> from somscape.recognize import ClassChange
    >>> print(ClassChange("alcohol", "11.2", to=12.9))
    alcohol 12.9
    """

    column: str
    value: str
    to: Any
    mark: str = "."

    def __str__(self) -> str:
        return f"{self.column} {cell_text(self.to, self.mark)}"


@dataclass(frozen=True, slots=True)
class OtherClass:
    """Changes of a row after which the row would get another class.

    Attributes
    ----------
    named : text, number or truth value
        The other class.
    probability : float
        Probability of this class after all changes.
    changes : tuple of ClassChange
        Changes, with the most different column first.

    See Also
    --------
    ClassChange : Change of one column.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMClassifier
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> classifier = SOMClassifier(random_state=0).fit(X, np.where(X[:, 0] > 0, "high", "low"))
    >>> print(classifier.counterfactuals([[0.4, 0.0]])[0])
    would be low (52 %) with x0 0.05
    """

    named: Any
    probability: float
    changes: tuple[ClassChange, ...]

    def __str__(self) -> str:
        with_them = changes_text(self.changes)
        return f"would be {self.named} ({percent(self.probability)}) with {with_them}"


def other_classes_of(
    recognizer: "Recognizer", table: Table, encoded: Floats
) -> list[OtherClass | None]:
    """For each row, find changes that give another class, as `Recognizer.counterfactuals` does."""
    classes, recognizer, table = _both_in_words(recognizer, table)
    encoding, rows = recognizer.map_.encoding, np.asarray(encoded, dtype=np.float64)
    # Prototypes can be far from all rows, so rows move towards means of rows.
    steps = rounding_steps(encoding, recognizer.centers)
    targets = encoding.possible(recognizer.centers, steps)
    own, _ = name_rows(replace(recognizer, reject=None), rows)
    of_targets, _ = name_rows(recognizer, targets)
    found: list[OtherClass | None] = [None] * len(rows)
    for k in np.unique(own):
        is_other_target = (of_targets != k) & (of_targets != REFUSED)
        all_of_k, others = np.flatnonzero(own == k), targets[is_other_target]

        def is_other(some: Float64s, k: int = k) -> Bools:
            named, _ = name_rows(recognizer, some)
            return np.asarray((named != k) & (named != REFUSED))

        found_rows = changed_rows(
            encoding, table, rows, all_of_k, others, is_other, steps, is_smallest=True
        )
        for block in found_rows:
            probabilities, _ = recognizer._probabilities_of_rows(block.rows)
            named = probabilities.argmax(axis=1)
            changes = block.by_row(ClassChange(*told) for told in block.told)
            for (i, some), number, each in zip(changes, named, probabilities, strict=True):
                found[i] = OtherClass(classes[number], float(each[number]), some)
    return found


def name_rows(recognizer: "Recognizer", rows: Floats) -> tuple[Ints, Float64s]:
    """Return the class number (`REFUSED` without a class) and the probabilities of each row."""
    probabilities, p_values = recognizer._probabilities_of_rows(rows)
    named = probabilities.argmax(axis=1)
    if recognizer.reject is not None:
        named[p_values <= recognizer.reject] = REFUSED
    return named, probabilities


def counts_by_unit(units: Ints, y: Ints, weights: Float64s, shape: tuple[int, int]) -> Float64s:
    """Return, for each unit and class, the total weight of the unit's rows of the class."""
    is_known = y >= 0
    return pair_sums(units[is_known], y[is_known], shape, weights[is_known])


def smoothed(counts: Float64s, lattice: Lattice, radius: float) -> Float64s:
    """For each unit, sum the counts of all units, weighted by distance on the map."""
    apart = (lattice.distances_from(unit) for unit in range(len(counts)))
    return np.stack([np.exp(-(d**2) / (2 * radius**2)) @ counts for d in apart])


def classes_of_units(counts: Float64s, lattice: Lattice, is_needed: bool) -> Ints:
    """Return each unit's most frequent class.  An empty unit gets its class from units nearby."""
    classes = counts.argmax(axis=1)
    is_empty = counts.sum(axis=1) == 0
    radius = 1.0
    while is_empty.any() and not is_empty.all() and radius < 1e4:
        near = smoothed(counts, lattice, radius)
        now = is_empty & (near.sum(axis=1) > 0)
        classes[now], is_empty = near[now].argmax(axis=1), is_empty & ~now
        radius *= 4
    n_units = np.bincount(classes, minlength=counts.shape[1])
    for k in np.flatnonzero((n_units == 0) & (counts.sum(axis=0) > 0) & is_needed):
        may_give = (n_units[classes] > 1) & (counts[:, k] > 0)
        if may_give.any():
            unit = np.where(may_give, counts[:, k], -1).argmax()
            n_units[classes[unit]] -= 1
            classes[unit], n_units[k] = k, 1
    return classes


@dataclass(frozen=True)
class Smoothing:
    """Settings that determine predictions from the nearest units.

    Attributes
    ----------
    power : float
        Exponent of distance.  A unit twice as far away as the nearest unit has a relative weight of
        ``2 ** -power``.
    prior : float
        Number of additional rows in each unit.  90 % of these rows have the unit's class.  All
        classes share the other 10 %.
    """

    power: float = 8.0
    prior: float = 1.0

    def shares(self, counts: Float64s, classes: Ints) -> Float64s:
        """Return the share of each class in each unit.  The shares of a unit add up to 1."""
        of_all = counts.sum(axis=0) / counts.sum()
        own = np.eye(counts.shape[1])[classes]
        counts = counts + self.prior * (0.9 * own + 0.1 * of_all)
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))

    def probabilities(self, shares: Float64s, units: Ints, distances: Float64s) -> Float64s:
        """Return the probability of each class for each row."""
        return mixed(shares, units, pulls(distances, self.power))


def mixed(of_units: Float64s, units: Ints, counting: Float64s) -> Float64s:
    """Return, for each row, the weighted sum of the values of the units near the row."""
    return sum(
        (counting[:, [j]] * of_units[units[:, j]] for j in range(units.shape[1])),
        start=np.zeros((len(units), of_units.shape[1])),
    )


@dataclass(frozen=True, eq=False)
class Recognizer(Answering):
    """A map whose units predict classes.

    It is the attribute ``recognizer_`` of a fitted `SOMClassifier`, or comes from `somscape.load`.

    Attributes
    ----------
    map_ : Map
    n_nearest : int
        Number of nearest units from which a row is predicted.
    power : float
        Exponent of distance.  A unit twice as far away as the nearest unit has a relative weight of
        ``2 ** -power``.
    far : ndarray of shape (n_calibration,)
        Distances of rows that were left out of training to the maps trained without these rows, in
        ascending order.  A row of weight 2 counts as two rows.
    classes : ndarray of shape (n_classes,)
        The classes in ascending order (text, numbers or truth values).
    shares : ndarray of shape (n_units, n_classes)
        For each unit, the share of each class among the training rows around the unit.
    prior : float
        Number of imaginary rows that are added to each unit before `shares` is computed.  Most of
        these rows have the unit's class.
    centers : ndarray of shape (n_units, n_features)
        Mean of the training rows of each unit, which can be far from the unit's prototype.  A unit
        without rows has the mean of the rows of the nearest units.
    accuracy : float or None, default=None
        Share of rows left out of training with a correctly predicted class (None without such
        rows).
    most_frequent : float or None, default=None
        Share of the most frequent class among the training rows with a known class (None if
        unknown).
    reject : float or None, default=None
        Share of the rows similar to training rows that `predict` refuses because of their large
        distance to the map.  The share is at least ``1 / (1 + n_calibration)``.
    leaks : dict of str to float, default={}
        Columns from each of which alone the class of nearly all training rows can be predicted, and
        the share of training rows that the column predicts correctly.  `somscape fit --target`
        finds these columns.

    Raises
    ------
    ValueError, TypeError
        If the attributes do not fit together.  The message names the attribute.

    See Also
    --------
    somscape.SOMClassifier : Trains a Recognizer, as an estimator of scikit-learn.

    Examples
    --------
    >>> from somscape import SOMClassifier
    >>> X = [[0.0, 1.0], [1.0, 0.0]] * 20
    >>> recognizer = SOMClassifier(random_state=0).fit(X, ["a", "b"] * 20).recognizer_
    >>> recognizer.predict([[0.1, 0.9]])
    array(['a'], dtype='<U1')
    """

    PART, KIND = CLASSES, "classifier"
    EXPLAINS = "predicts '{target}' for {share:.1f} % of the rows"
    WITHOUT = (
        "This is a map without classes, so it cannot predict classes. Save a fitted SOMClassifier, "
        "or use `somscape fit --target`."
    )

    classes: NDArray[Any]
    shares: Float64s
    prior: float
    centers: Float64s
    accuracy: float | None = None
    most_frequent: float | None = None
    reject: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        is_text = isinstance(self.classes, np.ndarray) and self.classes.dtype.kind == "U"
        if not is_text:
            check_numbers("classes", self.classes, (-1,), "biuf")
        check_that(
            len(self.classes) >= 2 and np.array_equal(np.unique(self.classes), self.classes),
            "`classes` must contain at least two classes, each once and in ascending order.",
        )
        check_numbers("shares", self.shares, (self.map_.n_units, len(self.classes)))
        check_that(
            (self.shares >= 0).all() and np.allclose(self.shares.sum(axis=1), 1),
            "`shares` must have the sum 1 for each unit.",
        )
        check_number("prior", self.prior, 0)
        check_numbers("centers", self.centers, self.map_.codebook.shape)
        if self.accuracy is not None:
            check_number("accuracy", self.accuracy, 0, 1, low_is_allowed=True)
        if self.most_frequent is not None:
            check_number("most_frequent", self.most_frequent, 0, 1)
        if self.reject is not None:
            check_number("reject", self.reject, 0, 0.5)
            least = 1 / (1 + len(self.far))
            if self.reject < least:
                raise InputError(
                    f"`reject` must be at least {least:.2g}, but is {self.reject:g}. This limit "
                    f"depends on the {len(self.far)} rows that were left out of training. Set "
                    f"`reject` to {'None' if least > 0.5 else 'a larger value'}, or train on more "
                    "rows.",
                    value=self.reject,
                )

    def __repr__(self) -> str:
        return f"Recognizer({self.map_!r}, {len(self.classes)} classes)"

    @property
    def unknown(self) -> str:
        """Name of a class in files for rows that `predict` refuses."""
        return free_name("unknown", [str(name) for name in self.classes.tolist()], "_row")

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Rows in any form that `Map.rows_of` accepts.

        Returns
        -------
        ndarray of shape (n_samples,)
            Class of each row.  If `reject` is set, the class is None for rows that are too far from
            the map.
        """
        return self._classes_of(*self._probabilities_of_rows(self.map_.rows_of(X)))

    def probabilities(self, X: Any) -> Float64s:
        """Return the probability of each class for each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes`.  The probabilities of a row add up to 1.
        """
        return self._probabilities_of_rows(self.map_.rows_of(X))[0]

    def _probabilities_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """Return the probability of each class for each row, and a p-value."""
        probabilities = np.empty((len(rows), self.shares.shape[1]))
        p_values = np.empty(len(rows))
        for part, units, distances in self._near(rows):
            probabilities[part] = mixed(self.shares, units, pulls(distances, self.power))
            p_values[part] = self._p_values_of(distances)
        return probabilities, p_values

    def _classes_of(self, probabilities: Float64s, p_values: Float64s) -> NDArray[Any]:
        """Return the classes for given results of `_probabilities_of_rows`."""
        found: NDArray[Any] = self.classes[probabilities.argmax(axis=1)]
        if self.reject is None:
            return found
        answers = found.astype(object)
        answers[p_values <= self.reject] = None
        return answers

    def contributions(self, X: Any) -> Float64s:
        """Return how much each column supports the class of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Contribution of each column, in the order of ``map_.encoding.features``.  A category has
            one contribution.  The contributions of a row add up to the squared distance to the
            nearest prototype of the second most probable class, minus the squared distance to the
            nearest prototype of the predicted class.  A contribution shows how far the row is
            beyond the class border in this column.  The border is measured at its point nearest to
            the mean of the training rows.
        """
        rows = self.map_.rows_of(X)
        return contributions_of(self, rows, compared(self, rows))[0]

    def reasons(self, X: Any) -> list[ClassReasons]:
        """Return the columns and units that explain the class of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        list of ClassReasons
            Reasons for each row, including rows that `predict` refuses.  ``str(reasons)`` and
            ``reasons.sentence()`` return the reasons in words, with values in original units.
        """
        return reasons_of_classes(self, *table_and_rows(self.map_, X))

    def counterfactuals(self, X: Any) -> list[OtherClass | None]:
        """Return changes of each row after which it would get another class.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        list of OtherClass or None
            For each row, small changes of a few columns after which `predict` returns another
            class.  None if `predict` does not return another class for the mean row of any unit.
        """
        return other_classes_of(self, *table_and_rows(self.map_, X))

    def to_record(self) -> Record:
        """Return the contents of the file to save (JSON data and named arrays).

        Returns
        -------
        Record
        """
        is_text = self.classes.dtype.kind == "U"
        header = {
            "names": self.classes.tolist() if is_text else None,
            "prior": float(self.prior),
            "accuracy": self.accuracy,
            "most_frequent": self.most_frequent,
            "reject": self.reject,
        }
        arrays = {
            "values": None if is_text else self.classes,
            "shares": self.shares,
            "centers": self.centers,
        }
        return self._record(header, arrays)

    @classmethod
    def _of(cls, map_: Map, parts: dict[str, Any]) -> Self:
        names, values = parts.pop("names", None), parts.pop("values", None)
        if (names is None) == (values is None):
            raise ParameterError("classes must have either names or values", parameter="classes")
        if names is not None and not (
            isinstance(names, list) and all(isinstance(name, str) for name in names)
        ):
            raise ParameterTypeError("classes.names must be texts", parameter="classes.names")
        return cls(map_, classes=values if names is None else np.array(names), **parts)


def classes_of_cells(column: Column, classes: NDArray[Any]) -> Objects:
    """Convert the classes to text, in the form in which the column writes its values."""
    kind, keys = classes.dtype.kind, list[Any]()
    if kind in "biuf" and column.numbers is not None:
        spelled: dict[Any, str] = {float(one): str(one) for one in classes.tolist()}
        keys = column.numbers.tolist()
    else:
        spelled = {str(one): str(one) for one in classes.tolist()}
        keys = list(column.each_cell())
        if kind == "b":
            keys = [cell and cell.capitalize() for cell in keys]
    found = [
        None if gone else spelled.get(key, text)
        for key, text, gone in zip(keys, level_texts(column), column.missing, strict=True)
    ]
    return np.array(found, dtype=object)
