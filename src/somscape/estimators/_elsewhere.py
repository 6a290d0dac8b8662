"""Data in pieces: one look at all of them, then rows that stay where they are."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from somscape._types import Floats, Ints
from somscape._validate import check_values
from somscape.encode import Encoding
from somscape.engines import answers
from somscape.errors import InputError
from somscape.fit import Pieces, RowsElsewhere
from somscape.tables import (
    as_frame,
    frame_kinds,
    frame_names,
    frame_numbers,
    listed,
    table_from_frame,
)


class Look(NamedTuple):
    """What the first pass tells of a piece.

    Attributes
    ----------
    names : tuple of str or None
        Names of its columns, if they have any.
    others : tuple of str
        Columns that do not hold numbers.
    n_rows, n_features : int
    is_narrow : bool
        Whether all numbers are float32.
    n_missing : ndarray of shape (n_features,)
    first_missing : int
        Number of the first row with a missing value; -1 if there is none.
    wrong : str
        What is wrong with its values otherwise; "" if nothing is.
    """

    names: tuple[str, ...] | None
    others: tuple[str, ...]
    n_rows: int
    n_features: int
    is_narrow: bool
    n_missing: Ints
    first_missing: int
    wrong: str


def rows_elsewhere(
    pieces: Pieces, encoding: Encoding | None, missing: str
) -> tuple[RowsElsewhere, Encoding, tuple[str, ...] | None]:
    """Return the rows of pieces, which stay where they are, after a look at all of them.

    Parameters
    ----------
    pieces : Pieces
        Of data frames, or of arrays of shape (n, n_features).
    encoding : Encoding or None
        How to encode each piece.  None means that they hold numbers, which are used as they are.
    missing : {"error", "fill", "mask"}
        Used without an encoding.

    Returns
    -------
    rows : RowsElsewhere
    encoding : Encoding
    names : tuple of str or None
        Names of the columns, if they have any.

    Raises
    ------
    InputError
        If pieces differ in their columns, hold text that no encoding is given for, or values that
        are missing or infinite.
    """
    if encoding is None and missing == "fill":
        raise InputError(
            "`missing`='fill' needs the medians of all rows, which are not computed of X in pieces."
            " Fill its gaps first, pass missing='mask', or pass `encoder` fitted to a part of X."
        )
    looks = list(pieces.each(Looker(encoding, missing)))
    _check_columns(looks)
    lengths = tuple(look.n_rows for look in looks)
    if not sum(lengths):
        raise InputError("X has no rows in any piece. Pass at least one row.")
    first = next(look for look in looks if look.n_rows)
    names = first.names if encoding is None else tuple(encoding.feature_names)
    shown = names or tuple(f"x{i}" for i in range(first.n_features))
    if encoding is None:
        _check_missing(looks, shown, missing)
        encoding = Encoding.plain(list(shown), missing=missing)
        is_narrow = all(look.is_narrow for look in looks if look.n_rows)
        form: Any = Numbers(np.dtype(np.float32 if is_narrow else np.float64))
    else:
        is_narrow, form = False, Encoded(encoding)
    dtype = np.dtype(np.float32 if is_narrow else np.float64)
    return RowsElsewhere(pieces, (form,), lengths, len(shown), dtype), encoding, names


@dataclass(frozen=True)
class Numbers:
    """Return a piece of numbers as rows."""

    dtype: Any

    def __call__(self, data: Any) -> Floats:
        """Return an array or a data frame as rows of one type."""
        return np.ascontiguousarray(_numbers(data), dtype=self.dtype)


@dataclass(frozen=True)
class Encoded:
    """Return a piece of a table as encoded rows."""

    encoding: Encoding

    def __call__(self, data: Any) -> Floats:
        """Return a data frame as encoded rows."""
        return np.ascontiguousarray(self.encoding.encode(table_from_frame(data, "X")))


@dataclass(frozen=True)
class Looker:
    """Look at a piece."""

    encoding: Encoding | None
    missing: str

    def __call__(self, number: int, data: Any) -> Look:
        """Return what training must know of a piece."""
        frame = as_frame(data, "X")
        names = None if frame is None else tuple(frame_names(frame))
        nothing = np.zeros(0, dtype=np.int64)
        if self.encoding is not None:
            return self._encoded(number, data, names)
        kinds = {} if frame is None else frame_kinds(frame)
        others = tuple(name for name, kind in kinds.items() if kind != "number")
        if others:
            return Look(names, others, 0, 0, True, nothing, -1, "")
        try:
            rows = _numbers(data)
        except (ValueError, TypeError) as error:
            return Look(names, (), 0, 0, True, nothing, -1, str(error))
        wrong = ""
        shown = names or tuple(f"x{i}" for i in range(rows.shape[1]))
        try:
            check_values(rows, shown, may_miss=True)
        except InputError as error:
            wrong = str(error)
        is_missing = np.isnan(rows)
        at = np.flatnonzero(is_missing.any(axis=1))
        first = int(at[0]) if len(at) else -1
        counts = is_missing.sum(axis=0)
        is_narrow = rows.dtype == np.float32
        if not wrong and self.missing == "mask" and is_missing.all(axis=1).any():
            wrong = (
                f"row {int(is_missing.all(axis=1).argmax())} has no value at all (NaN). Leave it "
                "out"
            )
        return Look(names, (), *rows.shape, is_narrow, counts, first, wrong)

    def _encoded(self, number: int, data: Any, names: tuple[str, ...] | None) -> Look:
        assert self.encoding is not None
        n_features = len(self.encoding.feature_names)
        nothing = np.zeros(n_features, dtype=np.int64)
        if names is None:
            found = type(data).__name__
            wrong = f"columns are encoded by name; got {found}. Pass data frames"
            return Look(None, (), 0, n_features, False, nothing, -1, wrong)
        try:
            n_rows = len(Encoded(self.encoding)(data))
        except InputError as error:
            return Look(names, (), 0, n_features, False, nothing, -1, str(error))
        return Look(names, (), n_rows, n_features, False, nothing, -1, "")


@dataclass(frozen=True)
class Method:
    """Ask a fitted estimator about the rows of a piece."""

    estimator: Any
    name: str

    def __call__(self, data: Any) -> Any:
        """Return the method's answer."""
        return getattr(self.estimator, self.name)(data)

    def of_piece(self, _: int, data: Any) -> Any:
        """Return the method's answer to a piece."""
        return self(data)


