"""Places in the plane for the units of a tree."""

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import shortest_paths

MAX_MOVED, N_MOVES = 500, 60


def tree_places(n_units: int, edges: Ints) -> Float64s:
    """Return a place for each unit of a tree, with edges of about length 1."""
    near: list[list[int]] = [[] for _ in range(n_units)]
    for a, b in edges.tolist():
        near[a].append(b)
        near[b].append(a)
    places, seen = np.zeros((n_units, 2)), np.zeros(n_units, dtype=bool)
    right = 0.0
    for root in range(n_units):
        if seen[root]:
            continue
        order, parent = _walked(near, _middle_of(near, root))
        seen[order] = True
        leaves = np.zeros(n_units)
        for unit in reversed(order):
            leaves[unit] = leaves[unit] or 1
            if parent[unit] >= 0:
                leaves[parent[unit]] += leaves[unit]
        start, width = np.zeros(n_units), np.zeros(n_units)
        width[order[0]] = 2 * np.pi
        for unit in order:
            at = start[unit]
            for child in near[unit]:
                if child != parent[unit]:
                    width[child] = width[unit] * leaves[child] / leaves[unit]
                    start[child] = at
                    turn = at + width[child] / 2
                    places[child] = places[unit] + (np.cos(turn), np.sin(turn))
                    at += width[child]
        places[order, 0] += right - places[order, 0].min()
        right = places[order, 0].max() + 2
    return _moved(places, edges) if 1 < n_units <= MAX_MOVED else places


def _walked(near: list[list[int]], root: int) -> tuple[list[int], dict[int, int]]:
    """Return the units of a tree from its root on, and the parent of each, -1 for the root."""
    order, parent = [root], {root: -1}
    for unit in order:
        for other in near[unit]:
            if other not in parent:
                parent[other] = unit
                order.append(other)
    return order, parent


def _middle_of(near: list[list[int]], root: int) -> int:
    """Return the middle of the longest path in a tree."""
    end = _walked(near, root)[0][-1]
    order, parent = _walked(near, end)
    path = [order[-1]]
    while parent[path[-1]] >= 0:
        path.append(parent[path[-1]])
    return path[len(path) // 2]


def _moved(places: Float64s, edges: Ints) -> Float64s:
    """Return places whose distances are nearer to the steps along the tree."""
    steps = shortest_paths(len(places), np.vstack([edges, edges[:, ::-1]]))
    is_joined = np.isfinite(steps) & (steps > 0)
    weights = np.where(is_joined, 1.0 / np.where(is_joined, steps, 1.0) ** 2, 0.0)
    total = np.maximum(weights.sum(axis=1), 1e-9)[:, None]  # a unit without edges stays
    for _ in range(N_MOVES):
        apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
        pull = np.where(
            is_joined, weights * np.where(is_joined, steps, 0) / np.maximum(apart, 1e-9), 0
        )
        moved = ((weights - pull) @ places + pull.sum(axis=1)[:, None] * places) / total
        places = np.where(total > 1e-9, (places + moved) / 2, places)
    return places
