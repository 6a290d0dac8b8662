"""The same seed gives the same map as MiniSom 2.3.6, which is installed with the tests.

MiniSom itself is the oracle: every case runs there and here.  Cases that diverge are left out, a
rounding would decide how.  Where the arithmetic is MiniSom's own the bits must be equal; hexagons,
Mexican hats and offline batches are summed in another order and agree to 1e-9.
"""

import unittest
import warnings
from functools import cache
from itertools import product

import minisom
import numpy as np
import pytest

from somscape.minisom import MiniSom

pytestmark = pytest.mark.filterwarnings("ignore")  # both warn alike, see test_minisom.py

NEIGHBORHOODS = ("gaussian", "mexican_hat", "bubble", "triangle")
TOPOLOGIES = ("rectangular", "hexagonal")
DISTANCES = ("euclidean", "cosine", "manhattan", "chebyshev")
DECAYS = ("inverse_decay_to_zero", "linear_decay_to_zero", "asymptotic_decay")
SIGMA_DECAYS = ("inverse_decay_to_one", "linear_decay_to_one", "asymptotic_decay")

# Spread and rate with which no neighborhood diverges.
SPREAD = {
    "gaussian": (1.7, 0.5),
    "mexican_hat": (1.0, 0.1),
    "bubble": (3, 0.5),
    "triangle": (2, 0.2),
}

N_X, N_Y = 5, 4
ROWS = np.random.default_rng(0).normal(size=(60, 11)) * np.linspace(0.1, 3, 11)
ROWS.flags.writeable = False


def settings(neighborhood="gaussian", topology="rectangular", distance="euclidean", **others):
    sigma, rate = SPREAD[neighborhood]
    return {
        "sigma": sigma,
        "learning_rate": rate,
        "neighborhood_function": neighborhood,
        "topology": topology,
        "activation_distance": distance,
        "random_seed": 7,
        **others,
    }


def trained(cls, how, rows=ROWS, size=(N_X, N_Y), start=None, **options):
    som = cls(*size, rows.shape[1], **settings(**options))
    if start is not None:
        getattr(som, start)(rows)
    name, arguments = how
    getattr(som, name)(rows, **arguments)
    return som.get_weights()


@cache
def theirs(how, options):
    return trained(minisom.MiniSom, (how[0], dict(how[1])), **dict(options))


def check(how, atol=0.0, **options):
    """Compare with MiniSom, whose result serves all kernels."""
    name, arguments = how
    expected = theirs((name, tuple(arguments.items())), tuple(options.items()))
    found = trained(MiniSom, how, **options)
    assert np.isfinite(expected).all()
    if is_same_arithmetic(name, **options):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=atol)


def is_same_arithmetic(
    name, neighborhood="gaussian", topology="rectangular", distance="euclidean", **_
):
    by_axis = neighborhood in ("bubble", "triangle")
    is_product = by_axis or (neighborhood == "gaussian" and topology == "rectangular")
    # Of a row's length, for the cosine, BLAS chooses the order.
    return name != "train_batch_offline" and is_product and distance != "cosine"


ONLINE = ("train_random", {"num_iteration": 150})
CASES = list(product(NEIGHBORHOODS, TOPOLOGIES, DISTANCES))


@pytest.mark.parametrize(("neighborhood", "topology", "distance"), CASES)
def test_online_map_is_minisoms_for_every_decay(neighborhood, topology, distance, kernels):
    for decay, sigma_decay in product(DECAYS, SIGMA_DECAYS):
        check(
            ONLINE,
            neighborhood=neighborhood,
            topology=topology,
            distance=distance,
            decay_function=decay,
            sigma_decay_function=sigma_decay,
        )


WAYS = [
    ("train", {"num_iteration": 100}),
    ("train_batch", {"num_iteration": 100}),
    ("train", {"num_iteration": 2, "use_epochs": True}),
    ("train", {"num_iteration": 2, "use_epochs": True, "random_order": True}),
    ("train", {"num_iteration": 40, "random_order": True}),  # not all rows
]


