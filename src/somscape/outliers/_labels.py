"""What is known of rows: 1 for an anomaly, 0 for a usual row, -1 for unknown."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from somscape._types import Ints
from somscape.errors import InputError

UNKNOWN, USUAL, ANOMALY = -1, 0, 1


def known_labels(known: Any, n_rows: int, name: str = "known") -> Ints | None:
    """Return labels as 1 (anomaly), 0 (usual) and -1 (unknown), or None."""
    if known is None:
        return None
    values = np.asarray(known)
    try:
        numbers = np.array([np.nan if v is None else float(v) for v in values.ravel().tolist()])
    except (TypeError, ValueError):
        numbers = np.full(values.size, np.inf)
    numbers[np.isnan(numbers)] = UNKNOWN
    are_labels = bool(np.isin(numbers, (UNKNOWN, USUAL, ANOMALY)).all())
    if values.shape != (n_rows,) or not are_labels:
        raise InputError(
            f"`{name}` must hold 1 (anomaly), 0 (usual) or -1 (unknown) for each of the {n_rows} "
            f"rows; got shape {values.shape} with {_some(values)}. Pass None if no label is known."
        )
    labels = numbers.astype(np.intp)
    return labels if (labels != UNKNOWN).any() else None


def _some(values: NDArray[Any]) -> str:
    """Return the first few distinct values as text."""
    return ", ".join(np.unique(values.astype(str))[:4].tolist())
