"""Which columns go together on the map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.maps import Map, as_map
from somscape.plots._cells import short
from somscape.plots._display import Display, display_of, make_figure
from somscape.plots._order import ordered_columns, plane_correlations
from somscape.plots._panels import check_is_one_axes
from somscape.plots._scale import add_bar
from somscape.plots._shown import column_plane
from somscape.plots._style import color_map, contrast

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_SIDE, _CELL, _BAR, _TITLE = 6.5, 0.36, 0.95, 0.45  # inches
_MAX_NAMED, _MAX_WRITTEN = 60, 14
_NAME_LETTERS = 28
_LETTER = 0.072
"""Width of a letter in inches."""


def correlations(
    map: Map,
    columns: str | int | Sequence[str | int] | None = None,
    *,
    order: str = "likeness",
    colormap: str = "RdBu_r",
    ax: "Axes | None" = None,
) -> Display:
    """Draw the correlations of component planes, alike ones side by side.

    Parameters
    ----------
    map : Map
        The map whose planes to compare.
    columns : str, int or sequence of these, optional
        Columns, by name or number.  By default all feature columns.
    order : {"likeness", "columns", "relevance"}, default="likeness"
        As for `plots.planes`.
    colormap : str, default="RdBu_r"
        Name of a color map of matplotlib, from -1 to 1.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the names of the ``"columns"``, in order, and their
        ``"correlations"`` over the units, of shape (n_columns, n_columns).  A category of more than
        two levels counts as its most common level against the others.

    Raises
    ------
    InputError
        If a column is not on the map.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    planes, ordered_columns

    Notes
    -----
    Correlations of planes are higher than those of rows, because units are means of rows, and say
    only what goes together.  O(n_columns^2 * n_units).

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
    map = as_map(map)
    check_is_one_axes(ax)
    names = ordered_columns(map, columns, order=order)
    found = plane_correlations(map, names)
    shown = [column_plane(map, name).name for name in names]
    is_own = ax is None
    if ax is None:
        ax = _axes_for(shown)
    picture = ax.imshow(found, cmap=color_map(colormap), vmin=-1, vmax=1, interpolation="nearest")
    _name_sides(ax, shown)
    if len(names) <= _MAX_WRITTEN:
        _write(picture, found)
    ax.set_title(f"Correlations of {len(names)} planes", fontsize=11, loc="left")
    if is_own:
        add_bar(ax, picture, "correlation over the units", "neither")
    return display_of([ax], {"columns": names, "correlations": found})


def _axes_for(names: list[str]) -> "Axes":
    side = min(_MAX_SIDE, max(1.6, _CELL * len(names)))
    longest = min(_NAME_LETTERS, max(map(len, names), default=1))
    room = 0.25 + (_LETTER * longest if len(names) <= _MAX_NAMED else 0.0)
    wide, tall = room + side + _BAR, room + side + _TITLE
    return make_figure(wide, tall).add_axes((room / wide, room / tall, side / wide, side / tall))


def _name_sides(ax: "Axes", names: list[str]) -> None:
    if len(names) > _MAX_NAMED:
        ax.set_xticks([])
        ax.set_yticks([])
        return
    size = float(np.clip(72 * _MAX_SIDE / len(names) * 0.75, 4.5, 8.5))
    labels = [short(name, _NAME_LETTERS) for name in names]
    places = np.arange(len(names))
    ax.set_xticks(places, labels, rotation=90, fontsize=size)
    ax.set_yticks(places, labels, fontsize=size)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _write(picture: Any, found: Float64s) -> None:
    for (row, col), value in np.ndenumerate(found):
        if row != col:
            text = f"{value:.1f}".replace("-0.0", "0.0")
            color = contrast(picture.to_rgba(value))
            picture.axes.text(col, row, text, ha="center", va="center", fontsize=7, color=color)
