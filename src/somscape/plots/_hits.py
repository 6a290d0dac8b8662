"""How many rows each unit won, and of which classes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.grid import Lattice
from somscape.maps import Map, as_map
from somscape.plots._cells import (
    CLASS_COLORS,
    FAINT_EDGE,
    add_bar,
    cell_width,
    draw_cells,
    map_axes,
)
from somscape.plots._classes import ClassCounts, count_classes, require_both
from somscape.plots._display import Display, display_of
from somscape.plots._legend import add_legend
from somscape.plots._panels import check_is_one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIE_RADIUS = 0.46
"""Radius for the unit with the most rows, in widths of a cell; areas are proportional to rows."""

_ARC_STEP = np.pi / 24


def hits(
    map: Map,
    X: Any = None,
    y: Any = None,
    *,
    y_name: str = "",
    unit_size: float | None = None,
    colormap: str = "Blues",
    ax: "Axes | None" = None,
) -> Display:
    """Draw the number of rows that each unit won.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows to count, as for `Map.rows_of`.  By default the training rows.
    y : array-like of shape (n_samples,), optional
        The class of each row of `X`.  Each unit then gets a pie chart with an area proportional to
        the rows that it won.
    y_name : str, default=""
        Title of the legend.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    colormap : str, default="Blues"
        Name of a color map of matplotlib; ignored with `y`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display

    Raises
    ------
    InputError
        For labels without rows, or too many classes.
    TypeError
        For an `ax` that is no axes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> map_ = SOM(3, 4, random_state=0).fit(X).map_
    >>> plots.hits(map_).ax_.get_title()
    'Rows per unit, 3 x 4 units'
    """
    map = as_map(map)
    check_is_one_axes(ax)
    require_both(X, y)
    lattice, is_own = map.lattice, ax is None
    has_pies = X is not None and y is not None
    if ax is None:
        ax = map_axes(lattice, unit_size, has_legend=has_pies)
    if has_pies:
        found = count_classes(map, X, y)
        draw_cells(ax, lattice, edge="white")
        _draw_pies(ax, lattice, found)
        add_legend(ax, dict.fromkeys(found.classes, "o"), found.classes, y_name, is_own=is_own)
    else:
        counts = map.hits if X is None else _count(map, X)
        limits = (0.0, float(counts.max()) or 1.0)
        cells = draw_cells(ax, lattice, counts, colormap=colormap, limits=limits, edge=FAINT_EDGE)
        if is_own:
            add_bar(ax, cells, "rows won" if X is not None else "training rows won")
    ax.set_title(f"Rows per unit, {lattice.size_text}", fontsize=11, y=1.0)
    return display_of([ax])


def _count(map_: Map, X: Any) -> Float64s:
    return np.bincount(map_.winners(X), minlength=map_.n_units).astype(np.float64)


def _draw_pies(ax: "Axes", lattice: Lattice, found: ClassCounts) -> None:
    from matplotlib.collections import PolyCollection

    total = found.counts.sum(axis=1)
    radius = PIE_RADIUS * cell_width(lattice) * np.sqrt(total / max(int(total.max(initial=0)), 1))
    slices, colors = [], []
    for unit in np.flatnonzero(total):
        ends = 2 * np.pi * np.concatenate([[0], np.cumsum(found.counts[unit])]) / total[unit]
        for i in np.flatnonzero(found.counts[unit]):
            arc = radius[unit] * _slice(ends[i], ends[i + 1])
            slices.append(lattice.positions[unit] + arc)
            colors.append(CLASS_COLORS[i])
    pies = PolyCollection(slices, facecolors=colors, edgecolors="white", linewidths=0.4, zorder=3)
    ax.add_collection(pies, autolim=False)


def _slice(start: float, end: float) -> Float64s:
    """Return the corners of a slice of a pie of radius 1, clockwise from twelve o'clock."""
    n_steps = max(2, int(np.ceil((end - start) / _ARC_STEP)) + 1)
    angle = np.linspace(start, end, n_steps)
    arc = np.column_stack([np.sin(angle), -np.cos(angle)])
    is_full = end - start > 2 * np.pi - 1e-9
    return arc if is_full else np.vstack([[[0.0, 0.0]], arc])
