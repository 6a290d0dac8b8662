"""What a fitted detector says of rows: reasons, what would make them usual, the ranked list."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from somscape._types import Float64s
from somscape.estimators._prepare import data_for
from somscape.maps import Map
from somscape.outliers import (
    AlertRule,
    Alerts,
    Counterfactual,
    LabelShare,
    SimilarRows,
    contributions,
    counterfactuals,
    label_share,
    rank_alerts,
    similar_rows,
)


class ExplainsRows:
    """Mixin of a detector with a ``map_`` that scores."""

    map_: Map

    def explain(self, X: Any) -> Float64s:
        """Return what each column adds to each row's unusualness.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Adds up to ``-score_samples(X)``; the levels of a category are merged.
        """
        check_is_fitted(self)
        return contributions(self.map_, data_for(self, X))

    def counterfactuals(self, X: Any) -> list[Counterfactual | None]:
        """Return what would make each row usual: few columns to change, and to what.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table

        Returns
        -------
        list of Counterfactual or None
            One per row, without changes where `predict` gives 1; None where no usual prototype is
            itself below the threshold.  As text: "would be usual with A3 between 0.5 and 4".
        """
        check_is_fitted(self)
        return counterfactuals(self.map_, X)

    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> SimilarRows:
        """Return the usual rows nearest to each row, such as an alert.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        among : array-like or data frame of shape (n_others, n_features), or Table
            Rows to search, such as those of `fit`, which the detector does not keep.
        n_similar : int, default=5
            How many for each row.

        Returns
        -------
        SimilarRows
            Ids, numbers of the rows, distances; nearest first.
        """
        check_is_fitted(self)
        return similar_rows(self.map_, X, among, n_similar)

    def label_share(self, X: Any, *, among: Any, y: Any) -> LabelShare:
        """Return the share of known anomalies around each row, with its Wilson interval.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features), or Table
        among : array-like or data frame of shape (n_others, n_features), or Table
            Rows with labels.
        y : array-like of shape (n_others,)
            1, 0 and -1 as in `fit`.

        Returns
        -------
        LabelShare
            Counts, shares and 95 % intervals over the rows of the same unit and those next to it.
        """
        check_is_fitted(self)
        return label_share(self.map_, X, among, y)

    def alerts(
        self,
        table: Any,
        n_alerts: int | None = None,
        *,
        p_value: float | None = None,
        fdr: float | None = None,
        amount: str | None = None,
        cost: float | None = None,
    ) -> Alerts:
        """Rank the rows of a table, with reasons in original units for the first of them.

        At most one rule may be given; without one, alerts are the rows that `predict` flags.

        Parameters
        ----------
        table : Table, data frame or array-like of shape (n_rows, n_features)
        n_alerts : int or None, default=None
            So many rows.
        p_value : float or None, default=None
            Rows with a p-value of at most this.
        fdr : float or None, default=None
            As many rows as keep the false discovery rate at most about this: the expected share
            of usual rows among the alerts, see `somscape.outliers.AlertRule`.
        amount : str or None, default=None
            Column with what each row puts at stake; with `cost`.
        cost : float or None, default=None
            What a review costs, in the unit of `amount`: rows are alerts where it pays, the most
            worth first.

        Returns
        -------
        Alerts
        """
        check_is_fitted(self)
        rule = AlertRule(n_alerts, p_value, fdr, amount, cost)
        return rank_alerts(self.map_, table, rule=rule)
