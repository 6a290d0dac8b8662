"""Draw the regions of a map, the tree that joins these regions, or their stability."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.errors import ParameterTypeError
from somscape.maps._as_map import as_map
from somscape.maps.map import Map
from somscape.plots._cells import draw_borders, draw_cells, draw_numbers, short
from somscape.plots._legend import LegendEntry
from somscape.plots._picture import Picture
from somscape.plots._style import REGION_COLORS, ink, paper, region_colors, region_names, shade
from somscape.plots.display import (
    Display,
    area_of,
    check_is_one_axes,
    display_of,
    given_axes,
    make_figure,
)
from somscape.regions.edit import given_or_found
from somscape.regions.find import RegionStability, order_of_joins
from somscape.regions.regions import Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NAMES = 40
"""Largest number of names in the legend."""


def regions(
    som: Map,
    regions: Regions | None = None,
    *,
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw the regions of a map with their numbers and borders.

    Parameters
    ----------
    som : Map or Regions
        The map to draw, or regions to draw on their own map.
    regions : Regions, optional
        Regions of the map.  By default `regions.find_regions` finds them.  Region 0 has the most
        rows.  Names are written in a legend.  A region that does not have its own color is drawn in
        one of twelve colors.  Several of more than twelve regions can have the same color, but
        neighboring regions have different colors.
    unit_size : float, optional
        Inches between neighboring units.  By default, the map's longer side is about 5.5 inches.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"regions"`` and their ``"colors"``.  ``"borders"`` contains both
        ends of each border line (n_lines, 2, 2), and ``"numbers"`` the position of each region
        number (n_regions, 2).  The number of a small region is drawn next to the region, and a line
        joins both.

    Raises
    ------
    TypeError
        If `regions` is not a Regions object, or if `ax` is not an Axes object.

    See Also
    --------
    dendrogram, stability, somscape.regions.find_regions

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0], [9]], 30, axis=0)
    >>> plots.regions(SOM(4, 5, random_state=0).fit(X)).ax_.get_title()
    '2 regions, 4 x 5 units'
    """
    if regions is None and isinstance(som, Regions):
        regions = som
    found = given_or_found(regions, as_map(som))
    picture = Picture(som, ax=ax, unit_size=unit_size, has_legend=any(found.names))
    lattice, by_region = picture.map.lattice, region_colors(found)
    colors = [by_region[label] for label in found.labels]
    draw_cells(picture.ax, lattice, colors=colors, edge=paper())
    picture.drawn |= {
        "regions": found,
        "colors": by_region,
        "borders": draw_borders(picture.ax, lattice, found.labels),
        "numbers": draw_numbers(picture.ax, lattice, found.labels, colors),
    }
    if any(found.names):
        picture.legend(_entries(found.names, by_region), "regions")
    n = found.n_regions
    return picture.done(f"{n} {'region' if n == 1 else 'regions'}")


def _entries(names: Sequence[str], colors: Sequence[str]) -> list[LegendEntry]:
    """Return a legend entry for each region that has a name."""
    entries = [
        LegendEntry(f"{i}: {name}", color)
        for i, (name, color) in enumerate(zip(names, colors, strict=True))
        if name
    ]
    n_more = len(entries) - MAX_NAMES
    more = [LegendEntry(f"and {n_more} more", ink(), "", is_cut=False)] if n_more > 0 else []
    return entries[:MAX_NAMES] + more


INSIDE = 0.3
"""Share of the axis width for joins within groups, if there are also joins between groups."""

POWERS = (3, 10, 30, 100, 300)
"""Exponents of the probabilities on the axis of the tree.  For example, 3 is a probability of 1 in
10^3.  The axis ends at the first exponent that no join exceeds, or otherwise at 320."""

