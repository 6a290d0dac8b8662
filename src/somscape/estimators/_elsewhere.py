"""Functions for tables that are stored in pieces, perhaps on several machines."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial, reduce, wraps
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from somscape._types import Floats, Ints
from somscape._validate import check_not_dates, check_not_masked, check_values
from somscape.engines._which import answers, pieces_of
from somscape.errors import InputError, ParameterError
from somscape.fit.pieces import Extremes, Pieces, RowsElsewhere, extremes_of, widest
from somscape.tables._frame import (
    as_frame,
    frame_kinds,
    frame_names,
    frame_numbers,
    table_from_frame,
)
from somscape.tables._messages import listed
from somscape.tables._parts import fetched_rows
from somscape.tables.encoding import Encoding
from somscape.tables.sources import collected

F = TypeVar("F", bound=Callable[..., Any])


class Look(NamedTuple):
    """Result of checking one piece of the data.

    Attributes
    ----------
    names : tuple of str or None
        Column names, or None if the piece is not a data frame.
    wrong : str
        Error message, or "" if the piece is valid.
    shape : (int, int)
        Number of rows and number of features.
    extremes : tuple
        Smallest value and largest value of each feature, and whether any value is missing.
    n_missing : ndarray of shape (n_features,) or None
        Number of missing values in each feature, or None if no value is missing.
    first_gap : int
        Number of the first row of the piece in which a value is missing.
    """

    names: tuple[str, ...] | None
    wrong: str = ""
    shape: tuple[int, int] = (0, 0)
    extremes: Extremes | None = None
    n_missing: Ints | None = None
    first_gap: int = 0

    @property
    def is_narrow(self) -> bool:
        """Whether the piece contains float32 values or no rows at all."""
        if self.extremes is None or not self.shape[0]:
            return True
        return self.extremes[0].dtype == np.float32


def rows_elsewhere(
    pieces: Pieces, encoding: Encoding | None, missing: str
) -> tuple[RowsElsewhere, Encoding, tuple[str, ...] | None]:
    """Check all pieces of a table, and return the rows, the encoding and the feature names."""
    if encoding is None and missing == "fill":
        raise InputError(
            "`missing` is 'fill', which needs the median of each column, but medians are not "
            "computed for X in pieces. Fill the missing values first, pass missing='mask', or pass "
            "an `encoder` that was fitted to a part of X.",
            parameter="missing",
            value="fill",
        )
    looks = list(pieces.each(partial(_look, encoding, missing)))
    _check_columns(looks)
    lengths = tuple(look.shape[0] for look in looks)
    first = next(look for look in looks if look.shape[0])
    extremes = reduce(widest, (look.extremes for look in looks if look.extremes is not None))
    dtype = np.dtype(np.float32 if all(look.is_narrow for look in looks) else np.float64)
    names = first.names
    form = partial(_convert_piece, dtype)
    if encoding is not None:
        names, form = tuple(encoding.feature_names), partial(_encode_piece, encoding)
    n_features = first.shape[1]
    shown = names or tuple(f"x{i}" for i in range(n_features))
    if encoding is None:
        _check_missing(looks, shown, missing)
        encoding = Encoding.plain(list(shown), missing=missing)
    rows = RowsElsewhere(pieces, (form,), lengths, n_features, dtype, extremes)
    return rows, encoding, names


def _convert_piece(dtype: Any, data: Any) -> Floats:
    """Convert the rows of a piece of a table to the given data type."""
    return np.ascontiguousarray(_checked_numbers(data), dtype=dtype)


def _encode_piece(encoding: Encoding, data: Any) -> Floats:
    """Encode the rows of a piece of a table."""
    return np.ascontiguousarray(encoding.encode(table_from_frame(data, "X")))


def _look(encoding: Encoding | None, missing: str, _: int, data: Any) -> Look:
    """Check one piece of a table, and return the result of the check as a `Look`."""
    frame = as_frame(data, "X")
    names = None if frame is None else tuple(frame_names(frame))
    if not len(data):
        return Look(names)
    try:
        rows = _rows_of(encoding, data, frame)
        shown = names or tuple(f"x{i}" for i in range(rows.shape[1]))
        check_values(rows, shown if encoding is None else (), may_miss=True)
    except (ValueError, TypeError) as error:
        return Look(names, str(error))
    extremes = extremes_of(0, rows)
    if not extremes[2]:
        return Look(names, "", rows.shape, extremes)
    is_missing, wrong = np.isnan(rows), ""
    is_empty, has_gap = is_missing.all(axis=1), is_missing.any(axis=1)
    if missing == "mask" and is_empty.any():
        wrong = f"All values of row {int(is_empty.argmax())} are missing (NaN). Leave the row out."
    counts = is_missing.sum(axis=0)
    return Look(names, wrong, rows.shape, extremes, counts, int(has_gap.argmax()))


def _rows_of(encoding: Encoding | None, data: Any, frame: Any) -> Floats:
    if encoding is None:
        kinds = {} if frame is None else frame_kinds(frame)
        others = [name for name, kind in kinds.items() if kind != "number"]
        if others:
            raise InputError(
                f"The piece contains values that are not numbers, in column {listed(others)}. "
                "Pass a somscape.TableEncoder that was fitted to a part of X as `encoder`, or "
                "leave the column out.",
                column=others,
            )
        return _checked_numbers(data)
    if frame is None:
        found = type(data).__name__
        raise InputError(
            f"The encoding needs columns with names, but the piece is of type {found}. Pass data "
            "frames.",
            value=found,
        )
    return _encode_piece(encoding, data)


def holds_only_numbers(pieces: Pieces) -> bool:
    """Return whether every piece of the data is an array or a data frame of numbers."""
    return all(pieces.each(_are_numbers))


def _are_numbers(_: int, data: Any) -> bool:
    frame = as_frame(data, "X")
    return frame is None or set(frame_kinds(frame).values()) <= {"number", "duration"}


def brought_here(X: Any) -> Any:
    """Copy the data to this machine if the data are stored elsewhere."""
    return collected(pieces_here(X))


def pieces_here(X: Any) -> Any:
    """Join pieces into one array or data frame (if large, in a temporary file) on this machine."""
    X = pieces_of(X)
    return fetched_rows(X.each(_return_piece)) if isinstance(X, Pieces) else X


def _return_piece(_: int, data: Any) -> Any:
    return data


@dataclass(frozen=True)
class Method:
    """A method of an estimator, as a function that can be pickled and called for one piece."""

    estimator: Any
    name: str

    def __call__(self, data: Any) -> Any:
        """Call the method on data, and return the result (an empty array for data without rows)."""
        return getattr(self.estimator, self.name)(data) if len(data) else np.empty(0)

    def of_piece(self, _: int, data: Any) -> Any:
        """Call the method on one piece of the table, and return the result."""
        return self(data)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, without attributes that the method does not use."""
        lean = copy(self.estimator)
        own = vars(lean)
        for name in {"labels_", "units_", "history_", "codebook_", "_sums", "_stream"} & own.keys():
            delattr(lean, name)
        if "map_" in own:
            lean.map_ = replace(own["map_"], told=None)
        if hasattr(lean, "callbacks"):
            lean.callbacks = ()
        return {"estimator": lean, "name": self.name}


