"""The regions of a map as a tree: which join first, and how clear the valley between them is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s
from somscape.maps import Map, as_map
from somscape.plots._cells import short
from somscape.plots._display import Display, display_of, make_figure
from somscape.plots._panels import check_is_one_axes
from somscape.plots._style import ink, region_colors, region_names, shade
from somscape.regions import Regions, given_or_found, order_of_joins

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INSIDE = 0.3
"""Part of the width for joins inside one group, where there are others, too."""

POWERS = (3, 10, 30, 100, 300)
"""Powers of ten of the chances on the axis, from 1 in 1000; it ends with the first that no join is
beyond, or with 1e-320, below which no number is."""

BEYOND = 320.0
GAP = 0.012
"""Least part of the width from a join to the next above it."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WIDTH, _ROW, _MAX_TALL = 6.4, 0.26, 11.0  # inches
_HEAD, _FOOT = 0.42, 0.62
_NAME_LETTER = 0.078
_NAME_LETTERS = 28


@dataclass(frozen=True)
class Merge:
    """Two nodes of the tree that join: regions by number, then earlier joins.

    Attributes
    ----------
    nodes : (int, int)
    evidence : float
        How unlikely so empty a border is inside one group; NaN where no rows told.
    is_apart : bool
        Whether density falls between them.
    """

    nodes: tuple[int, int]
    evidence: float
    is_apart: bool


def dendrogram(map: Map, regions: Regions | None = None, *, ax: "Axes | None" = None) -> Display:
    """Draw how the regions of a map join, as a tree.

    Those that lie least apart join first.  The farther to the right two branches meet, the
    clearer is the valley between them: the axis says how rarely a border inside one group is as
    empty.  Joins inside a group, between parts without such a valley, come first, in their
    order, at equal steps.

    Parameters
    ----------
    map : Map
        The map to draw.
    regions : Regions, optional
        The leaves, such as ``regions.find_regions(map, 12)``.  By default as for `plots.regions`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        Its ``drawn_`` holds the ``"regions"``; the ``"leaves"``, numbers of regions from top to
        bottom; the ``"merges"``, of shape (n_merges, 2), as those of SciPy: join i makes node
        ``n_regions + i``; and for each join its ``"evidence"``, as a chance, ``"is_apart"`` and
        its ``"height"``, from 0 to 1.

    Raises
    ------
    TypeError
        For `regions` that are none, such as their number, or an `ax` that is no axes.

    See Also
    --------
    regions, somscape.regions.order_of_joins

    Notes
    -----
    On a map that keeps no rows, and whose file tells of none, regions join by Ward's rule; the axis
    then counts how many are left.  Regions that were changed by hand join where the first of their
    units do.  Those on unconnected parts of a map do not join.  Takes as long as finding regions.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots, regions
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 2)) + np.repeat([[0, 0], [9, 0], [0, 9]], [70, 50, 30], axis=0)
    >>> display = plots.dendrogram(SOM(random_state=0).fit(X))
    >>> sorted(display.drawn_["leaves"]), display.drawn_["is_apart"].tolist()
    ([0, 1, 2], [True, True])
    """
    map_ = as_map(map)
    found = given_or_found(regions, map_)
    check_is_one_axes(ax)
    merges = merges_of(map_, found)
    has_rows = map_.joins is not None
    heights = _heights(merges, found.n_regions, has_rows)
    children = [merge.nodes for merge in merges]
    leaves = _leaves(children, found)
    if ax is None:
        ax = _axes_for(_names(found))
    _draw(ax, found, merges, heights, leaves)
    _draw_scale(ax, merges, has_rows)
    n = found.n_regions
    text = f"How {n} regions join" if n > 1 else "1 region"
    ax.set_title(f"{text}, {map_.lattice.size_text}", fontsize=11, loc="left")
    drawn: dict[str, Any] = {
        "regions": found,
        "leaves": leaves,
        "merges": np.array(children, dtype=np.intp).reshape(-1, 2),
        "evidence": np.array([merge.evidence for merge in merges]),
        "is_apart": np.array([merge.is_apart for merge in merges], dtype=bool),
        "height": heights,
    }
    return display_of([ax], drawn)


def merges_of(map_: Map, found: Regions) -> list[Merge]:
    """Return which regions of a map join, one after another."""
    joins, pairs = map_.joins, order_of_joins(map_)
    evidence = np.full(len(pairs), np.nan) if joins is None else joins.evidence
    n_inside = len(pairs) if joins is None else map_.n_units - joins.n_apart
    # Of each region, one that it has joined; of those that have joined none, their node.
    into = list(range(found.n_regions))
    node = list(range(found.n_regions))
    merges: list[Merge] = []
    for i, ends in enumerate(found.labels[pairs].tolist()):
        a, b = (_root(into, each) for each in ends)
        if a == b:
            continue
        merges.append(Merge((node[a], node[b]), float(evidence[i]), i >= n_inside))
        into[b] = a
        node[a] = found.n_regions + len(merges) - 1
    return merges


def _root(into: list[int], region: int) -> int:
    while into[region] != region:
        region = into[region]
    return region


def _heights(merges: list[Merge], n: int, has_rows: bool) -> Float64s:
    """Return where on the width each join lies."""
    n_inside = sum(not merge.is_apart for merge in merges)
    share, most = _inside(merges), _most(merges)
    heights = np.zeros(n + len(merges))
    n_done = 0
    for i, merge in enumerate(merges):
        n_done += not merge.is_apart
        at = share * n_done / (n_inside + 1)
        if merge.is_apart:
            at = share + (1 - share) * _along(_power(merge), most)
        below = [heights[node] for node in merge.nodes]
        heights[n + i] = max(at, max(below) + GAP * has_rows)
    return heights[n:]


