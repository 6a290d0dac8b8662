"""Draw a single map with its legend in an Axes object, or several small maps in a figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Ints
from somscape._validate import check_that, is_missing
from somscape.errors import InputError, ParameterTypeError
from somscape.grid.lattice import Lattice
from somscape.maps.map import NO_UNIT, Map, as_map
from somscape.outliers.alerts import Alerts
from somscape.plots._cells import (
    FEW,
    LEGEND_ROOM,
    N_COLORS,
    add_bar,
    add_slim_bar,
    checked_limits,
    class_color,
    draw_borders,
    draw_cells,
    draw_region_texts,
    draw_texts,
    empty_color,
    ends_of_bar,
    faint_line,
    fit_axes,
    height_for,
    map_axes,
    outline_cells,
    points_per_step,
    shade,
)
from somscape.plots.columns import ColumnPlane
from somscape.plots.display import Canvas, Display, display_of, fit_text, given_axes, short
from somscape.regions.edit import given_or_found
from somscape.regions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.legend import Legend

MAX_CLASSES, MAX_LEVELS = 12, 8
"""Default number of classes with a separate color, and number of such levels in a small panel."""

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
    is_cut : bool
        Whether the name can be shortened.
    """

    name: str
    color: Any
    marker: str = "s"
    is_cut: bool = True

    @property
    def handle(self) -> Any:
        """Symbol before the name in the legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], linestyle="none", marker=self.marker, color=self.color)


def other_color() -> str:
    """Return the shared color of all classes that do not have their own color."""
    return shade(0.28)


def check_max_classes(max_classes: int) -> None:
    """Raise InputError if `max_classes` exceeds the number of colors."""
    if not isinstance(max_classes, int) or not 1 <= max_classes <= N_COLORS:
        raise InputError(
            f"`max_classes` must be a whole number from 1 to {N_COLORS}, but is {max_classes!r}. "
            "Further classes share a color.",
            value=max_classes,
        )


def class_entries(
    names: Sequence[str], n_others: int, markers: Sequence[str] = ()
) -> list[LegendEntry]:
    """Return the legend entries of the classes.  The last is for all classes that share a color."""
    shapes = markers or "s" * (len(names) + 1)
    entries = [LegendEntry(name, class_color(i), shapes[i]) for i, name in enumerate(names)]
    if n_others:
        last = shapes[len(names)]
        entries.append(LegendEntry(f"other ({n_others})", other_color(), last, is_cut=False))
    return entries


def level_entries(plane: ColumnPlane, max_levels: int) -> tuple[list[Any], list[LegendEntry]]:
    """Return two values: a color for each unit, by its level, and the entries of the legend."""
    check_max_classes(max_levels)
    named = plane.levels[:max_levels]
    palette = [class_color(i) for i in range(len(named))]
    palette += [other_color()] * (len(plane.levels) - len(named)) + [empty_color()]
    colors = [palette[int(i)] for i in plane.values]  # the last color is for -1
    return colors, class_entries(named, len(plane.levels) - len(named))


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


def _shrink_above(ax: "Axes", more: float) -> None:
    """Make a map and its color bar lower, for `more` inches of space below."""
    figure: Any = ax.figure
    box = ax.get_position(original=True)
    low = min(box.y0 + max(0.0, more) / figure.get_figheight(), box.y1 - 0.1)
    moved = box.width * (1 - (box.y1 - low) / box.height) / 2
    for each in figure.axes:
        at, change = each.get_position(original=True), (2 * moved if each is ax else 0.0)
        left = at.x0 + (moved if each is ax else -moved)
        each.set_position((left, low, at.width - change, box.y1 - low))


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
        return Painted(shapes, None, "neither", entries)
    ends = (0.0, 1.0) if plane.kind == "share" else checked_limits(plane.values, limits, share)
    shapes = draw_cells(ax, lattice, plane.values, colormap=colormap, limits=ends, **cells)
    return Painted(shapes, ends, ends_of_bar(plane.values, ends), [])


class Picture:
    """A map that is drawn in given axes, or in a new figure with a color bar or legend.

    Parameters
    ----------
    map : Map
        Map, or an estimator or detector that has a map.
    canvas : Canvas
    unit_size : float or None
        Distance in inches between neighboring units, if a new figure is made.
    has_legend, has_bar : bool
        Whether a legend is drawn below the map, and a color bar to the right of the map.  By
        default, a picture without a legend has a color bar.

    Attributes
    ----------
    map : Map
    ax : matplotlib.axes.Axes
    is_own : bool
        Whether somscape created the figure.
    drawn : dict
        Data that become ``drawn_`` of the display.
    """

    def __init__(
        self,
        som: Any,
        canvas: Canvas,
        unit_size: float | None,
        *,
        has_legend: bool = False,
        has_bar: bool | None = None,
    ) -> None:
        self.map: Map = as_map(som)
        self.canvas, self.is_own = canvas, not canvas.has_axes()
        message = "`figsize` and `unit_size` are both given. Leave out one of the two."
        check_that(canvas.figsize is None or unit_size is None, message)
        has_bar = not has_legend if has_bar is None else has_bar
        room: dict[str, Any] = {"has_legend": has_legend, "has_bar": has_bar}
        self.ax: Axes = canvas.ax or map_axes(self.map.lattice, canvas, unit_size, **room)
        fit_axes(self.ax, self.map.lattice)
        self.drawn: dict[str, Any] = {}

    def paint(self, plane: ColumnPlane, *, label: str = "", **look: Any) -> None:
        """Color the cells by the values of a plane, and add a color bar or a legend."""
        painted = paint(self.ax, self.map.lattice, plane, edge=faint_line(), **look)
        self.drawn["values"] = plane.values
        if painted.limits is None:
            self.drawn["levels"] = plane.levels
            self.legend(painted.entries, label)
            return
        self.drawn |= {"limits": painted.limits, "cells": painted.cells}
        if self.is_own:
            add_bar(self.ax, painted.cells, label, painted.ends)

    def legend(self, entries: Sequence[LegendEntry], title: str) -> None:
        """Add a legend below the map, with the marker and color of each class."""
        ax, is_own = self.ax, self.is_own
        dpi, box = ax.figure.dpi, ax.get_window_extent()
        style: dict[str, Any] = {
            "title": title,
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
            most = 10.0 if self.canvas.figsize is None else _MAX_SHARE * box.y1 / dpi
            legend = wrapped_legend(ax, entries, width=2 * side, height=most, fontsize=9, **style)
            tall = legend.get_window_extent().height / dpi + _MARGIN
            if self.canvas.figsize is None:
                _grow_below(ax, tall - LEGEND_ROOM)
            else:
                _shrink_above(ax, tall - box.y0 / dpi)
        else:
            width, height = box.width / dpi, _MAX_SHARE * box.height / dpi
            legend = wrapped_legend(ax, entries, width=width, height=height, fontsize=9, **style)
            _make_room(ax, legend.get_window_extent().height / box.height)

    def add(self, *, regions: Any = None, labels: Any = None, highlight: Any = None) -> None:
        """Draw borders and names of regions, texts on units, and rings around highlighted units."""
        lattice = self.map.lattice
        if highlight is not None:
            units = checked_units(highlight, self.map.n_units)
            outline_cells(self.ax, lattice, units)
            self.drawn["highlight"] = units
        if regions is not None:
            found = regions_of(self.map, regions)
            self.drawn["borders"] = draw_borders(self.ax, lattice, found.labels)
            self.drawn["regions"] = found
            if labels is None:
                names = found.names or ("",) * found.n_regions
                texts = [name or str(region) for region, name in enumerate(names)]
                self.drawn["labels"] = draw_region_texts(self.ax, lattice, found.labels, texts)
        if labels is not None:
            texts = checked_labels(labels, self.map)
            units = np.array([i for i, text in enumerate(texts) if text], dtype=np.intp)
            order = units[np.argsort(-self.map.hits[units], kind="stable")]
            ordered = [texts[unit] for unit in order]
            self.drawn["labels"] = draw_texts(self.ax, lattice, order, ordered)

    def step(self) -> float:
        """Return the width of a drawn cell in points."""
        return points_per_step(self.ax, self.map.lattice)

    def done(self, what: str) -> Display:
        """Return the display.  The title of the picture contains `what` and the size of the map."""
        size = self.map.lattice.size_text
        self.canvas.write_title(self.ax, short(f"{what}, {size}" if what else size, 60))
        return display_of([self.ax], self.drawn)


def regions_of(map_: Map, regions: Any) -> Regions:
    """Return `regions`.  If `regions` is True, find the regions of the map and return them."""
    return given_or_found(None if regions is True else regions, map_)


def checked_labels(labels: Any, map_: Map) -> list[str]:
    """Return a text or "" for each unit.  If `labels` is True, return the map's unit names."""
    n_units = map_.n_units
    if labels is True:
        if not map_.unit_labels:
            raise InputError(
                "`labels` is True, but the units of this map do not have names. Pass a text for "
                "each unit.",
                value=True,
            )
        labels = map_.unit_labels
    if isinstance(labels, str) or len(labels) != n_units:
        n = 1 if isinstance(labels, str) else len(labels)
        raise InputError(
            f"`labels` must have a text for each of the {n_units} units, but has {n}. Use '' for "
            "a unit without a text.",
            value=n,
        )
    return ["" if is_missing(text) else str(text) for text in labels]


