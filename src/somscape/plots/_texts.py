"""Texts on a map that cover no other text, and numbers that hide no cell."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice, connected_groups
from somscape.plots._cells import points_per_step, points_per_unit, short
from somscape.plots._style import contrast, ink, line_color, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_TEXTS = 1000
"""More could not be read on one picture."""

_POINT = np.array([2.0, 2.0])

_SIZES = (8.0, 6.5)
_SHIFTS = (0.0, -0.6, 0.6, -1.2, 1.2)
"""Where a text may stand, in its heights above and below the middle of its cell."""

_LINE = 1.25
_SMALLEST_NUMBER, _LARGEST_NUMBER = 6.5, 22.0
_DISK = 1.5
"""Width of the disk below a number, in widths of the number."""

_DISK_LOOK = {"boxstyle": "circle,pad=0.15", "ec": "none", "alpha": 0.85}
_AWAY = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4 - np.pi / 2])
_FAR = (14.0, 22.0, 32.0, 46.0)
"""Points from a cell to a number that does not fit into it."""


class Room:
    """Which points of a map hold text.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scale : float
        Points for a step of 1 in its coordinates.
    """

    def __init__(self, ax: "Axes", scale: float) -> None:
        ends = np.array([ax.get_xlim(), ax.get_ylim()])
        self.low, self.high = ends.min(axis=1) * scale, ends.max(axis=1) * scale
        self._is_taken = np.zeros(np.ceil(self.high - self.low).astype(int) + 1, dtype=bool)

    def inside(self, middle: Float64s, size: Float64s) -> Float64s:
        """Return the middle nearest to one at which a box stays inside."""
        half = np.minimum(size, self.high - self.low) / 2
        return np.clip(middle, self.low + half, self.high - half)

    def is_free(self, middle: Float64s, size: Float64s) -> bool:
        """Return whether a box would overlap no other."""
        return not self._is_taken[self._points(middle, size)].any()

    def take(self, middle: Float64s, size: Float64s) -> None:
        """Keep the place of a box."""
        self._is_taken[self._points(middle, size)] = True

    def _points(self, middle: Float64s, size: Float64s) -> tuple[slice, slice]:
        ends = np.rint([middle - size / 2 - self.low, middle + size / 2 - self.low]).astype(int)
        (left, top), (right, bottom) = np.maximum(ends, 0).tolist()
        return slice(left, right), slice(top, bottom)


def draw_texts(ax: "Axes", lattice: Lattice, units: Ints, texts: Sequence[str]) -> dict[int, str]:
    """Write texts on cells, the first ones first, and leave out those that would cover others."""
    scale = points_per_unit(ax)
    boxes = Room(ax, scale)
    shown: dict[int, str] = {}
    is_crowded = len(texts) > MAX_TEXTS
    for unit, text in zip(units, texts, strict=True):
        at = lattice.positions[unit] * scale
        if len(shown) == MAX_TEXTS:
            break
        if is_crowded and not boxes.is_free(at, _POINT):
            continue
        spot = _free_spot(boxes, at, text, _SHIFTS[: 1 if is_crowded else None])
        if spot is None:
            continue
        (x, y), font, fitting = spot
        _write(ax, x / scale, y / scale, fitting, font)
        shown[int(unit)] = fitting.replace(r"\$", "$")
    return shown


def _free_spot(
    boxes: Room, at: Float64s, text: str, shifts: Sequence[float]
) -> tuple[Float64s, float, str] | None:
    widest = float(boxes.high[0] - boxes.low[0])
    first, *more = text.split("\n")
    texts = [text, f"{first} …"] if more else [text]
    for each, font in product(texts, _SIZES):
        fitting = _fitted(each, font, widest)
        size = _size(fitting, font)
        for shift in shifts:
            middle = boxes.inside(at + shift * size * (0, 1), size)
            if boxes.is_free(middle, size):
                boxes.take(middle, size)
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


def _width(line: str) -> float:
    """Return the width of a line in font sizes."""
    return sum(map(_width_of_letter, line.replace(r"\$", "$")))


@lru_cache(maxsize=4096)
def _width_of_letter(letter: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    # Between two others, because a space alone has no width.
    wide, lone = (
        text_to_path.get_text_width_height_descent(text, FontProperties(size=10), ismath=False)[0]
        for text in (f"n{letter}n", "nn")
    )
    return float(wide - lone) / 10


def largest_pieces(lattice: Lattice, labels: Ints) -> list[Ints]:
    """Return the units of each region's largest piece: it may be in several."""
    pieces = connected_groups(lattice, np.arange(len(labels)), labels)
    found = [np.flatnonzero(labels == region) for region in range(int(labels.max()) + 1)]
    return [units[pieces[units] == np.bincount(pieces[units]).argmax()] for units in found]


def draw_numbers(ax: "Axes", lattice: Lattice, labels: Ints, colors: Sequence[Any]) -> Float64s:
    """Write the number of each region in its middle, or beside it with a line."""
    step, scale = points_per_step(ax, lattice), points_per_unit(ax)
    boxes = Room(ax, scale)
    places: list[Float64s] = []
    n_units = np.bincount(labels)
    pieces = largest_pieces(lattice, labels)
    tiny = []
    for region in range(len(n_units)):
        units = pieces[region]
        middle = _middle(lattice.positions[units])
        text = str(region)
        room = 0.8 * step * max(1.0, 0.6 * len(units) ** 0.5)
        font = min(room / (_DISK * max(_width(text), 0.9)), _LARGEST_NUMBER)
        if font < _SMALLEST_NUMBER:
            tiny.append((len(places), middle, text))
        else:
            boxes.take(middle * scale, np.full(2, _DISK * font * max(_width(text), 0.9)))
            color = contrast(colors[int(np.argmax(labels == region))])
            _write_number(ax, middle, text, font, color)
        places.append(middle)
    small = lattice.positions[np.isin(labels, np.flatnonzero(n_units <= np.sqrt(len(labels))))]
    for place, middle, text in tiny[:MAX_TEXTS]:
        size = np.full(2, _DISK * _SMALLEST_NUMBER * max(_width(text), 0.9))
        places[place] = _beside(boxes, middle * scale, size, small * scale) / scale
        ax.plot(*zip(middle, places[place], strict=True), color=line_color(), lw=0.8, zorder=5)
        _write_number(
            ax, places[place], text, _SMALLEST_NUMBER, ink(), bbox=_DISK_LOOK | {"fc": paper()}
        )
    return np.array(places)


def _beside(boxes: Room, at: Float64s, size: Float64s, small: Float64s) -> Float64s:
    """Return a free place near another that covers no small region, and take it."""
    spots = [boxes.inside(at + far * way, size) for far in _FAR for way in _AWAY]
    free = [spot for spot in spots if boxes.is_free(spot, size)] or spots
    covered = [int((np.abs(small - spot) < size / 2).all(axis=1).sum()) for spot in free]
    best = free[int(np.argmin(covered))]
    boxes.take(best, size)
    return best


def _write_number(
    ax: "Axes", at: Float64s, text: str, font: float, color: str, **more: Any
) -> None:
    x, y = float(at[0]), float(at[1])
    number = ax.text(x, y, text, fontsize=font, weight="bold", color=color, zorder=6, **more)
    number.set(ha="center", va="center")


def _middle(places: Float64s) -> Float64s:
    """Return the place nearest to the middle of all places."""
    return np.asarray(places[((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()])
