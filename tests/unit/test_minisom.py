"""MiniSom's interface: formulas by hand, what is refused, and what `strict=False` mends.

That trained maps are MiniSom's own is in test_minisom_parity.py.
"""

import copy
import inspect
import pickle
import re

import minisom
import numpy as np
import pandas as pd
import polars as pl
import pytest
from texts import rejected

from somscape import SOM, Graph, load, measures, plots
from somscape.minisom import MiniSom, fast_norm

ROWS = np.random.default_rng(1).normal(size=(40, 3))


def som_of(weights, **settings):
    weights = np.array(weights, dtype=float)
    som = MiniSom(*weights.shape, **settings)
    som._weights = weights
    return som


# The interface


def test_constructor_and_methods_have_minisoms_parameters_and_defaults():
    def parameters(function):
        found = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in found if p.kind is not p.KEYWORD_ONLY]

    for name, theirs in inspect.getmembers(minisom.MiniSom, inspect.isfunction):
        if name == "__init__" or not name.startswith("_"):
            assert parameters(getattr(MiniSom, name)) == parameters(theirs), name
    assert inspect.signature(MiniSom).parameters["strict"].default is True


def test_weights_are_the_live_array_of_unit_vectors():
    som = MiniSom(3, 2, 4, random_seed=5)
    assert som.weights is som.get_weights()
    kept = som.get_weights()
    np.testing.assert_allclose(np.linalg.norm(kept, axis=2), 1, rtol=1e-12)
    som.train(np.ones((5, 4)), 10)
    assert kept is som.get_weights()
    assert not (kept == MiniSom(3, 2, 4, random_seed=5).get_weights()).any()


def test_fast_norm_is_the_length():
    assert fast_norm(np.array([2.0, 3.0, 6.0])) == 7.0


# Containers


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickle_goes_on_with_the_same_random_numbers(protocol):
    som = MiniSom(4, 3, 3, random_seed=2, topology="hexagonal", strict=False)
    som.train_random(ROWS, 50)
    twins = pickle.loads(pickle.dumps(som, protocol)), copy.deepcopy(som)
    for trained in (som, *twins):
        trained.train_random(ROWS, 50)
    for twin in twins:
        np.testing.assert_array_equal(twin.weights, som.weights)
        assert twin.strict is False
        assert twin.neighborhood.__self__ is twin


def test_win_map_keeps_the_row_objects():
    som = MiniSom(3, 2, 3, random_seed=0)
    rows = [tuple(row) for row in ROWS.tolist()]
    members = [row for cell in som.win_map(rows).values() for row in cell]
    assert {id(row) for row in members} == {id(row) for row in rows}
    first = som.win_map(ROWS)[som.winner(ROWS[0])][0]
    assert np.shares_memory(first, ROWS)
    assert som.win_map(ROWS)[9, 9] == []  # as a defaultdict


@pytest.mark.parametrize("make", [pd.DataFrame, lambda rows: pl.DataFrame(rows, list("abc"))])
def test_a_data_frame_is_taken(make):
    frame = make(ROWS)
    by_frame, by_array = (MiniSom(3, 2, 3, random_seed=0) for _ in range(2))
    for som, data in ((by_frame, frame), (by_array, ROWS)):
        som.random_weights_init(data)
        som.train_random(data, 100)
        som.train_batch_offline(data, 2)
    np.testing.assert_array_equal(by_frame.weights, by_array.weights)
    assert by_frame.quantization_error(frame) == by_array.quantization_error(ROWS)
    counts = by_frame.labels_map(frame, frame[frame.columns[0]])
    assert sum(sum(count.values()) for count in counts.values()) == len(ROWS)
    cell = by_frame.win_map(frame)[by_frame.winner(ROWS[0])]
    np.testing.assert_array_equal(cell[0], ROWS[0])


# What is refused


def with_nan(rows=ROWS):
    rows = rows.copy()
    rows[7, 1] = np.nan
    return rows


