"""The regions of a map, numbered as in their description."""

from typing import TYPE_CHECKING

import numpy as np

from somscape._types import Float64s
from somscape.maps import Map, as_map
from somscape.plots._cells import cell_width, draw_cells, map_axes, points_per_step
from somscape.plots._display import Display, display_of
from somscape.plots._panels import check_is_one_axes
from somscape.regions import Regions, given_or_found

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
    "#f0e442", "#8c6bb1", "#332288", "#999933", "#882255", "#44aa99",
)  # fmt: skip
"""As in the report.  With more regions, numbers and borders tell neighbors apart."""


def regions(
    map: Map,
    regions: Regions | None = None,
    *,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw the regions of a map, with their numbers and the borders between them.

    Parameters
    ----------
    map : Map
        The map to draw.
    regions : Regions, optional
        By default `regions.find_regions` finds them.  Number 1 is the largest.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display

    Raises
    ------
    TypeError
        For `regions` that are none, such as their number, or an `ax` that is no axes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> plots.regions(SOM(4, 5, random_state=0).fit(X)).ax_.get_title()
    '2 regions, 4 x 5 units'
    """
    map = as_map(map)
    check_is_one_axes(ax)
    found = given_or_found(regions, map)
    lattice = map.lattice
    if ax is None:
        ax = map_axes(lattice, unit_size, has_legend=False)
    colors = [COLORS[label % len(COLORS)] for label in found.labels]
    draw_cells(ax, lattice, colors=colors, edge="white")
    if lattice.kind != "graph":
        _draw_borders(ax, map, found)
    size = np.clip(1.1 * points_per_step(ax, lattice), 7, 22)
    for region in range(found.n_regions):
        x, y = _middle(lattice.positions[found.labels == region])
        number = ax.text(x, y, str(region + 1), fontsize=size, weight="bold", zorder=5)
        number.set(ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white"})
    n = found.n_regions
    title = f"{n} {'region' if n == 1 else 'regions'}, {lattice.size_text}"
    ax.set_title(title, fontsize=11, y=1.0)
    return display_of([ax])


def _middle(places: Float64s) -> Float64s:
    """Return the place nearest to the middle of all places."""
    return np.asarray(places[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()])


def _draw_borders(ax: "Axes", map_: Map, found: Regions) -> None:
    """Draw the sides that cells of two regions share, which have the same ends in both cells."""
    from matplotlib.collections import LineCollection

    lattice = map_.lattice
    cell = lattice.cell
    ends = np.stack([cell, np.roll(cell, -1, axis=0)], axis=1)
    sides = (lattice.positions[:, None, None, :] + ends).reshape(-1, 2, 2)
    labels = np.repeat(found.labels, len(cell))
    middles = np.round(sides.mean(axis=1) / cell_width(lattice), 3)
    order = np.lexsort(middles.T)
    first, second = order[:-1], order[1:]
    is_shared = (middles[first] == middles[second]).all(axis=1)
    shown = first[is_shared & (labels[first] != labels[second])]
    for color, width, level in (("white", 4.0, 3), ("black", 1.8, 4)):
        lines = LineCollection(list(sides[shown]), colors=color, linewidths=width, zorder=level)
        lines.set_capstyle("round")
        ax.add_collection(lines, autolim=False)
