"""Draw the regions of a map, their tree, paths of rows, or changes between maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_is
from somscape.changes import MapChange
from somscape.changes import difference as find_difference
from somscape.grid.lattice import Lattice
from somscape.maps.map import Map, as_map
from somscape.paths import Paths
from somscape.plots._cells import (
    BAR_CHARACTER,
    add_bar,
    add_lines,
    cell_width,
    checked_limits,
    class_color,
    color_map,
    diverging,
    draw_borders,
    draw_cells,
    draw_region_texts,
    ink,
    limits_from_zero,
    paper,
    region_colors,
    region_names,
    shade,
    short_way,
)
from somscape.plots._picture import LegendEntry, Picture, draw_panels
from somscape.plots.columns import ColumnPlane, levels_of
from somscape.plots.display import Canvas, Display, Size, display_of, fit_text, short
from somscape.regions.edit import RegionChange, given_or_found
from somscape.regions.find import order_of_joins
from somscape.regions.regions import Regions
from somscape.tables._messages import counted
from somscape.tables._recoded import words_of_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = 0.3
"""Maximum distance, in cell widths, from the middle of a cell to the point that represents a visit
to this cell.  Several visits to a cell have different points, so that their lines are separate."""

MAX_PATHS = 8
"""Maximum number of paths with their own colors and names."""

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
    figsize: Size = None,
    title: str | None = None,
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
    unit_size, ax, figsize, title : optional
        As for `plots.values`.

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
    cure = " Pass the result of somscape.paths.follow(map, X)."
    check_is("paths", paths, Paths, "a Paths object", cure)
    canvas, ids = Canvas(ax, figsize, title), paths.ids_of_paths.tolist()
    picture = Picture(paths.map_, canvas, unit_size, has_bar=len(ids) == 1)
    lattice = picture.map.lattice
    draw_cells(picture.ax, lattice, colors=_pale_colors(picture.map.u_heights), edge=paper())
    walks = [paths.units[part] for part in paths.slices]
    places = [_spots(lattice, units[_visited(units)], turn) for turn, units in enumerate(walks)]
    picture.drawn |= {"ids": ids, "places": places}
    if len(ids) == 1:
        _draw_in_time(picture, paths, places[0], colormap)
    elif len(ids) <= MAX_PATHS:
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
    figsize: Size = None,
    title: str | None = None,
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
    ax, figsize, title : optional
        As for `plots.planes`.  A sequence must contain three axes, or four if
        `regions` is given.

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
    text = "What has changed" + (f", with the map after {words}" if words else "")
    canvas, n = Canvas(ax, figsize, title), len(planes)
    axes = draw_panels(
        change.before, planes, canvas, title=text, n_wide=n, looks=looks, regions=found
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
    texts = {each.after: f"{each.name}\n{_text_of_shares(each)}" for each in change.regions}
    ordered = [texts[region] for region in range(found.n_regions)]
    return draw_region_texts(ax, change.before.lattice, found.labels, ordered)


def _text_of_shares(change: RegionChange) -> str:
    low, high = (f"{100 * share:.0f}" for share in (change.share_before, change.share_after))
    if change.before is None:
        return f"new: {high} %"
    return f"{high} %" if low == high else f"{low} to {high} %"


def _symmetric_limits(values: Float64s) -> tuple[float, float]:
    """Return robust color limits whose middle is 0."""
    far = checked_limits(np.abs(values), "robust")[1] or 1.0
    return -far, far


MAX_NAMES = 40
"""Largest number of names in the legend."""


def regions(
    som: Map,
    regions: Regions | None = None,
    *,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the regions of a map with their numbers and borders.

    Parameters
    ----------
    som : Map or Regions
        The map to draw, or regions to draw on their own map.
    regions : Regions, optional
        Regions of the map.  By default `regions.find_regions` finds them.  Region 0 has the most
        rows.  Names are written in a legend.  A region that does not have its own color is drawn in
        one of twelve colors.  Several of more than twelve regions can have the same color, but
        neighboring regions have different colors.
    unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"regions"`` and their ``"colors"``.  ``"borders"`` contains both
        ends of each border line (n_lines, 2, 2), and ``"labels"`` the drawn numbers of regions by
        unit.  A number that would overlap other numbers is left out.

    Raises
    ------
    TypeError
        If `regions` is not a Regions object, or if `ax` is not an Axes object.

    See Also
    --------
    dendrogram, somscape.regions.find_regions

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> plots.regions(SOM(4, 5, random_state=0).fit(X)).ax_.get_title()
    '2 regions, 4 x 5 units'
    """
    if regions is None and isinstance(som, Regions):
        regions = som
    found = given_or_found(regions, as_map(som))
    canvas, has_legend = Canvas(ax, figsize, title), any(found.names)
    picture = Picture(som, canvas, unit_size, has_legend=has_legend, has_bar=False)
    lattice, by_region = picture.map.lattice, region_colors(found)
    colors = [by_region[label] for label in found.labels]
    numbers = [str(region) for region in range(found.n_regions)]
    draw_cells(picture.ax, lattice, colors=colors, edge=paper())
    picture.drawn |= {
        "regions": found,
        "colors": by_region,
        "borders": draw_borders(picture.ax, lattice, found.labels),
        "labels": draw_region_texts(picture.ax, lattice, found.labels, numbers),
    }
    if any(found.names):
        picture.legend(_entries(found.names, by_region), "regions")
    return picture.done(counted(found.n_regions, "region"))


