"""Choose colors and color bars, and draw the cells of a lattice, with texts and borders."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import InputError
from somscape.grid.graph import Graph, connected_groups
from somscape.grid.lattice import Lattice, neighbor_pairs
from somscape.plots.display import Canvas, short
from somscape.regions.regions import Regions
from somscape.tables._messages import suggestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.colorizer import ColorizingArtist

COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442",
    "#9966ff", "#442200", "#bbff99", "#880055", "#220088",
)  # fmt: skip
"""Colors of classes, and of regions without their own color, in pictures and in the report.

The first seven are by Okabe and Ito.  People with any kind of color vision can distinguish all.
"""

_LIGHT_COLORS = tuple(
    "#" + "".join(f"{(int(color[i : i + 2], 16) + 255) // 2:02x}" for i in (1, 3, 5))
    for color in COLORS
)
"""Lighter colors for a region whose neighboring regions already use all other colors."""

N_COLORS = len(COLORS)

MARKED = "#ffb000"
"""Color of rings around highlighted cells."""

LETTERS = "ABCDEFGHIJKLM"
"""Letters of classes in cells, for all colors and for the other classes."""

_DARK: dict[Any, Any] = {
    "figure.facecolor": "#15181d",
    "axes.facecolor": "#15181d",
    "savefig.facecolor": "auto",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "#e8eaed"
    ),
    "grid.color": "#5b626c",
}


@contextmanager
def dark() -> Iterator[None]:
    """Draw the pictures of a ``with`` block on a dark page.

    Pictures use the page and text colors of matplotlib's current style.  A dark matplotlib style
    therefore has the same effect as this function, for example
    ``with matplotlib.pyplot.style.context("dark_background")``.

    Yields
    ------
    None

    See Also
    --------
    Display : A finished picture.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> with plots.dark():
    ...     display = plots.umatrix(som)
    >>> max(display.figure_.get_facecolor()[:3]) < 0.2
    True
    """
    import matplotlib

    with matplotlib.rc_context(_DARK):
        yield


def paper() -> str:
    """Return the color of the page in the current matplotlib style."""
    return _setting("figure.facecolor")


def ink() -> str:
    """Return the color of text in the current matplotlib style."""
    return _setting("text.color")


def shade(share: float) -> str:
    """Mix the page color with the text color.  `share` is the share of the text color."""
    from matplotlib.colors import to_hex

    return to_hex(paled(ink(), share))


def paled(color: Any, part: float) -> tuple[float, float, float]:
    """Mix a color with the page color.  `part` is the share of `color` (0 to 1)."""
    from matplotlib.colors import to_rgb

    pairs = zip(to_rgb(paper()), to_rgb(color), strict=True)
    red, green, blue = (low + part * (high - low) for low, high in pairs)
    return red, green, blue


def empty_color() -> str:
    """Return the color of those cells of a map that do not have a value."""
    return shade(0.09)


def line_color() -> str:
    """Return the color of the lines between units and of the lines around light cells."""
    return shade(0.4)


def faint_line() -> tuple[str, float]:
    """Return the color and opacity of the edges around cells that are drawn in the page color."""
    return ink(), 0.14


def diverging() -> Any:
    """Return a color map from blue for a decrease to orange for an increase.  The color of the page
    in the middle represents no change."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = [COLORS[0], shade(0.04), COLORS[5]]
    return LinearSegmentedColormap.from_list("change", colors)


def color_map(name: Any) -> Any:
    """Return a color map that also defines a color for cells without a value."""
    import matplotlib
    from matplotlib.colors import Colormap

    if isinstance(name, Colormap):
        return name.with_extremes(bad=empty_color())
    if name not in matplotlib.colormaps:
        cure = suggestion(str(name), list(matplotlib.colormaps)) or "for example 'viridis'"
        raise InputError(
            f"`colormap` must be the name of a color map of matplotlib, but is {name!r} ({cure}).",
            value=name,
        )
    return matplotlib.colormaps[name].with_extremes(bad=empty_color())


