"""One map in one axes: what every picture of a map stands on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Ints
from somscape._validate import is_missing
from somscape.errors import InputError
from somscape.maps import NO_UNIT, Map, as_map
from somscape.outliers import Alerts
from somscape.plots._cells import (
    draw_borders,
    fit_axes,
    map_axes,
    outline_cells,
    points_per_step,
    short,
)
from somscape.plots._display import Display, display_of
from somscape.plots._legend import Entry, add_legend
from somscape.plots._paint import paint
from somscape.plots._panels import check_is_one_axes
from somscape.plots._scale import add_bar
from somscape.plots._shown import ColumnPlane
from somscape.plots._style import faint_line
from somscape.plots._texts import draw_texts
from somscape.regions import Regions, given_or_found

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Picture:
    """Draw a map in given axes, or in a figure of its own with a scale or legend outside.

    Parameters
    ----------
    map : Map
        Or what has one.
    ax : matplotlib.axes.Axes or None
        None means a new figure.
    unit_size : float or None
        Inches from one unit to the next in a new figure.
    has_legend : bool, default=False
        Whether a legend comes below the map.

    Attributes
    ----------
    map : Map
    ax : matplotlib.axes.Axes
    is_own : bool
        Whether the figure is somscape's.
    drawn : dict
        What the display says was drawn.
    """

    def __init__(
        self, map: Any, *, ax: "Axes | None", unit_size: float | None, has_legend: bool = False
    ) -> None:
        self.map: Map = as_map(map)
        check_is_one_axes(ax)
        self.is_own = ax is None
        if ax is None:
            ax = map_axes(self.map.lattice, unit_size, has_legend=has_legend)
        fit_axes(ax, self.map.lattice)
        self.ax: Axes = ax
        self.drawn: dict[str, Any] = {}

    def paint(self, plane: ColumnPlane, *, label: str = "", **look: Any) -> None:
        """Color the cells, with a bar or a legend outside that says what the colors mean."""
        painted = paint(self.ax, self.map.lattice, plane, edge=faint_line(), **look)
        self.drawn["values"] = plane.values
        if painted.limits is None:
            self.drawn["levels"] = plane.levels
            self.legend(painted.entries, label)
            return
        self.drawn |= {"limits": painted.limits, "cells": painted.cells}
        if self.is_own:
            add_bar(self.ax, painted.cells, label, painted.ends)

    def legend(self, entries: Sequence[Entry], title: str) -> None:
        """Add a legend below the map."""
        add_legend(self.ax, entries, title, is_own=self.is_own)

    def add(self, *, regions: Any = None, labels: Any = None, highlight: Any = None) -> None:
        """Draw borders of regions, texts of units and rings around units."""
        lattice = self.map.lattice
        if highlight is not None:
            units = checked_units(highlight, self.map.n_units)
            outline_cells(self.ax, lattice, units)
            self.drawn["highlight"] = units
        if regions is not None:
            found = regions_of(self.map, regions)
            self.drawn["borders"] = draw_borders(self.ax, lattice, found.labels)
            self.drawn["regions"] = found
        if labels is not None:
            texts = checked_labels(labels, self.map)
            units = np.array([i for i, text in enumerate(texts) if text], dtype=np.intp)
            order = units[np.argsort(-self.map.hits[units], kind="stable")]
            ordered = [texts[unit] for unit in order]
            self.drawn["labels"] = draw_texts(self.ax, lattice, order, ordered)

    def step(self) -> float:
        """Return the width of a cell in points."""
        return points_per_step(self.ax, self.map.lattice)

    def done(self, what: str) -> Display:
        """Return the display, with a title that says what is drawn on how many units."""
        size = self.map.lattice.size_text
        self.ax.set_title(short(f"{what}, {size}" if what else size, 60), fontsize=11, y=1.0)
        return display_of([self.ax], self.drawn)


def regions_of(map_: Map, regions: Any) -> Regions:
    """Return the regions that were given for a map; True finds them."""
    return given_or_found(None if regions is True else regions, map_)


def checked_labels(labels: Any, map_: Map) -> list[str]:
    """Return a text for each unit, "" for none; True means the names that the map has."""
    n_units = map_.n_units
    if labels is True:
        if not map_.unit_labels:
            raise InputError("this map has no names of units; pass a text for each as `labels`.")
        labels = map_.unit_labels
    if isinstance(labels, str) or len(labels) != n_units:
        n = 1 if isinstance(labels, str) else len(labels)
        raise InputError(
            f"`labels` must hold a text for each of the {n_units} units, '' for none; got {n}."
        )
    return ["" if is_missing(text) else str(text) for text in labels]


def checked_units(units: Any, n_units: int) -> Ints:
    """Return the units of alerts, or unit numbers, each once."""
    if isinstance(units, Alerts):
        units = units.units[: units.n_alerts]
        units = units[units != NO_UNIT]
    given = np.asarray(units)
    if given.size and given.dtype.kind not in "iu":
        raise TypeError(
            "`highlight` must be Alerts, or the numbers of units, such as alerts.units; got "
            f"{type(units).__name__} of {given.dtype}."
        )
    chosen = np.unique(given.astype(np.intp))
    if chosen.size and (chosen[0] < 0 or chosen[-1] >= n_units):
        raise InputError(
            f"`highlight` must hold units from 0 to {n_units - 1}; got {chosen[0]} to {chosen[-1]}."
        )
    return chosen