def _entries(names: Sequence[str], colors: Sequence[str]) -> list[LegendEntry]:
    """Return a legend entry for each region that has a name."""
    entries = [
        LegendEntry(f"{i}: {name}", color)
        for i, (name, color) in enumerate(zip(names, colors, strict=True))
        if name
    ]
    n_more = len(entries) - MAX_NAMES
    more = [LegendEntry(f"and {n_more} more", ink(), "", is_cut=False)] if n_more > 0 else []
    return entries[:MAX_NAMES] + more


INSIDE = 0.3
"""Share of the axis width for joins within groups, if there are also joins between groups."""

POWERS = (3, 10, 30, 100, 300)
"""Exponents of the probabilities on the axis of the tree.  For example, 3 is a probability of 1 in
10^3.  The axis ends at the first exponent that no join exceeds, or otherwise at 320."""

BEYOND = 320.0
GAP = 0.012
"""Minimum distance on the axis between a join and the earlier joins in its branches, as a share of
the axis width."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WIDTH, _ROW, _MAX_TALL = 6.4, 0.26, 11.0  # inches
_HEAD, _FOOT = 0.42, 0.62
_CHARACTER = 0.078
_NAME_CHARACTERS = 28


@dataclass(frozen=True)
class Merge:
    """A join of two nodes of the tree.  A node is a region or an earlier join, and is identified by
    its number.

    Attributes
    ----------
    nodes : (int, int)
    evidence : float
        Probability that a border inside a single group contains as few rows as the border between
        the two nodes.  NaN if the map contains neither rows nor joins from its file.
    is_apart : bool
        Whether the rows between the two nodes are less dense than the rows inside each node.
    """

    nodes: tuple[int, int]
    evidence: float
    is_apart: bool


def dendrogram(
    som: Map,
    regions: Regions | None = None,
    *,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw a tree in which the regions of a map are joined step by step.

    The closest regions join first.  The further to the right two branches of the tree meet, the
    clearer is the valley (area with few rows) between their rows.  The axis shows the probability
    that a border inside a single group contains as few rows as this valley.  Regions without a
    valley between them are joined first, at equal distances on the axis.

    Parameters
    ----------
    som : Map or Regions
        The map to draw, or regions to draw on their own map.
    regions : Regions, optional
        Regions that are the leaves of the tree, such as ``regions.find_regions(map, 12)``.  The
        default is the same as for `plots.regions`.
    ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"regions"`` and the ``"leaves"`` (numbers of regions from top to
        bottom).  ``"merges"`` contains the two nodes of each join (n_merges, 2), as in SciPy.  Join
        i creates node ``n_regions + i``.  For each join, ``"evidence"`` is the probability, and
        ``"height"`` is the position on the axis from 0 to 1.  ``"is_apart"`` is True if there is a
        valley between the two nodes.

    Raises
    ------
    TypeError
        If `regions` is not a Regions object, or if `ax` is not an Axes object.

    See Also
    --------
    regions, somscape.regions.order_of_joins

    Notes
    -----
    If the map contains neither rows nor joins from its file, regions are joined by Ward's rule, and
    the axis shows the number of regions that remain after each join.  Two regions that were changed
    by hand are joined when the first of their units are joined.  Regions on unconnected parts of a
    map are not joined.  Drawing takes as long as finding regions.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots, regions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 2)) + np.repeat([[0, 0], [9, 0], [0, 9]], [70, 50, 30], axis=0)
    >>> display = plots.dendrogram(SOM(random_state=0).fit(X))
    >>> sorted(display.drawn_["leaves"]), display.drawn_["is_apart"].tolist()
    ([0, 1, 2], [True, True])
    """
    map_ = as_map(som)
    found = given_or_found(regions, map_)
    canvas = Canvas(ax, figsize, title)
    merges = merges_of(map_, found)
    has_rows = map_.joins is not None
    heights = _heights(merges, found.n_regions, has_rows)
    children = [merge.nodes for merge in merges]
    leaves = _leaves(children, found)
    ax = _axes_for(_names_with_shares(found), canvas)
    _draw(ax, found, merges, heights, leaves)
    _draw_scale(ax, merges, has_rows)
    n = found.n_regions
    text = f"How {n} regions join" if n > 1 else "1 region"
    canvas.write_title(ax, f"{text}, {map_.lattice.size_text}", loc="left")
    drawn = {
        "regions": found,
        "leaves": leaves,
        "merges": np.array(children, dtype=np.intp).reshape(-1, 2),
        "evidence": np.array([merge.evidence for merge in merges]),
        "is_apart": np.array([merge.is_apart for merge in merges], dtype=bool),
        "height": heights,
    }
    return display_of([ax], drawn)


