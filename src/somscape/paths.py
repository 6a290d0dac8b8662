"""Follow rows that have an id and a time over a map, and convert windows of a series to rows."""

import itertools
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Bools, Float64s, Ints
from somscape._validate import check_choice, check_whole, checked_weights
from somscape._weights import ones_or
from somscape.errors import InputError, SomscapeWarning
from somscape.maps.map import NO_UNIT, Map, as_map
from somscape.regions.edit import given_or_found
from somscape.regions.regions import Regions
from somscape.tables._dates import FIRST, ORDERS, find_dates
from somscape.tables._frame import as_frame
from somscape.tables._messages import counted, listed, suggestion
from somscape.tables.column import Column
from somscape.tables.sources import collected
from somscape.tables.table import Table, frame_of, table_from_columns

__all__ = ["Entry", "Paths", "Windows", "follow", "windows"]


def named_column(X: Any, name: str, what: str) -> Column:
    """Return the column of X whose name was passed as `ids` or `times`."""
    if not isinstance(X, Table):
        frame = as_frame(X, "X")
        if frame is None:
            raise InputError(
                f"`{what}` is the name of a column, {name!r}, but X is an array without names. "
                f"Pass a table or a data frame as X, or pass an array as `{what}`.",
                value=name,
            )
        X = frame.table()
    return X.column(name)


def given_ids(ids: Any, X: Any, n: int) -> NDArray[Any]:
    """Return the id of each row as a number or text."""
    if ids is None:
        return np.zeros(n, dtype=np.intp)
    column = _column(ids, X, "ids", n)
    _refuse_missing(column.missing, "ids", "Give each row an id")
    values = column.values
    if values.dtype != object:
        return values
    return _long_numbers(column) if column.is_number else values.astype(str)


def _long_numbers(column: Column) -> NDArray[Any]:
    """Return whole numbers beyond the exact range of float64, as integers or else as texts."""
    texts = column.cells
    try:
        whole = np.array([int(text) for text in texts])
    except ValueError:
        return texts.astype(str)
    return whole if whole.dtype.kind in "iu" else texts.astype(str)


def given_times(times: Any, X: Any, n: int, date_format: str | None) -> NDArray[Any]:
    """Return the time of each row as a value of type float64 or datetime64[us]."""
    if date_format is not None:
        check_choice("date_format", date_format, ORDERS)
    if times is None:
        return np.arange(n, dtype=np.float64)
    values, cure = np.asarray(times), "Give each row a time"
    if values.dtype.kind == "M" and values.shape == (n,):
        _refuse_missing(np.isnat(values), "times", cure)
        return values.astype("datetime64[us]")
    column = _column(times, X, "times", n)
    _refuse_missing(column.missing, "times", cure)
    if column.numbers is not None and column.is_exact:
        return column.numbers
    if column.numbers is not None:
        raise InputError(
            "`times` contains whole numbers of 2^53 or more, which would lose digits. Subtract the "
            "first time from all times, or convert the times to dates."
        )
    dates = find_dates([column], date_format=date_format).get(column.name)
    if dates is None:
        raise InputError(
            f"`times` must be numbers or dates, but row 0 has {listed([column.cell(0) or ''])}. "
            "Convert the times, for example to '2024-01-31', or leave out `times` if the rows are "
            "in time order.",
            row=0,
            value=column.cell(0),
        )
    if dates.is_guess and date_format is None:
        warnings.warn(
            f"the order of day and month in `times` is ambiguous. The times are read "
            f"{FIRST[dates.order]}. Pass date_format='dmy' or date_format='mdy'.",
            SomscapeWarning,
            stacklevel=3,
        )
    _refuse_missing(np.isnat(dates.moments), "times", cure)
    return dates.moments


def changes(values: NDArray[Any]) -> Bools:
    """Return whether each value differs from the previous value (True for the first value)."""
    return np.append(np.ones(min(1, len(values)), dtype=bool), values[1:] != values[:-1])


