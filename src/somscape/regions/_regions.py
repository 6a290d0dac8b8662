"""The regions of a map: connected groups of units that belong together."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_whole
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map, as_map
from somscape.regions._count import apart_regions
from somscape.regions._describe import Region, describe_regions
from somscape.regions._merge_small import merge_small_regions
from somscape.regions._shown import frame_of_regions, html_of_regions
from somscape.regions._ward import pieces_after, ward_joins

EMPTY_WEIGHT = 1e-9
"""Weight of a unit that won no row, as a share of the mean weight, so that it joins early."""

MIN_REGION_ROWS = 5
"""Fewest rows of a region."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of a map, the one with the most rows first.

    Attributes
    ----------
    map_ : Map
    labels : ndarray of shape (n_units,), int
        Region of each unit, from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 2)) + np.repeat([[0, 0], [9, 0], [0, 9]], [70, 50, 30], axis=0)
    >>> found = regions.find_regions(SOM(random_state=0).fit(X))
    >>> found.sizes.tolist()
    [70.0, 50.0, 30.0]
    >>> print(found.describe(X)[1].name)
    high x0, low x1
    """

    map_: Map
    labels: Ints

    def __post_init__(self) -> None:
        self.labels.flags.writeable = False

    def __repr__(self) -> str:
        n = self.n_regions
        return f"Regions({n} {'region' if n == 1 else 'regions'} of {self.map_.n_units} units)"

    def _repr_html_(self) -> str:
        return html_of_regions(self)

    def to_frame(self, X: Any = None, *, library: str | None = None) -> Any:
        """Return the region of each unit, or of each row, as a data frame.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features), optional
            As for `of`.  Default: the units.
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Of units: ``unit``, ``row``, ``col``, ``hits``, ``region``; of rows: ``unit`` and
            ``region``.
        """
        return frame_of_regions(self, X, library)

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return int(self.labels.max()) + 1

    @cached_property
    def sizes(self) -> Float64s:
        """Number of training rows (their total weight) by region, of shape (n_regions,)."""
        return np.bincount(self.labels, self.map_.hits).astype(np.float64)

    @cached_property
    def n_units(self) -> Ints:
        """Number of units of each region, of shape (n_regions,)."""
        return np.bincount(self.labels)

    def of(self, X: Any) -> Ints:
        """Return the region of each row.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            As for `Map.rows_of`, or a ``scipy.sparse`` array of encoded rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            From 0; -1 for a row without any value.
        """
        return self._of_units(self.map_.winners(X))

    def _of_units(self, units: Ints) -> Ints:
        return np.where(units == NO_UNIT, NO_UNIT, self.labels[units])

    def describe(self, X: Any, *, units: Ints | None = None) -> list[Region]:
        """Return what sets each region's rows apart from all others.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            As for `Map.rows_of`.
        units : ndarray of shape (n_samples,), optional
            Best matching unit of each row, if known already; found by default.

        Returns
        -------
        list of Region
            One per region, with a short name and the columns that differ most.
            O(n_samples log n_samples) for each column.
        """
        rows = np.asarray(self.map_.rows_of(X), dtype=np.float64)
        regions = self.of(rows) if units is None else self._of_units(units)
        return describe_regions(self.map_, self.labels, rows, regions)


def find_regions(map: Map, n_regions: int | str = "auto") -> Regions:
    """Find the regions of a map.

    Neighboring units join by Ward's rule, weighted by the rows that they won, so that every region
    is one connected piece.  Units that won no row join a neighbor.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    n_regions : int or "auto", default="auto"
        Number of regions.  ``"auto"``: as many as lie apart, from 1 to 12.  Two parts lie apart if
        their means are more than 4 standard deviations from each other, measured along the line
        through the means (Ashman, Bird and Zepf 1994), or somewhat more if one part has few rows.
        A single group stays one region, however long or flat it is.

    Returns
    -------
    Regions

    Raises
    ------
    InputError
        For more regions than units, or fewer than the unconnected parts of a graph.
    ValueError, TypeError
        For any other `n_regions`.

    Notes
    -----
    Distances are Euclidean, between prototypes in the form that the map's metric compares.  Costs
    O(n_units log n_units): half a second for 10,000 units.

    References
    ----------
    J. H. Ward (1963), Hierarchical grouping to optimize an objective function, Journal of the
    American Statistical Association 58.  K. M. Ashman, C. M. Bird and S. E. Zepf (1994),
    Detecting bimodality in astronomical datasets, The Astronomical Journal 108.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> som = SOM(random_state=0).fit(X)
    >>> regions.find_regions(som).n_regions, regions.find_regions(som, 3).n_regions
    (1, 3)
    """
    map = as_map(map)
    check_whole("n_regions", n_regions, 1, or_auto=True)
    places = np.asarray(map.metric.compared(map.codebook), dtype=np.float64)
    hits = map.hits if map.hits.any() else np.ones(map.n_units)
    weights = np.maximum(hits, EMPTY_WEIGHT * hits.mean())
    joins = ward_joins(map.lattice, places, weights)
    if n_regions == "auto":
        found = apart_regions(joins, places, weights, _within(map))
        if (np.bincount(found, hits)[found] < MIN_REGION_ROWS).any():
            found = merge_small_regions(
                map, hits, min_rows=MIN_REGION_ROWS, start=found, may_leap=False
            )
    else:
        n_parts = map.n_units - len(joins)
        if not n_parts <= int(n_regions) <= map.n_units:
            raise InputError(
                f"`n_regions` must be from {n_parts} to {map.n_units} on this map, the "
                f"numbers of its connected parts and of its units; got {n_regions}."
            )
        found = pieces_after(map.n_units, joins[: map.n_units - int(n_regions)])
    return Regions(map, _largest_first(found, hits))


def given_or_found(regions: Regions | None, map_: Map) -> Regions:
    """Return the regions that were given for a map, or find them.

    Parameters
    ----------
    regions : Regions or None
    map_ : Map

    Returns
    -------
    Regions

    Raises
    ------
    TypeError
        For something else than regions, such as their number.
    InputError
        For regions of a map with another number of units.
    """
    if regions is None:
        return find_regions(map_)
    if not isinstance(regions, Regions):
        raise TypeError(
            "`regions` must be what somscape.regions.find_regions(map, n_regions) returns, or "
            f"None; got {type(regions).__name__}."
        )
    if len(regions.labels) != map_.n_units:
        raise InputError(
            f"`regions` must be those of this map, of {map_.n_units} units; got regions of "
            f"{len(regions.labels)} units. Pass find_regions(map)."
        )
    return regions


def _within(map_: Map) -> float:
    """Return the variance of rows around their prototypes in one direction, or 0 if unknown."""
    errors = map_.history.get("quantization_error")
    if errors is None or not len(errors) or map_.metric.kernel != "euclidean":
        return 0.0
    return float(np.nan_to_num(errors[-1])) ** 2 / map_.codebook.shape[1]


def _largest_first(regions: Ints, hits: Float64s) -> Ints:
    """Number regions by their rows, most first; with equal numbers, by their first units."""
    _, first, numbers = np.unique(regions, return_index=True, return_inverse=True)
    order = np.lexsort([first, -np.bincount(numbers, hits)])
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return place[numbers]