@pytest.mark.parametrize("how", WAYS, ids=str)
@pytest.mark.parametrize(("neighborhood", "topology"), list(product(NEIGHBORHOODS, TOPOLOGIES)))
def test_order_and_epochs_are_minisoms(how, neighborhood, topology, kernels):
    check(how, neighborhood=neighborhood, topology=topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_fixed_points_are_minisoms(topology, kernels):
    how = ("train", {"num_iteration": 150, "fixed_points": {0: (4, 3), 7: (0, 1), 59: (2, 0)}})
    expected = trained(minisom.MiniSom, how, topology=topology)
    np.testing.assert_allclose(trained(MiniSom, how, topology=topology), expected, rtol=1e-9)


@pytest.mark.parametrize(("neighborhood", "topology", "distance"), CASES)
def test_offline_batch_is_minisoms(neighborhood, topology, distance, kernels):
    # The hat's weights cancel: what is left of a sum keeps the rounding of what it was made of.
    atol = 1e-12 if neighborhood == "mexican_hat" else 0.0
    options = {"neighborhood": neighborhood, "topology": topology, "distance": distance}
    check(("train_batch_offline", {"num_iteration": 4}), atol, **options)


@pytest.mark.parametrize("n_features", [1, 2, 7, 8, 9, 16, 23, 128, 129, 300, 600])
@pytest.mark.parametrize("distance", ["euclidean", "manhattan"])
def test_sums_over_features_round_as_minisoms(n_features, distance, kernels):
    # Prototypes of the same values in another order: which one is nearest to rows of equal values
    # is up to rounding alone.
    rng = np.random.default_rng(n_features)
    values = rng.normal(size=n_features)
    weights = np.array([rng.permutation(values) for _ in range(45)]).reshape(9, 5, n_features)
    rows = np.repeat(rng.normal(size=(60, 1)), n_features, axis=1)
    ours, real = (
        cls(9, 5, n_features, activation_distance=distance) for cls in (MiniSom, minisom.MiniSom)
    )
    ours._weights, real._weights = weights, weights
    assert ours.win_map(rows, return_indices=True) == real.win_map(rows, return_indices=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (3, 10), (17, 16)])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_shape_of_map_is_minisoms(size, topology, kernels):
    # The last has enough units for weak pulls to be left out, where they change no bit.
    found, expected = (
        trained(cls, ("train", {"num_iteration": 120}), size=size, topology=topology)
        for cls in (MiniSom, minisom.MiniSom)
    )
    if topology == "rectangular":
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("how", [ONLINE, ("train_batch_offline", {"num_iteration": 2})], ids=str)
def test_ties_go_to_minisoms_unit(how, topology, kernels):
    # Few different rows on a tenth's grid: prototypes that are equal, and rows as near to two of
    # them but for rounding.  A zero stays a zero, however weakly it is pulled.
    rows = np.random.default_rng(3).integers(0, 4, (25, 5)) / 10
    rows[[4, 11]] = 0
    found, expected = (
        trained(cls, how, rows=rows, start="random_weights_init", topology=topology)
        for cls in (MiniSom, minisom.MiniSom)
    )
    if how == ONLINE and topology == "rectangular":
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("sigma", "n"), [(5, 21), (9, 21), (10, 21), (11, 24)])
def test_window_of_a_bubble_rounds_as_minisoms(sigma, n, kernels):
    # 5 / (1 + 2/3) comes out a little above 3: whether a unit 3 steps away is pulled depends on
    # how center and sigma round when they are added.
    sigmas = sigma / (1 + np.arange(n) / (n / 2))
    assert ((sigmas != sigmas.round()) & (abs(sigmas - sigmas.round()) < 1e-12)).any()
    options = {"sigma": sigma, "neighborhood": "bubble", "size": (12, 9)}
    found, expected = (
        trained(cls, ("train", {"num_iteration": n}), **options)
        for cls in (MiniSom, minisom.MiniSom)
    )
    np.testing.assert_array_equal(found, expected)


def slow_start(rate, t, n):
    return rate * min(1.0, 10 * (t + 1) / n)


def canberra(x, w):
    return (np.abs(x - w) / (np.abs(x) + np.abs(w))).sum(axis=-1)


OWN = [{"decay_function": slow_start}, {"distance": canberra}]


@pytest.mark.parametrize("own", OWN, ids=lambda own: str(*own))
@pytest.mark.parametrize("how", [ONLINE, ("train_batch_offline", {"num_iteration": 3})], ids=str)
def test_functions_of_the_users_give_minisoms_map(own, how, kernels):
    found, expected = (trained(cls, how, **own) for cls in (MiniSom, minisom.MiniSom))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_replaced_neighborhood_gives_minisoms_map(kernels):
    def ring(c, sigma):
        x, y = np.meshgrid(np.arange(N_X), np.arange(N_Y), indexing="ij")
        return 1.0 / (1 + (np.hypot(x - c[0], y - c[1]) - sigma) ** 2)

    for name, arguments in (ONLINE, ("train_batch_offline", {"num_iteration": 3})):
        maps = []
        for cls in (MiniSom, minisom.MiniSom):
            som = cls(N_X, N_Y, ROWS.shape[1], **settings())
            som.neighborhood = ring
            getattr(som, name)(ROWS, **arguments)
            maps.append(som.get_weights())
        np.testing.assert_allclose(maps[0], maps[1], rtol=1e-9)


