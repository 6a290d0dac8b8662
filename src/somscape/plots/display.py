"""The Display object that every plot function returns, and axes for several panels of a figure."""

import io
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._files import write_whole
from somscape._validate import check_is, check_that, suggest_names
from somscape.errors import InputError, SomscapeWarning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

SCREEN_DPI = 110
"""Default number of dots per inch of a picture in a file or notebook."""

LINES_DPI = 300
"""Minimum number of dots per inch for those parts of an SVG or PDF file that consist of pixels."""

Size = tuple[float, float] | None
"""Width and height of a figure in inches, or None for a suitable size."""

LEAST, MOST = 2, 100
"""Smallest and largest width and height of a figure in inches, for the parameter `figsize`."""

_TITLE_SIZE = 11  # points
_MIN_SIDE = 0.3  # inches

_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    ".svg": {"Date": None, "Creator": None},
}
"""Settings of matplotlib, by file extension, that keep dates and versions out of picture files."""

_SAVE_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "image.composite_image": False,
    "svg.hashsalt": "somscape",
}
"""Settings of matplotlib for saved pictures.  With these settings, text remains searchable, images
remain unchanged, and the names of elements in SVG files are reproducible."""

WINDOWLESS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
"""Backends of matplotlib that do not open windows."""


@dataclass(frozen=True, eq=False, repr=False)
class Display:
    """A finished picture.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure of the picture.  The figure can be changed or included in a document.  Figures that
        somscape creates are not registered in pyplot.
    axes_ : tuple of matplotlib.axes.Axes
        Axes of each map or chart in the picture.  The axes of color bars are not included.
    drawn_ : mapping of str to object
        Data that the picture shows, by name, such as ``"values"`` and the ``"limits"`` of the
        colors.  The documentation of each plot function lists these names.

    See Also
    --------
    dark : Draws pictures for a dark page.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> display = plots.planes(SOM(3, 4, random_state=0).fit(X).map_)
    >>> len(display.axes_), display.drawn_["columns"]
    (3, ['x0', 'x1', 'x2'])
    """

    figure_: "Figure"
    axes_: tuple["Axes", ...]
    drawn_: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def __repr__(self) -> str:
        return f"Display({self.ax_.get_title()!r}, drawn_: {', '.join(self.drawn_)})"

    @property
    def ax_(self) -> "Axes":
        """The first or only axes."""
        return self.axes_[0]

    def show(self) -> None:
        """Show the picture in a window, or in a notebook below the current cell.

        In a script, this method waits until the window is closed, like ``matplotlib.pyplot.show``.
        The method also shows all other open figures of pyplot.

        Warns
        -----
        SomscapeWarning
            If matplotlib uses a backend that cannot open windows, such as "agg" on a computer
            without a screen.  The picture is then not shown.

        Examples
        --------
        >>> import numpy as np
        >>> from somscape import SOM, plots
        >>> X = np.random.default_rng(0).normal(size=(50, 3))
        >>> plots.umatrix(SOM(3, 4, random_state=0).fit(X)).show()  # doctest: +SKIP
        """
        import matplotlib.pyplot as plt

        backend = plt.get_backend()
        if backend.lower() in WINDOWLESS:
            warnings.warn(
                f"the picture is not shown, because the backend {backend!r} of matplotlib cannot "
                "open windows. Save the picture with `save`, or choose another backend with "
                "matplotlib.use.",
                SomscapeWarning,
                stacklevel=2,
            )
            return
        is_users = _is_known_to_pyplot(self.figure_)
        if not is_users:
            # pyplot creates a figure with this class.  Before matplotlib 3.11, pyplot cannot show
            # other figures.
            plt.figure(FigureClass=lambda **_: self.figure_)  # type: ignore[arg-type]
        try:
            plt.show()
        finally:
            if not is_users and not plt.isinteractive():
                plt.close(self.figure_)
                use_agg(self.figure_)

    def save(self, path: str | os.PathLike[str], dpi: float = SCREEN_DPI) -> None:
        """Write the picture to a file.  The same map gives an identical file.

        Parameters
        ----------
        path : str or path
            Name of the file.  The extension of the name (.png, .svg, .pdf or another extension that
            matplotlib supports) determines the format.  If the name does not have an extension,
            .png is added.
        dpi : float, default=110
            Number of dots per inch, for file formats that consist of pixels.

        Raises
        ------
        InputError
            If `path` is not the name of a file, if matplotlib does not support its extension, or if
            the file cannot be written.
        """
        is_path, picture = isinstance(path, str | os.PathLike), io.BytesIO()
        target = Path(path) if is_path and Path(path).suffix else Path(f"{path}.png")
        endings = sorted(f".{kind}" for kind in self.figure_.canvas.get_supported_filetypes())
        if not is_path or target.suffix.lower() not in endings:
            raise InputError(
                f"`path` must be the name of a file that ends in {', '.join(endings)}, but is "
                f"{str(path) if is_path else path!r}. Pass a name such as 'picture.png'.",
                parameter="path",
                value=path,
                allowed=tuple(endings),
            )
        self._write(picture, target.suffix.lower(), dpi)
        write_whole(target, picture.getvalue())

    def _write(self, file: Any, ending: str, dpi: float) -> None:
        import matplotlib

        with warnings.catch_warnings():
            # Characters that are not in the font are drawn as boxes, without a warning.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            with matplotlib.rc_context(_SAVE_SETTINGS):
                # In an SVG or PDF, only collections of many shapes consist of dots.
                self.figure_.savefig(
                    file,
                    format=ending[1:] or None,
                    dpi=max(dpi, LINES_DPI) if ending in (".svg", ".pdf") else dpi,
                    metadata=_METADATA.get(ending),
                )

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self._write(picture, ".png", SCREEN_DPI)
        return picture.getvalue()


