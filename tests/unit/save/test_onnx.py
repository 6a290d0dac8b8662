"""What onnxruntime makes of a map, row by row beside the map itself."""

import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_models import TOLERANCE, feeds_of, run, table_of
from texts import rejected

from somscape import SOM, Graph, SOMDetector, TableEncoder
from somscape.maps.map import as_map
from somscape.outliers.detector import detector_in
from somscape.outliers.score import SCORES
from somscape.save import load, to_onnx
from somscape.tables import Column


def rows_of(n=200, d=4, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


def same(found, thing, X):
    units, distances = as_map(thing).nearest(X)
    np.testing.assert_array_equal(found["winner"], units[:, 0])
    np.testing.assert_allclose(found["distance"], distances[:, 0], **TOLERANCE)
    detector = detector_in(thing)
    assert ("score" in found) == (detector is not None)
    if detector is not None:
        np.testing.assert_allclose(found["score"], detector.scores(X), **TOLERANCE)


WEIGHTED = ("euclidean", "manhattan", "chebyshev", "cosine", "correlation")


@pytest.mark.parametrize(
    ("metric", "feature_weight"),
    [
        *((metric, None) for metric in (*WEIGHTED, "mahalanobis")),
        *((metric, [1.0, 0.0, 0.5, 3.0]) for metric in WEIGHTED),
    ],
)
def test_every_metric(tmp_path, metric, feature_weight):
    X = rows_of()
    som = SOM(4, 5, metric=metric, feature_weight=feature_weight, random_state=0).fit(X)
    to_onnx(som, tmp_path / "m.onnx")
    new = np.vstack([X, rows_of(50, seed=1) * 5, np.zeros((1, 4), np.float32)])
    found = run(tmp_path / "m.onnx", {"X": new})
    assert found.keys() == {"winner", "distance"}
    assert (found["winner"].dtype, found["distance"].dtype) == (np.int64, np.float32)
    same(found, som.map_, new)


@pytest.mark.parametrize("score", SCORES)
def test_every_score(tmp_path, score):
    X = rows_of()
    detector = SOMDetector(method=score, som=SOM(4, 5), n_maps=1, random_state=0).fit(X)
    to_onnx(detector, tmp_path / "m.onnx")
    new = np.vstack([X, rows_of(50, seed=1) * 5])
    same(run(tmp_path / "m.onnx", {"X": new}), detector, new)


@pytest.mark.parametrize("score", SCORES)
def test_scores_where_units_lie_on_their_rows(tmp_path, score):
    X = np.repeat(rows_of(5), 8, axis=0)
    detector = SOMDetector(method=score, som=SOM(4, 5), n_maps=3, random_state=0).fit(X)
    to_onnx(detector, tmp_path / "m.onnx")
    same(run(tmp_path / "m.onnx", {"X": X}), detector, X)


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("score", SCORES)
def test_scores_of_several_maps(tmp_path, score, labelled):
    X = rows_of()
    known = np.where(X[:, 0] > 1, 1, np.where(X[:, 0] < -1, 0, -1)) if labelled else None
    detector = SOMDetector(score, som=SOM(4, 5), n_maps=3, random_state=0).fit(X, known=known)
    assert (detector.detector_.marks is not None) == labelled
    to_onnx(detector, tmp_path / "d.onnx")
    same(run(tmp_path / "d.onnx", {"X": X}), detector, X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("has_components", [False, True])
def test_scores_by_broken_relations(tmp_path, has_components, dtype):
    X = rows_of(600, 3, dtype=dtype)
    X[300:] = X[300:] * 0.2 + 8 if has_components else X[300:]
    X = np.column_stack([X, X.sum(axis=1)])
    detector = SOMDetector(som=SOM(4, 5), n_maps=1, random_state=0).fit(X).detector_
    assert (len(detector.relation.heights) > 1) == has_components
    to_onnx(detector, tmp_path / "m.onnx", dtype=dtype)
    new = np.vstack([X, X + rows_of(600, seed=1, dtype=dtype) * X.std(axis=0) * 0.2])
    assert (detector.relation.scores(new) > 0).sum() > 300
    same(run(tmp_path / "m.onnx", {"X": new}), detector, new)


@pytest.mark.parametrize("score", SCORES)
def test_scores_on_a_graph(tmp_path, score):
    ring = np.roll(np.eye(8), 1, axis=1) + np.roll(np.eye(8), -1, axis=1)
    detector = SOMDetector(score, som=SOM(lattice=Graph(ring)), random_state=0).fit(rows_of())
    to_onnx(detector, tmp_path / "m.onnx")
    same(run(tmp_path / "m.onnx", {"X": rows_of()}), detector, rows_of())


def test_far_from_zero_and_in_double(tmp_path):
    X = 1e6 + rows_of(dtype=np.float64)
    som = SOM(4, 5, random_state=0).fit(X)
    to_onnx(som, tmp_path / "m.onnx", dtype="float64")
    found = run(tmp_path / "m.onnx", {"X": X})
    assert found["distance"].dtype == np.float64
    units, distances = som.map_.nearest(X)
    np.testing.assert_array_equal(found["winner"], units[:, 0])
    np.testing.assert_allclose(found["distance"], distances[:, 0], rtol=1e-9, atol=1e-9)


def test_one_row_and_no_row(tmp_path):
    som = SOM(4, 5, random_state=0).fit(rows_of())
    to_onnx(som, tmp_path / "m.onnx")
    same(run(tmp_path / "m.onnx", {"X": rows_of(1)}), som.map_, rows_of(1))
    assert run(tmp_path / "m.onnx", {"X": rows_of(0)})["winner"].shape == (0,)


def test_missing_values_of_an_array(tmp_path):
    X = rows_of()
    X[3, 1] = X[9, 0] = np.nan
    filled = SOM(3, 4, missing="fill", random_state=0).fit(X)
    to_onnx(filled, tmp_path / "m.onnx")
    same(run(tmp_path / "m.onnx", {"X": X}), filled.map_, X)
    to_onnx(SOM(3, 4, random_state=0).fit(rows_of()), tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", {"X": X})
    assert np.flatnonzero(found["winner"] < 0).tolist() == [3, 9]
    assert np.flatnonzero(np.isnan(found["distance"])).tolist() == [3, 9]


LAYERS = {"money": ["amount", "grade"], "work": ["job", "code", "score", "since", "until"]}


def fitted_on(table, missing="fill", layers=None):
    encoder = TableEncoder(
        id="id",
        dates=["since", "until"],
        ordinals={"grade": ["low", "middle", "high"]},
        numbers=["amount", "score"],
        categories=["code", "job"],
        missing=missing,
        layers=layers,
    )
    return SOMDetector(som=SOM(3, 4), encoder=encoder, random_state=0).fit(table)


@pytest.mark.parametrize("layers", [None, LAYERS])
def test_a_table_with_a_column_of_each_kind(tmp_path, layers):
    table = table_of()
    detector = fitted_on(table, layers=layers)
    kinds = {code.kind for code in detector.map_.encoding.features}
    assert kinds == {"number", "category", "ordinal", "date", "circle", "days"}
    parts = [code.name for code in detector.map_.encoding.parts]
    expected = ["since: weekday", "until: weekday", "until: hour", "days from since to until"]
    assert parts == expected
    assert any(code.kind == "number" and code.width > 0 for code in detector.map_.encoding.features)
    to_onnx(detector, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    types = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    assert types["amount"] == ("tensor(float)", ["n", 1])
    assert types["since"] == ("tensor(int64)", ["n", 1])
    assert types["job"] == types["code"] == types["grade"] == ("tensor(string)", ["n", 1])
    assert "id" not in types
    for rows in (table, table_of(seed=1)):
        same(run(tmp_path / "m.onnx", feeds_of(detector.map_, rows)), detector, rows)


def test_what_a_table_never_held(tmp_path):
    table = table_of()
    detector = fitted_on(table)
    to_onnx(detector, tmp_path / "m.onnx")
    feeds = feeds_of(detector.map_, table)
    feeds["job"][5] = "pilot"
    cells = table.column("job").cells.copy()
    cells[5] = "pilot"
    changed = [Column("job", cells) if c.name == "job" else c for c in table.columns]
    same(run(tmp_path / "m.onnx", feeds), detector, replace(table, columns=tuple(changed)))
    # An ordered category refuses what is none of its levels; the model says so.
    feeds["grade"][7] = "lowest"
    found = run(tmp_path / "m.onnx", feeds)
    assert np.flatnonzero(found["winner"] < 0).tolist() == [7]
    assert np.isnan(found["score"][7])


def test_missing_cells_that_a_map_refuses(tmp_path):
    whole = table_of().take(np.arange(5, 80))
    detector = fitted_on(whole, missing="error")
    to_onnx(detector, tmp_path / "m.onnx")
    same(run(tmp_path / "m.onnx", feeds_of(detector.map_, whole)), detector, whole)
    found = run(tmp_path / "m.onnx", feeds_of(detector.map_, table_of()))
    assert np.flatnonzero(found["winner"] < 0).tolist() == [0, 1, 2, 3, 4]


def test_a_loaded_detector_gives_the_same_model_and_bytes(tmp_path):
    detector = SOMDetector(som=SOM(3, 4), random_state=0).fit(rows_of())
    detector.save(tmp_path / "m.som")
    to_onnx(detector, tmp_path / "a.onnx")
    to_onnx(load(tmp_path / "m.som"), tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    model = onnx.load(tmp_path / "a.onnx")
    assert model.ir_version <= 8
    assert {o.domain: o.version for o in model.opset_import} == {"": 17, "ai.onnx.ml": 3}


def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch):
    masked = SOM(3, 4, missing="mask", random_state=0).fit(rows_of())
    with rejected(parameter="missing", value="mask"):
        to_onnx(masked, tmp_path / "m.onnx")
    som = SOM(3, 4, random_state=0).fit(rows_of())
    with rejected(ValueError, parameter="dtype", value="float16"):
        to_onnx(som, tmp_path / "m.onnx", dtype="float16")
    with rejected(TypeError, value="ndarray"):
        to_onnx(rows_of(), tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with rejected(value="onnx"):
        to_onnx(som, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
