"""Colors of page, ink, cells and classes, on a light page and on a dark one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from somscape.errors import InputError
from somscape.grid import neighbor_pairs
from somscape.regions import Regions
from somscape.tables import suggestion

REGION_COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442",
    "#8c6bb1", "#332288", "#999933", "#882255", "#44aa99",
)  # fmt: skip
"""As in the report."""

_LIGHT_REGION_COLORS = tuple(
    "#" + "".join(f"{(int(color[i : i + 2], 16) + 255) // 2:02x}" for i in (1, 3, 5))
    for color in REGION_COLORS
)
"""For regions that touch one of each of these colors."""

_CLASS_COLORS = (*REGION_COLORS[:7], "")
"""Okabe and Ito's colors, which people with any kind of color vision can tell apart."""

N_COLORS = len(_CLASS_COLORS)
HATCHES = ("", "/////", ".....", "xxxxx")
"""Of the first, second, third and fourth class of one color."""

MAX_STYLES = N_COLORS * len(HATCHES)
MARKED = "#ffb000"
"""Rings around cells to look at."""

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
    """Draw on a dark page, inside a ``with`` block.

    Any style of matplotlib does the same: pictures take the colors of page and text from it, as in
    ``with matplotlib.pyplot.style.context("dark_background")``.

    Yields
    ------
    None

    See Also
    --------
    Display : What it changes.

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
    """Return the color of the page, of the style of matplotlib that holds now."""
    return _setting("figure.facecolor")


def ink() -> str:
    """Return the color of text."""
    return _setting("text.color")


def shade(share: float) -> str:
    """Return a color between the page, at 0, and the ink, at 1."""
    from matplotlib.colors import to_hex

    return to_hex(paled(ink(), share))


def paled(color: Any, part: float) -> tuple[float, float, float]:
    """Return a color mixed with the page, of which it is some part, from 0 to 1."""
    from matplotlib.colors import to_rgb

    pairs = zip(to_rgb(paper()), to_rgb(color), strict=True)
    red, green, blue = (low + part * (high - low) for low, high in pairs)
    return red, green, blue


def empty_color() -> str:
    """Return the color of cells without a value."""
    return shade(0.09)


def line_color() -> str:
    """Return the color of edges between units, and around cells that need a line."""
    return shade(0.4)


def faint_line() -> tuple[str, float]:
    """Return a color of edges that show cells which have the color of the page."""
    return ink(), 0.14


def diverging() -> Any:
    """Return a color map from blue over the page, where nothing changes, to orange."""
    from matplotlib.colors import LinearSegmentedColormap

    colors = [REGION_COLORS[0], shade(0.04), REGION_COLORS[5]]
    return LinearSegmentedColormap.from_list("change", colors)


def color_map(name: Any) -> Any:
    """Return a color map, of matplotlib by name, with the color of empty cells."""
    import matplotlib
    from matplotlib.colors import Colormap

    if isinstance(name, Colormap):
        return name.with_extremes(bad=empty_color())
    if name not in matplotlib.colormaps:
        cure = suggestion(str(name), list(matplotlib.colormaps)) or "pass one, such as 'viridis'"
        raise InputError(f"`colormap` must name a color map of matplotlib; got {name!r}; {cure}")
    return matplotlib.colormaps[name].with_extremes(bad=empty_color())


def contrast(color: Any) -> str:
    """Return black or white, whichever can be read on a color."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(color)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.35 else "white"


def class_color(place: int) -> str:
    """Return the color of a class; they repeat after eight, with other hatches."""
    return _CLASS_COLORS[place % N_COLORS] or ink()


def region_colors(regions: Regions) -> list[str]:
    """Return the color of each region: its own, or that of its number."""
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
    """Return the number of each region, and its name if it has one."""
    names = regions.names or ("",) * regions.n_regions
    return [f"{i}: {name}" if name else f"region {i}" for i, name in enumerate(names)]


def hatch(place: int) -> str:
    """Return the hatch of a class: none for the first eight."""
    return HATCHES[place // N_COLORS % len(HATCHES)]


def _setting(name: Literal["figure.facecolor", "text.color"]) -> str:
    import matplotlib
    from matplotlib.colors import to_hex

    return to_hex(matplotlib.rcParams[name])
