"""Winners, distances and a detector's score, in an ONNX graph."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from somscape._types import Float64s, Ints
from somscape.grid import Lattice
from somscape.kernels import Metric
from somscape.save._onnx_graph import OnnxGraph
from somscape.save._record import MEMBERS, arrays_of_members

LEAST_SHARE, LEAST_ROWS = 0.02, 10.0
"""What the score ``mass`` takes in, as in `outliers`."""

NEIGHBORS_COUNT = 0.5
"""What a row of a neighboring unit counts for ``hit_density``, as in `outliers`."""


def nearest(
    graph: OnnxGraph, rows: str, prototypes: Float64s, k: int = 1, metric: Metric | None = None
) -> tuple[str, str]:
    """Return the k nearest prototypes of each row and their distances, both of shape (n, k)."""
    metric = metric or Metric()
    rows, prototypes = _compared(graph, rows, prototypes, metric)
    if metric.kernel == "euclidean":
        units = _smallest(graph, _squares(graph, rows, prototypes), k)[0]
        return units, _exact(graph, rows, prototypes, units)
    return _smallest(graph, _DISTANCES[metric.kernel](graph, rows, prototypes), k)


def _compared(
    graph: OnnxGraph, rows: str, prototypes: Float64s, metric: Metric
) -> tuple[str, Float64s]:
    """Return rows and prototypes so that the kernel's metric without weights compares them."""
    prototypes = np.asarray(metric.compared(prototypes))
    weights = metric.feature_weights
    if metric.name == "correlation":
        share = np.full(prototypes.shape[1], 1.0) if weights is None else weights
        mean = graph.op("MatMul", rows, graph.constant((share / share.sum())[:, None]))
        rows = graph.op("Sub", rows, mean)
    if metric.whitening is not None and metric.center is not None:
        rows = graph.op("Sub", rows, graph.constant(metric.center))
        rows = graph.op("MatMul", rows, graph.constant(metric.whitening))
    if weights is not None:
        scale = weights if metric.kernel in ("manhattan", "chebyshev") else np.sqrt(weights)
        rows, prototypes = graph.op("Mul", rows, graph.constant(scale)), prototypes * scale
    return rows, prototypes


def _smallest(graph: OnnxGraph, distances: str, k: int) -> tuple[str, str]:
    """Return units and distances of the k smallest; of equal ones the lowest unit comes first."""
    inputs = [distances, graph.constant([k])]
    name = graph.new_name("TopK")
    outputs = [f"{name}_distances", f"{name}_units"]
    graph.nodes.append(
        graph.onnx.helper.make_node("TopK", inputs, outputs, name, largest=0, sorted=1)
    )
    return outputs[1], outputs[0]


