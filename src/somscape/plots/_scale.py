"""Limits of colors that a few outlying units do not set, and the bars that show them."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.plots._style import shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.colorizer import ColorizingArtist

FEW, SEVERAL = 0.05, 0.15
"""Shares of units at each end that do not set the limits: of any values, and of U-heights, where
each outlying unit has neighbors that are high, too."""

ROOM = {FEW: 0.5, SEVERAL: 2.0}
"""How far colors reach beyond the range of the other units, in lengths of that range."""

MIN_UNITS = 9

_BAR_LETTER = 0.075
"""Width of a letter of a bar's label in inches."""

_BAR_GAP, _BAR_WIDTH = 0.12, 0.14  # inches


def checked_limits(values: Float64s, limits: Any, share: float = FEW) -> tuple[float, float]:
    """Return the values at the two ends of the color map."""
    found = values[np.isfinite(values)]
    if not isinstance(limits, str):
        pair = np.asarray(limits, dtype=object).ravel()
        is_pair = len(pair) == 2 and all(isinstance(v, int | float | np.number) for v in pair)
        if not is_pair or not pair[0] < pair[1]:
            raise InputError(
                '`limits` must be "robust", "full" or two numbers, the lower one first; got '
                f"{limits!r}."
            )
        return float(pair[0]), float(pair[1])
    if limits not in ("robust", "full"):
        raise InputError(f'`limits` must be "robust", "full" or two numbers; got {limits!r}.')
    if not len(found):
        return 0.0, 1.0
    return _robust(found, share) if limits == "robust" else (float(found.min()), float(found.max()))


def _robust(values: Float64s, share: float) -> tuple[float, float]:
    full = float(values.min()), float(values.max())
    if len(values) < MIN_UNITS:
        return full
    ordered = np.sort(values)
    n_out = max(1, int(share * len(ordered)))
    low, high = float(ordered[n_out]), float(ordered[-1 - n_out])
    room = ROOM[share] * (high - low)
    return full if low == high else (max(full[0], low - room), min(full[1], high + room))


def ends_of_bar(values: Float64s, limits: tuple[float, float]) -> str:
    """Return at which ends values lie beyond the limits: matplotlib's `extend`."""
    found = values[~np.isnan(values)]
    is_below, is_above = bool((found < limits[0]).any()), bool((found > limits[1]).any())
    return {
        (False, False): "neither",
        (True, False): "min",
        (False, True): "max",
        (True, True): "both",
    }[is_below, is_above]


def add_bar(ax: "Axes", cells: "ColorizingArtist", label: str, extend: str) -> "Colorbar":
    """Return a color bar added to the right of a map's axes, in the room that `map_axes` left."""
    box, figure = ax.get_position(original=True), ax.figure
    inch = 1.0 / figure.get_figwidth()  # type: ignore[union-attr]
    place = (box.x1 + _BAR_GAP * inch, box.y0, _BAR_WIDTH * inch, box.height)
    bar = figure.colorbar(cells, cax=figure.add_axes(place), extend=extend)
    bar.outline.set(linewidth=0.4, edgecolor=shade(0.4))
    bar.ax.tick_params(labelsize=8, length=2)
    height = box.height * figure.get_figheight()  # type: ignore[union-attr]
    bar.set_label(fill(label, max(8, int(height / _BAR_LETTER))), fontsize=9)
    return bar
