"""Common base of recognizers and predictors, which predict from the units nearest to a row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Floats, Ints
from somscape._validate import check_is, check_number, check_that, check_whole, is_array
from somscape._weights import blocks, counts_of, ones_or
from somscape.errors import InputError, ParameterError, ParameterTypeError
from somscape.fit._map import train_map
from somscape.fit._plan import MAX_STARTS, STARTS_WORK
from somscape.fit.settings import Settings
from somscape.grid.lattice import Lattice
from somscape.kernels.metric import Metric
from somscape.maps._joins import KeptRows, rows_to_keep
from somscape.maps.map import Map
from somscape.maps.record import Record, arrays_within, built_from, write_record
from somscape.tables._recoded import words_of_column
from somscape.tables.encoding import Encoding

BLOCK_ROWS = 1 << 13
"""Number of rows for which the nearest units are searched at a time, to limit memory."""

MAX_NEAREST = 16
"""Maximum number of nearest units from which a prediction is computed."""


def pulls(distances: Float64s, power: float) -> Float64s:
    """Return the weights in a prediction of the units near a row.  Nearer units weigh more."""
    first = distances[:, :1]
    ratio = np.divide(first, distances, out=np.ones_like(distances), where=distances > first)
    found = ratio**power
    return np.asarray(found / found.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Answering:
    """Base class with the common attributes and methods of `Recognizer` and `Predictor`.

    Attributes
    ----------
    map_ : Map
    n_nearest : int
        Number of nearest units from which a prediction is computed.
    power : float
        Exponent by which weights fall with distance.  Relative to the nearest unit, a unit at twice
        the distance from the row has the weight ``2 ** -power``.
    far : ndarray of shape (n_calibration,)
        Distances of rows that were left out of training to the maps trained without these rows, in
        ascending order.  A row of weight 2 counts as two rows.
    leaks : dict of str to float, default={}
        Columns from each of which alone the target can be predicted nearly perfectly, and the share
        of the training rows (or of the variance) that the column predicts.
    """

    PART: ClassVar[str]
    """Name of the object's entry in the header of a saved file, and prefix of its array names."""

    KIND: ClassVar[str]
    """Name for objects of the class in messages about files."""

    WITHOUT: ClassVar[str]
    """Message if a file contains only a map."""

    EXPLAINS: ClassVar[str]
    """Template of a phrase about a column in `leaks`, with the fields ``target`` and ``share``."""

    map_: Map
    n_nearest: int
    power: float
    far: Float64s
    leaks: dict[str, float] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        check_is("map_", self.map_, Map, "a Map")
        check_whole("n_nearest", self.n_nearest, 1, high=min(MAX_NEAREST, self.map_.n_units))
        check_number("power", self.power, 0)
        check_numbers("far", self.far, (-1,))
        check_that((np.diff(self.far) >= 0).all(), "`far` must be in ascending order.")
        if not isinstance(self.leaks, dict):
            raise ParameterTypeError(
                "`leaks` must be a dictionary with the name and the share of each column."
            )
        for share in self.leaks.values():
            check_number("leaks", share, 0, 1)

    def leaks_in_words(self) -> list[str]:
        """Return a sentence about each column in `leaks`, with a recommendation.

        Returns
        -------
        list of str
            Sentences in which columns have the readable names from the data dictionary.
        """
        encoding = self.map_.encoding
        target = words_of_column(encoding, encoding.named("label") or "target")
        return [
            f"column '{words_of_column(encoding, column)}' alone "
            f"{self.EXPLAINS.format(target=target, share=100 * share)}. If its values are not "
            f"known before '{target}' is known, train without the column."
            for column, share in self.leaks.items()
        ]

    def p_values(self, X: Any) -> Float64s:
        """Return the p-value of the distance from each row to the map.

        Parameters
        ----------
        X : Table, data frame or array-like of shape (n_samples, n_features)
            Rows in any form that `Map.rows_of` accepts.

        Returns
        -------
        ndarray of shape (n_samples,)
            For each row, the share of the rows left out of training that are at least as far from
            the map, in (0, 1].  The share is small for a row that differs from all training rows.
        """
        near = self._near(self.map_.rows_of(X))
        found = [self._p_values_of(distances) for _, _, distances in near]
        return np.concatenate([*found, np.empty(0)])

    def _p_values_of(self, distances: Float64s) -> Float64s:
        """Return the p-values for the distances that `_near` yields."""
        n_nearer = np.searchsorted(self.far, distances[:, 0], side="left")
        return np.asarray((1 + len(self.far) - n_nearer) / (1 + len(self.far)))

    def _near(self, rows: Floats) -> Iterator[tuple[slice, Ints, Float64s]]:
        """Yield, for blocks of rows, a slice, the nearest units in order, and their distances."""
        for part in blocks(len(rows), BLOCK_ROWS):
            yield part, *self.map_.nearest(rows[part], self.n_nearest)

    def save(self, path: str | Path) -> None:
        """Save the recognizer or predictor to one file, completely or not at all.

        Equal objects give files with equal bytes.  Read the file with `somscape.load`.

        Parameters
        ----------
        path : str or Path
            File name, usually with the extension ``.som``.
        """
        write_record(path, self.to_record())

    def to_record(self) -> Record:
        """Return the contents of the file to save, which are JSON data and named arrays."""
        raise NotImplementedError

    def _record(
        self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any] | None]
    ) -> Record:
        """Return the map's record, extended by the given parts and the common attributes."""
        record, own = self.map_.to_record(), {**arrays, "far": self.far}
        shared = {"n_nearest": self.n_nearest, "power": float(self.power)}
        parts = {**header, **shared, "leaks": self.leaks or None}
        there = {name: value for name, value in parts.items() if value is not None}
        more = {f"{self.PART}.{name}": part for name, part in own.items() if part is not None}
        return Record({**record.header, self.PART: there}, record.arrays | more)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Create a recognizer or predictor from a record.

        Parameters
        ----------
        record : Record
            Record from `to_record` or `somscape.save.read_record`.

        Returns
        -------
        Recognizer or Predictor
            Object of the class on which `from_record` is called.

        Raises
        ------
        InputError
            If parts of the record do not fit together, or if the record contains only a map.
        """
        if record.header.get(cls.PART) is None:
            raise InputError(cls.WITHOUT)
        map_ = Map.from_record(record)
        return built_from(record, lambda it: cls._of(map_, parts_of(it, cls.PART)), cls.KIND)

    @classmethod
    def _of(cls, map_: Map, parts: dict[str, Any]) -> Self:
        return cls(map_, **parts)


def check_numbers(name: str, values: Any, shape: tuple[int, ...], kinds: str = "f") -> None:
    """Raise ValueError unless `values` is an array of finite numbers with the given shape."""
    if not is_array(values, shape, kinds):
        wanted = " x ".join("n" if n < 0 else str(n) for n in shape)
        raise ParameterError(f"`{name}` must be an array of {wanted} finite numbers.")


def parts_of(record: Record, part: str) -> dict[str, Any]:
    """Return the values that `to_record` stored in a record under the given name."""
    header, arrays = record.header[part], arrays_within(record.arrays, part)
    if not isinstance(header, dict):
        raise ParameterTypeError(f"{part} must be an object of names and values", parameter=part)
    both = sorted(header.keys() & arrays.keys())
    if both:
        raise ParameterTypeError(
            f"{part} has {both[0][:40]!r} twice", parameter=part, value=both[0][:40]
        )
    return {**header, **arrays}


MAX_AXES = 100
"""Maximum number of axes that the margin rule uses.  For more features, main axes are used."""

MAX_ROWS = 2_000
"""Maximum number of rows from which the main axes are computed."""

FLAT = 1e-6
"""Minimum spread of the rows along an axis that is used, relative to the largest spread."""


@dataclass(frozen=True, eq=False)
class Space:
    """The axes along which rows are compared.

    Attributes
    ----------
    center : ndarray of shape (n_features,)
        Mean of the rows.
    axes : ndarray of shape (n_features, n_axes)
        Axes as columns, scaled so that ``(rows - center) @ axes`` has a mean variance of 1.
    """

    center: Float64s
    axes: Float64s

    @classmethod
    def of(cls, rows: Float64s, weights: Float64s) -> "Space":
        """Compute the axes from rows and their weights."""
        center = weights @ rows / weights.sum()
        axes = np.eye(rows.shape[1])
        if rows.shape[1] > MAX_AXES:
            some = slice(None, None, -(-len(rows) // MAX_ROWS))
            apart = (rows[some] - center) * np.sqrt(weights[some])[:, None]
            _, sizes, main = np.linalg.svd(apart, full_matrices=False)
            axes = main[:MAX_AXES][sizes[:MAX_AXES] > FLAT * sizes[0]].T
            axes = axes if axes.size else np.eye(rows.shape[1], 1)
        placed = (rows - center) @ axes
        variance = float(weights @ (placed**2).mean(axis=1) / weights.sum())
        return cls(center, axes / np.sqrt(variance) if variance > 0 else axes)

    def place(self, rows: Float64s) -> Float64s:
        """Return the coordinates of the given rows on the axes."""
        return np.ascontiguousarray((rows - self.center) @ self.axes)


MAX_UNITS = 1_500
"""Maximum number of units of a map whose size is chosen automatically."""

LIGHTEST = 1e-12
"""Minimum weight of a row, relative to the mean weight.  Sums of lower weights lose all digits."""


class KnownRows(NamedTuple):
    """Rows, their weights, and their known classes or targets.

    `y` contains the class number of each row (-1 if unknown) or its targets (NaN if unknown).
    """

    rows: Float64s
    y: NDArray[Any]
    weights: Float64s

    def part(self, some: Ints) -> "KnownRows":
        """Return the rows with the given row numbers."""
        return KnownRows(self.rows[some], self.y[some], self.weights[some])

    def weighing(self, weights: Float64s) -> "KnownRows":
        """Return the rows with other weights.  Rows of weight 0 are left out."""
        return self._replace(weights=weights).part(np.flatnonzero(weights > 0))

    def sized(self, settings: Settings, n_units: float, starts_work: float) -> Settings:
        """Return settings with about `n_units` units and fewer starts, if both are automatic.

        All starts take at most `starts_work` multiply-adds per epoch.
        """
        work, free = self.rows.size * n_units, ("auto", "auto", "auto", "auto", "pca")
        given = (settings.n_init, settings.n_epochs, settings.radius_start, settings.algorithm)
        n_init = settings.n_init
        if (*given, settings.start) == free and 2 * work <= STARTS_WORK:
            n_init = int(max(1, min(MAX_STARTS, starts_work // work)))
        share = n_units / np.sqrt(self.weights.sum())
        return replace(settings, units_per_root=share, n_init=n_init)


def merged(rows: Float64s, y: NDArray[Any], weights: Float64s | None) -> KnownRows:
    """Merge equal rows with equal `y`.  The result is the same for any order of the rows."""
    counts = np.maximum(ones_or(counts_of(weights), len(rows)), LIGHTEST)
    whole = np.ascontiguousarray(np.column_stack([rows, y]) + 0.0)  # no -0.0
    whole[np.isnan(whole)] = np.nan
    as_bytes = whole.view(np.dtype((np.void, whole.itemsize * whole.shape[1]))).ravel()
    _, first, same = np.unique(as_bytes, return_index=True, return_inverse=True)
    summed = np.bincount(same, counts).astype(np.float64)
    return KnownRows(rows[first] + 0.0, y[first] + 0, summed)


def trained_on(
    columns: Float64s, weights: Float64s, settings: Settings, lattice: Lattice | None
) -> tuple[Map, Ints]:
    """Train a map on the coordinates of rows along axes, and return it and the unit of each row."""
    encoding = Encoding.plain([f"x{j}" for j in range(columns.shape[1])])
    map_, _, units = train_map(columns, weights, encoding, settings, lattice=lattice)
    return map_, units


def on_axes(map_: Map, prototypes: Float64s, axes: Float64s, center: Float64s) -> Map:
    """Convert a map of coordinates on axes to a map of features whose metric contains the axes."""
    metric = Metric("mahalanobis", None, np.ascontiguousarray(axes), center)
    encoding = Encoding.plain([f"x{j}" for j in range(len(axes))])
    codebook = metric.restored(prototypes)
    parameters = {**map_.parameters, "metric": metric.name}
    return replace(
        map_, codebook=codebook, encoding=encoding, metric=metric, parameters=parameters, told=None
    )


def centers_of(units: Ints, known: KnownRows, lattice: Lattice) -> Float64s:
    """Return the mean row of each unit (for a unit without rows, of the nearest units)."""
    n, weights = lattice.n_units, known.weights
    totals = np.bincount(units, weights, n)
    sums = np.array([np.bincount(units, weights * column, n) for column in known.rows.T]).T
    centers = sums / np.where(totals > 0, totals, 1.0)[:, None]
    with_rows = np.flatnonzero(totals > 0)
    for unit in np.flatnonzero(totals == 0):
        apart = lattice.distances_from(int(unit))[with_rows]
        next_to = with_rows[apart == apart.min()]
        centers[unit] = np.average(centers[next_to], axis=0, weights=totals[next_to])
    return np.ascontiguousarray(centers, dtype=np.float64)


def with_rows(map_: Map, known: KnownRows, encoding: Encoding) -> Map:
    """Add to a map the hits of its units, and some rows from which regions are found."""
    units = map_._winners_of_rows(known.rows)
    hits = np.bincount(units, known.weights, minlength=map_.n_units).astype(np.float64)
    some = rows_to_keep(known.rows.shape, map_.n_units)
    told = KeptRows.of(map_.metric.as_euclidean(known.rows[some]), known.weights[some])
    return replace(map_, hits=hits, told=told, encoding=encoding)