def _squares(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    """Return squared distances as |x|^2 - 2 x.w + |w|^2, of values near 0."""
    center = prototypes.mean(axis=0)
    rows, moved = graph.op("Sub", rows, graph.constant(center)), prototypes - center
    norms = graph.op("ReduceSum", graph.op("Mul", rows, rows), graph.constant([1]))
    product = graph.op("MatMul", rows, graph.constant(-2.0 * moved.T))
    half = graph.op("Add", product, graph.constant((moved**2).sum(axis=1)))
    return graph.op("Max", graph.op("Add", half, norms), graph.constant(0.0))


def _exact(graph: OnnxGraph, rows: str, prototypes: Float64s, units: str) -> str:
    """Return distances as the root of summed squared differences, for the units found."""
    found = graph.op("Gather", graph.constant(prototypes), units, axis=0)
    apart = graph.op("Sub", graph.op("Unsqueeze", rows, graph.constant([1])), found)
    return graph.op(
        "Sqrt",
        graph.op("ReduceSum", graph.op("Mul", apart, apart), graph.constant([2]), keepdims=0),
    )


def _apart(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    rows = graph.op("Unsqueeze", rows, graph.constant([1]))
    return graph.op("Abs", graph.op("Sub", rows, graph.constant(prototypes[None])))


def _manhattan(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    apart = _apart(graph, rows, prototypes)
    return graph.op("ReduceSum", apart, graph.constant([2]), keepdims=0)


def _chebyshev(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    return graph.op("ReduceMax", _apart(graph, rows, prototypes), axes=[2], keepdims=0)


def _cosine(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    length = np.sqrt((prototypes**2).sum(axis=1, keepdims=True))
    unit = prototypes / np.where(length > 0, length, 1.0)
    norms = graph.op(
        "Sqrt", graph.op("ReduceSum", graph.op("Mul", rows, rows), graph.constant([1]))
    )
    is_zero = graph.op("Equal", norms, graph.constant(0.0))
    norms = graph.op("Where", is_zero, graph.constant(1.0), norms)
    product = graph.op("MatMul", graph.op("Div", rows, norms), graph.constant(unit.T))
    return graph.op("Sub", graph.constant(1.0), product)


_DISTANCES = {"manhattan": _manhattan, "chebyshev": _chebyshev, "cosine": _cosine}


def score_of(
    graph: OnnxGraph,
    rows: str,
    winners: str,
    *,
    codebook: Float64s,
    lattice: Lattice,
    arrays: dict[str, Any],
    settings: dict[str, Any],
) -> str:
    """Add a detector's score of rows, by all maps that score together, and return it.

    Parameters are those of `Score`, with winners on the map itself.
    """
    members = arrays_of_members(arrays, settings.get(MEMBERS, 0))
    if members:
        score = _of_several(graph, rows, members, lattice, settings)
    else:
        score = Score(graph, rows, codebook, lattice, arrays, settings, winners).add()
    lift = arrays.get("lift")
    return score if lift is None else graph.op("Mul", score, _of_units(graph, winners, lift))


def _of_several(
    graph: OnnxGraph,
    rows: str,
    members: list[dict[str, Any]],
    lattice: Lattice,
    settings: dict[str, Any],
) -> str:
    """Return the root of the mean squared scores of the members."""
    total = graph.constant(0.0)
    for member in members:
        codebook = np.asarray(member["codebook"], np.float64)
        score = Score(graph, rows, codebook, lattice, member, settings).add()
        total = graph.op("Add", total, graph.op("Mul", score, score))
    return graph.op("Sqrt", graph.op("Div", total, graph.constant(float(len(members)))))


def _of_units(graph: OnnxGraph, units: str, by_unit: Any) -> str:
    values = graph.constant(np.asarray(by_unit, np.float64))
    return graph.op("Gather", values, units)


@dataclass(eq=False)
class Score:
    """One map's score of rows; adds to the graph what its kind of score needs, and no more.

    Attributes
    ----------
    graph : OnnxGraph
    rows : str
        Encoded rows of shape (n, n_features).
    codebook : ndarray of shape (n_units, n_features)
    lattice : Lattice
    arrays : dict of str to ndarray
        Of the record.
    settings : dict
        The record's header of the detector.
    given_winners : str or None, default=None
        Winners of the rows, of shape (n,), where the graph has them.
    """

    graph: OnnxGraph
    rows: str
    codebook: Float64s
    lattice: Lattice
    arrays: dict[str, Any]
    settings: dict[str, Any]
    given_winners: str | None = None

    def add(self) -> str:
        """Add the score by this map, and return it, of shape (n,)."""
        return str(getattr(self, f"_{self.settings['score']}")())

    @cached_property
    def hits(self) -> Float64s:
        """Rows by unit."""
        return np.asarray(self.arrays["hits"], np.float64)

    @cached_property
    def usual(self) -> Ints:
        """Units that rows are measured from."""
        usual = self.arrays.get("usual")
        return np.flatnonzero(self.hits > 0 if usual is None else usual)

    @cached_property
    def compared(self) -> tuple[str, Float64s]:
        """Rows and usual prototypes as the detector compares them."""
        prototypes = self.codebook[self.usual]
        if "decorrelation.matrix" not in self.arrays:
            return self.rows, prototypes
        parts = ("center", "spread", "matrix", "counts")
        center, spread, matrix, counts = (self.arrays[f"decorrelation.{part}"] for part in parts)
        matrix = matrix / spread[:, None] * counts
        moved = self.graph.op("Sub", self.rows, self.graph.constant(center))
        rows = self.graph.op("MatMul", moved, self.graph.constant(matrix))
        return rows, (prototypes - center) @ matrix

    @cached_property
    def winners(self) -> str:
        """Best matching units."""
        if self.given_winners is not None:
            return self.given_winners
        squares = _squares(self.graph, self.rows, self.codebook)
        return self._flat(_smallest(self.graph, squares, 1)[0])

    def _k_prototype(self) -> str:
        k = min(self.settings["n_prototypes"], len(self.usual))
        _, distances = nearest(self.graph, *self.compared, k)
        return self.graph.op("ReduceMean", distances, axes=[1], keepdims=0)

    def _quantization_error(self) -> str:
        _, distances = nearest(self.graph, *self.compared)
        return self._flat(distances)

    def _mass(self) -> str:
        graph, hits = self.graph, self.hits[self.usual]
        wanted = min(max(LEAST_SHARE * hits.sum(), LEAST_ROWS), hits.sum())
        distances = graph.op("Sqrt", _squares(graph, *self.compared))
        units, distances = _smallest(graph, distances, len(hits))
        held = graph.op("Gather", graph.constant(hits), units)
        before = graph.op("CumSum", held, graph.constant(1), exclusive=1)
        left = graph.op("Max", graph.op("Sub", graph.constant(wanted), before), graph.constant(0.0))
        share = graph.op("Div", graph.op("Min", left, held), graph.constant(wanted))
        return self._sum(self._times(share, distances))

    def _density(self) -> str:
        graph, hits = self.graph, self.hits[self.usual]
        spread = np.sort(self.arrays["spread"][self.usual])
        width = max(float(spread[len(spread) // 2]), 1e-6 * float(spread[-1])) or 1.0
        width = 2.0 * max(width**2, np.finfo(np.float64).tiny)
        squares = _squares(graph, *self.compared)
        near = graph.op("Div", squares, graph.constant(2.0 * width))
        logs = graph.op("Sub", graph.constant(np.log(hits / hits.sum())), near)
        largest = graph.op("ReduceMax", logs, axes=[1], keepdims=1)
        total = self._sum(graph.op("Exp", graph.op("Sub", logs, largest)))
        return graph.op("Neg", graph.op("Add", self._flat(largest), graph.op("Log", total)))

    def _local_scale(self) -> str:
        spread = self.arrays["spread"][self.usual]
        scale = np.maximum(spread, 1e-6 * spread.max())
        scale = np.where(scale > 0, scale, 1.0)
        units, distances = nearest(self.graph, *self.compared)
        own = self.graph.op("Gather", self.graph.constant(scale), self._flat(units))
        return self.graph.op("Div", self._flat(distances), own)

    def _u_height(self) -> str:
        return self._of_winner(Metric().mean_to_neighbors(self.codebook, self.lattice.neighbors))

    def _hit_density(self) -> str:
        total = np.full(len(self.hits), self.hits.sum())
        share = self._pooled(self.hits) / self._pooled(total)
        return self._of_winner(-np.log(np.clip(share, 0.5 / self.hits.sum(), 1.0)))

    def _pooled(self, values: Float64s) -> Float64s:
        neighbors = self.lattice.neighbors
        around = np.where(neighbors >= 0, values[neighbors], 0.0).sum(axis=1)
        return np.asarray(values + NEIGHBORS_COUNT * around)

    def _of_winner(self, by_unit: Any) -> str:
        return _of_units(self.graph, self.winners, by_unit)

    def _flat(self, value: str) -> str:
        return self.graph.op("Reshape", value, self.graph.constant([-1]))

    def _sum(self, value: str) -> str:
        return self.graph.op("ReduceSum", value, self.graph.constant([1]), keepdims=0)

    def _times(self, a: str, b: str) -> str:
        return self.graph.op("Mul", a, b)
