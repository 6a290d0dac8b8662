"""Color the cells of a map by a plane: numbers over limits, levels by colors and hatches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from somscape.grid import Lattice
from somscape.plots._cells import draw_cells
from somscape.plots._legend import MAX_CLASSES, Entry, hatch_cells, level_entries
from somscape.plots._scale import FEW, checked_limits, ends_of_bar
from somscape.plots._shown import ColumnPlane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection


@dataclass(frozen=True, eq=False)
class Painted:
    """What a bar or a legend must say.

    Attributes
    ----------
    cells : matplotlib.collections.PolyCollection
    limits : tuple of float, or None for levels
    ends : str
        At which ends values lie beyond the limits: matplotlib's `extend`.
    entries : list of Entry
        Of levels; empty for numbers.
    """

    cells: "PolyCollection"
    limits: tuple[float, float] | None
    ends: str
    entries: list[Entry]


def paint(
    ax: "Axes",
    lattice: Lattice,
    plane: ColumnPlane,
    *,
    colormap: str = "viridis",
    limits: Any = "robust",
    share: float = FEW,
    max_classes: int = MAX_CLASSES,
    **cells: Any,
) -> Painted:
    """Color every cell."""
    if plane.kind == "level":
        colors, entries = level_entries(plane, max_classes)
        shapes = draw_cells(ax, lattice, colors=colors, **cells)
        hatch_cells(ax, lattice, plane.values, min(max_classes, len(plane.levels)))
        return Painted(shapes, None, "neither", entries)
    ends = (0.0, 1.0) if plane.kind == "share" else checked_limits(plane.values, limits, share)
    shapes = draw_cells(ax, lattice, plane.values, colormap=colormap, limits=ends, **cells)
    return Painted(shapes, ends, ends_of_bar(plane.values, ends), [])