ON_DATA = (
    "random_weights_init",
    "pca_weights_init",
    "quantization",
    "quantization_error",
    "topographic_error",
    "distortion_measure",
    "activation_response",
    "win_map",
)
TRAININGS = ("train", "train_random", "train_batch", "train_batch_offline")


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", [*ON_DATA, *TRAININGS])
def test_nan_is_refused_and_changes_nothing(name, strict, kernels):
    som = MiniSom(3, 2, 3, strict=strict)
    before = som.weights.copy()
    arguments = [100] if name in TRAININGS else []
    with rejected(ValueError, parameter="data", row=7, column="1"):
        getattr(som, name)(with_nan(), *arguments)
    with rejected(ValueError, parameter="data", row=7, column="1"):
        getattr(som, name)(np.where(np.isnan(with_nan()), np.inf, ROWS), *arguments)
    np.testing.assert_array_equal(som.weights, before)


def test_nan_in_a_data_frame_names_the_column():
    frame = pd.DataFrame(with_nan(), columns=["age", "income", "debt"])
    with rejected(ValueError, parameter="data", row=7, column="income"):
        MiniSom(3, 2, 3).train(frame, 10)


@pytest.mark.parametrize("x", [[1.0, np.nan, 2.0], np.array([np.inf, 0, 0])])
def test_a_row_that_is_not_finite_has_no_winner(x):
    with rejected(ValueError, parameter="x"):
        MiniSom(3, 2, 3).winner(x)


@pytest.mark.parametrize(
    "data",
    [
        [[1.0, 2.0]],
        [],
        [1.0, 2.0, 3.0],
        [[1.0, 2.0, 3.0], [1.0]],
        [["a", "b", "c"]],
        np.zeros((2, 3), dtype="M8[D]"),
    ],
)
def test_data_that_do_not_fit_are_refused(data):
    som = MiniSom(3, 2, 3)
    for call in (lambda: som.train(data, 5), lambda: som.win_map(data)):
        with rejected(ValueError, parameter="data"):
            call()


def test_sparse_data_are_refused():
    from scipy.sparse import csr_array

    with rejected(ValueError, parameter="data"):
        MiniSom(3, 2, 3).train(csr_array(ROWS), 5)


@pytest.mark.parametrize("training", TRAININGS)
def test_number_of_iterations_is_at_least_one(training):
    with rejected(ValueError, parameter="num_iteration", value=0):
        getattr(MiniSom(3, 2, 3), training)(ROWS, 0)
    with rejected(TypeError, parameter="num_iteration", value=10.0):
        getattr(MiniSom(3, 2, 3), training)(ROWS, 10.0)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"topology": "triangular"}, ValueError),
        ({"decay_function": "strawberry"}, ValueError),
        ({"sigma_decay_function": "strawberry"}, ValueError),
        ({"sigma_decay_function": lambda sigma, t, n: sigma}, ValueError),  # only names, in MiniSom
        ({"neighborhood_function": "boom"}, ValueError),
        ({"activation_distance": "ride"}, ValueError),
        ({"x": 0}, ValueError),
        ({"y": 2.5}, TypeError),
    ],
)
def test_settings_that_minisom_lacks_are_refused(settings, error):
    with rejected(error):
        MiniSom(**{"x": 3, "y": 3, "input_len": 2, **settings})


@pytest.mark.parametrize(
    ("points", "error"),
    [
        ({"oops": (0, 0)}, TypeError),
        ({40: (0, 0)}, ValueError),
        ({-1: (0, 0)}, ValueError),
        ({0: (3, 0)}, ValueError),
        ({0: (0, 2)}, ValueError),
        ({0: (-1, 0)}, ValueError),
    ],
)
def test_fixed_points_outside_are_refused(points, error):
    with rejected(error, parameter="fixed_points"):
        MiniSom(3, 2, 3).train(ROWS, 5, fixed_points=points)


def test_fixed_points_of_numpys_integers_are_taken():
    plain, numpys = (MiniSom(3, 2, 3, random_seed=0) for _ in range(2))
    plain.train(ROWS, 40, fixed_points={3: (2, 1)})
    numpys.train(ROWS, 40, fixed_points={np.int64(3): (np.int64(2), np.int64(1))})
    np.testing.assert_array_equal(plain.weights, numpys.weights)


def test_labels_and_scaling_that_do_not_fit_are_refused():
    som = MiniSom(3, 2, 3)
    with rejected(ValueError, parameter="labels", value=2):
        som.labels_map(ROWS, ["a", "b"])
    with rejected(ValueError, parameter="scaling", value="puppies"):
        som.distance_map("puppies")


def test_pca_needs_two_features_and_two_axes():
    with rejected(ValueError, parameter="input_len", value=1):
        MiniSom(3, 3, 1).pca_weights_init(ROWS[:, :1])
    with pytest.warns(UserWarning, match="1 x 4"):
        MiniSom(1, 4, 3).pca_weights_init(ROWS)


def test_divergence_is_said_instead_of_answered(kernels):
    som = som_of(np.full((2, 2, 3), np.nan))
    for answer in (som.quantization_error, som.win_map, som.quantization, som.activation_response):
        with rejected(ValueError, parameter="learning_rate"):
            answer(ROWS)
    with rejected(ValueError, parameter="learning_rate"):
        som.distance_map()
    assert som.winner(ROWS[0]) == (0, 0)  # as MiniSom


def test_the_fast_offline_training_refuses_functions_of_the_users():
    som = MiniSom(3, 2, 3, random_seed=0)
    twin = copy.deepcopy(som)
    som.train_batch_offline_fast(ROWS, 3)
    twin.train_batch_offline(ROWS, 3)
    np.testing.assert_array_equal(som.weights, twin.weights)
    som.neighborhood = lambda c, sigma: np.ones((3, 2))
    with rejected(ValueError, parameter="neighborhood_function"):
        som.train_batch_offline_fast(ROWS, 3)
    twin._activation_distance = lambda x, w: np.abs(x - w).sum(axis=2)
    with rejected(ValueError, parameter="activation_distance"):
        twin.train_batch_offline_fast(ROWS, 3)


# Warnings


def test_settings_that_minisom_warns_of():
    with pytest.warns(UserWarning, match="may be too large"):
        MiniSom(3, 4, 2, sigma=5.1)
    with pytest.warns(UserWarning, match="does not follow the hexagonal"):
        MiniSom(3, 4, 2, neighborhood_function="triangle", topology="hexagonal")
    for sigma in (0.5, 1.5):
        with pytest.warns(UserWarning, match="whole number"):
            MiniSom(3, 4, 2, sigma=sigma, neighborhood_function="bubble")
    MiniSom(3, 4, 2, sigma=5)  # sqrt(3^2 + 4^2), and no warning
    with pytest.warns(UserWarning, match="not defined"):
        assert np.isnan(MiniSom(1, 1, 3).topographic_error(ROWS))


@pytest.mark.parametrize("strict", [True, False])
def test_rows_that_are_never_used_are_numbered(strict):
    som = MiniSom(3, 2, 3, random_seed=0, strict=strict)
    with pytest.warns(UserWarning, match="30 of 40 rows are never used") as said:
        som.train_random(ROWS, 10)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="1 of 40 rows are never used") as said:
        som.train(ROWS, 39, random_order=True)
    assert said[0].filename == __file__
    som.train_random(ROWS, 40)
    som.train(ROWS, 10)  # in order: nobody expects the others
    som.train(ROWS, 1, random_order=True, use_epochs=True)


# Verbose

LINE = re.compile(r"\r \[ +(\d+) / (\d+) \] +(\d+)% - (\? it/s|\d:\d\d:\d\d left )")