def use_agg(figure: "Figure") -> None:
    """Attach a canvas to a figure that does not need a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)


def short(text: str, length: int) -> str:
    """Cut a text to at most `length` characters, and escape the dollar signs for matplotlib."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    # matplotlib would read the text between two dollar signs as a formula.
    return " ".join(cut.split()).replace("$", r"\$")


def fit_text(title: "Text", room: float) -> None:
    """Write a title that is wider than `room` pixels in smaller characters, or else cut the title.

    The size of the characters decreases by at most a third.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        share = room / max(title.get_window_extent().width, 1.0)
    if share < 1:
        title.set_fontsize(max(share, 2 / 3) * float(title.get_fontsize()))
    if share < 2 / 3:
        text = title.get_text()
        title.set_text(f"{text[: max(1, int(1.5 * share * len(text)) - 2)]}…")


def display_of(axes: "Sequence[Axes]", drawn: Mapping[str, Any] | None = None) -> Display:
    """Return a Display object with the given axes, their figure and the drawn data."""
    figure = axes[0].get_figure(root=True)
    assert figure is not None
    return Display(figure, tuple(axes), drawn_=dict(drawn or {}))


def _is_known_to_pyplot(figure: "Figure") -> bool:
    import matplotlib.pyplot as plt

    manager = figure.canvas.manager
    return (
        manager is not None and plt.fignum_exists(manager.num) and plt.figure(manager.num) is figure
    )


@dataclass(frozen=True, eq=False)
class Area:
    """A rectangular area of a figure.  Positions are in inches from its lower left corner.

    Attributes
    ----------
    figure : matplotlib.figure.Figure or SubFigure
    low : ndarray of shape (2,), float64
        Position of the lower left corner of the area, as shares of the figure's width and height.
    share : ndarray of shape (2,), float64
        Width and height of the area, as shares of the figure's width and height.
    size : ndarray of shape (2,), float64
        Width and height in inches.
    """

    figure: "Figure | SubFigure"
    low: Any
    share: Any
    size: Any

    def add_axes(self, corner: tuple[float, float], size: Any, **more: Any) -> "Axes":
        """Add axes to the area.  Their lower left corner and size are given in inches."""
        inch = self.share / self.size
        return self.figure.add_axes((*(self.low + corner * inch), *(size * inch)), **more)

    def add_title(self, text: str, left: float, below: float) -> None:
        """Write a title `left` inches from the left edge and `below` inches from the top edge."""
        x, y = self.low + self.share * (left / self.size[0], 1 - below / self.size[1])
        written = self.figure.text(float(x), float(y), text, fontsize=_TITLE_SIZE, va="center")
        fit_text(written, (self.size[0] - left) * written.figure.dpi)


@dataclass(frozen=True, eq=False)
class Canvas:
    """The place, size and title that the caller of a plot function gives."""

    ax: Any
    figsize: Any
    title: str | None

    def __post_init__(self) -> None:
        cure = ' Pass a text such as "Customers in March".'
        check_is("title", self.title, str | None, "a text or None", cure)
        size: Any = self.figsize
        if size is None:
            return
        is_pair = isinstance(size, Sequence | np.ndarray) and len(size) == 2
        if not is_pair or not all(isinstance(x, Real) and LEAST <= float(x) <= MOST for x in size):
            raise InputError(
                f"`figsize` must be the width and height of a figure, two numbers from {LEAST} to "
                f"{MOST} inches, but is {size!r}. Pass a pair such as (8, 6).",
                value=size,
            )
        cure = "The size of given axes is fixed, so leave out one of the two."
        check_that(self.ax is None, f"`figsize` and `ax` are both given. {cure}")

    def new(self, width: float, height: float) -> "Figure":
        """Return an empty figure that pyplot does not manage.  These sizes are the defaults."""
        from matplotlib.figure import Figure

        size = (width, height) if self.figsize is None else tuple(self.figsize)
        figure = Figure(figsize=size, dpi=SCREEN_DPI)
        use_agg(figure)
        return figure

    def one_axes(
        self, size: tuple[float, float], left: float, below: float, right: float, above: float
    ) -> "Axes":
        """Return the given axes, or axes of a new figure.  Sizes and margins are in inches."""
        if self.has_axes():
            return self.ax
        area = self.area(*size)
        inside = np.maximum(area.size - (left + right, below + above), _MIN_SIDE)
        return area.add_axes((left, below), inside)

    def has_axes(self) -> bool:
        """Return whether an Axes object is given.  Raise TypeError for all other objects."""
        from matplotlib.axes import Axes

        cure = " For a figure, pass figure.add_subplot(). For several axes, pass one of the axes."
        check_is("ax", self.ax, Axes | None, "one Axes object of matplotlib or None", cure)
        return self.ax is not None

    def area(self, width: float, height: float) -> Area:
        """Return the area of the given figure or axes, or the area of a new figure."""
        from matplotlib.axes import Axes

        place = self.new(width, height) if self.ax is None else self.ax
        low, share, figure = np.zeros(2), np.ones(2), place
        if isinstance(place, Axes):
            place.set_axis_off()
            box, figure = place.get_position(), place.figure
            low, share = np.array([box.x0, box.y0]), np.array([box.width, box.height])
        extent = place.get_window_extent()
        size = np.array([extent.width, extent.height]) / figure.dpi
        return Area(figure, low, share, np.maximum(size, 0.1))

    def text(self, default: str) -> str:
        """Return the given title, or else the default title."""
        return default if self.title is None else self.title

    def write_title(self, ax: "Axes", default: str, **look: Any) -> None:
        """Write the title above axes, inside the figure."""
        written = ax.set_title(self.text(default), fontsize=_TITLE_SIZE, y=1.0, **look)
        box, width = ax.get_window_extent(), ax.figure.bbox.width
        middle = (box.x0 + box.x1) / 2
        is_left = look.get("loc") == "left"
        fit_text(written, width - box.x0 if is_left else 2 * min(middle, width - middle))


def given_axes(canvas: Canvas, n: int) -> "list[Axes] | None":
    """Return the given axes for `n` drawings, or None if the place must be divided into axes."""
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    place = canvas.ax
    if place is None or isinstance(place, Figure | SubFigure):
        return None
    if isinstance(place, Axes):
        return [place] if n == 1 else None
    axes = list(place.flat) if isinstance(place, np.ndarray) else place
    if not isinstance(axes, Sequence) or not all(isinstance(ax, Axes) for ax in axes):
        raise InputError(
            "`ax` must be an Axes object of matplotlib, a sequence of axes, a figure or a "
            f"subfigure, but is {type(place).__name__}.",
            value=type(place).__name__,
        )
    if len(axes) < n:
        raise InputError(
            f"`ax` must contain {n} axes, but contains {len(axes)}. Pass more axes, or pass a "
            "figure, subfigure or single axes, whose area is divided.",
            value=len(axes),
        )
    message = "`title` is given, but a sequence `ax` of axes has no place for one title."
    check_that(canvas.title is None, f"{message} Call figure.suptitle, or pass a figure as `ax`.")
    return list(axes[:n])


suggest_names("somscape.plots")
