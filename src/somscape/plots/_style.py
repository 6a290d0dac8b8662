"""Choose colors and color bars for pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.grid.lattice import neighbor_pairs
from somscape.regions.regions import Regions
from somscape.tables._messages import suggestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.colorizer import ColorizingArtist

REGION_COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442",
    "#8c6bb1", "#332288", "#999933", "#882255", "#44aa99",
)  # fmt: skip
"""Colors of regions without their own color, in pictures and in the report."""

_LIGHT_REGION_COLORS = tuple(
    "#" + "".join(f"{(int(color[i : i + 2], 16) + 255) // 2:02x}" for i in (1, 3, 5))
    for color in REGION_COLORS
)
"""Lighter colors for a region whose neighboring regions already use all other colors."""

_CLASS_COLORS = (*REGION_COLORS[:7], "")
"""Colors of classes by Okabe and Ito, which people with any kind of color vision can distinguish.
The empty string represents the color of text."""

N_COLORS = len(_CLASS_COLORS)
HATCHES = ("", "/////", ".....", "xxxxx")
"""Hatches that distinguish four classes of the same color (no hatch for the first class)."""

MAX_STYLES = N_COLORS * len(HATCHES)
MARKED = "#ffb000"
"""Color of rings around highlighted cells."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_DARK: dict[Any, Any] = {
    "figure.facecolor": "#15181d",
    "axes.facecolor": "#15181d",
    "savefig.facecolor": "auto",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "#e8eaed"
    ),
    "grid.color": "#5b626c",
}


@contextmanager
def dark() -> Iterator[None]:
    """Draw the pictures of a ``with`` block on a dark page.

    Pictures use the page and text colors of matplotlib's current style.  A dark matplotlib style
    therefore has the same effect as this function, for example
    ``with matplotlib.pyplot.style.context("dark_background")``.

    Yields
    ------
    None

    See Also
    --------
    Display : A finished picture.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> with plots.dark():
    ...     display = plots.umatrix(som)
    >>> max(display.figure_.get_facecolor()[:3]) < 0.2
    True
    """
    import matplotlib

    with matplotlib.rc_context(_DARK):
        yield


def paper() -> str:
    """Return the color of the page in the current matplotlib style."""
    return _setting("figure.facecolor")


def ink() -> str:
    """Return the color of text in the current matplotlib style."""
    return _setting("text.color")


def shade(share: float) -> str:
    """Mix the page color with the text color.  `share` is the share of the text color."""
    from matplotlib.colors import to_hex

    return to_hex(paled(ink(), share))


def paled(color: Any, part: float) -> tuple[float, float, float]:
    """Mix a color with the page color.  `part` is the share of `color` (0 to 1)."""
    from matplotlib.colors import to_rgb

    pairs = zip(to_rgb(paper()), to_rgb(color), strict=True)
    red, green, blue = (low + part * (high - low) for low, high in pairs)
    return red, green, blue


def empty_color() -> str:
    """Return the color of those cells of a map that do not have a value."""
    return shade(0.09)


def line_color() -> str:
    """Return the color of the lines between units and of the lines around light cells."""
    return shade(0.4)


def faint_line() -> tuple[str, float]:
    """Return the color and opacity of the edges around cells that are drawn in the page color."""
    return ink(), 0.14


def diverging() -> Any:
    """Return a color map from blue for a decrease to orange for an increase.  The color of the page
    in the middle represents no change."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = [REGION_COLORS[0], shade(0.04), REGION_COLORS[5]]
    return LinearSegmentedColormap.from_list("change", colors)


def color_map(name: Any) -> Any:
    """Return a color map that also defines a color for cells without a value."""
    import matplotlib
    from matplotlib.colors import Colormap

    if isinstance(name, Colormap):
        return name.with_extremes(bad=empty_color())
    if name not in matplotlib.colormaps:
        cure = suggestion(str(name), list(matplotlib.colormaps)) or "for example 'viridis'"
        raise InputError(
            f"`colormap` must be the name of a color map of matplotlib, but is {name!r} ({cure}).",
            value=name,
        )
    return matplotlib.colormaps[name].with_extremes(bad=empty_color())


def contrast(color: Any) -> str:
    """Return black or white, whichever is more readable as text on the given color."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(color)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.35 else "white"


def class_color(place: int) -> str:
    """Return the color of a class.  The colors repeat, with another hatch, after eight classes."""
    return _CLASS_COLORS[place % N_COLORS] or ink()


def region_colors(regions: Regions) -> list[str]:
    """Return the color of each region (by its number, if it does not have its own color)."""
    n = len(REGION_COLORS)
    colors = list(regions.colors) or [""] * regions.n_regions
    ends = regions.labels[neighbor_pairs(regions.map_.lattice)]
    touching: list[set[int]] = [set() for _ in colors]
    for a, b in np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0).tolist():
        touching[a].add(b)
    for region, own in enumerate(colors):
        usual = [REGION_COLORS[(region + i) % n] for i in range(n)]
        taken = {colors[other] for other in touching[region]} if region >= n else set()
        free = (color for color in (*usual, *_LIGHT_REGION_COLORS) if color not in taken)
        colors[region] = own or next(free, usual[0])
    return colors


def region_names(regions: Regions) -> list[str]:
    """Return a text for each region with the region number and, if it exists, the region name."""
    names = regions.names or ("",) * regions.n_regions
    return [f"{i}: {name}" if name else f"region {i}" for i, name in enumerate(names)]


