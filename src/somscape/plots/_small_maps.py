"""A small map among others: a title, cells, and a slim bar or a legend below."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.grid import Lattice
from somscape.maps import Map
from somscape.plots._cells import draw_borders, height_for, short
from somscape.plots._legend import Entry, level_entries, wrapped_legend
from somscape.plots._paint import paint
from somscape.plots._panels import area_of, given_axes
from somscape.plots._shown import ColumnPlane
from somscape.plots._slim_bar import add_slim_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from somscape.regions import Regions

_ROW_LETTERS, _MARK_LETTERS = 38, 5
"""Letters of a legend that stand side by side below a panel, and what the mark of each takes."""

_TITLE_LETTER = 0.085
"""Width of a letter of a panel's title in inches."""

_PANEL, _PANEL_TITLE, _FOOT, _GAP, _HEAD, _MIN_SIDE = 2.1, 0.3, 0.58, 0.22, 0.45, 0.3  # inches


def draw_panels(
    map_: Map,
    planes: "Sequence[ColumnPlane]",
    *,
    title: str,
    n_wide: int,
    place: Any,
    limits: Any = "robust",
    looks: "Sequence[Mapping[str, Any]]" = (),
    regions: "Regions | None" = None,
) -> "list[Axes]":
    """Draw a small map for each plane."""
    axes, foot = given_axes(place, len(planes)), _FOOT
    if axes is None:
        size = _map_height(map_.lattice), max(_wanted_foot(plane) for plane in planes)
        axes, foot = _grid(place, len(planes), min(n_wide, len(planes)), size, title)
    for ax, plane, look in zip(axes, planes, looks or [{}] * len(planes), strict=True):
        n_letters = max(6, int((_width(ax) + _GAP) / _TITLE_LETTER))
        # With y given, matplotlib does not lay out the hidden ticks to place the title: a fifth
        # faster.
        ax.set_title(short(plane.name, n_letters), fontsize=9.5, pad=3, y=1.0)
        own = {"limits": limits, "label": "", **look}
        label = own.pop("label") or (f"share of {plane.levels[0]}" if plane.levels else "")
        painted = paint(ax, map_.lattice, plane, **own)
        if painted.entries:
            _add_small_legend(ax, painted.entries, foot)
        elif plane.kind != "level":
            add_slim_bar(ax, painted.cells, short(label, n_letters + 9), painted.ends)
        if regions is not None:
            draw_borders(ax, map_.lattice, regions.labels)
    return axes


def _grid(
    place: Any, n: int, n_wide: int, size: tuple[float, float], title: str
) -> "tuple[list[Axes], float]":
    """Return axes side by side and below each other, and the room for a legend below each."""
    map_height, foot = size
    n_tall = -(-n // n_wide)
    # A single panel still leaves room for the title of the picture.
    wanted = max(n_wide * (_PANEL + _GAP) + _GAP, 3.2)
    area = area_of(place, wanted, _HEAD + n_tall * (_PANEL_TITLE + map_height + foot))
    width, height = area.size
    is_new = place is None
    wide = _PANEL if is_new else max((width - _GAP) / n_wide - _GAP, _MIN_SIDE)
    tall = map_height
    if not is_new:
        room = (height - _HEAD) / n_tall - _PANEL_TITLE
        foot = min(foot, max(_FOOT, room - map_height * wide / _PANEL))
        tall = max(room - foot, _MIN_SIDE)
    axes = []
    for i in range(n):
        left = _GAP + (i % n_wide) * (wide + _GAP)
        top = _HEAD + (i // n_wide) * (_PANEL_TITLE + tall + foot) + _PANEL_TITLE
        axes.append(area.add_axes((left, height - top - tall), (wide, tall)))
    area.add_title(title, _GAP, 0.26)
    return axes, foot


def _wanted_foot(plane: ColumnPlane) -> float:
    """Return the height in inches of what stands below a map, with no name cut."""
    if plane.kind != "level":
        return _FOOT
    names = [entry.name for entry in level_entries(plane)[1]]
    per_row = max(1, _ROW_LETTERS // (max(map(len, names), default=1) + _MARK_LETTERS))
    return max(_FOOT, 0.1 + 0.125 * -(-len(names) // per_row))


def _map_height(lattice: Lattice) -> float:
    return float(np.clip(height_for(lattice, _PANEL), 0.5, 3.0))


def _width(ax: "Axes") -> float:
    """Return the width of axes in inches, before a map's shape narrows them."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def _add_small_legend(ax: "Axes", entries: list[Entry], foot: float) -> None:
    wrapped_legend(
        ax,
        [entry.handle for entry in entries],
        [entry.name for entry in entries],
        width=_width(ax) + _GAP / 2,
        height=foot,
        n_uncut=sum(not entry.is_cut for entry in entries),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        frameon=False,
        fontsize=7,
        handlelength=1.0,
        handletextpad=0.3,
        columnspacing=0.6,
        labelspacing=0.2,
        borderpad=0.1,
        borderaxespad=0.4,
        markerscale=0.8,
    )
