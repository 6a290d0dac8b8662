"""Texts on a map that cover no other text, and numbers that hide no cell."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.plots._cells import points_per_step, points_per_unit, short
from somscape.plots._style import ink, line_color, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_TEXTS = 2000
"""More could not be read on one picture."""

_SIZES = (8.0, 6.5)
_SHIFTS = (0.0, -0.6, 0.6, -1.2, 1.2)
"""Where a text may stand, in its heights above and below the middle of its cell."""

_LINE = 1.25
_SMALLEST_NUMBER, _LARGEST_NUMBER = 6.5, 22.0
_DISK = 1.5
"""Width of the disk below a number, in widths of the number."""

_AWAY = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4 - np.pi / 2])
_FAR = (14.0, 22.0, 32.0, 46.0)
"""Points from a cell to a number that does not fit into it."""


class Boxes:
    """Rectangles that do not overlap, in points.

    Parameters
    ----------
    low, high : ndarray of shape (2,)
        Corners of the room that they must stay in.
    """

    def __init__(self, low: Float64s, high: Float64s) -> None:
        self.low, self.high = low, high
        self._lows, self._highs = np.empty((MAX_TEXTS, 2)), np.empty((MAX_TEXTS, 2))
        self.n = 0

    def inside(self, middle: Float64s, size: Float64s) -> Float64s:
        """Return the middle nearest to one at which a box stays inside."""
        half = np.minimum(size, self.high - self.low) / 2
        return np.clip(middle, self.low + half, self.high - half)

    def is_free(self, middle: Float64s, size: Float64s) -> bool:
        """Return whether a box would overlap no other."""
        low, high = middle - size / 2, middle + size / 2
        lows, highs = self._lows[: self.n], self._highs[: self.n]
        return not ((low < highs) & (high > lows)).all(axis=1).any()

    def add(self, middle: Float64s, size: Float64s) -> None:
        """Keep a box."""
        self._lows[self.n], self._highs[self.n] = middle - size / 2, middle + size / 2
        self.n += 1


def draw_texts(ax: "Axes", lattice: Lattice, units: Ints, texts: Sequence[str]) -> Ints:
    """Write texts on cells, the first ones first, and leave out those that would cover others.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With the map.
    lattice : Lattice
    units : ndarray of shape (n,)
        The most important first.
    texts : sequence of n str
        Lines end with a line break.

    Returns
    -------
    ndarray
        Units whose texts are there.
    """
    scale = points_per_unit(ax)
    boxes = _room(ax, scale)
    shown = []
    for unit, text in zip(units, texts, strict=True):
        if boxes.n == MAX_TEXTS:
            break
        spot = _free_spot(boxes, lattice.positions[unit] * scale, text)
        if spot is None:
            continue
        (x, y), font, fitting = spot
        _write(ax, x / scale, y / scale, fitting, font)
        shown.append(unit)
    return np.array(shown, dtype=np.intp)


def _free_spot(boxes: Boxes, at: Float64s, text: str) -> tuple[Float64s, float, str] | None:
    widest = float(boxes.high[0] - boxes.low[0])
    for font in _SIZES:
        fitting = _fitted(text, font, widest)
        size = _size(fitting, font)
        for shift in _SHIFTS:
            middle = boxes.inside(at + shift * size * (0, 1), size)
            if boxes.is_free(middle, size):
                boxes.add(middle, size)
                return middle, font, fitting
    return None


def _fitted(text: str, font: float, widest: float) -> str:
    """Return a text whose lines are cut to a width."""
    lines = []
    for line in text.split("\n"):
        wide = _size(line, font)[0]
        n = len(line) if wide <= widest else max(3, int(len(line) * widest / wide))
        lines.append(short(line, n))
    return "\n".join(lines)


def _write(ax: "Axes", x: float, y: float, text: str, font: float) -> None:
    written = ax.text(x, y, text, fontsize=font, ha="center", va="center", zorder=6, color=ink())
    written.set_linespacing(1.1)
    written.set_bbox(
        {"boxstyle": "round,pad=0.12", "fc": paper(), "ec": "none", "alpha": 0.65, "zorder": 5}
    )


def _size(text: str, font: float) -> Float64s:
    lines = text.split("\n")
    return np.array([max(map(_width, lines)) * font + 2.0, len(lines) * _LINE * font])


@lru_cache(maxsize=4096)
def _width(line: str) -> float:
    """Return the width of a line in font sizes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    wide, _, _ = text_to_path.get_text_width_height_descent(
        line.replace(r"\$", "$"), FontProperties(size=10), ismath=False
    )
    return float(wide) / 10


def _room(ax: "Axes", scale: float) -> Boxes:
    x, y = np.sort(ax.get_xlim()) * scale, np.sort(ax.get_ylim()) * scale
    return Boxes(np.array([x[0], y[0]]), np.array([x[1], y[1]]))


def draw_numbers(ax: "Axes", lattice: Lattice, labels: Ints) -> Float64s:
    """Write the number of each region in its middle, or beside it with a line.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With the map.
    lattice : Lattice
    labels : ndarray of shape (n_units,), int
        From 0; numbers begin with 1.

    Returns
    -------
    ndarray of shape (n_regions, 2)
        Where the numbers stand.
    """
    step, scale = points_per_step(ax, lattice), points_per_unit(ax)
    boxes = _room(ax, scale)
    places: list[Float64s] = []
    n_units = np.bincount(labels)
    tiny = []
    for region in range(len(n_units)):
        middle = _middle(lattice.positions[labels == region])
        text = str(region + 1)
        room = 0.8 * step * max(1.0, 0.6 * n_units[region] ** 0.5)
        font = min(room / (_DISK * max(_width(text), 0.9)), _LARGEST_NUMBER)
        if font < _SMALLEST_NUMBER:
            tiny.append((len(places), middle, text))
        else:
            boxes.add(middle * scale, np.full(2, _DISK * font * max(_width(text), 0.9)))
            _write_number(ax, middle, text, font)
        places.append(middle)
    small = lattice.positions[np.isin(labels, np.flatnonzero(n_units <= np.sqrt(len(labels))))]
    for place, middle, text in tiny[: MAX_TEXTS - boxes.n]:
        size = np.full(2, _DISK * _SMALLEST_NUMBER * max(_width(text), 0.9))
        places[place] = _beside(boxes, middle * scale, size, small * scale) / scale
        ax.plot(*zip(middle, places[place], strict=True), color=line_color(), lw=0.8, zorder=5)
        _write_number(ax, places[place], text, _SMALLEST_NUMBER)
    return np.array(places)


def _beside(boxes: Boxes, at: Float64s, size: Float64s, small: Float64s) -> Float64s:
    """Return a free place near another that covers no small region, and take it."""
    spots = [boxes.inside(at + far * way, size) for far in _FAR for way in _AWAY]
    free = [spot for spot in spots if boxes.is_free(spot, size)] or spots
    covered = [int((np.abs(small - spot) < size / 2).all(axis=1).sum()) for spot in free]
    best = free[int(np.argmin(covered))]
    boxes.add(best, size)
    return best


def _write_number(ax: "Axes", at: Float64s, text: str, font: float) -> None:
    number = ax.text(
        float(at[0]), float(at[1]), text, fontsize=font, weight="bold", zorder=6, color=ink()
    )
    disk: dict[str, Any] = {"boxstyle": "circle,pad=0.15", "fc": paper(), "ec": "none"}
    number.set(ha="center", va="center", bbox=disk | {"alpha": 0.85})


def _middle(places: Float64s) -> Float64s:
    """Return the place nearest to the middle of all places."""
    return np.asarray(places[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()])
