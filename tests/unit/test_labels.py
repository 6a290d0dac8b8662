"""A few known labels: they raise scores around anomalies, and never mislead by more than noise."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.metrics import roc_auc_score

from somscape import SOM, SOMDetector, load
from somscape.errors import InputError, SomscapeWarning
from somscape.outliers import contributions, known_labels, labels_to_learn_from, score_rows


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
    helped = -SOMDetector(random_state=0).fit(X, labels).score_samples(X)
    assert auroc(y, labels, alone) < 0.7
    assert auroc(y, labels, helped) > 0.85


def test_no_known_label_is_no_label():
    X, y = two_groups()
    alone = SOMDetector(random_state=0).fit(X)
    for unknown in (np.full(len(y), -1), np.full(len(y), np.nan), [None] * len(y)):
        fitted = SOMDetector(random_state=0).fit(X, unknown)
        assert fitted.map_.detector.lift is None
        np.testing.assert_array_equal(fitted.score_samples(X), alone.score_samples(X))


def test_labels_that_say_nothing_change_no_score():
    X, y = two_groups()
    labels = partly(np.random.default_rng(1).permutation(y), 0.2)
    alone = SOMDetector(random_state=0).fit(X)
    misled = SOMDetector(random_state=0).fit(X, labels)
    np.testing.assert_array_equal(misled.score_samples(X), alone.score_samples(X))


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


@pytest.mark.parametrize(
    ("name", "X", "y"), list(sets()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_labels_never_make_a_ranking_worse_by_more_than_noise(name, X, y):
    alone = -SOMDetector(random_state=0, n_folds=2).fit(X).score_samples(X)
    gains = []
    for seed in range(3):
        labels = partly(y.astype(int), 0.3, seed)
        helped = -SOMDetector(random_state=0, n_folds=2).fit(X, labels).score_samples(X)
        gains.append(auroc(y, labels, helped) - auroc(y, labels, alone))
    assert np.mean(gains) > -0.02, gains  # 10 unknown anomalies: a standard error is 0.05 or more


@pytest.mark.parametrize("n_maps", [1, 4])
def test_parts_still_add_up_and_a_saved_detector_keeps_the_lift(tmp_path, n_maps):
    X, y = two_groups()
    detector = SOMDetector(random_state=0, n_maps=n_maps).fit(X, partly(y, 0.2))
    assert detector.map_.detector.lift is not None
    detector.save(tmp_path / "d.som")
    back = load(tmp_path / "d.som")
    np.testing.assert_array_equal(score_rows(back, X), -detector.score_samples(X))
    np.testing.assert_allclose(contributions(back, X).sum(axis=1), score_rows(back, X), rtol=1e-9)


def test_known_anomalies_do_not_calibrate():
    X, y = two_groups()
    labels = partly(y, 0.2)
    detector = SOMDetector(random_state=0, som=SOM(4, 5)).fit(X, labels)
    assert len(detector.map_.detector.calibration) == 460 - (labels == 1).sum()


def test_labels_of_rows_without_weight_do_not_count():
    X, y = two_groups()
    labels, weights = partly(y, 0.2), np.ones(len(y))
    weights[::3] = 0
    some = SOMDetector(random_state=0).fit(X, labels, sample_weight=weights)
    kept = weights > 0
    same = SOMDetector(random_state=0).fit(X[kept], labels[kept])
    np.testing.assert_array_equal(some.score_samples(X), same.score_samples(X))


@pytest.mark.parametrize("y", [[2, 0, -1], [-1, 1], [[0, 1, 1]], [0.5, np.nan, 1], [None, 3, 0]])
def test_labels_that_cannot_be_are_refused(y):
    with pytest.raises(
        InputError, match=r"`y` must hold 1 \(anomaly\), 0 .*for each of the 3 rows"
    ):
        known_labels(y, 3)


@pytest.mark.parametrize("y", [[1, 2, 2], ["fraud", "ok", "ok"], [0, 2, 0]])
def test_two_values_that_look_like_labels_but_are_not_warn(y):
    message = r"`y` is not used: it holds .* labels are 1 \(anomaly\)"
    with pytest.warns(SomscapeWarning, match=message):
        assert labels_to_learn_from(y, 3) is None


@pytest.mark.parametrize("y", [[2, 0, 1], ["a", "b", "c"], [0.5, 0, 1]])
def test_targets_of_another_kind_are_ignored_as_everywhere_in_scikit_learn(y):
    assert known_labels(y, 3) is labels_to_learn_from(y, 3) is None
