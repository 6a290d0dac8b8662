"""Measures that are means over rows: their values by row, which units and intervals share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.measures._distortion import row_distortions
from somscape.measures._labels import Classes
from somscape.measures._neighbors import ON, Neighbors
from somscape.measures._order import row_ranks, row_ways
from somscape.measures._pairs import Pairs, Pass, run
from somscape.measures._placed import Placed
from somscape.measures._separation import Silhouettes
from somscape.measures._stability import are_torn, intervals
from somscape.measures._variance import row_shares


@dataclass(frozen=True, eq=False)
class ByRow:
    """A measure that is the weighted mean of one value by row, or the root of one.

    Attributes
    ----------
    values, weights : ndarray of shape (n,)
        Of all rows that count, or of a sample of them.
    units : ndarray of shape (n,)
        Their best matching units.
    is_root : bool, default=False
    """

    values: Float64s
    weights: Float64s
    units: Ints
    is_root: bool = False

    @property
    def mean(self) -> float:
        """The measure."""
        return float(self.shown(np.average(self.values, weights=self.weights)))

    def by_unit(self, n_units: int) -> Float64s:
        """Return the measure on the rows of each unit; NaN for one without, (n_units,)."""
        weight, total = (
            np.bincount(self.units, each, minlength=n_units)
            for each in (self.weights, self.weights * self.values)
        )
        means = np.full(n_units, np.nan)
        np.divide(total, weight, out=means, where=weight > 0)
        return self.shown(means)

    def shown(self, means: Any) -> Any:
        """Return means of values as values of the measure."""
        return np.sqrt(means) if self.is_root else means


SEARCHED: Mapping[str, Callable[[Placed], Float64s]] = {
    "quantization_error": lambda rows: rows.distances[:, 0],
    "root_mean_squared_error": lambda rows: rows.distances[:, 0] ** 2,
    "explained_variance": row_shares,
    "distortion": row_distortions,
    "topographic_error": are_torn,
    "mean_tied_rank": row_ranks,
    "combined_error": row_ways,
}
"""What follows from each row's two nearest units: values by row."""

_ROOTS = ("root_mean_squared_error",)

PAIRED: Mapping[str, tuple[str, str]] = {
    f"{name}{suffix}": (on, attribute)
    for on, suffix in zip(ON, ("", "_on_prototypes"), strict=True)
    for name, attribute in (
        ("trustworthiness", "trustworthiness"),
        ("continuity", "continuity"),
        ("neighborhood_preservation", "preservation"),
    )
}
"""What compares the neighbors of rows: on what, and the attribute of `Neighbors`."""


def searched(rows: Placed, names: Iterable[str] = tuple(SEARCHED)) -> dict[str, ByRow]:
    """Return measures that follow from the units of each row."""
    return {
        name: ByRow(SEARCHED[name](rows), rows.weights, rows.best, name in _ROOTS) for name in names
    }


def paired(
    rows: Placed, pairs: Pairs, k: int, regions: Any, more: Sequence[Pass] = ()
) -> dict[str, ByRow]:
    """Return measures that compare pairs of rows, in one pass over them."""
    k = min(k, int(np.ceil(pairs.n_rows / 2)) - 1)
    neighbors = {on: Neighbors(pairs, k, on) for on in ON} if k > 0 else {}
    silhouettes = {} if regions is None else {"silhouette": Silhouettes(pairs, regions)}
    run(pairs, [*neighbors.values(), *more, *silhouettes.values()])
    unknown = np.full(len(pairs.anchors), np.nan)
    by_anchor = {
        name: getattr(neighbors[on], attribute) if k > 0 else unknown
        for name, (on, attribute) in PAIRED.items()
    }
    by_anchor |= {name: each.values for name, each in silhouettes.items()}
    if not pairs.is_whole:
        units = pairs.units[pairs.anchors]
        return {name: ByRow(each, pairs.weights, units) for name, each in by_anchor.items()}
    # Rows that are equal share one anchor, which counts them all.
    weights = (pairs.counts / np.bincount(pairs.inverse))[pairs.inverse]
    return {
        name: ByRow(each[pairs.inverse], weights, rows.best) for name, each in by_anchor.items()
    }


def purity_of(classes: Classes) -> ByRow:
    """Return whether each row has the main class of its unit."""
    place = np.searchsorted(classes.live, classes.units)
    is_most = classes.counts(None).argmax(axis=1)[place] == classes.classes
    return ByRow(is_most.astype(np.float64), classes.weights, classes.units)


def intervals_of(
    found: Mapping[str, ByRow], level: float, n_resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the interval of each measure, by drawing rows again."""
    ends: dict[str, tuple[float, float]] = {}
    # One draw for all measures of the same rows.
    for weights in {id(each.weights): each.weights for each in found.values()}.values():
        those = {name: each for name, each in found.items() if each.weights is weights}
        values = np.column_stack([each.values for each in those.values()])
        drawn = intervals(values, weights, level, n_resamples, seed)
        for (name, each), pair in zip(those.items(), drawn, strict=True):
            low, high = each.shown(pair).tolist()
            ends[name] = (low, high)
    return ends
