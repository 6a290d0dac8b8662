"""Data for MiniSom: arrays, lists and data frames, checked, as float64 rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_not_dates, check_not_masked, check_values
from somscape.errors import InputError


class Samples(NamedTuple):
    """Rows to compute with, and the same rows as the user gave them.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features), float64
        Finite, C-contiguous.
    items : sequence
        What `win_map` returns: the items of a list, else rows of an array.
    """

    rows: Float64s
    items: Sequence[Any]


def as_samples(data: Any, n_features: int) -> Samples:
    """Check data and turn it into rows."""
    items, names = data, None
    if not isinstance(data, (np.ndarray, list, tuple)):
        from somscape.tables import as_frame, frame_names, frame_numbers  # slow, and rarely needed

        frame = as_frame(data, "data")
        if frame is not None:
            items, names = frame_numbers(frame), frame_names(frame)
    rows = _as_array(items)
    if rows.ndim != 2 or len(rows) == 0:
        raise InputError(
            f"`data` must have shape (n_samples, {n_features}), with at least one row; got "
            f"{rows.shape}."
        )
    if rows.shape[1] != n_features:
        raise InputError(
            f"`data` must have {n_features} features (`input_len`); got {rows.shape[1]}. Pass rows "
            "of that length, or make a map for these rows."
        )
    check_values(rows, names or [str(i) for i in range(n_features)], "data")
    return Samples(rows, items)


def _as_array(data: Any) -> Float64s:
    if hasattr(data, "tocsr"):
        raise InputError("`data` is sparse; pass data.toarray(), or train a somscape.SOM on it.")
    check_not_dates(getattr(data, "dtype", None), "data")
    check_not_masked(data, "data")
    if np.dtype(getattr(data, "dtype", float)).kind == "c":
        raise InputError("`data` holds complex numbers; pass real ones.")
    try:
        return np.ascontiguousarray(data, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"`data` must hold numbers, the same number in each row; {_odd_row(data) or error}."
        ) from error


def _odd_row(data: Any) -> str:
    """Return which row differs in length from the first, or "" if none does."""
    lengths = [np.size(row) for row in data] if isinstance(data, list | tuple) else []
    odd = next((i for i, n in enumerate(lengths) if n != lengths[0]), 0)
    return f"row {odd} has {lengths[odd]}, but row 0 has {lengths[0]}" if odd else ""
