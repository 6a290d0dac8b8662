"""`SOMRegressor`: what it predicts, what it takes, what it refuses, and what its file keeps."""

import pickle
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.preprocessing import scale
from texts import rejected

from somscape import SOM, Map, SOMRegressor, load
from somscape.errors import MapFileError
from somscape.recognize import Predictor
from somscape.save import Record, read_record, write_record


def hills(n=300, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 50 + 10 * X[:, 0] ** 2 + 5 * X[:, 1] + noise * rng.normal(size=n)


def quick(**parameters):
    """Return a regressor whose maps begin once."""
    return SOMRegressor(SOM(n_init=1), random_state=0, **parameters)


@pytest.fixture(scope="module")
def fitted():
    return SOMRegressor(random_state=0).fit(*hills())


def test_it_predicts_new_rows(fitted):
    X, y = hills(seed=1)
    assert fitted.score(X, y) > 0.9
    off = ((fitted.predict(X) - y) ** 2).sum()
    assert fitted.score(X, y) == pytest.approx(1 - off / ((y - y.mean()) ** 2).sum())
    assert 0.8 < fitted.predictor_.r2 < 1


def test_the_map_answers_as_any_map(fitted):
    X, _ = hills()
    map_ = fitted.map_
    assert isinstance(map_, Map)
    assert map_.n_units <= len(X) / 5 + 5
    assert map_.codebook.shape[1] == X.shape[1]
    np.testing.assert_array_equal(np.bincount(map_.winners(X), minlength=map_.n_units), map_.hits)
    assert set(fitted.explain_defaults_) == {"n_rows", "linear"}


@cache
def diabetes():
    """R2 and coverage of 90 % intervals by fold, of the regressor's scikit-learn set."""
    X, y = load_diabetes(return_X_y=True)
    found = []
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        model = SOMRegressor(random_state=0).fit(scale(X)[train], y[train])
        low, high = model.predict_interval(scale(X)[test]).T
        covered = (low <= y[test]) & (y[test] <= high)
        found.append((model.score(scale(X)[test], y[test]), covered.mean()))
    return np.mean(found, axis=0)


@pytest.mark.nightly
@pytest.mark.all_tries
def test_diabetes_is_predicted_better_than_by_any_number_of_neighbors():
    # The best of 1 to 50 neighbors, uniform or by distance, has 0.45 in the same folds.
    assert diabetes()[0] > 0.46


@pytest.mark.nightly
@pytest.mark.all_tries
def test_intervals_of_diabetes_cover_what_they_say():
    assert 0.87 < diabetes()[1] < 0.93


@pytest.mark.all_tries
def test_intervals_cover_what_they_say_where_rows_are_often_equal():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (2000, 2)).astype(float)
    y = X[:, 0] + np.round(rng.normal(size=2000), 1)
    model = quick().fit(X[:1000], y[:1000])
    low, high = model.predict_interval(X[1000:]).T
    assert 0.87 < ((low <= y[1000:]) & (y[1000:] <= high)).mean() < 0.93
    assert model.predictor_.r2 == pytest.approx(model.score(X[1000:], y[1000:]), abs=0.05)


@pytest.mark.all_tries
def test_intervals_are_wider_where_targets_spread_more():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 1))
    y = X[:, 0] + rng.normal(size=2000) * np.where(X[:, 0] > 0, 1.0, 0.1)
    model = quick().fit(X[:1000], y[:1000])
    low, high = model.predict_interval(X[1000:]).T
    covered = (low <= y[1000:]) & (y[1000:] <= high)
    assert 0.86 < covered.mean() < 0.94
    for half in (X[1000:, 0] > 0.1, X[1000:, 0] < -0.1):
        assert 0.8 < covered[half].mean() < 0.98
    width = high - low
    assert width[X[1000:, 0] > 0.2].mean() > 4 * width[X[1000:, 0] < -0.2].mean()


@pytest.mark.nightly
@pytest.mark.all_tries
def test_slopes_carry_a_plane_and_relevance_overlooks_noise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8))
    plane, hill = X @ np.arange(8.0), np.sin(2 * X[:, 0])
    for y, name in ((plane, "linear"), (hill, "relevance")):
        on, off = (
            quick(**{name: way}).fit(X[:200], y[:200]).score(X[200:], y[200:])
            for way in (True, False)
        )
        assert 1 - on < (1 - off) / 2, name


