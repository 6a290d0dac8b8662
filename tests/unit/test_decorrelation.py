"""Columns that go together count once: the matrix by its formula, and what it is for."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from texts import rejected
from threadpoolctl import threadpool_limits

from somscape import SOMDetector, load
from somscape.outliers import Decorrelation
from somscape.outliers import score as _decorrelation
from somscape.outliers.score import SHARED_WORK


def decorrelation_of(X, weights, is_usual, share=0.8, **more):
    return _decorrelation.decorrelation_of(X, weights, is_usual, share, **more)


def rows_of(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return mixed * np.logspace(1, -2, d) + np.linspace(-50, 50, d)


def counts_of(X):
    counts = X.std(axis=0) ** 0.625
    return counts * np.sqrt((X.std(axis=0) ** 2).sum() / (counts**2).sum())


def by_formula(X, is_usual, share, noise=None):
    """Spread^-1 (s (R + ridge I)^-1 + (1 - s) I)^1/2 spread^(5/8), in the order of the paper."""
    d = X.shape[1]
    spread = X.std(axis=0)
    ridge = 0.1 + (d / is_usual.sum() if noise is None else noise)
    correlation = (np.corrcoef(X[is_usual].T) + ridge * np.eye(d)) / (1 + ridge)
    return (
        np.diag(1 / spread)
        @ np.real(sqrtm(share * np.linalg.inv(correlation) + (1 - share) * np.eye(d)))
        @ np.diag(counts_of(X))
    )


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("d", [2, 4, 9])
def test_the_matrix_is_its_formula(d, share):
    X = rows_of(60, d)
    is_usual = np.arange(len(X)) % 5 > 0
    found = decorrelation_of(X, None, is_usual, share)
    expected = by_formula(X, is_usual, share)
    np.testing.assert_allclose(found.center, X.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.deviations, X.std(axis=0), rtol=1e-4)
    inverse_root = expected * found.deviations[:, None] / found.counts
    np.testing.assert_allclose(found.matrix, inverse_root, atol=1e-3)
    matrix = found.matrix / found.deviations[:, None] * found.counts
    rows = X[:7] + 3
    np.testing.assert_allclose(
        found.compared(rows), (rows - found.center) @ matrix, rtol=1e-5, atol=1e-5
    )


def test_a_member_has_correlations_of_its_own_and_deviations_of_all_rows():
    X = rows_of(60, 4)
    whole, half = decorrelation_of(X, None, np.ones(60, dtype=bool)), X[:30]
    half[:, 3] = 2.5  # a value that varies among all rows only
    is_usual = np.arange(30) % 5 > 0
    found = decorrelation_of(half, None, is_usual, whole=whole)
    for name in ("center", "deviations", "counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    expected = by_formula(half[:, :3], is_usual, 0.8, noise=0.3 * 4 / 24)
    inverse_root = expected * half[:, :3].std(axis=0)[:, None] / counts_of(half[:, :3])
    np.testing.assert_allclose(found.matrix[:3, :3], inverse_root, atol=1e-3)
    np.testing.assert_allclose(found.matrix[3], [0, 0, 0, 1], atol=1e-3)


def test_two_columns_by_hand():
    # Correlation 3/5, spreads 1: with the ridge r = 0.1 + 2/4 it is 3/(5 (1 + r)) = 3/8.  The
    # matrix has (a + b) / 2 and (a - b) / 2, where a = sqrt(0.8 / (11/8) + 0.2) for the direction
    # (1, 1) and b = sqrt(0.8 / (5/8) + 0.2) for (1, -1).
    u, v = np.sqrt(1.6), np.sqrt(0.4)
    X = np.array([[u, u], [-u, -u], [v, -v], [-v, v]])
    assert X.std(axis=0) == pytest.approx([1, 1])
    assert np.corrcoef(X.T)[0, 1] == pytest.approx(0.6)
    found = decorrelation_of(X, None, np.ones(4, dtype=bool))
    np.testing.assert_allclose(found.counts, 1)
    a, b = np.sqrt(6.4 / 11 + 0.2), np.sqrt(6.4 / 5 + 0.2)
    expected = np.array([[a + b, a - b], [a - b, a + b]]) / 2
    np.testing.assert_allclose(found.matrix, expected, atol=1e-4)


def test_columns_that_do_not_go_together_stay_as_they_are():
    X = np.array([[1.0, 1], [-1, -1], [1, -1], [-1, 1]] * 5)
    found = decorrelation_of(X, None, np.ones(len(X), dtype=bool))
    np.testing.assert_allclose(found.matrix, np.eye(2), atol=1e-5)


def test_outliers_that_lie_together_do_not_make_up_a_correlation():
    X = np.vstack([np.random.default_rng(0).normal(size=(200, 2)), np.full((40, 2), 30.0)])
    is_usual = np.arange(240) < 200
    matrix = decorrelation_of(X, None, is_usual).matrix
    assert abs(matrix[0, 1] / matrix[0, 0]) < 0.1


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((5, 3)),
        np.ones((1, 3)),
        np.arange(6.0)[:, None],
        np.array([[1.0, np.nan], [2.0, 3.0]]),
        np.zeros((3, 1001)),
    ],
)
def test_nothing_to_decorrelate(X):
    assert decorrelation_of(X, None, np.ones(len(X), dtype=bool)) is None


def test_a_constant_column_and_one_that_is_constant_among_usual_rows():
    X = rows_of()
    X[:, 1] = 7.0
    X[:, 2] = 0.0
    X[:30, 2] = 5.0
    is_usual = np.arange(len(X)) >= 30
    found = decorrelation_of(X, None, is_usual)
    assert np.isfinite(found.matrix).all()
    for j in (1, 2):
        others = np.arange(4) != j
        assert (found.matrix[j, others] == 0).all()
        assert (found.matrix[others, j] == 0).all()
    assert found.matrix[1, 1] * found.counts[1] == 1


@pytest.mark.parametrize("scale", [2.0**-300, 2.0**-24, 2.0**30, 2.0**300])
def test_the_unit_of_the_data_scales_the_scores(scale):
    X = rows_of()
    one = SOMDetector(random_state=0).fit(X)
    other = SOMDetector(random_state=0).fit(X * scale)
    expected = one.score_samples(X) * scale
    np.testing.assert_allclose(other.score_samples(X * scale), expected, rtol=1e-9)


def test_products_are_the_same_in_any_order():
    # Sums of whole numbers that a float64 holds do not depend on who adds them up.
    X = rows_of(d=30)
    found = decorrelation_of(X, None, np.ones(len(X), dtype=bool))
    rows = X[:50]
    backward = np.arange(30)[::-1]
    turned = Decorrelation(
        *(part[backward] for part in (found.center, found.deviations)),
        found.matrix[backward][:, backward],
        found.counts[backward],
    )
    np.testing.assert_array_equal(
        found.compared(rows), turned.compared(rows[:, backward])[:, backward]
    )
    one_by_one = np.array([found.compared(row[None])[0] for row in rows])
    np.testing.assert_array_equal(found.compared(rows), one_by_one)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_rows_give_the_same_bits_with_any_number_of_threads(dtype):
    X = rows_of(40_001, 30).astype(dtype)
    found = decorrelation_of(X[:500], None, np.ones(500, dtype=bool))
    assert len(X) * 30**2 > SHARED_WORK
    with threadpool_limits(1):
        alone = found.compared(X)
    np.testing.assert_array_equal(alone[-3:], found.compared(X[-3:]))
    for n_threads in (2, 3):
        with threadpool_limits(n_threads):
            np.testing.assert_array_equal(found.compared(X), alone)


def test_whole_weights_are_repeated_rows():
    X, weights = rows_of(60), np.arange(60) % 3 + 1
    is_usual = np.arange(60) % 4 > 0
    weighed = decorrelation_of(X, weights.astype(float), is_usual)
    repeated = decorrelation_of(X.repeat(weights, axis=0), None, is_usual.repeat(weights))
    np.testing.assert_array_equal(weighed.matrix, repeated.matrix)
    np.testing.assert_array_equal(weighed.center, repeated.center)
    np.testing.assert_array_equal(weighed.counts, repeated.counts)


def test_a_row_usual_by_column_but_not_together_stands_out():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(400, 1))
    X = base + 0.2 * rng.normal(size=(400, 5))
    X[7, 2] = -X[7, 2] + np.sign(X[7, 2]) * -1.0  # within the range of its column
    assert np.abs(X[7, 2]) < np.abs(X[:, 2]).max()
    ranks = {
        flag: (SOMDetector(random_state=0, decorrelate=flag).fit(X).score_samples(X)).argsort()
        for flag in (True, False)
    }
    assert ranks[True][0] == 7
    detector = SOMDetector(random_state=0).fit(X)
    assert detector.contributions(X)[7].argmax() == 2


def test_reasons_add_up_and_survive_a_file(tmp_path):
    X = rows_of()
    detector = SOMDetector(random_state=0).fit(X)
    detector.detector_.save(tmp_path / "d.som")
    back = load(tmp_path / "d.som")
    np.testing.assert_array_equal(back.scores(X), -detector.score_samples(X))
    parts = back.contributions(X)
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), back.scores(X), rtol=1e-12)


def test_a_file_with_another_metric_or_shape_is_refused(tmp_path):
    detector = SOMDetector(random_state=0).fit(rows_of()).detector_
    for change in [
        lambda record: record.header["detector"].update(metric="cosine"),
        lambda record: record.arrays.update({"decorrelation.center": np.zeros(3)}),
        lambda record: record.arrays.pop("decorrelation.matrix"),
    ]:
        record = detector.to_record()
        change(record)
        with rejected():
            type(detector).from_record(record)


def test_a_wrong_value_is_named():
    with rejected(TypeError, parameter="decorrelate", value="no"):
        SOMDetector(decorrelate="no").fit(rows_of())
