"""A few known labels: they raise scores around anomalies, and never mislead by more than noise."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.metrics import roc_auc_score
from texts import rejected

from somscape import SOMDetector
from somscape.outliers import _train
from somscape.outliers.marks import known_labels


@pytest.fixture(autouse=True)
def same_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train each map of a test once: labels change none, and a key of all that trains says so."""
    trained: dict[bytes, Any] = {}
    train_map = _train.train_map

    def once(*given: Any) -> Any:
        key = pickle.dumps(given)
        if key not in trained:
            trained[key] = train_map(*given)
        return trained[key]

    monkeypatch.setattr(_train, "train_map", once)


def two_groups(seed=0):
    """Usual rows around 0, and as many anomalies elsewhere, which no distance tells apart."""
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(size=(230, 3)), rng.normal([6, 0, 0], 1, (230, 3))])
    return X, np.repeat([0, 1], 230)


def partly(y, share, seed=0):
    """The labels with most of them unknown."""
    known = np.random.default_rng(seed).random(len(y)) < share
    return np.where(known, y, -1)


def auroc(y, labels, scores):
    unknown = labels == -1
    return roc_auc_score(y[unknown], scores[unknown])


def test_labels_raise_the_scores_of_rows_like_known_anomalies():
    X, y = two_groups()
    labels = partly(y, 0.2)
    alone = -SOMDetector(random_state=0).fit(X).score_samples(X)
    helped = -SOMDetector(random_state=0).fit(X, known=labels).score_samples(X)
    assert auroc(y, labels, alone) < 0.7
    assert auroc(y, labels, helped) > 0.85


def test_no_known_label_is_no_label():
    X, y = two_groups()
    alone = SOMDetector(random_state=0).fit(X)
    for unknown in (np.full(len(y), -1), np.full(len(y), np.nan), [None] * len(y)):
        fitted = SOMDetector(random_state=0).fit(X, known=unknown)
        assert fitted.detector_.marks is None
        np.testing.assert_array_equal(fitted.score_samples(X), alone.score_samples(X))


@pytest.mark.parametrize("seed", range(4))
def test_labels_that_say_nothing_hardly_change_scores(seed):
    X, y = two_groups()
    labels = partly(np.random.default_rng(seed).permutation(y), 0.2, seed)
    unknown = labels == -1
    alone = SOMDetector(random_state=0).fit(X).score_samples(X)[unknown]
    misled = SOMDetector(random_state=0).fit(X, known=labels)
    change = misled.score_samples(X)[unknown] / alone
    assert misled.detector_.marks.trust < 0.1
    assert change.max() / change.min() < 1.5  # by labels that say something, 50 and more


def sets():
    for name in ("breast_cancer", "wine", "digits", "iris"):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        for rare in (0, 1) if name in ("digits", "iris") else (0,):
            rng = np.random.default_rng(0)
            few = rng.choice(np.flatnonzero(y == rare), 15, replace=False)
            kept = np.append(np.flatnonzero(y != rare), few)
            Z = X[kept] - X[kept].mean(axis=0)
            yield (
                f"{name}-{rare}",
                Z / np.where(Z.std(axis=0) > 0, Z.std(axis=0), 1),
                y[kept] == rare,
            )


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "X", "y"), list(sets()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_labels_never_make_a_ranking_worse_by_more_than_noise(name, X, y):
    alone = -SOMDetector(random_state=0).fit(X).score_samples(X)
    gains = []
    for seed in range(3):
        labels = partly(y.astype(int), 0.3, seed)
        helped = -SOMDetector(random_state=0).fit(X, known=labels).score_samples(X)
        gains.append(auroc(y, labels, helped) - auroc(y, labels, alone))
    assert np.mean(gains) > -0.02, gains  # 10 unknown anomalies: a standard error is 0.05 or more


def test_labels_of_rows_without_weight_do_not_count():
    X, y = two_groups()
    labels, weights = partly(y, 0.2), np.ones(len(y))
    weights[::3] = 0
    some = SOMDetector(random_state=0).fit(X, known=labels, sample_weight=weights)
    kept = weights > 0
    same = SOMDetector(random_state=0).fit(X[kept], known=labels[kept])
    np.testing.assert_array_equal(some.score_samples(X), same.score_samples(X))


@pytest.mark.parametrize("least", [1e-20, 1e-300])
@pytest.mark.parametrize("n_values", [0, 5])
def test_rows_of_hardly_any_weight_may_be_lowest_and_highest(least, n_values):
    X, y = two_groups()
    X = X if n_values == 0 else np.clip(np.rint(X), 0, n_values)
    X[0], X[-1] = -20, 20
    weights = np.ones(len(y))
    weights[[0, -1]] = least
    labels = partly(y, 0.2)
    fitted = SOMDetector(random_state=0).fit(X, known=labels, sample_weight=weights)
    assert fitted.detector_.marks.trust > 0.5
    assert np.isfinite(fitted.score_samples(X)).all()


@pytest.mark.parametrize(
    "known",
    [
        [2, 0, -1],
        [-1, 1],
        [[0, 1, 1]],
        [0.5, np.nan, 1],
        [None, 3, 0],
        [1, 2, 2],
        ["fraud", "ok", "ok"],
    ],
)
def test_labels_that_cannot_be_are_refused(known):
    with rejected(parameter="known"):
        known_labels(known, 3)
    with rejected(parameter="known"):
        SOMDetector(random_state=0).fit(np.eye(3), known=known)


@pytest.mark.parametrize("y", [[1, 0, 0], ["a", "b", "c"], [0.5, 0, 1], "not even rows"])
def test_a_target_teaches_nothing_as_by_all_detectors_of_scikit_learn(y):
    X = np.eye(3)
    alone = SOMDetector(random_state=0).fit(X)
    with_target = SOMDetector(random_state=0).fit(X, y)
    np.testing.assert_array_equal(with_target.score_samples(X), alone.score_samples(X))
    assert with_target.detector_.marks is None
