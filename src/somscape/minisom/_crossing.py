"""Conversion between MiniSom and `Map`.

A `Map` is drawn like a plot, with x to the right and y upwards.  The rows of units of a `Map` are
counted from the top, so MiniSom's unit (x, y) is in row ``n_y - 1 - y``.  On hexagonal maps,
MiniSom shifts every second row of units to the left, starting from the last row.  A `Lattice`
shifts odd rows to the right, which gives the same arrangement.
"""

from typing import Any

import numpy as np

from somscape._types import Float64s
from somscape._version import __version__
from somscape.errors import InputError
from somscape.grid.graph import Graph
from somscape.grid.lattice import Lattice
from somscape.kernels.metric import Metric
from somscape.maps.map import Map
from somscape.minisom._rule import DISTANCES, GivenSamples, MiniSomRule, codebook_of, units_of
from somscape.tables.encoding import Encoding


def to_map(som: MiniSomRule, samples: GivenSamples | None) -> Map:
    """Convert a MiniSom to a `Map`."""
    if not som._distance_name:
        raise InputError(
            "A Map does not support a distance function of your own. Use one of "
            f"{', '.join(DISTANCES)} as `activation_distance`.",
            parameter="activation_distance",
            allowed=DISTANCES,
        )
    n_x, n_y, n_features = som._weights.shape
    hits = np.zeros(n_x * n_y)
    if samples is not None:
        hits += np.bincount(units_of(som, samples), minlength=n_x * n_y)
    return Map(
        _in_map_order(codebook_of(som).reshape(n_x, n_y, n_features)),
        Lattice(n_y, n_x, kind=som.topology),
        Encoding.plain([f"x{i}" for i in range(n_features)]),
        _in_map_order(hits.reshape(n_x, n_y, 1))[:, 0],
        parameters={
            "algorithm": "minisom",
            "sigma": float(som._sigma),
            "learning_rate": float(som._learning_rate),
            "neighborhood": som._neighborhood_name or "custom",
        },
        versions={"somscape": __version__, "numpy": np.__version__},
        metric=Metric(som._distance_name),
    )


def _in_map_order(values: Float64s) -> Float64s:
    """Reorder one value per unit from MiniSom's order of units to the order in a `Map`."""
    return values.transpose(1, 0, 2)[::-1].reshape(-1, values.shape[2])


def parameters_of(map_: Map) -> dict[str, Any]:
    """Return constructor arguments for a MiniSom with the size, topology and distance of a map."""
    lattice, metric = map_.lattice, map_.metric
    if isinstance(lattice, Graph) or lattice.boundary != "plane":
        raise InputError(
            "MiniSom supports only planes, but the map is a torus, cylinder or graph. Train a map "
            "with boundary='plane'.",
            parameter="som",
            allowed="plane",
        )
    if metric.name not in DISTANCES or metric.feature_weights is not None:
        raise InputError(
            f"MiniSom supports only the distances {', '.join(DISTANCES)} without weights of "
            f"features, but the map has {metric.name!r}"
            f"{' with weights' if metric.name in DISTANCES else ''}.",
            parameter="som",
            value=metric.name,
            allowed=DISTANCES,
        )
    return {
        "x": lattice.n_cols,
        "y": lattice.n_rows,
        "input_len": map_.codebook.shape[1],
        "topology": lattice.kind,
        "activation_distance": metric.name,
    }


def weights_of(map_: Map) -> Float64s:
    """Return the prototypes of a `Map` in MiniSom's order of units."""
    lattice = map_.lattice
    by_row = map_.codebook.reshape(lattice.n_rows, lattice.n_cols, -1)
    return by_row[::-1].transpose(1, 0, 2)