def test_several_targets_some_of_them_unknown():
    X, y = hills()
    Y = np.stack([y, X[:, 2]], axis=1)
    Y[::3, 0] = np.nan
    Y[::5] = np.nan
    model = quick().fit(X, Y)
    X_new, y_new = hills(seed=1)
    Y_new = np.stack([y_new, X_new[:, 2]], axis=1)
    assert model.predict(X_new).shape == (300, 2)
    assert model.predict_interval(X_new).shape == (300, 2, 2)
    assert model.score(X_new, Y_new) > 0.85
    assert model.map_.hits.sum() == 300
    partly = np.where(np.arange(300)[:, None] % 2 == 0, Y_new, np.nan)
    assert model.score(X_new, partly) == pytest.approx(model.score(X_new[::2], Y_new[::2]))


def test_a_list_with_none_and_one_column_are_taken():
    X, y = hills()
    given = [None if i % 10 == 0 else value for i, value in enumerate(y.tolist())]
    found = quick().fit(X, given)
    with_nan = np.where(np.arange(300) % 10 == 0, np.nan, y)
    same = quick().fit(X, with_nan)
    np.testing.assert_array_equal(found.predict(X), same.predict(X))
    column = quick().fit(X, y[:, None])
    np.testing.assert_array_equal(column.predict(X), quick().fit(X, y).predict(X)[:, None])


def test_the_order_of_rows_and_copies_in_place_of_weights_change_nothing():
    X, y = hills(100)
    order = np.random.default_rng(0).permutation(100)
    weights = np.arange(100) % 3
    copies = np.repeat(np.arange(100), weights)
    weighed = quick().fit(X, y, sample_weight=weights)
    copied = quick().fit(X[copies], y[copies])
    shuffled = quick().fit(X[order], y[order], weights[order])
    for other in (copied, shuffled):
        np.testing.assert_array_equal(weighed.predict(X), other.predict(X))
        np.testing.assert_array_equal(weighed.predict_interval(X), other.predict_interval(X))


def test_weights_so_light_that_they_vanish_beside_others_change_little():
    X, y = hills(60)
    weights = np.where(np.arange(60) < 40, 1e300, 1e-300)
    assert quick().fit(X, y, weights).score(X[:40], y[:40]) > 0.8


def test_predictions_stay_near_what_was_seen_and_a_far_row_is_told(fitted):
    _, y = hills()
    far = np.full((1, 3), 1e3)
    assert y.min() - np.ptp(y) / 5 < fitted.predict(far)[0] < y.max() + np.ptp(y) / 5
    assert fitted.p_values(far)[0] < 0.01


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_scales_do_not_matter(scale, fitted):
    X, y = hills()
    found = quick().fit(X * scale, y * scale)
    assert found.score(X * scale, y * scale) == pytest.approx(fitted.score(X, y), abs=0.02)


def test_an_offset_does_not_matter(fitted):
    X, y = hills()
    model = quick().fit(X, y + 1e11)
    assert model.predictor_.r2 > 0.8
    assert model.score(X, y + 1e11) == pytest.approx(fitted.score(X, y), abs=0.02)


@pytest.mark.parametrize("y", [[3.0] * 30, [0.1] * 29 + [0.1]])
def test_a_target_that_does_not_vary_is_predicted(y):
    X = hills(30)[0]
    found = quick().fit(X, y)
    np.testing.assert_allclose(found.predict(X), y)
    assert np.isfinite(found.predict_interval(X)).all()


def test_few_rows_have_wide_intervals():
    found = quick().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    assert np.isinf(found.predict_interval([[1.0]])).all()
    assert np.isfinite(found.predict_interval([[1.0]], coverage=0.5)).all()
    one = quick().fit([[0.0], [1.0]], [5.0, None])
    assert one.predict([[3.0]]).tolist() == [5.0]
    assert one.predictor_.r2 is None


def test_the_map_is_the_one_asked_for_and_a_pickle_answers_the_same():
    X, y = hills(100)
    found = SOMRegressor(SOM(4, 5, lattice="rectangular"), random_state=3).fit(X, y)
    assert (found.map_.lattice.n_rows, found.map_.lattice.n_cols) == (4, 5)
    back = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(back.predict(X), found.predict(X))


