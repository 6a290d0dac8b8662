"""What has changed from a map to the next, place by place."""

from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.changes import MapChange
from somscape.changes import difference as find_difference
from somscape.encode import words_of_column
from somscape.maps import Map
from somscape.plots._display import Display, display_of
from somscape.plots._per_unit import levels_of
from somscape.plots._scale import checked_limits
from somscape.plots._shown import ColumnPlane
from somscape.plots._small_maps import draw_panels
from somscape.plots._style import diverging
from somscape.plots._texts import draw_texts, largest_pieces
from somscape.regions import RegionChange, Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def difference(
    before: Map,
    after: Map,
    *,
    regions: Any = None,
    X: Any = None,
    limits: Any = "robust",
    ax: Any = None,
) -> Display:
    """Draw what has changed from a map to the next: how far units moved, which grew.

    The map after is laid over the one before, as `changes.align` does.

    Parameters
    ----------
    before, after : Map
        Of the same lattice and columns, such as last month's and this month's.
    regions : Regions, True or pair of Regions, optional
        Regions to compare, as for `changes.difference`; the borders of those after are drawn.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows by which regions of both maps are matched, as for `regions.compare`.
    limits : {"robust", "full"} or pair of float, default="robust"
        As for `plots.values`, of how far units moved.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Where to draw instead of in a new figure: three axes, four with regions; or a figure, a
        subfigure or single axes, whose area is divided.

    Returns
    -------
    Display
        Its `axes_` show how far each unit moved, the column in which it moved most, and the change
        of its share of the rows, in percentage points: orange where there are more, blue where
        there are fewer; and, where regions were compared, that of each region.  Its ``drawn_``
        holds ``"moved"``, ``"grew"`` and the name of the ``"column"`` by unit, and all that was
        found as ``"change"``, which says it in sentences; of regions also the ``"labels"`` that
        have room, with their names and shares.

    Raises
    ------
    InputError
        For another lattice, other columns, or regions of another map.
    TypeError
        For something that has no map, or something else as regions.

    See Also
    --------
    somscape.changes.difference : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> later = SOM(random_state=0, init=som.map_).fit(X + [0.0, 0.5])
    >>> display = plots.difference(som, later)
    >>> len(display.axes_), display.drawn_["column"][0]
    (3, 'x1')
    """
    change = find_difference(before, after, regions=regions, X=X)
    points = 100 * change.grew
    names = [words_of_column(change.before.encoding, name) for name in change.columns]
    columns = [names[i] if i >= 0 else None for i in change.most.tolist()]
    planes = [
        ColumnPlane("how far units moved", "number", change.moved),
        levels_of("column that moved most", columns),
        ColumnPlane("change of share", "number", points),
    ]
    looks: list[dict[str, Any]] = [
        {"limits": _from_zero(change.moved, limits), "label": "distance"},
        {},
        {"colormap": diverging(), "limits": _around_zero(points), "label": "percentage points"},
    ]
    found = change.regions_after
    if found is not None:
        of_regions = _points_of_regions(change)[found.labels]
        planes.append(ColumnPlane("change of regions", "number", of_regions))
        looks.append({**looks[-1], "limits": _around_zero(of_regions)})
    axes = draw_panels(
        change.before,
        planes,
        title=_title(change),
        n_wide=len(planes),
        place=ax,
        looks=looks,
        regions=found,
    )
    drawn: dict[str, Any] = {"moved": change.moved, "grew": change.grew, "column": columns}
    if found is not None:
        drawn["labels"] = _write_regions(axes[-1], change, found)
    return display_of(axes, {**drawn, "change": change})


def _points_of_regions(change: MapChange) -> Float64s:
    """Return by how many percentage points each region after grew."""
    now = [each for each in change.regions if each.after is not None]
    points = np.zeros(len(now))
    for each in now:
        points[each.after] = 100 * (each.share_after - each.share_before)
    return points


def _write_regions(ax: "Axes", change: MapChange, found: Regions) -> dict[int, str]:
    """Write in the middle of each region from which to which share of the rows it goes."""
    lattice = change.before.lattice
    pieces = largest_pieces(lattice, found.labels)
    units, texts = [], []
    for each in change.regions:
        if each.after is not None:
            places = lattice.positions[pieces[each.after]]
            middle = ((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()
            units.append(pieces[each.after][middle])
            texts.append(f"{each.name}\n{_shares(each)}")
    order = np.argsort([-len(pieces[found.labels[unit]]) for unit in units], kind="stable")
    return draw_texts(ax, lattice, np.array(units)[order], [texts[i] for i in order])


def _shares(change: RegionChange) -> str:
    low, high = (f"{100 * share:.0f}" for share in (change.share_before, change.share_after))
    if change.before is None:
        return f"new: {high} %"
    return f"{high} %" if low == high else f"{low} to {high} %"


def _from_zero(values: Float64s, limits: Any) -> tuple[float, float]:
    """Return limits that begin at zero, unless both are given."""
    low, high = checked_limits(values, limits)
    return (0.0, high or 1.0) if isinstance(limits, str) else (low, high)


def _around_zero(values: Float64s) -> tuple[float, float]:
    """Return robust limits as far below zero as above it."""
    far = checked_limits(np.abs(values), "robust")[1] or 1.0
    return -far, far


def _title(change: MapChange) -> str:
    words = change.alignment.words
    return "What has changed" + (f", with the map after {words}" if words else "")
