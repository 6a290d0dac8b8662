"""How well each unit stands for its rows."""

from typing import Any

from somscape.maps import Map, as_map
from somscape.measures import by_unit
from somscape.plots._display import Display, display_of
from somscape.plots._picture import regions_of
from somscape.plots._shown import ColumnPlane
from somscape.plots._small_maps import draw_panels


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
