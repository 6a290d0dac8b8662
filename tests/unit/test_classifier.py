"""`SOMClassifier`: what it answers, what it takes, what it refuses."""

import pickle

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, Map, SOMClassifier
from somscape.recognize._train import MAX_TOLD, held_out, spread_evenly

DAYS = np.array(["2026-01-01", "2026-01-02"] * 30, dtype="datetime64[D]")
NAMES = np.array(["apple", "pear", "quince"])


def groups(n=240, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 4)) + 2.5 * np.eye(3, 4)[y], NAMES[y]


def checkers(n=600, seed=0):
    X = np.random.default_rng(seed).uniform(-2, 2, (n, 2))
    return X, (np.floor(X).sum(axis=1) % 2).astype(int)


@pytest.fixture(scope="module")
def fitted():
    return SOMClassifier(random_state=0).fit(*groups())


def test_it_names_new_rows(fitted):
    X, y = groups(seed=1)
    assert fitted.classes_.tolist() == NAMES.tolist()
    assert fitted.score(X, y) > 0.9
    p = fitted.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(NAMES[p.argmax(axis=1)], fitted.predict(X))
    assert fitted.score(X, y) == (fitted.predict(X) == y).mean()


def test_the_map_has_at_most_a_tenth_of_the_rows_and_answers_as_any_map(fitted):
    X, _ = groups()
    map_ = fitted.map_
    assert isinstance(map_, Map)
    assert map_.n_units <= len(X) / 10
    assert map_.codebook.shape[1] == X.shape[1]
    assert map_.hits.sum() == len(X)
    np.testing.assert_array_equal(np.bincount(map_.winners(X), minlength=map_.n_units), map_.hits)
    np.testing.assert_allclose(fitted.shares_.sum(axis=1), 1)
    assert Map.from_record(map_.to_record()).winners(X).tolist() == map_.winners(X).tolist()


def hidden(n=600, seed=0):
    """Classes by one column among five of noise, each with as much spread."""
    X = np.random.default_rng(seed).normal(size=(n, 6))
    return X, (X[:, 0] > 0).astype(int)


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize("more", [{"sharpen": True}, {"smooth": True}])
def test_each_ingredient_helps_alone(more):
    plain = {"sharpen": False, "smooth": False}
    without, found = (
        SOMClassifier(random_state=0, **parameters).fit(*hidden()).score(*hidden(seed=1))
        for parameters in (plain, {**plain, **more})
    )
    assert found > without + 0.02


@pytest.mark.nightly
@pytest.mark.all_tries
def test_probabilities_are_calibrated_where_classes_overlap():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (6000, 2))
    y = rng.random(6000) < 1 / (1 + np.exp(-x[:, 0]))
    p = SOMClassifier(random_state=0).fit(x[:3000], y[:3000]).predict_proba(x[3000:])[:, 1]
    for low in np.arange(0, 1, 0.2):
        some = (p >= low) & (p < low + 0.2)
        assert abs(p[some].mean() - y[3000:][some].mean()) < 0.08


def test_rows_of_unknown_class_train_the_map_and_minus_one_is_a_class():
    X, y = groups()
    partly = np.where(np.arange(len(y)) % 4 > 0, None, y.astype(object))
    found = SOMClassifier(random_state=0).fit(X, partly)
    assert found.classes_.tolist() == NAMES.tolist()
    assert found.map_.hits.sum() == len(X)
    assert found.score(X, y) > 0.85
    assert found.score(X, partly) == np.mean((found.predict(X) == y)[np.arange(len(y)) % 4 == 0])
    codes = np.where(np.arange(len(y)) % 4 == 1, np.nan, np.searchsorted(NAMES, y) - 1.0)
    assert SOMClassifier(random_state=0).fit(X, codes).classes_.tolist() == [-1, 0, 1]


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize(("every", "gain"), [(10, 0.05), (20, 0.0)])
def test_rows_of_unknown_class_help_or_are_left_out(every, gain):
    X, y = checkers()
    few = np.arange(len(y)) % every == 0
    with_all = SOMClassifier(random_state=0).fit(X, np.where(few, y, np.nan))
    alone = SOMClassifier(random_state=0).fit(X[few], y[few])
    assert with_all.score(X[~few], y[~few]) >= alone.score(X[~few], y[~few]) + gain
    assert (with_all.map_.n_units > alone.map_.n_units) == (gain > 0)
    assert with_all.map_.hits.sum() == len(X)


