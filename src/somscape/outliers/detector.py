"""The fitted detector, which computes scores, alerts and reasons."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import Annotated, Any, overload

import msgspec
import numpy as np

from somscape._types import Bools, Float64s, Floats, Ints
from somscape._validate import check_is, check_number, check_that, check_whole, is_array
from somscape._weights import blocks, counts_of, wilson
from somscape.errors import InputError, ParameterError
from somscape.kernels._select import stable_order
from somscape.maps.map import Map, map_in_words, map_of_arrays, refusal_of, table_and_rows
from somscape.maps.record import (
    MAX_MEMBERS,
    MEMBERS,
    Record,
    arrays_of_members,
    arrays_within,
    built_from,
    write_record,
)
from somscape.outliers._listing import (
    Ruling,
    directions_of,
    lone_ends,
    on_other_side,
    without_other_side,
)
from somscape.outliers.calibration import Calibration, adjusted, count_within, usual_share
from somscape.outliers.counterfactual import Counterfactual, counterfactuals_of, fitting_values
from somscape.outliers.drift import MIN_MONTH, Drift, Scored
from somscape.outliers.findings import Finding, findings_of, numbers_of
from somscape.outliers.marks import ANOMALY, UNKNOWN, Marks, known_labels
from somscape.outliers.rarity import TAIL_SHARE, Occurrence, Rarity, ValueCounts, counted_exactly
from somscape.outliers.relation import Relation
from somscape.outliers.score import (
    Decorrelation,
    Scorer,
    explained_by,
    nearest_usual,
    scores_by,
)
from somscape.tables._checked import converted, one_of
from somscape.tables._messages import counted, free_name, in_columns
from somscape.tables._numbers import read_numbers
from somscape.tables._recoded import NO_CELL, mark_of, table_in_words, values_shown
from somscape.tables.codes import CategoryCode
from somscape.tables.column import Column, spelled
from somscape.tables.encoding import Encoding, sources_of
from somscape.tables.ordered import CycleCode
from somscape.tables.rules import RuleEffect
from somscape.tables.sources import Source
from somscape.tables.table import Table, frame_of, html_of, table_from_columns

# The record of a detector, and the scores of rows.


@dataclass(frozen=True, eq=False)
class Detector:
    """A fitted detector of unusual rows.

    It is the attribute ``detector_`` of a fitted `SOMDetector`, or the result of `somscape.load`.

    Attributes
    ----------
    of_all_rows : Scorer
        The map of all rows, and the settings by which it scores rows.
    threshold : float
        Score above which rows are flagged.
    calibration : Calibration
        Scores of calibration rows, from which the p-value of a row's score is computed.
    members : tuple of Scorer, default=()
        Maps with the same lattice and columns, whose scores are combined.  They replace the map of
        all rows.  If the tuple is empty, only the map of all rows scores rows.
    mean_contributions : ndarray of shape (n_columns,) or None, default=None
        Average contribution of each original column to the score of a training row.
    rarity : Rarity or None, default=None
        Contributions of single values, which are added to the scores by the maps.  None means 0.
    counts : ValueCounts or None, default=None
        Number of training rows with each value.  Reasons contain these numbers.  None
        if unknown.
    marks : Marks or None, default=None
        Changes of scores learned from confirmed and cleared rows.  None if no rows were marked.
    relation : Relation or None, default=None
        Contributions of broken relations between columns, which are added to the scores by the
        maps.  None means 0.
    is_threshold_auto : bool, default=False
        Whether the threshold is that of ``contamination="auto"``, so that the training rows above
        it are those that stand out.

    Raises
    ------
    ValueError, TypeError
        If the attributes do not fit together.  The message names the attribute.

    See Also
    --------
    SOMDetector : Trains a Detector, as an estimator of scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> detector = SOMDetector(random_state=0).fit(X).detector_
    >>> detector.flags([[0.0, 0.0, 0.0], [9.0, -9.0, 9.0]])
    array([False,  True])
    """

    of_all_rows: Scorer
    threshold: float
    calibration: Calibration
    members: tuple[Scorer, ...] = ()
    mean_contributions: Float64s | None = None
    rarity: Rarity | None = None
    counts: ValueCounts | None = None
    marks: Marks | None = None
    relation: Relation | None = None
    is_threshold_auto: bool = False

    def __post_init__(self) -> None:
        parts = {"of_all_rows": Scorer, "calibration": Calibration, "members": tuple}
        for name, kind in parts.items():
            check_is(name, getattr(self, name), kind, f"a {kind.__name__}")
        check_number("threshold", self.threshold, 0, low_is_allowed=True)
        n_units, n_columns = self.map_.n_units, len(self.map_.encoding.features)
        means, regions = self.mean_contributions, self.calibration.regions
        check_that(
            means is None or (is_array(means, (n_columns,)) and (means >= 0).all()),
            "`mean_contributions` must contain one finite number of at least 0 for each column.",
        )
        check_is("is_threshold_auto", self.is_threshold_auto, bool, "True or False")
        check_is("rarity", self.rarity, Rarity | None, "a Rarity or None")
        check_is("marks", self.marks, Marks | None, "Marks or None")
        check_is("relation", self.relation, Relation | None, "a Relation or None")
        for part in (self.rarity, self.relation, self.marks):
            if part is not None:
                part.check(self.map_.codebook.shape[1])
        if self.counts is not None:
            self.counts.check(n_columns)
        check_that(
            regions is None or len(regions) == n_units,
            "`calibration` must have a region for each unit.",
        )
        check_that(
            all(self._fits(one) for one in self.members),
            "`members` must be Scorers with the same score, `n_prototypes`, lattice and features "
            "as `of_all_rows`.",
        )

    def _fits(self, member: Any) -> bool:
        """Return whether a member map has the detector's settings, as files require."""
        main = self.of_all_rows
        return (
            isinstance(member, Scorer)
            and (member.score, member.n_prototypes) == (main.score, main.n_prototypes)
            and member.map_.codebook.shape == self.map_.codebook.shape
            and (
                member.map_.lattice is self.map_.lattice or member.map_.lattice == self.map_.lattice
            )
        )

    def __repr__(self) -> str:
        n_maps = len(self.members)
        by = f", {n_maps} maps" if n_maps else ""
        return f"Detector({self.map_!r}, {self.score}{by})"

    def _repr_html_(self) -> str:
        """Return the map and the threshold of the detector as HTML."""
        n = len(self.calibration.scores)
        words = f"flags scores above {self.threshold:.4g}. Its p-values are based on {n} rows."
        return f"{self.map_._repr_html_()}<p><code>{self!r}</code> {words}</p>"

    @property
    def map_(self) -> Map:
        """The map of all rows."""
        return self.of_all_rows.map_

    @property
    def score(self) -> str:
        """Name of the score, such as ``"combined"``."""
        return self.of_all_rows.score

    @cached_property
    def scorers(self) -> tuple[Scorer, ...]:
        """The maps that score rows.  These are the members, or else the map of all rows."""
        return self.members or (self.of_all_rows,)

    @cached_property
    def directions(self) -> dict[int, bool]:
        """For the index of each column with a direction, whether only high numbers count."""
        return directions_of(self.map_.encoding)

    @cached_property
    def in_words(self) -> "Detector":
        """The detector, with columns and codes named as in the dictionary."""
        if not self.map_.encoding.roles.dictionary:
            return self
        whole = self.of_all_rows
        found = replace(self, of_all_rows=replace(whole, map_=map_in_words(whole.map_)))
        vars(found)["directions"] = self.directions  # in words, columns have other names
        return found

    @property
    def effect_of_marks(self) -> str:
        """Sentences about how marks changed the scores, or "" if there are no marks."""
        return "" if self.marks is None else self.marks.in_words(self.map_.encoding)

    def scores(self, X: Any) -> Float64s:
        """Return the score of each row, which is higher for more unusual rows.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Rows in any form that `Map.rows_of` accepts.

        Returns
        -------
        ndarray of shape (n_samples,)
            Scores in encoded feature units, or in units of the detector if it decorrelates columns.
            Amounts from `rarity` have the same unit.  With several maps, each score is the root
            mean square over the maps.  The cost is O(n_samples * n_units * n_features) for each
            map.
        """
        return self._scores_of_rows(self.map_.rows_of(X))

    def p_values(self, X: Any) -> Float64s:
        """Return the p-value of each row, which is small for unusual rows.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            P-values in (0, 1].  See `SOMDetector.p_values`.
        """
        return self._scores_and_p_values_of_rows(self.map_.rows_of(X))[1]

    def flags(self, X: Any) -> Bools:
        """Return which rows score above the threshold.

        If the map has rules of the user, rows that a rule always lists are also flagged, and rows
        that a rule hides are not flagged.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), bool
        """
        if not self.map_.encoding.roles.rules:
            return self.scores(X) > self.threshold
        table, rows = table_and_rows(self.map_, X)
        is_above = self._scores_of_rows(rows) > self.threshold
        return Ruling(self.map_.encoding, table).flagged(is_above)

    def contributions(self, X: Any) -> Float64s:
        """Return the contribution of each original column to the score of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Columns in the order of ``map_.encoding.features``, with the levels of a category
            merged.  The contributions to a row add up to its score (``-score_samples``).  If the
            row is equal to a prototype, all columns contribute equally.
        """
        return self._contributions_of_rows(self.map_.rows_of(X))

    def reasons(self, X: Any) -> "list[Reasons]":
        """Return the reasons why each row is unusual, with the most telling reason first.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        list of Reasons
            At most three reasons per row, with values in original units.  Rare values and broken
            relations come first, and then the largest contributions.  Each contributes at least 5 %
            of the score.  The reasons are empty if no column contributes clearly more than in
            usual rows.  The most common level of a category near the row is not a reason.
        """
        return reasons_of(self, *table_and_rows(self.map_, X))

    def alerts(
        self,
        X: Any,
        n_alerts: int | None = None,
        *,
        p_value: float | None = None,
        fdr: float | None = None,
        amount: str | None = None,
        cost: float | None = None,
        above_threshold: bool = False,
    ) -> "Alerts":
        """Rank rows from the most unusual row on, and add reasons to the alerts.

        Pass at most one rule.  If no rule is given, the alerts are the rows that stand out, but at
        least 10 rows, and at most 50 findings and 500 rows.  The printed list shows how many rows
        stand out, and how many of them are expected by chance.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
            Array columns must be in the order of training.  Reasons are in original units.
        n_alerts : int or None, default=None
            Number of alerts.  The rows with the highest scores become alerts.
        p_value : float or None, default=None
            Highest p-value of an alert.  All rows with at most this p-value become alerts.
        fdr : float or None, default=None
            Approximate limit for the false discovery rate (expected share of usual rows among the
            alerts).  The alerts are the longest list of rows within this limit.  See
            `somscape.outliers.AlertRule`.
        amount : str or None, default=None
            Name of the column that contains the amount at risk in each row.  Required with `cost`.
        cost : float or None, default=None
            Cost of the review of one row, in the unit of `amount`.  Rows with an expected amount
            (see `AlertRule`) above the cost become alerts, in descending order of this amount.
        above_threshold : bool, default=False
            Whether all rows with a score above the threshold become alerts.

        Returns
        -------
        Alerts
            The ranking of the rows.  Rows with equal scores are in the order of the table.
        """
        return self._alerts_by(AlertRule(n_alerts, p_value, fdr, amount, cost, above_threshold), X)

    def _alerts_by(self, rule: "AlertRule", X: Any) -> "Alerts":
        """Rank rows as `alerts` does, with a given rule for alerts."""
        return ranked(self, *table_and_rows(self.map_, X), rule)

    def counterfactuals(self, X: Any) -> list[Counterfactual | None]:
        """Return, for each row, a few changed values that would make the row usual.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)

        Returns
        -------
        list of Counterfactual or None
            One counterfactual for each row.  The counterfactual of a usual row does not contain
            changes.  None if every usual prototype scores above the threshold.  Without any one of
            the changes, the row would be unusual.  A smaller set of other changes may exist.  The
            search for one row takes as long as scoring about 100 rows.  Printed example: "would be
            usual with A3 between 0.5 and 4".
        """
        table, rows = table_and_rows(self.map_, X)
        return counterfactuals_of(*both_in_words(self, table), rows)

    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> "SimilarRows":
        """Return, for each row (for example each alert), the nearest usual rows.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        among : Table, data frame or array-like of shape (n_others, n_features)
            Rows to search, such as the training rows (a detector does not keep them).
        n_similar : int, default=5
            Number of similar rows for each row, at least 1.  Fewer rows are returned if `among`
            contains fewer usual rows.

        Returns
        -------
        SimilarRows
            The nearest of those rows whose score is at most the threshold.  The search is exact.

        Raises
        ------
        InputError
            If `among` does not contain a usual row.
        """
        return nearest_usual_rows(self, X, among, n_similar)

    def label_share(self, X: Any, *, among: Any, y: Any, level: float = 0.95) -> "LabelShare":
        """Return the share of known anomalies near each row, with Wilson's interval.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        among : Table, data frame or array-like of shape (n_others, n_features)
            Rows with labels.  If a row's own label should not count, leave the row out of `among`.
        y : array-like of shape (n_others,)
            1 for an anomaly, 0 for a usual row, -1 (or NaN) for an unknown label.  At least one
            label must be 0 or 1.
        level : float, default=0.95
            Confidence level of the Wilson interval, above 0 and below 1.

        Returns
        -------
        LabelShare
            Counts, shares and intervals from labeled rows in the unit and its neighbors.

        Raises
        ------
        InputError
            If no label is known.

        References
        ----------
        Wilson (1927), Probable inference, Journal of the American Statistical Association 22,
        209-212.
        """
        return label_share_around(self.map_, X, among, y, level)

    def drift(self, X: Any, training: Any, *later: Any) -> Drift:
        """Compare rows with the training rows, and find the columns that changed.

        Means of columns, shares of levels and of missing cells, and the share of rows above the
        threshold are compared.  All columns together differ with a probability of about 4 % if
        nothing has changed.  If later tables are given, changes that are usual between these tables
        do not count as drift, and smaller changes are found.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
            At least 50 rows, in any order.
        training : Table, data frame or array-like of shape (n_others, n_features)
            The rows on which the detector was trained (a detector does not keep them).
        *later : Table, data frame or array-like
            Further tables of usual rows, such as those of earlier months.

        Returns
        -------
        Drift
            The changed columns.  ``print`` shows them in a sentence.
        """
        months = []
        for i, each in enumerate((training, *later)):
            months.append(self._scored(*table_and_rows(self.map_, each)).month(is_training=i == 0))
        return self._scored(*table_and_rows(self.map_, X)).drift(
            [month for month in months if month.n >= MIN_MONTH]
        )

    def _scored(
        self,
        table: Table,
        rows: Floats,
        scores: Float64s | None = None,
        keys: Sequence[str] | None = None,
    ) -> Scored:
        """Return the rows of a table for the comparison with other tables."""
        if keys is None:
            keys = ids_of(self.map_, table)[1] if self.map_.encoding.named("id") else ()
        values = np.asarray(rows, dtype=np.float64)
        scores = self._scores_of_rows(values) if scores is None else scores
        share = self.calibration.share_above(self.threshold)
        return Scored(self.map_.encoding, table, values, scores, self.threshold, share, keys)

    def _scores_of_rows(self, rows: Floats) -> Float64s:
        """Return the scores of encoded rows."""
        scores = scores_by(self.scorers, rows, self.rarity, self.relation)
        if self.directions:
            is_other = on_other_side(self.of_all_rows, self.directions, rows)
            by = self.scorers, self.rarity, self.relation
            scores = without_other_side(scores, rows, is_other, *by)
        if self.marks is None:
            return scores
        return self.marks.with_held(rows, scores * self.marks.factors(rows))

    def _contributions_of_rows(self, rows: Floats) -> Float64s:
        """Return each column's contribution to the score of each encoded row."""
        found = self._contributions_by_columns(rows)
        return found if self.marks is None else self.marks.parts_with_held(rows, found)

    def _contributions_by_columns(self, rows: Floats) -> Float64s:
        """Return the contributions of columns before marks fix some scores."""
        _, found = explained_by(self.scorers, rows, self.rarity, self.relation)
        if self.directions:
            found[on_other_side(self.of_all_rows, self.directions, rows)] = 0.0
        if self.marks is not None:
            found *= self.marks.factors(rows)[:, None]
        return found

    def _scores_and_p_values_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """Return `scores` and `p_values` of encoded rows."""
        is_regional = self.calibration.regions is not None
        units = self.map_._winners_of_rows(rows) if is_regional else None
        scores = self._scores_of_rows(rows)
        return scores, self.calibration.p_values(scores, units)

    def save(self, path: str | Path) -> None:
        """Save the detector to one file, completely or not at all.

        Equal detectors give files with equal bytes.  Read the file with `somscape.load`.

        Parameters
        ----------
        path : str or Path
            File name, usually with the extension ``.som``.
        """
        write_record(path, self.to_record())

    def to_record(self) -> Record:
        """Return the contents of a detector file, as JSON data and named arrays.

        Returns
        -------
        Record
        """
        return record_of_detector(self)

    @classmethod
    def from_record(cls, record: Record) -> "Detector":
        """Create the detector from a record.

        Parameters
        ----------
        record : Record
            Record from `to_record` or `somscape.save.read_record`.

        Returns
        -------
        Detector

        Raises
        ------
        InputError
            If parts of the record do not fit together, or if the detector is missing.
        """
        if record.header.get("detector") is None:
            raise InputError(
                "This is a map without a detector, so it cannot score rows. Save a fitted "
                "SOMDetector, or use `somscape detect`."
            )
        map_ = Map.from_record(record)
        return built_from(record, lambda record: cls(**parts_of_detector(record, map_)), "detector")


