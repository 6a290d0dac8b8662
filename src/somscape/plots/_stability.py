"""How many regions samples of the rows gave, and how far each region came back."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.plots._cells import short
from somscape.plots._display import Display, display_of
from somscape.plots._panels import area_of, given_axes
from somscape.plots._style import REGION_COLORS, ink, region_colors, region_names, shade
from somscape.regions import RegionStability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STABLE = 0.6
"""Regions below hardly come back (Hennig 2007)."""

_NAME_LETTERS = 28
_NAME_LETTER = 0.078
_WIDE, _GAP, _ROW = 2.3, 0.3, 0.24  # inches
_HEAD, _FOOT, _LEFT = 0.8, 0.55, 0.6
_MIN_TALL, _MAX_TALL, _MAX_BARS, _THICK = 1.5, 11.0, 2.0, 0.2


def stability(stability: RegionStability, *, ax: Any = None) -> Display:
    """Draw how many regions samples of the rows gave, and which came back.

    Parameters
    ----------
    stability : RegionStability
        From `regions.stability`.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Where to draw instead of in a new figure: two axes; or a figure, a subfigure or single axes,
        whose area is divided.

    Returns
    -------
    Display
        One of its `axes_` has a bar for each number of regions, the other one for each region, and
        a line at 0.6, below which a region hardly comes back.  Its ``drawn_`` holds the
        ``"numbers"`` with the ``"shares"`` of the samples that gave them, and ``"of_regions"``.

    Raises
    ------
    TypeError
        For anything else, such as regions.

    See Also
    --------
    regions, somscape.regions.stability

    References
    ----------
    C. Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics and
    Data Analysis 52.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0], [9]], 150, axis=0)
    >>> found = regions.find_regions(SOM(random_state=0).fit(X))
    >>> display = plots.stability(regions.stability(found, n_samples=5))
    >>> display.drawn_["numbers"].tolist(), display.drawn_["shares"].tolist()
    ([2], [1.0])
    """
    if not isinstance(stability, RegionStability):
        raise TypeError(
            "`stability` must be what somscape.regions.stability(found) returns; got "
            f"{type(stability).__name__}."
        )
    values, found = stability.of_regions, stability.found
    names = [f"region {i}" for i in range(len(values))]
    colors = [REGION_COLORS[i % len(REGION_COLORS)] for i in range(len(values))]
    if found is not None:
        names, colors = region_names(found), region_colors(found)
    names = [short(name, _NAME_LETTERS) for name in names]
    numbers, counts = np.unique(stability.numbers, return_counts=True)
    shares = counts / counts.sum()
    axes = given_axes(ax, 2) or _two_axes(ax, names, f"Stability: {stability}")
    _draw_numbers(axes[0], numbers, shares, stability.usual_number)
    _draw_regions(axes[1], values, names, colors)
    drawn = {"numbers": numbers, "shares": shares, "of_regions": values}
    return display_of(axes, drawn)


def _two_axes(place: Any, names: list[str], title: str) -> "list[Axes]":
    label = 0.2 + _NAME_LETTER * max(map(len, names))
    tall = float(np.clip(_ROW * len(names), _MIN_TALL, _MAX_TALL))
    area = area_of(place, _LEFT + 2 * _WIDE + _GAP + label + 0.35, _HEAD + tall + _FOOT)
    width, height = area.size
    wide = max((width - _LEFT - _GAP - label - 0.35) / 2, 0.3)
    tall = max(height - _HEAD - _FOOT, 0.3)
    right = _LEFT + wide + _GAP + label
    area.add_title(title, 0.15, 0.24)
    low = min(tall, _MAX_BARS)
    return [
        area.add_axes((_LEFT, _FOOT + tall - low), (wide, low)),
        area.add_axes((right, _FOOT), (wide, tall)),
    ]


def _draw_numbers(ax: "Axes", numbers: Ints, shares: Float64s, usual: int) -> None:
    colors = [REGION_COLORS[0] if number == usual else shade(0.4) for number in numbers]
    ax.bar(numbers, 100 * shares, color=colors, width=0.7)
    ax.set_xlim(numbers.min() - 1, numbers.max() + 1)
    shown = np.arange(numbers.min(), numbers.max() + 1)
    ax.set_xticks(shown[:: -(-len(shown) // 10)])
    ax.set_ylim(0, 100)
    ax.set_xlabel("number of regions", fontsize=9)
    ax.set_ylabel("% of samples", fontsize=9)
    ax.set_title("How many were found", fontsize=9.5)
    ax.tick_params(axis="y", labelsize=8)
    _tidy(ax)


def _draw_regions(ax: "Axes", values: Float64s, names: list[str], colors: list[str]) -> None:
    places = np.arange(len(values))
    room = ax.get_window_extent().height / ax.figure.dpi / len(values)
    ax.barh(places, values, color=colors, height=min(0.7, _THICK / room))
    ax.axvline(STABLE, color=ink(), linewidth=1.0, linestyle=(0, (4, 3)))
    size = float(np.clip(0.75 * 72 * room, 3.5, 9))
    for place, value in zip(places.tolist(), values.tolist(), strict=True):
        ax.text(1.02, place, f"{value:.2f}", fontsize=0.9 * size, va="center")
    ax.set_yticks(places, names, fontsize=size)
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.2, 0.4, STABLE, 0.8, 1])
    ax.set_xlabel("share that came back", fontsize=9)
    ax.set_title("Which came back", fontsize=9.5)
    _tidy(ax)
    ax.tick_params(axis="y", length=0)


def _tidy(ax: "Axes") -> None:
    ax.tick_params(axis="x", labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
