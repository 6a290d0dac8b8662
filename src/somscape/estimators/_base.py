"""The base of all estimators, whose pickles stay readable."""

from inspect import Parameter, signature
from typing import Any

from sklearn.base import BaseEstimator


class Base(BaseEstimator):
    """An estimator; a parameter that an older pickle lacks takes its default."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = signature(type(self).__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
        super().__setstate__({**defaults, **state})
