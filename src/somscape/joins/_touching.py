"""Which units touch: those between which rows lie."""

from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice, neighbor_pairs
from somscape.joins._near import Near
from somscape.kernels import select_kernels

MAX_STRETCH = 2.5
"""How many times longer than those to second units the lines to third units may be."""

TINY = 1e-12
"""Share of the longest line that stands for the one between equal prototypes, as a sparse array has
no zero."""


def touching_units(near: Near, places: Float64s, lattice: Lattice) -> tuple[Any, Any]:
    """Return which units touch, and which of them are first and second of some row."""
    from scipy.sparse.csgraph import connected_components

    n_units = len(places)
    has_rows = np.zeros(n_units, dtype=bool)
    has_rows[near.units[:, 0]] = True
    closest = np.concatenate([_first_and_second(near, has_rows), _to_nearest(places, has_rows)])
    closest = _pairs(closest, n_units)
    _, part = connected_components(_lengths(closest, places), directed=False)
    beside = neighbor_pairs(lattice)
    closest = _pairs(
        np.concatenate([closest, beside[part[beside[:, 0]] != part[beside[:, 1]]]]), n_units
    )
    three = near.units[:, :3]
    three = three[has_rows[three].all(axis=1)]
    slots = [(i, j) for i in range(three.shape[1]) for j in range(i + 1, three.shape[1])]
    more = _pairs(np.concatenate([three[:, pair] for pair in slots] or [closest[:0]]), n_units)
    usual = _median_lengths(_lengths(closest, places))
    apart = np.sqrt(((places[more[:, 0]] - places[more[:, 1]]) ** 2).sum(axis=1))
    more = more[apart <= MAX_STRETCH * usual[more].min(axis=1)]
    touching = _pairs(np.concatenate([closest, more]), n_units)
    return _lengths(touching, places), _lengths(closest, places)


def _first_and_second(near: Near, has_rows: np.ndarray) -> Ints:
    """Return the unit of each row and the next one that has rows, too."""
    is_other = has_rows[near.units]
    is_other[:, 0] = False
    rows = np.flatnonzero(is_other.any(axis=1))
    return np.column_stack([near.units[rows, 0], near.units[rows, is_other[rows].argmax(axis=1)]])


def _to_nearest(places: Float64s, has_rows: np.ndarray) -> Ints:
    """Return each unit without rows, and the nearest that has some."""
    empty, full = np.flatnonzero(~has_rows), np.flatnonzero(has_rows)
    if not len(empty) or not len(full):
        return np.empty((0, 2), dtype=np.intp)
    nearest, _ = select_kernels().search(places[empty], places[full], 1)
    return np.column_stack([empty, full[nearest[:, 0]]])


def _pairs(pairs: Ints, n_units: int) -> Ints:
    """Return each pair once in both directions, ascending."""
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.column_stack(np.divmod(np.unique(pairs[:, 0] * n_units + pairs[:, 1]), n_units))


def _lengths(pairs: Ints, places: Float64s) -> Any:
    apart = np.sqrt(((places[pairs[:, 0]] - places[pairs[:, 1]]) ** 2).sum(axis=1))
    apart = np.maximum(apart, TINY * apart.max(initial=0) or 1.0)
    return sparse_graph(apart, pairs[:, 0], pairs[:, 1], len(places))


def sparse_graph(lengths: Float64s, a: Ints, b: Ints, n: int) -> Any:
    """Return a sparse array of the lengths of edges from nodes `a` to nodes `b`, of `n` nodes."""
    from scipy.sparse import csr_array

    order = np.lexsort([b, a])
    begins = np.searchsorted(a[order], np.arange(n + 1))
    # Older versions of SciPy walk graphs of short indices only.
    ends = b[order].astype(np.int32), begins.astype(np.int32)
    return csr_array((lengths[order], *ends), shape=(n, n))


def edges_of(graph: Any, nodes: Ints) -> tuple[Ints, Ints, Float64s]:
    """Return the edges of some nodes: the place of one end among them, the other end, the
    length.
    """
    begins = graph.indptr[nodes]
    counts = graph.indptr[nodes + 1] - begins
    places = np.repeat(np.arange(len(nodes)), counts)
    skipped = np.cumsum(counts) - counts
    at = np.arange(len(places)) + (begins - skipped)[places]
    return places, graph.indices[at], graph.data[at]


def _median_lengths(edges: Any) -> Float64s:
    """Return the lower median of each unit's edges; infinite for a unit without any."""
    unit = np.repeat(np.arange(edges.shape[0]), np.diff(edges.indptr))
    ordered = edges.data[np.lexsort([edges.data, unit])]
    count = np.diff(edges.indptr)
    middle = np.minimum(edges.indptr[:-1] + (count - 1) // 2, max(len(ordered) - 1, 0))
    return np.where(count > 0, ordered[middle] if len(ordered) else np.inf, np.inf)
