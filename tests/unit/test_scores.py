"""Scores by their formulas, their parts by column, and what counts as usual."""

import math

import naive
import numpy as np
import pytest

from somscape import SOM, SOMDetector, load
from somscape.errors import InputError
from somscape.maps import SCORES, DetectorSettings
from somscape.outliers import contributions, score_rows


def rows_of(n=200, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * [3.0, 1.0, 0.5][:d] - 1


def fitted(score, X=None, **options):
    som = SOM(4, 5, lattice="rectangular")
    options = {"som": som, "random_state": 0, "n_folds": 2, "n_maps": 1} | options
    return SOMDetector(score=score, **options).fit(rows_of() if X is None else X).map_


def distances(map_, x):
    """To each usual prototype, with its unit, nearest first, as the detector compares them."""
    usual = np.flatnonzero(map_.detector.usual)
    x, codebook = map_.scored_rows(x[None])[0], map_.scored_codebook
    return sorted((math.dist(x, codebook[u]), int(u)) for u in usual)


def neighbors_of(map_, unit):
    return [int(v) for v in map_.lattice.neighbors[unit] if v >= 0]


def by_formula(name, map_, x, unit):
    near = distances(map_, x)
    hits, total = map_.hits, map_.hits.sum()
    if name == "k_prototype":
        return np.mean([d for d, _ in near[:8]])
    if name == "quantization_error":
        return near[0][0]
    if name == "mass":
        usual = sum(hits[u] for _, u in near)
        left = wanted = min(max(0.02 * usual, 10), usual)
        score = 0.0
        for distance, u in near:
            taken = min(left, hits[u])
            score, left = score + taken * distance / wanted, left - taken
        return score
    if name == "density":
        spread = sorted(map_.detector.spread[u] for _, u in near)
        width = 2 * spread[len(spread) // 2] ** 2
        usual = sum(hits[u] for _, u in near)
        return -math.log(sum(hits[u] / usual * math.exp(-d * d / (2 * width)) for d, u in near))
    if name == "local_scale":
        return near[0][0] / map_.detector.spread[near[0][1]]
    around = neighbors_of(map_, unit)
    if name == "u_height":
        return np.mean([math.dist(map_.codebook[unit], map_.codebook[v]) for v in around])
    held = hits[unit] + sum(hits[v] for v in around) / 2
    return -math.log(max(held / (total * (1 + len(around) / 2)), 0.5 / total))


@pytest.mark.parametrize("decorrelate", [False, True])
@pytest.mark.parametrize("name", SCORES)
def test_scores_are_their_formulas(name, decorrelate):
    map_ = fitted(name, decorrelate=decorrelate)
    new = rows_of(40, seed=1) * 2
    expected = [by_formula(name, map_, x, u) for x, u in zip(new, map_.winners(new), strict=True)]
    np.testing.assert_allclose(score_rows(map_, new), expected, rtol=1e-9)


@pytest.mark.parametrize("n_maps", [1, 4])
@pytest.mark.parametrize("name", SCORES)
def test_scores_are_finite_where_units_lie_on_their_rows(name, n_maps):
    # So no unit has a spread.
    for X in (rows_of(3), np.repeat(100.0 * rows_of(5), 8, axis=0)):
        detector = SOMDetector(score=name, random_state=0, n_folds=2, n_maps=n_maps).fit(X)
        assert np.isfinite(detector.score_samples(np.vstack([X, 1000.0 * X]))).all()


@pytest.mark.parametrize("name", SCORES)
def test_parts_add_up_to_the_score_and_none_is_negative(name):
    map_ = fitted(name)
    new = np.vstack([rows_of(40, seed=1) * 2, map_.codebook])
    parts = contributions(map_, new)
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), score_rows(map_, new), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_a_column_in_which_nothing_differs_has_no_part(name):
    X = rows_of()
    X[:, 1] = 7.0
    assert (contributions(fitted(name, X), X)[:, 1] == 0).all()


@pytest.mark.parametrize("name", SCORES)
def test_blocks_change_nothing(name, monkeypatch):
    map_, new = fitted(name), rows_of(50, seed=2)
    whole, parts = score_rows(map_, new), contributions(map_, new)
    monkeypatch.setattr("somscape.outliers._score.BLOCK_VALUES", 70)
    np.testing.assert_array_equal(score_rows(map_, new), whole)
    np.testing.assert_array_equal(contributions(map_, new), parts)


@pytest.mark.parametrize("name", SCORES)
def test_a_saved_detector_has_the_same_scores(name, tmp_path):
    map_ = fitted(name)
    map_.save(tmp_path / "d.som")
    back = load(tmp_path / "d.som")
    np.testing.assert_array_equal(score_rows(back, rows_of()), score_rows(map_, rows_of()))
    np.testing.assert_array_equal(back.detector.usual, map_.detector.usual)


def test_spread_is_the_rows_own_distance_pooled_with_the_neighbors():
    X = rows_of()
    map_ = fitted("local_scale", X, decorrelate=False)
    units = map_.winners(X)
    squares = [[] for _ in range(map_.n_units)]
    for x, unit in zip(X, units, strict=True):
        squares[unit].append(math.dist(x, map_.codebook[unit]) ** 2)
    for unit in range(map_.n_units):
        around = neighbors_of(map_, unit)
        total = sum(squares[unit]) + sum(sum(squares[v]) for v in around) / 2
        count = len(squares[unit]) + sum(len(squares[v]) for v in around) / 2
        assert map_.detector.spread[unit] == pytest.approx(math.sqrt(total / count), rel=1e-9)


# What counts as usual


def test_a_group_of_outliers_with_prototypes_of_its_own_is_not_usual():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(400, 3)), rng.normal(size=(12, 3)) * 0.1 + [9, 9, 9]])
    trimmed = SOMDetector(random_state=0).fit(X)
    near = np.linalg.norm(trimmed.map_.codebook - 9, axis=1) < 2
    assert trimmed.map_.hits[near].sum() == 12
    assert not trimmed.map_.detector.usual[near].any()
    assert set(trimmed.score_samples(X).argsort()[:12]) == set(range(400, 412))
    # Measured from all prototypes, those rows lie near their own.
    untrimmed = SOMDetector(random_state=0, trim=0, n_prototypes=1).fit(X)
    assert not set(untrimmed.score_samples(X).argsort()[:12]) & set(range(400, 412))


