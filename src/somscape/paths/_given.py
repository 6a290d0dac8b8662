"""The ids and times of rows, and the places of units, as they are given."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Ints
from somscape._validate import check_choice
from somscape.errors import InputError, SomscapeWarning
from somscape.maps import Map
from somscape.regions import Regions, given_or_found
from somscape.tables import (
    FIRST,
    ORDERS,
    Column,
    Table,
    as_frame,
    find_dates,
    listed,
    suggestion,
    table_from_columns,
    table_from_frame,
)


def named_column(X: Any, name: str, what: str) -> Column:
    """Return the column of X that is named as ids or times."""
    if not isinstance(X, Table):
        frame = as_frame(X, "X")
        if frame is None:
            raise InputError(
                f"`{what}` names a column, {name!r}, but X is an array without names. Pass a "
                f"table or a data frame as X, or the {what} themselves."
            )
        X = table_from_frame(frame, "X")
    return X.column(name)


def given_ids(ids: Any, X: Any, n: int) -> NDArray[Any]:
    """Return the id of each row: numbers, or texts as objects."""
    if ids is None:
        return np.zeros(n, dtype=np.intp)
    column = _column(ids, X, "ids", n)
    _refuse_missing(column.missing, "ids", "Give each row the id of whom it belongs to")
    values = column.values
    if values.dtype != object:
        return values
    return _long_numbers(column) if column.is_number else values.astype(str)


def _long_numbers(column: Column) -> NDArray[Any]:
    """Return whole numbers that no float64 holds, as integers where they fit, else as texts."""
    texts = column.cells
    try:
        whole = np.array([int(text) for text in texts])
    except ValueError:
        return texts.astype(str)
    return whole if whole.dtype.kind in "iu" else texts.astype(str)


def given_times(times: Any, X: Any, n: int, date_format: str | None) -> NDArray[Any]:
    """Return the time of each row: float64 or datetime64[us]."""
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
            "`times` hold whole numbers of 2^53 or more, which lose digits; take a number off all "
            "of them, or convert them to dates."
        )
    dates = find_dates([column], date_format=date_format).get(column.name)
    if dates is None:
        raise InputError(
            f"`times` must be numbers or dates; got {listed([column.cell(0) or ''])} in row 0. "
            "Convert them, or leave `times` out if rows are in order."
        )
    if dates.is_guess and date_format is None:
        warnings.warn(
            f"`times` are read {FIRST[dates.order]}; they do not show it. Pass "
            "date_format='dmy' or 'mdy'.",
            SomscapeWarning,
            stacklevel=3,
        )
    _refuse_missing(np.isnat(dates.moments), "times", cure)
    return dates.moments


def changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a value differs from the one before; the first does."""
    return np.append(np.ones(min(1, len(values)), dtype=bool), values[1:] != values[:-1])


def refuse_equal_times(ids: NDArray[Any], times: NDArray[Any], rows: Ints) -> None:
    """Raise InputError where two rows in a row have one id and one time."""
    is_equal = ~changes(ids) & ~changes(times)
    if is_equal.any():
        at = int(is_equal.argmax())
        raise InputError(
            f"id {ids[at : at + 1].tolist()[0]!r} has two rows at the time {times[at]}: rows "
            f"{rows[at - 1]} and {rows[at]}. Give each row of an id a time of its own, or put rows "
            "of one time together first."
        )


def _column(given: Any, X: Any, what: str, n: int) -> Column:
    if isinstance(given, str):
        return named_column(X, given, what)
    values = np.asarray(given)
    if values.shape != (n,):
        raise InputError(
            f"`{what}` must have shape ({n},), one for each row of X; got {values.shape}."
        )
    return table_from_columns({what: values}, what).columns[0]


def _refuse_missing(missing: NDArray[np.bool_], what: str, cure: str) -> None:
    if missing.any():
        raise InputError(
            f"`{what}` must not be missing; row {int(missing.argmax())} has none. {cure}, or "
            "leave the row out."
        )


@dataclass(frozen=True, eq=False)
class Places:
    """Which place, a unit or a region, each unit belongs to.

    Attributes
    ----------
    codes : ndarray of shape (n_units,)
    names : ndarray of shape (n_places,)
        Numbers or texts.
    """

    codes: Ints
    names: NDArray[Any]

    @classmethod
    def of(cls, map_: Map, regions: Any) -> "Places":
        """Return the places of `Regions`, of a label for each unit, or the units themselves."""
        if regions is None:
            units = np.arange(map_.n_units)
            return cls(units, units)
        if isinstance(regions, Regions):
            found = given_or_found(regions, map_)
            numbers = range(found.n_regions)
            named = zip(found.names or ("",) * found.n_regions, numbers, strict=True)
            if found.names:
                return cls(found.labels, np.array([name or str(i) for name, i in named]))
            regions = found.labels
        labels = np.asarray(regions)
        if labels.shape != (map_.n_units,):
            raise InputError(
                f"`regions` must be Regions of this map, or a label for each of its "
                f"{map_.n_units} units; got shape {labels.shape}."
            )
        column = table_from_columns({"regions": labels}).columns[0]
        if column.n_missing:
            raise InputError(
                f"`regions` must name a region for every unit; unit {int(column.missing.argmax())} "
                "has none. Give it a name, such as 'elsewhere'."
            )
        values = column.values
        names, codes = np.unique(
            values.astype(str) if values.dtype == object else values, return_inverse=True
        )
        return cls(codes, names)

    def are_in(self, wanted: Any) -> NDArray[np.bool_]:
        """Return whether each unit is in a place, or in one of several, of these names."""
        names = self.names.tolist()
        asked = [wanted] if isinstance(wanted, str) or np.ndim(wanted) == 0 else list(wanted)
        for name in asked:
            if name not in names:
                texts = [str(known) for known in names if str(known) != str(name)] or ["none else"]
                cure = suggestion(str(name), texts) or f"there are {listed(texts)}"
                raise InputError(f"no region or unit is called {name!r}; {cure}")
        return np.isin(self.codes, [names.index(name) for name in asked])
