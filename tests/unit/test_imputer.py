"""Missing values filled from the map."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from texts import rejected

from somscape import SOM, SOMImputer
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


def test_one_neighbor_gives_the_winners_value():
    X, _, is_gap = gappy()
    imputer = SOMImputer(n_neighbors=1, som=SOM(4, 4)).fit(X)
    units = imputer.map_.winners(X)
    np.testing.assert_array_equal(
        imputer.transform(X)[is_gap], imputer.map_.codebook[units][is_gap]
    )
    np.testing.assert_array_equal(imputer.impute(X)[1][is_gap], imputer.deviation_[units][is_gap])


def test_the_spread_of_several_neighbors_by_hand():
    X, _, _ = gappy()
    imputer = SOMImputer(n_neighbors=3, som=SOM(4, 4)).fit(X)
    row = np.array([[0.5, np.nan, 0.1, 0.2, 0.3]])
    near = imputer.map_.winners(row, k=3)[0]
    values, deviations = imputer.map_.codebook[near, 1], imputer.deviation_[near, 1]
    filled, deviation = imputer.impute(row)
    assert filled[0, 1] == pytest.approx(values.mean())
    assert deviation[0, 1] == pytest.approx(np.sqrt((deviations**2).mean() + values.var()))


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
    hits = imputer.map_.hits
    np.testing.assert_allclose(filled[0], hits @ imputer.map_.codebook / hits.sum())
    assert (deviation > 0).all()
    X[4] = np.nan
    with pytest.warns(SomscapeWarning, match=r"1 row .* \(row 4\)"):
        assert np.isfinite(SOMImputer().fit_transform(X)).all()


def test_weights_repeat_rows():
    X, _, _ = gappy(60)
    weights = np.arange(60) % 3
    repeated = SOMImputer(som=SOM(3, 3)).fit(np.repeat(X, weights, axis=0))
    weighted = SOMImputer(som=SOM(3, 3)).fit(X, sample_weight=weights)
    np.testing.assert_allclose(weighted.map_.codebook, repeated.map_.codebook, atol=1e-5)
    np.testing.assert_allclose(weighted.deviation_, repeated.deviation_, atol=1e-5)


def test_an_imputer_in_a_pipeline_keeps_names_and_type():
    pandas = pytest.importorskip("pandas")
    X, _, _ = gappy(60)
    frame = pandas.DataFrame(X, columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler(), SOMImputer()).set_output(transform="pandas")
    assert pipeline.fit_transform(frame).columns.tolist() == list("abcde")
    assert SOMImputer().fit(X.astype(np.float32)).transform(X.astype(np.float32)).dtype == "float32"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"n_neighbors": 0}, ValueError),
        ({"n_neighbors": 17}, ValueError),
        ({"som": "map"}, TypeError),
        ({"som": SOM(metric="cosine")}, ValueError),
    ],
)
def test_wrong_settings_are_named(settings, error):
    with rejected(error):
        SOMImputer(**settings).fit(gappy(40)[0])
