"""The estimator and its map: what it accepts, what it refuses and how, and what it leaves."""

import copy
import json
import math
import pickle
import time
import zipfile
from dataclasses import replace
from inspect import signature

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save as safetensors_bytes
from texts import rejected

from somscape import SOM, Lattice, SOMDetector, load
from somscape.callbacks import TimeLimit
from somscape.errors import InputError, MapFileError, SomscapeError, SomscapeWarning
from somscape.fit._start import principal_axes

FLOATS = [np.float32, np.float64]
LATTICES = [
    ("rectangular", "plane"),
    ("hexagonal", "plane"),
    ("rectangular", "cylinder"),
    ("hexagonal", "cylinder"),
    ("rectangular", "torus"),
    ("hexagonal", "torus"),
]


def global_random_state():
    """NumPy's global generator, which nothing here may draw from."""
    return np.random.get_state()[1:3]  # noqa: NPY002


def rows_of(n=80, d=3, dtype=np.float64, seed=0, offset=0.0):
    """Rows of unequal spread, with negative values."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.linspace(3, 0.5, d) + offset).astype(dtype)


# What it computes


@pytest.mark.parametrize(("lattice", "boundary"), LATTICES)
@pytest.mark.parametrize("neighborhood", ["gaussian", "bubble", "cut_gaussian", "epanechnikov"])
def test_batch_fit_equals_the_oracle_from_start_to_end(kernels, lattice, boundary, neighborhood):
    # 4 x 5 from the PCA start, radius 1.2 to 0.7 over 4 epochs (wider bubbles coincide on it).
    X = rows_of(60)
    som = SOM(
        4, 5, lattice=lattice, boundary=boundary, neighborhood=neighborhood, n_epochs=4,
        radius_start=1.2, radius_end=0.7, tol=0,
    ).fit(X)  # fmt: skip
    distances = naive.map_distances(4, 5, lattice, boundary)
    # The start is rounded to 2^-20 of each feature's range; means forget that, unless a row's
    # choice hangs on it.
    codebook = naive.pca_start(X, 4, 5, lattice)
    for t in range(4):
        radius = naive.schedule("geometric", 1.2, 0.7, t, 4)
        codebook = naive.batch_epoch(X, codebook, distances, radius, neighborhood)
    np.testing.assert_allclose(som.codebook_, codebook, rtol=0, atol=1e-5)


def test_fit_by_hand(kernels):
    # Two groups of two on a 1 x 2 map, given start, radius too small to mix: group means.
    X = [[-4.0, 0.0], [-2.0, 1.0], [6.0, -1.0], [8.0, -3.0]]
    start = [[-10.0, 0.0], [10.0, 0.0]]
    som = SOM(1, 2, init=start, radius_start=0.1, radius_end=0.1, n_epochs=1).fit(X)
    assert som.codebook_.tolist() == [[-3, 0.5], [7, -2]]
    assert som.labels_.tolist() == [0, 0, 1, 1]
    assert som.map_.hits.tolist() == [2, 2]
    assert som.predict([[0.0, 0.0], [5.0, 0.0]]).tolist() == [0, 1]
    # Squared distances 1.25, 1.25, 2, 2.
    assert som.score(X) == pytest.approx(-1.625, rel=1e-14)
    np.testing.assert_allclose(som.transform([[-3.0, 2.5]]), [[2, np.sqrt(120.25)]], rtol=1e-15)


@pytest.mark.parametrize("dtype", FLOATS)
def test_labels_predict_and_transform_agree_with_the_oracle(kernels, dtype):
    X = rows_of(90, 4, dtype, offset=-5)
    som = SOM(3, 5).fit(X)
    expected = naive.best_units(X, som.codebook_)[0][:, 0]
    np.testing.assert_array_equal(som.labels_, expected)
    np.testing.assert_array_equal(som.predict(X), expected)
    distances = np.linalg.norm(X[:, None].astype(float) - som.codebook_.astype(float), axis=2)
    found = som.transform(X)
    assert found.dtype == dtype
    assert found.shape == (90, 15)
    tolerance = 1e-13 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(found, distances, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(som.map_.hits, np.bincount(expected, minlength=15))
    squares = distances.min(axis=1) ** 2
    assert som.score(X) == pytest.approx(-squares.mean(), rel=10 * tolerance)


@pytest.mark.parametrize(("kind", "boundary"), LATTICES)
def test_a_lattice_gives_size_kind_and_boundary(kind, boundary):
    X, lattice = rows_of(60), Lattice(4, 5, kind, boundary)
    som = SOM(lattice=lattice).fit(X)
    assert som.map_.lattice == lattice
    same = SOM(4, 5, lattice=kind, boundary=boundary).fit(X)
    np.testing.assert_array_equal(som.codebook_, same.codebook_)
    assert som.explain_defaults_ == same.explain_defaults_
    detector = SOMDetector(som=som, random_state=0).fit(X)
    np.testing.assert_array_equal(
        detector.score_samples(X), SOMDetector(som=same, random_state=0).fit(X).score_samples(X)
    )


def test_score_weighs_rows():
    X, weights = rows_of(40), np.arange(40) % 3 + 0.0
    som = SOM(3, 4).fit(X)
    repeated = som.score(X.repeat(weights.astype(int), axis=0))
    assert som.score(X, sample_weight=weights) == pytest.approx(repeated, rel=1e-12)


def test_auto_size_follows_the_rows_and_their_axes():
    X = rows_of(150, 4, seed=3)
    for lattice in ("hexagonal", "rectangular"):
        som = SOM(lattice=lattice).fit(X)
        shape = (som.map_.lattice.n_rows, som.map_.lattice.n_cols)
        assert shape == naive.auto_size(X, lattice)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 30])
@pytest.mark.parametrize(("lattice", "boundary"), LATTICES)
def test_few_rows_make_a_map_of_no_more_units(n, lattice, boundary):
    X = rows_of(n)
    som = SOM(lattice=lattice, boundary=boundary).fit(X)
    least = 2 if (lattice, boundary) == ("hexagonal", "torus") else 1
    assert som.map_.n_units <= max(n, least)
    assert np.isfinite(som.codebook_).all()


def test_fitting_leaves_the_parameters_the_data_and_the_global_random_state_alone():
    X = rows_of(60)
    before, state = X.copy(), global_random_state()
    start = X[:12].copy()
    som = SOM(3, 4, init=start, algorithm="online", random_state=3).fit(X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(start, before[:12])
    after = global_random_state()
    np.testing.assert_array_equal(after[0], state[0])
    assert after[1] == state[1]
    assert som.init is start
    assert som.n_epochs == "auto"


def test_attributes_say_what_happened(kernels):
    som = SOM(2, 3, n_epochs=4, radius_start=1.0).fit(rows_of(30))
    assert som.kernels_used_ == kernels.name
    assert som.map_.codebook is som.codebook_
    assert set(som.map_.versions) == {"somscape", "numpy"}
    parameters = som.map_.parameters
    assert parameters["radius_start"] == 1.0
    assert parameters["radius_end"] == 0.7
    assert parameters["n_iter"] == som.n_iter_ == 4
    assert parameters["algorithm"] == "batch"
    assert parameters["init"] == "pca"
    assert json.loads(json.dumps(dict(parameters))) == parameters


def test_the_recorded_seed_makes_an_unseeded_map_again():
    X = rows_of(60)
    som = SOM(3, 4, algorithm="online", init="sample").fit(X)
    seed = som.map_.parameters["seed"]
    again = SOM(3, 4, algorithm="online", init="sample", random_state=seed).fit(X)
    np.testing.assert_array_equal(som.codebook_, again.codebook_)


def test_a_map_of_more_units_than_rows_warns_and_an_automatic_one_does_not():
    with pytest.warns(SomscapeWarning, match="12 units for 5 rows .* smaller `n_rows`") as caught:
        SOM(3, 4).fit(rows_of(5))
    assert caught[0].filename == __file__
    SOM().fit(rows_of(5))


# Hostile data


@pytest.mark.parametrize("size", [(1, 3), (1, 1), (2, 1), (7, 1), (60, 1)])
@pytest.mark.parametrize("algorithm", ["batch", "online"])
def test_one_row_and_one_feature_will_do(kernels, size, algorithm):
    X = rows_of(*size, offset=-3)
    som = SOM(algorithm=algorithm, random_state=0).fit(X)
    assert som.codebook_.shape == (som.map_.n_units, size[1])
    assert som.predict(X).shape == (size[0],)
    assert np.isfinite(som.codebook_).all()
    if size[0] == 1:
        np.testing.assert_array_equal(som.codebook_, X)


@pytest.mark.parametrize("value", [0.0, -7.25, 1e4 + 1 / 3, 1e150, 5e-324])
@pytest.mark.parametrize("algorithm", ["batch", "online"])
def test_equal_rows_make_equal_prototypes(kernels, value, algorithm):
    X = np.full((20, 3), value)
    som = SOM(3, 4, algorithm=algorithm, random_state=0).fit(X)
    np.testing.assert_array_equal(som.codebook_, np.full((12, 3), value))
    assert som.labels_.tolist() == [0] * 20
    assert som.score(X) == 0
    assert som.history_["quantization_error"][-1] == 0


def test_a_constant_column_stays_constant_and_changes_nothing_else(kernels):
    X = rows_of(60)
    wide = np.insert(X, 1, -4.5, axis=1)
    found = SOM(3, 4).fit(wide).codebook_
    np.testing.assert_array_equal(found[:, 1], -4.5)
    np.testing.assert_allclose(np.delete(found, 1, axis=1), SOM(3, 4).fit(X).codebook_, atol=1e-10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_memory_layouts_change_nothing(kernels, dtype, tmp_path):
    X = rows_of(60, 3, dtype)
    expected = SOM(3, 4, n_init=2).fit(X).codebook_
    assert expected.dtype == np.float64
    np.save(tmp_path / "x.npy", X)
    strided = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    read_only = X.copy()
    read_only.flags.writeable = False
    for other in (
        np.asfortranarray(X),
        strided,
        read_only,
        X[::-1][::-1],
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        X.astype(X.dtype.newbyteorder()) if dtype == np.float64 else X,
        X.tolist() if dtype == np.float64 else X,
    ):
        som = SOM(3, 4, n_init=2).fit(other)
        np.testing.assert_array_equal(som.codebook_, expected)
        np.testing.assert_array_equal(som.predict(other), som.labels_)


def test_whole_numbers_and_truth_values_are_taken_as_float64():
    X = np.random.default_rng(0).integers(-9, 9, (40, 3))
    expected = SOM(3, 4).fit(X.astype(float)).codebook_
    for other in (X, X.astype(np.int8), X.astype(np.float16), X.astype(object)):
        np.testing.assert_array_equal(SOM(3, 4).fit(other).codebook_, expected)
    assert SOM(2, 2).fit(X > 0).codebook_.dtype == np.float64


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-6), (np.float32, 2e-2)])
def test_an_offset_of_ten_thousand_spreads_shifts_the_map_only(kernels, dtype, tolerance):
    # float32 holds 1e4 in steps of 2^-10: the rows are rounded to those first, for both fits.
    X = np.round(rows_of(100, 3) * 2**10) / 2**10
    plain = SOM(3, 4).fit(X.astype(dtype))
    moved = SOM(3, 4).fit((X + 1e4).astype(dtype))
    np.testing.assert_allclose(moved.codebook_ - 1e4, plain.codebook_, rtol=0, atol=tolerance)
    agree = np.mean(moved.labels_ == plain.labels_)
    assert agree == 1 if dtype == np.float64 else agree > 0.95


def test_scaled_rows_make_a_scaled_map_to_the_bit(kernels):
    # A power of two scales every step of the computation exactly.
    X = rows_of(100, 3)
    for dtype in FLOATS:
        plain = SOM(3, 4).fit(X.astype(dtype)).codebook_
        for scale in (2.0**-30, 2.0**30):
            found = SOM(3, 4).fit(X.astype(dtype) * dtype(scale)).codebook_
            np.testing.assert_array_equal(found, plain * dtype(scale))


def test_many_large_features_in_float32_still_find_their_nearest_unit(kernels):
    # Two rows lie up to twice the largest value apart in each feature: 200 squares of 2 * 6.5e17
    # add up to 3.38e38, just below float32's 3.4e38, and squares of 2 * 6.6e17 do not.
    X = np.repeat([[6.5e17], [3.6e17]], 200, axis=1).astype(np.float32)
    with rejected(parameter="X", row=0, column="x0"):
        SOM(1, 2).fit(np.full((2, 200), 6.6e17, np.float32))
    som = SOM(1, 2, init=X, n_epochs=1, radius_start=0.1, radius_end=0.1).fit(X)
    np.testing.assert_array_equal(som.codebook_, X)
    assert som.predict(-X).tolist() == [1, 1]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("init", ["pca", "sample", "random"])
def test_the_largest_values_allowed_train_as_smaller_ones_do(kernels, dtype, init):
    # Twice the largest value in each of 3 features squares to just below the type's largest.
    largest = dtype(0.999 * np.sqrt(float(np.finfo(dtype).max) / 12))
    X = rows_of(60).astype(dtype)
    X /= np.abs(X).max()
    plain = SOM(3, 4, init=init, random_state=0).fit(X)
    found = SOM(3, 4, init=init, random_state=0).fit(X * largest)
    np.testing.assert_allclose(found.codebook_ / largest, plain.codebook_, rtol=0, atol=1e-6)
    with rejected(parameter="X", row=53, column="x0"):
        SOM(3, 4).fit(X * largest * dtype(1.01))


@pytest.mark.parametrize("large", [1e20, 1e30, 1e100])
def test_a_map_of_float32_rows_takes_larger_float64_rows(core, large):
    som = SOM(3, 4).fit(rows_of(60, dtype=np.float32))
    furthest = int(som.codebook_[:, 1].argmax())
    assert som.predict(np.array([[0.0, 0, 0], [0, large, 0]]))[1] == furthest


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 4), st.integers(1, 4))
def test_prototypes_of_batch_training_are_means_so_within_the_data(seed, n, n_rows, n_cols):
    X = np.random.default_rng(seed).integers(-2, 3, (n, 2)).astype(float)
    som = SOM(n_rows, n_cols, n_epochs=3, callbacks=[])
    if n_rows * n_cols > n:
        with pytest.warns(SomscapeWarning):
            som.fit(X)
    else:
        som.fit(X)
    # An unreached unit keeps its PCA start, which may lie beyond; the gaussian reaches all.
    assert (som.codebook_ >= X.min(axis=0) - 1e-9).all()
    assert (som.codebook_ <= X.max(axis=0) + 1e-9).all()
    assert som.map_.hits.sum() == n


def test_the_smallest_radius_allowed_still_trains(kernels):
    X = rows_of(40)
    found = SOM(2, 3, radius_start=1.0, radius_end=1e-200, n_epochs=3).fit(X).codebook_
    expected = SOM(2, 3, radius_start=1.0, radius_end=1e-200, n_epochs=3, neighborhood="gaussian")
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, expected.fit(X).codebook_)


# Weights


@pytest.mark.parametrize("factor", [1e-12, 1e-5, 1e6, 1e15, 1e300])
def test_the_unit_of_the_weights_does_not_matter(kernels, factor):
    X, weights = rows_of(60), np.random.default_rng(1).random(60) + 0.5
    start = X[:12]
    plain = SOM(3, 4, init=start).fit(X, sample_weight=weights).codebook_
    with np.errstate(invalid="ignore"):
        som = SOM(3, 4, init=start)
        if factor < 1:
            with pytest.warns(SomscapeWarning, match="12 units"):
                som.fit(X, sample_weight=weights * factor)
        else:
            som.fit(X, sample_weight=weights * factor)
    np.testing.assert_allclose(som.codebook_, plain, rtol=0, atol=1e-6)


def test_hits_are_weights():
    X, weights = rows_of(60), np.random.default_rng(1).random(60)
    som = SOM(3, 4).fit(X, sample_weight=weights)
    expected = [math.fsum(weights[som.labels_ == unit]) for unit in range(12)]
    np.testing.assert_allclose(som.map_.hits, expected, rtol=1e-14)


@pytest.mark.parametrize(
    "weights",
    [
        np.append(np.ones(59), -0.5),
        np.zeros(60),
        np.full(60, np.nan),
        np.append(np.ones(59), np.inf),
        ["many"] * 60,
        np.ones(59),
        np.ones((60, 2)),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights):
    with rejected(ValueError, parameter="sample_weight"):
        SOM(2, 3).fit(rows_of(60), sample_weight=weights)


def test_a_random_state_draws_its_seed_each_time_and_none_gives_0_where_nothing_is_drawn():
    X = rows_of(60)
    state = np.random.RandomState(3)
    drawn = [SOM(2, 3, random_state=state).fit(X).map_.parameters["seed"] for _ in range(2)]
    again = np.random.RandomState(3).randint(np.iinfo(np.int32).max, size=2)
    assert drawn == again.tolist()
    assert SOM(2, 3).fit(X).map_.parameters["seed"] == 0


def test_a_maps_arrays_cannot_be_written_to(tmp_path):
    som = SOM(2, 3).fit(rows_of(60))
    heights = som.map_.u_heights.copy()
    som.map_.save(tmp_path / "m.som")
    copies = (pickle.loads(pickle.dumps(som.map_)), copy.deepcopy(som.map_))
    for map_ in (som.map_, load(tmp_path / "m.som"), replace(som.map_), *copies):
        for array in (map_.codebook, map_.hits):
            with pytest.raises(ValueError, match="read-only"):
                array[:] = 0
        np.testing.assert_array_equal(map_.u_heights, heights)
    with pytest.raises(ValueError, match="read-only"):
        som.codebook_[:] = 0
    som.partial_fit(rows_of(60))
    with pytest.raises(ValueError, match="read-only"):
        som.codebook_[:] = 0


# Missing and other bad values


def with_gaps():
    X = rows_of(30)
    X[3, 0] = X[7, 0] = X[9, 2] = np.nan
    return X


def test_missing_values_are_filled_by_the_median_on_request(kernels):
    X = with_gaps()
    filled = X.copy()
    for j in (0, 2):
        filled[np.isnan(X[:, j]), j] = np.median(X[~np.isnan(X[:, j]), j])
    som = SOM(2, 3, missing="fill").fit(X)
    expected = SOM(2, 3).fit(filled)
    np.testing.assert_array_equal(som.codebook_, expected.codebook_)
    np.testing.assert_array_equal(som.predict(X), expected.predict(filled))
    # A gap in new rows is filled from the training rows.
    assert som.predict([[np.nan, 0, 0]])[0] == expected.predict([[np.nanmedian(X[:, 0]), 0, 0]])[0]


def test_a_column_without_any_value_cannot_be_filled():
    X = rows_of(30)
    X[:, 1] = np.nan
    with rejected(parameter="X"):
        SOM(2, 3, missing="fill").fit(X)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 4e153])
@pytest.mark.parametrize("when", ["fit", "predict", "transform", "score"])
def test_values_that_cannot_be_squared_are_named_with_row_and_column(bad, when):
    X = rows_of(30)
    som = SOM(2, 3).fit(X)
    X[4, 1] = bad
    with rejected(parameter="X", row=4, column="x1"):
        getattr(som, when)(X)


def test_a_som_has_these_parameters_and_no_others():
    names = (
        "n_rows n_cols lattice boundary neighborhood metric feature_weight algorithm init n_init "
        "n_epochs radius_start radius_end radius_decay learning_rate missing encoder tol "
        "warm_start random_state callbacks verbose"
    )
    assert list(signature(SOM).parameters) == names.split()


# Wrong parameters: the message names the parameter, what came and what is allowed

WRONG = [
    ({"n_rows": 0}, ValueError),
    ({"n_cols": -3}, ValueError),
    ({"n_rows": 2.5}, TypeError),
    ({"n_cols": "big"}, TypeError),
    ({"n_rows": True}, TypeError),
    ({"n_rows": None}, TypeError),
    ({"lattice": "triangular"}, ValueError),
    ({"lattice": None}, ValueError),
    ({"n_rows": 3, "n_cols": "auto", "lattice": Lattice(2, 2)}, ValueError),
    ({"n_rows": "auto", "n_cols": 3, "lattice": Lattice(2, 2)}, ValueError),
    (
        {"n_rows": "auto", "n_cols": "auto", "lattice": Lattice(2, 2), "boundary": "torus"},
        ValueError,
    ),
    (
        {"n_rows": "auto", "n_cols": "auto", "lattice": Lattice(2, 2), "neighborhood": "triangle"},
        ValueError,
    ),
    ({"random_state": -1}, ValueError),
    ({"random_state": "x"}, ValueError),
    ({"random_state": 1.5}, ValueError),
    ({"random_state": np.random.default_rng(0)}, ValueError),
    ({"boundary": "sphere"}, ValueError),
    ({"neighborhood": "hat"}, ValueError),
    ({"metric": "l2"}, ValueError),
    ({"algorithm": "magic"}, ValueError),
    ({"init": "kmeans"}, ValueError),
    ({"init": None}, ValueError),
    ({"init": np.zeros((6, 2))}, ValueError),
    ({"init": np.zeros(6)}, ValueError),
    ({"init": np.zeros((5, 3))}, ValueError),
    ({"init": np.full((6, 3), np.nan)}, ValueError),
    ({"init": np.full((6, 3), np.inf)}, ValueError),
    ({"init": [["a"] * 3] * 6}, (ValueError, TypeError)),
    ({"init": np.full((6, 3), 1e200)}, ValueError),
    ({"n_epochs": 0}, ValueError),
    ({"n_epochs": 1.5}, TypeError),
    ({"n_epochs": 0, "algorithm": "online"}, ValueError),
    ({"n_epochs": math.inf, "algorithm": "online"}, ValueError),
    ({"radius_start": 0}, ValueError),
    ({"radius_start": "wide"}, TypeError),
    ({"radius_end": -1.0}, ValueError),
    ({"radius_end": math.nan}, ValueError),
    ({"radius_start": 1.0, "radius_end": 2.0}, ValueError),
    ({"radius_decay": "cosine"}, ValueError),
    ({"learning_rate": 0.0}, ValueError),
    ({"learning_rate": (1.5, 0.1)}, ValueError),
    ({"learning_rate": (0.5, "low")}, TypeError),
    ({"learning_rate": "geometric"}, TypeError),
    ({"learning_rate": (0.5, 0.2, 0.1)}, ValueError),
    ({"learning_rate": (0.1, 0.5)}, ValueError),
    ({"missing": "drop"}, ValueError),
    ({"tol": -1e-3}, ValueError),
    ({"tol": None}, TypeError),
    ({"random_state": "lucky"}, (ValueError, TypeError)),
    ({"callbacks": 5}, TypeError),
    ({"callbacks": [3]}, TypeError),
]


@pytest.mark.parametrize(("wrong", "kind"), WRONG, ids=[str(sorted(w[0])) for w in WRONG])
def test_a_wrong_parameter_is_named_with_what_is_allowed(wrong, kind):
    som = SOM(**({"n_rows": 2, "n_cols": 3} | wrong))
    with rejected(kind):
        som.fit(rows_of(30))
    assert not hasattr(som, "map_")


def test_a_hexagonal_torus_of_odd_rows_says_what_to_pass():
    with rejected(ValueError, parameter="n_rows", value=3):
        SOM(3, 4, boundary="torus").fit(rows_of(30))


# The map


@pytest.mark.parametrize(("lattice", "boundary"), LATTICES)
def test_u_heights_equal_the_oracle(lattice, boundary):
    map_ = SOM(4, 3, lattice=lattice, boundary=boundary).fit(rows_of(60)).map_
    expected = naive.u_heights(map_.codebook, naive.neighbors(4, 3, lattice, boundary))
    np.testing.assert_allclose(map_.u_heights, expected, rtol=1e-13)


def test_the_unit_of_a_map_of_one_has_height_zero():
    assert SOM(1, 1).fit(rows_of(10)).map_.u_heights.tolist() == [0.0]


def test_winners_and_nearest_units_equal_the_oracle(kernels):
    X = rows_of(50)
    map_ = SOM(4, 5).fit(X).map_
    units, distances = map_.nearest(X, 16)
    expected_units, expected = naive.best_units(X, map_.codebook, 16)
    np.testing.assert_array_equal(units, expected_units)
    np.testing.assert_allclose(distances, expected, rtol=1e-13)
    np.testing.assert_array_equal(map_.winners(X), expected_units[:, 0])
    np.testing.assert_array_equal(map_.winners(X, k=2), expected_units[:, :2])
    assert map_.winners(np.empty((0, 3))).shape == (0,)


def test_planes_are_the_codebooks_columns():
    map_ = SOM(2, 3).fit(rows_of(30)).map_
    np.testing.assert_array_equal(map_.plane("x1"), map_.codebook[:, 1])
    with rejected(column="age"):
        map_.plane("age")


def test_a_map_refuses_rows_of_another_form():
    map_ = SOM(2, 3).fit(rows_of(30)).map_
    with rejected(parameter="X"):
        map_.winners(np.zeros((4, 2)))
    with rejected(parameter="X", row=0, column="x0"):
        map_.winners(np.full((4, 3), np.nan))


# Saving


def saved(folder):
    path = folder / "m.som"
    SOM(2, 3).fit(rows_of(30)).map_.save(path)
    return path


def refused(path):
    with rejected(MapFileError, file=path) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert isinstance(caught.value, (InputError, ValueError, SomscapeError))


def rewritten(folder, change_header=None, **arrays):
    """A saved map with another header or other arrays (None: left out)."""
    from safetensors import safe_open

    path = saved(folder)
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["somscape"])
        parts = {name: file.get_tensor(name) for name in list(file.keys())}
    text = header if change_header is None else change_header(header)
    parts = {k: v for k, v in (parts | arrays).items() if v is not None}
    text = text if isinstance(text, str) else json.dumps(text)
    path.write_bytes(safetensors_bytes(parts, metadata={"somscape": text}))
    return path


def test_a_file_truncated_anywhere_is_refused(tmp_path):
    path = saved(tmp_path)
    whole = path.read_bytes()
    for size in {*range(0, len(whole), 37), *range(12), len(whole) - 1, len(whole) - 8}:
        path.write_bytes(whole[:size])
        refused(path)
    path.write_bytes(whole + b"more")
    refused(path)


def test_other_kinds_of_files_are_refused(tmp_path):
    path = tmp_path / "m.som"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "x,y\n1,2\n")
    refused(path)
    path.write_text("x,y\n1,2\n" * 20)
    refused(path)
    path.write_bytes(pickle.dumps(SOM()))
    refused(path)
    np.save(tmp_path / "m.npy", np.zeros(99))
    refused(tmp_path / "m.npy")
    path.write_bytes(b"")
    refused(path)
    path.write_bytes(safetensors_bytes({"x": np.zeros(3)}))
    refused(path)
    refused(tmp_path / "nothing.som")
    refused(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '"map"', "{}", '{"format": 1}', "\u0000"]
)
def test_a_header_that_is_no_maps_header_is_refused(tmp_path, text):
    refused(rewritten(tmp_path, lambda _: text))


@pytest.mark.parametrize(
    "change",
    [
        {"lattice": None},
        {"lattice": {}},
        {"lattice": {"n_rows": 3, "n_cols": 3, "kind": "hexagonal", "boundary": "plane"}},
        {"lattice": {"n_rows": 2, "n_cols": 3, "kind": "cubic", "boundary": "plane"}},
        {"lattice": {"n_rows": 2, "n_cols": 3, "kind": "hexagonal", "boundary": "plane", "z": 1}},
        {"lattice": {"n_rows": "2", "n_cols": 3, "kind": "hexagonal", "boundary": "plane"}},
        {"lattice": {"n_rows": 2.0, "n_cols": 3, "kind": "hexagonal", "boundary": "plane"}},
        {"encoding": None},
        {"encoding": {"missing": "error", "columns": []}},
        {"encoding": {"missing": "error", "columns": [{"kind": "number"}]}},
        {"encoding": {"missing": "error", "columns": [3]}},
        {"encoding": {"columns": []}},
        {"encoding": []},
        {"detector": {}},
        {"detector": {"score": "k_prototype", "n_prototypes": 5, "threshold": 1.0}},
        {"detector": [1, 2]},
        {"parameters": None},
        {"versions": 7},
    ],
    ids=str,
)
def test_a_header_whose_parts_do_not_fit_is_refused(tmp_path, change):
    refused(rewritten(tmp_path, lambda header: header | change))


@pytest.mark.parametrize("left_out", ["lattice", "encoding", "parameters", "versions", "detector"])
def test_a_header_without_one_of_its_parts_is_refused(tmp_path, left_out):
    def without(header):
        return {k: v for k, v in header.items() if k != left_out}

    refused(rewritten(tmp_path, without))


@pytest.mark.parametrize(
    "arrays",
    [
        {"codebook": None},
        {"hits": None},
        {"codebook": np.zeros((7, 3))},
        {"codebook": np.zeros((6, 4))},
        {"codebook": np.zeros(6)},
        {"codebook": np.zeros((6, 3, 1))},
        {"hits": np.zeros(5)},
        {"hits": np.zeros((6, 1))},
        {"codebook": np.zeros((6, 3), np.int64)},
        {"codebook": np.zeros((6, 3), np.float16)},
        {"codebook": np.full((6, 3), np.nan)},
        {"hits": np.full(6, -1.0)},
    ],
    ids=lambda a: ", ".join(
        f"{k} {'left out' if v is None else f'{v.dtype} {v.shape} {v.ravel()[0]}'}"
        for k, v in a.items()
    ),
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays):
    refused(rewritten(tmp_path, **arrays))


def test_a_given_start_is_not_rounded_for_float32_rows():
    X = (1e6 + np.random.default_rng(0).normal(size=(300, 3))).astype(np.float32)
    start = SOM(5, 5).fit(X).codebook_
    settings = {"n_rows": 5, "n_cols": 5, "init": start, "n_epochs": 1, "tol": 0}
    narrow, wide = (SOM(**settings).fit(x).codebook_ for x in (X, X.astype(np.float64)))
    np.testing.assert_array_equal(narrow, wide)


def test_a_float64_map_takes_float32_rows_and_distances_of_any_size():
    X = rows_of(60)
    som = SOM(3, 4).fit(X * 1e20)
    np.testing.assert_array_equal(som.predict((X * 1e20).astype(np.float32)), som.labels_)
    far = SOM(3, 4).fit(X * 1e40).transform(X.astype(np.float32))
    assert far.dtype == np.float64
    assert np.isfinite(far).all()


def test_an_estimator_that_was_handed_a_map_predicts():
    X = rows_of(60)
    som, other = SOM(3, 4).fit(X), SOM(3, 4)
    other.map_ = som.map_
    np.testing.assert_array_equal(other.predict(X), som.labels_)
    narrow = replace(som.map_, codebook=som.codebook_.astype(np.float32))
    assert narrow.codebook.dtype == np.float64


# What changes nothing, and what turns with the data


def test_turning_the_data_and_the_start_turns_the_map(kernels):
    X = rows_of(200, 5)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    start = X[:20]
    plain = SOM(4, 5, init=start, n_epochs=15).fit(X)
    turned = SOM(4, 5, init=start @ turn, n_epochs=15).fit(X @ turn)
    np.testing.assert_array_equal(turned.labels_, plain.labels_)
    np.testing.assert_allclose(turned.codebook_, plain.codebook_ @ turn, rtol=0, atol=1e-9)


def test_a_row_of_weight_two_is_two_rows_at_the_defaults_too():
    # 100 rows per unit: the final radius then depends on their number.
    X = rows_of(2000)
    weighted = SOM(4, 5).fit(X, sample_weight=np.full(2000, 2.0))
    twice = SOM(4, 5).fit(np.repeat(X, 2, axis=0))
    assert weighted.map_.parameters["radius_end"] == twice.map_.parameters["radius_end"] < 0.6
    np.testing.assert_array_equal(weighted.codebook_, twice.codebook_)


def test_weights_count_as_rows_where_an_epochs_work_chooses_the_algorithm():
    # Rows x 10 x 3,600 units are 2.2e8 and 1.1e9; twice that is above 2.5e8 and 2e9.
    quick, thorough, long = ("batch", 40), ("multires", 60), ("multires", 10)
    settings = {"n_rows": 60, "n_cols": 60, "random_state": 0, "callbacks": [TimeLimit(1e-9)]}
    for n, once, twice in [(6_000, quick, thorough), (30_000, thorough, long)]:
        X = rows_of(n, 10)
        found = [
            SOM(**settings).fit(rows, sample_weight=weight).map_.parameters
            for rows, weight in [(X, None), (X, 2.0), (np.repeat(X, 2, axis=0), None)]
        ]
        assert [(p["algorithm"], p["n_epochs"]) for p in found] == [once, twice, twice]


def test_the_time_limit_counts_from_the_start_of_the_fit(monkeypatch):
    def slow_axes(problem):
        time.sleep(0.6)
        return principal_axes(problem)

    monkeypatch.setattr("somscape.fit._map.principal_axes", slow_axes)
    som = SOM(4, 5, callbacks=[TimeLimit(0.5)]).fit(rows_of(80))
    assert (som.n_iter_, som.stop_reason_) == (1, "time limit reached")


def test_ctrl_c_before_the_first_epoch_is_over_keeps_the_start(monkeypatch):
    def interrupted(*_, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("somscape.fit._train.step", interrupted)
    som = SOM(4, 5)
    with pytest.raises(KeyboardInterrupt):
        som.fit(rows_of(80))
    assert (som.n_iter_, som.stop_reason_) == (0, "interrupted")
    assert som.map_.parameters["radius_last"] == som.map_.parameters["radius_start"]
