"""Drift: rare false alarms, power, and the columns that changed."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp
from scipy.stats import t as student
from texts import rejected

from somscape import SOMDetector, TableEncoder
from somscape.outliers import drift
from somscape.tables import Table, table_from_columns
from somscape.tables._fit_encoding import fit_encoding
from somscape.tables.kinds import Roles


def months_like(rng: Any, n: int, spread: Any, k: int) -> list[drift.Month]:
    """Return months of columns with variance 1, and means that vary by `spread`."""
    spread = np.asarray(spread, dtype=float)
    means = rng.normal(0, np.sqrt(spread**2 + 1 / n), size=(k, len(spread)))
    return [drift.Month(n, each, np.ones_like(each), np.zeros(0)) for each in means]


def smallest_p(months: list[drift.Month]) -> float:
    n_columns = len(months[0].means)
    none = np.zeros(n_columns)
    found = drift.surprises(months[:-1], months[-1], none, none > 0)[0]
    return float(found.min() * n_columns)


@pytest.mark.parametrize("n", [300, 50_000])
@pytest.mark.parametrize("spread", [[0.0] * 8, [0.1] * 8, [0.2, *[0.0] * 7], [0.5, *[0.0] * 7]])
def test_few_usual_months_count_as_drift(n: int, spread: list[float]) -> None:
    rng = np.random.default_rng(51)
    found = sum(
        smallest_p(months_like(rng, n, spread, 2 + i % 12)) <= drift.FALSE_ALARM for i in range(400)
    )
    assert found <= 28  # at most 5 %, and 2 standard errors


@pytest.mark.parametrize("n", [300, 50_000])
@pytest.mark.parametrize(("share", "spread"), [(0.001, 0.0), (0.02, 0.0), (0.1, 0.03)])
def test_few_usual_shares_of_missing_cells_count_as_drift(
    n: int, share: float, spread: float
) -> None:
    rng, found, ones = np.random.default_rng(51), 0, np.ones(8)
    for i in range(400):
        true = np.clip(share + spread * rng.normal(size=(3 + i % 12, 8)), 0, 1)
        shares = [rng.binomial(n, each) / n for each in true]
        months = [drift.Month(n, each, each * (1 - each), each) for each in shares]
        p = drift.surprises(months[:-1], months[-1], ones, ones < 0)[0]
        found += p.min() * 8 <= drift.FALSE_ALARM
    assert found <= 28


def test_a_mean_of_few_values_is_as_uncertain_as_these() -> None:
    # Of 1,000 rows, 10 have a value: the mean varies as in a month of 10 rows.
    none, values = np.zeros(1), [0.0, 0.1]
    p = {}
    for n, lack in ((1_000, 0.99), (10, 0.0)):
        months = [drift.Month(n, np.full(1, each), np.ones(1), none) for each in values]
        lacks = np.full((2, 1), lack)
        p[n] = float(drift.surprises(months[:-1], months[-1], none, none > 0, lacks)[0][0])
    assert p[1_000] == pytest.approx(p[10])
    assert p[10] > 0.8  # a tenth of a standard deviation, when the standard error is 1 / sqrt(5)


@pytest.mark.nightly
@pytest.mark.parametrize(("n", "k"), [(300, 6), (300, 12), (2_000, 4), (50_000, 3)])
def test_a_shift_is_found_as_often_as_by_kolmogorov_and_smirnov(n: int, k: int) -> None:
    rng = np.random.default_rng(7)
    n_found = n_by_test = 0
    for _ in range(100):
        months = months_like(rng, n, [0.0] * 8, k + 1)
        months[-1].means[0] += 0.25
        n_found += smallest_p(months) <= drift.FALSE_ALARM
        there, here = rng.normal(size=min(k * n, 20_000)), rng.normal(0.25, size=min(n, 20_000))
        n_by_test += ks_2samp(here, there).pvalue <= 0.05 / 8
    assert n_found >= n_by_test - 10  # the standard error of the difference is at most 7


def test_after_many_months_surprise_is_that_of_a_prediction_interval() -> None:
    # Of 40 months with normal means, the next is predicted by Student's t (Hahn 1969).
    rng, found = np.random.default_rng(3), []
    for _ in range(30):
        months = months_like(rng, 10**6, [0.08], 41)
        means = np.array([each.means[0] for each in months[:-1]])
        gap = months[-1].means[0] - means.mean()
        t = gap / means.std(ddof=1) / np.sqrt(1 + 1 / 40)
        found.append((smallest_p(months), 2 * student.sf(abs(t), 39)))
    ours, exact = np.array(found).T
    np.testing.assert_allclose(ours, exact, atol=0.06)


def test_a_date_before_many_columns_is_no_problem() -> None:
    columns: dict[str, list[Any]] = {"when": ["2024-01-01", "2024-01-02", "2024-01-03"]}
    columns |= {f"v{i}": [1.0, 2.0, 3.0] for i in range(drift.MAX_COMPARED + 5)}
    table = table_from_columns(columns)
    encoding = fit_encoding(table, Roles(), "fill")
    highest = max(each.column for each in drift.compared_features(encoding))
    assert highest == drift.MAX_COMPARED
    assert len(drift.missing_cells(encoding, table)) == highest + 1


# A detector


def customers(seed: int, n: int = 800, **changed: Any) -> Table:
    rng = np.random.default_rng(seed)
    columns = {
        "id": [f"c{i}" for i in range(n)],
        "age": rng.normal(40, 9, n).round(),
        "job": rng.choice(["clerk", "nurse", "cook"], n, p=[0.6, 0.3, 0.1]),
    }
    return table_from_columns(columns | changed)


@pytest.fixture(scope="module")
def detector() -> SOMDetector:
    return SOMDetector(encoder=TableEncoder(id="id"), random_state=0).fit(customers(0))


def test_rows_like_those_of_training_do_not_drift(detector: SOMDetector) -> None:
    months = [customers(seed) for seed in range(5)]
    for n in range(1, 5):
        found = detector.drift(months[n], *months[:n])
        assert (found.is_found, found.n_months, found.n_rows) == (False, n, 800)


def test_changed_columns_are_named_with_their_rows(detector: SOMDetector) -> None:
    months = [customers(seed) for seed in range(4)]
    cooks = customers(9, job=np.repeat(["clerk", "nurse", "cook"], [80, 240, 480]))
    found = detector.drift(cooks, *months)
    assert found.columns == ("job",)
    assert "job is cook in 60 % of the rows instead of" in str(found)
    older = customers(9, age=np.random.default_rng(9).normal(45, 9, 800))
    assert "most in c" in detector.drift(older, *months).changes[0]
    assert detector.drift(older, *months).columns == ("age",)


def test_arrays_are_compared_without_medians_of_training() -> None:
    rng = np.random.default_rng(0)
    months = [rng.normal(9, 1, size=(500, 2)) for _ in range(4)]
    found = SOMDetector(random_state=0).fit(months[0]).drift(months[3] + [0, 2], *months[:3])
    assert found.columns[0] == "x1"
    assert found.changes[0].endswith(" standard deviations higher")


def test_small_tables_and_other_columns(detector: SOMDetector) -> None:
    few, many = customers(1, 49), customers(1, 50)
    assert detector.drift(few, many).n_months == detector.drift(many, few).n_months == 0
    assert "this table has fewer than 50 rows" in str(detector.drift(few, many))
    assert "each earlier table of the map has fewer" in str(detector.drift(many, few))
    with rejected(column="age"):
        detector.drift(many.select(["id", "job"]), many)
