"""The class that most rows of each unit have."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.maps import Map
from somscape.plots._cells import draw_cells
from somscape.plots._classes import ClassCounts, count_classes
from somscape.plots._display import Display
from somscape.plots._legend import MAX_CLASSES, Entry, class_entries, hatch_cells
from somscape.plots._picture import Picture
from somscape.plots._style import LETTERS, contrast, empty_color, faint_line, hatch, paled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MIN_LETTERED = 13.0
"""Narrower cells, in points, have no room for a letter."""

_FAINTEST = 0.25
"""Of the color of a class, in a unit where the rows are spread over all classes."""


def majority(
    map: Map,
    X: Any,
    y: Any,
    *,
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Color each cell by the class that most of its rows have.

    The smaller the share of that class, the paler is the cell.

    Parameters
    ----------
    map : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, as for `Map.rows_of`.
    y : array-like of shape (n_samples,)
        The class of each row; rows with None or NaN do not count.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=8
        Of more classes, those with the most rows have a color and a letter, and the others one
        color together.  Beyond 8, colors repeat with hatches, up to 32.
    regions, highlight : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"classes"``, their ``"counts"`` by unit, of shape (n_units,
        n_classes), the ``"majority"`` of each unit as a place in ``"classes"``, -1 without rows,
        and its ``"share"``, NaN without rows.  Of equally frequent classes the first one counts.

    Raises
    ------
    InputError
        For another number of labels than rows, or no label at all.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    hits : Classes as slices.
    confusion_map : What a classifier makes of them.
    somscape.measures.purity

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> display = plots.majority(som, X, np.where(X[:, 0] > 0, "high", "low"))
    >>> sorted({display.drawn_["classes"][i] for i in display.drawn_["majority"]})
    ['high', 'low']
    """
    picture = Picture(map, ax=ax, unit_size=unit_size, has_legend=True)
    lattice = picture.map.lattice
    found = count_classes(picture.map, X, y, max_classes)
    entries = class_entries(found.classes, found.n_others)
    first, share = _majorities(found)
    cells = [_color(entries, i, s) for i, s in zip(first, share, strict=True)]
    draw_cells(picture.ax, lattice, colors=cells, edge=faint_line())
    hatch_cells(picture.ax, lattice, first, len(found.classes))
    picture.add(regions=regions, highlight=highlight)
    has_letters = picture.step() >= _MIN_LETTERED and len(found.classes) > 1
    picture.legend(_lettered(entries) if has_letters else entries, y_name)
    if has_letters:
        _write_letters(picture, first, cells)  # at the size that the legend leaves the map
    picture.drawn |= {
        "classes": tuple(entry.name for entry in entries),
        "counts": found.counts,
        "majority": first,
        "share": share,
    }
    return picture.done("Most frequent class")


def _majorities(found: ClassCounts) -> tuple[Ints, Float64s]:
    total = found.counts.sum(axis=1)
    first = np.where(total > 0, found.counts.argmax(axis=1), -1)
    most = found.counts.max(axis=1).astype(np.float64)
    share = np.divide(most, total, out=np.full(len(total), np.nan), where=total > 0)
    return first, share


def _color(entries: list[Entry], place: int, share: float) -> Any:
    """Return a class's color, mixed with the page where it has few of the rows."""
    if place < 0:
        return empty_color()
    lowest = 1 / len(entries)
    part = 1.0 if lowest == 1 else (share - lowest) / (1 - lowest)
    part = _FAINTEST + (1 - _FAINTEST) * float(np.clip(part, 0, 1))
    return paled(entries[place].color, part)


def _lettered(entries: list[Entry]) -> list[Entry]:
    return [
        Entry(f"{LETTERS[i]}  {e.name}", e.color, e.marker, e.hatch, e.is_cut)
        for i, e in enumerate(entries)
    ]


def _write_letters(picture: Picture, first: Ints, cells: list[Any]) -> None:
    size = float(np.clip(0.42 * picture.step(), 4, 14))
    for unit in np.flatnonzero(first >= 0):
        x, y = picture.map.lattice.positions[unit]
        color = cells[unit]
        letter = picture.ax.text(x, y, LETTERS[first[unit]], fontsize=size, color=contrast(color))
        letter.set(ha="center", va="center", zorder=5)
        if hatch(int(first[unit])):
            letter.set_bbox({"boxstyle": "circle,pad=0.15", "fc": color, "ec": "none"})
