"""Scores by their formulas, their parts by column, and what counts as usual."""

import math
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import naive
import numpy as np
import pandas as pd
import pytest
from texts import rejected

from somscape import SOM, SOMDetector, TableEncoder, load
from somscape.outliers import Calibration, Detector, Scorer, _train
from somscape.outliers.marks import Marks
from somscape.outliers.score import SCORES, pooled


def rows_of(n=200, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * [3.0, 1.0, 0.5][:d] - 1


def fitted(score, X=None, **options):
    som = SOM(4, 5, lattice="rectangular")
    options = {"som": som, "random_state": 0, "n_maps": 1} | options
    return SOMDetector(method=score, **options).fit(rows_of() if X is None else X).detector_


def distances(detector, x):
    """To each usual prototype, nearest first, as the detector compares them."""
    usual = np.flatnonzero(detector.of_all_rows.usual)
    x, codebook = detector.of_all_rows.compared(x[None])[0], detector.of_all_rows.compared_codebook
    return sorted(math.dist(x, codebook[u]) for u in usual)


def neighbors_of(map_, unit):
    return [int(v) for v in map_.lattice.neighbors[unit] if v >= 0]


def added_by_hand(rarity, feature, value):
    """What one value adds: the height of its line there."""
    for place, x, y in zip(rarity.features, rarity.x, rarity.y, strict=True):
        if place == feature:
            knots = [(a, b) for i, (a, b) in enumerate(zip(x, y, strict=True)) if a not in x[:i]]
            pieces = [*pairwise(knots)]
            below = [piece for piece in pieces if piece[0][0] <= value]
            (x0, y0), (x1, y1) = below[-1] if below else pieces[0]
            return y0 + (value - x0) * (y1 - y0) / (x1 - x0)
    return 0.0


def by_formula(name, detector, x):
    near = distances(detector, x)
    if name == "combined":
        distance = np.mean(near[:32])
        rarity = sum(added_by_hand(detector.rarity, j, v) for j, v in enumerate(x))
        return distance + rarity + naive.broken_relation(detector.relation, x)[0]
    if name == "k_prototype":
        return np.mean(near[:8])
    assert name == "quantization_error"
    return near[0]


@pytest.mark.parametrize("decorrelate", [False, True])
@pytest.mark.parametrize("name", SCORES)
def test_scores_are_their_formulas(name, decorrelate):
    detector = fitted(name, decorrelate=decorrelate)
    new = rows_of(40, seed=1) * 2
    expected = [by_formula(name, detector, x) for x in new]
    np.testing.assert_allclose(detector.scores(new), expected, rtol=1e-9)


@pytest.mark.parametrize("n_maps", [1, 4])
@pytest.mark.parametrize("name", SCORES)
def test_scores_are_finite_where_units_lie_on_their_rows(name, n_maps):
    # So no unit has a spread.
    for X in (rows_of(3), np.repeat(100.0 * rows_of(5), 8, axis=0)):
        detector = SOMDetector(method=name, random_state=0, n_maps=n_maps).fit(X)
        assert np.isfinite(detector.score_samples(np.vstack([X, 1000.0 * X]))).all()


@pytest.mark.parametrize("name", SCORES)
def test_parts_add_up_to_the_score_and_none_is_negative(name):
    detector = fitted(name)
    new = np.vstack([rows_of(40, seed=1) * 2, detector.map_.codebook])
    parts = detector.contributions(new)
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), detector.scores(new), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_a_column_in_which_nothing_differs_has_no_part(name):
    X = rows_of()
    X[:, 1] = 7.0
    assert (fitted(name, X).contributions(X)[:, 1] == 0).all()


@pytest.mark.parametrize("name", SCORES)
def test_blocks_change_nothing(name, monkeypatch):
    detector, new = fitted(name), rows_of(50, seed=2)
    whole, parts = detector.scores(new), detector.contributions(new)
    monkeypatch.setattr("somscape.outliers.score.BLOCK_VALUES", 70)
    np.testing.assert_array_equal(detector.scores(new), whole)
    np.testing.assert_array_equal(detector.contributions(new), parts)


