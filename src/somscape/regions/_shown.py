"""Regions as a data frame, of units or of rows, and as a table in a notebook."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.tables import frame_of, html_of

if TYPE_CHECKING:
    from somscape.regions._regions import Regions


def frame_of_regions(regions: "Regions", X: Any, library: str | None) -> Any:
    """Return the region of each unit, or of each row of X."""
    if X is not None:
        units = regions.map_.winners(X)
        return frame_of({"unit": units, "region": regions._of_units(units)}, library)
    units = np.arange(regions.map_.n_units)
    row, col = regions.map_.lattice.rows_and_cols(units)
    places = {"unit": units, "row": row, "col": col, "hits": regions.map_.hits}
    return frame_of({**places, "region": regions.labels}, library)


def html_of_regions(regions: "Regions") -> str:
    """Return the number of units and training rows of each region as HTML."""
    total = float(regions.sizes.sum()) or 1.0
    lines = [
        [str(i), str(n_units), f"{rows:g}", f"{100 * rows / total:.1f} %"]
        for i, (n_units, rows) in enumerate(zip(regions.n_units, regions.sizes, strict=True))
    ]
    return html_of(["region", "units", "rows", "share of rows"], lines, repr(regions))
