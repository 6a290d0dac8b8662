"""A map and the places of rows on it as named columns, which become files and data frames."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.tables import free_name

if TYPE_CHECKING:
    from somscape.maps._map import Map


def unit_columns(map_: "Map") -> dict[str, Any]:
    """Return what a map knows of each unit."""
    units = np.arange(map_.n_units)
    row, col = map_.lattice.rows_and_cols(units)
    columns: dict[str, Any] = {"unit": units, "row": row, "col": col}
    columns |= {"hits": map_.hits, "u_height": map_.u_heights}
    for code in map_.encoding.features:
        columns[free_name(code.name, columns, "_")] = map_.plane(code.name)
    return columns


def place_columns(map_: "Map", units: Ints, distances: Float64s) -> dict[str, Any]:
    """Return where rows lie."""
    is_none = units < 0
    row, col = (np.where(is_none, -1, part) for part in map_.lattice.rows_and_cols(units))
    x, y = np.where(is_none[:, None], np.nan, map_.lattice.positions[units]).T
    return {"unit": units, "row": row, "col": col, "x": x, "y": y, "distance": distances}
