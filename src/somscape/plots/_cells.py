"""Draw the cells of a lattice, in a figure that fits them without a layout engine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.plots._display import make_figure
from somscape.plots._style import MARKED, color_map, empty_color, ink, line_color, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PolyCollection

_LONG_SIDE, _MAX_UNIT, _MIN_WIDTH, _MIN_HEIGHT = 5.5, 0.85, 2.6, 1.4
_TITLE, _SIDE, _BAR = 0.42, 0.15, 1.0  # inches
LEGEND_ROOM = 0.51
"""Inches below a map for a legend of one row and its title."""

HALO = 0.55
"""How much of repeated cells shows beyond an edge that meets another, in cells."""

MAX_SHAPES = 10_000
"""A file of the lines of more would be large and slow: they are saved as dots, 300 to an inch."""

_FAINT = 0.35
_MIN_LINED = 5.0
"""Narrower cells, in points, have no lines between them: they would hide the colors."""


def draw_cells(
    ax: "Axes",
    lattice: Lattice,
    values: Float64s | None = None,
    *,
    colors: Sequence[Any] | str | None = None,
    colormap: str = "viridis",
    limits: tuple[float, float] | None = None,
    edge: Any = "face",
    places: Float64s | None = None,
    size: float = 1.0,
) -> "PolyCollection":
    """Draw every cell of a lattice, as one collection."""
    fit_axes(ax, lattice)
    width = min(0.4, 0.05 * points_per_step(ax, lattice))
    if lattice.kind == "graph":
        draw_links(ax, lattice.positions, _edges(lattice))
        edge = line_color()  # a light cell must be visible on the page
    elif size * points_per_step(ax, lattice) < _MIN_LINED:
        edge = "face"
    drawn: list[tuple[Any, Float64s, dict[str, Any]]] = []
    if places is None:
        drawn.append((*_repeated(lattice), {"edgecolors": "face", "alpha": _FAINT, "zorder": 0.4}))
    drawn.insert(0, (slice(None), lattice.positions if places is None else places, {}))
    for units, spots, more in drawn:
        if not len(spots):
            continue
        corners = spots[:, None, :] + size * lattice.cell[None, :, :]
        # "face" draws edges in the cell's color: without edges, light seams show between cells.
        look = {"edgecolors": edge, "linewidths": width} | more
        cells = add_polygons(ax, corners, **look)
        if values is None:
            is_one = colors is None or isinstance(colors, str)
            chosen = (colors or empty_color()) if is_one else _taken(colors, units)
            cells.set_facecolor(chosen)
        else:
            cells.set_array(values[units])
            cells.set_cmap(color_map(colormap))
            cells.set_clim(*(limits or (float(np.nanmin(values)), float(np.nanmax(values)))))
        if not more:
            own = cells
    return own


def add_polygons(ax: "Axes", corners: Any, **look: Any) -> "PolyCollection":
    """Add polygons, each given by its corners, and return them."""
    from matplotlib.collections import PolyCollection

    shapes = PolyCollection(corners, **look)  # twice as fast for one array as for a list
    shapes.set_rasterized(len(corners) > MAX_SHAPES)
    ax.add_collection(shapes, autolim=False)
    return shapes


def add_lines(ax: "Axes", points: Any, **look: Any) -> "LineCollection":
    """Add lines with round ends, each given by its points, and return them."""
    from matplotlib.collections import LineCollection

    lines = LineCollection(list(points), capstyle="round", **look)
    lines.set_rasterized(len(points) > MAX_SHAPES)
    ax.add_collection(lines, autolim=False)
    return lines


def fit_axes(ax: "Axes", lattice: Lattice) -> None:
    """Let axes without a frame show a lattice, its y axis pointing downward."""
    low, high = _extent(lattice)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(high[1], low[1])
    ax.set_aspect("equal")
    ax.set_axis_off()


def draw_links(ax: "Axes", places: Float64s, pairs: Ints, width: Any = 1.0) -> None:
    """Draw lines between places, below cells."""
    add_lines(ax, places[pairs], colors=line_color(), linewidths=width, zorder=0.5)


def outline_cells(ax: "Axes", lattice: Lattice, units: Ints) -> None:
    """Draw a light ring with a dark edge just inside some cells, no wider than leaves them open."""
    corners = lattice.positions[units][:, None, :] + 0.84 * lattice.cell[None, :, :]
    widest = 0.2 * points_per_step(ax, lattice)
    for color, width, level in (("black", 3.4, 3), (MARKED, 1.8, 4)):
        width = min(width, widest * width / 3.4)
        look = {"facecolors": "none", "edgecolors": color, "linewidths": width, "zorder": level}
        add_polygons(ax, corners, **look)


def draw_borders(ax: "Axes", lattice: Lattice, labels: Ints) -> Float64s:
    """Draw the sides that cells of two regions share, and return them."""
    if lattice.kind == "graph":
        return np.empty((0, 2, 2))
    repeated, shifts = _repeated(lattice)
    places = np.vstack([lattice.positions, shifts])
    labels = np.concatenate([labels, labels[repeated]])
    cell = lattice.cell
    ends = np.stack([cell, np.roll(cell, -1, axis=0)], axis=1)
    sides = (places[:, None, None, :] + ends).reshape(-1, 2, 2)
    regions = np.repeat(labels, len(cell))
    # The two cells of a side have the same ends, up to rounding.
    middles = np.round(sides.mean(axis=1) / cell_width(lattice), 3)
    order = np.lexsort(middles.T)
    first, second = order[:-1], order[1:]
    is_shared = (middles[first] == middles[second]).all(axis=1)
    shown = np.asarray(sides[first[is_shared & (regions[first] != regions[second])]])
    widest = 0.35 * points_per_step(ax, lattice)
    for color, width, level in ((paper(), 4.0, 3), (ink(), 1.8, 4)):
        width = min(width, max(widest * width / 4.0, 0.3 * width))
        add_lines(ax, shown, colors=color, linewidths=width, zorder=level)
    return shown


def map_axes(lattice: Lattice, unit_size: float | None, *, has_legend: bool) -> "Axes":
    """Return axes in a new figure, sized for a map with a title and a color bar."""
    low, high = _extent(lattice)
    wide, tall = high - low
    if unit_size is None:
        unit_size = min(_LONG_SIDE / max(wide, tall), _MAX_UNIT / cell_width(lattice))
    map_wide, map_tall = wide * unit_size, max(tall * unit_size, _MIN_HEIGHT)
    below = LEGEND_ROOM if has_legend else _SIDE
    width = max(map_wide, _MIN_WIDTH) + _SIDE + _BAR
    height = map_tall + _TITLE + below
    left = (width - _BAR + _SIDE - map_wide) / 2
    figure = make_figure(width, height)
    return figure.add_axes((left / width, below / height, map_wide / width, map_tall / height))


def height_for(lattice: Lattice, width: float) -> float:
    """Return how high a map of some width is."""
    low, high = _extent(lattice)
    wide, tall = high - low
    return float(width * tall / wide)


def points_per_step(ax: "Axes", lattice: Lattice) -> float:
    """Return the width of a cell in printer's points, for the size of markers."""
    return points_per_unit(ax) * cell_width(lattice)


