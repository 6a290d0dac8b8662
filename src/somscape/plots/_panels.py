"""Where several drawings side by side go: in given axes, or in an area that is divided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape.errors import InputError
from somscape.plots._display import make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


@dataclass(frozen=True, eq=False)
class Area:
    """A rectangle of a figure, measured in inches from its lower left corner.

    Attributes
    ----------
    figure : matplotlib.figure.Figure or SubFigure
    low : ndarray of shape (2,), float64
        Its lower left corner, in shares of the figure.
    share : ndarray of shape (2,), float64
        Its width and height, in shares of the figure.
    size : ndarray of shape (2,), float64
        Its width and height in inches.
    """

    figure: "Figure | SubFigure"
    low: Any
    share: Any
    size: Any

    def add_axes(
        self, corner: tuple[float, float], size: tuple[float, float], **more: Any
    ) -> "Axes":
        """Add axes whose lower left corner and size are given in inches."""
        inch = self.share / self.size
        return self.figure.add_axes((*(self.low + corner * inch), *(size * inch)), **more)

    def add_title(self, text: str, left: float, below: float) -> None:
        """Write a title `left` inches from the left and `below` inches from the top."""
        x, y = self.low + self.share * (left / self.size[0], 1 - below / self.size[1])
        self.figure.text(float(x), float(y), text, fontsize=11, va="center")


def area_of(place: Any, width: float, height: float) -> Area:
    """Return the area to draw in."""
    from matplotlib.axes import Axes

    if place is None:
        place = make_figure(width, height)
    low, share, figure = np.zeros(2), np.ones(2), place
    if isinstance(place, Axes):
        place.set_axis_off()
        box, figure = place.get_position(), place.figure
        low, share = np.array([box.x0, box.y0]), np.array([box.width, box.height])
    extent = place.get_window_extent()
    size = np.array([extent.width, extent.height]) / figure.dpi
    return Area(figure, low, share, np.maximum(size, 0.1))


def check_is_one_axes(place: Any) -> None:
    """Raise TypeError for what is neither axes of matplotlib nor None."""
    if place is None:
        return
    from matplotlib.axes import Axes

    if not isinstance(place, Axes):
        raise TypeError(
            f"`ax` must be one axes of matplotlib, or None; got {type(place).__name__}. Of a "
            "figure, pass figure.add_subplot(); of several axes, one."
        )


def given_axes(place: Any, n: int) -> "list[Axes] | None":
    """Return the axes for `n` drawings, or None if an area is to be divided."""
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    if place is None or isinstance(place, Figure | SubFigure):
        return None
    if isinstance(place, Axes):
        return [place] if n == 1 else None
    axes = list(place.flat) if isinstance(place, np.ndarray) else place
    if not isinstance(axes, Sequence) or not all(isinstance(ax, Axes) for ax in axes):
        raise InputError(
            "`ax` must be axes of matplotlib, a sequence of them, a figure or a subfigure; got "
            f"{type(place).__name__}."
        )
    if len(axes) < n:
        raise InputError(
            f"`ax` must hold axes for {n} drawings; got {len(axes)}. Pass more axes, or a figure, "
            "subfigure or single axes to divide."
        )
    return list(axes[:n])
