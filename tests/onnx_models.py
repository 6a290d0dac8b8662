"""Models in ONNX files: a run of one, and a table with columns of each kind to feed it."""

import numpy as np
import onnx
import onnxruntime

from somscape.tables import table_from_columns
from somscape.tables.codes import level_texts

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def idle_parts(path):
    """Nodes and constants of a model that nothing comes from."""
    graph = onnx.load(path).graph
    taken = {name for node in graph.node for name in node.input}
    taken |= {output.name for output in graph.output}
    idle = [node.name for node in graph.node if taken.isdisjoint(node.output)]
    return idle + [constant.name for constant in graph.initializer if constant.name not in taken]


def run(path, feeds):
    """What the model says, by name; it computes nothing in vain."""
    assert idle_parts(path) == []
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def table_of(n=80, seed=0):
    rng = np.random.default_rng(seed)
    jobs, grades = np.array(["clerk", "nurse", "cook"]), np.array(["low", "middle", "high"])
    columns = {
        "id": [f"c{i}" for i in range(n)],
        "amount": np.exp(rng.normal(5, 2, n)).round(2).tolist(),
        "score": rng.normal(size=n).round(2).tolist(),
        "job": jobs[rng.integers(0, 3, n)].tolist(),
        "code": rng.integers(1, 4, n).tolist(),
        "grade": grades[rng.integers(0, 3, n)].tolist(),
        # Working days, and working hours, of 2020 and of the last weeks before 1970.
        "since": [str(day) for day in np.busday_offset("2020-01-01", np.arange(n) * 3)],
        "until": [
            f"1969-12-{1 + i % 5 + 7 * (i % 4):02}T{8 + i % 9:02}:{7 * i % 60:02}:30"
            for i in range(n)
        ],
    }
    columns["amount"][0], columns["job"][1], columns["grade"][2] = None, None, None
    columns["since"][3], columns["score"][4], columns["until"][4] = None, None, None
    return table_from_columns(columns)


def feeds_of(map_, table):
    """What goes into the model: numbers, days, levels; a name of an output gets _input."""
    feeds = {}
    for code in map_.encoding.used:
        column = table.column(code.name)
        if code.kind == "number":
            values = column.numbers.astype(np.float32)
        elif code.kind == "date":
            type_ = f"datetime64[{code.unit}]"
            values = np.array([cell or "NaT" for cell in column.cells], type_).astype(np.int64)
        else:
            texts = level_texts(column)
            values = np.array(["" if t == "(missing)" else t for t in texts], dtype=object)
        feeds["score_input" if code.name == "score" else code.name] = values[:, None]
    return feeds
