"""Rows on a device: checked there, as `_prepare` checks those in this machine's memory."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from somscape._types import Floats
from somscape._validate import checked_weights, largest_value, wrong_value
from somscape.encode import Encoding
from somscape.errors import InputError
from somscape.estimators._libraries import fetched
from somscape.estimators._prepare import Prepared
from somscape.kernels import DeviceArray
from somscape.maps import Map


def prepare_on_device(som: Any, X: DeviceArray, sample_weight: Any) -> Prepared:
    """Check rows on a device and weights for a `fit`, as `prepare` does for others."""
    allowed = {
        "metric": ("euclidean",),
        "feature_weight": (None,),
        "missing": ("error",),
        "encoder": ("auto", None),
        "algorithm": ("auto", "batch", "multires"),
    }
    for name, choices in allowed.items():
        value = getattr(som, name)
        if not any(value is choice or _is_word(value, choice) for choice in choices):
            listed = " or ".join(f"{name}={choice!r}" for choice in choices)
            raise InputError(
                f"X on a device supports only {listed}; got {value!r:.80} and X on "
                f"{X.device.name}. Leave `{name}` out, or pass X in this machine's memory."
            )
    rows = checked_on_device(som, X, reset=True)
    weights = checked_weights(fetched(sample_weight), len(rows))
    encoding = Encoding.plain([f"x{i}" for i in range(rows.shape[1])])
    if weights is None or weights.all():
        return Prepared(rows, weights, rows, encoding)
    kept = np.flatnonzero(weights > 0)
    return Prepared(rows.take(kept), weights[kept], rows, encoding, kept)


def _is_word(value: Any, word: str | None) -> bool:
    return isinstance(value, str) and value == word


def checked_on_device(som: Any, X: DeviceArray, *, reset: bool = False) -> Any:
    """Return rows on a device, once their number of features and their values are checked."""
    validate_data(som, X, reset=reset, skip_check_array=True)
    if not reset:
        map_: Map = som.map_
        if not (map_.encoding.is_plain and map_.metric.is_plain):
            raise InputError(
                "X on a device supports only maps of metric='euclidean', without weights of "
                f"features and encodings; got X on {X.device.name}. Pass X in this machine's "
                "memory."
            )
    low, high = X.extremes()
    info = np.finfo(X.dtype)
    limit = largest_value(info, X.shape[1])
    is_wrong = ~((high <= limit) & (low >= -limit))
    if is_wrong.any():
        column = int(is_wrong.argmax())
        values: Floats = np.asarray(X[:, column])
        row = int((~(np.abs(values) <= limit)).argmax())
        if np.isnan(values[row]):
            raise InputError(
                f"`X` must be finite and not missing (NaN); got nan in row {row}, column "
                f"'x{column}'. Fill it, or pass X in this machine's memory."
            )
        raise wrong_value(values[row], row, f"x{column}", limit, info, "X")
    return X
