"""How many rows each unit won, and of which classes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.maps import NO_UNIT, Map
from somscape.plots._cells import draw_cells
from somscape.plots._classes import count_classes
from somscape.plots._display import Display
from somscape.plots._legend import MAX_CLASSES, class_entries
from somscape.plots._picture import Picture
from somscape.plots._pies import draw_pies
from somscape.plots._scale import checked_limits
from somscape.plots._shown import ColumnPlane
from somscape.plots._style import paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def hits(
    map: Map,
    X: Any = None,
    y: Any = None,
    *,
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    regions: Any = None,
    labels: Any = None,
    highlight: Any = None,
    limits: Any = "robust",
    unit_size: float | None = None,
    colormap: str = "Blues",
    ax: "Axes | None" = None,
) -> Display:
    """Draw the number of rows that each unit won.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows to count, as for `Map.rows_of`.  By default the training rows.
    y : array-like of shape (n_samples,), optional
        The class of each row of `X`.  Each unit then gets a pie chart with an area proportional to
        the rows that it won; where cells are too small, squares of several cells get one.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=8
        Of more classes, those with the most rows have a color, and the others one together.
        Beyond 8, colors repeat with hatches, up to 32.
    regions, labels, highlight : optional
        As for `plots.values`.
    limits : {"robust", "full"} or pair of float, default="robust"
        As for `plots.values`; the lower end is 0 unless it is given.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    colormap : str, default="Blues"
        Name of a color map of matplotlib; ignored with `y`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        As for `plots.values`; with `y`, its ``drawn_`` holds the ``"classes"`` and their
        ``"counts"`` by unit, of shape (n_units, n_classes), instead.

    Raises
    ------
    InputError
        For labels without rows.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    majority : One color a cell.
    umatrix

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> map_ = SOM(3, 4, random_state=0).fit(X).map_
    >>> plots.hits(map_).ax_.get_title()
    'Rows per unit, 3 x 4 units'
    """
    picture = Picture(map, ax=ax, unit_size=unit_size, has_legend=y is not None)
    map = picture.map
    joined = ""
    if y is None:
        counts = np.asarray(map.hits if X is None else _count(map, X), dtype=np.float64)
        low, high = checked_limits(counts, limits)
        picture.paint(
            ColumnPlane("", "number", counts),
            colormap=colormap,
            limits=(0.0, high or 1.0) if isinstance(limits, str) else (low, high),
            label="rows won" if X is not None else "training rows won",
        )
    else:
        found = count_classes(map, X, y, max_classes)
        draw_cells(picture.ax, map.lattice, edge=paper())
        joined = draw_pies(picture.ax, map.lattice, found).words("sums")
        entries = class_entries(found.classes, found.n_others)
        picture.legend(entries, y_name)
        picture.drawn |= {"classes": tuple(e.name for e in entries), "counts": found.counts}
    picture.add(regions=regions, labels=labels, highlight=highlight)
    return picture.done(f"Rows per unit{joined}")


def _count(map_: Map, X: Any) -> Float64s:
    units = map_.winners(X)
    return np.bincount(units[units != NO_UNIT], minlength=map_.n_units).astype(np.float64)
