"""How candidate settings trade a close fit to the rows against order on the map."""

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.errors import InputError
from somscape.plots._display import Display, display_of, make_figure
from somscape.plots._panels import check_is_one_axes
from somscape.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = (
    "n_rows", "n_cols", "radius_end", "quantization_error", "topographic_error", "stability"
)  # fmt: skip
_MARKERS = ("o", "s", "^")
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_SMALLEST, _LARGEST = 25.0, 160.0
"""Areas of the markers of stability 0 and 1, in square points."""


def trade_off(candidates: Table, *, ax: "Axes | None" = None) -> Display:
    """Draw both errors of the candidates of `SOM.suggest`; lower left is better.

    Parameters
    ----------
    candidates : Table
        Returned by `somscape.SOM.suggest`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.  The legends are to the right of them.

    Returns
    -------
    Display
        One line per map size, from the largest final radius to the smallest.  The larger a marker,
        the more similar are the maps of different samples.  Its ``drawn_`` holds the
        ``"topographic_error"``, ``"quantization_error"`` and ``"stability"`` of the candidates.

    Raises
    ------
    InputError
        When the table lacks one of the columns, or rows.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    somscape.SOM.suggest : Makes the candidates.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> display = plots.trade_off(SOM.suggest(X, n_samples=100, n_seeds=2, random_state=0))
    >>> display.ax_.get_xlabel()
    'topographic error'
    """
    check_is_one_axes(ax)
    names = candidates.names if isinstance(candidates, Table) else ()
    if missing := [name for name in _COLUMNS if name not in names]:
        raise InputError(f"`candidates` lacks {missing}; pass what SOM.suggest(X) returned.")
    if candidates.n_rows == 0:
        raise InputError("`candidates` has no rows; pass more rows to SOM.suggest.")
    if ax is None:
        ax = make_figure(5.6, 4.0).add_axes((0.14, 0.14, 0.6, 0.76))
    qe, te, stability = (_numbers(candidates, name) for name in _COLUMNS[3:])
    radius = _numbers(candidates, "radius_end")
    marker_of = dict(zip(sorted(set(radius), reverse=True), cycle(_MARKERS), strict=False))
    area = _SMALLEST + (_LARGEST - _SMALLEST) * np.clip(stability, 0, 1)
    sizes = list(zip(_numbers(candidates, "n_rows"), _numbers(candidates, "n_cols"), strict=True))
    for number, size in enumerate(dict.fromkeys(sizes)):
        color = _COLORS[number % len(_COLORS)]
        which = [i for i, other in enumerate(sizes) if other == size]
        label = f"{size[0]:.0f} x {size[1]:.0f}"
        ax.plot(te[which], qe[which], color=color, linewidth=1.2, alpha=0.6, label=label)
        for i in which:
            ax.scatter(te[i], qe[i], s=area[i], color=color, marker=marker_of[radius[i]])
    ax.set_xlabel("topographic error", fontsize=9)
    ax.set_ylabel("quantization error", fontsize=9)
    ax.set_title("Candidates: lower left is better", fontsize=11)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    _add_legends(ax, marker_of)
    return display_of([ax], dict(zip(_COLUMNS[3:], (qe, te, stability), strict=True)))


def _numbers(candidates: Table, name: str) -> Float64s:
    numbers = candidates.column(name).numbers
    if numbers is None:
        raise InputError(
            f"`candidates` has no numbers in {name!r}; pass what SOM.suggest returned."
        )
    return numbers


def _add_legends(ax: Any, marker_of: dict[float, str]) -> None:
    from matplotlib.lines import Line2D

    place = {"fontsize": 8, "title_fontsize": 8, "frameon": False, "loc": "upper left"}
    ax.add_artist(ax.legend(title="map", bbox_to_anchor=(1.02, 1.0), **place))
    shapes = [
        Line2D([], [], color="#555555", marker=marker, linestyle="", label=f"{radius:.3g}")
        for radius, marker in marker_of.items()
    ]
    ax.add_artist(
        ax.legend(handles=shapes, title="radius_end", bbox_to_anchor=(1.02, 0.6), **place)
    )
    areas = [
        Line2D(
            [], [], color="#555555", marker="o", linestyle="", label=f"{share:.1f}",
            markersize=(_SMALLEST + (_LARGEST - _SMALLEST) * share) ** 0.5,
        )
        for share in (0.5, 1.0)
    ]  # fmt: skip
    ax.legend(handles=areas, title="stability", bbox_to_anchor=(1.02, 0.28), **place)
