"""Draw component planes, U-matrices and other values of units, profiles, or prototypes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.grid.lattice import neighbor_pairs
from somscape.maps.map import Map, as_map
from somscape.measures.rows import by_unit
from somscape.plots._cells import (
    MAX_SHAPES,
    SEVERAL,
    add_bar,
    add_lines,
    add_polygons,
    blocks_of,
    cell_width,
    checked_limits,
    color_map,
    contrast,
    draw_cells,
    faint_line,
    ink,
    paper,
    shade,
    short_way,
)
from somscape.plots._classes import ClassCounts, count_classes
from somscape.plots._picture import (
    MAX_CLASSES,
    LegendEntry,
    Picture,
    class_entries,
    draw_panels,
    regions_of,
)
from somscape.plots.columns import (
    ORDERS,
    ColumnPlane,
    chosen_columns,
    column_plane,
    numeric_planes,
    ordered_columns,
    plane_correlations,
    plane_of,
    relevance,
)
from somscape.plots.display import Canvas, Display, Size, display_of, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARETO_SHARE = 0.2013
"""Share of all rows whose distance to a typical row is at most the Pareto radius."""

MAX_RADIUS_ROWS, MAX_PAIRS, MAX_SLOW_PAIRS = 2000, 100_000_000, 10_000_000
_BLOCK = 4_000_000


def p_heights(map_: Map, X: Any) -> Float64s:
    """Return, for each prototype, the number of rows within the Pareto radius around it."""
    rows = map_.rows_of(X.toarray() if hasattr(X, "tocsr") else X)
    rows = rows[~np.isnan(rows).all(axis=1)].astype(np.float64)
    if not len(rows):
        raise InputError(
            "all values of `X` are missing. Pass a row with at least one value.", parameter="X"
        )
    n_rows, most = len(rows), MAX_PAIRS if _is_plain(map_, rows) else MAX_SLOW_PAIRS
    n_used = min(n_rows, max(MAX_RADIUS_ROWS, most // map_.n_units))
    used = rows[_spaced(n_rows, n_used)]
    few = used[_spaced(n_used, min(n_used, MAX_RADIUS_ROWS))]
    apart = np.concatenate(list(_distances(map_, few, few)))
    radius = float(np.nanmedian(np.nanquantile(apart, PARETO_SHARE, axis=1)))
    near = np.zeros(map_.n_units)
    for block in _distances(map_, used, map_.codebook):
        near += (block <= radius).sum(axis=0)
    return near * (n_rows / n_used)


def ustar_heights(u_heights: Float64s, p_heights: Float64s) -> Float64s:
    """Multiply each U-height by a factor.  The factor is 0 for the prototype with the most rows
    around it, and above 1 for a prototype with fewer rows around it than average."""
    mean, highest = float(p_heights.mean()), float(p_heights.max())
    if mean == highest:
        return u_heights
    return u_heights * ((p_heights - mean) / (mean - highest) + 1)


def edge_heights(map_: Map) -> tuple[Float64s, Float64s]:
    """Return the positions and heights of cells for units, then for pairs of neighbors."""
    pairs = neighbor_pairs(map_.lattice)
    if not len(pairs):
        return map_.lattice.positions, np.zeros(map_.n_units)
    apart = map_.metric.between(map_.codebook[pairs[:, 0]], map_.codebook[pairs[:, 1]])
    begin, end = (map_.lattice.positions[pairs[:, i]] for i in (0, 1))
    middles = begin + short_way(map_.lattice, end - begin) / 2
    keys = np.round(middles * [4, 4 / map_.lattice.row_pitch]).astype(np.int64)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    place = place.ravel()
    between = np.bincount(place, apart) / np.bincount(place)
    own = _medians(pairs[:, 0], apart, map_.n_units)
    return np.vstack([map_.lattice.positions, middles[first]]), np.concatenate([own, between])


def _medians(units: Ints, values: Float64s, n_units: int) -> Float64s:
    """Return the median of the values that belong to each unit, or 0 for a unit without values."""
    order = np.lexsort([values, units])
    counts = np.bincount(units, minlength=n_units)
    start = np.cumsum(counts) - counts
    last = len(values) - 1
    low, high = (np.minimum(start + np.maximum(counts + i, 0) // 2, last) for i in (-1, 0))
    middle = (values[order][low] + values[order][high]) / 2
    return np.where(counts > 0, middle, 0.0)


def draw_edges(picture: Picture, **colors: Any) -> None:
    """Draw a cell of half the normal size for each unit and for each pair of neighboring units.  On
    a graph, pairs are drawn as lines instead."""
    map_, lattice = picture.map, picture.map.lattice
    is_graph = lattice.kind == "graph"
    places, heights = (lattice.positions, map_.u_heights) if is_graph else edge_heights(map_)
    plane = ColumnPlane("", "number", heights)
    picture.paint(plane, places=places, size=1.0 if is_graph else 0.5, **colors)


def _distances(map_: Map, rows: Any, codebook: Any) -> Iterator[Any]:
    """Yield, for one block of rows after another, the distances of its rows to all prototypes."""
    size = max(1, _BLOCK // max(1, len(codebook)))
    metric = map_.metric
    if not _is_plain(map_, rows):
        for start in range(0, len(rows), size):
            yield metric.distances(rows[start : start + size], codebook)
        return
    codes = metric.as_euclidean(codebook)
    middle = codes.mean(axis=0)  # without this, large means would cost digits of the differences
    codes = codes - middle
    lengths = (codes**2).sum(axis=1)
    for start in range(0, len(rows), size):
        own = metric.as_euclidean(rows[start : start + size]) - middle
        squares = (own**2).sum(axis=1)[:, None] + lengths - 2 * own @ codes.T
        yield np.sqrt(np.maximum(squares, 0.0))


def _is_plain(map_: Map, rows: Any) -> bool:
    return map_.metric.kernel == "euclidean" and not np.isnan(rows).any()


def _spaced(n: int, n_chosen: int) -> Ints:
    """Return `n_chosen` evenly spaced row numbers from 0 to `n` - 1."""
    return np.arange(n_chosen) * n // max(1, n_chosen)


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
OTHERS_MARKER = "."

KINDS = {
    "u": ("U-matrix", "mean distance to neighbors"),
    "edges": ("U-matrix", "distance of neighbors"),
    "p": ("P-matrix", "rows near the prototype"),
    "ustar": ("U*-matrix", "distance to neighbors, scaled by density"),
}

CROWDED = 8
"""Maximum mean number of rows per unit at which every class of a unit is marked.  If there are more
rows, a class is only marked in units where its share of the rows is above average."""

_READABLE_MARKER_POINTS = 8.0
"""Minimum cell width in points for markers."""

_SMALLEST_DIAMETER, _SINGLE_DIAMETER, _SEVERAL_DIAMETER = 0.14, 0.42, 0.3
"""Diameters, in cell widths, of the smallest marker, of the largest marker that is alone in its
cell, and of the largest of several markers in a cell."""


def umatrix(
    som: Map,
    X: Any = None,
    y: Any = None,
    *,
    kind: str = "u",
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    regions: Any = None,
    labels: Any = None,
    highlight: Any = None,
    limits: Any = "robust",
    colormap: str = "bone_r",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the distances between the prototypes of neighboring units.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows, in any form that `Map.rows_of` accepts, for classes, a P-matrix or a U*-matrix.
    y : array-like of shape (n_samples,), optional
        Class of each row of `X`.  A unit with rows of the first class is marked with a circle, a
        unit with rows of the second class with a square, and so on.  The size of a marker shows the
        number of rows of its class in the unit.  If there are more than 8 rows per unit on average,
        a class is only marked in units where its share of the rows is above average.  If cells are
        too small, several cells share their markers.
    kind : {"u", "edges", "p", "ustar"}, default="u"
        ``"u"``: the mean distance between the prototypes of a unit and its neighbors.  ``"edges"``:
        an additional cell between two neighbors shows the distance of their prototypes, and the
        cell of a unit shows the median of its distances.  ``"p"``: the number of rows within the
        Pareto radius around a prototype.  ``"ustar"``: the values of ``"u"``, lowered in areas with
        many rows and raised in areas with few rows.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=12
        Maximum number of classes with their own marker, at most 8.  Classes with the most rows have
        their own markers, and all other classes share one marker.
    regions, labels, highlight : optional
        As for `plots.values`.
    limits : {"robust", "full"} or pair of float, default="robust"
        Color limits, as for `plots.values`.  The ``"robust"`` limits exceed the range of the middle
        70 % of the heights by at most twice the width of this range, because heights are large
        around an outlying unit.
    colormap : str, default="bone_r"
        Name of a color map of matplotlib.  In the default color map, large distances between units,
        as at borders of groups, are dark.
    unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        As for `plots.values`.  If `y` is given, ``drawn_`` also contains the names of the
        ``"classes"``, and ``"counts"``, the number of rows by unit and class (n_units, n_classes).

    Raises
    ------
    InputError
        If `X` is not given although `y` or `kind` requires rows, or if `highlight` contains a
        number that is not a unit of the map.
    TypeError
        If `highlight` contains values that are not whole numbers, or if `ax` is not an Axes object.

    See Also
    --------
    hits, values, regions
    somscape.Map.u_heights : Values of the U-matrix.

    Notes
    -----
    The Pareto radius is computed from at most 2,000 rows.  Around each of these rows, a ball
    contains the nearest 20.13 % of the rows.  The Pareto radius is the median radius of these
    balls.  P-heights (numbers of rows within this radius) are computed from at most 1e8 distances
    between prototypes and evenly spaced rows.  For a unit with the U-height u and the P-height p,
    the U*-height is u * (1 + (p - mean p) / (mean p - max p)).

    References
    ----------
    A. Ultsch and H. P. Siemon (1990), Kohonen's self organizing feature maps for exploratory data
    analysis.
    A. Ultsch (2003), Maps for the visualization of high-dimensional data spaces.
    A. Ultsch (2003), U*-matrix: a tool to visualize clusters in high dimensional data.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> map_ = SOM(3, 4, random_state=0).fit(X).map_
    >>> display = plots.umatrix(map_, X, X[:, 0] > 0, highlight=[0])
    >>> display.ax_.get_title(), display.drawn_["classes"]
    ('U-matrix, 3 x 4 units', ('False', 'True'))
    """
    check_choice("kind", kind, tuple(KINDS))
    check_most_markers(max_classes)
    canvas, has_legend = Canvas(ax, figsize, title), y is not None
    picture = Picture(som, canvas, unit_size, has_legend=has_legend, has_bar=True)
    som = picture.map
    found = None if y is None else count_classes(som, X, y, max_classes)
    text, label = KINDS[kind]
    colors = {"colormap": colormap, "limits": limits, "label": label, "share": SEVERAL}
    if kind == "edges":
        draw_edges(picture, **colors)
    else:
        picture.paint(ColumnPlane(text, "number", _heights(som, kind, X)), **colors)
    picture.add(regions=regions, highlight=highlight)
    if found is not None:
        markers = (*MARKERS[: len(found.classes)], OTHERS_MARKER)
        picture.legend(class_entries(found.classes, found.n_others, markers), y_name)
        _mark_classes(picture, found, markers)  # after the legend has changed the size of the map
    picture.add(labels=labels)
    return picture.done(text)


