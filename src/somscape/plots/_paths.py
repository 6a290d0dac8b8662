"""Draw paths of rows over a map, or the changes between two maps."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.changes import MapChange
from somscape.changes import difference as find_difference
from somscape.errors import ParameterTypeError
from somscape.grid.lattice import Lattice
from somscape.maps.map import Map
from somscape.paths import Paths
from somscape.plots._cells import (
    add_lines,
    cell_width,
    draw_cells,
    draw_texts,
    largest_pieces,
    middle_unit,
    short,
    short_way,
)
from somscape.plots._picture import Picture, draw_panels
from somscape.plots._style import (
    N_COLORS,
    add_bar,
    checked_limits,
    class_color,
    color_map,
    diverging,
    ink,
    limits_from_zero,
    paper,
    shade,
)
from somscape.plots.columns import ColumnPlane, levels_of
from somscape.plots.display import Display, display_of
from somscape.regions.edit import RegionChange
from somscape.regions.regions import Regions
from somscape.tables._recoded import words_of_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = 0.3
"""Maximum distance, in cell widths, from the middle of a cell to the point that represents a visit
to this cell.  Several visits to a cell have different points, so that their lines are separate."""

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))

_MAX_PART_OF_TEXT, _N_SHADES = 1 / 3, 64
"""Maximum share of the text color in the color of a cell, which is a mixture of the text color and
the page color, and number of different cell colors."""


def paths(
    paths: Paths,
    *,
    colormap: str = "viridis",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw paths of rows over a map with a pale gray U-matrix.

    A ring marks the start of a path, and a disk marks the end.  The color of a single path changes
    with time.  If there are two to eight paths, each path has its own color, and its id is written
    at its end.  More than eight paths are drawn as faint lines without rings and disks.  Several
    visits to the same cell have different positions in the cell.

    Parameters
    ----------
    paths : Paths
        Paths from `somscape.paths.follow`.  ``paths.take(ids)`` selects paths by id.
    colormap : str, default="viridis"
        Name of a color map of matplotlib.  The colors of a single path show the time.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    ax : matplotlib.axes.Axes, optional
        Existing axes for the paths, drawn without a time bar.  By default, a new figure is made.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"ids"`` of the paths and ``"places"``, an array of shape
        (n_visits, 2) with the positions of the visits for each path.  For a single path, ``drawn_``
        also contains the ``"lines"`` for `figure.colorbar`.

    Raises
    ------
    InputError
        If matplotlib does not have the color map `colormap`.
    TypeError
        If `paths` is not a Paths object, or if `ax` is not an Axes object.

    See Also
    --------
    somscape.paths.follow : Returns paths.

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
        raise ParameterTypeError(
            f"`paths` must be a Paths object, but is {type(paths).__name__}. Pass the result of "
            "somscape.paths.follow(map, X).",
            value=type(paths).__name__,
        )
    picture = Picture(paths.map_, ax=ax, unit_size=unit_size)
    lattice, ids = picture.map.lattice, paths.ids_of_paths.tolist()
    draw_cells(picture.ax, lattice, colors=_pale_colors(picture.map.u_heights), edge=paper())
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


def _pale_colors(heights: Float64s) -> list[str]:
    """Return a pale color for each unit.  Units with larger U-heights are darker."""
    palette = [shade(share) for share in np.linspace(0, _MAX_PART_OF_TEXT, _N_SHADES)]
    share = (heights - heights.min()) / (float(np.ptp(heights)) or 1.0)
    return [palette[i] for i in np.rint(share * (_N_SHADES - 1)).astype(int).tolist()]


def _spots(lattice: Lattice, units: Ints, turn: int) -> Float64s:
    """Return a position inside the visited cell for each visit of a path."""
    visit = np.arange(len(units)) + 7 * turn
    angle, radius = visit * GOLDEN_ANGLE, SPREAD * np.sqrt((visit * 0.618034) % 1)
    aside = np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None]
    return np.asarray(lattice.positions[units] + cell_width(lattice) * aside)


def _segments(lattice: Lattice, spots: Float64s) -> tuple[Float64s, Ints]:
    """Return two values: lines between consecutive visits, and the visit at each line's end."""
    steps = short_way(lattice, np.diff(spots, axis=0))
    out = np.stack([spots[:-1], spots[:-1] + steps], axis=1)
    into = np.stack([spots[1:] - steps, spots[1:]], axis=1)
    is_over = ~np.isclose(out, into).all(axis=(1, 2))
    visit = np.arange(1, len(spots))
    return np.concatenate([out, into[is_over]]), np.concatenate([visit, visit[is_over]])


def _visited(units: Ints) -> Ints:
    """Return the position of the first row of each visit in `units`."""
    return np.flatnonzero(np.append(True, units[1:] != units[:-1]))


def _draw_lines(picture: Picture, places: list[Float64s], color: Any) -> None:
    lines = [line for spots in places for line in _segments(picture.map.lattice, spots)[0]]
    add_lines(picture.ax, lines, colors=color, linewidths=1.2, zorder=3)


