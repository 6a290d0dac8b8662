"""The fitted detector: a frozen record that scores rows, gives reasons, and saves itself."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_number
from somscape.errors import InputError
from somscape.maps import Map, map_in_words, table_and_rows
from somscape.outliers._alerts import Alerts, ranked
from somscape.outliers._arrays import is_array
from somscape.outliers._calibration import Calibration
from somscape.outliers._counterfactual import Counterfactual, counterfactuals_of
from somscape.outliers._counts import ValueCounts
from somscape.outliers._marks import Marks
from somscape.outliers._rarity import Rarity
from somscape.outliers._reasons import Reasons, reasons_of
from somscape.outliers._rule import AlertRule
from somscape.outliers._score import contributions_by, scores_by
from somscape.outliers._scorer import REMOVED, Scorer
from somscape.outliers._serialize import parts_of_detector, record_of_detector
from somscape.outliers._similar import (
    LabelShare,
    SimilarRows,
    label_share_around,
    nearest_usual_rows,
)
from somscape.records import Record, built_from, write_record


@dataclass(frozen=True, eq=False)
class Detector:
    """A fitted detector of unusual rows.

    Get one from ``detector_`` of a fitted `SOMDetector`, or from `somscape.load`.

    Attributes
    ----------
    of_all_rows : Scorer
        The map of all rows, and how rows are compared with it.
    threshold : float
        Rows with a score above it are flagged.
    calibration : Calibration
        Scores with which p-values compare a row's score.
    members : tuple of Scorer, default=()
        Maps with the same lattice and columns that score together in its place.  If empty, the map
        of all rows scores by itself.
    label_factors : ndarray of shape (n_units,) or None, default=None
        Factor of the scores of a unit's rows, in older files.  None means no factor.
    mean_contributions : ndarray of shape (n_columns,) or None, default=None
        Average contribution of each original column to the score of a training row.
    rarity : Rarity or None, default=None
        What single values add to the score of the maps.  None adds nothing.
    counts : ValueCounts or None, default=None
        How many rows had which values, for reasons; None where an older file does not say.
    marks : Marks or None, default=None
        What was learned from rows that were confirmed or cleared.  None means that none were.

    Raises
    ------
    ValueError, TypeError
        If the parts do not fit together; the message names one of them.

    See Also
    --------
    SOMDetector : Trains one, as an estimator of scikit-learn.

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
    label_factors: Float64s | None = None
    mean_contributions: Float64s | None = None
    rarity: Rarity | None = None
    counts: ValueCounts | None = None
    marks: Marks | None = None

    def __post_init__(self) -> None:
        for name, kind in (
            ("of_all_rows", Scorer),
            ("calibration", Calibration),
            ("members", tuple),
        ):
            if not isinstance(getattr(self, name), kind):
                given = type(getattr(self, name)).__name__
                raise TypeError(f"`{name}` must be a {kind.__name__}; got {given}.")
        check_number("threshold", self.threshold, 0, low_is_allowed=True)
        n_units, n_columns = self.map_.n_units, len(self.map_.encoding.features)
        factors, means = self.label_factors, self.mean_contributions
        if factors is not None and not (is_array(factors, (n_units,)) and (factors > 0).all()):
            raise ValueError("`label_factors` must be finite and above 0, one for each unit.")
        if means is not None and not (is_array(means, (n_columns,)) and (means >= 0).all()):
            raise ValueError("`mean_contributions` must be one finite number from 0 per column.")
        if not isinstance(self.rarity, Rarity | None):
            raise TypeError(f"`rarity` must be a Rarity or None; got {type(self.rarity).__name__}.")
        if self.rarity is not None:
            self.rarity.check(self.map_.codebook.shape[1])
        if self.counts is not None:
            self.counts.check(n_columns)
        if not isinstance(self.marks, Marks | None):
            raise TypeError(f"`marks` must be Marks or None; got {type(self.marks).__name__}.")
        if self.marks is not None:
            self.marks.check(self.map_.codebook.shape[1])
        regions = self.calibration.regions
        if regions is not None and len(regions) != n_units:
            raise ValueError("`calibration` must have a region for each unit.")
        if not all(self._can_score(one) for one in self.members):
            raise ValueError(
                "`members` must be Scorers with the score, `n_prototypes`, lattice and features of "
                "`of_all_rows`."
            )

    def _can_score(self, member: Any) -> bool:
        """Say whether a member scores as the detector does, which a file takes for granted."""
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
        """Show the map, and what the detector flags."""
        n = len(self.calibration.scores)
        words = f"flags scores above {self.threshold:.4g}; p-values compare with {n} rows"
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
        """The maps that score: the members, or without members the map of all rows."""
        if self.score in REMOVED:
            raise InputError(
                f"the method '{self.score}' was removed, so this detector only shows its map and "
                "scores no rows. Train a new detector with SOMDetector or `somscape detect`."
            )
        return self.members or (self.of_all_rows,)

    @cached_property
    def in_words(self) -> "Detector":
        """The same with words for columns and codes, itself without a dictionary."""
        if not self.map_.encoding.roles.dictionary:
            return self
        whole = self.of_all_rows
        return replace(self, of_all_rows=replace(whole, map_=map_in_words(whole.map_)))

    @property
    def effect_of_marks(self) -> str:
        """What marks changed, or why they did not, in sentences; "" without any."""
        return "" if self.marks is None else self.marks.in_words(self.map_.encoding)

    def scores(self, X: Any) -> Float64s:
        """Return the score of each row, higher for more unusual.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            As for `Map.rows_of`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Distances are in encoded feature units, or in the detector's own units if it
            decorrelates columns; `rarity` is in the same.  With several maps, the root of the mean
            squared score.  Costs
            O(n_samples * n_units * n_features) for each map.
        """
        return self.scores_of_rows(self.map_.rows_of(X))

    def p_values(self, X: Any) -> Float64s:
        """Return the p-value of each row: small for unusual rows.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            In (0, 1]; see `SOMDetector.p_values`.
        """
        return self.scores_and_p_values_of_rows(self.map_.rows_of(X))[1]

    def flags(self, X: Any) -> NDArray[np.bool_]:
        """Return which rows score above the threshold.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), bool
        """
        return self.scores(X) > self.threshold

    def contributions(self, X: Any) -> Float64s:
        """Return how much each original column adds to each row's score.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Columns in the order of ``map_.encoding.features``, with the levels of a category
            merged.  Each row adds up to its score (``-score_samples``), in equal shares if it lies
            exactly at a prototype.
        """
        return self.contributions_of_rows(self.map_.rows_of(X))

    def reasons(self, X: Any) -> list[Reasons]:
        """Return why each row is unusual, in original units, the largest share first.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)

        Returns
        -------
        list of Reasons
            At most four per row, each with at least 5 % of the score; none where no column's part
            is clearly above what it is in usual rows.  A category is not a reason
            if the row has the most common level near it, even if other rows there differ.
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
    ) -> Alerts:
        """Rank rows, the most unusual first, with reasons for the alerts.

        Pass at most one rule.  Without a rule, the alerts are the rows that stand out, at least 10
        and at most 50 rows; the list says how many do, and how many of them by chance.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
            The columns of an array are taken in order.  Reasons are in original units.
        n_alerts : int or None, default=None
            Number of alerts: the rows with the highest scores.
        p_value : float or None, default=None
            Alerts are the rows with at most this p-value.
        fdr : float or None, default=None
            As many alerts as keep the false discovery rate, the expected share of usual rows among
            them, at most about this; see `somscape.outliers.AlertRule`.
        amount : str or None, default=None
            Column with the amount that each row puts at stake.  Required with `cost`.
        cost : float or None, default=None
            Cost of a review, in the unit of `amount`.  Alerts are the rows whose review pays, those
            worth most first.
        above_threshold : bool, default=False
            Whether alerts are the rows that `flags` flags.

        Returns
        -------
        Alerts
            Rows with equal scores keep their order.
        """
        return self.alerts_by(AlertRule(n_alerts, p_value, fdr, amount, cost, above_threshold), X)

    def alerts_by(self, rule: AlertRule, X: Any) -> Alerts:
        """Rank rows as `alerts` does, by a rule.

        Parameters
        ----------
        rule : AlertRule
        X : Table, data frame or array-like of shape (n_rows, n_features)

        Returns
        -------
        Alerts
        """
        return ranked(self, *table_and_rows(self.map_, X), rule)

    def counterfactuals(self, X: Any) -> list[Counterfactual | None]:
        """Return what would make each row usual: few columns to change, and to what.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)

        Returns
        -------
        list of Counterfactual or None
            One per row, without changes if it scores at most the threshold, and None if no usual
            prototype does.  Each change is needed: without it the row stays unusual.  A smaller set
            of other changes may exist.  Each row costs about as much as scoring a hundred.  As
            text: "would be usual with A3 between 0.5 and 4".
        """
        return counterfactuals_of(self, *table_and_rows(self.map_, X))

    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> SimilarRows:
        """Return the usual rows nearest to each row, such as an alert.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        among : Table, data frame or array-like of shape (n_others, n_features)
            Rows to search, such as the training rows; the detector itself keeps none.
        n_similar : int, default=5
            Number of similar rows for each row, at least 1; fewer if fewer rows are usual.

        Returns
        -------
        SimilarRows
            Exactly the nearest rows that score at most the threshold.

        Raises
        ------
        InputError
            If `among` holds no usual row.
        """
        return nearest_usual_rows(self, X, among, n_similar)

    def label_share(self, X: Any, *, among: Any, y: Any, level: float = 0.95) -> LabelShare:
        """Return the share of known anomalies around each row, with its Wilson interval.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_rows, n_features)
        among : Table, data frame or array-like of shape (n_others, n_features)
            Rows with labels.  Leave out a row itself if its own label must not count.
        y : array-like of shape (n_others,)
            1 for an anomaly, 0 for a usual row, -1 (or NaN) for unknown; at least one is known.
        level : float, default=0.95
            Confidence level of the interval, above 0 and below 1.

        Returns
        -------
        LabelShare
            Counts, shares and intervals over the rows of the same unit and its neighbors.

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

    def scores_of_rows(self, rows: Floats, units: Ints | None = None) -> Float64s:
        """Return the score of each encoded row; see `scores`.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            From `Map.rows_of`; not checked again.
        units : ndarray of shape (n_samples,) or None, default=None
            Their best matching units, if known already.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scores = scores_by(self.scorers, rows, self.rarity)
        if self.label_factors is not None:
            units = self.map_.winners_of_rows(rows) if units is None else units
            scores = scores * self.label_factors[units]
        if self.marks is None:
            return scores
        return self.marks.with_held(rows, scores * self.marks.factors(rows))

    def contributions_of_rows(self, rows: Floats) -> Float64s:
        """Return what each column adds to the score of each encoded row.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            From `Map.rows_of`; not checked again.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
        """
        found = self.contributions_by_columns(rows)
        return found if self.marks is None else self.marks.parts_with_held(rows, found)

    def contributions_by_columns(self, rows: Floats) -> Float64s:
        """Return contributions by the values of rows alone: marked rows hold no place.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            From `Map.rows_of`; not checked again.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
        """
        found = contributions_by(self.scorers, rows, self.rarity)
        if self.label_factors is not None:
            found *= self.label_factors[self.map_.winners_of_rows(rows)][:, None]
        if self.marks is not None:
            found *= self.marks.factors(rows)[:, None]
        return found

    def scores_and_p_values_of_rows(self, rows: Floats) -> tuple[Float64s, Float64s]:
        """Return `scores` and `p_values` of encoded rows.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            From `Map.rows_of`; not checked again.

        Returns
        -------
        scores, p_values : ndarray of shape (n_samples,)
        """
        needs_units = self.label_factors is not None or self.calibration.regions is not None
        units = self.map_.winners_of_rows(rows) if needs_units else None
        scores = self.scores_of_rows(rows, units)
        return scores, self.calibration.p_values(scores, units)

    def save(self, path: str | Path) -> None:
        """Save the detector to one file, completely or not at all.

        The same detector gives the same bytes.  `somscape.load` reads it back.

        Parameters
        ----------
        path : str or Path
            Usually ends in ``.som``.
        """
        write_record(path, self.to_record())

    def to_record(self) -> Record:
        """Return the detector as JSON data and named arrays, the contents of a file.

        Returns
        -------
        Record
        """
        return record_of_detector(self)

    @classmethod
    def from_record(cls, record: Record) -> "Detector":
        """Return the detector of a record.

        Parameters
        ----------
        record : Record
            From `to_record` or `somscape.save.read_record`.

        Returns
        -------
        Detector

        Raises
        ------
        InputError
            If the parts of the record do not fit together, or it holds a map without a detector.
        """
        if record.header.get("detector") is None:
            raise InputError(
                "this is a map without a detector, so it cannot score rows. Save a fitted "
                "SOMDetector, or use `somscape detect`."
            )
        map_ = Map.from_record(record)
        return built_from(record, lambda record: cls(**parts_of_detector(record, map_)), "detector")
