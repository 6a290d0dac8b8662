"""The fitted map, which finds best matching units and cannot be changed."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints, Objects
from somscape._validate import check_not_dates, check_row_lengths, check_values, check_whole
from somscape.errors import InputError, ParameterError, ParameterTypeError
from somscape.grid.graph import lattice_of, lattice_parts
from somscape.grid.lattice import Lattice
from somscape.kernels._kernels import MAX_BEST
from somscape.kernels._select import kernels_for
from somscape.kernels._sparse import Rows, SparseRows, check_sparse_values
from somscape.kernels.metric import EUCLIDEAN, Metric
from somscape.maps._joins import Joins, KeptRows, Pull, joins_of
from somscape.maps.record import (
    CLASSES,
    ESTIMATOR,
    TARGETS,
    Record,
    arrays_within,
    built_from,
    write_record,
)
from somscape.tables._fit_encoding import checked_layers, in_layers, of_layers
from somscape.tables._frame import Frame, as_frame, table_from_frame
from somscape.tables._messages import free_name, listed, suggestion
from somscape.tables._recoded import in_words
from somscape.tables.encoding import Encoding, FeatureCode
from somscape.tables.sources import collected
from somscape.tables.table import Table, frame_of, table_from_columns


def unit_places(map_: "Map") -> dict[str, Any]:
    """Return the number, row and column of each unit, as columns of a data frame."""
    units = np.arange(map_.n_units)
    row, col = map_.lattice.rows_and_cols(units)
    return {"unit": units, "row": row, "col": col}


def unit_columns(map_: "Map") -> dict[str, Any]:
    """Return position, hits, U-height and component planes as columns with one value per unit."""
    columns = unit_places(map_) | {"hits": map_.hits, "u_height": map_.u_heights}
    for code in map_.encoding.features:
        columns[free_name(code.name, columns, "_")] = map_.plane(code.name)
    return columns


MAX_CELLS = 2500
"""Largest number of units up to which a notebook shows a map as a picture.  Pictures of larger
maps would need too much space in the file of the notebook."""

WIDTH = 360
"""Width of the picture in pixels.  Tall maps are narrower."""

LIGHT, DARK = (246, 249, 249), (11, 11, 18)


def map_html(map_: "Map") -> str:
    """Return a map as HTML without scripts."""
    figure = ET.Element("figure", style="margin: 0")
    if map_.n_units <= MAX_CELLS:
        figure.append(_picture(map_))
    caption = ET.SubElement(figure, "figcaption")
    ET.SubElement(caption, "code").text = repr(map_)
    if map_.n_units <= MAX_CELLS:
        low, high = map_.u_heights.min(), map_.u_heights.max()
        words = f" U-matrix: mean distance to neighbors, {low:.3g} (light) to {high:.3g} (dark)"
        caption[0].tail = words
    return ET.tostring(figure, encoding="unicode", method="html")


def _picture(map_: "Map") -> ET.Element:
    positions, cell = map_.lattice.positions, map_.lattice.cell
    corners = positions[:, None, :] + cell[None, :, :]
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    wide, tall = high - low
    scale = min(WIDTH / wide, WIDTH / tall)
    picture = ET.Element(
        "svg",
        viewBox=f"{low[0]:.3f} {low[1]:.3f} {wide:.3f} {tall:.3f}",
        width=f"{scale * wide:.0f}",
        height=f"{scale * tall:.0f}",
        role="img",
    )
    picture.set("aria-label", f"U-matrix of {map_!r}")
    heights = map_.u_heights
    span = float(np.ptp(heights)) or 1.0
    for unit, outline in enumerate(corners):
        share = (heights[unit] - heights.min()) / span
        color = tuple(round(a + share * (b - a)) for a, b in zip(LIGHT, DARK, strict=True))
        points = " ".join(f"{x:.3f},{y:.3f}" for x, y in outline)
        shape = ET.SubElement(picture, "polygon", points=points, fill=f"rgb{color}")
        row, col = divmod(unit, map_.lattice.n_cols)
        words = f"row {row}, column {col}: {heights[unit]:.4g}, {map_.hits[unit]:g} rows"
        ET.SubElement(shape, "title").text = words
    return picture


OWN = ("codebook", "hits", "history", "metric", "lattice", "joins", "kept_regions")
"""Names, up to the first dot, of those arrays in a file that belong to the map itself."""

OTHERS = ("detector", CLASSES, TARGETS, ESTIMATOR)
"""Header entries of a file that do not belong to the map itself."""


def map_alone(record: Record) -> Record:
    """Return a record without the parts that do not belong to the map itself."""
    header, arrays = record.header, record.arrays
    more = [name for name in OTHERS if isinstance(header, dict) and header.get(name) is not None]
    if not more:
        return record
    own = {name: values for name, values in arrays.items() if name.split(".")[0] in OWN}
    return Record({**header, **dict.fromkeys(more)}, own)


def history_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays of the training history, with one value per epoch."""
    found = arrays_within(arrays, "history")
    for name, values in found.items():
        if values.dtype.kind != "f" or values.ndim != 1 or not len(values):
            raise ParameterError(
                f"history.{name} must contain one number per epoch", parameter=f"history.{name}"
            )
    return found


