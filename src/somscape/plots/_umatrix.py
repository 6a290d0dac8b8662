"""The U-matrix, other heights, and any value per unit."""

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
"""Of all rows, in the ball of the Pareto radius."""

MAX_RADIUS_ROWS, MAX_PAIRS, MAX_SLOW_PAIRS = 2000, 100_000_000, 10_000_000
_BLOCK = 4_000_000


def p_heights(map_: Map, X: Any) -> Float64s:
    """Return how many rows lie within the Pareto radius of each prototype."""
    rows = map_.rows_of(X.toarray() if hasattr(X, "tocsr") else X)
    rows = rows[~np.isnan(rows).all(axis=1)].astype(np.float64)
    if not len(rows):
        raise InputError("X has no rows with a value; give at least one.")
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
    """Return U-heights scaled by how rare rows are: 0 at the densest unit, above 1 where rare."""
    mean, highest = float(p_heights.mean()), float(p_heights.max())
    if mean == highest:
        return u_heights
    return u_heights * ((p_heights - mean) / (mean - highest) + 1)


def edge_heights(map_: Map) -> tuple[Float64s, Float64s]:
    """Return the places of cells for units and for the edges between them, and their heights."""
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
    """Return the median of each unit's values; 0 for none."""
    order = np.lexsort([values, units])
    counts = np.bincount(units, minlength=n_units)
    start = np.cumsum(counts) - counts
    last = len(values) - 1
    low, high = (np.minimum(start + np.maximum(counts + i, 0) // 2, last) for i in (-1, 0))
    middle = (values[order][low] + values[order][high]) / 2
    return np.where(counts > 0, middle, 0.0)


def draw_edges(picture: Picture, **colors: Any) -> None:
    """Draw units and edges as cells of half the size; of a graph, edges as lines."""
    map_, lattice = picture.map, picture.map.lattice
    is_graph = lattice.kind == "graph"
    places, heights = (lattice.positions, map_.u_heights) if is_graph else edge_heights(map_)
    plane = ColumnPlane("", "number", heights)
    picture.paint(plane, places=places, size=1.0 if is_graph else 0.5, **colors)


def _distances(map_: Map, rows: Any, codebook: Any) -> Iterator[Any]:
    """Yield distances of blocks of rows to all prototypes."""
    size = max(1, _BLOCK // max(1, len(codebook)))
    metric = map_.metric
    if not _is_plain(map_, rows):
        for start in range(0, len(rows), size):
            yield metric.distances(rows[start : start + size], codebook)
        return
    codes = metric.as_euclidean(codebook)
    middle = codes.mean(axis=0)  # large means would leave no digits to the differences
    codes = codes - middle
    lengths = (codes**2).sum(axis=1)
    for start in range(0, len(rows), size):
        own = metric.as_euclidean(rows[start : start + size]) - middle
        squares = (own**2).sum(axis=1)[:, None] + lengths - 2 * own @ codes.T
        yield np.sqrt(np.maximum(squares, 0.0))


def _is_plain(map_: Map, rows: Any) -> bool:
    return map_.metric.kernel == "euclidean" and not np.isnan(rows).any()


def _spaced(n: int, n_chosen: int) -> Ints:
    """Return evenly spaced numbers below n."""
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
"""Rows per unit from which only classes that a unit has more of than all rows are marked."""

_READABLE_MARKER = 8.0
"""Width in points of a cell in which markers can be told apart."""

_SMALLEST, _ALONE, _SHARED = 0.14, 0.42, 0.3
"""Diameters of markers in widths of a cell."""


def umatrix(
    map: Map,
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
    """Draw how far each unit's prototype lies from its neighbors'.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows whose classes to mark, or that a P- or U*-matrix counts, as for `Map.rows_of`.
    y : array-like of shape (n_samples,), optional
        The class of each row of `X`.  Each winner gets a circle for the first class, a square for
        the second, and so on, side by side if a unit won rows of several classes.  Markers are
        larger where a class has more rows.  With more than 8 rows to a unit, a class is marked
        where its share is above that of all rows.  Where cells are too small, squares of several
        cells are marked together.
    kind : {"u", "edges", "p", "ustar"}, default="u"
        ``"u"``: each unit's mean distance to its neighbors.  ``"edges"``: the distances themselves
        in cells between the units, and their median in the units' own.  ``"p"``: rows within the
        Pareto radius of each prototype.  ``"ustar"``: the first, lowered where rows are dense and
        raised where they are rare.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=8
        Of more classes, at most 8, those with the most rows are marked, and the others together.
    regions, labels, highlight : optional
        As for `plots.values`.
    limits : {"robust", "full"} or pair of float, default="robust"
        As for `plots.values`, but no further beyond the middle 70 % of the heights than twice their
        range: an outlying unit has neighbors that are high, too.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    colormap : str, default="bone_r"
        Name of a color map of matplotlib.  The default shows borders between groups dark.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        As for `plots.values`; with `y`, its ``drawn_`` also holds the ``"classes"`` and their
        ``"counts"`` by unit, of shape (n_units, n_classes).

    Raises
    ------
    InputError
        For labels without rows, a matrix that needs rows without them, or units that are not on
        the map.
    TypeError
        For a `highlight` that holds no whole numbers, or an `ax` that is no axes.

    See Also
    --------
    hits, values, regions
    somscape.Map.u_heights : The numbers.

    Notes
    -----
    The Pareto radius is that at which the ball around a row holds 20.13 % of the rows, in the
    median, found on 2,000 rows.  P-heights count at most 1e8 distances, of evenly spaced rows.
    With P-heights p, the U*-height is u * (1 + (p - mean p) / (mean p - max p)).

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
    picture = Picture(map, ax=ax, unit_size=unit_size, has_legend=y is not None)
    map = picture.map
    found = None if y is None else count_classes(map, X, y, max_classes)
    title, label = KINDS[kind]
    colors = {"colormap": colormap, "limits": limits, "label": label, "share": SEVERAL}
    if kind == "edges":
        draw_edges(picture, **colors)
    else:
        picture.paint(ColumnPlane(title, "number", _heights(map, kind, X)), **colors)
    picture.add(regions=regions, highlight=highlight)
    if found is not None:
        markers = (*MARKERS[: len(found.classes)], OTHERS_MARKER)
        picture.legend(class_entries(found.classes, found.n_others, markers), y_name)
        _mark_classes(picture, found, markers)  # at the size that the legend leaves the map
    picture.add(labels=labels)
    return picture.done(title)


def check_most_markers(max_classes: int) -> None:
    """Raise InputError for more classes than there are markers."""
    if max_classes > len(MARKERS):
        raise InputError(
            f"`max_classes` must be at most {len(MARKERS)}, the markers that can be told apart; "
            f"got {max_classes}. plots.hits and plots.majority show more.",
            parameter="max_classes",
            value=max_classes,
        )


def _heights(map_: Map, kind: str, X: Any) -> Float64s:
    if kind == "u":
        return map_.u_heights
    if X is None:
        raise InputError(f"kind={kind!r} counts rows near each prototype. Pass the rows, as X.")
    found = p_heights(map_, X)
    return found if kind == "p" else ustar_heights(map_.u_heights, found)


def _mark_classes(picture: Picture, found: ClassCounts, markers: tuple[str, ...]) -> None:
    lattice = picture.map.lattice
    blocks = blocks_of(lattice, picture.step(), _READABLE_MARKER)
    step, width = (blocks.side * each for each in (picture.step(), cell_width(lattice)))
    counts = blocks.total(found.counts)
    is_marked = _marked(counts)
    n_marked = is_marked.sum(axis=1)
    entries = class_entries(found.classes, found.n_others, markers)
    for i, entry in enumerate(entries):
        units = np.flatnonzero(is_marked[:, i])
        place = is_marked[units, :i].sum(axis=1)
        x, y = (blocks.positions[units] + width * _offsets(place, n_marked[units])).T
        share = np.sqrt(counts[units, i] / max(1, int(counts[:, i].max(initial=1))))
        largest = np.where(n_marked[units] == 1, _ALONE, _SHARED)
        diameter = step * (_SMALLEST + (largest - _SMALLEST) * share)
        look: dict[str, Any] = {"marker": entry.marker, "color": entry.color, "zorder": 5}
        look |= {"edgecolors": "white", "linewidths": 0.02 * step}
        dots = picture.ax.scatter(x, y, s=diameter**2, **look)
        dots.set_rasterized(len(units) > MAX_SHAPES // len(entries))
    picture.drawn |= {"classes": tuple(entry.name for entry in entries), "counts": found.counts}


def _marked(counts: Ints) -> Any:
    """Return which classes to mark in which unit."""
    is_there = counts > 0
    of_unit = counts.sum(axis=1)
    if of_unit.sum() <= CROWDED * len(counts):
        return is_there
    usual = counts.sum(axis=0) / of_unit.sum()
    return is_there & (counts > usual * of_unit[:, None])


def _offsets(place: Ints, n_present: Ints) -> Float64s:
    """Return the offset of marker `place` of `n_present` from the middle of its cell."""
    angle = np.pi + 2 * np.pi * place / np.maximum(n_present, 1)
    radius = np.where(n_present == 1, 0.0, np.where(n_present == 2, 0.2, 0.27))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def values(
    map: Map,
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
    """Color the cells of a map by any value per unit.

    Parameters
    ----------
    map : Map
        Or an estimator or detector that has one.
    values : array-like of shape (n_units,) or (n_rows, n_cols), str, int or callable
        Numbers, truth values or texts, one for each unit, NaN or None for an empty cell; a feature
        column by name or number, in original units; or a function that returns one value for the
        rows of `X` that a unit won, which are of the type of `X`.  A function of
        `somscape.measures` is called with the map and these rows.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows for a function, as for `Map.rows_of`.  A unit without rows is an empty cell.
    name : str, optional
        What the values are called.  By default the name of the column, series or function.
    colormap : str, default="viridis"
        Name of a color map of matplotlib, for numbers.
    limits : {"robust", "full"} or pair of float, default="robust"
        Values at the ends of the color map.  ``"robust"``: of all units, but no further beyond the
        range of the middle 90 % of them than half of it, so that a few outlying units leave the
        others their colors; the outlying ones have the color of the end, and the bar is pointed
        there.
    max_classes : int, default=8
        Texts that have a color; the others are gray.  Beyond 8, colors repeat with hatches, up to
        32.
    regions : Regions or True, optional
        Regions whose borders to draw; True finds them.
    labels : sequence of n_units str or True, optional
        A text for each unit, "" or None for none; True means those that the map was read with.
        Texts that would cover others are left out,
        those of units with the fewest rows first.
    highlight : Alerts or array-like of int, optional
        Units to outline, by number; of `Alerts` those in which the alerts lie.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds ``"values"`` and, for numbers, the ``"limits"`` of the colors and the
        ``"cells"``, which `figure.colorbar` takes; for texts the ``"levels"`` that values are
        places in; ``"regions"`` and ``"borders"``,
        ``"labels"`` that have room, by unit, and ``"highlight"``, where they were asked for.

    Raises
    ------
    InputError
        For a column that is not on the map, another number of values, or a function without rows.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    planes : Every column.
    column_plane : What the plane of a column shows.

    Notes
    -----
    A function is called once for each unit with rows.  Otherwise the time goes into drawing: a map
    of 200 x 200 units takes about a second.

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
    map = as_map(map)
    plane = plane_of(map, values, X, name)
    picture = Picture(map, ax=ax, unit_size=unit_size, has_legend=plane.kind == "level")
    label = f"share of {plane.levels[0]}" if plane.kind == "share" else plane.name
    picture.paint(plane, colormap=colormap, limits=limits, label=label, max_classes=max_classes)
    picture.add(regions=regions, labels=labels, highlight=highlight)
    return picture.done(plane.name)


def quality(
    map: Map,
    X: Any,
    *,
    sample_weight: Any = None,
    limits: Any = "robust",
    regions: Any = None,
    ax: Any = None,
) -> Display:
    """Draw the quantization error and the topographic error of each unit.

    A unit with a high quantization error stands for rows that differ; one with a high topographic
    error lies where the map is folded.  `measures.by_unit` has more measures, for `plots.values`.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as for `Map.rows_of`.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each row.  The default is 1 each.
    limits : {"robust", "full"} or pair of float, default="robust"
        As for `plots.values`, of the quantization error.
    regions : Regions or True, optional
        Regions whose borders to draw; True finds them.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        As for `plots.planes`, for two maps.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"quantization_error"``, mean distance of a unit's rows, and the
        ``"topographic_error"``, share of them whose second unit is no neighbor, of shape
        (n_units,); NaN without rows.

    Raises
    ------
    InputError
        If there are no rows, or `ax` holds too few axes.

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
    map = as_map(map)
    found = None if regions is None else regions_of(map, regions)
    which = ("quantization_error", "topographic_error")
    errors = by_unit(map, X, which=which, sample_weight=sample_weight)
    planes = [
        ColumnPlane("quantization error", "number", errors["quantization_error"]),
        ColumnPlane("topographic error", "share", errors["topographic_error"], ("folded rows",)),
    ]
    axes = draw_panels(
        map, planes, title="Quality of each unit", n_wide=2, place=ax, limits=limits, regions=found
    )
    return display_of(axes, errors)


def response(
    map: Map,
    row: Any,
    *,
    regions: Any = None,
    labels: Any = None,
    limits: Any = "robust",
    unit_size: float | None = None,
    colormap: str = "viridis_r",
    ax: "Axes | None" = None,
) -> Display:
    """Draw how far a row lies from every prototype, and outline its unit.

    One valley says that the row has a clear place; two say that it lies between two.

    Parameters
    ----------
    map : Map
        The map to draw.
    row : array-like of shape (n_features,) or (1, n_features), or Table or data frame of one row
        As for `Map.rows_of`.
    regions, labels, limits : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    colormap : str, default="viridis_r"
        Name of a color map of matplotlib.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        As for `plots.values`; its ``drawn_`` also holds the ``"winner"``.

    Raises
    ------
    InputError
        For more than one row, or a row without any value.
    TypeError
        For an `ax` that is no axes.

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
    picture = Picture(map, ax=ax, unit_size=unit_size)
    map = picture.map
    is_flat = isinstance(row, list | tuple | np.ndarray) and np.ndim(row) == 1
    rows = map.rows_of(np.asarray(row)[None] if is_flat else row)
    if len(rows) != 1:
        raise InputError(
            f"`row` must be one row; got {len(rows)}. Pass one of them, such as X[:1].",
            parameter="row",
            value=len(rows),
        )
    winner = int(map.winners_of_rows(rows)[0])
    if winner < 0:
        raise InputError(
            "`row` has no value, so no unit is near. Pass a row with one.", parameter="row"
        )
    apart = map.metric.distances(rows, map.codebook)[0].astype(np.float64)
    plane = ColumnPlane("", "number", apart)
    picture.paint(plane, colormap=colormap, limits=limits, label="distance of the row")
    picture.add(regions=regions, highlight=[winner], labels=labels)
    picture.drawn["winner"] = winner
    return picture.done("Distances from one row")
