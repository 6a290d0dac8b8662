"""What a recognizer or a predictor says of rows, in an ONNX graph."""

import json

import numpy as np

from somscape._types import Float64s
from somscape.recognize import COVERAGE, Predictor, Recognizer
from somscape.save._onnx_graph import OnnxGraph
from somscape.save._onnx_scores import placed


def add_answers(
    graph: OnnxGraph, rows: str, near: tuple[str, str], model: Recognizer | Predictor, refused: str
) -> None:
    """Add the outputs of a recognizer or a predictor."""
    units, distances = near
    counting = _pulls(graph, distances, model.power)
    p_values = _p_values(graph, distances, model.far)
    graph.output("p_value", _or_nan(graph, refused, p_values), graph.number)
    if isinstance(model, Recognizer):
        probabilities = _mixed(graph, model.shares, units, counting)
        _add_classes(graph, probabilities, p_values, model, refused)
    else:
        _add_numbers(graph, rows, units, counting, model, refused)


def answered(model: Recognizer | Predictor | None) -> tuple[str, ...]:
    """Return the names of the outputs that `add_answers` adds."""
    if model is None:
        return ()
    more = ("probabilities",) if isinstance(model, Recognizer) else ("low", "high")
    return ("predicted", "p_value", *more)


def _add_classes(
    graph: OnnxGraph, probabilities: str, p_values: str, model: Recognizer, refused: str
) -> None:
    is_unknown = refused
    if model.reject is not None:
        is_far = graph.op("LessOrEqual", p_values, graph.constant(model.reject))
        is_unknown = graph.op("Or", refused, is_far)
    classes = [str(name) for name in model.classes.tolist()]
    place = graph.op("ArgMax", probabilities, axis=1, keepdims=0)
    place = graph.op("Where", is_unknown, graph.constant(len(classes)), place)
    words = graph.constant(np.array([*classes, model.unknown]))
    graph.output("predicted", graph.op("Gather", words, place), "string")
    probabilities = _or_nan(graph, _column(graph, refused), probabilities)
    graph.output("probabilities", probabilities, graph.number, len(classes))
    graph.notes["classes"] = json.dumps(classes, ensure_ascii=False)


def _add_numbers(
    graph: OnnxGraph, rows: str, units: str, counting: str, model: Predictor, refused: str
) -> None:
    said = graph.op("Gather", graph.constant(model.values), units)
    if model.slopes is not None:
        slopes = graph.op("Gather", graph.constant(model.slopes), units)  # n, k, targets, axes
        across = graph.op("Unsqueeze", placed(graph, rows, model.map_.metric), graph.constant([1]))
        across = graph.op("Unsqueeze", across, graph.constant([3]))
        risen = graph.op("MatMul", slopes, across)
        said = graph.op("Add", said, graph.op("Squeeze", risen, graph.constant([3])))
    found = _together(graph, said, counting)
    found = graph.op("Max", found, graph.constant(model.limits[0]))
    found = graph.op("Min", found, graph.constant(model.limits[1]))
    spread = _mixed(graph, model.spread, units, counting)
    half = graph.op("Mul", spread, graph.constant(model.factors(COVERAGE)))
    ends = {"low": graph.op("Sub", found, half), "high": graph.op("Add", found, half)}
    for name, value in {"predicted": found, **ends}.items():
        value = _or_nan(graph, _column(graph, refused), value)
        if model.is_single:
            graph.output(name, graph.op("Squeeze", value, graph.constant([1])), graph.number)
        else:
            graph.output(name, value, graph.number, model.values.shape[1])


def _pulls(graph: OnnxGraph, distances: str, power: float) -> str:
    """Return how much each unit counts, of shape (n, k): the nearer the more."""
    first = graph.op("ReduceMin", distances, axes=[1], keepdims=1)
    is_first = graph.op("LessOrEqual", distances, first)
    one = graph.constant(1.0)
    ratio = graph.op("Div", first, graph.op("Where", is_first, one, distances))
    ratio = graph.op("Where", is_first, one, ratio)
    found = graph.op("Pow", ratio, graph.constant(power))
    return graph.op("Div", found, graph.op("ReduceSum", found, graph.constant([1]), keepdims=1))


def _mixed(graph: OnnxGraph, of_units: Float64s, units: str, counting: str) -> str:
    return _together(graph, graph.op("Gather", graph.constant(of_units), units), counting)


def _together(graph: OnnxGraph, said: str, counting: str) -> str:
    """Return what units near rows say together: (n, k, m) and (n, k) to (n, m)."""
    each = graph.op("Mul", said, graph.op("Unsqueeze", counting, graph.constant([2])))
    return graph.op("ReduceSum", each, graph.constant([1]), keepdims=0)


def _p_values(graph: OnnxGraph, distances: str, far: Float64s) -> str:
    """Return the share of distances that are as large, by halving the range where one may lie."""
    nearest = graph.op("ReduceMin", distances, axes=[1], keepdims=0)
    n_steps = max(len(far).bit_length(), 1)
    padded = graph.constant(np.append(far, np.full(2**n_steps - len(far), np.inf)))
    n_nearer = graph.op("Expand", graph.constant([0]), graph.op("Shape", nearest))
    for step in 2 ** np.arange(n_steps)[::-1]:
        further = graph.op("Add", n_nearer, graph.constant(step))
        value = graph.op("Gather", padded, graph.op("Sub", further, graph.constant(1)))
        is_nearer = graph.op("Less", value, nearest)
        n_nearer = graph.op("Where", is_nearer, further, n_nearer)
    left = graph.op("Sub", graph.constant(1.0 + len(far)), graph.as_double(n_nearer))
    return graph.op("Div", left, graph.constant(1.0 + len(far)))


def _or_nan(graph: OnnxGraph, refused: str, value: str) -> str:
    return graph.op("Where", refused, graph.constant(np.nan), value)


def _column(graph: OnnxGraph, value: str) -> str:
    return graph.op("Unsqueeze", value, graph.constant([1]))
