"""The fitted map: a frozen record that finds winners, measures heights and saves itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints, Objects
from somscape._validate import check_whole
from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.grid import Lattice, lattice_of, lattice_parts
from somscape.joins import Joins, Kept, Pull, join_units, joins_of
from somscape.kernels import (
    EUCLIDEAN,
    MAX_BEST,
    Metric,
    Rows,
    SparseRows,
    kernels_for,
)
from somscape.maps._frames import place_columns, unit_columns
from somscape.maps._html import map_html
from somscape.maps._kept_regions import KeptRegions, regions_of_record, regions_to_record
from somscape.maps._layers import Layered
from somscape.maps._record import history_of, map_alone, names_of_units
from somscape.maps._rows import dense_rows, sparse_rows
from somscape.records import Record, built_from, write_record
from somscape.tables import Table, frame_of, suggestion

NO_UNIT = -1
"""The unit of a row without any value."""


@dataclass(frozen=True, eq=False)
class Map(Layered):
    """A trained self-organizing map.

    Its arrays are read-only.  To change them, change a copy and pass it to
    ``dataclasses.replace``.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features), float64
        Prototype of each unit, as encoded features; ``unit = row * n_cols + col``.
    lattice : Lattice
        How the units are arranged.
    encoding : Encoding
        What each column of the data became; plain for arrays.
    hits : ndarray of shape (n_units,)
        Number of training rows (their total weight) that each unit won.
    history : mapping of str to ndarray
        By epoch: ``radius`` (grid steps), ``quantization_error``, ``movement``.
    parameters : mapping of str to JSON data
        Settings that the map was trained with.
    versions : mapping of str to str
        Versions of somscape and NumPy.
    metric : Metric
        How the distance between rows and prototypes is computed.
    unit_labels : tuple of str
        Names of the units, "" for a unit without one, from files that have them.  Empty if no unit
        has a name.
    told : Kept, Joins or None
        Rows that tell where density falls between units, or what they told; a file holds the
        latter.  None for a map of which only prototypes are known, and to be set with a codebook
        that replaces its own.
    kept_regions : KeptRegions or None
        Regions that somebody settled on (`regions.keep`); a file holds them.

    See Also
    --------
    SOM : Trains one.
    load : Reads one that was saved.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> map_ = SOM(3, 4, random_state=0).fit(X).map_
    >>> map_.winners(X).shape, map_.u_heights.shape
    ((50,), (12,))
    """

    codebook: Float64s
    lattice: Lattice
    encoding: Encoding
    hits: Float64s
    history: Mapping[str, Float64s] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    metric: Metric = EUCLIDEAN
    unit_labels: tuple[str, ...] = ()
    told: Kept | Joins | None = field(default=None, repr=False)
    kept_regions: KeptRegions | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kept_regions is not None:
            self.kept_regions.check(len(self.codebook))
        object.__setattr__(self, "codebook", np.ascontiguousarray(self.codebook, np.float64))
        self._freeze()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._freeze()  # which a pickle does not keep

    def _freeze(self) -> None:
        """Replace the arrays by views that cannot be written to."""
        for name in ("codebook", "hits"):
            view = np.asarray(getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __repr__(self) -> str:
        lattice, n_features = self.lattice, self.codebook.shape[1]
        size = lattice.size_text.removesuffix(" units")
        return f"Map({size} {lattice.kind}, {n_features} features)"

    def _repr_html_(self) -> str:
        return map_html(self)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.codebook)

    def rows_of(self, X: Table | Any) -> Floats:
        """Return data as encoded rows, ready for the kernels.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            A table is encoded like the training table, and so is a data frame if the training data
            were encoded; an array is taken as encoded.  Columns of tables and data frames are found
            by name.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            C-contiguous.  float32 values stay float32, all others become float64.

        Raises
        ------
        InputError
            For a wrong number of features, or values that are not finite.
        """
        return dense_rows(X, self.encoding, self.codebook.shape[1])

    def any_rows_of(self, X: Table | Any) -> Rows:
        """Return dense or sparse rows, ready for the kernels.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            Or a ``scipy.sparse`` array of encoded rows.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or SparseRows

        Raises
        ------
        InputError
            As for `rows_of` and `sparse_rows_of`.
        """
        is_sparse = isinstance(X, SparseRows) or hasattr(X, "tocsr")
        return self.sparse_rows_of(X) if is_sparse else self.rows_of(X)

    def sparse_rows_of(self, X: Any) -> SparseRows:
        """Return sparse rows, ready for the kernels.

        Parameters
        ----------
        X : scipy.sparse array of shape (n_samples, n_features), or SparseRows
            Taken as encoded.

        Returns
        -------
        SparseRows

        Raises
        ------
        InputError
            As for `rows_of`.
        """
        return sparse_rows(X, self.encoding, self.codebook.shape[1])

    def winners(self, X: Table | Any, k: int = 1) -> Ints:
        """Return the best matching unit of each row.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            As for `rows_of`, or a ``scipy.sparse`` array of encoded rows.
        k : int, default=1
            How many units, nearest first, at most 16.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, k) for k above 1
            Of equally near units the lowest comes first; -1 for a row without any value.
        """
        return self.winners_of_rows(self.any_rows_of(X), k)

    def winners_of_rows(self, rows: Rows, k: int = 1) -> Ints:
        """Return the best matching unit of each encoded row; see `winners`.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features), or SparseRows
            From `rows_of` or `sparse_rows_of`; not checked again.
        k : int, default=1

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, k) for k above 1
        """
        self._check_k(k)
        rows, has_missing = self._compared_rows(rows)
        if self.metric.is_plain and not has_missing:
            units = kernels_for(rows).winners(rows, self.codebook, k, order=self.lattice.walk)
        else:
            units, _ = self._search(rows, k, has_missing)
        return units[:, 0] if k == 1 else units

    def nearest(self, X: Table | Any, k: int = 1) -> tuple[Ints, Float64s]:
        """Return the `k` nearest units of each row and their distances.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            As for `rows_of`, or a ``scipy.sparse`` array of encoded rows.
        k : int, default=1
            How many units, nearest first, at most 16.

        Returns
        -------
        units : ndarray of shape (n_samples, k)
        distances : ndarray of shape (n_samples, k), float64
        """
        self._check_k(k)
        rows, has_missing = self._compared_rows(self.any_rows_of(X))
        return self._search(rows, k, has_missing)

    def _check_k(self, k: int) -> None:
        check_whole("k", k, 1, high=min(MAX_BEST, self.n_units))

    def _compared_rows(self, rows: Rows) -> tuple[Rows, bool]:
        """Return rows as the metric compares them, and whether values are missing."""
        has_missing = self.encoding.missing == "mask" and not isinstance(rows, SparseRows)
        return self.metric.compared(rows), has_missing and bool(np.isnan(np.asarray(rows)).any())

    def _search(self, rows: Rows, k: int, has_missing: bool) -> tuple[Ints, Float64s]:
        order = self.lattice.walk
        units, distances = self.metric.search(
            kernels_for(rows), rows, self._compared, k, order=order, has_missing=has_missing
        )
        if has_missing:
            has_none = np.isnan(np.asarray(rows)).all(axis=1)
            units[has_none], distances[has_none] = NO_UNIT, np.nan
        return units, distances

    @cached_property
    def _compared(self) -> Float64s:
        """The codebook as the metric compares it."""
        return np.asarray(self.metric.compared(self.codebook))

    @cached_property
    def joins(self) -> Joins | None:
        """How the units join to regions, or None if no rows told.

        Found when first asked for: about a second for 5,000 rows on 400 units.
        """
        if not isinstance(self.told, Kept):
            return self.told
        said, pull = self.parameters, None
        if "neighborhood" in said and "radius_last" in said:
            pull = Pull(self.lattice, self.hits, said["neighborhood"], said["radius_last"])
        return join_units(self.told, self.places, self.hits, self.lattice, pull)

    @cached_property
    def places(self) -> Float64s:
        """Prototypes whose Euclidean distances order them as the map's metric does.

        Of shape (n_units, n_features); see `Metric.as_euclidean`.
        """
        return np.asarray(self.metric.as_euclidean(self.codebook), dtype=np.float64)

    @cached_property
    def u_heights(self) -> Float64s:
        """Mean distance of each unit's prototype to its neighbors', of shape (n_units,).

        The U-matrix by unit, also called distance map or mean inter-neuron distance
        (Ultsch and Siemon 1990): high where the data changes fast, low inside a group.
        0 for the unit of a 1 x 1 map.
        """
        return self.metric.mean_to_neighbors(self.codebook, self.lattice.neighbors)

    def plane(self, column: str) -> Float64s | Objects | NDArray[np.datetime64]:
        """Return the component plane of a column: each unit's value in original units.

        Parameters
        ----------
        column : str
            A feature column of the encoding.

        Returns
        -------
        ndarray of shape (n_units,)
            Numbers, dates, or the level of a category with the largest share.
        """
        for code, part in zip(self.encoding.features, self.encoding.slices, strict=True):
            if code.name == column:
                return code.decode(self.codebook[:, part])
        names = [code.name for code in self.encoding.features]
        cure = suggestion(str(column), names) or f"it has {', '.join(names)}."
        raise InputError(f"this map has no feature column '{column}'; {cure}")

    def to_frame(self, library: str | None = None) -> Any:
        """Return the codebook in original units as a data frame, one row per unit.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With ``unit``, ``row``, ``col``, ``hits``, ``u_height``, then every component plane; a
            column of the data with such a name gets a ``_`` at its end.

        Examples
        --------
        >>> from somscape import SOM
        >>> som = SOM(2, 3, random_state=0).fit([[0.0], [1.0], [2.0]] * 3)
        >>> som.map_.to_frame().columns.tolist()
        ['unit', 'row', 'col', 'hits', 'u_height', 'x0']
        """
        return frame_of(unit_columns(self), library)

    def locate(self, X: Table | Any, library: str | None = None) -> Any:
        """Return where rows lie on the map, as a data frame with one row each.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            As for `rows_of`, or a ``scipy.sparse`` array of encoded rows.
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With ``unit``, ``row``, ``col``, ``x``, ``y`` (position in grid steps, y downward) and
            ``distance`` to the unit's prototype; -1 and missing for a row without any value.

        Examples
        --------
        >>> from somscape import SOM
        >>> som = SOM(2, 3, random_state=0).fit([[0.0], [1.0], [2.0]] * 3)
        >>> som.map_.locate([[0.5]]).columns.tolist()
        ['unit', 'row', 'col', 'x', 'y', 'distance']
        """
        units, distances = self.nearest(X)
        return frame_of(place_columns(self, units[:, 0], distances[:, 0]), library)

    def save(self, path: str | Path) -> None:
        """Save the map to one file, completely or not at all.

        The same map gives the same bytes.  `somscape.load` reads it back.

        Parameters
        ----------
        path : str or Path
            Usually ends in ``.map.som`` or ``.som``.
        """
        write_record(path, self.to_record())

    def to_record(self) -> Record:
        """Return the map as JSON data and named arrays, the contents of a file.

        Returns
        -------
        Record
            Its arrays are the map's own.
        """
        lattice, lattice_arrays = lattice_parts(self.lattice)
        header: dict[str, Any] = {
            "lattice": lattice,
            "encoding": self.encoding.to_json(),
            "metric": self.metric.name,
            "parameters": dict(self.parameters),
            "versions": dict(self.versions),
            "detector": None,
        }
        arrays: dict[str, Any] = {"codebook": self.codebook, "hits": self.hits, **lattice_arrays}
        arrays.update({f"history.{name}": values for name, values in self.history.items()})
        arrays.update(self.metric.to_arrays())
        if self.joins is not None:
            arrays.update(self.joins.to_arrays())
        if self.unit_labels:
            header["unit_labels"] = list(self.unit_labels)
        if self.kept_regions is not None:
            said, labels = regions_to_record(self.kept_regions)
            header, arrays = header | said, arrays | labels
        return Record(header, arrays)

    @classmethod
    def from_record(cls, record: Record) -> "Map":
        """Return the map of a record.

        Parameters
        ----------
        record : Record
            From `to_record`, or from one of the readers in `somscape.save`.  From the record of a
            detector, a classifier or a checkpoint, only the map is taken.

        Returns
        -------
        Map

        Raises
        ------
        InputError
            If the parts of the record do not fit together.

        Examples
        --------
        >>> from somscape import SOM, Map
        >>> map_ = SOM(2, 3, random_state=0).fit([[0.0], [1.0], [2.0]] * 3).map_
        >>> Map.from_record(map_.to_record())
        Map(2 x 3 hexagonal, 1 features)
        """
        return built_from(map_alone(record), _read, "map")


def _read(record: Record) -> Map:
    header, arrays = record.header, record.arrays
    lattice = lattice_of(header["lattice"], arrays, len(arrays["codebook"]))
    encoding = Encoding.from_json(header["encoding"])
    for part in ("parameters", "versions"):
        if not isinstance(header[part], dict):
            raise TypeError(f"{part} must be names and values")
    metric = Metric.from_arrays(header["metric"], arrays, encoding.n_features)
    return replace(
        map_of_arrays(arrays, lattice, encoding, metric),
        history=history_of(arrays),
        parameters=header["parameters"],
        versions=header["versions"],
        unit_labels=names_of_units(header.get("unit_labels", []), lattice.n_units),
        told=joins_of(arrays, lattice.n_units),
        kept_regions=regions_of_record(header, arrays, lattice.n_units),
    )


def map_of_arrays(
    arrays: Mapping[str, Any], lattice: Lattice, encoding: Encoding, metric: Metric
) -> Map:
    """Return the map of a record's codebook and hits, which are checked."""
    codebook, hits = arrays["codebook"], arrays["hits"]
    if codebook.shape != (lattice.n_units, encoding.n_features) or hits.shape != codebook.shape[:1]:
        raise ValueError(
            f"codebook {codebook.shape} and hits {hits.shape} on {lattice.n_units} units of "
            f"{encoding.n_features} features"
        )
    if codebook.dtype not in (np.float32, np.float64) or not np.isfinite(codebook).all():
        raise ValueError("the codebook must hold finite float32 or float64 values")
    if hits.dtype.kind not in "fiu" or not (np.isfinite(hits).all() and (hits >= 0).all()):
        raise ValueError("hits must be finite numbers and not negative")
    return Map(codebook, lattice, encoding, hits, metric=metric)