@pytest.mark.parametrize("name", SCORES)
def test_a_saved_detector_has_the_same_scores(name, tmp_path):
    detector = fitted(name)
    detector.save(tmp_path / "d.som")
    back = load(tmp_path / "d.som")
    np.testing.assert_array_equal(back.scores(rows_of()), detector.scores(rows_of()))
    np.testing.assert_array_equal(back.of_all_rows.usual, detector.of_all_rows.usual)


def test_rms_distance_is_the_rows_own_distance_pooled_with_the_neighbors():
    X = rows_of()
    detector = fitted("k_prototype", X, decorrelate=False)
    map_ = detector.map_
    units = map_.winners(X)
    squares = [[] for _ in range(map_.n_units)]
    for x, unit in zip(X, units, strict=True):
        squares[unit].append(math.dist(x, map_.codebook[unit]) ** 2)
    for unit in range(map_.n_units):
        around = neighbors_of(map_, unit)
        total = sum(squares[unit]) + sum(sum(squares[v]) for v in around) / 2
        count = len(squares[unit]) + sum(len(squares[v]) for v in around) / 2
        expected = math.sqrt(total / count)
        assert detector.of_all_rows.rms_distances[unit] == pytest.approx(expected, rel=1e-9)


def test_every_score_has_words():
    guide = (Path(__file__).parents[2] / "docs/howto/detecting.md").read_text(encoding="utf-8")
    for name in SCORES:
        assert f'"{name}"' in guide
        assert f'``"{name}"``' in SOMDetector.__doc__


def test_scores_change_by_no_more_than_a_row_moves():
    rng = np.random.default_rng(3)
    start, move = rows_of(200, seed=4), rng.normal(size=(200, 3)) * 0.3
    for name in SCORES:
        detector = replace(fitted(name, decorrelate=False), rarity=None, relation=None)
        change = np.abs(detector.scores(start + move) - detector.scores(start))
        most = (change / np.linalg.norm(move, axis=1)).max()
        assert most <= 1 + 1e-9, name


# What counts as usual


def test_a_group_of_outliers_with_prototypes_of_its_own_is_not_usual():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(400, 3)), rng.normal(size=(12, 3)) * 0.1 + [9, 9, 9]])
    combined = SOMDetector(random_state=0).fit(X)
    alone = replace(combined.detector_, relation=None).scores(X).argsort()[::-1]
    assert set(alone[:12]) == set(range(400, 412))
    # By its relations, a row comes among them whose value lies 3.9 deviations from the mean.
    assert set(combined.score_samples(X).argsort()[:13]) == {*range(400, 412), X[:, 1].argmin()}
    trimmed = SOMDetector("k_prototype", random_state=0).fit(X)
    near = np.linalg.norm(trimmed.map_.codebook - 9, axis=1) < 2
    assert trimmed.map_.hits[near].sum() == 12
    assert not trimmed.detector_.of_all_rows.usual[near].any()
    assert set(trimmed.score_samples(X).argsort()[:12]) == set(range(400, 412))
    # Measured from all prototypes, those rows lie near their own.
    untrimmed = SOMDetector("k_prototype", random_state=0, trim=0, n_prototypes=1).fit(X)
    assert not set(untrimmed.score_samples(X).argsort()[:12]) & set(range(400, 412))


@pytest.mark.parametrize("trim", [0, 0.05, 0.2, 0.5])
def test_usual_units_equal_the_oracle(trim):
    detector = fitted("k_prototype", trim=trim)
    map_ = detector.map_
    usual = naive.usual_units(map_.codebook, map_.hits, trim)
    np.testing.assert_array_equal(detector.of_all_rows.usual, usual)
    assert map_.hits[detector.of_all_rows.usual].sum() >= (1 - trim) * 200 - map_.hits.max()


