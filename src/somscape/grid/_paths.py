"""Shortest paths from unit to unit along given edges."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid._lattice import Lattice


def neighbor_pairs(lattice: Lattice) -> Ints:
    """Return all pairs of neighbors of a lattice, each in both directions.

    Parameters
    ----------
    lattice : Lattice

    Returns
    -------
    ndarray of shape (n_pairs, 2)
        Ascending.
    """
    unit, slot = np.nonzero(lattice.neighbors >= 0)
    return np.column_stack([unit, lattice.neighbors[unit, slot]])


def shortest_paths(
    n_units: int, pairs: Ints, lengths: Float64s | None = None, *, starts: Ints | None = None
) -> Float64s:
    """Return the lengths of the shortest paths from some units to all.

    Parameters
    ----------
    n_units : int
    pairs : ndarray of shape (n_pairs, 2)
        Units that an edge joins, each pair once and in both directions.
    lengths : ndarray of shape (n_pairs,), optional
        Length of each edge, at least 0.  The default is 1 each: paths are counted in steps.
    starts : ndarray of shape (n_starts,), optional
        Units to start from.  The default is every one.

    Returns
    -------
    ndarray of shape (n_starts, n_units)
        Infinite where no path leads.

    Examples
    --------
    >>> import numpy as np
    >>> from somscape import Lattice
    >>> from somscape.grid import neighbor_pairs, shortest_paths
    >>> shortest_paths(3, neighbor_pairs(Lattice(1, 3)), starts=np.array([0])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    values = np.ones(len(pairs)) if lengths is None else lengths
    graph: Any = csr_array((values, (pairs[:, 0], pairs[:, 1])), shape=(n_units, n_units))
    # SciPy's algorithms on graphs take no others before 1.15.
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    # Lengths of 0 stay edges, because the array holds them.
    found: Float64s = dijkstra(graph, indices=starts, unweighted=lengths is None)
    return np.atleast_2d(found)
