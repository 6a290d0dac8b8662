"""How far neighbors in the data lie apart on the map, and neighbors on the map in the data."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from somscape._blocks import blocks
from somscape._types import Float64s, Ints
from somscape.grid import neighbor_pairs, shortest_paths
from somscape.measures._order import BLOCK_STARTS
from somscape.measures._placed import Placed, placed


@dataclass(frozen=True, eq=False, kw_only=True)
class TopographicFunction:
    """The topographic function: folds of the map by how far they reach.

    Attributes
    ----------
    k : ndarray of shape (2 n_steps + 1,), int
        From -n_steps to n_steps, for a map that is n_steps wide.
    values : ndarray of shape (2 n_steps + 1,)
        For k above 0, the mean number of units that are neighbors of a unit in the data and more
        than k steps away on the map; below 0, of those that are neighbors on the map and more than
        -k steps away in the data; at 0, the sum of both at 1 and -1.

    See Also
    --------
    topographic_function : Makes one.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> found = measures.topographic_function(SOM(1, 3, radius_end=0.1).fit(X), X)
    >>> found.k.tolist()
    [-2, -1, 0, 1, 2]
    """

    k: Ints
    values: Float64s

    @property
    def at_zero(self) -> float:
        """Its value at 0, which is 0 for a map that keeps its order everywhere."""
        return float(self.values[len(self.k) // 2])


def topographic_function(map: Any, X: Any, *, sample_weight: Any = None) -> TopographicFunction:
    """Return the topographic function: the folds of a map, and how far they reach.

    Good is 0 everywhere.  Values far above k = 0 say that the map has too few dimensions, far
    below it too many; near 0 only, that a larger final radius may help.

    Parameters
    ----------
    map : Map
        Or a fitted estimator with one.
    X : Table or array-like of shape (n_samples, n_features)
        As for `Map.rows_of`, or a ``scipy.sparse`` array.
    sample_weight : array-like of shape (n_samples,), optional
        Rows of weight 0 do not count; other weights change nothing.

    Returns
    -------
    TopographicFunction
        With one value, NaN, for one unit.

    Raises
    ------
    InputError
        If there are no rows, or none has a value.

    See Also
    --------
    topographic_product : From prototypes alone.

    Notes
    -----
    Two units are neighbors in the data if they are the two nearest to some row.  Steps are counted
    over neighbors, on the map and in the data.  Units that are nearest or second nearest to no row
    have no neighbors in the data, and are left out below 0.  Costs O(n_units^2).

    References
    ----------
    T. Villmann, R. Der, M. Herrmann and T. M. Martinetz (1997), Topology preservation in
    self-organizing feature maps: exact definition and measurement, IEEE Transactions on Neural
    Networks 8; T. Martinetz (1993) for neighbors in the data.

    Examples
    --------
    >>> from somscape import SOM, measures
    >>> X = [[0.0], [1.0], [2.0]] * 10
    >>> measures.topographic_function(SOM(1, 3, radius_end=0.1).fit(X), X).at_zero
    0.0
    """
    return function_of(placed(map, X, sample_weight))


def function_of(rows: Placed) -> TopographicFunction:
    """Return the topographic function of placed rows."""
    n, lattice = rows.map_.n_units, rows.map_.lattice
    if n < 2:
        return TopographicFunction(k=np.zeros(1, dtype=np.intp), values=np.full(1, np.nan))
    in_data = np.unique(np.concatenate([rows.units, rows.units[:, ::-1]]), axis=0)
    on_map = neighbor_pairs(lattice)
    width, far_on_map = _steps_of(n, on_map, in_data)
    is_live = np.zeros(n, dtype=bool)
    is_live[in_data[:, 0]] = True
    _, far_in_data = _steps_of(n, in_data, on_map[is_live[on_map].all(axis=1)])
    steps = np.arange(1, max(width, 1) + 1)
    above = np.array([(far_on_map > k).sum() for k in steps]) / n
    below = np.array([(far_in_data > k).sum() for k in steps]) / n
    values = np.concatenate([below[::-1], [above[0] + below[0]], above])
    return TopographicFunction(k=np.arange(-len(steps), len(steps) + 1), values=values)


def _steps_of(n: int, edges: Ints, pairs: Ints) -> tuple[int, Float64s]:
    """Return the most steps between units over the edges, and the steps between each pair."""
    steps, width = np.empty(len(pairs)), 0
    for part in blocks(n, BLOCK_STARTS):
        paths = shortest_paths(n, edges, starts=np.arange(part.start, part.stop))
        here = (pairs[:, 0] >= part.start) & (pairs[:, 0] < part.stop)
        steps[here] = paths[pairs[here, 0] - part.start, pairs[here, 1]]
        width = max(width, int(paths[np.isfinite(paths)].max()))
    return width, steps
