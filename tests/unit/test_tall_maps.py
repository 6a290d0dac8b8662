"""A map on its side is the same map: the longer side takes the first principal axis."""

import numpy as np
import pytest
from nightly import nightly
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import StandardScaler

from somscape import SOM, measures

LONG, SHORT = 20, 10


def rows_of(name):
    if name == "digits":
        return load_digits().data
    load = {"cancer": load_breast_cancer, "diabetes": load_diabetes}[name]
    return StandardScaler().fit_transform(load().data)


DATA = ["cancer", *nightly(["digits", "diabetes"])]


def tall_and_wide(X, **settings):
    return [SOM(*shape, **settings).fit(X) for shape in ((LONG, SHORT), (SHORT, LONG))]


def turned(som):
    """The codebook of a wide map by the units of the tall one."""
    by_place = som.codebook_.reshape(SHORT, LONG, -1)
    return by_place.transpose(1, 0, 2).reshape(LONG * SHORT, -1)


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"algorithm": "multires"},
        {"algorithm": "online", "random_state": 0, "n_epochs": 2},
        {"boundary": "torus", "n_epochs": 10},
    ],
)
def test_a_tall_rectangular_map_is_the_wide_one_turned(name, settings):
    tall, wide = tall_and_wide(rows_of(name), lattice="rectangular", n_init=1, **settings)
    # Smoothing goes along columns, then rows, so that sums round in another order.
    np.testing.assert_allclose(tall.codebook_, turned(wide), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        tall.history_["quantization_error"], wide.history_["quantization_error"], rtol=1e-12
    )


@pytest.mark.nightly
@pytest.mark.all_tries
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("lattice", ["rectangular", "hexagonal"])
def test_tall_maps_are_as_good_as_wide_ones(name, lattice):
    X = rows_of(name)
    tall, wide = tall_and_wide(X, lattice=lattice)
    errors = [measures.quantization_error(som.map_, X) for som in (tall, wide)]
    assert errors[0] == pytest.approx(errors[1], rel=0.02)
    folds = [measures.topographic_error(som.map_, X) for som in (tall, wide)]
    assert folds[0] == pytest.approx(folds[1], abs=0.02)
    assert max(folds) < 0.05
