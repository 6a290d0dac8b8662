"""Winners, distances and a detector's score, in an ONNX graph."""

import numpy as np

from somscape._types import Float64s
from somscape.kernels import Metric
from somscape.outliers import LIKE_WITHIN, Detector, Marks, Scorer, mass_rows
from somscape.save._onnx_graph import OnnxGraph

SAME = 1e-6
"""A row is a marked one if its values differ by no more, absolute and relative: numbers may have
come as float32."""


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
    """Return rows and prototypes for the kernel's metric without weights."""
    prototypes = np.asarray(metric.compared(prototypes))
    weights = metric.feature_weights
    if metric.name == "correlation":
        share = np.full(prototypes.shape[1], 1.0) if weights is None else weights
        mean = graph.op("MatMul", rows, graph.constant((share / share.sum())[:, None]))
        rows = graph.op("Sub", rows, mean)
    rows = placed(graph, rows, metric)
    if weights is not None:
        scale = weights if metric.kernel in ("manhattan", "chebyshev") else np.sqrt(weights)
        rows, prototypes = graph.op("Mul", rows, graph.constant(scale)), prototypes * scale
    return rows, prototypes


def placed(graph: OnnxGraph, rows: str, metric: Metric) -> str:
    """Return rows on the axes of a metric that has some."""
    if metric.whitening is None or metric.center is None:
        return rows
    rows = graph.op("Sub", rows, graph.constant(metric.center))
    return graph.op("MatMul", rows, graph.constant(metric.whitening))


def _smallest(graph: OnnxGraph, distances: str, k: int) -> tuple[str, str]:
    """Return units and distances of the k smallest; of equal distances, the lowest unit first."""
    inputs = [distances, graph.constant([k])]
    name = graph.new_name("TopK")
    outputs = [f"{name}_distances", f"{name}_units"]
    graph.nodes.append(
        graph.onnx.helper.make_node("TopK", inputs, outputs, name, largest=0, sorted=1)
    )
    return outputs[1], outputs[0]


