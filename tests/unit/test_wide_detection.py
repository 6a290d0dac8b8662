"""Detectors of wide tables: what maps that score together share, and what they keep short."""

from dataclasses import replace

import numpy as np
import pytest

import somscape.fit._map
from somscape import SOMDetector
from somscape.outliers import _train
from somscape.outliers.score import (
    MAX_OWN,
    compared_by,
    explained_by,
    joint,
    scores_by,
    scores_of_each,
)

WIDE, NARROW = MAX_OWN + 1, 5


def rows_of(n_features, n=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)) @ rng.normal(size=(3, n_features)) + rng.normal(
        size=(n, n_features)
    )


@pytest.fixture(scope="module")
def fitted():
    """A detector by number of features, and the rows that it learned from."""
    found = {}
    for n_features in (NARROW, WIDE):
        X = rows_of(n_features)
        found[n_features] = SOMDetector(random_state=0).fit(X).detector_, X
    return found


@pytest.mark.parametrize(("n_features", "n_computed"), [(NARROW, 5), (WIDE, 1)])
def test_maps_of_many_features_start_from_the_axes_of_all_rows(monkeypatch, n_features, n_computed):
    computed, given = [], somscape.fit._map.principal_axes

    def counted(problem):
        computed.append(len(problem.rows))
        return given(problem)

    monkeypatch.setattr(somscape.fit._map, "principal_axes", counted)
    SOMDetector(random_state=0).fit(rows_of(n_features))
    assert len(computed) == n_computed
    assert computed[0] == 60


@pytest.mark.parametrize("n_features", [NARROW, WIDE])
def test_prototypes_of_members_are_short_where_there_are_many_features(fitted, n_features):
    detector, _ = fitted[n_features]
    short = [
        np.array_equal(one.map_.codebook, one.map_.codebook.astype(np.float32))
        for one in detector.members
    ]
    assert short == [n_features == WIDE] * 4
    assert all(one.map_.codebook.dtype == np.float64 for one in detector.members)


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize(("offset", "is_short"), [(0.0, True), (1e6, False)])
def test_prototypes_are_short_only_where_scores_hardly_change(monkeypatch, offset, is_short):
    X = np.round(rows_of(WIDE), 3) + offset
    found = SOMDetector(random_state=0).fit(X)
    codebook = found.detector_.members[0].map_.codebook
    assert np.array_equal(codebook, codebook.astype(np.float32)) == is_short
    monkeypatch.setattr(_train, "_as_float32", lambda codebook: codebook)
    exact = SOMDetector(random_state=0).fit(X)
    np.testing.assert_allclose(found.score_samples(X), exact.score_samples(X), rtol=1e-6)
    near = SOMDetector(random_state=0).fit(X - offset)
    np.testing.assert_allclose(found.score_samples(X), near.score_samples(X - offset), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e-42, 1e-30, 1.0, 1e30, 1e200])
def test_prototypes_are_short_at_any_scale_that_float32_holds(scale):
    codebook = rows_of(NARROW) * scale
    short = _train._as_float32(codebook)
    assert (short is codebook) == (scale not in (1e-30, 1.0, 1e30))
    np.testing.assert_allclose(short, codebook, rtol=1e-7)


@pytest.mark.parametrize("n_features", [NARROW, WIDE])
@pytest.mark.parametrize("change", ["none", "no decorrelation", "another reach", "another center"])
def test_rows_are_compared_together_as_they_are_one_by_one(fitted, n_features, change):
    detector, X = fitted[n_features]
    first, *others = detector.scorers
    if change == "no decorrelation":
        first = replace(first, decorrelation=None)
    elif change == "another reach":
        first = replace(first, reach=first.reach / 2)
    elif change == "another center":
        moved = replace(first.decorrelation, center=first.decorrelation.center + 0.5)
        first = replace(first, decorrelation=moved)
    scorers = [*others[:2], first, *others[2:]]
    together = compared_by(scorers, X)
    assert len(together) == len(scorers)
    for found, scorer in zip(together, scorers, strict=True):
        np.testing.assert_array_equal(found, scorer.compared(X))


@pytest.mark.parametrize("n_features", [NARROW, WIDE])
@pytest.mark.parametrize("score", ["combined", "k_prototype", "quantization_error"])
def test_scores_together_are_the_root_mean_square_of_each(fitted, n_features, score):
    detector, X = fitted[n_features]
    scorers = [replace(one, score=score) for one in detector.scorers]
    each = scores_of_each(scorers, X)
    alone = np.array([scores_by([one], X) for one in scorers])
    np.testing.assert_array_equal(each, alone)
    np.testing.assert_allclose(joint(each), np.sqrt((alone**2).mean(axis=0)), rtol=1e-14)
    parts = explained_by(scorers, X)[1]
    np.testing.assert_allclose(parts.sum(axis=1), joint(each), rtol=1e-12)


@pytest.mark.parametrize("n_prototypes", [1, 2, 3, 8, 40])
def test_contributions_are_shares_of_squared_differences(n_prototypes):
    X = rows_of(NARROW)
    detector = SOMDetector(random_state=0, n_maps=1, n_prototypes=n_prototypes).fit(X).detector_
    scorer = detector.of_all_rows
    rows, usual = scorer.compared(X), scorer.usual_compared_codebook
    steps = rows[:, None, :] - usual
    far = np.sqrt((steps**2).sum(axis=2))
    k = min(n_prototypes, len(usual))
    nearest = np.argsort(far, axis=1)[:, :k, None]
    near = np.take_along_axis(far, nearest[:, :, 0], axis=1)
    parts = (np.take_along_axis(steps, nearest, axis=1) ** 2 / near[:, :, None]).sum(axis=1)
    parts *= (near.mean(axis=1) / parts.sum(axis=1))[:, None]
    np.testing.assert_allclose(explained_by([scorer], X)[1], parts, rtol=1e-10)


def test_contributions_of_many_values_are_averaged_over_some_rows(fitted, monkeypatch):
    detector, X = fitted[NARROW]
    monkeypatch.setattr(_train, "MAX_AVERAGED_VALUES", 20 * NARROW)
    found = _train.mean_contributions(detector, X, None)
    added = detector.rarity, detector.relation
    expected = explained_by(detector.scorers, X[::3], *added)[1].mean(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_columns_of_one_feature_each_are_summed_as_a_copy(fitted):
    detector, X = fitted[NARROW]
    found = detector.map_.encoding.sum_by_column(X)
    np.testing.assert_array_equal(found, X)
    assert not np.shares_memory(found, X)
