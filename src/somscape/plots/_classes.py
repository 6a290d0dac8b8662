"""Draw pictures of the rows and classes in each unit (hits, majority, names of rows)."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import is_missing
from somscape._weights import pair_sums
from somscape.errors import InputError
from somscape.grid.lattice import Lattice
from somscape.maps.map import NO_UNIT, Map
from somscape.plots._cells import (
    LETTERS,
    SEVERAL,
    Blocks,
    add_polygons,
    blocks_of,
    cell_width,
    contrast,
    draw_cells,
    empty_color,
    faint_line,
    limits_from_zero,
    paled,
    paper,
    points_per_step,
)
from somscape.plots._picture import (
    MAX_CLASSES,
    LegendEntry,
    Picture,
    check_max_classes,
    class_entries,
)
from somscape.plots.columns import ColumnPlane, rows_by_unit
from somscape.plots.display import Canvas, Display, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class RowClasses:
    """The class of each row.  If there are too many classes, the classes with the fewest rows are
    joined into one class.

    Attributes
    ----------
    names : tuple of str
        Names of the classes that are not joined, in alphabetical order, or in numerical order if
        all names are numbers.
    places : ndarray of shape (n_samples,), int
        Class of each row as a position in `names`.  The position is ``len(names)`` for a joined
        class, and -1 for a row without a class.
    n_others : int
        Number of classes that were joined.
    """

    names: tuple[str, ...]
    places: Ints
    n_others: int


def classes_of(y: Any, n_rows: int, max_classes: int = MAX_CLASSES) -> RowClasses:
    """Return the classes of rows."""
    check_max_classes(max_classes)
    labels = np.asarray(y, dtype=object).ravel()
    if len(labels) != n_rows:
        raise InputError(
            f"`y` must have a label for each of the {n_rows} rows of X, but has {len(labels)} "
            "labels.",
            value=len(labels),
            allowed=n_rows,
        )
    texts = [None if is_missing(label) else str(label) for label in labels]
    names, counts = np.unique([t for t in texts if t is not None], return_counts=True)
    if not len(names):
        raise InputError(
            "all labels in `y` are None or NaN. Leave out `y`, or give labels.", parameter="y"
        )
    kept = _in_order(names[np.argsort(-counts, kind="stable")][:max_classes].tolist())
    place = {name: i for i, name in enumerate(kept)}
    places = [-1 if text is None else place.get(text, len(kept)) for text in texts]
    return RowClasses(kept, np.array(places, dtype=np.intp), len(names) - len(kept))


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Number of rows of each class in each unit.

    Attributes
    ----------
    classes : tuple of str
    counts : ndarray of shape (n_units, n_classes), or one more column for the others
    n_others : int
        Number of classes that were joined.  The last column counts the rows of these classes.
    """

    classes: tuple[str, ...]
    counts: Ints
    n_others: int


def count_classes(map_: Map, X: Any, y: Any, max_classes: int = MAX_CLASSES) -> ClassCounts:
    """Return the number of rows of each class in each unit."""
    require_rows(X)
    units = map_.winners(X)
    found = classes_of(y, len(units), max_classes)
    counted = (units != NO_UNIT) & (found.places >= 0)
    shape = map_.n_units, len(found.names) + (found.n_others > 0)
    counts = pair_sums(units[counted], found.places[counted], shape)
    return ClassCounts(found.names, counts, found.n_others)


def require_rows(X: Any) -> None:
    """Raise InputError if `X` is None, because `y` contains the classes of these rows."""
    if X is None:
        raise InputError("`y` is given without `X`. Also pass `X`, the rows.", parameter="X")


def _in_order(names: list[str]) -> tuple[str, ...]:
    by_text = sorted(names, key=_with_numbers)
    try:
        return tuple(sorted(by_text, key=float))
    except ValueError:
        return tuple(by_text)


def _with_numbers(name: str) -> list[tuple[int, str]]:
    """Return a sort key for names by which "class 2" comes before "class 10"."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part) if i % 2 else 0, part) for i, part in enumerate(parts)]


PIE_RADIUS = 0.46
"""Radius, in cell widths, of the largest pie chart.  The area of a pie chart is proportional to the
number of rows in the chart."""

_READABLE_PIE_POINTS = 8.0
"""Minimum width in points of a cell, or of a square of cells, that contains a pie chart."""

_ARC_STEP = np.pi / 24


def draw_pies(ax: "Axes", lattice: Lattice, found: ClassCounts) -> Blocks:
    """Draw a pie chart of the classes in each cell with rows, or in each square of small cells."""
    step = points_per_step(ax, lattice)
    blocks = blocks_of(lattice, step, _READABLE_PIE_POINTS)
    counts = blocks.total(found.counts)
    total = counts.sum(axis=1)
    most = max(int(total.max(initial=0)), 1)
    radius = PIE_RADIUS * blocks.side * cell_width(lattice) * np.sqrt(total / most)
    entries = class_entries(found.classes, found.n_others)
    slices: list[Float64s] = []
    looks = []
    for block in np.flatnonzero(total):
        ends = 2 * np.pi * np.concatenate([[0], np.cumsum(counts[block])]) / total[block]
        for i in np.flatnonzero(counts[block]):
            arc = radius[block] * _slice(ends[i], ends[i + 1])
            slices.append(blocks.positions[block] + arc)
            looks.append(entries[i])
    colors, width = [entry.color for entry in looks], min(0.4, 0.04 * blocks.side * step)
    add_polygons(ax, slices, facecolors=colors, edgecolors=paper(), linewidths=width, zorder=3)
    return blocks


def _slice(start: float, end: float) -> Float64s:
    """Return the corners of a slice of a pie chart with radius 1, clockwise from twelve o'clock."""
    n_steps = max(2, int(np.ceil((end - start) / _ARC_STEP)) + 1)
    angle = np.linspace(start, end, n_steps)
    arc = np.column_stack([np.sin(angle), -np.cos(angle)])
    is_full = end - start > 2 * np.pi - 1e-9
    return arc if is_full else np.vstack([[[0.0, 0.0]], arc])


