"""Groups that touch are separate regions.  Bent groups and noise stay whole."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.metrics import adjusted_rand_score

from somscape import SOM, load, regions
from somscape.errors import InputError, SomscapeWarning
from somscape.maps._joins import KeptRows
from somscape.maps._normals import (
    NormalLaws,
    UnitMoments,
    along_line,
    fit_laws,
    law_shape,
    main_directions,
    partitions,
    spread_flags,
)


def pair(n, apart, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n // 2)
    return rng.normal(size=(n, 2)) + np.outer(y, [apart, 0]), y


@pytest.mark.parametrize("seed", range(3))
def test_two_overlapping_groups_are_found_almost_as_well_as_by_their_law(seed):
    X, y = pair(1000, 3.2, seed)
    best = adjusted_rand_score(y, X[:, 0] > 1.6)  # the best assignment by the true law
    found = regions.find_regions(SOM(random_state=0).fit(X))
    assert found.n_regions == 2
    assert adjusted_rand_score(y, found.of(X)) > 0.9 * best


def test_a_ring_and_a_group_with_heavy_tails_stay_whole():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 800)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.9, 1.1, (800, 1))
    for X in (ring, rng.standard_t(3, (800, 2)), rng.lognormal(size=(800, 2))):
        assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 1


@pytest.mark.parametrize(("share", "n", "d"), [(0.25, 200, 5), (0.5, 200, 5), (0.5, 300, 2)])
def test_an_arc_stays_whole(share, n, d):
    for seed in range(100, 106):
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi * share, n)
        X = rng.normal(size=(n, d)) * 0.05
        X[:, :2] += np.column_stack([np.cos(angle), np.sin(angle)])
        assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 1


def test_straight_groups_end_to_end_are_separate():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2)) * [1, 0.3] + np.outer(np.repeat([0, 1], 300), [3.6, 0])
    X @= [[1, 1], [-1, 1]]
    assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 2


@pytest.mark.parametrize("seed", range(4))
def test_two_slim_groups_that_meet_at_a_right_angle_are_separate(seed):
    rng = np.random.default_rng(seed)
    wide, high = rng.normal(size=(300, 2)) * [2, 0.3], rng.normal(size=(300, 2)) * [0.3, 2]
    X = np.concatenate([wide, high + 4.2])
    assert regions.find_regions(SOM(random_state=0).fit(X)).n_regions == 2


def evenly(n, k, d, seed):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(k), n)
    X = rng.normal(size=(k * n, d))
    X *= rng.random((k * n, 1)) ** (1 / d) / np.linalg.norm(X, axis=1, keepdims=True)
    X[:, 0] += 2.04 * y
    return X, y


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_balls_with_sharp_edges_that_touch_are_found_and_one_such_ball_stays_whole(d, seed):
    X, y = evenly(300, 3, d, seed)
    found = regions.find_regions(SOM(random_state=0).fit(X))
    assert found.n_regions == 3
    assert adjusted_rand_score(y, found.of(X)) > 0.95
    one, _ = evenly(900, 1, d, seed)
    assert regions.find_regions(SOM(random_state=0).fit(one)).n_regions == 1


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_laws_of_each_power_have_total_one_and_covariance_one(power, d):
    factor, integral = law_shape(d, power)

    def moment(k):  # the sphere with radius r has the area s r^(d - 1)
        return quad(lambda r: r ** (d - 1 + k) * np.exp(-((factor * r * r) ** power) / 2), 0, 30)[0]

    area = {1: 2, 2: 2 * np.pi, 5: 8 * np.pi**2 / 3}[d]
    assert area * moment(0) == pytest.approx(np.exp(integral))
    assert moment(2) / moment(0) == pytest.approx(d)


def test_each_number_gives_as_many_regions_with_rows():
    X, _ = pair(60, 4.0)
    with pytest.warns(SomscapeWarning, match="120 units for 60 rows"):
        map_ = SOM(10, 12, random_state=0).fit(X).map_
    n_full = int((map_.hits > 0).sum())
    assert n_full < map_.n_units
    for n in range(1, n_full + 1):
        found = regions.find_regions(map_, n)
        assert found.n_regions == len(np.unique(found.of(X))) == n
    with pytest.raises(InputError, match=f"from 1 to {n_full}, the number of units that contain"):
        regions.find_regions(map_, n_full + 1)


def test_stability_tests_the_number_that_was_asked_for():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2)) + np.repeat([[0, 0], [9, 0], [9, 9]], 200, axis=0)
    map_ = SOM(random_state=0).fit(X).map_
    automatic = regions.stability(regions.find_regions(map_), n_samples=4)
    assert automatic.numbers.tolist() == [3] * 4
    one = regions.stability(regions.find_regions(map_, 1), n_samples=4)
    assert one.of_regions.tolist() == [1.0]  # every sample is cut into one region, too
    two = regions.stability(regions.find_regions(map_, 2), n_samples=4)
    assert two.numbers.tolist() == [3] * 4
    assert len(two.of_regions) == 2


def test_regions_explain_their_divisions(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 2)) + np.repeat([[0, 0], [3.4, 0], [20, 0]], 300, axis=0)
    map_ = SOM(random_state=0).fit(X).map_
    found = regions.find_regions(map_)
    touching = np.unique(found.of(X[:600])).tolist()
    gap, touch = found.explain()  # the gap is stronger evidence than the fall between two laws
    assert "density" in gap
    assert "shape" in touch
    assert regions.find_regions(map_, 1).explain() == []
    assert "number given" in regions.find_regions(map_, 4).explain()[-1]
    map_.save(tmp_path / "a.som")
    assert regions.find_regions(load(tmp_path / "a.som")).explain() == [gap, touch]
    changed = regions.join(found, touching)
    moved = replace(changed, labels=np.roll(changed.labels, 5))
    assert len(moved.explain()) == 1
    assert len(replace(found, map_=replace(map_, told=None)).explain()) == 1


def test_a_small_group_beside_a_large_group_does_not_hide_another_large_group():
    rng = np.random.default_rng(902)
    y = np.repeat([0, 1, 2], [200, 200, 25])
    X = np.array([[0, 0, 0, 0], [3.6, 0, 0, 0], [1.8, 3.2, 0, 0]])[y] + rng.normal(size=(425, 4))
    found = regions.find_regions(SOM(random_state=0).fit(X)).of(X)
    assert adjusted_rand_score(y[:400], found[:400]) > 0.7


def test_independent_categories_are_no_groups_and_dependent_categories_are():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 300)
    for dependent in (False, True):
        levels = rng.integers(0, 3, (900, 4))
        if dependent:
            levels = np.where(rng.random((900, 4)) < 0.8, y[:, None], levels)
        X = np.hstack([np.eye(3)[levels].reshape(900, 12), rng.normal(size=(900, 1))])
        found = regions.find_regions(SOM(random_state=0).fit(X))
        assert found.n_regions == (3 if dependent else 1)
    assert adjusted_rand_score(y, found.of(X)) > 0.8


def test_noise_in_flags_has_their_width_and_ignores_the_order_of_rows():
    rng = np.random.default_rng(0)
    flags = (rng.random((5000, 3)) < [0.5, 0.2, 0.5]).astype(float)
    rows = np.hstack([flags, rng.normal(size=(5000, 1))])
    spread = spread_flags(KeptRows(rows, np.ones(5000))).rows
    noise = (spread - rows).std(axis=0)
    # The standard deviation of a flag with share p is the root of p (1 - p).
    np.testing.assert_allclose(noise[:3], 0.9 * np.sqrt([0.25, 0.16, 0.25]), rtol=0.05)
    assert noise[3] == 0
    order = rng.permutation(5000)
    again = spread_flags(KeptRows(rows[order], np.ones(5000))).rows
    assert np.array_equal(again, spread[order])
    alone = KeptRows(rows[:, [0, 3]], np.ones(5000))  # one flag has only two combinations
    assert spread_flags(alone) is alone


def test_blocks_have_the_moments_of_their_rows():
    rng = np.random.default_rng(0)
    X, unit = rng.normal(size=(50, 3)), np.arange(50) % 5
    counts, means, squares, _ = UnitMoments(X, unit, np.ones(50)).moments(np.ones((5, 1)))
    np.testing.assert_allclose(counts, [50])
    np.testing.assert_allclose(means[0], X.mean(axis=0))
    np.testing.assert_allclose(squares[0] / 50, np.cov(X.T, ddof=0))


def test_laws_find_means_and_the_saddle_between_two_groups():
    X, _ = pair(4000, 6.0)
    unit = np.unique(np.floor(X * 2) @ [1, 1000], return_inverse=True)[1]
    blocks = UnitMoments(X, unit, np.ones(len(X)))
    laws, shares = fit_laws(blocks, np.eye(2)[(blocks.means[:, 0] > 3).astype(int)], 12)
    assert isinstance(laws, NormalLaws)
    assert (shares.sum(axis=1) < 1).all()  # the rest of each row can be anywhere
    np.testing.assert_allclose(blocks.counts @ shares, [2000, 2000], rtol=0.02)
    np.testing.assert_allclose(laws.means, [[0, 0], [6, 0]], atol=0.15)
    tops, lowest = laws.saddles()
    # In the middle, each law has exp(-3 ** 2 / 2) of its height, and there are two laws.
    assert lowest[0, 1] - tops.min() == pytest.approx(np.log(2) - 4.5, abs=0.3)
    assert sorted(partitions(blocks, np.arange(len(blocks.counts)) % 4)[0]) == [1, 2, 3, 4]


def test_rows_are_placed_along_the_line_between_two_groups():
    X, y = pair(2000, 5.0)
    far, weights, unit = along_line((X[y == 0], X[y == 1]), (np.ones(1000), np.ones(1000)))
    assert sum(map(len, weights)) == 2000
    # Fisher's line is the difference of the means times the inverse variance, which is 1.
    np.testing.assert_allclose([each.mean() for each in far], [12.5, 12.5], rtol=0.1)
    assert unit == pytest.approx(0.6 * 5, rel=0.15)
    assert along_line((X[:4], X[4:9]), (np.ones(4), np.ones(5))) is None


def test_main_directions_are_those_of_a_singular_value_decomposition():
    rng = np.random.default_rng(0)
    for n, d in ((200, 30), (40, 90)):
        X = rng.normal(size=(n, d)) * np.geomspace(9, 1, d)
        short = main_directions(X, np.ones(n))
        values = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[: short.shape[1]]
        np.testing.assert_allclose(np.linalg.norm(short, axis=0)[::-1], values, rtol=1e-6)