@pytest.mark.parametrize("share", [0.06, 0.1, 0.2])
@pytest.mark.parametrize("law", ["normal", "lognormal"])
def test_a_common_level_of_a_category_does_not_stand_out(share, law):
    rng = np.random.default_rng(0)
    numbers = getattr(rng, law)(size=(1500, 4))
    is_rare = rng.random(1500) < share
    kind = np.where(is_rare, "rare", rng.choice(["a", "b"], 1500))
    table = pd.DataFrame(numbers, columns=list("wxyz")).assign(kind=kind)
    numbers[1490:, 0] = 12 * numbers[:, 0].std()
    planted = table.assign(w=numbers[:, 0])
    detector = SOMDetector(encoder=TableEncoder(), random_state=0).fit(table)
    assert detector.alerts(table).n_stand_out <= 15
    map_, usual = detector.map_, detector.detector_.of_all_rows.usual
    in_units = map_.winners(table)
    of_units = pd.crosstab(in_units, is_rare).reindex(range(map_.n_units), fill_value=0).to_numpy()
    mostly = of_units[:, 1] > of_units[:, 0]
    n_left_out = of_units[mostly & ~usual].sum()
    assert n_left_out <= 0.2 * of_units[mostly].sum() + of_units.sum(axis=1).max()
    fitted_again = SOMDetector(encoder=TableEncoder(), random_state=0).fit(planted)
    scores = -fitted_again.score_samples(planted)
    assert (scores[1490:] > np.quantile(scores[is_rare], 0.9)).mean() >= 0.8


def test_clean_training_counts_every_prototype_that_won_a_row():
    detector = SOMDetector(training_is_clean=True, random_state=0).fit(rows_of()).detector_
    np.testing.assert_array_equal(detector.of_all_rows.usual, detector.map_.hits > 0)
    assert detector.of_all_rows.n_prototypes == 1
    assert detector.map_.parameters["radius_end"] == 0.4


def test_a_radius_given_is_kept_where_training_is_clean():
    som = SOM(3, 4, radius_end=1.5)
    detector = SOMDetector(training_is_clean=True, som=som, random_state=0).fit(rows_of())
    assert detector.map_.parameters["radius_end"] == 1.5


# Many rows


def test_many_rows_are_drawn_from_and_the_others_calibrate(monkeypatch):
    monkeypatch.setattr("somscape.outliers._train.MAX_TRAINED", 150)
    monkeypatch.setattr("somscape.outliers.relation.MAX_LEARNED", 100)  # fewer, as ever
    X = rows_of(400)
    detector = SOMDetector(contamination=0.05, som=SOM(3, 4), random_state=7).fit(X)
    order = np.random.default_rng(7).permutation(400)
    drawn, held = np.sort(order[:150]), order[150:]
    reach = detector.detector_.of_all_rows.reach
    alone = SOM(3, 4, n_init=1).fit(np.clip(X[drawn], *reach))
    np.testing.assert_array_equal(detector.map_.codebook, alone.map_.codebook)
    scores = -detector.score_samples(X)
    calibration = detector.detector_.calibration.scores
    np.testing.assert_allclose(calibration, np.sort(scores[held]), rtol=1e-14)
    assert detector.map_.hits.sum() == 400
    np.testing.assert_array_equal(detector.units_, alone.predict(X))
    assert (detector.predict(X) == -1).sum() == 20


def test_of_very_many_rows_some_are_drawn_that_tell_how_scores_spread(monkeypatch):
    monkeypatch.setattr(_train, "MAX_TRAINED", 150)
    monkeypatch.setattr(_train, "MAX_TOLD", 300)
    monkeypatch.setattr("somscape.outliers.relation.MAX_LEARNED", 100)  # fewer, as ever
    X = pd.DataFrame(np.random.default_rng(2).normal(size=(1000, 3)), columns=["a", "b", "c"])
    drawn = np.random.default_rng(7).choice(1000, 300, replace=False)
    assert len(np.unique(drawn)) == 300
    told = np.zeros(1000, dtype=bool)
    told[drawn] = True
    seen, made = [], _train.Beyond.of
    monkeypatch.setattr(_train.Beyond, "of", lambda *given: seen.append(given) or made(*given))
    encoder = TableEncoder(numbers=["a", "b", "c"])
    detector = SOMDetector(encoder=encoder, som=SOM(3, 4), random_state=7).fit(X).detector_
    rows = detector.map_.rows_of(X)
    (scores, counts, ends), by_all = seen[0], replace(detector, relation=None).scores(X)
    assert counts is None
    # But for what is beyond all others, which is told by them.
    np.testing.assert_allclose(np.sort(scores)[:280], np.sort(by_all[told])[:280], rtol=1e-12)
    np.testing.assert_array_equal(ends[1, 0], rows.max(axis=0))  # of all rows
    held = np.setdiff1d(np.arange(1000), drawn[:150])
    expected = np.sort(detector.scores(X)[held])
    np.testing.assert_allclose(detector.calibration.scores, expected, rtol=1e-14)


