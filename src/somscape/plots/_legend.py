"""Draw legends below a map, and choose cell colors for classes or levels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.errors import InputError
from somscape.grid.lattice import Lattice
from somscape.plots._cells import LEGEND_ROOM, add_polygons, draw_cells, short
from somscape.plots._style import (
    FEW,
    MAX_STYLES,
    checked_limits,
    class_color,
    empty_color,
    ends_of_bar,
    hatch,
    ink,
    shade,
)
from somscape.plots.columns import ColumnPlane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.legend import Legend

MAX_CLASSES = 8
"""Default number of classes or levels with a separate color."""

LENGTHS = (36, 28, 22, 18, 15, 13, 11, 9, 8, 7, 6, 5)
"""Lengths in characters to which names in a legend can be cut.  The first length at which the
legend fits in its space is used."""

_MARGIN = 0.08  # inches
_MAX_SHARE = 0.5
"""Maximum height of a legend inside the axes, as a share of the height of the axes."""


def wrapped_legend(
    ax: "Axes",
    entries: "Sequence[LegendEntry]",
    *,
    width: float,
    height: float,
    fontsize: float,
    **style: Any,
) -> "Legend":
    """Add a legend of this width with as few rows as possible.  Cut names only if necessary."""
    n, dpi, handles = len(entries), ax.figure.dpi, [entry.handle for entry in entries]
    longest = max((len(entry.name) for entry in entries), default=1)
    lengths = sorted({min(length, longest) for length in LENGTHS}, reverse=True)
    # For each number of rows, use the fewest columns.  For example, 8 names in 3 rows need 3
    # columns.
    columns = sorted({-(-n // rows) for rows in range(1, n + 1)}, reverse=True)
    width_of = _widths(ax, fontsize)
    for length, size in [(length, share * fontsize) for share in (1.0, 0.8) for length in lengths]:
        labels = [short(e.name, length if e.is_cut else len(e.name)) for e in entries]
        is_last = (length, size) == (lengths[-1], 0.8 * fontsize)
        for n_columns in columns:
            # The layout of a legend takes ten milliseconds, so layouts whose names are too wide are
            # skipped.
            columns_of_names = np.array_split(labels, n_columns)
            least = sum(max(map(width_of, part)) for part in columns_of_names) * size / fontsize
            if 0.9 * least > width * dpi and not is_last:
                continue
            style |= {"ncols": n_columns, "fontsize": size, "frameon": False}
            legend = ax.legend(handles=handles, labels=labels, **style)
            box = legend.get_window_extent()
            if box.width <= width * dpi and box.height <= height * dpi:
                return legend
            if box.height > height * dpi:
                break  # fewer columns would be even higher
    return legend


def _widths(ax: "Axes", fontsize: float) -> Callable[[str], float]:
    """Return a function that returns the drawn width of a name in pixels."""
    from matplotlib.text import Text

    probe = Text(fontsize=fontsize, figure=ax.get_figure(root=True))

    @cache
    def width_of(name: str) -> float:
        probe.set_text(name)
        return float(probe.get_window_extent().width)

    return width_of


@dataclass(frozen=True)
class LegendEntry:
    """An entry of a legend.

    Attributes
    ----------
    name : str
    color : color
    marker : str
        Name of a matplotlib marker, or a character between dollar signs that is the marker.
    hatch : str
    is_cut : bool
        Whether the name can be shortened.
    """

    name: str
    color: Any
    marker: str = "s"
    hatch: str = ""
    is_cut: bool = True

    @property
    def handle(self) -> Any:
        """Symbol before the name in the legend."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        if self.hatch:
            return Patch(facecolor=self.color, hatch=self.hatch, edgecolor=ink(), linewidth=0)
        return Line2D([], [], linestyle="none", marker=self.marker, color=self.color)


def other_color() -> str:
    """Return the shared color of all classes that do not have their own color."""
    return shade(0.28)


def check_max_classes(max_classes: int) -> None:
    """Raise InputError if `max_classes` exceeds the number of pairs of a color and a hatch."""
    if not isinstance(max_classes, int) or not 1 <= max_classes <= MAX_STYLES:
        raise InputError(
            f"`max_classes` must be a whole number from 1 to {MAX_STYLES}, but is {max_classes!r}. "
            "Further classes share a color.",
            value=max_classes,
        )


def class_entries(
    names: Sequence[str], n_others: int, markers: Sequence[str] = ()
) -> list[LegendEntry]:
    """Return the legend entries of the classes.  The last is for all classes that share a color."""
    shapes = markers or "s" * (len(names) + 1)
    entries = [
        LegendEntry(name, class_color(i), shapes[i], "" if markers else hatch(i))
        for i, name in enumerate(names)
    ]
    if n_others:
        last = shapes[len(names)]
        entries.append(LegendEntry(f"other ({n_others})", other_color(), last, is_cut=False))
    return entries


