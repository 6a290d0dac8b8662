"""Data of any size trains the map of the scaled data, or is refused by name: nothing in between."""

import functools
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from texts import rejected

from somscape import SOM, SOMDetector, SOMImputer, measures

METRICS = ["euclidean", "manhattan", "chebyshev", "cosine", "correlation", "mahalanobis"]
BY_ANGLE = ["cosine", "correlation"]
LEAST = {np.float64: 2.0**-485, np.float32: 2.0**-103}
"""sqrt(tiny / eps), whose square a float64 still holds to its last digit; tiny / eps."""


def rows_of(n=80, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)) + 1.0


def spread_of(X):
    return (X.max(axis=0) - X.min(axis=0)).max()


def answers(X, size=1.0, **settings):
    """What a map says of rows, in units of the rows' size."""
    som = SOM(4, 5, random_state=0, **settings).fit(X)
    unit = 1.0 if settings.get("metric") in BY_ANGLE else float(size)
    way = 1.0 if settings.get("metric") in [*BY_ANGLE, "mahalanobis"] else float(size)
    return {
        "codebook": som.codebook_.astype(np.float64) / unit,
        "labels": som.labels_,
        "distances": som.transform(X).astype(np.float64) / way,
        "error": measures.quantization_error(som.map_, X) / way,
        "history": som.history_["quantization_error"] / way,
        "heights": som.map_.u_heights / way,
        "start": som.history_["radius"][0],
    }


def rows_for(metric, dtype):
    X = rows_of().astype(dtype)
    if metric == "mahalanobis" and dtype == np.float32:
        X = np.ldexp(np.round(np.ldexp(X, 8)), -8)  # whitened rows round at their own size
    return X


@functools.cache
def usual_answers(core_name, metric, dtype=np.float64):
    """What a map says of rows of the usual size, by one instruction set."""
    return answers(rows_for(metric, dtype), metric=metric)


def assert_same(found, expected, tolerance):
    for name, value in expected.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("exponent", [-480, -400, -300, -97, 100, 300, 508])
def test_a_power_of_two_scales_the_map(core, metric, exponent):
    X, size = rows_of(), 2.0**exponent
    expected = usual_answers(core.name, metric)
    assert_same(answers(X * size, size, metric=metric), expected, 1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("exponent", [-100, -60, 40, 60])
def test_a_power_of_two_scales_the_map_of_float32_rows(core, metric, exponent):
    X, size = rows_for(metric, np.float32), np.float32(2.0**exponent)
    expected = usual_answers(core.name, metric, np.float32)
    assert_same(answers(X * size, size, metric=metric), expected, 1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e-120, 1e30, 1e100])
@pytest.mark.parametrize("algorithm", ["batch", "online", "multires"])
def test_other_units_give_the_same_map(core, algorithm, size):
    X = rows_of()
    found, expected = (answers(Y, s, algorithm=algorithm) for Y, s in ((X * size, size), (X, 1.0)))
    assert_same(found, expected, 1e-5)  # the start is rounded to 20 bits


@pytest.mark.parametrize("metric", BY_ANGLE)
@pytest.mark.parametrize("size", [2.0**-1000, 2.0**-700])
def test_directions_have_no_size(core, metric, size):
    X = rows_of()
    expected = usual_answers(core.name, metric)
    assert_same(answers(X * size, metric=metric), expected, 1e-12)
    mixed = X * np.where(np.arange(len(X)) % 2, size, 1.0)[:, None]
    assert_same(answers(mixed, metric=metric), expected, 1e-12)


@pytest.mark.parametrize("exponent", [-480, -400, -250, 200, 505])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_rows_of_any_size_train_the_same_map(core, metric, exponent):
    X, size = sp.random(80, 6, 0.4, "csr", random_state=0), 2.0**exponent
    assert_same(answers(X * size, size, metric=metric), answers(X, metric=metric), 1e-12)