def checked_units(units: Any, n_units: int) -> Ints:
    """Return the distinct unit numbers in `units`.  Alerts are replaced by their units."""
    if isinstance(units, Alerts):
        units = units.units[: units.n_alerts]
        units = units[units != NO_UNIT]
    given = np.asarray(units)
    if given.size and given.dtype.kind not in "iu":
        raise ParameterTypeError(
            "`highlight` must be Alerts or numbers of units, such as alerts.units, but is "
            f"{type(units).__name__} of {given.dtype}.",
            value=type(units).__name__,
        )
    chosen = np.unique(given.astype(np.intp))
    if chosen.size and (chosen[0] < 0 or chosen[-1] >= n_units):
        raise InputError(
            f"`highlight` must contain units from 0 to {n_units - 1}, but contains units from "
            f"{chosen[0]} to {chosen[-1]}.",
            value=chosen[0] if chosen[0] < 0 else chosen[-1],
        )
    return chosen


_ROW_CHARACTERS, _MARK_CHARACTERS = 38, 5
"""Number of characters in a legend row below a panel, and in the space for a legend marker."""

_TITLE_CHARACTER = 0.085
"""Assumed width in inches of a character in the title of a panel."""

_PANEL, _PANEL_TITLE, _FOOT, _GAP, _HEAD, _MIN_SIDE = 2.1, 0.3, 0.58, 0.22, 0.45, 0.3  # inches
_LOW_TITLE, _LOW_FOOT, _LABEL = 0.2, 0.34, 0.13  # inches
"""Smaller heights for a given size of the figure, and the height of the label of a color bar."""


