"""Draw component planes, U-matrices and other values of units."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps.map import Map, as_map
from somscape.plots._cells import (
    MAX_SHAPES,
    SEVERAL,
    blocks_of,
    cell_width,
)
from somscape.plots._classes import ClassCounts, count_classes
from somscape.plots._picture import (
    MAX_CLASSES,
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
    ordered_columns,
    plane_of,
)
from somscape.plots.display import Canvas, Display, Size, display_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
OTHERS_MARKER = "."


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
    """Draw the mean distance between the prototypes of each unit and its neighbors.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows, in any form that `Map.rows_of` accepts.  Needed if `y` is given.
    y : array-like of shape (n_samples,), optional
        Class of each row of `X`.  A unit with rows of the first class is marked with a circle, a
        unit with rows of the second class with a square, and so on.  The size of a marker shows the
        number of rows of its class in the unit.  If there are more than 8 rows per unit on average,
        a class is only marked in units where its share of the rows is above average.  If cells are
        too small, several cells share their markers.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=12
        Maximum number of classes with their own marker, at most 12.  The classes with the most rows
        have their own markers, and all other classes share one marker.
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
        If `y` is given without `X`, or if `highlight` contains a number that is not a unit of the
        map.
    TypeError
        If `highlight` contains values that are not whole numbers, or if `ax` is not an Axes object.

    See Also
    --------
    hits, values, regions
    somscape.Map.u_heights : Values of the U-matrix.

    References
    ----------
    A. Ultsch and H. P. Siemon (1990), Kohonen's self organizing feature maps for exploratory data
    analysis.

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
    canvas, has_legend = Canvas(ax, figsize, title), y is not None
    picture = Picture(som, canvas, unit_size, has_legend=has_legend, has_bar=True)
    som = picture.map
    found = None if y is None else count_classes(som, X, y, max_classes)
    plane, label = ColumnPlane("U-matrix", "number", som.u_heights), "mean distance to neighbors"
    picture.paint(plane, colormap=colormap, limits=limits, label=label, share=SEVERAL)
    picture.add(regions=regions, highlight=highlight)
    if found is not None:
        markers = (*MARKERS[: len(found.classes)], OTHERS_MARKER)
        picture.legend(class_entries(found.classes, found.n_others, markers), y_name)
        _mark_classes(picture, found, markers)  # after the legend has changed the size of the map
    picture.add(labels=labels)
    return picture.done("U-matrix")


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
        If the values are texts, maximum number of texts with their own color, at most 12.  All
        other texts are gray.
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
