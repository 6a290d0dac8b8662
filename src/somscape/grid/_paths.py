"""Shortest paths from unit to unit along given edges, and the shortest tree of them."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid._lattice import Lattice, neighbor_pairs


def shortest_paths(
    n_units: int, pairs: Ints, lengths: Float64s | None = None, *, starts: Ints | None = None
) -> Float64s:
    """Return the lengths of the shortest paths from some units to all."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    values = np.ones(len(pairs)) if lengths is None else lengths
    graph: Any = csr_array((values, (pairs[:, 0], pairs[:, 1])), shape=(n_units, n_units))
    # SciPy's algorithms on graphs take no others before 1.15.
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    # Lengths of 0 stay edges, because the array holds them.
    found: Float64s = dijkstra(graph, indices=starts, unweighted=lengths is None)
    return np.atleast_2d(found)


def n_connected(lattice: Lattice, units: Ints) -> int:
    """Return into how many groups some units fall, with neighbors joined."""
    return len(np.unique(connected_groups(lattice, units)))


def connected_groups(lattice: Lattice, units: Ints, labels: Ints | None = None) -> Ints:
    """Return the group of each of some units, with neighbors joined."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    place = np.full(lattice.n_units, -1)
    place[units] = np.arange(len(units))
    pairs = place[neighbor_pairs(lattice)]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    if labels is not None:
        pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    a, b = pairs.T
    graph: Any = csr_array((np.ones(len(a)), (a, b)), shape=(len(units), len(units)))
    # As in `shortest_paths`.
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    return np.asarray(connected_components(graph, directed=False)[1])


def spanning_tree(n_units: int, pairs: Ints, lengths: Float64s) -> Ints:
    """Return which edges make the shortest tree that joins all units."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    # Ranks instead of lengths: no length is 0, and none equals another.
    rank = np.empty(len(pairs))
    order = np.argsort(lengths, kind="stable")
    rank[order] = np.arange(1, len(pairs) + 1)
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    _, first = np.unique(low * n_units + high, return_index=True)
    entries = (rank[first], (low[first], high[first]))
    tree: Any = minimum_spanning_tree(csr_array(entries, shape=(n_units, n_units)))
    return np.sort(order[tree.tocoo().data.astype(np.intp) - 1])
