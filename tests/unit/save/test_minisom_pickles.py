"""Pickled MiniSoms are read as MiniSom would answer, and nothing in a pickle runs."""

import os
import pickle
import re
import warnings
from collections import OrderedDict, defaultdict

import minisom
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import rejected

from somscape import load
from somscape.errors import InputError, SomscapeWarning
from somscape.save import read_minisom
from somscape.save._minisom import PickledObject, array_of, number_of, read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def minisom_of(n_x=4, n_y=3, **options):
    som = minisom.MiniSom(n_x, n_y, 3, sigma=1.5, random_seed=1, **options)
    som.train(rows_of(), 50)
    return som


def rows_of(n=50):
    return np.random.default_rng(0).normal(size=(n, 3))


def read(folder, value, protocol=4):
    path = folder / "som.p"
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol=protocol))
    with pytest.warns(SomscapeWarning, match=r"som\.p is a pickle\."):
        return load(path)


def refusal(folder, value):
    path = folder / "som.p"
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError) as caught:
            read_minisom(path)
    assert str(caught.value).startswith("som.p")
    return str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
def test_winners_are_minisoms_by_any_protocol(tmp_path, topology, protocol):
    som = minisom_of(topology=topology)
    map_ = read(tmp_path, som, protocol)
    assert (map_.lattice.n_rows, map_.lattice.n_cols, map_.lattice.kind) == (3, 4, topology)
    rows, cols = map_.lattice.rows_and_cols(map_.winners(rows_of()))
    assert [som.winner(x) for x in rows_of()] == list(zip(cols, 2 - rows, strict=True))
    assert map_.parameters == {
        "program": "MiniSom",
        "sigma": 1.5,
        "learning_rate": 0.5,
        "neighborhood": "gaussian",
    }


@pytest.mark.parametrize(("n_x", "n_y"), [(4, 3), (3, 4), (5, 5), (2, 6)])
def test_hexagons_lie_as_far_apart_as_minisoms(tmp_path, n_x, n_y):
    # MiniSom shifts every second row from the last; a row moved would part neighbors.
    som = minisom_of(n_x, n_y, topology="hexagonal")
    map_ = read(tmp_path, som)
    x, y = som.get_euclidean_coordinates()
    rows, cols = map_.lattice.rows_and_cols(np.arange(n_x * n_y))
    theirs = np.column_stack([x[cols, n_y - 1 - rows], y[cols, n_y - 1 - rows]])
    for unit in range(n_x * n_y):
        apart = np.sqrt(((theirs - theirs[unit]) ** 2).sum(axis=1))
        np.testing.assert_allclose(map_.lattice.distances_from(unit), apart, rtol=1e-12)


@pytest.mark.parametrize("name", ["manhattan", "cosine", "chebyshev"])
def test_the_distance_is_minisoms(tmp_path, name):
    map_ = read(tmp_path, minisom_of(activation_distance=name))
    assert map_.metric.name == name


def _own_distance(x, w):
    return np.abs(x - w).sum(axis=-1)


def test_a_distance_of_its_own_is_said_to_be_lost(tmp_path):
    path = tmp_path / "som.p"
    path.write_bytes(pickle.dumps(minisom_of(activation_distance=_own_distance)))
    with pytest.warns(SomscapeWarning) as caught:
        assert load(path).metric.name == "euclidean"
    assert any("a custom distance function" in str(w.message) for w in caught)


def test_float32_and_fortran_weights_are_read(tmp_path):
    som = minisom_of()
    expected = read(tmp_path, som).codebook
    som._weights = np.asfortranarray(som._weights)
    np.testing.assert_array_equal(read(tmp_path, som).codebook, expected)
    som._weights = som._weights.astype(">f4")
    np.testing.assert_array_equal(read(tmp_path, som).codebook, expected.astype(np.float32))


class Evil:
    """What pickle.load would run."""

    def __reduce__(self):
        return (os.system, ("touch run-by-pickle",))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    som = minisom_of()
    som.evil = [Evil(), {"a": Evil()}]
    assert read(tmp_path, som, protocol).n_units == 12
    message = refusal(tmp_path, Evil())
    assert f"som.p contains {os.name}.system, not a minisom.MiniSom" in message
    assert not (tmp_path / "run-by-pickle").exists()
    pickle.loads(pickle.dumps(Evil()))
    assert (tmp_path / "run-by-pickle").exists()  # the test would see it


@pytest.mark.parametrize(
    "value", [3, None, "minisom", [1, 2], {"_weights": 1}, np.zeros((2, 2, 2)), OrderedDict(a=1)]
)
def test_other_pickles_are_refused(tmp_path, value):
    assert "not a minisom.MiniSom" in refusal(tmp_path, value)


