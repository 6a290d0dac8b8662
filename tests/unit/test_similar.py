"""Rows like an alert, and what labels say of the rows around it, against slow searches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from texts import rejected

from somscape import SOM, Lattice, Map, SOMClassifier, SOMDetector, TableEncoder
from somscape._weights import wilson
from somscape.outliers import Calibration, Detector, Scorer
from somscape.tables import Encoding, table_from_columns


def fitted(n=400, seed=0, **options):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1, 5, 0.2] - [0, 50, 0]
    X[:8] += [9, 20, -3]
    return SOMDetector(**({"som": SOM(5, 7), "random_state": 0} | options)).fit(X), X


def nearest_usual(detector, row, among, k):
    """All distances, without the map."""
    usual = np.flatnonzero(detector.predict(among) == 1)
    distances = np.sqrt(((among[usual] - row) ** 2).sum(axis=1))
    order = np.lexsort((usual, distances))[:k]
    return usual[order], distances[order]


@pytest.mark.parametrize("k", [1, 5, 60, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_similar_rows_are_the_nearest_usual_ones(k, seed):
    detector, X = fitted(seed=seed)
    X = np.vstack([X, X[100:130]])  # equal rows: the first comes first
    queries = np.vstack([X[:8], X[200:210], [[1e4, -1e4, 1e4]]])
    found = detector.similar_rows(queries, among=X, n_similar=k)
    for i, row in enumerate(queries):
        rows, distances = nearest_usual(detector, row, X, k)
        np.testing.assert_array_equal(found.rows[i], rows)
        np.testing.assert_allclose(found.distances[i], distances, rtol=1e-12)
        assert found.ids[i] == [str(number + 1) for number in rows]


def test_few_of_the_rows_are_looked_at():
    som = SOM(16, 20, n_epochs=3)
    detector, X = fitted(n=4000, som=som, method="k_prototype", contamination=0.05)
    looked = []

    def distances(rows, others):
        looked.append(len(rows) if np.ndim(others) == 1 else 0)
        return np.sqrt(((rows - others) ** 2).sum(axis=1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("somscape.outliers.similar._distances", distances)
        detector.similar_rows(X[1000:1001], among=X)
    assert 0 < sum(looked) < 1200


def test_similar_rows_of_a_table_have_its_ids():
    rng = np.random.default_rng(0)
    table = table_from_columns(
        {
            "customer": [f"c{i:03d}" for i in range(90)],
            "amount": [*rng.normal(50, 5, 89), 900.0],
            "job": rng.choice(["clerk", "nurse"], 90),
        }
    )
    detector = SOMDetector(encoder=TableEncoder(id="customer"), random_state=0).fit(table)
    found = detector.similar_rows(table.take([89]), among=table, n_similar=3)
    cells = table.column("customer").cells
    assert found.ids == [[cells[j] for j in found.rows[0]]]
    assert "c089" not in found.ids[0]


def test_without_a_usual_row_there_is_nothing_to_find():
    detector, X = fitted()
    with rejected(parameter="among"):
        detector.similar_rows(X[:3], among=X[:8])
    with rejected(ValueError, parameter="n_similar", value=0):
        detector.similar_rows(X[:3], among=X, n_similar=0)


# Labels


def line_of_units(n=5):
    """Units at 0, 1, 2, ... side by side: a row's unit is its rounded value."""
    map_ = Map(
        np.arange(float(n))[:, None],
        Lattice(1, n, "rectangular"),
        Encoding.plain(["x"]),
        np.ones(n),
    )
    return Detector(Scorer(map_, "k_prototype", 1), 0.5, Calibration(np.array([1.0])))


def test_label_share_by_hand():
    # Units 0 1 2 3 4 have known rows 2 1 0 0 0 and anomalies 1 1 0 0 0; a unit counts with those
    # next to it.
    rows = np.array([[0.0], [0.1], [1.2], [2.0], [3.0]])
    y = [1, 0, 1, -1, -1]
    found = line_of_units().label_share([[0.0], [1.0], [2.0], [4.0]], among=rows, y=y)
    assert found.n_known.tolist() == [3, 3, 1, 0]
    assert found.n_anomalies.tolist() == [2, 2, 1, 0]
    np.testing.assert_array_equal(found.share, [2 / 3, 2 / 3, 1, np.nan])
    assert (found.low[3], found.high[3]) == (0, 1)
    expected = binomtest(2, 3).proportion_ci(method="wilson")
    np.testing.assert_allclose([found.low[0], found.high[0]], expected, rtol=1e-12)


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_intervals_are_wilsons(hits, others, level):
    low, high = wilson(np.array([hits]), np.array([hits + others]), level)
    if hits + others == 0:
        assert (low[0], high[0]) == (0, 1)
        return
    expected = binomtest(hits, hits + others).proportion_ci(level, method="wilson")
    np.testing.assert_allclose([low[0], high[0]], expected, rtol=1e-9, atol=1e-12)


def test_a_detector_says_what_is_known_around_a_row():
    detector, X = fitted(som=SOM(10, 16))
    y = np.where(np.arange(400) < 8, 1, np.where(np.arange(400) % 2, 0, -1))
    found = detector.label_share(X[:1], among=X, y=y)
    assert found.share[0] > 0.5
    assert detector.label_share(X[300:301], among=X, y=y).high[0] < 0.5


def test_labels_that_say_nothing_are_refused():
    for y in ([-1] * 2, None, ["yes", "no"], [1.0, 2.0]):
        with rejected(parameter="y"):
            line_of_units().label_share([[0.0]], among=[[0.0], [1.0]], y=y)
    with rejected(ValueError, parameter="level", value=1):
        line_of_units().label_share([[0.0]], among=[[0.0]], y=[1], level=1)


def test_similar_rows_take_the_maps_own_missing_rule():
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[3, 1] = np.nan
    detector = SOMDetector(missing="fill", random_state=0).fit(X)
    assert detector.detector_.similar_rows(X[3:4], among=X).rows[0, 0] == 3


@pytest.mark.parametrize("k", [1, 7, 500])
def test_similar_rows_of_a_classifier_are_the_nearest_by_its_metric(k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) * [1, 1, 9, 1]
    X = np.vstack([X, X[:20]])  # equal rows: the first comes first
    y = np.where(X[:, 0] + X[:, 1] > 0, "high", "low")
    classifier = SOMClassifier(random_state=0).fit(X, y)
    queries = np.vstack([X[:5], rng.normal(size=(5, 4)) * 20])
    found = classifier.similar_rows(queries, among=X, n_similar=k)
    axes = classifier.map_.metric.whitening
    for i, row in enumerate(queries):
        distances = np.sqrt((((X - row) @ axes) ** 2).sum(axis=1))
        order = np.argsort(distances.round(9), kind="stable")[:k]
        np.testing.assert_array_equal(found.rows[i][:5], order[:5])
        np.testing.assert_allclose(found.distances[i], distances[order], atol=1e-9)
    with rejected(ValueError, parameter="n_similar", value=0):
        classifier.similar_rows(queries, among=X, n_similar=0)
