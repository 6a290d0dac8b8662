"""Cells that are missing are left out of distances and means."""

import naive
import numpy as np
import pytest
from texts import rejected

import somscape
from somscape import SOM, SOMImputer, measures
from somscape.errors import SomscapeWarning
from somscape.kernels import Metric
from somscape.tables import table_from_columns
from somscape.tables._fit_encoding import fit_encoding


def gappy(n=120, d=4, seed=0, share=0.25, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) + 2 * rng.integers(0, 3, (n, 1))).astype(dtype)
    X[rng.random((n, d)) < share] = np.nan
    X[np.isnan(X).all(axis=1), 0] = 0.0
    return X


def masked_distances(X, codebook):
    """sqrt(sum over present of (x - w)^2, scaled up to all features), (n, m)."""
    squares = np.nansum((X[:, None].astype(float) - codebook[None]) ** 2, axis=2)
    present = (~np.isnan(X)).sum(axis=1)
    return np.sqrt(squares * X.shape[1] / present[:, None])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_equal_masked_means_worked_out_in_full(kernels, dtype, weighted):
    X = gappy(dtype=dtype)
    weights = np.random.default_rng(1).integers(1, 4, len(X)) if weighted else None
    start = np.random.default_rng(2).normal(size=(12, 4)) + 2
    som = SOM(
        3, 4, init=start, n_epochs=3, radius_start=2, radius_end=0.8, missing="mask", tol=0
    ).fit(X, sample_weight=weights)
    grid = naive.map_distances(3, 4, "hexagonal", "plane")
    codebook = start.copy()
    times = np.ones(len(X)) if weights is None else weights
    for epoch in range(3):
        far = masked_distances(X, codebook)
        h = naive.neighborhood(grid, naive.schedule("geometric", 2, 0.8, epoch, 3), "gaussian")
        pull = h[:, far.argmin(axis=1)] * times  # (m, n)
        is_there = ~np.isnan(X)
        codebook = (pull @ np.where(is_there, X, 0)) / (pull @ is_there)
        error = np.average(far.min(axis=1), weights=times)
        assert som.history_["quantization_error"][epoch] == pytest.approx(error, rel=1e-9)
    np.testing.assert_allclose(som.codebook_, codebook, rtol=0, atol=1e-9)
    far = masked_distances(X, som.codebook_)
    np.testing.assert_allclose(som.transform(X), far, rtol=1e-5 if dtype == np.float32 else 1e-9)
    np.testing.assert_array_equal(som.predict(X), far.argmin(axis=1))


