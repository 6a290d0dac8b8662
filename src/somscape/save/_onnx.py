"""Write a map or model as an ONNX model."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import write_whole
from somscape._types import Float64s
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.kernels.metric import Metric
from somscape.maps.map import NO_UNIT, as_map
from somscape.maps.record import Record
from somscape.outliers.detector import Detector, detector_in
from somscape.outliers.marks import LIKE_WITHIN, Marks
from somscape.outliers.relation import (
    BEFORE,
    FAR,
    LIMIT,
    MAX_EVIDENCE,
    SCALED_BITS,
    SQUARE_PER_EVIDENCE,
    USUAL,
    Relation,
)
from somscape.outliers.score import Scorer
from somscape.recognize.predictor import COVERAGE, Predictor, answering_in
from somscape.recognize.recognizer import Recognizer
from somscape.save._load import thing_of
from somscape.tables._messages import check_libraries
from somscape.tables.codes import MISSING_LEVEL, CategoryCode, NumberCode
from somscape.tables.encoding import Encoding
from somscape.tables.ordered import (
    DAY_MICROSECONDS,
    MICROSECONDS,
    CycleCode,
    DateCode,
    OrdinalCode,
    SpanCode,
)

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
"""Versions of ONNX from 2022.  Newer runtimes also support them."""

SAME = 1e-6
"""Maximum relative difference of two encoded numbers that count as equal."""

ML = "ai.onnx.ml"
TYPES = {"float32": "FLOAT", "float64": "DOUBLE", "int64": "INT64", "string": "STRING"}
"""ONNX names of the data types that inputs and outputs of the model can have."""


@dataclass
class OnnxGraph:
    """Nodes, inputs and outputs of an ONNX model, with methods that add them.

    Attributes
    ----------
    onnx : module
    number : str
        Data type of the input and output numbers of the model, either "float32" or "float64".
    results : tuple of str
        Names of the model's outputs.  Its inputs must have other names.
    notes : dict of str to str
        Metadata that is stored in the model.
    """

    onnx: Any
    number: str
    results: tuple[str, ...]
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def new_name(self, kind: str) -> str:
        """Return a new node name that differs from the names of all columns."""
        return f"/somscape/{kind}_{len(self.nodes) + len(self.constants)}"

    def op(self, kind: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        """Add a graph node with one output, and return the name of the output."""
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        name = self.new_name(kind)
        node = self.onnx.helper.make_node(kind, names, [name], name, **attributes)
        if domain:
            node.domain = domain
        self.nodes.append(node)
        return name

    def constant(self, value: Any) -> str:
        """Add a constant (float64, int64 or text) to the graph, and return its name."""
        array = np.asarray(value)
        kinds: dict[str, Any] = {"i": np.int64, "u": np.int64, "U": object}
        array = array.astype(kinds.get(array.dtype.kind, float))
        name = self.new_name("constant")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def column(self, name: str, type_: str) -> str:
        """Add an input of shape (n, 1) with the type "string", "int64" or a number type."""
        taken = {info.name for info in self.inputs} | set(self.results)
        while name in taken:
            name += "_input"
        self._input(name, type_, 1)
        return name

    def matrix(self, name: str, n_columns: int) -> str:
        """Add an input of shape (n, n_columns), convert it to float64, and return the new name."""
        self._input(name, self.number, n_columns)
        return self.as_double(name)

    def as_double(self, name: str) -> str:
        """Convert a value to float64."""
        return self.op("Cast", name, to=self.onnx.TensorProto.DOUBLE)

    def output(self, name: str, value: str, type_: str, n_columns: int | None = None) -> None:
        """Make a value of the graph an output of shape (n,) or (n, n_columns)."""
        code, helper = self._type(type_), self.onnx.helper
        how = ("Identity", {}) if type_ == "string" else ("Cast", {"to": code})
        self.nodes.append(helper.make_node(how[0], [value], [name], name, **how[1]))
        shape = ["n"] if n_columns is None else ["n", n_columns]
        self.outputs.append(helper.make_tensor_value_info(name, code, shape))

    def model_bytes(self, description: str) -> bytes:
        """Check the model and return its bytes."""
        helper = self.onnx.helper
        graph = helper.make_graph(
            self.nodes, "somscape", self.inputs, self.outputs, self.constants, description
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        model = helper.make_model(
            graph, producer_name="somscape", opset_imports=opsets, ir_version=IR_VERSION
        )
        helper.set_model_props(model, self.notes)
        self.onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _input(self, name: str, type_: str, n_columns: int) -> None:
        make = self.onnx.helper.make_tensor_value_info
        self.inputs.append(make(name, self._type(type_), ["n", n_columns]))

    def _type(self, type_: str) -> int:
        return int(getattr(self.onnx.TensorProto, TYPES[type_]))


SAME = 1e-6
"""Absolute and relative tolerance within which a row is equal to a row that a user marked.  Inputs
that were rounded to float32 are within the tolerance."""


def nearest(
    graph: OnnxGraph, rows: str, prototypes: Float64s, k: int = 1, metric: Metric | None = None
) -> tuple[str, str]:
    """Return two values of shape (n, k): the k nearest units of each row, and their distances."""
    metric = metric or Metric()
    rows, prototypes = _compared(graph, rows, prototypes, metric)
    if metric.kernel == "euclidean":
        units = _smallest(graph, _squares(graph, rows, prototypes), k)[0]
        return units, _exact(graph, rows, prototypes, units)
    return _smallest(graph, _DISTANCES[metric.kernel](graph, rows, prototypes), k)


def _compared(
    graph: OnnxGraph, rows: str, prototypes: Float64s, metric: Metric
) -> tuple[str, Float64s]:
    """Scale rows and prototypes so that distances without weights equal the metric's distances."""
    prototypes = np.asarray(metric.compared(prototypes))
    weights = metric.feature_weights
    if metric.name == "correlation":
        share = np.full(prototypes.shape[1], 1.0) if weights is None else weights
        rows = graph.op("Sub", rows, graph.op("MatMul", rows, (share / share.sum())[:, None]))
    rows = placed(graph, rows, metric)
    if weights is not None:
        scale = weights if metric.kernel in ("manhattan", "chebyshev") else np.sqrt(weights)
        rows, prototypes = graph.op("Mul", rows, scale), prototypes * scale
    return rows, prototypes