@pytest.mark.parametrize("kernel", ["core", "numpy"])
def test_verbose_says_how_far_and_how_long(kernel, monkeypatch, capsys):
    if kernel == "numpy":
        monkeypatch.setenv("SOMSCAPE_KERNELS", "numpy")
    som = MiniSom(3, 2, 3, random_seed=0)
    som.train(ROWS, 250, verbose=True)
    text = capsys.readouterr().out
    lines = LINE.findall(text)
    assert lines[0] == ("0", "250", "0", "? it/s")
    assert lines[-1][:3] == ("250", "250", "100")
    assert lines[-1][3].startswith("0:00:00")
    assert len(lines) >= 100
    error = som.quantization_error(ROWS)
    assert text.endswith(f"\n quantization error: {error}\n")
    assert not re.sub(LINE, "", text.removesuffix(f"\n quantization error: {error}\n"))
    som.train_batch_offline(ROWS, 3, verbose=True)
    text = capsys.readouterr().out
    assert [line[0] for line in LINE.findall(text)] == ["0", "1", "2", "3"]
    assert text.endswith(f"Quantization Error: {som.quantization_error(ROWS):.4f}\n")


# What strict=False mends


def test_chebyshev_takes_absolute_values_unless_strict(kernels):
    weights = [[[10.0, 10.0], [1.0, 1.0]]]
    row = [[0.0, 0.0]]
    for strict, expected in ((True, (0, 0)), (False, (0, 1))):
        som = som_of(weights, activation_distance="chebyshev", strict=strict)
        assert som.winner(row[0]) == expected
        assert list(som.win_map(row)) == [expected]
        som.train(row, 1)
        share_moved = 1 - som.weights[..., 0] / np.array(weights)[..., 0]
        assert share_moved[expected] == 0.5


@pytest.mark.parametrize("size", [(10, 10), (4, 6), (6, 4), (5, 7), (3, 3)])
def test_hexagonal_neighbors_are_those_on_the_map_unless_strict(size):
    # One unit differs from all others: exactly its neighbors, and itself, stand out.
    xx, yy = MiniSom(*size, 1, topology="hexagonal").get_euclidean_coordinates()
    for unit in np.ndindex(size):
        weights = np.zeros((*size, 1))
        weights[unit] = 1
        found = som_of(weights, topology="hexagonal", strict=False).distance_map() > 0
        near = np.hypot(xx - xx[unit], yy - yy[unit]) < 1.01
        np.testing.assert_array_equal(found, near)


