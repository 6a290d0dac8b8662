"""What onnxruntime makes of a classifier and a regressor, row by row beside their own answers."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx_models import TOLERANCE, feeds_of, run, table_of
from sklearn.datasets import load_diabetes, load_digits, load_wine

from somscape import SOM, SOMClassifier, SOMRegressor, TableEncoder
from somscape.recognize.predictor import answering_in
from somscape.save import load, to_onnx
from somscape.tables import table_from_columns


def names_alike(path, model, X, feeds):
    """Assert that a model in a file names rows as the recognizer does; return what it says."""
    found, recognizer = run(path, feeds), answering_in(model)
    rows = recognizer.map_.rows_of(X)
    p, p_values = recognizer._probabilities_of_rows(rows)
    are_numbers = recognizer.classes.dtype.kind == "i"
    unknown, kind = (-1, int) if are_numbers else (recognizer.unknown, str)
    named = [unknown if c is None else kind(c) for c in recognizer._classes_of(p, p_values)]
    assert found["predicted"].tolist() == named
    assert found["predicted"].dtype == (np.int64 if are_numbers else object)
    np.testing.assert_array_equal(found["winner"], recognizer.map_._winners_of_rows(rows))
    np.testing.assert_allclose(found["probabilities"], p, **TOLERANCE)
    np.testing.assert_allclose(found["p_value"], p_values, **TOLERANCE)
    return found


def predicts_alike(path, model, X, feeds):
    """Assert that a model in a file predicts as the predictor does; return what it says."""
    found, predictor = run(path, feeds), answering_in(model)
    wide = {name: found[name] for name in ("predicted", "low", "high")}
    np.testing.assert_allclose(wide["predicted"], predictor.predict(X), rtol=1e-5)
    ends = np.stack([wide["low"], wide["high"]], axis=-1)
    # An end near 0 is a difference of large numbers, which have the precision of float32.
    wanted = predictor.predict_interval(X)
    np.testing.assert_allclose(ends, wanted, rtol=1e-5, atol=1e-7 * np.abs(wanted).max())
    np.testing.assert_allclose(found["p_value"], predictor.p_values(X), **TOLERANCE)
    return found


def scaled(load_set):
    X, y = load_set(return_X_y=True)
    return ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)).astype(np.float32), y


@pytest.mark.parametrize("load_set", [load_digits, load_wine])
@pytest.mark.parametrize("reject", [None, 0.1])
def test_names_of_real_rows(tmp_path, load_set, reject):
    X, y = scaled(load_set)
    model = SOMClassifier(reject=reject, random_state=0).fit(X[:400:2], y[:400:2])
    to_onnx(model, tmp_path / "m.onnx")
    new = np.vstack([X, X[:5] + 100])
    found = names_alike(tmp_path / "m.onnx", model, new, {"X": new})
    assert found.keys() == {"winner", "distance", "predicted", "p_value", "probabilities"}
    assert (-1 in found["predicted"]) == (reject is not None)
    assert (found["predicted"][: len(y)] == y).mean() > 0.6
    notes = {each.key: each.value for each in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert json.loads(notes["classes"]) == np.unique(y).tolist()


LOWEST = np.iinfo(np.int64).min


@pytest.mark.parametrize(
    ("classes", "dtype", "unknown"),
    [
        ([0, 1], np.int64, -1),
        ([1, 2], np.int8, -1),
        ([3, 7], np.uint16, -1),
        ([-1, 1], np.int64, -2),
        ([-5, -1], np.int32, -6),
        ([LOWEST, -1], np.int64, 0),
        ([LOWEST, 5], np.int64, -1),
    ],
)
def test_whole_numbers_stay_whole_numbers(tmp_path, classes, dtype, unknown):
    X = scaled(load_wine)[0]
    y = np.where(X[:, 0] > 0, *np.array(classes, dtype=dtype))
    model = SOMClassifier(random_state=0).fit(X, y)
    to_onnx(model, tmp_path / "m.onnx")
    holed = X.copy()
    holed[3, 1] = np.nan
    found = run(tmp_path / "m.onnx", {"X": holed})["predicted"]
    assert found.dtype == np.int64
    assert found[3] == unknown
    found[3] = classes[0]
    assert set(found) == set(classes)
    keep = np.arange(len(X)) != 3
    np.testing.assert_array_equal(found[keep], model.predict(X)[keep])


@pytest.mark.parametrize("classes", [[0.0, 1.0], [False, True], ["0", "1"]])
def test_other_classes_are_texts(tmp_path, classes):
    X = scaled(load_wine)[0]
    y = np.array(classes)[(X[:, 0] > 0).astype(int)]
    to_onnx(SOMClassifier(random_state=0).fit(X, y), tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", {"X": X})["predicted"]
    assert set(found) == {str(each) for each in classes}


def test_a_class_called_unknown_and_p_values_by_hand(tmp_path):
    X = scaled(load_wine)[0]
    y = np.where(X[:, 0] > 0, "unknown", "müde")
    model = SOMClassifier(reject=0.3, random_state=0).fit(X, y).recognizer_
    distances = np.sort(model.map_.nearest(X, 1)[1][:, 0])
    between = (distances[[3, 3, 50, 90]] + distances[[4, 4, 51, 91]]) / 2
    model = replace(model, far=between, reject=0.5)
    to_onnx(model, tmp_path / "m.onnx")
    found = names_alike(tmp_path / "m.onnx", model, X, {"X": X})
    assert set(found["predicted"]) == {"unknown", "müde", "unknown_row"}
    assert set(found["p_value"].astype(float).round(3)) == {1.0, 0.6, 0.4, 0.2}


def test_nothing_was_left_out_and_a_unit_answers_alone(tmp_path):
    X, y = scaled(load_wine)
    model = SOMClassifier(smooth=False, random_state=0).fit(X, y).recognizer_
    model = replace(model, far=np.empty(0))
    to_onnx(model, tmp_path / "m.onnx")
    found = names_alike(tmp_path / "m.onnx", model, X, {"X": X})
    assert set(found["p_value"]) == {1.0}


def test_rows_that_lie_on_prototypes(tmp_path):
    X, y = scaled(load_wine)
    model = SOMClassifier(som=SOM(2, 3), random_state=0).fit(X, y)
    rows = model.map_.codebook.astype(np.float64)
    to_onnx(model, tmp_path / "m.onnx", dtype="float64")
    found = names_alike(tmp_path / "m.onnx", model, rows, {"X": rows})
    assert np.isfinite(found["probabilities"]).all()


def test_a_table_with_categories_and_missing_cells(tmp_path):
    table = table_of(120)
    score = np.nan_to_num(table.column("score").numbers)
    encoder = TableEncoder(id="id", categories=["code"], missing="fill")
    for model, alike, y in (
        (
            SOMClassifier(encoder=encoder, random_state=0),
            names_alike,
            np.where(score > 0, "good", "bad"),
        ),
        (SOMRegressor(encoder=encoder, random_state=0), predicts_alike, score),
    ):
        model.fit(table, y)
        to_onnx(model, tmp_path / "m.onnx")
        feeds = feeds_of(model.map_, table)
        alike(tmp_path / "m.onnx", model, table, feeds)
    assert "score_input" in feeds


def test_a_column_with_the_name_of_an_output(tmp_path):
    rng = np.random.default_rng(0)
    low, p_value = rng.normal(size=(2, 60))
    table = table_from_columns({"low": low.tolist(), "p_value": p_value.tolist()})
    to_onnx(SOMRegressor(random_state=0).fit(table, low), tmp_path / "m.onnx", dtype="float64")
    feeds = {"low_input": low[:, None], "p_value_input": p_value[:, None]}
    assert run(tmp_path / "m.onnx", feeds).keys() >= {"predicted", "low", "high", "p_value"}
    to_onnx(SOM(3, 4, random_state=0).fit(table), tmp_path / "m.onnx", dtype="float64")
    assert run(tmp_path / "m.onnx", {"low": low[:, None], "p_value": p_value[:, None]})


def test_rows_that_are_refused(tmp_path):
    X, y = scaled(load_wine)
    holed = X.copy()
    holed[[3, 9], 1] = np.nan
    to_onnx(SOMClassifier(random_state=0).fit(X, y), tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", {"X": holed})
    for is_refused in (
        found["predicted"] == -1,
        np.isnan(found["p_value"]),
        np.isnan(found["probabilities"]).all(axis=1),
    ):
        assert np.flatnonzero(is_refused).tolist() == [3, 9]
    to_onnx(SOMRegressor(random_state=0).fit(X, y), tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", {"X": holed})
    for name in ("predicted", "low", "high", "p_value"):
        assert np.flatnonzero(np.isnan(found[name])).tolist() == [3, 9]


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_numbers_of_real_rows(tmp_path, linear, n_targets):
    X, y = scaled(load_diabetes)
    y = y if n_targets == 1 else np.column_stack([y, X[:, 2] ** 2])
    model = SOMRegressor(linear=linear, random_state=0).fit(X[:300], y[:300])
    assert (model.predictor_.slopes is not None) == linear
    to_onnx(model, tmp_path / "m.onnx")
    new = np.vstack([X, X[:5] * 100])  # ends at the limits
    found = predicts_alike(tmp_path / "m.onnx", model, new, {"X": new})
    assert found["predicted"].shape == ((447,) if n_targets == 1 else (447, 2))
    assert run(tmp_path / "m.onnx", {"X": new[:0]})["low"].shape == found["low"][:0].shape


def test_a_loaded_model_gives_the_same_bytes(tmp_path):
    X, y = scaled(load_wine)
    for estimator in (SOMClassifier(reject=0.1, random_state=0), SOMRegressor(random_state=0)):
        model = estimator.fit(X, y)
        model.save(tmp_path / "m.som")
        to_onnx(model, tmp_path / "a.onnx")
        to_onnx(load(tmp_path / "m.som"), tmp_path / "b.onnx")
        assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
