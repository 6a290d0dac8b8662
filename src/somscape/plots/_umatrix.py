"""Draw the U-matrix, P-matrix or U*-matrix of a map, or any other values of its units."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.grid.lattice import neighbor_pairs
from somscape.maps._as_map import as_map
from somscape.maps.map import Map
from somscape.measures.rows import by_unit
from somscape.plots._cells import MAX_SHAPES, blocks_of, cell_width, short_way
from somscape.plots._classes import ClassCounts, count_classes
from somscape.plots._legend import MAX_CLASSES, class_entries
from somscape.plots._picture import Picture, draw_panels, regions_of
from somscape.plots._style import SEVERAL
from somscape.plots.columns import ColumnPlane, plane_of
from somscape.plots.display import Display, display_of

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


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
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
    unit_size: float | None = None,
    colormap: str = "bone_r",
    ax: "Axes | None" = None,
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
    max_classes : int, default=8
        Maximum number of classes with their own marker, at most 8.  Classes with the most rows have
        their own markers, and all other classes share one marker.
    regions, labels, highlight : optional
        As for `plots.values`.
    limits : {"robust", "full"} or pair of float, default="robust"
        Color limits, as for `plots.values`.  The ``"robust"`` limits exceed the range of the middle
        70 % of the heights by at most twice the width of this range, because heights are large
        around an outlying unit.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    colormap : str, default="bone_r"
        Name of a color map of matplotlib.  In the default color map, large distances between units,
        as at borders of groups, are dark.
    ax : matplotlib.axes.Axes, optional
        Existing axes for the map, drawn without a color bar.  By default, a new figure is made.

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
    picture = Picture(som, ax=ax, unit_size=unit_size, has_legend=y is not None)
    som = picture.map
    found = None if y is None else count_classes(som, X, y, max_classes)
    title, label = KINDS[kind]
    colors = {"colormap": colormap, "limits": limits, "label": label, "share": SEVERAL}
    if kind == "edges":
        draw_edges(picture, **colors)
    else:
        picture.paint(ColumnPlane(title, "number", _heights(som, kind, X)), **colors)
    picture.add(regions=regions, highlight=highlight)
    if found is not None:
        markers = (*MARKERS[: len(found.classes)], OTHERS_MARKER)
        picture.legend(class_entries(found.classes, found.n_others, markers), y_name)
        _mark_classes(picture, found, markers)  # after the legend has changed the size of the map
    picture.add(labels=labels)
    return picture.done(title)


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
    max_classes : int, default=8
        If the values are texts, maximum number of texts with their own color, at most 32.  All
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

    Returns
    -------
    Display
        ``drawn_`` contains the ``"values"``.  For numbers, ``drawn_`` also contains the color
        ``"limits"`` and the ``"cells"`` for `figure.colorbar`.  For texts, ``drawn_`` also contains
        the ``"levels"`` (distinct texts), and the values are positions in the levels.  Further keys
        are ``"regions"`` and ``"borders"`` for drawn regions, ``"highlight"`` for highlighted
        units, and ``"labels"`` for the drawn texts by unit.

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
    picture = Picture(som, ax=ax, unit_size=unit_size, has_legend=plane.kind == "level")
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
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
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
    axes = draw_panels(
        som, planes, title="Quality of each unit", n_wide=2, place=ax, limits=limits, regions=found
    )
    return display_of(axes, errors)


def response(
    som: Map,
    row: Any,
    *,
    regions: Any = None,
    labels: Any = None,
    limits: Any = "robust",
    unit_size: float | None = None,
    colormap: str = "viridis_r",
    ax: "Axes | None" = None,
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
    regions, labels, limits : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    colormap : str, default="viridis_r"
        Name of a color map of matplotlib.
    ax : matplotlib.axes.Axes, optional
        Existing axes for the map, drawn without a color bar.  By default, a new figure is made.

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
    picture = Picture(som, ax=ax, unit_size=unit_size)
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
