"""Legends below a map, wrapped into rows that fit."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from somscape.plots._cells import CLASS_COLORS, LEGEND_ROOM, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

LENGTHS = (36, 28, 22, 18, 15, 13, 11, 9, 8, 7, 6, 5)
"""Characters that a name is cut to, from the first that fits."""

_MARGIN = 0.08  # inches
_MAX_SHARE = 0.5
"""Of the axes, which a legend inside them may take."""


def wrapped_legend(
    ax: "Axes",
    handles: Sequence[Any],
    names: Sequence[str],
    *,
    width: float,
    height: float,
    fontsize: float,
    n_uncut: int = 0,
    **style: Any,
) -> "Legend":
    """Add a legend in as few rows as fit into a width, with names cut only where they must be.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    handles : sequence of matplotlib.artist.Artist
    names : sequence of str
        One for each handle.
    width, height : float
        Of the room, in inches.
    fontsize : float
        In points; in very narrow room four fifths of it.
    n_uncut : int, default=0
        How many names at the end are never cut.
    **style
        As for ``ax.legend``.

    Returns
    -------
    matplotlib.legend.Legend
        Of the shortest names in one column where nothing fits.
    """
    n = len(handles)
    dpi = ax.figure.dpi
    longest = max(map(len, names), default=1)
    lengths = sorted({min(length, longest) for length in LENGTHS}, reverse=True)
    # Of as many rows the fewest columns: 8 names in 3 rows need 3.
    columns = sorted({-(-n // rows) for rows in range(1, n + 1)}, reverse=True)
    for length, size in [(length, share * fontsize) for share in (1.0, 0.8) for length in lengths]:
        is_cut = [i < n - n_uncut for i in range(n)]
        labels = [short(s, length if c else len(s)) for s, c in zip(names, is_cut, strict=True)]
        for n_columns in columns:
            style |= {"ncols": n_columns, "fontsize": size}
            legend = ax.legend(handles=handles, labels=labels, **style)
            box = legend.get_window_extent()
            if box.width <= width * dpi and box.height <= height * dpi:
                return legend
            if box.height > height * dpi:
                break  # fewer columns are higher still
    return legend


def add_legend(
    ax: "Axes", markers: Mapping[str, str], classes: Sequence[str], name: str, *, is_own: bool
) -> None:
    """Add rows below the map with the marker and color of each class.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The axes of the map, drawn.
    markers : mapping of str to str
        matplotlib's marker of each class.
    classes : sequence of str
        In the order of `CLASS_COLORS`.
    name : str
        What the classes are called.
    is_own : bool
        Whether the figure is somscape's, which grows as needed; in axes that were given, the map
        makes room.
    """
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="none", marker=markers[c], color=color)
        for c, color in zip(classes, CLASS_COLORS, strict=False)
    ]
    dpi, box = ax.figure.dpi, ax.get_window_extent()
    style: dict[str, Any] = {
        "title": name,
        "loc": "upper center" if is_own else "lower center",
        "bbox_to_anchor": (0.5, -0.01 if is_own else 0.0),
        "frameon": False,
        "title_fontsize": 9,
        "handlelength": 1.2,
        "handletextpad": 0.4,
        "columnspacing": 1.2,
        "borderaxespad": 0.1,
    }
    if is_own:
        middle = (box.x0 + box.x1) / 2
        side = min(middle, ax.figure.bbox.width - middle) / dpi - _MARGIN
        legend = wrapped_legend(
            ax, handles, classes, width=2 * side, height=10.0, fontsize=9, **style
        )
        _grow_below(ax, legend.get_window_extent().height / dpi + _MARGIN - LEGEND_ROOM)
        return
    width, height = box.width / dpi, _MAX_SHARE * box.height / dpi
    legend = wrapped_legend(ax, handles, classes, width=width, height=height, fontsize=9, **style)
    _make_room(ax, legend.get_window_extent().height / box.height)


def _grow_below(ax: "Axes", more: float) -> None:
    """Make a figure higher by some inches, below all that it holds."""
    figure: Any = ax.figure
    if more <= 0:
        return
    width, height = figure.get_size_inches()
    for each in figure.axes:
        at = each.get_position()
        low, tall = (at.y0 * height + more) / (height + more), at.height * height / (height + more)
        each.set_position((at.x0, low, at.width, tall))
    figure.set_size_inches(width, height + more)


def _make_room(ax: "Axes", share: float) -> None:
    """Leave a share of the axes' height free below the map, whatever lays the axes out."""
    box = ax.get_window_extent()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()  # y grows downward: low is larger
    scale = min(box.width / (right - left), (1 - share) * box.height / (low - high))
    ax.set_ylim(low + share * box.height / scale, high)
