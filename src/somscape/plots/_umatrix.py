"""The U-matrix: borders between groups, with the classes of the rows in each cell."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map, as_map
from somscape.outliers import Alerts
from somscape.plots._cells import (
    CLASS_COLORS,
    FAINT_EDGE,
    add_bar,
    cell_width,
    draw_cells,
    map_axes,
    outline_cells,
    points_per_step,
)
from somscape.plots._classes import ClassCounts, count_classes, require_both
from somscape.plots._display import Display, display_of
from somscape.plots._legend import add_legend
from somscape.plots._panels import check_is_one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def umatrix(
    map: Map,
    X: Any = None,
    y: Any = None,
    *,
    y_name: str = "",
    highlight: Any = None,
    unit_size: float | None = None,
    colormap: str = "bone_r",
    ax: "Axes | None" = None,
) -> Display:
    """Draw each unit's mean distance to its neighbors.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows whose classes to mark, as for `Map.rows_of`.
    y : array-like of shape (n_samples,), optional
        The class of each row of `X`, with at most 8 distinct classes.  Each winner gets a circle
        for the first class, a square for the second, and so on, side by side if a unit won rows of
        several classes.
    y_name : str, default=""
        Title of the legend.
    highlight : Alerts or array-like of int, optional
        Units to outline, by number; of `Alerts` those in which the alerts lie.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    colormap : str, default="bone_r"
        Name of a color map of matplotlib.  The default shows borders between groups dark.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display

    Raises
    ------
    InputError
        For labels without rows, too many classes, or units that are not on the map.
    TypeError
        For a `highlight` that holds no whole numbers, or an `ax` that is no axes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> map_ = SOM(3, 4, random_state=0).fit(X).map_
    >>> display = plots.umatrix(map_, X, X[:, 0] > 0, highlight=[0])
    >>> display.ax_.get_title()
    'U-matrix, 3 x 4 units'
    """
    map = as_map(map)
    check_is_one_axes(ax)
    require_both(X, y)
    found = None if X is None or y is None else count_classes(map, X, y)
    lattice, is_own = map.lattice, ax is None
    if ax is None:
        ax = map_axes(lattice, unit_size, has_legend=found is not None)
    cells = draw_cells(ax, lattice, map.u_heights, colormap=colormap, edge=FAINT_EDGE)
    ax.set_title(f"U-matrix, {lattice.size_text}", fontsize=11, y=1.0)
    if is_own:
        add_bar(ax, cells, "mean distance to neighbors")
    if highlight is not None:
        outline_cells(ax, lattice, _checked_units(highlight, map.n_units))
    if found is not None:
        markers = dict(zip(found.classes, MARKERS, strict=False))
        add_legend(ax, markers, found.classes, y_name, is_own=is_own)
        _mark_classes(ax, map, found)  # at the size that the legend leaves the map
    return display_of([ax])


def _mark_classes(ax: "Axes", map_: Map, found: ClassCounts) -> None:
    is_present = found.counts > 0
    n_present = is_present.sum(axis=1)
    step = points_per_step(ax, map_.lattice)
    for i, _ in enumerate(found.classes):
        units = np.flatnonzero(is_present[:, i])
        place = is_present[units, :i].sum(axis=1)
        offsets = cell_width(map_.lattice) * _offsets(place, n_present[units])
        spots = map_.lattice.positions[units] + offsets
        diameter = step * np.where(n_present[units] == 1, 0.42, 0.3)
        ax.scatter(
            spots[:, 0],
            spots[:, 1],
            s=diameter**2,
            marker=MARKERS[i],
            color=CLASS_COLORS[i],
            edgecolors="white",
            linewidths=0.03 * step,
            zorder=5,
        )


def _offsets(place: Ints, n_present: Ints) -> Float64s:
    """Return the offset of marker `place` of `n_present` from the middle of its cell."""
    angle = np.pi + 2 * np.pi * place / np.maximum(n_present, 1)
    radius = np.where(n_present == 1, 0.0, np.where(n_present == 2, 0.2, 0.27))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _checked_units(units: Any, n_units: int) -> Ints:
    if isinstance(units, Alerts):
        units = units.units[: units.n_alerts]
        units = units[units != NO_UNIT]
    given = np.asarray(units)
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(
            "`highlight` must be Alerts, or the numbers of units, such as alerts.units; got "
            f"{type(units).__name__} of {given.dtype}."
        )
    chosen = np.unique(given.astype(np.intp))
    if chosen.size and (chosen[0] < 0 or chosen[-1] >= n_units):
        raise InputError(
            f"`highlight` must hold units from 0 to {n_units - 1}; got {chosen[0]} to {chosen[-1]}."
        )
    return chosen
