"""Which settings suit the data: a handful tried on a sample."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from somscape._types import Float64s, Floats
from somscape._validate import check_whole
from somscape.fit import RADIUS_END
from somscape.maps import Map
from somscape.measures import quantization_error, topographic_error
from somscape.tables import Table, table_from_columns

SIZES = (0.5, 1.0, 2.0)
"""Numbers of units tried, in those of the automatic size."""

PAIRS = 2000
"""Pairs of rows whose distances on two maps are compared."""


def suggest(estimator: Any, X: Floats, *, n_samples: int, n_seeds: int, random_state: Any) -> Table:
    """Train candidates on samples and return their qualities.

    Parameters
    ----------
    estimator : type
        Of the map, such as `SOM`.
    X : ndarray of shape (n_rows, n_features)
    n_samples : int
        Rows that each candidate trains on, at most.
    n_seeds : int
        Samples that each candidate is trained on, at least 2.
    random_state : int, RandomState or None

    Returns
    -------
    Table
        A row per candidate.
    """
    check_whole("n_samples", n_samples, 2)
    check_whole("n_seeds", n_seeds, 2)
    rng = np.random.default_rng(random_state)
    size = min(n_samples, len(X))
    samples = [_drawn(X, size, rng) for _ in range(n_seeds)]
    held = _drawn(X, size, rng)
    pairs = rng.integers(0, len(held), (2, PAIRS))
    natural = estimator().fit(samples[0]).map_.lattice
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "n_rows", "n_cols", "detail", "quantization_error", "topographic_error", "stability"
        )
    }  # fmt: skip
    for share in SIZES:
        sides = (natural.n_rows, natural.n_cols)
        n_rows, n_cols = (max(1, round(side * np.sqrt(share))) for side in sides)
        if n_rows * n_cols > size:
            continue
        for detail in RADIUS_END:
            candidate = estimator(n_rows, n_cols, detail=detail, random_state=0)
            maps = [candidate.fit(sample).map_ for sample in samples]
            qe = np.mean([quantization_error(map_, held) for map_ in maps])
            te = np.mean([topographic_error(map_, held) for map_ in maps])
            row = (n_rows, n_cols, detail, float(qe), float(te), _stability(maps, held, pairs))
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return table_from_columns(columns)


def _drawn(X: Floats, size: int, rng: np.random.Generator) -> Floats:
    """Rows drawn with repeats: another sample of the same population."""
    return np.ascontiguousarray(X[np.sort(rng.integers(0, len(X), size))])


def _stability(maps: Sequence[Map], rows: Floats, pairs: np.ndarray) -> float:
    """Mean correlation, over pairs of maps, of how far apart pairs of rows lie on them."""
    apart = [_map_distances(map_, rows, pairs) for map_ in maps]
    if any(a.std() == 0 for a in apart):
        return 1.0 if all(a.std() == 0 for a in apart) else 0.0
    correlation = np.atleast_2d(np.corrcoef(apart))
    return float(correlation[np.triu_indices(len(maps), 1)].mean())


def _map_distances(map_: Map, rows: Floats, pairs: np.ndarray) -> Float64s:
    units = map_.winners(rows)
    lattice = map_.lattice
    distinct, which = np.unique(units[pairs[0]], return_inverse=True)
    from_unit = np.stack([lattice.distances_from(int(unit)) for unit in distinct])
    return np.asarray(from_unit[which.ravel(), units[pairs[1]]])
