"""Paths over a map: a line for each id, or one colored by time."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.paths import Paths
from somscape.plots._cells import add_lines, cell_width, draw_cells, short, short_way
from somscape.plots._display import Display
from somscape.plots._picture import Picture
from somscape.plots._scale import add_bar
from somscape.plots._style import N_COLORS, class_color, color_map, ink, paper, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = 0.3
"""How far visits lie from the middle of a cell, in its widths, so that lines do not coincide."""

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))

_PALE, _N_SHADES = 1 / 3, 64
"""How far cells go from the color of the page to that of the ink, and in how many steps."""


def paths(
    paths: Paths,
    *,
    colormap: str = "viridis",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw how rows walk over a map, on its U-matrix in pale gray.

    A ring marks where a path begins, a disk where it ends.  A single path changes its color with
    time, up to eight have a color and their id at the end, more are faint lines without ends.  Each
    visit has a place of its own in the cell.

    Parameters
    ----------
    paths : Paths
        From `somscape.paths.follow`; ``paths.take(ids)`` are those of some ids.
    colormap : str, default="viridis"
        Name of a color map of matplotlib, for the time of a single path.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a bar of times, instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"ids"`` of the paths and the ``"places"`` of their visits, an
        array of shape (n_visits, 2) for each; of a single path also its ``"lines"``, which
        `figure.colorbar` takes.

    Raises
    ------
    InputError
        For a color map that is not there.
    TypeError
        For something else than paths, or an `ax` that is no axes.

    See Also
    --------
    somscape.paths.follow : Makes paths.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, paths, plots
    >>> X = np.random.default_rng(0).normal(size=(60, 3)).cumsum(axis=0)
    >>> som = SOM(4, 5, random_state=0).fit(X)
    >>> plots.paths(paths.follow(som, X)).ax_.get_title()
    '1 path: 60 rows, 4 x 5 units'
    """
    if not isinstance(paths, Paths):
        raise TypeError(
            "`paths` must be what somscape.paths.follow(map, X) returns; got "
            f"{type(paths).__name__}."
        )
    picture = Picture(paths.map_, ax=ax, unit_size=unit_size)
    lattice, ids = picture.map.lattice, paths.ids_of_paths.tolist()
    draw_cells(picture.ax, lattice, colors=_pale(picture.map.u_heights), edge=paper())
    walks = [paths.units[part] for part in paths.slices]
    places = [_spots(lattice, units[_visited(units)], turn) for turn, units in enumerate(walks)]
    picture.drawn |= {"ids": ids, "places": places}
    if len(ids) == 1:
        _draw_in_time(picture, paths, places[0], colormap)
    elif len(ids) <= N_COLORS:
        for i, (id_, spots) in enumerate(zip(ids, places, strict=True)):
            _draw_lines(picture, [spots], class_color(i))
            _mark_ends(picture.ax, spots, class_color(i), class_color(i))
            _name_end(picture.ax, spots[-1], short(str(id_), 16), class_color(i))
    else:
        _draw_lines(picture, places, (ink(), 1 / 3))
    name = f"Path of {ids[0]}" if isinstance(ids[0], str) else "1 path"
    name = name if len(ids) == 1 else f"{len(ids)} paths"
    return picture.done(f"{name}: {len(paths.ids)} rows")


def _pale(heights: Float64s) -> list[str]:
    """Return a color for each unit, the darker the higher it is, in which lines can be seen."""
    palette = [shade(share) for share in np.linspace(0, _PALE, _N_SHADES)]
    share = (heights - heights.min()) / (float(np.ptp(heights)) or 1.0)
    return [palette[i] for i in np.rint(share * (_N_SHADES - 1)).astype(int).tolist()]


def _spots(lattice: Lattice, units: Ints, turn: int) -> Float64s:
    """Return a place within its cell for each visit of a path."""
    visit = np.arange(len(units)) + 7 * turn
    angle, radius = visit * GOLDEN_ANGLE, SPREAD * np.sqrt((visit * 0.618034) % 1)
    aside = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    return np.asarray(lattice.positions[units] + cell_width(lattice) * aside)


def _segments(lattice: Lattice, spots: Float64s) -> tuple[Float64s, Ints]:
    """Return the lines of a path and the visit that each leads to."""
    steps = short_way(lattice, np.diff(spots, axis=0))
    out = np.stack([spots[:-1], spots[:-1] + steps], axis=1)
    into = np.stack([spots[1:] - steps, spots[1:]], axis=1)
    is_over = ~np.isclose(out, into).all(axis=(1, 2))
    visit = np.arange(1, len(spots))
    return np.concatenate([out, into[is_over]]), np.concatenate([visit, visit[is_over]])


def _visited(units: Ints) -> Ints:
    """Return the first row of each visit of one path."""
    return np.flatnonzero(np.append(True, units[1:] != units[:-1]))


def _draw_lines(picture: Picture, places: list[Float64s], color: Any) -> None:
    lines = [line for spots in places for line in _segments(picture.map.lattice, spots)[0]]
    add_lines(picture.ax, lines, colors=color, linewidths=1.2, zorder=3)


def _draw_in_time(picture: Picture, path: Paths, spots: Float64s, colormap: str) -> None:
    """Draw one path whose color is the place of a row among all, with a bar of times."""
    lines, visit = _segments(picture.map.lattice, spots)
    colors = color_map(colormap)
    drawn = add_lines(picture.ax, lines, cmap=colors, linewidths=1.4, zorder=3)
    drawn.set_array(_visited(path.units)[visit].astype(np.float64))
    drawn.set_clim(0, max(len(path.units) - 1, 1))
    picture.drawn["lines"] = drawn
    _mark_ends(picture.ax, spots, colors(0.0), colors(1.0))
    if picture.is_own:
        _add_times(picture.ax, drawn, path)


def _mark_ends(ax: "Axes", spots: Float64s, begin: Any, end: Any) -> None:
    ax.plot(*spots[0], "o", mfc=paper(), mec=begin, ms=7, mew=2, zorder=4)
    ax.plot(*spots[-1], "o", mfc=end, mec=paper(), ms=8, mew=1, zorder=5)


def _name_end(ax: "Axes", spot: Float64s, name: str, color: Any) -> None:
    from matplotlib.patheffects import withStroke

    place = (float(spot[0]), float(spot[1]))
    text = ax.annotate(name, place, (6, 0), textcoords="offset points", fontsize=8, va="center")
    text.set(color=color, zorder=6, path_effects=[withStroke(linewidth=2.5, foreground=paper())])


def _add_times(ax: "Axes", drawn: Any, path: Paths) -> None:
    bar = add_bar(ax, drawn, "time", "neither")
    n = len(path.times)
    places = np.unique(np.linspace(0, n - 1, min(n, 5)).astype(int)).tolist()
    bar.set_ticks(places, labels=[_time_text(path.times[place]) for place in places])


def _time_text(time: Any) -> str:
    return f"{time:g}" if isinstance(time, float) else str(time.astype("datetime64[m]"))[:10]
