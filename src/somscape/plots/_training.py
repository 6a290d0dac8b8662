"""How training went: the error falls while the neighborhood shrinks."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.errors import InputError
from somscape.maps import Map, as_map
from somscape.plots._display import Display, display_of
from somscape.plots._panels import Area, area_of, given_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHARTS = (
    ("quantization_error", "quantization error", "#0072B2"),
    ("radius", "radius (grid steps)", "#D55E00"),
)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.85, 0.2, 0.5, 0.35  # inches


def training(map: Map, *, ax: Any = None) -> Display:
    """Draw quantization error and radius by epoch, one above the other.

    Parameters
    ----------
    map : Map
        With a history.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Where to draw instead of in a new figure: axes for the error and for the radius; or a
        figure, a subfigure or single axes, whose area is divided.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"steps"``, and the ``"quantization_error"`` and the ``"radius"``
        at each of them.

    Raises
    ------
    InputError
        If the map has no history, like a map made by hand or by another program, or `ax` holds too
        few axes.

    See Also
    --------
    quality, trade_off

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> display = plots.training(SOM(3, 4, random_state=0).fit(X).map_)
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['quantization error', 'radius (grid steps)']
    """
    map = as_map(map)
    from matplotlib.ticker import MaxNLocator

    charts = [c for c in _CHARTS if len(map.history.get(c[0], ()))]
    if not charts:
        raise InputError("this map has no training history; train it with somscape to draw one.")
    given = given_axes(ax, len(charts))
    n_steps = len(map.history[charts[0][0]])
    steps = map.history.get("step", np.arange(1, n_steps + 1))
    axes = given or _stacked(area_of(ax, 5.6, 3.9), len(charts))
    for i, (ax, (key, label, color)) in enumerate(zip(axes, charts, strict=True)):
        values = map.history[key]
        ax.plot(steps[: len(values)], values, color=color, marker="o", markersize=3, linewidth=1.5)
        ax.set_ylabel(label, fontsize=9)
        ax.set_ylim(bottom=0)
        ax.tick_params(labelsize=8, labelbottom=i == len(charts) - 1)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_title("Training", fontsize=11)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    is_online = map.parameters.get("algorithm") == "online"
    axes[-1].set_xlabel("updates" if is_online else "epoch", fontsize=9)
    drawn = {key: map.history[key] for key, _, _ in charts}
    return display_of(axes, {"steps": steps, **drawn})


def _stacked(area: Area, n: int) -> "list[Axes]":
    """Return axes one below the other that share the x axis."""
    width, height = area.size
    tall = (height - _BOTTOM - _TOP) / n
    axes: list[Axes] = []
    for i in range(n):
        corner = _LEFT, height - _TOP - (i + 1) * tall
        size = width - _LEFT - _RIGHT, 0.9 * tall
        axes.append(area.add_axes(corner, size, sharex=axes[0] if axes else None))
    return axes