def level_entries(
    plane: ColumnPlane, max_levels: int = MAX_CLASSES
) -> tuple[list[Any], list[LegendEntry]]:
    """Return two values: a color for each unit, by its level, and the entries of the legend."""
    check_max_classes(max_levels)
    named = plane.levels[:max_levels]
    palette = [class_color(i) for i in range(len(named))]
    palette += [other_color()] * (len(plane.levels) - len(named)) + [empty_color()]
    colors = [palette[int(i)] for i in plane.values]  # the last color is for -1
    return colors, class_entries(named, len(plane.levels) - len(named))


def hatch_cells(
    ax: "Axes", lattice: Lattice, places: Any, n_named: int, *, level: float = 3.5
) -> None:
    """Draw hatches on the cells of the ninth and all later levels of a category.  This
    distinguishes levels of equal color.  Only the first `n_named` levels are hatched."""
    for pattern in dict.fromkeys(map(hatch, range(n_named))):
        if pattern:
            is_of = [0 <= i < n_named and hatch(int(i)) == pattern for i in places]
            spots = lattice.positions[np.array(is_of, dtype=bool)]
            hatch_shapes(ax, spots[:, None, :] + lattice.cell, pattern, level=level)


def hatch_shapes(ax: "Axes", shapes: Any, pattern: str, *, level: float = 3.5) -> None:
    """Draw a hatch over polygons."""
    look = {"facecolors": "none", "edgecolors": ink(), "linewidths": 0, "zorder": level}
    add_polygons(ax, shapes, **look).set_hatch(pattern)


def add_legend(ax: "Axes", entries: Sequence[LegendEntry], name: str, *, is_own: bool) -> None:
    """Below the map, add a legend that shows the marker and color of each class."""
    dpi, box = ax.figure.dpi, ax.get_window_extent()
    style: dict[str, Any] = {
        "title": name,
        "loc": "upper center" if is_own else "lower center",
        "bbox_to_anchor": (0.5, -0.01 if is_own else 0.0),
        "title_fontsize": 9,
        "handlelength": 1.2,
        "handletextpad": 0.4,
        "columnspacing": 1.2,
        "borderaxespad": 0.1,
    }
    if is_own:
        middle = (box.x0 + box.x1) / 2
        side = min(middle, ax.figure.bbox.width - middle) / dpi - _MARGIN
        legend = wrapped_legend(ax, entries, width=2 * side, height=10.0, fontsize=9, **style)
        _grow_below(ax, legend.get_window_extent().height / dpi + _MARGIN - LEGEND_ROOM)
    else:
        width, height = box.width / dpi, _MAX_SHARE * box.height / dpi
        legend = wrapped_legend(ax, entries, width=width, height=height, fontsize=9, **style)
        _make_room(ax, legend.get_window_extent().height / box.height)


def _grow_below(ax: "Axes", more: float) -> None:
    """Make a figure `more` inches higher by adding space below all axes."""
    figure: Any = ax.figure
    if more <= 0:
        return
    width, height = figure.get_size_inches()
    for each in figure.axes:
        at = each.get_position(original=True)
        low, tall = (at.y0 * height + more) / (height + more), at.height * height / (height + more)
        each.set_position((at.x0, low, at.width, tall))
    figure.set_size_inches(width, height + more)


def _make_room(ax: "Axes", share: float) -> None:
    """Change the y limits so that this share of the axes height is free below the map."""
    box = ax.get_window_extent()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()  # low > high, as y points down
    scale = min(box.width / (right - left), (1 - share) * box.height / (low - high))
    ax.set_ylim(low + share * box.height / scale, high)


@dataclass(frozen=True, eq=False)
class Painted:
    """The drawn cells of a map, with the data for the color bar or legend of these cells.

    Attributes
    ----------
    cells : matplotlib.collections.PolyCollection
    limits : tuple of float, or None for levels
    ends : str
        Which ends of the color bar are exceeded by values, as a value of matplotlib's `extend`.
    entries : list of Entry
        Entries of the legend for levels.  The list is empty for numbers.
    """

    cells: "PolyCollection"
    limits: tuple[float, float] | None
    ends: str
    entries: list[LegendEntry]


def paint(
    ax: "Axes",
    lattice: Lattice,
    plane: ColumnPlane,
    *,
    colormap: str = "viridis",
    limits: Any = "robust",
    share: float = FEW,
    max_classes: int = MAX_CLASSES,
    **cells: Any,
) -> Painted:
    """Draw all cells of a map in the colors of a plane."""
    if plane.kind == "level":
        colors, entries = level_entries(plane, max_classes)
        shapes = draw_cells(ax, lattice, colors=colors, **cells)
        hatch_cells(ax, lattice, plane.values, min(max_classes, len(plane.levels)))
        return Painted(shapes, None, "neither", entries)
    ends = (0.0, 1.0) if plane.kind == "share" else checked_limits(plane.values, limits, share)
    shapes = draw_cells(ax, lattice, plane.values, colormap=colormap, limits=ends, **cells)
    return Painted(shapes, ends, ends_of_bar(plane.values, ends), [])