def test_pca_start_reaches_as_far_as_the_rows_unless_strict():
    rows = np.random.default_rng(0).normal(size=(500, 3)) * [100, 10, 0.1]
    deviations = np.sqrt(np.linalg.eigvalsh(np.cov(rows, rowvar=False)))[::-1]
    for strict, reach in ((True, [1, 1]), (False, deviations[:2])):
        som = MiniSom(5, 4, 3, strict=strict)
        som.pca_weights_init(rows)
        w = som.weights
        np.testing.assert_allclose(np.linalg.norm(w[-1] - w[0], axis=1), 2 * reach[0])
        np.testing.assert_allclose(np.linalg.norm(w[:, -1] - w[:, 0], axis=1), 2 * reach[1])
        np.testing.assert_allclose(w.mean(axis=(0, 1)), rows.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
@pytest.mark.parametrize("scaling", ["sum", "mean"])
def test_distance_map_of_equal_units_is_zero_unless_strict(topology, scaling):
    settings = {"topology": topology, "strict": False}
    assert not som_of(np.ones((3, 4, 2)), **settings).distance_map(scaling).any()
    assert not som_of(np.ones((1, 1, 2)), **settings).distance_map(scaling).any()
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(som_of(np.ones((3, 4, 2)), topology=topology).distance_map(scaling)).all()


# To maps and back


@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
@pytest.mark.parametrize("size", [(6, 4), (5, 5), (4, 7)])
def test_a_map_has_the_same_units_in_the_same_places(topology, size, tmp_path):
    som = MiniSom(*size, 3, topology=topology, random_seed=0, strict=False)
    som.train_random(ROWS, 400)
    map_ = som.to_map(ROWS)
    row, col = map_.lattice.rows_and_cols(map_.winners(ROWS))
    expected = [tuple(map(int, som.winner(x))) for x in ROWS]
    assert list(zip(col.tolist(), (size[1] - 1 - row).tolist(), strict=True)) == expected
    # The same distances on the map, so neighborhoods and U-matrix agree.
    xx, yy = som.get_euclidean_coordinates()
    x, y = np.divmod(np.arange(xx.size), size[1])
    unit = (size[1] - 1 - y) * size[0] + x
    for i in range(xx.size):
        there = map_.lattice.distances_from(int(unit[i]))[unit]
        np.testing.assert_allclose(
            there, np.hypot(xx - xx[x[i], y[i]], yy - yy[x[i], y[i]]).ravel()
        )
    heights = map_.u_heights[unit].reshape(size)
    np.testing.assert_allclose(som.distance_map("mean"), heights / heights.max())
    assert map_.hits.sum() == len(ROWS)
    np.testing.assert_array_equal(map_.hits[unit].reshape(size), som.activation_response(ROWS))
    assert measures.quantization_error(map_, ROWS) == pytest.approx(som.quantization_error(ROWS))
    assert measures.topographic_error(map_, ROWS) == pytest.approx(som.topographic_error(ROWS))
    map_.save(tmp_path / "m.som")
    again = MiniSom.from_map(load(tmp_path / "m.som"), random_seed=0)
    np.testing.assert_array_equal(again.weights, som.weights)
    assert again.topology == topology


@pytest.mark.parametrize("distance", ["cosine", "manhattan", "chebyshev"])
def test_the_distance_goes_along(distance):
    som = MiniSom(4, 3, 3, activation_distance=distance, random_seed=0, strict=False)
    map_ = som.to_map()
    assert map_.metric.name == distance
    assert not map_.hits.any()
    expected = [tuple(map(int, som.winner(x))) for x in ROWS]
    again = MiniSom.from_map(map_, strict=False)
    assert [tuple(map(int, again.winner(x))) for x in ROWS] == expected
    row, col = map_.lattice.rows_and_cols(map_.winners(ROWS))
    assert list(zip(col.tolist(), (2 - row).tolist(), strict=True)) == expected


def test_a_trained_som_goes_on_as_minisom():
    trained = SOM(4, 6, lattice="hexagonal", random_state=0).fit(ROWS)
    som = MiniSom.from_map(trained.map_, sigma=0.5, learning_rate=0.1, random_seed=1)
    assert som.weights.shape == (6, 4, 3)
    assert som.quantization_error(ROWS) == pytest.approx(
        measures.quantization_error(trained.map_, ROWS)
    )
    som.train_random(ROWS, 400)  # on a copy
    np.testing.assert_array_equal(trained.map_.codebook, trained.codebook_)
    plots.umatrix(som.to_map(ROWS))


def test_what_cannot_cross_is_refused():
    def own(x, w):
        return np.linalg.norm(x - w, axis=-1)

    with rejected(ValueError, parameter="activation_distance"):
        MiniSom(3, 3, 3, activation_distance=own).to_map()
    for settings in (
        {"boundary": "torus", "lattice": "rectangular"},
        {"lattice": Graph(1 - np.eye(5))},
        {"metric": "correlation"},
        {"metric": "manhattan", "feature_weight": [1.0, 2.0, 3.0]},
    ):
        size = {} if isinstance(settings.get("lattice"), Graph) else {"n_rows": 3, "n_cols": 3}
        with rejected(ValueError, parameter="som"):
            MiniSom.from_map(SOM(**size, **settings, random_state=0).fit(ROWS).map_)


# The article


@pytest.mark.filterwarnings("ignore:590 of 690 rows")
def test_the_articles_listing_runs_with_the_import_changed(article_file):
    table = pd.read_csv(article_file)
    X = table.iloc[:, :-1].values
    y = table.iloc[:, -1].values
    low, high = X.min(axis=0), X.max(axis=0)
    X = (X - low) / (high - low)
    maps = []
    for cls in (MiniSom, minisom.MiniSom):
        som = cls(x=10, y=10, input_len=15, sigma=1.0, learning_rate=0.5, random_seed=0)
        som.random_weights_init(X)
        som.train_random(data=X, num_iteration=100)
        maps.append(som)
    ours, theirs = maps
    np.testing.assert_array_equal(ours.weights, theirs.get_weights())
    np.testing.assert_allclose(ours.distance_map().T, theirs.distance_map().T, rtol=1e-12)
    markers = ["os"[y[i]] for i, x in enumerate(X) if len(ours.winner(x)) == 2]
    assert len(markers) == 690
    mappings = ours.win_map(X)
    bright = np.argsort(-ours.distance_map(), axis=None)
    cells = [c for c in zip(*np.unravel_index(bright, (10, 10)), strict=True) if mappings[c]][:2]
    frauds = np.concatenate((mappings[cells[0]], mappings[cells[1]]), axis=0)
    expected = theirs.win_map(X)
    np.testing.assert_array_equal(frauds, np.concatenate([expected[c] for c in cells]))
    ids = (frauds * (high - low) + low)[:, 0].round()
    assert set(ids) <= set(table["CustomerID"])


def test_fixed_points_are_whole_numbers_or_refused():
    X = np.random.default_rng(0).random((20, 3))

    def trained(points):
        som = MiniSom(4, 5, 3, random_seed=1)
        som.train(X, 40, fixed_points=points)
        return som.get_weights()

    np.testing.assert_array_equal(trained({True: (0, 0)}), trained({1: (0, 0)}))
    assert not np.array_equal(trained({1: (0, 0)}), trained({}))
    for wrong in ({0: (1.5, 0)}, {0: 5}, {0: (1,)}, {0: "ab"}):
        with rejected(parameter="fixed_points", row=0):
            trained(wrong)
    with rejected(TypeError, parameter="fixed_points", value="list"):
        trained([(0, 0)])


def test_masked_and_complex_rows_are_refused():
    X = np.random.default_rng(0).random((20, 3))
    with rejected(parameter="data"):
        MiniSom(4, 5, 3).train(np.ma.masked_less(X, 0.5), 5)
    with rejected(parameter="data"):
        MiniSom(4, 5, 3).train(X + 1j, 5)


def test_what_an_object_is_given_to_do_is_done_as_in_minisom():
    X = np.random.default_rng(0).random((30, 3))

    def trained(kind, change):
        som = kind(4, 5, 3, random_seed=1)
        change(som)
        som.train(X, 60)
        return som.get_weights()

    def slower(som):
        som._sigma_decay_function = lambda sigma, t, n: sigma if t < n / 2 else sigma / 2

    def first(som):
        som.winner = lambda x: (0, 0)

    for change in (slower, first):
        ours, theirs = (trained(kind, change) for kind in (MiniSom, minisom.MiniSom))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        assert not np.allclose(ours, trained(MiniSom, lambda som: None))


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"sigma": 0}, ValueError),
        ({"sigma": 1e-170}, ValueError),
        ({"sigma": 0, "neighborhood_function": "mexican_hat"}, ValueError),
        ({"sigma": np.nan}, ValueError),
        ({"sigma": "1"}, TypeError),
        ({"sigma": None}, TypeError),
        ({"sigma": (1, 2)}, TypeError),
        ({"learning_rate": np.nan}, ValueError),
        ({"learning_rate": np.inf}, ValueError),
        ({"learning_rate": "1"}, TypeError),
    ],
)
def test_settings_that_would_make_nan_are_refused(settings, error):
    with rejected(error):
        MiniSom(3, 3, 3, **settings)


def test_a_negative_sigma_is_taken_as_minisom_takes_it():
    theirs = minisom.MiniSom(3, 4, 3, sigma=-1, random_seed=0)
    with pytest.warns(UserWarning, match="negative"):
        ours = MiniSom(3, 4, 3, sigma=-1, random_seed=0)
    for som in (theirs, ours):
        som.train(ROWS, 30)
    np.testing.assert_array_equal(ours.get_weights(), theirs.get_weights())