@pytest.mark.parametrize(
    ("y", "facts"),
    [
        (None, {}),
        ([None] * 60, {}),
        ([[1.0, np.nan]] * 60, {}),
        ([1.0, 2.0], {"value": 2, "allowed": 60}),
        (["a", "b"] * 30, {"value": "a"}),
        (np.array(["a", "b"] * 30), {"value": "<U1"}),
        (np.zeros((60, 2, 2)), {"value": "float64"}),
        (np.zeros((60, 0)), {}),
        ([1 + 2j] * 60, {"value": 1 + 2j}),
        ([b"a"] * 60, {"value": b"a"}),
        ([10**400] * 60, {"value": 10**400}),
        ([0.0] * 59 + [-1e155], {"value": -1e155, "row": 59, "allowed": 1e145}),
    ],
)
def test_targets_that_cannot_be_learned_are_refused_in_one_line(y, facts):
    with rejected(parameter="y", **facts) as caught:
        SOMRegressor().fit(hills(60)[0], y)
    assert "\n" not in str(caught.value)


def test_infinite_targets_are_refused():
    with pytest.raises(ValueError, match="infinity"):
        SOMRegressor().fit(hills(60)[0], [0, np.inf] * 30)


@pytest.mark.parametrize(
    "parameters",
    [
        {"relevance": "yes"},
        {"linear": 2},
        {"missing": "mask"},
        {"som": "map"},
        {"som": SOM(metric="cosine")},
        {"som": SOM(init=np.ones((2, 4)))},
    ],
)
def test_parameters_that_are_not_allowed_are_named(parameters):
    with rejected((ValueError, TypeError)):
        SOMRegressor(**parameters).fit(*hills(60))


@pytest.mark.parametrize("coverage", [0, 1, 1.5, "0.9"])
def test_a_coverage_that_is_none_is_refused(fitted, coverage):
    with rejected((ValueError, TypeError), parameter="coverage"):
        fitted.predict_interval(hills()[0], coverage)


def test_scores_of_other_shapes_or_nothing_known_are_refused(fitted):
    X, y = hills()
    with rejected(parameter="y"):
        fitted.score(X, np.stack([y, y], axis=1))
    with rejected(parameter="y"):
        fitted.score(X, np.full(len(y), np.nan))
    with rejected(parameter="sample_weight", value=0):
        fitted.score(X, np.where(np.arange(len(y)) < 9, y, np.nan), np.arange(len(y)) >= 9)
    heavy = np.where(np.arange(len(y)) < 9, 1e300, 1)
    assert fitted.score(X, y, heavy) == pytest.approx(fitted.score(X[:9], y[:9]))


# Its file


@pytest.fixture
def saved(tmp_path, fitted):
    fitted.predictor_.save(tmp_path / "r.som")
    return tmp_path / "r.som"


def test_several_targets_without_slopes_come_back(tmp_path):
    X, y = hills(60)
    before = quick(linear=False).fit(X, np.stack([y, -y], axis=1))
    before.predictor_.save(tmp_path / "r.som")
    after = load(tmp_path / "r.som")
    assert after.slopes is None
    np.testing.assert_array_equal(after.predict(X), before.predict(X))


def test_a_map_without_targets_is_no_predictor(fitted):
    with rejected():
        Predictor.from_record(fitted.map_.to_record())


BAD = [
    ({"is_single": 1}, {}, "`is_single` must be"),
    ({"r2": 1.5}, {}, "`r2` must be"),
    ({"tints": 1}, {}, "tints"),
    ({}, {"values": np.zeros((3, 1))}, "`values` must be an array"),
    ({}, {"values": np.zeros(60)}, "`values` must be an array"),
    ({}, {"spread": None}, "spread"),
    ({}, {"limits": np.zeros((1, 1))}, "`limits` must be an array of 2 x 1"),
    ({}, {"errors": np.array([[2.0], [1.0]])}, "`errors` must be in ascending order"),
    ({}, {"errors": np.array([[1.0], [np.inf]])}, "`errors` must be an array"),
    ({"errors": [[1.0]]}, {"errors": None}, "`errors` must be an array"),
    ({}, {"far": np.array([2.0, 1.0])}, "`far` must be in ascending order"),
    ({}, {"slopes": np.zeros((60, 1, 9))}, "`slopes` must be an array"),
]


@pytest.mark.parametrize(("header", "arrays", "message"), BAD)
def test_what_does_not_fit_is_refused_in_one_line(saved, header, arrays, message):
    record = read_record(saved)
    named = record.arrays | {f"targets.{name}": values for name, values in arrays.items()}
    there = {name: values for name, values in named.items() if values is not None}
    part = {**record.header["targets"], **header}
    write_record(saved, Record({**record.header, "targets": part}, there))
    with pytest.raises(MapFileError) as caught:
        load(saved)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