def test_minisoms_that_cannot_be_maps_are_refused(tmp_path):
    for weights in (None, np.zeros((3, 4)), np.zeros((2, 0, 3)), np.zeros((2, 2, 2), int), "abc"):
        som = minisom_of()
        som._weights = weights
        assert "weights of the MiniSom must be numbers of shape (x, y, features)" in refusal(
            tmp_path, som
        )
    som = minisom_of()
    som._weights[0, 0, 0] = np.nan
    assert "not finite numbers" in refusal(tmp_path, som)
    som = minisom_of()
    som.topology = "cubic"
    assert "an unknown topology" in refusal(tmp_path, som)
    som._weights = np.array([[["a"]]], dtype=object)
    assert "values that are not numbers" in refusal(tmp_path, som)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x80\x04",
        b"\x80\x04.",
        b"\x80\x04\x94.",
        b"\x80\x04t.",
        b"(.",
        b"\x80\x04h\x07.",
        # A length of 2^40 bytes, and a memo at place 2^32 - 1: pickle itself would allocate both.
        b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"abc.",
        b"\x80\x04Nr\xff\xff\xff\xff.",
        b"\x80\x02cos\nsystem\n.",
        b"\x80\x02cos\nsystem\nN\x85N\x81.",
        b"\x80\x02P1\n.",
        b"\x80\x02N\x51.",
        b"\x80\x05\x97.",
        b"\x80\x02\x82\x01.",
        b"I" + b"9" * 5000 + b"\n.",
        b"(K\x01K\x02K\x03d.",
        b"K\x01K\x02a.",
        b"K\x01K\x02K\x03s.",
        b"K\x01K\x02b.",
        b"K\x01K\x02\x93.",
        b"\x80\x02" + b"".join(b"ca\nb%d\n0" % i for i in range(200)) + b"N.",
        b"\x80\x02})" + b"\x85" * 20_000 + b"Ns.",  # hashing it would end the process
    ],
)
def test_what_is_no_whole_pickle_is_refused(tmp_path, content):
    # Bytes of other values let the budget of memory suffice.
    said = refusal(tmp_path, content + bytes(1_000_000))
    assert re.search(r"wrote from a MiniSom\.$|Pickle the MiniSom object itself\.$", said)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda values: (
        st.lists(values) | st.tuples(values, values) | st.dictionaries(st.text(), values)
    ),
)


@given(value=PLAIN, protocol=st.sampled_from(PROTOCOLS))
def test_plain_values_come_out_as_pickle_reads_them(value, protocol):
    # Protocols below 3 write bytes as a call, which is not made.
    written = pickle.dumps(value, protocol)
    if protocol < 3 and (b"_codecs" in written or b"__builtin__" in written):
        return
    assert read_pickle(written) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_shared_and_circular_values_keep_their_shape(protocol):
    shared = [1]
    assert read_pickle(pickle.dumps([shared, shared], protocol)) == [[1], [1]]
    circle = []
    circle.append(circle)
    read = read_pickle(pickle.dumps(circle, protocol))
    assert read[0] is read


def test_sets_and_mappings_of_other_classes_are_inert():
    assert sorted(read_pickle(pickle.dumps({1, 2}))) == [1, 2]
    assert sorted(read_pickle(pickle.dumps(frozenset({1, 2})))) == [1, 2]
    counts = read_pickle(pickle.dumps(defaultdict(list, a=[1])))
    assert isinstance(counts, PickledObject)
    assert counts.at == "collections.defaultdict"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i8", "|i1"])
def test_arrays_and_numbers_are_read(protocol, dtype):
    values = np.arange(-3, 9).reshape(3, 4).astype(dtype)
    for array in (values, np.asfortranarray(values), values[:, ::2], values[:0]):
        read = array_of(read_pickle(pickle.dumps(array, protocol)))
        np.testing.assert_array_equal(read, array)
    assert number_of(read_pickle(pickle.dumps(values[1, 2], protocol))) == values[1, 2]
    assert number_of(read_pickle(pickle.dumps(2.5, protocol))) == 2.5
    assert number_of(read_pickle(pickle.dumps(np.float64("nan"), protocol))) is None


def test_an_array_whose_bytes_do_not_fit_is_refused():
    content = pickle.dumps(np.zeros((3, 4)), protocol=2)
    assert content.count(b"K\x03K\x04") == 1
    with rejected(ValueError):
        array_of(read_pickle(content.replace(b"K\x03K\x04", b"K\x03K\x55")))
    with rejected(ValueError):
        array_of(read_pickle(content.replace(b"K\x03K\x04", b"K\x03J\xff\xff\xff\xff")))


class Ours(minisom.MiniSom):
    """A project's own class."""


def test_a_subclass_is_read_where_it_is_named(tmp_path):
    som = Ours(4, 3, 3, random_seed=0)
    path = tmp_path / "som.p"
    path.write_bytes(pickle.dumps(som))
    name = f"{Ours.__module__}.Ours"
    assert f"subclass='{name}'" in refusal(tmp_path, path.read_bytes())
    with pytest.warns(SomscapeWarning):
        map_ = read_minisom(path, subclass=name)
    assert map_.n_units == 12
    with pytest.raises(InputError):
        read_minisom(path, subclass="Ours")
