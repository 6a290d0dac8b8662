"""The regions of a map, with their numbers and names."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from somscape.maps import Map, as_map
from somscape.plots._cells import draw_borders, draw_cells
from somscape.plots._display import Display
from somscape.plots._legend import Entry
from somscape.plots._picture import Picture
from somscape.plots._style import ink, paper, region_colors
from somscape.plots._texts import draw_numbers
from somscape.regions import Regions, given_or_found

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMES = 40
"""In the legend."""


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
        By default `regions.find_regions` finds them.  Number 0 has the most rows.  Names stand
        in a legend, and a region has its own color where it has one; beyond twelve, colors repeat
        in regions that do not touch.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"regions"``, their ``"colors"``, both ends of each side of their
        ``"borders"``, of shape (n_sides, 2, 2), and where the ``"numbers"`` stand, of shape
        (n_regions, 2): of a region that is too small, beside it, at the end of a line.

    Raises
    ------
    TypeError
        For `regions` that are none, such as their number, or an `ax` that is no axes.

    See Also
    --------
    dendrogram, stability, somscape.regions.find_regions

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> plots.regions(SOM(4, 5, random_state=0).fit(X)).ax_.get_title()
    '2 regions, 4 x 5 units'
    """
    found = given_or_found(regions, as_map(map))
    picture = Picture(map, ax=ax, unit_size=unit_size, has_legend=any(found.names))
    lattice, by_region = picture.map.lattice, region_colors(found)
    colors = [by_region[label] for label in found.labels]
    draw_cells(picture.ax, lattice, colors=colors, edge=paper())
    picture.drawn |= {
        "regions": found,
        "colors": by_region,
        "borders": draw_borders(picture.ax, lattice, found.labels),
        "numbers": draw_numbers(picture.ax, lattice, found.labels, colors),
    }
    if any(found.names):
        picture.legend(_entries(found.names, by_region), "regions")
    n = found.n_regions
    return picture.done(f"{n} {'region' if n == 1 else 'regions'}")


def _entries(names: Sequence[str], colors: Sequence[str]) -> list[Entry]:
    """Return a line of a legend for each region with a name."""
    entries = [
        Entry(f"{i}: {name}", color)
        for i, (name, color) in enumerate(zip(names, colors, strict=True))
        if name
    ]
    n_more = len(entries) - MAX_NAMES
    more = [Entry(f"and {n_more} more", ink(), "", is_cut=False)] if n_more > 0 else []
    return entries[:MAX_NAMES] + more