def _draw_in_time(picture: Picture, path: Paths, spots: Float64s, colormap: str) -> None:
    """Draw a single path in colors that show the order of its rows, and add a time bar."""
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


def difference(
    before: Map,
    after: Map,
    *,
    regions: Any = None,
    X: Any = None,
    limits: Any = "robust",
    ax: Any = None,
) -> Display:
    """Draw the changes from an earlier map to a later map.

    Before the comparison, `changes.align` aligns the later map with the earlier map.

    Parameters
    ----------
    before, after : Map
        Earlier and later map (for example, of two months) with the same lattice and columns.
    regions : Regions, True or pair of Regions, optional
        Regions to compare, as for `changes.difference`.  The borders of later regions are drawn.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows that are used to match the regions of the two maps, as in `regions.compare`.
    limits : {"robust", "full"} or pair of float, default="robust"
        Color limits, as for `plots.values`, for the distances by which units moved.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Existing axes or figure in which the picture is drawn, instead of a new figure.  A sequence
        must contain three axes, or four axes if `regions` is given.  A figure, subfigure or single
        Axes object is divided into that many axes.

    Returns
    -------
    Display
        The first three `axes_` show, for each unit, the distance by which its prototype moved, the
        column that changed most, and the change of the unit's share of the rows in percentage
        points.  Increases are orange, and decreases are blue.  If regions were compared, the last
        axes show the change of the share of each region.  ``drawn_`` contains the three values as
        ``"moved"``, ``"column"`` and ``"grew"``, and the complete result of `changes.difference` as
        ``"change"``.  If regions were compared, ``"labels"`` are the drawn texts with the names and
        shares of the regions.

    Raises
    ------
    InputError
        If the maps have different lattices or columns, or if `regions` belong to another map.
    TypeError
        If `before` or `after` is neither a map nor has one, or if `regions` has a wrong type.

    See Also
    --------
    somscape.changes.difference : Returns the changes.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> later = SOM(random_state=0, init=som.map_).fit(X + [0.0, 0.5])
    >>> display = plots.difference(som, later)
    >>> len(display.axes_), display.drawn_["column"][0]
    (3, 'x1')
    """
    change = find_difference(before, after, regions=regions, X=X)
    points = 100 * change.grew
    names = [words_of_column(change.before.encoding, name) for name in change.columns]
    columns = [names[i] if i >= 0 else None for i in change.most.tolist()]
    planes = [
        ColumnPlane("how far units moved", "number", change.moved),
        levels_of("column that moved most", columns),
        ColumnPlane("change of share", "number", points),
    ]
    looks: list[dict[str, Any]] = [
        {"limits": limits_from_zero(change.moved, limits), "label": "distance"},
        {},
        {
            "colormap": diverging(),
            "limits": _symmetric_limits(points),
            "label": "percentage points",
        },
    ]
    found = change.regions_after
    if found is not None:
        of_regions = _points_of_regions(change)[found.labels]
        planes.append(ColumnPlane("change of regions", "number", of_regions))
        looks.append({**looks[-1], "limits": _symmetric_limits(of_regions)})
    words = change.alignment.words
    title = "What has changed" + (f", with the map after {words}" if words else "")
    axes = draw_panels(
        change.before, planes, title=title, n_wide=len(planes), place=ax, looks=looks, regions=found
    )
    drawn: dict[str, Any] = {"moved": change.moved, "grew": change.grew, "column": columns}
    if found is not None:
        drawn["labels"] = _write_regions(axes[-1], change, found)
    return display_of(axes, {**drawn, "change": change})


def _points_of_regions(change: MapChange) -> Float64s:
    """Return, for each later region, the increase of its share of the rows in percentage points."""
    now = [each for each in change.regions if each.after is not None]
    points = np.zeros(len(now))
    for each in now:
        points[each.after] = 100 * (each.share_after - each.share_before)
    return points


def _write_regions(ax: "Axes", change: MapChange, found: Regions) -> dict[int, str]:
    """In the middle of each region, write its share of the rows on the earlier and later map."""
    lattice = change.before.lattice
    pieces = largest_pieces(lattice, found.labels)
    units, texts = [], []
    for each in change.regions:
        if each.after is not None:
            units.append(middle_unit(lattice, pieces[each.after]))
            texts.append(f"{each.name}\n{_text_of_shares(each)}")
    order = np.argsort([-len(pieces[found.labels[unit]]) for unit in units], kind="stable")
    return draw_texts(ax, lattice, np.array(units)[order], [texts[i] for i in order])


def _text_of_shares(change: RegionChange) -> str:
    low, high = (f"{100 * share:.0f}" for share in (change.share_before, change.share_after))
    if change.before is None:
        return f"new: {high} %"
    return f"{high} %" if low == high else f"{low} to {high} %"


def _symmetric_limits(values: Float64s) -> tuple[float, float]:
    """Return robust color limits whose middle is 0."""
    far = checked_limits(np.abs(values), "robust")[1] or 1.0
    return -far, far
