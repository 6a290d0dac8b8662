"""The U-matrix: borders between groups, with the classes of the rows in each cell."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._blocks import blocks_of
from somscape.plots._cells import MAX_SHAPES, cell_width
from somscape.plots._classes import ClassCounts, count_classes
from somscape.plots._display import Display
from somscape.plots._heights import draw_edges, p_heights, ustar_heights
from somscape.plots._legend import MAX_CLASSES, class_entries
from somscape.plots._picture import Picture
from somscape.plots._scale import SEVERAL
from somscape.plots._shown import ColumnPlane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
            f"got {max_classes}. plots.hits and plots.majority show more."
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
        spots = blocks.positions[units] + width * _offsets(place, n_marked[units])
        share = np.sqrt(counts[units, i] / max(1, int(counts[:, i].max(initial=1))))
        largest = np.where(n_marked[units] == 1, _ALONE, _SHARED)
        diameter = step * (_SMALLEST + (largest - _SMALLEST) * share)
        picture.ax.scatter(
            spots[:, 0],
            spots[:, 1],
            s=diameter**2,
            marker=entry.marker,
            color=entry.color,
            edgecolors="white",
            linewidths=0.02 * step,
            zorder=5,
            rasterized=len(units) > MAX_SHAPES // len(entries),
        )
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
