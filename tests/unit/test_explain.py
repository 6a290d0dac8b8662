"""What a fit says about its choices is what it did."""

import numpy as np
import pytest

from somscape import SOM, Graph


def rows_of(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.linspace(2, 0.5, d)


def test_all_that_was_auto_is_explained_and_nothing_else():
    som = SOM().fit(rows_of())
    assert set(som.explain_defaults_) == {
        "n_rows, n_cols", "algorithm", "n_init", "n_epochs", "radius_start", "radius_end"
    }  # fmt: skip
    given = SOM(4, 5, algorithm="batch", n_epochs=3, radius_start=2, radius_end=1).fit(rows_of())
    assert given.explain_defaults_ == {}


@pytest.mark.parametrize(
    "settings",
    [
        {"n_rows": 4, "n_cols": 5},
        {"n_rows": 40, "n_cols": 40, "init": rows_of(1600)},
        {"n_rows": 20, "n_cols": 20, "radius_start": 1.0},
        {"n_rows": 20, "n_cols": 20, "radius_decay": "constant", "n_epochs": 2},
        {"lattice": Graph(np.roll(np.eye(12), 1, 0) + np.roll(np.eye(12), -1, 0))},
    ],
)
def test_maps_that_cannot_grow_are_batch_training_and_it_is_explained(settings):
    X = rows_of(2000)
    som = SOM(algorithm="multires", **settings).fit(X)
    assert som.map_.parameters["algorithm"] == "batch"
    assert "algorithm" in som.explain_defaults_
    same = SOM(algorithm="batch", **settings).fit(X)
    np.testing.assert_array_equal(som.codebook_, same.codebook_)


def test_growing_maps_keep_the_radius_given_and_tell_radii_in_steps_of_the_whole_map():
    X = rows_of(3000)
    som = SOM(32, 32, algorithm="multires", radius_start=12.0, random_state=0).fit(X)
    radii, units = som.history_["radius"], som.history_["n_units"]
    assert som.map_.parameters["radius_start"] == 12.0
    assert radii[0] == 12.0
    assert (np.diff(radii) <= 1e-12).all()
    assert units[0] < units[-1] == 1024
    # Coarse maps reach no further down than 0.7 of their steps: those of 4 and more are left out.
    low = SOM(32, 32, algorithm="multires", radius_start=2.0, random_state=0).fit(X)
    assert low.history_["radius"][0] == 2.0
    assert low.history_["n_units"].min() == 256
