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
        of_rows = regions._of_units(units)
        names = np.array([*regions.names, ""], dtype=object)  # the last, of -1
        named = {"name": names[of_rows]} if regions.names else {}
        return frame_of({"unit": units, "region": of_rows, **named}, library)
    units = np.arange(regions.map_.n_units)
    row, col = regions.map_.lattice.rows_and_cols(units)
    places = {"unit": units, "row": row, "col": col, "hits": regions.map_.hits}
    named = {"name": np.array(regions.names, dtype=object)[regions.labels]} if regions.names else {}
    return frame_of({**places, "region": regions.labels, **named}, library)


def html_of_regions(regions: "Regions") -> str:
    """Return the number of units and training rows of each region as HTML."""
    total = float(regions.sizes.sum()) or 1.0
    names = [[name] for name in regions.names] or [[]] * regions.n_regions
    lines = [
        [str(i), *name, str(n_units), f"{rows:g}", f"{100 * rows / total:.1f} %"]
        for i, (name, n_units, rows) in enumerate(
            zip(names, regions.n_units, regions.sizes, strict=True)
        )
    ]
    heads = ["region", *["name"][: len(regions.names)], "units", "rows", "share of rows"]
    return html_of(heads, lines, repr(regions))
