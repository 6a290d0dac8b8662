"""Measures of each row, and means of these measures over units or all rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.measures._quality import Placed, placed, row_shares, row_ways
from somscape.measures.chance import are_torn, intervals
from somscape.measures.distances import MAX_ROWS, ON, Neighbors, RowPairs, run
from somscape.tables._messages import listed, suggestion


@dataclass(frozen=True, eq=False)
class ByRow:
    """A measure that is the weighted mean of one value per row.

    Attributes
    ----------
    values, weights : ndarray of shape (n,)
        Value and weight of each counted row, or of each row in a sample.
    units : ndarray of shape (n,)
        Best matching units of these rows.
    """

    values: Float64s
    weights: Float64s
    units: Ints

    @property
    def mean(self) -> float:
        """The measure over all rows."""
        return float(np.average(self.values, weights=self.weights))

    def by_unit(self, n_units: int) -> Float64s:
        """Return the measure for the rows of each unit, or NaN for a unit without rows."""
        weight, total = (
            np.bincount(self.units, each, minlength=n_units)
            for each in (self.weights, self.weights * self.values)
        )
        means = np.full(n_units, np.nan)
        np.divide(total, weight, out=means, where=weight > 0)
        return means


SEARCHED: Mapping[str, Callable[[Placed], Float64s]] = {
    "quantization_error": lambda rows: rows.distances[:, 0],
    "explained_variance": row_shares,
    "topographic_error": are_torn,
    "combined_error": row_ways,
}
"""For each measure of nearest units, function that returns one value per row."""


PAIRED: Mapping[str, tuple[str, str]] = {
    f"{name}{suffix}": (on, name)
    for on, suffix in zip(ON, ("", "_on_prototypes"), strict=True)
    for name in ("trustworthiness", "continuity")
}
"""For each measure of nearest rows, its value of `ON` and its attribute of `Neighbors`."""


def searched(rows: Placed, names: Iterable[str] = tuple(SEARCHED)) -> dict[str, ByRow]:
    """Return those measures that depend only on the nearest units of each row."""
    return {name: ByRow(SEARCHED[name](rows), rows.weights, rows.best) for name in names}


def paired(rows: Placed, pairs: RowPairs, k: int) -> dict[str, ByRow]:
    """Return those measures that compare pairs of rows, from one pass over all pairs."""
    k = min(k, int(np.ceil(pairs.n_rows / 2)) - 1)
    neighbors = {on: Neighbors(pairs, k, on) for on in ON} if k > 0 else {}
    run(pairs, list(neighbors.values()))
    unknown = np.full(len(pairs.anchors), np.nan)
    by_anchor = {
        name: getattr(neighbors[on], attribute) if k > 0 else unknown
        for name, (on, attribute) in PAIRED.items()
    }
    if not pairs.is_whole:
        units = pairs.units[pairs.anchors]
        return {name: ByRow(each, pairs.weights, units) for name, each in by_anchor.items()}
    # Equal rows share one anchor, whose weight counts all of these rows.
    weights = (pairs.counts / np.bincount(pairs.inverse))[pairs.inverse]
    return {
        name: ByRow(each[pairs.inverse], weights, rows.best) for name, each in by_anchor.items()
    }


def intervals_of(
    found: Mapping[str, ByRow], level: float, n_resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the bootstrap interval of each measure."""
    ends: dict[str, tuple[float, float]] = {}
    # All measures of the same rows share one draw.
    for weights in {id(each.weights): each.weights for each in found.values()}.values():
        those = {name: each for name, each in found.items() if each.weights is weights}
        values = np.column_stack([each.values for each in those.values()])
        drawn = intervals(values, weights, level, n_resamples, seed)
        for name, pair in zip(those, drawn, strict=True):
            low, high = pair.tolist()
            ends[name] = low, high
    return ends


NAMES = (*SEARCHED, *PAIRED)


def by_unit(
    som: Any,
    X: Any,
    *,
    which: str | Sequence[str] | None = None,
    sample_weight: Any = None,
    k: int = 10,
    max_rows: int = MAX_ROWS,
    random_state: int = 0,
) -> dict[str, Float64s]:
    """Return measures for each unit, computed from the rows of the unit.

    `plots.values` draws the result.  If a unit is much worse than the rest of the map, do not trust
    the map at this unit.  For advice on settings, see the function with the name of the measure.

    Parameters
    ----------
    som : Map
        A map or a fitted estimator.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as `Map.rows_of` accepts them.
    which : str or sequence of str, optional
        Measures that are means over rows.  The names are quantization_error, explained_variance,
        topographic_error, combined_error, trustworthiness and continuity.  The last two names can
        have ``_on_prototypes`` at their end.  The default is all measures.
    sample_weight : array-like of shape (n_samples,), optional
        Number of equal rows that each row represents.  The default is 1 each.
    k, max_rows, random_state : int, optional
        See `report`.  If only a random sample of the rows is compared, measures of pairs of
        rows are NaN for units without a sampled row.

    Returns
    -------
    dict of str to ndarray of shape (n_units,)
        NaN for a unit without rows.  The mean over units, weighted by the hits of X, is the measure
        of all rows.

    Raises
    ------
    InputError
        If a name is unknown, or if the function of a measure raises this error.
    ValueError, TypeError
        If `k`, `max_rows` or `random_state` is out of range.

    See Also
    --------
    report : Returns measures of the whole map.

    Notes
    -----
    All measures share one search of nearest units and one pass over pairs of rows.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [0.2], [5.0], [5.4]]
    >>> som = SOM(1, 2, radius_end=0.1).fit(X)
    >>> found = measures.by_unit(som, X, which=["quantization_error", "topographic_error"])
    >>> {name: values.round(6).tolist() for name, values in found.items()}
    {'quantization_error': [0.1, 0.2], 'topographic_error': [0.0, 0.0]}
    """
    check_whole("k", k, 1)
    check_whole("max_rows", max_rows, 1)
    check_whole("random_state", random_state, 0)
    names = _check_measure_names(which)
    rows = placed(som, X, sample_weight)
    found: dict[str, ByRow] = searched(rows, [name for name in names if name in SEARCHED])
    if any(name in PAIRED for name in names):
        found |= paired(rows, RowPairs.of(rows, max_rows, random_state), k)
    return {name: found[name].by_unit(rows.map_.n_units) for name in names}


def _check_measure_names(which: str | Sequence[str] | None) -> list[str]:
    """Check the names of measures, and return them."""
    if which is None:
        return list(NAMES)
    names = [which] if isinstance(which, str) else list(which)
    for name in names:
        if name not in NAMES:
            every = listed(NAMES, len(NAMES))
            cure = suggestion(str(name), list(NAMES)) or f"the measures are {every}"
            raise InputError(
                f"`which` contains {name!r}, which is not a measure of units ({cure}).",
                value=name,
                allowed=NAMES,
            )
    return names
