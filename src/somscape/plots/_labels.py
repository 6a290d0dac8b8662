"""Names of rows, each in the cell of its unit."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._display import Display
from somscape.plots._per_unit import rows_by_unit
from somscape.plots._picture import Picture
from somscape.plots._scale import SEVERAL
from somscape.plots._shown import ColumnPlane

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def labels(
    map: Map,
    X: Any,
    *,
    names: Any,
    max_names: int = 3,
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    colormap: str = "bone_r",
    ax: "Axes | None" = None,
) -> Display:
    """Write the names of rows on the U-matrix, each at its best matching unit.

    No name covers another: names move a little, are set smaller, or give way, first to the first
    name of a cell, then to none, those of units with the fewest rows first.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as for `Map.rows_of`.
    names : array-like of shape (n_samples,)
        The name of each row; None or NaN for a row without one.
    max_names : int, default=3
        Most names in a cell, in the order of the rows; further ones are counted.
    regions, highlight : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    colormap : str, default="bone_r"
        Name of a color map of matplotlib.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        As for `plots.values`; its ``drawn_`` also holds the ``"labels"`` that have room and those
        ``"left_out"``, by unit.

    Raises
    ------
    InputError
        For another number of names than rows.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    umatrix, hits

    Examples
    --------
    >>> from somscape import SOM, plots
    >>> X = [[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [9.0, 0.0]] * 3
    >>> som = SOM(2, 3, random_state=0).fit(X)
    >>> display = plots.labels(som, X[:4], names=["a", "b", "c", "d"])
    >>> sorted(display.drawn_["labels"].values())
    ['a\\nb', 'c', 'd']
    """
    picture = Picture(map, ax=ax, unit_size=unit_size)
    map = picture.map
    plane = ColumnPlane("", "number", map.u_heights)
    picture.paint(plane, colormap=colormap, label="mean distance to neighbors", share=SEVERAL)
    texts = _texts(map, X, names, max_names)
    picture.add(regions=regions, highlight=highlight, labels=texts)
    shown = picture.drawn["labels"]
    picture.drawn["left_out"] = {
        unit: text for unit, text in enumerate(texts) if text and unit not in shown
    }
    return picture.done("Rows by name")


def _texts(map_: Map, X: Any, names: Any, max_names: int) -> list[str]:
    rows, parts = rows_by_unit(map_, X)
    given = np.asarray(names, dtype=object).ravel()
    n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    if len(given) != n_rows:
        raise InputError(f"`names` must hold one name per row of X, {n_rows}; got {len(given)}.")
    if max_names < 1:
        raise InputError(f"`max_names` must be at least 1; got {max_names}.")
    texts = []
    for part in parts:
        own = [str(given[row]) for row in part if not is_missing(given[row])]
        more = [f"+{len(own) - max_names}"] if len(own) > max_names else []
        texts.append("\n".join(own[:max_names] + more))
    return texts
