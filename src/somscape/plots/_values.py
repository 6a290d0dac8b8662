"""Any value per unit on the map: the picture that others are made of."""

from typing import TYPE_CHECKING, Any

from somscape.maps import Map, as_map
from somscape.plots._display import Display
from somscape.plots._legend import MAX_CLASSES
from somscape.plots._per_unit import plane_of
from somscape.plots._picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
