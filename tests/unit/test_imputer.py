"""Missing values filled from the map."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.impute import KNNImputer
from sklearn.preprocessing import StandardScaler
from texts import rejected

from somscape import SOM, SOMImputer, load
from somscape.errors import SomscapeWarning
from somscape.estimators import imputer as _imputer


def gappy(n=300, seed=0, share=0.2):
    """Rows along two hidden factors, and what was there before gaps were made."""
    rng = np.random.default_rng(seed)
    whole = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(n, 5))
    is_gap = rng.random(whole.shape) < share
    is_gap[is_gap.all(axis=1), 0] = False
    return np.where(is_gap, np.nan, whole), whole, is_gap


def test_what_is_filled_in_comes_near_and_what_was_there_stays():
    X, whole, is_gap = gappy()
    filled, deviation = SOMImputer().fit(X).impute(X)
    np.testing.assert_array_equal(filled[~is_gap], X[~is_gap])
    assert (deviation[~is_gap] == 0).all()
    assert (deviation[is_gap] > 0).all()
    error = np.sqrt(np.mean((filled - whole)[is_gap] ** 2))
    by_mean = np.sqrt(np.mean((np.nanmean(X, axis=0) - whole)[is_gap] ** 2))
    assert error < 0.5 * by_mean
    # Nine of ten within two standard deviations, in sample.
    assert np.mean(np.abs(filled - whole)[is_gap] <= 2 * deviation[is_gap]) > 0.8


def only(imputer, number):
    """Return an imputer that uses one of its four estimates."""
    imputer.weights_ = np.eye(4)[number]
    return imputer


ROW = np.array([[0.5, np.nan, 0.1, np.nan, 0.3]])


def nearness(imputer, n):
    """Return the nearest prototypes of `ROW`, and their weights for the scale of the nth."""
    units, distances = imputer.map_.nearest(ROW, 16)
    weights = np.exp(-((distances[0] / distances[0, n - 1]) ** 2))
    return imputer.map_.codebook[units[0]], weights / weights.sum()


@pytest.mark.parametrize(("number", "n"), [(0, 4), (1, 8)])
def test_the_means_of_the_nearest_prototypes_by_hand(number, n):
    imputer = only(SOMImputer(som=SOM(4, 4)).fit(gappy()[0]), number)
    values, weights = nearness(imputer, n)
    filled, deviation = imputer.impute(ROW)
    np.testing.assert_allclose(filled[0, [1, 3]], (weights @ values)[[1, 3]])
    values, weights = nearness(imputer, 8)
    variance = (weights @ (values - weights @ values) ** 2)[[1, 3]]
    error, spread = imputer.error_[[1, 3]], imputer.spread_[[1, 3]]
    np.testing.assert_allclose(
        deviation[0, [1, 3]], np.sqrt(error**2 * (1 + variance / spread) / 2)
    )


@pytest.mark.parametrize("number", [2, 3])
def test_the_regressions_are_the_conditional_means_of_normal_distributions(number):
    imputer = only(SOMImputer(som=SOM(4, 4)).fit(gappy()[0]), number)
    mean = imputer.mean_
    covariance = imputer.factors_.T @ imputer.factors_ + np.diag(imputer.noise_)
    if number == 2:
        values, weights = nearness(imputer, 8)
        mean = weights @ values
        covariance = covariance + (values - mean).T @ np.diag(weights) @ (values - mean)
    there, lost = [0, 2, 4], [1, 3]
    given = np.linalg.inv(covariance[np.ix_(there, there)]) @ (ROW[0, there] - mean[there])
    expected = mean[lost] + covariance[np.ix_(lost, there)] @ given
    np.testing.assert_allclose(imputer.transform(ROW)[0, lost], expected, rtol=1e-9)


def test_the_regression_on_all_rows_is_that_of_the_true_distribution():
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(4, 6))
    whole = rng.normal(size=(3000, 4)) @ axes + 0.3 * rng.normal(size=(3000, 6))
    is_gap = rng.random(whole.shape) < 0.2
    X, covariance = np.where(is_gap, np.nan, whole), axes.T @ axes + 0.09 * np.eye(6)
    imputer = SOMImputer(random_state=0).fit(X)
    found = imputer.factors_.T @ imputer.factors_ + np.diag(imputer.noise_)
    assert np.abs(found - covariance).max() < 0.1 * covariance.max()
    ideal = X.copy()
    for row, gap in zip(ideal, is_gap, strict=True):
        slopes = covariance[np.ix_(gap, ~gap)] @ np.linalg.inv(covariance[np.ix_(~gap, ~gap)])
        row[gap] = slopes @ row[~gap]
    errors = [np.sqrt(np.mean((f - whole)[is_gap] ** 2)) for f in (imputer.transform(X), ideal)]
    assert errors[0] < 1.05 * errors[1]
    assert imputer.weights_.sum() == pytest.approx(1.0)
    assert imputer.weights_[3] > 0.5


def test_complete_rows_give_their_mean_and_covariance():
    X = np.random.default_rng(0).normal(size=(200, 5)) @ np.random.default_rng(1).normal(
        size=(5, 5)
    )
    imputer = SOMImputer().fit(X)
    found = imputer.factors_.T @ imputer.factors_ + np.diag(imputer.noise_)
    expected = np.cov(X.T, bias=True)
    np.testing.assert_allclose(imputer.mean_, X.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found, expected * (1 + _imputer.RIDGE * np.eye(5)), atol=1e-9)


def test_the_only_value_of_a_column_is_not_hidden():
    X = np.full((100, 101), np.nan)
    X[:, 0], X[np.arange(100), np.arange(1, 101)] = np.arange(100), np.arange(100)
    found = _imputer.HeldCells.of(X, np.ones(100))
    assert not found.is_hidden[:, 1:].any()
    assert found.is_hidden[:, 0].any()
    np.testing.assert_array_equal(found.gappy[:, 1:], X[:, 1:])


def test_the_error_is_lower_than_that_of_the_nearest_rows():
    rng = np.random.default_rng(0)
    whole = StandardScaler().fit_transform(load_diabetes().data)
    is_gap = rng.random(whole.shape) < 0.2
    X = np.where(is_gap, np.nan, whole)
    errors = [
        np.sqrt(np.mean((imputer.fit_transform(X) - whole)[is_gap] ** 2))
        for imputer in (SOMImputer(random_state=0), KNNImputer())
    ]
    assert errors[0] < 0.9 * errors[1]


def test_the_map_has_about_as_many_units_as_rows(monkeypatch):
    X, _, _ = gappy(300)
    assert SOMImputer().fit(X).map_.n_units == 17 * 17
    assert SOMImputer(som=SOM(boundary="torus")).fit(X).map_.n_units == 16 * 17
    assert SOMImputer().fit(X, sample_weight=np.full(300, 0.5)).map_.n_units == 12 * 12
    monkeypatch.setattr(_imputer, "MAX_UNITS", 100)
    assert SOMImputer().fit(X).map_.n_units == 10 * 10


def test_hidden_cells_depend_only_on_values():
    X, _, _ = gappy(300)
    X[:, 4] = np.where(np.arange(300) == 7, 0.0, np.nan)
    X[5], X[8, :4] = np.nan, [1.0, np.nan, np.nan, np.nan]
    weights = np.arange(300) % 3 + 0.0
    one = _imputer.HeldCells.of(X, weights)
    two = _imputer.HeldCells.of(np.repeat(X, weights.astype(int), axis=0)[::-1], np.ones(300))
    for first, second in zip(one[:3], two[:3], strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.isnan(one.rows[one.is_hidden]).any()
    share = one.is_hidden.sum() / (~np.isnan(one.rows)).sum()
    assert 0.05 < share < 0.15
    np.testing.assert_array_equal(np.isnan(one.gappy).all(axis=1), np.isnan(X).all(axis=1))
    assert not np.isnan(one.gappy[weights > 0]).all(axis=0).any()
    assert np.isnan(one.gappy).sum() - np.isnan(X).sum() >= one.is_hidden.sum()


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows_and_equal_rows(n_rows):
    X = np.array([[1.0, 2.0, np.nan], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])[-n_rows:]
    filled, deviation = SOMImputer().fit(X).impute([[1.0, np.nan, np.nan], [np.nan] * 3])
    np.testing.assert_allclose(filled, [[1.0, 2.0, 3.0]] * 2, atol=1e-6)
    assert np.isfinite(deviation).all()


def test_many_features_use_the_main_axes():
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(120, 3)) @ rng.normal(size=(3, 400))
    is_gap = rng.random(whole.shape) < 0.3
    imputer = SOMImputer(random_state=0).fit(np.where(is_gap, np.nan, whole))
    filled = imputer.transform(np.where(is_gap, np.nan, whole))
    assert imputer.factors_.shape == (48, 400)
    assert np.sqrt(np.mean((filled - whole)[is_gap] ** 2)) < 0.2 * whole.std()


def test_a_column_without_values_is_left_out(tmp_path):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(gappy(60)[0], columns=list("abcde"))
    X.insert(2, "empty", np.nan)
    imputer = SOMImputer().set_output(transform="pandas").fit(X)
    ours = imputer.transform(X)
    assert ours.columns.tolist() == list("abcde")
    assert ours.notna().all().all()
    full = X.assign(empty=1.0)
    np.testing.assert_array_equal(imputer.transform(full), ours)
    imputer.save(tmp_path / "m.som")
    after = load(tmp_path / "m.som")
    np.testing.assert_array_equal(after.transform(X), ours)
    assert after.get_feature_names_out().tolist() == ours.columns.tolist()


def test_blocks_of_rows_are_filled_as_rows_alone(monkeypatch):
    X, _, _ = gappy(60)
    X[7] = np.nan
    imputer = SOMImputer(som=SOM(4, 4)).fit(np.delete(X, 7, axis=0))
    alone = [imputer.impute(row[None]) for row in X]
    for block_values in (_imputer.BLOCK_VALUES, 100):
        monkeypatch.setattr(_imputer, "BLOCK_VALUES", block_values)
        filled, deviation = imputer.impute(X)
        np.testing.assert_array_equal(filled, np.concatenate([f for f, _ in alone]))
        np.testing.assert_array_equal(deviation, np.concatenate([s for _, s in alone]))


def test_a_row_without_any_value_gets_the_mean():
    X, _, _ = gappy()
    imputer = SOMImputer(som=SOM(4, 4)).fit(X)
    filled, deviation = imputer.impute(np.full((1, 5), np.nan))
    np.testing.assert_allclose(filled[0], imputer.transform(X).mean(axis=0), atol=0.05)
    np.testing.assert_allclose(deviation[0], imputer.transform(X).std(axis=0), rtol=0.1)
    X[4] = np.nan
    with pytest.warns(SomscapeWarning, match=r"1 row .* \(row 4\)"):
        assert np.isfinite(SOMImputer().fit_transform(X)).all()


def test_weights_repeat_rows():
    X, _, _ = gappy(60)
    weights = np.arange(60) % 3
    repeated = SOMImputer(som=SOM(3, 3)).fit(np.repeat(X, weights, axis=0))
    weighted = SOMImputer(som=SOM(3, 3)).fit(X, sample_weight=weights)
    np.testing.assert_allclose(weighted.map_.codebook, repeated.map_.codebook, atol=1e-5)
    np.testing.assert_allclose(weighted.impute(X)[1], repeated.impute(X)[1], atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"som": "map"}, TypeError),
        ({"som": SOM(metric="cosine")}, ValueError),
    ],
)
def test_wrong_settings_are_named(settings, error):
    with rejected(error):
        SOMImputer(**settings).fit(gappy(40)[0])