def answers_where_it_lies(name: str, dtype: Any) -> Callable[[F], F]:
    """Return a decorator that calls a method on each piece of a table where the piece is stored."""

    def decorated(method: F) -> F:
        @wraps(method)
        def answered(self: Any, X: Any) -> Any:
            check_is_fitted(self)
            function = Method(self, method.__name__)
            if isinstance(X, Pieces):
                parts = [np.empty(0), *X.each(function.of_piece)]
                return np.concatenate(parts).astype(dtype, copy=False)
            found = answers(X, function, name, dtype)
            return method(self, X) if found is None else found

        return cast(F, answered)

    return decorated


def _checked_numbers(data: Any) -> Any:
    """Convert an array or a data frame of numbers to a float array."""
    frame = as_frame(data, "X")
    check_not_masked(data)
    values = np.asarray(data) if frame is None else frame_numbers(frame)
    check_not_dates(values.dtype)
    if values.ndim != 2 or not values.shape[1]:
        raise ParameterError(
            f"A piece must have rows and columns, but has shape {values.shape}.",
            parameter="X",
            value=values.shape,
        )
    if values.dtype.kind == "c":
        raise ParameterError(
            "The piece contains complex numbers. Pass real numbers.",
            parameter="X",
        )
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    return values


def _check_columns(looks: Sequence[Look]) -> None:
    """Raise InputError if a piece of the table is invalid, or if pieces have different columns."""
    there = [(number, look) for number, look in enumerate(looks) if look.shape[0] or look.wrong]
    if not there:
        raise InputError(
            "X does not have any rows, because all pieces are empty. Pass at least one row.",
            parameter="X",
        )
    first = there[0][1]
    for number, look in there:
        if (look.names is None) != (first.names is None):
            raise InputError(
                "The pieces of X must be all arrays or all data frames, but the first piece and "
                f"piece {number} are of different kinds. Convert the pieces to one kind.",
                parameter="X",
            )
        if look.names != first.names:
            message = _describe_other_names(first.names or (), look.names or (), number)
            raise InputError(message, parameter="X", value=look.names)
        if look.wrong:
            raise InputError(
                f"Piece {number} of X cannot be used. {look.wrong}",
                parameter="X",
            )
        if look.shape[1] != first.shape[1]:
            raise InputError(
                f"Piece {number} of X has {look.shape[1]} columns, but the first piece has "
                f"{first.shape[1]}. Pass pieces with the same columns.",
                parameter="X",
                value=look.shape[1],
                allowed=first.shape[1],
            )


