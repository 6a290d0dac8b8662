"""P-values in the tail of the calibration scores."""

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import expon, genpareto

from somscape.outliers.calibration import _ComparedRows, _fit_moments, tail_of

DRAWN = {
    "normal": lambda rng, size: np.abs(rng.normal(size=size)),
    "cauchy": lambda rng, size: np.abs(rng.standard_cauchy(size)) ** 3,
    "whole": lambda rng, size: rng.integers(0, 5, size).astype(float),
    "two": lambda rng, size: rng.choice([1.0, 1e9], size, p=[0.97, 0.03]),
    "bounded": lambda rng, size: rng.uniform(size=size),
}


def tail_shares(calibration, weights, scores):
    tail = tail_of(calibration, weights)
    return np.ones(len(scores)) if tail is None else tail.shares(scores)


def p_values_among(calibration, weights, scores, *, by_bulk):
    return _ComparedRows(calibration, weights, by_bulk).p_values(scores)


def ones(values):
    return np.ones(len(values))


def conformal(calibration, scores):
    counts = (calibration[None, :] >= scores[:, None]).sum(axis=1)
    return (1 + counts) / (len(calibration) + 1)


def test_moments_by_hand():
    # Excesses 1, 2, 6: mean 3; moment (1 * 2 + 2 * 1 + 6 * 0) / 2 / 3 = 2/3; spread 3 - 4/3 = 5/3;
    # shape 2 - 9/5 = 1/5; scale 3 * 4/5.
    shape, scale = _fit_moments(np.array([1.0, 2.0, 6.0]), np.ones(3))
    assert (shape, scale) == (pytest.approx(0.2), pytest.approx(2.4))


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.2])
def test_a_tail_is_that_of_its_law(shape):
    law = genpareto(shape, scale=3.0)
    calibration = np.sort(law.rvs(200_000, random_state=0))
    scores = law.isf([0.01, 1e-3, 1e-4])
    shares = tail_shares(calibration, ones(calibration), scores)
    np.testing.assert_allclose(shares[:1], 0.01, rtol=0.05)
    np.testing.assert_allclose(shares[1:], [1e-3, 1e-4], rtol=0.25)


def test_below_the_tail_and_for_few_rows_it_says_nothing():
    calibration = np.sort(expon().rvs(1000, random_state=0))
    start = calibration[949]  # 50 rows lie above
    assert tail_shares(calibration, ones(calibration), np.array([0.0, start])).tolist() == [1, 1]
    assert tail_shares(calibration, ones(calibration), np.array([start + 0.01]))[0] < 51 / 1001
    few = calibration[::11]
    assert len(few) == 91
    assert tail_shares(few, ones(few), np.array([1e3]))[0] == 1
    equal = np.ones(500)
    assert tail_shares(equal, ones(equal), np.array([2.0]))[0] == 1
    assert tail_shares(np.empty(0), np.empty(0), np.array([2.0]))[0] == 1


def test_a_weight_is_the_row_so_often():
    rng = np.random.default_rng(0)
    calibration, weights = np.sort(rng.exponential(size=300)), rng.integers(1, 4, 300)
    scores = np.linspace(0, 20, 40)
    repeated = calibration.repeat(weights)
    np.testing.assert_allclose(
        tail_shares(calibration, weights.astype(float), scores),
        tail_shares(repeated, ones(repeated), scores),
        rtol=1e-9,
    )


@given(
    st.integers(0, 10_000),
    st.integers(0, 400),
    st.sampled_from(["normal", "cauchy", "whole", "two", "bounded"]),
)
def test_p_values_are_no_less_than_a_quarter_of_the_conformal_ones(seed, n, kind):
    rng = np.random.default_rng(seed)
    draw = DRAWN[kind]
    calibration = np.sort(draw(rng, n))
    scores = np.sort(np.concatenate([draw(rng, 50), [0.0, 1e12], calibration[:5]]))
    p = p_values_among(calibration, ones(calibration), scores, by_bulk=False)
    exact = conformal(calibration, scores)
    assert (p >= exact / 4 * (1 - 1e-12)).all()
    assert (p <= exact * (1 + 1e-12)).all()
    assert (np.diff(p) <= 1e-15).all()  # a higher score has no higher p-value


@pytest.mark.parametrize("is_clean", [True, False])
def test_p_values_do_not_depend_on_the_unit_of_the_score(is_clean):
    rng = np.random.default_rng(0)
    calibration, scores = np.sort(rng.gamma(3, size=500)), rng.gamma(4, size=100) * 2
    p = p_values_among(calibration, ones(calibration), scores, by_bulk=not is_clean)
    np.testing.assert_allclose(
        p_values_among(1e-9 * calibration, ones(calibration), 1e-9 * scores, by_bulk=not is_clean),
        p,
        rtol=1e-9,
    )
    assert p.min() < 0.9 / 501  # among the farthest it tells more than ranks do


@pytest.mark.parametrize("shape", ["heavy", "exponential", "bounded"])
@pytest.mark.parametrize("unit", [1e-310, 1e-322])
@pytest.mark.parametrize(("is_clean", "part"), [(True, 0.25), (False, 0.01)])
def test_calibration_next_to_zero_tells_as_much_without_a_warning(shape, unit, is_clean, part):
    at = (np.arange(500) + 0.5) / 500
    drawn = {"heavy": (1 - at) ** -0.5, "exponential": -np.log1p(-at), "bounded": at}[shape]
    calibration = unit * np.sort(drawn)
    p = p_values_among(
        calibration, ones(calibration), np.array([0.0, 1.0, 1e300]), by_bulk=not is_clean
    )
    np.testing.assert_allclose(p, [1, part / 501, part / 501], rtol=1e-3)


@given(
    st.integers(0, 10_000),
    st.integers(0, 400),
    st.sampled_from(["normal", "cauchy", "whole", "two", "bounded"]),
)
def test_estimated_p_values_fall_with_the_score_and_are_no_more_than_the_conformal(seed, n, kind):
    rng = np.random.default_rng(seed)
    draw = DRAWN[kind]
    calibration = np.sort(draw(rng, n))
    scores = np.sort(np.concatenate([draw(rng, 50), [0.0, 1e12], calibration[:5]]))
    p = p_values_among(calibration, ones(calibration), scores, by_bulk=True)
    exact = conformal(calibration, scores)
    assert (p <= exact * (1 + 1e-12)).all()
    assert (p >= 0.01 / (n + 1) * (1 - 1e-12)).all()
    assert (np.diff(p) <= 1e-15).all()
    if n < 50:
        np.testing.assert_array_equal(p, exact)
    np.testing.assert_allclose(p, naive.estimated_p(scores, calibration), rtol=1e-6, atol=1e-15)


def test_p_values_of_the_same_population_are_rarely_small():
    rng = np.random.default_rng(0)
    small = []
    for _ in range(400):
        calibration = np.sort(rng.standard_t(5, size=200) ** 2)
        new = rng.standard_t(5, size=500) ** 2
        p = p_values_among(calibration, ones(calibration), new, by_bulk=False)
        small.append([(p <= level).mean() for level in (0.002, 0.005, 0.01, 0.05)])
    assert (np.mean(small, axis=0) <= [0.003, 0.0066, 0.0125, 0.053]).all()
