"""How evenly rows use the units of a map."""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape.measures._placed import placed


def dead_units(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return the share of units that win no row.

    Good is near 0 on the training rows.  If it is high on them, take fewer units, or a smaller
    final radius: with a large one, units lie between groups of rows.  On other rows it says little.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`, or a ``scipy.sparse`` array.
    sample_weight : array-like of shape (n_samples,), optional
        Rows of weight 0 do not count.

    Returns
    -------
    float
        From 0 to just below 1.

    Raises
    ------
    InputError
        If there are no rows, or none has a value.

    See Also
    --------
    hit_entropy, hit_gini, somscape.plots.hits

    References
    ----------
    D. DeSieno (1988), Adding a conscience to competitive learning, section 1.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> measures.dead_units(SOM(1, 3).fit(X), X)
    0.0
    """
    return float((placed(map, X, sample_weight).hits == 0).mean())


def hit_entropy(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return how evenly units share the rows: entropy of the hits, from 0 to 1.

    Good is near 1 on the training rows: each unit stands for as many.  If it is low on them, a few
    units hold most rows: look for equal rows, or columns on very different scales.

    Parameters
    ----------
    map, X
        As for `dead_units`.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.

    Returns
    -------
    float
        Shannon's entropy divided by the logarithm of the number of units; NaN for one unit.

    Raises
    ------
    InputError
        As for `dead_units`.

    See Also
    --------
    hit_gini, dead_units, somscape.plots.hits

    References
    ----------
    C. E. Shannon (1948), A mathematical theory of communication, section 6.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> round(measures.hit_entropy(SOM(1, 3).fit(X), X), 6)
    1.0
    """
    return entropy_of(placed(map, X, sample_weight).hits)


def hit_gini(map: Any, X: Any, *, sample_weight: Any = None) -> float:
    """Return how unevenly units share the rows: Gini coefficient of the hits.

    Good is near 0 on the training rows; near 1 a few units hold all of them.  What to do is said at
    `hit_entropy`.

    Parameters
    ----------
    map, X
        As for `hit_entropy`.
    sample_weight : optional
        As for `hit_entropy`.

    Returns
    -------
    float
        From 0 to ``1 - 1 / n_units``.

    Raises
    ------
    InputError
        As for `dead_units`.

    See Also
    --------
    hit_entropy, dead_units, somscape.plots.hits

    References
    ----------
    C. Gini (1912), Variabilita e mutabilita.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> abs(round(measures.hit_gini(SOM(1, 3).fit(X), X), 6))
    0.0
    """
    return gini_of(placed(map, X, sample_weight).hits)


def entropy_of(hits: Float64s) -> float:
    """Return the entropy of hits, divided by its largest value; NaN for one unit."""
    if len(hits) < 2:
        return float("nan")
    share = hits[hits > 0] / hits.sum()
    return float(-(share * np.log(share)).sum() / np.log(len(hits)) + 0.0)


def gini_of(hits: Float64s) -> float:
    """Return the Gini coefficient of hits."""
    n = len(hits)
    place = 2 * np.arange(1, n + 1) - n - 1
    return float((place * np.sort(hits)).sum() / (n * hits.sum()))