def _inside(merges: list[Merge]) -> float:
    """Return which part of the width is that of joins inside one group."""
    kinds = {merge.is_apart for merge in merges}
    return INSIDE if len(kinds) == 2 else 0.0 if kinds == {True} else 1.0


def _power(merge: Merge) -> float:
    """Return which power of ten a chance is, without its sign."""
    return float(-np.log10(merge.evidence)) if merge.evidence > 0 else BEYOND


def _most(merges: list[Merge]) -> float:
    """Return the power of ten with which the axis ends."""
    strongest = max((_power(merge) for merge in merges if merge.is_apart), default=0.0)
    return next((power for power in POWERS[1:] if strongest <= power), BEYOND)


def _along(power: float, most: float) -> float:
    """Return where on its part of the axis a power of ten lies, from 0 to 1."""
    reached = np.clip(power, POWERS[0], most)
    # The first joins must not lie on the leaves.
    return float(0.08 + 0.86 * np.log(reached / POWERS[0]) / np.log(most / POWERS[0]))


def _leaves(children: list[tuple[int, int]], found: Regions) -> list[int]:
    """Return the regions in an order in which no branches cross, at each join the larger first."""
    n = found.n_regions
    below: list[list[int]] = [[i] for i in range(n)]
    rows = [float(size) for size in found.sizes]
    is_root = [True] * (n + len(children))
    for pair in children:
        a, b = sorted(pair, key=lambda node: (-rows[node], node))
        below.append(below[a] + below[b])
        rows.append(rows[a] + rows[b])
        is_root[a] = is_root[b] = False
    roots = sorted((i for i in range(len(below)) if is_root[i]), key=lambda node: -rows[node])
    return [leaf for root in roots for leaf in below[root]]


def _names(found: Regions) -> list[str]:
    total = float(found.sizes.sum()) or 1.0
    return [
        f"{short(text, _NAME_LETTERS)}   {100 * rows / total:.0f} %"
        for text, rows in zip(region_names(found), found.sizes, strict=True)
    ]


def _axes_for(names: list[str]) -> "Axes":
    left = 0.3 + _NAME_LETTER * max(map(len, names))
    tall = min(max(0.6, _ROW * len(names)), _MAX_TALL)
    width, height = left + _WIDTH * 0.72, _HEAD + tall + _FOOT
    size = (left / width, _FOOT / height, 1 - (left + 0.15) / width, tall / height)
    return make_figure(width, height).add_axes(size)


def _draw(
    ax: "Axes", found: Regions, merges: list[Merge], heights: Float64s, leaves: list[int]
) -> None:
    n, colors = found.n_regions, region_colors(found)
    y = np.zeros(n + len(merges))
    y[leaves] = np.arange(n)
    x = np.concatenate([np.zeros(n), heights])
    is_open = np.ones(len(y), dtype=bool)

    def branch(node: int, end: float) -> None:
        is_leaf = node < n
        ax.plot(
            [x[node], end],
            [y[node], y[node]],
            color=colors[node] if is_leaf else _line(merges[node - n]),
            linewidth=2.6 if is_leaf else 1.5,
            solid_capstyle="butt",
        )

    for i, merge in enumerate(merges):
        a, b = merge.nodes
        y[n + i] = (y[a] + y[b]) / 2
        for node in (a, b):
            branch(node, heights[i])
            is_open[node] = False
        ax.plot([heights[i]] * 2, [y[a], y[b]], color=_line(merge), linewidth=1.5, zorder=2.5)
    for node in np.flatnonzero(is_open).tolist():
        branch(node, 1.0)
    ax.set_xlim(0, 1)
    ax.set_ylim(n - 0.5, -0.5)
    names = _names(found)
    room = ax.get_window_extent().height / ax.figure.dpi * 72 / n
    size = float(np.clip(0.75 * room, 3.5, 9))
    square: dict[str, Any] = {"s": (0.75 * size) ** 2, "marker": "s", "zorder": 3}
    ax.scatter(np.zeros(n), y[:n], c=colors, clip_on=False, **square)
    ax.set_yticks(range(n), [names[leaf] for leaf in leaves], fontsize=size)
    ax.tick_params(axis="y", length=0, pad=8)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _line(merge: Merge) -> str:
    return ink() if merge.is_apart or np.isnan(merge.evidence) else shade(0.45)


def _draw_scale(ax: "Axes", merges: list[Merge], has_rows: bool) -> None:
    ax.tick_params(axis="x", labelsize=8)
    share = _inside(merges)
    if not merges:
        ax.set_xticks([])
        ax.spines["bottom"].set_visible(False)
        return
    if not has_rows:
        n = len(merges)
        shown = range(0, n, -(-n // 12))
        ax.set_xticks([(i + 1) / (n + 1) for i in shown], [str(n - i) for i in shown])
        ax.set_xlabel("regions left", fontsize=9)
        return
    most = _most(merges)
    powers = [power for power in POWERS if share < 1 and power <= most]
    places = [share + (1 - share) * _along(power, most) for power in powers]
    texts = ["10" + f"-{power}".translate(_SUPERSCRIPTS) for power in powers]
    if share:
        ax.axvspan(0, share, color=shade(0.06), linewidth=0, zorder=0)
        places.insert(0, share / 2)
        texts.insert(0, "inside one group")
    ax.set_xticks(places, texts)
    if share < 1:
        ax.set_xlabel("chance of so empty a border inside one group", fontsize=9)