def merges_of(map_: Map, found: Regions) -> list[Merge]:
    """Return the joins of regions in the order in which the regions are joined."""
    joins, pairs = map_.joins, order_of_joins(map_)
    evidence = np.full(len(pairs), np.nan) if joins is None else joins.evidence
    n_inside = len(pairs) if joins is None else map_.n_units - joins.n_apart
    # `into` contains the region that each region has joined, and `node` the node of each root.
    into, node = list(range(found.n_regions)), list(range(found.n_regions))
    merges: list[Merge] = []
    for i, ends in enumerate(found.labels[pairs].tolist()):
        a, b = (_root(into, each) for each in ends)
        if a == b:
            continue
        merges.append(Merge((node[a], node[b]), float(evidence[i]), i >= n_inside))
        into[b] = a
        node[a] = found.n_regions + len(merges) - 1
    return merges


def _root(into: list[int], region: int) -> int:
    while into[region] != region:
        region = into[region]
    return region


def _heights(merges: list[Merge], n: int, has_rows: bool) -> Float64s:
    """Return the position of each join on the axis, from 0 to 1."""
    n_inside = sum(not merge.is_apart for merge in merges)
    share, most = _width_inside(merges), _last_exponent(merges)
    heights = np.zeros(n + len(merges))
    n_done = 0
    for i, merge in enumerate(merges):
        n_done += not merge.is_apart
        at = share * n_done / (n_inside + 1)
        if merge.is_apart:
            at = share + (1 - share) * _position_of_exponent(_exponent(merge), most)
        heights[n + i] = max(at, max(heights[list(merge.nodes)]) + GAP * has_rows)
    return heights[n:]


def _width_inside(merges: list[Merge]) -> float:
    """Return the share of the axis width on which joins within groups are drawn."""
    kinds = {merge.is_apart for merge in merges}
    return INSIDE if len(kinds) == 2 else 0.0 if kinds == {True} else 1.0


def _exponent(merge: Merge) -> float:
    """Return the probability of a join as an exponent without minus sign (3 for 1 in 10^3)."""
    return float(-np.log10(merge.evidence)) if merge.evidence > 0 else BEYOND


def _last_exponent(merges: list[Merge]) -> float:
    """Return the exponent, without minus sign, of the probability at the end of the axis."""
    strongest = max((_exponent(merge) for merge in merges if merge.is_apart), default=0.0)
    return next((power for power in POWERS[1:] if strongest <= power), BEYOND)


def _position_of_exponent(power: float, most: float) -> float:
    """Return the position (0 to 1) of a probability on the axis part for joins between groups."""
    reached = np.clip(power, POWERS[0], most)
    # The first joins must not cover the leaves.
    return float(0.08 + 0.86 * np.log(reached / POWERS[0]) / np.log(most / POWERS[0]))


def _leaves(children: list[tuple[int, int]], found: Regions) -> list[int]:
    """Return an order of the regions in which branches of the tree do not cross."""
    n = found.n_regions
    below: list[list[int]] = [[i] for i in range(n)]
    rows = [float(size) for size in found.sizes]
    is_root = [True] * (n + len(children))
    for pair in children:
        a, b = sorted(pair, key=lambda node: (-rows[node], node))
        below.append(below[a] + below[b])
        rows.append(rows[a] + rows[b])
        is_root[a] = is_root[b] = False
    roots = sorted((i for i in range(len(below)) if is_root[i]), key=lambda node: -rows[node])
    return [leaf for root in roots for leaf in below[root]]


def _names_with_shares(found: Regions) -> list[str]:
    total = float(found.sizes.sum()) or 1.0
    return [
        f"{short(text, _NAME_CHARACTERS)}   {100 * rows / total:.0f} %"
        for text, rows in zip(region_names(found), found.sizes, strict=True)
    ]


def _axes_for(names: list[str], canvas: Canvas) -> "Axes":
    left = 0.3 + _CHARACTER * max(map(len, names))
    tall = min(max(0.6, _ROW * len(names)), _MAX_TALL)
    size = left + _WIDTH * 0.72, _HEAD + tall + _FOOT
    return canvas.one_axes(size, left, _FOOT, 0.15, _HEAD)


def _draw(
    ax: "Axes", found: Regions, merges: list[Merge], heights: Float64s, leaves: list[int]
) -> None:
    n, colors = found.n_regions, region_colors(found)
    y = np.zeros(n + len(merges))
    y[leaves] = np.arange(n)
    x = np.concatenate([np.zeros(n), heights])
    is_open = np.ones(len(y), dtype=bool)

    def branch(node: int, end: float) -> None:
        color, width = (colors[node], 2.6) if node < n else (_line_color(merges[node - n]), 1.5)
        ax.plot([x[node], end], [y[node]] * 2, color=color, linewidth=width, solid_capstyle="butt")

    for i, merge in enumerate(merges):
        a, b = merge.nodes
        y[n + i] = (y[a] + y[b]) / 2
        for node in (a, b):
            branch(node, heights[i])
            is_open[node] = False
        ax.plot([heights[i]] * 2, [y[a], y[b]], color=_line_color(merge), linewidth=1.5, zorder=2.5)
    for node in np.flatnonzero(is_open).tolist():
        branch(node, 1.0)
    ax.set_xlim(0, 1)
    ax.set_ylim(n - 0.5, -0.5)
    names = _names_with_shares(found)
    room = ax.get_window_extent().height / ax.figure.dpi * 72 / n
    size = float(np.clip(0.75 * room, 3.5, 9))
    square = (0.75 * size) ** 2
    ax.scatter(np.zeros(n), y[:n], s=square, c=colors, marker="s", clip_on=False, zorder=3)
    ax.set_yticks(range(n), [names[leaf] for leaf in leaves], fontsize=size)
    ax.tick_params(axis="y", length=0, pad=8)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _line_color(merge: Merge) -> str:
    return ink() if merge.is_apart or np.isnan(merge.evidence) else shade(0.45)


def _draw_scale(ax: "Axes", merges: list[Merge], has_rows: bool) -> None:
    ax.tick_params(axis="x", labelsize=8)
    share = _width_inside(merges)
    if not merges:
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        return
    if not has_rows:
        n = len(merges)
        shown = range(0, n, -(-n // 12))
        ax.set_xticks([(i + 1) / (n + 1) for i in shown], [str(n - i) for i in shown])
        ax.set_xlabel("regions left", fontsize=9)
        return
    most = _last_exponent(merges)
    powers = [power for power in POWERS if share < 1 and power <= most]
    places = [share + (1 - share) * _position_of_exponent(power, most) for power in powers]
    texts = ["10" + f"-{power}".translate(_SUPERSCRIPTS) for power in powers]
    if share:
        ax.axvspan(0, share, color=shade(0.06), linewidth=0, zorder=0)
        places.insert(0, share / 2)
        room = share * ax.get_window_extent().width / ax.figure.dpi
        texts.insert(0, fill("inside one group", max(8, round(room / BAR_CHARACTER))))
    ax.set_xticks(places, texts)
    if share < 1:
        box, width = ax.get_window_extent(), ax.figure.bbox.width
        label = ax.set_xlabel("p-value of the border between two regions", fontsize=9)
        fit_text(label, 2 * width - box.x0 - box.x1)