def check_most_markers(max_classes: int) -> None:
    """Raise InputError if `max_classes` exceeds the number of different markers."""
    if max_classes > len(MARKERS):
        raise InputError(
            f"`max_classes` must be at most {len(MARKERS)}, the number of different markers, but "
            f"is {max_classes}. For more classes, use plots.hits or plots.majority.",
            value=max_classes,
        )


def _heights(map_: Map, kind: str, X: Any) -> Float64s:
    if kind == "u":
        return map_.u_heights
    if X is None:
        raise InputError(
            f"kind={kind!r} needs rows, but `X` is not given. Pass the rows as `X`.", parameter="X"
        )
    found = p_heights(map_, X)
    return found if kind == "p" else ustar_heights(map_.u_heights, found)


def _mark_classes(picture: Picture, found: ClassCounts, markers: tuple[str, ...]) -> None:
    lattice = picture.map.lattice
    blocks = blocks_of(lattice, picture.step(), _READABLE_MARKER_POINTS)
    step, width = (blocks.side * each for each in (picture.step(), cell_width(lattice)))
    counts = blocks.total(found.counts)
    is_marked = _are_marked(counts)
    n_marked = is_marked.sum(axis=1)
    entries = class_entries(found.classes, found.n_others, markers)
    for i, entry in enumerate(entries):
        units = np.flatnonzero(is_marked[:, i])
        place = is_marked[units, :i].sum(axis=1)
        x, y = (blocks.positions[units] + width * _offsets(place, n_marked[units])).T
        share = np.sqrt(counts[units, i] / max(1, int(counts[:, i].max(initial=1))))
        largest = np.where(n_marked[units] == 1, _SINGLE_DIAMETER, _SEVERAL_DIAMETER)
        diameter = step * (_SMALLEST_DIAMETER + (largest - _SMALLEST_DIAMETER) * share)
        look: dict[str, Any] = {"marker": entry.marker, "color": entry.color, "zorder": 5}
        look |= {"edgecolors": "white", "linewidths": 0.02 * step}
        dots = picture.ax.scatter(x, y, s=diameter**2, **look)
        dots.set_rasterized(len(units) > MAX_SHAPES // len(entries))
    picture.drawn |= {"classes": tuple(entry.name for entry in entries), "counts": found.counts}


def _are_marked(counts: Ints) -> Any:
    """Return for each unit and class whether the class is marked in the unit."""
    is_there = counts > 0
    of_unit = counts.sum(axis=1)
    if of_unit.sum() <= CROWDED * len(counts):
        return is_there
    usual = counts.sum(axis=0) / of_unit.sum()
    return is_there & (counts > usual * of_unit[:, None])


def _offsets(place: Ints, n_present: Ints) -> Float64s:
    """Return the vector from the middle of a cell to marker `place` of its `n_present` markers."""
    angle = np.pi + 2 * np.pi * place / np.maximum(n_present, 1)
    radius = np.where(n_present == 1, 0.0, np.where(n_present == 2, 0.2, 0.27))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def values(
    som: Map,
    values: Any,
    *,
    X: Any = None,
    name: str | None = None,
    colormap: str = "viridis",
    limits: Any = "robust",
    max_classes: int = MAX_CLASSES,
    regions: Any = None,
    labels: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Color each cell of a map by the value of its unit.

    Parameters
    ----------
    som : Map
        Map, or an estimator or detector that has a map.
    values : array-like of shape (n_units,) or (n_rows, n_cols), str, int or callable
        Number, truth value or text for each unit, or NaN or None for an empty cell.  A str or int
        is the name or number of a feature column, whose values are shown in original units.  A
        function receives the rows of a unit in the type of `X` and returns the value of the unit.
        A function of `somscape.measures` receives the map and the rows of a unit.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows that are passed to the function `values`, in any form that `Map.rows_of` accepts.  If a
        unit does not have rows, its cell is empty.
    name : str, optional
        Name of the values.  By default, the name of the column, series or function.
    colormap : str, default="viridis"
        Name of a color map of matplotlib, which is used for numbers.
    limits : {"robust", "full"} or pair of float, default="robust"
        Values that the first and last color represent.  ``"full"`` uses the lowest and the highest
        value.  With ``"robust"``, a few outlying units do not hide the differences between other
        units.  The limits then exceed the range of the middle 90 % of the values by at most half
        the width of this range.  Values beyond a limit have the color of the pointed end of the
        color bar.
    max_classes : int, default=12
        If the values are texts, maximum number of texts with their own color, at most 48.  All
        other texts are gray.  From the ninth text on, the same colors are combined with hatches.
    regions : Regions or True, optional
        Regions whose borders are drawn.  If True, the regions are found first.
    labels : sequence of n_units str or True, optional
        Text for each unit, or "" or None for no text.  True means the names that the map stores for
        its units.  If texts would overlap, the texts of units with fewer rows are not drawn.
    highlight : Alerts or array-like of int, optional
        Numbers of units whose cells are outlined, or `Alerts`, whose units are outlined.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    ax : matplotlib.axes.Axes, optional
        Existing axes for the map, drawn without a color bar.  By default, a new figure is made.
    figsize : pair of float, optional
        Width and height of the new figure in inches, from 2 to 100, instead of `unit_size`.  Other
        plot functions without `unit_size` have a suitable size by default.
    title : str, optional
        Title of the picture.  By default, the title describes the picture.  "" draws no title.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"values"``.  For numbers, ``drawn_`` also contains the color
        ``"limits"`` and the ``"cells"`` for `figure.colorbar`.  For texts, ``drawn_`` also contains
        the ``"levels"`` (distinct texts), and the values are positions in the levels.  Further keys
        are ``"regions"`` and ``"borders"`` for drawn regions, ``"highlight"`` for highlighted
        units, and ``"labels"`` for the drawn texts by unit.  Without `labels`, these are the names
        or numbers of regions, on the largest part of each region.

    Raises
    ------
    InputError
        If a column is not on the map, if `values` does not contain one value for each unit, or if a
        function is given without `X`.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    planes : Draws all columns.
    column_plane : Returns the values of a column.

    Notes
    -----
    A function is called once for each unit that has rows.  Drawing a map of 200 x 200 units takes
    about a second.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, measures, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> som = SOM(4, 5, random_state=0).fit(X)
    >>> plots.values(som, 0).ax_.get_title()
    'x0, 4 x 5 units'
    >>> display = plots.values(som, lambda rows: rows[:, 0].max(), X=X, name="largest x0")
    >>> display.drawn_["values"].shape
    (20,)
    >>> plots.values(som, measures.quantization_error, X=X).ax_.get_title()
    'quantization error, 4 x 5 units'
    """
    som = as_map(som)
    plane = plane_of(som, values, X, name)
    picture = Picture(som, Canvas(ax, figsize, title), unit_size, has_legend=plane.kind == "level")
    label = f"share of {plane.levels[0]}" if plane.kind == "share" else plane.name
    picture.paint(plane, colormap=colormap, limits=limits, label=label, max_classes=max_classes)
    picture.add(regions=regions, labels=labels, highlight=highlight)
    return picture.done(plane.name)


def quality(
    som: Map,
    X: Any,
    *,
    sample_weight: Any = None,
    limits: Any = "robust",
    regions: Any = None,
    ax: Any = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the quantization error and the topographic error of each unit.

    If a unit has a high quantization error, its rows differ much from its prototype.  If a unit has
    a high topographic error, the map is folded at this unit.  `measures.by_unit` returns more
    measures for each unit, which `plots.values` can draw.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, in any form that `Map.rows_of` accepts.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  By default 1.
    limits : {"robust", "full"} or pair of float, default="robust"
        Color limits for the quantization error, as for `plots.values`.
    regions : Regions or True, optional
        Regions whose borders are drawn.  If True, the regions are found first.
    ax, figsize, title : optional
        As for `plots.planes`.  A sequence must contain two axes.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"quantization_error"``, the mean distance between the prototype of
        a unit and the rows of the unit.  The ``"topographic_error"`` is the share of these rows
        whose second best matching unit is not a neighbor of the unit.  Both arrays have the shape
        (n_units,) and contain NaN for units without rows.

    Raises
    ------
    InputError
        If `X` does not contain a row, or if `ax` contains too few axes.

    See Also
    --------
    somscape.measures.by_unit : More measures of each unit.
    training

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, measures, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> errors = plots.quality(som, X).drawn_["quantization_error"]
    >>> hits = np.bincount(som.predict(X), minlength=12)
    >>> mean = np.average(np.nan_to_num(errors), weights=hits)
    >>> bool(np.isclose(mean, measures.quantization_error(som, X)))
    True
    """
    som = as_map(som)
    found = None if regions is None else regions_of(som, regions)
    which = ("quantization_error", "topographic_error")
    errors = by_unit(som, X, which=which, sample_weight=sample_weight)
    planes = [
        ColumnPlane("quantization error", "number", errors["quantization_error"]),
        ColumnPlane("topographic error", "share", errors["topographic_error"], ("folded rows",)),
    ]
    canvas = Canvas(ax, figsize, title)
    text = "Quality of each unit"
    axes = draw_panels(som, planes, canvas, title=text, n_wide=2, limits=limits, regions=found)
    return display_of(axes, errors)


def response(
    som: Map,
    row: Any,
    *,
    colormap: str = "viridis_r",
    regions: Any = None,
    labels: Any = None,
    limits: Any = "robust",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the distance of a row to each prototype, and outline the nearest unit.

    If a single area of the map has short distances, the row has a clear position on the map.  If
    two separate areas have short distances, the row is between two groups.

    Parameters
    ----------
    som : Map
        The map to draw.
    row : array-like of shape (n_features,) or (1, n_features), or Table or data frame of one row
        The row whose distances are drawn, in any form that `Map.rows_of` accepts.
    colormap : str, default="viridis_r"
        Name of a color map of matplotlib.
    regions, labels, limits, unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        As for `plots.values`.  ``drawn_`` also contains the nearest unit (``"winner"``).

    Raises
    ------
    InputError
        If `row` contains more than one row, or if all values of the row are missing.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    labels, umatrix

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> bool(plots.response(som, X[0]).drawn_["winner"] == som.predict(X[:1])[0])
    True
    """
    picture = Picture(som, Canvas(ax, figsize, title), unit_size)
    som = picture.map
    is_flat = isinstance(row, list | tuple | np.ndarray) and np.ndim(row) == 1
    rows = som.rows_of(np.asarray(row)[None] if is_flat else row)
    if len(rows) != 1:
        raise InputError(
            f"`row` must be one row, but is {len(rows)} rows. Pass a single row, such as X[:1].",
            value=len(rows),
        )
    winner = int(som._winners_of_rows(rows)[0])
    if winner < 0:
        raise InputError(
            "all values of `row` are missing. Pass a row with at least one value.", parameter="row"
        )
    apart = som.metric.distances(rows, som.codebook)[0].astype(np.float64)
    plane = ColumnPlane("", "number", apart)
    picture.paint(plane, colormap=colormap, limits=limits, label="distance of the row")
    picture.add(regions=regions, highlight=[winner], labels=labels)
    picture.drawn["winner"] = winner
    return picture.done("Distances from one row")


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
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw a small map for each column of the data.

    Numbers are in original units.  For a category with two levels, a cell shows the share of the
    second level.  For other categories, a cell shows the most common level.  The prototypes of a
    classifier can have values beyond the data, because its margin rule moves them away from rows of
    other classes.

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
        Number of maps side by side.  If `figsize` is given, this number is chosen by `figsize`.
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
    figsize, title : optional
        As for `plots.values`.

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
    text = "Each column on the map"
    if len(names) > len(shown):
        which = f"{len(shown)} most relevant" if order == "relevance" else f"first {len(shown)}"
        text += f" (the {which}; {len(names) - len(shown)} more not shown)"
    canvas = Canvas(ax, figsize, title)
    axes = draw_panels(som, shown, canvas, title=text, n_wide=n_wide, limits=limits, regions=found)
    return display_of(axes, {"columns": names[: len(shown)], "planes": shown})


_MAX_SIDE, _CELL, _BAR, _TITLE = 6.5, 0.36, 0.95, 0.45  # inches
_MAX_NAMES, _MAX_NUMBERS = 60, 14
_NAME_CHARACTERS = 28
_NAME_CHARACTER, _MIN_CELL = 0.072, 0.2
"""Assumed width in inches of a character in a column name."""


def correlations(
    som: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    order: str = "likeness",
    colormap: str = "RdBu_r",
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
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
    ax, figsize, title : optional
        As for `plots.values`.

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
    canvas = Canvas(ax, figsize, title)
    names = ordered_columns(som, columns, order=order)
    found = plane_correlations(som, names)
    shown = [column_plane(som, name).name for name in names]
    is_own = not canvas.has_axes()
    ax, length = _axes_for(shown, canvas)
    picture = ax.imshow(found, cmap=color_map(colormap), vmin=-1, vmax=1, interpolation="nearest")
    side = min(ax.get_window_extent().size) / ax.figure.dpi
    _name_sides(ax, shown, length, side)
    if side >= _MIN_CELL * len(names) and len(names) <= _MAX_NUMBERS:
        _write_numbers(picture, found)
    canvas.write_title(ax, f"Correlations of {len(names)} planes", loc="left")
    if is_own:
        add_bar(ax, picture, "correlation over the units", "neither")
    return display_of([ax], {"columns": names, "correlations": found})


def _axes_for(names: list[str], canvas: Canvas) -> "tuple[Axes, int]":
    """Return axes, and the largest number of characters of a name next to the axes."""
    side = min(_MAX_SIDE, max(1.6, _CELL * len(names)))
    longest = min(_NAME_CHARACTERS, max(map(len, names), default=1))
    if canvas.figsize is not None:
        longest = min(longest, int(min(canvas.figsize) / 3 / _NAME_CHARACTER))
    room = 0.25 + (_NAME_CHARACTER * longest if len(names) <= _MAX_NAMES else 0.0)
    size = room + side + _BAR, room + side + _TITLE
    return canvas.one_axes(size, room, room, _BAR, _TITLE), longest


def _name_sides(ax: "Axes", names: list[str], length: int, side: float) -> None:
    if len(names) > _MAX_NAMES:
        ax.set_xticks([])
        ax.set_yticks([])
        return
    size = float(np.clip(72 * side / len(names) * 0.75, 4.5, 8.5))
    labels = [short(name, length) for name in names]
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
    figsize: Size = None,
    title: str | None = None,
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
    regions, highlight, unit_size, ax, figsize, title : optional
        As for `plots.values`.

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
    picture = Picture(som, Canvas(ax, figsize, title), unit_size, has_legend=True)
    lattice = picture.map.lattice
    names = _columns(picture.map, columns, kind)
    values = numeric_planes(picture.map, names)
    shown = [column_plane(picture.map, name).name for name in names]
    draw_cells(picture.ax, lattice, colors=paper(), edge=faint_line())
    picture.add(regions=regions, highlight=highlight)
    if kind == "lines":
        first = [LegendEntry(name, ink(), f"${i}$") for i, name in enumerate(shown[:MAX_NAMED], 1)]
        more = f", {len(shown) - MAX_NAMED} more columns" * (len(shown) > MAX_NAMED)
        picture.legend(first, f"Columns from left to right{more}")
    else:
        picture.legend(class_entries(shown, 0), "")
    blocks = blocks_of(lattice, picture.step(), _READABLE_POINTS[kind])
    scale = blocks.side * cell_width(lattice)
    shares = blocks.mean(_between_0_and_1(values))
    _DRAW[kind](picture.ax, blocks.positions, shares, scale)
    picture.drawn |= {"columns": tuple(shown), "values": values, "side": blocks.side}
    return picture.done(f"Columns as {kind}{blocks.words('means')}")


MAX_NAMED = 20
"""Maximum number of columns that the legend of lines names."""

MAX_SHAPED = 8
"""Maximum number of columns of a shape that is readable in a cell."""


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
            most = np.sort(np.argsort(-relevance(map_, names), kind="stable")[:MAX_SHAPED])
            names = [names[i] for i in most]
    if kind != "lines" and len(names) > MAX_SHAPED:
        raise InputError(
            f"`columns` must contain at most {MAX_SHAPED} columns for kind={kind!r}, but contains "
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
    figsize: Size = None,
    title: str | None = None,
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
    regions, highlight, unit_size, ax, figsize, title : optional
        As for `plots.values`.

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
    picture = Picture(som, Canvas(ax, figsize, title), unit_size, has_bar=False)
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
