"""P-values by region of the map: as many false alarms in a wide group as in a dense one."""

from dataclasses import replace

import naive
import numpy as np
import pytest
from scipy.stats import kstest
from texts import rejected

from somscape import SOM, SOMDetector, load
from somscape.outliers import Calibration
from somscape.outliers.calibration import adjusted, usual_share


def two_groups(rng, n):
    """As many rows around 0 as around 100, which spread ten times as far."""
    is_wide = np.arange(n) % 2 == 1
    X = rng.normal(size=(n, 3)) * np.where(is_wide, 10.0, 1.0)[:, None]
    X[:, 0] += 100 * is_wide
    return X, is_wide


def regional(X, **options):
    defaults = {"som": SOM(10, 12), "random_state": 0, "calibration": "regional"}
    return SOMDetector(**defaults | options).fit(X)


def hand_made():
    """Units at 0 and 10, a region each, calibrated with the scores 1, 3 and 10, 20, 30."""
    return Calibration(
        np.array([1.0, 3.0, 10.0, 20.0, 30.0]),
        units=np.array([0, 0, 1, 1, 1]),
        regions=np.array([0, 1]),
    )


def test_p_values_by_hand():
    # In region 0, of 1 and 3: at least 2 is one, (1 + 1) / 3; at least 9 none, 1 / 3.  In region 1,
    # of 10, 20 and 30: at least 9 all, 4 / 4; at least 15 two, 3 / 4.
    p = hand_made().p_values(np.array([2.0, 9, 9, 15]), np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(p, [2 / 3, 1 / 3, 1, 3 / 4], rtol=1e-15)


def test_weights_count_within_a_region():
    weighted = replace(hand_made(), weights=np.array([1.0, 1, 1, 5, 1]))
    p = weighted.p_values(np.array([2.0, 15]), np.array([0, 1]))
    np.testing.assert_allclose(p, [2 / 3, 7 / 8], rtol=1e-15)


@pytest.mark.parametrize("seed", range(2))
def test_p_values_are_uniform_in_each_region_and_global_ones_are_not(seed):
    rng = np.random.default_rng(seed)
    X, _ = two_groups(rng, 2000)
    new, is_wide = two_groups(rng, 8000)
    # With four maps, a row that calibrates is scored by two of them.  Their mean spreads more than
    # that of all maps, so that p-values in the middle are smaller.
    detector = regional(X, n_maps=8)
    p, regions = detector.p_values(new), detector.detector_.calibration.regions
    counts = np.bincount(regions[detector.detector_.calibration.units])
    assert len(counts) > 3
    assert (counts >= 200).all()
    found = regions[detector.map_.winners(new)]
    for region, n in enumerate(counts):
        of_region = p[found == region]
        # Two samples, at a chance of 0.001; cross-fitting may make p-values larger, not smaller.
        limit = 1.95 * np.sqrt(1 / n + 1 / len(of_region))
        assert kstest(of_region, "uniform", alternative="greater").statistic < limit
        assert kstest(of_region, "uniform", alternative="less").statistic < limit + 0.05
    # As many false alarms among wide rows as among dense ones; globally wide rows have all of them.
    for p_values in (p, regional(X).p_values(new)):
        shares = [(p_values[group] <= 0.05).mean() for group in (is_wide, ~is_wide)]
        assert np.abs(np.array(shares) - 0.05).max() < 0.025
    whole = regional(X, calibration="global").detector_
    over_all = whole.p_values(new)
    assert (over_all[is_wide] <= 0.05).mean() > 0.08
    assert (over_all[~is_wide] <= 0.05).mean() < 0.005  # those that break a relation
    alone = replace(whole, relation=None).p_values(new[~is_wide])
    assert (alone <= 0.05).mean() == 0
    assert kstest(over_all[~is_wide], "uniform").statistic > 0.3


def test_few_rows_make_one_region_whose_p_values_are_the_global_ones():
    X, _ = two_groups(np.random.default_rng(0), 150)
    detector = regional(X, som=SOM(4, 5))
    assert detector.detector_.calibration.regions.max() == 0
    expected = regional(X, som=SOM(4, 5), calibration="global")
    np.testing.assert_array_equal(detector.p_values(X), expected.p_values(X))
    np.testing.assert_array_equal(detector.predict(X), expected.predict(X))


def test_estimates_are_those_of_the_region_alone():
    X, _ = two_groups(np.random.default_rng(0), 2000)
    detector = regional(X)
    calibration = detector.detector_.calibration
    new, _ = two_groups(np.random.default_rng(1), 400)
    new[:20] *= 3
    p, scores = detector.p_values(new), -detector.score_samples(new)
    regions = calibration.regions[detector.map_.winners(new)]
    for region in np.unique(regions):
        of_region = calibration.scores[calibration.regions[calibration.units] == region]
        here = regions == region
        expected = naive.estimated_p(scores[here], of_region, calibration.relations)
        np.testing.assert_allclose(p[here], expected, rtol=1e-9)
        assert (p[here] <= naive.conformal_p(scores[here], of_region)).all()


@pytest.mark.parametrize(("is_clean", "too_small"), [(True, 1e-4), (False, 1e-6)])
def test_rules_about_p_values_take_rows_by_those(is_clean, too_small):
    rng = np.random.default_rng(0)
    X, is_wide = two_groups(rng, 2000)
    X[0] = [7, 7, 7]  # far out for a dense row, and nothing for a wide one
    detector = regional(X, training_is_clean=is_clean)
    p = detector.p_values(X)
    by_p = detector.alerts(X, p_value=0.01)
    assert set(by_p.rows[: by_p.n_alerts]) == set(np.flatnonzero(p <= 0.01))
    assert 0 in by_p.rows[: by_p.n_alerts]
    assert (np.diff(by_p.p_values) >= 0).all()
    assert is_wide[by_p.rows[: by_p.n_alerts]].mean() < 0.9
    by_fdr = detector.alerts(X, fdr=0.9)
    assert set(by_fdr.rows[: by_fdr.n_alerts]) == set(
        np.flatnonzero(adjusted(p) * usual_share(p) <= 0.9)
    )
    by_default, stand_out = detector.alerts(X), adjusted(p) * usual_share(p) <= 0.2
    assert by_default.n_alerts == max(10, min(stand_out.sum(), 50))
    assert (np.diff(by_default.p_values) >= 0).all()
    np.testing.assert_array_equal(by_default.stands_out, stand_out[by_default.rows])
    by_score = detector.alerts(X, 20)
    assert (np.diff(by_score.scores) <= 0).all()
    np.testing.assert_array_equal(by_score.p_values, p[by_score.rows])
    with rejected(parameter="p_value"):
        detector.alerts(X, p_value=too_small)


def test_it_is_saved_with_the_map(tmp_path):
    X, _ = two_groups(np.random.default_rng(0), 1000)
    detector = regional(X)
    detector.detector_.save(tmp_path / "d.som")
    back = load(tmp_path / "d.som")
    np.testing.assert_array_equal(back.scores(X), -detector.score_samples(X))
    np.testing.assert_array_equal(back.p_values(X), detector.p_values(X))
    np.testing.assert_array_equal(back.alerts(X, 5).p_values, detector.alerts(X, 5).p_values)


def test_a_stream_keeps_its_regions():
    rng = np.random.default_rng(0)
    detector = SOMDetector(som=SOM(10, 12), random_state=0, calibration="regional")
    for _ in range(4):
        detector.partial_fit(two_groups(rng, 1000)[0])
    assert len(detector.detector_.calibration.units) == 4000
    new, is_wide = two_groups(rng, 4000)
    p = detector.p_values(new)
    for group in (is_wide, ~is_wide):
        assert abs((p[group] <= 0.05).mean() - 0.05) < 0.025
    ((_, streamed),) = detector.score_stream([new])
    np.testing.assert_array_equal(streamed, p)


def test_known_anomalies_and_drawn_rows_are_in_no_region():
    rng = np.random.default_rng(0)
    X, _ = two_groups(rng, 900)
    y = np.where(np.arange(900) < 30, 1, -1)
    detector = SOMDetector(som=SOM(6, 6), random_state=0, calibration="regional").fit(X, known=y)
    assert len(detector.detector_.calibration.units) == 870
    many = SOMDetector(som=SOM(3, 3, n_epochs=2), random_state=0, calibration="regional")
    many.fit(two_groups(rng, 20_500)[0])
    calibration = many.detector_.calibration
    assert len(calibration.units) == 500
    assert (np.bincount(calibration.regions[calibration.units]) >= 200).all()


@pytest.mark.parametrize(
    "change",
    [
        {"regions": None},
        {"units": None},
        {"regions": np.array([0.0, 1.0])},
        {"regions": np.array([0, -1])},
        {"units": np.array([0, 0, 1])},
        {"units": np.array([0, 0, 1, 1, 2])},
    ],
    ids=str,
)
def test_regions_that_do_not_fit_are_refused(change):
    with rejected(ValueError, parameter="regions"):
        replace(hand_made(), **change)


def test_another_calibration_is_refused():
    with rejected(ValueError, parameter="calibration", value="local"):
        SOMDetector(calibration="local").fit([[0.0], [1.0]])
