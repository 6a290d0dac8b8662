"""The regions of a map: groups of units that belong together."""

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import write_whole
from somscape._types import Float64s, Ints
from somscape.maps import NO_UNIT, KeptRegions, Map
from somscape.regions._describe import Region, describe_regions
from somscape.regions._json import to_json
from somscape.regions._shown import frame_of_regions, html_of_regions


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of a map, the one with the most rows first.

    Attributes
    ----------
    map_ : Map
    labels : ndarray of shape (n_units,), int
        Region of each unit, from 0.
    names : tuple of str
        Name of each region, "" for one without.  Empty if none has a name.
    colors : tuple of str
        Color of each region in pictures and pages, such as "#aa3300", "" for one that has the usual
        color of its number.  Empty if none has a color of its own.

    Raises
    ------
    InputError
        For labels with gaps or of another number of units, and names or colors that are not one
        for each region.

    See Also
    --------
    find_regions : Finds them.
    Region : What sets one apart.

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
    names: tuple[str, ...] = field(default=(), kw_only=True)
    colors: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        checked = KeptRegions(self.labels, self.names, self.colors)
        checked.check(self.map_.n_units)
        object.__setattr__(self, "labels", checked.labels)

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
            ``region``; and ``name``, if any region has one.
        """
        return frame_of_regions(self, X, library)

    def to_json(self) -> dict[str, Any]:
        """Return regions, names and colors as JSON data, which `regions.from_json` reads.

        Returns
        -------
        dict
            ``schema`` ("somscape-regions"), ``schema_version``, ``map`` (which tells its prototypes
            from those of others), ``labels`` by unit, ``names`` and ``colors`` by region.
        """
        return to_json(self)

    def save(self, path: str | Path) -> None:
        """Save regions, names and colors to a JSON file, completely or not at all.

        `regions.read` reads it back, for the same map; `regions.keep` saves regions with a map.

        Parameters
        ----------
        path : str or Path
        """
        write_whole(path, f"{json.dumps(self.to_json())}\n".encode())

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
        found = describe_regions(self.map_, self.labels, rows, regions)
        names = self.names or ("",) * len(found)
        return [replace(r, name=name or r.name) for r, name in zip(found, names, strict=True)]