def explained_rows(detector: Detector, rows: Floats) -> tuple[Float64s, Float64s]:
    """Return two values: the scores of rows, and the contributions of columns to the scores."""
    if detector.marks is None and not detector.directions:
        return explained_by(detector.scorers, rows, detector.rarity, detector.relation)
    return detector._scores_of_rows(rows), detector._contributions_of_rows(rows)


def as_detector(detector: Any) -> Detector:
    """Return the detector of a fitted estimator.  A detector is returned unchanged."""
    found = detector_in(detector)
    if found is None:
        example = "`detector_` of a fitted SOMDetector"
        raise refusal_of("detector", detector, "a Detector", example, "alerts")
    return found


def detector_in(thing: Any) -> Detector | None:
    """Return the object if it is a detector, otherwise its attribute `detector_` or None."""
    found = getattr(thing, "detector_", thing)
    return found if isinstance(found, Detector) else None


def both_in_words(detector: Detector, table: Table) -> tuple[Detector, Table]:
    """Return the detector and the table, both with columns and codes named as in the dictionary."""
    encoding = detector.map_.encoding
    if not encoding.roles.dictionary:
        return detector, table
    return detector.in_words, table_in_words(encoding, table)


# Reasons, which are the columns that make a row unusual.

NONE_STANDS_OUT = "no single column stands out; the combination is unusual"
"""Text for a row without reasons."""

MAX_REASONS, MAX_LOOKED_AT = 3, 4
"""Maximum number of reasons of a row, and number of columns from which they are chosen."""

MIN_SHARE = 0.05
"""Minimum share of a row's score that a column must contribute to be a reason."""

BLOCK_VALUES = 1 << 20
"""Maximum number of values of prototypes in memory at the same time."""

CLEARLY_MORE = 2.0
"""A column stands out in a row if its share of the score is much higher than usual.  This number is
the minimum ratio of the odds of the share to the usual odds."""

FAR_MORE = 4.0
"""A column also stands out if its contribution to the score is this many times the usual one."""

RARE = 0.01
"""A column also stands out in a row if at most this share of rows, or one row, has the same value.
For extreme numbers, rows with an equally or more extreme value are counted."""

COMMON = 0.2
"""A value is common if at least this share of all rows has the value.  A value is rare if at most
the share `TAIL_SHARE` of all rows has the value."""

