"""Arrays of a file in fewer bytes: the same values when they are read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from somscape import SOMDetector, load
from somscape.maps.record import packed, unpacked


def symmetric(n):
    half = np.random.default_rng(n).integers(-(2**16), 2**16, size=(n, n)) / 2**14
    return np.triu(half) + np.triu(half, 1).T


@pytest.mark.parametrize("n", [1, 2, 3, 40])
def test_of_a_symmetric_matrix_the_upper_triangle_is_written(n):
    name = "members.3.decorrelation.matrix"
    written = packed({name: symmetric(n)})
    assert written[name].shape == (n * (n + 1) // 2,)
    assert written[name].dtype == np.float32
    read = unpacked(written)[name]
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read, symmetric(n))


def test_a_length_of_no_triangle_is_left_to_the_check_of_shapes():
    assert unpacked({"decorrelation.matrix": np.zeros(5)})["decorrelation.matrix"].shape == (5,)


@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=2), elements=st.floats(allow_nan=False)))
def test_what_is_read_is_what_was_written(values):
    for name in ("rarity.x", "members.0.codebook", "decorrelation.matrix"):
        if name != "decorrelation.matrix" or values.ndim == 2:
            read = unpacked(packed({name: values}))[name]
            assert read.dtype == np.float64
            np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("n_features", [6, 300])
def test_a_detector_that_is_read_scores_the_same_bits(tmp_path, n_features):
    X = np.random.default_rng(0).normal(size=(60, n_features))
    detector = SOMDetector(random_state=0).fit(X).detector_
    detector.save(tmp_path / "a.som")
    read = load(tmp_path / "a.som")
    np.testing.assert_array_equal(read.scores(X), detector.scores(X))
    np.testing.assert_array_equal(read.contributions(X), detector.contributions(X))
    read.save(tmp_path / "b.som")
    assert (tmp_path / "a.som").read_bytes() == (tmp_path / "b.som").read_bytes()
    whole = read.of_all_rows
    for member in read.members:
        assert member.reach is whole.reach
        assert member.decorrelation.center is whole.decorrelation.center
    is_short = load_file(tmp_path / "a.som")["members.0.codebook"].dtype == np.float32
    assert is_short == (n_features > 256)