BEYOND = 320.0
GAP = 0.012
"""Minimum distance on the axis between a join and the earlier joins in its branches, as a share of
the axis width."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WIDTH, _ROW, _MAX_TALL = 6.4, 0.26, 11.0  # inches
_HEAD, _FOOT = 0.42, 0.62
_CHARACTER = 0.078
_NAME_CHARACTERS = 28


@dataclass(frozen=True)
class Merge:
    """A join of two nodes of the tree.  A node is a region or an earlier join, and is identified by
    its number.

    Attributes
    ----------
    nodes : (int, int)
    evidence : float
        Probability that a border inside a single group contains as few rows as the border between
        the two nodes.  NaN if the map contains neither rows nor joins from its file.
    is_apart : bool
        Whether the rows between the two nodes are less dense than the rows inside each node.
    """

    nodes: tuple[int, int]
    evidence: float
    is_apart: bool


def dendrogram(som: Map, regions: Regions | None = None, *, ax: "Axes | None" = None) -> Display:
    """Draw a tree in which the regions of a map are joined step by step.

    The closest regions join first.  The further to the right two branches of the tree meet, the
    clearer is the valley (area with few rows) between their rows.  The axis shows the probability
    that a border inside a single group contains as few rows as this valley.  Regions without a
    valley between them are joined first, at equal distances on the axis.

    Parameters
    ----------
    som : Map or Regions
        The map to draw, or regions to draw on their own map.
    regions : Regions, optional
        Regions that are the leaves of the tree, such as ``regions.find_regions(map, 12)``.  The
        default is the same as for `plots.regions`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in instead of a new figure.

    Returns
    -------
    Display
        ``drawn_`` contains the ``"regions"`` and the ``"leaves"`` (numbers of regions from top to
        bottom).  ``"merges"`` contains the two nodes of each join (n_merges, 2), as in SciPy.  Join
        i creates node ``n_regions + i``.  For each join, ``"evidence"`` is the probability, and
        ``"height"`` is the position on the axis from 0 to 1.  ``"is_apart"`` is True if there is a
        valley between the two nodes.

    Raises
    ------
    TypeError
        If `regions` is not a Regions object, or if `ax` is not an Axes object.

    See Also
    --------
    regions, somscape.regions.order_of_joins

    Notes
    -----
    If the map contains neither rows nor joins from its file, regions are joined by Ward's rule, and
    the axis shows the number of regions that remain after each join.  Two regions that were changed
    by hand are joined when the first of their units are joined.  Regions on unconnected parts of a
    map are not joined.  Drawing takes as long as finding regions.

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
    map_ = as_map(som)
    found = given_or_found(regions, map_)
    check_is_one_axes(ax)
    merges = merges_of(map_, found)
    has_rows = map_.joins is not None
    heights = _heights(merges, found.n_regions, has_rows)
    children = [merge.nodes for merge in merges]
    leaves = _leaves(children, found)
    if ax is None:
        ax = _axes_for(_names_with_shares(found))
    _draw(ax, found, merges, heights, leaves)
    _draw_scale(ax, merges, has_rows)
    n = found.n_regions
    text = f"How {n} regions join" if n > 1 else "1 region"
    ax.set_title(f"{text}, {map_.lattice.size_text}", fontsize=11, loc="left")
    drawn = {
        "regions": found,
        "leaves": leaves,
        "merges": np.array(children, dtype=np.intp).reshape(-1, 2),
        "evidence": np.array([merge.evidence for merge in merges]),
        "is_apart": np.array([merge.is_apart for merge in merges], dtype=bool),
        "height": heights,
    }
    return display_of([ax], drawn)


def merges_of(map_: Map, found: Regions) -> list[Merge]:
    """Return the joins of regions in the order in which the regions are joined."""
    joins, pairs = map_.joins, order_of_joins(map_)
    evidence = np.full(len(pairs), np.nan) if joins is None else joins.evidence
    n_inside = len(pairs) if joins is None else map_.n_units - joins.n_apart
    # `into` contains the region that each region has joined, and `node` the node of each root.
    into, node = list(range(found.n_regions)), list(range(found.n_regions))
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
    """Return the position of each join on the axis, from 0 to 1."""
    n_inside = sum(not merge.is_apart for merge in merges)
    share, most = _width_inside(merges), _last_exponent(merges)
    heights = np.zeros(n + len(merges))
    n_done = 0
    for i, merge in enumerate(merges):
        n_done += not merge.is_apart
        at = share * n_done / (n_inside + 1)
        if merge.is_apart:
            at = share + (1 - share) * _position_of_exponent(_exponent(merge), most)
        heights[n + i] = max(at, max(heights[list(merge.nodes)]) + GAP * has_rows)
    return heights[n:]


def _width_inside(merges: list[Merge]) -> float:
    """Return the share of the axis width on which joins within groups are drawn."""
    kinds = {merge.is_apart for merge in merges}
    return INSIDE if len(kinds) == 2 else 0.0 if kinds == {True} else 1.0


def _exponent(merge: Merge) -> float:
    """Return the probability of a join as an exponent without minus sign (3 for 1 in 10^3)."""
    return float(-np.log10(merge.evidence)) if merge.evidence > 0 else BEYOND


