"""Pies of the classes in each unit, with areas by rows."""

from typing import TYPE_CHECKING

import numpy as np

from somscape._types import Float64s
from somscape.grid import Lattice
from somscape.plots._blocks import Blocks, blocks_of
from somscape.plots._cells import add_polygons, cell_width, points_per_step
from somscape.plots._classes import ClassCounts
from somscape.plots._legend import class_entries, hatch_shapes
from somscape.plots._style import paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIE_RADIUS = 0.46
"""Radius for the unit with the most rows, in widths of a cell; areas are proportional to rows."""

_READABLE_PIE = 8.0
"""Width in points of a cell in which a pie can be seen."""

_ARC_STEP = np.pi / 24


def draw_pies(ax: "Axes", lattice: Lattice, found: ClassCounts) -> Blocks:
    """Draw a pie in each unit with rows, of all units as one collection."""
    step = points_per_step(ax, lattice)
    blocks = blocks_of(lattice, step, _READABLE_PIE)
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
    for pattern in dict.fromkeys(entry.hatch for entry in entries if entry.hatch):
        of_it = [s for s, entry in zip(slices, looks, strict=True) if entry.hatch == pattern]
        hatch_shapes(ax, of_it, pattern)
    return blocks


def _slice(start: float, end: float) -> Float64s:
    """Return the corners of a slice of a pie of radius 1, clockwise from twelve o'clock."""
    n_steps = max(2, int(np.ceil((end - start) / _ARC_STEP)) + 1)
    angle = np.linspace(start, end, n_steps)
    arc = np.column_stack([np.sin(angle), -np.cos(angle)])
    is_full = end - start > 2 * np.pi - 1e-9
    return arc if is_full else np.vstack([[[0.0, 0.0]], arc])