@pytest.mark.parametrize("metric", Metric.MASKED)
def test_a_gap_in_a_row_that_hardly_counts_changes_no_other(kernels, metric):
    # One gap sends all rows through the masked kernels; its row weighs next to nothing.
    X = gappy(share=0.0)
    filled, holed = np.vstack([X, X[:1]]), np.vstack([X, X[:1]])
    holed[-1, 2] = np.nan
    weights = np.append(np.ones(len(X)), 1e-9)
    settings = {"metric": metric, "init": X[:12], "n_epochs": 5, "tol": 0}
    full = SOM(3, 4, **settings).fit(filled, sample_weight=weights)
    masked = SOM(3, 4, missing="mask", **settings).fit(holed, sample_weight=weights)
    np.testing.assert_allclose(masked.codebook_, full.codebook_, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(masked.labels_[:-1], full.labels_[:-1])
    np.testing.assert_allclose(masked.transform(holed)[:-1], full.transform(X), atol=1e-6)


def test_rows_without_any_value_are_reported_and_have_no_unit():
    X = gappy()
    X[[3, 50]] = np.nan
    with pytest.warns(SomscapeWarning, match=r"2 rows .* \(rows 3, 50\)"):
        som = SOM(3, 4, missing="mask").fit(X)
    assert np.flatnonzero(som.labels_ < 0).tolist() == [3, 50]
    assert som.predict(X)[3] == -1
    assert som.map_.hits.sum() == 118
    rest = np.delete(X, [3, 50], axis=0)
    np.testing.assert_array_equal(SOM(3, 4, missing="mask").fit(rest).codebook_, som.codebook_)
    assert np.isfinite(measures.quantization_error(som.map_, rest))


@pytest.mark.parametrize("metric", Metric.MASKED)
def test_rows_without_any_value_have_no_distance_and_do_not_count(kernels, metric):
    X = gappy()
    som = SOM(3, 4, missing="mask", metric=metric).fit(X)
    holed = np.insert(X, 7, np.nan, axis=0)
    far = som.transform(holed)
    assert np.isnan(far[7]).all()
    np.testing.assert_array_equal(np.delete(far, 7, axis=0), som.transform(X))
    assert som.score(holed) == som.score(X)
    for measure in (measures.quantization_error, measures.topographic_error):
        assert measure(som, holed) == measure(som, X)
        weights = np.arange(len(holed))
        expected = measure(som, X, sample_weight=np.delete(weights, 7))
        assert measure(som, holed, sample_weight=weights) == expected
        with rejected(parameter="X"):
            measure(som, holed, sample_weight=np.arange(len(holed)) == 7)
        with rejected(parameter="X"):
            measure(som, holed[7:8])


def test_medians_are_learned_though_nothing_is_missing_yet():
    X = gappy(share=0.0)
    som = SOM(3, 4, missing="fill").fit(X)
    holed = X[:5].copy()
    holed[2, 1] = np.nan
    filled = X[:5].copy()
    filled[2, 1] = np.median(X[:, 1])
    np.testing.assert_array_equal(som.predict(holed), som.predict(filled))
    weighted = SOM(3, 4, missing="fill").fit(X, sample_weight=np.arange(120) < 60)
    filled[2, 1] = np.median(X[:60, 1])
    np.testing.assert_array_equal(weighted.transform(holed), weighted.transform(filled))


def test_a_saved_map_still_takes_rows_with_gaps(tmp_path):
    X = gappy()
    som = SOM(3, 4, missing="mask").fit(X)
    som.map_.save(tmp_path / "m.som")
    np.testing.assert_array_equal(somscape.load(tmp_path / "m.som").winners(X), som.labels_)
    with rejected(ValueError, parameter="X", row=0, column="x0"):
        som.predict(np.full((1, 4), np.inf))
    with rejected(ValueError, parameter="X", row=0, column="x1"):
        SOM(3, 4).fit(gappy(share=0.0)).predict(X)


def test_a_missing_cell_of_a_table_is_told_by_its_place():
    table = table_from_columns({"a": [1.0, 2, 3], "b": [1.0, None, 2]}, "t.csv")
    with rejected(parameter="X", row=1):
        SOM(3, 4, encoder=None).fit(table)


def test_a_column_without_values_is_refused():
    X = gappy()
    X[:, 2] = np.nan
    with rejected(ValueError, parameter="X"):
        SOM(3, 4, missing="mask").fit(X)


@pytest.mark.parametrize("metric", ["cosine", "correlation", "mahalanobis"])
def test_metrics_that_need_every_value_say_so(metric):
    for share in (0.25, 0.0):  # what is missing may only come later
        with rejected(ValueError, parameter="missing", value="mask"):
            SOM(3, 4, missing="mask", metric=metric).fit(gappy(share=share))
        with rejected(ValueError, parameter="missing", value="mask"):
            SOMImputer(som=SOM(metric=metric)).fit(gappy(share=share))


def test_a_tables_missing_cells_are_missing_in_all_features_of_their_column():
    table = table_from_columns({"n": [1, None, 3, 4], "c": ["a", "b", None, "a"]})
    rows = fit_encoding(table, missing="mask").encode(table)
    assert np.isnan(rows).sum(axis=1).tolist() == [0, 1, rows.shape[1] - 1, 0]
    som = SOM(1, 2, missing="mask").fit(table)
    assert np.isfinite(som.codebook_).all()
    assert (som.predict(table) >= 0).all()


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev"])
def test_other_metrics_leave_gaps_out_too(metric):
    X = gappy()
    som = SOM(3, 4, missing="mask", metric=metric).fit(X)
    apart = np.abs(X[:, None] - som.codebook_[None])
    if metric == "manhattan":
        far = np.nansum(apart, axis=2) * (4 / (~np.isnan(X)).sum(axis=1))[:, None]
    else:
        far = np.nanmax(apart, axis=2)
    np.testing.assert_allclose(som.transform(X), far, rtol=1e-9)
    np.testing.assert_array_equal(som.labels_, far.argmin(axis=1))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_order_of_rows_with_gaps_does_not_matter_to_the_bit(kernels, weighted):
    X = gappy(300) * 1.7
    weights = np.random.default_rng(1).integers(1, 4, len(X)) if weighted else np.ones(len(X))
    # Once as a map trains by itself, which takes the NumPy kernels seconds, and then shortly.
    for seed, options in enumerate([{}, {"n_epochs": 6}, {"n_epochs": 6}]):
        som = SOM(4, 5, missing="mask", **options).fit(X, sample_weight=weights)
        order = np.random.default_rng(seed).permutation(len(X))
        other = SOM(4, 5, missing="mask", **options).fit(X[order], sample_weight=weights[order])
        np.testing.assert_array_equal(other.codebook_, som.codebook_)
