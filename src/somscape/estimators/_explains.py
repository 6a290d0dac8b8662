"""What a fitted detector says of rows besides their score: why, what instead, which come first."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.utils.validation import check_is_fitted

from somscape._types import Float64s
from somscape.estimators._elsewhere import pieces_here
from somscape.estimators._prepare import data_for
from somscape.outliers import (
    Alerts,
    Counterfactual,
    Detector,
    LabelShare,
    Reasons,
    SimilarRows,
)

F = TypeVar("F", bound=Callable[..., Any])


def in_words_of(answering: Callable[..., Any]) -> Callable[[F], F]:
    """Give a method the docstring of the one that answers for it."""

    def with_words(method: F) -> F:
        method.__doc__ = answering.__doc__
        return method

    return with_words


class Explains:
    """Mixin of an estimator with a ``detector_``, which answers."""

    detector_: Detector

    @in_words_of(Detector.contributions)
    def contributions(self, X: Any) -> Float64s:
        check_is_fitted(self)
        return self.detector_.contributions(data_for(self, X))

    @in_words_of(Detector.reasons)
    def reasons(self, X: Any) -> list[Reasons]:
        check_is_fitted(self)
        return self.detector_.reasons(pieces_here(X))

    @in_words_of(Detector.counterfactuals)
    def counterfactuals(self, X: Any) -> list[Counterfactual | None]:
        check_is_fitted(self)
        return self.detector_.counterfactuals(pieces_here(X))

    @in_words_of(Detector.similar_rows)
    def similar_rows(self, X: Any, *, among: Any, n_similar: int = 5) -> SimilarRows:
        check_is_fitted(self)
        return self.detector_.similar_rows(
            pieces_here(X), among=pieces_here(among), n_similar=n_similar
        )

    @in_words_of(Detector.label_share)
    def label_share(self, X: Any, *, among: Any, y: Any, level: float = 0.95) -> LabelShare:
        check_is_fitted(self)
        return self.detector_.label_share(
            pieces_here(X), among=pieces_here(among), y=y, level=level
        )

    @in_words_of(Detector.alerts)
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
        check_is_fitted(self)
        return self.detector_.alerts(
            pieces_here(X),
            n_alerts,
            p_value=p_value,
            fdr=fdr,
            amount=amount,
            cost=cost,
            above_threshold=above_threshold,
        )
