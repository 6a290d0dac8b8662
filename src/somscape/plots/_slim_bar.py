"""A color bar below a small map, drawn in its axes: axes of its own take five times as long."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.plots._style import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

_TICK = 0.4
"""Width of a tick's label in inches."""

_LEFT, _RIGHT, _TIP = 0.1, 0.9, 0.028
"""Where the bar begins and ends, and how long a point at its end is, in widths of the axes."""

_TOP, _BOTTOM, _MARK, _NUMBERS, _LABEL = -0.05, -0.14, -0.168, -0.19, -0.32
"""Upper ends of the bar and of what is below it, in inches above the axes' lower edge."""


def add_slim_bar(ax: "Axes", cells: "PolyCollection", label: str, extend: str) -> None:
    """Draw a slim color bar below a panel; pointed ends say that values lie beyond."""
    from matplotlib.collections import LineCollection
    from matplotlib.image import BboxImage
    from matplotlib.patches import Polygon
    from matplotlib.transforms import Bbox, TransformedBbox

    low, high = map(float, cells.get_clim())
    if low == high:
        room = max(0.5, 4 * np.spacing(abs(low)))
        low, high = low - room, high + room
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    heights = _TOP, _BOTTOM, _MARK, _NUMBERS, _LABEL
    top, bottom, mark, numbers, below = (height * dpi / box.height for height in heights)
    there: dict[str, Any] = {"transform": ax.transAxes, "clip_on": False}
    colors = cells.get_cmap()
    place = TransformedBbox(Bbox.from_extents(_LEFT, bottom, _RIGHT, top), ax.transAxes)
    image = BboxImage(place, cmap=colors, interpolation="nearest", clip_on=False)
    image.set_data(np.linspace(0, 1, 128)[None, :])
    ax.add_artist(image)
    for end, side, tip in (("min", _LEFT, -_TIP), ("max", _RIGHT, _TIP)):
        if extend in (end, "both"):
            corners = (side, bottom), (side + tip, (bottom + top) / 2), (side, top)
            color = colors(0.0 if end == "min" else 1.0)
            ax.add_artist(Polygon(corners, facecolor=color, linewidth=0, **there))
    values, texts, power = _ticks(low, high, n_most=0.8 * box.width / dpi / _TICK)
    places = [_LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low) for value in values]
    lines = [[(x, bottom), (x, mark)] for x in places]
    ax.add_artist(LineCollection(lines, colors=ink(), linewidths=0.8, **there))
    there |= {"va": "top", "ha": "center", "fontsize": 7}
    for x, text in zip(places, texts, strict=True):
        ax.text(x, numbers, text, **there)
    ax.text(_RIGHT, below, power, **{**there, "ha": "right"})
    ax.text(0.5, below, label, **{**there, "fontsize": 7.5})


def _ticks(low: float, high: float, n_most: float) -> tuple[list[float], list[str], str]:
    """Return round numbers of a range, their texts, and the power of ten that these leave out."""
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    locator = MaxNLocator(int(np.clip(n_most, 2, 4)), steps=[1, 2, 2.5, 5, 10])
    room = 1e-9 * (high - low)
    if not np.isfinite(room):
        return [], [], ""  # no step between such numbers is one
    found = np.asarray(locator.tick_values(low, high), dtype=np.float64)
    values = found[(found >= low - room) & (found <= high + room)].tolist()
    form = ScalarFormatter()
    form.create_dummy_axis()
    axis: Any = form.axis
    axis.set_view_interval(low, high)
    return values, form.format_ticks(values), form.get_offset()