def _describe_other_names(expected: Sequence[str], found: Sequence[str], number: int) -> str:
    lacks = [name for name in expected if name not in found]
    more = [name for name in found if name not in expected]
    if lacks:
        return (
            f"Piece {number} of X lacks column {listed(lacks)}, which the first piece has. Add "
            "the column."
        )
    if more:
        return (
            f"Piece {number} of X has column {listed(more)}, which the first piece lacks. Leave "
            "the column out."
        )
    return (
        f"Piece {number} of X has the same columns as the first piece, but in another order. Put "
        "the columns into the order of the first piece."
    )


def _check_missing(looks: Sequence[Look], names: Sequence[str], missing: str) -> None:
    """Raise InputError if values are missing (with `missing="mask"`, if a column is empty)."""
    gaps = [look.n_missing for look in looks if look.n_missing is not None]
    if not gaps:
        return
    counts = np.sum(gaps, axis=0)
    n_rows = sum(look.shape[0] for look in looks)
    if missing == "mask":
        empty = [name for name, n in zip(names, counts, strict=True) if n == n_rows]
        if empty:
            raise InputError(
                f"X does not have any value in column {listed(empty)}. Leave the column out.",
                parameter="X",
                column=empty,
            )
        return
    shown = ", ".join(f"{n} in '{name}'" for name, n in zip(names, counts, strict=True) if n)
    number = next(i for i, look in enumerate(looks) if look.n_missing is not None)
    row, before = looks[number].first_gap, sum(look.shape[0] for look in looks[:number])
    raise InputError(
        f"X has missing values (NaN), {shown}. The first missing value is in row {row} of piece "
        f"{number} (row {before + row} of all rows). Fill the values, leave the rows or columns "
        "out, or pass missing='mask'.",
        parameter="X",
        row=before + row,
    )
