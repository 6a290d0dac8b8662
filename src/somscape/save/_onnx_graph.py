"""An ONNX graph, node by node."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
"""Versions of 2022, which runtimes since then support."""

ML = "ai.onnx.ml"


@dataclass
class OnnxGraph:
    """Nodes, constants, inputs and outputs; it makes all names of values.

    Attributes
    ----------
    onnx : module
    number : str
        Type of input and output numbers, "float32" or "float64".
    results : tuple of str
        Names of outputs, which no input may have.
    notes : dict of str to str
        Kept with the model, for its reader.
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
        """Return a name that no column has."""
        return f"/somscape/{kind}_{len(self.nodes) + len(self.constants)}"

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        name = self.new_name(kind)
        node = self.onnx.helper.make_node(kind, list(inputs), [name], name, **attributes)
        if domain:
            node.domain = domain
        self.nodes.append(node)
        return name

    def constant(self, value: Any) -> str:
        """Add a constant: float64, int64 or text."""
        array = np.asarray(value)
        array = array.astype(
            {"i": np.int64, "u": np.int64, "U": object}.get(array.dtype.kind, float)
        )
        name = self.new_name("constant")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def column(self, name: str, type_: str) -> str:
        """Add an input with one value per row, of shape (n, 1): "string", "int64" or a number
        type.
        """
        taken = {info.name for info in self.inputs} | set(self.results)
        while name in taken:
            name += "_input"
        self._input(name, type_, 1)
        return name

    def matrix(self, name: str, n_columns: int) -> str:
        """Add an input of shape (n, n_columns), and return it in float64."""
        self._input(name, self.number, n_columns)
        return self.as_double(name)

    def as_double(self, name: str) -> str:
        """Return a value as float64, the type of all computations."""
        return self.op("Cast", name, to=self.onnx.TensorProto.DOUBLE)

    def output(self, name: str, value: str, type_: str, n_columns: int | None = None) -> None:
        """Name a value of shape (n,) or (n, n_columns) as an output of the graph."""
        code, helper = self._type(type_), self.onnx.helper
        how = ("Identity", {}) if type_ == "string" else ("Cast", {"to": code})
        self.nodes.append(helper.make_node(how[0], [value], [name], name, **how[1]))
        shape = ["n"] if n_columns is None else ["n", n_columns]
        self.outputs.append(helper.make_tensor_value_info(name, code, shape))

    def model_bytes(self, description: str) -> bytes:
        """Return the checked model."""
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
        shape = ["n", n_columns]
        info = self.onnx.helper.make_tensor_value_info(name, self._type(type_), shape)
        self.inputs.append(info)

    def _type(self, type_: str) -> int:
        types = self.onnx.TensorProto
        return int(
            {
                "float32": types.FLOAT,
                "float64": types.DOUBLE,
                "int64": types.INT64,
                "string": types.STRING,
            }[type_]
        )