def names_of_units(labels: Any, n_units: int) -> tuple[str, ...]:
    """Check the labels of units, and return one label for each unit or an empty tuple."""
    is_list = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not is_list or len(labels) not in (0, n_units):
        raise ParameterError("unit_labels must be one text for each unit", parameter="unit_labels")
    return tuple(labels)


def _predict_other_columns(map_: "Map", part: "Map", units: Ints) -> dict[str, Any]:
    """For each unit in `units`, return its values in those columns that are not in `part`."""
    given = {code.name for code in part.encoding.used}
    others = [code.name for code in map_.encoding.used if code.name not in given]
    if not others:
        raise InputError(
            "All layers of the map are given, so there is no layer left to predict. Give fewer "
            "layers.",
            parameter="given",
        )
    columns: dict[str, Any] = {}
    for name in others:
        values = np.asarray(map_.plane(name))[units]
        if (units < 0).any():
            is_date, is_number = values.dtype.kind == "M", values.dtype.kind == "f"
            nothing: Any = np.nan if is_number else None
            values[units < 0] = np.array("NaT", values.dtype) if is_date else nothing
        columns[name] = values
    return columns


def _encoded_values(X: Any, encoding: Encoding) -> Floats:
    X = collected(X)
    if isinstance(X, Table):
        return encoding.encode(X)
    frame = as_frame(X, "X")
    if frame is not None and not encoding.is_plain:
        return encoding.encode(frame.table())
    if frame is not None:
        return encoding.fill(frame.numbers(_names_in(frame, encoding)))
    if hasattr(X, "tocsr"):
        raise InputError("X is sparse, but this method needs dense rows. Pass X.toarray().")
    check_row_lengths(X)
    values = _as_array(X)
    check_not_dates(values.dtype)
    if values.dtype not in (np.float32, np.float64):
        try:
            values = values.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"X must contain only numbers ({error}). Pass encoded rows."
            ) from error
    return encoding.fill(values)


def _as_array(X: Any) -> Any:
    """Return data as a NumPy array, or raise InputError."""
    try:
        values = np.asarray(X.detach() if hasattr(X, "detach") else X)
    except (TypeError, RuntimeError, BufferError) as error:
        library = type(X).__module__.split(".")[0]
        raise InputError(
            f"X is not in the memory of this computer ({library} reports {error}). Pass a NumPy "
            "array, or pass X to a method of the estimator, for example `predict`."
        ) from error
    if values.dtype == object and values.ndim == 0:
        raise InputError(
            f"X must be a table, a data frame or an array of numbers, but is of type "
            f"{type(X).__name__}. Convert X to a data frame, or pass X to a method of the "
            "estimator, for example `predict` or `alerts`.",
            value=type(X).__name__,
        )
    return values


def _names_in(frame: Frame, encoding: Encoding) -> list[str] | None:
    """Return the names of those columns of a frame that the map needs, or None for all columns."""
    if not encoding.is_named:
        return None
    names, there = encoding.feature_names, frame.names
    lacking = [name for name in names if name not in there]
    if lacking:
        close = suggestion(lacking[0], [str(name) for name in there if name not in names])
        meant = f" ({close.replace('did you mean', 'is it')})" if close else ""
        raise InputError(
            f"X does not contain all columns of the map. Missing columns are {', '.join(lacking)}"
            f"{meant}. Add these columns, or pass an array with the features in the order of the "
            "map.",
            column=lacking[0],
            allowed=names,
        )
    return names


