"""Files of estimators, which `load` reads as estimators with the same parameters and results."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from texts import rejected

from somscape import (
    SOM,
    Detector,
    Graph,
    Lattice,
    Map,
    SOMClassifier,
    SOMClusterer,
    SOMDetector,
    SOMImputer,
    SOMRegressor,
    TableEncoder,
    load,
    regions,
)
from somscape.callbacks import TimeLimit
from somscape.errors import InputError, MapFileError
from somscape.save import read_record, write_record
from somscape.save._load import load_model

X = np.random.default_rng(0).normal(size=(120, 3))
Y = np.where(X[:, 0] > 0, "high", "low")
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(kind=np.where(X[:, 1] > 0, "u", "v"))
HOLED = FRAME.mask(np.random.default_rng(1).random(FRAME.shape) < 0.1)
HOLES = np.random.default_rng(3).integers(0, 4, len(X)) == np.arange(4)[:, None]
RING = np.roll(np.eye(9), 1, axis=1) + np.roll(np.eye(9), -1, axis=1)
WEIGHTS = np.random.default_rng(2).integers(0, 3, len(X)).astype(float)
SIZE = {"n_rows": 3, "n_cols": 4, "random_state": 0}


def holed(rows):
    """Return rows of which most have one missing value, and none has several."""
    return np.where(HOLES[:3].T, np.nan, rows)


FITTED = {
    "som": lambda: SOM(**SIZE).fit(X),
    "som of float32": lambda: SOM(**SIZE).fit(X.astype(np.float32)),
    "som of a frame with missing cells": lambda: SOM(
        **SIZE, encoder=TableEncoder(missing="fill")
    ).fit(HOLED),
    "som that masks, with weights": lambda: SOM(**SIZE, missing="mask").fit(
        holed(X), sample_weight=WEIGHTS
    ),
    "detector": lambda: SOMDetector(random_state=0).fit(X),
    "detector of a frame with missing cells": lambda: SOMDetector(
        encoder=TableEncoder(missing="fill"),
        som=SOM(3, 4, callbacks=[TimeLimit(60)]),
        n_maps=2,
        random_state=0,
    ).fit(HOLED, sample_weight=WEIGHTS),
    "detector with marks": lambda: SOMDetector(random_state=0).fit(
        X, known=np.r_[1, 1, 0, 0, -np.ones(len(X) - 4)]
    ),
    "classifier": lambda: SOMClassifier(SOM(3, 4), reject=0.1, random_state=0).fit(X, Y),
    "classifier of a frame": lambda: SOMClassifier(
        SOM(3, 4), encoder=TableEncoder(missing="fill")
    ).fit(HOLED, X[:, 0] > 0, sample_weight=WEIGHTS),
    "regressor": lambda: SOMRegressor(SOM(3, 4), random_state=0).fit(X, X[:, :2] ** 2),
    "clusterer": lambda: SOMClusterer(3, som=SOM(3, 4), random_state=0).fit(X),
    "clusterer of a frame that masks": lambda: SOMClusterer(
        som=SOM(3, 4, encoder=TableEncoder(missing="mask"))
    ).fit(HOLED, sample_weight=WEIGHTS),
    "imputer": lambda: SOMImputer(som=SOM(3, 4), random_state=0).fit(holed(X)),
}


def rows_for(name):
    return HOLED if "frame" in name else holed(X) if "masks" in name else X


@pytest.mark.parametrize("name", FITTED)
def test_a_loaded_estimator_gives_the_same_bits(name, tmp_path):
    before, rows = FITTED[name](), rows_for(name)
    before.save(tmp_path / "m.som")
    after = load(tmp_path / "m.som")
    assert type(after) is type(before)
    methods = (
        "predict", "transform", "score_samples", "decision_function", "p_values",
        "contributions", "predict_proba", "predict_interval",
    )  # fmt: skip
    asked = [method for method in methods if hasattr(before, method)]
    assert asked
    for method in asked:
        was, now = (np.asarray(getattr(one, method)(rows)) for one in (before, after))
        assert (now.dtype, now.shape) == (was.dtype, was.shape)
        np.testing.assert_array_equal(now, was)
    if hasattr(before, "alerts"):
        assert str(after.alerts(rows)) == str(before.alerts(rows))
    after.save(tmp_path / "again.som")
    assert (tmp_path / "again.som").read_bytes() == (tmp_path / "m.som").read_bytes()


@pytest.mark.parametrize("name", FITTED)
def test_a_loaded_estimator_has_its_parameters_and_fitted_attributes(name, tmp_path):
    before = FITTED[name]()
    before.save(tmp_path / "m.som")
    after = load(tmp_path / "m.som")
    if isinstance(before.get_params().get("som"), SOM):
        before.som.callbacks = ()
    assert repr(after.get_params()) == repr(before.get_params())
    public = {n for n in vars(before) if n.endswith("_")}
    assert {n for n in vars(after) if n.endswith("_")} == public
    for n in public - {"map_", "detector_", "recognizer_", "predictor_", "som_"}:
        was, now = getattr(before, n), getattr(after, n)
        if isinstance(was, np.ndarray):
            assert now.dtype == was.dtype
        np.testing.assert_equal(now, was)
    clone(after)


def test_parameters_that_are_not_json(tmp_path):
    encoder = TableEncoder(
        layers={"one": [0, 1], "two": slice(2, 3)}, layer_weights={"two": 2}, numbers=("x0",)
    )
    radii = np.array([2.0, 1.0, 0.7])
    som = SOM(2, 3, encoder=encoder, radius_decay=radii, n_epochs=3, learning_rate=(0.4, 0.1))
    som.fit(X).save(tmp_path / "m.som")
    back = load(tmp_path / "m.som")
    np.testing.assert_array_equal(back.radius_decay, radii)
    assert back.learning_rate == (0.4, 0.1)
    assert back.encoder.layers == {"one": [0, 1], "two": slice(2, 3)}
    assert back.encoder.layer_weights == {"two": 2}
    assert back.encoder.numbers == ("x0",)
    np.testing.assert_array_equal(clone(back).fit(X).codebook_, som.codebook_)


def test_sets_and_dates_are_parameters(tmp_path):
    days = [pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-03 04:05")]
    encoder = TableEncoder(drop={"c"}, ordinals={"d": days})
    SOM(2, 3, encoder=encoder).fit(FRAME.assign(d=days * 60)).save(tmp_path / "m.som")
    back = load(tmp_path / "m.som").encoder
    assert back.drop == {"c"}
    assert back.ordinals == {"d": days}


def test_lattices_graphs_and_maps_are_parameters(tmp_path):
    ring = Graph(RING)
    for lattice in (ring, Lattice(3, 3, kind="rectangular")):
        SOM(lattice=lattice).fit(X).save(tmp_path / "m.som")
        assert load(tmp_path / "m.som").lattice == lattice
    first = SOM(lattice=ring, n_epochs=2).fit(X.astype(np.float32)).map_
    som = SOM(lattice=ring, init=first, n_epochs=2).fit(X)
    som.save(tmp_path / "m.som")
    back = load(tmp_path / "m.som")
    np.testing.assert_array_equal(back.init.codebook, first.codebook)
    assert back.init.codebook.dtype == first.codebook.dtype
    np.testing.assert_array_equal(clone(back).fit(X).codebook_, som.codebook_)


def test_callbacks_and_random_states_are_not_saved(tmp_path):
    som = SOM(2, 3, init="sample", random_state=np.random.RandomState(0), callbacks=[TimeLimit(9)])
    som.fit(X).save(tmp_path / "m.som")
    back = load(tmp_path / "m.som")
    assert back.callbacks == ()
    assert back.random_state is None


def test_a_parameter_that_a_file_cannot_contain_is_refused(tmp_path):
    som = SOM(2, 3).fit(X).set_params(metric=object)
    with rejected(parameter="metric"):
        som.save(tmp_path / "m.som")
    assert not (tmp_path / "m.som").exists()


def test_a_parameter_of_a_nested_estimator_has_its_full_name(tmp_path):
    detector = SOMDetector(som=SOM(2, 3), random_state=0).fit(X).set_params(som__tol=object)
    with rejected(parameter="som__tol"):
        detector.save(tmp_path / "m.som")


def test_a_subclass_is_saved_as_the_class_of_somscape(tmp_path):
    class Mine(SOM):
        pass

    Mine(2, 3).fit(X).save(tmp_path / "m.som")
    assert type(load(tmp_path / "m.som")) is SOM


def test_partial_fit_after_load(tmp_path):
    som = SOM(2, 3).fit(X)
    som.save(tmp_path / "m.som")
    again = load(tmp_path / "m.som").partial_fit(X[:50])
    by_map = SOM(init=som.map_).partial_fit(X[:50])
    np.testing.assert_array_equal(again.codebook_, by_map.codebook_)
    SOMDetector(random_state=0).fit(X).save(tmp_path / "d.som")
    with rejected():
        load(tmp_path / "d.som").partial_fit(X)


def test_the_file_of_an_estimator_is_also_the_file_of_its_model(tmp_path):
    detector = SOMDetector(random_state=0).fit(X)
    detector.save(tmp_path / "d.som")
    record = read_record(tmp_path / "d.som")
    assert isinstance(Map.from_record(record), Map)
    for model in (load_model(tmp_path / "d.som"), Detector.from_record(record)):
        np.testing.assert_array_equal(model.scores(X), -detector.score_samples(X))
    detector.detector_.save(tmp_path / "model.som")
    assert isinstance(load(tmp_path / "model.som"), Detector)


def test_kept_regions_are_saved_with_the_estimator(tmp_path):
    som = SOM(3, 4, random_state=0).fit(X)
    regions.keep(som, regions.find_regions(som, 2)).save(tmp_path / "m.som")
    assert regions.kept(load(tmp_path / "m.som")).n_regions == 2


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        (lambda told: told.update({"class": "Popen"}), "class"),
        (lambda told: told.update({"class": "TableEncoder"}), "dates"),
        (lambda told: told.update({"class": ["SOM"]}), None),
        (lambda told: told["parameters"].update(command="ls"), "command"),
        (lambda told: told["parameters"].update(init={"array": 7}), None),
        (lambda told: told["parameters"].update(init={"lattice": {"kind": "graph"}}), None),
        (lambda told: told["parameters"].update(init={"call": "ls"}), None),
        (lambda told: told["parameters"].update(encoder={"class": "SOM"}), None),
        (lambda told: told.update(parameters=None), None),
        (lambda told: told.pop("fitted"), None),
        (lambda told: told["fitted"].update(map_=1), None),
        (lambda told: told["fitted"].update(n_iter_="1"), None),
        (lambda told: told["fitted"].update(n_features_in_=7), None),
        (lambda told: told["fitted"].pop("n_features_in_"), None),
        (lambda told: told["parameters"].update(n_rows={"array": "labels_"}), None),
        (lambda told: told["fitted"].update(feature_names_in_=["a"]), None),
    ],
)
def test_a_wrong_part_is_an_error_of_the_file(change, parameter, tmp_path):
    SOM(2, 3).fit(X).save(tmp_path / "m.som")
    record = read_record(tmp_path / "m.som")
    told = json.loads(json.dumps(record.header["estimator"]))
    change(told)
    if parameter == "dates":
        told["parameters"] = {}
        parameter = None
    record.header["estimator"] = told
    write_record(tmp_path / "m.som", record)
    with pytest.raises(MapFileError) as caught:
        load(tmp_path / "m.som")
    assert caught.value.parameter == parameter or parameter is None
    assert isinstance(load_model(tmp_path / "m.som"), Map)
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("values", [np.full(120, 6), np.zeros((120, 1), np.int64), np.zeros(120)])
def test_a_wrong_array_is_an_error_of_the_file(values, tmp_path):
    SOM(2, 3).fit(X).save(tmp_path / "m.som")
    record = read_record(tmp_path / "m.som")
    record.arrays["estimator.labels_"] = values
    write_record(tmp_path / "m.som", record)
    with pytest.raises(MapFileError):
        load(tmp_path / "m.som")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("kept_", np.array([0, 2, 1])),
        ("kept_", np.array([-1, 1, 2])),
        ("kept_", np.array([0, 1, 3])),
        ("weights_", np.ones(3)),
        ("weights_", np.array([2.0, -1.0, 0.0, 0.0])),
        ("factors_", np.ones((2, 2))),
        ("factors_", np.ones(3, np.float32)),
        ("noise_", np.zeros(3)),
        ("spread_", np.full(3, np.nan)),
        ("error_", None),
    ],
)
def test_a_wrong_array_of_an_imputer_is_an_error_of_the_file(name, values, tmp_path):
    FITTED["imputer"]().save(tmp_path / "m.som")
    record = read_record(tmp_path / "m.som")
    del record.arrays[f"estimator.{name}"]
    if values is not None:
        record.arrays[f"estimator.{name}"] = values
    write_record(tmp_path / "m.som", record)
    with pytest.raises(MapFileError):
        load(tmp_path / "m.som")