def _squares(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    """Return squared distances as |x|^2 - 2 x.w + |w|^2, from values centered near 0."""
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


def score_of(graph: OnnxGraph, rows: str, winners: str, detector: Detector) -> str:
    """Add a detector's score of rows, over all maps that score together, and return it."""
    scores = [_by_one(graph, rows, scorer) for scorer in detector.scorers]
    score = scores[0]
    if len(scores) > 1:
        total = graph.constant(0.0)
        for one in scores:
            total = graph.op("Add", total, graph.op("Mul", one, one))
        score = graph.op("Sqrt", graph.op("Div", total, graph.constant(float(len(scores)))))
    if detector.rarity is not None:
        rarity = detector.rarity
        values = graph.op("Gather", rows, graph.constant(rarity.features), axis=1)
        added = _sum(graph, _on_lines(graph, values, rarity.x, rarity.y))
        score = graph.op("Add", score, added)
    if detector.label_factors is not None:
        factors = graph.op("Gather", graph.constant(detector.label_factors), winners)
        score = graph.op("Mul", score, factors)
    return score if detector.marks is None else _marked(graph, rows, score, detector.marks)


def _marked(graph: OnnxGraph, rows: str, score: str, marks: Marks) -> str:
    """Return scores times their factors, and those that marked rows hold."""
    constant = graph.constant
    if len(marks.features):
        values = graph.op("Gather", rows, constant(marks.features), axis=1)
        values = graph.op("Max", values, constant(marks.x[:, 0]))
        values = graph.op("Min", values, constant(marks.x[:, -1]))  # level beyond the ends
        apart = _manhattan(graph, _on_lines(graph, values, marks.x, marks.y), marks.places)
        likeness = graph.op("Exp", graph.op("Div", apart, constant(-LIKE_WITHIN)))
        moves = _sum(graph, graph.op("Mul", likeness, constant(marks.pull)))
        factors = graph.op("Exp", graph.op("Sub", moves, constant(marks.center)))
        score = graph.op("Mul", score, factors)
    if not len(marks.held):
        return score
    apart = graph.op("Abs", graph.op("Sub", graph.op("Unsqueeze", rows, constant([1])),
                                     constant(marks.rows)))  # fmt: skip
    over = graph.op("Sub", apart, constant(SAME * (1.0 + np.abs(marks.rows))))
    over = graph.op("ReduceMax", over, axes=[2], keepdims=0)
    place, least = (_flat(graph, value) for value in _smallest(graph, over, 1))
    is_same = graph.op("LessOrEqual", least, constant(0.0))
    held = graph.op("Gather", constant(marks.held), place)
    return graph.op("Where", is_same, held, score)


def _by_one(graph: OnnxGraph, rows: str, scorer: Scorer) -> str:
    """Return one map's score of rows, of shape (n,)."""
    prototypes = scorer.usual_codebook
    if scorer.reach is not None:
        low, high = scorer.reach
        rows = graph.op("Min", graph.op("Max", rows, graph.constant(low)), graph.constant(high))
        prototypes = np.clip(prototypes, low, high)
    if scorer.decorrelation is not None:
        parts = scorer.decorrelation
        matrix = parts.matrix / parts.deviations[:, None] * parts.counts
        rows = graph.op(
            "MatMul", graph.op("Sub", rows, graph.constant(parts.center)), graph.constant(matrix)
        )
        prototypes = (prototypes - parts.center) @ matrix
    return _SCORES[scorer.score](graph, rows, prototypes, scorer)


def _on_lines(graph: OnnxGraph, values: str, x: Float64s, y: Float64s) -> str:
    """Return heights of lines at values: their first pieces, and each change of slope."""
    wide = np.diff(x, axis=1)
    slopes = np.divide(np.diff(y, axis=1), wide, out=np.zeros_like(wide), where=wide > 0)
    bends = np.where(wide[:, 1:] > 0, np.diff(slopes, axis=1), 0.0)  # a repeated knot bends nothing
    constant = graph.constant
    first = graph.op("Mul", graph.op("Sub", values, constant(x[:, 0])), constant(slopes[:, 0]))
    first = graph.op("Add", first, constant(y[:, 0]))
    each = graph.op("Unsqueeze", values, constant([2]))
    past = graph.op("Max", graph.op("Sub", each, constant(x[:, 1:-1])), constant(0.0))
    more = graph.op("ReduceSum", graph.op("Mul", past, constant(bends)), constant([2]), keepdims=0)
    return graph.op("Add", first, more)


def _k_prototype(graph: OnnxGraph, rows: str, prototypes: Float64s, scorer: Scorer) -> str:
    k = min(scorer.n_prototypes, len(prototypes))
    return graph.op("ReduceMean", nearest(graph, rows, prototypes, k)[1], axes=[1], keepdims=0)


def _quantization_error(graph: OnnxGraph, rows: str, prototypes: Float64s, scorer: Scorer) -> str:
    return _flat(graph, nearest(graph, rows, prototypes)[1])


def _mass(graph: OnnxGraph, rows: str, prototypes: Float64s, scorer: Scorer) -> str:
    hits, wanted = scorer.map_.hits[scorer.usual_units], graph.constant(mass_rows(scorer))
    distances = graph.op("Sqrt", _squares(graph, rows, prototypes))
    units, distances = _smallest(graph, distances, len(hits))
    held = graph.op("Gather", graph.constant(hits), units)
    before = graph.op("CumSum", held, graph.constant(1), exclusive=1)
    left = graph.op("Max", graph.op("Sub", wanted, before), graph.constant(0.0))
    share = graph.op("Div", graph.op("Min", left, held), wanted)
    return _sum(graph, graph.op("Mul", share, distances))


def _flat(graph: OnnxGraph, value: str) -> str:
    return graph.op("Reshape", value, graph.constant([-1]))


def _sum(graph: OnnxGraph, value: str) -> str:
    return graph.op("ReduceSum", value, graph.constant([1]), keepdims=0)


_SCORES = {
    "combined": _k_prototype,
    "k_prototype": _k_prototype,
    "quantization_error": _quantization_error,
    "mass": _mass,
}