def contrast(color: Any) -> str:
    """Return black or white, whichever is more readable as text on the given color."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(color)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.35 else "white"


def class_color(place: int) -> str:
    """Return the color of a class."""
    return COLORS[place]


def region_colors(regions: Regions) -> list[str]:
    """Return the color of each region (by its number, if it does not have its own color)."""
    n = len(COLORS)
    colors = list(regions.colors) or [""] * regions.n_regions
    ends = regions.labels[neighbor_pairs(regions.map_.lattice)]
    touching: list[set[int]] = [set() for _ in colors]
    for a, b in np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0).tolist():
        touching[a].add(b)
    for region, own in enumerate(colors):
        usual = [COLORS[(region + i) % n] for i in range(n)]
        taken = {colors[other] for other in touching[region]} if region >= n else set()
        free = (color for color in (*usual, *_LIGHT_COLORS) if color not in taken)
        colors[region] = own or next(free, usual[0])
    return colors


def region_names(regions: Regions) -> list[str]:
    """Return a text for each region with the region number and, if it exists, the region name."""
    names = regions.names or ("",) * regions.n_regions
    return [f"{i}: {name}" if name else f"region {i}" for i, name in enumerate(names)]


def _setting(name: Literal["figure.facecolor", "text.color"]) -> str:
    import matplotlib
    from matplotlib.colors import to_hex

    return to_hex(matplotlib.rcParams[name])


FEW, SEVERAL = 0.05, 0.15
"""Share of units that robust color limits ignore at each end of the sorted values.  `SEVERAL` is
for U-heights, because an outlying unit also raises the U-heights of its neighbors.  `FEW` is for
other values."""

ROOM = {FEW: 0.5, SEVERAL: 2.0}
"""Maximum distance from a robust color limit to the value range of the units that are not ignored,
as a multiple of the width of this range."""

MIN_UNITS = 9

BAR_CHARACTER = 0.075
"""Assumed width in inches of a character in the label of a color bar."""

_BAR_GAP, _BAR_WIDTH = 0.12, 0.14  # inches


def checked_limits(values: Float64s, limits: Any, share: float = FEW) -> tuple[float, float]:
    """Return the values that the first and the last color of the color map represent."""
    found = values[np.isfinite(values)]
    pair: Any = () if isinstance(limits, str) else np.asarray(limits, dtype=object).ravel()
    is_pair = len(pair) == 2 and all(isinstance(v, int | float | np.number) for v in pair)
    if is_pair and pair[0] < pair[1]:
        return float(pair[0]), float(pair[1])
    if not isinstance(limits, str) or limits not in ("robust", "full"):
        raise InputError(
            "`limits` must be 'robust', 'full' or two numbers with the lower number first, but is "
            f"{limits!r}. Pass for example (0, 1).",
            value=limits,
        )
    if not len(found):
        return 0.0, 1.0
    return _robust(found, share) if limits == "robust" else (float(found.min()), float(found.max()))


def limits_from_zero(values: Float64s, limits: Any) -> tuple[float, float]:
    """Return color limits whose lower limit is 0, or the limits that are given as a pair."""
    low, high = checked_limits(values, limits)
    return (0.0, high or 1.0) if isinstance(limits, str) else (low, high)


def _robust(values: Float64s, share: float) -> tuple[float, float]:
    full = float(values.min()), float(values.max())
    if len(values) < MIN_UNITS:
        return full
    ordered = np.sort(values)
    n_out = max(1, int(share * len(ordered)))
    low, high = float(ordered[n_out]), float(ordered[-1 - n_out])
    room = ROOM[share] * (high - low)
    return full if low == high else (max(full[0], low - room), min(full[1], high + room))


def ends_of_bar(values: Float64s, limits: tuple[float, float]) -> str:
    """Return which ends of the color bar need an arrow, for `extend` of matplotlib."""
    found = values[~np.isnan(values)]
    is_below, is_above = bool((found < limits[0]).any()), bool((found > limits[1]).any())
    return ("neither", "min", "max", "both")[is_below + 2 * is_above]


def add_bar(ax: "Axes", cells: "ColorizingArtist", label: str, extend: str) -> "Colorbar":
    """Add a color bar to the right of a map.  `map_axes` reserved the space."""
    box, figure = ax.get_position(original=True), ax.figure
    inch = 1.0 / figure.get_figwidth()  # type: ignore[union-attr]
    place = (box.x1 + _BAR_GAP * inch, box.y0, _BAR_WIDTH * inch, box.height)
    bar = figure.colorbar(cells, cax=figure.add_axes(place), extend=extend)
    bar.outline.set(linewidth=0.4, edgecolor=shade(0.4))
    bar.ax.tick_params(labelsize=8, length=2)
    height = figure.get_figheight()  # type: ignore[union-attr]
    middle = height * (box.y0 + box.y1) / 2
    room = 2 * min(middle, height - _TITLE - middle)
    text = fill(label, max(8, round(room / BAR_CHARACTER)))
    bar.set_label(text, fontsize=8 if "\n" in text else 9)
    return bar


_LONG_SIDE, _MAX_UNIT, _MIN_WIDTH, _MIN_HEIGHT = 5.5, 0.85, 2.6, 1.4
_TITLE, _SIDE, _BAR = 0.42, 0.15, 1.0  # inches
LEGEND_ROOM = 0.51
"""Height in inches of the space below a map for a legend of one title and one row of entries."""

HALO = 0.55
"""Width, in cell widths, of a strip beyond an edge of the map.  If opposite edges of the map meet,
cells of the opposite edge are drawn again in this strip."""

MAX_SHAPES = 10_000
"""Maximum number of shapes that an SVG or PDF file stores as lines.  A larger number of shapes is
stored as pixels (300 per inch).  This keeps the file small."""

_REPEATED_ALPHA = 0.35
_MIN_POINTS_FOR_LINES = 5.0
"""Minimum width of a cell in points at which lines are drawn between cells.  Around smaller cells,
the lines would hide the colors of the cells."""


_SLIM_BAR = 0.09
"""Height in inches of the color bar below a panel, and its distance from the panel."""


def add_slim_bar(ax: "Axes", cells: "PolyCollection", label: str, extend: str) -> None:
    """Draw a slim color bar below a panel, inside the axes of the panel."""
    share = _SLIM_BAR * ax.figure.dpi / ax.get_window_extent().height
    place = ax.inset_axes((0.1, -2 * share, 0.8, share))
    bar = ax.figure.colorbar(cells, cax=place, orientation="horizontal", extend=extend)
    bar.outline.set_visible(False)
    place.locator_params(nbins=4)
    place.tick_params(labelsize=7, length=2, pad=1)
    place.xaxis.offsetText.set_fontsize(7)
    bar.set_label(label, fontsize=7.5, labelpad=1)


def draw_cells(
    ax: "Axes",
    lattice: Lattice,
    values: Float64s | None = None,
    *,
    colors: Sequence[Any] | str | None = None,
    colormap: str = "viridis",
    limits: tuple[float, float] | None = None,
    edge: Any = "face",
) -> "PolyCollection":
    """Draw all cells of a lattice as one matplotlib collection."""
    fit_axes(ax, lattice)
    width = min(0.4, 0.05 * points_per_step(ax, lattice))
    if isinstance(lattice, Graph):
        links = lattice.positions[lattice.edges[0]]
        add_lines(ax, links, colors=line_color(), linewidths=1.0, zorder=0.5)  # below the cells
        edge = line_color()  # a light cell must be visible on the page
    elif points_per_step(ax, lattice) < _MIN_POINTS_FOR_LINES:
        edge = "face"
    again = {"edgecolors": "face", "alpha": _REPEATED_ALPHA, "zorder": 0.4}
    drawn: list[tuple[Ints, Float64s, dict[str, Any]]] = [
        (np.arange(lattice.n_units), lattice.positions, {}),
        (*_repeated_cells(lattice), again),
    ]
    for units, spots, more in drawn:
        if not len(spots):
            continue
        corners = spots[:, None, :] + lattice.cell[None, :, :]
        # "face" draws edges in the color of the cell.  Without edges, light seams are visible
        # between cells.
        look = {"edgecolors": edge, "linewidths": width} | more
        cells = add_polygons(ax, corners, **look)
        if values is not None:
            cells.set_array(values[units])
            cells.set_cmap(color_map(colormap))
            cells.set_clim(*(limits or (float(np.nanmin(values)), float(np.nanmax(values)))))
        elif colors is None or isinstance(colors, str):
            cells.set_facecolor(colors or empty_color())
        else:
            cells.set_facecolor([colors[unit] for unit in units])
        if not more:
            own = cells
    return own


def add_polygons(ax: "Axes", corners: Any, **look: Any) -> "PolyCollection":
    """Add polygons with the given corners to the axes, and return the polygons."""
    from matplotlib.collections import PolyCollection

    shapes = PolyCollection(corners, **look)  # twice as fast for one array as for a list
    shapes.set_rasterized(len(corners) > MAX_SHAPES)
    ax.add_collection(shapes, autolim=False)
    return shapes


def add_lines(ax: "Axes", points: Any, **look: Any) -> "LineCollection":
    """Add lines through the given points to the axes, and return the lines."""
    from matplotlib.collections import LineCollection

    lines = LineCollection(list(points), capstyle="round", **look)
    lines.set_rasterized(len(points) > MAX_SHAPES)
    ax.add_collection(lines, autolim=False)
    return lines


def fit_axes(ax: "Axes", lattice: Lattice) -> None:
    """Hide the frame of the axes, and show the whole lattice, with a y axis that points down."""
    low, high = _extent(lattice)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(high[1], low[1])
    ax.set_aspect("equal")
    ax.set_axis_off()


def outline_cells(ax: "Axes", lattice: Lattice, units: Ints) -> None:
    """Draw a light ring with a dark edge inside the cell of each given unit."""
    corners = lattice.positions[units][:, None, :] + 0.84 * lattice.cell[None, :, :]
    widest = 0.2 * points_per_step(ax, lattice)
    for color, width, level in (("black", 3.4, 3), (MARKED, 1.8, 4)):
        width = min(width, widest * width / 3.4)
        look = {"facecolors": "none", "edgecolors": color, "linewidths": width, "zorder": level}
        add_polygons(ax, corners, **look)


def draw_borders(ax: "Axes", lattice: Lattice, labels: Ints) -> Float64s:
    """Draw lines between cells of different regions, and return both ends of each line."""
    if lattice.kind == "graph":
        return np.empty((0, 2, 2))
    repeated, shifts = _repeated_cells(lattice)
    places = np.vstack([lattice.positions, shifts])
    labels = np.concatenate([labels, labels[repeated]])
    cell = lattice.cell
    ends = np.stack([cell, np.roll(cell, -1, axis=0)], axis=1)
    sides = (places[:, None, None, :] + ends).reshape(-1, 2, 2)
    regions = np.repeat(labels, len(cell))
    # The two cells at a side have the same corners, except for rounding.
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


def map_axes(
    lattice: Lattice, canvas: Canvas, unit_size: float | None, *, has_legend: bool, has_bar: bool
) -> "Axes":
    """Return the axes of a new figure with space for a map, a title and a color bar or legend."""
    low, high = _extent(lattice)
    wide, tall = high - low
    below, right = LEGEND_ROOM if has_legend else _SIDE, _BAR if has_bar else _SIDE
    if canvas.figsize is not None:
        width, height = canvas.figsize
        unit_size = min((width - _SIDE - right) / wide, (height - _TITLE - below) / tall)
    elif unit_size is None:
        unit_size = min(_LONG_SIDE / max(wide, tall), _MAX_UNIT / cell_width(lattice))
    inside = wide * unit_size, tall * unit_size
    if canvas.figsize is None:
        inside = inside[0], max(inside[1], _MIN_HEIGHT)
        width, height = max(inside[0], _MIN_WIDTH) + _SIDE + right, inside[1] + _TITLE + below
    left = (width - right + _SIDE - inside[0]) / 2
    low_edge = height - _TITLE - inside[1]
    if not has_legend:
        low_edge = (low_edge + below) / 2
    place = left / width, low_edge / height, inside[0] / width, inside[1] / height
    return canvas.new(width, height).add_axes(place)


def height_for(lattice: Lattice, width: float) -> float:
    """Return the height that a drawn map of this width needs to keep its proportions."""
    low, high = _extent(lattice)
    wide, tall = high - low
    return float(width * tall / wide)


def points_per_step(ax: "Axes", lattice: Lattice) -> float:
    """Return the width of a drawn cell in points."""
    return points_per_unit(ax) * cell_width(lattice)


def points_per_unit(ax: "Axes") -> float:
    """Return the drawn length, in points, of a distance of 1 between map positions."""
    box = ax.get_window_extent()
    shown = np.abs(np.ptp([ax.get_xlim(), ax.get_ylim()], axis=1))
    pixels = min(np.array([box.width, box.height]) / shown)
    return float(72 / ax.figure.dpi * pixels)


def short_way(lattice: Lattice, steps: Float64s) -> Float64s:
    """Return the shortest way for each step (n, 2).  A way can cross edges of the map that meet."""
    wraps = np.array([lattice.wraps_cols, lattice.wraps_rows])
    period = np.array([lattice.n_cols, lattice.n_rows * lattice.row_pitch])
    return np.asarray(steps - period * np.where(wraps, np.rint(steps / period), 0.0))


def cell_width(lattice: Lattice) -> float:
    """Return the width of a cell as a distance between map positions (1, except for graphs)."""
    return float(np.ptp(lattice.cell[:, 0]))


def _repeated_cells(lattice: Lattice) -> tuple[Ints, Float64s]:
    """Return two values: the units whose cells are drawn again beyond edges that meet, and the
    positions of these additional cells."""
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


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of cells.  A block is a cell or square of cells that contains one pie chart, or the
    markers of one cell.

    Attributes
    ----------
    of_unit : ndarray of shape (n_units,), int
    positions : ndarray of shape (n_blocks, 2)
        Positions of the middles of the blocks.
    side : int
        Number of cells along each side of a square block.
    """

    of_unit: Ints
    positions: Float64s
    side: int

    def total(self, values: Any) -> Any:
        """Return the sum of the units' values (n_units, n) in each block."""
        if self.side == 1:
            return values
        total = np.zeros((len(self.positions), values.shape[1]), dtype=values.dtype)
        np.add.at(total, self.of_unit, values)
        return total

    @property
    def words(self) -> str:
        """A text with the block size for the end of a title, or "" for single cells."""
        return "" if self.side == 1 else f", sums of {self.side} x {self.side}"


