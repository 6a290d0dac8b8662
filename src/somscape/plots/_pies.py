"""Pies of the classes in each unit, with areas by rows."""

from typing import TYPE_CHECKING

import numpy as np

from somscape._types import Float64s
from somscape.grid import Lattice
from somscape.plots._cells import add_polygons, cell_width, points_per_step
from somscape.plots._classes import ClassCounts
from somscape.plots._legend import class_entries, hatch_shapes
from somscape.plots._style import paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIE_RADIUS = 0.46
"""Radius for the unit with the most rows, in widths of a cell; areas are proportional to rows."""

_ARC_STEP = np.pi / 24


def draw_pies(ax: "Axes", lattice: Lattice, found: ClassCounts) -> None:
    """Draw a pie in each unit with rows, of all units as one collection.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lattice : Lattice
    found : ClassCounts
    """
    total = found.counts.sum(axis=1)
    radius = PIE_RADIUS * cell_width(lattice) * np.sqrt(total / max(int(total.max(initial=0)), 1))
    entries = class_entries(found.classes, found.n_others)
    slices: list[Float64s] = []
    looks = []
    for unit in np.flatnonzero(total):
        ends = 2 * np.pi * np.concatenate([[0], np.cumsum(found.counts[unit])]) / total[unit]
        for i in np.flatnonzero(found.counts[unit]):
            arc = radius[unit] * _slice(ends[i], ends[i + 1])
            slices.append(lattice.positions[unit] + arc)
            looks.append(entries[i])
    colors = [entry.color for entry in looks]
    add_polygons(
        ax,
        slices,
        facecolors=colors,
        edgecolors=paper(),
        linewidths=min(0.4, 0.04 * points_per_step(ax, lattice)),
        zorder=3,
    )
    for pattern in dict.fromkeys(entry.hatch for entry in entries if entry.hatch):
        of_it = [s for s, entry in zip(slices, looks, strict=True) if entry.hatch == pattern]
        hatch_shapes(ax, of_it, pattern)


def _slice(start: float, end: float) -> Float64s:
    """Return the corners of a slice of a pie of radius 1, clockwise from twelve o'clock."""
    n_steps = max(2, int(np.ceil((end - start) / _ARC_STEP)) + 1)
    angle = np.linspace(start, end, n_steps)
    arc = np.column_stack([np.sin(angle), -np.cos(angle)])
    is_full = end - start > 2 * np.pi - 1e-9
    return arc if is_full else np.vstack([[[0.0, 0.0]], arc])
