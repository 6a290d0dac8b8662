"""Component planes: one small map per original column, in original units."""

from collections.abc import Sequence
from typing import Any

from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps import Map, as_map
from somscape.plots._display import Display, display_of
from somscape.plots._order import ORDERS, ordered_columns
from somscape.plots._picture import regions_of
from somscape.plots._shown import chosen_columns, column_plane
from somscape.plots._small_maps import draw_panels

MAX_PANELS = 24


def planes(
    map: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    order: str = "auto",
    n_wide: int = 4,
    max_panels: int = MAX_PANELS,
    limits: Any = "robust",
    regions: Any = None,
    ax: Any = None,
) -> Display:
    """Draw one small map per column of the data.

    Numbers are shown in original units, a category with two levels by the share of its second
    level, and other categories by the most common level of each unit.

    Parameters
    ----------
    map : Map
        The map to draw.
    columns : str, int or sequence of these, optional
        Columns to draw, by name or number, in order.  By default all feature columns.
    order : {"auto", "columns", "likeness", "relevance"}, default="auto"
        ``"likeness"``: planes that are alike, or opposite, stand side by side.  ``"relevance"``:
        the columns with the largest part of the prototypes' spread come first.  ``"auto"``: the
        order of the columns, or by relevance if not all are drawn and none was asked for.
    n_wide : int, default=4
        Number of maps side by side.
    max_panels : int, default=24
        Most maps to draw.  Further columns are left out; the title says how many.
    limits : {"robust", "full"} or pair of float, default="robust"
        As for `plots.values`, of each map of numbers.
    regions : Regions or True, optional
        Regions whose borders to draw; True finds them.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Where to draw instead of in a new figure: axes for each map, in order; or a figure, a
        subfigure or single axes, whose area is divided.

    Returns
    -------
    Display
        With one of the `axes_` per map.  Its ``drawn_`` holds the names of the ``"columns"`` that
        are shown, in order, and their ``"planes"``.

    Raises
    ------
    InputError
        If a column is not on the map, or `ax` holds too few axes.

    See Also
    --------
    values : One of them, or any other value.
    ordered_columns : Their order.
    correlations

    Notes
    -----
    Likeness takes O(n_columns^2 * n_units).

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
    map = as_map(map)
    check_choice("order", order, ORDERS)
    if n_wide < 1 or max_panels < 1:
        raise InputError(
            f"`n_wide` and `max_panels` must be at least 1; got {n_wide} and {max_panels}."
        )
    found = None if regions is None else regions_of(map, regions)
    names = chosen_columns(map, columns)
    if order == "auto":
        order = "relevance" if columns is None and len(names) > max_panels else "columns"
    names = ordered_columns(map, names, order=order)
    shown = [column_plane(map, name) for name in names[:max_panels]]
    title = "Each column on the map"
    if len(names) > len(shown):
        which = f"{len(shown)} most relevant" if order == "relevance" else f"first {len(shown)}"
        title += f" (the {which}; {len(names) - len(shown)} more not shown)"
    axes = draw_panels(
        map, shown, title=title, n_wide=n_wide, place=ax, limits=limits, regions=found
    )
    return display_of(axes, {"columns": names[: len(shown)], "planes": shown})
