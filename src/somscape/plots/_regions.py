"""The regions of a map, numbered as in their description."""

from typing import TYPE_CHECKING

from somscape.maps import Map
from somscape.plots._cells import draw_borders, draw_cells
from somscape.plots._display import Display
from somscape.plots._picture import Picture
from somscape.plots._style import REGION_COLORS, paper
from somscape.plots._texts import draw_numbers
from somscape.regions import Regions, given_or_found

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        Its ``drawn_`` holds the ``"regions"``, both ends of each side of their ``"borders"``, of
        shape (n_sides, 2, 2), and where the ``"numbers"`` stand, of shape (n_regions, 2): of a
        region that is too small, beside it, at the end of a line.

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
    picture = Picture(map, ax=ax, unit_size=unit_size)
    found, lattice = given_or_found(regions, picture.map), picture.map.lattice
    colors = [REGION_COLORS[label % len(REGION_COLORS)] for label in found.labels]
    draw_cells(picture.ax, lattice, colors=colors, edge=paper())
    picture.drawn |= {
        "regions": found,
        "borders": draw_borders(picture.ax, lattice, found.labels),
        "numbers": draw_numbers(picture.ax, lattice, found.labels, colors),
    }
    n = found.n_regions
    return picture.done(f"{n} {'region' if n == 1 else 'regions'}")
