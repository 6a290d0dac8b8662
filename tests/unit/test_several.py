"""Training from several starts keeps the best map."""

import numpy as np
import pytest
from texts import rejected

from somscape import SOM, measures
from somscape.callbacks import TimeLimit
from somscape.fit import _train as _several
from somscape.fit.settings import schedule

pytestmark = pytest.mark.all_tries


def rows_of(n=120, d=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.linspace(2, 0.5, d) + rng.integers(0, 3, (n, 1)) * 4


def badness(som, X, radius_end=0.7):
    """Quantization error, raised by the topographic error as far as the radius keeps order."""
    te = measures.topographic_error(som.map_, X)
    return measures.quantization_error(som.map_, X) * (1 + min(1.0, radius_end) * te)


@pytest.mark.parametrize("lattice", ["hexagonal", "rectangular"])
def test_kept_is_the_best_of_the_radii_and_the_shuffled_planes(lattice):
    X = rows_of()
    shape = {"n_rows": 6, "n_cols": 16, "lattice": lattice}
    as_batch = {**shape, "algorithm": "batch", "tol": 0}
    plane = SOM(
        **shape, radius_start=1e-3, radius_end=1e-3, n_epochs=1, callbacks=[TimeLimit(1e-9)]
    )
    plane = _start_of(plane, X)
    alone = []
    for number in range(16):
        start = plane[np.random.default_rng(number).permutation(96)] if number > 2 else plane
        radius = (4.0, 8.0, 2.0)[number] if number < 3 else (4.0, 8.0)[number % 2]
        radii = np.append(schedule("geometric", radius, 0.7, 40), np.full(10, 0.7))
        som = SOM(**as_batch, init=start, radius_decay=radii).fit(X)
        alone.append((badness(som, X), number, radius, som.codebook_))
    best = min(alone)
    som = SOM(**shape, tol=0).fit(X)
    assert badness(som, X) == pytest.approx(best[0], rel=1e-12)
    np.testing.assert_allclose(som.codebook_, best[3], rtol=0, atol=1e-9)
    assert som.map_.parameters["radius_start"] == best[2]
    assert som.map_.parameters["n_init"] == 16
    assert len({round(found[0], 9) for found in alone}) > 5  # the starts do differ


def _start_of(som, X):
    """The codebook that a PCA start has: the one that the first epoch's winners come from."""
    seen = []
    original = _several.train

    def spy(problem, codebook, *rest):
        seen.append(codebook)
        return original(problem, codebook, *rest)

    _several.train = spy
    try:
        som.fit(X)
    finally:
        _several.train = original
    return seen[0]


@pytest.mark.parametrize("init", ["sample", "random"])
def test_other_starts_are_drawn_anew(init):
    X = rows_of(seed=2)
    soms = [SOM(4, 6, init=init, n_init=n, random_state=1).fit(X) for n in (1, 8)]
    assert badness(soms[1], X) <= badness(soms[0], X)
    again = SOM(4, 6, init=init, n_init=8, random_state=1).fit(X)
    np.testing.assert_array_equal(soms[1].codebook_, again.codebook_)


def test_history_is_that_of_the_map_that_is_kept():
    X = rows_of()
    som = SOM(4, 5).fit(X)
    assert len(som.history_["radius"]) == som.n_iter_ <= 50
    assert som.history_["radius"][0] == som.map_.parameters["radius_start"]


def test_a_callback_ends_the_search():
    X, seen = rows_of(), []
    SOM(4, 5, callbacks=[lambda progress: seen.append(progress) or len(seen) == 60]).fit(X)
    assert len(seen) == 60  # in the second of sixteen runs of some 45 epochs


def test_a_start_that_is_given_is_one():
    X = rows_of()
    with rejected(ValueError, parameter="n_init", value=3):
        SOM(4, 5, init=X[:20], n_init=3).fit(X)
    for wrong in (0, 1.5, "some"):
        with rejected((ValueError, TypeError), parameter="n_init"):
            SOM(4, 5, n_init=wrong).fit(X)