@pytest.mark.parametrize("trim", [0, 0.05, 0.2, 0.5])
def test_usual_units_equal_the_oracle(trim):
    map_ = fitted("k_prototype", trim=trim)
    usual = naive.usual_units(map_.codebook, map_.hits, trim)
    np.testing.assert_array_equal(map_.detector.usual, usual)
    assert map_.hits[map_.detector.usual].sum() >= (1 - trim) * 200 - map_.hits.max()


def test_clean_training_counts_every_prototype_that_won_a_row():
    map_ = SOMDetector(training_is_clean=True, random_state=0).fit(rows_of()).map_
    np.testing.assert_array_equal(map_.detector.usual, map_.hits > 0)
    assert map_.detector.n_prototypes == 2
    assert map_.parameters["radius_end"] == 0.4


def test_a_radius_given_is_kept_where_training_is_clean():
    som = SOM(3, 4, radius_end=1.5)
    detector = SOMDetector(training_is_clean=True, som=som, random_state=0).fit(rows_of())
    assert detector.map_.parameters["radius_end"] == 1.5


# Many rows


def test_many_rows_are_drawn_from_and_the_others_calibrate(monkeypatch):
    monkeypatch.setattr("somscape.outliers._detector.MOST_TRAINED", 150)
    X = rows_of(400)
    detector = SOMDetector(som=SOM(3, 4), random_state=7).fit(X)
    order = np.random.default_rng(7).permutation(400)
    drawn, held = np.sort(order[:150]), order[150:]
    alone = SOM(3, 4, n_init=1).fit(X[drawn])
    np.testing.assert_array_equal(detector.map_.codebook, alone.map_.codebook)
    scores = -detector.score_samples(X)
    np.testing.assert_array_equal(detector.map_.detector.calibration, np.sort(scores[held]))
    assert detector.map_.hits.sum() == 400
    np.testing.assert_array_equal(detector.labels_, alone.predict(X))
    assert (detector.predict(X) == -1).sum() == 20


def test_weights_of_drawn_rows_are_theirs(monkeypatch):
    monkeypatch.setattr("somscape.outliers._detector.MOST_TRAINED", 150)
    X, weights = rows_of(400), np.arange(400) % 4
    detector = SOMDetector(som=SOM(3, 4), random_state=7).fit(X, sample_weight=weights)
    assert detector.map_.hits.sum() == weights.sum()
    kept = detector.map_.detector
    assert len(kept.calibration) == len(kept.calibration_weights) == 300 - 150


# By hand-made settings


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="`usual` must be truth values"):
        DetectorSettings("k_prototype", 5, 0.0, np.empty(0), usual=np.zeros(3, dtype=bool))
    with pytest.raises(ValueError, match="`spread` must be finite"):
        DetectorSettings("k_prototype", 5, 0.0, np.empty(0), spread=np.array([np.nan]))


def test_a_score_that_needs_more_than_the_settings_hold_says_so():
    import dataclasses

    map_ = fitted("density")
    bare = dataclasses.replace(map_.detector, spread=None)
    with pytest.raises(InputError, match=r"lack `spread`.*'density'"):
        score_rows(dataclasses.replace(map_, detector=bare), rows_of())