def placed(graph: OnnxGraph, rows: str, metric: Metric) -> str:
    """Return rows that are whitened if the metric contains a whitening matrix."""
    if metric.whitening is None or metric.center is None:
        return rows
    rows = graph.op("Sub", rows, metric.center)
    return graph.op("MatMul", rows, metric.whitening)


def _smallest(graph: OnnxGraph, distances: str, k: int) -> tuple[str, str]:
    """Return two values for each row: the k nearest units, and their distances."""
    inputs, make = [distances, graph.constant([k])], graph.onnx.helper.make_node
    name = graph.new_name("TopK")
    outputs = [f"{name}_distances", f"{name}_units"]
    graph.nodes.append(make("TopK", inputs, outputs, name, largest=0, sorted=1))
    return outputs[1], outputs[0]


def _squares(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    """Compute squared distances between rows x and prototypes w as |x|^2 - 2 x.w + |w|^2."""
    center = prototypes.mean(axis=0)
    rows, moved = graph.op("Sub", rows, center), prototypes - center
    norms = graph.op("ReduceSum", graph.op("Mul", rows, rows), [1])
    product = graph.op("MatMul", rows, -2.0 * moved.T)
    half = graph.op("Add", product, (moved**2).sum(axis=1))
    return graph.op("Max", graph.op("Add", half, norms), 0.0)


def _exact(graph: OnnxGraph, rows: str, prototypes: Float64s, units: str) -> str:
    """Compute distances of rows to given units from differences, without cancellation errors."""
    found = graph.op("Gather", prototypes, units, axis=0)
    apart = graph.op("Sub", graph.op("Unsqueeze", rows, [1]), found)
    return graph.op("Sqrt", _sum(graph, graph.op("Mul", apart, apart), axis=2))


def _absolute_differences(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    rows = graph.op("Unsqueeze", rows, [1])
    return graph.op("Abs", graph.op("Sub", rows, prototypes[None]))


def _manhattan(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    return _sum(graph, _absolute_differences(graph, rows, prototypes), axis=2)


def _chebyshev(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    return graph.op(
        "ReduceMax", _absolute_differences(graph, rows, prototypes), axes=[2], keepdims=0
    )


def _cosine(graph: OnnxGraph, rows: str, prototypes: Float64s) -> str:
    length = np.sqrt((prototypes**2).sum(axis=1, keepdims=True))
    unit = prototypes / np.where(length > 0, length, 1.0)
    norms = graph.op("Sqrt", graph.op("ReduceSum", graph.op("Mul", rows, rows), [1]))
    norms = graph.op("Where", graph.op("Equal", norms, 0.0), 1.0, norms)
    product = graph.op("MatMul", graph.op("Div", rows, norms), unit.T)
    return graph.op("Sub", 1.0, product)


_DISTANCES = {"manhattan": _manhattan, "chebyshev": _chebyshev, "cosine": _cosine}


def score_of(graph: OnnxGraph, rows: str, detector: Detector) -> str:
    """Add nodes for the combined score of a detector's maps, and return the score's name."""
    if detector.directions:
        raise InputError(
            "This detector has rules with a direction (--direction), which an ONNX file cannot "
            "contain. Train the detector without them.",
            parameter="direction",
        )
    scores = [_score_by_map(graph, rows, scorer) for scorer in detector.scorers]
    score = scores[0]
    if len(scores) > 1:
        total = graph.constant(0.0)
        for each in scores:
            total = graph.op("Add", total, graph.op("Mul", each, each))
        score = graph.op("Sqrt", graph.op("Div", total, float(len(scores))))
    if detector.rarity is not None:
        rarity = detector.rarity
        values = graph.op("Gather", rows, rarity.features, axis=1)
        score = graph.op("Add", score, _sum(graph, _on_lines(graph, values, rarity.x, rarity.y)))
    if detector.relation is not None:
        score = graph.op("Add", score, _related(graph, rows, detector.relation))
    return score if detector.marks is None else _marked(graph, rows, score, detector.marks)


def _related(graph: OnnxGraph, rows: str, relation: Relation) -> str:
    """Return the contribution of broken relations to the score of each row, of shape (n,)."""
    apart = graph.op("Gather", rows, relation.features, axis=1)
    steps, starts = relation.curves
    if (steps > 0).any():
        at = graph.op("Add", graph.op("Mul", apart, steps), starts)
        both = graph.op("Exp", at), graph.op("Exp", graph.op("Neg", at))
        curved = graph.op("Div", graph.op("Sub", *both), 2.0)
        apart = graph.op("Where", graph.op("Greater", steps, 0.0), curved, apart)
    apart = graph.op("Sub", apart, relation.center)
    apart = graph.op("Div", apart, relation.deviations)
    apart = graph.op("Min", graph.op("Max", apart, -LIMIT), LIMIT)
    scaled = graph.op(
        "Div", graph.op("Round", graph.op("Mul", apart, 2.0**SCALED_BITS)), 2.0**SCALED_BITS
    )
    limited = graph.op("Min", graph.op("Max", scaled, -USUAL), USUAL)
    own = graph.op("Gather", graph.op("Sub", scaled, limited), relation.targets, axis=1)
    likely, amounts = list[str](), list[str]()
    highs, slopes, powers = relation.tails
    parts = relation.heights, *relation.turning, relation.offsets, relation.own
    for mean, height, matrix, to_residuals, offsets, factors in zip(
        relation.means, *parts, strict=True
    ):
        moved = graph.op("Sub", scaled, mean)
        largest = graph.op("ReduceMax", graph.op("Abs", moved), axes=[1])
        moved = graph.op("Mul", moved, graph.op("Div", FAR, graph.op("Max", largest, FAR)))
        if len(relation.heights) > 1:
            turned = graph.op("MatMul", moved, matrix)
            square = graph.op("ReduceSum", graph.op("Mul", turned, turned), [1])
            likely.append(graph.op("Sub", float(height), graph.op("Mul", square, 0.5)))
        residuals = graph.op("Abs", graph.op("MatMul", moved, to_residuals))
        others = graph.op("MatMul", graph.op("Sub", limited, mean), to_residuals)
        others = graph.op("Abs", graph.op("Add", others, graph.op("Mul", own, factors)))
        apart = graph.op("Div", graph.op("Min", residuals, others), highs)
        power = graph.op("Pow", graph.op("Max", apart, 1.0), powers)
        beyond = graph.op("Div", graph.op("Sub", power, 1.0), powers)
        below = graph.op("Min", graph.op("Sub", apart, 1.0), 0.0)
        evidence = graph.op("Mul", graph.op("Add", below, beyond), slopes)
        evidence = graph.op("Add", evidence, offsets)
        amounts.append(graph.op("ReduceMax", evidence, axes=[1]))
    amount = amounts[0]
    if len(amounts) > 1:
        best = graph.op("ArgMax", graph.op("Concat", *likely, axis=1), axis=1)
        amount = graph.op("GatherElements", graph.op("Concat", *amounts, axis=1), best, axis=1)
    amount = graph.op("Min", graph.op("Max", amount, 0.0), MAX_EVIDENCE)
    may_be_filled, fills = relation.fills[0] > 0, relation.fills[1]
    if may_be_filled.any():
        cells = graph.op("Gather", rows, relation.features[may_be_filled], axis=1)
        apart = graph.op("Abs", graph.op("Sub", cells, fills[may_be_filled]))
        same = graph.op("Less", apart, SAME * (1.0 + np.abs(fills[may_be_filled])))
        is_filled = graph.op("ReduceMax", graph.op("Where", same, 1.0, 0.0), axes=[1])
        amount = graph.op("Mul", amount, graph.op("Sub", 1.0, is_filled))
    middle, spread = relation.roots.tolist()
    far = graph.op("Add", graph.op("Mul", amount, SQUARE_PER_EVIDENCE), BEFORE**2)
    far = graph.op("Add", graph.op("Mul", graph.op("Sqrt", far), spread), middle)
    amount = graph.op("Sub", graph.op("Mul", far, far), (middle + spread * BEFORE) ** 2)
    return _flatten(graph, amount)


def _marked(graph: OnnxGraph, rows: str, score: str, marks: Marks) -> str:
    """Return the scores of rows, changed for rows that are equal to a row that a user marked."""
    if len(marks.features):
        values = graph.op("Gather", rows, marks.features, axis=1)
        values = graph.op("Max", values, marks.x[:, 0])
        values = graph.op("Min", values, marks.x[:, -1])  # constant beyond the ends
        apart = _manhattan(graph, _on_lines(graph, values, marks.x, marks.y), marks.places)
        likeness = graph.op("Exp", graph.op("Div", apart, -LIKE_WITHIN))
        moves = _sum(graph, graph.op("Mul", likeness, marks.pull))
        score = graph.op("Mul", score, graph.op("Exp", graph.op("Sub", moves, marks.center)))
    if not len(marks.held):
        return score
    apart = graph.op("Sub", graph.op("Unsqueeze", rows, [1]), marks.rows)
    over = graph.op("Sub", graph.op("Abs", apart), SAME * (1.0 + np.abs(marks.rows)))
    over = graph.op("ReduceMax", over, axes=[2], keepdims=0)
    place, least = (_flatten(graph, value) for value in _smallest(graph, over, 1))
    is_same = graph.op("LessOrEqual", least, 0.0)
    return graph.op("Where", is_same, graph.op("Gather", marks.held, place), score)


def _score_by_map(graph: OnnxGraph, rows: str, scorer: Scorer) -> str:
    """Return the score of each row from one map of the detector, of shape (n,)."""
    prototypes = scorer.usual_codebook
    if scorer.reach is not None:
        low, high = scorer.reach
        rows = graph.op("Min", graph.op("Max", rows, low), high)
        prototypes = np.clip(prototypes, low, high)
    if scorer.decorrelation is not None:
        parts = scorer.decorrelation
        matrix = parts.matrix / parts.deviations[:, None] * parts.counts
        rows = graph.op("MatMul", graph.op("Sub", rows, parts.center), matrix)
        prototypes = (prototypes - parts.center) @ matrix
    distances = nearest(graph, rows, prototypes, scorer._n_nearest)[1]
    return graph.op("ReduceMean", distances, axes=[1], keepdims=0)


def _on_lines(graph: OnnxGraph, values: str, x: Float64s, y: Float64s) -> str:
    """Apply piecewise linear functions, given by their corners x and y, to values."""
    wide = np.diff(x, axis=1)
    slopes = np.divide(np.diff(y, axis=1), wide, out=np.zeros_like(wide), where=wide > 0)
    bends = np.where(wide[:, 1:] > 0, np.diff(slopes, axis=1), 0.0)  # 0 at repeated knots
    first = graph.op("Mul", graph.op("Sub", values, x[:, 0]), slopes[:, 0])
    first = graph.op("Add", first, y[:, 0])
    each = graph.op("Unsqueeze", values, [2])
    past = graph.op("Max", graph.op("Sub", each, x[:, 1:-1]), 0.0)
    return graph.op("Add", first, _sum(graph, graph.op("Mul", past, bends), axis=2))


def _flatten(graph: OnnxGraph, value: str) -> str:
    return graph.op("Reshape", value, [-1])


def _sum(graph: OnnxGraph, value: str, axis: int = 1) -> str:
    return graph.op("ReduceSum", value, [axis], keepdims=0)


def add_answers(
    graph: OnnxGraph, rows: str, near: tuple[str, str], model: Recognizer | Predictor, refused: str
) -> None:
    """Add the outputs of a recognizer or predictor to the ONNX model."""
    units, distances = near
    counting = _pulls(graph, distances, model.power)
    p_values = _p_values(graph, distances, model.far)
    graph.output("p_value", _or_nan(graph, refused, p_values), graph.number)
    if isinstance(model, Recognizer):
        probabilities = _weighted_sum_of_units(graph, model.shares, units, counting)
        _add_classes(graph, probabilities, p_values, model, refused)
    else:
        _add_numbers(graph, rows, units, counting, model, refused)


def answered(model: Recognizer | Predictor | None) -> tuple[str, ...]:
    """Return the names of the outputs that `add_answers` adds to the ONNX model."""
    if model is None:
        return ()
    more = ("probabilities",) if isinstance(model, Recognizer) else ("low", "high")
    return ("predicted", "p_value", *more)


def _add_classes(
    graph: OnnxGraph, probabilities: str, p_values: str, model: Recognizer, refused: str
) -> None:
    is_unknown = refused
    if model.reject is not None:
        is_unknown = graph.op("Or", refused, graph.op("LessOrEqual", p_values, model.reject))
    classes, unknown, type_ = _classes_of(model)
    place = graph.op("ArgMax", probabilities, axis=1, keepdims=0)
    place = graph.op("Where", is_unknown, len(classes), place)
    names = np.array([*classes, unknown])
    graph.output("predicted", graph.op("Gather", names, place), type_)
    probabilities = _or_nan(graph, _column(graph, refused), probabilities)
    graph.output("probabilities", probabilities, graph.number, len(classes))
    graph.notes["classes"] = json.dumps(classes, ensure_ascii=False)


def _classes_of(model: Recognizer) -> tuple[list[Any], Any, str]:
    """Return the classes, the class of a rejected row, and the ONNX type of both."""
    classes = model.classes.tolist()
    if model.classes.dtype.kind in "iu" and max(classes) < np.iinfo(np.int64).max:
        low = min(classes)
        free = (-1, low - 1 if low > np.iinfo(np.int64).min else max(classes) + 1)
        return classes, free[-1 in classes], "int64"
    return [str(name) for name in classes], model.unknown, "string"


def _add_numbers(
    graph: OnnxGraph, rows: str, units: str, counting: str, model: Predictor, refused: str
) -> None:
    said = graph.op("Gather", model.values, units)
    if model.slopes is not None:
        slopes = graph.op("Gather", model.slopes, units)  # n, k, targets, axes
        across = graph.op("Unsqueeze", placed(graph, rows, model.map_.metric), [1])
        across = graph.op("Unsqueeze", across, [3])
        risen = graph.op("MatMul", slopes, across)
        said = graph.op("Add", said, graph.op("Squeeze", risen, [3]))
    found = _weighted_sum(graph, said, counting)
    found = graph.op("Max", found, model.limits[0])
    found = graph.op("Min", found, model.limits[1])
    spread = _weighted_sum_of_units(graph, model.spread, units, counting)
    half = graph.op("Mul", spread, model._factors(COVERAGE))
    ends = {"low": graph.op("Sub", found, half), "high": graph.op("Add", found, half)}
    for name, value in {"predicted": found, **ends}.items():
        value = _or_nan(graph, _column(graph, refused), value)
        if model.is_single:
            graph.output(name, graph.op("Squeeze", value, [1]), graph.number)
        else:
            graph.output(name, value, graph.number, model.values.shape[1])


def _pulls(graph: OnnxGraph, distances: str, power: float) -> str:
    """Return the weights (n, k) of the k nearest units of each row, larger for nearer units."""
    first = graph.op("ReduceMin", distances, axes=[1], keepdims=1)
    is_first = graph.op("LessOrEqual", distances, first)
    one = graph.constant(1.0)
    ratio = graph.op("Div", first, graph.op("Where", is_first, one, distances))
    ratio = graph.op("Where", is_first, one, ratio)
    found = graph.op("Pow", ratio, power)
    return graph.op("Div", found, graph.op("ReduceSum", found, [1], keepdims=1))


def _weighted_sum_of_units(graph: OnnxGraph, of_units: Float64s, units: str, counting: str) -> str:
    return _weighted_sum(graph, graph.op("Gather", of_units, units), counting)


def _weighted_sum(graph: OnnxGraph, said: str, counting: str) -> str:
    """Return the sums of `said` (n, k, m) over the k units, weighted by `counting` (n, k)."""
    return _sum(graph, graph.op("Mul", said, graph.op("Unsqueeze", counting, [2])))


def _p_values(graph: OnnxGraph, distances: str, far: Float64s) -> str:
    """Return, for each distance, the share of the distances in `far` that are at least as large."""
    nearest = graph.op("ReduceMin", distances, axes=[1], keepdims=0)
    n_steps = max(len(far).bit_length(), 1)
    padded = graph.constant(np.append(far, np.full(2**n_steps - len(far), np.inf)))
    n_nearer = graph.op("Expand", graph.constant([0]), graph.op("Shape", nearest))
    for step in 2 ** np.arange(n_steps)[::-1]:
        further = graph.op("Add", n_nearer, step)
        value = graph.op("Gather", padded, graph.op("Sub", further, 1))
        n_nearer = graph.op("Where", graph.op("Less", value, nearest), further, n_nearer)
    left = graph.op("Sub", graph.constant(1.0 + len(far)), graph.as_double(n_nearer))
    return graph.op("Div", left, 1.0 + len(far))


def _or_nan(graph: OnnxGraph, refused: str, value: str) -> str:
    return graph.op("Where", refused, np.nan, value)


def _column(graph: OnnxGraph, value: str) -> str:
    return graph.op("Unsqueeze", value, [1])


NO_DATE = -(2**63)
"""The integer that NumPy stores for NaT."""


def encoded_rows(graph: OnnxGraph, encoding: Encoding) -> str:
    """Add inputs and encode them. Return the encoded rows (n, n_features)."""
    if encoding.missing == "mask":
        raise InputError(
            "ONNX does not support a map with missing='mask', because its distances leave out "
            "missing values. Train with missing='fill'.",
            parameter="missing",
            value="mask",
        )
    is_filled = encoding.missing == "fill"
    if encoding.is_plain:
        numbers = [code for code in encoding.used if isinstance(code, NumberCode)]
        rows = graph.matrix("X", len(numbers))
        return _filled(graph, rows, np.array([n.fill for n in numbers])) if is_filled else rows
    dates: dict[str, tuple[str, int]] = {}
    parts = []
    for code in encoding.used:
        if isinstance(code, DateCode):
            counts = graph.column(code.name, "int64")
            dates[code.name] = counts, DAY_MICROSECONDS // MICROSECONDS[code.unit]
            values = _date_or_nan(graph, graph.as_double(counts), counts)
            parts.append(_scaled(graph, values, code.number, is_filled))
        elif isinstance(code, NumberCode):
            values = graph.as_double(graph.column(code.name, graph.number))
            parts.append(_scaled(graph, values, code, is_filled))
        else:
            parts.append(_levels(graph, code, is_filled))
    for part in encoding.parts:
        add: Any = _cycle if isinstance(part, CycleCode) else _span
        parts.append(add(graph, dates, part, is_filled))
    return graph.op("Concat", *parts, axis=1)


def _date_or_nan(graph: OnnxGraph, values: str, counts: str) -> str:
    """Replace the values of rows without a date by NaN."""
    return graph.op("Where", graph.op("Equal", counts, NO_DATE), np.nan, values)


def _cycle(
    graph: OnnxGraph, dates: dict[str, tuple[str, int]], code: CycleCode, is_filled: bool
) -> str:
    """Encode the weekday or the time of day of each date as a position on a circle."""
    counts, per_day = dates[code.source]
    since_midnight = graph.op("Mod", counts, per_day)
    if code.part == "weekday":  # 1970 began on a Thursday
        days = graph.op("Div", graph.op("Sub", counts, since_midnight), per_day)
        step = graph.op("Mod", graph.op("Add", days, 3), 7)
    else:
        step = graph.op("Div", graph.op("Mul", since_midnight, 1440), per_day)
    table = np.vstack([code.circle, code.circle[code.fill] if is_filled else [np.nan, np.nan]])
    step = graph.op("Where", graph.op("Equal", counts, NO_DATE), len(code.circle), step)
    return graph.op("Gather", table, _flatten(graph, step), axis=0)


def _span(
    graph: OnnxGraph, dates: dict[str, tuple[str, int]], code: SpanCode, is_filled: bool
) -> str:
    """Return the number of days between the two dates of each row, after scaling."""
    ends = [dates[name] for name in code.sources]
    moments = [graph.op("Mul", counts, DAY_MICROSECONDS // per_day) for counts, per_day in ends]
    apart = graph.as_double(graph.op("Sub", moments[1], moments[0]))
    days = graph.op("Div", apart, float(DAY_MICROSECONDS))
    for counts, _ in ends:
        days = _date_or_nan(graph, days, counts)
    return _scaled(graph, days, code, is_filled)


def _scaled(graph: OnnxGraph, values: str, code: NumberCode, is_filled: bool) -> str:
    if is_filled:
        values = _filled(graph, values, code.fill)
    if code.reach:
        low, high = code.ends
        values = graph.op("Min", graph.op("Max", values, low), high)
    if code.width:
        shifted = graph.op("Sub", values, code.center)
        values = _asinh(graph, graph.op("Div", shifted, code.width))
    return graph.op("Div", graph.op("Sub", values, code.low), code.span / code.factor)


def _asinh(graph: OnnxGraph, values: str) -> str:
    # Runtimes support Asinh only for float32.
    size, one = graph.op("Abs", values), graph.constant(1.0)
    root = graph.op("Sqrt", graph.op("Add", graph.op("Mul", size, size), one))
    return graph.op("Mul", graph.op("Sign", values), graph.op("Log", graph.op("Add", size, root)))


def _filled(graph: OnnxGraph, values: str, fill: Any) -> str:
    return graph.op("Where", graph.op("IsNaN", values), fill, values)


def _levels(graph: OnnxGraph, code: CategoryCode | OrdinalCode, is_filled: bool) -> str:
    """Return the encoded level of each text. In an ordered category, unknown texts are NaN."""
    levels, unseen = code.levels, len(code.levels)
    if isinstance(code, CategoryCode):
        table = code.applies * np.eye(code.n_features)
        missing = levels.index(MISSING_LEVEL) if MISSING_LEVEL in levels else unseen
    else:
        table, missing = np.vstack([code.encoded_levels, [np.nan]]), code.fill
    gone = table[missing] if is_filled else np.full(code.n_features, np.nan)
    of_level = {"": unseen + 1, **{level: i for i, level in enumerate(levels)}}
    place = graph.op(
        "LabelEncoder",
        graph.column(code.name, "string"),
        domain=ML,
        keys_strings=list(of_level),
        values_int64s=list(of_level.values()),
        default_int64=unseen,
    )
    return graph.op("Gather", np.vstack([table, gone]), _flatten(graph, place), axis=0)


def to_onnx(som: Any, path: str | Path, *, dtype: str = "float32") -> None:
    """Write a map, detector, recognizer or predictor as an ONNX model.

    The ONNX model takes rows in original units, encodes them, and finds their winners.  If the map
    was trained on an array, the model has one input ``X`` of shape (n, n_features).  If the map was
    trained on a table, the model has one input of shape (n, 1) for each feature column, with the
    name of the column.  Numbers have the type `dtype`.  Dates are given as integers, which are the
    number of days, seconds or microseconds since 1970, depending on the encoding of the column.  A
    missing date is NumPy's NaT.  Categories are given as text, spelled like the levels of the map.
    The text "" means a missing category.

    Outputs have shape (n,) unless another shape is given.  Every model has the outputs ``winner``
    (int64) and ``distance``.  The model of a detector also has ``score``.  The model of a
    recognizer also has ``predicted`` (the class, as int64 if classes are integers, and otherwise as
    text), ``p_value``, and ``probabilities`` of shape (n, n_classes).  If the recognizer rejects a
    row, the predicted class is ``unknown`` (or ``unknown_row`` if ``unknown`` is a class), and for
    integers -1 (or one less than the lowest class if -1 is a class).  The metadata of the ONNX
    model contain the classes as a JSON list, ``classes``.  The model of a predictor also has
    ``predicted``, ``low`` and ``high`` (the limits of the 90 % interval), and ``p_value``.  If a
    predictor has several targets, ``predicted``, ``low`` and ``high`` have shape (n, n_targets).
    If a column has the name of an output or the name ``score``, the name of its input gets a
    suffix, such as ``winner_input``.

    Parameters
    ----------
    som : Map, Detector, Recognizer, Predictor, fitted estimator or Record
        Map or model to write.  Every metric and every kind of score is supported.
    path : str or Path
        File to write, usually with the extension ``.onnx``.  An existing file is replaced only if
        writing succeeds.
    dtype : {"float32", "float64"}, default="float32"
        Data type of the input and output numbers.  All computations use float64, but float32 inputs
        have only 7 exact digits.

    Raises
    ------
    InputError
        If the map was trained with ``missing="mask"``, or if ``somscape[onnx]`` is not installed.

    See Also
    --------
    somscape.Map.save

    Notes
    -----
    The map raises an error for a row with a missing value (if ``missing="error"``) or with an
    unknown level of an ordered category.  For such a row, the ONNX model returns the winner -1, NaN
    for all numbers, and the class of a rejected row.  In other categories, a level that was not in
    the training data counts as different from all known levels, as in the map.  The ONNX model
    finds the prototypes w that are nearest to a row x by ``|x|^2 - 2 x.w + |w|^2``, and then
    recomputes their distances.  If two prototypes are equally near up to rounding, the ONNX model
    can choose another prototype than the map.  If distances are equal, a p-value of the ONNX model
    can also differ slightly.  With the metrics "manhattan" and "chebyshev", the ONNX model needs n
    * n_units * n_features numbers in memory, so pass only a few hundred rows at a time.  The time
    for a row is O(n_units * n_features).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from somscape import SOMDetector, save
    >>> detector = SOMDetector(random_state=0).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]] * 20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.to_onnx(detector, pathlib.Path(folder) / "detector.onnx")
    """
    check_choice("dtype", dtype, ("float32", "float64"))
    thing = thing_of(som) if isinstance(som, Record) else som
    detector, som = detector_in(thing), as_map(thing)
    answering = answering_in(thing)
    graph = OnnxGraph(_onnx(), dtype, ("winner", "distance", "score", *answered(answering)))
    rows = encoded_rows(graph, som.encoding)
    k = 1 if answering is None else answering.n_nearest
    near = nearest(graph, rows, som.codebook, k, som.metric)
    winners, distances = (graph.op("Gather", v, 0, axis=1) for v in near)

    is_refused = graph.op("IsNaN", graph.op("Mul", _sum(graph, rows), 0.0))
    graph.output("winner", graph.op("Where", is_refused, NO_UNIT, winners), "int64")
    values = {"distance": distances}
    if detector is not None:
        values["score"] = score_of(graph, rows, detector)
    for name, value in values.items():
        graph.output(name, _or_nan(graph, is_refused, value), dtype)
    if answering is not None:
        add_answers(graph, rows, near, answering, is_refused)
    write_whole(path, graph.model_bytes("A self-organizing map: winner, distance, answers."))


def _onnx() -> Any:
    check_libraries("writing an ONNX file", ("onnx",), "onnx")
    import onnx
    import onnx.checker
    import onnx.helper
    import onnx.numpy_helper

    return onnx
