"""What a fit says about its choices is what it did."""

import numpy as np
import pytest

from somscape import SOM, Graph
from somscape.callbacks import TimeLimit


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


def test_batch_training_is_explained():
    said = SOM(4, 5, init="random", random_state=0).fit(rows_of()).explain_defaults_
    assert said["algorithm"] == "batch: an epoch on all rows takes little time."
    assert said["radius_start"].startswith("2.5 grid steps: half of the longest side, because")
    assert "was 40 passes while the radius shrinks and up to 10 more" in said["n_epochs"]
    assert said["radius_end"].startswith("0.7 grid steps: the usual value. Smaller radii")


def test_growing_maps_are_explained():
    som = SOM(40, 40, callbacks=[TimeLimit(1e-9)]).fit(rows_of(260_000, 5))
    said = som.explain_defaults_
    assert said["radius_start"].startswith("10 grid steps: a quarter of the longest side")
    assert said["algorithm"].startswith("multires: one epoch of the full map takes long")
    assert "1 passes, the last 4 on the full map (time limit reached)." in said["n_epochs"]


def test_slow_annealing_is_explained():
    said = SOM(40, 60, callbacks=[TimeLimit(1e-9)]).fit(rows_of(6000, 20))
    said = said.explain_defaults_
    assert said["algorithm"].startswith("multires: several starts would take long")
    assert said["algorithm"].endswith("trained first, on all rows.")
    assert "n_init" not in said
    assert "1 passes, the last 60 on the full map (time limit reached)." in said["n_epochs"]


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
def test_maps_that_cannot_grow_are_batch_training_and_say_so(settings):
    X = rows_of(2000)
    som = SOM(algorithm="multires", **settings).fit(X)
    assert som.map_.parameters["algorithm"] == "batch"
    assert som.explain_defaults_["algorithm"].startswith(
        "batch: smaller maps are trained first only"
    )
    same = SOM(algorithm="batch", **settings).fit(X)
    np.testing.assert_array_equal(som.codebook_, same.codebook_)


def test_rows_are_counted_by_their_weight():
    said = SOM().fit(rows_of(100), sample_weight=np.full(100, 3.0)).explain_defaults_
    assert "for rows with a total weight of 300 (Vesanto's rule)" in said["n_rows, n_cols"]


def test_going_on_from_a_map_is_explained():
    som = SOM(5, 6, warm_start=True).fit(rows_of())
    for other in (som.fit(rows_of()), SOM(init=som.map_).fit(rows_of())):
        said = other.explain_defaults_
        assert said["radius_start"].startswith("0.7 grid steps: the last radius of the map")
        assert said["radius_end"].startswith("0.7 grid steps: the final radius of the map")
        assert "of up to 50 passes, all at one radius" in said["n_epochs"]
        assert said["algorithm"] == "batch: every epoch uses all rows, because the start was given."
    assert "n_rows, n_cols" not in som.explain_defaults_  # they were given
    assert said["n_rows, n_cols"] == "5 x 6 units, as in the map from which training starts."


def test_limits_of_the_radius_are_explained():
    said = SOM(3, 4, n_init=1).fit(rows_of()).explain_defaults_
    assert said["radius_start"] == (
        "2 grid steps: the minimum, because a quarter of the longest side is less."
    )
    said = SOM(3, 4, radius_end=3.0).fit(rows_of()).explain_defaults_
    assert said["radius_start"] == "3 grid steps: equal to `radius_end`, which is larger."
    said = SOM(3, 4, radius_decay="constant").fit(rows_of()).explain_defaults_
    assert said["radius_end"] == (
        "2 grid steps: equal to `radius_start`, because `radius_decay` is 'constant'."
    )


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