def hits(
    som: Map,
    X: Any = None,
    y: Any = None,
    *,
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    regions: Any = None,
    labels: Any = None,
    highlight: Any = None,
    limits: Any = "robust",
    colormap: str = "Blues",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Draw the number of rows that are assigned to each unit.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features), optional
        Rows to count, in any form that `Map.rows_of` accepts.  By default, the training rows.
    y : array-like of shape (n_samples,), optional
        Class of each row of `X`.  A pie chart then shows the classes of the rows of each unit.  Its
        area is proportional to the number of rows.  If cells are too small, several cells share a
        pie chart.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=12
        Maximum number of classes with their own color, at most 12.  The classes with the most rows
        have their own colors, and all other classes share one color.
    regions, labels, highlight : optional
        As for `plots.values`.
    limits : {"robust", "full"} or pair of float, default="robust"
        Color limits, as for `plots.values`.  The lower limit is 0 unless a pair of limits is given.
    colormap : str, default="Blues"
        Name of a color map of matplotlib.  The color map is not used if `y` is given.
    unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        As for `plots.values`.  If `y` is given, ``drawn_`` instead contains the names of the
        ``"classes"``, and ``"counts"``, the number of rows by unit and class (n_units, n_classes).

    Raises
    ------
    InputError
        If `y` is given without `X`.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    majority : Draws one color for each cell.
    umatrix

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> map_ = SOM(3, 4, random_state=0).fit(X).map_
    >>> plots.hits(map_).ax_.get_title()
    'Rows per unit, 3 x 4 units'
    """
    picture = Picture(som, Canvas(ax, figsize, title), unit_size, has_legend=y is not None)
    som = picture.map
    joined = ""
    if y is None:
        counts = np.asarray(som.hits if X is None else _count(som, X), dtype=np.float64)
        picture.paint(
            ColumnPlane("", "number", counts),
            colormap=colormap,
            limits=limits_from_zero(counts, limits),
            label="rows won" if X is not None else "training rows won",
        )
    else:
        found = count_classes(som, X, y, max_classes)
        draw_cells(picture.ax, som.lattice, edge=paper())
        joined = draw_pies(picture.ax, som.lattice, found).words
        entries = class_entries(found.classes, found.n_others)
        picture.legend(entries, y_name)
        picture.drawn |= {"classes": tuple(e.name for e in entries), "counts": found.counts}
    picture.add(regions=regions, labels=labels, highlight=highlight)
    return picture.done(f"Rows per unit{joined}")


def _count(map_: Map, X: Any) -> Float64s:
    units = map_.winners(X)
    return np.bincount(units[units != NO_UNIT], minlength=map_.n_units).astype(np.float64)


_MIN_POINTS_FOR_LETTER = 13.0
"""Minimum width of a cell in points at which a letter for the class is written in the cell."""

_SMALLEST_PART = 0.25
"""Strength of the color of a cell if the unit has equally many rows of each class.  Strength 0
gives the page color, and strength 1 gives the class color."""


def majority(
    som: Map,
    X: Any,
    y: Any,
    *,
    y_name: str = "",
    max_classes: int = MAX_CLASSES,
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Color each cell by the most frequent class of its rows.

    The smaller the share of this class in the rows of a cell, the paler the color of the cell.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, in any form that `Map.rows_of` accepts.
    y : array-like of shape (n_samples,)
        Class of each row.  Rows with None or NaN are ignored.
    y_name : str, default=""
        Title of the legend.
    max_classes : int, default=12
        Maximum number of classes with their own color and letter, at most 12.  The classes with
        the most rows have their own colors, and all other classes share one color.
    regions, highlight, unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        ``drawn_`` contains the names of the ``"classes"``, and ``"counts"``, the number of rows by
        unit and class (n_units, n_classes).  ``"majority"`` is the position in ``"classes"`` of the
        most frequent class of each unit (the first of equally frequent classes), or -1 for a unit
        without rows.  ``"share"`` is the share of this class in the rows of the unit, or NaN.

    Raises
    ------
    InputError
        If `y` does not contain one label for each row, or if all labels are missing.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    hits : Draws classes as slices of a pie.

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
    picture = Picture(som, Canvas(ax, figsize, title), unit_size, has_legend=True)
    lattice = picture.map.lattice
    found = count_classes(picture.map, X, y, max_classes)
    entries = class_entries(found.classes, found.n_others)
    first, share = _majorities(found)
    cells = [_color(entries, i, s) for i, s in zip(first, share, strict=True)]
    draw_cells(picture.ax, lattice, colors=cells, edge=faint_line())
    picture.add(regions=regions, highlight=highlight)
    has_letters = picture.step() >= _MIN_POINTS_FOR_LETTER and len(found.classes) > 1
    if has_letters:
        lettered = [replace(e, name=f"{LETTERS[i]}  {e.name}") for i, e in enumerate(entries)]
        picture.legend(lettered, y_name)
        _write_letters(picture, first, cells)  # after the legend has changed the size of the map
    else:
        picture.legend(entries, y_name)
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


def _color(entries: list[LegendEntry], place: int, share: float) -> Any:
    """Return the color of a cell whose most frequent class has this share of the rows."""
    if place < 0:
        return empty_color()
    lowest = 1 / len(entries)
    part = 1.0 if lowest == 1 else (share - lowest) / (1 - lowest)
    part = _SMALLEST_PART + (1 - _SMALLEST_PART) * float(np.clip(part, 0, 1))
    return paled(entries[place].color, part)


def _write_letters(picture: Picture, first: Ints, cells: list[Any]) -> None:
    size = float(np.clip(0.42 * picture.step(), 4, 14))
    for unit in np.flatnonzero(first >= 0):
        x, y = picture.map.lattice.positions[unit]
        color = cells[unit]
        letter = picture.ax.text(x, y, LETTERS[first[unit]], fontsize=size, color=contrast(color))
        letter.set(ha="center", va="center", zorder=5)


def labels(
    som: Map,
    X: Any,
    *,
    names: Any,
    max_names: int = 3,
    colormap: str = "bone_r",
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
    figsize: Size = None,
    title: str | None = None,
) -> Display:
    """Write the name of each row at its best matching unit on the U-matrix.

    Names do not overlap.  In small cells, names are moved or made smaller, or only the first name
    is shown.  Names that still do not fit are left out.  Units with the fewest rows lose their
    names first.

    Parameters
    ----------
    som : Map
        The map to draw.
    X : Table or array-like of shape (n_samples, n_features)
        Rows, in any form that `Map.rows_of` accepts.
    names : array-like of shape (n_samples,)
        Name of each row, or None or NaN for no name.
    max_names : int, default=3
        Largest number of names in a cell, in row order.  The other names are only counted.
    colormap : str, default="bone_r"
        Name of a color map of matplotlib.
    regions, highlight, unit_size, ax, figsize, title : optional
        As for `plots.values`.

    Returns
    -------
    Display
        As for `plots.values`.  ``drawn_`` also contains the drawn ``"labels"`` and the
        ``"left_out"`` labels by unit.

    Raises
    ------
    InputError
        If the number of names is not the number of rows.
    TypeError
        If `ax` is not an Axes object.

    See Also
    --------
    umatrix, hits

    Examples
    --------
    >>> from somscape import SOM, plots
    >>> X = [[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [9.0, 0.0]] * 3
    >>> som = SOM(2, 3, random_state=0).fit(X)
    >>> display = plots.labels(som, X[:4], names=["a", "b", "c", "d"])
    >>> sorted(display.drawn_["labels"].values())
    ['a\\nb', 'c', 'd']
    """
    picture = Picture(som, Canvas(ax, figsize, title), unit_size)
    som = picture.map
    plane = ColumnPlane("", "number", som.u_heights)
    picture.paint(plane, colormap=colormap, label="mean distance to neighbors", share=SEVERAL)
    texts = _name_texts(som, X, names, max_names)
    picture.add(regions=regions, highlight=highlight, labels=texts)
    shown = picture.drawn["labels"]
    picture.drawn["left_out"] = {
        unit: text for unit, text in enumerate(texts) if text and unit not in shown
    }
    return picture.done("Rows by name")


def _name_texts(map_: Map, X: Any, names: Any, max_names: int) -> list[str]:
    rows, parts = rows_by_unit(map_, X)
    given = np.asarray(names, dtype=object).ravel()
    n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    if len(given) != n_rows:
        raise InputError(
            f"`names` must have a name for each of the {n_rows} rows of X, but has {len(given)} "
            "names.",
            value=len(given),
            allowed=n_rows,
        )
    if max_names < 1:
        raise InputError(f"`max_names` must be at least 1, but is {max_names}.", value=max_names)
    texts = []
    for part in parts:
        own = [str(given[row]) for row in part if not is_missing(given[row])]
        more = [f"+{len(own) - max_names}"] if len(own) > max_names else []
        texts.append("\n".join(own[:max_names] + more))
    return texts
