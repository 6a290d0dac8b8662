"""What confirmed cases say of a row that is listed: whether one lies in its unit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from somscape.cases._moves import encoded_cells
from somscape.cases._records import CONFIRMED, Decision
from somscape.outliers import Detector


@dataclass(frozen=True)
class Confirmed:
    """The confirmed cases of a watch on its map.

    Attributes
    ----------
    by_unit : mapping of int to list of str
        Their keys, by best matching unit; those whose rows were kept.
    """

    by_unit: Mapping[int, list[str]]

    @classmethod
    def of(cls, detector: Detector, decided: Mapping[str, Decision]) -> "Confirmed":
        """Place the confirmed ones of some cases on the map, as they were when it was decided."""
        cells = {k: d.cells for k, d in decided.items() if d.state == CONFIRMED and d.cells}
        rows = encoded_cells(detector.map_.encoding, [*cells.values()])
        is_known = ~np.isnan(rows).any(axis=1)
        by_unit: dict[int, list[str]] = {}
        if is_known.any():
            units = detector.map_.winners_of_rows(np.ascontiguousarray(rows[is_known]))
            for key, unit in zip(np.array([*cells], dtype=object)[is_known], units, strict=True):
                by_unit.setdefault(int(unit), []).append(key)
        return cls(by_unit)

    def said_of(self, key: str, unit: int) -> str:
        """Say which other cases of the row's unit are confirmed, "" for none."""
        others = [other for other in self.by_unit.get(unit, ()) if other != key]
        if not others:
            return ""
        if len(others) == 1:
            return f"The confirmed case {others[0]} is in the same unit."
        return f"{len(others)} confirmed cases are in the same unit, such as {others[0]}."
