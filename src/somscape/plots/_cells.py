"""Draw the cells of a lattice, in a figure that fits them without a layout engine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.plots._display import make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

CLASS_COLORS = (
    "#D55E00", "#009E73", "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip
"""Okabe and Ito's colors, which people with any kind of color vision can tell apart."""

EMPTY_COLOR = "#e9e9e9"
EDGE_COLOR = "#9a9a9a"
FAINT_EDGE = "#00000024"
"""Edges that show white cells on a white page."""

_LONG_SIDE, _MAX_UNIT, _MIN_WIDTH = 5.5, 0.62, 2.6
_TITLE, _SIDE, _BAR = 0.42, 0.15, 0.95  # inches
LEGEND_ROOM = 0.51
"""Inches below a map for a legend of one row and its title."""


def draw_cells(
    ax: "Axes",
    lattice: Lattice,
    values: Float64s | None = None,
    *,
    colors: Sequence[Any] | str | None = None,
    colormap: str = "viridis",
    limits: tuple[float, float] | None = None,
    edge: str = "face",
) -> "PolyCollection":
    """Draw every cell of a lattice, as one collection.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its frame is removed, and its y axis points downward like the lattice's.
    lattice : Lattice
        The cells to draw.
    values : ndarray of shape (n_units,), optional
        Values that `colormap` turns into colors, from the lowest to the highest, or over `limits`.
    colors : color or sequence of n_units colors, optional
        Colors instead of values.
    colormap : str, default="viridis"
        Name of a color map of matplotlib.
    limits : tuple of float, optional
        Values at the ends of the color map.
    edge : color, default="face"
        Color of the lines between cells, which are not visible by default.  The cells of a graph
        always have lines.

    Returns
    -------
    matplotlib.collections.PolyCollection
        Can be passed to a color bar.
    """
    from matplotlib.collections import PolyCollection

    if lattice.kind == "graph":
        _draw_edges(ax, lattice)
        edge = EDGE_COLOR  # a light cell must be visible on a white page
    corners = list(lattice.positions[:, None, :] + lattice.cell[None, :, :])
    # "face" draws edges in the cell's color: without edges, light seams show between cells.
    cells = PolyCollection(corners, edgecolors=edge, linewidths=0.4)
    if values is None:
        cells.set_facecolor(EMPTY_COLOR if colors is None else colors)
    else:
        cells.set_array(values)
        cells.set_cmap(colormap)
        cells.set_clim(*(limits or (float(values.min()), float(values.max()))))
    ax.add_collection(cells, autolim=False)
    low, high = _extent(lattice)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(high[1], low[1])
    ax.set_aspect("equal")
    ax.set_axis_off()
    return cells


def outline_cells(ax: "Axes", lattice: Lattice, units: Ints) -> None:
    """Draw a light ring with a dark edge just inside some cells."""
    from matplotlib.collections import PolyCollection

    corners = list(lattice.positions[units][:, None, :] + 0.84 * lattice.cell[None, :, :])
    for color, width, level in (("black", 3.4, 3), ("#ffb000", 1.8, 4)):
        ring = PolyCollection(
            corners, facecolors="none", edgecolors=color, linewidths=width, zorder=level
        )
        ax.add_collection(ring, autolim=False)


def map_axes(lattice: Lattice, unit_size: float | None, *, has_legend: bool) -> "Axes":
    """Return axes in a new figure, sized for a map with a title and a color bar.

    Parameters
    ----------
    lattice : Lattice
        The lattice to draw.
    unit_size : float or None
        Inches from one unit to the next.  None means a map of about 5.5 inches.
    has_legend : bool
        Whether to leave room for a legend below the map.
    """
    low, high = _extent(lattice)
    wide, tall = high - low
    if unit_size is None:
        unit_size = min(_LONG_SIDE / max(wide, tall), _MAX_UNIT / cell_width(lattice))
    map_wide, map_tall = wide * unit_size, tall * unit_size
    below = LEGEND_ROOM if has_legend else _SIDE
    width = max(map_wide, _MIN_WIDTH) + _SIDE + _BAR
    height = map_tall + _TITLE + below
    left = (width - _BAR + _SIDE - map_wide) / 2
    figure = make_figure(width, height)
    return figure.add_axes((left / width, below / height, map_wide / width, map_tall / height))


def add_bar(ax: "Axes", cells: "PolyCollection", label: str) -> None:
    """Add a color bar to the right of a map's axes, in the space that `map_axes` left."""
    box, figure = ax.get_position(), ax.figure
    inch = 1.0 / figure.get_figwidth()  # type: ignore[union-attr]
    bar_axes = figure.add_axes((box.x1 + 0.12 * inch, box.y0, 0.14 * inch, box.height))
    bar = figure.colorbar(cells, cax=bar_axes)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2)
    bar.set_label(label, fontsize=9)


def points_per_step(ax: "Axes", lattice: Lattice) -> float:
    """Return the width of a cell in printer's points, for the size of markers."""
    box = ax.get_window_extent()
    shown = np.abs(np.ptp([ax.get_xlim(), ax.get_ylim()], axis=1))
    scale = min(np.array([box.width, box.height]) / shown)  # pixels to a step
    return float(72 / ax.figure.dpi * cell_width(lattice) * scale)


def cell_width(lattice: Lattice) -> float:
    """Return the width of a cell in the unit of the positions, which is 1 except for a graph."""
    return float(np.ptp(lattice.cell[:, 0]))


def short(text: str, length: int) -> str:
    """Return a text cut to some length, with dollar signs escaped."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    # matplotlib would read the text between two dollar signs as a formula.
    return " ".join(cut.split()).replace("$", r"\$")


def _draw_edges(ax: "Axes", lattice: Lattice) -> None:
    """Draw a graph's edges, below its cells."""
    from matplotlib.collections import LineCollection

    unit, slot = np.nonzero(lattice.neighbors > np.arange(lattice.n_units)[:, None])
    ends = lattice.positions[np.column_stack([unit, lattice.neighbors[unit, slot]])]
    lines = LineCollection(list(ends), colors=EDGE_COLOR, linewidths=1.0, zorder=0.5)
    ax.add_collection(lines, autolim=False)


def _extent(lattice: Lattice) -> tuple[Float64s, Float64s]:
    corners = (lattice.positions[:, None, :] + lattice.cell[None, :, :]).reshape(-1, 2)
    margin = 0.03 * cell_width(lattice)
    return np.asarray(corners.min(axis=0) - margin), np.asarray(corners.max(axis=0) + margin)
