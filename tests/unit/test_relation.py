"""Broken relations between columns: formulas, learning, reasons, files, and hostile tables."""

import math
from dataclasses import replace

import naive
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.metrics import average_precision_score
from sklearn.mixture import GaussianMixture

from somscape import SOMDetector, TableEncoder, load
from somscape.outliers import relation as module
from somscape.tables import table_from_columns

LAW = np.array([[1.0, 0.5, -0.3], [0.5, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def sums(n=400, seed=0, noise=0.0):
    """Rows whose third column is the sum of the first two."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return np.column_stack([X, X.sum(axis=1) + noise * rng.normal(size=n)])


def broken(X, row=5, column=2, by=1.0):
    X = X.copy()
    X[row, column] += by
    return X


def relation_of(X, **options):
    return SOMDetector(random_state=0, **options).fit(X).detector_.relation


def of_law(means, covariances, shares=(1.0,), targets=(0, 1, 2)):
    """A relation whose components are given."""
    n, targets = len(LAW), np.array(targets)
    mixture = module._Mixture.of(np.array(shares), means, covariances, targets)
    none = np.zeros((2, n))
    return mixture, module._Scale(np.arange(n), targets, none, none, np.zeros(n), np.ones(n))


# The formulas


def test_residuals_are_those_of_the_conditional_distribution():
    # Anderson (2003), section 2.5: E[x_j | others] and var(x_j | others) of a normal distribution.
    mixture, scale = of_law(np.zeros((1, 3)), LAW[None])
    relation = scale.relation(mixture)
    row = np.array([[1.0, -0.5, 2.0]])
    found = mixture.residuals(row, np.zeros(1, dtype=int))[0]
    for j in range(3):
        others = [i for i in range(3) if i != j]
        weights = np.linalg.solve(LAW[np.ix_(others, others)], LAW[others, j])
        variance = LAW[j, j] - LAW[j, others] @ weights
        expected = (row[0, j] - row[0, others] @ weights) / math.sqrt(variance)
        assert found[j] == pytest.approx(expected, rel=1e-4)
        assert relation.scales[0, j] == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize(("correlation", "is_implied"), [(0.55, False), (0.65, True)])
def test_a_value_is_implied_if_its_deviation_is_at_most_four_fifths_of_all(correlation, is_implied):
    # The deviation of a residual is sqrt(1 - correlation**2): 0.835 or 0.76.
    law = np.array([[1.0, correlation], [correlation, 1.0]])
    mixture = module._Mixture.of(np.ones(1), np.zeros((1, 2)), law[None], np.arange(2))
    none = np.zeros((2, 2))
    scale = module._Scale(np.arange(2), np.arange(2), none, none, np.zeros(2), np.ones(2))
    implied = scale.relation(mixture).implied(np.array([[2.0, -2.0]]))[1]
    assert np.isfinite(implied)[0] == is_implied


def test_a_level_with_few_rows_hardly_changes_what_is_implied():
    # A regression with 5 more rows at the highest value of z, in which x does not change: the
    # increase is the sum of x z, divided by the sum of z squared plus 5 times the highest square.
    z = np.zeros(100)
    z[:3] = 1.0
    scaled = np.column_stack([4.0 * z, z - z.mean()])
    scaled[:, 0] -= scaled[:, 0].mean()
    found = module._maximized(scaled, np.ones((100, 1)), np.array([0]))
    slope = -found.precisions[0, 0, 1] / found.precisions[0, 0, 0]
    sums = scaled[:, 1] @ scaled, 5 * 0.97**2 + 0.01 * 2 * 2 / 100 * (z.var())
    assert slope == pytest.approx(sums[0][0] / (sums[0][1] + sums[1]), rel=1e-6)
    assert slope < 4 * 3 / (3 + 5) + 0.1


def test_components_with_fewer_rows_than_may_be_unusual_are_left_out():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(970, 3)), 8 + 0.1 * rng.normal(size=(30, 3))])
    labels = np.repeat([0, 1], [970, 30])
    found = [module._fitted(X, np.ones(1000), labels, np.arange(3), trim) for trim in (0, 0.05)]
    assert [len(one.means) for one in found] == [2, 1]


def test_halves_of_the_rows_agree_before_components_are_added():
    # Two normal distributions that overlap so much that a half of the rows hardly gains from them.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3)) + 0.8 * rng.integers(0, 2, (1000, 1)) * [1, 1, 1]
    assert len(relation_of(X).heights) == 1


def test_rows_are_compared_with_relations_that_were_learned_without_them():
    X = np.random.default_rng(0).normal(size=(200, 30))
    map_ = SOMDetector(random_state=0).fit(X).detector_.map_
    rows = map_.rows_of(X)
    found = module.learned_from(rows, None, map_, np.arange(200), is_clean=False, seed=0)
    own = found.relation._found(rows[found.which])[0]
    # With few rows, relations that were learned from a row fit this row too well.
    assert found.left_out.mean() > own.mean()


def test_the_component_is_the_likeliest_one():
    means = np.array([[0.0, 0, 0], [3.0, 0, 0]])
    covariances = np.stack([LAW, 2.0 * np.eye(3)])
    rows = np.random.default_rng(0).normal(size=(50, 3)) * 2 + [1.0, 0, 0]
    expected = [
        np.log(share) + multivariate_normal(mean, covariance).logpdf(rows)
        for share, mean, covariance in zip((0.7, 0.3), means, covariances, strict=True)
    ]
    mixture, scale = of_law(means, covariances, (0.7, 0.3))
    np.testing.assert_allclose(mixture.logs(rows), np.transpose(expected), rtol=1e-9)
    found = scale.relation(mixture)._best(scale.scaled(rows))
    np.testing.assert_array_equal(found, np.argmax(expected, axis=0))
    # With a third feature that is given, the likelihood is p(all) / p(third).
    mixture, _ = of_law(means, covariances, (0.7, 0.3), targets=(0, 1))
    given = [
        multivariate_normal(mean[2], covariance[2, 2]).logpdf(rows[:, 2])
        for mean, covariance in zip(means, covariances, strict=True)
    ]
    expected = np.transpose(np.subtract(expected, given))
    np.testing.assert_allclose(mixture.logs(rows), expected, rtol=1e-9)


def test_a_tail_by_hand():
    # 1,000 residuals whose tail is exp(-r): the quantiles are log(10) and log(200), and the tangent
    # of an exponential tail is r itself.
    shares = (np.arange(100_000) + 0.5) / 100_000
    tails = module._tails(-np.log(1 - shares)[:, None], np.ones(100_000))
    power = (1 - 0.65) / (1.5 - 0.65)
    assert tails[:, 0] == pytest.approx([math.log(200), math.log(200), power], rel=1e-3)
    # A normal tail grows with the square: at the second quantile, the slope is twice the height
    # divided by the quantile.  The shape is limited to 2.
    tails = module._tails(np.sqrt(-np.log(1 - shares))[:, None], np.ones(100_000))
    expected = [math.sqrt(math.log(200)), 2 * math.log(200), 1.0]
    assert tails[:, 0] == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("seed", range(2))
def test_mixtures_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.multivariate_normal(np.zeros(3), LAW, 600), rng.normal(size=(400, 3)) + 6])
    labels = np.repeat([0, 1], [600, 400])
    found = module._fitted(X, np.ones(1000), labels, np.arange(3), 0.0)
    oracle = GaussianMixture(2, random_state=0).fit(X)
    order = oracle.means_[:, 0].argsort()
    np.testing.assert_allclose(found.means, oracle.means_[order], atol=0.01)
    np.testing.assert_allclose(found.precisions, oracle.precisions_[order], rtol=0.05, atol=0.02)


def test_the_evidence_is_zero_at_the_limits():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(500, 8)), rng.normal(size=(500, 8)) @ np.diag([5] * 8) + 9])
    for relation in (relation_of(sums(noise=0.1)), relation_of(X)):
        for limits, offsets in zip(relation.limits, relation.offsets, strict=True):
            evidence = module._evidence(np.array([limits]), relation.tails) + offsets
            np.testing.assert_allclose(evidence, 0.0, atol=1e-6)


def test_only_rows_with_residuals_beyond_the_limits_break_a_relation():
    X = sums(2000, noise=0.1)
    X[:1000] = np.random.default_rng(0).normal(size=(1000, 3)) @ np.diag([1, 0.1, 3]) + [0, 5, 0]
    relation = relation_of(X)
    assert len(relation.heights) > 1
    rows = X + np.random.default_rng(1).normal(size=X.shape) * (np.arange(2000) % 3)[:, None]
    found = relation.scores(rows)
    assert 0.1 < (found > 0).mean() < 0.9
    np.testing.assert_array_equal(found, relation.implied(rows)[2])  # from all residuals


@pytest.mark.parametrize("n", [1, 3, 64, 65, 150])
def test_the_inverse_root_is_that_of_the_cholesky_factor(n):
    rows = np.random.default_rng(n).normal(size=(2 * n + 1, n))
    matrix = rows.T @ rows + np.eye(n)
    found = module._inverse_root(matrix)
    np.testing.assert_allclose(found @ matrix @ found.T, np.eye(n), atol=1e-10)
    np.testing.assert_allclose(found, np.linalg.inv(np.linalg.cholesky(matrix)), atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_and_implied_values_are_their_formulas(dtype):
    X = sums(noise=0.1)
    relation = relation_of(X)
    new = (X[:60] + np.random.default_rng(1).normal(size=(60, 3))).astype(dtype)
    amounts, values = np.transpose(
        [naive.broken_relation(relation, row) for row in new.astype(float)]
    )
    np.testing.assert_allclose(relation.scores(new), amounts, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(relation.implied(new)[1], values, rtol=1e-9, atol=1e-9)
    assert (amounts > 0).any()
    assert (amounts == 0).any()
    parts = relation.parts(new)
    np.testing.assert_allclose(parts.sum(axis=1), amounts, rtol=1e-9, atol=1e-12)
    assert ((parts > 0).sum(axis=1) <= 1).all()


def test_the_implied_value_does_not_depend_on_the_wrong_value():
    # Two groups: b is a in the first group and 10 - a in the second. c is the number of the group.
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=400), np.arange(400) % 2
    b = np.where(c == 0, a, 10.0 - a) + 0.05 * rng.normal(size=400)
    relation = relation_of(np.column_stack([a, b, 3.0 * c + 0.1 * rng.normal(size=400)]))
    assert len(relation.heights) > 1
    rows = np.array([[1.0, wrong, 0.0] for wrong in (-2.0, 4.0, 6.5, 30.0, 300.0)])
    features, values, _ = relation.implied(rows)
    assert features.tolist() == [1] * 5
    np.testing.assert_allclose(values, 1.0, atol=0.2)
    rows = np.vstack([rows, rng.normal((0.0, 5.0, 1.5), size=(60, 3))])
    right = [naive.broken_relation(relation, row)[1] for row in rows]
    np.testing.assert_allclose(relation.implied(rows)[1], right, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_value_that_would_fit_is_in_the_usual_range(seed):
    rng = np.random.default_rng(seed)
    X = np.vstack([_group(rng) for _ in range(4)])
    for row in range(0, 400, 20):
        X[row, row // 20 % 5] *= 10.0
    found = [each for one in SOMDetector(random_state=0).fit(X).reasons(X[::20]) for each in one]
    found = [reason for reason in found if reason.fitting is not None]
    assert len(found) > 5
    for reason in found:
        low, _, high = reason.usual.partition(" to ")
        assert float(low) <= float(reason.fitting) <= float(high or low)


def _group(rng):
    """Rows around a plane of two dimensions."""
    plane = rng.normal(size=(100, 2)) @ rng.normal(size=(2, 5))
    return plane + 0.15 * rng.normal(size=(100, 5)) + 4.0 * rng.normal(size=5)


# What is found


def test_a_row_that_breaks_a_sum_comes_first():
    X = broken(sums())
    detector = SOMDetector(random_state=0).fit(X)
    assert detector.score_samples(X).argmin() == 5
    reason = detector.reasons(X[5:6])[0][0]
    assert reason.fitting is not None
    assert f"{reason.fitting} would fit the other columns" in str(reason)
    # With the implied value, no relation is broken.
    relation, changed = detector.detector_.relation, X[5:6].copy()
    (feature,), (value,), _ = relation.implied(changed)
    assert float(reason.fitting) == pytest.approx(value, abs=0.1)
    changed[0, feature] = value
    assert relation.scores(changed)[0] == 0


def test_no_value_fits_the_other_columns_if_columns_are_independent():
    X = broken(np.random.default_rng(0).normal(size=(1000, 4)), by=8.0)
    detector = SOMDetector(random_state=0).fit(X)
    assert detector.detector_.relation.scores(X)[5] > 0
    reasons = detector.reasons(X[5:6])[0]
    assert reasons[0].column == "x2"
    assert all(reason.fitting is None for reason in reasons)


def test_rare_values_of_a_nearly_constant_column_break_no_relation():
    X = np.random.default_rng(0).normal(size=(1000, 4))
    X[:, 3] = np.arange(1000) % 250 == 5
    assert not relation_of(X).scores(X)[5::250].any()


@pytest.mark.parametrize("share", [0.01, 0.03, 0.1, 0.3])
def test_rows_with_a_rare_term_of_an_exact_sum_are_usual(share):
    rng = np.random.default_rng(1)
    price = rng.normal(200, 40, 2000)
    discount = np.where(rng.random(2000) < share, rng.uniform(5, 50, 2000), 0)
    X = np.column_stack([price, discount, price - discount])
    X[:5, 2] += [20, -20, 30, -30, 40]
    detector = SOMDetector(random_state=0).fit(X)
    assert sorted(detector.score_samples(X).argsort()[:5]) == [0, 1, 2, 3, 4]
    assert (detector.detector_.relation.scores(X[5:]) > 0).mean() < 0.002


@pytest.mark.parametrize("seed", range(3))
def test_a_broken_sum_of_heavy_tailed_amounts_comes_first(seed):
    rng = np.random.default_rng(seed)
    net, ship = np.exp(2 * rng.normal(size=(2, 2000))) * [[100], [30]]
    gross = net + ship
    gross[:5] *= [0.5, 2, 1.2, 0.5, 2]
    columns = {"net": net.round(2), "ship": ship.round(2), "gross": gross.round(2)}
    table = table_from_columns(columns)
    detector = SOMDetector(random_state=0).fit(table)
    assert sorted(detector.score_samples(table).argsort()[:5]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("far", [4, 10, 100, 1e6])
def test_a_row_far_out_that_obeys_an_exact_sum_breaks_nothing(far):
    relation = relation_of(sums())
    assert relation.scores(np.array([[far, 0.0, far]]))[0] == 0
    assert relation.scores(np.array([[far, 0.0, 1.5 * far]]))[0] > 0
    _, (value,), _ = relation.implied(np.array([[far, 0.0, 1.5 * far]]))
    right = 1.5 * far, -0.5 * far, far  # of the first, second or third column
    assert min(abs(value / one - 1) for one in right) < 0.01


def test_rows_with_missing_cells_break_no_relation():
    X = broken(sums(2000), by=1.5)
    first = X[:, 0].copy()
    first[100:200] = np.nan
    table = table_from_columns({"a": first, "b": X[:, 1], "sum": X[:, 2]})
    detector = SOMDetector(encoder=TableEncoder(missing="fill"), random_state=0).fit(table)
    rows = detector.map_.rows_of(table)
    amounts = detector.detector_.relation.scores(rows)
    assert np.flatnonzero(amounts).tolist() == [5]
    assert (detector.p_values(table)[100:200] < 0.01).mean() < 0.2
    # If more than half of the rows have the median, the median is a usual value.
    zeros = np.where(np.arange(2000) % 3 == 0, X[:, 0], 0.0)
    total = zeros + X[:, 1]
    total[6] += 1.5
    zeros[100:110] = np.nan
    table = table_from_columns({"a": zeros, "b": X[:, 1], "sum": total})
    detector = SOMDetector(encoder=TableEncoder(missing="fill"), random_state=0).fit(table)
    assert detector.score_samples(table).argmin() == 6


def test_more_rows_of_a_wide_table_do_not_break_relations():
    rng = np.random.default_rng(0)
    law = rng.normal(size=(5, 60))
    X, new = (rng.normal(size=(n, 5)) @ law + rng.normal(size=(n, 60)) for n in (200, 1000))
    detector = SOMDetector(random_state=0).fit(X)
    before = (detector.detector_.relation.scores(new) > 0).mean()
    detector.partial_fit(X[:10])
    assert (detector.detector_.relation.scores(new) > 0).mean() <= before + 0.01


@pytest.mark.parametrize(("share", "least"), [(0.01, 0.9), (0.03, 0.6), (0.05, 0.6)])
def test_broken_rows_of_the_training_data_do_not_hide_broken_rows(share, least):
    rng = np.random.default_rng(0)
    X, y = sums(2000, noise=0.1), np.zeros(2000)
    rows = rng.choice(2000, int(2000 * share), replace=False)
    X[rows, 2] = X[rng.integers(0, 2000, len(rows)), 2]
    y[rows] = 1
    scores = -SOMDetector(random_state=0).fit(X).score_samples(X)
    far = np.abs(X[:, 2] - X[:, :2].sum(axis=1)) > 0.5
    assert average_precision_score(y[far | (y == 0)], scores[far | (y == 0)]) > least


def test_categories_help_to_imply_numbers():
    rng = np.random.default_rng(0)
    kind, size = rng.integers(0, 3, 600), rng.normal(size=600)
    weight = size + kind + 0.05 * rng.normal(size=600)
    kind[3] = (kind[3] + 1) % 3  # each value is usual, and also each pair of numbers
    names = np.array(["a", "b", "c"])[kind]
    table = table_from_columns({"kind": names, "size": size, "weight": weight})
    detector = SOMDetector(random_state=0).fit(table)
    assert detector.score_samples(table).argmin() == 3


def test_one_law_is_enough_for_one_law_and_several_laws_get_components():
    assert len(relation_of(sums(2000, noise=0.1)).heights) == 1
    rng = np.random.default_rng(0)
    X = sums(2000, noise=0.1)
    X[:1000] = rng.normal(size=(1000, 3)) @ np.diag([1.0, 0.1, 3.0]) + [0, 5, 0]
    assert len(relation_of(X).heights) > 1


def test_independent_columns_keep_their_ranking():
    # A component of pure noise costs at most .002 of AUROC.
    changes = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(1000, 6)), np.arange(1000) < 30
        X[y] *= 2.0
        detector = SOMDetector(random_state=0).fit(X).detector_
        without = replace(detector, relation=None)
        order = [np.argsort(np.argsort(one.scores(X))) for one in (detector, without)]
        changes.append([(ranks[y].mean() - 14.5) / 970 for ranks in order])
    both, alone = np.mean(changes, axis=0)
    assert both >= alone - 0.002


def test_heavy_tails_allow_more_evidence_by_chance():
    rng = np.random.default_rng(0)
    learned = [
        SOMDetector(random_state=0).fit(X).detector_.calibration.relations
        for noise in (rng.normal(size=1000), rng.standard_t(2, size=1000))
        for X in [sums(1000) + 0.3 * noise[:, None] * [0, 0, 1]]
    ]
    normal, heavy = learned
    assert normal <= module.NORMAL_SHARES[1] < heavy <= module.HEAVY_SHARES[1]
    scores, law = np.array([10.0, 20.0, 40.0]), (1.0, 0.5)
    shares = [module.share_with_amounts(scores, *law, share) for share in learned]
    assert (shares[0] < shares[1]).all()
    # With a mean of 1.5, the share falls by the factor e for each 1.5 of evidence.
    far = 1.0 + 0.5 * math.sqrt(module.BEFORE**2 + module.SQUARE_PER_EVIDENCE * 1.5)
    of_normal = module.share_with_amounts(np.array([far**2]), *law, 0.015)
    assert of_normal[0] == pytest.approx(0.015 / math.e)


# Properties


def test_the_order_and_the_repetition_of_rows_change_nothing():
    X = sums(120, noise=0.1)
    first = relation_of(X).scores(X)
    shuffled = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_array_equal(relation_of(X[shuffled]).scores(X), first)


def test_a_row_alone_has_the_score_that_it_has_among_others():
    X = sums(3000, noise=0.1)
    relation = relation_of(X)
    together = relation.scores(X)
    assert together[:50].tolist() == [relation.scores(row[None])[0] for row in X[:50]]


def test_contributions_add_up_and_files_keep_the_relation(tmp_path):
    X = broken(sums(noise=0.1))
    detector = SOMDetector(random_state=0).fit(X).detector_
    parts, scores = detector.contributions(X), detector.scores(X)
    np.testing.assert_allclose(parts.sum(axis=1), scores, rtol=1e-9)
    assert parts[5].argmax() == detector.relation.implied(X[5:6])[0][0]
    detector.save(tmp_path / "a.som")
    np.testing.assert_array_equal(load(tmp_path / "a.som").scores(X), scores)


def test_later_rows_move_the_relation():
    X = sums(600, noise=0.1)
    detector = SOMDetector(random_state=0).fit(X)
    before = detector.detector_.relation
    later = X[:300] * [1, 1, -1]  # the sign of the third column changes
    old = before.scores(later)
    for _ in range(20):
        detector.partial_fit(later)
    after = detector.detector_.relation
    assert after.scores(later).mean() < old.mean()
    np.testing.assert_array_equal(after.roots, before.roots)


# Hostile tables


@pytest.mark.parametrize("is_clean", [False, True])
@pytest.mark.parametrize(
    "X",
    [
        np.ones((100, 3)),
        np.random.default_rng(0).normal(size=(100, 1)),
        np.repeat(np.random.default_rng(0).normal(size=(100, 1)), 3, axis=1),
        np.random.default_rng(0).normal(size=(60, 90)),
        np.random.default_rng(0).integers(0, 2, (200, 4)).astype(float),
        np.column_stack([np.arange(100.0), np.ones(100), 1e150 * np.arange(100)]),
        np.random.default_rng(0).normal(size=(100, 3)) * 1e-140,
        np.random.default_rng(0).normal(size=(100, 3)) + 1e15,
        np.vstack([sums(100), [[1e150, -1e150, 1e150]]]),
        np.random.default_rng(0).standard_cauchy((300, 4)),
        sums(20),
    ],
    ids=[
        *("constant", "one", "equal", "wide", "binary", "large", "tiny", "moved", "huge", "cauchy"),
        "few",
    ],
)
def test_hostile_tables_have_finite_scores(X, is_clean):
    detector = SOMDetector(random_state=0, training_is_clean=is_clean).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()
    assert np.isfinite(detector.p_values(X)).all()
    detector.reasons(X[:3])


def test_tables_without_numbers_have_no_relation():
    rng = np.random.default_rng(0)
    table = table_from_columns(
        {n: np.array(["u", "v", "w"])[rng.integers(0, 3, 200)] for n in "ab"}
    )
    assert SOMDetector(random_state=0).fit(table).detector_.relation is None


def test_weights_count_rows_and_missing_cells_are_scored():
    X, weights = sums(200, noise=0.1), np.ones(200)
    weights[:50] = 0.0
    X[:50, 2] *= -1  # rows of weight 0 do not count
    detector = SOMDetector(random_state=0).fit(X, sample_weight=weights)
    assert detector.detector_.relation.scores(X[50:]).mean() < 0.05
    encoder = TableEncoder(missing="fill")
    table = table_from_columns({"a": X[:, 0], "b": X[:, 1], "c": [None, *X[1:, 2]]})
    found = SOMDetector(encoder=encoder, random_state=0).fit(table)
    assert np.isfinite(found.score_samples(table)).all()


@pytest.mark.parametrize("weight", [1e7, 1e12])
def test_large_weights_of_collinear_columns(weight):
    X = sums(400)
    detector = SOMDetector(random_state=0).fit(X, sample_weight=np.full(400, weight))
    assert np.isfinite(detector.score_samples(X)).all()
    assert detector.score_samples(broken(X)).argmin() == 5


def test_implied_amounts_with_long_tails_have_few_digits_within_their_column():
    rng = np.random.default_rng(0)
    X = np.exp(2 * rng.normal(size=(2000, 3))) * 100
    columns = {"x": X[:, 0], "y": X[:, 1], "z": X[:, 2], "s": X.sum(axis=1)}
    detector = SOMDetector(random_state=0).fit(table_from_columns(columns))
    columns["s"] = columns["s"][::-1].copy()
    for reasons in detector.reasons(table_from_columns({n: v[:40] for n, v in columns.items()})):
        for reason in reasons:
            if reason.fitting is not None:
                assert len(reason.fitting.strip("-0.").replace(".", "")) <= 7
                assert X.min() <= float(reason.fitting) <= X.sum(axis=1).max()


def test_parts_that_do_not_fit_are_refused():
    detector = SOMDetector(random_state=0).fit(sums()).detector_
    relation = detector.relation
    for changes in (
        {"features": relation.features[::-1]},
        {"targets": relation.targets + 1},
        {"heights": relation.heights * np.nan},
        {"transforms": relation.transforms[:, :2]},
        {"scales": -relation.scales},
        {"roots": -relation.roots},
    ):
        with pytest.raises(ValueError, match="`relation` must have features"):
            replace(detector, relation=replace(relation, **changes))