def _last_exponent(merges: list[Merge]) -> float:
    """Return the exponent, without minus sign, of the probability at the end of the axis."""
    strongest = max((_exponent(merge) for merge in merges if merge.is_apart), default=0.0)
    return next((power for power in POWERS[1:] if strongest <= power), BEYOND)


def _position_of_exponent(power: float, most: float) -> float:
    """Return the position (0 to 1) of a probability on the axis part for joins between groups."""
    reached = np.clip(power, POWERS[0], most)
    # The first joins must not cover the leaves.
    return float(0.08 + 0.86 * np.log(reached / POWERS[0]) / np.log(most / POWERS[0]))


def _leaves(children: list[tuple[int, int]], found: Regions) -> list[int]:
    """Return an order of the regions in which branches of the tree do not cross."""
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


def _names_with_shares(found: Regions) -> list[str]:
    total = float(found.sizes.sum()) or 1.0
    return [
        f"{short(text, _NAME_CHARACTERS)}   {100 * rows / total:.0f} %"
        for text, rows in zip(region_names(found), found.sizes, strict=True)
    ]


def _axes_for(names: list[str]) -> "Axes":
    left = 0.3 + _CHARACTER * max(map(len, names))
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
        color, width = (colors[node], 2.6) if node < n else (_line_color(merges[node - n]), 1.5)
        ax.plot([x[node], end], [y[node]] * 2, color=color, linewidth=width, solid_capstyle="butt")

    for i, merge in enumerate(merges):
        a, b = merge.nodes
        y[n + i] = (y[a] + y[b]) / 2
        for node in (a, b):
            branch(node, heights[i])
            is_open[node] = False
        ax.plot([heights[i]] * 2, [y[a], y[b]], color=_line_color(merge), linewidth=1.5, zorder=2.5)
    for node in np.flatnonzero(is_open).tolist():
        branch(node, 1.0)
    ax.set_xlim(0, 1)
    ax.set_ylim(n - 0.5, -0.5)
    names = _names_with_shares(found)
    room = ax.get_window_extent().height / ax.figure.dpi * 72 / n
    size = float(np.clip(0.75 * room, 3.5, 9))
    square = (0.75 * size) ** 2
    ax.scatter(np.zeros(n), y[:n], s=square, c=colors, marker="s", clip_on=False, zorder=3)
    ax.set_yticks(range(n), [names[leaf] for leaf in leaves], fontsize=size)
    ax.tick_params(axis="y", length=0, pad=8)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _line_color(merge: Merge) -> str:
    return ink() if merge.is_apart or np.isnan(merge.evidence) else shade(0.45)


def _draw_scale(ax: "Axes", merges: list[Merge], has_rows: bool) -> None:
    ax.tick_params(axis="x", labelsize=8)
    share = _width_inside(merges)
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
    most = _last_exponent(merges)
    powers = [power for power in POWERS if share < 1 and power <= most]
    places = [share + (1 - share) * _position_of_exponent(power, most) for power in powers]
    texts = ["10" + f"-{power}".translate(_SUPERSCRIPTS) for power in powers]
    if share:
        ax.axvspan(0, share, color=shade(0.06), linewidth=0, zorder=0)
        places.insert(0, share / 2)
        texts.insert(0, "inside one group")
    ax.set_xticks(places, texts)
    if share < 1:
        ax.set_xlabel("chance that a border inside one group is equally empty", fontsize=9)


STABLE = 0.6
"""Minimum stability of a reliable region (Hennig 2007)."""

_WIDE, _GAP, _BARS_ROW = 2.3, 0.3, 0.24  # inches
_BARS_HEAD, _BARS_FOOT, _LEFT = 0.8, 0.55, 0.6
_MIN_BARS_TALL, _MAX_BARS_TALL, _MAX_BARS, _THICK = 1.5, 11.0, 2.0, 0.2