def hatch(place: int) -> str:
    """Return the hatch of a class.  The first eight classes are drawn without a hatch."""
    return HATCHES[place // N_COLORS % len(HATCHES)]


def _setting(name: Literal["figure.facecolor", "text.color"]) -> str:
    import matplotlib
    from matplotlib.colors import to_hex

    return to_hex(matplotlib.rcParams[name])


FEW, SEVERAL = 0.05, 0.15
"""Share of units that robust color limits ignore at each end of the sorted values.  `SEVERAL` is
for U-heights, because an outlying unit also raises the U-heights of its neighbors.  `FEW` is for
other values."""

ROOM = {FEW: 0.5, SEVERAL: 2.0}
"""Maximum distance from a robust color limit to the value range of the units that are not ignored,
as a multiple of the width of this range."""

MIN_UNITS = 9

_BAR_CHARACTER = 0.075
"""Assumed width in inches of a character in the label of a color bar."""

_BAR_GAP, _BAR_WIDTH = 0.12, 0.14  # inches


def checked_limits(values: Float64s, limits: Any, share: float = FEW) -> tuple[float, float]:
    """Return the values that the first and the last color of the color map represent."""
    found = values[np.isfinite(values)]
    if not isinstance(limits, str):
        pair = np.asarray(limits, dtype=object).ravel()
        is_pair = len(pair) == 2 and all(isinstance(v, int | float | np.number) for v in pair)
        if not is_pair or not pair[0] < pair[1]:
            raise InputError(
                "`limits` must be 'robust', 'full' or two numbers with the lower number first, "
                f"but is {limits!r}.",
                value=limits,
            )
        return float(pair[0]), float(pair[1])
    if limits not in ("robust", "full"):
        raise InputError(
            f"`limits` must be 'robust', 'full' or two numbers, but is {limits!r}.", value=limits
        )
    if not len(found):
        return 0.0, 1.0
    return _robust(found, share) if limits == "robust" else (float(found.min()), float(found.max()))


def limits_from_zero(values: Float64s, limits: Any) -> tuple[float, float]:
    """Return color limits whose lower limit is 0, or the limits that are given as a pair."""
    low, high = checked_limits(values, limits)
    return (0.0, high or 1.0) if isinstance(limits, str) else (low, high)


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
    """Return which ends of the color bar need an arrow, for `extend` of matplotlib."""
    found = values[~np.isnan(values)]
    is_below, is_above = bool((found < limits[0]).any()), bool((found > limits[1]).any())
    return ("neither", "min", "max", "both")[is_below + 2 * is_above]


def add_bar(ax: "Axes", cells: "ColorizingArtist", label: str, extend: str) -> "Colorbar":
    """Add a color bar to the right of a map.  `map_axes` reserved the space."""
    box, figure = ax.get_position(original=True), ax.figure
    inch = 1.0 / figure.get_figwidth()  # type: ignore[union-attr]
    place = (box.x1 + _BAR_GAP * inch, box.y0, _BAR_WIDTH * inch, box.height)
    bar = figure.colorbar(cells, cax=figure.add_axes(place), extend=extend)
    bar.outline.set(linewidth=0.4, edgecolor=shade(0.4))
    bar.ax.tick_params(labelsize=8, length=2)
    height = box.height * figure.get_figheight()  # type: ignore[union-attr]
    bar.set_label(fill(label, max(8, int(height / _BAR_CHARACTER))), fontsize=9)
    return bar


_TICK_WIDTH = 0.4
"""Width in inches of a tick label."""

_LEFT, _RIGHT, _TIP = 0.1, 0.9, 0.028
"""Positions of the left and right end of the slim color bar, and length of a pointed end of this
bar, as shares of the axes width."""

_TOP, _BOTTOM, _MARK, _NUMBERS, _LABEL = -0.05, -0.14, -0.168, -0.19, -0.32
"""Vertical positions of the slim color bar and of its texts, in inches above the lower edge of the
axes.  Negative positions are below the edge."""


def add_slim_bar(ax: "Axes", cells: "PolyCollection", label: str, extend: str) -> None:
    """Draw a slim color bar below a panel.  An end is pointed if values exceed this end."""
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
    values, texts, power = _ticks(low, high, n_most=0.8 * box.width / dpi / _TICK_WIDTH)
    places = [_LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low) for value in values]
    lines = [[(x, bottom), (x, mark)] for x in places]
    ax.add_artist(LineCollection(lines, colors=ink(), linewidths=0.8, **there))
    there |= {"va": "top", "ha": "center", "fontsize": 7}
    for x, text in zip(places, texts, strict=True):
        ax.text(x, numbers, text, **there)
    ax.text(_RIGHT, below, power, **{**there, "ha": "right"})
    ax.text(0.5, below, label, **{**there, "fontsize": 7.5})


def _ticks(low: float, high: float, n_most: float) -> tuple[list[float], list[str], str]:
    """Return three values for an axis: round numbers in the given range, the texts of these
    numbers, and a power of ten by which all texts are multiplied."""
    from matplotlib.ticker import MaxNLocator, ScalarFormatter

    locator = MaxNLocator(int(np.clip(n_most, 2, 4)), steps=[1, 2, 2.5, 5, 10])
    room = 1e-9 * (high - low)
    if not np.isfinite(room):
        return [], [], ""  # no step between such large numbers is finite
    found = np.asarray(locator.tick_values(low, high), dtype=np.float64)
    values = found[(found >= low - room) & (found <= high + room)].tolist()
    form = ScalarFormatter()
    form.create_dummy_axis()
    axis: Any = form.axis
    axis.set_view_interval(low, high)
    return values, form.format_ticks(values), form.get_offset()
