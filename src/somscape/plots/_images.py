"""Prototypes as images: digits, faces, spectra over time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.maps import Map
from somscape.plots._blocks import blocks_of
from somscape.plots._cells import cell_width, draw_cells
from somscape.plots._display import Display
from somscape.plots._picture import Picture
from somscape.plots._scale import checked_limits
from somscape.plots._style import color_map, faint_line, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDE = 0.82
"""Longer side of an image in widths of a cell: rows of hexagons lie 0.87 apart."""

_VISIBLE = 16.0
"""Width in points of a cell in which an image can be seen."""


def images(
    map: Map,
    shape: tuple[int, ...],
    *,
    inverse: Callable[[Float64s], Any] | None = None,
    colormap: str = "gray_r",
    limits: Any = "full",
    regions: Any = None,
    highlight: Any = None,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw each unit's prototype as an image.

    Where cells are too small, squares of several cells show their mean image.

    Parameters
    ----------
    map : Map
        Of rows that are images, as an array.
    shape : tuple of int
        Rows and columns of an image, such as ``(8, 8)``; with a third number, 3, for colors from
        0 to 1.
    inverse : callable, optional
        Makes images of prototypes, from shape (n_units, n_features) to (n_units, n_pixels), such
        as ``scaler.inverse_transform`` or ``pca.inverse_transform`` of scikit-learn.
    colormap : str, default="gray_r"
        Name of a color map of matplotlib, for images without colors.
    limits : {"full", "robust"} or pair of float, default="full"
        Values at the ends of the color map, as for `plots.values`, the same for all images.
    regions, highlight : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"images"``, of shape ``(n_units, *shape)``, the ``"limits"``, and
        ``"side"``, the rows and columns of cells that one image stands for.

    Raises
    ------
    InputError
        For a shape that does not have as many pixels as there are features.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    profiles : Other prototypes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from somscape import SOM, plots
    >>> digits = load_digits()
    >>> display = plots.images(SOM(6, 8).fit(digits.data), (8, 8))
    >>> display.drawn_["images"].shape
    (48, 8, 8)
    """
    picture = Picture(map, ax=ax, unit_size=unit_size)
    lattice = picture.map.lattice
    pixels = _pixels(picture.map, shape, inverse)
    limits = checked_limits(pixels.ravel(), limits)
    blocks = blocks_of(lattice, picture.step(), _VISIBLE)
    draw_cells(picture.ax, lattice, colors=paper(), edge=faint_line())
    shown = blocks.mean(pixels).reshape(-1, *shape)
    size = _SIDE * blocks.side * cell_width(lattice)
    wide, tall = size * np.array([shape[1], shape[0]]) / (2 * max(shape[:2]))
    for (x, y), image in zip(blocks.positions, shown, strict=True):
        picture.ax.imshow(
            image,
            cmap=color_map(colormap),
            vmin=limits[0],
            vmax=limits[1],
            extent=(x - wide, x + wide, y + tall, y - tall),
            interpolation="nearest",
            zorder=2,
        )
    picture.add(regions=regions, highlight=highlight)
    whole = pixels.reshape(-1, *shape)
    picture.drawn |= {"images": whole, "limits": limits, "side": blocks.side}
    return picture.done(f"Prototypes as images{blocks.words('means')}")


def _pixels(map_: Map, shape: Any, inverse: Any) -> Float64s:
    """Return the pixels of each prototype, of shape (n_units, n_pixels)."""
    sides = np.asarray(shape)
    is_shape = sides.ndim == 1 and len(sides) in (2, 3) and sides.dtype.kind in "iu"
    if not is_shape or (sides < 1).any() or (len(sides) == 3 and sides[2] not in (3, 4)):
        raise InputError(
            "`shape` must be the rows and columns of an image, such as (8, 8), or with colors "
            f"(8, 8, 3); got {shape!r}."
        )
    pixels: Float64s = np.asarray(map_.codebook if inverse is None else inverse(map_.codebook))
    if pixels.ndim != 2 or pixels.shape != (map_.n_units, int(sides.prod())):
        n = pixels.size // map_.n_units
        source = "this map has" if inverse is None else "`inverse` gives"
        raise InputError(
            f"`shape` {tuple(shape)} has {int(sides.prod())} pixels, and {source} {n} for a unit. "
            "Pass the shape of one row; if rows were transformed, the way back as `inverse`."
        )
    return np.asarray(pixels, dtype=np.float64)
