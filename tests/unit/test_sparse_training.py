"""SOM on scipy.sparse rows: the same map as on the rows in full, without filling them."""

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from texts import rejected

from somscape import SOM, regions
from somscape.kernels._sparse import column_extremes


def sparse_rows(n=120, d=30, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return csr_array(np.where(rng.random((n, d)) < 0.15, rng.random((n, d)), 0.0), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_rows_train_the_map_of_the_same_rows_in_full(kernels, dtype, weighted):
    X = sparse_rows(dtype=dtype)
    weights = np.arange(120) % 4 if weighted else None
    start = X[:20].toarray()
    settings = {"n_rows": 4, "n_cols": 5, "init": start, "n_epochs": 6, "tol": 0}
    sparse = SOM(**settings).fit(X, sample_weight=weights)
    dense = SOM(**settings).fit(X.toarray(), sample_weight=weights)
    np.testing.assert_allclose(sparse.codebook_, dense.codebook_, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(sparse.labels_, dense.labels_)
    np.testing.assert_array_equal(sparse.predict(X), dense.predict(X.toarray()))
    np.testing.assert_allclose(sparse.transform(X), dense.transform(X.toarray()), atol=1e-4)
    assert sparse.score(X) == pytest.approx(dense.score(X.toarray()), rel=1e-4)
    np.testing.assert_array_equal(sparse.map_.winners(X), sparse.predict(X))


def grouped(n_features: int = 8) -> np.ndarray:
    """Three groups of rows, most of whose values are 0."""
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(300, n_features))) * (rng.random((300, n_features)) < 0.4)
    X[100:200, 0] += 9
    X[200:, 1] += 9
    return X


@pytest.mark.all_tries
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_rows_tell_the_regions_of_the_same_rows_in_full(metric: str) -> None:
    X = grouped()
    dense = regions.find_regions(SOM(metric=metric, random_state=0).fit(X))
    som = SOM(metric=metric, random_state=0).fit(csr_array(X))
    found = regions.find_regions(som, method="valleys")
    np.testing.assert_array_equal(found.labels, dense.labels)
    assert found.n_regions == 3  # as the recipe of the rows
    numbers = set(regions.stability(found, n_samples=3).numbers.tolist())
    # The group at the origin lies in all directions, so that a sample may miss or divide it.
    assert numbers == {3} if metric == "euclidean" else numbers <= {2, 3, 4}
    for n in ("auto", 5):
        expected = regions.find_regions(som, n, X=X).labels
        for sparse in (csr_array(X), csr_matrix(X)):
            labels = regions.find_regions(som, n, method="valleys", X=sparse).labels
            np.testing.assert_array_equal(labels, expected)


def test_where_rows_must_be_dense_a_line_says_so() -> None:
    X = csr_array(grouped())
    found = regions.find_regions(SOM(random_state=0).fit(X))
    with rejected(parameter="X"):
        found.describe(X)
    with rejected(parameter="X", value=7):
        regions.find_regions(found.map_, X=csr_array(grouped(7)))


@pytest.mark.parametrize("init", ["pca", "sample", "random"])
def test_each_start_takes_sparse_rows(kernels, init):
    som = SOM(4, 4, init=init, random_state=0, n_epochs=3).fit(sparse_rows())
    assert np.isfinite(som.codebook_).all()


def test_the_axes_of_sparse_rows_are_those_of_the_rows_in_full():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 2)) * [5, 2] @ np.linalg.qr(rng.normal(size=(8, 8)))[0][:2]
    X[np.abs(X) < 0.5] = 0
    sparse = SOM(3, 4, n_epochs=1).fit(csr_array(X))
    dense = SOM(3, 4, n_epochs=1).fit(X)
    np.testing.assert_allclose(sparse.codebook_, dense.codebook_, atol=1e-3)