TIMES = 2.0
"""A common value is not a reason if a rare value of the row contributes this many times as much."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A column that contributes much to a row's score, and its usual values.

    Attributes
    ----------
    column : str
    value : str
        Value of the row, in original units.
    usual : str
        Values of the prototypes near the row, and `fitting`.  Usual values are a range, or a level
        with its share.
    share : float
        Contribution of the column to the row's score, as a share from 0 to 1.
    at : float or None
        Value of the row in the column, on the encoded scale.  The value is None for a category or a
        missing value.
    usual_at : (float, float) or None
        Lowest and highest usual value on the encoded scale.  None for a category.
    is_usual_alone : bool
        Whether the value is usual.  If so, only its combination with other columns is unusual.
    occurs : Occurrence or None
        Number of training rows with the value.  For a number, rows with an equally or more extreme
        value are counted.  The value is None for a number that is not extreme.
    fitting : str or None
        Value that would fit the other columns of the row.  None if the reason is not a broken
        relation between columns.
    is_rule : bool
        Whether the reason is a rule, whose name and text replace column and value.

    See Also
    --------
    Reasons : All reasons of a row.

    Examples
    --------
    >>> from somscape.outliers import Reason
    >>> print(Reason("income", "90000", "1200 to 5400", share=0.7))
    income 90000: usual 1200 to 5400
    """

    column: str
    value: str
    usual: str
    share: float
    at: float | None = None
    usual_at: tuple[float, float] | None = None
    is_usual_alone: bool = False
    occurs: Occurrence | None = None
    fitting: str | None = None
    is_rule: bool = False

    def __str__(self) -> str:
        if self.is_rule:
            return f"{self.column}: {self.value}"
        if self.fitting is not None and self.occurs is None:
            return f"{self.column} {self.value}, but {self._fit}"
        if self.fitting is not None:
            return f"{self.column} {self.value}: {self.occurs}; {self._fit}"
        occurs = "" if self.occurs is None else f"{self.occurs}; "
        return f"{self.column} {self.value}: {occurs}{self._usually}"

    def sentence(self) -> str:
        """Return the reason as a sentence.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.outliers import Occurrence, Reason
        >>> Reason("A4", "3", "2 (51 %)", 0.4, occurs=Occurrence(2, 690)).sentence()
        'A4 is 3, which 2 of 690 rows have; usual is 2 (51 %).'
        """
        if self.is_rule:
            return f"{self.column[0].upper()}{self.column[1:]}: {self.value}."
        occurs = "" if self.occurs is None else f", {self.occurs.clause()}"
        if self.fitting is not None:
            joint = ", but" if self.occurs is None else ";"
            return f"{self.column} is {self.value}{occurs}{joint} {self._fit}."
        usual = f"this is {self._usually}" if self.is_usual_alone else f"usual is {self.usual}"
        return f"{self.column} is {self.value}{occurs}; {usual}."

    @property
    def is_rare(self) -> bool:
        """Whether at most 1 % of rows, or one row, have this or a more extreme value."""
        occurs = self.occurs
        return occurs is not None and occurs.n_rows <= max(1.0, RARE * occurs.total)

    @property
    def is_telling(self) -> bool:
        """Whether the value is rare, or does not fit the other columns of the row."""
        return self.is_rare or self.fitting is not None

    @property
    def _fit(self) -> str:
        return f"{self.fitting} would fit the other columns"

    @property
    def _usually(self) -> str:
        alone = f"usual alone ({self.usual}), but not with the other columns"
        return alone if self.is_usual_alone else f"usual {self.usual}"


class Reasons(tuple[Reason, ...]):
    """The reasons of one row.  Rare values and broken relations come first.

    The tuple is empty if no single column stands out.

    See Also
    --------
    Reason : One of the reasons.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> for reason in SOMDetector(random_state=0).fit(X).reasons(X[7:8])[0]:
    ...     print(reason)
    x1 -9: lowest of 100 rows; usual -1.32 to 1.1
    x0 9: highest of 100 rows; usual -0.7 to 1.48
    """

    __slots__ = ()

    def __str__(self) -> str:
        return " | ".join(map(str, self)) or NONE_STANDS_OUT

    def sentence(self) -> str:
        """Return the reasons as sentences.

        Returns
        -------
        str

        Examples
        --------
        >>> from somscape.outliers import Reasons
        >>> Reasons().sentence()
        'No single column stands out; the combination is unusual.'
        """
        whole = f"{NONE_STANDS_OUT[0].upper()}{NONE_STANDS_OUT[1:]}."
        return " ".join(reason.sentence() for reason in self) or whole


def reasons_of(
    detector: Detector,
    table: Table,
    rows: Floats,
    by_column: Float64s | None = None,
    training: Floats | None = None,
    among: Floats | None = None,
) -> list[Reasons]:
    """Return the reasons of all rows of a table, as `Detector.reasons` does.

    If all training rows are given as `training`, they are counted exactly.  If all ranked rows are
    given as `among`, numbers that are higher or lower than in all other rows come first.
    """
    by_column = detector._contributions_of_rows(rows) if by_column is None else by_column
    whole = detector.of_all_rows
    near, _ = nearest_usual(whole, whole.compared(rows))
    scores = by_column.sum(axis=1)
    share = np.divide(by_column.T, scores, out=np.zeros(by_column.T.shape), where=scores > 0).T
    _leave_out_as_usual(share, detector.map_, near, rows)
    stands_out = _stand_out(detector.mean_contributions, by_column, share)
    means, is_lone = detector.mean_contributions, np.zeros(share.shape, dtype=bool)
    if among is not None and means is not None:
        is_lone = lone_ends(whole.map_.encoding, rows, among) & (by_column >= CLEARLY_MORE * means)
    order = np.argsort(-(share + is_lone), axis=1, kind="stable")[:, :MAX_LOOKED_AT]
    shares = np.take_along_axis(share, order, axis=1)
    found = np.empty(order.shape, dtype=object)
    is_reason = (shares >= MIN_SHARE) | np.take_along_axis(is_lone, order, axis=1)
    implied = _implied(detector, rows, by_column)
    said, encoding = sorted(set(order[is_reason].tolist())), detector.map_.encoding
    if encoding.roles.dictionary:
        names = dict.fromkeys(name for j in said for name in sources_of(encoding.features[j]))
        # Only for these columns, because words for all columns would take much longer.
        detector, table = both_in_words(detector, table.select(names))
    for j in said:
        which = np.nonzero((order == j) & is_reason)
        some = which[0]
        given = table, some, near[some], rows[some], shares[which]
        found[which] = _reasons_by(detector, j, *given, implied=implied[some], training=training)
    reasons = [_most_telling(_without_common(row)) for row in found.tolist()]
    return [
        Reasons(row if is_clear or any(reason.is_rare for reason in row) else ())
        for row, is_clear in zip(reasons, stands_out, strict=True)
    ]


def _without_common(reasons: Sequence[Reason | None]) -> list[Reason]:
    """Return the reasons without common values that contribute much less than a rare value."""
    kept, most = list[Reason](), 0.0  # the largest share of a rare value
    for reason in reasons:
        if reason is None:
            continue
        occurs = reason.occurs
        if reason.share * TIMES > most or occurs is None or occurs.n_rows < COMMON * occurs.total:
            kept.append(reason)
        if occurs is not None and occurs.n_rows <= TAIL_SHARE * occurs.total:
            most = max(most, reason.share)
    return kept


def _most_telling(reasons: Sequence[Reason]) -> list[Reason]:
    """Return the first reasons to show.  Rare values and broken relations come first."""
    return sorted(reasons, key=lambda reason: not reason.is_telling)[:MAX_REASONS]


