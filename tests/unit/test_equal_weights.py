"""Weights that are all the same say nothing: the map has the bits of the map without them."""

import numpy as np
import pytest

from somscape import SOM, SOMDetector

ROWS = np.random.default_rng(3).normal(size=(150, 3))
WEIGHTS = [1, 0.5, 0.3, 1e6]


def fitted(weight=None, **settings):
    weights = None if weight is None else np.full(len(ROWS), float(weight))
    return SOM(5, 6, random_state=0, **settings).fit(ROWS, sample_weight=weights)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize(
    "settings",
    [
        {"algorithm": "batch"},
        {"algorithm": "multires"},
        {"algorithm": "online"},
        {"init": "sample"},
        {"metric": "mahalanobis"},
        {"metric": "cosine", "init": "random"},
    ],
)
def test_equal_weights_change_no_bit_of_a_map(settings, weight):
    # The final radius follows how many rows there are, which weights of up to 1000 say.
    settings = {"radius_start": 2.0, "radius_end": 0.7, **settings}
    plain, found = fitted(**settings), fitted(weight, **settings)
    np.testing.assert_array_equal(found.codebook_, plain.codebook_)
    np.testing.assert_array_equal(
        found.history_["quantization_error"], plain.history_["quantization_error"]
    )
    np.testing.assert_allclose(found.map_.hits, plain.map_.hits * weight, rtol=1e-9)


@pytest.mark.parametrize("algorithm", ["online", "batch"])
def test_rows_of_equal_weight_are_drawn_as_rows_without_any(algorithm):
    settings = {"algorithm": algorithm, "init": "sample", "radius_start": 2.0, "radius_end": 0.7}
    np.testing.assert_array_equal(fitted(2, **settings).codebook_, fitted(**settings).codebook_)


@pytest.mark.parametrize("weight", [0.5, 3, 1e6])
def test_a_stream_goes_on_with_equal_weights_as_without_them(weight):
    settings = {"radius_start": 2.0, "radius_end": 0.7}
    plain, found = fitted(**settings), fitted(weight, **settings)
    more = ROWS[:40] + 2
    plain.partial_fit(more)
    found.partial_fit(more, sample_weight=np.full(40, float(weight)))
    np.testing.assert_allclose(found.codebook_, plain.codebook_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.map_.hits, plain.map_.hits * weight, rtol=1e-9)


@pytest.mark.parametrize("weight", [0.5, 1e6])
def test_equal_weights_change_no_bit_of_a_detectors_map(weight):
    som = SOM(5, 6, radius_start=2.0, radius_end=0.7)
    plain, found = (
        SOMDetector(som=som, random_state=0).fit(ROWS, sample_weight=w)
        for w in (None, np.full(len(ROWS), float(weight)))
    )
    np.testing.assert_array_equal(found.map_.codebook, plain.map_.codebook)
