"""How training went: the error falls while the neighborhood shrinks."""

from typing import TYPE_CHECKING

import numpy as np

from somscape.errors import InputError
from somscape.maps import Map, as_map
from somscape.plots._display import Display, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHARTS = (
    ("quantization_error", "quantization error", "#0072B2"),
    ("radius", "radius (grid steps)", "#D55E00"),
)


def training(map: Map) -> Display:
    """Draw quantization error and radius by epoch, one above the other.

    Parameters
    ----------
    map : Map
        With a history.

    Returns
    -------
    Display

    Raises
    ------
    InputError
        When the map keeps no history, as one made by hand or by another program.

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
    width, height, left, right, bottom, top = 5.6, 3.9, 0.85, 0.2, 0.5, 0.35
    figure = make_figure(width, height)
    n_steps = len(map.history[charts[0][0]])
    steps = map.history.get("step", np.arange(1, n_steps + 1))
    tall = (height - bottom - top) / len(charts)
    axes: list[Axes] = []
    for i, (key, label, color) in enumerate(charts):
        low = height - top - (i + 1) * tall
        box = (left / width, low / height, 1 - (left + right) / width, 0.9 * tall / height)
        ax = figure.add_axes(box, sharex=axes[0] if axes else None)
        values = map.history[key]
        ax.plot(steps[: len(values)], values, color=color, marker="o", markersize=3, linewidth=1.5)
        ax.set_ylabel(label, fontsize=9)
        ax.set_ylim(bottom=0)
        ax.tick_params(labelsize=8, labelbottom=i == len(charts) - 1)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        axes.append(ax)
    axes[0].set_title("Training", fontsize=11)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    is_online = map.parameters.get("algorithm") == "online"
    axes[-1].set_xlabel("updates" if is_online else "epoch", fontsize=9)
    return Display(figure, tuple(axes))
