"""A map as an ONNX model, from rows to what they are told: for runtimes in any language."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from somscape._files import write_whole
from somscape._validate import check_choice
from somscape.errors import InputError
from somscape.maps import NO_UNIT, as_map
from somscape.outliers import detector_in
from somscape.recognize import answering_in
from somscape.records import Record
from somscape.save._load import thing_of
from somscape.save._onnx_answers import add_answers, answered
from somscape.save._onnx_columns import encoded_rows
from somscape.save._onnx_graph import OnnxGraph
from somscape.save._onnx_scores import nearest, score_of


def to_onnx(map_: Any, path: str | Path, *, dtype: str = "float32") -> None:
    """Write a map, or what scores, names or predicts by one, as an ONNX model.

    The model takes rows in original units, encodes them, and finds winners.  A map of an array has
    one input ``X`` of shape (n, n_features).  A map of a table has one input of shape (n, 1) for
    each feature column, with its name: numbers; whole numbers for dates (days, seconds or
    microseconds since 1970, as the map's encoding says; NumPy's NaT is missing); and text for
    categories, spelled like the map's levels ("" is missing).  The outputs
    have shape (n,): ``winner`` (int64) and ``distance``; of a detector also ``score``.  A
    recognizer adds ``predicted`` (the class as text; ``unknown`` for a row that is refused, or
    ``unknown_row`` where a class is called so), ``p_value``, and ``probabilities`` of shape (n,
    n_classes); the model's metadata has the ``classes`` as a list in JSON.  A predictor adds
    ``predicted``, ``low`` and ``high``, the ends of the 90 % interval, and ``p_value``; of several
    targets, the first three have shape (n, n_targets).  An input column with the name of an output,
    or ``score``, gets a suffix, such as ``winner_input``.

    Parameters
    ----------
    map_ : Map, Detector, Recognizer, Predictor, fitted estimator or Record
        With any metric, and any score.
    path : str or Path
        Usually ends in ``.onnx``.  Written completely or not at all; an existing file is replaced.
    dtype : {"float32", "float64"}, default="float32"
        Type of input and output numbers.  The computation is in float64; float32 input is exact to
        7 digits.

    Raises
    ------
    InputError
        For a map with ``missing="mask"``, or if the extra ``onnx`` is not installed.

    See Also
    --------
    somscape.Map.save

    Notes
    -----
    A row that a map would refuse (a missing value under ``missing="error"``, an unknown level of an
    ordered category) gets winner -1, NaN, and the class ``unknown``.  A level of a category that
    the map never saw counts as a mismatch with all levels, as in the map.  The model finds the
    nearest prototypes by ``|x|^2 - 2 x.w + |w|^2`` and then recomputes their distances.  A row that
    is equally near to two prototypes, up to rounding, may go to the other one, and a p-value may be
    the next one where distances are equal.  The metrics "manhattan" and "chebyshev" need
    n * n_units * n_features numbers in memory: pass rows by the hundred.  A row costs
    O(n_units * n_features).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from somscape import SOMDetector, save
    >>> detector = SOMDetector(random_state=0).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]] * 20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save.to_onnx(detector, pathlib.Path(folder) / "detector.onnx")
    """
    check_choice("dtype", dtype, ("float32", "float64"))
    thing = thing_of(map_) if isinstance(map_, Record) else map_
    detector, map_ = detector_in(thing), as_map(thing)
    answering = answering_in(thing)
    graph = OnnxGraph(_onnx(), dtype, ("winner", "distance", "score", *answered(answering)))
    rows = encoded_rows(graph, map_.encoding.to_json())
    k = 1 if answering is None else answering.n_nearest
    near = nearest(graph, rows, map_.codebook, k, map_.metric)
    winners, distances = (graph.op("Gather", v, graph.constant(0), axis=1) for v in near)

    is_refused = _has_nan(graph, rows)
    graph.output("winner", graph.op("Where", is_refused, graph.constant(NO_UNIT), winners), "int64")
    values = {"distance": distances}
    if detector is not None:
        values["score"] = score_of(graph, rows, winners, detector)
    for name, value in values.items():
        known = graph.op("Where", is_refused, graph.constant(np.nan), value)
        graph.output(name, known, dtype)
    if answering is not None:
        add_answers(graph, rows, near, answering, is_refused)
    write_whole(path, graph.model_bytes("A self-organizing map: winner, distance, answers."))


def _has_nan(graph: OnnxGraph, rows: str) -> str:
    sums = graph.op("ReduceSum", rows, graph.constant([1]), keepdims=0)
    return graph.op("IsNaN", graph.op("Mul", sums, graph.constant(0.0)))


def _onnx() -> Any:
    if find_spec("onnx") is None:
        raise InputError("writing ONNX needs the library onnx; run: pip install 'somscape[onnx]'.")
    import onnx
    import onnx.checker
    import onnx.helper
    import onnx.numpy_helper

    return onnx
