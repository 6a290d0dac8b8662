"""Scores and p-values of pieces and single rows, one after the other."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from somscape.errors import InputError
from somscape.tables import Table, as_frame, collected, table_from_columns


def scored_stream(detector: Any, stream: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the scores and p-values of each item; see `SOMDetector.score_stream`."""
    for number, item in enumerate(stream):
        try:
            piece, is_row = _as_piece(item)
            scores, p = detector._scores_and_p_values(piece)
        except (ValueError, TypeError) as error:
            raise InputError(f"item {number} of the stream: {error}") from error
        yield (float(scores[0]), float(p[0])) if is_row else (scores, p)


def _as_piece(item: Any) -> tuple[Any, bool]:
    """Return an item as rows, and whether it is a single row."""
    if isinstance(item, Mapping):
        return table_from_columns({name: [cell] for name, cell in item.items()}), True
    item = collected(item)
    if isinstance(item, Table) or as_frame(item, "X") is not None:
        return item, False
    values = np.asarray(item)
    if values.ndim not in (1, 2):
        raise InputError(
            "it must be a row or a piece of several rows, an array of one or two dimensions; got "
            f"{type(item).__name__} of {values.ndim}."
        )
    return (values[None, :], True) if values.ndim == 1 else (values, False)
