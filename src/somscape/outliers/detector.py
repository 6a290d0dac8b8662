"""The fitted detector, which computes scores, alerts and reasons."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from somscape._types import Bools, Float64s, Floats
from somscape.errors import InputError
from somscape.maps.map import Map, refusal_of, table_and_rows
from somscape.maps.record import Record, built_from, write_record
from somscape.outliers._file import parts_of_detector, record_of_detector
from somscape.outliers._listing import Ruling
from somscape.outliers.alert_rule import AlertRule
from somscape.outliers.alerts import Alerts, ids_of, ranked
from somscape.outliers.counterfactual import Counterfactual, counterfactuals_of
from somscape.outliers.drift import MIN_MONTH, Drift, Scored
from somscape.outliers.reasons import Reasons, reasons_of
from somscape.outliers.scoring import Scoring, both_in_words
from somscape.outliers.similar import (
    LabelShare,
    SimilarRows,
    label_share_around,
    nearest_usual_rows,
)
from somscape.tables.table import Table


class Detector(Scoring):
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