def refuse_equal_times(ids: NDArray[Any], times: NDArray[Any], rows: Ints) -> None:
    """Raise InputError if two consecutive rows have the same id and the same time."""
    is_equal = ~changes(ids) & ~changes(times)
    if is_equal.any():
        at = int(is_equal.argmax())
        raise InputError(
            f"id {ids[at : at + 1].tolist()[0]!r} has two rows at the time {times[at]}, rows "
            f"{rows[at - 1]} and {rows[at]}. Give each row of an id its own time, or combine rows "
            "with the same time first.",
            parameter="times",
            row=int(rows[at]),
            value=times[at],
        )


def _column(given: Any, X: Any, what: str, n: int) -> Column:
    if isinstance(given, str):
        return named_column(X, given, what)
    values = np.asarray(given)
    if values.shape != (n,):
        raise InputError(
            f"`{what}` must have shape ({n},), with a value for each row of X, but has shape "
            f"{values.shape}.",
            value=values.shape,
        )
    return table_from_columns({what: values}, what).columns[0]


def _refuse_missing(missing: Bools, what: str, cure: str) -> None:
    if missing.any():
        raise InputError(
            f"`{what}` must not have missing values, but the value of row {int(missing.argmax())} "
            f"is missing. {cure}, or leave out the row.",
            row=int(missing.argmax()),
        )


@dataclass(frozen=True, eq=False)
class Places:
    """The place of each unit of a map.  A place is either a single unit or a region.

    Attributes
    ----------
    codes : ndarray of shape (n_units,)
    names : ndarray of shape (n_places,)
        Names of the places.  A name is a number or a text.
    """

    codes: Ints
    names: NDArray[Any]

    @classmethod
    def of(cls, map_: Map, regions: Any) -> "Places":
        """Return places from regions or from a label for each unit, or each unit as a place."""
        if regions is None:
            units = np.arange(map_.n_units)
            return cls(units, units)
        if isinstance(regions, Regions):
            found = given_or_found(regions, map_)
            if found.names:
                named = [name or str(i) for i, name in enumerate(found.names)]
                return cls(found.labels, np.array(named))
            regions = found.labels
        labels = np.asarray(regions)
        if labels.shape != (map_.n_units,):
            raise InputError(
                f"`regions` must be Regions of this map or a label for each of its {map_.n_units} "
                f"units, but has shape {labels.shape}.",
                value=labels.shape,
            )
        column = table_from_columns({"regions": labels}).columns[0]
        if column.n_missing:
            raise InputError(
                "`regions` must have a label for each unit, but the label of unit "
                f"{int(column.missing.argmax())} is missing. Give the unit a label, such as "
                "'elsewhere'."
            )
        values = column.values.astype(str) if column.values.dtype == object else column.values
        names, codes = np.unique(values, return_inverse=True)
        return cls(codes, names)

    def are_in(self, wanted: Any) -> Bools:
        """Return, for each unit, whether its place has one of the given names."""
        names = self.names.tolist()
        asked = _asked("region", wanted, names, "no region or unit has the name", "names")
        return np.isin(self.codes, [names.index(name) for name in asked])


def _asked(what: str, wanted: Any, known: list[Any], none: str, kind: str) -> list[Any]:
    """Return the wanted names as a list.  Raise InputError for a name that is not known."""
    asked = [wanted] if isinstance(wanted, str) or np.ndim(wanted) == 0 else list(wanted)
    there = set(known)
    for name in asked:
        if name not in there:
            texts = [str(each) for each in known if str(each) != str(name)]
            others = f"the {kind} are {listed(texts)}" if texts else f"there are no {kind}"
            cure = suggestion(str(name), texts) or others
            raise InputError(f"{none} {name!r} ({cure}).", parameter=what, value=name)
    return asked