@pytest.mark.parametrize("form", ["csc", "coo", "csr matrix", "unsorted"])
def test_other_sparse_forms_are_taken_too(form):
    X = sparse_rows()
    if form == "csr matrix":
        other = csr_matrix(X)
    elif form == "unsorted":
        other = X.copy()
        for row in range(other.shape[0]):
            part = slice(other.indptr[row], other.indptr[row + 1])
            other.indices[part] = other.indices[part][::-1].copy()
            other.data[part] = other.data[part][::-1].copy()
        other.has_sorted_indices = False
    else:
        other = X.asformat(form)
    settings = {"n_rows": 3, "n_cols": 3, "n_epochs": 2}
    expected = SOM(**settings).fit(X).codebook_
    np.testing.assert_array_equal(SOM(**settings).fit(other).codebook_, expected)


def test_a_wrong_value_among_sparse_rows_is_named():
    X = sparse_rows()
    X.data[7] = np.inf
    row = int(np.searchsorted(X.indptr, 7, side="right")) - 1
    with rejected(ValueError, row=row, column=f"x{X.indices[7]}", parameter="X"):
        SOM(3, 3).fit(X)


def test_the_map_refuses_sparse_rows_of_another_width():
    som = SOM(3, 3, n_epochs=1).fit(sparse_rows())
    with rejected(ValueError, parameter="X", value=29):
        som.map_.winners(sparse_rows(d=29))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (700, 300), (20_000, 9), (5_000, 5000)])
def test_columns_have_the_extremes_that_numpy_finds(shape, order):
    if shape == (5_000, 5000) and order == "F":
        pytest.skip("as for 700 x 300")
    X = np.random.default_rng(2).random(shape, dtype=np.float32).astype(np.float32, order=order)
    X[-1, 0] = -5.0
    low, high = column_extremes(X)
    np.testing.assert_array_equal(low, X.min(axis=0))
    np.testing.assert_array_equal(high, X.max(axis=0))
    X[shape[0] // 2, -1] = np.nan
    assert [np.isnan(edge).sum() for edge in column_extremes(X)] == [1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("method", ["predict", "transform", "score", "partial_fit"])
def test_stored_values_that_cannot_be_used_are_refused_after_fitting_too(method, value):
    X = csr_array(np.eye(4).repeat(5, axis=0))
    som = SOM(2, 2).fit(X)
    X.data[7] = value
    with rejected(ValueError, parameter="X", row=7, column="x1"):
        getattr(som, method)(X)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_start_of_sparse_rows_whose_columns_have_mean_zero_is_that_of_the_rows_in_full(
    weighted,
):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 12)) * np.linspace(3, 0.5, 12)
    X[rng.random(X.shape) < 0.5] = 0
    X = np.vstack([X, -X])  # each column's mean is 0
    weights = np.tile(rng.integers(1, 4, 200), 2) if weighted else None
    settings = {"n_rows": 4, "n_cols": 7, "n_epochs": 1, "radius_start": 1e-9, "radius_end": 1e-9}
    sparse = SOM(**settings).fit(csr_array(X), sample_weight=weights)
    dense = SOM(**settings).fit(X, sample_weight=weights)
    np.testing.assert_array_equal(sparse.labels_, dense.labels_)
    np.testing.assert_allclose(sparse.codebook_, dense.codebook_, atol=1e-4)
    assert len(set(sparse.labels_)) > 20


def test_sparse_rows_of_one_feature_equal_features_and_no_values_have_a_start():
    rng = np.random.default_rng(3)
    assert SOM(2, 3, n_epochs=1).fit(csr_array(rng.normal(size=(60, 1)))).n_features_in_ == 1
    equal = csr_array(np.repeat(rng.normal(size=(60, 1)), 5, axis=1))
    assert len(set(SOM(2, 3).fit(equal).labels_)) > 3
    empty = SOM(2, 3, n_epochs=1).fit(csr_array((60, 4)))
    np.testing.assert_array_equal(empty.codebook_, np.zeros((6, 4)))
    # Rows of one of four kinds: three main axes of equal variance, of which two are taken.
    kinds = csr_array(np.eye(4)[np.arange(400) % 4])
    assert len(set(SOM(4, 4).fit(kinds).labels_)) == 4