def stability(stability: RegionStability, *, ax: Any = None) -> Display:
    """Draw how many regions samples of the rows give, and how stable each region is.

    Parameters
    ----------
    stability : RegionStability
        Returned by `regions.stability`.
    ax : matplotlib.axes.Axes, sequence of them, Figure or SubFigure, optional
        Existing axes or figure in which the charts are drawn, instead of a new figure.  A sequence
        must contain two axes.  A figure, subfigure or single Axes object is divided into two axes.

    Returns
    -------
    Display
        The first of the two `axes_` contains a bar for each number of regions.  The second contains
        a bar for the stability of each region, and a line at 0.6.  A region with a stability below
        0.6 is not reliable.  ``drawn_`` contains the ``"numbers"`` of regions, and the ``"shares"``
        of the samples that gave each number.  ``"of_regions"`` is the stability of each region.

    Raises
    ------
    TypeError
        If `stability` is not a RegionStability object.

    See Also
    --------
    regions, somscape.regions.stability

    References
    ----------
    C. Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics and
    Data Analysis 52.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots, regions
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0], [9]], 150, axis=0)
    >>> found = regions.find_regions(SOM(random_state=0).fit(X))
    >>> display = plots.stability(regions.stability(found, n_samples=5))
    >>> display.drawn_["numbers"].tolist(), display.drawn_["shares"].tolist()
    ([2], [1.0])
    """
    if not isinstance(stability, RegionStability):
        raise ParameterTypeError(
            f"`stability` must be a RegionStability object, but is {type(stability).__name__}. "
            "Pass the result of somscape.regions.stability(found).",
            value=type(stability).__name__,
        )
    values, found = stability.of_regions, stability.found
    names = [f"region {i}" for i in range(len(values))]
    colors = [REGION_COLORS[i % len(REGION_COLORS)] for i in range(len(values))]
    if found is not None:
        names, colors = region_names(found), region_colors(found)
    names = [short(name, _NAME_CHARACTERS) for name in names]
    numbers, counts = np.unique(stability.numbers, return_counts=True)
    shares = counts / counts.sum()
    axes = given_axes(ax, 2) or _two_axes(ax, names, f"Stability: {stability}")
    _draw_numbers(axes[0], numbers, shares, stability.usual_number)
    _draw_regions(axes[1], values, names, colors)
    return display_of(axes, {"numbers": numbers, "shares": shares, "of_regions": values})


def _two_axes(place: Any, names: list[str], title: str) -> "list[Axes]":
    label = 0.2 + _CHARACTER * max(map(len, names))
    tall = float(np.clip(_BARS_ROW * len(names), _MIN_BARS_TALL, _MAX_BARS_TALL))
    area = area_of(place, _LEFT + 2 * _WIDE + _GAP + label + 0.35, _BARS_HEAD + tall + _BARS_FOOT)
    width, height = area.size
    wide = max((width - _LEFT - _GAP - label - 0.35) / 2, 0.3)
    tall = max(height - _BARS_HEAD - _BARS_FOOT, 0.3)
    right = _LEFT + wide + _GAP + label
    area.add_title(title, 0.15, 0.24)
    low = min(tall, _MAX_BARS)
    return [
        area.add_axes((_LEFT, _BARS_FOOT + tall - low), (wide, low)),
        area.add_axes((right, _BARS_FOOT), (wide, tall)),
    ]


def _draw_numbers(ax: "Axes", numbers: Ints, shares: Float64s, usual: int) -> None:
    colors = [REGION_COLORS[0] if number == usual else shade(0.4) for number in numbers]
    ax.bar(numbers, 100 * shares, color=colors, width=0.7)
    ax.set_xlim(numbers.min() - 1, numbers.max() + 1)
    shown = np.arange(numbers.min(), numbers.max() + 1)
    ax.set_xticks(shown[:: -(-len(shown) // 10)])
    ax.set_ylim(0, 100)
    ax.set_ylabel("% of samples", fontsize=9)
    ax.tick_params(axis="y", labelsize=8)
    _add_title(ax, "How many were found", "number of regions")


def _draw_regions(ax: "Axes", values: Float64s, names: list[str], colors: list[str]) -> None:
    places = np.arange(len(values))
    room = ax.get_window_extent().height / ax.figure.dpi / len(values)
    ax.barh(places, values, color=colors, height=min(0.7, _THICK / room))
    ax.axvline(STABLE, color=ink(), linewidth=1.0, linestyle=(0, (4, 3)))
    size = float(np.clip(0.75 * 72 * room, 3.5, 9))
    for place, value in zip(places.tolist(), values.tolist(), strict=True):
        ax.text(1.02, place, f"{value:.2f}", fontsize=0.9 * size, va="center")
    ax.set_yticks(places, names, fontsize=size)
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.2, 0.4, STABLE, 0.8, 1])
    _add_title(ax, "Which came back", "share that came back")
    ax.tick_params(axis="y", length=0)


def _add_title(ax: "Axes", title: str, label: str) -> None:
    ax.set_title(title, fontsize=9.5)
    ax.set_xlabel(label, fontsize=9)
    ax.tick_params(axis="x", labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
