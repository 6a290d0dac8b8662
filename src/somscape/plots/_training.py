"""Draw the progress of training, or the errors of maps from different settings."""

from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.maps._as_map import as_map
from somscape.maps.map import Map
from somscape.plots.display import (
    Area,
    Display,
    area_of,
    check_is_one_axes,
    display_of,
    given_axes,
    make_figure,
)
from somscape.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHARTS = (
    ("quantization_error", "quantization error", "#0072B2"),
    ("radius", "radius (grid steps)", "#D55E00"),
)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.85, 0.2, 0.5, 0.35  # inches


def training(som: Map, *, ax: Any = None) -> Display:
    """Draw the quantization error and the radius of a map in each epoch.

    Parameters
    ----------
    som : Map
        Map with a training history.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Existing axes or figure in which the charts are drawn, instead of a new figure.  A sequence
        must contain two axes, for the error and the radius.  A figure, subfigure or single Axes
        object is divided into two axes.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"steps"`` of the training history, and the
        ``"quantization_error"`` and the ``"radius"`` at each of these steps.

    Raises
    ------
    InputError
        If the map does not contain a training history (for example, because another program trained
        the map), or if `ax` contains too few axes.

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
    som = as_map(som)
    from matplotlib.ticker import MaxNLocator

    charts = [c for c in _CHARTS if len(som.history.get(c[0], ()))]
    if not charts:
        raise InputError(
            "this map does not contain a training history. Train the map with somscape first.",
            parameter="som",
        )
    n_steps = len(som.history[charts[0][0]])
    steps = som.history.get("step", np.arange(1, n_steps + 1))
    axes = given_axes(ax, len(charts)) or _stacked(area_of(ax, 5.6, 3.9), len(charts))
    for i, (ax, (key, label, color)) in enumerate(zip(axes, charts, strict=True)):
        values = som.history[key]
        ax.plot(steps[: len(values)], values, color=color, marker="o", markersize=3, linewidth=1.5)
        ax.set_ylabel(label, fontsize=9)
        ax.set_ylim(bottom=0)
        ax.tick_params(labelsize=8, labelbottom=i == len(charts) - 1)
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_title("Training", fontsize=11)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    is_online = som.parameters.get("algorithm") == "online"
    axes[-1].set_xlabel("updates" if is_online else "epoch", fontsize=9)
    return display_of(axes, {"steps": steps} | {key: som.history[key] for key, _, _ in charts})


def _stacked(area: Area, n: int) -> "list[Axes]":
    """Return `n` axes below each other that share their x axis."""
    width, height = area.size
    tall = (height - _BOTTOM - _TOP) / n
    axes: list[Axes] = []
    for i in range(n):
        corner = _LEFT, height - _TOP - (i + 1) * tall
        size = width - _LEFT - _RIGHT, 0.9 * tall
        axes.append(area.add_axes(corner, size, sharex=axes[0] if axes else None))
    return axes


_CANDIDATE_COLUMNS = (
    "n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability"
)  # fmt: skip
_MARKERS = ("o", "s", "^")
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_SMALLEST_AREA, _LARGEST_AREA = 25.0, 160.0
"""Areas, in square points, of markers for a stability of 0 and of 1."""


def trade_off(candidates: Table, *, ax: "Axes | None" = None) -> Display:
    """Draw the topographic and quantization errors of maps from `SOM.suggest`.

    Parameters
    ----------
    candidates : Table
        Candidates that `somscape.SOM.suggest` returned.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.  The legends are drawn to the right of the axes.

    Returns
    -------
    Display
        Picture with a line for each map size.  The line joins the candidates of this size from the
        largest to the smallest final radius.  Both errors are smaller at the lower left.  The
        larger the marker of a candidate, the more similar are maps that are trained on different
        samples of the rows.  ``drawn_`` contains the ``"topographic_error"``,
        ``"quantization_error"`` and ``"stability"`` of the candidates.

    Raises
    ------
    InputError
        If the table of candidates is empty, or if one of its columns is missing.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    somscape.SOM.suggest : Returns the candidates.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> display = plots.trade_off(SOM.suggest(X, n_samples=100, n_seeds=2, random_state=0))
    >>> display.ax_.get_xlabel()
    'topographic error'
    """
    check_is_one_axes(ax)
    names = candidates.names if isinstance(candidates, Table) else ()
    if missing := [name for name in _CANDIDATE_COLUMNS if name not in names]:
        raise InputError(
            f"`candidates` does not have the columns {missing}. Pass the result of SOM.suggest(X).",
            column=missing[0],
        )
    if candidates.n_rows == 0:
        raise InputError("`candidates` is empty. Pass more rows to SOM.suggest(X).")
    if ax is None:
        ax = make_figure(5.6, 4.0).add_axes((0.14, 0.14, 0.6, 0.76))
    qe, te, stability = (_numbers(candidates, name) for name in _CANDIDATE_COLUMNS[3:])
    radius = _numbers(candidates, "radius_end")
    marker_of = dict(zip(sorted(set(radius), reverse=True), cycle(_MARKERS), strict=False))
    area = _SMALLEST_AREA + (_LARGEST_AREA - _SMALLEST_AREA) * np.clip(stability, 0, 1)
    sizes = list(zip(_numbers(candidates, "n_rows"), _numbers(candidates, "n_cols"), strict=True))
    for number, size in enumerate(dict.fromkeys(sizes)):
        color = _COLORS[number % len(_COLORS)]
        which = [i for i, other in enumerate(sizes) if other == size]
        label = f"{size[0]:.0f} x {size[1]:.0f}"
        ax.plot(te[which], qe[which], color=color, linewidth=1.2, alpha=0.6, label=label)
        for i in which:
            ax.scatter(te[i], qe[i], s=area[i], color=color, marker=marker_of[radius[i]])
    ax.set_xlabel("topographic error", fontsize=9)
    ax.set_ylabel("quantization error", fontsize=9)
    ax.set_title("Candidates (lower left is better)", fontsize=11)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    _add_legends(ax, marker_of)
    return display_of([ax], dict(zip(_CANDIDATE_COLUMNS[3:], (qe, te, stability), strict=True)))


def _numbers(candidates: Table, name: str) -> Float64s:
    numbers = candidates.column(name).numbers
    if numbers is None:
        raise InputError(
            f"the column {name!r} of `candidates` does not contain numbers. Pass the result of "
            "SOM.suggest(X).",
            parameter="candidates",
            column=name,
        )
    return numbers


def _add_legends(ax: Any, marker_of: dict[float, str]) -> None:
    from matplotlib.lines import Line2D

    place = {"fontsize": 8, "title_fontsize": 8, "frameon": False, "loc": "upper left"}
    ax.add_artist(ax.legend(title="map", bbox_to_anchor=(1.02, 1.0), **place))
    mark = partial(Line2D, [], [], color="#555555", linestyle="")
    shapes = [mark(marker=each, label=f"{radius:.3g}") for radius, each in marker_of.items()]
    middle = ax.legend(handles=shapes, title="radius_end", bbox_to_anchor=(1.02, 0.6), **place)
    ax.add_artist(middle)
    sizes = {
        share: (_SMALLEST_AREA + (_LARGEST_AREA - _SMALLEST_AREA) * share) ** 0.5
        for share in (0.5, 1.0)
    }
    areas = [mark(marker="o", label=f"{share:.1f}", markersize=sizes[share]) for share in sizes]
    ax.legend(handles=areas, title="stability", bbox_to_anchor=(1.02, 0.28), **place)
