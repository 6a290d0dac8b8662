"""What cannot be trained is refused by name, before it is tried."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from texts import rejected

from somscape import SOM, SOMDetector, SOMImputer, TableEncoder, measures
from somscape.callbacks import TimeLimit
from somscape.errors import SomscapeWarning
from somscape.fit import _plan as _size
from somscape.grid import Lattice
from somscape.minisom import MiniSom
from somscape.tables import table_from_columns
from somscape.tables._messages import check_libraries, install_command


def rows_of(n=300, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def gappy(n=300, d=4):
    X = rows_of(n, d)
    X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    X[:, 0] = rows_of(n, 1, 2)[:, 0]
    return X


# What rows do not allow


def test_online_training_refuses_missing_values():
    with rejected(parameter="algorithm", value="online"):
        SOM(4, 5, algorithm="online", missing="mask").fit(gappy())
    with rejected(parameter="algorithm", value="online"):
        SOMImputer(som=SOM(4, 5, algorithm="online")).fit(gappy())
    SOM(4, 5, algorithm="online", missing="mask", n_epochs=1, random_state=0).fit(rows_of())


def test_online_training_refuses_sparse_rows():
    with rejected(parameter="algorithm", value="online"):
        SOM(4, 5, algorithm="online").fit(csr_array(rows_of()))


@pytest.mark.parametrize(("dtype", "scale"), [(np.float32, 1e-25), (np.float64, 1e-200)])
def test_online_training_refuses_differences_that_it_cannot_square(dtype, scale):
    X = (rows_of() * scale).astype(dtype)
    with rejected(parameter="X", column="x3"):
        SOM(4, 5, algorithm="online").fit(X)


@pytest.mark.parametrize("weight", [1e300, 1e-200])
def test_feature_weights_beyond_reason_are_refused(weight):
    with rejected(parameter="feature_weight"):
        SOM(4, 5, feature_weight=[1, weight, 1, 1]).fit(rows_of())


def test_feature_weights_whose_distances_overflow_are_refused():
    X = rows_of()
    X[:, 2] *= 1e120
    with rejected(parameter="feature_weight"):
        SOM(4, 5, feature_weight=[1, 1, 1e80, 1]).fit(X)
    som = SOM(4, 5, feature_weight=[1, 1, 1e60, 1]).fit(X)
    assert np.isfinite(som.history_["quantization_error"]).all()


# Parameters


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"verbose": "yes"}, TypeError),
        ({"verbose": -1}, ValueError),
        ({"warm_start": "no"}, TypeError),
        ({"encoder": "x"}, TypeError),
        ({"encoder": TableEncoder}, TypeError),
        ({"n_epochs": 10**12}, ValueError),
        ({"n_epochs": 1e12, "algorithm": "online"}, ValueError),
        ({"radius_decay": [3, 2, 1], "n_epochs": 2}, ValueError),
        ({"radius_decay": [3, 2, 1], "n_epochs": 7}, ValueError),
        ({"radius_decay": "constant", "radius_end": 0.5}, ValueError),
    ],
)
def test_a_parameter_that_would_be_passed_over_is_refused(settings, kind):
    with rejected(kind):
        SOM(4, 5, **settings).fit(rows_of())


# Rates


def test_the_rate_falls_from_one_to_the_other_and_one_number_is_constant():
    # Two updates on a map of one unit: w = x1 r1 (1 - r2) + x2 r2, from 0, in the order drawn.
    X, start = np.array([[1.0], [3.0]]), np.zeros((1, 1))
    settings = {"algorithm": "online", "n_epochs": 1, "init": start, "random_state": 0}
    order = X[np.random.default_rng(0).permutation(2), 0]
    for given, (first, last) in [((0.5, 0.1), (0.5, 0.1)), (0.25, (0.25, 0.25)), (1, (1, 1))]:
        som = SOM(1, 1, learning_rate=given, **settings).fit(X)
        expected = order[0] * first * (1 - last) + order[1] * last
        assert som.codebook_[0, 0] == pytest.approx(expected, rel=1e-14)
        assert som.map_.parameters["learning_rate"] == [first, last]


# Sizes


def test_every_lattice_is_held_against_the_rows():
    with pytest.warns(SomscapeWarning, match="100 units for 50 rows .* units will be without rows"):
        SOM(n_rows=100, n_epochs=1).fit(rows_of(50))
    with rejected(parameter="n_rows", value=3000000):
        SOM(n_rows=3_000_000).fit(rows_of())


def test_a_map_that_memory_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(_size, "machine_memory", lambda: 16 << 30)
    with pytest.warns(SomscapeWarning), rejected(parameter="n_rows", value=100000):
        SOM(100_000, 1).fit(rows_of())
    with pytest.warns(SomscapeWarning), rejected(parameter="n_rows", value=1000):
        SOM(1000, 1000).fit(rows_of(10, 2000))
    # Online training tabulates nothing by pairs of rows.
    _size.check_memory(Lattice(100_000, 1), 4, has_tables=False)


def test_the_machine_tells_its_memory():
    assert 1 << 28 < _size.machine_memory() < 1 << 50


@pytest.mark.parametrize("rows", [[[1, 2], [3]], ((1, 2), (3,)), [[1, 2], [3, 4, 5]]])
def test_rows_that_are_not_equally_long_are_named(rows):
    som = SOM(2, 3, random_state=0).fit(rows_of(9, 2))
    for ask in (SOM(2, 3).fit, som.predict, som.map_.winners, SOMDetector().fit):
        with rejected(parameter="X", row=1):
            ask(rows)


def test_a_whole_number_beyond_floats_is_refused_as_a_value():
    X = np.array([[10**400, 1], [2, 3]], dtype=object)
    with rejected(parameter="X"):
        SOM(1, 2).fit(X)


@pytest.mark.parametrize(
    "use",
    [
        lambda X: SOM(2, 3).fit(X),
        lambda X: SOM(2, 3).fit(np.zeros((6, 3))).predict(X),
        lambda X: SOM(2, 3).fit(np.zeros((6, 3))).map_.winners(X),
        lambda X: SOM(2, 3, missing="mask").fit(X),
        lambda X: SOMImputer().fit(X),
        lambda X: TableEncoder().fit(X),
        lambda X: MiniSom(2, 3, 3).train(X, 1),
    ],
)
def test_masked_arrays_are_refused_as_nobody_would_look_at_the_mask(use):
    X = np.ma.array(np.arange(18.0).reshape(6, 3), mask=False)
    use(X)  # nothing is masked
    X[2, 1] = np.ma.masked
    with rejected():
        use(X)


def test_an_imputer_says_that_it_fills_arrays():
    table = table_from_columns({"a": [1.5, None, 2.5], "b": [1.0, 2.0, 4.0]})
    with rejected(parameter="X"):
        SOMImputer().fit(table)


@pytest.mark.parametrize(
    "X",
    [
        "customers.csv",
        Path("customers.csv"),
        {"age": [1, 2]},
        [{"age": 1}, {"age": 2}],
        SOM(2, 2).fit(np.eye(5)).map_,
    ],
)
def test_what_is_no_rows_is_named(X):
    fitted = SOM(2, 2).fit(np.eye(5))
    detector = SOMDetector(som=SOM(2, 2), n_maps=1).fit(np.eye(5)).detector_
    for use in (SOM(2, 2).fit, fitted.predict, detector.scores, TableEncoder().fit):
        with rejected(parameter="X"):
            use(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"callbacks": [TimeLimit]},
        {"callbacks": TimeLimit(5)},
    ],
)
def test_parameters_of_a_wrong_type_say_what_to_write(parameters):
    with rejected(TypeError, parameter="callbacks"):
        SOM(2, 2, **parameters).fit(np.eye(5))


@pytest.mark.parametrize(
    "names",
    [
        {"incom": 2},
        {0: 2},
        {"income": "two"},
    ],
)
def test_weights_of_columns_that_are_not_there_name_the_nearest(names):
    frame = pd.DataFrame({"income": rows_of(20)[:, 0], "job": ["a", "b"] * 10})
    with rejected(ValueError, parameter="feature_weight"):
        SOM(2, 2, feature_weight=names, encoder=TableEncoder()).fit(frame)


@pytest.mark.parametrize(
    "k",
    [0, 7],
)
def test_more_units_than_there_are_name_how_many_there_are(k):
    map_ = SOM(2, 3).fit(np.eye(8)).map_
    for ask in (map_.winners, map_.nearest):
        with rejected(ValueError, parameter="k"):
            ask(np.eye(8), k=k)


@pytest.mark.parametrize("estimator", [SOM(), SOMDetector(), TableEncoder()])
def test_what_fit_makes_is_not_there_before(estimator):
    for name in ("map_", "encoding_", "codebook_"):
        assert not hasattr(estimator, name)
        with pytest.raises(NotFittedError, match=r"is not fitted yet\. Call `fit` first"):
            getattr(estimator, name)
    with pytest.raises(AttributeError, match="object has no attribute 'winner'"):
        _ = estimator.winner
    fitted = SOM(1, 2).fit(np.eye(3))
    with pytest.raises(AttributeError, match="'SOM' object has no attribute 'encoding_'"):
        _ = fitted.encoding_


@pytest.mark.parametrize(
    "is_labelled",
    [
        [True, True, True],
        ["a", "b", "a"],
        [True, False],
    ],
)
def test_a_ranking_is_compared_with_labels_of_two_kinds(is_labelled):
    with rejected(parameter="is_labelled"):
        measures.label_agreement([3.0, 2.0, 1.0], is_labelled, 1)


def test_units_of_an_unfitted_map_are_not_fitted():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        _ = SOM().units_
    assert not hasattr(SOM(), "units_")


def test_the_command_that_installs_an_extra_names_its_libraries():
    command = install_command("excel")
    assert command.startswith("pip install 'python-calamine>=")
    assert "'xlsxwriter>=" in command
    both = install_command("app", "serve")
    assert both.count("starlette") == 1
    assert "prometheus-client" in both
    assert "pytest" not in install_command("app", "serve", "excel", "sql", "onnx", "team", "pyod")


def test_missing_libraries_are_named_in_one_list(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    for action, extra, modules in (
        ("the app", "app", ("a", "b", "c_d")),
        ("reading t", "excel", ("python_calamine",)),
    ):
        with rejected(value=modules[0].replace("_", "-")):
            check_libraries(action, (extra,), *modules)
