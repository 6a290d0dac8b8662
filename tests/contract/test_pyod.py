"""PyOD's interface, against PyOD itself: `make others` has it installed."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from somscape import SOM, SOMDetector
from somscape.errors import InputError
from somscape.pyod import as_pyod

try:
    from pyod.models.base import BaseDetector
    from pyod.models.feature_bagging import FeatureBagging
    from pyod.models.iforest import IForest
    from pyod.models.lscp import LSCP
    from pyod.utils import standardizer
except ImportError:
    BaseDetector = None

needs_pyod = pytest.mark.skipif(BaseDetector is None, reason="PyOD is not installed: make others")


def rows_of(n=300, seed=0):
    """Rows of which the last 20 lie elsewhere, and which those are."""
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(size=(n - 20, 4)), rng.normal(6, 2, size=(20, 4))])
    return X, np.arange(n) >= n - 20


def small(**options):
    return SOMDetector(som=SOM(4, 5, n_epochs=4), random_state=0, **options)


@needs_pyod
def test_it_is_one_of_pyods_detectors():
    X, is_outlier = rows_of()
    detector = as_pyod(small(), contamination=0.07)
    assert isinstance(detector, BaseDetector)
    assert detector.fit(X) is detector
    np.testing.assert_array_equal(detector.decision_function(X), detector.decision_scores_)
    np.testing.assert_array_equal(detector.decision_scores_, -small().fit(X).score_samples(X))
    assert roc_auc_score(is_outlier, detector.decision_scores_) > 0.99
    assert detector.threshold_ == np.percentile(detector.decision_scores_, 93)
    assert detector.labels_.sum() == 21
    np.testing.assert_array_equal(detector.predict(X), detector.labels_)
    assert set(detector.predict(X[-5:])) == {1}


@needs_pyod
def test_probabilities_and_confidence_are_pyods():
    X, is_outlier = rows_of()
    detector = as_pyod(small()).fit(X)
    for method in ("linear", "unify"):
        p = detector.predict_proba(X, method=method)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
        assert p[is_outlier, 1].mean() > p[~is_outlier, 1].mean()
    labels, confidence = detector.predict(X, return_confidence=True)
    assert labels.shape == confidence.shape == (300,)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert detector.predict_confidence(X).shape == (300,)
    assert set(detector.predict_with_rejection(X, c_r=0.1)) <= {-2, 0, 1}


@needs_pyod
def test_it_combines_with_other_detectors_of_pyod():
    X, is_outlier = rows_of()
    X_train, X_test = standardizer(X[::2], X[1::2])
    lscp = LSCP([as_pyod(small()), as_pyod(small(trim=0)), IForest(random_state=0)], random_state=0)
    bagging = FeatureBagging(as_pyod(small()), n_estimators=3, random_state=0)
    for ensemble in (lscp, bagging):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyOD's own
            scores = ensemble.fit(X_train).decision_function(X_test)
        assert roc_auc_score(is_outlier[1::2], scores) > 0.95
    # PyOD sets the seeds that it finds among the parameters.
    seeds = [one.get_params()["detector__random_state"] for one in bagging.estimators_]
    assert len(set(seeds)) == 3


@needs_pyod
def test_scores_of_several_are_combined_by_pyods_functions():
    from pyod.models.combination import aom, average, maximization

    X, is_outlier = rows_of()
    scores = np.column_stack(
        [as_pyod(small(trim=t)).fit(X).decision_scores_ for t in (0, 0.1, 0.2)]
    )
    for combine in (average, maximization, lambda s: aom(s, 3)):
        assert roc_auc_score(is_outlier, combine(standardizer(scores))) > 0.99


@needs_pyod
def test_it_is_cloned_and_pickled():
    X, _ = rows_of()
    detector = as_pyod(small(), contamination=0.2)
    other = clone(detector).set_params(detector__som__n_rows=3)
    assert (detector.detector.som.n_rows, other.detector.som.n_rows) == (4, 3)
    assert other.contamination == 0.2
    assert not hasattr(detector.fit(X).detector, "map_")
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.decision_function(X), detector.decision_scores_)
    assert "SOMDetector" in repr(detector)


@needs_pyod
def test_reasons_come_from_the_fitted_detector():
    X, _ = rows_of()
    detector = as_pyod(small()).fit(X)
    parts = detector.detector_.contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), detector.decision_scores_, rtol=1e-12)


@needs_pyod
def test_what_cannot_be_used_is_refused():
    X, _ = rows_of()
    with pytest.raises(TypeError, match="`detector` must be"):
        as_pyod(SOM())
    with pytest.raises(ValueError, match=r"contamination must be in \(0, 0.5\]"):
        as_pyod(contamination=0.9)
    with pytest.raises(ValueError, match="not fitted"):
        as_pyod().decision_function(X)
    with pytest.raises(ValueError, match="4 features"):
        as_pyod(small()).fit(X).predict(X[:, :3])


def test_without_pyod_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        as_pyod()
    assert "pip install 'pyod>=" in str(caught.value)


def test_nothing_imports_pyod_before_it_is_asked_for():
    code = (
        "import sys, somscape; somscape.SOMDetector, somscape.outliers; "
        "assert 'somscape.pyod' not in sys.modules; assert 'pyod' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