def asked_where_it_lies(estimator: Any, method: str, X: Any, *, name: str, dtype: Any) -> Any:
    """Return a method's answers to data in pieces, or None for any other data.

    Parameters
    ----------
    estimator : object
        Fitted; what only its user needs does not travel to the pieces.
    method : str
        Its method, which gives one value a row.
    X : object
    name : str
        Of the values, where columns have names.
    dtype : numpy dtype

    Returns
    -------
    object
        For a collection of an engine a collection of the same kind, computed when it is asked for;
        for `Pieces` an array; else None.
    """
    if isinstance(X, Pieces):
        parts = list(X.each(Method(_lean(estimator), method).of_piece))
        return np.concatenate(parts).astype(dtype, copy=False)
    return answers(X, Method(_lean(estimator), method), name, dtype)


def _lean(estimator: Any) -> Any:
    lean = copy(estimator)
    for name in ("labels_", "history_", "_sums"):
        vars(lean).pop(name, None)
    lean.callbacks = ()
    return lean


def _numbers(data: Any) -> Any:
    """Return an array or a data frame of numbers as float32 or float64."""
    frame = as_frame(data, "X")
    values = np.asarray(data) if frame is None else frame_numbers(frame)
    if values.ndim != 2:
        raise ValueError(f"it must have rows and columns; got shape {values.shape}.")
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    return values


def _check_columns(looks: Sequence[Look]) -> None:
    """Refuse pieces that differ, or hold what is no number."""
    if not looks:
        raise InputError("X has no pieces. Pass at least one row.")
    first = looks[0]
    for number, look in enumerate(looks):
        if look.others:
            raise InputError(
                f"X holds what is no number in column {listed(look.others)} (piece {number}). Pass "
                "`encoder`, a somscape.TableEncoder fitted to a part of X, or leave the column out."
            )
        if look.wrong:
            raise InputError(f"X, piece {number}: {look.wrong.rstrip('.')}.")
        if look.names != first.names:
            raise InputError(_other_names(first.names or (), look.names or (), number))
        if look.n_features != first.n_features:
            raise InputError(
                f"piece {number} of X has {look.n_features} columns, the first has "
                f"{first.n_features}. Give all the same."
            )


def _other_names(expected: Sequence[str], found: Sequence[str], number: int) -> str:
    lacks = [name for name in expected if name not in found]
    more = [name for name in found if name not in expected]
    if lacks:
        return f"piece {number} of X lacks column {listed(lacks)}, which the first one has. Add it."
    if more:
        return (
            f"piece {number} of X has column {listed(more)}, which the first one lacks. Leave it "
            "out."
        )
    return f"piece {number} of X has its columns in another order than the first. Sort them alike."


def _check_missing(looks: Sequence[Look], names: Sequence[str], missing: str) -> None:
    counts = sum(look.n_missing for look in looks if look.n_rows)
    n_rows = sum(look.n_rows for look in looks)
    if not np.any(counts):
        return
    if missing == "mask":
        empty = [name for name, n in zip(names, counts, strict=True) if n == n_rows]
        if empty:
            raise InputError(
                f"X has columns with no value at all (NaN): {listed(empty)}. Leave them out."
            )
        return
    shown = ", ".join(f"{n} in '{name}'" for name, n in zip(names, counts, strict=True) if n)
    number, row, place = next(_first_gaps(looks))
    raise InputError(
        f"X has missing values (NaN): {shown}; the first in row {row} of piece {number} (row "
        f"{place} of all). Fill them or leave those rows or columns out. Or pass missing='mask' to "
        "leave those cells out of all distances."
    )


def _first_gaps(looks: Sequence[Look]) -> Iterator[tuple[int, int, int]]:
    begins = accumulate((look.n_rows for look in looks), initial=0)
    for number, (look, begin) in enumerate(zip(looks, begins, strict=False)):
        if look.first_missing >= 0:
            yield number, look.first_missing, begin + look.first_missing
