"""What would name a row another class: with these changes it really does."""

import numpy as np
import pytest
from nightly import nightly
from sklearn.datasets import load_digits

from somscape import SOMClassifier, TableEncoder
from somscape.grid import Lattice
from somscape.kernels import Metric
from somscape.maps import Map
from somscape.recognize import Recognizer
from somscape.tables import Encoding, table_from_columns


def recognizer_of(codebook, shares, classes=("a", "b")):
    codebook = np.asarray(codebook, dtype=float)
    n_units, n_features = codebook.shape
    encoding = Encoding.plain([f"x{j}" for j in range(n_features)])
    metric = Metric("mahalanobis", None, np.eye(n_features), np.zeros(n_features))
    map_ = Map(
        codebook, Lattice(1, n_units, "rectangular"), encoding, np.ones(n_units), metric=metric
    )
    shares = np.asarray(shares, dtype=float)
    classes = np.array(classes)
    far = np.array([1.0])
    return Recognizer(
        map_, 1, 2.0, far, classes=classes, shares=shares, prior=0.1, centers=codebook
    )


def test_one_column_comes_back_to_the_border_by_hand():
    # The winner answers.  From (0, 1), with x0 at 10 the nearest prototype is (10, 0); the border
    # is at 5.  Prototypes span 10, so that values are tenths.
    recognizer = recognizer_of([[0, 0], [10, 0]], [[0.9, 0.1], [0.2, 0.8]])
    (found,) = recognizer.counterfactuals([[0.0, 1.0]])
    assert (found.named, found.probability) == ("b", 0.8)
    (change,) = found.changes
    assert (change.column, change.value) == ("x0", "0")
    assert 5 < change.to <= 5.1
    assert str(found) == f"would be b (80 %) with x0 {change.to:g}"


def test_a_class_without_a_prototype_cannot_be_named():
    recognizer = recognizer_of([[0.0], [10.0]], [[0.9, 0.1], [0.8, 0.2]])
    assert recognizer.counterfactuals([[3.0], [12.0]]) == [None, None]


def mixed_table(rng, n=160):
    kind = rng.choice(["round", "long", "flat"], n)
    size, weight = rng.normal(10, 2, n), rng.integers(50, 90, n)
    y = np.where((kind == "round") & (size > 10), "pea", np.where(weight > 75, "bean", "lentil"))
    return {"kind": kind, "size": size, "weight": weight}, y


@pytest.mark.parametrize("seed", [0, *nightly(range(1, 10))])
def test_rows_with_the_changes_are_named_as_said(seed):
    rng = np.random.default_rng(seed)
    columns, y = mixed_table(rng)
    classifier = SOMClassifier(random_state=0).fit(table_from_columns(columns), y)
    some = rng.choice(160, 12, replace=False)
    rows = table_from_columns({name: values[some] for name, values in columns.items()})
    for i, (before, found) in enumerate(
        zip(classifier.predict(rows), classifier.counterfactuals(rows), strict=True)
    ):
        assert found is not None
        assert found.named != before
        to = {change.column: change.to for change in found.changes}
        assert to
        cells = {name: [to.get(name, values[some[i]])] for name, values in columns.items()}
        changed = table_from_columns(cells)
        assert classifier.predict(changed).tolist() == [found.named]
        proba = classifier.predict_proba(changed).max()
        assert found.probability == pytest.approx(proba, abs=1e-9)
        for change in found.changes:
            was = columns[change.column][some[i]]
            if isinstance(was, str):
                assert change.value == was
            else:
                assert float(change.value) == pytest.approx(was, rel=1e-5)


def test_no_column_is_named_that_is_not_needed():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.normal(size=(200, 3))])
    classifier = SOMClassifier(random_state=0).fit(X, np.where(X[:, 0] > 0, 1, 0))
    rows = X[np.abs(X[:, 0]) > 0.5][:20]
    for row, found in zip(rows, classifier.counterfactuals(rows), strict=True):
        for left_out in found.changes:
            changed = row.copy()
            for change in found.changes:
                if change is not left_out:
                    changed[int(change.column[1:])] = change.to
            assert classifier.predict([changed])[0] != found.named


@pytest.mark.nightly
@pytest.mark.parametrize("encoder", [None, TableEncoder()])
def test_values_lie_where_rows_do_though_prototypes_do_not(encoder):
    digits = load_digits(as_frame=True)
    data, y = digits.data[:300], digits.target[:300].to_numpy()
    classifier = SOMClassifier(random_state=0, encoder=encoder).fit(data, y)
    low, high = data.min(), data.max()
    named = classifier.predict(data[:20])
    for row, one in enumerate(classifier.counterfactuals(data[:20])):
        changed = data.iloc[[row]].astype(float)
        for change in one.changes:
            value = float(change.to)  # a column of few numbers is a category
            assert low[change.column] <= value <= high[change.column]
            changed[change.column] = value
        assert classifier.predict(changed)[0] == one.named != named[row]


def test_a_changed_row_is_not_refused():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[y]
    classifier = SOMClassifier(random_state=0, reject=0.2).fit(X, y)
    found = classifier.counterfactuals(X)
    assert any(found)
    for row, one in zip(X, found, strict=True):
        if one is not None:
            for change in one.changes:
                row[int(change.column[1:])] = change.to
            assert classifier.predict([row])[0] == one.named