def test_a_subclass_that_finds_winners_in_its_own_way_is_asked(kernels):
    def always_the_corner(self, x):
        return (0, 0)

    maps = []
    for base in (MiniSom, minisom.MiniSom):
        som = type("Own", (base,), {"winner": always_the_corner})(N_X, N_Y, 11, **settings())
        som.train(ROWS, 50)
        assert list(som.win_map(ROWS)) == [(0, 0)]
        maps.append(som.get_weights())
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize("start", ["random_weights_init", "pca_weights_init"])
def test_starts_and_what_follows_are_minisoms(start, kernels):
    found, expected = (trained(cls, ONLINE, start=start) for cls in (MiniSom, minisom.MiniSom))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_two_trainings_after_another_draw_what_minisom_draws(kernels):
    maps = []
    for cls in (MiniSom, minisom.MiniSom):
        som = cls(N_X, N_Y, 11, **settings())
        som.random_weights_init(ROWS)
        som.train_random(ROWS, 90)
        som.train_random(ROWS, 61)
        maps.append(som.get_weights())
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize("rows", [ROWS.astype(np.float32), np.asfortranarray(ROWS), ROWS.tolist()])
def test_rows_of_any_kind_give_minisoms_map(rows, kernels):
    maps = []
    for cls in (MiniSom, minisom.MiniSom):
        som = cls(N_X, N_Y, 11, **settings())
        som.train(rows, 80)
        maps.append(som.get_weights())
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize(("topology", "distance"), list(product(TOPOLOGIES, DISTANCES)))
def test_answers_are_minisoms(topology, distance, kernels):
    ours, real = (
        cls(6, 5, 11, **settings(topology=topology, distance=distance))
        for cls in (MiniSom, minisom.MiniSom)
    )
    real.train_random(ROWS, 400)
    ours._weights = real.get_weights().copy()
    labels = ["abc"[i % 3] for i in range(len(ROWS))]
    assert [tuple(map(int, ours.winner(x))) for x in ROWS] == [tuple(real.winner(x)) for x in ROWS]
    assert ours.win_map(ROWS, return_indices=True) == real.win_map(ROWS, return_indices=True)
    assert list(ours.win_map(ROWS)) == list(real.win_map(ROWS))  # in the same order
    assert ours.labels_map(ROWS, labels) == real.labels_map(ROWS, labels)
    np.testing.assert_array_equal(ours.activation_response(ROWS), real.activation_response(ROWS))
    np.testing.assert_array_equal(ours.activate(ROWS[0]), real.activate(ROWS[0]))
    np.testing.assert_array_equal(ours.quantization(ROWS), real.quantization(ROWS))
    for scaling in ("sum", "mean"):
        np.testing.assert_allclose(ours.distance_map(scaling), real.distance_map(scaling), 1e-12)
    for answer in ("quantization_error", "topographic_error", "distortion_measure"):
        expected = getattr(real, answer)(ROWS)
        assert getattr(ours, answer)(ROWS) == pytest.approx(expected, rel=1e-12), answer
    np.testing.assert_array_equal(
        ours.get_euclidean_coordinates(), real.get_euclidean_coordinates()
    )
    assert ours.convert_map_to_euclidean((2, 3)) == real.convert_map_to_euclidean((2, 3))


def test_winners_of_many_rows_are_minisoms(kernels):
    # Enough of them for the exact search; ties on a tenth's grid go back to MiniSom's arithmetic.
    rows = np.random.default_rng(5).integers(0, 4, (3000, 12)) / 10
    som = MiniSom(20, 20, 12, random_seed=0)
    som.random_weights_init(rows)
    expected = [int(np.ravel_multi_index(som.winner(x), (20, 20))) for x in rows]
    units = np.full(len(rows), -1)
    for (x, y), members in som.win_map(rows, return_indices=True).items():
        units[members] = x * 20 + y
    assert units.tolist() == expected


# MiniSom's own tests, with its class replaced by ours.

OWN_TESTS = unittest.defaultTestLoader.getTestCaseNames(minisom.TestMinisom)


def test_all_of_minisoms_tests_are_there():
    assert len(OWN_TESTS) == 44


@pytest.mark.parametrize("name", OWN_TESTS)
def test_minisoms_own_test_passes(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # one writes a file
    monkeypatch.setattr(minisom, "MiniSom", MiniSom)
    result = unittest.TestResult()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minisom.TestMinisom(name).run(result)
    assert result.testsRun == 1
    assert result.wasSuccessful(), [text for _, text in result.failures + result.errors]