def draw_panels(
    map_: Map,
    planes: Sequence[ColumnPlane],
    canvas: Canvas,
    *,
    title: str,
    n_wide: int,
    limits: Any = "robust",
    looks: Sequence[Mapping[str, Any]] = (),
    regions: Regions | None = None,
) -> "list[Axes]":
    """Draw a small map for each plane, and return the axes of these maps."""
    axes, foot = given_axes(canvas, len(planes)), _FOOT
    is_titled = axes is not None and canvas.title is not None
    if axes is None:
        map_height = float(np.clip(height_for(map_.lattice, _PANEL), 0.5, 3.0))
        has_labels = any(p.kind == "share" for p in planes) or any("label" in k for k in looks)
        low = _FOOT if canvas.figsize is None else _LOW_FOOT + _LABEL * has_labels
        least = max(low, *map(_legend_height, planes))
        names = [max(1, len(short(plane.name, _ROW_CHARACTERS))) for plane in planes]
        axes, foot = _grid(canvas, names, min(n_wide, len(planes)), (map_height, least), title)
    for ax, plane, look in zip(axes, planes, looks or [{}] * len(planes), strict=True):
        n_characters = max(6, int((_width(ax) + _GAP) / _TITLE_CHARACTER))
        # With y, matplotlib does not lay out the hidden ticks for the title, which is a fifth
        # faster.
        name = canvas.text("") if is_titled else short(plane.name, 3 * n_characters // 2)
        written = ax.set_title(name, fontsize=9.5, pad=3, y=1.0)
        fit_text(written, (_width(ax) + _GAP) * ax.figure.dpi)
        own = {"limits": limits, "label": "", "max_classes": MAX_LEVELS, **look}
        label = own.pop("label") or (f"share of {plane.levels[0]}" if plane.levels else "")
        painted = paint(ax, map_.lattice, plane, **own)
        if painted.entries:
            _add_small_legend(ax, painted.entries, foot)
        elif plane.kind != "level":
            add_slim_bar(ax, painted.cells, short(label, n_characters + 9), painted.ends)
        if regions is not None:
            draw_borders(ax, map_.lattice, regions.labels)
    if canvas.figsize is not None:
        smallest = min(float(ax.title.get_fontsize()) for ax in axes)
        for ax in axes:
            ax.title.set_fontsize(smallest)
    return axes


def _grid(
    canvas: Canvas, names: list[int], n_wide: int, size: tuple[float, float], title: str
) -> "tuple[list[Axes], float]":
    """Return two values: axes in rows and columns, and the height of each legend in inches.

    `names` contains the number of characters of each name.
    """
    n, head, (map_height, foot) = len(names), _PANEL_TITLE, size
    if canvas.figsize is not None:  # the number of panels side by side with large maps and names
        (whole, high), head = canvas.figsize, _LOW_TITLE

        def scale(n_wide: int) -> float:
            wide = (whole - _GAP) / n_wide
            room = (high - _HEAD) / -(-n // n_wide) - head - foot
            shown = np.minimum(1, wide / _TITLE_CHARACTER * 1.5 / np.array(names)).mean()
            return float(min((wide - _GAP) / _PANEL, room / map_height) * shown**2)

        n_wide = max(range(1, n + 1), key=scale)
    n_tall = -(-n // n_wide)
    # A single panel still leaves room for the title of the picture.
    wanted = max(n_wide * (_PANEL + _GAP) + _GAP, 3.2)
    area = canvas.area(wanted, _HEAD + n_tall * (head + map_height + foot))
    width, height = area.size
    is_new = canvas.ax is None and canvas.figsize is None
    wide = _PANEL if is_new else max((width - _GAP) / n_wide - _GAP, _MIN_SIDE)
    tall = map_height
    if not is_new:
        room = (height - _HEAD) / n_tall - head
        foot = min(foot, max(_FOOT, room - map_height * wide / _PANEL))
        tall = max(room - foot, _MIN_SIDE)
    axes = []
    for i in range(n):
        left = _GAP + (i % n_wide) * (wide + _GAP)
        top = _HEAD + (i // n_wide) * (head + tall + foot) + head
        axes.append(area.add_axes((left, height - top - tall), (wide, tall)))
    area.add_title(canvas.text(title), _GAP, 0.26)
    return axes, foot


def _legend_height(plane: ColumnPlane) -> float:
    """Return the height in inches of the legend of a plane whose names are not cut, or 0."""
    if plane.kind != "level":
        return 0.0
    names = [entry.name for entry in level_entries(plane, MAX_LEVELS)[1]]
    per_row = max(1, _ROW_CHARACTERS // (max(map(len, names), default=1) + _MARK_CHARACTERS))
    return 0.1 + 0.125 * -(-len(names) // per_row)


def _width(ax: "Axes") -> float:
    """Return the width of axes in inches, before the proportions of the map change the width."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def _add_small_legend(ax: "Axes", entries: list[LegendEntry], foot: float) -> None:
    wrapped_legend(
        ax,
        entries,
        width=_width(ax) + _GAP / 2,
        height=foot,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        fontsize=7,
        handlelength=1.0,
        handletextpad=0.3,
        columnspacing=0.6,
        labelspacing=0.2,
        borderpad=0.1,
        borderaxespad=0.4,
        markerscale=0.8,
    )
