"""The base of all estimators, whose pickles stay readable."""

from inspect import Parameter, signature
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError


class Base(BaseEstimator):
    """An estimator; a parameter that an older pickle lacks takes its default."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = signature(type(self).__init__).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
        super().__setstate__({**defaults, **state})

    def __getattr__(self, name: str) -> Any:
        # Python comes here for what is not there only.
        shown = type(self).__name__
        if _is_of_fit(name) and not any(map(_is_of_fit, vars(self))):
            raise NotFittedError(f"this {shown} is not fitted yet; call `fit` first.")
        raise AttributeError(f"{shown!r} object has no attribute {name!r}")


def _is_of_fit(name: str) -> bool:
    """Return whether an attribute of this name is made by `fit`."""
    return name.endswith("_") and not name.startswith("_")