@dataclass(frozen=True)
class Entry:
    """An event in which an id enters a unit or region.

    Attributes
    ----------
    id : int, float or str
        Id of the path.
    place : int, float or str
        Region or unit that the id entered.
    time : float or datetime.datetime
        Time of the event.
    row : int
        Number of the row in the followed table, from 0.
    unit : int
        Unit of the row on the map.
    came_from : int, float, str or None
        Region or unit of the previous row of the path, or None for the first row of the path.

    See Also
    --------
    Paths.entries : Returns the entries of paths.

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
        origin = "at the start of its path" if self.came_from is None else f"from {self.came_from}"
        return f"{self.id} entered {self.place} at {time}, {origin} (row {self.row})"


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths over a map, each with the rows of one id in the order of time.

    All arrays contain an entry for each row.  The entries are sorted by path and then by time.
    Rows without any value and rows with weight 0 are left out.

    Attributes
    ----------
    map_ : Map
    ids : ndarray of shape (n_rows,)
        Id of each row, in ascending order.
    times : ndarray of shape (n_rows,), float64 or datetime64[us]
        Time of each row.  The times of each path are in ascending order.
    units : ndarray of shape (n_rows,)
        Best matching unit of each row.
    rows : ndarray of shape (n_rows,)
        Number of each row in the followed table, from 0.
    weights : ndarray of shape (n_rows,), float64

    See Also
    --------
    follow : Returns paths.
    somscape.plots.paths : Draws paths.

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
        """Id of each path, as an array of shape (n_paths,)."""
        return self.ids[self._are_first]

    @property
    def slices(self) -> list[slice]:
        """Slice of each path in the arrays."""
        ends = [*np.flatnonzero(self._are_first).tolist(), len(self.ids)]
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    @property
    def _are_first(self) -> Bools:
        """Whether each row is the first row of its path."""
        return changes(self.ids)

    def take(self, ids: Any) -> "Paths":
        """Return the paths that belong to one or more ids.

        Parameters
        ----------
        ids : id or sequence of ids

        Returns
        -------
        Paths

        Raises
        ------
        InputError
            If one of the given ids does not have a path.
        """
        asked = _asked("ids", ids, self.ids_of_paths.tolist(), "no path has the id", "ids")
        if not asked:
            raise InputError("`ids` is empty. Give the id of at least one path.")
        keep = np.isin(self.ids, asked)
        by_row = ("ids", "times", "units", "rows", "weights")
        return replace(self, **{name: getattr(self, name)[keep] for name in by_row})

    def to_frame(self, library: str | None = None) -> Any:
        """Return the rows of all paths as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            By default, pandas if it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns ``id``, ``time``, ``table_row``, ``unit`` and ``weight``.
        """
        columns = {"id": self.ids, "time": self.times, "table_row": self.rows}
        return frame_of({**columns, "unit": self.units, "weight": self.weights}, library)

    def visits(self, regions: Any = None, library: str | None = None) -> Any:
        """Return all visits of paths to units or regions as a data frame.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            Regions of the map, or a label for each unit.  By default each unit is a place.
        library : {"pandas", "polars", "pyarrow"}, optional
            By default, pandas if it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            A row for each visit to a place, sorted by path and time, with the columns ``id``,
            ``place``, ``begin``, ``end``, ``time`` (from ``begin`` to ``end``), ``rows`` (sum of
            the weights of the rows) and ``is_last``.  A visit ends at the time of the next row in
            another place.  The last visit of a path ends at the last row of the path.
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
        """Return, as a data frame, how long each id stayed in each unit or region.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.
        library : {"pandas", "polars", "pyarrow"}, optional
            As for `visits`.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            A row for each id and place, with the columns ``id``, ``place``, ``visits``, ``rows``
            (sum of the weights of the rows) and ``time`` (total time of these visits).
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
        """Return how often paths move from one unit or region to another one.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.
        stays : bool, default=True
            Whether steps within the same place count.
        library : {"pandas", "polars", "pyarrow"}, optional
            As for `visits`.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            A row for each pair of places between which a path has steps (a step joins two
            consecutive rows).  The columns are ``from``, ``to``, ``steps`` (number of steps) and
            ``share`` (share of these steps in all steps from the same place).  A step counts with
            the weight of its second row.
        """
        places = Places.of(self.map_, regions)
        keys, steps = self._steps(places, stays)
        start = keys // len(places.names)
        shares = steps / np.bincount(start, steps, minlength=1)[start]
        ends = {"from": places.names[start], "to": places.names[keys % len(places.names)]}
        return frame_of({**ends, "steps": steps, "share": shares}, library)

    def transition_matrix(
        self, regions: Any = None, *, stays: bool = True
    ) -> tuple[NDArray[Any], Float64s]:
        """Return the numbers of steps between places (see `transitions`) as a matrix.

        Parameters
        ----------
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.
        stays : bool, default=True
            As for `transitions`.

        Returns
        -------
        names : ndarray of shape (n_places,)
            Names of the units or regions, in ascending order.
        counts : ndarray of shape (n_places, n_places)
            Number of steps from each place (matrix row) to each place (matrix column).
        """
        places = Places.of(self.map_, regions)
        n = len(places.names)
        keys, steps = self._steps(places, stays)
        counts = np.zeros(n * n)
        counts[keys] = steps
        return places.names, counts.reshape(n, n)

    def entries(self, region: Any, regions: Any = None, *, min_rows: int = 1) -> list[Entry]:
        """Return all events in which an id enters a given unit or region.

        Parameters
        ----------
        region : name, or sequence of names
            Name of the region, or unit number if `regions` is not given.  Several are combined.
        regions : Regions or array-like of shape (n_units,), optional
            As for `visits`.  The name of a region without a name is its number from 0.
        min_rows : int, default=1
            Minimum number of consecutive rows of an id in the region.  The event has the time of
            the last of these rows.  A higher number leaves out short visits.

        Returns
        -------
        list of Entry
            Events in the order of time.  If a path begins in the region, this also counts as an
            event.  ``pandas.DataFrame(entries)`` converts the list to a data frame.

        Raises
        ------
        InputError
            If a region does not exist.
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
        entered, by_row = places.names[codes[at]], (self.times, self.rows, self.units)
        columns = (self.ids[at], entered, *(each[at] for each in by_row), origins)
        found = zip(*(column.tolist() for column in columns), strict=True)
        return [Entry(*each) for each in found]

    def _visits(self, places: Places) -> tuple[Ints, Ints, Ints]:
        """Return three values for each visit: its first row, the row at its end, and its place."""
        codes = places.codes[self.units]
        first = np.flatnonzero(self._are_first | changes(codes))
        end = np.append(first[1:], len(codes) - 1)
        is_last = np.append(self._are_first[first[1:]], False)
        return first, end - is_last, codes[first]

    def _steps(self, places: Places, stays: bool) -> tuple[Ints, Float64s]:
        """Return two values: a number for each pair of places with steps, and their weights."""
        codes = places.codes[self.units]
        counts = ~self._are_first[1:]
        if not stays:
            counts &= codes[1:] != codes[:-1]
        pairs = codes[:-1][counts] * len(places.names) + codes[1:][counts]
        keys, group = np.unique(pairs, return_inverse=True)
        steps = np.bincount(group, self.weights[1:][counts], minlength=len(keys))
        return keys, steps.astype(np.float64)