MAX_NAME = 80
"""Largest number of characters in the name of a region."""

COLOR = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True, eq=False)
class KeptRegions:
    """Regions of a map that a user chose to save with the map.

    Attributes
    ----------
    labels : ndarray of shape (n_units,), int
        Region of each unit, numbered from 0 without gaps.
    names, colors : tuple of str
        Name and color ("#rrggbb") of each region, or "".  Empty if no region has a name or a color.

    Raises
    ------
    InputError
        If a number is missing in the labels, names or colors do not fit the regions, or a name is
        repeated.
    """

    labels: Ints
    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        labels = np.array(self.labels)
        n = len(np.unique(labels))
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or not n:
            raise InputError(
                f"`labels` must be one whole number for each unit, but is {labels.dtype} of shape "
                f"{labels.shape}.",
                value=labels.dtype,
            )
        if labels.min() != 0 or labels.max() != n - 1:
            raise InputError(
                f"`labels` must number {n} regions from 0 to {n - 1}, but the numbers are from "
                f"{labels.min()} to {labels.max()}.",
                value=labels.min(),
            )
        for what in ("names", "colors"):
            given = getattr(self, what)
            if len(given) not in (0, n) or not all(isinstance(each, str) for each in given):
                raise InputError(
                    f"`{what}` must be one text for each of {n} regions, but is {given}.",
                    value=given,
                )
        for name in self.names:
            if len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
                raise InputError(
                    f"The name of a region must be one line of at most {MAX_NAME} characters "
                    f"without spaces at its start or end, but is {name[:MAX_NAME]!r}.",
                    parameter="names",
                    value=name[:MAX_NAME],
                )
            if name and self.names.count(name) > 1:
                raise InputError(
                    f"Two regions have the name {name!r}. Give each region a different name.",
                    parameter="names",
                    value=name,
                )
        for color in self.colors:
            if color and not COLOR.fullmatch(color):
                raise InputError(
                    "A color must be '#' and six characters from 0 to 9 or a to f, for example "
                    f"'#1f77b4', but is {color!r}.",
                    parameter="colors",
                    value=color,
                )
        labels.flags.writeable = False
        object.__setattr__(self, "labels", labels)

    def check(self, n_units: int) -> None:
        """Raise InputError if the number of labels is not `n_units`."""
        if len(self.labels) != n_units:
            raise InputError(
                f"The regions have {len(self.labels)} units, but the map has {n_units}. Give the "
                "regions of this map.",
                value=len(self.labels),
                allowed=n_units,
            )


def regions_of_record(
    header: Mapping[str, Any], arrays: Mapping[str, Any], n_units: int
) -> KeptRegions | None:
    """Return the kept regions from the parts of a record, or None if the record has none."""
    if "kept_regions" not in arrays:
        return None
    said = header["kept_regions"]
    kept = KeptRegions(arrays["kept_regions"], tuple(said["names"]), tuple(said["colors"]))
    kept.check(n_units)
    return kept


def feature_named(encoding: Encoding, name: str) -> tuple[FeatureCode, slice]:
    """Return the code of a feature column and the slice of its features, or raise InputError."""
    for code, part in zip(encoding.features, encoding.slices, strict=True):
        if code.name == name:
            return code, part
    names = [code.name for code in encoding.features]
    cure = suggestion(str(name), names) or f"the columns are {listed(names)}"
    raise InputError(
        f"The map does not have the feature column '{name}' ({cure}).", column=name, allowed=names
    )


NO_UNIT = -1
"""Unit number of a row without any value."""