@pytest.mark.parametrize("dtype", LEAST)
@pytest.mark.parametrize("metric", [m for m in METRICS if m not in BY_ANGLE])
@pytest.mark.parametrize("size", [1e-37, 1e-42, 1e-145, 1e-170, 1e-290, 1e-300, 5e-324])
def test_differences_whose_squares_vanish_are_refused_by_name(kernels, metric, dtype, size):
    X = (np.sign(rows_of(30) - 1) * [0.5, 2, 1] * size).astype(dtype)
    if not 0 < spread_of(X) < LEAST[dtype]:
        # A few epochs: the NumPy kernels would take half a second to end by themselves.
        assert np.isfinite(SOM(2, 3, metric=metric, n_epochs=4).fit(X).codebook_).all()
        return
    with rejected(parameter="X", column="x1"):
        SOM(2, 3, metric=metric).fit(X)


@pytest.mark.parametrize("dtype", LEAST)
def test_the_limit_is_where_the_message_says(dtype):
    X = np.arange(12.0).reshape(6, 2).astype(dtype)
    least = dtype(LEAST[dtype])
    X = (X / 10 * least).astype(dtype)
    assert spread_of(X) == least
    assert SOM(1, 2).fit(X).labels_.tolist() in ([0] * 3 + [1] * 3, [1] * 3 + [0] * 3)
    with rejected(parameter="X", column="x0"):
        SOM(1, 2).fit(X * dtype(0.99))


def test_the_widest_column_decides_and_a_tiny_one_counts_nothing(kernels):
    X = rows_of()
    X[:, 2] *= 1e-300
    found, expected = SOM(3, 4).fit(X), SOM(3, 4).fit(X * [1, 1, 0])
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.codebook_[:, :2], expected.codebook_[:, :2])
    assert np.abs(found.codebook_[:, 2]).max() < 1e-299
    assert np.isfinite(SOM(3, 4, metric="mahalanobis").fit(X).codebook_).all()


def test_feature_weights_count_in_what_vanishes():
    X, weights = rows_of() * 1e-100, [1e-95, 1e-96, 1e-97]
    with rejected(parameter="X", column="x0"):
        SOM(3, 4, feature_weight=weights).fit(X)
    SOM(3, 4, feature_weight=[1.0, 1e-95, 0.0]).fit(X)


def test_all_that_train_a_map_refuse_what_vanishes():
    X = rows_of() * 1e-200
    gaps = X.copy()
    gaps[::7, 0] = np.nan
    for fit in (
        lambda: SOM(3, 4).fit(sp.csr_array(X)),
        lambda: SOM(3, 4, missing="mask").fit(gaps),
        lambda: SOM(3, 4, missing="fill").fit(gaps),
        lambda: SOM(3, 4).partial_fit(X),
        lambda: SOMDetector().fit(X),
        lambda: SOMImputer().fit(gaps),
        lambda: SOM.suggest(X),
    ):
        with rejected(parameter="X", column="x0"):
            fit()


def test_equal_rows_of_any_size_and_tiny_new_rows_are_no_matter(kernels):
    for value in (5e-324, 1e-300, 1e150):
        som = SOM(1, 2).fit(np.full((4, 2), value))
        np.testing.assert_array_equal(som.codebook_, np.full((2, 2), value))
    som = SOM(3, 4).fit(rows_of())
    assert (som.predict(rows_of() * 1e-300) == som.predict(np.zeros((1, 3)))[0]).all()
    som.partial_fit(rows_of() * 1e-300)
    assert np.isfinite(som.codebook_).all()


@pytest.mark.parametrize("value", [1e200, 1.7e308, np.inf])
def test_values_beyond_squares_name_their_column_without_a_warning(value):
    X = rows_of()
    X[3, 1] = value
    gaps = X.copy()
    gaps[::7, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for missing, Y in (("error", X), ("fill", gaps), ("mask", gaps)):
            with rejected(parameter="X", row=3, column="x1"):
                SOM(3, 4, missing=missing).fit(Y)
