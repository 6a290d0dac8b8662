"""How a notebook shows a map: its U-matrix, with the height and rows of a cell under the pointer.

This is here and not in `report`, so that a map shows itself without loading that.
"""

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

if TYPE_CHECKING:
    from somscape.maps._map import Map

MAX_CELLS = 2500
"""Larger maps are only named, as a notebook stores what it shows."""

WIDTH = 360
"""Width in pixels; tall maps are narrower."""

LIGHT, DARK = (246, 249, 249), (11, 11, 18)


def map_html(map_: "Map") -> str:
    """Return a map as HTML without scripts."""
    figure = ET.Element("figure", style="margin: 0")
    if map_.n_units <= MAX_CELLS:
        figure.append(_picture(map_))
    caption = ET.SubElement(figure, "figcaption")
    ET.SubElement(caption, "code").text = repr(map_)
    if map_.n_units <= MAX_CELLS:
        low, high = map_.u_heights.min(), map_.u_heights.max()
        words = f" U-matrix: mean distance to neighbors, {low:.3g} (light) to {high:.3g} (dark)"
        caption[0].tail = words
    return ET.tostring(figure, encoding="unicode", method="html")


def _picture(map_: "Map") -> ET.Element:
    positions, cell = map_.lattice.positions, map_.lattice.cell
    corners = positions[:, None, :] + cell[None, :, :]
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    wide, tall = high - low
    scale = min(WIDTH / wide, WIDTH / tall)
    picture = ET.Element(
        "svg",
        viewBox=f"{low[0]:.3f} {low[1]:.3f} {wide:.3f} {tall:.3f}",
        width=f"{scale * wide:.0f}",
        height=f"{scale * tall:.0f}",
        role="img",
    )
    picture.set("aria-label", f"U-matrix of {map_!r}")
    heights = map_.u_heights
    span = float(np.ptp(heights)) or 1.0
    for unit, outline in enumerate(corners):
        share = (heights[unit] - heights.min()) / span
        color = tuple(round(a + share * (b - a)) for a, b in zip(LIGHT, DARK, strict=True))
        shape = ET.SubElement(
            picture,
            "polygon",
            points=" ".join(f"{x:.3f},{y:.3f}" for x, y in outline),
            fill=f"rgb{color}",
        )
        row, col = divmod(unit, map_.lattice.n_cols)
        words = f"row {row}, column {col}: {heights[unit]:.4g}, {map_.hits[unit]:g} rows"
        ET.SubElement(shape, "title").text = words
    return picture