def follow(
    som: Map,
    X: Any,
    *,
    ids: Any = None,
    times: Any = None,
    date_format: str | None = None,
    sample_weight: Any = None,
) -> Paths:
    """Follow rows that have an id and a time over a map.

    Parameters
    ----------
    som : Map
        Map, or a fitted estimator that has a map.
    X : Table, data frame or array-like of shape (n_samples, n_features)
        Rows to follow, in any order and in any form that `Map.rows_of` accepts.
    ids : array-like of shape (n_samples,) or str, optional
        Id of each row (for example, a customer, machine or patient), or the name of the column of X
        that contains the ids.  By default, all rows are one path with the id 0.
    times : array-like of shape (n_samples,) or str, optional
        Time of each row as a number or as a date in any form, or the name of the column of X that
        contains the times.  By default, the row numbers are the times.
    date_format : {"dmy", "mdy", "ymd"}, optional
        Order of day, month and year in dates that are texts.  By default, the order is detected.
        If the order is ambiguous, the day is first, and a warning is issued.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  A row with weight 2 counts as two rows in the data frames of the paths,
        and a row with weight 0 is left out.

    Returns
    -------
    Paths

    Raises
    ------
    InputError
        If an id or time is missing, if two rows have the same id and time, or if no row has a
        value.

    Warns
    -----
    SomscapeWarning
        If dates are given as texts from which the order of day and month cannot be detected.

    See Also
    --------
    windows : Cuts a series into rows.
    somscape.plots.paths : Draws paths.

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
    map_, X = as_map(som), collected(X)
    units = map_.winners(X)
    n = len(units)
    who, when = given_ids(ids, X, n), given_times(times, X, n, date_format)
    weights = ones_or(checked_weights(sample_weight, n), n)
    counts = np.flatnonzero((units != NO_UNIT) & (weights > 0))
    if not len(counts):
        raise InputError(
            "`X` does not contain a row with a value and a weight above 0. Pass such a row."
        )
    order = counts[np.lexsort((when[counts], who[counts]))]
    refuse_equal_times(who[order], when[order], order)
    return Paths(map_, who[order], when[order], units[order], order, weights[order])


GAP = 1.5
"""Multiple of the median time step above which a time step of a series is regarded as a gap."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a series, sorted by id and then by time.

    Attributes
    ----------
    values : ndarray of shape (n_windows, length) or (n_windows, length, n_channels)
    ids : ndarray of shape (n_windows,)
    times : ndarray of shape (n_windows,), float64 or datetime64[us]
        Time of the last value in each window.  At this time, the window is complete.
    starts : ndarray of shape (n_windows,)
        Position in the given series, from 0, of the first value of each window.
    n_gaps : int
        Number of gaps in the series.  A gap consists of consecutive missing values, or is a time
        step that is longer than 1.5 times the median time step.
    n_left_out : int
        Number of values of the series that are not part of a window.

    See Also
    --------
    windows : Cuts a series into windows.

    Examples
    --------
    >>> from somscape import paths
    >>> found = paths.windows([1.0, 2, 3, 4], 2)
    >>> found.values.tolist(), found.starts.tolist()
    ([[1.0, 2.0], [3.0, 4.0]], [0, 2])
    """

    values: Float64s
    ids: NDArray[Any]
    times: NDArray[Any]
    starts: Ints
    n_gaps: int
    n_left_out: int

    def __repr__(self) -> str:
        n, length = self.values.shape[:2]
        return (
            f"Windows({n} x {counted(length, 'value')}; {counted(self.n_gaps, 'gap')}, "
            f"{counted(self.n_left_out, 'value')} left out)"
        )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def rows(self) -> Float64s:
        """Windows as rows, channel by channel (n_windows, length * n_channels)."""
        values = self.values if self.values.ndim == 2 else self.values.transpose(0, 2, 1)
        return values.reshape(len(values), -1)

    def to_frame(self, library: str | None = None) -> Any:
        """Return the windows as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, optional
            By default, pandas if it is installed, else polars, else pyarrow.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns ``id``, ``time`` and ``start``, and the values of the windows as ``v0``, ``v1``
            ... in the same order as in `rows`.
        """
        columns = {f"v{i}": values for i, values in enumerate(self.rows.T)}
        places = {"id": self.ids, "time": self.times, "start": self.starts}
        return frame_of({**places, **columns}, library)


def windows(
    series: Any,
    length: int,
    *,
    step: int | None = None,
    times: Any = None,
    date_format: str | None = None,
    ids: Any = None,
) -> Windows:
    """Cut a series into windows, which can be used as rows to train a map.

    Parameters
    ----------
    series : array-like of shape (n_values,) or (n_values, n_channels)
        Values of the series in one or more channels.  NaN represents a missing value.
    length : int
        Number of values in a window.
    step : int, optional
        Number of values between the starts of two windows.  By default `length` (without overlaps).
    times : array-like of shape (n_values,), optional
        Time of each value as a number or a date, by which the series is sorted.  By default, the
        values are in time order, and the positions of the values from 0 are the times.
    date_format : {"dmy", "mdy", "ymd"}, optional
        As for `follow`.
    ids : array-like of shape (n_values,), optional
        Id of each value.  By default, all values belong to one series with the id 0.

    Returns
    -------
    Windows
        Windows without gaps.  All values of a window have the same id.  After each gap and each
        change of the id, a new window starts.  Values that do not fill a window are left out.

    Raises
    ------
    InputError
        If an id or time is missing, if two values have the same id and time, if a value is not a
        number, or if the series is too short for one window.

    See Also
    --------
    follow : Returns the path of the windows over a map.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import paths
    >>> found = paths.windows([1.0, 2, 3, np.nan, 5, 6, 7, 8], 2)
    >>> found
    Windows(3 x 2 values; 1 gap, 2 values left out)
    >>> found.rows.tolist(), found.times.tolist()
    ([[1.0, 2.0], [5.0, 6.0], [7.0, 8.0]], [1.0, 5.0, 7.0])
    """
    check_whole("length", length, 1)
    step = length if step is None else step
    check_whole("step", step, 1)
    values = _numbers(series)
    n = len(values)
    who, when = given_ids(ids, series, n), given_times(times, series, n, date_format)
    order = np.lexsort((when, who))
    values, who, when = values[order], who[order], when[order]
    refuse_equal_times(who, when, order)
    is_missing = np.asarray(np.isnan(values.reshape(n, -1)).any(axis=1))
    is_late = _are_after_gaps(who, when)
    begins = changes(who) | is_late | changes(is_missing)
    first = np.flatnonzero(begins)
    ends = np.append(first[1:], n)
    parts = [
        np.arange(a, b - length + 1, step)
        for a, b in zip(first.tolist(), ends.tolist(), strict=True)
        if not is_missing[a]
    ]
    starts = np.concatenate([np.empty(0, dtype=np.intp), *parts])
    if not len(starts):
        longest = int((ends - first)[~is_missing[first]].max(initial=0))
        raise InputError(
            f"no window of {counted(length, 'value')} fits, because the longest part without a gap "
            f"has {counted(longest, 'value')}. Pass a smaller `length`, or fill gaps first.",
            parameter="length",
            value=length,
        )
    is_used = np.zeros(n, dtype=bool)
    for start in starts.tolist():
        is_used[start : start + length] = True
    at = starts + length - 1
    n_gaps, n_left_out = int(is_late.sum() + (is_missing & begins).sum()), int(n - is_used.sum())
    parts_of = values[starts[:, None] + np.arange(length)]
    return Windows(parts_of, who[at], when[at], order[starts], n_gaps, n_left_out)


def _are_after_gaps(ids: NDArray[Any], times: NDArray[Any]) -> Bools:
    """Return, for each value, whether a gap in time is before it (in the values of its id)."""
    is_late = np.zeros(len(ids), dtype=bool)
    first = np.flatnonzero(changes(ids))
    for a, b in zip(first.tolist(), [*first[1:].tolist(), len(ids)], strict=True):
        steps = np.diff(times[a:b])
        if len(steps):
            is_late[a + 1 : b] = steps > GAP * np.median(steps)
    return is_late


def _numbers(series: Any) -> Float64s:
    try:
        values = np.asarray(series, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"`series` must contain numbers ({error}). Convert the values, and use NaN for missing "
            "values."
        ) from error
    if values.ndim not in (1, 2) or not len(values):
        raise InputError(
            "`series` must have shape (n_values,) or (n_values, n_channels) with at least one "
            f"value, but has shape {values.shape}.",
            value=values.shape,
        )
    is_infinite = np.isinf(values.reshape(len(values), -1)).any(axis=1)
    if is_infinite.any():
        raise InputError(
            f"`series` must be finite, but value {int(is_infinite.argmax())} is infinite. Correct "
            "the value, or replace it by NaN, which is a gap.",
            row=int(is_infinite.argmax()),
        )
    return values
