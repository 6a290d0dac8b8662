"""scikit-learn's own checks, none of them expected to fail, and what users combine maps with."""

import copy
import os
import pickle
import subprocess
import sys

import array_api_strict as xp
import joblib
import numpy as np
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone, is_outlier_detector
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from somscape import (
    SOM,
    SOMClassifier,
    SOMClusterer,
    SOMDetector,
    SOMImputer,
    SOMRegressor,
    TableEncoder,
    measures,
)

NAMES = ["age", "income", "debt"]


def rows_of(n=90):
    return np.random.default_rng(0).normal(size=(n, 3)) * [2, 1, 0.5] - 1


# scikit-learn hands classes 1 and 2 to every estimator; a detector says that it does not use them.
@pytest.mark.filterwarnings("ignore:`y` is not used")
@parametrize_with_checks(
    [
        SOM(),
        SOMClassifier(SOM(n_init=1)),
        SOMClusterer(),
        SOMDetector(),
        SOMImputer(som=SOM(n_init=2)),
        SOMRegressor(SOM(n_init=1)),
        TableEncoder(),
        TableEncoder(missing="fill", scale="range", tame=False, max_levels=None),
    ]
)
def test_scikit_learns_checks_pass_without_exception(estimator, check):
    check(estimator)


def test_a_detector_is_an_outlier_detector_and_a_map_is_not():
    assert is_outlier_detector(SOMDetector())
    assert not is_outlier_detector(SOM())


def test_cross_validation_scores_are_minus_mean_squared_errors():
    X = rows_of()
    scores = cross_val_score(SOM(2, 3), X, cv=3)
    for part, score in zip(np.array_split(np.arange(90), 3), scores, strict=True):
        som = SOM(2, 3).fit(np.delete(X, part, axis=0))
        assert score == pytest.approx(-np.mean(som.transform(X[part]).min(axis=1) ** 2), rel=1e-12)


WITH_SOM = [SOMClassifier(), SOMClusterer(), SOMDetector(), SOMImputer(), SOMRegressor()]


@pytest.mark.parametrize("estimator", WITH_SOM, ids=lambda each: type(each).__name__)
def test_parameters_of_the_map_can_be_set_without_a_som(estimator):
    assert estimator.som is None
    assert estimator.get_params()["som__n_rows"] == "auto"
    assert "som__n_rows" not in estimator.get_params(deep=False)
    for changes in ({"som__n_rows": 3}, {"som": None, "som__n_rows": 3}):
        changed = clone(estimator).set_params(**changes, som__n_cols=2, random_state=0)
        assert (changed.som.n_rows, changed.som.n_cols) == (3, 2)
        assert clone(changed).get_params()["som__n_rows"] == 3
    with pytest.raises(ValueError, match="Invalid parameter 'n_lines'"):
        clone(estimator).set_params(som__n_lines=3)
    assert estimator.som is None
    same = clone(estimator).set_params(**estimator.get_params())
    assert repr(same.som) == "SOM()"
    given = clone(estimator).set_params(som=SOM(4, 4), som__n_rows=2)
    assert (given.som.n_rows, given.som.n_cols) == (2, 4)