def test_a_list_with_nan_is_not_a_class_called_nan():
    X, y = groups(60)
    partly = [np.nan, *y[1:].tolist()]
    assert SOMClassifier(random_state=0).fit(X, partly).classes_.tolist() == NAMES.tolist()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_and_their_columns_of_classes(library, fitted):
    frames = pytest.importorskip(library)
    X, y = groups()
    frame = frames.DataFrame({f"x{j}": X[:, j] for j in range(4)})
    found = SOMClassifier(random_state=0).fit(frame, frames.Series(y.tolist()))
    np.testing.assert_array_equal(found.predict(frame), fitted.predict(X))
    assert found.map_.encoding.feature_names == ["x0", "x1", "x2", "x3"]


def test_the_order_of_rows_and_copies_in_place_of_weights_change_nothing():
    X, y = checkers(150)
    order = np.random.default_rng(0).permutation(150)
    weights = np.arange(150) % 3
    copies = np.repeat(np.arange(150), weights)
    weighed = SOMClassifier(random_state=0).fit(X, y, sample_weight=weights)
    copied = SOMClassifier(random_state=0).fit(X[copies], y[copies])
    shuffled = SOMClassifier(random_state=0).fit(X[order], y[order], weights[order])
    for other in (copied, shuffled):
        np.testing.assert_array_equal(weighed.predict_proba(X), other.predict_proba(X))


@pytest.mark.all_tries
def test_accuracy_is_true_where_rows_are_often_equal():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (600, 2)).astype(float)
    y = np.where(rng.random(600) < 0.1, 1 - X[:, 0], X[:, 0])
    found = SOMClassifier(SOM(n_init=1), random_state=0).fit(X, y).recognizer_
    assert found.accuracy == pytest.approx((y == X[:, 0]).mean())
    assert len(found.far) == 600


def test_far_counts_rows_by_their_weight():
    X, y = groups(60)
    weighed = SOMClassifier(SOM(n_init=1), random_state=0).fit(X, y, np.full(60, 7) - np.eye(60)[0])
    assert len(weighed.recognizer_.far) == 419


@pytest.mark.parametrize("weight", [0.2, 1.0, 1.5, 2.0, 5.0, 7.0])
@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_folds_leave_each_part_of_a_row_out_once(weight, n):
    y = np.r_[np.zeros(n, np.intp), np.ones(3, np.intp), -1]
    weights = np.r_[np.full(n, weight), np.ones(4)]
    folds = np.stack(list(held_out(y, weights, 0)))
    alone = n == 1 and weight <= 1
    np.testing.assert_allclose(folds.sum(axis=0)[:n], 0 if alone else weight)
    assert folds[:, -1].max() == 0
    assert ((weights - folds)[:, :n].sum(axis=1) > 0).all()
    if weight <= 1 and not alone:
        assert ((folds[:, :n] > 0).sum(axis=0) == 1).all()
    if weight >= 5:
        assert np.ptp(folds[:, :n], axis=0).max() <= 1


def test_values_are_kept_as_often_as_their_weights_say():
    assert spread_evenly([], []).tolist() == []
    found = spread_evenly([np.array([3.0, 1.0]), np.array([np.nan])], [np.array([2.0, 3]), [9.0]])
    assert found.tolist() == [1, 1, 1, 3, 3]
    many = spread_evenly([np.arange(2.0)], [np.array([1e9, 3e9])])
    assert len(many) == MAX_TOLD
    assert many.mean() == 0.75


def test_weights_so_light_that_they_vanish_beside_others_are_taken():
    X, y = groups(60)
    weights = np.where(np.arange(60) < 40, 1e300, 1e-300)
    found = SOMClassifier(SOM(n_init=1), random_state=0).fit(X, y, weights)
    assert found.score(X[:40], y[:40]) > 0.8


def test_a_score_of_no_weight_is_refused(fitted):
    X, y = groups()
    some = np.arange(len(y)) < 9
    with rejected(parameter="sample_weight", value=0):
        fitted.score(X, np.where(some, y.astype(object), None), ~some)


def test_rows_far_from_the_map_are_refused():
    X, y = groups(1200)
    strange = np.full((5, 4), 30.0)
    found = SOMClassifier(reject=0.05, random_state=0).fit(X, y)
    assert found.predict(strange).tolist() == [None] * 5
    assert (found.p_values(strange) < 0.01).all()
    X_new, _ = groups(2000, seed=1)
    share = np.mean([answer is None for answer in found.predict(X_new)])
    assert 0.02 < share < 0.09
    assert set(SOMClassifier(random_state=0).fit(X, y).predict(strange)) <= set(NAMES)


