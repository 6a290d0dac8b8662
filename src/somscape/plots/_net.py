"""The map as a net among the rows, seen along the two main axes of the data."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice, neighbor_pairs
from somscape.maps import Map, as_map
from somscape.plots._cells import MAX_SHAPES
from somscape.plots._classes import Classes, classes_of, require_rows
from somscape.plots._display import Display, display_of, make_figure
from somscape.plots._legend import MAX_CLASSES, class_entries, wrapped_legend
from somscape.plots._panels import check_is_one_axes
from somscape.plots._style import ink, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_AXES_ROWS = 2000
"""Evenly spaced rows that the main axes are found from."""

_MANY = 2000
"""Rows from which points are paler, the more the paler."""


def net(
    map: Map,
    X: Any = None,
    y: Any = None,
    *,
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    ax: "Axes | None" = None,
) -> Display:
    """Draw the units as a net in the plane of the two main axes of the data.

    Lines join neighbors.  A net that lies flat and smooth among the rows is a good map; folds and
    crossings are places where the map had to bend.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows to draw, as for `Map.rows_of`, whose main axes are used.  By default the axes are
        those of the prototypes, weighted by the rows that they won.
    y : array-like of shape (n_samples,), optional
        The class of each row of `X`, for its color.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=8
        Of more classes, at most 8, those with the most rows have a color, and the others one
        together.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"places"`` of the units, of shape (n_units, 2), those of the
        ``"rows"``, and the ``"shares"`` of the variance that both axes have.

    Raises
    ------
    InputError
        For labels without rows.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    spanning_tree, umatrix

    Notes
    -----
    Axes are found on at most 2,000 evenly spaced rows without missing values.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> display = plots.net(SOM(3, 4, random_state=0).fit(X), X)
    >>> display.drawn_["places"].shape, display.drawn_["rows"].shape
    ((12, 2), (200, 2))
    """
    map = as_map(map)
    check_is_one_axes(ax)
    if y is not None:
        require_rows(X)
    rows: Any = np.empty((0, map.codebook.shape[1]))
    if X is not None:
        rows = map.rows_of(X.toarray() if hasattr(X, "tocsr") else X)
    found = None if y is None else classes_of(y, len(rows), max_classes)
    middle, axes, shares = _main_axes(map, rows)
    units, points = (map.codebook - middle) @ axes, (rows - middle) @ axes
    if ax is None:
        wide = 5.8 if found is None else 7.4
        ax = make_figure(wide, 4.8).add_axes((0.7 / wide, 0.13, 4.9 / wide, 0.79))
    _draw_points(ax, points, found)
    _draw_net(ax, map, units)
    for axis, name, share in zip((ax.xaxis, ax.yaxis), ("first", "second"), shares, strict=True):
        axis.set_label_text(f"{name} main axis ({100 * share:.0f} % of variance)", fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(f"The map among the rows, {map.lattice.size_text}", fontsize=11)
    if found is not None:
        _add_legend(ax, found, y_name)
    return display_of([ax], {"places": units, "rows": points, "shares": shares})


def _main_axes(map_: Map, rows: Any) -> tuple[Float64s, Float64s, Float64s]:
    """Return the middle, the two main axes as columns, and their shares of the variance."""
    whole = rows[~np.isnan(rows).any(axis=1)]
    if len(whole) > 1:
        few = np.asarray(whole[np.arange(0, len(whole), -(-len(whole) // MAX_AXES_ROWS))], float)
        weights = np.ones(len(few))
    else:
        few = map_.codebook
        weights = map_.hits if map_.hits.any() else np.ones(len(few))
    middle = np.average(few, axis=0, weights=weights)
    _, lengths, axes = np.linalg.svd(
        (few - middle) * np.sqrt(weights)[:, None], full_matrices=False
    )
    two = np.zeros((len(middle), 2))
    n = min(2, len(axes))
    two[:, :n] = axes[:n].T
    # The larger half of an axis points up, so that the same rows give the same picture.
    signs = np.sign(two[np.abs(two).argmax(axis=0), [0, 1]])
    shares = np.zeros(2)
    shares[:n] = lengths[:n] ** 2 / ((lengths**2).sum() or 1.0)
    return middle, two * np.where(signs == 0, 1, signs), shares


def _draw_points(ax: "Axes", points: Float64s, found: Classes | None) -> None:
    if not len(points):
        return
    colors: Any = shade(0.5)
    if found is not None:
        entries = class_entries(found.names, found.n_others)
        palette = [entry.color for entry in entries] + [shade(0.3)]  # the last one for -1
        colors = [palette[i] for i in found.places]
    many = max(1.0, len(points) / _MANY)
    ax.scatter(
        points[:, 0],
        points[:, 1],
        s=12 / many**0.5,
        c=colors,
        alpha=0.55 / many**0.3,
        linewidths=0,
        rasterized=many > 1,
        zorder=1,
    )


def _draw_net(ax: "Axes", map_: Map, units: Float64s) -> None:
    ends = units[_threads(map_.lattice)]
    # One line with gaps is drawn many times as fast as one line for each thread.
    gaps = np.full((len(ends), 1, 2), np.nan)
    path = np.concatenate([ends, gaps], axis=1).reshape(-1, 2)
    thin = min(1.0, 20 / max(1.0, map_.n_units**0.5))
    ax.plot(
        *path.T,
        color=ink(),
        linewidth=max(0.25, thin),
        alpha=0.8,
        zorder=2,
        rasterized=len(ends) > MAX_SHAPES,
    )
    share = np.sqrt(map_.hits / (map_.hits.max() or 1.0))
    ax.scatter(
        units[:, 0],
        units[:, 1],
        s=(4 + 30 * share) * thin**2,
        color=ink(),
        linewidths=0,
        zorder=3,
        rasterized=len(units) > MAX_SHAPES,
    )


def _threads(lattice: Lattice) -> Ints:
    """Return neighbors to join, each pair once; on squares those of rows and columns alone."""
    pairs = neighbor_pairs(lattice)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    if lattice.kind != "rectangular":
        return pairs
    (row, col), (other_row, other_col) = (lattice.rows_and_cols(pairs[:, i]) for i in (0, 1))
    return pairs[(row == other_row) | (col == other_col)]


def _add_legend(ax: "Axes", found: Classes, name: str) -> None:
    entries = class_entries(found.names, found.n_others, "o" * (len(found.names) + 1))
    wrapped_legend(
        ax,
        [entry.handle for entry in entries],
        [entry.name for entry in entries],
        width=1.6,
        height=4.4,
        fontsize=8.5,
        title=name,
        title_fontsize=9,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        handletextpad=0.3,
    )
