"""The shortest tree that joins all prototypes, on the map or laid out by itself."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.grid import MAX_GRAPH_UNITS, Graph, neighbor_pairs
from somscape.grid import spanning_tree as tree_of
from somscape.maps import Map, as_map
from somscape.plots._cells import add_lines
from somscape.plots._display import Display
from somscape.plots._per_unit import plane_of
from somscape.plots._picture import Picture
from somscape.plots._shown import ColumnPlane
from somscape.plots._style import MARKED
from somscape.plots._tree_places import tree_places

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAYOUTS = ("map", "tree")
_EDGED = 5.0
"""Width in points of a cell from which the tree has dark edges."""

MAX_ALL_PAIRS = 1000
"""Units up to which every two may be joined; on larger maps, only neighbors."""


def spanning_tree(
    map: Map,
    values: Any = None,
    *,
    X: Any = None,
    layout: str = "map",
    name: str | None = None,
    colormap: str | None = None,
    limits: Any = "robust",
    unit_size: float | None = None,
    ax: "Axes | None" = None,
) -> Display:
    """Draw the shortest tree that joins the prototypes of all units.

    Parameters
    ----------
    map : Map
        The map to draw.
    values : optional
        What colors the cells, as for `plots.values`.  By default the U-matrix.
    X : Table, data frame or array-like of shape (n_samples, n_features), optional
        Rows for a function as `values`.
    layout : {"map", "tree"}, default="map"
        ``"map"``: lines over the cells; those across the map show prototypes that are near and lie
        far apart.  ``"tree"``: units lie where the tree puts them.
    name : str, optional
        What the values are called.
    colormap : str, optional
        Name of a color map of matplotlib.  By default "bone_r" for the U-matrix, else "viridis".
    limits : optional
        As for `plots.values`.
    unit_size : float, optional
        Inches from one unit to the next.  By default the map is about 5.5 inches long.
    ax : matplotlib.axes.Axes, optional
        Axes to draw in, without a color bar, instead of a new figure.

    Returns
    -------
    Display
        As for `plots.values`; its ``drawn_`` also holds the ``"edges"``, units that are joined, of
        shape (n_edges, 2), and for ``layout="tree"`` the map on the ``"tree"``, which every other
        picture can draw, such as ``plots.hits(tree, X, y)``.

    Raises
    ------
    InputError
        As for `plots.values`, and for more than 10,000 units laid out as a tree.
    TypeError
        For an `ax` that is no axes.

    See Also
    --------
    net, somscape.Graph

    Notes
    -----
    Up to 1,000 units, any two may be joined: O(n_units^2 * n_features).  On larger maps, and where
    a graph has parts, only neighbors.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import SOM, plots
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> som = SOM(3, 4, random_state=0).fit(X)
    >>> plots.spanning_tree(som).drawn_["edges"].shape
    (11, 2)
    >>> tree = plots.spanning_tree(som, layout="tree").drawn_["tree"]
    >>> plots.hits(tree, X, X[:, 0] > 0).ax_.get_title()
    'Rows per unit, 12 units'
    """
    map = as_map(map)
    check_choice("layout", layout, LAYOUTS)
    plane = ColumnPlane("", "number", map.u_heights)
    label = "mean distance to neighbors"
    if values is not None:
        plane = plane_of(map, values, X, name)
        label = plane.name
    edges, _lengths = _tree_of(map)
    shown = map if layout == "map" else _on_tree(map, edges)
    picture = Picture(shown, ax=ax, unit_size=unit_size, has_legend=plane.kind == "level")
    colormap = colormap or ("bone_r" if values is None else "viridis")
    picture.paint(plane, colormap=colormap, limits=limits, label=label)
    if layout == "map":
        _draw_over(picture, edges)
    else:
        picture.drawn["tree"] = shown
    picture.drawn["edges"] = edges
    return picture.done("Spanning tree")


def _tree_of(map_: Map) -> tuple[Ints, Float64s]:
    if map_.n_units <= MAX_ALL_PAIRS:
        pairs = np.column_stack(np.triu_indices(map_.n_units, 1))
    else:
        pairs = neighbor_pairs(map_.lattice)
    lengths = map_.metric.between(map_.codebook[pairs[:, 0]], map_.codebook[pairs[:, 1]])
    chosen = tree_of(map_.n_units, pairs, lengths)
    return pairs[chosen], lengths[chosen]


def _draw_over(picture: Picture, edges: Ints) -> None:
    places, step = picture.map.lattice.positions[edges], picture.step()
    if step >= _EDGED:
        add_lines(picture.ax, places, colors="black", linewidths=min(3, 0.36 * step), zorder=4)
    add_lines(picture.ax, places, colors=MARKED, linewidths=min(1.6, 0.19 * step), zorder=4.1)


def _on_tree(map_: Map, edges: Ints) -> Map:
    """Return the map with its units laid out by the tree."""
    if map_.n_units > MAX_GRAPH_UNITS:
        raise InputError(
            f"layout='tree' is for at most {MAX_GRAPH_UNITS} units; this map has {map_.n_units}. "
            "Pass layout='map'."
        )
    places = tree_places(map_.n_units, edges)
    graph = Graph.from_edges(
        map_.n_units, pairs=edges, lengths=np.ones(len(edges)), positions=places
    )
    return replace(map_, lattice=graph)
