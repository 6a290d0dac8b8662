"""Estimators that were pickled by an older release, which lacked a parameter."""

from inspect import Parameter, signature
from typing import Any

from sklearn.base import BaseEstimator


class Estimator(BaseEstimator):
    """A base whose pickles stay readable: what they lack takes its default."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = signature(type(self).__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
        super().__setstate__({**defaults, **state})
