"""Several columns in each cell: bars, lines, a radar or a star."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._blocks import blocks_of
from somscape.plots._cells import add_lines, add_polygons, cell_width, draw_cells
from somscape.plots._display import Display
from somscape.plots._legend import class_entries
from somscape.plots._order import numeric_planes, relevance
from somscape.plots._picture import Picture
from somscape.plots._shown import chosen_columns, column_plane
from somscape.plots._style import N_COLORS, faint_line, ink, paper, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PROFILES = ("bars", "lines", "radar", "stars")
_READABLE = {"bars": 14.0, "lines": 14.0, "radar": 18.0, "stars": 14.0}
"""Width in points of a cell in which each can be read."""

_HALF_WIDTH, _HALF_HEIGHT, _RADIUS = 0.36, 0.32, 0.42
"""Of what is drawn, in widths of a cell."""


def profiles(
    map: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    kind: str = "bars",
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw the values of several columns in each cell.

    Each column reaches from its lowest to its highest value on the map: no bar is the unit with
    the lowest one.  Where cells are too small, squares of several cells show their means.

    Parameters
    ----------
    map : Map
        The map to draw.
    columns : str, int or sequence of these, optional
        Columns of numbers, dates or two levels, by name or number.  By default the 8 with the
        largest part of the prototypes' spread; for ``"lines"`` all.
    kind : {"bars", "lines", "radar", "stars"}, default="bars"
        Bars side by side; a line through the columns in their order, for series and spectra; a
        polygon around the middle; or a slice of a star for each column.
    regions, highlight : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the names of the ``"columns"``, their ``"values"`` in original units,
        of shape (n_units, n_columns), and ``"side"``, the rows and columns of cells that one
        drawing stands for.

    Raises
    ------
    InputError
        For columns that are not on the map or have more than two levels, or more than 8 of them
        but for ``"lines"``.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    planes : A map per column.
    images : Prototypes that are images.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> display = plots.profiles(SOM(3, 4, random_state=0).fit(X), kind="stars")
    >>> display.drawn_["columns"], display.drawn_["values"].shape
    (('x0', 'x1', 'x2'), (12, 3))
    """
    check_choice("kind", kind, PROFILES)
    has_legend = kind != "lines"
    picture = Picture(map, ax=ax, unit_size=unit_size, has_legend=has_legend)
    lattice = picture.map.lattice
    names = _columns(picture.map, columns, kind)
    values = numeric_planes(picture.map, names)
    shown = [column_plane(picture.map, name).name for name in names]
    draw_cells(picture.ax, lattice, colors=paper(), edge=faint_line())
    picture.add(regions=regions, highlight=highlight)
    if has_legend:
        picture.legend(class_entries(shown, 0), "")
    blocks = blocks_of(lattice, picture.step(), _READABLE[kind])
    scale = blocks.side * cell_width(lattice)
    shares = blocks.mean(_between_0_and_1(values))
    _DRAW[kind](picture.ax, blocks.positions, shares, scale)
    picture.drawn |= {"columns": tuple(shown), "values": values, "side": blocks.side}
    return picture.done(f"Columns as {kind}{blocks.words('means')}")


def _columns(map_: Map, columns: Any, kind: str) -> list[str]:
    names = chosen_columns(map_, columns)
    if columns is None:
        names = [name for name in names if column_plane(map_, name).kind != "level"]
        if not names:
            raise InputError(
                "this map has no column of numbers, dates or two levels. Draw columns with "
                "plots.planes."
            )
        if kind != "lines":
            most = np.sort(np.argsort(-relevance(map_, names), kind="stable")[:N_COLORS])
            names = [names[i] for i in most]
    if kind != "lines" and len(names) > N_COLORS:
        raise InputError(
            f"`columns` must be at most {N_COLORS} for {kind}, the colors that can be told apart; "
            f"got {len(names)}. Choose some, or pass kind='lines'."
        )
    return names


def _between_0_and_1(values: Float64s) -> Float64s:
    low, high = values.min(axis=0), values.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    return np.asarray((values - low) / span)


def _draw_bars(ax: "Axes", places: Float64s, shares: Float64s, scale: float) -> None:
    n = shares.shape[1]
    left = (2 * np.arange(n) / n - 1) * _HALF_WIDTH
    right = left + 1.84 * _HALF_WIDTH / n
    top = _HALF_HEIGHT - 2 * _HALF_HEIGHT * shares
    bottom = np.full_like(shares, _HALF_HEIGHT)
    x = np.stack([left, right, right, left], axis=-1) + np.zeros((len(shares), 1, 1))
    y = np.stack([bottom, bottom, top, top], axis=-1)
    _add_by_column(ax, places, np.stack([x, y], axis=-1) * scale)
    ends = places[:, None, :] + scale * np.array(
        [[-_HALF_WIDTH, _HALF_HEIGHT], [_HALF_WIDTH, _HALF_HEIGHT]]
    )
    add_lines(ax, ends, colors=shade(0.55), linewidths=0.5, zorder=3.2)


def _draw_lines(ax: "Axes", places: Float64s, shares: Float64s, scale: float) -> None:
    n = shares.shape[1]
    x = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, n) if n > 1 else np.zeros(1)
    y = _HALF_HEIGHT - 2 * _HALF_HEIGHT * shares
    points = np.stack([np.broadcast_to(x, y.shape), y], axis=-1)
    lines = places[:, None, :] + scale * points
    add_lines(ax, lines, colors=ink(), linewidths=1.0, zorder=3.2)


def _draw_radar(ax: "Axes", places: Float64s, shares: Float64s, scale: float) -> None:
    directions = _directions(shares.shape[1])
    tips = places[:, None, :] + scale * _RADIUS * shares[:, :, None] * directions
    rims = places[:, None, :] + scale * _RADIUS * np.broadcast_to(directions, tips.shape)
    for corners, face, line in ((rims, "none", shade(0.25)), (tips, shade(0.3), shade(0.7))):
        add_polygons(ax, corners, facecolors=face, edgecolors=line, linewidths=0.6, zorder=3)
    for i, entry in enumerate(class_entries([""] * shares.shape[1], 0)):
        ax.scatter(tips[:, i, 0], tips[:, i, 1], s=7, color=entry.color, linewidths=0, zorder=4)


def _draw_stars(ax: "Axes", places: Float64s, shares: Float64s, scale: float) -> None:
    n = shares.shape[1]
    turn = 2 * np.pi * (np.arange(n)[:, None] + np.linspace(0, 1, 7)) / n
    arc = np.stack([np.sin(turn), -np.cos(turn)], axis=-1)
    slices = np.concatenate([np.zeros((n, 1, 2)), arc], axis=1)
    # Areas, not radii, are seen.
    length = _RADIUS * np.sqrt(shares)[:, :, None, None]
    _add_by_column(ax, places, scale * length * slices)


_DRAW = {"bars": _draw_bars, "lines": _draw_lines, "radar": _draw_radar, "stars": _draw_stars}


def _directions(n: int) -> Float64s:
    turn = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.sin(turn), -np.cos(turn)])


def _add_by_column(ax: "Axes", places: Float64s, corners: Float64s) -> None:
    """Add polygons of shape (n_places, n_columns, n_corners, 2), colored by column."""
    for i, entry in enumerate(class_entries([""] * corners.shape[1], 0)):
        look = {"facecolors": entry.color, "edgecolors": paper(), "linewidths": 0.2, "zorder": 3}
        add_polygons(ax, places[:, None, :] + corners[:, i], **look)