def test_a_grid_search_sets_parameters_of_the_map_without_a_som():
    X, y = rows_of(), (rows_of()[:, 0] > -1).astype(int)
    pipeline = make_pipeline(StandardScaler(), SOMClassifier(random_state=0))
    grid = {"somclassifier__som__n_rows": [1, 4], "somclassifier__som__n_cols": [2]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    sizes = [p["somclassifier__som__n_rows"] for p in search.cv_results_["params"]]
    assert sizes == [1, 4]
    lattice = search.best_estimator_[-1].map_.lattice
    chosen = search.best_params_["somclassifier__som__n_rows"]
    assert (lattice.n_rows, lattice.n_cols) == (chosen, 2)


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_matrix", "frame"])
@pytest.mark.parametrize(
    "estimator",
    [SOMClassifier(SOM(3, 3)), SOMDetector(som=SOM(3, 3)), SOMRegressor(SOM(3, 3))],
    ids=lambda each: type(each).__name__,
)
def test_sparse_rows_give_the_results_of_dense_rows(estimator, kind):
    X = np.random.default_rng(0).poisson(0.5, size=(120, 4)).astype(float)
    y = (X.sum(axis=1) > 2).astype(int)
    frames = pytest.importorskip("pandas")
    names = {"columns": list("abcd")}
    dense = frames.DataFrame(X, **names) if kind == "frame" else X
    sparse = (
        dense.astype(frames.SparseDtype(float, 0.0))
        if kind == "frame"
        else getattr(scipy.sparse, kind)(X)
    )
    one, other = (clone(estimator).set_params(random_state=0).fit(A, y) for A in (dense, sparse))
    np.testing.assert_array_equal(other.map_.codebook, one.map_.codebook)
    methods = ("predict", "predict_proba", "score_samples", "predict_interval", "p_values")
    asked = [m for m in methods if hasattr(one, m)]
    for method in asked:
        found = getattr(other, method)(sparse)
        np.testing.assert_array_equal(found, getattr(one, method)(dense), err_msg=method)
    if hasattr(one, "reasons"):
        assert repr(other.reasons(sparse)) == repr(one.reasons(dense))
    if isinstance(one, SOMDetector):
        np.testing.assert_array_equal(
            other.partial_fit(sparse).score_samples(sparse),
            one.partial_fit(dense).score_samples(dense),
        )
        pieces = ([sparse], [dense])
        (a, _), (b, _) = (next(one.score_stream(piece)) for piece in pieces)
        np.testing.assert_array_equal(a, b)


def test_sparse_rows_with_missing_values_are_filled_or_refused():
    X = np.random.default_rng(0).poisson(0.5, size=(60, 3)).astype(float)
    X[4, 1] = np.nan
    sparse = scipy.sparse.csr_array(X)
    with pytest.raises(ValueError, match=r"1 in 'x1'.*row 4"):
        SOMDetector().fit(sparse)
    one, other = (SOMDetector(missing="fill", random_state=0).fit(A) for A in (X, sparse))
    np.testing.assert_array_equal(one.score_samples(X), other.score_samples(sparse))


def test_a_scorer_is_a_measure_of_held_out_rows_with_the_better_value_higher():
    X = rows_of()
    signs = {"quantization_error": -1, "topographic_error": -1, "explained_variance": 1}
    for name, sign in (signs | {"combined_error": -1}).items():
        scorer = pickle.loads(pickle.dumps(measures.scorer(name)))
        pipeline = make_pipeline(StandardScaler(), SOM(2, 3))
        scores = cross_val_score(pipeline, X, cv=3, scoring=scorer)
        for part, score in zip(np.array_split(np.arange(90), 3), scores, strict=True):
            rest = np.delete(X, part, axis=0)
            scaler = StandardScaler().fit(rest)
            som = SOM(2, 3).fit(scaler.transform(rest))
            expected = sign * getattr(measures, name)(som, scaler.transform(X[part]))
            assert score == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="`name` must be one of 'combined_error'"):
        measures.scorer("silhouettes")
    found = measures.scorer("quantization_error")(SOM(2, 3).fit(X), X)
    assert found == pytest.approx(-SOM(2, 3).fit(X).transform(X).min(axis=1).mean(), rel=1e-12)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_transform_gives_data_frames_on_request(library):
    frames = pytest.importorskip(library)
    X = rows_of()
    som = SOM(2, 3).set_output(transform=library).fit(X)
    found = som.transform(X)
    assert isinstance(found, frames.DataFrame)
    assert list(found.columns) == [f"som{unit}" for unit in range(6)]
    np.testing.assert_array_equal(found.to_numpy(), SOM(2, 3).fit(X).transform(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("estimator", [SOM(2, 3), SOMDetector(som=SOM(2, 3), random_state=0)])
def test_names_of_columns_are_kept_and_held_to(library, estimator):
    frames = pytest.importorskip(library)
    X = rows_of()
    frame = frames.DataFrame({name: X[:, j] for j, name in enumerate(NAMES)})
    fitted = clone(estimator).fit(frame)
    assert fitted.feature_names_in_.tolist() == NAMES
    assert fitted.n_features_in_ == 3
    assert fitted.map_.encoding.feature_names == NAMES
    np.testing.assert_array_equal(fitted.units_, clone(estimator).fit(X).units_)
    np.testing.assert_array_equal(fitted.predict(frame), clone(estimator).fit(X).predict(X))
    with pytest.raises(ValueError, match=r"(?s)feature names.*order"):
        fitted.predict(frame[NAMES[::-1]])
    with pytest.raises(ValueError, match=r"(?s)feature names.*unseen"):
        fitted.predict(
            frame.rename(**{"columns" if library == "pandas" else "mapping": {"age": "a"}})
        )


def test_an_array_after_names_warns_and_no_names_are_left_by_an_array():
    frames = pytest.importorskip("pandas")
    X = rows_of()
    som = SOM(2, 3).fit(frames.DataFrame(X, columns=NAMES))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        som.predict(X)
    som.fit(X)
    assert not hasattr(som, "feature_names_in_")
    assert som.map_.encoding.feature_names == ["x0", "x1", "x2"]


def through_skops(fitted, path):
    import skops.io  # takes seconds, in each worker

    skops.io.dump(fitted, path)
    types = skops.io.get_untrusted_types(file=path)
    assert all(name.startswith("somscape.") for name in types)
    return skops.io.load(path, trusted=types)


def through_joblib(fitted, path):
    joblib.dump(fitted, path)
    return joblib.load(path)


COPIES = {
    "pickle": lambda fitted, _: pickle.loads(pickle.dumps(fitted)),
    "copy": lambda fitted, _: copy.copy(fitted),
    "deepcopy": lambda fitted, _: copy.deepcopy(fitted),
    "joblib": through_joblib,
    "skops": through_skops,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize(
    "estimator",
    [
        SOM(2, 3, random_state=0),
        SOMClassifier(SOM(2, 3), random_state=0),
        SOMClusterer(2, som=SOM(2, 3), random_state=0),
        SOMDetector(som=SOM(2, 3), random_state=0),
        SOMImputer(som=SOM(2, 3), random_state=0),
        SOMRegressor(SOM(2, 3), random_state=0),
        TableEncoder(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_saved_or_copied_estimator_answers_as_before_and_goes_on(estimator, way, tmp_path):
    X = rows_of()
    y = (X[:, 0] > -1).astype(int)
    fitted = clone(estimator).fit(X, y)
    if hasattr(fitted, "map_"):
        fitted.map_.u_heights  # noqa: B018  cached values travel too
    back = COPIES[way](fitted, tmp_path / "fitted")
    assert repr(back) == repr(fitted)
    method = "predict" if hasattr(fitted, "predict") else "transform"
    np.testing.assert_array_equal(getattr(back, method)(X), getattr(fitted, method)(X))
    if hasattr(fitted, "map_"):
        np.testing.assert_array_equal(back.map_.codebook, fitted.map_.codebook)
        np.testing.assert_array_equal(back.map_.u_heights, fitted.map_.u_heights)
    if hasattr(fitted, "partial_fit"):
        again = (one.partial_fit(X[:20]).map_.codebook for one in (back, copy.deepcopy(fitted)))
        np.testing.assert_array_equal(*again)


@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")  # a warning on `predict(X: Any)`
@pytest.mark.parametrize("estimator", [SOMDetector(), SOMClassifier(), SOMClusterer()])
def test_mlflow_logs_an_estimator_and_loads_it(estimator, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # mlflow-skinny has no database
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    skops_io = pytest.importorskip("skops.io")
    X, y = rows_of(), (rows_of()[:, 0] > -1).astype(int)
    fitted = clone(estimator).set_params(random_state=0).fit(X, y)
    types = skops_io.get_untrusted_types(data=skops_io.dumps(fitted))
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    mlflow.set_experiment("maps")
    with mlflow.start_run():
        mlflow.log_params(fitted.get_params())
        info = mlflow.sklearn.log_model(fitted, name="m", skops_trusted_types=types)
    back = mlflow.pyfunc.load_model(info.model_uri)
    np.testing.assert_array_equal(back.predict(X), fitted.predict(X))


@pytest.mark.parametrize("estimator", [SOM(2, 3), SOMDetector(som=SOM(2, 3), random_state=0)])
def test_weights_are_routed_to_where_they_are_asked_for(estimator):
    X, weights = rows_of(), np.arange(1.0, 91.0)
    direct = clone(estimator).fit(X, sample_weight=weights)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = clone(estimator).set_fit_request(sample_weight=True)
        routed = make_pipeline(asking).fit(X, sample_weight=weights)
        np.testing.assert_array_equal(routed[-1].map_.codebook, direct.map_.codebook)
        refusing = clone(estimator).set_fit_request(sample_weight=False)
        plain = make_pipeline(refusing).fit(X)
        assert (plain[-1].map_.codebook != direct.map_.codebook).any()


def test_cross_validation_routes_weights_to_fitting_and_scoring():
    X, weights = rows_of(), np.arange(1.0, 91.0)
    with sklearn.config_context(enable_metadata_routing=True):
        som = SOM(2, 3).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_val_score(som, X, cv=3, params={"sample_weight": weights})
    for part, score in zip(np.array_split(np.arange(90), 3), scores, strict=True):
        rest = np.setdiff1d(np.arange(90), part)
        fitted = SOM(2, 3).fit(X[rest], sample_weight=weights[rest])
        assert score == fitted.score(X[part], sample_weight=weights[part])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_filled_rows_come_as_data_frames_on_request(library):
    frames = pytest.importorskip(library)
    X = rows_of()
    X[3, 1] = np.nan
    frame = frames.DataFrame({name: X[:, j] for j, name in enumerate(NAMES)})
    filled = SOMImputer().set_output(transform=library).fit_transform(frame)
    assert isinstance(filled, frames.DataFrame)
    assert list(filled.columns) == NAMES
    np.testing.assert_array_equal(filled.to_numpy(), SOMImputer().fit_transform(X))


def test_arrays_of_other_libraries_train_as_numpys_and_get_their_own_back():
    X = xp.asarray(rows_of())
    som, same = SOM(2, 3).fit(X), SOM(2, 3).fit(rows_of())
    for found, expected in (
        (som.predict(X), same.labels_),
        (som.labels_, same.labels_),
        (som.codebook_, same.codebook_),
        (som.transform(X), same.transform(rows_of())),
    ):
        assert type(found) is type(X)
        np.testing.assert_array_equal(np.asarray(found), expected)
    assert type(som.predict(rows_of())) is np.ndarray


def test_array_api_dispatch_changes_nothing():
    script = """
import array_api_strict as xp, numpy as np, sklearn
from somscape import SOM
X = np.random.default_rng(0).normal(size=(90, 3))
sklearn.set_config(array_api_dispatch=True)
found = SOM(2, 3).fit(xp.asarray(X)).transform(xp.asarray(X))
assert type(found) is type(xp.asarray(X))
np.testing.assert_array_equal(np.asarray(found), SOM(2, 3).fit_transform(X))
"""
    # SciPy reads the variable once, when it is imported.
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, env=environment)


def test_missing_fill_is_told_to_scikit_learn():
    assert not SOM().__sklearn_tags__().input_tags.allow_nan
    assert SOM(missing="fill").__sklearn_tags__().input_tags.allow_nan
    assert SOMDetector(missing="fill").__sklearn_tags__().input_tags.allow_nan
    assert SOM().__sklearn_tags__().transformer_tags.preserves_dtype == ["float64", "float32"]
