"""Data as a map's encoded rows: of a table, a data frame, an array or a sparse array."""

from typing import Any

import numpy as np

from somscape._types import Floats
from somscape._validate import (
    check_not_dates,
    check_not_masked,
    check_row_lengths,
    check_values,
)
from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.kernels import SparseRows, check_sparse_values
from somscape.tables import (
    Table,
    as_frame,
    collected,
    frame_names,
    frame_numbers,
    suggestion,
    table_from_frame,
)


def dense_rows(X: Any, encoding: Encoding, n_features: int) -> Floats:
    """Return encoded rows, checked; see `Map.rows_of`."""
    values = _values(X, encoding)
    if values.ndim != 2 or values.shape[1] != n_features:
        raise InputError(
            f"X must have shape (n_samples, {n_features}), with the features that this map was "
            f"trained on; got {values.shape}."
        )
    may_miss = encoding.missing == "mask"
    check_values(values, encoding.feature_names, dtype=np.float64, may_miss=may_miss)
    return np.ascontiguousarray(values)


def sparse_rows(X: Any, encoding: Encoding, n_features: int) -> SparseRows:
    """Return sparse rows, checked; see `Map.sparse_rows_of`."""
    rows = X if isinstance(X, SparseRows) else SparseRows.from_csr(X.tocsr())
    if rows.shape[1] != n_features:
        raise InputError(
            f"X must have the {n_features} features that this map was trained on; got "
            f"{rows.shape[1]}."
        )
    check_sparse_values(rows, encoding.feature_names, dtype=np.float64)
    return rows


def _values(X: Any, encoding: Encoding) -> Floats:
    X = collected(X)
    if isinstance(X, Table):
        return encoding.encode(X)
    frame = as_frame(X, "X")
    if frame is not None and not encoding.is_plain:
        return encoding.encode(table_from_frame(frame, "X"))
    if frame is not None:
        return encoding.fill(frame_numbers(frame, _names_in(frame, encoding)))
    if hasattr(X, "tocsr"):
        raise InputError("X is sparse, and this needs dense rows. Pass X.toarray().")
    check_row_lengths(X)
    check_not_masked(X)
    values = _as_array(X)
    check_not_dates(values.dtype)
    if values.dtype not in (np.float32, np.float64):
        try:
            values = values.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise InputError(f"X must hold numbers; {error}. Pass encoded rows.") from error
    return encoding.fill(values)


def _as_array(X: Any) -> Any:
    """Return an array, also of another library, if it lies in this machine's memory."""
    try:
        values = np.asarray(X.detach() if hasattr(X, "detach") else X)
    except (TypeError, RuntimeError, BufferError) as error:
        library = type(X).__module__.split(".")[0]
        raise InputError(
            f"X must lie in this machine's memory; {library} says: {error}. Pass it as an array of "
            "NumPy, or to a method of the estimator, such as `predict`."
        ) from error
    if values.dtype == object and values.ndim == 0:
        raise InputError(
            f"X must be a table, a data frame or an array of numbers; got {type(X).__name__}. "
            "Fetch its rows into one of these, or pass it to a method of the estimator, such as "
            "`predict` or `alerts`."
        )
    return values


def _names_in(frame: Any, encoding: Encoding) -> list[str] | None:
    """Return the columns of a data frame to use; None means all, in their order."""
    if not encoding.is_named:
        return None
    names, there = encoding.feature_names, frame_names(frame)
    lacking = [name for name in names if name not in there]
    if lacking:
        close = suggestion(lacking[0], [str(name) for name in there if name not in names])
        meant = f" ({close.replace('did you mean', 'is it')})" if close else ""
        raise InputError(
            f"X lacks columns that this map was trained on: {', '.join(lacking)}{meant}. Add "
            "them, or pass an array with the features in the map's order."
        )
    return names