@dataclass(frozen=True, eq=False)
class Map:
    """A trained self-organizing map.

    The arrays of a map are read-only.  To change a map, change a copy of the array and pass this
    copy to ``dataclasses.replace``.

    Attributes
    ----------
    codebook : ndarray of shape (n_units, n_features), float64
        Prototype of each unit, as encoded features.  Units are numbered by ``unit = row * n_cols +
        col``.
    lattice : Lattice
        Arrangement of the units.
    encoding : Encoding
        Encoding of each column of the data.  For arrays, the encoding does not change values.
    hits : ndarray of shape (n_units,)
        Number (or total weight) of those training rows whose best matching unit is this unit.
    history : mapping of str to ndarray
        Arrays ``radius`` (in grid steps), ``quantization_error`` and ``movement``, by epoch.
    parameters : mapping of str to JSON data
        Settings of the training.
    versions : mapping of str to str
        Versions of somscape and NumPy.
    metric : Metric
        Computes the distance between rows and prototypes.
    unit_labels : tuple of str
        Names of the units from a file with names, or "".  Empty if no unit has a name.
    told : KeptRows, Joins or None
        Rows from which `joins` are computed, or the computed joins.  A file has only the joins.
        None if only the prototypes are known.  If you replace the codebook, set `told` to None.
    kept_regions : KeptRegions or None
        Regions that a user chose to keep (`regions.keep`).  They are saved to a file.

    See Also
    --------
    SOM : Trains a map.
    load : Reads a map from a file.

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
    told: KeptRows | Joins | None = field(default=None, repr=False)
    kept_regions: KeptRegions | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kept_regions is not None:
            self.kept_regions.check(len(self.codebook))
        object.__setattr__(self, "codebook", np.ascontiguousarray(self.codebook, np.float64))
        self._freeze()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._freeze()  # a pickle does not preserve read-only flags

    def _freeze(self) -> None:
        """Make the arrays read-only."""
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
        """Encode data like the training data, and return the rows for the kernels.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            A table is encoded like the training table.  A data frame is encoded only if the
            training data were encoded.  An array must contain encoded rows.  Columns of tables and
            data frames are found by name.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            C-contiguous rows.  Values of type float32 are kept, and all other types become float64.

        Raises
        ------
        InputError
            If the number of features is wrong, or if a value is not finite.
        """
        values, n_features = _encoded_values(X, self.encoding), self.codebook.shape[1]
        if values.ndim != 2 or values.shape[1] != n_features:
            raise InputError(
                f"X must have shape (n_samples, {n_features}), with the features of this map, but "
                f"has shape {values.shape}.",
                value=values.shape,
            )
        names, may_miss = self.encoding.feature_names, self.encoding.missing == "mask"
        check_values(values, names, dtype=np.float64, may_miss=may_miss)
        return np.ascontiguousarray(values)

    def any_rows_of(self, X: Table | Any) -> Rows:
        """Encode dense or sparse data, and return the rows for the kernels.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            Data as for `rows_of`, or a ``scipy.sparse`` array of encoded rows.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or SparseRows

        Raises
        ------
        InputError
            If `rows_of` or `sparse_rows_of` raises this error.
        """
        is_sparse = isinstance(X, SparseRows) or hasattr(X, "tocsr")
        return self.sparse_rows_of(X) if is_sparse else self.rows_of(X)

    def sparse_rows_of(self, X: Any) -> SparseRows:
        """Check sparse data, and return the rows for the kernels.

        Parameters
        ----------
        X : scipy.sparse array of shape (n_samples, n_features), or SparseRows
            Encoded rows.

        Returns
        -------
        SparseRows

        Raises
        ------
        InputError
            If `rows_of` would raise this error.
        """
        rows = X if isinstance(X, SparseRows) else SparseRows.from_csr(X.tocsr())
        n_features = self.codebook.shape[1]
        if rows.shape[1] != n_features:
            raise InputError(
                f"X must have the {n_features} features of this map, but has {rows.shape[1]}.",
                value=rows.shape[1],
                allowed=n_features,
            )
        check_sparse_values(rows, self.encoding.feature_names, dtype=np.float64)
        return rows

    def winners(self, X: Table | Any, k: int = 1) -> Ints:
        """Return the best matching unit of each row.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            Data as for `rows_of`, or a ``scipy.sparse`` array of encoded rows.
        k : int, default=1
            Number of nearest units per row, from 1 to 16.  The nearest unit is first.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, k) for k above 1
            Numbers of the units.  If units are equally near, the unit with the lowest number is
            first.  -1 for a row without any value.
        """
        return self._winners_of_rows(self.any_rows_of(X), k)

    def _winners_of_rows(self, rows: Rows, k: int = 1) -> Ints:
        """Return the `k` nearest units of each encoded row, as `winners` does."""
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
            Data as for `rows_of`, or a ``scipy.sparse`` array of encoded rows.
        k : int, default=1
            Number of nearest units per row, from 1 to 16.  The nearest unit is first.

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
        """Return rows after the transformation by the metric, and whether values are missing."""
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
        """The codebook after the transformation by the metric."""
        return np.asarray(self.metric.compared(self.codebook))

    @cached_property
    def joins(self) -> Joins | None:
        """The order in which units are joined to regions, or None if unknown.

        This attribute is computed at the first access.  This takes about a second for 5,000 rows on
        400 units.
        """
        if not isinstance(self.told, KeptRows):
            return self.told
        from somscape.maps._normals import join_units

        said, pull = self.parameters, None
        if "neighborhood" in said and "radius_last" in said:
            pull = Pull(self.lattice, self.hits, said["neighborhood"], said["radius_last"])
        return join_units(self.told, self.places, self.hits, self.lattice, pull)

    @cached_property
    def places(self) -> Float64s:
        """Prototypes in coordinates in which Euclidean distances replace the metric.

        The shape is (n_units, n_features).  See `Metric.as_euclidean`.
        """
        return np.asarray(self.metric.as_euclidean(self.codebook), dtype=np.float64)

    @cached_property
    def u_heights(self) -> Float64s:
        """Mean distance of each unit's prototype to the prototypes of its neighbors.

        These values (n_units,) form the U-matrix of Ultsch and Siemon (1990).  It is also called
        distance map or mean inter-neuron distance.  The values are low inside a cluster and high
        between clusters.  On a map of one unit, the value is 0.
        """
        return self.metric.mean_to_neighbors(self.codebook, self.lattice.neighbors)

    def plane(self, column: str) -> Float64s | Objects | NDArray[np.datetime64]:
        """Return the value of each unit in a column (the component plane).

        Parameters
        ----------
        column : str
            Name of a feature column of the encoding.

        Returns
        -------
        ndarray of shape (n_units,)
            Numbers or dates in original units.  For a column of categories, the level with the
            largest share in the unit.
        """
        code, part = feature_named(self.encoding, column)
        return code.decode(self.codebook[:, part])

    def of_layers(self, layers: str | Iterable[str]) -> "Map":
        """Return a map with only the features of some layers.

        Parameters
        ----------
        layers : str or iterable of str
            Names of layers of the `TableEncoder` that was used in training.

        Returns
        -------
        Map
            A map with the same units and only the features of these layers.  Its rows do not need
            other columns.

        Raises
        ------
        InputError
            If the map does not have these layers, or its metric is ``"mahalanobis"`` (classifiers
            and regressors).

        Examples
        --------
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": [0, 1], "price": [2]})
        >>> X = [[1.0, 2.0, 10.0], [2.0, 1.0, 12.0], [8.0, 9.0, 70.0], [9.0, 8.0, 75.0]]
        >>> SOM(2, 2, encoder=encoder).fit(X).map_.of_layers("size")
        Map(2 x 2 hexagonal, 2 features)
        """
        names, metric = checked_layers(self.encoding, layers), self.metric
        is_in, weights = in_layers(self.encoding, names), metric.feature_weights
        if metric.whitening is not None:
            raise InputError(
                f"A map with metric='{metric.name}', such as the map of a classifier or regressor, "
                "does not support layers, because its distances are not sums over columns. Train a "
                "SOM with the same encoder and another metric, for example metric='euclidean'.",
                parameter="layers",
                value=names,
            )
        if weights is not None:
            weights = weights[is_in]
            if not weights.any():
                raise InputError(
                    "All columns of these layers have a `feature_weight` of 0, so all distances "
                    "would be 0. Give other layers.",
                    parameter="layers",
                    value=names,
                )
        return replace(
            self,
            codebook=self.codebook[:, is_in],
            encoding=of_layers(self.encoding, names),
            metric=replace(metric, feature_weights=weights),
            told=None,
        )

    def predict_layers(
        self, X: Table | Any, given: str | Iterable[str], *, library: str | None = None
    ) -> Any:
        """Predict, for each row, its values in the columns of all other layers.

        Parameters
        ----------
        X : Table, data frame or array-like
            Rows, as `rows_of` accepts them, with the columns of the given layers.  Other columns
            are ignored.  An array contains the encoded features of the given layers.
        given : str or iterable of str
            Names of the layers that determine the best matching units.
        library : {"pandas", "polars", "pyarrow"}, optional
            The default is the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row per row of `X`, with the columns of the other layers.  Columns that were
            constant in training are left out.  The values come from the best matching unit, in
            original units as in `plane`.  With ``missing="mask"``, a row without any value in the
            given layers gets missing values.

        Raises
        ------
        InputError
            If `of_layers` or `rows_of` raises this error, or if all layers are given.

        Examples
        --------
        >>> import pandas as pd
        >>> from somscape import SOM, TableEncoder
        >>> encoder = TableEncoder(layers={"size": ["w", "h"], "use": ["use"]})
        >>> frame = pd.DataFrame({"w": [1, 2, 8, 9], "h": [2, 1, 9, 8], "use": list("aabb")})
        >>> map_ = SOM(2, 2, encoder=encoder, radius_end=0.3).fit(frame).map_
        >>> map_.predict_layers(pd.DataFrame({"w": [1.5, 8.5], "h": [1.5, 8.5]}), "size")
          use
        0   a
        1   b
        """
        part = self.of_layers(given)
        return frame_of(_predict_other_columns(self, part, part.winners(X)), library)

    def to_frame(self, library: str | None = None) -> Any:
        """Return the codebook in original units as a data frame, one row per unit.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            The default is the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns ``unit``, ``row``, ``col``, ``hits``, ``u_height``, and then all component
            planes.  If a column of the data has one of these names, ``_`` is added to its name.

        Examples
        --------
        >>> from somscape import SOM
        >>> som = SOM(2, 3, random_state=0).fit([[0.0], [1.0], [2.0]] * 3)
        >>> som.map_.to_frame().columns.tolist()
        ['unit', 'row', 'col', 'hits', 'u_height', 'x0']
        """
        return frame_of(unit_columns(self), library)

    def locate(self, X: Table | Any, library: str | None = None) -> Any:
        """Return the position of each row on the map as a data frame.

        Parameters
        ----------
        X : Table or array-like of shape (n_samples, n_features)
            Data as for `rows_of`, or a ``scipy.sparse`` array of encoded rows.
        library : {"pandas", "polars", "pyarrow"}, optional
            The default is the first of these libraries that is installed.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns ``unit``, ``row``, ``col``, ``x``, ``y`` (position in grid steps, y downward)
            and ``distance`` to the unit's prototype.  For a row without any value, ``unit``,
            ``row`` and ``col`` are -1, and all other columns are missing values.

        Examples
        --------
        >>> from somscape import SOM
        >>> som = SOM(2, 3, random_state=0).fit([[0.0], [1.0], [2.0]] * 3)
        >>> som.map_.locate([[0.5]]).columns.tolist()
        ['unit', 'row', 'col', 'x', 'y', 'distance']
        """
        found, far = self.nearest(X)
        units, distances = found[:, 0], far[:, 0]
        is_none = units < 0
        row, col = (np.where(is_none, -1, part) for part in self.lattice.rows_and_cols(units))
        x, y = np.where(is_none[:, None], np.nan, self.lattice.positions[units]).T
        places = {"unit": units, "row": row, "col": col, "x": x, "y": y, "distance": distances}
        return frame_of(places, library)

    def save(self, path: str | Path) -> None:
        """Save the map to one file, completely or not at all.

        Equal maps result in equal files.  `somscape.load` reads the file.

        Parameters
        ----------
        path : str or Path
            Path of the file, which usually ends in ``.map.som`` or ``.som``.
        """
        write_record(path, self.to_record())

    def to_record(self) -> Record:
        """Return the map as a record of JSON data and named arrays for a file.

        Returns
        -------
        Record
            A record that shares its arrays with the map.
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
            names, colors = self.kept_regions.names, self.kept_regions.colors
            header["kept_regions"] = {"names": list(names), "colors": list(colors)}
            arrays["kept_regions"] = self.kept_regions.labels.astype(np.int64)
        return Record(header, arrays)

    @classmethod
    def from_record(cls, record: Record) -> "Map":
        """Return the map of a record.

        Parameters
        ----------
        record : Record
            Record from `to_record` or from a reader in `somscape.save`.  If the record contains a
            detector or a classifier, only the map is used.

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
            raise ParameterTypeError(f"{part} must be names and values", parameter=part)
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
    """Check codebook and hits from the arrays of a record, and return a map with both."""
    codebook, hits = arrays["codebook"], arrays["hits"]
    if codebook.shape != (lattice.n_units, encoding.n_features) or hits.shape != codebook.shape[:1]:
        raise ParameterError(
            f"codebook of shape {codebook.shape} and hits of shape {hits.shape} do not fit "
            f"{lattice.n_units} units with {encoding.n_features} features",
            parameter="codebook",
        )
    if codebook.dtype not in (np.float32, np.float64) or not np.isfinite(codebook).all():
        raise ParameterError(
            "the codebook must contain finite float32 or float64 values", parameter="codebook"
        )
    if hits.dtype.kind not in "fiu" or not (np.isfinite(hits).all() and (hits >= 0).all()):
        raise ParameterError("hits must be finite numbers and not negative", parameter="hits")
    return Map(codebook, lattice, encoding, hits, metric=metric)


def refusal_of(name: str, thing: Any, wanted: str, example: str, *marks: str) -> Exception:
    """Return the error for the parameter `name` whose value is not a map or a detector."""
    if isinstance(thing, str | os.PathLike):
        path = os.fspath(thing)
        return ParameterTypeError(
            f"`{name}` must be {wanted}, but is the name of a file. Load the file first with "
            f"somscape.load({path!r}).",
            value=path,
        )
    kind = type(thing).__name__
    if hasattr(thing, "fit") and any(hasattr(thing, mark) for mark in marks):
        return InputError(f"This {kind} is not fitted yet. Call `fit` first.", value=kind)
    return ParameterTypeError(
        f"`{name}` must be {wanted}, for example {example}, but is of type {kind}.", value=kind
    )


def as_map(map_: Any, name: str = "som") -> Map:
    """Return the value of a parameter if it is a map, or the map of a detector or estimator."""
    found = getattr(map_, "map_", map_)
    if not isinstance(found, Map):
        raise refusal_of(name, map_, "a Map", "`som.map_`", "save", "som")
    return found


def map_in_words(map_: Map) -> Map:
    """If a map contains a data dictionary, return the map with words instead of codes."""
    if not map_.encoding.roles.dictionary:
        return map_
    return replace(map_, encoding=in_words(map_.encoding), told=map_.joins)


def reordered(map_: Map, units: Ints) -> Map:
    """Return the map with its units reordered.  Its unit i is the earlier unit ``units[i]``."""
    told, kept = map_.told, map_.kept_regions
    return replace(
        map_,
        codebook=map_.codebook[units],
        hits=map_.hits[units],
        unit_labels=tuple(map_.unit_labels[unit] for unit in units) if map_.unit_labels else (),
        told=told.renumbered(np.argsort(units)) if isinstance(told, Joins) else told,
        kept_regions=None if kept is None else replace(kept, labels=kept.labels[units]),
    )


def table_and_rows(map_: Map, X: Any) -> tuple[Table, Floats]:
    """Return the data as a table with the columns of the map, and as encoded rows."""
    X = collected(X)
    if isinstance(X, Table) or hasattr(X, "columns"):
        table = X if isinstance(X, Table) else table_from_frame(X)
        return table, map_.rows_of(table)
    if not map_.encoding.is_plain:
        raise InputError(
            f"The map needs data with column names, but X is of type {type(X).__name__}. Pass a "
            "data frame, for example pandas.DataFrame(X, columns=[...]).",
            parameter="X",
            value=type(X).__name__,
        )
    rows = map_.rows_of(X)
    return table_from_columns(dict(zip(map_.encoding.feature_names, rows.T, strict=True))), rows
