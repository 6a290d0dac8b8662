"""Rows with an id and a time walk over a map: their steps, their stays, what they enter."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Float64s, Ints
from somscape._validate import check_whole, checked_weights
from somscape._weights import ones_or
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map, as_map
from somscape.paths._given import Places, changes, given_ids, given_times, refuse_equal_times
from somscape.tables import collected, counted, frame_of, listed, suggestion


@dataclass(frozen=True)
class Entry:
    """Somebody entered a region.

    Attributes
    ----------
    id : int, float or str
        Who.
    place : int, float or str
        The region, or the unit, that was entered.
    time : float or datetime.datetime
        When.
    row : int
        Number of the row in the data, from 0.
    unit : int
        Where on the map.
    came_from : int, float, str or None
        The region, or the unit, of the row before; None where the path begins here.

    See Also
    --------
    Paths.entries : Makes them.

    Examples
    --------
    >>> from somscape import SOM, paths
    >>> X = [[1.0], [2.0], [9.0], [1.0]]
    >>> walk = paths.follow(SOM(1, 2, random_state=0).fit(X), X)
    >>> [(entry.row, entry.came_from is None) for entry in walk.entries(1)]
    [(2, False)]
    """

    id: Any
    place: Any
    time: Any
    row: int
    unit: int
    came_from: Any

    def __str__(self) -> str:
        number = isinstance(self.time, float)
        time = f"{self.time:g}" if number else self.time.isoformat(" ", timespec="seconds")
        origin = "where its path begins" if self.came_from is None else f"from {self.came_from}"
        return f"{self.id} entered {self.place} at {time}, {origin} (row {self.row})"


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths of rows over a map: one for each id, in the order of time.

    All arrays have one entry per row, path after path; rows without any value, or of weight 0, are
    left out.

    Attributes
    ----------
    map_ : Map
    ids : ndarray of shape (n_rows,)
        Ascending.
    times : ndarray of shape (n_rows,), float64 or datetime64[us]
        Ascending for each id.
    units : ndarray of shape (n_rows,)
        Best matching units.
    rows : ndarray of shape (n_rows,)
        Number of each row in the data, from 0.
    weights : ndarray of shape (n_rows,), float64

    See Also
    --------
    follow : Makes them.
    somscape.plots.paths : A picture of them.

    Examples
    --------
    >>> from somscape import SOM, paths
    >>> som = SOM(1, 3, radius_end=0.1, random_state=0).fit([[0.0], [1.0], [2.0]] * 10)
    >>> X, ids = [[0.0], [0.1], [2.0], [1.0], [2.0]], ["a", "a", "a", "b", "b"]
    >>> found = paths.follow(som, X, ids=ids)
    >>> found.ids_of_paths.tolist(), found.units.tolist()
    (['a', 'b'], [0, 0, 2, 1, 2])
    >>> for entry in found.entries(2):
    ...     print(entry)
    a entered 2 at 2, from 0 (row 2)
    b entered 2 at 4, from 1 (row 4)
    """

    map_: Map
    ids: NDArray[Any]
    times: NDArray[Any]
    units: Ints
    rows: Ints
    weights: Float64s

    def __post_init__(self) -> None:
        for array in (self.ids, self.times, self.units, self.rows, self.weights):
            array.flags.writeable = False

    def __repr__(self) -> str:
        return f"Paths({counted(len(self.ids_of_paths), 'path')} of {len(self.ids)} rows)"

    def __len__(self) -> int:
        return len(self.ids_of_paths)

    @property
    def ids_of_paths(self) -> NDArray[Any]:
        """The id of each path, of shape (n_paths,)."""
        return self.ids[self._are_first]

    @property
    def slices(self) -> list[slice]:
        """Where each path stands in the arrays."""
        ends = [*np.flatnonzero(self._are_first).tolist(), len(self.ids)]
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    @property
    def _are_first(self) -> NDArray[np.bool_]:
        """Whether each row begins a path."""
        return changes(self.ids)

    def take(self, ids: Any) -> "Paths":
        """Return the paths of one id, or of several.

        Parameters
        ----------
        ids : id or sequence of ids

        Returns
        -------
        Paths

        Raises
        ------
        InputError
            For an id without a path.
        """
        asked = [ids] if isinstance(ids, str) or np.ndim(ids) == 0 else list(ids)
        if not asked:
            raise InputError("`ids` must name at least one path.")
        there = set(self.ids_of_paths.tolist())
        for id_ in asked:
            if id_ not in there:
                texts = [str(known) for known in self.ids_of_paths if str(known) != str(id_)]
                cure = suggestion(str(id_), texts) or f"there are {listed(texts)}"
                raise InputError(f"no path has the id {id_!r}; {cure}")
        keep = np.isin(self.ids, asked)
        return replace(
            self,
            ids=self.ids[keep],
            times=self.times[keep],
            units=self.units[keep],
            rows=self.rows[keep],
            weights=self.weights[keep],
        )

    def to_frame(self, library: str | None = None) -> Any:
        """Return the rows of all paths as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            With ``id``, ``time``, ``table_row``, ``unit`` and ``weight``.
        """
        columns = {"id": self.ids, "time": self.times, "table_row": self.rows}
        return frame_of({**columns, "unit": self.units, "weight": self.weights}, library)

    def visits(self, regions: Any = None, library: str | None = None) -> Any:
        """Return every stay in a unit, or in a region, as a data frame.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            Regions of the map, or a label for each of its units.  Default: the units.
        library : {"pandas", "polars", "pyarrow"}, optional
            Default: pandas where it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            By path and time: ``id``, ``place``, ``begin``, ``end``, ``time`` (from begin to end),
            ``rows`` (by weight) and ``is_last``.  A visit ends with the first row elsewhere; the
            last one of a path with its last row, as nobody knows what came after.
        """
        places = Places.of(self.map_, regions)
        first, end, codes = self._visits(places)
        is_last = np.append(self._are_first[first[1:]], True)
        columns = {
            "id": self.ids[first],
            "place": places.names[codes],
            "begin": self.times[first],
            "end": self.times[end],
            "time": self.times[end] - self.times[first],
            "rows": np.add.reduceat(self.weights, first),
            "is_last": is_last,
        }
        return frame_of(columns, library)

    def dwells(self, regions: Any = None, library: str | None = None) -> Any:
        """Return how long each id stayed in each unit, or region, as a data frame.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.
        library : {"pandas", "polars", "pyarrow"}, optional
            As for `visits`.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            By id and place: ``id``, ``place``, ``visits``, ``rows`` (by weight) and ``time``, as
            `visits` has it.
        """
        places = Places.of(self.map_, regions)
        first, end, codes = self._visits(places)
        path = np.cumsum(self._are_first)[first] - 1
        keys, group = np.unique(path * len(places.names) + codes, return_inverse=True)
        spans = self.times[end] - self.times[first]
        time = np.zeros(len(keys), dtype=spans.dtype)
        np.add.at(time, group, spans)
        columns = {
            "id": self.ids_of_paths[keys // len(places.names)],
            "place": places.names[keys % len(places.names)],
            "visits": np.bincount(group),
            "rows": np.bincount(group, np.add.reduceat(self.weights, first)),
            "time": time,
        }
        return frame_of(columns, library)

    def transitions(
        self, regions: Any = None, *, stays: bool = True, library: str | None = None
    ) -> Any:
        """Return how often rows step from one unit, or region, to another.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.
        stays : bool, default=True
            Whether steps count that stay in their place.
        library : {"pandas", "polars", "pyarrow"}, optional
            As for `visits`.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row for each step that occurs: ``from``, ``to``, ``steps`` (each counts as much as
            the row that it leads to) and ``share`` of the steps from that place.
        """
        places = Places.of(self.map_, regions)
        keys, steps = self._steps(places, stays)
        start = keys // len(places.names)
        shares = steps / np.bincount(start, steps, minlength=1)[start]
        columns = {
            "from": places.names[start],
            "to": places.names[keys % len(places.names)],
            "steps": steps,
            "share": shares,
        }
        return frame_of(columns, library)

    def transition_matrix(
        self, regions: Any = None, *, stays: bool = True
    ) -> tuple[NDArray[Any], Float64s]:
        """Return the counts of `transitions` as a matrix.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.
        stays : bool, default=True
            As for `transitions`.

        Returns
        -------
        names : ndarray of shape (n_places,)
            Of the units or regions, ascending.
        counts : ndarray of shape (n_places, n_places)
            Steps from the place of a line to that of a column.
        """
        places = Places.of(self.map_, regions)
        n = len(places.names)
        keys, steps = self._steps(places, stays)
        counts = np.zeros(n * n)
        counts[keys] = steps
        return places.names, counts.reshape(n, n)

    def entries(self, region: Any, regions: Any = None, *, min_rows: int = 1) -> list[Entry]:
        """Return the events in which an id enters a region.

        Parameters
        ----------
        region : name, or sequence of names
            Of the region; several count as one.  A number of a unit without `regions`.
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.  `Regions` without names are called by their numbers, from 0.
        min_rows : int, default=1
            Rows in a row that an id must be there.  The event is the row that makes them full, so
            that it is known by then; a higher number does without those that look in only.

        Returns
        -------
        list of Entry
            In the order of time.  A path that begins in the region enters it, too.  A data frame
            is ``pandas.DataFrame(entries)``.

        Raises
        ------
        InputError
            For a region that is not there.
        """
        check_whole("min_rows", min_rows, 1)
        places = Places.of(self.map_, regions)
        codes = places.codes[self.units]
        inside = places.are_in(region)[self.units]
        first = np.flatnonzero(self._are_first | changes(inside))
        n_rows = np.diff(first, append=len(inside))
        first = first[inside[first] & (n_rows >= min_rows)]
        first = first[np.argsort(self.times[first + min_rows - 1], kind="stable")]
        at = first + min_rows - 1
        origins = places.names[codes[first - 1]].astype(object)
        origins[self._are_first[first]] = None
        who, when, rows, units = (
            each[at].tolist() for each in (self.ids, self.times, self.rows, self.units)
        )
        entered = places.names[codes[at]].tolist()
        found = zip(who, entered, when, rows, units, origins.tolist(), strict=True)
        return [Entry(*each) for each in found]

    def _visits(self, places: Places) -> tuple[Ints, Ints, Ints]:
        """Return the first row of each visit, the row that ends it, and its place."""
        codes = places.codes[self.units]
        first = np.flatnonzero(self._are_first | changes(codes))
        end = np.append(first[1:], len(codes) - 1)
        is_last = np.append(self._are_first[first[1:]], False)
        return first, end - is_last, codes[first]

    def _steps(self, places: Places, stays: bool) -> tuple[Ints, Float64s]:
        """Return the pairs of places between which rows step, as numbers, and their weights."""
        codes = places.codes[self.units]
        counts = ~self._are_first[1:]
        if not stays:
            counts &= codes[1:] != codes[:-1]
        pairs = codes[:-1][counts] * len(places.names) + codes[1:][counts]
        keys, group = np.unique(pairs, return_inverse=True)
        steps = np.bincount(group, self.weights[1:][counts], minlength=len(keys))
        return keys, steps.astype(np.float64)


def follow(
    map: Map,
    X: Any,
    *,
    ids: Any = None,
    times: Any = None,
    date_format: str | None = None,
    sample_weight: Any = None,
) -> Paths:
    """Follow rows with an id and a time over a map.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table, data frame or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`, in any order.
    ids : array-like of shape (n_samples,) or str, optional
        To whom each row belongs: a customer, a machine, a patient; a name is that of a column of
        X.  Default: all rows are one path, whose id is 0.
    times : array-like of shape (n_samples,) or str, optional
        When: numbers, or dates in any form; a name is that of a column of X.  Default: rows are
        in order, and their numbers are the times.
    date_format : {"dmy", "mdy", "ymd"}, optional
        Order of day, month and year in texts.  Default: what the texts show; day first, with a
        warning, where they do not.
    sample_weight : array-like of shape (n_samples,), optional
        A row of weight 2 counts twice in tables; one of weight 0 is left out.

    Returns
    -------
    Paths

    Raises
    ------
    InputError
        For missing ids or times, equal times of one id, and no row with a value.

    Warns
    -----
    SomscapeWarning
        If texts can be read day first and month first.

    See Also
    --------
    windows : Rows from a series.
    somscape.plots.paths : A picture of paths.

    Examples
    --------
    >>> import pandas as pd
    >>> from somscape import SOM, paths
    >>> X = pd.DataFrame({"heat": [1.0, 2, 9, 1], "who": list("aabb"), "day": [1, 2, 2, 1]})
    >>> som = SOM(1, 2, random_state=0).fit(X[["heat"]])
    >>> found = paths.follow(som, X, ids="who", times="day")
    >>> found.rows.tolist()
    [0, 1, 3, 2]
    """
    map_, X = as_map(map), collected(X)
    units = map_.winners(X)
    n = len(units)
    who, when = given_ids(ids, X, n), given_times(times, X, n, date_format)
    weights = ones_or(checked_weights(sample_weight, n), n)
    counts = np.flatnonzero((units != NO_UNIT) & (weights > 0))
    if not len(counts):
        raise InputError("X has no row with a value and a weight above 0; give at least one.")
    order = counts[np.lexsort((when[counts], who[counts]))]
    refuse_equal_times(who[order], when[order], order)
    return Paths(map_, who[order], when[order], units[order], order, weights[order])
