"""What every plot returns: a figure that saves itself to the same bytes each time."""

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from somscape._files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCREEN_DPI = 110
"""Dots per inch of a saved picture and of one shown in a notebook."""

_UNDATED: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".svg": {"Date": None, "Creator": None},
}
"""Metadata by file ending that keeps dates and versions out of a picture."""


@dataclass(frozen=True, eq=False)
class Display:
    """A finished picture.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        To change or to put into a document; not known to pyplot.
    axes_ : tuple of matplotlib.axes.Axes
        One per map or chart in it, color bars left out.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> display = plots.planes(SOM(3, 4, random_state=0).fit(X).map_)
    >>> len(display.axes_)
    3
    """

    figure_: "Figure"
    axes_: tuple["Axes", ...]

    @property
    def ax_(self) -> "Axes":
        """The only, or the first, of the axes."""
        return self.axes_[0]

    def save(self, path: str | os.PathLike[str], dpi: float = SCREEN_DPI) -> None:
        """Write the picture to a file; the same map gives the same bytes.

        Parameters
        ----------
        path : str or path
            Its ending chooses the kind: .png, .svg, .pdf or another that matplotlib knows; without
            one .png is added.
        dpi : float, default=110
            Dots per inch, for kinds that have dots.

        Raises
        ------
        InputError
            Where no file can be.
        """
        target, picture = Path(path), io.BytesIO()
        if not target.suffix:
            target = Path(f"{target}.png")
        self._write(picture, target.suffix.lower(), dpi)
        write_whole(target, picture.getvalue())

    def _write(self, file: Any, ending: str, dpi: float) -> None:
        import matplotlib

        with warnings.catch_warnings():
            # A name in a script that the font lacks is drawn as boxes; no reason to alarm.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            # Without a fixed salt an SVG names its parts at random.
            with matplotlib.rc_context({"svg.hashsalt": "somscape"}):
                self.figure_.savefig(
                    file, format=ending[1:] or None, dpi=dpi, metadata=_UNDATED.get(ending)
                )

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self._write(picture, ".png", SCREEN_DPI)
        return picture.getvalue()


def make_figure(width: float, height: float) -> "Figure":
    """Return an empty figure, in inches, on the Agg canvas and not known to pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=SCREEN_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure
