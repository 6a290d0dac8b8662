"""Every metric means the same in training, winners, errors, transform and the U-matrix."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import clone
from texts import rejected

import somscape
from somscape import SOM, TableEncoder, measures
from somscape.kernels import Metric
from somscape.kernels.metric import METRIC_NAMES, whitening_of

WEIGHTS = np.array([1.0, 2.0, 0.0, 0.5])


def rows_of(n=80, d=4, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * [1, 2, 3, 0.5] + rng.integers(0, 3, (n, 1))).astype(dtype)


def oracle(name, rows, codebook, weights, covariance):
    """Distances by SciPy, (n, m)."""
    rows, codebook = rows.astype(np.float64), codebook.astype(np.float64)
    if name == "mahalanobis":
        return cdist(rows, codebook, "mahalanobis", VI=np.linalg.inv(covariance))
    names = {"manhattan": "cityblock"}
    if name == "chebyshev" and weights is not None:  # SciPy only drops features of weight 0
        return (np.abs(rows[:, None] - codebook[None]) * weights).max(axis=2)
    return cdist(rows, codebook, names.get(name, name), w=weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("name", METRIC_NAMES)
def test_a_metric_is_the_same_everywhere(kernels, name, weights):
    if name == "mahalanobis" and weights is not None:
        return
    X = rows_of()
    som = SOM(3, 4, metric=name, feature_weight=weights, n_epochs=4, random_state=0).fit(X)
    expected = oracle(name, X, som.codebook_, weights, np.cov(X.T, ddof=0))
    np.testing.assert_allclose(som.transform(X), expected, rtol=1e-7, atol=1e-7)
    units, distances = som.map_.nearest(X, k=2)
    np.testing.assert_allclose(distances[:, 0], expected.min(axis=1), rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(som.predict(X), units[:, 0])
    np.testing.assert_array_equal(som.labels_, units[:, 0])
    error = measures.quantization_error(som.map_, X)
    assert error == pytest.approx(expected.min(axis=1).mean(), rel=1e-7)
    between = oracle(name, som.codebook_, som.codebook_, weights, np.cov(X.T, ddof=0))
    for unit in range(12):
        neighbors = som.map_.lattice.neighbors[unit]
        height = between[unit, neighbors[neighbors >= 0]].mean()
        assert som.map_.u_heights[unit] == pytest.approx(height, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", METRIC_NAMES)
def test_a_saved_map_keeps_its_metric(name, tmp_path):
    X = rows_of()
    weights = None if name == "mahalanobis" else WEIGHTS
    som = SOM(3, 3, metric=name, feature_weight=weights, random_state=0).fit(X)
    som.map_.save(tmp_path / "m.som")
    back = somscape.load(tmp_path / "m.som")
    assert back.metric.name == name
    np.testing.assert_array_equal(back.winners(X), som.labels_)
    np.testing.assert_array_equal(back.u_heights, som.map_.u_heights)


def test_whitened_rows_may_be_mixed_at_will():
    # A Mahalanobis distance does not change with the coordinates.
    X, mix = rows_of(), np.random.default_rng(2).normal(size=(4, 4))
    start = X[:12].copy()
    settings = {"n_rows": 3, "n_cols": 4, "metric": "mahalanobis"}
    plain = SOM(**settings, init=start).fit(X)
    mixed = SOM(**settings, init=start @ mix).fit(X @ mix)
    np.testing.assert_array_equal(plain.labels_, mixed.labels_)
    np.testing.assert_allclose(plain.codebook_ @ mix, mixed.codebook_, rtol=0, atol=1e-8)


def test_a_constant_column_survives_whitening():
    X = np.insert(rows_of(), 1, 5.0, axis=1)
    som = SOM(3, 3, metric="mahalanobis").fit(X)
    np.testing.assert_allclose(som.codebook_[:, 1], 5.0, rtol=0, atol=1e-9)


def test_whitening_by_hand():
    # Variances 4 and 1/4 along the axes: rows are halved and doubled.
    np.testing.assert_allclose(whitening_of(np.diag([4.0, 0.25])), np.diag([0.5, 2.0]), atol=1e-15)
    np.testing.assert_allclose(whitening_of(np.diag([4.0, 0.0])), np.diag([0.5, 0.0]), atol=1e-15)


def test_a_feature_of_weight_zero_decides_nothing():
    X = rows_of()
    noisy = X.copy()
    noisy[:, 2] = 1e3 * np.random.default_rng(3).normal(size=80)
    start = X[:9].copy()
    som = SOM(3, 3, feature_weight=[1, 2, 0, 0.5], init=start)
    np.testing.assert_array_equal(som.fit(X).labels_, clone(som).fit(noisy).labels_)


def test_weighted_features_are_features_times_the_root_of_the_weight():
    X, root = rows_of(), np.sqrt([1.0, 2.0, 0.25, 0.5])
    weighted = SOM(3, 3, feature_weight=root**2, init=X[:9].copy()).fit(X)
    scaled = SOM(3, 3, init=X[:9] * root).fit(X * root)
    np.testing.assert_array_equal(weighted.labels_, scaled.labels_)
    np.testing.assert_allclose(weighted.codebook_ * root, scaled.codebook_, rtol=0, atol=1e-10)


def test_sparse_rows_by_cosine_are_the_same_rows_in_full():
    from scipy.sparse import csr_array

    X = np.maximum(rows_of(d=4), 0)
    X[0] = 0
    start = X[1:10].copy()
    sparse = SOM(3, 3, metric="cosine", init=start).fit(csr_array(X))
    dense = SOM(3, 3, metric="cosine", init=start).fit(X)
    np.testing.assert_array_equal(sparse.labels_, dense.labels_)
    np.testing.assert_allclose(sparse.codebook_, dense.codebook_, rtol=0, atol=1e-12)
    with rejected(ValueError, parameter="metric", value="manhattan"):
        SOM(3, 3, metric="manhattan").fit(csr_array(X))


@pytest.mark.parametrize(
    "settings",
    [
        {"feature_weight": [1, 2]},
        {"feature_weight": [1, -1, 1, 1]},
        {"feature_weight": [0, 0, 0, 0]},
        {"feature_weight": ["a", 1, 1, 1]},
        {"feature_weight": [1] * 4, "metric": "mahalanobis"},
        {"feature_weight": [1] * 4, "algorithm": "online"},
        {"metric": "manhattan", "algorithm": "online"},
        {"metric": "minkowski"},
    ],
)
def test_wrong_settings_are_named(settings):
    with rejected(ValueError):
        SOM(3, 3, **settings).fit(rows_of())


def test_rows_without_direction_are_at_distance_one():
    metric = Metric("cosine")
    assert metric.between(np.zeros((1, 3)), np.ones((1, 3))).tolist() == [1.0]
    assert np.isfinite(SOM(2, 2, metric="cosine").fit(np.zeros((5, 3))).codebook_).all()


@pytest.mark.parametrize("metric", ["cosine", "correlation", "mahalanobis"])
@pytest.mark.parametrize("algorithm", ["batch", "online"])
def test_labels_are_what_predict_says_also_where_prototypes_all_but_coincide(metric, algorithm):
    # By correlation two features have two directions, so that prototypes lie a rounding apart.
    for seed in range(6):
        X = np.random.default_rng(seed).normal(size=(48, 2))
        som = SOM(4, 3, metric=metric, algorithm=algorithm, init="random", random_state=0).fit(X)
        np.testing.assert_array_equal(som.labels_, som.predict(X))
        np.testing.assert_array_equal(som.map_.hits, np.bincount(som.labels_, minlength=12))


def test_weights_by_name_are_those_of_all_features_of_a_column():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(90, 2)), columns=["age", "income"])
    by_name = SOM(3, 3, feature_weight={"income": 4}, random_state=0).fit(frame)
    assert by_name.map_.metric.feature_weights.tolist() == [1, 4]
    by_place = SOM(3, 3, feature_weight=[1, 4], random_state=0).fit(frame)
    np.testing.assert_array_equal(by_name.codebook_, by_place.codebook_)
    frame["job"] = rng.choice(["clerk", "nurse", "cook"], len(frame))
    settings = {"feature_weight": {"job": 0.5}, "encoder": TableEncoder()}
    encoded = SOM(3, 3, random_state=0, **settings).fit(frame)
    features = encoded.map_.encoding.feature_names
    expected = [0.5 if name.startswith("job") else 1 for name in features]
    assert len(features) > 3
    assert encoded.map_.metric.feature_weights.tolist() == expected
    found = SOM.suggest(frame, n_samples=40, n_seeds=2, radius_end=1.0, **settings)
    assert found.n_rows > 1
