"""The base of all estimators."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError


class Base(BaseEstimator):
    """An estimator; what `fit` makes is missed by name before `fit`."""

    def __getattr__(self, name: str) -> Any:
        # Python comes here for what is not there only.
        shown = type(self).__name__
        if _is_of_fit(name) and not any(map(_is_of_fit, vars(self))):
            raise NotFittedError(f"this {shown} is not fitted yet; call `fit` first.")
        raise AttributeError(f"{shown!r} object has no attribute {name!r}")


def _is_of_fit(name: str) -> bool:
    """Return whether an attribute of this name is made by `fit`."""
    return name.endswith("_") and not name.startswith("_")
