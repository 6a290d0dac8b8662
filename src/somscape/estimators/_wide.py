"""A warning where one column carries nearly all of the distance between rows."""

import warnings
from typing import Any

import numpy as np

from somscape.errors import SomscapeWarning
from somscape.estimators._prepare import Prepared
from somscape.fit import every
from somscape.kernels import SparseRows

MAX_SHARE = 0.995
"""Share of the variance from which one column alone makes the map."""

UNSCALED = ("euclidean", "manhattan", "chebyshev")
"""Metrics in which a wide column counts more."""

N_ROWS = 10_000
"""About how many rows are looked at."""


def warn_of_wide_column(prepared: Prepared, metric: str, feature_weight: Any) -> None:
    """Warn if one column of an array that is used as it is outweighs all others."""
    rows = prepared.rows
    if isinstance(rows, SparseRows) or not prepared.encoding.is_plain:
        return
    if metric not in UNSCALED or feature_weight is not None or rows.shape[1] < 2:
        return
    few = every(rows, max(1, len(rows) // N_ROWS))
    some = np.array(few, dtype=np.float64)
    some /= np.nanmax(np.abs(some)) or 1.0  # whose squares fit a float
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns without a value
        spreads = np.nan_to_num(np.nanstd(some, axis=0))
    second, first = np.argsort(spreads)[-2:]
    share = spreads[first] ** 2 / ((spreads**2).sum() or 1.0)
    if share < MAX_SHARE or not spreads[second]:
        return
    names = prepared.encoding.feature_names
    warnings.warn(
        f"column '{names[first]}' carries {100 * share:.4g} % of the squared distances between "
        f"rows: it is {spreads[first] / spreads[second]:.3g} times as wide as the next, "
        f"'{names[second]}'. Standardize the columns, as scikit-learn's StandardScaler does, or "
        "say by `feature_weight` how much each counts.",
        SomscapeWarning,
        stacklevel=4,
    )
