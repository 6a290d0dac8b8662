"""Rows on a device: the array API standard's strict library has devices that are none."""

import array_api_strict as xp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from on_any_device import OnAnyDevice, assert_nearest, rows_of, small
from texts import rejected

from somscape.estimators import _elsewhere as _libraries
from somscape.estimators._intake import take
from somscape.kernels._select import kernels_for
from somscape.kernels._sparse import Device, DeviceArray

AWAY, HERE = xp.Device("device1"), xp.Device("CPU_DEVICE")


def put(values):
    return xp.asarray(values, device=AWAY)


class TestStrictDevice(OnAnyDevice):
    """The standard, and nothing but the standard."""

    label = "array_api_strict/device1"

    def put(self, values):
        return put(values)

    def get(self, array):
        return np.asarray(array.to_device(HERE))

    def is_there(self, array):
        return array.device == AWAY


@given(
    st.integers(0, 1 << 20),
    st.sampled_from([np.float32, np.float64]),
    st.floats(-1e4, 1e4),
    st.integers(-40, 40),
)
def test_units_are_nearest_for_any_offset_and_scale(seed, dtype, offset, exponent):
    rng = np.random.default_rng(seed)
    X = np.ldexp(rng.normal(size=(60, 4)) + offset, exponent).astype(dtype)
    codebook = X[rng.choice(60, 9, replace=False)].astype(np.float64)
    rows = take(put(X), "X", (DeviceArray,)).data
    assert_nearest(np.asarray(kernels_for(rows).winners(rows, codebook))[:, 0], X, codebook)


def test_a_copy_of_rows_on_a_device_is_one():
    X = rows_of(20)
    held = DeviceArray(X, Device(np, "cpu", "here", lambda array: array, np.matmul))
    assert np.shares_memory(np.asarray(held), X)
    assert not np.shares_memory(np.array(held), X)
    assert not np.shares_memory(held.__array__(np.float64, copy=True), X)


def test_rows_and_weights_may_lie_on_different_devices():
    X, w = rows_of(200), np.arange(1.0, 201.0)
    som = small(3, 4).fit(put(X), sample_weight=xp.asarray(w, device=xp.Device("device2")))
    same = small(3, 4).fit(X, sample_weight=xp.asarray(w))
    np.testing.assert_array_equal(som.map_.codebook, same.codebook_)
    assert som.codebook_.device == AWAY
    assert type(same.codebook_) is np.ndarray


def test_an_array_in_memory_is_not_copied_and_partial_fit_gives_its_kind_back():
    X = xp.asarray(rows_of(200))
    assert np.shares_memory(take(X, "X").data, np.asarray(X))
    som = small(3, 4).partial_fit(X)
    for _ in range(2):
        assert type(som.labels_) is type(som.codebook_) is type(X)
        som.partial_fit(X)
    assert som.score(X) == som.score(np.asarray(X))


def test_a_library_that_the_standard_does_not_reach_needs_scikit_learns_copy(monkeypatch):
    import sys

    class Bare:
        dtype = "torch.float32"

    monkeypatch.setitem(sys.modules, "sklearn.externals.array_api_compat", None)
    with rejected(parameter="X"):
        _libraries._namespace(Bare(), "torch")
