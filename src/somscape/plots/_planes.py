"""Draw component planes, correlations of planes, profiles of units, or prototypes as images."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps._as_map import as_map
from somscape.maps.map import Map
from somscape.plots._cells import add_lines, add_polygons, blocks_of, cell_width, draw_cells, short
from somscape.plots._legend import class_entries
from somscape.plots._picture import Picture, draw_panels, regions_of
from somscape.plots._style import (
    N_COLORS,
    add_bar,
    checked_limits,
    color_map,
    contrast,
    faint_line,
    ink,
    paper,
    shade,
)
from somscape.plots.columns import (
    ORDERS,
    chosen_columns,
    column_plane,
    numeric_planes,
    ordered_columns,
    plane_correlations,
    relevance,
)
from somscape.plots.display import Display, check_is_one_axes, display_of, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PANELS = 24


def planes(
    som: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    order: str = "auto",
    n_wide: int = 4,
    max_panels: int = MAX_PANELS,
    limits: Any = "robust",
    regions: Any = None,
    ax: Any = None,
) -> Display:
    """Draw a small map for each column of the data.

    Numbers are in original units.  For a category with two levels, a cell shows the share of the
    second level.  For other categories, a cell shows the most common level.

    Parameters
    ----------
    som : Map
        The map to draw.
    columns : str, int or sequence of these, optional
        Names or numbers of the columns to draw.  By default all feature columns.
    order : {"auto", "columns", "likeness", "relevance"}, default="auto"
        Order of the maps.  ``"likeness"``: similar or opposite planes follow each other.
        ``"relevance"``: descending share of the columns in the variance of the prototypes.
        ``"auto"``: the order of `columns` or of the data, or ``"relevance"`` if `columns` is not
        given and there are more than `max_panels` columns.
    n_wide : int, default=4
        Number of maps side by side.
    max_panels : int, default=24
        Largest number of maps.  Further columns are not drawn, and the title contains their number.
    limits : {"robust", "full"} or pair of float, default="robust"
        Color limits of each map that shows numbers, as for `plots.values`.
    regions : Regions or True, optional
        Regions whose borders are drawn.  If True, the regions are found first.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Existing axes or figure in which the maps are drawn, instead of a new figure.  A sequence
        must contain one Axes object for each map.  A figure, subfigure or single Axes object is
        divided into that many axes.

    Returns
    -------
    Display
        Picture whose `axes_` contain one Axes object for each map.  ``drawn_`` contains the names
        of the drawn ``"columns"``, and their ``"planes"`` in the same order.

    Raises
    ------
    InputError
        If a column is not on the map, or if `ax` contains too few axes.

    See Also
    --------
    values : Draws one column, or any other value.
    ordered_columns : Returns columns in order.
    correlations

    Notes
    -----
    The order by likeness is computed in O(n_columns^2 * n_units).

    References
    ----------
    J. Vesanto (1999), SOM-based data visualization methods, Intelligent Data Analysis 3, section 4
    (planes ordered by their correlations).

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> display = plots.planes(SOM(3, 4, random_state=0).fit(X).map_, n_wide=2)
    >>> len(display.axes_)
    3
    """
    som = as_map(som)
    check_choice("order", order, ORDERS)
    if n_wide < 1 or max_panels < 1:
        raise InputError(
            f"`n_wide` and `max_panels` must be at least 1, but are {n_wide} and {max_panels}.",
            parameter="n_wide" if n_wide < 1 else "max_panels",
            value=n_wide if n_wide < 1 else max_panels,
        )
    found = None if regions is None else regions_of(som, regions)
    names = chosen_columns(som, columns)
    if order == "auto":
        order = "relevance" if columns is None and len(names) > max_panels else "columns"
    names = ordered_columns(som, names, order=order)
    shown = [column_plane(som, name) for name in names[:max_panels]]
    title = "Each column on the map"
    if len(names) > len(shown):
        which = f"{len(shown)} most relevant" if order == "relevance" else f"first {len(shown)}"
        title += f" (the {which}; {len(names) - len(shown)} more not shown)"
    axes = draw_panels(
        som, shown, title=title, n_wide=n_wide, place=ax, limits=limits, regions=found
    )
    return display_of(axes, {"columns": names[: len(shown)], "planes": shown})


_MAX_SIDE, _CELL, _BAR, _TITLE = 6.5, 0.36, 0.95, 0.45  # inches
_MAX_NAMES, _MAX_NUMBERS = 60, 14
_NAME_CHARACTERS = 28
_NAME_CHARACTER = 0.072
"""Assumed width in inches of a character in a column name."""


def correlations(
    som: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    order: str = "likeness",
    colormap: str = "RdBu_r",
    ax: "Axes | None" = None,
) -> Display:
    """Draw the correlations of component planes.

    Parameters
    ----------
    som : Map
        The map with the planes.
    columns : str, int or sequence of these, optional
        Names or numbers of the columns.  By default all feature columns.
    order : {"likeness", "columns", "relevance"}, default="likeness"
        Order of the columns, as for `plots.planes`.  By default, similar planes follow each other.
    colormap : str, default="RdBu_r"
        Name of a color map of matplotlib for correlations from -1 to 1.
    ax : matplotlib.axes.Axes, optional
        Existing axes for the picture, without a color bar.  By default, a new figure is made.

    Returns
    -------
    Display
        ``drawn_`` contains the names of the ``"columns"``, and the matrix of the ``"correlations"``
        of their planes (n_columns, n_columns).  For a category of more than two levels, the plane
        is 1 in units with the most common level and 0 in other units.

    Raises
    ------
    InputError
        If a given column is not on the map.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    planes, ordered_columns

    Notes
    -----
    Correlations of planes are higher than correlations of the columns of a table, because
    prototypes are means of rows.  They only show which columns vary together.  The computation
    takes O(n_columns^2 * n_units).

    References
    ----------
    J. Vesanto (1999), SOM-based data visualization methods, Intelligent Data Analysis 3, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> som = SOM(4, 5, random_state=0).fit(np.column_stack([X, -X[:, 0]]))
    >>> found = plots.correlations(som, order="columns").drawn_["correlations"]
    >>> round(float(found[0, 2]), 2)
    -1.0
    """
    som = as_map(som)
    check_is_one_axes(ax)
    names = ordered_columns(som, columns, order=order)
    found = plane_correlations(som, names)
    shown = [column_plane(som, name).name for name in names]
    is_own = ax is None
    if ax is None:
        ax = _axes_for(shown)
    picture = ax.imshow(found, cmap=color_map(colormap), vmin=-1, vmax=1, interpolation="nearest")
    _name_sides(ax, shown)
    if len(names) <= _MAX_NUMBERS:
        _write_numbers(picture, found)
    ax.set_title(f"Correlations of {len(names)} planes", fontsize=11, loc="left")
    if is_own:
        add_bar(ax, picture, "correlation over the units", "neither")
    return display_of([ax], {"columns": names, "correlations": found})


def _axes_for(names: list[str]) -> "Axes":
    side = min(_MAX_SIDE, max(1.6, _CELL * len(names)))
    longest = min(_NAME_CHARACTERS, max(map(len, names), default=1))
    room = 0.25 + (_NAME_CHARACTER * longest if len(names) <= _MAX_NAMES else 0.0)
    wide, tall = room + side + _BAR, room + side + _TITLE
    return make_figure(wide, tall).add_axes((room / wide, room / tall, side / wide, side / tall))


def _name_sides(ax: "Axes", names: list[str]) -> None:
    if len(names) > _MAX_NAMES:
        ax.set_xticks([])
        ax.set_yticks([])
        return
    size = float(np.clip(72 * _MAX_SIDE / len(names) * 0.75, 4.5, 8.5))
    labels = [short(name, _NAME_CHARACTERS) for name in names]
    places = np.arange(len(names))
    ax.set_xticks(places, labels, rotation=90, fontsize=size)
    ax.set_yticks(places, labels, fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _write_numbers(picture: Any, found: Float64s) -> None:
    for (row, col), value in np.ndenumerate(found):
        if row != col:
            text = f"{value:.1f}".replace("-0.0", "0.0")
            color = contrast(picture.to_rgba(value))
            picture.axes.text(col, row, text, ha="center", va="center", fontsize=7, color=color)


PROFILES = ("bars", "lines", "radar", "stars")
_READABLE_POINTS = {"bars": 14.0, "lines": 14.0, "radar": 18.0, "stars": 14.0}
"""Minimum width in points of a cell, or of a square of cells, for each kind of profile."""

_HALF_WIDTH, _HALF_HEIGHT, _RADIUS = 0.36, 0.32, 0.42
"""Sizes of profiles in cell widths: half the width and half the height of a chart of bars or lines,
and the radius of a radar plot or star."""


def profiles(
    som: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    kind: str = "bars",
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw a small chart in each cell with the values of several columns.

    The scale of each column extends from its lowest to its highest value on the map.  The bar of
    the lowest value has the height 0.  If cells are too small, squares of several cells show the
    means of these cells.

    Parameters
    ----------
    som : Map
        The map to draw.
    columns : str, int or sequence of these, optional
        Names or numbers of columns that contain numbers, dates or two levels.  By default the 8
        columns with the largest share in the variance of the prototypes, or all columns for
        ``"lines"``.
    kind : {"bars", "lines", "radar", "stars"}, default="bars"
        ``"bars"``: a bar for each column.  ``"lines"``: a line through the values of the columns,
        for series and spectra.  ``"radar"``: a polygon with a corner for each column.  ``"stars"``:
        a star with a slice for each column.
    regions, highlight : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    ax : matplotlib.axes.Axes, optional
        Existing axes in which the picture is drawn, instead of a new figure.

    Returns
    -------
    Display
        ``drawn_`` contains the names of the ``"columns"`` and the ``"values"`` of these columns in
        original units (n_units, n_columns).  ``"side"`` is the number of cells along each side of a
        square that shares one chart.

    Raises
    ------
    InputError
        If a column is not on the map or is a category of more than two levels, or if more than 8
        columns are given and `kind` is not ``"lines"``.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    planes : Draws a map for each column.
    images : Draws prototypes that are images.

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
    picture = Picture(som, ax=ax, unit_size=unit_size, has_legend=has_legend)
    lattice = picture.map.lattice
    names = _columns(picture.map, columns, kind)
    values = numeric_planes(picture.map, names)
    shown = [column_plane(picture.map, name).name for name in names]
    draw_cells(picture.ax, lattice, colors=paper(), edge=faint_line())
    picture.add(regions=regions, highlight=highlight)
    if has_legend:
        picture.legend(class_entries(shown, 0), "")
    blocks = blocks_of(lattice, picture.step(), _READABLE_POINTS[kind])
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
                "no column of this map contains numbers, dates or two levels. Draw the columns "
                "with plots.planes.",
                parameter="columns",
            )
        if kind != "lines":
            most = np.sort(np.argsort(-relevance(map_, names), kind="stable")[:N_COLORS])
            names = [names[i] for i in most]
    if kind != "lines" and len(names) > N_COLORS:
        raise InputError(
            f"`columns` must contain at most {N_COLORS} columns for kind={kind!r}, but contains "
            f"{len(names)}. More colors are hard to distinguish. Choose fewer columns, or pass "
            "kind='lines'.",
            value=len(names),
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
    ground = scale * np.array([[-_HALF_WIDTH, _HALF_HEIGHT], [_HALF_WIDTH, _HALF_HEIGHT]])
    add_lines(ax, places[:, None, :] + ground, colors=shade(0.55), linewidths=0.5, zorder=3.2)


def _draw_lines(ax: "Axes", places: Float64s, shares: Float64s, scale: float) -> None:
    n = shares.shape[1]
    x = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, n) if n > 1 else np.zeros(1)
    y = _HALF_HEIGHT - 2 * _HALF_HEIGHT * shares
    points = np.stack([np.broadcast_to(x, y.shape), y], axis=-1)
    add_lines(ax, places[:, None, :] + scale * points, colors=ink(), linewidths=1.0, zorder=3.2)


def _draw_radar(ax: "Axes", places: Float64s, shares: Float64s, scale: float) -> None:
    turn = 2 * np.pi * np.arange(shares.shape[1]) / shares.shape[1]
    directions = np.column_stack([np.sin(turn), -np.cos(turn)])
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
    # People compare areas, so the root of a share is the radius.
    length = _RADIUS * np.sqrt(shares)[:, :, None, None]
    _add_by_column(ax, places, scale * length * slices)


_DRAW = {"bars": _draw_bars, "lines": _draw_lines, "radar": _draw_radar, "stars": _draw_stars}


def _add_by_column(ax: "Axes", places: Float64s, corners: Float64s) -> None:
    """Draw a polygon for each column at each position of a chart, in the color of the column.
    `corners` has the shape (n_places, n_columns, n_corners, 2)."""
    for i, entry in enumerate(class_entries([""] * corners.shape[1], 0)):
        look = {"facecolors": entry.color, "edgecolors": paper(), "linewidths": 0.2, "zorder": 3}
        add_polygons(ax, places[:, None, :] + corners[:, i], **look)


_SIDE = 0.82
"""Length, in cell widths, of the longer side of an image.  Images do not overlap, because the
distance between rows of hexagons is 0.87 cell widths."""

_VISIBLE_POINTS = 16.0
"""Minimum width in points of a cell, or of a square of cells, that contains an image."""


def images(
    som: Map,
    shape: tuple[int, ...],
    *,
    inverse: Callable[[Float64s], Any] | None = None,
    colormap: str = "gray_r",
    limits: Any = "full",
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw the prototype of each unit as an image.

    If cells are too small, squares of several cells show the mean image of these cells.

    Parameters
    ----------
    som : Map
        Map that was trained on an array in which each row is an image.
    shape : tuple of int
        Height and width of an image in pixels, such as ``(8, 8)``.  A color image with values from
        0 to 1 has 3 as a third number.
    inverse : callable, optional
        Function that converts prototypes (n_units, n_features) to images (n_units, n_pixels), such
        as ``scaler.inverse_transform`` of scikit-learn.
    colormap : str, default="gray_r"
        Name of a color map of matplotlib, which is used for images without colors.
    limits : {"full", "robust"} or pair of float, default="full"
        Values that the first and last color represent in all images, as for `plots.values`.
    regions, highlight : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    ax : matplotlib.axes.Axes, optional
        Existing axes in which the picture is drawn, instead of a new figure.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"images"``, an array of shape ``(n_units, *shape)``, and the color
        ``"limits"``.  ``"side"`` is the number of cells along each side of a square that shares one
        image.

    Raises
    ------
    InputError
        If the number of pixels in an image of this `shape` is not the number of features.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    profiles : Draws prototypes that are not images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from somscape import SOM, plots
    >>> digits = load_digits()
    >>> display = plots.images(SOM(6, 8).fit(digits.data), (8, 8))
    >>> display.drawn_["images"].shape
    (48, 8, 8)
    """
    picture = Picture(som, ax=ax, unit_size=unit_size)
    lattice = picture.map.lattice
    pixels = _pixels(picture.map, shape, inverse)
    limits = checked_limits(pixels.ravel(), limits)
    blocks = blocks_of(lattice, picture.step(), _VISIBLE_POINTS)
    draw_cells(picture.ax, lattice, colors=paper(), edge=faint_line())
    shown = blocks.mean(pixels).reshape(-1, *shape)
    size = _SIDE * blocks.side * cell_width(lattice)
    wide, tall = size * np.array([shape[1], shape[0]]) / (2 * max(shape[:2]))
    look: dict[str, Any] = {"cmap": color_map(colormap), "interpolation": "nearest", "zorder": 2}
    for (x, y), image in zip(blocks.positions, shown, strict=True):
        extent = (x - wide, x + wide, y + tall, y - tall)
        picture.ax.imshow(image, vmin=limits[0], vmax=limits[1], extent=extent, **look)
    picture.add(regions=regions, highlight=highlight)
    picture.drawn |= {"images": pixels.reshape(-1, *shape), "limits": limits, "side": blocks.side}
    return picture.done(f"Prototypes as images{blocks.words('means')}")


def _pixels(map_: Map, shape: Any, inverse: Any) -> Float64s:
    """Return the pixels of the image of each prototype (n_units, n_pixels)."""
    sides = np.asarray(shape)
    is_shape = sides.ndim == 1 and len(sides) in (2, 3) and sides.dtype.kind in "iu"
    if not is_shape or (sides < 1).any() or (len(sides) == 3 and sides[2] not in (3, 4)):
        raise InputError(
            "`shape` must be the size of an image in pixels, such as (8, 8), or (8, 8, 3) with "
            f"colors, but is {shape!r}.",
            value=shape,
        )
    pixels: Float64s = np.asarray(map_.codebook if inverse is None else inverse(map_.codebook))
    if pixels.ndim != 2 or pixels.shape != (map_.n_units, int(sides.prod())):
        n = pixels.size // map_.n_units
        source = "a unit of this map has" if inverse is None else "`inverse` returns"
        raise InputError(
            f"`shape` {tuple(shape)} has {int(sides.prod())} pixels, but {source} {n} values. "
            "Pass the shape of one row. If rows were transformed, pass the inverse transformation "
            "as `inverse`.",
            value=tuple(shape),
        )
    return np.asarray(pixels, dtype=np.float64)
