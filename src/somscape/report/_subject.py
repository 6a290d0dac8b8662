"""What a report is of: a table, and a map, in the words of its dictionary."""

from typing import Any

from somscape.encode import table_in_words, words_of_column, words_of_level
from somscape.maps import Map, map_in_words
from somscape.outliers import Detector, both_in_words
from somscape.tables import Table, as_frame, collected, table_from_frame


def all_in_words(
    map_: Map, detector: Detector | None, table: Table, agreement: dict[str, Any] | None
) -> tuple[Map, Detector | None, Table, dict[str, Any] | None]:
    """Return all with the words of the dictionary for columns and codes."""
    encoding = map_.encoding
    if agreement is not None and "label" in agreement:
        label, value = str(agreement["label"]), agreement.get("value")
        said = None if value is None else words_of_level(encoding, label, str(value))
        agreement = {**agreement, "label": words_of_column(encoding, label), "value": said}
    if detector is not None:
        detector, table = both_in_words(detector, table)
        return detector.map_, detector, table, agreement
    return map_in_words(map_), None, table_in_words(encoding, table), agreement


def as_table(rows: Any) -> Table:
    """Return rows as a table, or say what they must be."""
    rows = collected(rows)
    if isinstance(rows, Table):
        return rows
    frame = as_frame(rows)
    if frame is None:
        raise TypeError(
            f"`table` must be a Table or a data frame; got {type(rows).__name__}. Of a file make "
            "one by somscape.tables.read_table, of an array by table_from_columns."
        )
    return table_from_frame(frame)