def points_per_unit(ax: "Axes") -> float:
    """Return printer's points for a step of 1 in positions."""
    box = ax.get_window_extent()
    shown = np.abs(np.ptp([ax.get_xlim(), ax.get_ylim()], axis=1))
    pixels = min(np.array([box.width, box.height]) / shown)
    return float(72 / ax.figure.dpi * pixels)


def short_way(lattice: Lattice, steps: Float64s) -> Float64s:
    """Return steps on a map the short way round where edges meet, of shape (n, 2)."""
    wraps = (lattice.wraps_cols, lattice.wraps_rows)
    periods = (lattice.n_cols, lattice.n_rows * lattice.row_pitch)
    steps = steps.copy()
    for axis in (0, 1):
        if wraps[axis]:
            steps[:, axis] -= periods[axis] * np.rint(steps[:, axis] / periods[axis])
    return steps


def cell_width(lattice: Lattice) -> float:
    """Return the width of a cell in the unit of the positions, which is 1 except for a graph."""
    return float(np.ptp(lattice.cell[:, 0]))


def short(text: str, length: int) -> str:
    """Return a text cut to some length, with dollar signs escaped."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    # matplotlib would read the text between two dollar signs as a formula.
    return " ".join(cut.split()).replace("$", r"\$")


def _taken(colors: Any, units: Any) -> Any:
    return colors if isinstance(units, slice) else [colors[unit] for unit in units]


def _edges(lattice: Lattice) -> Ints:
    """Return each edge of a graph once."""
    unit, slot = np.nonzero(lattice.neighbors > np.arange(lattice.n_units)[:, None])
    return np.column_stack([unit, lattice.neighbors[unit, slot]])


def _repeated(lattice: Lattice) -> tuple[Ints, Float64s]:
    """Return units that show again beyond edges that meet, and where."""
    x = (-1, 0, 1) if lattice.wraps_cols else (0,)
    y = (-1, 0, 1) if lattice.wraps_rows else (0,)
    period = np.array([lattice.n_cols, lattice.n_rows * lattice.row_pitch])
    low, high = _extent(lattice)
    units, places = [], []
    for step in ((i, j) for i in x for j in y if i or j):
        shifted = lattice.positions + period * step
        is_near = ((shifted > low - 0.5) & (shifted < high + 0.5)).all(axis=1)
        units.append(np.flatnonzero(is_near))
        places.append(shifted[is_near])
    if not units:
        return np.empty(0, dtype=np.intp), np.empty((0, 2))
    return np.concatenate(units), np.concatenate(places)


def _extent(lattice: Lattice) -> tuple[Float64s, Float64s]:
    corners = (lattice.positions[:, None, :] + lattice.cell[None, :, :]).reshape(-1, 2)
    wraps = np.array([lattice.wraps_cols, lattice.wraps_rows])
    margin = cell_width(lattice) * np.where(wraps, HALO, 0.03)
    return np.asarray(corners.min(axis=0) - margin), np.asarray(corners.max(axis=0) + margin)
