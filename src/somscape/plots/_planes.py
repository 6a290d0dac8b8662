"""Component planes: one small map per original column, in original units."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.errors import InputError
from somscape.maps import Map, as_map
from somscape.plots._cells import draw_cells, short
from somscape.plots._display import Display, display_of
from somscape.plots._legend import wrapped_legend
from somscape.plots._panels import area_of, given_axes
from somscape.plots._shown import ColumnPlane, chosen_columns, column_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

MAX_PANELS = 24
MAX_LEGEND = 8
OTHER_COLOR = "#bdbdbd"

_ROW_LETTERS, _MARK_LETTERS = 38, 5
"""Letters of a legend that stand side by side below a panel, and what the mark of each takes."""

_TITLE_LETTER, _TICK = 0.085, 0.4
"""Width of a letter of a panel's title, and of a tick's label, in inches."""

_PANEL, _PANEL_TITLE, _FOOT, _GAP, _HEAD, _MIN_SIDE = 2.1, 0.3, 0.58, 0.22, 0.45, 0.3  # inches


def planes(
    map: Map,
    columns: str | Sequence[str] | None = None,
    *,
    n_wide: int = 4,
    max_panels: int = MAX_PANELS,
    ax: Any = None,
) -> Display:
    """Draw one small map per column of the data.

    Numbers are shown in original units, a category with two levels by the share of its second
    level, and other categories by the most common level of each unit.

    Parameters
    ----------
    map : Map
        The map to draw.
    columns : str or sequence of str, optional
        Columns to draw, in order.  By default all feature columns.
    n_wide : int, default=4
        Number of maps side by side.
    max_panels : int, default=24
        Most maps to draw.  Further columns are left out; the title says how many.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Where to draw instead of in a new figure: axes for each map, in order; or a figure, a
        subfigure or single axes, whose area is divided.

    Returns
    -------
    Display
        With one of the `axes_` per map.

    Raises
    ------
    InputError
        If a column is not on the map, or `ax` holds too few axes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> display = plots.planes(SOM(3, 4, random_state=0).fit(X).map_, n_wide=2)
    >>> len(display.axes_)
    3
    """
    map = as_map(map)
    if n_wide < 1 or max_panels < 1:
        raise InputError(
            f"`n_wide` and `max_panels` must be at least 1; got {n_wide} and {max_panels}."
        )
    names = chosen_columns(map, columns)
    shown = [column_plane(map, name) for name in names[:max_panels]]
    axes, foot = given_axes(ax, len(shown)), _FOOT
    if axes is None:
        title = "Each column on the map"
        if len(names) > len(shown):
            title += f" (the first {len(shown)}; {len(names) - len(shown)} more not shown)"
        size = _map_height(map), max(_wanted_foot(plane) for plane in shown)
        axes, foot = _grid(ax, len(shown), min(n_wide, len(shown)), size, title)
    for each, plane in zip(axes, shown, strict=True):
        _draw_plane(each, map, plane, foot)
    return display_of(axes)


def _grid(
    place: Any, n: int, n_wide: int, size: tuple[float, float], title: str
) -> "tuple[list[Axes], float]":
    """Return axes side by side and below each other, and the room for a legend below each.

    `size`: heights of a map of full width and of the legend wanted, in inches.
    """
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
    labels = _level_labels(plane)
    per_row = max(1, _ROW_LETTERS // (max(map(len, labels)) + _MARK_LETTERS))
    return max(_FOOT, 0.1 + 0.125 * -(-len(labels) // per_row))


def _level_labels(plane: ColumnPlane) -> list[str]:
    n_others = len(plane.levels) - MAX_LEGEND
    return [*plane.levels[:MAX_LEGEND], *([f"other ({n_others})"] if n_others > 0 else [])]


def _map_height(map_: Map) -> float:
    corners = map_.lattice.positions[:, None, :] + map_.lattice.cell[None, :, :]
    wide, tall = np.ptp(corners.reshape(-1, 2), axis=0)
    return float(np.clip(_PANEL * tall / wide, 0.5, 3.0))


def _width(ax: "Axes") -> float:
    """Return the width of axes in inches, before a map's shape narrows them."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def _draw_plane(ax: "Axes", map_: Map, plane: ColumnPlane, foot: float) -> None:
    n_letters = max(6, int((_width(ax) + _GAP) / _TITLE_LETTER))
    # With y given, matplotlib does not lay out the hidden ticks to place the title: a fifth faster.
    ax.set_title(short(plane.name, min(26, n_letters)), fontsize=9.5, pad=3, y=1.0)
    if plane.kind == "level":
        _draw_levels(ax, map_, plane, foot)
    elif plane.kind == "share":
        cells = draw_cells(ax, map_.lattice, plane.values, limits=(0.0, 1.0))
        _add_scale(ax, cells, f"share of {short(plane.levels[0], min(22, n_letters))}")
    else:
        _add_scale(ax, draw_cells(ax, map_.lattice, plane.values), "")


def _draw_levels(ax: "Axes", map_: Map, plane: ColumnPlane, foot: float) -> None:
    import matplotlib
    from matplotlib.lines import Line2D

    palette = matplotlib.colormaps["tab20"](range(20))
    # Every second color of tab20 is a pale twin; the strong ones come first.
    palette = np.vstack([palette[0::2], palette[1::2]])
    named = plane.levels[:MAX_LEGEND]
    colors = [tuple(palette[i]) for i in range(len(named))]
    colors += [matplotlib.colors.to_rgba(OTHER_COLOR)] * (len(plane.levels) - len(named))
    draw_cells(ax, map_.lattice, colors=[colors[int(i)] for i in plane.values])
    labels = _level_labels(plane)
    handles = [
        Line2D([], [], linestyle="none", marker="s", markersize=5, color=color)
        for color, _ in zip(colors, labels, strict=False)
    ]
    wrapped_legend(
        ax,
        handles,
        labels,
        width=_width(ax) + _GAP / 2,
        height=foot,
        n_uncut=len(labels) - len(named),
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
    )


def _add_scale(ax: "Axes", cells: "PolyCollection", label: str) -> None:
    """Draw a slim color bar below a panel, in a third of the time of a full one."""
    low, high = cells.get_clim()
    inch = ax.figure.dpi / ax.get_window_extent().height
    bar = ax.inset_axes((0.1, -0.14 * inch, 0.8, 0.09 * inch))
    if low == high:
        low, high = low - 0.5, high + 0.5
    bar.imshow(
        np.linspace(0, 1, 128)[None, :],
        cmap=cells.get_cmap(),
        aspect="auto",
        extent=(float(low), float(high), 0, 1),
    )
    bar.set_yticks([])
    bar.locator_params(axis="x", nbins=int(np.clip(0.8 * _width(ax) / _TICK, 2, 4)))
    bar.tick_params(labelsize=7, length=2, pad=1.5)
    bar.xaxis.get_offset_text().set_fontsize(7)
    bar.set_xlabel(label, fontsize=7.5, labelpad=1)
    for side in bar.spines.values():
        side.set_visible(False)