def blocks_of(lattice: Lattice, step: float, wanted: float) -> Blocks:
    """Join cells (`step` points wide) into square blocks that are at least `wanted` points wide."""
    side = 1 if lattice.kind == "graph" else max(1, int(np.ceil(wanted / step)))
    if side == 1:
        return Blocks(np.arange(lattice.n_units), lattice.positions, 1)
    row, col = lattice.rows_and_cols(np.arange(lattice.n_units))
    n_wide = -(-lattice.n_cols // side)
    of_unit = row // side * n_wide + col // side
    n = np.bincount(of_unit)
    places = [np.bincount(of_unit, lattice.positions[:, axis]) / n for axis in (0, 1)]
    return Blocks(of_unit, np.column_stack(places), side)


MAX_TEXTS = 1000
"""Largest number of texts in a picture.  More texts would not be readable."""

_POINT = np.array([2.0, 2.0])

_SIZES = (8.0, 6.5)
_SHIFTS = (0.0, -0.6, 0.6, -1.2, 1.2)
"""Vertical distances between the middle of a cell and its text, in text heights.  The first
distance at which the text does not overlap another text is used."""

_LINE_HEIGHT = 1.25


class Room:
    """The area of a picture.  Each point that a text covers is marked.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scale : float
        Drawn length, in points, of a distance of 1 in the data coordinates of the axes.
    """

    def __init__(self, ax: "Axes", scale: float) -> None:
        ends = np.array([ax.get_xlim(), ax.get_ylim()])
        self.low, self.high = ends.min(axis=1) * scale, ends.max(axis=1) * scale
        self._is_taken = np.zeros(np.ceil(self.high - self.low).astype(int) + 1, dtype=bool)

    def inside(self, middle: Float64s, size: Float64s) -> Float64s:
        """Return the position nearest to `middle` at which a text box is inside the map."""
        half = np.minimum(size, self.high - self.low) / 2
        return np.clip(middle, self.low + half, self.high - half)

    def is_free(self, middle: Float64s, size: Float64s) -> bool:
        """Return whether a text box at this position does not overlap earlier text boxes."""
        return not self._is_taken[self._points(middle, size)].any()

    def take(self, middle: Float64s, size: Float64s) -> None:
        """Mark all points in a text box as covered."""
        self._is_taken[self._points(middle, size)] = True

    def _points(self, middle: Float64s, size: Float64s) -> tuple[slice, slice]:
        ends = np.rint([middle - size / 2 - self.low, middle + size / 2 - self.low]).astype(int)
        (left, top), (right, bottom) = np.maximum(ends, 0).tolist()
        return slice(left, right), slice(top, bottom)


def draw_texts(ax: "Axes", lattice: Lattice, units: Ints, texts: Sequence[str]) -> dict[int, str]:
    """Write texts on cells in order.  Leave out a text that would overlap earlier texts."""
    scale = points_per_unit(ax)
    boxes = Room(ax, scale)
    shown: dict[int, str] = {}
    is_crowded = len(texts) > MAX_TEXTS
    for unit, text in zip(units, texts, strict=True):
        at = lattice.positions[unit] * scale
        if len(shown) == MAX_TEXTS:
            break
        if is_crowded and not boxes.is_free(at, _POINT):
            continue
        spot = _free_spot(boxes, at, text, _SHIFTS[: 1 if is_crowded else None])
        if spot is None:
            continue
        middle, font, fitting = spot
        if abs(middle[1] - at[1]) > _MOVED * font:
            _lead(ax, np.array([at, middle]) / scale)
        x, y = middle / scale
        _write(ax, x, y, fitting, font)
        shown[int(unit)] = fitting.replace(r"\$", "$")
    return shown


_MOVED = 0.6
"""Shift of a text, in font sizes, from which on a line leads from the middle of the cell."""


def _lead(ax: "Axes", ends: Float64s) -> None:
    """Draw a dot in the middle of a cell, and a line from the dot to the text of the cell."""
    ax.plot(*ends.T, color=ink(), linewidth=0.8, marker="o", markersize=3, markevery=[0], zorder=5)


def _free_spot(
    boxes: Room, at: Float64s, text: str, shifts: Sequence[float]
) -> tuple[Float64s, float, str] | None:
    widest = float(boxes.high[0] - boxes.low[0])
    first, *more = text.split("\n")
    texts = [text, f"{first} …"] if more else [text]
    for each, font in itertools.product(texts, _SIZES):
        fitting = _fitted(each, font, widest)
        size = _size(fitting, font)
        for shift in shifts:
            middle = boxes.inside(at + shift * size * (0, 1), size)
            if boxes.is_free(middle, size):
                boxes.take(middle, size)
                return middle, font, fitting
    return None


def _fitted(text: str, font: float, widest: float) -> str:
    """Shorten each line of a text that is wider than `widest`."""
    lines = []
    for line in text.split("\n"):
        wide = _size(line, font)[0]
        n = len(line) if wide <= widest else max(3, int(len(line) * widest / wide))
        lines.append(short(line, n))
    return "\n".join(lines)


def _write(ax: "Axes", x: float, y: float, text: str, font: float) -> None:
    written = ax.text(x, y, text, fontsize=font, ha="center", va="center", zorder=6, color=ink())
    written.set_linespacing(1.1)
    box = {"boxstyle": "round,pad=0.12", "fc": paper(), "ec": "none", "alpha": 0.65, "zorder": 5}
    written.set_bbox(box)


def _size(text: str, font: float) -> Float64s:
    lines = text.split("\n")
    return np.array([max(map(_width, lines)) * font + 2.0, len(lines) * _LINE_HEIGHT * font])


def _width(line: str) -> float:
    """Return the width of a line of text, as a multiple of the font size."""
    return sum(map(_width_of_character, line.replace(r"\$", "$")))


@lru_cache(maxsize=4096)
def _width_of_character(letter: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    # Measure the character between two other characters, because a single space has no width.
    wide, lone = (
        text_to_path.get_text_width_height_descent(text, FontProperties(size=10), ismath=False)[0]
        for text in (f"n{letter}n", "nn")
    )
    return float(wide - lone) / 10


def largest_pieces(lattice: Lattice, labels: Ints) -> list[Ints]:
    """Return, for each region, the units of its largest connected part."""
    pieces = connected_groups(lattice, np.arange(len(labels)), labels)
    found = [np.flatnonzero(labels == region) for region in range(int(labels.max()) + 1)]
    return [units[pieces[units] == np.bincount(pieces[units]).argmax()] for units in found]


def draw_region_texts(
    ax: "Axes", lattice: Lattice, labels: Ints, texts: Sequence[str]
) -> dict[int, str]:
    """Write the text of each region in the middle of its largest part, large parts first."""
    pieces = largest_pieces(lattice, labels)
    order = sorted(range(len(pieces)), key=lambda region: -len(pieces[region]))
    units = np.array([middle_unit(lattice, pieces[region]) for region in order])
    return draw_texts(ax, lattice, units, [texts[region] for region in order])


def middle_unit(lattice: Lattice, units: Ints) -> int:
    """Return the unit that is nearest to the mean map position of the given units."""
    places = lattice.positions[units]
    return int(units[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()])
