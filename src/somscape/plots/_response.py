"""How far one row lies from every unit."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._display import Display
from somscape.plots._picture import Picture
from somscape.plots._shown import ColumnPlane

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
            f"`row` must be one row; got {len(rows)}. Pass one of them, such as X[:1]."
        )
    winner = int(map.winners_of_rows(rows)[0])
    if winner < 0:
        raise InputError("`row` has no value, so no unit is near. Pass a row with one.")
    apart = map.metric.distances(rows, map.codebook)[0].astype(np.float64)
    plane = ColumnPlane("", "number", apart)
    picture.paint(plane, colormap=colormap, limits=limits, label="distance of the row")
    picture.add(regions=regions, highlight=[winner], labels=labels)
    picture.drawn["winner"] = winner
    return picture.done("Distances from one row")
