"""Sequential tests: exact p-values, a martingale that rarely errs, and both against slow forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest, norm

from somscape.outliers.drift import (
    ALLOWANCE,
    EXPONENTS,
    Cusum,
    Martingale,
    Ranks,
    chi_square_quantile,
)

P_VALUES = st.lists(st.floats(1e-6, 1), min_size=1, max_size=30)


# Ranks


def bounds(calibration, earlier, score):
    """The least and the largest p-value of a score: every calibration score is an edge."""
    edges = np.sort(calibration)

    def gap(value):
        return np.searchsorted(edges, value, side="right")

    counts = np.ones(len(edges) + 1)
    for value in earlier:
        counts[gap(value)] += 1
    above = counts[gap(score) + 1 :].sum()
    return above / counts.sum(), (above + counts[gap(score)]) / counts.sum()


@given(st.integers(0, 10_000))
def test_p_values_lie_between_those_of_a_polya_urn(seed):
    rng = np.random.default_rng(seed)
    calibration, stream = np.sort(rng.normal(size=rng.integers(1, 10))), rng.normal(size=25)
    ranks = Ranks.among(calibration, None, rng)
    found = np.concatenate([ranks.p_values(stream[:7]), ranks.p_values(stream[7:])])
    assert len(found) == 25
    for i, p in enumerate(found):
        low, high = bounds(calibration, stream[:i], stream[i])
        assert low < p <= high


def test_p_values_of_a_stream_are_uniform_and_independent():
    # Few calibration rows and a long stream: compared with the calibration alone, the mean of the
    # p-values of a stream would be off by up to 0.1.
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        ranks = Ranks.among(np.sort(rng.normal(size=12)), None, rng)
        found.append(ranks.p_values(rng.normal(size=300)))
    p = np.array(found)
    assert kstest(p.ravel(), "uniform").pvalue > 0.01
    for column in (0, 1, -1):
        assert kstest(p[:, column], "uniform").pvalue > 0.01
    # Means of 300 independent uniform numbers.
    assert kstest(p.mean(axis=1), norm(0.5, np.sqrt(1 / 12 / 300)).cdf).pvalue > 0.01
    fixed = np.searchsorted(np.sort(rng.normal(size=12)), rng.normal(size=3000)) / 12
    assert abs(fixed.mean() - 0.5) > 0.01


def test_high_scores_are_told_apart_and_lower_ones_by_a_tenth():
    ranks = Ranks.among(np.arange(1000.0), None, np.random.default_rng(0))
    assert ranks.edges[-9:].tolist() == list(range(991, 1000))
    assert ranks.counts.sum() == 1001
    shares = ranks.counts[::-1][9:-1] / np.cumsum(ranks.counts[::-1])[9:-1]
    assert shares.max() < 0.13
    assert len(ranks.edges) < 70


def test_weights_count_as_copies():
    rng = np.random.default_rng(0)
    scores = np.sort(rng.normal(size=40))
    weighted = Ranks.among(scores, np.full(40, 3.0), rng)
    assert weighted.counts.sum() == 121
    top = Ranks.among(scores, np.where(np.arange(40) == 39, 5.0, 1.0), rng)
    assert top.counts[-1] == 5


# The martingale


def capital(p):
    """By its definition: a sum over all rows at which a part was staked, and all bets."""
    total = 1 / (len(p) + 1)
    for t in range(len(p)):
        stake = 1 / ((t + 1) * (t + 2)) / len(EXPONENTS)
        total += sum(stake * np.prod([e * v ** (e - 1) for v in p[t:]]) for e in EXPONENTS)
    return total


@given(P_VALUES, st.integers(0, 30))
def test_capital_is_what_the_bets_have_made_in_any_pieces(p, cut):
    martingale = Martingale()
    logs = [martingale.update(np.array(part)) for part in (p[:cut], p[cut:]) if part]
    expected = [np.log(capital(p[: n + 1])) for n in range(len(p))]
    np.testing.assert_allclose(np.concatenate(logs), expected, rtol=1e-9, atol=1e-9)


def test_capital_is_a_fair_game():
    # The mean over a fine grid of the next p-value is what there was: int e p^(e-1) dp = 1, of
    # which the grid misses the part below its first point.
    before = np.array([0.3, 0.02, 0.6])
    grid = np.linspace(0, 1, 4001)[1:] - 1 / 8000
    after = np.mean([capital([*before, v]) for v in grid])
    assert after == pytest.approx(capital(before), rel=0.03)


@pytest.mark.rest
def test_false_alarms_are_no_more_than_villes_inequality_allows():
    # 400 streams of 4,000 rows against 30 calibration rows, at a limit of 10: at most a tenth, give
    # or take three standard errors of 0.015.
    rng = np.random.default_rng(1)
    n_alarms = 0
    for _ in range(400):
        ranks = Ranks.among(np.sort(rng.exponential(size=30)), None, rng)
        logs = Martingale().update(ranks.p_values(rng.exponential(size=4000)))
        n_alarms += logs.max() >= np.log(10)
    assert n_alarms / 400 <= 0.1 + 3 * 0.015


@pytest.mark.parametrize("n_before", [0, 500, 20_000])
def test_a_change_is_found_however_late_it_comes(n_before):
    rng = np.random.default_rng(0)
    delays = []
    for _ in range(20):
        p = 1 - rng.random(n_before + 1000)
        p[n_before:] **= 2  # half of them below 0.25
        logs = Martingale().update(p)
        delays.append(np.flatnonzero(logs[n_before:] >= np.log(100))[0])
    assert np.median(delays) < 120


# The cumulative sum


@given(P_VALUES, st.integers(0, 30))
def test_sums_are_those_of_the_recursion_in_any_pieces(p, cut):
    cusum = Cusum(0.01)
    found = [cusum.update(np.array(part)) for part in (p[:cut], p[cut:]) if part]
    total, expected = 0.0, []
    for value in p:
        step = -norm.ppf(np.clip(value, 1e-12, 1 - 1e-12)) - ALLOWANCE
        total = max(0.0, total + step)
        expected.append(total)
    np.testing.assert_allclose(np.concatenate([s for s, _ in found]), expected, atol=1e-9)
    limits = np.concatenate([limit for _, limit in found])
    assert (np.diff(limits) > 0).all()


def test_sums_seldom_pass_their_limit_by_chance():
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(300):
        sums, limits = Cusum(0.1).update(1 - rng.random(1500))
        passed += (sums > limits).any()
    assert passed / 300 <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 300)


@pytest.mark.parametrize("n", [1, 2, 5, 30, 200])
@pytest.mark.parametrize(("level", "rel"), [(0.9, 0.03), (0.99, 0.02), (1 - 1e-6, 0.16)])
def test_quantiles_of_a_chi_square_are_near(n, level, rel):
    assert chi_square_quantile(level, n) == pytest.approx(chi2.ppf(level, n), rel=rel)