def _leave_out_as_usual(share: Float64s, map_: Map, near: Ints, rows: Floats) -> None:
    """Set the share of a category to 0 if the row has the most common level of its neighborhood."""
    features, slices = map_.encoding.features, map_.encoding.slices
    may_be_reasons = np.flatnonzero((share >= MIN_SHARE).any(axis=0)).tolist()
    categories = [(j, slices[j]) for j in may_be_reasons if isinstance(features[j], CategoryCode)]
    for part in blocks(len(rows), max(1, BLOCK_VALUES // (near.shape[1] * rows.shape[1]))):
        means = map_.codebook[near[part]].mean(axis=1)
        for j, place in categories:
            prevailing = means[:, place].argmax(axis=1)
            share[part, j][prevailing == rows[part, place].argmax(axis=1)] = 0.0


def _stand_out(means: Float64s | None, by_column: Float64s, share: Float64s) -> Bools:
    """Return which rows contain a column that contributes clearly more to the score than usual."""
    if means is None or not means.sum() > 0 or len(means) == 1:
        return np.ones(len(share), dtype=bool)
    usual = means / means.sum()
    # With odds, a share can also be clearly above a usual share of more than one half.
    is_clear = share * (1 - usual) >= CLEARLY_MORE * usual * (1 - share)
    is_far = by_column >= FAR_MORE * means
    return np.asarray(((share >= MIN_SHARE) & (is_clear | is_far)).any(axis=1))


def _reasons_by(
    detector: Detector,
    j: int,
    table: Table,
    numbers: Ints,
    near: Ints,
    rows: Floats,
    shares: Float64s,
    *,
    implied: Float64s,
    training: Floats | None,
) -> list[Reason]:
    """Return the reasons in column `j` for the rows with these numbers."""
    code, place = detector.map_.encoding.features[j], detector.map_.encoding.slices[j]
    prototypes, cells = detector.map_.codebook[:, place], rows[:, place]
    is_decorrelated = detector.of_all_rows.decorrelation is not None
    values = values_shown(code, table, numbers, cells)
    fitting: Iterable[str | None] = repeat(None)
    occur: Iterable[Occurrence | None] = repeat(None)
    if detector.counts is not None:
        occur = detector.counts.occurrences(j, code, cells)
        if training is not None:
            occur = counted_exactly(occur, cells[:, 0], training[:, place.start])
        if not isinstance(code, CategoryCode):  # in a category, a missing value is a level
            occur = _unless_missing(values, occur)
    at: Iterable[float | None] = repeat(None)
    usual_at: Iterable[tuple[float, float] | None] = repeat(None)
    are_usual: Iterable[bool] = repeat(False)
    if isinstance(code, CategoryCode | CycleCode):
        usual = code.usual_of(prototypes, near)
    if isinstance(code, CycleCode) and is_decorrelated:
        both = zip(cells, near, strict=True)
        are_usual = [code.is_usual(cell, prototypes[units]) for cell, units in both]
    elif not isinstance(code, CategoryCode | CycleCode):
        mark = mark_of(table, code)
        own, ends, fits = cells[:, 0], prototypes[near, 0].T, implied[:, 1]
        if detector.counts is not None:  # the row itself moves the prototypes near it
            ends = np.clip(ends, *detector.counts.ends(j, own))
        low, high = ends.min(axis=0), ends.max(axis=0)
        # "Highest of all" and "a higher value would fit" contradict each other.
        is_further = ((own > high) & (fits > own)) | ((own < low) & (fits < own))
        implied = np.where(is_further[:, None], np.nan, implied)
        fitting, fits = fitting_values(detector.relation, code, place, implied, mark)
        # A value that would fit is usual.
        low, high = np.fmin(low, fits), np.fmax(high, fits)
        pairs = np.arange(2 * len(low)).reshape(-1, 2)
        usual = code.usual_of(np.column_stack([low, high]).reshape(-1, 1), pairs)
        usual = [spelled(words, mark) for words in usual]
        at = _unless_missing(values, own.tolist())
        usual_at = zip(low.tolist(), high.tolist(), strict=True)
        if is_decorrelated:
            places = zip(low.tolist(), at, high.tolist(), strict=True)
            are_usual = [one is not None and least <= one <= most for least, one, most in places]
    shared = repeat(code.name), values, usual, shares.tolist()
    return list(map(Reason, *shared, at, usual_at, are_usual, occur, fitting))


def _implied(detector: Detector, rows: Floats, by_column: Float64s) -> Float64s:
    """Return two values for each row: a feature that breaks a relation, and the implied value.

    The feature is NaN if broken relations are less than half of the contribution of its column, or
    if the column hardly depends on the other columns.
    """
    out = np.full((len(rows), 2), np.nan)
    if detector.relation is None:
        return out
    features, values, amounts = detector.relation.implied(rows)
    starts = [place.start for place in detector.map_.encoding.slices]
    columns = np.searchsorted(starts, features, side="right") - 1
    is_main = amounts >= by_column[np.arange(len(rows)), columns] / 2
    is_main &= (amounts > 0) & ~np.isnan(values)
    out[is_main] = np.column_stack([features, values])[is_main]
    return out


def _unless_missing(values: list[str], parts: Iterable[Any]) -> list[Any]:
    """Return the data of each value, with None in place of the data of missing values."""
    return [None if value == NO_CELL else part for value, part in zip(values, parts, strict=True)]


# Alerts, which are the first rows of a ranking, with their ids.

RECORD = "record"
"""Name of the id column in results for a table without ids.  Ids are then row numbers from 1."""

FINDING = "finding"
"""Name of the column with the number of a row's finding."""

RESULT_NAMES = (
    *("rank", "score", "p_value", "stands_out", FINDING, "unit", "row", "col", "reasons"),
)

LINE = "-- from here on rows do not stand out --"
"""Line in a printed list of alerts, below the last row that stands out."""

SHOWN = 20
"""Maximum number of findings that are printed."""

NAMED_IDS = 3
"""Maximum number of ids in the printed line of a finding."""


class Ids(Sequence[str]):
    """Ids of some rows.  Each id is created only when needed.

    Parameters
    ----------
    column : Column or None
        Id column.  If None, the id of each row is its number, from 1.
    rows : ndarray of shape (n_ids,)
        Numbers of the rows with these ids in the table, from 0.
    """

    def __init__(self, column: Column | None, rows: Ints) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(list(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(Ids(self._column, self._rows[place]))
        if self._column is None:
            return str(self._rows[place] + 1)
        row = int(self._rows[place])
        return self._column.cell(row) or f"{RECORD} {row + 1}"

    def __iter__(self) -> Iterator[str]:
        if self._column is None:
            return map(str, (self._rows + 1).tolist())
        cells = self._column.take(self._rows).each_cell()
        pairs = zip(cells, self._rows, strict=True)
        return (cell or f"{RECORD} {row + 1}" for cell, row in pairs)

    @property
    def are_unique(self) -> bool:
        """Whether the ids of all rows of the table are different."""
        column = self._column
        return column is None or column.n_distinct + column.n_missing == len(column)

    def take(self, places: Ints) -> "Ids":
        """Return the ids at some positions."""
        return Ids(self._column, self._rows[places])


def ids_of(map_: Map, table: Table, rows: Ints | None = None) -> tuple[str, Ids]:
    """Return two values: the name of the id column, and the ids of all rows of the table."""
    rows = np.arange(table.n_rows) if rows is None else rows
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        return name, Ids(table.column(name), rows)
    return RECORD, Ids(None, rows)


def ids_column(map_: Map, table: Table, rows: Ints) -> Column:
    """Return the ids of some rows as a column that has the type of the original id column."""
    name = map_.encoding.named("id")
    if name is not None and name in table.names:
        column = table.column(name).take(rows)
        if not column.n_missing:
            return column
        return table_from_columns({name: ids_of(map_, table)[1].take(rows)}).columns[0]
    return table_from_columns({RECORD: rows + 1}).columns[0]


@dataclass(frozen=True, eq=False)
class Alerts:
    """Ranking of the rows of a table, from the most to the least unusual row.

    ``print`` shows the alerts.

    Attributes
    ----------
    id_name : str
        Name of the id column, or "record".
    ids : Ids, a sequence of str
        Id of each row of the table.  All arrays have this order, with ``n_alerts`` alerts first.
    rows : ndarray of shape (n_rows,)
        Number of each ranked row in the table, from 0.
    scores, p_values : ndarray of shape (n_rows,)
    units : ndarray of shape (n_rows,)
        Best matching unit of each row.
    reasons : list of Reasons
        Reasons of the first ``n_alerts`` rows.
    n_alerts : int
        Number of alerts.
    stands_out : ndarray of shape (n_rows,), bool
        Whether a row stands out.  About 20 % of the rows that stand out are expected by chance
        (false discovery rate).  A rule can set another share.  Without clean training data, this
        percentage is only an estimate.  See `SOMDetector.p_values`.  Marked rows never stand out.
    n_by_chance : float
        Number of rows that are expected to stand out by chance.
    n_filled : int, default=0
        Number of alerts at the end of the list that only fill the list up to ten.  Printed lists
        and pages show these alerts only if no row stands out.
    n_marked : int, default=0
        Number of rows that a person has confirmed or cleared.  The headline counts only the others.
    noun : str, default="row"
        Word for a row in texts, such as "customer".
    by_rule : ndarray of shape (n_rows,) or None
        For each row, the index of the rule in `effects` that lists or hides the row, or -1.  None
        without rules.
    effects : tuple of RuleEffect
        The rules, with the numbers of rows that they list or hide.

    See Also
    --------
    AlertRule : Decides which rows are alerts.
    Finding : Alerts with the same reasons.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> alerts = SOMDetector(random_state=0).fit(X).alerts(X, 2)
    >>> alerts.ids[0], alerts.n_alerts
    ('8', 2)
    >>> print(alerts.reasons[0][0])
    x1 -9.0: lowest of 100 rows; usual -1.32 to 1.1
    """

    id_name: str
    ids: Ids
    rows: Ints
    scores: Float64s
    p_values: Float64s
    units: Ints
    reasons: list[Reasons]
    n_alerts: int
    stands_out: Bools
    n_by_chance: float
    n_filled: int = 0
    n_marked: int = 0
    noun: str = "row"
    by_rule: Ints | None = None
    effects: tuple[RuleEffect, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Groups of alerts with the same reasons at the same place of the map."""
        return findings_of(self.units, self.p_values, self.stands_out, self.reasons)

    @property
    def shown(self) -> "Alerts":
        """The ranking without the alerts that fill the list, unless no row stands out."""
        n = self.n_alerts - self.n_filled
        if not self.n_filled or not n:
            return self
        return replace(self, n_alerts=n, reasons=self.reasons[:n], n_filled=0)

    def called(self, noun: str) -> "Alerts":
        """Return the ranking with another word for a row.

        Parameters
        ----------
        noun : str
            Word in the singular, such as "customer".

        Returns
        -------
        Alerts
        """
        reasons = [
            Reasons(
                one if one.occurs is None else replace(one, occurs=replace(one.occurs, noun=noun))
                for one in of_row
            )
            for of_row in self.reasons
        ]
        effects = tuple(replace(each, noun=noun) for each in self.effects)
        return replace(self, reasons=reasons, effects=effects, noun=noun)

    @property
    def n_stand_out(self) -> int:
        """Number of rows that stand out."""
        return int(np.count_nonzero(self.stands_out))

    @property
    def n_before_line(self) -> int | None:
        """Number of alerts above the line in a printed list, or None without a line."""
        is_above = self.stands_out[: self.n_alerts]
        if self.by_rule is not None:
            is_above = is_above | (self.by_rule[: self.n_alerts] >= 0)
        n = int(np.count_nonzero(is_above))
        return n if 0 < n < self.n_alerts and bool(is_above[:n].all()) else None

    @property
    def n_left_out(self) -> int:
        """Number of rows that stand out but are not alerts."""
        return self.n_stand_out - int(np.count_nonzero(self.stands_out[: self.n_alerts]))

    @property
    def headline(self) -> str:
        """Text such as "5 of 690 rows stand out (about 1 of them by chance)"."""
        n, n_rows = self.n_stand_out, counted(len(self.ids) - self.n_marked, self.noun)
        marked = ""
        if self.n_marked:
            verb = "is" if self.n_marked == 1 else "are"
            marked = f"{counted(self.n_marked, self.noun)} {verb} marked; "
            n_rows = f"the other {n_rows}"
        if n == 0 and marked:
            return f"{marked}of {n_rows}, none stands out"
        if n == 0:
            return f"No {self.noun} of {len(self.ids):,} stands out"
        about = round(self.n_by_chance)
        if n == 1:
            return f"{marked}1 of {n_rows} stands out"
        by_chance = f"about {about:,}" if about else "fewer than one"
        return f"{marked}{n:,} of {n_rows} stand out ({by_chance} of them by chance)"

    def __repr__(self) -> str:
        return f"Alerts({self.n_alerts} of {len(self.ids)} rows)"

    def __str__(self) -> str:
        names, rows, n_above = self._printed()
        lines = in_columns([[name, *cells] for name, *cells in zip(names, *rows, strict=True)])
        if n_above:
            lines.insert(1 + n_above, LINE)
        return "\n".join([self.headline, *lines, *self._lines_of_rest()])

    def _repr_html_(self) -> str:
        names, rows, _ = self._printed()
        return html_of(names, rows, ". ".join([self.headline, *self._lines_of_rest()]))

    def _printed(self) -> tuple[list[str], list[list[str]], int]:
        """Return the column names of the printed list, its lines, and the number above `LINE`."""
        shown, lines = self.shown, self._lines(SHOWN)
        rows = [
            [str(i + 1), shown.ids[i], f"{shown.scores[i]:.4g}", f"{shown.p_values[i]:.4g}", text]
            for i, text in lines.items()
        ]
        names = ["rank", self.id_name, "score", "p-value", "reasons"]
        return names, rows, self._n_lines_above(lines)

    def _lines(self, n_lines: int) -> dict[int, str]:
        """Return the reasons in each line of a printed list, by the position of its first alert.

        Parameters
        ----------
        n_lines : int
            Maximum number of lines.  Each line is a finding.

        Returns
        -------
        dict of int to str
        """
        shown = self.shown
        return {each.places[0]: shown._text(each) for each in shown.findings[:n_lines]}

    def _n_lines_above(self, lines: Mapping[int, str]) -> int:
        """Return how many printed lines are above `LINE`, or 0 without a line."""
        n = self.shown.n_before_line
        above = 0 if n is None else sum(place < n for place in lines)
        return above if above < len(lines) else 0

    def _text(self, finding: Finding) -> str:
        """Return the reasons of a finding, with the ids of its first alerts if it has several."""
        n, first = len(finding.places), finding.places[0]
        if n == 1:
            return str(self.reasons[first])
        some = [self.ids[place] for place in finding.places[:NAMED_IDS]]
        ids = ", ".join([*some, "..."] if n > len(some) else some)
        return f"{counted(n, self.noun)} like this ({ids}): {finding.what or NONE_STANDS_OUT}"

    def _left_out(self, how: str = "") -> str:
        """Return a sentence on the rows that stand out but are not alerts, and how to list them."""
        n, lowest = self.n_left_out, self.scores[self.stands_out].min()
        is_ranked = self.scores >= lowest  # also confirmed rows, which come first
        if self.by_rule is not None:
            is_ranked[self.n_alerts :] &= self.by_rule[self.n_alerts :] < 0
        rows = f"{n:,} more {self.noun}{'s stand' if n > 1 else ' stands'} out"
        n_all = np.count_nonzero(is_ranked)
        how = how.format(n_all) or f"a list of {n_all:,} {self.noun}s contains all that stand out"
        return f"{rows}; {how}."

    def _lines_of_rest(self) -> list[str]:
        shown = self.shown
        n = sum(len(finding.places) for finding in shown.findings[SHOWN:])
        filled = self.n_alerts - shown.n_alerts
        return [
            *([f"... {n:,} more alerts"] if n else []),
            *([f"... {filled:,} more alerts do not stand out"] if filled else []),
            *([self._left_out("n_alerts={} lists all of them")] if self.n_left_out else []),
        ]

    def to_frame(self, library: str | None = None) -> Any:
        """Return the alerts as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Library of the data frame.  By default, the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row per alert, with ``rank``, the id, ``table_row`` (number of the row in the
            table, from 0), ``score``, ``p_value``, ``stands_out``, ``finding`` (number of the
            finding, counted from 1), ``unit`` and ``reasons``.
            `to_table` adds the columns of the table.
        """
        columns = self._columns()
        ids = {free_name(self.id_name, columns): self.ids[: self.n_alerts]}
        return frame_of({"rank": columns.pop("rank"), **ids, **columns}, library)

    def rule_names(self, places: Any = slice(None)) -> dict[str, list[str]]:
        """Return the column "rule", which names the rule that lists or hides each row.

        Parameters
        ----------
        places : ndarray or slice, optional
            Positions in the ranking.  By default, all rows.

        Returns
        -------
        dict of str to list
            The column by its name.  Empty without rules.
        """
        if self.by_rule is None:
            return {}
        names = [*(effect.rule.label for effect in self.effects), ""]
        return {"rule": [names[i] for i in self.by_rule[places].tolist()]}

    def _columns(self) -> dict[str, Any]:
        """Return, by name, the columns that contain the results of the alerts."""
        n = self.n_alerts
        return {
            "rank": np.arange(1, n + 1),
            "table_row": self.rows[:n],
            "score": self.scores[:n],
            "p_value": self.p_values[:n],
            "stands_out": self.stands_out[:n],
            FINDING: numbers_of(self.findings),
            **self.rule_names(slice(n)),
            "unit": self.units[:n],
            "reasons": [str(reasons) for reasons in self.reasons],
        }

    def to_table(self, som: Map, table: Table | Source) -> Table:
        """Return the alerts as a table with the results before the original columns.

        If an original column has the name of a result column, ``_input`` is added to the original
        name.  If two rows have the same id, a column "record" contains row numbers from 1.

        Parameters
        ----------
        som : Map
            The map of the detector.
        table : Table or Source
            The table that was ranked.

        Returns
        -------
        Table
            Table with one row per alert.
        """
        table = table if isinstance(table, Table) else table.table()
        found = self._columns()
        rows, reasons = found.pop("table_row"), found.pop("reasons")
        found["row"], found["col"] = som.lattice.rows_and_cols(found["unit"])
        found["stands_out"] = np.where(found["stands_out"], "yes", "no").tolist()
        is_repeated = not self.ids.are_unique
        taken = (*RESULT_NAMES, *self.rule_names(slice(0)), *[RECORD] * is_repeated)
        id_name = free_name(self.id_name, taken)
        record = {RECORD: rows + 1} if is_repeated else {}
        results = table_from_columns(
            {"rank": found.pop("rank"), **record, **found, "reasons": reasons}
        )
        ids = ids_column(som, table, rows)
        rank, *others = results.columns
        columns = [rank, ids.renamed(id_name), *others]
        id_column = som.encoding.named("id")
        for column in table.take(rows).columns:
            if column.name != id_column:
                names = [c.name for c in columns]
                columns.append(column.renamed(free_name(column.name, names)))
        return Table(tuple(columns), source="alerts")


def ranked(
    detector: Detector,
    table: Table,
    rows: Floats,
    rule: "AlertRule",
    units: Ints | None = None,
    scores: Float64s | None = None,
    today: str = "",
    *,
    is_filled: bool = False,
    are_customers: bool = False,
) -> Alerts:
    """Return the ranking of the rows of a table, as `Detector.alerts` does.

    `today`, by default the current day, decides which rules of the user have ended.  With
    `is_filled`, printed lists also show the alerts that fill the list up to ten.  With
    `are_customers`, reasons begin with numbers that no other row reaches.
    """
    units = detector.map_._winners_of_rows(rows) if units is None else units
    scores = detector._scores_of_rows(rows) if scores is None else scores
    order = stable_order(-scores)
    scores, units = scores[order], units[order]  # everything below is in this order
    p = detector.calibration.p_values(scores, units)
    is_marked, is_leading = np.zeros((2, len(p)), dtype=bool)
    if detector.marks is not None:
        is_marked, is_leading = (which[order] for which in detector.marks.are_held(rows))
    map_, counts = detector.map_, detector.counts
    # The rows of another table are very unlikely to have the same units.
    is_training = counts is not None and counts.total == len(rows)
    is_training &= np.array_equal(np.bincount(units, minlength=map_.n_units), map_.hits)
    known = rows if is_training else None, rows if are_customers else None
    about = (detector, table, rows, rule, order)
    ranking = _Ranking(*about, scores, p, units, is_marked, is_leading, *known)
    places, n_alerts, stands_out, n_by_chance = ranking.chosen(np.arange(len(p)))
    ruling, effects = None, tuple[RuleEffect, ...]()
    if detector.map_.encoding.roles.rules:
        ruling = Ruling(detector.map_.encoding, table, today)
        is_other = on_other_side(detector.of_all_rows, detector.directions, rows)
        n_other = [int(np.count_nonzero(is_other[:, j])) for j in detector.directions]
        fills = ranking.fills(places[:n_alerts], stands_out, is_filled=is_filled)
        listed = places[:n_alerts] if fills.all() else places[:n_alerts][~fills]
        effects = ruling.effects(order[listed], n_other)
        is_hidden = ruling.is_hidden[order]
        places, n_alerts, stands_out, n_by_chance = ranking.chosen(np.flatnonzero(~is_hidden))
        places = np.concatenate([places, np.flatnonzero(is_hidden)])
        of_list, n_alerts = ruling.first(order[places], n_alerts, (stands_out | is_leading)[places])
        places = places[of_list]
    order, first = order[places], order[places[:n_alerts]]
    fills = ranking.fills(places[:n_alerts], stands_out, is_filled=is_filled)
    if ruling is not None:
        fills &= ~ruling.is_always[first]
    reasons = ranking.reasons(first)
    return Alerts(
        *ids_of(detector.map_, table, order),
        order,
        scores[places],
        p[places],
        units[places],
        reasons if ruling is None else with_rules(reasons, ruling, first),
        n_alerts,
        stands_out[places],
        n_by_chance,
        int(np.count_nonzero(fills)),
        int(np.count_nonzero(is_marked)),
        by_rule=None if ruling is None else ruling.by_row[order],
        effects=effects,
    )


@dataclass(frozen=True, eq=False)
class _Ranking:
    """The rows of a table in the order by score."""

    detector: Detector
    table: Table
    rows: Floats
    rule: "AlertRule"
    order: Ints
    scores: Float64s
    p: Float64s
    units: Ints
    is_marked: Bools
    is_leading: Bools
    training: Floats | None
    among: Floats | None
    known: dict[int, Reasons] = field(default_factory=dict)

    def reasons(self, rows: Ints) -> list[Reasons]:
        """Return the reasons of some rows of the table. The reasons of a row are found once."""
        new = np.array([row for row in rows.tolist() if row not in self.known], dtype=np.intp)
        of_new = self.detector, self.table.take(new), np.ascontiguousarray(self.rows[new])
        found = reasons_of(*of_new, None, self.training, self.among) if len(new) else []
        self.known.update(zip(new.tolist(), found, strict=True))
        return [self.known[row] for row in rows.tolist()]

    def chosen(self, some: Ints) -> tuple[Ints, int, Bools, float]:
        """Return the list of some rows, the length of the list, which rows stand out, and how many
        of them by chance.  Rows are given by their places in the order by score."""
        p, rule = self.p[some], self.rule
        stands_out = np.zeros(len(self.p), dtype=bool)
        is_given = rule.fdr is not None and rule != STANDING_OUT
        # A row that is more unusual than all calibration rows can stand out in any table.
        calibration = self.detector.calibration
        able = int(STAND_OUT_RATE / calibration.smallest_p_value)
        n_least = 0 if is_given else min(able, MIN_COUNTED, len(calibration.scores))
        # A rule that hides rows does not change which of the other rows stand out.
        of_all, n_by_chance = rule.outstanding(self.p, self.is_marked, n_least)
        stands_out[some] = of_all[some]
        n_by_chance *= len(some) / max(1, len(of_all)) if stands_out.any() else 0.0
        counts = [int(np.count_nonzero(which)) for which in (stands_out, self.is_leading[some])]
        if rule.n_alerts is not None and len(some) < rule.n_alerts <= len(self.p):
            rule = replace(rule, n_alerts=len(some))
        given = self.detector, self.order[some], self.scores[some], p, self.table
        places, n_alerts = rule.choose(*given, *counts)
        if rule == AlertRule() and counts[0] > MAX_LISTED:
            n_alerts = self._length(some[places], stands_out, counts[1])
        return some[places], n_alerts, stands_out, n_by_chance

    def _length(self, places: Ints, stands_out: Bools, n_leading: int) -> int:
        """Return the length of a list of 50 findings and all confirmed rows."""
        first = places[: n_leading + min(int(np.count_nonzero(stands_out)), MAX_ROWS)]
        reasons = self.reasons(self.order[first])
        found = findings_of(self.units[first], self.p[first], stands_out[first], reasons)
        begin = [finding.places[0] for finding in found]
        return [*begin, *[len(first)] * (n_leading + MAX_LISTED)][n_leading + MAX_LISTED]

    def fills(self, places: Ints, stands_out: Bools, *, is_filled: bool) -> Bools:
        """Return which rows of a list only fill the list up to ten, unless lists show these."""
        if is_filled or self.rule != AlertRule():
            return np.zeros(len(places), dtype=bool)
        return np.asarray(~(stands_out | self.is_leading)[places])


def with_rules(reasons: Iterable[Reasons], ruling: Ruling, rows: Ints) -> list[Reasons]:
    """Return the reasons of rows, after the rule that always lists a row."""
    found = []
    for row, own in zip(rows.tolist(), reasons, strict=True):
        if ruling.is_always[row]:
            rule = ruling.rules[ruling.by_row[row]]
            own = Reasons((Reason(rule.heading, rule.text, "", 0.0, is_rule=True), *own))
        found.append(own)
    return found


# Rules, which decide which rows are alerts and which rows stand out.

STAND_OUT_RATE = 0.2
"""Default limit for the false discovery rate among the rows that stand out."""

MIN_COUNTED = 200
"""In a table with fewer rows, p-values must be as small as in a table with this number of rows, or
with as many rows as the training table."""

MIN_LISTED, MAX_LISTED, MAX_ROWS = 10, 50, 500
"""Minimum number of rows, and maximum number of findings and of rows, in a list of alerts if no
rule is given.  Between these limits, the list consists of the rows that stand out."""


@dataclass(frozen=True)
class AlertRule:
    """Rule that decides which rows become alerts.

    By default, the alerts are the rows that stand out, but at least 10 rows, and at most 50
    findings (`Finding`) and 500 rows.  Lists show alerts that do not stand out only if no row
    stands out.

    Attributes
    ----------
    n_alerts : int or None, default=None
        Number of alerts.  The rows with the highest scores become alerts.
    p_value : float or None, default=None
        Highest p-value of an alert.  All rows with at most this p-value become alerts.
    fdr : float or None, default=None
        Approximate limit for the false discovery rate, the expected share of usual rows among the
        alerts.  The alerts are the longest list of rows within this limit (Benjamini and Hochberg
        1995).  For this, the share of usual rows among all rows is estimated (Storey, Taylor and
        Siegmund 2004).  In simulations with ``fdr=0.05`` and clean training data, the actual rate
        was 2 to 7.5 %.  Without clean training data, the false discovery rate is only an estimate.
    amount : str or None, default=None
        Name of the column that contains the amount at risk in each row.  Required with `cost`.
    cost : float or None, default=None
        Cost of one review, in the unit of `amount`.  A row is an alert if its expected amount is
        higher than the cost.  The expected amount is the amount at risk times one minus a false
        discovery rate.  The rate is that of the list that ends with the row.
    above_threshold : bool, default=False
        Whether all rows above the threshold become alerts.  `contamination` sets the threshold.

    Raises
    ------
    ValueError, TypeError
        If a value is not allowed, or if more than one rule is given.

    See Also
    --------
    Alerts : Contains the chosen rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> from somscape.outliers import AlertRule
    >>> AlertRule(p_value=0.02).words(SOMDetector(random_state=0).fit(X).detector_)
    'a p-value of at most 0.02'
    """

    n_alerts: int | None = None
    p_value: float | None = None
    fdr: float | None = None
    amount: str | None = None
    cost: float | None = None
    above_threshold: bool = False

    def __post_init__(self) -> None:
        if self.n_alerts is not None:
            check_whole("n_alerts", self.n_alerts, 0)
        for name in ("p_value", "fdr"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0, 1)
        if self.cost is not None:
            check_number("cost", self.cost, 0)
        cure = " Pass a name such as amount='price', and a table with this column."
        check_is("amount", self.amount, str | None, "the name of a column", cure)
        if (self.amount is None) != (self.cost is None):
            raise ParameterError(
                f"`amount` and `cost` must be given together, but are {self.amount!r} and "
                f"{self.cost!r}. Pass both, such as amount='price' and cost=50, or leave out both.",
                value=self.amount,
            )
        rules = ("n_alerts", "p_value", "fdr", "cost")
        given = [name for name in rules if getattr(self, name) is not None]
        given += ["above_threshold"] * self.above_threshold
        if len(given) > 1:
            raise ParameterError(
                f"Only one rule is allowed, but {' and '.join(given)} are given. Pass one of them.",
                value=" and ".join(given),
            )

    def check(self, table: Table) -> None:
        """Raise InputError if the rule needs a column that the table lacks.

        Parameters
        ----------
        table : Table
        """
        if self.amount is not None:
            _amounts(table, self.amount)

    def words(self, detector: Detector) -> str:
        """Return a phrase that describes which rows become alerts by the rule.

        Parameters
        ----------
        detector : Detector

        Returns
        -------
        str
            Phrase about the alerts that can follow a colon.
        """
        if self.n_alerts is not None:
            return f"the {self.n_alerts} highest scores, as asked for"
        if self.p_value is not None:
            return f"a p-value of at most {self.p_value:g}"
        if self.fdr is not None:
            rate = f"a false discovery rate of at most about {self.fdr:g}"
            return f"those that stand out, with {rate}" if self == STANDING_OUT else rate
        if self.cost is not None:
            return f"an expected amount in '{self.amount}' above the review cost of {self.cost:g}"
        if self.above_threshold:
            return f"a score above {detector.threshold:.4g}, the threshold of the map"
        return (
            f"those that stand out, at most {MAX_LISTED} findings, or {MIN_LISTED} rows if none "
            "stands out"
        )

    def outstanding(self, p: Float64s, is_marked: Bools, n_least: int = 0) -> tuple[Bools, float]:
        """Return which rows stand out, and how many of these are expected by chance.

        Parameters
        ----------
        p : ndarray of shape (n_rows,)
            P-values of the rows.
        is_marked : ndarray of shape (n_rows,), bool
            Whether a row is marked.  Rows marked by a person are left out, because the person has
            already checked them.
        n_least : int, default=0
            If there are fewer rows, the smallest p-values must be as small as with this number of
            rows.  Otherwise, one of five single rows would stand out.

        Returns
        -------
        stands_out : ndarray of shape (n_rows,), bool
            Rows that stand out at the rule's false discovery rate, by default at 0.2.
        n_by_chance : float
        """
        ascending = p[~is_marked] if is_marked.any() else p
        if not (ascending[1:] >= ascending[:-1]).all():  # possible with p-values by region
            ascending = np.sort(ascending)
        share = usual_share(ascending)
        rate = STAND_OUT_RATE if self.fdr is None else self.fdr
        rate *= len(ascending) / max(len(ascending), n_least, 1)
        n_stand_out = count_within(rate / share, ascending)
        if not n_stand_out:
            return np.zeros(len(p), dtype=bool), 0.0
        highest = float(ascending[n_stand_out - 1])
        return (p <= highest) & ~is_marked, highest * share * len(ascending)

    def choose(
        self,
        detector: Detector,
        order: Ints,
        scores: Float64s,
        p: Float64s,
        table: Table,
        n_stand_out: int,
        n_leading: int = 0,
    ) -> tuple[Ints | slice, int]:
        """Return the order of a list with alerts first, and the number of alerts.

        Parameters
        ----------
        detector : Detector
        order : ndarray of shape (n_rows,)
            Row numbers by descending score.  Rows with equal scores keep their order.
        scores, p : ndarray of shape (n_rows,)
            Scores and p-values of the rows, in the order of `order`.
        table : Table
            The table of scored rows, which contains the column `amount`.
        n_stand_out : int
        n_leading : int, default=0
            Number of confirmed rows.  These rows come first in a list of rows that stand out.

        Returns
        -------
        places : ndarray of shape (n_rows,) or slice
            Positions in `order`.  The order is by gain for a rule with `cost`, and by score for a
            rule with `n_alerts` or `above_threshold`.  For other rules, the order is by p-value and
            then by score.  A slice if the order is unchanged.
        n_alerts : int
        """
        as_it_is = slice(None)
        if self.n_alerts is not None:
            if self.n_alerts > len(scores):
                raise InputError(
                    f"`n_alerts` is {self.n_alerts}, but {table.source} has only "
                    f"{counted(len(scores), 'row')}. Ask for fewer alerts.",
                    file=table.source,
                    value=self.n_alerts,
                )
            return as_it_is, self.n_alerts
        # The order by p-value is the same, except with p-values by region.
        is_by_p = bool((p[1:] >= p[:-1]).all())
        by_p = as_it_is if is_by_p else np.argsort(p, kind="stable")
        if self.p_value is not None:
            _check_level(detector, "p_value", self.p_value)
            return by_p, int((p <= self.p_value).sum())
        if self.fdr is not None:
            if self != STANDING_OUT:
                _check_level(detector, "fdr", self.fdr)
            return by_p, n_leading + n_stand_out
        if self.cost is not None:
            discovery = 1.0 - adjusted(p)
            gain = discovery * _amounts(table, str(self.amount))[order] - self.cost
            by_gain = np.argsort(-np.maximum(gain, 0.0), kind="stable")
            return by_gain, int((gain > 0).sum())
        if self.above_threshold:
            return as_it_is, int((scores > detector.threshold).sum())
        n_listed = n_leading + max(MIN_LISTED, min(n_stand_out, MAX_LISTED))
        return by_p, min(n_listed, len(scores))


STANDING_OUT = AlertRule(fdr=STAND_OUT_RATE)
"""The rule by which all rows that stand out become alerts."""


def auto_threshold(
    calibration: Calibration, scores: Float64s, units: Ints, weights: Float64s | None
) -> float:
    """Return the highest score of the training rows that do not stand out.

    If no row stands out, the result is the second highest score, so that one row is above it.  With
    p-values by region, as many rows are above the result as stand out.
    """
    if weights is not None:
        here = weights > 0
        scores, units, weights = scores[here], units[here], counts_of(weights[here])
    # A copy, because a calibration stores values that it computes for p-values.
    p = replace(calibration).p_values(scores, units)
    counts = np.ones(len(p)) if weights is None else weights
    rate = STAND_OUT_RATE / usual_share(p, counts)
    order = np.argsort(p, kind="stable")
    ascending, n_rows = p[order], np.cumsum(counts[order])
    del order, counts
    within = np.flatnonzero(ascending * n_rows[-1] / n_rows <= rate)
    n_above = int((p <= ascending[within[-1]]).sum()) if len(within) else 0
    if not n_above:
        below = scores[scores < scores.max()]
        return float(below.max() if len(below) else scores.max())
    n_below = len(scores) - n_above
    return float(np.partition(scores, n_below - 1)[n_below - 1]) if n_below else 0.0


def _check_level(detector: Detector, name: str, level: float) -> None:
    calibration = detector.calibration
    smallest = calibration.smallest_p_value
    if level < smallest:
        n = len(calibration.scores)
        where = "" if calibration.regions is None else " in regions of the map"
        raise InputError(
            f"The detector was calibrated on {n} rows{where}, so no p-value can be at most "
            f"{level:g}. The smallest possible p-value is {smallest:.2g}. Pass a larger `{name}`, "
            "or train on more rows.",
            parameter=name,
            value=level,
        )


def _amounts(table: Table, name: str) -> Float64s:
    if name not in table.names:
        raise InputError(
            f"{table.source} does not have a column '{name}' with amounts. Its columns are "
            f"{', '.join(table.names)}. Pass one of these names.",
            parameter="amount",
            file=table.source,
            column=name,
            allowed=table.names,
        )
    column = table.column(name)
    numbers = column.numbers
    if numbers is None:
        read = read_numbers(column)
        numbers = np.full(len(column), np.nan) if read is None else read.numbers
    assert numbers is not None
    is_wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    if is_wrong.any():
        row = int(is_wrong.argmax())
        cell = column.cell(row)
        raise InputError(
            f"The amounts in column '{name}' of {table.source} must be numbers of at least 0, but "
            f"{counted(int(is_wrong.sum()), 'value')} of {len(column):,} cannot be used. The first "
            f"is {'missing' if cell is None else repr(cell)}, at {table.where(row)}. Fill or "
            "correct these values first.",
            file=table.source,
            row=row,
            column=name,
            value=cell,
        )
    return np.asarray(numbers, dtype=np.float64)


# Similar usual rows, and the labels of rows around a row.

FIRST_UNITS = 8
"""Number of units whose rows are searched first for similar rows.  It doubles if necessary."""


@dataclass(frozen=True, eq=False)
class SimilarRows:
    """For each given row, the nearest rows.

    In the results of a detector, only usual rows are included.

    Attributes
    ----------
    ids : list of list of str
        Values of the id column for the similar rows, or row numbers from 1.
    rows : ndarray of shape (n_rows, k)
        Numbers of the similar rows in the data that were searched, from 0.
    distances : ndarray of shape (n_rows, k)
        Distances in encoded feature units for a detector.  For a map, distances by its metric.

    See Also
    --------
    somscape.SOMDetector.similar_rows : Finds similar rows.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> found = SOMDetector(random_state=0).fit(X).similar_rows(X[:2], among=X)
    >>> found.rows.shape, found.ids[0][0]
    ((2, 5), '1')
    """

    ids: list[list[str]]
    rows: Ints
    distances: Float64s


def nearest_usual_rows(detector: Detector, X: Any, among: Any, n_similar: int) -> SimilarRows:
    """Return, for each row, the nearest usual rows, as `Detector.similar_rows` does."""
    check_whole("n_similar", n_similar, 1)
    map_ = detector.map_
    table, others = table_and_rows(map_, among)
    rows, others = (np.asarray(some, dtype=np.float64) for some in (map_.rows_of(X), others))
    usual = np.flatnonzero(detector._scores_of_rows(others) <= detector.threshold)
    if not len(usual):
        raise InputError(
            "`among` does not contain a usual row, because all its rows score above the threshold. "
            "Pass the rows on which the detector was trained."
        )
    units = map_._winners_of_rows(others[usual])
    groups = _Groups.of(others, units, map_.codebook, usual)
    return groups.similar(rows, n_similar, ids_of(map_, table)[1])


def nearest_rows(map_: Map, X: Any, among: Any, n_similar: int) -> SimilarRows:
    """Return, for each row, the rows that are nearest by the metric of a map."""
    check_whole("n_similar", n_similar, 1)
    table, others = table_and_rows(map_, among)
    units = map_._winners_of_rows(others)
    rows = np.asarray(map_.metric.as_euclidean(map_.rows_of(X)), dtype=np.float64)
    places = np.asarray(map_.metric.as_euclidean(others), dtype=np.float64)
    groups = _Groups.of(places, units, map_.places, np.arange(len(places)))
    return groups.similar(rows, n_similar, ids_of(map_, table)[1])


@dataclass(frozen=True, eq=False)
class _Groups:
    """Rows grouped by their unit, with a ball that contains all rows of each group."""

    rows: Float64s
    numbers: Ints
    begin: Ints
    centers: Float64s
    radii: Float64s

    @classmethod
    def of(cls, rows: Float64s, units: Ints, prototypes: Float64s, chosen: Ints) -> "_Groups":
        """Group the chosen rows by unit.  `units` contains the unit of each chosen row."""
        order = np.argsort(units, kind="stable")
        chosen, units = chosen[order], units[order]
        present, begin = np.unique(units, return_index=True)
        apart = _distances(rows[chosen], prototypes[units])
        radii = np.maximum.reduceat(apart, begin)
        return cls(rows[chosen], chosen, np.append(begin, len(chosen)), prototypes[present], radii)

    def similar(self, rows: Float64s, n_similar: int, ids: Ids) -> SimilarRows:
        """Return, for each row, the rows of the groups that are nearest to the row."""
        k = min(n_similar, len(self.rows))
        found, distances = np.empty((len(rows), k), dtype=np.intp), np.empty((len(rows), k))
        for i, row in enumerate(rows):
            found[i], distances[i] = self.nearest(row, k)
        names = list(ids)
        return SimilarRows([[names[j] for j in near] for near in found], found, distances)

    def nearest(self, row: Float64s, k: int) -> tuple[Ints, Float64s]:
        """Return numbers and distances of the k nearest rows, sorted by distance and then by row
        number."""
        # The bound is slightly reduced, so that rounding does not exclude a row.
        bound = (_distances(self.centers, row) - self.radii) * (1 - 1e-9) - 1e-300
        groups = np.argsort(bound, kind="stable")
        n = FIRST_UNITS
        while True:
            parts = [np.arange(self.begin[g], self.begin[g + 1]) for g in groups[:n]]
            looked = np.concatenate(parts)
            distances = _distances(self.rows[looked], row)
            if n >= len(groups):
                break
            if len(looked) >= k and np.partition(distances, k - 1)[k - 1] < bound[groups[n]]:
                break
            n *= 2
        best = np.lexsort((self.numbers[looked], distances))[:k]
        return self.numbers[looked[best]], distances[best]


def _distances(rows: Float64s, others: Float64s) -> Float64s:
    return np.asarray(np.sqrt(((rows - others) ** 2).sum(axis=1)))


@dataclass(frozen=True, eq=False)
class LabelShare:
    """For each given row, counts of known labels among nearby rows.

    Attributes
    ----------
    n_known : ndarray of shape (n_rows,)
        Number of rows with a known label in the unit of the given row and in neighboring units.
    n_anomalies : ndarray of shape (n_rows,)
        Number of anomalies among these labeled rows.
    share : ndarray of shape (n_rows,)
        Share of anomalies among these labeled rows, or NaN if there is no labeled row.
    low, high : ndarray of shape (n_rows,)
        Ends of the Wilson interval of the share.  They are 0 and 1 if there is no labeled row.

    See Also
    --------
    somscape.SOMDetector.label_share : Computes the shares.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOMDetector
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> X[7] = [9, -9]
    >>> found = SOMDetector(random_state=0).fit(X).label_share(X[:2], among=X, y=X[:, 0] > 2)
    >>> found.share.shape
    (2,)
    """

    n_known: Ints
    n_anomalies: Ints
    share: Float64s
    low: Float64s
    high: Float64s


def label_share_around(map_: Map, X: Any, among: Any, y: Any, level: float) -> LabelShare:
    """Return the share of known anomalies around each row."""
    check_number("level", level, 0, 1 - 1e-12)
    units = map_.winners(among)
    labels = known_labels(y, len(units), "y")
    if labels is None:
        raise InputError(
            "`y` must contain 1 (anomaly), 0 (usual) or -1 (unknown) for each row of `among`, but "
            "contains only -1. Pass at least one known label.",
            allowed=(1, 0, -1),
        )
    n_known, n_anomalies = (
        _add_neighbors(map_, np.bincount(units[chosen], minlength=map_.n_units))[map_.winners(X)]
        for chosen in (labels != UNKNOWN, labels == ANOMALY)
    )
    low, high = wilson(n_anomalies, n_known, level)
    share = np.divide(n_anomalies, n_known, out=np.full(len(low), np.nan), where=n_known > 0)
    return LabelShare(n_known, n_anomalies, share, low, high)


def _add_neighbors(map_: Map, counts: Ints) -> Ints:
    """Return, for each unit, its count plus the counts of its neighbors on the map."""
    neighbors = map_.lattice.neighbors
    return np.asarray(counts + np.where(neighbors >= 0, counts[neighbors], 0).sum(axis=1))


# The file of a detector.

METRIC_NAME = "decorrelated"
"""The only allowed value of the entry ``metric`` in the header of a file."""


class _Header(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The JSON data of a detector in a file.

    The data contain `metric` only if the detector decorrelates columns.  With
    `members_share_metric`, all member maps have the decorrelation of the map of all rows.
    Otherwise, each member has its own decorrelation.  With `p_values_by_bulk`, p-values are
    estimated from the bulk of the scores.  `relations` are those of the
    calibration.  `threshold_is_auto` is `Detector.is_threshold_auto`.  `marks` are the numbers of a
    `Marks` object.
    """

    score: str
    n_prototypes: int
    threshold: float
    metric: Annotated[str, one_of([METRIC_NAME])] | None = None
    members_share_metric: bool = False
    p_values_by_bulk: bool = False
    relations: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    members: Annotated[int, msgspec.Meta(ge=0, le=MAX_MEMBERS)] = 0
    threshold_is_auto: bool = False
    marks: dict[str, Any] | None = None


NAMES_IN_FILE = {"rms_distances": "spread", "deviations": "spread"}
"""Attributes whose names differ in files, and their names in files."""

MARKS = "marks"
"""Beginning of the names of those arrays in a file that belong to a `Marks` object."""


BY_UNIT = ("usual", "spread", "regions")
"""Names of those arrays in a detector file that contain one value for each unit."""


def record_of_detector(detector: Detector) -> Record:
    """Return a record that contains the detector's map and its other parts."""
    record, calibration = detector.map_.to_record(), detector.calibration
    whole = detector.of_all_rows
    arrays = _arrays_of(whole) | {
        "calibration": calibration.scores,
        "calibration_weights": calibration.weights,
        "calibration_units": calibration.units,
        "calibration_lowered": calibration.lowered,
        "regions": calibration.regions,
        "mean_contributions": detector.mean_contributions,
    }
    arrays |= _parts_by_name("rarity", detector.rarity) | _parts_by_name("counts", detector.counts)
    arrays |= _parts_by_name("relation", detector.relation)
    marks = None
    if detector.marks is not None:
        parts = {part.name: getattr(detector.marks, part.name) for part in fields(Marks)}
        marks = {n: v for n, v in parts.items() if not isinstance(v, np.ndarray)}
        arrays |= {f"{MARKS}.{n}": v for n, v in parts.items() if n not in marks}
    has_metric = whole.decorrelation is not None
    is_shared = all(member.decorrelation is whole.decorrelation for member in detector.members)
    header = _Header(
        score=whole.score,
        n_prototypes=whole.n_prototypes,
        threshold=detector.threshold,
        metric=METRIC_NAME if has_metric else None,
        members_share_metric=bool(detector.members) and has_metric and is_shared,
        p_values_by_bulk=calibration.by_bulk,
        relations=calibration.relations,
        members=len(detector.members),
        threshold_is_auto=detector.is_threshold_auto,
        marks=marks,
    )
    for i, member in enumerate(detector.members):
        of_member = {"codebook": member.map_.codebook, "hits": member.map_.hits}
        of_member |= _arrays_of(replace(member, decorrelation=None) if is_shared else member)
        arrays |= {f"{MEMBERS}.{i}.{name}": values for name, values in of_member.items()}
    there = {name: values for name, values in arrays.items() if values is not None}
    data = msgspec.to_builtins(header, enc_hook=np.generic.item)  # also numbers of NumPy
    return Record({**record.header, "detector": data}, record.arrays | there)


def _arrays_of(scorer: Scorer) -> dict[str, Any]:
    own = {"usual": scorer.usual, "spread": scorer.rms_distances, "reach": scorer.reach}
    return own | _parts_by_name("decorrelation", scorer.decorrelation)


def _parts_by_name(beginning: str, whole: Any) -> dict[str, Any]:
    """Return the parts of an object by their names in a file.  None does not have any parts."""
    parts = () if whole is None else fields(whole)
    return {_name_of(beginning, part.name): getattr(whole, part.name) for part in parts}


def _name_of(beginning: str, part: str) -> str:
    return f"{beginning}.{NAMES_IN_FILE.get(part, part)}"


def parts_of_detector(record: Record, map_: Map) -> dict[str, Any]:
    """Check the parts of a detector that `record_of_detector` stored, and return them."""
    header, arrays = converted(record.header["detector"], _Header, "the detector"), record.arrays
    sizes = dict.fromkeys(BY_UNIT, map_.n_units)
    _check_sizes(arrays, {**sizes, "mean_contributions": len(map_.encoding.features)})
    if header.members_share_metric and header.metric is None:
        raise ParameterError(
            "members_share_metric of a detector must be absent, or true together with a metric",
            parameter="members_share_metric",
        )
    whole = _scorer_of(map_, arrays, header, is_decorrelated=header.metric is not None)
    shared = whole.decorrelation if header.members_share_metric else None
    weights, units = arrays.get("calibration_weights"), arrays.get("calibration_units")
    has_rarity, has_counts = "rarity.features" in arrays, "counts.starts" in arrays
    has_relation = "relation.features" in arrays
    return {
        "of_all_rows": whole,
        "threshold": header.threshold,
        "calibration": Calibration(
            arrays["calibration"],
            weights,
            units,
            arrays.get("regions"),
            header.p_values_by_bulk,
            header.relations,
            arrays.get("calibration_lowered"),
        ),
        "members": tuple(
            _share_arrays(_member_of(map_, parts, shared, header), whole)
            for parts in arrays_of_members(arrays, header.members)
        ),
        "mean_contributions": arrays.get("mean_contributions"),
        "rarity": Rarity(**_parts_in(arrays, Rarity, "rarity")) if has_rarity else None,
        "counts": ValueCounts(**_parts_in(arrays, ValueCounts, "counts")) if has_counts else None,
        "marks": _marks_of(header, arrays),
        "is_threshold_auto": header.threshold_is_auto,
        "relation": Relation(**_parts_in(arrays, Relation, "relation")) if has_relation else None,
    }


def _check_sizes(arrays: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        if name in arrays and arrays[name].shape != (size,):
            raise ParameterError(f"{name} must have {size} values", parameter=name)


def _member_of(
    whole: Map, parts: dict[str, Any], shared: Decorrelation | None, header: _Header
) -> Scorer:
    _check_sizes(parts, dict.fromkeys(BY_UNIT, whole.n_units))
    map_ = map_of_arrays(parts, whole.lattice, whole.encoding, whole.metric)
    is_decorrelated = "decorrelation.matrix" in parts  # with all other parts
    scorer = _scorer_of(map_, parts, header, is_decorrelated=is_decorrelated)
    return scorer if shared is None else replace(scorer, decorrelation=shared)


def _scorer_of(
    map_: Map, arrays: Mapping[str, Any], header: _Header, *, is_decorrelated: bool
) -> Scorer:
    decorrelation = _decorrelation_of(arrays, map_.encoding) if is_decorrelated else None
    usual, far, reach = (arrays.get(name) for name in ("usual", "spread", "reach"))
    score, n_prototypes = header.score, header.n_prototypes
    return Scorer(map_, score, n_prototypes, usual, far, decorrelation, reach)


def _share_arrays(scorer: Scorer, whole: Scorer) -> Scorer:
    """Return a member map that shares equal arrays with the map of all rows.  This saves memory."""
    own, of_all = scorer.decorrelation, whole.decorrelation
    if own is not None and of_all is not None and own is not of_all:
        parts = {part.name: getattr(own, part.name) for part in fields(own)}
        same = {
            name: _shared_if_equal(values, getattr(of_all, name)) for name, values in parts.items()
        }
        scorer = replace(scorer, decorrelation=Decorrelation(**same))
    return replace(scorer, reach=_shared_if_equal(scorer.reach, whole.reach))


def _shared_if_equal(values: Any, of_all: Any) -> Any:
    return of_all if np.array_equal(values, of_all) else values


def _parts_in(arrays: Mapping[str, Any], kind: Any, beginning: str) -> dict[str, Any]:
    """Return the parts of a `kind` object by name, read from the arrays of a file."""
    return {part.name: arrays[_name_of(beginning, part.name)] for part in fields(kind)}


def _marks_of(header: _Header, arrays: Mapping[str, Any]) -> Marks | None:
    """Return the changes learned from marks.  The detector checks these changes."""
    return None if header.marks is None else Marks(**header.marks, **arrays_within(arrays, MARKS))


def _decorrelation_of(arrays: Mapping[str, Any], encoding: Encoding) -> Decorrelation:
    parts = _parts_in(arrays, Decorrelation, "decorrelation")
    for part, values in parts.items():
        shape = (encoding.n_features,) * (2 if part == "matrix" else 1)
        if values.dtype != np.float64 or values.shape != shape or not np.isfinite(values).all():
            name = _name_of("decorrelation", part)
            raise ParameterError(
                f"{name} must contain finite float64 numbers for each feature", parameter=name
            )
    if not (parts["deviations"] > 0).all():
        raise ParameterError(
            "decorrelation.spread must be above 0", parameter="decorrelation.spread"
        )
    return Decorrelation(**parts)