def test_a_class_of_one_row_is_learned():
    X, y = groups(120)
    X, y = np.vstack([X, [[9.0] * 4]]), np.append(y, "medlar")
    found = SOMClassifier(random_state=0).fit(X, y)
    assert found.predict([[9.0] * 4]).tolist() == ["medlar"]


def test_two_rows_are_enough():
    found = SOMClassifier(random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    assert found.predict([[-1.0], [2.0]]).tolist() == ["a", "b"]


def test_equal_rows_of_two_classes_are_of_the_larger_one():
    found = SOMClassifier(random_state=0).fit([[1.0]] * 40, [0, 1, 1, 1] * 10)
    assert found.predict([[1.0], [5.0]]).tolist() == [1, 1]


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_the_scale_of_rows_does_not_matter(scale):
    X, y = checkers(200)
    found = SOMClassifier(random_state=0).fit(X * scale, y)
    assert found.score(X * scale, y) > 0.9


def test_more_columns_than_the_margin_rule_turns():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 4
    X = rng.normal(size=(4, 300))[y] + rng.normal(size=(80, 300))
    found = SOMClassifier(random_state=0).fit(X[:60], y[:60])
    assert found.score(X[60:], y[60:]) > 0.9
    assert found.map_.codebook.shape[1] == 300
    assert Map.from_record(found.map_.to_record()).winners(X).tolist() == (
        found.map_.winners(X).tolist()
    )


def test_the_map_is_the_one_asked_for_and_the_same_seed_gives_the_same_answers():
    X, y = groups()
    som = SOM(4, 5, lattice="rectangular")
    found = SOMClassifier(som, random_state=3).fit(X, y)
    assert (found.map_.lattice.n_rows, found.map_.lattice.n_cols) == (4, 5)
    assert found.map_.lattice.kind == "rectangular"
    again = SOMClassifier(som, random_state=3).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), found.predict_proba(X))
    back = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(back.predict_proba(X), found.predict_proba(X))


@pytest.mark.parametrize(
    ("y", "facts"),
    [
        (["a"] * 60, {"value": "a"}),
        ([None] * 60, {}),
        ([np.nan] * 60, {}),
        (["a", "b"], {"value": 2, "allowed": 60}),
        (["a", 1] * 30, {"value": "int and str"}),
        (None, {}),
        (DAYS, {"value": "datetime64[D]"}),
        (DAYS.tolist(), {"value": "date"}),
    ],
)
def test_classes_that_cannot_be_learned_are_refused_in_one_line(y, facts):
    with rejected(parameter="y", **facts) as caught:
        SOMClassifier().fit(groups(60)[0], y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "message"), [([0, np.inf] * 30, "infinity"), (np.linspace(0, 1, 60), "continuous")]
)
def test_numbers_that_are_not_classes_are_refused_in_one_line(y, message):
    with pytest.raises(ValueError, match=message) as caught:
        SOMClassifier().fit(groups(60)[0], y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [60, 3])
def test_a_share_to_refuse_that_too_few_rows_tell_is_refused(n):
    X, y = groups(n)
    with rejected(parameter="reject", value=0.01) as caught:
        SOMClassifier(SOM(n_init=1), reject=0.01, random_state=0).fit(X, y)
    assert "\n" not in str(caught.value)


def test_a_parameter_set_wrongly_leaves_the_map_as_it_is():
    found = SOMClassifier(SOM(n_init=1), random_state=0).fit(*groups(60))
    found.set_params(reject=5)
    assert found.map_ is found.recognizer_.map_
    with rejected(ValueError, parameter="reject", value=5):
        found.predict(groups(60)[0])


def test_unknown_names_in_a_score_are_wrong_and_all_unknown_is_refused(fitted):
    X, y = groups()
    assert fitted.score(X, ["banana"] * len(y)) == 0
    with rejected(parameter="y"):
        fitted.score(X, [None] * len(y))


@pytest.mark.parametrize(
    "parameters",
    [
        {"sharpen": "yes"},
        {"smooth": 2},
        {"reject": 0.7},
        {"missing": "mask"},
        {"som": "map"},
        {"som": SOM(metric="cosine")},
        {"som": SOM(init=np.ones((2, 4)))},
    ],
)
def test_parameters_that_are_not_allowed_are_named(parameters):
    with rejected((ValueError, TypeError)):
        SOMClassifier(**parameters).fit(*groups(60))
