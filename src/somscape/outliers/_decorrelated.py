"""How a detector weighs columns: those that go together count once, those that vary little a bit.

Distances take columns as if they had nothing to do with each other.  A row whose values are usual
one by one, but not together, then lies no farther from the prototypes than others do; and where
five columns say the same, it counts five times.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats
from somscape._weights import counted_rows
from somscape.fit import mean_and_covariance
from somscape.maps import Decorrelation, rounded

RIDGE = 0.1
"""Added to each column's correlation with itself."""

RIDGE_OF_NOISE, MEMBERS_RIDGE_OF_NOISE = 1.0, 0.3
"""And so many times as there are columns for each row: correlations of few rows are largely noise,
much of which goes where several maps of different rows score together."""

LEAST_SPREAD = 1e-9
"""Columns that vary less than this share of the widest are left as they are."""

MOST_FEATURES = 1000
"""Beyond, the matrix would cost more than it says: a second, and as much as the search."""


def decorrelation_of(
    rows: Floats,
    weights: Float64s | None,
    is_usual: NDArray[np.bool_],
    share: float,
    *,
    whole: Decorrelation | None = None,
) -> Decorrelation | None:
    """Return what rows are multiplied by so that columns that go together are not counted twice.

    Rows are divided by their columns' spreads d, multiplied by the square root of
    ``s R^-1 + (1 - s) I``, where R are the correlations of the usual rows with a ridge, and by
    d^(5/8).  With s = 1 and the power 1 that is ZCA-cor (Kessy, Lewin and
    Strimmer 2018, Optimal whitening and decorrelation, section 3), of all whitenings the one
    whose columns stay most like the original ones.  A power of 1 would leave what each column
    counts alone; less gives columns of rare values, such as a rare category, more.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
    weights : ndarray of shape (n_samples,) or None
    is_usual : ndarray of shape (n_samples,), bool
        Rows whose correlations count: outliers that lie together would make up their own.
    share : float
        s, the share of a squared distance that is measured between decorrelated rows; the rest is
        between rows as they are, or outliers that follow the correlations would vanish.
    whole : Decorrelation or None, default=None
        Of all rows, where these are some of them and several such maps score together: the
        correlations are then theirs, and spreads those of all rows, for a rare value may be
        absent.

    Returns
    -------
    Decorrelation or None
        None for one feature, more than 1,000, missing values, or fewer than two usual rows.
        O(n_samples * n_features^2 + n_features^3), from at most 100,000 rows.
    """
    n_features = rows.shape[1]
    n_usual = int(is_usual.sum())
    if not 1 < n_features <= MOST_FEATURES or n_usual < 2 or np.isnan(rows).any():
        return None
    center, of_all = mean_and_covariance(rows, weights)
    spread = np.sqrt(np.diag(of_all))
    varies = spread > LEAST_SPREAD * spread.max()
    if not varies.any():
        return None
    usual_weights = None if weights is None else weights[is_usual]
    _, covariance = mean_and_covariance(rows[is_usual], usual_weights)
    correlation = _correlation(covariance)
    total = float(n_usual) if usual_weights is None else math.fsum(usual_weights)
    noise = n_features / counted_rows(n_usual, total)
    ridge = RIDGE + (RIDGE_OF_NOISE if whole is None else MEMBERS_RIDGE_OF_NOISE) * noise
    variances, axes = np.linalg.eigh((correlation + ridge * np.eye(n_features)) / (1 + ridge))
    matrix = (axes * np.sqrt(share / variances + (1 - share))) @ axes.T
    if whole is not None:
        return replace(whole, matrix=rounded(matrix))
    counts = np.sqrt(spread) * np.sqrt(np.sqrt(np.sqrt(spread)))
    counts *= math.sqrt(math.fsum(spread[varies] ** 2) / math.fsum(counts[varies] ** 2))
    spread, counts = (np.where(varies, values, 1.0) for values in (spread, counts))
    return Decorrelation(center, spread, rounded(matrix), counts)


def _correlation(covariance: Float64s) -> Float64s:
    """Return the correlations of a covariance; columns that do not vary have none."""
    spread = np.sqrt(np.diag(covariance))
    varies = spread > LEAST_SPREAD * spread.max()
    scale = np.where(varies, spread, 1.0)
    correlation = np.where(np.outer(varies, varies), covariance / np.outer(scale, scale), 0.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation
