"""Draw a map among its rows, a spanning tree, the course of a training, or candidates."""

from dataclasses import replace
from functools import partial
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.grid.graph import MAX_GRAPH_UNITS, Graph, shortest_paths
from somscape.grid.graph import spanning_tree as tree_of
from somscape.grid.lattice import Lattice, neighbor_pairs
from somscape.maps.map import Map, as_map
from somscape.plots._cells import BAR_CHARACTER, MARKED, MAX_SHAPES, add_lines, ink, shade
from somscape.plots._classes import RowClasses, classes_of, require_rows
from somscape.plots._picture import MAX_CLASSES, Picture, class_entries, wrapped_legend
from somscape.plots.columns import ColumnPlane, plane_of
from somscape.plots.display import Area, Canvas, Display, Size, display_of, given_axes
from somscape.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHARTS = (
    ("quantization_error", "quantization error", "#0072B2"),
    ("radius", "radius (grid steps)", "#D55E00"),
)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.85, 0.2, 0.5, 0.35  # inches


def training(
    som: Map, *, ax: Any = None, figsize: Size = None, title: str | None = None
) -> Display:
    """Draw the quantization error and the radius of a map in each epoch.

    Parameters
    ----------
    som : Map
        Map with a training history.
    ax, figsize, title : optional
        As for `plots.planes`.  A sequence must contain two axes, for the error
        and the radius.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"steps"`` of the training history, and the
        ``"quantization_error"`` and the ``"radius"`` at each of these steps.

    Raises
    ------
    InputError
        If the map does not contain a training history (for example, because another program trained
        the map), or if `ax` contains too few axes.

    See Also
    --------
    quality, trade_off

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> display = plots.training(SOM(3, 4, random_state=0).fit(X).map_)
    >>> display.axes_[0].get_ylabel()
    'quantization error'
    """
    som = as_map(som)
    from matplotlib.ticker import MaxNLocator

    charts = [c for c in _CHARTS if len(som.history.get(c[0], ()))]
    if not charts:
        raise InputError(
            "this map does not contain a training history. Train the map with somscape first.",
            parameter="som",
        )
    n_steps = len(som.history[charts[0][0]])
    steps = som.history.get("step", np.arange(1, n_steps + 1))
    canvas = Canvas(ax, figsize, title)
    axes = given_axes(canvas, len(charts)) or _stacked(canvas.area(5.6, 3.9), len(charts))
    for i, (ax, (key, label, color)) in enumerate(zip(axes, charts, strict=True)):
        values = som.history[key]
        ax.plot(steps[: len(values)], values, color=color, marker="o", markersize=3, linewidth=1.5)
        tall = ax.get_window_extent().height / ax.figure.dpi
        ax.set_ylabel(fill(label, max(8, round(tall / BAR_CHARACTER))), fontsize=9)
        ax.set_ylim(bottom=0)
        ax.tick_params(labelsize=8, labelbottom=i == len(charts) - 1)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    canvas.write_title(axes[0], "Training")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    is_online = som.parameters.get("algorithm") == "online"
    axes[-1].set_xlabel("updates" if is_online else "epoch", fontsize=9)
    return display_of(axes, {"steps": steps} | {key: som.history[key] for key, _, _ in charts})


def _stacked(area: Area, n: int) -> "list[Axes]":
    """Return `n` axes below each other that share their x axis."""
    width, height = area.size
    tall = (height - _BOTTOM - _TOP) / n
    axes: list[Axes] = []
    for i in range(n):
        corner = _LEFT, height - _TOP - (i + 1) * tall
        size = width - _LEFT - _RIGHT, 0.9 * tall
        axes.append(area.add_axes(corner, size, sharex=axes[0] if axes else None))
    return axes


_CANDIDATE_COLUMNS = (
    "n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability"
)  # fmt: skip
_MARKERS = ("o", "s", "^")
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_SMALLEST_AREA, _LARGEST_AREA = 25.0, 160.0
"""Areas, in square points, of markers for a stability of 0 and of 1."""


def trade_off(
    candidates: Table, *, ax: "Axes | None" = None, figsize: Size = None, title: str | None = None
) -> Display:
    """Draw the topographic and quantization errors of maps from `SOM.suggest`.

    Parameters
    ----------
    candidates : Table
        Candidates that `somscape.SOM.suggest` returned.
    ax, figsize, title : optional
        As for `plots.values`.  The legends are drawn to the right of the axes.

    Returns
    -------
    Display
        Picture with a line for each map size.  The line joins the candidates of this size from the
        largest to the smallest final radius.  Both errors are smaller at the lower left.  The
        larger the marker of a candidate, the more similar are maps that are trained on different
        samples of the rows.  ``drawn_`` contains the ``"topographic_error"``,
        ``"quantization_error"`` and ``"stability"`` of the candidates.

    Raises
    ------
    InputError
        If the table of candidates is empty, or if one of its columns is missing.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    somscape.SOM.suggest : Returns the candidates.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> display = plots.trade_off(SOM.suggest(X, n_samples=100, n_seeds=2, random_state=0))
    >>> display.ax_.get_xlabel()
    'topographic error'
    """
    names = candidates.names if isinstance(candidates, Table) else ()
    if missing := [name for name in _CANDIDATE_COLUMNS if name not in names]:
        raise InputError(
            f"`candidates` does not have the columns {missing}. Pass the result of SOM.suggest(X).",
            column=missing[0],
        )
    if candidates.n_rows == 0:
        raise InputError("`candidates` is empty. Pass more rows to SOM.suggest(X).")
    canvas = Canvas(ax, figsize, title)
    ax = canvas.one_axes((5.6, 4.0), 0.784, 0.56, 1.456, 0.4)
    qe, te, stability = (_numbers(candidates, name) for name in _CANDIDATE_COLUMNS[3:])
    radius = _numbers(candidates, "radius_end")
    marker_of = dict(zip(sorted(set(radius), reverse=True), cycle(_MARKERS), strict=False))
    area = _SMALLEST_AREA + (_LARGEST_AREA - _SMALLEST_AREA) * np.clip(stability, 0, 1)
    sizes = list(zip(_numbers(candidates, "n_rows"), _numbers(candidates, "n_cols"), strict=True))
    for number, size in enumerate(dict.fromkeys(sizes)):
        color = _COLORS[number % len(_COLORS)]
        which = [i for i, other in enumerate(sizes) if other == size]
        label = f"{size[0]:.0f} x {size[1]:.0f}"
        ax.plot(te[which], qe[which], color=color, linewidth=1.2, alpha=0.6, label=label)
        for i in which:
            ax.scatter(te[i], qe[i], s=area[i], color=color, marker=marker_of[radius[i]])
    ax.set_xlabel("topographic error", fontsize=9)
    ax.set_ylabel("quantization error", fontsize=9)
    canvas.write_title(ax, "Candidates (lower left is better)")
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    _add_legends(ax, marker_of)
    return display_of([ax], dict(zip(_CANDIDATE_COLUMNS[3:], (qe, te, stability), strict=True)))


def _numbers(candidates: Table, name: str) -> Float64s:
    numbers = candidates.column(name).numbers
    if numbers is None:
        raise InputError(
            f"the column {name!r} of `candidates` does not contain numbers. Pass the result of "
            "SOM.suggest(X).",
            parameter="candidates",
            column=name,
        )
    return numbers


def _add_legends(ax: Any, marker_of: dict[float, str]) -> None:
    from matplotlib.lines import Line2D

    size = min(8.0, 3 * ax.get_window_extent().height / ax.figure.dpi)
    place = {"fontsize": size, "title_fontsize": size, "frameon": False, "loc": "upper left"}
    ax.add_artist(ax.legend(title="map", bbox_to_anchor=(1.02, 1.0), **place))
    mark = partial(Line2D, [], [], color="#555555", linestyle="")
    shapes = [mark(marker=each, label=f"{radius:.3g}") for radius, each in marker_of.items()]
    middle = ax.legend(handles=shapes, title="radius_end", bbox_to_anchor=(1.02, 0.6), **place)
    ax.add_artist(middle)
    sizes = {
        share: (_SMALLEST_AREA + (_LARGEST_AREA - _SMALLEST_AREA) * share) ** 0.5
        for share in (0.5, 1.0)
    }
    areas = [mark(marker="o", label=f"{share:.1f}", markersize=sizes[share]) for share in sizes]
    ax.legend(handles=areas, title="stability", bbox_to_anchor=(1.02, 0.28), **place)


MAX_AXES_ROWS = 2000
"""Maximum number of rows (evenly spaced in the table) from which the main axes are computed."""

_MANY_ROWS = 2000
"""Number of rows above which the points for the rows become smaller and paler."""


def net(
    som: Map,
    X: Any = None,
    y: Any = None,
    *,
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the units as a net in the plane of the two main axes of the data.

    Lines join neighboring units.  If the drawn net is flat and smooth, the map fits the rows well.
    Folds and crossings of the net show where the map had to bend to follow the rows.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows to draw, in any form that `Map.rows_of` accepts.  The main axes of the data are
        computed from `X`, or by default from the prototypes, weighted by their hits.
    y : array-like of shape (n_samples,), optional
        Class of each row of `X`.  Each class has a color.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=12
        Maximum number of classes that are shown separately, at most 48.  These are the classes with
        the most rows.  All other classes share one color.  Colors repeat from the 13th class on.
    ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        ``drawn_`` contains the positions of the units (``"places"``, an array of shape (n_units,
        2)) and of the rows (``"rows"``).  ``"shares"`` contains the share of each main axis in the
        variance of the data.

    Raises
    ------
    InputError
        If `y` is given without `X`.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    spanning_tree, umatrix

    Notes
    -----
    The main axes are computed from at most 2,000 evenly spaced rows that do not have missing
    values.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> display = plots.net(SOM(3, 4, random_state=0).fit(X), X)
    >>> display.drawn_["places"].shape, display.drawn_["rows"].shape
    ((12, 2), (200, 2))
    """
    som = as_map(som)
    canvas = Canvas(ax, figsize, title)
    if y is not None:
        require_rows(X)
    rows: Any = np.empty((0, som.codebook.shape[1]))
    if X is not None:
        rows = som.rows_of(X.toarray() if hasattr(X, "tocsr") else X)
    found = None if y is None else classes_of(y, len(rows), max_classes)
    middle, axes, shares = _main_axes(som, rows)
    units, points = (som.codebook - middle) @ axes, (rows - middle) @ axes
    right = 0.2 if found is None else 1.8
    ax = canvas.one_axes((5.6 + right, 4.8), 0.7, 0.624, right, 0.384)
    _draw_points(ax, points, found)
    _draw_net(ax, som, units)
    for axis, name, share in zip((ax.xaxis, ax.yaxis), (1, 2), shares, strict=True):
        axis.set_label_text(f"PC {name} ({100 * share:.0f} % of variance)", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    canvas.write_title(ax, f"The map among the rows, {som.lattice.size_text}")
    if found is not None:
        _add_legend(ax, found, y_name)
    return display_of([ax], {"places": units, "rows": points, "shares": shares})


def _main_axes(map_: Map, rows: Any) -> tuple[Float64s, Float64s, Float64s]:
    """Return three values: the mean row, a matrix whose columns are the two main axes, and the
    share of each main axis in the variance."""
    whole = rows[~np.isnan(rows).any(axis=1)]
    if len(whole) > 1:
        few = np.asarray(whole[np.arange(0, len(whole), -(-len(whole) // MAX_AXES_ROWS))], float)
        weights = np.ones(len(few))
    else:
        few = map_.codebook
        weights = map_.hits if map_.hits.any() else np.ones(len(few))
    middle = np.average(few, axis=0, weights=weights)
    spread = (few - middle) * np.sqrt(weights)[:, None]
    _, lengths, axes = np.linalg.svd(spread, full_matrices=False)
    two = np.zeros((len(middle), 2))
    n = min(2, len(axes))
    two[:, :n] = axes[:n].T
    # The largest coefficient of an axis is positive, so that the same rows give the same picture.
    signs = np.sign(two[np.abs(two).argmax(axis=0), [0, 1]])
    shares = np.zeros(2)
    shares[:n] = lengths[:n] ** 2 / ((lengths**2).sum() or 1.0)
    return middle, two * np.where(signs == 0, 1, signs), shares


def _draw_points(ax: "Axes", points: Float64s, found: RowClasses | None) -> None:
    if not len(points):
        return
    colors: Any = shade(0.5)
    if found is not None:
        entries = class_entries(found.names, found.n_others)
        palette = [entry.color for entry in entries] + [shade(0.3)]  # the last color is for -1
        colors = [palette[i] for i in found.places]
    many = max(1.0, len(points) / _MANY_ROWS)
    look: dict[str, Any] = {"linewidths": 0, "rasterized": many > 1, "zorder": 1}
    x, y = points.T
    ax.scatter(x, y, s=12 / many**0.5, c=colors, alpha=0.55 / many**0.3, **look)


def _draw_net(ax: "Axes", map_: Map, units: Float64s) -> None:
    ends = units[_pairs_to_join(map_.lattice)]
    # A single line with gaps is drawn much faster than a separate line for each pair.
    gaps = np.full((len(ends), 1, 2), np.nan)
    path = np.concatenate([ends, gaps], axis=1).reshape(-1, 2)
    thin = min(1.0, 20 / max(1.0, map_.n_units**0.5))
    look: dict[str, Any] = {"color": ink(), "rasterized": len(ends) > MAX_SHAPES, "zorder": 2}
    ax.plot(*path.T, linewidth=max(0.25, thin), alpha=0.8, **look)
    share = np.sqrt(map_.hits / (map_.hits.max() or 1.0))
    look |= {"rasterized": len(units) > MAX_SHAPES, "zorder": 3}
    x, y = units.T
    ax.scatter(x, y, s=(4 + 30 * share) * thin**2, linewidths=0, **look)


def _pairs_to_join(lattice: Lattice) -> Ints:
    """Return the pairs of neighboring units that a line of the net joins.  On a rectangular
    lattice, lines do not join diagonal neighbors."""
    pairs = neighbor_pairs(lattice)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    if lattice.kind != "rectangular":
        return pairs
    (row, col), (other_row, other_col) = (lattice.rows_and_cols(pairs[:, i]) for i in (0, 1))
    return pairs[(row == other_row) | (col == other_col)]


def _add_legend(ax: "Axes", found: RowClasses, name: str) -> None:
    entries = class_entries(found.names, found.n_others, "o" * (len(found.names) + 1))
    wrapped_legend(
        ax,
        [replace(entry, is_cut=True) for entry in entries],
        width=1.6,
        height=4.4,
        fontsize=8.5,
        title=name,
        title_fontsize=9,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        handletextpad=0.3,
    )


MAX_MOVED, N_MOVES = 500, 60


def tree_places(n_units: int, edges: Ints) -> Float64s:
    """Return a position for each unit so that each edge of the tree has a length of about 1."""
    near: list[list[int]] = [[] for _ in range(n_units)]
    for a, b in edges.tolist():
        near[a].append(b)
        near[b].append(a)
    places, seen = np.zeros((n_units, 2)), np.zeros(n_units, dtype=bool)
    right = 0.0
    for root in range(n_units):
        if seen[root]:
            continue
        order, parent = _walk_tree(near, _middle_of(near, root))
        seen[order] = True
        leaves = np.zeros(n_units)
        for unit in reversed(order):
            leaves[unit] = leaves[unit] or 1
            if parent[unit] >= 0:
                leaves[parent[unit]] += leaves[unit]
        start, width = np.zeros(n_units), np.zeros(n_units)
        width[order[0]] = 2 * np.pi
        for unit in order:
            at = start[unit]
            for child in near[unit]:
                if child != parent[unit]:
                    width[child] = width[unit] * leaves[child] / leaves[unit]
                    start[child] = at
                    turn = at + width[child] / 2
                    places[child] = places[unit] + (np.cos(turn), np.sin(turn))
                    at += width[child]
        places[order, 0] += right - places[order, 0].min()
        right = places[order, 0].max() + 2
    return _improve_positions(places, edges) if 1 < n_units <= MAX_MOVED else places


def _walk_tree(near: list[list[int]], root: int) -> tuple[list[int], dict[int, int]]:
    """Return two values: the units of a tree in an order in which parents come before their
    children, and the parent of each unit (-1 for the root)."""
    order, parent = [root], {root: -1}
    for unit in order:
        for other in near[unit]:
            if other not in parent:
                parent[other] = unit
                order.append(other)
    return order, parent


def _middle_of(near: list[list[int]], root: int) -> int:
    """Return the unit in the middle of the longest path of a tree."""
    end = _walk_tree(near, root)[0][-1]
    order, parent = _walk_tree(near, end)
    path = [order[-1]]
    while parent[path[-1]] >= 0:
        path.append(parent[path[-1]])
    return path[len(path) // 2]


def _improve_positions(places: Float64s, edges: Ints) -> Float64s:
    """Move units until the distance of two units is similar to the number of edges between them."""
    steps = shortest_paths(len(places), np.vstack([edges, edges[:, ::-1]]))
    is_joined = np.isfinite(steps) & (steps > 0)
    weights = np.where(is_joined, 1.0 / np.where(is_joined, steps, 1.0) ** 2, 0.0)
    pulls = weights * np.where(is_joined, steps, 0.0)
    total = np.maximum(weights.sum(axis=1), 1e-9)[:, None]  # a unit without edges stays
    for _ in range(N_MOVES):
        apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
        pull = pulls / np.maximum(apart, 1e-9)
        moved = ((weights - pull) @ places + pull.sum(axis=1)[:, None] * places) / total
        places = np.where(total > 1e-9, (places + moved) / 2, places)
    return places


LAYOUTS = ("map", "tree")
_MIN_EDGED_POINTS = 5.0
"""Minimum width of a cell in points at which the lines of the tree have dark edges."""

MAX_ALL_PAIRS = 1000
"""Maximum number of units of a map on which a line of the tree can join any two units.  On larger
maps, a line can only join neighboring units."""


def spanning_tree(
    som: Map,
    values: Any = None,
    *,
    X: Any = None,
    layout: str = "map",
    name: str | None = None,
    colormap: str | None = None,
    limits: Any = "robust",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the shortest tree that joins the prototypes of all units.

    Parameters
    ----------
    som : Map
        The map to draw.
    values : optional
        Values that color the cells, as for `plots.values`.  By default the U-matrix.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows that are passed to `values`.  If `values` is not a function, `X` is not used.
    layout : {"map", "tree"}, default="map"
        ``"map"``: the tree is drawn as lines over the cells.  A long line joins two units that are
        far apart on the map, but have similar prototypes.  ``"tree"``: the units are drawn at new
        positions, so that the edges of the tree are about equally long.
    name : str, optional
        Name of the values.
    colormap : str, optional
        Name of a color map of matplotlib.  By default "bone_r" for the U-matrix, else "viridis".
    limits, unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        As for `plots.values`.  ``drawn_`` also contains the pairs of units that the tree joins
        (``"edges"``, an array of shape (n_edges, 2)).  For ``layout="tree"``, ``"tree"`` is a map
        whose units are at the new positions.  All other plot functions accept this map, for example
        ``plots.hits(tree, X, y)``.

    Raises
    ------
    InputError
        As for `plots.values`, or if `layout` is ``"tree"`` and the map has more than 10,000 units.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    net, somscape.Graph

    Notes
    -----
    On maps of up to 1,000 units, the tree can join any two units.  The computation takes
    O(n_units^2 * n_features).  On larger maps, the tree can only join neighboring units.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> plots.spanning_tree(som).drawn_["edges"].shape
    (11, 2)
    >>> tree = plots.spanning_tree(som, layout="tree").drawn_["tree"]
    >>> plots.hits(tree, X, X[:, 0] > 0).ax_.get_title()
    'Rows per unit, 12 units'
    """
    som = as_map(som)
    check_choice("layout", layout, LAYOUTS)
    plane = ColumnPlane("", "number", som.u_heights)
    label = "mean distance to neighbors"
    if values is not None:
        plane = plane_of(som, values, X, name)
        label = plane.name
    edges = _tree_of(som)
    shown = som if layout == "map" else _lay_out_as_tree(som, edges)
    picture = Picture(
        shown, Canvas(ax, figsize, title), unit_size, has_legend=plane.kind == "level"
    )
    colormap = colormap or ("bone_r" if values is None else "viridis")
    picture.paint(plane, colormap=colormap, limits=limits, label=label)
    if layout == "map":
        lines, step = som.lattice.positions[edges], picture.step()
        if step >= _MIN_EDGED_POINTS:
            add_lines(picture.ax, lines, colors="black", linewidths=min(3, 0.36 * step), zorder=4)
        add_lines(picture.ax, lines, colors=MARKED, linewidths=min(1.6, 0.19 * step), zorder=4.1)
    else:
        picture.drawn["tree"] = shown
    picture.drawn["edges"] = edges
    return picture.done("Spanning tree")


def _tree_of(map_: Map) -> Ints:
    if map_.n_units <= MAX_ALL_PAIRS:
        pairs = np.column_stack(np.triu_indices(map_.n_units, 1))
    else:
        pairs = neighbor_pairs(map_.lattice)
    lengths = map_.metric.between(map_.codebook[pairs[:, 0]], map_.codebook[pairs[:, 1]])
    return pairs[tree_of(map_.n_units, pairs, lengths)]


def _lay_out_as_tree(map_: Map, edges: Ints) -> Map:
    """Return a map whose units are at new positions, with tree edges of about equal length."""
    if map_.n_units > MAX_GRAPH_UNITS:
        raise InputError(
            f"`layout` must be 'map' for a map of more than {MAX_GRAPH_UNITS} units, but is "
            f"'tree'. This map has {map_.n_units} units.",
            value="tree",
            allowed="map",
        )
    places, lengths = tree_places(map_.n_units, edges), np.ones(len(edges))
    graph = Graph.from_edges(map_.n_units, pairs=edges, lengths=lengths, positions=places)
    return replace(map_, lattice=graph)