def test_rows_drawn_tell_how_far_rows_lie(monkeypatch):
    X = np.random.default_rng(4).normal(size=(4000, 3))
    monkeypatch.setattr(_train, "MAX_TRAINED", 2000)
    scorer = SOMDetector(som=SOM(3, 4), random_state=7).fit(X).detector_.of_all_rows
    units, codebook = scorer.map_.winners(X), scorer.compared_codebook
    squares = ((scorer.compared(X) - codebook[units]) ** 2).sum(axis=1)
    total, hits = (pooled(scorer.map_, np.bincount(units, w, 12)) for w in (squares, None))
    by_all = np.sqrt(total / hits)
    np.testing.assert_allclose(scorer.rms_distances, by_all, rtol=0.05)
    assert (scorer.rms_distances != by_all).all()


def test_weights_of_drawn_rows_are_theirs(monkeypatch):
    monkeypatch.setattr("somscape.outliers._train.MAX_TRAINED", 150)
    X, weights = rows_of(400), np.arange(400) % 4
    detector = SOMDetector(som=SOM(3, 4), random_state=7).fit(X, sample_weight=weights)
    assert detector.map_.hits.sum() == weights.sum()
    kept = detector.detector_.calibration
    assert len(kept.scores) == len(kept.weights) == 300 - 150


# By hand


@pytest.mark.parametrize(
    "change",
    [
        {"usual": np.zeros(20, dtype=bool)},
        {"usual": np.ones(20)},
        {"usual": np.ones(3, dtype=bool)},
        {"rms_distances": np.full(20, np.nan)},
        {"score": "depth"},
        {"n_prototypes": 0},
    ],
    ids=str,
)
def test_a_scorer_whose_parts_do_not_fit_is_refused(change):
    whole = fitted("k_prototype").of_all_rows
    with rejected(ValueError):
        Scorer(**{**{f.name: getattr(whole, f.name) for f in fields(whole)}, **change})


def test_parts_of_another_type_are_refused_by_name():
    detector = fitted("k_prototype")
    whole = detector.of_all_rows
    for make in (
        lambda: Detector(detector.map_, 1.0, detector.calibration),
        lambda: replace(detector, calibration=None),
        lambda: replace(detector, members=[whole]),
        lambda: replace(whole, map_="m.som"),
        lambda: replace(whole, decorrelation=np.eye(3)),
    ):
        with rejected(TypeError):
            make()
    with rejected(ValueError, parameter="scores"):
        Calibration([1, 2])
    cosine = SOM(4, 5, metric="cosine").fit(rows_of()).map_
    with rejected(ValueError, parameter="map_"):
        replace(whole, map_=cosine)


OTHER_PARTS = {
    "a threshold below 0": lambda d: {"threshold": -1.0},
    "marks of other rows": lambda d: {"marks": Marks.none(1, 0, 5)},
    "a mean below 0": lambda d: {"mean_contributions": np.full(3, -1.0)},
    "few means": lambda d: {"mean_contributions": np.ones(2)},
    "few regions": lambda d: {
        "calibration": Calibration(np.ones(1), None, np.zeros(1, int), np.zeros(2, int))
    },
    "members of another width": lambda d: {
        "members": (fitted("k_prototype", rows_of(d=2)).of_all_rows,)
    },
    "members with another score": lambda d: {
        "members": (replace(d.of_all_rows, score="combined"),)
    },
    "a map as member": lambda d: {"members": (d.map_,)},
}


@pytest.mark.parametrize("name", OTHER_PARTS)
def test_a_detector_whose_parts_do_not_fit_is_refused(name):
    change = OTHER_PARTS[name]
    detector = fitted("k_prototype")
    with rejected(ValueError):
        replace(detector, **change(detector))
