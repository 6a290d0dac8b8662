"""The record of what a writer gets: a map, a detector or a fitted estimator."""

from typing import Any

from somscape.maps import as_map
from somscape.records import Record


def record_of(map_: Any) -> Record:
    """Return the record of a map."""
    if isinstance(map_, Record):
        return map_
    return as_map(map_).to_record()
